//! What a driver shows to observables, and how it learns when.

use super::CorrelatorError;
use crate::neighbours::NeighbourLists;

/// The state of a trajectory at one step: what the driver has, of which each observable takes what it needs.
///
/// # Examples
///
/// ```
/// use vitreous_observables::Frame;
///
/// let positions = [[0.0, 0.0], [1.0, 0.5]];
/// let velocities = [[0.3, 0.0], [-0.3, 0.0]];
/// let frame = Frame::new(40, &positions).with_velocities(&velocities);
/// assert_eq!(frame.step, 40);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a, const D: usize> {
    /// The step, counted from the start of the run.
    pub step: u64,
    /// Unwrapped positions, `N x D`. May be empty for observables that do not look at them.
    pub positions: &'a [[f64; D]],
    /// Velocities, `N x D`.
    pub velocities: Option<&'a [[f64; D]]>,
    /// The stress tensor, energy per volume; for Green-Kubo integrals with its kinetic part.
    pub stress: Option<[[f64; D]; D]>,
    /// The neighbours of every particle, where the caller decides who they are.
    pub neighbours: Option<&'a NeighbourLists>,
}

impl<'a, const D: usize> Frame<'a, D> {
    /// A frame of positions (`N x D`, unwrapped) alone.
    pub fn new(step: u64, positions: &'a [[f64; D]]) -> Self {
        Self {
            step,
            positions,
            velocities: None,
            stress: None,
            neighbours: None,
        }
    }

    /// Adds velocities (`N x D`).
    pub fn with_velocities(mut self, velocities: &'a [[f64; D]]) -> Self {
        self.velocities = Some(velocities);
        self
    }

    /// Adds the stress tensor.
    pub fn with_stress(mut self, stress: [[f64; D]; D]) -> Self {
        self.stress = Some(stress);
        self
    }

    /// Adds neighbours, which then take the place of those that an observable would look for.
    pub fn with_neighbours(mut self, neighbours: &'a NeighbourLists) -> Self {
        self.neighbours = Some(neighbours);
        self
    }
}

/// What is measured along a trajectory, frame by frame.
///
/// The driver integrates up to [`next_step`](Self::next_step), without interruption, and calls
/// [`observe`](Self::observe). A slice of observables is an observable: it asks for the earliest of the steps, and
/// passes a frame to those that asked for it.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{Frame, LogSchedule, Observable, OverlapCorrelator, VelocityCorrelator};
///
/// let species = [0, 0, 0];
/// let mut overlap = OverlapCorrelator::<2>::new(&species, 0.3, LogSchedule::new(1, 50, 5)?, 10)?;
/// let mut velocity = VelocityCorrelator::<2>::new(&species, LogSchedule::new(1, 8, 9)?, 4)?;
/// let mut all: [&mut dyn Observable<2>; 2] = [&mut overlap, &mut velocity];
/// while all.next_step() <= 200 {
///     let step = all.next_step(); // integrate up to here
///     let velocities = [[0.1, 0.0], [0.0, -0.2], [-0.1, 0.2]];
///     let positions = velocities.map(|v| v.map(|v| 0.005 * v * step as f64));
///     all.observe(&Frame::new(step, &positions).with_velocities(&velocities))?;
/// }
/// assert_eq!(overlap.finish().species[0].overlap.values[0], 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Observable<const D: usize> {
    /// The next step at which a frame is needed; `u64::MAX` from an observable that takes whatever frames come.
    fn next_step(&self) -> u64;

    /// Takes in a frame.
    ///
    /// # Errors
    ///
    /// If the step is not the one asked for, or the frame lacks what is measured, or has the wrong shape, or contains
    /// numbers that are not finite.
    fn observe(&mut self, frame: &Frame<'_, D>) -> Result<(), CorrelatorError>;
}

impl<const D: usize> Observable<D> for [&mut dyn Observable<D>] {
    fn next_step(&self) -> u64 {
        let steps = self.iter().map(|observable| observable.next_step());
        steps.min().unwrap_or(u64::MAX)
    }

    fn observe(&mut self, frame: &Frame<'_, D>) -> Result<(), CorrelatorError> {
        for observable in self {
            let next = observable.next_step();
            if frame.step > next {
                return Err(CorrelatorError::UnexpectedStep {
                    expected: next,
                    given: frame.step,
                });
            }
            if frame.step == next || next == u64::MAX {
                observable.observe(frame)?;
            }
        }
        Ok(())
    }
}
