//! The mean of a long correlated series and its standard error, by blocking.
//!
//! Averages of neighbouring pairs, of pairs of pairs, and so on, are less and less correlated; the naive standard error of
//! the mean, computed from blocks of `B = 2^k` values, rises with `B` to the true one and stays there: Flyvbjerg and Petersen, J.
//! Chem. Phys. 91, 461 (1989). Longer blocks than needed only add noise, since there are fewer of them.
//!
//! The length is chosen by the criterion of Wolff (Comput. Phys. Commun. 156, 143 (2004)) in the form of Lee et al. (Phys. Rev.
//! E 83, 066706 (2011)), which balances the two: the shortest `B` with
//!
//! ```text
//! B^3 > 2 n (e_B / e_1)^4,
//! ```
//!
//! where `n` is the number of values and `e_B` the naive error from blocks of length `B`.

use serde::{Deserialize, Serialize};

/// Fewer blocks than this say too little about their scatter.
const FEWEST_BLOCKS: u64 = 16;

/// Accumulates the mean and the standard error of a correlated series of numbers, in memory that grows with the
/// logarithm of its length.
///
/// # Examples
///
/// ```
/// use vitreous_observables::Blocking;
///
/// // A chaotic map whose values have a variance of 1/8, each of them repeated eight times.
/// let (mut blocking, mut x) = (Blocking::default(), 0.3);
/// for _ in 0..4096 {
///     x = 4.0 * x * (1.0 - x);
///     for _ in 0..8 {
///         blocking.push(x)?;
///     }
/// }
/// let estimate = blocking.finish()?;
/// let exact = (0.125_f64 / 4096.0).sqrt();
/// assert!((estimate.standard_error / exact - 1.0).abs() < 0.2);
/// assert!(blocking.levels()[0].standard_error < 0.4 * exact); // as if the values were independent
/// # Ok::<(), vitreous_observables::BlockingError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blocking {
    /// `levels[k]`: blocks of `2^k` values.
    levels: Vec<Level>,
}

/// The moments of the blocks of one length, and a block that waits for its partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Level {
    blocks: u64,
    mean: f64,
    /// The sum of squared deviations from the mean.
    squares: f64,
    waiting: Option<f64>,
}

/// What a series has to say about its mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blocked {
    /// The mean of all values.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The number of values.
    pub values: u64,
    /// The length of the blocks that the error comes from, in values.
    pub block_length: u64,
    /// The number of those blocks; the error itself is uncertain by a share of `1/sqrt(2 (blocks - 1))`.
    pub blocks: u64,
    /// How many values tell as much as one that were independent of all others, `(e_B/e_1)^2`; 1 without any scatter.
    pub inefficiency: f64,
}

/// The naive standard error from blocks of one length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockedLevel {
    /// The length of the blocks, in values.
    pub block_length: u64,
    /// Their number.
    pub blocks: u64,
    /// The standard error of the mean, were the blocks independent.
    pub standard_error: f64,
}

/// Why there is no mean with an error.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockingError {
    /// A value is infinite or not a number.
    #[error("value {index} of the series is {value}: find out where it comes from")]
    NotFinite {
        /// How many values came before it.
        index: u64,
        /// The value.
        value: f64,
    },
    /// The series is too short for blocks that are independent of each other.
    #[error(
        "{values} values are correlated over so many of them that no block length leaves at least 16 independent blocks: the error \
         of the mean {mean} is at least {lower_bound}; continue the series"
    )]
    TooShort {
        /// The number of values.
        values: u64,
        /// Their mean; zero without values.
        mean: f64,
        /// The largest naive error among block lengths that leave 16 blocks; zero if none does.
        lower_bound: f64,
    },
}

impl Blocking {
    /// Adds the next value of the series.
    ///
    /// # Errors
    ///
    /// If the value is not finite. The accumulator is then unchanged.
    pub fn push(&mut self, value: f64) -> Result<(), BlockingError> {
        if !value.is_finite() {
            let index = self.values();
            return Err(BlockingError::NotFinite { index, value });
        }
        let mut block = value;
        for place in 0.. {
            if place == self.levels.len() {
                self.levels.push(Level::default());
            }
            let level = &mut self.levels[place];
            level.blocks += 1;
            let deviation = block - level.mean;
            level.mean += deviation / level.blocks as f64;
            level.squares += deviation * (block - level.mean);
            let Some(partner) = level.waiting.take() else {
                level.waiting = Some(block);
                break;
            };
            // Halves first: no overflow.
            block = 0.5 * partner + 0.5 * block;
        }
        Ok(())
    }

    /// Takes over the values of an independent series. No block spans both: blocks of `other` that still wait for their partner
    /// count at their own length only. This series may go on.
    pub fn merge(&mut self, other: &Self) {
        for (place, level) in other.levels.iter().enumerate() {
            if place == self.levels.len() {
                self.levels.push(Level::default());
            }
            let own = &mut self.levels[place];
            let (first, second) = (own.blocks as f64, level.blocks as f64);
            let difference = level.mean - own.mean;
            let share = second / (first + second);
            own.mean += difference * share;
            own.squares += level.squares + difference * difference * first * share;
            own.blocks += level.blocks;
        }
    }

    /// The number of values.
    pub fn values(&self) -> u64 {
        self.levels.first().map_or(0, |level| level.blocks)
    }

    /// The naive standard errors from blocks of 1, 2, 4, ... values, for lengths that leave at least two blocks: a plot of them
    /// against the length shows the plateau.
    pub fn levels(&self) -> Vec<BlockedLevel> {
        self.levels
            .iter()
            .enumerate()
            .take_while(|(_, level)| level.blocks > 1)
            .map(|(place, level)| {
                let blocks = level.blocks as f64;
                BlockedLevel {
                    block_length: 1 << place,
                    blocks: level.blocks,
                    standard_error: libm::sqrt(level.squares / (blocks * (blocks - 1.0))),
                }
            })
            .collect()
    }

    /// The mean of all values and its standard error.
    ///
    /// # Errors
    ///
    /// If the series is too short for its correlations: the error then bounds the standard error from below.
    pub fn finish(&self) -> Result<Blocked, BlockingError> {
        let values = self.values();
        let mean = self.levels.first().map_or(0.0, |level| level.mean);
        let mut lower_bound = 0.0_f64;
        let levels = self.levels();
        for level in levels
            .iter()
            .take_while(|level| level.blocks >= FEWEST_BLOCKS)
        {
            let first = levels[0].standard_error;
            let inefficiency = if first == 0.0 {
                1.0
            } else {
                libm::pow(level.standard_error / first, 2.0)
            };
            let length = level.block_length as f64;
            if length * length * length > 2.0 * values as f64 * inefficiency * inefficiency {
                return Ok(Blocked {
                    mean,
                    standard_error: level.standard_error,
                    values,
                    block_length: level.block_length,
                    blocks: level.blocks,
                    inefficiency,
                });
            }
            lower_bound = lower_bound.max(level.standard_error);
        }
        Err(BlockingError::TooShort {
            values,
            mean,
            lower_bound,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// `x_(i+1) = a x_i + noise` of unit variance.
    fn autoregressive(random: &mut impl Rng, a: f64, number: usize) -> Vec<f64> {
        let mut noise = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        let mut x = noise() / (1.0 - a * a).sqrt();
        (0..number)
            .map(|_| {
                x = a * x + noise();
                x
            })
            .collect()
    }

    /// The variance of the mean of `n` such values: `1/(n (1 - a)^2)` up to a relative `2 a/(n (1 - a^2))`.
    #[test]
    fn autoregressive_series_have_the_known_error() {
        for a in [0.0, 0.5, 0.9, -0.5] {
            let (number, repeats) = (1 << 14, 60);
            let exact = 1.0 / (f64::from(number).sqrt() * (1.0 - a));
            let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
            let (mut stated, mut within) = (0.0, 0);
            for _ in 0..repeats {
                let mut blocking = Blocking::default();
                for x in autoregressive(&mut random, a, number as usize) {
                    blocking.push(x).unwrap();
                }
                let estimate = blocking.finish().unwrap();
                stated += estimate.standard_error / exact / f64::from(repeats);
                within += i32::from(estimate.mean.abs() < 1.645 * estimate.standard_error);
            }
            // Blocks of B values miss a share 2 a/(1 - a^2)/B of the variance; the criterion takes B of 16 or more here, and 256 at a = 0.9
            // (B^3 > 2^15 * 19^2): at most 8 % of the variance are missed, at a = -0.5. Statistics add 1 %.
            assert!((stated - 1.0).abs() < 0.06, "{a}: {stated}");
            // 90 % of 60 are 54, give or take 2.3; three of these deviations.
            assert!((47..=60).contains(&within), "{a}: {within}");
        }
    }

    #[test]
    fn short_series_are_refused_with_a_bound() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(6);
        let mut blocking = Blocking::default();
        for x in autoregressive(&mut random, 0.999, 1000) {
            blocking.push(x).unwrap();
        }
        let Err(BlockingError::TooShort {
            values: 1000,
            lower_bound,
            ..
        }) = blocking.finish()
        else {
            panic!("{:?}", blocking.finish())
        };
        assert!(lower_bound > 3.0 * blocking.levels()[0].standard_error);
        assert!(matches!(
            Blocking::default().finish(),
            Err(BlockingError::TooShort { values: 0, .. })
        ));
        let before = blocking.clone();
        assert!(matches!(
            blocking.push(f64::NAN),
            Err(BlockingError::NotFinite { index: 1000, .. })
        ));
        assert_eq!(blocking, before);
    }

    #[test]
    fn a_constant_has_no_error() {
        let mut blocking = Blocking::default();
        for _ in 0..4096 {
            blocking.push(0.1).unwrap();
        }
        let estimate = blocking.finish().unwrap();
        assert_eq!(
            (
                estimate.mean,
                estimate.standard_error,
                estimate.inefficiency
            ),
            (0.1, 0.0, 1.0)
        );
    }

    proptest! {
        /// Every level against the textbook's formula on explicit block averages, whatever the length, also merged
        /// and stored in between.
        #[test]
        fn levels_agree_with_explicit_blocks(
            series in prop::collection::vec(-3.0_f64..3.0, 2..300), others in prop::collection::vec(-3.0_f64..3.0, 0..200),
            cut in 0_usize..300,
        ) {
            let mut blocking = Blocking::default();
            for (i, &x) in series.iter().enumerate() {
                if i == cut {
                    let text = serde_json::to_string(&blocking).unwrap();
                    blocking = serde_json::from_str(&text).unwrap();
                }
                blocking.push(x).unwrap();
            }
            let mut other = Blocking::default();
            for &x in &others {
                other.push(x).unwrap();
            }
            blocking.merge(&other);
            prop_assert_eq!(blocking.values(), (series.len() + others.len()) as u64);
            for level in blocking.levels() {
                let length = level.block_length as usize;
                let averages: Vec<f64> = [&series, &others]
                    .iter()
                    .flat_map(|values| values.chunks_exact(length))
                    .map(|block| block.iter().sum::<f64>() / length as f64)
                    .collect();
                let n = averages.len() as f64;
                let mean = averages.iter().sum::<f64>() / n;
                let squares: f64 = averages.iter().map(|x| (x - mean) * (x - mean)).sum();
                prop_assert_eq!(level.blocks, averages.len() as u64);
                // 500 additions of numbers up to 9.
                prop_assert!((level.standard_error.powi(2) - squares / (n * (n - 1.0))).abs() < 1e-12);
            }
        }
    }
}
