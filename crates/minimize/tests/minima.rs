//! The minimisers on glasses, networks and bad starts.

use std::ops::ControlFlow;
use vitreous_md_core::{
    Cell, Configuration, ConfigurationError, ForceError, ForceField, Radial, Scalar, Seed, Species,
    SpeciesTable, Tolerance,
};
use vitreous_minimize::{
    Fire, LimitedMemoryBfgs, Minimizer, NewtonConjugateGradient, NewtonFinish,
    NonlinearConjugateGradient, QuenchError, Reason,
};

/// Inverse power law `t^-5` in `t = (r/lambda)^2`, less its third-order Taylor polynomial at `t = 1.48^2`, so
/// that three derivatives vanish at the cut-off.
#[derive(Clone)]
struct InversePowerLaw {
    lambda: f64,
}

impl Radial for InversePowerLaw {
    fn range(&self) -> f64 {
        1.48 * self.lambda
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let cut = 1.48_f64.powi(2);
        let t = squared_distance * S::constant(self.lambda.powi(-2));
        let u = t - S::constant(cut);
        let coefficient = |value: f64, order: i32| S::constant(value * cut.powi(-5 - order));
        let polynomial = coefficient(1.0, 0)
            + u * (coefficient(-5.0, 1) + u * (coefficient(15.0, 2) + u * coefficient(-35.0, 3)));
        t.recip().powi(5) - polynomial
    }
}

fn mixture() -> SpeciesTable<InversePowerLaw> {
    let lambda = [[1.0, 1.18], [1.18, 1.4]];
    SpeciesTable::new(2, |a, b| InversePowerLaw {
        lambda: lambda[a][b],
    })
    .unwrap()
}

fn liquid(particles: usize) -> Configuration<3> {
    Configuration::random(particles, 0.82, &[0.5, 0.5], Seed(11)).unwrap()
}

/// Spring energy `stiffness/4 (s - 1)^2`, broken at 1.3.
#[derive(Clone)]
struct Spring;

impl Radial for Spring {
    fn range(&self) -> f64 {
        1.3
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let strain = squared_distance - S::constant(1.0);
        strain * strain * S::constant(0.25)
    }
}

fn all<const D: usize>() -> [Box<dyn Minimizer<D>>; 6] {
    [
        Box::new(NonlinearConjugateGradient::default()),
        Box::new(Fire::default()),
        Box::new(Fire::original()),
        Box::new(LimitedMemoryBfgs::default()),
        Box::new(NewtonConjugateGradient::default()),
        Box::new(NewtonFinish::default()),
    ]
}

fn displaced<const D: usize>(
    configuration: &Configuration<D>,
    size: f64,
    seed: u64,
) -> Configuration<D> {
    use rand::RngExt;
    let mut random = Seed(seed).stream("displacements", &[]);
    let mut moved = configuration.clone();
    for coordinate in moved.positions_mut().as_flattened_mut() {
        *coordinate += random.random_range(-size..size);
    }
    moved
}

#[test]
fn liquids_become_certified_glasses() {
    let (model, tolerance) = (mixture(), Tolerance::force_ratio(1e-10));
    let start_energy = ForceField::new(&model)
        .evaluate(&liquid(300))
        .unwrap()
        .energy();
    let mut evaluations = Vec::new();
    for minimizer in all() {
        let converged = minimizer.minimize(&model, liquid(300), tolerance).unwrap();
        evaluations.push(converged.work.evaluations);
        let glass = minimizer.quench(&model, liquid(300), tolerance).unwrap();
        assert!(glass.balance().ratio() <= 1e-10);
        // The same bits again, and the energy that the minimiser said.
        assert_eq!(glass.configuration(), &converged.configuration);
        assert!((glass.energy() - converged.energy).abs() < 1e-11 * glass.energy());
        assert!(glass.energy() < 0.9 * start_energy);
    }
    // They took 666, 901, 1100, 631, 118 and 505 when this was written, Newton's method with 827 products.
    for (evaluations, expected) in evaluations.iter().zip([666, 901, 1100, 631, 118, 505]) {
        assert!(
            2 * evaluations < 3 * expected,
            "{evaluations} for {expected}"
        );
    }
}

#[test]
fn all_minimisers_find_the_same_minimum_from_close_by() {
    let (model, tolerance) = (mixture(), Tolerance::force_ratio(1e-11));
    let [conjugate_gradient, ..] = all();
    let glass = conjugate_gradient
        .quench(&model, liquid(200), tolerance)
        .unwrap();
    // A thousandth of the spacing: well inside the basin.
    let start = displaced(glass.configuration(), 1e-3, 5);
    for minimizer in all() {
        let again = minimizer.quench(&model, start.clone(), tolerance).unwrap();
        assert!((again.energy() - glass.energy()).abs() < 1e-10);
    }
}

#[test]
fn energies_fall_at_every_step_of_conjugate_gradients() {
    let model = mixture();
    let mut energies = Vec::new();
    let mut last = None;
    let converged = NonlinearConjugateGradient::default()
        .minimize_observed(
            &model,
            liquid(200),
            Tolerance::force_ratio(1e-10),
            &mut |progress| {
                energies.push(progress.energy);
                last = Some(*progress);
                ControlFlow::Continue(())
            },
        )
        .unwrap();
    for pair in energies.windows(2) {
        assert!(pair[1] <= pair[0] + 1e-10 * pair[0].abs());
    }
    assert_eq!(energies.len() as u64, converged.iterations + 1);
    assert_eq!(last.unwrap().iterations, converged.iterations);
}

/// Springs of natural length zero between all pairs of ten particles of three species: an energy that is
/// exactly quadratic, with five different stiffnesses.
#[derive(Clone)]
struct ZeroLength(f64);

impl Radial for ZeroLength {
    fn range(&self) -> f64 {
        4.0
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        squared_distance * S::constant(0.5 * self.0)
    }
}

fn quadratic() -> (SpeciesTable<ZeroLength>, Configuration<3>) {
    // From about 0.4 to 30: steepest descent would take hundreds of steps.
    let stiffness = [[10.0, 0.03, 0.02], [0.03, 1.0, 0.01], [0.02, 0.01, 0.1]];
    let model = SpeciesTable::new(3, |a, b| ZeroLength(stiffness[a][b])).unwrap();
    let cell = Cell::<3>::cubic(1, 1e-3).unwrap();
    let species = [0, 0, 0, 1, 1, 1, 1, 2, 2, 2].map(Species).to_vec();
    let centre = Configuration::new(cell, vec![[5.0; 3]; 10], species).unwrap();
    (model, displaced(&centre, 0.05, 8))
}

/// No bound on the ratio, which means nothing where interactions carry no force at the minimum.
fn absolute(floor: f64) -> Tolerance {
    Tolerance {
        force_ratio: 0.0,
        floor,
    }
}

#[test]
fn a_quadratic_energy_takes_as_many_steps_as_it_has_stiffnesses() {
    let (model, start) = quadratic();
    let mean: f64 = start.positions().iter().map(|x| x[1]).sum::<f64>() / 10.0;
    let converged = NonlinearConjugateGradient::default()
        .minimize(&model, start, absolute(1e-10))
        .unwrap();
    // Starting over when forces have fallen to a hundredth costs up to five steps more.
    assert!(converged.iterations <= 10, "{}", converged.iterations);
    for position in converged.configuration.positions() {
        assert!((position[1] - mean).abs() < 1e-10);
    }
}

/// A run that ends on interpolated forces evaluates them: there must be no difference.
#[test]
fn interpolation_is_exact_for_a_quadratic_energy() {
    let (model, start) = quadratic();
    let mut interpolated = 0;
    for floor in [0.3, 0.1, 0.03, 0.01] {
        let mut last = None;
        let converged = NonlinearConjugateGradient::default()
            .minimize_observed(&model, start.clone(), absolute(floor), &mut |progress| {
                last = Some(*progress);
                ControlFlow::Continue(())
            })
            .unwrap();
        let last = last.unwrap();
        // An evaluation after the last step tells that the step was interpolated.
        interpolated += converged.work.evaluations - last.work.evaluations;
        assert!((last.energy - converged.energy).abs() < 1e-12 * converged.energy);
        assert!((last.balance.net - converged.balance.net).abs() < 1e-12 * floor);
    }
    assert!(interpolated > 0);
}

/// A triangular lattice at its natural spacing: no interaction carries a force at the minimum, so only the
/// floor can end the run.
#[test]
fn unstressed_networks_converge_by_the_floor() {
    let model = SpeciesTable::uniform(Spring).unwrap();
    let cell = Cell::<2>::triclinic([[8.0, 0.0], [4.0, 4.0 * 3.0_f64.sqrt()]]).unwrap();
    let sites = (0..64).map(|n| cell.cartesian(&[n % 8, n / 8].map(|k| f64::from(k) / 8.0)));
    let lattice = Configuration::new(cell, sites.collect(), vec![Species(0); 64]).unwrap();
    let tolerance = Tolerance::force_ratio(1e-10);
    for minimizer in all() {
        let network = minimizer
            .quench(&model, displaced(&lattice, 0.03, 2), tolerance)
            .unwrap();
        assert!(network.balance().net <= tolerance.floor);
        assert!(network.energy() < 1e-24);
    }
}

#[test]
fn a_start_at_a_minimum_stays_there() {
    let (model, tolerance) = (mixture(), Tolerance::force_ratio(1e-10));
    let [conjugate_gradient, ..] = all();
    let glass = conjugate_gradient
        .quench(&model, liquid(200), tolerance)
        .unwrap();
    for minimizer in all() {
        let again = minimizer
            .minimize(&model, glass.configuration().clone(), tolerance)
            .unwrap();
        // A second minimiser, if there is one, evaluates once more.
        assert!(again.iterations == 0 && again.work.evaluations <= 2);
        assert_eq!(&again.configuration, glass.configuration());
    }
}

#[test]
fn limits_end_a_run_with_what_was_reached() {
    let model = mixture();
    let start_balance = ForceField::new(&model)
        .evaluate(&liquid(200))
        .unwrap()
        .balance();
    let fire = Fire {
        evaluation_limit: 60,
        ..Fire::default()
    };
    let conjugate_gradient = NonlinearConjugateGradient {
        evaluation_limit: 60,
        ..NonlinearConjugateGradient::default()
    };
    for minimizer in [
        &fire as &dyn Minimizer<3>,
        &conjugate_gradient as &dyn Minimizer<3>,
    ] {
        let tolerance = Tolerance::force_ratio(1e-10);
        let Err(QuenchError::Unconverged(error)) = minimizer.quench(&model, liquid(200), tolerance)
        else {
            panic!("60 evaluations are not enough");
        };
        assert_eq!(error.reason, Reason::EvaluationLimit { limit: 60 });
        assert_eq!(error.work.evaluations, 60);
        assert!(error.to_string().contains("60 force evaluations"));
        let reached = error.balance.unwrap();
        assert!(reached.net < 0.2 * start_balance.net);
        let mechanics = ForceField::new(&model)
            .evaluate(&error.configuration)
            .unwrap();
        assert!((mechanics.balance().net - reached.net).abs() < 1e-9 * reached.net);
    }
}

#[test]
fn an_observer_can_stop_a_run() {
    for minimizer in all() {
        let mut calls = 0;
        let error = minimizer
            .minimize_observed(
                &mixture(),
                liquid(100),
                Tolerance::force_ratio(1e-10),
                &mut |progress| {
                    assert_eq!(progress.iterations, calls);
                    calls += 1;
                    if calls > 7 {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                },
            )
            .unwrap_err();
        assert_eq!((error.reason, error.iterations), (Reason::Interrupted, 7));
    }
}

#[test]
fn coinciding_particles_and_lost_coordinates_are_refused() {
    let (model, tolerance) = (mixture(), Tolerance::force_ratio(1e-10));
    let mut coinciding = liquid(100);
    coinciding.positions_mut()[3] = coinciding.positions()[70];
    let mut lost = liquid(100);
    lost.positions_mut()[42][1] = f64::NAN;
    for minimizer in all() {
        let error = minimizer
            .minimize(&model, coinciding.clone(), tolerance)
            .unwrap_err();
        assert!(matches!(
            error.reason,
            Reason::Force(ForceError::Overlap {
                first: 3,
                second: 70,
                ..
            })
        ));
        assert_eq!(
            (error.balance, *error.configuration),
            (None, coinciding.clone())
        );
        let error = minimizer
            .minimize(&model, lost.clone(), tolerance)
            .unwrap_err();
        assert!(matches!(
            error.reason,
            Reason::Force(ForceError::Configuration(ConfigurationError::NotFinite {
                particle: 42,
                component: 1,
                ..
            }))
        ));
    }
}

/// The force is finite, 1e221; its square is not.
#[test]
fn forces_too_large_to_square_are_refused() {
    let mut start = liquid(100);
    start.positions_mut()[3] = [0.0; 3];
    start.positions_mut()[70] = [1e-20, 0.0, 0.0];
    for minimizer in all() {
        let outcome = minimizer.minimize(&mixture(), start.clone(), Tolerance::force_ratio(1e-10));
        let overlap = ForceError::Overlap {
            first: 3,
            second: 70,
            distance: 1e-20,
        };
        assert_eq!(outcome.unwrap_err().reason, Reason::Force(overlap));
    }
}

/// Two particles so close that their force is 1e17 times that of the others.
#[test]
fn a_violent_start_does_not_explode() {
    let model = mixture();
    let mut start = liquid(100);
    let other = start.positions()[70];
    start.positions_mut()[3] = other.map(|x| x + 0.02);
    for minimizer in all() {
        let glass = minimizer
            .quench(&model, start.clone(), Tolerance::force_ratio(1e-10))
            .unwrap();
        let moved = glass.configuration().positions().iter();
        let farthest = moved
            .zip(start.positions())
            .flat_map(|(a, b)| (0..3).map(|k| (a[k] - b[k]).abs()))
            .fold(0.0, f64::max);
        assert!(farthest < 3.0, "{farthest}");
    }
}

#[test]
fn a_tolerance_below_rounding_ends() {
    let model = mixture();
    let impossible = Tolerance {
        force_ratio: 1e-18,
        floor: 0.0,
    };
    let error = NonlinearConjugateGradient::default()
        .minimize(&model, liquid(100), impossible)
        .unwrap_err();
    assert_eq!(error.reason, Reason::Rounding);
    assert!(error.balance.unwrap().ratio() < 1e-13);
    assert!(error.work.evaluations < 2000);
}

#[test]
fn parameters_without_meaning_are_named() {
    let run = |minimizer: &dyn Minimizer<3>| {
        let outcome = minimizer.minimize(&mixture(), liquid(50), Tolerance::force_ratio(1e-10));
        outcome.unwrap_err().reason.to_string()
    };
    let fire = Fire {
        largest_time_step: -0.1,
        ..Fire::default()
    };
    assert_eq!(
        run(&fire),
        "the parameter largest_time_step is -0.1: it must be a positive number"
    );
    let fire = Fire {
        mixing: f64::NAN,
        ..Fire::default()
    };
    assert!(run(&fire).contains("mixing is NaN"));
    let conjugate_gradient = NonlinearConjugateGradient {
        largest_displacement: 0.0,
        ..NonlinearConjugateGradient::default()
    };
    assert!(run(&conjugate_gradient).contains("largest_displacement is 0"));
}

/// The displacement in a step is capped, also along the way to a line search's end.
#[test]
fn no_particle_moves_farther_than_allowed_in_a_step() {
    let model = mixture();
    let cap = 0.02;
    let short = |evaluation_limit| NonlinearConjugateGradient {
        largest_displacement: cap,
        evaluation_limit,
    };
    let start = liquid(100);
    let spacing = start.mean_spacing();
    let error = short(30)
        .minimize(&model, start.clone(), Tolerance::force_ratio(1e-10))
        .unwrap_err();
    let moved = error
        .configuration
        .positions()
        .iter()
        .zip(start.positions());
    let farthest = moved
        .map(|(a, b)| (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt())
        .fold(0.0, f64::max);
    assert!(farthest <= (error.iterations + 1) as f64 * cap * spacing * (1.0 + 1e-12));
}
