//! The output folder of a study, when a run begins to work in it.

use crate::journal::{self, Record};
use crate::lock::Lock;
use crate::storage;
use crate::study;
use crate::tasks::Progress;
use anyhow::{Context, Result, anyhow};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The folder of checkpoints in the output folder.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
/// The study that checkpoints are being made for, among them.
pub(crate) const RUNNING_STUDY: &str = "study.toml";
/// The study that results are of, among them.
pub(crate) const RESOLVED_STUDY: &str = "study.resolved.toml";

/// Makes the output folder and sees to it that no other run works there.
pub(crate) fn occupy(output: &Path, checkpoints: &Path, progress: &Progress) -> Result<Lock> {
    std::fs::create_dir_all(checkpoints).with_context(|| {
        format!(
            "cannot create the output folder {}; permit writing there, or choose another with --output",
            output.display()
        )
    })?;
    let lock = Lock::take(checkpoints)?.ok_or_else(|| {
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
            "another run works in {0}{who}: look at it with `vitreous status {0}`, wait for it or stop it, or choose \
             another folder with --output",
            output.display()
        )
    })?;
    if let Some(reason) = &lock.unsupported {
        progress.warn(&format!(
            "{} cannot be locked ({reason}): see to it that no other run works there",
            output.display()
        ));
    }
    storage::remove_partial(checkpoints)?;
    Ok(lock)
}

/// Says what was changed in the study since the last run in the folder.
pub(crate) fn announce_changes(checkpoints: &Path, text: &str, progress: &Progress) {
    let keys = |text: &str| -> Option<BTreeMap<String, String>> {
        Some(
            study::flatten(&toml::from_str(text).ok()?)
                .into_iter()
                .collect(),
        )
    };
    let Ok(before) = std::fs::read_to_string(checkpoints.join(RUNNING_STUDY)) else {
        return;
    };
    if before == text {
        return;
    }
    let (Some(old), Some(new)) = (keys(&before), keys(text)) else {
        return;
    };
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let value = |keys: &BTreeMap<String, String>, name| {
        keys.get(name).map_or("nothing", String::as_str).to_owned()
    };
    let changes: Vec<String> = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| format!("{name} from {} to {}", value(&old, name), value(&new, name)))
        .collect();
    progress.say(&format!(
        "the study was changed since the last run here: {}. What does not depend on that is used again; other checkpoints \
         are kept, and found again when it is changed back. Results of before stay until the new ones are complete.",
        changes.join(", ")
    ));
}
