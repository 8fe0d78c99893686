//! The conformance kit over everything that the library ships: decorators, models, polydisperse particles.

use vitreous::potentials::{
    Contact, Ended, Formula, Model, PotentialShifted, Shift, SoftSphere, StickySphere,
    StillingerWeber, Tabulated,
};
use vitreous::prelude::*;
use vitreous_conformance::proptest::prelude::*;
use vitreous_conformance::{
    RadialContract, Sample, check_potential, check_radial, conformance, prove, prove_potential,
};

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

/// A cut-off beyond the minimum, where the core ends.
fn sticky_sphere() -> impl Strategy<Value = (StickySphere, f64)> {
    (0.1..5.0, 0.5..2.0, 1.05..2.5).prop_map(|(energy, length, reduced)| {
        let minimum = 2.0_f64.powf(1.0 / 6.0) * length;
        let sphere = StickySphere::new(energy, length, reduced * minimum).unwrap();
        (sphere, minimum)
    })
}

#[test]
fn sticky_spheres() {
    prove("sticky spheres", &sticky_sphere(), |&(sphere, minimum)| {
        let contract = RadialContract::default().continuity(2).joint(minimum, 2);
        check_radial(&sphere, &contract.smallest(0.6 * minimum))
    });
}

fn soft_sphere(contact: Contact) -> impl Strategy<Value = SoftSphere> {
    (0.1..5.0, 0.5..2.0).prop_map(move |(energy, length)| SoftSphere::new(contact, energy, length))
}

conformance!(
    harmonic_spheres,
    soft_sphere(Contact::Harmonic),
    continuity = 1
);
conformance!(
    hertzian_spheres,
    soft_sphere(Contact::Hertzian),
    continuity = 2
);

/// Every parameter of the model at random, the angle without energy included.
fn stillinger_weber() -> impl Strategy<Value = StillingerWeber> {
    (0.2..3.0, 0.5..2.0, 1.4..2.2, 5.0..40.0, 0.5..2.0, -0.9..0.9).prop_map(
        |(energy, length, reduced_cutoff, angle_strength, angle_decay, cosine)| StillingerWeber {
            energy,
            length,
            reduced_cutoff,
            angle_strength,
            angle_decay,
            cosine,
            ..StillingerWeber::default()
        },
    )
}

conformance!(
    stillinger_weber_pairs,
    stillinger_weber().prop_map(|model| model.pair().unwrap()),
    continuity = 4
);
conformance!(
    stillinger_weber_angles: triplet,
    stillinger_weber().prop_map(|model| model.angle().unwrap()),
    continuity = 2
);

/// The end chosen at run time, of a formula with constants at random.
fn formula() -> impl Strategy<Value = Ended<Formula>> {
    (0.5..2.0, 0.5..1.5, 2.0..4.0).prop_map(|(depth, width, cutoff)| {
        let constants = [("depth", depth), ("width", width)];
        let constants = constants
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        let text = "depth*(exp(-2*(r-1)/width) - 2*exp((1-r)/width)) + cos(3*r)/(1 + r^3)^1.5";
        let formula = Formula::new(text, &constants).unwrap();
        Ended::new(formula, cutoff, Shift::Smooth(3)).unwrap()
    })
}

conformance!(formulas, formula(), continuity = 3);

#[test]
fn tables() {
    let values = prop::collection::vec((0.1..0.4, -1.0..1.0), 6);
    prove("tables", &values, |values| {
        let mut distance = 0.8;
        let points: Vec<[f64; 2]> = values
            .iter()
            .map(|&(width, energy)| {
                distance += width;
                [distance, energy]
            })
            .collect();
        let table = Tabulated::new(&points).unwrap();
        let mut contract = RadialContract::default().smallest(points[0][0] + 1e-6);
        for [knot, _] in &points[1..5] {
            contract = contract.joint(*knot, 2);
        }
        check_radial(&table, &contract)
    });
}

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
        let mut sample = Sample::default()
            .density(density)
            .species(model.labels().len());
        if model.diameters(1).unwrap().is_some() {
            sample = sample.diameters(0.73..1.4);
        }
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
