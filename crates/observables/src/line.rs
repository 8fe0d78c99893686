//! The least-squares straight line.

/// `y = intercept + slope x` by weighted least squares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) intercept: f64,
    pub(crate) slope: f64,
    /// The weighted mean of `x`.
    pub(crate) centre: f64,
    /// The weighted sum of squared distances of `x` from its mean; zero when no line is determined.
    pub(crate) spread: f64,
}

impl Line {
    /// The line that minimises `sum_i w_i (y_i - intercept - slope x_i)^2` over `(x, y, w)`.
    ///
    /// With fewer than two distinct `x` the slope is not a number, or infinite.
    pub(crate) fn weighted(points: impl Iterator<Item = (f64, f64, f64)> + Clone) -> Self {
        let (mut total, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
        for (x, y, weight) in points.clone() {
            total += weight;
            sum_x += weight * x;
            sum_y += weight * y;
        }
        let (centre, middle) = (sum_x / total, sum_y / total);
        let (mut spread, mut covariance) = (0.0, 0.0);
        for (x, y, weight) in points {
            spread += weight * (x - centre) * (x - centre);
            covariance += weight * (x - centre) * (y - middle);
        }
        let slope = covariance / spread;
        Self {
            intercept: middle - slope * centre,
            slope,
            centre,
            spread,
        }
    }

    /// The ordinary least-squares line through `(x, y)`.
    pub(crate) fn through(points: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        Self::weighted(points.map(|(x, y)| (x, y, 1.0)))
    }

    pub(crate) fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}
