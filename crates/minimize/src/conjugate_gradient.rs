//! Nonlinear conjugate gradients with a line search on slopes.

use crate::descent::{Descent, inner, longest, positive};
use crate::{Converged, Minimizer, Progress, Reason, Unconverged};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use vitreous_md_core::{Configuration, Potential, Tolerance, Vector};

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
/// The most trials in a line search.
const TRIALS: usize = 20;
/// The rise of energy, in units of its size, that may be rounding.
const ENERGY_ROUNDING: f64 = 1e-10;
/// How far from a trial forces are interpolated, in units of the largest displacement.
const INTERPOLATION: f64 = 0.1;
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
            .and_then(|()| Conjugation::new(&descent, largest_displacement).run(&mut descent));
        descent.finish(end)
    }
}

/// A point on a line: the step to it and the slope `-F . d` of the energy there.
#[derive(Clone, Copy)]
struct Point {
    step: f64,
    slope: f64,
}

/// The state between steps.
struct Conjugation<const D: usize> {
    positions: Vec<Vector<D>>,
    energy: f64,
    forces: Vec<Vector<D>>,
    /// Whether energy and forces were evaluated, not interpolated.
    evaluated: bool,
    direction: Vec<Vector<D>>,
    /// The forces before the last step.
    previous: Vec<Vector<D>>,
    /// The stiffness `d.H.d / d.d` along the last direction.
    stiffness: Option<f64>,
    largest_displacement: f64,
}

impl<const D: usize> Conjugation<D> {
    fn new(descent: &Descent<'_, D>, largest_displacement: f64) -> Self {
        let forces = &descent.mechanics.forces;
        Self {
            positions: descent.configuration.positions().to_vec(),
            energy: descent.mechanics.energy(),
            forces: forces.clone(),
            evaluated: true,
            direction: forces.clone(),
            previous: forces.clone(),
            stiffness: None,
            largest_displacement,
        }
    }

    fn run(mut self, descent: &mut Descent<'_, D>) -> Result<(), Reason> {
        let mut squared_force = inner(&self.forces, &self.forces);
        let mut at_restart = squared_force;
        let mut steepest = true;
        descent.report_estimated(self.energy, &self.forces)?;
        loop {
            if self.evaluated && descent.converged() {
                return Ok(());
            }
            let seems_converged = !self.evaluated && descent.would_converge(&self.forces);
            if seems_converged || !self.search(descent)? {
                // A search fails at rounding, or where interpolated forces mislead: evaluate and start over.
                if self.evaluated && steepest {
                    return Err(Reason::Rounding);
                }
                self.evaluate(descent)?;
                self.direction.clone_from(&self.forces);
                squared_force = inner(&self.forces, &self.forces);
                at_restart = squared_force;
                steepest = true;
                continue;
            }
            descent.count_step();
            descent.report_estimated(self.energy, &self.forces)?;

            let before = squared_force;
            squared_force = inner(&self.forces, &self.forces);
            let overlap = inner(&self.forces, &self.previous);
            let mut beta = ((squared_force - overlap) / before).max(0.0);
            if squared_force < RESTART * RESTART * at_restart {
                at_restart = squared_force;
                beta = 0.0;
            }
            for (direction, force) in self.direction.iter_mut().zip(&self.forces) {
                for k in 0..D {
                    direction[k] = force[k] + beta * direction[k];
                }
            }
            steepest = beta == 0.0;
            if inner(&self.direction, &self.forces) <= 0.0 {
                self.direction.clone_from(&self.forces);
                steepest = true;
            }
        }
    }

    /// Evaluates where the positions are.
    fn evaluate(&mut self, descent: &mut Descent<'_, D>) -> Result<(), Reason> {
        self.place(descent, 0.0);
        descent.evaluate()?;
        self.energy = descent.mechanics.energy();
        self.forces.clone_from(&descent.mechanics.forces);
        self.evaluated = true;
        Ok(())
    }

    /// Puts the particles at a step along the direction.
    fn place(&self, descent: &mut Descent<'_, D>, step: f64) {
        let moved = descent.configuration.positions_mut().iter_mut();
        for ((to, from), along) in moved.zip(&self.positions).zip(&self.direction) {
            for k in 0..D {
                to[k] = from[k] + step * along[k];
            }
        }
    }

    /// Moves to where the slope along the direction vanishes; `false` if there is no such step.
    fn search(&mut self, descent: &mut Descent<'_, D>) -> Result<bool, Reason> {
        let length = longest(&self.direction);
        let squared_length = inner(&self.direction, &self.direction);
        let mut farthest = self.largest_displacement / length;
        let resolution = f64::EPSILON * longest(&self.positions) / length;
        let start = Point {
            step: 0.0,
            slope: -inner(&self.forces, &self.direction),
        };
        let mut lower = start;
        let mut upper: Option<Point> = None;
        let mut step = match self.stiffness {
            Some(stiffness) => (-start.slope / (stiffness * squared_length)).min(farthest),
            None => 0.1 * farthest,
        };
        for trial in 0..TRIALS {
            if step <= resolution || step.is_nan() {
                return Ok(false);
            }
            self.place(descent, step);
            match descent.evaluate() {
                Ok(()) => {}
                Err(Reason::Force(_)) => {
                    // Too far, onto another particle.
                    farthest = lower.step + 0.5 * (step - lower.step);
                    step = lower.step + 0.1 * (step - lower.step);
                    continue;
                }
                Err(reason) => return Err(reason),
            }
            let energy = descent.mechanics.energy();
            let slope = -inner(&descent.mechanics.forces, &self.direction);
            let here = Point { step, slope };
            let climbs = energy > self.energy + ENERGY_ROUNDING * self.energy.abs();

            let curvature = (slope - start.slope) / step;
            if trial == 0 && curvature > 0.0 {
                self.stiffness = Some(curvature / squared_length);
                let target = (-start.slope / curvature).min(farthest);
                let correction = (target - step).abs();
                if !climbs && correction <= 0.5 * step && correction <= INTERPOLATION * farthest {
                    self.interpolate(descent, here, target);
                    return Ok(true);
                }
            }
            if !climbs && slope.abs() <= SLOPE_RATIO * start.slope.abs()
                || !climbs && slope < 0.0 && step >= farthest
            {
                self.accept(descent, here);
                return Ok(true);
            }

            if slope < 0.0 && !climbs {
                let before = lower;
                lower = here;
                step = match upper {
                    Some(upper) => between(lower, upper),
                    None => beyond(before, lower).min(farthest),
                };
            } else {
                upper = Some(here);
                step = between(lower, here);
            }
        }
        Ok(false)
    }

    /// Makes the point of the last evaluation the current one.
    fn accept(&mut self, descent: &Descent<'_, D>, here: Point) {
        std::mem::swap(&mut self.previous, &mut self.forces);
        self.forces.clone_from(&descent.mechanics.forces);
        self.energy = descent.mechanics.energy();
        self.advance(here.step);
        self.evaluated = true;
    }

    /// Moves to the step `target`, where energy and forces follow from those at the start and at the trial.
    fn interpolate(&mut self, descent: &Descent<'_, D>, trial: Point, target: f64) {
        std::mem::swap(&mut self.previous, &mut self.forces);
        let share = target / trial.step;
        let ends = self.previous.iter().zip(&descent.mechanics.forces);
        for (force, (start, end)) in self.forces.iter_mut().zip(ends) {
            for k in 0..D {
                force[k] = (1.0 - share) * start[k] + share * end[k];
            }
        }
        // The slope falls linearly from the trial to zero at the target.
        self.energy = descent.mechanics.energy() + 0.5 * trial.slope * (target - trial.step);
        self.advance(target);
        self.evaluated = false;
    }

    fn advance(&mut self, step: f64) {
        for (position, along) in self.positions.iter_mut().zip(&self.direction) {
            for k in 0..D {
                position[k] += step * along[k];
            }
        }
    }
}

/// The zero of the slope between two points that enclose a minimum, kept off the ends.
fn between(lower: Point, upper: Point) -> f64 {
    let width = upper.step - lower.step;
    let secant = lower.slope / (lower.slope - upper.slope);
    let share = if upper.slope > 0.0 { secant } else { 0.5 };
    lower.step + share.clamp(0.05, 0.95) * width
}

/// The zero of the slope beyond two points, not much farther than they are apart.
fn beyond(first: Point, second: Point) -> f64 {
    let width = second.step - first.step;
    let rise = second.slope - first.slope;
    let reach = if rise > 0.0 {
        -second.slope / rise
    } else {
        f64::INFINITY
    };
    second.step + reach.clamp(0.1, 9.0) * width
}
