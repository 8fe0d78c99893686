//! What can be wrong with a dump.

use crate::cell::CellError;
use crate::configuration::ConfigurationError;
use crate::files::TextError;
use thiserror::Error;

/// Why a dump could not be read.
pub type DumpError = TextError<Problem>;

/// What is wrong with a line.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Problem {
    /// The text ends in a frame, or before the first.
    #[error("the text ends where {expected} was expected")]
    Truncated {
        /// What is missing.
        expected: String,
    },
    /// Another line than one that begins a part of a frame.
    #[error("'{text}' stands where {expected} was expected")]
    Item {
        /// The line.
        text: String,
        /// What was expected.
        expected: String,
    },
    /// A part that must come before the atoms.
    #[error("the frame lacks ITEM: {item} before its atoms")]
    Missing {
        /// The part.
        item: String,
    },
    /// The value of an item.
    #[error("'{text}' is no value of ITEM: {item}: {}", expected_value(item))]
    Value {
        /// The item.
        item: String,
        /// The text found.
        text: String,
    },
    /// Words after `BOX BOUNDS` that are not known.
    #[error(
        "BOX BOUNDS is followed by '{text}': expected is pp pp pp, after xy xz yz or abc origin if the box is sheared"
    )]
    Bounds {
        /// The words.
        text: String,
    },
    /// A line of `BOX BOUNDS`.
    #[error("'{text}' is no line of BOX BOUNDS, which here are {width} finite numbers each")]
    BoundsRow {
        /// The line.
        text: String,
        /// The number of numbers.
        width: usize,
    },
    /// A box without length.
    #[error("the box extends along {axis} from {low} to {high}: its length must be positive")]
    Empty {
        /// The direction.
        axis: &'static str,
        /// Where it begins.
        low: f64,
        /// Where it ends.
        high: f64,
    },
    /// A direction that is not periodic.
    #[error(
        "the box has the boundary '{found}' along {axis}: only periodic ones (pp) can be treated"
    )]
    Boundary {
        /// The direction.
        axis: &'static str,
        /// The boundary.
        found: String,
    },
    /// A cell that is not flat.
    #[error(
        "component {axis} of lattice vector {vector} is {value}, but it must be 0 in 2 dimensions"
    )]
    OutOfPlane {
        /// The lattice vector, from 1.
        vector: usize,
        /// The component.
        axis: &'static str,
        /// Its value.
        value: f64,
    },
    /// Columns that contradict each other or lack what is needed.
    #[error("the columns '{names}' of ITEM: ATOMS {problem}")]
    Columns {
        /// The columns.
        names: String,
        /// What is wrong.
        problem: String,
    },
    /// An atom with too many or too few columns.
    #[error("{found} columns instead of {expected}: {names}")]
    ColumnCount {
        /// Their number.
        found: usize,
        /// The number announced.
        expected: usize,
        /// The columns announced.
        names: String,
    },
    /// An entry that is not of the kind its column has.
    #[error("column {column}, {name}, is '{text}': it must be {form}")]
    Entry {
        /// The column, from 1.
        column: usize,
        /// Its name.
        name: String,
        /// The text found.
        text: String,
        /// What it must be.
        form: &'static str,
    },
    /// Two atoms with one identifier.
    #[error("the id {identifier} appears twice in a frame: ids tell atoms apart")]
    DuplicateIdentifier {
        /// The identifier.
        identifier: i64,
    },
    /// A label that is not in the table.
    #[error("the species '{label}' is not one of those known: {known}")]
    UnknownLabel {
        /// The label.
        label: String,
        /// The labels known.
        known: String,
    },
    /// The lattice vectors.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The particles.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
}

fn expected_value(item: &str) -> &'static str {
    match item {
        "TIMESTEP" => "it must be a whole number, not negative",
        "TIME" => "it must be a finite number",
        _ => "it must be a positive whole number",
    }
}
