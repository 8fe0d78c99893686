//! Minimisers: from a liquid configuration to its inherent structure.
//!
//! A [`Minimizer`] moves particles downhill in a cell of fixed shape until forces balance. Its outcome must be
//! opened: [`Converged`], when the [`Tolerance`] on forces is met and only then, or [`Unconverged`], an error
//! that carries what was reached. [`Minimizer::quench`] goes one step further, to a certified
//! [`InherentStructure`].
//!
//! Work to a residual force `|F|_2` of 1e-10, from an equilibrated Kob-Andersen liquid of 2000 particles and a
//! Stillinger-Weber liquid of 1000; a linearisation costs as much as 1.2 and 6 force evaluations there, a
//! product with the Hessian 0.15 and 1.7:
//!
//! | | force evaluations | linearisations | products | |
//! |---|---|---|---|---|
//! | [`NewtonFinish`] | 647, 385 | 5, 10 | 340, 480 | the recommended one: the minima of its first part, by default of the next |
//! | [`NonlinearConjugateGradient`] | 1160, 695 | | | needs forces only |
//! | [`NewtonConjugateGradient`] | 80, 268 | 77, 225 | 1460, 3238 | the least work for pair potentials, from close to a minimum above all; leaves saddles |
//! | [`LimitedMemoryBfgs`] | 1266, 1535 | | | no better than conjugate gradients here |
//! | [`Fire`] | 1864, 6163 | | | steered dynamics, with little to go wrong |
//!
//! ```
//! use vitreous_md_core::{Configuration, Radial, Scalar, Seed, SpeciesTable, Tolerance};
//! use vitreous_minimize::{Minimizer, NewtonFinish};
//!
//! /// Soft repulsion, phi(r) = (1 - r^2)^4 for r < 1.
//! #[derive(Clone)]
//! struct Soft;
//! impl Radial for Soft {
//!     fn range(&self) -> f64 { 1.0 }
//!     fn energy<S: Scalar>(&self, squared_distance: S) -> S { (S::constant(1.0) - squared_distance).powi(4) }
//! }
//!
//! let model = SpeciesTable::uniform(Soft)?;
//! let liquid = Configuration::<3>::random(64, 2.0, &[1.0], Seed(7))?;
//! let glass = NewtonFinish::default().quench(&model, liquid, Tolerance::force_ratio(1e-10))?;
//! assert!(glass.balance().ratio() <= 1e-10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod conjugate_gradient;
mod descent;
mod fire;
mod limited_memory_bfgs;
mod line_search;
mod newton;
mod newton_finish;

pub use conjugate_gradient::NonlinearConjugateGradient;
pub use fire::Fire;
pub use limited_memory_bfgs::LimitedMemoryBfgs;
pub use newton::NewtonConjugateGradient;
pub use newton_finish::NewtonFinish;

use std::ops::ControlFlow;
use thiserror::Error;
use vitreous_md_core::{
    CertificationError, Configuration, ForceBalance, ForceError, InherentStructure, Potential,
    Tolerance,
};

/// A way downhill in the potential energy, in a cell of fixed shape.
///
/// The trait is object-safe: `Box<dyn Minimizer<3>>` can be chosen at run time. One's own minimiser needs
/// [`Minimizer::minimize_observed`] only.
pub trait Minimizer<const D: usize>: Send + Sync {
    /// Minimises, and calls `observe` before the first step and after each; the run ends when it returns
    /// [`ControlFlow::Break`].
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # use vitreous_md_core::{Configuration, Potential, Tolerance};
    /// # use vitreous_minimize::{Minimizer, Unconverged};
    /// fn reached_in_a_second<const D: usize>(
    ///     minimizer: &dyn Minimizer<D>, model: &dyn Potential<D>, liquid: Configuration<D>,
    /// ) -> Result<Configuration<D>, Unconverged<D>> {
    ///     let start = std::time::Instant::now();
    ///     let mut observe = |_: &_| match start.elapsed().as_secs() {
    ///         0 => ControlFlow::Continue(()),
    ///         _ => ControlFlow::Break(()),
    ///     };
    ///     let tolerance = Tolerance::force_ratio(1e-10);
    ///     Ok(minimizer.minimize_observed(model, liquid, tolerance, &mut observe)?.configuration)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Minimizer::minimize`], and [`Reason::Interrupted`].
    fn minimize_observed(
        &self,
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Converged<D>, Unconverged<D>>;

    /// Minimises until the net forces are within the tolerance.
    ///
    /// # Errors
    /// Every other end, for the [`Reason`] in the error, with what was reached.
    fn minimize(
        &self,
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
    ) -> Result<Converged<D>, Unconverged<D>> {
        self.minimize_observed(potential, configuration, tolerance, &mut |_| {
            ControlFlow::Continue(())
        })
    }

    /// Minimises and certifies: forces are computed once more, with a fresh neighbour list.
    ///
    /// # Errors
    /// A minimisation that did not converge; a minimum that is refused by [`InherentStructure::certify`].
    fn quench(
        &self,
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
    ) -> Result<InherentStructure<D>, QuenchError<D>> {
        let converged = self.minimize(potential, configuration, tolerance)?;
        Ok(InherentStructure::certify(
            potential,
            converged.configuration,
            tolerance,
        )?)
    }
}

/// What a minimisation computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Force evaluations.
    pub evaluations: u64,
    /// Expansions to second order: each a pass over the interactions as well.
    pub linearizations: u64,
    /// Products of the Hessian and a vector.
    pub hessian_products: u64,
}

impl std::ops::Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            evaluations: self.evaluations + other.evaluations,
            linearizations: self.linearizations + other.linearizations,
            hessian_products: self.hessian_products + other.hessian_products,
        }
    }
}

/// How far a minimisation has come. Between force evaluations, energy and forces may be interpolated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps taken.
    pub iterations: u64,
    /// What was computed for it.
    pub work: Work,
    /// The potential energy `U`.
    pub energy: f64,
    /// How well the forces cancel.
    pub balance: ForceBalance,
}

/// A configuration with forces that cancel within the tolerance.
#[derive(Clone, Debug, PartialEq)]
pub struct Converged<const D: usize> {
    /// The configuration; positions are continuous with those at the start, not wrapped.
    pub configuration: Configuration<D>,
    /// The potential energy `U`.
    pub energy: f64,
    /// How well the forces cancel.
    pub balance: ForceBalance,
    /// What was computed for it.
    pub work: Work,
    /// Steps taken; 0 if the start was a minimum.
    pub iterations: u64,
}

/// A minimisation that did not meet its tolerance, with what it reached.
#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "not converged after {} force evaluations{}: {reason}",
    .work.evaluations,
    .balance.map(|balance| format!(", at a force ratio of {:.3e}", balance.ratio())).unwrap_or_default()
)]
pub struct Unconverged<const D: usize> {
    /// Why it ended.
    #[source]
    pub reason: Reason,
    /// The last configuration that could be evaluated; the start, if there is none.
    pub configuration: Box<Configuration<D>>,
    /// How well its forces cancel; `None` if they could not be evaluated.
    pub balance: Option<ForceBalance>,
    /// What was computed for it.
    pub work: Work,
    /// Steps taken.
    pub iterations: u64,
}

/// Why a minimisation ended without meeting its tolerance.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The limit on force evaluations.
    #[error(
        "the limit of {limit} force evaluations was reached; raise it, or continue from the configuration reached"
    )]
    EvaluationLimit {
        /// The limit.
        limit: u64,
    },
    /// Steps have become so small that rounding hides whether they lead downhill.
    #[error(
        "forces no longer decrease, at the rounding of positions and forces; loosen the tolerance"
    )]
    Rounding,
    /// The observer asked to stop.
    #[error("it was interrupted")]
    Interrupted,
    /// A parameter of the minimiser without meaning.
    #[error("the parameter {name} is {value}: it must be {expected}")]
    Parameter {
        /// The name of the field.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
    /// Energy or forces could not be evaluated.
    #[error(transparent)]
    Force(#[from] ForceError),
}

/// Why there is no inherent structure at the end of a quench.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum QuenchError<const D: usize> {
    /// The minimisation ended early.
    #[error(transparent)]
    Unconverged(#[from] Unconverged<D>),
    /// The minimum was not confirmed.
    #[error(transparent)]
    Certification(#[from] CertificationError),
}
