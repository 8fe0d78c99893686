//! Directions of simple shear.

use crate::response::ResponseError;
use vitreous_md_core::vector::{dot, identity, norm_squared, scale, transform};
use vitreous_md_core::{Matrix, Plane, Vector};

/// Simple shear `F = I + gamma m (x) n`: points move along the unit vector `m`, in proportion to their
/// coordinate along the unit vector `n`, which is orthogonal to it.
///
/// ```
/// use vitreous_linresp::Shear;
/// use vitreous_md_core::Plane;
///
/// let shear = Shear::new([1.0, 1.0, 0.0], [0.0, 0.0, 2.0])?;
/// assert_eq!(shear.gradient(), &[0.0, 0.0, 1.0]);
/// assert_eq!(Shear::<2>::in_plane(Plane::XY)?, Shear::new([1.0, 0.0], [0.0, 1.0])?);
/// assert!(Shear::new([1.0, 0.5], [0.0, 1.0]).is_err());
/// # Ok::<(), vitreous_linresp::ResponseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shear<const D: usize> {
    displacement: Vector<D>,
    gradient: Vector<D>,
}

impl<const D: usize> Shear<D> {
    /// The largest size of the cosine of the angle between displacement and gradient that counts as rounding.
    pub const ORTHOGONALITY: f64 = 1e-12;

    /// Shear with displacements along one vector and their gradient along another; their lengths do not
    /// matter.
    ///
    /// # Errors
    /// A vector that is zero or not finite; vectors that are not orthogonal within
    /// [`Shear::ORTHOGONALITY`].
    pub fn new(displacement: Vector<D>, gradient: Vector<D>) -> Result<Self, ResponseError> {
        let m = unit("displacement", &displacement)?;
        let n = unit("gradient", &gradient)?;
        let cosine = dot(&m, &n);
        if cosine.abs() > Self::ORTHOGONALITY {
            return Err(ResponseError::NotOrthogonal {
                displacement: displacement.to_vec(),
                gradient: gradient.to_vec(),
                cosine,
                limit: Self::ORTHOGONALITY,
            });
        }
        Ok(Self {
            displacement: m,
            gradient: n,
        })
    }

    /// Shear in a plane of axes.
    ///
    /// # Errors
    /// A plane that does not exist in `D` dimensions.
    pub fn in_plane(plane: Plane) -> Result<Self, ResponseError> {
        if !plane.exists_in(D) {
            return Err(ResponseError::Plane {
                plane,
                dimension: D,
            });
        }
        let axes = identity::<D>();
        Ok(Self {
            displacement: axes[plane.displacement],
            gradient: axes[plane.gradient],
        })
    }

    /// The direction `m` of the displacement, of unit length.
    pub fn displacement(&self) -> &Vector<D> {
        &self.displacement
    }

    /// The direction `n` of its gradient, of unit length.
    pub fn gradient(&self) -> &Vector<D> {
        &self.gradient
    }

    /// The direction of strain `m (x) n`.
    pub fn direction(&self) -> Matrix<D> {
        self.displacement.map(|m| scale(m, &self.gradient))
    }

    /// The deformation gradient `I + strain m (x) n`.
    pub fn deformation_gradient(&self, strain: f64) -> Matrix<D> {
        let mut gradient = identity();
        for (row, direction) in gradient.iter_mut().zip(self.direction()) {
            for (entry, direction) in row.iter_mut().zip(direction) {
                *entry += strain * direction;
            }
        }
        gradient
    }

    /// The shear stress `m . stress . n`.
    pub fn stress(&self, stress: &Matrix<D>) -> f64 {
        dot(&self.displacement, &transform(stress, &self.gradient))
    }
}

fn unit<const D: usize>(
    role: &'static str,
    vector: &Vector<D>,
) -> Result<Vector<D>, ResponseError> {
    let largest = vector
        .iter()
        .fold(0.0, |largest, c| f64::max(largest, c.abs()));
    if largest == 0.0 || vector.iter().any(|c| !c.is_finite()) {
        return Err(ResponseError::Direction {
            role,
            vector: vector.to_vec(),
        });
    }
    // The squares of what is left neither overflow nor vanish.
    let vector = vector.map(|c| c / largest);
    Ok(scale(1.0 / norm_squared(&vector).sqrt(), &vector))
}
