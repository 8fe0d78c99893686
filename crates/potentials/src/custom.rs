//! Mixtures whose pair energies are given at run time, as formulas or tables.

use crate::decorators::{Ended, Shift};
use crate::error::MixtureError;
use crate::formula::Formula;
use crate::mixtures::PairTable;
use crate::tabulated::Tabulated;
use std::collections::BTreeMap;
use vitreous_md_core::{Radial, Scalar, SpeciesTable};

/// A pair energy given at run time.
#[derive(Clone, Debug, PartialEq)]
pub enum PairFunction {
    /// By a formula.
    Formula(Formula),
    /// By a table.
    Table(Tabulated),
}

impl Radial for PairFunction {
    fn range(&self) -> f64 {
        match self {
            Self::Formula(formula) => formula.range(),
            Self::Table(table) => table.range(),
        }
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        match self {
            Self::Formula(formula) => formula.energy(squared_distance),
            Self::Table(table) => table.energy(squared_distance),
        }
    }
}

/// The text that gives a pair energy.
#[derive(Clone, Debug, PartialEq)]
pub enum PairText {
    /// A formula: see [`Formula`].
    Formula(String),
    /// The points of a table: see [`Tabulated`] and its `FromStr`.
    Table(String),
}

/// One or two species with pair energies given as text.
///
/// ```
/// use vitreous_md_core::Potential;
/// use vitreous_potentials::{CustomMixture, PairText};
/// let mut model = CustomMixture::default();
/// model.constants.insert("depth".into(), 2.0);
/// model.energies.aa = Some(PairText::Formula("depth*(exp(-2*(r-1)) - 2*exp(-(r-1)))".into()));
/// model.cutoffs.aa = Some(6.0);
/// let potential = model.potential()?;
/// assert_eq!((Potential::<3>::range(&potential), Potential::<3>::species_count(&potential)), (6.0, 1));
/// # Ok::<(), vitreous_potentials::MixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CustomMixture {
    /// The energies; those of AB and BB may be missing together, for one species.
    pub energies: PairTable<Option<PairText>>,
    /// The cut-offs; that of a table may be missing and is then its last distance.
    pub cutoffs: PairTable<Option<f64>>,
    /// How the functions end there.
    pub shift: Shift,
    /// Values of the names in the formulas.
    pub constants: BTreeMap<String, f64>,
}

impl Default for CustomMixture {
    /// No energies yet; smoothed to second order, so that forces and Hessian are continuous.
    fn default() -> Self {
        Self {
            energies: PairTable::new(None, None, None),
            cutoffs: PairTable::new(None, None, None),
            shift: Shift::Smooth(2),
            constants: BTreeMap::new(),
        }
    }
}

impl CustomMixture {
    /// The number of species: 1 if only AA has an energy, else 2.
    pub fn species_count(&self) -> usize {
        if self.energies.ab.is_none() && self.energies.bb.is_none() {
            1
        } else {
            2
        }
    }

    /// The potential.
    ///
    /// # Errors
    /// A pair without an energy or a formula without a cut-off; formulas and tables that are none; cut-offs
    /// that are not positive and finite, or where the function is not finite.
    pub fn potential(&self) -> Result<SpeciesTable<Ended<PairFunction>>, MixtureError> {
        let species = self.species_count();
        let mut functions = Vec::new();
        for (first, second) in [(0, 0), (0, 1), (1, 1)] {
            if second < species {
                let pair = ["AA", "AB", "BB"][first + second];
                functions.push(self.pair(pair, first, second)?);
            }
        }
        Ok(SpeciesTable::new(species, |first, second| {
            functions[first + second].clone()
        })?)
    }

    fn pair(
        &self,
        pair: &'static str,
        first: usize,
        second: usize,
    ) -> Result<Ended<PairFunction>, MixtureError> {
        let function = match self.energies.between(first, second) {
            None => return Err(MixtureError::NoEnergy { pair }),
            Some(PairText::Formula(text)) => PairFunction::Formula(
                Formula::new(text, &self.constants)
                    .map_err(|error| MixtureError::Formula { pair, error })?,
            ),
            Some(PairText::Table(text)) => PairFunction::Table(
                text.parse()
                    .map_err(|error| MixtureError::Tabulated { pair, error })?,
            ),
        };
        let range = function.range();
        let cutoff = match self.cutoffs.between(first, second) {
            Some(cutoff) => *cutoff,
            None if range.is_finite() => range,
            None => return Err(MixtureError::NoCutoff { pair }),
        };
        Ended::new(function, cutoff, self.shift).map_err(|error| MixtureError::Pair {
            pair,
            error: Box::new(error),
        })
    }
}
