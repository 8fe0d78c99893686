//! Eigenvalues and eigenvectors of small symmetric matrices and of whole Hessians, by dense algebra.

use super::ModesError;
use crate::hessian::Hessian;
use crate::solver::{SolveError, dot};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par};

/// Eigenvalues in ascending order, and eigenvectors as columns if asked for. Only the lower triangle is read.
pub(super) fn eigen(
    matrix: MatRef<'_, f64>,
    vectors: bool,
) -> Result<(Vec<f64>, Option<Mat<f64>>), ModesError> {
    let size = matrix.nrows();
    let (wanted, mut basis) = if vectors {
        (ComputeEigenvectors::Yes, Some(Mat::zeros(size, size)))
    } else {
        (ComputeEigenvectors::No, None)
    };
    let mut values = Diag::zeros(size);
    // One thread: the bits must not depend on their number.
    let need = self_adjoint_evd_scratch::<f64>(size, wanted, Par::Seq, faer::Spec::default());
    let mut memory = MemBuffer::try_new(need).map_err(|_| SolveError::OutOfMemory {
        entries: size * size,
    })?;
    self_adjoint_evd(
        matrix,
        values.as_mut(),
        basis.as_mut().map(Mat::as_mut),
        Par::Seq,
        MemStack::new(&mut memory),
        faer::Spec::default(),
    )
    .map_err(|_| ModesError::DenseFailed { size })?;
    let values = (0..size).map(|k| values[k]).collect();
    Ok((values, basis))
}

/// The Hessian without its trivial zero modes, as a dense matrix.
///
/// Householder reflections turn these modes, cluster by cluster, into unit vectors. In the new basis the rows and
/// columns of the latter are zero, and without them nothing but modes is left.
pub(super) struct Reduced {
    pub(super) matrix: Mat<f64>,
    reflections: Vec<Reflection>,
    /// The rows that are kept.
    kept: Vec<usize>,
    dimension: usize,
}

/// `1 - factor v v^T`, where `v` is zero but on some rows; the first of them is the one that is left out.
struct Reflection {
    rows: Vec<usize>,
    vector: Vec<f64>,
    factor: f64,
}

impl Reflection {
    /// The reflection that turns a vector into one along the row of its largest number.
    fn new(vector: &[f64]) -> Self {
        let largest = (0..vector.len())
            .max_by(|&a, &b| vector[a].abs().total_cmp(&vector[b].abs()).then(b.cmp(&a)))
            .unwrap_or(0);
        let others = (0..vector.len()).filter(|&row| row != largest && vector[row] != 0.0);
        let rows: Vec<usize> = std::iter::once(largest).chain(others).collect();
        let mut vector: Vec<f64> = rows.iter().map(|&row| vector[row]).collect();
        let length = dot(&vector, &vector).sqrt();
        vector[0] += length.copysign(vector[0]);
        let factor = 2.0 / dot(&vector, &vector);
        Self {
            rows,
            vector,
            factor,
        }
    }

    fn left_out(&self) -> usize {
        self.rows[0]
    }

    fn apply(&self, x: &mut [f64]) {
        let numbers = || self.rows.iter().zip(&self.vector);
        let step = self.factor * numbers().map(|(&row, v)| v * x[row]).sum::<f64>();
        for (&row, v) in numbers() {
            x[row] -= step * v;
        }
    }
}

impl Reduced {
    pub(super) fn new<const D: usize>(hessian: &Hessian<'_, D>) -> Result<Self, ModesError> {
        let dimension = hessian.dimension();
        let mut flat: Vec<f64> = Vec::new();
        flat.try_reserve_exact(dimension * dimension)
            .map_err(|_| SolveError::OutOfMemory {
                entries: dimension * dimension,
            })?;
        flat.resize(dimension * dimension, 0.0);
        for (row, column, block) in hessian.matrix().iter() {
            for a in 0..D {
                for b in 0..D {
                    flat[(D * column + b) * dimension + D * row + a] = block[a][b];
                }
            }
        }
        let mut kept: Vec<bool> = vec![true; dimension];
        let mut reflections = Vec::new();
        for modes in hessian.cluster_data().zero_modes_by_cluster() {
            let first = reflections.len();
            for mut mode in modes {
                for reflection in &reflections[first..] {
                    Reflection::apply(reflection, &mut mode);
                }
                // What is there are rounding errors: the modes of a cluster are orthogonal.
                for reflection in &reflections[first..] {
                    mode[Reflection::left_out(reflection)] = 0.0;
                }
                let reflection = Reflection::new(&mode);
                kept[reflection.left_out()] = false;
                reflections.push(reflection);
            }
        }
        let kept: Vec<usize> = (0..dimension).filter(|&row| kept[row]).collect();
        // From the left on columns, then on what were rows.
        for _ in 0..2 {
            for column in flat.chunks_exact_mut(dimension) {
                for reflection in &reflections {
                    reflection.apply(column);
                }
            }
            for row in 0..dimension {
                for column in 0..row {
                    flat.swap(row * dimension + column, column * dimension + row);
                }
            }
        }
        let matrix = Mat::from_fn(kept.len(), kept.len(), |row, column| {
            flat[kept[column] * dimension + kept[row]]
        });
        Ok(Self {
            matrix,
            reflections,
            kept,
            dimension,
        })
    }

    /// A vector in the new basis as displacements of the particles.
    pub(super) fn displacements(&self, reduced: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut x = vec![0.0; self.dimension];
        for (&row, value) in self.kept.iter().zip(reduced) {
            x[row] = value;
        }
        for reflection in self.reflections.iter().rev() {
            reflection.apply(&mut x);
        }
        x
    }
}

/// The sums that eigenvalues keep: `sum lambda = tr M` and `sum lambda^2 = sum_ij M_ij^2`.
pub(super) fn invariants<const D: usize>(hessian: &Hessian<'_, D>) -> [f64; 2] {
    let matrix = hessian.matrix();
    let trace = matrix
        .diagonal_blocks()
        .map(|block| (0..D).map(|k| block[k][k]).sum::<f64>())
        .sum();
    let squares = matrix
        .iter()
        .map(|(_, _, block)| dot(block.as_flattened(), block.as_flattened()))
        .sum();
    [trace, squares]
}
