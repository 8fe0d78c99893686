//! Distributions of displacements.

use super::Positions;
use crate::correlator::{
    Averages, Composition, Correlation, Correlator, CorrelatorError, Frame, Series,
};
use crate::schedule::LogSchedule;
use crate::wave_vectors::LANES;
use serde::{Deserialize, Serialize};

/// Accumulates two distributions of the displacements `r` of the particles of each species, at a few lags:
///
/// - the self part of the van Hove function along an axis, `G_s(x, t) = <delta(x - r_x)>`, averaged over the `D` Cartesian axes,
/// - the distribution `P(log10 |r|, t)`, whose integral over `log10 |r|` is one. Hopping shows as a second maximum, or as
///   a shoulder.
///
/// The displacement of the centre of mass is taken off. What falls outside the [`Bins`] is counted: the densities
/// are normalised to all displacements.
///
/// Source: the paper shows `P(log10 |r|)` at `tau_alpha/10` in Fig. 11.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{DisplacementCorrelator, LogSchedule, dynamics::Bins};
///
/// let (axial, logarithmic) = (Bins::new(-1.0, 1.0, 4)?, Bins::new(-3.0, 1.0, 8)?);
/// let lags = LogSchedule::of_lags(vec![5])?;
/// let mut distributions = DisplacementCorrelator::new(&[0, 0], axial, logarithmic, lags, 5)?;
/// while distributions.next_step() <= 50 {
///     let step = distributions.next_step();
///     let x = 0.05 * step as f64;
///     distributions.push(step, &[[x], [-x]])?;
/// }
/// // Displacements of 0.25 and -0.25.
/// let result = &distributions.finish().species[0];
/// assert_eq!(result.van_hove[0].density.values, [0.0, 1.0, 1.0, 0.0]);
/// // log10 0.25 = -0.6 lies between -1 and -1/2.
/// assert_eq!(result.logarithmic[0].density.values[4], 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type DisplacementCorrelator<const D: usize> = Correlator<D, Displacements>;

/// Bins of equal width, closed below and open above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bins {
    low: f64,
    high: f64,
    number: usize,
}

impl Bins {
    /// `number` bins from `low` to `high`.
    ///
    /// # Errors
    ///
    /// If the ends are not finite or in the wrong order, or the number is not from 1 to 1 000 000.
    pub fn new(low: f64, high: f64, number: usize) -> Result<Self, CorrelatorError> {
        let (name, value, range) = if !low.is_finite() {
            ("the lower end of the bins", low, "finite")
        } else if !(high - low).is_finite() || high <= low {
            (
                "the upper end of the bins",
                high,
                "finite and above the lower end",
            )
        } else if !(1..=1_000_000).contains(&number) {
            ("the number of bins", number as f64, "from 1 to 1000000")
        } else {
            return Ok(Self { low, high, number });
        };
        Err(CorrelatorError::Parameter { name, value, range })
    }

    /// The number of bins.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The width of a bin.
    pub fn width(&self) -> f64 {
        (self.high - self.low) / self.number as f64
    }

    /// The middle of each bin.
    pub fn centres(&self) -> Vec<f64> {
        let centre = |bin: usize| self.low + (bin as f64 + 0.5) * self.width();
        (0..self.number).map(centre).collect()
    }

    /// Zero below the bins, then the bins, then above: one of `number + 2` places.
    fn place(&self, value: f64) -> usize {
        if value < self.low {
            return 0;
        }
        if value >= self.high {
            return self.number + 1;
        }
        let bin = (value - self.low) / (self.high - self.low) * self.number as f64;
        // Rounding can reach the upper end.
        (bin as usize).min(self.number - 1) + 1
    }

    fn places(&self) -> usize {
        self.number + 2
    }
}

/// The distributions of each species, for [`DisplacementCorrelator`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Displacements {
    composition: Composition,
    axial: Bins,
    logarithmic: Bins,
}

impl<const D: usize> DisplacementCorrelator<D> {
    /// An empty accumulator for particles of the given species (length `N`, counted from 0 without gaps).
    ///
    /// `axial` are bins of the displacement along an axis (lengths), `logarithmic` those of `log10` of its magnitude;
    /// `origin_interval` is in steps. The schedule should have few lags: each has as many sums as there are bins.
    ///
    /// # Errors
    ///
    /// If the interval is zero, or a species has no particles.
    pub fn new(
        species: &[u8],
        axial: Bins,
        logarithmic: Bins,
        schedule: LogSchedule,
        origin_interval: u64,
    ) -> Result<Self, CorrelatorError> {
        let composition = Composition::new(species)?;
        let correlation = Displacements {
            composition,
            axial,
            logarithmic,
        };
        Self::with(correlation, schedule, origin_interval)
    }
}

impl<const D: usize> Correlation<D> for Displacements {
    type Snapshot = Positions<D>;
    type Outcome = DisplacementDistributions;

    fn width(&self) -> usize {
        self.composition.counts().len() * (self.axial.places() + self.logarithmic.places())
    }

    fn snapshot(&self, frame: &Frame<'_, D>) -> Result<Positions<D>, CorrelatorError> {
        Positions::of_frame(&self.composition, frame)
    }

    fn accumulate(&self, origin: &Positions<D>, now: &Positions<D>, sums: &mut [f64]) {
        let places = self.axial.places() + self.logarithmic.places();
        let species = self.composition.packed_ranges();
        for ((count, range), sums) in species.zip(sums.chunks_mut(places)) {
            let (axial, logarithmic) = sums.split_at_mut(self.axial.places());
            for particle in 0..count {
                let (group, lane) = (range.start + particle / LANES, particle % LANES);
                let mut square = 0.0;
                for k in 0..D {
                    let x = now.groups[group][k][lane] - origin.groups[group][k][lane];
                    axial[self.axial.place(x)] += 1.0;
                    square += x * x;
                }
                // A particle that has not moved at all is below all bins.
                logarithmic[self.logarithmic.place(0.5 * libm::log10(square))] += 1.0;
            }
        }
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        let same = (self.axial, self.logarithmic) == (other.axial, other.logarithmic);
        let bins = (!same).then_some("bins");
        self.composition.difference(&other.composition).or(bins)
    }

    fn restore(&self, snapshot: &mut Positions<D>) -> Result<(), &'static str> {
        self.composition.check_packed(snapshot.groups.len())
    }

    fn finish(&self, averages: &Averages) -> DisplacementDistributions {
        let places = self.axial.places() + self.logarithmic.places();
        let histogram = |bins: &Bins, first: usize, samples: usize, lag: usize| {
            let (step, lag) = (averages.steps[lag], &averages.lags[lag]);
            let mut density = Series::default();
            for bin in 0..bins.number {
                let (mean, error) = lag.mean(first + 1 + bin);
                let unit = 1.0 / (samples as f64 * bins.width());
                density.push((mean * unit, error.map(|error| error * unit)));
            }
            Histogram {
                step,
                origins: lag.total.origins,
                density,
                below: lag.total.sums[first] as u64,
                above: lag.total.sums[first + bins.number + 1] as u64,
                counted: lag.total.origins * samples as u64,
            }
        };
        let species = self.composition.counts().iter().enumerate();
        DisplacementDistributions {
            runs: averages.runs,
            axial_bins: self.axial,
            logarithmic_bins: self.logarithmic,
            species: species
                .map(|(species, &count)| {
                    let first = species * places;
                    let logarithmic = first + self.axial.places();
                    let lags = 0..averages.lags.len();
                    SpeciesDistributions {
                        van_hove: lags
                            .clone()
                            .map(|lag| histogram(&self.axial, first, D * count, lag))
                            .collect(),
                        logarithmic: lags
                            .map(|lag| histogram(&self.logarithmic, logarithmic, count, lag))
                            .collect(),
                    }
                })
                .collect(),
        }
    }
}

/// What a [`DisplacementCorrelator`] has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DisplacementDistributions {
    /// The number of independent runs.
    pub runs: usize,
    /// The bins of displacements along an axis.
    pub axial_bins: Bins,
    /// The bins of `log10` of their magnitude.
    pub logarithmic_bins: Bins,
    /// The distributions of each species.
    pub species: Vec<SpeciesDistributions>,
}

/// The distributions of the displacements of one species, for each lag that at least one origin has reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpeciesDistributions {
    /// `G_s(x, t)`, an inverse length.
    pub van_hove: Vec<Histogram>,
    /// `P(log10 |r|, t)`.
    pub logarithmic: Vec<Histogram>,
}

/// A distribution at one lag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The lag, in steps.
    pub step: u64,
    /// The number of origins, all runs together.
    pub origins: u64,
    /// The density in each bin, with standard errors as in [`Series`]: its sum times the width of a bin is the share of
    /// the displacements that are not outside.
    pub density: Series,
    /// How many displacements were below the bins.
    pub below: u64,
    /// How many displacements were above the bins.
    pub above: u64,
    /// How many displacements there were, those outside included.
    pub counted: u64,
}

#[cfg(test)]
mod tests;
