//! What can be wrong with a GSD file.

use crate::cell::CellError;
use crate::configuration::ConfigurationError;
use std::io;
use thiserror::Error;

/// Why a GSD file could not be read. Frames count from 0.
#[derive(Debug, Error)]
pub enum GsdError {
    /// The first bytes are others.
    #[error("the file does not begin as GSD files do")]
    Magic,
    /// A version to come.
    #[error("the file has version {major}.{minor} of the GSD file layer: only 1 and 2 are known")]
    Version {
        /// Its first number.
        major: u32,
        /// Its second number.
        minor: u32,
    },
    /// Not a trajectory of particles.
    #[error("the file has the schema '{schema}' instead of 'hoomd'")]
    Schema {
        /// The schema.
        schema: String,
    },
    /// No frames.
    #[error("the file has no frames")]
    Empty,
    /// Something ends after the file does.
    #[error(
        "{what} would end at byte {end}, but the file has {length}: it is truncated or damaged"
    )]
    Truncated {
        /// What.
        what: String,
        /// Where it ends.
        end: u64,
        /// The size of the file.
        length: u64,
    },
    /// An entry of the index that means nothing.
    #[error("the index has an entry for frame {frame} that means nothing: the file is damaged")]
    Index {
        /// The frame it claims.
        frame: u64,
    },
    /// A chunk that does not hold what it should.
    #[error("frame {frame}: {chunk} {problem}")]
    Value {
        /// The name of the chunk.
        chunk: &'static str,
        /// The frame.
        frame: u64,
        /// What is wrong.
        problem: String,
    },
    /// A type that is not in the table of labels.
    #[error("frame {frame}: the species '{label}' is not one of those known: {known}")]
    UnknownType {
        /// Its name.
        label: String,
        /// The labels known.
        known: String,
        /// The frame.
        frame: u64,
    },
    /// The box.
    #[error("frame {frame}: {source}")]
    Cell {
        /// The frame.
        frame: u64,
        /// Why.
        source: CellError,
    },
    /// The particles.
    #[error("frame {frame}: {source}")]
    Configuration {
        /// The frame.
        frame: u64,
        /// Why.
        source: ConfigurationError,
    },
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}
