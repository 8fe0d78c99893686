use super::*;
use crate::lattice::norm;
use crate::structure::random_frames::{RandomFrame, random_frame};
use proptest::prelude::*;

/// Bins and structure factors against sums of cosines and sines over all integers.
fn agrees_with_brute_force<const D: usize>(frame: &RandomFrame<D>, longest: f64, width: f64) {
    let Ok(mut accumulator) = StructureFactor::new(&frame.cell, &frame.species, longest, width)
    else {
        // No wave vector is short enough.
        let shortest = Lattice::new(&frame.cell).unwrap();
        assert!(brute_vectors(&shortest, longest).is_empty());
        return;
    };
    accumulator.push(&frame.positions).unwrap();
    let result = accumulator.finish();
    let kinds = accumulator.numbers.len();
    let number = (longest / width) as usize + 1;
    let mut vectors = vec![0; number];
    let mut wave_numbers = vec![0.0; number];
    let mut sums = vec![vec![0.0; number]; kinds * kinds];
    let mut totals = vec![0.0; number];
    for q in brute_vectors(&accumulator.lattice, longest) {
        let bin = ((norm(&q) / width) as usize).min(number - 1);
        vectors[bin] += 1;
        wave_numbers[bin] += norm(&q);
        let mut rho = vec![[0.0; 2]; kinds];
        for (position, &species) in frame.positions.iter().zip(&frame.species) {
            let phase: f64 = q.iter().zip(position).map(|(q, x)| q * x).sum();
            rho[usize::from(species)][0] += phase.cos();
            rho[usize::from(species)][1] += phase.sin();
        }
        for a in 0..kinds {
            for b in 0..kinds {
                let product = rho[a][0] * rho[b][0] + rho[a][1] * rho[b][1];
                sums[a * kinds + b][bin] += product / frame.positions.len() as f64;
                totals[bin] += product / frame.positions.len() as f64;
            }
        }
    }
    let filled: Vec<usize> = (0..number).filter(|&bin| vectors[bin] > 0).collect();
    assert_eq!(
        result.vectors,
        filled
            .iter()
            .map(|&bin| vectors[bin])
            .collect::<Vec<usize>>()
    );
    for (place, &bin) in filled.iter().enumerate() {
        let count = vectors[bin] as f64;
        assert!((result.wave_numbers[place] - wave_numbers[bin] / count).abs() < 1e-12 * longest);
        // Sums of up to 20 particles squared; the phases of positions up to 14 from the origin have a rounding error of
        // 14 q 1e-16, which is 1e-14 at q = 7.
        for partial in &result.partial {
            let [a, b] = partial.species;
            assert!((partial.values[place] - sums[a * kinds + b][bin] / count).abs() < 1e-12);
        }
        assert!((result.total.values[place] - totals[bin] / count).abs() < 2e-12);
    }
}

/// All wave vectors but zero, both of each pair.
fn brute_vectors<const D: usize>(lattice: &Lattice<D>, longest: f64) -> Vec<[f64; D]> {
    let reciprocal = lattice.reciprocal();
    let bounds = lattice
        .rows
        .map(|row| (longest * norm(&row) / TAU).floor() as i32 + 1);
    let mut integers = bounds.map(|bound| -bound);
    let mut vectors = Vec::new();
    loop {
        let q: [f64; D] = std::array::from_fn(|c| {
            (0..D)
                .map(|k| f64::from(integers[k]) * reciprocal[k][c])
                .sum()
        });
        if integers.iter().any(|&n| n != 0) && norm(&q) <= longest {
            vectors.push(q);
        }
        let Some(axis) = (0..D).rev().find(|&k| integers[k] < bounds[k]) else {
            return vectors;
        };
        integers[axis] += 1;
        for k in axis + 1..D {
            integers[k] = -bounds[k];
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn brute_force_in_space(frame in random_frame::<3>(20), longest in 1.0_f64..7.0, width in 0.05_f64..2.0) {
        agrees_with_brute_force(&frame, longest, width);
    }

    #[test]
    fn brute_force_in_the_plane(frame in random_frame::<2>(20), longest in 1.0_f64..20.0, width in 0.05_f64..2.0) {
        agrees_with_brute_force(&frame, longest, width);
    }

    /// The number of threads and storing in between change no bit; merging joins runs.
    #[test]
    fn same_bits_whatever_the_threads(frame in random_frame::<3>(90), shift in -2.0_f64..2.0) {
        let other: Vec<[f64; 3]> = frame.positions.iter().map(|x| x.map(|x| x + (x * shift).sin())).collect();
        let Ok(empty) = StructureFactor::new(&frame.cell, &frame.species, 14.0, 0.5) else { return Ok(()) };
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let push = |accumulator: &mut StructureFactor<3>| {
            accumulator.push(&frame.positions).unwrap();
            *accumulator = serde_json::from_str(&serde_json::to_string(accumulator).unwrap()).unwrap();
            accumulator.push(&other).unwrap();
        };
        let (mut one, mut many) = (empty.clone(), empty.clone());
        pool(1).install(|| push(&mut one));
        pool(3).install(|| push(&mut many));
        prop_assert_eq!(&one, &many);
        let (mut first, mut second) = (empty.clone(), empty);
        first.push(&frame.positions).unwrap();
        second.push(&other).unwrap();
        second.merge(first).unwrap();
        let (joined, merged) = (one.finish(), second.finish());
        prop_assert_eq!((merged.runs, merged.frames), (2, 2));
        for (one, two) in joined.total.values.iter().zip(&merged.total.values) {
            // Sums of the same few numbers in another order.
            prop_assert!((one - two).abs() < 1e-14 * (1.0 + one));
        }
        // Two runs: the error of the mean is half their difference.
        let runs = second.finish_runs();
        for (place, error) in merged.total.standard_errors.iter().enumerate() {
            let half = 0.5 * (runs[0].total.values[place] - runs[1].total.values[place]).abs();
            prop_assert!((error.unwrap() - half).abs() < 1e-12 * (1.0 + merged.total.values[place]));
        }
    }
}

/// Many particles and wave vectors, so that there are several blocks and groups of each.
#[test]
fn brute_force_of_a_large_frame() {
    let cell = [[6.0, 0.0, 0.0], [2.0, 7.0, 0.0], [-2.0, 1.0, 9.0]];
    let mut state = 1_u64;
    let mut random = || {
        state = crate::bootstrap::mix(state);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let positions: Vec<[f64; 3]> = (0..150)
        .map(|_| std::array::from_fn(|_| 4.0 * random() - 2.0))
        .collect();
    let species = (0..150).map(|i| u8::from(i % 5 == 0)).collect();
    agrees_with_brute_force(
        &RandomFrame {
            cell,
            positions,
            species,
        },
        11.0,
        0.25,
    );
}

/// The conventions of others, from their definitions in terms of density waves.
#[test]
fn other_normalisations() {
    let cell = [[4.0, 0.0], [1.0, 5.0]];
    let positions = [[0.1, 0.2], [1.3, 0.9], [2.2, 3.1], [3.0, 4.4], [0.4, 2.0]];
    let mut accumulator = StructureFactor::new(&cell, &[0, 0, 1, 1, 1], 4.0, 0.1).unwrap();
    accumulator.push(&positions).unwrap();
    let result = accumulator.finish();
    let (c_a, c_b): (f64, f64) = (0.4, 0.6);
    let [aa, ab, bb] = &result.partial[..] else {
        panic!()
    };
    for place in 0..result.vectors.len() {
        let langreth = ab.ashcroft_langreth()[place];
        assert!((langreth - ab.values[place] / (c_a * c_b).sqrt()).abs() < 1e-14);
        // S = sum_ab c_a c_b (S^FZ_ab - 1) + 1
        let ziman = [aa, ab, bb].map(|partial| partial.faber_ziman()[place] - 1.0);
        let total = 1.0 + c_a * c_a * ziman[0] + 2.0 * c_a * c_b * ziman[1] + c_b * c_b * ziman[2];
        assert!((total - result.total.values[place]).abs() < 1e-13);
    }
}

/// The peak of a lattice with small displacements; errors over runs by the jackknife.
#[test]
fn finds_the_peak_of_a_disordered_row() {
    // Points 1 apart on a circle of 400, each moved by Gauss' noise that adds up: S(q) is known to peak near 2 pi.
    let mut state = 3_u64;
    let mut random = || {
        state = crate::bootstrap::mix(state);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let cell = [[400.0]];
    let mut accumulator = StructureFactor::new(&cell, &[0; 400], 12.0, 0.1).unwrap();
    for run in 0..8 {
        if run > 0 {
            accumulator.begin_run();
        }
        for _ in 0..50 {
            // Distances 0.7 + exponentially distributed ones of mean 0.3: hard rods, a Tonks gas.
            let gaps: Vec<f64> = (0..400)
                .map(|_| 0.75 - 0.25 * (1.0 - random()).ln())
                .collect();
            let total: f64 = gaps.iter().sum();
            let mut x = 0.0;
            let positions: Vec<[f64; 1]> = gaps
                .iter()
                .map(|gap| {
                    x += gap * 400.0 / total;
                    [x]
                })
                .collect();
            accumulator.push(&positions).unwrap();
        }
    }
    let peak = accumulator.first_peak(0).unwrap();
    // S(q) = Re (1 + f)/(1 - f), f = e^(i q s)/(1 - i q g) with s = 0.75, g = 0.25: gaps are independent.
    let exact = |q: f64| {
        let (sin, cos) = (0.75 * q).sin_cos();
        let (a, b) = (1.0, -0.25 * q);
        let size = a * a + b * b;
        let f = [(cos * a + sin * b) / size, (sin * a - cos * b) / size];
        let (up, down) = ([1.0 + f[0], f[1]], [1.0 - f[0], -f[1]]);
        (up[0] * down[0] + up[1] * down[1]) / (down[0] * down[0] + down[1] * down[1])
    };
    let place = (0..40_000)
        .map(|i| 5.0 + 1e-4 * f64::from(i))
        .fold(5.0, |best, q| if exact(q) > exact(best) { q } else { best });
    assert!(
        peak.wave_number_error > 0.0 && peak.wave_number_error < 0.05,
        "{peak:?}"
    );
    // The jackknife of eight runs is itself uncertain by a quarter; the fit may miss a hundredth of the width.
    assert!(
        (peak.wave_number - place).abs() < 4.0 * peak.wave_number_error + 0.02,
        "{peak:?} {place}"
    );
    assert!(
        (peak.height - exact(place)).abs() < 4.0 * peak.height_error + 0.03,
        "{peak:?} {}",
        exact(place)
    );
    assert!(matches!(
        accumulator.first_peak(1),
        Err(PeakError::UnknownSpecies {
            species: 1,
            known: 1
        })
    ));
}

#[test]
fn refuses_nonsense() {
    let cell = [[2.0, 0.0], [0.0, 3.0]];
    let new = |longest, width| StructureFactor::new(&cell, &[0, 1], longest, width);
    for (longest, width) in [
        (0.0, 1.0),
        (5.0, 0.0),
        (f64::NAN, 1.0),
        (5.0, f64::NAN),
        (1e9, 1e8),
        (1.0, 0.1),
    ] {
        assert!(
            matches!(
                new(longest, width),
                Err(StructureError::InvalidWaveNumbers { .. })
            ),
            "{longest} {width}"
        );
    }
    let mut accumulator = new(5.0, 0.1).unwrap();
    let before = accumulator.clone();
    assert!(accumulator.push(&[[0.0; 2]]).is_err());
    assert!(accumulator.push(&[[0.0; 2], [f64::NAN, 0.0]]).is_err());
    assert_eq!(accumulator, before);
    assert!(accumulator.merge(new(5.0, 0.2).unwrap()).is_err());
    assert!(accumulator.first_peak(0).is_err());
}
