//! The parts of molecular dynamics: a step of it for each model, and the building of a neighbour list.
//!
//! `cargo bench --bench dynamics`. Times are per step of N particles: `N/time` is in atom-steps per second.

mod liquid;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use liquid::liquid;
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

fn molecular_dynamics(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step of molecular dynamics, N = 2000");
    group.throughput(Throughput::Elements(PARTICLES as u64));
    for (name, temperature) in LIQUIDS {
        let potential = Catalogue::find(name).unwrap().potential::<3>().unwrap();
        let (thermostat, point) = liquid(name, temperature, (PARTICLES, 500), &*potential);
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
        let (_, point) = liquid(name, temperature, (PARTICLES, 500), &*potential);
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
