//! Density waves: `rho(q) = sum_i e^(i q . r_i)` for all wave vectors of a cell up to a magnitude.
//!
//! Wave vectors come in rows, `q = q_row + n b_D`. With `e^(i q_row . r) = a + i b` and `e^(i n b_D . r) = c + i d`, the four
//! real sums of `ac`, `bd`, `bc` and `ad` over particles give `rho` at `+n` and at `-n`: two fused operations for each
//! particle and wave vector, done for [`ROWS`] rows and [`WIDTH`] values of `n` side by side.

use crate::lattice::{Lattice, norm};
use std::ops::Range;

/// Particles whose phases are kept at a time: they fit the nearest cache.
const PARTICLES: usize = 64;
/// Rows that are summed side by side.
const ROWS: usize = 3;
/// Values of `n` that are summed side by side.
const WIDTH: usize = 4;

type Block = [f64; PARTICLES];
/// The sums of `ac`, `bd`, `bc` and `ad`, for consecutive `n`.
type Sums = [[f64; WIDTH]; 4];

/// The wave vectors with `0 < |q| <= longest`, one of each pair `+q, -q`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Waves<const D: usize> {
    rows: Vec<Row<D>>,
    /// The largest magnitude of the integers along each axis.
    highest: [usize; D],
    /// `|q|`, in the order of the rows and of `n` in each.
    pub(crate) magnitudes: Vec<f64>,
}

/// `q = sum_k n_k b_k + n b_D` for `n` from `low` to `high`.
#[derive(Clone, Debug, PartialEq)]
struct Row<const D: usize> {
    /// The last one is zero.
    integers: [i32; D],
    low: i32,
    high: i32,
    /// The place of `low` among the magnitudes.
    first: usize,
}

impl<const D: usize> Row<D> {
    fn len(&self) -> usize {
        (self.high - self.low + 1) as usize
    }

    /// The number of groups of `WIDTH` values of `|n|`, from 0 on.
    fn groups(&self) -> usize {
        self.low.abs().max(self.high.abs()) as usize / WIDTH + 1
    }
}

impl<const D: usize> Waves<D> {
    /// For `longest` so small that the number of wave vectors is reasonable.
    pub(crate) fn new(lattice: &Lattice<D>, longest: f64) -> Self {
        let reciprocal = lattice.reciprocal();
        // q . a_k = 2 pi n_k bounds |n_k| by |q| |a_k| / 2 pi, in any cell.
        let bounds = lattice
            .rows
            .map(|row| (longest * norm(&row) / std::f64::consts::TAU).floor() as i32);
        let mut waves = Self {
            rows: Vec::new(),
            highest: [0; D],
            magnitudes: Vec::new(),
        };
        let mut integers = bounds.map(|bound| -bound);
        integers[D - 1] = 0;
        loop {
            let first = integers.iter().find(|&&n| n != 0);
            if first.is_none_or(|&n| n > 0) {
                let from = if first.is_none() { 1 } else { -bounds[D - 1] };
                let magnitude = |last: i32| {
                    let mut n = integers;
                    n[D - 1] = last;
                    norm(&std::array::from_fn::<f64, D, _>(|c| {
                        (0..D).map(|k| f64::from(n[k]) * reciprocal[k][c]).sum()
                    }))
                };
                // A line meets a ball in an interval.
                let inside: Vec<(i32, f64)> = (from..=bounds[D - 1])
                    .map(|last| (last, magnitude(last)))
                    .filter(|&(_, magnitude)| magnitude <= longest)
                    .collect();
                if let (Some(&(low, _)), Some(&(high, _))) = (inside.first(), inside.last()) {
                    let mut furthest = integers;
                    furthest[D - 1] = low.abs().max(high.abs());
                    for k in 0..D {
                        let reach = furthest[k].unsigned_abs() as usize;
                        waves.highest[k] = waves.highest[k].max(reach);
                    }
                    let first = waves.magnitudes.len();
                    waves.rows.push(Row {
                        integers,
                        low,
                        high,
                        first,
                    });
                    waves
                        .magnitudes
                        .extend(inside.iter().map(|&(_, magnitude)| magnitude));
                }
            }
            let Some(axis) = (0..D - 1).rev().find(|&k| integers[k] < bounds[k]) else {
                break;
            };
            integers[axis] += 1;
            for k in axis + 1..D - 1 {
                integers[k] = -bounds[k];
            }
        }
        waves
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Calls `visit` with the place of each wave vector of some rows and its `rho` (real and imaginary part) for each group
    /// of particles, the slices of `phases`. A particle is given by `e^(i b_k . r)` for each `k`.
    #[inline(always)]
    pub(crate) fn densities(
        &self,
        rows: Range<usize>,
        phases: &[&[[[f64; 2]; D]]],
        mut visit: impl FnMut(usize, &[[f64; 2]]),
    ) {
        let rows = &self.rows[rows];
        let bundles: Vec<&[Row<D>]> = rows.chunks(ROWS).collect();
        let widths: Vec<usize> = bundles
            .iter()
            .map(|bundle| bundle.iter().map(Row::groups).max().unwrap_or(0))
            .collect();
        let total: usize = widths.iter().sum();
        let groups = self.highest[D - 1] / WIDTH + 1;
        let mut sums = vec![[[[0.0; WIDTH]; 4]; ROWS]; total * phases.len()];
        // powers[k][n]: e^(i n b_k . r) of every particle of a block; last[group]: the same for the last k.
        let mut powers: [Vec<[Block; 2]>; D] = self
            .highest
            .map(|highest| vec![[[1.0; PARTICLES], [0.0; PARTICLES]]; highest + 1]);
        let mut last = vec![[[0.0; 2 * WIDTH]; PARTICLES]; groups];
        for (species, phases) in phases.iter().enumerate() {
            let sums = &mut sums[species * total..(species + 1) * total];
            for block in phases.chunks(PARTICLES) {
                fill(&mut powers, block);
                interleave(&powers[D - 1], &mut last);
                let mut rest = &mut sums[..];
                for (bundle, &width) in bundles.iter().zip(&widths) {
                    let (own, others) = rest.split_at_mut(width);
                    rest = others;
                    let mut row_phases = [[[0.0; PARTICLES]; 2]; ROWS];
                    for (row, phase) in bundle.iter().zip(&mut row_phases) {
                        *phase = row_phase(&powers, &row.integers, block.len());
                    }
                    for (sums, last) in own.iter_mut().zip(&last) {
                        accumulate(&row_phases, last, sums);
                    }
                }
            }
        }
        let mut densities = vec![[0.0; 2]; phases.len()];
        let mut start = 0;
        for (bundle, width) in bundles.iter().zip(widths) {
            for (place, row) in bundle.iter().enumerate() {
                for index in 0..row.len() {
                    let n = row.low + index as i32;
                    let (group, lane) = (
                        n.unsigned_abs() as usize / WIDTH,
                        n.unsigned_abs() as usize % WIDTH,
                    );
                    let sign = if n < 0 { -1.0 } else { 1.0 };
                    for (species, density) in densities.iter_mut().enumerate() {
                        let [ac, bd, bc, ad] = &sums[species * total + start + group][place];
                        *density = [ac[lane] - sign * bd[lane], bc[lane] + sign * ad[lane]];
                    }
                    visit(row.first + index, &densities);
                }
            }
            start += width;
        }
    }
}

/// The powers of the phases of a block of particles.
#[inline(always)]
fn fill<const D: usize>(powers: &mut [Vec<[Block; 2]>; D], block: &[[[f64; 2]; D]]) {
    for k in 0..D {
        let (mut unit_cos, mut unit_sin) = ([0.0; PARTICLES], [0.0; PARTICLES]);
        for (particle, phase) in block.iter().enumerate() {
            [unit_cos[particle], unit_sin[particle]] = phase[k];
        }
        for n in 1..powers[k].len() {
            let [cos, sin] = powers[k][n - 1];
            let [next_cos, next_sin] = &mut powers[k][n];
            for i in 0..PARTICLES {
                next_cos[i] = cos[i] * unit_cos[i] - sin[i] * unit_sin[i];
                next_sin[i] = cos[i] * unit_sin[i] + sin[i] * unit_cos[i];
            }
        }
    }
}

/// `WIDTH` cosines and `WIDTH` sines of each particle side by side. What lies beyond the highest power is never used.
#[inline(always)]
fn interleave(powers: &[[Block; 2]], last: &mut [[[f64; 2 * WIDTH]; PARTICLES]]) {
    for (n, [cos, sin]) in powers.iter().enumerate() {
        let (group, lane) = (&mut last[n / WIDTH], n % WIDTH);
        for i in 0..PARTICLES {
            group[i][lane] = cos[i];
            group[i][WIDTH + lane] = sin[i];
        }
    }
}

/// `e^(i q_row . r)`, and zero for the places beyond the `number` particles of a block.
#[inline(always)]
fn row_phase<const D: usize>(
    powers: &[Vec<[Block; 2]>; D],
    integers: &[i32; D],
    number: usize,
) -> [Block; 2] {
    let (mut cos, mut sin) = ([0.0; PARTICLES], [0.0; PARTICLES]);
    cos[..number].fill(1.0);
    for k in 0..D - 1 {
        if integers[k] == 0 {
            continue;
        }
        let [factor_cos, factor_sin] = &powers[k][integers[k].unsigned_abs() as usize];
        let sign = f64::from(integers[k].signum());
        for i in 0..PARTICLES {
            let (old_cos, signed_sin) = (cos[i], sign * factor_sin[i]);
            cos[i] = old_cos * factor_cos[i] - sin[i] * signed_sin;
            sin[i] = old_cos * signed_sin + sin[i] * factor_cos[i];
        }
    }
    [cos, sin]
}

/// Adds the products of all particles of a block.
#[inline(always)]
fn accumulate(
    rows: &[[Block; 2]; ROWS],
    last: &[[f64; 2 * WIDTH]; PARTICLES],
    sums: &mut [Sums; ROWS],
) {
    let mut local = *sums;
    for i in 0..PARTICLES {
        for row in 0..ROWS {
            let (a, b) = (rows[row][0][i], rows[row][1][i]);
            let [ac, bd, bc, ad] = &mut local[row];
            for lane in 0..WIDTH {
                let (c, d) = (last[i][lane], last[i][WIDTH + lane]);
                ac[lane] = a.mul_add(c, ac[lane]);
                bd[lane] = b.mul_add(d, bd[lane]);
                bc[lane] = b.mul_add(c, bc[lane]);
                ad[lane] = a.mul_add(d, ad[lane]);
            }
        }
    }
    *sums = local;
}
