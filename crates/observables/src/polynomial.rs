//! The least-squares polynomial.

/// `y = sum_k c_k u^k`, `u = (x - centre)/scale`, by weighted least squares, for degrees up to 4.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polynomial {
    centre: f64,
    scale: f64,
    degree: usize,
    coefficients: [f64; 5],
    /// The covariances of the coefficients, from the scatter about the fit.
    covariance: [[f64; 5]; 5],
}

impl Polynomial {
    /// The polynomial that minimises `sum_i w_i (y_i - p(x_i))^2` over `(x, y, w)`; `None` if there are not more points than
    /// coefficients, or their normal equations are singular.
    pub(crate) fn weighted(
        points: impl Iterator<Item = (f64, f64, f64)> + Clone,
        degree: usize,
    ) -> Option<Self> {
        let number = points.clone().count();
        let size = degree + 1;
        if degree > 4 || number <= size {
            return None;
        }
        let low = points
            .clone()
            .map(|(x, ..)| x)
            .fold(f64::INFINITY, f64::min);
        let high = points
            .clone()
            .map(|(x, ..)| x)
            .fold(f64::NEG_INFINITY, f64::max);
        let (centre, scale) = (0.5 * (low + high), 0.5 * (high - low));
        let mut matrix = [[0.0; 5]; 5];
        let mut right = [0.0; 5];
        for (x, y, weight) in points.clone() {
            let powers = powers((x - centre) / scale);
            for row in 0..size {
                right[row] += weight * powers[row] * y;
                for column in 0..size {
                    matrix[row][column] += weight * powers[row] * powers[column];
                }
            }
        }
        let inverse = inverse(matrix, size)?;
        let mut polynomial = Self {
            centre,
            scale,
            degree,
            coefficients: [0.0; 5],
            covariance: [[0.0; 5]; 5],
        };
        for row in 0..size {
            polynomial.coefficients[row] = (0..size).map(|k| inverse[row][k] * right[k]).sum();
        }
        let scatter: f64 = points
            .map(|(x, y, weight)| weight * (y - polynomial.at(x)) * (y - polynomial.at(x)))
            .sum();
        let variance = scatter / (number - size) as f64;
        polynomial.covariance = inverse.map(|row| row.map(|x| variance * x));
        Some(polynomial)
    }

    pub(crate) fn at(&self, x: f64) -> f64 {
        self.combine(&powers((x - self.centre) / self.scale))
    }

    /// `dp/dx`.
    pub(crate) fn slope(&self, x: f64) -> f64 {
        self.combine(&self.slopes(x))
    }

    /// `d2p/dx2`.
    pub(crate) fn curvature(&self, x: f64) -> f64 {
        let p = powers((x - self.centre) / self.scale);
        let second = [0.0, 0.0, 2.0, 6.0 * p[1], 12.0 * p[2]];
        self.combine(&second.map(|x| x / (self.scale * self.scale)))
    }

    /// The standard errors of the value and of the slope at `x`.
    pub(crate) fn errors(&self, x: f64) -> [f64; 2] {
        [powers((x - self.centre) / self.scale), self.slopes(x)].map(|weights| {
            let mut variance = 0.0;
            for row in 0..=self.degree {
                for column in 0..=self.degree {
                    variance += weights[row] * self.covariance[row][column] * weights[column];
                }
            }
            libm::sqrt(variance.max(0.0))
        })
    }

    /// The derivatives of the powers.
    fn slopes(&self, x: f64) -> [f64; 5] {
        let p = powers((x - self.centre) / self.scale);
        [0.0, 1.0, 2.0 * p[1], 3.0 * p[2], 4.0 * p[3]].map(|x| x / self.scale)
    }

    fn combine(&self, weights: &[f64; 5]) -> f64 {
        (0..=self.degree)
            .map(|k| self.coefficients[k] * weights[k])
            .sum()
    }
}

fn powers(u: f64) -> [f64; 5] {
    [1.0, u, u * u, u * u * u, u * u * u * u]
}

/// The inverse of the leading block of a symmetric positive matrix, by Gauss-Jordan elimination.
fn inverse(mut matrix: [[f64; 5]; 5], size: usize) -> Option<[[f64; 5]; 5]> {
    let mut inverse = [[0.0; 5]; 5];
    for k in 0..size {
        inverse[k][k] = 1.0;
    }
    for pivot in 0..size {
        let original = matrix[pivot][pivot];
        // Also when it is not a number.
        if original.is_nan() || original <= 0.0 {
            return None;
        }
        for column in 0..size {
            matrix[pivot][column] /= original;
            inverse[pivot][column] /= original;
        }
        for row in (0..size).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot];
            for column in 0..size {
                matrix[row][column] -= factor * matrix[pivot][column];
                inverse[row][column] -= factor * inverse[pivot][column];
            }
        }
    }
    inverse
        .iter()
        .flatten()
        .all(|x| x.is_finite())
        .then_some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A polynomial is found again, with its derivatives, whatever the weights.
        #[test]
        fn polynomials_are_reproduced(
            c in prop::array::uniform5(-2.0_f64..2.0), degree in 1_usize..=4,
            points in prop::collection::vec((0.0_f64..0.05, 0.1_f64..3.0), 7..30), start in -3.0_f64..3.0, step in 0.1_f64..0.5,
        ) {
            let exact = |x: f64| (0..=degree).rev().fold(0.0, |sum, k| sum * x + c[k]);
            let slope = |x: f64| (1..=degree).rev().fold(0.0, |sum, k| sum * x + k as f64 * c[k]);
            let bend = |x: f64| (2..=degree).rev().fold(0.0, |sum, k| sum * x + (k * (k - 1)) as f64 * c[k]);
            let data = points.iter().enumerate().map(|(i, (shift, weight))| {
                let x = start + step * (i as f64 + shift);
                (x, exact(x), *weight)
            });
            let fit = Polynomial::weighted(data.clone(), degree).unwrap();
            let largest = data.clone().map(|(_, y, _)| y.abs()).fold(1.0, f64::max);
            // In u the condition of the normal equations is below 1e5; values are sums that may cancel to 1e-2.
            for (x, y, _) in data {
                prop_assert!((fit.at(x) - y).abs() < 1e-9 * largest);
                prop_assert!((fit.slope(x) - slope(x)).abs() < 1e-8 * largest / step);
                prop_assert!((fit.curvature(x) - bend(x)).abs() < 1e-7 * largest / (step * step));
            }
        }
    }

    /// Of repeated noisy fits, the scatter is the stated error.
    #[test]
    fn errors_are_those_of_repeated_fits() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(3);
        let (repeats, x) = (4000, 0.6);
        let (mut values, mut slopes, mut stated) = (Vec::new(), Vec::new(), [0.0; 2]);
        for _ in 0..repeats {
            let data: Vec<(f64, f64, f64)> = (0..15)
                .map(|i| {
                    let weight = 1.0 + f64::from(i % 3);
                    // Uniform of variance 1/weight.
                    let noise = (random.random::<f64>() - 0.5) * f64::sqrt(12.0 / weight);
                    (0.1 * f64::from(i), noise, weight)
                })
                .collect();
            let fit = Polynomial::weighted(data.into_iter(), 3).unwrap();
            values.push(fit.at(x));
            slopes.push(fit.slope(x));
            let errors = fit.errors(x);
            stated[0] += errors[0] * errors[0] / f64::from(repeats);
            stated[1] += errors[1] * errors[1] / f64::from(repeats);
        }
        for (sample, stated) in [(values, stated[0]), (slopes, stated[1])] {
            let variance = sample.iter().map(|x| x * x).sum::<f64>() / f64::from(repeats);
            // 4000 samples: the variance is known to sqrt(2/4000) = 2.2 %; four times that.
            assert!(
                (variance / stated - 1.0).abs() < 0.09,
                "{variance} {stated}"
            );
        }
    }

    #[test]
    fn too_few_points_give_nothing() {
        let points = [(0.0, 1.0, 1.0), (1.0, 2.0, 1.0), (2.0, 2.0, 1.0)];
        assert!(Polynomial::weighted(points.into_iter(), 2).is_none());
        assert!(Polynomial::weighted([(1.0, 1.0, 1.0); 9].into_iter(), 1).is_none());
    }
}
