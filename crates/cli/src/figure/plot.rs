//! One panel at its place on the canvas.

use super::canvas::{Anchor, Canvas, INK, Pen};
use super::font;
use super::geometry::{Position, Rectangle};
use super::ruler::Ruler;
use super::{Curve, Panel, Point, Reference, Style};

/// Font size of the labels of axes and of headings.
pub(super) const LABEL_SIZE: f64 = 19.0;
/// Font size of numbers and legends.
pub(super) const SMALL_SIZE: f64 = 16.0;
/// Lengths of long and short ticks, drawn inwards.
const TICK_LENGTHS: (f64, f64) = (8.0, 4.0);
/// Space between a number and its tick.
pub(super) const TICK_GAP: f64 = 8.0;
/// Width of curves, and of everything thinner.
const CURVE_WIDTH: f64 = 2.2;
const THIN_WIDTH: f64 = 1.3;
/// Half the width of the caps of an error bar.
const CAP: f64 = 4.0;
/// Space between data and text, which must not cover it.
const CLEARANCE: f64 = 7.0;

/// A segment of anything drawn, from and to.
pub(super) type Segment = (Position, Position);

/// A panel at its place, with its axes.
#[derive(Debug)]
pub(super) struct Plot<'a> {
    panel: &'a Panel,
    area: Rectangle,
    x: Ruler,
    y: Ruler,
}

impl<'a> Plot<'a> {
    /// Lays a panel, with its range in coordinates of the scale, into an area.
    pub(super) fn new(panel: &'a Panel, area: Rectangle, x_range: (f64, f64), y: Ruler) -> Self {
        let x = Ruler::new(panel.x.scale, x_range, area.left, area.right);
        Self { panel, area, x, y }
    }

    /// The area inside the frame.
    pub(super) fn area(&self) -> Rectangle {
        self.area
    }

    /// The position of a point, inside the frame or not.
    fn place(&self, point: &Point) -> Option<Position> {
        Some((self.x.place(point.x)?, self.y.place(point.y)?))
    }

    /// The visible parts of the line through the points of a curve.
    fn lines(&self, curve: &Curve) -> Vec<Vec<Position>> {
        let mut lines: Vec<Vec<Position>> = Vec::new();
        for pair in curve.points.windows(2) {
            let (Some(from), Some(to)) = (self.place(&pair[0]), self.place(&pair[1])) else {
                continue;
            };
            let Some((from, to)) = self.area.clip(from, to) else {
                continue;
            };
            if from == to {
                continue;
            }
            match lines.last_mut() {
                Some(line) if line.last() == Some(&from) => line.push(to),
                _ => lines.push(vec![from, to]),
            }
        }
        lines
    }

    /// The positions of markers inside the frame.
    fn markers(&self, curve: &Curve) -> Vec<(Position, bool)> {
        // A lone point of a line would be invisible.
        if matches!(curve.style, Style::Line | Style::Dashed) && !self.lines(curve).is_empty() {
            return Vec::new();
        }
        let places = curve.points.iter();
        places
            .filter_map(|point| Some((self.place(point)?, point.open)))
            .filter(|&(at, _)| self.area.contains(at))
            .collect()
    }

    /// The visible parts of error bars, from the low to the high end, and
    /// whether each end is inside the frame.
    fn error_bars(&self, curve: &Curve) -> Vec<(Segment, [bool; 2])> {
        let bar = |point: &Point| {
            let (low, high) = point.interval.filter(|(low, high)| low <= high)?;
            let (x, _) = self.place(point)?;
            let bar = (
                (x, self.y.place_inside(low)),
                (x, self.y.place_inside(high)),
            );
            let inside = [low, high].map(|end| {
                let end = self.y.place(end);
                end.is_some_and(|y| self.area.contains((x, y)))
            });
            // An interval wholly above or below the frame has no length left.
            let visible = self.area.contains(bar.0) && (bar.0 != bar.1 || inside[0]);
            visible.then_some((bar, inside))
        };
        curve.points.iter().filter_map(bar).collect()
    }

    /// The height of a reference line, if it is inside the frame.
    fn level(&self, reference: &Reference) -> Option<f64> {
        let y = self.y.place(reference.y)?;
        self.area.contains((self.area.left, y)).then_some(y)
    }

    /// Everything that text should not cover.
    pub(super) fn obstacles(&self) -> Vec<Segment> {
        let mut obstacles = Vec::new();
        for curve in &self.panel.curves {
            for line in self.lines(curve) {
                obstacles.extend(line.windows(2).map(|pair| (pair[0], pair[1])));
            }
            obstacles.extend(self.markers(curve).into_iter().map(|(at, _)| (at, at)));
            obstacles.extend(self.error_bars(curve).into_iter().map(|(bar, _)| bar));
        }
        for level in self.panel.references.iter().filter_map(|r| self.level(r)) {
            obstacles.push(((self.area.left, level), (self.area.right, level)));
        }
        obstacles
    }

    /// Draws frame, ticks, curves and labels. Numbers at the vertical axis
    /// only on demand: panels share it.
    pub(super) fn draw(&self, canvas: &mut Canvas, numbers: bool) {
        self.draw_curves(canvas);
        self.draw_horizontal_axis(canvas);
        self.draw_vertical_axis(canvas, numbers);
        canvas.frame(self.area, Pen::new(INK, THIN_WIDTH));
        let place = (
            f64::midpoint(self.area.left, self.area.right),
            self.area.top - 0.6 * LABEL_SIZE,
        );
        let size = font::fitting_size(&self.panel.heading, LABEL_SIZE, self.area.width());
        canvas.text(place, &self.panel.heading, size, Anchor::Middle);
    }

    /// Draws all curves and reference lines, the first one lowest.
    fn draw_curves(&self, canvas: &mut Canvas) {
        for level in self.panel.references.iter().filter_map(|r| self.level(r)) {
            let line = [(self.area.left, level), (self.area.right, level)];
            canvas.line(&line, Pen::new(INK, THIN_WIDTH).dashed(true));
        }
        for curve in &self.panel.curves {
            let color = curve.color.code();
            if curve.style != Style::Markers {
                for line in self.lines(curve) {
                    canvas.line(&line, pen(curve.style, &color));
                }
            }
            for (bar, inside) in self.error_bars(curve) {
                let pen = Pen::new(&color, THIN_WIDTH);
                canvas.line(&[bar.0, bar.1], pen);
                for (x, y) in [bar.0, bar.1]
                    .into_iter()
                    .zip(inside)
                    .filter_map(|(end, inside)| inside.then_some(end))
                {
                    canvas.line(&[(x - CAP, y), (x + CAP, y)], pen);
                }
            }
            for (at, open) in self.markers(curve) {
                canvas.marker(at, curve.color.shape(), &color, open);
            }
        }
    }

    /// Draws ticks at the bottom and the top, numbers and label at the bottom.
    fn draw_horizontal_axis(&self, canvas: &mut Canvas) {
        let Rectangle { top, bottom, .. } = self.area;
        let ticks = self.x.ticks(self.area.width() / 110.0);
        let pen = Pen::new(INK, THIN_WIDTH);
        let mut tick = |x: f64, length: f64| {
            canvas.line(&[(x, bottom), (x, bottom - length)], pen);
            canvas.line(&[(x, top), (x, top + length)], pen);
        };
        for &x in &ticks.minor {
            tick(x, TICK_LENGTHS.1);
        }
        for &(x, _) in &ticks.major {
            tick(x, TICK_LENGTHS.0);
        }
        let baseline = bottom + TICK_GAP + SMALL_SIZE;
        for (x, number) in &ticks.major {
            canvas.text((*x, baseline), number, SMALL_SIZE, Anchor::Middle);
        }
        let baseline = baseline + 1.6 * LABEL_SIZE;
        let mut room = self.area.width();
        if let Some(multiplier) = &ticks.multiplier {
            let place = (self.area.right, baseline);
            canvas.text(place, multiplier, SMALL_SIZE, Anchor::End);
            room -= 2.0 * font::width(multiplier, SMALL_SIZE) + 2.0 * SMALL_SIZE;
        }
        let label = &self.panel.x.label;
        let place = (f64::midpoint(self.area.left, self.area.right), baseline);
        let size = font::fitting_size(label, LABEL_SIZE, room);
        canvas.text(place, label, size, Anchor::Middle);
    }

    /// Draws ticks at the left and the right, and numbers at the left if wanted.
    fn draw_vertical_axis(&self, canvas: &mut Canvas, numbers: bool) {
        let Rectangle { left, right, .. } = self.area;
        let ticks = self.y.ticks(vertical_ticks(self.area.height()));
        let pen = Pen::new(INK, THIN_WIDTH);
        let mut tick = |y: f64, length: f64| {
            canvas.line(&[(left, y), (left + length, y)], pen);
            canvas.line(&[(right, y), (right - length, y)], pen);
        };
        for &y in &ticks.minor {
            tick(y, TICK_LENGTHS.1);
        }
        for &(y, _) in &ticks.major {
            tick(y, TICK_LENGTHS.0);
        }
        if !numbers {
            return;
        }
        for (y, number) in &ticks.major {
            // Digits are about 0.73 of the font size high.
            let place = (left - TICK_GAP, y + 0.36 * SMALL_SIZE);
            canvas.text(place, number, SMALL_SIZE, Anchor::End);
        }
        if let Some(multiplier) = &ticks.multiplier {
            let place = (left, self.area.top - 0.6 * SMALL_SIZE);
            canvas.text(place, multiplier, SMALL_SIZE, Anchor::Start);
        }
    }

    /// Writes the labels of reference lines where they cover neither the obstacles
    /// nor each other.
    pub(super) fn draw_references(&self, canvas: &mut Canvas, mut obstacles: Vec<Segment>) {
        for reference in &self.panel.references {
            let Some(level) = self.level(reference) else {
                continue;
            };
            let width = font::width(&reference.label, SMALL_SIZE);
            let left = self.area.left + 2.0 * TICK_LENGTHS.0;
            let right = self.area.right - 2.0 * TICK_LENGTHS.0 - width;
            let above = level - SMALL_SIZE - CLEARANCE - 1.0;
            let below = level + CLEARANCE + 1.0;
            // From left to right above the line, then below it.
            let place = |step: i32| {
                let y = if step <= 20 { above } else { below };
                let fraction = f64::from(step % 21) / 20.0;
                let x = left + fraction * (right - left);
                Rectangle::new(x, y, width, SMALL_SIZE)
            };
            let place = (0..42)
                .map(place)
                .find(|&place| self.is_free(place, &obstacles))
                .unwrap_or(place(20));
            let baseline = (place.left, place.bottom - 0.15 * SMALL_SIZE);
            canvas.text(baseline, &reference.label, SMALL_SIZE, Anchor::Start);
            let middle = f64::midpoint(place.top, place.bottom);
            obstacles.push(((place.left, middle), (place.right, middle)));
        }
    }

    /// Whether a place is inside the frame and clear of all obstacles.
    pub(super) fn is_free(&self, place: Rectangle, obstacles: &[Segment]) -> bool {
        let around = place.grown(CLEARANCE);
        self.area.contains((place.left, place.top))
            && self.area.contains((place.right, place.bottom))
            && obstacles
                .iter()
                .all(|&(from, to)| around.clip(from, to).is_none())
    }
}

/// How many numbers fit well at a vertical axis of this height.
pub(super) fn vertical_ticks(height: f64) -> f64 {
    height / 75.0
}

/// The pen of a style.
fn pen(style: Style, color: &str) -> Pen<'_> {
    let width = if style == Style::LineAndMarkers {
        THIN_WIDTH
    } else {
        CURVE_WIDTH
    };
    Pen::new(color, width).dashed(style == Style::Dashed)
}

/// Draws a sample of a curve for the legend, centred at a position.
pub(super) fn draw_sample(canvas: &mut Canvas, curve: &Curve, (x, y): Position, length: f64) {
    let color = curve.color.code();
    if curve.style != Style::Markers {
        let ends = [(x - length / 2.0, y), (x + length / 2.0, y)];
        canvas.line(&ends, pen(curve.style, &color));
    }
    if matches!(curve.style, Style::Markers | Style::LineAndMarkers) {
        let open = !curve.points.is_empty() && curve.points.iter().all(|point| point.open);
        canvas.marker((x, y), curve.color.shape(), &color, open);
    }
}
