//! The linear response of an inherent structure: moduli and non-affine displacements.

use crate::hessian::{Hessian, changes};
use crate::interaction::{Interaction, interactions};
use crate::solver::{InverseHessian, LinearSolver, SolveError, dot};
use std::num::NonZeroUsize;
use thiserror::Error;
use vitreous_md_core::vector::{self, identity, transform};
use vitreous_md_core::{InherentStructure, Linearization, Matrix, Plane, Vector};

/// The linear response of an inherent structure, with a solver that is prepared once for all of it.
///
/// Units are those of the potential: moduli are energies per volume, dipole stiffnesses energies per length
/// squared.
///
/// ```
/// # use vitreous_linresp::{LinearResponse, SparseCholesky};
/// # use vitreous_md_core::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// phi(r) = (4 - r^2)^4 / 100 below r = 2.
/// #[derive(Clone)]
/// struct Soft;
/// impl Radial for Soft {
///     fn range(&self) -> f64 { 2.0 }
///     fn energy<S: Scalar>(&self, squared_distance: S) -> S {
///         (-squared_distance + 4.0).powi(4) * 0.01
///     }
/// }
/// // A face-centred cubic crystal of 4 x 4 x 4 cubes with edge 2.2.
/// let mut positions = Vec::new();
/// for cube in 0..64 {
///     for [x, y, z] in [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]] {
///         let corner = [cube % 4, cube / 4 % 4, cube / 16].map(f64::from);
///         positions.push([2.2 * (corner[0] + x), 2.2 * (corner[1] + y), 2.2 * (corner[2] + z)]);
///     }
/// }
/// let crystal = Configuration::new(Cell::orthorhombic([8.8; 3])?, positions, vec![Species(0); 256])?;
/// let potential = SpeciesTable::uniform(Soft)?;
/// let structure = InherentStructure::certify(&potential, crystal, Tolerance::force_ratio(1e-10))?;
///
/// let response = LinearResponse::new(&structure, &SparseCholesky::default())?;
/// let shear = response.shear_modulus(Plane::XY)?;
/// // Every particle is a centre of symmetry: no non-affine motion.
/// assert!(shear.total() > 0.0 && shear.non_affine.abs() < 1e-12);
/// let pair = response.find_interaction(0, 1)?;
/// let stiffness = response.dipole_stiffness(&[pair], std::num::NonZeroUsize::MIN)?[0];
/// assert!(stiffness > 0.0);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct LinearResponse<'a, const D: usize> {
    structure: &'a InherentStructure<D>,
    inverse: InverseHessian<'a, D>,
    interactions: Vec<Interaction<D>>,
}

/// An elastic modulus in its parts, energies per volume.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Modulus {
    /// From the curvatures `h_ef` of the energy in squared edges, at affine displacements.
    pub born: f64,
    /// From its slopes `g_e`: the forces in the interactions.
    pub prestress: f64,
    /// From the displacements that restore the balance of forces; negative or zero.
    pub non_affine: f64,
}

impl Modulus {
    /// `born + prestress + non_affine`.
    pub fn total(&self) -> f64 {
        self.born + self.prestress + self.non_affine
    }

    fn scaled(self, factor: f64) -> Self {
        Self {
            born: factor * self.born,
            prestress: factor * self.prestress,
            non_affine: factor * self.non_affine,
        }
    }
}

/// Why a response was not computed.
#[derive(Debug, Error)]
pub enum ResponseError {
    /// The linear system.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// A plane of shear that does not exist.
    #[error("a plane with displacement along axis {displacement} and gradient along axis {gradient} does not exist in {dimension} dimensions: give two different axes, numbered from 0", displacement = plane.displacement, gradient = plane.gradient)]
    Plane {
        /// The plane.
        plane: Plane,
        /// The dimension `D`.
        dimension: usize,
    },
    /// Two particles that do not interact.
    #[error(
        "particles {i} and {j} do not interact: a dipole needs a pair within the range of a pair potential"
    )]
    NotInteracting {
        /// The first particle.
        i: usize,
        /// The second.
        j: usize,
    },
    /// Two particles that interact through several images.
    #[error(
        "particles {i} and {j} interact through {images} images: name the interaction by its index, or use a larger cell"
    )]
    SeveralImages {
        /// The first particle.
        i: usize,
        /// The second.
        j: usize,
        /// The number of interactions between them.
        images: usize,
    },
    /// An index beyond the list of interactions.
    #[error("there is no interaction {index}: there are {count}, numbered from 0")]
    NoSuchInteraction {
        /// The index.
        index: usize,
        /// The number of interactions.
        count: usize,
    },
    /// A sample larger than the list of interactions.
    #[error("a sample of {asked} different interactions was asked for, but there are only {count}")]
    TooFewInteractions {
        /// The size of the sample.
        asked: usize,
        /// The number of interactions.
        count: usize,
    },
    /// The operating system would not start threads.
    #[error("could not start {threads} threads: {reason}")]
    Threads {
        /// How many.
        threads: NonZeroUsize,
        /// What it said.
        reason: String,
    },
}

impl<'a, const D: usize> LinearResponse<'a, D> {
    /// Assembles the Hessian and prepares the solver.
    ///
    /// # Errors
    /// Those of [`LinearSolver::prepare`]; a direct solver finds out here that a structure is a saddle.
    pub fn new(
        structure: &'a InherentStructure<D>,
        solver: &dyn LinearSolver<D>,
    ) -> Result<Self, SolveError> {
        let linearization = structure.linearization();
        Ok(Self {
            structure,
            inverse: Hessian::new(linearization).inverse(solver)?,
            interactions: interactions(linearization),
        })
    }

    /// The inherent structure.
    pub fn structure(&self) -> &'a InherentStructure<D> {
        self.structure
    }

    /// The Hessian.
    pub fn hessian(&self) -> &Hessian<'a, D> {
        self.inverse.hessian()
    }

    /// The inverse Hessian.
    pub fn inverse(&self) -> &InverseHessian<'a, D> {
        &self.inverse
    }

    /// The pairs of particles within the range of a pair term, through whatever image, in the order of the
    /// linearisation; not those of a particle with its own images.
    pub fn interactions(&self) -> &[Interaction<D>] {
        &self.interactions
    }

    fn linearization(&self) -> &'a Linearization<D> {
        self.structure.linearization()
    }

    /// The athermal shear modulus in one plane,
    ///
    /// ```text
    /// G = (1/V) (d2U/dgamma2 - Xi . M^-1 . Xi),    Xi = d2U/dgamma dx,    F = I + gamma e_x (x) e_y
    /// ```
    ///
    /// for `Plane::XY`. Source: the paper (J. Chem. Phys. 155, 074502 (2021)), Eq. (A1), second line.
    ///
    /// # Errors
    /// A plane that does not exist in `D` dimensions; those of the solver.
    pub fn shear_modulus(&self, plane: Plane) -> Result<Modulus, ResponseError> {
        if !plane.exists_in(D) {
            return Err(ResponseError::Plane {
                plane,
                dimension: D,
            });
        }
        Ok(self.strain_moduli(&[plane.direction()])?[0][0])
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
            mean.born += share * moduli[k][k].born;
            mean.prestress += share * moduli[k][k].prestress;
            mean.non_affine += share * moduli[k][k].non_affine;
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
        Ok(modulus.scaled(1.0 / (dimension * dimension)))
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
        let forces: Vec<f64> = strains
            .iter()
            .flat_map(|s| s.force_slope.iter().copied())
            .collect();
        let responses = self.inverse.apply(&forces)?;
        let dimension = self.hessian().dimension();
        let response = |b: usize| &responses[b * dimension..(b + 1) * dimension];
        let volume = self.linearization().volume();
        Ok(strains
            .iter()
            .map(|a| {
                strains
                    .iter()
                    .enumerate()
                    .map(|(b, strain)| {
                        let mut modulus = a.affine(strain, self.linearization());
                        modulus.non_affine = -dot(&a.force_slope, response(b));
                        modulus.scaled(1.0 / volume)
                    })
                    .collect()
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
        let response = self.inverse.apply(&strain.force_slope)?;
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
        let slope_changes = changes(linearization, &stretches);
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
