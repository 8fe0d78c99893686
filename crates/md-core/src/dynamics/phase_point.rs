//! Positions and velocities.

use super::{DynamicsError, check_positive_or_zero};
use crate::configuration::Configuration;
use crate::random::Seed;
use crate::threads::{LIGHT_PART, look_at_parts};
use crate::vector::{Vector, flat, sum_of_squares};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// Positions and velocities (`N x D`, mass 1) after a number of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhasePoint<const D: usize> {
    /// The positions, unwrapped: differences in time are displacements.
    pub configuration: Configuration<D>,
    /// The velocities.
    #[serde(with = "flat")]
    pub velocities: Vec<Vector<D>>,
    /// The number of steps made so far.
    pub step: u64,
}

impl<const D: usize> PhasePoint<D> {
    /// A configuration with velocities from the Maxwell-Boltzmann distribution at temperature `T`, with
    /// zero total momentum and scaled so that the kinetic energy is exactly `D (N - 1) T / 2`.
    ///
    /// # Errors
    /// A temperature that is negative or not finite.
    pub fn maxwell_boltzmann(
        configuration: Configuration<D>,
        temperature: f64,
        seed: Seed,
    ) -> Result<Self, DynamicsError> {
        check_positive_or_zero("temperature", temperature)?;
        let mut random = seed.stream("Maxwell-Boltzmann velocities", &[]);
        let mut velocities: Vec<Vector<D>> = (0..configuration.len())
            .map(|_| std::array::from_fn(|_| StandardNormal.sample(&mut random)))
            .collect();
        remove_drift(&mut velocities);
        let mut point = Self {
            configuration,
            velocities,
            step: 0,
        };
        let kinetic = point.kinetic_energy();
        let wanted = 0.5 * point.degrees_of_freedom() * temperature;
        let factor = if kinetic > 0.0 {
            (wanted / kinetic).sqrt()
        } else {
            0.0
        };
        for velocity in &mut point.velocities {
            *velocity = velocity.map(|v| factor * v);
        }
        Ok(point)
    }

    /// The kinetic energy `K = sum_i |v_i|^2 / 2`.
    pub fn kinetic_energy(&self) -> f64 {
        self.kinetic_energy_shared(false)
    }

    pub(super) fn kinetic_energy_shared(&self, shared: bool) -> f64 {
        let sums = look_at_parts(shared, &self.velocities, LIGHT_PART, |_, part| {
            sum_of_squares(part.as_flattened())
        });
        0.5 * sums.iter().sum::<f64>()
    }

    /// The number of degrees of freedom `D (N - 1)`: the total momentum is fixed.
    pub fn degrees_of_freedom(&self) -> f64 {
        (D * (self.velocities.len().max(1) - 1)) as f64
    }

    /// The instantaneous temperature `2 K / (D (N - 1))`.
    pub fn temperature(&self) -> f64 {
        2.0 * self.kinetic_energy() / self.degrees_of_freedom()
    }
}

/// Makes the total momentum zero.
fn remove_drift<const D: usize>(velocities: &mut [Vector<D>]) {
    let count = velocities.len() as f64;
    for k in 0..D {
        let mean = velocities.iter().map(|v| v[k]).sum::<f64>() / count;
        for velocity in velocities.iter_mut() {
            velocity[k] -= mean;
        }
    }
}
