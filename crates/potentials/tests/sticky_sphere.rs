//! Sticky spheres against the published form, whose six coefficients are solved for here in double-double
//! arithmetic: its terms cancel.

// Equality is meant where it is asserted: the same bits.
#![allow(clippy::float_cmp)]

use proptest::prelude::*;
use std::ops::{Add, Div, Mul, Neg, Sub};
use vitreous_md_core::{Radial, Species, Taylor};
use vitreous_potentials::{LennardJones, MixtureError, StickySphere, StickySphereMixture};

/// A number of twice the digits: the unevaluated sum of two.
#[derive(Clone, Copy, Debug)]
struct Double(f64, f64);

impl Double {
    /// `a + b` for `|a| >= |b|` or `a = 0`.
    fn quick(a: f64, b: f64) -> Self {
        let sum = a + b;
        Self(sum, b - (sum - a))
    }
}

impl From<f64> for Double {
    fn from(value: f64) -> Self {
        Self(value, 0.0)
    }
}

impl Add for Double {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let sum = self.0 + other.0;
        let part = sum - self.0;
        let error = (self.0 - (sum - part)) + (other.0 - part);
        Self::quick(sum, error + self.1 + other.1)
    }
}

impl Neg for Double {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl Sub for Double {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let product = self.0 * other.0;
        let error = self.0.mul_add(other.0, -product);
        Self::quick(product, error + self.0 * other.1 + self.1 * other.0)
    }
}

impl Div for Double {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let first = self.0 / other.0;
        let rest = self - other * first.into();
        let second = rest.0 / other.0;
        let rest = rest - other * second.into();
        Self::quick(first, second) + (rest.0 / other.0).into()
    }
}

/// `2^(1/3)`, by a step of Newton's method.
fn squared_minimum() -> Double {
    let rough = Double::from(2.0_f64.cbrt());
    rough - (rough * rough * rough - 2.0.into()) / (rough * rough * 3.0.into())
}

/// The powers of `S = x^2` that the coefficients `a`, `-b`, `c_0`, `c_2`, `c_4`, `c_6` go with.
const POWERS: [i32; 6] = [-6, -3, 0, 1, 2, 3];

/// `d^k S^power/dS^k`.
fn monomial(power: i32, k: i32, square: Double) -> Double {
    let mut result = Double::from((0..k).map(|l| f64::from(power - l)).product::<f64>());
    for _ in 0..(power - k).abs() {
        result = if power < k {
            result / square
        } else {
            result * square
        };
    }
    result
}

/// The coefficients `a`, `-b`, `c_0`, `c_2`, `c_4`, `c_6`, from the six conditions by Gauss elimination.
fn solve(reduced_cutoff: f64) -> [Double; 6] {
    let minimum = squared_minimum();
    let cutoff = Double::from(reduced_cutoff) * reduced_cutoff.into();
    // phi, dphi/dS, d2phi/dS2 of 4 (S^-6 - S^-3) at its minimum S^3 = 2.
    let curvature = Double::from(18.0) / (minimum * minimum);
    let mut rows = Vec::new();
    for (square, values) in [
        (minimum, [(-1.0).into(), 0.0.into(), curvature]),
        (cutoff, [0.0.into(); 3]),
    ] {
        for (k, value) in (0..).zip(values) {
            let mut row = POWERS.map(|power| monomial(power, k, square)).to_vec();
            row.push(value);
            rows.push(row);
        }
    }
    for column in 0..6 {
        let pivot = (column..6)
            .max_by(|&i, &j| rows[i][column].0.abs().total_cmp(&rows[j][column].0.abs()))
            .unwrap();
        rows.swap(column, pivot);
        for row in 0..6 {
            if row != column {
                let factor = rows[row][column] / rows[column][column];
                for k in column..7 {
                    rows[row][k] = rows[row][k] - factor * rows[column][k];
                }
            }
        }
    }
    std::array::from_fn(|k| rows[k][6] / rows[k][k])
}

/// `d^k phi/dS^k` of the published form.
fn published(coefficients: &[Double; 6], square: f64) -> [f64; 5] {
    std::array::from_fn(|k| {
        let sum = (0..6).fold(Double::from(0.0), |sum, term| {
            sum + coefficients[term] * monomial(POWERS[term], k as i32, square.into())
        });
        sum.0
    })
}

/// For `x_c = 1.2 x 2^(1/6)`.
#[test]
fn the_coefficients_are_the_published_ones() {
    let sphere =
        StickySphere::new(1.0, 1.0, StickySphereMixture::default().reduced_cutoff).unwrap();
    let printed = [
        -106.9916135266523,
        -304.9184690595669,
        -939.3880379942110,
        1190.709622560023,
        -541.3001315875514,
        85.86849369147131,
    ];
    for ((ours, solved), printed) in sphere
        .coefficients()
        .into_iter()
        .zip(solve(1.3469544579712476))
        .zip(printed)
    {
        // The cut-off is rounded to 1.1e-16, and the coefficients depend on it through h^-5 with h = 0.3, so by
        // some 2e-15; some twenty roundings on the way, and a cancellation to a tenth in c_0 .. c_4.
        let sign = if printed == -304.9184690595669 {
            -1.0
        } else {
            1.0
        };
        assert!((ours / printed - 1.0).abs() < 1e-13, "{ours} {printed}");
        // 16 digits are printed.
        assert!(
            (sign * solved.0 / printed - 1.0).abs() < 1e-14,
            "{solved:?} {printed}"
        );
    }
}

/// `u = 1.1e-16`: one rounding.
const ROUNDING: f64 = 0.5 * f64::EPSILON;

/// `h = 1 - s_min/s_c`: cut-off and minimum are given with one rounding each, which enters divided by `h`.
fn height(reduced_cutoff: f64) -> f64 {
    1.0 - 2.0_f64.cbrt() / (reduced_cutoff * reduced_cutoff)
}

proptest! {
    /// Everything in units of energies and lengths that are not one.
    #[test]
    fn the_coefficients_solve_the_six_conditions(
        reduced_cutoff in 1.13..2.0_f64,
        energy in 0.1..5.0_f64,
        length in 0.5..2.0_f64,
    ) {
        let sphere = StickySphere::new(energy, length, length * reduced_cutoff).unwrap();
        let solved = solve(reduced_cutoff);
        let terms: [f64; 6] = std::array::from_fn(|k| {
            solved[k].0 * reduced_cutoff.powi(2 * POWERS[k])
        });
        let largest = terms.iter().fold(0.0_f64, |largest, term| largest.max(term.abs()));
        for (k, ours) in sphere.coefficients().into_iter().enumerate() {
            // As terms at the cut-off. They go with h^-5, some ten roundings each.
            let sign = if k == 1 { -1.0 } else { 1.0 };
            let difference = sign * ours * reduced_cutoff.powi(2 * POWERS[k]) - terms[k];
            let tolerance = 5.0 * 10.0 * ROUNDING / height(reduced_cutoff);
            prop_assert!(difference.abs() < tolerance * largest, "{k}: {ours} {solved:?}");
        }
    }

    /// All derivatives to the fourth at any distance, without the loss of digits of the published form.
    #[test]
    fn the_function_is_that_of_the_published_form(
        reduced_cutoff in 1.124..4.0_f64,
        fraction in 0.0..1.0_f64,
        energy in 0.1..5.0_f64,
        length in 0.5..2.0_f64,
    ) {
        let cutoff = length * reduced_cutoff;
        let sphere = StickySphere::new(energy, length, cutoff).unwrap();
        prop_assert_eq!(sphere.range(), cutoff);
        let coefficients = solve(cutoff / length);
        let (minimum, end) = (2.0_f64.cbrt(), reduced_cutoff * reduced_cutoff);
        let width = end - minimum;
        let square = minimum + (1e-9 + 0.999999 * fraction) * width;
        let s = square * length * length;
        let expected = published(&coefficients, s / (length * length));
        let ours = sphere.derivatives::<5>(s);
        let series = sphere.energy(Taylor::<5>::variable(s)).derivatives();
        let mut factor = 1.0;
        for k in 0..5 {
            let order = k as i32;
            // From the minimum -1 with curvature 18/s^2, derivatives vary on the scale of s or of the distance
            // to the end; k of them of (1-t)^3 P have factors of up to (k+3)!/3!. Some twenty roundings, a few
            // of which enter through the distance: divided by h.
            let width = width.min(1.0);
            let scale = width.powi(-order) + 18.0 * width.powi(2 - order) / (minimum * minimum);
            let tolerance = 40.0 * ROUNDING / height(reduced_cutoff) * factor * scale;
            let unit = energy * length.powi(-2 * order);
            prop_assert!(
                (ours[k] / unit - expected[k]).abs() < tolerance,
                "derivative {k}: {} {} {tolerance:e}", ours[k] / unit, expected[k]
            );
            prop_assert!((ours[k] - series[k]).abs() <= tolerance * unit);
            factor *= f64::from(order + 4);
        }
        prop_assert!((sphere.energy(s) - ours[0]).abs() < 40.0 * ROUNDING * energy);
        prop_assert_eq!(&sphere.derivatives::<2>(s)[..], &ours[..2]);
    }

    /// Below the minimum it is the Lennard-Jones function, to the last bit.
    #[test]
    fn the_core_is_that_of_lennard_jones(
        reduced in 0.7..1.1224_f64,
        energy in 0.1..5.0_f64,
        length in 0.5..2.0_f64,
    ) {
        let sphere = StickySphere::new(energy, length, 1.3 * length).unwrap();
        let s = (reduced * length).powi(2);
        let core = LennardJones::new(energy, length);
        prop_assert_eq!(sphere.derivatives::<5>(s), core.derivatives::<5>(s));
        prop_assert_eq!(sphere.energy(s), core.energy(s));
    }

    /// Value, slope and curvature at both ends; third derivatives jump.
    #[test]
    fn two_derivatives_are_continuous(
        reduced_cutoff in 1.1240..4.0_f64,
        energy in 0.1..5.0_f64,
        length in 0.5..2.0_f64,
    ) {
        let cutoff = length * reduced_cutoff;
        let sphere = StickySphere::new(energy, length, cutoff).unwrap();
        let [value, first, second, third] = sphere.derivatives::<4>(cutoff * cutoff);
        prop_assert_eq!([value, first, second], [0.0; 3]);
        prop_assert!(third != 0.0);
        // From the last number on one side of the minimum to the first on the other.
        let minimum = 1.2599210498948731648 * length * length;
        let inside = sphere.derivatives::<4>(minimum.next_down());
        let outside = sphere.derivatives::<4>(minimum);
        let h = height(reduced_cutoff);
        for (k, scale) in [1.0, 1.0 / h, 18.0 + 20.0 / (h * h)].into_iter().enumerate() {
            // Some ten roundings of terms that are as large as -1/h^k times P; 18 eps for the core.
            let unit = energy * minimum.powi(-(k as i32));
            let tolerance = 20.0 * ROUNDING * (18.0 + scale) * unit;
            prop_assert!(
                (inside[k] - outside[k]).abs() < tolerance,
                "derivative {k}: {} {}", inside[k] / unit, outside[k] / unit
            );
        }
        // The third of the core is 4 (-6 x 7 x 8/4 + 3 x 4 x 5/2)/s^3 = -216/s^3; that of the attraction is not.
        let unit = energy * minimum.powi(-3);
        prop_assert!((inside[3] / unit + 216.0).abs() < 1e-11);
        // It changes sign near x_c = 2.735.
        let jump = outside[3] / unit + 216.0;
        prop_assert!(jump.abs() > 1.0 || reduced_cutoff > 2.5, "{jump}");
    }
}

/// Cut-offs that are not beyond the minimum, or so little that the conditions would be lost.
#[test]
fn impossible_parameters_are_refused() {
    let minimum = 2.0_f64.powf(1.0 / 6.0);
    for reduced_cutoff in [1.001, 1.01, 1.1, 3.0, 1e3] {
        let cutoff = reduced_cutoff * minimum * 0.9;
        assert!(
            StickySphere::new(1.3, 0.9, cutoff).is_ok(),
            "{reduced_cutoff}"
        );
        assert!(
            StickySphere::new(-1.3, 0.9, cutoff).is_ok(),
            "{reduced_cutoff}"
        );
        assert!(
            StickySphere::new(1e9, 0.9, cutoff).is_ok(),
            "{reduced_cutoff}"
        );
    }
    for reduced_cutoff in [0.5, 0.9, 0.99, 0.999999, 1.0, 1.000001, 1.0003, 1e30] {
        let error = StickySphere::new(1.3, 0.9, reduced_cutoff * minimum * 0.9).unwrap_err();
        assert!(error.to_string().contains("larger than 2^(1/6)"), "{error}");
        // In units of the length, up to three roundings.
        assert!((error.value / (reduced_cutoff * minimum) - 1.0).abs() < 4e-16);
    }
    let refused = |energy, length, cutoff, word: &str| {
        let error = StickySphere::new(energy, length, cutoff).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    };
    for value in [f64::NAN, f64::INFINITY] {
        refused(value, 1.0, 1.5, "energy");
        refused(1.0, value, 1.5, "length");
        refused(1.0, 1.0, value, "cut-off");
    }
    refused(1.0, 0.0, 1.5, "length");
    refused(1.0, -1.0, 1.5, "length");
    refused(1.0, 1.0, -1.5, "cut-off");
}

#[test]
fn the_mixture_has_the_lengths_of_the_paper() {
    let table = StickySphereMixture::default().potential().unwrap();
    let reduced_cutoff = 1.2 * 2.0_f64.powf(1.0 / 6.0);
    for (first, second, length) in [(0, 0, 1.4), (0, 1, 1.18), (1, 1, 1.0)] {
        let function = table.between(Species(first), Species(second)).unwrap();
        // A few roundings.
        assert!((function.range() - reduced_cutoff * length).abs() < 1e-15);
        let s = 2.0_f64.cbrt() * length * length;
        // The depth eps = 1, up to roundings of the order of 18 squares of roundings.
        assert!((function.energy(s) + 1.0).abs() < 1e-14);
    }
    let mut mixture = StickySphereMixture::default();
    mixture.cutoffs.ab = Some(1.7);
    mixture.energy = 2.5;
    let table = mixture.potential().unwrap();
    let function = table.between(Species(0), Species(1)).unwrap();
    assert_eq!(*function, StickySphere::new(2.5, 1.18, 1.7).unwrap());
    mixture.reduced_cutoff = 1.1;
    let error = mixture.potential().unwrap_err();
    assert!(matches!(error, MixtureError::Parameter(_)), "{error}");
}
