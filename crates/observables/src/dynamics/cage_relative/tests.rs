use super::*;
use crate::test_trajectories::{Walk, close, walks};
use proptest::prelude::*;

const CUTOFFS: [[f64; 2]; 2] = [[2.2, 1.7], [1.7, 2.9]];

fn cutoffs() -> Vec<Vec<f64>> {
    CUTOFFS.map(|row| row.to_vec()).to_vec()
}

/// Neighbours among so many images that none is missed.
fn naive_neighbours<const D: usize>(walk: &Walk<D>, step: usize, i: usize) -> Vec<usize> {
    let frame = &walk.frames[step];
    let mut neighbours = Vec::new();
    // Edges of at least 4 that are nearly orthogonal, particles up to 20 apart: ten images are enough.
    let images = 21_usize.pow(D as u32);
    for j in 0..frame.len() {
        for image in 0..images {
            let mut rest = image;
            let mut distance: [f64; D] = std::array::from_fn(|k| frame[j][k] - frame[i][k]);
            for row in &walk.cell {
                let turns = (rest % 21) as f64 - 10.0;
                rest /= 21;
                for k in 0..D {
                    distance[k] += turns * row[k];
                }
            }
            let length = distance.iter().map(|x| x * x).sum::<f64>().sqrt();
            let (a, b) = (usize::from(walk.species[i]), usize::from(walk.species[j]));
            if length < CUTOFFS[a][b] && length > 1e-9 {
                neighbours.push(j);
            }
        }
    }
    neighbours
}

fn agrees<const D: usize>(
    walk: &Walk<D>,
    interval: usize,
    given: bool,
) -> Result<(), TestCaseError> {
    let shell = |q| {
        WaveVectors::shell(&walk.cell, q, 1.5)
            .unwrap()
            .limited_to(7)
    };
    let wave_vectors = vec![shell(4.0), shell(5.0)];
    let schedule = LogSchedule::of_lags(vec![1, 3, 11]).unwrap();
    let mut correlator = CageRelativeCorrelator::new(
        &walk.cell,
        &walk.species,
        cutoffs(),
        wave_vectors.clone(),
        schedule,
        interval as u64,
    )
    .unwrap();
    let particles = walk.species.len();
    // Own lists: everyone's neighbour is the next particle.
    let ring: Vec<Vec<u32>> = (0..particles)
        .map(|i| vec![((i + 1) % particles) as u32])
        .collect();
    let own = NeighbourLists::from_lists(&ring).unwrap();
    while let Some(positions) = walk.frames.get(correlator.next_step() as usize) {
        let mut frame = Frame::new(correlator.next_step(), positions);
        if given {
            frame = frame.with_neighbours(&own);
        }
        correlator.observe(&frame).unwrap();
        if given {
            // A copy from a check-point knows the neighbours of its origins.
            let saved = serde_json::to_string(&correlator).unwrap();
            correlator = serde_json::from_str(&saved).unwrap();
        }
    }
    let result = correlator.finish();
    for (index, &lag) in result.steps.iter().enumerate() {
        let pairs = walk.pairs(lag as usize, interval);
        let mut sums = [[0.0; 2]; 2];
        for &(start, end) in &pairs {
            let moved = walk.displacements(start, end);
            for i in 0..particles {
                let neighbours = if given {
                    vec![(i + 1) % particles]
                } else {
                    naive_neighbours(walk, start, i)
                };
                let r: [f64; D] = std::array::from_fn(|k| {
                    let sum: f64 = neighbours.iter().map(|&j| moved[j][k]).sum();
                    moved[i][k] - sum / neighbours.len().max(1) as f64
                });
                let kind = usize::from(walk.species[i]);
                sums[kind][0] += r.iter().map(|x| x * x).sum::<f64>();
                let vectors = wave_vectors[kind].vectors();
                let cosines = vectors
                    .iter()
                    .map(|q| (0..D).map(|k| q[k] * r[k]).sum::<f64>().cos());
                sums[kind][1] += cosines.sum::<f64>() / vectors.len() as f64;
            }
        }
        for kind in 0..2 {
            let count = (walk.members(kind as u8).len() * pairs.len()) as f64;
            let own = &result.species[kind];
            let [squared, scattering] = sums[kind].map(|sum| sum / count);
            prop_assert!(close(own.mean_squared_displacement.values[index], squared));
            prop_assert!(close(own.self_scattering.values[index], scattering));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn agrees_with_all_origins_in_3d(seed: u64, particles in 3_usize..12, interval in 3_usize..20, given: bool) {
        agrees(&Walk::<3>::new(seed, particles, 20), interval, given)?;
    }

    #[test]
    fn agrees_with_all_origins_in_2d((walk, interval) in walks::<2>(), given: bool) {
        agrees(&walk, interval, given)?;
    }

    /// A long wave that carries all particles along moves none relative to its neighbours, if it is long enough.
    #[test]
    fn common_motion_is_invisible(seed: u64, drift in prop::array::uniform2(-3.0_f64..3.0)) {
        let walk = Walk::<2>::new(seed, 30, 0);
        let shell = WaveVectors::shell(&walk.cell, 4.0, 1.5).unwrap();
        let everyone = vec![vec![20.0; 2]; 2];
        let schedule = LogSchedule::of_lags(vec![1]).unwrap();
        let mut correlator = CageRelativeCorrelator::new(
            &walk.cell, &walk.species, everyone, vec![shell; 2], schedule, 1,
        ).unwrap();
        let frame = &walk.frames[0];
        let moved: Vec<[f64; 2]> = frame.iter().map(|r| [r[0] + drift[0], r[1] + drift[1]]).collect();
        correlator.push(0, frame).unwrap();
        correlator.push(1, &moved).unwrap();
        let result = correlator.finish();
        // Positions are of order 8, displacements have errors of 8 * 1e-16.
        prop_assert!(result.species[0].mean_squared_displacement.values[0] < 1e-27);
    }
}

#[test]
fn refuses_what_does_not_match() {
    let cell = [[6.0, 0.0], [0.0, 6.0]];
    let shell = WaveVectors::shell(&cell, 4.0, 1.5).unwrap();
    let make = |cell: &[[f64; 2]; 2], cutoffs: Vec<Vec<f64>>| {
        let schedule = LogSchedule::new(1, 5, 5).unwrap();
        let wave_vectors = vec![shell.clone(); 2];
        CageRelativeCorrelator::new(cell, &[0, 1, 0], cutoffs, wave_vectors, schedule, 5)
    };
    let uneven = vec![vec![1.0, 2.0], vec![1.5, 1.0]];
    for cutoffs in [
        uneven,
        vec![vec![1.0]],
        vec![vec![1.0; 3]; 3],
        vec![vec![-1.0; 2]; 2],
    ] {
        assert!(matches!(
            make(&cell, cutoffs),
            Err(CorrelatorError::Cutoffs { .. })
        ));
    }
    let flat = [[1.0, 2.0], [2.0, 4.0]];
    assert!(matches!(
        make(&flat, vec![vec![1.0; 2]; 2]),
        Err(CorrelatorError::SingularCell { .. })
    ));
    let mut correlator = make(&cell, vec![vec![1.0; 2]; 2]).unwrap();
    let two = NeighbourLists::from_lists(&[vec![1], vec![0]]).unwrap();
    let frame = Frame::new(0, &[[0.0; 2]; 3]).with_neighbours(&two);
    assert!(matches!(
        correlator.observe(&frame),
        Err(CorrelatorError::ParticleCount { given: 2, .. })
    ));
}
