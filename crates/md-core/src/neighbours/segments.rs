//! The neighbours of each place, four at a time.

use super::groups::{Group, Groups, Slice};
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
    /// The places of the close neighbours of a row, with [`NOBODY`] among them.
    #[inline(always)]
    pub(super) fn close_to(&self, row: usize, kinds: usize) -> impl Iterator<Item = u32> {
        let row = self.rows[row];
        let groups = (0..kinds as u32).flat_map(move |kind| {
            let segment = row.segment + kind * row.step;
            self.close.groups(segment, segment + 1).groups()
        });
        groups.flat_map(|group| group.others().map(|offset| offset / 4))
    }
}

/// The neighbours of the rows of a piece. A segment is what a row has of one species.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    /// Where the groups of each segment end; and before them a zero.
    ends: Vec<u32>,
    groups: Groups,
    runs: Vec<Run>,
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
    fn groups(&self, start: u32, end: u32) -> Slice<'_> {
        let [start, end] = [start, end].map(|segment| self.ends[segment as usize] as usize);
        self.groups.slice(start..end)
    }

    /// The groups of each pair of species, an even number.
    #[inline(always)]
    pub(crate) fn runs(&self) -> impl Iterator<Item = ([Species; 2], Slice<'_>)> {
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

    /// Adds a segment: the first `count` of `others`, which has room for three more; by their offsets.
    #[inline(always)]
    pub(super) fn push(&mut self, own: u32, others: &mut [u32], count: usize) {
        others[count..count + 3].fill(NOBODY);
        let (fours, _) = others[..count.next_multiple_of(4)].as_chunks();
        self.groups.extend(own, fours);
        self.ends.push(self.groups.len() as u32);
    }

    /// Says that the segments from `start` on are of these species, and makes the number of their groups even.
    pub(super) fn end_run(&mut self, species: [Species; 2], start: u32) {
        let end = self.len();
        let groups = self.groups(start, end).groups();
        if let [.., last] = groups
            && !groups.len().is_multiple_of(2)
        {
            self.groups.extend(last.own(), &[[NOBODY; 4]]);
            self.ends[end as usize] += 1;
        }
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

impl<const D: usize> Task<f64, 1> for Prune<'_, D> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<f64, 1>>(self, lanes: L) {
        let (wide, close) = (&self.piece.wide, &mut self.piece.close);
        close.clear();
        let mut found = Vec::new();
        for run in &wide.runs {
            let limit = self.ranges.squared(run.species[0], run.species[1]);
            for segment in run.start..run.end {
                let groups = wide.groups(segment, segment + 1);
                let room = 4 * groups.groups().len() + 4;
                if found.len() < room {
                    found.resize(room, NOBODY);
                }
                let own = groups.groups().first().map_or(NOBODY, Group::own);
                let count = closer_than::<D, L>(lanes, self.places, limit, own, groups, &mut found);
                close.push(own, &mut found, count);
            }
            close.end_run(run.species, run.start);
        }
    }
}

/// Collects the neighbours in some groups of one particle that are closer than a limit.
#[inline(always)]
fn closer_than<const D: usize, L: Lanes<f64, 1>>(
    lanes: L,
    places: &[Quad],
    squared_limit: f64,
    own: u32,
    groups: Slice<'_>,
    found: &mut [u32],
) -> usize {
    let mut count = 0;
    if quads(D) > 1 {
        let origin = coordinates::<D>(places, own / 4);
        for other in groups.groups().iter().flat_map(Group::others) {
            let r = subtract(&coordinates(places, other / 4), &origin);
            found[count] = other;
            count += usize::from(norm_squared(&r) < squared_limit);
        }
        return count;
    }
    let origin = places[own as usize / 4];
    let limits = lanes.splat(squared_limit);
    groups.visit(places, |group, others| {
        let vectors = others.map(|other| lanes.differences([other], [origin]));
        let set = lanes.set_below(lanes.squared_lengths(vectors), limits);
        if let Some(found) = found[count..].first_chunk_mut() {
            *found = lanes.to_front(group.others(), set);
        }
        count += set.count_ones() as usize;
    });
    count
}
