//! The page about solvers: its tables and figures.

use crate::Outcome;
use crate::figure::{Axis, Color, Curve, Figure, Panel, Style};
use crate::records::{PowerLaw, Records, Task, documents};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use vitreous::linresp::{Automatic, solvers::automatic::Method};

/// What is generated stands between these lines of the page.
const MARKERS: [&str; 2] = ["<!-- generated: begin -->", "<!-- generated: end -->"];
/// Laws of growth are fitted from this size on.
const SMALLEST_FITTED: usize = 500;

/// Writes tables and figures.
pub(crate) fn write(records: &Records) -> Outcome<()> {
    let folder = documents().join("solvers");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("time.svg"), times(records).svg()?)?;
    fs::write(folder.join("crossover.svg"), crossovers(records).svg()?)?;
    let path = documents().join("solvers.md");
    let page = fs::read_to_string(&path)?;
    let missing = || format!("{} lacks the lines {MARKERS:?}", path.display());
    let (before, rest) = page.split_once(MARKERS[0]).ok_or_else(missing)?;
    let (_, after) = rest.split_once(MARKERS[1]).ok_or_else(missing)?;
    let tables = tables(records)?;
    let page = format!("{before}{}\n{tables}\n{}{after}", MARKERS[0], MARKERS[1]);
    Ok(fs::write(path, page)?)
}

/// All tables as Markdown.
fn tables(records: &Records) -> Outcome<String> {
    let mut text = String::new();
    writeln!(text, "{}\n", machine()?)?;
    for model in records.models() {
        let sizes = records.sizes(&model);
        write!(text, "**{model}**")?;
        for &size in &sizes {
            if let Some(record) = records
                .over_sizes(&model, Task::Assemble)
                .iter()
                .find(|r| r.particles == size)
            {
                let comma = if size == sizes[0] {
                    ": contacts and interactions"
                } else {
                    ";"
                };
                write!(
                    text,
                    "{comma} {:.1}, {} at N = {size}",
                    record.contacts, record.interactions
                )?;
            }
        }
        write!(text, ".\n\n| seconds |")?;
        for size in &sizes {
            write!(text, " {size} |")?;
        }
        write!(text, "\n|---|{}", "---|".repeat(sizes.len()))?;
        for task in Task::ALL {
            write!(text, "\n| {} |", task.name())?;
            for &size in &sizes {
                match records.get(&model, size, task) {
                    None => write!(text, " |")?,
                    Some(record) => {
                        write!(text, " {}", duration(record.seconds))?;
                        if let Some(iterations) = record.iterations {
                            write!(text, " ({iterations:.0})")?;
                        }
                        if record.runs == 1 {
                            write!(text, "*")?;
                        }
                        write!(text, " |")?;
                    }
                }
            }
        }
        text.push_str("\n\n");
    }
    memory(records, &mut text)?;
    crossover_table(records, &mut text)?;
    exponents(records, &mut text)?;
    Ok(text)
}

/// Three digits.
fn duration(seconds: f64) -> String {
    let digits = (2 - seconds.log10().floor() as i32).clamp(0, 8) as usize;
    format!("{seconds:.digits$}")
}

fn memory(records: &Records, text: &mut String) -> Outcome<()> {
    text.push_str("### Memory\n\nNumbers stored beside the Hessian, in millions, and in brackets those of the factor for each particle:\n");
    let tasks = [
        Task::Factor,
        Task::DenseFactor,
        Task::GaussSeidel,
        Task::IncompleteCholesky,
    ];
    text.push_str("\n| | N |");
    for task in tasks {
        write!(text, " {} |", task.name())?;
    }
    write!(text, "\n|---|---|{}", "---|".repeat(tasks.len()))?;
    for model in records.models() {
        for size in records.sizes(&model) {
            write!(text, "\n| {model} | {size} |")?;
            for task in tasks {
                let stored = records
                    .get(&model, size, task)
                    .and_then(|r| r.stored_numbers);
                match stored {
                    None => text.push_str(" |"),
                    Some(stored) => {
                        write!(text, " {:.3}", stored as f64 / 1e6)?;
                        if task == Task::Factor {
                            write!(text, " ({:.0})", stored as f64 / size as f64)?;
                        }
                        text.push_str(" |");
                    }
                }
            }
        }
    }
    text.push_str("\n\n");
    Ok(())
}

/// The number of right-hand sides from which the factor pays: measured, and by [`Automatic`].
fn crossover(records: &Records, model: &str, size: usize) -> Option<(f64, Option<usize>)> {
    let seconds = |task| records.get(model, size, task).map(|record| record.seconds);
    let head_start = seconds(Task::Factor)? - seconds(Task::Search)?;
    let gain = seconds(Task::GaussSeidel)? - seconds(Task::Solve)?;
    let measured = if head_start <= 0.0 {
        0.0
    } else if gain <= 0.0 {
        f64::INFINITY
    } else {
        head_start / gain
    };
    let contacts = records.get(model, size, Task::Factor)?.contacts;
    let rule = (1..100_000)
        .find(|&count| Automatic::choose(size, contacts, count) != Method::ConjugateGradient);
    Some((measured, rule))
}

fn crossover_table(records: &Records, text: &mut String) -> Outcome<()> {
    text.push_str("### Crossovers\n\nThe number of right-hand sides from which a factor on one thread is faster than conjugate gradients, the preparation of both included:\n");
    text.push_str("\n| | N | measured | rule of `Automatic` |\n|---|---|---|---|");
    for model in records.models() {
        for size in records.sizes(&model) {
            if let Some((measured, rule)) = crossover(records, &model, size) {
                let rule = rule.map_or("none".to_owned(), |rule| rule.to_string());
                write!(text, "\n| {model} | {size} | {measured:.1} | {rule} |")?;
            }
        }
    }
    text.push_str("\n\n");
    Ok(())
}

fn exponents(records: &Records, text: &mut String) -> Outcome<()> {
    write!(
        text,
        "### Growth\n\nLeast squares of `t = a N^b` from N = {SMALLEST_FITTED} on (in brackets the standard error of `b` from the scatter about the law, in units of the last digit), and `t` at N = 1000 by the law:\n\n|  |"
    )?;
    for model in records.models() {
        write!(text, " {model}: b | t(1000) |")?;
    }
    write!(text, "\n|---|{}", "---|---|".repeat(records.models().len()))?;
    let mut row =
        |name: &str, value: &dyn Fn(&crate::records::Record) -> Option<f64>, task| -> Outcome<()> {
            write!(text, "\n| {name} |")?;
            for model in records.models() {
                let fitted = records.over_sizes(&model, task).into_iter();
                let fitted = fitted.filter(|record| record.particles >= SMALLEST_FITTED);
                let points: Vec<(f64, f64)> = fitted
                    .filter_map(|record| Some((record.particles as f64, value(record)?)))
                    .collect();
                match PowerLaw::fit(&points) {
                    None => write!(text, " | |")?,
                    Some(law) => {
                        let error = (100.0 * law.error).round();
                        let at = duration(law.at_thousand);
                        write!(text, " {:.2}({error:.0}) | {at} |", law.exponent)?;
                    }
                }
            }
            Ok(())
        };
    for task in [
        Task::Linearize,
        Task::Assemble,
        Task::Factor,
        Task::FactorThreads,
        Task::Solve,
        Task::Field,
        Task::FieldThreads,
        Task::GaussSeidel,
        Task::Identity,
    ] {
        row(task.name(), &|record| Some(record.seconds), task)?;
    }
    row(
        "iterations: CG, Gauss-Seidel",
        &|record| record.iterations,
        Task::GaussSeidel,
    )?;
    row(
        "iterations: CG, no preconditioner",
        &|record| record.iterations,
        Task::Identity,
    )?;
    row(
        "numbers in the factor",
        &|record| Some(record.stored_numbers? as f64),
        Task::Factor,
    )?;
    text.push('\n');
    Ok(())
}

/// The name of a quantity and its value for a model and a size.
type Quantity<'a> = (&'a str, &'a dyn Fn(&str, usize) -> Option<f64>);

fn times(records: &Records) -> Figure {
    let seconds = |model: &str, size, task| records.get(model, size, task).map(|r| r.seconds);
    let quantities: [Quantity; 6] = [
        ("CG", &|model, size| seconds(model, size, Task::GaussSeidel)),
        ("CG, not preconditioned", &|model, size| {
            seconds(model, size, Task::Identity)
        }),
        ("factor for one", &|model, size| {
            Some(seconds(model, size, Task::Factor)? + seconds(model, size, Task::Solve)?)
        }),
        ("factor at hand", &|model, size| {
            seconds(model, size, Task::Solve)
        }),
        ("whole field, each", &|model, size| {
            let record = records.get(model, size, Task::Field)?;
            let total = record.seconds + seconds(model, size, Task::Factor)?;
            Some(total / record.interactions as f64)
        }),
        ("dense for one", &|model, size| {
            Some(seconds(model, size, Task::DenseFactor)? + seconds(model, size, Task::DenseSolve)?)
        }),
    ];
    let y = Axis::logarithmic("seconds per right-hand side");
    panels(records, Figure::new("", y), &quantities)
}

fn crossovers(records: &Records) -> Figure {
    let quantities: [Quantity; 2] = [
        ("measured", &|model, size| {
            Some(crossover(records, model, size)?.0)
        }),
        ("rule of Automatic", &|model, size| {
            Some(crossover(records, model, size)?.1? as f64)
        }),
    ];
    let y = Axis::logarithmic("right-hand sides at the crossover");
    panels(records, Figure::new("", y), &quantities)
}

/// One panel for each model.
fn panels(records: &Records, figure: Figure, quantities: &[Quantity]) -> Figure {
    records.models().iter().fold(figure, |figure, model| {
        let panel = Panel::new(Axis::logarithmic("N").range(200.0, 10_000.0)).heading(model);
        let panel = quantities
            .iter()
            .enumerate()
            .fold(panel, |panel, (number, (label, value))| {
                let sizes = records.sizes(model).into_iter();
                let points = sizes.filter_map(|size| Some((size as f64, value(model, size)?)));
                panel.curve(Curve::new(
                    *label,
                    Style::LineAndMarkers,
                    Color::Sequence(number),
                    points,
                ))
            });
        figure.panel(panel)
    })
}

/// The processor, the compiler and the date.
fn machine() -> Outcome<String> {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let processor = model.map_or("an unknown processor", |name| {
        name.trim_matches([' ', '\t', ':'])
    });
    let compiler = Command::new("rustc").arg("--version").output()?.stdout;
    let compiler = String::from_utf8(compiler)?;
    let cores = std::thread::available_parallelism()?;
    let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 86_400;
    let [year, month, day] = date(days);
    Ok(format!(
        "Page written on {year}-{month:02}-{day:02}. Processor: {processor}, {cores} cores; {}.",
        compiler.trim()
    ))
}

/// The date of the Gregorian calendar so many days after 1970-01-01.
fn date(mut days: u64) -> [u64; 3] {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    [year, month as u64 + 1, days + 1]
}
