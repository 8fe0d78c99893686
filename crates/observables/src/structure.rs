//! Static structure: who is where, relative to whom.
//!
//! | module | question it answers |
//! |---|---|
//! | [`pair_correlation`] | how many particles are at a distance, compared with a gas: `g_ab(r)`, `n_ab(r)`? |
//! | [`structure_factor`] | how strong are density waves: `S_ab(q)`? |
//! | [`peak`] | where is the first peak of `S(q)`, and how certain is that? |
//! | [`bonds`] | which particles are neighbours, in any cell? |
//! | [`bond_order`] | how are the neighbours of a particle arranged: `q_l`, `psi_l`? |
//! | [`crystallinity`] | has the liquid begun to crystallise? |
//!
//! The accumulators take frames of one fixed cell, of any shape, in two or three dimensions; positions may be folded
//! into the cell or not. They keep sums, not frames: their memory does not grow with the length of a run. They can be
//! serialised at any moment and continue from the copy to the same bits.
//!
//! Standard errors come from the scatter of independent runs, each [merged](PairCorrelation::merge) into the first, or of
//! blocks of one long run, each begun by [`begin_run`](PairCorrelation::begin_run): choose blocks longer than
//! the relaxation time.

pub mod bond_order;
pub mod bonds;
pub mod crystallinity;
mod grid;
pub mod pair_correlation;
pub mod peak;
pub mod structure_factor;
mod waves;

#[cfg(test)]
mod random_frames;

use crate::lattice::Lattice;
pub use bond_order::BondOrder;
pub use bonds::Bonds;
pub use crystallinity::{CrystalCriterion, CrystalVerdict, Crystallinity};
pub use pair_correlation::{PairCorrelation, PairCorrelationFunction, PairCorrelations};
pub use peak::{Peak, PeakError};
pub use structure_factor::{PartialStructureFactor, StructureFactor, StructureFactors};

/// What the measurements of structure refuse.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// The lattice vectors are not finite, or do not span a volume.
    #[error("the lattice vectors span a volume of {volume}: it must be finite and not zero")]
    SingularCell {
        /// The volume, or 0 where it could not be computed.
        volume: f64,
    },
    /// A range is not positive, or so long that a pair would be met in too many periodic images.
    #[error(
        "a range of {range}: it must be positive and at most {longest}, 64 times the least thickness of the cell"
    )]
    InvalidRange {
        /// The range that was asked for.
        range: f64,
        /// The longest that is served.
        longest: f64,
    },
    /// The number of bins is zero or absurd.
    #[error("{bins} bins: give from 1 to {limit}")]
    InvalidBins {
        /// The number that was asked for.
        bins: usize,
        /// The largest number for so many species.
        limit: usize,
    },
    /// The longest wave number or the width of bins is not positive, or there are no wave vectors, or too many.
    #[error(
        "wave numbers up to {longest} in bins of {width} mean about {vectors:.1e} wave vectors of the cell: \
         both must be positive, and there must be from 1 to 1e8 wave vectors"
    )]
    InvalidWaveNumbers {
        /// The longest wave number that was asked for.
        longest: f64,
        /// The width of bins that was asked for.
        width: f64,
        /// The number of wave vectors.
        vectors: f64,
    },
    /// There are no particles, or more than can be counted.
    #[error("{particles} particles: give from 1 to 4294967295")]
    Particles {
        /// The number of particles.
        particles: usize,
    },
    /// No particle belongs to a species.
    #[error("no particle has species {species}: number the {count} species from 0 without gaps")]
    EmptySpecies {
        /// The species.
        species: usize,
        /// The number of species, one more than the highest index.
        count: usize,
    },
    /// A list does not have one entry for each particle.
    #[error("{given} {what} were given for {expected} particles")]
    ParticleCount {
        /// What was counted.
        what: &'static str,
        /// The number of particles.
        expected: usize,
        /// The number that was given.
        given: usize,
    },
    /// A coordinate is infinite or not a number.
    #[error("the position of particle {particle} is not finite: the run has blown up")]
    NotFinite {
        /// The index of the particle.
        particle: usize,
    },
    /// Two accumulators that measure different things cannot be merged.
    #[error("the accumulators differ in their {difference}: merge runs of one and the same set-up")]
    Incompatible {
        /// What differs.
        difference: &'static str,
    },
    /// A table of one number for each pair of species is not square, not symmetric, or too small.
    #[error(
        "no positive cut-off for the pair of species {first}, {second}: give a symmetric table of positive cut-offs"
    )]
    Cutoffs {
        /// The first species.
        first: usize,
        /// The second species.
        second: usize,
    },
    /// The degree of bond order is out of range.
    #[error("bond order of degree {degree}: give from 1 to {highest}")]
    InvalidDegree {
        /// The degree that was asked for.
        degree: usize,
        /// The highest that is served.
        highest: usize,
    },
    /// A criterion has a value that means nothing.
    #[error("a criterion with {what} = {value}: {remedy}")]
    InvalidCriterion {
        /// Which value.
        what: &'static str,
        /// The value.
        value: f64,
        /// What would be right.
        remedy: &'static str,
    },
}

/// The number of particles of each species, all of them positive.
fn count_species(species: &[u8]) -> Result<Vec<usize>, StructureError> {
    if species.is_empty() || u32::try_from(species.len()).is_err() {
        return Err(StructureError::Particles {
            particles: species.len(),
        });
    }
    let count = species
        .iter()
        .map(|&s| usize::from(s) + 1)
        .max()
        .unwrap_or(0);
    let mut counts = vec![0; count];
    for &species in species {
        counts[usize::from(species)] += 1;
    }
    match counts.iter().position(|&number| number == 0) {
        Some(species) => Err(StructureError::EmptySpecies { species, count }),
        None => Ok(counts),
    }
}

/// Checks the positions of a frame.
fn check_frame<const D: usize>(
    positions: &[[f64; D]],
    expected: usize,
) -> Result<(), StructureError> {
    if positions.len() != expected {
        return Err(StructureError::ParticleCount {
            what: "positions",
            expected,
            given: positions.len(),
        });
    }
    let finite = |position: &[f64; D]| position.iter().all(|x| x.is_finite());
    match positions.iter().position(|position| !finite(position)) {
        Some(particle) => Err(StructureError::NotFinite { particle }),
        None => Ok(()),
    }
}

/// Checks a range against the cell, and makes the plan for it.
fn plan<const D: usize>(
    cell: &[[f64; D]; D],
    range: f64,
    particles: usize,
) -> Result<grid::Plan<D>, StructureError> {
    let lattice = Lattice::new(cell)?;
    let longest = 64.0 * lattice.heights().into_iter().fold(f64::INFINITY, f64::min);
    if range > 0.0 && range <= longest {
        Ok(grid::Plan::new(lattice, range, particles))
    } else {
        Err(StructureError::InvalidRange { range, longest })
    }
}

/// The standard error of a mean over samples with shares `w_k` of the data, from `(w_k, x_k - x)`:
/// `sqrt(n/(n - 1) sum_k w_k^2 (x_k - x)^2)`, the usual `s/sqrt(n)` when the shares are equal; none with one sample.
fn standard_error(samples: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut number, mut sum) = (0.0, 0.0);
    for (share, deviation) in samples {
        number += 1.0;
        sum += (share * deviation) * (share * deviation);
    }
    (number > 1.0).then(|| libm::sqrt(number / (number - 1.0) * sum))
}

/// Compiles a task for the vector instructions that are known, and runs it with the best this machine has.
/// Only where products and sums are fused explicitly are they fused: the bits are the same everywhere.
#[inline(always)]
fn vectorised<R>(task: impl pulp::NullaryFnOnce<Output = R>) -> R {
    pulp::Arch::new().dispatch(task)
}

/// A cell that was serialised as lists.
fn cell_from_rows<const D: usize>(rows: &[Vec<f64>]) -> Result<[[f64; D]; D], StructureError> {
    let mut cell = [[0.0; D]; D];
    if rows.len() != D || rows.iter().any(|row| row.len() != D) {
        let difference = "dimensions";
        return Err(StructureError::Incompatible { difference });
    }
    for (to, from) in cell.iter_mut().zip(rows) {
        to.copy_from_slice(from);
    }
    Ok(cell)
}
