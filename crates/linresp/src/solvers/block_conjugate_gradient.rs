//! Conjugate gradients for several right-hand sides at once.

use crate::block_matrix::GROUP;
use crate::hessian::Hessian;
use crate::solver::{Accuracy, LinearSolver, Preparation, PreparedSolver, SolveError, dot, saddle};
use crate::solvers::conjugate_gradient::random_vector;
use crate::solvers::preconditioner::SymmetricGaussSeidel;
use crate::solvers::sweeps::{Sweeps, hessian_sweeps, spatial_order};
use crate::threads::Threads;
use std::num::NonZeroUsize;

/// What a search direction has across the others, squared and relative to its own square: below this it is
/// left out.
const DEPENDENT: f64 = 1e-8;

/// Block conjugate gradients: right-hand sides share their search space, so each needs fewer iterations, and
/// the Hessian is read once for all of them. In double precision, with the sweeps of
/// [`crate::SymmetricGaussSeidel`] as preconditioner, in single precision.
///
/// Each iteration keeps an orthonormal basis of its search directions, from which dependent ones are dropped:
/// right-hand sides that depend on each other, or are close to it, do no harm. Solutions leave the block as
/// they converge.
///
/// For 8 dipoles in an inverse-power glass of 2000 particles it takes 53 products for each instead of 92, but
/// orthogonalisation and double precision cost more than that saves: [`crate::ConjugateGradient`] was 1.6 times
/// faster there, and twice as fast in a Kob-Andersen glass of that size.
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
        let order = spatial_order(hessian);
        let relaxation = SymmetricGaussSeidel::default().relaxation;
        let prepared = Prepared {
            parameters: *self,
            threads: Threads::new(self.threads)?,
            scale: hessian.largest_diagonal(),
            sweeps: hessian_sweeps(hessian, &order, relaxation).0,
            order,
        };
        if self.probe < 1.0 {
            let probe = random_vector(hessian);
            prepared.solve_block(hessian, &probe, &mut vec![0.0; probe.len()], self.probe)?;
        }
        Ok(Box::new(prepared))
    }

    fn threads(&self) -> NonZeroUsize {
        self.threads
    }
}

struct Prepared<const D: usize> {
    parameters: BlockConjugateGradient,
    threads: Threads,
    /// The largest diagonal entry.
    scale: f64,
    /// The particle at each place of the order of space, which sweeps work in.
    order: Vec<usize>,
    sweeps: Sweeps<D>,
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
        let pieces = rhs.chunks(size).zip(solution.chunks_mut(size));
        self.threads.map(pieces, block).into_iter().sum()
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
            method: "block conjugate gradient, symmetric Gauss-Seidel".into(),
            stored_numbers: self.sweeps.stored_numbers(),
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
        let sizes = r.sizes();
        r.scale_columns(&sizes);
        // A little below the tolerance, since the true residual is to meet it.
        let goal = 0.5 * tolerance;
        // The right-hand sides that are worked on.
        let mut active: Vec<usize> = (0..sizes.len()).filter(|&k| sizes[k] > 0.0).collect();
        r = r.select(&active);
        let mut x = Columns::zeros(rows, active.len());
        let mut p = self.precondition(hessian, &r).basis();
        let mut products = 0;
        let mut residual: f64 = 1.0;
        for _ in 0..self.parameters.iteration_limit {
            if active.is_empty() {
                return Ok(products);
            }
            let mut q = Columns::zeros(rows, p.width);
            hessian.matrix().apply_groups(&p.values, &mut q.values);
            products += p.width;
            let factor = match p.gram(&q).cholesky(f64::EPSILON * self.scale) {
                Ok(factor) => factor,
                Err(combination) => {
                    let direction = p.combination(&combination);
                    let mut product = vec![0.0; rows];
                    hessian.apply(&direction, &mut product);
                    let curvature = dot(&direction, &product) / dot(&direction, &direction);
                    return Err(saddle(curvature, direction));
                }
            };
            let step = factor.solve(p.gram(&r));
            x.add_product(&p, &step, 1.0);
            r.add_product(&q, &step, -1.0);
            let residuals = r.sizes();
            residual = residuals.iter().copied().fold(0.0, f64::max);
            if residuals.iter().any(|size| !size.is_finite()) {
                break;
            }
            let (left, done): (Vec<usize>, Vec<usize>) =
                (0..active.len()).partition(|&k| residuals[k] > goal);
            if !done.is_empty() {
                for &k in &done {
                    let to = &mut solution[rows * active[k]..rows * (active[k] + 1)];
                    for (row, to) in to.iter_mut().enumerate() {
                        *to = sizes[active[k]] * x.get(row, k);
                    }
                }
                active = left.iter().map(|&k| active[k]).collect();
                if active.is_empty() {
                    return Ok(products);
                }
                x = x.select(&left);
                r = r.select(&left);
            }
            let mut z = self.precondition(hessian, &r);
            let back = factor.solve(q.gram(&z));
            z.add_product(&p, &back, -1.0);
            p = z.basis();
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

    /// One symmetric sweep for each column, without trivial zero modes.
    fn precondition(&self, hessian: &Hessian<'_, D>, r: &Columns) -> Columns {
        let mut z = Columns::zeros(r.rows, r.width);
        let mut swept = vec![[0.0; D]; self.order.len()];
        let mut column = vec![0.0; r.rows];
        for k in 0..r.width {
            let of = |place: usize| {
                let i = self.order[place];
                std::array::from_fn(|a| r.get(D * i + a, k) as f32)
            };
            self.sweeps.forward(of, &mut swept);
            self.sweeps.backward_in_place(&mut swept);
            for (&i, swept) in self.order.iter().zip(&swept) {
                for a in 0..D {
                    column[D * i + a] = f64::from(swept[a]);
                }
            }
            hessian.project(&mut column);
            for (row, value) in column.iter().enumerate() {
                *z.get_mut(row, k) = *value;
            }
        }
        z
    }
}

/// Several vectors, with the components of all of them side by side, in groups that are filled up with zeros.
struct Columns {
    rows: usize,
    width: usize,
    groups: usize,
    /// By rows.
    values: Vec<[f64; GROUP]>,
}

impl Columns {
    fn zeros(rows: usize, width: usize) -> Self {
        let groups = width.div_ceil(GROUP);
        Self {
            rows,
            width,
            groups,
            values: vec![[0.0; GROUP]; rows * groups],
        }
    }

    fn from_vectors(rows: usize, vectors: &[f64]) -> Self {
        let mut columns = Self::zeros(rows, vectors.len() / rows);
        for (k, vector) in vectors.chunks_exact(rows).enumerate() {
            for (row, value) in vector.iter().enumerate() {
                *columns.get_mut(row, k) = *value;
            }
        }
        columns
    }

    fn get(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.groups + column / GROUP][column % GROUP]
    }

    fn get_mut(&mut self, row: usize, column: usize) -> &mut f64 {
        &mut self.values[row * self.groups + column / GROUP][column % GROUP]
    }

    fn select(&self, chosen: &[usize]) -> Self {
        let mut columns = Self::zeros(self.rows, chosen.len());
        for row in 0..self.rows {
            for (k, &from) in chosen.iter().enumerate() {
                *columns.get_mut(row, k) = self.get(row, from);
            }
        }
        columns
    }

    /// The lengths of the columns.
    fn sizes(&self) -> Vec<f64> {
        let mut squares = vec![[0.0; GROUP]; self.groups];
        if self.groups > 0 {
            for row in self.values.chunks_exact(self.groups) {
                for (squares, row) in squares.iter_mut().zip(row) {
                    for k in 0..GROUP {
                        squares[k] += row[k] * row[k];
                    }
                }
            }
        }
        let squares = &squares.as_flattened()[..self.width];
        squares.iter().map(|square| square.sqrt()).collect()
    }

    /// Divides the columns by numbers, but for zeros.
    fn scale_columns(&mut self, sizes: &[f64]) {
        for row in 0..self.rows {
            for (k, &size) in sizes.iter().enumerate() {
                if size > 0.0 {
                    *self.get_mut(row, k) /= size;
                }
            }
        }
    }

    /// `A^T B`.
    fn gram(&self, other: &Self) -> Small {
        let mut gram = Small::zeros(self.width, other.width);
        for a in 0..self.groups {
            for b in 0..other.groups {
                let mut sums = [[0.0; GROUP]; GROUP];
                let own = self.values[a..].iter().step_by(self.groups);
                let others = other.values[b..].iter().step_by(other.groups);
                for (own, other) in own.zip(others) {
                    for k in 0..GROUP {
                        for l in 0..GROUP {
                            sums[k][l] += own[k] * other[l];
                        }
                    }
                }
                for (k, sums) in sums.iter().enumerate() {
                    for (l, sum) in sums.iter().enumerate() {
                        let (row, column) = (GROUP * a + k, GROUP * b + l);
                        if row < self.width && column < other.width {
                            gram.values[row * other.width + column] = *sum;
                        }
                    }
                }
            }
        }
        gram
    }

    /// `self += sign A S`.
    fn add_product(&mut self, a: &Self, small: &Small, sign: f64) {
        // The groups of each row of the small matrix, filled up with zeros.
        let mut factors = vec![[0.0; GROUP]; a.width * self.groups];
        for row in 0..a.width {
            for column in 0..self.width {
                factors[row * self.groups + column / GROUP][column % GROUP] =
                    sign * small.values[row * small.columns + column];
            }
        }
        if self.groups == 0 || a.groups == 0 {
            return;
        }
        for (own, a_row) in self
            .values
            .chunks_exact_mut(self.groups)
            .zip(a.values.chunks_exact(a.groups))
        {
            let a_row = &a_row.as_flattened()[..a.width];
            for (a, factors) in a_row.iter().zip(factors.chunks_exact(self.groups)) {
                for (own, factors) in own.iter_mut().zip(factors) {
                    for k in 0..GROUP {
                        own[k] += a * factors[k];
                    }
                }
            }
        }
    }

    /// `sum_k c_k a_k`.
    fn combination(&self, factors: &[f64]) -> Vec<f64> {
        (0..self.rows)
            .map(|row| {
                let terms = factors.iter().enumerate();
                terms.map(|(k, c)| c * self.get(row, k)).sum()
            })
            .collect()
    }

    /// A basis of the space of the columns, of unit length and nearly orthogonal, without those that depend on
    /// the others: by the Cholesky factor of their Gram matrix.
    fn basis(self) -> Self {
        let gram = self.gram(&self);
        let chosen = gram.independent();
        let triangle = gram.inverse_factor(&chosen);
        let mut basis = Self::zeros(self.rows, chosen.len());
        basis.add_product(&self, &triangle, 1.0);
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

    /// The factor, or a vector `y` with `y.A.y / y.y` not above `flat`.
    fn cholesky(mut self, flat: f64) -> Result<SmallFactor, Vec<f64>> {
        let n = self.columns;
        for k in 0..n {
            for row in k..n {
                let sum: f64 = (0..k)
                    .map(|c| self.values[row * n + c] * self.values[k * n + c])
                    .sum();
                self.values[row * n + k] -= sum;
            }
            let pivot = self.values[k * n + k];
            // The vector that is orthogonal, in the sense of A, to the columns before: its A-square is the pivot.
            let mut direction = vec![0.0; n];
            direction[k] = 1.0;
            for row in (0..k).rev() {
                let sum: f64 = (row + 1..=k)
                    .map(|c| self.values[c * n + row] * direction[c])
                    .sum();
                direction[row] = -sum / self.values[row * n + row];
            }
            let square: f64 = direction.iter().map(|y| y * y).sum();
            let curvature = pivot / square;
            if curvature.is_nan() || curvature <= flat {
                return Err(direction);
            }
            let root = pivot.sqrt();
            for row in k..n {
                self.values[row * n + k] /= root;
            }
        }
        Ok(SmallFactor(self))
    }

    /// The combinations, one for each chosen column, that make these columns orthonormal, given that this is
    /// their Gram matrix: Gram and Schmidt's method on coefficients.
    fn inverse_factor(&self, chosen: &[usize]) -> Self {
        let (n, width) = (self.columns, chosen.len());
        let mut combinations: Vec<Vec<f64>> = Vec::with_capacity(width);
        let product = |a: &[f64], b: &[f64]| -> f64 {
            (0..n)
                .filter(|&row| a[row] != 0.0)
                .map(|row| {
                    let of_row: f64 = (0..n)
                        .map(|column| self.values[row * n + column] * b[column])
                        .sum();
                    a[row] * of_row
                })
                .sum()
        };
        for &column in chosen {
            let mut next = vec![0.0; n];
            next[column] = 1.0;
            for earlier in &combinations {
                let along = product(&next, earlier);
                for (next, earlier) in next.iter_mut().zip(earlier) {
                    *next -= along * earlier;
                }
            }
            let size = product(&next, &next).sqrt();
            for next in &mut next {
                *next /= size;
            }
            combinations.push(next);
        }
        let mut triangle = Self::zeros(n, width);
        for (k, combination) in combinations.iter().enumerate() {
            for (row, value) in combination.iter().enumerate() {
                triangle.values[row * width + k] = *value;
            }
        }
        triangle
    }

    /// The columns of which this is the Gram matrix, without those that depend on the others: by pivoted
    /// elimination of the matrix scaled to a unit diagonal.
    fn independent(&self) -> Vec<usize> {
        let n = self.columns;
        let sizes: Vec<f64> = (0..n).map(|k| self.values[k * (n + 1)].sqrt()).collect();
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
}
