//! The cell as a lattice: fractional coordinates, volume, reciprocal vectors.

use crate::correlator::CorrelatorError;
use crate::structure::StructureError;
use crate::wave_vectors::WaveVectorError;
use std::f64::consts::TAU;

/// A periodic cell of any shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lattice<const D: usize> {
    /// The lattice vectors `a_k`.
    pub(crate) rows: [[f64; D]; D],
    /// The dual vectors, `a_j . dual_k = delta_jk`: the fractional coordinate `k` of `x` is `dual_k . x`.
    dual: [[f64; D]; D],
    pub(crate) volume: f64,
}

/// Lattice vectors that span no volume.
#[derive(Debug)]
pub(crate) struct SingularCell {
    volume: f64,
}

impl From<SingularCell> for StructureError {
    fn from(SingularCell { volume }: SingularCell) -> Self {
        Self::SingularCell { volume }
    }
}

impl From<SingularCell> for WaveVectorError {
    fn from(SingularCell { volume }: SingularCell) -> Self {
        Self::SingularCell { volume }
    }
}

impl From<SingularCell> for CorrelatorError {
    fn from(SingularCell { volume }: SingularCell) -> Self {
        Self::SingularCell { volume }
    }
}

impl<const D: usize> Lattice<D> {
    /// By Gauss-Jordan elimination with row pivoting.
    pub(crate) fn new(rows: &[[f64; D]; D]) -> Result<Self, SingularCell> {
        const { assert!(D > 0, "space has at least one dimension") };
        let mut matrix = *rows;
        let mut inverse = [[0.0; D]; D];
        for k in 0..D {
            inverse[k][k] = 1.0;
        }
        let mut determinant = 1.0;
        for column in 0..D {
            let mut pivot = column;
            for row in column..D {
                if matrix[row][column].abs() > matrix[pivot][column].abs() {
                    pivot = row;
                }
            }
            if pivot != column {
                matrix.swap(pivot, column);
                inverse.swap(pivot, column);
            }
            let scale = matrix[column][column];
            determinant *= scale;
            if scale == 0.0 || !scale.is_finite() {
                return Err(SingularCell { volume: 0.0 });
            }
            for component in 0..D {
                matrix[column][component] /= scale;
                inverse[column][component] /= scale;
            }
            for row in (0..D).filter(|&row| row != column) {
                let factor = matrix[row][column];
                for component in 0..D {
                    matrix[row][component] -= factor * matrix[column][component];
                    inverse[row][component] -= factor * inverse[column][component];
                }
            }
        }
        let volume = determinant.abs();
        // Lattice vectors that are parallel up to rounding leave a volume of rounding errors.
        let brick: f64 = rows.iter().map(norm).product();
        if !volume.is_finite() || volume < 1e-12 * brick {
            return Err(SingularCell { volume });
        }
        let dual = std::array::from_fn(|k| std::array::from_fn(|c| inverse[c][k]));
        Ok(Self {
            rows: *rows,
            dual,
            volume,
        })
    }

    /// Fractional coordinates in `[0, 1)`.
    pub(crate) fn folded(&self, position: &[f64; D]) -> [f64; D] {
        self.dual.map(|dual| {
            let fraction = dot(&dual, position);
            let folded = fraction - fraction.floor();
            // A tiny negative number folds to 1 by rounding.
            if folded < 1.0 { folded } else { 0.0 }
        })
    }

    /// `sum_k f_k a_k`.
    pub(crate) fn combine(&self, fractions: &[f64; D]) -> [f64; D] {
        std::array::from_fn(|component| {
            self.rows
                .iter()
                .zip(fractions)
                .map(|(row, fraction)| row[component] * fraction)
                .sum()
        })
    }

    /// The distances between opposite faces.
    pub(crate) fn heights(&self) -> [f64; D] {
        self.dual.map(|dual| 1.0 / norm(&dual))
    }

    /// The reciprocal vectors, `a_j . b_k = 2 pi delta_jk`.
    pub(crate) fn reciprocal(&self) -> [[f64; D]; D] {
        self.dual.map(|dual| dual.map(|x| TAU * x))
    }
}

#[inline(always)]
pub(crate) fn dot<const D: usize>(a: &[f64; D], b: &[f64; D]) -> f64 {
    let mut sum = 0.0;
    for k in 0..D {
        sum += a[k] * b[k];
    }
    sum
}

#[inline(always)]
pub(crate) fn norm<const D: usize>(a: &[f64; D]) -> f64 {
    libm::sqrt(dot(a, a))
}
