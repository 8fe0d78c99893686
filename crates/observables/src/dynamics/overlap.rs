//! Overlap and its fluctuations.

use super::Positions;
use super::moments::squared_distances;
use crate::correlator::{
    Averages, Composition, Correlation, Correlator, CorrelatorError, Frame, Series,
};
use crate::schedule::LogSchedule;
use crate::wave_vectors::LANES;
use serde::{Deserialize, Serialize};

/// Accumulates the overlap `Q(t) = (1/N_s) sum_i theta(a - |r_i(t) - r_i(0)|)`, the share of the particles of a species that
/// are within a distance `a` of where they were, and its fluctuations, of which `chi_4(t)` is made.
///
/// The displacement of the centre of mass is taken off. A usual choice is `a = 0.3` in units of the particles' diameter.
///
/// Source: Lačević, Starr, Schrøder and Glotzer, J. Chem. Phys. 119, 7372 (2003), whose `Q` this is, restricted to its self
/// part.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{LogSchedule, OverlapCorrelator};
///
/// // Two of four particles move away, to either side.
/// let mut overlap = OverlapCorrelator::new(&[0; 4], 0.3, LogSchedule::of_lags(vec![1, 10])?, 5)?;
/// while overlap.next_step() <= 30 {
///     let step = overlap.next_step();
///     let x = 0.1 * step as f64;
///     overlap.push(step, &[[x, 0.0], [-x, 0.0], [0.0, 1.0], [0.0, 2.0]])?;
/// }
/// let result = overlap.finish();
/// assert_eq!(result.species[0].overlap.values, [1.0, 0.5]);
/// assert_eq!(result.species[0].susceptibility.values, [0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type OverlapCorrelator<const D: usize> = Correlator<D, Overlap>;

/// The overlap of each species and of all particles, for [`OverlapCorrelator`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    composition: Composition,
    radius: f64,
}

impl<const D: usize> OverlapCorrelator<D> {
    /// An empty accumulator for particles of the given species (length `N`, counted from 0 without gaps).
    ///
    /// `radius` is the length `a`; `origin_interval` is in steps.
    ///
    /// # Errors
    ///
    /// If the interval is zero, a species has no particles, or the radius is not positive and finite.
    pub fn new(
        species: &[u8],
        radius: f64,
        schedule: LogSchedule,
        origin_interval: u64,
    ) -> Result<Self, CorrelatorError> {
        if !(radius.is_finite() && radius > 0.0) {
            return Err(CorrelatorError::Parameter {
                name: "the radius of the overlap",
                value: radius,
                range: "positive and finite",
            });
        }
        let composition = Composition::new(species)?;
        let correlation = Overlap {
            composition,
            radius,
        };
        Self::with(correlation, schedule, origin_interval)
    }
}

impl<const D: usize> Correlation<D> for Overlap {
    type Snapshot = Positions<D>;
    type Outcome = OverlapCorrelations;

    fn width(&self) -> usize {
        // Q and Q^2 of each species and of all particles.
        2 * (self.composition.counts().len() + 1)
    }

    fn snapshot(&self, frame: &Frame<'_, D>) -> Result<Positions<D>, CorrelatorError> {
        Positions::of_frame(&self.composition, frame)
    }

    fn accumulate(&self, origin: &Positions<D>, now: &Positions<D>, sums: &mut [f64]) {
        let limit = self.radius * self.radius;
        let mut all = 0;
        for ((count, range), sums) in self.composition.packed_ranges().zip(sums.chunks_mut(2)) {
            let groups = origin.groups[range.clone()].iter().zip(&now.groups[range]);
            let mut rest = count;
            let mut close = 0;
            for (from, to) in groups {
                let square = squared_distances(from, to);
                let lanes = rest.min(LANES);
                rest -= lanes;
                close += square[..lanes]
                    .iter()
                    .filter(|&&square| square < limit)
                    .count();
            }
            all += close;
            add(sums, close as f64 / count as f64);
        }
        let kinds = self.composition.counts().len();
        if kinds > 0 {
            let share = all as f64 / self.composition.particles() as f64;
            add(&mut sums[2 * kinds..], share);
        }
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        let radius = (self.radius != other.radius).then_some("radii of the overlap");
        self.composition.difference(&other.composition).or(radius)
    }

    fn restore(&self, snapshot: &mut Positions<D>) -> Result<(), &'static str> {
        self.composition.check_packed(snapshot.groups.len())
    }

    fn finish(&self, averages: &Averages) -> OverlapCorrelations {
        let series = |index: usize, count: usize| OverlapSeries {
            overlap: averages.means(2 * index),
            susceptibility: averages
                .series(|lag| lag.variance(2 * index, 2 * index + 1, count as f64)),
        };
        let counts = self.composition.counts();
        OverlapCorrelations {
            steps: averages.steps.clone(),
            runs: averages.runs,
            origins: averages.origins(),
            species: (0..counts.len())
                .map(|species| series(species, counts[species]))
                .collect(),
            all: series(counts.len(), self.composition.particles()),
        }
    }
}

fn add(sums: &mut [f64], overlap: f64) {
    sums[0] += overlap;
    sums[1] += overlap * overlap;
}

/// What an [`OverlapCorrelator`] has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverlapCorrelations {
    /// The lags, in steps, that at least one origin has reached.
    pub steps: Vec<u64>,
    /// The number of independent runs.
    pub runs: usize,
    /// The number of origins of each lag, all runs together.
    pub origins: Vec<u64>,
    /// The overlap of each species.
    pub species: Vec<OverlapSeries>,
    /// The overlap of all particles together.
    pub all: OverlapSeries,
}

/// The overlap of some particles, with one entry for each lag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OverlapSeries {
    /// `<Q(t)>`.
    pub overlap: Series,
    /// `chi_4(t) = N_s (<Q^2> - <Q>^2)`, where `<...>` averages over all origins of all runs, each with the same weight, and `N_s`
    /// is the number of the particles.
    ///
    /// Three things to know about it. It is too small by the square of the standard error of `<Q>` times `N_s`: by a
    /// share of about `1/n` if the origins amount to `n` independent ones, so that a run of ten relaxation times loses
    /// a tenth of it; all runs together share one mean, and with one run nothing slower than the run is seen. It belongs to the ensemble
    /// that was simulated: at constant energy, density and composition the fluctuations of these are missing (Berthier
    /// et al., J. Chem. Phys. 126, 184503 (2007)). And it is per particle: not a number of particles that move together.
    pub susceptibility: Series,
}

#[cfg(test)]
mod tests;
