//! The results of a study: files that stand side by side only if they are of one study.
//!
//! All of them are made in a hidden folder beside their places, then renamed into place one after another.
//! `results.json` is taken away before and put into place last, with the hashes of all others: where it is, the
//! files that it lists are whole and belong together. A kill in between leaves a folder without it, and
//! running again makes everything anew from the checkpoints.

use crate::storage;
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

/// The file that is put into place last.
const SEAL: &str = "results.json";
/// Where results are made.
const STAGING: &str = ".results.partial";
/// The seal of the results that are being replaced, in the same folder.
const REPLACED: &str = ".replaced.json";
/// The key of the hashes in the seal.
const HASHES: &str = "files";

/// Results that are being made.
pub(crate) struct Staging {
    output: PathBuf,
    folder: PathBuf,
}

impl Staging {
    /// An empty folder to make results in, within the output folder, which must be locked.
    ///
    /// # Errors
    /// If the folder cannot be made or emptied.
    pub(crate) fn begin(output: &Path) -> Result<Self> {
        let staging = Self {
            output: output.to_owned(),
            folder: output.join(STAGING),
        };
        staging.clear().and_then(|()| fs::create_dir_all(&staging.folder)).with_context(|| {
            format!(
                "cannot make the folder {}; everything computed is kept: make room or permit writing, and run again",
                staging.folder.display()
            )
        })?;
        Ok(staging)
    }

    /// Where to make them; `results.json` must be one of them.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes away what an earlier attempt made, apart from what says which files are to be replaced.
    fn clear(&self) -> std::io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if entry.file_name() != REPLACED {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Puts the results into their places and removes files of the results before them that have no successor.
    ///
    /// # Errors
    /// If a file cannot be renamed or written. Running again puts that right.
    pub(crate) fn publish(self) -> Result<()> {
        let move_to = |from: &Path, to: &Path| {
            fs::rename(from, to).with_context(|| {
                format!(
                    "cannot replace {}; everything computed is kept: permit writing, and run again",
                    to.display()
                )
            })
        };
        let mut files = BTreeMap::new();
        hash_files(&self.folder, "", &mut files)?;
        files.remove(REPLACED);
        files
            .remove(SEAL)
            .ok_or_else(|| anyhow!("no {SEAL} was made: this is an error of the program"))?;
        let text = fs::read(self.folder.join(SEAL))?;
        let mut seal: Value = serde_json::from_slice(&text)?;
        seal[HASHES] = serde_json::to_value(&files)?;

        let place = self.output.join(SEAL);
        let replaced = self.folder.join(REPLACED);
        if place.exists() {
            move_to(&place, &replaced)?;
        }
        let mut folders = BTreeMap::new();
        for name in files.keys() {
            let path = self.output.join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create the folder {}", folder.display()))?;
                folders.insert(folder.to_owned(), path.clone());
            }
            move_to(&self.folder.join(name), &path)?;
        }
        for (name, _) in hashes_of(&replaced).unwrap_or_default() {
            if !files.contains_key(&name) {
                let path = self.output.join(&name);
                if path.is_file() {
                    fs::remove_file(&path).with_context(|| {
                        format!("cannot remove {}, which is out of date", path.display())
                    })?;
                }
            }
        }
        for (folder, file) in folders {
            storage::flush_folder(&file)
                .with_context(|| format!("cannot flush {} to the disk", folder.display()))?;
        }
        storage::write(&place, &serde_json::to_vec_pretty(&seal)?)?;
        // What it held is in place now; what is left of it is taken away by the next run.
        let _ = fs::remove_dir_all(&self.folder);
        Ok(())
    }
}

impl Drop for Staging {
    /// After an error: makes room.
    fn drop(&mut self) {
        let _ = self.clear();
        let _ = fs::remove_dir(&self.folder);
    }
}

/// The hashes of all files below a folder, flushed to the disk, by their names with `/` between folders.
fn hash_files(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            hash_files(&path, &format!("{name}/"), files)?;
        } else {
            let hash = || -> std::io::Result<String> {
                File::options().append(true).open(&path)?.sync_all()?;
                Ok(blake3::hash(&fs::read(&path)?).to_hex().to_string())
            };
            let hash = hash().with_context(|| {
                format!(
                    "cannot flush {} to the disk; everything computed is kept: make room, and run again",
                    path.display()
                )
            })?;
            files.insert(name, hash);
        }
    }
    Ok(())
}

/// The names and hashes in a seal, of files below its folder only.
fn hashes_of(seal: &Path) -> Result<BTreeMap<String, String>> {
    let mut seal: Value = serde_json::from_slice(&fs::read(seal)?)?;
    let hashes: BTreeMap<String, String> = serde_json::from_value(seal[HASHES].take())?;
    for name in hashes.keys() {
        let inside = Path::new(name)
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
        ensure!(inside, "'{name}' is not in the output folder");
    }
    Ok(hashes)
}

/// What is there of results.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// None yet, or none any more.
    Nothing,
    /// A run was killed while it put them into place.
    Unsealed,
    /// All that belong together.
    Whole,
    /// Files that are missing or were changed.
    Changed(Vec<String>),
}

/// Looks at the results in an output folder.
pub(crate) fn inspect(output: &Path) -> Found {
    let seal = output.join(SEAL);
    if !seal.exists() {
        return if output.join(STAGING).join(REPLACED).exists() || output.join("index.html").exists()
        {
            Found::Unsealed
        } else {
            Found::Nothing
        };
    }
    let Ok(hashes) = hashes_of(&seal) else {
        return Found::Changed(vec![SEAL.to_owned()]);
    };
    let changed: Vec<String> = hashes
        .into_iter()
        .filter(|(name, hash)| {
            fs::read(output.join(name))
                .map_or(true, |bytes| blake3::hash(&bytes).to_hex().as_str() != hash)
        })
        .map(|(name, _)| name)
        .collect();
    if changed.is_empty() {
        Found::Whole
    } else {
        Found::Changed(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("vitreous-results-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn make(output: &Path, files: &[(&str, &str)]) -> Staging {
        let staging = Staging::begin(output).unwrap();
        fs::create_dir_all(staging.folder().join("figures")).unwrap();
        for (name, text) in files {
            fs::write(staging.folder().join(name), text).unwrap();
        }
        fs::write(staging.folder().join(SEAL), "{\"verdict\": 1}").unwrap();
        staging
    }

    #[test]
    fn results_replace_those_before_them_and_nothing_else() {
        let output = output("replace");
        assert_eq!(inspect(&output), Found::Nothing);
        make(&output, &[("a.csv", "1"), ("figures/b.svg", "2")])
            .publish()
            .unwrap();
        assert_eq!(inspect(&output), Found::Whole);
        assert!(!output.join(STAGING).exists());
        fs::write(output.join("figures/mine.svg"), "3").unwrap();

        make(&output, &[("a.csv", "4")]).publish().unwrap();
        assert_eq!(fs::read_to_string(output.join("a.csv")).unwrap(), "4");
        assert!(!output.join("figures/b.svg").exists());
        assert!(output.join("figures/mine.svg").exists());
        assert_eq!(inspect(&output), Found::Whole);

        fs::write(output.join("a.csv"), "5").unwrap();
        assert_eq!(inspect(&output), Found::Changed(vec!["a.csv".to_owned()]));
        // Given up before anything is in place.
        drop(make(&output, &[("a.csv", "6")]));
        assert_eq!(fs::read_to_string(output.join("a.csv")).unwrap(), "5");
        assert!(!output.join(STAGING).exists());
        fs::remove_dir_all(output).unwrap();
    }

    /// As if killed after each of the renamings: there is no seal, and the next attempt knows what to remove.
    #[test]
    fn a_kill_while_results_are_put_into_place_is_made_good() {
        let files = [("a.csv", "7"), ("c.csv", "8")];
        for renamed in 0..=files.len() {
            let output = output(&format!("killed-{renamed}"));
            make(&output, &[("a.csv", "1"), ("figures/b.svg", "2")])
                .publish()
                .unwrap();
            let staging = make(&output, &files);
            fs::rename(output.join(SEAL), staging.folder().join(REPLACED)).unwrap();
            for (name, _) in &files[..renamed] {
                fs::rename(staging.folder().join(name), output.join(name)).unwrap();
            }
            std::mem::forget(staging);
            assert_eq!(inspect(&output), Found::Unsealed);
            make(&output, &files).publish().unwrap();
            assert_eq!(inspect(&output), Found::Whole);
            assert!(!output.join("figures/b.svg").exists());
            for (name, text) in files {
                assert_eq!(fs::read_to_string(output.join(name)).unwrap(), text);
            }
            fs::remove_dir_all(output).unwrap();
        }
    }

    #[test]
    fn a_seal_names_files_of_its_own_folder_only() {
        let output = output("outside");
        fs::write(output.join(SEAL), r#"{"files": {"../../x": ""}}"#).unwrap();
        assert!(hashes_of(&output.join(SEAL)).is_err());
        fs::remove_dir_all(output).unwrap();
    }
}
