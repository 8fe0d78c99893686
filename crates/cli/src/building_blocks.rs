//! `vitreous energy|quench|elastic|kappa|modes|soft-modes|hessian`: one building block on one configuration; and
//! `vitreous analyze`, on a trajectory.

pub(crate) mod analyze;
pub(crate) mod elastic;
pub(crate) mod energy;
pub(crate) mod hessian;
mod input;
pub(crate) mod kappa;
pub(crate) mod modes;
mod npy;
pub(crate) mod quench;
mod shear_plane;
pub(crate) mod soft_modes;

use anyhow::{Context, Result, ensure};
use input::{Input, Sample};
use serde::Serialize;
use std::fmt::Display;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use vitreous::md_core::{
    CertificationError, Configuration, InherentStructure, Potential, Tolerance,
};

/// What is done with a configuration, in whatever dimension its file turns out to have.
pub(crate) trait Command {
    /// Which configuration of which model.
    fn input(&self) -> &Input;

    /// Computes and prints.
    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()>;
}

/// Reads the configuration and does what the command does with it.
pub(crate) fn execute(command: &impl Command) -> Result<()> {
    command.input().read_for(command)
}

/// Prints results on standard output: as one JSON object, or as text for people.
pub(crate) fn print(results: &(impl Serialize + Display), json: bool) -> Result<()> {
    let text = if json {
        serde_json::to_string(results)?
    } else {
        results.to_string()
    };
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{}", text.trim_end()).and_then(|()| output.flush()) {
        // Whoever reads has read enough, as in `vitreous models | head -3`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// Refuses, before the work, a place where its result could not be put.
fn check_output(path: &Path) -> Result<()> {
    let explain = || format!("cannot write {}", path.display());
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let is_folder = fs::metadata(folder)
        .with_context(|| format!("{}: its folder {}", explain(), folder.display()))?
        .is_dir();
    ensure!(
        is_folder,
        "{}: {} is no folder",
        explain(),
        folder.display()
    );
    ensure!(!path.is_dir(), "{}: it is a folder", explain());
    Ok(())
}

/// The value of `--force-ratio-limit`, for commands that need a minimum.
#[derive(clap::Args)]
pub(crate) struct Certification {
    /// The largest force ratio (net force on particles over force of interactions) that counts as a minimum.
    #[arg(long, value_name = "RATIO", default_value = "1e-6", value_parser = positive_number, allow_negative_numbers = true)]
    force_ratio_limit: f64,
}

impl Certification {
    /// The inherent structure, or the advice to quench with the command to type.
    fn certify<const D: usize>(
        &self,
        input: &Input,
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
    ) -> Result<InherentStructure<D>> {
        let tolerance = Tolerance::force_ratio(self.force_ratio_limit);
        InherentStructure::certify(potential, configuration, tolerance).map_err(|error| {
            let unbalanced = matches!(error, CertificationError::NotBalanced { .. });
            let error = anyhow::Error::new(error).context(input.path());
            if unbalanced {
                anyhow::anyhow!("{error:#}:\n  {}", input.quench_command())
            } else {
                error
            }
        })
    }
}

fn positive_number(text: &str) -> std::result::Result<f64, String> {
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite() && *value > 0.0)
        .ok_or_else(|| "it must be a positive number".to_owned())
}

/// Says on standard error which particles have no part in a linear response.
fn note_rattlers(rattlers: &[usize]) {
    const SHOWN: usize = 10;
    if rattlers.is_empty() {
        return;
    }
    let mut names: Vec<String> = rattlers
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    if rattlers.len() > SHOWN {
        names.push("...".to_owned());
    }
    eprintln!(
        "note: particles that interact with no other are left out ({} of them): {}",
        rattlers.len(),
        names.join(", ")
    );
}
