//! Random configurations to test potentials in.

use proptest::prelude::*;
use rand::RngExt;
use std::ops::Range;
use vitreous_md_core::vector::transform;
use vitreous_md_core::{Cell, Configuration, Matrix, Seed, Species};

/// What random configurations are made of: the density, the number of species, diameters.
///
/// ```
/// use vitreous_conformance::Sample;
/// let sample = Sample::default().density(1.2).species(2).diameters(0.8..1.2);
/// # let _ = sample;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    density: f64,
    species: usize,
    diameters: Range<f64>,
    particles: usize,
}

impl Default for Sample {
    /// One species at number density 1, diameters from 0.8 to 1.2, up to 27 particles.
    fn default() -> Self {
        Self {
            density: 1.0,
            species: 1,
            diameters: 0.8..1.2,
            particles: 27,
        }
    }
}

impl Sample {
    /// The number density `N / V`.
    pub fn density(self, density: f64) -> Self {
        Self { density, ..self }
    }

    /// The number of species.
    pub fn species(self, species: usize) -> Self {
        Self { species, ..self }
    }

    /// The interval of diameters, for potentials that ask for them.
    pub fn diameters(self, diameters: Range<f64>) -> Self {
        Self { diameters, ..self }
    }

    /// The largest number of particles.
    pub fn particles(self, most: usize) -> Self {
        Self {
            particles: most,
            ..self
        }
    }
}

/// Random configurations: jittered lattices in sheared cells, from one particle that sees only its images
/// to boxes of some ranges; particles are moved at random to other images of themselves.
///
/// No two particles are closer than half the lattice spacing `density^(-1/D)`.
pub fn configurations<const D: usize>(
    sample: &Sample,
) -> impl Strategy<Value = Configuration<D>> + use<D> {
    let sample = sample.clone();
    let mut most = 1;
    while (most + 1_usize).pow(D as u32) <= sample.particles {
        most += 1;
    }
    let tilts = prop::sample::select(vec![0.0, 0.4, 1.7]);
    // Large boxes first: they shrink to small ones.
    (any::<u64>(), 1..=most, tilts).prop_filter_map(
        "the density, species and diameters must make a configuration",
        move |(seed, per_edge, tilt)| jittered(&sample, seed, per_edge, tilt),
    )
}

fn jittered<const D: usize>(
    sample: &Sample,
    seed: u64,
    per_edge: usize,
    tilt: f64,
) -> Option<Configuration<D>> {
    let mut random = Seed(seed).stream("conformance", &[D as u64, per_edge as u64]);
    let spacing = sample.density.powf(-1.0 / D as f64);
    let edge = spacing * per_edge as f64;
    // Edges of one volume: each longer by what the next is shorter.
    let stretches: Vec<f64> = (0..D).map(|_| random.random_range(0.95..1.05)).collect();
    let cell = Cell::triclinic(std::array::from_fn(|row| {
        std::array::from_fn(|column| match column.cmp(&row) {
            std::cmp::Ordering::Less => edge * tilt * random.random_range(-1.0..1.0),
            std::cmp::Ordering::Equal => edge * stretches[row] / stretches[(row + 1) % D],
            std::cmp::Ordering::Greater => 0.0,
        })
    }))
    .ok()?;
    let count = per_edge.pow(D as u32);
    let positions = (0..count)
        .map(|site| {
            let fractional = std::array::from_fn(|k| {
                let along = site / per_edge.pow(k as u32) % per_edge;
                (along as f64 + 0.5) / per_edge as f64 + f64::from(random.random_range(-2..3))
            });
            let mut position = cell.cartesian(&fractional);
            for x in &mut position {
                *x += spacing * random.random_range(-0.12..0.12);
            }
            position
        })
        .collect();
    let kinds = u8::try_from(sample.species.clamp(1, 256) - 1).ok()?;
    let species = (0..count)
        .map(|_| Species(random.random_range(0..=kinds)))
        .collect();
    let width = sample.diameters.end - sample.diameters.start;
    let diameters = (0..count)
        .map(|_| sample.diameters.start + width * random.random_range(0.0..1.0))
        .collect();
    Configuration::new(cell, positions, species)
        .ok()?
        .with_diameters(diameters)
        .ok()
}

/// A rotation that turns every axis into every other.
pub(crate) fn rotation<const D: usize>() -> Matrix<D> {
    let mut rotation = vitreous_md_core::vector::identity::<D>();
    for first in 0..D {
        for second in first + 1..D {
            let (sine, cosine) = (0.7 + 0.3 * (first + second) as f64).sin_cos();
            for row in &mut rotation {
                let (a, b) = (row[first], row[second]);
                row[first] = cosine * a - sine * b;
                row[second] = sine * a + cosine * b;
            }
        }
    }
    rotation
}

/// The configuration beside its image along one lattice vector, in a cell twice as long.
pub(crate) fn doubled<const D: usize>(
    configuration: &Configuration<D>,
    along: usize,
) -> Option<Configuration<D>> {
    let mut vectors = *configuration.cell().vectors();
    let shift = vectors[along];
    vectors[along] = shift.map(|c| 2.0 * c);
    let mut positions = configuration.positions().to_vec();
    let image = |x: &[f64; D]| std::array::from_fn(|k| x[k] + shift[k]);
    positions.extend(configuration.positions().iter().map(image));
    let mut species = configuration.species().to_vec();
    species.extend_from_slice(configuration.species());
    let twice = Configuration::new(Cell::triclinic(vectors).ok()?, positions, species).ok()?;
    let Some(diameters) = configuration.diameters() else {
        return Some(twice);
    };
    twice.with_diameters([diameters, diameters].concat()).ok()
}

/// The configuration with its particles in another order: number `n` was `order[n]`.
pub(crate) fn permuted<const D: usize>(
    configuration: &Configuration<D>,
    order: &[usize],
) -> Option<Configuration<D>> {
    let positions = order
        .iter()
        .map(|&n| configuration.positions()[n])
        .collect();
    let species = order.iter().map(|&n| configuration.species()[n]).collect();
    let permuted = Configuration::new(*configuration.cell(), positions, species).ok()?;
    let Some(diameters) = configuration.diameters() else {
        return Some(permuted);
    };
    permuted
        .with_diameters(order.iter().map(|&n| diameters[n]).collect())
        .ok()
}

/// Rotates vectors.
pub(crate) fn rotated<const D: usize>(rotation: &Matrix<D>, vectors: &[[f64; D]]) -> Vec<[f64; D]> {
    vectors.iter().map(|v| transform(rotation, v)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use vitreous_md_core::brute_force_pairs;
    use vitreous_md_core::vector::norm_squared;

    #[test]
    fn configurations_have_the_density_and_no_overlaps() {
        let sample = Sample::default().density(1.3).species(3);
        let mut sizes = std::collections::BTreeSet::new();
        let mut runner = TestRunner::deterministic();
        for _ in 0..50 {
            let configuration = configurations::<3>(&sample)
                .new_tree(&mut runner)
                .unwrap()
                .current();
            sizes.insert(configuration.len());
            assert!((configuration.density() - 1.3).abs() < 1e-12);
            let closest = brute_force_pairs(&configuration, 1.0)
                .iter()
                .map(|(_, _, r)| norm_squared(r).sqrt())
                .fold(f64::INFINITY, f64::min);
            assert!(closest > 0.45 * configuration.mean_spacing());
        }
        assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [1, 8, 27]);
    }

    #[test]
    fn rotations_keep_lengths() {
        let rotation = rotation::<3>();
        let [turned] = rotated(&rotation, &[[1.0, 2.0, 3.0]])[..] else {
            panic!("one vector");
        };
        assert!((norm_squared(&turned) - 14.0).abs() < 1e-13);
        assert!(rotation.as_flattened().iter().all(|c| c.abs() < 0.99));
    }
}
