//! What a study leaves behind for people: tables, structures, figures, and a page that shows them.

mod figures;
mod tables;

use crate::analysis::{Estimate, Fit, Summary};
use crate::page::{Page, Table};
use crate::storage;
use crate::study::Resolved;
use crate::thermalised::Standing;
use anyhow::{Context, Result};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use vitreous::md_core::files::extended_xyz::{Frame, Labels, write_frame};
use vitreous::observables::relaxation;

use figures::figures;
use tables::tables;

/// Writes everything.
pub(crate) fn write<const D: usize>(
    study: &Resolved,
    summary: &Summary<D>,
    output: &Path,
) -> Result<()> {
    let tables = tables(study, summary);
    for table in &tables {
        let path = output.join(format!("{}.csv", table.name));
        storage::write(
            &path,
            &table
                .csv()
                .with_context(|| format!("cannot write {}", path.display()))?,
        )?;
    }
    let sidecar = json!({
        "program": concat!("vitreous ", env!("CARGO_PKG_VERSION")),
        "study": study.study,
        "units": "m = k_B = 1; lengths, energies and times in the units of the potential",
        "length_unit_a0": summary.length_unit,
        "warnings": summary.warnings(),
        "verdict": summary.verdict(),
        "fit_dipole_stiffness": fit_json(&summary.dipole_fit),
        "fit_shear_modulus": fit_json(&summary.modulus_fit),
        "stokes_einstein": match &summary.stokes_einstein {
            Ok(line) => json!(line),
            Err(reason) => json!({ "error": reason }),
        },
        "tables": tables.iter().map(|table| (table.name, table.meanings())).collect::<BTreeMap<_, _>>(),
    });
    storage::write(
        &output.join("results.json"),
        &serde_json::to_vec_pretty(&sidecar)?,
    )?;
    write_structures(study, summary, output)?;

    let figures = figures(study, summary);
    let folder = output.join("figures");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let mut page = Page::new(&study.title())
        .paragraph(&introduction(study, summary))
        .verdict(
            "Does the mesoscopic stiffness control the slowing down?",
            &typeset(&summary.verdict()),
        );
    for warning in summary.warnings() {
        page = page.paragraph(&typeset(&format!("Note: {warning}.")));
    }
    if summary
        .states
        .iter()
        .any(|state| state.standing != Standing::Thermalised)
    {
        page = page.paragraph(
            "Open symbols and dashed curves: temperatures at which the liquid is not shown to be thermalised.",
        );
    }
    for (name, figure, caption) in &figures {
        match figure.svg() {
            Ok(svg) => {
                figure.write(&folder, name)?;
                page = page.figure(&svg, caption);
            }
            Err(reason) => page = page.paragraph(&format!("No figure '{name}': {reason}.")),
        }
    }
    page = page
        .heading("Numbers")
        .table(
            &summary_table(study, summary),
            "Averages with their intervals. The full precision is in states.csv.",
        )
        .paragraph(&method(study));
    storage::write(&output.join("index.html"), page.render().as_bytes())
}

fn fit_json(fit: &std::result::Result<Fit, String>) -> serde_json::Value {
    match fit {
        Ok(fit) => json!({
            "t_tilde": fit.line.time,
            "l_tilde": fit.line.length,
            "slope": fit.line.slope,
            "intercept": fit.line.intercept,
            "r_squared": fit.line.r_squared,
            "holds_down_to": fit.line.holds_down_to,
            "not_activated": fit.line.not_activated,
            "intervals": match &fit.intervals {
                Ok(intervals) => json!(intervals),
                Err(reason) => json!({ "error": reason }),
            },
        }),
        Err(reason) => json!({ "error": reason }),
    }
}

/// The inherent structures of each temperature, as one extended XYZ file with a frame each.
fn write_structures<const D: usize>(
    study: &Resolved,
    summary: &Summary<D>,
    output: &Path,
) -> Result<()> {
    let folder = output.join("inherent_structures");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let labels = Labels::new(study.model.labels().iter().copied())?;
    for state in &summary.states {
        let mut bytes = Vec::new();
        for (run, snapshot, glass) in &state.glasses {
            let properties = [
                ("energy", glass.energy.to_string()),
                ("parent_temperature", state.temperature.to_string()),
                ("run", run.to_string()),
                ("snapshot", snapshot.to_string()),
            ];
            let frame = Frame {
                configuration: glass
                    .configuration
                    .with_positions(glass.configuration.wrapped_positions())?,
                velocities: None,
                properties: properties
                    .map(|(key, value)| (key.to_owned(), value))
                    .into(),
            };
            write_frame(&mut bytes, &frame, &labels)?;
        }
        storage::write(&folder.join(format!("T{}.xyz", state.temperature)), &bytes)?;
    }
    Ok(())
}

/// The symbols of a message to a terminal as they are printed.
fn typeset(text: &str) -> String {
    [
        ("tau_alpha", "τ_{α}"),
        ("/t0", "/t_{0}"),
        ("kappa", "κ"),
        ("t~", "t̃"),
        ("l~", "l̃"),
        ("R^2", "R²"),
        ("F_s ", "F_{s} "),
        (" .. ", " … "),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (plain, printed)| {
        text.replace(plain, printed)
    })
}

fn introduction<const D: usize>(study: &Resolved, summary: &Summary<D>) -> String {
    format!(
        "Model {} ({}), {} particles at density {} in {} dimensions, {} independent runs at each of {} temperatures. \
         Units: k_{{B}} = m = 1, a_{{0}} = {:.6} and t_{{0}} = a_{{0}}/√T.",
        study.model.name,
        study.model.summary,
        study.study.particles,
        study.density,
        D,
        study.study.runs,
        summary.states.len(),
        summary.length_unit
    )
}

fn method(study: &Resolved) -> String {
    format!(
        "τ_{{α}} is the time at which F_{{s}} of species A falls to {}, the geometric mean over runs. κ of a glass is the mean over \
         {} randomly chosen interactions, G the mean over shear planes. Intervals are at the {:.0} % level, by BCa bootstrap with {} \
         resamples over glasses (κ, G, e_{{IS}}) and runs (τ_{{α}}). A liquid is called thermalised when the whole interval \
         of the mean difference between the halves of its runs lies within {} for ln τ_{{α}} and for the logarithm of the mean squared \
         displacement at τ_{{α}}, and within {} T for the potential energy per particle. Runs went on until that was so, to at most {} τ_{{α}}; \
         after a drift their first half was dropped.",
        relaxation::THRESHOLD,
        study.study.glasses.interactions,
        100.0 * study.study.analysis.level,
        study.study.analysis.resamples,
        study.study.analysis.drift_tolerance,
        study.study.analysis.energy_tolerance,
        study.study.production.longest()
    )
}

fn short(estimate: Option<Estimate>, digits: usize) -> String {
    match estimate {
        Some(Estimate {
            value,
            interval: Some((low, high)),
        }) => format!("{value:.digits$} ({low:.digits$} … {high:.digits$})"),
        Some(Estimate {
            value,
            interval: None,
        }) => format!("{value:.digits$}"),
        None => "–".to_owned(),
    }
}

fn summary_table<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Table {
    let head = [
        "T",
        "τ_{α}/t_{0}",
        "thermalised",
        "e_{IS}",
        "G",
        "κ",
        "glasses",
    ];
    Table {
        columns: head.map(str::to_owned).to_vec(),
        rows: summary
            .states
            .iter()
            .map(|state| {
                vec![
                    state.temperature.to_string(),
                    short(
                        state
                            .relaxation_time
                            .map(|tau| tau.map(|t| t / state.time_unit)),
                        1,
                    ),
                    if study.study.runs > 1 {
                        state.standing.word().to_owned()
                    } else {
                        "one run".to_owned()
                    },
                    short(state.inherent_energy, 4),
                    short(state.shear_modulus, 3),
                    short(state.dipole_stiffness, 3),
                    state.glasses.len().to_string(),
                ]
            })
            .collect(),
    }
}
