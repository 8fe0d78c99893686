//! The figures of a study.

use crate::analysis::{Estimate, Fit, State, Summary, readable};
use crate::figure::{Axis, Color, Curve, Figure, Panel, Point, Style};
use crate::study::Resolved;
use crate::thermalised::Standing;
use vitreous::observables::relaxation;

fn point(x: f64, estimate: Estimate) -> Point {
    let point = Point::from((x, estimate.value));
    match estimate.interval {
        Some((low, high)) => point.interval(low, high),
        None => point,
    }
}

/// The points of a quantity over the temperatures that have it; open where the liquid is not shown to be thermalised.
fn points<const D: usize>(
    summary: &Summary<D>,
    of: impl Fn(&State<D>) -> Option<(f64, Estimate)>,
) -> Vec<Point> {
    summary
        .states
        .iter()
        .filter_map(|state| {
            let (x, estimate) = of(state)?;
            Some(point(x, estimate).open(state.standing != Standing::Thermalised))
        })
        .collect()
}

/// All figures, with the names of their files and their captions.
pub(super) fn figures<const D: usize>(
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
            "The mesoelastic model, Eq. (3): ln(τ_{α}/t_{0}) against κ/T, and for comparison against G/T. Lines are fitted to the activated regime (the points in fit.csv).",
        ),
        (
            "displacement",
            displacement(study, summary),
            "The mean squared displacement of species A in units of a_{0} and t_{0}.",
        ),
        (
            "stokes_einstein",
            stokes_einstein(summary),
            "The diffusion coefficient against the relaxation time, in units of a_{0} and t_{0}, with a line through the activated regime.",
        ),
        (
            "structure_factor",
            structure_figure(summary),
            "The structure factor of species A, over its concentration. F_{s} is measured at its first peak.",
        ),
        (
            "inherent_energy",
            energy(summary),
            "The energy of inherent structures per particle against the temperature of the liquid they come from.",
        ),
    ]
}

/// A curve for each temperature, dashed where the liquid is not shown to be thermalised.
fn by_temperature<const D: usize>(
    summary: &Summary<D>,
    mut panel: Panel,
    of: impl Fn(&State<D>) -> Vec<(f64, f64)>,
) -> Panel {
    let last = summary.states.len().saturating_sub(1).max(1) as f64;
    for (index, state) in summary.states.iter().enumerate() {
        let style = if state.standing == Standing::Thermalised {
            Style::Line
        } else {
            Style::Dashed
        };
        panel = panel.curve(Curve::new(
            format!("T = {}", state.temperature),
            style,
            Color::Temperature(1.0 - index as f64 / last),
            of(state),
        ));
    }
    panel
}

/// A correlation against `t/t0`.
fn over_time<const D: usize>(
    study: &Resolved,
    state: &State<D>,
    values: impl Iterator<Item = f64>,
) -> Vec<(f64, f64)> {
    let times = state.correlations.times(study.time_step);
    let reduced = times.iter().map(|time| time / state.time_unit);
    reduced.zip(values).collect()
}

fn scattering<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Figure {
    let panel = Panel::new(Axis::logarithmic("t/t_{0}"))
        .reference(relaxation::THRESHOLD, "F_{s}(τ_{α}) = 0.2");
    let of = |state: &State<D>| {
        let values = &state.correlations.species[0].self_scattering.values;
        over_time(study, state, values.iter().copied())
    };
    Figure::new(
        "Slowing down of structural relaxation",
        Axis::linear("F_{s}(t; q_{max})").range(0.0, 1.0),
    )
    .panel(by_temperature(summary, panel, of))
}

fn displacement<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Figure {
    let area = summary.length_unit.powi(2);
    // d (t/t0)^2, up to the end of the ballistic regime.
    let ballistic = [1e-2, 1e-1].map(|t: f64| (t, D as f64 * t * t));
    let panel = Panel::new(Axis::logarithmic("t/t_{0}"));
    let of = |state: &State<D>| {
        let values = &state.correlations.species[0]
            .mean_squared_displacement
            .values;
        over_time(study, state, values.iter().map(|value| value / area))
    };
    let panel = by_temperature(summary, panel, of).curve(Curve::new(
        "ballistic, to 0.1 t_{0}",
        Style::Line,
        Color::Gray,
        ballistic,
    ));
    Figure::new(
        "From ballistic motion to diffusion",
        Axis::logarithmic("⟨r^{2}⟩/a_{0}^{2}"),
    )
    .panel(panel)
}

fn stokes_einstein<const D: usize>(summary: &Summary<D>) -> Figure {
    let area = summary.length_unit.powi(2);
    let points = points(summary, |state| {
        let reduced = state.diffusion? * state.time_unit / area;
        let tau = state.relaxation_time?.value / state.time_unit;
        let value = Estimate {
            value: reduced,
            interval: None,
        };
        Some((tau, value))
    });
    let mut panel = Panel::new(Axis::logarithmic("τ_{α}/t_{0}")).curve(Curve::new(
        "",
        Style::Markers,
        Color::Sequence(0),
        points.clone(),
    ));
    if let Ok(line) = &summary.stokes_einstein {
        let at = |tau: f64| {
            (
                tau,
                line.prefactor.estimate * tau.powf(-line.exponent.estimate),
            )
        };
        let longest = points.iter().map(|point| point.x).fold(0.0, f64::max);
        let ends = [at(summary.activated_above), at(longest)];
        panel = panel
            .curve(Curve::new("", Style::Line, Color::Gray, ends))
            .heading(format!("slope −{:.2}", line.exponent.estimate));
    }
    Figure::new(
        "Stokes-Einstein relation",
        Axis::logarithmic("D t_{0}/a_{0}^{2}"),
    )
    .panel(panel)
}

fn structure_figure<const D: usize>(summary: &Summary<D>) -> Figure {
    let of = |state: &State<D>| {
        let Ok(structure) = &state.structure else {
            return Vec::new();
        };
        let factors = &structure.factors;
        let values = factors.partial[0].ashcroft_langreth();
        factors.wave_numbers.iter().copied().zip(values).collect()
    };
    let panel = by_temperature(summary, Panel::new(Axis::linear("q")), of);
    Figure::new("Structure of the liquid", Axis::linear("S_{AA}(q)")).panel(panel)
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
                "t̃ = {}, l̃ = {}, R² = {:.4}",
                readable(line.time),
                readable(line.length),
                line.r_squared
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
