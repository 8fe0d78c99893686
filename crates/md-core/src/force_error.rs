//! What keeps forces from being evaluated.

use crate::configuration::ConfigurationError;
use thiserror::Error;

/// Why forces could not be evaluated.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ForceError {
    /// A particle of a species that the potential does not know.
    #[error(
        "particle {particle} is of species {species}, but the potential has {count} (numbered from 0)"
    )]
    UnknownSpecies {
        /// Index of the particle, from 0.
        particle: usize,
        /// Its species.
        species: u8,
        /// The number of species of the potential.
        count: usize,
    },
    /// A potential of particles with diameters, and particles without.
    #[error(
        "the potential needs the diameter of each particle, but the configuration has none: give it diameters (a column radius or diameter in a file)"
    )]
    NoDiameters,
    /// A particle with a larger diameter than the potential was made for.
    #[error(
        "particle {particle} has the diameter {diameter}, but the potential was made for diameters up to {limit}"
    )]
    Diameter {
        /// Index of the particle, from 0.
        particle: usize,
        /// Its diameter.
        diameter: f64,
        /// The largest diameter of the potential.
        limit: f64,
    },
    /// Energy or forces are not finite, most often because particles coincide or nearly so.
    #[error(
        "energy or forces are not finite: the closest particles, {first} and {second}, are at a distance of {distance:.3e}; if that is closer than the potential allows, move them apart, else check the parameters of the potential"
    )]
    Overlap {
        /// The first particle of the closest pair, from 0.
        first: usize,
        /// The second.
        second: usize,
        /// Their distance.
        distance: f64,
    },
    /// Energy or forces are not finite although no two particles are within range.
    #[error(
        "energy or forces are not finite although no particles are within range: check the parameters of the potential"
    )]
    NotFinite,
    /// Threads did not start.
    #[error("{count} threads could not be started: {reason}")]
    Threads {
        /// How many were asked for.
        count: usize,
        /// What the system said.
        reason: String,
    },
    /// A coordinate is not finite.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}
