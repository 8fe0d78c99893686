//! The tables.

use super::Report;
use crate::building_blocks::analyze::measurement::{Dynamics, Statics};
use crate::sheet::{Sheet, cell};
use vitreous::observables::Series;
use vitreous::observables::dynamics::{Bins, Histogram};

/// All tables.
pub(super) fn tables<const D: usize>(report: &Report<'_, D>) -> Vec<Sheet> {
    let labels = &report.survey.labels;
    let mut tables = vec![
        pair_correlation(report.statics, labels),
        structure_factor(report.statics, labels),
    ];
    if let Some(dynamics) = report.dynamics {
        tables.extend([
            correlations(dynamics, labels),
            collective(dynamics, labels),
            displacements(dynamics, labels),
        ]);
    }
    tables
}

/// `A_B` for a pair of species.
fn pair(labels: &[String], [a, b]: [usize; 2]) -> String {
    format!("{}_{}", labels[a], labels[b])
}

fn measured(series: &Series, index: usize) -> [String; 2] {
    let error = series.standard_errors[index];
    [series.values[index].to_string(), cell(error)]
}

fn pair_correlation(statics: &Statics, labels: &[String]) -> Sheet {
    let pairs = &statics.pairs;
    let mut sheet = Sheet::new("pair_correlation")
        .column("r", "distance, the middle of a bin")
        .measured("g", "g(r) of all particles")
        .column(
            "n",
            "mean number of particles around one, up to the outer edge of the bin",
        );
    for function in &pairs.partial {
        let name = pair(labels, function.species);
        let [a, b] = function.species.map(|species| &labels[species]);
        sheet = sheet
            .measured(&format!("g_{name}"), format!("g(r) of species {a} and {b}"))
            .column(
                format!("n_{name}"),
                format!("mean number of particles {b} around one of {a}"),
            );
    }
    for (bin, r) in pairs.distances.iter().enumerate() {
        let mut row = vec![r.to_string()];
        for function in std::iter::once(&pairs.total).chain(&pairs.partial) {
            row.extend([
                function.values[bin].to_string(),
                cell(function.standard_errors[bin]),
                function.coordination[bin].to_string(),
            ]);
        }
        sheet.row(row);
    }
    sheet
}

fn structure_factor(statics: &Statics, labels: &[String]) -> Sheet {
    let factors = &statics.factors;
    let mut sheet = Sheet::new("structure_factor")
        .column("q", "mean wave number of a bin")
        .column("vectors", "number of wave vectors in the bin")
        .measured(
            "S",
            "S(q) of all particles, the sum of S_ab over both species",
        );
    for factor in &factors.partial {
        let [a, b] = factor.species.map(|species| &labels[species]);
        sheet = sheet.measured(
            &format!("S_{}", pair(labels, factor.species)),
            format!("<rho_{a}(q) rho_{b}(-q)>/N with N all particles"),
        );
    }
    for (bin, q) in factors.wave_numbers.iter().enumerate() {
        let mut row = vec![q.to_string(), factors.vectors[bin].to_string()];
        for factor in std::iter::once(&factors.total).chain(&factors.partial) {
            row.extend([
                factor.values[bin].to_string(),
                cell(factor.standard_errors[bin]),
            ]);
        }
        sheet.row(row);
    }
    sheet
}

fn correlations(dynamics: &Dynamics, labels: &[String]) -> Sheet {
    let mut sheet = Sheet::new("correlations")
        .column("species", "label")
        .column("steps", "lag in steps")
        .column("time", "lag")
        .column("origins", "number of pairs of frames at this lag")
        .measured("msd", "mean squared displacement")
        .measured(
            "alpha_2",
            "non-Gaussian parameter D<r^4>/((D+2)<r^2>^2) - 1",
        )
        .measured("F_s", "self part of the intermediate scattering function")
        .measured("chi_F_s", "N_s times the variance of F_s over origins")
        .measured(
            "overlap",
            "share of particles nearer than the overlap radius to where they were",
        )
        .measured(
            "chi_4",
            "N_s times the variance of the overlap over origins",
        );
    let times = dynamics.motion.times(dynamics.timeline.time_step);
    for (index, label) in labels.iter().enumerate() {
        let motion = &dynamics.motion.species[index];
        let overlap = &dynamics.overlap.species[index];
        for (lag, time) in times.iter().enumerate() {
            let mut row = vec![
                label.clone(),
                dynamics.motion.steps[lag].to_string(),
                time.to_string(),
                motion.origins[lag].to_string(),
            ];
            for series in [
                &motion.mean_squared_displacement,
                &motion.non_gaussian_parameter,
                &motion.self_scattering,
                &motion.self_scattering_susceptibility,
                &overlap.overlap,
                &overlap.susceptibility,
            ] {
                row.extend(measured(series, lag));
            }
            sheet.row(row);
        }
    }
    sheet
}

fn collective(dynamics: &Dynamics, labels: &[String]) -> Sheet {
    let collective = &dynamics.collective;
    let mut sheet = Sheet::new("collective")
        .column("steps", "lag in steps")
        .column("time", "lag")
        .column("origins", "number of pairs of frames at this lag")
        .measured(
            "F",
            "coherent intermediate scattering function over N; S(q) at time 0",
        );
    for partial in &collective.partial {
        let [a, b] = partial.species.map(|species| &labels[species]);
        sheet = sheet.measured(
            &format!("F_{}", pair(labels, partial.species)),
            format!("<rho_{a}(q, t) rho_{b}(-q, 0)>/N with N all particles"),
        );
    }
    for (lag, steps) in collective.steps.iter().enumerate() {
        let time = *steps as f64 * dynamics.timeline.time_step;
        let mut row = vec![
            steps.to_string(),
            time.to_string(),
            collective.origins[lag].to_string(),
        ];
        row.extend(measured(&collective.total, lag));
        for partial in &collective.partial {
            row.extend(measured(&partial.scattering, lag));
        }
        sheet.row(row);
    }
    sheet
}

fn displacements(dynamics: &Dynamics, labels: &[String]) -> Sheet {
    let mut sheet = Sheet::new("displacements")
        .column("species", "label")
        .column("steps", "lag in steps")
        .column("time", "lag")
        .column(
            "distribution",
            "G_s: of the displacement along an axis; P: of log10 of its magnitude",
        )
        .column("x", "middle of the bin, a length or its log10")
        .measured(
            "density",
            "its integral over x is 1 with what lies outside of the bins",
        );
    let all = &dynamics.displacements;
    let mut add = |label: &String, name: &str, bins: &Bins, histogram: &Histogram| {
        let time = histogram.step as f64 * dynamics.timeline.time_step;
        for (bin, x) in bins.centres().iter().enumerate() {
            let mut row = vec![
                label.clone(),
                histogram.step.to_string(),
                time.to_string(),
                name.to_owned(),
                x.to_string(),
            ];
            row.extend(measured(&histogram.density, bin));
            sheet.row(row);
        }
    };
    for (label, species) in labels.iter().zip(&all.species) {
        for histogram in &species.van_hove {
            add(label, "G_s", &all.axial_bins, histogram);
        }
        for histogram in &species.logarithmic {
            add(label, "P", &all.logarithmic_bins, histogram);
        }
    }
    sheet
}
