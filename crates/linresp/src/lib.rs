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
//! | many right-hand sides | [`SparseCholesky`], without memory for a factor [`BlockConjugateGradient`] |
//! | small systems, and the reference | [`Dense`] |
//! | whichever is expected to be the fastest | [`Automatic`] |
//! | vibrational modes, densities of states, whether it is a minimum | [`LowestModes`], [`DensityOfStates`], [`Hessian::modes_below`] |
//! | a solver or preconditioner of your own | [`LinearSolver`], [`Preconditioner`] |
//!
//! Whatever the solver, a solution is handed out only after its residual was recomputed straight from the
//! edges of the expansion. A structure that is no minimum is refused with the curvature that was found.

mod adjacency;
pub mod automatic;
pub mod block_conjugate_gradient;
pub mod block_matrix;
mod clusters;
pub mod conjugate_gradient;
pub mod dense;
pub mod dipole;
pub mod finite_strain;
pub mod green_lagrange;
pub mod hessian;
mod homogeneous_form;
pub mod interaction;
mod matrix_market;
pub mod modes;
pub mod moduli;
pub mod preconditioner;
pub mod pseudoharmonic;
pub mod quasilocalised;
pub mod response;
pub mod shear;
pub mod solver;
pub mod sparse_cholesky;
pub mod stiffness;
mod sweeps;
mod threads;

pub use automatic::Automatic;
pub use block_conjugate_gradient::BlockConjugateGradient;
pub use block_matrix::BlockMatrix;
pub use conjugate_gradient::ConjugateGradient;
pub use dense::Dense;
pub use dipole::DipoleResponse;
pub use finite_strain::{
    FiniteStrainError, FiniteStrainModulus, Slopes, shear_modulus_by_finite_strain,
};
pub use hessian::Hessian;
pub use homogeneous_form::{SoftModeError, SoftModeSearch, Unconverged};
pub use interaction::Interaction;
pub use modes::{DensityOfStates, LowestModes, Modes, ModesError};
pub use moduli::Modulus;
pub use preconditioner::{
    BlockJacobi, Identity, IncompleteCholesky, Preconditioner, Preconditioning,
    SymmetricGaussSeidel,
};
pub use pseudoharmonic::{FoundMode, PseudoharmonicCost, PseudoharmonicMode, PseudoharmonicModes};
pub use quasilocalised::{Anharmonicity, QuasilocalisedMode};
pub use response::{LinearResponse, ResponseError};
pub use shear::Shear;
pub use solver::{
    Accuracy, InverseHessian, LinearSolver, Preparation, PreparedSolver, Solution, SolveError,
    SolveReport,
};
pub use sparse_cholesky::SparseCholesky;
pub use sparse_cholesky::selected_inverse::SelectedInverse;
pub use stiffness::{Compliance, StiffnessTensor};
