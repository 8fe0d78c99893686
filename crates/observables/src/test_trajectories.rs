//! Random trajectories in random cells, for the tests of this crate.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Evenly distributed between -1/2 and 1/2.
pub(crate) fn uniform(random: &mut Xoshiro256PlusPlus) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// Gaussian of variance one: a sum of twelve even ones has kurtosis 2.9, which no test here resolves.
pub(crate) fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    (0..12).map(|_| uniform(random)).sum()
}

pub(crate) fn generator(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// Particles of two species in a triclinic cell, that walk at random on a drifting centre of mass.
#[derive(Clone, Debug)]
pub(crate) struct Walk<const D: usize> {
    pub(crate) cell: [[f64; D]; D],
    pub(crate) species: Vec<u8>,
    /// `frames[step][particle]`, not wrapped.
    pub(crate) frames: Vec<Vec<[f64; D]>>,
}

impl<const D: usize> Walk<D> {
    pub(crate) fn new(seed: u64, particles: usize, steps: usize) -> Self {
        let mut random = generator(seed);
        // Nearly orthogonal edges of 4 to 6: any volume is well away from zero.
        let cell = std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                if row == column {
                    5.0 + 2.0 * uniform(&mut random)
                } else {
                    3.0 / D as f64 * uniform(&mut random)
                }
            })
        });
        let mut species: Vec<u8> = (0..particles)
            .map(|_| u8::from(random.next_u64().is_multiple_of(3)))
            .collect();
        species[0] = 1;
        species[particles - 1] = 0;
        let mut positions: Vec<[f64; D]> = (0..particles)
            .map(|_| std::array::from_fn(|_| 8.0 * uniform(&mut random)))
            .collect();
        let frames = (0..=steps)
            .map(|_| {
                let frame = positions.clone();
                for position in &mut positions {
                    for x in position {
                        *x += 0.4 * uniform(&mut random) + 0.1;
                    }
                }
                frame
            })
            .collect();
        Self {
            cell,
            species,
            frames,
        }
    }

    pub(crate) fn members(&self, kind: u8) -> Vec<usize> {
        let all = 0..self.species.len();
        all.filter(|&i| self.species[i] == kind).collect()
    }

    /// Displacements relative to that of the centre of mass.
    pub(crate) fn displacements(&self, start: usize, end: usize) -> Vec<[f64; D]> {
        let (from, to) = (&self.frames[start], &self.frames[end]);
        let count = from.len() as f64;
        let centre: [f64; D] = std::array::from_fn(|k| {
            let sum: f64 = from.iter().zip(to).map(|(from, to)| to[k] - from[k]).sum();
            sum / count
        });
        from.iter()
            .zip(to)
            .map(|(from, to)| std::array::from_fn(|k| to[k] - from[k] - centre[k]))
            .collect()
    }

    /// The pairs of frames with a lag, from origins at multiples of an interval.
    pub(crate) fn pairs(&self, lag: usize, interval: usize) -> Vec<(usize, usize)> {
        let starts = (0..self.frames.len()).step_by(interval);
        starts
            .map(|start| (start, start + lag))
            .filter(|&(_, end)| end < self.frames.len())
            .collect()
    }
}

/// Any walk of a few particles, with the interval between origins.
pub(crate) fn walks<const D: usize>() -> impl Strategy<Value = (Walk<D>, usize)> {
    (any::<u64>(), 3_usize..25, 5_usize..60, 1_usize..20).prop_map(
        |(seed, particles, steps, interval)| (Walk::new(seed, particles, steps), interval),
    )
}

/// Equal up to rounding: numbers of order one, sums of some thousand terms.
pub(crate) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs()))
}
