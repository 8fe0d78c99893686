//! The pair correlation functions `g_ab(r)`, accumulated while a trajectory runs.

use crate::structure::grid::{Grid, LANES, Plan, Run};
use crate::structure::{
    StructureError, check_frame, count_species, plan, standard_error, vectorised,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::ops::Range;

/// Particles are shared among threads in groups of about this many.
const GROUP: usize = 256;

/// `f64`s of this size have the unit as their last bit: adding it to an integer puts that into the low bits.
const INTEGERS: f64 = 4503599627370496.0;

/// Accumulates the pair correlation functions
///
/// ```text
/// g_ab(r) = V / (N_a (N_b - delta_ab)) < sum_{i in a} sum_{j in b, j != i} sum_T delta(r_j + T - r_i - r) >
/// ```
///
/// averaged over the directions of `r` and over bins of equal width. `T` runs over the lattice vectors of the cell: all
/// periodic images within the range count, so that the range may exceed half the cell. Images of a particle itself do
/// not count. The normalisation is that of an ideal gas of the same finite numbers of particles in the cell, for
/// which `g_ab = 1` exactly.
///
/// Pairs are counted in integers: the counts do not depend on the order of frames, on that of merging, or on the number
/// of threads. Work is shared among the threads of the `rayon` pool that the caller installs.
///
/// Bin `k` holds `k w <= r < (k + 1) w`, `w = range/bins`, but for one rounding error in `r`.
///
/// # Examples
///
/// ```
/// use vitreous_observables::PairCorrelation;
///
/// // A square lattice: four neighbours at distance 1, four at sqrt 2.
/// let cell = [[4.0, 0.0], [0.0, 4.0]];
/// let positions: Vec<[f64; 2]> =
///     (0..16).map(|i| [f64::from(i / 4), f64::from(i % 4)]).collect();
/// let mut accumulator = PairCorrelation::new(&cell, &[0; 16], 1.5, 15)?;
/// accumulator.push(&positions)?;
/// let result = accumulator.finish();
/// assert_eq!(result.distances[10], 1.05);
/// assert!((result.total.coordination[13] - 4.0).abs() < 1e-12);
/// assert!((result.total.coordination[14] - 8.0).abs() < 1e-12);
/// # Ok::<(), vitreous_observables::StructureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct PairCorrelation<const D: usize> {
    plan: Plan<D>,
    species: Vec<u8>,
    /// The number of particles of each species.
    numbers: Vec<usize>,
    range: f64,
    bins: usize,
    /// The run that is being accumulated comes last.
    runs: Vec<Counts>,
}

/// `pairs[(a * species + b) * bins + bin]`: each pair once, under the species of either of its particles first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    frames: u64,
    pairs: Vec<u64>,
}

/// What is serialised; the rest follows from it.
#[derive(Serialize, Deserialize)]
struct Stored {
    cell: Vec<Vec<f64>>,
    species: Vec<u8>,
    range: f64,
    bins: usize,
    runs: Vec<Counts>,
}

impl<const D: usize> From<PairCorrelation<D>> for Stored {
    fn from(accumulator: PairCorrelation<D>) -> Self {
        let rows = accumulator.plan.lattice.rows;
        Self {
            cell: rows.iter().map(|row| row.to_vec()).collect(),
            species: accumulator.species,
            range: accumulator.range,
            bins: accumulator.bins,
            runs: accumulator.runs,
        }
    }
}

impl<const D: usize> TryFrom<Stored> for PairCorrelation<D> {
    type Error = StructureError;

    fn try_from(stored: Stored) -> Result<Self, StructureError> {
        let cell = crate::structure::cell_from_rows(&stored.cell)?;
        let mut accumulator = Self::new(&cell, &stored.species, stored.range, stored.bins)?;
        let length = accumulator.runs[0].pairs.len();
        if stored.runs.is_empty() || stored.runs.iter().any(|run| run.pairs.len() != length) {
            let difference = "numbers of bins and of stored counts";
            return Err(StructureError::Incompatible { difference });
        }
        accumulator.runs = stored.runs;
        Ok(accumulator)
    }
}

impl<const D: usize> PairCorrelation<D> {
    /// An empty accumulator for particles of the given species (length `N`, indices that count from 0), in a cell with
    /// the lattice vectors as rows: `bins` bins from 0 to `range` (a length).
    ///
    /// # Errors
    ///
    /// If the cell has no volume, the range or the number of bins makes no sense, or a species has no particles.
    pub fn new(
        cell: &[[f64; D]; D],
        species: &[u8],
        range: f64,
        bins: usize,
    ) -> Result<Self, StructureError> {
        let numbers = count_species(species)?;
        let limit = 10_000_000 / (numbers.len() * numbers.len());
        if !(1..=limit).contains(&bins) {
            return Err(StructureError::InvalidBins { bins, limit });
        }
        let plan = plan(cell, range, species.len())?;
        let mut accumulator = Self {
            plan,
            species: species.to_vec(),
            numbers,
            range,
            bins,
            runs: Vec::new(),
        };
        accumulator.begin_run();
        Ok(accumulator)
    }

    /// Counts the pairs of a frame: positions `N x D`, folded or not, in the order of the species given at
    /// construction.
    ///
    /// # Errors
    ///
    /// If the number of particles is wrong or a coordinate is not finite. The accumulator is then unchanged.
    pub fn push(&mut self, positions: &[[f64; D]]) -> Result<(), StructureError> {
        check_frame(positions, self.species.len())?;
        let grid = self.plan.sort(positions);
        let labels: Vec<u8> = grid
            .particles
            .iter()
            .map(|&particle| self.species[particle as usize])
            .collect();
        let (species, stride) = (self.numbers.len(), self.bins + LANES);
        // Added to the number of a bin: where the counts of the other's species start.
        let rows: Vec<f64> = labels
            .iter()
            .map(|&label| INTEGERS + (usize::from(label) * stride) as f64)
            .chain([INTEGERS; LANES])
            .collect();
        let frame = Frame {
            plan: &self.plan,
            grid: &grid,
            labels: &labels,
            rows: &rows,
            species,
            stride,
            inverse_width: self.bins as f64 / self.range,
            beyond: std::array::from_fn(|lane| (self.bins + lane) as f64),
        };
        let groups = positions.len().div_ceil(GROUP).min(grid.bins());
        let share = |group: usize| group * grid.bins() / groups;
        let empty = || vec![0; species * species * stride];
        let counts = (0..groups)
            .into_par_iter()
            .fold(empty, |mut counts, group| {
                let home = share(group)..share(group + 1);
                vectorised(Count {
                    frame,
                    home,
                    counts: &mut counts,
                });
                counts
            })
            .reduce(empty, |mut counts, more| {
                // Sums of integers: their order does not matter.
                for (count, more) in counts.iter_mut().zip(more) {
                    *count += more;
                }
                counts
            });
        if let Some(run) = self.runs.last_mut() {
            run.frames += 1;
            // What lies behind the bins counts pairs out of range.
            let rows = counts.chunks(stride).map(|row| &row[..self.bins]);
            for (own, row) in run.pairs.chunks_mut(self.bins).zip(rows) {
                for (count, more) in own.iter_mut().zip(row) {
                    *count += more;
                }
            }
        }
        Ok(())
    }

    /// Frames that are pushed from now on belong to a new run, or to a new block of one that is long: standard errors
    /// come from the scatter of runs. Has no effect before the first frame of a run.
    pub fn begin_run(&mut self) {
        if self.runs.last().is_none_or(|run| run.frames > 0) {
            self.runs.push(Counts {
                frames: 0,
                pairs: vec![0; self.numbers.len() * self.numbers.len() * self.bins],
            });
        }
    }

    /// Takes over the runs of another accumulator of the same set-up. They come before this one's, whose last run may
    /// go on.
    ///
    /// # Errors
    ///
    /// If the cells, the numbers of particles of each species, the ranges or the numbers of bins differ.
    pub fn merge(&mut self, other: Self) -> Result<(), StructureError> {
        let difference = if self.plan.lattice != other.plan.lattice {
            "cells"
        } else if self.numbers != other.numbers {
            "numbers of particles of each species"
        } else if self.range != other.range || self.bins != other.bins {
            "ranges or numbers of bins"
        } else {
            let finished = other.runs.into_iter().filter(|run| run.frames > 0);
            self.runs.splice(..0, finished);
            return Ok(());
        };
        Err(StructureError::Incompatible { difference })
    }

    /// The correlation functions over all frames, each with the same weight; zero without any frame.
    pub fn finish(&self) -> PairCorrelations {
        self.correlations(&self.runs.iter().collect::<Vec<_>>())
    }

    /// The correlation functions of each run by itself, those without frames left out.
    pub fn finish_runs(&self) -> Vec<PairCorrelations> {
        self.runs
            .iter()
            .filter(|run| run.frames > 0)
            .map(|run| self.correlations(&[run]))
            .collect()
    }

    fn correlations(&self, runs: &[&Counts]) -> PairCorrelations {
        let species = self.numbers.len();
        let width = self.range / self.bins as f64;
        let mut partial = Vec::new();
        for a in 0..species {
            for b in a..species {
                // A pair of one species is counted once, but seen by both of its particles.
                let ordered = |run: &Counts, bin: usize| {
                    run.pairs[(a * species + b) * self.bins + bin]
                        + run.pairs[(b * species + a) * self.bins + bin]
                };
                let others = self.numbers[b] - usize::from(a == b);
                partial.push(self.function([a, b], [self.numbers[a], others], runs, ordered));
            }
        }
        let all = |run: &Counts, bin: usize| {
            let rows = run.pairs.chunks(self.bins);
            2 * rows.map(|row| row[bin]).sum::<u64>()
        };
        let particles = self.species.len();
        PairCorrelations {
            frames: runs.iter().map(|run| run.frames).sum(),
            runs: runs.iter().filter(|run| run.frames > 0).count(),
            width,
            distances: (0..self.bins)
                .map(|bin| (bin as f64 + 0.5) * width)
                .collect(),
            total: self.function([0, 0], [particles, particles - 1], runs, all),
            partial,
        }
    }

    /// From counts of ordered pairs of `numbers[0]` particles with `numbers[1]` others.
    fn function(
        &self,
        species: [usize; 2],
        numbers: [usize; 2],
        runs: &[&Counts],
        ordered: impl Fn(&Counts, usize) -> u64,
    ) -> PairCorrelationFunction {
        let runs: Vec<&Counts> = runs.iter().copied().filter(|run| run.frames > 0).collect();
        let frames: u64 = runs.iter().map(|run| run.frames).sum();
        let [centres, others] = numbers.map(|number| number as f64);
        let width = self.range / self.bins as f64;
        let unit_ball = (1 + D % 2..=D)
            .filter(|k| k % 2 == D % 2)
            .fold(if D % 2 == 0 { 1.0 } else { 2.0 }, |ball, k| {
                ball * TAU / k as f64
            });
        let mut function = PairCorrelationFunction {
            species,
            counts: Vec::with_capacity(self.bins),
            values: Vec::with_capacity(self.bins),
            standard_errors: Vec::with_capacity(self.bins),
            coordination: Vec::with_capacity(self.bins),
        };
        let mut inside = 0;
        for bin in 0..self.bins {
            let counts: u64 = runs.iter().map(|run| ordered(run, bin)).sum();
            inside += counts;
            // (k + 1)^D - k^D without cancellation.
            let inner = bin as f64;
            let layers: f64 = (0..D)
                .map(|power| {
                    libm::pow(inner + 1.0, power as f64) * libm::pow(inner, (D - 1 - power) as f64)
                })
                .sum();
            let shell = unit_ball * libm::pow(width, D as f64) * layers;
            let expected = centres * others * shell / self.plan.lattice.volume;
            let value = |counts: u64, frames: u64| {
                if frames == 0 || expected == 0.0 {
                    0.0
                } else {
                    counts as f64 / (frames as f64 * expected)
                }
            };
            let mean = value(counts, frames);
            function.counts.push(counts);
            function.values.push(mean);
            function
                .standard_errors
                .push(standard_error(runs.iter().map(|run| {
                    let share = run.frames as f64 / frames as f64;
                    (share, value(ordered(run, bin), run.frames) - mean)
                })));
            function.coordination.push(if frames == 0 {
                0.0
            } else {
                inside as f64 / (frames as f64 * centres)
            });
        }
        function
    }
}

/// All that counting a frame needs.
#[derive(Clone, Copy)]
struct Frame<'a, const D: usize> {
    plan: &'a Plan<D>,
    grid: &'a Grid<D>,
    labels: &'a [u8],
    rows: &'a [f64],
    species: usize,
    stride: usize,
    inverse_width: f64,
    /// The places behind the bins, the first of which ends the range.
    beyond: [f64; LANES],
}

/// Counts the pairs of the particles in some bins.
struct Count<'a, const D: usize> {
    frame: Frame<'a, D>,
    home: Range<usize>,
    counts: &'a mut [u64],
}

impl<const D: usize> pulp::NullaryFnOnce for Count<'_, D> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            frame,
            home,
            counts,
        } = self;
        let row = frame.species * frame.stride;
        frame.plan.visit(
            frame.grid,
            home,
            #[inline(always)]
            |run: Run<D>| {
                let label = usize::from(frame.labels[run.place]);
                let counts = &mut counts[label * row..(label + 1) * row];
                let centre = std::array::from_fn(|k| {
                    frame.grid.coordinates[k][run.place] - run.translation[k]
                });
                if run.others.contains(&run.place) {
                    // An image of the particle itself is no pair.
                    frame.count(&centre, run.others.start..run.place, counts);
                    frame.count(&centre, run.place + 1..run.others.end, counts);
                } else {
                    frame.count(&centre, run.others, counts);
                }
            },
        );
    }
}

impl<const D: usize> Frame<'_, D> {
    #[inline(always)]
    fn count(&self, centre: &[f64; D], others: Range<usize>, counts: &mut [u64]) {
        let mut start = others.start;
        while start < others.end {
            self.count_lanes(centre, start, others.end - start, counts);
            start += LANES;
        }
    }

    /// Counts the first `number` of the `LANES` places from `start` on.
    #[inline(always)]
    fn count_lanes(&self, centre: &[f64; D], start: usize, number: usize, counts: &mut [u64]) {
        let mut places = [0.0; LANES];
        for k in 0..D {
            let Some(coordinates) = self.grid.coordinates[k][start..].first_chunk::<LANES>() else {
                return;
            };
            for lane in 0..LANES {
                let difference = coordinates[lane] - centre[k];
                places[lane] += difference * difference;
            }
        }
        let Some(rows) = self.rows[start..].first_chunk::<LANES>() else {
            return;
        };
        for lane in 0..LANES {
            places[lane] = (places[lane].sqrt() * self.inverse_width).floor();
        }
        // What is out of range is counted behind the bins, in a place of its own for each lane, so that one
        // increment need not wait for the one before.
        for lane in 0..LANES {
            places[lane] = if places[lane] < self.beyond[0] {
                places[lane]
            } else {
                self.beyond[lane]
            };
        }
        if number < LANES {
            places[number..].copy_from_slice(&self.beyond[number..]);
        }
        for lane in 0..LANES {
            places[lane] += rows[lane];
        }
        for place in places {
            if let Some(count) = counts.get_mut(place.to_bits() as u32 as usize) {
                *count += 1;
            }
        }
    }
}

/// What a [`PairCorrelation`] has measured; every list has one entry for each bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairCorrelations {
    /// The number of frames.
    pub frames: u64,
    /// The number of runs that have any frames.
    pub runs: usize,
    /// The width of a bin, a length.
    pub width: f64,
    /// The middle of each bin, a length.
    pub distances: Vec<f64>,
    /// `g_ab(r)` for `a <= b`, in the order 00, 01, ..., 11, ...
    pub partial: Vec<PairCorrelationFunction>,
    /// `g(r)` of all particles, whatever their species.
    pub total: PairCorrelationFunction,
}

/// One pair correlation function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairCorrelationFunction {
    /// The species `a` and `b`; means nothing for the total.
    pub species: [usize; 2],
    /// The number of times that a particle of `b` was seen from one of `a`, over all frames; for `a = b` each pair
    /// counts twice.
    pub counts: Vec<u64>,
    /// `g_ab(r)`.
    pub values: Vec<f64>,
    /// The standard errors of the values over runs; `None` with one run.
    pub standard_errors: Vec<Option<f64>>,
    /// `n_ab(r)`, the mean number of particles of `b` around one of `a`, up to the outer edge of the bin.
    pub coordination: Vec<f64>,
}

#[cfg(test)]
mod tests;
