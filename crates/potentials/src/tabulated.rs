//! Pair energies given as numbers, for example from another code or from a fit.

use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;
use vitreous_md_core::{Radial, Scalar};

/// `phi(r)` between tabulated values, by a cubic spline in `r`: the energy, the force and the curvature are
/// continuous, the third derivative jumps at every point of the table. The spline has no knots at the second
/// and the last but one point, so that a cubic polynomial is reproduced exactly.
///
/// The range is the last distance of the table: decorate it to end smoothly there or earlier. Below the
/// first distance the energy is not a number, so that forces there are an error and not a guess.
///
/// ```
/// use vitreous_md_core::Radial;
/// use vitreous_potentials::Tabulated;
/// let points: Vec<[f64; 2]> = (0..200).map(|k| 0.8 + 0.01 * f64::from(k)).map(|r| [r, r.powi(-10)]).collect();
/// let table = Tabulated::new(&points)?;
/// let [energy] = table.derivatives::<1>(1.0 * 1.0);
/// assert!((energy - 1.0).abs() < 1e-6);
/// # Ok::<(), vitreous_potentials::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tabulated {
    /// Shared, so that a table serves several pairs of species.
    pieces: Arc<[Piece]>,
    range: f64,
}

/// `c0 + c1 x + c2 x^2 + c3 x^3` with `x = r - start`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    start: f64,
    coefficients: [f64; 4],
}

/// Why numbers do not make a table.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum TableError {
    /// A line that is not two numbers.
    #[error("line {line} of the table is '{text}': it must hold two numbers, r and phi(r)")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// Too few points for a cubic spline.
    #[error("the table has {points} points: it needs at least 4")]
    Points {
        /// Their number.
        points: usize,
    },
    /// A point that is not a number, or not beyond the one before.
    #[error(
        "point {point} of the table is (r, phi) = ({distance}, {energy}): both must be finite, distances positive and ascending"
    )]
    Point {
        /// Index of the point, from 0.
        point: usize,
        /// Its distance.
        distance: f64,
        /// Its energy.
        energy: f64,
    },
}

impl Tabulated {
    /// A table of points `[r, phi(r)]` with ascending distances, evenly spaced or not.
    ///
    /// # Errors
    /// Fewer than four points; one that is not finite, not positive or not beyond the one before.
    pub fn new(points: &[[f64; 2]]) -> Result<Self, TableError> {
        let count = points.len();
        let mut before = 0.0;
        for (point, &[distance, energy]) in points.iter().enumerate() {
            if !(distance.is_finite() && energy.is_finite() && distance > before) {
                return Err(TableError::Point {
                    point,
                    distance,
                    energy,
                });
            }
            before = distance;
        }
        if count < 4 {
            return Err(TableError::Points { points: count });
        }
        let curvatures = curvatures(points);
        let pieces = (0..count - 1)
            .map(|k| {
                let ([start, value], [end, next]) = (points[k], points[k + 1]);
                let width = end - start;
                let (here, there) = (curvatures[k], curvatures[k + 1]);
                Piece {
                    start,
                    coefficients: [
                        value,
                        (next - value) / width - width * (2.0 * here + there) / 6.0,
                        0.5 * here,
                        (there - here) / (6.0 * width),
                    ],
                }
            })
            .collect();
        Ok(Self {
            pieces,
            range: before,
        })
    }

    /// The first distance of the table.
    pub fn first_distance(&self) -> f64 {
        self.pieces[0].start
    }
}

impl FromStr for Tabulated {
    type Err = TableError;

    /// Reads a table from lines of two numbers, `r` and `phi(r)`, with blanks or a comma between them. Empty
    /// lines and what follows a `#` do not count.
    fn from_str(text: &str) -> Result<Self, TableError> {
        let mut points = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = content
                .split(|c: char| c.is_whitespace() || c == ',')
                .filter(|word| !word.is_empty())
                .collect();
            let numbers: Option<Vec<f64>> = words.iter().map(|word| word.parse().ok()).collect();
            match numbers.as_deref() {
                Some([]) => {}
                Some(&[distance, energy]) => points.push([distance, energy]),
                _ => {
                    return Err(TableError::Line {
                        line: number + 1,
                        text: line.to_owned(),
                    });
                }
            }
        }
        Self::new(&points)
    }
}

/// The second derivatives of the not-a-knot cubic spline at its points: continuity of the slope,
/// `h_k c_k + 2 (h_k + h_{k+1}) c_{k+1} + h_{k+1} c_{k+2} = 6 (d_{k+1} - d_k)` with widths `h` and slopes `d`
/// of chords, by elimination; continuity of the third derivative at the second and last but one point
/// takes out the curvatures at the ends.
fn curvatures(points: &[[f64; 2]]) -> Vec<f64> {
    let count = points.len();
    let width: Vec<f64> = (1..count)
        .map(|k| points[k][0] - points[k - 1][0])
        .collect();
    let chord: Vec<f64> = (1..count)
        .map(|k| (points[k][1] - points[k - 1][1]) / width[k - 1])
        .collect();
    // The rows of the inner points 1 .. count - 2.
    let inner = count - 2;
    let mut below: Vec<f64> = width[..inner].to_vec();
    let mut diagonal: Vec<f64> = (0..inner)
        .map(|k| 2.0 * (width[k] + width[k + 1]))
        .collect();
    let mut above: Vec<f64> = width[1..].to_vec();
    let mut right: Vec<f64> = (0..inner)
        .map(|k| 6.0 * (chord[k + 1] - chord[k]))
        .collect();
    // c_0 = c_1 - (c_2 - c_1) h_0/h_1, and likewise at the end.
    let first = width[0] / width[1];
    diagonal[0] += width[0] * (1.0 + first);
    above[0] -= width[0] * first;
    let last = width[inner] / width[inner - 1];
    diagonal[inner - 1] += width[inner] * (1.0 + last);
    below[inner - 1] -= width[inner] * last;
    for k in 1..inner {
        let factor = below[k] / diagonal[k - 1];
        diagonal[k] -= factor * above[k - 1];
        right[k] -= factor * right[k - 1];
    }
    let mut curvatures = vec![0.0; count];
    for k in (0..inner).rev() {
        let next = if k + 1 < inner {
            above[k] * curvatures[k + 2]
        } else {
            0.0
        };
        curvatures[k + 1] = (right[k] - next) / diagonal[k];
    }
    curvatures[0] = curvatures[1] - first * (curvatures[2] - curvatures[1]);
    curvatures[count - 1] =
        curvatures[count - 2] + last * (curvatures[count - 2] - curvatures[count - 3]);
    curvatures
}

impl Radial for Tabulated {
    fn range(&self) -> f64 {
        self.range
    }

    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let distance = squared_distance.sqrt();
        let place = self
            .pieces
            .partition_point(|piece| piece.start <= distance.value());
        let Some(piece) = place.checked_sub(1).map(|last| self.pieces[last]) else {
            return S::constant(f64::NAN);
        };
        let x = distance - piece.start;
        let [c0, c1, c2, c3] = piece.coefficients;
        ((x * c3 + c2) * x + c1) * x + c0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A cubic polynomial is its own spline, whatever the points.
        #[test]
        fn cubic_polynomials_are_reproduced(
            widths in proptest::collection::vec(0.05..0.5_f64, 3..20),
            [a, b, c, d] in proptest::array::uniform4(-1.0..1.0_f64),
            part in 0.0..1.0_f64,
        ) {
            let cubic = |r: f64| a + r * (b + r * (c + r * d));
            let mut distance = 0.3;
            let mut points = vec![[distance, cubic(distance)]];
            for width in widths {
                distance += width;
                points.push([distance, cubic(distance)]);
            }
            let table = Tabulated::new(&points).unwrap();
            let r = 0.3 + part * (distance - 0.3);
            let [value, slope, curvature] = table.derivatives::<3>(r * r);
            // In s = r^2: d/ds = (d/dr)/(2 r).
            let first = b + r * (2.0 * c + 3.0 * r * d);
            let second = 2.0 * c + 6.0 * r * d;
            let expected = [cubic(r), first / (2.0 * r), (second - first / r) / (4.0 * r * r)];
            // Roundings of values up to 10^3, over widths from 0.05 for each derivative.
            for (found, (expected, limit)) in [value, slope, curvature]
                .into_iter()
                .zip(expected.into_iter().zip([1e-11, 1e-9, 1e-7]))
            {
                prop_assert!((found - expected).abs() < limit, "{found} {expected}");
            }
        }
    }

    #[test]
    fn the_curvature_is_continuous_and_the_error_falls_as_the_fourth_power() {
        let table = |count: u32| {
            let step = 1.5 / f64::from(count);
            let points: Vec<_> = (0..=count)
                .map(|k| 0.9 + step * f64::from(k))
                .map(|r| [r, (-2.0 * r).exp()])
                .collect();
            Tabulated::new(&points).unwrap()
        };
        let error = |table: &Tabulated| {
            (0..1000)
                .map(|k| 0.9 + 0.0015 * f64::from(k))
                .map(|r| (table.energy(r * r) - (-2.0 * r).exp()).abs())
                .fold(0.0, f64::max)
        };
        let ratio = error(&table(20)) / error(&table(40));
        assert!((10.0..25.0).contains(&ratio), "{ratio}");
        let table = table(20);
        for k in 1..20 {
            let r = 0.9 + 0.075 * f64::from(k);
            let sides = [-1e-9, 1e-9].map(|side| table.derivatives::<3>((r + side) * (r + side)));
            for order in 0..3 {
                assert!((sides[0][order] - sides[1][order]).abs() < 1e-7);
            }
        }
        assert!(table.energy(0.89 * 0.89).is_nan());
        assert_eq!((table.first_distance(), table.range()), (0.9, 2.4));
    }

    #[test]
    fn tables_are_read_from_text() {
        let text = "# r phi\n1.0 4\n 1.5,2.5  # half way\n\n2.0\t1e0\n2.5, 0.25\n";
        let points = [[1.0, 4.0], [1.5, 2.5], [2.0, 1.0], [2.5, 0.25]];
        assert_eq!(text.parse::<Tabulated>(), Tabulated::new(&points));
        for bad in ["1.0 4 7", "1.0", "1.0 x"] {
            let text = format!("# r phi\n{bad}\n");
            let message = text.parse::<Tabulated>().unwrap_err().to_string();
            assert!(
                message.contains("line 2") && message.contains(bad),
                "{message}"
            );
        }
    }

    #[test]
    fn points_that_make_no_table_are_named() {
        let points = |list: &[f64]| list.iter().map(|&r| [r, 1.0]).collect::<Vec<_>>();
        assert_eq!(
            Tabulated::new(&points(&[1.0, 2.0, 3.0])),
            Err(TableError::Points { points: 3 })
        );
        for bad in [&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, f64::NAN, 4.0]] {
            assert!(matches!(
                Tabulated::new(&points(bad)),
                Err(TableError::Point { point: 2, .. })
            ));
        }
        assert!(matches!(
            Tabulated::new(&points(&[0.0, 1.0, 2.0, 3.0])),
            Err(TableError::Point { point: 0, .. })
        ));
    }
}
