//! Symmetric sparse matrices of small dense blocks.

use vitreous_md_core::Matrix;

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
    columns: Vec<u32>,
    blocks: Vec<Matrix<D>>,
}

impl<const D: usize> BlockMatrix<D> {
    /// A matrix of zeros with blocks on the diagonal and at `pairs` and their transposes; pairs may repeat
    /// and must lie below `rows`.
    pub(crate) fn zeros(rows: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0; rows + 1];
        for row in 0..rows {
            starts[row + 1] = 1;
        }
        for &(i, j) in pairs {
            starts[i as usize + 1] += 1;
            starts[j as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut unsorted = vec![0; starts[rows]];
        let mut put = |row: u32, column: u32| {
            unsorted[next[row as usize]] = column;
            next[row as usize] += 1;
        };
        for row in 0..rows as u32 {
            put(row, row);
        }
        for &(i, j) in pairs {
            put(i, j);
            put(j, i);
        }
        let mut columns: Vec<u32> = Vec::with_capacity(unsorted.len());
        let mut compact = Vec::with_capacity(rows + 1);
        compact.push(0);
        for row in 0..rows {
            let own = &mut unsorted[starts[row]..starts[row + 1]];
            own.sort_unstable();
            let from = columns.len();
            for &column in own.iter() {
                if columns[from..].last() != Some(&column) {
                    columns.push(column);
                }
            }
            compact.push(columns.len());
        }
        Self {
            starts: compact,
            blocks: vec![[[0.0; D]; D]; columns.len()],
            columns,
        }
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
        for a in 0..D {
            for b in 0..D {
                self.blocks[slot][a][b] += block[a][b];
            }
        }
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
        (0..self.rows()).map(|row| &self.blocks[self.slot(row, row)])
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
            let mut sum = [0.0; D];
            for (&column, block) in self.columns[range.clone()].iter().zip(&self.blocks[range]) {
                let from = &x[column as usize];
                for a in 0..D {
                    for b in 0..D {
                        sum[a] += block[a][b] * from[b];
                    }
                }
            }
            *y = sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_pairs_share_one_block_and_columns_ascend() {
        let mut matrix = BlockMatrix::<2>::zeros(4, &[(2, 0), (0, 2), (3, 0), (2, 0)]);
        matrix.add(0, 2, &[[1.0, 2.0], [3.0, 4.0]]);
        matrix.add(0, 2, &[[0.5, 0.0], [0.0, 0.0]]);
        matrix.add(2, 0, &[[1.5, 3.0], [2.0, 4.0]]);
        matrix.add(1, 1, &[[7.0, 0.0], [0.0, 8.0]]);
        assert_eq!(matrix.blocks(), 4 + 4);
        let columns: Vec<_> = matrix.row(0).map(|(column, _)| column).collect();
        assert_eq!(columns, [0, 2, 3]);
        assert_eq!(matrix.block(0, 2), Some(&[[1.5, 2.0], [3.0, 4.0]]));
        assert_eq!(matrix.block(1, 2), None);
        assert_eq!(matrix.block(9, 0), None);
        // Small whole numbers: all sums are exact.
        let entries =
            [(0, 4), (4, 1), (3, 3), (2, 7)].map(|(row, column)| matrix.entry(row, column));
        assert_eq!(entries.to_vec(), vec![1.5, 3.0, 8.0, 0.0]);
        assert_eq!(
            matrix.diagonal_blocks().nth(1),
            Some(&[[7.0, 0.0], [0.0, 8.0]])
        );
        let mut y = [0.0; 8];
        matrix.apply(&[1.0, 1.0, 1.0, 2.0, 1.0, 10.0, 0.0, 0.0], &mut y);
        assert_eq!(y.to_vec(), vec![21.5, 43.0, 7.0, 16.0, 4.5, 6.0, 0.0, 0.0]);
        assert_eq!(matrix.iter().count(), 8);
    }
}
