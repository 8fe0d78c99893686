//! Elimination orders of little fill: nested dissection of space.
//!
//! Space is halved across its longest extent; particles of one half that interact with the other separate
//! the two and are eliminated last. The halves are treated alike. Source: A. George, SIAM J. Numer. Anal.
//! 10, 345 (1973).

use crate::block_matrix::BlockMatrix;
use vitreous_md_core::Vector;

/// Parts of this many particles are not divided further: their blocks fill up anyway.
const SMALLEST_PART: usize = 12;

/// The particles of `members` in an order of elimination, given a map of space.
///
/// Separators are found from the matrix, so the map decides on speed alone, never on correctness.
pub(crate) fn nested_dissection<const D: usize>(
    matrix: &BlockMatrix<D>,
    map: &[Vector<D>],
    members: Vec<usize>,
) -> Vec<usize> {
    let mut dissection = Dissection {
        matrix,
        map,
        side: vec![0; map.len()],
        stamp: 0,
        order: Vec::with_capacity(members.len()),
    };
    dissection.divide(members);
    postordered(matrix, dissection.order)
}

struct Dissection<'a, const D: usize> {
    matrix: &'a BlockMatrix<D>,
    map: &'a [Vector<D>],
    /// Marks of the half that a particle is in, unique to each division.
    side: Vec<usize>,
    stamp: usize,
    order: Vec<usize>,
}

impl<const D: usize> Dissection<'_, D> {
    /// Appends the members in their order of elimination.
    fn divide(&mut self, mut members: Vec<usize>) {
        if members.len() <= SMALLEST_PART {
            self.order.append(&mut members);
            return;
        }
        let axis = self.longest_axis(&members);
        let middle = members.len() / 2;
        let map = self.map;
        members.select_nth_unstable_by(middle, |&a, &b| {
            map[a][axis].total_cmp(&map[b][axis]).then(a.cmp(&b))
        });
        let high = members.split_off(middle);
        let (in_low, in_high) = (self.stamp + 1, self.stamp + 2);
        self.stamp += 2;
        for &i in &members {
            self.side[i] = in_low;
        }
        for &i in &high {
            self.side[i] = in_high;
        }
        let touches = |i: usize, side: &[usize], mark: usize| {
            self.matrix.row(i).any(|(j, _)| side[j] == mark)
        };
        let (low_border, low_inside): (Vec<_>, Vec<_>) = members
            .iter()
            .partition(|&&i| touches(i, &self.side, in_high));
        let (high_border, high_inside): (Vec<_>, Vec<_>) =
            high.iter().partition(|&&i| touches(i, &self.side, in_low));
        let (low, mut separator, high) = if low_border.len() <= high_border.len() {
            (low_inside, low_border, high)
        } else {
            (members, high_border, high_inside)
        };
        self.divide(low);
        self.divide(high);
        self.order.append(&mut separator);
    }

    fn longest_axis(&self, members: &[usize]) -> usize {
        let mut longest = (0, f64::NEG_INFINITY);
        for axis in 0..D {
            let along = || members.iter().map(|&i| self.map[i][axis]);
            let extent = along().fold(f64::NEG_INFINITY, f64::max)
                - along().fold(f64::INFINITY, f64::min);
            if extent > longest.1 {
                longest = (axis, extent);
            }
        }
        longest.0
    }
}

/// The same elimination with every subtree contiguous, which lets columns be merged to dense panels; the
/// fill is the same.
fn postordered<const D: usize>(matrix: &BlockMatrix<D>, order: Vec<usize>) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let count = order.len();
    let mut place = vec![NONE; matrix.rows()];
    for (k, &i) in order.iter().enumerate() {
        place[i] = k;
    }
    // The elimination tree with path compression: J. W. H. Liu, ACM Trans. Math. Softw. 12, 127 (1986).
    let mut parent = vec![NONE; count];
    let mut ancestor = vec![NONE; count];
    for k in 0..count {
        for (j, _) in matrix.row(order[k]) {
            let mut node = place[j];
            if node == NONE {
                continue;
            }
            while node < k {
                let up = ancestor[node];
                ancestor[node] = k;
                if up == NONE {
                    parent[node] = k;
                    break;
                }
                node = up;
            }
        }
    }
    let mut children = vec![Vec::new(); count];
    let mut stack = Vec::new();
    for k in 0..count {
        match parent[k] {
            NONE => stack.push(k),
            up => children[up].push(k),
        }
    }
    // A node is taken before its children, children last to first: the reverse is a postorder.
    let mut reversed = Vec::with_capacity(count);
    while let Some(node) = stack.pop() {
        reversed.push(order[node]);
        stack.append(&mut children[node]);
    }
    reversed.reverse();
    reversed
}
