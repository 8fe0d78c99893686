use super::*;
use crate::test_trajectories::{Walk, close, generator, normal, walks};
use proptest::prelude::*;

fn drive<const D: usize>(correlator: &mut OverlapCorrelator<D>, walk: &Walk<D>) {
    while let Some(frame) = walk.frames.get(correlator.next_step() as usize) {
        correlator.push(correlator.next_step(), frame).unwrap();
    }
}

/// Overlaps and their fluctuations straight from the definitions.
fn agrees<const D: usize>(
    walk: &Walk<D>,
    interval: usize,
    radius: f64,
) -> Result<(), TestCaseError> {
    let schedule = LogSchedule::new(1, 30, 6).unwrap();
    let mut correlator =
        OverlapCorrelator::<D>::new(&walk.species, radius, schedule, interval as u64).unwrap();
    drive(&mut correlator, walk);
    let result = correlator.finish();
    let everyone: Vec<usize> = (0..walk.species.len()).collect();
    let groups = [walk.members(0), walk.members(1), everyone];
    let series = [&result.species[0], &result.species[1], &result.all];
    for (members, series) in groups.iter().zip(series) {
        for (index, &lag) in result.steps.iter().enumerate() {
            let pairs = walk.pairs(lag as usize, interval);
            prop_assert_eq!(result.origins[index], pairs.len() as u64);
            let overlaps: Vec<f64> = pairs
                .iter()
                .map(|&(start, end)| {
                    let moved = walk.displacements(start, end);
                    let near =
                        |&&i: &&usize| moved[i].iter().map(|x| x * x).sum::<f64>().sqrt() < radius;
                    members.iter().filter(near).count() as f64 / members.len() as f64
                })
                .collect();
            let count = overlaps.len() as f64;
            let mean = overlaps.iter().sum::<f64>() / count;
            let variance = overlaps
                .iter()
                .map(|q| (q - mean) * (q - mean))
                .sum::<f64>()
                / count;
            prop_assert!(close(series.overlap.values[index], mean));
            // At most 25 particles: <Q^2> - <Q>^2 loses 1e-16, N times that is 3e-15.
            let expected = members.len() as f64 * variance;
            prop_assert!(close(series.susceptibility.values[index], expected));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn agrees_with_all_origins_in_3d((walk, interval) in walks::<3>(), radius in 0.05_f64..1.0) {
        agrees(&walk, interval, radius)?;
    }

    #[test]
    fn agrees_with_all_origins_in_2d((walk, interval) in walks::<2>(), radius in 0.05_f64..1.0) {
        agrees(&walk, interval, radius)?;
    }
}

/// Independent particles: the number within the radius is binomial, `chi_4 = p (1 - p)`, whatever `N`.
#[test]
fn independent_particles_fluctuate_binomially() {
    let particles = 50;
    let mut random = generator(11);
    let mut positions = vec![[0.0; 2]; particles];
    let schedule = LogSchedule::of_lags(vec![1]).unwrap();
    let radius = 0.3;
    let mut correlator =
        OverlapCorrelator::<2>::new(&vec![0; particles], radius, schedule, 1).unwrap();
    let (variance, steps) = (0.04_f64, 40_000);
    for step in 0..=steps {
        correlator.push(step, &positions).unwrap();
        for position in &mut positions {
            for x in position {
                *x += variance.sqrt() * normal(&mut random);
            }
        }
    }
    // Taking off the centre of mass makes the variance smaller by 1 - 1/N.
    let variance = variance * (1.0 - 1.0 / particles as f64);
    let share = 1.0 - (-radius * radius / (2.0 * variance)).exp();
    let own = &correlator.finish().species[0];
    let origins = steps as f64;
    // The sums of twelve even numbers that the steps are made of shift the share by less than 0.003.
    let error = (share * (1.0 - share) / particles as f64 / origins).sqrt();
    assert!((own.overlap.values[0] - share).abs() < 4.0 * error + 0.003);
    // A variance of a nearly Gaussian number is known to sqrt(2/n) of itself; the fixed centre of mass adds terms of order 1/N.
    let expected = share * (1.0 - share);
    let found = own.susceptibility.values[0];
    let slack = 4.0 * (2.0 / origins).sqrt() + 1.0 / particles as f64;
    assert!((found / expected - 1.0).abs() < slack, "{found} {expected}");
    assert!(own.susceptibility.standard_errors[0].unwrap() < 0.05 * expected);
}

#[test]
fn refuses_nonsense() {
    let schedule = LogSchedule::new(1, 10, 5).unwrap();
    for radius in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let made = OverlapCorrelator::<2>::new(&[0], radius, schedule.clone(), 5);
        assert!(matches!(made, Err(CorrelatorError::Parameter { .. })));
    }
    let gap = OverlapCorrelator::<2>::new(&[0, 2], 0.3, schedule.clone(), 5);
    assert!(matches!(
        gap,
        Err(CorrelatorError::EmptySpecies { species: 1 })
    ));
    let make = |radius| OverlapCorrelator::<2>::new(&[0], radius, schedule.clone(), 5).unwrap();
    assert!(make(0.3).merge(make(0.4)).is_err());
    assert!(make(0.3).merge(make(0.3)).is_ok());
}
