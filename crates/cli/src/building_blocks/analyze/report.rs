//! Tables, figures, the page, and what is printed.

mod figures;
mod tables;

use super::measurement::{Dynamics, Settings, Statics};
use super::source::{Source, Survey};
use super::timeline::TimeUnit;
use crate::page::{Page, Table};
use crate::storage;
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::path::Path;
use vitreous::observables::Series;

/// All that is known.
pub(super) struct Report<'a, const D: usize> {
    pub(super) source: &'a Source,
    pub(super) survey: &'a Survey<D>,
    pub(super) settings: &'a Settings,
    pub(super) statics: &'a Statics,
    pub(super) dynamics: Option<&'a Dynamics>,
}

/// What is printed; the order of the fields is that of the keys.
#[derive(Serialize)]
pub(super) struct Results {
    trajectory: String,
    format: String,
    dimension: usize,
    frames: usize,
    particles: usize,
    density: f64,
    length_unit: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dynamics: Option<DynamicsResults>,
    peak: Option<PeakResults>,
    species: Vec<SpeciesResults>,
    notes: Vec<String>,
    paths: Vec<String>,
}

#[derive(Serialize)]
struct DynamicsResults {
    steps: u64,
    time_step: f64,
    time_unit: TimeUnit,
    wave_number: f64,
    wave_vectors: usize,
    overlap_radius: f64,
}

#[derive(Serialize)]
struct PeakResults {
    species: String,
    wave_number: f64,
    wave_number_error: f64,
    height: f64,
    height_error: f64,
}

#[derive(Serialize)]
struct SpeciesResults {
    label: String,
    particles: usize,
    relaxation_time: Option<f64>,
    relaxation_time_error: Option<f64>,
    diffusion_coefficient: Option<f64>,
    diffusion_coefficient_error: Option<f64>,
    non_gaussian_maximum: Option<f64>,
    non_gaussian_time: Option<f64>,
    susceptibility_maximum: Option<f64>,
    susceptibility_time: Option<f64>,
}

/// The largest value of a curve and the time of it.
fn maximum(times: &[f64], series: &Series) -> Option<(f64, f64)> {
    let points = times.iter().copied().zip(series.values.iter().copied());
    points.max_by(|a, b| a.1.total_cmp(&b.1))
}

impl<const D: usize> Report<'_, D> {
    /// Writes everything and returns what is to be printed.
    pub(super) fn write(&self, output: &Path) -> Result<Results> {
        let mut results = self.results();
        let tables = tables::tables(self);
        let mut paths = Vec::new();
        for table in &tables {
            paths.push(table.write(output)?);
        }
        let folder = output.join("figures");
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let mut page = Page::new(&format!("Trajectory {}", self.source.name()))
            .paragraph(&self.introduction())
            .table(&self.species_table(&results), "Numbers of each species.");
        for note in &results.notes {
            page = page.paragraph(&format!("Note: {note}."));
        }
        for (name, figure, caption) in figures::figures(self) {
            match figure.svg() {
                Ok(svg) => {
                    paths.extend(figure.write(&folder, name)?);
                    page = page.figure(&svg, &caption);
                }
                Err(reason) => page = page.paragraph(&format!("No figure '{name}': {reason}.")),
            }
        }
        page = page.paragraph(&self.method());
        let path = output.join("index.html");
        storage::write(&path, page.render().as_bytes())?;
        paths.push(path);
        let path = output.join("results.json");
        paths.push(path.clone());
        results.paths = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let meanings: BTreeMap<_, _> = tables.iter().map(|t| (t.name, t.meanings())).collect();
        let sidecar = json!({
            "program": concat!("vitreous ", env!("CARGO_PKG_VERSION")),
            "results": results,
            "tables": meanings,
        });
        storage::write(&path, &serde_json::to_vec_pretty(&sidecar)?)?;
        Ok(results)
    }

    fn results(&self) -> Results {
        let survey = self.survey;
        let mut notes = Vec::new();
        if survey.frames() == 1 {
            notes.push("there is one frame, so there is no motion".to_owned());
        }
        let species = (0..survey.labels.len()).map(|index| self.of_species(index, &mut notes));
        let species = species.collect();
        let majority = &survey.labels[self.statics.majority];
        let peak = match &self.statics.peak {
            Ok(peak) => Some(PeakResults {
                species: majority.clone(),
                wave_number: peak.wave_number,
                wave_number_error: peak.wave_number_error,
                height: peak.height,
                height_error: peak.height_error,
            }),
            Err(reason) => {
                notes.push(format!(
                    "no first peak of S(q) of species {majority}: {reason}"
                ));
                None
            }
        };
        Results {
            trajectory: self.source.name(),
            format: self.source.format().to_string(),
            dimension: D,
            frames: survey.frames(),
            particles: survey.species.len(),
            density: survey.density(),
            length_unit: survey.spacing(),
            dynamics: self.dynamics.map(|dynamics| DynamicsResults {
                steps: dynamics.timeline.duration(),
                time_step: dynamics.timeline.time_step,
                time_unit: dynamics.timeline.unit,
                wave_number: dynamics.wave_number,
                wave_vectors: dynamics.wave_vectors,
                overlap_radius: self.settings.overlap_radius,
            }),
            peak,
            species,
            notes,
            paths: Vec::new(),
        }
    }

    /// What is known of a species; what is not, with the reason, is added to the notes.
    fn of_species(&self, index: usize, notes: &mut Vec<String>) -> SpeciesResults {
        let label = &self.survey.labels[index];
        let mut results = SpeciesResults {
            label: label.clone(),
            particles: self.survey.count(index),
            relaxation_time: None,
            relaxation_time_error: None,
            diffusion_coefficient: None,
            diffusion_coefficient_error: None,
            non_gaussian_maximum: None,
            non_gaussian_time: None,
            susceptibility_maximum: None,
            susceptibility_time: None,
        };
        let Some(dynamics) = self.dynamics else {
            return results;
        };
        match &dynamics.relaxation[index] {
            Ok(time) => {
                results.relaxation_time = Some(time.value);
                results.relaxation_time_error = time.standard_error;
            }
            Err(reason) => {
                notes.push(format!("species {label} has no relaxation time: {reason}"));
            }
        }
        match &dynamics.diffusion[index] {
            Ok(diffusion) => {
                results.diffusion_coefficient = Some(diffusion.value);
                results.diffusion_coefficient_error = diffusion.standard_error;
            }
            Err(reason) => {
                notes.push(format!(
                    "species {label} has no diffusion coefficient: {reason}"
                ));
            }
        }
        for (name, value, error) in [
            (
                "relaxation time",
                results.relaxation_time,
                results.relaxation_time_error,
            ),
            (
                "diffusion coefficient",
                results.diffusion_coefficient,
                results.diffusion_coefficient_error,
            ),
        ] {
            if value.is_some() && error.is_none() {
                notes.push(format!(
                    "no standard error of the {name} of species {label}: not every fifth of the trajectory gives one by itself, which a longer one would"
                ));
            }
        }
        let times = dynamics.motion.times(dynamics.timeline.time_step);
        let motion = &dynamics.motion.species[index];
        if let Some((time, value)) = maximum(&times, &motion.non_gaussian_parameter) {
            (results.non_gaussian_time, results.non_gaussian_maximum) = (Some(time), Some(value));
        }
        let susceptibility = &dynamics.overlap.species[index].susceptibility;
        if let Some((time, value)) = maximum(&times, susceptibility) {
            (results.susceptibility_time, results.susceptibility_maximum) =
                (Some(time), Some(value));
        }
        results
    }

    fn introduction(&self) -> String {
        let survey = self.survey;
        let time = self.dynamics.map_or(String::new(), |dynamics| {
            let duration = dynamics.timeline.duration() as f64 * dynamics.timeline.time_step;
            format!(
                ", {} steps of {} ({duration}{})",
                dynamics.timeline.duration(),
                dynamics.timeline.time_step,
                match dynamics.timeline.unit {
                    TimeUnit::Given | TimeUnit::File => "",
                    TimeUnit::Steps => "; times are in steps of the file",
                    TimeUnit::Frames => "; times are in frames",
                }
            )
        });
        format!(
            "{} frames of {} particles in {D} dimensions at density {:.6}{time}. Format: {}. Lengths are those of the file; the mean distance of particles is a_{{0}} = (V/N)^{{1/{D}}} = {:.6}.",
            survey.frames(),
            survey.species.len(),
            survey.density(),
            self.source.format(),
            survey.spacing(),
        )
    }

    fn species_table(&self, results: &Results) -> Table {
        let mut columns = vec!["species", "particles"];
        if self.dynamics.is_some() {
            columns.extend([
                "τ_{α}",
                "±",
                "D",
                "±",
                "max α_{2}",
                "at t",
                "max χ_{4}",
                "at t",
            ]);
        }
        let short = |value: Option<f64>| {
            value.map_or("–".to_owned(), |value| {
                if value != 0.0 && !(1e-3..1e5).contains(&value.abs()) {
                    format!("{value:.3e}")
                } else {
                    format!("{value:.4}")
                }
            })
        };
        let rows = results.species.iter().map(|species| {
            let mut row = vec![species.label.clone(), species.particles.to_string()];
            if self.dynamics.is_some() {
                row.extend(
                    [
                        species.relaxation_time,
                        species.relaxation_time_error,
                        species.diffusion_coefficient,
                        species.diffusion_coefficient_error,
                        species.non_gaussian_maximum,
                        species.non_gaussian_time,
                        species.susceptibility_maximum,
                        species.susceptibility_time,
                    ]
                    .map(short),
                );
            }
            row
        });
        Table {
            rows: rows.collect(),
            columns: columns.into_iter().map(str::to_owned).collect(),
        }
    }

    fn method(&self) -> String {
        let structure = format!(
            "The structure is averaged over {} frames.",
            self.statics.pairs.frames
        );
        let Some(dynamics) = self.dynamics else {
            return structure;
        };
        format!(
            "{structure} Correlations are averaged over all pairs of frames at a lag, with the motion of the centre of mass taken off. Scattering functions are at \
             q = {:.4}, averaged over {} wave vectors. τ_{{α}} is the time at which F_{{s}} falls to 0.2, D comes from the last half decade of the mean squared \
             displacement at lags up to a tenth of the trajectory, or up to the longest if it is not diffusive by then; their standard errors from five stretches of the trajectory, each by itself. Overlap is within {:.4}. The tables have standard errors: from blocks of origins as long as the longest lag.",
            dynamics.wave_number, dynamics.wave_vectors, self.settings.overlap_radius
        )
    }
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} frames of {} particles in {} dimensions ({})",
            self.frames, self.particles, self.dimension, self.format
        )?;
        writeln!(f, "density                {:?}", self.density)?;
        if let Some(peak) = &self.peak {
            writeln!(
                f,
                "first peak of S(q)     {:?} +- {:.1e}, height {:.4} (species {})",
                peak.wave_number, peak.wave_number_error, peak.height, peak.species
            )?;
        }
        if let Some(dynamics) = &self.dynamics {
            writeln!(f, "wave number            {:?}", dynamics.wave_number)?;
            let unit = match dynamics.time_unit {
                TimeUnit::Given | TimeUnit::File => "",
                TimeUnit::Steps => " (times are in steps of the file)",
                TimeUnit::Frames => " (times are in frames)",
            };
            writeln!(f, "time step              {:?}{unit}", dynamics.time_step)?;
            let unknown = || "-".to_owned();
            let shown =
                |value: Option<f64>| value.map_or_else(unknown, |value| format!("{value:?}"));
            for species in &self.species {
                writeln!(
                    f,
                    "\nspecies {}, {} particles",
                    species.label, species.particles
                )?;
                for (name, value, error) in [
                    (
                        "relaxation time      ",
                        species.relaxation_time,
                        species.relaxation_time_error,
                    ),
                    (
                        "diffusion coefficient",
                        species.diffusion_coefficient,
                        species.diffusion_coefficient_error,
                    ),
                ] {
                    let error = error.map_or(String::new(), |error| format!(" +- {error:.1e}"));
                    writeln!(f, "{name}  {}{error}", shown(value))?;
                }
                for (name, value, time) in [
                    (
                        "alpha_2, maximum     ",
                        species.non_gaussian_maximum,
                        species.non_gaussian_time,
                    ),
                    (
                        "chi_4, maximum       ",
                        species.susceptibility_maximum,
                        species.susceptibility_time,
                    ),
                ] {
                    writeln!(f, "{name}  {} at {}", shown(value), shown(time))?;
                }
            }
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        let page = self.paths.iter().find(|path| path.ends_with("index.html"));
        writeln!(f, "\nwritten to {}", page.map_or("", String::as_str))
    }
}
