//! Runs that survive: whatever interrupts them, damages their files or gets in their way.

mod disks;
mod kills;

use super::program::{assert_keys, command, fail, folder, json, run, succeed};
use super::study::{assert_same, checkpoint_times, files};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// About a second of work, with a hundred checkpoints or so.
const STUDY: &str = r#"model = "ipl"
dimension = 2
particles = 60
temperatures = [2.0, 1.4]
runs = 2
seed = 3

[liquid]
checkpoint_interval = 500

[equilibration]
first_window = 4

[production]
relaxation_times = 4
longest = 8
longest_lag = 1.5
lags_per_decade = 6
wave_vectors = 8

[glasses]
per_run = 2
interactions = 5

[analysis]
resamples = 100
"#;

fn with_study(name: &str, text: &str) -> PathBuf {
    let folder = folder(name);
    std::fs::write(folder.join("study.toml"), text).unwrap();
    folder
}

fn arguments<'a>(output: &'a str, threads: &'a str) -> Vec<&'a str> {
    vec!["run", "study.toml", "-o", output, "-t", threads, "--quiet"]
}

/// Runs to the end; what was said on the way.
fn complete(folder: &Path, output: &str) -> String {
    let finished = run(folder, &arguments(output, "2")[..6]);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    finished.stderr
}

fn start(folder: &Path, output: &str, threads: &str) -> Child {
    command(folder, &arguments(output, threads))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn status(folder: &Path, output: &str) -> Value {
    json(folder, &["status", output])
}

/// Waits until something holds, for a minute at most.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn has_checkpoint(output: &Path, ending: &str) -> bool {
    std::fs::read_dir(output.join("checkpoints")).is_ok_and(|mut entries| {
        entries.any(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            !name.starts_with('.') && name.ends_with(ending)
        })
    })
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// The results in an output folder: everything but checkpoints and what is being made.
fn results(output: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let visible = |name: &Path| {
        let first = name.iter().next().unwrap().to_str().unwrap();
        first != "checkpoints" && !first.starts_with('.')
    };
    files(output)
        .into_iter()
        .filter(|(name, _)| visible(name))
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect()
}

/// An uninterrupted run, its results and how long it takes.
fn reference(folder: &Path, output: &str) -> (BTreeMap<PathBuf, Vec<u8>>, Duration) {
    let begun = Instant::now();
    complete(folder, output);
    (results(&folder.join(output)), begun.elapsed())
}

/// A limit that was met and raised leaves no trace.
#[test]
fn a_run_that_was_too_slow_goes_on_as_if_it_had_never_been() {
    let slow = STUDY.replace("[2.0, 1.4]", "[0.9]");
    let folder = with_study("survive-slow", &slow);
    complete(&folder, "whole");
    let short = slow.replace("first_window = 4", "first_window = 4\nlongest = 5");
    std::fs::write(folder.join("study.toml"), short).unwrap();
    complete(&folder, "out");
    let run = &status(&folder, "out")["temperatures"][0]["runs"][0];
    assert_eq!(run["equilibrated"], false);
    std::fs::write(folder.join("study.toml"), &slow).unwrap();
    let said = complete(&folder, "out");
    assert!(
        said.contains("equilibration.longest from 5.0 to 100000.0"),
        "{said}"
    );
    let out = results(&folder.join("out"));
    assert_eq!(out, results(&folder.join("whole")));
}

/// What a run measures does not depend on how long it was going to be.
#[test]
fn runs_that_were_continued_have_the_bits_of_longer_ones() {
    // Tolerances that nothing meets, so that runs are as long as they may be.
    let strict = STUDY.replace(
        "resamples = 100",
        "resamples = 100\nenergy_tolerance = 1e-9",
    );
    let folder = with_study("survive-longer", &strict);
    complete(&folder, "whole");
    let short = strict.replace("longest = 8", "longest = 4");
    std::fs::write(folder.join("study.toml"), short).unwrap();
    complete(&folder, "out");
    assert_ne!(results(&folder.join("out")), results(&folder.join("whole")));
    std::fs::write(folder.join("study.toml"), &strict).unwrap();
    complete(&folder, "out");
    assert_eq!(results(&folder.join("out")), results(&folder.join("whole")));
}

#[test]
fn a_second_run_in_a_folder_is_refused_as_long_as_the_first_lives() {
    let folder = with_study("survive-two", STUDY);
    let mut first = start(&folder, "out", "1");
    wait_until("nothing was stored", || {
        has_checkpoint(&folder.join("out"), ".equilibration")
    });
    let id = first.id().to_string();
    fail(
        &folder,
        &arguments("out", "1"),
        &[
            "out",
            &format!("process {id}"),
            "since 20",
            "vitreous status",
            "--output",
        ],
    );
    let running = status(&folder, "out");
    assert_eq!(running["running"], true);
    assert_eq!(running["process"].to_string(), id);
    assert_eq!(running["results"], "none");
    let text = succeed(&folder, &["status", "out"]);
    assert!(text.contains(&format!("process {id}")), "{text}");
    // The lock is that of a living process.
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(status(&folder, "out")["running"], false);
    complete(&folder, "out");
    assert!(first.wait().is_ok());
}

#[test]
fn whoever_looks_does_not_disturb() {
    let folder = with_study("survive-look", STUDY);
    complete(&folder, "whole");
    let mut child = start(&folder, "out", "2");
    let progress = folder.join("out/checkpoints/progress.json");
    wait_until("no journal", || progress.exists());
    let mut looks = 0;
    while child.try_wait().unwrap().is_none() {
        assert_eq!(status(&folder, "out")["problems"], serde_json::json!([]));
        looks += 1;
    }
    assert!(looks > 3, "{looks}");
    assert!(child.wait().unwrap().success());
    assert_same(&folder.join("out"), &folder.join("whole"));
    // Nor do many who begin at once: one works, the others are refused.
    let mut all: Vec<Child> = (0..4).map(|_| start(&folder, "one", "1")).collect();
    let good = all
        .iter_mut()
        .filter_map(|child| child.wait().unwrap().code());
    let good = good.filter(|&code| code == 0).count();
    assert!(good >= 1, "none worked");
    assert_same(&folder.join("one"), &folder.join("whole"));
}

#[test]
fn damaged_checkpoints_are_named_and_computed_again() {
    let folder = with_study("survive-damaged", STUDY);
    complete(&folder, "whole");
    complete(&folder, "out");
    let one = |ending: &str, number: usize| {
        let all = files(&folder.join("out/checkpoints")).into_iter();
        let mut all = all.filter(|(name, _)| name.to_string_lossy().ends_with(ending));
        all.nth(number).unwrap()
    };
    let (edited, path) = one(".equilibration", 0);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let (short, path) = one(".production", 1);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
    let (empty, path) = one(".glass", 0);
    std::fs::write(&path, "").unwrap();
    let ((renamed, to), (_, from)) = (one(".glass", 5), one(".glass", 4));
    std::fs::copy(from, &to).unwrap();
    let (foreign, path) = one(".glass", 2);
    std::fs::write(&path, "vitreous glass 1\nsomething").unwrap();

    let problems = status(&folder, "out")["problems"].to_string();
    let said = [
        (&edited, "checksum", true),
        (&short, "cut short", true),
        (&empty, "does not begin", true),
        (&renamed, "another input", false),
        (&foreign, "format 1", false),
    ];
    for (name, reason, seen) in &said {
        let name = name.to_str().unwrap();
        assert_eq!(problems.contains(name), *seen, "{problems}");
        assert_eq!(problems.contains(reason), *seen, "{problems}");
    }
    // Warnings are no progress: --quiet does not keep them back.
    let again = run(&folder, &arguments("out", "2"));
    assert_eq!(again.status, Some(0), "{}", again.stderr);
    for (name, reason, _) in &said {
        let name = name.to_str().unwrap();
        let own = |line: &&str| line.contains(name);
        let line = again.stderr.lines().find(own).unwrap();
        assert!(line.starts_with("warning: "), "{line}");
        assert!(line.contains(reason) && line.contains("again"), "{line}");
    }
    assert_eq!(again.stderr.lines().count(), said.len());
    assert_same(&folder.join("out"), &folder.join("whole"));
    assert_eq!(status(&folder, "out")["problems"], serde_json::json!([]));

    // A journal that was damaged is written anew; results that were edited too.
    std::fs::write(folder.join("out/checkpoints/progress.json"), "{").unwrap();
    fail(&folder, &["status", "out"], &["progress.json", "again"]);
    std::fs::write(folder.join("out/states.csv"), "T\n1\n").unwrap();
    complete(&folder, "out");
    std::fs::write(folder.join("out/fit.csv"), "T\n1\n").unwrap();
    let found = status(&folder, "out");
    assert_eq!(found["results"], "changed");
    assert!(found["problems"].to_string().contains("fit.csv"));
    assert!(!found["problems"].to_string().contains("states.csv"));
    complete(&folder, "out");
    assert_same(&folder.join("out"), &folder.join("whole"));
}

#[test]
fn batch_systems_and_closed_terminals() {
    let folder = with_study("survive-signals", STUDY);
    complete(&folder, "whole");
    // SIGTERM is a request to stop at the next checkpoint, with the status that shells give it.
    let mut child = start(&folder, "out", "2");
    wait_until("nothing was stored", || {
        has_checkpoint(&folder.join("out"), ".production")
    });
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    let stopped = status(&folder, "out");
    assert_eq!(stopped["running"], false);
    assert_eq!(stopped["results"], "none");
    let text = succeed(&folder, &["status", "out"]);
    assert!(text.contains("not running since"), "{text}");
    complete(&folder, "out");
    assert_same(&folder.join("out"), &folder.join("whole"));

    // A run under nohup outlives its terminal.
    let script = format!(
        "trap '' HUP; exec '{}' {}",
        env!("CARGO_BIN_EXE_vitreous"),
        arguments("detached", "2").join(" ")
    );
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .current_dir(&folder)
        .spawn()
        .unwrap();
    wait_until("nothing was stored", || {
        has_checkpoint(&folder.join("detached"), ".equilibration")
    });
    signal(&child, "-HUP");
    assert!(child.wait().unwrap().success());
    assert_same(&folder.join("detached"), &folder.join("whole"));
}

#[test]
fn status_says_what_is_done_and_left() {
    let folder = with_study("survive-status", STUDY);
    fail(
        &folder,
        &["status", "nowhere"],
        &["nowhere", "vitreous run"],
    );
    fail(&folder, &["status", "."], &["no study", "output folder"]);
    complete(&folder, "out");
    let whole = status(&folder, "out");
    assert_keys(
        &whole,
        &[
            "title",
            "folder",
            "running",
            "process",
            "host",
            "started",
            "updated",
            "threads",
            "search",
            "temperatures",
            "elapsed_seconds",
            "seconds_left",
            "at_least",
            "results",
            "page",
            "problems",
            "unused",
        ],
    );
    assert_eq!(whole["results"], "complete");
    assert_eq!(whole["page"], "out/index.html");
    assert_eq!(whole["seconds_left"], 0.0);
    assert_eq!(whole["at_least"], false);
    let runs = |status: &Value| -> Vec<Value> {
        let temperatures = status["temperatures"].as_array().unwrap().iter();
        temperatures
            .flat_map(|temperature| temperature["runs"].as_array().unwrap().clone())
            .collect()
    };
    assert_eq!(runs(&whole).len(), 4);
    for run in runs(&whole) {
        assert_eq!(run["equilibrated"], true);
        assert_eq!(run["production_steps"], run["production_steps_expected"]);
        // Several checkpoints each, or kills would meet none.
        assert!(run["production_steps"].as_u64().unwrap() > 3 * 500);
        assert_eq!(
            (&run["glasses"], &run["glasses_expected"]),
            (&2.into(), &2.into())
        );
    }
    let text = succeed(&folder, &["status", "out"]);
    for word in ["complete", "2 done", "100 %", "4 of 4", "out/index.html"] {
        assert!(text.contains(word), "{text}");
    }

    // What is left grows less, and is nothing in the end.
    let long = STUDY.replace("longest = 8", "longest = 128");
    std::fs::write(folder.join("study.toml"), long.replace("1.4", "1.1")).unwrap();
    let mut child = start(&folder, "out", "2");
    let progress = |status: &Value| -> u64 {
        let sum = |key| {
            runs(status)
                .iter()
                .filter_map(|run| run[key].as_u64())
                .sum::<u64>()
        };
        sum("equilibration_steps") + sum("production_steps") + sum("glasses")
    };
    let (mut last, mut seen, mut earlier) = (0, 0, 0);
    while child.try_wait().unwrap().is_none() {
        let now = status(&folder, "out");
        if now["running"] == true && now["process"] == child.id() {
            // The last looks may meet the exchange of results.
            earlier += u32::from(now["results"] == "earlier");
            assert!(
                ["earlier", "unfinished", "complete"].contains(&now["results"].as_str().unwrap())
            );
            assert!(progress(&now) >= last, "{now}");
            seen += u32::from(progress(&now) > last);
            last = progress(&now);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(child.wait().unwrap().success());
    assert!(seen >= 2 && earlier >= 2, "{seen} {earlier}");
    assert_eq!(status(&folder, "out")["results"], "complete");
}
