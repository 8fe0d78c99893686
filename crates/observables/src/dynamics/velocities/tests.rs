use super::*;
use crate::test_trajectories::{Walk, generator, normal, walks};
use proptest::prelude::*;

/// The positions of a walk serve as velocities.
fn agrees<const D: usize>(walk: &Walk<D>, interval: usize) -> Result<(), TestCaseError> {
    let schedule = LogSchedule::new(1, 25, 5).unwrap();
    let mut correlator =
        VelocityCorrelator::<D>::new(&walk.species, schedule, interval as u64).unwrap();
    while let Some(velocities) = walk.frames.get(correlator.next_step() as usize) {
        let frame = Frame::new(correlator.next_step(), &[]).with_velocities(velocities);
        correlator.observe(&frame).unwrap();
    }
    let result = correlator.finish();
    prop_assert_eq!(result.steps[0], 0);
    let relative = |step: usize, i: usize, k: usize| {
        let frame = &walk.frames[step];
        frame[i][k] - frame.iter().map(|v| v[k]).sum::<f64>() / frame.len() as f64
    };
    for kind in 0..2 {
        let members = walk.members(kind);
        for (index, &lag) in result.steps.iter().enumerate() {
            let pairs = walk.pairs(lag as usize, interval);
            let mut sum = 0.0;
            for &(start, end) in &pairs {
                for &i in &members {
                    for k in 0..D {
                        sum += relative(start, i, k) * relative(end, i, k);
                    }
                }
            }
            let expected = sum / (members.len() * pairs.len()) as f64;
            // Positions are of order 8.
            let found = result.species[usize::from(kind)].values[index];
            prop_assert!((found - expected).abs() < 64e-12);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn agrees_with_all_origins_in_3d((walk, interval) in walks::<3>()) {
        agrees(&walk, interval)?;
    }

    #[test]
    fn agrees_with_all_origins_in_2d((walk, interval) in walks::<2>()) {
        agrees(&walk, interval)?;
    }
}

/// Velocities `v' = a v + sqrt(1 - a^2) xi` correlate as `D a^t`.
#[test]
fn ornstein_uhlenbeck_velocities_decay_exponentially() {
    let (particles, keep) = (300, 0.9_f64);
    let mut random = generator(8);
    let mut velocities: Vec<[f64; 3]> = (0..particles)
        .map(|_| std::array::from_fn(|_| normal(&mut random)))
        .collect();
    let schedule = LogSchedule::new(1, 20, 10).unwrap();
    let mut correlator = VelocityCorrelator::<3>::new(&vec![0; particles], schedule, 20).unwrap();
    for step in 0..1000 {
        if step == correlator.next_step() {
            let frame = Frame::new(step, &[]).with_velocities(&velocities);
            correlator.observe(&frame).unwrap();
        }
        for velocity in &mut velocities {
            for v in velocity {
                *v = keep * *v + (1.0 - keep * keep).sqrt() * normal(&mut random);
            }
        }
    }
    let result = correlator.finish();
    let own = &result.species[0];
    for (index, &step) in result.steps.iter().enumerate() {
        let expected = 3.0 * (1.0 - 1.0 / particles as f64) * keep.powi(step as i32);
        let error = own.standard_errors[index].unwrap();
        // Forty-nine blocks: five standard errors.
        assert!((own.values[index] - expected).abs() < 5.0 * error, "{step}");
        assert!(error < 0.03);
    }
}

#[test]
fn says_what_is_missing() {
    let schedule = LogSchedule::new(1, 5, 5).unwrap();
    let mut correlator = VelocityCorrelator::<2>::new(&[0, 0], schedule, 5).unwrap();
    let before = correlator.clone();
    let error = correlator.push(0, &[[0.0; 2]; 2]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the frame of step 0 has no velocities: add it with Frame::with_velocities"
    );
    let broken = [[0.0; 2], [f64::INFINITY, 0.0]];
    let error = correlator.observe(&Frame::new(0, &[]).with_velocities(&broken));
    assert!(matches!(
        error,
        Err(CorrelatorError::NotFinite {
            particle: 1,
            quantity: "velocity",
            ..
        })
    ));
    assert_eq!(correlator, before);
}
