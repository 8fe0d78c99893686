//! What every minimiser does besides choosing steps: evaluating, counting, judging, reporting.

use crate::{Converged, Progress, Reason, Unconverged, Work};
use std::ops::ControlFlow;
use vitreous_md_core::vector::norm_squared;
use vitreous_md_core::{
    Configuration, ForceBalance, ForceField, Linearization, Mechanics, Potential, Tolerance, Vector,
};

/// Without a new lowest net force for so many evaluations, a run is taken to be stuck at rounding: plateaus
/// of a descent in progress are shorter by a factor of ten.
const STALL: u64 = 5000;

/// A minimisation under way.
pub(crate) struct Descent<'a, const D: usize> {
    field: ForceField<'a, D>,
    /// Where forces are, or were last, evaluated.
    pub(crate) configuration: Configuration<D>,
    /// Energy and forces of the last evaluation.
    pub(crate) mechanics: Mechanics<D>,
    tolerance: Tolerance,
    evaluation_limit: u64,
    observe: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
    iterations: u64,
    linearizations: u64,
    hessian_products: u64,
    /// The lowest rms net force so far, and the number of the evaluation that found it.
    lowest: (f64, u64),
    /// The last positions with finite energy.
    safe: Vec<Vector<D>>,
    balance: Option<ForceBalance>,
}

impl<'a, const D: usize> Descent<'a, D> {
    /// Nothing is evaluated yet.
    pub(crate) fn new(
        potential: &'a dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
        evaluation_limit: u64,
        observe: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Self {
        Self {
            field: ForceField::new(potential),
            mechanics: Mechanics {
                forces: Vec::new(),
                totals: vitreous_md_core::Totals::zero(),
                volume: configuration.cell().volume(),
            },
            safe: configuration.positions().to_vec(),
            configuration,
            tolerance,
            evaluation_limit,
            observe,
            iterations: 0,
            linearizations: 0,
            hessian_products: 0,
            lowest: (f64::INFINITY, 0),
            balance: None,
        }
    }

    /// Puts the particles at a step along a direction.
    pub(crate) fn place(&mut self, from: &[Vector<D>], step: f64, direction: &[Vector<D>]) {
        let moved = self.configuration.positions_mut().iter_mut();
        for ((to, from), along) in moved.zip(from).zip(direction) {
            for k in 0..D {
                to[k] = from[k] + step * along[k];
            }
        }
    }

    /// Evaluates energy and forces at the current positions.
    pub(crate) fn evaluate(&mut self) -> Result<(), Reason> {
        let limit = self.evaluation_limit;
        if self.field.evaluations() >= limit {
            return Err(Reason::EvaluationLimit { limit });
        }
        self.field
            .evaluate_into(&self.configuration, &mut self.mechanics)?;
        let balance = self.mechanics.balance();
        self.balance = Some(balance);
        self.safe.clear();
        self.safe.extend_from_slice(self.configuration.positions());
        if balance.net < self.lowest.0 {
            self.lowest = (balance.net, self.field.evaluations());
        } else if self.field.evaluations() - self.lowest.1 > STALL {
            return Err(Reason::Rounding);
        }
        Ok(())
    }

    /// Expands the energy to second order at the current positions.
    pub(crate) fn linearize(&mut self, linearization: &mut Linearization<D>) -> Result<(), Reason> {
        self.linearizations += 1;
        Ok(self
            .field
            .linearize_into(&self.configuration, linearization)?)
    }

    /// Whether the forces of the last evaluation cancel within the tolerance.
    pub(crate) fn converged(&self) -> bool {
        self.tolerance.accepts(&self.mechanics.balance())
    }

    /// Whether forces that were estimated, not evaluated, would.
    pub(crate) fn would_converge(&self, forces: &[Vector<D>]) -> bool {
        self.tolerance.accepts(&self.estimated_balance(forces))
    }

    fn estimated_balance(&self, forces: &[Vector<D>]) -> ForceBalance {
        let squares = || forces.iter().map(norm_squared);
        ForceBalance {
            net: (squares().sum::<f64>() / forces.len() as f64).sqrt(),
            largest: squares().fold(0.0, f64::max).sqrt(),
            ..self.mechanics.balance()
        }
    }

    /// Tells the observer what was evaluated last.
    pub(crate) fn report_evaluated(&mut self) -> Result<(), Reason> {
        self.tell(self.mechanics.energy(), self.mechanics.balance())
    }

    /// Tells the observer energy and forces that were estimated.
    pub(crate) fn report_estimated(
        &mut self,
        energy: f64,
        forces: &[Vector<D>],
    ) -> Result<(), Reason> {
        self.tell(energy, self.estimated_balance(forces))
    }

    fn tell(&mut self, energy: f64, balance: ForceBalance) -> Result<(), Reason> {
        let progress = Progress {
            iterations: self.iterations,
            work: self.work(),
            energy,
            balance,
        };
        match (self.observe)(&progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Reason::Interrupted),
        }
    }

    fn work(&self) -> Work {
        Work {
            evaluations: self.field.evaluations(),
            linearizations: self.linearizations,
            hessian_products: self.hessian_products,
        }
    }

    /// Counts a product with the Hessian.
    pub(crate) fn count_product(&mut self) {
        self.hessian_products += 1;
    }

    /// The number of steps so far.
    pub(crate) fn iterations(&self) -> u64 {
        self.iterations
    }

    /// Counts a step.
    pub(crate) fn count_step(&mut self) {
        self.iterations += 1;
    }

    /// The outcome, from how the run ended.
    pub(crate) fn finish(
        mut self,
        end: Result<(), Reason>,
    ) -> Result<Converged<D>, Unconverged<D>> {
        let work = self.work();
        match end {
            Ok(()) => Ok(Converged {
                energy: self.mechanics.energy(),
                balance: self.mechanics.balance(),
                configuration: self.configuration,
                work,
                iterations: self.iterations,
            }),
            Err(reason) => {
                self.configuration
                    .positions_mut()
                    .copy_from_slice(&self.safe);
                Err(Unconverged {
                    reason,
                    configuration: Box::new(self.configuration),
                    balance: self.balance,
                    work,
                    iterations: self.iterations,
                })
            }
        }
    }
}

/// The scalar product of two sets of `N` vectors.
pub(crate) fn inner<const D: usize>(a: &[Vector<D>], b: &[Vector<D>]) -> f64 {
    a.as_flattened()
        .iter()
        .zip(b.as_flattened())
        .map(|(x, y)| x * y)
        .sum()
}

/// `a <- a + factor b`.
pub(crate) fn add<const D: usize>(a: &mut [Vector<D>], factor: f64, b: &[Vector<D>]) {
    for (a, b) in a.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
        *a += factor * b;
    }
}

/// The length of the longest of `N` vectors.
pub(crate) fn longest<const D: usize>(vectors: &[Vector<D>]) -> f64 {
    vectors.iter().map(norm_squared).fold(0.0, f64::max).sqrt()
}

/// The parameter, if it is a finite positive number.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<(), Reason> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(Reason::Parameter {
            name,
            value,
            expected: "a positive number",
        })
    }
}
