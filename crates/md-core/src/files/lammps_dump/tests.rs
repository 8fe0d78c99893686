//! Reading, refusing and random dumps.

use super::*;
use crate::configuration::Species;
use crate::random::Seed;
use proptest::prelude::*;
use rand::RngExt;
use rand::seq::SliceRandom;
use std::fmt::Write;

const VALID: &str = "ITEM: UNITS\nlj\nITEM: TIME\n0.5\nITEM: TIMESTEP\n100\nITEM: NUMBER OF ATOMS\n3\nITEM: BOX BOUNDS xy xz yz pp pp pp\n-1 5 1\n0 4 0\n0 6 0\nITEM: ATOMS id type x y z radius\n3 2 1 2 3 0.5\n1 1 0 0 0 0.5\n7 1 1 1 5 0.25\nITEM: TIMESTEP\n200\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS abc origin pp pp pp\n4 0 0 -1\n1 4 0 -2\n0 0.5 6 -3\nITEM: ATOMS type zs ys xs\n2 0.5 0.25 0\n";

fn labels() -> Labels {
    Labels::new(["1", "2"]).unwrap()
}

fn read<const D: usize>(text: &str) -> Result<Vec<TrajectoryFrame<D>>, String> {
    let frames = read_frames::<D, _>(text.as_bytes(), &labels());
    frames
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

fn message(text: &str) -> String {
    read::<3>(text)
        .err()
        .unwrap_or_else(|| "no error".to_owned())
}

#[test]
fn sheared_boxes_scaled_positions_and_ids_in_any_order() {
    let frames = read::<3>(VALID).unwrap();
    let first = &frames[0];
    // The bounds -1 .. 5 enclose a box that leans by 1: its edge is 5.
    let cell = first.configuration.cell().vectors();
    assert_eq!(cell, &[[5.0, 0.0, 0.0], [1.0, 4.0, 0.0], [0.0, 0.0, 6.0]]);
    assert_eq!(first.identifiers, Some(vec![1, 3, 7]));
    assert_eq!(first.configuration.positions()[1], [1.0, 2.0, 3.0]);
    assert_eq!(first.configuration.species(), [0, 1, 0].map(Species));
    assert_eq!(
        first.configuration.diameters(),
        Some([1.0, 1.0, 0.5].as_slice())
    );
    assert_eq!((first.step, first.time), (Some(100), Some(0.5)));
    assert_eq!(first.wrapping, Wrapping::Wrapped);
    let second = &frames[1];
    // The origin (-1, -2, -3), a quarter of (1, 4, 0) and half of (0, 0.5, 6).
    assert_eq!(second.configuration.positions(), [[-0.75, -0.75, 0.0]]);
    assert_eq!((second.identifiers.as_ref(), second.time), (None, None));
    assert_eq!(
        survey(VALID.as_bytes()).unwrap(),
        (3, vec!["2".to_owned(), "1".to_owned()])
    );
}

#[test]
fn old_dumps_name_no_columns_and_no_boundaries() {
    let text = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS\n0 2\n0 4\n0 8\nITEM: ATOMS\n5 2 0.5 0.25 0.125\n";
    let frames = read::<3>(text).unwrap();
    assert_eq!(frames[0].configuration.positions(), [[1.0; 3]]);
    assert_eq!(frames[0].identifiers, Some(vec![5]));
}

#[test]
fn planes_need_no_z() {
    let text = "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp ff\n0 2\n0 4\n-0.5 0.5\nITEM: ATOMS xu yu\n0.5 -0.25\n9 1\n";
    let (dimension, labels) = survey(text.as_bytes()).unwrap();
    assert_eq!((dimension, labels), (2, vec!["1".to_owned()]));
    let frames = read::<2>(text).unwrap();
    assert_eq!(
        frames[0].configuration.positions(),
        [[0.5, -0.25], [9.0, 1.0]]
    );
    assert_eq!(frames[0].wrapping, Wrapping::Unwrapped);
    // In three dimensions z is missing; so is the period.
    let found = message(text);
    assert!(found.contains("boundary 'ff' along z"), "{found}");
    let found = message(&text.replace("pp pp ff", "pp pp pp"));
    assert!(
        found.contains("line 9") && found.contains("lack positions"),
        "{found}"
    );
    for (z, dimension) in [("0.25 0.25", 2), ("0.25 0.5", 3)] {
        let (first, second) = z.split_once(' ').unwrap();
        let text = text.replace("xu yu\n", "xu yu zu\n");
        let text = text.replace("-0.25\n", &format!("-0.25 {first}\n"));
        let text = text.replace("9 1\n", &format!("9 1 {second}\n"));
        assert_eq!(survey(text.as_bytes()).unwrap().0, dimension);
    }
}

/// Replaces, reads and looks for words in the message.
fn check_messages(cases: &[(&str, &str, &str)]) {
    for (from, to, expected) in cases {
        assert!(VALID.contains(from), "{from}");
        let found = message(&VALID.replacen(from, to, 1));
        assert!(found.contains(expected), "{from} -> {to}: {found}");
    }
}

#[test]
fn errors_name_the_line_of_an_item() {
    check_messages(&[
        (
            "ITEM: UNITS",
            "UNITS",
            "line 1: 'UNITS' stands where a line such as",
        ),
        (
            "ITEM: UNITS",
            "ITEM: ENTRIES",
            "line 1: 'ITEM: ENTRIES' stands where TIMESTEP",
        ),
        (
            "\n0.5\n",
            "\nnan\n",
            "line 4: 'nan' is no value of ITEM: TIME",
        ),
        (
            "\n100\n",
            "\n1e2\n",
            "line 6: '1e2' is no value of ITEM: TIMESTEP: it must be a whole number",
        ),
        (
            "ITEM: TIMESTEP\n100\n",
            "",
            "line 11: the frame lacks ITEM: TIMESTEP",
        ),
        (
            "\n3\n",
            "\n0\n",
            "line 8: '0' is no value of ITEM: NUMBER OF ATOMS: it must be a positive",
        ),
        (
            "\n3\n",
            "\n4\n",
            "line 17: 'ITEM: TIMESTEP' stands where atom 4 of",
        ),
        (
            "\n3\n",
            "\n4000000000\n",
            "line 17: 'ITEM: TIMESTEP' stands where atom 4 of",
        ),
        ("\n3\n", "\n2\n", "line 16: '7 1 1 1 5 0.25' stands where"),
        (
            "xz yz pp pp pp",
            "xz yz pp pp",
            "line 9: BOX BOUNDS is followed by 'xy xz yz pp pp'",
        ),
        (
            "xz yz pp pp pp",
            "xz yz pp fs pp",
            "line 9: the box has the boundary 'fs' along y",
        ),
        (
            "-1 5 1",
            "-1 5",
            "line 10: '-1 5' is no line of BOX BOUNDS, which here are 3",
        ),
        ("-1 5 1", "-1 inf 1", "line 10"),
        (
            "-1 5 1",
            "-1 -3 1",
            "line 9: the box extends along x from -1 to -4",
        ),
        ("0 6 0", "0 0 0", "line 9: the lattice vectors"),
    ]);
}

#[test]
fn errors_name_the_line_of_an_atom() {
    check_messages(&[
        (
            "z radius",
            "z z",
            "line 13: the columns 'id type x y z z' of ITEM: ATOMS have z twice",
        ),
        (
            "type x y z radius",
            "type x y diameter radius",
            "both radius and diameter",
        ),
        (
            "type x y z radius",
            "type x yu z radius",
            "lack positions, for example x y z",
        ),
        (
            "3 2 1 2 3 0.5",
            "3 2 1 2 0.5",
            "line 14: 5 columns instead of 6: id type x y z radius",
        ),
        (
            "3 2 1 2 3 0.5",
            "3 2 1 2 3 0.5 1",
            "line 14: 7 columns instead of 6",
        ),
        (
            "3 2 1 2 3 0.5",
            "3 2 1 two 3 0.5",
            "line 14: column 4, y, is 'two': it must be a finite",
        ),
        (
            "3 2 1 2 3 0.5",
            "3.0 2 1 2 3 0.5",
            "line 14: column 1, id, is '3.0': it must be a whole",
        ),
        (
            "3 2 1 2 3 0.5",
            "3 4 1 2 3 0.5",
            "line 14: the species '4' is not one of those known: 1, 2",
        ),
        (
            "3 2 1 2 3 0.5",
            "3 2 1 2 3 -0.5",
            "diameter of particle 1 is -1",
        ),
        ("7 1 1", "3 1 1", "line 16: the id 3 appears twice"),
        (
            "4 0 0 -1",
            "4 0 0",
            "line 22: '4 0 0' is no line of BOX BOUNDS, which here are 4",
        ),
    ]);
    let cut = VALID.find("1 1 0 0 0 0.5").unwrap();
    assert_eq!(
        message(&VALID[..cut]),
        "line 15: the text ends where atom 2 of 3 was expected"
    );
}

/// A random dump of `atoms` particles, with their unwrapped positions and species in the order of their identifiers.
fn random_dump<const D: usize>(
    seed: u64,
    atoms: usize,
    style: usize,
    general: bool,
) -> (String, Matrix<D>, Vec<Vector<D>>, Vec<Species>) {
    let mut random = Seed(seed).stream("dump", &[]);
    let lengths: [f64; 3] = std::array::from_fn(|_| random.random_range(2.0..9.0));
    let [xy, xz, yz] = std::array::from_fn(|k| {
        let exists = D == 3 || k == 0;
        if exists {
            random.random_range(-4.0..4.0)
        } else {
            0.0
        }
    });
    let origin: [f64; 3] = std::array::from_fn(|_| random.random_range(-5.0..5.0));
    let lattice = [
        [lengths[0], 0.0, 0.0],
        [xy, lengths[1], 0.0],
        [xz, yz, lengths[2]],
    ];
    let cell: Matrix<D> = std::array::from_fn(|k| std::array::from_fn(|l| lattice[k][l]));
    let mut text = format!("ITEM: TIMESTEP\n7\nITEM: NUMBER OF ATOMS\n{atoms}\n");
    if general {
        text += "ITEM: BOX BOUNDS abc origin pp pp pp\n";
        for (row, origin) in lattice.iter().zip(origin) {
            writeln!(text, "{} {} {} {origin}", row[0], row[1], row[2]).unwrap();
        }
    } else {
        // The corners of the box, and what encloses them.
        let corners: Vec<[f64; 3]> = (0..8)
            .map(|corner| {
                let sum = |axis| {
                    (0..3)
                        .map(|k| f64::from(corner >> k & 1) * lattice[k][axis])
                        .sum::<f64>()
                };
                std::array::from_fn(|axis| origin[axis] + sum(axis))
            })
            .collect();
        text += "ITEM: BOX BOUNDS xy xz yz pp pp pp\n";
        for (axis, tilt) in [xy, xz, yz].into_iter().enumerate() {
            let along = || corners.iter().map(|corner| corner[axis]);
            let (low, high) = (
                along().fold(f64::MAX, f64::min),
                along().fold(f64::MIN, f64::max),
            );
            writeln!(text, "{low} {high} {tilt}").unwrap();
        }
    }
    let columns = [
        vec!["xu", "yu", "zu"],
        vec!["xsu", "ysu", "zsu"],
        vec!["x", "y", "z", "ix", "iy", "iz"],
        vec!["xs", "ys", "zs", "ix", "iy", "iz"],
    ];
    let mut columns: Vec<&str> = [
        &["id", "type", "c_pressure", "mol"],
        columns[style].as_slice(),
    ]
    .concat();
    columns.shuffle(&mut random);
    writeln!(text, "ITEM: ATOMS {}", columns.join(" ")).unwrap();
    let mut rows = Vec::new();
    let mut positions = Vec::new();
    let mut species = Vec::new();
    for atom in 0..atoms {
        let inside: [f64; 3] = std::array::from_fn(|_| random.random_range(0.0..1.0));
        let images: [i32; 3] = std::array::from_fn(|_| random.random_range(-3..=3));
        let kind = random.random_range(1..=2_u8);
        let folded = style >= 2;
        let scaled: [f64; 3] =
            std::array::from_fn(|k| inside[k] + if folded { 0.0 } else { f64::from(images[k]) });
        let place = |scaled: &[f64; 3]| -> [f64; 3] {
            std::array::from_fn(|l| {
                origin[l] + (0..3).map(|k| scaled[k] * lattice[k][l]).sum::<f64>()
            })
        };
        let cartesian = place(&scaled);
        let all: [f64; 3] = std::array::from_fn(|k| inside[k] + f64::from(images[k]));
        // In a plane the third component is dropped, whatever it is.
        let flat: Vector<D> = std::array::from_fn(|l| {
            origin[l] + (0..D).map(|k| all[k] * lattice[k][l]).sum::<f64>()
        });
        positions.push(flat);
        species.push(Species(kind - 1));
        let words = columns.iter().map(|&column| {
            let axis = "xyz"
                .find(column.chars().find(|c| "xyz".contains(*c)).unwrap_or('x'))
                .unwrap();
            match column {
                "id" => (10 * atom + 3).to_string(),
                "type" => kind.to_string(),
                "c_pressure" => "nan".to_owned(),
                "mol" => "-".to_owned(),
                _ if column.starts_with('i') => images[axis].to_string(),
                _ if column.contains('s') => scaled[axis].to_string(),
                _ => cartesian[axis].to_string(),
            }
        });
        rows.push(words.collect::<Vec<_>>().join(" "));
    }
    rows.shuffle(&mut random);
    writeln!(text, "{}", rows.join("\n")).unwrap();
    (text, cell, positions, species)
}

fn check_random<const D: usize>(seed: u64, atoms: usize, style: usize, general: bool) {
    let (text, cell, positions, species) = random_dump::<D>(seed, atoms, style, general);
    // Twice, for a trajectory.
    let frames = read::<D>(&text.repeat(2)).unwrap();
    assert_eq!(frames.len(), 2);
    for frame in frames {
        assert_eq!(frame.configuration.species(), species);
        assert_eq!(frame.wrapping, Wrapping::Unwrapped);
        // Numbers are written to the last bit; sums of a handful of terms below 40 round by 1e-14 each.
        for (found, expected) in frame.configuration.cell().vectors().iter().zip(cell) {
            for k in 0..D {
                assert!((found[k] - expected[k]).abs() < 1e-13);
            }
        }
        for (found, expected) in frame.configuration.positions().iter().zip(&positions) {
            for k in 0..D {
                assert!((found[k] - expected[k]).abs() < 4e-13);
            }
        }
    }
}

proptest! {
    #[test]
    fn random_dumps_are_read_as_they_were_made(
        seed in any::<u64>(), atoms in 1..12_usize, style in 0..4_usize, general in any::<bool>(),
    ) {
        check_random::<2>(seed, atoms, style, general);
        check_random::<3>(seed, atoms, style, general);
    }

    /// Damage anywhere gives frames or an error, and a panic never.
    #[test]
    fn damaged_text_is_read_or_refused(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8), 1..6)
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        for (place, byte, kind) in edits {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b" \n:-19eEI"[usize::from(byte) % 9]),
                // The text never becomes empty: later edits need a place.
                2 if bytes.len() > 1 => { bytes.remove(at); }
                _ => bytes.truncate(at + 1),
            }
        }
        let frames: Vec<_> = read_frames::<3, _>(bytes.as_slice(), &labels()).collect();
        prop_assert!(frames.len() <= 3);
        prop_assert!(frames.iter().rev().skip(1).all(Result::is_ok));
        let _ = read_frames::<2, _>(bytes.as_slice(), &labels()).count();
        let _ = survey(bytes.as_slice());
    }
}
