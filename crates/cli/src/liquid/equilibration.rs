//! From the melt to equilibrium.

use super::{Bath, Motion, Plan, Window, relaxation_time};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use vitreous::md_core::{Configuration, NoseHoover, PhasePoint, Seed};
use vitreous::observables::SelfCorrelator;

/// Steps of temperature in which a ramp cools, at most.
const RAMP_STAIRS: f64 = 1000.0;
/// Steps of molecular dynamics on each of them, at least.
const STAIR: u64 = 100;

/// A run on its way to equilibrium: windows of doubling length, each measured on its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Equilibration<const D: usize> {
    pub(super) motion: Motion<D>,
    /// How long a ramp has cooled so far (a time); `None` when there is no ramp, or it has ended.
    cooling: Option<f64>,
    /// The step at which the first window began.
    started: u64,
    /// The number of the window, from 0.
    window: u32,
    /// The step at which it began.
    begun: u64,
    correlator: SelfCorrelator<D>,
    /// How many relaxation times a window must be long.
    enough: f64,
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
    /// Steps made so far, after a ramp.
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

/// The relaxation time (in steps) of the slowest run of a temperature, `None` if one was too slow.
pub(crate) fn slowest<const D: usize>(runs: &[Equilibration<D>]) -> Option<f64> {
    runs.iter()
        .try_fold(0.0, |slowest: f64, run| match run.outcome {
            Some(Equilibrated::RelaxationTime(tau)) => Some(slowest.max(tau)),
            _ => None,
        })
}

impl<const D: usize> Bath<'_, D> {
    /// Melts a lattice and begins to equilibrate, by a ramp if the study has a rate of cooling, else at once.
    pub(crate) fn prepare(&self, run: u64) -> Result<Equilibration<D>> {
        let seed = Seed(self.study.study.seed).derive("liquid", &[self.temperature.to_bits(), run]);
        let melt = self.melt(seed)?;
        let settings = self.study.study.equilibration;
        if settings.cooling_rate.is_none() {
            return self.begin(melt, self.temperature, settings.relaxation_times, seed);
        }
        let hot = self.study.melting_temperature;
        let mut state = self.begin(melt, hot, settings.relaxation_times, seed)?;
        state.cooling = Some(0.0);
        Ok(state)
    }

    /// Begins to equilibrate a configuration with new velocities, until a window was `enough` relaxation times long.
    pub(super) fn begin(
        &self,
        start: Configuration<D>,
        temperature: f64,
        enough: f64,
        seed: Seed,
    ) -> Result<Equilibration<D>> {
        let point = PhasePoint::maxwell_boltzmann(start, temperature, seed.derive("cold", &[]))?;
        Ok(Equilibration {
            correlator: self.window_correlator(&point.configuration, 0)?,
            motion: self.motion(point),
            cooling: None,
            started: 0,
            window: 0,
            begun: 0,
            enough,
            outcome: None,
        })
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

    /// The longest that equilibration may take, in steps.
    pub(crate) fn patience(&self) -> f64 {
        self.study.study.equilibration.longest * self.time_unit()
    }

    /// How far a run is, or one that has not begun.
    pub(crate) fn reached(&self, state: Option<&Equilibration<D>>) -> Reached {
        let outcome = state.and_then(|state| state.outcome);
        let relaxation_time = match (outcome, state) {
            (Some(Equilibrated::RelaxationTime(tau)), _) => Some(tau),
            (_, Some(state)) => relaxation_time(&state.correlator.finish()),
            (_, None) => None,
        };
        let current = state.map_or(0, |state| state.window);
        let mut window = current;
        let mut expected =
            state.map_or(0, |state| state.begun - state.started) + self.window(window);
        let enough =
            relaxation_time.unwrap_or(0.0) * self.study.study.equilibration.relaxation_times;
        while (window == 0 || enough > self.window(window) as f64)
            && (expected as f64) < self.patience()
        {
            window += 1;
            expected += self.window(window);
        }
        let steps = state.map_or(0, |state| state.motion.point.step - state.started);
        let plan = relaxation_time.map(|tau| Plan::new(self.study, tau));
        Reached {
            window: current,
            steps,
            expected: if outcome.is_some() { steps } else { expected },
            relaxation_time: relaxation_time.map(|tau| tau / self.time_unit()),
            production: plan.map(|plan| plan.steps(Window::start().end())),
            equilibrated: outcome.map(|outcome| outcome != Equilibrated::TooSlow),
        }
    }

    /// Advances by about one segment, at most, and no further than the end of a window. Returns the number of steps made.
    pub(crate) fn equilibrate(&self, state: &mut Equilibration<D>) -> Result<u64> {
        if let (Some(elapsed), Some(rate)) =
            (state.cooling, self.study.study.equilibration.cooling_rate)
        {
            return self
                .cool(state, elapsed, rate)
                .context("while cooling the melt");
        }
        let mut trajectory = self.trajectory(&state.motion)?;
        let start = trajectory.point().step;
        while trajectory.point().step - start < self.segment() {
            let now = trajectory.point().step - state.begun;
            let end = self.window(state.window);
            if now == state.correlator.next_step() {
                state
                    .correlator
                    .push(now, trajectory.point().configuration.positions())?;
            }
            if now == end {
                let total = (trajectory.point().step - state.started) as f64;
                // The first window only forgets the melt: it never counts.
                match relaxation_time(&state.correlator.finish()) {
                    Some(tau) if state.window > 0 && state.enough * tau <= end as f64 => {
                        state.outcome = Some(Equilibrated::RelaxationTime(tau));
                    }
                    _ if total >= self.patience() => state.outcome = Some(Equilibrated::TooSlow),
                    _ => {
                        state.window += 1;
                        state.begun = trajectory.point().step;
                        state.correlator = self
                            .window_correlator(&trajectory.point().configuration, state.window)?;
                    }
                }
                // A run that is given up may go on one day: every decision ends a segment, so that the bits are the same.
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

    /// Cools down from the melt at a rate (a temperature over a time), in small stairs: each has the temperature of
    /// the ramp in its middle.
    fn cool(&self, state: &mut Equilibration<D>, elapsed: f64, rate: f64) -> Result<u64> {
        let hot = self.study.melting_temperature;
        let whole = (hot - self.temperature) / rate;
        let start = state.motion.point.step;
        let mut elapsed = elapsed;
        while elapsed < whole && state.motion.point.step - start < self.segment() {
            let time_step = self.time_step_at(hot - rate * elapsed);
            let steps = ((whole / RAMP_STAIRS / time_step) as u64).max(STAIR);
            let duration = steps as f64 * time_step;
            let middle = (hot - rate * (elapsed + 0.5 * duration)).max(self.temperature);
            let thermostat = NoseHoover::new(time_step, middle, self.study.coupling_time)?
                .with_chain_length(self.study.chain_length)?;
            let mut trajectory = self.trajectory_of(thermostat, &state.motion)?;
            trajectory.advance(steps)?;
            let (point, thermostat) = trajectory.into_parts();
            state.motion = Motion { point, thermostat };
            elapsed += duration;
        }
        let now = state.motion.point.step;
        state.cooling = (elapsed < whole).then_some(elapsed);
        (state.started, state.begun) = (now, now);
        Ok(now - start)
    }
}
