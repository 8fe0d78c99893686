//! Rectangles on the canvas and the part of a segment that lies inside one.

/// A position on the canvas, in user units: x to the right, y downwards.
pub(super) type Position = (f64, f64);

/// A rectangle with sides along the axes of the canvas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rectangle {
    /// Smallest x.
    pub(super) left: f64,
    /// Smallest y.
    pub(super) top: f64,
    /// Largest x.
    pub(super) right: f64,
    /// Largest y.
    pub(super) bottom: f64,
}

impl Rectangle {
    /// The rectangle with this upper left corner and size.
    pub(super) fn new(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }

    /// Extent along x.
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Extent along y.
    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The rectangle with every side moved outwards by `margin`.
    pub(super) fn grown(&self, margin: f64) -> Self {
        Self {
            left: self.left - margin,
            top: self.top - margin,
            right: self.right + margin,
            bottom: self.bottom + margin,
        }
    }

    /// The part of the segment inside the rectangle, borders included
    /// (Liang and Barsky, ACM Trans. Graph. 3, 1, 1984).
    pub(super) fn clip(&self, from: Position, to: Position) -> Option<(Position, Position)> {
        let step = (to.0 - from.0, to.1 - from.1);
        let mut entry = 0.0_f64;
        let mut exit = 1.0_f64;
        // Each border keeps the fractions s of the segment with slope s <= room.
        for (slope, room) in [
            (-step.0, from.0 - self.left),
            (step.0, self.right - from.0),
            (-step.1, from.1 - self.top),
            (step.1, self.bottom - from.1),
        ] {
            if slope < 0.0 {
                entry = entry.max(room / slope);
            } else if slope > 0.0 {
                exit = exit.min(room / slope);
            } else if room < 0.0 {
                return None;
            }
        }
        let at = |fraction: f64| match fraction {
            // The very end, not a rounded one: polylines are joined there.
            1.0 => to,
            _ => (from.0 + fraction * step.0, from.1 + fraction * step.1),
        };
        (entry <= exit).then(|| (at(entry), at(exit)))
    }

    /// Whether the position lies inside, borders included.
    pub(super) fn contains(&self, position: Position) -> bool {
        self.clip(position, position).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Rectangle;

    #[test]
    fn a_segment_is_cut_at_the_borders() {
        let square = Rectangle::new(0.0, 0.0, 10.0, 10.0);
        let whole = square.clip((1.0, 2.0), (3.0, 4.0));
        assert_eq!(whole, Some(((1.0, 2.0), (3.0, 4.0))));
        let cut = square.clip((-5.0, 5.0), (15.0, 5.0));
        assert_eq!(cut, Some(((0.0, 5.0), (10.0, 5.0))));
        let diagonal = square.clip((-5.0, -5.0), (5.0, 5.0));
        assert_eq!(diagonal, Some(((0.0, 0.0), (5.0, 5.0))));
    }

    #[test]
    fn a_segment_outside_vanishes() {
        let square = Rectangle::new(0.0, 0.0, 10.0, 10.0);
        assert_eq!(square.clip((-5.0, 11.0), (15.0, 11.0)), None);
        // Both bounding boxes overlap, yet the segment passes the corner.
        assert_eq!(square.clip((-8.0, 5.0), (5.0, -8.0)), None);
    }

    #[test]
    fn a_position_on_the_border_is_inside() {
        let square = Rectangle::new(0.0, 0.0, 10.0, 10.0);
        assert!(square.contains((10.0, 0.0)));
        assert!(!square.contains((10.0, -0.1)));
        assert!(square.grown(1.0).contains((10.5, -0.5)));
    }
}
