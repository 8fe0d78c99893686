//! The stiffness of every dipole of a glass, from the selected inverse, against solutions for single dipoles and
//! against a dense pseudo-inverse.

use std::num::NonZeroUsize;
use vitreous::linresp::{BlockConjugateGradient, Dense, Hessian, LinearSolver, SolveError};
use vitreous::prelude::*;

const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);

fn glass<const D: usize>(model: &Model, particles: usize) -> InherentStructure<D> {
    let potential = model.potential::<D>().unwrap();
    let density = model.usual_mixture(D).map_or(1.0, |usual| usual.density);
    let shares = vec![1.0 / model.labels().len() as f64; model.labels().len()];
    let mut start = Configuration::random(particles, density, &shares, Seed(5)).unwrap();
    if let Some(diameters) = model.diameters(particles).unwrap() {
        start = start.with_shuffled_diameters(diameters, Seed(6)).unwrap();
    }
    NonlinearConjugateGradient::default()
        .quench(&*potential, start, Tolerance::force_ratio(1e-10))
        .unwrap()
}

fn models() -> Vec<Model> {
    let mut models = Catalogue::models();
    for model in &mut models {
        if model.name == "ka" {
            model.set("shift", "force").unwrap();
        }
    }
    models
}

fn worst(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let relative = |(a, b): (&f64, &f64)| (a / b - 1.0).abs();
    found
        .iter()
        .zip(expected)
        .map(relative)
        .fold(0.0, |worst, next| if next <= worst { worst } else { next })
}

fn check<const D: usize>(model: &Model, particles: usize) {
    let glass = glass::<D>(model, particles);
    let direct = LinearResponse::new(&glass, &SparseCholesky::default()).unwrap();
    let field = direct.dipole_stiffness_field(TWO).unwrap();
    let dense = LinearResponse::new(&glass, &Dense::default()).unwrap();
    let expected = dense.dipole_stiffness_field(TWO).unwrap();
    // Both are right to rounding times the ratio of the stiffest to the softest mode, about 1e5.
    let name = model.name;
    let error = worst(&field, &expected);
    assert!(error < 1e-9, "{name} in {D} dimensions: {error:e}");
    // Two ways to the mean square displacements: diagonal blocks, and solutions for unit forces.
    let selected = direct.inverse().selected_inverse(TWO).unwrap().unwrap();
    let mut unit = vec![0.0; D * particles];
    unit[D * 3 + 1] = 1.0;
    let response = direct.inverse().apply(&unit).unwrap();
    let own = selected.inverse().block(3, 3).unwrap()[1][1];
    assert!((own / response[D * 3 + 1] - 1.0).abs() < 1e-9);
    let square: f64 = response.iter().map(|x| x * x).sum();
    let own = selected.square().block(3, 3).unwrap()[1][1];
    assert!((own / square - 1.0).abs() < 1e-9);
}

#[test]
fn the_field_is_that_of_the_dense_pseudo_inverse_in_three_dimensions() {
    for model in models() {
        check::<3>(&model, 216);
    }
}

#[test]
fn the_field_is_that_of_the_dense_pseudo_inverse_in_two_dimensions() {
    for model in models() {
        check::<2>(&model, 180);
    }
}

/// The paper's models at N = 500.
#[test]
fn every_stiffness_of_five_hundred_particles_agrees() {
    for name in ["ipl", "mblj", "ss", "sw"] {
        let models = models();
        let model = models.iter().find(|model| model.name == name).unwrap();
        check::<3>(model, 500);
    }
}

/// A hundred random pairs of a large glass, by every solver that can take its size. Minutes:
/// `cargo test --release --test kappa_field -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn solvers_and_field_agree_for_eight_thousand_particles() {
    let models = models();
    for name in ["ipl", "mblj"] {
        let model = models.iter().find(|model| model.name == name).unwrap();
        let glass = glass::<3>(model, 8000);
        let direct = SparseCholesky {
            threads: TWO,
            ..SparseCholesky::default()
        };
        let response = LinearResponse::new(&glass, &direct).unwrap();
        let mut random = Seed(8).stream("pairs", &[]);
        let pairs = response.random_interactions(100, &mut random).unwrap();
        let field = response.dipole_stiffness_field(TWO).unwrap();
        let field: Vec<f64> = pairs.iter().map(|&pair| field[pair]).collect();
        let solvers: [&dyn LinearSolver<3>; 3] = [
            &direct,
            &ConjugateGradient::default(),
            &BlockConjugateGradient::default(),
        ];
        for solver in solvers {
            let response = LinearResponse::new(&glass, solver).unwrap();
            let single = response.dipole_stiffness(&pairs, TWO).unwrap();
            let error = worst(&single, &field);
            assert!(error < 1e-8, "{name}: {error:e}");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let models = models();
    let glass = glass::<3>(&models[0], 1000);
    let bits = |threads: NonZeroUsize| -> Vec<u64> {
        let solver = SparseCholesky {
            threads,
            ..SparseCholesky::default()
        };
        let response = LinearResponse::new(&glass, &solver).unwrap();
        let field = response.dipole_stiffness_field(threads).unwrap();
        field.into_iter().map(f64::to_bits).collect()
    };
    let one = bits(NonZeroUsize::MIN);
    assert_eq!(one, bits(TWO));
    assert_eq!(one, bits(TWO.saturating_add(3)));
}

/// Springs at rest: an isolated pair has 2k, and every bond of a ring of N springs 12 k/(N + 1).
#[test]
fn closed_forms_hold() {
    #[derive(Clone)]
    struct Spring;
    impl Radial for Spring {
        fn range(&self) -> f64 {
            1.5
        }
        fn energy<S: Scalar>(&self, s: S) -> S {
            let stretch = s.sqrt() + (-1.0);
            stretch * stretch * (0.5 * 3.0)
        }
    }
    let potential = SpeciesTable::uniform(Spring).unwrap();
    let field = |structure: InherentStructure<1>| {
        let response = LinearResponse::new(&structure, &SparseCholesky::default()).unwrap();
        response.dipole_stiffness_field(TWO).unwrap()
    };
    let certify = |length: f64, positions: Vec<[f64; 1]>| {
        let species = vec![Species(0); positions.len()];
        let cell = Cell::orthorhombic([length]).unwrap();
        let configuration = Configuration::new(cell, positions, species).unwrap();
        InherentStructure::certify(&potential, configuration, Tolerance::force_ratio(1e-9)).unwrap()
    };
    let ring = field(certify(7.0, (0..7).map(|k| [f64::from(k)]).collect()));
    assert!(worst(&ring, &[12.0 * 3.0 / 8.0; 7]) < 1e-12, "{ring:?}");
    // A rattler beside the pair changes nothing.
    let pair = field(certify(20.0, vec![[0.0], [1.0], [9.0]]));
    assert!(worst(&pair, &[6.0]) < 1e-12, "{pair:?}");

    // In three dimensions the pair, and a triangle, can rotate.
    let cell = Cell::orthorhombic([20.0; 3]).unwrap();
    let high = 0.75_f64.sqrt();
    let positions = vec![
        [0.1, 0.2, 0.3],
        [0.7, 0.2, 1.1],
        [9.0, 9.0, 9.0],
        [10.0, 9.0, 9.0],
        [9.5, 9.0, 9.0 + high],
    ];
    let bodies = Configuration::new(cell, positions, vec![Species(0); 5]).unwrap();
    let bodies =
        InherentStructure::certify(&potential, bodies, Tolerance::force_ratio(1e-9)).unwrap();
    let direct = LinearResponse::new(&bodies, &SparseCholesky::default()).unwrap();
    let found = direct.dipole_stiffness_field(TWO).unwrap();
    let single = LinearResponse::new(&bodies, &ConjugateGradient::default()).unwrap();
    let expected = single.dipole_stiffness_field(TWO).unwrap();
    assert!(worst(&found, &expected) < 1e-9, "{found:?} {expected:?}");
    let pair = direct.find_interaction(0, 1).unwrap();
    assert!((found[pair] / 6.0 - 1.0).abs() < 1e-12);
}

/// Every mode that is unstable is found, with a direction that shows it.
#[test]
fn a_liquid_is_refused_with_a_direction() {
    for seed in 0..4 {
        let model = &Catalogue::models()[0];
        let potential = model.potential::<3>().unwrap();
        let liquid = Configuration::<3>::random(300, 0.82, &[0.5, 0.5], Seed(seed)).unwrap();
        // Half quenched: few modes are unstable.
        let expansion = linearize(&*potential, &liquid).unwrap();
        let hessian = Hessian::new(&expansion);
        let outcome = hessian.clone().inverse(&SparseCholesky::default());
        let Err(SolveError::Saddle {
            curvature,
            direction,
        }) = outcome
        else {
            panic!("a random configuration is no minimum");
        };
        let mut product = vec![0.0; direction.len()];
        hessian.apply_edges(&direction, &mut product);
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let found = dot(&direction, &product) / dot(&direction, &direction);
        assert!(curvature < 0.0 && (found / curvature - 1.0).abs() < 1e-9);
    }
}
