//! What can be wrong with a file.

use crate::cell::CellError;
use crate::configuration::ConfigurationError;
use crate::files::TextError;
use std::io;
use thiserror::Error;

/// Why a file could not be read.
pub type ReadError = TextError<Problem>;

/// What is wrong with a line.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Problem {
    /// The text ends where a frame must go on, or before the first.
    #[error("the text ends where {expected} was expected")]
    Truncated {
        /// What is missing.
        expected: String,
    },
    /// The first line of a frame.
    #[error("'{text}' is not a number of particles: a frame begins with a positive whole number")]
    ParticleCount {
        /// The line.
        text: String,
    },
    /// A quote or bracket on the comment line that is never closed.
    #[error(
        "a value on the comment line opens with a quote or bracket and lacks the closing {closing}"
    )]
    Unterminated {
        /// What would close it.
        closing: char,
    },
    /// A key that appears twice on the comment line.
    #[error("the key {key} appears twice on the comment line")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// No cell.
    #[error(
        "the comment line lacks Lattice=\"ax ay az bx by bz cx cy cz\": a periodic cell is needed"
    )]
    MissingLattice,
    /// Not nine numbers.
    #[error("Lattice has {found} entries instead of 9: \"ax ay az bx by bz cx cy cz\"")]
    LatticeEntries {
        /// Their number.
        found: usize,
    },
    /// A component that must vanish where there are fewer than three dimensions.
    #[error("{what} is {value}, but it must be 0 in {dimension} dimensions")]
    OutOfPlane {
        /// Where.
        what: String,
        /// The value.
        value: f64,
        /// The dimension.
        dimension: usize,
    },
    /// Other periodic directions than those of the dimension.
    #[error("pbc is \"{found}\" instead of \"{expected}\"")]
    Periodicity {
        /// The value in the file.
        found: String,
        /// The value needed.
        expected: String,
    },
    /// A list of columns that does not follow the format or lacks what is needed.
    #[error("Properties={text} {problem}; an example is species:S:1:pos:R:3")]
    Columns {
        /// The value in the file.
        text: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A particle with too many or too few columns.
    #[error("{found} columns instead of {expected}: {columns}")]
    ColumnCount {
        /// Their number.
        found: usize,
        /// The number that the comment line announces.
        expected: usize,
        /// The columns announced.
        columns: String,
    },
    /// Not a finite number.
    #[error("{what} is '{text}': it must be a finite number")]
    Number {
        /// Column or entry.
        what: String,
        /// The text found.
        text: String,
    },
    /// An identifier of a particle that is none.
    #[error("column {column}, the id, is '{text}': it must be a whole number")]
    Identifier {
        /// The column, from 1.
        column: usize,
        /// The text found.
        text: String,
    },
    /// Two particles with one identifier.
    #[error("the id {identifier} appears twice in a frame: ids tell particles apart")]
    DuplicateIdentifier {
        /// The identifier.
        identifier: i64,
    },
    /// A label that is not in the table.
    #[error("the species '{label}' is not one of those known: {known}")]
    UnknownLabel {
        /// The label.
        label: String,
        /// The labels known.
        known: String,
    },
    /// The lattice vectors.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The particles.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

/// Why a frame could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A species without a label.
    #[error("particle {particle} is of species {species}, but there are {count} labels")]
    NoLabel {
        /// Index of the particle, from 0.
        particle: usize,
        /// Its species.
        species: u8,
        /// The number of labels.
        count: usize,
    },
    /// Not one velocity for each particle.
    #[error("{velocities} velocities for {particles} particles")]
    Lengths {
        /// Number of velocities.
        velocities: usize,
        /// Number of particles.
        particles: usize,
    },
    /// A number that cannot be read back.
    #[error("the velocity of particle {particle} is not finite")]
    Velocity {
        /// Index of the particle, from 0.
        particle: usize,
    },
    /// A column with another number of rows than there are particles.
    #[error("the column {column} has {rows} rows for {particles} particles")]
    ColumnLength {
        /// The name of the column.
        column: String,
        /// Its rows.
        rows: usize,
        /// The number of particles.
        particles: usize,
    },
    /// A number that cannot be read back.
    #[error("particle {particle} has a number in the column {column} that is not finite")]
    Column {
        /// The name of the column.
        column: String,
        /// Index of the particle, from 0.
        particle: usize,
    },
    /// A property that does not fit on the comment line, or is written from elsewhere.
    #[error(
        "the property '{key}' cannot be written: keys are words other than Lattice, Properties and pbc, values have no line breaks"
    )]
    Property {
        /// Its key.
        key: String,
    },
    /// A coordinate that is not finite.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// Writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}
