//! Numbers that carry derivatives.
//!
//! A potential is written once as a function of a generic [`Scalar`]. Evaluated with `f64` it gives the
//! energy; with [`Taylor`] all derivatives of a function of one variable; with [`Dual`], nested as often as
//! needed, the gradient, Hessian, ... of a function of several. All of them are exact to rounding.

use crate::pairs::Radial;
use num_traits::{Float, One, Zero};
use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// The numbers that pair functions are evaluated in: `f64`, and `f32` where forces are wanted in mixed precision
/// (see [`Precision`](crate::Precision)). There are no others.
pub trait Real:
    Float + AddAssign + SubAssign + MulAssign + Sum + Debug + Default + Send + Sync + sealed::Sealed
{
    /// The nearest number to a parameter.
    fn of(value: f64) -> Self;
    /// The same number as `f64`.
    fn widen(self) -> f64;
    /// A function and its derivative in the squared distance: [`Radial::derivatives`] in `f64`, Taylor arithmetic in
    /// `f32`.
    fn slope<F: Radial + ?Sized>(function: &F, squared_distance: Self) -> [Self; 2];
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for f32 {}
}

impl Real for f64 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }
    #[inline(always)]
    fn slope<F: Radial + ?Sized>(function: &F, squared_distance: Self) -> [Self; 2] {
        function.derivatives(squared_distance)
    }
}

impl Real for f32 {
    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn widen(self) -> f64 {
        self.into()
    }
    #[inline(always)]
    fn slope<F: Radial + ?Sized>(function: &F, squared_distance: Self) -> [Self; 2] {
        function
            .energy(Taylor::variable(squared_distance))
            .derivatives()
    }
}

/// What a potential may do with its variables.
///
/// Implemented by `f64`, [`Taylor`] and [`Dual`].
pub trait Scalar:
    Copy
    + Debug
    + PartialEq
    + Zero
    + One
    + Neg<Output = Self>
    + Sub<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// The number `value`, with all derivatives zero.
    fn constant(value: f64) -> Self;
    /// The value without its derivatives: what a comparison (a range, a branch) should look at.
    fn value(&self) -> f64;
    /// The square root.
    fn sqrt(self) -> Self;
    /// The exponential.
    fn exp(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// The sine and the cosine.
    fn sin_cos(self) -> (Self, Self);

    /// `1 / self`.
    #[inline(always)]
    fn recip(self) -> Self {
        Self::one() / self
    }

    /// `self^exponent`, by repeated multiplication: the same bits on every platform.
    #[inline(always)]
    fn powi(self, exponent: i32) -> Self {
        let mut base = if exponent < 0 { self.recip() } else { self };
        let mut rest = exponent.unsigned_abs();
        let mut power = Self::one();
        while rest > 0 {
            if rest & 1 == 1 {
                power = power * base;
            }
            base = base * base;
            rest >>= 1;
        }
        power
    }

    /// `self^exponent` for a positive base.
    #[inline(always)]
    fn powf(self, exponent: f64) -> Self {
        (self.ln() * exponent).exp()
    }
}

impl Scalar for f64 {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn value(&self) -> f64 {
        *self
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        f64::ln(self)
    }
    #[inline(always)]
    fn sin_cos(self) -> (Self, Self) {
        f64::sin_cos(self)
    }
}

/// A function of one variable, truncated after `N` Taylor coefficients: `f(x + h) = sum_k c_k h^k`, `k < N`.
/// Its coefficients are [`Real`]s, `f64` unless said.
///
/// ```
/// use vitreous_md_core::{Scalar, Taylor};
/// let x = Taylor::<3>::variable(2.0);
/// let [value, first, second] = (x * x * x).derivatives();
/// assert_eq!([value, first, second], [8.0, 12.0, 12.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taylor<const N: usize, R = f64>(pub [R; N]);

impl<const N: usize, R: Real> Taylor<N, R> {
    /// The variable itself at the point `value`.
    #[inline(always)]
    pub fn variable(value: R) -> Self {
        Self(std::array::from_fn(|k| match k {
            0 => value,
            1 => R::one(),
            _ => R::zero(),
        }))
    }

    /// Value, first derivative, ... : `k! c_k`.
    #[inline(always)]
    pub fn derivatives(self) -> [R; N] {
        let mut derivatives = self.0;
        let mut factorial = R::one();
        for k in 2..N {
            factorial *= R::of(k as f64);
            derivatives[k] *= factorial;
        }
        derivatives
    }

    /// Solves `f' = outer * self'` for the coefficients of `f`, `outer` being a function of those of `f`
    /// that are already known; `f_0` is given. Serves exponential and logarithm.
    #[inline(always)]
    fn integrate(self, first: R, next: impl Fn(&[R; N], &[R; N], usize) -> R) -> Self {
        let mut result = [R::zero(); N];
        result[0] = first;
        for k in 1..N {
            result[k] = next(&result, &self.0, k);
        }
        Taylor(result)
    }
}

impl<const N: usize, R: Real> Scalar for Taylor<N, R> {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        let value = R::of(value);
        Self(std::array::from_fn(
            |k| if k == 0 { value } else { R::zero() },
        ))
    }
    #[inline(always)]
    fn value(&self) -> f64 {
        self.0[0].widen()
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let root = self.0[0].sqrt();
        self.integrate(root, |r, a, k| {
            let mut rest = a[k];
            for l in 1..k {
                rest -= r[l] * r[k - l];
            }
            rest / (R::of(2.0) * root)
        })
    }
    #[inline(always)]
    fn exp(self) -> Self {
        self.integrate(self.0[0].exp(), |r, a, k| {
            let sum: R = (1..=k).map(|l| R::of(l as f64) * a[l] * r[k - l]).sum();
            sum / R::of(k as f64)
        })
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.integrate(self.0[0].ln(), |r, a, k| {
            let known: R = (1..k).map(|l| R::of(l as f64) * r[l] * a[k - l]).sum();
            (a[k] - known / R::of(k as f64)) / a[0]
        })
    }
    #[inline(always)]
    fn sin_cos(self) -> (Self, Self) {
        // sin' = cos x', cos' = -sin x'.
        let (mut sine, mut cosine) = ([R::zero(); N], [R::zero(); N]);
        (sine[0], cosine[0]) = self.0[0].sin_cos();
        for k in 1..N {
            for l in 1..=k {
                let change = R::of(l as f64) * self.0[l] / R::of(k as f64);
                sine[k] += change * cosine[k - l];
                cosine[k] -= change * sine[k - l];
            }
        }
        (Taylor(sine), Taylor(cosine))
    }
}

impl<const N: usize, R: Real> Mul for Taylor<N, R> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let mut product = other.0.map(|c| self.0[0] * c);
        for k in 1..N {
            for l in 1..=k {
                product[k] += self.0[l] * other.0[k - l];
            }
        }
        Self(product)
    }
}

impl<const N: usize, R: Real> Div for Taylor<N, R> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let mut quotient = [R::zero(); N];
        for k in 0..N {
            let mut rest = self.0[k];
            for l in 0..k {
                rest -= quotient[l] * other.0[k - l];
            }
            quotient[k] = rest / other.0[0];
        }
        Self(quotient)
    }
}

impl<const N: usize, R: Real> Add for Taylor<N, R> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|k| self.0[k] + other.0[k]))
    }
}

impl<const N: usize, R: Real> Sub for Taylor<N, R> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|k| self.0[k] - other.0[k]))
    }
}

impl<const N: usize, R: Real> Neg for Taylor<N, R> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0.map(|c| -c))
    }
}

impl<const N: usize, R: Real> Add<f64> for Taylor<N, R> {
    type Output = Self;
    #[inline(always)]
    fn add(mut self, other: f64) -> Self {
        self.0[0] += R::of(other);
        self
    }
}

impl<const N: usize, R: Real> Mul<f64> for Taylor<N, R> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        let other = R::of(other);
        Self(self.0.map(|c| c * other))
    }
}

/// A value with its gradient in `M` variables, over any inner scalar: `Dual<Dual<f64, M>, M>` carries the
/// Hessian, one level more the third derivatives.
///
/// ```
/// use vitreous_md_core::{Dual, Scalar};
/// let [x, y] = Dual::<f64, 2>::variables([3.0, 5.0]);
/// let product = x * y;
/// assert_eq!((product.value, product.gradient), (15.0, [5.0, 3.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<S, const M: usize> {
    /// The value.
    pub value: S,
    /// The derivatives in the `M` variables.
    pub gradient: [S; M],
}

impl<S: Scalar, const M: usize> Dual<S, M> {
    /// The `M` independent variables at a point.
    #[inline(always)]
    pub fn variables(point: [S; M]) -> [Self; M] {
        std::array::from_fn(|k| Self {
            value: point[k],
            gradient: std::array::from_fn(|l| if l == k { S::one() } else { S::zero() }),
        })
    }

    /// `f(self)` from the value and the derivative of `f` there.
    #[inline(always)]
    fn chain(self, value: S, derivative: S) -> Self {
        Self {
            value,
            gradient: self.gradient.map(|g| derivative * g),
        }
    }
}

impl<S: Scalar, const M: usize> Scalar for Dual<S, M> {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self {
            value: S::constant(value),
            gradient: [S::zero(); M],
        }
    }
    #[inline(always)]
    fn value(&self) -> f64 {
        self.value.value()
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, (root * 2.0).recip())
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let exponential = self.value.exp();
        self.chain(exponential, exponential)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), self.value.recip())
    }
    #[inline(always)]
    fn sin_cos(self) -> (Self, Self) {
        let (sine, cosine) = self.value.sin_cos();
        (self.chain(sine, cosine), self.chain(cosine, -sine))
    }
}

#[allow(clippy::suspicious_arithmetic_impl)] // the product rule
impl<S: Scalar, const M: usize> Mul for Dual<S, M> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            value: self.value * other.value,
            gradient: std::array::from_fn(|k| {
                self.gradient[k] * other.value + self.value * other.gradient[k]
            }),
        }
    }
}

#[allow(clippy::suspicious_arithmetic_impl)] // the quotient rule
impl<S: Scalar, const M: usize> Div for Dual<S, M> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        Self {
            value,
            gradient: std::array::from_fn(|k| {
                (self.gradient[k] - value * other.gradient[k]) / other.value
            }),
        }
    }
}

impl<S: Scalar, const M: usize> Add for Dual<S, M> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            gradient: std::array::from_fn(|k| self.gradient[k] + other.gradient[k]),
        }
    }
}

impl<S: Scalar, const M: usize> Sub for Dual<S, M> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<S: Scalar, const M: usize> Neg for Dual<S, M> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self {
            value: -self.value,
            gradient: self.gradient.map(|g| -g),
        }
    }
}

impl<S: Scalar, const M: usize> Add<f64> for Dual<S, M> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: f64) -> Self {
        Self {
            value: self.value + other,
            ..self
        }
    }
}

impl<S: Scalar, const M: usize> Mul<f64> for Dual<S, M> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: f64) -> Self {
        Self {
            value: self.value * other,
            gradient: self.gradient.map(|g| g * other),
        }
    }
}

/// The operations that follow from the others in the same way for every scalar that carries derivatives.
macro_rules! derived_operations {
    ([$($generics:tt)*] $scalar:ty) => {
        impl<$($generics)*> Sub<f64> for $scalar {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: f64) -> Self {
                self + -other
            }
        }
        impl<$($generics)*> Div<f64> for $scalar {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: f64) -> Self {
                self * (1.0 / other)
            }
        }
        impl<$($generics)*> Zero for $scalar {
            #[inline(always)]
            fn zero() -> Self {
                Self::constant(0.0)
            }
            fn is_zero(&self) -> bool {
                *self == Self::zero()
            }
        }
        impl<$($generics)*> One for $scalar {
            #[inline(always)]
            fn one() -> Self {
                Self::constant(1.0)
            }
        }
    };
}

derived_operations!([const N: usize, R: Real] Taylor<N, R>);
derived_operations!([S: Scalar, const M: usize] Dual<S, M>);

#[cfg(test)]
mod tests {
    use super::*;
    use num_dual::{Dual3_64, DualNum, third_derivative};
    use proptest::prelude::*;

    fn ours<S: Scalar>(x: S) -> S {
        let (sine, cosine) = (x * 2.0).sin_cos();
        sine / (cosine + 1.5) + (x.sqrt() * 3.0 + 1.0 - x.ln()).exp() / (x.powi(3) + 2.0)
            - x.powi(-4) * x.powf(0.3) / 2.0
    }

    fn theirs(x: Dual3_64) -> Dual3_64 {
        let (sine, cosine) = (x * 2.0).sin_cos();
        sine / (cosine + 1.5) + (x.sqrt() * 3.0 + 1.0 - x.ln()).exp() / (x.powi(3) + 2.0)
            - x.powi(-4) * x.powf(0.3) / 2.0
    }

    proptest! {
        /// Every operation, to third order, against the independent num-dual and against nested duals.
        #[test]
        fn derivatives_agree_with_num_dual(x in 0.4..3.0_f64) {
            let (v, d1, d2, d3) = third_derivative(theirs, x);
            let expected = [v, d1, d2, d3];
            let taylor = ours(Taylor::<4>::variable(x)).derivatives();
            let [inner] = Dual::<f64, 1>::variables([x]);
            let [middle] = Dual::variables([inner]);
            let [outer] = Dual::variables([middle]);
            let nested = ours(outer);
            let dual = [
                nested.value(),
                nested.gradient[0].value(),
                nested.gradient[0].gradient[0].value(),
                nested.gradient[0].gradient[0].gradient[0],
            ];
            let size = expected.iter().fold(1.0_f64, |m, e| m.max(e.abs()));
            for k in 0..4 {
                // About a hundred roundings, each relative to the largest intermediate.
                prop_assert!((taylor[k] - expected[k]).abs() < 1e-12 * size, "{k}: {taylor:?} {expected:?}");
                prop_assert!((dual[k] - expected[k]).abs() < 1e-12 * size, "{k}: {dual:?} {expected:?}");
            }
        }
    }
}
