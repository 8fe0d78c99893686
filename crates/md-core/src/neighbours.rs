//! Which particles are close: cell lists, Verlet lists, and the brute-force twin that tests them.
//!
//! Every pair within range is found once for each of its periodic images within range, in cells of any
//! shape and size: in a cell smaller than twice the range the same two particles can be neighbours through
//! several images, and a particle can be the neighbour of its own image. Images within range have places of their
//! own, so nothing downstream takes a minimum image.

use crate::cell::Cell;
use crate::configuration::{Configuration, Species};
use crate::lanes::{Lanes, Quad, Task, dispatch};
use crate::threads::{PART, each_part};
use crate::vector::{Vector, add, norm_squared, subtract};
use std::ops::Range;

/// How far particles of two species see each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges {
    species: usize,
    /// `species x species`, symmetric.
    table: Vec<f64>,
    largest: f64,
}

impl Ranges {
    /// The same range for all particles, whatever their species.
    pub fn uniform(range: f64) -> Self {
        Self {
            species: 0,
            table: Vec::new(),
            largest: range,
        }
    }

    /// A range for each pair of `species` species, asked for once for each ordered pair.
    pub fn new(species: usize, between: impl Fn(Species, Species) -> f64) -> Self {
        let table: Vec<f64> = (0..species * species)
            .map(|pair| {
                between(
                    Species((pair / species) as u8),
                    Species((pair % species) as u8),
                )
            })
            .collect();
        let largest = table
            .iter()
            .fold(0.0, |largest: f64, &range| largest.max(range));
        Self {
            species,
            table,
            largest,
        }
    }

    /// All ranges longer by `skin`.
    fn widened(&self, skin: f64) -> Self {
        Self {
            species: self.species,
            table: self.table.iter().map(|range| range + skin).collect(),
            largest: self.largest + skin,
        }
    }

    /// The squared range of two species; one beyond the table sees as far as any.
    fn squared(&self, first: Species, second: Species) -> f64 {
        let known = first.index() < self.species && second.index() < self.species;
        let range = if known {
            self.table[first.index() * self.species + second.index()]
        } else {
            self.largest
        };
        range * range
    }
}

/// How many blocks of four numbers hold the coordinates of a particle and its diameter.
const fn quads(dimension: usize) -> usize {
    (dimension + 1).div_ceil(4)
}

/// The first place of each window has no particle.
const NOBODY: u32 = 0;

/// Where nobody is: out of everyone's range, the square is infinite.
const NOWHERE: Quad = Quad([1e300, 1e300, 1e300, 1.0]);

/// How many rows are sorted by species together: enough to change functions seldom, few enough for their places to
/// stay in the first-level cache.
const BLOCK: usize = 32;

/// All pairs of particles (and images) within a range, each once, at given positions.
///
/// The particles, and copies of those that are seen through the faces of the cell, have *places*: they are
/// sorted by bins, so that what is close is near in memory, and each row lists only what has a later place.
#[derive(Clone, Debug)]
pub struct NeighbourList<const D: usize> {
    /// The particle at each place.
    owners: Vec<u32>,
    /// What brings the particle to the place: a lattice translation; and its diameter.
    shifts: Vec<Quad>,
    /// The places of each particle, in order, and where they start in `copies`.
    copies: Vec<u32>,
    copy_starts: Vec<u32>,
    /// The row of each particle.
    rows: Vec<u32>,
    rows_per_piece: usize,
    pieces: Vec<Piece>,
}

/// Consecutive rows of a list: the unit of work for threads. How a list is cut depends on the number of particles
/// alone, so sums over pieces have the same bits for any number of threads. Places count from the start of the
/// window, the place of [`NOBODY`] before that of the first row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Piece {
    /// The place of the particle of each row.
    places: Vec<u32>,
    /// Where each row starts in `neighbours`, and where the last one ends.
    starts: Vec<u32>,
    /// The places of neighbours, row by row, in a row by species; the last four of a segment are filled up with
    /// nobody.
    neighbours: Vec<[u32; 4]>,
    segments: Vec<Segment>,
    pub(crate) runs: Vec<Run>,
    /// The places that the rows and their neighbours have.
    pub(crate) window: Range<usize>,
}

/// The neighbours of one species in a row.
#[derive(Clone, Copy, Debug)]
struct Segment {
    species: [Species; 2],
    place: u32,
    start: u32,
    end: u32,
    pairs: u32,
}

/// Segments, near each other, of one pair of species: one function serves them all.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) species: [Species; 2],
    segments: Range<usize>,
}

impl Piece {
    /// The segments of a run: the place of the particle, and those of its neighbours.
    #[inline(always)]
    pub(crate) fn segments(&self, run: &Run) -> impl Iterator<Item = (usize, &[[u32; 4]])> {
        self.segments[run.segments.clone()].iter().map(|segment| {
            let neighbours = &self.neighbours[segment.start as usize..segment.end as usize];
            (segment.place as usize, neighbours)
        })
    }
}

/// The particles as a potential sees them: positions brought near each other by lattice translations, so
/// that the vector from `i` to its neighbour is a difference.
#[derive(Clone, Copy, Debug)]
pub struct Neighbourhood<'a, const D: usize> {
    places: &'a [Quad],
    species: &'a [Species],
    diameters: &'a [f64],
    list: &'a NeighbourList<D>,
    shared: bool,
}

impl<'a, const D: usize> Neighbourhood<'a, D> {
    /// The number of particles `N`.
    pub fn len(&self) -> usize {
        self.species.len()
    }

    /// Whether there are no particles.
    pub fn is_empty(&self) -> bool {
        self.species.is_empty()
    }

    /// The species of each particle.
    #[inline(always)]
    pub fn species(&self) -> &'a [Species] {
        self.species
    }

    /// The diameter of each particle; empty if the configuration has none.
    #[inline(always)]
    pub fn diameters(&self) -> &'a [f64] {
        self.diameters
    }

    /// The neighbours of one particle, as `(j, r_ij)` with `r_ij = x_j - x_i` to the image of `j`.
    ///
    /// Each pair appears once, at either of its particles. Pairs beyond the range of the potential appear
    /// too: the list is wider by its skin.
    #[inline(always)]
    pub fn of(&self, particle: usize) -> impl Iterator<Item = (usize, Vector<D>)> + 'a {
        let (list, places) = (self.list, self.places);
        let row = list.rows[particle] as usize;
        let piece = &list.pieces[row / list.rows_per_piece];
        let row = row % list.rows_per_piece;
        let places = &places[piece.window.start * quads(D)..];
        let owners = &list.owners[piece.window.start..];
        let origin = coordinates(places, piece.places[row]);
        let (start, end) = (piece.starts[row] as usize, piece.starts[row + 1] as usize);
        let neighbours = piece.neighbours[start..end].iter();
        let known = neighbours.flatten().filter(|&&place| place != NOBODY);
        known.map(move |&place| {
            let j = owners[place as usize] as usize;
            (j, subtract(&coordinates(places, place), &origin))
        })
    }

    /// The coordinates and the diameter at each place, if they fit into four numbers.
    pub(crate) fn places(&self) -> Option<&'a [Quad]> {
        (quads(D) == 1).then_some(self.places)
    }

    /// The places of some particles, one after the other, and where those of each start.
    pub(crate) fn copies(&self, particles: Range<usize>) -> (&'a [u32], &'a [u32]) {
        let starts = &self.list.copy_starts[particles.start..=particles.end];
        (&self.list.copies, starts)
    }

    /// Whether threads share the work on this neighbourhood.
    pub(crate) fn shared(&self) -> bool {
        self.shared
    }

    /// The pieces of the list.
    pub(crate) fn pieces(&self) -> &'a [Piece] {
        &self.list.pieces
    }
}

/// The coordinates at a place.
#[inline(always)]
fn coordinates<const D: usize>(places: &[Quad], place: u32) -> Vector<D> {
    let quads = &places[place as usize * quads(D)..][..quads(D)];
    std::array::from_fn(|k| quads[k / 4].0[k % 4])
}

impl<const D: usize> NeighbourList<D> {
    /// Finds all pairs within range with cell lists, in a time proportional to `N`.
    pub fn build(configuration: &Configuration<D>, ranges: &Ranges) -> Self {
        Self::build_shared(configuration, ranges, false)
    }

    fn build_shared(configuration: &Configuration<D>, ranges: &Ranges, shared: bool) -> Self {
        let bins = Bins::new(configuration, ranges.largest);
        let mut list = Self {
            owners: bins.owners.clone(),
            shifts: bins.shifts.clone(),
            copies: Vec::new(),
            copy_starts: Vec::new(),
            rows: vec![0; configuration.len()],
            rows_per_piece: rows_per_piece(configuration.len()),
            pieces: Vec::new(),
        };
        for (row, &place) in bins.rows.iter().enumerate() {
            list.rows[bins.owners[place as usize] as usize] = row as u32;
        }
        (list.copies, list.copy_starts) = bins.copies(configuration.len());
        let mut places = Vec::new();
        list.locate(configuration.positions(), &mut places, shared);
        let search = Search::new(configuration, ranges, &bins, &places);
        list.pieces = vec![Piece::default(); bins.rows.len().div_ceil(list.rows_per_piece)];
        each_part(shared, &mut list.pieces, 1, |number, piece| {
            let rows = &bins.rows[number * list.rows_per_piece..];
            let rows = &rows[..rows.len().min(list.rows_per_piece)];
            piece[0] = dispatch(SearchRows {
                search: &search,
                rows,
            });
        });
        list
    }

    /// The number of pairs in the list.
    pub fn pairs(&self) -> usize {
        let segments = self.pieces.iter().flat_map(|piece| &piece.segments);
        segments.map(|segment| segment.pairs as usize).sum()
    }

    /// Writes to `places` where the particles and their copies are.
    fn locate(&self, positions: &[Vector<D>], places: &mut Vec<Quad>, shared: bool) {
        places.resize(self.shifts.len(), Quad::default());
        each_part(shared, places, PART * quads(D), |start, places| {
            let places = places.chunks_exact_mut(quads(D));
            let places = places.zip(self.shifts[start..].chunks_exact(quads(D)));
            for ((place, shift), &owner) in places.zip(&self.owners[start / quads(D)..]) {
                let position = &positions[owner as usize];
                place.copy_from_slice(shift);
                for k in 0..D {
                    place[k / 4].0[k % 4] += position[k];
                }
            }
        });
    }
}

/// How many rows the pieces of a list of so many rows have.
fn rows_per_piece(rows: usize) -> usize {
    rows.div_ceil((rows / 1000).clamp(1, 32)).max(1)
}

/// What the rows of a list are found from.
struct Search<'a, const D: usize> {
    bins: &'a Bins<D>,
    places: &'a [Quad],
    /// The species of the particle at each place.
    species: Vec<Species>,
    /// The species that occur.
    kinds: Vec<Species>,
    /// For each species, its squared ranges with each of `kinds`, and the largest of them.
    squared_ranges: Vec<(Vec<f64>, f64)>,
    stencil: Vec<[i32; D]>,
}

impl<'a, const D: usize> Search<'a, D> {
    fn new(
        configuration: &Configuration<D>,
        ranges: &Ranges,
        bins: &'a Bins<D>,
        places: &'a [Quad],
    ) -> Self {
        let species = configuration.species();
        let mut occurs = [false; 256];
        for kind in species {
            occurs[kind.index()] = true;
        }
        let kinds: Vec<Species> = (0..=u8::MAX)
            .map(Species)
            .filter(|kind| occurs[kind.index()])
            .collect();
        let count = kinds.last().map_or(0, |kind| kind.index() + 1);
        let squared_ranges = (0..count).map(|first| {
            let row: Vec<f64> = kinds
                .iter()
                .map(|&second| ranges.squared(Species(first as u8), second))
                .collect();
            let largest = row.iter().copied().fold(0.0, f64::max);
            (row, largest)
        });
        let mut reach = bins.reach;
        reach[D - 1] = 0;
        Self {
            bins,
            places,
            species: bins.owners.iter().map(|&i| species[i as usize]).collect(),
            squared_ranges: squared_ranges.collect(),
            kinds,
            stencil: half_space(reach),
        }
    }

    #[inline(always)]
    fn piece<L: Lanes>(&self, lanes: L, rows: &[u32]) -> Piece {
        let origin = rows.first().map_or(0, |first| first - 1);
        let mut piece = Piece {
            places: rows.iter().map(|place| place - origin).collect(),
            starts: vec![0],
            neighbours: Vec::with_capacity(rows.len() * 12),
            ..Piece::default()
        };
        let (mut close, mut squares, mut of_kind) = (Vec::new(), Vec::new(), Vec::new());
        let mut ranges = Vec::new();
        let mut bin = u32::MAX;
        let mut last = 0;
        for block in rows.chunks(BLOCK) {
            let first_segment = piece.segments.len();
            for &place in block {
                let own_bin = self.bins.numbers[place as usize];
                if own_bin != bin {
                    bin = own_bin;
                    self.bins.later(bin, &self.stencil, &mut ranges);
                }
                ranges[0].start = place as usize + 1;
                let candidates: usize = ranges.iter().map(Range::len).sum();
                close.resize(candidates + 4, 0_u32);
                squares.resize(candidates + 4, 0.0_f64);
                let own = self.species[place as usize];
                let (limits, largest) = &self.squared_ranges[own.index()];
                let found = self.close(lanes, place, &ranges, *largest, &mut close, &mut squares);
                for (kind, &limit) in self.kinds.iter().zip(limits) {
                    of_kind.resize(of_kind.len().max(found + 4), 0);
                    let mut count = 0;
                    for (&other, &square) in close[..found].iter().zip(&squares[..found]) {
                        // Without a branch that the processor could mispredict.
                        of_kind[count] = other - origin;
                        let wanted = self.species[other as usize] == *kind && square < limit;
                        count += usize::from(wanted);
                    }
                    if count > 0 {
                        last = of_kind[..count].iter().copied().fold(last, u32::max);
                        of_kind[count..count + 3].fill(NOBODY);
                        let start = piece.neighbours.len();
                        let (fours, _) = of_kind[..count.next_multiple_of(4)].as_chunks();
                        piece.neighbours.extend(fours);
                        piece.segments.push(Segment {
                            species: [own, *kind],
                            place: place - origin,
                            start: start as u32,
                            end: piece.neighbours.len() as u32,
                            pairs: count as u32,
                        });
                    }
                }
                piece.starts.push(piece.neighbours.len() as u32);
                last = last.max(place - origin);
            }
            piece.segments[first_segment..].sort_by_key(|segment| segment.species);
            let mut start = first_segment;
            for run in piece.segments[first_segment..].chunk_by(|a, b| a.species == b.species) {
                piece.runs.push(Run {
                    species: run[0].species,
                    segments: start..start + run.len(),
                });
                start += run.len();
            }
        }
        let origin = origin as usize;
        piece.window = origin..origin + last as usize + 1;
        piece
    }

    /// Collects the places in some ranges that are closer to another than a limit.
    #[inline(always)]
    fn close<L: Lanes>(
        &self,
        lanes: L,
        place: u32,
        ranges: &[Range<usize>],
        limit: f64,
        close: &mut [u32],
        squares: &mut [f64],
    ) -> usize {
        let mut found = 0;
        if quads(D) > 1 {
            let origin = coordinates::<D>(self.places, place);
            for other in ranges.iter().cloned().flatten() {
                let r = subtract(&coordinates(self.places, other as u32), &origin);
                close[found] = other as u32;
                squares[found] = norm_squared(&r);
                found += usize::from(squares[found] < limit);
            }
            return found;
        }
        let origin = lanes.four(self.places[place as usize].0);
        let limits = lanes.splat(limit);
        for range in ranges {
            let mut first = range.start;
            let (fours, rest) = self.places[range.clone()].as_chunks::<4>();
            let mut last = [NOWHERE; 4];
            last[..rest.len()].copy_from_slice(rest);
            let groups = fours.iter().chain((!rest.is_empty()).then_some(&last));
            for group in groups {
                let vectors = group.map(|quad| lanes.subtract(lanes.four(quad.0), origin));
                let lengths = lanes.squared_lengths(vectors);
                let indices = std::array::from_fn(|lane| (first + lane) as u32);
                let (numbers, indices, count) = lanes.select_below(lengths, limits, indices);
                if let (Some(close), Some(squares)) = (
                    close[found..].first_chunk_mut(),
                    squares[found..].first_chunk_mut(),
                ) {
                    (*close, *squares) = (indices, numbers);
                }
                found += count;
                first += 4;
            }
        }
        found
    }
}

/// The rows of one piece.
struct SearchRows<'a, const D: usize> {
    search: &'a Search<'a, D>,
    rows: &'a [u32],
}

impl<const D: usize> Task for SearchRows<'_, D> {
    type Output = Piece;
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Piece {
        self.search.piece(lanes, self.rows)
    }
}

/// A neighbour list with a skin, rebuilt exactly when a pair could have come into range unnoticed.
///
/// The list reaches `range + skin`. It stays valid while the two largest displacements since it was built
/// add up to less than the skin and neither the cell nor a species has changed.
#[derive(Clone, Debug)]
pub struct VerletList<const D: usize> {
    ranges: Ranges,
    skin: f64,
    built: Option<Built<D>>,
    places: Vec<Quad>,
    builds: u64,
}

#[derive(Clone, Debug)]
struct Built<const D: usize> {
    cell: Cell<D>,
    species: Vec<Species>,
    diameters: Vec<f64>,
    reference: Vec<Vector<D>>,
    list: NeighbourList<D>,
}

impl<const D: usize> VerletList<D> {
    /// A list that will hold all pairs within range, and reach further by `skin`.
    pub fn new(ranges: Ranges, skin: f64) -> Self {
        Self {
            ranges,
            skin,
            built: None,
            places: Vec::new(),
            builds: 0,
        }
    }

    /// How often the list was built.
    pub fn builds(&self) -> u64 {
        self.builds
    }

    /// Forgets the list, so that the next use builds it: the state of a run is then its positions alone.
    pub fn reset(&mut self) {
        self.built = None;
    }

    /// The neighbourhood at a configuration, with a new list if the old one is no longer valid.
    pub fn update<'a>(&'a mut self, configuration: &'a Configuration<D>) -> Neighbourhood<'a, D> {
        self.update_shared(configuration, false)
    }

    /// As [`VerletList::update`], by the threads of the pool in which it is called.
    pub(crate) fn update_shared<'a>(
        &'a mut self,
        configuration: &'a Configuration<D>,
        shared: bool,
    ) -> Neighbourhood<'a, D> {
        if self.is_stale(configuration) {
            self.builds += 1;
            self.built = None;
        }
        let diameters = configuration.diameters().unwrap_or_default();
        let built = self.built.get_or_insert_with(|| Built {
            cell: *configuration.cell(),
            species: configuration.species().to_vec(),
            diameters: diameters.to_vec(),
            reference: configuration.positions().to_vec(),
            list: NeighbourList::build_shared(
                configuration,
                &self.ranges.widened(self.skin),
                shared,
            ),
        });
        built
            .list
            .locate(configuration.positions(), &mut self.places, shared);
        Neighbourhood {
            places: &self.places,
            species: configuration.species(),
            diameters,
            list: &built.list,
            shared,
        }
    }

    fn is_stale(&self, configuration: &Configuration<D>) -> bool {
        let Some(built) = &self.built else {
            return true;
        };
        if built.cell != *configuration.cell()
            || built.species != configuration.species()
            || built.diameters != configuration.diameters().unwrap_or_default()
        {
            return true;
        }
        let (mut largest, mut second) = (0.0_f64, 0.0_f64);
        for (position, reference) in configuration.positions().iter().zip(&built.reference) {
            let moved = norm_squared(&subtract(position, reference));
            let lesser = if moved < largest { moved } else { largest };
            second = if lesser > second { lesser } else { second };
            largest = if moved > largest { moved } else { largest };
        }
        largest.sqrt() + second.sqrt() >= self.skin
    }
}

/// Particles sorted into bins that are about half as wide as the range wherever the cell allows, and copies of
/// those that are seen through the faces of the cell.
///
/// The bins go on beyond the cell as far as the range reaches, except below it along the first direction: the
/// neighbours of a particle are looked for in later bins only, so that each pair is found once. Bins that follow
/// each other in the last direction are one range of places.
struct Bins<const D: usize> {
    /// How many bins the range reaches to each side.
    reach: [i32; D],
    /// By how much the number of the bin grows with each coordinate.
    strides: [i32; D],
    /// Where the places of each bin start, and where the last one ends.
    starts: Vec<u32>,
    /// The bin of each place.
    numbers: Vec<u32>,
    /// The particle at each place.
    owners: Vec<u32>,
    /// What brings it there from its position, and its diameter.
    shifts: Vec<Quad>,
    /// The places that are no copies.
    rows: Vec<u32>,
}

impl<const D: usize> Bins<D> {
    fn new(configuration: &Configuration<D>, range: f64) -> Self {
        let cell = configuration.cell();
        let heights = cell.heights();
        // No more bins than particles: a dilute system needs no more, and memory stays bounded.
        let most = (configuration.len() as f64).powf(1.0 / D as f64).ceil() as i32;
        let counts: [i32; D] = heights.map(|height| ((2.0 * height / range) as i32).clamp(1, most));
        let reach: [i32; D] = std::array::from_fn(|k| {
            (range * f64::from(counts[k]) / heights[k]).ceil().max(1.0) as i32
        });
        let stride = |counts: &[i32; D], k: usize| counts[k + 1..].iter().product::<i32>();

        // The particles of the bins inside the cell.
        let mut offsets = Vec::with_capacity(configuration.len());
        let mut inside = Vec::with_capacity(configuration.len());
        for position in configuration.positions() {
            let fractional = cell.fractional(position);
            let offset: [i32; D] = fractional.map(|f| f.floor() as i32);
            let number: i32 = (0..D)
                .map(|k| {
                    let part = fractional[k] - f64::from(offset[k]);
                    let coordinate = (part * f64::from(counts[k])) as i32;
                    coordinate.clamp(0, counts[k] - 1) * stride(&counts, k)
                })
                .sum();
            offsets.push(offset);
            inside.push(number as usize);
        }
        let mut ends = vec![0; counts.iter().product::<i32>() as usize + 1];
        for &bin in &inside {
            ends[bin + 1] += 1;
        }
        for bin in 1..ends.len() {
            ends[bin] += ends[bin - 1];
        }
        let mut next = ends.clone();
        let mut members = vec![0; inside.len()];
        for (particle, &bin) in inside.iter().enumerate() {
            members[next[bin]] = particle;
            next[bin] += 1;
        }

        let below: [i32; D] = std::array::from_fn(|k| if k == 0 { 0 } else { reach[k] });
        let all: [i32; D] = std::array::from_fn(|k| below[k] + counts[k] + reach[k]);
        let diameters = configuration.diameters();
        let rows_per_piece = rows_per_piece(configuration.len());
        let mut bins = Self {
            reach,
            strides: std::array::from_fn(|k| stride(&all, k)),
            starts: vec![0],
            numbers: Vec::new(),
            owners: Vec::new(),
            shifts: Vec::new(),
            rows: Vec::with_capacity(configuration.len()),
        };
        for number in 0..all.iter().product::<i32>() {
            let coordinates: [i32; D] =
                std::array::from_fn(|k| number / bins.strides[k] % all[k] - below[k]);
            let image: [i32; D] = std::array::from_fn(|k| coordinates[k].div_euclid(counts[k]));
            let original: i32 = (0..D)
                .map(|k| coordinates[k].rem_euclid(counts[k]) * stride(&counts, k))
                .sum();
            let original = original as usize;
            for &particle in &members[ends[original]..ends[original + 1]] {
                if image == [0; D] {
                    if bins.rows.len().is_multiple_of(rows_per_piece) {
                        // The window of a piece starts with nobody; the particle is any that exists.
                        bins.owners.push(0);
                        bins.numbers.push(number as u32);
                        bins.shifts.extend(std::iter::repeat_n(NOWHERE, quads(D)));
                    }
                    bins.rows.push(bins.owners.len() as u32);
                }
                let offset = offsets[particle];
                let translation = cell.translation(&std::array::from_fn(|k| image[k] - offset[k]));
                let start = bins.shifts.len();
                bins.shifts.resize(start + quads(D), Quad::default());
                let shift = &mut bins.shifts[start..];
                for k in 0..D {
                    shift[k / 4].0[k % 4] = translation[k];
                }
                // After the coordinates, last of all.
                shift[quads(D) - 1].0[3] = diameters.map_or(0.0, |diameters| diameters[particle]);
                bins.owners.push(particle as u32);
                bins.numbers.push(number as u32);
            }
            bins.starts.push(bins.owners.len() as u32);
        }
        bins
    }

    /// The places of each particle, in order, and where those of each start.
    fn copies(&self, particles: usize) -> (Vec<u32>, Vec<u32>) {
        let somebody = || {
            let owners = self.owners.iter().zip(self.shifts.chunks_exact(quads(D)));
            let all = owners.enumerate();
            all.filter(|(_, (_, shift))| shift[0] != NOWHERE)
        };
        let mut starts = vec![0_u32; particles + 1];
        for (_, (&owner, _)) in somebody() {
            starts[owner as usize + 1] += 1;
        }
        for particle in 0..particles {
            starts[particle + 1] += starts[particle];
        }
        let mut next = starts.clone();
        let mut copies = vec![0; starts[particles] as usize];
        for (place, (&owner, _)) in somebody() {
            let slot = &mut next[owner as usize];
            copies[*slot as usize] = place as u32;
            *slot += 1;
        }
        (copies, starts)
    }

    /// The places in a bin and in later ones within reach; the first range starts with the bin itself.
    fn later(&self, bin: u32, stencil: &[[i32; D]], ranges: &mut Vec<Range<usize>>) {
        ranges.clear();
        let along = self.reach[D - 1];
        for (number, offset) in stencil.iter().enumerate() {
            let beside: i32 = (0..D).map(|k| offset[k] * self.strides[k]).sum();
            let middle = bin as i32 + beside;
            let first = if number == 0 { middle } else { middle - along };
            let [start, end] =
                [first, middle + along + 1].map(|bin| self.starts[bin as usize] as usize);
            ranges.push(start..end);
        }
    }
}

/// All integer vectors with `|n_k| <= reach_k`, in lexicographic order.
fn box_of_integers<const D: usize>(reach: [i32; D]) -> Vec<[i32; D]> {
    let mut all = vec![[0; D]];
    for k in 0..D {
        all = all
            .into_iter()
            .flat_map(|vector| {
                (-reach[k]..=reach[k]).map(move |n| {
                    let mut extended = vector;
                    extended[k] = n;
                    extended
                })
            })
            .collect();
    }
    all
}

/// Zero and one of each pair `+-n` of the integer vectors in a box.
fn half_space<const D: usize>(reach: [i32; D]) -> Vec<[i32; D]> {
    box_of_integers(reach)
        .into_iter()
        .filter(|vector| *vector >= [0; D])
        .collect()
}

/// All pairs closer than `range` by looking at every pair and every image: O(N^2), obvious, for tests.
///
/// Returns `(i, j, r_ij)`, each pair once, `i <= j`; pairs of a particle with its own image have `i = j`.
pub fn brute_force_pairs<const D: usize>(
    configuration: &Configuration<D>,
    range: f64,
) -> Vec<(usize, usize, Vector<D>)> {
    let cell = configuration.cell();
    let positions = configuration.wrapped_positions();
    // Wrapped positions differ by less than one cell: one image more than the range reaches is enough.
    let images = box_of_integers(cell.reach(range).map(|reach| reach + 1));
    let mut pairs = Vec::new();
    for i in 0..positions.len() {
        for j in i..positions.len() {
            for image in &images {
                if i == j && *image <= [0; D] {
                    continue;
                }
                let r = subtract(&add(&positions[j], &cell.translation(image)), &positions[i]);
                if norm_squared(&r) < range * range {
                    pairs.push((i, j, r));
                }
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use crate::vector::Matrix;
    use proptest::prelude::*;
    use rand::RngExt;

    fn random<const D: usize>(vectors: Matrix<D>, particles: usize, seed: u64) -> Configuration<D> {
        let cell = Cell::triclinic(vectors).unwrap();
        let mut random = Seed(seed).stream("test", &[]);
        let positions = (0..particles)
            .map(|_| cell.cartesian(&std::array::from_fn(|_| random.random_range(-2.0..3.0))))
            .collect();
        Configuration::new(cell, positions, vec![Species(0); particles]).unwrap()
    }

    /// Pairs as sorted text-free keys: order within a pair and in the list does not matter.
    fn sorted<const D: usize>(
        pairs: Vec<(usize, usize, Vector<D>)>,
    ) -> Vec<(usize, usize, Vector<D>)> {
        let mut pairs: Vec<_> = pairs
            .into_iter()
            .map(|(i, j, r)| {
                let flip = i > j || (i == j && r < [0.0; D]);
                if flip {
                    (j, i, r.map(|c| -c))
                } else {
                    (i, j, r)
                }
            })
            .collect();
        pairs.sort_by(|a, b| a.partial_cmp(b).unwrap());
        pairs
    }

    fn listed<const D: usize>(
        configuration: &Configuration<D>,
        range: f64,
    ) -> Vec<(usize, usize, Vector<D>)> {
        let mut list = VerletList::new(Ranges::uniform(range), 0.0);
        let around = list.update(configuration);
        (0..around.len())
            .flat_map(|i| around.of(i).map(move |(j, r)| (i, j, r)))
            .collect()
    }

    fn assert_same<const D: usize>(configuration: &Configuration<D>, range: f64) {
        let (fast, slow) = (
            sorted(listed(configuration, range)),
            sorted(brute_force_pairs(configuration, range)),
        );
        assert_eq!(fast.len(), slow.len());
        for (a, b) in fast.iter().zip(&slow) {
            assert_eq!((a.0, a.1), (b.0, b.1));
            for k in 0..D {
                assert!((a.2[k] - b.2[k]).abs() < 1e-12);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Any shape of cell, any range from a fraction of the cell to several cells.
        #[test]
        fn lists_equal_brute_force(
            lengths in proptest::array::uniform3(2.0..7.0_f64),
            tilts in proptest::array::uniform3(-3.0..3.0_f64),
            particles in 1..40_usize,
            range in 0.5..6.0_f64,
            seed in any::<u64>(),
        ) {
            let vectors = [
                [lengths[0], 0.0, 0.0],
                [tilts[0], lengths[1], 0.0],
                [tilts[1], tilts[2], lengths[2]],
            ];
            assert_same(&random::<3>(vectors, particles, seed), range);
            assert_same(&random::<2>([[lengths[0], 0.2], [tilts[0], lengths[1]]], particles, seed), range);
        }

        /// After any moves the list is as good as a new one.
        #[test]
        fn verlet_lists_never_miss_a_pair(seed in any::<u64>(), step in 0.001..0.2_f64) {
            let mut configuration = random::<3>([[6.0, 0.0, 0.0], [1.0, 6.0, 0.0], [0.0, -1.0, 7.0]], 60, seed);
            let mut verlet = VerletList::new(Ranges::uniform(1.5), 0.3);
            let mut random = Seed(seed).stream("moves", &[]);
            for _ in 0..10 {
                for position in configuration.positions_mut() {
                    for component in position.iter_mut() {
                        *component += step * random.random_range(-1.0..1.0);
                    }
                }
                let around = verlet.update(&configuration);
                let close = (0..around.len())
                    .flat_map(|i| around.of(i))
                    .filter(|(_, r)| norm_squared(r) < 1.5 * 1.5)
                    .count();
                prop_assert_eq!(close, brute_force_pairs(&configuration, 1.5).len());
            }
        }
    }

    #[test]
    fn a_list_is_rebuilt_only_when_needed() {
        let mut configuration = random::<2>([[8.0, 0.0], [0.0, 8.0]], 30, 5);
        let mut verlet = VerletList::new(Ranges::uniform(1.5), 0.4);
        verlet.update(&configuration);
        configuration.positions_mut()[3][0] += 0.25;
        verlet.update(&configuration);
        assert_eq!(verlet.builds(), 1);
        // A second particle moves: together they could close a gap of 0.25 + 0.2 > 0.4.
        configuration.positions_mut()[4][1] -= 0.2;
        verlet.update(&configuration);
        assert_eq!(verlet.builds(), 2);
        let sheared = configuration.deformed(&[[1.0, 1e-6], [0.0, 1.0]]).unwrap();
        verlet.update(&sheared);
        assert_eq!(verlet.builds(), 3);
    }
}
