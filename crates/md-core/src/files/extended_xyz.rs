//! Configurations as extended XYZ, the text format that OVITO and ASE read and write.
//!
//! ```text
//! 2
//! Lattice="8.0 0.0 0.0 0.0 8.0 0.0 0.0 0.0 8.0" Properties=species:S:1:pos:R:3 pbc="T T T" energy=-1.5
//! Ar 0.1 0.2 0.3
//! Kr 4.0 4.5 -0.25
//! ```
//!
//! A frame is the number of particles, a comment line of `key=value` pairs, and a line for each particle with
//! the columns that `Properties` names (`species x y z` if it is missing). Rows of `Lattice` are the lattice
//! vectors. Particles with diameters of their own have a column `radius` (half of it; `diameter` is read too).
//! In two dimensions `z` is 0, the third lattice vector is along z, and pbc is `T T F`.
//!
//! Numbers are written with as many digits as it takes to read back the same bits. Positions are not wrapped.
//! ASE knows no species but the chemical elements: choose [`Labels`] such as `Ar` and `Kr` for it.
//!
//! ```
//! use std::collections::BTreeMap;
//! use vitreous_md_core::files::extended_xyz::{Frame, Labels, read_frame, write_frame};
//! use vitreous_md_core::{Configuration, Seed};
//!
//! let labels = Labels::new(["Ar", "Kr"])?;
//! let frame = Frame {
//!     configuration: Configuration::<3>::random(20, 1.2, &[0.8, 0.2], Seed(1))?,
//!     velocities: None,
//!     properties: BTreeMap::from([("step".into(), "1000".into())]),
//! };
//! let mut text = Vec::new();
//! write_frame(&mut text, &frame, &labels)?;
//! assert_eq!(read_frame::<3, _>(text.as_slice(), &labels)?, frame);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod parse;

pub use error::{Problem, ReadError, WriteError};

use crate::configuration::{Configuration, Species};
use crate::files::lines::Lines;
use crate::files::particles::Particles;
use crate::vector::Vector;
use parse::{Header, is_periodicity};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use thiserror::Error;

/// A configuration with what a file says besides.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<const D: usize> {
    /// Cell, positions and species.
    pub configuration: Configuration<D>,
    /// Velocities, `N x D`, if the file has the columns `vel` (or `velo`, `velocities`).
    pub velocities: Option<Vec<Vector<D>>>,
    /// The other pairs of the comment line, as text; a key without a value has the value `T`.
    pub properties: BTreeMap<String, String>,
}

impl<const D: usize> Frame<D> {
    /// The number of the time step: the property `step` or `timestep`, however capitalised, if it is a whole number.
    pub fn step(&self) -> Option<u64> {
        self.property(&["step", "timestep"])
    }

    /// The time: the property `time`, however capitalised, if it is a finite number.
    pub fn time(&self) -> Option<f64> {
        self.property(&["time"])
            .filter(|time: &f64| time.is_finite())
    }

    fn property<T: std::str::FromStr>(&self, names: &[&str]) -> Option<T> {
        let mut found = self.properties.iter().filter(|(key, _)| {
            let same = |name: &&str| key.eq_ignore_ascii_case(name);
            names.iter().any(same)
        });
        found.find_map(|(_, value)| value.parse().ok())
    }
}

/// What the species are called in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
    any: bool,
}

/// Why names are not labels of species.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("'{label}' cannot label a species: labels are words without blanks, each given once")]
pub struct LabelError {
    /// The label.
    pub label: String,
}

impl Labels {
    /// The labels of species 0, 1, ...
    ///
    /// # Errors
    /// A label that is empty, contains white space, or appears twice.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Result<Self, LabelError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        for (index, label) in names.iter().enumerate() {
            let word = !label.is_empty() && !label.contains(char::is_whitespace);
            if !word || names[..index].contains(label) {
                let label = label.clone();
                return Err(LabelError { label });
            }
        }
        Ok(Self { names, any: false })
    }

    /// Labels that were found in a file, where each is a word and different.
    pub(crate) fn known(names: Vec<String>) -> Self {
        Self { names, any: false }
    }

    /// For models of one species: `name` is written, and any label is read as species 0 if all particles of a
    /// frame have the same.
    ///
    /// # Errors
    /// As [`Labels::new`].
    pub fn any(name: &str) -> Result<Self, LabelError> {
        Ok(Self {
            any: true,
            ..Self::new([name])?
        })
    }

    /// The labels, of species 0, 1, ...
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The species of a label in a frame whose first particle has the label `first`; otherwise the labels known.
    pub(crate) fn species(&self, label: &str, first: &str) -> Result<Species, String> {
        let found = if self.any {
            (label == first).then_some(0)
        } else {
            self.names.iter().position(|name| name == label)
        };
        let index = found.and_then(|index| u8::try_from(index).ok());
        index.map(Species).ok_or_else(|| {
            if self.any {
                first.to_owned()
            } else {
                self.names.join(", ")
            }
        })
    }
}

const LATTICE: &str = "Lattice";
const COLUMNS: &str = "Properties";
const PERIODIC: &str = "pbc";

/// Writes one frame. Frames written one after the other make a trajectory. Give it a buffered writer.
///
/// # Errors
/// A species without a label, numbers that are not finite, velocities that are too few or too many, a property
/// that does not fit on the comment line; errors of the writer.
pub fn write_frame<const D: usize>(
    writer: &mut impl Write,
    frame: &Frame<D>,
    labels: &Labels,
) -> Result<(), WriteError> {
    write_frame_with(writer, frame, &[], labels)
}

/// Writes one frame with a displacement for each particle, such as a vibrational mode, in the columns `disp`. OVITO
/// shows them as arrows; in ASE they are the array `disp`.
///
/// # Errors
/// As [`write_frame_with`].
pub fn write_displacements<const D: usize>(
    writer: &mut impl Write,
    frame: &Frame<D>,
    displacements: &[Vector<D>],
    labels: &Labels,
) -> Result<(), WriteError> {
    write_frame_with(
        writer,
        frame,
        &[Column::Vectors("disp", displacements)],
        labels,
    )
}

/// What is known of every particle besides positions and velocities, by a name that is one word.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a, const D: usize> {
    /// A number for each particle.
    Numbers(&'a str, &'a [f64]),
    /// A vector for each particle.
    Vectors(&'a str, &'a [Vector<D>]),
}

impl<const D: usize> Column<'_, D> {
    fn name(&self) -> &str {
        match self {
            Self::Numbers(name, _) | Self::Vectors(name, _) => name,
        }
    }

    fn check(&self, particles: usize) -> Result<(), WriteError> {
        let column = || self.name().to_owned();
        let (count, lost) = match self {
            Self::Numbers(_, numbers) => {
                (numbers.len(), numbers.iter().position(|x| !x.is_finite()))
            }
            Self::Vectors(_, vectors) => {
                let lost = |v: &Vector<D>| !v.iter().all(|x| x.is_finite());
                (vectors.len(), vectors.iter().position(lost))
            }
        };
        if count != particles {
            return Err(WriteError::ColumnLength {
                column: column(),
                rows: count,
                particles,
            });
        }
        match lost {
            Some(particle) => Err(WriteError::Column {
                column: column(),
                particle,
            }),
            None => Ok(()),
        }
    }
}

/// Writes one frame with more columns.
///
/// # Errors
/// As [`write_frame`]; a column of another length, or with numbers that are not finite.
pub fn write_frame_with<const D: usize>(
    writer: &mut impl Write,
    frame: &Frame<D>,
    more: &[Column<'_, D>],
    labels: &Labels,
) -> Result<(), WriteError> {
    const { assert!(D <= 3, "extended XYZ has three dimensions") };
    let configuration = &frame.configuration;
    configuration.check_finite()?;
    let particles = configuration.len();
    if let Some(velocities) = &frame.velocities {
        if velocities.len() != particles {
            let velocities = velocities.len();
            return Err(WriteError::Lengths {
                velocities,
                particles,
            });
        }
        let lost = velocities
            .iter()
            .position(|v| !v.iter().all(|c| c.is_finite()));
        if let Some(particle) = lost {
            return Err(WriteError::Velocity { particle });
        }
    }
    for column in more {
        column.check(particles)?;
    }
    let mut lattice = [[0.0; 3]; 3];
    for k in 0..3 {
        lattice[k][k] = 1.0;
        if k < D {
            lattice[k][..D].copy_from_slice(&configuration.cell().vectors()[k]);
        }
    }
    let mut columns = "species:S:1:pos:R:3".to_owned();
    if frame.velocities.is_some() {
        columns += ":vel:R:3";
    }
    for column in more {
        let width = match column {
            Column::Numbers(..) => ":R:1",
            Column::Vectors(..) => ":R:3",
        };
        columns += ":";
        columns += column.name();
        columns += width;
    }
    if configuration.diameters().is_some() {
        columns += ":radius:R:1";
    }
    writeln!(writer, "{particles}")?;
    write!(writer, "{LATTICE}=\"{}\"", joined(lattice.as_flattened()))?;
    write!(
        writer,
        " {COLUMNS}={columns} {PERIODIC}=\"{}\"",
        periodicity(D)
    )?;
    for (key, value) in &frame.properties {
        let word = !key.is_empty()
            && !key.contains(|c: char| c.is_whitespace() || "\"'{}[]=\\".contains(c));
        if !word
            || [LATTICE, COLUMNS, PERIODIC].contains(&key.as_str())
            || value.contains(['\n', '\r'])
        {
            return Err(WriteError::Property { key: key.clone() });
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "+-._:/".contains(c);
        if !value.is_empty() && value.chars().all(plain) {
            write!(writer, " {key}={value}")?;
        } else {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            write!(writer, " {key}=\"{escaped}\"")?;
        }
    }
    writeln!(writer)?;
    for (particle, position) in configuration.positions().iter().enumerate() {
        let species = configuration.species()[particle];
        let label = labels
            .names
            .get(species.index())
            .ok_or(WriteError::NoLabel {
                particle,
                species: species.0,
                count: labels.names.len(),
            })?;
        write!(writer, "{label} {}", joined(&padded(position)))?;
        if let Some(velocities) = &frame.velocities {
            write!(writer, " {}", joined(&padded(&velocities[particle])))?;
        }
        for column in more {
            match column {
                Column::Numbers(_, numbers) => write!(writer, " {:?}", numbers[particle])?,
                Column::Vectors(_, vectors) => {
                    write!(writer, " {}", joined(&padded(&vectors[particle])))?;
                }
            }
        }
        if let Some(diameters) = configuration.diameters() {
            write!(writer, " {:?}", 0.5 * diameters[particle])?;
        }
        writeln!(writer)?;
    }
    Ok(())
}

fn padded<const D: usize>(vector: &Vector<D>) -> [f64; 3] {
    std::array::from_fn(|k| vector.get(k).copied().unwrap_or(0.0))
}

/// Numbers in their shortest form that reads back as the same bits.
fn joined(numbers: &[f64]) -> String {
    let words: Vec<String> = numbers.iter().map(|number| format!("{number:?}")).collect();
    words.join(" ")
}

fn periodicity(dimension: usize) -> String {
    [0, 1, 2]
        .map(|k| if k < dimension { "T" } else { "F" })
        .join(" ")
}

/// Reads the first frame.
///
/// # Errors
/// Text that is not a frame in `D` dimensions with the labels given, with the line; errors of the reader.
pub fn read_frame<const D: usize, R: BufRead>(
    reader: R,
    labels: &Labels,
) -> Result<Frame<D>, ReadError> {
    let mut frames = read_frames(reader, labels);
    match frames.next() {
        Some(frame) => frame,
        None => Err(frames.lines.truncated("the first frame")),
    }
}

/// The frames of a file, one after the other, each read when it is asked for. The iterator ends at an error.
pub fn read_frames<const D: usize, R: BufRead>(reader: R, labels: &Labels) -> Frames<R, D> {
    const { assert!(D <= 3, "extended XYZ has three dimensions") };
    Frames {
        lines: Lines::new(reader),
        labels: labels.clone(),
        first: String::new(),
        identifiers: None,
        sorted: false,
        flattened: false,
        ended: false,
    }
}

/// The number of dimensions of the first frame: 2 if its `pbc` is `T T F`, 3 if it is `T T T` or missing.
///
/// # Errors
/// A comment line that cannot be read; another `pbc`.
pub fn dimension(reader: impl BufRead) -> Result<usize, ReadError> {
    let mut lines = Lines::new(reader);
    if lines.particles()?.is_none() {
        return Err(lines.truncated("the first frame"));
    }
    let pairs = lines.comment()?;
    dimension_of(pairs.get(PERIODIC)).map_err(|problem| lines.error(problem))
}

/// What the first frame tells: the dimension, and the labels in the order in which they appear.
pub(crate) fn survey(reader: impl BufRead) -> Result<(usize, Vec<String>), ReadError> {
    let mut lines = Lines::new(reader);
    let Some(particles) = lines.particles()? else {
        return Err(lines.truncated("the first frame"));
    };
    let mut pairs = lines.comment()?;
    let dimension = dimension_of(pairs.get(PERIODIC)).map_err(|problem| lines.error(problem))?;
    pairs.insert(PERIODIC.to_owned(), periodicity(3));
    let header = Header::<3>::take(&mut pairs, false).map_err(|problem| lines.error(problem))?;
    let mut labels = Vec::<String>::new();
    for particle in 0..particles {
        if !lines.advance()? {
            return Err(lines.truncated(&format!("particle {} of {particles}", particle + 1)));
        }
        let row = header
            .row(&lines.text)
            .map_err(|problem| lines.error(problem))?;
        if !labels.iter().any(|known| known == row.label) {
            labels.push(row.label.to_owned());
        }
    }
    Ok((dimension, labels))
}

/// The dimension of a frame with this `pbc`.
fn dimension_of(periodic: Option<&String>) -> Result<usize, Problem> {
    match periodic {
        None => Ok(3),
        Some(text) if is_periodicity(text, 3) => Ok(3),
        Some(text) if is_periodicity(text, 2) => Ok(2),
        Some(found) => Err(Problem::Periodicity {
            found: found.clone(),
            expected: format!("{}\" or \"{}", periodicity(3), periodicity(2)),
        }),
    }
}

/// The iterator of [`read_frames`].
#[derive(Debug)]
pub struct Frames<R, const D: usize> {
    lines: Lines<R>,
    labels: Labels,
    first: String,
    /// The column `id` of the frame that was read last.
    identifiers: Option<Vec<i64>>,
    /// Whether particles come in the order of the column `id`.
    sorted: bool,
    /// Whether the plane z = 0 of a cell that says it is periodic in three dimensions will do for two.
    flattened: bool,
    ended: bool,
}

impl<R, const D: usize> Frames<R, D> {
    /// The same for trajectories: particles in the order of the column `id`, two dimensions whatever `pbc` says.
    pub(crate) fn for_trajectories(self) -> Self {
        Self {
            sorted: true,
            flattened: true,
            ..self
        }
    }

    /// The identifiers of the frame that was read last.
    pub(crate) fn take_identifiers(&mut self) -> Option<Vec<i64>> {
        self.identifiers.take()
    }

    /// The labels as the frame that was read last has them: those that were given, but with [`Labels::any`]
    /// what the species is called in the file.
    pub fn labels(&self) -> Labels {
        let mut labels = self.labels.clone();
        if labels.any && !self.first.is_empty() {
            labels.names = vec![self.first.clone()];
        }
        labels
    }
}

impl<R: BufRead, const D: usize> Iterator for Frames<R, D> {
    type Item = Result<Frame<D>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let frame = self.read().transpose();
        self.ended = !matches!(frame, Some(Ok(_)));
        frame
    }
}

impl<R: BufRead, const D: usize> Frames<R, D> {
    fn read(&mut self) -> Result<Option<Frame<D>>, ReadError> {
        let lines = &mut self.lines;
        let Some(particles) = lines.particles()? else {
            return Ok(None);
        };
        let mut properties = lines.comment()?;
        let header = Header::<D>::take(&mut properties, self.flattened)
            .map_err(|problem| lines.error(problem))?;
        // The number of particles is a claim until as many lines have been seen: nothing is allocated for it.
        let mut rows = Particles::default();
        for particle in 0..particles {
            if !lines.advance()? {
                return Err(lines.truncated(&format!("particle {} of {particles}", particle + 1)));
            }
            let row = header
                .row(&lines.text)
                .map_err(|problem| lines.error(problem))?;
            if particle == 0 {
                row.label.clone_into(&mut self.first);
            }
            let species = self.labels.species(row.label, &self.first);
            rows.species.push(species.map_err(|known| {
                let label = row.label.to_owned();
                lines.error(Problem::UnknownLabel { label, known })
            })?);
            rows.positions.push(row.position);
            rows.velocities.extend(row.velocity);
            rows.diameters.extend(row.diameter);
            rows.identifiers.extend(row.identifier);
        }
        if self.sorted {
            let twice = rows.sort();
            twice.map_err(|identifier| lines.error(Problem::DuplicateIdentifier { identifier }))?;
        }
        let finished = rows.finish(header.cell);
        let (configuration, velocities, identifiers) =
            finished.map_err(|problem| lines.error(problem.into()))?;
        self.identifiers = identifiers;
        Ok(Some(Frame {
            configuration,
            velocities,
            properties,
        }))
    }
}

#[cfg(test)]
mod tests;
