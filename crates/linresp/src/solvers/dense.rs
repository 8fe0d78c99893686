//! Dense factorisation of the Hessian: for small systems, and the reference for the other solvers.

use crate::hessian::Hessian;
use crate::solver::{Accuracy, LinearSolver, Preparation, PreparedSolver, SolveError, dot, saddle};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::cholesky::llt;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Conj, Mat, MatMut, MatRef, Par, Spec};

/// Pivots this much below the largest entry may be rounding: the eigenvalues decide.
const SUSPICIOUS: f64 = 1e-12;

/// Dense Cholesky factorisation of `M + s Q Q^T`, where `Q` holds the trivial zero modes and `s` is the mean of
/// the diagonal: on vectors without such modes its inverse is the pseudo-inverse of `M`.
///
/// Memory grows as `(D N)^2` and time as `(D N)^3`: for a few hundred particles, and to check the other
/// solvers. Where a pivot is not clearly positive, all eigenvalues are computed, so a saddle is always found
/// and reported with its lowest mode, and so is a mode that costs nothing.
///
/// Everything runs on one thread.
///
/// ```
/// # use vitreous_linresp::{Dense, Hessian, SolveError};
/// # use vitreous_md_core::{Cell, Configuration, Linearization, Species};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Two particles in a plane whose distance 1 is at a maximum of the energy, U = -(s - 1)^2.
/// let cell = Cell::orthorhombic([9.0; 2])?;
/// let pair = Configuration::new(cell, vec![[0.0, 0.0], [1.0, 0.0]], vec![Species(0); 2])?;
/// let mut expansion = Linearization::empty(&pair);
/// expansion.add_pair([0, 1], [1.0, 0.0], [0.0, 0.0, -2.0]);
/// let outcome = Hessian::new(&expansion).inverse(&Dense::default());
/// // d2U/dr2 = -8 at fixed centre: along z = (-1, 0, 1, 0)/sqrt 2 the curvature is -16.
/// let Err(SolveError::Saddle { curvature, direction }) = outcome else { panic!() };
/// assert!((curvature + 16.0).abs() < 1e-12);
/// assert!((direction[0].abs() - 0.5_f64.sqrt()).abs() < 1e-12 && direction[1].abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dense {
    /// The largest relative residual `|b - M x| / |b|`: a solution beyond it is an error.
    pub tolerance: f64,
    /// Solutions are refined, at most twice, while their relative residual is above this.
    pub target: f64,
}

impl Default for Dense {
    /// A tolerance of 1e-10 and a target of 1e-12.
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            target: 1e-12,
        }
    }
}

impl<const D: usize> LinearSolver<D> for Dense {
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Result<Box<dyn PreparedSolver<D>>, SolveError> {
        let rows = hessian.dimension();
        let largest = hessian.largest_diagonal();
        let mut factor = regularised(hessian)?;
        let factored = {
            let mut memory = buffer(llt::factor::cholesky_in_place_scratch::<f64>(
                rows,
                Par::Seq,
                Spec::default(),
            ))?;
            llt::factor::cholesky_in_place(
                MatMut::from_column_major_slice_mut(&mut factor, rows, rows),
                llt::factor::LltRegularization::default(),
                Par::Seq,
                MemStack::new(&mut memory),
                Spec::default(),
            )
        };
        let smallest = (0..rows)
            .map(|k| factor[k * rows + k].powi(2))
            .fold(f64::INFINITY, f64::min);
        if factored.is_err() || smallest <= SUSPICIOUS * largest {
            let (curvature, direction) = lowest(&regularised(hessian)?, hessian)?;
            if curvature <= rows as f64 * f64::EPSILON * largest {
                return Err(saddle(curvature, direction));
            }
            if factored.is_err() {
                return Err(SolveError::Singular { particle: 0 });
            }
        }
        Ok(Box::new(Prepared {
            rows,
            factor,
            accuracy: Accuracy {
                tolerance: self.tolerance,
                target: self.target,
                refinements: 2,
            },
        }))
    }
}

/// `M + s Q Q^T`, by columns.
fn regularised<const D: usize>(hessian: &Hessian<'_, D>) -> Result<Vec<f64>, SolveError> {
    let rows = hessian.dimension();
    let entries = rows
        .checked_mul(rows)
        .ok_or(SolveError::OutOfMemory { entries: 0 })?;
    let mut dense = Vec::new();
    dense
        .try_reserve_exact(entries)
        .map_err(|_| SolveError::OutOfMemory { entries })?;
    dense.resize(entries, 0.0);
    let mut trace = 0.0;
    for (row, column, block) in hessian.matrix().iter() {
        for a in 0..D {
            for b in 0..D {
                dense[(D * column + b) * rows + D * row + a] = block[a][b];
            }
            if row == column {
                trace += block[a][a];
            }
        }
    }
    let mean = trace / rows as f64;
    let scale = if mean > 0.0 { mean } else { 1.0 };
    for mode in hessian.cluster_data().zero_modes_by_cluster().flatten() {
        let places: Vec<usize> = (0..rows).filter(|&k| mode[k] != 0.0).collect();
        for &column in &places {
            for &row in &places {
                dense[column * rows + row] += scale * mode[row] * mode[column];
            }
        }
    }
    Ok(dense)
}

/// The smallest eigenvalue of a symmetric matrix and its eigenvector, with the curvature recomputed.
fn lowest<const D: usize>(
    matrix: &[f64],
    hessian: &Hessian<'_, D>,
) -> Result<(f64, Vec<f64>), SolveError> {
    let rows = hessian.dimension();
    let mut values = Diag::<f64>::zeros(rows);
    let mut vectors = Mat::<f64>::zeros(rows, rows);
    let mut memory = buffer(self_adjoint_evd_scratch::<f64>(
        rows,
        ComputeEigenvectors::Yes,
        Par::Seq,
        Spec::default(),
    ))?;
    self_adjoint_evd(
        MatRef::from_column_major_slice(matrix, rows, rows),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    )
    .map_err(|_| SolveError::Singular { particle: 0 })?;
    // They ascend.
    let mut direction: Vec<f64> = (0..rows).map(|row| vectors[(row, 0)]).collect();
    hessian.project(&mut direction);
    let mut product = vec![0.0; rows];
    hessian.apply(&direction, &mut product);
    let curvature = dot(&direction, &product) / dot(&direction, &direction);
    Ok((curvature, direction))
}

fn buffer(requirement: StackReq) -> Result<MemBuffer, SolveError> {
    MemBuffer::try_new(requirement).map_err(|_| SolveError::OutOfMemory { entries: 0 })
}

struct Prepared {
    rows: usize,
    /// The lower triangle by columns; above it there is no meaning.
    factor: Vec<f64>,
    accuracy: Accuracy,
}

impl<const D: usize> PreparedSolver<D> for Prepared {
    fn solve(
        &self,
        _: &Hessian<'_, D>,
        rhs: &[f64],
        solution: &mut [f64],
    ) -> Result<usize, SolveError> {
        solution.copy_from_slice(rhs);
        let columns = rhs.len() / self.rows;
        let mut memory = buffer(llt::solve::solve_in_place_scratch::<f64>(
            self.rows,
            columns,
            Par::Seq,
        ))?;
        llt::solve::solve_in_place_with_conj(
            MatRef::from_column_major_slice(&self.factor, self.rows, self.rows),
            Conj::No,
            MatMut::from_column_major_slice_mut(solution, self.rows, columns),
            Par::Seq,
            MemStack::new(&mut memory),
        );
        Ok(0)
    }

    fn accuracy(&self) -> Accuracy {
        self.accuracy
    }

    fn preparation(&self) -> Preparation {
        Preparation {
            method: "dense Cholesky".into(),
            stored_numbers: self.factor.len(),
        }
    }
}
