//! Interacting pairs: where force dipoles act.

use crate::solver::dot;
use std::collections::HashSet;
use vitreous_md_core::{Linearization, Vector, vector};

/// Two particles within the range of a pair term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interaction<const D: usize> {
    /// The particle at which the vector starts.
    pub i: usize,
    /// The particle at which it ends.
    pub j: usize,
    /// `r = x_j - x_i`, to the image of `j`.
    pub vector: Vector<D>,
}

impl<const D: usize> Interaction<D> {
    /// The unit vector from `i` to `j`.
    pub(crate) fn unit(&self) -> Vector<D> {
        vector::scale(
            1.0 / vector::norm_squared(&self.vector).sqrt(),
            &self.vector,
        )
    }

    /// `d.z / z.z`.
    pub(crate) fn stiffness(&self, z: &[f64]) -> f64 {
        let relative: Vector<D> = std::array::from_fn(|k| z[D * self.j + k] - z[D * self.i + k]);
        std::f64::consts::FRAC_1_SQRT_2 * vector::dot(&self.unit(), &relative) / dot(z, z)
    }
}

/// The interactions of a linearisation: each pair and image once, whatever the number of its terms.
pub(crate) fn interactions<const D: usize>(
    linearization: &Linearization<D>,
) -> Vec<Interaction<D>> {
    let mut seen = HashSet::new();
    linearization
        .edges()
        .iter()
        // The distance to one's own image is constant, and that of coinciding particles has no gradient.
        .filter(|edge| edge.interaction && edge.i != edge.j)
        .filter(|edge| vector::norm_squared(&edge.vector) > 0.0)
        .filter(|edge| seen.insert(key(edge.i, edge.j, &edge.vector)))
        .map(|edge| Interaction {
            i: edge.i as usize,
            j: edge.j as usize,
            vector: edge.vector,
        })
        .collect()
}

/// Tells pairs and images apart, in whichever direction an edge is given. Terms of one neighbour list share
/// their vectors to the last bit.
fn key<const D: usize>(i: u32, j: u32, r: &Vector<D>) -> (u32, u32, [u64; D]) {
    // Adding zero makes of a negative zero a positive one.
    if i < j {
        (i, j, r.map(|c| (c + 0.0).to_bits()))
    } else {
        (j, i, r.map(|c| (0.0 - c).to_bits()))
    }
}
