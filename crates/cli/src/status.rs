//! `vitreous status`: how far a study is.

use crate::building_blocks::print;
use crate::output_folder::journal::{Record, Run, Search, Share, moment};
use crate::output_folder::lock::Lock;
use crate::output_folder::results::{self, Found};
use crate::output_folder::{CHECKPOINTS, RESOLVED_STUDY};
use crate::storage::{self, Flaw};
use anyhow::{Context, Result, anyhow};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Status {
    /// The output folder of a study.
    folder: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Looks and prints.
    pub(crate) fn execute(&self) -> Result<()> {
        print(&Report::of(&self.folder)?, self.json)
    }
}

/// What there is to say.
#[derive(Serialize)]
struct Report {
    title: String,
    folder: String,
    running: Option<bool>,
    process: u32,
    host: String,
    started: String,
    updated: String,
    threads: usize,
    search: Option<Search>,
    temperatures: Vec<Temperature>,
    elapsed_seconds: f64,
    seconds_left: Option<f64>,
    at_least: bool,
    results: Results,
    page: Option<String>,
    problems: Vec<String>,
    unused: Vec<String>,
}

#[derive(Serialize)]
struct Temperature {
    temperature: f64,
    runs: Vec<RunReport>,
}

/// A run at a temperature, as in the journal.
#[derive(Serialize)]
struct RunReport {
    run: u64,
    at_work: bool,
    window: u32,
    equilibration_steps: u64,
    equilibration_steps_expected: u64,
    relaxation_time: Option<f64>,
    equilibrated: Option<bool>,
    production_steps: Option<u64>,
    production_steps_expected: Option<u64>,
    settled: bool,
    glasses: u64,
    glasses_expected: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Results {
    None,
    Complete,
    Earlier,
    Unfinished,
    Changed,
}

impl Report {
    fn of(folder: &Path) -> Result<Self> {
        let checkpoints = folder.join(CHECKPOINTS);
        let running = Lock::is_taken(&checkpoints);
        let record = Record::read(&checkpoints)?.ok_or_else(|| {
            anyhow!(
                "there is no study in {}: give the output folder of one, such as output/quick, after `vitreous run` began",
                folder.display()
            )
        })?;
        let (mut problems, unused) = look_at_checkpoints(&checkpoints, &record)?;
        let results = look_at_results(folder, &record, &mut problems);
        let left = Left::of(&record);
        let working = running != Some(false);
        let mut temperatures: Vec<Temperature> = Vec::new();
        for run in &record.runs {
            let report = RunReport::of(run, working);
            match temperatures.last_mut() {
                Some(last) if last.temperature == run.temperature => last.runs.push(report),
                _ => temperatures.push(Temperature {
                    temperature: run.temperature,
                    runs: vec![report],
                }),
            }
        }
        let page = folder.join("index.html");
        Ok(Self {
            title: record.title,
            folder: folder.display().to_string(),
            running,
            process: record.process,
            host: record.host,
            started: moment(record.started),
            updated: moment(record.updated),
            threads: record.threads,
            search: record.search,
            temperatures,
            elapsed_seconds: record.elapsed,
            seconds_left: left.map(|left| left.seconds),
            at_least: left.is_some_and(|left| left.at_least),
            page: (results != Results::None && page.exists()).then(|| page.display().to_string()),
            results,
            problems,
            unused,
        })
    }
}

impl RunReport {
    fn of(run: &Run, working: bool) -> Self {
        Self {
            run: run.number,
            at_work: working && run.at_work > 0,
            window: run.equilibration.window,
            equilibration_steps: run.equilibration.steps,
            equilibration_steps_expected: run.equilibration.expected,
            relaxation_time: run.equilibration.relaxation_time,
            equilibrated: run.equilibration.equilibrated,
            production_steps: run.production.map(|share| share.done),
            production_steps_expected: run.production.map(|share| share.of),
            settled: run.settled,
            glasses: run.glasses.done,
            glasses_expected: run.glasses.of,
        }
    }
}

/// Problems with checkpoints in words, and those that the study does not use.
fn look_at_checkpoints(folder: &Path, record: &Record) -> Result<(Vec<String>, Vec<String>)> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect()
        })
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    names.retain(|name| {
        let kinds = [".equilibration", ".production", ".glass"];
        !name.starts_with('.') && kinds.iter().any(|kind| name.ends_with(kind))
    });
    names.sort();
    let mut problems = Vec::new();
    for name in &names {
        match storage::flaw(&folder.join(name)) {
            // Those of older formats are unused, not damaged.
            Ok(None | Some(Flaw::Version { .. })) => {}
            Ok(Some(flaw)) => problems.push(format!(
                "checkpoint {name}: {flaw}; what it held will be computed again"
            )),
            Err(error) => problems.push(format!("{error:#}")),
        }
    }
    if record.finished {
        names.retain(|name| !record.checkpoints.contains(name));
    } else {
        names.clear();
    }
    Ok((problems, names))
}

fn look_at_results(folder: &Path, record: &Record, problems: &mut Vec<String>) -> Results {
    let found = results::inspect(folder);
    if let Found::Changed(files) = &found {
        problems.push(format!(
            "changed or missing since the results were written: {}; running the study again writes them anew",
            files.join(", ")
        ));
    }
    match found {
        Found::Nothing => Results::None,
        Found::Unsealed => Results::Unfinished,
        Found::Changed(_) => Results::Changed,
        Found::Whole => match std::fs::read_to_string(folder.join(RESOLVED_STUDY)) {
            Ok(text) if Some(&text) == record.resolved.as_ref() => Results::Complete,
            _ => Results::Earlier,
        },
    }
}

/// The time that a study still takes.
#[derive(Clone, Copy)]
struct Left {
    seconds: f64,
    /// Whether something that takes time is not known yet.
    at_least: bool,
}

impl Left {
    /// From the speed so far, `None` if nothing was timed.
    ///
    /// The three stages follow one another; each takes as long as its work takes all threads together, and no less
    /// than its longest piece.
    fn of(record: &Record) -> Option<Self> {
        let per_step = record.steps.cost()?;
        // Colder liquids take longer: a time not known yet is at least that of the warmer temperature.
        let mut known = 0;
        let mut at_least = false;
        let (mut equilibrate, mut produce) = (Vec::new(), Vec::new());
        let mut glasses = 0;
        for runs in record
            .runs
            .chunk_by(|left, right| left.temperature == right.temperature)
        {
            let undecided = |run: &&Run| run.equilibration.equilibrated.is_none();
            equilibrate.extend(runs.iter().filter(undecided).map(|run| {
                let reached = run.equilibration;
                reached.expected.saturating_sub(reached.steps)
            }));
            // Runs are continued if the liquid turns out not to be thermalised.
            at_least |= runs.iter().any(|run| !run.settled);
            let unknown = runs
                .iter()
                .any(|run| run.equilibration.production.is_none());
            let longest = runs.iter().filter_map(|run| run.equilibration.production);
            known = longest.fold(if unknown { known } else { 0 }, u64::max);
            produce.extend(
                runs.iter()
                    .map(|run| run.production.map_or(known, Share::left)),
            );
            glasses += runs.iter().map(|run| run.glasses.left()).sum::<u64>();
        }
        at_least |= record.runs.is_empty();
        let per_glass = record.glasses.cost();
        at_least |= glasses > 0 && per_glass.is_none();
        let threads = record.threads.max(1) as f64;
        let stage = |pieces: &[u64]| {
            let longest = pieces.iter().copied().max().unwrap_or(0) as f64;
            longest.max(pieces.iter().sum::<u64>() as f64 / threads)
        };
        let glasses = glasses as f64;
        let seconds = per_step * (stage(&equilibrate) + stage(&produce))
            + per_glass.unwrap_or(0.0) * (glasses / threads).max(glasses.min(1.0));
        Some(Self { seconds, at_least })
    }
}

/// A duration to two parts: `1h 12m`, `3m 20s`.
fn duration(seconds: f64) -> String {
    let seconds = seconds.round().max(0.0) as u64;
    let rounded = match seconds {
        86_400.. => seconds / 3_600 * 3_600,
        3_600.. => seconds / 60 * 60,
        _ => seconds,
    };
    humantime::format_duration(Duration::from_secs(rounded)).to_string()
}

impl RunReport {
    /// How far equilibration is, for those that are not through.
    fn equilibration(&self) -> String {
        let percent = 100.0 * self.equilibration_steps as f64
            / self.equilibration_steps_expected.max(1) as f64;
        let tau = match self.relaxation_time {
            Some(tau) => format!("tau_alpha/t0 about {tau:.3}"),
            None => "F_s has not relaxed yet".to_owned(),
        };
        format!("window {}, {percent:.0} %, {tau}", self.window)
    }
}

/// `4 done, 2 running, 1 left`, without zeros.
fn counts(done: usize, running: usize, all: usize) -> String {
    let parts = [
        (done, "done"),
        (running, "running"),
        (all - done - running, "left"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = parts
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    words.join(", ")
}

impl Temperature {
    /// What is done and left in each stage, and for runs on their way to equilibrium a line each.
    fn cells(&self) -> [String; 4] {
        let count =
            |which: &dyn Fn(&RunReport) -> bool| self.runs.iter().filter(|r| which(r)).count();
        let all = self.runs.len();
        let too_slow = count(&|run| run.equilibrated == Some(false));
        let mut equilibrate = counts(
            count(&|run| run.equilibrated == Some(true)),
            count(&|run| run.equilibrated.is_none() && run.at_work),
            all - too_slow,
        );
        if too_slow > 0 {
            let word = if equilibrate.is_empty() { "" } else { ", " };
            equilibrate = format!("{equilibrate}{word}{too_slow} too slow");
        }
        let made: u64 = self
            .runs
            .iter()
            .filter_map(|run| run.production_steps)
            .sum();
        let of: Vec<u64> = self
            .runs
            .iter()
            .filter_map(|run| run.production_steps_expected)
            .collect();
        let through = |run: &RunReport| run.settled;
        let produce = match of.iter().max() {
            None => "-".to_owned(),
            Some(longest) => format!(
                "{:.0} % ({})",
                100.0 * made as f64 / (longest * all as u64).max(1) as f64,
                counts(
                    count(&through),
                    count(&|run| run.production_steps.is_some() && !through(run) && run.at_work),
                    all
                )
            ),
        };
        let glasses: u64 = self.runs.iter().map(|run| run.glasses).sum();
        let expected: u64 = self.runs.iter().map(|run| run.glasses_expected).sum();
        [
            self.temperature.to_string(),
            equilibrate,
            produce,
            format!("{glasses} of {expected}"),
        ]
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        let complete = self.results == Results::Complete;
        let state = match self.running {
            Some(true) => format!("running since {}", self.started),
            Some(false) if complete => format!("complete, since {}", self.updated),
            Some(false) => format!(
                "not running since {}; the same command goes on",
                self.updated
            ),
            None => format!(
                "last heard of at {} (the folder cannot be locked)",
                self.updated
            ),
        };
        let Self {
            process,
            host,
            threads,
            ..
        } = self;
        writeln!(
            f,
            "{}: {state} (process {process} on {host}, {threads} threads)\n",
            self.folder
        )?;

        let head = ["T", "equilibrate", "measure", "glasses"].map(str::to_owned);
        let rows: Vec<[String; 4]> = self.temperatures.iter().map(Temperature::cells).collect();
        let mut widths = [0; 4];
        for row in std::iter::once(&head).chain(&rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.len().max(*width);
            }
        }
        let line = |row: &[String; 4]| {
            let [a, b, c, d] = row;
            let text = format!(
                "  {a:>0$}  {b:<1$}  {c:<2$}  {d}",
                widths[0], widths[1], widths[2]
            );
            text.trim_end().to_owned()
        };
        if let (Some(search), true) = (&self.search, self.temperatures.is_empty()) {
            let tau = search.relaxation_time.unwrap_or(0.0);
            writeln!(
                f,
                "  searching temperatures: T = {}, tau_alpha/t0 up to {tau:.3}",
                search.temperature
            )?;
        } else {
            writeln!(f, "{}", line(&head))?;
        }
        for (row, temperature) in rows.iter().zip(&self.temperatures) {
            writeln!(f, "{}", line(row))?;
            let begun =
                |run: &&RunReport| run.equilibrated.is_none() && run.equilibration_steps > 0;
            for run in temperature.runs.iter().filter(begun) {
                let indent = widths[0] + 4;
                writeln!(f, "{:indent$}run {}: {}", "", run.run, run.equilibration())?;
            }
        }
        writeln!(f)?;

        let elapsed = duration(self.elapsed_seconds);
        match self.seconds_left {
            _ if complete => writeln!(f, "took {elapsed}")?,
            Some(seconds) => writeln!(
                f,
                "worked {elapsed}; {} {} left",
                if self.at_least { "at least" } else { "about" },
                duration(seconds)
            )?,
            None => writeln!(f, "worked {elapsed}; the time left is not known yet")?,
        }
        let page = self.page.as_deref().unwrap_or("index.html");
        match self.results {
            Results::None => writeln!(f, "results: none yet")?,
            Results::Complete => writeln!(f, "results: {page}")?,
            Results::Earlier => {
                writeln!(f, "results: {page}, of the study before it was changed")?;
            }
            Results::Unfinished if self.running == Some(true) => {
                writeln!(f, "results: being put into place")?;
            }
            Results::Unfinished => writeln!(
                f,
                "results: not whole, the run ended while it replaced them; run the study again"
            )?,
            Results::Changed => writeln!(f, "results: {page}, changed since")?,
        }
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        if !self.unused.is_empty() {
            writeln!(
                f,
                "{} checkpoints are of other studies or versions; --json lists them as `unused`",
                self.unused.len()
            )?;
        }
        Ok(())
    }
}
