//! Stiffness tensors, planes of shear, routes to the shear modulus, and Hessians as text.

use super::configuration::Configuration;
use super::program::{assert_close, assert_keys, fail, folder, json, number, rows, run, succeed};
use super::reference::{Reference, inverse_power, modified_lennard_jones};
use serde_json::Value;
use std::path::Path;

const KEYS: [&str; 10] = [
    "shear_modulus",
    "bulk_modulus",
    "voigt_shear_modulus",
    "poisson_ratio",
    "youngs_modulus",
    "voigt_order",
    "stiffness",
    "stiffness_born",
    "stiffness_prestress",
    "stiffness_non_affine",
];

/// A glass of the inverse-power model in `glass.xyz`, and its configuration.
fn glass(folder: &Path, dimension: usize) -> Configuration {
    let (particles, density) = [(100, 0.86), (150, 0.82)][dimension - 2];
    let liquid = Configuration::mixture(dimension, particles, density, 0.5, 3);
    liquid.write(folder, "liquid.xyz");
    let quench = ["quench", "liquid.xyz", "-m", "ipl", "-o", "glass.xyz"];
    succeed(folder, &quench);
    liquid.read_positions(folder, "glass.xyz")
}

fn elastic(folder: &Path, more: &[&str]) -> Value {
    json(
        folder,
        &[&["elastic", "glass.xyz", "-m", "ipl"], more].concat(),
    )
}

#[test]
fn a_crystal_has_the_stiffness_of_its_formula() {
    // With u = rho phi'' r^2 and w = rho phi' r: C11 = u + w, C12 = u/2 - 5w/2, C44 = u/2 + 3w/2, pressure -2 w.
    let folder = folder("elasticity-crystal");
    Configuration::face_centred_cubic(3).write(&folder, "glass.xyz");
    let (pressure, c44) = (4.62531943845, 12.7090631661);
    let w = -0.5 * pressure;
    let u = 2.0 * c44 - 3.0 * w;
    let (c11, c12) = (u + w, 0.5 * u - 2.5 * w);
    let result = elastic(&folder, &["--plane", "1,1,0:-1,1,0"]);
    assert_keys(&result, &KEYS);
    let order: Vec<_> = result["voigt_order"].as_array().unwrap().clone();
    assert_eq!(order, ["xx", "yy", "zz", "yz", "xz", "xy"]);
    for (i, row) in rows(&result["stiffness"]).iter().enumerate() {
        for (j, entry) in row.iter().enumerate() {
            let expected = match (i, j) {
                _ if i == j => [c11, c44][i / 3],
                _ if i < 3 && j < 3 => c12,
                _ => 0.0,
            };
            assert!(
                (entry - expected).abs() < 1e-9,
                "{i} {j} {entry} {expected}"
            );
        }
    }
    assert_eq!(result["shear_modulus"]["plane"], "1,1,0:-1,1,0");
    let across = number(&result, "/shear_modulus/total");
    assert_close(across, 0.5 * (c11 - c12), 1e-9);
    let shear = (c11 - c12 + 3.0 * c44) / 5.0;
    let bulk = (c11 + 2.0 * c12) / 3.0;
    assert_close(number(&result, "/voigt_shear_modulus"), shear, 1e-9);
    assert_close(number(&result, "/bulk_modulus"), bulk, 1e-9);
    let poisson_ratio = (3.0 * bulk - 2.0 * shear) / (2.0 * (3.0 * bulk + shear));
    assert_close(number(&result, "/poisson_ratio"), poisson_ratio, 1e-9);
    let youngs_modulus = 2.0 * shear * (1.0 + poisson_ratio);
    assert_close(number(&result, "/youngs_modulus"), youngs_modulus, 1e-9);
}

#[test]
fn the_three_routes_agree_in_any_plane() {
    for (dimension, plane, order) in [
        (2, "1,2:-2,1", vec!["xx", "yy", "xy"]),
        (3, "-1,2,1:1,1,-1", vec!["xx", "yy", "zz", "yz", "xz", "xy"]),
    ] {
        let folder = folder(&format!("elasticity-routes-{dimension}"));
        glass(&folder, dimension);
        let result = elastic(&folder, &["--plane", plane, "--routes"]);
        assert_keys(&result, &[&KEYS[..], &["routes"]].concat());
        assert_eq!(*result["voigt_order"].as_array().unwrap(), order);
        let routes = &result["routes"];
        assert_keys(
            routes,
            &[
                "deformation_gradient",
                "green_lagrange",
                "green_lagrange_difference",
                "finite_strain",
                "finite_strain_difference",
                "finite_strain_discrepancy",
                "strain_step",
            ],
        );
        // Forces balanced to 1e-10 in the file; steps of 1e-5 with quenches to 1e-12.
        let first = number(routes, "/deformation_gradient");
        assert_eq!(first, number(&result, "/shear_modulus/total"));
        for (route, accuracy) in [("green_lagrange", 1e-8), ("finite_strain", 1e-5)] {
            let modulus = number(routes, &format!("/{route}"));
            assert_close(modulus, first, accuracy);
            let difference = number(routes, &format!("/{route}_difference"));
            assert_eq!(difference, modulus - first);
        }
        assert!(number(routes, "/finite_strain_discrepancy") < 1e-5 * first);
        assert_eq!(number(routes, "/strain_step"), 1e-5);

        let size = order.len();
        let parts = [
            "stiffness_born",
            "stiffness_prestress",
            "stiffness_non_affine",
        ];
        let parts = parts.map(|part| rows(&result[part]));
        let total = rows(&result["stiffness"]);
        for i in 0..size {
            assert_eq!(total[i].len(), size);
            for j in 0..size {
                let sum: f64 = parts.iter().map(|part| part[i][j]).sum();
                assert!((total[i][j] - sum).abs() < 1e-12 * total[0][0]);
            }
        }
        let bulk: f64 = total[..dimension]
            .iter()
            .flat_map(|row| &row[..dimension])
            .sum();
        let expected = number(&result, "/bulk_modulus");
        assert_close(bulk / (dimension * dimension) as f64, expected, 1e-9);

        // Axes as vectors, of any length.
        let axes = ["0,3:0.1,0", "0,3,0:0.1,0,0"][dimension - 2];
        let [vectors, letters] = [axes, "yx"].map(|plane| elastic(&folder, &["--plane", plane]));
        assert_eq!(
            vectors["shear_modulus"]["total"],
            letters["shear_modulus"]["total"]
        );
        let text = succeed(&folder, &["elastic", "glass.xyz", "-m", "ipl", "--routes"]);
        for word in ["finite strain", "Poisson", "stiffness", "Green-Lagrange"] {
            assert!(text.contains(word), "no {word} in {text}");
        }
    }
}

#[test]
fn hessians_are_written_for_other_programs() {
    for (model, dimension, density, pair) in [
        ("ipl", 2, 0.86, inverse_power as super::reference::Pair),
        ("ipl", 3, 0.82, inverse_power),
        ("mblj", 3, 1.2, modified_lennard_jones),
    ] {
        let folder = folder(&format!("elasticity-hessian-{model}-{dimension}"));
        // Not a minimum: any configuration has a Hessian.
        let liquid = Configuration::mixture(dimension, 70, density, 0.6, 8).sheared(0.2);
        liquid.write(&folder, "liquid.xyz");
        let command = ["hessian", "liquid.xyz", "-m", model, "-o"];
        let result = json(&folder, &[&command[..], &["H.mtx"]].concat());
        assert_keys(&result, &["rows", "nonzeros", "force_ratio", "path"]);
        assert_eq!(result["path"], "H.mtx");
        assert!(number(&result, "/force_ratio") > 1e-3);

        let text = std::fs::read_to_string(folder.join("H.mtx")).unwrap();
        assert!(text.starts_with("%%MatrixMarket matrix coordinate real symmetric\n% "));
        let model_line = format!("% model {model}\n");
        assert!(text.contains(&model_line) && text.contains("cutoff.BB = "));
        let mut lines = text.lines().filter(|line| !line.starts_with('%'));
        let (size, nonzeros) = (70 * dimension, result["nonzeros"].as_u64().unwrap());
        assert_eq!(lines.next().unwrap(), format!("{size} {size} {nonzeros}"));
        assert_eq!(result["rows"], size);
        let mut matrix = vec![vec![0.0; size]; size];
        let mut count = 0;
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let [row, column] = [0, 1].map(|k| words[k].parse::<usize>().unwrap() - 1);
            let entry: f64 = words[2].parse().unwrap();
            assert!(column <= row && matrix[row][column] == 0.0);
            (matrix[row][column], matrix[column][row]) = (entry, entry);
            count += 1;
        }
        assert_eq!(count, nonzeros);
        let expected = Reference::new(&liquid, pair).hessian(0.0);
        let largest = (0..size).fold(0.0, |largest, k| f64::max(largest, expected[k][k]));
        for (row, expected) in matrix.iter().zip(&expected) {
            for (entry, expected) in row.iter().zip(expected) {
                assert!((entry - expected).abs() < 1e-12 * largest);
            }
        }

        let piped = run(&folder, &[&command[..], &["-"]].concat());
        assert_eq!((piped.status, piped.stdout), (Some(0), text));
        assert!(piped.stderr.starts_with("note: ") && piped.stderr.contains("force ratio"));
    }
}

#[test]
fn planes_steps_and_places_that_make_no_sense() {
    let folder = folder("elasticity-bad");
    Configuration::face_centred_cubic(3).write(&folder, "good.xyz");
    let plane = |text: &str, words: &[&str]| {
        let arguments = ["elastic", "good.xyz", "-m", "ipl", "--plane", text];
        fail(&folder, &arguments, words);
    };
    plane("xx", &["'xx'", "for example xy", "1,1,0:0,0,1"]);
    plane("1,q,0:0,0,1", &["1,q,0:0,0,1", "1,1,0:0,0,1"]);
    plane("1,1:0,1", &["1,1:0,1", "2 components", "3 dimensions"]);
    plane("1,1,0:0,1,1", &["orthogonal", "5.000e-1"]);
    plane("0,0,0:0,1,1", &["displacement", "not all zero"]);
    plane("1,0,0:0,nan,1", &["gradient", "NaN"]);
    plane("--json", &["'--json'"]);

    let elastic = |more: &[&'static str]| [&["elastic", "good.xyz", "-m", "ipl"], more].concat();
    fail(&folder, &elastic(&["--strain-step", "1e-5"]), &["--routes"]);
    let step = |step| elastic(&["--routes", "--strain-step", step]);
    fail(&folder, &step("0"), &["--strain-step", "positive"]);
    fail(&folder, &step("2"), &["2e0", "below 1"]);

    let hessian = |more: &[&'static str]| [&["hessian", "good.xyz", "-m", "ipl"], more].concat();
    fail(&folder, &hessian(&[]), &["--output"]);
    fail(
        &folder,
        &hessian(&["-o", "-", "--json"]),
        &["--json", "-o H.mtx"],
    );
    fail(
        &folder,
        &hessian(&["-o", "nowhere/H.mtx"]),
        &["nowhere/H.mtx"],
    );
    if Path::new("/dev/full").exists() {
        fail(&folder, &hessian(&["-o", "/dev/full"]), &["/dev/full"]);
    }
}
