//! Minima of the potential energy, certified.

use crate::configuration::Configuration;
use crate::force_error::ForceError;
use crate::force_field::{ForceBalance, Mechanics, linearize};
use crate::linearization::Linearization;
use crate::potential::Potential;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// When forces count as balanced.
///
/// The force ratio is `sqrt(sum_i |F_i|^2/N) / sqrt(sum_pairs f_ij^2/N)`: the typical net force on a particle
/// beside the typical force of an interaction. Where interactions carry no force (an unstressed network, a
/// perfect crystal) the ratio means nothing, so a net force below the absolute floor counts as well.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// The largest force ratio.
    pub force_ratio: f64,
    /// The rms net force per particle that is small enough whatever the ratio.
    pub floor: f64,
}

impl Tolerance {
    /// The floor that goes with [`Tolerance::force_ratio`], for forces of order one between neighbours.
    pub const FLOOR: f64 = 1e-13;

    /// A tolerance on the force ratio, with the default floor. Elastic observables want 1e-9 or better.
    pub fn force_ratio(force_ratio: f64) -> Self {
        Self {
            force_ratio,
            floor: Self::FLOOR,
        }
    }

    /// Whether forces are balanced within the tolerance.
    pub fn accepts(&self, balance: &ForceBalance) -> bool {
        balance.ratio() <= self.force_ratio || balance.net <= self.floor
    }
}

/// A configuration that was found to be in mechanical equilibrium, with the energy expanded around it.
///
/// The only way to one is [`InherentStructure::certify`], which recomputes the forces; linear response
/// accepts nothing else. That it is a minimum and not a saddle is found out by the solvers, which refuse an
/// indefinite Hessian.
#[derive(Clone, Debug)]
pub struct InherentStructure<const D: usize> {
    configuration: Configuration<D>,
    linearization: Linearization<D>,
    mechanics: Mechanics<D>,
}

/// Why a configuration is not an inherent structure.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CertificationError {
    /// The forces do not cancel.
    #[error(
        "not a minimum: the force ratio is {ratio:.3e}, above the limit of {limit:e} (largest net force {largest:.3e}); quench the configuration first",
        ratio = balance.ratio(), largest = balance.largest
    )]
    NotBalanced {
        /// What the forces are.
        balance: ForceBalance,
        /// The largest force ratio allowed.
        limit: f64,
    },
    /// The forces could not be evaluated.
    #[error(transparent)]
    Force(#[from] ForceError),
}

impl<const D: usize> InherentStructure<D> {
    /// Recomputes the forces and accepts the configuration if they cancel within the tolerance.
    ///
    /// # Errors
    /// Forces that do not cancel, with the ratio reached; forces that cannot be evaluated.
    pub fn certify(
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
    ) -> Result<Self, CertificationError> {
        let linearization = linearize(potential, &configuration)?;
        let mechanics = Mechanics {
            forces: linearization.forces(),
            totals: linearization.totals(),
            volume: linearization.volume(),
        };
        let balance = mechanics.balance();
        if tolerance.accepts(&balance) {
            Ok(Self {
                configuration,
                linearization,
                mechanics,
            })
        } else {
            Err(CertificationError::NotBalanced {
                balance,
                limit: tolerance.force_ratio,
            })
        }
    }

    /// The configuration.
    pub fn configuration(&self) -> &Configuration<D> {
        &self.configuration
    }

    /// The energy expanded to second order.
    pub fn linearization(&self) -> &Linearization<D> {
        &self.linearization
    }

    /// Energy, forces (all but zero) and stress.
    pub fn mechanics(&self) -> &Mechanics<D> {
        &self.mechanics
    }

    /// The potential energy `U`.
    pub fn energy(&self) -> f64 {
        self.mechanics.energy()
    }

    /// How well the forces cancel.
    pub fn balance(&self) -> ForceBalance {
        self.mechanics.balance()
    }

    /// The configuration, giving up the certificate.
    pub fn into_configuration(self) -> Configuration<D> {
        self.configuration
    }
}
