//! `vitreous run`: a small hot liquid, stopped in every way.

use super::program::{command, fail, folder, run};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const STUDY: &str = r#"model = "ipl"
particles = 100
temperatures = [2.0, 1.6]
runs = 2
seed = 3

[equilibration]
first_window = 10

[production]
relaxation_times = 6

[glasses]
per_run = 2
interactions = 10

[analysis]
resamples = 200
"#;

fn with_study(name: &str) -> PathBuf {
    let folder = folder(name);
    std::fs::write(folder.join("study.toml"), STUDY).unwrap();
    folder
}

fn complete(folder: &Path, output: &str, threads: &str) -> String {
    let arguments = [
        "run",
        "study.toml",
        "--output",
        output,
        "--threads",
        threads,
    ];
    let finished = run(folder, &arguments);
    assert_eq!(finished.status, Some(0), "{}", finished.stderr);
    finished.stderr
}

/// Every file below a folder, by its path in it, apart from what depends on when and where the study was run.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, PathBuf> {
    fn visit(folder: &Path, root: &Path, all: &mut BTreeMap<PathBuf, PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("checkpoints/progress.json") || path.ends_with("checkpoints/lock") {
                continue;
            }
            if path.is_dir() {
                visit(&path, root, all);
            } else {
                all.insert(path.strip_prefix(root).unwrap().to_owned(), path);
            }
        }
    }
    let mut all = BTreeMap::new();
    visit(folder, folder, &mut all);
    all
}

/// Asserts that two folders hold the same files, bit for bit.
pub(crate) fn assert_same(left: &Path, right: &Path) {
    let (left, right) = (files(left), files(right));
    assert_eq!(
        left.keys().collect::<Vec<_>>(),
        right.keys().collect::<Vec<_>>()
    );
    for (name, path) in &left {
        let same = std::fs::read(path).unwrap() == std::fs::read(&right[name]).unwrap();
        assert!(same, "{} differs", name.display());
    }
}

/// When each checkpoint was written.
pub(crate) fn checkpoint_times(output: &Path) -> Vec<(PathBuf, SystemTime)> {
    let checkpoints = Path::new("checkpoints");
    let times = files(output)
        .into_iter()
        .filter(|(name, _)| name.starts_with(checkpoints) && !name.ends_with("study.toml"));
    times
        .map(|(name, path)| (name, path.metadata().unwrap().modified().unwrap()))
        .collect()
}

/// Starts a run and waits until it has stored something of a kind.
fn start_until(folder: &Path, output: &str, ending: &str) -> Child {
    let arguments = [
        "run",
        "study.toml",
        "--output",
        output,
        "--threads",
        "2",
        "--quiet",
    ];
    let child = command(folder, &arguments)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let checkpoints = folder.join(output).join("checkpoints");
    let start = Instant::now();
    let stored = || {
        std::fs::read_dir(&checkpoints).is_ok_and(|mut entries| {
            entries.any(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                !name.starts_with('.') && name.ends_with(ending)
            })
        })
    };
    while !stored() {
        assert!(
            start.elapsed() < Duration::from_mins(1),
            "nothing was stored"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_study_gives_the_same_bits_however_it_is_run() {
    let folder = with_study("study");
    complete(&folder, "one", "1");
    let one = folder.join("one");
    let names = files(&one);
    for name in [
        "study.resolved.toml",
        "states.csv",
        "correlations.csv",
        "glasses.csv",
        "dipole_stiffness.csv",
        "fit.csv",
        "results.json",
        "index.html",
    ] {
        assert!(names.contains_key(Path::new(name)), "{name} is missing");
    }
    for kind in ["svg", "png", "xyz"] {
        let found = names
            .keys()
            .any(|name| name.extension().is_some_and(|e| e == kind));
        assert!(found, "no {kind}");
    }
    let rows = std::fs::read_to_string(one.join("glasses.csv")).unwrap();
    assert_eq!(rows.lines().count(), 1 + 2 * 2 * 2);

    complete(&folder, "two", "2");
    assert_same(&one, &folder.join("two"));

    // Everything is there: nothing is computed again.
    let before = checkpoint_times(&one);
    complete(&folder, "one", "2");
    assert_eq!(checkpoint_times(&one), before);
    assert_same(&one, &folder.join("two"));

    // Damaged checkpoints are named, and computed again.
    let mut damaged = Vec::new();
    for (name, path) in files(&one.join("checkpoints")) {
        if name.to_string_lossy().contains("run0-") {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            std::fs::write(&path, bytes).unwrap();
            damaged.push(name);
        }
    }
    let said = complete(&folder, "one", "2");
    assert_eq!(said.matches("warning: ").count(), damaged.len(), "{said}");
    for name in damaged {
        assert!(said.contains(name.to_str().unwrap()), "{said}");
    }
    assert_same(&one, &folder.join("two"));

    // The resolved study is the same study.
    std::fs::copy(one.join("study.resolved.toml"), folder.join("study.toml")).unwrap();
    complete(&folder, "one", "2");
    assert_same(&one, &folder.join("two"));
}

#[test]
fn a_stopped_study_goes_on_to_the_same_bits() {
    let folder = with_study("study-stopped");
    for ending in [".equilibration", ".production"] {
        let mut child = start_until(&folder, "interrupted", ending);
        signal(&child, "-INT");
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
    for ending in [".equilibration", ".production"] {
        let mut child = start_until(&folder, "killed", ending);
        signal(&child, "-KILL");
        assert_eq!(child.wait().unwrap().code(), None);
    }
    for output in ["interrupted", "killed"] {
        assert!(!folder.join(output).join("states.csv").exists());
    }
    for output in ["uninterrupted", "interrupted", "killed"] {
        complete(&folder, output, "2");
    }
    let expected = folder.join("uninterrupted");
    assert_same(&folder.join("interrupted"), &expected);
    assert_same(&folder.join("killed"), &expected);
}

#[test]
fn bad_studies_are_refused_before_anything_is_computed() {
    let folder = with_study("study-bad");
    let arguments = ["run", "study.toml", "--output", "out"];
    let with = |from: &str, to: &str| {
        std::fs::write(folder.join("study.toml"), STUDY.replacen(from, to, 1)).unwrap();
    };
    fail(
        &folder,
        &["run", "missing.toml"],
        &["missing.toml", "No such file"],
    );
    fail(&folder, &["run", "."], &["directory"]);
    for (from, to, words) in [
        ("seed = 3", "seed = = 3", vec!["study.toml", "line 5"]),
        (
            "runs = 2",
            "run = 2",
            vec!["study.toml", "line 4", "`run`", "runs"],
        ),
        (
            "per_run",
            "par_run",
            vec!["study.toml", "par_run", "per_run"],
        ),
        ("particles = 100\n", "", vec!["study.toml", "particles"]),
        ("\"ipl\"", "\"ipk\"", vec!["study.toml", "'ipk'", "'ipl'?"]),
        (
            "= 100",
            "= 20",
            vec!["particles is 20", "2.900", "2.072", "at least"],
        ),
        ("2.0, 1.6", "2.0, -1.6", vec!["temperatures", "-1.6"]),
        ("2.0, 1.6", "2.0, nan", vec!["temperatures", "NaN"]),
        ("2.0, 1.6", "", vec!["temperatures"]),
        ("= 100", "= \"many\"", vec!["study.toml", "line 2"]),
    ] {
        with(from, to);
        let words: Vec<&str> = words;
        fail(&folder, &arguments, &words);
        assert!(!folder.join("out").exists(), "{to}");
    }
    with("", "");
    std::fs::write(folder.join("file"), "").unwrap();
    fail(
        &folder,
        &["run", "study.toml", "--output", "file/out"],
        &["file/out"],
    );
    fail(
        &folder,
        &["run", "study.toml", "--threads", "0"],
        &["--threads"],
    );
}
