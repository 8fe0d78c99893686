use super::*;
use proptest::prelude::*;

const TRICLINIC: [[f64; 3]; 3] = [[7.1, 0.0, 0.0], [2.3, 6.4, 0.0], [-1.2, 1.9, 8.3]];

#[test]
fn cubic_stars_have_their_multiplicities() {
    let cell = [[10.0, 0.0, 0.0], [0.0, 10.0, 0.0], [0.0, 0.0, 10.0]];
    let unit = TAU / 10.0;
    // Representations of n^2 as a sum of three squares, halved: 6, 12, 8, 6, 24 -> pairs.
    for (square, pairs) in [(1.0, 3), (2.0, 6), (3.0, 4), (4.0, 3), (5.0, 12), (9.0, 15)] {
        let magnitude = unit * f64::sqrt(square);
        assert_eq!(
            WaveVectors::shell(&cell, magnitude, 1e-6).unwrap().len(),
            pairs
        );
    }
}

/// Against a search over a generous cube of integers, with explicit cross products for the basis.
#[test]
fn triclinic_shell_agrees_with_brute_force() {
    let cross = |a: [f64; 3], b: [f64; 3]| -> [f64; 3] {
        std::array::from_fn(|k| a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3])
    };
    let [a, b, c] = TRICLINIC;
    let volume = dot(&a, &cross(b, c));
    let basis = [cross(b, c), cross(c, a), cross(a, b)].map(|row| row.map(|x| TAU * x / volume));
    let (magnitude, width) = (5.3, 0.2);
    let mut expected = Vec::new();
    for n0 in -20..=20 {
        for n1 in -20..=20 {
            for n2 in -20..=20 {
                let q = combine(&basis, &[n0, n1, n2]);
                if (norm(&q) - magnitude).abs() <= width / 2.0 {
                    expected.push([n0, n1, n2]);
                }
            }
        }
    }
    let shell = WaveVectors::shell(&TRICLINIC, magnitude, width).unwrap();
    assert_eq!(2 * shell.len(), expected.len());
    for (n, q) in shell.integers().iter().zip(shell.vectors()) {
        assert!(expected.contains(n));
        assert!(!shell.integers().contains(&n.map(|n| -n)));
        for row in TRICLINIC {
            let turns = dot(&row, &q) / TAU;
            assert!((turns - turns.round()).abs() < 1e-12);
        }
    }
    // Handedness of the cell does not matter.
    let left = [TRICLINIC[1], TRICLINIC[0], TRICLINIC[2]];
    assert_eq!(
        WaveVectors::shell(&left, magnitude, width).unwrap().len(),
        shell.len()
    );
}

#[test]
fn empty_shell_names_the_nearest() {
    let cell = [[5.0, 0.0], [0.0, 5.0]];
    let unit = TAU / 5.0;
    let error = WaveVectors::shell(&cell, 1.2 * unit, 0.01).unwrap_err();
    let WaveVectorError::EmptyShell { nearest, .. } = error else {
        panic!("{error}")
    };
    assert!((nearest - unit).abs() < 1e-12);
    // The width that the message recommends works.
    assert!(WaveVectors::shell(&cell, 1.2 * unit, 2.0 * 0.2 * unit + 1e-12).is_ok());
    // Far below the smallest wave vector.
    let error = WaveVectors::shell(&cell, 0.01 * unit, 1e-3).unwrap_err();
    assert!(
        matches!(error, WaveVectorError::EmptyShell { nearest, .. } if (nearest - unit).abs() < 1e-12)
    );
}

#[test]
fn refuses_nonsense() {
    let flat = [[1.0, 2.0], [2.0, 4.0]];
    assert!(matches!(
        WaveVectors::shell(&flat, 1.0, 0.1),
        Err(WaveVectorError::SingularCell { .. })
    ));
    let cell = [[5.0, 0.0], [0.0, 5.0]];
    assert!(WaveVectors::shell(&cell, f64::NAN, 0.1).is_err());
    assert!(WaveVectors::shell(&cell, 1.0, 0.0).is_err());
    assert!(WaveVectors::shell(&[[f64::NAN, 0.0], [0.0, 1.0]], 1.0, 0.1).is_err());
    assert!(matches!(
        WaveVectors::shell(&[[1e9, 0.0], [0.0, 1e9]], 6.0, 0.1),
        Err(WaveVectorError::TooMany { .. })
    ));
}

#[test]
fn default_width_holds_enough_vectors_in_every_box() {
    for (density, magnitude) in [(0.82, 6.35), (1.2, 7.25), (0.6, 5.47), (0.52, 6.3)] {
        for particles in [500.0, 2000.0, 8000.0_f64] {
            let edge = (particles / density).cbrt();
            let cell = [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]];
            let width = WaveVectors::default_width(&cell, magnitude).unwrap();
            assert!(width < 0.25, "{width}");
            let shell = WaveVectors::shell(&cell, magnitude, width).unwrap();
            assert!(shell.len() >= 25, "{}", shell.len());
            assert!(shell.len() <= 400, "{}", shell.len());
        }
    }
    for particles in [500.0, 8000.0_f64] {
        let edge = (particles / 0.86_f64).sqrt();
        let cell = [[edge, 0.0], [0.0, edge]];
        let width = WaveVectors::default_width(&cell, 5.91).unwrap();
        assert!(WaveVectors::shell(&cell, 5.91, width).unwrap().len() >= 25);
    }
}

#[test]
fn limit_keeps_the_nearest_and_prefers_no_direction() {
    let shell = WaveVectors::shell(&TRICLINIC, 6.0, 1.0).unwrap();
    let distance = |q: &[f64; 3]| (norm(q) - 6.0).abs();
    let limited = shell.clone().limited_to(20);
    assert_eq!(limited.len(), 20);
    let farthest = limited.vectors().iter().map(distance).fold(0.0, f64::max);
    let nearer = shell
        .vectors()
        .iter()
        .filter(|q| distance(q) <= farthest)
        .count();
    assert_eq!(nearer, 20);
    assert_eq!(shell.clone().limited_to(0).len(), 1);
    assert_eq!(shell.clone().limited_to(100_000), shell);

    // 24 of the 96 pairs of one cubic star: no axis has much more than a third of the square.
    let cell = [[14.0, 0.0, 0.0], [0.0, 14.0, 0.0], [0.0, 0.0, 14.0]];
    let star = WaveVectors::shell(&cell, TAU / 14.0 * f64::sqrt(185.0), 1e-6).unwrap();
    assert!(star.len() > 60);
    let limited = star.limited_to(24);
    for k in 0..3 {
        let share: f64 = limited
            .vectors()
            .iter()
            .map(|q| q[k] * q[k] / dot(q, q) / 24.0)
            .sum();
        assert!(share > 0.2 && share < 0.5, "{share}");
    }
}

fn check_phases<const D: usize>(
    shell: &WaveVectors<D>,
    from: &[[f64; D]],
    to: &[[f64; D]],
) -> Result<(), TestCaseError> {
    let pack = |positions: &[[f64; D]]| -> Vec<[Lanes; D]> {
        positions.chunks(LANES).map(super::pack).collect()
    };
    let count = from.len();
    let phases = |positions: &[[f64; D]]| shell.phases(&pack(positions), count);
    let found = shell.mean_cosine_between(&phases(from), &phases(to), count);
    let mut sum = 0.0;
    for q in shell.vectors() {
        for (from, to) in from.iter().zip(to) {
            sum += (dot(&q, to) - dot(&q, from)).cos();
        }
    }
    // Phases of a few hundred have errors of some 1e-14.
    prop_assert!((found - sum / (count * shell.len()) as f64).abs() < 1e-12);
    for (q, [real, imaginary]) in shell.vectors().iter().zip(shell.densities(from)) {
        let cosines: f64 = from.iter().map(|r| dot(q, r).cos()).sum();
        let sines: f64 = from.iter().map(|r| dot(q, r).sin()).sum();
        prop_assert!((real - cosines).abs() < 1e-12 * count as f64);
        prop_assert!((imaginary - sines).abs() < 1e-12 * count as f64);
    }
    Ok(())
}

proptest! {
    #[test]
    fn products_of_phases_agree_with_cosines(
        displacements in prop::collection::vec(prop::array::uniform3(-30.0_f64..30.0), 1..40),
        magnitude in 3.0_f64..9.0,
    ) {
        let shell = WaveVectors::shell(&TRICLINIC, magnitude, 0.5).unwrap();
        let direct: f64 = shell
            .vectors()
            .iter()
            .flat_map(|q| displacements.iter().map(|r| dot(q, r).cos()))
            .sum::<f64>() / (shell.len() * displacements.len()) as f64;
        // The phase reaches 30 sqrt(3) 9 = 470 and has a rounding error of a few 470 * 1e-16; the powers add
        // about ten times 1e-16 each.
        prop_assert!((shell.mean_cosine(&displacements) - direct).abs() < 1e-12);
    }

    /// Of few wave vectors and of many, in two dimensions and three: from both ends of a displacement, and densities.
    #[test]
    fn phases_of_positions_agree_with_cosines(
        ends in prop::collection::vec(prop::array::uniform6(-30.0_f64..30.0), 1..40),
        magnitude in 3.0_f64..9.0, number in 1_usize..40,
    ) {
        let shell = WaveVectors::shell(&TRICLINIC, magnitude, 1.0).unwrap().limited_to(number);
        let (from, to): (Vec<[f64; 3]>, Vec<[f64; 3]>) =
            ends.iter().map(|e| ([e[0], e[1], e[2]], [e[3], e[4], e[5]])).unzip();
        check_phases(&shell, &from, &to)?;
        let flat = [[6.0, 0.5], [-1.0, 7.0]];
        let shell = WaveVectors::shell(&flat, magnitude, 2.0).unwrap().limited_to(number);
        let (from, to): (Vec<[f64; 2]>, Vec<[f64; 2]>) =
            ends.iter().map(|e| ([e[0], e[1]], [e[2], e[3]])).unzip();
        check_phases(&shell, &from, &to)?;
    }

    #[test]
    fn lattice_translations_change_nothing(
        displacement in prop::array::uniform2(-3.0_f64..3.0), turns in prop::array::uniform2(-4_i32..5),
    ) {
        let cell = [[6.0, 0.5], [-1.0, 7.0]];
        let shell = WaveVectors::shell(&cell, 5.9, 0.6).unwrap();
        let shift = combine(&cell, &turns);
        let moved = std::array::from_fn(|k| displacement[k] + shift[k]);
        prop_assert!((shell.mean_cosine(&[displacement]) - shell.mean_cosine(&[moved])).abs() < 1e-11);
    }
}
