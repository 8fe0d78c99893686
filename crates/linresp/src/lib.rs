//! Linear response of a glass: the Hessian, solvers for systems with it, elastic moduli and the stiffness
//! of force dipoles.
//!
//! Everything starts from an [`InherentStructure`](vitreous_md_core::InherentStructure), which carries its
//! energy expanded to second order: neither potentials nor minimisers are known here.
//!
//! | you want | use |
//! |---|---|
//! | moduli, non-affine displacements, dipole stiffness | [`LinearResponse`] |
//! | shear in any plane | [`Shear`] |
//! | all elastic constants, Poisson's ratio, compliance | [`StiffnessTensor`] |
//! | the shear modulus by straining and quenching again | [`shear_modulus_by_finite_strain`] |
//! | soft spots: pseudoharmonic modes | [`LinearResponse::pseudoharmonic_modes`] |
//! | soft spots: cubic and quartic modes | [`LinearResponse::quasilocalised_modes`] |
//! | products with `M = d2U/dx dx`, its blocks, rattlers | [`Hessian`], [`BlockMatrix`] |
//! | products with `M^-1`, checked | [`InverseHessian`] |
//! | few right-hand sides, or very many particles | [`ConjugateGradient`] |
//! | many right-hand sides | [`SparseCholesky`] |
//! | a solver or preconditioner of your own | [`LinearSolver`], [`Preconditioner`] |
//!
//! Whatever the solver, a solution is handed out only after its residual was recomputed straight from the
//! edges of the expansion. A structure that is no minimum is refused with the curvature that was found.

pub mod block_matrix;
mod clusters;
pub mod conjugate_gradient;
pub mod dipole;
pub mod finite_strain;
pub mod green_lagrange;
pub mod hessian;
mod homogeneous_form;
pub mod interaction;
mod matrix_market;
pub mod moduli;
mod ordering;
pub mod pseudoharmonic;
pub mod quasilocalised;
pub mod response;
pub mod shear;
pub mod solver;
pub mod sparse_cholesky;
pub mod stiffness;
mod vertex_cover;

pub use block_matrix::BlockMatrix;
pub use conjugate_gradient::{BlockJacobi, ConjugateGradient, Identity, Preconditioner};
pub use dipole::DipoleResponse;
pub use finite_strain::{
    FiniteStrainError, FiniteStrainModulus, Slopes, shear_modulus_by_finite_strain,
};
pub use hessian::Hessian;
pub use homogeneous_form::{SoftModeError, SoftModeSearch, Unconverged};
pub use interaction::Interaction;
pub use moduli::Modulus;
pub use pseudoharmonic::{FoundMode, PseudoharmonicCost, PseudoharmonicMode, PseudoharmonicModes};
pub use quasilocalised::{Anharmonicity, QuasilocalisedMode};
pub use response::{LinearResponse, ResponseError};
pub use shear::Shear;
pub use solver::{Accuracy, InverseHessian, LinearSolver, PreparedSolver, SolveError};
pub use sparse_cholesky::SparseCholesky;
pub use stiffness::{Compliance, StiffnessTensor};
