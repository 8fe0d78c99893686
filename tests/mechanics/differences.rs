//! Derivatives of an energy by finite differences.

use vitreous::md_core::Mechanics;
use vitreous::prelude::*;

/// The step of the differences below.
pub(crate) const STEP: f64 = 1e-4;

/// The derivative of `energy` at zero, to sixth order in the step `h`:
/// `[45 (f_1 - f_-1) - 9 (f_2 - f_-2) + (f_3 - f_-3)]/60h + h^6/140 f^(7)`.
///
/// `f^(7)` of `r^-10` is below 1e10 at the distances of these tests, so that the truncation is below
/// 1e-16: what remains is the rounding of the energies, `2 u |U|/h`, for sums of up to some hundred terms
/// of order one: `2e-16 x 100/1e-4 = 2e-10`, beside pair forces of order ten.
pub(crate) fn slope(energy: impl Fn(f64) -> f64) -> f64 {
    let odd = |steps: f64| energy(steps * STEP) - energy(-steps * STEP);
    (45.0 * odd(1.0) - 9.0 * odd(2.0) + odd(3.0)) / (60.0 * STEP)
}

/// Forces `-dU/dx` and stress `(1/V) dU/dF` of the library against differences of an energy function.
pub(crate) fn check_derivatives<const D: usize>(
    configuration: &Configuration<D>,
    found: &Mechanics<D>,
    energy: &dyn Fn(&Configuration<D>) -> f64,
    [force_tolerance, stress_tolerance]: [f64; 2],
) {
    for i in 0..configuration.len() {
        for k in 0..D {
            let force = -slope(|displacement| {
                let mut moved = configuration.clone();
                moved.positions_mut()[i][k] += displacement;
                energy(&moved)
            });
            let error = (found.forces[i][k] - force).abs();
            assert!(
                error <= force_tolerance,
                "component {k} of the force on {i}: {} but {force} by differences ({error:e})",
                found.forces[i][k]
            );
        }
    }
    for a in 0..D {
        for b in 0..D {
            let stress = slope(|strain| {
                let mut gradient = [[0.0; D]; D];
                for k in 0..D {
                    gradient[k][k] = 1.0;
                }
                gradient[a][b] += strain;
                energy(&configuration.deformed(&gradient).unwrap())
            }) / found.volume;
            let error = (found.stress()[a][b] - stress).abs();
            assert!(
                error <= stress_tolerance,
                "stress {a}{b}: {} but {stress} by differences ({error:e})",
                found.stress()[a][b]
            );
        }
    }
}
