//! Signed factorisation `M - sigma = L D L^T` of a shifted Hessian: solutions on either side of eigenvalues, and
//! their number below the shift.
//!
//! By Sylvester's law of inertia `D` has as many negative entries as `M - sigma` has negative eigenvalues. Without
//! pivoting the factors can grow, so what is counted is checked: see [`SignedFactor::count_is_safe`].

use super::{ModesError, row_sum_norm};
use crate::hessian::Hessian;
use crate::solver::{SolveError, norm};
use crate::solvers::sparse_cholesky::{Analysis, ShiftedFactor};
use crate::threads::Threads;
use rand::RngExt;
use std::num::NonZeroUsize;
use vitreous_md_core::Seed;

/// The number of eigenvalues of the Hessian below a value, translations of clusters left out.
///
/// This is the one place that counts; everything else asks it.
pub(super) fn modes_below<const D: usize>(
    hessian: &Hessian<'_, D>,
    eigenvalue: f64,
) -> Result<usize, ModesError> {
    if eigenvalue != 0.0 {
        return Elimination::for_shift(hessian, eigenvalue)?.modes_below(hessian, eigenvalue);
    }
    match Elimination::for_shift(hessian, 0.0)?.count(hessian, 0.0) {
        Err(refusal @ ModesError::AtEigenvalue { .. }) => {
            Elimination::for_shift(hessian, 1.0)?.count_around(hessian, 0.0, refusal)
        }
        outcome => outcome,
    }
}

/// The order of elimination, which serves every shift (but the shift zero has its own, since coordinates are
/// pinned there).
pub(super) struct Elimination {
    analysis: Analysis,
    threads: Threads,
}

impl Elimination {
    /// At a shift of zero trivial zero modes would be zero modes of the shifted matrix: as many coordinates are
    /// pinned. As a quadratic form on the other displacements the Hessian is the same, and so are its signs.
    pub(super) fn for_shift<const D: usize>(
        hessian: &Hessian<'_, D>,
        shift: f64,
    ) -> Result<Self, ModesError> {
        let analysis = if shift == 0.0 {
            Analysis::pinned(hessian)
        } else {
            Analysis::whole(hessian)
        };
        let threads = Threads::new(NonZeroUsize::MIN)?;
        Ok(Self { analysis, threads })
    }

    /// Factorises `M - shift`; `None` at a pivot that is zero to rounding or not finite.
    pub(super) fn factor<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        shift: f64,
    ) -> Result<Option<SignedFactor<'_, D>>, SolveError> {
        let factor = self
            .analysis
            .factorise_shifted(hessian, -shift, &self.threads)?;
        Ok(factor.map(|factor| SignedFactor {
            elimination: self,
            shift,
            factor,
        }))
    }

    /// As the function [`modes_below`], for shifts other than zero.
    pub(super) fn modes_below<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        eigenvalue: f64,
    ) -> Result<usize, ModesError> {
        match self.count(hessian, eigenvalue) {
            Err(refusal @ ModesError::AtEigenvalue { .. }) => {
                self.count_around(hessian, eigenvalue, refusal)
            }
            outcome => outcome,
        }
    }

    /// Without pivoting a pivot can vanish far from any eigenvalue: that of a particle whose neighbours are not yet
    /// eliminated does at an entry of the diagonal. If there are as many modes below both ends of a small interval
    /// around the value, there are as many below the value.
    fn count_around<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        eigenvalue: f64,
        refusal: ModesError,
    ) -> Result<usize, ModesError> {
        let scale = row_sum_norm(hessian);
        for width in [1e-7 * scale, 1e-5 * scale] {
            let [low, high] =
                [-width, width].map(|step| self.count(hessian, eigenvalue + step).ok());
            if let (Some(low), Some(high)) = (low, high)
                && low == high
            {
                return Ok(low);
            }
        }
        Err(refusal)
    }

    fn count<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        eigenvalue: f64,
    ) -> Result<usize, ModesError> {
        let rounding = f64::EPSILON * row_sum_norm(hessian);
        let Some(factor) = self.factor(hessian, eigenvalue)? else {
            return Err(ModesError::AtEigenvalue {
                value: eigenvalue,
                distance: 0.0,
                uncertainty: rounding,
            });
        };
        factor.count_is_safe(hessian, rounding)?;
        let trivial = if eigenvalue > 0.0 {
            hessian.cluster_data().zero_modes()
        } else {
            0
        };
        factor
            .negative_pivots()
            .checked_sub(trivial)
            .ok_or(ModesError::AtEigenvalue {
                value: eigenvalue,
                distance: eigenvalue.abs(),
                uncertainty: rounding,
            })
    }
}

/// The factors of `M - shift`.
pub(super) struct SignedFactor<'a, const D: usize> {
    elimination: &'a Elimination,
    shift: f64,
    factor: ShiftedFactor<'a, D>,
}

impl<const D: usize> SignedFactor<'_, D> {
    /// The number of negative eigenvalues of the matrix that was factorised.
    pub(super) fn negative_pivots(&self) -> usize {
        self.factor.negative_pivots()
    }

    /// Solves `(M - shift) x = b` for right-hand sides one after another; at pinned coordinates `x` is zero.
    pub(super) fn solve(&self, rhs: &[f64]) -> Vec<f64> {
        self.factor.solve(rhs)
    }

    /// Makes sure that no eigenvalue is so near to the shift that rounding could move it across.
    ///
    /// The factors are those of a matrix `M - shift + E`. Inverse iteration gives vectors `x` with
    /// `|(M - shift) x| = d |x|`, where `d` approaches the distance of the nearest eigenvalue, and the residual of
    /// the last solution is `E x`. The count holds if `d` is much larger than `|E x| / |x|` and than rounding.
    fn count_is_safe(&self, hessian: &Hessian<'_, D>, rounding: f64) -> Result<(), ModesError> {
        const VECTORS: usize = 4;
        const STEPS: usize = 4;
        const MARGIN: f64 = 100.0;
        let dimension = hessian.dimension();
        let free = self.elimination.analysis.free::<D>();
        if !free.contains(&true) {
            return Ok(());
        }
        let mut random = Seed(0).stream("inverse iteration", &[]);
        let mut x: Vec<f64> = (0..VECTORS * dimension)
            .map(|_| random.random_range(-1.0..1.0))
            .collect();
        let restrict = |x: &mut [f64]| {
            for (x, _) in x.iter_mut().zip(&free).filter(|(_, free)| !**free) {
                *x = 0.0;
            }
        };
        let (mut distance, mut error) = (f64::INFINITY, 0.0_f64);
        let mut product = vec![0.0; dimension];
        for step in 1..=STEPS {
            for x in x.chunks_exact_mut(dimension) {
                restrict(x);
                let size = norm(x);
                for x in x {
                    *x /= size;
                }
            }
            let next = self.solve(&x);
            for (b, x) in x.chunks_exact(dimension).zip(next.chunks_exact(dimension)) {
                let size = norm(x);
                distance = distance.min(1.0 / size);
                if step == STEPS {
                    hessian.apply_edges(x, &mut product);
                    for ((p, x), b) in product.iter_mut().zip(x).zip(b) {
                        *p -= self.shift * x + b;
                    }
                    restrict(&mut product);
                    error = error.max(norm(&product) / size);
                }
            }
            x = next;
        }
        let uncertainty = error.max(rounding);
        // Not a number is not safe either.
        if distance > MARGIN * uncertainty {
            Ok(())
        } else {
            Err(ModesError::AtEigenvalue {
                value: self.shift,
                distance,
                uncertainty,
            })
        }
    }
}
