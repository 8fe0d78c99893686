//! Reading, refusing and round trips.

#![allow(clippy::float_cmp)] // the same bits are asked for

use super::*;
use crate::cell::Cell;
use proptest::prelude::*;

const VALID: &str = "3\nProperties=id:I:1:pos:R:3:tag:S:2:species:S:1:velo:R:3 Lattice=\"4 0 0 0.5 5 0 0 -1 6\" energy=-1.5 note=\"a \\\"b\\\" c\" done\r\n7  0.1 1e-3\t-9 x y A 1 2 3 \r\n8 1 1 1 x y B 0 0 0\n9 2 2 2 x y A 0 0 0.5\n\n 1 \nLattice=\"2 0 0 0 2 0 0 0 2\" pbc=\"T T T\"\nB 0.5 0.25 7\n\n";

fn labels() -> Labels {
    Labels::new(["A", "B"]).unwrap()
}

fn message(text: &str) -> String {
    match read_frames::<3, _>(text.as_bytes(), &labels()).find_map(Result::err) {
        Some(error) => error.to_string(),
        None => "no error".to_owned(),
    }
}

#[test]
fn columns_in_any_order_quotes_blanks_and_several_frames() {
    let frames: Result<Vec<Frame<3>>, _> = read_frames(VALID.as_bytes(), &labels()).collect();
    let frames = frames.unwrap();
    assert_eq!(frames.len(), 2);
    let first = &frames[0];
    assert_eq!(first.configuration.cell().vectors()[1], [0.5, 5.0, 0.0]);
    assert_eq!(first.configuration.positions()[0], [0.1, 1e-3, -9.0]);
    assert_eq!(first.configuration.species(), [0, 1, 0].map(Species));
    assert_eq!(first.velocities.as_ref().unwrap()[2], [0.0, 0.0, 0.5]);
    assert_eq!(first.properties["note"], "a \"b\" c");
    assert_eq!(first.properties["done"], "T");
    assert_eq!(first.properties.len(), 3);
    assert_eq!(frames[1].configuration.positions(), [[0.5, 0.25, 7.0]]);
    assert_eq!(
        (frames[1].velocities.as_ref(), frames[1].properties.len()),
        (None, 0)
    );
    assert_eq!(dimension(VALID.as_bytes()).unwrap(), 3);
}

#[test]
fn errors_name_the_line_and_what_was_expected() {
    for (from, to, expected) in [
        ("3\n", "4\n", "line 6: 0 columns instead of 10"),
        ("3\n", "0\n", "line 1: '0' is not a number of particles"),
        (
            "3\n",
            "99999999999999\n",
            "line 1: '99999999999999' is not a number",
        ),
        ("\n 1 ", "\n 2 ", "line 10: 0 columns instead of 4"),
        (
            "\n\n 1 ",
            "\n x ",
            "line 6: 'x' is not a number of particles",
        ),
        (
            "1e-3",
            "nan",
            "line 3: column 3, the y component of the position, is 'nan'",
        ),
        ("1e-3", "-inf", "it must be a finite number"),
        (
            "0.5\n",
            "half\n",
            "line 5: column 10, the z component of the velocity, is 'half'",
        ),
        (
            "B 0 0",
            "C 0 0",
            "line 4: the species 'C' is not one of those known: A, B",
        ),
        (
            "B 0 0",
            "0 0",
            "line 4: 9 columns instead of 10: id:I:1:pos",
        ),
        (
            "-1 6\"",
            "-1\"",
            "line 2: Lattice has 8 entries instead of 9",
        ),
        (
            "-1 6\"",
            "-1 six\"",
            "Lattice entry 9 (z of vector 3) is 'six'",
        ),
        ("-1 6\"", "0 0\"", "span no volume"),
        (
            "Lattice",
            "lattice",
            "line 2: the comment line lacks Lattice",
        ),
        ("c\"", "c", "lacks the closing \""),
        ("done", "energy=2", "the key energy appears twice"),
        (
            "pbc=\"T T T\"",
            "pbc=\"T T F\"",
            "line 8: pbc is \"T T F\" instead of \"T T T\"",
        ),
        ("pos:R:3", "pos:R:2", "another form"),
        ("pos:R:3:", "", "lacks pos"),
        ("id:I:1", "id:I:-1", "count"),
        ("id:I:1", "id:I:18446744073709551615", "too many columns"),
        ("velo:R:3", "velo:R", "is not a list"),
    ] {
        assert!(VALID.contains(from));
        let found = message(&VALID.replacen(from, to, 1));
        assert!(found.contains(expected), "{from} -> {to}: {found}");
    }
    let cut = VALID.find("8 1 1").unwrap();
    assert_eq!(
        message(&VALID[..cut]),
        "line 4: the text ends where particle 2 of 3 was expected"
    );
    assert!(
        message("4000000000\nLattice=\"2 0 0 0 2 0 0 0 2\"\n").contains("particle 1 of 4000000000")
    );
    let nothing = read_frame::<3, _>("\n \n".as_bytes(), &labels()).unwrap_err();
    assert!(nothing.to_string().contains("the first frame"));
}

#[test]
fn planes_have_no_third_component() {
    let text = "1\nLattice=\"4 0 0 1 5 0 0 0 1\" pbc=\"T T F\"\nB 1 2 0\n";
    assert_eq!(dimension(text.as_bytes()).unwrap(), 2);
    let read = |text: &str| read_frame::<2, _>(text.as_bytes(), &labels());
    assert_eq!(read(text).unwrap().configuration.positions(), [[1.0, 2.0]]);
    for (from, to, expected) in [
        (
            "2 0\n",
            "2 0.5\n",
            "line 3: column 4, the z component of the position, is 0.5",
        ),
        ("0 0 1\"", "0 1 1\"", "Lattice entry 8"),
        (
            " pbc=\"T T F\"",
            "",
            "pbc is \"T T T\" instead of \"T T F\"",
        ),
    ] {
        let error = read(&text.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(dimension(text.replace("T T F", "F F F").as_bytes()).is_err());
}

#[test]
fn sizes_are_radii_or_diameters() {
    let file = |column: &str, value: &str| {
        format!(
            "2\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3:{column}\nA 0 0 0 {value}\nB 1 0 0 0.7\n"
        )
    };
    for (column, diameters) in [("radius:R:1", [1.2, 1.4]), ("diameter:R:1", [0.6, 0.7])] {
        let frame = read_frame::<3, _>(file(column, "0.6").as_bytes(), &labels()).unwrap();
        assert_eq!(frame.configuration.diameters(), Some(diameters.as_slice()));
        let mut text = Vec::new();
        write_frame(&mut text, &frame, &labels()).unwrap();
        assert_eq!(
            read_frame::<3, _>(text.as_slice(), &labels()).unwrap(),
            frame
        );
        let message = message(&file(column, "x"));
        assert!(
            message.contains("line 3") && message.contains("column 5"),
            "{message}"
        );
        let message = self::message(&file(column, "0"));
        assert!(message.contains("diameter of particle 0 is 0"), "{message}");
    }
    let message = message(&file("radius:R:1:diameter:R:1", "0.6"));
    assert!(message.contains("both radius and diameter"), "{message}");
}

#[test]
fn types_may_be_numbers_and_trajectories_are_in_the_order_of_ids() {
    let text = "3\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=id:I:1:species:I:1:pos:R:3 Time=0.5 TimeStep=70\n9 2 0 0 0\n7 1 1 0 0\n8 10 2 0 0\n";
    let labels = Labels::new(["1", "2", "10"]).unwrap();
    let frame = read_frame::<3, _>(text.as_bytes(), &labels).unwrap();
    assert_eq!((frame.step(), frame.time()), (Some(70), Some(0.5)));
    let species = |frame: &Frame<3>| frame.configuration.species().to_vec();
    // One configuration is in the order of the file, the frame of a trajectory in that of ids.
    assert_eq!(species(&frame), [1, 0, 2].map(Species));
    let mut frames = read_frames::<3, _>(text.as_bytes(), &labels).for_trajectories();
    let sorted = frames.next().unwrap().unwrap();
    assert_eq!(species(&sorted), [0, 2, 1].map(Species));
    assert_eq!(sorted.configuration.positions()[2], [0.0; 3]);
    assert_eq!(frames.take_identifiers(), Some(vec![7, 8, 9]));
    let twice = text.replace("\n9 2", "\n7 2");
    let mut frames = read_frames::<3, _>(twice.as_bytes(), &labels).for_trajectories();
    let error = frames.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("line 5: the id 7 appears twice"), "{error}");
    let word = text.replace("\n9 2", "\nx 2");
    let error = read_frame::<3, _>(word.as_bytes(), &labels)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 3: column 1, the id, is 'x'"),
        "{error}"
    );
}

#[test]
fn one_species_may_have_any_label() {
    let read = |text: &str| read_frame::<3, _>(text.as_bytes(), &Labels::any("Si").unwrap());
    let text = "2\nLattice=\"2 0 0 0 2 0 0 0 2\"\nX 0 0 0\nX 1 1 1\n";
    assert_eq!(read(text).unwrap().configuration.species(), [Species(0); 2]);
    let error = read(&text.replace("X 1", "Y 1")).unwrap_err().to_string();
    assert!(error.contains("line 4: the species 'Y'"), "{error}");
    assert!(Labels::new(["A", "A"]).is_err() && Labels::new(["A B"]).is_err());
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let cell = Cell::cubic(1, 1.0).unwrap();
    let mut frame = Frame::<3> {
        configuration: Configuration::new(cell, vec![[0.5; 3]], vec![Species(2)]).unwrap(),
        velocities: None,
        properties: BTreeMap::new(),
    };
    let write = |frame: &Frame<3>, labels| write_frame(&mut Vec::new(), frame, &labels);
    assert!(matches!(
        write(&frame, labels()),
        Err(WriteError::NoLabel {
            species: 2,
            count: 2,
            ..
        })
    ));
    let three = Labels::new(["A", "B", "C"]).unwrap();
    assert!(write(&frame, three.clone()).is_ok());
    frame.properties.insert("pbc".into(), "T T T".into());
    assert!(matches!(
        write(&frame, three.clone()),
        Err(WriteError::Property { .. })
    ));
    frame.properties = BTreeMap::from([("note".into(), "two\nlines".into())]);
    assert!(matches!(
        write(&frame, three.clone()),
        Err(WriteError::Property { .. })
    ));
    frame.velocities = Some(vec![]);
    assert!(matches!(
        write(&frame, three),
        Err(WriteError::Lengths { .. })
    ));
}

#[test]
fn displacements_have_columns_of_their_own() {
    let cell = Cell::<2>::orthorhombic([4.0, 5.0]).unwrap();
    let frame = Frame {
        configuration: Configuration::new(cell, vec![[1.0, 2.0]], vec![Species(0)]).unwrap(),
        velocities: Some(vec![[3.0, 4.0]]),
        properties: BTreeMap::new(),
    };
    let mut text = Vec::new();
    write_displacements(&mut text, &frame, &[[0.25, -0.5]], &labels()).unwrap();
    // Other columns are skipped by readers.
    assert_eq!(
        read_frame::<2, _>(text.as_slice(), &labels()).unwrap(),
        frame
    );
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("Properties=species:S:1:pos:R:3:vel:R:3:disp:R:3 "));
    assert!(text.ends_with(" 1.0 2.0 0.0 3.0 4.0 0.0 0.25 -0.5 0.0\n"));
    let outcome = write_displacements(&mut Vec::new(), &frame, &[[f64::NAN, 0.0]], &labels());
    assert!(matches!(
        outcome,
        Err(WriteError::Column { particle: 0, .. })
    ));
}

/// Finite numbers of every size.
fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        -20.0..20.0_f64,
        proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO
    ]
}

fn round_trip<const D: usize>(numbers: &[f64], shear: f64, species: &[u8], note: &str) {
    let mut vectors = crate::vector::identity::<D>();
    vectors[1][0] = shear;
    vectors[0][0] = 1.0 / 3.0;
    let (vectors_of, _) = numbers.as_chunks::<D>();
    let (positions, velocities) = vectors_of.split_at(species.len());
    let frame = Frame {
        configuration: Configuration::new(
            Cell::triclinic(vectors).unwrap(),
            positions.to_vec(),
            species.iter().map(|&s| Species(s)).collect(),
        )
        .unwrap(),
        velocities: Some(velocities[..species.len()].to_vec()),
        properties: BTreeMap::from([("note".to_owned(), note.to_owned())]),
    };
    let mut text = Vec::new();
    write_frame(&mut text, &frame, &labels()).unwrap();
    write_frame(&mut text, &frame, &labels()).unwrap();
    assert_eq!(dimension(text.as_slice()).unwrap(), D);
    let bits = |v: &[Vector<D>]| {
        v.as_flattened()
            .iter()
            .map(|x| x.to_bits())
            .collect::<Vec<_>>()
    };
    for read in read_frames::<D, _>(text.as_slice(), &labels()) {
        let read = read.unwrap();
        assert_eq!(read, frame);
        assert_eq!(
            bits(read.configuration.positions()),
            bits(frame.configuration.positions())
        );
        assert_eq!(
            bits(&read.velocities.unwrap()),
            bits(frame.velocities.as_ref().unwrap())
        );
    }
}

proptest! {
    #[test]
    fn writing_and_reading_keeps_every_bit(
        numbers in proptest::collection::vec(finite(), 30),
        species in proptest::collection::vec(0..2_u8, 1..=5),
        shear in -3.0..3.0_f64,
        note in "[^\n\r]{0,20}",
    ) {
        round_trip::<2>(&numbers, shear, &species, &note);
        round_trip::<3>(&numbers, shear, &species, &note);
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
                1 => bytes.insert(at, b" \n\"=:-'{9"[usize::from(byte) % 9]),
                // The text never becomes empty: later edits need a place.
                2 if bytes.len() > 1 => { bytes.remove(at); }
                _ => bytes.truncate(at + 1),
            }
        }
        let frames: Vec<_> = read_frames::<3, _>(bytes.as_slice(), &labels()).collect();
        prop_assert!(frames.len() <= 4);
        prop_assert!(frames.iter().rev().skip(1).all(Result::is_ok));
        let _ = read_frame::<2, _>(bytes.as_slice(), &labels());
        let _ = dimension(bytes.as_slice());
    }
}
