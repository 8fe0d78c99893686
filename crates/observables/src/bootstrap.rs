//! Bias-corrected and accelerated (`BCa`) bootstrap intervals.
//!
//! The interval of a statistic `theta` at level `1 - 2 alpha` runs between the quantiles `alpha_1`, `alpha_2` of
//! `B` bootstrap replicates,
//!
//! ```text
//! alpha_i = Phi(z0 + w_i / (1 - a w_i)),   w_1 = z0 + Phi^-1(alpha),   w_2 = z0 + Phi^-1(1 - alpha),
//! z0 = Phi^-1(fraction of replicates below the estimate, ties (up to rounding) counted half),
//! a  = sum_s sum_i u_si^3 / n_s^3 / (6 [sum_s sum_i u_si^2 / n_s^2]^(3/2)),
//! u_si = (n_s - 1) (mean_j theta_(-sj) - theta_(-si)),
//! ```
//!
//! where `theta_(-si)` leaves value `i` of sample `s` out. Quantiles are interpolated linearly between order
//! statistics. With one sample this is Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), Eqs. (14.9),
//! (14.10), (14.14), (14.15); the form for several independent samples is Davison & Hinkley, *Bootstrap Methods
//! and their Application* (1997), Eq. (5.24), with jackknife influence values.
//!
//! The values that are resampled must be independent. The paper's are glasses (Appendix A 2): average over the
//! interactions of each glass first. An interval from a handful of values is rough, whatever its method.
//!
//! # Random numbers
//!
//! Replicate `r` draws from its own `Xoshiro256PlusPlus::seed_from_u64(mix(mix(seed) + r))`, where `mix` is the
//! output function of `SplitMix64`, one to one on 64 bits. Each 64-bit number gives two indices below `n`, from its
//! low and then its high half `h`, as `h n / 2^32` (probabilities are uneven by at most `n / 2^32`, less than the
//! noise of the replicates). Samples draw in their order, each starting with a fresh 64-bit number.
//! The streams do not depend on threads: results have the same bits for any size of the `rayon` pool that the caller
//! installs.

use crate::distributions::{normal_cumulative, normal_quantile};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The settings of a bootstrap: level, number of replicates, seed.
///
/// The paper quotes a level of 0.90 from 10 000 replicates, which [`Bootstrap::new`] takes.
///
/// # Examples
///
/// ```
/// use vitreous_observables::Bootstrap;
///
/// let stiffness = [10.3, 9.1, 9.9, 11.2, 10.0, 9.4, 10.8, 9.6];
/// let interval = Bootstrap::new(7).mean(&stiffness)?;
/// assert!(interval.low < interval.estimate && interval.estimate < interval.high);
/// // The same seed gives the same bits.
/// assert_eq!(interval, Bootstrap::new(7).mean(&stiffness)?);
/// # Ok::<(), vitreous_observables::BootstrapError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The nominal coverage of the interval, in (0, 1).
    pub level: f64,
    /// The number of bootstrap replicates, at least 2.
    pub resamples: usize,
    /// The seed that all replicates derive from.
    pub seed: u64,
}

/// An estimate with a confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The statistic of the data.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The nominal coverage.
    pub level: f64,
}

impl Interval {
    /// The interval of an increasing function of the number; the intervals of this module respect such
    /// transformations.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitreous_observables::Interval;
    ///
    /// let logarithm = Interval { estimate: 0.0, low: -1.0, high: 2.0, level: 0.9 };
    /// assert_eq!(logarithm.map(f64::exp).high, 2_f64.exp());
    /// ```
    pub fn map(self, increasing: impl Fn(f64) -> f64) -> Self {
        Self {
            estimate: increasing(self.estimate),
            low: increasing(self.low),
            high: increasing(self.high),
            level: self.level,
        }
    }

    /// Whether `value` lies in the interval, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Why no bootstrap interval could be computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// The level is not between 0 and 1.
    #[error("a level of {level}: it must lie strictly between 0 and 1, as 0.90 does")]
    InvalidLevel {
        /// The level that was asked for.
        level: f64,
    },
    /// There are too few replicates.
    #[error("{resamples} bootstrap replicates: at least 2 are needed, 10000 are usual")]
    TooFewResamples {
        /// The number that was asked for.
        resamples: usize,
    },
    /// There are no samples at all.
    #[error("no samples were given")]
    NoSamples,
    /// A sample has fewer than two values (or more than `2^32`).
    #[error(
        "sample {sample} has {values} values: its scatter can be resampled with 2 ... 2^32 independent values"
    )]
    SampleSize {
        /// The index of the sample.
        sample: usize,
        /// The number of its values.
        values: usize,
    },
    /// A value is infinite or not a number.
    #[error(
        "value {index} of sample {sample} is {value}: remove it or find out where it comes from"
    )]
    NotFinite {
        /// The index of the sample.
        sample: usize,
        /// The index of the value in its sample.
        index: usize,
        /// The value.
        value: f64,
    },
    /// The statistic is not finite for the data, or for some resampled data.
    #[error(
        "component {component} of the statistic is {value} for {data}: \
         use a statistic that is finite for every resampling"
    )]
    StatisticNotFinite {
        /// Which component of the statistic.
        component: usize,
        /// Its value.
        value: f64,
        /// Which data it was computed from.
        data: &'static str,
    },
}

impl Bootstrap {
    /// Intervals at level 0.90 from 10 000 replicates.
    pub fn new(seed: u64) -> Self {
        Self {
            level: 0.90,
            resamples: 10_000,
            seed,
        }
    }

    /// The interval of the mean of `values`.
    ///
    /// Takes `B n` operations for `n` values and `B` replicates: about a second for `10^5` values.
    ///
    /// # Errors
    ///
    /// If there are fewer than two values or one is not finite, or the settings are invalid.
    pub fn mean(&self, values: &[f64]) -> Result<Interval, BootstrapError> {
        let [interval] = self.function_of_means(&[values], |means| [means[0]])?;
        Ok(interval)
    }

    /// The interval of any statistic of one sample.
    ///
    /// The statistic is called `B + n + 1` times for `n` values and `B` replicates. It must not depend on the
    /// order of the values.
    ///
    /// # Errors
    ///
    /// If there are fewer than two values or one is not finite, the settings are invalid, or the statistic is
    /// not finite for the data or a resampling of it.
    pub fn statistic(
        &self,
        values: &[f64],
        statistic: impl Fn(&[f64]) -> f64 + Sync,
    ) -> Result<Interval, BootstrapError> {
        let [interval] = self.stratified(&[values], |samples| [statistic(&samples[0])])?;
        Ok(interval)
    }

    /// The intervals of `K` statistics at once, functions of the means of independent samples.
    ///
    /// Equals [`stratified`](Self::stratified) with a statistic that takes the mean of each sample first, but costs
    /// `O(1)` instead of `O(n)` for each value that is left out, and copies nothing.
    ///
    /// # Errors
    ///
    /// If a sample has fewer than two values or one that is not finite, the settings are invalid, or the statistic
    /// is not finite for the data or a resampling of it.
    ///
    /// # Examples
    ///
    /// The ratio and the difference of two means:
    ///
    /// ```
    /// use vitreous_observables::Bootstrap;
    ///
    /// let samples = [vec![2.0, 2.5, 1.5, 2.2, 1.8], vec![1.1, 0.9, 1.0, 1.2, 0.8, 1.0]];
    /// let [ratio, difference] =
    ///     Bootstrap::new(1).function_of_means(&samples, |m| [m[0] / m[1], m[0] - m[1]])?;
    /// assert!(ratio.contains(2.0) && difference.contains(1.0));
    /// # Ok::<(), vitreous_observables::BootstrapError>(())
    /// ```
    pub fn function_of_means<const K: usize>(
        &self,
        samples: &[impl AsRef<[f64]> + Sync],
        statistic: impl Fn(&[f64]) -> [f64; K] + Sync,
    ) -> Result<[Interval; K], BootstrapError> {
        let samples = self.check(samples)?;
        let means: Vec<f64> = samples.iter().map(|values| mean(values)).collect();
        let estimate = statistic(&means);
        let mut varied = means.clone();
        let mut left_out = Vec::with_capacity(samples.len());
        for (place, values) in samples.iter().enumerate() {
            let others = values.len() as f64 - 1.0;
            let mut without = Vec::with_capacity(values.len());
            for value in *values {
                // (n mean - value) / (n - 1), without the cancellation.
                varied[place] = means[place] + (means[place] - value) / others;
                without.push(statistic(&varied));
            }
            varied[place] = means[place];
            left_out.push(without);
        }
        let replicates = self.replicates(|random| {
            let means: Vec<f64> = samples
                .iter()
                .map(|values| resampled_mean(values, random))
                .collect();
            statistic(&means)
        });
        self.intervals(&estimate, &left_out, &replicates)
    }

    /// The intervals of `K` statistics at once, of several independent samples: values are resampled within each
    /// sample, and left out one at a time for the acceleration.
    ///
    /// The statistic is called `B + n + 1` times for `n` values in all and `B` replicates. It must not depend on
    /// the order of the values in a sample.
    ///
    /// # Errors
    ///
    /// If a sample has fewer than two values or one that is not finite, the settings are invalid, or the statistic
    /// is not finite for the data or a resampling of it.
    pub fn stratified<const K: usize>(
        &self,
        samples: &[impl AsRef<[f64]> + Sync],
        statistic: impl Fn(&[Vec<f64>]) -> [f64; K] + Sync,
    ) -> Result<[Interval; K], BootstrapError> {
        let samples = self.check(samples)?;
        let mut copy: Vec<Vec<f64>> = samples.iter().map(|values| values.to_vec()).collect();
        let estimate = statistic(&copy);
        let mut left_out = Vec::with_capacity(samples.len());
        for (place, values) in samples.iter().enumerate() {
            let mut without = Vec::with_capacity(values.len());
            for index in 0..values.len() {
                // The order of the rest is free: swap the value out and back in.
                let value = copy[place].swap_remove(index);
                without.push(statistic(&copy));
                copy[place].push(value);
                let last = values.len() - 1;
                copy[place].swap(index, last);
            }
            left_out.push(without);
        }
        let replicates = self.replicates(|random| {
            let drawn: Vec<Vec<f64>> = samples
                .iter()
                .map(|values| {
                    let mut drawn = Vec::with_capacity(values.len());
                    resample(values, random, |first, second| {
                        drawn.push(first);
                        drawn.extend(second);
                    });
                    drawn
                })
                .collect();
            statistic(&drawn)
        });
        self.intervals(&estimate, &left_out, &replicates)
    }

    fn check<'a>(
        &self,
        samples: &'a [impl AsRef<[f64]>],
    ) -> Result<Vec<&'a [f64]>, BootstrapError> {
        let (level, resamples) = (self.level, self.resamples);
        if !(level > 0.0 && level < 1.0) {
            return Err(BootstrapError::InvalidLevel { level });
        }
        if resamples < 2 {
            return Err(BootstrapError::TooFewResamples { resamples });
        }
        if samples.is_empty() {
            return Err(BootstrapError::NoSamples);
        }
        let samples: Vec<&[f64]> = samples.iter().map(AsRef::as_ref).collect();
        for (sample, values) in samples.iter().enumerate() {
            if values.len() < 2 || u32::try_from(values.len()).is_err() {
                let values = values.len();
                return Err(BootstrapError::SampleSize { sample, values });
            }
            if let Some(index) = values.iter().position(|value| !value.is_finite()) {
                let value = values[index];
                return Err(BootstrapError::NotFinite {
                    sample,
                    index,
                    value,
                });
            }
        }
        Ok(samples)
    }

    fn replicates<const K: usize>(
        &self,
        replicate: impl Fn(&mut Xoshiro256PlusPlus) -> [f64; K] + Sync,
    ) -> Vec<[f64; K]> {
        let key = mix(self.seed);
        (0..self.resamples)
            .into_par_iter()
            .map(|r| {
                let seed = mix(key.wrapping_add(r as u64));
                replicate(&mut Xoshiro256PlusPlus::seed_from_u64(seed))
            })
            .collect()
    }

    /// The formulas of the module's introduction. `left_out[s][i]` is the statistic without value `i` of sample `s`.
    fn intervals<const K: usize>(
        &self,
        estimate: &[f64; K],
        left_out: &[Vec<[f64; K]>],
        replicates: &[[f64; K]],
    ) -> Result<[Interval; K], BootstrapError> {
        let sources = [
            (std::slice::from_ref(estimate), "the data"),
            (replicates, "a resampling of the data"),
        ];
        for (values, data) in sources {
            for component in 0..K {
                if let Some(bad) = values.iter().find(|value| !value[component].is_finite()) {
                    let value = bad[component];
                    return Err(BootstrapError::StatisticNotFinite {
                        component,
                        value,
                        data,
                    });
                }
            }
        }
        let mut intervals = [Interval {
            estimate: 0.0,
            low: 0.0,
            high: 0.0,
            level: self.level,
        }; K];
        for component in 0..K {
            let mut sorted: Vec<f64> = replicates.iter().map(|value| value[component]).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let jackknife = left_out
                .iter()
                .map(|values| values.iter().map(|value| value[component]).collect());
            let acceleration = acceleration(jackknife);
            if !acceleration.is_finite() {
                return Err(BootstrapError::StatisticNotFinite {
                    component,
                    value: acceleration,
                    data: "the data without one of its values",
                });
            }
            let interval = &mut intervals[component];
            interval.estimate = estimate[component];
            let (low, high) = adjusted_levels(&sorted, interval.estimate, acceleration, self.level);
            interval.low = quantile(&sorted, low);
            interval.high = quantile(&sorted, high);
        }
        Ok(intervals)
    }
}

/// The output function of `SplitMix64`: one to one, every bit of the result depends on every bit of the argument.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Draws as many values as there are, with replacement, two at a time (the last alone if the number is odd).
#[inline]
fn resample(
    values: &[f64],
    random: &mut Xoshiro256PlusPlus,
    mut take: impl FnMut(f64, Option<f64>),
) {
    let n = values.len() as u64;
    let pick = |half: u64| values[((half * n) >> 32) as usize];
    for _ in 0..n / 2 {
        let bits = random.next_u64();
        take(pick(bits & 0xffff_ffff), Some(pick(bits >> 32)));
    }
    if n % 2 == 1 {
        take(pick(random.next_u64() & 0xffff_ffff), None);
    }
}

/// The mean of as many values as there are, drawn with replacement.
fn resampled_mean(values: &[f64], random: &mut Xoshiro256PlusPlus) -> f64 {
    // Two sums do not wait for each other.
    let (mut even, mut odd) = (0.0, 0.0);
    resample(values, random, |first, second| {
        even += first;
        odd += second.unwrap_or(0.0);
    });
    (even + odd) / values.len() as f64
}

/// The mean, summed like that of a resampling: of equal values the two have the same bits.
fn mean(values: &[f64]) -> f64 {
    let (mut even, mut odd) = (0.0, 0.0);
    for pair in values.chunks(2) {
        even += pair[0];
        odd += pair.get(1).copied().unwrap_or(0.0);
    }
    (even + odd) / values.len() as f64
}

/// The acceleration `a` from the jackknife values of each sample; zero when nothing varies.
fn acceleration(jackknife: impl Iterator<Item = Vec<f64>>) -> f64 {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for values in jackknife {
        let centre = mean(&values);
        let n = values.len() as f64;
        for value in values {
            let influence = (n - 1.0) / n * (centre - value);
            squares += influence * influence;
            cubes += influence * influence * influence;
        }
    }
    if squares == 0.0 {
        0.0
    } else {
        cubes / (6.0 * squares * libm::sqrt(squares))
    }
}

/// The levels `alpha_1`, `alpha_2` of the quantiles that bound the interval.
fn adjusted_levels(sorted: &[f64], estimate: f64, acceleration: f64, level: f64) -> (f64, f64) {
    let number = sorted.len() as f64;
    // A resampling that draws every value once gives the estimate again, but for the rounding of sums in another
    // order: of three values that happens to two replicates in nine.
    let rounding = 64.0 * f64::EPSILON * sorted[0].abs().max(sorted[sorted.len() - 1].abs());
    let below = sorted.partition_point(|&value| value < estimate - rounding) as f64;
    let up_to = sorted.partition_point(|&value| value <= estimate + rounding) as f64;
    // If all replicates lie on one side, half a replicate is put on the other: z0 stays finite.
    let fraction = (0.5 * (below + up_to) / number).clamp(0.5 / number, 1.0 - 0.5 / number);
    let bias = normal_quantile(fraction);
    let tail = normal_quantile(0.5 * (1.0 - level));
    let adjusted = |z: f64| {
        let w = bias + z;
        let denominator = 1.0 - acceleration * w;
        if denominator > 0.0 {
            normal_cumulative(bias + w / denominator)
        } else {
            // Past the pole of the transformation: the end of the distribution.
            f64::from(u8::from(w > 0.0))
        }
    };
    (adjusted(tail), adjusted(-tail))
}

/// The quantile of sorted values, linear between order statistics (definition 7 of Hyndman & Fan, 1996).
fn quantile(sorted: &[f64], level: f64) -> f64 {
    let place = level * (sorted.len() as f64 - 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of values"
    )]
    let index = (place.floor() as usize).min(sorted.len() - 2);
    let (low, high) = (sorted[index], sorted[index + 1]);
    low + (place - index as f64) * (high - low)
}

#[cfg(test)]
mod tests;
