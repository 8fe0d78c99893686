//! Bad input: one clear message and a status that is not 0.

use super::configuration::Configuration;
use super::program::{fail, folder, succeed};
use std::path::Path;

/// Makes a folder with a good configuration, and gives its text.
fn with_sample(name: &str) -> (std::path::PathBuf, String) {
    let folder = folder(name);
    let sample = Configuration::face_centred_cubic(3);
    sample.write(&folder, "good.xyz");
    (folder, sample.text())
}

fn energy<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["energy", file, "--model", "ipl"], more].concat()
}

#[test]
fn files_that_are_not_configurations() {
    let (folder, text) = with_sample("bad-files");
    fail(
        &folder,
        &energy("missing.xyz", &[]),
        &["missing.xyz", "No such file"],
    );
    std::fs::create_dir(folder.join("folder.xyz")).unwrap();
    fail(
        &folder,
        &energy("folder.xyz", &[]),
        &["folder.xyz", "directory"],
    );
    let lines: Vec<&str> = text.lines().collect();
    let comment = lines[1];
    let particle = lines[4];
    let replaced = |from: &str, to: &str| text.replacen(from, to, 1);
    for (case, content, words) in [
        ("empty", String::new(), vec!["line 1", "first frame"]),
        ("binary", "\u{0}\u{1}".to_owned(), vec!["line 1"]),
        (
            "prose",
            "These are\nno particles\n".to_owned(),
            vec!["line 1", "'These are'"],
        ),
        (
            "negative",
            replaced("108\n", "-108\n"),
            vec!["line 1", "'-108'"],
        ),
        (
            "huge",
            replaced("108\n", "4000000000\n"),
            vec!["line 111", "particle 109"],
        ),
        (
            "short",
            replaced("108\n", "109\n"),
            vec!["line 111", "particle 109"],
        ),
        (
            "no lattice",
            replaced(comment, "pbc=\"T T T\""),
            vec!["line 2", "Lattice"],
        ),
        (
            "flat",
            replaced(comment, "Lattice=\"1 0 0 2 0 0 0 0 1\""),
            vec!["line 2", "volume"],
        ),
        (
            "word",
            replaced(comment, "Lattice=\"1 0 0 0 x 0 0 0 1\""),
            vec!["line 2", "'x'"],
        ),
        (
            "eight",
            replaced(comment, "Lattice=\"1 0 0 0 1 0 0 0\""),
            vec!["line 2", "8 entries"],
        ),
        ("pbc", replaced("T T T", "F F F"), vec!["line 2", "F F F"]),
        (
            "columns",
            replaced(particle, "B 0 0"),
            vec!["line 5", "3 columns"],
        ),
        (
            "letter",
            replaced(particle, "B 0 zero 0"),
            vec!["line 5", "zero"],
        ),
        (
            "nan",
            replaced(particle, "B 0 0 NaN"),
            vec!["line 5", "NaN"],
        ),
        (
            "infinite",
            replaced(particle, "B 0 0 1e999"),
            vec!["line 5", "1e999"],
        ),
        (
            "label",
            replaced(particle, "Xe 0 0 0.1"),
            vec!["line 5", "'Xe'", "A, B"],
        ),
    ] {
        std::fs::write(folder.join("bad.xyz"), content).unwrap();
        let words = [&["bad.xyz"], words.as_slice()].concat();
        eprintln!("{case}");
        fail(&folder, &energy("bad.xyz", &[]), &words);
    }
}

#[test]
fn configurations_without_meaning() {
    let (folder, text) = with_sample("bad-configurations");
    let second = text.lines().nth(3).unwrap();
    // The second particle on the first.
    std::fs::write(
        folder.join("overlap.xyz"),
        text.replacen(second, "B 0 0 0", 1),
    )
    .unwrap();
    let words = ["overlap.xyz", "0 and 1", "distance"];
    fail(&folder, &energy("overlap.xyz", &[]), &words);
    fail(
        &folder,
        &["elastic", "overlap.xyz", "--model", "ipl"],
        &words,
    );
    let quench = ["quench", "overlap.xyz", "--model", "ipl", "-o", "out.xyz"];
    fail(&folder, &quench, &words);
    assert!(!folder.join("out.xyz").exists());

    let mut metres = Configuration::face_centred_cubic(3);
    for vector in metres.cell.iter_mut().chain(&mut metres.positions) {
        *vector = vector.map(|component| 1e-10 * component);
    }
    metres.write(&folder, "metres.xyz");
    fail(
        &folder,
        &energy("metres.xyz", &[]),
        &["metres.xyz", "units"],
    );

    fail(
        &folder,
        &energy("good.xyz", &["--frame", "1"]),
        &["good.xyz", "frame 1", "is 1"],
    );
    let mut raised = Configuration::mixture(2, 60, 0.86, 0.5, 1);
    raised.positions[7][2] = 0.5;
    raised.write(&folder, "raised.xyz");
    fail(
        &folder,
        &energy("raised.xyz", &[]),
        &["line 10", "0.5", "2 dimensions"],
    );
    std::fs::write(folder.join("raised.xyz"), raised.text_with("")).unwrap();
    let words = ["raised.xyz", "particle 7", "0.5"];
    fail(
        &folder,
        &energy("raised.xyz", &["--dimension", "2"]),
        &words,
    );
    fail(
        &folder,
        &energy("good.xyz", &["--dimension", "4"]),
        &["--dimension", "4"],
    );
}

#[test]
fn models_and_parameters_that_do_not_exist() {
    let (folder, _) = with_sample("bad-models");
    fail(&folder, &["energy", "good.xyz"], &["--model"]);
    fail(
        &folder,
        &["energy", "good.xyz", "--model", "iplo"],
        &["'iplo'", "'ipl'?", "mblj, ka"],
    );
    fail(&folder, &["models", "mbjl"], &["'mbjl'", "'mblj'?"]);
    for (setting, words) in [
        ("lenght.AA=1", vec!["'lenght.AA'", "'length.AA'?"]),
        ("length.CC=1", vec!["length.CC", "length.AA"]),
        ("length.AA", vec!["--set", "key=value"]),
        ("=1", vec!["key=value"]),
        ("length.AA=", vec!["key=value"]),
        ("length.AA=nan", vec!["'nan'", "positive number"]),
        ("length.AA=-1", vec!["'-1'", "positive number"]),
        ("length.AA=two", vec!["'two'", "positive number"]),
        ("exponent=10.5", vec!["'10.5'", "whole number"]),
    ] {
        fail(&folder, &energy("good.xyz", &["--set", setting]), &words);
    }
    let shift = ["energy", "good.xyz", "--model", "ka", "--set", "shift=fore"];
    fail(&folder, &shift, &["'fore'", "'force'"]);
}

#[test]
fn choices_that_do_not_exist() {
    let (folder, _) = with_sample("bad-choices");
    let elastic =
        |more: &[&'static str]| [&["elastic", "good.xyz", "--model", "ipl"], more].concat();
    fail(
        &folder,
        &elastic(&["--plane", "xx"]),
        &["'xx'", "for example xy"],
    );
    fail(&folder, &elastic(&["--plane", "up"]), &["'up'"]);
    fail(
        &folder,
        &elastic(&["--solver", "lu"]),
        &["'lu'", "cholesky"],
    );
    fail(
        &folder,
        &elastic(&["--force-ratio-limit", "-1"]),
        &["--force-ratio-limit"],
    );
    Configuration::mixture(2, 60, 0.86, 0.5, 1).write(&folder, "plane.xyz");
    let plane = ["elastic", "plane.xyz", "--model", "ipl", "--plane", "yz"];
    fail(&folder, &plane, &["yz", "2 dimensions"]);

    let kappa = |more: &[&'static str]| [&["kappa", "good.xyz", "--model", "ipl"], more].concat();
    fail(&folder, &kappa(&[]), &["--pairs", "--sample", "--all"]);
    fail(
        &folder,
        &kappa(&["--all", "--sample", "3"]),
        &["--all", "--sample"],
    );
    fail(&folder, &kappa(&["--pairs", "0"]), &["'0'", "0-17"]);
    fail(&folder, &kappa(&["--pairs", "0-1,x-2"]), &["x-2"]);
    fail(&folder, &kappa(&["--pairs", "4-4"]), &["4-4", "different"]);
    fail(
        &folder,
        &kappa(&["--pairs", "0-108"]),
        &["particle 108", "has 108"],
    );
    // Opposite corners of a cube are sqrt(2) times farther than neighbours: 1.5874.
    fail(
        &folder,
        &kappa(&["--pairs", "0-4"]),
        &["0 and 4", "1.587", "1.48"],
    );
    fail(&folder, &kappa(&["--sample", "649"]), &["649", "648"]);
    fail(&folder, &kappa(&["--sample", "0"]), &["--sample"]);
    succeed(&folder, &kappa(&["--sample", "648"]));
    let wide = ["--set", "reduced_cutoff=3.3", "--pairs", "0-4"];
    fail(&folder, &kappa(&wide), &["0-4", "images"]);
}

#[test]
fn places_that_cannot_be_written() {
    let (folder, text) = with_sample("bad-places");
    let quench = |output: &'static str| ["quench", "good.xyz", "--model", "ipl", "-o", output];
    fail(
        &folder,
        &["quench", "good.xyz", "--model", "ipl"],
        &["--output"],
    );
    fail(
        &folder,
        &quench("nowhere/out.xyz"),
        &["nowhere/out.xyz", "No such file"],
    );
    fail(
        &folder,
        &quench("good.xyz/out.xyz"),
        &["good.xyz/out.xyz", "folder"],
    );
    std::fs::create_dir(folder.join("folder")).unwrap();
    fail(&folder, &quench("folder"), &["folder"]);
    assert_eq!(
        std::fs::read_to_string(folder.join("good.xyz")).unwrap(),
        text
    );
    if Path::new("/dev/full").exists() {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = super::program::command(&folder, &["models"])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            output
                .stderr
                .starts_with(b"error: cannot write to standard output")
        );
    }
}
