//! The figures.

use super::Report;
use crate::building_blocks::analyze::measurement::Dynamics;
use crate::building_blocks::analyze::timeline::TimeUnit;
use crate::figure::{Axis, Color, Curve, Figure, Panel, Point, Style};
use vitreous::observables::relaxation::THRESHOLD;
use vitreous::observables::{Series, SpeciesCorrelations};

/// A figure with the name of its files and its caption.
type Named = (&'static str, Figure, String);

/// All figures.
pub(super) fn figures<const D: usize>(report: &Report<'_, D>) -> Vec<Named> {
    let labels = &report.survey.labels;
    let mut figures = Vec::new();
    if let Some(dynamics) = report.dynamics {
        figures.extend([
            displacement(dynamics, labels),
            scattering(dynamics, labels),
            heterogeneity(dynamics, labels),
            distributions(dynamics, labels),
        ]);
    }
    figures.extend([pair_correlation(report), structure_factor(report)]);
    figures
}

fn time_axis(dynamics: &Dynamics) -> Axis {
    Axis::logarithmic(match dynamics.timeline.unit {
        TimeUnit::Given | TimeUnit::File => "t",
        TimeUnit::Steps => "t / steps",
        TimeUnit::Frames => "t / frames",
    })
}

/// The name of a species in a legend, where there are several.
fn legend(labels: &[String], index: usize) -> String {
    if labels.len() > 1 {
        labels[index].clone()
    } else {
        String::new()
    }
}

fn points(x: &[f64], series: &Series) -> Vec<Point> {
    let errors = &series.standard_errors;
    let points = x.iter().zip(&series.values).zip(errors);
    points
        .map(|((&x, &y), error)| match error {
            Some(error) => Point::from((x, y)).interval(y - error, y + error),
            None => Point::from((x, y)),
        })
        .collect()
}

/// A panel with a curve for each species.
fn by_species(dynamics: &Dynamics, labels: &[String], of: impl Fn(usize) -> Series) -> Panel {
    let times = dynamics.motion.times(dynamics.timeline.time_step);
    (0..labels.len()).fold(Panel::new(time_axis(dynamics)), |panel, index| {
        panel.curve(Curve::new(
            legend(labels, index),
            Style::LineAndMarkers,
            Color::Sequence(index),
            points(&times, &of(index)),
        ))
    })
}

fn motion(
    dynamics: &Dynamics,
    of: fn(&SpeciesCorrelations) -> &Series,
) -> impl Fn(usize) -> Series {
    move |index| of(&dynamics.motion.species[index]).clone()
}

fn displacement(dynamics: &Dynamics, labels: &[String]) -> Named {
    let panel = by_species(
        dynamics,
        labels,
        motion(dynamics, |s| &s.mean_squared_displacement),
    );
    let figure =
        Figure::new("Mean squared displacement", Axis::logarithmic("⟨r^{2}⟩")).panel(panel);
    let caption = "The mean squared displacement of each species, with standard errors.";
    ("displacement", figure, caption.to_owned())
}

fn scattering(dynamics: &Dynamics, labels: &[String]) -> Named {
    let own = by_species(dynamics, labels, motion(dynamics, |s| &s.self_scattering));
    let collective = &dynamics.collective;
    let beginning = collective.total.values[0];
    let times = collective
        .steps
        .iter()
        .map(|&step| step as f64 * dynamics.timeline.time_step);
    let decay = times
        .zip(&collective.total.values)
        .skip(1)
        .map(|(t, f)| (t, f / beginning));
    let panel = own
        .curve(Curve::new("F(t)/S", Style::Dashed, Color::Gray, decay))
        .reference(THRESHOLD, "F_{s}(τ_{α}) = 0.2");
    let figure = Figure::new(
        "Intermediate scattering functions",
        Axis::linear("F_{s}(q, t)"),
    )
    .panel(panel);
    let caption = format!(
        "The self part of each species at q = {:.4}, and the coherent function of all particles over its value at time 0 (dashed).",
        dynamics.wave_number
    );
    ("scattering", figure, caption)
}

fn heterogeneity(dynamics: &Dynamics, labels: &[String]) -> Named {
    let gaussian = by_species(
        dynamics,
        labels,
        motion(dynamics, |s| &s.non_gaussian_parameter),
    );
    let four = by_species(dynamics, labels, |index| {
        dynamics.overlap.species[index].susceptibility.clone()
    });
    let figure = Figure::new("Dynamic heterogeneity", Axis::linear("α_{2}, χ_{4}"))
        .panel(gaussian.heading("α_{2}(t)"))
        .panel(four.heading("χ_{4}(t)"));
    let caption = "The non-Gaussian parameter, and the four-point susceptibility of the overlap.";
    ("heterogeneity", figure, caption.to_owned())
}

fn distributions(dynamics: &Dynamics, labels: &[String]) -> Named {
    let all = &dynamics.displacements;
    let centres = all.logarithmic_bins.centres();
    let mut panel = Panel::new(Axis::linear("log_{10} r"));
    let mut color = 0;
    let several = labels.len() > 1;
    for (label, species) in labels.iter().zip(&all.species) {
        for histogram in &species.logarithmic {
            let time = histogram.step as f64 * dynamics.timeline.time_step;
            let prefix = if several {
                format!("{label}, ")
            } else {
                String::new()
            };
            let density = histogram.density.values.iter();
            let filled = centres.iter().copied().zip(density.copied());
            panel = panel.curve(Curve::new(
                format!("{prefix}t = {time}"),
                Style::Line,
                Color::Sequence(color),
                filled.filter(|&(_, density)| density > 0.0),
            ));
            color += 1;
        }
    }
    let figure = Figure::new("Displacements", Axis::linear("P(log_{10} r)")).panel(panel);
    let caption = "The distribution of the logarithm of displacements, at the lags nearest to τ_{α}/10 and τ_{α} of the most numerous species, or in the middle of the lags and at the longest.";
    ("displacements", figure, caption.to_owned())
}

fn pair_correlation<const D: usize>(report: &Report<'_, D>) -> Named {
    let (pairs, labels) = (&report.statics.pairs, &report.survey.labels);
    let mut panel = Panel::new(Axis::linear("r"));
    for (index, function) in pairs.partial.iter().enumerate() {
        let name = function
            .species
            .map(|species| legend(labels, species))
            .join("");
        let curve = pairs
            .distances
            .iter()
            .copied()
            .zip(function.values.iter().copied());
        panel = panel.curve(Curve::new(name, Style::Line, Color::Sequence(index), curve));
    }
    let figure = Figure::new("Pair correlation", Axis::linear("g(r)")).panel(panel);
    let caption = "The pair correlation function of each pair of species.";
    ("pair_correlation", figure, caption.to_owned())
}

fn structure_factor<const D: usize>(report: &Report<'_, D>) -> Named {
    let (factors, labels) = (&report.statics.factors, &report.survey.labels);
    let mut panel = Panel::new(Axis::linear("q"));
    if labels.len() > 1 {
        let total = factors
            .wave_numbers
            .iter()
            .copied()
            .zip(factors.total.values.iter().copied());
        panel = panel.curve(Curve::new("all", Style::Line, Color::Gray, total));
    }
    let own = factors
        .partial
        .iter()
        .filter(|factor| factor.species[0] == factor.species[1]);
    for (index, factor) in own.enumerate() {
        let values = factor.ashcroft_langreth();
        let curve = factors.wave_numbers.iter().copied().zip(values);
        let name = legend(labels, index);
        panel = panel.curve(Curve::new(name, Style::Line, Color::Sequence(index), curve));
    }
    let figure = Figure::new("Structure factor", Axis::linear("S(q)")).panel(panel);
    let caption = "The structure factor of all particles, and that of each species by itself (S_{aa} over its share of the particles).";
    ("structure_factor", figure, caption.to_owned())
}
