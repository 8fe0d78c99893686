//! Approximate inverses of the Hessian that save conjugate gradients iterations.

use crate::hessian::Hessian;
use crate::solvers::sweeps::{
    Single, SingleBlock, Sweeps, incomplete_factor, pivot, single, transform,
};

/// A way to approximate the inverse of a Hessian by something cheap.
///
/// What was measured, for one dipole in each of three glasses to a relative residual of 1e-8 (inverse power law
/// of 2000 particles with 17 neighbours each; modified binary Lennard-Jones of 8000 with 24; Kob-Andersen of
/// 2000 with 64). An iteration reads the Hessian once, with [`IncompleteCholesky`] a factor of its size as well;
/// that traffic is the cost:
///
/// | | iterations | reads per iteration |
/// |---|---|---|
/// | [`Identity`] | 307, 496, 308 | 1 |
/// | [`BlockJacobi`] | 238, 311, 206 | 1 |
/// | [`SymmetricGaussSeidel`] | 89, 118, 77 | 1 |
/// | [`IncompleteCholesky`] | 72, 88, 38 | 2 |
pub trait Preconditioner<const D: usize> {
    /// Prepares the product with the approximate inverse.
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Preconditioning<D>;
}

/// A prepared product `z = C r` with an approximation `C` of the inverse Hessian: symmetric and positive
/// definite.
pub struct Preconditioning<const D: usize>(pub(crate) Kind<D>);

/// A product `z = C r` of flat vectors.
pub(crate) type Product = Box<dyn Fn(&[f64], &mut [f64]) + Send + Sync>;

pub(crate) enum Kind<const D: usize> {
    None,
    /// Diagonal blocks, by particle.
    Blocks(Vec<SingleBlock<D>>),
    GaussSeidel {
        relaxation: f64,
    },
    /// In the order of space.
    Factor(Sweeps<D>),
    Product {
        product: Product,
        stored_numbers: usize,
    },
}

impl<const D: usize> Preconditioning<D> {
    /// A product of one's own: of flat vectors of `D N` numbers; the second holds anything before. It must be
    /// linear, symmetric and positive definite. `stored_numbers` is told to whoever asks what a solver keeps.
    pub fn new(
        product: impl Fn(&[f64], &mut [f64]) + Send + Sync + 'static,
        stored_numbers: usize,
    ) -> Self {
        Self(Kind::Product {
            product: Box::new(product),
            stored_numbers,
        })
    }
}

/// No preconditioning: `C = I`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity;

impl<const D: usize> Preconditioner<D> for Identity {
    fn prepare(&self, _: &Hessian<'_, D>) -> Preconditioning<D> {
        Preconditioning(Kind::None)
    }
}

/// `C` consists of the inverses of the diagonal `D x D` blocks.
///
/// It saves a fifth to a third of the iterations in simple glasses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockJacobi;

impl<const D: usize> Preconditioner<D> for BlockJacobi {
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Preconditioning<D> {
        Preconditioning(Kind::Blocks(
            hessian
                .matrix()
                .diagonal_blocks()
                .map(|block| single(&pivot(block, 1.0).1))
                .collect(),
        ))
    }
}

/// One symmetric sweep of block successive over-relaxation: with `M = L + B + L^T` (`B` the diagonal blocks),
///
/// ```text
/// C = (W + L^T)^-1 W (L + W)^-1,    W = B / relaxation
/// ```
///
/// A relaxation of one is the symmetric method of Gauss and Seidel. Conjugate gradients run on
/// `(L + W)^-1 M (W + L^T)^-1`, whose products cost one sweep forward and one backward, as much as one
/// product with `M`: it comes for free, and needs no factorisation.
///
/// Source: S. C. Eisenstat, SIAM J. Sci. Stat. Comput. 2, 1 (1981).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SymmetricGaussSeidel {
    /// Between 0 and 2; anything from 1.2 to 1.4 is good.
    pub relaxation: f64,
}

impl Default for SymmetricGaussSeidel {
    /// A relaxation of 1.3.
    fn default() -> Self {
        Self { relaxation: 1.3 }
    }
}

impl<const D: usize> Preconditioner<D> for SymmetricGaussSeidel {
    fn prepare(&self, _: &Hessian<'_, D>) -> Preconditioning<D> {
        Preconditioning(Kind::GaussSeidel {
            relaxation: self.relaxation,
        })
    }
}

/// The block incomplete Cholesky factorisation without fill, on the pattern of the Hessian:
///
/// ```text
/// C^-1 = (L + W) W^-1 (W + L^T),    L_ij = M_ij - sum_k L_ik W_k^-1 L_jk^T    where M_ij is stored
/// ```
///
/// If a pivot `W` is not positive definite, the diagonal blocks are raised by a thousandth of their diagonal,
/// and then by ten times more until all are.
///
/// The fewest iterations, of twice the cost, after a factorisation that took as long as some forty of them
/// (Kob-Andersen, 8000 particles). There a solution took as long as with [`SymmetricGaussSeidel`]; with fewer
/// neighbours it took longer.
///
/// Source: J. A. Meijerink and H. A. van der Vorst, Math. Comp. 31, 148 (1977); shifts: T. A. Manteuffel,
/// Math. Comp. 34, 473 (1980).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncompleteCholesky;

impl<const D: usize> Preconditioner<D> for IncompleteCholesky {
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Preconditioning<D> {
        let order = crate::solvers::sweeps::spatial_order(hessian);
        [0.0, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
            .into_iter()
            .find_map(|shift| incomplete_factor(hessian, &order, shift))
            .map_or_else(
                || BlockJacobi.prepare(hessian),
                |factor| Preconditioning(Kind::Factor(factor)),
            )
    }
}

impl<const D: usize> Kind<D> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::None => "conjugate gradient",
            Self::Blocks(_) => "conjugate gradient, block Jacobi",
            Self::GaussSeidel { .. } => "conjugate gradient, symmetric Gauss-Seidel",
            Self::Factor(_) => "conjugate gradient, incomplete Cholesky",
            Self::Product { .. } => "conjugate gradient, preconditioned",
        }
    }

    pub(crate) fn stored_numbers(&self) -> usize {
        match self {
            Self::None | Self::GaussSeidel { .. } => 0,
            Self::Blocks(blocks) => D * D * blocks.len(),
            Self::Factor(factor) => factor.stored_numbers(),
            Self::Product { stored_numbers, .. } => *stored_numbers,
        }
    }

    /// `z = C r` in the order of space, but for Gauss and Seidel, whose sweeps are in the product: there
    /// `C = W`, the given pivots.
    pub(crate) fn apply(
        &self,
        order: &[usize],
        pivots: &[SingleBlock<D>],
        r: &[Single<D>],
        z: &mut [Single<D>],
    ) {
        match self {
            Self::None => z.copy_from_slice(r),
            Self::Blocks(blocks) => {
                for ((z, r), &i) in z.iter_mut().zip(r).zip(order) {
                    *z = transform(&blocks[i], r);
                }
            }
            Self::GaussSeidel { .. } => {
                for ((z, r), pivot) in z.iter_mut().zip(r).zip(pivots) {
                    *z = transform(pivot, r);
                }
            }
            Self::Factor(factor) => {
                factor.forward(|i| r[i], z);
                factor.backward_in_place(z);
            }
            Self::Product { product, .. } => {
                let mut from = vec![[0.0; D]; r.len()];
                let mut to = from.clone();
                for (r, &i) in r.iter().zip(order) {
                    from[i] = r.map(f64::from);
                }
                product(from.as_flattened(), to.as_flattened_mut());
                for (z, &i) in z.iter_mut().zip(order) {
                    *z = to[i].map(|c| c as f32);
                }
            }
        }
    }
}
