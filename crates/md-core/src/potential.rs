//! What a potential is, for pairs and for triplets.
//!
//! Energies are functions of *squared* distances `s = |r|^2`: a pair term is `U(s_ij)`, a three-body term
//! `U(s_ij, s_ik, s_jk)`. From its derivatives `g_e = dU/ds_e` and `h_ef = d2U/ds_e ds_f` follow, in one
//! place for all potentials: the forces `-2 g_e r_e`, the stress, the Hessian and every strain derivative
//! (see [`crate::linearization`]), and derivatives of higher order along straight paths (see
//! [`crate::directional`]).
//!
//! | you have | implement | and get a [`Potential`] by |
//! |---|---|---|
//! | a pair energy `phi(r)` | [`Radial`](crate::Radial) | [`SpeciesTable`](crate::SpeciesTable) |
//! | the same, for particles of different diameters | [`Radial`](crate::Radial) | [`Polydisperse`](crate::Polydisperse) |
//! | a three-body energy | [`Triplet`](crate::Triplet) | [`ThreeBody`](crate::ThreeBody) |
//! | several of them | | [`Sum`] |

use crate::configuration::{Configuration, Species};
use crate::force_error::ForceError;
use crate::linearization::Linearization;
use crate::neighbours::Neighbourhood;
use crate::path::{Direction, PathSums};
use crate::totals::Totals;
use crate::vector::Vector;

/// A potential energy of particles in `D` dimensions: what dynamics, minimisers and linearisation need.
///
/// Implemented by [`SpeciesTable`](crate::SpeciesTable), [`Polydisperse`](crate::Polydisperse),
/// [`ThreeBody`](crate::ThreeBody) and [`Sum`] on top of the terms that users write; the trait is
/// object-safe, so a model can be chosen at run time.
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

    /// Checks that the potential knows the particles: their species, and what else it needs of them.
    /// Asked before forces, once for the same species and diameters in the same cell: positions are no part of it.
    ///
    /// # Errors
    /// The first particle that it does not know.
    fn check(&self, configuration: &Configuration<D>) -> Result<(), ForceError> {
        let count = self.species_count();
        let unknown = |species: &Species| species.index() >= count;
        match configuration.species().iter().position(unknown) {
            None => Ok(()),
            Some(particle) => Err(ForceError::UnknownSpecies {
                particle,
                species: configuration.species()[particle].0,
                count,
            }),
        }
    }

    /// Adds the forces to `forces` (`N x D`, of particles that passed [`Potential::check`]) and the sums that come with them to `totals` (of the strain
    /// gradient, the upper triangle).
    fn add_forces(
        &self,
        around: &Neighbourhood<'_, D>,
        forces: &mut [Vector<D>],
        totals: &mut Totals<D>,
    );

    /// Adds every term with its first and second derivatives to a linearisation.
    fn add_terms(&self, around: &Neighbourhood<'_, D>, linearization: &mut Linearization<D>);

    /// Adds energy, gradient and strain gradient along a straight path, as series in its parameter.
    fn add_along(
        &self,
        around: &Neighbourhood<'_, D>,
        direction: &Direction<'_, D>,
        sums: &mut PathSums<D>,
    );
}

/// What points to a potential is one.
macro_rules! pointers {
    ($($pointer:ty),*) => {
        $(
            impl<const D: usize, P: Potential<D> + ?Sized> Potential<D> for $pointer {
                fn range(&self) -> f64 {
                    (**self).range()
                }
                fn pair_range(&self, first: Species, second: Species) -> f64 {
                    (**self).pair_range(first, second)
                }
                fn species_count(&self) -> usize {
                    (**self).species_count()
                }
                fn check(&self, configuration: &Configuration<D>) -> Result<(), ForceError> {
                    (**self).check(configuration)
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
                fn add_along(
                    &self,
                    around: &Neighbourhood<'_, D>,
                    direction: &Direction<'_, D>,
                    sums: &mut PathSums<D>,
                ) {
                    (**self).add_along(around, direction, sums);
                }
            }
        )*
    };
}

pointers!(Box<P>, &P);

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
    fn check(&self, configuration: &Configuration<D>) -> Result<(), ForceError> {
        self.0.check(configuration)?;
        self.1.check(configuration)
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
    fn add_along(
        &self,
        around: &Neighbourhood<'_, D>,
        direction: &Direction<'_, D>,
        sums: &mut PathSums<D>,
    ) {
        self.0.add_along(around, direction, sums);
        self.1.add_along(around, direction, sums);
    }
}
