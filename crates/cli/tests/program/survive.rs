//! Runs that survive: kills at random moments, damaged files, changed studies, full and read-only disks.

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

/// A stream of random numbers in `0 .. 1`.
struct Random {
    seed: &'static str,
    drawn: u64,
}

impl Random {
    fn next(&mut self) -> f64 {
        self.drawn += 1;
        let hash = blake3::hash(format!("{} {}", self.seed, self.drawn).as_bytes());
        let bytes = hash.as_bytes().first_chunk().unwrap();
        u64::from_le_bytes(*bytes) as f64 / 2.0_f64.powi(64)
    }
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

/// What may be seen after a kill: whole files of one of the studies, and `results.json` only with all of its own.
fn assert_sound(output: &Path, studies: &[&BTreeMap<PathBuf, Vec<u8>>]) {
    let found = results(output);
    for (name, bytes) in &found {
        let whole = studies.iter().any(|study| study.get(name) == Some(bytes));
        assert!(whole, "{} is not whole", name.display());
    }
    if let Some(seal) = found.get(Path::new("results.json")) {
        let own =
            |study: &&&BTreeMap<_, Vec<u8>>| study.get(Path::new("results.json")) == Some(seal);
        let study = studies.iter().find(own).unwrap();
        assert_eq!(&&found, study);
    }
}

/// How often runs were killed, by the kinds of checkpoints that were there.
#[derive(Debug, Default)]
struct Kills {
    all: u32,
    equilibrating: u32,
    measuring: u32,
    quenching: u32,
}

/// Starts a run and kills it after a random time, again and again until it comes to its end before. It is given longer and
/// longer: the machine may have become slower since the longest time was measured.
fn kill_until_complete(
    folder: &Path,
    output: &str,
    threads: &str,
    (random, mut longest): (&mut Random, Duration),
    studies: &[&BTreeMap<PathBuf, Vec<u8>>],
    kills: &mut Kills,
) {
    let path = folder.join(output);
    loop {
        let mut child = start(folder, output, threads);
        let end = Instant::now() + longest.mul_f64(random.next());
        longest = longest.mul_f64(1.1);
        let finished = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() >= end {
                break None;
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        if let Some(finished) = finished {
            assert!(finished.success(), "{:?}", child.wait_with_output());
            return;
        }
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() {
            return;
        }
        // A kill is no reason for a complaint, then or later.
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(output.status.code(), None);
        kills.all += 1;
        kills.equilibrating += u32::from(!has_checkpoint(&path, ".production"));
        kills.measuring +=
            u32::from(has_checkpoint(&path, ".production") && !has_checkpoint(&path, ".glass"));
        kills.quenching += u32::from(has_checkpoint(&path, ".glass"));
        assert_sound(&path, studies);
    }
}

/// An uninterrupted run, its results and how long it takes.
fn reference(folder: &Path, output: &str) -> (BTreeMap<PathBuf, Vec<u8>>, Duration) {
    let begun = Instant::now();
    complete(folder, output);
    (results(&folder.join(output)), begun.elapsed())
}

#[track_caller]
fn assert_kills(kills: &Kills) {
    assert!(kills.all >= 35, "{kills:?}");
    for some in [kills.equilibrating, kills.measuring, kills.quenching] {
        assert!(some > 0, "{kills:?}");
    }
}

/// With the next two tests, more than a hundred kills: the same bits as without, checkpoints included.
#[test]
fn killed_at_random_with_one_thread() {
    let folder = with_study("survive-one", STUDY);
    let mut random = Random {
        seed: "one thread",
        drawn: 0,
    };
    let (expected, time) = reference(&folder, "whole");
    let mut kills = Kills::default();
    while kills.all < 35 {
        let _ = std::fs::remove_dir_all(folder.join("out"));
        let delays = (&mut random, time);
        kill_until_complete(&folder, "out", "1", delays, &[&expected], &mut kills);
        assert_same(&folder.join("out"), &folder.join("whole"));
    }
    assert_kills(&kills);
}

/// In three dimensions with another thread count each time, a ramp from the melt, and temperatures that are searched.
#[test]
fn killed_at_random_while_temperatures_are_searched() {
    let text = STUDY
        .replace("dimension = 2\n", "")
        .replace("particles = 60", "particles = 100")
        .replace(
            "temperatures = [2.0, 1.4]",
            "target_relaxation_times = [1.5, 2.5]",
        )
        .replace("first_window = 4", "first_window = 4\ncooling_rate = 1.5");
    let folder = with_study("survive-search", &text);
    let mut random = Random {
        seed: "search",
        drawn: 0,
    };
    let (expected, time) = reference(&folder, "whole");
    let mut kills = Kills::default();
    while kills.all < 35 {
        let _ = std::fs::remove_dir_all(folder.join("out"));
        let threads = ["1", "2", "3"][kills.all as usize % 3];
        let delays = (&mut random, time);
        kill_until_complete(&folder, "out", threads, delays, &[&expected], &mut kills);
        assert_same(&folder.join("out"), &folder.join("whole"));
    }
    assert_kills(&kills);
}

/// One folder for two studies in turn: nothing is computed twice, and results of one never stand beside those of the other.
#[test]
fn killed_at_random_while_the_study_is_changed_to_and_fro() {
    let folder = with_study("survive-changed", STUDY);
    let changed = STUDY
        .replace("[2.0, 1.4]", "[2.0, 1.2]")
        .replace("resamples = 100", "resamples = 150");
    let mut random = Random {
        seed: "changed",
        drawn: 0,
    };
    let (first, time) = reference(&folder, "first");
    std::fs::write(folder.join("study.toml"), &changed).unwrap();
    let (second, _) = reference(&folder, "second");
    assert_ne!(
        first.keys().collect::<Vec<_>>(),
        second.keys().collect::<Vec<_>>()
    );
    let mut kills = Kills::default();
    let mut times = Vec::new();
    for turn in 0.. {
        let (text, expected) = [(STUDY, &first), (&changed, &second)][turn % 2];
        std::fs::write(folder.join("study.toml"), text).unwrap();
        // From the third turn on everything is there but the results.
        let longest = if turn < 2 { time } else { time / 3 };
        let delays = (&mut random, longest);
        let both = [&first, &second];
        kill_until_complete(&folder, "out", "2", delays, &both, &mut kills);
        assert_eq!(&results(&folder.join("out")), expected);
        if turn >= 2 {
            assert_eq!(checkpoint_times(&folder.join("out")), times);
            if kills.all >= 35 {
                break;
            }
        }
        times = checkpoint_times(&folder.join("out"));
    }
    let status = status(&folder, "out");
    assert_eq!(status["results"], "complete");
    // Half of the runs and glasses of the other study: a run at the temperature that both have serves both.
    assert_eq!(status["unused"].as_array().unwrap().len(), 8);
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

/// Files that may not grow beyond a limit, as on a disk that is full: it breaks off at checkpoints or at
/// results, whichever is the first that is too large.
#[test]
fn a_disk_that_is_full_costs_no_finished_work() {
    let folder = with_study("survive-full", STUDY);
    complete(&folder, "whole");
    let largest = |of: &str| {
        let all = files(&folder.join("whole")).into_iter();
        let all = all.filter(|(name, _)| name.to_string_lossy().contains(of));
        all.map(|(_, path)| path.metadata().unwrap().len()).max()
    };
    let [checkpoint, page] = ["checkpoints", "index.html"].map(|of| largest(of).unwrap());
    assert!(checkpoint + 1024 < page);
    // In blocks of 512 bytes: too small for most checkpoints, for the largest that stay (those of a run under way hold
    // time origins too, and are larger), for the page.
    for (limit, file) in [
        (8, "checkpoints"),
        ((checkpoint - 1) / 512, "checkpoints"),
        ((page - 1) / 512, ".results.partial"),
    ] {
        let script = format!(
            "trap '' XFSZ; ulimit -f {limit}; exec '{}' {}",
            env!("CARGO_BIN_EXE_vitreous"),
            arguments("out", "2").join(" ")
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for word in ["error: ", file, "File too large", "make room"] {
            assert!(said.contains(word), "{limit}: no '{word}' in {said}");
        }
        let out = folder.join("out");
        assert_eq!(results(&out), BTreeMap::new());
        assert!(!out.join(".results.partial").exists());
        let partial = files(&out).into_keys();
        let partial = partial.filter(|name| name.to_string_lossy().contains(".partial"));
        assert_eq!(partial.count(), 0);
        assert_eq!(status(&folder, "out")["problems"], serde_json::json!([]));
    }
    // All that was missing were the results.
    let before = checkpoint_times(&folder.join("out"));
    complete(&folder, "out");
    assert_eq!(checkpoint_times(&folder.join("out")), before);
    assert_same(&folder.join("out"), &folder.join("whole"));
}

/// A file system of its own, which fills up, is mounted read-only, and gets more room.
#[test]
fn a_file_system_that_is_full_or_read_only() {
    let folder = with_study("survive-mounted", STUDY);
    let possible = Command::new("unshare")
        .args(["-r", "-m", "sh", "-c", "mount -t tmpfs none . "])
        .current_dir(&folder)
        .status()
        .is_ok_and(|status| status.success());
    if !possible {
        eprintln!("skipped: this computer does not let users mount file systems of their own");
        return;
    }
    complete(&folder, "whole");
    std::fs::create_dir(folder.join("small")).unwrap();
    let program = format!(
        "'{}' {}",
        env!("CARGO_BIN_EXE_vitreous"),
        arguments("small/out", "2").join(" ")
    );
    let script = format!(
        "mount -t tmpfs -o size=64k none small || exit 9
         {program}; echo status $?
         mount -o remount,ro small; {program}; echo status $?
         mount -o remount,rw,size=400k small; {program}; echo status $?
         mount -o remount,rw,size=64m small; {program}; echo status $?
         cp -r small/out copy"
    );
    let output = Command::new("unshare")
        .args(["-r", "-m", "sh", "-c", &script])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let statuses = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        statuses, "status 1\nstatus 1\nstatus 1\nstatus 0\n",
        "{said}"
    );
    let errors: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("error"))
        .collect();
    for (line, words) in errors.iter().zip([
        ["small/out/checkpoints", "No space left", "make room"],
        ["small/out/checkpoints", "Read-only", "permit writing"],
        ["small/out/", "No space left", "make room"],
    ]) {
        for word in words {
            assert!(line.contains(word), "no '{word}' in {line}");
        }
    }
    assert_eq!(errors.len(), 3, "{said}");
    assert_same(&folder.join("copy"), &folder.join("whole"));
}

/// Takes permission away, from an ordinary user or from root without the capability to ignore it.
#[test]
fn folders_that_may_not_be_written_to_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = with_study("survive-permission", STUDY);
    complete(&folder, "out");
    let allow = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    let locked = folder.join("locked");
    std::fs::create_dir(&locked).unwrap();
    allow(&locked, 0o555);
    let root = std::fs::write(locked.join("probe"), "").is_ok();
    let ordinary = |arguments: &[&str]| {
        let mut command = if root {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-all", "--inh-caps=-all"]);
            command.arg(env!("CARGO_BIN_EXE_vitreous"));
            command
        } else {
            Command::new(env!("CARGO_BIN_EXE_vitreous"))
        };
        command.args(arguments).current_dir(&folder).output()
    };
    if root && !ordinary(&["--version"]).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: root cannot give up its rights here");
        return;
    }
    let refused = |output: &str, words: &[&str]| {
        let output = ordinary(&arguments(output, "2")).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for word in ["error: ", "Permission denied", "permit"]
            .iter()
            .chain(words)
        {
            assert!(said.contains(word), "no '{word}' in {said}");
        }
    };
    refused("locked/new", &["locked/new"]);

    let out = folder.join("out");
    let whole = results(&out);
    for (path, word) in [
        (out.clone(), ".results.partial"),
        (out.join("figures"), "figures/"),
        (out.join("checkpoints"), "checkpoints"),
    ] {
        allow(&path, 0o555);
        refused("out", &[word]);
        // Looking is allowed.
        let look = ordinary(&["status", "out", "--json"]).unwrap();
        assert!(
            look.status.success(),
            "{}",
            String::from_utf8_lossy(&look.stderr)
        );
        allow(&path, 0o755);
        let output = ordinary(&arguments("out", "2")).unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(results(&out), whole);
    }
    let mut glass = files(&out.join("checkpoints")).into_iter();
    let (name, glass) = glass
        .rfind(|(name, _)| name.to_string_lossy().ends_with(".glass"))
        .unwrap();
    allow(&glass, 0o000);
    refused("out", &[name.to_str().unwrap(), "delete it"]);
    allow(&glass, 0o644);
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
