//! Plain functions of distance, without a cut-off.

use vitreous_md_core::{Pack, Radial, Real, Scalar};

/// `sum_k coefficients[k] x^k`.
#[inline(always)]
pub(crate) fn polynomial<S: Scalar>(coefficients: &[f64], x: S) -> S {
    let Some((&last, others)) = coefficients.split_last() else {
        return S::zero();
    };
    let mut sum = S::constant(last);
    for &coefficient in others.iter().rev() {
        sum = sum * x + coefficient;
    }
    sum
}

/// `sum_k coefficients[k] x^k` and its derivative in `x`, by Horner's scheme.
#[inline(always)]
pub(crate) fn polynomial_slopes<P: Pack>(coefficients: &[f64], x: P) -> [P; 2] {
    let Some((&last, others)) = coefficients.split_last() else {
        return [x.constant(0.0); 2];
    };
    let [mut value, mut derivative] = [last, 0.0].map(|number| x.constant(number));
    for (steps, &coefficient) in others.iter().rev().enumerate() {
        // The first derivative is a constant: no product with zero.
        derivative = if steps == 0 {
            value
        } else {
            derivative * x + value
        };
        value = value * x + coefficient;
    }
    [value, derivative]
}

/// `phi(r) = energy (length / r)^exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InversePower {
    energy: f64,
    squared_length: f64,
    exponent: u32,
}

impl InversePower {
    /// The function with the given energy, length and exponent.
    pub fn new(energy: f64, length: f64, exponent: u32) -> Self {
        Self {
            energy,
            squared_length: length * length,
            exponent,
        }
    }

    /// `energy x^(exponent/2)`, `x = length^2 / s`.
    #[inline(always)]
    fn power<S: Scalar>(&self, x: S) -> S {
        let whole = match self.exponent / 2 {
            // The exponents of the models in use, spelled out: the loop of a general power costs time.
            3 => x * x * x,
            5 => {
                let square = x * x;
                square * square * x
            }
            6 => {
                let cube = x * x * x;
                cube * cube
            }
            #[allow(clippy::cast_possible_wrap)]
            half => x.powi(half as i32),
        };
        if self.exponent % 2 == 1 {
            whole * x.sqrt() * self.energy
        } else {
            whole * self.energy
        }
    }
}

impl Radial for InversePower {
    fn range(&self) -> f64 {
        f64::INFINITY
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        self.power(S::constant(self.squared_length) / squared_distance)
    }

    /// `d^(k+1)phi/ds^(k+1) = -(exponent/2 + k)/s d^k phi/ds^k`.
    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        let inverse = 1.0 / squared_distance;
        let half = 0.5 * f64::from(self.exponent);
        let mut derivatives = [0.0; N];
        derivatives[0] = self.power(self.squared_length * inverse);
        for k in 1..N {
            derivatives[k] = derivatives[k - 1] * inverse * -(half + (k - 1) as f64);
        }
        derivatives
    }

    #[inline(always)]
    fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
        let inverse = squared_distances.recip();
        let x = inverse * self.squared_length;
        let square = x * x;
        let power = match self.exponent {
            10 => square * square * x,
            12 => (square * x) * (square * x),
            _ => return squared_distances.each(|s| Real::slope(self, s)),
        };
        let energy = power * self.energy;
        let slope = energy * inverse * (-0.5 * f64::from(self.exponent));
        [energy, slope]
    }
}

/// `phi(r) = 4 energy [(length/r)^12 - (length/r)^6]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LennardJones {
    /// `4 energy`.
    amplitude: f64,
    squared_length: f64,
    /// `4 energy length^6`.
    attraction: f64,
    /// `4 energy length^12`.
    repulsion: f64,
}

impl LennardJones {
    /// The function with the given energy (depth of the minimum) and length (its zero).
    pub fn new(energy: f64, length: f64) -> Self {
        let (amplitude, squared_length) = (4.0 * energy, length * length);
        Self {
            amplitude,
            squared_length,
            attraction: amplitude * squared_length.powi(3),
            repulsion: amplitude * squared_length.powi(6),
        }
    }
}

impl Radial for LennardJones {
    fn range(&self) -> f64 {
        f64::INFINITY
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let cube = (S::constant(self.squared_length) / squared_distance).powi(3);
        (cube * cube - cube) * self.amplitude
    }

    /// Those of the two powers: see [`InversePower`].
    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        let inverse = 1.0 / squared_distance;
        let x = self.squared_length * inverse;
        let cube = x * x * x;
        let mut attraction = -self.amplitude * cube;
        let mut repulsion = self.amplitude * cube * cube;
        std::array::from_fn(|k| {
            let derivative = repulsion + attraction;
            repulsion *= inverse * -(6.0 + k as f64);
            attraction *= inverse * -(3.0 + k as f64);
            derivative
        })
    }

    #[inline(always)]
    fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
        let inverse = squared_distances.recip();
        let cube = inverse * inverse * inverse;
        let repelled = cube * self.repulsion;
        let bound = repelled - self.attraction;
        [cube * bound, inverse * cube * -3.0 * (repelled + bound)]
    }
}
