//! Equations of motion: the [`Integrator`] trait, velocity Verlet (NVE) and Nose-Hoover chains (NVT).
//!
//! An integrator is a set of immutable parameters. What changes is explicit, plain, serialisable data: the
//! [`PhasePoint`] and the integrator's own state. The conserved quantity of the equations of motion is
//! always available: its rms fluctuation falls as `dt^2`, without drift.

mod nose_hoover;
mod phase_point;
mod trajectory;
mod velocity_verlet;

pub use nose_hoover::{NoseHoover, NoseHooverState};
pub use phase_point::PhasePoint;
pub use trajectory::Trajectory;
pub use velocity_verlet::VelocityVerlet;

use crate::configuration::ConfigurationError;
use crate::force_error::ForceError;
use crate::force_field::{ForceField, Mechanics};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Why dynamics could not start or go on.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DynamicsError {
    /// A parameter out of bounds.
    #[error("{name} is {value}: it must be {requirement}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        requirement: &'static str,
    },
    /// The trajectory exploded.
    #[error(
        "at step {step}: {error}; if particles did not overlap at the start, use a smaller time step"
    )]
    Force {
        /// The step at which it happened.
        step: u64,
        /// What happened.
        error: ForceError,
    },
    /// A particle moved so far in one step that the trajectory means nothing.
    #[error(
        "at step {step}, particle {particle} moves by {displacement:.3e} in one step, more than the mean spacing {limit:.3e} of the particles: use a smaller time step"
    )]
    Exploded {
        /// The step at which it happened.
        step: u64,
        /// Index of the particle, from 0.
        particle: usize,
        /// The length of its displacement.
        displacement: f64,
        /// The mean spacing `(V/N)^(1/D)`.
        limit: f64,
    },
    /// The configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

fn check(
    name: &'static str,
    value: f64,
    good: bool,
    requirement: &'static str,
) -> Result<(), DynamicsError> {
    if good && value.is_finite() {
        Ok(())
    } else {
        Err(DynamicsError::Parameter {
            name,
            value,
            requirement,
        })
    }
}

fn check_positive(name: &'static str, value: f64) -> Result<(), DynamicsError> {
    check(name, value, value > 0.0, "positive and finite")
}

fn check_positive_or_zero(name: &'static str, value: f64) -> Result<(), DynamicsError> {
    check(name, value, value >= 0.0, "finite and not negative")
}

/// Equations of motion, discretised.
///
/// One step maps `(point, state, forces)` to the next. The forces belong to the configuration on entry and
/// on exit; [`Trajectory`] keeps them so. A force field with several threads makes its steps on one of them.
pub trait Integrator<const D: usize>: Send {
    /// What the integrator carries along besides positions and velocities.
    type State: Clone + std::fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send;

    /// The state with which a run starts.
    fn initial_state(&self) -> Self::State;

    /// Makes one step.
    ///
    /// # Errors
    /// Forces that cannot be evaluated; a particle that moves by more than the mean spacing.
    fn step(
        &self,
        point: &mut PhasePoint<D>,
        state: &mut Self::State,
        forces: &mut ForceField<'_, D>,
        mechanics: &mut Mechanics<D>,
    ) -> Result<(), DynamicsError>;

    /// What the exact equations of motion conserve: the energy, with the share of thermostats.
    fn conserved(&self, point: &PhasePoint<D>, state: &Self::State, potential_energy: f64) -> f64;
}
