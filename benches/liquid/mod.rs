//! Liquids of the catalogue's models, to start benches from.

use vitreous::prelude::*;

/// A liquid of a model at its usual density after so many steps from a disturbed lattice, and what drives it.
pub(crate) fn liquid(
    name: &str,
    temperature: f64,
    (particles, steps): (usize, u64),
    potential: &dyn Potential<3>,
) -> (NoseHoover, PhasePoint<3>) {
    let mixture = Catalogue::find(name).unwrap().usual_mixture(3).unwrap();
    let start =
        Configuration::random(particles, mixture.density, &mixture.composition, Seed(1)).unwrap();
    let point = PhasePoint::maxwell_boltzmann(start, temperature, Seed(1)).unwrap();
    let thermostat =
        NoseHoover::new(mixture.time_step, temperature, mixture.coupling_time).unwrap();
    let mut run = Trajectory::start(thermostat, ForceField::new(potential), point).unwrap();
    run.advance(steps).unwrap();
    (thermostat, run.into_parts().0)
}
