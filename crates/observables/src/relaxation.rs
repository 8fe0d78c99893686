//! The relaxation time and the diffusion coefficient, from measured correlations.

use crate::line::Line;
use serde::{Deserialize, Serialize};

/// The value of `F_s(q_max, t)` that defines the relaxation time `tau_alpha` (the paper, Sec. II B).
pub const THRESHOLD: f64 = 0.2;

/// Why a relaxation time or a diffusion coefficient could not be determined.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RelaxationError {
    /// The two lists have different lengths, or are empty.
    #[error("{times} times and {values} values: give equally many, and at least one")]
    Lengths {
        /// The number of times.
        times: usize,
        /// The number of values.
        values: usize,
    },
    /// A time is not positive and longer than the one before, or a value is not finite.
    #[error(
        "entry {index} (time {time}, value {value}): times must be positive and increase, values be finite"
    )]
    InvalidEntry {
        /// The position in the lists.
        index: usize,
        /// The time.
        time: f64,
        /// The value.
        value: f64,
    },
    /// The correlation stays above the threshold.
    #[error(
        "F_s falls to {lowest} only, not to {threshold}, up to t = {longest_time}: measure longer lags"
    )]
    NeverCrosses {
        /// The lowest value that was reached.
        lowest: f64,
        /// The threshold.
        threshold: f64,
        /// The longest time.
        longest_time: f64,
    },
    /// The correlation has fallen to the threshold by the first time already.
    #[error(
        "F_s is {value} at the first time t = {first_time}, not above {threshold}: measure shorter lags"
    )]
    AlreadyBelow {
        /// The first value.
        value: f64,
        /// The threshold.
        threshold: f64,
        /// The first time.
        first_time: f64,
    },
    /// Fewer than three times lie in the window of the diffusive regime.
    #[error(
        "{points} times lie in the window from {from} to {to}: at least 3 are needed; \
         space the lags more densely or widen the window"
    )]
    TooFewPoints {
        /// The number of times in the window.
        points: usize,
        /// The beginning of the window.
        from: f64,
        /// The end of the window.
        to: f64,
    },
    /// The mean squared displacement does not grow in proportion to time.
    #[error(
        "the mean squared displacement grows as t^{logarithmic_slope} between t = {from} and {to}, where it reaches \
         {reached}; within {tolerance} of t^1 counts as diffusive: measure longer lags"
    )]
    NotDiffusive {
        /// `d ln <r^2> / d ln t` over the window.
        logarithmic_slope: f64,
        /// The accepted deviation of it from 1.
        tolerance: f64,
        /// The beginning of the window.
        from: f64,
        /// The end of the window.
        to: f64,
        /// The mean squared displacement at the end.
        reached: f64,
    },
    /// A temperature is not positive, or a share of free flight not between 0 and 1.
    #[error(
        "temperature {temperature} and share {share}: the temperature must be positive, the share in (0, 1), 0.5 is usual"
    )]
    InvalidShare {
        /// The temperature.
        temperature: f64,
        /// The share of free flight.
        share: f64,
    },
    /// The mean squared displacement stays near that of free flight.
    #[error(
        "the mean squared displacement falls to {lowest} of that in free flight only, not to {share}, up to t = {longest_time}:          measure longer lags, or check temperature and dimension"
    )]
    AlwaysBallistic {
        /// The lowest share that was reached.
        lowest: f64,
        /// The share that was asked for.
        share: f64,
        /// The longest time.
        longest_time: f64,
    },
    /// The mean squared displacement is below that of free flight from the first time on.
    #[error(
        "the mean squared displacement is {value} of that in free flight at the first time t = {first_time} already, not above \
         {share}: measure shorter lags, or check temperature and dimension"
    )]
    NeverBallistic {
        /// The first share.
        value: f64,
        /// The share that was asked for.
        share: f64,
        /// The first time.
        first_time: f64,
    },
    /// The function does not flatten between two steps.
    #[error(
        "none of the {lags} lags lies on a plateau: the liquid is too hot for one, or the lags are too few or too short"
    )]
    NoPlateau {
        /// The number of lags.
        lags: usize,
    },
}

/// The first time at which `scattering`, a decaying correlation, falls to `threshold`:
/// `F_s(tau_alpha) = threshold`, with `ln t` interpolated linearly in `F_s` between the two neighbouring lags.
///
/// The result has the unit of `times`. Source: the paper, Sec. II B (`threshold = 0.2`, [`THRESHOLD`]).
///
/// # Errors
///
/// If the correlation never falls to the threshold, has done so at the first time already, or the lists are not
/// equally long, finite, and the times positive and increasing.
///
/// # Examples
///
/// ```
/// use vitreous_observables::relaxation;
///
/// let tau = relaxation::relaxation_time(&[1.0, 100.0], &[0.3, 0.1], 0.2)?;
/// assert!((tau - 10.0).abs() < 1e-12);
/// # Ok::<(), vitreous_observables::RelaxationError>(())
/// ```
pub fn relaxation_time(
    times: &[f64],
    scattering: &[f64],
    threshold: f64,
) -> Result<f64, RelaxationError> {
    check(times, scattering)?;
    let (first_time, longest_time) = (times[0], times[times.len() - 1]);
    let Some(index) = scattering.iter().position(|&value| value <= threshold) else {
        let lowest = scattering.iter().copied().fold(f64::INFINITY, f64::min);
        return Err(RelaxationError::NeverCrosses {
            lowest,
            threshold,
            longest_time,
        });
    };
    if index == 0 {
        return Err(RelaxationError::AlreadyBelow {
            value: scattering[0],
            threshold,
            first_time,
        });
    }
    let (above, below) = (scattering[index - 1], scattering[index]);
    let (before, after) = (libm::log(times[index - 1]), libm::log(times[index]));
    let fraction = (above - threshold) / (above - below);
    Ok(libm::exp(before + fraction * (after - before)))
}

/// Which part of the mean squared displacement counts as long times, and when it counts as diffusive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiffusiveWindow {
    /// The window runs from the longest time divided by this number to the longest time; above 1.
    pub span: f64,
    /// How far the logarithmic slope of the mean squared displacement in the window may be from 1.
    pub tolerance: f64,
}

impl Default for DiffusiveWindow {
    /// The last half decade of time, and a slope between 0.9 and 1.1.
    fn default() -> Self {
        Self {
            span: f64::sqrt(10.0),
            tolerance: 0.1,
        }
    }
}

/// A diffusion coefficient, and the part of the mean squared displacement that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diffusion {
    /// `D`, a squared length over a time.
    pub coefficient: f64,
    /// `d ln <r^2> / d ln t` over the window, which is near 1.
    pub logarithmic_slope: f64,
    /// The first time in the window.
    pub from: f64,
    /// The last time in the window.
    pub to: f64,
}

/// The diffusion coefficient from the long-time part of the mean squared displacement, `<r^2> = c + 2 d D t` in
/// `d` dimensions.
///
/// The line is fitted by least squares of the relative deviations (weights `1/t^2`) to the times in the window; the
/// constant `c` is what the motion within the cage leaves. Source: Einstein's relation; the paper, Appendix D.
///
/// # Errors
///
/// If the logarithmic slope in the window is not within the tolerance of 1 (the error carries what was
/// reached), fewer than three times lie in the window, or the lists are not equally long, finite, and the times
/// positive and increasing.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{DiffusiveWindow, relaxation};
///
/// let times = [1.0, 2.0, 4.0, 8.0];
/// let msd = times.map(|t| 0.1 + 6.0 * 0.5 * t);
/// let window = DiffusiveWindow { span: 4.0, ..DiffusiveWindow::default() };
/// let diffusion = relaxation::diffusion_coefficient(&times, &msd, 3, window)?;
/// assert!((diffusion.coefficient - 0.5).abs() < 1e-12);
/// # Ok::<(), vitreous_observables::RelaxationError>(())
/// ```
pub fn diffusion_coefficient(
    times: &[f64],
    mean_squared_displacement: &[f64],
    dimension: usize,
    window: DiffusiveWindow,
) -> Result<Diffusion, RelaxationError> {
    check(times, mean_squared_displacement)?;
    let to = times[times.len() - 1];
    // One rounding error must not decide whether a time belongs to the window.
    let start = times.partition_point(|&time| time * window.span < to * (1.0 - 1e-12));
    let points = times[start..]
        .iter()
        .copied()
        .zip(mean_squared_displacement[start..].iter().copied());
    let number = times.len() - start;
    if number < 3 {
        return Err(RelaxationError::TooFewPoints {
            points: number,
            from: to / window.span,
            to,
        });
    }
    let from = times[start];
    let logarithms = points.clone().map(|(t, r2)| (libm::log(t), libm::log(r2)));
    let logarithmic_slope = Line::through(logarithms).slope;
    let deviation = (logarithmic_slope - 1.0).abs();
    // Also when the slope is not a number.
    if deviation.is_nan() || deviation > window.tolerance {
        return Err(RelaxationError::NotDiffusive {
            logarithmic_slope,
            tolerance: window.tolerance,
            from,
            to,
            reached: mean_squared_displacement[times.len() - 1],
        });
    }
    let line = Line::weighted(points.map(|(t, r2)| (t, r2, 1.0 / (t * t))));
    Ok(Diffusion {
        coefficient: line.slope / (2.0 * dimension as f64),
        logarithmic_slope,
        from,
        to,
    })
}

pub(crate) fn check(times: &[f64], values: &[f64]) -> Result<(), RelaxationError> {
    if times.is_empty() || times.len() != values.len() {
        return Err(RelaxationError::Lengths {
            times: times.len(),
            values: values.len(),
        });
    }
    let mut previous = 0.0;
    for (index, (&time, &value)) in times.iter().zip(values).enumerate() {
        if !(time > previous && time.is_finite() && value.is_finite()) {
            return Err(RelaxationError::InvalidEntry { index, time, value });
        }
        previous = time;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log_times(count: usize, per_decade: f64, first: f64) -> Vec<f64> {
        (0..count)
            .map(|i| first * 10_f64.powf(i as f64 / per_decade))
            .collect()
    }

    #[test]
    fn reports_what_was_reached() {
        let times = [1.0, 2.0, 3.0];
        assert_eq!(
            relaxation_time(&times, &[0.9, 0.3, 0.4], 0.2),
            Err(RelaxationError::NeverCrosses {
                lowest: 0.3,
                threshold: 0.2,
                longest_time: 3.0
            })
        );
        assert_eq!(
            relaxation_time(&times, &[0.2, 0.1, 0.0], 0.2),
            Err(RelaxationError::AlreadyBelow {
                value: 0.2,
                threshold: 0.2,
                first_time: 1.0
            })
        );
    }

    #[test]
    fn takes_the_first_crossing_and_meets_points_exactly() {
        let times = [1.0, 10.0, 100.0, 1000.0];
        let tau = relaxation_time(&times, &[0.9, 0.2, 0.5, 0.1], 0.2).unwrap();
        assert!((tau - 10.0).abs() < 1e-13);
    }

    #[test]
    fn refuses_nonsense() {
        assert!(matches!(
            relaxation_time(&[], &[], 0.2),
            Err(RelaxationError::Lengths { .. })
        ));
        assert!(matches!(
            relaxation_time(&[1.0, 2.0], &[0.5], 0.2),
            Err(RelaxationError::Lengths { .. })
        ));
        for (times, values, bad) in [
            ([0.0, 1.0], [0.5, 0.1], 0),
            ([2.0, 2.0], [0.5, 0.1], 1),
            ([1.0, 2.0], [0.5, f64::NAN], 1),
            ([1.0, f64::INFINITY], [0.5, 0.1], 1),
        ] {
            let error = relaxation_time(&times, &values, 0.2).unwrap_err();
            assert!(matches!(error, RelaxationError::InvalidEntry { index, .. } if index == bad));
        }
    }

    #[test]
    fn a_plateau_is_not_diffusive() {
        let times = log_times(60, 12.0, 1e-2);
        let msd: Vec<f64> = times.iter().map(|t| 0.04 * t * t / (0.1 + t * t)).collect();
        let error = diffusion_coefficient(&times, &msd, 3, DiffusiveWindow::default()).unwrap_err();
        let RelaxationError::NotDiffusive {
            logarithmic_slope,
            reached,
            ..
        } = error
        else {
            panic!("{error}")
        };
        assert!(logarithmic_slope < 0.01 && (reached - 0.04).abs() < 1e-3);
        // So is a list of zeros, whose logarithms do not exist.
        let zeros = vec![0.0; 60];
        assert!(diffusion_coefficient(&times, &zeros, 3, DiffusiveWindow::default()).is_err());
        assert!(matches!(
            diffusion_coefficient(&times[..2], &msd[..2], 3, DiffusiveWindow::default()),
            Err(RelaxationError::TooFewPoints { points: 2, .. })
        ));
    }

    proptest! {
        /// Between lags a factor `h` apart the interpolated `ln t` is off by at most `h^2 / 8 |f''/f'|` with
        /// `f(ln t) = exp(-exp(ln t / tau))`, where `|f''/f'| = |1 - t/tau| < 1` near `t/tau = ln 5 = 1.6`.
        #[test]
        fn exponential_decay_gives_its_time(tau in 0.1_f64..1e4, per_decade in 8.0_f64..40.0) {
            let times = log_times(400, per_decade, 1e-3);
            let scattering: Vec<f64> = times.iter().map(|t| (-t / tau).exp()).collect();
            let measured = relaxation_time(&times, &scattering, 0.2).unwrap();
            let step = 10_f64.ln() / per_decade;
            prop_assert!((measured / (5_f64.ln() * tau)).ln().abs() <= step * step / 8.0);
        }

        #[test]
        fn planted_diffusion_is_recovered(
            coefficient in 1e-6_f64..10.0, cage in 0.0_f64..0.05, dimension in 2_usize..4,
        ) {
            let longest = 1.0 / coefficient;
            let times = log_times(50, 12.0, longest * 10_f64.powf(-49.0 / 12.0));
            let d = dimension as f64;
            let msd: Vec<f64> = times.iter().map(|t| cage + 2.0 * d * coefficient * t).collect();
            let diffusion =
                diffusion_coefficient(&times, &msd, dimension, DiffusiveWindow::default()).unwrap();
            prop_assert!((diffusion.coefficient / coefficient - 1.0).abs() < 1e-12);
            prop_assert!(diffusion.logarithmic_slope <= 1.0 + 1e-12);
            prop_assert!((diffusion.to / longest - 1.0).abs() < 1e-12);
            prop_assert!(diffusion.from > 0.3 * longest);
        }
    }
}
