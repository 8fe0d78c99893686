//! A particle in the cage of its neighbours: the end of ballistic flight and the plateau before relaxation.

use crate::polynomial::Polynomial;
use crate::relaxation::{RelaxationError, check};
use serde::{Deserialize, Serialize};

/// The share of free flight that is left at the end of the ballistic regime, see [`ballistic_time`].
pub const BALLISTIC_SHARE: f64 = 0.5;

/// Slopes in `ln t` come from parabolas over this many lags, or all within [`SPAN`] if they are more.
const POINTS: usize = 5;
/// The part of `ln t` that a slope comes from: a third of a decade.
const SPAN: f64 = 0.77;

/// A plateau of a correlation function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// The time at which the function is flattest.
    pub time: f64,
    /// Its value there.
    pub height: f64,
    /// Its slope there: `dF_s/d ln t`, or `d ln <r^2>/d ln t`.
    pub slope: f64,
}

/// The end of the ballistic regime: the first time at which the mean squared displacement falls to a share of that in free
/// flight,
///
/// ```text
/// <r^2>(t) = share * d T t^2    (m = k_B = 1, d dimensions),
/// ```
///
/// with `ln t` interpolated linearly in the ratio of the two. The result has the unit of `times`. For a particle that
/// oscillates harmonically with frequency `w` the ratio is `2 (1 - cos w t)/(w t)^2`, and half is reached at `w t = 2.78`, just before the
/// displacement turns: [`BALLISTIC_SHARE`] is the usual choice. The paper quotes `0.1 t0` for all its models, without a share (Sec. III
/// B; its Fig. 9 shows where the curves leave the line).
///
/// # Errors
///
/// If the ratio never falls to the share, or has done so at the first time already; the temperature is not positive, or the
/// share is not in (0, 1); or the lists are not equally long, finite, and the times positive and increasing.
///
/// # Examples
///
/// ```
/// use vitreous_observables::cage;
///
/// let times: Vec<f64> = (1..100).map(|i| 0.02 * f64::from(i)).collect();
/// let msd: Vec<f64> = times.iter().map(|t| 3.0 * 0.5 * 2.0 * (1.0 - (5.0 * t).cos()) / 25.0).collect();
/// let end = cage::ballistic_time(&times, &msd, 3, 0.5, cage::BALLISTIC_SHARE)?;
/// assert!((5.0 * end - 2.783).abs() < 2e-3);
/// # Ok::<(), vitreous_observables::RelaxationError>(())
/// ```
pub fn ballistic_time(
    times: &[f64],
    mean_squared_displacement: &[f64],
    dimension: usize,
    temperature: f64,
    share: f64,
) -> Result<f64, RelaxationError> {
    check(times, mean_squared_displacement)?;
    if !(temperature > 0.0 && temperature.is_finite() && share > 0.0 && share < 1.0) {
        return Err(RelaxationError::InvalidShare { temperature, share });
    }
    let ratios: Vec<f64> = times
        .iter()
        .zip(mean_squared_displacement)
        .map(|(t, r2)| r2 / (dimension as f64 * temperature * t * t))
        .collect();
    crate::relaxation::relaxation_time(times, &ratios, share).map_err(|error| match error {
        RelaxationError::NeverCrosses {
            lowest,
            longest_time,
            ..
        } => RelaxationError::AlwaysBallistic {
            lowest,
            share,
            longest_time,
        },
        RelaxationError::AlreadyBelow {
            value, first_time, ..
        } => RelaxationError::NeverBallistic {
            value,
            share,
            first_time,
        },
        other => other,
    })
}

/// The plateau of `F_s(t)`: the inflection in `ln t` between the decay into the cage and the decay out of it, where
/// `-dF_s/d ln t` is least between its two maxima.
///
/// Slopes are those of parabolas fitted to the lags within a third of a decade (five lags at least).
/// The height is an effective non-ergodicity parameter.
///
/// # Errors
///
/// If there is no such inflection, as in liquids that are too hot for cages; or the lists are not equally long, finite, and the
/// times positive and increasing.
///
/// # Examples
///
/// ```
/// use vitreous_observables::cage;
///
/// let times: Vec<f64> = (0..120).map(|i| 1e-2 * 10_f64.powf(f64::from(i) / 20.0)).collect();
/// let scattering: Vec<f64> = times
///     .iter()
///     .map(|t| (0.3 * (-(t / 0.1).powi(2)).exp() + 0.7) * (-t / 1e3).exp())
///     .collect();
/// let plateau = cage::plateau_of_scattering(&times, &scattering)?;
/// assert!((plateau.height - 0.7).abs() < 0.01);
/// # Ok::<(), vitreous_observables::RelaxationError>(())
/// ```
pub fn plateau_of_scattering(
    times: &[f64],
    scattering: &[f64],
) -> Result<Plateau, RelaxationError> {
    check(times, scattering)?;
    // Below zero there is only noise, which has inflections of its own.
    let end = scattering
        .iter()
        .position(|&value| value <= 0.0)
        .unwrap_or(times.len());
    let logarithms: Vec<f64> = times[..end].iter().map(|&t| libm::log(t)).collect();
    let fits = local_parabolas(&logarithms, &scattering[..end]);
    let rates: Vec<f64> = fits.iter().map(|(x, fit)| -fit.slope(*x)).collect();
    let highest = |from: usize, to: usize| {
        (from..to).fold(
            from,
            |best, k| if rates[k] > rates[best] { k } else { best },
        )
    };
    // The deepest valley: the place whose rate is furthest below the lower of the highest rates on its sides.
    let valley = (1..rates.len().saturating_sub(1))
        .map(|k| {
            let sides = rates[highest(0, k)].min(rates[highest(k + 1, rates.len())]);
            (sides - rates[k], k)
        })
        .fold((0.0, None), |best, (depth, k)| {
            if depth > best.0 {
                (depth, Some(k))
            } else {
                best
            }
        });
    let largest = rates.iter().copied().fold(0.0, f64::max);
    match valley {
        (depth, Some(k)) if depth > LEAST_DEPTH * largest => {
            Ok(plateau(&fits, k, &rates, |y, slope| (y, slope)))
        }
        _ => Err(RelaxationError::NoPlateau { lags: times.len() }),
    }
}

/// A valley is shallower than this part of the highest rate only by noise.
const LEAST_DEPTH: f64 = 0.05;

/// The plateau of the mean squared displacement: where `d ln <r^2>/d ln t` is least. Its height is the Debye-Waller factor `<u^2>`, a
/// squared length, as defined by Larini, Ottochian, De Michele and Leporini, Nature Physics 4, 42 (2008).
///
/// Slopes are found as for [`plateau_of_scattering`].
///
/// # Errors
///
/// If the slope is nowhere below 1 between the ballistic and the diffusive regime, as in liquids that are too hot for cages; a
/// displacement is not positive; or the lists are not equally long, finite, and the times positive and increasing.
///
/// # Examples
///
/// ```
/// use vitreous_observables::cage;
///
/// let times: Vec<f64> = (0..120).map(|i| 1e-2 * 10_f64.powf(f64::from(i) / 20.0)).collect();
/// let msd: Vec<f64> = times.iter().map(|t| 0.03 * t * t / (0.01 + t * t) + 1e-6 * t).collect();
/// let plateau = cage::plateau_of_displacement(&times, &msd)?;
/// assert!((plateau.height - 0.03).abs() < 1e-4);
/// # Ok::<(), vitreous_observables::RelaxationError>(())
/// ```
pub fn plateau_of_displacement(
    times: &[f64],
    mean_squared_displacement: &[f64],
) -> Result<Plateau, RelaxationError> {
    check(times, mean_squared_displacement)?;
    if let Some(index) = mean_squared_displacement.iter().position(|&r2| r2 <= 0.0) {
        let (time, value) = (times[index], mean_squared_displacement[index]);
        return Err(RelaxationError::InvalidEntry { index, time, value });
    }
    let logarithm = |list: &[f64]| list.iter().map(|&x| libm::log(x)).collect::<Vec<f64>>();
    let fits = local_parabolas(&logarithm(times), &logarithm(mean_squared_displacement));
    let slopes: Vec<f64> = fits.iter().map(|(x, fit)| fit.slope(*x)).collect();
    let flattest =
        (0..slopes.len()).fold(0, |best, k| if slopes[k] < slopes[best] { k } else { best });
    let inside = flattest > 0 && flattest + 1 < slopes.len();
    if !inside || slopes[flattest] >= 1.0 {
        return Err(RelaxationError::NoPlateau { lags: times.len() });
    }
    Ok(plateau(&fits, flattest, &slopes, |y, slope| {
        (libm::exp(y), slope)
    }))
}

/// The least of the slopes by a parabola through three of them, and the function there.
fn plateau(
    fits: &[(f64, Polynomial)],
    k: usize,
    slopes: &[f64],
    convert: impl Fn(f64, f64) -> (f64, f64),
) -> Plateau {
    let [x0, x1, x2] = [k - 1, k, k + 1].map(|k| fits[k].0);
    let (left, right) = (
        (slopes[k] - slopes[k - 1]) / (x1 - x0),
        (slopes[k + 1] - slopes[k]) / (x2 - x1),
    );
    // Where the slope of the parabola, known in the middle of the two intervals, vanishes.
    let (a, b) = (0.5 * (x0 + x1), 0.5 * (x1 + x2));
    let place = if right > left {
        a - left * (b - a) / (right - left)
    } else {
        x1
    };
    let place = place.clamp(x0, x2);
    let fit = &fits[k].1;
    let (height, slope) = convert(fit.at(place), fit.slope(place));
    Plateau {
        time: libm::exp(place),
        height,
        slope,
    }
}

/// A parabola around each point that has enough neighbours on either side: as many as lie within half of [`SPAN`] on the side
/// where they are more, so that no window is cut off at an end.
fn local_parabolas(x: &[f64], y: &[f64]) -> Vec<(f64, Polynomial)> {
    (0..x.len())
        .filter_map(|k| {
            let near = |&&other: &&f64| (other - x[k]).abs() <= 0.5 * SPAN;
            let before = x[..k].iter().rev().take_while(near).count();
            let after = x[k + 1..].iter().take_while(near).count();
            let reach = before.max(after).max(POINTS / 2);
            let window = k.checked_sub(reach)?..k + reach + 1;
            let points = x.get(window.clone())?.iter().zip(y.get(window)?);
            Some((
                x[k],
                Polynomial::weighted(points.map(|(&x, &y)| (x, y, 1.0)), 2)?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log_times(per_decade: f64, decades: f64) -> Vec<f64> {
        let number = (decades * per_decade) as usize;
        (0..=number)
            .map(|i| 1e-3 * 10_f64.powf(i as f64 / per_decade))
            .collect()
    }

    #[test]
    fn says_what_was_reached() {
        let times = log_times(10.0, 6.0);
        let free: Vec<f64> = times.iter().map(|t| 3.0 * 0.7 * t * t).collect();
        let Err(RelaxationError::AlwaysBallistic { lowest, .. }) =
            ballistic_time(&times, &free, 3, 0.7, 0.5)
        else {
            panic!()
        };
        assert!((lowest - 1.0).abs() < 1e-12);
        assert!(matches!(
            ballistic_time(&times, &free, 3, 7.0, 0.5),
            Err(RelaxationError::NeverBallistic { value, .. }) if (value - 0.1).abs() < 1e-12
        ));
        for (temperature, share) in [(0.0, 0.5), (f64::NAN, 0.5), (1.0, 0.0), (1.0, 1.0)] {
            assert!(matches!(
                ballistic_time(&times, &free, 3, temperature, share),
                Err(RelaxationError::InvalidShare { .. })
            ));
        }
    }

    #[test]
    fn hot_liquids_have_no_plateau() {
        let times = log_times(20.0, 7.0);
        // From flight to diffusion, without a cage between.
        let msd: Vec<f64> = times.iter().map(|t| t * t / (1.0 + t)).collect();
        assert!(matches!(
            plateau_of_displacement(&times, &msd),
            Err(RelaxationError::NoPlateau { .. })
        ));
        let scattering: Vec<f64> = msd.iter().map(|r2| (-r2).exp()).collect();
        assert!(matches!(
            plateau_of_scattering(&times, &scattering),
            Err(RelaxationError::NoPlateau { .. })
        ));
        assert!(matches!(
            plateau_of_displacement(&[1.0, 2.0], &[0.1, -0.1]),
            Err(RelaxationError::InvalidEntry { index: 1, .. })
        ));
        // Too few lags for any slope.
        assert!(matches!(
            plateau_of_scattering(&[1.0, 2.0], &[0.9, 0.8]),
            Err(RelaxationError::NoPlateau { .. })
        ));
    }

    proptest! {
        /// Against the frequency of an oscillator, at any temperature and dimension: `2 (1 - cos u) = u^2/2` at `u = 2.7830`.
        #[test]
        fn ballistic_time_of_an_oscillator(frequency in 0.5_f64..50.0, temperature in 0.01_f64..10.0, d in 1_usize..4) {
            let times = log_times(50.0, 5.0);
            let msd: Vec<f64> = times
                .iter()
                .map(|t| d as f64 * temperature * 4.0 * (0.5 * frequency * t).sin().powi(2) / (frequency * frequency))
                .collect();
            let end = ballistic_time(&times, &msd, d, temperature, 0.5).unwrap();
            // Lags 4.7 % apart, linear in between: an error of the order of their square, 2e-3/8 times a curvature of a few.
            prop_assert!((end * frequency / 2.7830 - 1.0).abs() < 2e-3, "{}", end * frequency);
        }

        /// Of `1/(1 + c/t^2) + b t` the slope in logarithms is known in closed form; so is where that is least, by a search.
        #[test]
        fn finds_the_flattest_part_of_the_displacement(cage in 0.01_f64..0.1, rate in 1e-6_f64..1e-4, lags in 12.0_f64..40.0) {
            let times = log_times(lags, 8.0);
            let msd = |t: f64| cage * t * t / (0.01 + t * t) + rate * t;
            let slope = |t: f64| (cage * 0.02 * t * t / (0.01 + t * t).powi(2) + rate * t) / msd(t);
            let exact = (0..80_000).map(|i| 1e-2 * 10_f64.powf(1e-4 * f64::from(i)))
                .fold(1.0, |best, t| if slope(t) < slope(best) { t } else { best });
            let values: Vec<f64> = times.iter().map(|&t| msd(t)).collect();
            let plateau = plateau_of_displacement(&times, &values).unwrap();
            // A parabola over h = 0.385 on either side misses h^2/10 times the third derivative of slopes that vary on a scale of 1.
            prop_assert!((plateau.time / exact).ln().abs() < 0.05, "{} {exact}", plateau.time);
            prop_assert!((plateau.height / msd(exact) - 1.0).abs() < 0.01);
            prop_assert!((plateau.slope - slope(exact)).abs() < 0.02);
        }

        /// A decay in two steps has its height between them, also with noise of a thousandth.
        #[test]
        fn finds_the_plateau_of_scattering(height in 0.5_f64..0.9, tau in 50.0_f64..1e4, seed in any::<u32>()) {
            let times = log_times(20.0, 7.5);
            let exact = |t: f64| ((1.0 - height) * (-(t / 0.05_f64).powi(2)).exp() + height) * (-t / tau).exp();
            let values: Vec<f64> = times.iter().enumerate().map(|(i, &t)| {
                let noise = (f64::from(seed) * 0.37 + 12.9898 * i as f64 * i as f64).sin();
                exact(t) + 1e-3 * noise
            }).collect();
            let plateau = plateau_of_scattering(&times, &values).unwrap();
            // Within the plateau the exact curve falls by t/tau, at most a few per cent up to a time of 1.
            prop_assert!((plateau.height - height).abs() < 0.03, "{} {height}", plateau.height);
            prop_assert!((plateau.height - exact(plateau.time)).abs() < 2e-3);
        }
    }
}
