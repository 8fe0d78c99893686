//! The neighbours of each place, from the bins.

use super::bins::Bins;
use super::segments::{Piece, Row};
use super::{NOBODY, Ranges, coordinates, quads};
use crate::lanes::{FRONT, Lanes, Quad, Task};
use crate::vector::{norm_squared, subtract};
use std::ops::Range;

/// What the neighbours of all places are found from.
pub(super) struct Search<'a, const D: usize> {
    bins: &'a Bins<D>,
    places: &'a [Quad],
    /// The squared range of each pair of species.
    squared_ranges: Vec<Vec<f64>>,
    columns: Vec<i32>,
}

impl<'a, const D: usize> Search<'a, D> {
    /// A search through places: those of the bins, and after them three times nowhere, where a group of four may end.
    pub(super) fn new(ranges: &Ranges, bins: &'a Bins<D>, places: &'a [Quad]) -> Self {
        let row = |&first| {
            let kinds = bins.kinds.iter();
            kinds.map(|&second| ranges.squared(first, second)).collect()
        };
        Self {
            bins,
            places,
            squared_ranges: bins.kinds.iter().map(row).collect(),
            columns: bins.later_columns(),
        }
    }

    /// Collects the offsets of candidates, counted from `origin`, that are closer to a place than a limit: as the choice
    /// of close neighbours does from a list. That candidates follow each other saves a fifth of the search.
    #[inline(always)]
    fn close<L: Lanes<f64, 1>>(
        &self,
        lanes: L,
        place: u32,
        origin: u32,
        candidates: &[Candidates],
        limit: f64,
        close: &mut [u32],
    ) -> usize {
        let mut found = 0;
        if quads(D) > 1 {
            let own = coordinates::<D>(self.places, place);
            for &Candidates { first, set } in candidates {
                for lane in (0..4).filter(|lane| set >> lane & 1 == 1) {
                    let r = subtract(&coordinates(self.places, first + lane), &own);
                    close[found] = 4 * (first + lane - origin);
                    found += usize::from(norm_squared(&r) < limit);
                }
            }
            return found;
        }
        let own = self.places[place as usize];
        let limits = lanes.splat(limit);
        for &Candidates { first, set } in candidates {
            let Some(group) = self.places[first as usize..].first_chunk::<4>() else {
                break;
            };
            let vectors = group.map(|other| lanes.differences([other], [own]));
            let set = lanes.set_below(lanes.squared_lengths(vectors), limits) & set as usize;
            let offset = 4 * (first - origin);
            if let Some(close) = close[found..].first_chunk_mut() {
                *close = FRONT[set].map(|lane| offset + 4 * lane);
            }
            found += set.count_ones() as usize;
        }
        found
    }
}

/// Up to four places, one after the other: a set of lanes given by bits.
#[derive(Clone, Copy, Debug)]
struct Candidates {
    first: u32,
    set: u32,
}

#[inline(always)]
fn add_candidates(candidates: &mut Vec<Candidates>, range: Range<u32>) {
    let mut first = range.start;
    while first < range.end {
        let set = 15 >> (first + 4).saturating_sub(range.end);
        candidates.push(Candidates { first, set });
        first += 4;
    }
}

/// Finds the neighbours of the rows of a piece.
pub(super) struct SearchRows<'a, const D: usize> {
    pub(super) search: &'a Search<'a, D>,
    pub(super) rows: &'a [u32],
    pub(super) piece: &'a mut Piece,
}

impl<const D: usize> Task<f64, 1> for SearchRows<'_, D> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lanes<f64, 1>>(self, lanes: L) {
        let Self {
            search,
            rows,
            piece,
        } = self;
        let bins = search.bins;
        let origin = rows.first().map_or(0, |first| first - 1);
        piece.rows.clear();
        piece.wide.clear();
        let (mut close, mut candidates) = (Vec::new(), Vec::new());
        let mut end = rows.last().map_or(0, |last| last + 1);
        let line = |place: u32| bins.line(bins.bin(place));
        for block in rows.chunk_by(|&a, &b| line(a) == line(b)) {
            let segment = piece.wide.len();
            let rows = block.iter().zip(segment..).map(|(place, segment)| Row {
                place: place - origin,
                segment,
                step: block.len() as u32,
            });
            piece.rows.extend(rows);
            let own = bins.kind(line(block[0]));
            for (kind, &limit) in search.squared_ranges[own].iter().enumerate() {
                let start = piece.wide.len();
                let mut bin = u32::MAX;
                let mut own_range = 0..0;
                let mut elsewhere = 0;
                for &place in block {
                    if bins.bin(place) != bin {
                        bin = bins.bin(place);
                        candidates.clear();
                        own_range = bins.later(bin, kind, &search.columns, |range| {
                            end = end.max(range.end);
                            add_candidates(&mut candidates, range);
                        });
                        end = end.max(own_range.end);
                        elsewhere = candidates.len();
                    }
                    if kind == own {
                        own_range.start = place + 1;
                    }
                    candidates.truncate(elsewhere);
                    add_candidates(&mut candidates, own_range.clone());
                    if close.len() < 4 * candidates.len() + 4 {
                        close.resize(4 * candidates.len() + 4, NOBODY);
                    }
                    let found = search.close(lanes, place, origin, &candidates, limit, &mut close);
                    piece.wide.push(4 * (place - origin), &mut close, found);
                }
                piece
                    .wide
                    .end_run([bins.kinds[own], bins.kinds[kind]], start);
            }
        }
        piece.window = origin as usize..end as usize;
    }
}
