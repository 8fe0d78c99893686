//! The lags at which time correlations are measured.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The longest lag that is accepted: up to here every number of steps is exact as an `f64`.
const LONGEST_SUPPORTED: u64 = 1 << 53;

/// Strictly increasing lags, in steps of molecular dynamics: evenly spaced in their logarithm, or chosen.
///
/// Those of [`new`](Self::new) are evenly spaced: with `n = ceil(per_decade log10(longest / shortest))` the lags are
/// `round(shortest (longest / shortest)^(i / n))`, `i = 0 ... n`. Rounding makes neighbours coincide at
/// short lags; each number is kept once. Both ends are always among the lags.
///
/// # Examples
///
/// ```
/// use vitreous_observables::LogSchedule;
///
/// let schedule = LogSchedule::new(1, 100, 4)?;
/// assert_eq!(schedule.lags(), [1, 2, 3, 6, 10, 18, 32, 56, 100]);
/// # Ok::<(), vitreous_observables::ScheduleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSchedule {
    lags: Vec<u64>,
}

/// Why a [`LogSchedule`] could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// A lag of zero has no logarithm.
    #[error("the shortest lag is zero steps: give at least one step")]
    ZeroShortest,
    /// The ends are in the wrong order, or the longest lag is not exact as an `f64`.
    #[error(
        "the longest lag of {longest} steps must lie between the shortest ({shortest}) and 2^53"
    )]
    LongestOutOfRange {
        /// The shortest lag that was asked for, in steps.
        shortest: u64,
        /// The longest lag that was asked for, in steps.
        longest: u64,
    },
    /// There is no lag to measure at.
    #[error("there are no lags: give at least one lag, or the steps of at least two frames")]
    NoLags,
    /// The steps of frames do not increase.
    #[error(
        "step {after} follows step {before}: sort the frames, and leave out those that come twice"
    )]
    NotIncreasing {
        /// The step of a frame.
        before: u64,
        /// The step of the frame after it.
        after: u64,
    },
    /// The number of lags per decade must be from 1 to 10 000.
    #[error("{per_decade} lags per decade: give from 1 to 10000")]
    PerDecadeOutOfRange {
        /// The number that was asked for.
        per_decade: usize,
    },
}

impl LogSchedule {
    /// Lags from `shortest` to `longest` (both included, in steps), at least `per_decade` to a factor of ten
    /// wherever the lags are long enough to be that many different integers.
    ///
    /// # Errors
    ///
    /// If `shortest` is zero, `longest < shortest`, `longest > 2^53`, or `per_decade` is outside 1 ... 10 000.
    pub fn new(shortest: u64, longest: u64, per_decade: usize) -> Result<Self, ScheduleError> {
        if shortest == 0 {
            return Err(ScheduleError::ZeroShortest);
        }
        if longest < shortest || longest > LONGEST_SUPPORTED {
            return Err(ScheduleError::LongestOutOfRange { shortest, longest });
        }
        if !(1..=10_000).contains(&per_decade) {
            return Err(ScheduleError::PerDecadeOutOfRange { per_decade });
        }
        let ratio = longest as f64 / shortest as f64;
        let intervals = (libm::log10(ratio) * per_decade as f64).ceil().max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 16 decades of 10 000, and lags of at most 2^53"
        )]
        let mut lags: Vec<u64> = (0..=intervals as usize)
            .map(|i| {
                let lag = shortest as f64 * libm::pow(ratio, i as f64 / intervals);
                (lag.round() as u64).clamp(shortest, longest)
            })
            .collect();
        lags.push(longest);
        lags.dedup();
        Ok(Self { lags })
    }

    /// The lags at which a trajectory of frames at the given steps has pairs of frames, thinned to at most `per_decade` to a
    /// factor of ten.
    ///
    /// Of the distances between frames that fall into one interval of `log10`, of width `1/per_decade`, that is chosen which
    /// the most pairs of frames have, and the shortest of those that have equally many. Evenly spaced frames give
    /// multiples of their spacing; blocks of log-spaced frames give mostly the lags of the block.
    ///
    /// All pairs of frames are looked at: up to some ten thousand frames that takes seconds.
    ///
    /// # Errors
    ///
    /// If the steps do not increase, there are fewer than two of them, the longest distance exceeds `2^53`, or `per_decade`
    /// is outside 1 ... 10 000.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitreous_observables::LogSchedule;
    ///
    /// let steps: Vec<u64> = (0..=100).map(|frame| 500 + 20 * frame).collect();
    /// let schedule = LogSchedule::of_frames(&steps, 3)?;
    /// assert_eq!(schedule.lags(), [20, 40, 60, 100, 220, 480, 1000]);
    /// # Ok::<(), vitreous_observables::ScheduleError>(())
    /// ```
    pub fn of_frames(steps: &[u64], per_decade: usize) -> Result<Self, ScheduleError> {
        if !(1..=10_000).contains(&per_decade) {
            return Err(ScheduleError::PerDecadeOutOfRange { per_decade });
        }
        if let Some(pair) = steps.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(ScheduleError::NotIncreasing {
                before: pair[0],
                after: pair[1],
            });
        }
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            return Err(ScheduleError::NoLags);
        };
        let longest = last - first;
        if longest == 0 {
            return Err(ScheduleError::NoLags);
        }
        if longest > LONGEST_SUPPORTED {
            let shortest = 1;
            return Err(ScheduleError::LongestOutOfRange { shortest, longest });
        }
        let mut pairs: BTreeMap<u64, u64> = BTreeMap::new();
        for (index, from) in steps.iter().enumerate() {
            for to in &steps[index + 1..] {
                *pairs.entry(to - from).or_default() += 1;
            }
        }
        let mut lags: Vec<u64> = Vec::new();
        let mut chosen: Option<(u64, u64)> = None;
        for (lag, count) in pairs {
            let interval = (libm::log10(lag as f64) * per_decade as f64).floor() as u64;
            match chosen {
                Some((same, most)) if same == interval => {
                    if count > most {
                        lags.pop();
                        lags.push(lag);
                        chosen = Some((interval, count));
                    }
                }
                _ => {
                    lags.push(lag);
                    chosen = Some((interval, count));
                }
            }
        }
        Ok(Self { lags })
    }

    /// A schedule of chosen lags, in steps, in any order; zero, the origin itself, may be among them.
    ///
    /// # Errors
    ///
    /// If there are none, or one exceeds `2^53`.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitreous_observables::LogSchedule;
    ///
    /// assert_eq!(LogSchedule::of_lags(vec![200, 50, 200])?.lags(), [50, 200]);
    /// # Ok::<(), vitreous_observables::ScheduleError>(())
    /// ```
    pub fn of_lags(mut lags: Vec<u64>) -> Result<Self, ScheduleError> {
        lags.sort_unstable();
        lags.dedup();
        let (Some(&shortest), Some(&longest)) = (lags.first(), lags.last()) else {
            return Err(ScheduleError::NoLags);
        };
        if longest > LONGEST_SUPPORTED {
            return Err(ScheduleError::LongestOutOfRange { shortest, longest });
        }
        Ok(Self { lags })
    }

    /// The same lags, and zero: what is measured at the origin itself.
    pub fn with_zero(mut self) -> Self {
        if self.lags.first() != Some(&0) {
            self.lags.insert(0, 0);
        }
        self
    }

    /// The lags in steps, strictly increasing.
    pub fn lags(&self) -> &[u64] {
        &self.lags
    }

    /// The shortest lag, in steps.
    pub fn shortest(&self) -> u64 {
        self.lags.first().copied().unwrap_or(0)
    }

    /// The longest lag, in steps.
    pub fn longest(&self) -> u64 {
        self.lags.last().copied().unwrap_or(0)
    }

    /// The position of `lag` among the lags, if it is one of them.
    pub(crate) fn position(&self, lag: u64) -> Option<usize> {
        self.lags.binary_search(&lag).ok()
    }

    /// The shortest lag that is longer than `lag`, if there is one.
    pub(crate) fn after(&self, lag: u64) -> Option<u64> {
        self.lags
            .get(self.lags.partition_point(|&candidate| candidate <= lag))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_nonsense() {
        assert_eq!(LogSchedule::new(0, 10, 5), Err(ScheduleError::ZeroShortest));
        assert!(LogSchedule::new(10, 9, 5).is_err());
        assert!(LogSchedule::new(1, u64::MAX, 5).is_err());
        assert!(LogSchedule::new(1, 10, 0).is_err());
    }

    #[test]
    fn one_lag_is_a_schedule() {
        assert_eq!(LogSchedule::new(7, 7, 10).unwrap().lags(), [7]);
    }

    #[test]
    fn looks_up_lags() {
        let schedule = LogSchedule::new(1, 100, 4).unwrap();
        assert_eq!(schedule.position(18), Some(5));
        assert_eq!(schedule.position(19), None);
        assert_eq!(schedule.after(0), Some(1));
        assert_eq!(schedule.after(18), Some(32));
        assert_eq!(schedule.after(19), Some(32));
        assert_eq!(schedule.after(100), None);
    }

    #[test]
    fn chosen_lags_and_frames_that_cannot_be() {
        assert_eq!(LogSchedule::of_lags(vec![]), Err(ScheduleError::NoLags));
        assert!(LogSchedule::of_lags(vec![1, u64::MAX]).is_err());
        let schedule = LogSchedule::of_lags(vec![8, 2, 8]).unwrap();
        assert_eq!(schedule.clone().with_zero().lags(), [0, 2, 8]);
        assert_eq!(schedule.with_zero().with_zero().lags(), [0, 2, 8]);
        for steps in [&[][..], &[7]] {
            assert_eq!(LogSchedule::of_frames(steps, 5), Err(ScheduleError::NoLags));
        }
        assert_eq!(
            LogSchedule::of_frames(&[1, 4, 4], 5),
            Err(ScheduleError::NotIncreasing {
                before: 4,
                after: 4
            })
        );
        assert!(LogSchedule::of_frames(&[0, u64::MAX], 5).is_err());
        assert!(LogSchedule::of_frames(&[0, 1], 0).is_err());
    }

    #[test]
    fn blocks_of_frames_give_the_lags_of_the_block() {
        // Five blocks of 64 steps, with frames at powers of two.
        let inside = [0, 1, 2, 4, 8, 16, 32];
        let steps: Vec<u64> = (0..5)
            .flat_map(|block| inside.map(|step| 64 * block + step))
            .collect();
        let schedule = LogSchedule::of_frames(&steps, 4).unwrap();
        // Four to a decade are a factor of 1.78. The powers of two are the most frequent, but 24 = 32 - 8 has an interval of its
        // own, and 192, three blocks, is more frequent than 256, four.
        assert_eq!(schedule.lags(), [1, 2, 4, 8, 16, 24, 32, 64, 128, 192]);
    }

    proptest! {
        #[test]
        fn lags_of_frames_occur_and_are_few(
            gaps in prop::collection::vec(1_u64..50, 1..60), per_decade in 1_usize..20,
        ) {
            let mut steps = vec![17];
            for gap in gaps {
                steps.push(steps[steps.len() - 1] + gap);
            }
            let schedule = LogSchedule::of_frames(&steps, per_decade).unwrap();
            let pairs = |lag: u64| steps.iter().filter(|&step| steps.contains(&(step + lag))).count();
            let interval = |lag: u64| ((lag as f64).log10() * per_decade as f64).floor();
            for &lag in schedule.lags() {
                prop_assert!(pairs(lag) > 0);
                // No lag of its interval has more.
                for other in (1..4000).filter(|&other| interval(other) == interval(lag)) {
                    prop_assert!(pairs(other) <= pairs(lag));
                }
            }
            for pair in schedule.lags().windows(2) {
                prop_assert!(interval(pair[0]) < interval(pair[1]));
            }
            let all = steps.iter().flat_map(|from| steps.iter().map(move |to| to.saturating_sub(*from)));
            for lag in all.filter(|&lag| lag > 0) {
                prop_assert!(schedule.lags().iter().any(|&own| interval(own) == interval(lag)));
            }
        }

        #[test]
        fn increases_between_its_ends_without_gaps(
            shortest in 1_u64..10_000, factor in 1.0_f64..1e9, per_decade in 1_usize..60,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 1e13")]
            let longest = (shortest as f64 * factor) as u64;
            let schedule = LogSchedule::new(shortest, longest, per_decade).unwrap();
            prop_assert_eq!(schedule.shortest(), shortest);
            prop_assert_eq!(schedule.longest(), longest);
            let step = 10_f64.powf(1.0 / per_decade as f64);
            for pair in schedule.lags().windows(2) {
                prop_assert!(pair[0] < pair[1]);
                // Each end of a gap is off by at most 1/2 from rounding.
                prop_assert!(pair[1] as f64 - 0.5 <= (pair[0] as f64 + 0.5) * step * (1.0 + 1e-12));
            }
        }
    }
}
