//! Elimination orders of little fill: nested dissection of space.
//!
//! Space is halved across its longest extent; the fewest particles that touch every interaction between the
//! halves separate them and are eliminated last. What is left of the halves is treated alike. Source:
//! A. George, SIAM J. Numer. Anal. 10, 345 (1973).

use super::vertex_cover::smallest_cover;
use crate::block_matrix::BlockMatrix;
use vitreous_md_core::Vector;

const NONE: usize = usize::MAX;

/// Parts of this many particles are not divided further: their blocks fill up anyway.
const SMALLEST_PART: usize = 12;

/// Particles that are eliminated one after another: those that separate two parts of space, or a part that
/// is not divided further.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) particles: Vec<usize>,
    /// The part that separates this one from its sibling; it comes later in the list of parts.
    pub(crate) parent: Option<usize>,
}

/// A nested dissection of `members`, given a map of space: parts in their order of elimination, none empty.
///
/// Separators are found from the matrix, so the map decides on speed alone, never on correctness.
pub(crate) fn nested_dissection<const D: usize>(
    matrix: &BlockMatrix<D>,
    map: &[Vector<D>],
    members: Vec<usize>,
) -> Vec<Part> {
    let mut dissection = Dissection {
        matrix,
        map,
        place: vec![NONE; map.len()],
        parts: Vec::new(),
    };
    dissection.divide(members);
    dissection.parts
}

struct Dissection<'a, const D: usize> {
    matrix: &'a BlockMatrix<D>,
    map: &'a [Vector<D>],
    /// Where particles are in the list that is worked on, `NONE` for all others.
    place: Vec<usize>,
    parts: Vec<Part>,
}

impl<const D: usize> Dissection<'_, D> {
    /// Appends the parts of the members; returns those without a parent.
    fn divide(&mut self, mut members: Vec<usize>) -> Vec<usize> {
        if members.len() <= SMALLEST_PART {
            return self.append(members, Vec::new());
        }
        let axis = self.longest_axis(&members);
        let middle = members.len() / 2;
        let map = self.map;
        members.select_nth_unstable_by(middle, |&a, &b| {
            map[a][axis].total_cmp(&map[b][axis]).then(a.cmp(&b))
        });
        let high = members.split_off(middle);
        let [low_cover, high_cover] = smallest_cover(&self.across(&members, &high), high.len());
        let (mut separator, low) = split(&members, &low_cover);
        let (high_border, high) = split(&high, &high_cover);
        separator.extend(high_border);
        let mut below = self.divide(low);
        below.append(&mut self.divide(high));
        self.append(separator, below)
    }

    /// Appends a part above others, unless it is empty; returns those that are without a parent then.
    fn append(&mut self, particles: Vec<usize>, below: Vec<usize>) -> Vec<usize> {
        if particles.is_empty() {
            return below;
        }
        let index = self.parts.len();
        for part in below {
            self.parts[part].parent = Some(index);
        }
        self.parts.push(Part {
            particles,
            parent: None,
        });
        vec![index]
    }

    /// The neighbours in `high`, by their places there, of every particle in `low`.
    fn across(&mut self, low: &[usize], high: &[usize]) -> Vec<Vec<usize>> {
        for (k, &i) in high.iter().enumerate() {
            self.place[i] = k;
        }
        let places = |i: usize| self.matrix.row(i).map(|(j, _)| self.place[j]);
        let across = low
            .iter()
            .map(|&i| places(i).filter(|&place| place != NONE).collect())
            .collect();
        for &i in high {
            self.place[i] = NONE;
        }
        across
    }

    fn longest_axis(&self, members: &[usize]) -> usize {
        let mut longest = (0, f64::NEG_INFINITY);
        for axis in 0..D {
            let along = || members.iter().map(|&i| self.map[i][axis]);
            let extent =
                along().fold(f64::NEG_INFINITY, f64::max) - along().fold(f64::INFINITY, f64::min);
            if extent > longest.1 {
                longest = (axis, extent);
            }
        }
        longest.0
    }
}

/// The members that are chosen, and the others.
fn split(members: &[usize], chosen: &[bool]) -> (Vec<usize>, Vec<usize>) {
    let (yes, no): (Vec<_>, Vec<_>) = members.iter().zip(chosen).partition(|(_, chosen)| **chosen);
    let strip = |part: Vec<(&usize, &bool)>| part.into_iter().map(|(&i, _)| i).collect();
    (strip(yes), strip(no))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hessian::Hessian;
    use std::collections::HashSet;
    use vitreous_md_core::{Configuration, Radial, Scalar, Seed, SpeciesTable, linearize};

    #[derive(Clone)]
    struct Soft;
    impl Radial for Soft {
        fn range(&self) -> f64 {
            1.8
        }
        fn energy<S: Scalar>(&self, s: S) -> S {
            (-s + 3.24).powi(4)
        }
    }

    /// The number of blocks of the factor, by elimination as in the textbook.
    fn fill(matrix: &BlockMatrix<3>, order: &[usize]) -> usize {
        let mut place = vec![NONE; matrix.rows()];
        for (k, &i) in order.iter().enumerate() {
            place[i] = k;
        }
        let mut columns: Vec<HashSet<usize>> = order
            .iter()
            .enumerate()
            .map(|(k, &i)| {
                let rows = matrix.row(i).map(|(j, _)| place[j]);
                rows.filter(|&row| row != NONE && row > k).collect()
            })
            .collect();
        for k in 0..order.len() {
            if let Some(&parent) = columns[k].iter().min() {
                let rows: Vec<usize> = columns[k].iter().copied().collect();
                columns[parent].extend(rows.into_iter().filter(|&row| row > parent));
            }
        }
        columns.iter().map(|column| 1 + column.len()).sum()
    }

    #[test]
    fn dissection_beats_minimum_degree_in_a_periodic_cell() {
        let liquid = Configuration::random(1500, 1.0, &[1.0], Seed(1)).unwrap();
        let expansion = linearize(&SpeciesTable::uniform(Soft).unwrap(), &liquid).unwrap();
        let hessian = Hessian::new(&expansion);
        let matrix = hessian.matrix();
        let map = hessian.cluster_data().map();
        let parts = nested_dissection(matrix, map, (1..1500).collect());
        let order: Vec<usize> = parts.into_iter().flat_map(|part| part.particles).collect();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(1..1500));

        let (mut starts, mut indices) = (vec![0], Vec::new());
        for row in 0..matrix.rows() {
            indices.extend(matrix.row(row).map(|(column, _)| column));
            starts.push(indices.len());
        }
        let graph =
            faer::sparse::SymbolicSparseColMatRef::new_checked(1500, 1500, &starts, None, &indices);
        let (mut forward, mut backward) = (vec![0; 1500], vec![0; 1500]);
        let need = faer::sparse::linalg::amd::order_scratch::<usize>(1500, indices.len());
        let mut memory = faer::dyn_stack::MemBuffer::new(need);
        faer::sparse::linalg::amd::order(
            &mut forward,
            &mut backward,
            graph,
            faer::sparse::linalg::amd::Control::default(),
            faer::dyn_stack::MemStack::new(&mut memory),
        )
        .unwrap();
        let (ours, theirs) = (fill(matrix, &order), fill(matrix, &forward));
        assert!(
            10 * ours < 9 * theirs,
            "{ours} blocks, minimum degree {theirs}"
        );
    }
}
