//! Work shared by threads, with results that do not depend on their number: the pieces are the same for any
//! number of threads, and each is worked on by one.

use crate::solver::SolveError;
use rayon::prelude::*;
use std::num::NonZeroUsize;

/// One thread, or a pool of several.
#[derive(Debug)]
pub(crate) struct Threads(Option<rayon::ThreadPool>);

impl Threads {
    /// # Errors
    /// Threads that do not start.
    pub(crate) fn new(count: NonZeroUsize) -> Result<Self, SolveError> {
        if count == NonZeroUsize::MIN {
            return Ok(Self(None));
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(count.get())
            .build()
            .map(|pool| Self(Some(pool)))
            .map_err(|error| SolveError::Other(Box::new(error)))
    }

    /// Runs work that shares itself with [`Threads::join`] and [`Threads::each`].
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            None => work(),
            Some(pool) => pool.install(work),
        }
    }

    /// Both results.
    pub(crate) fn join<A: Send, B: Send>(
        &self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        match &self.0 {
            None => (a(), b()),
            Some(_) => rayon::join(a, b),
        }
    }

    /// Works on every piece.
    pub(crate) fn each<T: Send>(&self, pieces: Vec<T>, work: impl Fn(T) + Sync + Send) {
        match &self.0 {
            Some(_) if pieces.len() > 1 => pieces.into_par_iter().for_each(work),
            _ => pieces.into_iter().for_each(work),
        }
    }
}
