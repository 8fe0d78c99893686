use super::*;
use proptest::prelude::*;

const X: [f64; 20] = [
    0.31, 1.72, 0.05, 2.93, 0.44, 0.88, 5.31, 0.12, 1.01, 0.67, 3.42, 0.23, 0.95, 1.38, 0.02, 0.51,
    2.14, 0.77, 0.09, 1.19,
];
const Y: [f64; 8] = [2.1, 3.7, 1.9, 4.4, 2.8, 6.5, 3.1, 2.2];

fn thorough(seed: u64) -> Bootstrap {
    Bootstrap {
        resamples: 100_000,
        ..Bootstrap::new(seed)
    }
}

/// Ends of the interval from `scipy.stats.bootstrap(method="BCa", confidence_level=0.9, n_resamples=100000)`,
/// `SciPy` 1.17: the mean over 20 seeds, and the scatter of one of them, in (low, scatter, high, scatter).
fn assert_agrees(interval: Interval, reference: [f64; 4]) {
    // One run of ours has the scatter of one of SciPy's, the reference has 1/sqrt(20) of it. Four standard
    // deviations; without z0 or without a the test fails.
    let [low, low_scatter, high, high_scatter] = reference;
    let slack = 4.0 * f64::sqrt(1.0 + 1.0 / 20.0);
    assert!(
        (interval.low - low).abs() < slack * low_scatter,
        "{interval:?}"
    );
    assert!(
        (interval.high - high).abs() < slack * high_scatter,
        "{interval:?}"
    );
}

#[test]
fn agrees_with_scipy() {
    let reference = [0.8205038, 0.0015946, 1.8416492, 0.0041597];
    assert_agrees(thorough(1).mean(&X).unwrap(), reference);
    assert_agrees(thorough(2).statistic(&X, mean).unwrap(), reference);
    let deviation = |values: &[f64]| {
        let centre = mean(values);
        values
            .iter()
            .map(|x| (x - centre).powi(2) / values.len() as f64)
            .sum::<f64>()
            .sqrt()
    };
    assert_agrees(
        thorough(3).statistic(&X, deviation).unwrap(),
        [0.8809535, 0.0022403, 1.9722652, 0.0033313],
    );
    let [logarithm, ratio] = thorough(4)
        .function_of_means(&[&X[..], &Y[..]], |m| [m[0].ln(), m[0] / m[1]])
        .unwrap();
    assert_agrees(logarithm, [-0.1947605, 0.0017729, 0.6147905, 0.0023198]);
    assert_agrees(ratio, [0.2238691, 0.0005187, 0.5822092, 0.0017647]);
}

#[test]
fn means_and_stratified_agree() {
    let samples = [X.to_vec(), Y.to_vec()];
    let bootstrap = Bootstrap::new(11);
    let fast = bootstrap.function_of_means(&samples, |m| [m[0] / m[1], m[0] * m[1]]);
    let general = bootstrap.stratified(&samples, |s| {
        let (x, y) = (mean(&s[0]), mean(&s[1]));
        [x / y, x * y]
    });
    for (fast, general) in fast.unwrap().iter().zip(&general.unwrap()) {
        // The same streams: only the rounding of the jackknife differs.
        assert!((fast.low - general.low).abs() < 1e-10);
        assert!((fast.high - general.high).abs() < 1e-10);
    }
}

#[test]
fn threads_change_no_bit() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| Bootstrap::new(3).mean(&X)).unwrap()
    };
    assert_eq!(run(1), run(3));
}

/// The streams are part of what makes a published number reproducible: a dependency that changes them
/// must be noticed.
#[test]
fn streams_are_pinned() {
    assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    let mut drawn = Vec::new();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(mix(mix(1)));
    resample(&[0.0, 1.0, 2.0, 3.0, 4.0], &mut random, |first, second| {
        drawn.push(first);
        drawn.extend(second);
    });
    assert_eq!(drawn, PINNED);
}
/// From the published definitions of `SplitMix64` and xoshiro256++, in Python.
const PINNED: [f64; 5] = [2.0, 1.0, 1.0, 2.0, 1.0];

#[test]
fn constants_have_an_interval_of_no_width() {
    for n in [2, 3, 10, 1001] {
        let interval = Bootstrap::new(0).mean(&vec![0.1; n]).unwrap();
        assert_eq!(interval.low.to_bits(), interval.estimate.to_bits());
        assert_eq!(interval.high.to_bits(), interval.estimate.to_bits());
    }
}

#[test]
fn refuses_what_it_cannot_do() {
    let bootstrap = Bootstrap::new(0);
    assert!(matches!(
        bootstrap.mean(&[1.0]),
        Err(BootstrapError::SampleSize {
            sample: 0,
            values: 1
        })
    ));
    assert!(matches!(
        bootstrap.mean(&[1.0, f64::NAN]),
        Err(BootstrapError::NotFinite {
            sample: 0,
            index: 1,
            ..
        })
    ));
    let none: [Vec<f64>; 0] = [];
    assert_eq!(
        bootstrap.function_of_means(&none, |_| [0.0]),
        Err(BootstrapError::NoSamples)
    );
    for level in [0.0, 1.0, f64::NAN] {
        let bootstrap = Bootstrap { level, ..bootstrap };
        assert!(matches!(
            bootstrap.mean(&X),
            Err(BootstrapError::InvalidLevel { .. })
        ));
    }
    let few = Bootstrap {
        resamples: 1,
        ..bootstrap
    };
    assert_eq!(
        few.mean(&X),
        Err(BootstrapError::TooFewResamples { resamples: 1 })
    );
    // The mean of the data is positive, that of some resamplings is not.
    let logarithm = bootstrap.function_of_means(&[[-1.0, -1.0, 2.5]], |m| [m[0].ln()]);
    assert!(matches!(
        logarithm,
        Err(BootstrapError::StatisticNotFinite { component: 0, .. })
    ));
}

/// The interval of the mean of forty exponential values covers the true mean with nearly its nominal level.
#[test]
fn covers_at_nearly_its_level() {
    let trials = 1000;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(99);
    let (mut covered, mut above) = (0, 0);
    for seed in 0..trials {
        let values: Vec<f64> = (0..40)
            .map(|_| -(((random.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64).ln())
            .collect();
        let bootstrap = Bootstrap {
            resamples: 1000,
            ..Bootstrap::new(seed)
        };
        let interval = bootstrap.mean(&values).unwrap();
        covered += usize::from(interval.contains(1.0));
        above += usize::from(interval.low > 1.0);
    }
    // BCa is second-order accurate: its error here is of order 1/n = 0.025. The count has a standard deviation
    // of sqrt(1000 * 0.9 * 0.1) = 9.5; three of them on each side.
    assert!((850..=930).contains(&covered), "{covered}");
    // The low end alone misses 5 %: a standard deviation of 6.9, three of them on each side, and 10 for the
    // error of order 1/n.
    assert!((29..=81).contains(&above), "{above}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn respects_increasing_transformations(
        values in prop::collection::vec(0.1_f64..10.0, 3..30), seed: u64,
    ) {
        let bootstrap = Bootstrap { resamples: 999, ..Bootstrap::new(seed) };
        let [plain, scaled, mirrored] = bootstrap
            .function_of_means(&[&values[..]], |m| [m[0], 3.0 * m[0] - 1.0, -m[0]])
            .unwrap();
        let expected = plain.map(|x| 3.0 * x - 1.0);
        prop_assert!((scaled.low - expected.low).abs() < 1e-9);
        prop_assert!((scaled.high - expected.high).abs() < 1e-9);
        // A decreasing transformation exchanges the ends.
        prop_assert!((mirrored.low + plain.high).abs() < 1e-9);
        prop_assert!((mirrored.high + plain.low).abs() < 1e-9);
    }

    #[test]
    fn lies_within_the_range_of_the_data(
        values in prop::collection::vec(-1e3_f64..1e3, 2..12), seed: u64,
    ) {
        let bootstrap = Bootstrap { resamples: 200, ..Bootstrap::new(seed) };
        let interval = bootstrap.mean(&values).unwrap();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(low - 1e-9 <= interval.low && interval.low <= interval.high);
        prop_assert!(interval.high <= high + 1e-9);
    }
}
