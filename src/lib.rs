//! **Vitreous**: the physics of glass, from an interatomic potential to the answer of a question - *does the
//! stiffness of a glass on the mesoscale control how slowly the liquid flows?* (J. Chem. Phys. 155, 074502, 2021).
//!
//! This crate is the door to the family; it has no logic of its own.
//!
//! | module | crate | what it holds |
//! |---|---|---|
//! | [`md_core`] | `vitreous-md-core` | cells, configurations, neighbour lists, potential traits, integrators, extended XYZ |
//! | [`potentials`] | `vitreous-potentials` | the models and the decorators they are built from |
//! | [`minimize`] | `vitreous-minimize` | FIRE, conjugate gradients, L-BFGS, Newton: from a liquid to its inherent structure |
//! | [`linresp`] | `vitreous-linresp` | Hessians, linear solvers, elastic moduli, dipole stiffness |
//! | [`observables`] | `vitreous-observables` | time correlations, relaxation times, bootstrap, the mesoelastic fit |
//!
//! The [`prelude`] brings in what most programs need. The whole chain in about a hundred lines is
//! `examples/mesoelastic.rs`; a potential of one's own is `examples/own_potential.rs`.
//!
//! ```
//! use vitreous::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = InversePowerMixture::default().potential()?;
//! let start = Configuration::<3>::random(64, 0.82, &[0.5, 0.5], Seed(7))?;
//! let glass = NewtonFinish::default().quench(&model, start, Tolerance::force_ratio(1e-10))?;
//! let response = LinearResponse::new(&glass, &SparseCholesky::default())?;
//! let shear = response.shear_modulus(Plane::XY)?;
//! println!("G = {:.6} (Born {:.6}, prestress {:.6}, non-affine {:.6})",
//!     shear.total(), shear.born, shear.prestress, shear.non_affine);
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

pub use vitreous_linresp as linresp;
pub use vitreous_md_core as md_core;
pub use vitreous_minimize as minimize;
pub use vitreous_observables as observables;
pub use vitreous_potentials as potentials;

/// The types and traits that most programs need.
pub mod prelude {
    pub use vitreous_linresp::{
        Automatic, BlockConjugateGradient, ConjugateGradient, Dense, Hessian, LinearResponse,
        LinearSolver, Modulus, Shear, SparseCholesky, StiffnessTensor,
        shear_modulus_by_finite_strain,
    };
    pub use vitreous_md_core::{
        Cell, Configuration, Direction, ForceField, InherentStructure, Integrator, NoseHoover,
        PhasePoint, Plane, Polydisperse, Potential, Precision, Radial, Scalar, Seed, Species,
        SpeciesTable, Sum, ThreeBody, Tolerance, Trajectory, Triplet, VelocityVerlet,
        directional_derivatives, linearize, mixed_third_derivatives,
    };
    pub use vitreous_minimize::{
        Fire, LimitedMemoryBfgs, Minimizer, NewtonConjugateGradient, NewtonFinish,
        NonlinearConjugateGradient,
    };
    pub use vitreous_observables::{
        Bonds, Bootstrap, CollectiveCorrelator, Correlator, Crystallinity, DisplacementCorrelator,
        LogSchedule, Mesoelastic, OverlapCorrelator, PairCorrelation, SelfCorrelator, StatePoint,
        Stiffness, StressCorrelator, StructureFactor, VelocityCorrelator, WaveVectors, relaxation,
    };
    pub use vitreous_potentials::{
        Catalogue, ForceShifted, Formula, InversePower, InversePowerMixture, LennardJones,
        LennardJonesMixture, Model, PotentialShifted, Smoothed, SoftSphere, StickySphere,
        StickySphereMixture, StillingerWeber, Tabulated, Truncated,
    };
}
