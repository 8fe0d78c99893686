//! The parts of molecular dynamics: a step of it for each model, and the building of a neighbour list.
//!
//! `cargo bench --bench dynamics`. Times are per step of N particles: `N/time` is in atom-steps per second.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use vitreous::md_core::{NeighbourList, Ranges};
use vitreous::prelude::*;

const PARTICLES: usize = 2000;

/// The models, with temperatures at which they flow.
const LIQUIDS: [(&str, f64); 5] = [
    ("ipl", 1.0),
    ("mblj", 1.0),
    ("ka", 1.0),
    ("ss", 2.0),
    ("sw", 0.08),
];

/// A liquid of the model.
fn liquid(
    name: &str,
    temperature: f64,
    potential: &dyn Potential<3>,
) -> (NoseHoover, PhasePoint<3>) {
    let mixture = Catalogue::find(name).unwrap().usual_mixture(3).unwrap();
    let start =
        Configuration::random(PARTICLES, mixture.density, &mixture.composition, Seed(1)).unwrap();
    let point = PhasePoint::maxwell_boltzmann(start, temperature, Seed(1)).unwrap();
    let thermostat =
        NoseHoover::new(mixture.time_step, temperature, mixture.coupling_time).unwrap();
    let mut run = Trajectory::start(thermostat, ForceField::new(potential), point).unwrap();
    run.advance(500).unwrap();
    (thermostat, run.into_parts().0)
}

fn molecular_dynamics(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step of molecular dynamics, N = 2000");
    group.throughput(Throughput::Elements(PARTICLES as u64));
    for (name, temperature) in LIQUIDS {
        let potential = Catalogue::find(name).unwrap().potential::<3>().unwrap();
        let (thermostat, point) = liquid(name, temperature, &*potential);
        let field = ForceField::new(&*potential);
        let mut run = Trajectory::start(thermostat, field, point).unwrap();
        group.bench_function(name, |bencher| bencher.iter(|| run.advance(1).unwrap()));
    }
    group.finish();
}

fn neighbours(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("neighbour list, N = 2000");
    group.throughput(Throughput::Elements(PARTICLES as u64));
    for (name, temperature) in LIQUIDS {
        let potential = Catalogue::find(name).unwrap().potential::<3>().unwrap();
        let (_, point) = liquid(name, temperature, &*potential);
        let skin = ForceField::<3>::SKIN * potential.range();
        let ranges = Ranges::new(potential.species_count(), |first, second| {
            potential.pair_range(first, second) + skin
        });
        group.bench_function(name, |bencher| {
            bencher.iter(|| NeighbourList::build(black_box(&point.configuration), &ranges));
        });
    }
    group.finish();
}

criterion_group!(benches, molecular_dynamics, neighbours);
criterion_main!(benches);
