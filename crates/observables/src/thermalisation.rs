//! Is a liquid thermalised? The test of invariance under translation in time.
//!
//! In equilibrium a correlation measured in the first half of the production run agrees, apart from noise, with the same
//! measured in the second half; in a liquid that still ages, relaxation gets slower. The paper (Sec. II B)
//! thermalised until the mean squared displacement and `F_s` were invariant; this is the number behind such a
//! statement. Compare `ln tau_alpha`, or `F_s` and the mean squared displacement at `tau_alpha`.

use crate::distributions::{student_critical, student_two_sided};
use serde::{Deserialize, Serialize};

/// What may be said about invariance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The halves agree: the whole interval of their mean difference lies within the tolerance.
    Invariant,
    /// The halves differ: the interval of their mean difference excludes zero, and reaches beyond the tolerance.
    Drifting,
    /// Neither: the interval includes zero but reaches beyond the tolerance. More, or longer, runs would tell.
    Undecided,
}

/// The result of comparing two halves over independent runs.
///
/// With differences `d_r = second_r - first_r` of runs `r = 1 ... R`, their mean `d` and standard deviation `s`
/// (divisor `R - 1`), the statistic `t = d / (s / sqrt(R))` has Student's distribution with `R - 1` degrees of freedom
/// if the true difference is zero and the differences are normal. The interval of the mean difference is
/// `d -+ t_(level, R - 1) s / sqrt(R)`.
///
/// The verdict rests on that interval and on a tolerance, not on the statistic alone: a large `p` value
/// from two noisy runs proves nothing, and a small one may mark a drift too small to matter. `Invariant` thus
/// bounds the drift (two one-sided tests, Schuirmann 1987). It says nothing on slower drifts than the run could show:
/// the run should last many relaxation times.
///
/// With one run there is no measure of noise. Then the difference itself is compared with the tolerance, the standard
/// error is `None`, and `Drifting` may be noise just as well.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvarianceTest {
    /// The number of runs.
    pub runs: usize,
    /// The mean of second minus first half, in the unit of the values.
    pub mean_difference: f64,
    /// The standard error of the mean difference; `None` with one run.
    pub standard_error: Option<f64>,
    /// `t`, the mean difference over its standard error; `None` with one run, or without any scatter.
    pub t_statistic: Option<f64>,
    /// The probability of a `t` at least as large in magnitude, were there no drift; `None` like `t_statistic`.
    pub p_value: Option<f64>,
    /// The lower end of the interval of the mean difference (the difference itself with one run).
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// The level of the interval.
    pub level: f64,
    /// The difference that was declared to be unimportant.
    pub tolerance: f64,
    /// The conclusion.
    pub verdict: Verdict,
}

/// Why two halves could not be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ThermalisationError {
    /// The halves are of different numbers of runs, or of none.
    #[error(
        "{first} values of first and {second} of second halves: give one of each for every run"
    )]
    Lengths {
        /// The number of first halves.
        first: usize,
        /// The number of second halves.
        second: usize,
    },
    /// A value is infinite or not a number.
    #[error("run {run} has the values {first} and {second}: both must be finite")]
    NotFinite {
        /// The index of the run.
        run: usize,
        /// Its value in the first half.
        first: f64,
        /// Its value in the second half.
        second: f64,
    },
    /// The tolerance or the level is out of range.
    #[error(
        "tolerance {tolerance} and level {level}: the tolerance must be positive, the level in (0, 1)"
    )]
    InvalidCriterion {
        /// The tolerance.
        tolerance: f64,
        /// The level.
        level: f64,
    },
}

/// Compares the first with the second half of the production window of independent runs.
///
/// `first[r]` and `second[r]` are the same observable of run `r`, for instance `ln tau_alpha`. Differences of at most
/// `tolerance` (in the unit of the values; 0.1 to 0.2 is reasonable for `ln tau_alpha`) are declared
/// unimportant; `level` is that of the interval, 0.90 throughout the paper. See [`InvarianceTest`] for the formulas.
///
/// # Errors
///
/// If the lists differ in length or are empty, a value is not finite, or the criterion is out of range.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{Verdict, thermalisation};
///
/// let ln_tau_first = [5.02, 4.97, 5.05, 5.00];
/// let ln_tau_second = [5.00, 5.01, 5.01, 5.03];
/// let test = thermalisation::compare_halves(&ln_tau_first, &ln_tau_second, 0.1, 0.90)?;
/// assert_eq!(test.verdict, Verdict::Invariant);
/// # Ok::<(), vitreous_observables::ThermalisationError>(())
/// ```
pub fn compare_halves(
    first: &[f64],
    second: &[f64],
    tolerance: f64,
    level: f64,
) -> Result<InvarianceTest, ThermalisationError> {
    if first.is_empty() || first.len() != second.len() {
        return Err(ThermalisationError::Lengths {
            first: first.len(),
            second: second.len(),
        });
    }
    if !(tolerance > 0.0 && level > 0.0 && level < 1.0) {
        return Err(ThermalisationError::InvalidCriterion { tolerance, level });
    }
    let mut differences = Vec::with_capacity(first.len());
    for (run, (&first, &second)) in first.iter().zip(second).enumerate() {
        let difference = second - first;
        if !difference.is_finite() {
            return Err(ThermalisationError::NotFinite { run, first, second });
        }
        differences.push(difference);
    }
    let runs = differences.len();
    let number = runs as f64;
    let mean_difference = differences.iter().sum::<f64>() / number;
    let freedom = number - 1.0;
    let standard_error = (runs > 1).then(|| {
        let squares: f64 = differences
            .iter()
            .map(|d| (d - mean_difference) * (d - mean_difference))
            .sum();
        libm::sqrt(squares / freedom / number)
    });
    let t_statistic = standard_error
        .filter(|&error| error > 0.0)
        .map(|error| mean_difference / error);
    let half_width =
        standard_error.map_or(0.0, |error| error * student_critical(1.0 - level, freedom));
    let (low, high) = (mean_difference - half_width, mean_difference + half_width);
    let verdict = if -tolerance <= low && high <= tolerance {
        Verdict::Invariant
    } else if low > 0.0 || high < 0.0 {
        Verdict::Drifting
    } else {
        Verdict::Undecided
    };
    Ok(InvarianceTest {
        runs,
        mean_difference,
        standard_error,
        t_statistic,
        p_value: t_statistic.map(|t| student_two_sided(t, freedom)),
        low,
        high,
        level,
        tolerance,
        verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `scipy.stats.ttest_rel(second, first)` 1.17 and its `confidence_interval(0.9)`.
    #[test]
    fn agrees_with_the_paired_t_test_of_scipy() {
        let first = [1.0, 2.5, 0.3, 4.1, 2.2];
        let second = [1.4, 2.4, 0.9, 4.6, 2.9];
        let test = compare_halves(&first, &second, 0.1, 0.9).unwrap();
        assert!((test.t_statistic.unwrap() - SCIPY[0]).abs() < 1e-12);
        assert!((test.p_value.unwrap() - SCIPY[1]).abs() < 1e-12);
        assert!((test.low - SCIPY[2]).abs() < 1e-12);
        assert!((test.high - SCIPY[3]).abs() < 1e-12);
        assert_eq!(test.verdict, Verdict::Drifting);
    }
    const SCIPY: [f64; 4] = [
        3.015424266194499,
        0.03933982315610378,
        0.12306810212575231,
        0.7169318978742474,
    ];

    #[test]
    fn verdicts() {
        let verdict = |first: &[f64], second: &[f64]| {
            compare_halves(first, second, 0.1, 0.9).unwrap().verdict
        };
        let base = [1.0, 1.0, 1.0, 1.0];
        assert_eq!(
            verdict(&base, &[1.01, 0.99, 1.02, 0.98]),
            Verdict::Invariant
        );
        // A resolved drift that is smaller than the tolerance is no matter.
        assert_eq!(
            verdict(&base, &[1.02, 1.021, 1.019, 1.02]),
            Verdict::Invariant
        );
        assert_eq!(verdict(&base, &[1.3, 1.35, 1.28, 1.31]), Verdict::Drifting);
        assert_eq!(verdict(&base, &[0.7, 0.65, 0.72, 0.69]), Verdict::Drifting);
        // Two noisy runs: not significant, and no proof of anything.
        assert_eq!(verdict(&base[..2], &[1.4, 0.7]), Verdict::Undecided);
        // One run: the tolerance decides.
        assert_eq!(verdict(&[1.0], &[1.09]), Verdict::Invariant);
        assert_eq!(verdict(&[1.0], &[0.8]), Verdict::Drifting);
        let one = compare_halves(&[1.0], &[1.09], 0.1, 0.9).unwrap();
        assert_eq!(
            (one.standard_error, one.t_statistic, one.p_value),
            (None, None, None)
        );
        // No scatter at all.
        assert_eq!(verdict(&base, &base), Verdict::Invariant);
    }

    #[test]
    fn refuses_nonsense() {
        assert!(compare_halves(&[], &[], 0.1, 0.9).is_err());
        assert!(compare_halves(&[1.0], &[1.0, 2.0], 0.1, 0.9).is_err());
        assert!(matches!(
            compare_halves(&[1.0, 2.0], &[1.0, f64::NAN], 0.1, 0.9),
            Err(ThermalisationError::NotFinite { run: 1, .. })
        ));
        for (tolerance, level) in [(0.0, 0.9), (f64::NAN, 0.9), (0.1, 1.0), (0.1, f64::NAN)] {
            assert!(compare_halves(&[1.0], &[1.0], tolerance, level).is_err());
        }
    }

    proptest! {
        #[test]
        fn exchanging_the_halves_changes_only_signs(
            values in prop::collection::vec((-3.0_f64..3.0, -3.0_f64..3.0), 1..10),
        ) {
            let (first, second): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
            let forward = compare_halves(&first, &second, 0.2, 0.9).unwrap();
            let backward = compare_halves(&second, &first, 0.2, 0.9).unwrap();
            prop_assert_eq!(forward.verdict, backward.verdict);
            prop_assert!((forward.low + backward.high).abs() < 1e-12);
            prop_assert_eq!(forward.p_value, backward.p_value);
        }
    }
}
