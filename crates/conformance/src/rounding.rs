//! How far a number that was computed may be from the number that was meant.

use num_traits::{One, Zero};
use std::ops::{Add, Div, Mul, Neg, Sub};
use vitreous_md_core::{Dual, Scalar};

/// The unit roundoff of `f64`: an operation is off by at most this, relatively.
pub(crate) const ROUNDOFF: f64 = 0.5 * f64::EPSILON;

/// How many times the bound of one way to compute a number another way may be off: the bound is of the
/// generic energy, and an override has other operations, if in the same quantities.
const ALLOWANCE: f64 = 64.0;

/// A number with a bound of its rounding error, to first order in the unit roundoff (running error
/// analysis: Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, section 3.3).
///
/// A potential is generic over its scalar, so it can be evaluated with this one: where large terms cancel,
/// as at the end of a smoothed potential, the bound knows, and elsewhere it is sharp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounded {
    pub(crate) value: f64,
    error: f64,
}

impl Bounded {
    /// A number that is exact.
    pub(crate) fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// The result of an operation, with the error that it inherits.
    fn rounded(value: f64, inherited: f64) -> Self {
        Self {
            value,
            error: inherited + ROUNDOFF * value.abs(),
        }
    }

    /// By how much another way to compute the number may differ.
    pub(crate) fn limit(&self) -> f64 {
        limit(self.size())
    }

    /// The size of the terms that were added up, times the number of operations on them.
    pub(crate) fn size(&self) -> f64 {
        self.error / ROUNDOFF
    }

    /// The limit if constants are known to a relative `precision`.
    pub(crate) fn limit_with_constants(&self, precision: f64) -> f64 {
        self.limit() + precision * self.size()
    }
}

/// By how much a number may differ that is computed in another way from terms of a [`Bounded::size`]; what is
/// below the normal numbers is lost.
pub(crate) fn limit(size: f64) -> f64 {
    ALLOWANCE * ROUNDOFF * size + TINY
}

/// Differences of this size are not of numbers but of their underflow.
pub(crate) const TINY: f64 = 1e-280;

impl Scalar for Bounded {
    fn constant(value: f64) -> Self {
        Self::exact(value)
    }
    fn value(&self) -> f64 {
        self.value
    }
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        Self::rounded(root, self.error / (2.0 * root))
    }
    fn exp(self) -> Self {
        let exponential = self.value.exp();
        // One rounding more: the platform's function need not round correctly.
        Self::rounded(exponential, exponential * (self.error + ROUNDOFF))
    }
    fn ln(self) -> Self {
        let logarithm = self.value.ln();
        Self::rounded(
            logarithm,
            self.error / self.value.abs() + ROUNDOFF * logarithm.abs(),
        )
    }
    fn sin_cos(self) -> (Self, Self) {
        let (sine, cosine) = self.value.sin_cos();
        let of = |value: f64, slope: f64| {
            Self::rounded(value, self.error * slope.abs() + ROUNDOFF * value.abs())
        };
        (of(sine, cosine), of(cosine, sine))
    }
}

impl Add for Bounded {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::rounded(self.value + other.value, self.error + other.error)
    }
}

#[allow(clippy::suspicious_arithmetic_impl)] // errors add up whatever the sign
impl Sub for Bounded {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::rounded(self.value - other.value, self.error + other.error)
    }
}

#[allow(clippy::suspicious_arithmetic_impl)] // the product rule
impl Mul for Bounded {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let inherited = self.value.abs() * other.error + self.error * other.value.abs();
        Self::rounded(self.value * other.value, inherited)
    }
}

#[allow(clippy::suspicious_arithmetic_impl)] // the quotient rule
impl Div for Bounded {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let inherited = (self.error + value.abs() * other.error) / other.value.abs();
        Self::rounded(value, inherited)
    }
}

impl Neg for Bounded {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            value: -self.value,
            ..self
        }
    }
}

macro_rules! with_numbers {
    ($($operation:ident $method:ident),*) => {$(
        impl $operation<f64> for Bounded {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                $operation::$method(self, Self::exact(other))
            }
        }
    )*};
}

with_numbers!(Add add, Sub sub, Mul mul, Div div);

impl Zero for Bounded {
    fn zero() -> Self {
        Self::exact(0.0)
    }
    fn is_zero(&self) -> bool {
        self.value == 0.0
    }
}

impl One for Bounded {
    fn one() -> Self {
        Self::exact(1.0)
    }
}

/// Dual numbers of one variable, nested: value, first derivative, second derivative, ...
pub(crate) trait Nested: Scalar {
    /// The variable at a point.
    fn variable(point: f64) -> Self;
    /// The value, under all duals.
    fn innermost(&self) -> Bounded;
    /// Appends the derivatives from this order on.
    fn append(&self, derivatives: &mut Vec<Bounded>);
}

impl Nested for Bounded {
    fn variable(point: f64) -> Self {
        Self::exact(point)
    }
    fn innermost(&self) -> Bounded {
        *self
    }
    fn append(&self, derivatives: &mut Vec<Bounded>) {
        derivatives.push(*self);
    }
}

impl<S: Nested> Nested for Dual<S, 1> {
    fn variable(point: f64) -> Self {
        let [variable] = Self::variables([S::variable(point)]);
        variable
    }
    fn innermost(&self) -> Bounded {
        self.value.innermost()
    }
    fn append(&self, derivatives: &mut Vec<Bounded>) {
        derivatives.push(self.innermost());
        self.gradient[0].append(derivatives);
    }
}

type Twice<S> = Dual<Dual<S, 1>, 1>;
/// Carries four derivatives.
pub(crate) type Fourfold = Twice<Twice<Bounded>>;
/// Carries five derivatives.
pub(crate) type Fivefold = Dual<Fourfold, 1>;

#[cfg(test)]
mod tests {
    use super::*;
    use vitreous_md_core::Taylor;

    fn function<S: Scalar>(x: S) -> S {
        (x.sqrt() - 1.3).exp() / x.powi(3) - x.ln() * 0.25
    }

    #[test]
    fn nested_duals_are_taylor_series_and_bounds_are_some_roundings() {
        let mut derivatives = Vec::new();
        function(Fivefold::variable(1.7)).append(&mut derivatives);
        let taylor = function(Taylor::<6>::variable(1.7)).derivatives();
        assert_eq!(derivatives.len(), 6);
        for (bounded, taylor) in derivatives.iter().zip(taylor) {
            assert!((bounded.value - taylor).abs() <= 2.0 * bounded.error);
            assert!(bounded.error < 1e-12 * taylor.abs());
        }
    }

    /// `(1 + x) - 1` keeps no more of `x = 1e-10` than the sum did.
    #[test]
    fn bounds_know_of_cancellation() {
        let difference = Bounded::exact(1e-10) + 1.0 - 1.0;
        assert!((difference.value - 1e-10).abs() <= difference.error);
        assert!(difference.error < 2.0 * f64::EPSILON);
    }
}
