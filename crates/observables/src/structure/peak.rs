//! The first peak of a structure factor.

use crate::polynomial::Polynomial;
use serde::{Deserialize, Serialize};

/// The degree of the polynomial: a peak may be skew, and narrower at the top than a parabola.
const DEGREE: usize = 4;
/// The number of bins that must lie in the upper half of the peak.
const FEWEST: usize = 8;
/// A peak rises above 1 by this many of its standard errors.
const SIGNIFICANCE: f64 = 5.0;

/// A peak of a structure factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Where it is, an inverse length.
    pub wave_number: f64,
    /// The standard error of that.
    pub wave_number_error: f64,
    /// How high it is.
    pub height: f64,
    /// The standard error of that.
    pub height_error: f64,
}

/// Why no peak was found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PeakError {
    /// The lists have different lengths, or are empty.
    #[error(
        "{wave_numbers} wave numbers, {values} values and {weights} weights: give equally many"
    )]
    Lengths {
        /// The number of wave numbers.
        wave_numbers: usize,
        /// The number of values.
        values: usize,
        /// The number of weights.
        weights: usize,
    },
    /// Wave numbers do not increase, a value is not finite, or a weight is not positive.
    #[error(
        "entry {index} (wave number {wave_number}, value {value}, weight {weight}): wave numbers must increase, values be \
         finite, weights positive"
    )]
    InvalidEntry {
        /// The position in the lists.
        index: usize,
        /// The wave number.
        wave_number: f64,
        /// The value.
        value: f64,
        /// The weight.
        weight: f64,
    },
    /// There is no such species.
    #[error("no species {species}: there are {known}, counted from 0")]
    UnknownSpecies {
        /// The species that was asked for.
        species: usize,
        /// The number of species.
        known: usize,
    },
    /// The values are highest at an end of the range, or have not fallen to half the height before it.
    #[error(
        "the structure factor is highest at q = {wave_number}, and has not fallen to half of that above 1 within the range \
         from {from} to {to}: measure larger wave numbers, or call this no peak"
    )]
    AtEdge {
        /// Where the values are highest.
        wave_number: f64,
        /// The first wave number.
        from: f64,
        /// The last wave number.
        to: f64,
    },
    /// The peak is narrower than the bins.
    #[error(
        "only {bins} bins lie in the upper half of the peak at q = {wave_number}: at least 8 are needed; \
         take narrower bins"
    )]
    TooFewBins {
        /// The number of bins.
        bins: usize,
        /// Where the values are highest.
        wave_number: f64,
    },
    /// What is highest does not stand out.
    #[error(
        "the structure factor reaches {height} +- {height_error} near q = {wave_number}, which does not stand out above 1: \
         measure more frames, or call this no peak"
    )]
    NoPeak {
        /// Where the values are highest.
        wave_number: f64,
        /// The height there.
        height: f64,
        /// Its standard error.
        height_error: f64,
    },
}

/// The first peak of a structure factor that tends to 1 at large wave numbers, such as `S_aa/c_a`: in dense liquids it is
/// the highest, and the highest is what this looks for.
///
/// The bins around the highest one (of means over three) that lie above half of the peak, that is above
/// `1 + (S - 1)/2`, are fitted by a polynomial of fourth degree; the result is its maximum. `weights` are
/// proportional to the inverse variances of the values: numbers of wave vectors will do. The standard errors come from the
/// scatter of the values about the fit: they know of noise, but not of frames that resemble each other.
///
/// # Errors
///
/// If the highest value is at an end of the range or too near to it, the peak has fewer than eight bins or does not rise above 1 by
/// five standard errors, or the lists are not equally long, finite, and in order.
///
/// # Examples
///
/// ```
/// use vitreous_observables::structure::peak::first_peak;
///
/// let wave_numbers: Vec<f64> = (1..150).map(|i| 0.1 * f64::from(i)).collect();
/// let values: Vec<f64> =
///     wave_numbers.iter().map(|q| 1.0 + 1.5 / (1.0 + 4.0 * (q - 6.35).powi(2))).collect();
/// let peak = first_peak(&wave_numbers, &values, &vec![1.0; 149])?;
/// assert!((peak.wave_number - 6.35).abs() < 0.01);
/// # Ok::<(), vitreous_observables::PeakError>(())
/// ```
pub fn first_peak(
    wave_numbers: &[f64],
    values: &[f64],
    weights: &[f64],
) -> Result<Peak, PeakError> {
    check(wave_numbers, values, weights)?;
    let last = values.len() - 1;
    let smooth: Vec<f64> = (0..=last)
        .map(|place| {
            let near = place.saturating_sub(1)..=(place + 1).min(last);
            let total: f64 = weights[near.clone()].iter().sum();
            near.map(|k| weights[k] * values[k]).sum::<f64>() / total
        })
        .collect();
    let top = (0..=last).fold(0, |top, k| if smooth[k] > smooth[top] { k } else { top });
    let wave_number = wave_numbers[top];
    let half = 1.0 + 0.5 * (smooth[top] - 1.0);
    if smooth[top] <= 1.0 {
        let (height, height_error) = (smooth[top], 0.0);
        return Err(PeakError::NoPeak {
            wave_number,
            height,
            height_error,
        });
    }
    let below = (0..top).rev().find(|&k| smooth[k] < half);
    let above = (top..=last).find(|&k| smooth[k] < half);
    let (Some(below), Some(above)) = (below, above) else {
        let (from, to) = (wave_numbers[0], wave_numbers[last]);
        return Err(PeakError::AtEdge {
            wave_number,
            from,
            to,
        });
    };
    let upper = below + 1..above;
    let bins = upper.len();
    let points = upper
        .clone()
        .map(|k| (wave_numbers[k], values[k], weights[k]));
    let fit = if bins < FEWEST {
        None
    } else {
        Polynomial::weighted(points, DEGREE)
    };
    let Some(fit) = fit else {
        return Err(PeakError::TooFewBins { bins, wave_number });
    };
    let (height, wave_number) =
        maximum(&fit, wave_numbers[upper.start], wave_numbers[upper.end - 1]);
    let [height_error, slope_error] = fit.errors(wave_number);
    let curvature = fit.curvature(wave_number);
    // Not a number counts as no peak.
    let stands_out = height - 1.0 > SIGNIFICANCE * height_error;
    if !stands_out || curvature >= 0.0 {
        return Err(PeakError::NoPeak {
            wave_number,
            height,
            height_error,
        });
    }
    Ok(Peak {
        wave_number,
        // The maximum moves by (change of slope)/(curvature).
        wave_number_error: slope_error / -curvature,
        height,
        height_error,
    })
}

/// The highest value of a polynomial in an interval, and where it is.
fn maximum(fit: &Polynomial, low: f64, high: f64) -> (f64, f64) {
    // Fine enough that the highest of the maxima, of which there are at most two, is not mistaken.
    let parts = 256;
    let at = |part: i32| low + (high - low) * f64::from(part) / f64::from(parts);
    let best = (0..=parts).fold(0, |best, part| {
        if fit.at(at(part)) > fit.at(at(best)) {
            part
        } else {
            best
        }
    });
    // The slope changes sign in this interval, unless the maximum is at an end.
    let (mut left, mut right) = (at((best - 1).max(0)), at((best + 1).min(parts)));
    for _ in 0..60 {
        let middle = 0.5 * (left + right);
        if fit.slope(middle) > 0.0 {
            left = middle;
        } else {
            right = middle;
        }
    }
    let place = 0.5 * (left + right);
    (fit.at(place), place)
}

fn check(wave_numbers: &[f64], values: &[f64], weights: &[f64]) -> Result<(), PeakError> {
    if values.is_empty() || wave_numbers.len() != values.len() || weights.len() != values.len() {
        return Err(PeakError::Lengths {
            wave_numbers: wave_numbers.len(),
            values: values.len(),
            weights: weights.len(),
        });
    }
    for (index, &value) in values.iter().enumerate() {
        let (wave_number, weight) = (wave_numbers[index], weights[index]);
        let increases = index == 0 || wave_number > wave_numbers[index - 1];
        let positive = weight > 0.0 && weight.is_finite();
        if !(increases && positive && wave_number.is_finite() && value.is_finite()) {
            return Err(PeakError::InvalidEntry {
                index,
                wave_number,
                value,
                weight,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// A skew peak over a correlation hole, with the oscillations that follow.
    fn liquid(q: f64, place: f64, width: f64, skew: f64) -> f64 {
        let u = (q - place) / (width * (1.0 + skew * (q - place)).max(0.1));
        let rest = 1.0 - libm::exp(-libm::pow(q / place, 6.0)) - 0.1 * libm::cos(q * 1.1);
        rest + 1.6 / (1.0 + u * u)
    }

    /// Gauss' distribution as the sum of twelve uniform ones.
    fn noise(random: &mut impl Rng) -> f64 {
        (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
    }

    proptest! {
        /// The maximum of a smooth curve is found wherever it lies, within a fraction of a bin.
        #[test]
        fn finds_the_maximum_of_a_curve(
            place in 4.0_f64..8.0, width in 0.35_f64..0.6, skew in -0.3_f64..0.3, bin in 0.05_f64..0.1,
        ) {
            let number = (14.0 / bin) as usize;
            let q: Vec<f64> = (1..number).map(|i| i as f64 * bin).collect();
            let values: Vec<f64> = q.iter().map(|&q| liquid(q, place, width, skew)).collect();
            let fine = (0..100_000).map(|i| place - 1.0 + 2e-5 * f64::from(i));
            let exact = fine.fold(place, |best, q| {
                if liquid(q, place, width, skew) > liquid(best, place, width, skew) { q } else { best }
            });
            let peak = first_peak(&q, &values, &vec![1.0; q.len()]).unwrap();
            // What a polynomial of fourth degree misses of the upper half of a Lorentzian, skewed, of width 0.6.
            prop_assert!((peak.wave_number - exact).abs() < 0.02, "{} {exact}", peak.wave_number);
        }

        /// With noise, the deviation is that of the stated error.
        #[test]
        fn the_error_is_the_scatter(seed in any::<u64>(), place in 5.0_f64..7.0) {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let q: Vec<f64> = (1..140).map(|i| 0.1 * f64::from(i)).collect();
            let clean: Vec<f64> = q.iter().map(|&q| liquid(q, place, 0.5, 0.0)).collect();
            let reference = first_peak(&q, &clean, &vec![1.0; q.len()]).unwrap();
            let weights: Vec<f64> = q.iter().map(|q| q * q).collect();
            let (mut deviations, mut stated) = (0.0, 0.0);
            for _ in 0..100 {
                let values: Vec<f64> = clean
                    .iter()
                    .zip(&weights)
                    .map(|(s, weight)| s * (1.0 + 0.2 * noise(&mut random) / weight.sqrt()))
                    .collect();
                let peak = first_peak(&q, &values, &weights).unwrap();
                deviations += (peak.wave_number - reference.wave_number).powi(2);
                stated += peak.wave_number_error.powi(2);
            }
            // Variances of 100 samples scatter by sqrt(2/100) = 14 %; the noise grows with S, which the weights do not know, and
            // weighted and unweighted fits of the clean curve differ a little.
            let ratio = deviations / stated;
            prop_assert!(ratio > 0.4 && ratio < 2.2, "{ratio}");
        }

        /// There is no peak in the noise of a gas.
        #[test]
        fn a_gas_has_no_peak(seed in any::<u64>()) {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let q: Vec<f64> = (1..140).map(|i| 0.1 * f64::from(i)).collect();
            let values: Vec<f64> = q.iter().map(|q| 1.0 + 0.3 * noise(&mut random) / q).collect();
            let weights: Vec<f64> = q.iter().map(|q| q * q).collect();
            prop_assert!(first_peak(&q, &values, &weights).is_err());
        }
    }

    #[test]
    fn says_why_there_is_none() {
        let q: Vec<f64> = (1..60).map(|i| 0.1 * f64::from(i)).collect();
        let values: Vec<f64> = q.iter().map(|&q| liquid(q, 6.3, 0.5, 0.0)).collect();
        let weights = vec![1.0; q.len()];
        // The range ends on the way up.
        assert!(matches!(
            first_peak(&q, &values, &weights),
            Err(PeakError::AtEdge { to, .. }) if (to - 5.9).abs() < 1e-12
        ));
        let coarse: Vec<f64> = (1..30).map(|i| 0.5 * f64::from(i)).collect();
        let values: Vec<f64> = coarse.iter().map(|&q| liquid(q, 6.3, 0.5, 0.0)).collect();
        assert!(matches!(
            first_peak(&coarse, &values, &[1.0; 29]),
            Err(PeakError::TooFewBins { bins: 1..8, .. })
        ));
        assert!(matches!(
            first_peak(&q, &vec![0.5; q.len()], &weights),
            Err(PeakError::NoPeak { .. })
        ));
        assert!(matches!(
            first_peak(&q, &q[1..], &weights),
            Err(PeakError::Lengths { .. })
        ));
        let mut bad = vec![1.0; q.len()];
        bad[7] = f64::NAN;
        assert!(matches!(
            first_peak(&q, &bad, &weights),
            Err(PeakError::InvalidEntry { index: 7, .. })
        ));
    }
}
