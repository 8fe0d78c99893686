//! Entries of the inverse of the Hessian and of its square, at the places where the Hessian has entries.
//!
//! Let `A` be the block of the particles that a front eliminates, `B` what couples them to its border, and
//! `S` what is left for the border. With `G = B A^-1` and `T = [[1, -G^T], [0, 1]]`,
//!
//! ```text
//! M^-1        = T diag(A^-1, S^-1) T^T
//! M^-1 N M^-1 = T diag(A^-1, S^-1) [T^T N T] diag(A^-1, S^-1) T^T
//! ```
//!
//! so `N`, to begin with the unit matrix, is carried up the tree along with the elimination of `M`, and both
//! products come down it. A front needs what its border has of both products, and its border lies in the
//! front of its parent: nothing outside the pattern of the factor is ever computed. The first product alone
//! is the recursion of K. Takahashi, J. Fagan and M.-S. Chin (8th PICA Conference, 1973); the second is its
//! derivative, `M^-2 = -d/ds (M + s)^-1`. All of it costs about nine factorisations.

use super::assembly_tree::{AssemblyTree, Node};
use super::front::{Memory, mirror, multiply, multiply_lower, view, view_mut, zeros};
use super::multifrontal::{Factor, add_update};
use crate::block_matrix::BlockMatrix;
use crate::hessian::Hessian;
use crate::solver::SolveError;
use crate::threads::Threads;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{MatMut, MatRef, Par};
use std::sync::OnceLock;
use vitreous_md_core::{Matrix, vector};

/// The blocks of the pseudo-inverse `M^-1` of a Hessian and of its square `M^-2` at the places where the
/// Hessian has blocks: on the diagonal and for every pair of particles that interact.
///
/// Translations of clusters, rattlers among them, are left out: see [`Hessian::project`].
///
/// In a harmonic solid `k_B T` times the trace of a diagonal block of `M^-1` is the mean square displacement of
/// that particle; quadratic forms of pairs give the responses to dipoles.
#[derive(Clone, Debug)]
pub struct SelectedInverse<const D: usize> {
    inverse: BlockMatrix<D>,
    square: BlockMatrix<D>,
}

impl<const D: usize> SelectedInverse<D> {
    /// The blocks of `M^-1`.
    pub fn inverse(&self) -> &BlockMatrix<D> {
        &self.inverse
    }

    /// The blocks of `M^-2`.
    pub fn square(&self) -> &BlockMatrix<D> {
        &self.square
    }

    /// The pseudo-inverse from the inverse `Z` of the Hessian without its pinned coordinates, and solutions
    /// with the latter.
    ///
    /// With an orthonormal basis `Q` of the trivial zero modes and `P = 1 - Q Q^T`,
    ///
    /// ```text
    /// M^-1 = P Z P,    M^-2 = P V P,    V = Z P Z = Z^2 - (Z Q)(Z Q)^T
    /// ```
    ///
    /// for which `Z Q` and `Z (Z Q)` are solved for.
    pub(crate) fn new(
        hessian: &Hessian<'_, D>,
        entries: &[Entry<D>],
        solve: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Result<Self, SolveError> {
        let mut inverse = hessian.matrix().zeros_alike();
        let mut square = inverse.clone();
        for entry in entries {
            let (i, j) = (entry.first, entry.second);
            square.add(j, i, &entry.square);
            inverse.add(j, i, &entry.inverse);
            if i != j {
                square.add(i, j, &transpose(&entry.square));
                inverse.add(i, j, &transpose(&entry.inverse));
            }
        }
        let clusters = hessian.cluster_data();
        let modes = clusters.shared_modes();
        let first = solve(&modes.concat());
        let again = solve(&first);
        let dimension = hessian.dimension();
        let split = |vectors: &[f64]| -> Vec<Vec<f64>> {
            vectors
                .chunks_exact(dimension)
                .map(<[f64]>::to_vec)
                .collect()
        };
        // Z Q, and V Q = Z (Z Q) - (Z Q)(Q^T Z Q).
        let first = split(&first);
        let mut second = split(&again);
        for (column, q) in second.iter_mut().zip(&modes) {
            for y in &first {
                let shares = clusters.products(y, q);
                clusters.subtract(column, &shares, y);
            }
        }
        let labels = clusters.labels();
        square.update(|i, j, block| {
            if labels[i] == labels[j] {
                for y in &first {
                    subtract_outer(block, &y[D * i..], &y[D * j..], 1.0);
                }
            }
        });
        for (matrix, columns) in [(&mut inverse, &first), (&mut square, &second)] {
            let shares: Vec<Vec<Vec<f64>>> = modes
                .iter()
                .map(|q| columns.iter().map(|y| clusters.products(q, y)).collect())
                .collect();
            matrix.update(|i, j, block| {
                // Between clusters there is nothing.
                if labels[i] != labels[j] {
                    return;
                }
                for (q, y) in modes.iter().zip(columns) {
                    subtract_outer(block, &y[D * i..], &q[D * j..], 1.0);
                    subtract_outer(block, &q[D * i..], &y[D * j..], 1.0);
                }
                for (q, shares) in modes.iter().zip(&shares) {
                    for (p, shares) in modes.iter().zip(shares) {
                        let share = shares[labels[i] as usize];
                        subtract_outer(block, &q[D * i..], &p[D * j..], -share);
                    }
                }
            });
        }
        let selected = Self { inverse, square };
        selected.check(hessian, &modes)?;
        Ok(selected)
    }

    /// Rows of `M M^-1 = P` and `M M^-2 = M^-1` need only what is here: the former's and the latter's diagonal
    /// blocks tell, particle by particle, whether all is well.
    fn check(&self, hessian: &Hessian<'_, D>, modes: &[Vec<f64>]) -> Result<(), SolveError> {
        for i in 0..hessian.particles() {
            let mut unit = vector::identity();
            for q in modes {
                subtract_outer(&mut unit, &q[D * i..], &q[D * i..], 1.0);
            }
            let own = self.inverse.block(i, i).copied().unwrap_or([[0.0; D]; D]);
            for (matrix, expected, scale) in [
                (&self.inverse, &unit, 1.0),
                (&self.square, &own, (0..D).map(|k| own[k][k]).sum()),
            ] {
                let mut found = [[0.0; D]; D];
                for ((_, block), (_, other)) in hessian.matrix().row(i).zip(matrix.row(i)) {
                    found = sum(&found, &product(block, &transpose(other)));
                }
                let worst = (found.as_flattened().iter().zip(expected.as_flattened()))
                    .map(|(found, expected)| (found - expected).abs())
                    .fold(0.0, f64::max);
                // A rattler has neither.
                if worst > TOLERANCE * scale && worst != 0.0 || worst.is_nan() {
                    return Err(SolveError::InaccurateInverse {
                        particle: i,
                        residual: worst / scale,
                        tolerance: TOLERANCE,
                    });
                }
            }
        }
        Ok(())
    }
}

/// `block - factor a b^T`, from the first numbers of `a` and `b`.
fn subtract_outer<const D: usize>(block: &mut Matrix<D>, a: &[f64], b: &[f64], factor: f64) {
    for (row, a) in block.iter_mut().zip(a) {
        for (entry, b) in row.iter_mut().zip(b) {
            *entry -= factor * a * b;
        }
    }
}

fn sum<const D: usize>(a: &Matrix<D>, b: &Matrix<D>) -> Matrix<D> {
    std::array::from_fn(|k| vector::add(&a[k], &b[k]))
}

fn transpose<const D: usize>(a: &Matrix<D>) -> Matrix<D> {
    std::array::from_fn(|k| std::array::from_fn(|l| a[l][k]))
}

fn product<const D: usize>(a: &Matrix<D>, b: &Matrix<D>) -> Matrix<D> {
    std::array::from_fn(|k| std::array::from_fn(|l| (0..D).map(|m| a[k][m] * b[m][l]).sum()))
}

/// Blocks of `M^-1` and `M^-2` for a pair of particles, the first of which is eliminated first: rows are
/// those of the second.
pub(crate) struct Entry<const D: usize> {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) inverse: Matrix<D>,
    pub(crate) square: Matrix<D>,
}

/// The largest error of a number in the identities by which a selected inverse is checked, relative to the
/// diagonal numbers they are for.
const TOLERANCE: f64 = 1e-9;

/// Columns of a front that are worked on together: what is done with them alone stays cheap, and what is done
/// with all rows below fills the processor.
const BLOCK: usize = 192;

impl<const D: usize> Entry<D> {
    /// Sets to zero what belongs to one coordinate.
    pub(crate) fn clear(&mut self, particle: usize, axis: usize) {
        for block in [&mut self.inverse, &mut self.square] {
            if self.second == particle {
                block[axis] = [0.0; D];
            }
            if self.first == particle {
                for row in block {
                    row[axis] = 0.0;
                }
            }
        }
    }
}

/// What a block of columns of a front keeps on the way up, in which `A` is the block on the diagonal.
struct Lifted {
    /// `G` and `H = (G N - B') A^-1` side by side, where `N` and `B'` are the blocks of `N` on the diagonal and
    /// below.
    couplings: Vec<f64>,
    /// `A^-1`.
    inverse: Vec<f64>,
    /// `A^-1 N A^-1`.
    square: Vec<f64>,
}

/// A front on the way down, and those above it.
struct Above<'a> {
    node: &'a Node,
    /// The columns of the front's own particles in both products.
    inverse: &'a [f64],
    square: &'a [f64],
    parent: Option<&'a Self>,
}

pub(crate) struct Inversion<'a, const D: usize> {
    pub(crate) tree: &'a AssemblyTree,
    pub(crate) matrix: &'a BlockMatrix<D>,
    pub(crate) factor: &'a Factor<D>,
    pub(crate) threads: &'a Threads,
    pub(crate) memory: Memory,
}

impl<const D: usize> Inversion<'_, D> {
    /// The blocks at all places of the matrix, but for those of particles that are not eliminated.
    pub(crate) fn entries(&self) -> Vec<Entry<D>> {
        let lifted: Vec<OnceLock<Vec<Lifted>>> =
            self.tree.nodes.iter().map(|_| OnceLock::new()).collect();
        self.threads.run(|| {
            self.lift_all(&self.tree.roots, &lifted);
            let lifted: Vec<Vec<Lifted>> = lifted
                .into_iter()
                .map(|lifted| lifted.into_inner().unwrap_or_default())
                .collect();
            self.lower_all(&self.tree.roots, &lifted, None)
        })
    }

    fn lift_all(&self, nodes: &[usize], lifted: &[OnceLock<Vec<Lifted>>]) -> Vec<Vec<f64>> {
        match nodes {
            [] => Vec::new(),
            [node] => vec![self.lift(*node, lifted)],
            _ => {
                let (low, high) = nodes.split_at(nodes.len() / 2);
                let (mut low, mut high) = self.threads.join(
                    || self.lift_all(low, lifted),
                    || self.lift_all(high, lifted),
                );
                low.append(&mut high);
                low
            }
        }
    }

    /// Eliminates a node in `N`: what it leaves for its border.
    fn lift(&self, index: usize, lifted: &[OnceLock<Vec<Lifted>>]) -> Vec<f64> {
        let node = &self.tree.nodes[index];
        let updates = self.lift_all(&node.children, lifted);
        let (own, border) = (D * node.own.len(), D * node.border.len());
        let rows = own + border;
        let mut panel = self.memory.zeros(rows * own);
        let mut update = self.memory.zeros(border * border);
        for k in 0..own {
            panel[rows * k + k] = 1.0;
        }
        for (&child, from) in node.children.iter().zip(updates) {
            add_update::<D>(&self.tree.nodes[child], &from, own, &mut panel, &mut update);
            self.memory.give_back(from);
        }
        let factor = view(self.factor.panel(index), rows, own);
        let blocks = (0..own)
            .step_by(BLOCK)
            .map(|first| {
                let width = BLOCK.min(own - first);
                let factor = factor.submatrix(first, first, rows - first, width);
                let (_, front) = view_mut(&mut panel, rows, own).split_at_row_mut(first);
                let (_, front) = front.split_at_col_mut(first);
                self.lift_block(factor, front, view_mut(&mut update, border, border))
            })
            .collect();
        let _ = lifted[index].set(blocks);
        self.memory.give_back(panel);
        update
    }

    /// Eliminates the first columns of a front, as many as those of the factor, in `N`.
    fn lift_block(
        &self,
        factor: MatRef<'_, f64>,
        front: MatMut<'_, f64>,
        update: MatMut<'_, f64>,
    ) -> Lifted {
        let own = factor.ncols();
        let border = factor.nrows() - own;
        let (lower, below) = factor.split_at_row(own);
        let mut reciprocal = zeros(own * own);
        for k in 0..own {
            reciprocal[own * k + k] = 1.0;
        }
        solve_lower_triangular_in_place(lower, view_mut(&mut reciprocal, own, own), Par::Seq);
        let reciprocal = view(&reciprocal, own, own);
        let (block, rest) = front.split_at_col_mut(own);
        let (diagonal, mass_below) = block.as_ref().split_at_row(own);
        let mut inverse = zeros(own * own);
        let mut mass = zeros(own * own);
        let mut half = zeros(own * own);
        let mut square = zeros(own * own);
        let multiply_own = |into: &mut [f64], a: MatRef<'_, f64>, b: MatRef<'_, f64>| {
            multiply(view_mut(into, own, own), a, b, 1.0, self.threads);
        };
        multiply_own(&mut inverse, reciprocal.transpose(), reciprocal);
        view_mut(&mut mass, own, own).copy_from(diagonal);
        mirror(view_mut(&mut mass, own, own));
        let mass = view(&mass, own, own);
        multiply_own(&mut half, mass, view(&inverse, own, own));
        multiply_own(&mut square, view(&inverse, own, own), view(&half, own, own));

        let mut couplings = zeros(border * 2 * own);
        let (g, h) = view_mut(&mut couplings, border, 2 * own).split_at_col_mut(own);
        let mut g = g;
        multiply(g.as_mut(), below, reciprocal, 1.0, self.threads);
        let g = g.as_ref();
        // B' - G N / 2, so that G N G^T is shared by both halves of the update.
        let mut x = self.memory.zeros(border * own);
        let mut middle = view_mut(&mut x, border, own);
        middle.copy_from(mass_below);
        multiply(middle.as_mut(), g, mass, -0.5, self.threads);
        let right = rest.ncols();
        let (_, rest) = rest.split_at_row_mut(own);
        let (mut upper, mut lower) = rest.split_at_row_mut(right);
        let (x_right, x_below) = middle.as_ref().split_at_row(right);
        let (g_right, g_below) = g.split_at_row(right);
        let mut update = update;
        for ((a_right, a_below), (b_right, b_below)) in [
            ((x_right, x_below), (g_right, g_below)),
            ((g_right, g_below), (x_right, x_below)),
        ] {
            multiply_lower(upper.as_mut(), a_right, b_right, -1.0, self.threads);
            multiply(
                lower.as_mut(),
                a_below,
                b_right.transpose(),
                -1.0,
                self.threads,
            );
            multiply_lower(update.as_mut(), a_below, b_below, -1.0, self.threads);
        }
        multiply(middle.as_mut(), g, mass, -0.5, self.threads);
        multiply(
            h,
            middle.as_ref(),
            view(&inverse, own, own),
            -1.0,
            self.threads,
        );
        self.memory.give_back(x);
        Lifted {
            couplings,
            inverse,
            square,
        }
    }

    fn lower_all(
        &self,
        nodes: &[usize],
        lifted: &[Vec<Lifted>],
        parent: Option<&Above<'_>>,
    ) -> Vec<Entry<D>> {
        match nodes {
            [] => Vec::new(),
            [node] => self.lower(*node, lifted, parent),
            _ => {
                let (low, high) = nodes.split_at(nodes.len() / 2);
                let (mut low, mut high) = self.threads.join(
                    || self.lower_all(low, lifted, parent),
                    || self.lower_all(high, lifted, parent),
                );
                low.append(&mut high);
                low
            }
        }
    }

    /// The entries of a node and of those below it.
    fn lower(
        &self,
        index: usize,
        lifted: &[Vec<Lifted>],
        parent: Option<&Above<'_>>,
    ) -> Vec<Entry<D>> {
        let node = &self.tree.nodes[index];
        let (own, border) = (D * node.own.len(), D * node.border.len());
        let rows = own + border;
        // Both products for the whole front.
        let mut inverse = self.memory.zeros(rows * rows);
        let mut square = self.memory.zeros(rows * rows);
        Self::gather(node, parent, |above| above.inverse, &mut inverse);
        Self::gather(node, parent, |above| above.square, &mut square);
        let mut end = own;
        for block in lifted[index].iter().rev() {
            let width = block.inverse.len().isqrt();
            let first = end - width;
            let square = view_mut(&mut square, rows, rows);
            self.lower_block(block, first, view_mut(&mut inverse, rows, rows), square);
            end = first;
        }
        // What nodes further down need are the columns of the own particles.
        let columns = |whole: Vec<f64>| {
            let mut columns = self.memory.zeros(rows * own);
            columns.copy_from_slice(&whole[..rows * own]);
            self.memory.give_back(whole);
            columns
        };
        let (inverse, square) = (columns(inverse), columns(square));
        let mut entries = self.read(node, &inverse, &square);
        let above = Above {
            node,
            inverse: &inverse,
            square: &square,
            parent,
        };
        entries.append(&mut self.lower_all(&node.children, lifted, Some(&above)));
        self.memory.give_back(inverse);
        self.memory.give_back(square);
        entries
    }

    /// Fills in the columns and rows from `first` on that belong to a block, given all that come after them.
    fn lower_block(
        &self,
        block: &Lifted,
        first: usize,
        inverse: MatMut<'_, f64>,
        square: MatMut<'_, f64>,
    ) {
        let own = block.inverse.len().isqrt();
        let border = inverse.nrows() - first - own;
        let both = view(&block.couplings, border, 2 * own);
        let g = both.get(.., ..own);
        let z = inverse.as_ref().get(first + own.., first + own..);
        let w = square.as_ref().get(first + own.., first + own..);
        // -Z [G H]
        let mut products = self.memory.zeros(border * 2 * own);
        let mut products_view = view_mut(&mut products, border, 2 * own);
        multiply(products_view.as_mut(), z, both, -1.0, self.threads);
        let (z_g, mut z_h) = products_view.split_at_col_mut(own);
        let z_g = z_g.as_ref();

        let mut top = block.inverse.clone();
        let mut diagonal = view_mut(&mut top, own, own);
        multiply_lower(
            diagonal.as_mut(),
            g.transpose(),
            z_g.transpose(),
            -1.0,
            self.threads,
        );
        mirror(diagonal.as_mut());
        let mut top_square = block.square.clone();
        let mut diagonal_square = view_mut(&mut top_square, own, own);
        let g_transposed = g.transpose();
        let z_h_transposed = z_h.as_ref().transpose();
        multiply_lower(
            diagonal_square.as_mut(),
            g_transposed,
            z_h_transposed,
            -1.0,
            self.threads,
        );
        multiply(z_h.as_mut(), w, g, -1.0, self.threads);
        let below = z_h.as_ref();
        let below_transposed = below.transpose();
        multiply_lower(
            diagonal_square.as_mut(),
            below_transposed,
            g_transposed,
            -1.0,
            self.threads,
        );
        mirror(diagonal_square.as_mut());
        write(inverse, first, diagonal.as_ref(), z_g);
        write(square, first, diagonal_square.as_ref(), below);
        self.memory.give_back(products);
    }

    /// Writes the block of the border of a node in one of the products to its place in the front.
    fn gather(
        node: &Node,
        parent: Option<&Above<'_>>,
        product: impl for<'b> Fn(&Above<'b>) -> &'b [f64],
        whole: &mut [f64],
    ) {
        let own = D * node.own.len();
        let size = D * node.front();
        let mut next = 0;
        let mut above = parent;
        while let Some(front) = above {
            let end = node.border[next..].partition_point(|&p| (p as usize) < front.node.own.end);
            let end = next + end;
            if end > next {
                let numbers = product(front);
                let rows = D * front.node.front();
                let runs = front.node.runs(&node.border, next);
                for k in next..end {
                    let from = D * (node.border[k] as usize - front.node.own.start);
                    for a in 0..D {
                        let from = &numbers[rows * (from + a)..][..rows];
                        let into = &mut whole[size * (own + D * k + a)..][..size];
                        for run in &runs {
                            into[own + D * run.from..][..D * run.length]
                                .copy_from_slice(&from[D * run.to..][..D * run.length]);
                        }
                    }
                }
                next = end;
            }
            above = front.parent;
        }
        mirror(view_mut(whole, size, size).get_mut(own.., own..));
    }

    /// The entries of the columns of a node at the places of the matrix.
    fn read(&self, node: &Node, inverse: &[f64], square: &[f64]) -> Vec<Entry<D>> {
        let rows = D * node.front();
        let mut entries = Vec::new();
        for (k, place) in node.own.clone().enumerate() {
            let first = self.tree.order[place];
            for (second, _) in self.matrix.row(first) {
                let Some(other) = self.tree.place[second] else {
                    continue;
                };
                if (other as usize) < place {
                    continue;
                }
                let row = D * node.find(other as usize);
                let block = |numbers: &[f64]| -> Matrix<D> {
                    std::array::from_fn(|a| {
                        std::array::from_fn(|b| numbers[rows * (D * k + b) + row + a])
                    })
                };
                entries.push(Entry {
                    first,
                    second,
                    inverse: block(inverse),
                    square: block(square),
                });
            }
        }
        entries
    }
}

/// Writes a block on the diagonal and what is below it into a symmetric matrix.
fn write(
    mut matrix: MatMut<'_, f64>,
    first: usize,
    diagonal: MatRef<'_, f64>,
    below: MatRef<'_, f64>,
) {
    let (own, border) = (diagonal.nrows(), below.nrows());
    let mut place = matrix.as_mut().submatrix_mut(first, first, own, own);
    place.copy_from(diagonal);
    let mut place = matrix
        .as_mut()
        .submatrix_mut(first + own, first, border, own);
    place.copy_from(below);
    let mut place = matrix.submatrix_mut(first, first + own, own, border);
    place.copy_from(below.transpose());
}
