//! What a study leaves behind for people: tables, structures, figures, and a page that shows them.

use crate::analysis::{Estimate, Fit, State, Summary};
use crate::figure::{Axis, Color, Curve, Figure, Panel, Point, Style};
use crate::page::{Page, Table};
use crate::storage;
use crate::study::Resolved;
use anyhow::{Context, Result};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use vitreous::md_core::extended_xyz::{Frame, Labels, write_frame};
use vitreous::observables::{Verdict, relaxation};

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
            &summary.verdict(),
        );
    for warning in summary.warnings() {
        page = page.paragraph(&format!("Note: {warning}."));
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

/// A table with the meaning of each column.
struct Sheet {
    name: &'static str,
    columns: Vec<(&'static str, &'static str)>,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    fn csv(&self) -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|(name, _)| name))?;
        for row in &self.rows {
            writer.write_record(row)?;
        }
        Ok(writer.into_inner()?)
    }

    fn meanings(&self) -> BTreeMap<&'static str, &'static str> {
        self.columns.iter().copied().collect()
    }
}

/// A number that may be missing: an empty cell.
fn cell(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn estimate_cells(estimate: Option<Estimate>) -> [String; 3] {
    let interval = estimate.and_then(|e| e.interval);
    [
        cell(estimate.map(|e| e.value)),
        cell(interval.map(|i| i.0)),
        cell(interval.map(|i| i.1)),
    ]
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Invariant => "invariant",
        Verdict::Drifting => "drifting",
        Verdict::Undecided => "undecided",
    }
}

fn tables<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Vec<Sheet> {
    vec![
        states_sheet(summary),
        correlations_sheet(study, summary),
        glasses_sheet(summary),
        stiffness_sheet(summary),
        fit_sheet(summary),
    ]
}

fn states_sheet<const D: usize>(summary: &Summary<D>) -> Sheet {
    Sheet {
        name: "states",
        columns: vec![
            ("temperature", "T"),
            ("t0", "unit of time a0/sqrt(T)"),
            (
                "tau_alpha",
                "relaxation time, F_s(tau_alpha) = 0.2, species A; geometric mean over runs",
            ),
            ("tau_alpha_low", "lower end of its interval"),
            ("tau_alpha_high", "upper end of its interval"),
            ("tau_alpha_over_t0", "relaxation time in units of t0"),
            (
                "thermalised",
                "are the halves of the runs the same within the tolerance? invariant, drifting or undecided",
            ),
            (
                "drift_ln_tau",
                "mean over runs of ln tau_alpha in the second half minus the first",
            ),
            (
                "drift_ln_msd",
                "the same of the logarithm of the mean squared displacement at tau_alpha",
            ),
            (
                "diffusion_coefficient",
                "of species A; empty where the displacement is not yet diffusive",
            ),
            (
                "potential_energy",
                "mean potential energy of the liquid per particle",
            ),
            (
                "pressure",
                "mean potential part of the pressure of the liquid",
            ),
            ("kinetic_temperature", "mean kinetic temperature"),
            (
                "conserved_drift",
                "largest change of the thermostat's conserved quantity over a run, per particle",
            ),
            ("glasses", "number of inherent structures analysed"),
            ("e_is", "energy of inherent structures per particle"),
            ("e_is_low", "lower end of its interval"),
            ("e_is_high", "upper end of its interval"),
            ("shear_modulus", "G, averaged over shear planes and glasses"),
            ("shear_modulus_low", "lower end of its interval"),
            ("shear_modulus_high", "upper end of its interval"),
            ("bulk_modulus", "K"),
            ("bulk_modulus_low", "lower end of its interval"),
            ("bulk_modulus_high", "upper end of its interval"),
            (
                "dipole_stiffness",
                "kappa, averaged over sampled interactions and glasses",
            ),
            ("dipole_stiffness_low", "lower end of its interval"),
            ("dipole_stiffness_high", "upper end of its interval"),
        ],
        rows: summary.states.iter().map(state_row).collect(),
    }
}

fn state_row<const D: usize>(state: &State<D>) -> Vec<String> {
    let tests = state.invariance.as_ref();
    let mut row = vec![state.temperature.to_string(), state.time_unit.to_string()];
    row.extend(estimate_cells(state.relaxation_time));
    row.extend([
        cell(state.relaxation_time.map(|tau| tau.value / state.time_unit)),
        verdict_word(state.verdict()).to_owned(),
        cell(tests.map(|tests| tests[0].mean_difference)),
        cell(tests.map(|tests| tests[1].mean_difference)),
        cell(state.diffusion),
        state.potential_energy.to_string(),
        state.pressure.to_string(),
        state.kinetic_temperature.to_string(),
        state.drift.to_string(),
        state.glasses.len().to_string(),
    ]);
    row.extend(estimate_cells(state.inherent_energy));
    row.extend(estimate_cells(state.shear_modulus));
    row.extend(estimate_cells(state.bulk_modulus));
    row.extend(estimate_cells(state.dipole_stiffness));
    row
}

fn correlations_sheet<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for state in &summary.states {
        let times = state.correlations.times(study.time_step);
        for (species, correlations) in state.correlations.species.iter().enumerate() {
            for (lag, &time) in times.iter().enumerate() {
                let mut row = vec![
                    state.temperature.to_string(),
                    study.model.labels[species].to_owned(),
                    time.to_string(),
                    (time / state.time_unit).to_string(),
                ];
                for series in [
                    &correlations.self_scattering,
                    &correlations.mean_squared_displacement,
                    &correlations.non_gaussian_parameter,
                ] {
                    row.push(series.values[lag].to_string());
                    row.push(cell(series.standard_errors[lag]));
                }
                row.push(correlations.origins[lag].to_string());
                rows.push(row);
            }
        }
    }
    Sheet {
        name: "correlations",
        columns: vec![
            ("temperature", "T"),
            ("species", "label of the species"),
            ("t", "lag"),
            ("t_over_t0", "lag in units of t0 = a0/sqrt(T)"),
            (
                "f_s",
                "self part of the intermediate scattering function at the wave number of the species",
            ),
            ("f_s_error", "its standard error"),
            ("msd", "mean squared displacement"),
            ("msd_error", "its standard error"),
            (
                "alpha_2",
                "non-Gaussian parameter D <r^4>/((D + 2) <r^2>^2) - 1",
            ),
            ("alpha_2_error", "its standard error"),
            ("origins", "number of time origins"),
        ],
        rows,
    }
}

fn glasses_sheet<const D: usize>(summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for state in &summary.states {
        for (run, snapshot, glass) in &state.glasses {
            let mut row = vec![
                state.temperature.to_string(),
                run.to_string(),
                snapshot.to_string(),
            ];
            let [born, prestress, non_affine] = glass.shear;
            row.extend(
                [
                    glass.energy,
                    glass.force_ratio,
                    glass.pressure,
                    glass.shear_modulus(),
                    born,
                    prestress,
                    non_affine,
                    glass.bulk_modulus,
                    glass.dipole_stiffness(),
                ]
                .map(|value| value.to_string()),
            );
            rows.push(row);
        }
    }
    Sheet {
        name: "glasses",
        columns: vec![
            ("temperature", "parent temperature T_p"),
            ("run", "run of the liquid, from 0"),
            ("snapshot", "snapshot of that run, from 0"),
            ("energy", "potential energy of the inherent structure"),
            (
                "force_ratio",
                "typical net force over typical interaction force",
            ),
            ("pressure", "potential part of the pressure"),
            ("shear_modulus", "G, averaged over shear planes"),
            ("born", "its Born part"),
            ("prestress", "its prestress part"),
            ("non_affine", "its non-affine part"),
            ("bulk_modulus", "K"),
            (
                "dipole_stiffness",
                "kappa, averaged over the interactions sampled",
            ),
        ],
        rows,
    }
}

fn stiffness_sheet<const D: usize>(summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for state in &summary.states {
        for (run, snapshot, glass) in &state.glasses {
            for (i, j, kappa) in &glass.dipole_stiffnesses {
                rows.push(vec![
                    state.temperature.to_string(),
                    run.to_string(),
                    snapshot.to_string(),
                    i.to_string(),
                    j.to_string(),
                    kappa.to_string(),
                ]);
            }
        }
    }
    Sheet {
        name: "dipole_stiffness",
        columns: vec![
            ("temperature", "parent temperature T_p"),
            ("run", "run of the liquid, from 0"),
            ("snapshot", "snapshot of that run, from 0"),
            ("i", "first particle of the interaction, from 0"),
            ("j", "second particle"),
            (
                "kappa",
                "stiffness of the response to a force dipole on the pair",
            ),
        ],
        rows,
    }
}

fn fit_sheet<const D: usize>(summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for (name, fit) in [("kappa", &summary.dipole_fit), ("G", &summary.modulus_fit)] {
        let Ok(fit) = fit else { continue };
        for point in &fit.line.points {
            rows.push(vec![
                name.to_owned(),
                point.temperature.to_string(),
                point.stiffness_over_temperature.to_string(),
                point.log_time.to_string(),
                point.residual.to_string(),
                point.deviation.to_string(),
                point.deviation_error.to_string(),
                point.holds.to_string(),
            ]);
        }
    }
    Sheet {
        name: "fit",
        columns: vec![
            ("stiffness", "kappa or G"),
            ("temperature", "T"),
            ("stiffness_over_temperature", "x of the fit"),
            ("ln_tau_over_t0", "y of the fit"),
            ("residual", "y minus the line through all points"),
            ("deviation", "y minus the line through the warmer points"),
            ("deviation_error", "its standard error"),
            (
                "holds",
                "whether the line through the warmer points holds here",
            ),
        ],
        rows,
    }
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
    let labels = Labels::new(study.model.labels.iter().copied())?;
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
         resamples over glasses (κ, G, e_{{IS}}) and runs (τ_{{α}}). A liquid is called thermalised (invariant) when the whole interval \
         of the mean difference between the halves of its runs lies within {} for ln τ_{{α}} and for the logarithm of the mean squared \
         displacement at τ_{{α}}.",
        relaxation::THRESHOLD,
        study.study.glasses.interactions,
        100.0 * study.study.analysis.level,
        study.study.analysis.resamples,
        study.study.analysis.drift_tolerance
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
                        verdict_word(state.verdict()).to_owned()
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

fn point(x: f64, estimate: Estimate) -> Point {
    let point = Point::from((x, estimate.value));
    match estimate.interval {
        Some((low, high)) => point.interval(low, high),
        None => point,
    }
}

/// The points of a quantity over the temperatures that have it.
fn points<const D: usize>(
    summary: &Summary<D>,
    of: impl Fn(&State<D>) -> Option<(f64, Estimate)>,
) -> Vec<Point> {
    summary
        .states
        .iter()
        .filter_map(&of)
        .map(|(x, estimate)| point(x, estimate))
        .collect()
}

fn figures<const D: usize>(
    study: &Resolved,
    summary: &Summary<D>,
) -> Vec<(&'static str, Figure, &'static str)> {
    vec![
        (
            "scattering",
            scattering(study, summary),
            "The self part of the intermediate scattering function of species A; its crossing of the dashed line defines τ_{α}.",
        ),
        (
            "relaxation",
            relaxation_figure(summary),
            "The relaxation time against inverse temperature.",
        ),
        (
            "stiffness",
            stiffness(summary),
            "The change of the dipole stiffness κ and of the shear modulus G of inherent structures relative to those of the warmest liquid.",
        ),
        (
            "fit",
            fit_figure(summary),
            "The mesoelastic model, Eq. (3): ln(τ_{α}/t_{0}) against κ/T, and for comparison against G/T. Lines are fitted to the activated regime (filled range of the table fit.csv).",
        ),
        (
            "inherent_energy",
            energy(summary),
            "The energy of inherent structures per particle against the temperature of the liquid they come from.",
        ),
    ]
}

fn scattering<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Figure {
    let mut panel = Panel::new(Axis::logarithmic("t/t_{0}"))
        .reference(relaxation::THRESHOLD, "F_{s}(τ_{α}) = 0.2");
    let last = summary.states.len().saturating_sub(1).max(1) as f64;
    for (index, state) in summary.states.iter().enumerate() {
        let times = state.correlations.times(study.time_step);
        let values = &state.correlations.species[0].self_scattering.values;
        let curve = times
            .iter()
            .zip(values)
            .map(|(time, value)| (time / state.time_unit, *value));
        let warmth = 1.0 - index as f64 / last;
        panel = panel.curve(Curve::new(
            format!("T = {}", state.temperature),
            Style::Line,
            Color::Temperature(warmth),
            curve,
        ));
    }
    Figure::new(
        "Slowing down of structural relaxation",
        Axis::linear("F_{s}(t; q_{max})").range(0.0, 1.0),
    )
    .panel(panel)
}

fn relaxation_figure<const D: usize>(summary: &Summary<D>) -> Figure {
    let points = points(summary, |state| {
        let reduced = state.relaxation_time?.map(|tau| tau / state.time_unit);
        Some((1.0 / state.temperature, reduced))
    });
    Figure::new("Relaxation time", Axis::logarithmic("τ_{α}/t_{0}")).panel(
        Panel::new(Axis::linear("1/T")).curve(Curve::new(
            "",
            Style::LineAndMarkers,
            Color::Sequence(0),
            points,
        )),
    )
}

/// The change relative to the warmest temperature; the uncertainty of that one's own value is not included.
fn relative<const D: usize>(
    summary: &Summary<D>,
    of: fn(&State<D>) -> Option<Estimate>,
) -> Vec<Point> {
    let Some(reference) = summary.states.first().and_then(of) else {
        return Vec::new();
    };
    points(summary, |state| {
        let change = of(state)?.map(|value| 100.0 * (value / reference.value - 1.0));
        Some((1.0 / state.temperature, change))
    })
}

fn stiffness<const D: usize>(summary: &Summary<D>) -> Figure {
    let panel = Panel::new(Axis::linear("1/T_{p}"))
        .curve(Curve::new(
            "κ",
            Style::LineAndMarkers,
            Color::Sequence(0),
            relative(summary, |state| state.dipole_stiffness),
        ))
        .curve(Curve::new(
            "G",
            Style::LineAndMarkers,
            Color::Sequence(1),
            relative(summary, |state| state.shear_modulus),
        ));
    Figure::new("Stiffening on cooling", Axis::linear("relative change / %")).panel(panel)
}

fn fit_panel<const D: usize>(
    summary: &Summary<D>,
    fit: &std::result::Result<Fit, String>,
    of: fn(&State<D>) -> Option<Estimate>,
    label: &str,
    color: usize,
) -> Panel {
    let data = points(summary, |state| {
        let time = state
            .relaxation_time?
            .map(|tau| (tau / state.time_unit).ln());
        Some((of(state)?.value / state.temperature, time))
    });
    let mut panel = Panel::new(Axis::linear(label)).curve(Curve::new(
        "",
        Style::Markers,
        Color::Sequence(color),
        data,
    ));
    if let Ok(Fit { line, .. }) = fit {
        let positions = || {
            line.points
                .iter()
                .map(|point| point.stiffness_over_temperature)
        };
        let ends = [
            positions().fold(f64::INFINITY, f64::min),
            positions().fold(f64::NEG_INFINITY, f64::max),
        ];
        let drawn = ends.map(|x| (x, line.intercept + line.slope * x));
        panel = panel
            .curve(Curve::new("", Style::Line, Color::Gray, drawn))
            .heading(format!(
                "t̃ = {:.2e}, l̃ = {:.3}, R² = {:.4}",
                line.time, line.length, line.r_squared
            ));
    }
    panel
}

fn fit_figure<const D: usize>(summary: &Summary<D>) -> Figure {
    Figure::new(
        "Does stiffness control slowing down?",
        Axis::linear("ln(τ_{α}/t_{0})"),
    )
    .panel(fit_panel(
        summary,
        &summary.dipole_fit,
        |state| state.dipole_stiffness,
        "κ/T",
        0,
    ))
    .panel(fit_panel(
        summary,
        &summary.modulus_fit,
        |state| state.shear_modulus,
        "G/T",
        1,
    ))
}

fn energy<const D: usize>(summary: &Summary<D>) -> Figure {
    let points = points(summary, |state| {
        Some((state.temperature, state.inherent_energy?))
    });
    Figure::new("Depth in the energy landscape", Axis::linear("e_{IS}")).panel(
        Panel::new(Axis::linear("T_{p}")).curve(Curve::new(
            "",
            Style::LineAndMarkers,
            Color::Sequence(2),
            points,
        )),
    )
}
