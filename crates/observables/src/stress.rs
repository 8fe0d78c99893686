//! Stress autocorrelation and the Green-Kubo viscosity.

use crate::correlator::{CorrelatorError, Frame, Observable, Series, standard_error};
use crate::multiple_tau::{MultipleTau, MultipleTauPoint, pooled_points};
use serde::{Deserialize, Serialize};

/// Lags on each level of the multiple-tau correlator.
const CHANNELS: usize = 16;

/// Accumulates the autocorrelation of the shear stress, `<sigma_ab(0) sigma_ab(t)>` averaged over the `D (D - 1)/2` pairs of different
/// axes, and its integral, the viscosity
/// `eta(t) = (V/T) int_0^t <sigma_ab(0) sigma_ab(t')> dt'` (`k_B = 1`).
///
/// Frames need the whole stress, kinetic part included, at every sampling interval. Products of momenta decay within a vibration, so
/// sample every few steps. A [`MultipleTau`] correlator covers all lags up to the length of the run in constant memory; its
/// documentation says what averages over blocks do to the correlation, and why they do not bias the integral. The mean
/// stress is not subtracted: in a liquid it vanishes. Independent runs are accumulated separately and [merged](Self::merge);
/// standard errors come from their scatter, and there are none with one run.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{Frame, Observable, StressCorrelator};
///
/// let (volume, temperature, time_step) = (100.0, 0.5, 0.01);
/// let mut correlator = StressCorrelator::<2>::new(volume, temperature, time_step, 2)?;
/// while correlator.next_step() <= 1000 {
///     let step = correlator.next_step();
///     let shear = (0.1 * step as f64).cos();
///     correlator.observe(&Frame::new(step, &[]).with_stress([[0.0, shear], [shear, 0.0]]))?;
/// }
/// let result = correlator.finish();
/// assert_eq!(result.steps[..3], [0, 2, 4]);
/// assert!((result.autocorrelation.values[0] - 0.5).abs() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SavedStressCorrelator")]
pub struct StressCorrelator<const D: usize> {
    volume: f64,
    temperature: f64,
    time_step: f64,
    interval: u64,
    last_step: Option<u64>,
    /// The run that is being accumulated comes first, then those that were merged into it.
    runs: Vec<MultipleTau>,
}

/// A [`StressCorrelator`] as it was stored.
#[derive(Deserialize)]
struct SavedStressCorrelator {
    volume: f64,
    temperature: f64,
    time_step: f64,
    interval: u64,
    last_step: Option<u64>,
    runs: Vec<MultipleTau>,
}

impl<const D: usize> TryFrom<SavedStressCorrelator> for StressCorrelator<D> {
    type Error = CorrelatorError;

    fn try_from(saved: SavedStressCorrelator) -> Result<Self, CorrelatorError> {
        let empty = Self::new(
            saved.volume,
            saved.temperature,
            saved.time_step,
            saved.interval,
        )?;
        let like = |run: &MultipleTau| run.is_like(&empty.runs[0]) && run.is_sound();
        if saved.runs.is_empty() || !saved.runs.iter().all(like) {
            let reason = "its sums have the wrong number";
            return Err(CorrelatorError::Damaged { reason });
        }
        Ok(Self {
            last_step: saved.last_step,
            runs: saved.runs,
            ..empty
        })
    }
}

impl<const D: usize> StressCorrelator<D> {
    /// An empty accumulator for a cell of the given volume (`V`, an area in two dimensions) and temperature (`T`).
    ///
    /// `time_step` is the time of one step; the stress is sampled every `interval` steps.
    ///
    /// # Errors
    ///
    /// If the interval is zero, or one of the others is not positive and finite.
    pub fn new(
        volume: f64,
        temperature: f64,
        time_step: f64,
        interval: u64,
    ) -> Result<Self, CorrelatorError> {
        const { assert!(D > 1, "shear needs two dimensions") };
        if interval == 0 {
            return Err(CorrelatorError::ZeroInterval);
        }
        for (name, value) in [
            ("the volume", volume),
            ("the temperature", temperature),
            ("the time step", time_step),
        ] {
            if !(value.is_finite() && value > 0.0) {
                let range = "positive and finite";
                return Err(CorrelatorError::Parameter { name, value, range });
            }
        }
        Ok(Self {
            volume,
            temperature,
            time_step,
            interval,
            last_step: None,
            runs: vec![Self::empty_run()],
        })
    }

    fn empty_run() -> MultipleTau {
        MultipleTau::new(D * (D - 1) / 2, CHANNELS).expect("some signals and sixteen lags")
    }

    /// Takes over the results of independent runs of the same set-up. Merging only appends to a list of runs.
    ///
    /// # Errors
    ///
    /// If the volume, the temperature, the time step or the interval differ.
    pub fn merge(&mut self, other: Self) -> Result<(), CorrelatorError> {
        let difference = if self.volume != other.volume {
            "volumes"
        } else if self.temperature != other.temperature {
            "temperatures"
        } else if self.time_step != other.time_step {
            "time steps"
        } else if self.interval != other.interval {
            "sampling intervals"
        } else {
            self.runs.extend(other.runs);
            return Ok(());
        };
        Err(CorrelatorError::Incompatible { difference })
    }

    /// The correlations over all runs, each pair of samples with the same weight.
    pub fn finish(&self) -> StressCorrelations {
        self.outcome(&self.runs.iter().collect::<Vec<_>>())
    }

    /// The correlations of each run by itself, in the order of merging.
    pub fn finish_runs(&self) -> Vec<StressCorrelations> {
        self.runs.iter().map(|run| self.outcome(&[run])).collect()
    }

    fn outcome(&self, runs: &[&MultipleTau]) -> StressCorrelations {
        let pooled = pooled_points(runs);
        let own: Vec<Vec<MultipleTauPoint>> = runs.iter().map(|run| run.points()).collect();
        let unit = self.volume / self.temperature * self.time_step * self.interval as f64;
        let mut result = StressCorrelations {
            steps: Vec::new(),
            blocks: Vec::new(),
            pairs: Vec::new(),
            runs: runs.len(),
            autocorrelation: Series::default(),
            viscosity: Series::default(),
        };
        for (index, point) in pooled.iter().enumerate() {
            // Longer runs have more points; those that all have are the same.
            let samples = || own.iter().filter_map(|run| run.get(index));
            let error = |value: fn(&MultipleTauPoint) -> f64| {
                standard_error(samples().map(|sample| {
                    let share = sample.pairs as f64 / point.pairs as f64;
                    (share, value(sample) - value(point))
                }))
            };
            result.steps.push(point.lag * self.interval);
            result.blocks.push(point.block * self.interval);
            result.pairs.push(point.pairs);
            let correlation_error = error(|point| point.correlation);
            let integral_error = error(|point| point.integral).map(|error| unit * error);
            result
                .autocorrelation
                .push((point.correlation, correlation_error));
            result
                .viscosity
                .push((unit * point.integral, integral_error));
        }
        result
    }
}

impl<const D: usize> Observable<D> for StressCorrelator<D> {
    fn next_step(&self) -> u64 {
        self.last_step.map_or(0, |last| last + self.interval)
    }

    fn observe(&mut self, frame: &Frame<'_, D>) -> Result<(), CorrelatorError> {
        let step = frame.step;
        let expected = self.next_step();
        if step != expected {
            let given = step;
            return Err(CorrelatorError::UnexpectedStep { expected, given });
        }
        let quantity = "stress";
        let stress = frame
            .stress
            .ok_or(CorrelatorError::Missing { step, quantity })?;
        let pairs = (0..D).flat_map(|a| (a + 1..D).map(move |b| (a, b)));
        let shear: Vec<f64> = pairs
            .map(|(a, b)| 0.5 * (stress[a][b] + stress[b][a]))
            .collect();
        self.runs[0]
            .push(&shear)
            .map_err(|_| CorrelatorError::StressNotFinite { step })?;
        self.last_step = Some(step);
        Ok(())
    }
}

/// What a [`StressCorrelator`] has measured; every list has one entry for each lag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StressCorrelations {
    /// The lags, in steps, from zero on.
    pub steps: Vec<u64>,
    /// The length of the blocks that were averaged, in steps: the autocorrelation is averaged over lags with a triangle of this
    /// half-width, the viscosity over upper limits of the integral that are at most this far from the lag.
    pub blocks: Vec<u64>,
    /// The number of pairs of blocks for each pair of axes, all runs together.
    pub pairs: Vec<u64>,
    /// The number of independent runs.
    pub runs: usize,
    /// `<sigma_ab(0) sigma_ab(t)>`, with errors from the scatter of runs.
    pub autocorrelation: Series,
    /// `eta(t)`, stress times time, with errors from the scatter of runs. The viscosity is where it no longer grows, before noise takes over.
    pub viscosity: Series,
}

impl StressCorrelations {
    /// The lags as times: steps multiplied by the time step.
    pub fn times(&self, time_step: f64) -> Vec<f64> {
        let times = self.steps.iter().map(|&step| step as f64 * time_step);
        times.collect()
    }
}

#[cfg(test)]
mod tests;
