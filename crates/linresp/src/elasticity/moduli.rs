//! Moduli as second derivatives of the relaxed energy in the deformation gradient.

use crate::elasticity::shear::Shear;
use crate::response::{LinearResponse, ResponseError};
use crate::solver::dot;
use std::ops::{Add, AddAssign, Mul};
use vitreous_md_core::vector::{self, identity, transform};
use vitreous_md_core::{Linearization, Matrix, Plane, Vector};

/// An elastic modulus in its parts, energies per volume.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Modulus {
    /// From the curvatures `h_ef` of the energy in squared edges, at affine displacements.
    pub born: f64,
    /// From its slopes `g_e`: the forces in the interactions.
    pub prestress: f64,
    /// From the displacements that restore the balance of forces; negative or zero for a single strain.
    pub non_affine: f64,
}

impl Modulus {
    /// `born + prestress + non_affine`.
    pub fn total(&self) -> f64 {
        self.born + self.prestress + self.non_affine
    }
}

impl Add for Modulus {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            born: self.born + other.born,
            prestress: self.prestress + other.prestress,
            non_affine: self.non_affine + other.non_affine,
        }
    }
}

impl AddAssign for Modulus {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<Modulus> for f64 {
    type Output = Modulus;
    fn mul(self, modulus: Modulus) -> Modulus {
        Modulus {
            born: self * modulus.born,
            prestress: self * modulus.prestress,
            non_affine: self * modulus.non_affine,
        }
    }
}

impl<const D: usize> LinearResponse<'_, D> {
    /// The athermal shear modulus in one plane of axes: [`LinearResponse::shear_modulus_along`] it.
    ///
    /// # Errors
    /// A plane that does not exist in `D` dimensions; those of the solver.
    pub fn shear_modulus(&self, plane: Plane) -> Result<Modulus, ResponseError> {
        self.shear_modulus_along(&Shear::in_plane(plane)?)
    }

    /// The athermal shear modulus in any plane,
    ///
    /// ```text
    /// G = (1/V) (d2U/dgamma2 - Xi . M^-1 . Xi),    Xi = d2U/dgamma dx,    F = I + gamma m (x) n
    /// ```
    ///
    /// with displacements along `m` and their gradient along `n`. The same number comes from
    /// [`LinearResponse::shear_modulus_in_green_lagrange_strain`] and, up to the steps,
    /// [`shear_modulus_by_finite_strain`](crate::shear_modulus_by_finite_strain).
    ///
    /// Under anisotropic stress, exchanging `m` and `n` changes `G` by the difference of the tensions along
    /// them. Source: the paper (J. Chem. Phys. 155, 074502 (2021)), Eq. (A1), second line.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn shear_modulus_along(&self, shear: &Shear<D>) -> Result<Modulus, ResponseError> {
        Ok(self.strain_moduli(&[shear.direction()])?[0][0])
    }

    /// The mean of the shear moduli in the planes of all pairs of axes, which is less noisy than that in
    /// one; zero for `D = 1`.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn mean_shear_modulus(&self) -> Result<Modulus, ResponseError> {
        let directions: Vec<Matrix<D>> = Plane::all::<D>()
            .into_iter()
            .map(Plane::direction)
            .collect();
        let moduli = self.strain_moduli(&directions)?;
        let share = 1.0 / (directions.len().max(1) as f64);
        let mut mean = Modulus::default();
        for k in 0..directions.len() {
            mean += share * moduli[k][k];
        }
        Ok(mean)
    }

    /// The athermal bulk modulus `K = -V dP/dV`. With `F = (1 + gamma) I`,
    ///
    /// ```text
    /// K = [U'' - (D - 1) U'] / (D^2 V),    U' = tr dU/dF
    /// ```
    ///
    /// where `U''` includes the non-affine relaxation and the term in `U'` counts as prestress.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn bulk_modulus(&self) -> Result<Modulus, ResponseError> {
        let mut modulus = self.strain_moduli(&[identity()])?[0][0];
        let gradient = self.linearization().strain_gradient();
        let slope: f64 = (0..D).map(|k| gradient[k][k]).sum();
        let dimension = D as f64;
        modulus.prestress -= (dimension - 1.0) * slope / self.linearization().volume();
        Ok(1.0 / (dimension * dimension) * modulus)
    }

    /// The second derivatives of the relaxed energy per volume in strains `F = I + sum_a gamma_a E_a` along
    /// any directions `E_a`, for all pairs of them:
    ///
    /// ```text
    /// (1/V) [ sum_ef h_ef (ds_e/da)(ds_f/db) + sum_e g_e d2s_e/da db - Xi_a . M^-1 . Xi_b ]
    /// ds_e/da = 2 r_e . E_a r_e,    d2s_e/da db = 2 (E_a r_e) . (E_b r_e)
    /// ```
    ///
    /// with the three terms as `born`, `prestress` and `non_affine`. They are derivatives in the deformation
    /// gradient, not in the Green-Lagrange strain; the two differ under prestress.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn strain_moduli(
        &self,
        directions: &[Matrix<D>],
    ) -> Result<Vec<Vec<Modulus>>, ResponseError> {
        let strains: Vec<Strain<D>> = directions
            .iter()
            .map(|direction| Strain::new(self.linearization(), direction))
            .collect();
        self.relaxed_moduli(
            &strains,
            |strain| &strain.force_slope,
            |a, b| a.affine(b, self.linearization()),
        )
    }

    /// The moduli of all pairs of strains: their affine parts, and what relaxation gives back of the forces
    /// `d2U/dgamma dx` that each brings about; all divided by the volume.
    pub(crate) fn relaxed_moduli<S>(
        &self,
        strains: &[S],
        force_slope: impl Fn(&S) -> &Vec<f64>,
        affine: impl Fn(&S, &S) -> Modulus,
    ) -> Result<Vec<Vec<Modulus>>, ResponseError> {
        let slopes: Vec<&[f64]> = strains.iter().map(|s| force_slope(s).as_slice()).collect();
        let relaxation = self.relaxation(&slopes)?;
        let per_volume = 1.0 / self.linearization().volume();
        Ok(strains
            .iter()
            .zip(relaxation)
            .map(|(a, relaxation)| {
                let modulus = |(b, non_affine)| {
                    let affine = affine(a, b);
                    per_volume
                        * Modulus {
                            non_affine,
                            ..affine
                        }
                };
                strains.iter().zip(relaxation).map(modulus).collect()
            })
            .collect())
    }

    /// The non-affine displacements per strain `dx/dgamma = -M^-1 Xi` (`N x D`) that come on top of the
    /// affine ones under `F = I + gamma E`.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn non_affine_displacements(
        &self,
        direction: &Matrix<D>,
    ) -> Result<Vec<Vector<D>>, ResponseError> {
        let strain = Strain::new(self.linearization(), direction);
        let response = self.inverse().apply(&strain.force_slope)?;
        let (vectors, _) = response.as_chunks::<D>();
        Ok(vectors.iter().map(|v| v.map(|c| -c)).collect())
    }
}

/// How the energy changes to second order with strain along one direction `E`.
struct Strain<const D: usize> {
    /// `E r_e` for every edge.
    steps: Vec<Vector<D>>,
    /// `ds_e/dgamma` for every edge.
    stretches: Vec<f64>,
    /// `dg_e/dgamma` for every edge.
    slope_changes: Vec<f64>,
    /// `Xi = d2U/dgamma dx`, flat: minus the forces that strain brings about.
    force_slope: Vec<f64>,
}

impl<const D: usize> Strain<D> {
    fn new(linearization: &Linearization<D>, direction: &Matrix<D>) -> Self {
        let edges = linearization.edges();
        let steps: Vec<Vector<D>> = edges
            .iter()
            .map(|edge| transform(direction, &edge.vector))
            .collect();
        let stretches: Vec<f64> = edges
            .iter()
            .zip(&steps)
            .map(|(edge, step)| 2.0 * vector::dot(&edge.vector, step))
            .collect();
        let slope_changes = linearization.gradient_changes(&stretches);
        let mut force_slope = vec![[0.0; D]; linearization.particles()];
        for ((edge, step), change) in edges.iter().zip(&steps).zip(&slope_changes) {
            for k in 0..D {
                // d/dgamma of dU/dx_j = 2 g_e r_e.
                let slope = 2.0 * (change * edge.vector[k] + edge.gradient * step[k]);
                force_slope[edge.j as usize][k] += slope;
                force_slope[edge.i as usize][k] -= slope;
            }
        }
        Self {
            steps,
            stretches,
            slope_changes,
            force_slope: force_slope.into_flattened(),
        }
    }

    /// The affine parts of the second derivative along this direction and another.
    fn affine(&self, other: &Self, linearization: &Linearization<D>) -> Modulus {
        let edges = linearization.edges();
        Modulus {
            born: dot(&self.stretches, &other.slope_changes),
            prestress: (0..edges.len())
                .map(|e| 2.0 * edges[e].gradient * vector::dot(&self.steps[e], &other.steps[e]))
                .sum(),
            non_affine: 0.0,
        }
    }
}
