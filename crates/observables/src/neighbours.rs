//! Who is whose neighbour in a periodic cell.

use crate::correlator::CorrelatorError;
use crate::wave_vectors::{WaveVectorError, dot, norm, reciprocal_basis};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

/// The neighbours of every particle.
///
/// A particle that is a neighbour through several of its periodic images is in the list once for each, and may be its own
/// neighbour in a cell that is small: the lists are those of the infinite periodic system.
///
/// # Examples
///
/// ```
/// use vitreous_observables::NeighbourLists;
///
/// let cell = [[4.0, 0.0], [0.0, 4.0]];
/// let positions = [[0.1, 0.0], [3.9, 0.0], [2.0, 2.0]];
/// let neighbours = NeighbourLists::within(&cell, &positions, &[0; 3], &[vec![1.0]])?;
/// assert_eq!(neighbours.of(0), [1]);
/// assert_eq!(neighbours, NeighbourLists::from_lists(&[vec![1], vec![0], vec![]])?);
/// # Ok::<(), vitreous_observables::CorrelatorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourLists {
    /// Where the list of each particle ends.
    ends: Vec<usize>,
    neighbours: Vec<u32>,
}

impl NeighbourLists {
    /// Lists that the caller has made, one for each particle.
    ///
    /// # Errors
    ///
    /// If one names a particle that does not exist.
    pub fn from_lists(lists: &[Vec<u32>]) -> Result<Self, CorrelatorError> {
        let particles = lists.len();
        let mut result = Self::default();
        for (particle, list) in lists.iter().enumerate() {
            if let Some(&neighbour) = list.iter().find(|&&other| other as usize >= particles) {
                return Err(CorrelatorError::UnknownNeighbour {
                    particle,
                    neighbour,
                    particles,
                });
            }
            result.neighbours.extend(list);
            result.ends.push(result.neighbours.len());
        }
        Ok(result)
    }

    /// All particles at distances below `cutoffs[a][b]` from each other, where `a` and `b` are their species.
    ///
    /// `cell` has the lattice vectors as rows, `positions` are `N x D`, wrapped or not. Any cell is right, triclinic or
    /// smaller than the cut-offs. The particles are sorted into bins, for a cost in proportion to their number.
    ///
    /// # Errors
    ///
    /// If the cell has no volume, the cut-offs are not a symmetric table, a position is not finite, there are not as many
    /// species as positions, or a cut-off exceeds a hundred times the height of the cell.
    pub fn within<const D: usize>(
        cell: &[[f64; D]; D],
        positions: &[[f64; D]],
        species: &[u8],
        cutoffs: &[Vec<f64>],
    ) -> Result<Self, CorrelatorError> {
        check_cutoffs(cutoffs)?;
        if positions.len() != species.len() {
            return Err(CorrelatorError::ParticleCount {
                step: 0,
                expected: species.len(),
                given: positions.len(),
            });
        }
        for (particle, (position, &species)) in positions.iter().zip(species).enumerate() {
            if position.iter().any(|x| !x.is_finite()) {
                return Err(CorrelatorError::NotFinite {
                    step: 0,
                    particle,
                    quantity: "position",
                });
            }
            if usize::from(species) >= cutoffs.len() {
                return Err(CorrelatorError::UnknownSpecies {
                    particle,
                    species,
                    given: cutoffs.len(),
                });
            }
        }
        let bins = Bins::new(cell, positions, cutoffs)?;
        let mut result = Self::default();
        for particle in 0..positions.len() {
            let start = result.neighbours.len();
            let cutoffs = &cutoffs[usize::from(species[particle])];
            bins.visit(particle, |other, squared| {
                let cutoff = cutoffs[usize::from(species[other])];
                if squared < cutoff * cutoff {
                    result.neighbours.push(other as u32);
                }
            });
            result.neighbours[start..].sort_unstable();
            result.ends.push(result.neighbours.len());
        }
        Ok(result)
    }

    /// The number of particles.
    pub fn particles(&self) -> usize {
        self.ends.len()
    }

    /// The neighbours of a particle.
    ///
    /// # Panics
    ///
    /// If there is no such particle.
    pub fn of(&self, particle: usize) -> &[u32] {
        let start = particle
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        &self.neighbours[start..self.ends[particle]]
    }

    /// Whether the stored lists are lists of that many particles.
    pub(crate) fn is_sound(&self, particles: usize) -> bool {
        self.ends.len() == particles
            && self.ends.is_sorted()
            && self.ends.last().copied().unwrap_or(0) == self.neighbours.len()
            && self
                .neighbours
                .iter()
                .all(|&other| (other as usize) < particles)
    }
}

/// Whether there is a range for each pair of species, the same in both orders.
pub(crate) fn check_cutoffs(cutoffs: &[Vec<f64>]) -> Result<(), CorrelatorError> {
    let kinds = cutoffs.len();
    for first in 0..kinds {
        for second in 0..kinds {
            let get = |a: usize, b: usize| cutoffs[a].get(b).copied().unwrap_or(f64::NAN);
            let cutoff = get(first, second);
            let sound = cutoffs[first].len() == kinds && cutoff.is_finite() && cutoff >= 0.0;
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

/// Particles sorted into equal parts of the cell.
struct Bins<'a, const D: usize> {
    cell: &'a [[f64; D]; D],
    /// The number of bins along each lattice vector.
    numbers: [i64; D],
    /// How many bins to look beyond one's own, along each lattice vector.
    reach: [i64; D],
    /// Positions in the cell.
    wrapped: Vec<[f64; D]>,
    /// The bin of each particle.
    places: Vec<[i64; D]>,
    /// Where the particles of each bin end in `members`.
    ends: Vec<usize>,
    members: Vec<usize>,
}

impl<'a, const D: usize> Bins<'a, D> {
    fn new(
        cell: &'a [[f64; D]; D],
        positions: &[[f64; D]],
        cutoffs: &[Vec<f64>],
    ) -> Result<Self, CorrelatorError> {
        let (reciprocal, _) = reciprocal_basis(cell).map_err(|error| match error {
            WaveVectorError::SingularCell { volume } => CorrelatorError::SingularCell { volume },
            _ => CorrelatorError::SingularCell { volume: f64::NAN },
        })?;
        let longest = cutoffs.iter().flatten().copied().fold(0.0, f64::max);
        let per_edge = libm::pow(positions.len() as f64, 1.0 / D as f64).ceil();
        let (mut numbers, mut reach) = ([1; D], [1; D]);
        for k in 0..D {
            // The distance between the faces of the cell.
            let height = TAU / norm(&reciprocal[k]);
            let value = longest / height;
            if value > 100.0 {
                return Err(CorrelatorError::Parameter {
                    name: "the longest cut-off over the height of the cell",
                    value,
                    range: "at most 100",
                });
            }
            // Bins of about the cut-off, but not many more than particles.
            let number = (1.0 / value).floor().clamp(1.0, per_edge.max(1.0));
            numbers[k] = number as i64;
            reach[k] = (value * number) as i64 + 1;
        }
        let mut bins = Self {
            cell,
            numbers,
            reach,
            wrapped: Vec::with_capacity(positions.len()),
            places: Vec::with_capacity(positions.len()),
            ends: vec![0; numbers.iter().product::<i64>() as usize],
            members: vec![0; positions.len()],
        };
        for position in positions {
            let mut wrapped = *position;
            let mut place = [0; D];
            for k in 0..D {
                let fraction = dot(&reciprocal[k], position) / TAU;
                for component in 0..D {
                    wrapped[component] -= fraction.floor() * cell[k][component];
                }
                let inside = (fraction - fraction.floor()) * numbers[k] as f64;
                place[k] = (inside as i64).min(numbers[k] - 1);
            }
            let bin = bins.index(&place);
            bins.ends[bin] += 1;
            bins.wrapped.push(wrapped);
            bins.places.push(place);
        }
        let mut end = 0;
        for bin in &mut bins.ends {
            // The start, for now: filling moves it to the end.
            end += std::mem::replace(bin, end);
        }
        for particle in 0..positions.len() {
            let bin = bins.index(&bins.places[particle]);
            bins.members[bins.ends[bin]] = particle;
            bins.ends[bin] += 1;
        }
        Ok(bins)
    }

    fn index(&self, place: &[i64; D]) -> usize {
        let index = place
            .iter()
            .zip(&self.numbers)
            .fold(0, |index, (place, number)| index * number + place);
        index as usize
    }

    /// Shows every image of a particle in the bins around, other than the particle itself, with its squared distance.
    fn visit(&self, particle: usize, mut show: impl FnMut(usize, f64)) {
        let own = &self.wrapped[particle];
        let mut offset = self.reach.map(|reach| -reach);
        loop {
            let mut place = [0; D];
            let mut shift = [0.0; D];
            for k in 0..D {
                let unwrapped = self.places[particle][k] + offset[k];
                place[k] = unwrapped.rem_euclid(self.numbers[k]);
                let turns = unwrapped.div_euclid(self.numbers[k]) as f64;
                for component in 0..D {
                    shift[component] += turns * self.cell[k][component];
                }
            }
            let here = offset.iter().all(|&offset| offset == 0);
            let bin = self.index(&place);
            let start = bin.checked_sub(1).map_or(0, |before| self.ends[before]);
            for &other in &self.members[start..self.ends[bin]] {
                if here && other == particle {
                    continue;
                }
                let other_position = &self.wrapped[other];
                let mut squared = 0.0;
                for k in 0..D {
                    let distance = other_position[k] + shift[k] - own[k];
                    squared += distance * distance;
                }
                show(other, squared);
            }
            // Count up, the last offset fastest.
            let Some(place) = (0..D).rev().find(|&k| offset[k] < self.reach[k]) else {
                return;
            };
            offset[place] += 1;
            for k in place + 1..D {
                offset[k] = -self.reach[k];
            }
        }
    }
}

#[cfg(test)]
mod tests;
