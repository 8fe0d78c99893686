//! From a liquid to its minimum, moduli and dipole stiffnesses.

use super::configuration::Configuration;
use super::program::{assert_close, assert_keys, fail, folder, json, number, rows, run, succeed};
use super::reference::{Reference, inverse_power};
use serde_json::Value;
use std::path::Path;

fn quench(folder: &Path, from: &str, to: &str, more: &[&str]) -> Value {
    let arguments = [&["quench", from, "--model", "ipl", "-o", to], more].concat();
    json(folder, &arguments)
}

#[test]
fn a_quench_ends_in_a_minimum_with_the_particles_in_their_order() {
    let folder = folder("chain-quench");
    let liquid = Configuration::mixture(3, 150, 0.82, 0.5, 11);
    let text = liquid.text_with(" pbc=\"T T T\" temperature=0.7 energy=99");
    std::fs::write(folder.join("liquid.xyz"), text).unwrap();
    for minimizer in [
        "newton",
        "conjugate-gradient",
        "limited-memory-bfgs",
        "fire",
    ] {
        let result = quench(
            &folder,
            "liquid.xyz",
            "glass.xyz",
            &["--minimizer", minimizer],
        );
        assert_keys(
            &result,
            &[
                "energy",
                "force_ratio",
                "max_force",
                "evaluations",
                "hessian_products",
                "converged",
            ],
        );
        assert_eq!(result["converged"], true);
        assert!(number(&result, "/force_ratio") <= 1e-10);
        assert!(result["evaluations"].as_u64().unwrap() > 10);

        let glass = liquid.read_positions(&folder, "glass.xyz");
        assert_eq!(glass.species, liquid.species);
        let reference = Reference::new(&glass, inverse_power);
        assert_close(number(&result, "/energy"), reference.energy, 1e-12);
        let forces = reference.forces();
        let largest = forces
            .iter()
            .map(|f| f.iter().map(|c| c * c).sum::<f64>().sqrt());
        let largest = largest.fold(0.0, f64::max);
        assert!(
            (largest - number(&result, "/max_force")).abs() < 1e-12 * reference.largest_pair_force
        );
    }
    // What the input said of itself is not said of the minimum.
    let written = std::fs::read_to_string(folder.join("glass.xyz")).unwrap();
    assert!(!written.contains("temperature") && !written.contains("energy=99"));
    assert!(written.contains(" energy="));
    // A minimum is its own minimum.
    let again = quench(&folder, "glass.xyz", "again.xyz", &[]);
    assert!(again["evaluations"].as_u64().unwrap() <= 3);
    assert_eq!(
        liquid.read_positions(&folder, "again.xyz").positions,
        liquid.read_positions(&folder, "glass.xyz").positions
    );
}

#[test]
fn a_quench_that_does_not_converge_fails_and_keeps_what_it_reached() {
    let folder = folder("chain-unconverged");
    let liquid = Configuration::mixture(3, 100, 0.82, 0.5, 11);
    liquid.write(&folder, "liquid.xyz");
    let limited = |arguments: &[&'static str]| {
        let first = [
            "quench",
            "liquid.xyz",
            "--model",
            "ipl",
            "--evaluation-limit",
            "20",
        ];
        [&first, arguments].concat()
    };
    let stopped = run(&folder, &limited(&["-o", "out.xyz", "--json"]));
    assert_eq!(stopped.status, Some(1));
    assert!(stopped.stderr.contains("not a minimum") && stopped.stderr.contains("out.xyz"));
    let result: Value = serde_json::from_str(&stopped.stdout).unwrap();
    assert_eq!(result["converged"], false);
    assert!(number(&result, "/evaluations") <= 20.0);
    let reached = Reference::new(&liquid.read_positions(&folder, "out.xyz"), inverse_power);
    assert_close(number(&result, "/energy"), reached.energy, 1e-12);
    assert!(reached.energy < Reference::new(&liquid, inverse_power).energy);
    // Where the file cannot be written, the numbers are not lost.
    if Path::new("/dev/full").exists() {
        let full = run(
            &folder,
            &[
                "quench",
                "liquid.xyz",
                "-m",
                "ipl",
                "-o",
                "/dev/full",
                "--json",
            ],
        );
        assert_eq!(full.status, Some(1));
        assert!(full.stderr.starts_with("error: ") && full.stderr.contains("/dev/full"));
        assert!(full.stdout.contains("\"converged\":true"));
    }
}

#[test]
fn response_agrees_with_dense_matrices() {
    for (dimension, particles, density) in [(2, 60, 0.86), (3, 70, 0.82)] {
        let folder = folder(&format!("chain-dense-{dimension}"));
        let liquid = Configuration::mixture(dimension, particles, density, 0.5, 2);
        liquid.write(&folder, "liquid.xyz");
        quench(
            &folder,
            "liquid.xyz",
            "glass.xyz",
            &["--force-ratio", "1e-11"],
        );
        let reference = Reference::new(&liquid.read_positions(&folder, "glass.xyz"), inverse_power);

        let result = json(&folder, &["elastic", "glass.xyz", "--model", "ipl"]);
        let [total, born, non_affine] = reference.shear_modulus();
        assert_close(number(&result, "/shear_modulus/total"), total, 1e-8);
        assert_close(number(&result, "/shear_modulus/born"), born, 1e-10);
        assert_close(
            number(&result, "/shear_modulus/non_affine"),
            non_affine,
            1e-8,
        );

        let expected = reference.stiffnesses(4);
        let pairs: Vec<String> = expected
            .iter()
            .map(|(i, j, _)| format!("{j}-{i}"))
            .collect();
        let pairs = pairs.join(",");
        let result = json(
            &folder,
            &["kappa", "glass.xyz", "-m", "ipl", "--pairs", &pairs],
        );
        for (entry, (i, j, kappa)) in result["kappa"].as_array().unwrap().iter().zip(expected) {
            assert_eq!(
                (entry["i"].as_u64(), entry["j"].as_u64()),
                (Some(j as u64), Some(i as u64))
            );
            assert_close(number(entry, "/kappa"), kappa, 1e-8);
        }
    }
}

#[test]
fn the_shear_modulus_is_the_slope_of_the_stress_after_new_quenches() {
    const STRAIN: f64 = 1e-5;
    let folder = folder("chain-strain");
    let liquid = Configuration::mixture(3, 150, 0.82, 0.5, 21);
    liquid.write(&folder, "liquid.xyz");
    let strict = ["--force-ratio", "1e-12"];
    quench(&folder, "liquid.xyz", "glass.xyz", &strict);
    let glass = liquid.read_positions(&folder, "glass.xyz");
    let stress = |strain: f64| {
        glass.clone().sheared(strain).write(&folder, "sheared.xyz");
        quench(&folder, "sheared.xyz", "relaxed.xyz", &strict);
        rows(&json(&folder, &["energy", "relaxed.xyz", "--model", "ipl"])["stress"])[0][1]
    };
    let slope = (stress(STRAIN) - stress(-STRAIN)) / (2.0 * STRAIN);
    let result = json(&folder, &["elastic", "glass.xyz", "--model", "ipl"]);
    let shear = &result["shear_modulus"];
    assert_keys(
        shear,
        &["plane", "total", "born", "prestress", "non_affine"],
    );
    assert_eq!(shear["plane"], "xy");
    assert_close(number(shear, "/total"), slope, 1e-5);
    let parts = ["/born", "/prestress", "/non_affine"].map(|part| number(shear, part));
    assert_close(number(shear, "/total"), parts.iter().sum(), 1e-14);
    assert!(parts[2] < 0.0);

    let iterative = [
        "elastic",
        "glass.xyz",
        "-m",
        "ipl",
        "--solver",
        "conjugate-gradient",
    ];
    let iterative = json(&folder, &iterative);
    assert_close(number(&iterative, "/shear_modulus/total"), slope, 1e-5);
    assert_close(
        number(&iterative, "/bulk_modulus"),
        number(&result, "/bulk_modulus"),
        1e-8,
    );
    let other = json(
        &folder,
        &["elastic", "glass.xyz", "-m", "ipl", "--plane", "yz"],
    );
    assert_eq!(other["shear_modulus"]["plane"], "yz");
    assert_ne!(other["shear_modulus"]["total"], shear["total"]);
    assert_eq!(other["bulk_modulus"], result["bulk_modulus"]);
}

#[test]
fn soft_modes_are_softer_than_where_they_started_and_are_written_as_vectors() {
    let folder = folder("chain-soft-modes");
    let liquid = Configuration::mixture(3, 150, 0.82, 0.5, 31);
    liquid.write(&folder, "liquid.xyz");
    quench(&folder, "liquid.xyz", "glass.xyz", &[]);
    let find = |more: &[&'static str]| {
        let first = ["soft-modes", "glass.xyz", "--model", "ipl", "--json"];
        succeed(&folder, &[&first, more].concat())
    };
    let options = ["--starts", "60", "--count", "2", "--cubic"];
    let text = find(&[&options[..], &["--threads", "1", "-o", "modes.xyz"]].concat());
    assert_eq!(text, find(&[&options[..], &["--threads", "2"]].concat()));
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_keys(
        &found,
        &["soft_modes", "searches", "unconverged", "modes_found"],
    );
    assert_eq!(
        (number(&found, "/searches"), number(&found, "/unconverged")),
        (60.0, 0.0)
    );
    let modes = found["soft_modes"].as_array().unwrap();
    assert!(!modes.is_empty() && modes.len() <= 2);
    let softest = &modes[0];
    assert!(number(softest, "/stiffness") <= number(softest, "/kappa"));
    let pair = format!("{}-{}", softest["i"], softest["j"]);
    let kappa = ["kappa", "glass.xyz", "-m", "ipl", "--pairs", &pair];
    let kappa = json(&folder, &kappa);
    assert_close(
        number(&kappa, "/kappa/0/kappa"),
        number(softest, "/kappa"),
        1e-10,
    );
    let cubic = &softest["cubic"];
    let barrier = 2.0 * number(cubic, "/stiffness").powi(3) / (3.0 * number(cubic, "/tau").powi(2));
    assert_close(number(cubic, "/barrier"), barrier, 1e-12);
    // One frame for each mode, of 150 lines and two more, with the displacements as vectors of length one.
    let written = std::fs::read_to_string(folder.join("modes.xyz")).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), modes.len() * 152);
    assert!(lines[1].contains(":disp:R:3"));
    let squares = lines[2..152].iter().map(|line| {
        let columns = line
            .split(' ')
            .skip(4)
            .map(|word| word.parse::<f64>().unwrap());
        columns.map(|v| v * v).sum::<f64>()
    });
    assert_close(squares.sum::<f64>(), 1.0, 1e-12);
}

#[test]
fn the_field_is_written_for_spreadsheets_numpy_and_ovito() {
    let folder = folder("chain-field");
    let liquid = Configuration::mixture(3, 150, 0.82, 0.5, 61);
    liquid.write(&folder, "liquid.xyz");
    quench(&folder, "liquid.xyz", "glass.xyz", &[]);
    let files = "k.csv,k.npy,k.xyz,k.dump";
    let command = ["kappa", "glass.xyz", "-m", "ipl", "--all", "-o", files];
    let result = json(&folder, &command);
    let pairs = result["kappa"].as_array().unwrap();
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    let rows = |text: &str, skip: usize, between: char| -> Vec<Vec<f64>> {
        let numbers = |line: &str| line.split(between).map(|w| w.parse().unwrap()).collect();
        text.lines().skip(skip).map(numbers).collect()
    };
    let expected: Vec<Vec<f64>> = pairs
        .iter()
        .map(|pair| ["/i", "/j", "/kappa"].map(|key| number(pair, key)).to_vec())
        .collect();
    assert_eq!(rows(&text("k.csv"), 1, ','), expected);
    let array = read("k.npy");
    let numbers: Vec<f64> = array[array.len() - 24 * pairs.len()..]
        .chunks_exact(8)
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(numbers, expected.concat());
    for (bond, pair) in rows(&text("k.dump"), 5, ' ').iter().zip(&expected) {
        assert_eq!(bond[..], [pair[0] + 1.0, pair[1] + 1.0, pair[2]]);
    }
    // The mean over the interactions of one particle, three ways.
    let own: Vec<f64> = expected
        .iter()
        .filter(|pair| pair[..2].contains(&7.0))
        .map(|pair| pair[2])
        .collect();
    let mean = own.iter().sum::<f64>() / own.len() as f64;
    assert_close(number(&result, "/particles/7"), mean, 1e-12);
    let particles = text("k.xyz");
    let lines: Vec<&str> = particles.lines().collect();
    assert!(
        lines[1].contains(":kappa:R:1:interactions:R:1 "),
        "{}",
        lines[1]
    );
    let last: Vec<&str> = lines[2 + 7].split(' ').collect();
    assert_close(last[last.len() - 2].parse().unwrap(), mean, 1e-12);
    assert_eq!(
        last[last.len() - 1].parse::<f64>().unwrap(),
        own.len() as f64
    );

    let sample = ["kappa", "glass.xyz", "-m", "ipl", "--sample", "3", "-o"];
    let with = |file| [&sample[..], &[file]].concat();
    fail(&folder, &with("k.xyz"), &["k.xyz", "--all"]);
    fail(&folder, &with("k.txt"), &["k.txt", ".csv", ".dump"]);
    fail(&folder, &with("nowhere/k.csv"), &["nowhere"]);
    succeed(&folder, &with("three.csv"));
    assert_eq!(text("three.csv").lines().count(), 4);
}

#[test]
fn samples_of_interactions_follow_the_seed_and_nothing_else() {
    let folder = folder("chain-sample");
    let liquid = Configuration::mixture(3, 150, 0.82, 0.5, 31);
    liquid.write(&folder, "liquid.xyz");
    quench(&folder, "liquid.xyz", "glass.xyz", &[]);
    let sample = |more: &[&'static str]| {
        let first = ["kappa", "glass.xyz", "--model", "ipl", "--json"];
        succeed(&folder, &[&first, more].concat())
    };
    let text = sample(&["--sample", "70", "--seed", "5", "--threads", "1"]);
    assert_eq!(
        text,
        sample(&["--sample", "70", "--seed", "5", "--threads", "2"])
    );
    assert_ne!(text, sample(&["--sample", "70", "--seed", "6"]));
    let sampled: Value = serde_json::from_str(&text).unwrap();
    assert_keys(&sampled, &["kappa"]);
    let all: Value = serde_json::from_str(&sample(&["--all"])).unwrap();
    let all = all["kappa"].as_array().unwrap();
    let sampled = sampled["kappa"].as_array().unwrap();
    assert_eq!(sampled.len(), 70);
    for (index, entry) in sampled.iter().enumerate() {
        assert_keys(entry, &["i", "j", "kappa"]);
        let same = |other: &&Value| (&other["i"], &other["j"]) == (&entry["i"], &entry["j"]);
        assert!(!sampled[..index].iter().any(|other| same(&other)));
        let found = all.iter().find(same).unwrap();
        assert_close(number(found, "/kappa"), number(entry, "/kappa"), 1e-10);
    }
    let pair = format!("{}-{}", sampled[0]["i"], sampled[0]["j"]);
    let single = [
        "kappa",
        "glass.xyz",
        "-m",
        "ipl",
        "--solver",
        "conjugate-gradient",
        "--pairs",
        &pair,
    ];
    let single = json(&folder, &single);
    assert_close(
        number(&single, "/kappa/0/kappa"),
        number(&sampled[0], "/kappa"),
        1e-8,
    );
}

#[test]
fn what_is_no_minimum_is_refused_with_the_command_to_type() {
    let folder = folder("chain-refused");
    Configuration::mixture(3, 100, 0.82, 0.5, 41).write(&folder, "liquid.xyz");
    let model = ["--model", "ipl", "--set", "energy=1.5"];
    let words = [
        "liquid.xyz",
        "force ratio",
        "1e-6",
        "vitreous quench liquid.xyz --model ipl --set energy=1.5 -o quenched.xyz",
    ];
    fail(
        &folder,
        &[&["elastic", "liquid.xyz"], &model[..]].concat(),
        &words,
    );
    fail(
        &folder,
        &[&["kappa", "liquid.xyz", "--all"], &model[..]].concat(),
        &words,
    );
    // Typed as it stands, the advice works.
    let arguments: Vec<&str> = words[3].split(' ').skip(1).collect();
    succeed(&folder, &arguments);
    succeed(
        &folder,
        &[&["elastic", "quenched.xyz"], &model[..]].concat(),
    );

    // The limit can be moved.
    quench(
        &folder,
        "liquid.xyz",
        "rough.xyz",
        &["--force-ratio", "1e-4"],
    );
    fail(
        &folder,
        &["elastic", "rough.xyz", "--model", "ipl"],
        &["1e-6"],
    );
    succeed(
        &folder,
        &[
            "elastic",
            "rough.xyz",
            "--model",
            "ipl",
            "--force-ratio-limit",
            "1e-3",
        ],
    );
    let strict = [
        "elastic",
        "quenched.xyz",
        "-m",
        "ipl",
        "--force-ratio-limit",
        "1e-16",
    ];
    fail(&folder, &strict, &["1e-16"]);
}
