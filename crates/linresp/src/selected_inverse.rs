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

use crate::assembly_tree::{AssemblyTree, Node};
use crate::block_matrix::BlockMatrix;
use crate::front::{Memory, mirror, multiply, multiply_lower, view, view_mut};
use crate::multifrontal::{Factor, add_update};
use crate::threads::Threads;
use crate::hessian::Hessian;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{MatRef, Par};
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

    /// The pseudo-inverse from the inverse `Z` of the Hessian without some of its coordinates, one particle in
    /// each cluster, and solutions with the latter.
    ///
    /// With an orthonormal basis `Q` of the translations and `P = 1 - Q Q^T`,
    ///
    /// ```text
    /// M^-1 = P Z P,    M^-2 = P V P,    V = Z P Z = Z^2 - (Z Q)(Z Q)^T
    /// ```
    ///
    /// for which `Z Q` and `Z (Z Q)` are solved for.
    pub(crate) fn assemble(
        hessian: &Hessian<'_, D>,
        entries: &[Entry<D>],
        solve: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Self {
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
        let (labels, sizes) = hessian.cluster_data().membership();
        // All clusters at once, for they are independent: unit displacements along each axis.
        let dimension = hessian.dimension();
        let mut units = vec![0.0; D * dimension];
        for (k, unit) in units.chunks_exact_mut(dimension).enumerate() {
            unit.iter_mut().skip(k).step_by(D).for_each(|x| *x = 1.0);
        }
        let rows = |vectors: &[f64]| -> Vec<Matrix<D>> {
            (0..hessian.particles())
                .map(|i| {
                    std::array::from_fn(|a| {
                        std::array::from_fn(|b| vectors[dimension * b + D * i + a])
                    })
                })
                .collect()
        };
        let totals = |rows: &[Matrix<D>]| {
            let mut totals = vec![[[0.0; D]; D]; sizes.len()];
            for (row, &label) in rows.iter().zip(labels) {
                totals[label as usize] = sum(&totals[label as usize], row);
            }
            totals
        };
        // Row sums of Z and of Z^2, and of Z P Z.
        let responses = solve(&units);
        let again = solve(&responses);
        let first = rows(&responses);
        let first_totals = totals(&first);
        let mut second = rows(&again);
        for ((row, first), &label) in second.iter_mut().zip(&first).zip(labels) {
            let label = label as usize;
            let share = 1.0 / sizes[label] as f64;
            let product = product(first, &transpose(&first_totals[label]));
            *row = subtract(row, &product.map(|row| row.map(|x| share * x)));
        }
        let second_totals = totals(&second);
        square.update(|i, j, block| {
            if labels[i] != labels[j] {
                return;
            }
            let share = 1.0 / sizes[labels[i] as usize] as f64;
            let product = product(&first[i], &transpose(&first[j]));
            *block = subtract(block, &product.map(|row| row.map(|x| share * x)));
        });
        for (matrix, rows, totals) in [
            (&mut inverse, &first, &first_totals),
            (&mut square, &second, &second_totals),
        ] {
            matrix.update(|i, j, block| {
                // Between clusters there is nothing.
                if labels[i] != labels[j] {
                    return;
                }
                let label = labels[i] as usize;
                let share = 1.0 / sizes[label] as f64;
                for a in 0..D {
                    for b in 0..D {
                        block[a][b] -= share
                            * (rows[i][a][b] + rows[j][b][a] - share * totals[label][a][b]);
                    }
                }
            });
        }
        Self { inverse, square }
    }
}

fn sum<const D: usize>(a: &Matrix<D>, b: &Matrix<D>) -> Matrix<D> {
    std::array::from_fn(|k| vector::add(&a[k], &b[k]))
}

fn subtract<const D: usize>(a: &Matrix<D>, b: &Matrix<D>) -> Matrix<D> {
    std::array::from_fn(|k| vector::subtract(&a[k], &b[k]))
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

/// What a front keeps on the way up.
#[derive(Default)]
struct Lifted {
    /// `G` and `H = (G N - B') A^-1` side by side, where `B'` and `N` are the blocks of `N` in the front.
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
        let lifted: Vec<OnceLock<Lifted>> =
            self.tree.nodes.iter().map(|_| OnceLock::new()).collect();
        self.threads.run(|| {
            self.lift_all(&self.tree.roots, &lifted);
            let lifted: Vec<Lifted> = lifted
                .into_iter()
                .map(|lifted| lifted.into_inner().unwrap_or_default())
                .collect();
            self.lower_all(&self.tree.roots, &lifted, None)
        })
    }

    fn lift_all(&self, nodes: &[usize], lifted: &[OnceLock<Lifted>]) -> Vec<Vec<f64>> {
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
    fn lift(&self, index: usize, lifted: &[OnceLock<Lifted>]) -> Vec<f64> {
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
        let (lower, below) = factor.split_at_row(own);

        let mut reciprocal = vec![0.0; own * own];
        for k in 0..own {
            reciprocal[own * k + k] = 1.0;
        }
        solve_lower_triangular_in_place(lower, view_mut(&mut reciprocal, own, own), Par::Seq);
        let reciprocal = view(&reciprocal, own, own);
        let mut inverse = vec![0.0; own * own];
        let mut mass = vec![0.0; own * own];
        let mut half = vec![0.0; own * own];
        let mut square = vec![0.0; own * own];
        let multiply_own = |into: &mut [f64], a: MatRef<'_, f64>, b: MatRef<'_, f64>| {
            multiply(view_mut(into, own, own), a, b, 1.0, self.threads);
        };
        multiply_own(&mut inverse, reciprocal.transpose(), reciprocal);
        view_mut(&mut mass, own, own).copy_from(view(&panel, rows, own).get(..own, ..));
        mirror(&mut mass, own);
        multiply_own(&mut half, view(&mass, own, own), view(&inverse, own, own));
        multiply_own(&mut square, view(&inverse, own, own), view(&half, own, own));

        let mut couplings = vec![0.0; border * 2 * own];
        if border > 0 {
            let (g, h) = couplings.split_at_mut(border * own);
            let mut g = view_mut(g, border, own);
            let h = view_mut(h, border, own);
            multiply(g.as_mut(), below, reciprocal, 1.0, self.threads);
            let g = g.as_ref();
            // X = B' - G N / 2, so that G N G^T is shared by both halves of the update.
            let mut x = self.memory.zeros(border * own);
            let mut x = view_mut(&mut x, border, own);
            x.copy_from(view(&panel, rows, own).get(own.., ..));
            let mass = view(&mass, own, own);
            multiply(x.as_mut(), g, mass, -0.5, self.threads);
            multiply_lower(view_mut(&mut update, border, border), x.as_ref(), g, -1.0, self.threads);
            multiply_lower(view_mut(&mut update, border, border), g, x.as_ref(), -1.0, self.threads);
            multiply(x.as_mut(), g, mass, -0.5, self.threads);
            multiply(h, x.as_ref(), view(&inverse, own, own), -1.0, self.threads);
        }
        self.memory.give_back(panel);
        let _ = lifted[index].set(Lifted {
            couplings,
            inverse,
            square,
        });
        update
    }

    fn lower_all(
        &self,
        nodes: &[usize],
        lifted: &[Lifted],
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
        lifted: &[Lifted],
        parent: Option<&Above<'_>>,
    ) -> Vec<Entry<D>> {
        let node = &self.tree.nodes[index];
        let Lifted {
            couplings,
            inverse: own_inverse,
            square: own_square,
        } = &lifted[index];
        let (own, border) = (D * node.own.len(), D * node.border.len());
        let rows = own + border;
        let mut inverse = self.memory.zeros(rows * own);
        let mut square = self.memory.zeros(rows * own);
        view_mut(&mut inverse, rows, own)
            .get_mut(..own, ..)
            .copy_from(view(own_inverse, own, own));
        view_mut(&mut square, rows, own)
            .get_mut(..own, ..)
            .copy_from(view(own_square, own, own));
        if border > 0 {
            let outer_inverse = self.gather(node, parent, |above| above.inverse);
            let outer_square = self.gather(node, parent, |above| above.square);
            let (z, w) = (
                view(&outer_inverse, border, border),
                view(&outer_square, border, border),
            );
            let both = view(couplings, border, 2 * own);
            let g = both.get(.., ..own);
            // -Z [G H]
            let mut products = self.memory.zeros(border * 2 * own);
            multiply(view_mut(&mut products, border, 2 * own), z, both, -1.0, self.threads);
            let (z_g, z_h) = view(&products, border, 2 * own).split_at_col(own);

            let (mut top, mut bottom) =
                view_mut(&mut inverse, rows, own).split_at_row_mut(own);
            bottom.copy_from(z_g);
            multiply(top.as_mut(), g.transpose(), z_g, -1.0, self.threads);

            let (mut top, mut bottom) = view_mut(&mut square, rows, own).split_at_row_mut(own);
            bottom.copy_from(z_h);
            multiply(bottom.as_mut(), w, g, -1.0, self.threads);
            multiply(top.as_mut(), g.transpose(), z_h, -1.0, self.threads);
            multiply(top.as_mut(), bottom.as_ref().transpose(), g, -1.0, self.threads);
            for numbers in [products, outer_inverse, outer_square] {
                self.memory.give_back(numbers);
            }
        }
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

    /// The block of the border of a node in one of the products, whole.
    fn gather(
        &self,
        node: &Node,
        parent: Option<&Above<'_>>,
        product: impl for<'b> Fn(&Above<'b>) -> &'b [f64],
    ) -> Vec<f64> {
        let size = D * node.border.len();
        let mut gathered = self.memory.zeros(size * size);
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
                        let into = &mut gathered[size * (D * k + a)..][..size];
                        for run in &runs {
                            into[D * run.from..][..D * run.length]
                                .copy_from_slice(&from[D * run.to..][..D * run.length]);
                        }
                    }
                }
                next = end;
            }
            above = front.parent;
        }
        mirror(&mut gathered, size);
        gathered
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
