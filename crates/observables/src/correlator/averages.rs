//! Averages over origins, and their standard errors.

use serde::{Deserialize, Serialize};

/// A function of the lag, with standard errors.
///
/// The errors come from the scatter of samples `x_k`, each with a share `w_k` of the origins, about their mean
/// `x`: `sqrt(n/(n - 1) sum_k w_k^2 (x_k - x)^2)`, the usual `s/sqrt(n)` when the shares are equal. With several
/// runs the samples are the runs, which are independent. With one run they are blocks of origins as long
/// as the longest lag (or a power of two times that, in a long run); neighbouring blocks are nearly independent if
/// the longest lag is several relaxation times, and otherwise the error is underestimated. With a single sample
/// there is no error, `None`. That of a function of several averages, as `alpha_2` and `chi_4` are, is linearised in them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The mean values.
    pub values: Vec<f64>,
    /// Their standard errors.
    pub standard_errors: Vec<Option<f64>>,
}

impl Series {
    /// Appends a value and its standard error.
    pub fn push(&mut self, (value, standard_error): (f64, Option<f64>)) {
        self.values.push(value);
        self.standard_errors.push(standard_error);
    }
}

/// Sums over some of the origins, at one lag.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// The number of origins.
    pub origins: u64,
    /// What was accumulated from each.
    pub sums: Vec<f64>,
}

impl Sums {
    /// The mean of the sum at `index` over these origins.
    pub fn mean(&self, index: usize) -> f64 {
        self.sums[index] / self.origins as f64
    }

    pub(crate) fn add_up<'a>(width: usize, parts: impl Iterator<Item = (u64, &'a [f64])>) -> Self {
        let mut total = Self {
            origins: 0,
            sums: vec![0.0; width],
        };
        for (origins, sums) in parts {
            total.origins += origins;
            for (sum, part) in total.sums.iter_mut().zip(sums) {
                *sum += part;
            }
        }
        total
    }
}

/// What was accumulated at one lag.
#[derive(Clone, Debug, PartialEq)]
pub struct LagAverage {
    /// The sums over all origins of all runs.
    pub total: Sums,
    /// The same for each run or, of a single run, for each block of origins: see [`Series`].
    pub samples: Vec<Sums>,
}

impl LagAverage {
    /// The mean of the sum at `index`, with its standard error.
    pub fn mean(&self, index: usize) -> (f64, Option<f64>) {
        let mean = self.total.mean(index);
        (
            mean,
            self.standard_error(|sample| sample.mean(index) - mean),
        )
    }

    /// The standard error of a number of which each sample deviates by `deviation(sample)`.
    pub fn standard_error(&self, deviation: impl Fn(&Sums) -> f64) -> Option<f64> {
        standard_error(self.samples.iter().map(|sample| {
            let share = sample.origins as f64 / self.total.origins as f64;
            (share, deviation(sample))
        }))
    }

    /// The variance `<x^2> - <x>^2` over the origins, from the index of the sum of `x` and that of `x^2`, multiplied
    /// by a factor; with its standard error, linearised in the two averages.
    pub fn variance(&self, first: usize, second: usize, factor: f64) -> (f64, Option<f64>) {
        let (mean, square) = (self.total.mean(first), self.total.mean(second));
        let error = self.standard_error(|sample| {
            factor * (sample.mean(second) - square - 2.0 * mean * (sample.mean(first) - mean))
        });
        // Rounding can leave a negative remainder where nothing fluctuates.
        (factor * (square - mean * mean).max(0.0), error)
    }
}

/// `sqrt(n/(n - 1) sum_k (w_k x_k)^2)` over shares `w_k` and deviations `x_k`; `None` for fewer than two.
pub(crate) fn standard_error(samples: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut count, mut sum) = (0_u32, 0.0);
    for (share, deviation) in samples {
        count += 1;
        sum += libm::pow(share * deviation, 2.0);
    }
    let n = f64::from(count);
    (count > 1).then(|| libm::sqrt(n / (n - 1.0) * sum))
}

/// All that was accumulated at the lags that at least one origin has reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Averages {
    /// The lags, in steps.
    pub steps: Vec<u64>,
    /// The number of runs.
    pub runs: usize,
    /// What was accumulated, for each lag.
    pub lags: Vec<LagAverage>,
}

impl Averages {
    /// The number of origins of each lag, all runs together.
    pub fn origins(&self) -> Vec<u64> {
        self.lags.iter().map(|lag| lag.total.origins).collect()
    }

    /// The means of the sum at `index`, as a function of the lag.
    pub fn means(&self, index: usize) -> Series {
        self.series(|lag| lag.mean(index))
    }

    /// A function of the lag.
    pub fn series(&self, value: impl Fn(&LagAverage) -> (f64, Option<f64>)) -> Series {
        let mut series = Series::default();
        for lag in &self.lags {
            series.push(value(lag));
        }
        series
    }
}
