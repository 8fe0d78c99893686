//! Running the program.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program with arguments, to be run in a folder.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitreous"));
    command.args(arguments).current_dir(folder);
    command
}

/// What the program left on its outputs, and its exit status.
pub(crate) struct Finished {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the program.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Finished {
    command(folder, arguments).output().unwrap().into()
}

/// Runs the program, which must succeed without a word on standard error.
pub(crate) fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let finished = run(folder, arguments);
    assert_eq!(
        finished.status,
        Some(0),
        "{arguments:?}: {}",
        finished.stderr
    );
    assert_eq!(finished.stderr, "", "{arguments:?}");
    finished.stdout
}

/// Runs the program with `--json`, which must succeed.
pub(crate) fn json(folder: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    serde_json::from_str(&succeed(folder, &arguments)).unwrap()
}

/// Runs the program, which must fail with one message that has all these words in it.
pub(crate) fn fail(folder: &Path, arguments: &[&str], words: &[&str]) {
    let Finished { status, stderr, .. } = run(folder, arguments);
    assert!(matches!(status, Some(1..=2)), "{arguments:?}: {status:?}");
    assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
    let messages = stderr.lines().filter(|line| line.starts_with("error"));
    assert_eq!(messages.count(), 1, "{stderr}");
    for word in ["panicked", "RUST_BACKTRACE", "unwrap()"] {
        assert!(!stderr.contains(word), "{arguments:?}: {stderr}");
    }
    for word in words {
        assert!(
            stderr.contains(word),
            "{arguments:?}: no '{word}' in: {stderr}"
        );
    }
}

/// The number at a place such as `/shear_modulus/total`.
pub(crate) fn number(value: &Value, place: &str) -> f64 {
    let found = value.pointer(place).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("no number at {place} in {value}"))
}

/// Asserts that an object has these keys and no others.
pub(crate) fn assert_keys(value: &Value, expected: &[&str]) {
    let mut keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    let mut expected = expected.to_vec();
    keys.sort();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

/// The rows of a matrix.
pub(crate) fn rows(value: &Value) -> Vec<Vec<f64>> {
    let numbers = |row: &Value| {
        let row = row.as_array().unwrap().iter();
        row.map(|entry| entry.as_f64().unwrap()).collect()
    };
    value.as_array().unwrap().iter().map(numbers).collect()
}

/// A folder of one's own, emptied at the start and left for inspection.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Asserts that two numbers agree to a relative accuracy.
pub(crate) fn assert_close(left: f64, right: f64, relative: f64) {
    let scale = left.abs().max(right.abs());
    assert!(
        (left - right).abs() <= relative * scale,
        "{left:e} and {right:e} differ by {:e}, relatively",
        (left - right).abs() / scale
    );
}
