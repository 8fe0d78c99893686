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

/// The Hessian without the translations of its clusters, as a dense matrix.
///
/// For each cluster and axis a Householder reflection turns the translation, a vector of equal components on the
/// members, into the unit vector of the first member. In the new basis rows and columns of first members are
/// zero, and without them nothing but modes is left.
pub(super) struct Reduced {
    pub(super) matrix: Mat<f64>,
    reflections: Vec<Reflection>,
    /// The rows that are kept.
    kept: Vec<usize>,
    dimension: usize,
}

/// `1 - v v^T / first`, where `v` is one on all rows of a list but the first, and `1 + sqrt(members)` there.
struct Reflection {
    rows: Vec<usize>,
    first: f64,
    factor: f64,
}

impl Reflection {
    fn new(rows: Vec<usize>) -> Self {
        let members = rows.len() as f64;
        let first = 1.0 + members.sqrt();
        // v.v = (1 + sqrt m)^2 + m - 1 = 2 sqrt m (1 + sqrt m)
        let factor = 1.0 / (members.sqrt() * first);
        Self {
            rows,
            first,
            factor,
        }
    }

    fn apply(&self, x: &mut [f64]) {
        let (&head, rest) = self.rows.split_first().unwrap_or((&0, &[]));
        let along = self.first * x[head] + rest.iter().map(|&row| x[row]).sum::<f64>();
        let step = self.factor * along;
        x[head] -= step * self.first;
        for &row in rest {
            x[row] -= step;
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
        let reflections: Vec<Reflection> = members(hessian)
            .into_iter()
            .flat_map(|members| {
                (0..D).map(move |k| Reflection::new(members.iter().map(|i| D * i + k).collect()))
            })
            .collect();
        let mut kept: Vec<bool> = vec![true; dimension];
        for reflection in &reflections {
            kept[reflection.rows[0]] = false;
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

/// The particles of each cluster.
fn members<const D: usize>(hessian: &Hessian<'_, D>) -> Vec<Vec<usize>> {
    let clusters = hessian.cluster_data();
    let mut members = vec![Vec::new(); clusters.count()];
    for particle in 0..hessian.particles() {
        members[clusters.label(particle)].push(particle);
    }
    members
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
