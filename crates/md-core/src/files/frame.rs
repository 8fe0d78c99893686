//! A frame of a trajectory, whatever file it comes from.

use crate::configuration::Configuration;
use crate::vector::Vector;

/// A frame of a trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct TrajectoryFrame<const D: usize> {
    /// Cell, positions and species, in the order of the identifiers if there are any.
    pub configuration: Configuration<D>,
    /// Velocities, `N x D`, if the file has them.
    pub velocities: Option<Vec<Vector<D>>>,
    /// The identifier of each particle, increasing, if the file has them. Without, the order is that of the file.
    pub identifiers: Option<Vec<i64>>,
    /// The number of the time step, if the file has it.
    pub step: Option<u64>,
    /// The time, if the file has it, in the units of whoever wrote it.
    pub time: Option<f64>,
    /// Whether positions were folded back into the cell.
    pub wrapping: Wrapping,
}

impl<const D: usize> From<Configuration<D>> for TrajectoryFrame<D> {
    /// A frame of which nothing else is known.
    fn from(configuration: Configuration<D>) -> Self {
        Self {
            configuration,
            velocities: None,
            identifiers: None,
            step: None,
            time: None,
            wrapping: Wrapping::Unknown,
        }
    }
}

/// Whether positions were folded back into the cell. [`Unwrapper`](crate::files::unwrapping::Unwrapper) undoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// Differences between frames are displacements.
    Unwrapped,
    /// Particles that leave the cell come back on the other side.
    Wrapped,
    /// The format does not tell.
    Unknown,
}
