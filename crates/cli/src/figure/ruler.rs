//! From values to positions along an axis: range, mapping and ticks.

use super::Scale;

/// Values beyond this magnitude are no data: squares of them overflow.
const LARGEST: f64 = 1e150;
/// Magnitudes and spans below this are zero for the purpose of drawing.
const SMALLEST: f64 = 1e-290;
/// Empty space at both ends of an automatic range, relative to the span.
const MARGIN: f64 = 0.05;

/// One axis of one panel: its scale, its range and its place on the canvas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruler {
    scale: Scale,
    /// Range in the coordinate of the scale: the value or its logarithm.
    low: f64,
    high: f64,
    /// Canvas position of the low end.
    start: f64,
    /// Canvas position of the high end.
    end: f64,
}

/// The ticks of an axis.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ticks {
    /// Positions and labels of the long ticks.
    pub(super) major: Vec<(f64, String)>,
    /// Positions of the short ticks.
    pub(super) minor: Vec<f64>,
    /// A power of ten by which all labels are to be multiplied, as a label.
    pub(super) multiplier: Option<String>,
}

/// The coordinate of a value on a scale, if it has one.
pub(super) fn coordinate(scale: Scale, value: f64) -> Option<f64> {
    match scale {
        Scale::Linear => (value.abs() < LARGEST).then_some(value),
        Scale::Logarithmic => (value > 0.0 && value < f64::INFINITY).then(|| value.log10()),
    }
}

/// The range, in coordinates of the scale, that shows all values with a
/// margin; `None` if no value has a place on the scale.
pub(super) fn automatic_range(
    scale: Scale,
    values: impl Iterator<Item = f64>,
) -> Option<(f64, f64)> {
    let (low, high) = values
        .filter_map(|value| coordinate(scale, value))
        .map(|value| (value, value))
        .reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))?;
    let largest = low.abs().max(high.abs());
    let span = high - low;
    // Equal values would leave no room for a tick.
    let margin = if span > SMALLEST && span > 1e-12 * largest {
        MARGIN * span
    } else if scale == Scale::Logarithmic {
        0.5
    } else if largest < SMALLEST {
        1.0
    } else {
        0.1 * largest
    };
    Some((low - margin, high + margin))
}

/// A chosen range in coordinates of the scale, if it is a range at all.
pub(super) fn chosen_range(scale: Scale, range: (f64, f64)) -> Option<(f64, f64)> {
    let low = coordinate(scale, range.0)?;
    let high = coordinate(scale, range.1)?;
    let span = high - low;
    (span > SMALLEST && span > 1e-12 * low.abs().max(high.abs())).then_some((low, high))
}

impl Ruler {
    /// Lays a range, in coordinates of the scale, between two positions.
    pub(super) fn new(scale: Scale, range: (f64, f64), start: f64, end: f64) -> Self {
        Self {
            scale,
            low: range.0,
            high: range.1,
            start,
            end,
        }
    }

    /// The position of a value, possibly outside the range.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        coordinate(self.scale, value).map(|at| self.position(at))
    }

    /// The position of a value, moved to the nearer end if it has none inside:
    /// zero and infinity have such a position on every scale.
    pub(super) fn place_inside(&self, value: f64) -> f64 {
        let at = if value.is_infinite() {
            value
        } else {
            coordinate(self.scale, value).unwrap_or(f64::NEG_INFINITY)
        };
        self.position(at.clamp(self.low, self.high))
    }

    /// The position of a coordinate.
    fn position(&self, at: f64) -> f64 {
        let fraction = (at - self.low) / (self.high - self.low);
        // Far outside is outside: the bound keeps later products finite.
        let fraction = fraction.clamp(-1e6, 1e6);
        // In this form both ends are exact, so that points there are inside.
        (1.0 - fraction) * self.start + fraction * self.end
    }

    /// Ticks with about `wanted` labels.
    pub(super) fn ticks(&self, wanted: f64) -> Ticks {
        if self.scale == Scale::Linear {
            return self.linear_ticks(wanted);
        }
        let decades = multiples(1.0, self.low, self.high);
        if decades.len() >= 2 {
            self.decade_ticks(&decades, wanted)
        } else {
            self.short_logarithmic_ticks(wanted)
        }
    }

    /// Ticks at multiples of 1, 2 or 5 times a power of ten.
    fn linear_ticks(&self, wanted: f64) -> Ticks {
        let step = Step::near((self.high - self.low) / wanted);
        let numbers = Numbers::new(self.low, self.high, step.exponent);
        Ticks {
            major: step
                .values(self.low, self.high)
                .into_iter()
                .map(|value| (self.position(value), numbers.label(value)))
                .collect(),
            minor: multiples(step.part(), self.low, self.high)
                .into_iter()
                .map(|value| self.position(value))
                .collect(),
            multiplier: numbers.multiplier(),
        }
    }

    /// Ticks at powers of ten, for ranges that contain two or more.
    fn decade_ticks(&self, decades: &[f64], wanted: f64) -> Ticks {
        let stride = (decades.len() as f64 / (wanted + 2.0)).ceil();
        let minor = if stride > 1.0 {
            decades.to_vec()
        } else {
            let first = decades[0] - 1.0;
            std::iter::once(first)
                .chain(decades.iter().copied())
                .flat_map(|decade| (2..10).map(move |digit| decade + f64::from(digit).log10()))
                .filter(|at| (self.low..=self.high).contains(at))
                .collect()
        };
        Ticks {
            major: multiples(stride, self.low, self.high)
                .into_iter()
                .map(|exponent| (self.position(exponent), power_of_ten(exponent)))
                .collect(),
            minor: minor.into_iter().map(|at| self.position(at)).collect(),
            multiplier: None,
        }
    }

    /// Ticks of a logarithmic axis with less than two powers of ten.
    fn short_logarithmic_ticks(&self, wanted: f64) -> Ticks {
        // Values are in units of the power of ten below, whatever its magnitude.
        let exponent = self.low.floor();
        let unit = 10.0_f64.powf(exponent);
        let low = 10.0_f64.powf(self.low - exponent);
        let high = 10.0_f64.powf(self.high - exponent);
        let (finest, major, minor) = if high < 4.0 * low {
            let step = Step::near((high - low) / wanted);
            let minor = multiples(step.part(), low, high);
            (step.exponent, step.values(low, high), minor)
        } else {
            // Uniform steps would crowd at the high end.
            let inside = |value: &f64| (low..=high).contains(value);
            let major = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
            let mut minor = multiples(1.0, low, high.min(10.0));
            minor.extend(multiples(10.0, low, high));
            (0, major.into_iter().filter(inside).collect(), minor)
        };
        let numbers = Numbers::new(low * unit, high * unit, finest + whole(exponent));
        let position = |value: f64| self.position(exponent + value.log10());
        Ticks {
            major: major
                .into_iter()
                .map(|value| (position(value), numbers.label(value * unit)))
                .collect(),
            minor: minor.into_iter().map(position).collect(),
            multiplier: numbers.multiplier(),
        }
    }
}

/// The multiples of a step in a range, ends included.
fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    // An end that is a multiple may miss by rounding.
    let slack = 1e-9;
    let first = (low / step - slack).ceil();
    let last = (high / step + slack).floor();
    (0..10_000)
        .map(|count| first + f64::from(count))
        .take_while(|&count| count <= last)
        // Adding zero turns a negative zero into zero.
        .map(|count| count * step + 0.0)
        .collect()
}

/// A distance between ticks that is easy to read: 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug)]
struct Step {
    digit: i32,
    exponent: i32,
}

impl Step {
    /// A step of about this length.
    fn near(length: f64) -> Self {
        let decade = length.log10().floor();
        let exponent = whole(decade);
        let (digit, exponent) = match 10.0_f64.powf(length.log10() - decade) {
            digit if digit < 1.5 => (1, exponent),
            digit if digit < 3.5 => (2, exponent),
            digit if digit < 7.5 => (5, exponent),
            _ => (1, exponent + 1),
        };
        Self { digit, exponent }
    }

    /// The step as a number.
    fn size(self) -> f64 {
        f64::from(self.digit) * 10.0_f64.powi(self.exponent)
    }

    /// The distance between short ticks.
    fn part(self) -> f64 {
        self.size() / if self.digit == 2 { 4.0 } else { 5.0 }
    }

    /// The multiples of the step in a range.
    fn values(self, low: f64, high: f64) -> Vec<f64> {
        multiples(self.size(), low, high)
    }
}

/// How the numbers at one axis are written: all with the same decimals.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    /// The power of ten that is written once, at the end of the axis.
    power: i32,
    decimals: usize,
}

impl Numbers {
    /// For numbers of a range in steps of a power of ten.
    fn new(low: f64, high: f64, step_exponent: i32) -> Self {
        let largest = low.abs().max(high.abs());
        let magnitude = whole(largest.log10().floor());
        let power = if (-3..5).contains(&magnitude) {
            0
        } else {
            magnitude
        };
        Self {
            power,
            decimals: usize::try_from(power - step_exponent).unwrap_or(0),
        }
    }

    /// The number at a tick.
    fn label(self, value: f64) -> String {
        let scaled = value / 10.0_f64.powi(self.power);
        format!("{scaled:.*}", self.decimals).replace('-', "−")
    }

    /// The common factor, if it is not one.
    fn multiplier(self) -> Option<String> {
        (self.power != 0).then(|| format!("×{}", power_of_ten(f64::from(self.power))))
    }
}

/// A power of ten as a label.
fn power_of_ten(exponent: f64) -> String {
    format!("10^{{{exponent:.0}}}").replace('-', "−")
}

/// A number without fraction as an integer.
#[expect(
    clippy::cast_possible_truncation,
    reason = "exponents of ten of an f64 lie between -324 and 308"
)]
fn whole(number: f64) -> i32 {
    number as i32
}

#[cfg(test)]
mod tests {
    use super::{Ruler, Ticks, automatic_range, chosen_range};
    use crate::figure::Scale::{self, Linear, Logarithmic};

    /// The ticks of a range of values on an axis of length 1.
    fn ticks(scale: Scale, low: f64, high: f64) -> Ticks {
        let range = chosen_range(scale, (low, high)).expect("a range");
        Ruler::new(scale, range, 0.0, 1.0).ticks(5.0)
    }

    /// The labels of a range of values.
    fn labels(scale: Scale, low: f64, high: f64) -> Vec<String> {
        let ticks = ticks(scale, low, high);
        ticks.major.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn linear_ticks_are_round_numbers() {
        assert_eq!(
            labels(Linear, 0.0, 1.05),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(labels(Linear, -3.0, 7.0), ["−2", "0", "2", "4", "6"]);
        assert_eq!(
            labels(Linear, 1.931, 1.9335),
            ["1.9310", "1.9315", "1.9320", "1.9325", "1.9330", "1.9335"]
        );
    }

    #[test]
    fn large_and_small_numbers_share_a_factor() {
        let small = ticks(Linear, 0.0, 5e-7);
        assert_eq!(small.multiplier.as_deref(), Some("×10^{−7}"));
        assert_eq!(small.major[1].1, "1");
        let large = ticks(Linear, -2.5e8, 0.0);
        assert_eq!(large.multiplier.as_deref(), Some("×10^{8}"));
        assert_eq!(large.major[0].1, "−2.5");
        assert_eq!(ticks(Linear, 0.0, 9000.0).multiplier, None);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten() {
        assert_eq!(
            labels(Logarithmic, 0.01, 10.0),
            ["10^{−2}", "10^{−1}", "10^{0}", "10^{1}"]
        );
        // Three decades have eight short ticks each.
        assert_eq!(ticks(Logarithmic, 0.01, 10.0).minor.len(), 24);
        // Many decades: fewer labels, no crowd.
        assert!(labels(Logarithmic, 1e-20, 1e20).len() <= 9);
    }

    #[test]
    fn short_logarithmic_ranges_still_have_labels() {
        assert_eq!(labels(Logarithmic, 3.0, 60.0), ["5", "10", "20", "50"]);
        let narrow = labels(Logarithmic, 0.42, 0.58);
        assert!(narrow.len() >= 3, "{narrow:?}");
        assert_eq!(narrow[0], "0.42");
    }

    #[test]
    fn every_tick_lies_on_the_axis() {
        for (scale, low, high) in [
            (Linear, 0.1, 0.7),
            (Linear, -1e140, 1e149),
            (Linear, 1e-280, 3e-280),
            (Linear, 1.0, 1.0 + 1e-11),
            (Logarithmic, 1e-300, 1e-299),
            (Logarithmic, 5e-324, 1e308),
            (Logarithmic, 0.011, 0.99),
        ] {
            let ticks = ticks(scale, low, high);
            assert!(ticks.major.len() >= 2, "{scale:?} {low} {high}: {ticks:?}");
            let positions = ticks.major.iter().map(|tick| tick.0);
            for at in positions.chain(ticks.minor) {
                assert!((-1e-6..=1.0 + 1e-6).contains(&at), "{low} {high}: {at}");
            }
        }
    }

    #[test]
    fn automatic_ranges_leave_a_margin() {
        let range = automatic_range(Linear, [0.0, 10.0, f64::NAN].into_iter());
        assert_eq!(range, Some((-0.5, 10.5)));
        let range = automatic_range(Logarithmic, [-3.0, 0.0, 1.0, 100.0].into_iter());
        assert_eq!(range, Some((-0.1, 2.1)));
        assert_eq!(automatic_range(Logarithmic, [0.0, -1.0].into_iter()), None);
    }

    #[test]
    fn equal_values_get_room() {
        for value in [0.0, 5.0, -1e-5, 1e-300, 1e140] {
            let (low, high) = automatic_range(Linear, [value; 3].into_iter()).expect("a range");
            assert!(low < value && value < high, "{value}: {low} {high}");
        }
        let range = automatic_range(Logarithmic, [10.0].into_iter());
        assert_eq!(range, Some((0.5, 1.5)));
    }

    #[test]
    fn impossible_ranges_are_refused() {
        assert_eq!(chosen_range(Linear, (1.0, 1.0)), None);
        assert_eq!(chosen_range(Linear, (2.0, 1.0)), None);
        assert_eq!(chosen_range(Linear, (f64::NAN, 1.0)), None);
        assert_eq!(chosen_range(Logarithmic, (0.0, 1.0)), None);
        assert_eq!(chosen_range(Logarithmic, (0.1, 1.0)), Some((-1.0, 0.0)));
    }

    #[test]
    fn values_are_placed_in_proportion() {
        let ruler = Ruler::new(Logarithmic, (0.0, 2.0), 100.0, 300.0);
        assert_eq!(ruler.place(10.0), Some(200.0));
        assert_eq!(ruler.place(1000.0), Some(400.0));
        assert_eq!(ruler.place(0.0), None);
        assert!((ruler.place_inside(0.0) - 100.0).abs() < 1e-12);
        assert!((ruler.place_inside(f64::INFINITY) - 300.0).abs() < 1e-12);
    }
}
