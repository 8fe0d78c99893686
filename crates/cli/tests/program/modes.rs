//! Vibrational modes against rotations of the whole Hessian, densities of states, files of vectors, bad input.

use super::configuration::Configuration;
use super::program::{assert_close, assert_keys, fail, folder, json, number, succeed};
use super::reference::{Reference, inverse_power};
use serde_json::Value;
use std::path::Path;

const KEYS: [&str; 6] = [
    "unstable_modes",
    "modes",
    "eigenvalues",
    "frequencies",
    "participation_ratios",
    "residuals",
];

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap()).collect()
}

/// The eigenvalues of a symmetric matrix, ascending, by Jacobi's rotations.
fn eigenvalues(mut matrix: Vec<Vec<f64>>) -> Vec<f64> {
    let size = matrix.len();
    for _ in 0..100 {
        let mut off = 0.0;
        for p in 0..size {
            for q in p + 1..size {
                let entry = matrix[p][q];
                off += entry * entry;
                if entry == 0.0 {
                    continue;
                }
                let slope = (matrix[q][q] - matrix[p][p]) / (2.0 * entry);
                let t = slope.signum() / (slope.abs() + (slope * slope + 1.0).sqrt());
                let t = if slope == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in &mut matrix {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (low, high) = matrix.split_at_mut(q);
                for (a, b) in low[p].iter_mut().zip(&mut high[0]) {
                    (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
                }
            }
        }
        if off < 1e-26 {
            break;
        }
    }
    let mut values: Vec<f64> = (0..size).map(|k| matrix[k][k]).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The first `particles` of rows and columns of three components, in as many dimensions as there are.
fn hessian(configuration: &Configuration) -> Vec<Vec<f64>> {
    Reference::new(configuration, inverse_power).hessian(0.0)
}

fn quenched(folder: &Path, dimension: usize) -> Configuration {
    let (particles, density) = [(50, 0.86), (40, 0.82)][dimension - 2];
    let liquid = Configuration::mixture(dimension, particles, density, 0.5, 3);
    liquid.write(folder, "liquid.xyz");
    let quench = ["quench", "liquid.xyz", "-m", "ipl", "-o", "glass.xyz"];
    succeed(folder, &quench);
    liquid.read_positions(folder, "glass.xyz")
}

#[test]
fn eigenvalues_and_vectors_are_those_of_the_whole_hessian() {
    for dimension in [2, 3] {
        let folder = folder(&format!("modes-glass-{dimension}"));
        let glass = quenched(&folder, dimension);
        let particles = glass.positions.len();
        let command = ["modes", "glass.xyz", "-m", "ipl", "--lowest", "20"];
        let result = json(&folder, &command);
        assert_keys(&result, &KEYS);
        assert_eq!(result["unstable_modes"], 0);
        assert_eq!(result["modes"], dimension * (particles - 1));
        let matrix = hessian(&glass);
        let expected = eigenvalues(matrix.clone());
        let found = numbers(&result["eigenvalues"]);
        assert_eq!(found.len(), 20);
        for (k, value) in found.iter().enumerate() {
            assert_close(*value, expected[dimension + k], 1e-9);
            let frequency = number(&result, &format!("/frequencies/{k}"));
            assert_close(frequency * frequency, *value, 1e-14);
            assert!(number(&result, &format!("/residuals/{k}")) <= 1e-10 * value);
        }

        let vectors = [&command[..], &["--vectors", "modes.npy", "--prove"]].concat();
        let again = json(&folder, &vectors);
        assert_keys(&again, &[&KEYS[..], &["paths"]].concat());
        assert_eq!(again["eigenvalues"], result["eigenvalues"]);
        assert_eq!(again["paths"][0], "modes.npy");
        let bytes = std::fs::read(folder.join("modes.npy")).unwrap();
        let shape = format!("'shape': (20, {particles}, {dimension},)");
        assert!(String::from_utf8_lossy(&bytes[..128]).contains(&shape));
        let components: Vec<f64> = bytes[128..]
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f64::from_le_bytes(*bytes))
            .collect();
        assert_eq!(components.len(), 20 * matrix.len());
        for (k, e) in components.chunks_exact(matrix.len()).enumerate() {
            for (row, component) in matrix.iter().zip(e) {
                let image: f64 = row.iter().zip(e).map(|(m, e)| m * e).sum();
                assert!((image - found[k] * component).abs() < 1e-9);
            }
            let squares: Vec<f64> = e
                .chunks_exact(dimension)
                .map(|z| z.iter().map(|c| c * c).sum())
                .collect();
            let fourth: f64 = squares.iter().map(|s| s * s).sum();
            let ratio = number(&result, &format!("/participation_ratios/{k}"));
            assert_close(ratio, 1.0 / (particles as f64 * fourth), 1e-12);
        }

        let vectors = [&command[..], &["--vectors", "modes.xyz"]].concat();
        let text = succeed(&folder, &vectors);
        assert!(text.starts_with("a minimum") && text.contains("written to modes.xyz"));
        let text = std::fs::read_to_string(folder.join("modes.xyz")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 20 * (particles + 2));
        assert!(lines[1].contains(":disp:R:3") && lines[1].contains(" mode=0 "));
        let words: Vec<&str> = lines[2].split(' ').collect();
        assert_eq!(words.len(), 7);
        assert_eq!(words[4].parse::<f64>().unwrap(), components[0]);
        // The frames are configurations like any other.
        let energy = json(
            &folder,
            &["energy", "modes.xyz", "-m", "ipl", "--frame", "19"],
        );
        assert_close(
            number(&energy, "/energy"),
            Reference::new(&glass, inverse_power).energy,
            1e-12,
        );
    }
}

#[test]
fn the_density_of_states_counts_all_modes_by_either_way() {
    let folder = folder("modes-dos");
    let glass = quenched(&folder, 3);
    let expected = eigenvalues(hessian(&glass));
    let dos = ["modes", "glass.xyz", "-m", "ipl", "--dos", "--bins", "12"];
    let result = json(&folder, &dos);
    let density = &result["density_of_states"];
    assert_keys(density, &["edges", "counts", "density", "reduced_density"]);
    let edges = numbers(&density["edges"]);
    let counts = numbers(&density["counts"]);
    assert!(edges[0] == 0.0 && (11..=13).contains(&counts.len()));
    let width = edges[1];
    for (bin, count) in counts.iter().enumerate() {
        let inside = |value: &&f64| (edges[bin]..edges[bin + 1]).contains(&value.sqrt());
        let inside = expected[3..].iter().filter(inside).count() as f64;
        assert_eq!(*count, inside);
        let states = inside / (117.0 * width);
        assert_close(number(density, &format!("/density/{bin}")), states, 1e-9);
        let volume = (edges[bin + 1].powi(3) - edges[bin].powi(3)) / 3.0;
        let reduced = number(density, &format!("/reduced_density/{bin}"));
        assert_close(reduced, inside / (117.0 * volume), 1e-9);
    }
    assert_eq!(counts.iter().sum::<f64>(), 117.0);
    let files = [
        "dos.csv",
        "dos.svg",
        "dos.png",
        "dos-reduced.svg",
        "dos-reduced.png",
    ];
    for (k, file) in files.iter().enumerate() {
        assert!(std::fs::metadata(folder.join(file)).unwrap().len() > 100);
        assert_eq!(result["paths"][k], *file);
    }
    let table = std::fs::read_to_string(folder.join("dos.csv")).unwrap();
    assert!(table.starts_with("low,high,count,density,reduced_density\n"));
    assert_eq!(table.lines().count(), 1 + counts.len());

    let counted = [
        "modes",
        "glass.xyz",
        "-m",
        "ipl",
        "--dos=counted",
        "--bins",
        "12",
    ];
    let counted = json(&folder, &[&counted[..], &["--by-counting"]].concat());
    assert_eq!(counted["density_of_states"], *density);
    assert!(folder.join("counted.csv").exists());
}

#[test]
fn a_saddle_is_called_one() {
    let folder = folder("modes-saddle");
    let liquid = Configuration::mixture(3, 40, 0.82, 0.5, 5);
    liquid.write(&folder, "liquid.xyz");
    let command = ["modes", "liquid.xyz", "-m", "ipl", "--lowest", "3"];
    fail(
        &folder,
        &command,
        &["force ratio", "vitreous quench liquid.xyz"],
    );
    let anything = [&command[..], &["--force-ratio-limit", "1e9"]].concat();
    let result = json(&folder, &[&anything[..], &["--dos"]].concat());
    let expected = eigenvalues(hessian(&liquid));
    let unstable = expected.iter().filter(|value| **value < -1e-6).count();
    assert!(unstable > 3);
    assert_eq!(result["unstable_modes"], unstable);
    for (k, value) in numbers(&result["eigenvalues"]).iter().enumerate() {
        assert_close(*value, expected[k], 1e-9);
        assert_close(
            number(&result, &format!("/frequencies/{k}")),
            -(-value).sqrt(),
            1e-14,
        );
    }
    let density = &result["density_of_states"];
    assert!(numbers(&density["edges"])[0] < 0.0 && density["reduced_density"][0].is_null());
    assert_eq!(numbers(&density["counts"]).iter().sum::<f64>(), 117.0);
    let text = succeed(&folder, &anything);
    assert!(text.starts_with(&format!("a saddle: {unstable} of its 117 modes")));
    assert!(text.contains("imaginary"));
}

#[test]
fn requests_that_make_no_sense() {
    let folder = folder("modes-bad");
    Configuration::face_centred_cubic(3).write(&folder, "good.xyz");
    let modes = |more: &[&'static str]| [&["modes", "good.xyz", "-m", "ipl"], more].concat();
    fail(&folder, &modes(&["--lowest", "322"]), &["321", "322"]);
    fail(&folder, &modes(&["--lowest", "0"]), &["--lowest"]);
    fail(&folder, &modes(&["--bins", "3"]), &["--dos"]);
    fail(&folder, &modes(&["--by-counting"]), &["--dos"]);
    fail(&folder, &modes(&["--dos=nowhere/x"]), &["nowhere/x.csv"]);
    fail(&folder, &modes(&["--dos=.."]), &["--dos=.."]);
    fail(
        &folder,
        &modes(&["--vectors", "nowhere/x.xyz"]),
        &["nowhere/x.xyz"],
    );
    let all = json(&folder, &modes(&["--lowest", "321"]));
    assert_eq!(all["eigenvalues"].as_array().unwrap().len(), 321);
}
