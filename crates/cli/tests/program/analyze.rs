//! Trajectories of other codes, analysed.

use super::configuration::Configuration;
use super::program::{assert_close, assert_keys, command, fail, folder, json, number, succeed};
use super::trajectories::{
    STEPS, as_dump, as_xyz, check_against_brute_force, free_walk, numbers, table, walk,
};
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

#[test]
fn formats_agree_with_each_other_and_with_brute_force() {
    let folder = folder("analyze-brute-force");
    for (dimension, particles, density, shear) in [(3, 60, 0.9, 0.4), (2, 45, 0.8, -0.3)] {
        let start = Configuration::mixture(dimension, particles, density, 0.6, 3).sheared(shear);
        let frames = walk(&start, 5);
        std::fs::write(folder.join("run.xyz"), as_xyz(&frames)).unwrap();
        std::fs::write(folder.join("run.dump"), as_dump(&frames)).unwrap();
        let mut tables = Vec::new();
        for (file, time_step) in [("run.xyz", None), ("run.dump", Some("0.5"))] {
            let mut arguments = vec![
                "analyze",
                file,
                "-o",
                "out",
                "--wave-number",
                "6.5",
                "--overlap-radius",
                "0.4",
                "--lags-per-decade",
                "30",
                "--longest-lag",
                "40",
            ];
            arguments.extend(time_step.iter().flat_map(|step| ["--time-step", *step]));
            let results = json(&folder, &arguments);
            assert_eq!(results["dimension"], dimension);
            assert_eq!(results["frames"], STEPS.len());
            assert_close(number(&results, "/density"), density, 1e-12);
            assert_eq!(number(&results, "/dynamics/time_step"), 0.5);
            assert_eq!(number(&results, "/dynamics/steps"), 40.0);
            let output = folder.join("out");
            if dimension == 2 {
                check_against_brute_force::<2>(&frames, &output, 6.5, 0.4);
            } else {
                check_against_brute_force::<3>(&frames, &output, 6.5, 0.4);
            }
            tables.push(
                ["correlations", "pair_correlation", "collective"].map(|name| {
                    let columns = table(&output.join(format!("{name}.csv")));
                    let columns = columns.into_iter().filter(|(name, _)| name != "species");
                    // Names of columns differ by the labels of species, but not in their order.
                    columns
                        .map(|(_, cells)| numbers(&cells))
                        .collect::<Vec<_>>()
                }),
            );
        }
        for (left, right) in tables[0].iter().flatten().zip(tables[1].iter().flatten()) {
            assert_eq!(left.len(), right.len());
            for (left, right) in left.iter().zip(right) {
                // Densities are sums of up to 60 phases; standard errors are differences of nearly equal numbers.
                let same = (left - right).abs() < 1e-9 * (1.0 + left.abs());
                assert!(same || left.is_nan() && right.is_nan(), "{left} {right}");
            }
        }
    }
}

/// The trajectories that LAMMPS, HOOMD-blue's `gsd`, ASE and OVITO wrote of one run: see the folder.
fn sample(name: &str) -> String {
    format!(
        "{}/../md-core/tests/data/{name}",
        env!("CARGO_MANIFEST_DIR")
    )
}

#[test]
fn files_of_other_codes_give_the_same_numbers() {
    let folder = folder("analyze-codes");
    let analyze = |name: &str, first: &str| {
        let file = sample(name);
        let arguments = [
            "analyze",
            &file,
            "-o",
            "out",
            "--wave-number",
            "6",
            "--first",
            first,
            "--time-step",
            "0.004",
        ];
        let results = json(&folder, &arguments);
        let table = table(&folder.join("out/correlations.csv"));
        (results, table)
    };
    for first in ["0", "1"] {
        let (reference, expected) = analyze("images.dump", first);
        assert_eq!(reference["species"][0]["label"], "1");
        assert!(numbers(&expected["msd"])[0] > 0.1);
        let names = if first == "0" {
            [
                "unwrapped.dump",
                "scaled.dump",
                "images.gsd",
                "ase.xyz",
                "ovito.xyz",
            ]
            .as_slice()
        } else {
            &["wrapped.gsd"]
        };
        for name in names {
            // The file has one frame less.
            let (results, found) = analyze(name, if *name == "wrapped.gsd" { "0" } else { first });
            assert_eq!(results["frames"], reference["frames"], "{name}");
            for column in ["msd", "alpha_2", "F_s", "overlap", "chi_F_s"] {
                let pairs = numbers(&found[column])
                    .into_iter()
                    .zip(numbers(&expected[column]));
                for (found, expected) in pairs {
                    // GSD has 24 bits; F_s changes by q dr, alpha_2 by some dr over the smallest displacements.
                    assert!(
                        (found - expected).abs() < 1e-4,
                        "{name} {column}: {found} {expected}"
                    );
                }
            }
        }
    }
    // OVITO leaves out the steps: frames are what times are counted in.
    let file = sample("ovito.xyz");
    let results = json(
        &folder,
        &["analyze", &file, "-o", "out", "--wave-number", "6"],
    );
    assert_eq!(results["dynamics"]["time_unit"], "frames");
}

#[test]
fn everything_is_written_and_described() {
    let folder = folder("analyze-files");
    let file = sample("images.dump");
    let results = json(
        &folder,
        &["analyze", &file, "-o", "new/out", "--wave-number", "6"],
    );
    assert_keys(
        &results,
        &[
            "trajectory",
            "format",
            "dimension",
            "frames",
            "particles",
            "density",
            "length_unit",
            "dynamics",
            "peak",
            "species",
            "notes",
            "paths",
        ],
    );
    assert_keys(
        &results["dynamics"],
        &[
            "steps",
            "time_step",
            "time_unit",
            "wave_number",
            "wave_vectors",
            "overlap_radius",
        ],
    );
    assert_keys(
        &results["species"][0],
        &[
            "label",
            "particles",
            "relaxation_time",
            "relaxation_time_error",
            "diffusion_coefficient",
            "diffusion_coefficient_error",
            "non_gaussian_maximum",
            "non_gaussian_time",
            "susceptibility_maximum",
            "susceptibility_time",
        ],
    );
    // Steps of 40 at times of 0.16.
    assert_eq!(results["dynamics"]["time_unit"], "file");
    assert_close(number(&results, "/dynamics/time_step"), 0.004, 1e-12);
    let paths: Vec<&str> = results["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p.as_str().unwrap())
        .collect();
    assert_eq!(paths.len(), 5 + 2 * 6 + 2);
    for path in paths {
        assert!(
            std::fs::metadata(folder.join(path)).unwrap().len() > 0,
            "{path}"
        );
    }
}

#[test]
fn tables_are_described_and_normalised_and_the_same_every_time() {
    let folder = folder("analyze-tables");
    let file = sample("images.dump");
    let analyze = ["analyze", &file, "-o", "new/out", "--wave-number", "6"];
    let results = json(&folder, &analyze);
    let sidecar = std::fs::read(folder.join("new/out/results.json")).unwrap();
    let sidecar: Value = serde_json::from_slice(&sidecar).unwrap();
    assert_eq!(sidecar["results"]["species"], results["species"]);
    for name in [
        "correlations",
        "collective",
        "displacements",
        "pair_correlation",
        "structure_factor",
    ] {
        let columns = table(&folder.join(format!("new/out/{name}.csv")));
        let meanings = sidecar["tables"][name].as_object().unwrap();
        assert_eq!(columns.len(), meanings.len());
        assert!(columns.keys().all(|column| meanings.contains_key(column)));
    }
    // Distributions are normalised: each is a sum over bins of one width.
    let columns = table(&folder.join("new/out/displacements.csv"));
    let (x, density) = (numbers(&columns["x"]), numbers(&columns["density"]));
    let sum: f64 = density[..120].iter().sum::<f64>() * (x[1] - x[0]);
    // Some displacements lie beyond four standard deviations.
    assert!((0.97..=1.0 + 1e-9).contains(&sum), "{sum}");
    let page = std::fs::read_to_string(folder.join("new/out/index.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 6);
    let text = succeed(
        &folder,
        &[
            "analyze",
            &file,
            "-o",
            "new/out",
            "--wave-number",
            "6",
            "--threads",
            "1",
        ],
    );
    assert!(
        text.contains("5 frames of 27 particles in 3 dimensions (LAMMPS dump)"),
        "{text}"
    );
    let again: Value =
        serde_json::from_slice(&std::fs::read(folder.join("new/out/results.json")).unwrap())
            .unwrap();
    assert_eq!(again, sidecar);
}

/// Walks of independent steps, uniform in `(-h, h)` along each axis: `D = h^2/6`, and what a fixed centre of mass takes off. The scatter of
/// the numbers of many walks is what the standard errors of one should say.
#[test]
fn standard_errors_of_derived_numbers_are_the_scatter_over_trajectories() {
    const WALKS: u64 = 10;
    let folder = folder("analyze-errors");
    let (reach, particles) = (0.16, 40);
    let mut found = [Vec::new(), Vec::new()];
    for seed in 1..=WALKS {
        let start = Configuration::mixture(3, particles, 0.9, 0.5, seed);
        let frames = free_walk(&start, reach, 400, 100 + seed);
        std::fs::write(folder.join("walk.xyz"), frames).unwrap();
        let arguments = ["analyze", "walk.xyz", "-o", "out", "--wave-number", "6"];
        let results = json(&folder, &arguments);
        for species in ["/species/0", "/species/1"] {
            for (name, pairs) in ["relaxation_time", "diffusion_coefficient"]
                .iter()
                .zip(&mut found)
            {
                let value = number(&results, &format!("{species}/{name}"));
                let error = number(&results, &format!("{species}/{name}_error"));
                pairs.push((value, error));
            }
        }
        assert!(!results["notes"].to_string().contains("standard error"));
    }
    let diffusion = reach * reach / 6.0 * (1.0 - 1.0 / particles as f64);
    let relaxation = 5_f64.ln() / (36.0 * diffusion);
    for (pairs, exact, bias) in [
        // The cosine of a step is not quite that of a Gaussian one, and the shell of wave vectors not quite at 6.
        (&found[0], relaxation, 0.05),
        (&found[1], diffusion, 0.0),
    ] {
        let count = pairs.len() as f64;
        let mean = pairs.iter().map(|(value, _)| value).sum::<f64>() / count;
        let squares = pairs.iter().map(|(value, _)| (value - mean).powi(2));
        let scatter = (squares.sum::<f64>() / (count - 1.0)).sqrt();
        let error = pairs.iter().map(|(_, error)| error * error).sum::<f64>();
        let error = (error / count).sqrt();
        assert!(
            (mean - exact).abs() < 4.0 * scatter / count.sqrt() + bias * exact,
            "{mean} for {exact}, scatter {scatter}"
        );
        // Twenty values know their scatter to a sixth; pairs of frames across stretches make the numbers of the whole a little better.
        assert!(
            (0.6..1.8).contains(&(error / scatter)),
            "{error} for {scatter}"
        );
    }
    // A trajectory that is long enough for numbers, but not for their errors.
    let arguments = [
        "analyze",
        "walk.xyz",
        "-o",
        "out",
        "--wave-number",
        "6",
        "--last",
        "60",
    ];
    let results = json(&folder, &arguments);
    assert!(results["species"][0]["relaxation_time"].is_number());
    assert!(results["species"][0]["relaxation_time_error"].is_null());
    assert!(
        results["notes"]
            .to_string()
            .contains("no standard error of the relaxation time of species A"),
        "{results}"
    );
}

#[test]
fn pipes_selections_and_the_order_of_species() {
    let folder = folder("analyze-pipe");
    let arguments = [
        "analyze",
        "-",
        "-o",
        "out",
        "--wave-number",
        "6",
        "--species",
        "2,1",
        "--every",
        "2",
        "--json",
    ];
    let mut child = command(&folder, &arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let dump = std::fs::read(sample("images.dump")).unwrap();
    child.stdin.take().unwrap().write_all(&dump).unwrap();
    let output = child.wait_with_output().unwrap();
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results["frames"], 3);
    assert_eq!(results["species"][0]["label"], "2");
    // Wrapped positions of every second frame could not be followed here: the frames between were.
    let steps = table(&folder.join("out/correlations.csv"))["steps"].clone();
    assert_eq!(&steps[..1], ["80"]);
    let one = json(
        &folder,
        &[
            "analyze",
            &sample("scaled.dump"),
            "-o",
            "out",
            "--last",
            "0",
        ],
    );
    assert_eq!((&one["frames"], one.get("dynamics")), (&1.into(), None));
    assert!(
        one["notes"][0].as_str().unwrap().contains("one frame"),
        "{one}"
    );
    let structure = json(
        &folder,
        &[
            "analyze",
            &sample("plane.gsd"),
            "-o",
            "out",
            "--structure-only",
        ],
    );
    assert_eq!(
        (&structure["dimension"], structure.get("dynamics")),
        (&2.into(), None)
    );
}

#[test]
fn what_cannot_be_analysed_is_refused_with_the_reason() {
    let folder = folder("analyze-refused");
    let start = Configuration::mixture(3, 30, 0.9, 0.6, 3);
    let frames = walk(&start, 5);
    let good = as_dump(&frames);
    let check = |text: &str, more: &[&str], words: &[&str]| {
        std::fs::write(folder.join("run.dump"), text).unwrap();
        let arguments = [
            &["analyze", "run.dump", "-o", "out", "--wave-number", "6"],
            more,
        ]
        .concat();
        fail(&folder, &arguments, &[&["run.dump"], words].concat());
    };
    // In the last frame, which is the thirteenth.
    let last = good.rfind("ITEM: TIMESTEP").unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(good[last..].contains(from), "{from}");
        format!("{}{}", &good[..last], good[last..].replacen(from, to, 1))
    };
    let row = good.trim_end().lines().last().unwrap();
    check(
        &replaced("\n140\n", "\n133\n"),
        &[],
        &["frame 12", "step 133"],
    );
    let cut = good.replace(
        &format!(
            "{row}
"
        ),
        "",
    );
    check(&cut, &[], &["line", "the text ends where atom 30 of 30"]);
    let fewer = replaced("\n30\n", "\n29\n").replace(&format!("{row}\n"), "");
    check(&fewer, &[], &["frame 12", "29 particles instead of 30"]);
    let edge = start.cell[0][0];
    let wider = replaced(
        &format!("\n0 {edge} 0\n"),
        &format!("\n0 {} 0\n", 1.5 * edge),
    );
    check(&wider, &[], &["frame 12", "lattice vectors"]);
    let (kind, rest) = row.split_once(' ').unwrap();
    let other = format!("{} {rest}", 3 - kind.parse::<i32>().unwrap());
    check(&replaced(row, &other), &[], &["particle", "same order"]);
    let words: Vec<&str> = row.split(' ').collect();
    let particle = words[1].parse::<usize>().unwrap() - 1;
    let half = frames[11].positions[particle][0] + 0.5 * edge;
    let leap = format!("{} {} {half} {} {}", words[0], words[1], words[3], words[4]);
    let advice = [
        "--positions unwrapped",
        "--structure-only",
        "lattice vector 1",
        "frames 11 and 12",
    ];
    check(&replaced(row, &leap), &[], &advice);
    succeed(
        &folder,
        &[
            "analyze",
            "run.dump",
            "-o",
            "out",
            "--wave-number",
            "6",
            "--positions",
            "unwrapped",
        ],
    );
    succeed(
        &folder,
        &["analyze", "run.dump", "-o", "out", "--structure-only"],
    );
    check(&good.replace("type id", "type mol"), &[], &["no column id"]);
    check(&good, &["--first", "13"], &["no frame 13"]);
    check(&good, &["--species", "1"], &["line", "species '2'"]);
    check(&good, &["--species", "1,2,3"], &["label '3'"]);
    check("hello\n", &[], &["hello", "none of the known formats"]);
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    let folder = folder("analyze-arguments");
    let frames = walk(&Configuration::mixture(3, 30, 0.9, 0.6, 3), 5);
    std::fs::write(folder.join("run.dump"), as_dump(&frames)).unwrap();
    for (more, words) in [
        (["--wave-number", "-1"], ["--wave-number", "positive"]),
        (["--time-step", "0"], ["--time-step", "positive"]),
        (["--longest-lag", "0"], ["--longest-lag", "1 steps"]),
        (["--last", "x"], ["--last", "x"]),
    ] {
        let arguments = [["analyze", "run.dump", "-o", "out"].as_slice(), &more].concat();
        fail(
            &folder,
            &[
                &arguments[..],
                if more[0] == "--longest-lag" {
                    &["--wave-number", "6"]
                } else {
                    &[]
                },
            ]
            .concat(),
            &words,
        );
    }
    // Too small for a peak that stands out.
    fail(
        &folder,
        &["analyze", "run.dump", "-o", "out"],
        &["run.dump", "peak", "--wave-number"],
    );
    let times = as_xyz(&frames).replace("step=140 Time=70", "step=140 Time=71");
    std::fs::write(folder.join("run.xyz"), times).unwrap();
    let arguments = ["analyze", "run.xyz", "-o", "out", "--wave-number", "6"];
    fail(&folder, &arguments, &["run.xyz", "--time-step"]);
}
