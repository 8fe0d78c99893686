//! Proof that a potential is right: for authors of potentials, in one line of their tests.
//!
//! ```
//! use vitreous_conformance::{conformance, proptest::prelude::*};
//! use vitreous_md_core::{Radial, Scalar};
//!
//! /// phi(r) = energy (1 - r^2/range^2)^4.
//! #[derive(Clone, Debug)]
//! struct Soft { energy: f64, range: f64 }
//!
//! impl Radial for Soft {
//!     fn range(&self) -> f64 { self.range }
//!     fn energy<S: Scalar>(&self, squared_distance: S) -> S {
//!         let rest = -squared_distance / (self.range * self.range) + 1.0;
//!         rest.powi(4) * self.energy
//!     }
//! }
//!
//! fn softs() -> impl Strategy<Value = Soft> {
//!     (0.1..5.0, 1.0..3.0).prop_map(|(energy, range)| Soft { energy, range })
//! }
//!
//! conformance!(soft, softs(), continuity = 3); // a test named `soft`
//! # vitreous_conformance::prove("soft", &softs(), |soft| {
//! #     vitreous_conformance::check_radial(soft, &vitreous_conformance::RadialContract::default().continuity(3))
//! # });
//! ```
//!
//! Whoever writes a potential writes its energy and, for speed, some derivatives; the rest of the family
//! believes them. The kit takes instances with random parameters from a [`proptest`] strategy, never only
//! the special ones, and checks each against the laws below. What fails is shrunk to the simplest instance
//! that fails and shown with a [`Violation`]: which [`Law`], where, what was found instead of what, and what
//! is usually the matter. The same strategy gives the same instances in every run.
//!
//! | you have | test | check of one instance | options |
//! |---|---|---|---|
//! | a [`Radial`](vitreous_md_core::Radial) | `conformance!(name, strategy)` | [`check_radial`] | those of [`RadialContract`] |
//! | a [`Triplet`](vitreous_md_core::Triplet) | `conformance!(name: triplet, strategy)` | [`check_triplet`] | those of [`TripletContract`] |
//! | a [`Potential`](vitreous_md_core::Potential) | `conformance!(name: potential, strategy)` | [`check_potential`] | those of [`Sample`] |
//!
//! # What is proved
//!
//! Tolerances are relative to the *terms that are added up*, so that neither a steep core hides what happens
//! at the cut-off nor cancellation at the cut-off raises a false alarm. For functions of distance and
//! triplets these terms are known: the generic energy is evaluated with a number that carries a bound of its
//! own rounding error.
//!
//! **Functions of distance**, at 50 distances, 5 orders of derivatives:
//!
//! | law | how | to |
//! |---|---|---|
//! | [`Derivative`](Law::Derivative), [`Prefix`](Law::Prefix) | `derivatives::<1>` to `<5>` against nested dual numbers | 64 bounds of rounding, about 1e-13 |
//! | [`Arithmetic`](Law::Arithmetic) | `f64` and Taylor arithmetic against dual numbers | the same |
//! | [`Differences`](Law::Differences), [`Smoothness`](Law::Smoothness) | each order against differences of the one below; the first of the energy in `f64`, whatever the scalar | 1e-10, and what differences leave open, at most 1e-6 |
//! | [`Range`](Law::Range), [`Joint`](Law::Joint) | both sides of the range and of inner joints, at a relative distance of 1.5e-11 | rounding, and the slope over that distance |
//!
//! **Triplets**, 40 of them and 10 centres in each of two and three dimensions: gradient and Hessian as above
//! ([`Derivative`](Law::Derivative), [`Arithmetic`](Law::Arithmetic), [`Differences`](Law::Differences)),
//! [`Symmetry`](Law::Symmetry) of the Hessian, [`Exchange`](Law::Exchange) of the ends,
//! [`Range`](Law::Range) of the legs, and the sum over a [`Centre`](Law::Centre) against its triplets one by
//! one, to 1e-12 of them (with those of a leg and itself).
//!
//! **Potentials**, in random configurations (see [`configurations`]) from one particle with its images
//! upwards, in this order:
//!
//! | law | how | to |
//! |---|---|---|
//! | [`Interaction`](Law::Interaction) | there is something to test | |
//! | [`Repeatability`](Law::Repeatability) | two evaluations | the same bits |
//! | [`Newton`](Law::Newton) | the sum of all forces | 1e-11 |
//! | [`Neighbours`](Law::Neighbours), [`Accumulation`](Law::Accumulation) | lists with and without a skin; the potential added twice | 1e-11 |
//! | [`Images`](Law::Images), [`Translation`](Law::Translation), [`Permutation`](Law::Permutation) | energy, forces and stress of the moved or renumbered system | 1e-11 |
//! | [`Torque`](Law::Torque) | differences of the energy in a rotation: the strain gradient is symmetric | 1e-8 |
//! | [`Rotation`](Law::Rotation), [`Replication`](Law::Replication) | energy and forces of the turned or doubled system | 1e-11 |
//! | [`Force`](Law::Force), [`Stress`](Law::Stress) | differences of the energy, in positions and in every component of strain | 1e-8 |
//! | [`Expansion`](Law::Expansion), [`Path`](Law::Path) | `add_terms` and `add_along` against `add_forces` | 1e-11 |
//! | [`Hessian`](Law::Hessian), [`Operator`](Law::Operator) | `M z` from edges against differences of forces, and against the assembled matrix | 1e-8, 1e-11 |
//! | [`ZeroModes`](Law::ZeroModes), [`Symmetry`](Law::Symmetry) | `add_along` in translations, and in two directions | 1e-11 |
//! | [`PathHessian`](Law::PathHessian) | `add_along` to first order, strain included, against `add_terms` | 1e-11 |
//! | [`PathOrders`](Law::PathOrders) | second and third strain derivatives, mixed ones, third and fourth derivatives against differences of the order below | 1e-8 |
//!
//! Differences have steps that are halved until they agree with each other, so that a pair that happens to
//! be at a cut-off, where forces may jump, is no false alarm.
//!
//! # What is not proved
//! That the energy is the one you meant. Compare it with numbers from elsewhere.

#![forbid(unsafe_code)]

mod configurations;
mod differences;
mod potential;
mod radial;
mod rounding;
mod triplet;
mod violation;

pub use configurations::{Sample, configurations};
pub use potential::check_potential;
pub use proptest;
pub use radial::{RadialContract, check_radial};
pub use triplet::{TripletContract, check_triplet};
pub use violation::{Entry, Law, Place, Quantity, Violation};

use proptest::prelude::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use vitreous_md_core::{Configuration, Seed};

/// Checks instances of a strategy: 64 of them, or a quarter of what the environment's `PROPTEST_CASES` says.
/// The instances depend on the name and the strategy only.
///
/// [`conformance!`] makes tests of this. Use it directly where an instance takes more than the macro can
/// say:
///
/// ```
/// use vitreous_conformance::{RadialContract, check_radial, prove};
/// # use vitreous_md_core::{Radial, Scalar};
/// # struct Soft { range: f64 }
/// # impl Radial for Soft {
/// #     fn range(&self) -> f64 { self.range }
/// #     fn energy<S: Scalar>(&self, s: S) -> S { (-s + self.range * self.range).powi(3) }
/// # }
/// prove("soft spheres of any range", &(0.5..4.0), |&range| {
///     check_radial(&Soft { range }, &RadialContract::default().continuity(2))
/// });
/// ```
///
/// # Panics
/// If an instance breaks a law, with the violation and the simplest such instance: that is how tests fail.
pub fn prove<S: Strategy>(
    name: &str,
    strategy: &S,
    check: impl Fn(&S::Value) -> Result<(), Violation>,
) {
    run(name, 4, strategy, check);
}

/// Checks potentials, each in a random configuration: a quarter as many as [`prove`], for they take longer.
///
/// An instance need not be a potential; it may be what one is built from.
///
/// # Panics
/// As [`prove`]; if in most configurations no particles interact.
pub fn prove_potential<const D: usize, S: Strategy>(
    name: &str,
    strategy: S,
    sample: &Sample,
    check: impl Fn(&S::Value, &Configuration<D>) -> Result<(), Violation>,
) {
    let states = (strategy, configurations::<D>(sample));
    let name = format!("{name}, D = {D}");
    run(&name, 16, &states, |(instance, state)| {
        check(instance, state)
    });
}

/// Checks one instance in `share` of those that a property test usually has.
fn run<S: Strategy>(
    name: &str,
    share: u32,
    strategy: &S,
    check: impl Fn(&S::Value) -> Result<(), Violation>,
) {
    let default = Config::default();
    let config = Config {
        cases: default.cases.div_ceil(share),
        max_global_rejects: default.cases.div_ceil(share),
        max_shrink_iters: 512,
        rng_seed: RngSeed::Fixed(Seed(0).derive(name, &[]).0),
        failure_persistence: None,
        ..default
    };
    let empty = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(strategy, |instance| {
        check(&instance).map_err(|violation| match violation {
            // A single particle may be too far from its images; most configurations must not be empty.
            Violation::NoInteraction => {
                empty.set(empty.get() + 1);
                TestCaseError::reject(violation.to_string())
            }
            _ => TestCaseError::fail(violation.to_string()),
        })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(violation, instance)) => {
            panic!("{name}: {violation}\nby the instance\n{instance:#?}")
        }
        Err(TestError::Abort(reason)) if empty.get() == 0 => panic!("{name}: {reason}"),
        Err(TestError::Abort(_)) => panic!("{name}: {}", Violation::NoInteraction),
    }
}

/// Makes a test that [`prove`]s a potential; see the [crate](crate) for an example.
///
/// ```
/// # use vitreous_conformance::{RadialContract, conformance, proptest::prelude::*};
/// # use vitreous_md_core::*;
/// # #[derive(Clone, Debug)] struct Well { range: f64 }
/// # impl Well { fn inner(&self) -> f64 { 0.5 * self.range } }
/// # impl Radial for Well {
/// #     fn range(&self) -> f64 { self.range }
/// #     fn energy<S: Scalar>(&self, s: S) -> S { (-s + self.range * self.range).powi(3) }
/// # }
/// # #[derive(Clone, Debug)] struct Angle(f64);
/// # impl Triplet for Angle {
/// #     fn range(&self) -> f64 { 1.5 }
/// #     fn species_count(&self) -> usize { 1 }
/// #     fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], [ij, ik, jk]: [S; 3]) -> S {
/// #         (-ij + 2.25).powi(3) * (-ik + 2.25).powi(3) * (ij + ik - jk).powi(2) * self.0
/// #     }
/// # }
/// # fn angles() -> impl Strategy<Value = Angle> { (1.0..2.0).prop_map(Angle) }
/// # fn wells() -> impl Strategy<Value = Well> { (1.0..2.0).prop_map(|range| Well { range }) }
/// # fn tables() -> impl Strategy<Value = SpeciesTable<Well>> { wells().prop_map(|w| SpeciesTable::uniform(w).unwrap()) }
/// // A function of distance: name, strategy, and what it promises.
/// conformance!(wells_end_smoothly, wells(), continuity = 2, smallest = 0.4);
/// // A promise that depends on the instance.
/// conformance!(wells_have_a_joint, wells(), contract = |well: &Well| {
///     RadialContract::default().continuity(2).joint(well.inner(), 3)
/// });
/// // A whole potential in two and three dimensions, and in three only.
/// conformance!(mixture: potential, tables(), density = 0.9, species = 1);
/// conformance!(mixture_in_space: potential<3>, tables(), density = 0.9);
/// // A three-body term.
/// conformance!(angles_end_smoothly: triplet, angles(), continuity = 2);
/// ```
#[macro_export]
macro_rules! conformance {
    ($name:ident, $strategy:expr, contract = $contract:expr $(,)?) => {
        #[test]
        #[allow(non_snake_case)]
        fn $name() {
            let contract = $contract;
            $crate::prove(stringify!($name), &$strategy, |instance| {
                $crate::check_radial(instance, &contract(instance))
            });
        }
    };
    ($name:ident: triplet, $strategy:expr $(, $option:ident = $value:expr)* $(,)?) => {
        #[test]
        #[allow(non_snake_case)]
        fn $name() {
            let contract = $crate::TripletContract::default()$(.$option($value))*;
            $crate::prove(stringify!($name), &$strategy, |instance| {
                $crate::check_triplet(instance, &contract)
            });
        }
    };
    ($name:ident: potential<$dimension:literal>, $strategy:expr $(, $option:ident = $value:expr)* $(,)?) => {
        #[test]
        #[allow(non_snake_case)]
        fn $name() {
            let sample = $crate::Sample::default()$(.$option($value))*;
            $crate::prove_potential(stringify!($name), $strategy, &sample, |potential, state| {
                $crate::check_potential::<$dimension>(potential, state)
            });
        }
    };
    ($name:ident: potential, $strategy:expr $(, $option:ident = $value:expr)* $(,)?) => {
        #[test]
        #[allow(non_snake_case)]
        fn $name() {
            let sample = $crate::Sample::default()$(.$option($value))*;
            $crate::prove_potential(stringify!($name), $strategy, &sample, |potential, state| {
                $crate::check_potential::<2>(potential, state)
            });
            $crate::prove_potential(stringify!($name), $strategy, &sample, |potential, state| {
                $crate::check_potential::<3>(potential, state)
            });
        }
    };
    ($name:ident $(: radial)?, $strategy:expr $(, $option:ident = $value:expr)* $(,)?) => {
        #[test]
        #[allow(non_snake_case)]
        fn $name() {
            let contract = $crate::RadialContract::default()$(.$option($value))*;
            $crate::prove(stringify!($name), &$strategy, |instance| {
                $crate::check_radial(instance, &contract)
            });
        }
    };
}
