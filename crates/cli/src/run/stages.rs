//! The stages of a study, each a list of independent pieces of work: equilibrate every run of the liquid, measure it, quench and
//! analyse its snapshots. Every piece stores what it reached under a key made of all its input, so a second run of the same study
//! continues and a changed one recomputes what depends on the change.

use super::Options;
use crate::glass::{self, Outcome};
use crate::liquid::{
    Bath, Equilibrated, Equilibration, LiquidRuns, Plan, Production, Search, Window, slowest,
};
use crate::output_folder::OutputFolder;
use crate::output_folder::journal::Share;
use crate::storage::{self, Key, Stored};
use crate::study::Resolved;
use crate::tasks::{Progress, check_stop, for_each};
use crate::thermalised::{judge, next};
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use serde::{Serialize, de::DeserializeOwned};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use vitreous::md_core::{Potential, Seed};

pub(super) struct Runner<'a, const D: usize> {
    study: &'a Resolved,
    potential: &'a dyn Potential<D>,
    output: &'a OutputFolder,
    threads: NonZeroUsize,
    pub(super) progress: Progress,
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
    cooling_rate: Option<f64>,
    seed: u64,
    temperature: f64,
    run: u64,
}

impl<'a, const D: usize> Runner<'a, D> {
    pub(super) fn new(
        study: &'a Resolved,
        potential: &'a dyn Potential<D>,
        options: &Options,
        output: &'a OutputFolder,
    ) -> Self {
        Self {
            study,
            potential,
            output,
            threads: options.threads,
            progress: Progress::new(options.quiet),
        }
    }

    /// Searches the temperatures at which the liquid has given values of `tau_alpha/t0`, from `warm` on.
    pub(super) fn search(&self, targets: &[f64], warm: f64) -> Result<Vec<f64>> {
        const KIND: &str = "search";
        let bath_at = |temperature| Bath::new(self.study, self.potential, temperature);
        let key = Key::of(&(
            self.liquid_key(warm, 0)?,
            targets,
            self.study.study.equilibration.longest,
        ))?;
        let path = self.file("temperatures", &key, KIND);
        let mut search = match self.load::<Search<D>>(&path, KIND, &key)? {
            Some(search) => search,
            None => Search::start(&bath_at(warm)?)?,
        };
        let bar = self.progress.stage("search", targets.len() as u64);
        let failed = AtomicBool::new(false);
        while let Some(temperature) = search.temperature() {
            check_stop(&failed)?;
            let explain = || format!("in the search for temperatures, at T = {temperature}");
            let bath = bath_at(temperature)?;
            search
                .advance(&bath, bath_at, targets)
                .with_context(explain)?;
            storage::save(&path, KIND, &key, &search)?;
            let reached = search.coldest().unwrap_or(0.0);
            let passed = targets.iter().filter(|&&target| target <= reached);
            bar.set_position(passed.count() as u64);
            bar.set_message(format!("T = {temperature}"));
            self.output.journal.searching(temperature, search.coldest());
        }
        bar.finish_with_message("done");
        search.temperatures(targets)
    }

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
            cooling_rate: study.equilibration.cooling_rate,
            seed: study.seed,
            temperature,
            run,
        })
    }

    /// The file of a checkpoint; different input gives different names.
    fn file(&self, name: &str, key: &Key, kind: &str) -> PathBuf {
        let name = format!("{name}-{}.{kind}", key.short());
        self.output.checkpoints.join(name)
    }

    /// Loads a checkpoint, and says so if there is one that cannot be used.
    fn load<T: DeserializeOwned>(&self, path: &Path, kind: &str, key: &Key) -> Result<Option<T>> {
        self.output.journal.uses(path);
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
    pub(super) fn equilibrate(&self, baths: &[Bath<'a, D>]) -> Result<Vec<Vec<Equilibration<D>>>> {
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
        let path = self.file(&format!("T{}-run{run}", bath.temperature), &key, KIND);
        let explain = || format!("at T = {}, run {run}", bath.temperature);
        let journal = &self.output.journal;
        let _at_work = journal.at_work(bath.temperature, run);
        let mut state = match self.load::<Equilibration<D>>(&path, KIND, &key)? {
            Some(mut state) => {
                // The limit may have been raised since.
                if state.outcome == Some(Equilibrated::TooSlow) {
                    state.outcome = None;
                }
                state
            }
            None => bath.prepare(run).with_context(explain)?,
        };
        journal.equilibration(bath.temperature, run, bath.reached(Some(&state)));
        while state.outcome.is_none() {
            check_stop(failed)?;
            let begun = Instant::now();
            let made = bath.equilibrate(&mut state).with_context(explain)?;
            storage::save(&path, KIND, &key, &state)?;
            journal.made_steps(made, begun.elapsed());
            journal.equilibration(bath.temperature, run, bath.reached(Some(&state)));
            bar.set_message(format!("T = {} run {run}", bath.temperature));
        }
        Ok(state)
    }

    /// Measures every run, and goes on with those temperatures whose halves differ or do not tell.
    ///
    /// A temperature that was not equilibrated is measured once, for half of the time that it was given.
    pub(super) fn produce(
        &self,
        baths: &[Bath<'a, D>],
        equilibrated: &[Vec<Equilibration<D>>],
    ) -> Result<Vec<LiquidRuns<D>>> {
        let plans: Vec<Plan> = baths
            .iter()
            .zip(equilibrated)
            .map(|(bath, runs)| {
                let instead = 0.5 * bath.patience() / self.study.study.production.relaxation_times;
                Plan::new(self.study, slowest(runs).unwrap_or(instead))
            })
            .collect();
        let mut liquids: Vec<LiquidRuns<D>> = (0..baths.len())
            .map(|temperature| LiquidRuns {
                temperature,
                runs: Vec::new(),
                keys: Vec::new(),
                window: Window::start(),
                equilibrated: slowest(&equilibrated[temperature]).is_some(),
            })
            .collect();
        let mut waiting = vec![true; baths.len()];
        let bar = self.progress.stage("measure", 0);
        while waiting.contains(&true) {
            let mut items = self.runs(baths);
            items.retain(|&(temperature, _)| waiting[temperature]);
            for &(temperature, run) in &items {
                let made = liquids[temperature].runs.get(run as usize);
                let steps = plans[temperature].steps(liquids[temperature].window.end());
                bar.inc_length(steps.saturating_sub(made.map_or(0, Production::steps)));
            }
            let results = for_each(self.threads, &items, |&(temperature, run), failed| {
                let start = &equilibrated[temperature][run as usize];
                let liquid = &liquids[temperature];
                let made = liquid.runs.get(run as usize);
                let plan = &plans[temperature];
                let parts = liquid.window.end();
                let bath = &baths[temperature];
                self.produce_run(bath, run, (plan, parts), (start, made), failed, &bar)
            })?;
            for &(temperature, run) in &items {
                if run == 0 {
                    liquids[temperature].runs.clear();
                    liquids[temperature].keys.clear();
                }
            }
            for (&(temperature, _), (production, key)) in items.iter().zip(results) {
                liquids[temperature].runs.push(production);
                liquids[temperature].keys.push(key);
            }
            for (liquid, waiting) in liquids.iter_mut().zip(&mut waiting) {
                if !*waiting {
                    continue;
                }
                let bath = &baths[liquid.temperature];
                let verdict = judge(bath, &liquid.runs, liquid.window)?.verdict;
                let next = next(bath, liquid.runs.len(), liquid.window, verdict);
                *waiting = liquid.equilibrated && next.is_some();
                if !*waiting {
                    self.output.journal.settle(bath.temperature);
                }
                if let (true, Some(next)) = (*waiting, next) {
                    liquid.window = next;
                }
            }
        }
        bar.finish_with_message("done");
        Ok(liquids)
    }

    /// Measures a run to the end of so many parts, from what was made of it before, or from its checkpoint.
    fn produce_run(
        &self,
        bath: &Bath<'a, D>,
        run: u64,
        (plan, parts): (&Plan, usize),
        (start, made): (&Equilibration<D>, Option<&Production<D>>),
        failed: &AtomicBool,
        bar: &ProgressBar,
    ) -> Result<(Production<D>, Key)> {
        const KIND: &str = "production";
        let key = Key::of(&(
            self.liquid_key(bath.temperature, run)?,
            plan,
            self.study.study.glasses.per_run,
        ))?;
        let path = self.file(&format!("T{}-run{run}", bath.temperature), &key, KIND);
        let explain = || format!("at T = {}, run {run}", bath.temperature);
        let journal = &self.output.journal;
        let _at_work = journal.at_work(bath.temperature, run);
        let measured = |state: &Production<D>| {
            let of = plan.steps(parts);
            let done = state.steps().min(of);
            journal.production(bath.temperature, run, Share { done, of });
        };
        let mut state = match made {
            Some(made) => made.clone(),
            None => match self.load::<Production<D>>(&path, KIND, &key)? {
                Some(state) => state,
                None => bath.produce(start, plan).with_context(explain)?,
            },
        };
        if made.is_none() {
            bar.inc(state.steps().min(plan.steps(parts)));
        }
        measured(&state);
        while state.finished < parts {
            check_stop(failed)?;
            let begun = Instant::now();
            let made = bath
                .measure(&mut state, plan, parts)
                .with_context(explain)?;
            storage::save(&path, KIND, &key, &state)?;
            journal.made_steps(made, begun.elapsed());
            measured(&state);
            bar.inc(made);
        }
        Ok((state, key))
    }

    /// Quenches and analyses every snapshot. The result is in the order of the liquids, runs and snapshots.
    pub(super) fn quench(&self, liquids: &[LiquidRuns<D>]) -> Result<Vec<Vec<Vec<Outcome<D>>>>> {
        let mut items = Vec::new();
        let mut places = Vec::new();
        for (place, liquid) in liquids.iter().enumerate() {
            let temperature = self.study.study.temperatures[liquid.temperature];
            for (run, (production, key)) in liquid.runs.iter().zip(&liquid.keys).enumerate() {
                let per_run = self.study.study.glasses.per_run;
                let snapshots: Vec<_> = production.snapshots(liquid.window, per_run).collect();
                let (done, of) = (0, snapshots.len() as u64);
                let journal = &self.output.journal;
                journal.glasses(temperature, run as u64, Share { done, of });
                for (index, snapshot) in snapshots.into_iter().enumerate() {
                    places.push((place, run));
                    items.push((
                        temperature,
                        run as u64,
                        index,
                        (key, liquid.window),
                        snapshot,
                    ));
                }
            }
        }
        let bar = self.progress.stage("glasses", items.len() as u64);
        let outcomes = for_each(
            self.threads,
            &items,
            |&(temperature, run, index, (production, window), snapshot), failed| {
                const KIND: &str = "glass";
                let settings = &self.study.study.glasses;
                let key = Key::of(&(production, window, index, settings))?;
                let name = format!("T{temperature}-run{run}-{index:03}");
                let path = self.file(&name, &key, KIND);
                let journal = &self.output.journal;
                let _at_work = journal.at_work(temperature, run);
                let outcome = if let Some(outcome) = self.load::<Outcome<D>>(&path, KIND, &key)? {
                    outcome
                } else {
                    check_stop(failed)?;
                    let begun = Instant::now();
                    let indices = [temperature.to_bits(), run, index as u64];
                    let seed = Seed(self.study.study.seed).derive("glass", &indices);
                    let outcome = glass::measure(self.potential, snapshot.clone(), settings, seed);
                    storage::save(&path, KIND, &key, &outcome)?;
                    journal.made_glass(begun.elapsed());
                    outcome
                };
                journal.has_glass(temperature, run);
                bar.inc(1);
                Ok(outcome)
            },
        )?;
        bar.finish_with_message("done");
        // Items came by temperature and run.
        let mut sorted: Vec<Vec<Vec<Outcome<D>>>> = liquids
            .iter()
            .map(|liquid| liquid.runs.iter().map(|_| Vec::new()).collect())
            .collect();
        for ((liquid, run), outcome) in places.into_iter().zip(outcomes) {
            sorted[liquid][run].push(outcome);
        }
        Ok(sorted)
    }
}
