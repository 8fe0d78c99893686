//! One run of LAMMPS in all formats and styles, as other codes write them: `data/in.lammps` and `data/convert.py` made it.

use std::path::PathBuf;
use vitreous_md_core::files::extended_xyz::Labels;
use vitreous_md_core::files::trajectory_file::{Format, Problem, TrajectoryFile};
use vitreous_md_core::files::unwrapping::Unwrapper;
use vitreous_md_core::{Species, TrajectoryFrame, Vector, Wrapping};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// The frames as the file has them, and continued from the first one.
fn read<const D: usize>(file: TrajectoryFile) -> (Vec<TrajectoryFrame<D>>, Vec<Vec<Vector<D>>>) {
    let mut unwrapper = Unwrapper::new();
    let mut frames = Vec::new();
    let mut positions = Vec::new();
    for frame in file.frames::<D>() {
        let frame = frame.unwrap();
        let mut continued = frame.clone();
        unwrapper.unwrap(&mut continued).unwrap();
        positions.push(continued.configuration.positions().to_vec());
        frames.push(frame);
    }
    (frames, positions)
}

fn open(name: &str) -> TrajectoryFile {
    TrajectoryFile::open(data(name)).unwrap()
}

/// Displacements since the first frame agree. Where the first frame is depends on the style.
fn assert_same_motion<const D: usize>(
    left: &[Vec<Vector<D>>],
    right: &[Vec<Vector<D>>],
    tolerance: f64,
) {
    assert_eq!(left.len(), right.len());
    for (left_frame, right_frame) in left.iter().zip(right) {
        for particle in 0..left[0].len() {
            for k in 0..D {
                let moved = |frames: &[Vec<Vector<D>>], frame: &[Vector<D>]| {
                    frame[particle][k] - frames[0][particle][k]
                };
                let difference = moved(left, left_frame) - moved(right, right_frame);
                assert!(
                    difference.abs() < tolerance,
                    "{particle} {k}: {difference:e}"
                );
            }
        }
    }
}

#[test]
fn all_formats_and_styles_have_the_same_motion() {
    let (images, reference) = read::<3>(open("images.dump"));
    assert_eq!(images.len(), 5);
    let steps: Vec<_> = images.iter().map(|frame| frame.step.unwrap()).collect();
    assert_eq!(steps, [0, 40, 80, 120, 160]);
    // 40 steps of 0.004.
    assert_eq!(images[1].time, Some(0.16));
    let cell = [[3.0, 0.0, 0.0], [1.2, 3.0, 0.0], [-0.8, 0.7, 3.0]];
    for (row, expected) in images[0].configuration.cell().vectors().iter().zip(cell) {
        for k in 0..3 {
            // Bounds are printed with 17 digits and differ from the box by two tilts.
            assert!((row[k] - expected[k]).abs() < 1e-14);
        }
    }
    // Particles do cross faces in this run, on every side.
    for k in 0..3 {
        let crossing = |frame: &TrajectoryFrame<3>| {
            let cell = *frame.configuration.cell();
            let mut positions = frame.configuration.positions().iter();
            positions.any(|x| !(0.0..1.0).contains(&cell.fractional(x)[k]))
        };
        assert!(images.iter().any(crossing), "{k}");
    }
    // Dumps have 10 digits of numbers below 10, scaled ones are multiplied by edges of at most 3.3; GSD has 24 bits of numbers
    // below 8; ASE has 8 decimals.
    for (name, format, count, wrapping, tolerance, labels) in [
        (
            "unwrapped.dump",
            Format::LammpsDump,
            5,
            Wrapping::Unwrapped,
            1e-8,
            ["Ar", "Kr"],
        ),
        (
            "scaled.dump",
            Format::LammpsDump,
            5,
            Wrapping::Wrapped,
            2e-8,
            ["1", "2"],
        ),
        (
            "images.gsd",
            Format::Gsd,
            5,
            Wrapping::Unwrapped,
            4e-6,
            ["Large", "Small"],
        ),
        (
            "wrapped.gsd",
            Format::Gsd,
            4,
            Wrapping::Unknown,
            4e-6,
            ["Large", "Small"],
        ),
        (
            "ase.xyz",
            Format::ExtendedXyz,
            5,
            Wrapping::Unknown,
            4e-8,
            ["Ar", "Kr"],
        ),
        (
            "ovito.xyz",
            Format::ExtendedXyz,
            5,
            Wrapping::Unknown,
            1e-8,
            ["1", "2"],
        ),
    ] {
        let file = open(name);
        assert_eq!((file.format(), file.dimension()), (format, 3), "{name}");
        assert_eq!(file.labels().names(), labels, "{name}");
        let (frames, positions) = read::<3>(file);
        assert_eq!(frames.last().unwrap().wrapping, wrapping, "{name}");
        let skipped = images.len() - count;
        assert_same_motion(&positions, &reference[skipped..], tolerance);
        for (frame, image) in frames.iter().zip(&images[skipped..]) {
            let species = frame.configuration.species();
            assert_eq!(species, image.configuration.species(), "{name}");
            assert_eq!(
                frame.step,
                image.step.filter(|_| name != "ovito.xyz"),
                "{name}"
            );
            for (row, expected) in frame.configuration.cell().vectors().iter().zip(cell) {
                for k in 0..3 {
                    assert!((row[k] - expected[k]).abs() < 1e-6, "{name}");
                }
            }
        }
    }
}

#[test]
fn what_files_say_besides_is_kept() {
    let (images, _) = read::<3>(open("images.dump"));
    let velocities = images[1].velocities.as_ref().unwrap();
    // The line of id 1 in the second frame.
    assert_eq!(velocities[0], [0.6499916641, -2.109187751, -3.574552713]);
    assert_eq!(images[1].identifiers.as_ref().unwrap()[26], 27);
    for name in ["images.gsd", "ovito.xyz"] {
        let (frames, _) = read::<3>(open(name));
        let other = frames[1].velocities.as_ref().unwrap();
        for (one, other) in velocities.iter().zip(other) {
            for k in 0..3 {
                assert!((one[k] - other[k]).abs() < 1e-6, "{name}");
            }
        }
    }
    let (frames, _) = read::<3>(open("ase.xyz"));
    assert_eq!(
        (frames[2].time, frames[2].velocities.as_ref()),
        (Some(0.32), None)
    );
    // Diameters are in frame 0 only, and hold for all.
    let (frames, _) = read::<3>(open("wrapped.gsd"));
    let small = frames[3].configuration.species().iter();
    let expected: Vec<f64> = small.map(|s| if s.0 == 1 { 0.75 } else { 1.0 }).collect();
    assert_eq!(
        frames[3].configuration.diameters(),
        Some(expected.as_slice())
    );
}

#[test]
fn planes_are_recognised_and_followed() {
    let (_, reference) = read::<2>(open("plane-unwrapped.dump"));
    for (name, tolerance) in [("plane.dump", 2e-8), ("plane.gsd", 4e-6)] {
        let file = open(name);
        assert_eq!(file.dimension(), 2, "{name}");
        let (frames, positions) = read::<2>(file);
        assert_eq!(frames[2].step, Some(100));
        assert_same_motion(&positions, &reference, tolerance);
    }
    // The same file can be taken for three-dimensional.
    assert_eq!(read::<3>(open("plane.dump")).0.len(), 3);
    let error = open("images.dump")
        .frames::<2>()
        .next()
        .unwrap()
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("images.dump: line 9: component x of lattice vector 3 is -0.8"),
        "{message}"
    );
}

#[test]
fn species_may_be_put_in_another_order() {
    let labels = Labels::new(["2", "1"]).unwrap();
    let file = open("images.dump").with_labels(labels);
    let (frames, _) = read::<3>(file);
    assert_eq!(frames[0].configuration.species()[0], Species(0));
    let file = open("images.gsd").with_labels(Labels::new(["Large"]).unwrap());
    let message = file.frames::<3>().next().unwrap().unwrap_err().to_string();
    assert!(
        message.contains("frame 0") && message.contains("'Small'"),
        "{message}"
    );
}

#[test]
fn files_that_are_no_trajectories_are_refused() {
    for (content, words) in [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("HELLO world\n1 2 3\n", "begins with 'HELLO world.1 2 3.'"),
        ("\u{7f}ELF", "none of the known formats"),
        (
            "12\n",
            "line 2: the text ends where a comment line was expected",
        ),
        ("ITEM: TIMESTEP\n", "line 2: the text ends"),
    ] {
        let error = TrajectoryFile::read("name", std::io::Cursor::new(content))
            .err()
            .unwrap();
        let message = error.to_string();
        assert!(
            message.starts_with("name: ") && message.contains(words),
            "{message}"
        );
    }
    let error = TrajectoryFile::open(data("missing.dump")).err().unwrap();
    assert!(matches!(error.problem, Problem::Io(_)));
    assert!(error.to_string().contains("missing.dump: "), "{error}");
    let gsd = std::fs::read(data("plane.gsd")).unwrap();
    let error = TrajectoryFile::read("-", std::io::Cursor::new(gsd))
        .err()
        .unwrap();
    assert!(matches!(error.problem, Problem::Pipe));
}

#[test]
fn compressed_text_is_read_as_it_is() {
    use std::io::Write;
    let text = std::fs::read(data("scaled.dump")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&text).unwrap();
    let mut compressed = encoder.finish().unwrap();
    let read_all = |bytes: Vec<u8>| {
        let file = TrajectoryFile::read("gz", std::io::Cursor::new(bytes)).unwrap();
        file.frames::<3>().collect::<Result<Vec<_>, _>>()
    };
    assert_eq!(
        read_all(compressed.clone()).unwrap(),
        read_all(text).unwrap()
    );
    compressed.truncate(compressed.len() / 2);
    let message = read_all(compressed).unwrap_err().to_string();
    assert!(message.contains("line "), "{message}");
}
