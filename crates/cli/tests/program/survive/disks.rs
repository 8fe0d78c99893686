//! Disks that are full or read-only, folders that may not be written to.

use super::*;

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
