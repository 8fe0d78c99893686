//! Three-body potentials: the energy of two legs from a centre, summed over all centres and pairs of legs.

use crate::configuration::Species;
use crate::linearization::{EdgeIndex, Linearization};
use crate::neighbours::Neighbourhood;
use crate::path::{Direction, PathSums, squared_length};
use crate::potential::Potential;
use crate::scalar::{Dual, Scalar};
use crate::totals::Totals;
use crate::vector::{Vector, norm_squared, subtract};
use thiserror::Error;

/// The energy of a triplet: two legs `r_ij`, `r_ik` from a centre `i`.
///
/// Write [`Triplet::energy`] once over a generic [`Scalar`]; its derivatives follow exactly by dual numbers.
/// Override the other functions only for speed.
///
/// ```
/// use vitreous_md_core::{Potential, Scalar, Species, ThreeBody, Triplet};
/// /// U = stiffness (cos theta + 1/3)^2 (1 - s_ij/4)^3 (1 - s_ik/4)^3 for legs below 2, which want the angle
/// /// of a tetrahedron.
/// struct Angle { stiffness: f64 }
/// impl Triplet for Angle {
///     fn range(&self) -> f64 { 2.0 }
///     fn species_count(&self) -> usize { 1 }
///     fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], [ij, ik, jk]: [S; 3]) -> S {
///         let cosine = (ij + ik - jk) / ((ij * ik).sqrt() * 2.0);
///         let ends = (-ij / 4.0 + 1.0).powi(3) * (-ik / 4.0 + 1.0).powi(3);
///         (cosine + 1.0 / 3.0).powi(2) * ends * self.stiffness
///     }
/// }
/// let potential = ThreeBody::new(Angle { stiffness: 5.0 })?;
/// assert_eq!(Potential::<2>::range(&potential), 2.0);
/// # Ok::<(), vitreous_md_core::ThreeBodyError>(())
/// ```
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

    /// The energy of all triplets around one centre, `U_i = sum_{j<k} U(s_ij, s_ik, s_jk)`; writes its
    /// derivatives in the legs, `dU_i/dr_il` for every leg `l`, to `gradients`, which come as zeros.
    ///
    /// The forces of dynamics and minimisation come from here. Override it where the sum over pairs of legs
    /// can be done faster than term by term.
    #[inline(always)]
    fn centre<const D: usize>(
        &self,
        centre: Species,
        legs: &[Leg<D>],
        gradients: &mut [Vector<D>],
    ) -> f64 {
        let mut sum = 0.0;
        for (first, a) in legs.iter().enumerate() {
            for (second, b) in legs.iter().enumerate().skip(first + 1) {
                // The third edge is the difference of the legs, never a minimum image of its own.
                let third = subtract(&b.vector, &a.vector);
                let (energy, slopes) = self.gradient(
                    centre,
                    [a.species, b.species],
                    [a.squared_length, b.squared_length, norm_squared(&third)],
                );
                sum += energy;
                let [g_a, g_b, g_third] = slopes.map(|slope| 2.0 * slope);
                for k in 0..D {
                    gradients[first][k] += g_a * a.vector[k] - g_third * third[k];
                    gradients[second][k] += g_b * b.vector[k] + g_third * third[k];
                }
            }
        }
        sum
    }
}

/// A neighbour of a centre, within the range of a three-body term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg<const D: usize> {
    /// The species of the neighbour.
    pub species: Species,
    /// The vector from the centre to the neighbour.
    pub vector: Vector<D>,
    /// Its squared length.
    pub squared_length: f64,
}

/// A three-body potential from a [`Triplet`]: its sum over all centres and unordered pairs of legs.
///
/// In [`Totals::squared_term_forces`] the triplets of one centre count as one term.
#[derive(Clone, Debug)]
pub struct ThreeBody<T> {
    term: T,
}

/// Why a term does not make a three-body potential.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum ThreeBodyError {
    /// A range that is not a positive number.
    #[error("the range of a leg is {range}: it must be positive and finite")]
    Range {
        /// The range.
        range: f64,
    },
    /// No species, or more than [`Species`] can tell apart.
    #[error("a three-body term of {species} species: there must be from 1 to 256")]
    Species {
        /// Their number.
        species: usize,
    },
}

impl<T: Triplet> ThreeBody<T> {
    /// The potential of a term.
    ///
    /// # Errors
    /// A range that is not positive and finite; no species or more than 256.
    pub fn new(term: T) -> Result<Self, ThreeBodyError> {
        let (range, species) = (term.range(), term.species_count());
        if !(range.is_finite() && range > 0.0) {
            return Err(ThreeBodyError::Range { range });
        }
        if !(1..=256).contains(&species) {
            return Err(ThreeBodyError::Species { species });
        }
        Ok(Self { term })
    }

    /// The term.
    pub fn term(&self) -> &T {
        &self.term
    }
}

/// The legs of every particle, found once: each close pair is a leg of both its particles.
struct Legs<const D: usize> {
    starts: Vec<usize>,
    entries: Vec<Leg<D>>,
    /// Where each leg ends: the particle, and the number of the pair.
    ends: Vec<(u32, u32)>,
    pairs: Vec<(u32, u32, Vector<D>)>,
}

impl<const D: usize> Legs<D> {
    fn new(around: &Neighbourhood<'_, D>, range: f64) -> Self {
        let squared_range = range * range;
        let species = around.species();
        let mut pairs = Vec::with_capacity(8 * around.len());
        let mut starts = vec![0; around.len() + 1];
        for i in 0..around.len() {
            for (j, r) in around.of(i) {
                if norm_squared(&r) < squared_range {
                    starts[i + 1] += 1;
                    starts[j + 1] += 1;
                    pairs.push((i as u32, j as u32, r));
                }
            }
        }
        for i in 0..around.len() {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let none = Leg {
            species: Species(0),
            vector: [0.0; D],
            squared_length: 0.0,
        };
        let mut entries = vec![none; 2 * pairs.len()];
        let mut ends = vec![(0, 0); 2 * pairs.len()];
        for (pair, &(i, j, r)) in pairs.iter().enumerate() {
            let squared_length = norm_squared(&r);
            for (centre, end, vector) in [(i, j, r), (j, i, r.map(|c| -c))] {
                let place = &mut next[centre as usize];
                ends[*place] = (end, pair as u32);
                entries[*place] = Leg {
                    species: species[end as usize],
                    vector,
                    squared_length,
                };
                *place += 1;
            }
        }
        Self {
            starts,
            entries,
            ends,
            pairs,
        }
    }

    fn of(&self, centre: usize) -> (&[Leg<D>], &[(u32, u32)]) {
        let range = self.starts[centre]..self.starts[centre + 1];
        (&self.entries[range.clone()], &self.ends[range])
    }
}

/// Half the sum of the squared forces of one centre's triplets on its legs' ends and on itself.
fn squared_forces<const D: usize>(gradients: &[Vector<D>]) -> f64 {
    let mut on_centre = [0.0; D];
    let mut sum = 0.0;
    for gradient in gradients {
        sum += norm_squared(gradient);
        for k in 0..D {
            on_centre[k] += gradient[k];
        }
    }
    0.5 * (sum + norm_squared(&on_centre))
}

impl<const D: usize, T: Triplet> Potential<D> for ThreeBody<T> {
    fn range(&self) -> f64 {
        self.term.range()
    }

    fn species_count(&self) -> usize {
        self.term.species_count()
    }

    fn add_forces(
        &self,
        around: &Neighbourhood<'_, D>,
        forces: &mut [Vector<D>],
        totals: &mut Totals<D>,
    ) {
        let species = around.species();
        let all = Legs::new(around, self.term.range());
        let mut gradients: Vec<Vector<D>> = Vec::new();
        for i in 0..around.len() {
            let (legs, ends) = all.of(i);
            gradients.clear();
            gradients.resize(legs.len(), [0.0; D]);
            totals.energy += self.term.centre(species[i], legs, &mut gradients);
            totals.squared_term_forces += squared_forces(&gradients);
            for ((leg, &(end, _)), gradient) in legs.iter().zip(ends).zip(&gradients) {
                for k in 0..D {
                    forces[i][k] += gradient[k];
                    forces[end as usize][k] -= gradient[k];
                    for l in k..D {
                        totals.strain_gradient[k][l] += gradient[k] * leg.vector[l];
                    }
                }
            }
        }
    }

    fn add_terms(&self, around: &Neighbourhood<'_, D>, linearization: &mut Linearization<D>) {
        let species = around.species();
        let all = Legs::new(around, self.term.range());
        // Both particles of a pair have it as a leg: one edge serves both.
        let edges: Vec<EdgeIndex> = all
            .pairs
            .iter()
            .map(|&(i, j, r)| linearization.add_edge([i as usize, j as usize], r))
            .collect();
        let mut gradients: Vec<Vector<D>> = Vec::new();
        for i in 0..around.len() {
            let (legs, ends) = all.of(i);
            gradients.clear();
            gradients.resize(legs.len(), [0.0; D]);
            self.term.centre(species[i], legs, &mut gradients);
            linearization.add_squared_forces(squared_forces(&gradients));
            for (first, a) in legs.iter().enumerate() {
                for (second, b) in legs.iter().enumerate().skip(first + 1) {
                    let third = subtract(&b.vector, &a.vector);
                    let derivatives = self.term.hessian(
                        species[i],
                        [a.species, b.species],
                        [a.squared_length, b.squared_length, norm_squared(&third)],
                    );
                    let [(j, j_pair), (k, k_pair)] = [ends[first], ends[second]]
                        .map(|(end, pair)| (end as usize, pair as usize));
                    let third = linearization.add_edge([j, k], third);
                    linearization.add_triplet([edges[j_pair], edges[k_pair], third], derivatives);
                }
            }
        }
    }

    fn add_along(
        &self,
        around: &Neighbourhood<'_, D>,
        direction: &Direction<'_, D>,
        sums: &mut PathSums<D>,
    ) {
        let species = around.species();
        let all = Legs::new(around, self.term.range());
        for i in 0..around.len() {
            let (legs, ends) = all.of(i);
            for (first, a) in legs.iter().enumerate() {
                for (second, b) in legs.iter().enumerate().skip(first + 1) {
                    let [j, k] = [ends[first].0 as usize, ends[second].0 as usize];
                    let edges = [
                        ([i, j], a.vector),
                        ([i, k], b.vector),
                        ([j, k], subtract(&b.vector, &a.vector)),
                    ];
                    let changes =
                        edges.map(|([from, to], edge)| direction.of_edge(from, to, &edge));
                    let squares = std::array::from_fn(|e| squared_length(&edges[e].1, &changes[e]));
                    let energy = self.term.energy(
                        species[i],
                        [a.species, b.species],
                        Dual::variables(squares),
                    );
                    sums.add_energy(energy.value);
                    for e in 0..3 {
                        sums.add_edge(edges[e].0, &edges[e].1, &changes[e], energy.gradient[e]);
                    }
                }
            }
        }
    }
}
