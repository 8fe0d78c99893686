//! Figures of a study: what is shown, apart from how it is drawn.
//!
//! A [`Figure`] is one panel or several side by side with a common vertical
//! axis. It becomes an SVG document, or a pair of an SVG and a PNG file. The
//! same figure gives the same bytes, whatever fonts a machine has: the font of
//! the PNG file is part of the program.
//!
//! Labels may hold subscripts and superscripts: `τ_{α}/t_{0}`, `κ^{2}`. Accents
//! are combining characters (`t̃`, `l̃`); the font has no place for one on `ℓ`.
//! Points that have no place on an axis (not finite, or not positive on a
//! logarithmic scale) interrupt a line and are not drawn.

mod canvas;
mod color;
mod font;
mod geometry;
mod label;
mod layout;
mod plot;
mod ruler;

pub(crate) use color::Color;
pub(crate) use label::{escape, html};

use std::fs;
use std::path::{Path, PathBuf};

/// Width of PNG files.
const PIXELS: u16 = 1600;

/// A figure with one panel or several side by side.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// Written above the panels; may be empty.
    pub(crate) title: String,
    /// The vertical axis, common to all panels.
    pub(crate) y: Axis,
    /// The panels from left to right.
    pub(crate) panels: Vec<Panel>,
}

/// One panel of a figure.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Written above the panel; may be empty.
    pub(crate) heading: String,
    /// The horizontal axis.
    pub(crate) x: Axis,
    /// What is shown; later curves cover earlier ones.
    pub(crate) curves: Vec<Curve>,
    /// Horizontal reference lines.
    pub(crate) references: Vec<Reference>,
}

/// An axis of a panel.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// The quantity and its unit.
    pub(crate) label: String,
    /// How values are spaced.
    pub(crate) scale: Scale,
    /// The values at both ends; chosen to show all points if `None`.
    pub(crate) range: Option<(f64, f64)>,
}

/// How values are spaced on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// Equal differences are equal distances.
    Linear,
    /// Equal ratios are equal distances; only positive values have a place.
    Logarithmic,
}

/// A named set of points.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// The name in the legend; not listed there if empty.
    pub(crate) label: String,
    /// The points, in the order in which a line joins them.
    pub(crate) points: Vec<Point>,
    /// Line, markers or both.
    pub(crate) style: Style,
    /// Colour, and shape of the markers.
    pub(crate) color: Color,
}

/// How the points of a curve are shown. Intervals are shown in every style.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    /// A continuous line.
    Line,
    /// A dashed line.
    Dashed,
    /// A marker at every point.
    Markers,
    /// Markers joined by a thin line.
    LineAndMarkers,
}

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Value at the horizontal axis.
    pub(crate) x: f64,
    /// Value at the vertical axis.
    pub(crate) y: f64,
    /// Low and high end of the vertical error bar.
    pub(crate) interval: Option<(f64, f64)>,
    /// Whether its marker is open: what is shown is not to be trusted like the rest.
    pub(crate) open: bool,
}

/// A dashed horizontal line at a value of the vertical axis.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// The value.
    pub(crate) y: f64,
    /// Written at the line; may be empty.
    pub(crate) label: String,
}

/// Why a figure cannot be drawn or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FigureError {
    /// The chosen range of an axis is none.
    #[error(
        "the axis \"{axis}\" of the figure \"{title}\" cannot range from {low} to {high}: \
         choose finite ends, low < high, both positive on a logarithmic scale"
    )]
    Range {
        /// Title of the figure.
        title: String,
        /// Label of the axis.
        axis: String,
        /// Chosen low end.
        low: f64,
        /// Chosen high end.
        high: f64,
    },
    /// An axis needs points to choose its range from.
    #[error(
        "no point has a place on the axis \"{axis}\" of the figure \"{title}\": \
         give it points or a range"
    )]
    Empty {
        /// Title of the figure.
        title: String,
        /// Label of the axis.
        axis: String,
    },
    /// The raster image could not be made.
    #[error("the figure \"{title}\" cannot be rendered: {message}")]
    Render {
        /// Title of the figure.
        title: String,
        /// What the renderer says.
        message: String,
    },
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl Figure {
    /// A figure without panels yet, with a legend where it covers nothing.
    pub(crate) fn new(title: impl Into<String>, y: Axis) -> Self {
        Self {
            title: title.into(),
            y,
            panels: Vec::new(),
        }
    }

    /// Adds a panel to the right.
    pub(crate) fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// The figure as an SVG document, fit to stand alone or inside HTML.
    ///
    /// # Errors
    /// [`FigureError::Range`] and [`FigureError::Empty`].
    pub(crate) fn svg(&self) -> Result<String, FigureError> {
        layout::draw(self)
    }

    /// Writes `stem.svg` and `stem.png` into an existing folder and returns
    /// both paths.
    ///
    /// # Errors
    /// Any [`FigureError`].
    pub(crate) fn write(&self, folder: &Path, stem: &str) -> Result<[PathBuf; 2], FigureError> {
        let document = self.svg()?;
        let image = font::png(&document, PIXELS).map_err(|message| FigureError::Render {
            title: self.title.clone(),
            message,
        })?;
        let save = |ending: &str, content: &[u8]| {
            let path = folder.join(format!("{stem}.{ending}"));
            match fs::write(&path, content) {
                Ok(()) => Ok(path),
                Err(source) => Err(FigureError::Write { path, source }),
            }
        };
        Ok([save("svg", document.as_bytes())?, save("png", &image)?])
    }
}

impl Panel {
    /// A panel without curves yet.
    pub(crate) fn new(x: Axis) -> Self {
        Self {
            heading: String::new(),
            x,
            curves: Vec::new(),
            references: Vec::new(),
        }
    }

    /// Sets the text above the panel.
    pub(crate) fn heading(mut self, heading: impl Into<String>) -> Self {
        self.heading = heading.into();
        self
    }

    /// Adds a curve on top of the others.
    pub(crate) fn curve(mut self, curve: Curve) -> Self {
        self.curves.push(curve);
        self
    }

    /// Adds a dashed horizontal line.
    pub(crate) fn reference(mut self, y: f64, label: impl Into<String>) -> Self {
        let label = label.into();
        self.references.push(Reference { y, label });
        self
    }
}

impl Axis {
    /// An axis with equal differences at equal distances.
    pub(crate) fn linear(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            scale: Scale::Linear,
            range: None,
        }
    }

    /// An axis with equal ratios at equal distances.
    pub(crate) fn logarithmic(label: impl Into<String>) -> Self {
        Self {
            scale: Scale::Logarithmic,
            ..Self::linear(label)
        }
    }

    /// Chooses the values at both ends.
    pub(crate) fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }
}

impl Curve {
    /// A named set of points.
    pub(crate) fn new<P: Into<Point>>(
        label: impl Into<String>,
        style: Style,
        color: Color,
        points: impl IntoIterator<Item = P>,
    ) -> Self {
        Self {
            label: label.into(),
            points: points.into_iter().map(Into::into).collect(),
            style,
            color,
        }
    }
}

impl Point {
    /// Adds a vertical error bar between two values.
    pub(crate) fn interval(mut self, low: f64, high: f64) -> Self {
        self.interval = Some((low, high));
        self
    }

    /// Opens the marker, or not.
    pub(crate) fn open(mut self, open: bool) -> Self {
        self.open = open;
        self
    }
}

impl From<(f64, f64)> for Point {
    fn from((x, y): (f64, f64)) -> Self {
        Self {
            x,
            y,
            interval: None,
            open: false,
        }
    }
}

#[cfg(test)]
mod tests;
