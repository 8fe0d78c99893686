//! A run in progress.

use super::{DynamicsError, Integrator, PhasePoint};
use crate::force_field::{ForceField, Mechanics};

/// A run in progress: an integrator with its state, the phase point, and the forces there.
#[derive(Debug)]
pub struct Trajectory<'a, const D: usize, I: Integrator<D>> {
    integrator: I,
    forces: ForceField<'a, D>,
    point: PhasePoint<D>,
    state: I::State,
    mechanics: Mechanics<D>,
}

impl<'a, const D: usize, I: Integrator<D>> Trajectory<'a, D, I> {
    /// Starts at a phase point with the integrator's initial state.
    ///
    /// # Errors
    /// Forces that cannot be evaluated at the start.
    pub fn start(
        integrator: I,
        forces: ForceField<'a, D>,
        point: PhasePoint<D>,
    ) -> Result<Self, DynamicsError> {
        let state = integrator.initial_state();
        Self::resume(integrator, forces, point, state)
    }

    /// Goes on from a phase point and a state that were saved.
    ///
    /// The run that follows has the same bits as one that was not interrupted but called
    /// [`Trajectory::refresh`] at this point.
    ///
    /// # Errors
    /// Forces that cannot be evaluated at the start; velocities that are not one per particle.
    pub fn resume(
        integrator: I,
        mut forces: ForceField<'a, D>,
        point: PhasePoint<D>,
        state: I::State,
    ) -> Result<Self, DynamicsError> {
        if point.velocities.len() != point.configuration.len() {
            return Err(DynamicsError::Parameter {
                name: "the number of velocities",
                value: point.velocities.len() as f64,
                requirement: "that of the particles",
            });
        }
        forces.reset();
        let mechanics =
            forces
                .evaluate(&point.configuration)
                .map_err(|error| DynamicsError::Force {
                    step: point.step,
                    error,
                })?;
        Ok(Self {
            integrator,
            forces,
            point,
            state,
            mechanics,
        })
    }

    /// Builds a new neighbour list and recomputes the forces, so that what follows depends on phase point
    /// and state alone. Do so wherever a run may later be resumed: the order of the list sets the last bits.
    ///
    /// # Errors
    /// Forces that cannot be evaluated.
    pub fn refresh(&mut self) -> Result<(), DynamicsError> {
        self.forces.reset();
        self.forces
            .evaluate_into(&self.point.configuration, &mut self.mechanics)
            .map_err(|error| DynamicsError::Force {
                step: self.point.step,
                error,
            })
    }

    /// Makes a number of steps.
    ///
    /// # Errors
    /// Forces that cannot be evaluated, a particle that moves by more than the mean spacing in one step; with the
    /// step at which that happened.
    pub fn advance(&mut self, steps: u64) -> Result<(), DynamicsError> {
        // All steps on one thread of the pool: to hand over each evaluation would wake threads at every step.
        let threads = self.forces.threads().clone();
        let run = self;
        threads.run(run.point.configuration.len(), move |_| {
            for _ in 0..steps {
                run.integrator.step(
                    &mut run.point,
                    &mut run.state,
                    &mut run.forces,
                    &mut run.mechanics,
                )?;
            }
            Ok(())
        })
    }

    /// The phase point.
    pub fn point(&self) -> &PhasePoint<D> {
        &self.point
    }

    /// The integrator's state.
    pub fn state(&self) -> &I::State {
        &self.state
    }

    /// Energy, forces and stress at the phase point.
    pub fn mechanics(&self) -> &Mechanics<D> {
        &self.mechanics
    }

    /// The conserved quantity of the equations of motion.
    pub fn conserved(&self) -> f64 {
        self.integrator
            .conserved(&self.point, &self.state, self.mechanics.energy())
    }

    /// The phase point and the integrator's state, ending the run.
    pub fn into_parts(self) -> (PhasePoint<D>, I::State) {
        (self.point, self.state)
    }
}
