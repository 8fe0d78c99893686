//! Who is joined to whom by which edges.

use crate::threads::Threads;
use vitreous_md_core::linearization::{Edge, Linearization};

/// For every particle the edges to other particles, by neighbour; edges to images of itself are left out.
pub(crate) struct Adjacency {
    /// Where the entries of each particle start, one more than particles.
    starts: Vec<usize>,
    /// Neighbour and edge, packed so that sorting sorts by neighbour, then by edge.
    entries: Vec<u64>,
}

impl Adjacency {
    pub(crate) fn new<const D: usize>(linearization: &Linearization<D>, threads: &Threads) -> Self {
        let particles = linearization.particles();
        let ends = || {
            linearization
                .edges()
                .iter()
                .enumerate()
                .filter(|(_, edge)| edge.i != edge.j)
        };
        let mut starts = vec![0; particles + 1];
        for (_, edge) in ends() {
            starts[edge.i as usize + 1] += 1;
            starts[edge.j as usize + 1] += 1;
        }
        for i in 0..particles {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut entries = vec![0; starts[particles]];
        for (index, Edge { i, j, .. }) in ends() {
            for (from, to) in [(*i, *j), (*j, *i)] {
                let place = &mut next[from as usize];
                entries[*place] = u64::from(to) << 32 | index as u64;
                *place += 1;
            }
        }
        let mut rest = &mut entries[..];
        let rows = starts.windows(2).map(|ends| {
            let row;
            (row, rest) = std::mem::take(&mut rest).split_at_mut(ends[1] - ends[0]);
            row
        });
        threads.each(rows.collect(), <[u64]>::sort_unstable);
        Self { starts, entries }
    }

    /// The neighbours of a particle, ascending, with the indices of the edges to them; a neighbour appears as
    /// often as there are edges.
    pub(crate) fn of(&self, particle: usize) -> impl Iterator<Item = (usize, usize)> {
        self.entries[self.starts[particle]..self.starts[particle + 1]]
            .iter()
            .map(|entry| ((entry >> 32) as usize, (entry & 0xffff_ffff) as usize))
    }
}
