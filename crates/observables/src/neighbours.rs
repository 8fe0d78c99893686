//! Who is whose neighbour in a periodic cell.

use crate::correlator::CorrelatorError;
use crate::structure::Bonds;
use serde::{Deserialize, Serialize};

/// The neighbours of every particle.
///
/// A particle that is a neighbour through several of its periodic images is in the list once for each, and may be its own
/// neighbour in a cell that is small: the lists are those of the infinite periodic system.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{Bonds, NeighbourLists};
///
/// let cell = [[4.0, 0.0], [0.0, 4.0]];
/// let positions = [[0.1, 0.0], [3.9, 0.0], [2.0, 2.0]];
/// let neighbours = NeighbourLists::of_bonds(&Bonds::within(&cell, &positions, 1.0)?);
/// assert_eq!(neighbours.of(0), [1]);
/// assert_eq!(neighbours, NeighbourLists::from_lists(&[vec![1], vec![0], vec![]])?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
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

    /// The particles at the ends of bonds.
    pub fn of_bonds<const D: usize>(bonds: &Bonds<D>) -> Self {
        let mut result = Self::default();
        for particle in 0..bonds.particles() {
            let neighbours = bonds.of(particle).iter().map(|bond| bond.neighbour as u32);
            result.neighbours.extend(neighbours);
            result.ends.push(result.neighbours.len());
        }
        result
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_names_nobody_is_refused() {
        assert!(matches!(
            NeighbourLists::from_lists(&[vec![0], vec![2]]),
            Err(CorrelatorError::UnknownNeighbour {
                particle: 1,
                neighbour: 2,
                ..
            })
        ));
    }

    #[test]
    fn images_are_neighbours_each() {
        let cell = [[1.0, 0.0], [0.0, 3.0]];
        let positions = [[0.2, 0.1], [0.9, 1.0]];
        let bonds = Bonds::within(&cell, &positions, 1.1).unwrap();
        let lists = NeighbourLists::of_bonds(&bonds);
        // Its own images at distance 1 to the left and right, the other at (-0.3, 0.9).
        assert_eq!(lists.of(0), [0, 0, 1]);
        assert!(lists.is_sound(2) && !lists.is_sound(3));
    }
}
