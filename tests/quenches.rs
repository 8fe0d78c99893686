//! Quenches over all models, in two and three dimensions: what every minimiser promises.

use proptest::prelude::*;
use rand::RngExt;
use vitreous::linresp::Hessian;
use vitreous::md_core::Matrix;
use vitreous::minimize::Reason;
use vitreous::prelude::*;

fn minimizers<const D: usize>() -> Vec<(&'static str, Box<dyn Minimizer<D>>)> {
    vec![
        (
            "conjugate gradient",
            Box::new(NonlinearConjugateGradient::default()),
        ),
        ("L-BFGS", Box::new(LimitedMemoryBfgs::default())),
        ("Newton", Box::new(NewtonConjugateGradient::default())),
        ("Newton finish", Box::new(NewtonFinish::default())),
        (
            "FIRE",
            Box::new(Fire {
                evaluation_limit: 20_000,
                ..Fire::default()
            }),
        ),
        (
            "original FIRE",
            Box::new(Fire {
                evaluation_limit: 20_000,
                ..Fire::original()
            }),
        ),
    ]
}

/// A model and a disordered start; `None` if the model has no usual mixture in this dimension.
fn sample<const D: usize>(
    model: &Model,
    particles: usize,
    compression: f64,
    seed: u64,
) -> Option<(Box<dyn Potential<D>>, Configuration<D>)> {
    let mixture = model.usual_mixture(D)?;
    let density = compression * mixture.density;
    let start =
        Configuration::random(particles, density, &mixture.composition, Seed(seed)).unwrap();
    let start = match model.diameters(particles).unwrap() {
        Some(diameters) => start.with_diameters(diameters).unwrap(),
        None => start,
    };
    Some((model.potential().unwrap(), start))
}

fn displaced<const D: usize>(start: &Configuration<D>, size: f64, seed: u64) -> Configuration<D> {
    let mut random = Seed(seed).stream("displacements", &[]);
    let mut moved = start.clone();
    for coordinate in moved.positions_mut().as_flattened_mut() {
        *coordinate += random.random_range(-size..size);
    }
    moved
}

/// Reaches the tolerance or says why not; never climbs; does the same again.
fn keeps_promises<const D: usize>(
    potential: &dyn Potential<D>,
    start: &Configuration<D>,
    context: &str,
) {
    let tolerance = Tolerance::force_ratio(1e-9);
    let energy = ForceField::new(potential).evaluate(start).unwrap().energy();
    for (name, minimizer) in minimizers() {
        let outcome = minimizer.minimize(potential, start.clone(), tolerance);
        assert_eq!(
            outcome,
            minimizer.minimize(potential, start.clone(), tolerance),
            "{name}: {context}"
        );
        let reached = match outcome {
            Ok(converged) => {
                assert!(
                    tolerance.accepts(&converged.balance),
                    "{name}: {context}: {converged:?}"
                );
                converged.configuration
            }
            Err(unconverged) => {
                assert!(
                    matches!(
                        unconverged.reason,
                        Reason::EvaluationLimit { .. } | Reason::Rounding
                    ),
                    "{name}: {context}: {unconverged}"
                );
                *unconverged.configuration
            }
        };
        let mechanics = ForceField::new(potential).evaluate(&reached).unwrap();
        assert!(
            mechanics.energy() <= energy + 1e-10 * energy.abs(),
            "{name}: {context}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_minimizer_keeps_its_promises(
        particles in 2..60_usize, compression in 0.5..1.1_f64, seed in 0..1000_u64
    ) {
        for model in Catalogue::models() {
            let context = format!("{} {particles} {compression} {seed}", model.name);
            if let Some((potential, start)) = sample::<2>(&model, particles, compression, seed) {
                keeps_promises(&*potential, &start, &format!("2D {context}"));
            }
            if let Some((potential, start)) = sample::<3>(&model, particles, compression, seed) {
                keeps_promises(&*potential, &start, &format!("3D {context}"));
            }
        }
    }
}

/// The cheap quench of transition counting: from close to a minimum, few evaluations lead to the same one.
#[test]
fn from_close_to_a_minimum_every_minimizer_finds_it() {
    let tolerance = Tolerance::force_ratio(1e-10);
    for name in ["ipl", "mblj", "ka", "sw", "ss"] {
        let model = Catalogue::find(name).unwrap();
        let (potential, start) = sample::<3>(&model, 200, 1.0, 3).unwrap();
        let glass = NewtonFinish::default()
            .quench(&*potential, start, tolerance)
            .unwrap();
        let close = displaced(glass.configuration(), 1e-4, 4);
        for (minimizer_name, minimizer) in minimizers() {
            let again = minimizer
                .minimize(&*potential, close.clone(), tolerance)
                .unwrap();
            let difference = again.energy - glass.energy();
            assert!(
                difference.abs() < 1e-10 * glass.energy().abs(),
                "{name}, {minimizer_name}: {difference:e}"
            );
            if minimizer_name == "Newton" {
                assert!(again.work.evaluations <= 10, "{name}: {:?}", again.work);
            }
        }
    }
}

/// From a force ratio of 1e-5 to 1e-12 in a handful of steps.
#[test]
fn newton_finishes_in_a_handful_of_steps() {
    for name in ["ipl", "mblj", "ka", "sw"] {
        let model = Catalogue::find(name).unwrap();
        let (potential, start) = sample::<3>(&model, 300, 1.0, 5).unwrap();
        let near = NonlinearConjugateGradient::default()
            .minimize(&*potential, start, Tolerance::force_ratio(1e-5))
            .unwrap();
        let end = NewtonConjugateGradient::default()
            .minimize(
                &*potential,
                near.configuration,
                Tolerance::force_ratio(1e-12),
            )
            .unwrap();
        assert!(
            end.iterations <= 5,
            "{name}: {} steps, {:?}",
            end.iterations,
            end.work
        );
    }
}

/// A square lattice of soft spheres balances by symmetry, and gives way to shear.
#[test]
fn newton_leaves_a_saddle() {
    let model = Catalogue::find("ipl").unwrap();
    let potential = model.potential::<2>().unwrap();
    let cell = Cell::orthorhombic([6.6; 2]).unwrap();
    let sites = (0..36).map(|n| [n % 6, n / 6].map(|k| 1.1 * f64::from(k)));
    let lattice = Configuration::new(cell, sites.collect(), vec![Species(0); 36]).unwrap();
    let tolerance = Tolerance::force_ratio(1e-10);
    let flat = NonlinearConjugateGradient::default()
        .minimize(&*potential, lattice.clone(), tolerance)
        .unwrap();
    for newton in [
        &NewtonConjugateGradient::default() as &dyn Minimizer<2>,
        &NewtonFinish::default() as &dyn Minimizer<2>,
    ] {
        let left = newton
            .quench(&*potential, lattice.clone(), tolerance)
            .unwrap();
        assert!(left.energy() < flat.energy - 0.1);
        LinearResponse::new(&left, &SparseCholesky::default()).unwrap();
    }
    let blind = NewtonConjugateGradient {
        leave_saddles: false,
        ..NewtonConjugateGradient::default()
    };
    let stayed = blind.minimize(&*potential, lattice, tolerance).unwrap();
    assert_eq!(stayed.energy, flat.energy);
}

/// The blocks of the edge list are those of the assembled matrix, couplings and small cells included.
#[test]
fn diagonal_blocks_agree_with_the_assembled_hessian() {
    for (name, particles) in [("ka", 5), ("sw", 6), ("sw", 64), ("ipl", 100)] {
        let model = Catalogue::find(name).unwrap();
        let (potential, start) = sample::<3>(&model, particles, 1.0, 9).unwrap();
        let linearization = linearize(&*potential, &displaced(&start, 0.05, 1)).unwrap();
        let hessian = Hessian::new(&linearization);
        let assembled: Vec<&Matrix<3>> = hessian.matrix().diagonal_blocks().collect();
        let scale = hessian.largest_diagonal();
        for (block, other) in linearization.hessian_diagonal().iter().zip(assembled) {
            for (a, b) in block.as_flattened().iter().zip(other.as_flattened()) {
                // Sums of at most some hundred terms of this size.
                assert!((a - b).abs() < 1e-12 * scale, "{name} {particles}: {a} {b}");
            }
        }
    }
}

/// Below the rounding of forces a minimiser ends and says so.
#[test]
fn a_tolerance_below_rounding_is_an_error_with_what_was_reached() {
    let impossible = Tolerance {
        force_ratio: 1e-18,
        floor: 0.0,
    };
    let model = Catalogue::find("ka").unwrap();
    let (potential, start) = sample::<3>(&model, 100, 1.0, 9).unwrap();
    for (name, minimizer) in minimizers() {
        let error = minimizer
            .minimize(&*potential, start.clone(), impossible)
            .unwrap_err();
        let reached = error.balance.unwrap().ratio();
        assert!(reached < 1e-12, "{name}: {reached:e}");
        assert!(
            matches!(
                error.reason,
                Reason::Rounding | Reason::EvaluationLimit { .. }
            ),
            "{name}: {error}"
        );
        if name.contains("Newton") {
            assert!(error.work.hessian_products < 10_000, "{:?}", error.work);
        }
    }
}
