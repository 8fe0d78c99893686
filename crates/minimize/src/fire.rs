//! The fast inertial relaxation engine.

use crate::descent::{Descent, inner, longest, positive};
use crate::{Converged, Minimizer, Progress, Reason, Unconverged};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use vitreous_md_core::{Configuration, Potential, Tolerance, Vector};

/// FIRE: molecular dynamics that is steered downhill and stopped when it runs uphill.
///
/// With the power `P = F . v`, each step does
///
/// ```text
/// P > 0, for more than `delay` steps:  dt <- min(growth dt, largest),  alpha <- mixing_decay alpha
/// P <= 0:                              dt <- max(shrink dt, smallest), alpha <- mixing,
///                                      x <- x - (half of the last step),  v <- 0
/// v <- v + dt F
/// v <- (1 - alpha) v + alpha F |v|/|F|
/// x <- x + dt v
/// ```
///
/// (semi-implicit Euler, masses 1): FIRE 2.0 of Guénolé et al., Comput. Mater. Sci. 175, 109584 (2020), the
/// default. [`Fire::original`] is that of Bitzek, Koskinen, Gähler, Moseler & Gumbsch, Phys. Rev. Lett. 97,
/// 170201 (2006), which mixes velocities before they change and takes no half step back.
///
/// Times are in units of the model, `sqrt(m sigma^2 / epsilon)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fire {
    /// Whether it is FIRE 2.0. Default true.
    pub corrected: bool,
    /// The first time step `dt`. Default 0.005.
    pub time_step: f64,
    /// The largest time step. Default 0.03. It should stay below a quarter of the shortest period of vibration
    /// (the limit of stability is `1/pi` of it): above, a quench of Kob-Andersen took six times the evaluations;
    /// where particles vibrate slowly, as in Stillinger-Weber in its own units, longer steps save evaluations.
    pub largest_time_step: f64,
    /// The smallest time step. Default 0.0001.
    pub smallest_time_step: f64,
    /// The factor by which the time step grows. Default 1.1.
    pub growth: f64,
    /// The factor by which the time step shrinks. Default 0.5.
    pub shrink: f64,
    /// The mixing parameter `alpha` after each stop. Default 0.1: with the 0.25 of Guénolé et al., which damps
    /// the slow modes that a glass has, quenches took ten times the evaluations.
    pub mixing: f64,
    /// The factor by which `alpha` decays. Default 0.99.
    pub mixing_decay: f64,
    /// The number of steps downhill before the time step grows. Default 20.
    pub delay: u32,
    /// The longest displacement of a particle in one step, in units of the mean spacing `(V/N)^(1/D)`; the
    /// time step is cut for a step that would exceed it. Default 0.1.
    pub largest_displacement: f64,
    /// The most force evaluations. Default 1 000 000.
    pub evaluation_limit: u64,
}

impl Default for Fire {
    fn default() -> Self {
        Self {
            corrected: true,
            time_step: 0.005,
            largest_time_step: 0.03,
            smallest_time_step: 1e-4,
            growth: 1.1,
            shrink: 0.5,
            mixing: 0.1,
            mixing_decay: 0.99,
            delay: 20,
            largest_displacement: 0.1,
            evaluation_limit: 1_000_000,
        }
    }
}

impl Fire {
    /// The FIRE of 2006, with its `delay = 5` and the other parameters of the default.
    pub fn original() -> Self {
        Self {
            corrected: false,
            delay: 5,
            ..Self::default()
        }
    }
}

impl<const D: usize> Minimizer<D> for Fire {
    fn minimize_observed(
        &self,
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Converged<D>, Unconverged<D>> {
        let mut descent = Descent::new(
            potential,
            configuration,
            tolerance,
            self.evaluation_limit,
            observe,
        );
        let end = self.check().and_then(|()| self.run(&mut descent));
        descent.finish(end)
    }
}

impl Fire {
    fn check(&self) -> Result<(), Reason> {
        for (name, value) in [
            ("time_step", self.time_step),
            ("largest_time_step", self.largest_time_step),
            ("smallest_time_step", self.smallest_time_step),
            ("growth", self.growth),
            ("shrink", self.shrink),
            ("mixing_decay", self.mixing_decay),
            ("largest_displacement", self.largest_displacement),
        ] {
            positive(name, value)?;
        }
        if (0.0..=1.0).contains(&self.mixing) {
            Ok(())
        } else {
            Err(Reason::Parameter {
                name: "mixing",
                value: self.mixing,
                expected: "from 0 to 1",
            })
        }
    }

    fn run<const D: usize>(&self, descent: &mut Descent<'_, D>) -> Result<(), Reason> {
        let largest_displacement = self.largest_displacement * descent.configuration.mean_spacing();
        let mut velocities = vec![[0.0; D]; descent.configuration.len()];
        let mut time_step = self.time_step;
        let mut mixing = self.mixing;
        let mut downhill = 0;
        let mut step = 0.0;
        descent.evaluate()?;
        loop {
            descent.report_evaluated()?;
            if descent.converged() {
                return Ok(());
            }
            let forces = &descent.mechanics.forces;
            if inner(forces, &velocities) > 0.0 {
                downhill += 1;
                if downhill > self.delay {
                    time_step = (self.growth * time_step).min(self.largest_time_step);
                    mixing *= self.mixing_decay;
                }
            } else {
                // The first step has no velocity to lose, and only the start has taken no step.
                if descent.iterations() > 0 {
                    time_step = (self.shrink * time_step).max(self.smallest_time_step);
                }
                mixing = self.mixing;
                downhill = 0;
                if self.corrected {
                    let positions = descent.configuration.positions_mut();
                    drift(positions, &velocities, -0.5 * step);
                }
                velocities.fill([0.0; D]);
            }
            let squared_force = inner(forces, forces);
            if squared_force == 0.0 {
                return Err(Reason::Rounding);
            }
            let mix = |velocities: &mut [Vector<D>]| {
                let ratio = (inner(velocities, velocities) / squared_force).sqrt();
                for (velocity, force) in velocities.iter_mut().zip(forces) {
                    for k in 0..D {
                        velocity[k] = (1.0 - mixing) * velocity[k] + mixing * ratio * force[k];
                    }
                }
            };
            if !self.corrected {
                mix(&mut velocities);
            }
            for (velocity, force) in velocities.iter_mut().zip(forces) {
                for k in 0..D {
                    velocity[k] += time_step * force[k];
                }
            }
            if self.corrected {
                mix(&mut velocities);
            }
            step = time_step.min(largest_displacement / longest(&velocities));
            drift(descent.configuration.positions_mut(), &velocities, step);
            descent.count_step();
            descent.evaluate()?;
        }
    }
}

fn drift<const D: usize>(positions: &mut [[f64; D]], velocities: &[[f64; D]], time: f64) {
    for (position, velocity) in positions.iter_mut().zip(velocities) {
        for k in 0..D {
            position[k] += time * velocity[k];
        }
    }
}
