//! The forces of pairs: the loop that dynamics and quenches spend their time in.

use super::{Pairs, Radial};
use crate::lanes::{Batch, Lanes, Packed, Quad, SingleQuad, Task, dispatch};
use crate::neighbours::{Forces, Neighbourhood, Piece};
use crate::precision::Precision;
use crate::threads::{PART, each_part};
use crate::totals::Totals;
use crate::vector::{Vector, norm_squared};
use std::cell::Cell;
use std::thread::LocalKey;

/// What the rows of one piece of the list come to.
#[derive(Default)]
struct PieceSums<Q> {
    /// Half the forces at the places of the window.
    forces: Vec<Q>,
    energy: f64,
    squared_forces: f64,
}

thread_local! {
    // Memory kept from one call to the next: for each piece, in either precision, and for the sum of their forces.
    static DOUBLE: Cell<Vec<PieceSums<Quad>>> = const { Cell::new(Vec::new()) };
    static SINGLE: Cell<Vec<PieceSums<SingleQuad>>> = const { Cell::new(Vec::new()) };
    static TOTAL: Cell<Vec<Quad>> = const { Cell::new(Vec::new()) };
}

/// What depends on the precision in the loop over pairs.
trait Arithmetic<const GROUPS: usize>: Batch<GROUPS> {
    /// So many groups are summed up before their energies are widened.
    const BLOCK: usize;
    fn memory() -> &'static LocalKey<Cell<Vec<PieceSums<Self::Quad>>>>;
    /// Adds slopes times vectors to the forces on particles, and takes each product from the force on the neighbour.
    fn exert<L: Lanes<Self, GROUPS>>(
        lanes: L,
        slopes: L::Numbers,
        vectors: [L::Numbers; 4],
        forces: Forces<'_, Self::Quad, GROUPS>,
    );
}

impl Arithmetic<1> for f64 {
    const BLOCK: usize = usize::MAX;
    fn memory() -> &'static LocalKey<Cell<Vec<PieceSums<Quad>>>> {
        &DOUBLE
    }
    #[inline(always)]
    fn exert<L: Lanes<f64, 1>>(
        lanes: L,
        slopes: L::Numbers,
        vectors: [L::Numbers; 4],
        mut forces: Forces<'_, Quad, 1>,
    ) {
        let repeated: [L::Numbers; 4] = std::array::from_fn(|lane| lanes.repeat(slopes, lane));
        forces.on_own(0, |before| {
            let mut on_own = lanes.numbers([before.0]);
            for lane in 0..4 {
                on_own = lanes.multiply_add(repeated[lane], vectors[lane], on_own);
            }
            Quad(lanes.groups(on_own)[0])
        });
        for lane in 0..4 {
            forces.on_other(0, lane, |before| {
                let before = lanes.numbers([before.0]);
                let after = lanes.less_product(repeated[lane], vectors[lane], before);
                Quad(lanes.groups(after)[0])
            });
        }
    }
}

impl Arithmetic<2> for f32 {
    const BLOCK: usize = 512;
    fn memory() -> &'static LocalKey<Cell<Vec<PieceSums<SingleQuad>>>> {
        &SINGLE
    }
    /// Both groups may have the same particle, and the same neighbours: one after the other.
    #[inline(always)]
    fn exert<L: Lanes<f32, 2>>(
        lanes: L,
        slopes: L::Numbers,
        vectors: [L::Numbers; 4],
        mut forces: Forces<'_, SingleQuad, 2>,
    ) {
        let mut on_own = lanes.splat(0.0);
        for lane in 0..4 {
            let product = lanes.multiply(lanes.repeat(slopes, lane), vectors[lane]);
            on_own = lanes.add(on_own, product);
            for (group, product) in lanes.groups(product).into_iter().enumerate() {
                forces.on_other(group, lane, |SingleQuad(before)| {
                    SingleQuad(std::array::from_fn(|k| before[k] - product[k]))
                });
            }
        }
        for (group, sum) in lanes.groups(on_own).into_iter().enumerate() {
            forces.on_own(group, |SingleQuad(before)| {
                SingleQuad(std::array::from_fn(|k| before[k] + sum[k]))
            });
        }
    }
}

/// The forces of the rows of one piece.
struct PieceForces<'a, P, Q> {
    pairs: &'a P,
    /// Those of the window.
    places: &'a [Quad],
    piece: &'a Piece,
    sums: &'a mut PieceSums<Q>,
}

impl<P, R, const GROUPS: usize> Task<R, GROUPS> for PieceForces<'_, P, R::Quad>
where
    P: Pairs,
    R: Arithmetic<GROUPS>,
{
    type Output = ();

    /// Four neighbours of each of `GROUPS` particles at a time, whether they are within range or not: a list holds few
    /// that are not, and a branch for each would be mispredicted. Their energies and forces are made zero instead.
    #[inline(always)]
    fn run<L: Lanes<R, GROUPS>>(self, lanes: L) {
        let Self {
            pairs,
            places,
            piece,
            sums,
        } = self;
        sums.forces.clear();
        sums.forces.resize(places.len(), R::Quad::default());
        let forces = &mut sums.forces[..places.len()];
        let sum = |numbers: L::Numbers| -> f64 {
            let groups = lanes.groups(numbers);
            groups
                .as_flattened()
                .iter()
                .map(|number| number.widen())
                .sum()
        };
        let zero = lanes.splat(R::zero());
        let [mut energy, mut squared_forces] = [zero; 2];
        [sums.energy, sums.squared_forces] = [0.0; 2];
        for (species, groups) in piece.close.runs() {
            let (function, squared_range) = pairs.between(species);
            // A copy of our own: the compiler need not fear that a force overwrites its parameters.
            let function = function.clone();
            // What a function is asked in place of what is beyond its range.
            let inside = lanes.splat(R::inside(squared_range.next_down()));
            let limits = lanes.splat(R::inside(squared_range));
            for block in groups.blocks(R::BLOCK) {
                block.visit_batches(places, forces, |own, others, forces| {
                    let vectors = others.map(|others| lanes.differences(others, own));
                    let mut squares = lanes.squared_lengths(vectors);
                    let mut units = limits;
                    if P::SIZED {
                        let mixed: [[f64; 4]; GROUPS] = std::array::from_fn(|group| {
                            let own = own[group].0[3];
                            others.map(|others| pairs.squared_diameter([own, others[group].0[3]]))
                        });
                        let inverses = mixed.map(|group| group.map(|square| 1.0 / square));
                        units = lanes.numbers(inverses.map(|group| group.map(R::of)));
                        squares = lanes.multiply(squares, units);
                    }
                    let close = lanes.below(squares, limits);
                    squares = lanes.choose(close, squares, inside);
                    let numbers = squares;
                    let [energies, slopes] = function.slopes(Packed { lanes, numbers });
                    energy = lanes.add(energy, lanes.keep(close, energies.numbers));
                    let mut slope = lanes.keep(close, slopes.numbers);
                    let force_by_length = lanes.multiply(slope, squares);
                    if P::SIZED {
                        // dphi/ds, from what the function knows: dphi/dx^2 with x^2 = s unit.
                        slope = lanes.keep(close, lanes.multiply(slope, units));
                    }
                    squared_forces = lanes.multiply_add(slope, force_by_length, squared_forces);
                    R::exert(lanes, slope, vectors, forces);
                });
                if R::BLOCK < usize::MAX {
                    sums.energy += sum(energy);
                    sums.squared_forces += 4.0 * sum(squared_forces);
                    [energy, squared_forces] = [zero; 2];
                }
            }
        }
        sums.energy += sum(energy);
        sums.squared_forces += 4.0 * sum(squared_forces);
    }
}

/// Adds up the forces at some places, piece by piece, in double precision.
struct PlaceForces<'a, R: Batch<GROUPS>, const GROUPS: usize, const D: usize> {
    pieces: &'a [Piece],
    sums: &'a [PieceSums<R::Quad>],
    /// The first of the places.
    start: usize,
    places: &'a [Quad],
    totals: &'a mut [Quad],
}

impl<R: Batch<GROUPS>, const GROUPS: usize, const D: usize> Task<f64, 1>
    for PlaceForces<'_, R, GROUPS, D>
{
    /// `sum_places x F`.
    type Output = [[f64; 4]; D];

    #[inline(always)]
    fn run<L: Lanes<f64, 1>>(self, lanes: L) -> [[f64; 4]; D] {
        self.totals.fill(Quad::default());
        let two = lanes.splat(2.0);
        let end = self.start + self.totals.len();
        for (piece, sums) in self.pieces.iter().zip(self.sums) {
            let window = &piece.window;
            let [first, last] =
                [window.start, window.end].map(|place| place.clamp(self.start, end));
            let totals = &mut self.totals[first - self.start..last - self.start];
            // Empty where the window does not meet these places.
            let forces = sums.forces.get(first - window.start.min(first)..);
            for (total, &force) in totals.iter_mut().zip(forces.unwrap_or_default()) {
                let force = lanes.numbers([R::of_quad(force).map(R::widen)]);
                let sum = lanes.multiply_add(two, force, lanes.numbers([total.0]));
                [total.0] = lanes.groups(sum);
            }
        }
        let mut products = [lanes.splat(0.0); D];
        for (total, place) in self.totals.iter().zip(self.places) {
            let total = lanes.numbers([total.0]);
            for a in 0..D {
                let product = lanes.multiply(lanes.splat(place.0[a]), total);
                products[a] = lanes.add(products[a], product);
            }
        }
        products.map(|product| lanes.groups(product)[0])
    }
}

pub(super) fn add_forces<const D: usize>(
    pairs: &impl Pairs,
    around: &Neighbourhood<'_, D>,
    forces: &mut [Vector<D>],
    totals: &mut Totals<D>,
) {
    match (around.places(), around.work().precision) {
        (None, _) => add_forces_one_by_one(pairs, around, forces, totals),
        (Some(places), Precision::Double) => {
            add_forces_in::<f64, 1, D>(pairs, around, places, forces, totals);
        }
        (Some(places), Precision::Mixed) => {
            add_forces_in::<f32, 2, D>(pairs, around, places, forces, totals);
        }
    }
}

fn add_forces_in<R: Arithmetic<GROUPS>, const GROUPS: usize, const D: usize>(
    pairs: &impl Pairs,
    around: &Neighbourhood<'_, D>,
    places: &[Quad],
    forces: &mut [Vector<D>],
    totals: &mut Totals<D>,
) {
    let (mut sums, mut total) = (R::memory().take(), TOTAL.take());
    let pieces = around.pieces();
    if sums.len() < pieces.len() {
        sums.resize_with(pieces.len(), PieceSums::default);
    }
    let shared = around.work().shared;
    each_part(shared, &mut sums[..pieces.len()], 1, |number, sums| {
        let piece = &pieces[number];
        R::dispatch(PieceForces {
            pairs,
            places: &places[piece.window.clone()],
            piece,
            sums: &mut sums[0],
        });
    });
    total.resize(places.len(), Quad::default());
    let moments = each_part(shared, &mut total, PART, |start, totals| {
        dispatch(PlaceForces::<R, GROUPS, D> {
            pieces,
            sums: &sums,
            start,
            places: &places[start..][..totals.len()],
            totals,
        })
    });
    each_part(shared, forces, PART, |start, forces| {
        let (copies, starts) = around.copies(start..start + forces.len());
        for (force, ends) in forces.iter_mut().zip(starts.windows(2)) {
            for &place in &copies[ends[0] as usize..ends[1] as usize] {
                for k in 0..D {
                    force[k] += total[place as usize].0[k];
                }
            }
        }
    });
    for sums in &sums[..pieces.len()] {
        totals.energy += sums.energy;
        totals.squared_term_forces += sums.squared_forces;
    }
    // The forces of each pair add up to zero, so sum_pairs r F = -sum_places x F.
    for a in 0..D {
        for b in a..D {
            let sum: f64 = moments.iter().map(|moment| moment[a][b]).sum();
            totals.strain_gradient[a][b] -= sum;
        }
    }
    R::memory().set(sums);
    TOTAL.set(total);
}

/// As [`add_forces`], for dimensions in which a particle does not fit into four numbers.
fn add_forces_one_by_one<const D: usize>(
    pairs: &impl Pairs,
    around: &Neighbourhood<'_, D>,
    forces: &mut [Vector<D>],
    totals: &mut Totals<D>,
) {
    for i in 0..around.len() {
        for (j, r) in around.of(i) {
            let squared_distance = norm_squared(&r);
            if let Some([energy, slope]) = pairs.derivatives(around, [i, j], squared_distance) {
                let doubled = 2.0 * slope;
                totals.energy += energy;
                totals.squared_term_forces += doubled * doubled * squared_distance;
                totals.add_edge(doubled, &r);
                for k in 0..D {
                    forces[i][k] += doubled * r[k];
                    forces[j][k] -= doubled * r[k];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Configuration, Species};
    use crate::lanes::Portable;
    use crate::neighbours::{Ranges, VerletList};
    use crate::pairs::{Polydisperse, SpeciesTable};
    use crate::random::Seed;
    use crate::scalar::Scalar;
    use rand::RngExt;

    #[derive(Clone)]
    struct InverseSixth;

    impl Radial for InverseSixth {
        fn range(&self) -> f64 {
            1.4
        }
        fn energy<S: Scalar>(&self, squared_distance: S) -> S {
            squared_distance.powi(-3) - 0.1
        }
    }

    /// The loop over pairs for this machine and in plain Rust.
    fn compare<R: Arithmetic<GROUPS>, const GROUPS: usize>(
        pairs: &impl Pairs,
        around: &Neighbourhood<'_, 3>,
    ) where
        Portable: Lanes<R, GROUPS>,
    {
        let places = around.places().unwrap();
        for piece in around.pieces() {
            let [mut fast, mut plain] = [PieceSums::default(), PieceSums::default()];
            let task = |sums| PieceForces {
                pairs,
                places: &places[piece.window.clone()],
                piece,
                sums,
            };
            R::dispatch(task(&mut fast));
            task(&mut plain).run(Portable);
            assert!(fast.energy != 0.0 && fast.squared_forces > 0.0);
            assert_eq!(fast.forces, plain.forces);
            assert_eq!(
                (fast.energy, fast.squared_forces),
                (plain.energy, plain.squared_forces)
            );
        }
    }

    #[test]
    fn forces_have_the_same_bits_for_any_instruction_set() {
        let cell = crate::cell::Cell::orthorhombic([6.0, 7.0, 8.0]).unwrap();
        let mut random = Seed(5).stream("test", &[]);
        let mut draw = |low: f64, high: f64| random.random_range(low..high);
        let positions = (0..400).map(|_| [draw(0.0, 6.0), draw(0.0, 7.0), draw(0.0, 8.0)]);
        let positions = positions.collect();
        let kinds = (0..400).map(|i| Species((i % 3) as u8)).collect();
        let configuration = Configuration::new(cell, positions, kinds).unwrap();
        let diameters = (0..400).map(|_| draw(0.8, 1.2)).collect();
        let mut list = VerletList::new(&Ranges::uniform(1.4 * 1.2), 0.2);
        let table = SpeciesTable::new(3, |_, _| InverseSixth).unwrap();
        let around = list.update(&configuration);
        compare::<f64, 1>(&table, &around);
        compare::<f32, 2>(&table, &around);
        let configuration = configuration.with_diameters(diameters).unwrap();
        let polydisperse = Polydisperse::new(InverseSixth, 0.1, 1.2).unwrap();
        let around = list.update(&configuration);
        compare::<f64, 1>(&polydisperse, &around);
        compare::<f32, 2>(&polydisperse, &around);
    }
}
