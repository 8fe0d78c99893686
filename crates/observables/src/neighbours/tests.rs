use super::*;
use crate::test_trajectories::Walk;
use proptest::prelude::*;

/// All images within ten lattice vectors.
fn naive<const D: usize>(walk: &Walk<D>, cutoffs: &[Vec<f64>]) -> Vec<Vec<u32>> {
    let frame = &walk.frames[0];
    let images = 17_usize.pow(D as u32);
    (0..frame.len())
        .map(|i| {
            let mut list = Vec::new();
            for j in 0..frame.len() {
                for image in 0..images {
                    let mut rest = image;
                    let mut distance: [f64; D] = std::array::from_fn(|k| frame[j][k] - frame[i][k]);
                    for row in &walk.cell {
                        let turns = (rest % 17) as f64 - 8.0;
                        rest /= 17;
                        for k in 0..D {
                            distance[k] += turns * row[k];
                        }
                    }
                    let squared: f64 = distance.iter().map(|x| x * x).sum();
                    let cutoff =
                        cutoffs[usize::from(walk.species[i])][usize::from(walk.species[j])];
                    let itself = i == j && image == images / 2;
                    if squared < cutoff * cutoff && !itself {
                        list.push(j as u32);
                    }
                }
            }
            list
        })
        .collect()
}

fn agrees<const D: usize>(walk: &Walk<D>, [aa, ab, bb]: [f64; 3]) -> Result<(), TestCaseError> {
    let cutoffs = vec![vec![aa, ab], vec![ab, bb]];
    let found =
        NeighbourLists::within(&walk.cell, &walk.frames[0], &walk.species, &cutoffs).unwrap();
    prop_assert_eq!(
        &found,
        &NeighbourLists::from_lists(&naive(walk, &cutoffs)).unwrap()
    );
    prop_assert!(found.is_sound(walk.species.len()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Cut-offs from nothing to more than two cells.
    #[test]
    fn agrees_with_all_images_in_3d(seed: u64, particles in 2_usize..25, cutoffs in prop::array::uniform3(0.0_f64..9.0)) {
        agrees(&Walk::<3>::new(seed, particles, 0), cutoffs)?;
    }

    #[test]
    fn agrees_with_all_images_in_2d(seed: u64, particles in 2_usize..80, cutoffs in prop::array::uniform3(0.0_f64..3.0)) {
        agrees(&Walk::<2>::new(seed, particles, 0), cutoffs)?;
    }

    /// Doubling the cell with all that is in it gives everyone the same neighbours, up to their images.
    #[test]
    fn a_doubled_cell_has_the_same_neighbours(seed: u64, cutoff in 0.5_f64..9.0) {
        let walk = Walk::<2>::new(seed, 9, 0);
        let cutoffs = vec![vec![cutoff; 2]; 2];
        let one = NeighbourLists::within(&walk.cell, &walk.frames[0], &walk.species, &cutoffs).unwrap();
        let mut cell = walk.cell;
        cell[0] = cell[0].map(|x| 2.0 * x);
        let mut positions = walk.frames[0].clone();
        for r in &walk.frames[0] {
            positions.push([r[0] + walk.cell[0][0], r[1] + walk.cell[0][1]]);
        }
        let species = [&walk.species[..], &walk.species[..]].concat();
        let two = NeighbourLists::within(&cell, &positions, &species, &cutoffs).unwrap();
        for particle in 0..9 {
            let mut folded: Vec<u32> = two.of(particle).iter().map(|&other| other % 9).collect();
            folded.sort_unstable();
            prop_assert_eq!(&folded[..], one.of(particle));
        }
    }
}

#[test]
fn refuses_nonsense() {
    let cell = [[4.0, 0.0], [0.0, 4.0]];
    let within = |cell: &[[f64; 2]; 2], positions: &[[f64; 2]], species: &[u8], cutoff| {
        NeighbourLists::within(cell, positions, species, &[vec![cutoff]])
    };
    assert!(matches!(
        within(&cell, &[[0.0; 2]; 2], &[0], 1.0),
        Err(CorrelatorError::ParticleCount { .. })
    ));
    assert!(matches!(
        within(&cell, &[[0.0, f64::NAN]], &[0], 1.0),
        Err(CorrelatorError::NotFinite { particle: 0, .. })
    ));
    assert!(matches!(
        within(&cell, &[[0.0; 2]], &[1], 1.0),
        Err(CorrelatorError::UnknownSpecies { .. })
    ));
    assert!(matches!(
        within(&cell, &[[0.0; 2]], &[0], 1e6),
        Err(CorrelatorError::Parameter { .. })
    ));
    assert!(matches!(
        within(&[[1.0, 1.0], [1.0, 1.0]], &[[0.0; 2]], &[0], 1.0),
        Err(CorrelatorError::SingularCell { .. })
    ));
    assert!(matches!(
        NeighbourLists::from_lists(&[vec![0], vec![2]]),
        Err(CorrelatorError::UnknownNeighbour {
            particle: 1,
            neighbour: 2,
            ..
        })
    ));
    let empty = within(&cell, &[], &[], 1.0).unwrap();
    assert_eq!(empty.particles(), 0);
}
