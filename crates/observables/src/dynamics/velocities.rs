//! Velocity autocorrelation.

use crate::correlator::{
    Averages, Composition, Correlation, Correlator, CorrelatorError, Frame, Series,
};
use crate::schedule::LogSchedule;
use crate::serde_arrays;
use crate::wave_vectors::{LANES, Lanes, total};
use serde::{Deserialize, Serialize};

/// Accumulates the velocity autocorrelation `<v(0) . v(t)>` of each species, at lag zero too.
///
/// The velocity of the centre of mass (equal masses) is taken off. Frames need velocities; their positions may be
/// empty. In equilibrium `<v(0)^2> = D T (1 - 1/N)` with `m = k_B = 1`, and the diffusion coefficient is `1/D` times the integral over time.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{Frame, LogSchedule, VelocityCorrelator};
///
/// let mut correlator = VelocityCorrelator::new(&[0, 0], LogSchedule::new(1, 6, 9)?, 2)?;
/// while correlator.next_step() <= 60 {
///     let step = correlator.next_step();
///     let v = (std::f64::consts::FRAC_PI_2 * step as f64).cos();
///     correlator.observe(&Frame::new(step, &[]).with_velocities(&[[v, 1.0], [-v, 1.0]]))?;
/// }
/// let result = correlator.finish();
/// assert_eq!(result.steps, [0, 1, 2, 3, 4, 5, 6]);
/// assert!((result.species[0].values[4] - result.species[0].values[0]).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type VelocityCorrelator<const D: usize> = Correlator<D, Velocities>;

/// Products of velocities, for [`VelocityCorrelator`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Velocities {
    composition: Composition,
}

/// Velocities relative to the centre of mass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VelocitySnapshot<const D: usize> {
    #[serde(with = "serde_arrays")]
    groups: Vec<[Lanes; D]>,
}

impl<const D: usize> VelocityCorrelator<D> {
    /// An empty accumulator for particles of the given species (length `N`, counted from 0 without gaps).
    ///
    /// Lag zero is added to the schedule; `origin_interval` is in steps.
    ///
    /// # Errors
    ///
    /// If the interval is zero, or a species has no particles.
    pub fn new(
        species: &[u8],
        schedule: LogSchedule,
        origin_interval: u64,
    ) -> Result<Self, CorrelatorError> {
        let composition = Composition::new(species)?;
        let correlation = Velocities { composition };
        Self::with(correlation, schedule.with_zero(), origin_interval)
    }
}

impl<const D: usize> Correlation<D> for Velocities {
    type Snapshot = VelocitySnapshot<D>;
    type Outcome = VelocityCorrelations;

    fn width(&self) -> usize {
        self.composition.counts().len()
    }

    fn snapshot(&self, frame: &Frame<'_, D>) -> Result<Self::Snapshot, CorrelatorError> {
        let step = frame.step;
        let quantity = "velocities";
        let velocities = frame
            .velocities
            .ok_or(CorrelatorError::Missing { step, quantity })?;
        let sorted = self.composition.centred(step, "velocity", velocities)?;
        let groups = self.composition.packed(&sorted);
        Ok(VelocitySnapshot { groups })
    }

    fn accumulate(&self, origin: &Self::Snapshot, now: &Self::Snapshot, sums: &mut [f64]) {
        for ((count, range), sum) in self.composition.packed_ranges().zip(sums) {
            let groups = origin.groups[range.clone()].iter().zip(&now.groups[range]);
            let mut products = [0.0; LANES];
            for (from, to) in groups {
                for k in 0..D {
                    for lane in 0..LANES {
                        products[lane] += from[k][lane] * to[k][lane];
                    }
                }
            }
            *sum += total(&products) / count as f64;
        }
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        self.composition.difference(&other.composition)
    }

    fn restore(&self, snapshot: &mut Self::Snapshot) -> Result<(), &'static str> {
        self.composition.check_packed(snapshot.groups.len())
    }

    fn finish(&self, averages: &Averages) -> VelocityCorrelations {
        VelocityCorrelations {
            steps: averages.steps.clone(),
            runs: averages.runs,
            origins: averages.origins(),
            species: (0..self.composition.counts().len())
                .map(|species| averages.means(species))
                .collect(),
        }
    }
}

/// What a [`VelocityCorrelator`] has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VelocityCorrelations {
    /// The lags, in steps, that at least one origin has reached; the first is zero.
    pub steps: Vec<u64>,
    /// The number of independent runs.
    pub runs: usize,
    /// The number of origins of each lag, all runs together.
    pub origins: Vec<u64>,
    /// `<v(0) . v(t)>` of each species, a squared velocity, with one entry for each lag.
    pub species: Vec<Series>,
}

#[cfg(test)]
mod tests;
