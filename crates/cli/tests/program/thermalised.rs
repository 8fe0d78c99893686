//! `vitreous run`: states that are not in equilibrium, and states by relaxation time.

use super::program::{fail, folder, run};
use std::collections::BTreeMap;
use std::path::Path;

const STUDY: &str = r#"model = "ipl"
particles = 100
temperatures = [2.0, 1.6, 1.3]
runs = 3
seed = 3

[equilibration]
first_window = 10

[production]
relaxation_times = 6
longest = 6

[glasses]
per_run = 2
interactions = 10

[analysis]
resamples = 200
activated_above = 0.1
"#;

/// Runs a study and returns what it said.
fn complete(folder: &Path, study: &str, output: &str) -> String {
    std::fs::write(folder.join("study.toml"), study).unwrap();
    let finished = run(folder, &["run", "study.toml", "--output", output]);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    finished.stderr
}

/// The rows of a table, each a map from column to cell.
fn table(folder: &Path, output: &str, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join(output).join(name)).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn numbers(rows: &[BTreeMap<String, String>], column: &str) -> Vec<f64> {
    rows.iter()
        .map(|row| row[column].parse().unwrap())
        .collect()
}

#[test]
fn temperatures_are_found_for_relaxation_times() {
    let folder = folder("targets");
    let study = STUDY.replace(
        "temperatures = [2.0, 1.6, 1.3]",
        "target_relaxation_times = [4, 1, 2]",
    );
    let said = complete(&folder, &study, "out");
    assert!(said.contains("tau_alpha/t0 = 2: T = "), "{said}");
    let states = table(&folder, "out", "states.csv");
    let found = numbers(&states, "tau_alpha_over_t0");
    assert_eq!(found.len(), 3);
    for (found, target) in found.iter().zip([1.0, 2.0, 4.0]) {
        // One run of a hundred particles knows its relaxation time to some 15 per cent, and so does the study.
        let ratio: f64 = found / target;
        assert!(ratio.ln().abs() < 0.4, "{found} for {target}");
    }
    // The study that was run names the temperatures, and is the same study.
    let resolved = std::fs::read_to_string(folder.join("out/study.resolved.toml")).unwrap();
    assert!(!resolved.contains("target_relaxation_times"));
    complete(&folder, &resolved, "again");
    let read = |output: &str| std::fs::read(folder.join(output).join("states.csv")).unwrap();
    assert_eq!(read("out"), read("again"));

    for (keys, words) in [
        (
            "temperatures = [1.0]\ntarget_relaxation_times = [2]",
            ["temperatures", "keep one"],
        ),
        (
            "target_relaxation_times = []",
            ["target_relaxation_times", "empty"],
        ),
        (
            "target_relaxation_times = [-1]",
            ["target_relaxation_times", "-1"],
        ),
        ("", ["temperatures", "target_relaxation_times"]),
    ] {
        let bad = STUDY.replace("temperatures = [2.0, 1.6, 1.3]", keys);
        std::fs::write(folder.join("study.toml"), bad).unwrap();
        fail(&folder, &["run", "study.toml", "--output", "bad"], &words);
    }
    // Out of reach: the error says how far it came.
    let far = study
        .replace("[4, 1, 2]", "[1, 1e6]")
        .replace("first_window = 10", "first_window = 10\nlongest = 60");
    std::fs::write(folder.join("study.toml"), far).unwrap();
    let arguments = ["run", "study.toml", "--output", "far"];
    let finished = run(&folder, &arguments);
    assert_eq!(finished.status, Some(1));
    for word in [
        "tau_alpha/t0 = 1000000",
        "equilibration.longest",
        "the coldest that relaxed",
    ] {
        assert!(finished.stderr.contains(word), "{}", finished.stderr);
    }
}

#[test]
fn a_state_that_is_not_equilibrated_is_marked_everywhere() {
    let folder = folder("too-slow");
    // Two windows of 10 and 20 t0 do not hold two relaxation times at T = 0.72.
    let study = STUDY
        .replace("[2.0, 1.6, 1.3]", "[2.0, 1.6, 0.72]")
        .replace("first_window = 10", "first_window = 10\nlongest = 25");
    let said = complete(&folder, &study, "out");
    assert!(
        said.contains("T = 0.72: not equilibrated within equilibration.longest"),
        "{said}"
    );
    let states = table(&folder, "out", "states.csv");
    assert_eq!(states[2]["thermalised"], "no");
    assert_ne!(states[0]["thermalised"], "no");
    for (name, rows) in [
        ("correlations.csv", 1),
        ("glasses.csv", 6),
        ("dipole_stiffness.csv", 60),
    ] {
        let cold: Vec<_> = table(&folder, "out", name)
            .into_iter()
            .filter(|row| row["temperature"] == "0.72")
            .collect();
        assert!(cold.len() >= rows, "{name}");
        assert!(cold.iter().all(|row| row["thermalised"] == "no"), "{name}");
    }
    // Not one of the points of a line.
    let fit = table(&folder, "out", "fit.csv");
    assert!(fit.iter().all(|row| row["temperature"] != "0.72"));
    let page = std::fs::read_to_string(folder.join("out/index.html")).unwrap();
    assert!(page.contains("Open symbols"));

    // More patience goes on where it stopped, to what patience would have given at once.
    let patient = study.replace("longest = 25", "longest = 500");
    complete(&folder, &patient, "out");
    complete(&folder, &patient, "fresh");
    let read = |output: &str| std::fs::read(folder.join(output).join("states.csv")).unwrap();
    assert!(read("out") == read("fresh"));
    let states = table(&folder, "out", "states.csv");
    assert_ne!(states[2]["thermalised"], "no");
}

#[test]
fn runs_go_on_until_they_tell() {
    let folder = folder("longer");
    // Halves of three relaxation times of a hundred particles tell nothing to one per cent.
    let study = format!("{STUDY}drift_tolerance = 0.01\n");
    complete(&folder, &study, "short");
    let origins = |output: &str| {
        let rows = table(&folder, output, "correlations.csv");
        let hot = rows.iter().filter(|row| row["temperature"] == "2");
        hot.map(|row| row["origins"].parse::<f64>().unwrap())
            .fold(0.0, f64::max)
    };
    let longer = study.replace("longest = 6", "longest = 24");
    complete(&folder, &longer, "long");
    let ratio = origins("long") / origins("short");
    // Two doublings where nothing is known; none of the halves may be dropped more often than that.
    assert!(ratio > 1.5, "{ratio}");
    let states = table(&folder, "long", "states.csv");
    assert!(states.iter().all(|row| row["thermalised"] != "yes"));
    let short = table(&folder, "short", "states.csv");
    assert_eq!(numbers(&short, "glasses"), numbers(&states, "glasses"));

    // A finished study goes on when it may take longer, to the same bits.
    complete(&folder, &longer, "short");
    for name in ["states.csv", "correlations.csv", "glasses.csv", "fit.csv"] {
        let read = |output: &str| std::fs::read(folder.join(output).join(name)).unwrap();
        assert!(read("short") == read("long"), "{name}");
    }

    // With wide tolerances the first look is enough.
    let easy = longer.replace(
        "drift_tolerance = 0.01",
        "drift_tolerance = 3\nenergy_tolerance = 3",
    );
    complete(&folder, &easy, "easy");
    let states = table(&folder, "easy", "states.csv");
    assert!(states.iter().all(|row| row["thermalised"] == "yes"));
    assert!(origins("easy") < 1.01 * origins("short") && origins("easy") < origins("long"));
}

#[test]
fn a_ramp_cools_at_its_rate() {
    let folder = folder("ramp");
    let with = |rate: &str| {
        STUDY.replace(
            "first_window = 10",
            &format!("first_window = 10\ncooling_rate = {rate}"),
        )
    };
    complete(&folder, STUDY, "quench");
    complete(&folder, &with("0.5"), "fast");
    complete(&folder, &with("0.05"), "slow");
    let energies =
        |output: &str| numbers(&table(&folder, output, "states.csv"), "potential_energy");
    let (quench, fast, slow) = (energies("quench"), energies("fast"), energies("slow"));
    for index in 0..3 {
        // Other trajectories of the same hot liquid: the energy per particle fluctuates by T/sqrt(N) and is averaged over runs.
        assert_ne!(quench[index], fast[index]);
        assert_ne!(slow[index], fast[index]);
        assert!(
            (quench[index] - slow[index]).abs() < 0.2,
            "{quench:?} {slow:?}"
        );
    }
    std::fs::write(folder.join("study.toml"), with("-1")).unwrap();
    fail(
        &folder,
        &["run", "study.toml", "--output", "bad"],
        &["equilibration.cooling_rate", "-1"],
    );
}
