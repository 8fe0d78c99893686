//! Tables as files.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

use crate::storage;

/// A table with the meaning of each column.
pub(super) struct Sheet {
    pub(super) name: &'static str,
    columns: Vec<(String, String)>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Adds a column before there are rows.
    pub(super) fn column(mut self, name: impl Into<String>, meaning: impl Into<String>) -> Self {
        self.columns.push((name.into(), meaning.into()));
        self
    }

    /// Adds columns of a value and its standard error.
    pub(super) fn measured(self, name: &str, meaning: impl Into<String>) -> Self {
        let error = "its standard error; empty where unknown";
        self.column(name, meaning)
            .column(format!("{name}_error"), error)
    }

    pub(super) fn row(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// What each column means, in their order.
    pub(super) fn meanings(&self) -> serde_json::Value {
        let meanings = self.columns.iter();
        meanings
            .map(|(name, meaning)| (name.clone(), meaning.clone().into()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// Writes `FOLDER/NAME.csv`.
    pub(super) fn write(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(format!("{}.csv", self.name));
        let text = || -> Result<Vec<u8>> {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(self.columns.iter().map(|(name, _)| name))?;
            for row in &self.rows {
                writer.write_record(row)?;
            }
            Ok(writer.into_inner()?)
        };
        let text = text().with_context(|| format!("cannot write {}", path.display()))?;
        storage::write(&path, &text)?;
        Ok(path)
    }
}

/// A number that may be missing: an empty cell.
pub(super) fn cell(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
