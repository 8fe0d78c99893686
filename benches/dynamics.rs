//! The parts of molecular dynamics over models and numbers of particles: neighbour lists, forces, steps.
//!
//! `cargo bench --bench dynamics`, or with a part of a name after it: `-- "forces/ka/4000"`. `N/time` is in
//! atom-steps per second.

mod liquid;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use liquid::liquid;
use std::hint::black_box;
use std::time::Duration;
use vitreous::md_core::{Ranges, VerletList};
use vitreous::prelude::*;

const PARTICLES: [usize; 5] = [250, 1000, 4000, 16_000, 64_000];

/// The models, with temperatures at which they flow.
const LIQUIDS: [(&str, f64); 5] = [
    ("ipl", 1.0),
    ("mblj", 1.0),
    ("ka", 1.0),
    ("ss", 2.0),
    ("sw", 0.08),
];

fn molecular_dynamics(criterion: &mut Criterion) {
    for (name, temperature) in LIQUIDS {
        let potential = Catalogue::find(name).unwrap().potential::<3>().unwrap();
        for particles in PARTICLES {
            let (thermostat, point) = liquid(name, temperature, (particles, 300), &*potential);
            let configuration = point.configuration.clone();
            let mut bench = |part: &str, work: &mut dyn FnMut()| {
                let mut group = criterion.benchmark_group(part);
                group.throughput(Throughput::Elements(particles as u64));
                group.sample_size(10);
                group.warm_up_time(Duration::from_millis(300));
                group.measurement_time(Duration::from_secs(1));
                let id = BenchmarkId::new(name, particles);
                group.bench_function(id, |bencher| bencher.iter(&mut *work));
                group.finish();
            };

            let skin = ForceField::<3>::SKIN * potential.range();
            let ranges = Ranges::new(potential.species_count(), |first, second| {
                potential.pair_range(first, second)
            });
            let mut list = VerletList::new(&ranges, skin);
            bench("neighbour list", &mut || {
                list.reset();
                black_box(list.update(&configuration));
            });

            let mut field = ForceField::new(&*potential);
            let mut mechanics = field.evaluate(&configuration).unwrap();
            bench("forces", &mut || {
                field.evaluate_into(&configuration, &mut mechanics).unwrap();
            });

            let field = ForceField::new(&*potential);
            let mut run = Trajectory::start(thermostat, field, point).unwrap();
            bench("step", &mut || run.advance(1).unwrap());
        }
    }
}

criterion_group!(benches, molecular_dynamics);
criterion_main!(benches);
