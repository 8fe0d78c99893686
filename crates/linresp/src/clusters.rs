//! Clusters of particles that interact, and a map of each that needs no cell.

use std::collections::VecDeque;
use vitreous_md_core::linearization::Linearization;
use vitreous_md_core::{Vector, vector};

/// The connected components of the graph of interactions.
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
    /// Whether each cluster can rotate as a whole.
    rotating: Vec<bool>,
}

impl<const D: usize> Clusters<D> {
    pub(crate) fn new(linearization: &Linearization<D>) -> Self {
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
        let steps = || {
            edges
                .iter()
                .zip(&active)
                .filter(|(edge, active)| **active && edge.i != edge.j)
                .map(|(edge, _)| edge)
        };
        let mut starts = vec![0; particles + 1];
        for edge in steps() {
            starts[edge.i as usize + 1] += 1;
            starts[edge.j as usize + 1] += 1;
        }
        for i in 0..particles {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut neighbours = vec![(0_u32, [0.0; D]); starts[particles]];
        for edge in steps() {
            for (from, to, step) in [
                (edge.i, edge.j, edge.vector),
                (edge.j, edge.i, edge.vector.map(|c| -c)),
            ] {
                neighbours[next[from as usize]] = (to, step);
                next[from as usize] += 1;
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
                for &(j, step) in &neighbours[starts[i]..starts[i + 1]] {
                    let j = j as usize;
                    if labels[j] == u32::MAX {
                        labels[j] = label;
                        map[j] = vector::add(&map[i], &step);
                        queue.push_back(j);
                    }
                }
            }
            sizes.push(size);
        }
        let mut closings = vec![Vec::new(); sizes.len()];
        for edge in steps() {
            let (i, j) = (edge.i as usize, edge.j as usize);
            let across = vector::subtract(&vector::add(&map[i], &edge.vector), &map[j]);
            closings[labels[i] as usize].push((across, edge.vector));
        }
        let rotating = sizes
            .iter()
            .zip(&closings)
            .map(|(&size, closings)| size > 1 && can_rotate(closings))
            .collect();
        Self {
            labels,
            sizes,
            map,
            rotating,
        }
    }

    /// Whether two particles belong to one cluster.
    pub(crate) fn together(&self, i: usize, j: usize) -> bool {
        self.labels[i] == self.labels[j]
    }

    /// The cluster of a particle.
    pub(crate) fn label(&self, particle: usize) -> usize {
        self.labels[particle] as usize
    }

    /// Whether the cluster of a particle can rotate as a whole.
    pub(crate) fn rotates(&self, particle: usize) -> bool {
        self.rotating[self.labels[particle] as usize]
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
    }
}

/// Whether a cluster can rotate, given for each edge by how much the map of the cluster fails to close along it,
/// and the edge.
///
/// Where the map closes everywhere, the cluster is a finite body, and its rotations cost nothing. Along an edge
/// that crosses the periodic boundary it misses a lattice translation, and only rotations that leave these
/// translations as they are remain: those in the space across them, if that has two dimensions or more.
fn can_rotate<const D: usize>(closings: &[(Vector<D>, Vector<D>)]) -> bool {
    let mut held: Vec<Vector<D>> = Vec::new();
    for (across, edge) in closings {
        let mut rest = *across;
        for direction in &held {
            let along = vector::dot(&rest, direction);
            rest = vector::subtract(&rest, &vector::scale(along, direction));
        }
        let length = vector::norm_squared(&rest).sqrt();
        // A lattice translation is longer than any rounding of positions.
        if length > 1e-6 * vector::norm_squared(edge).sqrt() {
            held.push(vector::scale(1.0 / length, &rest));
        }
        if held.len() + 2 > D {
            return false;
        }
    }
    held.len() + 2 <= D
}
