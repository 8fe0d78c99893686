//! The tree of fronts along which a sparse matrix is eliminated.
//!
//! A node of the tree is a set of particles that are eliminated together, its *own*, and the particles that
//! are eliminated later and interact with them by then, its *border*. Both together form its *front*. The
//! border of a child lies in the front of its parent. Source: I. S. Duff and J. K. Reid, ACM Trans. Math.
//! Softw. 9, 302 (1983).

use super::ordering::Part;
use crate::block_matrix::BlockMatrix;
use std::ops::Range;

const NONE: u32 = u32::MAX;

/// Particles that are eliminated together.
#[derive(Debug)]
pub(crate) struct Node {
    /// Their places in the order of elimination.
    pub(crate) own: Range<usize>,
    /// The places of the particles that are coupled to them by then, ascending, all beyond `own`.
    pub(crate) border: Vec<u32>,
    /// The nodes whose borders begin in this node's own particles.
    pub(crate) children: Vec<usize>,
    /// Where the border lies in the front of the parent: pieces of places one after another.
    pub(crate) in_parent: Vec<Run>,
}

/// `length` particles one after another in two lists: from place `from` on in one and `to` in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) length: usize,
}

impl Node {
    /// The number of particles in the front.
    pub(crate) fn front(&self) -> usize {
        self.own.len() + self.border.len()
    }

    /// Where those particles of a border that lie beyond its first `skip` are in the front of this node,
    /// which must contain them.
    pub(crate) fn runs(&self, border: &[u32], skip: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut next = 0;
        for (from, &place) in border.iter().enumerate().skip(skip) {
            let to = if (place as usize) < self.own.end {
                place as usize - self.own.start
            } else {
                while self.border[next] < place {
                    next += 1;
                }
                self.own.len() + next
            };
            match runs.last_mut() {
                Some(run) if run.to + run.length == to => run.length += 1,
                _ => runs.push(Run {
                    from,
                    to,
                    length: 1,
                }),
            }
        }
        runs
    }

    /// Where a particle is in the front, given its place in the order of elimination.
    pub(crate) fn find(&self, place: usize) -> usize {
        if place < self.own.end {
            place - self.own.start
        } else {
            self.own.len() + self.border.partition_point(|&b| (b as usize) < place)
        }
    }
}

/// All nodes; children come before their parents.
#[derive(Debug)]
pub(crate) struct AssemblyTree {
    pub(crate) nodes: Vec<Node>,
    /// The nodes without parents.
    pub(crate) roots: Vec<usize>,
    /// The particles in their order of elimination; those that are left out are missing.
    pub(crate) order: Vec<usize>,
    /// The place of each particle in that order, `None` for those left out.
    pub(crate) place: Vec<Option<u32>>,
}

/// The own particles and the border of a part while parts are merged; particles by their indices.
struct Draft {
    own: Vec<usize>,
    border: Vec<u32>,
    children: Vec<usize>,
}

impl AssemblyTree {
    /// The tree of a dissection: every part is a node, unless it is cheaper to eliminate it together with
    /// its parent.
    pub(crate) fn new<const D: usize>(matrix: &BlockMatrix<D>, parts: Vec<Part>) -> Self {
        let mut roots = Vec::new();
        let mut drafts: Vec<Draft> = Vec::with_capacity(parts.len());
        let mut part_of = vec![NONE; matrix.rows()];
        for (k, part) in parts.iter().enumerate() {
            for &i in &part.particles {
                part_of[i] = k as u32;
            }
        }
        let mut seen = vec![NONE; matrix.rows()];
        let mut children = vec![Vec::new(); parts.len()];
        for (k, part) in parts.into_iter().enumerate() {
            match part.parent {
                Some(parent) => children[parent].push(k),
                None => roots.push(k),
            }
            let mut border = Vec::new();
            let mut note = |i: u32| {
                let part = part_of[i as usize];
                // Parts that come later contain this one's border.
                if part != NONE && part > k as u32 && seen[i as usize] != k as u32 {
                    seen[i as usize] = k as u32;
                    border.push(i);
                }
            };
            for &i in &part.particles {
                matrix.row(i).for_each(|(j, _)| note(j as u32));
            }
            for &child in &children[k] {
                drafts[child].border.iter().for_each(|&i| note(i));
            }
            drafts.push(Draft {
                own: part.particles,
                border,
                children: std::mem::take(&mut children[k]),
            });
        }
        for k in 0..drafts.len() {
            merge_children::<D>(&mut drafts, k);
        }
        Self::laid_out(&drafts, roots, matrix.rows())
    }

    /// Numbers the particles along the tree.
    fn laid_out(drafts: &[Draft], roots: Vec<usize>, particles: usize) -> Self {
        let mut tree = Self {
            nodes: Vec::new(),
            roots: Vec::new(),
            order: Vec::new(),
            place: vec![None; particles],
        };
        // A node is taken before its children, children last to first: the reverse is a postorder.
        let mut reversed = Vec::new();
        let mut stack = roots.clone();
        while let Some(k) = stack.pop() {
            reversed.push(k);
            stack.extend(&drafts[k].children);
        }
        let mut number = vec![0; drafts.len()];
        for &k in reversed.iter().rev() {
            number[k] = tree.nodes.len();
            let start = tree.order.len();
            for &i in &drafts[k].own {
                tree.place[i] = Some(tree.order.len() as u32);
                tree.order.push(i);
            }
            tree.nodes.push(Node {
                own: start..tree.order.len(),
                border: drafts[k].border.clone(),
                children: drafts[k].children.iter().map(|&c| number[c]).collect(),
                in_parent: Vec::new(),
            });
        }
        tree.roots = roots.into_iter().map(|k| number[k]).collect();
        let place = &tree.place;
        for node in &mut tree.nodes {
            for i in &mut node.border {
                *i = place[*i as usize].expect("borders consist of particles that are eliminated");
            }
            node.border.sort_unstable();
        }
        for k in 0..tree.nodes.len() {
            for child in tree.nodes[k].children.clone() {
                tree.nodes[child].in_parent = tree.nodes[k].runs(&tree.nodes[child].border, 0);
            }
        }
        tree
    }

    /// The number of numbers in the panels of a factor.
    pub(crate) fn entries<const D: usize>(&self) -> usize {
        let count = |node: &Node| D * D * node.own.len() * node.front();
        self.nodes.iter().map(count).sum()
    }
}

/// Seconds, roughly, for the elimination of `own` numbers from a front with `border` others: what small dense
/// operations reach, the traffic of adding the front to that of its parent, and the cost of any front at all.
fn seconds(own: f64, border: f64) -> f64 {
    let operations = own * own * own / 3.0 + own * own * border + own * border * border;
    let rate = 3e10 * own / (own + 40.0);
    4e-6 + 1.5e-9 * border * border + operations / rate
}

/// Joins children to a node as long as that is estimated to save time.
fn merge_children<const D: usize>(drafts: &mut [Draft], k: usize) {
    let numbers = |particles: usize| (D * particles) as f64;
    let mut children = std::mem::take(&mut drafts[k].children);
    // Those with the smallest share of new zeros first.
    children.sort_by_key(|&c| (usize::MAX - drafts[c].border.len(), c));
    let mut kept = Vec::new();
    let mut merged = Vec::new();
    let border = numbers(drafts[k].border.len());
    for child in children {
        let own = numbers(drafts[k].own.len());
        let (child_own, child_border) = (
            numbers(drafts[child].own.len()),
            numbers(drafts[child].border.len()),
        );
        let apart = seconds(own, border) + seconds(child_own, child_border);
        if seconds(own + child_own, border) < apart {
            let mut own = std::mem::take(&mut drafts[child].own);
            own.append(&mut drafts[k].own);
            drafts[k].own = own;
            merged.append(&mut drafts[child].children);
        } else {
            kept.push(child);
        }
    }
    kept.append(&mut merged);
    kept.sort_unstable();
    drafts[k].children = kept;
}
