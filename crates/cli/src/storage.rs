//! Checkpoints on disk: files that are whole and belong to the present input, or are not used.
//!
//! A checkpoint is a line of text (`vitreous`, the kind, the version of the format), the key (a hash of all the
//! input that the content depends on), the hash of the content, its length, and the content in postcard form.
//! A part of the key is in the name, so that checkpoints of different input lie side by side.
//! A file is written beside its place, flushed to the disk and renamed, so a kill at any moment leaves the
//! old file or the new one.

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The version of the format and of the meaning of what is stored; raise it when either changes.
const VERSION: u32 = 8;

/// What the name of a file ends with while it is being written.
const PARTIAL: &str = ".partial";

/// The hash of all input on which a result depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(blake3::Hash);

impl Key {
    /// The key of a piece of input, the versions of the program and of the format included.
    pub(crate) fn of(input: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_vec(&(VERSION, env!("CARGO_PKG_VERSION"), input))?;
        Ok(Self(blake3::hash(&text)))
    }

    /// The part of the key that is in the names of files.
    pub(crate) fn short(&self) -> String {
        self.0.to_hex()[..16].to_owned()
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_hex().as_str().serialize(serializer)
    }
}

/// What is found where a checkpoint may be.
#[derive(Debug)]
pub(crate) enum Stored<T> {
    Absent,
    Found(T),
    /// A file that cannot be used.
    Unusable(Flaw),
}

/// Why a checkpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("it does not begin as a checkpoint of this program")]
    Foreign,
    #[error("it was written in format {found}, and this program reads format {VERSION}")]
    Version { found: u32 },
    #[error("it holds '{found}', not '{expected}': it was renamed")]
    Kind { found: String, expected: String },
    #[error("it belongs to another input: it was renamed")]
    Input,
    #[error(
        "it has {found} bytes of content where {expected} were written: it was cut short or added to"
    )]
    Length { found: u64, expected: u64 },
    #[error("its content does not match its checksum: it was damaged or edited")]
    Checksum,
    #[error("its content cannot be understood: {0}")]
    Content(String),
}

fn header(kind: &str) -> String {
    format!("vitreous {kind} {VERSION}\n")
}

/// A whole file, taken apart.
struct Parts<'a> {
    kind: &'a str,
    key: [u8; blake3::OUT_LEN],
    content: &'a [u8],
}

fn parse(bytes: &[u8]) -> std::result::Result<Parts<'_>, Flaw> {
    // Kinds are short: what has no early end of line is something else.
    let end = bytes.iter().take(64).position(|&byte| byte == b'\n');
    let (line, rest) = bytes.split_at(end.ok_or(Flaw::Foreign)? + 1);
    let line = std::str::from_utf8(line).map_err(|_| Flaw::Foreign)?;
    let (kind, version) = line
        .strip_prefix("vitreous ")
        .and_then(|words| words.trim_end().split_once(' '))
        .ok_or(Flaw::Foreign)?;
    match version.parse() {
        Ok(VERSION) => {}
        Ok(found) => return Err(Flaw::Version { found }),
        Err(_) => return Err(Flaw::Foreign),
    }
    let short = Flaw::Length {
        found: 0,
        expected: 1,
    };
    let (key, rest) = rest.split_first_chunk().ok_or(short.clone())?;
    let (hash, rest) = rest
        .split_first_chunk::<{ blake3::OUT_LEN }>()
        .ok_or(short.clone())?;
    let (length, content) = rest.split_first_chunk().ok_or(short)?;
    let (found, expected) = (content.len() as u64, u64::from_le_bytes(*length));
    if found != expected {
        return Err(Flaw::Length { found, expected });
    }
    if blake3::hash(content).as_bytes() != hash {
        return Err(Flaw::Checksum);
    }
    Ok(Parts {
        kind,
        key: *key,
        content,
    })
}

/// Stores a value.
pub(crate) fn save(path: &Path, kind: &str, key: &Key, value: &impl Serialize) -> Result<()> {
    let content = postcard::to_stdvec(value)?;
    let mut bytes = header(kind).into_bytes();
    bytes.extend(key.0.as_bytes());
    bytes.extend(blake3::hash(&content).as_bytes());
    bytes.extend((content.len() as u64).to_le_bytes());
    bytes.extend(content);
    write(path, &bytes)
}

/// Loads a value.
///
/// # Errors
/// If a file is there and cannot be read.
pub(crate) fn load<T: DeserializeOwned>(path: &Path, kind: &str, key: &Key) -> Result<Stored<T>> {
    let Some(bytes) = read(path)? else {
        return Ok(Stored::Absent);
    };
    let value = parse(&bytes).and_then(|parts| {
        if parts.kind != kind {
            return Err(Flaw::Kind {
                found: parts.kind.to_owned(),
                expected: kind.to_owned(),
            });
        }
        if &parts.key != key.0.as_bytes() {
            return Err(Flaw::Input);
        }
        postcard::from_bytes(parts.content).map_err(|error| Flaw::Content(error.to_string()))
    });
    Ok(match value {
        Ok(value) => Stored::Found(value),
        Err(flaw) => Stored::Unusable(flaw),
    })
}

/// Whether a file is a whole checkpoint: `None` if it is, or if it is no longer there.
///
/// # Errors
/// If it is there and cannot be read.
pub(crate) fn flaw(path: &Path) -> Result<Option<Flaw>> {
    Ok(read(path)?.and_then(|bytes| parse(&bytes).err()))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| {
            format!(
                "cannot read {}; permit reading it, or delete it to have it computed again",
                path.display()
            )
        }),
    }
}

/// Writes a file so that it is never seen half written. A device, a pipe or a link is written to, never replaced.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}{PARTIAL}"));
    let result = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| flush_folder(path));
    if result.is_err() {
        // Best effort: the error that matters is the one reported below.
        let _ = fs::remove_file(&temporary);
    }
    result.with_context(|| {
        format!(
            "cannot write {}; what was finished before is kept: make room or permit writing, and run again",
            path.display()
        )
    })
}

/// Flushes the entries of the folder of a file, so that a renaming outlives a loss of power.
pub(crate) fn flush_folder(path: &Path) -> std::io::Result<()> {
    // Elsewhere folders cannot be opened as files.
    if cfg!(unix) {
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        match File::open(folder)?.sync_all() {
            // Some network file systems do not flush folders.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    } else {
        Ok(())
    }
}

/// Removes from a folder what a killed program was writing. The folder must be locked.
///
/// # Errors
/// If the folder cannot be read, or a file not removed.
pub(crate) fn remove_partial(folder: &Path) -> Result<()> {
    let remove = || -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(PARTIAL) && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    remove().with_context(|| {
        format!(
            "cannot remove half-written files from {}; permit reading and writing there, and run again",
            folder.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("vitreous-storage-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn found<T>(stored: Stored<T>) -> Option<T> {
        match stored {
            Stored::Found(value) => Some(value),
            _ => None,
        }
    }

    #[test]
    fn a_file_is_read_back_for_its_own_kind_and_key_only() {
        let folder = folder("keys");
        let path = folder.join("value");
        let (key, other) = (Key::of(&1).unwrap(), Key::of(&2).unwrap());
        assert_ne!(key.short(), other.short());
        let value = vec![1.0_f64 / 3.0, f64::MIN_POSITIVE];
        let load = |kind, key| load::<Vec<f64>>(&path, kind, key).unwrap();
        assert!(matches!(load("test", &key), Stored::Absent));
        assert_eq!(flaw(&path).unwrap(), None);
        save(&path, "test", &key, &value).unwrap();
        assert_eq!(found(load("test", &key)), Some(value));
        assert_eq!(flaw(&path).unwrap(), None);
        let Stored::Unusable(Flaw::Input) = load("test", &other) else {
            panic!("another input")
        };
        let Stored::Unusable(Flaw::Kind { found, .. }) = load("else", &key) else {
            panic!("another kind")
        };
        assert_eq!(found, "test");
        // An older format.
        let text = fs::read(&path).unwrap();
        let older = [b"vitreous test 7\n", &text[header("test").len()..]].concat();
        fs::write(&path, older).unwrap();
        let Stored::Unusable(older) = load("test", &key) else {
            panic!("an older format")
        };
        assert_eq!(older, Flaw::Version { found: 7 });
        assert!(older.to_string().contains("format 7") && older.to_string().contains("format 8"));
        fs::remove_dir_all(folder).unwrap();
    }

    proptest! {
        /// Any change of any bit, any cut and any addition is seen; a change of the key makes it another's.
        #[test]
        fn damage_is_never_overlooked(
            value in proptest::collection::vec(any::<f64>(), 0..40),
            place in any::<prop::sample::Index>(),
            bit in 0_u8..8,
            cut in any::<prop::sample::Index>(),
            more in proptest::collection::vec(any::<u8>(), 1..20),
        ) {
            let folder = folder("damage");
            let path = folder.join("value");
            let key = Key::of(&1).unwrap();
            save(&path, "test", &key, &value).unwrap();
            let whole = fs::read(&path).unwrap();
            let mut changed = whole.clone();
            changed[place.index(whole.len())] ^= 1 << bit;
            for damaged in [changed, whole[..cut.index(whole.len())].to_vec(), [whole, more].concat()] {
                fs::write(&path, &damaged).unwrap();
                let stored = load::<Vec<f64>>(&path, "test", &key).unwrap();
                prop_assert!(matches!(stored, Stored::Unusable(_)));
            }
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_the_file() {
        let path = folder("missing").join("nowhere").join("value");
        let error = save(&path, "test", &Key::of(&1).unwrap(), &1).unwrap_err();
        assert!(error.to_string().contains("nowhere"));
    }

    #[test]
    fn what_a_killed_program_left_is_removed_and_nothing_else() {
        let folder = folder("partial");
        for name in [".value.partial", "value", ".other", "value.partial"] {
            fs::write(folder.join(name), "").unwrap();
        }
        remove_partial(&folder).unwrap();
        assert!(!folder.join(".value.partial").exists());
        for name in ["value", ".other", "value.partial"] {
            assert!(folder.join(name).exists(), "{name}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
