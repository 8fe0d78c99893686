//! Which particles are close: cell lists, Verlet lists, and the brute-force twin that tests them.
//!
//! Every pair within range is found once for each of its periodic images within range, in cells of any
//! shape and size: in a cell smaller than twice the range the same two particles can be neighbours through
//! several images, and a particle can be the neighbour of its own image. The lattice translation of the
//! image is part of the neighbour, so nothing downstream takes a minimum image.

use crate::cell::Cell;
use crate::configuration::{Configuration, Species};
use crate::vector::{Vector, add, norm_squared, subtract};

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

    /// The squared ranges from one species to each of `count` species; one beyond the table sees as far as any.
    fn squared_row(&self, first: Species, count: usize) -> Vec<f64> {
        (0..count)
            .map(|second| {
                let known = first.index() < self.species && second < self.species;
                let range = if known {
                    self.table[first.index() * self.species + second]
                } else {
                    self.largest
                };
                range * range
            })
            .collect()
    }
}

/// One entry of a [`NeighbourList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Neighbour {
    particle: u32,
    /// Index into the table of lattice translations.
    image: u32,
}

/// All pairs of particles (and images) within a range, each once, at given positions.
#[derive(Clone, Debug)]
pub struct NeighbourList<const D: usize> {
    /// The neighbours of particle `i` are `neighbours[rows[i].0..rows[i].1]`.
    rows: Vec<(usize, usize)>,
    neighbours: Vec<Neighbour>,
    /// Lattice translations that occur.
    translations: Vec<Vector<D>>,
    /// The lattice translation that was taken off each position to bring it into the cell.
    offsets: Vec<Vector<D>>,
    /// The largest number of neighbours of a particle.
    most: usize,
}

/// The particles as a potential sees them: positions brought near each other by lattice translations, so
/// that the vector from `i` to its neighbour is a difference and a translation.
#[derive(Clone, Copy, Debug)]
pub struct Neighbourhood<'a, const D: usize> {
    positions: &'a [Vector<D>],
    species: &'a [Species],
    diameters: &'a [f64],
    list: &'a NeighbourList<D>,
}

impl<'a, const D: usize> Neighbourhood<'a, D> {
    /// The number of particles `N`.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are no particles.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The largest number of neighbours that [`Neighbourhood::of`] gives for a particle.
    pub fn most(&self) -> usize {
        self.list.most
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
        let list = self.list;
        let positions = self.positions;
        let origin = positions[particle];
        let (start, end) = list.rows[particle];
        list.neighbours[start..end].iter().map(move |neighbour| {
            let j = neighbour.particle as usize;
            let image = list.translations[neighbour.image as usize];
            (j, subtract(&add(&positions[j], &image), &origin))
        })
    }
}

impl<const D: usize> NeighbourList<D> {
    /// Finds all pairs within range with cell lists, in a time proportional to `N`.
    pub fn build(configuration: &Configuration<D>, ranges: &Ranges) -> Self {
        let cell = configuration.cell();
        let species = configuration.species();
        let bins = Bins::new(configuration, ranges.largest);
        let mut list = Self {
            rows: vec![(0, 0); configuration.len()],
            neighbours: Vec::with_capacity(configuration.len() * 16),
            translations: bins.images.translations(cell),
            offsets: bins
                .offsets
                .iter()
                .map(|offset| cell.translation(offset))
                .collect(),
            most: 0,
        };
        // In the order of the bins, so that the particles of a bin are read one after the other.
        let inside: Vec<Vector<D>> = bins
            .members
            .iter()
            .map(|&i| {
                subtract(
                    &configuration.positions()[i as usize],
                    &list.offsets[i as usize],
                )
            })
            .collect();
        let kinds: Vec<Species> = bins.members.iter().map(|&i| species[i as usize]).collect();
        let kind_count = kinds.iter().map(|kind| kind.index() + 1).max().unwrap_or(0);
        let squared: Vec<Vec<f64>> = (0..kind_count)
            .map(|kind| ranges.squared_row(Species(kind as u8), kind_count))
            .collect();

        let stencil = half_space::<D>(bins.reach);
        let mut count = 0;
        for (bin, coordinate) in bins.all().into_iter().enumerate() {
            let targets: Vec<(usize, usize, u32)> = stencil
                .iter()
                .map(|offset| bins.neighbour(coordinate, *offset))
                .map(|(target, image)| (bins.starts[target], bins.starts[target + 1], image))
                .collect();
            let own_end = bins.starts[bin + 1];
            for place in bins.starts[bin]..own_end {
                let row_start = count;
                let squared_ranges = &squared[kinds[place].index()];
                // The first target is the bin itself: from there only the particles that come later.
                let own = (place + 1, own_end, targets[0].2);
                for &(start, end, image) in std::iter::once(&own).chain(&targets[1..]) {
                    let shift = subtract(&list.translations[image as usize], &inside[place]);
                    // Written without a branch that the processor could mispredict: every candidate is
                    // stored, and kept by advancing past it.
                    list.neighbours.resize(
                        count + end - start + 1,
                        Neighbour {
                            particle: 0,
                            image: 0,
                        },
                    );
                    let candidates = inside[start..end]
                        .iter()
                        .zip(&kinds[start..end])
                        .zip(&bins.members[start..end]);
                    for ((position, kind), &particle) in candidates {
                        let squared_distance = norm_squared(&add(position, &shift));
                        list.neighbours[count] = Neighbour { particle, image };
                        count += usize::from(squared_distance < squared_ranges[kind.index()]);
                    }
                }
                list.rows[bins.members[place] as usize] = (row_start, count);
                list.most = list.most.max(count - row_start);
            }
        }
        list.neighbours.truncate(count);
        list
    }

    /// The number of pairs in the list.
    pub fn pairs(&self) -> usize {
        self.neighbours.len()
    }

    /// Writes to `local` the positions as the list wants them: less the lattice translation that each had
    /// when the list was built.
    fn localize(&self, positions: &[Vector<D>], local: &mut Vec<Vector<D>>) {
        local.clear();
        local.extend(
            positions
                .iter()
                .zip(&self.offsets)
                .map(|(position, offset)| subtract(position, offset)),
        );
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
    local: Vec<Vector<D>>,
    builds: u64,
}

#[derive(Clone, Debug)]
struct Built<const D: usize> {
    cell: Cell<D>,
    species: Vec<Species>,
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
            local: Vec::new(),
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
        if self.is_stale(configuration) {
            self.builds += 1;
            self.built = None;
        }
        let built = self.built.get_or_insert_with(|| Built {
            cell: *configuration.cell(),
            species: configuration.species().to_vec(),
            reference: configuration.positions().to_vec(),
            list: NeighbourList::build(configuration, &self.ranges.widened(self.skin)),
        });
        built
            .list
            .localize(configuration.positions(), &mut self.local);
        Neighbourhood {
            positions: &self.local,
            species: configuration.species(),
            diameters: configuration.diameters().unwrap_or_default(),
            list: &built.list,
        }
    }

    fn is_stale(&self, configuration: &Configuration<D>) -> bool {
        let Some(built) = &self.built else {
            return true;
        };
        if built.cell != *configuration.cell() || built.species != configuration.species() {
            return true;
        }
        let (mut largest, mut second) = (0.0_f64, 0.0_f64);
        for (position, reference) in configuration.positions().iter().zip(&built.reference) {
            let moved = norm_squared(&subtract(position, reference));
            if moved > largest {
                second = largest;
                largest = moved;
            } else if moved > second {
                second = moved;
            }
        }
        largest.sqrt() + second.sqrt() >= self.skin
    }
}

/// Particles sorted into bins that are about half as wide as the range wherever the cell allows.
struct Bins<const D: usize> {
    counts: [i32; D],
    /// How many bins the range reaches to each side.
    reach: [i32; D],
    /// For each lattice vector and each coordinate from `-reach`: what it adds to the number of the bin and of
    /// the image when brought into the cell.
    wrapped: [Vec<(usize, u32)>; D],
    offsets: Vec<[i32; D]>,
    starts: Vec<usize>,
    members: Vec<u32>,
    images: Images<D>,
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

        let mut coordinates = Vec::with_capacity(configuration.len());
        let mut offsets = Vec::with_capacity(configuration.len());
        for position in configuration.positions() {
            let fractional = cell.fractional(position);
            let offset: [i32; D] = fractional.map(|f| f.floor() as i32);
            let coordinate: [i32; D] = std::array::from_fn(|k| {
                let inside = fractional[k] - f64::from(offset[k]);
                ((inside * f64::from(counts[k])) as i32).clamp(0, counts[k] - 1)
            });
            offsets.push(offset);
            coordinates.push(coordinate);
        }

        let images = Images::new(counts, reach);
        let wrapped = std::array::from_fn(|k| {
            let bin_stride: usize = counts[k + 1..].iter().map(|&c| c as usize).product();
            let image_stride: u32 = images.reach[k + 1..]
                .iter()
                .map(|&r| 2 * r as u32 + 1)
                .product();
            (-reach[k]..counts[k] + reach[k])
                .map(|coordinate| {
                    let inside = coordinate.rem_euclid(counts[k]) as usize;
                    let image = coordinate.div_euclid(counts[k]) + images.reach[k];
                    (inside * bin_stride, image as u32 * image_stride)
                })
                .collect()
        });
        let mut bins = Self {
            counts,
            reach,
            wrapped,
            offsets,
            starts: Vec::new(),
            members: vec![0; configuration.len()],
            images,
        };
        let total = counts.iter().map(|&c| c as usize).product::<usize>();
        let mut starts = vec![0; total + 1];
        for coordinate in &coordinates {
            starts[bins.index(*coordinate) + 1] += 1;
        }
        for bin in 0..total {
            starts[bin + 1] += starts[bin];
        }
        let mut next = starts.clone();
        for (particle, coordinate) in coordinates.iter().enumerate() {
            let place = &mut next[bins.index(*coordinate)];
            {
                bins.members[*place] = particle as u32;
            }
            *place += 1;
        }
        bins.starts = starts;
        bins
    }

    fn index(&self, coordinate: [i32; D]) -> usize {
        self.neighbour(coordinate, [0; D]).0
    }

    /// The coordinates of all bins, in the order of their numbers.
    fn all(&self) -> Vec<[i32; D]> {
        let mut all = vec![[0; D]];
        for k in 0..D {
            let count = self.counts[k];
            all = all
                .into_iter()
                .flat_map(|coordinate| {
                    (0..count).map(move |c| {
                        let mut extended = coordinate;
                        extended[k] = c;
                        extended
                    })
                })
                .collect();
        }
        all
    }

    /// The number of the bin at an offset from another, and of the image of the cell in which it lies.
    fn neighbour(&self, bin: [i32; D], offset: [i32; D]) -> (usize, u32) {
        (0..D).fold((0, 0), |(number, image), k| {
            let along = self.wrapped[k][(bin[k] + offset[k] + self.reach[k]) as usize];
            (number + along.0, image + along.1)
        })
    }
}

/// The images of the cell that a list can refer to, numbered.
struct Images<const D: usize> {
    reach: [i32; D],
}

impl<const D: usize> Images<D> {
    fn new(counts: [i32; D], reach: [i32; D]) -> Self {
        Self {
            reach: std::array::from_fn(|k| (reach[k] + counts[k] - 1) / counts[k]),
        }
    }

    fn translations(&self, cell: &Cell<D>) -> Vec<Vector<D>> {
        box_of_integers(self.reach)
            .into_iter()
            .map(|image| cell.translation(&image))
            .collect()
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
