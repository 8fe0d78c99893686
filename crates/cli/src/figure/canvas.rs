//! Writes the elements of an SVG document.
//!
//! No element carries an `id`: many figures can share one HTML page.

use super::font::FAMILIES;
use super::geometry::{Position, Rectangle};
use super::label;
use std::fmt::Write as _;

/// Colour of frames, ticks and text.
pub(super) const INK: &str = "#222222";

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pen<'a> {
    /// Any SVG colour.
    pub(super) color: &'a str,
    /// Width in user units.
    pub(super) width: f64,
    /// Whether the line is dashed.
    pub(super) dashed: bool,
}

impl<'a> Pen<'a> {
    /// A pen for continuous lines.
    pub(super) fn new(color: &'a str, width: f64) -> Self {
        Self {
            color,
            width,
            dashed: false,
        }
    }

    /// The same pen for dashed lines, or not.
    pub(super) fn dashed(self, dashed: bool) -> Self {
        Self { dashed, ..self }
    }
}

/// Which part of a text stands at its position.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// The left end of the baseline.
    Start,
    /// The middle of the baseline.
    Middle,
    /// The right end of the baseline.
    End,
}

impl Anchor {
    /// The value of the SVG attribute.
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// An SVG document in the making.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    elements: String,
}

impl Canvas {
    /// Appends one element on a line of its own.
    fn push(&mut self, element: std::fmt::Arguments) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.elements, "{element}");
    }

    /// A line through several positions.
    pub(super) fn line(&mut self, positions: &[Position], pen: Pen) {
        let mut path = String::new();
        for (x, y) in positions {
            let _ = write!(path, " {x:.2},{y:.2}");
        }
        let dashes = if pen.dashed {
            r#" stroke-dasharray="7 4""#
        } else {
            ""
        };
        self.push(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round"{dashes}/>"#,
            path.trim_start(),
            pen.color,
            pen.width,
        ));
    }

    /// The outline of a rectangle.
    pub(super) fn frame(&mut self, area: Rectangle, pen: Pen) {
        self.push(format_args!(
            r#"<rect x="{:.2}" y="{:.2}" width="{:.2}" height="{:.2}" fill="none" stroke="{}" stroke-width="{}"/>"#,
            area.left,
            area.top,
            area.width(),
            area.height(),
            pen.color,
            pen.width,
        ));
    }

    /// A marker of one of several shapes with about the same area.
    pub(super) fn marker(&mut self, (x, y): Position, shape: usize, color: &str, open: bool) {
        let polygon = |corners: &[(f64, f64)]| {
            let mut points = String::new();
            for (right, down) in corners {
                let _ = write!(points, " {:.2},{:.2}", x + right, y + down);
            }
            format!(r#"<polygon points="{}""#, points.trim_start())
        };
        let shape = match shape % 4 {
            0 => format!(r#"<circle cx="{x:.2}" cy="{y:.2}" r="4.8""#),
            1 => polygon(&[(-4.3, -4.3), (4.3, -4.3), (4.3, 4.3), (-4.3, 4.3)]),
            2 => polygon(&[(0.0, -6.2), (5.8, 4.2), (-5.8, 4.2)]),
            _ => polygon(&[(0.0, -6.2), (6.2, 0.0), (0.0, 6.2), (-6.2, 0.0)]),
        };
        // A white rim keeps neighbours apart.
        let (fill, rim, width) = if open {
            ("#ffffff", color, 1.6)
        } else {
            (color, "#ffffff", 0.8)
        };
        self.push(format_args!(
            r#"{shape} fill="{fill}" stroke="{rim}" stroke-width="{width}"/>"#
        ));
    }

    /// A label with scripts.
    pub(super) fn text(&mut self, (x, y): Position, label: &str, size: f64, anchor: Anchor) {
        self.push(format_args!(
            r#"<text x="{x:.2}" y="{y:.2}" font-size="{size:.2}" text-anchor="{}">{}</text>"#,
            anchor.name(),
            label::svg(label, size),
        ));
    }

    /// A label read from bottom to top, centred at the position.
    pub(super) fn upright_text(&mut self, (x, y): Position, label: &str, size: f64) {
        self.push(format_args!(
            r#"<text transform="translate({x:.2} {y:.2}) rotate(-90)" font-size="{size:.2}" text-anchor="middle">{}</text>"#,
            label::svg(label, size),
        ));
    }

    /// The document, on white, with a description for readers who cannot see it.
    pub(super) fn document(self, width: f64, height: f64, description: &str) -> String {
        let description = label::escape(&label::plain(description));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="{description}" font-family="{FAMILIES}" fill="{INK}">
<rect width="{width:.0}" height="{height:.0}" fill="#ffffff"/>
{}</svg>
"##,
            self.elements
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Canvas, Pen};

    #[test]
    fn coordinates_keep_hundredths() {
        let mut canvas = Canvas::default();
        canvas.line(&[(0.123, 4.0), (5.678, 9.0)], Pen::new("red", 1.5));
        assert!(canvas.elements.contains(r#"points="0.12,4.00 5.68,9.00""#));
        assert!(!canvas.elements.contains("dasharray"));
    }

    #[test]
    fn texts_and_descriptions_are_escaped() {
        let mut canvas = Canvas::default();
        canvas.text((1.0, 2.0), "a<b_{0}", 10.0, Anchor::End);
        let document = canvas.document(100.0, 50.0, "\"F_{s}\" & <t>");
        assert!(document.contains("a&lt;b<tspan"));
        assert!(document.contains(r#"aria-label="&quot;Fs&quot; &amp; &lt;t&gt;""#));
    }
}
