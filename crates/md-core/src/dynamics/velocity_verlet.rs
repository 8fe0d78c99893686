//! Constant energy.

use super::{DynamicsError, Integrator, PhasePoint, check_positive};
use crate::force_field::{ForceField, Mechanics};
use crate::threads::{PART, each_part};
use crate::vector::{Vector, largest_magnitude, norm_squared};
use serde::{Deserialize, Serialize};

/// Newton's equations by velocity Verlet (Swope et al. 1982): constant energy (NVE).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VelocityVerlet {
    pub(super) time_step: f64,
}

impl VelocityVerlet {
    /// An integrator with time step `dt`.
    ///
    /// # Errors
    /// A time step that is not positive and finite.
    pub fn new(time_step: f64) -> Result<Self, DynamicsError> {
        check_positive("time step", time_step)?;
        Ok(Self { time_step })
    }

    pub(super) fn advance<const D: usize>(
        self,
        point: &mut PhasePoint<D>,
        forces: &mut ForceField<'_, D>,
        mechanics: &mut Mechanics<D>,
    ) -> Result<(), DynamicsError> {
        let half = 0.5 * self.time_step;
        let step = point.step + 1;
        let n = point.configuration.len();
        let limit = point.configuration.mean_spacing();
        let threads = forces.threads().clone();
        threads.run(n, |shared| {
            let largest = kick(half, &mut point.velocities, &mechanics.forces, shared);
            // No speed is above sqrt(D) times the largest component: a quick look before the slow one.
            if self.time_step * (D as f64).sqrt() * largest > limit {
                let displacements = point
                    .velocities
                    .iter()
                    .map(|v| self.time_step * norm_squared(v).sqrt());
                let farthest = displacements.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
                if let Some((particle, displacement)) = farthest.filter(|(_, moved)| *moved > limit)
                {
                    return Err(DynamicsError::Exploded {
                        step,
                        particle,
                        displacement,
                        limit,
                    });
                }
            }
            let (positions, velocities) = (point.configuration.positions_mut(), &point.velocities);
            each_part(shared, positions, PART, |start, positions| {
                let velocities = velocities[start..].as_flattened();
                for (position, velocity) in positions.as_flattened_mut().iter_mut().zip(velocities)
                {
                    *position += self.time_step * velocity;
                }
            });
            forces
                .evaluate_into(&point.configuration, mechanics)
                .map_err(|error| DynamicsError::Force { step, error })?;
            kick(half, &mut point.velocities, &mechanics.forces, shared);
            point.step = step;
            Ok(())
        })
    }
}

/// `v += time f`; gives the largest magnitude of a component.
fn kick<const D: usize>(
    time: f64,
    velocities: &mut [Vector<D>],
    forces: &[Vector<D>],
    shared: bool,
) -> f64 {
    let largest = each_part(shared, velocities, PART, |start, velocities| {
        let forces = forces[start..].as_flattened();
        let velocities = velocities.as_flattened_mut();
        for (velocity, force) in velocities.iter_mut().zip(forces) {
            *velocity += time * force;
        }
        largest_magnitude(velocities)
    });
    largest.into_iter().fold(0.0, f64::max)
}

impl<const D: usize> Integrator<D> for VelocityVerlet {
    type State = ();

    fn initial_state(&self) {}

    fn step(
        &self,
        point: &mut PhasePoint<D>,
        (): &mut (),
        forces: &mut ForceField<'_, D>,
        mechanics: &mut Mechanics<D>,
    ) -> Result<(), DynamicsError> {
        self.advance(point, forces, mechanics)
    }

    fn conserved(&self, point: &PhasePoint<D>, (): &(), potential_energy: f64) -> f64 {
        point.kinetic_energy() + potential_energy
    }
}
