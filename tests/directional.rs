//! Derivatives along straight paths: contractions, and directions that are refused. That every order is the
//! derivative of the one below, for every model, is proven by `tests/conformance.rs`.

use rand::RngExt;
use vitreous::md_core::{
    Direction, Matrix, ThreeBodyError, Vector, directional_derivatives, mixed_third_derivatives,
};
use vitreous::prelude::*;

/// A disordered configuration of particles with diameters.
fn configuration<const D: usize>(seed: u64) -> Configuration<D> {
    let start = Configuration::random(60, 1.0, &[1.0], Seed(seed)).unwrap();
    let diameters = (0..60).map(|i| 0.8 + 0.005 * f64::from(i)).collect();
    start.with_diameters(diameters).unwrap()
}

fn polydisperse() -> Polydisperse<Smoothed<InversePower, 3>> {
    let soft = Smoothed::new(InversePower::new(1.0, 1.0, 12), 1.25).unwrap();
    Polydisperse::new(soft, 0.2, 1.5).unwrap()
}

fn displacements<const D: usize>(particles: usize, seed: u64) -> Vec<Vector<D>> {
    let mut random = Seed(seed).stream("displacements", &[]);
    (0..particles)
        .map(|_| std::array::from_fn(|_| random.random_range(-0.3..0.3)))
        .collect()
}

/// `x . (U''' : y z)` is the same for every order of the three directions, and linear in each.
#[test]
fn mixed_third_derivatives_are_symmetric_and_linear() {
    let models: [(Box<dyn Potential<3>>, f64); 2] = [
        (Box::new(polydisperse()), 1.0),
        (
            Box::new(StillingerWeber::default().potential().unwrap()),
            0.52,
        ),
    ];
    for (potential, density) in models {
        let scale = f64::cbrt(1.0 / density);
        let start = configuration::<3>(3)
            .deformed(&[[scale, 0.1, 0.0], [0.0, scale, 0.0], [0.0, 0.0, scale]])
            .unwrap();
        let [x, y, z] = [1, 2, 3].map(|seed| displacements::<3>(start.len(), seed));
        let contract = |a: &[Vector<3>], b: &[Vector<3>], c: &[Vector<3>]| -> f64 {
            let force = mixed_third_derivatives(&*potential, &start, b, c).unwrap();
            let products = force.as_flattened().iter().zip(a.as_flattened());
            products.map(|(f, a)| f * a).sum()
        };
        let reference = contract(&x, &y, &z);
        let size: f64 = mixed_third_derivatives(&*potential, &start, &y, &z)
            .unwrap()
            .as_flattened()
            .iter()
            .map(|f| 0.3 * f.abs())
            .sum();
        for other in [
            contract(&y, &x, &z),
            contract(&z, &y, &x),
            contract(&x, &z, &y),
        ] {
            assert!(
                (other - reference).abs() < 1e-12 * size,
                "{other} {reference}"
            );
        }
        let doubled: Vec<Vector<3>> = y.iter().map(|y| y.map(|c| 2.0 * c)).collect();
        assert!((contract(&x, &doubled, &z) - 2.0 * reference).abs() < 1e-12 * size);
        // With both directions the same it is the second order along a path.
        let path = Direction::displacements(&y);
        let along = directional_derivatives(&*potential, &start, &path).unwrap();
        let same = mixed_third_derivatives(&*potential, &start, &y, &y).unwrap();
        let pairs = along.gradient[2]
            .as_flattened()
            .iter()
            .zip(same.as_flattened());
        for (a, b) in pairs {
            assert!((a - b).abs() < 1e-12 * size);
        }
    }
}

#[test]
fn directions_of_the_wrong_length_and_particles_without_diameters_are_refused() {
    let potential = polydisperse();
    let start = configuration::<2>(3);
    let short = [[0.0; 2]; 3];
    let error = directional_derivatives(&potential, &start, &Direction::displacements(&short));
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("displacements of 3 particles, the configuration 60"),
        "{message}"
    );

    // No displacements at all are as wrong as too few.
    let none = directional_derivatives(&potential, &start, &Direction::displacements(&[]));
    assert!(none.is_err());
    let strain: Matrix<2> = [[f64::NAN, 0.0], [0.0, 0.0]];
    let error = directional_derivatives(&potential, &start, &Direction::strain(strain));
    let message = error.unwrap_err().to_string();
    assert!(message.contains("component that is NaN"), "{message}");

    let bare = Configuration::new(
        *start.cell(),
        start.positions().to_vec(),
        start.species().to_vec(),
    )
    .unwrap();
    let message = linearize(&potential, &bare).unwrap_err().to_string();
    assert!(
        message.contains("needs the diameter of each particle"),
        "{message}"
    );
    let mut diameters = vec![1.0; 60];
    diameters[17] = 1.6;
    let large = bare.with_diameters(diameters).unwrap();
    let message = ForceField::new(&potential)
        .evaluate(&large)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("particle 17 has the diameter 1.6"),
        "{message}"
    );
}

#[test]
fn three_body_terms_without_a_range_are_refused() {
    struct Endless(f64);
    impl Triplet for Endless {
        fn range(&self) -> f64 {
            self.0
        }
        fn species_count(&self) -> usize {
            1
        }
        fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], edges: [S; 3]) -> S {
            edges[2]
        }
    }
    for range in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = ThreeBody::new(Endless(range)).map(|_| ()).unwrap_err();
        assert!(matches!(error, ThreeBodyError::Range { .. }), "{error}");
    }
}
