//! Files made byte by byte, and damaged ones.

use super::*;
use proptest::prelude::*;
use std::io::Cursor;

/// A chunk of a file: frame, name, columns, type and bytes.
type Chunk = (u64, &'static str, u32, u8, Vec<u8>);

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn ints(values: &[i32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// A file of a version of the layer, by its specification.
fn file(major: u32, chunks: &[Chunk]) -> Vec<u8> {
    let mut names: Vec<&str> = Vec::new();
    for chunk in chunks {
        if !names.contains(&chunk.1) {
            names.push(chunk.1);
        }
    }
    let mut list = Vec::new();
    for name in &names {
        list.extend(name.bytes());
        let width = if major == 1 {
            64 * (list.len() / 64 + 1)
        } else {
            list.len() + 1
        };
        list.resize(width, 0);
    }
    list.resize((list.len() / 64 + 1) * 64, 0);
    let index_at = 256 + list.len();
    // Two entries to spare.
    let entries = chunks.len() + 2;
    let mut data_at = index_at + 32 * entries;
    let mut index = Vec::new();
    let mut data = Vec::new();
    for (frame, name, columns, kind, bytes) in chunks {
        let size = [0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 1][usize::from(*kind)];
        let rows = bytes.len() / size / *columns as usize;
        let name = names.iter().position(|known| known == name).unwrap();
        index.extend(frame.to_le_bytes());
        index.extend((rows as u64).to_le_bytes());
        index.extend((data_at as u64).to_le_bytes());
        index.extend(columns.to_le_bytes());
        index.extend((name as u16).to_le_bytes());
        index.extend([*kind, 0]);
        data_at += bytes.len();
        data.extend(bytes);
    }
    index.resize(32 * entries, 0);
    let mut all = Vec::new();
    for word in [
        layer::MAGIC,
        index_at as u64,
        entries as u64,
        256,
        list.len() as u64 / 64,
    ] {
        all.extend(word.to_le_bytes());
    }
    all.extend((1_u32 << 16 | 4).to_le_bytes());
    all.extend((major << 16).to_le_bytes());
    all.extend(b"test");
    all.resize(112, 0);
    all.extend(b"hoomd");
    all.resize(256, 0);
    [all, list, index, data].concat()
}

fn chunks() -> Vec<Chunk> {
    vec![
        (
            0,
            "configuration/box",
            1,
            9,
            floats(&[4.0, 5.0, 6.0, 0.5, 0.0, -0.25]),
        ),
        (0, "particles/N", 1, 3, 2_u32.to_le_bytes().to_vec()),
        (0, "particles/types", 3, 11, b"A\0\0Si\0".to_vec()),
        (0, "particles/typeid", 1, 3, ints(&[1, 0])),
        (
            0,
            "particles/position",
            3,
            9,
            floats(&[0.5, 1.0, -1.5, 1.0, -2.0, 0.25]),
        ),
        (0, "particles/image", 3, 7, ints(&[0, 0, 0, 0, -1, 2])),
        (
            2,
            "configuration/step",
            1,
            4,
            300_u64.to_le_bytes().to_vec(),
        ),
        (
            2,
            "particles/position",
            3,
            10,
            doubles(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        ),
        (
            3,
            "configuration/step",
            1,
            4,
            400_u64.to_le_bytes().to_vec(),
        ),
        (3, "particles/N", 1, 3, 1_u32.to_le_bytes().to_vec()),
        (3, "particles/position", 3, 9, floats(&[0.125, 0.0, 0.0])),
        (3, "particles/image", 3, 7, ints(&[1, 1, 0])),
    ]
}

fn read(bytes: Vec<u8>) -> Result<Vec<TrajectoryFrame<3>>, GsdError> {
    let labels = Labels::new(["A", "Si"]).unwrap();
    Gsd::open(Cursor::new(bytes))?.frames(&labels).collect()
}

#[test]
fn both_versions_of_the_layer_with_what_frames_leave_out() {
    for major in [1, 2] {
        let frames = read(file(major, &chunks())).unwrap();
        assert_eq!(frames.len(), 4);
        let first = &frames[0];
        let cell = [[4.0, 0.0, 0.0], [2.5, 5.0, 0.0], [0.0, -1.5, 6.0]];
        assert_eq!(first.configuration.cell().vectors(), &cell);
        let species: Vec<u8> = first.configuration.species().iter().map(|s| s.0).collect();
        assert_eq!(species, [1, 0]);
        // The second, moved by -1 times the second and twice the third vector.
        let moved = [1.0 - 2.5, -2.0 - 5.0 - 3.0, 0.25 + 12.0];
        assert_eq!(first.configuration.positions(), [[0.5, 1.0, -1.5], moved]);
        assert_eq!((first.step, first.wrapping), (Some(0), Wrapping::Unwrapped));
        // Frame 1 has no chunks: it equals frame 0.
        assert_eq!(frames[1].configuration, first.configuration);
        assert_eq!(frames[1].wrapping, Wrapping::Unknown);
        assert_eq!(frames[2].step, Some(300));
        assert_eq!(frames[2].configuration.positions()[0], [0.1, 0.2, 0.3]);
        assert_eq!(frames[2].velocities, None);
        // Another number of particles: types are the default, not those of frame 0.
        let last = &frames[3];
        assert_eq!(last.configuration.positions(), [[6.625, 5.0, 0.0]]);
        assert_eq!(last.configuration.species()[0].0, 0);
        assert_eq!(last.wrapping, Wrapping::Unwrapped);
    }
}

#[test]
fn errors_name_the_frame_and_the_chunk() {
    let message = |change: &dyn Fn(&mut Vec<Chunk>)| {
        let mut changed = chunks();
        change(&mut changed);
        read(file(2, &changed)).unwrap_err().to_string()
    };
    let floats_at = |chunks: &mut Vec<Chunk>, index: usize, values: &[f32]| {
        chunks[index].4 = floats(values);
    };
    for (found, expected) in [
        (message(&|c| c.clear()), "no frames"),
        (
            message(&|c| drop(c.remove(0))),
            "frame 0: configuration/box is missing",
        ),
        (
            message(&|c| floats_at(c, 0, &[4.0, 0.0, 6.0, 0.0, 0.0, 0.0])),
            "frame 0: the lattice vectors",
        ),
        (message(&|c| drop(c.remove(1))), "frame 0: particles/N is 0"),
        (
            message(&|c| c[1].4 = 900_u32.to_le_bytes().to_vec()),
            "particles/N is more than",
        ),
        (
            message(&|c| c[3].4 = ints(&[2, 0])),
            "particles/typeid has no name for the type of particle 0 among 2",
        ),
        (
            message(&|c| c[3].4 = ints(&[-1, 0])),
            "particles/typeid has no name",
        ),
        (
            message(&|c| c[2].4 = b"\xff\0\0Si\0".to_vec()),
            "particles/types has a name that is not UTF-8",
        ),
        (
            message(&|c| c[2].4 = b"B\0\0Si\0".to_vec()),
            "species 'B' is not one of those known: A, Si",
        ),
        (
            message(&|c| floats_at(c, 4, &[0.0; 9])),
            "frame 0: particles/position has 3 x 3 numbers instead of 2 x 3",
        ),
        (
            message(&|c| floats_at(c, 4, &[0.0, f32::NAN, 0.0, 0.0, 0.0, 0.0])),
            "frame 0: coordinate 1 of particle 0 is NaN",
        ),
        (
            message(&|c| c[4].3 = 7),
            "particles/position has numbers of another type",
        ),
        (
            message(&|c| c[6].4 = (-1_i64).to_le_bytes().to_vec()),
            "frame 2: configuration/step is negative",
        ),
    ] {
        assert!(found.contains(expected), "{found} / {expected}");
    }
    let good = file(2, &chunks());
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        read(bytes).unwrap_err().to_string()
    };
    assert!(changed(0, 0).contains("does not begin"));
    assert!(changed(46, 3).contains("version 3.0"));
    assert!(changed(112, b'X').contains("schema 'Xoomd'"));
    assert!(changed(20, 1).contains("the index would end at byte"));
    let short = read(good[..good.len() - 4].to_vec())
        .unwrap_err()
        .to_string();
    assert!(
        short.contains("particles/image of frame 3 would end"),
        "{short}"
    );
    assert!(
        read(good[..100].to_vec())
            .unwrap_err()
            .to_string()
            .contains("the header would end")
    );
}

#[test]
fn types_and_dimension_are_those_of_the_first_frame() {
    let mut flat = chunks();
    flat[3].4 = ints(&[1, 1]);
    flat.push((3, "configuration/dimensions", 1, 1, vec![3]));
    flat.insert(0, (0, "configuration/dimensions", 1, 1, vec![2]));
    let mut gsd = Gsd::open(Cursor::new(file(2, &flat))).unwrap();
    assert_eq!(gsd.dimension().unwrap(), 2);
    assert_eq!(gsd.types().unwrap(), ["Si"]);
    // A box that leans along z is none in two dimensions.
    let labels = Labels::new(["A", "Si"]).unwrap();
    let error = gsd.frames::<2>(&labels).next().unwrap().unwrap_err();
    assert!(error.to_string().contains("yz = -0.25"), "{error}");
}

proptest! {
    /// Damage anywhere gives frames or an error, and a panic never.
    #[test]
    fn damaged_files_are_read_or_refused(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
        major in 1..=2_u32,
    ) {
        let mut bytes = file(major, &chunks());
        for (place, byte, kind) in edits {
            // Most damage goes where it does most: header, names and index.
            let at = place.index(if kind == 0 { bytes.len() } else { bytes.len().min(1000) });
            match kind {
                0 | 1 => bytes[at] = byte,
                2 => bytes[at] ^= 1 << (byte % 8),
                _ if byte < 20 => bytes.truncate(at + 1),
                _ => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][usize::from(byte) % 5],
            }
        }
        let _ = read(bytes.clone());
        if let Ok(mut gsd) = Gsd::open(Cursor::new(bytes)) {
            let _ = (gsd.dimension(), gsd.types());
        }
    }
}
