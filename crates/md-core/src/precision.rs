//! In which numbers forces are computed.

use serde::{Deserialize, Serialize};

/// The numbers that the forces of pairs are made of, in every evaluation of a force field.
///
/// Positions, velocities, and sums of energies, forces and stresses over more than some hundred pairs are always
/// `f64`. Linearisations are, too, and minimisers make force fields in double precision: only dynamics need no more
/// digits of a force than the time step leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// All in `f64`: forces to some 1e-13 of their size.
    #[default]
    Double,
    /// Distances, functions and forces of pairs in `f32`, eight pairs at a time in place of four: forces to some 1e-6
    /// of their size. Three-body terms stay in `f64`, as do pairs in more than three dimensions. Lengths and energies
    /// should be of order one: what overflows `f32` is an error.
    Mixed,
}
