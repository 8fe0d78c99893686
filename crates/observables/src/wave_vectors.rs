//! Wave vectors of a periodic cell in a shell around a given magnitude.

mod phases;

use crate::lattice::{Lattice, dot, norm};
use crate::serde_arrays;
use phases::PhaseProducts;
pub(crate) use phases::{LANES, Lanes, Phases, total};
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};

/// More lattice points than this are not searched.
const SEARCH_LIMIT: f64 = 1e9;

/// Wave vectors of a periodic cell, as integer combinations `q = sum_k n_k b_k` of its reciprocal basis.
///
/// The reciprocal basis of lattice vectors `a_j` satisfies `a_j . b_k = 2 pi delta_jk`; the cell may be
/// triclinic. Of each pair `+q, -q` (the same cosine) one is kept, the one whose first non-zero integer
/// is positive, and `q = 0` never. The order is that of the integers, lexicographic.
///
/// # Examples
///
/// ```
/// use vitreous_observables::WaveVectors;
///
/// let square = [[5.0, 0.0], [0.0, 5.0]];
/// let unit = std::f64::consts::TAU / 5.0;
/// let shell = WaveVectors::shell(&square, unit, 0.01)?;
/// assert_eq!(shell.integers(), [[0, 1], [1, 0]]);
/// # Ok::<(), vitreous_observables::WaveVectorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "SavedWaveVectors<D>")]
pub struct WaveVectors<const D: usize> {
    /// Rows `b_k`.
    #[serde(with = "serde_arrays")]
    reciprocal: Vec<[f64; D]>,
    #[serde(with = "serde_arrays")]
    integers: Vec<[i32; D]>,
    /// The magnitude in the middle of the shell.
    magnitude: f64,
    /// Follows from the integers.
    #[serde(skip)]
    products: PhaseProducts<D>,
}

/// What is stored of [`WaveVectors`].
#[derive(Deserialize)]
struct SavedWaveVectors<const D: usize> {
    #[serde(with = "serde_arrays")]
    reciprocal: Vec<[f64; D]>,
    #[serde(with = "serde_arrays")]
    integers: Vec<[i32; D]>,
    magnitude: f64,
}

impl<const D: usize> From<SavedWaveVectors<D>> for WaveVectors<D> {
    fn from(saved: SavedWaveVectors<D>) -> Self {
        Self {
            products: PhaseProducts::new(&saved.integers),
            reciprocal: saved.reciprocal,
            integers: saved.integers,
            magnitude: saved.magnitude,
        }
    }
}

/// Why no [`WaveVectors`] could be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WaveVectorError {
    /// The lattice vectors are not finite, or do not span a volume.
    #[error("the lattice vectors span a volume of {volume}: it must be finite and not zero")]
    SingularCell {
        /// The determinant of the lattice vectors.
        volume: f64,
    },
    /// The magnitude or the width of the shell is not positive and finite.
    #[error("a shell of magnitude {magnitude} and width {width}: both must be positive and finite")]
    InvalidShell {
        /// The magnitude that was asked for, an inverse length.
        magnitude: f64,
        /// The width that was asked for, an inverse length.
        width: f64,
    },
    /// There is no wave vector in the shell.
    #[error(
        "no wave vector of the cell lies within {width}/2 of |q| = {magnitude}; the nearest has \
         |q| = {nearest}: widen the shell to at least {}",
        2.0 * (nearest - magnitude).abs()
    )]
    EmptyShell {
        /// The magnitude that was asked for, an inverse length.
        magnitude: f64,
        /// The width that was asked for, an inverse length.
        width: f64,
        /// The magnitude, among those of the cell, that is nearest to the one asked for.
        nearest: f64,
    },
    /// The cell is so large that the search would never end.
    #[error(
        "about {candidates:.1e} wave vectors would have to be searched, at most 1e9 are: take a smaller |q|"
    )]
    TooMany {
        /// The number of integer combinations up to the outer edge of the shell.
        candidates: f64,
    },
}

impl<const D: usize> WaveVectors<D> {
    /// All wave vectors with `|q|` in `[magnitude - width/2, magnitude + width/2]`.
    ///
    /// `cell` holds the lattice vectors as rows; `magnitude` (`q_max` of the paper, Table I) and `width`
    /// are inverse lengths.
    ///
    /// # Errors
    ///
    /// If the cell has no volume, the shell is not positive and finite, or no wave vector lies in it; the
    /// error says which magnitude is nearest.
    pub fn shell(
        cell: &[[f64; D]; D],
        magnitude: f64,
        width: f64,
    ) -> Result<Self, WaveVectorError> {
        const { assert!(D > 0, "space has at least one dimension") };
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !positive(magnitude) || !positive(width) {
            return Err(WaveVectorError::InvalidShell { magnitude, width });
        }
        let reciprocal = Lattice::new(cell)?.reciprocal().to_vec();

        // A multiple of the shortest b_k lies within |b_k| above any magnitude: searching that far finds
        // the nearest wave vector even when the shell is empty.
        let shortest = reciprocal.iter().map(norm).fold(f64::INFINITY, f64::min);
        let reach = magnitude + (0.5 * width).max(shortest);
        // q . a_k = 2 pi n_k bounds |n_k| by |q| |a_k| / 2 pi, in any cell.
        let bounds = cell.map(|row| (reach * norm(&row) / TAU).floor());
        let candidates: f64 = bounds.iter().map(|bound| 2.0 * bound + 1.0).product();
        if candidates.is_nan() || candidates > SEARCH_LIMIT {
            return Err(WaveVectorError::TooMany { candidates });
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 1e9")]
        let bounds = bounds.map(|bound| bound as i32);

        let mut integers = Vec::new();
        let mut nearest = f64::INFINITY;
        let mut candidate = bounds.map(|bound| -bound);
        // Of +-q take the one that comes later in lexicographic order: its first non-zero integer is positive.
        candidate[0] = 0;
        loop {
            if candidate.iter().find(|&&n| n != 0).is_some_and(|&n| n > 0) {
                let length = norm(&combine(&reciprocal, &candidate));
                if (length - magnitude).abs() <= 0.5 * width {
                    integers.push(candidate);
                }
                if (length - magnitude).abs() < (nearest - magnitude).abs() {
                    nearest = length;
                }
            }
            // Count up, the last integer fastest.
            let Some(place) = (0..D).rev().find(|&k| candidate[k] < bounds[k]) else {
                break;
            };
            candidate[place] += 1;
            for k in place + 1..D {
                candidate[k] = -bounds[k];
            }
        }
        if integers.is_empty() {
            return Err(WaveVectorError::EmptyShell {
                magnitude,
                width,
                nearest,
            });
        }
        Ok(Self {
            reciprocal,
            products: PhaseProducts::new(&integers),
            integers,
            magnitude,
        })
    }

    /// A width that makes the shell at `magnitude` hold about fifty wave vectors or more.
    ///
    /// The larger of two numbers: the width at which a shell of volume `S_d q^(d-1) width` holds fifty
    /// pairs at the density `V/(2 pi)^d` of wave vectors, and `2 max_k |b_k|^2 / q`, four times the
    /// distance between neighbouring magnitudes in a cubic cell. It is 0.17 for 500 and 0.07 for 2000
    /// particles of the IPL model, far below the width of the peak of the structure factor.
    ///
    /// # Errors
    ///
    /// If the cell has no volume or the magnitude is not positive and finite.
    pub fn default_width(cell: &[[f64; D]; D], magnitude: f64) -> Result<f64, WaveVectorError> {
        const PAIRS: f64 = 50.0;
        if !(magnitude.is_finite() && magnitude > 0.0) {
            let width = f64::NAN;
            return Err(WaveVectorError::InvalidShell { magnitude, width });
        }
        let lattice = Lattice::new(cell)?;
        let (reciprocal, volume) = (lattice.reciprocal(), lattice.volume);
        let half_dimension = 0.5 * D as f64;
        // The area of the unit sphere in D dimensions.
        let sphere = 2.0 * libm::pow(PI, half_dimension) / libm::tgamma(half_dimension);
        let exponent = D as f64;
        let expected = 2.0 * PAIRS * libm::pow(TAU, exponent)
            / (volume * sphere * libm::pow(magnitude, exponent - 1.0));
        let longest = reciprocal.iter().map(norm).fold(0.0, f64::max);
        Ok(expected.max(2.0 * longest * longest / magnitude))
    }

    /// At most `count` of the wave vectors (at least one): those nearest in `|q|` to the middle of the shell.
    ///
    /// Of equally near ones, which a symmetric cell has many of, those come first whose integers have the
    /// smallest value of a fixed hash: the choice is the same every time, and prefers no direction.
    pub fn limited_to(mut self, count: usize) -> Self {
        let distance = |n: &[i32; D]| {
            let length = norm(&combine(&self.reciprocal, n));
            // Round to 1e-9: equally long vectors of a symmetric cell differ in the last bits.
            ((length - self.magnitude).abs() / self.magnitude * 1e9).round()
        };
        self.integers.sort_by_cached_key(|n| {
            let hash = n.iter().fold(0, |hash, &n| {
                crate::bootstrap::mix(hash ^ u64::from(n.cast_unsigned()))
            });
            // The bits of a non-negative f64 are ordered like its value.
            (distance(n).to_bits(), hash)
        });
        self.integers.truncate(count.max(1));
        self.integers.sort_unstable();
        self.products = PhaseProducts::new(&self.integers);
        self
    }

    /// The number of wave vectors, never zero.
    #[expect(clippy::len_without_is_empty, reason = "there is always at least one")]
    pub fn len(&self) -> usize {
        self.integers.len()
    }

    /// The integers `n_k` of every wave vector (`n_q x D`).
    pub fn integers(&self) -> &[[i32; D]] {
        &self.integers
    }

    /// The wave vectors in Cartesian components (`n_q x D`), inverse lengths.
    pub fn vectors(&self) -> Vec<[f64; D]> {
        self.integers
            .iter()
            .map(|n| combine(&self.reciprocal, n))
            .collect()
    }

    /// `1/(N n_q) sum_i sum_q cos(q . r_i)` over displacements `r_i` (`N x D`, lengths): the self part of the
    /// intermediate scattering function for these displacements. Zero when there are none.
    ///
    /// Only `D` phases of a particle are transcendental functions; `e^(i q . r)` is a product of
    /// their integer powers, which costs a few multiplications for each wave vector. The order of
    /// summation is fixed.
    pub fn mean_cosine(&self, displacements: &[[f64; D]]) -> f64 {
        if displacements.is_empty() {
            return 0.0;
        }
        self.products.sum(&self.phases_of(displacements))
            / (displacements.len() * self.len()) as f64
    }

    /// The phases that those of all wave vectors are products of, at packed positions of `count` particles, with zeros
    /// after the last particle.
    pub(crate) fn phases(&self, positions: &[[Lanes; D]], count: usize) -> Vec<[Phases; D]> {
        let mut rest = count;
        let generators = self.products.generators();
        let vectors = generators.map(|n| combine(&self.reciprocal, &n));
        let groups = positions.iter().map(|group| {
            let lanes = rest.min(LANES);
            rest -= lanes;
            let mut phases = [Phases::default(); D];
            for k in (0..D).filter(|&k| generators[k] != [0; D]) {
                for lane in 0..lanes {
                    let position = std::array::from_fn(|component| group[component][lane]);
                    let phase = dot(&vectors[k], &position);
                    (phases[k].sin[lane], phases[k].cos[lane]) = libm::sincos(phase);
                }
            }
            phases
        });
        groups.collect()
    }

    /// The same of positions one after the other.
    fn phases_of(&self, positions: &[[f64; D]]) -> Vec<[Phases; D]> {
        let packed: Vec<[Lanes; D]> = positions.chunks(LANES).map(pack).collect();
        self.phases(&packed, positions.len())
    }

    /// `1/(N n_q) sum_i sum_q cos(q . (r_i - r'_i))` for `count` particles, from their phases at `r'` and at `r`.
    pub(crate) fn mean_cosine_between(
        &self,
        origin: &[[Phases; D]],
        now: &[[Phases; D]],
        count: usize,
    ) -> f64 {
        self.products.sum_between(origin, now) / (count * self.len()) as f64
    }

    /// `rho_q = sum_i e^(i q . r_i)` of each wave vector, as `[real, imaginary]`.
    pub(crate) fn densities(&self, positions: &[[f64; D]]) -> Vec<[f64; 2]> {
        self.products.densities(&self.phases_of(positions))
    }
}

/// At most [`LANES`] vectors side by side, with zeros after the last.
pub(crate) fn pack<const D: usize>(vectors: &[[f64; D]]) -> [Lanes; D] {
    let mut group = [[0.0; LANES]; D];
    for (lane, vector) in vectors.iter().enumerate() {
        for k in 0..D {
            group[k][lane] = vector[k];
        }
    }
    group
}

pub(crate) fn combine<const D: usize>(basis: &[[f64; D]], integers: &[i32; D]) -> [f64; D] {
    std::array::from_fn(|component| {
        basis
            .iter()
            .zip(integers)
            .map(|(row, &n)| f64::from(n) * row[component])
            .sum()
    })
}

#[cfg(test)]
mod tests;
