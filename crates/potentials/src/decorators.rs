//! How a function ends at its cut-off.
//!
//! | decorator | continuous at the cut-off |
//! |---|---|
//! | [`Truncated`] | nothing |
//! | [`PotentialShifted`] | `phi` |
//! | [`ForceShifted`] | `phi`, `phi'`, by a term linear in `r` |
//! | [`Smoothed<_, N>`](Smoothed) | `phi .. phi^(N-1)`, by a polynomial in `r^2` |

use crate::error::{CutoffError, MixtureError, check};
use crate::functions::{polynomial, polynomial_slopes};
use vitreous_md_core::{Pack, Radial, Scalar, Taylor};

/// The Taylor coefficients of a function of `s = r^2` at the cut-off.
fn expand<F: Radial, const N: usize>(function: &F, cutoff: f64) -> Result<[f64; N], CutoffError> {
    let coefficients = function.energy(Taylor::<N>::variable(cutoff * cutoff)).0;
    let range = function.range();
    let positive = cutoff.is_finite() && cutoff > 0.0 && cutoff <= range;
    if positive && coefficients.iter().all(|c| c.is_finite()) {
        Ok(coefficients)
    } else {
        Err(CutoffError { cutoff, range })
    }
}

/// A function that stops at its cut-off, with a jump there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truncated<F> {
    function: F,
    cutoff: f64,
}

impl<F: Radial> Truncated<F> {
    /// Cuts a function.
    ///
    /// # Errors
    /// A cut-off that is not positive and finite, is beyond the function's range, or where it is not finite.
    pub fn new(function: F, cutoff: f64) -> Result<Self, CutoffError> {
        expand::<F, 1>(&function, cutoff)?;
        Ok(Self { function, cutoff })
    }
}

impl<F: Radial> Radial for Truncated<F> {
    fn range(&self) -> f64 {
        self.cutoff
    }
    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        self.function.energy(squared_distance)
    }
    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        self.function.derivatives(squared_distance)
    }
    #[inline(always)]
    fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
        self.function.slopes(squared_distances)
    }
}

/// A function less its value at the cut-off.
pub type PotentialShifted<F> = Smoothed<F, 1>;

/// A function less its Taylor polynomial in `s = r^2` of degree `CONDITIONS - 1` at the cut-off, so that the
/// function and its first `CONDITIONS - 1` derivatives vanish there.
///
/// ```text
/// phi(s) - sum_{k < CONDITIONS} phi^(k)(s_c) (s - s_c)^k / k!
/// ```
///
/// This is the only polynomial in `r^2` of that degree which does so. The literature counts the derivatives that
/// vanish: its smoothing of order `q` is `CONDITIONS = q + 1`, so that `q = 0` shifts the energy and `q = 3`,
/// `Smoothed<_, 4>`, makes `phi .. phi'''` vanish. For the inverse power `x^-beta`, `x = r/length`, it reads
/// `c_0 + c_2 x^2 + ... + c_2q x^2q` with
///
/// ```text
/// c_2l = (-1)^(l+1) / [(2q-2l)!! (2l)!!]  (beta+2q)!! / [(beta-2)!! (beta+2l)]  x_c^-(beta+2l)
/// ```
///
/// Written around the cut-off it keeps its digits where the terms of that form cancel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothed<F, const CONDITIONS: usize> {
    function: F,
    cutoff: f64,
    squared_cutoff: f64,
    coefficients: [f64; CONDITIONS],
}

impl<F: Radial, const CONDITIONS: usize> Smoothed<F, CONDITIONS> {
    /// Smooths a function at a cut-off.
    ///
    /// # Errors
    /// A cut-off that is not positive and finite, is beyond the function's range, or where it is not finite.
    pub fn new(function: F, cutoff: f64) -> Result<Self, CutoffError> {
        let coefficients = expand(&function, cutoff)?;
        Ok(Self {
            function,
            cutoff,
            squared_cutoff: cutoff * cutoff,
            coefficients,
        })
    }

    /// As [`Smoothed::new`], but only the first `conditions` derivatives (`phi` included) vanish.
    fn up_to(function: F, cutoff: f64, conditions: usize) -> Result<Self, CutoffError> {
        let mut smoothed = Self::new(function, cutoff)?;
        for coefficient in smoothed.coefficients.iter_mut().skip(conditions) {
            *coefficient = 0.0;
        }
        Ok(smoothed)
    }

    #[inline(always)]
    fn polynomial<S: Scalar>(&self, squared_distance: S) -> S {
        polynomial(&self.coefficients, squared_distance - self.squared_cutoff)
    }
}

impl<F: Radial, const CONDITIONS: usize> Radial for Smoothed<F, CONDITIONS> {
    fn range(&self) -> f64 {
        self.cutoff
    }
    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        self.function.energy(squared_distance) - self.polynomial(squared_distance)
    }
    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        let bare = self.function.derivatives::<N>(squared_distance);
        let polynomial = self
            .polynomial(Taylor::<N>::variable(squared_distance))
            .derivatives();
        std::array::from_fn(|k| bare[k] - polynomial[k])
    }
    #[inline(always)]
    fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
        let [energy, slope] = self.function.slopes(squared_distances);
        let x = squared_distances - self.squared_cutoff;
        let [value, derivative] = polynomial_slopes(&self.coefficients, x);
        [energy - value, slope - derivative]
    }
}

/// A function less its value and slope at the cut-off:
/// `phi(r) - phi(r_c) - (r - r_c) phi'(r_c)`. Its second derivative jumps at `r_c`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForceShifted<F> {
    function: F,
    cutoff: f64,
    /// `phi(r_c) - r_c phi'(r_c)`.
    constant: f64,
    /// `phi'(r_c)`.
    slope: f64,
}

impl<F: Radial> ForceShifted<F> {
    /// Shifts value and force of a function to zero at a cut-off.
    ///
    /// # Errors
    /// A cut-off that is not positive and finite, is beyond the function's range, or where it is not finite.
    pub fn new(function: F, cutoff: f64) -> Result<Self, CutoffError> {
        let [value, in_square] = expand(&function, cutoff)?;
        let slope = 2.0 * cutoff * in_square;
        Ok(Self {
            function,
            cutoff,
            constant: value - cutoff * slope,
            slope,
        })
    }

    #[inline(always)]
    fn line<S: Scalar>(&self, squared_distance: S) -> S {
        squared_distance.sqrt() * self.slope + self.constant
    }
}

impl<F: Radial> Radial for ForceShifted<F> {
    fn range(&self) -> f64 {
        self.cutoff
    }
    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        self.function.energy(squared_distance) - self.line(squared_distance)
    }
    /// `d^(k+1)r/ds^(k+1) = (1/2 - k)/s d^k r/ds^k`.
    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        let bare = self.function.derivatives::<N>(squared_distance);
        let inverse = 1.0 / squared_distance;
        let mut linear = self.slope * squared_distance.sqrt();
        std::array::from_fn(|k| {
            let constant = if k == 0 { self.constant } else { 0.0 };
            let derivative = bare[k] - (linear + constant);
            linear *= inverse * (0.5 - k as f64);
            derivative
        })
    }
    #[inline(always)]
    fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
        let [energy, slope] = self.function.slopes(squared_distances);
        let linear = squared_distances.sqrt() * self.slope;
        let change = linear * 0.5 * squared_distances.recip();
        [energy - (linear + self.constant), slope - change]
    }
}

/// The largest order `q` of smoothing that can be chosen at run time.
pub const LARGEST_ORDER: u32 = 6;

/// How a function ends at its cut-off, chosen at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// It is cut: see [`Truncated`].
    None,
    /// The energy is shifted: see [`PotentialShifted`].
    Potential,
    /// The force is shifted: see [`ForceShifted`].
    Force,
    /// The derivatives up to this order `q` vanish: see [`Smoothed`], `CONDITIONS = q + 1`.
    Smooth(u32),
}

/// A function whose end is chosen at run time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ended<F> {
    /// It is cut.
    Truncated(Truncated<F>),
    /// The force is shifted.
    ForceShifted(ForceShifted<F>),
    /// It is smoothed, to any order up to [`LARGEST_ORDER`].
    Smoothed(Smoothed<F, 7>),
}

impl<F: Radial> Ended<F> {
    /// Ends a function at a cut-off.
    ///
    /// # Errors
    /// A cut-off that is not positive and finite, or where the function is not finite; an order of smoothing
    /// above the largest.
    pub fn new(function: F, cutoff: f64, shift: Shift) -> Result<Self, MixtureError> {
        Ok(match shift {
            Shift::None => Self::Truncated(Truncated::new(function, cutoff)?),
            Shift::Potential => Self::Smoothed(Smoothed::up_to(function, cutoff, 1)?),
            Shift::Force => Self::ForceShifted(ForceShifted::new(function, cutoff)?),
            Shift::Smooth(order) => {
                let holds = order <= LARGEST_ORDER;
                check(
                    "the order of smoothing",
                    f64::from(order),
                    holds,
                    "at most 6",
                )?;
                Self::Smoothed(Smoothed::up_to(function, cutoff, order as usize + 1)?)
            }
        })
    }
}

impl<F: Radial> Radial for Ended<F> {
    fn range(&self) -> f64 {
        match self {
            Self::Truncated(function) => function.range(),
            Self::ForceShifted(function) => function.range(),
            Self::Smoothed(function) => function.range(),
        }
    }
    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        match self {
            Self::Truncated(function) => function.energy(squared_distance),
            Self::ForceShifted(function) => function.energy(squared_distance),
            Self::Smoothed(function) => function.energy(squared_distance),
        }
    }
    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        match self {
            Self::Truncated(function) => function.derivatives(squared_distance),
            Self::ForceShifted(function) => function.derivatives(squared_distance),
            Self::Smoothed(function) => function.derivatives(squared_distance),
        }
    }
    #[inline(always)]
    fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
        match self {
            Self::Truncated(function) => function.slopes(squared_distances),
            Self::ForceShifted(function) => function.slopes(squared_distances),
            Self::Smoothed(function) => function.slopes(squared_distances),
        }
    }
}
