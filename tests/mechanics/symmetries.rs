//! The symmetries of mechanics.

use crate::reference::*;
use vitreous::md_core::{Matrix, Vector};
use vitreous::prelude::*;

pub(crate) fn liquid(name: &str, particles: usize) -> Configuration<3> {
    let mixture = Catalogue::find(name).unwrap().usual_mixture(3).unwrap();
    Configuration::random(particles, mixture.density, &mixture.composition, Seed(11)).unwrap()
}

/// The sum of all forces is zero (Newton's third law) and the total torque of the terms is (the stress is
/// symmetric), to the rounding of sums of N forces: `sqrt(N) u |F|`.
#[test]
fn forces_add_up_to_nothing() {
    for (_, name) in FORMULAS {
        let configuration = liquid(name, 300);
        let found = evaluate(&*model::<3>(name), &configuration);
        let largest = found.balance().largest;
        for k in 0..3 {
            let total: f64 = found.forces.iter().map(|force| force[k]).sum();
            assert!(total.abs() <= 1e-14 * 300.0 * largest, "{name}: {total:e}");
            for l in 0..3 {
                assert_eq!(
                    found.stress()[k][l].to_bits(),
                    found.stress()[l][k].to_bits()
                );
            }
        }
    }
}

/// Moving all particles together, exchanging their numbers, turning space: nothing changes but what should.
#[test]
fn mechanics_is_invariant() {
    for (_, name) in FORMULAS {
        let potential = model::<3>(name);
        let configuration = liquid(name, 200);
        let found = evaluate(&*potential, &configuration);
        let largest = found.forces.iter().map(length).fold(0.0, f64::max);
        // Positions of up to 20 are rounded to 2e-15, times a relative slope of the force of 15; the
        // largest force is a sum that may cancel to a third.
        let tolerance = 3e-13 * largest;
        let energy_tolerance = 1e-12 * (found.energy().abs() + 200.0);

        let mut moved = configuration.clone();
        for position in moved.positions_mut() {
            for (x, by) in position.iter_mut().zip([13.7, -8.1, 4.4]) {
                *x += by;
            }
        }
        let after = evaluate(&*potential, &moved);
        assert!((after.energy() - found.energy()).abs() <= energy_tolerance);
        assert!(largest_difference(&after.forces, &found.forces) <= tolerance);

        // Particle number 7 n mod 200: 7 and 200 have no common divisor.
        let order: Vec<usize> = (0..200).map(|n| 7 * n % 200).collect();
        let permuted = Configuration::new(
            *configuration.cell(),
            order
                .iter()
                .map(|&n| configuration.positions()[n])
                .collect(),
            order.iter().map(|&n| configuration.species()[n]).collect(),
        )
        .unwrap();
        let after = evaluate(&*potential, &permuted);
        let expected: Vec<_> = order.iter().map(|&n| found.forces[n]).collect();
        assert!((after.energy() - found.energy()).abs() <= energy_tolerance);
        assert!(largest_difference(&after.forces, &expected) <= tolerance);

        // A rotation about a skew axis: the cell becomes a full matrix.
        let turn = rotation();
        let turned = configuration.deformed(&turn).unwrap();
        let after = evaluate(&*potential, &turned);
        let expected: Vec<Vector<3>> = found
            .forces
            .iter()
            .map(|force| apply(&turn, force))
            .collect();
        assert!((after.energy() - found.energy()).abs() <= energy_tolerance);
        assert!(largest_difference(&after.forces, &expected) <= tolerance);
        assert!(
            (after.pressure() - found.pressure()).abs() <= 1e-12 * found.pressure().abs() + 1e-12
        );
    }
}

fn apply(matrix: &Matrix<3>, vector: &Vector<3>) -> Vector<3> {
    std::array::from_fn(|k| (0..3).map(|l| matrix[k][l] * vector[l]).sum())
}

/// The rotation that belongs to the quaternion `(1, 2, 3, 4)/sqrt(30)`.
fn rotation() -> Matrix<3> {
    let [w, x, y, z] = [1.0, 2.0, 3.0, 4.0].map(|c: f64| c / 30.0_f64.sqrt());
    [
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ]
}
