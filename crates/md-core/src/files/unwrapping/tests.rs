//! Random walks that are folded and followed.

use super::*;
use crate::configuration::{Configuration, Species};
use crate::random::Seed;
use proptest::prelude::*;
use rand::RngExt;

fn frame<const D: usize>(
    cell: Cell<D>,
    positions: Vec<Vector<D>>,
    wrapping: Wrapping,
) -> TrajectoryFrame<D> {
    let species = vec![Species(0); positions.len()];
    let configuration = Configuration::new(cell, positions, species).unwrap();
    TrajectoryFrame {
        wrapping,
        ..configuration.into()
    }
}

fn random_cell<const D: usize>(random: &mut impl RngExt) -> Cell<D> {
    loop {
        let vectors = std::array::from_fn(|k| {
            std::array::from_fn(|l| random.random_range(-2.0..2.0) + if k == l { 4.0 } else { 0.0 })
        });
        let cell = Cell::triclinic(vectors).unwrap();
        if cell.heights().iter().all(|&height| height > 0.5) {
            return cell;
        }
    }
}

/// A walk in steps below the limit, folded into the cell at a random origin, comes out as it was.
fn follow<const D: usize>(seed: u64, particles: usize) {
    let mut random = Seed(seed).stream("walk", &[]);
    let cell = random_cell::<D>(&mut random);
    let corner: Vector<D> = std::array::from_fn(|_| random.random_range(-9.0..9.0));
    let mut walk: Vec<Vector<D>> = (0..particles)
        .map(|_| {
            let inside = std::array::from_fn(|_| random.random_range(0.0..1.0));
            crate::vector::add(&cell.cartesian(&inside), &corner)
        })
        .collect();
    let mut unwrapper = Unwrapper::new();
    for step in 0..30 {
        let folded = walk.iter().map(|x| {
            let inside = cell
                .fractional(&subtract(x, &corner))
                .map(|f| f - f.floor());
            crate::vector::add(&cell.cartesian(&inside), &corner)
        });
        let wrapping = [Wrapping::Wrapped, Wrapping::Unknown][step % 2];
        let mut folded = frame(cell, folded.collect(), wrapping);
        unwrapper.unwrap(&mut folded).unwrap();
        assert_eq!(folded.wrapping, Wrapping::Unwrapped);
        for (found, expected) in folded.configuration.positions().iter().zip(&walk) {
            for k in 0..D {
                // At most 30 steps of 0.4 vectors shorter than 10 from a corner below 40: sizes below 200, a few roundings.
                assert!(
                    (found[k] - expected[k]).abs() < 1e-12,
                    "{found:?} {expected:?}"
                );
            }
        }
        for position in &mut walk {
            let moved: Vector<D> = std::array::from_fn(|_| random.random_range(-0.39..0.39));
            *position = crate::vector::add(position, &cell.cartesian(&moved));
        }
    }
}

/// What went too far is named, with how far, and frames that follow are as if it had not been there.
fn refuse<const D: usize>(seed: u64, particles: usize) {
    let mut random = Seed(seed).stream("far", &[]);
    let cell = random_cell::<D>(&mut random);
    let place = |random: &mut _| -> Vector<D> {
        let inside = std::array::from_fn(|_| RngExt::random_range(random, 0.0..1.0));
        cell.cartesian(&inside)
    };
    let start: Vec<Vector<D>> = (0..particles).map(|_| place(&mut random)).collect();
    let mut unwrapper = Unwrapper::new();
    unwrapper
        .unwrap(&mut frame(cell, start.clone(), Wrapping::Unknown))
        .unwrap();
    let (mover, axis) = (random.random_range(0..particles), random.random_range(0..D));
    let far = random.random_range(0.401..0.599);
    let images: f64 = random.random_range(-3.0_f64..3.0).round();
    let mut moved = start.clone();
    let along = cell.vectors()[axis];
    moved[mover] = std::array::from_fn(|k| start[mover][k] + (far + images) * along[k]);
    let mut late = frame(cell, moved.clone(), Wrapping::Unknown);
    late.identifiers = Some((100..100 + particles as i64).collect());
    let before = late.clone();
    let error = unwrapper.unwrap(&mut late).unwrap_err();
    let UnwrapError::TooFar {
        frame: 1,
        particle,
        identifier,
        vector,
        displacement,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((particle, vector), (mover, axis + 1));
    assert_eq!(identifier, Some(100 + mover as i64));
    assert!((displacement - far.min(1.0 - far)).abs() < 1e-12);
    assert_eq!(late, before);
    // Positions that are unwrapped may go anywhere.
    unwrapper
        .unwrap(&mut frame(cell, moved.clone(), Wrapping::Unwrapped))
        .unwrap();
    let mut next = frame(cell, moved.clone(), Wrapping::Wrapped);
    unwrapper.unwrap(&mut next).unwrap();
    assert_eq!(next.configuration.positions(), moved);
}

proptest! {
    #[test]
    fn folded_walks_are_followed_in_any_cell(seed in any::<u64>(), particles in 1..6_usize) {
        follow::<2>(seed, particles);
        follow::<3>(seed, particles);
    }

    #[test]
    fn leaps_are_refused_by_name(seed in any::<u64>(), particles in 1..6_usize) {
        refuse::<2>(seed, particles);
        refuse::<3>(seed, particles);
    }
}

#[test]
fn other_particles_and_cells_are_refused() {
    let cell = Cell::<2>::orthorhombic([4.0, 5.0]).unwrap();
    let pair = || frame(cell, vec![[1.0; 2], [2.0; 2]], Wrapping::Unwrapped);
    let mut unwrapper = Unwrapper::new();
    let mut first = pair();
    first.identifiers = Some(vec![3, 8]);
    unwrapper.unwrap(&mut first).unwrap();
    let mut other = pair();
    other.identifiers = Some(vec![3, 9]);
    let message = unwrapper.unwrap(&mut other).unwrap_err().to_string();
    assert!(
        message.contains("id 9 where the one before has 8"),
        "{message}"
    );
    let mut one = frame(cell, vec![[1.0; 2]], Wrapping::Unwrapped);
    let message = unwrapper.unwrap(&mut one).unwrap_err().to_string();
    assert!(
        message.contains("frame 1 (from 0) has 1 particles instead of 2"),
        "{message}"
    );
    let wide = Cell::orthorhombic([4.0, 6.0]).unwrap();
    let mut wide = frame(wide, vec![[1.0; 2], [2.0; 2]], Wrapping::Unwrapped);
    let message = unwrapper.unwrap(&mut wide).unwrap_err().to_string();
    assert!(
        message.contains("[0.0, 6.0]]") && message.contains("instead of [[4.0"),
        "{message}"
    );
    unwrapper.unwrap(&mut pair()).unwrap();
}
