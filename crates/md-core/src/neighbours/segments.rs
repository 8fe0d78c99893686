//! The neighbours of each place, four at a time.

use super::{NOBODY, Ranges, coordinates, quads};
use crate::configuration::Species;
use crate::lanes::{Lanes, Quad, Task};
use crate::vector::{norm_squared, subtract};
use std::ops::Range;

/// Consecutive rows of a list: the unit of work for threads. How a list is cut depends on the number of particles
/// alone, so sums over pieces have the same bits for any number of threads. Places count from the start of the
/// window, the place of [`NOBODY`] before that of the first row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piece {
    pub(super) rows: Vec<Row>,
    /// All neighbours that the search found.
    pub(super) wide: Segments,
    /// Those of them that can be within range now.
    pub(crate) close: Segments,
    /// The places that the rows and their neighbours have.
    pub(crate) window: Range<usize>,
}

/// The neighbours of one particle that have a later place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) place: u32,
    /// The segment of the first species; those of others follow in steps.
    pub(super) segment: u32,
    pub(super) step: u32,
}

impl Piece {
    /// The close neighbours of a row.
    #[inline(always)]
    pub(super) fn close_to(&self, row: usize, kinds: usize) -> impl Iterator<Item = &Group> {
        let row = self.rows[row];
        (0..kinds as u32).flat_map(move |kind| {
            let segment = row.segment + kind * row.step;
            self.close.groups(segment, segment + 1)
        })
    }
}

/// The neighbours of the rows of a piece. A segment is what a row has of one species.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    /// Where the groups of each segment end; and before them a zero.
    ends: Vec<u32>,
    groups: Vec<Group>,
    runs: Vec<Run>,
}

/// A particle and four neighbours of the same species, or fewer filled up with [`NOBODY`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) own: u32,
    pub(crate) others: [u32; 4],
}

/// Segments, one after the other, of one pair of species: one function serves them all.
#[derive(Clone, Copy, Debug)]
struct Run {
    species: [Species; 2],
    start: u32,
    end: u32,
}

impl Segments {
    /// The number of segments.
    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32 - 1
    }

    #[inline(always)]
    fn groups(&self, start: u32, end: u32) -> &[Group] {
        &self.groups[self.ends[start as usize] as usize..self.ends[end as usize] as usize]
    }

    /// The groups of each pair of species.
    #[inline(always)]
    pub(crate) fn runs(&self) -> impl Iterator<Item = ([Species; 2], &[Group])> {
        let runs = self.runs.iter();
        runs.map(|run| (run.species, self.groups(run.start, run.end)))
    }

    /// Forgets all segments.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.runs.clear();
        self.ends.clear();
        self.ends.push(0);
    }

    /// Adds a segment: some of the first of `others`, which has room for three more.
    #[inline(always)]
    pub(super) fn push(&mut self, own: u32, others: &mut [u32], count: usize) {
        others[count..count + 3].fill(NOBODY);
        let (fours, _) = others[..count.next_multiple_of(4)].as_chunks();
        let groups = fours.iter().map(|&others| Group { own, others });
        self.groups.extend(groups);
        self.ends.push(self.groups.len() as u32);
    }

    /// Says that the segments from `start` on are of these species.
    pub(super) fn end_run(&mut self, species: [Species; 2], start: u32) {
        let end = self.len();
        self.runs.push(Run {
            species,
            start,
            end,
        });
    }
}

/// Chooses the close neighbours of a piece.
pub(super) struct Prune<'a, const D: usize> {
    pub(super) piece: &'a mut Piece,
    /// Those of the window.
    pub(super) places: &'a [Quad],
    pub(super) ranges: &'a Ranges,
}

impl<const D: usize> Task for Prune<'_, D> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (wide, close) = (&self.piece.wide, &mut self.piece.close);
        close.clear();
        let mut found = Vec::new();
        for run in &wide.runs {
            let limit = self.ranges.squared(run.species[0], run.species[1]);
            for segment in run.start..run.end {
                let groups = wide.groups(segment, segment + 1);
                if found.len() < 4 * groups.len() + 4 {
                    found.resize(4 * groups.len() + 4, NOBODY);
                }
                let own = groups.first().map_or(NOBODY, |group| group.own);
                let count = closer_than::<D, L>(lanes, self.places, limit, own, groups, &mut found);
                close.push(own, &mut found, count);
            }
            close.end_run(run.species, run.start);
        }
    }
}

/// Collects the neighbours in some groups of one particle that are closer than a limit.
#[inline(always)]
fn closer_than<const D: usize, L: Lanes>(
    lanes: L,
    places: &[Quad],
    squared_limit: f64,
    own: u32,
    groups: &[Group],
    found: &mut [u32],
) -> usize {
    let mut count = 0;
    if quads(D) > 1 {
        let origin = coordinates::<D>(places, own);
        for &other in groups.iter().flat_map(|group| &group.others) {
            let r = subtract(&coordinates(places, other), &origin);
            found[count] = other;
            count += usize::from(norm_squared(&r) < squared_limit);
        }
        return count;
    }
    let origin = lanes.four(places[own as usize].0);
    let limits = lanes.splat(squared_limit);
    for group in groups {
        let others = group.others.map(|other| places[other as usize]);
        let vectors = others.map(|other| lanes.subtract(lanes.four(other.0), origin));
        let set = lanes.set_below(lanes.squared_lengths(vectors), limits);
        if let Some(found) = found[count..].first_chunk_mut() {
            *found = lanes.to_front(group.others, set);
        }
        count += set.count_ones() as usize;
    }
    count
}
