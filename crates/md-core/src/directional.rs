//! Derivatives of any potential along a straight path through configurations: of energy, gradient and stress
//! to third order, and so of the energy in positions to fourth.
//!
//! On the path `x_i(a) = (I + a E) x_i + a z_i` every edge vector moves on a straight line too,
//! `r_e(a) = r_e + a w_e` with `w_e = z_j - z_i + E r_e`, and energy, gradient and strain gradient are power
//! series in `a`. Their coefficients hold what linear response and anharmonic modes need, for every
//! potential in the same way and without a Hessian:
//!
//! | derivative at `a = 0` | displacements `z`, no strain | strain `E`, no displacements |
//! |---|---|---|
//! | `dU/da` | `z . dU/dx` | the stress along `E`, times `V` |
//! | `d2U/da2` | `z . M . z` | the affine part of an elastic modulus, times `V` |
//! | `d(dU/dx)/da` | `M z` | `Xi`, minus the forces that strain brings about |
//! | `d2(dU/dx)/da2` | `U''' : z z` | |
//! | `d3(dU/dx)/da3` | `U'''' : z z z` | |
//!
//! [`directional_derivatives`] gives all of them, [`mixed_third_derivatives`] `U''' : y z`.

use crate::configuration::Configuration;
use crate::force_error::ForceError;
use crate::force_field::{explain, ranges};
use crate::neighbours::VerletList;
use crate::path::{Direction, ORDERS, PathSums};
use crate::potential::Potential;
use crate::vector::{Matrix, Vector, add, subtract};
use thiserror::Error;

/// Derivatives of order 0, 1, 2, 3 along a path at its start: see the [module](self).
#[derive(Clone, Debug, PartialEq)]
pub struct DirectionalDerivatives<const D: usize> {
    /// `d^k U/da^k`.
    pub energy: [f64; ORDERS],
    /// `d^k (dU/dx)/da^k`, `N x D` each.
    pub gradient: [Vec<Vector<D>>; ORDERS],
    /// `d^k (dU/dF)/da^k`, `D x D` each, `F` being a deformation on top of that of the path; symmetric.
    pub strain_gradient: [Matrix<D>; ORDERS],
}

/// Why derivatives along a path could not be computed.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DirectionError {
    /// Displacements of more or fewer particles than there are.
    #[error("the direction has displacements of {found} particles, the configuration {particles}")]
    Lengths {
        /// Number of displacements.
        found: usize,
        /// Number of particles.
        particles: usize,
    },
    /// A displacement or a component of the strain that is not finite.
    #[error(
        "the direction has a component that is {value}: displacements and strain must be finite"
    )]
    NotFinite {
        /// The component.
        value: f64,
    },
    /// The energy or one of its derivatives.
    #[error(transparent)]
    Force(#[from] ForceError),
}

/// The derivatives of a potential along a direction.
///
/// ```
/// # use vitreous_md_core::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// /// phi(r) = r^-10, cut at r = 2.
/// #[derive(Clone)]
/// struct Soft;
/// impl Radial for Soft {
///     fn range(&self) -> f64 { 2.0 }
///     fn energy<S: Scalar>(&self, squared_distance: S) -> S { squared_distance.powi(-5) }
/// }
/// let potential = SpeciesTable::uniform(Soft)?;
/// let cell = Cell::orthorhombic([9.0; 3])?;
/// let pair = Configuration::new(cell, vec![[0.0; 3], [1.0, 0.0, 0.0]], vec![Species(0); 2])?;
/// // Stretch the pair: dU/da = phi'(1), ..., and the cubic force on the second particle is phi'''(1).
/// let stretch = [[0.0; 3], [1.0, 0.0, 0.0]];
/// let along = directional_derivatives(&potential, &pair, &Direction::displacements(&stretch))?;
/// assert!((along.energy[1] + 10.0).abs() < 1e-12);
/// assert!((along.gradient[2][1][0] + 10.0 * 11.0 * 12.0).abs() < 1e-9);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Displacements of another number of particles, or a direction that is not finite; as
/// [`ForceField::evaluate`](crate::ForceField::evaluate).
pub fn directional_derivatives<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: &Configuration<D>,
    direction: &Direction<'_, D>,
) -> Result<DirectionalDerivatives<D>, DirectionError> {
    let particles = configuration.len();
    if let Some(displacements) = direction.displacements {
        let found = displacements.len();
        if found != particles {
            return Err(DirectionError::Lengths { found, particles });
        }
    }
    let displacements = direction.displacements.unwrap_or_default();
    if let Some(&value) = displacements
        .as_flattened()
        .iter()
        .chain(direction.strain.as_flattened())
        .find(|value| !value.is_finite())
    {
        return Err(DirectionError::NotFinite { value });
    }
    configuration.check_finite().map_err(ForceError::from)?;
    potential.check(configuration)?;
    let mut list = VerletList::new(&ranges(potential), 0.0);
    let around = list.update(configuration);
    let mut sums = PathSums::zero(particles);
    potential.add_along(&around, direction, &mut sums);
    if !sums.is_finite() {
        return Err(explain(configuration, &around).into());
    }
    let factorials: [f64; ORDERS] =
        std::array::from_fn(|order| (1..=order).map(|k| k as f64).product());
    Ok(DirectionalDerivatives {
        energy: sums.energy.derivatives(),
        gradient: std::array::from_fn(|order| {
            let derivative =
                |series: &[Vector<D>; ORDERS]| series[order].map(|c| factorials[order] * c);
            sums.gradient.iter().map(derivative).collect()
        }),
        strain_gradient: std::array::from_fn(|order| {
            sums.strain_gradient[order].map(|row| row.map(|c| factorials[order] * c))
        }),
    })
}

/// The third derivatives of the energy contracted with two sets of displacements, `U''' : y z` (`N x D`):
///
/// ```text
/// U''' : y z = (U''' : (y + z)(y + z) - U''' : (y - z)(y - z))/4
/// ```
///
/// # Errors
/// As [`directional_derivatives`].
pub fn mixed_third_derivatives<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: &Configuration<D>,
    y: &[Vector<D>],
    z: &[Vector<D>],
) -> Result<Vec<Vector<D>>, DirectionError> {
    if y.len() != z.len() {
        return Err(DirectionError::Lengths {
            found: z.len(),
            particles: y.len(),
        });
    }
    let along = |combine: fn(&Vector<D>, &Vector<D>) -> Vector<D>| {
        let displacements: Vec<Vector<D>> = y.iter().zip(z).map(|(y, z)| combine(y, z)).collect();
        let direction = Direction::displacements(&displacements);
        let [_, _, second, _] =
            directional_derivatives(potential, configuration, &direction)?.gradient;
        Ok::<_, DirectionError>(second)
    };
    let (sum, difference) = (along(add)?, along(subtract)?);
    Ok(sum
        .iter()
        .zip(&difference)
        .map(|(sum, difference)| subtract(sum, difference).map(|c| 0.25 * c))
        .collect())
}
