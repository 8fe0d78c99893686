//! The lines of a text, counted, and what can go wrong on one of them.

use std::fmt::Display;
use std::io::{self, BufRead};
use thiserror::Error;

/// Why a text could not be read, with the number of the line, from 1. `Problem` is what can be wrong with a line of its format.
#[derive(Debug, Error)]
pub enum TextError<Problem: Display> {
    /// The text does not follow its format, or is not of the system asked for.
    #[error("line {line}: {problem}")]
    Format {
        /// The line.
        line: usize,
        /// What is wrong with it.
        problem: Problem,
    },
    /// Reading failed.
    #[error("line {line}: {source}")]
    Io {
        /// The line.
        line: usize,
        /// Why.
        source: io::Error,
    },
}

/// A reader of lines that holds one of them.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    /// The number of the line in `text`, from 1.
    pub(super) number: usize,
    /// The line, with its end.
    pub(super) text: String,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            text: String::new(),
        }
    }

    /// Reads the next line; `false` at the end.
    pub(super) fn advance<Problem: Display>(&mut self) -> Result<bool, TextError<Problem>> {
        self.text.clear();
        let line = self.number + 1;
        let read = self.reader.read_line(&mut self.text);
        let bytes = read.map_err(|source| TextError::Io { line, source })?;
        self.number += usize::from(bytes > 0);
        Ok(bytes > 0)
    }
}
