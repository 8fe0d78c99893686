use super::*;
use crate::bootstrap::mix;
use crate::lattice::{Lattice, norm};

/// Copies of a basis (Cartesian) in a block of `count^3` (or `count^2`) cells, each coordinate moved by up to `noise`.
fn crystal<const D: usize>(
    cell: [[f64; D]; D],
    basis: &[[f64; D]],
    count: usize,
    noise: f64,
) -> ([[f64; D]; D], Vec<[f64; D]>) {
    let mut state = 11;
    let mut random = || {
        state = mix(state);
        2.0 * (state >> 11) as f64 / (1_u64 << 53) as f64 - 1.0
    };
    let mut positions = Vec::new();
    for index in 0..count.pow(D as u32) {
        for site in basis {
            let turns: [f64; D] =
                std::array::from_fn(|k| (index / count.pow(k as u32) % count) as f64);
            positions.push(std::array::from_fn(|c| {
                site[c] + (0..D).map(|k| turns[k] * cell[k][c]).sum::<f64>() + noise * random()
            }));
        }
    }
    (cell.map(|row| row.map(|x| x * count as f64)), positions)
}

fn gas<const D: usize>(number: usize, density: f64) -> ([[f64; D]; D], Vec<[f64; D]>) {
    let edge = (number as f64 / density).powf(1.0 / D as f64);
    let cell = std::array::from_fn(|j| std::array::from_fn(|k| if j == k { edge } else { 0.0 }));
    let mut state = 5;
    let positions = (0..number)
        .map(|_| {
            std::array::from_fn(|_| {
                state = mix(state);
                edge * (state >> 11) as f64 / (1_u64 << 53) as f64
            })
        })
        .collect();
    (cell, positions)
}

fn share<const D: usize>(
    (cell, positions): &([[f64; D]; D], Vec<[f64; D]>),
    cutoff: f64,
    criterion: CrystalCriterion,
) -> f64 {
    let bonds = Bonds::within(cell, positions, cutoff).unwrap();
    Crystallinity::new(&bonds, criterion, 0.1).unwrap().share
}

const CUBE: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
const FCC: [[f64; 3]; 4] = [[0.0; 3], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]];

fn diamond() -> Vec<[f64; 3]> {
    FCC.iter()
        .flat_map(|site| [*site, site.map(|x| x + 0.25)])
        .collect()
}

/// Lonsdaleite, hexagonal diamond, with bonds of length 1.
fn hexagonal_diamond() -> ([[f64; 3]; 3], Vec<[f64; 3]>) {
    let a = (8.0_f64 / 3.0).sqrt();
    let cell = [
        [a, 0.0, 0.0],
        [0.5 * a, 0.75_f64.sqrt() * a, 0.0],
        [0.0, 0.0, 8.0 / 3.0],
    ];
    let third = [0.5 * a, a * 0.75_f64.sqrt() / 3.0];
    // One bond of each particle along z, three at 1/3 below or above.
    let basis = vec![
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0],
        [third[0], third[1], 4.0 / 3.0],
        [third[0], third[1], 7.0 / 3.0],
    ];
    (cell, basis)
}

#[test]
fn crystals_are_crystalline_also_when_they_vibrate() {
    // Noise of 6 % of the distance of neighbours in each direction at most.
    let close = CrystalCriterion::CLOSE_PACKED;
    assert!(share(&crystal(CUBE, &FCC, 4, 0.04), 0.85, close) > 0.9);
    assert!(share(&crystal(CUBE, &[[0.0; 3], [0.5; 3]], 5, 0.04), 1.2, close) > 0.9);
    let root = 3_f64.sqrt();
    let layers = (8.0_f64 / 3.0).sqrt();
    let hexagonal = [[1.0, 0.0, 0.0], [0.5, 0.5 * root, 0.0], [0.0, 0.0, layers]];
    let hcp = [[0.0; 3], [0.5, 0.5 / root, 0.5 * layers]];
    assert!(share(&crystal(hexagonal, &hcp, 6, 0.05), 1.25, close) > 0.9);
    let triangular = [[1.0, 0.0], [0.5, 0.5 * root]];
    assert!(
        share(
            &crystal(triangular, &[[0.0; 2]], 20, 0.1),
            1.4,
            CrystalCriterion::TRIANGULAR
        ) > 0.9
    );
    // Bonds of 0.433 in diamond of edge 1.
    assert!(
        share(
            &crystal(CUBE, &diamond(), 4, 0.02),
            0.58,
            CrystalCriterion::DIAMOND
        ) > 0.9
    );
    let (cell, basis) = hexagonal_diamond();
    assert!(
        share(
            &crystal(cell, &basis, 4, 0.05),
            1.35,
            CrystalCriterion::DIAMOND
        ) > 0.9
    );
}

#[test]
fn a_gas_is_amorphous() {
    // About as many neighbours as in the crystals.
    assert!(share(&gas::<3>(2000, 1.0), 1.42, CrystalCriterion::CLOSE_PACKED) < 0.05);
    assert!(share(&gas::<3>(2000, 1.0), 1.0, CrystalCriterion::DIAMOND) < 0.01);
    assert!(share(&gas::<2>(2000, 1.0), 1.4, CrystalCriterion::TRIANGULAR) < 0.1);
    // Diamond is not close-packed, nor the reverse.
    assert!(
        share(
            &crystal(CUBE, &diamond(), 3, 0.0),
            0.5,
            CrystalCriterion::CLOSE_PACKED
        ) == 0.0
    );
    assert!(
        share(
            &crystal(CUBE, &FCC, 3, 0.03),
            0.85,
            CrystalCriterion::DIAMOND
        ) < 0.01
    );
}

/// Staggered bonds have `d_3 = -1`, eclipsed ones `-1/9`: all four of cubic diamond are staggered, three of hexagonal.
#[test]
fn bonds_of_diamond() {
    let (cell, basis) = hexagonal_diamond();
    for (cell, positions, cutoff, staggered) in [(CUBE, diamond(), 0.5, 4), (cell, basis, 1.1, 3)] {
        let bonds = Bonds::within(&cell, &positions, cutoff).unwrap();
        let order = BondOrder::new(&bonds, 3).unwrap();
        for i in 0..positions.len() {
            let mut values: Vec<f64> = bonds
                .of(i)
                .iter()
                .map(|bond| order.similarity(i, bond.neighbour))
                .collect();
            values.sort_by(f64::total_cmp);
            assert_eq!(values.len(), 4);
            for (place, value) in values.iter().enumerate() {
                let expected = if place < staggered { -1.0 } else { -1.0 / 9.0 };
                assert!((value - expected).abs() < 1e-9, "{values:?}");
            }
        }
    }
}

/// A crystal in one half of the cell, gas in the other: the share, and one cluster.
#[test]
fn half_a_crystal() {
    let (cell, crystal) = crystal(CUBE, &FCC, 6, 0.02);
    let number = crystal.len();
    let mut positions: Vec<[f64; 3]> = crystal.into_iter().filter(|x| x[0] < 2.9).collect();
    let solid = positions.len();
    let lattice = Lattice::new(&cell).unwrap();
    let mut state = 4;
    while positions.len() < number {
        let point: [f64; 3] = std::array::from_fn(|_| {
            state = mix(state);
            6.0 * (state >> 11) as f64 / (1_u64 << 53) as f64
        });
        if point[0] > 3.1 {
            positions.push(lattice.combine(&lattice.folded(&point)));
        }
    }
    let bonds = Bonds::within(&cell, &positions, 0.85).unwrap();
    let result = Crystallinity::new(&bonds, CrystalCriterion::CLOSE_PACKED, 0.1).unwrap();
    assert_eq!(result.verdict, CrystalVerdict::Crystalline);
    // Faces of the crystal have fewer alike neighbours; a few of the gas look solid.
    assert!(
        result.solid_like > solid * 6 / 10 && result.solid_like < solid * 11 / 10,
        "{result}"
    );
    assert!(result.largest_cluster > solid * 6 / 10, "{result}");
    let text = result.to_string();
    assert!(
        text.starts_with("crystalline: ")
            && text.contains("limit 10.0 %")
            && text.contains("d_6 above 0.7"),
        "{text}"
    );
    // Bonds are symmetric: a neighbour's neighbour is the particle.
    for i in 0..positions.len() {
        for bond in bonds.of(i) {
            assert!(
                bonds
                    .of(bond.neighbour)
                    .iter()
                    .any(|back| back.neighbour == i)
            );
            assert!(norm(&bond.vector) < 0.85);
        }
    }
}

#[test]
fn refuses_nonsense() {
    let bonds = Bonds::within(&CUBE, &FCC, 0.8).unwrap();
    let bad = |criterion| Crystallinity::new(&bonds, criterion, 0.1).is_err();
    assert!(bad(CrystalCriterion::Connections {
        degree: 6,
        similarity: 1.5,
        connections: 7
    }));
    assert!(bad(CrystalCriterion::Connections {
        degree: 6,
        similarity: 0.7,
        connections: 0
    }));
    assert!(bad(CrystalCriterion::Connections {
        degree: 99,
        similarity: 0.7,
        connections: 7
    }));
    assert!(bad(CrystalCriterion::Tetrahedral {
        staggered: f64::NAN,
        eclipsed: [-0.3, 0.2]
    }));
    for limit in [0.0, 1.0, f64::NAN] {
        assert!(matches!(
            Crystallinity::new(&bonds, CrystalCriterion::CLOSE_PACKED, limit),
            Err(StructureError::InvalidCriterion { what: "limit", .. })
        ));
    }
}
