//! The times, kept in a file, and the laws of growth fitted to them.

use crate::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Task {
    /// The energy expanded to second order, neighbours included.
    Linearize,
    /// The Hessian from this expansion.
    Assemble,
    /// The sparse Cholesky factor, on one thread.
    Factor,
    /// The same on all cores.
    FactorThreads,
    /// Solving with the factor, of many right-hand sides at once.
    Solve,
    /// Every dipole stiffness by selected inversion, the factor at hand, on one thread.
    Field,
    /// The same on all cores.
    FieldThreads,
    /// The dense Cholesky factor.
    DenseFactor,
    /// Solving with it, of many right-hand sides at once.
    DenseSolve,
    /// Preparing conjugate gradients: the search for a saddle.
    Search,
    /// Conjugate gradients with symmetric Gauss-Seidel sweeps.
    GaussSeidel,
    /// The same for many right-hand sides at once.
    GaussSeidelBlock,
    /// Conjugate gradients without preconditioner.
    Identity,
    /// Conjugate gradients with the diagonal blocks.
    BlockJacobi,
    /// Conjugate gradients with an incomplete factor.
    IncompleteCholesky,
    /// Block conjugate gradients.
    BlockGradient,
}

impl Task {
    /// All tasks, in the order of the tables.
    pub(crate) const ALL: [Self; 16] = [
        Self::Linearize,
        Self::Assemble,
        Self::Factor,
        Self::FactorThreads,
        Self::Solve,
        Self::Field,
        Self::FieldThreads,
        Self::DenseFactor,
        Self::DenseSolve,
        Self::Search,
        Self::GaussSeidel,
        Self::GaussSeidelBlock,
        Self::Identity,
        Self::BlockJacobi,
        Self::IncompleteCholesky,
        Self::BlockGradient,
    ];

    /// Whether several threads share it.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::FactorThreads | Self::FieldThreads)
    }

    /// The name in tables, and for choosing tasks.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Linearize => "linearise",
            Self::Assemble => "assemble the Hessian",
            Self::Factor => "factor, one thread",
            Self::FactorThreads => "factor, all cores",
            Self::Solve => "factor: solve, 64 at once",
            Self::Field => "whole field, one thread",
            Self::FieldThreads => "whole field, all cores",
            Self::DenseFactor => "dense factor",
            Self::DenseSolve => "dense factor: solve, 64 at once",
            Self::Search => "CG: prepare, search for a saddle",
            Self::GaussSeidel => "CG, Gauss-Seidel",
            Self::GaussSeidelBlock => "CG, Gauss-Seidel, 64 at once",
            Self::Identity => "CG, no preconditioner",
            Self::BlockJacobi => "CG, block Jacobi",
            Self::IncompleteCholesky => "CG, incomplete Cholesky",
            Self::BlockGradient => "block CG, 16 at once",
        }
    }
}

/// One time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The name of the model.
    pub(crate) model: String,
    /// The number of particles.
    pub(crate) particles: usize,
    /// Blocks of the Hessian beside the diagonal, for each particle.
    pub(crate) contacts: f64,
    /// Pairs that interact.
    pub(crate) interactions: usize,
    /// What was timed.
    pub(crate) task: Task,
    /// The shortest time, of one right-hand side where there are several.
    pub(crate) seconds: f64,
    /// How often it was run.
    pub(crate) runs: u64,
    /// What the solver stores.
    pub(crate) stored_numbers: Option<usize>,
    /// Products with the Hessian for one right-hand side.
    pub(crate) iterations: Option<f64>,
}

/// All times, by model, size and task.
#[derive(Debug, Default)]
pub(crate) struct Records(BTreeMap<(String, usize, Task), Record>);

/// The folder of the documents.
pub(crate) fn documents() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))
}

impl Records {
    fn path() -> PathBuf {
        documents().join("solvers/times.csv")
    }

    /// Those on file; none if there is no file.
    pub(crate) fn load() -> Outcome<Self> {
        let mut records = Self::default();
        if Self::path().exists() {
            for record in csv::Reader::from_path(Self::path())?.deserialize() {
                records.insert(record?);
            }
        }
        Ok(records)
    }

    /// Writes the file.
    pub(crate) fn save(&self) -> Outcome<()> {
        std::fs::create_dir_all(documents().join("solvers"))?;
        let mut writer = csv::Writer::from_path(Self::path())?;
        for record in self.0.values() {
            writer.serialize(record)?;
        }
        Ok(writer.flush()?)
    }

    /// Adds a record in the place of an older one.
    pub(crate) fn insert(&mut self, record: Record) {
        let key = (record.model.clone(), record.particles, record.task);
        self.0.insert(key, record);
    }

    /// One record.
    pub(crate) fn get(&self, model: &str, particles: usize, task: Task) -> Option<&Record> {
        self.0.get(&(model.to_owned(), particles, task))
    }

    /// The models, in alphabetical order.
    pub(crate) fn models(&self) -> Vec<String> {
        let mut models: Vec<String> = self.0.keys().map(|key| key.0.clone()).collect();
        models.dedup();
        models
    }

    /// The sizes of glasses of a model.
    pub(crate) fn sizes(&self, model: &str) -> Vec<usize> {
        let of = self.0.keys().filter(|key| key.0 == model);
        let mut sizes: Vec<usize> = of.map(|key| key.1).collect();
        sizes.dedup();
        sizes
    }

    /// The records of a task over the sizes of glasses of a model.
    pub(crate) fn over_sizes(&self, model: &str, task: Task) -> Vec<&Record> {
        let sizes = self.sizes(model).into_iter();
        sizes
            .filter_map(|size| self.get(model, size, task))
            .collect()
    }
}

/// A law `y = a x^b`.
pub(crate) struct PowerLaw {
    /// The value at `x = 1000`.
    pub(crate) at_thousand: f64,
    /// The exponent `b`.
    pub(crate) exponent: f64,
    /// The standard error of `b`, from the scatter of the points about the law.
    pub(crate) error: f64,
}

impl PowerLaw {
    /// Least squares of `ln y` over `ln x`; none for less than three points.
    pub(crate) fn fit(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < 3 {
            return None;
        }
        let count = points.len() as f64;
        let logarithms = points.iter().map(|(x, y)| (x.ln(), y.ln()));
        let sums = logarithms
            .clone()
            .fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
        let (x_mean, y_mean) = (sums.0 / count, sums.1 / count);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in logarithms {
            let (x, y) = (x - x_mean, y - y_mean);
            xx += x * x;
            xy += x * y;
            yy += y * y;
        }
        let exponent = xy / xx;
        let scatter = (yy - exponent * xy).max(0.0) / (count - 2.0);
        Some(Self {
            at_thousand: (y_mean + exponent * (1000_f64.ln() - x_mean)).exp(),
            exponent,
            error: (scatter / xx).sqrt(),
        })
    }
}
