//! Straight paths through configurations, and the series that potentials add up along them.

use crate::scalar::Taylor;
use crate::vector::{Matrix, Vector, add, dot, norm_squared, subtract, transform};

/// The number of coefficients that are kept: orders 0 to 3.
pub(crate) const ORDERS: usize = 4;

/// A series in the parameter of the path.
pub type Series = Taylor<ORDERS>;

/// The direction of a path: displacements `z` (`N x D`), a strain `E` (`D x D`), or both.
#[derive(Clone, Copy, Debug)]
pub struct Direction<'a, const D: usize> {
    pub(crate) displacements: Option<&'a [Vector<D>]>,
    pub(crate) strain: Matrix<D>,
}

impl<'a, const D: usize> Direction<'a, D> {
    /// The particles move by `a z`.
    pub fn displacements(displacements: &'a [Vector<D>]) -> Self {
        Self {
            displacements: Some(displacements),
            strain: [[0.0; D]; D],
        }
    }

    /// Cell and particles are deformed by `F = I + a E`.
    pub fn strain(strain: Matrix<D>) -> Self {
        Self {
            displacements: None,
            strain,
        }
    }

    /// The same with another strain: both at once.
    pub fn with_strain(self, strain: Matrix<D>) -> Self {
        Self { strain, ..self }
    }

    /// `w_e = z_j - z_i + E r_e`: how fast the edge `r_e` from `i` to `j` changes.
    ///
    /// # Panics
    /// If there are displacements, but not of these particles; [`directional_derivatives`](crate::directional_derivatives) checks.
    #[inline]
    pub fn of_edge(&self, i: usize, j: usize, edge: &Vector<D>) -> Vector<D> {
        let affine = transform(&self.strain, edge);
        match self.displacements {
            Some(displacements) => add(&affine, &subtract(&displacements[j], &displacements[i])),
            None => affine,
        }
    }
}

/// The squared length of an edge along the path: `|r + a w|^2`.
#[inline]
pub(crate) fn squared_length<const D: usize>(edge: &Vector<D>, change: &Vector<D>) -> Series {
    Taylor([
        norm_squared(edge),
        2.0 * dot(edge, change),
        norm_squared(change),
        0.0,
    ])
}

/// The sums to which potentials add their terms along a path.
#[derive(Clone, Debug)]
pub struct PathSums<const D: usize> {
    pub(crate) energy: Series,
    /// The coefficients of the gradient at each particle, by order.
    pub(crate) gradient: Vec<[Vector<D>; ORDERS]>,
    pub(crate) strain_gradient: [Matrix<D>; ORDERS],
}

impl<const D: usize> PathSums<D> {
    pub(crate) fn zero(particles: usize) -> Self {
        Self {
            energy: Taylor([0.0; ORDERS]),
            gradient: vec![[[0.0; D]; ORDERS]; particles],
            strain_gradient: [[[0.0; D]; D]; ORDERS],
        }
    }

    /// Adds the energy of a term.
    #[inline]
    pub fn add_energy(&mut self, energy: Series) {
        self.energy = self.energy + energy;
    }

    /// Adds what a term with `g = dU/ds` in the square of an edge `r + a w` from `i` to `j` does to the
    /// gradient and the strain gradient.
    #[inline]
    pub fn add_edge(
        &mut self,
        [i, j]: [usize; 2],
        edge: &Vector<D>,
        change: &Vector<D>,
        slope: Series,
    ) {
        for order in 0..ORDERS {
            // 2 g(a) (r + a w), and its product with r + a w.
            let before = if order > 0 { slope.0[order - 1] } else { 0.0 };
            let second = if order > 1 { slope.0[order - 2] } else { 0.0 };
            let pull: Vector<D> =
                std::array::from_fn(|k| 2.0 * (slope.0[order] * edge[k] + before * change[k]));
            let pull_before: Vector<D> =
                std::array::from_fn(|k| 2.0 * (before * edge[k] + second * change[k]));
            for k in 0..D {
                self.gradient[j][order][k] += pull[k];
                self.gradient[i][order][k] -= pull[k];
                for l in 0..D {
                    self.strain_gradient[order][k][l] +=
                        pull[k] * edge[l] + pull_before[k] * change[l];
                }
            }
        }
    }

    pub(crate) fn is_finite(&self) -> bool {
        let gradient = self.gradient.as_flattened().as_flattened();
        let stress = self.strain_gradient.as_flattened().as_flattened();
        [&self.energy.0, gradient, stress]
            .iter()
            .all(|numbers| numbers.iter().all(|x| x.is_finite()))
    }
}
