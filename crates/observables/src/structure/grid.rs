//! Particles sorted into bins of the cell, and the runs of bins that lie within a range of each other.
//!
//! Bins follow each other along the last lattice vector, so that all particles in reach of one, in a column of
//! bins, are a run of places in memory. A column may be any number of lattice vectors away: the range may
//! exceed the cell, and every periodic image of a pair is met, once.

use crate::lattice::{Lattice, dot, norm};
use std::ops::Range;

/// Places are read in groups of this many; coordinates are padded by as many.
pub(crate) const LANES: usize = 8;

/// Bins are not made smaller than this part of the range: more, shorter runs cost more than they save.
const BINS_PER_RANGE: f64 = 4.0;

/// Which bins of a cell can hold pairs within a range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan<const D: usize> {
    pub(crate) lattice: Lattice<D>,
    bins: [i64; D],
    columns: Vec<Column<D>>,
}

/// A column of bins as seen from a bin: of each pair of opposite columns one is kept, the one whose first
/// integer that is not zero is positive.
#[derive(Clone, Debug, PartialEq)]
struct Column<const D: usize> {
    /// How many bins away, along every lattice vector but the last.
    offset: [i64; D],
    /// The first and last bin within range, along the last lattice vector.
    low: i64,
    high: i64,
}

/// Particles in the order of their bins.
pub(crate) struct Grid<const D: usize> {
    /// Where the particles of each bin start.
    starts: Vec<usize>,
    /// The particle at each place.
    pub(crate) particles: Vec<u32>,
    /// One list for each component, folded into the cell.
    pub(crate) coordinates: [Vec<f64>; D],
}

/// A particle and consecutive places that it has not been paired with before.
pub(crate) struct Run<const D: usize> {
    /// The place of the particle.
    pub(crate) place: usize,
    /// The particles at `others` are meant as shifted by this lattice vector. `others` holds `place`
    /// itself only if it is not zero.
    pub(crate) translation: [f64; D],
    pub(crate) others: Range<usize>,
}

impl<const D: usize> Plan<D> {
    /// For about `particles` particles and a positive, finite range.
    pub(crate) fn new(lattice: Lattice<D>, range: f64, particles: usize) -> Self {
        let heights = lattice.heights();
        let spacing = libm::pow(
            lattice.volume / particles.max(1) as f64,
            1.0 / f64::from(D as u32),
        );
        let bins = std::array::from_fn(|k| {
            // Along a column short bins cost nothing, and fit its ends more closely.
            let refinement = if k + 1 == D { 2.0 } else { 1.0 };
            let edge = (range / BINS_PER_RANGE).max(spacing);
            let bins = (refinement * heights[k] / edge).floor();
            bins.clamp(1.0, 4096.0) as i64
        });
        let edges: [[f64; D]; D] =
            std::array::from_fn(|k| lattice.rows[k].map(|x| x / bins[k] as f64));
        let reach: [i64; D] = std::array::from_fn(|k| {
            let bins_in_range = range * bins[k] as f64 / heights[k];
            bins_in_range.ceil() as i64 + 1
        });
        let mut columns = Vec::new();
        let mut offset = reach.map(|reach| -reach);
        offset[D - 1] = 0;
        loop {
            let zero = offset.iter().all(|&o| o == 0);
            let forward = offset
                .iter()
                .find(|&&o| o != 0)
                .is_none_or(|&first| first > 0);
            if forward {
                // The bins in range form an interval, since a ball is convex.
                let in_range = |last: i64| {
                    let mut bin = offset;
                    bin[D - 1] = last;
                    // Rounding must not lose a pair.
                    separation(&edges, &bin) < range * (1.0 + 1e-9)
                };
                let from = if zero { 0 } else { -reach[D - 1] };
                let low = (from..=reach[D - 1]).find(|&last| in_range(last));
                let high = (from..=reach[D - 1]).rev().find(|&last| in_range(last));
                if let (Some(low), Some(high)) = (low, high) {
                    columns.push(Column { offset, low, high });
                }
            }
            // The next offset, an odometer over all axes but the last.
            let Some(axis) = (0..D - 1).rev().find(|&k| offset[k] < reach[k]) else {
                break;
            };
            offset[axis] += 1;
            for k in axis + 1..D - 1 {
                offset[k] = -reach[k];
            }
        }
        Self {
            lattice,
            bins,
            columns,
        }
    }

    /// Sorts particles, of finite coordinates, into the bins.
    pub(crate) fn sort(&self, positions: &[[f64; D]]) -> Grid<D> {
        let number: usize = self.bins.iter().map(|&bins| bins as usize).product();
        let mut starts = vec![0_usize; number + 1];
        let placed: Vec<(usize, [f64; D])> = positions
            .iter()
            .map(|position| {
                let fractions = self.lattice.folded(position);
                let mut bin = 0;
                for k in 0..D {
                    let bins = self.bins[k] as usize;
                    let along = (fractions[k] * bins as f64) as usize;
                    bin = bin * bins + along.min(bins - 1);
                }
                starts[bin + 1] += 1;
                (bin, self.lattice.combine(&fractions))
            })
            .collect();
        for bin in 0..number {
            starts[bin + 1] += starts[bin];
        }
        let mut next = starts.clone();
        let mut particles = vec![0; positions.len()];
        let mut coordinates: [Vec<f64>; D] =
            std::array::from_fn(|_| vec![0.0; positions.len() + LANES]);
        for (particle, (bin, position)) in placed.iter().enumerate() {
            let place = next[*bin];
            next[*bin] += 1;
            particles[place] = particle as u32;
            for k in 0..D {
                coordinates[k][place] = position[k];
            }
        }
        Grid {
            starts,
            particles,
            coordinates,
        }
    }

    /// Visits every pair that may be within range and whose particle of reference is in one of the bins: each pair
    /// of a particle and a periodic image of it or of another once, not twice.
    #[inline(always)]
    pub(crate) fn visit(&self, grid: &Grid<D>, home: Range<usize>, mut visit: impl FnMut(Run<D>)) {
        let last = self.bins[D - 1];
        for bin in home {
            let own = grid.starts[bin]..grid.starts[bin + 1];
            if own.is_empty() {
                continue;
            }
            let mut position = [0; D];
            let mut rest = bin as i64;
            for k in (0..D).rev() {
                position[k] = rest % self.bins[k];
                rest /= self.bins[k];
            }
            for column in &self.columns {
                let mut turns = [0.0; D];
                let mut row = 0;
                for k in 0..D - 1 {
                    let unfolded = position[k] + column.offset[k];
                    turns[k] = unfolded.div_euclid(self.bins[k]) as f64;
                    row = row * self.bins[k] + unfolded.rem_euclid(self.bins[k]);
                }
                let (low, high) = (position[D - 1] + column.low, position[D - 1] + column.high);
                for image in low.div_euclid(last)..=high.div_euclid(last) {
                    let first = (low - image * last).max(0) + row * last;
                    let end = (high - image * last).min(last - 1) + row * last + 1;
                    let others = grid.starts[first as usize]..grid.starts[end as usize];
                    turns[D - 1] = image as f64;
                    let translation = self.lattice.combine(&turns);
                    let here = turns.iter().all(|&turns| turns == 0.0)
                        && column.offset.iter().all(|&o| o == 0);
                    for place in own.clone() {
                        let start = if here { place + 1 } else { others.start };
                        visit(Run {
                            place,
                            translation,
                            others: start..others.end,
                        });
                    }
                }
            }
        }
    }
}

impl<const D: usize> Grid<D> {
    /// The number of bins.
    pub(crate) fn bins(&self) -> usize {
        self.starts.len() - 1
    }
}

/// A lower bound of the distance between points of two bins that are `offset` apart: the exact least
/// distance when the search below has converged, as it does at once in an orthogonal cell.
///
/// Differences of such points fill the parallelepiped `sum_k (o_k + u_k) e_k`, `|u_k| <= 1`. Its nearest point `c` to the
/// origin is approached by coordinate descent; the plane normal to `c` that supports the parallelepiped then
/// bounds the distance whether or not `c` is the nearest.
fn separation<const D: usize>(edges: &[[f64; D]; D], offset: &[i64; D]) -> f64 {
    let mut centre = [0.0; D];
    for k in 0..D {
        for c in 0..D {
            centre[c] += offset[k] as f64 * edges[k][c];
        }
    }
    let mut inside = [0.0_f64; D];
    let mut nearest = centre;
    for _ in 0..16 {
        let mut moved = false;
        for k in 0..D {
            let step = -dot(&nearest, &edges[k]) / dot(&edges[k], &edges[k]);
            let to = (inside[k] + step).clamp(-1.0, 1.0);
            moved |= to != inside[k];
            for c in 0..D {
                nearest[c] += (to - inside[k]) * edges[k][c];
            }
            inside[k] = to;
        }
        if !moved {
            break;
        }
    }
    let length = norm(&nearest);
    if length == 0.0 {
        return 0.0;
    }
    let support: f64 = edges.iter().map(|edge| dot(&nearest, edge).abs()).sum();
    ((dot(&nearest, &centre) - support) / length).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// No two points of the bins are nearer than the bound.
        #[test]
        fn separation_is_a_lower_bound(
            edges in prop::array::uniform3(prop::array::uniform3(-1.0_f64..1.0)),
            offset in prop::array::uniform3(-4_i64..5),
            inside in prop::collection::vec(prop::array::uniform3(-1.0_f64..=1.0), 50),
        ) {
            let bound = separation(&edges, &offset);
            for u in inside {
                let point: [f64; 3] = std::array::from_fn(|c| {
                    (0..3).map(|k| (offset[k] as f64 + u[k]) * edges[k][c]).sum()
                });
                prop_assert!(norm(&point) >= bound - 1e-12);
            }
        }

        /// In a brick it is the distance of the nearest corners.
        #[test]
        fn separation_of_bricks_is_exact(
            lengths in prop::array::uniform3(0.1_f64..2.0), offset in prop::array::uniform3(-4_i64..5),
        ) {
            let edges = std::array::from_fn(|k| std::array::from_fn(|c| if c == k { lengths[k] } else { 0.0 }));
            let gap: [f64; 3] = std::array::from_fn(|k| (offset[k].abs() - 1).max(0) as f64 * lengths[k]);
            prop_assert!((separation(&edges, &offset) - norm(&gap)).abs() < 1e-12);
        }
    }
}
