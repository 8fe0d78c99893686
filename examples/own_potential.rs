//! A potential of your own: write its energy once, and everything else follows.
//!
//! Forces, stress, Hessian, moduli: all derivatives come from the one generic function below, by exact
//! Taylor arithmetic. Here it is checked by the conformance kit, quenched to a glass and sheared.
//! Run it with `cargo run --release --example own_potential`.

use std::error::Error;
use vitreous::prelude::*;
use vitreous_conformance::{RadialContract, check_radial};

/// The Morse potential, `phi(r) = depth [(1 - e^{-a (r/r0 - 1)})^2 - 1]`, with its minimum at `r0`.
#[derive(Clone, Copy, Debug)]
struct Morse {
    depth: f64,
    distance: f64,
    steepness: f64,
}

impl Radial for Morse {
    fn range(&self) -> f64 {
        f64::INFINITY // it gets its end from a decorator
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let stretch = squared_distance.sqrt() / self.distance - 1.0;
        let decay = (stretch * -self.steepness).exp();
        ((-decay + 1.0).powi(2) - 1.0) * self.depth
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Two species of different size, so that the glass does not crystallise; the energy and its first three
    // derivatives vanish at twice the distance of the minimum.
    let pair = |distance: f64| {
        let morse = Morse {
            depth: 1.0,
            distance,
            steepness: 6.0,
        };
        Smoothed::<_, 4>::new(morse, 2.0 * distance)
    };
    let pairs = [pair(1.4)?, pair(1.2)?, pair(1.0)?];
    let model = SpeciesTable::new(2, |first, second| pairs[first + second])?;

    // Five derivatives against dual numbers and differences, and the smooth end: any mistake is an error.
    check_radial(&pairs[0], &RadialContract::default().continuity(3))?;

    let start = Configuration::<3>::random(400, 0.8, &[0.5, 0.5], Seed(1))?;
    let minimizer = NonlinearConjugateGradient::default();
    let glass = minimizer.quench(&model, start, Tolerance::force_ratio(1e-10))?;
    println!("energy per particle: {:.4}", glass.energy() / 400.0);
    println!("force ratio: {:.1e}", glass.balance().ratio());

    let response = LinearResponse::new(&glass, &SparseCholesky::default())?;
    let shear = response.mean_shear_modulus()?;
    println!(
        "shear modulus: {:.4} = {:.4} (Born) {:+.4} (prestress) {:+.4} (non-affine)",
        shear.total(),
        shear.born,
        shear.prestress,
        shear.non_affine
    );
    println!("bulk modulus: {:.4}", response.bulk_modulus()?.total());
    Ok(())
}
