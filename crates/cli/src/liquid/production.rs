//! Measuring a liquid: parts of equal length, of which the last are kept.

use super::{Bath, Equilibration, Motion};
use crate::storage::Key;
use crate::study::Resolved;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use vitreous::md_core::Configuration;
use vitreous::observables::{SelfCorrelator, Verdict};

/// The lengths in a production run, in steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Each part: half of a run that is not continued.
    part: u64,
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
        let part = steps(0.5 * production.relaxation_times).max(20);
        Self {
            part,
            longest_lag: steps(production.longest_lag).clamp(2, part),
            origin_interval: steps(0.1),
            snapshot_interval: 2 * part / study.study.glasses.per_run,
        }
    }

    /// The number of steps of so many parts.
    pub(crate) fn steps(&self, parts: usize) -> u64 {
        parts as u64 * self.part
    }
}

/// The parts of production runs that count; those before are equilibration in hindsight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Window {
    first: usize,
    count: usize,
}

impl Window {
    /// The two halves of a run as it is planned.
    pub(crate) fn start() -> Self {
        Self { first: 0, count: 2 }
    }

    /// All parts that have to be measured.
    pub(crate) fn end(&self) -> usize {
        self.first + self.count
    }

    /// The parts of the first half and of the second.
    pub(crate) fn halves(&self) -> [Range<usize>; 2] {
        let middle = self.first + self.count / 2;
        [self.first..middle, middle..self.end()]
    }

    /// What to look at next: after a drift the second half and as much again, after no answer twice as much.
    pub(crate) fn after(self, verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Invariant => None,
            Verdict::Drifting => Some(Self {
                first: self.first + self.count / 2,
                ..self
            }),
            Verdict::Undecided => Some(Self {
                count: 2 * self.count,
                ..self
            }),
        }
    }
}

/// A production run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Production<const D: usize> {
    motion: Motion<D>,
    begun: u64,
    parts: Vec<Part<D>>,
    /// The conserved quantity at the start.
    conserved: f64,
    /// The number of parts that are finished.
    pub(crate) finished: usize,
}

/// A part of a production run: correlations, static averages, and snapshots to quench.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part<const D: usize> {
    correlator: SelfCorrelator<D>,
    statics: Statics,
    snapshots: Vec<Configuration<D>>,
}

impl<const D: usize> Production<D> {
    /// The number of steps made so far.
    pub(crate) fn steps(&self) -> u64 {
        self.motion.point.step - self.begun
    }

    /// The correlations of some parts.
    pub(crate) fn correlations(&self, parts: Range<usize>) -> Result<SelfCorrelator<D>> {
        let mut merged = self.parts[parts.start].correlator.clone();
        for part in &self.parts[parts.start + 1..parts.end] {
            merged.merge(part.correlator.clone())?;
        }
        Ok(merged)
    }

    /// The static averages of some parts.
    pub(crate) fn statics(&self, parts: Range<usize>) -> Statics {
        let mut sum = Statics::default();
        for part in &self.parts[parts] {
            sum.frames += part.statics.frames;
            sum.potential_energy += part.statics.potential_energy;
            sum.kinetic_temperature += part.statics.kinetic_temperature;
            sum.pressure += part.statics.pressure;
            sum.drift = part.statics.drift;
        }
        sum
    }

    /// Evenly spaced snapshots of the parts that count, as many as of a run that is not continued.
    pub(crate) fn snapshots(
        &self,
        window: Window,
        per_run: u64,
    ) -> impl Iterator<Item = &Configuration<D>> {
        let parts = &self.parts[window.first..window.end()];
        let every = window.count / 2;
        parts
            .iter()
            .flat_map(|part| &part.snapshots)
            .skip(every - 1)
            .step_by(every)
            .take(per_run as usize)
    }
}

/// What was measured in the liquid at one temperature.
pub(crate) struct LiquidRuns<const D: usize> {
    /// The index of the temperature.
    pub(crate) temperature: usize,
    pub(crate) runs: Vec<Production<D>>,
    /// The keys under which they are stored.
    pub(crate) keys: Vec<Key>,
    /// The parts of the runs that count.
    pub(crate) window: Window,
    /// Whether every run relaxed within the limit before it was measured.
    pub(crate) equilibrated: bool,
}

/// Sums over the frames of a production run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statics {
    frames: u64,
    potential_energy: f64,
    kinetic_temperature: f64,
    pressure: f64,
    /// The change of the conserved quantity from the start of the run to the last frame, per particle.
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

impl<const D: usize> Bath<'_, D> {
    fn part(&self, liquid: &Configuration<D>, plan: &Plan) -> Result<Part<D>> {
        Ok(Part {
            correlator: self.correlator(liquid, plan.longest_lag, plan.origin_interval)?,
            statics: Statics::default(),
            snapshots: Vec::new(),
        })
    }

    /// Begins to measure where equilibration ended.
    pub(crate) fn produce(
        &self,
        equilibrated: &Equilibration<D>,
        plan: &Plan,
    ) -> Result<Production<D>> {
        let motion = equilibrated.motion.clone();
        Ok(Production {
            begun: motion.point.step,
            parts: vec![self.part(&motion.point.configuration, plan)?],
            conserved: self.trajectory(&motion)?.conserved(),
            finished: 0,
            motion,
        })
    }

    /// Advances by at most one segment, and no further than the end of a part, nor than so many parts. Returns the number of steps made.
    pub(crate) fn measure(
        &self,
        state: &mut Production<D>,
        plan: &Plan,
        parts: usize,
    ) -> Result<u64> {
        let mut trajectory = self.trajectory(&state.motion)?;
        let particles = self.study.study.particles as f64;
        let start = trajectory.point().step;
        while state.finished < parts && trajectory.point().step - start < self.segment() {
            let now = trajectory.point().step - state.begun;
            let begun = plan.steps(state.finished);
            if state.parts.len() == state.finished {
                // The last frame of a part is the first of the next.
                let part = self.part(&trajectory.point().configuration, plan)?;
                state.parts.push(part);
            }
            let part = &mut state.parts[state.finished];
            if now - begun == part.correlator.next_step() {
                let positions = trajectory.point().configuration.positions();
                part.correlator.push(now - begun, positions)?;
            }
            if now.is_multiple_of(plan.origin_interval) {
                let statics = &mut part.statics;
                statics.frames += 1;
                statics.potential_energy += trajectory.mechanics().energy();
                statics.kinetic_temperature += trajectory.point().temperature();
                statics.pressure += trajectory.mechanics().pressure();
                statics.drift = (trajectory.conserved() - state.conserved) / particles;
            }
            if now > begun && now.is_multiple_of(plan.snapshot_interval) {
                part.snapshots
                    .push(trajectory.point().configuration.clone());
            }
            if now == begun + plan.part {
                part.correlator.forget_origins();
                state.finished += 1;
                // A segment ends here in any case, however many parts are asked for: which are depends on
                // settings that the checkpoint does not belong to.
                break;
            }
            let next = [
                begun + part.correlator.next_step(),
                begun + plan.part,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_moves_on_after_a_drift_and_grows_without_an_answer() {
        let start = Window::start();
        assert_eq!((start.halves(), start.end()), ([0..1, 1..2], 2));
        assert_eq!(start.after(Verdict::Invariant), None);
        let grown = start.after(Verdict::Undecided).unwrap();
        assert_eq!((grown.halves(), grown.end()), ([0..2, 2..4], 4));
        let moved = grown.after(Verdict::Drifting).unwrap();
        assert_eq!((moved.halves(), moved.end()), ([2..4, 4..6], 6));
    }
}
