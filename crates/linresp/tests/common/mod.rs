//! Potentials, minima and crystals for the tests, independent of the other crates of the family.
#![allow(dead_code)] // every test binary uses its own part

use vitreous_linresp::{Hessian, SparseCholesky};
use vitreous_md_core::vector::{norm_squared, scale};
use vitreous_md_core::*;

/// `phi = s^-5` in `s = (r/lambda)^2`, minus its Taylor polynomial of third order at `s = 1.48^2`: the
/// inverse power law of the paper, since even polynomials in r are polynomials in s.
#[derive(Clone, Debug)]
pub(crate) struct Ipl(pub(crate) f64);

impl Radial for Ipl {
    fn range(&self) -> f64 {
        1.48 * self.0
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        let cut: f64 = 1.48 * 1.48;
        let x = s * (1.0 / (self.0 * self.0));
        let t = x + (-cut);
        // d^n/ds^n s^-5 / n! = (-1)^n binomial(n + 4, 4) s^(-5-n).
        let polynomial = [(1.0, -5), (-5.0, -6), (15.0, -7), (-35.0, -8)]
            .iter()
            .rev()
            .fold(S::constant(0.0), |sum, &(factor, power)| {
                sum * t + factor * cut.powi(power)
            });
        x.powi(5).recip() - polynomial
    }
}

/// `phi = k (r - a)^2 / 2`.
#[derive(Clone, Debug)]
pub(crate) struct Spring {
    pub(crate) stiffness: f64,
    pub(crate) length: f64,
    pub(crate) range: f64,
}

impl Radial for Spring {
    fn range(&self) -> f64 {
        self.range
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        let stretch = s.sqrt() + (-self.length);
        stretch * stretch * (0.5 * self.stiffness)
    }
}

/// The pair part of Stillinger and Weber's potential.
#[derive(Clone, Debug)]
pub(crate) struct TwoBody;

impl Radial for TwoBody {
    fn range(&self) -> f64 {
        1.8
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        let tail = (s.sqrt() + (-1.8)).recip().exp();
        ((s * s).recip() * 0.6022245584 + (-1.0)) * tail * 7.049556277
    }
}

/// The three-body part of Stillinger and Weber's potential.
#[derive(Clone, Debug)]
pub(crate) struct Angle;

impl Triplet for Angle {
    fn range(&self) -> f64 {
        1.8
    }
    fn species_count(&self) -> usize {
        1
    }
    fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], [ij, ik, jk]: [S; 3]) -> S {
        let cosine = (ij + ik - jk) * 0.5 / (ij * ik).sqrt();
        let tail = |s: S| (s.sqrt() + (-1.8)).recip() * 1.2;
        let deviation = cosine + 1.0 / 3.0;
        deviation * deviation * (tail(ij) + tail(ik)).exp() * 18.75
    }
}

pub(crate) fn ipl() -> SpeciesTable<Ipl> {
    SpeciesTable::new(2, |first, second| Ipl([1.0, 1.18, 1.4][first + second])).unwrap()
}

pub(crate) fn stillinger_weber() -> Sum<SpeciesTable<TwoBody>, ThreeBody<Angle>> {
    Sum(
        SpeciesTable::uniform(TwoBody).unwrap(),
        ThreeBody::new(Angle).unwrap(),
    )
}

/// A quenched random 50:50 mixture in a plane.
pub(crate) fn ipl_glass_2d(particles: usize, seed: u64) -> InherentStructure<2> {
    let liquid = Configuration::random(particles, 0.86, &[0.5, 0.5], Seed(seed)).unwrap();
    quench(&ipl(), liquid)
}

/// A quenched random 50:50 mixture.
pub(crate) fn ipl_glass(particles: usize, seed: u64) -> InherentStructure<3> {
    let liquid = Configuration::random(particles, 0.82, &[0.5, 0.5], Seed(seed)).unwrap();
    quench(&ipl(), liquid)
}

pub(crate) fn stillinger_weber_glass(particles: usize, seed: u64) -> InherentStructure<3> {
    let liquid = Configuration::random(particles, 0.52, &[1.0], Seed(seed)).unwrap();
    quench(&stillinger_weber(), liquid)
}

/// FIRE until forces are small, then Newton's method to a force ratio of 1e-11.
pub(crate) fn quench<const D: usize>(
    potential: &dyn Potential<D>,
    mut configuration: Configuration<D>,
) -> InherentStructure<D> {
    let mut field = ForceField::new(potential);
    let mut velocities = vec![[0.0; D]; configuration.len()];
    let (mut step, mut mixing, mut downhill) = (0.005, 0.1, 0);
    for _ in 0..100_000 {
        let mechanics = field.evaluate(&configuration).unwrap();
        if mechanics.balance().ratio() < 1e-6 {
            break;
        }
        let total = |v: &[Vector<D>]| v.iter().map(norm_squared).sum::<f64>().sqrt();
        let power: f64 = mechanics
            .forces
            .iter()
            .zip(&velocities)
            .map(|(f, v)| vector::dot(f, v))
            .sum();
        if power < 0.0 {
            velocities.fill([0.0; D]);
            (step, mixing, downhill) = (0.5 * step, 0.1, 0);
        } else {
            let turn = mixing * total(&velocities) / total(&mechanics.forces);
            for (v, f) in velocities.iter_mut().zip(&mechanics.forces) {
                *v = vector::add(&scale(1.0 - mixing, v), &scale(turn, f));
            }
            downhill += 1;
            if downhill > 5 {
                (step, mixing) = (f64::min(1.1 * step, 0.05), 0.99 * mixing);
            }
        }
        for ((x, v), f) in configuration
            .positions_mut()
            .iter_mut()
            .zip(&mut velocities)
            .zip(&mechanics.forces)
        {
            *v = vector::add(v, &scale(step, f));
            // Steps are kept short of a particle's size while the random start explodes.
            let length = norm_squared(v).sqrt() * step;
            let short = step * f64::min(1.0, 0.1 / length.max(1e-300));
            *x = vector::add(x, &scale(short, v));
        }
    }
    for _ in 0..20 {
        let expansion = linearize(potential, &configuration).unwrap();
        let inverse = Hessian::new(&expansion)
            .inverse(&SparseCholesky::default())
            .unwrap();
        let newton = inverse.apply(expansion.forces().as_flattened()).unwrap();
        for (x, step) in configuration
            .positions_mut()
            .iter_mut()
            .zip(newton.as_chunks().0)
        {
            *x = vector::add(x, step);
        }
        let tolerance = Tolerance::force_ratio(1e-11);
        if let Ok(structure) =
            InherentStructure::certify(potential, configuration.clone(), tolerance)
        {
            return structure;
        }
    }
    panic!("the test's quench did not converge");
}

/// The positions of `n^3` face-centred cubes with the given edge.
pub(crate) fn face_centred_cubic(n: usize, edge: f64) -> Vec<Vector<3>> {
    let basis = [[0.0; 3], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]];
    (0..n.pow(3))
        .flat_map(|cube| {
            let corner = [cube % n, cube / n % n, cube / n / n];
            basis.map(|site| std::array::from_fn(|k| edge * (corner[k] as f64 + site[k])))
        })
        .collect()
}

/// A structure that is accepted whatever its forces.
pub(crate) fn certify_anything<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: Configuration<D>,
) -> InherentStructure<D> {
    let tolerance = Tolerance {
        force_ratio: f64::INFINITY,
        floor: f64::INFINITY,
    };
    InherentStructure::certify(potential, configuration, tolerance).unwrap()
}

/// Particles of one species on a line.
pub(crate) fn line(length: f64, positions: &[f64]) -> Configuration<1> {
    Configuration::new(
        Cell::orthorhombic([length]).unwrap(),
        positions.iter().map(|&x| [x]).collect(),
        vec![Species(0); positions.len()],
    )
    .unwrap()
}

pub(crate) fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |worst, d| {
            if d.is_nan() {
                f64::NAN
            } else {
                f64::max(worst, d)
            }
        })
}
