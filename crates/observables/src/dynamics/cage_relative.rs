//! Displacements relative to neighbours.

use super::moments::{DisplacementMoments, MOMENTS, SelfCorrelations};
use crate::correlator::{Averages, Composition, Correlation, Correlator, CorrelatorError, Frame};
use crate::lattice::Lattice;
use crate::neighbours::NeighbourLists;
use crate::schedule::LogSchedule;
use crate::serde_arrays;
use crate::structure::Bonds;
use crate::wave_vectors::WaveVectors;
use serde::{Deserialize, Serialize};

/// Accumulates what [`SelfCorrelator`](super::SelfCorrelator) does, of cage-relative displacements
/// `r_i - (1/n_i) sum_j r_j`, where the `r` are displacements over the lag and the sum is over the `n_i` neighbours `j` that
/// particle `i` had at the origin.
///
/// In two dimensions long waves move particles far without any rearrangement, the more the larger the system
/// (Mermin and Wagner); particles and their neighbours move together in them, so that here they hardly appear.
/// Source: Vivek et al., PNAS 114, 1850 (2017); Illing et al., PNAS 114, 1856 (2017). The paper's Fig. 2 shows such displacements.
///
/// Neighbours are those within a cut-off for each pair of species, found in the periodic cell at each origin, or those that
/// the frame brings along ([`Frame::with_neighbours`]). A neighbour through several images counts for each; a particle without
/// neighbours keeps its displacement relative to the centre of mass.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{CageRelativeCorrelator, LogSchedule, WaveVectors};
///
/// let cell = [[8.0, 0.0], [0.0, 8.0]];
/// let wave_vectors = WaveVectors::shell(&cell, 6.0, 1.0)?;
/// // Two pairs fly apart. In a pair, nothing moves.
/// let (species, cutoffs) = ([0; 4], vec![vec![1.5]]);
/// let schedule = LogSchedule::new(1, 10, 3)?;
/// let mut correlator = CageRelativeCorrelator::new(&cell, &species, cutoffs, vec![wave_vectors], schedule, 5)?;
/// while correlator.next_step() <= 20 {
///     let step = correlator.next_step();
///     let x = 0.05 * step as f64;
///     correlator.push(step, &[[x, 0.0], [x, 1.0], [4.0 - x, 4.0], [4.0 - x, 5.0]])?;
/// }
/// let result = &correlator.finish().species[0];
/// assert!(result.mean_squared_displacement.values[3] < 1e-24);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type CageRelativeCorrelator<const D: usize> = Correlator<D, CageRelative<D>>;

/// The moments of cage-relative displacements, for [`CageRelativeCorrelator`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CageRelative<const D: usize> {
    composition: Composition,
    species: Vec<u8>,
    wave_vectors: Vec<WaveVectors<D>>,
    #[serde(with = "serde_arrays")]
    cell: Vec<[f64; D]>,
    cutoffs: Vec<Vec<f64>>,
}

/// What [`CageRelative`] keeps of a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CageSnapshot<const D: usize> {
    /// In the order of the particles, relative to the centre of mass.
    #[serde(with = "serde_arrays")]
    positions: Vec<[f64; D]>,
    /// Only origins have them.
    neighbours: NeighbourLists,
}

impl<const D: usize> CageRelativeCorrelator<D> {
    /// An empty accumulator for particles of the given species (length `N`).
    ///
    /// `cell` has the lattice vectors as rows, `cutoffs[a][b]` is the length below which particles of species `a` and `b` are
    /// neighbours, `wave_vectors[s]` are those of species `s`; `origin_interval` is in steps.
    ///
    /// # Errors
    ///
    /// If the interval is zero, the species of the particles, of the cut-offs and of the wave vectors do not match, the cut-offs
    /// are not symmetric, or the cell has no volume.
    pub fn new(
        cell: &[[f64; D]; D],
        species: &[u8],
        cutoffs: Vec<Vec<f64>>,
        wave_vectors: Vec<WaveVectors<D>>,
        schedule: LogSchedule,
        origin_interval: u64,
    ) -> Result<Self, CorrelatorError> {
        let composition = Composition::with_kinds(species, wave_vectors.len())?;
        check_cutoffs(&cutoffs)?;
        if cutoffs.len() != wave_vectors.len() {
            return Err(CorrelatorError::Cutoffs {
                first: cutoffs.len().min(wave_vectors.len()),
                second: 0,
                kinds: wave_vectors.len(),
            });
        }
        Lattice::new(cell)?;
        let correlation = CageRelative {
            composition,
            species: species.to_vec(),
            wave_vectors,
            cell: cell.to_vec(),
            cutoffs,
        };
        Self::with(correlation, schedule, origin_interval)
    }
}

impl<const D: usize> Correlation<D> for CageRelative<D> {
    type Snapshot = CageSnapshot<D>;
    type Outcome = SelfCorrelations;

    fn width(&self) -> usize {
        MOMENTS * self.wave_vectors.len()
    }

    fn snapshot(&self, frame: &Frame<'_, D>) -> Result<Self::Snapshot, CorrelatorError> {
        Ok(CageSnapshot {
            positions: self.composition.centred_in_place(
                frame.step,
                "position",
                frame.positions,
            )?,
            neighbours: NeighbourLists::default(),
        })
    }

    fn begin(
        &self,
        frame: &Frame<'_, D>,
        snapshot: &mut Self::Snapshot,
    ) -> Result<(), CorrelatorError> {
        snapshot.neighbours = if let Some(given) = frame.neighbours {
            let expected = self.composition.particles();
            if given.particles() != expected {
                return Err(CorrelatorError::ParticleCount {
                    step: frame.step,
                    expected,
                    given: given.particles(),
                });
            }
            given.clone()
        } else {
            let cell = std::array::from_fn(|k| self.cell[k]);
            let bonds = Bonds::by_species(&cell, &snapshot.positions, &self.species, &self.cutoffs)
                .map_err(|error| CorrelatorError::Neighbours {
                    step: frame.step,
                    error,
                })?;
            NeighbourLists::of_bonds(&bonds)
        };
        Ok(())
    }

    fn accumulate(&self, origin: &Self::Snapshot, now: &Self::Snapshot, sums: &mut [f64]) {
        let displacements: Vec<[f64; D]> = now
            .positions
            .iter()
            .zip(&origin.positions)
            .map(|(now, origin)| std::array::from_fn(|k| now[k] - origin[k]))
            .collect();
        let relative: Vec<[f64; D]> = self
            .composition
            .order()
            .iter()
            .map(|&particle| {
                let neighbours = origin.neighbours.of(particle);
                let mut mean = [0.0; D];
                for &neighbour in neighbours {
                    for k in 0..D {
                        mean[k] += displacements[neighbour as usize][k] / neighbours.len() as f64;
                    }
                }
                std::array::from_fn(|k| displacements[particle][k] - mean[k])
            })
            .collect();
        let species = self.composition.ranges().zip(&self.wave_vectors);
        for ((range, wave_vectors), sums) in species.zip(sums.chunks_mut(MOMENTS)) {
            let own = &relative[range];
            DisplacementMoments::of(own).add_to(sums, wave_vectors.mean_cosine(own));
        }
    }

    fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.wave_vectors != other.wave_vectors {
            Some("wave vectors")
        } else if self.cutoffs != other.cutoffs {
            Some("cut-offs of neighbours")
        } else if self.cell != other.cell {
            Some("cells")
        } else {
            self.composition.difference(&other.composition)
        }
    }

    fn restore(&self, snapshot: &mut Self::Snapshot) -> Result<(), &'static str> {
        let particles = self.composition.particles();
        if snapshot.positions.len() != particles {
            Err("a frame in it has another number of particles")
        } else if !snapshot.neighbours.is_sound(particles) {
            Err("a list of neighbours in it is inconsistent")
        } else {
            Ok(())
        }
    }

    fn finish(&self, averages: &Averages) -> SelfCorrelations {
        SelfCorrelations::new::<D>(averages, self.composition.counts())
    }
}

/// Whether there is a range for each pair of species, the same in both orders.
fn check_cutoffs(cutoffs: &[Vec<f64>]) -> Result<(), CorrelatorError> {
    let kinds = cutoffs.len();
    for first in 0..kinds {
        for second in 0..kinds {
            let get = |a: usize, b: usize| cutoffs[a].get(b).copied().unwrap_or(f64::NAN);
            let cutoff = get(first, second);
            let sound = cutoffs[first].len() == kinds && cutoff.is_finite() && cutoff > 0.0;
            if !sound || cutoff != get(second, first) {
                return Err(CorrelatorError::Cutoffs {
                    first,
                    second,
                    kinds,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
