//! Work shared by threads, with results that do not depend on their number: the parts are the same for any
//! number of threads, and their results come in order.

use crate::force_error::ForceError;
use rayon::prelude::*;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// So many particles or places are a part of the work that goes through all of them.
pub(crate) const PART: usize = 2048;

/// So many where the work on each is a few operations: smaller parts would cost more to hand over than to do.
pub(crate) const LIGHT_PART: usize = 4 * PART;

/// One thread, or a pool of several.
#[derive(Clone, Debug, Default)]
pub(crate) struct Threads(Option<Arc<rayon::ThreadPool>>);

impl Threads {
    /// # Errors
    /// Threads that do not start.
    pub(crate) fn new(count: NonZeroUsize) -> Result<Self, ForceError> {
        if count == NonZeroUsize::MIN {
            return Ok(Self(None));
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(count.get())
            .build()
            .map(|pool| Self(Some(Arc::new(pool))))
            .map_err(|error| ForceError::Threads {
                count: count.get(),
                reason: error.to_string(),
            })
    }

    /// Runs work and tells it whether to share itself: small work is not worth waking threads.
    pub(crate) fn run<R: Send>(&self, particles: usize, work: impl FnOnce(bool) -> R + Send) -> R {
        match &self.0 {
            Some(pool) if particles > PART => pool.install(|| work(true)),
            _ => work(false),
        }
    }
}

/// Works on parts of a slice, and gives what comes out in order; `work` is told where a part starts.
#[inline(always)]
pub(crate) fn each_part<T: Send, R: Send>(
    shared: bool,
    all: &mut [T],
    size: usize,
    work: impl Fn(usize, &mut [T]) -> R + Sync + Send,
) -> Vec<R> {
    let work = |(number, part): (usize, &mut [T])| work(number * size, part);
    if shared {
        // One by one, so that a thread that comes late finds something left to do.
        let parts = all.par_chunks_mut(size).enumerate().with_max_len(1);
        parts.map(work).collect()
    } else {
        all.chunks_mut(size).enumerate().map(work).collect()
    }
}

/// Looks at the parts of a slice: as [`each_part`].
#[inline(always)]
pub(crate) fn look_at_parts<T: Sync, R: Send>(
    shared: bool,
    all: &[T],
    size: usize,
    look: impl Fn(usize, &[T]) -> R + Sync + Send,
) -> Vec<R> {
    let look = |(number, part): (usize, &[T])| look(number * size, part);
    if shared {
        let parts = all.par_chunks(size).enumerate().with_max_len(1);
        parts.map(look).collect()
    } else {
        all.chunks(size).enumerate().map(look).collect()
    }
}
