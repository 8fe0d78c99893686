//! Spheres that repel only while they overlap.

use vitreous_md_core::{Radial, Scalar};

/// The exponent `alpha` of soft spheres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// `alpha = 2`: springs. The second derivative jumps at contact, from `energy/length^2` to zero.
    Harmonic,
    /// `alpha = 5/2`: elastic spheres in three dimensions. The second derivative is continuous at contact, the
    /// third diverges there as `(1 - r/length)^(-1/2)`.
    Hertzian,
}

/// Soft spheres:
///
/// ```text
/// phi(r) = (energy/alpha) (1 - r/length)^alpha   r < length,   alpha = 2 or 5/2
/// ```
///
/// Source: O'Hern, Silbert, Liu & Nagel, Phys. Rev. E 68, 011306 (2003). See [`Contact`] for what jumps at
/// `r = length`.
///
/// ```
/// use vitreous_md_core::Radial;
/// use vitreous_potentials::SoftSphere;
/// assert_eq!(SoftSphere::harmonic(2.0, 4.0).energy(1.0), 0.5625);
/// assert_eq!(SoftSphere::hertzian(2.5, 4.0).energy(9.0), 0.03125);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftSphere {
    contact: Contact,
    energy: f64,
    length: f64,
}

impl SoftSphere {
    /// The function with the given contact, energy and length (the sum of the radii).
    pub fn new(contact: Contact, energy: f64, length: f64) -> Self {
        Self {
            contact,
            energy,
            length,
        }
    }

    /// Harmonic spheres, `alpha = 2`.
    pub fn harmonic(energy: f64, length: f64) -> Self {
        Self::new(Contact::Harmonic, energy, length)
    }

    /// Hertzian spheres, `alpha = 5/2`.
    pub fn hertzian(energy: f64, length: f64) -> Self {
        Self::new(Contact::Hertzian, energy, length)
    }
}

impl Radial for SoftSphere {
    fn range(&self) -> f64 {
        self.length
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let overlap = S::one() - squared_distance.sqrt() / self.length;
        // Rounding may end an overlap just below contact; roots have no derivatives there.
        if overlap.value() <= 0.0 {
            return S::zero();
        }
        let square = overlap * overlap;
        match self.contact {
            Contact::Harmonic => square * (self.energy / 2.0),
            Contact::Hertzian => square * overlap.sqrt() * (self.energy / 2.5),
        }
    }
}
