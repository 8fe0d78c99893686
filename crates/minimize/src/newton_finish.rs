//! One minimiser for the way down, Newton's method for the bottom.

use crate::{
    Converged, Minimizer, NewtonConjugateGradient, NonlinearConjugateGradient, Progress,
    Unconverged,
};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use vitreous_md_core::{Configuration, Potential, Tolerance};

/// A minimiser down to where the energy is nearly quadratic, and [`NewtonConjugateGradient`] from there.
///
/// The recommended one, with its defaults: the minimum is that of the first minimiser, and the last digits,
/// two thirds of its work, come in a handful of Newton steps.
///
/// ```
/// use vitreous_minimize::{Fire, Minimizer, NewtonFinish};
/// let fast = NewtonFinish::default();
/// let with_fire = NewtonFinish::after(Fire::default());
/// let choices: [Box<dyn Minimizer<3>>; 2] = [Box::new(fast), Box::new(with_fire)];
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewtonFinish<M = NonlinearConjugateGradient> {
    /// The minimiser for the way down.
    pub first: M,
    /// The force ratio at which Newton's method takes over. Default 1e-3.
    pub from: f64,
    /// Newton's method.
    pub newton: NewtonConjugateGradient,
}

impl<M> NewtonFinish<M> {
    /// Newton's method with its defaults after a given minimiser.
    pub fn after(first: M) -> Self {
        Self {
            first,
            from: 1e-3,
            newton: NewtonConjugateGradient::default(),
        }
    }
}

impl Default for NewtonFinish {
    fn default() -> Self {
        Self::after(NonlinearConjugateGradient::default())
    }
}

impl<const D: usize, M: Minimizer<D>> Minimizer<D> for NewtonFinish<M> {
    fn minimize_observed(
        &self,
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Converged<D>, Unconverged<D>> {
        let near = Tolerance {
            force_ratio: self.from.max(tolerance.force_ratio),
            ..tolerance
        };
        let reached = self
            .first
            .minimize_observed(potential, configuration, near, observe)?;
        let (work, iterations) = (reached.work, reached.iterations);
        // What is reported again, the start of the second part, is the end of the first.
        let mut begun = false;
        let mut observe_rest = |progress: &Progress| {
            if !std::mem::replace(&mut begun, true) {
                return ControlFlow::Continue(());
            }
            observe(&Progress {
                iterations: iterations + progress.iterations,
                work: work + progress.work,
                ..*progress
            })
        };
        let outcome = self.newton.minimize_observed(
            potential,
            reached.configuration,
            tolerance,
            &mut observe_rest,
        );
        match outcome {
            Ok(converged) => Ok(Converged {
                work: work + converged.work,
                iterations: iterations + converged.iterations,
                ..converged
            }),
            Err(unconverged) => Err(Unconverged {
                work: work + unconverged.work,
                iterations: iterations + unconverged.iterations,
                ..unconverged
            }),
        }
    }
}
