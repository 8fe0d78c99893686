//! Second derivatives of the relaxed energy in the Green-Lagrange strain.

use crate::elasticity::moduli::Modulus;
use crate::elasticity::shear::Shear;
use crate::response::{LinearResponse, ResponseError};
use crate::solver::dot;
use vitreous_md_core::vector::{self, transform};
use vitreous_md_core::{Linearization, Matrix};

impl<const D: usize> LinearResponse<'_, D> {
    /// The athermal shear modulus from derivatives in the strain `eps = (F^T F - I)/2`,
    ///
    /// ```text
    /// G = (1/V) (dU/deps_nn + d2U/deps_mn2)    at zero net force
    /// ```
    ///
    /// where `eps_mn` and `eps_nm` vary as independent components: squared edges are linear in strain,
    /// `s_e -> s_e + 2 r_e . eps r_e`, so that `d2U/deps_mn2 = sum_ef h_ef (2 r_em r_en)(2 r_fm r_fn)` less what
    /// relaxation gives back (`born` and `non_affine`), and `dU/deps_nn = V stress_nn` (`prestress`).
    ///
    /// The forces that strain brings about are derived at fixed `eps`, in coordinates that are strained along,
    /// and solved for separately: only the edges, their couplings and the solver are shared with
    /// [`LinearResponse::shear_modulus_along`], which gives the same number where forces are balanced. How far
    /// the two differ says how well they are. Source: the paper (J. Chem. Phys. 155, 074502 (2021)), Eq. (A1),
    /// third line.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn shear_modulus_in_green_lagrange_strain(
        &self,
        shear: &Shear<D>,
    ) -> Result<Modulus, ResponseError> {
        let along_gradient = dot(
            shear.gradient(),
            &transform(&self.structure().mechanics().stress(), shear.gradient()),
        );
        let mut modulus = self.green_lagrange_moduli(&[shear.direction()])?[0][0];
        modulus.prestress = along_gradient;
        Ok(modulus)
    }

    /// `(1/V) d2U/da db` of the relaxed energy at strains `eps = sum_a gamma_a E_a`, for all pairs of
    /// directions, symmetric or not. There is no prestress in them.
    pub(crate) fn green_lagrange_moduli(
        &self,
        directions: &[Matrix<D>],
    ) -> Result<Vec<Vec<Modulus>>, ResponseError> {
        let strains: Vec<Strain> = directions
            .iter()
            .map(|direction| Strain::new(self.linearization(), direction))
            .collect();
        self.relaxed_moduli(
            &strains,
            |strain| &strain.force_slope,
            |a, b| Modulus {
                born: dot(&a.stretches, &b.slope_changes),
                ..Modulus::default()
            },
        )
    }
}

/// How the energy changes with Green-Lagrange strain along one direction `E`.
struct Strain {
    /// `ds_e/dgamma = 2 r_e . E r_e` for every edge.
    stretches: Vec<f64>,
    /// `dg_e/dgamma` for every edge.
    slope_changes: Vec<f64>,
    /// `d2U/dgamma dX`, flat, in the coordinates `X` before the strain.
    force_slope: Vec<f64>,
}

impl Strain {
    fn new<const D: usize>(linearization: &Linearization<D>, direction: &Matrix<D>) -> Self {
        let edges = linearization.edges();
        let twice_symmetric: Matrix<D> =
            std::array::from_fn(|a| std::array::from_fn(|b| direction[a][b] + direction[b][a]));
        let stretches: Vec<f64> = edges
            .iter()
            .map(|edge| vector::dot(&edge.vector, &transform(&twice_symmetric, &edge.vector)))
            .collect();
        let slope_changes = linearization.gradient_changes(&stretches);
        let mut force_slope = vec![[0.0; D]; linearization.particles()];
        for (edge, change) in edges.iter().zip(&slope_changes) {
            // dU/dX_j = 2 g_e (I + 2 eps) r_e. The part with g_e adds up to zero where forces are balanced.
            let turned = transform(&twice_symmetric, &edge.vector);
            for k in 0..D {
                let slope = 2.0 * (change * edge.vector[k] + edge.gradient * turned[k]);
                force_slope[edge.j as usize][k] += slope;
                force_slope[edge.i as usize][k] -= slope;
            }
        }
        Self {
            stretches,
            slope_changes,
            force_slope: force_slope.into_flattened(),
        }
    }
}
