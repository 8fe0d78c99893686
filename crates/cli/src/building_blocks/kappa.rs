//! `vitreous kappa`.

mod files;

use super::input::{Input, Sample};
use super::{Certification, Command, check_output, note_rattlers, print};
use crate::storage;
use crate::study::SolverName;
use anyhow::{Context, Result, anyhow, ensure};
use files::Output;
use serde::Serialize;
use std::fmt::{Display, Formatter};
use std::num::NonZeroUsize;
use std::str::FromStr;
use vitreous::linresp::{LinearResponse, ResponseError};
use vitreous::md_core::vector::norm_squared;
use vitreous::md_core::{Configuration, Potential, Seed};

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct Kappa {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    selection: Selection,
    /// Files to write: a row for each interaction (.csv, .npy), or, with --all, particles (.xyz) or bonds (.dump).
    #[arg(short, long, value_name = "FILE,FILE,...", value_delimiter = ',')]
    output: Vec<Output>,
    /// The seed of the random sample.
    #[arg(long, default_value_t = 1, requires = "sample")]
    seed: u64,
    /// The linear solver.
    #[arg(long, value_enum, default_value_t = SolverName::Cholesky)]
    solver: SolverName,
    /// The number of threads [default: all cores]. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    certification: Certification,
}

/// Which interactions.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Selection {
    /// These pairs of particles, counted from 0 in the order of the file.
    #[arg(long, value_name = "I-J,I-J,...", value_delimiter = ',')]
    pairs: Vec<Pair>,
    /// So many different interactions, drawn at random.
    #[arg(long, value_name = "COUNT")]
    sample: Option<NonZeroUsize>,
    /// Every interaction.
    #[arg(long)]
    all: bool,
}

/// Two particles by their place in the file.
#[derive(Clone, Copy)]
struct Pair(usize, usize);

impl FromStr for Pair {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let indices = text
            .split_once('-')
            .and_then(|(i, j)| Some((i.trim().parse().ok()?, j.trim().parse().ok()?)));
        match indices {
            Some((i, j)) if i == j => Err(format!(
                "{i} is given twice: a pair is two different particles"
            )),
            Some((i, j)) => Ok(Self(i, j)),
            None => Err("a pair is two indices, for example 0-17".to_owned()),
        }
    }
}

/// What is printed.
#[derive(Serialize)]
struct Results {
    kappa: Vec<Stiffness>,
    /// With every interaction: the mean over those of each particle, `null` for a particle without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    particles: Option<Vec<Option<f64>>>,
}

#[derive(Serialize)]
struct Stiffness {
    i: usize,
    j: usize,
    kappa: f64,
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:>8} {:>8}  kappa", "i", "j")?;
        for Stiffness { i, j, kappa } in &self.kappa {
            writeln!(f, "{i:>8} {j:>8}  {kappa:?}")?;
        }
        let count = self.kappa.len();
        let mean = self.kappa.iter().map(|s| s.kappa).sum::<f64>() / count as f64;
        writeln!(f, "mean of {count:<9}  {mean:?}")
    }
}

impl Kappa {
    /// The interactions asked for, by index and as they are called in the results.
    fn select<const D: usize>(
        &self,
        response: &LinearResponse<'_, D>,
        potential: &dyn Potential<D>,
    ) -> Result<Vec<(usize, Pair)>> {
        if !self.selection.pairs.is_empty() {
            let find = |&Pair(i, j)| match response.find_interaction(i, j) {
                Ok(index) => Ok((index, Pair(i, j))),
                Err(ResponseError::NotInteracting { .. }) => {
                    let configuration = response.structure().configuration();
                    let species = configuration.species();
                    Err(anyhow!(
                        "particles {i} and {j} do not interact: their distance is {}, the range of the pair {}",
                        distance(configuration, i, j),
                        potential.pair_range(species[i], species[j])
                    ))
                }
                Err(ResponseError::SeveralImages { images, .. }) => Err(anyhow!(
                    "particles {i} and {j} interact through {images} periodic images, so {i}-{j} names no single interaction: use a larger cell"
                )),
                Err(error) => Err(error.into()),
            };
            return self.selection.pairs.iter().map(find).collect();
        }
        let indices = match self.selection.sample {
            Some(count) => {
                let mut random = Seed(self.seed).stream("sampled interactions", &[]);
                response.random_interactions(count.get(), &mut random)?
            }
            None => (0..response.interactions().len()).collect(),
        };
        ensure!(
            !indices.is_empty(),
            "{}: no two particles interact, so there is no dipole stiffness",
            self.input.path()
        );
        let name = |index: usize| {
            let interaction = &response.interactions()[index];
            let (i, j) = (interaction.i, interaction.j);
            (index, Pair(i.min(j), i.max(j)))
        };
        Ok(indices.into_iter().map(name).collect())
    }
}

/// The distance of two particles through the nearest image.
fn distance<const D: usize>(configuration: &Configuration<D>, i: usize, j: usize) -> f64 {
    let positions = configuration.positions();
    let cell = configuration.cell();
    let difference = std::array::from_fn(|k| positions[j][k] - positions[i][k]);
    let fractional = cell.fractional(&difference).map(|f| f - f.round());
    // In a sheared cell the nearest image may be one cell further.
    (0..3_usize.pow(D as u32))
        .map(|image| {
            let shift = |k: usize| (image / 3_usize.pow(k as u32) % 3) as f64 - 1.0;
            let shifted = std::array::from_fn(|k| fractional[k] + shift(k));
            norm_squared(&cell.cartesian(&shifted)).sqrt()
        })
        .fold(f64::INFINITY, f64::min)
}

impl Command for Kappa {
    fn input(&self) -> &Input {
        &self.input
    }

    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()> {
        for output in &self.output {
            check_output(output.path())?;
            ensure!(
                self.selection.all || output.by_interaction(),
                "{}: particles and bonds need the stiffness of every interaction: add --all",
                output.path().display()
            );
        }
        let particles = sample.configuration.len();
        for &Pair(i, j) in &self.selection.pairs {
            ensure!(
                i.max(j) < particles,
                "there is no particle {}: {} has {particles}, counted from 0",
                i.max(j),
                self.input.path()
            );
        }
        let potential = sample.potential.as_ref();
        let structure = self
            .certification
            .certify(&self.input, potential, sample.configuration)?;
        let threads = self
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        let solver = self.solver.solver_with::<D>(threads);
        let response =
            LinearResponse::new(&structure, solver.as_ref()).with_context(|| self.input.path())?;
        note_rattlers(&response.hessian().rattlers());
        let selected = self.select(&response, potential)?;
        let stiffnesses = if self.selection.all {
            response.dipole_stiffness_field(threads)?
        } else {
            let indices: Vec<usize> = selected.iter().map(|(index, _)| *index).collect();
            response.dipole_stiffness(&indices, threads)?
        };
        let kappa: Vec<Stiffness> = selected
            .iter()
            .zip(stiffnesses)
            .map(|(&(_, Pair(i, j)), kappa)| Stiffness { i, j, kappa })
            .collect();
        let configuration = structure.configuration();
        for output in &self.output {
            let contents = output.contents(configuration, &sample.labels, &kappa)?;
            storage::write(output.path(), &contents)?;
        }
        let particles = self.selection.all.then(|| {
            let [means, counts] = files::by_particle(configuration.len(), &kappa);
            let mean = |(mean, count)| (count > 0.0).then_some(mean);
            means.into_iter().zip(counts).map(mean).collect()
        });
        print(&Results { kappa, particles }, self.input.json)
    }
}
