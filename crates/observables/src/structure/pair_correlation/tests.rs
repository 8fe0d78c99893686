use super::*;
use crate::lattice::norm;
use crate::structure::random_frames::{RandomFrame, all_pairs, random_frame};
use proptest::prelude::*;

/// Counts, values and coordination against all pairs one by one.
fn agrees_with_brute_force<const D: usize>(frame: &RandomFrame<D>, range: f64, bins: usize) {
    let mut accumulator = PairCorrelation::new(&frame.cell, &frame.species, range, bins).unwrap();
    accumulator.push(&frame.positions).unwrap();
    let result = accumulator.finish();
    let kinds = accumulator.numbers.len();
    let mut counts = vec![vec![0_u64; bins]; kinds * kinds];
    for (i, j, vector) in all_pairs(frame, range) {
        let (a, b) = (usize::from(frame.species[i]), usize::from(frame.species[j]));
        let bin = (norm(&vector) / (range / bins as f64)) as usize;
        // Images of a particle itself are no pairs. One rounding error decides nothing: random distances are not that
        // close to the edge of a bin.
        if i != j && bin < bins {
            counts[a * kinds + b][bin] += 1;
        }
    }
    let volume = accumulator.plan.lattice.volume;
    let ball = if D == 2 { 0.5 * TAU } else { 2.0 / 3.0 * TAU };
    let mut total = vec![0; bins];
    for function in &result.partial {
        let [a, b] = function.species;
        assert_eq!(function.counts, counts[a * kinds + b], "{a} {b}");
        let number = |s: usize| {
            frame
                .species
                .iter()
                .filter(|&&t| usize::from(t) == s)
                .count() as f64
        };
        let others = number(b) - f64::from(u8::from(a == b));
        let mut inside = 0;
        for bin in 0..bins {
            let [inner, outer] = [bin, bin + 1].map(|k| k as f64 * range / bins as f64);
            let shell = ball * (outer.powi(D as i32) - inner.powi(D as i32));
            let expected = number(a) * others * shell / volume;
            let exact = if expected > 0.0 {
                function.counts[bin] as f64 / expected
            } else {
                0.0
            };
            // The difference of powers cancels up to a share of 1/bins.
            assert!((function.values[bin] - exact).abs() <= 1e-12 * bins as f64 * exact);
            inside += function.counts[bin];
            assert!(
                (function.coordination[bin] - inside as f64 / number(a)).abs()
                    < 1e-12 * inside as f64 + 1e-300
            );
            total[bin] += function.counts[bin] * if a == b { 1 } else { 2 };
        }
    }
    assert_eq!(result.total.counts, total);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn brute_force_in_space(frame in random_frame::<3>(12), range in 0.3_f64..5.0, bins in 1_usize..60) {
        agrees_with_brute_force(&frame, range, bins);
    }

    #[test]
    fn brute_force_in_the_plane(frame in random_frame::<2>(20), range in 0.3_f64..8.0, bins in 1_usize..60) {
        agrees_with_brute_force(&frame, range, bins);
    }

    /// The number of threads, the order of frames and of merging, and storing in between change nothing.
    #[test]
    fn same_bits_whatever_the_order(frame in random_frame::<3>(40), shift in -2.0_f64..2.0) {
        let other: Vec<[f64; 3]> = frame.positions.iter().map(|x| x.map(|x| x + (x * shift).sin())).collect();
        let empty = PairCorrelation::new(&frame.cell, &frame.species, 3.0, 50).unwrap();
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let one = pool(1).install(|| {
            let mut one = empty.clone();
            one.push(&frame.positions).unwrap();
            let mut one: PairCorrelation<3> = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
            one.push(&other).unwrap();
            one.finish()
        });
        let many = pool(3).install(|| {
            let mut many = empty.clone();
            many.push(&other).unwrap();
            let mut more = empty.clone();
            more.push(&frame.positions).unwrap();
            many.merge(more).unwrap();
            many.finish()
        });
        prop_assert_eq!(&one.total.counts, &many.total.counts);
        prop_assert_eq!(&one.total.values, &many.total.values);
        for (a, b) in one.partial.iter().zip(&many.partial) {
            prop_assert_eq!(&a.values, &b.values);
            prop_assert_eq!(&a.coordination, &b.coordination);
        }
        prop_assert_eq!((one.runs, many.runs), (1, 2));
        // A constant shift of everything, and folding, change no distance.
        let mut moved = empty.clone();
        moved.push(&frame.positions.iter().map(|x| x.map(|x| x + 0.37)).collect::<Vec<_>>()).unwrap();
        let mut still = empty;
        still.push(&frame.positions).unwrap();
        prop_assert_eq!(moved.finish().total.counts, still.finish().total.counts);
    }
}

/// Many particles, so that there are several groups and many bins of the cell: against all pairs.
#[test]
fn brute_force_of_a_large_frame() {
    let cell = [[9.0, 0.0, 0.0], [3.0, 8.0, 0.0], [-2.0, 1.0, 10.0]];
    let mut state = 1_u64;
    let mut random = || {
        state = crate::bootstrap::mix(state);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let positions: Vec<[f64; 3]> = (0..900)
        .map(|_| std::array::from_fn(|_| 16.0 * random() - 8.0))
        .collect();
    let species = (0..900).map(|i| u8::from(i % 5 == 0)).collect();
    agrees_with_brute_force(
        &RandomFrame {
            cell,
            positions,
            species,
        },
        4.7,
        400,
    );
}

/// Random points have `g = 1` on average, far beyond half the cell, for few particles too.
#[test]
fn a_gas_has_no_structure() {
    let cell = [[3.0, 0.2], [-0.4, 2.5]];
    let mut state = 7_u64;
    let mut random = || {
        state = crate::bootstrap::mix(state);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut accumulator = PairCorrelation::new(&cell, &[0, 0, 1, 1, 1], 6.0, 6).unwrap();
    for block in 0..20 {
        if block > 0 {
            accumulator.begin_run();
        }
        for _ in 0..500 {
            let positions: Vec<[f64; 2]> = (0..5)
                .map(|_| {
                    let (s, t) = (random(), random());
                    std::array::from_fn(|k| s * cell[0][k] + t * cell[1][k])
                })
                .collect();
            accumulator.push(&positions).unwrap();
        }
    }
    let result = accumulator.finish();
    assert_eq!((result.runs, result.frames), (20, 10_000));
    for function in result.partial.iter().chain([&result.total]) {
        for (value, error) in function.values.iter().zip(&function.standard_errors) {
            // 24 numbers, five standard errors from 20 runs.
            let error = error.unwrap();
            assert!(
                (value - 1.0).abs() < 5.0 * error && error < 0.05,
                "{value} {error}"
            );
        }
    }
}

#[test]
fn refuses_nonsense() {
    let cell = [[2.0, 0.0], [0.0, 3.0]];
    let new = |range, bins| PairCorrelation::new(&cell, &[0, 0, 1], range, bins);
    assert!(matches!(
        new(0.0, 10),
        Err(StructureError::InvalidRange { .. })
    ));
    assert!(matches!(
        new(f64::NAN, 10),
        Err(StructureError::InvalidRange { .. })
    ));
    assert!(matches!(
        new(128.1, 10),
        Err(StructureError::InvalidRange { longest: 128.0, .. })
    ));
    assert!(matches!(
        new(1.0, 0),
        Err(StructureError::InvalidBins { .. })
    ));
    assert!(matches!(
        PairCorrelation::new(&cell, &[0, 2], 1.0, 10),
        Err(StructureError::EmptySpecies {
            species: 1,
            count: 3
        })
    ));
    assert!(matches!(
        PairCorrelation::new(&cell, &[], 1.0, 10),
        Err(StructureError::Particles { particles: 0 })
    ));
    assert!(matches!(
        PairCorrelation::new(&[[1.0, 2.0], [2.0, 4.0]], &[0], 1.0, 10),
        Err(StructureError::SingularCell { .. })
    ));
    let mut accumulator = new(1.0, 10).unwrap();
    let before = accumulator.clone();
    assert!(matches!(
        accumulator.push(&[[0.0; 2]; 2]),
        Err(StructureError::ParticleCount {
            expected: 3,
            given: 2,
            ..
        })
    ));
    assert!(matches!(
        accumulator.push(&[[0.0; 2], [0.0, f64::INFINITY], [0.0; 2]]),
        Err(StructureError::NotFinite { particle: 1 })
    ));
    assert_eq!(accumulator, before);
    assert!(accumulator.finish().total.values.iter().all(|&g| g == 0.0));
    assert!(matches!(
        accumulator.merge(new(1.0, 11).unwrap()),
        Err(StructureError::Incompatible { .. })
    ));
    // A stored accumulator of another number of bins.
    let text = serde_json::to_string(&accumulator).unwrap();
    assert!(
        serde_json::from_str::<PairCorrelation<2>>(&text.replace("\"bins\":10", "\"bins\":9"))
            .is_err()
    );
    assert!(serde_json::from_str::<PairCorrelation<3>>(&text).is_err());
}
