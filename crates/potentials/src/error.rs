//! What is said of a parameter that a potential cannot have.

use thiserror::Error;

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
