//! The multifrontal Cholesky factorisation of a block matrix and solutions with it.

use crate::assembly_tree::{AssemblyTree, Node};
use crate::block_matrix::BlockMatrix;
use crate::front::{Memory, eliminate, view, view_mut};
use crate::product::{Wanted, add_product};
use crate::solver::SolveError;
use crate::threads::Threads;
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{MatMut, Par};
use std::sync::OnceLock;

/// The factor `L` of `M + s I = L L^T`, restricted to the particles of an assembly tree.
#[derive(Debug)]
pub(crate) struct Factor<const D: usize> {
    /// For every node the columns of its own particles, rows being its front: a lower trapezoid.
    panels: Vec<Vec<f64>>,
}

/// Where a factorisation ended.
#[derive(Debug)]
pub(crate) enum Failure {
    /// At a pivot that is not positive, with the direction that shows it: `D N` numbers in order of particles.
    NotPositive(Vec<f64>),
    /// No memory for so many numbers.
    Memory(usize),
}

pub(crate) struct Elimination<'a, const D: usize> {
    pub(crate) tree: &'a AssemblyTree,
    pub(crate) matrix: &'a BlockMatrix<D>,
    pub(crate) shift: f64,
    pub(crate) threads: &'a Threads,
    pub(crate) memory: Memory,
}

impl<const D: usize> Elimination<'_, D> {
    pub(crate) fn factorise(&self) -> Result<Factor<D>, Failure> {
        let panels: Vec<OnceLock<Vec<f64>>> =
            self.tree.nodes.iter().map(|_| OnceLock::new()).collect();
        let outcome = self
            .threads
            .run(|| self.eliminate_all(&self.tree.roots, &panels));
        outcome.map(|_| Factor {
            panels: panels
                .into_iter()
                .map(|panel| panel.into_inner().unwrap_or_default())
                .collect(),
        })
    }

    /// The updates of several subtrees, in their order.
    fn eliminate_all(
        &self,
        nodes: &[usize],
        panels: &[OnceLock<Vec<f64>>],
    ) -> Result<Vec<Vec<f64>>, Failure> {
        match nodes {
            [] => Ok(Vec::new()),
            [node] => Ok(vec![self.eliminate(*node, panels)?]),
            _ => {
                let (low, high) = nodes.split_at(nodes.len() / 2);
                let (low, high) = self.threads.join(
                    || self.eliminate_all(low, panels),
                    || self.eliminate_all(high, panels),
                );
                let mut updates = low?;
                updates.append(&mut high?);
                Ok(updates)
            }
        }
    }

    fn eliminate(
        &self,
        index: usize,
        panels: &[OnceLock<Vec<f64>>],
    ) -> Result<Vec<f64>, Failure> {
        let node = &self.tree.nodes[index];
        let updates = self.eliminate_all(&node.children, panels)?;
        let (own, border) = (D * node.own.len(), D * node.border.len());
        let rows = own + border;
        let mut panel = vec![0.0; rows * own];
        let mut update = self.memory.zeros(border * border);
        self.assemble(node, &mut panel);
        for (&child, from) in node.children.iter().zip(updates) {
            add_update::<D>(&self.tree.nodes[child], &from, own, &mut panel, &mut update);
            self.memory.give_back(from);
        }
        eliminate(
            view_mut(&mut panel, rows, own),
            view_mut(&mut update, border, border),
            self.threads,
        )
        .map_err(|_| Failure::NotPositive(Vec::new()))?;
        let _ = panels[index].set(panel);
        Ok(update)
    }

    /// Writes the matrix into the panel of a node.
    fn assemble(&self, node: &Node, panel: &mut [f64]) {
        let rows = D * node.front();
        for (k, place) in node.own.clone().enumerate() {
            let columns = &mut panel[rows * D * k..rows * D * (k + 1)];
            for (j, block) in self.matrix.row(self.tree.order[place]) {
                let Some(other) = self.tree.place[j] else {
                    continue;
                };
                if (other as usize) < place {
                    continue;
                }
                let row = D * node.find(other as usize);
                for b in 0..D {
                    for a in 0..D {
                        columns[rows * b + row + a] += block[b][a];
                    }
                }
            }
            for a in 0..D {
                columns[rows * a + D * k + a] += self.shift;
            }
        }
    }
}

/// Adds the lower triangle of the update of a child to the front of its parent, whose own particles have
/// `own` numbers.
pub(crate) fn add_update<const D: usize>(
    child: &Node,
    from: &[f64],
    own: usize,
    panel: &mut [f64],
    update: &mut [f64],
) {
    let size = D * child.border.len();
    let border = update.len().isqrt();
    for (index, columns) in child.in_parent.iter().enumerate() {
        for column in 0..D * columns.length {
            let source = D * columns.from + column;
            let target = D * columns.to + column;
            // In the panel rows are counted from the start of the front, in the update from that of the border.
            let (into, above) = if target < own {
                (&mut panel[(own + border) * target..][..own + border], 0)
            } else {
                (&mut update[border * (target - own)..][..border], own)
            };
            let from = &from[size * source..][..size];
            for (k, rows) in child.in_parent[index..].iter().enumerate() {
                let skip = if k == 0 { column } else { 0 };
                let count = D * rows.length - skip;
                let from = &from[D * rows.from + skip..][..count];
                let into = &mut into[D * rows.to + skip - above..][..count];
                for (into, from) in into.iter_mut().zip(from) {
                    *into += from;
                }
            }
        }
    }
}

impl<const D: usize> Factor<D> {
    pub(crate) fn panel(&self, node: usize) -> &[f64] {
        &self.panels[node]
    }

    /// Solves `L L^T X = B` in place: row by row the numbers of all right-hand sides, rows in the order of
    /// elimination.
    pub(crate) fn solve(&self, tree: &AssemblyTree, x: &mut [f64], columns: usize) {
        let mut border_rows = Vec::new();
        for (node, panel) in tree.nodes.iter().zip(&self.panels) {
            let (own, border) = (D * node.own.len(), D * node.border.len());
            let panel = view(panel, own + border, own);
            let range = D * node.own.start * columns..D * node.own.end * columns;
            if x[range.clone()].iter().all(|&x| x == 0.0) {
                continue;
            }
            let mut mine = rows_mut(&mut x[range], own, columns);
            solve_lower_triangular_in_place(panel.get(..own, ..), mine.as_mut(), Par::Seq);
            border_rows.clear();
            border_rows.resize(border * columns, 0.0);
            add_product(
                rows_mut(&mut border_rows, border, columns),
                panel.get(own.., ..),
                mine.as_ref(),
                1.0,
                Wanted::All,
            );
            let pieces = border_rows.chunks_exact((D * columns).max(1));
            for (&place, piece) in node.border.iter().zip(pieces) {
                let into = &mut x[D * place as usize * columns..][..D * columns];
                for (into, from) in into.iter_mut().zip(piece) {
                    *into -= from;
                }
            }
        }
        for (node, panel) in tree.nodes.iter().zip(&self.panels).rev() {
            let (own, border) = (D * node.own.len(), D * node.border.len());
            let panel = view(panel, own + border, own);
            border_rows.clear();
            for &place in &node.border {
                border_rows.extend_from_slice(&x[D * place as usize * columns..][..D * columns]);
            }
            let range = D * node.own.start * columns..D * node.own.end * columns;
            let mut mine = rows_mut(&mut x[range], own, columns);
            add_product(
                mine.as_mut(),
                panel.get(own.., ..).transpose(),
                rows_mut(&mut border_rows, border, columns).as_ref(),
                -1.0,
                Wanted::All,
            );
            solve_upper_triangular_in_place(panel.get(..own, ..).transpose(), mine, Par::Seq);
        }
    }
}

fn rows_mut(numbers: &mut [f64], rows: usize, columns: usize) -> MatMut<'_, f64> {
    MatMut::from_row_major_slice_mut(numbers, rows, columns)
}

/// The error of a solver for a failure.
pub(crate) fn explain(failure: Failure) -> SolveError {
    match failure {
        Failure::Memory(entries) => SolveError::OutOfMemory { entries },
        Failure::NotPositive(_) => SolveError::Singular { particle: 0 },
    }
}
