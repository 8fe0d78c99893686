//! `vitreous soft-modes`.

use super::input::{Input, Sample};
use super::{Certification, Command, check_output, note_rattlers, print};
use crate::storage;
use crate::study::SolverName;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use vitreous::linresp::{
    Anharmonicity, FoundMode, LinearResponse, PseudoharmonicModes, SoftModeSearch,
};
use vitreous::md_core::files::extended_xyz::{Frame, Labels, write_displacements};
use vitreous::md_core::{Configuration, Potential, Vector};

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct SoftModes {
    #[command(flatten)]
    input: Input,
    /// The number of modes, from the softest.
    #[arg(long, value_name = "COUNT", default_value = "12")]
    count: NonZeroUsize,
    /// Start from so many interactions, those with the lowest dipole stiffness [default: all].
    #[arg(long, value_name = "COUNT")]
    starts: Option<NonZeroUsize>,
    /// Find the cubic mode near each, with its energy barrier.
    #[arg(long)]
    cubic: bool,
    /// A file for the modes (extended XYZ): one frame each, with displacements in the columns disp.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The linear solver.
    #[arg(long, value_enum, default_value_t = SolverName::Cholesky)]
    solver: SolverName,
    /// The number of threads [default: all cores]. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    certification: Certification,
}

/// What is printed; the order of the fields is that of the keys.
#[derive(Serialize)]
struct Results {
    soft_modes: Vec<SoftMode>,
    searches: usize,
    unconverged: usize,
    modes_found: usize,
    #[serde(skip)]
    particles: usize,
}

#[derive(Serialize)]
struct SoftMode {
    stiffness: f64,
    participation_ratio: f64,
    cost: f64,
    /// Of the starts the one with the lowest stiffness.
    i: usize,
    j: usize,
    kappa: f64,
    starts: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cubic: Option<CubicMode>,
}

#[derive(Serialize)]
struct CubicMode {
    stiffness: f64,
    participation_ratio: f64,
    tau: f64,
    chi: f64,
    barrier: f64,
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let cubic = self.soft_modes.iter().any(|mode| mode.cubic.is_some());
        write!(
            f,
            "{:>12} {:>9} {:>8} {:>13} {:>12}",
            "stiffness", "N e", "starts", "softest start", "its kappa"
        )?;
        if cubic {
            write!(f, "  {:>12} {:>12}", "cubic mode", "barrier")?;
        }
        writeln!(f)?;
        for mode in &self.soft_modes {
            write!(
                f,
                "{:>12.6} {:>9.2} {:>8} {:>13} {:>12.6}",
                mode.stiffness,
                mode.participation_ratio * self.particles as f64,
                mode.starts,
                format!("{}-{}", mode.i, mode.j),
                mode.kappa,
            )?;
            if let Some(cubic) = &mode.cubic {
                write!(f, "  {:>12.6} {:>12.6e}", cubic.stiffness, cubic.barrier)?;
            }
            writeln!(f)?;
        }
        writeln!(
            f,
            "{} modes from {} searches",
            self.modes_found, self.searches
        )
    }
}

impl SoftModes {
    /// The interactions from which to start, with the stiffness of each.
    fn starts<const D: usize>(
        &self,
        response: &LinearResponse<'_, D>,
        threads: NonZeroUsize,
    ) -> Result<Vec<(usize, f64)>> {
        let field = response.dipole_stiffness_field(threads)?;
        let mut starts: Vec<(usize, f64)> = field.into_iter().enumerate().collect();
        ensure!(
            !starts.is_empty(),
            "{}: no two particles interact, so there is no dipole response to start from",
            self.input.path()
        );
        starts.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        starts.truncate(self.starts.map_or(usize::MAX, NonZeroUsize::get));
        Ok(starts)
    }

    /// The cubic mode near each of the modes.
    fn cubic<const D: usize>(
        response: &LinearResponse<'_, D>,
        potential: &dyn Potential<D>,
        modes: &[FoundMode<D>],
        threads: NonZeroUsize,
    ) -> Result<Vec<CubicMode>> {
        let starts: Vec<&[Vector<D>]> = modes
            .iter()
            .map(|found| found.mode.displacements.as_slice())
            .collect();
        let search = SoftModeSearch::default();
        response
            .quasilocalised_modes(potential, Anharmonicity::Cubic, &starts, &search, threads)?
            .into_iter()
            .map(|mode| {
                let mode = mode.context("the cubic mode")?;
                Ok(CubicMode {
                    stiffness: mode.stiffness,
                    participation_ratio: mode.participation_ratio,
                    tau: mode.cubic,
                    chi: mode.quartic,
                    barrier: mode.barrier(),
                })
            })
            .collect()
    }

    fn write<const D: usize>(
        path: &Path,
        configuration: &Configuration<D>,
        labels: &Labels,
        modes: &[FoundMode<D>],
    ) -> Result<()> {
        let mut text = Vec::new();
        for found in modes {
            let frame = Frame {
                configuration: configuration.clone(),
                velocities: None,
                properties: BTreeMap::from([(
                    "stiffness".to_owned(),
                    format!("{:?}", found.mode.stiffness),
                )]),
            };
            write_displacements(&mut text, &frame, &found.mode.displacements, labels)?;
        }
        storage::write(path, &text)
    }
}

impl Command for SoftModes {
    fn input(&self) -> &Input {
        &self.input
    }

    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()> {
        if let Some(path) = &self.output {
            check_output(path)?;
        }
        let potential = sample.potential.as_ref();
        let structure = self
            .certification
            .certify(&self.input, potential, sample.configuration)?;
        let response = LinearResponse::new(&structure, self.solver.solver::<D>().as_ref())
            .with_context(|| self.input.path())?;
        note_rattlers(&response.hessian().rattlers());
        let threads = self
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        let starts = self.starts(&response, threads)?;
        let indices: Vec<usize> = starts.iter().map(|&(index, _)| index).collect();
        let PseudoharmonicModes {
            mut modes,
            unconverged,
        } = response.pseudoharmonic_modes(&indices, &SoftModeSearch::default(), threads)?;
        if let Some((_, reached)) = unconverged.first() {
            eprintln!(
                "note: {} of {} searches are left out; the first: {reached}",
                unconverged.len(),
                starts.len()
            );
        }
        let modes_found = modes.len();
        ensure!(
            modes_found > 0,
            "{}: no search converged",
            self.input.path()
        );
        modes.truncate(self.count.get());
        let cubic = if self.cubic {
            let cubic = Self::cubic(&response, potential, &modes, threads)?;
            cubic.into_iter().map(Some).collect()
        } else {
            Vec::new()
        };
        let kappa: BTreeMap<usize, f64> = starts.iter().copied().collect();
        let describe = |(found, cubic): (&FoundMode<D>, Option<CubicMode>)| {
            // Starts are in the order in which they were given: the softest first.
            let start = found.starts[0];
            let pair = &response.interactions()[start];
            SoftMode {
                stiffness: found.mode.stiffness,
                participation_ratio: found.mode.participation_ratio,
                cost: found.mode.cost,
                i: pair.i.min(pair.j),
                j: pair.i.max(pair.j),
                kappa: kappa[&start],
                starts: found.starts.len(),
                cubic,
            }
        };
        let results = Results {
            soft_modes: modes
                .iter()
                .zip(cubic.into_iter().chain(std::iter::repeat_with(|| None)))
                .map(describe)
                .collect(),
            searches: starts.len(),
            unconverged: unconverged.len(),
            modes_found,
            particles: structure.configuration().len(),
        };
        // A result that cannot be stored is printed all the same.
        let written = self.output.as_deref().map_or(Ok(()), |path| {
            Self::write(path, structure.configuration(), &sample.labels, &modes)
        });
        print(&results, self.input.json)?;
        written
    }
}
