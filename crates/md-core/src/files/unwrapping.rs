//! Positions that were folded back into the cell, followed from frame to frame.
//!
//! Dynamics need displacements, but many codes write positions inside the cell. If no particle moves by half the cell
//! between two frames, each is where the nearest image of its position is to where it was before. The displacement of
//! a particle has components `f_k` in units of the lattice vectors; `f_k h_k` is how far it goes between the opposite
//! faces `k`, at a distance `h_k`. So the image with all `|f_k| < 1/2` is the right one for any particle that moves less
//! than half the smallest `h_k`, in any cell. Whether one moved farther cannot be known, but motion that goes on to
//! half the cell is not without some between [`LIMIT`] and 1/2: those are refused.

use crate::cell::Cell;
use crate::files::frame::{TrajectoryFrame, Wrapping};
use crate::vector::{Matrix, Vector, subtract};
use thiserror::Error;

/// The largest displacement between frames, over the distance of opposite faces, that is trusted: 0.4.
pub const LIMIT: f64 = 0.4;

/// Makes the frames of a trajectory continuous: particles leave the cell instead of coming back on the other side.
///
/// Takes one frame after the other, and keeps the last.
///
/// ```
/// use vitreous_md_core::files::unwrapping::Unwrapper;
/// use vitreous_md_core::files::frame::{TrajectoryFrame, Wrapping};
/// use vitreous_md_core::{Cell, Configuration, Species};
///
/// let mut unwrapper = Unwrapper::new();
/// let cell = Cell::orthorhombic([10.0, 10.0])?;
/// let mut seen = Vec::new();
/// for x in [8.0, 9.5, 1.0, 9.0] {
///     let configuration = Configuration::new(cell, vec![[x, 5.0]], vec![Species(0)])?;
///     let mut frame = TrajectoryFrame { wrapping: Wrapping::Wrapped, ..configuration.into() };
///     unwrapper.unwrap(&mut frame)?;
///     seen.push(frame.configuration.positions()[0][0]);
/// }
/// assert_eq!(seen, [8.0, 9.5, 11.0, 9.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Unwrapper<const D: usize> {
    frames: usize,
    last: Option<Last<D>>,
}

#[derive(Clone, Debug)]
struct Last<const D: usize> {
    cell: Cell<D>,
    positions: Vec<Vector<D>>,
    identifiers: Option<Vec<i64>>,
}

/// Why a frame does not continue the one before.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum UnwrapError {
    /// Another number of particles.
    #[error(
        "frame {frame} (from 0) has {found} particles instead of {expected}: displacements need the same particles in every frame"
    )]
    ParticleCount {
        /// The frame, from 0.
        frame: usize,
        /// The number of particles.
        found: usize,
        /// That of the frame before.
        expected: usize,
    },
    /// Other particles.
    #[error(
        "frame {frame} (from 0) has a particle of id {found} where the one before has {expected}: displacements need the same particles in every frame"
    )]
    Identifier {
        /// The frame, from 0.
        frame: usize,
        /// The identifier.
        found: i64,
        /// That of the frame before.
        expected: i64,
    },
    /// Another cell.
    #[error(
        "frame {frame} (from 0) has the lattice vectors {found} instead of {expected}: displacements need a cell that stays the same"
    )]
    Cell {
        /// The frame, from 0.
        frame: usize,
        /// The lattice vectors.
        found: String,
        /// Those of the frame before.
        expected: String,
    },
    /// A particle went so far that it may as well have gone the other way around the cell.
    #[error(
        "particle {particle} ({}) moves by {displacement:.3} of the cell along lattice vector {vector} between frames {} and {frame} (from 0): positions that are wrapped into the cell can be followed up to {LIMIT}; give frames that are closer in time, or positions that are unwrapped (they span {span:.2} cells here)",
        named(*identifier), .frame - 1
    )]
    TooFar {
        /// The frame, from 0.
        frame: usize,
        /// The particle, from 0, in the order of identifiers if there are any.
        particle: usize,
        /// Its identifier in the file.
        identifier: Option<i64>,
        /// The number of the lattice vector, from 1.
        vector: usize,
        /// The displacement along it to the nearest image, over its length.
        displacement: f64,
        /// How far apart the positions of the frame are in the file, along the same and over its length: hardly more
        /// than 1 if they are wrapped.
        span: f64,
    },
}

fn named(identifier: Option<i64>) -> String {
    identifier.map_or("counted from 0".to_owned(), |id| format!("id {id}"))
}

impl<const D: usize> Unwrapper<D> {
    /// Before the first frame.
    pub fn new() -> Self {
        Self {
            frames: 0,
            last: None,
        }
    }

    /// Moves the particles of a frame by lattice translations to where they are nearest to those of the frame before.
    ///
    /// Frames whose positions are [unwrapped](Wrapping::Unwrapped) stay as they are. After an error nothing has changed.
    ///
    /// # Errors
    /// Other particles or another cell than in the frame before; a displacement beyond [`LIMIT`].
    pub fn unwrap(&mut self, frame: &mut TrajectoryFrame<D>) -> Result<(), UnwrapError> {
        let cell = *frame.configuration.cell();
        if let Some(last) = &self.last {
            self.check(last, frame)?;
            if frame.wrapping != Wrapping::Unwrapped {
                let shifts = self.shifts(last, frame)?;
                for (position, shift) in frame.configuration.positions_mut().iter_mut().zip(shifts)
                {
                    *position = std::array::from_fn(|k| position[k] + shift[k]);
                }
            }
        }
        self.frames += 1;
        self.last = Some(Last {
            cell,
            positions: frame.configuration.positions().to_vec(),
            identifiers: frame.identifiers.clone(),
        });
        frame.wrapping = Wrapping::Unwrapped;
        Ok(())
    }

    fn check(&self, last: &Last<D>, frame: &TrajectoryFrame<D>) -> Result<(), UnwrapError> {
        let index = self.frames;
        let (found, expected) = (frame.configuration.len(), last.positions.len());
        if found != expected {
            return Err(UnwrapError::ParticleCount {
                frame: index,
                found,
                expected,
            });
        }
        if let (Some(now), Some(before)) = (&frame.identifiers, &last.identifiers) {
            let mut pairs = now.iter().zip(before);
            if let Some((&found, &expected)) = pairs.find(|(now, before)| now != before) {
                return Err(UnwrapError::Identifier {
                    frame: index,
                    found,
                    expected,
                });
            }
        }
        let cell = frame.configuration.cell();
        if *cell != last.cell {
            let text = |vectors: &Matrix<D>| format!("{vectors:?}");
            return Err(UnwrapError::Cell {
                frame: index,
                found: text(cell.vectors()),
                expected: text(last.cell.vectors()),
            });
        }
        Ok(())
    }

    /// The lattice translation of each particle.
    fn shifts(
        &self,
        last: &Last<D>,
        frame: &TrajectoryFrame<D>,
    ) -> Result<Vec<Vector<D>>, UnwrapError> {
        let positions = frame.configuration.positions();
        let shift = |(particle, (now, before)): (usize, (&Vector<D>, &Vector<D>))| {
            let fractional = last.cell.fractional(&subtract(now, before));
            let whole = fractional.map(f64::round);
            for k in 0..D {
                let displacement = (fractional[k] - whole[k]).abs();
                if displacement > LIMIT {
                    return Err(UnwrapError::TooFar {
                        frame: self.frames,
                        particle,
                        identifier: frame.identifiers.as_ref().map(|ids| ids[particle]),
                        vector: k + 1,
                        displacement,
                        span: span(&last.cell, positions, k),
                    });
                }
            }
            Ok(last.cell.cartesian(&whole.map(|n| -n)))
        };
        let pairs = positions.iter().zip(&last.positions).enumerate();
        pairs.map(shift).collect()
    }
}

/// The largest difference between positions along a lattice vector, in units of it.
fn span<const D: usize>(cell: &Cell<D>, positions: &[Vector<D>], vector: usize) -> f64 {
    let along = || positions.iter().map(|x| cell.fractional(x)[vector]);
    along().fold(f64::NEG_INFINITY, f64::max) - along().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests;
