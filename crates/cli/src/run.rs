//! `vitreous run`: a study from its file to its figures.
//!
//! Three stages, each a list of independent pieces of work: equilibrate every run of the liquid, measure
//! it, quench and analyse its snapshots. Every piece stores what it reached under a key made of all its
//! input, so a second run of the same study continues and a changed one recomputes what depends on the change.

use crate::analysis::{self, Summary};
use crate::glass::{self, Outcome};
use crate::journal::{Journal, Share};
use crate::liquid::{Bath, Equilibrated, Equilibration, LiquidRuns, Plan, Production};
use crate::output_folder::{CHECKPOINTS, RESOLVED_STUDY, RUNNING_STUDY, announce_changes, occupy};
use crate::report;
use crate::results::Staging;
use crate::storage::{self, Key, Stored};
use crate::study::{Resolved, Study};
use crate::tasks::{Progress, check_stop, for_each};
use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use serde::{Serialize, de::DeserializeOwned};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vitreous::md_core::{Configuration, Potential, Seed};

/// How a study is run, apart from what it says.
pub(crate) struct Options {
    pub(crate) study: PathBuf,
    pub(crate) output: Option<PathBuf>,
    pub(crate) threads: NonZeroUsize,
    pub(crate) quiet: bool,
}

/// Runs a study.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = options.study.parent().unwrap_or(Path::new(""));
    let resolved = Study::read(&options.study)?
        .resolve(folder)
        .with_context(|| format!("in the study file {}", options.study.display()))?;
    match resolved.study.dimension {
        2 => run_in::<2>(&resolved, options),
        _ => run_in::<3>(&resolved, options),
    }
}

fn run_in<const D: usize>(study: &Resolved, options: &Options) -> Result<()> {
    let output = options.output.clone().unwrap_or_else(|| {
        Path::new("output").join(options.study.file_stem().unwrap_or("study".as_ref()))
    });
    let potential = study.model.potential::<D>()?;
    let baths = study
        .study
        .temperatures
        .iter()
        .map(|&temperature| Bath::new(study, potential.as_ref(), temperature))
        .collect::<Result<Vec<_>>>()?;
    let progress = Progress::new(options.quiet);
    let checkpoints = output.join(CHECKPOINTS);
    let _lock = occupy(&output, &checkpoints, &progress)?;
    let text = toml::to_string(&study.study)?;
    announce_changes(&checkpoints, &text, &progress);
    storage::write(&checkpoints.join(RUNNING_STUDY), text.as_bytes())?;
    let runner = Runner {
        study,
        potential: potential.as_ref(),
        journal: Journal::begin(&checkpoints, study, &text, options.threads, |temperature| {
            baths[temperature].reached(None)
        }),
        checkpoints,
        threads: options.threads,
        progress,
    };
    runner.progress.say(&format!(
        "{}: model {}, N = {}, {} temperatures, {} runs each, on {} threads; results go to {}",
        study.title(),
        study.study.model,
        study.study.particles,
        baths.len(),
        study.study.runs,
        options.threads,
        output.display()
    ));

    let equilibrated = runner.equilibrate(&baths)?;
    let liquids = runner.produce(&baths, &equilibrated)?;
    let glasses = runner.quench(&liquids)?;
    // The bootstrap works on the threads of the pool that it is called in.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.get())
        .build()?;
    let summary =
        pool.install(|| analysis::analyse(study, &baths, &liquids, glasses, &equilibrated))?;
    let staging = Staging::begin(&output)?;
    report::write(study, &summary, staging.folder())?;
    storage::write(&staging.folder().join(RESOLVED_STUDY), text.as_bytes())?;
    staging.publish()?;
    runner.journal.finish();
    say_summary(&runner.progress, &summary, &output);
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

struct Runner<'a, const D: usize> {
    study: &'a Resolved,
    potential: &'a dyn Potential<D>,
    journal: Journal,
    checkpoints: PathBuf,
    threads: NonZeroUsize,
    progress: Progress,
}

/// Everything on which the equilibration of a run depends, apart from the limit on its length: a run that
/// was too slow goes on when the limit is raised.
#[derive(Serialize)]
struct LiquidInput<'a> {
    model: &'a str,
    parameters: Vec<(String, String)>,
    dimension: usize,
    particles: usize,
    density: f64,
    composition: &'a [f64],
    wave_numbers: &'a [f64],
    wave_vectors: usize,
    lags_per_decade: usize,
    time_step: f64,
    coupling_time: f64,
    chain_length: usize,
    melting_temperature: f64,
    checkpoint_interval: u64,
    first_window: f64,
    relaxation_times: f64,
    seed: u64,
    temperature: f64,
    run: u64,
}

impl<'a, const D: usize> Runner<'a, D> {
    fn liquid_key(&self, temperature: f64, run: u64) -> Result<Key> {
        let study = &self.study.study;
        Key::of(&LiquidInput {
            model: self.study.model.name,
            parameters: self
                .study
                .model
                .parameters()
                .into_iter()
                .map(|p| (p.key, p.value))
                .collect(),
            dimension: D,
            particles: study.particles,
            density: self.study.density,
            composition: &self.study.composition,
            wave_numbers: &self.study.wave_numbers,
            wave_vectors: study.production.wave_vectors,
            lags_per_decade: study.production.lags_per_decade,
            time_step: self.study.time_step,
            coupling_time: self.study.coupling_time,
            chain_length: self.study.chain_length,
            melting_temperature: self.study.melting_temperature,
            checkpoint_interval: self.study.checkpoint_interval,
            first_window: study.equilibration.first_window,
            relaxation_times: study.equilibration.relaxation_times,
            seed: study.seed,
            temperature,
            run,
        })
    }

    /// The file of a checkpoint; different input gives different names.
    fn file(&self, temperature: f64, run: &str, key: &Key, kind: &str) -> PathBuf {
        self.checkpoints
            .join(format!("T{temperature}-run{run}-{}.{kind}", key.short()))
    }

    /// Loads a checkpoint, and says so if there is one that cannot be used.
    fn load<T: DeserializeOwned>(&self, path: &Path, kind: &str, key: &Key) -> Result<Option<T>> {
        self.journal.uses(path);
        match storage::load(path, kind, key)? {
            Stored::Found(value) => Ok(Some(value)),
            Stored::Absent => Ok(None),
            Stored::Unusable(flaw) => {
                self.progress.warn(&format!(
                    "the checkpoint {} is not used: {flaw}; what it held is computed again, and replaces it",
                    path.display()
                ));
                Ok(None)
            }
        }
    }

    /// Every run of every temperature, the coldest first: it takes longest.
    fn runs(&self, baths: &[Bath<'a, D>]) -> Vec<(usize, u64)> {
        (0..baths.len())
            .rev()
            .flat_map(|temperature| (0..self.study.study.runs).map(move |run| (temperature, run)))
            .collect()
    }

    /// Brings every run to equilibrium. The result is indexed by temperature and run.
    fn equilibrate(&self, baths: &[Bath<'a, D>]) -> Result<Vec<Vec<Equilibration<D>>>> {
        let items = self.runs(baths);
        let bar = self.progress.stage("equilibrate", items.len() as u64);
        let states = for_each(self.threads, &items, |&(temperature, run), failed| {
            let state = self.equilibrate_run(&baths[temperature], run, failed, &bar)?;
            bar.inc(1);
            Ok(state)
        })?;
        bar.finish_with_message("done");
        let mut by_temperature: Vec<Vec<Equilibration<D>>> =
            baths.iter().map(|_| Vec::new()).collect();
        for (&(temperature, _), state) in items.iter().zip(states) {
            by_temperature[temperature].push(state);
        }
        Ok(by_temperature)
    }

    fn equilibrate_run(
        &self,
        bath: &Bath<'a, D>,
        run: u64,
        failed: &AtomicBool,
        bar: &ProgressBar,
    ) -> Result<Equilibration<D>> {
        const KIND: &str = "equilibration";
        let key = self.liquid_key(bath.temperature, run)?;
        let path = self.file(bath.temperature, &run.to_string(), &key, KIND);
        let explain = || format!("at T = {}, run {run}", bath.temperature);
        let _at_work = self.journal.at_work(bath.temperature, run);
        let reached = |state: &Equilibration<D>| {
            let reached = bath.reached(Some(state));
            self.journal.equilibration(bath.temperature, run, reached);
        };
        let mut state = match self.load::<Equilibration<D>>(&path, KIND, &key)? {
            Some(mut state) => {
                // The limit may have been raised since.
                if state.outcome == Some(Equilibrated::TooSlow) {
                    state.outcome = None;
                }
                state
            }
            None => bath.melt(run).with_context(explain)?,
        };
        reached(&state);
        while state.outcome.is_none() {
            check_stop(failed)?;
            let begun = Instant::now();
            let made = bath.equilibrate(&mut state).with_context(explain)?;
            storage::save(&path, KIND, &key, &state)?;
            self.journal.made_steps(made, begun.elapsed());
            reached(&state);
            bar.set_message(format!("T = {} run {run}", bath.temperature));
        }
        Ok(state)
    }

    /// Measures every run of the temperatures that were equilibrated.
    fn produce(
        &self,
        baths: &[Bath<'a, D>],
        equilibrated: &[Vec<Equilibration<D>>],
    ) -> Result<Vec<LiquidRuns<D>>> {
        let plans: Vec<Option<Plan>> = equilibrated
            .iter()
            .map(|runs| analysis::slowest(runs).map(|tau| Plan::new(self.study, tau)))
            .collect();
        let items: Vec<(usize, u64, Plan)> = self
            .runs(baths)
            .into_iter()
            .filter_map(|(temperature, run)| {
                plans[temperature].map(|plan| (temperature, run, plan))
            })
            .collect();
        let total = items.iter().map(|(_, _, plan)| plan.steps()).sum();
        let bar = self.progress.stage("measure", total);
        let runs = for_each(self.threads, &items, |&(temperature, run, plan), failed| {
            let start = &equilibrated[temperature][run as usize];
            self.produce_run(&baths[temperature], run, &plan, start, failed, &bar)
        })?;
        bar.finish_with_message("done");
        let mut liquids: Vec<LiquidRuns<D>> = Vec::new();
        for (&(temperature, _, _), (production, key)) in items.iter().zip(runs) {
            if liquids
                .last()
                .is_none_or(|last| last.temperature != temperature)
            {
                liquids.push(LiquidRuns {
                    temperature,
                    runs: Vec::new(),
                    keys: Vec::new(),
                });
            }
            if let Some(last) = liquids.last_mut() {
                last.runs.push(production);
                last.keys.push(key);
            }
        }
        Ok(liquids)
    }

    fn produce_run(
        &self,
        bath: &Bath<'a, D>,
        run: u64,
        plan: &Plan,
        start: &Equilibration<D>,
        failed: &AtomicBool,
        bar: &ProgressBar,
    ) -> Result<(Production<D>, Key)> {
        const KIND: &str = "production";
        let key = Key::of(&(
            self.liquid_key(bath.temperature, run)?,
            plan,
            self.study.study.glasses.per_run,
        ))?;
        let path = self.file(bath.temperature, &run.to_string(), &key, KIND);
        let explain = || format!("at T = {}, run {run}", bath.temperature);
        let _at_work = self.journal.at_work(bath.temperature, run);
        let measured = |state: &Production<D>| {
            let (done, of) = (state.steps(), plan.steps());
            let share = Share { done, of };
            self.journal.production(bath.temperature, run, share);
        };
        let mut state = match self.load::<Production<D>>(&path, KIND, &key)? {
            Some(state) => state,
            None => bath.produce(start, plan).with_context(explain)?,
        };
        bar.inc(state.steps());
        measured(&state);
        while !state.done {
            check_stop(failed)?;
            let begun = Instant::now();
            let made = bath.measure(&mut state, plan).with_context(explain)?;
            storage::save(&path, KIND, &key, &state)?;
            self.journal.made_steps(made, begun.elapsed());
            measured(&state);
            bar.inc(made);
        }
        Ok((state, key))
    }

    /// Quenches and analyses every snapshot. The result is in the order of the liquids, runs and snapshots.
    fn quench(&self, liquids: &[LiquidRuns<D>]) -> Result<Vec<Vec<Vec<Outcome<D>>>>> {
        let mut items: Vec<(f64, u64, usize, &Key, &Configuration<D>)> = Vec::new();
        for liquid in liquids {
            let temperature = self.study.study.temperatures[liquid.temperature];
            for (run, (production, key)) in liquid.runs.iter().zip(&liquid.keys).enumerate() {
                for (index, snapshot) in production.snapshots.iter().enumerate() {
                    items.push((temperature, run as u64, index, key, snapshot));
                }
            }
        }
        for liquid in liquids {
            let temperature = self.study.study.temperatures[liquid.temperature];
            for (run, production) in liquid.runs.iter().enumerate() {
                let (done, of) = (0, production.snapshots.len() as u64);
                let share = Share { done, of };
                self.journal.glasses(temperature, run as u64, share);
            }
        }
        let bar = self.progress.stage("glasses", items.len() as u64);
        let outcomes = for_each(
            self.threads,
            &items,
            |&(temperature, run, index, production, snapshot), failed| {
                const KIND: &str = "glass";
                let settings = &self.study.study.glasses;
                let key = Key::of(&(production, index, settings))?;
                let path = self.file(temperature, &format!("{run}-{index:03}"), &key, KIND);
                let _at_work = self.journal.at_work(temperature, run);
                let outcome = if let Some(outcome) = self.load::<Outcome<D>>(&path, KIND, &key)? {
                    outcome
                } else {
                    check_stop(failed)?;
                    let begun = Instant::now();
                    let indices = [temperature.to_bits(), run, index as u64];
                    let seed = Seed(self.study.study.seed).derive("glass", &indices);
                    let outcome = glass::measure(self.potential, snapshot.clone(), settings, seed);
                    storage::save(&path, KIND, &key, &outcome)?;
                    self.journal.made_glass(begun.elapsed());
                    outcome
                };
                self.journal.has_glass(temperature, run);
                bar.inc(1);
                Ok(outcome)
            },
        )?;
        bar.finish_with_message("done");
        let mut outcomes = outcomes.into_iter();
        let sorted: Vec<Vec<Vec<Outcome<D>>>> = liquids
            .iter()
            .map(|liquid| {
                let runs = liquid.runs.iter();
                runs.map(|run| outcomes.by_ref().take(run.snapshots.len()).collect())
                    .collect()
            })
            .collect();
        ensure!(
            outcomes.next().is_none(),
            "the glasses do not match the snapshots: this is an error of the program"
        );
        Ok(sorted)
    }
}
