//! The core of the vitreous family: cells, configurations, neighbour lists, what a potential is, the
//! integrators, and random streams.
//!
//! Conventions, fixed here for the whole family:
//!
//! - `m = k_B = 1`. Vectors between particles are `r_ij = x_j - x_i`.
//! - Stress is the potential part of `(1/V) dU/dF`, positive in tension; pressure is minus its mean diagonal.
//! - Dimension is a const generic `D` (2 or 3) that is used as an array length only.
//! - Nothing here prints, reads a clock, or draws from the operating system's randomness.

pub mod cell;
pub mod configuration;
pub mod directional;
pub mod dynamics;
pub mod files;
pub mod force_error;
pub mod force_field;
pub mod inherent_structure;
mod lanes;
pub mod linearization;
pub mod neighbours;
pub mod pairs;
pub mod path;
pub mod potential;
pub mod precision;
pub mod random;
pub mod scalar;
mod threads;
pub mod totals;
pub mod triplets;
pub mod vector;

pub use cell::{Cell, CellError, Plane};
pub use configuration::{Configuration, ConfigurationError, Species};
pub use directional::{
    DirectionError, DirectionalDerivatives, directional_derivatives, mixed_third_derivatives,
};
pub use dynamics::{
    DynamicsError, Integrator, NoseHoover, NoseHooverState, PhasePoint, Trajectory, VelocityVerlet,
};
pub use files::frame::{TrajectoryFrame, Wrapping};
pub use files::trajectory_file::TrajectoryFile;
pub use files::unwrapping::Unwrapper;
pub use force_error::ForceError;
pub use force_field::{ForceBalance, ForceField, Mechanics, linearize};
pub use inherent_structure::{CertificationError, InherentStructure, Tolerance};
pub use lanes::Pack;
pub use linearization::{Coupling, Edge, EdgeIndex, Linearization};
pub use neighbours::{Neighbourhood, Ranges, VerletList, brute_force_pairs};
pub use pairs::{Polydisperse, PolydisperseError, Radial, SpeciesTable, SpeciesTableError};
pub use path::{Direction, PathSums, Series};
pub use potential::{Potential, Sum};
pub use precision::Precision;
pub use random::Seed;
pub use scalar::{Dual, Real, Scalar, Taylor};
pub use totals::Totals;
pub use triplets::{Leg, ThreeBody, ThreeBodyError, Triplet};
pub use vector::{Matrix, Vector};
