//! Results on disk: files that are either complete and belong to the present input, or count as absent.
//!
//! A file is a line of text (`vitreous`, the kind, the version of the format), the key (a hash of all the
//! input that the content depends on), the hash of the content, and the content in postcard form. It is
//! written beside its place, flushed to the disk and renamed, so a kill at any moment leaves the old file
//! or the new one.

use anyhow::{Context, Result};
use serde::{Serialize, de::DeserializeOwned};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The version of the format and of the meaning of what is stored; raise it when either changes.
const VERSION: u32 = 6;

/// The hash of all input on which a result depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(blake3::Hash);

impl Key {
    /// The key of a piece of input, the program's version included.
    pub(crate) fn of(input: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_vec(&(env!("CARGO_PKG_VERSION"), input))?;
        Ok(Self(blake3::hash(&text)))
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_hex().as_str().serialize(serializer)
    }
}

fn header(kind: &str) -> String {
    format!("vitreous {kind} {VERSION}\n")
}

/// Stores a value.
pub(crate) fn save(path: &Path, kind: &str, key: &Key, value: &impl Serialize) -> Result<()> {
    let content = postcard::to_stdvec(value)?;
    let mut bytes = header(kind).into_bytes();
    bytes.extend(key.0.as_bytes());
    bytes.extend(blake3::hash(&content).as_bytes());
    bytes.extend(content);
    write(path, &bytes)
}

/// Loads a value, or `None` if there is none for this key: no file, another input, or a damaged file.
pub(crate) fn load<T: DeserializeOwned>(path: &Path, kind: &str, key: &Key) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let content = bytes
        .strip_prefix(header(kind).as_bytes())
        .and_then(|rest| rest.strip_prefix(key.0.as_bytes()))
        .and_then(|rest| rest.split_at_checked(blake3::OUT_LEN))
        .filter(|(hash, content)| blake3::hash(content).as_bytes() == hash)
        .map(|(_, content)| content);
    Ok(content.and_then(|content| postcard::from_bytes(content).ok()))
}

/// Writes a file so that it is never seen half written. A device, a pipe or a link is written to, never replaced.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.partial"));
    let result = fs::File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("vitreous-storage-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_is_read_back_only_whole_and_for_its_own_key() {
        let folder = folder("keys");
        let path = folder.join("value");
        let (key, other) = (Key::of(&1).unwrap(), Key::of(&2).unwrap());
        let value = vec![1.0_f64 / 3.0, f64::MIN_POSITIVE];
        assert_eq!(load::<Vec<f64>>(&path, "test", &key).unwrap(), None);
        save(&path, "test", &key, &value).unwrap();
        assert_eq!(load::<Vec<f64>>(&path, "test", &key).unwrap(), Some(value));
        assert_eq!(load::<Vec<f64>>(&path, "test", &other).unwrap(), None);
        assert_eq!(load::<Vec<f64>>(&path, "else", &key).unwrap(), None);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(load::<Vec<f64>>(&path, "test", &key).unwrap(), None);
        fs::write(&path, &bytes[..20]).unwrap();
        assert_eq!(load::<Vec<f64>>(&path, "test", &key).unwrap(), None);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_the_file() {
        let path = folder("missing").join("nowhere").join("value");
        let error = save(&path, "test", &Key::of(&1).unwrap(), &1).unwrap_err();
        assert!(error.to_string().contains("nowhere"));
    }
}
