//! When to look for neighbours again.

use super::bins::Bins;
use super::search::{Search, SearchRows};
use super::segments::{Piece, Prune};
use super::{NOWHERE, Neighbourhood, Ranges, Work, quads};
use crate::cell::Cell;
use crate::configuration::{Configuration, Species};
use crate::lanes::{Quad, dispatch};
use crate::threads::{PART, each_part, look_at_parts};
use crate::vector::{Vector, two_largest_distances};

/// A neighbour list with a skin, rebuilt exactly when a pair could have come into range unnoticed.
///
/// There are two lists. The wide one reaches `range + skin`; it is found from bins. The close one is chosen from it and
/// reaches less far, so that forces meet few pairs out of range; to choose again costs about as much as the forces
/// themselves, to build several times that. Either list stays valid while the two largest displacements since it
/// was made add up to less than its skin and neither the cell nor a species has changed.
#[derive(Clone, Debug)]
pub struct VerletList<const D: usize> {
    ranges: Ranges,
    close_ranges: Ranges,
    skin: f64,
    close_skin: f64,
    built: Option<Built<D>>,
    is_valid: bool,
    places: Vec<Quad>,
    builds: u64,
}

#[derive(Clone, Debug)]
struct Built<const D: usize> {
    cell: Cell<D>,
    species: Vec<Species>,
    diameters: Vec<f64>,
    /// Where particles were when the wide list was made.
    reference: Vec<Vector<D>>,
    /// Where they were when the close list was made.
    close_reference: Vec<Vector<D>>,
    bins: Bins<D>,
    pieces: Vec<Piece>,
}

impl<const D: usize> VerletList<D> {
    /// The skin of the close list in units of that of the wide one.
    const CLOSE: f64 = 0.2;

    /// A list that will hold all pairs within range, and reach further by `skin`.
    pub fn new(ranges: &Ranges, skin: f64) -> Self {
        let close_skin = Self::CLOSE * skin;
        Self {
            close_ranges: ranges.widened(close_skin),
            ranges: ranges.widened(skin),
            skin,
            close_skin,
            built: None,
            is_valid: false,
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
        self.is_valid = false;
    }

    /// Whether the list was made for these particles in this cell, wherever they were.
    pub(crate) fn knows(&self, configuration: &Configuration<D>) -> bool {
        self.built_for(configuration).is_some()
    }

    fn built_for(&self, configuration: &Configuration<D>) -> Option<&Built<D>> {
        self.built.as_ref().filter(|built| {
            self.is_valid
                && built.cell == *configuration.cell()
                && built.species == configuration.species()
                && built.diameters == configuration.diameters().unwrap_or_default()
        })
    }

    /// The neighbourhood at a configuration, with a new list if the old one is no longer valid.
    pub fn update<'a>(&'a mut self, configuration: &'a Configuration<D>) -> Neighbourhood<'a, D> {
        self.update_for(configuration, Work::default())
    }

    /// As [`VerletList::update`], by the threads of the pool in which it is called if work is shared.
    pub(crate) fn update_for<'a>(
        &'a mut self,
        configuration: &'a Configuration<D>,
        work: Work,
    ) -> Neighbourhood<'a, D> {
        let shared = work.shared;
        let positions = configuration.positions();
        let valid = self.built_for(configuration);
        let is_close = valid.is_some_and(|built| {
            moved(positions, &built.close_reference, shared) < self.close_skin
        });
        let is_wide = is_close
            || valid.is_some_and(|built| {
                moved(positions, &built.reference, shared) + self.close_skin < self.skin
            });
        let built = self.built.get_or_insert_with(|| Built::new(configuration));
        if is_wide {
            built.bins.locate(positions, &mut self.places, shared);
        } else {
            self.builds += 1;
            self.is_valid = true;
            built.find(configuration, &self.ranges, &mut self.places, shared);
        }
        if !is_close {
            built.choose(positions, &self.close_ranges, &self.places, shared);
        }
        Neighbourhood {
            places: &self.places,
            species: configuration.species(),
            diameters: configuration.diameters().unwrap_or_default(),
            bins: &built.bins,
            pieces: &built.pieces,
            work,
        }
    }
}

impl<const D: usize> Built<D> {
    /// Lists of nothing.
    fn new(configuration: &Configuration<D>) -> Self {
        Self {
            cell: *configuration.cell(),
            species: Vec::new(),
            diameters: Vec::new(),
            reference: Vec::new(),
            close_reference: Vec::new(),
            bins: Bins::new(),
            pieces: Vec::new(),
        }
    }

    /// Makes the wide list, and the places that go with it.
    fn find(
        &mut self,
        configuration: &Configuration<D>,
        ranges: &Ranges,
        places: &mut Vec<Quad>,
        shared: bool,
    ) {
        let positions = configuration.positions();
        self.cell = *configuration.cell();
        copy(&mut self.species, configuration.species());
        copy(
            &mut self.diameters,
            configuration.diameters().unwrap_or_default(),
        );
        copy(&mut self.reference, positions);
        self.bins.sort(configuration, ranges.largest);
        self.bins.locate(positions, places, shared);
        // A group of four may start at the last place.
        let somewhere = places.len();
        places.extend([NOWHERE; 3]);
        let (bins, search) = (&self.bins, Search::new(ranges, &self.bins, places));
        self.pieces.resize(bins.pieces(), Piece::default());
        each_part(shared, &mut self.pieces, 1, |number, piece| {
            dispatch(SearchRows {
                search: &search,
                rows: bins.rows(number),
                piece: &mut piece[0],
            });
        });
        places.truncate(somewhere);
    }

    /// Chooses the close list from the wide one.
    fn choose(&mut self, positions: &[Vector<D>], ranges: &Ranges, places: &[Quad], shared: bool) {
        copy(&mut self.close_reference, positions);
        each_part(shared, &mut self.pieces, 1, |_, piece| {
            let piece = &mut piece[0];
            let [start, end] = [piece.window.start, piece.window.end].map(|place| place * quads(D));
            dispatch(Prune::<D> {
                piece,
                places: &places[start..end],
                ranges,
            });
        });
    }
}

/// Makes a vector equal to a slice, in the memory that it has.
fn copy<T: Copy>(to: &mut Vec<T>, from: &[T]) {
    to.clear();
    to.extend_from_slice(from);
}

/// The sum of the two largest displacements: no pair has come closer by more.
fn moved<const D: usize>(positions: &[Vector<D>], reference: &[Vector<D>], shared: bool) -> f64 {
    let found = look_at_parts(shared, positions, PART, |start, part| {
        two_largest_distances(part, &reference[start..])
    });
    let [mut largest, mut second] = [0.0_f64; 2];
    for distance in found.into_iter().flatten() {
        second = second.max(distance.min(largest));
        largest = largest.max(distance);
    }
    largest + second
}
