//! Kills at random moments: the same bits as without.

use super::*;

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
