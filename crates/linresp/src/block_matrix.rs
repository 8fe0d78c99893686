//! Symmetric sparse matrices of small dense blocks.

use crate::threads::Threads;
use vitreous_md_core::Matrix;

/// Rows that are assembled together by one thread.
const PIECE: usize = 256;

/// Vectors that are multiplied together go in groups of this many.
pub(crate) const GROUP: usize = 4;

/// A symmetric sparse matrix of `N x N` blocks of `D x D` numbers, both triangles stored, by rows.
///
/// The columns of each row ascend, and every diagonal block is present. Vectors are flat: `D N` numbers,
/// those of particle `i` from `D i` on.
///
/// ```
/// # use vitreous_linresp::Hessian;
/// # use vitreous_md_core::{Cell, Configuration, Linearization, Species};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Two particles on a line, joined by a spring U = k (x_1 - x_0)^2 / 2 = k s/2 with k = 3.
/// let line = Configuration::new(Cell::orthorhombic([9.0])?, vec![[0.0], [1.0]], vec![Species(0); 2])?;
/// let mut expansion = Linearization::empty(&line);
/// expansion.add_pair([0, 1], [1.0], [1.5, 1.5, 0.0]);
/// let hessian = Hessian::new(&expansion);
/// let stored: Vec<_> = hessian.matrix().iter().map(|(i, j, block)| (i, j, block[0][0])).collect();
/// assert_eq!(stored, [(0, 0, 3.0), (0, 1, -3.0), (1, 0, -3.0), (1, 1, 3.0)]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BlockMatrix<const D: usize> {
    /// Where the blocks of each row start; one entry more than there are rows.
    starts: Vec<usize>,
    /// Where the diagonal block of each row is.
    diagonal: Vec<usize>,
    columns: Vec<u32>,
    blocks: Vec<Matrix<D>>,
}

impl<const D: usize> BlockMatrix<D> {
    /// A matrix from the terms of each row, whose columns ascend: those of equal columns are added up, and the
    /// diagonal block is minus the sum of all.
    pub(crate) fn from_terms<T, I: Iterator<Item = (usize, T)>>(
        rows: usize,
        threads: &Threads,
        terms: impl Fn(usize) -> I + Sync,
        block: impl Fn(T) -> Matrix<D> + Sync,
    ) -> Self {
        let mut starts = Vec::with_capacity(rows + 1);
        starts.push(0);
        let mut total = 0;
        for row in 0..rows {
            let mut last = None;
            for (column, _) in terms(row) {
                total += usize::from(last != Some(column));
                last = Some(column);
            }
            total += 1;
            starts.push(total);
        }
        let mut matrix = Self {
            diagonal: vec![0; rows],
            columns: vec![0; total],
            blocks: vec![[[0.0; D]; D]; total],
            starts,
        };
        let starts = &matrix.starts;
        let mut pieces = Vec::with_capacity(rows.div_ceil(PIECE));
        let (mut columns, mut blocks) = (&mut matrix.columns[..], &mut matrix.blocks[..]);
        for (index, diagonal) in matrix.diagonal.chunks_mut(PIECE).enumerate() {
            let first = PIECE * index;
            let count = starts[first + diagonal.len()] - starts[first];
            let (own_columns, own_blocks);
            (own_columns, columns) = columns.split_at_mut(count);
            (own_blocks, blocks) = blocks.split_at_mut(count);
            pieces.push((first, diagonal, own_columns, own_blocks));
        }
        threads.each(pieces, |(first, diagonal, columns, blocks)| {
            let mut slot = 0;
            for (row, diagonal) in (first..).zip(diagonal) {
                let mut own = [[0.0; D]; D];
                let mut place = None;
                let mut last = None;
                for (column, term) in terms(row) {
                    let term = block(term);
                    accumulate(&mut own, &term, -1.0);
                    if last == Some(column) {
                        accumulate(&mut blocks[slot - 1], &term, 1.0);
                        continue;
                    }
                    if column > row && place.is_none() {
                        place = Some(slot);
                        slot += 1;
                    }
                    columns[slot] = column as u32;
                    blocks[slot] = term;
                    slot += 1;
                    last = Some(column);
                }
                let place = place.unwrap_or_else(|| {
                    slot += 1;
                    slot - 1
                });
                columns[place] = row as u32;
                blocks[place] = own;
                *diagonal = starts[first] + place;
            }
        });
        matrix
    }

    /// A matrix of zeros with blocks at the same positions.
    pub(crate) fn zeros_alike(&self) -> Self {
        Self {
            blocks: vec![[[0.0; D]; D]; self.blocks.len()],
            ..self.clone()
        }
    }

    /// Changes every stored block, given its row and column.
    pub(crate) fn update(&mut self, change: impl Fn(usize, usize, &mut Matrix<D>)) {
        for row in 0..self.rows() {
            for slot in self.starts[row]..self.starts[row + 1] {
                change(row, self.columns[slot] as usize, &mut self.blocks[slot]);
            }
        }
    }

    /// Adds to the block at a position that the pattern has.
    pub(crate) fn add(&mut self, row: usize, column: usize, block: &Matrix<D>) {
        let slot = self.slot(row, column);
        debug_assert_eq!(self.columns[slot] as usize, column);
        accumulate(&mut self.blocks[slot], block, 1.0);
    }

    /// The first slot of a row whose column is not below the one asked for.
    fn slot(&self, row: usize, column: usize) -> usize {
        let (from, to) = (self.starts[row], self.starts[row + 1]);
        from + self.columns[from..to].partition_point(|&c| (c as usize) < column)
    }

    /// The number of rows of blocks `N`; the matrix has `D N` rows of numbers.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of stored blocks, of both triangles.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The columns and blocks of one row, columns ascending.
    ///
    /// # Panics
    /// If the row is not below [`BlockMatrix::rows`].
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (usize, &Matrix<D>)> {
        let range = self.starts[row]..self.starts[row + 1];
        self.columns[range.clone()]
            .iter()
            .map(|&column| column as usize)
            .zip(&self.blocks[range])
    }

    /// All stored blocks as `(row, column, block)`, by rows, columns ascending.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, &Matrix<D>)> {
        (0..self.rows()).flat_map(|row| self.row(row).map(move |(c, block)| (row, c, block)))
    }

    /// The block at a position, `None` where nothing is stored.
    pub fn block(&self, row: usize, column: usize) -> Option<&Matrix<D>> {
        if row >= self.rows() {
            return None;
        }
        let slot = self.slot(row, column);
        (slot < self.starts[row + 1] && self.columns[slot] as usize == column)
            .then(|| &self.blocks[slot])
    }

    /// One number of the `D N x D N` matrix, zero where nothing is stored.
    pub fn entry(&self, row: usize, column: usize) -> f64 {
        self.block(row / D, column / D)
            .map_or(0.0, |block| block[row % D][column % D])
    }

    /// The diagonal blocks, one for each row.
    pub fn diagonal_blocks(&self) -> impl ExactSizeIterator<Item = &Matrix<D>> {
        self.diagonal.iter().map(|&slot| &self.blocks[slot])
    }

    /// The product `y = M x` of flat vectors.
    ///
    /// # Panics
    /// If a length is not `D N`.
    pub fn apply(&self, x: &[f64], y: &mut [f64]) {
        let (x, rest) = x.as_chunks::<D>();
        let (y, more) = y.as_chunks_mut::<D>();
        assert!(
            rest.is_empty() && more.is_empty() && x.len() == self.rows() && y.len() == self.rows(),
            "vectors must have D N components"
        );
        for (row, y) in y.iter_mut().enumerate() {
            let range = self.starts[row]..self.starts[row + 1];
            // As many sums as numbers in a block: additions need not wait for each other.
            let mut sums = [[0.0; D]; D];
            for (&column, block) in self.columns[range.clone()].iter().zip(&self.blocks[range]) {
                let from = &x[column as usize];
                for a in 0..D {
                    for b in 0..D {
                        sums[a][b] += block[a][b] * from[b];
                    }
                }
            }
            *y = sums.map(|row| row.iter().sum());
        }
    }

    /// The product `Y = M X` of several vectors, whose components are side by side in groups: for each
    /// row of numbers as many groups as there are. Blocks are read once from memory.
    ///
    /// # Panics
    /// If a length is not the same multiple of `D N` as the other.
    pub(crate) fn apply_groups(&self, x: &[[f64; GROUP]], y: &mut [[f64; GROUP]]) {
        let rows = D * self.rows();
        let groups = x.len().checked_div(rows).unwrap_or(0);
        assert!(
            x.len() == groups * rows && y.len() == x.len(),
            "vectors must have D N components each"
        );
        if groups == 0 {
            return;
        }
        for (row, y) in y.chunks_exact_mut(D * groups).enumerate() {
            for group in 0..groups {
                let mut sums = [[0.0; GROUP]; D];
                for (column, block) in self.row(row) {
                    let from = &x[D * groups * column + group..];
                    for b in 0..D {
                        let x = &from[b * groups];
                        for a in 0..D {
                            for k in 0..GROUP {
                                sums[a][k] += block[a][b] * x[k];
                            }
                        }
                    }
                }
                for a in 0..D {
                    y[a * groups + group] = sums[a];
                }
            }
        }
    }
}

/// `into += sign term`.
fn accumulate<const D: usize>(into: &mut Matrix<D>, term: &Matrix<D>, sign: f64) {
    for a in 0..D {
        for b in 0..D {
            into[a][b] += sign * term[a][b];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_terms_share_one_block_and_the_diagonal_balances_the_row() {
        let block = [[1.0, 2.0], [3.0, 4.0]];
        let half = [[0.5, 0.0], [0.0, 0.0]];
        let both = [[1.5, 2.0], [3.0, 4.0]];
        let transposed = [[1.5, 3.0], [2.0, 4.0]];
        let terms = [
            vec![(2, block), (2, half), (3, half)],
            Vec::new(),
            vec![(0, transposed)],
            vec![(0, half)],
        ];
        let mut matrix = BlockMatrix::<2>::from_terms(
            4,
            &Threads::ONE,
            |row| terms[row].iter().copied(),
            |block| block,
        );
        matrix.add(1, 1, &[[7.0, 0.0], [0.0, 8.0]]);
        assert_eq!((matrix.rows(), matrix.blocks()), (4, 4 + 4));
        let columns: Vec<_> = matrix.row(0).map(|(column, _)| column).collect();
        assert_eq!(columns, [0, 2, 3]);
        assert_eq!(matrix.block(0, 0), Some(&[[-2.0, -2.0], [-3.0, -4.0]]));
        assert_eq!(matrix.block(0, 2), Some(&both));
        assert_eq!(matrix.block(1, 2), None);
        assert_eq!(matrix.block(9, 0), None);
        // Small whole numbers and halves: all sums are exact.
        let entries =
            [(0, 4), (4, 1), (3, 3), (2, 7)].map(|(row, column)| matrix.entry(row, column));
        assert_eq!(entries.to_vec(), vec![1.5, 3.0 - 0.0, 8.0, 0.0]);
        assert_eq!(
            matrix.diagonal_blocks().nth(1),
            Some(&[[7.0, 0.0], [0.0, 8.0]])
        );
        let x = [1.0, 1.0, 1.0, 2.0, 1.0, 10.0, 0.0, 0.0];
        let mut y = [0.0; 8];
        matrix.apply(&x, &mut y);
        let expected = [
            -4.0 + 21.5,
            -7.0 + 43.0,
            7.0,
            16.0,
            4.5 - 31.5,
            6.0 - 42.0,
            0.5,
            0.0,
        ];
        assert_eq!(y, expected);
        // Several at once: multiples.
        let groups: Vec<[f64; GROUP]> = x.iter().map(|&x| [x, 2.0 * x, 0.0, -x]).collect();
        let mut products = vec![[1.0; GROUP]; 8];
        matrix.apply_groups(&groups, &mut products);
        let expected: Vec<_> = expected.iter().map(|&y| [y, 2.0 * y, 0.0, -y]).collect();
        assert_eq!(products, expected);
        assert_eq!(matrix.iter().count(), 8);
    }
}
