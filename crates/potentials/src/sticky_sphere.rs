//! Spheres that repel as in Lennard-Jones and attract with a tunable range.

use crate::error::{ParameterError, check, finite, positive};
use crate::functions::{LennardJones, polynomial, polynomial_slopes};
use vitreous_md_core::{Pack, Radial, Scalar, Taylor};

/// `2^(1/3)`: the minimum of the Lennard-Jones function in `x^2`.
const SQUARED_MINIMUM: f64 = 1.2599210498948731648;

/// `q_n(u) = sum_(j=1..n) C(n-j+2, 2) u^j`, for which
/// `t^-n - [its Taylor polynomial of degree 2 at t = 1] = (1-t)^3 q_n(1/t)`.
const Q_3: [f64; 4] = [0.0, 6.0, 3.0, 1.0];
const Q_6: [f64; 7] = [0.0, 21.0, 15.0, 10.0, 6.0, 3.0, 1.0];

/// The sticky sphere: the Lennard-Jones function up to its minimum, and an attraction that ends smoothly at
/// a cut-off of choice. With `x = r/length` and `x_c = cutoff/length`,
///
/// ```text
/// phi(r) = 4 energy [x^-12 - x^-6]                                                x < 2^(1/6)
/// phi(r) = energy [a x^-12 - b x^-6 + c_0 + c_2 x^2 + c_4 x^4 + c_6 x^6]   2^(1/6) <= x < x_c
/// ```
///
/// with the six coefficients for which `phi`, `phi'`, `phi''` are continuous at the minimum and vanish at
/// the cut-off. The third derivative jumps at both.
///
/// The terms of the second line cancel to a thousandth of their size, or worse for short ranges. It is
/// therefore evaluated in a form in which all six conditions hold term by term: with `t = (x/x_c)^2` it is
/// `energy (1-t)^3 P(1/t)`, where the polynomial `P` of degree 6 is expanded around the minimum.
///
/// Source: Gonzalez-Lopez, Shivam, Zheng, Ciamarra & Lerner, Phys. Rev. E 103, 022605 (2021).
///
/// ```
/// use vitreous_md_core::Radial;
/// use vitreous_potentials::StickySphere;
/// let sphere = StickySphere::new(1.0, 1.0, 1.35)?;
/// let minimum = 2.0_f64.powf(1.0 / 3.0);
/// assert!((sphere.energy(minimum) + 1.0).abs() < 1e-14);
/// # Ok::<(), vitreous_potentials::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StickySphere {
    core: LennardJones,
    cutoff: f64,
    squared_cutoff: f64,
    /// `s_min = (2^(1/6) length)^2`.
    squared_minimum: f64,
    /// `u_min = 1/t_min = s_c/s_min`.
    inverse_minimum: f64,
    /// `energy P` in powers of `u - u_min`, `u = 1/t`.
    coefficients: [f64; 7],
    /// `A`, `B`, `C` of `P = A q_6 - B q_3 + C`.
    amplitudes: [f64; 3],
}

impl StickySphere {
    /// How well the conditions at the minimum must hold, in units of the energy.
    const TOLERANCE: f64 = 1e-10;

    /// The function with the given energy (depth of the minimum), length and cut-off distance.
    ///
    /// # Errors
    /// An energy that is not finite; a length or cut-off that is not positive and finite; a cut-off that is
    /// not beyond the minimum, or so close to it (about a thousandth) that the coefficients lose the
    /// conditions to rounding.
    pub fn new(energy: f64, length: f64, cutoff: f64) -> Result<Self, ParameterError> {
        finite("the energy", energy)?;
        positive("the length", length)?;
        positive("the cut-off", cutoff)?;
        let squared_minimum = SQUARED_MINIMUM * length * length;
        let squared_cutoff = cutoff * cutoff;
        let inverse_minimum = squared_cutoff / squared_minimum;
        // phi = -1, dphi/dt = 0, d2phi/dt2 = 18/t^2 at the minimum are, for P = phi/(1-t)^3 as a function of
        // u = 1/t, with h = 1 - t and w = t/h:
        //   P = -1/h^3,  P' = 3 w^2/h^2,  P''/2 = 3 w^2/h (3 - w - 2 w^2).
        let h = (squared_cutoff - squared_minimum) / squared_cutoff;
        let w = squared_minimum / (squared_cutoff - squared_minimum);
        let conditions = [
            -1.0 / (h * h * h),
            3.0 * w * w / (h * h),
            3.0 * w * w / h * (3.0 - w - 2.0 * w * w),
        ];
        // The last two fix A and B, the first C.
        let variable = Taylor::<7>::variable(inverse_minimum);
        let Taylor(q_6) = polynomial(&Q_6, variable);
        let Taylor(q_3) = polynomial(&Q_3, variable);
        let [value, first, second] = conditions;
        let determinant = q_6[1] * q_3[2] - q_6[2] * q_3[1];
        let a = (first * q_3[2] - second * q_3[1]) / determinant;
        let b = (first * q_6[2] - second * q_6[1]) / determinant;
        let c = value - a * q_6[0] + b * q_3[0];
        let sphere = Self {
            core: LennardJones::new(energy, length),
            cutoff,
            squared_cutoff,
            squared_minimum,
            inverse_minimum,
            coefficients: std::array::from_fn(|k| {
                let coefficient = conditions.get(k).copied();
                energy * coefficient.unwrap_or_else(|| a * q_6[k] - b * q_3[k])
            }),
            amplitudes: [a, b, c],
        };
        check(
            "the reduced cut-off of a sticky sphere (its cut-off over its length)",
            cutoff / length,
            h > 0.0 && sphere.meets_conditions(energy),
            "larger than 2^(1/6) = 1.122462 by a thousandth or more, and not so large that its 12th power overflows",
        )?;
        Ok(sphere)
    }

    /// Whether `phi`, `s phi'`, `s^2 phi''` at the minimum are `-energy`, 0 and `18 energy`, as they are on
    /// its inner side.
    fn meets_conditions(&self, energy: f64) -> bool {
        let s = self.squared_minimum;
        let [value, first, second] = self.attraction(Taylor::<3>::variable(s)).derivatives();
        let errors = [
            value + energy,
            s * first,
            (s * s * second - 18.0 * energy) / 18.0,
        ];
        // Comparisons are false for what is not a number.
        errors
            .iter()
            .all(|error| error.abs() <= Self::TOLERANCE * energy.abs())
    }

    /// `[a, b, c_0, c_2, c_4, c_6]` of the published form.
    pub fn coefficients(&self) -> [f64; 6] {
        let [a, b, c] = self.amplitudes;
        // x_c^2
        let square = self.inverse_minimum * SQUARED_MINIMUM;
        let cube = square * square * square;
        [
            a * cube * cube,
            b * cube,
            -28.0 * a + 10.0 * b + c,
            (48.0 * a - 15.0 * b - 3.0 * c) / square,
            (-21.0 * a + 6.0 * b + 3.0 * c) / (square * square),
            -c / cube,
        ]
    }

    /// `energy (1-t)^3 P(1/t)`, `t = s/s_c`.
    #[inline(always)]
    fn attraction<S: Scalar>(&self, squared_distance: S) -> S {
        let below = (-squared_distance + self.squared_cutoff) / self.squared_cutoff;
        let beyond = S::constant(self.squared_cutoff) / squared_distance - self.inverse_minimum;
        below * below * below * polynomial(&self.coefficients, beyond)
    }
}

impl Radial for StickySphere {
    fn range(&self) -> f64 {
        self.cutoff
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        if squared_distance.value() < self.squared_minimum {
            self.core.energy(squared_distance)
        } else {
            self.attraction(squared_distance)
        }
    }

    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        if squared_distance < self.squared_minimum {
            self.core.derivatives(squared_distance)
        } else {
            self.attraction(Taylor::variable(squared_distance))
                .derivatives()
        }
    }

    /// Both branches, and a choice.
    #[inline(always)]
    fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
        let core = self.core.slopes(squared_distances);
        // (1-t)^3 P(u), with d(1-t)/ds = -1/s_c and du/ds = -u/s.
        let cutoff = squared_distances.constant(self.squared_cutoff);
        let below = (cutoff - squared_distances) * (1.0 / self.squared_cutoff);
        let inverse = squared_distances.recip();
        let u = inverse * self.squared_cutoff;
        let [value, derivative] = polynomial_slopes(&self.coefficients, u - self.inverse_minimum);
        let square = below * below;
        let slope = value * (-3.0 / self.squared_cutoff) - below * derivative * (u * inverse);
        let attraction = [square * below * value, square * slope];
        std::array::from_fn(|k| {
            squared_distances.choose_below(self.squared_minimum, core[k], attraction[k])
        })
    }
}
