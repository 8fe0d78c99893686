//! The sums over all terms that come with the forces.

use crate::vector::{Matrix, Vector};

/// Sums that come with the forces, in the same pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals<const D: usize> {
    /// The potential energy `U`.
    pub energy: f64,
    /// `dU/dF_ab` at `F = I` for the affine map `x -> F x`: `sum_e 2 g_e (r_e)_a (r_e)_b`. Symmetric; the
    /// static stress (tension positive) times the volume, and minus the usual virial.
    pub strain_gradient: Matrix<D>,
    /// The sum of the squared forces of the terms: `f_ij^2` for a pair, half the sum over its particles for
    /// a term of more (the triplets around one centre are one term).
    pub squared_term_forces: f64,
}

impl<const D: usize> Totals<D> {
    /// All sums zero.
    pub fn zero() -> Self {
        Self {
            energy: 0.0,
            strain_gradient: [[0.0; D]; D],
            squared_term_forces: 0.0,
        }
    }

    /// Whether every sum is a finite number.
    pub fn is_finite(&self) -> bool {
        let stress = self.strain_gradient.as_flattened();
        self.energy.is_finite()
            && self.squared_term_forces.is_finite()
            && stress.iter().all(|entry| entry.is_finite())
    }

    /// Adds the strain gradient of one edge with `doubled_gradient = 2 g`.
    #[inline(always)]
    pub(crate) fn add_edge(&mut self, doubled_gradient: f64, edge: &Vector<D>) {
        for a in 0..D {
            for b in a..D {
                self.strain_gradient[a][b] += doubled_gradient * edge[a] * edge[b];
            }
        }
    }

    /// Completes the lower triangle, which `add_edge` leaves out.
    pub(crate) fn symmetrize(&mut self) {
        for a in 0..D {
            for b in 0..a {
                self.strain_gradient[a][b] = self.strain_gradient[b][a];
            }
        }
    }
}
