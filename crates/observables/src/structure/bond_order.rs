//! Bond-orientational order: how the neighbours of a particle are arranged.

use crate::lattice::norm;
use crate::structure::StructureError;
use crate::structure::bonds::Bonds;

/// Factorials of twice this number are far from overflow.
const HIGHEST_DEGREE: usize = 30;

/// Local bond-orientational order of one degree `l`: for each particle `i` the mean of the harmonics of its bonds,
///
/// ```text
/// three dimensions:  q_lm(i)  = 1/n_i sum_j Y_lm(r_ij),    q_l(i) = sqrt(4 pi/(2 l + 1) sum_m |q_lm(i)|^2)
/// two dimensions:    psi_l(i) = 1/n_i sum_j e^(i l theta_ij)
/// ```
///
/// `q_l(i)` and `|psi_l(i)|` lie between 0 and 1 and do not change under rotations; a particle without neighbours has 0.
/// Inside, real harmonics are used, scaled such that `q_l` and `|psi_l|` are the lengths of the vectors of
/// [`components`](Self::components).
///
/// Source: Steinhardt, Nelson and Ronchetti, Phys. Rev. B 28, 784 (1983); in the plane, Halperin and Nelson, Phys. Rev.
/// Lett. 41, 121 (1978).
///
/// # Examples
///
/// ```
/// use vitreous_observables::{BondOrder, Bonds};
///
/// // The simple cubic lattice.
/// let cell = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
/// let bonds = Bonds::within(&cell, &[[0.0; 3]], 1.2)?;
/// let [q4, q6] = [4, 6].map(|degree| BondOrder::new(&bonds, degree).map(|order| order.global()));
/// assert!((q4? - (7.0_f64 / 12.0).sqrt()).abs() < 1e-12);
/// assert!((q6? - (1.0_f64 / 8.0).sqrt()).abs() < 1e-12);
/// # Ok::<(), vitreous_observables::StructureError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BondOrder<const D: usize> {
    width: usize,
    /// `N x width`.
    components: Vec<f64>,
}

impl<const D: usize> BondOrder<D> {
    /// The order of degree `degree` of all particles, in two or three dimensions.
    ///
    /// # Errors
    ///
    /// If the degree is not from 1 to 30.
    pub fn new(bonds: &Bonds<D>, degree: usize) -> Result<Self, StructureError> {
        const {
            assert!(
                D == 2 || D == 3,
                "bond order is defined in two and three dimensions"
            );
        };
        if !(1..=HIGHEST_DEGREE).contains(&degree) {
            let highest = HIGHEST_DEGREE;
            return Err(StructureError::InvalidDegree { degree, highest });
        }
        let harmonics = Harmonics::new(degree);
        let width = if D == 2 { 2 } else { 2 * degree + 1 };
        let mut components = vec![0.0; bonds.particles() * width];
        for (particle, own) in components.chunks_mut(width).enumerate() {
            let neighbours = bonds.of(particle);
            for bond in neighbours {
                let length = norm(&bond.vector);
                if length > 0.0 {
                    harmonics.add(bond.vector.map(|x| x / length), own);
                }
            }
            let number = neighbours.len().max(1) as f64;
            for x in own {
                *x /= number;
            }
        }
        Ok(Self { width, components })
    }

    /// The number of particles.
    pub fn particles(&self) -> usize {
        self.components.len() / self.width
    }

    /// The vector of a particle: `Re psi_l` and `Im psi_l` in the plane; in space the `2 l + 1` coefficients of real
    /// harmonics, `m = 0`, then cosine and sine for `m = 1, 2, ...`. Empty if there is no such particle.
    pub fn components(&self, particle: usize) -> &[f64] {
        let start = particle.saturating_mul(self.width);
        self.components
            .get(start..start.saturating_add(self.width))
            .unwrap_or(&[])
    }

    /// `q_l(i)` or `|psi_l(i)|` of every particle.
    pub fn magnitudes(&self) -> Vec<f64> {
        self.components.chunks(self.width).map(length).collect()
    }

    /// The length of the mean vector over all particles, `|1/N sum_i psi_l(i)|` in the plane: near 1 in a crystal that spans
    /// the cell, of order `1/sqrt(N)` in a liquid.
    pub fn global(&self) -> f64 {
        let mut sum = vec![0.0; self.width];
        for own in self.components.chunks(self.width) {
            for (sum, x) in sum.iter_mut().zip(own) {
                *sum += x;
            }
        }
        length(&sum) / self.particles() as f64
    }

    /// The order averaged over each particle and its neighbours, whose magnitudes tell crystals from liquids, and from each
    /// other, better:
    ///
    /// ```text
    /// q'_lm(i) = 1/(n_i + 1) (q_lm(i) + sum_j q_lm(j)).
    /// ```
    ///
    /// Source: Lechner and Dellago, J. Chem. Phys. 129, 114707 (2008), Eq. (6).
    ///
    /// # Errors
    ///
    /// If the bonds are those of another number of particles.
    pub fn averaged(&self, bonds: &Bonds<D>) -> Result<Self, StructureError> {
        if bonds.particles() != self.particles() {
            return Err(StructureError::ParticleCount {
                what: "lists of bonds",
                expected: self.particles(),
                given: bonds.particles(),
            });
        }
        let mut components = self.components.clone();
        for (particle, own) in components.chunks_mut(self.width).enumerate() {
            let neighbours = bonds.of(particle);
            for bond in neighbours {
                for (x, other) in own.iter_mut().zip(self.components(bond.neighbour)) {
                    *x += other;
                }
            }
            let number = neighbours.len() as f64 + 1.0;
            for x in own {
                *x /= number;
            }
        }
        Ok(Self {
            width: self.width,
            components,
        })
    }

    /// How alike the surroundings of two particles are, between -1 and 1:
    ///
    /// ```text
    /// d_l(i, j) = Re sum_m q_lm(i) q_lm(j)* / (|q_l(i)| |q_l(j)|);
    /// ```
    ///
    /// zero if one of them has no order (or does not exist).
    ///
    /// Source: ten Wolde, Ruiz-Montero and Frenkel, J. Chem. Phys. 104, 9932 (1996).
    pub fn similarity(&self, first: usize, second: usize) -> f64 {
        let (first, second) = (self.components(first), self.components(second));
        let product: f64 = first.iter().zip(second).map(|(a, b)| a * b).sum();
        let lengths = length(first) * length(second);
        if lengths > 0.0 {
            product / lengths
        } else {
            0.0
        }
    }
}

fn length(vector: &[f64]) -> f64 {
    libm::sqrt(vector.iter().map(|x| x * x).sum())
}

/// Real harmonics of one degree, such that the scalar product of those of two unit vectors is the Legendre polynomial
/// `P_l(u . v)` in space, and `cos(l angle)` in the plane.
struct Harmonics {
    degree: usize,
    /// `sqrt((2 - delta_m0) (l - m)!/(l + m)!)`.
    factors: Vec<f64>,
}

impl Harmonics {
    fn new(degree: usize) -> Self {
        let mut factors = vec![1.0];
        let mut ratio = 1.0;
        for m in 1..=degree {
            // (l - m)!/(l + m)! from the one before.
            ratio /= ((degree - m + 1) * (degree + m)) as f64;
            factors.push(libm::sqrt(2.0 * ratio));
        }
        Self { degree, factors }
    }

    /// Adds the harmonics of a unit vector.
    fn add<const D: usize>(&self, unit: [f64; D], sums: &mut [f64]) {
        let (x, y) = (unit[0], unit[1]);
        let mut power = [1.0, 0.0];
        if D == 2 {
            for _ in 0..self.degree {
                power = [power[0] * x - power[1] * y, power[0] * y + power[1] * x];
            }
            sums[0] += power[0];
            sums[1] += power[1];
            return;
        }
        let z = unit[2 % D];
        // (2 m - 1)!!, the associated Legendre function P_mm without its sine, which is in the powers of x + i y.
        let mut diagonal = 1.0;
        for m in 0..=self.degree {
            if m > 0 {
                power = [power[0] * x - power[1] * y, power[0] * y + power[1] * x];
                diagonal *= (2 * m - 1) as f64;
            }
            // (l - m) P_lm = (2 l - 1) z P_(l-1)m - (l + m - 1) P_(l-2)m
            let (mut before, mut legendre) = (0.0, diagonal);
            for l in m + 1..=self.degree {
                let next = ((2 * l - 1) as f64 * z * legendre - (l + m - 1) as f64 * before)
                    / (l - m) as f64;
                (before, legendre) = (legendre, next);
            }
            let weight = self.factors[m] * legendre;
            if m == 0 {
                sums[0] += weight;
            } else {
                sums[2 * m - 1] += weight * power[0];
                sums[2 * m] += weight * power[1];
            }
        }
    }
}

#[cfg(test)]
mod tests;
