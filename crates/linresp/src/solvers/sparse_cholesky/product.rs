//! Products of dense matrices.
//!
//! Packed panels and a block of the product that stays in registers, after K. Goto and R. A. van de Geijn,
//! ACM Trans. Math. Softw. 34, 12 (2008). On processors with AVX2 it is half as fast again as the product
//! of faer 0.24 (see docs/solvers.md), and most of the time of a factorisation is spent here.

use faer::{MatMut, MatRef};
use pulp::{Arch, Simd, WithSimd};
use std::cell::Cell;

/// Vectors and columns of the block in registers: with 16 registers, 12 hold it, 3 a column of the left
/// matrix and one a number of the right one.
const VECTORS: usize = 2;
const COLUMNS: usize = 6;

/// Terms of a sum that are added up in registers.
const DEPTH: usize = 256;

/// Blocks of rows of the left matrix that are packed at once, to stay in the second-level cache.
const BLOCKS: usize = 16;

/// Which part of the product is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    /// The lower triangle; what is above may be anything.
    Lower,
}

/// `C <- C + alpha A B`.
pub(crate) fn add_product(
    c: MatMut<'_, f64>,
    a: MatRef<'_, f64>,
    b: MatRef<'_, f64>,
    alpha: f64,
    wanted: Wanted,
) {
    assert!(
        c.nrows() == a.nrows() && c.ncols() == b.ncols() && a.ncols() == b.nrows(),
        "the shapes of a product must match"
    );
    if c.row_stride() != 1 && wanted == Wanted::All {
        let (a, b) = (b.transpose(), a.transpose());
        let c = c.transpose_mut();
        Arch::new().dispatch(Product {
            c,
            a,
            b,
            alpha,
            wanted,
        });
    } else {
        Arch::new().dispatch(Product {
            c,
            a,
            b,
            alpha,
            wanted,
        });
    }
}

struct Product<'a> {
    c: MatMut<'a, f64>,
    a: MatRef<'a, f64>,
    b: MatRef<'a, f64>,
    alpha: f64,
    wanted: Wanted,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            mut c,
            a,
            b,
            alpha,
            wanted,
        } = self;
        let height = VECTORS * S::F64_LANES;
        let factor = simd.splat_f64s(alpha);
        let (rows, columns, depth) = (c.nrows(), c.ncols(), a.ncols());
        let [mut packed_a, mut packed_b] = PACKED.take();
        for deep in (0..depth).step_by(DEPTH) {
            let terms = DEPTH.min(depth - deep);
            let padded = columns.next_multiple_of(COLUMNS) * terms;
            packed_b.reset(padded);
            for column in (0..columns).step_by(COLUMNS) {
                let count = COLUMNS.min(columns - column);
                let strip = b.submatrix(deep, column, terms, count).transpose();
                let into = packed_b.piece(column * terms, COLUMNS * terms);
                pack(strip, COLUMNS, into);
            }
            let (numbers, _) = packed_b.all(padded).as_chunks::<COLUMNS>();
            for top in (0..rows).step_by(BLOCKS * height) {
                let bottom = (top + BLOCKS * height).min(rows);
                let padded = (bottom - top).next_multiple_of(height) * terms;
                packed_a.reset(padded);
                for row in (top..bottom).step_by(height) {
                    let count = height.min(rows - row);
                    let into = packed_a.piece((row - top) * terms, height * terms);
                    pack(a.submatrix(row, deep, count, terms), height, into);
                }
                let (vectors, _) = S::as_simd_f64s(packed_a.all(padded));
                let (left, _) = vectors.as_chunks::<VECTORS>();
                for (column, right) in (0..columns)
                    .step_by(COLUMNS)
                    .zip(numbers.chunks_exact(terms))
                {
                    for (row, left) in (top..bottom).step_by(height).zip(left.chunks_exact(terms)) {
                        if wanted == Wanted::Lower && row + height <= column {
                            continue;
                        }
                        let mut products = [[simd.splat_f64s(0.0); VECTORS]; COLUMNS];
                        block(simd, left, right, &mut products);
                        for (k, sums) in products.iter().enumerate().take(columns - column) {
                            let into = &mut column_mut(&mut c, column + k)[row..];
                            if into.len() >= height {
                                let (into, _) = S::as_mut_simd_f64s(&mut into[..height]);
                                for (into, sum) in into.iter_mut().zip(sums) {
                                    *into = simd.mul_add_e_f64s(factor, *sum, *into);
                                }
                            } else {
                                let sums = pulp::bytemuck::cast_slice::<_, f64>(sums);
                                for (into, sum) in into.iter_mut().zip(sums) {
                                    *into += alpha * sum;
                                }
                            }
                        }
                    }
                }
            }
        }
        PACKED.set([packed_a, packed_b]);
    }
}

fn column_mut<'a>(c: &'a mut MatMut<'_, f64>, column: usize) -> &'a mut [f64] {
    c.as_mut()
        .col_mut(column)
        .try_as_col_major_mut()
        .expect("products are stored by columns")
        .as_slice_mut()
}

/// `sum_k a_k b_k^T`, by columns.
#[inline(always)]
fn block<S: Simd>(
    simd: S,
    a: &[[S::f64s; VECTORS]],
    b: &[[f64; COLUMNS]],
    products: &mut [[S::f64s; VECTORS]; COLUMNS],
) {
    let mut sums = [[simd.splat_f64s(0.0); VECTORS]; COLUMNS];
    for (a, b) in a.iter().zip(b) {
        for column in 0..COLUMNS {
            let factor = simd.splat_f64s(b[column]);
            for k in 0..VECTORS {
                sums[column][k] = simd.mul_add_e_f64s(a[k], factor, sums[column][k]);
            }
        }
    }
    for column in 0..COLUMNS {
        for k in 0..VECTORS {
            products[column][k] = sums[column][k];
        }
    }
}

thread_local! {
    /// Kept by each thread, since memory of this size is a matter for the operating system each time.
    static PACKED: Cell<[Packed; 2]> = Cell::default();
}

/// Numbers one after another from the start of a cache line on.
#[derive(Default)]
struct Packed {
    numbers: Vec<f64>,
    start: usize,
}

impl Packed {
    /// Makes place for `count` numbers.
    fn reset(&mut self, count: usize) {
        const LINE: usize = 8;
        if self.numbers.len() < count + LINE {
            self.numbers = vec![0.0; count + LINE];
            let address = self.numbers.as_ptr().addr() / size_of::<f64>();
            self.start = address.next_multiple_of(LINE) - address;
        }
    }

    fn piece(&mut self, from: usize, count: usize) -> &mut [f64] {
        &mut self.numbers[self.start + from..][..count]
    }

    fn all(&self, count: usize) -> &[f64] {
        &self.numbers[self.start..][..count]
    }
}

/// Writes a matrix of at most `HEIGHT` rows by columns, each filled up with zeros to this height.
#[inline(always)]
fn pack(matrix: MatRef<'_, f64>, height: usize, packed: &mut [f64]) {
    let rows = matrix.nrows();
    let columns = packed.chunks_exact_mut(height).zip(0..matrix.ncols());
    if matrix.row_stride() == 1 {
        for (into, column) in columns {
            let from = matrix.col(column).try_as_col_major().expect("stride 1");
            let from = from.as_slice();
            if rows == height {
                for (into, from) in into.iter_mut().zip(from) {
                    *into = *from;
                }
            } else {
                into[..rows].copy_from_slice(from);
                into[rows..].fill(0.0);
            }
        }
    } else {
        for row in 0..rows {
            let into = packed[row..].iter_mut().step_by(height);
            for (into, from) in into.zip(matrix.row(row).iter()) {
                *into = *from;
            }
        }
        for row in rows..height {
            packed[row..]
                .iter_mut()
                .step_by(height)
                .for_each(|x| *x = 0.0);
        }
    }
}
