//! Which particles are close: cell lists, Verlet lists, and the brute-force twin that tests them.
//!
//! Every pair within range is found once for each of its periodic images within range, in cells of any
//! shape and size: in a cell smaller than twice the range the same two particles can be neighbours through
//! several images, and a particle can be the neighbour of its own image. Images within range have *places* of their
//! own, so nothing downstream takes a minimum image.
//!
//! | module | |
//! |---|---|
//! | `bins` | particles and their copies, sorted in space: the places |
//! | `groups` | neighbours by fours, and the loads and stores that follow their indices |
//! | `segments` | the neighbours of each place, in groups of one species; those close enough of a longer list |
//! | `search` | the neighbours of each place, from the bins |
//! | `verlet` | when to look again |

mod bins;
mod groups;
mod search;
mod segments;
mod verlet;

pub(crate) use groups::{Forces, Plain};
pub(crate) use segments::Piece;
pub use verlet::VerletList;

use crate::configuration::{Configuration, Species};
use crate::lanes::Quad;
use crate::precision::Precision;
use crate::vector::{Vector, add, norm_squared, subtract};
use bins::Bins;
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

/// Where nobody is: out of everyone's range, and not so far that squares overflow in single precision.
const NOWHERE: Quad = Quad([1e19, 1e19, 1e19, 1.0]);

/// The coordinates at a place.
#[inline(always)]
fn coordinates<const D: usize>(places: &[Quad], place: u32) -> Vector<D> {
    let quads = &places[place as usize * quads(D)..][..quads(D)];
    std::array::from_fn(|k| quads[k / 4].0[k % 4])
}

/// The particles as a potential sees them: positions brought near each other by lattice translations, so
/// that the vector from `i` to its neighbour is a difference.
#[derive(Clone, Copy, Debug)]
pub struct Neighbourhood<'a, const D: usize> {
    places: &'a [Quad],
    species: &'a [Species],
    diameters: &'a [f64],
    bins: &'a Bins<D>,
    pieces: &'a [Piece],
    work: Work,
}

/// How forces are to be computed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    /// Whether threads share the work.
    pub(crate) shared: bool,
    pub(crate) precision: Precision,
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

    /// All particles, those that are close soon after each other: the order in which memory is used best.
    pub fn particles(&self) -> impl Iterator<Item = usize> + 'a {
        self.bins.particles()
    }

    /// The neighbours of one particle, as `(j, r_ij)` with `r_ij = x_j - x_i` to the image of `j`.
    ///
    /// Each pair appears once, at either of its particles. Pairs beyond the range of the potential appear
    /// too: the list is a little wider.
    #[inline(always)]
    pub fn of(&self, particle: usize) -> impl Iterator<Item = (usize, Vector<D>)> + 'a {
        let (piece, row) = self.bins.row(particle);
        let piece = &self.pieces[piece];
        let places = &self.places[piece.window.start * quads(D)..];
        let owners = &self.bins.owners[piece.window.start..];
        let origin = coordinates(places, piece.rows[row].place);
        let others = piece.close_to(row, self.bins.kinds.len());
        let known = others.filter(|&place| place != NOBODY);
        known.map(move |place| {
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
        let starts = &self.bins.copy_starts[particles.start..=particles.end];
        (&self.bins.copies, starts)
    }

    pub(crate) fn work(&self) -> Work {
        self.work
    }

    /// The pieces of the list.
    pub(crate) fn pieces(&self) -> &'a [Piece] {
        self.pieces
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
    use crate::cell::Cell;
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
        let mut list = VerletList::new(&Ranges::uniform(range), 0.0);
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
            let mut verlet = VerletList::new(&Ranges::uniform(1.5), 0.3);
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
        let mut verlet = VerletList::new(&Ranges::uniform(1.5), 0.4);
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
