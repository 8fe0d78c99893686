//! Independent pieces of work on several threads, with progress and a way to stop.

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

/// Set when the user asked to stop; work ends at its next checkpoint.
pub(crate) static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The signal by which the user asked.
static SIGNAL: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// The first Ctrl-C (SIGINT) or SIGTERM asks to stop at the next checkpoint, the second stops at once.
///
/// SIGHUP keeps its meaning, for the sake of `nohup`.
///
/// # Errors
/// If the system does not let the program listen.
pub(crate) fn stop_on_signals() -> std::io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and sets it.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&STOP))?;
        flag::register_usize(signal, Arc::clone(&SIGNAL), signal as usize)?;
        flag::register(signal, Arc::clone(&STOP))?;
    }
    std::thread::spawn(|| {
        // A handler of signals may set flags and do little else: it cannot wake or print.
        while !STOP.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(100));
        }
        eprintln!(
            "\nstopping at the next checkpoint (a few seconds); press Ctrl-C again to stop at once"
        );
    });
    Ok(())
}

/// The exit status after a stop, as shells give it: 128 and the number of the signal.
pub(crate) fn stopped_status() -> u8 {
    match SIGNAL.load(Ordering::Relaxed) {
        0 => 128 + SIGINT as u8,
        signal => 128 + signal as u8,
    }
}

/// The user stopped the program; everything finished is on disk.
#[derive(Debug, thiserror::Error)]
#[error("stopped; run the same command again to continue where it stopped")]
pub(crate) struct Stopped;

/// An error if the user asked to stop or another piece of work failed.
pub(crate) fn check_stop(failed: &AtomicBool) -> Result<()> {
    if STOP.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed) {
        Err(Stopped.into())
    } else {
        Ok(())
    }
}

/// Does `work` on every item, on `threads` threads, taking items in order; the results are in the order of
/// the items.
///
/// The second argument of `work` is to be given to [`check_stop`] at checkpoints. After an error no new item
/// is begun; the first error that is more than a consequence of stopping is returned.
pub(crate) fn for_each<T: Sync, R: Send>(
    threads: NonZeroUsize,
    items: &[T],
    work: impl Fn(&T, &AtomicBool) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let results: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.get().min(items.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    if check_stop(&failed).is_err() {
                        return;
                    }
                    let result = work(item, &failed);
                    if result.is_err() {
                        failed.store(true, Ordering::Relaxed);
                    }
                    if let Ok(mut slot) = results[index].lock() {
                        *slot = Some(result);
                    }
                }
            });
        }
    });
    let mut finished = Vec::with_capacity(items.len());
    let mut stopped = false;
    for slot in results {
        match slot.into_inner().ok().flatten() {
            Some(Ok(result)) => finished.push(result),
            Some(Err(error)) if !error.is::<Stopped>() => return Err(error),
            _ => stopped = true,
        }
    }
    if stopped {
        Err(Stopped.into())
    } else {
        Ok(finished)
    }
}

/// Progress bars on a terminal, a line per stage elsewhere.
pub(crate) struct Progress {
    bars: MultiProgress,
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            bars: MultiProgress::new(),
            quiet,
        }
    }

    /// Says something that stays on the screen.
    pub(crate) fn say(&self, text: &str) {
        if self.quiet {
            return;
        }
        // MultiProgress prints nothing when it is not drawn on a terminal.
        if self.bars.is_hidden() {
            eprintln!("{text}");
        } else {
            let _ = self.bars.println(text);
        }
    }

    /// Says that something is not as it should be, in any case.
    pub(crate) fn warn(&self, text: &str) {
        let text = format!("warning: {text}");
        if self.quiet || self.bars.is_hidden() {
            eprintln!("{text}");
        } else {
            let _ = self.bars.println(text);
        }
    }

    /// A bar for a stage of `length` units.
    pub(crate) fn stage(&self, name: &str, length: u64) -> ProgressBar {
        if self.quiet {
            return ProgressBar::hidden();
        }
        if self.bars.is_hidden() {
            eprintln!("{name} ...");
        }
        let style = "{prefix:<14} [{bar:36}] {percent:>3} %  {elapsed} elapsed, {eta} left  {msg}";
        let bar = self
            .bars
            .add(ProgressBar::new(length).with_prefix(name.to_owned()));
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn results_keep_their_order_and_the_first_real_error_wins() {
        let threads = NonZeroUsize::new(3).unwrap();
        let items: Vec<usize> = (0..50).collect();
        assert_eq!(for_each(threads, &items, |&i, _| Ok(i * i)).unwrap()[7], 49);
        let error = for_each(threads, &items, |&i, failed| {
            if i == 20 {
                bail!("item {i} is bad");
            }
            loop {
                check_stop(failed)?;
                if i < 20 {
                    return Ok(());
                }
            }
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "item 20 is bad");
    }
}
