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
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRICLINIC: [[f64; 3]; 3] = [[7.1, 0.0, 0.0], [2.3, 6.4, 0.0], [-1.2, 1.9, 8.3]];

    #[test]
    fn cubic_stars_have_their_multiplicities() {
        let cell = [[10.0, 0.0, 0.0], [0.0, 10.0, 0.0], [0.0, 0.0, 10.0]];
        let unit = TAU / 10.0;
        // Representations of n^2 as a sum of three squares, halved: 6, 12, 8, 6, 24 -> pairs.
        for (square, pairs) in [(1.0, 3), (2.0, 6), (3.0, 4), (4.0, 3), (5.0, 12), (9.0, 15)] {
            let magnitude = unit * f64::sqrt(square);
            assert_eq!(
                WaveVectors::shell(&cell, magnitude, 1e-6).unwrap().len(),
                pairs
            );
        }
    }

    /// Against a search over a generous cube of integers, with explicit cross products for the basis.
    #[test]
    fn triclinic_shell_agrees_with_brute_force() {
        let cross = |a: [f64; 3], b: [f64; 3]| -> [f64; 3] {
            std::array::from_fn(|k| {
                a[(k + 1) % 3] * b[(k + 2) % 3] - a[(k + 2) % 3] * b[(k + 1) % 3]
            })
        };
        let [a, b, c] = TRICLINIC;
        let volume = dot(&a, &cross(b, c));
        let basis =
            [cross(b, c), cross(c, a), cross(a, b)].map(|row| row.map(|x| TAU * x / volume));
        let (magnitude, width) = (5.3, 0.2);
        let mut expected = Vec::new();
        for n0 in -20..=20 {
            for n1 in -20..=20 {
                for n2 in -20..=20 {
                    let q = combine(&basis, &[n0, n1, n2]);
                    if (norm(&q) - magnitude).abs() <= width / 2.0 {
                        expected.push([n0, n1, n2]);
                    }
                }
            }
        }
        let shell = WaveVectors::shell(&TRICLINIC, magnitude, width).unwrap();
        assert_eq!(2 * shell.len(), expected.len());
        for (n, q) in shell.integers().iter().zip(shell.vectors()) {
            assert!(expected.contains(n));
            assert!(!shell.integers().contains(&n.map(|n| -n)));
            for row in TRICLINIC {
                let turns = dot(&row, &q) / TAU;
                assert!((turns - turns.round()).abs() < 1e-12);
            }
        }
        // Handedness of the cell does not matter.
        let left = [TRICLINIC[1], TRICLINIC[0], TRICLINIC[2]];
        assert_eq!(
            WaveVectors::shell(&left, magnitude, width).unwrap().len(),
            shell.len()
        );
    }

    #[test]
    fn empty_shell_names_the_nearest() {
        let cell = [[5.0, 0.0], [0.0, 5.0]];
        let unit = TAU / 5.0;
        let error = WaveVectors::shell(&cell, 1.2 * unit, 0.01).unwrap_err();
        let WaveVectorError::EmptyShell { nearest, .. } = error else {
            panic!("{error}")
        };
        assert!((nearest - unit).abs() < 1e-12);
        // The width that the message recommends works.
        assert!(WaveVectors::shell(&cell, 1.2 * unit, 2.0 * 0.2 * unit + 1e-12).is_ok());
        // Far below the smallest wave vector.
        let error = WaveVectors::shell(&cell, 0.01 * unit, 1e-3).unwrap_err();
        assert!(
            matches!(error, WaveVectorError::EmptyShell { nearest, .. } if (nearest - unit).abs() < 1e-12)
        );
    }

    #[test]
    fn refuses_nonsense() {
        let flat = [[1.0, 2.0], [2.0, 4.0]];
        assert!(matches!(
            WaveVectors::shell(&flat, 1.0, 0.1),
            Err(WaveVectorError::SingularCell { .. })
        ));
        let cell = [[5.0, 0.0], [0.0, 5.0]];
        assert!(WaveVectors::shell(&cell, f64::NAN, 0.1).is_err());
        assert!(WaveVectors::shell(&cell, 1.0, 0.0).is_err());
        assert!(WaveVectors::shell(&[[f64::NAN, 0.0], [0.0, 1.0]], 1.0, 0.1).is_err());
        assert!(matches!(
            WaveVectors::shell(&[[1e9, 0.0], [0.0, 1e9]], 6.0, 0.1),
            Err(WaveVectorError::TooMany { .. })
        ));
    }

    #[test]
    fn default_width_holds_enough_vectors_in_every_box() {
        for (density, magnitude) in [(0.82, 6.35), (1.2, 7.25), (0.6, 5.47), (0.52, 6.3)] {
            for particles in [500.0, 2000.0, 8000.0_f64] {
                let edge = (particles / density).cbrt();
                let cell = [[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]];
                let width = WaveVectors::default_width(&cell, magnitude).unwrap();
                assert!(width < 0.25, "{width}");
                let shell = WaveVectors::shell(&cell, magnitude, width).unwrap();
                assert!(shell.len() >= 25, "{}", shell.len());
                assert!(shell.len() <= 400, "{}", shell.len());
            }
        }
        for particles in [500.0, 8000.0_f64] {
            let edge = (particles / 0.86_f64).sqrt();
            let cell = [[edge, 0.0], [0.0, edge]];
            let width = WaveVectors::default_width(&cell, 5.91).unwrap();
            assert!(WaveVectors::shell(&cell, 5.91, width).unwrap().len() >= 25);
        }
    }

    #[test]
    fn limit_keeps_the_nearest_and_prefers_no_direction() {
        let shell = WaveVectors::shell(&TRICLINIC, 6.0, 1.0).unwrap();
        let distance = |q: &[f64; 3]| (norm(q) - 6.0).abs();
        let limited = shell.clone().limited_to(20);
        assert_eq!(limited.len(), 20);
        let farthest = limited.vectors().iter().map(distance).fold(0.0, f64::max);
        let nearer = shell
            .vectors()
            .iter()
            .filter(|q| distance(q) <= farthest)
            .count();
        assert_eq!(nearer, 20);
        assert_eq!(shell.clone().limited_to(0).len(), 1);
        assert_eq!(shell.clone().limited_to(100_000), shell);

        // 24 of the 96 pairs of one cubic star: no axis has much more than a third of the square.
        let cell = [[14.0, 0.0, 0.0], [0.0, 14.0, 0.0], [0.0, 0.0, 14.0]];
        let star = WaveVectors::shell(&cell, TAU / 14.0 * f64::sqrt(185.0), 1e-6).unwrap();
        assert!(star.len() > 60);
        let limited = star.limited_to(24);
        for k in 0..3 {
            let share: f64 = limited
                .vectors()
                .iter()
                .map(|q| q[k] * q[k] / dot(q, q) / 24.0)
                .sum();
            assert!(share > 0.2 && share < 0.5, "{share}");
        }
    }

    fn check_phases<const D: usize>(
        shell: &WaveVectors<D>,
        from: &[[f64; D]],
        to: &[[f64; D]],
    ) -> Result<(), TestCaseError> {
        let pack = |positions: &[[f64; D]]| -> Vec<[Lanes; D]> {
            positions.chunks(LANES).map(super::pack).collect()
        };
        let count = from.len();
        let phases = |positions: &[[f64; D]]| shell.phases(&pack(positions), count);
        let found = shell.mean_cosine_between(&phases(from), &phases(to), count);
        let mut sum = 0.0;
        for q in shell.vectors() {
            for (from, to) in from.iter().zip(to) {
                sum += (dot(&q, to) - dot(&q, from)).cos();
            }
        }
        // Phases of a few hundred have errors of some 1e-14.
        prop_assert!((found - sum / (count * shell.len()) as f64).abs() < 1e-12);
        for (q, [real, imaginary]) in shell.vectors().iter().zip(shell.densities(from)) {
            let cosines: f64 = from.iter().map(|r| dot(q, r).cos()).sum();
            let sines: f64 = from.iter().map(|r| dot(q, r).sin()).sum();
            prop_assert!((real - cosines).abs() < 1e-12 * count as f64);
            prop_assert!((imaginary - sines).abs() < 1e-12 * count as f64);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn products_of_phases_agree_with_cosines(
            displacements in prop::collection::vec(prop::array::uniform3(-30.0_f64..30.0), 1..40),
            magnitude in 3.0_f64..9.0,
        ) {
            let shell = WaveVectors::shell(&TRICLINIC, magnitude, 0.5).unwrap();
            let direct: f64 = shell
                .vectors()
                .iter()
                .flat_map(|q| displacements.iter().map(|r| dot(q, r).cos()))
                .sum::<f64>() / (shell.len() * displacements.len()) as f64;
            // The phase reaches 30 sqrt(3) 9 = 470 and has a rounding error of a few 470 * 1e-16; the powers add
            // about ten times 1e-16 each.
            prop_assert!((shell.mean_cosine(&displacements) - direct).abs() < 1e-12);
        }

        /// Of few wave vectors and of many, in two dimensions and three: from both ends of a displacement, and densities.
        #[test]
        fn phases_of_positions_agree_with_cosines(
            ends in prop::collection::vec(prop::array::uniform6(-30.0_f64..30.0), 1..40),
            magnitude in 3.0_f64..9.0, number in 1_usize..40,
        ) {
            let shell = WaveVectors::shell(&TRICLINIC, magnitude, 1.0).unwrap().limited_to(number);
            let (from, to): (Vec<[f64; 3]>, Vec<[f64; 3]>) =
                ends.iter().map(|e| ([e[0], e[1], e[2]], [e[3], e[4], e[5]])).unzip();
            check_phases(&shell, &from, &to)?;
            let flat = [[6.0, 0.5], [-1.0, 7.0]];
            let shell = WaveVectors::shell(&flat, magnitude, 2.0).unwrap().limited_to(number);
            let (from, to): (Vec<[f64; 2]>, Vec<[f64; 2]>) =
                ends.iter().map(|e| ([e[0], e[1]], [e[2], e[3]])).unzip();
            check_phases(&shell, &from, &to)?;
        }

        #[test]
        fn lattice_translations_change_nothing(
            displacement in prop::array::uniform2(-3.0_f64..3.0), turns in prop::array::uniform2(-4_i32..5),
        ) {
            let cell = [[6.0, 0.5], [-1.0, 7.0]];
            let shell = WaveVectors::shell(&cell, 5.9, 0.6).unwrap();
            let shift = combine(&cell, &turns);
            let moved = std::array::from_fn(|k| displacement[k] + shift[k]);
            prop_assert!((shell.mean_cosine(&[displacement]) - shell.mean_cosine(&[moved])).abs() < 1e-11);
        }
    }
}
