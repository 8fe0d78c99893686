//! Conjugate gradients for several right-hand sides at once.

use crate::conjugate_gradient::{pool, random_vector};
use crate::hessian::Hessian;
use crate::solver::{Accuracy, LinearSolver, Preparation, PreparedSolver, SolveError, saddle};
use crate::sweeps::pivot;
use rayon::prelude::*;
use std::num::NonZeroUsize;
use vitreous_md_core::{Matrix, vector};

/// What a search direction has across the others, squared and relative to its own square: below this it is
/// left out.
const DEPENDENT: f64 = 1e-8;

/// Block conjugate gradients: right-hand sides share their search space, so each needs fewer iterations, and
/// the Hessian is read once for all of them. In double precision, with block Jacobi as preconditioner.
///
/// Each iteration keeps an orthonormal basis of its search directions, from which dependent ones are dropped:
/// right-hand sides that depend on each other, or are close to it, do no harm. Solutions leave the block as
/// they converge.
///
/// Saddles are looked for as by [`crate::ConjugateGradient`].
///
/// Sources: D. P. O'Leary, Linear Algebra Appl. 29, 293 (1980); the basis without dependent directions:
/// H. Ji & Y. Li, BIT Numer. Math. 57, 379 (2017).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockConjugateGradient {
    /// The largest relative residual `|b - M x| / |b|` of each right-hand side.
    pub tolerance: f64,
    /// The largest number of iterations for one block.
    pub iteration_limit: usize,
    /// The largest number of right-hand sides in a block.
    pub width: NonZeroUsize,
    /// The relative residual to which preparing solves for a random vector, in search of a saddle; one or
    /// more for no search.
    pub probe: f64,
    /// Threads, which share the blocks; results do not depend on their number.
    pub threads: NonZeroUsize,
}

impl Default for BlockConjugateGradient {
    /// A tolerance of 1e-10, a limit of 100 000 iterations, blocks of 16, a probe to 1e-6, and one thread.
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            iteration_limit: 100_000,
            width: NonZeroUsize::MIN.saturating_add(15),
            probe: 1e-6,
            threads: NonZeroUsize::MIN,
        }
    }
}

impl<const D: usize> LinearSolver<D> for BlockConjugateGradient {
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Result<Box<dyn PreparedSolver<D>>, SolveError> {
        let prepared = Prepared {
            parameters: *self,
            pool: pool(self.threads)?,
            scale: hessian.largest_diagonal(),
            inverses: hessian
                .matrix()
                .diagonal_blocks()
                .map(|block| pivot(block, 1.0).1)
                .collect(),
        };
        if self.probe < 1.0 {
            let probe = random_vector(hessian);
            prepared.solve_block(hessian, &probe, &mut vec![0.0; probe.len()], self.probe)?;
        }
        Ok(Box::new(prepared))
    }
}

struct Prepared<const D: usize> {
    parameters: BlockConjugateGradient,
    pool: Option<rayon::ThreadPool>,
    /// The largest diagonal entry.
    scale: f64,
    inverses: Vec<Matrix<D>>,
}

impl<const D: usize> PreparedSolver<D> for Prepared<D> {
    fn solve(
        &self,
        hessian: &Hessian<'_, D>,
        rhs: &[f64],
        solution: &mut [f64],
    ) -> Result<usize, SolveError> {
        let size = hessian.dimension() * self.parameters.width.get();
        let block = |(b, x): (&[f64], &mut [f64])| {
            self.solve_block(hessian, b, x, self.parameters.tolerance)
        };
        let counts: Vec<Result<usize, SolveError>> = match &self.pool {
            Some(pool) => pool.install(|| {
                rhs.par_chunks(size)
                    .zip(solution.par_chunks_mut(size))
                    .map(block)
                    .collect()
            }),
            None => rhs
                .chunks(size)
                .zip(solution.chunks_mut(size))
                .map(block)
                .collect(),
        };
        counts.into_iter().sum()
    }

    fn accuracy(&self) -> Accuracy {
        Accuracy {
            tolerance: self.parameters.tolerance,
            target: self.parameters.tolerance,
            // The residual of the recursion drifts off the true one; solving for what is left mends it.
            refinements: 3,
        }
    }

    fn preparation(&self) -> Preparation {
        Preparation {
            method: "block conjugate gradient, block Jacobi".into(),
            stored_numbers: D * D * self.inverses.len(),
        }
    }
}

impl<const D: usize> Prepared<D> {
    /// The recursion in the notation of the second source, from `X = 0`.
    fn solve_block(
        &self,
        hessian: &Hessian<'_, D>,
        rhs: &[f64],
        solution: &mut [f64],
        tolerance: f64,
    ) -> Result<usize, SolveError> {
        let rows = hessian.dimension();
        let mut r = Columns::from_vectors(rows, rhs);
        let sizes: Vec<f64> = r.gram(&r).diagonal().map(f64::sqrt).collect();
        for values in r.values.chunks_exact_mut(sizes.len().max(1)) {
            for (value, size) in values.iter_mut().zip(&sizes) {
                *value /= if *size > 0.0 { *size } else { 1.0 };
            }
        }
        // A little below the tolerance, since the true residual is to meet it.
        let goal = 0.5 * tolerance;
        // The right-hand sides that are worked on.
        let mut active: Vec<usize> = (0..sizes.len()).collect();
        let start: Vec<usize> = (0..sizes.len()).filter(|&k| sizes[k] > 0.0).collect();
        r = r.select(&start);
        active.retain(|&k| sizes[k] > 0.0);
        let mut x = Columns::zeros(rows, active.len());
        let mut p = self.precondition(hessian, &r).orthonormal();
        let mut q = Columns::zeros(rows, p.width);
        let mut products = 0;
        let mut residual: f64 = 1.0;
        for _ in 0..self.parameters.iteration_limit {
            if active.is_empty() {
                return Ok(products);
            }
            q.width = p.width;
            q.values.resize(p.values.len(), 0.0);
            hessian
                .matrix()
                .apply_columns(p.width, &p.values, &mut q.values);
            products += p.width;
            let factor = match p.gram(&q).cholesky(f64::EPSILON * self.scale) {
                Ok(factor) => factor,
                Err((curvature, combination)) => {
                    return Err(saddle(curvature, p.combination(&combination)));
                }
            };
            let step = factor.solve(p.gram(&r));
            x.add_product(&p, &step, 1.0);
            r.add_product(&q, &step, -1.0);
            let residuals: Vec<f64> = r.gram(&r).diagonal().map(f64::sqrt).collect();
            residual = residuals.iter().copied().fold(0.0, f64::max);
            if !residual.is_finite() {
                break;
            }
            let (left, done): (Vec<usize>, Vec<usize>) =
                (0..active.len()).partition(|&k| residuals[k] > goal);
            if !done.is_empty() {
                for &k in &done {
                    let to = &mut solution[rows * active[k]..rows * (active[k] + 1)];
                    for (to, values) in to.iter_mut().zip(x.values.chunks_exact(x.width)) {
                        *to = sizes[active[k]] * values[k];
                    }
                }
                active = left.iter().map(|&k| active[k]).collect();
                x = x.select(&left);
                r = r.select(&left);
                if active.is_empty() {
                    return Ok(products);
                }
            }
            let mut z = self.precondition(hessian, &r);
            let back = factor.solve(q.gram(&z));
            z.add_product(&p, &back, -1.0);
            p = z.orthonormal();
            if p.width == 0 {
                break;
            }
        }
        Err(SolveError::IterationLimit {
            iterations: products,
            residual,
            tolerance,
        })
    }

    /// Block Jacobi, without trivial zero modes.
    fn precondition(&self, hessian: &Hessian<'_, D>, r: &Columns) -> Columns {
        let mut z = Columns::zeros(r.rows, r.width);
        let mut column = vec![0.0; r.rows];
        for k in 0..r.width {
            for (i, inverse) in self.inverses.iter().enumerate() {
                let own = std::array::from_fn(|a| r.values[(D * i + a) * r.width + k]);
                column[D * i..D * (i + 1)].copy_from_slice(&vector::transform(inverse, &own));
            }
            hessian.project(&mut column);
            for (values, column) in z.values.chunks_exact_mut(r.width).zip(&column) {
                values[k] = *column;
            }
        }
        z
    }
}

/// Several vectors, with the components of all of them side by side.
struct Columns {
    rows: usize,
    width: usize,
    values: Vec<f64>,
}

impl Columns {
    fn zeros(rows: usize, width: usize) -> Self {
        Self {
            rows,
            width,
            values: vec![0.0; rows * width],
        }
    }

    fn from_vectors(rows: usize, vectors: &[f64]) -> Self {
        let mut columns = Self::zeros(rows, vectors.len() / rows);
        for (k, vector) in vectors.chunks_exact(rows).enumerate() {
            for (row, value) in vector.iter().enumerate() {
                columns.values[row * columns.width + k] = *value;
            }
        }
        columns
    }

    fn select(&self, chosen: &[usize]) -> Self {
        let mut columns = Self::zeros(self.rows, chosen.len());
        if columns.width > 0 {
            for (to, from) in columns
                .values
                .chunks_exact_mut(chosen.len())
                .zip(self.values.chunks_exact(self.width))
            {
                for (to, &k) in to.iter_mut().zip(chosen) {
                    *to = from[k];
                }
            }
        }
        columns
    }

    /// `A^T B`.
    fn gram(&self, other: &Self) -> Small {
        let mut gram = Small::zeros(self.width, other.width);
        if self.width > 0 && other.width > 0 {
            for (a, b) in self
                .values
                .chunks_exact(self.width)
                .zip(other.values.chunks_exact(other.width))
            {
                for (sums, a) in gram.values.chunks_exact_mut(other.width).zip(a) {
                    for (sum, b) in sums.iter_mut().zip(b) {
                        *sum += a * b;
                    }
                }
            }
        }
        gram
    }

    /// `self += sign A S`.
    fn add_product(&mut self, a: &Self, small: &Small, sign: f64) {
        if self.width == 0 || a.width == 0 {
            return;
        }
        for (own, a) in self
            .values
            .chunks_exact_mut(self.width)
            .zip(a.values.chunks_exact(a.width))
        {
            for (a, row) in a.iter().zip(small.values.chunks_exact(small.columns)) {
                let factor = sign * a;
                for (own, s) in own.iter_mut().zip(row) {
                    *own += factor * s;
                }
            }
        }
    }

    /// `sum_k c_k a_k`.
    fn combination(&self, factors: &[f64]) -> Vec<f64> {
        self.values
            .chunks_exact(self.width.max(1))
            .map(|values| values.iter().zip(factors).map(|(a, c)| a * c).sum())
            .collect()
    }

    /// An orthonormal basis of the space of the columns, without directions that depend on the others.
    ///
    /// By Cholesky factors of the Gram matrix, twice: the first one, with pivoting, finds the rank, the second
    /// restores the orthogonality that the first lost.
    fn orthonormal(self) -> Self {
        let gram = self.gram(&self);
        let chosen = gram.independent();
        let mut basis = self.select(&chosen);
        for _ in 0..2 {
            if basis.width == 0 {
                break;
            }
            let sizes: Vec<f64> = basis.gram(&basis).diagonal().map(f64::sqrt).collect();
            for values in basis.values.chunks_exact_mut(basis.width) {
                for (value, size) in values.iter_mut().zip(&sizes) {
                    *value /= size;
                }
            }
            if let Ok(factor) = basis.gram(&basis).cholesky(0.0) {
                // Each row times the inverse of the transposed factor.
                for values in basis.values.chunks_exact_mut(basis.width) {
                    factor.solve_lower(values);
                }
            }
        }
        basis
    }
}

/// A small dense matrix, by rows.
struct Small {
    columns: usize,
    values: Vec<f64>,
}

/// The lower triangular factor of a small positive definite matrix.
struct SmallFactor(Small);

impl Small {
    fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            columns,
            values: vec![0.0; rows * columns],
        }
    }

    fn diagonal(&self) -> impl Iterator<Item = f64> {
        self.values.iter().step_by(self.columns + 1).copied()
    }

    /// The factor, or a vector `y` with `y.A.y / y.y` not above `flat`, and that quotient.
    fn cholesky(mut self, flat: f64) -> Result<SmallFactor, (f64, Vec<f64>)> {
        let n = self.columns;
        for k in 0..n {
            for row in k..n {
                let sum: f64 = (0..k)
                    .map(|c| self.values[row * n + c] * self.values[k * n + c])
                    .sum();
                self.values[row * n + k] -= sum;
            }
            let pivot = self.values[k * n + k];
            // With what is known of row k, the last unknown of L L^T y = pivot e_k restricted to k + 1 rows.
            let mut direction = vec![0.0; n];
            direction[k] = 1.0;
            for row in (0..k).rev() {
                let sum: f64 = (row + 1..=k)
                    .map(|c| self.values[c * n + row] * direction[c])
                    .sum();
                direction[row] = -sum / self.values[row * n + row];
            }
            let square: f64 = direction.iter().map(|y| y * y).sum();
            // The negation catches what is not a number.
            let positive = pivot / square > flat;
            if !positive {
                return Err((pivot / square, direction));
            }
            let root = pivot.sqrt();
            for row in k..n {
                self.values[row * n + k] /= root;
            }
        }
        Ok(SmallFactor(self))
    }

    /// The columns of which this is the Gram matrix, without those that depend on the others: by pivoted
    /// elimination of the matrix scaled to a unit diagonal.
    fn independent(&self) -> Vec<usize> {
        let n = self.columns;
        let sizes: Vec<f64> = self.diagonal().map(f64::sqrt).collect();
        let mut left: Vec<usize> = (0..n).filter(|&k| sizes[k] > 0.0).collect();
        let mut scaled = vec![0.0; n * n];
        for &row in &left {
            for &column in &left {
                scaled[row * n + column] =
                    self.values[row * n + column] / (sizes[row] * sizes[column]);
            }
        }
        let mut chosen = Vec::new();
        while let Some((place, &best)) = left.iter().enumerate().max_by(|(_, a), (_, b)| {
            scaled[*a * n + *a]
                .total_cmp(&scaled[*b * n + *b])
                .then(b.cmp(a))
        }) {
            let pivot = scaled[best * n + best];
            if pivot.is_nan() || pivot <= DEPENDENT {
                break;
            }
            left.swap_remove(place);
            chosen.push(best);
            for &row in &left {
                let factor = scaled[row * n + best] / pivot;
                for &column in &left {
                    scaled[row * n + column] -= factor * scaled[best * n + column];
                }
            }
        }
        chosen.sort_unstable();
        chosen
    }
}

impl SmallFactor {
    /// `A^-1 B`.
    fn solve(&self, mut b: Small) -> Small {
        let (n, width) = (self.0.columns, b.columns);
        let factor = &self.0.values;
        for row in 0..n {
            let (above, own) = b.values.split_at_mut(row * width);
            let own = &mut own[..width];
            for k in 0..row {
                for (own, above) in own.iter_mut().zip(&above[k * width..]) {
                    *own -= factor[row * n + k] * above;
                }
            }
            for own in own {
                *own /= factor[row * n + row];
            }
        }
        for row in (0..n).rev() {
            let (own, below) = b.values[row * width..].split_at_mut(width);
            for k in row + 1..n {
                for (own, below) in own.iter_mut().zip(&below[(k - row - 1) * width..]) {
                    *own -= factor[k * n + row] * below;
                }
            }
            for own in own {
                *own /= factor[row * n + row];
            }
        }
        b
    }

    /// `L^-1 b` in place.
    fn solve_lower(&self, b: &mut [f64]) {
        let n = self.0.columns;
        for row in 0..n {
            let sum: f64 = (0..row).map(|k| self.0.values[row * n + k] * b[k]).sum();
            b[row] = (b[row] - sum) / self.0.values[row * n + row];
        }
    }
}
