//! A Hessian in single precision, in an order of space: products, and sweeps through its triangles.

use crate::hessian::Hessian;
use vitreous_md_core::{Matrix, vector};

/// A short vector in single precision.
pub(crate) type Single<const D: usize> = [f32; D];
/// A block in single precision, by rows.
pub(crate) type SingleBlock<const D: usize> = [[f32; D]; D];

/// Numbers of a block that are worked on together: as many as every processor's vector registers hold.
const LANES: usize = 4;

/// The blocks of one triangle of a symmetric matrix, by rows, in the order in which a sweep needs them: rows one
/// after another away from the start of the sweep, and in each row the columns in that order too, so that what
/// was computed last is needed last.
#[derive(Clone, Debug)]
struct Triangle<const D: usize> {
    /// Where the blocks of each row start, in the order of the sweep; one more than rows.
    starts: Vec<usize>,
    columns: Vec<u32>,
    /// Blocks by columns of numbers, and a few zeros at the end, so that lanes may reach beyond the last.
    values: Vec<f32>,
}

impl<const D: usize> Triangle<D> {
    fn new(rows: impl Iterator<Item = impl Iterator<Item = (usize, Matrix<D>)>>) -> Self {
        const { assert!(D <= LANES, "lanes hold the columns of blocks") };
        let mut triangle = Self {
            starts: vec![0],
            columns: Vec::new(),
            values: Vec::new(),
        };
        for row in rows {
            for (column, block) in row {
                triangle.columns.push(column as u32);
                for b in 0..D {
                    triangle.values.extend((0..D).map(|a| block[a][b] as f32));
                }
            }
            triangle.starts.push(triangle.columns.len());
        }
        triangle.values.extend([0.0; LANES]);
        triangle
    }

    /// `sum_k block_k x_(column k)` over the blocks of one row, counted along the sweep.
    #[inline(always)]
    fn row(&self, row: usize, x: &[Single<D>]) -> Single<D> {
        let range = self.starts[row]..self.starts[row + 1];
        let mut sums = [[0.0; LANES]; D];
        let values = &self.values[D * D * range.start..];
        for (k, &column) in self.columns[range].iter().enumerate() {
            let from = &x[column as usize];
            let block = &values[D * D * k..][..D * (D - 1) + LANES];
            for b in 0..D {
                for a in 0..LANES {
                    sums[b][a] += block[D * b + a] * from[b];
                }
            }
        }
        let mut total = [0.0; D];
        for sum in &sums {
            for a in 0..D {
                total[a] += sum[a];
            }
        }
        total
    }
}

/// A symmetric block matrix without its diagonal, with one block for each row in its place.
///
/// Memory traffic is what products with sparse matrices cost, so blocks are in single precision and packed.
/// Places are those of an order of space.
#[derive(Clone, Debug)]
pub(crate) struct Sweeps<const D: usize> {
    lower: Triangle<D>,
    upper: Triangle<D>,
    /// For each row the inverse of what sweeps have on the diagonal.
    inverse: Vec<SingleBlock<D>>,
}

impl<const D: usize> Sweeps<D> {
    /// The number of stored numbers.
    pub(crate) fn stored_numbers(&self) -> usize {
        self.lower.values.len() + self.upper.values.len() + D * D * self.inverse.len()
    }

    /// `y = M x`, given the diagonal blocks.
    pub(crate) fn product(
        &self,
        diagonal: &[SingleBlock<D>],
        x: &[Single<D>],
        y: &mut [Single<D>],
    ) {
        for (i, y) in y.iter_mut().enumerate() {
            let below = self.lower.row(i, x);
            let own = transform(&diagonal[i], &x[i]);
            *y = std::array::from_fn(|a| below[a] + own[a]);
        }
        for (k, y) in y.iter_mut().rev().enumerate() {
            let above = self.upper.row(k, x);
            for a in 0..D {
                y[a] += above[a];
            }
        }
    }

    /// Solves `(L + W) y = b` with the lower triangle `L` and the pivots `W`.
    pub(crate) fn forward(&self, b: impl Fn(usize) -> Single<D>, y: &mut [Single<D>]) {
        for i in 0..y.len() {
            let sum = self.lower.row(i, y);
            let b = b(i);
            y[i] = transform(&self.inverse[i], &std::array::from_fn(|a| b[a] - sum[a]));
        }
    }

    /// Solves `(W + L^T) y = b` with the upper triangle `L^T` and the pivots `W`.
    pub(crate) fn backward(&self, b: &[Single<D>], y: &mut [Single<D>]) {
        for (k, i) in (0..y.len()).rev().enumerate() {
            let sum = self.upper.row(k, y);
            y[i] = transform(&self.inverse[i], &std::array::from_fn(|a| b[i][a] - sum[a]));
        }
    }

    /// Solves `(W + L^T) y = W y0`, given `y0` in `y`.
    pub(crate) fn backward_in_place(&self, y: &mut [Single<D>]) {
        for (k, i) in (0..y.len()).rev().enumerate() {
            let sum = self.upper.row(k, y);
            let step = transform(&self.inverse[i], &sum);
            y[i] = std::array::from_fn(|a| y[i][a] - step[a]);
        }
    }
}

/// The particles in the order of their coordinate along the longest extent of the map.
///
/// Information travels through a triangular sweep from particle to particle: an order of space makes it
/// travel far, which saves iterations.
pub(crate) fn spatial_order<const D: usize>(hessian: &Hessian<'_, D>) -> Vec<usize> {
    let map = hessian.cluster_data().map();
    let extent = |axis: usize| {
        let along = || map.iter().map(|x| x[axis]);
        along().fold(f64::NEG_INFINITY, f64::max) - along().fold(f64::INFINITY, f64::min)
    };
    let axis = (0..D)
        .max_by(|&a, &b| extent(a).total_cmp(&extent(b)))
        .unwrap_or(0);
    let mut order: Vec<usize> = (0..map.len()).collect();
    order.sort_by(|&i, &j| map[i][axis].total_cmp(&map[j][axis]));
    order
}

/// The rows of the Hessian in an order: for each the columns, ascending, with their blocks, the diagonal
/// included.
fn ordered_rows<'a, const D: usize>(
    hessian: &'a Hessian<'_, D>,
    order: &'a [usize],
) -> impl Iterator<Item = Vec<(usize, &'a Matrix<D>)>> {
    let mut places = vec![0; order.len()];
    for (place, &i) in order.iter().enumerate() {
        places[i] = place;
    }
    order.iter().map(move |&i| {
        let mut row: Vec<(usize, &Matrix<D>)> = hessian
            .matrix()
            .row(i)
            .map(|(j, block)| (places[j], block))
            .collect();
        row.sort_unstable_by_key(|&(place, _)| place);
        row
    })
}

/// The Hessian in single precision, with `W = M_ii / relaxation` as pivots, and its diagonal blocks.
pub(crate) fn hessian_sweeps<const D: usize>(
    hessian: &Hessian<'_, D>,
    order: &[usize],
    relaxation: f64,
) -> (Sweeps<D>, Vec<SingleBlock<D>>, Vec<SingleBlock<D>>) {
    let rows: Vec<_> = ordered_rows(hessian, order).collect();
    let mut diagonal = Vec::with_capacity(order.len());
    let mut pivots = Vec::with_capacity(order.len());
    let mut inverse = Vec::with_capacity(order.len());
    for (place, row) in rows.iter().enumerate() {
        let own = hessian_block(row, place);
        let (weight, weight_inverse) = pivot(own, 1.0 / relaxation);
        diagonal.push(single(own));
        pivots.push(single(&weight));
        inverse.push(single(&weight_inverse));
    }
    let owned = |&(column, block): &(usize, &Matrix<D>)| (column, *block);
    let lower = Triangle::new(rows.iter().enumerate().map(|(place, row)| {
        row.iter()
            .filter(move |(column, _)| *column < place)
            .map(owned)
    }));
    let upper = Triangle::new(rows.iter().enumerate().rev().map(|(place, row)| {
        row.iter()
            .rev()
            .filter(move |(column, _)| *column > place)
            .map(owned)
    }));
    let sweeps = Sweeps {
        lower,
        upper,
        inverse,
    };
    (sweeps, diagonal, pivots)
}

fn hessian_block<'a, const D: usize>(
    row: &[(usize, &'a Matrix<D>)],
    column: usize,
) -> &'a Matrix<D> {
    // Every row has its diagonal block.
    row[row.partition_point(|&(c, _)| c < column)].1
}

/// A multiple of a diagonal block and its inverse; where the block is not positive definite, which tells of a
/// loose particle or a saddle, of the identity.
pub(crate) fn pivot<const D: usize>(block: &Matrix<D>, factor: f64) -> (Matrix<D>, Matrix<D>) {
    if let Some(inverse) = positive_inverse(block) {
        return (
            block.map(|row| row.map(|entry| factor * entry)),
            inverse.map(|row| row.map(|entry| entry / factor)),
        );
    }
    let mean = (0..D).map(|k| block[k][k].abs()).sum::<f64>() / D as f64;
    let scale = if mean > 0.0 { factor * mean } else { 1.0 };
    let identity = vector::identity::<D>();
    (
        identity.map(|row| row.map(|entry| entry * scale)),
        identity.map(|row| row.map(|entry| entry / scale)),
    )
}

/// The inverse of a symmetric block, `None` unless elimination finds all pivots positive.
pub(crate) fn positive_inverse<const D: usize>(block: &Matrix<D>) -> Option<Matrix<D>> {
    let scale = (0..D).map(|k| block[k][k]).fold(0.0, f64::max);
    let mut left = *block;
    for k in 0..D {
        let pivot = left[k][k];
        // Single precision is to tell it from zero.
        if pivot.is_nan() || pivot <= 1e-6 * scale {
            return None;
        }
        for row in k + 1..D {
            let factor = left[row][k] / pivot;
            for column in k..D {
                left[row][column] -= factor * left[k][column];
            }
        }
    }
    vector::inverse(block).1
}

/// The block incomplete Cholesky factor without fill, `M + shift diag(M) = (L + W) W^-1 (W + L^T)` on the
/// pattern of `M`: `L_ij = M_ij - sum_k L_ik W_k^-1 L_jk^T`. `None` if a pivot is not positive definite.
pub(crate) fn incomplete_factor<const D: usize>(
    hessian: &Hessian<'_, D>,
    order: &[usize],
    shift: f64,
) -> Option<Sweeps<D>> {
    let rows = order.len();
    let mut starts = vec![0];
    let mut columns: Vec<usize> = Vec::new();
    let mut lower: Vec<Matrix<D>> = Vec::new();
    // L_ij W_j^-1
    let mut scaled: Vec<Matrix<D>> = Vec::new();
    let mut inverses: Vec<Matrix<D>> = Vec::with_capacity(rows);
    let mut slots = vec![usize::MAX; rows];
    for (place, row) in ordered_rows(hessian, order).enumerate() {
        let from = columns.len();
        let own = hessian_block(&row, place);
        if (0..D).all(|k| own[k] == [0.0; D]) {
            // A rattler.
            inverses.push(vector::identity());
            starts.push(from);
            continue;
        }
        let mut pivot = *own;
        for k in 0..D {
            pivot[k][k] *= 1.0 + shift;
        }
        for (column, block) in row {
            if column < place {
                slots[column] = columns.len();
                columns.push(column);
                lower.push(*block);
            }
        }
        for slot in from..columns.len() {
            let column = columns[slot];
            let mut block = lower[slot];
            for other in starts[column]..starts[column + 1] {
                let common = slots[columns[other]];
                if common != usize::MAX {
                    subtract_product(&mut block, &scaled[common], &lower[other]);
                }
            }
            let inverse = &inverses[column];
            let product = std::array::from_fn(|a| {
                std::array::from_fn(|b| (0..D).map(|k| block[a][k] * inverse[k][b]).sum())
            });
            subtract_product(&mut pivot, &product, &block);
            lower[slot] = block;
            scaled.push(product);
        }
        for &column in &columns[from..] {
            slots[column] = usize::MAX;
        }
        inverses.push(positive_inverse(&pivot)?);
        starts.push(columns.len());
    }
    // The upper triangle by rows.
    let mut above: Vec<Vec<(usize, usize)>> = vec![Vec::new(); rows];
    for row in 0..rows {
        for slot in starts[row]..starts[row + 1] {
            above[columns[slot]].push((row, slot));
        }
    }
    Some(Sweeps {
        lower: Triangle::new((0..rows).map(|row| {
            let range = starts[row]..starts[row + 1];
            range.map(|slot| (columns[slot], lower[slot]))
        })),
        upper: Triangle::new(above.iter().rev().map(|row| {
            row.iter().rev().map(|&(column, slot)| {
                let block = &lower[slot];
                (
                    column,
                    std::array::from_fn(|a| std::array::from_fn(|b| block[b][a])),
                )
            })
        })),
        inverse: inverses.iter().map(single).collect(),
    })
}

/// `block -= a b^T`.
#[inline(always)]
fn subtract_product<const D: usize>(block: &mut Matrix<D>, a: &Matrix<D>, b: &Matrix<D>) {
    for row in 0..D {
        for column in 0..D {
            for k in 0..D {
                block[row][column] -= a[row][k] * b[column][k];
            }
        }
    }
}

pub(crate) fn single<const D: usize>(block: &Matrix<D>) -> SingleBlock<D> {
    block.map(|row| row.map(|entry| entry as f32))
}

#[inline(always)]
pub(crate) fn transform<const D: usize>(block: &SingleBlock<D>, x: &Single<D>) -> Single<D> {
    std::array::from_fn(|a| {
        let mut sum = 0.0;
        for b in 0..D {
            sum += block[a][b] * x[b];
        }
        sum
    })
}
