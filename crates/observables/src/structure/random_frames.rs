//! Random cells and particles for the tests, and all their pairs by brute force.

use crate::lattice::{Lattice, norm};
use proptest::prelude::*;

/// A cell of any shape, and particles of up to three species, all of them present, in and around it.
#[derive(Clone, Debug)]
pub(crate) struct RandomFrame<const D: usize> {
    pub(crate) cell: [[f64; D]; D],
    pub(crate) positions: Vec<[f64; D]>,
    pub(crate) species: Vec<u8>,
}

/// Cells whose thickness is at least 0.6 and at most some 4, in any orientation and of either handedness.
pub(crate) fn random_frame<const D: usize>(most: usize) -> impl Strategy<Value = RandomFrame<D>> {
    let row = || prop::collection::vec(-3.0_f64..3.0, D);
    let cell = prop::collection::vec(row(), D)
        .prop_map(|rows| std::array::from_fn(|j| std::array::from_fn(|k| rows[j][k])))
        .prop_filter("too thin", |cell: &[[f64; D]; D]| {
            Lattice::new(cell).is_ok_and(|lattice| lattice.heights().iter().all(|&h| h > 0.6))
        });
    let particle = (prop::collection::vec(-8.0_f64..8.0, D), 0..3_u8);
    (cell, prop::collection::vec(particle, 3..most), 1..=3_u8).prop_map(
        |(cell, particles, kinds)| RandomFrame {
            cell,
            positions: particles
                .iter()
                .map(|(x, _)| std::array::from_fn(|k| x[k]))
                .collect(),
            species: particles
                .iter()
                .enumerate()
                .map(|(i, (_, species))| {
                    if i < 3 {
                        i as u8 % kinds
                    } else {
                        species % kinds
                    }
                })
                .collect(),
        },
    )
}

/// `(i, j, r_j + T - r_i)` for all ordered pairs and lattice vectors `T` nearer than `range`, own images included.
pub(crate) fn all_pairs<const D: usize>(
    frame: &RandomFrame<D>,
    range: f64,
) -> Vec<(usize, usize, [f64; D])> {
    let lattice = Lattice::new(&frame.cell).unwrap();
    // Two points at fractional distance f along k are at least f times the height apart; positions lie within
    // 8 sqrt(D) of the origin.
    let reach = lattice
        .heights()
        .map(|height| ((range + 16.0 * 3_f64.sqrt()) / height).ceil() as i64 + 1);
    let mut pairs = Vec::new();
    let mut turns = reach.map(|reach| -reach);
    loop {
        let shift = lattice.combine(&turns.map(|n| n as f64));
        for (i, a) in frame.positions.iter().enumerate() {
            for (j, b) in frame.positions.iter().enumerate() {
                let vector: [f64; D] = std::array::from_fn(|k| b[k] + shift[k] - a[k]);
                let itself = i == j && turns.iter().all(|&n| n == 0);
                if !itself && norm(&vector) < range {
                    pairs.push((i, j, vector));
                }
            }
        }
        let Some(axis) = (0..D).rev().find(|&k| turns[k] < reach[k]) else {
            return pairs;
        };
        turns[axis] += 1;
        for k in axis + 1..D {
            turns[k] = -reach[k];
        }
    }
}
