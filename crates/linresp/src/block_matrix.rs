//! Symmetric sparse matrices of small dense blocks.

use vitreous_md_core::Matrix;

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
    /// A matrix without rows, with room for some.
    pub(crate) fn with_capacity(rows: usize, blocks: usize) -> Self {
        let mut starts = Vec::with_capacity(rows + 1);
        starts.push(0);
        Self {
            starts,
            diagonal: Vec::with_capacity(rows),
            columns: Vec::with_capacity(blocks),
            blocks: Vec::with_capacity(blocks),
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

    /// Appends a row, given its terms with columns ascending; terms of equal columns are added up, and
    /// the diagonal block is minus the sum of all.
    pub(crate) fn push_row(&mut self, terms: impl Iterator<Item = (usize, Matrix<D>)>) {
        let (row, from) = (self.diagonal.len(), self.blocks.len());
        let mut own = [[0.0; D]; D];
        let mut diagonal = None;
        for (column, term) in terms {
            if column > row {
                diagonal.get_or_insert_with(|| {
                    self.columns.push(row as u32);
                    self.blocks.push([[0.0; D]; D]);
                    self.blocks.len() - 1
                });
            }
            subtract(&mut own, &term);
            if self.columns[from..].last() == Some(&(column as u32)) {
                let last = self.blocks.len() - 1;
                let block = &mut self.blocks[last];
                for a in 0..D {
                    for b in 0..D {
                        block[a][b] += term[a][b];
                    }
                }
            } else {
                self.columns.push(column as u32);
                self.blocks.push(term);
            }
        }
        let diagonal = diagonal.unwrap_or_else(|| {
            self.columns.push(row as u32);
            self.blocks.push([[0.0; D]; D]);
            self.blocks.len() - 1
        });
        self.blocks[diagonal] = own;
        self.diagonal.push(diagonal);
        self.starts.push(self.blocks.len());
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

fn subtract<const D: usize>(from: &mut Matrix<D>, term: &Matrix<D>) {
    for a in 0..D {
        for b in 0..D {
            from[a][b] -= term[a][b];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_terms_share_one_block_and_the_diagonal_balances_the_row() {
        let mut matrix = BlockMatrix::<2>::with_capacity(4, 0);
        let block = [[1.0, 2.0], [3.0, 4.0]];
        let half = [[0.5, 0.0], [0.0, 0.0]];
        let both = [[1.5, 2.0], [3.0, 4.0]];
        let transposed = [[1.5, 3.0], [2.0, 4.0]];
        matrix.push_row([(2, block), (2, half), (3, half)].into_iter());
        matrix.push_row(std::iter::empty());
        matrix.push_row([(0, transposed)].into_iter());
        matrix.push_row([(0, half)].into_iter());
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
