use super::*;
use crate::test_trajectories::{close, generator, normal, uniform};
use proptest::prelude::*;

/// Averages blocks of a stored series, and correlates these, one pair after the other.
fn naive(series: &[Vec<f64>], channels: usize) -> Vec<(u64, u64, u64, f64, f64)> {
    let mut result = Vec::new();
    for level in 0..30 {
        let block = 1 << level;
        let blocks: Vec<Vec<f64>> = series
            .chunks_exact(block)
            .map(|samples| {
                (0..series[0].len())
                    .map(|signal| {
                        samples.iter().map(|sample| sample[signal]).sum::<f64>() / block as f64
                    })
                    .collect()
            })
            .collect();
        let mut integral = 0.0;
        let mut last = 0.0;
        for k in 0..channels.min(blocks.len()) {
            let pairs = blocks.len() - k;
            let products = (0..pairs).flat_map(|n| {
                let both = blocks[n].iter().zip(&blocks[n + k]);
                both.map(|(a, b)| a * b)
            });
            let value = products.sum::<f64>() / (pairs * series[0].len()) as f64;
            if k > 0 {
                integral += 0.5 * block as f64 * (value + last);
            }
            last = value;
            if level == 0 || k >= channels / 2 {
                result.push((
                    (k * block) as u64,
                    block as u64,
                    pairs as u64,
                    value,
                    integral,
                ));
            }
        }
    }
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn agrees_with_blocks_of_a_stored_series(
        seed: u64, signals in 1_usize..4, half in 2_usize..12, length in 1_usize..600, cut in 0_usize..600,
    ) {
        let mut random = generator(seed);
        let series: Vec<Vec<f64>> = (0..length)
            .map(|_| (0..signals).map(|_| uniform(&mut random) + 0.1).collect())
            .collect();
        let mut correlator = MultipleTau::new(signals, 2 * half).unwrap();
        for (index, sample) in series.iter().enumerate() {
            if index == cut {
                // A copy from a check-point goes on like the original.
                correlator = serde_json::from_str(&serde_json::to_string(&correlator).unwrap()).unwrap();
            }
            correlator.push(sample).unwrap();
        }
        let expected = naive(&series, 2 * half);
        let points = correlator.points();
        prop_assert_eq!(points.len(), expected.len());
        for (point, (lag, block, pairs, value, integral)) in points.iter().zip(expected) {
            prop_assert_eq!((point.lag, point.block, point.pairs), (lag, block, pairs));
            prop_assert!(close(point.correlation, value));
            // Sums of 23 terms of at most 600/2 samples.
            prop_assert!((point.integral - integral).abs() < 1e-11);
        }
        prop_assert!(correlator.is_sound());
    }

    /// The claim of the documentation, for any correlation: the trapezoidal sum over blocks is the sum over samples,
    /// averaged over its upper limit.
    #[test]
    fn averaging_blocks_does_not_bias_the_integral(seed: u64, level in 0_u32..6, channels in 3_usize..10) {
        let mut random = generator(seed);
        let block = 2_usize.pow(level);
        let correlation: Vec<f64> = (0..(channels + 1) * block).map(|_| uniform(&mut random)).collect();
        let at = |lag: i64| correlation[lag.unsigned_abs() as usize];
        // What blocks k apart correlate as, from the pairs of samples in them.
        let blocks: Vec<f64> = (0..channels)
            .map(|k| {
                let pairs = (0..block).flat_map(|i| (0..block).map(move |j| (i as i64, j as i64)));
                pairs.map(|(i, j)| at((k * block) as i64 + j - i)).sum::<f64>() / (block * block) as f64
            })
            .collect();
        let integral = |limit: usize| 0.5 * at(0) + (1..=limit).map(|lag| at(lag as i64)).sum::<f64>();
        for (k, found) in running_integral(&blocks, block as f64).into_iter().enumerate().skip(1) {
            let limits = (k - 1) * block..(k + 1) * block;
            let expected = limits.map(integral).sum::<f64>() / (2 * block) as f64;
            prop_assert!((found - expected).abs() < 1e-11, "{} {}", found, expected);
        }
    }
}

/// `x' = a x + sqrt(1 - a^2) xi` has `C(t) = a^t` and the integral `1/2 + a/(1 - a)`, which is reached on every level.
#[test]
fn ornstein_uhlenbeck_has_its_integral_on_every_level() {
    let keep = 0.95_f64;
    let exact = 0.5 + keep / (1.0 - keep);
    let runs: Vec<MultipleTau> = (0..16)
        .map(|seed| {
            let mut random = generator(seed);
            let mut correlator = MultipleTau::new(2, 16).unwrap();
            let mut x = [normal(&mut random), normal(&mut random)];
            for _ in 0..1 << 16 {
                correlator.push(&x).unwrap();
                x = x.map(|x| keep * x + (1.0 - keep * keep).sqrt() * normal(&mut random));
            }
            correlator
        })
        .collect();
    let pooled = pooled_points(&runs.iter().collect::<Vec<_>>());
    let own: Vec<Vec<MultipleTauPoint>> = runs.iter().map(MultipleTau::points).collect();
    let mut plateaus = 0;
    for (index, point) in pooled.iter().enumerate() {
        let error = |value: fn(&MultipleTauPoint) -> f64| {
            let mean = value(point);
            let sum: f64 = own
                .iter()
                .map(|run| (value(&run[index]) - mean).powi(2))
                .sum();
            (sum / 15.0 / 16.0).sqrt()
        };
        if point.lag > 1000 {
            continue;
        }
        // Blocks of blocks: C averaged with the triangle.
        let (lag, block) = (point.lag as i64, point.block as i64);
        let triangle = (1 - block..block).map(|shift| {
            let weight = (block - shift.abs()) as f64 / (block * block) as f64;
            weight * keep.powf((lag + shift).abs() as f64)
        });
        let expected: f64 = triangle.sum();
        // Sixteen runs, some sixty points: five standard errors.
        let slack = 5.0 * error(|point| point.correlation);
        assert!(
            (point.correlation - expected).abs() < slack,
            "{point:?} {expected}"
        );
        let integral_error = error(|point| point.integral);
        if point.lag > 200 + point.block {
            // What is left of the integral is 0.95^200 = 3e-5 of it.
            plateaus += 1;
            assert!(
                (point.integral - exact).abs() < 5.0 * integral_error,
                "{point:?} {exact}"
            );
            assert!(integral_error < 0.05 * exact);
        }
    }
    assert!(plateaus > 10);
}

#[test]
fn refuses_nonsense() {
    assert_eq!(MultipleTau::new(0, 16), Err(MultipleTauError::NoSignals));
    for channels in [0, 2, 7, 2000] {
        assert_eq!(
            MultipleTau::new(1, channels),
            Err(MultipleTauError::Channels { channels })
        );
    }
    let mut correlator = MultipleTau::new(2, 8).unwrap();
    correlator.push(&[1.0, 2.0]).unwrap();
    let before = correlator.clone();
    assert!(matches!(
        correlator.push(&[1.0]),
        Err(MultipleTauError::SignalCount {
            sample: 1,
            expected: 2,
            given: 1
        })
    ));
    assert!(matches!(
        correlator.push(&[1.0, f64::NAN]),
        Err(MultipleTauError::NotFinite {
            sample: 1,
            signal: 1
        })
    ));
    assert_eq!(correlator, before);
}

#[test]
fn memory_grows_with_the_logarithm_of_the_run() {
    let mut correlator = MultipleTau::new(1, 16).unwrap();
    for sample in 0..1 << 14 {
        correlator.push(&[f64::from(sample % 7)]).unwrap();
    }
    // Blocks of 1, 2, ... 2^14 samples.
    assert_eq!(correlator.levels.len(), 15);
    assert_eq!(correlator.samples(), 1 << 14);
}
