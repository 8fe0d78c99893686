//! The quasi-Newton method of limited memory.

use crate::descent::{Descent, add, inner, positive};
use crate::line_search::{Aim, Walk};
use crate::{Converged, Minimizer, Progress, Reason, Unconverged};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use vitreous_md_core::{Configuration, Potential, Tolerance, Vector};

/// L-BFGS: quasi-Newton steps `d = B F`, with the inverse Hessian `B` that the last steps suggest.
///
/// Of each of the last `memory` steps `s = x' - x` the change of forces `y = F - F'` is kept. Starting from
/// `B = (s.y / y.y) 1` of the last pair, every pair changes it to
///
/// ```text
/// B' = (1 - s y^T / s.y) B (1 - y s^T / s.y) + s s^T / s.y
/// ```
///
/// J. Nocedal, Math. Comp. 35, 773 (1980). Steps are accepted if the energy does not climb (by more than its
/// rounding) and the slope along them has fallen; most take one force evaluation. Pairs of concave stretches,
/// `s.y <= 0`, are not kept, so that every direction leads downhill. Memory: `2 memory` vectors of `N x D`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitedMemoryBfgs {
    /// The number of steps that are remembered. Default 20.
    pub memory: usize,
    /// The longest displacement of a particle in one step, in units of the mean spacing `(V/N)^(1/D)`:
    /// short enough to stay in the basin of the start. Default 0.1.
    pub largest_displacement: f64,
    /// The most force evaluations. Default 100 000.
    pub evaluation_limit: u64,
}

impl Default for LimitedMemoryBfgs {
    fn default() -> Self {
        Self {
            memory: 20,
            largest_displacement: 0.1,
            evaluation_limit: 100_000,
        }
    }
}

/// The slope that ends a line search, in units of that at its start: steps of length one are right mostly.
const SLOPE_RATIO: f64 = 0.9;
/// The smallest cosine between direction and forces; below it, memory is forgotten.
const SMALLEST_COSINE: f64 = 1e-6;

impl<const D: usize> Minimizer<D> for LimitedMemoryBfgs {
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
            .and_then(|()| positive("memory", self.memory as f64))
            .and_then(|()| descent.evaluate())
            .and_then(|()| self.run(&mut descent, largest_displacement));
        descent.finish(end)
    }
}

/// A step `s`, the change `y = F - F'` of forces with it, and `1 / s.y`.
struct Pair<const D: usize> {
    step: Vec<Vector<D>>,
    change: Vec<Vector<D>>,
    inverse_overlap: f64,
}

impl LimitedMemoryBfgs {
    fn run<const D: usize>(
        &self,
        descent: &mut Descent<'_, D>,
        largest_displacement: f64,
    ) -> Result<(), Reason> {
        let mut walk = Walk::new(descent, largest_displacement);
        let mut pairs: VecDeque<Pair<D>> = VecDeque::new();
        descent.report_evaluated()?;
        while !descent.converged() {
            let aim = Aim {
                first: (!pairs.is_empty()).then_some(1.0),
                slope_ratio: SLOPE_RATIO,
                interpolate: false,
            };
            if walk.search(descent, &aim)?.found {
                descent.count_step();
                descent.report_evaluated()?;
                if pairs.len() == self.memory {
                    pairs.pop_front();
                }
                pairs.extend(Pair::of_last_step(&walk));
            } else {
                if pairs.is_empty() {
                    return Err(Reason::Rounding);
                }
                pairs.clear();
            }
            walk.direction.clone_from(&walk.forces);
            quasi_newton(&pairs, &mut walk.direction);
            let cosine = inner(&walk.direction, &walk.forces)
                / (inner(&walk.direction, &walk.direction) * inner(&walk.forces, &walk.forces))
                    .sqrt();
            if cosine.is_nan() || cosine <= SMALLEST_COSINE {
                pairs.clear();
                walk.direction.clone_from(&walk.forces);
            }
        }
        Ok(())
    }
}

impl<const D: usize> Pair<D> {
    /// `None` where the energy is concave along the step.
    fn of_last_step(walk: &Walk<D>) -> Option<Self> {
        let step: Vec<_> = walk
            .direction
            .iter()
            .map(|direction| direction.map(|component| walk.step * component))
            .collect();
        let change: Vec<_> = walk
            .previous
            .iter()
            .zip(&walk.forces)
            .map(|(before, after)| std::array::from_fn(|k| before[k] - after[k]))
            .collect();
        let overlap = inner(&step, &change);
        let smallest = f64::EPSILON * inner(&change, &change);
        (overlap > smallest && overlap.recip().is_finite()).then(|| Self {
            inverse_overlap: overlap.recip(),
            step,
            change,
        })
    }
}

/// `d <- B d`, by the two loops of Nocedal.
fn quasi_newton<const D: usize>(pairs: &VecDeque<Pair<D>>, d: &mut [Vector<D>]) {
    let Some(last) = pairs.back() else { return };
    let mut shares = vec![0.0; pairs.len()];
    for (pair, share) in pairs.iter().zip(&mut shares).rev() {
        *share = pair.inverse_overlap * inner(&pair.step, d);
        add(d, -*share, &pair.change);
    }
    let scale = 1.0 / (last.inverse_overlap * inner(&last.change, &last.change));
    for component in d.as_flattened_mut() {
        *component *= scale;
    }
    for (pair, share) in pairs.iter().zip(&shares) {
        let correction = share - pair.inverse_overlap * inner(&pair.change, d);
        add(d, correction, &pair.step);
    }
}
