//! What is measured between an origin and a later frame: displacements, overlaps, densities, velocities.
//!
//! | accumulator | what it measures |
//! |---|---|
//! | [`SelfCorrelator`] | `<r^2>`, `alpha_2`, `F_s(q, t)` of each species |
//! | [`CageRelativeCorrelator`] | the same of displacements relative to the neighbours |
//! | [`OverlapCorrelator`] | overlap `Q(t)` and `chi_4(t)` |
//! | [`DisplacementCorrelator`] | distributions: `G_s(x, t)` and `P(log10 r)` |
//! | [`CollectiveCorrelator`] | `F_ab(q, t)` of densities |
//! | [`VelocityCorrelator`] | `<v(0) . v(t)>` |
//!
//! All share one scheme of origins, that of [`Correlator`](crate::correlator::Correlator). The stress, which is
//! sampled densely and for long, has a scheme of its own: [`stress`](crate::stress).

mod cage_relative;
mod collective;
mod displacements;
mod moments;
mod overlap;
mod self_motion;
mod velocities;

pub use cage_relative::{CageRelative, CageRelativeCorrelator, CageSnapshot};
pub use collective::{Collective, CollectiveCorrelations, CollectiveCorrelator, PartialScattering};
pub use displacements::{
    Bins, DisplacementCorrelator, DisplacementDistributions, Displacements, Histogram,
    SpeciesDistributions,
};
pub use moments::{SelfCorrelations, SpeciesCorrelations};
pub use overlap::{Overlap, OverlapCorrelations, OverlapCorrelator, OverlapSeries};
pub use self_motion::{PositionsAndPhases, SelfCorrelator, SelfMotion};
pub use velocities::{Velocities, VelocityCorrelations, VelocityCorrelator, VelocitySnapshot};

use crate::correlator::{Composition, CorrelatorError, Frame};
use crate::serde_arrays;
use crate::wave_vectors::Lanes;
use serde::{Deserialize, Serialize};

/// Positions of a frame, relative to the centre of mass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Positions<const D: usize> {
    #[serde(with = "serde_arrays")]
    groups: Vec<[Lanes; D]>,
}

impl<const D: usize> Positions<D> {
    fn of_frame(composition: &Composition, frame: &Frame<'_, D>) -> Result<Self, CorrelatorError> {
        let sorted = composition.centred(frame.step, "position", frame.positions)?;
        let groups = composition.packed(&sorted);
        Ok(Self { groups })
    }
}
