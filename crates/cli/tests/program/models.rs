//! The models that take more than a pair of lengths: three-body terms, diameters, energies given as text.

use crate::configuration::Configuration;
use crate::program::*;
use std::fmt::Write;
use std::path::Path;

/// Diamond of Stillinger-Weber silicon, slightly disturbed, with the label of the element.
fn silicon(folder: &Path) {
    let edge = 4.0 / 3.0_f64.sqrt() * 2.0_f64.powf(1.0 / 6.0);
    let sites = [
        [0.0, 0.0, 0.0],
        [0.0, 0.5, 0.5],
        [0.5, 0.0, 0.5],
        [0.5, 0.5, 0.0],
    ];
    let mut text = format!(
        "64\nLattice=\"{0} 0 0 0 {0} 0 0 0 {0}\" Properties=species:S:1:pos:R:3\n",
        2.0 * edge
    );
    for cube in 0..8 {
        let corner = [cube % 2, cube / 2 % 2, cube / 4].map(f64::from);
        for site in sites {
            for shift in [0.0, 0.25] {
                let mut at = [0, 1, 2].map(|k| edge * (corner[k] + site[k] + shift));
                at[cube as usize % 3] += 0.01 * f64::from(cube);
                writeln!(text, "Si {} {} {}", at[0], at[1], at[2]).unwrap();
            }
        }
    }
    std::fs::write(folder.join("start.xyz"), text).unwrap();
}

#[test]
fn a_three_body_model_goes_through_the_whole_chain() {
    let folder = folder("silicon");
    silicon(&folder);
    let model = ["--model", "sw", "--set", "lambda=21"];
    let with = |words: &[&str]| json(&folder, &[words, &model[..]].concat());
    let liquid = with(&["energy", "start.xyz"]);
    assert!(number(&liquid, "/energy") > -127.9);
    let quenched = with(&["quench", "start.xyz", "-o", "silicon.xyz"]);
    assert_close(number(&quenched, "/energy"), -128.0, 1e-9);
    // The file keeps the label of its particles.
    let text = std::fs::read_to_string(folder.join("silicon.xyz")).unwrap();
    assert_eq!(
        text.lines().filter(|line| line.starts_with("Si ")).count(),
        64
    );
    let elastic = with(&["elastic", "silicon.xyz"]);
    for (place, expected) in [
        ("/stiffness/0/0", 4.00849),
        ("/stiffness/0/1", 2.023035),
        ("/stiffness/3/3", 1.49432),
        ("/stiffness_born/3/3", 2.90546),
    ] {
        let found = elastic.pointer(place).unwrap().as_f64().unwrap();
        assert!((found - expected).abs() < 5e-6, "{place}: {found}");
    }
    // Dipoles act on the pairs within the range: the four bonds of each particle.
    let kappa = with(&["kappa", "silicon.xyz", "--sample", "20", "--seed", "3"]);
    let stiffnesses = kappa["kappa"].as_array().unwrap();
    assert_eq!(stiffnesses.len(), 20);
    // Particles at both ends of an angle are coupled, beyond the range of pairs: 16 neighbours of each.
    let hessian = with(&["hessian", "silicon.xyz", "-o", "hessian.mtx"]);
    assert_eq!(number(&hessian, "/rows"), 192.0);
    let text = std::fs::read_to_string(folder.join("hessian.mtx")).unwrap();
    let entries = text.lines().filter(|line| !line.starts_with('%'));
    let mut blocks = std::collections::BTreeSet::new();
    for entry in entries.skip(1) {
        let numbers: Vec<usize> = entry
            .split_whitespace()
            .take(2)
            .map(|word| word.parse().unwrap())
            .collect();
        blocks.insert(((numbers[0] - 1) / 3, (numbers[1] - 1) / 3));
    }
    let off_diagonal = blocks.iter().filter(|(i, j)| i != j).count();
    assert_eq!(off_diagonal, 64 * 16 / 2);
}

#[test]
fn energies_of_ones_own_are_given_as_text() {
    let folder = folder("custom");
    let liquid = Configuration::mixture(3, 216, 0.9, 0.8, 4);
    liquid.write(&folder, "liquid.xyz");
    let expected = json(
        &folder,
        &[
            "energy",
            "liquid.xyz",
            "--model",
            "ka",
            "--set",
            "shift=force",
        ],
    );
    let same = |found: &serde_json::Value, relative: f64| {
        for key in ["/energy", "/pressure"] {
            assert_close(number(found, key), number(&expected, key), relative);
        }
    };
    let formulas = [
        "formula.AA=4*((1/r)^12 - (1/r)^6)",
        "formula.AB=4*e*((0.8/r)^12 - (0.8/r)^6)",
        "formula.BB=2*((0.88/r)^12 - (0.88/r)^6)",
        "constant.e=1.5",
        "cutoff.AA=2.5",
        "cutoff.AB=2",
        "cutoff.BB=2.2",
        "shift=force",
    ];
    let mut words = vec!["energy", "liquid.xyz", "--model", "custom"];
    for formula in formulas {
        words.extend(["--set", formula]);
    }
    same(&json(&folder, &words), 1e-12);

    // The same in a study file, one pair as a table in a file beside it.
    let table: String = (0..5000).fold("# r phi\n".to_owned(), |mut text, k| {
        let r = 0.45 + 0.0005 * f64::from(k);
        writeln!(text, "{r} {:e}", 4.0 * (r.powi(-12) - r.powi(-6))).unwrap();
        text
    });
    std::fs::create_dir_all(folder.join("studies")).unwrap();
    std::fs::write(folder.join("studies/aa.table"), table).unwrap();
    let study = "model = \"custom\"\nparticles = 216\ntemperatures = [1.0]\n\n[parameters]\nshift = \"force\"\n\
        table.AA = \"aa.table\"\ncutoff = { AA = 2.5, AB = 2.0, BB = 2.2 }\nconstant.e = 1.5\n\
        formula.AB = \"4*e*((0.8/r)^12 - (0.8/r)^6)\"\nformula.BB = \"2*((0.88/r)^12 - (0.88/r)^6)\"\n";
    std::fs::write(folder.join("studies/own.toml"), study).unwrap();
    let with_study = ["energy", "liquid.xyz", "--model", "studies/own.toml"];
    same(&json(&folder, &with_study), 1e-8);
    // Parameters can still be set on top.
    let weaker = json(
        &folder,
        &[&with_study[..], &["--set", "constant.e=1.0"]].concat(),
    );
    assert!(number(&weaker, "/energy") != number(&expected, "/energy"));

    let custom = |settings: &[&str], words: &[&str]| {
        let mut arguments = vec!["energy", "liquid.xyz", "--model", "custom"];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        fail(&folder, &arguments, words);
    };
    custom(&["formula.AA=1/r"], &["AA", "cutoff.AA"]);
    custom(&["formula.AA=1/(r", "cutoff.AA=2"], &["1/(r", "character"]);
    custom(&["table.AA=nowhere"], &["table.AA", "nowhere"]);
    custom(
        &[
            "formula.AA=1/r",
            "cutoff.AA=2",
            "formula.BB=1/r",
            "cutoff.BB=2",
        ],
        &["AB", "no energy"],
    );
    fail(
        &folder,
        &["energy", "liquid.xyz", "--model", "nowhere.toml"],
        &["nowhere.toml"],
    );
}

#[test]
fn polydisperse_particles_bring_their_sizes() {
    let folder = folder("polydisperse");
    let mut text =
        "27\nLattice=\"3 0 0 0 3 0 0 0 3\" Properties=species:S:1:pos:R:3:radius:R:1\n".to_owned();
    for k in 0..27 {
        let [x, y, z] = [k % 3, k / 3 % 3, k / 9].map(f64::from);
        writeln!(
            text,
            "X {x} {y} {} {}",
            z + 0.01 * x * y,
            0.4 + 0.01 * f64::from(k)
        )
        .unwrap();
    }
    std::fs::write(folder.join("start.xyz"), &text).unwrap();
    let model = ["--model", "polydisperse"];
    let with = |words: &[&str]| json(&folder, &[words, &model[..]].concat());
    let quenched = with(&["quench", "start.xyz", "-o", "glass.xyz"]);
    let again = with(&["energy", "glass.xyz"]);
    assert_close(
        number(&again, "/energy"),
        number(&quenched, "/energy"),
        1e-12,
    );
    let glass = std::fs::read_to_string(folder.join("glass.xyz")).unwrap();
    assert!(glass.contains(":radius:R:1") && glass.contains(" 0.66"));
    fail(
        &folder,
        &[
            "energy",
            "start.xyz",
            "--model",
            "polydisperse",
            "--set",
            "largest_diameter=1.3",
        ],
        &["particle 26", "1.32", "1.3"],
    );
    std::fs::write(
        folder.join("bare.xyz"),
        text.replace(":radius:R:1", ":mass:R:1"),
    )
    .unwrap();
    fail(
        &folder,
        &["energy", "bare.xyz", "--model", "polydisperse"],
        &["diameter of each particle", "radius"],
    );
}
