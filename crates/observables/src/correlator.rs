//! The origin scheme: correlations between frames and earlier ones, accumulated while a trajectory runs.
//!
//! [`Correlator`] knows when a frame is needed, which frames to keep as origins, and how to average. What is measured between
//! an origin and a later frame is a [`Correlation`]: those of [`dynamics`](crate::dynamics), or a user's own.

mod averages;
mod composition;
mod error;
mod frame;
mod runs;

pub(crate) use averages::standard_error;
pub use averages::{Averages, LagAverage, Series, Sums};
pub(crate) use composition::Composition;
pub use error::CorrelatorError;
pub use frame::{Frame, Observable};

use crate::schedule::LogSchedule;
use runs::Run;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What is measured between an origin and a later frame.
///
/// An implementation says what it keeps of a frame, and adds to a list of sums what it finds between two of them;
/// [`Correlator`] does the rest.
///
/// # Examples
///
/// The displacement of the first particle along `x`, which no observable here measures:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use vitreous_observables::correlator::{Averages, Correlation, Correlator, CorrelatorError, Frame, Series};
/// use vitreous_observables::LogSchedule;
///
/// #[derive(Clone, PartialEq, Serialize, Deserialize)]
/// struct Drift;
///
/// impl Correlation<3> for Drift {
///     type Snapshot = f64;
///     type Outcome = Series;
///     fn width(&self) -> usize {
///         1
///     }
///     fn snapshot(&self, frame: &Frame<'_, 3>) -> Result<f64, CorrelatorError> {
///         Ok(frame.positions.first().map_or(0.0, |position| position[0]))
///     }
///     fn accumulate(&self, origin: &f64, now: &f64, sums: &mut [f64]) {
///         sums[0] += now - origin;
///     }
///     fn difference(&self, _: &Self) -> Option<&'static str> {
///         None
///     }
///     fn finish(&self, averages: &Averages) -> Series {
///         averages.means(0)
///     }
/// }
///
/// let mut drift = Correlator::with(Drift, LogSchedule::new(1, 4, 5)?, 2)?;
/// while drift.next_step() < 20 {
///     let step = drift.next_step();
///     drift.push(step, &[[0.5 * step as f64, 0.0, 0.0]])?;
/// }
/// assert_eq!(drift.finish().values, [0.5, 1.0, 1.5, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Correlation<const D: usize>: Clone + PartialEq + Serialize + DeserializeOwned {
    /// What is kept of a frame.
    type Snapshot: Clone + PartialEq + Serialize + DeserializeOwned;
    /// What is measured in the end.
    type Outcome;

    /// The number of sums for each lag.
    fn width(&self) -> usize;

    /// Takes what is needed from a frame.
    ///
    /// # Errors
    ///
    /// If the frame lacks it, or has the wrong shape.
    fn snapshot(&self, frame: &Frame<'_, D>) -> Result<Self::Snapshot, CorrelatorError>;

    /// Completes a snapshot that is going to be an origin by what only origins need.
    ///
    /// # Errors
    ///
    /// If the frame lacks it, or has the wrong shape.
    fn begin(
        &self,
        _frame: &Frame<'_, D>,
        _snapshot: &mut Self::Snapshot,
    ) -> Result<(), CorrelatorError> {
        Ok(())
    }

    /// Adds to the sums (their number is [`width`](Self::width)) what is found between an origin and a later frame, or
    /// the origin itself where lag zero is on the schedule.
    fn accumulate(&self, origin: &Self::Snapshot, now: &Self::Snapshot, sums: &mut [f64]);

    /// What hinders merging with another accumulator, in a few words.
    fn difference(&self, other: &Self) -> Option<&'static str>;

    /// Completes a snapshot that was stored by what is computed rather than stored.
    ///
    /// # Errors
    ///
    /// If it does not fit this accumulator, in a few words.
    fn restore(&self, _snapshot: &mut Self::Snapshot) -> Result<(), &'static str> {
        Ok(())
    }

    /// Makes the outcome of the averages.
    fn finish(&self, averages: &Averages) -> Self::Outcome;
}

/// Accumulates a [`Correlation`] for each lag of a [`LogSchedule`], over many time origins.
///
/// The driver asks [`next_step`](Self::next_step) when the next frame is needed, integrates up to there
/// without interruption, and calls [`push`](Self::push) or [`observe`](Self::observe). Steps count from the start of the
/// production run; a new origin is taken at every multiple of the origin interval, 0 included. Only origins
/// that are younger than the longest lag are kept. A trajectory that exists already is read
/// [as it comes](Self::taking_all_frames).
///
/// Memory does not depend on the length of the run: some origins, and sums for at most 64 blocks of origins, from
/// whose scatter the errors of a single run come. The accumulator can be serialised at any moment, for
/// instance into a check-point, and continues from the copy to the same bits (the format must keep every bit
/// of an `f64`; `serde_json` does so with its feature `float_roundtrip`).
///
/// Independent runs are accumulated separately and [merged](Self::merge).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "C: Correlation<D>", try_from = "SavedCorrelator<D, C>")]
pub struct Correlator<const D: usize, C: Correlation<D>> {
    correlation: C,
    schedule: LogSchedule,
    origin_interval: u64,
    /// Whether frames come as they like, instead of when they are asked for.
    all_frames: bool,
    first_step: u64,
    last_step: Option<u64>,
    origins: VecDeque<Origin<C::Snapshot>>,
    /// The run that is being accumulated comes first, then those that were merged into it.
    runs: Vec<Run>,
}

/// A [`Correlator`] as it was stored.
#[derive(Deserialize)]
#[serde(bound = "C: Correlation<D>")]
struct SavedCorrelator<const D: usize, C: Correlation<D>> {
    correlation: C,
    schedule: LogSchedule,
    origin_interval: u64,
    all_frames: bool,
    first_step: u64,
    last_step: Option<u64>,
    origins: VecDeque<Origin<C::Snapshot>>,
    runs: Vec<Run>,
}

/// A frame that later ones are compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Origin<S> {
    step: u64,
    snapshot: S,
}

impl<const D: usize, C: Correlation<D>> TryFrom<SavedCorrelator<D, C>> for Correlator<D, C> {
    type Error = CorrelatorError;

    fn try_from(saved: SavedCorrelator<D, C>) -> Result<Self, CorrelatorError> {
        let SavedCorrelator {
            correlation,
            schedule,
            origin_interval,
            all_frames,
            first_step,
            last_step,
            mut origins,
            runs,
        } = saved;
        let damaged = |reason| CorrelatorError::Damaged { reason };
        if origin_interval == 0 {
            return Err(CorrelatorError::ZeroInterval);
        }
        let last = last_step.unwrap_or(0);
        let in_order = origins
            .iter()
            .zip(origins.iter().skip(1))
            .all(|(a, b)| a.step < b.step);
        let inside = |origin: &Origin<_>| (first_step..=last).contains(&origin.step);
        if !in_order || !origins.iter().all(inside) {
            return Err(damaged("the steps of its origins are out of order"));
        }
        for origin in &mut origins {
            correlation.restore(&mut origin.snapshot).map_err(damaged)?;
        }
        let (lags, width) = (schedule.lags().len(), correlation.width());
        if runs.is_empty() || !runs.iter().all(|run| run.fits(lags, width)) {
            return Err(damaged("its sums have the wrong number"));
        }
        Ok(Self {
            correlation,
            schedule,
            origin_interval,
            all_frames,
            first_step,
            last_step,
            origins,
            runs,
        })
    }
}

impl<const D: usize, C: Correlation<D>> Correlator<D, C> {
    /// An empty accumulator of a correlation; `origin_interval` is in steps.
    ///
    /// # Errors
    ///
    /// If the interval is zero.
    pub fn with(
        correlation: C,
        schedule: LogSchedule,
        origin_interval: u64,
    ) -> Result<Self, CorrelatorError> {
        if origin_interval == 0 {
            return Err(CorrelatorError::ZeroInterval);
        }
        Ok(Self {
            correlation,
            schedule,
            origin_interval,
            all_frames: false,
            first_step: 0,
            last_step: None,
            origins: VecDeque::new(),
            runs: vec![Run::default()],
        })
    }

    /// Takes whatever frames come, in the order of their steps, instead of asking for them: for trajectories that were
    /// written already, evenly spaced or not.
    ///
    /// Every pair of frames whose distance is a lag of the schedule is used, provided that the first of them is an
    /// origin: the first frame is, and every one whose distance from it is a multiple of the origin interval. With an
    /// interval of one step all are; a longer one saves memory, which is that of the origins younger than the
    /// longest lag. [`LogSchedule::of_frames`] finds lags that occur.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitreous_observables::{LogSchedule, SelfCorrelator, WaveVectors};
    ///
    /// let wave_vectors = WaveVectors::shell(&[[6.0, 0.0], [0.0, 6.0]], 6.0, 1.0)?;
    /// let steps = [1000, 1001, 1002, 1004, 1008, 1009, 1010, 1012];
    /// let schedule = LogSchedule::of_lags(vec![1, 2, 4, 8])?;
    /// let mut correlator = SelfCorrelator::new(&[0, 0], vec![wave_vectors], schedule, 1)?.taking_all_frames();
    /// for step in steps {
    ///     let flight = 0.1 * step as f64;
    ///     correlator.push(step, &[[flight, 0.0], [-flight, 1.0]])?;
    /// }
    /// let result = correlator.finish();
    /// assert_eq!(result.species[0].origins, [4, 4, 3, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn taking_all_frames(mut self) -> Self {
        self.all_frames = true;
        self
    }

    /// The next step at which a frame is needed: the next origin, or the next lag of an origin,
    /// whichever comes first. Zero before the first frame; `u64::MAX` if the accumulator
    /// [takes all frames](Self::taking_all_frames).
    pub fn next_step(&self) -> u64 {
        if self.all_frames {
            return u64::MAX;
        }
        let Some(last) = self.last_step else {
            return 0;
        };
        let next_origin = (last / self.origin_interval + 1) * self.origin_interval;
        self.origins
            .iter()
            .filter_map(|origin| Some(origin.step + self.schedule.after(last - origin.step)?))
            .fold(next_origin, u64::min)
    }

    /// Accumulates a frame of positions alone: unwrapped, `N x D`, in the order of the species given at
    /// construction.
    ///
    /// # Errors
    ///
    /// Those of [`observe`](Self::observe).
    pub fn push(&mut self, step: u64, positions: &[[f64; D]]) -> Result<(), CorrelatorError> {
        self.observe(&Frame::new(step, positions))
    }

    /// Accumulates a frame.
    ///
    /// # Errors
    ///
    /// If the step is not [`next_step`](Self::next_step), or the frame lacks what is measured, or has the wrong number of
    /// particles, or numbers that are not finite. The accumulator is then unchanged.
    pub fn observe(&mut self, frame: &Frame<'_, D>) -> Result<(), CorrelatorError> {
        let step = frame.step;
        let expected = self.next_step();
        if !self.all_frames && step != expected {
            return Err(CorrelatorError::UnexpectedStep {
                expected,
                given: step,
            });
        }
        if let Some(last) = self.last_step.filter(|&last| step <= last) {
            return Err(CorrelatorError::NotLater { last, given: step });
        }
        let first_step = match self.last_step {
            None => step,
            Some(_) => self.first_step,
        };
        let mut snapshot = self.correlation.snapshot(frame)?;
        let begins = (step - first_step).is_multiple_of(self.origin_interval);
        if begins {
            self.correlation.begin(frame, &mut snapshot)?;
        }
        self.first_step = first_step;
        let width = self.correlation.width();
        let mut correlate = |start: u64, origin: &C::Snapshot| {
            if let Some(lag) = self.schedule.position(step - start) {
                let run = &mut self.runs[0];
                let sums = run.sums_of(&self.schedule, width, start - first_step, lag);
                self.correlation.accumulate(origin, &snapshot, sums);
            }
        };
        for origin in &self.origins {
            correlate(origin.step, &origin.snapshot);
        }
        if begins {
            correlate(step, &snapshot);
            self.origins.push_back(Origin { step, snapshot });
        }
        let longest = self.schedule.longest();
        self.origins.retain(|origin| step - origin.step < longest);
        self.last_step = Some(step);
        Ok(())
    }

    /// Forgets the origins, since no more frames will come: what was summed stays. A run that is kept after its end takes
    /// little room then.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitreous_observables::{LogSchedule, SelfCorrelator, WaveVectors};
    ///
    /// let wave_vectors = WaveVectors::shell(&[[6.0, 0.0], [0.0, 6.0]], 6.0, 1.0)?;
    /// let mut correlator = SelfCorrelator::new(&[0], vec![wave_vectors], LogSchedule::new(1, 4, 3)?, 2)?;
    /// while correlator.next_step() <= 9 {
    ///     correlator.push(correlator.next_step(), &[[0.1, 0.2]])?;
    /// }
    /// let measured = correlator.finish();
    /// correlator.forget_origins();
    /// assert_eq!(correlator.finish(), measured);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forget_origins(&mut self) {
        self.origins.clear();
    }

    /// Takes over the results of independent runs of the same set-up.
    ///
    /// This accumulator may go on with its own run; the runs of `other` are kept as they are, and its
    /// unfinished origins are dropped. Merging only appends to a list of runs: it is associative to the
    /// last bit.
    ///
    /// # Errors
    ///
    /// If the schedules, the numbers of particles of each species or what is measured differ.
    pub fn merge(&mut self, other: Self) -> Result<(), CorrelatorError> {
        let difference = if self.schedule == other.schedule {
            self.correlation.difference(&other.correlation)
        } else {
            Some("schedules")
        };
        if let Some(difference) = difference {
            return Err(CorrelatorError::Incompatible { difference });
        }
        self.runs.extend(other.runs);
        Ok(())
    }

    /// The correlations over all runs, each origin with the same weight.
    ///
    /// Lags that no origin has reached yet are left out. See [`Series`] for the standard errors.
    pub fn finish(&self) -> C::Outcome {
        self.outcome(&self.runs.iter().collect::<Vec<_>>())
    }

    /// The correlations of each run by itself, in the order of merging, for intervals over runs.
    pub fn finish_runs(&self) -> Vec<C::Outcome> {
        self.runs.iter().map(|run| self.outcome(&[run])).collect()
    }

    /// The lags.
    pub fn schedule(&self) -> &LogSchedule {
        &self.schedule
    }

    /// The number of origins that are kept at present, which memory is for.
    pub fn kept_origins(&self) -> usize {
        self.origins.len()
    }

    /// What is measured.
    pub fn correlation(&self) -> &C {
        &self.correlation
    }

    fn outcome(&self, runs: &[&Run]) -> C::Outcome {
        let width = self.correlation.width();
        let averages = runs::averages(&self.schedule, width, runs);
        self.correlation.finish(&averages)
    }
}

impl<const D: usize, C: Correlation<D>> Observable<D> for Correlator<D, C> {
    fn next_step(&self) -> u64 {
        self.next_step()
    }

    fn observe(&mut self, frame: &Frame<'_, D>) -> Result<(), CorrelatorError> {
        self.observe(frame)
    }
}

#[cfg(test)]
mod tests;
