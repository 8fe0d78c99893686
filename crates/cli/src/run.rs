//! `vitreous run`: a study from its file to its figures.

mod stages;

use crate::analysis::{self, Summary};
use crate::liquid::{Bath, curvature_temperature};
use crate::output_folder::results::Staging;
use crate::output_folder::{OutputFolder, RESOLVED_STUDY};
use crate::report;
use crate::storage;
use crate::study::{Resolved, Study};
use crate::tasks::Progress;
use anyhow::{Context, Result};
use stages::Runner;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// How a study is run, apart from what it says.
pub(crate) struct Options {
    pub(crate) study: PathBuf,
    pub(crate) output: Option<PathBuf>,
    pub(crate) threads: NonZeroUsize,
    pub(crate) quiet: bool,
}

impl Options {
    /// The folder for results.
    fn folder(&self) -> PathBuf {
        self.output.clone().unwrap_or_else(|| {
            Path::new("output").join(self.study.file_stem().unwrap_or("study".as_ref()))
        })
    }
}

/// Runs a study.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = options.study.parent().unwrap_or(Path::new(""));
    let study = Study::read(&options.study)?;
    let explain = || format!("in the study file {}", options.study.display());
    let targets = study.targets().with_context(explain)?;
    if let Some(targets) = targets {
        // The search sets out from a temperature of its own.
        return match study.dimension {
            2 => search_in::<2>(&study, &targets, folder, options),
            _ => search_in::<3>(&study, &targets, folder, options),
        };
    }
    let resolved = study.resolve(folder).with_context(explain)?;
    match resolved.study.dimension {
        2 => run_in::<2>(&resolved, options, None),
        _ => run_in::<3>(&resolved, options, None),
    }
}

/// Finds the temperatures of the relaxation times that a study asks for, and runs it there.
fn search_in<const D: usize>(
    study: &Study,
    targets: &[f64],
    folder: &Path,
    options: &Options,
) -> Result<()> {
    let explain = || format!("in the study file {}", options.study.display());
    // Any temperature will do to check the study and to make the potential.
    let trial = study.at(vec![1.0]).resolve(folder).with_context(explain)?;
    let potential = trial.model.potential::<D>()?;
    let warm = curvature_temperature(&trial, potential.as_ref())?;
    let resolved = study.at(vec![warm]).resolve(folder).with_context(explain)?;
    let asked = Study {
        target_relaxation_times: Some(targets.to_vec()),
        temperatures: Vec::new(),
        ..trial.study.clone()
    };
    let output = OutputFolder::occupy(&options.folder(), &asked, options.threads, options.quiet)?;
    let runner = Runner::<D>::new(&resolved, potential.as_ref(), options, &output);
    runner.progress.say(&format!(
        "{}: searching temperatures for tau_alpha/t0 = {targets:?}, from T = {warm} on",
        resolved.title(),
    ));
    let temperatures = runner.search(targets, warm)?;
    for (target, temperature) in targets.iter().zip(&temperatures) {
        runner
            .progress
            .say(&format!("  tau_alpha/t0 = {target}: T = {temperature}"));
    }
    let found = study
        .at(temperatures)
        .resolve(folder)
        .with_context(explain)?;
    run_in::<D>(&found, options, Some(output))
}

/// Runs a study at its temperatures, in a folder that may be occupied already.
fn run_in<const D: usize>(
    study: &Resolved,
    options: &Options,
    output: Option<OutputFolder>,
) -> Result<()> {
    let potential = study.model.potential::<D>()?;
    let baths = study
        .study
        .temperatures
        .iter()
        .map(|&temperature| Bath::new(study, potential.as_ref(), temperature))
        .collect::<Result<Vec<_>>>()?;
    let output = match output {
        Some(output) => output,
        None => OutputFolder::occupy(
            &options.folder(),
            &study.study,
            options.threads,
            options.quiet,
        )?,
    };
    let text = toml::to_string(&study.study)?;
    output
        .journal
        .begin_runs(&study.study, &text, |temperature| {
            baths[temperature].reached(None)
        });
    let runner = Runner::new(study, potential.as_ref(), options, &output);
    runner.progress.say(&format!(
        "{}: model {}, N = {}, {} temperatures, {} runs each, on {} threads; results go to {}",
        study.title(),
        study.study.model,
        study.study.particles,
        baths.len(),
        study.study.runs,
        options.threads,
        output.path.display()
    ));

    let equilibrated = runner.equilibrate(&baths)?;
    let liquids = runner.produce(&baths, &equilibrated)?;
    let glasses = runner.quench(&liquids)?;
    // The bootstrap works on the threads of the pool that it is called in.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.get())
        .build()?;
    let summary = pool.install(|| analysis::analyse(study, &baths, &liquids, glasses))?;
    let staging = Staging::begin(&output.path)?;
    report::write(study, &summary, staging.folder())?;
    storage::write(&staging.folder().join(RESOLVED_STUDY), text.as_bytes())?;
    staging.publish()?;
    output.journal.finish();
    say_summary(&runner.progress, &summary, &output.path);
    Ok(())
}

fn say_summary<const D: usize>(progress: &Progress, summary: &Summary<D>, output: &Path) {
    for line in summary.warnings() {
        progress.say(&format!("note: {line}"));
    }
    progress.say(&summary.verdict());
    progress.say(&format!(
        "figures and numbers: {}",
        output.join("index.html").display()
    ));
}
