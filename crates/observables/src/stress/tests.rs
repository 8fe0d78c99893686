use super::*;
use crate::test_trajectories::{close, generator, normal};
use proptest::prelude::*;

/// Independent Ornstein-Uhlenbeck processes in the components of the stress, with unlike diagonals that must not matter.
fn run<const D: usize>(
    seed: u64,
    samples: u64,
    keep: f64,
    interval: u64,
) -> (StressCorrelator<D>, Vec<[[f64; D]; D]>) {
    let mut random = generator(seed);
    let mut correlator = StressCorrelator::<D>::new(50.0, 0.4, 0.01, interval).unwrap();
    let mut stress = [[0.0; D]; D];
    let mut stresses = Vec::new();
    for sample in 0..samples {
        for a in 0..D {
            for b in a..D {
                let old = stress[a][b];
                let start = sample == 0;
                let noise = if start {
                    1.0
                } else {
                    (1.0 - keep * keep).sqrt()
                };
                stress[a][b] = keep * old + noise * normal(&mut random);
                stress[b][a] = stress[a][b];
            }
        }
        assert_eq!(correlator.next_step(), sample * interval);
        let frame = Frame::new(sample * interval, &[]).with_stress(stress);
        correlator.observe(&frame).unwrap();
        stresses.push(stress);
    }
    (correlator, stresses)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn short_lags_agree_with_the_stored_stresses(seed: u64, samples in 2_u64..200, interval in 1_u64..5) {
        let (correlator, stresses) = run::<3>(seed, samples, 0.8, interval);
        let result = correlator.finish();
        let mut integral = 0.0;
        let mut last = 0.0;
        for lag in 0..stresses.len().min(16) {
            let mut sum = 0.0;
            for start in 0..stresses.len() - lag {
                for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                    sum += stresses[start][a][b] * stresses[start + lag][a][b];
                }
            }
            let value = sum / (3 * (stresses.len() - lag)) as f64;
            if lag > 0 {
                // V/T = 125, 0.01 interval between samples.
                integral += 125.0 * 0.01 * interval as f64 * 0.5 * (value + last);
            }
            last = value;
            prop_assert_eq!(result.steps[lag], lag as u64 * interval);
            prop_assert!(close(result.autocorrelation.values[lag], value));
            prop_assert!((result.viscosity.values[lag] - integral).abs() < 1e-11);
        }
    }
}

/// The viscosity of a stress that decays as `a^t` is `V/T dt (1/2 + a/(1 - a))`.
#[test]
fn viscosity_of_an_ornstein_uhlenbeck_stress() {
    let (keep, interval) = (0.9, 2);
    let mut merged = run::<3>(0, 30_000, keep, interval).0;
    for seed in 1..12 {
        merged
            .merge(run::<3>(seed, 30_000, keep, interval).0)
            .unwrap();
    }
    let result = merged.finish();
    assert_eq!(result.runs, 12);
    let exact = 125.0 * 0.01 * interval as f64 * (0.5 + keep / (1.0 - keep));
    let mut plateaus = 0;
    for (index, &step) in result.steps.iter().enumerate() {
        // From 100 samples on 0.9^100 = 3e-5 of the integral is left.
        if step >= 100 * interval + result.blocks[index] && step < 500 * interval {
            plateaus += 1;
            let error = result.viscosity.standard_errors[index].unwrap();
            assert!((result.viscosity.values[index] - exact).abs() < 4.0 * error);
            // The noise of the integral up to t is sqrt(4 t/t_all) of it, for all runs and components 4 % at the end; the error is
            // itself known to 20 %.
            assert!(error < 0.06 * exact, "{error} {exact}");
        }
    }
    assert!(plateaus > 10);
    assert!(result.autocorrelation.standard_errors[0].unwrap() < 0.02);
    // One run has no error; runs keep their order.
    let runs = merged.finish_runs();
    assert_eq!(runs[3], run::<3>(3, 30_000, keep, interval).0.finish());
    assert!(
        runs[3]
            .viscosity
            .standard_errors
            .iter()
            .all(Option::is_none)
    );
}

#[test]
fn a_checkpoint_continues_to_the_same_bits() {
    let (whole, stresses) = run::<2>(4, 500, 0.7, 3);
    let mut copy = StressCorrelator::<2>::new(50.0, 0.4, 0.01, 3).unwrap();
    for (sample, stress) in stresses.iter().enumerate() {
        if sample % 41 == 0 {
            copy = serde_json::from_str(&serde_json::to_string(&copy).unwrap()).unwrap();
        }
        let frame = Frame::new(3 * sample as u64, &[]).with_stress(*stress);
        copy.observe(&frame).unwrap();
    }
    assert_eq!(copy, whole);
}

#[test]
fn refuses_nonsense() {
    for (volume, temperature, time_step) in
        [(0.0, 1.0, 1.0), (1.0, f64::NAN, 1.0), (1.0, 1.0, -0.1)]
    {
        assert!(matches!(
            StressCorrelator::<3>::new(volume, temperature, time_step, 1),
            Err(CorrelatorError::Parameter { .. })
        ));
    }
    let make = |temperature, interval| StressCorrelator::<2>::new(1.0, temperature, 0.1, interval);
    assert_eq!(make(1.0, 0), Err(CorrelatorError::ZeroInterval));
    let mut correlator = make(1.0, 2).unwrap();
    assert!(correlator.merge(make(1.1, 2).unwrap()).is_err());
    assert!(correlator.merge(make(1.0, 3).unwrap()).is_err());
    let before = correlator.clone();
    assert!(matches!(
        correlator.observe(&Frame::new(1, &[])),
        Err(CorrelatorError::UnexpectedStep {
            expected: 0,
            given: 1
        })
    ));
    assert!(matches!(
        correlator.observe(&Frame::new(0, &[])),
        Err(CorrelatorError::Missing {
            quantity: "stress",
            ..
        })
    ));
    let broken = [[0.0, f64::INFINITY], [0.0, 0.0]];
    assert!(matches!(
        correlator.observe(&Frame::new(0, &[]).with_stress(broken)),
        Err(CorrelatorError::StressNotFinite { step: 0 })
    ));
    assert_eq!(correlator, before);
}
