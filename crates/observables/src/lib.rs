//! Observables of a glassforming liquid: what is measured along a trajectory, and the statistics of it.
//!
//! | module | question it answers |
//! |---|---|
//! | [`schedule`] | at which lags is a time correlation measured? |
//! | [`wave_vectors`] | which wave vectors of a periodic cell lie near the peak of the structure factor? |
//! | [`correlator`] | when is a frame needed, what is kept of it, and how are origins and runs averaged? |
//! | [`dynamics`] | how do particles move (`<r^2>`, `alpha_2`, `F_s`, overlap, distributions), and how do densities and velocities forget? |
//! | [`stress`] | how does the shear stress decay, and what is the viscosity? |
//! | [`multiple_tau`] | how does a signal correlate with itself over many decades? |
//! | [`neighbours`] | who is whose neighbour? |
//! | [`structure`] | what are `g(r)` and `S(q)`, where is the first peak, has the liquid crystallised? |
//! | [`relaxation`] | when has the liquid relaxed (`tau_alpha`), and how fast does it diffuse? |
//! | [`cage`] | when does ballistic flight end, and how high is the plateau? |
//! | [`stokes_einstein`] | how do diffusion and relaxation decouple: `D ~ tau^-x`? |
//! | [`thermalisation`] | are the measurements invariant under a translation in time? |
//! | [`blocking`] | how uncertain is the mean of one long series? |
//! | [`bootstrap`] | how uncertain is a number that was computed from samples? |
//! | [`mesoelastic`] | does `ln(tau/t0)` grow in proportion to `kappa/T`, and how far down in temperature? |
//!
//! The crate knows nothing of potentials, integrators or minimisers. Positions arrive as `&[[f64; D]]`
//! (`N x D`, unwrapped, that is, not folded back into the cell), species as indices `&[u8]` that count
//! from 0, lattice vectors as the rows of `[[f64; D]; D]`. Units are `m = k_B = 1`. Nothing here reads
//! a clock or the randomness of the system, and every number is the same, bit for bit, for any number
//! of threads.
//!
//! Equation and section numbers refer to Kapteijns et al., J. Chem. Phys. 155, 074502 (2021)
//! ("the paper").
//!
//! # Examples
//!
//! The relaxation time of particles in free flight (a stand-in for a molecular-dynamics driver):
//!
//! ```
//! use vitreous_observables::{LogSchedule, SelfCorrelator, WaveVectors, relaxation};
//!
//! let cell = [[8.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 8.0]];
//! let width = WaveVectors::default_width(&cell, 6.35)?;
//! let wave_vectors = WaveVectors::shell(&cell, 6.35, width)?.limited_to(30);
//! let schedule = LogSchedule::new(1, 200, 20)?;
//! let mut correlator = SelfCorrelator::new(&[0; 64], vec![wave_vectors], schedule, 50)?;
//!
//! let time_step = 0.005;
//! let velocity = |i: usize, k: usize| ((i * 37 + k * 11) as f64).sin();
//! while correlator.next_step() <= 1000 {
//!     let step = correlator.next_step(); // integrate, uninterrupted, up to here
//!     let time = step as f64 * time_step;
//!     let positions: Vec<[f64; 3]> =
//!         (0..64).map(|i| std::array::from_fn(|k| velocity(i, k) * time)).collect();
//!     correlator.push(step, &positions)?;
//! }
//! let result = correlator.finish();
//! let tau = relaxation::relaxation_time(
//!     &result.times(time_step),
//!     &result.species[0].self_scattering.values,
//!     relaxation::THRESHOLD,
//! )?;
//! assert!(tau > 0.1 && tau < 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod blocking;
pub mod bootstrap;
pub mod cage;
pub mod correlator;
mod distributions;
pub mod dynamics;
mod lattice;
mod line;
pub mod mesoelastic;
pub mod multiple_tau;
pub mod neighbours;
mod polynomial;
pub mod relaxation;
pub mod schedule;
mod serde_arrays;
pub mod stokes_einstein;
pub mod stress;
pub mod structure;
#[cfg(test)]
mod test_trajectories;
pub mod thermalisation;
pub mod wave_vectors;

pub use blocking::{Blocked, BlockedLevel, Blocking, BlockingError};
pub use bootstrap::{Bootstrap, BootstrapError, Interval};
pub use cage::Plateau;
pub use correlator::{Correlator, CorrelatorError, Frame, Observable, Series};
pub use dynamics::{
    CageRelativeCorrelator, CollectiveCorrelations, CollectiveCorrelator, DisplacementCorrelator,
    DisplacementDistributions, OverlapCorrelations, OverlapCorrelator, SelfCorrelations,
    SelfCorrelator, SpeciesCorrelations, VelocityCorrelations, VelocityCorrelator,
};
pub use mesoelastic::{
    FittedPoint, Mesoelastic, MesoelasticError, MesoelasticFit, MesoelasticIntervals, StatePoint,
    Stiffness,
};
pub use multiple_tau::{MultipleTau, MultipleTauError};
pub use neighbours::NeighbourLists;
pub use relaxation::{Diffusion, DiffusiveWindow, RelaxationError};
pub use schedule::{LogSchedule, ScheduleError};
pub use stokes_einstein::{StokesEinstein, StokesEinsteinError};
pub use stress::{StressCorrelations, StressCorrelator};
pub use structure::{
    BondOrder, Bonds, CrystalCriterion, CrystalVerdict, Crystallinity, PairCorrelation,
    PairCorrelationFunction, PairCorrelations, PartialStructureFactor, Peak, PeakError,
    StructureError, StructureFactor, StructureFactors,
};
pub use thermalisation::{InvarianceTest, ThermalisationError, Verdict};
pub use wave_vectors::{WaveVectorError, WaveVectors};
