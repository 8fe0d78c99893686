//! Work shared by threads, with results that do not depend on their number: the pieces are the same for any
//! number of threads, and each is worked on by one.

use crate::solver::SolveError;
use rayon::prelude::*;
use std::num::NonZeroUsize;

/// One thread, or a pool of several.
#[derive(Debug)]
pub(crate) struct Threads(Option<rayon::ThreadPool>);

impl Threads {
    pub(crate) const ONE: Self = Self(None);

    /// # Errors
    /// Threads that do not start.
    pub(crate) fn new(count: NonZeroUsize) -> Result<Self, SolveError> {
        if count == NonZeroUsize::MIN {
            return Ok(Self::ONE);
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(count.get())
            .build()
            .map(|pool| Self(Some(pool)))
            .map_err(|error| SolveError::Threads {
                threads: count,
                reason: error.to_string(),
            })
    }

    /// Runs work that shares itself with [`Threads::join`].
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
            Some(pool) if pieces.len() > 1 => {
                pool.install(|| pieces.into_par_iter().for_each(work));
            }
            _ => pieces.into_iter().for_each(work),
        }
    }

    /// The results for all pieces, in their order.
    pub(crate) fn map<T: Send, R: Send>(
        &self,
        pieces: impl IntoIterator<Item = T>,
        work: impl Fn(T) -> R + Sync + Send,
    ) -> Vec<R> {
        match &self.0 {
            None => pieces.into_iter().map(work).collect(),
            Some(pool) => {
                let pieces: Vec<T> = pieces.into_iter().collect();
                pool.install(|| pieces.into_par_iter().map(work).collect())
            }
        }
    }
}
