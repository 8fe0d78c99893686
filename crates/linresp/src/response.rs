//! The linear response of an inherent structure: its Hessian with a solver that is prepared once.

use crate::hessian::Hessian;
use crate::interaction::{Interaction, interactions};
use crate::solver::{InverseHessian, LinearSolver, SolveError, dot};
use thiserror::Error;
use vitreous_md_core::{InherentStructure, Linearization, Plane};

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
    /// A vector that gives no direction.
    #[error(
        "the {role} of a shear has the direction {vector:?}: its components must be finite and not all zero"
    )]
    Direction {
        /// What the vector is for.
        role: &'static str,
        /// Its components.
        vector: Vec<f64>,
    },
    /// A shear that would change the volume.
    #[error(
        "the displacement and the gradient of a shear must be orthogonal: the cosine of the angle between {displacement:?} and {gradient:?} is {cosine:.3e}, beyond {limit:e}"
    )]
    NotOrthogonal {
        /// The direction of the displacement.
        displacement: Vec<f64>,
        /// The direction of its gradient.
        gradient: Vec<f64>,
        /// The cosine of the angle between them.
        cosine: f64,
        /// The largest size allowed.
        limit: f64,
    },
    /// A stiffness without an inverse.
    #[error(
        "the stiffness tensor has no inverse to rounding: some strain changes no stress, as in a fluid or a structure at the edge of stability"
    )]
    NoCompliance,
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
    /// Two particles that nothing joins.
    #[error(
        "the dipole on particles {i} and {j} meets no stiffness: nothing joins them, for their interaction is zero to rounding"
    )]
    NoStiffness {
        /// The first particle.
        i: usize,
        /// The second.
        j: usize,
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
            inverse: Hessian::with_threads(linearization, solver.threads())?.inverse(solver)?,
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

    pub(crate) fn linearization(&self) -> &'a Linearization<D> {
        self.structure.linearization()
    }
    /// `-a . M^-1 . b` for all pairs of vectors, which are solved for at once: what the energy gains by
    /// relaxing.
    pub(crate) fn relaxation(&self, vectors: &[&[f64]]) -> Result<Vec<Vec<f64>>, SolveError> {
        let dimension = self.hessian().dimension();
        let responses = self.inverse.apply(&vectors.concat())?;
        Ok(vectors
            .iter()
            .map(|a| {
                responses
                    .chunks_exact(dimension)
                    .map(|response| -dot(a, response))
                    .collect()
            })
            .collect())
    }
}
