//! `vitreous energy`.

use super::input::{Input, Sample};
use super::{Command, print};
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use vitreous::md_core::{ForceField, Mechanics};

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct Energy {
    #[command(flatten)]
    input: Input,
}

/// What is printed; the order of the fields is that of the keys.
#[derive(Serialize)]
struct Results {
    energy: f64,
    forces: Vec<Vec<f64>>,
    stress: Vec<Vec<f64>>,
    pressure: f64,
    #[serde(skip)]
    force_ratio: f64,
    #[serde(skip)]
    max_force: f64,
}

impl Results {
    fn new<const D: usize>(mechanics: &Mechanics<D>) -> Self {
        let balance = mechanics.balance();
        Self {
            energy: mechanics.energy(),
            forces: mechanics.forces.iter().map(|f| f.to_vec()).collect(),
            stress: mechanics.stress().iter().map(|row| row.to_vec()).collect(),
            pressure: mechanics.pressure(),
            force_ratio: balance.ratio(),
            max_force: balance.largest,
        }
    }
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let particles = self.forces.len();
        writeln!(f, "particles      {particles}")?;
        writeln!(f, "energy         {:<24?} potential energy U", self.energy)?;
        writeln!(
            f,
            "               {:<24?} per particle",
            self.energy / particles as f64
        )?;
        writeln!(f, "pressure       {:<24?} potential part", self.pressure)?;
        for (index, row) in self.stress.iter().enumerate() {
            let name = if index == 0 { "stress" } else { "" };
            let row: Vec<String> = row.iter().map(|entry| format!("{entry:<24?}")).collect();
            writeln!(f, "{name:<14} {}", row.join(" ").trim_end())?;
        }
        writeln!(
            f,
            "largest force  {:<24?} on a particle (all forces: --json)",
            self.max_force
        )?;
        writeln!(
            f,
            "force ratio    {:<24?} net over interaction forces; below 1e-9 in a good minimum",
            self.force_ratio
        )
    }
}

impl Command for Energy {
    fn input(&self) -> &Input {
        &self.input
    }

    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()> {
        let mechanics = ForceField::new(sample.potential.as_ref())
            .evaluate(&sample.configuration)
            .context(self.input.path())?;
        print(&Results::new(&mechanics), self.input.json)
    }
}
