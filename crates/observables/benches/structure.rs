//! How long a frame takes: `g(r)`, `S(q)` and bond order of 2000 particles at the density 1.2 of Kob and Andersen's liquid.
//!
//! On one core: `RAYON_NUM_THREADS=1 cargo bench -p vitreous-observables --bench structure`.

use criterion::{Criterion, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::hint::black_box;
use vitreous_observables::{
    Bonds, CrystalCriterion, Crystallinity, PairCorrelation, StructureFactor,
};

const PARTICLES: usize = 2000;

fn structure(criterion: &mut Criterion) {
    let edge = (PARTICLES as f64 / 1.2).cbrt();
    let cell = [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]];
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let positions: Vec<[f64; 3]> = (0..PARTICLES)
        .map(|_| std::array::from_fn(|_| edge * random.random::<f64>()))
        .collect();
    let species: Vec<u8> = (0..PARTICLES).map(|i| u8::from(i % 5 == 0)).collect();

    let mut group = criterion.benchmark_group("structure");
    let mut pairs = PairCorrelation::new(&cell, &species, 5.0, 500).expect("a valid set-up");
    group.bench_function("pair correlation, range 5, 500 bins", |bencher| {
        bencher.iter(|| pairs.push(black_box(&positions)));
    });
    let mut waves = StructureFactor::new(&cell, &species, 12.0, 0.1).expect("a valid set-up");
    group.bench_function("structure factor, q up to 12", |bencher| {
        bencher.iter(|| waves.push(black_box(&positions)));
    });
    group.bench_function("crystallinity, cut-off 1.4", |bencher| {
        bencher.iter(|| {
            let bonds = Bonds::within(&cell, black_box(&positions), 1.4).expect("a valid frame");
            Crystallinity::new(&bonds, CrystalCriterion::CLOSE_PACKED, 0.1)
        });
    });
    group.finish();
}

criterion_group!(benches, structure);
criterion_main!(benches);
