//! Soft modes that are localised whatever they overlap with in frequency: pseudoharmonic, cubic and quartic.

mod homogeneous_form;
pub mod pseudoharmonic;
pub mod quasilocalised;

pub use homogeneous_form::{SoftModeError, SoftModeSearch, Unconverged};
