//! Puts the parts of a figure in their places.

use super::canvas::{Anchor, Canvas};
use super::font;
use super::geometry::{Position, Rectangle};
use super::plot::{LABEL_SIZE, Plot, SMALL_SIZE, Segment, TICK_GAP, draw_sample, vertical_ticks};
use super::ruler::{Ruler, automatic_range, chosen_range, coordinate};
use super::{Axis, Curve, Figure, FigureError, Panel, Point};

/// Width of the canvas for one panel, and what each further one adds.
const WIDTHS: (f64, f64) = (800.0, 250.0);
/// Height of a panel that stands alone, and of one among several.
const HEIGHTS: (f64, f64) = (420.0, 380.0);
/// Space between panels.
const GAP: f64 = 32.0;
/// Space at the borders of the canvas.
const BORDER: f64 = 16.0;
/// Font size of the title.
const TITLE_SIZE: f64 = 20.0;
/// Height of the band of headings above the panels.
const HEADING: f64 = 1.7 * LABEL_SIZE;
/// Height of numbers and label below a panel.
const BELOW: f64 = TICK_GAP + SMALL_SIZE + 2.4 * LABEL_SIZE;

/// Draws the figure as an SVG document.
pub(super) fn draw(figure: &Figure) -> Result<String, FigureError> {
    let (x_ranges, y_range) = ranges(figure)?;
    let count = figure.panels.len();
    let width = WIDTHS.0 + WIDTHS.1 * (count as f64 - 1.0);
    let height = if count == 1 { HEIGHTS.0 } else { HEIGHTS.1 };
    let mut canvas = Canvas::default();

    let mut top = BORDER;
    if !figure.title.is_empty() {
        let size = font::fitting_size(&figure.title, TITLE_SIZE, width - 2.0 * BORDER);
        let place = (width / 2.0, top + TITLE_SIZE);
        canvas.text(place, &figure.title, size, Anchor::Middle);
        top += 1.8 * TITLE_SIZE;
    }
    // The numbers are the same wherever the panels go.
    let ticks = Ruler::new(figure.y.scale, y_range, height, 0.0).ticks(vertical_ticks(height));
    let headings = figure.panels.iter().any(|panel| !panel.heading.is_empty());
    if headings || ticks.multiplier.is_some() {
        top += HEADING;
    }
    let numbers = ticks.major.iter();
    let numbers = numbers.map(|(_, number)| font::width(number, SMALL_SIZE));
    let left = BORDER + 1.6 * LABEL_SIZE + numbers.fold(0.0, f64::max) + TICK_GAP;

    let key = Key::new(figure, 0.4 * width);
    let plots = |right: f64| -> Vec<Plot> {
        let panels = figure.panels.iter().zip(&x_ranges).zip(0_u32..);
        let step = (right - left + GAP) / count as f64;
        panels
            .map(|((panel, &range), index)| {
                let start = left + f64::from(index) * step;
                let area = Rectangle::new(start, top, step - GAP, height);
                let y = Ruler::new(figure.y.scale, y_range, area.bottom, area.top);
                Plot::new(panel, area, range, y)
            })
            .collect()
    };
    // Half of the last number may reach beyond the frame.
    let wide = width - 2.0 * BORDER;
    let narrow = width - BORDER - Key::DISTANCE - key.width;
    let named = !key.entries.is_empty();
    let inside = if named {
        key.free_corner(&plots(wide))
    } else {
        None
    };
    let beside = named && inside.is_none();
    let plots = plots(if beside { narrow } else { wide });
    let place = inside.or(beside.then_some((narrow + Key::DISTANCE, top)));

    for (index, plot) in plots.iter().enumerate() {
        plot.draw(&mut canvas, index == 0);
        let mut obstacles = plot.obstacles();
        obstacles.extend(place.into_iter().flat_map(|place| key.rows(place)));
        plot.draw_references(&mut canvas, obstacles);
    }
    if let Some(place) = place {
        key.draw(&mut canvas, place);
    }
    let bottom = top + height;
    let size = font::fitting_size(&figure.y.label, LABEL_SIZE, height);
    let place = (BORDER + LABEL_SIZE, top + height / 2.0);
    canvas.upright_text(place, &figure.y.label, size);
    Ok(canvas.document(width, bottom + BELOW, &figure.title))
}

/// The ranges of the horizontal axes and of the vertical one.
type Ranges = (Vec<(f64, f64)>, (f64, f64));

/// Chooses all ranges, in coordinates of the scales.
fn ranges(figure: &Figure) -> Result<Ranges, FigureError> {
    let points = |panel: &'_ Panel| -> Vec<Point> { visible_points(panel, &figure.y).collect() };
    let horizontal = figure.panels.iter().map(|panel| {
        let values = points(panel).into_iter().map(|point| point.x);
        range(&figure.title, &panel.x, values)
    });
    let vertical = figure.panels.iter().flat_map(|panel| {
        let ends = points(panel).into_iter().flat_map(|point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [point.y, low, high]
        });
        ends.chain(panel.references.iter().map(|reference| reference.y))
    });
    let vertical = range(&figure.title, &figure.y, vertical)?;
    if figure.panels.is_empty() {
        return Err(FigureError::Empty {
            title: figure.title.clone(),
            axis: figure.y.label.clone(),
        });
    }
    Ok((horizontal.collect::<Result<_, _>>()?, vertical))
}

/// The range of an axis, in coordinates of its scale.
fn range(
    title: &str,
    axis: &Axis,
    values: impl Iterator<Item = f64>,
) -> Result<(f64, f64), FigureError> {
    let title = title.to_owned();
    let label = axis.label.clone();
    match axis.range {
        Some((low, high)) => chosen_range(axis.scale, (low, high)).ok_or(FigureError::Range {
            title,
            axis: label,
            low,
            high,
        }),
        None => {
            automatic_range(axis.scale, values).ok_or(FigureError::Empty { title, axis: label })
        }
    }
}

/// The points of a panel that have a place on both axes.
fn visible_points<'a>(panel: &'a Panel, y: &'a Axis) -> impl Iterator<Item = Point> + 'a {
    let points = panel
        .curves
        .iter()
        .flat_map(|curve| curve.points.iter().copied());
    points.filter(|point| {
        coordinate(panel.x.scale, point.x).is_some() && coordinate(y.scale, point.y).is_some()
    })
}

/// The key to the curves: the content of the legend.
#[derive(Debug)]
struct Key<'a> {
    entries: Vec<&'a Curve>,
    /// Font size of the names.
    size: f64,
    width: f64,
    height: f64,
}

impl<'a> Key<'a> {
    /// Height of a line.
    const LINE: f64 = 25.0;
    /// Length of the sample of a curve.
    const SAMPLE: f64 = 32.0;
    /// Space between sample and name.
    const GAP: f64 = 9.0;
    /// Distance to the frame.
    const DISTANCE: f64 = 18.0;

    /// Collects the names of all curves; the same name in several panels once.
    /// The names shrink if they would take more than `room`.
    fn new(figure: &'a Figure, room: f64) -> Self {
        let mut entries: Vec<&Curve> = Vec::new();
        for curve in figure.panels.iter().flat_map(|panel| &panel.curves) {
            let known = entries.iter().any(|entry| entry.label == curve.label);
            if !known && !curve.label.is_empty() && !curve.points.is_empty() {
                entries.push(curve);
            }
        }
        let names = entries
            .iter()
            .map(|curve| font::width(&curve.label, SMALL_SIZE));
        let widest = names.fold(0.0, f64::max);
        let width = widest.min(room);
        Self {
            size: if widest > room {
                SMALL_SIZE * room / widest
            } else {
                SMALL_SIZE
            },
            width: Self::SAMPLE + Self::GAP + width,
            height: Self::LINE * entries.len() as f64,
            entries,
        }
    }

    /// The first corner of a plot, from left to right, where the legend covers nothing.
    fn free_corner(&self, plots: &[Plot]) -> Option<Position> {
        plots.iter().find_map(|plot| {
            let area = plot.area();
            let obstacles = plot.obstacles();
            let left = area.left + Self::DISTANCE;
            let right = area.right - Self::DISTANCE - self.width;
            let top = area.top + Self::DISTANCE;
            let bottom = area.bottom - Self::DISTANCE - self.height;
            [(right, top), (left, top), (right, bottom), (left, bottom)]
                .into_iter()
                .find(|&(x, y)| {
                    plot.is_free(Rectangle::new(x, y, self.width, self.height), &obstacles)
                })
        })
    }

    /// The middle lines of the entries, for a legend with this upper left corner.
    fn rows(&self, (left, top): Position) -> Vec<Segment> {
        let right = left + self.width;
        (0_u32..)
            .zip(&self.entries)
            .map(|(row, _)| top + Self::LINE * (f64::from(row) + 0.5))
            .map(|middle| ((left, middle), (right, middle)))
            .collect()
    }

    /// Draws the legend with this upper left corner.
    fn draw(&self, canvas: &mut Canvas, place: Position) {
        for (curve, ((left, middle), _)) in self.entries.iter().zip(self.rows(place)) {
            draw_sample(
                canvas,
                curve,
                (left + Self::SAMPLE / 2.0, middle),
                Self::SAMPLE,
            );
            let name = (left + Self::SAMPLE + Self::GAP, middle + 0.36 * self.size);
            canvas.text(name, &curve.label, self.size, Anchor::Start);
        }
    }
}
