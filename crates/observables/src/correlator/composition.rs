//! Which particles belong to which species, and frames in that order.

use super::CorrelatorError;
use crate::wave_vectors::{LANES, Lanes, pack};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The species of the particles of a system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Composition {
    /// The particles in the order of their species.
    order: Vec<usize>,
    /// The number of particles of each species.
    counts: Vec<usize>,
}

impl Composition {
    /// For particles of species that count from zero without gaps.
    pub(crate) fn new(species: &[u8]) -> Result<Self, CorrelatorError> {
        let kinds = species
            .iter()
            .max()
            .map_or(0, |&last| usize::from(last) + 1);
        Self::with_kinds(species, kinds)
    }

    /// For particles of exactly `kinds` species.
    pub(crate) fn with_kinds(species: &[u8], kinds: usize) -> Result<Self, CorrelatorError> {
        let mut counts = vec![0; kinds];
        for (particle, &species) in species.iter().enumerate() {
            *counts
                .get_mut(usize::from(species))
                .ok_or(CorrelatorError::UnknownSpecies {
                    particle,
                    species,
                    given: kinds,
                })? += 1;
        }
        if let Some(species) = counts.iter().position(|&count| count == 0) {
            return Err(CorrelatorError::EmptySpecies { species });
        }
        let mut order: Vec<usize> = (0..species.len()).collect();
        order.sort_by_key(|&particle| species[particle]);
        Ok(Self { order, counts })
    }

    /// The number of particles of each species.
    pub(crate) fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// The number of particles.
    pub(crate) fn particles(&self) -> usize {
        self.order.len()
    }

    /// The particles in the order of their species.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// The range of each species in lists in the order of the species.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        consecutive(self.counts.iter().copied())
    }

    /// The number of particles of each species, and its range in packed lists.
    pub(crate) fn packed_ranges(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let lengths = self.counts.iter().map(|count| count.div_ceil(LANES));
        self.counts.iter().copied().zip(consecutive(lengths))
    }

    /// Vectors (positions, velocities) in the order of the species, relative to their mean over all particles.
    pub(crate) fn centred<const D: usize>(
        &self,
        step: u64,
        quantity: &'static str,
        vectors: &[[f64; D]],
    ) -> Result<Vec<[f64; D]>, CorrelatorError> {
        let centred = self.centred_in_place(step, quantity, vectors)?;
        Ok(self
            .order
            .iter()
            .map(|&particle| centred[particle])
            .collect())
    }

    /// The same in the order of the particles.
    pub(crate) fn centred_in_place<const D: usize>(
        &self,
        step: u64,
        quantity: &'static str,
        vectors: &[[f64; D]],
    ) -> Result<Vec<[f64; D]>, CorrelatorError> {
        let expected = self.order.len();
        if vectors.len() != expected {
            return Err(CorrelatorError::ParticleCount {
                step,
                expected,
                given: vectors.len(),
            });
        }
        let mut centre = [0.0; D];
        for (particle, vector) in vectors.iter().enumerate() {
            for k in 0..D {
                if !vector[k].is_finite() {
                    return Err(CorrelatorError::NotFinite {
                        step,
                        particle,
                        quantity,
                    });
                }
                centre[k] += vector[k] / expected as f64;
            }
        }
        let relative = |vector: &[f64; D]| std::array::from_fn(|k| vector[k] - centre[k]);
        Ok(vectors.iter().map(relative).collect())
    }

    /// Vectors in the order of the species, [`LANES`] side by side: each species starts a new group, and zeros follow
    /// its last particle.
    pub(crate) fn packed<const D: usize>(&self, sorted: &[[f64; D]]) -> Vec<[Lanes; D]> {
        let groups = self.ranges().flat_map(|range| sorted[range].chunks(LANES));
        groups.map(pack).collect()
    }

    /// Whether a packed list that was stored has the right length.
    pub(crate) fn check_packed(&self, length: usize) -> Result<(), &'static str> {
        let expected: usize = self.counts.iter().map(|count| count.div_ceil(LANES)).sum();
        (length == expected)
            .then_some(())
            .ok_or("a frame in it has another number of particles")
    }

    /// What hinders merging.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        (self.counts != other.counts).then_some("numbers of particles of each species")
    }
}

fn consecutive(lengths: impl Iterator<Item = usize>) -> impl Iterator<Item = Range<usize>> {
    lengths.scan(0, |end, length| {
        let start = *end;
        *end += length;
        Some(start..*end)
    })
}
