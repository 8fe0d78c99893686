//! A potential with its neighbour list: forces at one configuration after another.

use crate::configuration::Configuration;
use crate::force_error::ForceError;
use crate::linearization::Linearization;
use crate::neighbours::{Neighbourhood, Ranges, VerletList, Work};
use crate::potential::Potential;
use crate::precision::Precision;
use crate::threads::{LIGHT_PART, Threads, look_at_parts};
use crate::totals::Totals;
use crate::vector::{Matrix, Vector, all_finite, norm_squared};
use std::num::NonZeroUsize;

/// Energy, forces and stress at a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Mechanics<const D: usize> {
    /// The forces `-dU/dx`, `N x D`.
    pub forces: Vec<Vector<D>>,
    /// Energy, strain gradient, squared term forces.
    pub totals: Totals<D>,
    /// The volume `V`.
    pub volume: f64,
}

impl<const D: usize> Mechanics<D> {
    /// The potential energy `U`.
    pub fn energy(&self) -> f64 {
        self.totals.energy
    }

    /// The potential part of the stress `(1/V) dU/dF`, tension positive, `D x D`.
    pub fn stress(&self) -> Matrix<D> {
        self.totals
            .strain_gradient
            .map(|row| row.map(|entry| entry / self.volume))
    }

    /// The potential part of the pressure, `-tr(stress)/D`.
    pub fn pressure(&self) -> f64 {
        -(0..D)
            .map(|k| self.totals.strain_gradient[k][k])
            .sum::<f64>()
            / (D as f64 * self.volume)
    }

    /// How well the forces cancel.
    pub fn balance(&self) -> ForceBalance {
        ForceBalance::new(&self.forces, self.totals.squared_term_forces)
    }
}

/// How well forces cancel: the net forces on particles beside the forces of the interactions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForceBalance {
    /// `sqrt(sum_i |F_i|^2 / N)`.
    pub net: f64,
    /// `sqrt(sum_pairs f_ij^2 / N)`.
    pub interaction: f64,
    /// `max_i |F_i|`.
    pub largest: f64,
}

impl ForceBalance {
    fn new<const D: usize>(forces: &[Vector<D>], squared_term_forces: f64) -> Self {
        let particles = forces.len() as f64;
        let squares = || forces.iter().map(norm_squared);
        Self {
            net: (squares().sum::<f64>() / particles).sqrt(),
            interaction: (squared_term_forces / particles).sqrt(),
            largest: squares().fold(0.0, f64::max).sqrt(),
        }
    }

    /// The force ratio `net / interaction`: the quality of a minimum; zero where no force acts at all.
    pub fn ratio(&self) -> f64 {
        if self.net == 0.0 {
            0.0
        } else {
            self.net / self.interaction
        }
    }
}

/// A potential with the neighbour list that serves it along a trajectory or a minimisation.
pub struct ForceField<'a, const D: usize> {
    potential: &'a dyn Potential<D>,
    list: VerletList<D>,
    threads: Threads,
    precision: Precision,
    evaluations: u64,
}

impl<'a, const D: usize> ForceField<'a, D> {
    /// The width of the skin in units of the range: a compromise between the cost of a longer list and that
    /// of building it more often, good to some percent for dense liquids.
    pub const SKIN: f64 = 0.3;

    /// A force field with the default skin.
    pub fn new(potential: &'a dyn Potential<D>) -> Self {
        Self::with_skin(potential, Self::SKIN * potential.range())
    }

    /// A force field whose list reaches `skin` beyond the range of the potential; a skin that is not a positive
    /// number is none.
    pub fn with_skin(potential: &'a dyn Potential<D>, skin: f64) -> Self {
        let skin = if skin.is_finite() { skin.max(0.0) } else { 0.0 };
        Self {
            potential,
            list: VerletList::new(&ranges(potential), skin),
            threads: Threads::default(),
            precision: Precision::default(),
            evaluations: 0,
        }
    }

    /// The same force field, working with several threads where there are particles enough (more than about two
    /// thousand). The results have the same bits for any number of threads.
    ///
    /// # Errors
    /// Threads that do not start.
    pub fn with_threads(self, threads: NonZeroUsize) -> Result<Self, ForceError> {
        Ok(Self {
            threads: Threads::new(threads)?,
            ..self
        })
    }

    /// The same force field, computing the forces of pairs in another precision.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// How often forces were evaluated.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }

    /// How often the neighbour list was built.
    pub fn list_builds(&self) -> u64 {
        self.list.builds()
    }

    /// Forgets the neighbour list, so that what follows depends on the positions alone and not on the
    /// configurations seen before (the order of the list sets the last bits of sums).
    pub fn reset(&mut self) {
        self.list.reset();
    }

    /// Energy, forces and stress in one pass.
    ///
    /// # Errors
    /// A species that the potential does not know; coordinates, energy or forces that are not finite.
    pub fn evaluate(
        &mut self,
        configuration: &Configuration<D>,
    ) -> Result<Mechanics<D>, ForceError> {
        let mut mechanics = Mechanics {
            forces: Vec::new(),
            totals: Totals::zero(),
            volume: configuration.cell().volume(),
        };
        self.evaluate_into(configuration, &mut mechanics)?;
        Ok(mechanics)
    }

    /// As [`ForceField::evaluate`], reusing the memory of an earlier result.
    ///
    /// # Errors
    /// As [`ForceField::evaluate`].
    pub fn evaluate_into(
        &mut self,
        configuration: &Configuration<D>,
        mechanics: &mut Mechanics<D>,
    ) -> Result<(), ForceError> {
        self.evaluations += 1;
        let (potential, list, precision) = (self.potential, &mut self.list, self.precision);
        self.threads.run(configuration.len(), |shared| {
            let finite = look_at_parts(shared, configuration.positions(), LIGHT_PART, |_, part| {
                all_finite(part.as_flattened())
            });
            if finite.contains(&false) {
                configuration.check_finite()?;
            }
            if !list.knows(configuration) {
                potential.check(configuration)?;
            }
            let around = list.update_for(configuration, Work { shared, precision });
            mechanics.volume = configuration.cell().volume();
            mechanics.totals = Totals::zero();
            mechanics.forces.clear();
            mechanics.forces.resize(configuration.len(), [0.0; D]);
            potential.add_forces(&around, &mut mechanics.forces, &mut mechanics.totals);
            mechanics.totals.symmetrize();
            if mechanics.totals.is_finite() {
                Ok(())
            } else {
                Err(explain(configuration, &around))
            }
        })
    }

    /// As [`linearize`], with the neighbour list at hand and the memory of an earlier result.
    ///
    /// # Errors
    /// As [`ForceField::evaluate`].
    pub fn linearize_into(
        &mut self,
        configuration: &Configuration<D>,
        linearization: &mut Linearization<D>,
    ) -> Result<(), ForceError> {
        configuration.check_finite()?;
        self.potential.check(configuration)?;
        let around = self.list.update(configuration);
        linearization.clear(configuration);
        self.potential.add_terms(&around, linearization);
        let curvatures = linearization.edges().iter().map(|edge| edge.curvature);
        let couplings = linearization.couplings().iter();
        let couplings = couplings.map(|coupling| coupling.curvature);
        let finite =
            linearization.totals().is_finite() && curvatures.chain(couplings).all(f64::is_finite);
        if finite {
            Ok(())
        } else {
            Err(explain(configuration, &around))
        }
    }
}

/// All terms of a potential with their first and second derivatives at a configuration.
///
/// # Errors
/// As [`ForceField::evaluate`].
pub fn linearize<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: &Configuration<D>,
) -> Result<Linearization<D>, ForceError> {
    let mut linearization = Linearization::empty(configuration);
    ForceField::with_skin(potential, 0.0).linearize_into(configuration, &mut linearization)?;
    Ok(linearization)
}

pub(crate) fn ranges<const D: usize>(potential: &dyn Potential<D>) -> Ranges {
    Ranges::new(potential.species_count(), |first, second| {
        potential.pair_range(first, second)
    })
}

/// Finds what made energy or forces overflow.
pub(crate) fn explain<const D: usize>(
    configuration: &Configuration<D>,
    around: &Neighbourhood<'_, D>,
) -> ForceError {
    if let Err(error) = configuration.check_finite() {
        return error.into();
    }
    let closest = (0..around.len())
        .flat_map(|i| {
            around
                .of(i)
                .map(move |(j, r)| (i, j, norm_squared(&r).sqrt()))
        })
        .min_by(|a, b| a.2.total_cmp(&b.2));
    match closest {
        Some((first, second, distance)) => ForceError::Overlap {
            first,
            second,
            distance,
        },
        None => ForceError::NotFinite,
    }
}

impl<const D: usize> std::fmt::Debug for ForceField<'_, D> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ForceField")
            .field("range", &self.potential.range())
            .field("evaluations", &self.evaluations)
            .field("list_builds", &self.list.builds())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::configuration::Species;
    use crate::pairs::{Radial, SpeciesTable};
    use crate::scalar::Scalar;

    #[derive(Clone)]
    struct InverseTenth;

    impl Radial for InverseTenth {
        fn range(&self) -> f64 {
            2.0
        }
        fn energy<S: Scalar>(&self, squared_distance: S) -> S {
            squared_distance.powi(-5)
        }
    }

    /// Energy and forces are still finite at 1e-17, their squares are not: the ratio of forces would be zero.
    #[test]
    fn particles_that_all_but_coincide_are_an_error_with_their_distance() {
        let table = SpeciesTable::uniform(InverseTenth).unwrap();
        let cell = Cell::<2>::orthorhombic([5.0, 5.0]).unwrap();
        for distance in [0.0, 1e-17, 1e-30] {
            let close =
                Configuration::new(cell, vec![[0.0, 1.0], [distance, 1.0]], vec![Species(0); 2])
                    .unwrap();
            let errors = [
                ForceField::new(&table)
                    .evaluate(&close)
                    .map(|_| ())
                    .unwrap_err(),
                linearize(&table, &close).map(|_| ()).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(
                    error,
                    ForceError::Overlap {
                        first: 0,
                        second: 1,
                        distance
                    }
                );
            }
        }
    }
}
