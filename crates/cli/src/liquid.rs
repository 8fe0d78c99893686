//! One run of the liquid at one temperature: melt, equilibrate, measure.
//!
//! Both stages advance in segments of a fixed number of steps. Between segments everything that the rest
//! of the run depends on is in a serialisable state, and each segment starts with a new neighbour list: a
//! run that was interrupted and resumed has the same bits as one that was not.

use crate::storage::Key;
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

/// A run on its way to equilibrium: windows of doubling length, each measured on its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Equilibration<const D: usize> {
    motion: Motion<D>,
    /// The number of the window, from 0.
    window: u32,
    /// The step at which it began.
    begun: u64,
    correlator: SelfCorrelator<D>,
    pub(crate) outcome: Option<Equilibrated>,
}

/// How equilibration ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Equilibrated {
    /// The last window was long enough; `tau_alpha` in steps, as measured there.
    RelaxationTime(f64),
    /// The limit was reached before.
    TooSlow,
}

/// How far the equilibration of a run is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// The number of the window, from 0.
    pub(crate) window: u32,
    /// Steps made so far.
    pub(crate) steps: u64,
    /// Steps expected in all; more if the relaxation time is not known yet or rises.
    pub(crate) expected: u64,
    /// `tau_alpha` in `t0`, as far as it is known.
    pub(crate) relaxation_time: Option<f64>,
    /// Steps of the production run that this relaxation time asks for.
    pub(crate) production: Option<u64>,
    /// Whether it ended in equilibrium, once it ended.
    pub(crate) equilibrated: Option<bool>,
}

/// The lengths of a production run, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Each of the two halves.
    half: u64,
    longest_lag: u64,
    origin_interval: u64,
    snapshot_interval: u64,
}

impl Plan {
    /// The plan for a relaxation time given in steps.
    pub(crate) fn new(study: &Resolved, relaxation_time: f64) -> Self {
        let production = study.study.production;
        let steps =
            |relaxation_times: f64| (relaxation_times * relaxation_time).ceil().max(1.0) as u64;
        let half = steps(0.5 * production.relaxation_times).max(20);
        Self {
            half,
            longest_lag: steps(production.longest_lag).clamp(2, half),
            origin_interval: steps(0.1),
            snapshot_interval: 2 * half / study.study.glasses.per_run,
        }
    }

    /// The number of steps of the whole run.
    pub(crate) fn steps(&self) -> u64 {
        2 * self.half
    }
}

/// A production run: correlations in two halves, static averages, and snapshots to quench.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Production<const D: usize> {
    motion: Motion<D>,
    begun: u64,
    /// The correlations of the first and the second half.
    pub(crate) halves: [SelfCorrelator<D>; 2],
    pub(crate) statics: Statics,
    pub(crate) snapshots: Vec<Configuration<D>>,
    /// The conserved quantity at the start.
    conserved: f64,
    pub(crate) done: bool,
}

impl<const D: usize> Production<D> {
    /// The number of steps made so far.
    pub(crate) fn steps(&self) -> u64 {
        self.motion.point.step - self.begun
    }
}

/// What was measured in the liquid at one temperature.
pub(crate) struct LiquidRuns<const D: usize> {
    /// The index of the temperature.
    pub(crate) temperature: usize,
    pub(crate) runs: Vec<Production<D>>,
    /// The keys under which they are stored.
    pub(crate) keys: Vec<Key>,
}

/// Sums over the frames of a production run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statics {
    frames: u64,
    potential_energy: f64,
    kinetic_temperature: f64,
    pressure: f64,
    /// The change of the conserved quantity from the start to the last frame, per particle.
    pub(crate) drift: f64,
}

impl Statics {
    fn mean(&self, sum: f64) -> f64 {
        sum / self.frames.max(1) as f64
    }
    /// The mean potential energy (extensive).
    pub(crate) fn potential_energy(&self) -> f64 {
        self.mean(self.potential_energy)
    }
    /// The mean kinetic temperature.
    pub(crate) fn kinetic_temperature(&self) -> f64 {
        self.mean(self.kinetic_temperature)
    }
    /// The mean potential part of the pressure.
    pub(crate) fn pressure(&self) -> f64 {
        self.mean(self.pressure)
    }
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
    fn time_unit(&self) -> f64 {
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

    fn trajectory(&self, motion: &Motion<D>) -> Result<Trajectory<'a, D, NoseHoover>> {
        let forces = ForceField::new(self.potential);
        let Motion { point, thermostat } = motion.clone();
        Ok(Trajectory::resume(
            self.integrator,
            forces,
            point,
            thermostat,
        )?)
    }

    fn segment(&self) -> u64 {
        self.study.checkpoint_interval
    }

    /// How far a run is, or one that has not begun.
    pub(crate) fn reached(&self, state: Option<&Equilibration<D>>) -> Reached {
        let settings = self.study.study.equilibration;
        let relaxation_time = match state.map(|state| (state.outcome, &state.correlator)) {
            Some((Some(Equilibrated::RelaxationTime(tau)), _)) => Some(tau),
            Some((_, correlator)) => relaxation_time(&correlator.finish()),
            None => None,
        };
        let mut window = state.map_or(0, |state| state.window);
        let mut end = state.map_or(0, |state| state.begun) + self.window(window);
        let enough = relaxation_time.unwrap_or(0.0) * settings.relaxation_times;
        let limit = settings.longest * self.time_unit();
        while (window == 0 || enough > self.window(window) as f64) && (end as f64) < limit {
            window += 1;
            end += self.window(window);
        }
        let steps = state.map_or(0, |state| state.motion.point.step);
        let outcome = state.and_then(|state| state.outcome);
        Reached {
            window: state.map_or(0, |state| state.window),
            steps,
            expected: if outcome.is_some() { steps } else { end },
            relaxation_time: relaxation_time.map(|tau| tau / self.time_unit()),
            production: relaxation_time.map(|tau| Plan::new(self.study, tau).steps()),
            equilibrated: outcome.map(|outcome| outcome != Equilibrated::TooSlow),
        }
    }

    /// The length of a window in steps.
    fn window(&self, number: u32) -> u64 {
        let first = self.study.study.equilibration.first_window * self.time_unit();
        // At most 63 doublings: the limit on the whole run ends it long before.
        ((first * 2.0_f64.powi(number.min(63) as i32)) as u64).max(100)
    }

    fn window_correlator(
        &self,
        liquid: &Configuration<D>,
        number: u32,
    ) -> Result<SelfCorrelator<D>> {
        let length = self.window(number);
        self.correlator(liquid, length / 2, length / 25)
    }

    /// Puts particles on a random lattice, melts it, and begins to equilibrate.
    pub(crate) fn melt(&self, run: u64) -> Result<Equilibration<D>> {
        let study = self.study;
        let seed = Seed(study.study.seed).derive("liquid", &[self.temperature.to_bits(), run]);
        let particles = study.study.particles;
        let mut lattice =
            Configuration::random(particles, study.density, &study.composition, seed)?;
        if let Some(diameters) = study.model.diameters(particles)? {
            lattice = lattice.with_shuffled_diameters(diameters, seed)?;
        }
        // A few steps downhill take away overlaps; where they end does not matter.
        let soft = Fire {
            evaluation_limit: 200,
            ..Fire::default()
        };
        let start = match soft.minimize(self.potential, lattice, Tolerance::force_ratio(1e-2)) {
            Ok(converged) => converged.configuration,
            Err(unconverged) => *unconverged.configuration,
        };
        let hot = study.melting_temperature;
        let point = PhasePoint::maxwell_boltzmann(start, hot, seed.derive("hot", &[]))?;
        // A shorter step where particles are faster: the same displacement per step as at T.
        let time_step = study.time_step * (self.temperature / hot).sqrt().min(1.0);
        let thermostat = NoseHoover::new(time_step, hot, study.coupling_time)?;
        let mut melting = Trajectory::start(thermostat, ForceField::new(self.potential), point)
            .context("while melting the initial lattice")?;
        melting
            .advance((20.0 * self.time_unit()) as u64)
            .context("while melting the initial lattice")?;
        let (point, _) = melting.into_parts();
        let point = PhasePoint::maxwell_boltzmann(
            point.configuration,
            self.temperature,
            seed.derive("cold", &[]),
        )?;
        Ok(Equilibration {
            correlator: self.window_correlator(&point.configuration, 0)?,
            motion: self.motion(point),
            window: 0,
            begun: 0,
            outcome: None,
        })
    }

    fn motion(&self, point: PhasePoint<D>) -> Motion<D> {
        use vitreous::md_core::Integrator;
        let thermostat = Integrator::<D>::initial_state(&self.integrator);
        Motion { point, thermostat }
    }

    /// Advances by at most one segment, to the end of the window at most. Returns the number of steps made.
    pub(crate) fn equilibrate(&self, state: &mut Equilibration<D>) -> Result<u64> {
        let mut trajectory = self.trajectory(&state.motion)?;
        let limit = self.study.study.equilibration.longest * self.time_unit();
        let start = trajectory.point().step;
        while state.outcome.is_none() && trajectory.point().step - start < self.segment() {
            let now = trajectory.point().step - state.begun;
            let end = self.window(state.window);
            if now == state.correlator.next_step() {
                state
                    .correlator
                    .push(now, trajectory.point().configuration.positions())?;
            }
            if now == end {
                let total = trajectory.point().step as f64;
                let enough = self.study.study.equilibration.relaxation_times;
                // The first window only forgets the melt: it never counts.
                match relaxation_time(&state.correlator.finish()) {
                    Some(tau) if state.window > 0 && enough * tau <= end as f64 => {
                        state.outcome = Some(Equilibrated::RelaxationTime(tau));
                    }
                    _ if total >= limit => state.outcome = Some(Equilibrated::TooSlow),
                    _ => {
                        state.window += 1;
                        state.begun = trajectory.point().step;
                        state.correlator = self
                            .window_correlator(&trajectory.point().configuration, state.window)?;
                    }
                }
                // A segment ends here in any case: a run that ended too slow and goes on since the limit was
                // raised has the bits of one that never met a limit.
                break;
            }
            let left = self.segment() - (trajectory.point().step - start);
            trajectory.advance((state.correlator.next_step().min(end) - now).min(left))?;
        }
        let (point, thermostat) = trajectory.into_parts();
        let made = point.step - start;
        state.motion = Motion { point, thermostat };
        Ok(made)
    }

    /// Begins to measure where equilibration ended.
    pub(crate) fn produce(
        &self,
        equilibrated: &Equilibration<D>,
        plan: &Plan,
    ) -> Result<Production<D>> {
        let motion = equilibrated.motion.clone();
        let correlator = || {
            self.correlator(
                &motion.point.configuration,
                plan.longest_lag,
                plan.origin_interval,
            )
        };
        Ok(Production {
            begun: motion.point.step,
            halves: [correlator()?, correlator()?],
            statics: Statics::default(),
            snapshots: Vec::new(),
            conserved: self.trajectory(&motion)?.conserved(),
            done: false,
            motion,
        })
    }

    /// Advances by at most one segment. Returns the number of steps made.
    pub(crate) fn measure(&self, state: &mut Production<D>, plan: &Plan) -> Result<u64> {
        let mut trajectory = self.trajectory(&state.motion)?;
        let particles = self.study.study.particles as f64;
        let start = trajectory.point().step;
        while !state.done && trajectory.point().step - start < self.segment() {
            let now = trajectory.point().step - state.begun;
            // The last frame of the first half is the first of the second.
            for (half, correlator) in state.halves.iter_mut().enumerate() {
                let begun = half as u64 * plan.half;
                let inside = (begun..=begun + plan.half).contains(&now);
                if inside && now - begun == correlator.next_step() {
                    correlator.push(now - begun, trajectory.point().configuration.positions())?;
                }
            }
            if now.is_multiple_of(plan.origin_interval) {
                let statics = &mut state.statics;
                statics.frames += 1;
                statics.potential_energy += trajectory.mechanics().energy();
                statics.kinetic_temperature += trajectory.point().temperature();
                statics.pressure += trajectory.mechanics().pressure();
                statics.drift = (trajectory.conserved() - state.conserved) / particles;
            }
            let per_run = self.study.study.glasses.per_run as usize;
            if now > 0
                && now.is_multiple_of(plan.snapshot_interval)
                && state.snapshots.len() < per_run
            {
                state
                    .snapshots
                    .push(trajectory.point().configuration.clone());
            }
            if now == plan.steps() {
                state.done = true;
                break;
            }
            let half = usize::from(now >= plan.half);
            let next = [
                half as u64 * plan.half + state.halves[half].next_step(),
                (half as u64 + 1) * plan.half,
                (now / plan.snapshot_interval + 1) * plan.snapshot_interval,
                (now / plan.origin_interval + 1) * plan.origin_interval,
            ]
            .into_iter()
            .fold(u64::MAX, u64::min);
            let left = self.segment() - (trajectory.point().step - start);
            trajectory.advance((next - now).min(left))?;
        }
        let (point, thermostat) = trajectory.into_parts();
        let made = point.step - start;
        state.motion = Motion { point, thermostat };
        Ok(made)
    }
}

/// `tau_alpha` of species A in steps, `None` if `F_s` does not fall to the threshold.
pub(crate) fn relaxation_time(correlations: &SelfCorrelations) -> Option<f64> {
    let steps = correlations.times(1.0);
    let scattering = &correlations.species.first()?.self_scattering.values;
    relaxation::relaxation_time(&steps, scattering, relaxation::THRESHOLD).ok()
}
