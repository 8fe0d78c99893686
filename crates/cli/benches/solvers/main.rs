//! The solvers of linear response over the size of a glass, and the page that says which to use.
//!
//! `cargo bench --bench solvers` times each task on quenched glasses of 250 to 8000 particles, keeps the times in
//! `docs/solvers/times.csv`, and writes from that file the tables in `docs/solvers.md` and the figures beside it.
//! What is not timed again stays as it was, so the work can be done in pieces:
//!
//! - `VITREOUS_BENCH_SIZES=250,500` and `VITREOUS_BENCH_MODELS=ipl,sw` choose glasses;
//! - `cargo bench --bench solvers -- "whole field"` does the tasks with these words in their names;
//! - with `VITREOUS_BENCH_SIZES=` nothing is timed, and the page is written anew.

#[path = "../../src"]
mod program {
    // A figure can do more than is needed here.
    #[allow(dead_code, unused_imports)]
    pub(crate) mod figure;
}
mod records;
mod report;

use criterion::{BenchmarkId, Criterion, SamplingMode};
use program::figure;
use records::{Record, Records, Task};
use std::error::Error;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use vitreous::linresp::{
    BlockConjugateGradient, BlockJacobi, Dense, Identity, IncompleteCholesky, InverseHessian,
};
use vitreous::prelude::*;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Steps of molecular dynamics before the quench.
const MELTING: u64 = 1000;
/// Right-hand sides that are solved for at once by factors.
const BLOCK: usize = 64;
/// Dipoles over which conjugate gradients are averaged.
const DIPOLES: usize = 4;
/// Dense algebra is timed up to this many particles.
const DENSE_LIMIT: usize = 1000;
/// What takes longer than this once is timed by a few runs, without Criterion.
const SLOW: Duration = Duration::from_millis(300);
/// Slow tasks are repeated twice if their first run takes less than this.
const VERY_SLOW: Duration = Duration::from_secs(8);

/// One glass and what is known about it.
struct Case<'a> {
    model: &'a str,
    particles: usize,
    contacts: f64,
    interactions: usize,
}

/// What a task left: numbers stored and iterations for one right-hand side, where it has them.
#[derive(Clone, Copy, Default)]
struct Cost {
    stored_numbers: Option<usize>,
    iterations: Option<f64>,
}

/// Times tasks and keeps records of them.
struct Clock {
    criterion: Criterion,
    records: Records,
    /// Whether records are saved.
    keep: bool,
    /// Words of which one must be in the name of a task; none for all tasks.
    filters: Vec<String>,
}

impl Clock {
    /// Records the shortest time of a task, which is that with the least noise, for each of its `items`.
    fn time<T>(
        &mut self,
        case: &Case,
        task: Task,
        items: usize,
        cost: Cost,
        mut run: impl FnMut() -> Outcome<T>,
    ) -> Outcome<()> {
        let name = task.name();
        if !self.wants(task) {
            return Ok(());
        }
        let mut repeat = |times: u64| -> Outcome<Duration> {
            let start = Stopwatch::start(task);
            for _ in 0..times {
                std::hint::black_box(run()?);
            }
            Ok(start.elapsed())
        };
        let mut best = repeat(1)?;
        let mut runs = 1;
        if best > SLOW {
            let more = if best < VERY_SLOW { 2 } else { 0 };
            for _ in 0..more {
                best = best.min(repeat(1)?);
                runs += 1;
            }
            println!(
                "{}, N = {}, {name}: {best:?}, by hand",
                case.model, case.particles
            );
        } else {
            let mut failure = None;
            let mut group = self.criterion.benchmark_group(case.model);
            group.sample_size(10).sampling_mode(SamplingMode::Flat);
            group.warm_up_time(Duration::from_millis(50));
            group.measurement_time(Duration::from_millis(400));
            group.bench_function(BenchmarkId::new(name, case.particles), |bencher| {
                bencher.iter_custom(|iterations| {
                    runs += iterations;
                    repeat(iterations).map_or_else(
                        |error| {
                            failure = Some(error);
                            Duration::from_nanos(1)
                        },
                        |elapsed| {
                            best = best.min(elapsed.div_f64(iterations as f64));
                            elapsed
                        },
                    )
                });
            });
            group.finish();
            if let Some(error) = failure {
                return Err(error);
            }
        }
        self.records.insert(Record {
            model: case.model.to_owned(),
            particles: case.particles,
            contacts: case.contacts,
            interactions: case.interactions,
            task,
            seconds: best.as_secs_f64() / items as f64,
            runs,
            stored_numbers: cost.stored_numbers,
            iterations: cost.iterations,
        });
        // Hours of work are not to be lost.
        if self.keep {
            self.records.save()?;
        }
        Ok(())
    }

    fn wants(&self, task: Task) -> bool {
        let name = task.name();
        self.filters.is_empty() || self.filters.iter().any(|word| name.contains(word.as_str()))
    }
}

/// Time on the clock for tasks that use several threads; for others the time that this thread has run, to which
/// other work on the machine adds little.
struct Stopwatch {
    start: Instant,
    ran: Option<Duration>,
}

impl Stopwatch {
    fn start(task: Task) -> Self {
        Self {
            ran: if task.is_shared() { None } else { Self::ran() },
            start: Instant::now(),
        }
    }

    fn elapsed(&self) -> Duration {
        let ran = self.ran.and_then(|start| Self::ran()?.checked_sub(start));
        ran.unwrap_or_else(|| self.start.elapsed())
    }

    /// What the system has counted for this thread, `None` where it does not tell.
    fn ran() -> Option<Duration> {
        // The count is brought up to date where threads take turns.
        std::thread::yield_now();
        let counts = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        let nanoseconds = counts.split(' ').next()?.parse().ok()?;
        Some(Duration::from_nanos(nanoseconds))
    }
}

/// Times all tasks on one glass.
fn glass(clock: &mut Clock, name: &str, particles: usize) -> Outcome<()> {
    let model = Catalogue::find(name)?;
    let potential = model.potential::<3>()?;
    let mixture = model.usual_mixture(3).ok_or("a model without a mixture")?;
    let start = Configuration::random(particles, mixture.density, &mixture.composition, Seed(3))?;
    // Starts keep something of a lattice: one component would stay in it, or near a saddle.
    let temperature = if name == "sw" { 0.1 } else { 1.0 };
    let thermostat = NoseHoover::new(mixture.time_step, temperature, mixture.coupling_time)?;
    let point = PhasePoint::maxwell_boltzmann(start, temperature, Seed(4))?;
    let mut melt = Trajectory::start(thermostat, ForceField::new(&potential), point)?;
    melt.advance(MELTING)?;
    let liquid = melt.into_parts().0.configuration;
    let tolerance = Tolerance::force_ratio(1e-10);
    let glass = NonlinearConjugateGradient::default().quench(&potential, liquid, tolerance)?;
    let hessian = Hessian::new(glass.linearization());
    let any = ConjugateGradient {
        probe: 1.0,
        ..ConjugateGradient::default()
    };
    let response = LinearResponse::new(&glass, &any)?;
    let sample = response.random_interactions(BLOCK, &mut Seed(1).stream("dipoles", &[]))?;
    let dipoles = dipoles(&response, &sample);
    let case = &Case {
        model: name,
        particles,
        contacts: (hessian.matrix().blocks() - particles) as f64 / particles as f64,
        interactions: response.interactions().len(),
    };

    clock.time(case, Task::Linearize, 1, Cost::default(), || {
        Ok(linearize(&potential, glass.configuration())?)
    })?;
    clock.time(case, Task::Assemble, 1, Cost::default(), || {
        Ok(Hessian::new(glass.linearization()))
    })?;
    direct(clock, case, &glass, &dipoles)?;
    dense(clock, case, &hessian, &dipoles)?;
    iterative(clock, case, &hessian, &dipoles)
}

/// Unit dipoles one after another.
fn dipoles(response: &LinearResponse<'_, 3>, sample: &[usize]) -> Vec<f64> {
    let dimension = response.hessian().dimension();
    let mut dipoles = vec![0.0; sample.len() * dimension];
    for (dipole, &index) in dipoles.chunks_exact_mut(dimension).zip(sample) {
        let pair = &response.interactions()[index];
        let length = pair.vector.iter().map(|c| c * c).sum::<f64>().sqrt();
        for k in 0..3 {
            let component = pair.vector[k] / length * std::f64::consts::FRAC_1_SQRT_2;
            dipole[3 * pair.i + k] -= component;
            dipole[3 * pair.j + k] += component;
        }
    }
    dipoles
}

/// The sparse factor, solutions with it, and the whole field.
fn direct(
    clock: &mut Clock,
    case: &Case,
    glass: &InherentStructure<3>,
    dipoles: &[f64],
) -> Outcome<()> {
    let tasks = [
        (Task::Factor, Task::Field, NonZeroUsize::MIN),
        (
            Task::FactorThreads,
            Task::FieldThreads,
            std::thread::available_parallelism()?,
        ),
    ];
    for (factor, field, threads) in tasks {
        if ![factor, field, Task::Solve]
            .iter()
            .any(|&task| clock.wants(task))
        {
            continue;
        }
        let solver = SparseCholesky {
            threads,
            ..SparseCholesky::default()
        };
        let response = LinearResponse::new(glass, &solver)?;
        let cost = Cost {
            stored_numbers: Some(response.inverse().preparation().stored_numbers),
            iterations: None,
        };
        let hessian = response.hessian();
        clock.time(case, factor, 1, cost, || Ok(solver.prepare(hessian)?))?;
        if factor == Task::Factor {
            clock.time(case, Task::Solve, BLOCK, Cost::default(), || {
                Ok(response.inverse().solve(dipoles)?)
            })?;
        }
        clock.time(case, field, 1, Cost::default(), || {
            Ok(response.dipole_stiffness_field(threads)?)
        })?;
    }
    Ok(())
}

/// Dense algebra.
fn dense(clock: &mut Clock, case: &Case, hessian: &Hessian<'_, 3>, dipoles: &[f64]) -> Outcome<()> {
    let tasks = [Task::DenseFactor, Task::DenseSolve];
    if case.particles > DENSE_LIMIT || !tasks.iter().any(|&task| clock.wants(task)) {
        return Ok(());
    }
    let inverse = hessian.clone().inverse(&Dense::default())?;
    let cost = Cost {
        stored_numbers: Some(inverse.preparation().stored_numbers),
        iterations: None,
    };
    clock.time(case, Task::DenseFactor, 1, cost, || {
        Ok(LinearSolver::<3>::prepare(&Dense::default(), hessian)?)
    })?;
    clock.time(case, Task::DenseSolve, BLOCK, Cost::default(), || {
        Ok(inverse.solve(dipoles)?)
    })
}

/// Conjugate gradients. The search for saddles is part of preparing, which is timed once.
fn iterative(
    clock: &mut Clock,
    case: &Case,
    hessian: &Hessian<'_, 3>,
    dipoles: &[f64],
) -> Outcome<()> {
    let searching = ConjugateGradient::default();
    clock.time(case, Task::Search, 1, Cost::default(), || {
        Ok(searching.prepare(hessian)?)
    })?;
    let gradient = ConjugateGradient {
        probe: 1.0,
        ..searching
    };
    let block = BlockConjugateGradient {
        probe: 1.0,
        ..BlockConjugateGradient::default()
    };
    let methods: [(Task, usize, &dyn LinearSolver<3>); 6] = [
        (Task::GaussSeidel, 1, &gradient),
        (Task::GaussSeidelBlock, BLOCK, &gradient),
        (Task::Identity, 1, &gradient.with_preconditioner(Identity)),
        (
            Task::BlockJacobi,
            1,
            &gradient.with_preconditioner(BlockJacobi),
        ),
        (
            Task::IncompleteCholesky,
            1,
            &gradient.with_preconditioner(IncompleteCholesky),
        ),
        (Task::BlockGradient, block.width.get(), &block),
    ];
    for (task, together, solver) in methods {
        if clock.wants(task) {
            let inverse = hessian.clone().inverse(solver)?;
            solve(clock, case, task, together, &inverse, dipoles)?;
        }
    }
    Ok(())
}

/// Times solving for some of the dipoles, so many of them together.
fn solve(
    clock: &mut Clock,
    case: &Case,
    task: Task,
    together: usize,
    inverse: &InverseHessian<'_, 3>,
    dipoles: &[f64],
) -> Outcome<()> {
    let dimension = inverse.hessian().dimension();
    let count = together.max(DIPOLES);
    let run = || -> Outcome<usize> {
        let mut iterations = 0;
        for rhs in dipoles[..count * dimension].chunks(together * dimension) {
            iterations += inverse.solve(rhs)?.report.iterations;
        }
        Ok(iterations)
    };
    let cost = Cost {
        stored_numbers: Some(inverse.preparation().stored_numbers),
        iterations: Some(run()? as f64 / count as f64),
    };
    clock.time(case, task, count, cost, run)
}

/// The entries of a list in an environment variable.
fn list(variable: &str, default: &str) -> Vec<String> {
    let list = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let entries = list.split(',').map(|entry| entry.trim().to_owned());
    entries.filter(|entry| !entry.is_empty()).collect()
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Without this argument of `cargo bench` a look at whether everything works is enough.
    let serious = arguments.iter().any(|argument| argument == "--bench");
    let sizes = if serious {
        "250,500,1000,2000,4000,8000"
    } else {
        "250"
    };
    let filters = arguments.into_iter().filter(|word| !word.starts_with('-'));
    let mut clock = Clock {
        criterion: Criterion::default().configure_from_args().without_plots(),
        records: Records::load()?,
        keep: serious,
        filters: filters.collect(),
    };
    for size in list("VITREOUS_BENCH_SIZES", sizes) {
        for model in list("VITREOUS_BENCH_MODELS", "ipl,mblj,sw") {
            glass(&mut clock, &model, size.parse()?)?;
        }
    }
    if serious {
        report::write(&clock.records)?;
    }
    Ok(())
}
