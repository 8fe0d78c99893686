//! The liquid at one temperature: what all its runs share, and how a run begins.
//!
//! Runs advance in segments of a fixed number of steps. Between segments everything that the rest
//! of a run depends on is in a serialisable state, and each segment starts with a new neighbour list: a
//! run that was interrupted and resumed has the same bits as one that was not.

mod equilibration;
mod production;
mod search;

pub(crate) use equilibration::{Equilibrated, Equilibration, Reached, slowest};
pub(crate) use production::{LiquidRuns, Plan, Production, Statics, Window};
pub(crate) use search::{Search, curvature_temperature};

use crate::study::Resolved;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use vitreous::md_core::{
    Configuration, ForceField, NoseHoover, NoseHooverState, PhasePoint, Potential, Seed, Tolerance,
    Trajectory,
};
use vitreous::minimize::{Fire, Minimizer};
use vitreous::observables::{
    LogSchedule, SelfCorrelations, SelfCorrelator, WaveVectors, relaxation,
};

/// What a run needs to know, the same for all runs of a study at one temperature.
pub(crate) struct Bath<'a, const D: usize> {
    pub(crate) study: &'a Resolved,
    pub(crate) potential: &'a dyn Potential<D>,
    pub(crate) temperature: f64,
    integrator: NoseHoover,
    wave_vectors: Vec<WaveVectors<D>>,
}

/// A phase point with its thermostat.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Motion<const D: usize> {
    point: PhasePoint<D>,
    thermostat: NoseHooverState,
}

/// A random lattice, a few steps downhill so that particles do not overlap; where they end does not matter.
fn soft_start<const D: usize>(
    study: &Resolved,
    potential: &dyn Potential<D>,
    seed: Seed,
) -> Result<Configuration<D>> {
    let particles = study.study.particles;
    let mut lattice = Configuration::random(particles, study.density, &study.composition, seed)?;
    if let Some(diameters) = study.model.diameters(particles)? {
        lattice = lattice.with_shuffled_diameters(diameters, seed)?;
    }
    let soft = Fire {
        evaluation_limit: 200,
        ..Fire::default()
    };
    Ok(
        match soft.minimize(potential, lattice, Tolerance::force_ratio(1e-2)) {
            Ok(converged) => converged.configuration,
            Err(unconverged) => *unconverged.configuration,
        },
    )
}

impl<'a, const D: usize> Bath<'a, D> {
    pub(crate) fn new(
        study: &'a Resolved,
        potential: &'a dyn Potential<D>,
        temperature: f64,
    ) -> Result<Self> {
        let cell = vitreous::md_core::Cell::<D>::cubic(study.study.particles, study.density)?;
        let smallest = cell.heights().into_iter().fold(f64::INFINITY, f64::min);
        anyhow::ensure!(
            smallest > 2.0 * potential.range(),
            "particles is {}: a box of edge {smallest:.4} must be longer than twice the range {:.4} of model '{}'; use at least {} particles",
            study.study.particles,
            potential.range(),
            study.study.model,
            ((2.0 * potential.range()).powi(D as i32) * study.density).ceil() + 1.0
        );
        let wave_vectors = study
            .wave_numbers
            .iter()
            .map(|&wave_number| {
                let width = WaveVectors::default_width(cell.vectors(), wave_number)?;
                Ok(WaveVectors::shell(cell.vectors(), wave_number, width)?
                    .limited_to(study.study.production.wave_vectors))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            study,
            potential,
            temperature,
            integrator: NoseHoover::new(study.time_step, temperature, study.coupling_time)?
                .with_chain_length(study.chain_length)?,
            wave_vectors,
        })
    }

    /// The unit of time `t0 = a0/sqrt(T)` in steps.
    pub(crate) fn time_unit(&self) -> f64 {
        let spacing = self.study.density.powf(-1.0 / D as f64);
        spacing / self.temperature.sqrt() / self.study.time_step
    }

    fn correlator(
        &self,
        liquid: &Configuration<D>,
        longest_lag: u64,
        origin_interval: u64,
    ) -> Result<SelfCorrelator<D>> {
        let species: Vec<u8> = liquid.species().iter().map(|species| species.0).collect();
        let per_decade = self.study.study.production.lags_per_decade;
        let schedule = LogSchedule::new(1, longest_lag.max(1), per_decade)?;
        let wave_vectors = self.wave_vectors.clone();
        Ok(SelfCorrelator::new(
            &species,
            wave_vectors,
            schedule,
            origin_interval.max(1),
        )?)
    }

    fn forces(&self) -> ForceField<'a, D> {
        let precision = self.study.study.liquid.precision.unwrap_or_default();
        ForceField::new(self.potential).with_precision(precision)
    }

    fn trajectory(&self, motion: &Motion<D>) -> Result<Trajectory<'a, D, NoseHoover>> {
        self.trajectory_of(self.integrator, motion)
    }

    fn trajectory_of(
        &self,
        integrator: NoseHoover,
        motion: &Motion<D>,
    ) -> Result<Trajectory<'a, D, NoseHoover>> {
        let forces = self.forces();
        let Motion { point, thermostat } = motion.clone();
        Ok(Trajectory::resume(integrator, forces, point, thermostat)?)
    }

    fn segment(&self) -> u64 {
        self.study.checkpoint_interval
    }

    /// A time step that moves particles at another temperature as far as the study's does at its own.
    fn time_step_at(&self, temperature: f64) -> f64 {
        self.study.time_step * (self.temperature / temperature).sqrt().min(1.0)
    }

    /// Puts particles on a random lattice and melts it.
    fn melt(&self, seed: Seed) -> Result<Configuration<D>> {
        let start = soft_start(self.study, self.potential, seed)?;
        let hot = self.study.melting_temperature;
        let point = PhasePoint::maxwell_boltzmann(start, hot, seed.derive("hot", &[]))?;
        let thermostat = NoseHoover::new(self.time_step_at(hot), hot, self.study.coupling_time)?;
        let mut melting = Trajectory::start(thermostat, self.forces(), point)
            .context("while melting the initial lattice")?;
        melting
            .advance((20.0 * self.time_unit()) as u64)
            .context("while melting the initial lattice")?;
        Ok(melting.into_parts().0.configuration)
    }

    fn motion(&self, point: PhasePoint<D>) -> Motion<D> {
        use vitreous::md_core::Integrator;
        let thermostat = Integrator::<D>::initial_state(&self.integrator);
        Motion { point, thermostat }
    }
}

/// `tau_alpha` of species A in steps, `None` if `F_s` does not fall to the threshold.
pub(crate) fn relaxation_time(correlations: &SelfCorrelations) -> Option<f64> {
    let steps = correlations.times(1.0);
    let scattering = &correlations.species.first()?.self_scattering.values;
    relaxation::relaxation_time(&steps, scattering, relaxation::THRESHOLD).ok()
}
