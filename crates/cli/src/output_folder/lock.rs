//! One run at a time in an output folder.
//!
//! The lock is an advisory lock of the operating system on an empty file: it ends with the process, however that ends.

use anyhow::{Context, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

const NAME: &str = "lock";

/// Held while a run works in a folder.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Closing it ends the lock.
    _file: File,
    /// Why the folder could not be locked, on file systems that cannot.
    pub(crate) unsupported: Option<std::io::Error>,
}

impl Lock {
    /// Locks a folder, or `None` if another process has.
    ///
    /// # Errors
    /// If the file of the lock cannot be made or opened.
    pub(crate) fn take(folder: &Path) -> Result<Option<Self>> {
        // `vitreous status` holds the lock for a moment to see whether it is free.
        const ATTEMPTS: u32 = 20;
        const PAUSE: Duration = Duration::from_millis(25);
        let path = folder.join(NAME);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| {
                format!(
                    "cannot write {}; permit writing there, or choose another folder with --output",
                    path.display()
                )
            })?;
        for attempt in 0..ATTEMPTS {
            match file.try_lock() {
                Ok(()) => {
                    return Ok(Some(Self {
                        _file: file,
                        unsupported: None,
                    }));
                }
                Err(TryLockError::WouldBlock) if attempt + 1 < ATTEMPTS => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Ok(Some(Self {
                        _file: file,
                        unsupported: Some(error),
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Whether a process holds the lock of a folder; `None` where that cannot be known.
    pub(crate) fn is_taken(folder: &Path) -> Option<bool> {
        match File::open(folder.join(NAME)) {
            // Shared, so that two who look do not see each other.
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => Some(false),
                Err(TryLockError::WouldBlock) => Some(true),
                Err(TryLockError::Error(_)) => None,
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Some(false),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_lock_at_a_time() {
        let folder = std::env::temp_dir().join(format!("vitreous-lock-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(Lock::is_taken(&folder), Some(false));
        let first = Lock::take(&folder).unwrap().unwrap();
        assert!(first.unsupported.is_none());
        assert_eq!(Lock::is_taken(&folder), Some(true));
        assert!(Lock::take(&folder).unwrap().is_none());
        drop(first);
        assert_eq!(Lock::is_taken(&folder), Some(false));
        assert!(Lock::take(&folder).unwrap().is_some());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(
            Lock::take(&folder)
                .unwrap_err()
                .to_string()
                .contains("lock")
        );
    }
}
