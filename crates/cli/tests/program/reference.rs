//! Energies, forces, stress and linear response from the formulas, by the slowest way and with no code of the
//! program: sums over all pairs and images, dense matrices, elimination.

use super::configuration::Configuration;

/// `[phi, phi', phi'']` of two species at a distance, zero beyond the cut-off.
pub(crate) type Pair = fn(usize, usize, f64) -> [f64; 3];

/// The inverse-power model.
pub(crate) fn inverse_power(first: usize, second: usize, distance: f64) -> [f64; 3] {
    const C: [f64; 4] = [
        -1.1106337662511795,
        1.2676152372297063,
        -0.49604060728492109,
        0.066051182641573221,
    ];
    let length = [1.4, 1.18, 1.0][first + second];
    let x = distance / length;
    if x >= 1.48 {
        return [0.0; 3];
    }
    let mut result = [
        x.powi(-10),
        -10.0 * x.powi(-11) / length,
        110.0 * x.powi(-12) / (length * length),
    ];
    for (l, coefficient) in C.iter().enumerate() {
        let n = 2 * l as i32;
        result[0] += coefficient * x.powi(n);
        result[1] += coefficient * f64::from(n) * x.powi(n - 1) / length;
        result[2] += coefficient * f64::from(n * (n - 1)) * x.powi(n - 2) / (length * length);
    }
    result
}

fn lennard_jones(first: usize, second: usize, distance: f64) -> [f64; 3] {
    let energy = [1.0, 1.5, 0.5][first + second];
    let sixth = (LENGTHS[first + second] / distance).powi(6);
    [
        4.0 * energy * (sixth * sixth - sixth),
        4.0 * energy * (-12.0 * sixth * sixth + 6.0 * sixth) / distance,
        4.0 * energy * (156.0 * sixth * sixth - 42.0 * sixth) / (distance * distance),
    ]
}

const LENGTHS: [f64; 3] = [1.0, 0.8, 0.88];

fn force_shifted(cutoffs: [f64; 3], first: usize, second: usize, distance: f64) -> [f64; 3] {
    let cutoff = cutoffs[first + second];
    if distance >= cutoff {
        return [0.0; 3];
    }
    let [energy, slope, curvature] = lennard_jones(first, second, distance);
    let [energy_there, slope_there, _] = lennard_jones(first, second, cutoff);
    [
        energy - energy_there - (distance - cutoff) * slope_there,
        slope - slope_there,
        curvature,
    ]
}

/// The modified binary Lennard-Jones model.
pub(crate) fn modified_lennard_jones(first: usize, second: usize, distance: f64) -> [f64; 3] {
    force_shifted([1.5, 2.0, 1.5], first, second, distance)
}

/// The same with a cut-off of 1.32 between B and B.
pub(crate) fn shorter_lennard_jones(first: usize, second: usize, distance: f64) -> [f64; 3] {
    force_shifted([1.5, 2.0, 1.32], first, second, distance)
}

/// Kob and Andersen's model.
pub(crate) fn kob_andersen(first: usize, second: usize, distance: f64) -> [f64; 3] {
    let cutoff = 2.5 * LENGTHS[first + second];
    if distance >= cutoff {
        return [0.0; 3];
    }
    let [energy, slope, curvature] = lennard_jones(first, second, distance);
    [
        energy - lennard_jones(first, second, cutoff)[0],
        slope,
        curvature,
    ]
}

/// Kob and Andersen's model with shifted forces.
pub(crate) fn kob_andersen_force_shifted(first: usize, second: usize, distance: f64) -> [f64; 3] {
    force_shifted(LENGTHS.map(|length| 2.5 * length), first, second, distance)
}

/// An interacting pair with `r = x_j - x_i`.
struct Bond {
    i: usize,
    j: usize,
    vector: [f64; 3],
    distance: f64,
    slope: f64,
    curvature: f64,
}

/// What is known of a configuration.
pub(crate) struct Reference {
    dimension: usize,
    particles: usize,
    volume: f64,
    bonds: Vec<Bond>,
    pub(crate) energy: f64,
    /// The largest force between two particles.
    pub(crate) largest_pair_force: f64,
}

impl Reference {
    pub(crate) fn new(configuration: &Configuration, pair: Pair) -> Self {
        let positions = &configuration.positions;
        let mut reference = Self {
            dimension: configuration.dimension,
            particles: positions.len(),
            volume: configuration.volume(),
            bonds: Vec::new(),
            energy: 0.0,
            largest_pair_force: 0.0,
        };
        let images: Vec<[f64; 3]> = (0..125)
            .map(|image| [image % 5, image / 5 % 5, image / 25].map(|n| f64::from(n) - 2.0))
            .filter(|n| configuration.dimension == 3 || n[2] == 0.0)
            .map(|n| std::array::from_fn(|k| (0..3).map(|l| n[l] * configuration.cell[l][k]).sum()))
            .collect();
        for i in 0..positions.len() {
            for j in i + 1..positions.len() {
                for image in &images {
                    let vector: [f64; 3] =
                        std::array::from_fn(|k| positions[j][k] - positions[i][k] + image[k]);
                    let distance = vector.iter().map(|c| c * c).sum::<f64>().sqrt();
                    let (first, second) = (configuration.species[i], configuration.species[j]);
                    let [energy, slope, curvature] = pair(first, second, distance);
                    if curvature != 0.0 {
                        reference.energy += energy;
                        reference.largest_pair_force =
                            reference.largest_pair_force.max(slope.abs());
                        reference.bonds.push(Bond {
                            i,
                            j,
                            vector,
                            distance,
                            slope,
                            curvature,
                        });
                    }
                }
            }
        }
        reference
    }

    pub(crate) fn forces(&self) -> Vec<[f64; 3]> {
        let mut forces = vec![[0.0; 3]; self.particles];
        for bond in &self.bonds {
            for k in 0..3 {
                let force = bond.slope * bond.vector[k] / bond.distance;
                forces[bond.i][k] += force;
                forces[bond.j][k] -= force;
            }
        }
        forces
    }

    pub(crate) fn stress(&self, row: usize, column: usize) -> f64 {
        let terms = self.bonds.iter();
        let terms = terms.map(|b| b.slope / b.distance * b.vector[row] * b.vector[column]);
        terms.sum::<f64>() / self.volume
    }

    /// The dense Hessian plus a stiffness for translations, which leaves the rest of its inverse as it is.
    pub(crate) fn hessian(&self, for_translations: f64) -> Vec<Vec<f64>> {
        let (d, size) = (self.dimension, self.dimension * self.particles);
        let mut matrix = vec![vec![0.0; size]; size];
        for (row, line) in matrix.iter_mut().enumerate() {
            for (column, entry) in line.iter_mut().enumerate() {
                if row % d == column % d {
                    *entry = for_translations;
                }
            }
        }
        for bond in &self.bonds {
            let s1 = bond.slope / bond.distance;
            let s2 = (bond.curvature - s1) / bond.distance.powi(2);
            for k in 0..d {
                for l in 0..d {
                    let along = if k == l { s1 } else { 0.0 };
                    let block = s2 * bond.vector[k] * bond.vector[l] + along;
                    matrix[d * bond.i + k][d * bond.i + l] += block;
                    matrix[d * bond.j + k][d * bond.j + l] += block;
                    matrix[d * bond.i + k][d * bond.j + l] -= block;
                    matrix[d * bond.j + k][d * bond.i + l] -= block;
                }
            }
        }
        matrix
    }

    /// The shear modulus in the plane xy, its Born and non-affine part.
    pub(crate) fn shear_modulus(&self) -> [f64; 3] {
        let d = self.dimension;
        let (mut born, mut prestress) = (0.0, 0.0);
        let mut mixed = vec![0.0; d * self.particles];
        for bond in &self.bonds {
            let [x, y, _] = bond.vector;
            let s1 = bond.slope / bond.distance;
            let s2 = (bond.curvature - s1) / bond.distance.powi(2);
            born += s2 * x * x * y * y;
            prestress += s1 * y * y;
            for k in 0..d {
                // d/dgamma of dU/dx_j = s1 r.
                let along = if k == 0 { s1 * y } else { 0.0 };
                let change = s2 * x * y * bond.vector[k] + along;
                mixed[d * bond.j + k] += change;
                mixed[d * bond.i + k] -= change;
            }
        }
        let response = solve(self.hessian(1.0), mixed.clone());
        let non_affine = -dot(&mixed, &response);
        [born + prestress + non_affine, born, non_affine].map(|part| part / self.volume)
    }

    /// `(i, j, kappa_ij)` of the first few bonds.
    pub(crate) fn stiffnesses(&self, count: usize) -> Vec<(usize, usize, f64)> {
        let d = self.dimension;
        let stiffness = |bond: &Bond| {
            let mut dipole = vec![0.0; d * self.particles];
            for k in 0..d {
                let component = bond.vector[k] / bond.distance / 2.0_f64.sqrt();
                dipole[d * bond.j + k] = component;
                dipole[d * bond.i + k] = -component;
            }
            let z = solve(self.hessian(1.0), dipole.clone());
            (bond.i, bond.j, dot(&dipole, &z) / dot(&z, &z))
        };
        self.bonds.iter().take(count).map(stiffness).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves by elimination; a positive definite matrix needs no pivots.
fn solve(mut matrix: Vec<Vec<f64>>, mut rhs: Vec<f64>) -> Vec<f64> {
    let size = rhs.len();
    for pivot in 0..size {
        for row in pivot + 1..size {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let (above, below) = matrix.split_at_mut(row);
            for (entry, other) in below[0][pivot..].iter_mut().zip(&above[pivot][pivot..]) {
                *entry -= factor * other;
            }
            rhs[row] -= factor * rhs[pivot];
        }
    }
    for row in (0..size).rev() {
        let known = dot(&matrix[row][row + 1..], &rhs[row + 1..]);
        rhs[row] = (rhs[row] - known) / matrix[row][row];
    }
    rhs
}
