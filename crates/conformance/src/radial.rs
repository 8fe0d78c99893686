//! The laws of functions of distance.

use crate::differences::slopes;
use crate::rounding::{Bounded, Fivefold, Fourfold, Nested, TINY, limit};
use crate::violation::{Law, Place, Violation};
use vitreous_md_core::{Radial, Taylor};

/// The number of distances at which a function is tested.
const DISTANCES: u32 = 50;

/// How far from a joint its two sides are looked at, relative to the distance.
const BESIDE: f64 = 1.5e-11;

/// The highest derivative whose continuity is tested.
const HIGHEST: usize = 4;

/// What a function of distance promises.
///
/// ```
/// use vitreous_conformance::RadialContract;
/// // phi, phi' and phi'' vanish at the range; at r = 1.2 two pieces meet with phi and phi' in common.
/// let contract = RadialContract::default().continuity(2).joint(1.2, 1);
/// # let _ = contract;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RadialContract {
    smallest: Option<f64>,
    largest: Option<f64>,
    continuity: Option<usize>,
    joints: Vec<(f64, usize)>,
    precision: f64,
}

impl Default for RadialContract {
    /// From 0.3 of the range up to the range, with no promise of how the function ends there.
    fn default() -> Self {
        Self {
            smallest: None,
            largest: None,
            continuity: None,
            joints: Vec::new(),
            precision: 0.0,
        }
    }
}

impl RadialContract {
    /// The derivatives `phi .. phi^(order)` vanish at the range; tested up to the fourth. Without this
    /// promise the function may jump there.
    pub fn continuity(self, order: usize) -> Self {
        Self {
            continuity: Some(order),
            ..self
        }
    }

    /// Two pieces meet at a distance, with `phi .. phi^(order)` in common; tested up to the fourth.
    pub fn joint(mut self, distance: f64, order: usize) -> Self {
        self.joints.push((distance, order));
        self
    }

    /// The smallest distance to be tested; 0.3 of the largest if not given.
    pub fn smallest(self, distance: f64) -> Self {
        Self {
            smallest: Some(distance),
            ..self
        }
    }

    /// The largest distance to be tested, for a function without an end; otherwise it is the range.
    pub fn largest(self, distance: f64) -> Self {
        Self {
            largest: Some(distance),
            ..self
        }
    }

    /// The relative precision of constants that make pieces meet, where they are not computed but taken from
    /// print: `1e-10` for ten digits. Jumps may be as large.
    pub fn precision(self, relative: f64) -> Self {
        Self {
            precision: relative,
            ..self
        }
    }

    /// The interval of distances to be tested.
    fn interval(&self, range: f64) -> Result<[f64; 2], Violation> {
        let largest = self.largest.map_or(range, |largest| largest.min(range));
        let smallest = self.smallest.unwrap_or(0.3 * largest);
        if smallest > 0.0 && smallest < largest && largest.is_finite() {
            return Ok([smallest, largest]);
        }
        Err(Violation::Contract {
            reason: format!(
                "the distances from {smallest} to {largest} are no interval to test (the range is {range}): give the contract a smallest and a largest distance"
            ),
        })
    }
}

/// Checks the energy and the derivatives of a function of distance: see the [crate](crate) for the laws.
///
/// ```
/// use vitreous_conformance::{Law, RadialContract, check_radial};
/// use vitreous_md_core::{Radial, Scalar};
/// /// phi(r) = (4 - r^2)^3: phi, phi' and phi'' vanish at the range.
/// struct Soft;
/// impl Radial for Soft {
///     fn range(&self) -> f64 { 2.0 }
///     fn energy<S: Scalar>(&self, squared_distance: S) -> S { (-squared_distance + 4.0).powi(3) }
/// }
/// assert_eq!(check_radial(&Soft, &RadialContract::default().continuity(2)), Ok(()));
/// let violation = check_radial(&Soft, &RadialContract::default().continuity(3)).unwrap_err();
/// assert_eq!(violation.law(), Law::Range);
/// ```
///
/// # Errors
/// The first violation.
pub fn check_radial(function: &impl Radial, contract: &RadialContract) -> Result<(), Violation> {
    let range = function.range();
    let [smallest, largest] = contract.interval(range)?;
    let joints: Vec<f64> = contract.joints.iter().map(|joint| joint.0).collect();
    for n in 0..DISTANCES {
        // Multiples of the golden ratio fill the interval evenly and meet nothing special.
        let fraction = (0.5 + f64::from(n) * 0.618_033_988_749_894_9).fract();
        let distance = smallest + fraction * (largest - smallest);
        check_derivatives(function, distance)?;
        let clearance = joints
            .iter()
            .chain([&range])
            .map(|joint| (distance - joint).abs())
            .fold(f64::INFINITY, f64::min);
        check_differences(function, distance, clearance)?;
    }
    // An override that fails near the end only.
    for beside in [1e-3, 1e-6, 1e-9] {
        check_derivatives(function, largest * (1.0 - beside))?;
    }
    for &(joint, order) in &contract.joints {
        if !(joint > 0.0 && joint < range) {
            return Err(Violation::Contract {
                reason: format!("the joint at {joint} is not inside the range {range}"),
            });
        }
        check_joint(function, (joint, order), contract, Law::Joint)?;
    }
    match contract.continuity {
        Some(order) if range.is_finite() => {
            check_joint(function, (range, order), contract, Law::Range)
        }
        _ => Ok(()),
    }
}

fn square(distance: f64) -> f64 {
    distance * distance
}

/// Derivatives of the generic energy with the bounds of their rounding errors.
fn bounded<S: Nested>(function: &impl Radial, squared_distance: f64) -> Vec<Bounded> {
    let mut derivatives = Vec::with_capacity(HIGHEST + 2);
    function
        .energy(S::variable(squared_distance))
        .append(&mut derivatives);
    derivatives
}

/// The sizes of the terms of each derivative: where a derivative of some order is exactly zero, as those of
/// polynomials are in the end, other formulas have it to rounding of the order below, over `s`.
fn sizes(derivatives: &[Bounded], squared_distance: f64) -> Vec<f64> {
    let mut below = 0.0;
    let size = |derivative: &Bounded| {
        below = derivative.size().max(below / squared_distance);
        below
    };
    derivatives.iter().map(size).collect()
}

/// The derivatives that are handed out, by every number of them, and those of Taylor arithmetic, against
/// dual numbers, to some roundings of the terms that are added up: about 1e-13 of these.
fn check_derivatives(function: &impl Radial, distance: f64) -> Result<(), Violation> {
    let s = square(distance);
    let expected = bounded::<Fourfold>(function, s);
    let sizes = sizes(&expected, s);
    let compare = |law: Law, found: &[f64]| {
        let asked = found.len();
        found
            .iter()
            .zip(&expected)
            .enumerate()
            .try_for_each(|(order, (&found, expected))| {
                let place = if law == Law::Prefix {
                    Place::Prefix {
                        distance,
                        order,
                        asked,
                    }
                } else {
                    Place::Distance { distance, order }
                };
                let pair = [found, expected.value];
                Violation::unless_near(law, place, pair, limit(sizes[order]))
            })
    };
    compare(Law::Arithmetic, &[function.energy(s)])?;
    compare(
        Law::Arithmetic,
        &function.energy(Taylor::<5>::variable(s)).derivatives(),
    )?;
    compare(Law::Derivative, &function.derivatives::<5>(s))?;
    compare(Law::Prefix, &function.derivatives::<1>(s))?;
    compare(Law::Prefix, &function.derivatives::<2>(s))?;
    compare(Law::Prefix, &function.derivatives::<3>(s))?;
    compare(Law::Prefix, &function.derivatives::<4>(s))
}

/// Each derivative against differences of the one before.
///
/// Differences are good to 1e-10 of the terms that are added up, or else say themselves how good they are:
/// the distance of estimates with steps `h` and `h/2` is 15 times the error of the better one.
fn check_differences(
    function: &impl Radial,
    distance: f64,
    clearance: f64,
) -> Result<(), Violation> {
    let s = square(distance);
    // Stencils reach two steps to each side, in the square: to less than half the way to a joint.
    let first_step = (s / 512.0).min(0.4 * distance * clearance);
    if first_step < 1e-9 * s {
        return Ok(());
    }
    let sizes = sizes(&bounded::<Fourfold>(function, s), s);
    let goals: Vec<f64> = (1..=HIGHEST)
        .map(|order| 1e-10 * sizes[order] + TINY)
        .collect();
    let found = function.derivatives::<5>(s);
    let functions = |step: f64| -> Result<Vec<f64>, Violation> {
        let [_, first, second, third, _] = function.derivatives::<5>(s + step);
        Ok(vec![function.energy(s + step), first, second, third])
    };
    for (k, slope) in slopes(functions, first_step, &goals)?.iter().enumerate() {
        let order = k + 1;
        let place = Place::Distance { distance, order };
        let uncertainty = 4.0 * slope.uncertainty + limit(sizes[order - 1]) / slope.step;
        let settled = 1e-6 * sizes[order] + TINY;
        Violation::unless_settled(place, uncertainty, settled)?;
        let limit = goals[k] + uncertainty;
        let pair = [found[order], slope.value];
        Violation::unless_near(Law::Differences, place, pair, limit)?;
    }
    Ok(())
}

/// The two sides of a joint, or of the range, beyond which everything is zero.
///
/// Derivative `k`, if it is continuous, differs by its slope times the distance in `s` of the two places.
/// Twice that and more is allowed for functions that end like `(r_c - r)^p`, for which the slope at the end
/// exceeds the quotient: by `1/(p - k)`, which is 2 for the Hertzian exponent 5/2. And the difference must
/// shrink as the joint is approached, or else the derivative diverges there: to less than half over three
/// orders of magnitude.
fn check_joint(
    function: &impl Radial,
    (joint, order): (f64, usize),
    contract: &RadialContract,
    law: Law,
) -> Result<(), Violation> {
    let sides = |beside: f64| {
        let below = bounded::<Fivefold>(function, square(joint * (1.0 - beside)));
        let above = if law == Law::Range {
            vec![Bounded::exact(0.0); HIGHEST + 2]
        } else {
            bounded::<Fivefold>(function, square(joint * (1.0 + beside)))
        };
        [below, above]
    };
    let [below, above] = sides(BESIDE);
    let further = sides(1024.0 * BESIDE);
    let apart = 2.0 * BESIDE * square(joint);
    for order in 0..=order.min(HIGHEST) {
        let slopes = below[order + 1].value.abs() + above[order + 1].value.abs();
        let before = (further[0][order].value - further[1][order].value).abs();
        let rounding = [&below[order], &above[order]]
            .map(|side| side.limit_with_constants(contract.precision));
        let limit = (4.0 * apart * slopes).min(0.5 * before) + rounding[0] + rounding[1];
        let place = Place::Distance {
            distance: joint,
            order,
        };
        let pair = [below[order].value, above[order].value];
        Violation::unless_near(law, place, pair, limit)?;
    }
    Ok(())
}
