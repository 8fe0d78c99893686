//! Particles and their copies, sorted in space.

use super::{NOWHERE, quads};
use crate::configuration::{Configuration, Species};
use crate::lanes::Quad;
use crate::threads::{PART, each_part};
use crate::vector::Vector;
use std::cmp::Ordering;
use std::ops::Range;

/// Particles sorted into bins, and copies of those that are seen through the faces of the cell: each has a *place*.
///
/// Bins form columns along the last direction. A column has a line of bins for each species, one line after the
/// other, so that its particles of one species within reach are one range of places. Columns go on beyond the
/// cell as far as the range reaches, except below it along the first direction: the neighbours of a particle are
/// looked for in later places only, so that each pair is found once.
#[derive(Clone, Debug)]
pub(super) struct Bins<const D: usize> {
    /// The species that occur.
    pub(super) kinds: Vec<Species>,
    /// How many bins the range reaches to each side.
    reach: [i32; D],
    /// By how much the number of the column grows with each coordinate; not with the last.
    strides: [i32; D],
    /// How many bins a line has.
    along: u32,
    /// Where the places of each bin start, and where the last one ends.
    starts: Vec<u32>,
    /// The bin of each place: `(column kinds + kind) along + coordinate`.
    numbers: Vec<u32>,
    /// The particle at each place.
    pub(super) owners: Vec<u32>,
    /// What brings it there from its position: a lattice translation; and its diameter.
    shifts: Vec<Quad>,
    /// The places that are no copies.
    rows: Vec<u32>,
    rows_per_piece: usize,
    /// The row of each particle.
    row_of: Vec<u32>,
    /// The places of each particle, in order, and where they start in `copies`.
    pub(super) copies: Vec<u32>,
    pub(super) copy_starts: Vec<u32>,
}

impl<const D: usize> Bins<D> {
    /// Bins of nothing.
    pub(super) fn new() -> Self {
        Self {
            kinds: Vec::new(),
            reach: [0; D],
            strides: [0; D],
            along: 0,
            starts: Vec::new(),
            numbers: Vec::new(),
            owners: Vec::new(),
            shifts: Vec::new(),
            rows: Vec::new(),
            rows_per_piece: 1,
            row_of: Vec::new(),
            copies: Vec::new(),
            copy_starts: Vec::new(),
        }
    }

    /// Sorts the particles of a configuration into bins for a range, in the memory of what was there before.
    pub(super) fn sort(&mut self, configuration: &Configuration<D>, range: f64) {
        let cell = configuration.cell();
        let particles = configuration.len();
        self.kinds.clear();
        self.kinds.extend(configuration.species());
        self.kinds.sort_unstable();
        self.kinds.dedup();
        // Columns as wide as the range, bins half as long: fewer candidates in narrower columns would be in more ranges
        // of places, which costs as much. No more bins than particles: a dilute system needs no more, and memory
        // stays bounded.
        let heights = cell.heights();
        let most = (particles as f64).powf(1.0 / D as f64).ceil() as i32;
        let counts: [i32; D] = std::array::from_fn(|k| {
            let in_range = if k + 1 < D { 1.0 } else { 2.0 };
            ((in_range * heights[k] / range) as i32).clamp(1, most)
        });
        self.reach = std::array::from_fn(|k| {
            (range * f64::from(counts[k]) / heights[k]).ceil().max(1.0) as i32
        });

        let inside = Inside::new(configuration, counts, &self.kinds);
        self.lay_out(configuration, &inside);
        self.row_of.resize(particles, 0);
        for (row, &place) in self.rows.iter().enumerate() {
            self.row_of[self.owners[place as usize] as usize] = row as u32;
        }
        let shifts = self.shifts.chunks_exact(quads(D));
        let owners = self.owners.iter().copied().zip(shifts);
        let somebody = owners
            .zip(0..)
            .filter(|((_, shift), _)| shift[0] != NOWHERE);
        let places = somebody.map(|((owner, _), place)| (owner, place));
        gather(particles, places, &mut self.copy_starts, &mut self.copies);
    }

    /// Gives places to particles and copies.
    fn lay_out(&mut self, configuration: &Configuration<D>, inside: &Inside<D>) {
        let (cell, diameters) = (configuration.cell(), configuration.diameters());
        let counts = inside.counts;
        let kinds = self.kinds.len();
        // Nothing is looked for below the column of a particle, but along it on both sides.
        let reach = self.reach;
        let below: [i32; D] = std::array::from_fn(|k| if k == 0 && D > 1 { 0 } else { reach[k] });
        let all: [i32; D] = std::array::from_fn(|k| below[k] + counts[k] + reach[k]);
        self.strides = column_strides(&all);
        self.along = all[D - 1] as u32;
        self.rows_per_piece = rows_per_piece(configuration.len());
        self.starts.clear();
        self.starts.push(0);
        self.numbers.clear();
        self.owners.clear();
        self.shifts.clear();
        self.rows.clear();
        let along: Vec<(i32, i32)> = (0..all[D - 1])
            .map(|step| {
                let coordinate = step - below[D - 1];
                let inner = coordinate.rem_euclid(counts[D - 1]);
                (coordinate.div_euclid(counts[D - 1]), inner)
            })
            .collect();
        let columns: i32 = all[..D - 1].iter().product();
        for column in 0..columns {
            let coordinates: [i32; D] =
                std::array::from_fn(|k| column / self.strides[k].max(1) % all[k] - below[k]);
            let mut image: [i32; D] = std::array::from_fn(|k| coordinates[k].div_euclid(counts[k]));
            let mut inner: [i32; D] = std::array::from_fn(|k| coordinates[k].rem_euclid(counts[k]));
            for kind in 0..kinds {
                for &(image_along, inner_along) in &along {
                    image[D - 1] = image_along;
                    inner[D - 1] = inner_along;
                    let is_row = image == [0; D];
                    let number = self.starts.len() as u32 - 1;
                    for &particle in inside.members(&inner, kind) {
                        let owner = particle as usize;
                        if is_row {
                            if self.rows.len().is_multiple_of(self.rows_per_piece) {
                                // The window of a piece starts with nobody; the particle is any that exists.
                                self.owners.push(0);
                                self.numbers.push(number);
                                self.shifts.extend([NOWHERE; 4].iter().take(quads(D)));
                            }
                            self.rows.push(self.owners.len() as u32);
                        }
                        let offset = inside.offsets[owner];
                        let steps = std::array::from_fn(|k| image[k] - offset[k]);
                        let diameter = diameters.map_or(0.0, |diameters| diameters[owner]);
                        self.shifts
                            .extend(shift(&cell.translation(&steps), diameter));
                        self.owners.push(particle);
                        self.numbers.push(number);
                    }
                    self.starts.push(self.owners.len() as u32);
                }
            }
        }
    }

    /// Writes to `places` where the particles and their copies are.
    pub(super) fn locate(&self, positions: &[Vector<D>], places: &mut Vec<Quad>, shared: bool) {
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

    /// The piece of a particle's row, and the number of the row in the piece.
    #[inline(always)]
    pub(super) fn row(&self, particle: usize) -> (usize, usize) {
        let row = self.row_of[particle] as usize;
        (row / self.rows_per_piece, row % self.rows_per_piece)
    }

    /// The particles of all rows.
    pub(super) fn particles(&self) -> impl Iterator<Item = usize> {
        self.rows
            .iter()
            .map(|&place| self.owners[place as usize] as usize)
    }

    /// The number of pieces.
    pub(super) fn pieces(&self) -> usize {
        self.rows.len().div_ceil(self.rows_per_piece)
    }

    /// The places of the rows of a piece.
    pub(super) fn rows(&self, piece: usize) -> &[u32] {
        let rows = &self.rows[piece * self.rows_per_piece..];
        &rows[..rows.len().min(self.rows_per_piece)]
    }

    /// The bin of a place.
    pub(super) fn bin(&self, place: u32) -> u32 {
        self.numbers[place as usize]
    }

    /// The line of a bin.
    pub(super) fn line(&self, bin: u32) -> u32 {
        bin / self.along
    }

    /// The species of a line, by its number in `kinds`.
    pub(super) fn kind(&self, line: u32) -> usize {
        line as usize % self.kinds.len()
    }

    /// By how much the numbers of later columns within reach are larger than that of a column.
    pub(super) fn later_columns(&self) -> Vec<i32> {
        let mut reach = self.reach;
        reach[D - 1] = 0;
        let offsets = super::box_of_integers(reach).into_iter();
        let later = offsets.filter(|offset| *offset > [0; D]);
        later.map(|offset| dot(&offset, &self.strides)).collect()
    }

    /// Visits the ranges of places of one species within reach of a bin in later columns, and returns that in its own
    /// column: there a particle looks for species after its own, and for its own from the bin on.
    #[inline(always)]
    pub(super) fn later(
        &self,
        bin: u32,
        kind: usize,
        columns: &[i32],
        mut visit: impl FnMut(Range<u32>),
    ) -> Range<u32> {
        let (line, coordinate) = (self.line(bin), bin % self.along);
        let (column, own) = (line as usize / self.kinds.len(), self.kind(line));
        let reach = self.reach[D - 1] as u32;
        let range = |column: usize, first: u32| {
            let line = (column * self.kinds.len() + kind) * self.along as usize;
            let starts = &self.starts[line..];
            starts[first as usize]..starts[(coordinate + reach + 1) as usize]
        };
        for beside in columns {
            let column = (column as i32 + beside) as usize;
            visit(range(column, coordinate - reach));
        }
        match kind.cmp(&own) {
            Ordering::Less => 0..0,
            Ordering::Equal => range(column, coordinate),
            Ordering::Greater => range(column, coordinate - reach),
        }
    }
}

/// The particles of the bins inside the cell.
struct Inside<const D: usize> {
    counts: [i32; D],
    strides: [i32; D],
    kinds: usize,
    /// What brings each particle into the cell, in lattice vectors.
    offsets: Vec<[i32; D]>,
    /// Where the members of each bin start, and where those of the last one end.
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl<const D: usize> Inside<D> {
    fn new(configuration: &Configuration<D>, counts: [i32; D], kinds: &[Species]) -> Self {
        let particles = configuration.len();
        let mut kind_of = [0; 256];
        for (number, kind) in kinds.iter().enumerate() {
            kind_of[kind.index()] = number;
        }
        let bins = counts.iter().product::<i32>() as usize * kinds.len();
        let mut inside = Self {
            counts,
            strides: column_strides(&counts),
            kinds: kinds.len(),
            offsets: Vec::with_capacity(particles),
            starts: Vec::new(),
            members: Vec::new(),
        };
        let mut bin_of = Vec::with_capacity(particles);
        let positions = configuration.positions().iter();
        for (position, kind) in positions.zip(configuration.species()) {
            let fractional = configuration.cell().fractional(position);
            let offset: [i32; D] = fractional.map(|f| f.floor() as i32);
            let coordinates = std::array::from_fn(|k| {
                let part = fractional[k] - f64::from(offset[k]);
                ((part * f64::from(counts[k])) as i32).clamp(0, counts[k] - 1)
            });
            let bin = inside.bin(&coordinates, kind_of[kind.index()]);
            inside.offsets.push(offset);
            bin_of.push(bin as u32);
        }
        let particles = bin_of.iter().copied().zip(0..);
        gather(bins, particles, &mut inside.starts, &mut inside.members);
        inside
    }

    fn bin(&self, coordinates: &[i32; D], kind: usize) -> usize {
        let column = dot(coordinates, &self.strides) as usize;
        let line = column * self.kinds + kind;
        line * self.counts[D - 1] as usize + coordinates[D - 1] as usize
    }

    fn members(&self, coordinates: &[i32; D], kind: usize) -> &[u32] {
        let bin = self.bin(coordinates, kind);
        &self.members[self.starts[bin] as usize..self.starts[bin + 1] as usize]
    }
}

/// Sorts members by their groups, in the order in which they come: where those of each group start, and where those
/// of the last one end.
fn gather(
    groups: usize,
    members: impl Iterator<Item = (u32, u32)> + Clone,
    starts: &mut Vec<u32>,
    sorted: &mut Vec<u32>,
) {
    starts.clear();
    starts.resize(groups + 1, 0);
    for (group, _) in members.clone() {
        starts[group as usize + 1] += 1;
    }
    for group in 0..groups {
        starts[group + 1] += starts[group];
    }
    let mut next = starts.clone();
    sorted.resize(starts[groups] as usize, 0);
    for (group, member) in members {
        let slot = &mut next[group as usize];
        sorted[*slot as usize] = member;
        *slot += 1;
    }
}

/// How many rows the pieces of a list of so many rows have.
fn rows_per_piece(rows: usize) -> usize {
    rows.div_ceil((rows / 1000).clamp(1, 32)).max(1)
}

/// By how much the number of a column grows with each coordinate; it does not with the last.
fn column_strides<const D: usize>(counts: &[i32; D]) -> [i32; D] {
    let mut strides = [0; D];
    let mut stride = 1;
    for k in (0..D - 1).rev() {
        strides[k] = stride;
        stride *= counts[k];
    }
    strides
}

fn dot<const D: usize>(a: &[i32; D], b: &[i32; D]) -> i32 {
    (0..D).map(|k| a[k] * b[k]).sum()
}

/// A translation in blocks of four numbers, with the diameter after the coordinates, last of all.
fn shift<const D: usize>(translation: &Vector<D>, diameter: f64) -> impl Iterator<Item = Quad> {
    (0..quads(D)).map(move |quad| {
        Quad(std::array::from_fn(|number| {
            let k = 4 * quad + number;
            match k.cmp(&(4 * quads(D) - 1)) {
                Ordering::Equal => diameter,
                _ if k < D => translation[k],
                _ => 0.0,
            }
        }))
    })
}
