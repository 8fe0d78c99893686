//! Quenches of liquids of all models to a force ratio of 1e-10, by each minimiser, and from close to a minimum.
//!
//! `cargo bench --bench quenches`. Counts of force evaluations and products with the Hessian are printed first:
//! they do not depend on the machine.

mod liquid;

use criterion::{Criterion, criterion_group, criterion_main};
use liquid::liquid;
use vitreous::prelude::*;

const PARTICLES: usize = 500;

/// The models, with temperatures at which they flow.
const LIQUIDS: [(&str, f64); 5] = [
    ("ipl", 0.8),
    ("mblj", 0.7),
    ("ka", 0.7),
    ("ss", 1.0),
    ("sw", 0.07),
];

fn minimizers() -> [(&'static str, Box<dyn Minimizer<3>>); 6] {
    [
        ("Newton finish", Box::new(NewtonFinish::default())),
        (
            "conjugate gradient",
            Box::new(NonlinearConjugateGradient::default()),
        ),
        ("L-BFGS", Box::new(LimitedMemoryBfgs::default())),
        ("Newton", Box::new(NewtonConjugateGradient::default())),
        ("FIRE", Box::new(Fire::default())),
        ("original FIRE", Box::new(Fire::original())),
    ]
}

fn quenches(criterion: &mut Criterion) {
    let tolerance = Tolerance::force_ratio(1e-10);
    for (name, temperature) in LIQUIDS {
        let potential = Catalogue::find(name).unwrap().potential::<3>().unwrap();
        let (_, point) = liquid(name, temperature, (PARTICLES, 5000), &*potential);
        let start = point.configuration;
        let mut group = criterion.benchmark_group(format!("quench of {name}, N = {PARTICLES}"));
        group.sample_size(10);
        for (minimizer_name, minimizer) in minimizers() {
            let run = || minimizer.minimize(&*potential, start.clone(), tolerance);
            match run() {
                Ok(converged) => println!("{name}, {minimizer_name}: {:?}", converged.work),
                Err(unconverged) => println!("{name}, {minimizer_name}: {unconverged}"),
            }
            group.bench_function(minimizer_name, |bencher| bencher.iter(run));
        }
        let mut close = NewtonFinish::default()
            .minimize(&*potential, start.clone(), tolerance)
            .unwrap()
            .configuration;
        for (i, position) in close.positions_mut().iter_mut().enumerate() {
            position[i % 3] += 1e-3 * (i as f64).sin();
        }
        let newton = NewtonConjugateGradient::default();
        group.bench_function("Newton from close to a minimum", |bencher| {
            bencher.iter(|| newton.minimize(&*potential, close.clone(), tolerance));
        });
        group.finish();
    }
}

criterion_group!(benches, quenches);
criterion_main!(benches);
