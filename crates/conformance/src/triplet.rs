//! The laws of three-body terms.

use crate::differences::slopes;
use crate::rounding::{Bounded, TINY, limit};
use crate::violation::{Entry, Law, Place, Violation};
use rand::{Rng, RngExt};
use vitreous_md_core::vector::norm_squared;
use vitreous_md_core::{Dual, Leg, Scalar, Seed, Species, Triplet, Vector};

/// The number of triplets at which a term is tested.
const TRIPLETS: u64 = 40;

/// The number of centres, in each dimension.
const CENTRES: u64 = 10;

/// How far from the range a leg is looked at, relative to it.
const BESIDE: f64 = 1.5e-11;

type First = Dual<Bounded, 3>;
type Second = Dual<First, 3>;
type Third = Dual<Second, 3>;

/// What a three-body term promises.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TripletContract {
    smallest: Option<f64>,
    continuity: Option<usize>,
}

impl TripletContract {
    /// The energy (`order = 0`), its gradient (1) and its Hessian (2) vanish where a leg is as long as the
    /// range. Without this promise the energy may jump there.
    pub fn continuity(self, order: usize) -> Self {
        Self {
            continuity: Some(order),
            ..self
        }
    }

    /// The smallest length of a leg to be tested; 0.3 of the range if not given.
    pub fn smallest(self, distance: f64) -> Self {
        Self {
            smallest: Some(distance),
            ..self
        }
    }
}

/// Checks the energy, the derivatives and the sum over a centre of a three-body term: see the [crate](crate)
/// for the laws. Triplets are drawn at random from a fixed seed.
///
/// # Errors
/// The first violation.
pub fn check_triplet(term: &impl Triplet, contract: &TripletContract) -> Result<(), Violation> {
    let range = term.range();
    let smallest = contract.smallest.unwrap_or(0.3 * range);
    if !(range.is_finite() && smallest > 0.0 && smallest < range && term.species_count() > 0) {
        return Err(Violation::Contract {
            reason: format!(
                "legs from {smallest} to the range {range} of {} species cannot be tested",
                term.species_count()
            ),
        });
    }
    for index in 0..TRIPLETS {
        let mut random = Seed(0).stream("triplet", &[index]);
        let species = std::array::from_fn(|_| draw_species(term, &mut random));
        let lengths: [f64; 2] = std::array::from_fn(|_| random.random_range(smallest..range));
        // Away from straight lines, beyond which the squared edges do not make a triangle.
        let cosine = random.random_range(-0.9..0.9);
        let corner = Corner {
            species,
            squared_edges: squared_edges(lengths, cosine),
        };
        check_exchange(term, &corner)?;
        check_derivatives(term, &corner)?;
        check_differences(term, &corner, range - lengths[0].max(lengths[1]))?;
        if let Some(order) = contract.continuity {
            let [near, further] = [BESIDE, 1024.0 * BESIDE].map(|beside| Corner {
                species,
                squared_edges: squared_edges([range * (1.0 - beside), lengths[1]], cosine),
            });
            check_end(term, [&near, &further], order)?;
        }
    }
    for index in 0..CENTRES {
        check_centre::<2>(term, [smallest, range], index)?;
        check_centre::<3>(term, [smallest, range], index)?;
    }
    Ok(())
}

fn draw_species(term: &impl Triplet, random: &mut impl Rng) -> Species {
    Species(random.random_range(0..term.species_count().min(256)) as u8)
}

fn squared_edges([first, second]: [f64; 2], cosine: f64) -> [f64; 3] {
    let [ij, ik] = [first * first, second * second];
    [ij, ik, ij + ik - 2.0 * first * second * cosine]
}

/// A centre with two legs.
#[derive(Clone, Copy)]
struct Corner {
    /// Of the centre and the ends.
    species: [Species; 3],
    squared_edges: [f64; 3],
}

impl Corner {
    fn place(&self, entry: Entry) -> Place {
        Place::Edges {
            squared_edges: self.squared_edges,
            species: self.species,
            entry,
        }
    }

    fn energy<S: Scalar>(&self, term: &impl Triplet, edges: [S; 3]) -> S {
        let [centre, first, second] = self.species;
        term.energy(centre, [first, second], edges)
    }

    fn gradient(&self, term: &impl Triplet) -> (f64, [f64; 3]) {
        let [centre, first, second] = self.species;
        term.gradient(centre, [first, second], self.squared_edges)
    }

    fn hessian(&self, term: &impl Triplet) -> (f64, [f64; 3], [[f64; 3]; 3]) {
        let [centre, first, second] = self.species;
        term.hessian(centre, [first, second], self.squared_edges)
    }

    /// The generic energy with two derivatives, which carry the bounds of their rounding errors.
    fn second(&self, term: &impl Triplet) -> Second {
        let edges = self.squared_edges.map(Bounded::exact);
        self.energy(term, Dual::variables(Dual::variables(edges)))
    }
}

fn check_exchange(term: &impl Triplet, corner: &Corner) -> Result<(), Violation> {
    let ([centre, j, k], [ij, ik, jk]) = (corner.species, corner.squared_edges);
    let exchanged = Corner {
        species: [centre, k, j],
        squared_edges: [ik, ij, jk],
    };
    let [here, there] = [corner, &exchanged].map(|corner| corner.second(term).value.value);
    let pair = [there.value, here.value];
    let place = exchanged.place(Entry::Energy);
    Violation::unless_near(Law::Exchange, place, pair, here.limit() + there.limit())
}

/// The derivatives that are handed out against dual numbers, to some roundings of the terms that are added
/// up: about 1e-13 of these.
fn check_derivatives(term: &impl Triplet, corner: &Corner) -> Result<(), Violation> {
    let expected = corner.second(term);
    // Where an entry is exactly zero, other formulas have it to rounding of the order below: see `sizes` of
    // functions of distance.
    let energy = expected.value.value;
    let edges = corner.squared_edges;
    let slope = |e: usize| {
        expected.value.gradient[e]
            .size()
            .max(energy.size() / edges[e])
    };
    let curvature = |e: usize, f: usize| {
        let below = (slope(e) / edges[f]).max(slope(f) / edges[e]);
        limit(expected.gradient[e].gradient[f].size().max(below))
    };
    let compare = |law, entry, found: f64, expected: Bounded| {
        let limit = match entry {
            Entry::Energy => energy.limit(),
            Entry::Gradient(e) => limit(slope(e)),
            Entry::Hessian(e, f) => curvature(e, f),
        };
        Violation::unless_near(law, corner.place(entry), [found, expected.value], limit)
    };
    let plain = corner.energy(term, corner.squared_edges);
    compare(Law::Arithmetic, Entry::Energy, plain, energy)?;
    let (value, gradient) = corner.gradient(term);
    let (with_hessian, and_gradient, hessian) = corner.hessian(term);
    for value in [value, with_hessian] {
        compare(Law::Derivative, Entry::Energy, value, energy)?;
    }
    for e in 0..3 {
        let wanted = expected.value.gradient[e];
        for found in [gradient[e], and_gradient[e]] {
            compare(Law::Derivative, Entry::Gradient(e), found, wanted)?;
        }
    }
    for e in 0..3 {
        for f in 0..3 {
            let (entry, pair) = (Entry::Hessian(e, f), [hessian[e][f], hessian[f][e]]);
            Violation::unless_near(Law::Symmetry, corner.place(entry), pair, curvature(e, f))?;
        }
    }
    for e in 0..3 {
        for f in 0..3 {
            let wanted = expected.gradient[e].gradient[f];
            compare(Law::Derivative, Entry::Hessian(e, f), hessian[e][f], wanted)?;
        }
    }
    Ok(())
}

/// The gradient against differences of the energy, the Hessian against those of the gradient. Tolerances as
/// for functions of distance: 1e-10 of the terms, or what differences themselves leave open.
fn check_differences(
    term: &impl Triplet,
    corner: &Corner,
    clearance: f64,
) -> Result<(), Violation> {
    let sizes = corner.second(term);
    let (_, gradient, hessian) = corner.hessian(term);
    for f in 0..3 {
        let s = corner.squared_edges[f];
        // Stencils reach two steps to each side, in the square: legs stay within the range.
        let first_step = (s / 512.0).min(0.4 * s.sqrt() * clearance);
        if first_step < 1e-9 * s {
            continue;
        }
        // What is differentiated, by the entry that should come out.
        let entries = [
            (Entry::Gradient(f), gradient[f]),
            (Entry::Hessian(0, f), hessian[0][f]),
            (Entry::Hessian(1, f), hessian[1][f]),
            (Entry::Hessian(2, f), hessian[2][f]),
        ];
        let below = [
            sizes.value.value.size(),
            sizes.value.gradient[0].size(),
            sizes.value.gradient[1].size(),
            sizes.value.gradient[2].size(),
        ];
        let own = [
            sizes.value.gradient[f].size().max(below[0] / s),
            sizes.gradient[0].gradient[f].size().max(below[1] / s),
            sizes.gradient[1].gradient[f].size().max(below[2] / s),
            sizes.gradient[2].gradient[f].size().max(below[3] / s),
        ];
        let goals = own.map(|size| 1e-10 * size + TINY);
        let functions = |step: f64| -> Result<Vec<f64>, Violation> {
            let mut moved = *corner;
            moved.squared_edges[f] += step;
            let energy = moved.energy(term, moved.squared_edges);
            let [a, b, c] = moved.gradient(term).1;
            Ok(vec![energy, a, b, c])
        };
        let slopes = slopes(functions, first_step, &goals)?;
        for (n, ((entry, found), slope)) in entries.into_iter().zip(slopes).enumerate() {
            let uncertainty = 4.0 * slope.uncertainty + limit(below[n]) / slope.step;
            let place = corner.place(entry);
            let settled = 1e-6 * own[n] + TINY;
            Violation::unless_settled(place, uncertainty, settled)?;
            let pair = [found, slope.value];
            Violation::unless_near(Law::Differences, place, pair, goals[n] + uncertainty)?;
        }
    }
    Ok(())
}

/// Corners whose first leg is all but as long as the range, one more than the other: see the same for
/// functions of distance.
fn check_end(
    term: &impl Triplet,
    [near, further]: [&Corner; 2],
    order: usize,
) -> Result<(), Violation> {
    let edges = Dual::variables(near.squared_edges.map(Bounded::exact));
    let third: Third = near.energy(term, Dual::variables(Dual::variables(edges)));
    let (end, before) = (&third.value, further.second(term));
    let to_range = 2.0 * BESIDE * near.squared_edges[0];
    let vanishes = |entry, found: &Bounded, slope: &Bounded, before: &Bounded| {
        let remains = (4.0 * to_range * slope.value.abs()).min(0.5 * before.value.abs());
        let pair = [found.value, 0.0];
        Violation::unless_near(Law::Range, near.place(entry), pair, remains + found.limit())
    };
    vanishes(
        Entry::Energy,
        &end.value.value,
        &end.value.gradient[0],
        &before.value.value,
    )?;
    for e in 0..3 {
        if order >= 1 {
            vanishes(
                Entry::Gradient(e),
                &end.value.gradient[e],
                &end.gradient[0].gradient[e],
                &before.value.gradient[e],
            )?;
        }
    }
    for e in 0..3 {
        for f in 0..3 {
            if order >= 2 {
                vanishes(
                    Entry::Hessian(e, f),
                    &end.gradient[e].gradient[f],
                    &third.gradient[0].gradient[e].gradient[f],
                    &before.gradient[e].gradient[f],
                )?;
            }
        }
    }
    Ok(())
}

/// The sum over a centre against its triplets one by one.
///
/// A sum that is arranged in another way may cancel where single triplets are small, so that the bounds of
/// these are no measure: 1e-12 of all terms in all triplets is allowed. Those that a leg would make with itself
/// count too (where they are finite), for a sum over all ordered pairs of legs takes them off again.
fn check_centre<const D: usize>(
    term: &impl Triplet,
    [smallest, range]: [f64; 2],
    index: u64,
) -> Result<(), Violation> {
    let mut random = Seed(0).stream("centre", &[D as u64, index]);
    let centre = draw_species(term, &mut random);
    let count = index as usize;
    let legs: Vec<Leg<D>> = (0..count)
        .map(|_| {
            let length = random.random_range(smallest..range);
            let direction = direction::<D>(&mut random);
            let vector = direction.map(|c| length * c);
            Leg {
                species: draw_species(term, &mut random),
                vector,
                squared_length: norm_squared(&vector),
            }
        })
        .collect();
    let mut gradients = vec![[0.0; D]; count];
    let energy = term.centre(centre, &legs, &mut gradients);

    let (mut expected, mut size) = (0.0, 0.0);
    let mut expected_gradients = vec![[0.0; D]; count];
    let mut gradient_size = 0.0;
    for (first, a) in legs.iter().enumerate() {
        for (second, b) in legs.iter().enumerate().skip(first) {
            let third: Vector<D> = std::array::from_fn(|k| b.vector[k] - a.vector[k]);
            let corner = Corner {
                species: [centre, a.species, b.species],
                squared_edges: [a.squared_length, b.squared_length, norm_squared(&third)],
            };
            let edges = corner.squared_edges.map(Bounded::exact);
            let triplet: First = corner.energy(term, Dual::variables(edges));
            let gradient_sizes = triplet.gradient.iter().zip(corner.squared_edges);
            let sizes = [
                triplet.value.size(),
                gradient_sizes.map(|(g, s)| 2.0 * g.size() * s.sqrt()).sum(),
            ];
            if first != second || sizes.iter().all(|size: &f64| size.is_finite()) {
                size += sizes[0];
                gradient_size += sizes[1];
            }
            if first == second {
                continue;
            }
            expected += triplet.value.value;
            let [g_a, g_b, g_third] = triplet.gradient.map(|g| 2.0 * g.value);
            for k in 0..D {
                expected_gradients[first][k] += g_a * a.vector[k] - g_third * third[k];
                expected_gradients[second][k] += g_b * b.vector[k] + g_third * third[k];
            }
        }
    }
    let place = |gradient| Place::Legs {
        legs: count,
        dimension: D,
        gradient,
    };
    let limit = 1e-12 * size + TINY;
    Violation::unless_near(Law::Centre, place(None), [energy, expected], limit)?;
    for (leg, (found, expected)) in gradients.iter().zip(&expected_gradients).enumerate() {
        for k in 0..D {
            let (place, pair) = (place(Some((leg, k))), [found[k], expected[k]]);
            Violation::unless_near(Law::Centre, place, pair, 1e-12 * gradient_size + TINY)?;
        }
    }
    Ok(())
}

/// A random unit vector: a point of the unit ball, not too near its centre, pushed out.
fn direction<const D: usize>(random: &mut impl Rng) -> Vector<D> {
    loop {
        let point: Vector<D> = std::array::from_fn(|_| random.random_range(-1.0..1.0));
        let square = norm_squared(&point);
        if (0.01..1.0).contains(&square) {
            return point.map(|c| c / square.sqrt());
        }
    }
}
