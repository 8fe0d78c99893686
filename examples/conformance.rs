//! A mistake in a Hessian, found by the conformance kit: a factor of two that no energy and no force shows.
//!
//! Both potentials below have their energies and forces right. Dynamics conserves energy, quenches converge,
//! and every modulus is wrong. Run it with `cargo run --release --example conformance`.

use std::error::Error;
use vitreous::md_core::{Direction, Linearization, Neighbourhood, PathSums, Totals, Vector};
use vitreous::prelude::*;
use vitreous_conformance::{Law, RadialContract, check_potential, check_radial};

/// `phi(r) = (1 - r^2/4)^4` with derivatives written by hand.
#[derive(Clone, Copy, Debug)]
struct Soft {
    /// What the second derivative is multiplied by: 1 would be right.
    factor: f64,
}

impl Radial for Soft {
    fn range(&self) -> f64 {
        2.0
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        (squared_distance * -0.25 + 1.0).powi(4)
    }
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        let rest = 1.0 - 0.25 * squared_distance;
        let mut derivatives = [0.0; N];
        let mut coefficient = 1.0;
        for (k, derivative) in derivatives.iter_mut().enumerate().take(5) {
            *derivative = coefficient * rest.powi(4 - k as i32);
            coefficient *= -0.25 * (4.0 - k as f64);
        }
        if N > 2 {
            derivatives[2] *= self.factor;
        }
        derivatives
    }
}

/// A potential whose own `add_terms` doubles every curvature.
struct Doubled<P>(P);

impl<P: Potential<3>> Potential<3> for Doubled<P> {
    fn range(&self) -> f64 {
        self.0.range()
    }
    fn species_count(&self) -> usize {
        self.0.species_count()
    }
    fn add_forces(
        &self,
        around: &Neighbourhood<'_, 3>,
        forces: &mut [Vector<3>],
        totals: &mut Totals<3>,
    ) {
        self.0.add_forces(around, forces, totals);
    }
    fn add_terms(&self, around: &Neighbourhood<'_, 3>, linearization: &mut Linearization<3>) {
        let soft = Soft { factor: 2.0 };
        for i in 0..around.len() {
            for (j, r) in around.of(i) {
                let s = r.iter().map(|c| c * c).sum::<f64>();
                if s < 4.0 {
                    linearization.add_pair([i, j], r, soft.derivatives::<3>(s));
                }
            }
        }
    }
    fn add_along(
        &self,
        around: &Neighbourhood<'_, 3>,
        direction: &Direction<'_, 3>,
        sums: &mut PathSums<3>,
    ) {
        self.0.add_along(around, direction, sums);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // phi, phi', phi'' and phi''' vanish at the range.
    let contract = RadialContract::default().continuity(3);
    check_radial(&Soft { factor: 1.0 }, &contract)?;
    println!("the function as it should be: every law is kept\n");

    let violation = check_radial(&Soft { factor: 2.0 }, &contract).unwrap_err();
    println!("its second derivative doubled:\n{violation}\n");
    assert_eq!(violation.law(), Law::Derivative);

    let right = SpeciesTable::uniform(Soft { factor: 1.0 })?;
    let state = Configuration::random(40, 0.7, &[1.0], Seed(1))?;
    check_potential(&right, &state)?;
    println!("the potential as it should be: every law is kept\n");

    let violation = check_potential(&Doubled(right), &state).unwrap_err();
    println!("its curvatures doubled where the Hessian is made:\n{violation}");
    assert_eq!(violation.law(), Law::Hessian);
    Ok(())
}
