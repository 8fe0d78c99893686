//! What is said of parameters that a potential cannot have.

use crate::formula::FormulaError;
use crate::tabulated::TableError;
use thiserror::Error;
use vitreous_md_core::{PolydisperseError, SpeciesTableError, ThreeBodyError};

/// A parameter that a potential cannot have.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("{parameter} is {value}: it must be {requirement}")]
pub struct ParameterError {
    /// What it is.
    pub parameter: &'static str,
    /// Its value.
    pub value: f64,
    /// What it must be.
    pub requirement: &'static str,
}

/// Why a cut-off is none.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error(
    "the cut-off is {cutoff}: it must be positive and finite, at most the range {range} of the function, and the function finite there"
)]
pub struct CutoffError {
    /// The cut-off.
    pub cutoff: f64,
    /// The range of the function.
    pub range: f64,
}

/// Why parameters do not make a mixture.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum MixtureError {
    /// A cut-off.
    #[error(transparent)]
    Cutoff(#[from] CutoffError),
    /// A range.
    #[error(transparent)]
    SpeciesTable(#[from] SpeciesTableError),
    /// Another parameter.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// A three-body term.
    #[error(transparent)]
    ThreeBody(#[from] ThreeBodyError),
    /// Diameters.
    #[error(transparent)]
    Polydisperse(#[from] PolydisperseError),
    /// A pair of species without an energy.
    #[error("the pair {pair} has no energy: set formula.{pair} or table.{pair}")]
    NoEnergy {
        /// The pair.
        pair: &'static str,
    },
    /// A formula without a cut-off.
    #[error("the pair {pair} has a formula but no cut-off: set cutoff.{pair}")]
    NoCutoff {
        /// The pair.
        pair: &'static str,
    },
    /// The formula of a pair.
    #[error("pair {pair}: {error}")]
    Formula {
        /// The pair.
        pair: &'static str,
        /// Why it is none.
        error: FormulaError,
    },
    /// The end of a pair's function.
    #[error("pair {pair}: {error}")]
    Pair {
        /// The pair.
        pair: &'static str,
        /// What is wrong with it.
        error: Box<MixtureError>,
    },
    /// The table of a pair.
    #[error("pair {pair}: {error}")]
    Tabulated {
        /// The pair.
        pair: &'static str,
        /// Why it is none.
        error: TableError,
    },
}

pub(crate) fn finite(parameter: &'static str, value: f64) -> Result<f64, ParameterError> {
    check(parameter, value, value.is_finite(), "a finite number")
}

pub(crate) fn positive(parameter: &'static str, value: f64) -> Result<f64, ParameterError> {
    let holds = value.is_finite() && value > 0.0;
    check(parameter, value, holds, "positive and finite")
}

pub(crate) fn check(
    parameter: &'static str,
    value: f64,
    holds: bool,
    requirement: &'static str,
) -> Result<f64, ParameterError> {
    holds.then_some(value).ok_or(ParameterError {
        parameter,
        value,
        requirement,
    })
}
