//! Equations of motion: the [`Integrator`] trait, velocity Verlet (NVE) and Nose-Hoover chains (NVT).
//!
//! An integrator is a set of immutable parameters. What changes is explicit, plain, serialisable data: the
//! [`PhasePoint`] and the integrator's own state. The conserved quantity of the equations of motion is
//! always available: its rms fluctuation falls as `dt^2`, without drift.

use crate::configuration::{Configuration, ConfigurationError};
use crate::force_error::ForceError;
use crate::force_field::{ForceField, Mechanics};
use crate::random::Seed;
use crate::threads::{PART, each_part, look_at_parts};
use crate::vector::{Vector, flat, largest_magnitude, norm_squared, sum_of_squares};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

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

    fn kinetic_energy_shared(&self, shared: bool) -> f64 {
        let sums = look_at_parts(shared, &self.velocities, 4 * PART, |_, part| {
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

/// Newton's equations by velocity Verlet (Swope et al. 1982): constant energy (NVE).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VelocityVerlet {
    time_step: f64,
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

    fn advance<const D: usize>(
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

/// A Nose-Hoover chain of thermostats (Nose 1984, Hoover 1985; Martyna, Klein & Tuckerman 1992): constant
/// temperature (NVT).
///
/// With `g = D (N - 1)` degrees of freedom, `T_inst = 2K/g` and thermostat rates `xi_1 .. xi_M`:
///
/// ```text
/// dv_i/dt  = f_i - xi_1 v_i
/// dxi_1/dt = (T_inst/T - 1)/tau^2 - xi_1 xi_2
/// dxi_k/dt = (Q_{k-1} xi_{k-1}^2 - T)/Q_k - xi_k xi_{k+1},   Q_1 = g T tau^2, Q_k = T tau^2
/// ```
///
/// Integrated by the time-reversible splitting of Martyna, Tuckerman, Tobias & Klein (1996): half a step of
/// the chain, one step of velocity Verlet, half a step of the chain. Conserved is
/// `K + U + sum_k Q_k xi_k^2/2 + g T eta_1 + T sum_{k>1} eta_k` with `deta_k/dt = xi_k`.
///
/// A chain of length 1 is the thermostat of the paper's IPL and sticky-sphere runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoseHoover {
    verlet: VelocityVerlet,
    temperature: f64,
    coupling_time: f64,
    chain_length: usize,
}

/// The thermostats of a [`NoseHoover`] chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoseHooverState {
    /// The rates `xi_k`.
    pub rates: Vec<f64>,
    /// Their integrals `eta_k`.
    pub integrals: Vec<f64>,
}

impl NoseHoover {
    /// A chain of length 1 with time step `dt`, temperature `T` and coupling time `tau`.
    ///
    /// # Errors
    /// Numbers that are not positive and finite.
    pub fn new(
        time_step: f64,
        temperature: f64,
        coupling_time: f64,
    ) -> Result<Self, DynamicsError> {
        check_positive("temperature", temperature)?;
        check_positive("thermostat coupling time", coupling_time)?;
        Ok(Self {
            verlet: VelocityVerlet::new(time_step)?,
            temperature,
            coupling_time,
            chain_length: 1,
        })
    }

    /// The same thermostat with a chain of another length.
    ///
    /// # Errors
    /// A chain without thermostats.
    pub fn with_chain_length(self, chain_length: usize) -> Result<Self, DynamicsError> {
        check_positive("thermostat chain length", chain_length as f64)?;
        Ok(Self {
            chain_length,
            ..self
        })
    }

    /// The time step `dt`.
    pub fn time_step(&self) -> f64 {
        self.verlet.time_step
    }

    /// The temperature `T`.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// The masses `Q_k`.
    fn mass(&self, thermostat: usize, degrees_of_freedom: f64) -> f64 {
        let copies = if thermostat == 0 {
            degrees_of_freedom
        } else {
            1.0
        };
        copies * self.temperature * self.coupling_time * self.coupling_time
    }

    /// Half a step of the chain: thermostats from the far end to the particles and back.
    fn half_step<const D: usize>(
        &self,
        point: &mut PhasePoint<D>,
        state: &mut NoseHooverState,
        shared: bool,
    ) {
        let freedom = point.degrees_of_freedom();
        let quarter = 0.25 * self.verlet.time_step;
        let last = self.chain_length - 1;
        let mut doubled_kinetic = 2.0 * point.kinetic_energy_shared(shared);
        let rate_change = |rates: &mut [f64], k: usize, doubled_kinetic: f64| {
            let drive = if k == 0 {
                doubled_kinetic - freedom * self.temperature
            } else {
                self.mass(k - 1, freedom) * rates[k - 1] * rates[k - 1] - self.temperature
            };
            let friction = if k < last {
                (-0.5 * quarter * rates[k + 1]).exp()
            } else {
                1.0
            };
            let pushed = rates[k] * friction + quarter * drive / self.mass(k, freedom);
            rates[k] = pushed * friction;
        };
        for k in (0..=last).rev() {
            rate_change(&mut state.rates, k, doubled_kinetic);
        }
        let factor = (-2.0 * quarter * state.rates[0]).exp();
        each_part(shared, &mut point.velocities, 4 * PART, |_, velocities| {
            for component in velocities.as_flattened_mut() {
                *component *= factor;
            }
        });
        doubled_kinetic *= factor * factor;
        for (integral, rate) in state.integrals.iter_mut().zip(&state.rates) {
            *integral += 2.0 * quarter * rate;
        }
        for k in 0..=last {
            rate_change(&mut state.rates, k, doubled_kinetic);
        }
    }
}

impl<const D: usize> Integrator<D> for NoseHoover {
    type State = NoseHooverState;

    fn initial_state(&self) -> NoseHooverState {
        NoseHooverState {
            rates: vec![0.0; self.chain_length],
            integrals: vec![0.0; self.chain_length],
        }
    }

    fn step(
        &self,
        point: &mut PhasePoint<D>,
        state: &mut NoseHooverState,
        forces: &mut ForceField<'_, D>,
        mechanics: &mut Mechanics<D>,
    ) -> Result<(), DynamicsError> {
        let threads = forces.threads().clone();
        threads.run(point.configuration.len(), |shared| {
            self.half_step(point, state, shared);
            self.verlet.advance(point, forces, mechanics)?;
            self.half_step(point, state, shared);
            Ok(())
        })
    }

    fn conserved(
        &self,
        point: &PhasePoint<D>,
        state: &NoseHooverState,
        potential_energy: f64,
    ) -> f64 {
        let freedom = point.degrees_of_freedom();
        let thermostats: f64 = (0..self.chain_length)
            .map(|k| {
                let copies = if k == 0 { freedom } else { 1.0 };
                0.5 * self.mass(k, freedom) * state.rates[k] * state.rates[k]
                    + copies * self.temperature * state.integrals[k]
            })
            .sum();
        point.kinetic_energy() + potential_energy + thermostats
    }
}

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
