//! Particles of continuously distributed size.
//!
//! The polydisperse soft spheres of Ninarello, Berthier & Coslovich, Phys. Rev. X 7, 021039 (2017) are
//!
//! ```text
//! phi(r) = eps [x^-12 + c_0 + c_2 x^2 + c_4 x^4],   x = r/sigma_ij < 1.25
//! sigma_ij = (sigma_i + sigma_j)/2 (1 - 0.2 |sigma_i - sigma_j|)
//! ```
//!
//! with diameters distributed as `P(sigma) ~ sigma^-3` between 0.73 and 1.63:
//!
//! ```
//! use vitreous_md_core::{Configuration, ForceField, Polydisperse, Seed};
//! use vitreous_potentials::{InversePower, Smoothed, polydispersity::diameters};
//! let of_reduced_distance = Smoothed::<_, 3>::new(InversePower::new(1.0, 1.0, 12), 1.25)?;
//! let potential = Polydisperse::new(of_reduced_distance, 0.2, 1.63)?;
//! let liquid = Configuration::<3>::random(1000, 1.0, &[1.0], Seed(1))?
//!     .with_diameters(diameters(1000, 0.73, 1.63)?)?;
//! let mechanics = ForceField::new(&potential).evaluate(&liquid)?;
//! assert!(mechanics.pressure() > 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::decorators::{Ended, Shift};
use crate::error::MixtureError;
use crate::error::{ParameterError, check, positive};
use crate::functions::InversePower;
use vitreous_md_core::Polydisperse;

/// The polydisperse soft spheres of this [module](self).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolydisperseSpheres {
    /// The energy `eps`.
    pub energy: f64,
    /// The exponent of the inverse power.
    pub exponent: u32,
    /// The cut-off in units of `sigma_ij`.
    pub reduced_cutoff: f64,
    /// How the function ends there.
    pub shift: Shift,
    /// By how much `sigma_ij` falls below the mean, per difference of the diameters.
    pub non_additivity: f64,
    /// The smallest diameter of [`PolydisperseSpheres::diameters`].
    pub smallest_diameter: f64,
    /// The largest diameter that the potential knows.
    pub largest_diameter: f64,
}

impl Default for PolydisperseSpheres {
    /// The numbers of the source.
    fn default() -> Self {
        Self {
            energy: 1.0,
            exponent: 12,
            reduced_cutoff: 1.25,
            shift: Shift::Smooth(2),
            non_additivity: 0.2,
            smallest_diameter: 0.73,
            largest_diameter: 1.63,
        }
    }
}

impl PolydisperseSpheres {
    /// The potential, of configurations with diameters.
    ///
    /// # Errors
    /// Those of [`Ended::new`], [`Polydisperse::new`] and [`diameters`].
    pub fn potential(&self) -> Result<Polydisperse<Ended<InversePower>>, MixtureError> {
        self.diameters(0)?;
        let power = InversePower::new(self.energy, 1.0, self.exponent);
        let function = Ended::new(power, self.reduced_cutoff, self.shift)?;
        Ok(Polydisperse::new(
            function,
            self.non_additivity,
            self.largest_diameter,
        )?)
    }

    /// The diameters of a liquid: see [`diameters`].
    ///
    /// # Errors
    /// Those of [`diameters`].
    pub fn diameters(&self, particles: usize) -> Result<Vec<f64>, ParameterError> {
        diameters(particles, self.smallest_diameter, self.largest_diameter)
    }
}

/// The diameters of `particles` particles with the distribution `P(sigma) ~ sigma^-3` between `smallest` and
/// `largest`, in ascending order: the quantiles `p = (i + 1/2)/particles` of
///
/// ```text
/// sigma(p)^-2 = (1 - p) smallest^-2 + p largest^-2
/// ```
///
/// which are the same for every sample.
///
/// # Errors
/// Limits that are not positive and finite, or in the wrong order.
pub fn diameters(
    particles: usize,
    smallest: f64,
    largest: f64,
) -> Result<Vec<f64>, ParameterError> {
    positive("the smallest diameter", smallest)?;
    positive("the largest diameter", largest)?;
    check(
        "the largest diameter",
        largest,
        smallest <= largest,
        "at least as large as the smallest",
    )?;
    let ratio = smallest / largest;
    Ok((0..particles)
        .map(|i| {
            let p = (i as f64 + 0.5) / particles as f64;
            smallest / (1.0 - p * (1.0 - ratio * ratio)).sqrt()
        })
        .collect())
}
