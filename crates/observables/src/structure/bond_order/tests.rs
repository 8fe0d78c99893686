use super::*;
use crate::lattice::dot;
use crate::structure::random_frames::{RandomFrame, all_pairs, random_frame};
use proptest::prelude::*;

/// Bonds against all pairs, and magnitudes and similarities against the addition theorem:
/// `q_l(i) . q_l(j) = 1/(n_i n_j) sum_jk P_l(u_ij . u_kl)`, in the plane with `cos(l angle)`.
fn agrees_with_brute_force<const D: usize>(
    frame: &RandomFrame<D>,
    cutoffs: &[Vec<f64>],
    degree: usize,
) {
    let bonds = Bonds::by_species(&frame.cell, &frame.positions, &frame.species, cutoffs).unwrap();
    let mut expected: Vec<Vec<(usize, [f64; D])>> = vec![Vec::new(); frame.positions.len()];
    for (i, j, vector) in all_pairs(frame, 2.5) {
        if norm(&vector) < cutoffs[usize::from(frame.species[i])][usize::from(frame.species[j])] {
            expected[i].push((j, vector));
        }
    }
    for (particle, expected) in expected.iter().enumerate() {
        let own = bonds.of(particle);
        assert_eq!(own.len(), expected.len());
        for (neighbour, vector) in expected {
            let near = |a: &[f64; D]| (0..D).all(|k| (a[k] - vector[k]).abs() < 1e-12);
            assert_eq!(
                own.iter()
                    .filter(|b| b.neighbour == *neighbour && near(&b.vector))
                    .count(),
                1
            );
        }
    }
    let order = BondOrder::new(&bonds, degree).unwrap();
    let overlap = |i: usize, j: usize| {
        let mut sum = 0.0;
        for (_, a) in &expected[i] {
            for (_, b) in &expected[j] {
                let cosine = (dot(a, b) / (norm(a) * norm(b))).clamp(-1.0, 1.0);
                sum += if D == 2 {
                    (degree as f64 * cosine.acos()).cos()
                } else {
                    legendre(degree, cosine)
                };
            }
        }
        sum / (expected[i].len().max(1) * expected[j].len().max(1)) as f64
    };
    let magnitudes = order.magnitudes();
    for i in 0..frame.positions.len() {
        // Squares agree to rounding; in the plane the arc cosine loses up to sqrt(1e-16) times l where it is 0.
        let tolerance = if D == 2 { 1e-6 } else { 1e-12 };
        assert!(
            (magnitudes[i] * magnitudes[i] - overlap(i, i)).abs() < tolerance,
            "{i}"
        );
        let j = (i + 1) % frame.positions.len();
        let similarity = order.similarity(i, j) * magnitudes[i] * magnitudes[j];
        assert!((similarity - overlap(i, j)).abs() < tolerance, "{i} {j}");
    }
    // Averages of components, one by one.
    let averaged = order.averaged(&bonds).unwrap();
    for i in 0..frame.positions.len() {
        for (place, x) in averaged.components(i).iter().enumerate() {
            let mut sum = order.components(i)[place];
            for (j, _) in &expected[i] {
                sum += order.components(*j)[place];
            }
            assert!((x - sum / (expected[i].len() as f64 + 1.0)).abs() < 1e-12);
        }
    }
}

fn legendre(degree: usize, x: f64) -> f64 {
    let (mut before, mut value) = (1.0, x);
    for l in 2..=degree {
        let l = l as f64;
        (before, value) = (
            value,
            ((2.0 * l - 1.0) * x * value - (l - 1.0) * before) / l,
        );
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn brute_force_in_space(
        frame in random_frame::<3>(10), c in prop::array::uniform6(0.3_f64..2.4), degree in 1_usize..=12,
    ) {
        let cutoffs = [vec![c[0], c[1], c[2]], vec![c[1], c[3], c[4]], vec![c[2], c[4], c[5]]];
        agrees_with_brute_force(&frame, &cutoffs, degree);
    }

    #[test]
    fn brute_force_in_the_plane(
        frame in random_frame::<2>(14), c in prop::array::uniform6(0.3_f64..2.4), degree in 1_usize..=12,
    ) {
        let cutoffs = [vec![c[0], c[1], c[2]], vec![c[1], c[3], c[4]], vec![c[2], c[4], c[5]]];
        agrees_with_brute_force(&frame, &cutoffs, degree);
    }

    /// A rotation of the cell and of everything in it changes neither magnitudes nor similarities.
    #[test]
    fn rotations_change_nothing(frame in random_frame::<3>(10), angles in prop::array::uniform3(0.0_f64..6.3), degree in 2_usize..=8) {
        let rotate = |x: &[f64; 3]| {
            let mut x = *x;
            for (axis, angle) in angles.iter().enumerate() {
                let (sin, cos) = angle.sin_cos();
                let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
                (x[a], x[b]) = (cos * x[a] - sin * x[b], sin * x[a] + cos * x[b]);
            }
            x
        };
        let turned: Vec<[f64; 3]> = frame.positions.iter().map(rotate).collect();
        let cell = frame.cell.map(|row| rotate(&row));
        let order = |cell: &[[f64; 3]; 3], positions: &[[f64; 3]]| {
            let bonds = Bonds::within(cell, positions, 1.7).unwrap();
            (BondOrder::new(&bonds, degree).unwrap(), bonds)
        };
        let ((first, bonds), (second, other)) = (order(&frame.cell, &frame.positions), order(&cell, &turned));
        // A bond within rounding of the cut-off would differ: random lengths are not.
        for i in 0..frame.positions.len() {
            prop_assert_eq!(bonds.of(i).len(), other.of(i).len());
            prop_assert!((first.magnitudes()[i] - second.magnitudes()[i]).abs() < 1e-11);
            let weight = first.magnitudes()[i] * first.magnitudes()[0];
            prop_assert!(((first.similarity(0, i) - second.similarity(0, i)) * weight).abs() < 1e-11);
        }
        prop_assert!((first.global() - second.global()).abs() < 1e-11);
    }
}

/// `q_4` and `q_6` of perfect lattices: Table I of Mickel et al., J. Chem. Phys. 138, 044501 (2013), and Steinhardt et al.
#[test]
fn perfect_lattices_have_the_published_values() {
    let cube = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let fcc = vec![[0.0; 3], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]];
    let bcc = vec![[0.0; 3], [0.5; 3]];
    let root = 3_f64.sqrt();
    // Hexagonal close packing with neighbours at 1.
    let layers = (8.0_f64 / 3.0).sqrt();
    let hexagonal = [[1.0, 0.0, 0.0], [0.5, 0.5 * root, 0.0], [0.0, 0.0, layers]];
    let hcp = vec![[0.0; 3], [0.5, 0.5 / root, 0.5 * layers]];
    let cases = [
        ("sc", cube, vec![[0.0; 3]], 1.2, 6, 0.764, 0.354),
        ("fcc", cube, fcc, 0.85, 12, 0.1909, 0.5745),
        ("bcc, 8", cube, bcc.clone(), 0.95, 8, 0.509, 0.629),
        ("bcc, 14", cube, bcc, 1.2, 14, 0.0364, 0.5106),
        ("hcp", hexagonal, hcp, 1.2, 12, 0.0972, 0.4848),
    ];
    for (name, cell, positions, cutoff, neighbours, q4, q6) in cases {
        let bonds = Bonds::within(&cell, &positions, cutoff).unwrap();
        assert_eq!(bonds.of(0).len(), neighbours, "{name}");
        for (degree, expected) in [(4, q4), (6, q6)] {
            let order = BondOrder::new(&bonds, degree).unwrap();
            let averaged = order.averaged(&bonds).unwrap();
            for i in 0..positions.len() {
                // The published values have three or four digits.
                assert!(
                    (order.magnitudes()[i] - expected).abs() < 6e-4,
                    "{name} q{degree} {}",
                    order.magnitudes()[i]
                );
                // All particles are alike up to inversion, which even degrees do not see.
                assert!(
                    (averaged.magnitudes()[i] - order.magnitudes()[i]).abs() < 1e-12
                        || name == "hcp"
                );
            }
        }
    }
}

/// `psi_6` of the triangular lattice is 1 for every particle and as a whole; `psi_4` of the square lattice too.
#[test]
fn plane_lattices() {
    let triangular = [[1.0, 0.0], [0.5, 0.75_f64.sqrt()]];
    for (cell, degree, other) in [(triangular, 6, 4), ([[1.0, 0.0], [0.0, 1.0]], 4, 6)] {
        let bonds = Bonds::within(&cell, &[[0.3, 0.4]], 1.2).unwrap();
        assert_eq!(bonds.of(0).len(), degree);
        let order = BondOrder::new(&bonds, degree).unwrap();
        assert!(
            (order.magnitudes()[0] - 1.0).abs() < 1e-12 && (order.global() - 1.0).abs() < 1e-12
        );
        assert!(BondOrder::new(&bonds, other).unwrap().global() < 1e-12);
    }
}

#[test]
fn refuses_nonsense() {
    let cell = [[3.0, 0.0], [0.0, 3.0]];
    let positions = [[0.0, 0.0], [1.0, 0.0]];
    let bonds = Bonds::within(&cell, &positions, 1.5).unwrap();
    for degree in [0, 31] {
        assert!(matches!(
            BondOrder::new(&bonds, degree),
            Err(StructureError::InvalidDegree { highest: 30, .. })
        ));
    }
    let order = BondOrder::new(&bonds, 30).unwrap();
    assert!(order.magnitudes().iter().all(|q| q.is_finite()));
    assert!(order.components(2).is_empty() && order.components(usize::MAX).is_empty());
    assert_eq!(order.similarity(0, 9), 0.0);
    assert!(bonds.of(2).is_empty());
    let fewer = Bonds::within(&cell, &positions[..1], 1.5).unwrap();
    assert!(matches!(
        order.averaged(&fewer),
        Err(StructureError::ParticleCount { .. })
    ));
    let table = |rows: &[&[f64]]| rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    for cutoffs in [
        table(&[&[1.0]]),
        table(&[&[1.0, 1.1], &[1.2, 1.0]]),
        table(&[&[1.0, 0.0], &[0.0, 1.0]]),
    ] {
        assert!(matches!(
            Bonds::by_species(&cell, &positions, &[0, 1], &cutoffs),
            Err(StructureError::Cutoffs { .. })
        ));
    }
    assert!(matches!(
        Bonds::by_species(&cell, &positions, &[0], &[vec![1.0]]),
        Err(StructureError::ParticleCount {
            what: "species",
            ..
        })
    ));
    assert!(Bonds::within(&cell, &positions, f64::NAN).is_err());
    assert!(Bonds::<2>::within(&cell, &[], 1.0).is_err());
}
