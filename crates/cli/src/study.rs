//! Study files: what to simulate, in TOML.

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use vitreous::md_core::Precision;
use vitreous::potentials::{Catalogue, Model};

/// A study: one model at several temperatures. Everything that has a default may be left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Study {
    /// A title for figures and pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// The name of the model.
    pub(crate) model: String,
    /// The dimension of space.
    #[serde(default = "three")]
    pub(crate) dimension: usize,
    /// The number of particles.
    pub(crate) particles: usize,
    /// The temperatures.
    #[serde(default)]
    pub(crate) temperatures: Vec<f64>,
    /// In their place: values of `tau_alpha/t0`, for which temperatures are searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target_relaxation_times: Option<Vec<f64>>,
    /// Independent runs at each temperature.
    #[serde(default = "four")]
    pub(crate) runs: u64,
    /// The seed of all random numbers.
    #[serde(default = "one")]
    pub(crate) seed: u64,
    /// Parameters of the model that differ from its defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parameters: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub(crate) liquid: Liquid,
    #[serde(default)]
    pub(crate) equilibration: Equilibration,
    #[serde(default)]
    pub(crate) production: Production,
    #[serde(default)]
    pub(crate) glasses: Glasses,
    #[serde(default)]
    pub(crate) analysis: Analysis,
}

fn three() -> usize {
    3
}
fn four() -> u64 {
    4
}
fn one() -> u64 {
    1
}

/// The mixture and its dynamics; what is left out is the model's usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Liquid {
    /// The number density.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) density: Option<f64>,
    /// The share of each species.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) composition: Option<Vec<f64>>,
    /// The wave number at which `F_s` is measured, per species.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wave_numbers: Option<Vec<f64>>,
    /// The time step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_step: Option<f64>,
    /// The coupling time of the thermostat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coupling_time: Option<f64>,
    /// The length of the thermostat chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chain_length: Option<usize>,
    /// The precision in which pair forces are computed along trajectories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) precision: Option<Precision>,
    /// The temperature at which the initial lattice is melted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) melting_temperature: Option<f64>,
    /// Steps from one checkpoint to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoint_interval: Option<u64>,
}

/// Particle-steps from one checkpoint to the next, where a study does not say: a few seconds of work.
const CHECKPOINT_INTERVAL: u64 = 10_000_000;

/// How a liquid is brought to equilibrium.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Equilibration {
    /// The length of the first window in `t0`; each window is twice as long as the one before.
    pub(crate) first_window: f64,
    /// A run is equilibrated when a window, not the first, was at least so many of its own relaxation times long.
    pub(crate) relaxation_times: f64,
    /// The longest that a run may take, in `t0`.
    pub(crate) longest: f64,
    /// The rate at which the melt is cooled, a temperature over a time; at once if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cooling_rate: Option<f64>,
}

impl Default for Equilibration {
    fn default() -> Self {
        Self {
            first_window: 50.0,
            relaxation_times: 2.0,
            longest: 1e5,
            cooling_rate: None,
        }
    }
}

/// How long a liquid is measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Production {
    /// The length of a run in relaxation times.
    pub(crate) relaxation_times: f64,
    /// The longest that a run may become, in relaxation times, when it is continued because the state is not thermalised or
    /// too little is known to tell; four times `relaxation_times` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) longest: Option<f64>,
    /// The longest lag of correlations, in relaxation times.
    pub(crate) longest_lag: f64,
    /// Lags per decade.
    pub(crate) lags_per_decade: usize,
    /// The largest number of wave vectors.
    pub(crate) wave_vectors: usize,
}

impl Default for Production {
    fn default() -> Self {
        Self {
            relaxation_times: 10.0,
            longest: None,
            longest_lag: 3.0,
            lags_per_decade: 12,
            wave_vectors: 30,
        }
    }
}

impl Production {
    /// The longest that a run may become, in relaxation times.
    pub(crate) fn longest(&self) -> f64 {
        self.longest.unwrap_or(4.0 * self.relaxation_times)
    }
}

/// Which inherent structures are analysed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Glasses {
    /// Snapshots that are quenched, per run; they are at least a relaxation time apart.
    pub(crate) per_run: u64,
    /// Interactions whose dipole stiffness is computed, per glass.
    pub(crate) interactions: usize,
    /// The minimiser.
    pub(crate) minimizer: MinimizerName,
    /// The force ratio at which a minimum counts as converged.
    pub(crate) force_ratio: f64,
    /// The linear solver.
    pub(crate) solver: SolverName,
}

impl Default for Glasses {
    fn default() -> Self {
        Self {
            per_run: 5,
            interactions: 100,
            minimizer: MinimizerName::Newton,
            force_ratio: 1e-10,
            solver: SolverName::Cholesky,
        }
    }
}

/// A minimiser by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MinimizerName {
    /// Nonlinear conjugate gradient, finished by Newton's method.
    Newton,
    /// Nonlinear conjugate gradient.
    ConjugateGradient,
    /// The quasi-Newton method of limited memory.
    LimitedMemoryBfgs,
    /// The fast inertial relaxation engine.
    Fire,
}

/// A linear solver by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SolverName {
    /// Sparse Cholesky factorisation.
    Cholesky,
    /// Matrix-free conjugate gradient.
    ConjugateGradient,
}

/// How results are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Analysis {
    /// A temperature is in the activated regime above this `tau_alpha/t0`.
    pub(crate) activated_above: f64,
    /// The level of intervals.
    pub(crate) level: f64,
    /// Resamplings of the bootstrap.
    pub(crate) resamples: usize,
    /// The difference in `ln tau_alpha` between the halves of a run that counts as none.
    pub(crate) drift_tolerance: f64,
    /// The same of the potential energy per particle, over T.
    pub(crate) energy_tolerance: f64,
}

impl Default for Analysis {
    fn default() -> Self {
        Self {
            activated_above: 10.0,
            level: 0.9,
            resamples: 10_000,
            drift_tolerance: 0.2,
            energy_tolerance: 0.02,
        }
    }
}

/// A study with everything filled in and checked.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The study, complete: it can be run again as it stands.
    pub(crate) study: Study,
    /// The model with its parameters set.
    pub(crate) model: Model,
    pub(crate) density: f64,
    pub(crate) composition: Vec<f64>,
    pub(crate) wave_numbers: Vec<f64>,
    pub(crate) time_step: f64,
    pub(crate) coupling_time: f64,
    pub(crate) chain_length: usize,
    pub(crate) melting_temperature: f64,
    pub(crate) checkpoint_interval: u64,
}

impl Study {
    /// Reads a study file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the study file {}", path.display()))?;
        // The message of the parser has the line, the place in it and what was expected.
        toml::from_str(&text)
            .map_err(|error| anyhow!("in the study file {}:\n{error}", path.display()))
    }

    /// The relaxation times `tau_alpha/t0` for which temperatures are to be searched, from the shortest.
    pub(crate) fn targets(&self) -> Result<Option<Vec<f64>>> {
        let Some(mut targets) = self.target_relaxation_times.clone() else {
            return Ok(None);
        };
        ensure!(
            self.temperatures.is_empty(),
            "the study has temperatures and target_relaxation_times: keep one of them"
        );
        ensure!(
            !targets.is_empty(),
            "target_relaxation_times is empty: give at least one (a fit needs three)"
        );
        for &target in &targets {
            positive("target_relaxation_times", target)?;
        }
        targets.sort_by(f64::total_cmp);
        Ok(Some(targets))
    }

    /// The title, or one made up from the model.
    pub(crate) fn title(&self) -> String {
        self.title
            .clone()
            .unwrap_or_else(|| format!("{}, N = {}", self.model, self.particles))
    }

    /// The same study at given temperatures.
    pub(crate) fn at(&self, temperatures: Vec<f64>) -> Self {
        Self {
            temperatures,
            target_relaxation_times: None,
            ..self.clone()
        }
    }

    /// The model with its parameters; files that they name are looked for from `folder` on.
    pub(crate) fn model(&self, folder: &Path) -> Result<Model> {
        let mut model = Catalogue::find(&self.model)?;
        for (key, value) in flatten(&self.parameters) {
            set_parameter(&mut model, &key, &value, folder)?;
        }
        Ok(model)
    }

    /// Fills in what the model usually has, and checks everything; `folder` is that of the study file.
    pub(crate) fn resolve(&self, folder: &Path) -> Result<Resolved> {
        let model = self.model(folder)?;
        ensure!(
            self.dimension == 2 || self.dimension == 3,
            "dimension is {}: it must be 2 or 3",
            self.dimension
        );
        let usual = match self.liquid.density {
            Some(density) => model.usual_mixture_near(self.dimension, density),
            None => model.usual_mixture(self.dimension),
        };
        let missing = |key: &str| {
            anyhow!(
                "model '{}' has no usual {key} in {} dimensions: set it under [liquid]",
                self.model,
                self.dimension
            )
        };
        let liquid = &self.liquid;
        let choose = |given: Option<f64>, usual: Option<f64>, key: &'static str| {
            let value = given.or(usual).ok_or_else(|| missing(key))?;
            positive(&format!("liquid.{key}"), value)?;
            Ok::<f64, anyhow::Error>(value)
        };
        let density = choose(liquid.density, usual.as_ref().map(|m| m.density), "density")?;
        let time_step = choose(
            liquid.time_step,
            usual.as_ref().map(|m| m.time_step),
            "time_step",
        )?;
        let coupling_time = choose(
            liquid.coupling_time,
            usual.as_ref().map(|m| m.coupling_time),
            "coupling_time",
        )?;
        let composition = liquid
            .composition
            .clone()
            .or_else(|| usual.as_ref().map(|m| m.composition.clone()))
            .ok_or_else(|| missing("composition"))?;
        let wave_numbers = liquid
            .wave_numbers
            .clone()
            .or_else(|| usual.as_ref().map(|m| m.peak_wave_numbers.clone()))
            .ok_or_else(|| missing("wave_numbers"))?;
        for &wave_number in &wave_numbers {
            positive("liquid.wave_numbers", wave_number)?;
        }
        ensure!(
            wave_numbers.len() == composition.len() && composition.len() <= model.labels().len(),
            "liquid.composition has {} species and liquid.wave_numbers {}: model '{}' has {}",
            composition.len(),
            wave_numbers.len(),
            self.model,
            model.labels().len()
        );
        let temperatures = self.sorted_temperatures()?;
        let melting_temperature = liquid.melting_temperature.unwrap_or(3.0 * temperatures[0]);
        positive("liquid.melting_temperature", melting_temperature)?;
        self.check_numbers()?;

        let chain_length = liquid
            .chain_length
            .or(usual.as_ref().map(|m| m.chain_length))
            .unwrap_or(1);
        ensure!(
            chain_length > 0,
            "liquid.chain_length is 0: it must be at least 1"
        );
        let checkpoint_interval = self.checkpoint_interval()?;
        let mut study = self.clone();
        study.temperatures = temperatures;
        study.production.longest = Some(self.production.longest());
        study.parameters = model
            .parameters()
            .into_iter()
            .filter(|parameter| !parameter.value.is_empty())
            .map(|parameter| (parameter.key, toml::Value::String(parameter.value)))
            .collect();
        study.liquid = Liquid {
            density: Some(density),
            composition: Some(composition.clone()),
            wave_numbers: Some(wave_numbers.clone()),
            time_step: Some(time_step),
            coupling_time: Some(coupling_time),
            chain_length: Some(chain_length),
            precision: Some(liquid.precision.unwrap_or_default()),
            melting_temperature: Some(melting_temperature),
            checkpoint_interval: Some(checkpoint_interval),
        };
        Ok(Resolved {
            study,
            model,
            density,
            composition,
            wave_numbers,
            time_step,
            coupling_time,
            chain_length,
            melting_temperature,
            checkpoint_interval,
        })
    }

    /// Steps from one checkpoint to the next.
    fn checkpoint_interval(&self) -> Result<u64> {
        let usual = (CHECKPOINT_INTERVAL / self.particles.max(1) as u64).max(100);
        let interval = self.liquid.checkpoint_interval.unwrap_or(usual);
        ensure!(
            interval > 0,
            "liquid.checkpoint_interval is 0: it must be at least 1 (usual: {usual})"
        );
        Ok(interval)
    }

    /// The temperatures from the highest.
    fn sorted_temperatures(&self) -> Result<Vec<f64>> {
        ensure!(
            self.target_relaxation_times.is_none(),
            "temperatures for target_relaxation_times have not been searched: this is an error of the program"
        );
        let mut temperatures = self.temperatures.clone();
        ensure!(
            !temperatures.is_empty(),
            "temperatures is empty: give at least one (a fit needs three), or target_relaxation_times"
        );
        for &temperature in &temperatures {
            positive("temperatures", temperature)?;
        }
        temperatures.sort_by(|a, b| b.total_cmp(a));
        for pair in temperatures.windows(2) {
            ensure!(pair[0] != pair[1], "temperatures has {} twice", pair[0]);
        }
        Ok(temperatures)
    }

    fn check_numbers(&self) -> Result<()> {
        ensure!(
            self.particles >= 2,
            "particles is {}: it must be at least 2",
            self.particles
        );
        ensure!(
            self.runs >= 1,
            "runs is 0: it must be at least 1 (intervals need 2)"
        );
        let Equilibration {
            first_window,
            relaxation_times,
            longest,
            cooling_rate,
        } = self.equilibration;
        if let Some(rate) = cooling_rate {
            positive("equilibration.cooling_rate", rate)?;
        }
        positive("equilibration.first_window", first_window)?;
        positive("equilibration.relaxation_times", relaxation_times)?;
        positive("equilibration.longest", longest)?;
        let production = self.production;
        positive("production.relaxation_times", production.relaxation_times)?;
        positive("production.longest_lag", production.longest_lag)?;
        if let Some(longest) = production.longest {
            ensure!(
                longest >= production.relaxation_times,
                "production.longest is {longest}: it must be at least production.relaxation_times, {}",
                production.relaxation_times
            );
        }
        ensure!(
            production.longest_lag >= 1.5
                && 2.0 * production.longest_lag <= production.relaxation_times,
            "production.longest_lag is {}: it must be at least 1.5, so that F_s reaches 0.2, and at most half of \
             production.relaxation_times ({}), so that each half of a run has origins for it",
            production.longest_lag,
            production.relaxation_times
        );
        ensure!(
            (1..=100).contains(&production.lags_per_decade),
            "production.lags_per_decade is {}: it must be from 1 to 100",
            production.lags_per_decade
        );
        ensure!(
            production.wave_vectors >= 1,
            "production.wave_vectors is 0: it must be at least 1"
        );
        let glasses = self.glasses;
        ensure!(
            glasses.per_run >= 1,
            "glasses.per_run is 0: it must be at least 1"
        );
        ensure!(
            glasses.per_run as f64 <= production.relaxation_times,
            "glasses.per_run is {}: a run of {} relaxation times has no more than that many snapshots which are a \
             relaxation time apart; lengthen production.relaxation_times or lower glasses.per_run",
            glasses.per_run,
            production.relaxation_times
        );
        ensure!(
            glasses.interactions >= 1,
            "glasses.interactions is 0: it must be at least 1"
        );
        ensure!(
            glasses.force_ratio > 0.0 && glasses.force_ratio <= 1e-6,
            "glasses.force_ratio is {}: it must be positive and at most 1e-6, above which elastic observables are wrong",
            glasses.force_ratio
        );
        let analysis = self.analysis;
        positive("analysis.activated_above", analysis.activated_above)?;
        positive("analysis.drift_tolerance", analysis.drift_tolerance)?;
        positive("analysis.energy_tolerance", analysis.energy_tolerance)?;
        ensure!(
            analysis.level > 0.0 && analysis.level < 1.0,
            "analysis.level is {}: it must be between 0 and 1",
            analysis.level
        );
        ensure!(
            analysis.resamples >= 100,
            "analysis.resamples is {}: it must be at least 100",
            analysis.resamples
        );
        Ok(())
    }
}

/// Sets a parameter of a model from text. That of a table may be the path of a file, from `folder` on, which is
/// read; the points themselves are recognised by their lines.
pub(crate) fn set_parameter(
    model: &mut Model,
    key: &str,
    value: &str,
    folder: &Path,
) -> Result<()> {
    if key.starts_with("table.") && !value.contains('\n') {
        let path = folder.join(value);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the table {key} from {}", path.display()))?;
        model.set(key, &text)?;
    } else {
        model.set(key, value)?;
    }
    Ok(())
}

impl Resolved {
    /// The title, or one made up from the model.
    pub(crate) fn title(&self) -> String {
        self.study.title()
    }
}

fn positive(key: &str, value: f64) -> Result<()> {
    ensure!(
        value.is_finite() && value > 0.0,
        "{key} has {value}: it must be a positive number"
    );
    Ok(())
}

/// Nested tables as dotted keys: `cutoff.BB = 1.32` is a table in TOML and one key of a model.
pub(crate) fn flatten(table: &BTreeMap<String, toml::Value>) -> Vec<(String, String)> {
    fn visit(key: &str, value: &toml::Value, all: &mut Vec<(String, String)>) {
        match value {
            toml::Value::Table(table) => {
                for (inner, value) in table {
                    visit(&format!("{key}.{inner}"), value, all);
                }
            }
            toml::Value::String(text) => all.push((key.to_owned(), text.clone())),
            other => all.push((key.to_owned(), other.to_string())),
        }
    }
    let mut all = Vec::new();
    for (key, value) in table {
        visit(key, value, &mut all);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "model = 'ipl'\nparticles = 100\ntemperatures = [0.6, 0.8]\n";

    fn resolve(more: &str) -> Result<Resolved> {
        toml::from_str::<Study>(&format!("{SMALL}{more}"))?.resolve(Path::new(""))
    }

    #[test]
    fn the_studies_that_come_along_are_complete() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies");
        let mut found = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let study = Study::read(&path).unwrap();
            let study = match study.targets().unwrap() {
                Some(targets) => study.at(targets),
                None => study,
            };
            if let Err(error) = study.resolve(&folder) {
                panic!("{}: {error:#}", path.display());
            }
            found += 1;
        }
        assert!(found >= 8);
    }

    #[test]
    fn a_resolved_study_resolves_to_itself() {
        let first = resolve("[parameters]\ncutoff.BB = 1.5\n").unwrap();
        assert_eq!(first.study.temperatures, [0.8, 0.6]);
        assert_eq!(first.density, 0.82);
        let text = toml::to_string(&first.study).unwrap();
        let again = toml::from_str::<Study>(&text)
            .unwrap()
            .resolve(Path::new(""))
            .unwrap();
        assert_eq!(first.study, again.study);
        let cutoff = again
            .model
            .parameters()
            .into_iter()
            .find(|p| p.key == "cutoff.BB")
            .unwrap();
        assert_eq!(cutoff.value, "1.5");
    }

    /// What is left out comes from the usual mixture of the model that is nearest in density.
    #[test]
    fn a_mixture_of_the_model_fills_in() {
        let of = |model: &str, more: &str| {
            let text = SMALL.replace("ipl", model);
            let study = toml::from_str::<Study>(&format!("{text}{more}")).unwrap();
            study.resolve(Path::new("")).unwrap()
        };
        let ss = of("ss", "");
        assert_eq!((ss.density, ss.time_step, ss.chain_length), (0.6, 0.005, 1));
        let dense = of("ss", "[liquid]\ndensity = 0.95\n");
        assert_eq!((dense.density, dense.time_step), (0.95, 0.002));
        assert_eq!(dense.wave_numbers, [6.4, 7.35]);
        let sw = of("sw", "");
        assert_eq!((sw.time_step, sw.chain_length), (0.065, 3));
        assert_eq!(of("sw", "[liquid]\nchain_length = 1\n").chain_length, 1);
    }

    #[test]
    fn bad_values_are_named_with_their_limits() {
        for (more, word) in [
            ("[parameters]\ncutof.BB = 1.5\n", "cutoff.BB"),
            ("[liquid]\ndensity = -1\n", "liquid.density"),
            ("[glasses]\nper_run = 50\n", "per_run is 50"),
            ("[glasses]\nforce_ratio = 1e-3\n", "force_ratio"),
            ("[production]\nlongest_lag = 8\n", "longest_lag is 8"),
            ("[liquid]\nchain_length = 0\n", "chain_length"),
            (
                "[liquid]\ncheckpoint_interval = 0\n",
                "checkpoint_interval is 0",
            ),
            ("[liquids]\n", "unknown field"),
            ("[glasses]\nsolver = 'lu'\n", "cholesky"),
        ] {
            let error = resolve(more).unwrap_err().to_string();
            assert!(error.contains(word), "{more}: {error}");
        }
        let negative = SMALL.replace("0.6", "-0.6");
        let error = toml::from_str::<Study>(&negative)
            .unwrap()
            .resolve(Path::new(""))
            .unwrap_err();
        assert!(error.to_string().contains("-0.6"));
    }
}
