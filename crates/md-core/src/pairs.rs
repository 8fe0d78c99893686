//! Pair potentials: a function of distance for each pair of species, or of distance over diameter.

use crate::configuration::{Configuration, Species};
use crate::force_error::ForceError;
use crate::lanes::{Lanes, Quad, Task, dispatch};
use crate::linearization::Linearization;
use crate::neighbours::{Group, Neighbourhood, Piece};
use crate::path::{Direction, PathSums, squared_length};
use crate::potential::Potential;
use crate::scalar::{Scalar, Taylor};
use crate::threads::{PART, each_part};
use crate::totals::Totals;
use crate::vector::{Vector, norm_squared};
use std::cell::Cell;
use thiserror::Error;

/// The energy of two particles as a function of their distance, for one pair of species.
///
/// Write [`Radial::energy`] once over a generic [`Scalar`]; derivatives of any order follow exactly by
/// truncated Taylor arithmetic. Override [`Radial::derivatives`] only for speed.
///
/// ```
/// use vitreous_md_core::{Potential, Radial, Scalar, SpeciesTable};
/// /// phi(r) = exp(-r^2), cut at r = 4 where it is 1e-7.
/// #[derive(Clone)]
/// struct Gaussian;
/// impl Radial for Gaussian {
///     fn range(&self) -> f64 { 4.0 }
///     fn energy<S: Scalar>(&self, squared_distance: S) -> S { (-squared_distance).exp() }
/// }
/// let [energy, slope] = Gaussian.derivatives::<2>(1.0);
/// assert_eq!((energy, slope), ((-1.0_f64).exp(), -(-1.0_f64).exp()));
/// // A potential for dynamics, quenches and linear response, in any dimension:
/// let potential = SpeciesTable::uniform(Gaussian)?;
/// assert_eq!(Potential::<3>::range(&potential), 4.0);
/// # Ok::<(), vitreous_md_core::SpeciesTableError>(())
/// ```
pub trait Radial: Send + Sync {
    /// The distance from which on the energy is zero. [`Radial::energy`] is never asked beyond it.
    fn range(&self) -> f64;

    /// `phi` as a function of the squared distance `s = r^2 < range^2`.
    fn energy<S: Scalar>(&self, squared_distance: S) -> S;

    /// `[phi, dphi/ds, ..., d^(N-1)phi/ds^(N-1)]` at `s = squared_distance`.
    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        self.energy(Taylor::variable(squared_distance))
            .derivatives()
    }

    /// `phi` and `dphi/ds` at each of many squared distances: what forces are made of. The three slices have
    /// the same length.
    ///
    /// Compiled for the instruction set of the machine: a function without branches and without `exp`, `ln` and
    /// `sin_cos` is evaluated in vectors. Override it where a choice that is the same for all distances can be
    /// made before the loop.
    #[inline(always)]
    fn slopes(&self, squared_distances: &[f64], energies: &mut [f64], slopes: &mut [f64]) {
        const GROUP: usize = 4;
        let outputs = energies.chunks_mut(GROUP).zip(slopes.chunks_mut(GROUP));
        for (given, (energies, slopes)) in squared_distances.chunks(GROUP).zip(outputs) {
            // Arrays of this function alone: the compiler need not fear that a result changes a parameter.
            let [mut squares, mut values, mut derivatives] = [[given[0]; GROUP]; 3];
            squares[..given.len()].copy_from_slice(given);
            for lane in 0..GROUP {
                [values[lane], derivatives[lane]] = self.derivatives(squares[lane]);
            }
            energies.copy_from_slice(&values[..energies.len()]);
            slopes.copy_from_slice(&derivatives[..slopes.len()]);
        }
    }
}

/// Which function acts between two particles. The loops over pairs below serve every kind.
trait Pairs: Send + Sync {
    type Function: Radial;
    /// Whether distances are in units of the mixed diameters of the particles.
    const SIZED: bool;
    /// The function of two species, and its squared range.
    fn between(&self, species: [Species; 2]) -> (&Self::Function, f64);
    /// The square of the mixed diameter.
    fn squared_diameter(&self, diameters: [f64; 2]) -> f64;

    /// As [`Radial::derivatives`], in `s`; `None` beyond the range.
    #[inline(always)]
    fn derivatives<const D: usize, const N: usize>(
        &self,
        around: &Neighbourhood<'_, D>,
        [i, j]: [usize; 2],
        squared_distance: f64,
    ) -> Option<[f64; N]> {
        let species = around.species();
        let (function, squared_range) = self.between([species[i], species[j]]);
        if !Self::SIZED {
            let close = squared_distance < squared_range;
            return close.then(|| function.derivatives(squared_distance));
        }
        let diameters = around.diameters();
        let squared_diameter = self.squared_diameter([diameters[i], diameters[j]]);
        if squared_distance >= squared_range * squared_diameter {
            return None;
        }
        let unit = 1.0 / squared_diameter;
        let mut derivatives = function.derivatives(squared_distance * unit);
        let mut power = unit;
        for k in 1..N {
            derivatives[k] *= power;
            power *= unit;
        }
        Some(derivatives)
    }
}

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

fn add_forces<const D: usize>(
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

fn add_terms<const D: usize>(
    pairs: &impl Pairs,
    around: &Neighbourhood<'_, D>,
    linearization: &mut Linearization<D>,
) {
    for i in around.particles() {
        for (j, r) in around.of(i) {
            if let Some(derivatives) = pairs.derivatives(around, [i, j], norm_squared(&r)) {
                linearization.add_pair([i, j], r, derivatives);
            }
        }
    }
}

fn add_along<const D: usize>(
    pairs: &impl Pairs,
    around: &Neighbourhood<'_, D>,
    direction: &Direction<'_, D>,
    sums: &mut PathSums<D>,
) {
    for i in around.particles() {
        for (j, r) in around.of(i) {
            let derivatives = pairs.derivatives::<D, 5>(around, [i, j], norm_squared(&r));
            if let Some([value, first, second, third, fourth]) = derivatives {
                let change = direction.of_edge(i, j, &r);
                let mut step = squared_length(&r, &change);
                step.0[0] = 0.0;
                // phi(s + step) and its derivative in s: Taylor's formula, by Horner's scheme. The step has
                // no constant term, so the series end with the orders that are kept.
                let slope = ((step * (fourth / 6.0) + third / 2.0) * step + second) * step + first;
                let energy = ((step * (third / 6.0) + second / 2.0) * step + first) * step + value;
                sums.add_energy(energy);
                sums.add_edge([i, j], &r, &change, slope);
            }
        }
    }
}

/// A pair potential: one [`Radial`] for each pair of species.
#[derive(Clone, Debug)]
pub struct SpeciesTable<F> {
    species: usize,
    /// `species x species`, symmetric.
    entries: Vec<Entry<F>>,
    range: f64,
}

#[derive(Clone, Debug)]
struct Entry<F> {
    squared_range: f64,
    function: F,
}

/// Why functions do not make a table.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SpeciesTableError {
    /// No species, or more than [`Species`] can tell apart.
    #[error("a table of {species} species: there must be from 1 to 256")]
    Species {
        /// Number of species.
        species: usize,
    },
    /// A range that is not a positive number.
    #[error("the range of species {first} and {second} is {range}: it must be positive and finite")]
    Range {
        /// First species.
        first: usize,
        /// Second species.
        second: usize,
        /// Their range.
        range: f64,
    },
}

impl<F: Radial> SpeciesTable<F> {
    /// One function for all particles, which are all of species 0.
    ///
    /// # Errors
    /// A range that is not positive and finite.
    #[allow(clippy::needless_pass_by_value)] // the table owns its functions
    pub fn uniform(function: F) -> Result<Self, SpeciesTableError>
    where
        F: Clone,
    {
        Self::new(1, |_, _| function.clone())
    }

    /// A table from a function of two species, asked once for each pair with `first <= second`.
    ///
    /// # Errors
    /// No species or more than 256; a range that is not positive and finite.
    pub fn new(
        species: usize,
        mut between: impl FnMut(usize, usize) -> F,
    ) -> Result<Self, SpeciesTableError>
    where
        F: Clone,
    {
        if !(1..=256).contains(&species) {
            return Err(SpeciesTableError::Species { species });
        }
        let mut table = vec![None; species * species];
        let mut largest = 0.0_f64;
        for first in 0..species {
            for second in first..species {
                let function = between(first, second);
                let range = function.range();
                if !(range.is_finite() && range > 0.0) {
                    return Err(SpeciesTableError::Range {
                        first,
                        second,
                        range,
                    });
                }
                largest = largest.max(range);
                let entry = Entry {
                    squared_range: range * range,
                    function,
                };
                table[second * species + first] = Some(entry.clone());
                table[first * species + second] = Some(entry);
            }
        }
        Ok(Self {
            species,
            entries: table.into_iter().flatten().collect(),
            range: largest,
        })
    }

    /// The function between two species, `None` if the table does not have them.
    pub fn between(&self, first: Species, second: Species) -> Option<&F> {
        if first.index() >= self.species || second.index() >= self.species {
            return None;
        }
        Some(&self.entries[first.index() * self.species + second.index()].function)
    }
}

impl<F: Radial> Pairs for SpeciesTable<F> {
    type Function = F;
    const SIZED: bool = false;
    #[inline(always)]
    fn between(&self, [first, second]: [Species; 2]) -> (&F, f64) {
        let entry = &self.entries[first.index() * self.species + second.index()];
        (&entry.function, entry.squared_range)
    }
    #[inline(always)]
    fn squared_diameter(&self, _: [f64; 2]) -> f64 {
        1.0
    }
}

/// A pair potential of particles with diameters of their own: a function of the reduced distance
/// `x = r/sigma_ij`, with the non-additive mixing of swap Monte Carlo studies,
///
/// ```text
/// U = sum_{i<j} phi(r_ij/sigma_ij),    sigma_ij = (sigma_i + sigma_j)/2 (1 - epsilon |sigma_i - sigma_j|)
/// ```
///
/// and `epsilon = 0` for additive diameters. Source: Ninarello, Berthier and Coslovich, Phys. Rev. X 7,
/// 021039 (2017). Particles need [`Configuration::diameters`]; their species do not matter.
#[derive(Clone, Debug)]
pub struct Polydisperse<F> {
    function: F,
    non_additivity: f64,
    largest_diameter: f64,
}

impl<F: Radial> Polydisperse<F> {
    /// A potential of particles with diameters up to `largest_diameter`, from a function of `x^2` whose range
    /// is in units of `sigma_ij`.
    ///
    /// # Errors
    /// A range or a largest diameter that is not positive and finite, a non-additivity that is not finite or so
    /// large that a mixed diameter could be negative.
    pub fn new(
        function: F,
        non_additivity: f64,
        largest_diameter: f64,
    ) -> Result<Self, PolydisperseError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !positive(function.range()) {
            return Err(PolydisperseError::Range {
                range: function.range(),
            });
        }
        let product = non_additivity * largest_diameter;
        if !positive(largest_diameter) || !product.is_finite() || product >= 1.0 {
            return Err(PolydisperseError::Diameters {
                largest_diameter,
                non_additivity,
            });
        }
        Ok(Self {
            function,
            non_additivity,
            largest_diameter,
        })
    }

    /// `sigma_ij` of two diameters.
    #[inline(always)]
    pub fn mixed_diameter(&self, first: f64, second: f64) -> f64 {
        0.5 * (first + second) * (1.0 - self.non_additivity * (first - second).abs())
    }
}

/// Why a polydisperse potential cannot be.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum PolydisperseError {
    /// A range that is not a positive number.
    #[error("the range is {range} diameters: it must be positive and finite")]
    Range {
        /// The range.
        range: f64,
    },
    /// Numbers that do not describe diameters.
    #[error(
        "the largest diameter is {largest_diameter}, the non-additivity {non_additivity}: the first must be positive, both finite, and their product below 1, so that no mixed diameter is negative"
    )]
    Diameters {
        /// The largest diameter.
        largest_diameter: f64,
        /// The non-additivity `epsilon`.
        non_additivity: f64,
    },
}

impl<F: Radial> Pairs for Polydisperse<F> {
    type Function = F;
    const SIZED: bool = true;
    #[inline(always)]
    fn between(&self, _: [Species; 2]) -> (&F, f64) {
        (
            &self.function,
            self.function.range() * self.function.range(),
        )
    }
    #[inline(always)]
    fn squared_diameter(&self, [first, second]: [f64; 2]) -> f64 {
        let mixed = self.mixed_diameter(first, second);
        mixed * mixed
    }
}

/// A [`Potential`] whose loops are those over pairs.
macro_rules! pair_potential {
    ($name:ident { $($own:item)* }) => {
        impl<const D: usize, F: Radial> Potential<D> for $name<F> {
            $($own)*
            fn add_forces(
                &self,
                around: &Neighbourhood<'_, D>,
                forces: &mut [Vector<D>],
                totals: &mut Totals<D>,
            ) {
                add_forces(self, around, forces, totals);
            }
            fn add_terms(
                &self,
                around: &Neighbourhood<'_, D>,
                linearization: &mut Linearization<D>,
            ) {
                add_terms(self, around, linearization);
            }
            fn add_along(
                &self,
                around: &Neighbourhood<'_, D>,
                direction: &Direction<'_, D>,
                sums: &mut PathSums<D>,
            ) {
                add_along(self, around, direction, sums);
            }
        }
    };
}

pair_potential! { SpeciesTable {
    fn range(&self) -> f64 {
        self.range
    }
    fn pair_range(&self, first: Species, second: Species) -> f64 {
        self.between(first, second)
            .map_or(self.range, Radial::range)
    }
    fn species_count(&self) -> usize {
        self.species
    }
}}

pair_potential! { Polydisperse {
    fn range(&self) -> f64 {
        // No mixed diameter is larger: the mean is at most the largest, the difference too.
        let stretch = 1.0 + (-self.non_additivity).max(0.0) * self.largest_diameter;
        self.function.range() * self.largest_diameter * stretch
    }
    fn species_count(&self) -> usize {
        256
    }
    fn check(&self, configuration: &Configuration<D>) -> Result<(), ForceError> {
        let diameters = configuration.diameters().ok_or(ForceError::NoDiameters)?;
        let limit = self.largest_diameter;
        match diameters.iter().position(|&diameter| diameter > limit) {
            None => Ok(()),
            Some(particle) => Err(ForceError::Diameter {
                particle,
                diameter: diameters[particle],
                limit,
            }),
        }
    }
}}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::Portable;
    use crate::neighbours::{Ranges, VerletList};
    use crate::random::Seed;
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
