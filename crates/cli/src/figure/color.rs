//! Colours of curves: distinguishable in print and for colour-blind readers.

/// How the colour of a curve is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Color {
    /// The n-th colour of a qualitative palette, for curves without an order.
    /// It also chooses the shape of the markers.
    Sequence(usize),
    /// A fraction between cold (0, dark blue) and hot (1, bright red).
    Temperature(f64),
    /// A neutral gray, for guides to the eye.
    Gray,
}

/// The "bright" qualitative scheme of P. Tol, safe for colour-blind readers.
const PALETTE: [&str; 6] = [
    "#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee",
];

impl Color {
    /// The colour as `#rrggbb`.
    pub(super) fn code(self) -> String {
        match self {
            Self::Sequence(number) => PALETTE[number % PALETTE.len()].to_owned(),
            Self::Temperature(fraction) => temperature(fraction),
            Self::Gray => "#777777".to_owned(),
        }
    }

    /// The number of the marker shape that goes with the colour.
    pub(super) fn shape(self) -> usize {
        match self {
            Self::Sequence(number) => number,
            Self::Temperature(_) | Self::Gray => 0,
        }
    }
}

/// Blue, magenta, red at growing lightness: uniform steps of the fraction are
/// uniform steps for the eye, also in a gray print.
fn temperature(fraction: f64) -> String {
    let fraction = if fraction.is_nan() { 0.5 } else { fraction };
    let fraction = fraction.clamp(0.0, 1.0);
    let between = |cold: f64, hot: f64| cold + fraction * (hot - cold);
    oklch(
        between(0.38, 0.67),
        between(0.16, 0.21),
        between(262.0, 393.0),
    )
}

/// The sRGB code of a lightness, chroma and hue (in degrees) of the Oklab
/// colour space (B. Ottosson, 2020).
fn oklch(lightness: f64, chroma: f64, hue: f64) -> String {
    let (sine, cosine) = hue.to_radians().sin_cos();
    let (a, b) = (chroma * cosine, chroma * sine);
    let long = (lightness + 0.3963377774 * a + 0.2158037573 * b).powi(3);
    let medium = (lightness - 0.1055613458 * a - 0.0638541728 * b).powi(3);
    let short = (lightness - 0.0894841775 * a - 1.2914855480 * b).powi(3);
    let red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short;
    let green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short;
    let blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short;
    format!("#{:02x}{:02x}{:02x}", byte(red), byte(green), byte(blue))
}

/// A linear intensity as a gamma-encoded sRGB byte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to 0 ..= 255"
)]
fn byte(linear: f64) -> u8 {
    let encoded = if linear <= 0.0031308 {
        12.92 * linear
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    };
    (255.0 * encoded).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::{Color, oklch};

    /// Red, green and blue of a colour.
    fn parts(color: Color) -> [u8; 3] {
        let code = color.code();
        [1, 3, 5].map(|start| u8::from_str_radix(&code[start..start + 2], 16).unwrap())
    }

    #[test]
    fn the_colour_space_has_the_right_special_points() {
        assert_eq!(oklch(1.0, 0.0, 0.0), "#ffffff");
        assert_eq!(oklch(0.0, 0.0, 0.0), "#000000");
        // Published coordinates of the sRGB primary red.
        assert_eq!(oklch(0.627955, 0.257683, 29.2339), "#ff0000");
    }

    #[test]
    fn cold_is_blue_and_hot_is_red() {
        let [red, _, blue] = parts(Color::Temperature(0.0));
        assert!(blue > 2 * red);
        let [red, green, blue] = parts(Color::Temperature(1.0));
        assert!(red > 2 * blue && u16::from(red) > 3 * u16::from(green) / 2);
    }

    #[test]
    fn fractions_outside_the_scale_are_clamped() {
        let cold = Color::Temperature(0.0).code();
        assert_eq!(Color::Temperature(-3.0).code(), cold);
        assert_eq!(Color::Temperature(f64::NAN).code().len(), 7);
    }

    #[test]
    fn the_palette_repeats_but_markers_tell_the_curves_apart() {
        assert_eq!(Color::Sequence(0).code(), Color::Sequence(6).code());
        assert_ne!(Color::Sequence(0).shape(), Color::Sequence(6).shape());
    }
}
