//! The choice of a solver from the size of a problem.

use crate::conjugate_gradient::ConjugateGradient;
use crate::dense::Dense;
use crate::hessian::Hessian;
use crate::solver::{LinearSolver, PreparedSolver, SolveError};
use crate::sparse_cholesky::SparseCholesky;
use std::num::NonZeroUsize;

/// The solver that is expected to be the fastest for a number of right-hand sides.
///
/// ```
/// use vitreous_linresp::{Automatic, automatic::Method};
/// // One dipole in a large glass, and all of them in a smaller one.
/// assert_eq!(Automatic::choose(8000, 24.0, 1), Method::ConjugateGradient);
/// assert_eq!(Automatic::choose(2000, 17.0, 17_000), Method::SparseCholesky);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Automatic {
    /// How many right-hand sides there will be, at least about.
    pub right_hand_sides: usize,
    /// The largest relative residual `|b - M x| / |b|`.
    pub tolerance: f64,
    /// Threads, where the method can use them; results do not depend on their number.
    pub threads: NonZeroUsize,
}

impl Default for Automatic {
    /// One right-hand side, a tolerance of 1e-10, and one thread.
    fn default() -> Self {
        Self {
            right_hand_sides: 1,
            tolerance: 1e-10,
            threads: NonZeroUsize::MIN,
        }
    }
}

/// The methods that [`Automatic`] chooses among.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// [`Dense`].
    Dense,
    /// [`SparseCholesky`].
    SparseCholesky,
    /// [`ConjugateGradient`].
    ConjugateGradient,
}

impl Automatic {
    /// The method for `particles` that interact with `contacts` others each, and a number of right-hand sides.
    ///
    /// Costs on one core of a 2.4 GHz AMD EPYC (Zen 3), in seconds, were measured in glasses of 500 to 8000
    /// particles with 17 to 64 contacts, and cross where this rule says: conjugate gradients need
    /// `1.2e-9 N^(4/3) contacts` for each right-hand side and as much again to prepare; a sparse factor
    /// `2.5e-10 N^2 contacts` and `1.2e-9 N^(4/3) contacts / 8` for each. Dense factors, of `(D N)^3 / 3`
    /// multiplications, are ahead of either for a hundred particles and less.
    pub fn choose(particles: usize, contacts: f64, right_hand_sides: usize) -> Method {
        let n = particles as f64;
        if particles <= 100 {
            return Method::Dense;
        }
        let iteration = 1.2e-9 * n.powf(4.0 / 3.0) * contacts;
        let many = right_hand_sides as f64;
        let iterative = iteration * (1.0 + many);
        let direct = 2.5e-10 * n * n * contacts + iteration / 8.0 * many;
        if iterative <= direct {
            Method::ConjugateGradient
        } else {
            Method::SparseCholesky
        }
    }
}

impl<const D: usize> LinearSolver<D> for Automatic {
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Result<Box<dyn PreparedSolver<D>>, SolveError> {
        let particles = hessian.particles();
        let off_diagonal = hessian.matrix().blocks() - particles;
        let contacts = off_diagonal as f64 / particles.max(1) as f64;
        match Self::choose(particles, contacts, self.right_hand_sides) {
            Method::Dense => Dense {
                tolerance: self.tolerance,
                ..Dense::default()
            }
            .prepare(hessian),
            Method::SparseCholesky => SparseCholesky {
                tolerance: self.tolerance,
                ..SparseCholesky::default()
            }
            .prepare(hessian),
            Method::ConjugateGradient => ConjugateGradient {
                tolerance: self.tolerance,
                threads: self.threads,
                ..ConjugateGradient::default()
            }
            .prepare(hessian),
        }
    }
}
