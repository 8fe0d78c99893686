//! Pair potentials: a function of distance for each pair of species, or of distance over diameter.

mod forces;

use crate::configuration::{Configuration, Species};
use crate::force_error::ForceError;
use crate::lanes::Pack;
use crate::linearization::Linearization;
use crate::neighbours::Neighbourhood;
use crate::path::{Direction, PathSums, squared_length};
use crate::potential::Potential;
use crate::scalar::{Real, Scalar, Taylor};
use crate::totals::Totals;
use crate::vector::{Vector, norm_squared};
use forces::add_forces;
use thiserror::Error;

/// The energy of two particles as a function of their distance, for one pair of species.
///
/// Write [`Radial::energy`] once over a generic [`Scalar`]; derivatives of any order follow exactly by
/// truncated Taylor arithmetic. Override [`Radial::derivatives`] and [`Radial::slopes`] only for speed. To be part of a
/// potential a function must be `Clone`, and cheaply: forces work with copies. Share large tables by an `Arc`.
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

    /// `phi` and `dphi/ds` at several squared distances at a time: what forces are made of.
    ///
    /// By default number by number, from [`Radial::derivatives`] in `f64` and from [`Radial::energy`] in `f32`; without
    /// branches and without `exp`, `ln` and `sin_cos` the compiler may make vectors of that. What is written out with the
    /// operators of a [`Pack`] certainly is one, for every instruction set and in both precisions (see
    /// [`Precision`](crate::Precision)).
    ///
    /// ```
    /// use vitreous_md_core::{Pack, Radial, Scalar};
    /// /// phi(r) = r^-2
    /// struct InverseSquare;
    /// impl Radial for InverseSquare {
    ///     fn range(&self) -> f64 { f64::INFINITY }
    ///     fn energy<S: Scalar>(&self, squared_distance: S) -> S { squared_distance.recip() }
    ///     fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
    ///         let energy = squared_distances.recip();
    ///         [energy, -(energy * energy)]
    ///     }
    /// }
    /// ```
    #[inline(always)]
    fn slopes<P: Pack>(&self, squared_distances: P) -> [P; 2] {
        squared_distances.each(|squared_distance| Real::slope(self, squared_distance))
    }
}

/// Which function acts between two particles. The loops over pairs below serve every kind.
trait Pairs: Send + Sync {
    type Function: Radial + Clone;
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
        let unit = 1.0 / self.squared_diameter([diameters[i], diameters[j]]);
        if squared_distance * unit >= squared_range {
            return None;
        }
        let mut derivatives = function.derivatives(squared_distance * unit);
        let mut power = unit;
        for k in 1..N {
            derivatives[k] *= power;
            power *= unit;
        }
        Some(derivatives)
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

impl<F: Radial + Clone> Pairs for SpeciesTable<F> {
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

impl<F: Radial + Clone> Polydisperse<F> {
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

impl<F: Radial + Clone> Pairs for Polydisperse<F> {
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
        impl<const D: usize, F: Radial + Clone> Potential<D> for $name<F> {
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
