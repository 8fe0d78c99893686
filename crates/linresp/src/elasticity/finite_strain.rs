//! The shear modulus from small steps of strain, each followed by a quench.

use crate::elasticity::shear::Shear;
use std::error::Error;
use thiserror::Error;
use vitreous_md_core::{CellError, Configuration, InherentStructure};

/// The athermal shear modulus as the slope of the shear stress: the structure is strained by
/// `F = I + gamma m (x) n` with `gamma` = 0, `+-step/2` and `+-step`, quenched at each by the caller, and
///
/// ```text
/// G = d(m . stress . n)/dgamma
/// ```
///
/// is taken as the central difference over `+-step/2`; that over `+-step` is there to judge it by.
///
/// No derivative beyond the stress enters, so this is the check of the analytic routes,
/// [`LinearResponse::shear_modulus_along`](crate::LinearResponse::shear_modulus_along) above all, from outside.
///
/// **The step.** The error of central differences falls as `step^2`, what the stress keeps of unbalanced
/// forces counts as `1/step`. With forces quenched to a ratio of 1e-12, steps of 1e-5 leave about six digits
/// of `G`. Take smaller steps, and quench deeper, where [`FiniteStrainModulus::discrepancy`] is large: soft
/// spots give way at small strains, and beyond them lies another minimum.
///
/// **Cut-offs.** Where the second derivative of a potential jumps at the cut-off (Lennard-Jones with shifted
/// forces, harmonic spheres), the pairs that cross it between the steps bend the stress: an error that falls
/// only as `step`. Where the force itself jumps (Lennard-Jones cut with shifted energy), every such pair adds
/// a finite amount to the stress, and minima may lie on the jump, where no quench converges. In both cases the
/// routes agree once the steps are so small that no pair crosses, and differ by the share of the crossing pairs
/// otherwise; which of the two a larger glass shows is a question of its strain.
///
/// ```
/// # use vitreous_linresp::*;
/// # use vitreous_md_core::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// phi(r) = (4 - r^2)^4 / 100 below r = 2.
/// #[derive(Clone)]
/// struct Soft;
/// impl Radial for Soft {
///     fn range(&self) -> f64 { 2.0 }
///     fn energy<S: Scalar>(&self, squared_distance: S) -> S {
///         (-squared_distance + 4.0).powi(4) * 0.01
///     }
/// }
/// // A triangular lattice, which stays at a minimum when it is strained: no quench is needed.
/// let height = 0.75_f64.sqrt();
/// let site = |i: u32| [f64::from(i % 6) + 0.5 * f64::from(i / 6 % 2), height * f64::from(i / 6)];
/// let positions = (0..36).map(|i| site(i).map(|x| 1.3 * x)).collect();
/// let lattice = Configuration::new(Cell::orthorhombic([7.8, 7.8 * height])?, positions, vec![Species(0); 36])?;
/// let potential = SpeciesTable::uniform(Soft)?;
/// let quench = |strained| InherentStructure::certify(&potential, strained, Tolerance::force_ratio(1e-12));
/// let structure = quench(lattice)?;
///
/// let shear = Shear::in_plane(Plane::XY)?;
/// let slope = shear_modulus_by_finite_strain(&structure, &shear, 1e-4, quench)?;
/// let response = LinearResponse::new(&structure, &SparseCholesky::default())?;
/// let expected = response.shear_modulus_along(&shear)?.total();
/// assert!((slope.modulus() / expected - 1.0).abs() < 1e-6 && slope.discrepancy() < 1e-6 * expected);
/// # Ok(()) }
/// ```
///
/// # Errors
/// A step that is not a small positive number; a quench that fails, with the strain at which it did.
pub fn shear_modulus_by_finite_strain<const D: usize, E: Error + 'static>(
    structure: &InherentStructure<D>,
    shear: &Shear<D>,
    step: f64,
    mut quench: impl FnMut(Configuration<D>) -> Result<InherentStructure<D>, E>,
) -> Result<FiniteStrainModulus, FiniteStrainError<E>> {
    if !(step > 0.0 && step < 1.0) {
        return Err(FiniteStrainError::Step { step });
    }
    let mut stress = |strain: f64| {
        let strained = structure
            .configuration()
            .deformed(&shear.deformation_gradient(strain))
            .map_err(|source| FiniteStrainError::Cell { strain, source })?;
        let quenched =
            quench(strained).map_err(|source| FiniteStrainError::Quench { strain, source })?;
        Ok(shear.stress(&quenched.mechanics().stress()))
    };
    // Quenched again like the others, so that what is left of unbalanced forces is alike.
    let unstrained = stress(0.0)?;
    let mut slopes = |step: f64| {
        Ok(Slopes {
            step,
            forward: (stress(step)? - unstrained) / step,
            backward: (unstrained - stress(-step)?) / step,
        })
    };
    Ok(FiniteStrainModulus {
        coarse: slopes(step)?,
        fine: slopes(0.5 * step)?,
    })
}

/// The slopes of the shear stress to both sides of zero strain, energies per volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slopes {
    /// The step of strain.
    pub step: f64,
    /// `[stress(step) - stress(0)] / step`.
    pub forward: f64,
    /// `[stress(0) - stress(-step)] / step`.
    pub backward: f64,
}

impl Slopes {
    /// The central difference `[stress(step) - stress(-step)] / (2 step)`.
    pub fn central(&self) -> f64 {
        0.5 * (self.forward + self.backward)
    }
}

/// A shear modulus from steps of strain, with what is needed to judge it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FiniteStrainModulus {
    /// Over the step asked for.
    pub coarse: Slopes,
    /// Over half of it.
    pub fine: Slopes,
}

impl FiniteStrainModulus {
    /// The modulus: the central difference over the smaller step.
    pub fn modulus(&self) -> f64 {
        self.fine.central()
    }

    /// How far the central differences over the two steps are apart: three times the error of
    /// [`FiniteStrainModulus::modulus`] if the step is too large, about the error if it is too small.
    pub fn discrepancy(&self) -> f64 {
        (self.coarse.central() - self.fine.central()).abs()
    }
}

/// Why no modulus came of steps of strain.
#[derive(Debug, Error)]
pub enum FiniteStrainError<E: Error + 'static> {
    /// A step without meaning.
    #[error("the step of strain is {step:e}: it must be positive and below 1, for example 1e-5")]
    Step {
        /// The step.
        step: f64,
    },
    /// The strained cell.
    #[error("no cell at the strain {strain:e}")]
    Cell {
        /// The strain.
        strain: f64,
        /// What is wrong with it.
        source: CellError,
    },
    /// The quench of a strained configuration.
    #[error("the quench at the strain {strain:e} failed")]
    Quench {
        /// The strain.
        strain: f64,
        /// What the caller's quench said.
        source: E,
    },
}
