//! The choice of a solver from the size of a problem.

use crate::hessian::Hessian;
use crate::solver::{LinearSolver, PreparedSolver, SolveError};
use crate::solvers::conjugate_gradient::ConjugateGradient;
use crate::solvers::dense::Dense;
use crate::solvers::sparse_cholesky::SparseCholesky;
use std::num::NonZeroUsize;

/// The solver that is expected to be the fastest for a number of right-hand sides.
///
/// ```
/// use vitreous_linresp::{Automatic, solvers::automatic::Method};
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
    /// The expected times of the iterative and of the direct method are compared; systems of up to 50 particles
    /// take a millisecond by any method, and the dense one then tells most about a saddle.
    pub fn choose(particles: usize, contacts: f64, right_hand_sides: usize) -> Method {
        if particles <= SMALL {
            return Method::Dense;
        }
        let n = particles as f64;
        let columns = right_hand_sides as f64;
        // Preparing solves for one vector, in search of a saddle.
        let iterative = ITERATIVE * n.powf(4.0 / 3.0) * contacts * (1.0 + columns);
        let factor = FACTOR * n.powi(2) * contacts;
        let direct = factor + SUBSTITUTION * n.powf(4.0 / 3.0) * contacts.sqrt() * columns;
        if iterative <= direct {
            Method::ConjugateGradient
        } else {
            Method::SparseCholesky
        }
    }
}

// Seconds on one core of an AMD EPYC (Zen 3), fits to inverse-power glasses of 500 to 8000 particles (17 contacts) and
// modified binary Lennard-Jones glasses of 500 to 4000 (24), good to a third: docs/solvers.md has the times. The
// powers of N are those of theory, and of the measurements: iterations grow as the length N^(1/3) of the system, the
// work of a factorisation by nested dissection as N^2, and the size of the factor as N^(4/3).

/// Up to this many particles dense algebra is used.
const SMALL: usize = 50;

/// One solution by conjugate gradients over `N^(4/3) contacts`.
const ITERATIVE: f64 = 4e-8;

/// One factorisation over `N^2 contacts`.
const FACTOR: f64 = 2.4e-9;

/// One solution with the factor, of 64 at once, over `N^(4/3) sqrt(contacts)`.
const SUBSTITUTION: f64 = 1e-8;

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
                threads: self.threads,
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

    fn threads(&self) -> NonZeroUsize {
        self.threads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_reproduces_the_crossovers_it_was_made_from() {
        use Method::{ConjugateGradient, Dense, SparseCholesky};
        assert_eq!(Automatic::choose(50, 17.0, 1), Dense);
        assert_eq!(Automatic::choose(51, 17.0, 1_000_000), SparseCholesky);
        for (particles, contacts, crossover) in [
            (2000, 16.5, 8),
            (8000, 16.6, 24),
            (2000, 24.5, 10),
            (4000, 24.6, 18),
        ] {
            // Within a factor of two.
            let few = Automatic::choose(particles, contacts, crossover / 2);
            let many = Automatic::choose(particles, contacts, crossover * 2);
            assert_eq!((few, many), (ConjugateGradient, SparseCholesky));
        }
    }
}
