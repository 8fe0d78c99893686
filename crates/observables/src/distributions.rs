//! The normal and Student's t distribution, as far as the intervals and tests of this crate need them.

use std::f64::consts::{PI, SQRT_2};

/// The standard normal cumulative distribution, `erfc(-z / sqrt 2) / 2`.
pub(crate) fn normal_cumulative(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// The inverse of [`normal_cumulative`]: infinite at 0 and 1, not a number outside.
///
/// P. J. Acklam's rational approximation (relative error below 1.15e-9), then one step of Halley's
/// method, which cubes that error: the result is good to a few units in the last place.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e+01,
        2.209460984245205e+02,
        -2.759285104469687e+02,
        1.383577518672690e+02,
        -3.066479806614716e+01,
        2.506628277459239e+00,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e+01,
        1.615858368580409e+02,
        -1.556989798598866e+02,
        6.680131188771972e+01,
        -1.328068155288572e+01,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-03,
        -3.223964580411365e-01,
        -2.400758277161838e+00,
        -2.549732539343734e+00,
        4.374664141464968e+00,
        2.938163982698783e+00,
    ];
    const D: [f64; 5] = [
        7.784695709041462e-03,
        3.224671290700398e-01,
        2.445134137142996e+00,
        3.754408661907416e+00,
        1.0,
    ];
    fn polynomial(coefficients: &[f64], x: f64) -> f64 {
        coefficients.iter().fold(0.0, |sum, c| sum * x + c)
    }
    if p > 0.5 {
        // The lower tail is where the numbers are dense.
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let approximation = if p < 0.02425 {
        let x = libm::sqrt(-2.0 * libm::log(p));
        polynomial(&C, x) / polynomial(&D, x)
    } else {
        let x = p - 0.5;
        x * polynomial(&A, x * x) / polynomial(&B, x * x)
    };
    let newton = (normal_cumulative(approximation) - p)
        * libm::sqrt(2.0 * PI)
        * libm::exp(0.5 * approximation * approximation);
    approximation - newton / (1.0 + 0.5 * approximation * newton)
}

/// The probability that Student's t with `freedom` degrees of freedom exceeds `t` in magnitude:
/// the regularised incomplete beta function `I_x(freedom/2, 1/2)` at `x = freedom / (freedom + t^2)`.
pub(crate) fn student_two_sided(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    // x and 1 - x are both needed to full precision.
    let square = t * t;
    incomplete_beta(
        0.5 * freedom,
        0.5,
        freedom / (freedom + square),
        square / (freedom + square),
    )
}

/// The `t > 0` that Student's t with `freedom` degrees of freedom exceeds in magnitude with probability `p`.
pub(crate) fn student_critical(p: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    while student_two_sided(high, freedom) > p && high < 1e300 {
        high *= 2.0;
    }
    // Bisection to the last bit: this is called once per test.
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if student_two_sided(middle, freedom) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// `I_x(a, b)` with `y = 1 - x`, by the continued fraction of the textbooks (modified Lentz method).
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        // The fraction converges fast only below its mean.
        return 1.0 - incomplete_beta(b, a, y, x);
    }
    let prefactor = libm::exp(
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
            + a * libm::log(x)
            + b * libm::log(y),
    ) / a;
    let guard = |value: f64| {
        if value.abs() < 1e-300 { 1e-300 } else { value }
    };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..1000 {
        let m = f64::from(m);
        for numerator in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / guard(1.0 + numerator * d);
            c = guard(1.0 + numerator / c);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    prefactor * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `scipy.stats.norm` 1.17.
    #[test]
    fn normal_agrees_with_scipy() {
        for (p, z) in [
            (1e-300, -37.0470962993612),
            (1e-10, -6.361340902404056),
            (0.001, -3.090232306167813),
            (0.02425, -1.972961051311885),
            (0.05, -1.6448536269514729),
            (0.3, -0.5244005127080409),
            (0.9, 1.2815515655446004),
            (0.975, 1.959963984540054),
        ] {
            let quantile = normal_quantile(p);
            assert!(
                (quantile - z).abs() < 4e-15 * z.abs(),
                "{p}: {quantile} {z}"
            );
        }
        assert!(normal_quantile(0.5).abs() < 1e-16);
        assert!(normal_quantile(0.0) < -f64::MAX && normal_quantile(1.0) > f64::MAX);
        for (z, p) in [
            (-8.0, 6.22096057427174e-16),
            (-1.2, 0.11506967022170822),
            (0.3, 0.6179114221889526),
            (2.5, 0.9937903346742238),
        ] {
            // Rounding z / sqrt 2 changes p by a relative z^2 / 2 * 1e-16, and more in erfc itself.
            assert!((normal_cumulative(z) - p).abs() < 1e-15 * (1.0 + z * z) * p);
        }
    }

    #[test]
    fn quantile_inverts_cumulative() {
        for i in 1..1000 {
            let p = f64::from(i) / 1000.0;
            assert!((normal_cumulative(normal_quantile(p)) - p).abs() < 1e-15);
        }
    }

    /// Closed forms for one and two degrees of freedom.
    #[test]
    fn student_agrees_with_closed_forms() {
        for t in [1e-3, 0.3, 1.0, 2.5, 40.0_f64] {
            let one = 1.0 - 2.0 / PI * t.atan();
            let two = 1.0 - t / (2.0 + t * t).sqrt();
            assert!((student_two_sided(t, 1.0) - one).abs() < 1e-13, "{t}");
            assert!((student_two_sided(t, 2.0) - two).abs() < 1e-13, "{t}");
        }
    }

    /// Values of `scipy.stats.t.isf(p / 2, freedom)` 1.17.
    #[test]
    fn student_critical_agrees_with_scipy() {
        for (p, freedom, t) in [
            (0.1, 1.0, 6.313751514675043),
            (0.1, 4.0, 2.13184678632665),
            (0.05, 9.0, 2.2621571627982053),
            (0.01, 100.0, 2.6258905214380173),
        ] {
            let critical = student_critical(p, freedom);
            assert!((critical - t).abs() < 1e-11 * t, "{critical} {t}");
        }
    }
}
