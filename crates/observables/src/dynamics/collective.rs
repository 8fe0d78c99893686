//! Coherent intermediate scattering.

use crate::correlator::{
    Averages, Composition, Correlation, Correlator, CorrelatorError, Frame, Series,
};
use crate::schedule::LogSchedule;
use crate::wave_vectors::WaveVectors;
use serde::{Deserialize, Serialize};

/// Accumulates the coherent intermediate scattering functions
/// `F_ab(q, t) = (1/N) <Re rho_a(q, t) rho_b(-q, 0)>` of each pair of species and their sum `F(q, t)`, with
/// `rho_a(q, t) = sum_(i in a) e^(i q . r_i(t))`.
///
/// All are divided by the number `N` of all particles, so that `F = sum_ab F_ab` and `F(q, 0) = S(q)`, the static structure factor.
/// `<...>` averages over the wave vectors of a shell and over the origins. Between different species the mean of `F_ab` and `F_ba`
/// is given, which are the same in equilibrium. Positions are relative to the centre of mass of all particles.
///
/// The static value is included as lag zero: divide by it for `F(q, t)/F(q, 0)`. Of an origin only its densities are
/// kept, two numbers for each wave vector and species.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{CollectiveCorrelator, LogSchedule, WaveVectors};
///
/// let unit = std::f64::consts::TAU / 6.0;
/// let wave_vectors = WaveVectors::shell(&[[6.0, 0.0], [0.0, 6.0]], unit, 0.01)?;
/// let mut scattering = CollectiveCorrelator::new(&[0, 1], wave_vectors, LogSchedule::new(1, 4, 5)?, 2)?;
/// while scattering.next_step() <= 20 {
///     scattering.push(scattering.next_step(), &[[0.0, 0.0], [3.0, 0.0]])?; // at rest
/// }
/// // Along x the particles are in opposite phase, along y in phase.
/// let result = scattering.finish();
/// assert_eq!(result.steps, [0, 1, 2, 3, 4]);
/// assert!((result.total.values[0] - 1.0).abs() < 1e-15);
/// assert!((result.partial(0, 1).unwrap().values[4]).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type CollectiveCorrelator<const D: usize> = Correlator<D, Collective<D>>;

/// Products of densities, for [`CollectiveCorrelator`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collective<const D: usize> {
    composition: Composition,
    wave_vectors: WaveVectors<D>,
}

impl<const D: usize> CollectiveCorrelator<D> {
    /// An empty accumulator for particles of the given species (length `N`, counted from 0 without gaps).
    ///
    /// Lag zero is added to the schedule; `origin_interval` is in steps.
    ///
    /// # Errors
    ///
    /// If the interval is zero, or a species has no particles.
    pub fn new(
        species: &[u8],
        wave_vectors: WaveVectors<D>,
        schedule: LogSchedule,
        origin_interval: u64,
    ) -> Result<Self, CorrelatorError> {
        let composition = Composition::new(species)?;
        let correlation = Collective {
            composition,
            wave_vectors,
        };
        Self::with(correlation, schedule.with_zero(), origin_interval)
    }
}

impl<const D: usize> Collective<D> {
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let kinds = self.composition.counts().len();
        (0..kinds).flat_map(move |first| (first..kinds).map(move |second| (first, second)))
    }
}

impl<const D: usize> Correlation<D> for Collective<D> {
    /// `rho_q` of each species and wave vector.
    type Snapshot = Vec<[f64; 2]>;
    type Outcome = CollectiveCorrelations;

    fn width(&self) -> usize {
        self.pairs().count() + 1
    }

    fn snapshot(&self, frame: &Frame<'_, D>) -> Result<Self::Snapshot, CorrelatorError> {
        let positions = self
            .composition
            .centred(frame.step, "position", frame.positions)?;
        let species = self.composition.ranges();
        Ok(species
            .flat_map(|range| self.wave_vectors.densities(&positions[range]))
            .collect())
    }

    fn accumulate(&self, origin: &Self::Snapshot, now: &Self::Snapshot, sums: &mut [f64]) {
        let number = self.wave_vectors.len();
        let unit = 1.0 / (self.composition.particles() * number) as f64;
        let mut total = 0.0;
        for ((a, b), sum) in self.pairs().zip(&mut *sums) {
            let product = |a: usize, b: usize| -> f64 {
                let now = &now[a * number..][..number];
                let origin = &origin[b * number..][..number];
                let both = now.iter().zip(origin);
                both.map(|(now, origin)| now[0] * origin[0] + now[1] * origin[1])
                    .sum()
            };
            if a == b {
                let value = unit * product(a, a);
                *sum += value;
                total += value;
            } else {
                let value = 0.5 * unit * (product(a, b) + product(b, a));
                *sum += value;
                total += 2.0 * value;
            }
        }
        if let Some(sum) = sums.last_mut() {
            *sum += total;
        }
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        let wave_vectors = (self.wave_vectors != other.wave_vectors).then_some("wave vectors");
        self.composition
            .difference(&other.composition)
            .or(wave_vectors)
    }

    fn restore(&self, snapshot: &mut Self::Snapshot) -> Result<(), &'static str> {
        (snapshot.len() == self.composition.counts().len() * self.wave_vectors.len())
            .then_some(())
            .ok_or("a frame in it has densities of other wave vectors")
    }

    fn finish(&self, averages: &Averages) -> CollectiveCorrelations {
        let partial = self.pairs().enumerate();
        CollectiveCorrelations {
            steps: averages.steps.clone(),
            runs: averages.runs,
            origins: averages.origins(),
            partial: partial
                .map(|(index, (first, second))| PartialScattering {
                    species: [first, second],
                    scattering: averages.means(index),
                })
                .collect(),
            total: averages.means(self.width() - 1),
        }
    }
}

/// What a [`CollectiveCorrelator`] has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectiveCorrelations {
    /// The lags, in steps, that at least one origin has reached; the first is zero.
    pub steps: Vec<u64>,
    /// The number of independent runs.
    pub runs: usize,
    /// The number of origins of each lag, all runs together.
    pub origins: Vec<u64>,
    /// `F_ab(q, t)` for `a <= b`.
    pub partial: Vec<PartialScattering>,
    /// `F(q, t) = sum_ab F_ab(q, t)`, where a pair of different species counts twice.
    pub total: Series,
}

impl CollectiveCorrelations {
    /// `F_ab(q, t)`, in either order of the species; `None` if there is no such species.
    pub fn partial(&self, first: usize, second: usize) -> Option<&Series> {
        let species = [first.min(second), first.max(second)];
        let mut partial = self.partial.iter();
        Some(
            &partial
                .find(|partial| partial.species == species)?
                .scattering,
        )
    }
}

/// The scattering function of a pair of species.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartialScattering {
    /// The species, the smaller number first.
    pub species: [usize; 2],
    /// `F_ab(q, t)`, with one entry for each lag.
    pub scattering: Series,
}

#[cfg(test)]
mod tests;
