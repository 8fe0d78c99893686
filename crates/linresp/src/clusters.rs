//! Clusters of particles that interact, and a map of each that needs no cell.

use crate::adjacency::Adjacency;
use std::collections::VecDeque;
use vitreous_md_core::linearization::Linearization;
use vitreous_md_core::{Vector, vector};

/// The connected components of the graph of interactions, and their trivial zero modes.
#[derive(Clone, Debug)]
pub(crate) struct Clusters<const D: usize> {
    /// The cluster of each particle.
    labels: Vec<u32>,
    /// The number of particles of each cluster.
    sizes: Vec<usize>,
    /// Where each particle is relative to the first of its cluster, along a shortest path of edges.
    ///
    /// In a periodic cell these are the positions in a cell around that first particle, so they serve to
    /// cut space in parts; no two edges need agree on them.
    map: Vec<Vector<D>>,
    /// The clusters that can rotate as a whole.
    bodies: Vec<Body<D>>,
}

/// A cluster that can rotate.
#[derive(Clone, Debug)]
struct Body<const D: usize> {
    label: u32,
    /// Its particles, ascending.
    members: Vec<usize>,
    /// Its rotations, displacements of the members: orthonormal, and free of translations.
    rotations: Vec<Vec<Vector<D>>>,
}

/// Net forces below this are taken for zero, relative to the stiffness of interactions times their length.
const BALANCE: f64 = 1e-7;

/// Whether the forces on the particles of each cluster are balanced: with net forces `f`, a rotation `w x r` changes
/// the gradient by `w x f`, and is no zero mode.
fn balanced<const D: usize>(
    linearization: &Linearization<D>,
    labels: &[u32],
    clusters: usize,
) -> Vec<bool> {
    let mut largest = vec![0.0_f64; clusters];
    for edge in linearization.edges() {
        let square = vector::norm_squared(&edge.vector);
        let stiffness = 2.0 * edge.gradient.abs() + 4.0 * edge.curvature.abs() * square;
        let largest = &mut largest[labels[edge.i as usize] as usize];
        *largest = largest.max(stiffness * square.sqrt());
    }
    let mut balanced = vec![true; clusters];
    for (force, &label) in linearization.forces().iter().zip(labels) {
        let net = vector::norm_squared(force).sqrt();
        balanced[label as usize] &= net <= BALANCE * largest[label as usize];
    }
    balanced
}

impl<const D: usize> Clusters<D> {
    pub(crate) fn new(linearization: &Linearization<D>, adjacency: &Adjacency) -> Self {
        let particles = linearization.particles();
        let edges = linearization.edges();
        let mut active: Vec<bool> = edges
            .iter()
            .map(|edge| edge.gradient != 0.0 || edge.curvature != 0.0)
            .collect();
        for coupling in linearization.couplings() {
            if coupling.curvature != 0.0 {
                active[coupling.first as usize] = true;
                active[coupling.second as usize] = true;
            }
        }
        let mut labels = vec![u32::MAX; particles];
        let mut sizes = Vec::new();
        let mut map = vec![[0.0; D]; particles];
        let mut queue = VecDeque::new();
        for first in 0..particles {
            if labels[first] != u32::MAX {
                continue;
            }
            let label = sizes.len() as u32;
            labels[first] = label;
            queue.push_back(first);
            let mut size = 0;
            while let Some(i) = queue.pop_front() {
                size += 1;
                for (j, index) in adjacency.of(i) {
                    if labels[j] == u32::MAX && active[index] {
                        let edge = &edges[index];
                        labels[j] = label;
                        map[j] = if edge.i as usize == i {
                            vector::add(&map[i], &edge.vector)
                        } else {
                            vector::subtract(&map[i], &edge.vector)
                        };
                        queue.push_back(j);
                    }
                }
            }
            sizes.push(size);
        }
        let mut spans = vec![Span::default(); sizes.len()];
        for (edge, _) in edges
            .iter()
            .zip(&active)
            .filter(|(edge, active)| **active && edge.i != edge.j)
        {
            let (i, j) = (edge.i as usize, edge.j as usize);
            let span = &mut spans[labels[i] as usize];
            if span.can_rotate() {
                let miss = vector::subtract(&vector::add(&map[i], &edge.vector), &map[j]);
                span.extend(&miss, &edge.vector);
            }
        }
        // For every cluster the place of its body, if it can rotate.
        let mut places = vec![usize::MAX; sizes.len()];
        let mut bodies = Vec::new();
        let balanced = balanced(linearization, &labels, sizes.len());
        for (label, span) in spans.into_iter().enumerate() {
            if sizes[label] > 1 && balanced[label] && span.can_rotate() {
                places[label] = bodies.len();
                bodies.push((Vec::new(), span.complement()));
            }
        }
        for (i, &label) in labels.iter().enumerate() {
            if let Some((members, _)) = bodies.get_mut(places[label as usize]) {
                members.push(i);
            }
        }
        let bodies = bodies
            .into_iter()
            .map(|(members, space)| Body {
                label: labels[members[0]],
                rotations: rotations(&members, &map, &space),
                members,
            })
            .collect();
        Self {
            labels,
            sizes,
            map,
            bodies,
        }
    }

    /// Whether two particles belong to one cluster.
    pub(crate) fn together(&self, i: usize, j: usize) -> bool {
        self.labels[i] == self.labels[j]
    }

    /// The number of trivial zero modes: `D` translations of every cluster, and the rotations of those that
    /// can rotate.
    pub(crate) fn zero_modes(&self) -> usize {
        D * self.count()
            + self
                .bodies
                .iter()
                .map(|body| body.rotations.len())
                .sum::<usize>()
    }

    /// The trivial zero modes of one cluster after the other, as orthonormal flat vectors of `D N` numbers.
    pub(crate) fn zero_modes_by_cluster(&self) -> impl Iterator<Item = Vec<Vec<f64>>> {
        let mut members = vec![Vec::new(); self.count()];
        for (i, &label) in self.labels.iter().enumerate() {
            members[label as usize].push(i);
        }
        let shared = self.shared_modes();
        members.into_iter().map(move |members| {
            let of_cluster = |mode: &Vec<f64>| {
                let mut own = vec![0.0; mode.len()];
                for &i in &members {
                    own[D * i..D * (i + 1)].copy_from_slice(&mode[D * i..D * (i + 1)]);
                }
                own
            };
            let modes = shared.iter().map(of_cluster);
            modes
                .filter(|mode| mode.iter().any(|&u| u != 0.0))
                .collect()
        })
    }

    /// The coordinates `(particle, axis)` to pin so that no trivial zero mode is left, as many as there are
    /// such modes: all those of the heaviest particle of each cluster that cannot rotate; of one that can,
    /// those that hold its translations and rotations best.
    pub(crate) fn pinned(&self, weight: impl Fn(usize) -> f64) -> Vec<(usize, usize)> {
        let mut rotating = vec![false; self.count()];
        let mut pinned = Vec::with_capacity(self.zero_modes());
        for body in &self.bodies {
            rotating[body.label as usize] = true;
            pinned.extend(body.pinned());
        }
        for (label, particle) in self.heaviest(weight).into_iter().enumerate() {
            if !rotating[label] {
                pinned.extend((0..D).map(|axis| (particle, axis)));
            }
        }
        pinned
    }

    /// The cluster of each particle.
    pub(crate) fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The trivial zero modes of all clusters, normalised within each: those of different clusters share vectors,
    /// which have no place in common. Flat vectors of `D N` numbers.
    pub(crate) fn shared_modes(&self) -> Vec<Vec<f64>> {
        let mut modes = vec![vec![0.0; D * self.labels.len()]; D];
        for (i, &label) in self.labels.iter().enumerate() {
            let share = 1.0 / (self.sizes[label as usize] as f64).sqrt();
            for (axis, mode) in modes.iter_mut().enumerate() {
                mode[D * i + axis] = share;
            }
        }
        for body in &self.bodies {
            for (k, rotation) in body.rotations.iter().enumerate() {
                if modes.len() == D + k {
                    modes.push(vec![0.0; D * self.labels.len()]);
                }
                for (&i, u) in body.members.iter().zip(rotation) {
                    modes[D + k][D * i..D * (i + 1)].copy_from_slice(u);
                }
            }
        }
        modes
    }

    /// The scalar product of two flat vectors within each cluster.
    pub(crate) fn products(&self, a: &[f64], b: &[f64]) -> Vec<f64> {
        let mut products = vec![0.0; self.count()];
        for ((a, b), &label) in a.chunks_exact(D).zip(b.chunks_exact(D)).zip(&self.labels) {
            products[label as usize] += a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        }
        products
    }

    /// `a - share b` with a share for each cluster.
    pub(crate) fn subtract(&self, a: &mut [f64], shares: &[f64], b: &[f64]) {
        for ((a, b), &label) in a
            .chunks_exact_mut(D)
            .zip(b.chunks_exact(D))
            .zip(&self.labels)
        {
            for (a, b) in a.iter_mut().zip(b) {
                *a -= shares[label as usize] * b;
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.sizes.len()
    }

    pub(crate) fn map(&self) -> &[Vector<D>] {
        &self.map
    }

    pub(crate) fn rattlers(&self) -> Vec<usize> {
        (0..self.labels.len())
            .filter(|&i| self.sizes[self.labels[i] as usize] == 1)
            .collect()
    }

    /// One particle of each cluster, that with the largest weight: the one to pin.
    pub(crate) fn heaviest(&self, weight: impl Fn(usize) -> f64) -> Vec<usize> {
        let mut heaviest = vec![(f64::NEG_INFINITY, usize::MAX); self.count()];
        for (i, &label) in self.labels.iter().enumerate() {
            let best = &mut heaviest[label as usize];
            let weight = weight(i);
            if weight > best.0 || best.1 == usize::MAX {
                *best = (weight, i);
            }
        }
        heaviest.into_iter().map(|(_, i)| i).collect()
    }

    pub(crate) fn project(&self, x: &mut [Vector<D>]) {
        let mut means = vec![[0.0; D]; self.count()];
        for (x, &label) in x.iter().zip(&self.labels) {
            means[label as usize] = vector::add(&means[label as usize], x);
        }
        for (mean, &size) in means.iter_mut().zip(&self.sizes) {
            *mean = vector::scale(1.0 / size as f64, mean);
        }
        for (x, &label) in x.iter_mut().zip(&self.labels) {
            *x = vector::subtract(x, &means[label as usize]);
        }
        for body in &self.bodies {
            for rotation in &body.rotations {
                let amount: f64 = body
                    .members
                    .iter()
                    .zip(rotation)
                    .map(|(&i, u)| vector::dot(u, &x[i]))
                    .sum();
                for (&i, u) in body.members.iter().zip(rotation) {
                    x[i] = vector::subtract(&x[i], &vector::scale(amount, u));
                }
            }
        }
    }
}

impl<const D: usize> Body<D> {
    /// Greedy choice of rows of the matrix of zero modes: each time the coordinate on which what the earlier
    /// ones leave free moves most.
    fn pinned(&self) -> Vec<(usize, usize)> {
        let modes = D + self.rotations.len();
        let share = 1.0 / (self.members.len() as f64).sqrt();
        let mut rows: Vec<Vec<f64>> = (0..D * self.members.len())
            .map(|row| {
                let (member, axis) = (row / D, row % D);
                (0..D)
                    .map(|k| if k == axis { share } else { 0.0 })
                    .chain(self.rotations.iter().map(|mode| mode[member][axis]))
                    .collect()
            })
            .collect();
        let mut pinned = Vec::with_capacity(modes);
        for _ in 0..modes {
            let size = |row: &[f64]| row.iter().map(|a| a * a).sum::<f64>();
            let (best, square) = rows.iter().map(|row| size(row)).enumerate().fold(
                (0, f64::NEG_INFINITY),
                |best, next| {
                    if next.1 > best.1 { next } else { best }
                },
            );
            pinned.push((self.members[best / D], best % D));
            let direction: Vec<f64> = rows[best].iter().map(|a| a / square.sqrt()).collect();
            for row in &mut rows {
                let along: f64 = row.iter().zip(&direction).map(|(a, b)| a * b).sum();
                for (a, b) in row.iter_mut().zip(&direction) {
                    *a -= along * b;
                }
            }
        }
        pinned
    }
}

/// Orthonormal rotations of a body, given the space in which it can rotate: about its centre, in every plane
/// of that space. Those that move nothing, as a dimer's about its axis, are left out.
fn rotations<const D: usize>(
    members: &[usize],
    map: &[Vector<D>],
    space: &[Vector<D>],
) -> Vec<Vec<Vector<D>>> {
    let mut centre = [0.0; D];
    for &i in members {
        centre = vector::add(&centre, &map[i]);
    }
    let centre = vector::scale(1.0 / members.len() as f64, &centre);
    let mut modes: Vec<Vec<Vector<D>>> = Vec::new();
    for (k, p) in space.iter().enumerate() {
        for q in &space[..k] {
            modes.push(
                members
                    .iter()
                    .map(|&i| {
                        let arm = vector::subtract(&map[i], &centre);
                        vector::subtract(
                            &vector::scale(vector::dot(&arm, p), q),
                            &vector::scale(vector::dot(&arm, q), p),
                        )
                    })
                    .collect(),
            );
        }
    }
    let length = |mode: &[Vector<D>]| mode.iter().map(vector::norm_squared).sum::<f64>().sqrt();
    let largest = modes.iter().map(|mode| length(mode)).fold(0.0, f64::max);
    let mut kept: Vec<Vec<Vector<D>>> = Vec::new();
    // Gram-Schmidt, the longest that is left first.
    while let Some(next) =
        (0..modes.len()).max_by(|&a, &b| length(&modes[a]).total_cmp(&length(&modes[b])))
    {
        let mut mode = modes.swap_remove(next);
        // Twice is enough.
        for _ in 0..2 {
            remove(&mut mode, &kept);
        }
        let size = length(&mode);
        // The rounding of a map of many steps is far below.
        if size <= 1e-8 * largest {
            break;
        }
        for u in &mut mode {
            *u = vector::scale(1.0 / size, u);
        }
        kept.push(mode);
        for mode in &mut modes {
            remove(mode, &kept[kept.len() - 1..]);
        }
    }
    kept
}

/// Subtracts from a mode what it has along orthonormal ones.
fn remove<const D: usize>(mode: &mut [Vector<D>], others: &[Vec<Vector<D>>]) {
    for other in others {
        let along: f64 = mode.iter().zip(other).map(|(a, b)| vector::dot(a, b)).sum();
        for (a, b) in mode.iter_mut().zip(other) {
            *a = vector::subtract(a, &vector::scale(along, b));
        }
    }
}

/// The space of the lattice translations along which a cluster is joined to its own images.
///
/// Where the map of a cluster closes everywhere, the cluster is a finite body, and its rotations cost nothing.
/// Along an edge that crosses the periodic boundary the map misses a lattice translation, and only rotations
/// that leave these translations as they are remain: those in the space across them, if that has two dimensions
/// or more.
#[derive(Clone, Default)]
struct Span<const D: usize> {
    /// Orthonormal.
    directions: Vec<Vector<D>>,
}

impl<const D: usize> Span<D> {
    fn can_rotate(&self) -> bool {
        self.directions.len() + 2 <= D
    }

    /// What a vector has across the directions, and its length.
    fn across(&self, vector: &Vector<D>) -> (Vector<D>, f64) {
        let mut rest = *vector;
        for direction in &self.directions {
            let along = vector::dot(&rest, direction);
            rest = vector::subtract(&rest, &vector::scale(along, direction));
        }
        (rest, vector::norm_squared(&rest).sqrt())
    }

    /// Takes up by how much the map of the cluster fails to close along an edge.
    fn extend(&mut self, miss: &Vector<D>, edge: &Vector<D>) {
        let (rest, length) = self.across(miss);
        // A lattice translation is longer than any rounding of positions.
        if length > 1e-6 * vector::norm_squared(edge).sqrt() {
            self.directions.push(vector::scale(1.0 / length, &rest));
        }
    }

    /// An orthonormal basis of the space across.
    fn complement(mut self) -> Vec<Vector<D>> {
        let found = self.directions.len();
        while self.directions.len() < D {
            // The axis that is farthest from what there is.
            let (rest, length) = vector::identity::<D>()
                .iter()
                .map(|axis| self.across(axis))
                .fold(
                    ([0.0; D], 0.0),
                    |best, next| {
                        if next.1 > best.1 { next } else { best }
                    },
                );
            let (rest, length) = self.across(&vector::scale(1.0 / length, &rest));
            self.directions.push(vector::scale(1.0 / length, &rest));
        }
        self.directions.split_off(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::Threads;
    use vitreous_md_core::{Cell, Configuration, Species};

    fn clusters(positions: &[[f64; 3]], bonds: &[(usize, usize)]) -> Clusters<3> {
        let cell = Cell::orthorhombic([99.0; 3]).unwrap();
        let species = vec![Species(0); positions.len()];
        let configuration = Configuration::new(cell, positions.to_vec(), species).unwrap();
        let mut expansion = Linearization::empty(&configuration);
        for &(i, j) in bonds {
            let r = vector::subtract(&positions[j], &positions[i]);
            expansion.add_pair([i, j], r, [0.0, 0.0, 1.0]);
        }
        Clusters::new(&expansion, &Adjacency::new(&expansion, &Threads::ONE))
    }

    /// The determinant of the zero modes on the pinned coordinates.
    fn held(clusters: &Clusters<3>) -> f64 {
        let modes = clusters
            .zero_modes_by_cluster()
            .flatten()
            .collect::<Vec<_>>();
        let pinned = clusters.pinned(|i| i as f64);
        assert_eq!(
            (modes.len(), pinned.len()),
            (clusters.zero_modes(), modes.len())
        );
        let n = modes.len();
        let matrix = faer::Mat::from_fn(n, n, |row, column| {
            let (particle, axis) = pinned[row];
            modes[column][3 * particle + axis]
        });
        matrix.determinant().abs()
    }

    #[test]
    fn zero_modes_are_orthonormal_and_pinned_coordinates_hold_them() {
        let bent = [[0.0; 3], [1.0, 0.2, 0.0], [1.5, 1.0, 0.3], [2.0, 0.0, 1.0]];
        let straight = [[0.0; 3], [0.3, 0.4, 0.5], [0.6, 0.8, 1.0]];
        let both = [
            [0.0; 3],
            [1.0, 0.0, 0.0],
            [7.0, 7.0, 7.0],
            [7.0, 8.0, 7.5],
            [30.0; 3],
        ];
        for (positions, bonds, modes) in [
            (&bent[..], &[(0, 1), (1, 2), (2, 3)][..], 6),
            (&straight, &[(0, 1), (2, 1)], 5),
            (&both, &[(1, 0), (2, 3)], 5 + 5 + 3),
        ] {
            let clusters = clusters(positions, bonds);
            assert_eq!(clusters.zero_modes(), modes);
            let vectors = clusters
                .zero_modes_by_cluster()
                .flatten()
                .collect::<Vec<_>>();
            for (k, a) in vectors.iter().enumerate() {
                for (l, b) in vectors.iter().enumerate() {
                    let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    let expected = f64::from(u8::from(k == l));
                    assert!((product - expected).abs() < 1e-14);
                }
            }
            // Greedy pivots lose at most a factor for each mode.
            assert!(held(&clusters) > 0.3_f64.powi(modes as i32));
        }
    }
}
