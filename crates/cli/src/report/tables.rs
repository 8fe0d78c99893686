//! The tables of a study.

use crate::analysis::{Estimate, State, Summary};
use crate::sheet::{Sheet, cell};
use crate::study::Resolved;

fn estimate_cells(estimate: Option<Estimate>) -> [String; 3] {
    let interval = estimate.and_then(|e| e.interval);
    [
        cell(estimate.map(|e| e.value)),
        cell(interval.map(|i| i.0)),
        cell(interval.map(|i| i.1)),
    ]
}

const THERMALISED: &str = "are the halves of the runs the same within the tolerances? yes; drifting: they differ; undecided: too few or too short runs to tell; no: not equilibrated within the limit; crystalline: a run crystallised";

/// All tables of a study.
pub(super) fn tables<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Vec<Sheet> {
    vec![
        states_sheet(summary),
        correlations_sheet(study, summary),
        structure_factors_sheet(study, summary),
        pair_correlations_sheet(study, summary),
        glasses_sheet(summary),
        stiffness_sheet(summary),
        fit_sheet(summary),
    ]
}

fn states_sheet<const D: usize>(summary: &Summary<D>) -> Sheet {
    Sheet::of(
        "states",
        &[
            ("temperature", "T"),
            ("t0", "unit of time a0/sqrt(T)"),
            (
                "tau_alpha",
                "relaxation time, F_s(tau_alpha) = 0.2, species A; geometric mean over runs",
            ),
            ("tau_alpha_low", "lower end of its interval"),
            ("tau_alpha_high", "upper end of its interval"),
            ("tau_alpha_over_t0", "relaxation time in units of t0"),
            ("thermalised", THERMALISED),
            (
                "drift_ln_tau",
                "mean over runs of ln tau_alpha in the second half minus the first",
            ),
            (
                "drift_ln_msd",
                "the same of the logarithm of the mean squared displacement at tau_alpha",
            ),
            (
                "drift_energy",
                "the same of the potential energy per particle over T",
            ),
            (
                "diffusion_coefficient",
                "of species A; empty where the displacement is not yet diffusive",
            ),
            (
                "ballistic_time",
                "when the mean squared displacement of species A is half of that in free flight",
            ),
            ("plateau", "height of the plateau of F_s"),
            (
                "q_peak",
                "wave number of the first peak of S_AA(q), the structure factor of species A",
            ),
            ("q_peak_error", "its standard error"),
            (
                "solid_like_share",
                "largest share of particles with the surroundings of a crystal, over snapshots",
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
        summary.states.iter().map(state_row).collect(),
    )
}

fn state_row<const D: usize>(state: &State<D>) -> Vec<String> {
    let tests = state.tests.as_ref();
    let structure = state.structure.as_ref().ok();
    let peak = structure.and_then(|structure| structure.peak.as_ref().ok());
    let mut row = vec![state.temperature.to_string(), state.time_unit.to_string()];
    row.extend(estimate_cells(state.relaxation_time));
    row.extend([
        cell(state.relaxation_time.map(|tau| tau.value / state.time_unit)),
        state.standing.word().to_owned(),
        cell(tests.map(|tests| tests[0].mean_difference)),
        cell(tests.map(|tests| tests[1].mean_difference)),
        cell(tests.map(|tests| tests[2].mean_difference)),
        cell(state.diffusion),
        cell(state.ballistic_time),
        cell(state.plateau),
        cell(peak.map(|peak| peak.wave_number)),
        cell(peak.map(|peak| peak.wave_number_error)),
        cell(structure.map(|structure| structure.crystallinity.share)),
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
                    state.standing.word().to_owned(),
                    study.model.labels()[species].to_owned(),
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
    Sheet::of(
        "correlations",
        &[
            ("temperature", "T"),
            ("thermalised", THERMALISED),
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
    )
}

/// The two labels of a pair of species.
fn pair_cells(study: &Resolved, species: [usize; 2]) -> [String; 2] {
    species.map(|species| study.model.labels()[species].to_owned())
}

fn structure_factors_sheet<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for state in &summary.states {
        let Ok(structure) = &state.structure else {
            continue;
        };
        let factors = &structure.factors;
        for partial in &factors.partial {
            for (bin, &wave_number) in factors.wave_numbers.iter().enumerate() {
                let mut row = vec![
                    state.temperature.to_string(),
                    state.standing.word().to_owned(),
                ];
                row.extend(pair_cells(study, partial.species));
                row.extend([
                    wave_number.to_string(),
                    partial.values[bin].to_string(),
                    cell(partial.standard_errors[bin]),
                    factors.vectors[bin].to_string(),
                ]);
                rows.push(row);
            }
        }
    }
    Sheet::of(
        "structure_factor",
        &[
            ("temperature", "T"),
            ("thermalised", THERMALISED),
            ("first", "label of a species"),
            ("second", "label of a species"),
            ("q", "mean wave number of the bin"),
            ("s", "S_ab(q) = <rho_a(q) rho_b(-q)>/N of the liquid"),
            ("s_error", "its standard error over runs"),
            ("wave_vectors", "number of wave vectors in the bin"),
        ],
        rows,
    )
}

fn pair_correlations_sheet<const D: usize>(study: &Resolved, summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for state in &summary.states {
        let Ok(structure) = &state.structure else {
            continue;
        };
        let pairs = &structure.pairs;
        for partial in &pairs.partial {
            for (bin, &distance) in pairs.distances.iter().enumerate() {
                let mut row = vec![
                    state.temperature.to_string(),
                    state.standing.word().to_owned(),
                ];
                row.extend(pair_cells(study, partial.species));
                row.extend([
                    distance.to_string(),
                    partial.values[bin].to_string(),
                    cell(partial.standard_errors[bin]),
                    partial.coordination[bin].to_string(),
                ]);
                rows.push(row);
            }
        }
    }
    Sheet::of(
        "pair_correlation",
        &[
            ("temperature", "T"),
            ("thermalised", THERMALISED),
            ("first", "label of a species"),
            ("second", "label of a species"),
            ("r", "middle of the bin"),
            ("g", "pair correlation function g_ab(r) of the liquid"),
            ("g_error", "its standard error over runs"),
            (
                "neighbours",
                "mean number of particles of the second species within the bin's outer edge around one of the first",
            ),
        ],
        rows,
    )
}

fn glasses_sheet<const D: usize>(summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for state in &summary.states {
        for (run, snapshot, glass) in &state.glasses {
            let mut row = vec![
                state.temperature.to_string(),
                state.standing.word().to_owned(),
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
    Sheet::of(
        "glasses",
        &[
            ("temperature", "parent temperature T_p"),
            ("thermalised", THERMALISED),
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
    )
}

fn stiffness_sheet<const D: usize>(summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for state in &summary.states {
        for (run, snapshot, glass) in &state.glasses {
            for (i, j, kappa) in &glass.dipole_stiffnesses {
                rows.push(vec![
                    state.temperature.to_string(),
                    state.standing.word().to_owned(),
                    run.to_string(),
                    snapshot.to_string(),
                    i.to_string(),
                    j.to_string(),
                    kappa.to_string(),
                ]);
            }
        }
    }
    Sheet::of(
        "dipole_stiffness",
        &[
            ("temperature", "parent temperature T_p"),
            ("thermalised", THERMALISED),
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
    )
}

fn fit_sheet<const D: usize>(summary: &Summary<D>) -> Sheet {
    let mut rows = Vec::new();
    for (name, fit) in [("kappa", &summary.dipole_fit), ("G", &summary.modulus_fit)] {
        let Ok(fit) = fit else { continue };
        for point in &fit.line.points {
            let standing = summary
                .states
                .iter()
                .find(|state| state.temperature == point.temperature)
                .map(|state| state.standing.word());
            rows.push(vec![
                name.to_owned(),
                point.temperature.to_string(),
                standing.unwrap_or_default().to_owned(),
                point.stiffness_over_temperature.to_string(),
                point.log_time.to_string(),
                point.residual.to_string(),
                point.deviation.to_string(),
                point.deviation_error.to_string(),
                point.holds.to_string(),
            ]);
        }
    }
    Sheet::of(
        "fit",
        &[
            ("stiffness", "kappa or G"),
            ("temperature", "T"),
            ("thermalised", THERMALISED),
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
    )
}
