//! The lines of a text, counted.

use std::io::{self, BufRead};

/// A reader of lines that holds one of them.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    /// The number of the line in `text`, from 1.
    pub(crate) number: usize,
    /// The line, with its end.
    pub(crate) text: String,
}

/// Reading failed.
#[derive(Debug)]
pub(crate) struct LineError {
    pub(crate) line: usize,
    pub(crate) source: io::Error,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            text: String::new(),
        }
    }

    /// Reads the next line; `false` at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, LineError> {
        self.text.clear();
        let read = self.reader.read_line(&mut self.text);
        let bytes = read.map_err(|source| LineError {
            line: self.number + 1,
            source,
        })?;
        self.number += usize::from(bytes > 0);
        Ok(bytes > 0)
    }
}
