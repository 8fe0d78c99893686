//! The conformance kit over everything that the library ships: decorators, models, polydisperse particles.

use vitreous::potentials::{Model, PotentialShifted};
use vitreous::prelude::*;
use vitreous_conformance::proptest::prelude::*;
use vitreous_conformance::{Sample, check_potential, conformance, prove_potential};

/// A function with every parameter at random, and the cut-off at which a decorator ends it.
fn lennard_jones() -> impl Strategy<Value = (LennardJones, f64)> {
    (0.1..5.0, 0.5..2.0, 1.2..3.0)
        .prop_map(|(energy, length, reduced)| (LennardJones::new(energy, length), reduced * length))
}

fn inverse_power() -> impl Strategy<Value = (InversePower, f64)> {
    (0.1..5.0, 0.5..2.0, 1.1..2.6, 1..31_u32).prop_map(|(energy, length, reduced, exponent)| {
        (
            InversePower::new(energy, length, exponent),
            reduced * length,
        )
    })
}

fn smoothed<const CONDITIONS: usize>() -> impl Strategy<Value = Smoothed<InversePower, CONDITIONS>>
{
    inverse_power().prop_map(|(function, cutoff)| Smoothed::new(function, cutoff).unwrap())
}

conformance!(
    truncated,
    lennard_jones().prop_map(|(f, cutoff)| Truncated::new(f, cutoff).unwrap())
);
conformance!(
    potential_shifted,
    lennard_jones().prop_map(|(f, cutoff)| PotentialShifted::new(f, cutoff).unwrap()),
    continuity = 0
);
conformance!(
    force_shifted,
    lennard_jones().prop_map(|(f, cutoff)| ForceShifted::new(f, cutoff).unwrap()),
    continuity = 1
);
conformance!(
    force_shifted_inverse_power,
    inverse_power().prop_map(|(f, cutoff)| ForceShifted::new(f, cutoff).unwrap()),
    continuity = 1
);
conformance!(smoothed_by_two_conditions, smoothed::<2>(), continuity = 1);
conformance!(smoothed_by_four_conditions, smoothed::<4>(), continuity = 3);
conformance!(smoothed_by_five_conditions, smoothed::<5>(), continuity = 4);
conformance!(
    bare_inverse_power,
    inverse_power().prop_map(|(function, _)| function),
    smallest = 0.4,
    largest = 4.0
);

fn polydisperse() -> impl Strategy<Value = Polydisperse<Smoothed<InversePower, 3>>> {
    (0.5..2.0, 8..14_u32, 1.2..1.6, -0.3..0.3).prop_map(
        |(energy, exponent, cutoff, non_additivity)| {
            let soft = Smoothed::new(InversePower::new(energy, 1.0, exponent), cutoff).unwrap();
            Polydisperse::new(soft, non_additivity, 1.3).unwrap()
        },
    )
}

conformance!(
    polydisperse_particles: potential,
    polydisperse(),
    density = 1.0,
    diameters = 0.7..1.3
);

/// A model with its positive parameters multiplied by factors near one, where they may be.
fn vary(model: &Model, factors: &[f64]) -> Model {
    let mut varied = model.clone();
    for (parameter, factor) in model.parameters().iter().zip(factors.iter().cycle()) {
        let positive = parameter.value.parse::<f64>().ok().filter(|&x| x > 0.0);
        if let Some(value) = positive {
            let mut trial = varied.clone();
            let set = trial.set(&parameter.key, &(factor * value).to_string());
            if set.is_ok() && trial.potential::<3>().is_ok() {
                varied = trial;
            }
        }
    }
    varied
}

fn catalogue<const D: usize>() {
    for model in Catalogue::models() {
        let density = model.usual_mixture(D).map_or(0.9, |usual| usual.density);
        let sample = Sample::default()
            .density(density)
            .species(model.labels.len());
        let varied = prop::collection::vec(0.9..1.1, 17).prop_map({
            let model = model.clone();
            move |factors| vary(&model, &factors)
        });
        prove_potential::<D, _>(model.name, varied, &sample, |model, state| {
            check_potential(&*model.potential::<D>().unwrap(), state)
        });
    }
}

#[test]
fn models_in_two_dimensions() {
    catalogue::<2>();
}

#[test]
fn models_in_three_dimensions() {
    catalogue::<3>();
}
