//! What functions of distance see of several numbers at a time.

use super::{Batch, Lanes};
use crate::scalar::Real;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Several numbers at a time, in one register of the machine: what [`Radial::slopes`](crate::Radial::slopes) is asked
/// with. Operations are those on each of the numbers; parameters are `f64` and rounded to the precision of the pack.
pub trait Pack:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// The type of the numbers.
    type Number: Real;
    /// The same number in all places of a pack like this one.
    fn constant(self, value: f64) -> Self;
    /// The square roots.
    fn sqrt(self) -> Self;
    /// `1 / x`
    #[inline(always)]
    fn recip(self) -> Self {
        self.constant(1.0) / self
    }
    /// `first` where the number is below a limit, `second` elsewhere: both are computed for all.
    fn choose_below(self, limit: f64, first: Self, second: Self) -> Self;
    /// What a function of one number gives for each of them.
    fn each(self, function: impl Fn(Self::Number) -> [Self::Number; 2]) -> [Self; 2];
}

/// The pack of an instruction set and a precision.
#[derive(Clone, Copy)]
pub(crate) struct Packed<L: Lanes<R, GROUPS>, R: Batch<GROUPS>, const GROUPS: usize> {
    pub(crate) lanes: L,
    pub(crate) numbers: L::Numbers,
}

impl<L: Lanes<R, GROUPS>, R: Batch<GROUPS>, const GROUPS: usize> Pack for Packed<L, R, GROUPS> {
    type Number = R;
    #[inline(always)]
    fn constant(self, value: f64) -> Self {
        let numbers = self.lanes.splat(R::of(value));
        Self { numbers, ..self }
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let numbers = self.lanes.square_root(self.numbers);
        Self { numbers, ..self }
    }
    #[inline(always)]
    fn choose_below(self, limit: f64, first: Self, second: Self) -> Self {
        let below = self.lanes.below(self.numbers, self.constant(limit).numbers);
        let numbers = self.lanes.choose(below, first.numbers, second.numbers);
        Self { numbers, ..self }
    }
    #[inline(always)]
    fn each(self, function: impl Fn(R) -> [R; 2]) -> [Self; 2] {
        let numbers = self.lanes.groups(self.numbers);
        let mut results = [[[R::zero(); 4]; GROUPS]; 2];
        for group in 0..GROUPS {
            for lane in 0..4 {
                let [first, second] = function(numbers[group][lane]);
                results[0][group][lane] = first;
                results[1][group][lane] = second;
            }
        }
        results.map(|groups| Self {
            numbers: self.lanes.numbers(groups),
            ..self
        })
    }
}

macro_rules! operators {
    ($($operator:ident $method:ident $lanes_method:ident),*) => {
        $(
            impl<L: Lanes<R, GROUPS>, R: Batch<GROUPS>, const GROUPS: usize> $operator
                for Packed<L, R, GROUPS>
            {
                type Output = Self;
                #[inline(always)]
                fn $method(self, other: Self) -> Self {
                    let numbers = self.lanes.$lanes_method(self.numbers, other.numbers);
                    Self { numbers, ..self }
                }
            }
            impl<L: Lanes<R, GROUPS>, R: Batch<GROUPS>, const GROUPS: usize> $operator<f64>
                for Packed<L, R, GROUPS>
            {
                type Output = Self;
                #[inline(always)]
                fn $method(self, other: f64) -> Self {
                    $operator::$method(self, self.constant(other))
                }
            }
        )*
    };
}

operators!(Add add add, Sub sub subtract, Mul mul multiply, Div div divide);

impl<L: Lanes<R, GROUPS>, R: Batch<GROUPS>, const GROUPS: usize> Neg for Packed<L, R, GROUPS> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self * -1.0
    }
}
