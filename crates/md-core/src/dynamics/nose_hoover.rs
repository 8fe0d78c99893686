//! Constant temperature.

use super::{DynamicsError, Integrator, PhasePoint, VelocityVerlet, check_positive};
use crate::force_field::{ForceField, Mechanics};
use crate::threads::{LIGHT_PART, each_part};
use serde::{Deserialize, Serialize};

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
        each_part(
            shared,
            &mut point.velocities,
            LIGHT_PART,
            |_, velocities| {
                for component in velocities.as_flattened_mut() {
                    *component *= factor;
                }
            },
        );
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
