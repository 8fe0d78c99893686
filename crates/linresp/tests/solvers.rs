//! Solvers against each other and against a dense pseudo-inverse; what they say of saddles and bad input.

mod common;

use common::*;
use faer::{Mat, Side};
use vitreous_linresp::*;
use vitreous_md_core::*;

fn right_hand_sides(dimension: usize, columns: usize) -> Vec<f64> {
    use rand::RngExt;
    let mut random = Seed(4).stream("right-hand sides", &[]);
    (0..dimension * columns)
        .map(|_| random.random_range(-1.0..1.0))
        .collect()
}

#[test]
fn direct_and_iterative_solutions_agree() {
    let glass = ipl_glass(500, 1);
    let hessian = Hessian::new(glass.linearization());
    assert_eq!((hessian.clusters(), hessian.rattlers().len()), (1, 0));
    let rhs = right_hand_sides(hessian.dimension(), 3);
    let direct = hessian.clone().inverse(&SparseCholesky::default()).unwrap();
    let expected = direct.apply(&rhs).unwrap();
    let scale = expected.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    let solvers: [&dyn LinearSolver<3>; 2] = [
        &ConjugateGradient::with_tolerance(1e-12),
        &ConjugateGradient::with_tolerance(1e-12).with_preconditioner(Identity),
    ];
    for solver in solvers {
        let iterative = hessian.clone().inverse(solver).unwrap();
        let found = iterative.apply(&rhs).unwrap();
        assert!(largest_difference(&found, &expected) < 1e-8 * scale);
    }
    // Solutions are free of translations, and those of the right-hand side do not matter.
    let mut projected = expected.clone();
    hessian.project(&mut projected[..hessian.dimension()]);
    assert!(largest_difference(&projected, &expected) < 1e-13 * scale);
    let shifted: Vec<f64> = rhs.iter().map(|b| b + 100.0).collect();
    let again = direct.apply(&shifted).unwrap();
    assert!(largest_difference(&again, &expected) < 1e-8 * scale);
}

#[test]
fn solutions_are_those_of_the_dense_pseudo_inverse() {
    for glass in [ipl_glass(40, 3), stillinger_weber_glass(40, 3)] {
        let hessian = Hessian::new(glass.linearization());
        let n = hessian.dimension();
        let dense = Mat::from_fn(n, n, |i, j| hessian.matrix().entry(i, j));
        let eigen = dense.self_adjoint_eigen(Side::Lower).unwrap();
        let values = eigen.S().column_vector();
        let zero = 1e-10 * values[n - 1];
        assert_eq!((0..n).filter(|&k| values[k].abs() < zero).count(), 3);
        let rhs = right_hand_sides(n, 1);
        let mut expected = vec![0.0; n];
        for k in 3..n {
            assert!(values[k] > zero);
            let mode = eigen.U().col(k);
            let weight: f64 = (0..n).map(|i| mode[i] * rhs[i]).sum::<f64>() / values[k];
            for i in 0..n {
                expected[i] += weight * mode[i];
            }
        }
        let scale = expected.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        for solver in [
            &SparseCholesky::default() as &dyn LinearSolver<3>,
            &ConjugateGradient::with_tolerance(1e-12),
        ] {
            let found = hessian
                .clone()
                .inverse(solver)
                .unwrap()
                .apply(&rhs)
                .unwrap();
            // The eigenvectors are good to rounding over the gaps between eigenvalues.
            assert!(largest_difference(&found, &expected) < 1e-9 * scale);
        }
    }
}

#[test]
fn a_saddle_is_named_with_its_curvature() {
    let liquid = Configuration::<3>::random(100, 0.82, &[0.5, 0.5], Seed(8)).unwrap();
    let expansion = linearize(&ipl(), &liquid).unwrap();
    let hessian = Hessian::new(&expansion);
    let rhs = right_hand_sides(hessian.dimension(), 1);
    let lowest = {
        let n = hessian.dimension();
        let dense = Mat::from_fn(n, n, |i, j| hessian.matrix().entry(i, j));
        dense.self_adjoint_eigenvalues(Side::Lower).unwrap()[0]
    };
    for solver in [
        &SparseCholesky::default() as &dyn LinearSolver<3>,
        &ConjugateGradient::default(),
    ] {
        let outcome = hessian.clone().inverse(solver).and_then(|i| i.apply(&rhs));
        let Err(SolveError::Saddle {
            curvature,
            direction,
        }) = outcome
        else {
            panic!("{outcome:?}");
        };
        let mut product = direction.clone();
        hessian.apply_edges(&direction, &mut product);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert!((dot(&direction, &direction) - 1.0).abs() < 1e-13);
        assert!((dot(&direction, &product) / curvature - 1.0).abs() < 1e-9);
        assert!(
            lowest < curvature && curvature < 0.0,
            "{lowest} {curvature}"
        );
    }
}

#[test]
fn floppy_motion_is_an_error() {
    // Two particles on a relaxed spring in three dimensions can rotate.
    let cell = Cell::<3>::cubic(2, 0.001).unwrap();
    let positions = vec![[0.0; 3], [0.6, 0.8, 0.0]];
    let pair = Configuration::new(cell, positions, vec![Species(0); 2]).unwrap();
    let spring = Spring {
        stiffness: 3.0,
        length: 1.0,
        range: 2.0,
    };
    let expansion = linearize(&SpeciesTable::uniform(spring).unwrap(), &pair).unwrap();
    let rhs = right_hand_sides(6, 1);
    for solver in [
        &SparseCholesky::default() as &dyn LinearSolver<3>,
        &ConjugateGradient::default(),
        &ConjugateGradient::default().with_preconditioner(Identity),
    ] {
        let outcome = Hessian::new(&expansion)
            .inverse(solver)
            .and_then(|i| i.apply(&rhs));
        // A rotation costs nothing, to the rounding of a stiffness of order one.
        assert!(
            matches!(outcome, Err(SolveError::Saddle { curvature, .. }) if curvature.abs() < 1e-14),
            "{outcome:?}"
        );
    }
}

/// A solver that is wrong by a given factor.
struct Wrong(f64);

impl LinearSolver<3> for Wrong {
    fn prepare(&self, hessian: &Hessian<'_, 3>) -> Result<Box<dyn PreparedSolver<3>>, SolveError> {
        let right = SparseCholesky::default().prepare(hessian)?;
        Ok(Box::new(WrongPrepared(self.0, right)))
    }
}

struct WrongPrepared(f64, Box<dyn PreparedSolver<3>>);

impl PreparedSolver<3> for WrongPrepared {
    fn solve(
        &self,
        hessian: &Hessian<'_, 3>,
        rhs: &[f64],
        x: &mut [f64],
    ) -> Result<usize, SolveError> {
        let iterations = self.1.solve(hessian, rhs, x)?;
        for x in x {
            *x *= self.0;
        }
        Ok(iterations)
    }
    fn preparation(&self) -> Preparation {
        self.1.preparation()
    }
    fn accuracy(&self) -> Accuracy {
        Accuracy {
            tolerance: 1e-10,
            target: 1e-12,
            refinements: 2,
        }
    }
}

#[test]
fn a_wrong_solver_is_caught_and_an_inexact_one_refined() {
    let glass = ipl_glass(60, 2);
    let hessian = Hessian::new(glass.linearization());
    let rhs = right_hand_sides(hessian.dimension(), 2);
    let outcome = hessian.clone().inverse(&Wrong(1.01)).unwrap().apply(&rhs);
    // Two refinements leave the cube of one percent.
    let Err(SolveError::Inaccurate { residual, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!((residual / 1e-6 - 1.0).abs() < 1e-3, "{residual:e}");
    let outcome = hessian
        .clone()
        .inverse(&Wrong(f64::NAN))
        .unwrap()
        .apply(&rhs);
    assert!(matches!(outcome, Err(SolveError::Inaccurate { residual, .. }) if residual.is_nan()));
    let refined = hessian
        .clone()
        .inverse(&Wrong(1.0 + 1e-5))
        .unwrap()
        .solve(&rhs)
        .unwrap();
    assert_eq!(
        (refined.report.refinements, refined.report.iterations),
        (2, 0)
    );
    assert!(refined.report.residuals.iter().all(|&r| r <= 1e-12));
    let exact = hessian
        .inverse(&SparseCholesky::default())
        .unwrap()
        .apply(&rhs)
        .unwrap();
    assert!(largest_difference(&refined.vectors, &exact) < 1e-9);
}

#[test]
fn limits_and_shapes_are_reported() {
    let glass = ipl_glass(60, 2);
    let hessian = Hessian::new(glass.linearization());
    let rhs = right_hand_sides(hessian.dimension(), 1);
    let hasty = ConjugateGradient {
        iteration_limit: 5,
        ..ConjugateGradient::default()
    };
    let outcome = hessian.clone().inverse(&hasty).unwrap().apply(&rhs);
    assert!(matches!(
        outcome,
        Err(SolveError::IterationLimit { iterations: 5, residual, .. }) if residual > 1e-10
    ));
    let inverse = hessian.inverse(&ConjugateGradient::default()).unwrap();
    assert!(matches!(
        inverse.apply(&rhs[1..]),
        Err(SolveError::Shape {
            numbers: 179,
            dimension: 180
        })
    ));
    let mut bad = rhs.clone();
    bad[7] = f64::NAN;
    assert!(matches!(
        inverse.apply(&[rhs.clone(), bad].concat()),
        Err(SolveError::NotFinite { column: 1 })
    ));
    assert_eq!(inverse.apply(&[]).unwrap(), Vec::<f64>::new());
    let zero = vec![0.0; rhs.len()];
    assert_eq!(inverse.apply(&zero).unwrap(), zero);
}

#[test]
fn separate_clusters_and_rattlers_keep_to_themselves() {
    // Nothing but rattlers: nothing moves.
    let spring = Spring {
        stiffness: 2.0,
        length: 1.0,
        range: 1.5,
    };
    let potential = SpeciesTable::uniform(spring).unwrap();
    let alone = linearize(&potential, &line(20.0, &[1.0, 5.0])).unwrap();
    for solver in [
        &SparseCholesky::default() as &dyn LinearSolver<1>,
        &ConjugateGradient::default(),
    ] {
        let inverse = Hessian::new(&alone).inverse(solver).unwrap();
        assert_eq!(inverse.hessian().rattlers(), [0, 1]);
        assert_eq!(inverse.apply(&[1.0, 2.0]).unwrap(), vec![0.0, 0.0]);
    }
    // Two pairs on springs and a particle alone, on a line: three clusters.
    let line = line(20.0, &[0.0, 1.0, 5.0, 10.0, 11.0]);
    let expansion = linearize(&potential, &line).unwrap();
    let hessian = Hessian::new(&expansion);
    assert_eq!((hessian.clusters(), hessian.rattlers()), (3, vec![2]));
    for solver in [
        &SparseCholesky::default() as &dyn LinearSolver<1>,
        &ConjugateGradient::default(),
    ] {
        let inverse = hessian.clone().inverse(solver).unwrap();
        // Unlike forces stretch a spring by their half-difference over k; the rest moves nothing.
        let x = inverse.apply(&[-1.0, 3.0, 7.0, 4.0, 4.0]).unwrap();
        assert!(
            largest_difference(&x, &[-0.5, 0.5, 0.0, 0.0, 0.0]) < 1e-14,
            "{x:?}"
        );
    }
}

/// A dimer in a dilute cell rotates freely, whatever a factorisation makes of it; so does a ring that closes
/// in one direction only, in three dimensions. Two directions hold it.
#[test]
fn dipoles_on_clusters_that_can_rotate_are_refused() {
    let spring = Spring {
        stiffness: 3.0,
        length: 1.0,
        range: 1.2,
    };
    let potential = SpeciesTable::uniform(spring).unwrap();
    let check = |lengths: [f64; 3], positions: Vec<[f64; 3]>, free: bool| {
        let cell = Cell::orthorhombic(lengths).unwrap();
        let species = vec![Species(0); positions.len()];
        let configuration = Configuration::new(cell, positions, species).unwrap();
        let structure =
            InherentStructure::certify(&potential, configuration, Tolerance::force_ratio(1e-9))
                .unwrap();
        let solver = ConjugateGradient::default();
        let response = LinearResponse::new(&structure, &solver).unwrap();
        let outcome = response.dipole_stiffness(&[0], std::num::NonZeroUsize::MIN);
        let refused = matches!(outcome, Err(ResponseError::FreeRotation { .. }));
        assert_eq!(refused, free, "{outcome:?}");
    };
    check([9.0; 3], vec![[0.1; 3], [0.1, 1.1, 0.1]], true);
    // Two rows of particles along x, side by side: they turn about x.
    let rows = |z: f64| (0..4).map(move |k| [f64::from(k), 0.0, z]);
    let ladder: Vec<[f64; 3]> = rows(0.0).chain(rows(1.0)).collect();
    check([4.0, 9.0, 9.0], ladder.clone(), true);
    // Closed along z as well, they are a square lattice in its plane.
    check([4.0, 9.0, 2.0], ladder, false);
}
