//! The solvers of linear response against a dense one, for the models of the paper.

use std::num::NonZeroUsize;
use vitreous::linresp::{
    Automatic, BlockConjugateGradient, Dense, Identity, IncompleteCholesky, LinearSolver,
};
use vitreous::prelude::*;

/// A quench of a random start of 500 particles at the usual density.
fn glass<const D: usize>(model: &str) -> InherentStructure<D> {
    let model = Catalogue::find(model).unwrap();
    let potential = model.potential::<D>().unwrap();
    let mixture = model.usual_mixture(D).unwrap();
    let start =
        Configuration::<D>::random(500, mixture.density, &mixture.composition, Seed(3)).unwrap();
    NonlinearConjugateGradient::default()
        .quench(&potential, start, Tolerance::force_ratio(1e-10))
        .unwrap()
}

/// The stiffness of dipoles is a ratio of quadratic forms of the solution, of the accuracy of its residual times
/// the ratio of stiffnesses.
fn check<const D: usize>(glass: &InherentStructure<D>) {
    let gradient = ConjugateGradient::with_tolerance(1e-11);
    let solvers: [&dyn LinearSolver<D>; 6] = [
        &gradient,
        &gradient.with_preconditioner(Identity),
        &gradient.with_preconditioner(IncompleteCholesky),
        &BlockConjugateGradient {
            tolerance: 1e-11,
            ..BlockConjugateGradient::default()
        },
        &SparseCholesky::default(),
        &Automatic {
            tolerance: 1e-11,
            ..Automatic::default()
        },
    ];
    let reference = LinearResponse::new(glass, &Dense::default()).unwrap();
    let sample = reference
        .random_interactions(20, &mut Seed(1).stream("dipoles", &[]))
        .unwrap();
    let expected = reference
        .dipole_stiffness(&sample, NonZeroUsize::MIN)
        .unwrap();
    for solver in solvers {
        let response = LinearResponse::new(glass, solver).unwrap();
        let found = response
            .dipole_stiffness(&sample, NonZeroUsize::MIN)
            .unwrap();
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found / expected - 1.0).abs() < 1e-8, "{found} {expected}");
        }
    }
}

#[test]
fn solvers_agree_for_inverse_powers() {
    check(&glass::<3>("ipl"));
    check(&glass::<2>("ipl"));
}

#[test]
fn solvers_agree_for_lennard_jones_mixtures() {
    check(&glass::<3>("mblj"));
    check(&glass::<3>("ss"));
}

#[test]
fn solvers_agree_for_stillinger_and_weber() {
    check(&glass::<3>("sw"));
}
