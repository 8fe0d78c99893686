//! Tables as files: rows, and what each column means.

use crate::storage;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A table with the meaning of each column.
pub(crate) struct Sheet {
    pub(crate) name: &'static str,
    columns: Vec<(String, String)>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// A table without columns yet; the name is that of its file.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// A whole table, from columns with their meanings.
    pub(crate) fn of(name: &'static str, columns: &[(&str, &str)], rows: Vec<Vec<String>>) -> Self {
        let columns = columns
            .iter()
            .map(|&(name, meaning)| (name.to_owned(), meaning.to_owned()))
            .collect();
        Self {
            name,
            columns,
            rows,
        }
    }

    /// Adds a column before there are rows.
    pub(crate) fn column(mut self, name: impl Into<String>, meaning: impl Into<String>) -> Self {
        self.columns.push((name.into(), meaning.into()));
        self
    }

    /// Adds columns of a value and its standard error.
    pub(crate) fn measured(self, name: &str, meaning: impl Into<String>) -> Self {
        let error = "its standard error; empty where unknown";
        self.column(name, meaning)
            .column(format!("{name}_error"), error)
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// What each column means, in their order.
    pub(crate) fn meanings(&self) -> serde_json::Value {
        let meanings = self.columns.iter();
        meanings
            .map(|(name, meaning)| (name.clone(), meaning.clone().into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// The table as a CSV file.
    pub(crate) fn csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|(name, _)| name))?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        Ok(writer.into_inner()?)
    }

    /// Writes `FOLDER/NAME.csv`.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(format!("{}.csv", self.name));
        let text = self
            .csv()
            .with_context(|| format!("cannot write {}", path.display()))?;
        storage::write(&path, &text)?;
        Ok(path)
    }
}

/// A number that may be missing: an empty cell.
pub(crate) fn cell(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
