//! Trajectories as HOOMD-blue writes them: GSD files with the schema `hoomd`.
//!
//! | chunk | what is made of it |
//! |---|---|
//! | `configuration/step`, `configuration/dimensions`, `configuration/box` | step, dimension, cell |
//! | `particles/N`, `particles/types`, `particles/typeid` | species, by the names of types |
//! | `particles/position`, `particles/image` | positions, moved by their images |
//! | `particles/velocity`, `particles/diameter` | velocities; diameters if the file has any |
//!
//! A chunk that a frame lacks is that of frame 0; if that lacks it too, it has the default of the schema. Images are
//! special: by default HOOMD-blue writes them with frame 0 only, so those of a later frame without images of its own
//! are uncertain ([`Wrapping::Unknown`]). Numbers are mostly 32-bit: positions have 7 digits.
//!
//! The index of all frames is held in memory (32 bytes a chunk), frames are read one by one. The file must be complete
//! and can be read in any order: no pipes.
//!
//! The reader is our own: `hoomd-gsd` on crates.io maps files into memory, so that one that is truncated meanwhile ends the
//! program, and depends on some seventy crates. Source: the specifications *File layer* (versions 1 and 2) and *HOOMD Schema* at
//! <https://gsd.readthedocs.io>.

mod error;
mod layer;

pub use error::GsdError;

use crate::cell::Cell;
use crate::files::extended_xyz::Labels;
use crate::files::frame::{TrajectoryFrame, Wrapping};
use crate::files::particles::Particles;
use crate::vector::{Matrix, Vector};
use layer::Layer;
use std::io::{Read, Seek};

/// The first bytes of every GSD file.
pub(crate) const MAGIC: [u8; 8] = layer::MAGIC.to_le_bytes();

/// A GSD file that was opened.
#[derive(Debug)]
pub struct Gsd<R> {
    layer: Layer<R>,
}

impl<R: Read + Seek> Gsd<R> {
    /// Reads header, names and index.
    ///
    /// # Errors
    /// A file that is not GSD of version 1 or 2, has another schema than `hoomd`, or is truncated.
    pub fn open(reader: R) -> Result<Self, GsdError> {
        let layer = Layer::open(reader)?;
        if layer.frames() == 0 {
            return Err(GsdError::Empty);
        }
        Ok(Self { layer })
    }

    /// The number of frames.
    pub fn len(&self) -> u64 {
        self.layer.frames()
    }

    /// Whether there are no frames; never true for a file that was opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of dimensions of frame 0, 2 or 3.
    ///
    /// # Errors
    /// A damaged file; another number.
    pub fn dimension(&mut self) -> Result<usize, GsdError> {
        match self.layer.scalar(0, "configuration/dimensions")? {
            None | Some(3) => Ok(3),
            Some(2) => Ok(2),
            Some(found) => Err(GsdError::Value {
                chunk: "configuration/dimensions",
                frame: 0,
                problem: format!("is {found} instead of 2 or 3"),
            }),
        }
    }

    /// The names of the types that particles of frame 0 have, in the order of the file.
    ///
    /// # Errors
    /// A damaged file.
    pub fn types(&mut self) -> Result<Vec<String>, GsdError> {
        let names = self.type_names(0)?;
        let particles = self.particles(0)?;
        let mut used = vec![false; names.len()];
        for index in self.type_indices(0, particles, names.len())? {
            used[index] = true;
        }
        let names = names.into_iter().zip(used);
        Ok(names
            .filter_map(|(name, used)| used.then_some(name))
            .collect())
    }

    /// The frames, one after the other, each read when it is asked for. The iterator ends at an error.
    ///
    /// Labels are the names of the types that are species 0, 1, ...
    pub fn frames<const D: usize>(self, labels: &Labels) -> Frames<R, D> {
        const { assert!(D == 2 || D == 3, "HOOMD-blue has two or three dimensions") };
        Frames {
            file: self,
            labels: labels.clone(),
            next: 0,
        }
    }

    fn particles(&mut self, frame: u64) -> Result<usize, GsdError> {
        let chunk = "particles/N";
        let problem = |problem: &str| GsdError::Value {
            chunk,
            frame,
            problem: problem.to_owned(),
        };
        match self.layer.scalar(frame, chunk)? {
            None | Some(0) => Err(problem("is 0: a frame needs at least one particle")),
            // A position takes 12 bytes.
            Some(particles) if particles > self.layer.length() / 12 => {
                Err(problem("is more than a file of this size can hold"))
            }
            Some(particles) => Ok(particles as usize),
        }
    }

    fn type_names(&mut self, frame: u64) -> Result<Vec<String>, GsdError> {
        let chunk = "particles/types";
        let Some((bytes, width)) = self.layer.texts(frame, chunk)? else {
            return Ok(vec!["A".to_owned()]);
        };
        let name = |bytes: &[u8]| {
            let end = bytes.iter().position(|&byte| byte == 0);
            let text = std::str::from_utf8(&bytes[..end.unwrap_or(bytes.len())]);
            text.map(str::to_owned).map_err(|_| GsdError::Value {
                chunk,
                frame,
                problem: "has a name that is not UTF-8".to_owned(),
            })
        };
        bytes.chunks(width.max(1)).map(name).collect()
    }

    fn type_indices(
        &mut self,
        frame: u64,
        particles: usize,
        types: usize,
    ) -> Result<Vec<usize>, GsdError> {
        let chunk = "particles/typeid";
        let Some(indices) = self.layer.integers::<1>(frame, chunk, particles)? else {
            return Ok(vec![0; particles]);
        };
        let index = |(particle, [index]): (usize, [i64; 1])| {
            let index = usize::try_from(index).ok().filter(|&index| index < types);
            index.ok_or_else(|| GsdError::Value {
                chunk,
                frame,
                problem: format!("has no name for the type of particle {particle} among {types}"),
            })
        };
        indices.into_iter().enumerate().map(index).collect()
    }

    fn cell<const D: usize>(&mut self, frame: u64) -> Result<Cell<D>, GsdError> {
        let chunk = "configuration/box";
        let found = self.layer.numbers::<1>(frame, chunk, 6)?;
        let Some(found) = found else {
            return Err(GsdError::Value {
                chunk,
                frame,
                problem: "is missing".to_owned(),
            });
        };
        let [x, y, z, xy, xz, yz] = std::array::from_fn(|k| found[k][0]);
        if D == 2 && (xz, yz) != (0.0, 0.0) {
            return Err(GsdError::Value {
                chunk,
                frame,
                problem: format!("has tilts xz = {xz}, yz = {yz}, which are 0 in 2 dimensions"),
            });
        }
        // HOOMD-blue: a1 = (Lx, 0, 0), a2 = (xy Ly, Ly, 0), a3 = (xz Lz, yz Lz, Lz).
        let all = [[x, 0.0, 0.0], [xy * y, y, 0.0], [xz * z, yz * z, z]];
        let vectors: Matrix<D> = std::array::from_fn(|k| std::array::from_fn(|l| all[k][l]));
        Cell::triclinic(vectors).map_err(|source| GsdError::Cell { frame, source })
    }

    /// `None` where the file has none.
    fn vectors<const D: usize>(
        &mut self,
        frame: u64,
        chunk: &'static str,
        particles: usize,
    ) -> Result<Option<Vec<Vector<D>>>, GsdError> {
        let found = self.layer.numbers::<3>(frame, chunk, particles)?;
        let flat = |v: [f64; 3]| std::array::from_fn(|k| v[k]);
        Ok(found.map(|vectors| vectors.into_iter().map(flat).collect()))
    }

    fn read<const D: usize>(
        &mut self,
        frame: u64,
        labels: &Labels,
    ) -> Result<TrajectoryFrame<D>, GsdError> {
        let particles = self.particles(frame)?;
        let cell = self.cell::<D>(frame)?;
        let names = self.type_names(frame)?;
        let indices = self.type_indices(frame, particles, names.len())?;
        let first = &names[indices[0]];
        let species = indices.iter().map(|&index| {
            let species = labels.species(&names[index], first);
            species.map_err(|known| GsdError::UnknownType {
                label: names[index].clone(),
                known,
                frame,
            })
        });
        let species = species.collect::<Result<_, _>>()?;
        let positions = self.vectors::<D>(frame, "particles/position", particles)?;
        let mut positions = positions.ok_or_else(|| GsdError::Value {
            chunk: "particles/position",
            frame,
            problem: "is missing".to_owned(),
        })?;
        let images = self
            .layer
            .integers::<3>(frame, "particles/image", particles)?;
        for (position, image) in positions.iter_mut().zip(images.into_iter().flatten()) {
            let shift = cell.cartesian(&std::array::from_fn(|k| image[k] as f64));
            *position = std::array::from_fn(|k| position[k] + shift[k]);
        }
        let velocities = self.vectors::<D>(frame, "particles/velocity", particles)?;
        let diameters = self
            .layer
            .numbers::<1>(frame, "particles/diameter", particles)?;
        let diameters = diameters.unwrap_or_default();
        let rows = Particles {
            identifiers: Vec::new(),
            species,
            positions,
            velocities: velocities.unwrap_or_default(),
            diameters: diameters.into_iter().map(|[diameter]| diameter).collect(),
        };
        let finished = rows.finish(cell);
        let (configuration, velocities, _) =
            finished.map_err(|source| GsdError::Configuration { frame, source })?;
        let known = frame == 0 || self.layer.has(frame, "particles/image");
        Ok(TrajectoryFrame {
            configuration,
            velocities,
            // Particles are in the order of their tags: the tag is the place.
            identifiers: None,
            step: Some(self.layer.scalar(frame, "configuration/step")?.unwrap_or(0)),
            time: None,
            wrapping: if known {
                Wrapping::Unwrapped
            } else {
                Wrapping::Unknown
            },
        })
    }
}

/// The iterator of [`Gsd::frames`].
#[derive(Debug)]
pub struct Frames<R, const D: usize> {
    file: Gsd<R>,
    labels: Labels,
    next: u64,
}

impl<R: Read + Seek, const D: usize> Iterator for Frames<R, D> {
    type Item = Result<TrajectoryFrame<D>, GsdError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.file.len() {
            return None;
        }
        let frame = self.file.read(self.next, &self.labels);
        self.next = if frame.is_ok() {
            self.next + 1
        } else {
            u64::MAX
        };
        Some(frame)
    }
}

#[cfg(test)]
mod tests;
