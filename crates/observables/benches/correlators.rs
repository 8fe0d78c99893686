//! Correlators on a trajectory in memory: 2000 particles, 988 log-spaced frames, all origins.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use vitreous_observables::{
    CageRelativeCorrelator, CollectiveCorrelator, LogSchedule, OverlapCorrelator, SelfCorrelator,
    WaveVectors,
};

const PARTICLES: usize = 2000;
/// Steps of a block of frames: 38 of them, each with all lags of its block.
const BLOCKS: u64 = 26;
const BLOCK: u64 = 8192;
const PER_BLOCK: usize = 38;

/// The edge of a cube at the density 1.2 of the Kob-Andersen liquid.
fn edge() -> f64 {
    (PARTICLES as f64 / 1.2).cbrt()
}

fn cell() -> [[f64; 3]; 3] {
    std::array::from_fn(|k| std::array::from_fn(|l| if k == l { edge() } else { 0.0 }))
}

fn steps() -> Vec<u64> {
    let ratio = (BLOCK as f64).powf(1.0 / PER_BLOCK as f64);
    let mut inside: Vec<u64> = Vec::new();
    let mut next = 1.0_f64;
    inside.push(0);
    while inside.len() < PER_BLOCK {
        let last = inside[inside.len() - 1];
        inside.push((next.round() as u64).max(last + 1));
        next *= ratio;
    }
    (0..BLOCKS)
        .flat_map(|block| inside.iter().map(move |step| block * BLOCK + step))
        .collect()
}

/// A random walk, by a linear congruential generator.
fn trajectory(steps: &[u64]) -> Vec<Vec<[f64; 3]>> {
    let mut state = 1_u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let mut positions: Vec<[f64; 3]> = (0..PARTICLES)
        .map(|_| std::array::from_fn(|_| edge() * uniform()))
        .collect();
    let mut last = 0;
    let mut frames = Vec::new();
    for &step in steps {
        let width = 0.02 * ((step - last) as f64).sqrt();
        for position in &mut positions {
            for k in 0..3 {
                position[k] += width * uniform();
            }
        }
        last = step;
        frames.push(positions.clone());
    }
    frames
}

fn correlators(criterion: &mut Criterion) {
    let steps = steps();
    let frames = trajectory(&steps);
    // The lags of a block, and multiples of its length.
    let mut lags: Vec<u64> = steps[1..PER_BLOCK].to_vec();
    lags.extend((1..BLOCKS).map(|blocks| blocks * BLOCK));
    let schedule = LogSchedule::of_lags(lags).unwrap();
    let species = [0; PARTICLES];
    let mut group = criterion.benchmark_group("correlators");
    group.sample_size(10);

    for vectors in [3, 30] {
        let wave_vectors = WaveVectors::shell(&cell(), 7.25, 0.3)
            .unwrap()
            .limited_to(vectors);
        let empty = SelfCorrelator::new(&species, vec![wave_vectors], schedule.clone(), 1);
        let empty = empty.unwrap().taking_all_frames();
        group.bench_function(BenchmarkId::new("self", vectors), |bencher| {
            bencher.iter(|| {
                let mut correlator = empty.clone();
                for (step, frame) in steps.iter().zip(&frames) {
                    correlator.push(*step, frame).unwrap();
                }
                black_box(correlator.finish())
            });
        });
    }
    let empty = OverlapCorrelator::<3>::new(&species, 0.3, schedule.clone(), 1);
    let empty = empty.unwrap().taking_all_frames();
    group.bench_function("overlap", |bencher| {
        bencher.iter(|| {
            let mut correlator = empty.clone();
            for (step, frame) in steps.iter().zip(&frames) {
                correlator.push(*step, frame).unwrap();
            }
            black_box(correlator.finish())
        });
    });
    let wave_vectors = WaveVectors::shell(&cell(), 7.25, 0.3)
        .unwrap()
        .limited_to(30);
    let empty = CollectiveCorrelator::new(&species, wave_vectors.clone(), schedule.clone(), 1);
    let empty = empty.unwrap().taking_all_frames();
    group.bench_function("collective, 30 wave vectors", |bencher| {
        bencher.iter(|| {
            let mut correlator = empty.clone();
            for (step, frame) in steps.iter().zip(&frames) {
                correlator.push(*step, frame).unwrap();
            }
            black_box(correlator.finish())
        });
    });
    let cutoffs = vec![vec![1.5]];
    let empty = CageRelativeCorrelator::new(
        &cell(),
        &species,
        cutoffs,
        vec![wave_vectors],
        schedule,
        BLOCK,
    );
    let empty = empty.unwrap().taking_all_frames();
    group.bench_function("cage-relative, origins at block starts", |bencher| {
        bencher.iter(|| {
            let mut correlator = empty.clone();
            for (step, frame) in steps.iter().zip(&frames) {
                correlator.push(*step, frame).unwrap();
            }
            black_box(correlator.finish())
        });
    });
    group.finish();
}

criterion_group!(benches, correlators);
criterion_main!(benches);
