//! Dense operations on fronts, cut in tiles of fixed size that threads share.

use super::product::{Wanted, add_product};
use crate::threads::Threads;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::ldlt::factor::{self as ldlt, LdltRegularization};
use faer::linalg::cholesky::llt::factor::{
    LltError, LltRegularization, cholesky_in_place, cholesky_in_place_scratch,
};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{MatMut, MatRef, Par, Spec};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Columns that are factorised before the rest of a panel is updated.
pub(crate) const BLOCK: usize = 128;

/// A pivot that is smaller, relative to the largest diagonal number of its front, has no sign.
const SMALLEST_PIVOT: f64 = 1e-12;

/// Rows and columns of a tile.
const TILE_ROWS: usize = 512;
const TILE_COLUMNS: usize = 256;

/// The largest number of matrices whose memory is kept.
const KEPT: usize = 12;

/// Memory for matrices that are used for a while and given back, since asking the operating system for it
/// each time takes long.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Vec<Vec<f64>>>);

impl Memory {
    /// So many zeros.
    pub(crate) fn zeros(&self, count: usize) -> Vec<f64> {
        let mut free = self.lock();
        // The smallest that is large enough.
        let best = (0..free.len())
            .filter(|&k| free[k].capacity() >= count)
            .min_by_key(|&k| free[k].capacity());
        let reused = best.map(|k| free.swap_remove(k));
        drop(free);
        let mut numbers = reused.unwrap_or_else(|| Vec::with_capacity(count.next_power_of_two()));
        numbers.clear();
        numbers.resize(count, 0.0);
        numbers
    }

    pub(crate) fn give_back(&self, numbers: Vec<f64>) {
        let mut free = self.lock();
        free.push(numbers);
        if free.len() > KEPT {
            let smallest = (0..free.len()).min_by_key(|&k| free[k].capacity());
            smallest.map(|k| free.swap_remove(k));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<f64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many zeros, written at once: zeros that the operating system promises are paid for twice, when they are
/// first read and when they are first written, the second time by all threads.
pub(crate) fn zeros(count: usize) -> Vec<f64> {
    let mut numbers = Vec::with_capacity(count);
    numbers.resize(count, 0.0);
    numbers
}

pub(crate) fn view(numbers: &[f64], rows: usize, columns: usize) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(numbers, rows, columns)
}

pub(crate) fn view_mut(numbers: &mut [f64], rows: usize, columns: usize) -> MatMut<'_, f64> {
    MatMut::from_column_major_slice_mut(numbers, rows, columns)
}

/// Splits a matrix in bands of columns: the first column of each, and the band.
fn bands(mut matrix: MatMut<'_, f64>, width: usize) -> Vec<(usize, MatMut<'_, f64>)> {
    let mut bands = Vec::new();
    let mut first = 0;
    while matrix.ncols() > 0 {
        let columns = width.min(matrix.ncols());
        let (band, rest) = matrix.split_at_col_mut(columns);
        bands.push((first, band));
        first += columns;
        matrix = rest;
    }
    bands
}

/// As [`bands`], of rows.
fn bars(matrix: MatMut<'_, f64>, height: usize) -> Vec<(usize, MatMut<'_, f64>)> {
    bands(matrix.transpose_mut(), height)
        .into_iter()
        .map(|(first, band)| (first, band.transpose_mut()))
        .collect()
}

/// `C <- C + alpha A B`.
pub(crate) fn multiply(
    c: MatMut<'_, f64>,
    a: MatRef<'_, f64>,
    b: MatRef<'_, f64>,
    alpha: f64,
    threads: &Threads,
) {
    let tiles = bands(c, TILE_COLUMNS)
        .into_iter()
        .flat_map(|(column, band)| {
            bars(band, TILE_ROWS)
                .into_iter()
                .map(move |(row, tile)| (row, column, tile))
        })
        .collect();
    threads.each(tiles, |(row, column, tile): (_, _, MatMut<'_, f64>)| {
        let a = a.subrows(row, tile.nrows());
        let b = b.subcols(column, tile.ncols());
        add_product(tile, a, b, alpha, Wanted::All);
    });
}

/// The lower triangle of `C <- C + alpha A B^T`, and anything above it.
pub(crate) fn multiply_lower(
    c: MatMut<'_, f64>,
    a: MatRef<'_, f64>,
    b: MatRef<'_, f64>,
    alpha: f64,
    threads: &Threads,
) {
    if a.ncols() == 0 {
        return;
    }
    threads.each(bands(c, TILE_COLUMNS), |(first, band)| {
        let (_, band) = band.split_at_row_mut(first);
        let b = b.subrows(first, band.ncols()).transpose();
        add_product(band, a.get(first.., ..), b, alpha, Wanted::Lower);
    });
}

/// `X <- X L^-T` with a lower triangle `L`.
pub(crate) fn divide_by_transpose(x: MatMut<'_, f64>, lower: MatRef<'_, f64>, threads: &Threads) {
    threads.each(bars(x, TILE_ROWS), |(_, bar)| {
        solve_lower_triangular_in_place(lower, bar.transpose_mut(), Par::Seq);
    });
}

/// Eliminates the columns of a panel: its upper square becomes the Cholesky factor `L` of what it was (its
/// lower triangle is read), the rest `B` becomes `B L^-T`, and `B L^-T L^-1 B^T` is subtracted from the
/// lower triangle of `update`.
///
/// # Errors
/// The first column whose pivot is not positive. The columns before it are right then, the square of the block
/// of columns that it is in holds what was left to factorise.
pub(crate) fn eliminate(
    mut panel: MatMut<'_, f64>,
    update: MatMut<'_, f64>,
    threads: &Threads,
) -> Result<(), usize> {
    let own = panel.ncols();
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(
        BLOCK.min(own),
        Par::Seq,
        Spec::default(),
    ));
    let mut first = 0;
    while first < own {
        let width = BLOCK.min(own - first);
        let (_, rows) = panel.as_mut().split_at_row_mut(first);
        let (_, columns) = rows.split_at_col_mut(first);
        let (block, mut rest) = columns.split_at_col_mut(width);
        let (mut square, mut below) = block.split_at_row_mut(width);
        let before = square.to_owned();
        let outcome = cholesky_in_place(
            square.as_mut(),
            LltRegularization::default(),
            Par::Seq,
            MemStack::new(&mut memory),
            Spec::default(),
        );
        if let Err(LltError::NonPositivePivot { .. }) = outcome {
            square.copy_from(before);
            return Err(first);
        }
        divide_by_transpose(below.as_mut(), square.as_ref(), threads);
        let below = below.as_ref();
        let right = rest.ncols();
        if right > 0 {
            let (_, trailing) = rest.as_mut().split_at_row_mut(width);
            let (upper, lower) = trailing.split_at_row_mut(right);
            let (a, b) = below.split_at_row(right);
            multiply_lower(upper, a, a, -1.0, threads);
            multiply(lower, b, a.transpose(), -1.0, threads);
        }
        first += width;
    }
    let below = panel.as_ref().get(own.., ..);
    multiply_lower(update, below, below, -1.0, threads);
    Ok(())
}

/// As [`eliminate`] for a matrix that need not be positive, `A = L S L^T` with signs `S`: the columns whose sign
/// is negative, `None` if a pivot is zero to rounding.
pub(crate) fn eliminate_signed(
    mut panel: MatMut<'_, f64>,
    mut update: MatMut<'_, f64>,
    threads: &Threads,
) -> Option<Vec<usize>> {
    let own = panel.ncols();
    let scale = (0..own).map(|k| panel[(k, k)].abs()).fold(0.0, f64::max);
    let mut memory = MemBuffer::new(ldlt::cholesky_in_place_scratch::<f64>(
        BLOCK.min(own),
        Par::Seq,
        Spec::default(),
    ));
    let mut negative = Vec::new();
    let mut first = 0;
    while first < own {
        let width = BLOCK.min(own - first);
        let (_, rows) = panel.as_mut().split_at_row_mut(first);
        let (_, columns) = rows.split_at_col_mut(first);
        let (block, mut rest) = columns.split_at_col_mut(width);
        let (mut square, mut below) = block.split_at_row_mut(width);
        ldlt::cholesky_in_place(
            square.as_mut(),
            LdltRegularization::default(),
            Par::Seq,
            MemStack::new(&mut memory),
            Spec::default(),
        )
        .ok()?;
        // L sqrt|D| in place of the unit triangle, and the signs.
        let mut signs = vec![1.0; width];
        for k in 0..width {
            let pivot = square[(k, k)];
            if pivot.is_nan() || pivot.abs() <= SMALLEST_PIVOT * scale {
                return None;
            }
            signs[k] = pivot.signum();
            if pivot < 0.0 {
                negative.push(first + k);
            }
            let root = pivot.abs().sqrt();
            square[(k, k)] = root;
            for row in k + 1..width {
                square[(row, k)] *= root;
            }
        }
        divide_by_transpose(below.as_mut(), square.as_ref(), threads);
        let plain = below.as_ref().to_owned();
        for (k, &sign) in signs.iter().enumerate() {
            for row in 0..below.nrows() {
                below[(row, k)] *= sign;
            }
        }
        let (plain, below) = (plain.as_ref(), below.as_ref());
        let right = rest.ncols();
        let (plain_right, plain_below) = plain.split_at_row(right);
        let (below_right, below_below) = below.split_at_row(right);
        let (_, trailing) = rest.as_mut().split_at_row_mut(width);
        let (upper, lower) = trailing.split_at_row_mut(right);
        multiply_lower(upper, plain_right, below_right, -1.0, threads);
        multiply(lower, plain_below, below_right.transpose(), -1.0, threads);
        multiply_lower(update.as_mut(), plain_below, below_below, -1.0, threads);
        first += width;
    }
    Some(negative)
}

/// Copies the lower triangle of a square matrix to its upper one.
pub(crate) fn mirror(mut matrix: MatMut<'_, f64>) {
    const TILE: usize = 32;
    let size = matrix.nrows();
    for first in (0..size).step_by(TILE) {
        let width = TILE.min(size - first);
        let (_, columns) = matrix.as_mut().split_at_col_mut(first);
        let (left, right) = columns.split_at_col_mut(width);
        let (mut square, below) = left.split_at_row_mut(first).1.split_at_row_mut(width);
        for column in 0..width {
            for row in column + 1..width {
                square[(column, row)] = square[(row, column)];
            }
        }
        right
            .submatrix_mut(first, 0, width, size - first - width)
            .copy_from(below.transpose());
    }
}
