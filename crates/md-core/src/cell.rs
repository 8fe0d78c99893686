//! Periodic cells, orthorhombic and sheared.

use crate::vector::{self, Matrix, Vector, inverse, norm_squared, transform};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A periodic cell in `D` dimensions: the parallelepiped spanned by `D` lattice vectors.
///
/// Space is tiled by translations of the cell; the origin is a corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell<const D: usize> {
    /// Rows are lattice vectors.
    vectors: Matrix<D>,
    /// Columns are reciprocal vectors without the factor 2 pi: `fractional_k = sum_l x_l inverse[l][k]`.
    inverse: Matrix<D>,
    volume: f64,
}

/// Why a set of lattice vectors is not a cell.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CellError {
    /// A component is NaN or infinite.
    #[error(
        "component {component} of lattice vector {vector} is {value}: it must be a finite number"
    )]
    NotFinite {
        /// Index of the lattice vector.
        vector: usize,
        /// Index of the Cartesian component.
        component: usize,
        /// Its value.
        value: f64,
    },
    /// The volume vanishes.
    #[error("the lattice vectors {vectors} span no volume: they must be linearly independent")]
    Degenerate {
        /// The vectors, as text.
        vectors: String,
    },
}

impl<const D: usize> Cell<D> {
    /// A cell from its lattice vectors, in rows.
    ///
    /// # Errors
    /// Components that are not finite, vectors that are linearly dependent.
    pub fn triclinic(vectors: Matrix<D>) -> Result<Self, CellError> {
        for (vector, row) in vectors.iter().enumerate() {
            for (component, &value) in row.iter().enumerate() {
                if !value.is_finite() {
                    return Err(CellError::NotFinite {
                        vector,
                        component,
                        value,
                    });
                }
            }
        }
        let degenerate = || CellError::Degenerate {
            vectors: format!("{vectors:?}"),
        };
        let (determinant, inverse) = inverse(&vectors);
        let volume = determinant.abs();
        if !(volume.is_finite() && volume > 0.0) {
            return Err(degenerate());
        }
        Ok(Self {
            vectors,
            inverse: inverse.ok_or_else(degenerate)?,
            volume,
        })
    }

    /// A cell with edges of the given lengths along the axes.
    ///
    /// # Errors
    /// As [`Cell::triclinic`]; a negative length is a [`CellError::Degenerate`] cell too.
    ///
    /// ```
    /// let cell = vitreous_md_core::Cell::orthorhombic([2.0, 3.0, 4.0])?;
    /// assert_eq!(cell.volume(), 24.0);
    /// # Ok::<(), vitreous_md_core::CellError>(())
    /// ```
    pub fn orthorhombic(lengths: Vector<D>) -> Result<Self, CellError> {
        let vectors = std::array::from_fn(|row| {
            std::array::from_fn(|column| if row == column { lengths[row] } else { 0.0 })
        });
        if lengths.iter().any(|&length| length <= 0.0) {
            return Err(CellError::Degenerate {
                vectors: format!("{vectors:?}"),
            });
        }
        Self::triclinic(vectors)
    }

    /// The cube (square) that holds `particles` particles at number density `density = N / V`.
    ///
    /// # Errors
    /// As [`Cell::orthorhombic`].
    pub fn cubic(particles: usize, density: f64) -> Result<Self, CellError> {
        Self::orthorhombic([(particles as f64 / density).powf(1.0 / D as f64); D])
    }

    /// The lattice vectors, in rows.
    pub fn vectors(&self) -> &Matrix<D> {
        &self.vectors
    }

    /// The volume (area for `D = 2`).
    pub fn volume(&self) -> f64 {
        self.volume
    }

    /// The distance between opposite faces, for each lattice vector.
    pub fn heights(&self) -> Vector<D> {
        std::array::from_fn(|k| {
            let reciprocal: Vector<D> = std::array::from_fn(|l| self.inverse[l][k]);
            1.0 / norm_squared(&reciprocal).sqrt()
        })
    }

    /// Coordinates in units of the lattice vectors.
    #[inline]
    pub fn fractional(&self, position: &Vector<D>) -> Vector<D> {
        std::array::from_fn(|k| (0..D).map(|l| position[l] * self.inverse[l][k]).sum())
    }

    /// Cartesian coordinates of fractional ones.
    #[inline]
    pub fn cartesian(&self, fractional: &Vector<D>) -> Vector<D> {
        std::array::from_fn(|k| (0..D).map(|l| fractional[l] * self.vectors[l][k]).sum())
    }

    /// The lattice translation `sum_k n_k a_k`.
    #[inline]
    pub fn translation(&self, multiples: &[i32; D]) -> Vector<D> {
        self.cartesian(&multiples.map(f64::from))
    }

    /// The cell after the affine map `x -> F x` of all of space.
    ///
    /// # Errors
    /// As [`Cell::triclinic`].
    pub fn deformed(&self, deformation_gradient: &Matrix<D>) -> Result<Self, CellError> {
        Self::triclinic(self.vectors.map(|v| transform(deformation_gradient, &v)))
    }

    /// The number of images of the cell that a sphere of this radius can reach, to each side and for each
    /// lattice vector.
    pub fn reach(&self, radius: f64) -> [i32; D] {
        // Truncation is meant: a reach beyond i32 is refused long before by memory.
        self.heights().map(|height| (radius / height).ceil() as i32)
    }
}

/// Simple shear by `strain` in the plane spanned by two axes: `F = I + strain e_displacement (x) e_gradient`.
///
/// `Plane::XY` displaces along x with the gradient along y.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Plane {
    /// The axis along which points move.
    pub displacement: usize,
    /// The axis along which the displacement grows.
    pub gradient: usize,
}

impl Plane {
    /// Displacement along x, gradient along y.
    pub const XY: Self = Self {
        displacement: 0,
        gradient: 1,
    };
    /// Displacement along x, gradient along z.
    pub const XZ: Self = Self {
        displacement: 0,
        gradient: 2,
    };
    /// Displacement along y, gradient along z.
    pub const YZ: Self = Self {
        displacement: 1,
        gradient: 2,
    };

    /// The planes that exist in `D` dimensions, one of each pair of axes.
    pub fn all<const D: usize>() -> Vec<Self> {
        (0..D)
            .flat_map(|displacement| {
                (displacement + 1..D).map(move |gradient| Self {
                    displacement,
                    gradient,
                })
            })
            .collect()
    }

    /// The direction of strain `E = e_displacement (x) e_gradient`.
    ///
    /// An axis that does not exist in `D` dimensions gives the zero matrix; see [`Plane::exists_in`].
    pub fn direction<const D: usize>(self) -> Matrix<D> {
        let mut direction = [[0.0; D]; D];
        if self.exists_in(D) {
            direction[self.displacement][self.gradient] = 1.0;
        }
        direction
    }

    /// Whether both axes are below `dimension` and differ.
    pub fn exists_in(self, dimension: usize) -> bool {
        self.displacement < dimension
            && self.gradient < dimension
            && self.displacement != self.gradient
    }

    /// The deformation gradient `I + strain E`.
    pub fn deformation_gradient<const D: usize>(self, strain: f64) -> Matrix<D> {
        let direction = self.direction::<D>();
        let mut gradient = vector::identity::<D>();
        for row in 0..D {
            for column in 0..D {
                gradient[row][column] += strain * direction[row][column];
            }
        }
        gradient
    }
}

impl std::fmt::Display for Plane {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |axis: usize| ["x", "y", "z"].get(axis).copied().unwrap_or("?");
        write!(
            formatter,
            "{}{}",
            name(self.displacement),
            name(self.gradient)
        )
    }
}

impl std::str::FromStr for Plane {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let axes: Option<Vec<usize>> = text.chars().map(|c| "xyz".find(c)).collect();
        match axes.as_deref() {
            Some(&[displacement, gradient]) if displacement != gradient => Ok(Self {
                displacement,
                gradient,
            }),
            _ => Err(format!(
                "'{text}' is not a shear plane: give two different axes, for example xy (displacement along x, gradient along y)"
            )),
        }
    }
}

impl<const D: usize> Serialize for Cell<D> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        vector::flat::serialize(&self.vectors, serializer)
    }
}

impl<'de, const D: usize> Deserialize<'de> for Cell<D> {
    fn deserialize<De: serde::Deserializer<'de>>(deserializer: De) -> Result<Self, De::Error> {
        use serde::de::Error;
        let rows = vector::flat::deserialize::<De, D>(deserializer)?;
        let vectors = Matrix::<D>::try_from(rows).map_err(|rows| {
            De::Error::custom(format!("{} lattice vectors instead of {D}", rows.len()))
        })?;
        Self::triclinic(vectors).map_err(De::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractional_and_cartesian_are_inverse_in_a_sheared_cell() {
        let cell =
            Cell::<3>::triclinic([[4.0, 0.0, 0.0], [1.3, 5.0, 0.0], [-0.7, 0.9, 6.0]]).unwrap();
        let position = [0.3, -7.1, 12.9];
        let back = cell.cartesian(&cell.fractional(&position));
        for k in 0..3 {
            assert!((back[k] - position[k]).abs() < 1e-14);
        }
        assert!((cell.volume() - 120.0).abs() < 1e-12);
        // The height along the first vector is V / |a2 x a3|.
        let (a, b) = (cell.vectors()[1], cell.vectors()[2]);
        let cross: Vector<3> = [
            a[1] * b[2] - a[2] * b[1],
            a[2] * b[0] - a[0] * b[2],
            a[0] * b[1] - a[1] * b[0],
        ];
        assert!((cell.heights()[0] - 120.0 / norm_squared(&cross).sqrt()).abs() < 1e-13);
    }

    #[test]
    fn bad_cells_are_refused() {
        assert!(matches!(
            Cell::orthorhombic([1.0, f64::NAN]),
            Err(CellError::NotFinite { vector: 1, .. })
        ));
        assert!(Cell::orthorhombic([1.0, -1.0]).is_err());
        assert!(Cell::triclinic([[1.0, 1.0], [2.0, 2.0]]).is_err());
    }

    #[test]
    fn shear_keeps_the_volume_and_names_read_back() {
        let cell = Cell::<3>::cubic(100, 0.8).unwrap();
        for plane in Plane::all::<3>() {
            let sheared = cell.deformed(&plane.deformation_gradient(0.3)).unwrap();
            assert!((sheared.volume() - 125.0).abs() < 1e-11);
            assert_eq!(plane.to_string().parse(), Ok(plane));
        }
        assert!("xx".parse::<Plane>().is_err());
    }

    #[test]
    fn serde_keeps_every_bit() {
        let cell = Cell::<2>::triclinic([[1.0 / 3.0, 0.0], [0.1, 0.7]]).unwrap();
        let text = serde_json::to_string(&cell).unwrap();
        assert_eq!(serde_json::from_str::<Cell<2>>(&text).unwrap(), cell);
        assert!(serde_json::from_str::<Cell<3>>(&text).is_err());
    }
}
