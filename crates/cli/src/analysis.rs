//! From the measurements of a study to its numbers: relaxation times, stiffnesses, intervals and fits.

use crate::glass::{Glass, Outcome};
use crate::liquid::{Bath, LiquidRuns, Production, Statics};
use crate::structure::{self, Structure};
use crate::study::Resolved;
use crate::thermalised::{Standing, judge};
use anyhow::{Context, Result};
use serde::Serialize;
use std::ops::Range;
use vitreous::md_core::Seed;
use vitreous::observables::{
    Bootstrap, CrystalVerdict, DiffusiveWindow, Interval, InvarianceTest, Mesoelastic,
    MesoelasticFit, MesoelasticIntervals, SelfCorrelations, SelfCorrelator, StatePoint, Stiffness,
    StokesEinstein, Verdict, cage, relaxation,
};

/// The numbers of a study.
pub(crate) struct Summary<const D: usize> {
    /// The unit of length `a0`.
    pub(crate) length_unit: f64,
    /// The wave number at which `F_s` of species A was measured.
    pub(crate) wave_number: f64,
    /// Above which `tau_alpha/t0` the regime is activated.
    pub(crate) activated_above: f64,
    /// The temperatures that were measured, from the warmest.
    pub(crate) states: Vec<State<D>>,
    /// The fit of the mesoelastic model, or why there is none.
    pub(crate) dipole_fit: std::result::Result<Fit, String>,
    /// The same against the shear modulus.
    pub(crate) modulus_fit: std::result::Result<Fit, String>,
    /// The breakdown of the Stokes-Einstein relation, in the activated regime.
    pub(crate) stokes_einstein: std::result::Result<StokesEinstein, String>,
}

/// A straight line through `ln(tau_alpha/t0)`, with intervals if there are enough runs and glasses.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fit {
    pub(crate) line: MesoelasticFit,
    pub(crate) intervals: std::result::Result<MesoelasticIntervals, String>,
}

/// A number with its interval where one can be had.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
}

impl From<Interval> for Estimate {
    fn from(interval: Interval) -> Self {
        Self {
            value: interval.estimate,
            interval: Some((interval.low, interval.high)),
        }
    }
}

impl Estimate {
    /// The estimate of an increasing function of the number.
    pub(crate) fn map(self, function: impl Fn(f64) -> f64) -> Self {
        Self {
            value: function(self.value),
            interval: self
                .interval
                .map(|(low, high)| (function(low), function(high))),
        }
    }
}

/// One temperature.
pub(crate) struct State<const D: usize> {
    pub(crate) temperature: f64,
    /// `t0 = a0/sqrt(T)`.
    pub(crate) time_unit: f64,
    /// `tau_alpha` of each run; empty if `F_s` did not fall to the threshold in some run.
    pub(crate) relaxation_times: Vec<f64>,
    /// Their geometric mean.
    pub(crate) relaxation_time: Option<Estimate>,
    pub(crate) correlations: SelfCorrelations,
    /// Is it one of the equilibrium liquid?
    pub(crate) standing: Standing,
    /// Do the halves of the runs agree, in `ln tau_alpha`, in the logarithm of the mean squared displacement there, and in
    /// the potential energy per particle over `T`?
    pub(crate) tests: Option<[InvarianceTest; 3]>,
    /// The diffusion coefficient, where the mean squared displacement became diffusive.
    pub(crate) diffusion: Option<f64>,
    /// The same of each run.
    diffusions: Vec<Option<f64>>,
    /// The end of the ballistic regime.
    pub(crate) ballistic_time: Option<f64>,
    /// The height of the plateau of `F_s`.
    pub(crate) plateau: Option<f64>,
    /// The structure of the liquid, or why there is none.
    pub(crate) structure: std::result::Result<Structure, String>,
    /// Per particle.
    pub(crate) potential_energy: f64,
    pub(crate) kinetic_temperature: f64,
    pub(crate) pressure: f64,
    /// The largest drift of the conserved quantity over a run, per particle.
    pub(crate) drift: f64,
    /// Glasses with the run and the snapshot that they come from.
    pub(crate) glasses: Vec<(usize, usize, Glass<D>)>,
    /// Why snapshots gave no glass.
    pub(crate) refused: Vec<String>,
    pub(crate) inherent_energy: Option<Estimate>,
    pub(crate) shear_modulus: Option<Estimate>,
    pub(crate) bulk_modulus: Option<Estimate>,
    pub(crate) dipole_stiffness: Option<Estimate>,
}

/// Sums up a study.
pub(crate) fn analyse<const D: usize>(
    study: &Resolved,
    baths: &[Bath<'_, D>],
    liquids: &[LiquidRuns<D>],
    glasses: Vec<Vec<Vec<Outcome<D>>>>,
) -> Result<Summary<D>> {
    let length_unit = study.density.powf(-1.0 / D as f64);
    let mut states = liquids
        .iter()
        .zip(glasses)
        .map(|(liquid, glasses)| {
            let bath = &baths[liquid.temperature];
            state(study, bath, liquid, glasses, length_unit)
                .with_context(|| format!("at T = {}", bath.temperature))
        })
        .collect::<Result<Vec<_>>>()?;
    states.sort_by(|a, b| b.temperature.total_cmp(&a.temperature));
    let fit = |stiffness, of: fn(&Glass<D>) -> f64| fit(study, &states, length_unit, stiffness, of);
    Ok(Summary {
        length_unit,
        wave_number: study.wave_numbers[0],
        activated_above: study.study.analysis.activated_above,
        dipole_fit: fit(Stiffness::Dipole, Glass::dipole_stiffness),
        modulus_fit: fit(Stiffness::Modulus { dimension: D }, Glass::shear_modulus),
        stokes_einstein: stokes_einstein(study, &states, length_unit),
        states,
    })
}

fn bootstrap(study: &Resolved, purpose: &str, indices: &[u64]) -> Bootstrap {
    Bootstrap {
        level: study.study.analysis.level,
        resamples: study.study.analysis.resamples,
        seed: Seed(study.study.seed).derive(purpose, indices).0,
    }
}

/// An estimate of the mean of values: with an interval if there are two or more, none if there are none.
fn estimate(
    study: &Resolved,
    purpose: &str,
    temperature: f64,
    values: &[f64],
) -> Result<Option<Estimate>> {
    Ok(match values {
        [] => None,
        [value] => Some(Estimate {
            value: *value,
            interval: None,
        }),
        _ => Some(
            bootstrap(study, purpose, &[temperature.to_bits()])
                .mean(values)?
                .into(),
        ),
    })
}

/// The diffusion coefficient of species A, where its displacement is diffusive.
fn diffusion<const D: usize>(study: &Resolved, correlations: &SelfCorrelations) -> Option<f64> {
    let times = correlations.times(study.time_step);
    let displacement = &correlations.species[0].mean_squared_displacement.values;
    let window = DiffusiveWindow::default();
    let diffusion = relaxation::diffusion_coefficient(&times, displacement, D, window);
    diffusion.ok().map(|diffusion| diffusion.coefficient)
}

/// The correlations over some parts of all runs, and the diffusion coefficient of each run.
fn correlate<const D: usize>(
    study: &Resolved,
    runs: &[Production<D>],
    parts: Range<usize>,
) -> Result<(SelfCorrelations, Vec<Option<f64>>)> {
    let mut merged: Option<SelfCorrelator<D>> = None;
    let mut diffusions = Vec::new();
    for run in runs {
        let own = run.correlations(parts.clone())?;
        diffusions.push(diffusion::<D>(study, &own.finish()));
        match &mut merged {
            None => merged = Some(own),
            Some(merged) => merged.merge(own)?,
        }
    }
    let merged = merged.context("there are no runs")?;
    Ok((merged.finish(), diffusions))
}

/// A glass with the run and the snapshot that it comes from.
type Origin<const D: usize> = (usize, usize, Glass<D>);

/// The glasses of a temperature, and why there are no others.
fn sorted<const D: usize>(glasses: Vec<Vec<Outcome<D>>>) -> (Vec<Origin<D>>, Vec<String>) {
    let mut measured = Vec::new();
    let mut refused = Vec::new();
    for (run, outcomes) in glasses.into_iter().enumerate() {
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(glass) => measured.push((run, index, glass)),
                Err(reason) => refused.push(format!("run {run}, snapshot {index}: {reason}")),
            }
        }
    }
    (measured, refused)
}

fn state<const D: usize>(
    study: &Resolved,
    bath: &Bath<'_, D>,
    liquid: &LiquidRuns<D>,
    glasses: Vec<Vec<Outcome<D>>>,
    length_unit: f64,
) -> Result<State<D>> {
    let temperature = bath.temperature;
    let particles = study.study.particles as f64;
    let judgement = judge(bath, &liquid.runs, liquid.window)?;
    let standing = match judgement.verdict {
        _ if !liquid.equilibrated => Standing::TooSlow,
        Verdict::Invariant => Standing::Thermalised,
        Verdict::Drifting => Standing::Drifting,
        Verdict::Undecided => Standing::Undecided,
    };
    let [first, second] = liquid.window.halves();
    let parts = || first.start..second.end;
    let (correlations, diffusions) = correlate(study, &liquid.runs, parts())?;
    // All runs or none: the mean over those that relaxed would be too short.
    let relaxation_times: Vec<f64> = judgement
        .relaxation_times
        .iter()
        .map(|tau| tau.map(|tau| tau * study.time_step))
        .collect::<Option<_>>()
        .unwrap_or_default();
    let logarithms: Vec<f64> = relaxation_times.iter().map(|tau| tau.ln()).collect();
    let relaxation_time = estimate(study, "relaxation time", temperature, &logarithms)?
        .map(|estimate| estimate.map(f64::exp));
    let times = correlations.times(study.time_step);
    let species = &correlations.species[0];
    let ballistic_time = cage::ballistic_time(
        &times,
        &species.mean_squared_displacement.values,
        D,
        temperature,
        cage::BALLISTIC_SHARE,
    );
    let plateau = cage::plateau_of_scattering(&times, &species.self_scattering.values);
    let structure = structure::measure(bath, liquid).map_err(|error| error.to_string());
    let crystalline = structure
        .as_ref()
        .is_ok_and(|structure| structure.crystallinity.verdict == CrystalVerdict::Crystalline);
    let standing = if crystalline {
        Standing::Crystalline
    } else {
        standing
    };
    let mean = |value: &dyn Fn(&Statics) -> f64| {
        liquid
            .runs
            .iter()
            .map(|run| value(&run.statics(parts())))
            .sum::<f64>()
            / liquid.runs.len() as f64
    };
    let drifts = liquid.runs.iter().map(|run| run.statics(parts()).drift);

    let (measured, refused) = sorted(glasses);
    let over_glasses = |purpose: &str, value: &dyn Fn(&Glass<D>) -> f64| {
        let values: Vec<f64> = measured.iter().map(|(_, _, glass)| value(glass)).collect();
        estimate(study, purpose, temperature, &values)
    };
    Ok(State {
        temperature,
        time_unit: length_unit / temperature.sqrt(),
        relaxation_times,
        relaxation_time,
        standing,
        tests: judgement.tests,
        diffusion: diffusion::<D>(study, &correlations),
        diffusions,
        ballistic_time: ballistic_time.ok(),
        plateau: plateau.ok().map(|plateau| plateau.height),
        structure,
        potential_energy: mean(&Statics::potential_energy) / particles,
        kinetic_temperature: mean(&Statics::kinetic_temperature),
        pressure: mean(&Statics::pressure),
        drift: drifts.fold(0.0, |largest: f64, drift| {
            if drift.abs() > largest.abs() {
                drift
            } else {
                largest
            }
        }),
        inherent_energy: over_glasses("inherent energy", &|glass| glass.energy / particles)?,
        shear_modulus: over_glasses("shear modulus", &Glass::shear_modulus)?,
        bulk_modulus: over_glasses("bulk modulus", &|glass| glass.bulk_modulus)?,
        dipole_stiffness: over_glasses("dipole stiffness", &Glass::dipole_stiffness)?,
        glasses: measured,
        refused,
        correlations,
    })
}

fn stokes_einstein<const D: usize>(
    study: &Resolved,
    states: &[State<D>],
    length_unit: f64,
) -> std::result::Result<StokesEinstein, String> {
    let activated = |state: &&State<D>| {
        state
            .relaxation_time
            .is_some_and(|tau| tau.value / state.time_unit > study.study.analysis.activated_above)
    };
    let temperatures: Vec<Vec<(f64, f64)>> = states
        .iter()
        .filter(|state| state.standing.may_be_equilibrium())
        .filter(activated)
        .map(|state| {
            let unit = state.time_unit;
            let runs = state.relaxation_times.iter().zip(&state.diffusions);
            runs.filter_map(|(tau, diffusion)| {
                Some((tau / unit, (*diffusion)? * unit / length_unit.powi(2)))
            })
            .collect::<Vec<_>>()
        })
        // Intervals resample runs: those that became diffusive, two at least.
        .filter(|runs| runs.len() > 1)
        .collect();
    if temperatures.len() < 3 {
        return Err(format!(
            "{} temperatures of the activated regime have a relaxation time and two runs that became diffusive: at least 3 are needed",
            temperatures.len()
        ));
    }
    StokesEinstein::fit(&temperatures, &bootstrap(study, "Stokes-Einstein", &[]))
        .map_err(|error| error.to_string())
}

fn fit<const D: usize>(
    study: &Resolved,
    states: &[State<D>],
    length_unit: f64,
    stiffness: Stiffness,
    of: fn(&Glass<D>) -> f64,
) -> std::result::Result<Fit, String> {
    let model = Mesoelastic {
        activated_above: study.study.analysis.activated_above,
        ..Mesoelastic::new(length_unit, stiffness)
    };
    let points: Vec<StatePoint> = states
        .iter()
        .filter(|state| state.standing.may_be_equilibrium())
        .filter(|state| !state.relaxation_times.is_empty() && !state.glasses.is_empty())
        .map(|state| StatePoint {
            temperature: state.temperature,
            relaxation_times: state.relaxation_times.clone(),
            stiffnesses: state
                .glasses
                .iter()
                .map(|(_, _, glass)| of(glass))
                .collect(),
        })
        .collect();
    let line = model.fit(&points).map_err(|error| error.to_string())?;
    let intervals = model
        .intervals(&points, &bootstrap(study, "mesoelastic fit", &[]))
        .map_err(|error| error.to_string());
    Ok(Fit { line, intervals })
}

/// A number for a sentence: three decimals, or an exponent where those would not do.
pub(crate) fn readable(value: f64) -> String {
    if value == 0.0 || (0.01..1000.0).contains(&value.abs()) {
        format!("{value:.3}")
    } else {
        format!("{value:.1e}")
    }
}

impl<const D: usize> Summary<D> {
    /// What the reader should know before trusting the numbers.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let wave_number = self.wave_number;
        let standing = |standing| {
            self.states
                .iter()
                .filter(move |state| state.standing == standing)
                .map(|state| state.temperature)
                .collect::<Vec<_>>()
        };
        let unrelaxed = self
            .states
            .iter()
            .filter(|state| state.relaxation_times.is_empty())
            .map(|state| state.temperature);
        let mut warnings: Vec<String> = [
            (
                standing(Standing::TooSlow),
                "not equilibrated within equilibration.longest; measured as it was, and left out of the fits (raise the limit and run again to continue)",
            ),
            (
                unrelaxed.collect(),
                "F_s did not fall to the threshold in every run; no relaxation time (raise production.longest_lag)",
            ),
            (
                standing(Standing::Crystalline),
                "particles are surrounded as in a crystal: the liquid crystallised in some run; left out of the fits (see solid_like_share in states.csv)",
            ),
            (
                standing(Standing::Drifting),
                "the halves of the runs still differ after production.longest: not thermalised, left out of the fits (raise the limit and run again to continue)",
            ),
            (
                standing(Standing::Undecided),
                "too few or too short runs to tell whether the liquid is thermalised (raise production.longest and run again to continue, or runs)",
            ),
        ]
        .into_iter()
        .filter(|(temperatures, _)| !temperatures.is_empty())
        .map(|(temperatures, text)| {
            let list: Vec<String> = temperatures.iter().map(f64::to_string).collect();
            format!("T = {}: {text}", list.join(", "))
        })
        .collect();
        for state in &self.states {
            if let Ok(Structure { peak: Ok(peak), .. }) = &state.structure
                && (peak.wave_number - wave_number).abs() > 0.1 + 2.0 * peak.wave_number_error
            {
                warnings.push(format!(
                    "T = {}: the first peak of the structure factor of species A is at q = {:.2}, and F_s is measured at {wave_number} \
                     (liquid.wave_numbers)",
                    state.temperature, peak.wave_number
                ));
            }
            for reason in &state.refused {
                warnings.push(format!("T = {}: no glass from {reason}", state.temperature));
            }
        }
        warnings
    }

    /// The relative rises of kappa and G from the warmest to the coldest temperature, with that temperature.
    pub(crate) fn rises(&self) -> Option<(f64, f64)> {
        let (first, last) = (self.states.first()?, self.states.last()?);
        let rise =
            |of: fn(&State<D>) -> Option<Estimate>| Some(of(last)?.value / of(first)?.value - 1.0);
        Some((
            rise(|state| state.dipole_stiffness)?,
            rise(|state| state.shear_modulus)?,
        ))
    }

    /// The answer in a few sentences.
    pub(crate) fn verdict(&self) -> String {
        let mut sentences = vec![match &self.dipole_fit {
            Ok(fit) => fit.sentence(),
            Err(reason) => format!("No fit of ln(tau_alpha/t0) against kappa/T: {reason}."),
        }];
        if let Some((dipole, modulus)) = self.rises() {
            sentences.push(format!(
                "On cooling over the whole range kappa changes by {:+.1} % and G by {:+.1} %.",
                100.0 * dipole,
                100.0 * modulus
            ));
        }
        if let Ok(line) = &self.stokes_einstein {
            let Interval {
                estimate,
                low,
                high,
                level,
            } = line.exponent;
            sentences.push(format!(
                "Diffusion falls as tau_alpha to the power of -{estimate:.2} ({:.0} % interval {low:.2} .. {high:.2}).",
                100.0 * level
            ));
        }
        sentences.join(" ")
    }
}

impl Fit {
    fn sentence(&self) -> String {
        let line = &self.line;
        let intervals = match &self.intervals {
            Ok(MesoelasticIntervals { time, length }) => format!(
                " ({:.0} % intervals {} .. {} and {} .. {})",
                100.0 * time.level,
                readable(time.low),
                readable(time.high),
                readable(length.low),
                readable(length.high)
            ),
            Err(_) => String::new(),
        };
        let holds = match line.holds_down_to {
            Some(temperature) => format!("the line holds down to T = {temperature}"),
            None => "the line does not hold even among the warmest temperatures".to_owned(),
        };
        format!(
            "ln(tau_alpha/t0) against kappa/T: t~ = {}, l~ = {}, R^2 = {:.4} over {} temperatures{intervals}; {holds}.",
            readable(line.time),
            readable(line.length),
            line.r_squared,
            line.points.len()
        )
    }
}
