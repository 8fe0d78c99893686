//! The output folder of a study while a run works in it.

pub(crate) mod journal;
pub(crate) mod lock;
pub(crate) mod results;

use crate::storage;
use crate::study::{self, Study};
use crate::tasks::Progress;
use anyhow::{Context, Result, anyhow};
use journal::{Journal, Record};
use lock::Lock;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// The folder of checkpoints in the output folder.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// The study that results are of, among them.
pub(crate) const RESOLVED_STUDY: &str = "study.resolved.toml";
/// The study that checkpoints are being made for, among them.
const RUNNING_STUDY: &str = "study.toml";

/// A folder in which no other run works.
pub(crate) struct OutputFolder {
    pub(crate) path: PathBuf,
    pub(crate) checkpoints: PathBuf,
    pub(crate) journal: Journal,
    /// The last to be dropped.
    _lock: Lock,
}

impl OutputFolder {
    /// Makes the folder, or goes on in it, and says what was changed in the study since.
    ///
    /// # Errors
    /// If it cannot be made, another run works in it, or it cannot be written to.
    pub(crate) fn occupy(
        path: &Path,
        study: &Study,
        threads: NonZeroUsize,
        quiet: bool,
    ) -> Result<Self> {
        let progress = Progress::new(quiet);
        let checkpoints = path.join(CHECKPOINTS);
        std::fs::create_dir_all(&checkpoints).with_context(|| {
            format!(
                "cannot create the output folder {}; permit writing there, or choose another with --output",
                path.display()
            )
        })?;
        let lock = Lock::take(&checkpoints)?.ok_or_else(|| occupied(path, &checkpoints))?;
        if let Some(reason) = &lock.unsupported {
            progress.warn(&format!(
                "{} cannot be locked ({reason}): see to it that no other run works there",
                path.display()
            ));
        }
        storage::remove_partial(&checkpoints)?;
        let text = toml::to_string(study)?;
        let running = checkpoints.join(RUNNING_STUDY);
        if let Some(changes) = std::fs::read_to_string(&running)
            .ok()
            .and_then(|before| changes(&before, &text))
        {
            progress.say(&format!(
                "the study was changed since the last run here: {changes}. What does not depend on that is used again; \
                 other checkpoints are kept, and found again when it is changed back. Results of before stay until the \
                 new ones are complete."
            ));
        }
        storage::write(&running, text.as_bytes())?;
        Ok(Self {
            path: path.to_owned(),
            journal: Journal::begin(&checkpoints, study, text, threads),
            checkpoints,
            _lock: lock,
        })
    }
}

/// Who works in a folder, and what to do about it.
fn occupied(path: &Path, checkpoints: &Path) -> anyhow::Error {
    let who = match Record::read(checkpoints) {
        Ok(Some(other)) => format!(
            " (process {} on {}, since {})",
            other.process,
            other.host,
            journal::moment(other.started)
        ),
        _ => String::new(),
    };
    anyhow!(
        "another run works in {0}{who}: look at it with `vitreous status {0}`, wait for it or stop it, or choose another \
         folder with --output",
        path.display()
    )
}

/// The keys of a study that differ, in words; `None` if there are none or one text is no study.
fn changes(before: &str, after: &str) -> Option<String> {
    let keys = |text: &str| -> Option<BTreeMap<String, String>> {
        Some(
            study::flatten(&toml::from_str(text).ok()?)
                .into_iter()
                .collect(),
        )
    };
    let (old, new) = (keys(before)?, keys(after)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let value = |keys: &BTreeMap<String, String>, name| match keys.get(name) {
        // Tables of energies are long.
        Some(value) if value.contains('\n') => "a table".to_owned(),
        Some(value) => value.clone(),
        None => "nothing".to_owned(),
    };
    let changes: Vec<String> = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| format!("{name} from {} to {}", value(&old, name), value(&new, name)))
        .collect();
    (!changes.is_empty()).then(|| changes.join(", "))
}
