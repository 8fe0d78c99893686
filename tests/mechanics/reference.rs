//! The reference: formulas as they are printed, sums as they are defined.

use rand::{Rng, RngExt};
use vitreous::md_core::{Matrix, Mechanics, Vector};
use vitreous::prelude::*;

/// The pair models, by the formulas of the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PairModel {
    InversePower,
    ModifiedLennardJones,
    KobAndersen,
}

pub(crate) const FORMULAS: [(PairModel, &str); 3] = [
    (PairModel::InversePower, "ipl"),
    (PairModel::ModifiedLennardJones, "mblj"),
    (PairModel::KobAndersen, "ka"),
];

impl PairModel {
    pub(crate) fn cutoff(self, pair: usize) -> f64 {
        match self {
            Self::InversePower => 1.48 * [1.4, 1.18, 1.0][pair],
            Self::ModifiedLennardJones => [1.5, 2.0, 1.5][pair],
            Self::KobAndersen => 2.5 * [1.0, 0.8, 0.88][pair],
        }
    }

    /// The terms of `phi` and of `phi'`, as they are printed, of the pairs AA, AB, BB (0, 1, 2) below the cut-off.
    /// They cancel there, so that the sum of their magnitudes says what roundings may do.
    fn terms(self, pair: usize, r: f64) -> [Vec<f64>; 2] {
        let energy = [1.0, 1.5, 0.5][pair];
        let sigma = [1.0, 0.8, 0.88][pair];
        let lennard_jones = |r: f64| {
            let sixth = (sigma / r).powi(6);
            [
                [4.0 * energy * sixth * sixth, -4.0 * energy * sixth],
                [
                    -48.0 * energy * sixth * sixth / r,
                    24.0 * energy * sixth / r,
                ],
            ]
        };
        let end = self.cutoff(pair);
        match self {
            Self::InversePower => {
                let lambda = [1.4, 1.18, 1.0][pair];
                let x = r / lambda;
                let [c0, c2, c4, c6] = [
                    -1.1106337662511795,
                    1.2676152372297063,
                    -0.49604060728492109,
                    0.066051182641573221,
                ];
                let slopes = [
                    -10.0 * x.powi(-11),
                    2.0 * c2 * x,
                    4.0 * c4 * x.powi(3),
                    6.0 * c6 * x.powi(5),
                ];
                [
                    vec![
                        x.powi(-10),
                        c0,
                        c2 * x.powi(2),
                        c4 * x.powi(4),
                        c6 * x.powi(6),
                    ],
                    slopes.map(|slope| slope / lambda).to_vec(),
                ]
            }
            Self::ModifiedLennardJones => {
                let ([[a, b], [c, d]], [[e, f], [g, h]]) = (lennard_jones(r), lennard_jones(end));
                [
                    vec![a, b, -e, -f, -(r - end) * g, -(r - end) * h],
                    vec![c, d, -g, -h],
                ]
            }
            Self::KobAndersen => {
                let ([[a, b], slopes], [[e, f], _]) = (lennard_jones(r), lennard_jones(end));
                [vec![a, b, -e, -f], slopes.to_vec()]
            }
        }
    }
}

/// What the reference adds up.
#[derive(Clone, Debug)]
pub(crate) struct Reference<const D: usize> {
    pub(crate) energy: f64,
    pub(crate) forces: Vec<Vector<D>>,
    pub(crate) stress: Matrix<D>,
    /// The sum of the magnitudes of the terms that are added up to the energy and the stress.
    pub(crate) energy_size: f64,
    pub(crate) stress_size: f64,
    /// The largest force of one pair, in terms of the same kind.
    pub(crate) largest_pair_force: f64,
}

/// A configuration before the library sees it: the rows of the cell, positions inside, species.
#[derive(Clone, Debug)]
pub(crate) struct Sample<const D: usize> {
    pub(crate) rows: Matrix<D>,
    pub(crate) positions: Vec<Vector<D>>,
    pub(crate) species: Vec<u8>,
}

/// Every integer vector with components from `-reach` to `reach`.
pub(crate) fn images<const D: usize>(reach: i32) -> impl Iterator<Item = [i32; D]> {
    let width = 2 * reach + 1;
    (0..width.pow(D as u32))
        .map(move |number| std::array::from_fn(|k| number / width.pow(k as u32) % width - reach))
}

pub(crate) fn translated<const D: usize>(
    x: &Vector<D>,
    rows: &Matrix<D>,
    image: &[i32; D],
) -> Vector<D> {
    std::array::from_fn(|k| {
        x[k] + (0..D)
            .map(|l| f64::from(image[l]) * rows[l][k])
            .sum::<f64>()
    })
}

impl<const D: usize> Sample<D> {
    /// A jittered grid of `per_edge^D` particles in a cell, so that no two come very close.
    pub(crate) fn jittered(rows: Matrix<D>, per_edge: usize, random: &mut impl Rng) -> Self {
        let count = per_edge.pow(D as u32);
        let positions = (0..count)
            .map(|site| {
                let fractional: Vector<D> = std::array::from_fn(|k| {
                    let along = site / per_edge.pow(k as u32) % per_edge;
                    (along as f64 + random.random_range(0.35..0.65)) / per_edge as f64
                });
                std::array::from_fn(|k| (0..D).map(|l| fractional[l] * rows[l][k]).sum())
            })
            .collect();
        let species = (0..count).map(|_| random.random_range(0..2)).collect();
        Self {
            rows,
            positions,
            species,
        }
    }

    /// The same physical state for the library, each particle moved by a lattice translation.
    pub(crate) fn configuration(&self, mut image: impl FnMut() -> [i32; D]) -> Configuration<D> {
        let positions = self
            .positions
            .iter()
            .map(|x| translated(x, &self.rows, &image()))
            .collect();
        let species = self.species.iter().map(|&s| Species(s)).collect();
        Configuration::new(Cell::triclinic(self.rows).unwrap(), positions, species).unwrap()
    }

    pub(crate) fn wrapped(&self) -> Configuration<D> {
        self.configuration(|| [0; D])
    }

    /// Every ordered pair of particles and images but a particle with itself, as `(i, j, r_ij)`.
    pub(crate) fn ordered_pairs(&self, range: f64) -> Vec<(usize, usize, Vector<D>)> {
        // Fractional coordinates differ by less than 1, so image n is further than (|n| - 1) heights.
        let heights = Cell::triclinic(self.rows).unwrap().heights();
        let lowest = heights.into_iter().fold(f64::INFINITY, f64::min);
        let reach = (range / lowest).ceil() as i32 + 1;
        let mut pairs = Vec::new();
        for i in 0..self.positions.len() {
            for j in 0..self.positions.len() {
                for image in images::<D>(reach) {
                    let other = translated(&self.positions[j], &self.rows, &image);
                    let r: Vector<D> = std::array::from_fn(|k| other[k] - self.positions[i][k]);
                    let itself = i == j && image == [0; D];
                    if !itself && length(&r) < range {
                        pairs.push((i, j, r));
                    }
                }
            }
        }
        pairs
    }

    /// Half the sum over all ordered pairs.
    pub(crate) fn reference(&self, formula: PairModel) -> Reference<D> {
        let volume = Cell::triclinic(self.rows).unwrap().volume();
        let mut sums = Reference {
            energy: 0.0,
            forces: vec![[0.0; D]; self.positions.len()],
            stress: [[0.0; D]; D],
            energy_size: 0.0,
            stress_size: 0.0,
            largest_pair_force: 0.0,
        };
        let range = (0..3).map(|pair| formula.cutoff(pair)).fold(0.0, f64::max);
        for (i, j, r) in self.ordered_pairs(range) {
            let pair = usize::from(self.species[i] + self.species[j]);
            let distance = length(&r);
            if distance >= formula.cutoff(pair) {
                continue;
            }
            let terms = formula.terms(pair, distance);
            let [energy, slope] = terms.each_ref().map(|terms| terms.iter().sum::<f64>());
            let [energy_size, slope_size] =
                terms.map(|terms| terms.iter().map(|term| term.abs()).sum::<f64>());
            sums.energy += 0.5 * energy;
            sums.energy_size += 0.5 * energy_size;
            sums.stress_size += 0.5 * slope_size * distance / volume;
            sums.largest_pair_force = sums.largest_pair_force.max(slope_size);
            for k in 0..D {
                // The force on i points away from j where the slope is negative.
                sums.forces[i][k] += slope * r[k] / distance;
                for l in 0..D {
                    sums.stress[k][l] += 0.5 * slope * r[k] * r[l] / distance / volume;
                }
            }
        }
        sums
    }

    /// The smallest distance of a pair from the cut-off of its species, over the cut-off.
    pub(crate) fn clearance(&self, formula: PairModel) -> f64 {
        self.ordered_pairs(2.6)
            .into_iter()
            .map(|(i, j, r)| {
                let pair = usize::from(self.species[i] + self.species[j]);
                (length(&r) / formula.cutoff(pair) - 1.0).abs()
            })
            .fold(f64::INFINITY, f64::min)
    }
}

pub(crate) fn length<const D: usize>(r: &Vector<D>) -> f64 {
    r.iter().map(|c| c * c).sum::<f64>().sqrt()
}

pub(crate) fn model<const D: usize>(name: &str) -> Box<dyn Potential<D>> {
    Catalogue::find(name).unwrap().potential().unwrap()
}

pub(crate) fn evaluate<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: &Configuration<D>,
) -> Mechanics<D> {
    ForceField::new(potential).evaluate(configuration).unwrap()
}

/// Whether two sets of vectors are closer than a bound, component by component.
pub(crate) fn largest_difference<const D: usize>(a: &[Vector<D>], b: &[Vector<D>]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.as_flattened()
        .iter()
        .zip(b.as_flattened())
        .map(|(x, y)| (x - y).abs())
        // `max` would drop a NaN.
        .fold(
            0.0,
            |worst, d| if d > worst || d.is_nan() { d } else { worst },
        )
}

/// Lower-triangular cells: edges near `edge`, tilts up to nearly two edges, either sign.
pub(crate) fn sheared<const D: usize>(edge: f64, tilt: f64, random: &mut impl Rng) -> Matrix<D> {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| match column.cmp(&row) {
            std::cmp::Ordering::Less => edge * tilt * random.random_range(-1.0..1.0),
            std::cmp::Ordering::Equal => edge * random.random_range(0.9..1.15),
            std::cmp::Ordering::Greater => 0.0,
        })
    })
}
