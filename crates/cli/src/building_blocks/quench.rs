//! `vitreous quench`.

use super::input::{Input, Sample};
use super::{Command, check_output, positive_number, print};
use crate::storage;
use crate::study::MinimizerName;
use crate::tasks::STOP;
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use vitreous::md_core::files::extended_xyz::{Frame, Labels, write_frame};
use vitreous::md_core::{Configuration, ForceField, Tolerance};

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct Quench {
    #[command(flatten)]
    input: Input,
    /// The file for the minimum (extended XYZ); particles keep their order.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The way downhill.
    #[arg(long, value_enum, default_value_t = MinimizerName::Newton)]
    minimizer: MinimizerName,
    /// The force ratio (net force on particles over force of interactions) at which a minimum is reached.
    #[arg(long, value_name = "RATIO", default_value = "1e-10", value_parser = positive_number, allow_negative_numbers = true)]
    force_ratio: f64,
    /// The most force evaluations, for newton of each of its two parts [default: 100000, for fire 1000000].
    #[arg(long, value_name = "COUNT")]
    evaluation_limit: Option<u64>,
}

/// What is printed; the order of the fields is that of the keys.
#[derive(Serialize)]
struct Results {
    energy: f64,
    force_ratio: f64,
    max_force: f64,
    evaluations: u64,
    hessian_products: u64,
    converged: bool,
    #[serde(skip)]
    particles: usize,
    /// Whether the forces balance only because all of them are next to nothing.
    #[serde(skip)]
    by_floor: bool,
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let per_particle = self.energy / self.particles as f64;
        let converged = match (self.converged, self.by_floor) {
            (false, _) => "no".to_owned(),
            (true, false) => "yes".to_owned(),
            (true, true) => format!(
                "yes: hardly a force is left, the net force on particles is below {:e}",
                Tolerance::FLOOR
            ),
        };
        writeln!(f, "energy       {:<24?} potential energy U", self.energy)?;
        writeln!(f, "             {per_particle:<24?} per particle")?;
        writeln!(
            f,
            "force ratio  {:<24?} net over interaction forces",
            self.force_ratio
        )?;
        writeln!(f, "max force    {:<24?} on a particle", self.max_force)?;
        writeln!(f, "evaluations  {:<24} of forces", self.evaluations)?;
        writeln!(
            f,
            "products     {:<24} of the Hessian with a vector",
            self.hessian_products
        )?;
        writeln!(f, "converged    {converged}")
    }
}

impl Quench {
    /// Writes a configuration with what is known of it.
    fn write<const D: usize>(
        &self,
        configuration: Configuration<D>,
        labels: &Labels,
        results: &Results,
    ) -> Result<()> {
        let frame = Frame {
            configuration,
            velocities: None,
            // What the input says of itself (a temperature, a step) is not true of its minimum.
            properties: BTreeMap::from([
                ("energy".to_owned(), format!("{:?}", results.energy)),
                (
                    "force_ratio".to_owned(),
                    format!("{:?}", results.force_ratio),
                ),
            ]),
        };
        let mut text = Vec::new();
        write_frame(&mut text, &frame, labels)?;
        storage::write(&self.output, &text)
    }
}

impl Command for Quench {
    fn input(&self) -> &Input {
        &self.input
    }

    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()> {
        check_output(&self.output)?;
        let (potential, particles) = (sample.potential.as_ref(), sample.configuration.len());
        let outcome = self
            .minimizer
            .minimizer_with::<D>(self.evaluation_limit)
            .minimize_observed(
                potential,
                sample.configuration,
                Tolerance::force_ratio(self.force_ratio),
                &mut |_| {
                    if STOP.load(Ordering::Relaxed) {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                },
            );
        let (configuration, results, failure) = match outcome {
            Ok(minimum) => {
                let results = Results {
                    energy: minimum.energy,
                    force_ratio: minimum.balance.ratio(),
                    max_force: minimum.balance.largest,
                    evaluations: minimum.work.evaluations,
                    hessian_products: minimum.work.hessian_products,
                    converged: true,
                    particles,
                    by_floor: minimum.balance.ratio() > self.force_ratio,
                };
                (minimum.configuration, results, None)
            }
            Err(unconverged) => {
                let failure = unconverged.to_string();
                let configuration = *unconverged.configuration;
                let mechanics = ForceField::new(potential)
                    .evaluate(&configuration)
                    .context(self.input.path())?;
                let results = Results {
                    energy: mechanics.energy(),
                    force_ratio: mechanics.balance().ratio(),
                    max_force: mechanics.balance().largest,
                    evaluations: unconverged.work.evaluations,
                    hessian_products: unconverged.work.hessian_products,
                    converged: false,
                    particles,
                    by_floor: false,
                };
                (configuration, results, Some(failure))
            }
        };
        // A result that cannot be stored is printed all the same.
        let written = self.write(configuration, &sample.labels, &results);
        print(&results, self.input.json)?;
        written?;
        match failure {
            None => Ok(()),
            Some(failure) => Err(anyhow::anyhow!(
                "{failure}; what was reached, which is not a minimum, is in {}",
                self.output.display()
            )),
        }
    }
}
