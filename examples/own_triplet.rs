//! A three-body potential of your own: write the energy of one angle, prove it, and ask for what it takes to
//! deform the glass.
//!
//! Run it with `cargo run --release --example own_triplet`.

use std::error::Error;
use vitreous::prelude::*;
use vitreous_conformance::{TripletContract, check_triplet};

/// `U = stiffness (cos theta - cos theta_0)^2 w(r_ij) w(r_ik)`, `w = (1 - r^2/range^2)^3`: angles that want to be
/// `theta_0` between neighbours within the range.
#[derive(Clone, Copy, Debug)]
struct Angle {
    stiffness: f64,
    cosine: f64,
    range: f64,
}

impl Triplet for Angle {
    fn range(&self) -> f64 {
        self.range
    }
    fn species_count(&self) -> usize {
        1
    }
    fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], [ij, ik, jk]: [S; 3]) -> S {
        let window = |s: S| (-s / self.range.powi(2) + 1.0).powi(3);
        let cosine = (ij + ik - jk) / ((ij * ik).sqrt() * 2.0);
        (cosine - self.cosine).powi(2) * window(ij) * window(ik) * self.stiffness
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let angle = Angle {
        stiffness: 4.0,
        cosine: -0.5,
        range: 1.7,
    };
    // All derivatives come from the energy; the kit proves them, and that two of them vanish at the range.
    check_triplet(&angle, &TripletContract::default().continuity(2))?;

    // Soft spheres that repel, with the angles on top.
    let repulsion = Smoothed::<_, 4>::new(InversePower::new(1.0, 1.0, 10), 1.48)?;
    let model = Sum(SpeciesTable::uniform(repulsion)?, ThreeBody::new(angle)?);

    let start = Configuration::<3>::random(400, 0.8, &[1.0], Seed(4))?;
    let minimizer = NonlinearConjugateGradient::default();
    let glass = minimizer.quench(&model, start, Tolerance::force_ratio(1e-10))?;
    println!("energy per particle {:.4}", glass.energy() / 400.0);

    let response = LinearResponse::new(&glass, &SparseCholesky::default())?;
    let tensor = response.stiffness_tensor()?;
    let shear = tensor.voigt_shear_modulus();
    println!(
        "G = {:.4} (Born {:.4}, prestress {:.4}, non-affine {:.4}), K = {:.4}, Poisson's ratio {:.3}",
        shear.total(),
        shear.born,
        shear.prestress,
        shear.non_affine,
        tensor.bulk_modulus().total(),
        tensor.poisson_ratio()
    );

    // How the stiffness changes along the response to a dipole: the third derivatives, contracted.
    let dipole = &response.dipole_responses(&[0], std::num::NonZeroUsize::MIN)?[0];
    let path = Direction::displacements(&dipole.displacements);
    let along = directional_derivatives(&model, glass.configuration(), &path)?;
    println!(
        "kappa = {:.4}; along its response U'' = {:.3e}, U''' = {:.3e}",
        dipole.stiffness, along.energy[2], along.energy[3]
    );
    Ok(())
}
