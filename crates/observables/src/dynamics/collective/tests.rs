use super::*;
use crate::test_trajectories::{Walk, close, walks};
use proptest::prelude::*;

/// Positions relative to the centre of mass.
fn centred<const D: usize>(frame: &[[f64; D]]) -> Vec<[f64; D]> {
    let centre: [f64; D] =
        std::array::from_fn(|k| frame.iter().map(|r| r[k]).sum::<f64>() / frame.len() as f64);
    frame
        .iter()
        .map(|r| std::array::from_fn(|k| r[k] - centre[k]))
        .collect()
}

/// `sum_(i in a) sum_(j in b) cos(q . (r_i(t) - r_j(0)))`, one pair of particles after the other.
fn agrees<const D: usize>(walk: &Walk<D>, interval: usize) -> Result<(), TestCaseError> {
    let shell = WaveVectors::shell(&walk.cell, 4.0, 1.5)
        .unwrap()
        .limited_to(7);
    let schedule = LogSchedule::new(1, 25, 5).unwrap();
    let mut correlator =
        CollectiveCorrelator::new(&walk.species, shell.clone(), schedule, interval as u64).unwrap();
    while let Some(frame) = walk.frames.get(correlator.next_step() as usize) {
        correlator.push(correlator.next_step(), frame).unwrap();
    }
    let result = correlator.finish();
    prop_assert_eq!(result.steps[0], 0);
    for (index, &lag) in result.steps.iter().enumerate() {
        let pairs = walk.pairs(lag as usize, interval);
        let mut sums = [[0.0; 2]; 2];
        for &(start, end) in &pairs {
            let (from, to) = (centred(&walk.frames[start]), centred(&walk.frames[end]));
            for q in shell.vectors() {
                for i in 0..to.len() {
                    for j in 0..from.len() {
                        let phase: f64 = (0..D).map(|k| q[k] * (to[i][k] - from[j][k])).sum();
                        let (a, b) = (walk.species[i], walk.species[j]);
                        sums[usize::from(a)][usize::from(b)] += phase.cos();
                    }
                }
            }
        }
        let count = (walk.species.len() * shell.len() * pairs.len()) as f64;
        let value = |a, b| result.partial(a, b).unwrap().values[index];
        // The sums have up to 25^2 terms and a size of 25: rounding is 25 times that of numbers of order one.
        prop_assert!((value(0, 0) - sums[0][0] / count).abs() < 1e-12);
        prop_assert!((value(1, 1) - sums[1][1] / count).abs() < 1e-12);
        prop_assert!((value(1, 0) - 0.5 * (sums[0][1] + sums[1][0]) / count).abs() < 1e-12);
        let total = value(0, 0) + value(1, 1) + 2.0 * value(0, 1);
        prop_assert!(close(result.total.values[index], total));
    }
    prop_assert!(result.partial(0, 2).is_none());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn agrees_with_pairs_of_particles_in_3d((walk, interval) in walks::<3>()) {
        agrees(&walk, interval)?;
    }

    #[test]
    fn agrees_with_pairs_of_particles_in_2d((walk, interval) in walks::<2>()) {
        agrees(&walk, interval)?;
    }

    /// Half way through a run, a copy of the accumulator goes on to the same bits.
    #[test]
    fn a_checkpoint_continues_to_the_same_bits((walk, interval) in walks::<2>(), cut in 0_u64..60) {
        let shell = WaveVectors::shell(&walk.cell, 4.0, 1.5).unwrap();
        let schedule = LogSchedule::new(1, 25, 5).unwrap();
        let mut whole =
            CollectiveCorrelator::new(&walk.species, shell, schedule, interval as u64).unwrap();
        let mut copy = whole.clone();
        while let Some(frame) = walk.frames.get(whole.next_step() as usize) {
            let step = whole.next_step();
            if step >= cut {
                copy = serde_json::from_str(&serde_json::to_string(&copy).unwrap()).unwrap();
            }
            whole.push(step, frame).unwrap();
            copy.push(step, frame).unwrap();
        }
        prop_assert_eq!(copy, whole);
    }
}
