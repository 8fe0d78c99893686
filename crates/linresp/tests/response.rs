//! Moduli and dipole stiffnesses against closed forms and against deformed, re-quenched glasses.

mod common;

use common::*;
use std::num::NonZeroUsize;
use vitreous_linresp::*;
use vitreous_md_core::*;

const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// The crystal of one species at density 1, with an inert particle in a hole if asked for.
fn crystal(with_rattler: bool) -> InherentStructure<3> {
    let edge = 4.0_f64.powf(1.0 / 3.0);
    let mut positions = face_centred_cubic(3, edge);
    let mut species = vec![Species(0); positions.len()];
    if with_rattler {
        positions.push([0.5 * edge, 0.0, 0.0]);
        species.push(Species(1));
    }
    let cell = Cell::orthorhombic([3.0 * edge; 3]).unwrap();
    let crystal = Configuration::new(cell, positions, species).unwrap();
    let potential = SpeciesTable::new(2, |a, b| Ipl(if a + b == 0 { 1.0 } else { 0.1 })).unwrap();
    InherentStructure::certify(&potential, crystal, Tolerance::force_ratio(1e-12)).unwrap()
}

#[test]
fn the_crystal_has_its_closed_form_moduli() {
    // physics.md: G = rho (phi'' r^2/2 + 3 phi' r/2), K = 2/3 rho (phi'' r^2 + phi' r) + P. The inert
    // particle is a rattler and changes nothing.
    for with_rattler in [false, true] {
        let crystal = crystal(with_rattler);
        for solver in [
            &SparseCholesky::default() as &dyn LinearSolver<3>,
            &ConjugateGradient::default(),
        ] {
            let response = LinearResponse::new(&crystal, solver).unwrap();
            let rattlers: Vec<usize> = (108..crystal.configuration().len()).collect();
            assert_eq!(response.hessian().rattlers(), rattlers);
            for plane in Plane::all::<3>() {
                let shear = response.shear_modulus(plane).unwrap();
                assert!((shear.total() - 12.7090631661).abs() < 1e-9, "{shear:?}");
                assert!(shear.non_affine.abs() < 1e-12);
            }
            let mean = response.mean_shear_modulus().unwrap();
            assert!((mean.total() - 12.7090631661).abs() < 1e-9);
            let bulk = response.bulk_modulus().unwrap();
            assert!((bulk.total() - 24.6542832855).abs() < 1e-9, "{bulk:?}");
        }
    }
}

/// `dU/dF` per volume of the glass deformed by `F` and quenched again.
fn stress(potential: &dyn Potential<3>, glass: &InherentStructure<3>, f: &Matrix<3>) -> Matrix<3> {
    let deformed = glass.configuration().deformed(f).unwrap();
    quench(potential, deformed).mechanics().stress()
}

fn check_moduli(potential: &dyn Potential<3>, glass: &InherentStructure<3>) {
    let response = LinearResponse::new(glass, &SparseCholesky::default()).unwrap();
    // Small enough for the cubic term of the energy's odd part, large enough for the forces' rounding.
    let step = 2e-6;
    for plane in [
        Plane::XY,
        Plane {
            displacement: 2,
            gradient: 0,
        },
    ] {
        let shear = response.shear_modulus(plane).unwrap();
        assert!(shear.non_affine < 0.0);
        let slope = [1.0, -1.0].map(|sign| {
            let f = plane.deformation_gradient(sign * step);
            sign * stress(potential, glass, &f)[plane.displacement][plane.gradient]
        });
        let expected = (slope[0] + slope[1]) / (2.0 * step);
        assert!(
            (shear.total() / expected - 1.0).abs() < 1e-5,
            "{shear:?} {expected}"
        );
    }
    let bulk = response.bulk_modulus().unwrap();
    let change = [1.0, -1.0].map(|sign| {
        let mut f = vector::identity::<3>();
        for k in 0..3 {
            f[k][k] += sign * step;
        }
        let stress = stress(potential, glass, &f);
        sign * (stress[0][0] + stress[1][1] + stress[2][2]) / 3.0
    });
    let expected = (change[0] + change[1]) / (2.0 * step) / 3.0;
    assert!(
        (bulk.total() / expected - 1.0).abs() < 1e-5,
        "{bulk:?} {expected}"
    );
}

#[test]
fn moduli_are_the_slopes_of_the_stress_of_pairs() {
    check_moduli(&ipl(), &ipl_glass(150, 5));
}

#[test]
fn moduli_are_the_slopes_of_the_stress_of_triplets() {
    check_moduli(&stillinger_weber(), &stillinger_weber_glass(100, 5));
}

#[test]
fn mixed_strain_derivatives_are_bilinear() {
    let glass = stillinger_weber_glass(60, 4);
    let response = LinearResponse::new(&glass, &SparseCholesky::default()).unwrap();
    let a = [[0.3, -0.8, 0.1], [0.4, 0.2, -0.6], [0.0, 0.5, -0.1]];
    let b = [[-0.2, 0.1, 0.9], [0.7, -0.3, 0.2], [0.6, -0.4, 0.5]];
    let sum = std::array::from_fn(|k| vector::add(&a[k], &b[k]));
    let m = response.strain_moduli(&[a, b, sum]).unwrap();
    for part in [
        |m: &Modulus| m.born,
        |m: &Modulus| m.prestress,
        |m: &Modulus| m.non_affine,
    ] {
        let scale = part(&m[2][2]).abs();
        assert!((part(&m[0][1]) - part(&m[1][0])).abs() < 1e-9 * scale);
        let expanded = part(&m[0][0]) + 2.0 * part(&m[0][1]) + part(&m[1][1]);
        assert!((part(&m[2][2]) - expanded).abs() < 1e-9 * scale);
    }
    // The non-affine displacements are the responses that lower the energy.
    let displacements = response.non_affine_displacements(&a).unwrap();
    let mut forces = vec![0.0; 180];
    response
        .hessian()
        .apply(displacements.as_flattened(), &mut forces);
    let work: f64 = forces
        .iter()
        .zip(displacements.as_flattened())
        .map(|(f, x)| f * x)
        .sum();
    let volume = glass.configuration().cell().volume();
    assert!((-work / volume / m[0][0].non_affine - 1.0).abs() < 1e-9);
}

#[test]
fn springs_on_a_line_have_their_closed_form_stiffness() {
    // Isolated pair: 2 k. Ring of N springs: 12 k/(N + 1).
    let spring = Spring {
        stiffness: 2.5,
        length: 1.1,
        range: 1.6,
    };
    let potential = SpeciesTable::uniform(spring).unwrap();
    let check = |configuration: Configuration<1>, expected: f64| {
        let structure =
            InherentStructure::certify(&potential, configuration, Tolerance::force_ratio(1e-9))
                .unwrap();
        for solver in [
            &SparseCholesky::default() as &dyn LinearSolver<1>,
            &ConjugateGradient::with_tolerance(1e-13),
        ] {
            let response = LinearResponse::new(&structure, solver).unwrap();
            let field = response.dipole_stiffness_field(ONE).unwrap();
            assert!(!field.is_empty());
            for kappa in field {
                // A residual of 1e-13 over the softest mode of a hundred springs, 4 k sin^2(pi/101).
                assert!((kappa / expected - 1.0).abs() < 1e-11, "{kappa} {expected}");
            }
        }
    };
    check(line(9.0, &[3.0, 4.1]), 5.0);
    check(line(20.0, &[3.0, 4.1, 13.0, 14.1]), 5.0);
    for particles in [3, 4, 10, 101] {
        let positions: Vec<f64> = (0..particles).map(|i| 1.1 * f64::from(i)).collect();
        let length = 1.1 * f64::from(particles);
        check(line(length, &positions), 30.0 / f64::from(particles + 1));
    }
}

#[test]
fn stiffness_is_that_of_the_responses_and_does_not_depend_on_threads() {
    let glass = ipl_glass(120, 7);
    let response = LinearResponse::new(&glass, &SparseCholesky::default()).unwrap();
    let mut random = Seed(1).stream("dipoles", &[]);
    let sample = response.random_interactions(70, &mut random).unwrap();
    let stiffness = response.dipole_stiffness(&sample, ONE).unwrap();
    for count in [2, 3] {
        let again = response.dipole_stiffness(&sample, threads(count)).unwrap();
        assert_eq!(stiffness, again);
    }
    let responses = response.dipole_responses(&sample, threads(2)).unwrap();
    for ((&index, kappa), found) in sample.iter().zip(&stiffness).zip(&responses) {
        assert_eq!(found.stiffness.to_bits(), kappa.to_bits());
        let z = found.displacements.as_flattened();
        let mut m_z = vec![0.0; z.len()];
        response.hessian().apply(z, &mut m_z);
        // M z is the dipole, a unit vector on two particles, and kappa = z.M.z / z.z.
        let pair = response.interactions()[index];
        let norm: f64 = m_z.iter().map(|f| f * f).sum();
        assert!((norm - 1.0).abs() < 1e-9);
        let on_j: f64 = (0..3).map(|k| m_z[3 * pair.j + k] * pair.vector[k]).sum();
        let length = vector::norm_squared(&pair.vector).sqrt();
        assert!((on_j - length / 2.0_f64.sqrt()).abs() < 1e-9);
        let quotient = z.iter().zip(&m_z).map(|(z, f)| z * f).sum::<f64>()
            / z.iter().map(|z| z * z).sum::<f64>();
        assert!((quotient / kappa - 1.0).abs() < 1e-9);
    }
    let field = response.dipole_stiffness_field(threads(2)).unwrap();
    assert_eq!(field.len(), response.interactions().len());
    for (&index, kappa) in sample.iter().zip(&stiffness) {
        assert!((field[index] / kappa - 1.0).abs() < 1e-10);
    }
}

#[test]
fn samples_are_distinct_and_repeatable() {
    let glass = ipl_glass(60, 2);
    let response = LinearResponse::new(&glass, &ConjugateGradient::default()).unwrap();
    let draw = |count| response.random_interactions(count, &mut Seed(3).stream("sample", &[]));
    let all = response.interactions().len();
    let mut sample = draw(all).unwrap();
    assert_eq!(draw(20).unwrap(), sample[..20]);
    sample.sort_unstable();
    assert!(sample.into_iter().eq(0..all));
    assert!(matches!(
        draw(all + 1),
        Err(ResponseError::TooFewInteractions { asked, count }) if asked == all + 1 && count == all
    ));
}

#[test]
fn interactions_are_pairs_and_found_by_their_particles() {
    // Edges of triplets alone are no interactions, and two pair terms make one.
    let potential = Sum(SpeciesTable::uniform(TwoBody).unwrap(), stillinger_weber());
    let liquid = Configuration::<3>::random(60, 0.4, &[1.0], Seed(5)).unwrap();
    let structure = certify_anything(&potential, liquid);
    let unprobed = ConjugateGradient {
        probe: 1.0,
        ..ConjugateGradient::default()
    };
    let response = LinearResponse::new(&structure, &unprobed).unwrap();
    let single = linearize(
        &SpeciesTable::uniform(TwoBody).unwrap(),
        structure.configuration(),
    )
    .unwrap();
    assert_eq!(response.interactions().len(), single.edges().len());
    let last = response.interactions().len() - 1;
    let pair = response.interactions()[last];
    assert_eq!(response.find_interaction(pair.i, pair.j).unwrap(), last);
    assert_eq!(response.find_interaction(pair.j, pair.i).unwrap(), last);
    assert!(matches!(
        response.find_interaction(7, 7),
        Err(ResponseError::NotInteracting { i: 7, j: 7 })
    ));
    assert!(matches!(
        response.dipole_stiffness(&[0, last + 1], ONE),
        Err(ResponseError::NoSuchInteraction { index, .. }) if index == last + 1
    ));
    assert!(matches!(
        response.shear_modulus(Plane {
            displacement: 1,
            gradient: 1
        }),
        Err(ResponseError::Plane { dimension: 3, .. })
    ));
}

#[test]
fn a_pair_through_several_images_is_ambiguous() {
    // Two particles on a ring: one interaction on either side.
    let spring = Spring {
        stiffness: 1.0,
        length: 1.0,
        range: 1.5,
    };
    let potential = SpeciesTable::uniform(spring).unwrap();
    let structure = certify_anything(&potential, line(2.0, &[0.0, 1.0]));
    let response = LinearResponse::new(&structure, &SparseCholesky::default()).unwrap();
    assert!(matches!(
        response.find_interaction(0, 1),
        Err(ResponseError::SeveralImages { images: 2, .. })
    ));
    // Both springs work together: kappa = 12 k/(N + 1) with N = 2.
    for kappa in response.dipole_stiffness(&[0, 1], ONE).unwrap() {
        assert!((kappa - 4.0).abs() < 1e-13);
    }
}

#[test]
fn a_saddle_has_no_response() {
    let liquid = Configuration::<3>::random(100, 0.82, &[0.5, 0.5], Seed(8)).unwrap();
    let structure = certify_anything(&ipl(), liquid);
    let direct = LinearResponse::new(&structure, &SparseCholesky::default());
    assert!(matches!(direct, Err(SolveError::Saddle { curvature, .. }) if curvature < 0.0));
    let probed = LinearResponse::new(&structure, &ConjugateGradient::default());
    assert!(matches!(probed, Err(SolveError::Saddle { curvature, .. }) if curvature < 0.0));
    let unprobed = ConjugateGradient {
        probe: 1.0,
        ..ConjugateGradient::default()
    };
    let iterative = LinearResponse::new(&structure, &unprobed).unwrap();
    assert!(matches!(
        iterative.shear_modulus(Plane::XY),
        Err(ResponseError::Solve(SolveError::Saddle { curvature, .. })) if curvature < 0.0
    ));
}
