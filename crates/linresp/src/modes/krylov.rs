//! The largest eigenvalues of a symmetric operator: block Lanczos with thick restarts.
//!
//! The operator is applied to a block of vectors at a time, so that a factor is read once for all of them and
//! degenerate eigenvalues are found together. The basis is kept orthogonal in full; restarts keep the best Ritz
//! vectors. Sources: K. Wu and H. Simon, SIAM J. Matrix Anal. Appl. 22, 602 (2000); G. W. Stewart, SIAM J. Matrix
//! Anal. Appl. 23, 601 (2001).

use super::{ModesError, dense, product};
use crate::solver::{SolveError, dot, norm};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rand::RngExt;
use vitreous_md_core::Seed;

/// The number of vectors to which the operator is applied at once.
pub(super) const BLOCK: usize = 8;

/// Products of a symmetric matrix with vectors that follow one another.
pub(super) type Operator<'a> = dyn Fn(&[f64]) -> Result<Vec<f64>, SolveError> + 'a;

/// What is to be found of which operator.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a> {
    /// The length of vectors.
    pub(super) dimension: usize,
    /// The operator `B`.
    pub(super) apply: &'a Operator<'a>,
    /// Takes out of a vector what does not belong to the space in which the operator acts.
    pub(super) project: &'a dyn Fn(&mut [f64]),
    /// The number of eigenvalues that must converge.
    pub(super) wanted: usize,
    /// The largest residual `|B x - theta x|` allowed for a Ritz value `theta`.
    pub(super) allowed: &'a dyn Fn(f64) -> f64,
    /// The largest number of products with blocks.
    pub(super) limit: usize,
    /// The seed of the start.
    pub(super) seed: Seed,
}

/// Eigenvalues, largest first, with their vectors: as many as were wanted, converged or not.
pub(super) struct Found {
    pub(super) values: Vec<f64>,
    /// `B x / theta` for each Ritz vector `x`: one step of the power method better than `x`.
    pub(super) vectors: Vec<f64>,
    /// `|B x - theta x|`, by the recursion.
    pub(super) residuals: Vec<f64>,
    /// How many are as accurate as allowed, from the first on.
    pub(super) converged: usize,
    /// Products with blocks.
    pub(super) products: usize,
}

/// The number of Ritz vectors that restarts keep, and the largest size of the basis.
pub(super) fn sizes(wanted: usize) -> (usize, usize) {
    let kept = wanted + (2 * BLOCK).max(wanted / 2);
    (kept, kept + (12 * BLOCK).max(wanted))
}

/// Finds the largest eigenvalues; the space must have room for the basis, see [`sizes`].
pub(super) fn largest(problem: &Problem<'_>) -> Result<Found, ModesError> {
    let (kept, most) = sizes(problem.wanted);
    let mut space = Decomposition::new(problem);
    let mut products = 0;
    loop {
        space.expand()?;
        products += 1;
        let full = space.size() + BLOCK > most;
        let last = products >= problem.limit;
        // Looking at Ritz values costs the cube of the size: in a large basis that is done when it is full.
        let worthwhile = space.size() >= problem.wanted && (full || last || most < 400);
        if !worthwhile {
            continue;
        }
        let ritz = space.ritz()?;
        let converged = ritz
            .values
            .iter()
            .zip(&ritz.residuals)
            .take_while(|(theta, residual)| **residual <= (problem.allowed)(**theta))
            .count()
            .min(problem.wanted);
        if converged == problem.wanted || last {
            let vectors = space.improved(&ritz, problem.wanted);
            let (mut values, mut residuals) = (ritz.values, ritz.residuals);
            values.truncate(problem.wanted);
            residuals.truncate(problem.wanted);
            return Ok(Found {
                values,
                vectors,
                residuals,
                converged,
                products,
            });
        }
        if full {
            space.restart(&ritz, kept);
        }
    }
}

/// `B V = V H + Q S` with orthonormal `[V Q]`.
struct Decomposition<'a> {
    problem: Problem<'a>,
    /// `V`.
    basis: Vec<f64>,
    /// `H`.
    projected: Mat<f64>,
    /// `Q`.
    pending: Vec<f64>,
    /// `S`.
    coupling: Mat<f64>,
    /// How many random vectors were drawn.
    drawn: u64,
}

struct Ritz {
    /// Largest first.
    values: Vec<f64>,
    /// Their vectors in the basis, as columns.
    vectors: Mat<f64>,
    residuals: Vec<f64>,
}

impl<'a> Decomposition<'a> {
    fn new(problem: &Problem<'a>) -> Self {
        let mut space = Self {
            problem: *problem,
            basis: Vec::new(),
            projected: Mat::zeros(0, 0),
            pending: vec![0.0; BLOCK * problem.dimension],
            coupling: Mat::zeros(BLOCK, 0),
            drawn: 0,
        };
        // Nothing is left of zeros, so that all are replaced by random vectors.
        space.orthonormalize(&[0.0; BLOCK]);
        space
    }

    fn size(&self) -> usize {
        self.projected.nrows()
    }

    fn columns<'v>(&self, vectors: &'v [f64]) -> MatRef<'v, f64> {
        let dimension = self.problem.dimension;
        MatRef::from_column_major_slice(vectors, dimension, vectors.len() / dimension)
    }

    /// Takes the pending block into the basis, and what the operator makes of it as the next block.
    fn expand(&mut self) -> Result<(), ModesError> {
        let (dimension, old) = (self.problem.dimension, self.size());
        let mut next = (self.problem.apply)(&self.pending)?;
        for x in next.chunks_exact_mut(dimension) {
            (self.problem.project)(x);
        }
        self.basis.extend_from_slice(&self.pending);
        let lengths: Vec<f64> = next.chunks_exact(dimension).map(norm).collect();
        if !lengths.iter().all(|length| length.is_finite()) {
            return Err(ModesError::NotFinite);
        }
        self.pending = next;
        let mut overlaps = self.remove_basis();
        overlaps += self.remove_basis();

        let size = old + BLOCK;
        self.projected = Mat::from_fn(size, size, |i, j| match (i < old, j < old) {
            (true, true) => self.projected[(i, j)],
            (true, false) => overlaps[(i, j - old)],
            (false, true) => overlaps[(j, i - old)],
            (false, false) => 0.5 * (overlaps[(i, j - old)] + overlaps[(j, i - old)]),
        });
        let factor = self.orthonormalize(&lengths);
        self.coupling = Mat::from_fn(BLOCK, size, |i, j| {
            if j < old { 0.0 } else { factor[(i, j - old)] }
        });
        Ok(())
    }

    /// Takes the basis out of the pending block; what was there.
    fn remove_basis(&mut self) -> Mat<f64> {
        let dimension = self.problem.dimension;
        let basis = self.columns(&self.basis);
        let mut overlaps = Mat::zeros(basis.ncols(), BLOCK);
        matmul(
            overlaps.as_mut(),
            Accum::Replace,
            basis.transpose(),
            self.columns(&self.pending),
            1.0,
            Par::Seq,
        );
        let basis =
            MatRef::from_column_major_slice(&self.basis, dimension, self.basis.len() / dimension);
        matmul(
            MatMut::from_column_major_slice_mut(&mut self.pending, dimension, BLOCK),
            Accum::Add,
            basis,
            overlaps.as_ref(),
            -1.0,
            Par::Seq,
        );
        overlaps
    }

    /// Makes the pending block orthonormal, given how long its vectors were before the basis was taken out of them;
    /// the upper triangular factor. Where nothing but rounding is left of a vector, a random one replaces it.
    fn orthonormalize(&mut self, lengths: &[f64]) -> Mat<f64> {
        const NOTHING: f64 = 1e-13;
        const LITTLE: f64 = 1e-3;
        let mut factor = Mat::zeros(BLOCK, BLOCK);
        let mut again = false;
        for j in 0..BLOCK {
            let left = self.orthogonalize(j, |i, overlap| factor[(i, j)] += overlap);
            again |= left <= LITTLE * lengths[j];
            if left > NOTHING * lengths[j] {
                factor[(j, j)] = left;
            } else {
                self.replace(j);
            }
        }
        if again {
            // Small remainders are not orthogonal to the basis any more once they are made unit vectors.
            self.remove_basis();
            for j in 0..BLOCK {
                self.orthogonalize(j, |_, _| {});
            }
        }
        factor
    }

    /// Takes the vectors before number `j` of the pending block out of it, tells how much of each, and makes it a unit
    /// vector; the length before.
    fn orthogonalize(&mut self, j: usize, mut overlap: impl FnMut(usize, f64)) -> f64 {
        let dimension = self.problem.dimension;
        let (before, rest) = self.pending.split_at_mut(j * dimension);
        let x = &mut rest[..dimension];
        for _ in 0..2 {
            for (i, q) in before.chunks_exact(dimension).enumerate() {
                let along = dot(q, x);
                subtract(x, along, q);
                overlap(i, along);
            }
        }
        normalize(x)
    }

    /// Puts a random vector in the place of number `j` of the pending block, orthogonal to the basis and to those
    /// before.
    fn replace(&mut self, j: usize) {
        let dimension = self.problem.dimension;
        let mut random = self
            .problem
            .seed
            .stream("start of the search for modes", &[self.drawn]);
        self.drawn += 1;
        let (before, rest) = self.pending.split_at_mut(j * dimension);
        let x = &mut rest[..dimension];
        x.fill_with(|| random.random_range(-1.0..1.0));
        (self.problem.project)(x);
        normalize(x);
        for _ in 0..2 {
            for q in self
                .basis
                .chunks_exact(dimension)
                .chain(before.chunks_exact(dimension))
            {
                subtract(x, dot(q, x), q);
            }
            normalize(x);
        }
    }

    fn ritz(&self) -> Result<Ritz, ModesError> {
        let size = self.size();
        let (mut values, vectors) = dense::eigen(self.projected.as_ref(), true)?;
        values.reverse();
        let ascending = vectors.unwrap_or_else(|| Mat::zeros(size, size));
        let vectors = Mat::from_fn(size, size, |i, j| ascending[(i, size - 1 - j)]);
        let coupled = product(self.coupling.as_ref(), vectors.as_ref());
        let residuals = (0..size).map(|j| coupled.col(j).norm_l2()).collect();
        Ok(Ritz {
            values,
            vectors,
            residuals,
        })
    }

    /// `V Y` for the first columns of `Y`.
    fn combined(&self, vectors: MatRef<'_, f64>) -> Vec<f64> {
        let dimension = self.problem.dimension;
        let mut combined = vec![0.0; dimension * vectors.ncols()];
        matmul(
            MatMut::from_column_major_slice_mut(&mut combined, dimension, vectors.ncols()),
            Accum::Replace,
            self.columns(&self.basis),
            vectors,
            1.0,
            Par::Seq,
        );
        combined
    }

    /// `B x / theta = x + Q S y / theta` for the first Ritz vectors `x = V y`.
    fn improved(&self, ritz: &Ritz, count: usize) -> Vec<f64> {
        let dimension = self.problem.dimension;
        let vectors = ritz.vectors.subcols(0, count);
        let mut improved = self.combined(vectors);
        let mut steps = product(self.coupling.as_ref(), vectors);
        for (j, theta) in ritz.values[..count].iter().enumerate() {
            for i in 0..BLOCK {
                steps[(i, j)] /= theta;
            }
        }
        matmul(
            MatMut::from_column_major_slice_mut(&mut improved, dimension, count),
            Accum::Add,
            self.columns(&self.pending),
            steps.as_ref(),
            1.0,
            Par::Seq,
        );
        improved
    }

    fn restart(&mut self, ritz: &Ritz, kept: usize) {
        let vectors = ritz.vectors.subcols(0, kept);
        self.basis = self.combined(vectors);
        self.coupling = product(self.coupling.as_ref(), vectors);
        self.projected = Mat::from_fn(kept, kept, |i, j| if i == j { ritz.values[i] } else { 0.0 });
    }
}

/// `x - a q`.
fn subtract(x: &mut [f64], a: f64, q: &[f64]) {
    for (x, q) in x.iter_mut().zip(q) {
        *x -= a * q;
    }
}

/// Divides a vector by its length, unless that is zero; the length.
fn normalize(x: &mut [f64]) -> f64 {
    let length = norm(x);
    if length > 0.0 {
        for x in x {
            *x /= length;
        }
    }
    length
}
