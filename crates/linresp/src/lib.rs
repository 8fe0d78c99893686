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

#![forbid(unsafe_code)]

mod adjacency;
pub mod block_matrix;
mod clusters;
pub mod dipole;
pub mod elasticity;
pub mod hessian;
pub mod interaction;
mod matrix_market;
pub mod modes;
pub mod response;
pub mod soft_modes;
pub mod solver;
pub mod solvers;
mod threads;

pub use block_matrix::BlockMatrix;
pub use dipole::DipoleResponse;
pub use elasticity::finite_strain::{
    FiniteStrainError, FiniteStrainModulus, Slopes, shear_modulus_by_finite_strain,
};
pub use elasticity::moduli::Modulus;
pub use elasticity::shear::Shear;
pub use elasticity::stiffness::{Compliance, StiffnessTensor};
pub use hessian::Hessian;
pub use interaction::Interaction;
pub use modes::{DensityOfStates, LowestModes, Modes, ModesError};
pub use response::{LinearResponse, ResponseError};
pub use soft_modes::pseudoharmonic::{
    FoundMode, PseudoharmonicCost, PseudoharmonicMode, PseudoharmonicModes,
};
pub use soft_modes::quasilocalised::{Anharmonicity, QuasilocalisedMode};
pub use soft_modes::{SoftModeError, SoftModeSearch, Unconverged};
pub use solver::{
    Accuracy, InverseHessian, LinearSolver, Preparation, PreparedSolver, Solution, SolveError,
    SolveReport,
};
pub use solvers::automatic::Automatic;
pub use solvers::block_conjugate_gradient::BlockConjugateGradient;
pub use solvers::conjugate_gradient::ConjugateGradient;
pub use solvers::dense::Dense;
pub use solvers::preconditioner::{
    BlockJacobi, Identity, IncompleteCholesky, Preconditioner, Preconditioning,
    SymmetricGaussSeidel,
};
pub use solvers::sparse_cholesky::SparseCholesky;
pub use solvers::sparse_cholesky::selected_inverse::SelectedInverse;
