//! The line search of the minimisers that go along directions: for the zero of the slope.

use crate::Reason;
use crate::descent::{Descent, inner, longest};
use vitreous_md_core::Vector;

/// The most trials in a line search.
const TRIALS: usize = 20;
/// The rise of energy, in units of its size, that may be rounding.
pub(crate) const ENERGY_ROUNDING: f64 = 1e-10;
/// How far from a trial forces are interpolated, in units of the largest displacement.
const INTERPOLATION: f64 = 0.1;

/// What a line search is to find.
pub(crate) struct Aim {
    /// The first trial, if something is known of it.
    pub(crate) first: Option<f64>,
    /// The slope that ends the search, in units of that at its start.
    pub(crate) slope_ratio: f64,
    /// Whether to interpolate forces at the minimum where the first trial came close to it.
    pub(crate) interpolate: bool,
}

/// What a line search found.
pub(crate) struct Search {
    /// Whether there was such a step; the walk has then made it.
    pub(crate) found: bool,
    /// The stiffness `d.H.d / d.d` that the first trial saw.
    pub(crate) stiffness: Option<f64>,
}

/// A point on a line: the step to it and the slope `-F . d` of the energy there.
#[derive(Clone, Copy)]
struct Point {
    step: f64,
    slope: f64,
}

/// The state between steps along directions.
pub(crate) struct Walk<const D: usize> {
    pub(crate) positions: Vec<Vector<D>>,
    pub(crate) energy: f64,
    pub(crate) forces: Vec<Vector<D>>,
    /// Whether energy and forces were evaluated, not interpolated.
    pub(crate) evaluated: bool,
    /// The direction; at the start, the forces.
    pub(crate) direction: Vec<Vector<D>>,
    /// The forces before the last step.
    pub(crate) previous: Vec<Vector<D>>,
    /// The last step, in units of its direction.
    pub(crate) step: f64,
    largest_displacement: f64,
}

impl<const D: usize> Walk<D> {
    pub(crate) fn new(descent: &Descent<'_, D>, largest_displacement: f64) -> Self {
        let forces = &descent.mechanics.forces;
        Self {
            positions: descent.configuration.positions().to_vec(),
            energy: descent.mechanics.energy(),
            forces: forces.clone(),
            evaluated: true,
            direction: forces.clone(),
            previous: forces.clone(),
            step: 0.0,
            largest_displacement,
        }
    }

    /// Evaluates where the positions are.
    pub(crate) fn evaluate(&mut self, descent: &mut Descent<'_, D>) -> Result<(), Reason> {
        descent.place(&self.positions, 0.0, &self.direction);
        descent.evaluate()?;
        self.energy = descent.mechanics.energy();
        self.forces.clone_from(&descent.mechanics.forces);
        self.evaluated = true;
        Ok(())
    }

    /// Moves to where the slope along the direction vanishes, or nearly so.
    pub(crate) fn search(
        &mut self,
        descent: &mut Descent<'_, D>,
        aim: &Aim,
    ) -> Result<Search, Reason> {
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
        let mut search = Search {
            found: false,
            stiffness: None,
        };
        let mut step = aim.first.unwrap_or(0.1 * farthest).min(farthest);
        for trial in 0..TRIALS {
            if step <= resolution || step.is_nan() {
                return Ok(search);
            }
            descent.place(&self.positions, step, &self.direction);
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
                search.stiffness = Some(curvature / squared_length);
                let target = (-start.slope / curvature).min(farthest);
                let correction = (target - step).abs();
                if aim.interpolate
                    && !climbs
                    && correction <= 0.5 * step
                    && correction <= INTERPOLATION * farthest
                {
                    self.interpolate(descent, here, target);
                    search.found = true;
                    return Ok(search);
                }
            }
            if !climbs && slope.abs() <= aim.slope_ratio * start.slope.abs()
                || !climbs && slope < 0.0 && step >= farthest
            {
                self.accept(descent, here);
                search.found = true;
                return Ok(search);
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
        Ok(search)
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
        self.step = step;
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
