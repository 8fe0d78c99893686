//! The forces of pairs: the loop that dynamics and quenches spend their time in.

use super::Pairs;
use crate::lanes::{Lanes, Quad, Task, dispatch};
use crate::neighbours::{Group, Neighbourhood, Piece};
use crate::pairs::Radial;
use crate::threads::{PART, each_part};
use crate::totals::Totals;
use crate::vector::{Vector, norm_squared};
use std::cell::Cell;

/// What the rows of one piece of the list come to.
#[derive(Default)]
struct PieceSums {
    /// Half the forces at the places of the window.
    forces: Vec<Quad>,
    energy: f64,
    squared_forces: f64,
}

thread_local! {
    /// Memory kept from one call to the next: for each piece, and for the sum of their forces.
    static SUMS: Cell<(Vec<PieceSums>, Vec<Quad>)> = const { Cell::new((Vec::new(), Vec::new())) };
}

/// The forces of the rows of one piece.
struct PieceForces<'a, P> {
    pairs: &'a P,
    /// Those of the window.
    places: &'a [Quad],
    piece: &'a Piece,
    sums: &'a mut PieceSums,
}

impl<P: Pairs> Task for PieceForces<'_, P> {
    type Output = ();

    /// Four neighbours of a particle at a time, whether they are within range or not: a list holds few that are not,
    /// and a branch for each would be mispredicted. Their energies and forces are made zero instead.
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self {
            pairs,
            places,
            piece,
            sums,
        } = self;
        sums.forces.clear();
        sums.forces.resize(places.len(), Quad::default());
        let forces = &mut sums.forces[..places.len()];
        let mut energy = lanes.splat(0.0);
        let mut squared_forces = lanes.splat(0.0);
        for (species, groups) in piece.close.runs() {
            let (function, squared_range) = pairs.between(species);
            // What a function is asked in place of what is beyond its range.
            let inside = lanes.splat(squared_range.next_down());
            let mut limits = lanes.splat(squared_range);
            for &Group { own, others: four } in groups {
                let own_place = places[own as usize];
                let origin = lanes.four(own_place.0);
                let others = four.map(|other| places[other as usize]);
                let vectors = others.map(|other| lanes.subtract(lanes.four(other.0), origin));
                let mut squares = lanes.squared_lengths(vectors);
                let mut units = limits;
                if P::SIZED {
                    let mixed =
                        others.map(|other| pairs.squared_diameter([own_place.0[3], other.0[3]]));
                    limits = lanes.four(mixed.map(|square| squared_range * square));
                    units = lanes.four(mixed.map(|square| 1.0 / square));
                }
                let close = lanes.below(squares, limits);
                if P::SIZED {
                    squares = lanes.multiply(squares, units);
                }
                squares = lanes.choose(close, squares, inside);
                let (mut energies, mut slopes) = ([0.0; 4], [0.0; 4]);
                function.slopes(&lanes.array(squares), &mut energies, &mut slopes);
                energy = lanes.add(energy, lanes.keep(close, lanes.four(energies)));
                let mut slope = lanes.keep(close, lanes.four(slopes));
                let force_by_length = lanes.multiply(slope, squares);
                if P::SIZED {
                    // dphi/ds, from what the function knows: dphi/dx^2 with x^2 = s unit.
                    slope = lanes.multiply(slope, units);
                }
                squared_forces = lanes.multiply_add(slope, force_by_length, squared_forces);
                let slope = lanes.array(slope);
                let mut on_own = lanes.four(forces[own as usize].0);
                for lane in 0..4 {
                    let slope = lanes.splat(slope[lane]);
                    on_own = lanes.multiply_add(slope, vectors[lane], on_own);
                }
                forces[own as usize].0 = lanes.array(on_own);
                for lane in 0..4 {
                    let slope = lanes.splat(slope[lane]);
                    let on_other = &mut forces[four[lane] as usize].0;
                    *on_other = lanes.array(lanes.less_product(
                        slope,
                        vectors[lane],
                        lanes.four(*on_other),
                    ));
                }
            }
        }
        sums.energy = lanes.array(energy).iter().sum();
        sums.squared_forces = 4.0 * lanes.array(squared_forces).iter().sum::<f64>();
    }
}

/// Adds up the forces at some places, piece by piece.
struct PlaceForces<'a, const D: usize> {
    pieces: &'a [Piece],
    sums: &'a [PieceSums],
    /// The first of the places.
    start: usize,
    places: &'a [Quad],
    totals: &'a mut [Quad],
}

impl<const D: usize> Task for PlaceForces<'_, D> {
    /// `sum_places x F`.
    type Output = [[f64; 4]; D];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [[f64; 4]; D] {
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
            for (total, force) in totals.iter_mut().zip(forces.unwrap_or_default()) {
                total.0 =
                    lanes.array(lanes.multiply_add(two, lanes.four(force.0), lanes.four(total.0)));
            }
        }
        let mut products = [lanes.splat(0.0); D];
        for (total, place) in self.totals.iter().zip(self.places) {
            for a in 0..D {
                let product = lanes.multiply(lanes.splat(place.0[a]), lanes.four(total.0));
                products[a] = lanes.add(products[a], product);
            }
        }
        products.map(|product| lanes.array(product))
    }
}

pub(super) fn add_forces<const D: usize>(
    pairs: &impl Pairs,
    around: &Neighbourhood<'_, D>,
    forces: &mut [Vector<D>],
    totals: &mut Totals<D>,
) {
    let Some(places) = around.places() else {
        return add_forces_one_by_one(pairs, around, forces, totals);
    };
    let (mut sums, mut total) = SUMS.take();
    let pieces = around.pieces();
    if sums.len() < pieces.len() {
        sums.resize_with(pieces.len(), PieceSums::default);
    }
    let shared = around.shared();
    each_part(shared, &mut sums[..pieces.len()], 1, |number, sums| {
        let piece = &pieces[number];
        dispatch(PieceForces {
            pairs,
            places: &places[piece.window.clone()],
            piece,
            sums: &mut sums[0],
        });
    });
    total.resize(places.len(), Quad::default());
    let moments = each_part(shared, &mut total, PART, |start, totals| {
        dispatch(PlaceForces::<D> {
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
    SUMS.set((sums, total));
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
    fn compare(pairs: &impl Pairs, around: &Neighbourhood<'_, 3>) {
        let places = around.places().unwrap();
        for piece in around.pieces() {
            let [mut fast, mut plain] = [PieceSums::default(), PieceSums::default()];
            let task = |sums| PieceForces {
                pairs,
                places: &places[piece.window.clone()],
                piece,
                sums,
            };
            dispatch(task(&mut fast));
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
        compare(
            &SpeciesTable::new(3, |_, _| InverseSixth).unwrap(),
            &list.update(&configuration),
        );
        let configuration = configuration.with_diameters(diameters).unwrap();
        compare(
            &Polydisperse::new(InverseSixth, 0.1, 1.2).unwrap(),
            &list.update(&configuration),
        );
    }
}
