//! Nonlinear conjugate gradients with a line search on slopes.

use crate::descent::{Descent, inner, positive};
use crate::line_search::{Aim, Walk};
use crate::{Converged, Minimizer, Progress, Reason, Unconverged};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use vitreous_md_core::{Configuration, Potential, Tolerance};

/// Nonlinear conjugate gradients (Polak & Ribière 1969), with little more than one force evaluation per step.
///
/// With forces `F`, the directions are
///
/// ```text
/// d' = F' + beta d,    beta = max(0, F' . (F' - F) / |F|^2)
/// ```
///
/// The line search looks for the zero of the slope `-F . d`. Energies are used only to refuse a step that
/// climbs by more than their rounding: near a minimum they differ by less than that, while slopes keep their
/// digits, so that force ratios of 1e-13 can be reached.
///
/// The first trial of a line search is where the stiffness along the last direction puts the minimum; its
/// slope gives the stiffness along this one. If the minimum along the line is then within half a step of the
/// trial, the forces there are taken by linear interpolation between the start and the trial, exactly what
/// they are for a quadratic energy (Dixon, J. Inst. Maths Applics 15, 9 (1975)), and are not evaluated.
/// Interpolated forces never count as converged: they are evaluated first.
///
/// The direction is set back to `F` each time that `|F|` has fallen to a hundredth. Without this, directions
/// inherited from far away slow exact line searches down to linear convergence (Crowder & Wolfe, IBM J. Res.
/// Dev. 16, 431 (1972)).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NonlinearConjugateGradient {
    /// The longest displacement of a particle in one step, in units of the mean spacing `(V/N)^(1/D)`:
    /// short enough to stay in the basin of the start. Default 0.1.
    pub largest_displacement: f64,
    /// The most force evaluations. Default 100 000.
    pub evaluation_limit: u64,
}

impl Default for NonlinearConjugateGradient {
    fn default() -> Self {
        Self {
            largest_displacement: 0.1,
            evaluation_limit: 100_000,
        }
    }
}

/// The slope that ends a line search, in units of that at its start.
const SLOPE_RATIO: f64 = 0.1;
/// The fall of `|F|` after which the direction is set back to `F`.
const RESTART: f64 = 0.01;

impl<const D: usize> Minimizer<D> for NonlinearConjugateGradient {
    fn minimize_observed(
        &self,
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Converged<D>, Unconverged<D>> {
        let largest_displacement = self.largest_displacement * configuration.mean_spacing();
        let mut descent = Descent::new(
            potential,
            configuration,
            tolerance,
            self.evaluation_limit,
            observe,
        );
        let end = positive("largest_displacement", self.largest_displacement)
            .and_then(|()| descent.evaluate())
            .and_then(|()| conjugate(&mut descent, largest_displacement));
        descent.finish(end)
    }
}

fn conjugate<const D: usize>(
    descent: &mut Descent<'_, D>,
    largest_displacement: f64,
) -> Result<(), Reason> {
    let mut walk = Walk::new(descent, largest_displacement);
    let mut squared_force = inner(&walk.forces, &walk.forces);
    let mut at_restart = squared_force;
    let mut steepest = true;
    // The stiffness `d.H.d / d.d` along the last direction.
    let mut stiffness = None;
    descent.report_estimated(walk.energy, &walk.forces)?;
    loop {
        if walk.evaluated && descent.converged() {
            return Ok(());
        }
        let seems_converged = !walk.evaluated && descent.would_converge(&walk.forces);
        let mut found = false;
        if !seems_converged {
            let aim = Aim {
                first: stiffness.map(|stiffness| {
                    let squared_length = inner(&walk.direction, &walk.direction);
                    inner(&walk.forces, &walk.direction) / (stiffness * squared_length)
                }),
                slope_ratio: SLOPE_RATIO,
                interpolate: true,
            };
            let search = walk.search(descent, &aim)?;
            stiffness = search.stiffness.or(stiffness);
            found = search.found;
        }
        if !found {
            // A search fails at rounding, or where interpolated forces mislead: evaluate and start over.
            if walk.evaluated && steepest {
                return Err(Reason::Rounding);
            }
            walk.evaluate(descent)?;
            walk.direction.clone_from(&walk.forces);
            squared_force = inner(&walk.forces, &walk.forces);
            at_restart = squared_force;
            steepest = true;
            continue;
        }
        descent.count_step();
        descent.report_estimated(walk.energy, &walk.forces)?;

        let before = squared_force;
        squared_force = inner(&walk.forces, &walk.forces);
        let overlap = inner(&walk.forces, &walk.previous);
        let mut beta = ((squared_force - overlap) / before).max(0.0);
        if squared_force < RESTART * RESTART * at_restart {
            at_restart = squared_force;
            beta = 0.0;
        }
        for (direction, force) in walk.direction.iter_mut().zip(&walk.forces) {
            for k in 0..D {
                direction[k] = force[k] + beta * direction[k];
            }
        }
        steepest = beta == 0.0;
        if inner(&walk.direction, &walk.forces) <= 0.0 {
            walk.direction.clone_from(&walk.forces);
            steepest = true;
        }
    }
}
