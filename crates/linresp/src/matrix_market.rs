//! Sparse matrices as text.

use crate::block_matrix::BlockMatrix;
use std::io::{self, Write};

impl<const D: usize> BlockMatrix<D> {
    /// Writes the matrix in the coordinate format of Matrix Market, which `scipy.io.mmread`, Matlab,
    /// Julia and others read, and returns the number of entries.
    ///
    /// The lower triangle of the symmetric matrix is written by rows, columns ascending, without entries that
    /// are exactly zero. Row `D i + k + 1` (counted from 1) is component `k` of particle `i` (counted from 0).
    /// Numbers are the shortest that read back to the same bits. Every line of `comment` becomes a comment.
    ///
    /// Source: R. F. Boisvert, R. Pozo and K. A. Remington, *The Matrix Market exchange formats: initial
    /// design*, NISTIR 5935 (1996).
    ///
    /// # Errors
    /// Those of the output. Bytes go out in small pieces: give a buffer.
    ///
    /// ```
    /// # use vitreous_linresp::Hessian;
    /// # use vitreous_md_core::{Cell, Configuration, Linearization, Species};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // Two particles on a line, joined by a spring with k = 3.
    /// let line = Configuration::new(Cell::orthorhombic([9.0])?, vec![[0.0], [1.0]], vec![Species(0); 2])?;
    /// let mut expansion = Linearization::empty(&line);
    /// expansion.add_pair([0, 1], [1.0], [1.5, 1.5, 0.0]);
    /// let mut text = Vec::new();
    /// Hessian::new(&expansion).matrix().write_matrix_market(&mut text, "a spring")?;
    /// let expected = "%%MatrixMarket matrix coordinate real symmetric\n% a spring\n2 2 3\n1 1 3.0\n2 1 -3.0\n2 2 3.0\n";
    /// assert_eq!(String::from_utf8(text)?, expected);
    /// # Ok(()) }
    /// ```
    pub fn write_matrix_market(&self, output: &mut impl Write, comment: &str) -> io::Result<usize> {
        let (rows, entries) = (D * self.rows(), self.lower_triangle().count());
        writeln!(output, "%%MatrixMarket matrix coordinate real symmetric")?;
        for line in comment.lines() {
            writeln!(output, "% {line}")?;
        }
        writeln!(output, "{rows} {rows} {entries}")?;
        for (row, column, entry) in self.lower_triangle() {
            writeln!(output, "{} {} {entry:?}", row + 1, column + 1)?;
        }
        Ok(entries)
    }

    /// The entries on and below the diagonal that are not zero, by rows, columns ascending.
    fn lower_triangle(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        (0..D * self.rows()).flat_map(move |row| {
            self.row(row / D)
                .flat_map(move |(column, block)| {
                    (0..D).map(move |k| (row, D * column + k, block[row % D][k]))
                })
                .filter(|&(row, column, entry)| column <= row && entry != 0.0)
        })
    }
}
