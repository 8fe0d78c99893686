//! The multifrontal Cholesky factorisation of a block matrix and solutions with it.

use super::assembly_tree::{AssemblyTree, Node};
use super::front::{BLOCK, Memory, eliminate, eliminate_signed, view, view_mut, zeros};
use super::product::{Wanted, add_product};
use crate::block_matrix::BlockMatrix;
use crate::threads::Threads;
use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{MatMut, MatRef, Par, Side};
use std::sync::OnceLock;

/// What is done with the panel and the update of a node once they are assembled.
type FrontWork<'a> =
    dyn Fn(usize, MatMut<'_, f64>, MatMut<'_, f64>) -> Result<Vec<usize>, Stop> + Sync + 'a;

/// The factor `L` of `M + s I = L S L^T` with signs `S`, restricted to the particles of an assembly tree.
#[derive(Debug)]
pub(crate) struct Factor<const D: usize> {
    panels: Vec<Panel>,
}

/// What belongs to one node of the tree.
#[derive(Debug, Default)]
struct Panel {
    /// The columns of its own particles, rows being its front: a lower trapezoid.
    numbers: Vec<f64>,
    /// The columns whose sign is negative.
    negative: Vec<usize>,
}

/// Why there is no factor.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A pivot is not positive.
    NotPositive {
        /// The particle it belongs to.
        particle: usize,
        /// A direction in which the quadratic form is that pivot, or less: `D N` numbers.
        direction: Vec<f64>,
    },
    /// No memory for so many numbers.
    Memory(usize),
}

/// What an elimination needs to know.
pub(crate) struct Elimination<'a, const D: usize> {
    pub(crate) tree: &'a AssemblyTree,
    pub(crate) matrix: &'a BlockMatrix<D>,
    /// What is added to the diagonal.
    pub(crate) shift: f64,
    /// The coordinates of each particle whose rows and columns are replaced by those of the unit matrix.
    pub(crate) fixed: Vec<[bool; D]>,
    pub(crate) threads: &'a Threads,
    pub(crate) memory: Memory,
}

/// A front whose pivots are not all positive: its node, and a direction in its own coordinates.
struct Stop {
    node: usize,
    direction: Vec<f64>,
}

type Panels = [OnceLock<Panel>];

impl<const D: usize> Elimination<'_, D> {
    /// The factor of a positive definite matrix.
    ///
    /// # Errors
    /// A pivot that is not positive; too little memory.
    pub(crate) fn factorise(&self) -> Result<Factor<D>, Failure> {
        self.factorise_by(&|node, panel, update| {
            let own = panel.ncols();
            let mut panel = panel;
            match eliminate(panel.as_mut(), update, self.threads) {
                Ok(()) => Ok(Vec::new()),
                Err(column) => Err(Stop {
                    node,
                    direction: own_direction(panel.as_ref(), column, own),
                }),
            }
        })
    }

    /// The factor of a matrix that need not be positive, `L S L^T` with signs `S`.
    ///
    /// # Errors
    /// A pivot that is zero to rounding; too little memory.
    pub(crate) fn factorise_signed(&self) -> Result<Factor<D>, Failure> {
        self.factorise_by(&|node, panel, update| {
            let direction = Vec::new();
            eliminate_signed(panel, update, self.threads).ok_or(Stop { node, direction })
        })
    }

    fn factorise_by(&self, work: &FrontWork<'_>) -> Result<Factor<D>, Failure> {
        let entries = self.tree.entries::<D>();
        // Memory that cannot be had at all is found out now, not by the process being stopped.
        Vec::<f64>::new()
            .try_reserve_exact(entries)
            .map_err(|_| Failure::Memory(entries))?;
        let panels: Vec<OnceLock<Panel>> =
            self.tree.nodes.iter().map(|_| OnceLock::new()).collect();
        let roots = &self.tree.roots;
        match self
            .threads
            .run(|| self.eliminate_all(roots, work, &panels))
        {
            Ok(_) => Ok(Factor {
                panels: panels
                    .into_iter()
                    .map(|panel| panel.into_inner().unwrap_or_default())
                    .collect(),
            }),
            Err(stop) => Err(self.direction(&stop, &panels)),
        }
    }

    /// The updates of several subtrees, in their order.
    fn eliminate_all(
        &self,
        nodes: &[usize],
        work: &FrontWork<'_>,
        panels: &Panels,
    ) -> Result<Vec<Vec<f64>>, Stop> {
        match nodes {
            [] => Ok(Vec::new()),
            [node] => Ok(vec![self.eliminate(*node, work, panels)?]),
            _ => {
                let (low, high) = nodes.split_at(nodes.len() / 2);
                let (low, high) = self.threads.join(
                    || self.eliminate_all(low, work, panels),
                    || self.eliminate_all(high, work, panels),
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
        work: &FrontWork<'_>,
        panels: &Panels,
    ) -> Result<Vec<f64>, Stop> {
        let node = &self.tree.nodes[index];
        let updates = self.eliminate_all(&node.children, work, panels)?;
        let (own, border) = (D * node.own.len(), D * node.border.len());
        let rows = own + border;
        let mut panel = zeros(rows * own);
        let mut update = self.memory.zeros(border * border);
        self.assemble(node, &mut panel);
        for (&child, from) in node.children.iter().zip(updates) {
            add_update::<D>(&self.tree.nodes[child], &from, own, &mut panel, &mut update);
            self.memory.give_back(from);
        }
        let negative = work(
            index,
            view_mut(&mut panel, rows, own),
            view_mut(&mut update, border, border),
        )?;
        let _ = panels[index].set(Panel {
            numbers: panel,
            negative,
        });
        Ok(update)
    }

    /// Extends a direction to what was eliminated before, where it is chosen to make the quadratic form least:
    /// `z_own = -L^-T L_border^T z_border`.
    fn direction(&self, stop: &Stop, panels: &Panels) -> Failure {
        let mut z = vec![0.0; D * self.tree.order.len()];
        let start = D * self.tree.nodes[stop.node].own.start;
        z[start..start + stop.direction.len()].copy_from_slice(&stop.direction);
        for (node, panel) in self.tree.nodes.iter().zip(panels).take(stop.node).rev() {
            let mut border: Vec<f64> = node
                .border
                .iter()
                .flat_map(|&place| &z[D * place as usize..][..D])
                .copied()
                .collect();
            let (Some(panel), true) = (panel.get(), border.iter().any(|&z| z != 0.0)) else {
                continue;
            };
            let own = D * node.own.len();
            let panel = view(&panel.numbers, own + border.len(), own);
            let mut mine = rows_mut(&mut z[D * node.own.start..D * node.own.end], own, 1);
            let border = rows_mut(&mut border, D * node.border.len(), 1);
            let below = panel.get(own.., ..).transpose();
            add_product(mine.as_mut(), below, border.as_ref(), -1.0, Wanted::All);
            solve_upper_triangular_in_place(panel.get(..own, ..).transpose(), mine, Par::Seq);
        }
        let mut direction = vec![0.0; D * self.tree.place.len()];
        for (z, &i) in z.chunks_exact(D).zip(&self.tree.order) {
            direction[D * i..D * (i + 1)].copy_from_slice(z);
        }
        // The coordinate that moves most tells where.
        let place = (0..stop.direction.len())
            .max_by(|&a, &b| {
                let size = |k: usize| stop.direction[k].abs();
                size(a).total_cmp(&size(b))
            })
            .unwrap_or(0);
        Failure::NotPositive {
            particle: self.tree.order[(start + place) / D],
            direction,
        }
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
                let (fixed, others) = (&self.fixed[self.tree.order[place]], &self.fixed[j]);
                for b in (0..D).filter(|&b| !fixed[b]) {
                    for a in (0..D).filter(|&a| !others[a]) {
                        columns[rows * b + row + a] += block[b][a];
                    }
                }
            }
            for a in 0..D {
                let fixed = self.fixed[self.tree.order[place]][a];
                columns[rows * a + D * k + a] += if fixed { 1.0 } else { self.shift };
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
        &self.panels[node].numbers
    }

    /// The number of negative signs.
    pub(crate) fn negative_pivots(&self) -> usize {
        self.panels.iter().map(|panel| panel.negative.len()).sum()
    }

    /// Solves `L S L^T X = B` in place: row by row the numbers of all right-hand sides, rows in the order of
    /// elimination.
    pub(crate) fn solve(&self, tree: &AssemblyTree, x: &mut [f64], columns: usize) {
        let mut border_rows = Vec::new();
        for (node, panel) in tree.nodes.iter().zip(&self.panels) {
            let (own, border) = (D * node.own.len(), D * node.border.len());
            let numbers = view(&panel.numbers, own + border, own);
            let range = D * node.own.start * columns..D * node.own.end * columns;
            if x[range.clone()].iter().all(|&x| x == 0.0) {
                continue;
            }
            let mut mine = rows_mut(&mut x[range], own, columns);
            solve_lower_triangular_in_place(numbers.get(..own, ..), mine.as_mut(), Par::Seq);
            border_rows.clear();
            border_rows.resize(border * columns, 0.0);
            add_product(
                rows_mut(&mut border_rows, border, columns),
                numbers.get(own.., ..),
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
            let numbers = view(&panel.numbers, own + border, own);
            border_rows.clear();
            for &place in &node.border {
                border_rows.extend_from_slice(&x[D * place as usize * columns..][..D * columns]);
            }
            let mine = &mut x[D * node.own.start * columns..D * node.own.end * columns];
            for &k in &panel.negative {
                mine[k * columns..(k + 1) * columns]
                    .iter_mut()
                    .for_each(|x| *x = -*x);
            }
            let mut mine = rows_mut(mine, own, columns);
            add_product(
                mine.as_mut(),
                numbers.get(own.., ..).transpose(),
                rows_mut(&mut border_rows, border, columns).as_ref(),
                -1.0,
                Wanted::All,
            );
            solve_upper_triangular_in_place(numbers.get(..own, ..).transpose(), mine, Par::Seq);
        }
    }
}

fn rows_mut(numbers: &mut [f64], rows: usize, columns: usize) -> MatMut<'_, f64> {
    MatMut::from_row_major_slice_mut(numbers, rows, columns)
}

/// A direction in the own coordinates of a front along which the quadratic form is not positive, given the block
/// of columns from `first` on in which elimination stopped and the columns before, which are done.
fn own_direction(panel: MatRef<'_, f64>, first: usize, own: usize) -> Vec<f64> {
    let width = BLOCK.min(own - first);
    let mut direction = vec![0.0; own];
    let square = panel.submatrix(first, first, width, width);
    if let Ok(eigen) = square.self_adjoint_eigen(Side::Lower) {
        let lowest = eigen.U().col(0);
        for (z, lowest) in direction[first..].iter_mut().zip(lowest.iter()) {
            *z = *lowest;
        }
        let (before, block) = direction.split_at_mut(first);
        let block = rows_mut(&mut block[..width], width, 1);
        let mut before = rows_mut(before, first, 1);
        let left = panel.submatrix(first, 0, width, first);
        add_product(
            before.as_mut(),
            left.transpose(),
            block.as_ref(),
            -1.0,
            Wanted::All,
        );
        let lower = panel.submatrix(0, 0, first, first);
        solve_upper_triangular_in_place(lower.transpose(), before, Par::Seq);
    }
    direction
}
