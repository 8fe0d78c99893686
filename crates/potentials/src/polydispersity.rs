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
//! use vitreous_potentials::{InversePower, NonAdditive, Smoothed, polydispersity::diameters};
//! let of_reduced_distance = Smoothed::<_, 3>::new(InversePower::new(1.0, 1.0, 12), 1.25)?;
//! let sigma = diameters(1000, 0.73, 1.63)?;
//! let between = NonAdditive { nonadditivity: 0.2 }.diameter(sigma[0], sigma[999]);
//! assert!(between < (sigma[0] + sigma[999]) / 2.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::error::{ParameterError, check, positive};

/// The rule for the diameter of a pair of unlike particles that keeps large and small ones from separating:
///
/// ```text
/// sigma_ij = (sigma_i + sigma_j)/2 (1 - nonadditivity |sigma_i - sigma_j|)
/// ```
///
/// Source: Ninarello, Berthier & Coslovich, Phys. Rev. X 7, 021039 (2017), where it is 0.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonAdditive {
    /// The non-additivity, in units of an inverse length; zero is additive.
    pub nonadditivity: f64,
}

impl NonAdditive {
    /// The diameter of a pair of particles from their own.
    #[inline(always)]
    pub fn diameter(&self, first: f64, second: f64) -> f64 {
        0.5 * (first + second) * (1.0 - self.nonadditivity * (first - second).abs())
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
