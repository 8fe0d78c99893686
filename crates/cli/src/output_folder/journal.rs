//! The journal of a study: how far each piece of work is, for `vitreous status`.
//!
//! It is written beside the checkpoints as work goes on, about once a second. No result depends on it.

use crate::liquid::Reached;
use crate::storage;
use crate::study::Study;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

const NAME: &str = "progress.json";

/// The least time between two writings.
const PAUSE: Duration = Duration::from_secs(1);

/// What the journal says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What the study is, in words.
    pub(crate) title: String,
    /// The study, to know whether it was changed.
    pub(crate) study: String,
    /// The study with its temperatures, once they are known.
    pub(crate) resolved: Option<String>,
    /// The process that works or worked last, and its computer.
    pub(crate) process: u32,
    pub(crate) host: String,
    /// When it began, and when it last wrote, in seconds since 1970.
    pub(crate) started: u64,
    pub(crate) updated: u64,
    pub(crate) threads: usize,
    /// Seconds that all processes together worked, one after another.
    pub(crate) elapsed: f64,
    /// Whether the results are in place.
    pub(crate) finished: bool,
    /// Steps of the liquid made so far.
    pub(crate) steps: Work,
    /// Glasses made so far.
    pub(crate) glasses: Work,
    /// The search for temperatures, if there is one.
    pub(crate) search: Option<Search>,
    /// Every run of every temperature, in the order of the study.
    pub(crate) runs: Vec<Run>,
    /// The names of the checkpoints that were read or written.
    pub(crate) checkpoints: BTreeSet<String>,
}

/// The search for temperatures.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Search {
    /// Of the last probe.
    pub(crate) temperature: f64,
    /// The longest `tau_alpha/t0` that was found.
    pub(crate) relaxation_time: Option<f64>,
}

/// An amount of work with the seconds it took one thread.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) amount: u64,
    pub(crate) seconds: f64,
}

impl Work {
    fn add(&mut self, amount: u64, time: Duration) {
        self.amount += amount;
        self.seconds += time.as_secs_f64();
    }

    /// Seconds that one unit takes.
    pub(crate) fn cost(&self) -> Option<f64> {
        (self.amount > 0).then(|| self.seconds / self.amount as f64)
    }
}

/// One run at one temperature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) temperature: f64,
    /// Counted from 0.
    pub(crate) number: u64,
    /// Pieces of this run that are being worked at.
    pub(crate) at_work: u64,
    pub(crate) equilibration: Reached,
    /// Steps measured and to be measured, once that is known.
    pub(crate) production: Option<Share>,
    /// Whether the runs of this temperature are not going to be continued.
    pub(crate) settled: bool,
    /// Glasses made and to be made.
    pub(crate) glasses: Share,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) done: u64,
    pub(crate) of: u64,
}

impl Share {
    /// What is left.
    pub(crate) fn left(self) -> u64 {
        self.of.saturating_sub(self.done)
    }
}

impl Record {
    /// Reads the journal of a folder of checkpoints, `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read or understood.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let explain = || {
            format!(
                "cannot read {}; running the study again writes it anew",
                path.display()
            )
        };
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(explain)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(explain),
        }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

/// A moment in words.
pub(crate) fn moment(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .to_string()
}

/// The name of this computer.
pub(crate) fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// The journal of a run that is going on.
pub(crate) struct Journal {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    record: Record,
    /// Seconds worked before this process.
    before: f64,
    begun: Instant,
    written: Option<Instant>,
}

impl Journal {
    /// Begins, with what is known from before if the study, given as text too, is the same.
    pub(crate) fn begin(folder: &Path, study: &Study, text: String, threads: NonZeroUsize) -> Self {
        // A damaged journal is written anew.
        let before = Record::read(folder).ok().flatten();
        let before = before.filter(|before| before.study == text);
        let now = now();
        let mut record = Record {
            title: format!(
                "{}: model {}, N = {}, {} runs at each temperature",
                study.title(),
                study.model,
                study.particles,
                study.runs
            ),
            study: text,
            resolved: None,
            process: std::process::id(),
            host: host(),
            started: now,
            updated: now,
            threads: threads.get(),
            elapsed: 0.0,
            finished: false,
            steps: Work::default(),
            glasses: Work::default(),
            search: None,
            runs: Vec::new(),
            checkpoints: BTreeSet::new(),
        };
        if let Some(before) = before {
            record.resolved = before.resolved;
            record.elapsed = before.elapsed;
            record.steps = before.steps;
            record.glasses = before.glasses;
            record.search = before.search;
            record.runs = before.runs;
            for run in &mut record.runs {
                run.at_work = 0;
            }
        }
        let journal = Self {
            path: folder.join(NAME),
            state: Mutex::new(State {
                before: record.elapsed,
                record,
                begun: Instant::now(),
                written: None,
            }),
        };
        journal.update(|_| {});
        journal
    }

    /// How far the search for temperatures is: the temperature of the last probe, and the longest relaxation time.
    pub(crate) fn searching(&self, temperature: f64, relaxation_time: Option<f64>) {
        self.update(|record| {
            record.search = Some(Search {
                temperature,
                relaxation_time,
            });
        });
    }

    /// Begins with the runs of a study, given as text too. `unstarted` says what equilibration at the temperature of
    /// an index will take.
    pub(crate) fn begin_runs(
        &self,
        study: &Study,
        text: &str,
        unstarted: impl Fn(usize) -> Reached,
    ) {
        let run = |temperature: usize, number: u64| Run {
            temperature: study.temperatures[temperature],
            number,
            at_work: 0,
            equilibration: unstarted(temperature),
            production: None,
            settled: false,
            glasses: Share {
                done: 0,
                of: study.glasses.per_run,
            },
        };
        let all = 0..study.temperatures.len();
        let all = all.flat_map(|temperature| (0..study.runs).map(move |run| (temperature, run)));
        self.update(|record| {
            if record.resolved.as_deref() != Some(text) {
                record.resolved = Some(text.to_owned());
                record.runs = all
                    .map(|(temperature, index)| run(temperature, index))
                    .collect();
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole by itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Record)) {
        let mut state = self.state();
        change(&mut state.record);
        if state.written.is_none_or(|time| time.elapsed() >= PAUSE) {
            self.write(&mut state);
        }
    }

    fn write(&self, state: &mut State) {
        state.record.elapsed = state.before + state.begun.elapsed().as_secs_f64();
        state.record.updated = now();
        state.written = Some(Instant::now());
        if let Ok(text) = serde_json::to_vec_pretty(&state.record) {
            // Where it cannot be written checkpoints cannot be either, and that is reported.
            let _ = storage::write(&self.path, &text);
        }
    }

    fn update_run(&self, temperature: f64, run: u64, change: impl FnOnce(&mut Run)) {
        self.update(|record| {
            let mut runs = record.runs.iter_mut();
            let own = runs.find(|other| other.temperature == temperature && other.number == run);
            if let Some(run) = own {
                change(run);
            }
        });
    }

    /// A piece of work on a run begins; it ends when what is returned is dropped.
    pub(crate) fn at_work(&self, temperature: f64, run: u64) -> AtWork<'_> {
        self.update_run(temperature, run, |run| run.at_work += 1);
        AtWork {
            journal: self,
            temperature,
            run,
        }
    }

    /// How far a run is from equilibrium.
    pub(crate) fn equilibration(&self, temperature: f64, run: u64, reached: Reached) {
        self.update_run(temperature, run, |run| run.equilibration = reached);
    }

    /// How much of a run is measured.
    pub(crate) fn production(&self, temperature: f64, run: u64, share: Share) {
        self.update_run(temperature, run, |run| run.production = Some(share));
    }

    /// The runs of a temperature are long enough.
    pub(crate) fn settle(&self, temperature: f64) {
        self.update(|record| {
            for run in &mut record.runs {
                run.settled |= run.temperature == temperature;
            }
        });
    }

    /// How many glasses of a run are there, and will be.
    pub(crate) fn glasses(&self, temperature: f64, run: u64, share: Share) {
        self.update_run(temperature, run, |run| run.glasses = share);
    }

    /// One more glass of a run is there.
    pub(crate) fn has_glass(&self, temperature: f64, run: u64) {
        self.update_run(temperature, run, |run| run.glasses.done += 1);
    }

    /// Steps were made by one thread.
    pub(crate) fn made_steps(&self, steps: u64, time: Duration) {
        self.update(|record| record.steps.add(steps, time));
    }

    /// A glass was made by one thread.
    pub(crate) fn made_glass(&self, time: Duration) {
        self.update(|record| record.glasses.add(1, time));
    }

    /// A checkpoint is one of this study.
    pub(crate) fn uses(&self, checkpoint: &Path) {
        if let Some(name) = checkpoint.file_name() {
            let name = name.to_string_lossy().into_owned();
            self.update(|record| {
                record.checkpoints.insert(name);
            });
        }
    }

    /// The results are in place.
    pub(crate) fn finish(&self) {
        self.state().record.finished = true;
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let mut state = self.state();
        for run in &mut state.record.runs {
            run.at_work = 0;
        }
        self.write(&mut state);
    }
}

/// A piece of work that is going on.
pub(crate) struct AtWork<'a> {
    journal: &'a Journal,
    temperature: f64,
    run: u64,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.journal.update_run(self.temperature, self.run, |run| {
            run.at_work = run.at_work.saturating_sub(1);
        });
    }
}
