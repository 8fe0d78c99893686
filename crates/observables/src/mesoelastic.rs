//! The fit of the mesoelastic model, Eq. (3) of the paper.

use crate::bootstrap::{Bootstrap, BootstrapError, Interval};
use crate::line::Line;
use serde::{Deserialize, Serialize};

/// The fewest activated temperatures that a line is fitted to.
const FEWEST: usize = 3;

/// Standard errors from the middle to the ends of a 90 % interval of a normal variable.
const HALF_WIDTH: f64 = 1.6448536269514722;

/// Which stiffness the activation energy is compared with; it decides how a slope becomes a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stiffness {
    /// The dipole stiffness `kappa`, an energy over a squared length: `slope = l^2`.
    Dipole,
    /// An elastic modulus such as `G` in `dimension` dimensions, an energy over a volume: `slope = l^dimension`,
    /// the activation volume of the shoving model.
    Modulus {
        /// The dimension of space.
        dimension: usize,
    },
}

/// The settings of the fit of `ln(tau_alpha/t0) = (l~ a0)^2 kappa/T + ln t~` (the paper, Eq. (3) and below it).
///
/// Temperatures belong to the activated regime, and to the fit, if `tau_alpha/t0` exceeds a threshold; `t0 = a0/sqrt(T)`.
/// The line is fitted by least squares with equal weights; `tau_alpha` of a temperature is the geometric
/// mean over its runs, and `kappa` the arithmetic mean over its glasses.
///
/// The same line against another stiffness, for comparison, takes that as the [`Stiffness`].
///
/// # Examples
///
/// ```
/// use vitreous_observables::{Bootstrap, Mesoelastic, StatePoint, Stiffness};
///
/// let model = Mesoelastic::new(1.0, Stiffness::Dipole);
/// let points: Vec<StatePoint> = [0.5_f64, 0.55, 0.6, 0.7]
///     .into_iter()
///     .map(|temperature| {
///         let stiffness = 12.0 - 8.0 * temperature;
///         let tau = 0.1 * (0.16 * stiffness / temperature).exp() / temperature.sqrt();
///         StatePoint {
///             temperature,
///             relaxation_times: vec![0.98 * tau, tau / 0.98],
///             stiffnesses: vec![stiffness - 0.1, stiffness, stiffness + 0.1],
///         }
///     })
///     .collect();
/// let model = Mesoelastic { activated_above: 0.5, ..model };
/// let fit = model.fit(&points)?;
/// assert!((fit.time - 0.1).abs() < 1e-12 && (fit.length - 0.4).abs() < 1e-12);
/// assert_eq!(fit.holds_down_to, Some(0.5));
/// let intervals = model.intervals(&points, &Bootstrap::new(1))?;
/// assert!(intervals.length.contains(0.4));
/// # Ok::<(), vitreous_observables::MesoelasticError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mesoelastic {
    /// The unit of length `a0 = (V/N)^(1/d)`.
    pub length_unit: f64,
    /// Which stiffness the points carry.
    pub stiffness: Stiffness,
    /// A temperature is activated if `tau_alpha/t0` exceeds this number.
    pub activated_above: f64,
    /// The deviation in `ln tau_alpha` from the line up to which it is said to hold, whatever the uncertainties.
    pub tolerance: f64,
}

/// What was measured at one temperature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatePoint {
    /// `T`, in energy units.
    pub temperature: f64,
    /// `tau_alpha` of each independent run, in the microscopic unit of time.
    pub relaxation_times: Vec<f64>,
    /// The stiffness of each glass whose parent temperature is `T` (`kappa` averaged over the interactions of that
    /// glass), in microscopic units.
    pub stiffnesses: Vec<f64>,
}

/// The fitted line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MesoelasticFit {
    /// `t~`, in units of `t0`.
    pub time: f64,
    /// `l~`, in units of `a0`: `sqrt(slope)/a0` for the dipole stiffness.
    pub length: f64,
    /// The slope of `ln(tau_alpha/t0)` against stiffness over temperature, in microscopic units.
    pub slope: f64,
    /// `ln t~`.
    pub intercept: f64,
    /// The share of the variance of `ln(tau_alpha/t0)` that the line explains (1 if there is no variance).
    pub r_squared: f64,
    /// The temperatures that were used, from the warmest to the coldest.
    pub points: Vec<FittedPoint>,
    /// The temperatures that are not activated, from the warmest to the coldest.
    pub not_activated: Vec<f64>,
    /// The lowest temperature down to which, from the warmest one used, the line holds at every temperature (see
    /// [`FittedPoint::deviation`]); `None` if it does not even hold among the three warmest.
    pub holds_down_to: Option<f64>,
}

/// One temperature of a fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedPoint {
    /// `T`.
    pub temperature: f64,
    /// The mean stiffness over `T`.
    pub stiffness_over_temperature: f64,
    /// `ln(tau_alpha/t0)`.
    pub log_time: f64,
    /// `ln(tau_alpha/t0)` minus the line fitted to all the points used.
    pub residual: f64,
    /// `ln(tau_alpha/t0)` minus the line fitted to all *warmer* points and extrapolated to this one. For the three
    /// warmest, which no line can be extrapolated to, minus the line fitted to those three.
    pub deviation: f64,
    /// The standard error of `deviation`, propagated from the scatter over runs (of `ln tau_alpha`) and over glasses
    /// (of the stiffness, times the slope) of this and the warmer points. A sample of one value contributes
    /// nothing, for want of an estimate.
    pub deviation_error: f64,
    /// Whether the line holds here: `|deviation|` is at most the tolerance, or at most 1.645 `deviation_error`,
    /// that is, zero lies within the 90 % interval of the deviation. A point with large errors holds easily.
    pub holds: bool,
}

/// The intervals of the two parameters of the model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MesoelasticIntervals {
    /// `t~`, in units of `t0`.
    pub time: Interval,
    /// `l~`, in units of `a0`. An end is negative, `-sqrt(-slope)/a0`, if slopes below zero are in the interval.
    pub length: Interval,
}

/// Why the model could not be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MesoelasticError {
    /// A setting is out of range.
    #[error("the setting {name} is {value}: it must be finite and positive")]
    InvalidSetting {
        /// Which setting.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A measured number is not finite, or not positive where it must be.
    #[error("at T = {temperature} the {quantity} {value} is not a finite number of the right sign")]
    InvalidValue {
        /// The temperature.
        temperature: f64,
        /// Which quantity.
        quantity: &'static str,
        /// Its value.
        value: f64,
    },
    /// Too few values were measured at a temperature.
    #[error(
        "at T = {temperature} there are {given} values of the {quantity}, at least {needed} are needed"
    )]
    TooFewValues {
        /// The temperature.
        temperature: f64,
        /// Which quantity.
        quantity: &'static str,
        /// The number of values given.
        given: usize,
        /// The number of values needed: one for the fit, two for intervals.
        needed: usize,
    },
    /// A temperature occurs twice.
    #[error(
        "the temperature {temperature} occurs twice: put all its runs and glasses into one state point"
    )]
    RepeatedTemperature {
        /// The temperature.
        temperature: f64,
    },
    /// There are too few temperatures in the activated regime.
    #[error(
        "only {activated} temperatures have tau/t0 > {threshold}, at least 3 are needed: measure colder liquids"
    )]
    TooFewActivated {
        /// The number of activated temperatures.
        activated: usize,
        /// The threshold.
        threshold: f64,
    },
    /// The stiffness over temperature is the same at all activated temperatures.
    #[error(
        "stiffness over temperature is {value} at all activated temperatures: no slope is determined"
    )]
    NoVariation {
        /// The common value.
        value: f64,
    },
    /// The relaxation time does not grow with stiffness over temperature.
    #[error(
        "the slope of ln(tau/t0) against stiffness over temperature is {slope}: it must be positive to be a length"
    )]
    NegativeSlope {
        /// The slope, in microscopic units.
        slope: f64,
    },
    /// The bootstrap failed.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
}

/// A state point reduced to its means and their standard errors, with its logarithms.
struct Reduced<'a> {
    point: &'a StatePoint,
    /// Stiffness over temperature, and its standard error.
    x: f64,
    x_error: f64,
    /// `ln(tau/t0)`, and its standard error.
    y: f64,
    y_error: f64,
    /// `ln(tau/t0)` of each run.
    log_times: Vec<f64>,
}

impl Mesoelastic {
    /// The paper's settings: activated above `tau/t0 = 10`, and a tolerance of 0.2 in `ln tau` (of our own: the paper
    /// judges by eye).
    pub fn new(length_unit: f64, stiffness: Stiffness) -> Self {
        Self {
            length_unit,
            stiffness,
            activated_above: 10.0,
            tolerance: 0.2,
        }
    }

    /// Fits the line to the activated ones among the points, which may come in any order.
    ///
    /// # Errors
    ///
    /// If a number is not finite or has the wrong sign (the error names the temperature), a temperature occurs
    /// twice, fewer than three temperatures are activated, or the slope is not positive.
    pub fn fit(&self, points: &[StatePoint]) -> Result<MesoelasticFit, MesoelasticError> {
        let (activated, not_activated) = self.activated(points)?;
        let line = line(&activated);
        if line.slope <= 0.0 {
            return Err(MesoelasticError::NegativeSlope { slope: line.slope });
        }
        let points: Vec<FittedPoint> = (0..activated.len())
            .map(|index| {
                let Reduced { point, x, y, .. } = activated[index];
                let (deviation, deviation_error) = deviation(&activated, index);
                FittedPoint {
                    temperature: point.temperature,
                    stiffness_over_temperature: x,
                    log_time: y,
                    residual: y - line.at(x),
                    deviation,
                    deviation_error,
                    holds: deviation.abs() <= self.tolerance.max(HALF_WIDTH * deviation_error),
                }
            })
            .collect();
        let mean = points.iter().map(|point| point.log_time).sum::<f64>() / points.len() as f64;
        let squares = |value: &dyn Fn(&FittedPoint) -> f64| -> f64 {
            points.iter().map(|point| value(point) * value(point)).sum()
        };
        let variance = squares(&|point| point.log_time - mean);
        let held = points.iter().take_while(|point| point.holds).count();
        Ok(MesoelasticFit {
            time: libm::exp(line.intercept),
            length: self.length(line.slope),
            slope: line.slope,
            intercept: line.intercept,
            r_squared: if variance > 0.0 {
                1.0 - squares(&|point| point.residual) / variance
            } else {
                1.0
            },
            not_activated,
            holds_down_to: (held >= FEWEST).then(|| points[held - 1].temperature),
            points,
        })
    }

    /// The intervals of `t~` and `l~`, by the stratified `BCa` bootstrap over the runs and the glasses of every
    /// activated temperature.
    ///
    /// Which temperatures are activated is decided once, from all data. Both parameters come from the same replicates.
    ///
    /// # Errors
    ///
    /// As for [`fit`](Self::fit), and if an activated temperature has fewer than two runs or two glasses.
    pub fn intervals(
        &self,
        points: &[StatePoint],
        bootstrap: &Bootstrap,
    ) -> Result<MesoelasticIntervals, MesoelasticError> {
        self.fit(points)?;
        let (activated, _) = self.activated(points)?;
        let temperatures: Vec<f64> = activated.iter().map(|r| r.point.temperature).collect();
        let mut samples: Vec<&[f64]> = Vec::with_capacity(2 * activated.len());
        for reduced in &activated {
            for (quantity, values) in [
                ("relaxation time", &reduced.log_times),
                ("stiffness", &reduced.point.stiffnesses),
            ] {
                if values.len() < 2 {
                    return Err(MesoelasticError::TooFewValues {
                        temperature: reduced.point.temperature,
                        quantity,
                        given: values.len(),
                        needed: 2,
                    });
                }
                samples.push(values);
            }
        }
        let [intercept, slope] = bootstrap.function_of_means(&samples, |means| {
            let (pairs, _) = means.as_chunks::<2>();
            let points = pairs
                .iter()
                .zip(&temperatures)
                .map(|([log_time, stiffness], temperature)| (stiffness / temperature, *log_time));
            let line = Line::through(points);
            [line.intercept, line.slope]
        })?;
        Ok(MesoelasticIntervals {
            time: intercept.map(libm::exp),
            length: slope.map(|slope| self.length(slope)),
        })
    }

    /// The length, in units of `a0`, that belongs to a slope; an increasing function, negative like the slope.
    fn length(&self, slope: f64) -> f64 {
        let root = match self.stiffness {
            Stiffness::Dipole => libm::sqrt(slope.abs()),
            Stiffness::Modulus { dimension } => libm::pow(slope.abs(), 1.0 / dimension as f64),
        };
        root.copysign(slope) / self.length_unit
    }

    /// The activated points and the temperatures that are not, both from warm to cold.
    fn activated<'a>(
        &self,
        points: &'a [StatePoint],
    ) -> Result<(Vec<Reduced<'a>>, Vec<f64>), MesoelasticError> {
        for (name, value) in [
            ("length_unit", self.length_unit),
            ("activated_above", self.activated_above),
            ("tolerance", self.tolerance),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(MesoelasticError::InvalidSetting { name, value });
            }
        }
        if self.stiffness == (Stiffness::Modulus { dimension: 0 }) {
            let name = "dimension";
            return Err(MesoelasticError::InvalidSetting { name, value: 0.0 });
        }
        let mut reduced = points
            .iter()
            .map(|point| self.reduce(point))
            .collect::<Result<Vec<_>, _>>()?;
        reduced.sort_by(|a, b| b.point.temperature.total_cmp(&a.point.temperature));
        for pair in reduced.windows(2) {
            let temperature = pair[0].point.temperature;
            if temperature.total_cmp(&pair[1].point.temperature).is_eq() {
                return Err(MesoelasticError::RepeatedTemperature { temperature });
            }
        }
        let threshold = libm::log(self.activated_above);
        let (activated, others): (Vec<_>, Vec<_>) =
            reduced.into_iter().partition(|point| point.y > threshold);
        if activated.len() < FEWEST {
            return Err(MesoelasticError::TooFewActivated {
                activated: activated.len(),
                threshold: self.activated_above,
            });
        }
        let value = activated[0].x;
        // Up to rounding: a slope from rounding errors means nothing.
        if activated
            .iter()
            .all(|point| (point.x - value).abs() <= 1e-12 * value.abs())
        {
            return Err(MesoelasticError::NoVariation { value });
        }
        let others = others.iter().map(|other| other.point.temperature).collect();
        Ok((activated, others))
    }

    fn reduce<'a>(&self, point: &'a StatePoint) -> Result<Reduced<'a>, MesoelasticError> {
        let temperature = point.temperature;
        let check = |quantity, values: &[f64], positive: bool| {
            if values.is_empty() {
                return Err(MesoelasticError::TooFewValues {
                    temperature,
                    quantity,
                    given: 0,
                    needed: 1,
                });
            }
            match values
                .iter()
                .find(|x| !x.is_finite() || (positive && **x <= 0.0))
            {
                None => Ok(()),
                Some(&value) => Err(MesoelasticError::InvalidValue {
                    temperature,
                    quantity,
                    value,
                }),
            }
        };
        check("temperature", &[temperature], true)?;
        check("relaxation time", &point.relaxation_times, true)?;
        check("stiffness", &point.stiffnesses, false)?;
        let time_unit = self.length_unit / libm::sqrt(temperature);
        let log_times: Vec<f64> = point
            .relaxation_times
            .iter()
            .map(|tau| libm::log(tau / time_unit))
            .collect();
        let (y, y_error) = mean_and_error(&log_times);
        let (stiffness, stiffness_error) = mean_and_error(&point.stiffnesses);
        Ok(Reduced {
            point,
            x: stiffness / temperature,
            x_error: stiffness_error / temperature,
            y,
            y_error,
            log_times,
        })
    }
}

fn line(points: &[Reduced]) -> Line {
    Line::through(points.iter().map(|point| (point.x, point.y)))
}

/// The mean and its standard error, zero for a single value.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let number = values.len() as f64;
    let mean = values.iter().sum::<f64>() / number;
    if values.len() < 2 {
        return (mean, 0.0);
    }
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, libm::sqrt(squares / (number - 1.0) / number))
}

/// The deviation of point `index` from the line through the warmer points (at least the three warmest), and its
/// standard error.
///
/// The line at `x` is `sum_j w_j y_j`, `w_j = 1/n + (x - x_mean)(x_j - x_mean)/sum_i (x_i - x_mean)^2`: the deviation is
/// linear in the `y_j`. An error of `x_j` acts like one of `slope` times it in `y_j`.
fn deviation(points: &[Reduced], index: usize) -> (f64, f64) {
    let warmer = &points[..index.max(FEWEST)];
    let line = line(warmer);
    let point = &points[index];
    let variance = |point: &Reduced| {
        point.y_error * point.y_error + line.slope * line.slope * point.x_error * point.x_error
    };
    let mut sum = if index < FEWEST { 0.0 } else { variance(point) };
    for (place, other) in warmer.iter().enumerate() {
        let weight = 1.0 / warmer.len() as f64
            + (point.x - line.centre) * (other.x - line.centre) / line.spread;
        let own = if place == index { 1.0 } else { 0.0 };
        sum += (own - weight) * (own - weight) * variance(other);
    }
    (point.y - line.at(point.x), libm::sqrt(sum))
}

#[cfg(test)]
mod tests;
