//! What a solver of linear systems with the Hessian is, and the inverse Hessian that checks what it delivers.

use crate::hessian::Hessian;
use crate::solvers::sparse_cholesky::selected_inverse::SelectedInverse;
use std::num::NonZeroUsize;
use thiserror::Error;

/// A way to solve `M x = b`, to be chosen at run time.
///
/// [`LinearSolver::prepare`] does once what serves every right-hand side: a factorisation, a
/// preconditioner. Implement this trait and [`PreparedSolver`] to bring a solver of your own; the
/// projections, the refinement and the check of the residual are done by [`InverseHessian`].
pub trait LinearSolver<const D: usize> {
    /// Prepares to solve with this Hessian.
    ///
    /// # Errors
    /// [`SolveError::Saddle`] or [`SolveError::Singular`] where the Hessian is found not to be positive
    /// definite (but for translations); those of the solver.
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Result<Box<dyn PreparedSolver<D>>, SolveError>;

    /// The number of threads that share the work; one unless the solver has more.
    fn threads(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }
}

/// A solver that is ready for right-hand sides.
pub trait PreparedSolver<const D: usize>: Send + Sync {
    /// Solves `M x = b` for as many right-hand sides as there are: `rhs` and `solution` hold flat vectors of
    /// `D N` numbers one after another. Returns the number of products of the Hessian with a vector, which is
    /// that of iterations; zero for direct solvers.
    ///
    /// The right-hand sides are free of trivial zero modes; those of the solutions do not matter. `solution`
    /// holds zeros. The Hessian is that of [`LinearSolver::prepare`].
    ///
    /// # Errors
    /// Those of the solver.
    fn solve(
        &self,
        hessian: &Hessian<'_, D>,
        rhs: &[f64],
        solution: &mut [f64],
    ) -> Result<usize, SolveError>;

    /// How accurate solutions are to be.
    fn accuracy(&self) -> Accuracy;

    /// Blocks of the pseudo-inverse and of its square, `None` if the solver has no way to them that is faster
    /// than solving. The result does not depend on the number of threads.
    ///
    /// # Errors
    /// Those of the solver.
    fn selected_inverse(
        &self,
        _hessian: &Hessian<'_, D>,
        _threads: NonZeroUsize,
    ) -> Result<Option<SelectedInverse<D>>, SolveError> {
        Ok(None)
    }

    /// What was prepared.
    fn preparation(&self) -> Preparation;
}

/// What a solver has prepared, for reports and comparisons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preparation {
    /// The method, in a few words.
    pub method: String,
    /// How many numbers the solver keeps besides the Hessian: of a factor, of a preconditioner. Indices are
    /// not counted.
    pub stored_numbers: usize,
}

/// How accurate a solution is to be, in terms of the relative residual `|b - M x| / |b|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// A larger relative residual is an error.
    pub tolerance: f64,
    /// Solutions are refined, by solving for their residual, while it is above this target...
    pub target: f64,
    /// ...and not more often than this.
    pub refinements: usize,
}

/// Why a linear system was not solved.
#[derive(Error)]
pub enum SolveError {
    /// The energy decreases, or does not change, along some direction.
    #[error(
        "the configuration is not a minimum: a direction z has curvature z.M.z/z.z = {curvature:e}; if it is negative, quench further after a small random displacement; if it is zero to rounding, look for parts that can move freely"
    )]
    Saddle {
        /// `z.M.z / z.z` of the direction that was found: negative, or zero to rounding.
        curvature: f64,
        /// The direction `z`: `D N` numbers, of unit length.
        direction: Vec<f64>,
    },
    /// The Hessian is not positive definite to rounding, but no direction of negative curvature was found.
    #[error(
        "the Hessian is singular: elimination met a pivot that is not positive at particle {particle}, in a configuration without any direction of negative curvature that conjugate gradients could find; look for particles with fewer contacts than coordinates, or for clusters that can rotate"
    )]
    Singular {
        /// The particle at which it was noticed; the floppy motion may extend far from it.
        particle: usize,
    },
    /// Iterations did not converge.
    #[error(
        "not converged after {iterations} iterations: the relative residual is {residual:e}, above the tolerance of {tolerance:e}; raise the limit or use a direct solver"
    )]
    IterationLimit {
        /// The number of iterations done.
        iterations: usize,
        /// `|b - M x| / |b|` reached.
        residual: f64,
        /// The largest allowed.
        tolerance: f64,
    },
    /// The residual, recomputed from the edges of the linearisation, is too large.
    #[error(
        "the solution of right-hand side {column} is wrong: its relative residual, recomputed, is {residual:e}, above the tolerance of {tolerance:e}; the Hessian may be nearly singular, or the solver at fault"
    )]
    Inaccurate {
        /// Index of the right-hand side.
        column: usize,
        /// `|b - M x| / |b|` recomputed.
        residual: f64,
        /// The largest allowed.
        tolerance: f64,
    },
    /// An inverse that fails the test of its identities.
    #[error(
        "the inverse of the Hessian is wrong at particle {particle}: an identity that it must keep is violated by {residual:e}, above the tolerance of {tolerance:e}; the Hessian may be nearly singular: solve for single dipoles instead"
    )]
    InaccurateInverse {
        /// The particle.
        particle: usize,
        /// The relative error of the identity.
        residual: f64,
        /// The largest allowed.
        tolerance: f64,
    },
    /// A right-hand side that is not finite.
    #[error("right-hand side {column} has components that are not finite")]
    NotFinite {
        /// Index of the right-hand side.
        column: usize,
    },
    /// A right-hand side of the wrong length.
    #[error("{numbers} numbers do not form right-hand sides of D N = {dimension} components")]
    Shape {
        /// The length given.
        numbers: usize,
        /// `D N`.
        dimension: usize,
    },
    /// The factor does not fit in memory or its index type.
    #[error("no memory for a factor of {entries} numbers; use conjugate gradients")]
    OutOfMemory {
        /// The number of entries of the factor, zero if unknown.
        entries: usize,
    },
    /// An error of a solver from elsewhere.
    #[error(transparent)]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The operating system would not start threads.
    #[error("could not start {threads} threads: {reason}")]
    Threads {
        /// How many.
        threads: NonZeroUsize,
        /// What it said.
        reason: String,
    },
}

impl std::fmt::Debug for SolveError {
    /// The message: the direction of a saddle would fill pages.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SolveError({self})")
    }
}

/// Solutions, and what they cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The solutions one after another, `D N` numbers each.
    pub vectors: Vec<f64>,
    /// How they were reached.
    pub report: SolveReport,
}

/// How solutions were reached.
#[derive(Clone, Debug, PartialEq)]
pub struct SolveReport {
    /// The relative residual `|b - M x| / |b|` of each right-hand side, recomputed from the edges of the
    /// linearisation.
    pub residuals: Vec<f64>,
    /// Products of the Hessian with a vector that the solver needed, for all right-hand sides together, those
    /// of refinements included; zero for direct solvers.
    pub iterations: usize,
    /// How often solutions were refined.
    pub refinements: usize,
}

/// The inverse `M^-1` of a Hessian in the space without its trivial zero modes: the translations of clusters
/// of particles, rattlers among them, and the rotations of clusters that nothing holds.
///
/// ```text
/// x = M^-1 b:    M x = P b,    P x = x
/// ```
///
/// with the projection `P` of [`Hessian::project`]: what `b` has on these modes is dropped, and `x` has
/// nothing there. Whatever the solver, the residual is recomputed straight from the edges of the
/// linearisation before a solution is handed out.
///
/// ```
/// # use vitreous_linresp::{ConjugateGradient, Hessian};
/// # use vitreous_md_core::{Cell, Configuration, Linearization, Species};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A ring of four unit springs in one dimension, U = s/2 with s = |r|^2 for each.
/// let cell = Cell::orthorhombic([4.0])?;
/// let positions = (0..4).map(|i| [f64::from(i)]).collect();
/// let ring = Configuration::new(cell, positions, vec![Species(0); 4])?;
/// let mut expansion = Linearization::empty(&ring);
/// for i in 0..4 {
///     expansion.add_pair([i, (i + 1) % 4], [1.0], [0.5, 0.5, 0.0]);
/// }
/// let inverse = Hessian::new(&expansion).inverse(&ConjugateGradient::default())?;
/// let x = inverse.apply(&[1.0, 0.0, -1.0, 0.0])?;
/// assert!((x[0] - 0.5).abs() < 1e-10 && x[1].abs() < 1e-10);
/// let report = inverse.solve(&[1.0, 0.0, -1.0, 0.0])?.report;
/// assert!(report.residuals[0] < 1e-10 && report.iterations > 0);
/// # Ok(()) }
/// ```
pub struct InverseHessian<'a, const D: usize> {
    hessian: Hessian<'a, D>,
    solver: Box<dyn PreparedSolver<D>>,
}

impl<'a, const D: usize> Hessian<'a, D> {
    /// The inverse, by a solver that is prepared once and serves any number of right-hand sides.
    ///
    /// # Errors
    /// Those of [`LinearSolver::prepare`].
    pub fn inverse(
        self,
        solver: &dyn LinearSolver<D>,
    ) -> Result<InverseHessian<'a, D>, SolveError> {
        let solver = solver.prepare(&self)?;
        Ok(InverseHessian {
            hessian: self,
            solver,
        })
    }
}

impl<'a, const D: usize> InverseHessian<'a, D> {
    /// The Hessian.
    pub fn hessian(&self) -> &Hessian<'a, D> {
        &self.hessian
    }

    /// The accuracy that solutions have.
    pub fn accuracy(&self) -> Accuracy {
        self.solver.accuracy()
    }

    /// What the solver has prepared.
    pub fn preparation(&self) -> Preparation {
        self.solver.preparation()
    }

    /// The products `x = M^-1 b` for right-hand sides that follow one another in `rhs` (`D N` numbers each);
    /// the solutions do so too. [`InverseHessian::solve`] without its report.
    ///
    /// # Errors
    /// As [`InverseHessian::solve`].
    pub fn apply(&self, rhs: &[f64]) -> Result<Vec<f64>, SolveError> {
        Ok(self.solve(rhs)?.vectors)
    }

    /// The products `x = M^-1 b` for right-hand sides that follow one another in `rhs` (`D N` numbers each),
    /// and what they cost.
    ///
    /// # Errors
    /// [`SolveError::Inaccurate`] if a recomputed residual is above the tolerance, [`SolveError::Shape`] and
    /// [`SolveError::NotFinite`] for bad right-hand sides, and those of the solver, above all
    /// [`SolveError::Saddle`].
    pub fn solve(&self, rhs: &[f64]) -> Result<Solution, SolveError> {
        let dimension = self.hessian.dimension();
        if !rhs.len().is_multiple_of(dimension) {
            return Err(SolveError::Shape {
                numbers: rhs.len(),
                dimension,
            });
        }
        if let Some(place) = rhs.iter().position(|b| !b.is_finite()) {
            return Err(SolveError::NotFinite {
                column: place / dimension,
            });
        }
        let accuracy = self.solver.accuracy();
        let mut rhs = rhs.to_vec();
        self.project(&mut rhs);
        let mut vectors = vec![0.0; rhs.len()];
        let mut iterations = self.solver.solve(&self.hessian, &rhs, &mut vectors)?;
        self.project(&mut vectors);
        let mut left = self.left(&rhs, &vectors);
        let mut residuals = self.relative(&left, &rhs);
        let mut refinements = 0;
        while refinements < accuracy.refinements && worst(&residuals).1 > accuracy.target {
            refinements += 1;
            let mut correction = vec![0.0; rhs.len()];
            iterations += self.solver.solve(&self.hessian, &left, &mut correction)?;
            for (x, correction) in correction.iter_mut().zip(&vectors) {
                *x += correction;
            }
            self.project(&mut correction);
            let refined_left = self.left(&rhs, &correction);
            let refined = self.relative(&refined_left, &rhs);
            // Rounding sets a floor below which refinement only stirs.
            if worst(&refined).1 >= worst(&residuals).1 {
                break;
            }
            (vectors, left, residuals) = (correction, refined_left, refined);
        }
        let (column, residual) = worst(&residuals);
        if residual <= accuracy.tolerance {
            Ok(Solution {
                vectors,
                report: SolveReport {
                    residuals,
                    iterations,
                    refinements,
                },
            })
        } else {
            Err(SolveError::Inaccurate {
                column,
                residual,
                tolerance: accuracy.tolerance,
            })
        }
    }

    /// Blocks of the inverse and of its square, `None` if the solver has no way to them that is faster than
    /// solving.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn selected_inverse(
        &self,
        threads: NonZeroUsize,
    ) -> Result<Option<SelectedInverse<D>>, SolveError> {
        self.solver.selected_inverse(&self.hessian, threads)
    }

    fn project(&self, vectors: &mut [f64]) {
        for vector in vectors.chunks_exact_mut(self.hessian.dimension()) {
            self.hessian.project(vector);
        }
    }

    /// `b - M x`, through the edges.
    fn left(&self, rhs: &[f64], solution: &[f64]) -> Vec<f64> {
        let dimension = self.hessian.dimension();
        let mut left = vec![0.0; rhs.len()];
        for ((r, b), x) in left
            .chunks_exact_mut(dimension)
            .zip(rhs.chunks_exact(dimension))
            .zip(solution.chunks_exact(dimension))
        {
            self.hessian.apply_edges(x, r);
            for (r, b) in r.iter_mut().zip(b) {
                *r = b - *r;
            }
            self.hessian.project(r);
        }
        left
    }

    /// `|r| / |b|` of each right-hand side.
    fn relative(&self, left: &[f64], rhs: &[f64]) -> Vec<f64> {
        let dimension = self.hessian.dimension();
        left.chunks_exact(dimension)
            .zip(rhs.chunks_exact(dimension))
            .map(|(r, b)| match (norm(r), norm(b)) {
                (0.0, 0.0) => 0.0,
                (r, b) => r / b,
            })
            .collect()
    }
}

/// The place of the largest residual, and that residual; not a number if any is.
fn worst(residuals: &[f64]) -> (usize, f64) {
    residuals
        .iter()
        .copied()
        .enumerate()
        .reduce(|worst, next| {
            if next.1 > worst.1 || next.1.is_nan() {
                next
            } else {
                worst
            }
        })
        .unwrap_or((0, 0.0))
}

impl<const D: usize> std::fmt::Debug for InverseHessian<'_, D> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("InverseHessian")
            .field("dimension", &self.hessian.dimension())
            .field("accuracy", &self.accuracy())
            .finish_non_exhaustive()
    }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// A saddle, with a direction of any length.
pub(crate) fn saddle(curvature: f64, mut direction: Vec<f64>) -> SolveError {
    let length = norm(&direction);
    for z in &mut direction {
        *z /= length;
    }
    SolveError::Saddle {
        curvature,
        direction,
    }
}
