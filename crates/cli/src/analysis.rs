//! From the measurements of a study to its numbers: relaxation times, stiffnesses, intervals and fits.

use crate::glass::{Glass, Outcome};
use crate::liquid::{Bath, Equilibrated, Equilibration, LiquidRuns, Statics, relaxation_time};
use crate::study::Resolved;
use anyhow::{Context, Result};
use serde::Serialize;
use vitreous::md_core::Seed;
use vitreous::observables::{
    Bootstrap, DiffusiveWindow, Interval, InvarianceTest, Mesoelastic, MesoelasticFit,
    MesoelasticIntervals, SelfCorrelations, StatePoint, Stiffness, Verdict, relaxation,
    thermalisation,
};

/// The numbers of a study.
pub(crate) struct Summary<const D: usize> {
    /// The unit of length `a0`.
    pub(crate) length_unit: f64,
    /// The temperatures that were measured, from the warmest.
    pub(crate) states: Vec<State<D>>,
    /// The temperatures that did not reach equilibrium within the limit.
    pub(crate) too_slow: Vec<f64>,
    /// The fit of the mesoelastic model, or why there is none.
    pub(crate) dipole_fit: std::result::Result<Fit, String>,
    /// The same against the shear modulus.
    pub(crate) modulus_fit: std::result::Result<Fit, String>,
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
    /// Do the halves of the runs agree, in `ln tau_alpha` and in the logarithm of the mean squared displacement there?
    pub(crate) invariance: Option<[InvarianceTest; 2]>,
    /// The diffusion coefficient, where the mean squared displacement became diffusive.
    pub(crate) diffusion: Option<f64>,
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

impl<const D: usize> State<D> {
    /// What the tests of time-translation invariance say together; nothing can be said from one run.
    pub(crate) fn verdict(&self) -> Verdict {
        match &self.invariance {
            Some(tests) if tests.iter().any(|test| test.runs < 2) => Verdict::Undecided,
            Some(tests) if tests.iter().any(|test| test.verdict == Verdict::Drifting) => {
                Verdict::Drifting
            }
            Some(tests) if tests.iter().all(|test| test.verdict == Verdict::Invariant) => {
                Verdict::Invariant
            }
            _ => Verdict::Undecided,
        }
    }
}

/// The relaxation time (in steps) of the slowest run of a temperature, `None` if one was too slow.
pub(crate) fn slowest<const D: usize>(runs: &[Equilibration<D>]) -> Option<f64> {
    runs.iter()
        .try_fold(0.0, |slowest: f64, run| match run.outcome {
            Some(Equilibrated::RelaxationTime(tau)) => Some(slowest.max(tau)),
            _ => None,
        })
}

/// Sums up a study.
pub(crate) fn analyse<const D: usize>(
    study: &Resolved,
    baths: &[Bath<'_, D>],
    liquids: &[LiquidRuns<D>],
    glasses: Vec<Vec<Vec<Outcome<D>>>>,
    equilibrated: &[Vec<Equilibration<D>>],
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
    let too_slow = equilibrated
        .iter()
        .zip(baths)
        .filter(|(runs, _)| slowest(runs).is_none())
        .map(|(_, bath)| bath.temperature)
        .collect();
    let fit = |stiffness, of: fn(&Glass<D>) -> f64| fit(study, &states, length_unit, stiffness, of);
    Ok(Summary {
        length_unit,
        dipole_fit: fit(Stiffness::Dipole, Glass::dipole_stiffness),
        modulus_fit: fit(Stiffness::Modulus { dimension: D }, Glass::shear_modulus),
        states,
        too_slow,
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

/// What the correlations of the runs of one temperature say.
struct Relaxation {
    correlations: SelfCorrelations,
    times: Vec<f64>,
    invariance: Option<[InvarianceTest; 2]>,
}

fn relax<const D: usize>(study: &Resolved, liquid: &LiquidRuns<D>) -> Result<Relaxation> {
    let analysis = study.study.analysis;
    let mut merged = None;
    let mut times = Vec::new();
    // ln tau_alpha and the logarithm of the displacement, of the first and of the second half, for each run.
    let mut halves: [[Vec<f64>; 2]; 2] = Default::default();
    for run in &liquid.runs {
        let mut whole = run.halves[0].clone();
        whole.merge(run.halves[1].clone())?;
        if let Some(tau) = relaxation_time(&whole.finish()) {
            times.push(tau * study.time_step);
            for (half, correlator) in run.halves.iter().enumerate() {
                let own = correlator.finish();
                if let (Some(own_tau), Some(displacement)) =
                    (relaxation_time(&own), displacement_at(&own, tau))
                {
                    halves[0][half].push(own_tau.ln());
                    halves[1][half].push(displacement.ln());
                }
            }
        }
        match &mut merged {
            None => merged = Some(whole),
            Some(merged) => merged.merge(whole)?,
        }
    }
    let correlations = merged.context("there are no runs")?.finish();
    if times.len() < liquid.runs.len() {
        times.clear();
    }
    let complete = halves
        .iter()
        .flatten()
        .all(|values| values.len() == liquid.runs.len());
    let invariance = if complete {
        let test = |[first, second]: &[Vec<f64>; 2]| {
            thermalisation::compare_halves(first, second, analysis.drift_tolerance, analysis.level)
        };
        Some([test(&halves[0])?, test(&halves[1])?])
    } else {
        None
    };
    Ok(Relaxation {
        correlations,
        times,
        invariance,
    })
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
    let Relaxation {
        correlations,
        times: relaxation_times,
        invariance,
    } = relax(study, liquid)?;
    let logarithms: Vec<f64> = relaxation_times.iter().map(|tau| tau.ln()).collect();
    let relaxation_time = estimate(study, "relaxation time", temperature, &logarithms)?
        .map(|estimate| estimate.map(f64::exp));
    let diffusion = relaxation::diffusion_coefficient(
        &correlations.times(study.time_step),
        &correlations.species[0].mean_squared_displacement.values,
        D,
        DiffusiveWindow::default(),
    )
    .ok()
    .map(|diffusion| diffusion.coefficient);
    let mean = |value: &dyn Fn(&Statics) -> f64| {
        liquid
            .runs
            .iter()
            .map(|run| value(&run.statics))
            .sum::<f64>()
            / liquid.runs.len() as f64
    };
    let drifts = liquid.runs.iter().map(|run| run.statics.drift);

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
    let over_glasses = |purpose: &str, value: &dyn Fn(&Glass<D>) -> f64| {
        let values: Vec<f64> = measured.iter().map(|(_, _, glass)| value(glass)).collect();
        estimate(study, purpose, temperature, &values)
    };
    Ok(State {
        temperature,
        time_unit: length_unit / temperature.sqrt(),
        relaxation_times,
        relaxation_time,
        invariance,
        diffusion,
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

/// The mean squared displacement of species A at a time in steps, interpolated linearly in logarithms.
fn displacement_at(correlations: &SelfCorrelations, steps: f64) -> Option<f64> {
    let values = &correlations
        .species
        .first()?
        .mean_squared_displacement
        .values;
    let after = correlations
        .steps
        .iter()
        .position(|&lag| lag as f64 >= steps)?;
    let before = after.checked_sub(1)?;
    let (x0, x1) = (
        (correlations.steps[before] as f64).ln(),
        (correlations.steps[after] as f64).ln(),
    );
    let (y0, y1) = (values[before].ln(), values[after].ln());
    Some((y0 + (y1 - y0) * (steps.ln() - x0) / (x1 - x0)).exp())
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
        let where_verdict = |verdict| {
            self.states
                .iter()
                .filter(move |state| state.verdict() == verdict)
        };
        let unrelaxed = self
            .states
            .iter()
            .filter(|state| state.relaxation_times.is_empty());
        let mut warnings: Vec<String> = [
            (
                self.too_slow.clone(),
                "not equilibrated within equilibration.longest; left out (raise the limit and run again to continue)",
            ),
            (
                unrelaxed.map(|state| state.temperature).collect(),
                "F_s did not fall to the threshold in every run; no relaxation time (raise production.longest_lag)",
            ),
            (
                where_verdict(Verdict::Drifting).map(|state| state.temperature).collect(),
                "the halves of the runs differ: not thermalised; raise equilibration.relaxation_times",
            ),
            (
                where_verdict(Verdict::Undecided).map(|state| state.temperature).collect(),
                "too few or too short runs to tell whether the liquid is thermalised; raise runs or production.relaxation_times",
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
