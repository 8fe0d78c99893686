//! What a potential is, for pairs and for triplets.
//!
//! Energies are functions of *squared* distances `s = |r|^2`: a pair term is `U(s_ij)`, a three-body term
//! `U(s_ij, s_ik, s_jk)`. From its derivatives `g_e = dU/ds_e` and `h_ef = d2U/ds_e ds_f` follow, in one
//! place for all potentials: the forces `-2 g_e r_e`, the stress, the Hessian and every strain derivative
//! (see [`crate::linearization`]).
//!
//! | you have | implement | and get a [`Potential`] by |
//! |---|---|---|
//! | a pair energy `phi(r)` | [`Radial`] | [`SpeciesTable`] |
//! | a three-body energy | [`Triplet`] | [`ThreeBody`] |
//! | both | both | [`Sum`] |

use crate::configuration::Species;
use crate::linearization::Linearization;
use crate::neighbours::Neighbourhood;
use crate::scalar::{Dual, Scalar, Taylor};
use crate::totals::Totals;
use crate::vector::{Vector, norm_squared, subtract};
use thiserror::Error;

/// The energy of two particles as a function of their distance, for one pair of species.
///
/// Write [`Radial::energy`] once over a generic [`Scalar`]; derivatives of any order follow exactly by
/// truncated Taylor arithmetic. Override [`Radial::derivatives`] only for speed.
///
/// ```
/// use vitreous_md_core::{Radial, Scalar};
/// /// phi(r) = exp(-r^2), cut at r = 4 where it is 1e-7.
/// struct Gaussian;
/// impl Radial for Gaussian {
///     fn range(&self) -> f64 { 4.0 }
///     fn energy<S: Scalar>(&self, squared_distance: S) -> S { (-squared_distance).exp() }
/// }
/// let [energy, slope] = Gaussian.derivatives::<2>(1.0);
/// assert_eq!((energy, slope), ((-1.0_f64).exp(), -(-1.0_f64).exp()));
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
}

/// The energy of a triplet: two legs `r_ij`, `r_ik` from a centre `i`.
pub trait Triplet: Send + Sync {
    /// The length of a leg from which on the energy is zero.
    fn range(&self) -> f64;

    /// The number of species that the term knows.
    fn species_count(&self) -> usize;

    /// The energy as a function of the squared edges `[|r_ij|^2, |r_ik|^2, |r_jk|^2]`. It must not change
    /// when `j` and `k` are exchanged. Never asked when a leg is beyond the range.
    fn energy<S: Scalar>(&self, centre: Species, ends: [Species; 2], squared_edges: [S; 3]) -> S;

    /// The energy and its derivatives `g_e` in the squared edges.
    #[inline(always)]
    fn gradient(&self, centre: Species, ends: [Species; 2], edges: [f64; 3]) -> (f64, [f64; 3]) {
        let energy = self.energy(centre, ends, Dual::variables(edges));
        (energy.value, energy.gradient)
    }

    /// The energy and its derivatives `g_e` and `h_ef` in the squared edges.
    #[inline(always)]
    fn hessian(
        &self,
        centre: Species,
        ends: [Species; 2],
        edges: [f64; 3],
    ) -> (f64, [f64; 3], [[f64; 3]; 3]) {
        let energy = self.energy(centre, ends, Dual::variables(Dual::variables(edges)));
        (
            energy.value.value,
            energy.value.gradient,
            energy.gradient.map(|component| component.gradient),
        )
    }
}

/// A potential energy of particles in `D` dimensions: what dynamics, minimisers and linearisation need.
///
/// Implemented by [`SpeciesTable`], [`ThreeBody`] and [`Sum`] on top of the terms that users write; the
/// trait is object-safe, so a model can be chosen at run time.
pub trait Potential<const D: usize>: Send + Sync {
    /// The distance within which neighbours must be known.
    fn range(&self) -> f64;

    /// The distance within which neighbours of two given species must be known. Narrower than
    /// [`Potential::range`] where a model allows it, for shorter lists.
    fn pair_range(&self, first: Species, second: Species) -> f64 {
        let _ = (first, second);
        self.range()
    }

    /// The number of species; particles must have a smaller index.
    fn species_count(&self) -> usize;

    /// Adds the forces to `forces` (`N x D`) and the sums that come with them to `totals` (of the strain
    /// gradient, the upper triangle).
    fn add_forces(
        &self,
        around: &Neighbourhood<'_, D>,
        forces: &mut [Vector<D>],
        totals: &mut Totals<D>,
    );

    /// Adds every term with its first and second derivatives to a linearisation.
    fn add_terms(&self, around: &Neighbourhood<'_, D>, linearization: &mut Linearization<D>);
}

impl<const D: usize, P: Potential<D> + ?Sized> Potential<D> for Box<P> {
    fn range(&self) -> f64 {
        (**self).range()
    }
    fn pair_range(&self, first: Species, second: Species) -> f64 {
        (**self).pair_range(first, second)
    }
    fn species_count(&self) -> usize {
        (**self).species_count()
    }
    fn add_forces(
        &self,
        around: &Neighbourhood<'_, D>,
        forces: &mut [Vector<D>],
        totals: &mut Totals<D>,
    ) {
        (**self).add_forces(around, forces, totals);
    }
    fn add_terms(&self, around: &Neighbourhood<'_, D>, linearization: &mut Linearization<D>) {
        (**self).add_terms(around, linearization);
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

    #[inline(always)]
    fn row(&self, species: Species) -> &[Entry<F>] {
        &self.entries[species.index() * self.species..][..self.species]
    }
}

/// The pairs of one particle that are within range: separated from the listed ones first, without a
/// branch that the processor could mispredict, so that the loop over them has none either.
struct ClosePairs<const D: usize> {
    particles: Vec<usize>,
    vectors: Vec<Vector<D>>,
    squared_distances: Vec<f64>,
}

impl<const D: usize> ClosePairs<D> {
    fn new(most: usize) -> Self {
        Self {
            particles: vec![0; most + 1],
            vectors: vec![[0.0; D]; most + 1],
            squared_distances: vec![0.0; most + 1],
        }
    }

    /// Collects the pairs of `i` and returns their number.
    #[inline(always)]
    fn collect(
        &mut self,
        around: &Neighbourhood<'_, D>,
        i: usize,
        squared_range: impl Fn(usize) -> f64,
    ) -> usize {
        let mut count = 0;
        for (j, r) in around.of(i) {
            let squared_distance = norm_squared(&r);
            self.particles[count] = j;
            self.vectors[count] = r;
            self.squared_distances[count] = squared_distance;
            count += usize::from(squared_distance < squared_range(j));
        }
        count
    }
}

impl<const D: usize, F: Radial> Potential<D> for SpeciesTable<F> {
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

    fn add_forces(
        &self,
        around: &Neighbourhood<'_, D>,
        forces: &mut [Vector<D>],
        totals: &mut Totals<D>,
    ) {
        let species = around.species();
        let mut close = ClosePairs::new(around.most());
        let mut sums = Totals::zero();
        for i in 0..around.len() {
            let row = self.row(species[i]);
            let count = close.collect(around, i, |j| row[species[j].index()].squared_range);
            let mut force = [0.0; D];
            let pairs = close.particles[..count]
                .iter()
                .zip(&close.vectors[..count])
                .zip(&close.squared_distances[..count]);
            for ((&j, r), &squared_distance) in pairs {
                let function = &row[species[j].index()].function;
                let [energy, gradient] = function.derivatives::<2>(squared_distance);
                let doubled = 2.0 * gradient;
                sums.energy += energy;
                sums.squared_term_forces += doubled * doubled * squared_distance;
                sums.add_edge(doubled, r);
                let on_other = &mut forces[j];
                for k in 0..D {
                    force[k] += doubled * r[k];
                    on_other[k] -= doubled * r[k];
                }
            }
            for k in 0..D {
                forces[i][k] += force[k];
            }
        }
        totals.add(&sums);
    }

    fn add_terms(&self, around: &Neighbourhood<'_, D>, linearization: &mut Linearization<D>) {
        let species = around.species();
        for i in 0..around.len() {
            let row = self.row(species[i]);
            for (j, r) in around.of(i) {
                let entry = &row[species[j].index()];
                let squared_distance = norm_squared(&r);
                if squared_distance < entry.squared_range {
                    let derivatives = entry.function.derivatives::<3>(squared_distance);
                    linearization.add_pair([i, j], r, derivatives);
                }
            }
        }
    }
}

/// A three-body potential from a [`Triplet`]: its sum over all centres and unordered pairs of legs.
#[derive(Clone, Debug)]
pub struct ThreeBody<T>(pub T);

/// The legs of every particle: neighbours within the range of the triplet, in both directions.
struct Legs<const D: usize> {
    starts: Vec<usize>,
    ends: Vec<(usize, Vector<D>)>,
}

impl<const D: usize> Legs<D> {
    fn new(around: &Neighbourhood<'_, D>, range: f64) -> Self {
        let squared_range = range * range;
        let mut close = Vec::new();
        let mut starts = vec![0; around.len() + 1];
        for i in 0..around.len() {
            for (j, r) in around.of(i) {
                if norm_squared(&r) < squared_range {
                    starts[i + 1] += 1;
                    starts[j + 1] += 1;
                    close.push((i, j, r));
                }
            }
        }
        for i in 0..around.len() {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut ends = vec![(0, [0.0; D]); 2 * close.len()];
        for (i, j, r) in close {
            for (centre, end, leg) in [(i, j, r), (j, i, r.map(|c| -c))] {
                ends[next[centre]] = (end, leg);
                next[centre] += 1;
            }
        }
        Self { starts, ends }
    }

    fn of(&self, centre: usize) -> &[(usize, Vector<D>)] {
        &self.ends[self.starts[centre]..self.starts[centre + 1]]
    }
}

impl<const D: usize, T: Triplet> Potential<D> for ThreeBody<T> {
    fn range(&self) -> f64 {
        self.0.range()
    }

    fn species_count(&self) -> usize {
        self.0.species_count()
    }

    fn add_forces(
        &self,
        around: &Neighbourhood<'_, D>,
        forces: &mut [Vector<D>],
        totals: &mut Totals<D>,
    ) {
        let species = around.species();
        let legs = Legs::new(around, self.0.range());
        for i in 0..around.len() {
            let own = legs.of(i);
            for (first, &(j, r_ij)) in own.iter().enumerate() {
                for &(k, r_ik) in &own[first + 1..] {
                    // The third edge is the difference of the legs, never a minimum image of its own.
                    let edges = [r_ij, r_ik, subtract(&r_ik, &r_ij)];
                    let (energy, gradient) = self.0.gradient(
                        species[i],
                        [species[j], species[k]],
                        edges.map(|edge| norm_squared(&edge)),
                    );
                    totals.energy += energy;
                    for e in 0..3 {
                        totals.add_edge(2.0 * gradient[e], &edges[e]);
                    }
                    let on_particles = triplet_forces(&gradient, &edges);
                    for (particle, force) in [i, j, k].into_iter().zip(&on_particles) {
                        totals.squared_term_forces += 0.5 * norm_squared(force);
                        for c in 0..D {
                            forces[particle][c] += force[c];
                        }
                    }
                }
            }
        }
    }

    fn add_terms(&self, around: &Neighbourhood<'_, D>, linearization: &mut Linearization<D>) {
        let species = around.species();
        let legs = Legs::new(around, self.0.range());
        for i in 0..around.len() {
            let own = legs.of(i);
            for (first, &(j, r_ij)) in own.iter().enumerate() {
                for &(k, r_ik) in &own[first + 1..] {
                    let edges = [r_ij, r_ik, subtract(&r_ik, &r_ij)];
                    let derivatives = self.0.hessian(
                        species[i],
                        [species[j], species[k]],
                        edges.map(|edge| norm_squared(&edge)),
                    );
                    let forces = triplet_forces(&derivatives.1, &edges);
                    let squares = 0.5 * forces.iter().map(norm_squared).sum::<f64>();
                    linearization.add_triplet([i, j, k], edges, derivatives, squares);
                }
            }
        }
    }
}

/// The forces on `i, j, k` of a term with derivatives `g_e` in the squared edges `ij, ik, jk`.
#[inline(always)]
fn triplet_forces<const D: usize>(gradient: &[f64; 3], edges: &[Vector<D>; 3]) -> [Vector<D>; 3] {
    let [ij, ik, jk]: [Vector<D>; 3] =
        std::array::from_fn(|e| std::array::from_fn(|c| 2.0 * gradient[e] * edges[e][c]));
    [
        std::array::from_fn(|c| ij[c] + ik[c]),
        std::array::from_fn(|c| jk[c] - ij[c]),
        std::array::from_fn(|c| -ik[c] - jk[c]),
    ]
}

/// The sum of two potentials, for example of a pair and a three-body part.
#[derive(Clone, Debug)]
pub struct Sum<A, B>(pub A, pub B);

impl<const D: usize, A: Potential<D>, B: Potential<D>> Potential<D> for Sum<A, B> {
    fn range(&self) -> f64 {
        self.0.range().max(self.1.range())
    }
    fn pair_range(&self, first: Species, second: Species) -> f64 {
        let ranges = (
            self.0.pair_range(first, second),
            self.1.pair_range(first, second),
        );
        ranges.0.max(ranges.1)
    }
    fn species_count(&self) -> usize {
        self.0.species_count().min(self.1.species_count())
    }
    fn add_forces(
        &self,
        around: &Neighbourhood<'_, D>,
        forces: &mut [Vector<D>],
        totals: &mut Totals<D>,
    ) {
        self.0.add_forces(around, forces, totals);
        self.1.add_forces(around, forces, totals);
    }
    fn add_terms(&self, around: &Neighbourhood<'_, D>, linearization: &mut Linearization<D>) {
        self.0.add_terms(around, linearization);
        self.1.add_terms(around, linearization);
    }
}
