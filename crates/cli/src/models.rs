//! `vitreous models`.

use crate::building_blocks::print;
use anyhow::Result;
use serde::Serialize;
use std::fmt::{Display, Formatter};
use vitreous::potentials::{Catalogue, Model};

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct Models {
    /// The model whose parameters are wanted.
    name: Option<String>,
    /// Print JSON in full precision.
    #[arg(long)]
    json: bool,
}

impl Models {
    pub(crate) fn execute(self) -> Result<()> {
        if let Some(name) = self.name {
            return print(&Description::of(&Catalogue::find(&name)?), self.json);
        }
        let mut models = Catalogue::models();
        models.push(Catalogue::custom());
        print(
            &List(models.iter().map(Description::of).collect()),
            self.json,
        )
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct List(Vec<Description>);

/// All there is to know of a model; the order of the fields is that of the keys.
#[derive(Serialize)]
struct Description {
    name: &'static str,
    summary: &'static str,
    source: &'static str,
    species: &'static [&'static str],
    parameters: Vec<Parameter>,
    usual_mixtures: Vec<Mixture>,
}

#[derive(Serialize)]
struct Parameter {
    key: String,
    value: String,
    meaning: &'static str,
}

#[derive(Serialize)]
struct Mixture {
    dimension: usize,
    density: f64,
    composition: Vec<f64>,
    time_step: f64,
    coupling_time: f64,
    chain_length: usize,
    peak_wave_numbers: Vec<f64>,
}

impl Description {
    fn of(model: &Model) -> Self {
        Self {
            name: model.name,
            summary: model.summary,
            source: model.source,
            species: model.labels(),
            parameters: model
                .parameters()
                .into_iter()
                .map(|p| Parameter {
                    key: p.key,
                    value: p.value,
                    meaning: p.meaning,
                })
                .collect(),
            usual_mixtures: [2, 3]
                .into_iter()
                .flat_map(|dimension| model.usual_mixtures(dimension))
                .map(|m| Mixture {
                    dimension: m.dimension,
                    density: m.density,
                    composition: m.composition,
                    time_step: m.time_step,
                    coupling_time: m.coupling_time,
                    chain_length: m.chain_length,
                    peak_wave_numbers: m.peak_wave_numbers,
                })
                .collect(),
        }
    }
}

impl Display for List {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let width = self.0.iter().map(|model| model.name.len()).max();
        let width = width.unwrap_or(0);
        for model in &self.0 {
            writeln!(f, "{:<width$}  {}", model.name, model.summary)?;
            writeln!(f, "{:<width$}  {}", "", model.source)?;
        }
        writeln!(
            f,
            "\n`vitreous models NAME` lists the parameters of a model."
        )
    }
}

impl Display for Description {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}: {}", self.name, self.summary)?;
        writeln!(f, "source: {}", self.source)?;
        writeln!(f, "species: {}", self.species.join(", "))?;
        writeln!(f, "\nparameters (--set KEY=VALUE), with their defaults:")?;
        let width = |text: fn(&Parameter) -> &str| {
            self.parameters
                .iter()
                .map(|p| text(p).len())
                .max()
                .unwrap_or(0)
        };
        let (keys, values) = (width(|p| &p.key), width(|p| &p.value));
        for Parameter {
            key,
            value,
            meaning,
        } in &self.parameters
        {
            let value = if value.is_empty() { "-" } else { value };
            writeln!(f, "  {key:<keys$}  {value:<values$}  {meaning}")?;
        }
        for mixture in &self.usual_mixtures {
            writeln!(f, "\nusually, in {} dimensions:", mixture.dimension)?;
            let shares: Vec<String> = pairs(self.species, &mixture.composition);
            let waves: Vec<String> = pairs(self.species, &mixture.peak_wave_numbers);
            writeln!(f, "  density             {}", mixture.density)?;
            writeln!(f, "  composition         {}", shares.join(", "))?;
            writeln!(f, "  time step           {}", mixture.time_step)?;
            writeln!(
                f,
                "  coupling time       {} (chain of {} Nose-Hoover thermostats)",
                mixture.coupling_time, mixture.chain_length
            )?;
            writeln!(
                f,
                "  wave number         {} (first peak of S(q), where F_s is measured)",
                waves.join(", ")
            )?;
        }
        Ok(())
    }
}

fn pairs(species: &[&str], values: &[f64]) -> Vec<String> {
    species
        .iter()
        .zip(values)
        .map(|(label, value)| format!("{label} {value}"))
        .collect()
}
