//! Mean squared displacement, non-Gaussian parameter and self scattering.

use super::moments::{DisplacementMoments, MOMENTS, SelfCorrelations};
use crate::correlator::{Averages, Composition, Correlation, Correlator, CorrelatorError, Frame};
use crate::schedule::LogSchedule;
use crate::serde_arrays;
use crate::wave_vectors::{Lanes, Phases, WaveVectors};
use serde::{Deserialize, Serialize};

/// Accumulates, for each species and each lag `t` of a [`LogSchedule`], over many time origins,
///
/// - the mean squared displacement `<r^2>`,
/// - the mean quartic displacement `<r^4>`, for the non-Gaussian parameter
///   `alpha_2 = D <r^4> / ((D + 2) <r^2>^2) - 1`,
/// - the self part of the intermediate scattering function `F_s(q, t) = <1/n_q sum_q cos(q . r)>`,
/// - the fluctuations of the latter from origin to origin,
///
/// where `r` is the displacement of a particle over the lag, with the displacement of the centre of mass of
/// all particles (equal masses) taken off, and `<...>` averages over the particles of the species and over
/// the origins.
///
/// [`Correlator`] says how frames are asked for, what is kept, and how runs are merged.
///
/// Source: the paper, Sec. II B; lags and averages as in its Fig. 4 (a1)-(d1) and Fig. 9.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{LogSchedule, SelfCorrelator, WaveVectors};
///
/// let cell = [[6.0, 0.0], [0.0, 6.0]];
/// let wave_vectors = WaveVectors::shell(&cell, 6.0, 1.0)?;
/// let mut correlator = SelfCorrelator::new(&[0, 0], vec![wave_vectors], LogSchedule::new(1, 8, 3)?, 4)?;
/// while correlator.next_step() <= 40 {
///     let step = correlator.next_step();
///     // Two particles fly apart at speed 0.1 per step, on a centre of mass that moves at 5.
///     let (drift, flight) = (5.0 * step as f64, 0.1 * step as f64);
///     correlator.push(step, &[[drift + flight, 0.0], [drift - flight, 1.0]])?;
/// }
/// let result = correlator.finish();
/// assert_eq!(result.steps, [1, 2, 4, 8]);
/// assert!((result.species[0].mean_squared_displacement.values[3] - 0.64).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type SelfCorrelator<const D: usize> = Correlator<D, SelfMotion<D>>;

/// The moments of the displacements of the particles of each species, for [`SelfCorrelator`].
///
/// Of every frame it keeps the positions and `D` phases `e^(i q . r)`, `3 D` numbers for each particle: the phases of
/// a displacement are products of powers of those of its ends, and need no sine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfMotion<const D: usize> {
    composition: Composition,
    wave_vectors: Vec<WaveVectors<D>>,
}

/// What [`SelfMotion`] keeps of a frame, relative to the centre of mass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionsAndPhases<const D: usize> {
    #[serde(with = "serde_arrays")]
    positions: Vec<[Lanes; D]>,
    /// Follow from the positions.
    #[serde(skip)]
    phases: Vec<[Phases; D]>,
}

impl<const D: usize> SelfCorrelator<D> {
    /// An empty accumulator for particles of the given species (length `N`).
    ///
    /// `wave_vectors[s]` are those of species `s`; `origin_interval` is in steps.
    ///
    /// # Errors
    ///
    /// If the interval is zero, or the species of the particles and of the wave vectors do not match.
    pub fn new(
        species: &[u8],
        wave_vectors: Vec<WaveVectors<D>>,
        schedule: LogSchedule,
        origin_interval: u64,
    ) -> Result<Self, CorrelatorError> {
        let composition = Composition::with_kinds(species, wave_vectors.len())?;
        let correlation = SelfMotion {
            composition,
            wave_vectors,
        };
        Self::with(correlation, schedule, origin_interval)
    }
}

impl<const D: usize> SelfMotion<D> {
    fn phases(&self, positions: &[[Lanes; D]]) -> Vec<[Phases; D]> {
        let ranges = self.composition.packed_ranges().zip(&self.wave_vectors);
        let mut phases = Vec::with_capacity(positions.len());
        for ((count, range), wave_vectors) in ranges {
            phases.extend(wave_vectors.phases(&positions[range], count));
        }
        phases
    }
}

impl<const D: usize> Correlation<D> for SelfMotion<D> {
    type Snapshot = PositionsAndPhases<D>;
    type Outcome = SelfCorrelations;

    fn width(&self) -> usize {
        MOMENTS * self.wave_vectors.len()
    }

    fn snapshot(&self, frame: &Frame<'_, D>) -> Result<Self::Snapshot, CorrelatorError> {
        let sorted = self
            .composition
            .centred(frame.step, "position", frame.positions)?;
        let positions = self.composition.packed(&sorted);
        let phases = self.phases(&positions);
        Ok(PositionsAndPhases { positions, phases })
    }

    fn accumulate(&self, origin: &Self::Snapshot, now: &Self::Snapshot, sums: &mut [f64]) {
        let species = self.composition.packed_ranges().zip(&self.wave_vectors);
        for (((count, range), wave_vectors), sums) in species.zip(sums.chunks_mut(MOMENTS)) {
            let range = || range.clone();
            let (from, to) = (&origin.positions[range()], &now.positions[range()]);
            let moments = DisplacementMoments::between(from, to, count);
            let (from, to) = (&origin.phases[range()], &now.phases[range()]);
            moments.add_to(sums, wave_vectors.mean_cosine_between(from, to, count));
        }
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        let wave_vectors = (self.wave_vectors != other.wave_vectors).then_some("wave vectors");
        self.composition
            .difference(&other.composition)
            .or(wave_vectors)
    }

    fn restore(&self, snapshot: &mut Self::Snapshot) -> Result<(), &'static str> {
        self.composition.check_packed(snapshot.positions.len())?;
        snapshot.phases = self.phases(&snapshot.positions);
        Ok(())
    }

    fn finish(&self, averages: &Averages) -> SelfCorrelations {
        SelfCorrelations::new::<D>(averages, self.composition.counts())
    }
}

#[cfg(test)]
mod tests;
