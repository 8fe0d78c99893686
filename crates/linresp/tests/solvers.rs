//! Solvers against each other and against a dense pseudo-inverse; what they say of saddles and bad input.

mod common;

use common::*;
use faer::{Mat, Side};
use proptest::prelude::*;
use std::num::NonZeroUsize;
use vitreous_linresp::*;
use vitreous_md_core::*;

/// Every solver, to a relative residual.
fn all_solvers<const D: usize>(tolerance: f64) -> Vec<(&'static str, Box<dyn LinearSolver<D>>)> {
    let gradient = ConjugateGradient::with_tolerance(tolerance);
    let automatic = Automatic {
        tolerance,
        ..Automatic::default()
    };
    vec![
        (
            "sparse",
            Box::new(SparseCholesky {
                tolerance,
                ..SparseCholesky::default()
            }),
        ),
        ("gauss-seidel", Box::new(gradient)),
        ("identity", Box::new(gradient.with_preconditioner(Identity))),
        (
            "jacobi",
            Box::new(gradient.with_preconditioner(BlockJacobi)),
        ),
        (
            "incomplete",
            Box::new(gradient.with_preconditioner(IncompleteCholesky)),
        ),
        (
            "block",
            Box::new(BlockConjugateGradient {
                tolerance,
                ..BlockConjugateGradient::default()
            }),
        ),
        ("automatic", Box::new(automatic)),
        (
            "dense",
            Box::new(Dense {
                tolerance,
                ..Dense::default()
            }),
        ),
    ]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `|b - M x| / |b|` through the edges, for a right-hand side without trivial zero modes.
fn residual<const D: usize>(hessian: &Hessian<'_, D>, b: &[f64], x: &[f64]) -> f64 {
    let mut rest = vec![0.0; b.len()];
    hessian.apply_edges(x, &mut rest);
    for (r, b) in rest.iter_mut().zip(b) {
        *r = b - *r;
    }
    (dot(&rest, &rest) / dot(b, b)).sqrt()
}

fn right_hand_sides(dimension: usize, columns: usize) -> Vec<f64> {
    use rand::RngExt;
    let mut random = Seed(4).stream("right-hand sides", &[]);
    (0..dimension * columns)
        .map(|_| random.random_range(-1.0..1.0))
        .collect()
}

#[test]
fn all_solvers_agree_with_the_dense_one() {
    fn check<const D: usize>(glass: &InherentStructure<D>) {
        let hessian = Hessian::new(glass.linearization());
        assert_eq!((hessian.clusters(), hessian.rattlers().len()), (1, 0));
        let rhs = right_hand_sides(hessian.dimension(), 3);
        let dense = hessian.clone().inverse(&Dense::default()).unwrap();
        let expected = dense.apply(&rhs).unwrap();
        let scale = expected.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        for (name, solver) in all_solvers::<D>(1e-11) {
            let inverse = hessian.clone().inverse(&*solver).unwrap();
            let found = inverse.solve(&rhs).unwrap();
            let difference = largest_difference(&found.vectors, &expected);
            assert!(
                difference < 1e-8 * scale,
                "{name}: {difference:e} of {scale:e}"
            );
            assert_eq!(found.report.residuals.len(), 3);
            assert!(found.report.residuals.iter().all(|&r| r <= 1e-11));
            if name != "automatic" {
                let iterates = !["sparse", "dense"].contains(&name);
                assert_eq!(found.report.iterations > 0, iterates, "{name}");
            }
            assert!(inverse.preparation().stored_numbers > 0);
        }
    }
    check(&ipl_glass(500, 1));
    check(&stillinger_weber_glass(216, 3));
    check(&ipl_glass_2d(500, 2));
}

#[test]
fn results_do_not_depend_on_threads() {
    let glass = ipl_glass(200, 1);
    let hessian = Hessian::new(glass.linearization());
    let rhs = right_hand_sides(hessian.dimension(), 5);
    let width = NonZeroUsize::new(2).unwrap();
    let solve = |solver: &dyn LinearSolver<3>| {
        let inverse = hessian.clone().inverse(solver).unwrap();
        inverse.solve(&rhs).unwrap()
    };
    let gradient = |threads| ConjugateGradient {
        threads,
        ..ConjugateGradient::default()
    };
    let block = |threads| BlockConjugateGradient {
        threads,
        width,
        ..BlockConjugateGradient::default()
    };
    let one = NonZeroUsize::MIN;
    let (expected, expected_of_block) = (solve(&gradient(one)), solve(&block(one)));
    for threads in [2, 3].map(|n| NonZeroUsize::new(n).unwrap()) {
        assert_eq!(solve(&gradient(threads)), expected);
        assert_eq!(solve(&block(threads)), expected_of_block);
    }
    // A solution does not depend on what else is solved for.
    let inverse = hessian.clone().inverse(&gradient(one)).unwrap();
    let dimension = hessian.dimension();
    for (b, x) in rhs
        .chunks_exact(dimension)
        .zip(expected.vectors.chunks_exact(dimension))
    {
        assert_eq!(inverse.apply(b).unwrap(), x);
    }
}

#[test]
fn dependent_right_hand_sides_do_a_block_no_harm() {
    let glass = ipl_glass(200, 1);
    let hessian = Hessian::new(glass.linearization());
    let two = right_hand_sides(hessian.dimension(), 2);
    let (first, second) = two.split_at(hessian.dimension());
    let sum: Vec<f64> = first.iter().zip(second).map(|(a, b)| 1e4 * a + b).collect();
    let close: Vec<f64> = first
        .iter()
        .zip(second)
        .map(|(a, b)| a + 1e-9 * b)
        .collect();
    let nothing = vec![0.0; first.len()];
    let rhs = [first, second, first, &sum, &close, &nothing, second].concat();
    let solver = BlockConjugateGradient::default();
    let found = hessian
        .clone()
        .inverse(&solver)
        .unwrap()
        .solve(&rhs)
        .unwrap();
    assert!(found.report.residuals.iter().all(|&r| r <= 1e-10));
    let expected = hessian
        .inverse(&Dense::default())
        .unwrap()
        .apply(&rhs)
        .unwrap();
    let scale = |v: &[f64]| v.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    for (found, expected) in found
        .vectors
        .chunks_exact(first.len())
        .zip(expected.chunks_exact(first.len()))
    {
        assert!(largest_difference(found, expected) <= 1e-7 * scale(expected));
    }
}

#[test]
fn translations_of_right_hand_sides_do_not_matter() {
    let glass = ipl_glass(500, 1);
    let hessian = Hessian::new(glass.linearization());
    let rhs = right_hand_sides(hessian.dimension(), 3);
    let direct = hessian.clone().inverse(&SparseCholesky::default()).unwrap();
    let expected = direct.apply(&rhs).unwrap();
    let scale = expected.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
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
        for (_, solver) in all_solvers::<3>(1e-12) {
            let found = hessian
                .clone()
                .inverse(&*solver)
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
    let lowest = {
        let n = hessian.dimension();
        let dense = Mat::from_fn(n, n, |i, j| hessian.matrix().entry(i, j));
        dense.self_adjoint_eigenvalues(Side::Lower).unwrap()[0]
    };
    for (_, solver) in all_solvers::<3>(1e-10) {
        let outcome = hessian.clone().inverse(&*solver).map(drop);
        let Err(SolveError::Saddle {
            curvature,
            direction,
        }) = outcome
        else {
            panic!("{outcome:?}");
        };
        let mut product = direction.clone();
        hessian.apply_edges(&direction, &mut product);
        assert!((dot(&direction, &direction) - 1.0).abs() < 1e-13);
        assert!((dot(&direction, &product) / curvature - 1.0).abs() < 1e-9);
        assert!(
            lowest * (1.0 + 1e-12) <= curvature && curvature < 0.0,
            "{lowest} {curvature}"
        );
    }
}

#[test]
fn floppy_motion_is_an_error() {
    // Three particles on two relaxed springs bend at no cost.
    let cell = Cell::<3>::cubic(3, 0.001).unwrap();
    let positions = vec![[0.0; 3], [0.6, 0.8, 0.0], [1.6, 0.8, 0.0]];
    let hinge = Configuration::new(cell, positions, vec![Species(0); 3]).unwrap();
    let spring = Spring {
        stiffness: 3.0,
        length: 1.0,
        range: 1.5,
    };
    let expansion = linearize(&SpeciesTable::uniform(spring).unwrap(), &hinge).unwrap();
    assert_eq!(Hessian::new(&expansion).zero_modes(), 6);
    for (name, solver) in all_solvers::<3>(1e-10) {
        // The factorisation may meet a pivot of either sign.
        if name == "sparse" {
            continue;
        }
        let outcome = Hessian::new(&expansion).inverse(&*solver).map(drop);
        // Bending costs nothing, to the rounding of a stiffness of order one.
        assert!(
            matches!(outcome, Err(SolveError::Saddle { curvature, .. }) if curvature.abs() < 1e-13),
            "{name}: {outcome:?}"
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
    let outcome = hessian.clone().inverse(&hasty).map(drop);
    assert!(matches!(
        outcome,
        Err(SolveError::IterationLimit { iterations: 5, residual, .. }) if residual > 1e-6
    ));
    let unprobed = ConjugateGradient {
        probe: 1.0,
        ..hasty
    };
    let outcome = hessian.clone().inverse(&unprobed).unwrap().apply(&rhs);
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
    for (_, solver) in all_solvers::<1>(1e-10) {
        let inverse = Hessian::new(&alone).inverse(&*solver).unwrap();
        assert_eq!(inverse.hessian().rattlers(), [0, 1]);
        assert_eq!(inverse.apply(&[1.0, 2.0]).unwrap(), vec![0.0, 0.0]);
    }
    // Two pairs on springs and a particle alone, on a line: three clusters.
    let line = line(20.0, &[0.0, 1.0, 5.0, 10.0, 11.0]);
    let expansion = linearize(&potential, &line).unwrap();
    let hessian = Hessian::new(&expansion);
    assert_eq!((hessian.clusters(), hessian.rattlers()), (3, vec![2]));
    for (_, solver) in all_solvers::<1>(1e-14) {
        let inverse = hessian.clone().inverse(&*solver).unwrap();
        // Unlike forces stretch a spring by their half-difference over k; the rest moves nothing.
        let x = inverse.apply(&[-1.0, 3.0, 7.0, 4.0, 4.0]).unwrap();
        assert!(
            largest_difference(&x, &[-0.5, 0.5, 0.0, 0.0, 0.0]) < 1e-14,
            "{x:?}"
        );
    }
}

/// A dimer in a dilute cell rotates freely; so does a ring that closes in one direction only, in three
/// dimensions. Two directions hold it.
#[test]
fn rotations_of_free_clusters_are_zero_modes() {
    let spring = Spring {
        stiffness: 3.0,
        length: 1.0,
        range: 1.2,
    };
    let potential = SpeciesTable::uniform(spring).unwrap();
    let check = |lengths: [f64; 3], positions: Vec<[f64; 3]>, zero_modes: usize| {
        let cell = Cell::orthorhombic(lengths).unwrap();
        let species = vec![Species(0); positions.len()];
        let configuration = Configuration::new(cell, positions, species).unwrap();
        let expansion = linearize(&potential, &configuration).unwrap();
        let hessian = Hessian::new(&expansion);
        assert_eq!(hessian.zero_modes(), zero_modes);
        let mut x = right_hand_sides(hessian.dimension(), 1);
        hessian.project(&mut x);
        let mut again = x.clone();
        hessian.project(&mut again);
        assert!(largest_difference(&x, &again) < 1e-15);
        // What was taken out costs nothing.
        let taken: Vec<f64> = right_hand_sides(hessian.dimension(), 1)
            .iter()
            .zip(&x)
            .map(|(a, b)| a - b)
            .collect();
        let mut product = vec![0.0; x.len()];
        hessian.apply_edges(&taken, &mut product);
        assert!(product.iter().all(|p| p.abs() < 1e-14), "{product:?}");
    };
    check([9.0; 3], vec![[0.1; 3], [0.1, 1.1, 0.1]], 5);
    // A triangle across the boundary, and a particle alone.
    let height = 0.75_f64.sqrt();
    let triangle = vec![
        [0.2, 0.0, 8.9],
        [8.2, 0.0, 8.9],
        [8.7, height, 8.9],
        [4.0; 3],
    ];
    check([9.0; 3], triangle, 9);
    // Two rows of particles along x, side by side: they turn about x.
    let rows = |z: f64| (0..4).map(move |k| [f64::from(k), 0.0, z]);
    let ladder: Vec<[f64; 3]> = rows(0.0).chain(rows(1.0)).collect();
    check([4.0, 9.0, 9.0], ladder.clone(), 4);
    // Closed along z as well, they are a square lattice in its plane.
    check([4.0, 9.0, 2.0], ladder, 3);
}

#[test]
fn the_stiffness_of_a_free_pair_is_twice_that_of_its_spring() {
    fn check<const D: usize>(potential: &dyn Potential<D>, direction: [f64; D]) {
        let cell = Cell::orthorhombic([9.0; D]).unwrap();
        let positions = vec![[8.9; D], vector::add(&[-0.1; D], &direction)];
        let pair = Configuration::new(cell, positions, vec![Species(0); 2]).unwrap();
        let structure =
            InherentStructure::certify(potential, pair, Tolerance::force_ratio(1e-9)).unwrap();
        for (name, solver) in all_solvers::<D>(1e-10) {
            let response = LinearResponse::new(&structure, &*solver).unwrap();
            let kappa = response.dipole_stiffness(&[0], NonZeroUsize::MIN).unwrap()[0];
            assert!(
                (kappa - 6.0).abs() < 1e-12,
                "{name} in {D} dimensions: {kappa}"
            );
        }
    }
    let spring = Spring {
        stiffness: 3.0,
        length: 1.0,
        range: 1.2,
    };
    let potential = SpeciesTable::uniform(spring).unwrap();
    check::<1>(&potential, [1.0]);
    check::<2>(&potential, [0.6, 0.8]);
    check::<3>(&potential, [0.36, 0.48, 0.8]);
}

/// Springs at rest between random particles of a periodic cell: `stiffness(k)` for the k-th pair, nearest
/// pairs first, `count` of them.
fn network<const D: usize>(
    particles: usize,
    count: usize,
    seed: u64,
    stiffness: impl Fn(usize) -> f64,
) -> Linearization<D> {
    let points = Configuration::<D>::random(particles, 1.0, &[1.0], Seed(seed)).unwrap();
    let edge = points.cell().volume().powf(1.0 / D as f64);
    let mut pairs = Vec::new();
    for j in 0..particles {
        for i in 0..j {
            let r = vector::subtract(&points.positions()[j], &points.positions()[i]);
            let r = r.map(|c| c - edge * (c / edge).round());
            pairs.push((vector::norm_squared(&r), i, j, r));
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut expansion = Linearization::empty(&points);
    for (k, (squared, i, j, r)) in pairs.into_iter().take(count).enumerate() {
        expansion.add_pair([i, j], r, [0.0, 0.0, stiffness(k) / (4.0 * squared)]);
    }
    expansion
}

fn keeps_its_promise<const D: usize>(expansion: &Linearization<D>) -> Result<(), TestCaseError> {
    let hessian = Hessian::new(expansion);
    let mut rhs = right_hand_sides(hessian.dimension(), 2);
    for b in rhs.chunks_exact_mut(hessian.dimension()) {
        hessian.project(b);
    }
    for (name, solver) in all_solvers::<D>(1e-9) {
        let outcome = hessian
            .clone()
            .inverse(&*solver)
            .and_then(|i| i.solve(&rhs));
        match outcome {
            Ok(solution) => {
                for ((b, x), reported) in rhs
                    .chunks_exact(hessian.dimension())
                    .zip(solution.vectors.chunks_exact(hessian.dimension()))
                    .zip(&solution.report.residuals)
                {
                    let found = residual(&hessian, b, x);
                    prop_assert!(found <= 1.01e-9, "{name}: {found:e}");
                    // The solution's own null modes, projected, leave rounding.
                    prop_assert!((found - reported).abs() <= 1e-11, "{found:e} {reported:e}");
                }
            }
            Err(SolveError::Saddle {
                curvature,
                direction,
            }) => {
                let mut product = direction.clone();
                hessian.apply_edges(&direction, &mut product);
                let found = dot(&direction, &product);
                // No energy decreases here, but to rounding.
                let rounding = 1e-12 * hessian.largest_diagonal();
                prop_assert!(
                    curvature.abs() < rounding && found.abs() < rounding,
                    "{name}"
                );
            }
            Err(_) => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// From floppy to stiff, with bonds a million times weaker than the others.
    #[test]
    fn random_networks_are_solved_or_refused(
        particles in 4..24_usize,
        contacts in 0.5..3.0_f64,
        weak in 0.0..1.0_f64,
        softness in 0..=6_i32,
        seed in 0..u64::MAX,
    ) {
        let soft = 10.0_f64.powi(-softness);
        let all = particles * (particles - 1) / 2;
        // The stiff bonds alone are around the edge of rigidity, D per particle.
        let count = |d: f64| ((contacts * d * particles as f64) as usize).min(all);
        let strong = |d: f64| (count(d) as f64 * (1.0 - weak)) as usize;
        keeps_its_promise(&network::<2>(particles, count(2.0), seed, |k| {
            if k < strong(2.0) { 1.0 + (k % 7) as f64 } else { soft }
        }))?;
        keeps_its_promise(&network::<3>(particles, count(3.0), seed, |k| {
            if k < strong(3.0) { 1.0 + (k % 7) as f64 } else { soft }
        }))?;
    }

    /// One spring of negative stiffness, a little or much beyond what the rest can bear.
    #[test]
    fn random_saddles_are_refused_with_their_direction(
        particles in 8..40_usize,
        excess in -5.0..0.5_f64,
        chosen in 0..1000_usize,
        seed in 0..u64::MAX,
    ) {
        let count = (6 * particles).min(particles * (particles - 1) / 2);
        let stable = network::<3>(particles, count, seed, |k| 1.0 + (k % 5) as f64);
        let hessian = Hessian::new(&stable);
        prop_assume!(hessian.clusters() == 1);
        let Ok(inverse) = hessian.clone().inverse(&Dense::default()) else {
            return Err(TestCaseError::reject("floppy"));
        };
        // A spring -k on the unit dipole d adds -2 k d d^T: unstable where 2 k d.M^-1.d > 1.
        let bond = &stable.edges()[chosen % count];
        let squared = vector::norm_squared(&bond.vector);
        let mut dipole = vec![0.0; hessian.dimension()];
        for k in 0..3 {
            let component = bond.vector[k] / (2.0 * squared).sqrt();
            dipole[3 * bond.i as usize + k] = -component;
            dipole[3 * bond.j as usize + k] = component;
        }
        let critical = 0.5 / dot(&dipole, &inverse.apply(&dipole).unwrap());
        let stiffness = -critical * (1.0 + 10.0_f64.powf(excess));
        let mut unstable = stable.clone();
        unstable.add_pair(
            [bond.i as usize, bond.j as usize],
            bond.vector,
            [0.0, 0.0, stiffness / (4.0 * squared)],
        );
        let hessian = Hessian::new(&unstable);
        for (name, solver) in all_solvers::<3>(1e-9) {
            let outcome = hessian.clone().inverse(&*solver).map(drop);
            let Err(SolveError::Saddle { curvature, direction }) = outcome else {
                return Err(TestCaseError::fail(format!("{name}: {outcome:?}")));
            };
            let mut product = direction.clone();
            hessian.apply_edges(&direction, &mut product);
            let found = dot(&direction, &product) / dot(&direction, &direction);
            prop_assert!(curvature < 0.0 && found < 0.0, "{name}: {curvature:e} {found:e}");
            let rounding = 1e-13 * hessian.largest_diagonal();
            prop_assert!((found - curvature).abs() < rounding + 1e-9 * found.abs());
            prop_assert!((dot(&direction, &direction) - 1.0).abs() < 1e-12);
        }
    }
}
