//! The models by name, with parameters that can be set by key.

use crate::mixtures::{InversePowerMixture, LennardJonesMixture, MixtureError, PairTable, Shift};
use thiserror::Error;
use vitreous_md_core::Potential;

/// The mixture and the settings of dynamics with which a model is usually studied (Table I of the paper).
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// The dimension `D`.
    pub dimension: usize,
    /// The number density `rho = N/V`.
    pub density: f64,
    /// The share of each species.
    pub composition: Vec<f64>,
    /// The time step.
    pub time_step: f64,
    /// The coupling time of the Nose-Hoover thermostat.
    pub coupling_time: f64,
    /// The position of the first peak of the partial structure factor, per species.
    pub peak_wave_numbers: Vec<f64>,
}

/// A model that can be built: its name, what it is, and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The name by which it is asked for.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The labels of its species in files.
    pub labels: &'static [&'static str],
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    InversePower(InversePowerMixture),
    LennardJones(LennardJonesMixture),
}

/// One parameter of a model, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The key by which it is set.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What it means.
    pub meaning: &'static str,
}

/// Why a model could not be found, set up or built.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ModelError {
    /// No model of this name.
    #[error("unknown model '{name}'{}; the models are {}", suggest(suggestion.as_ref()), known.join(", "))]
    UnknownModel {
        /// The name.
        name: String,
        /// The nearest name there is.
        suggestion: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// No parameter of this key.
    #[error("model '{model}' has no parameter '{key}'{}; its parameters are {}", suggest(suggestion.as_ref()), known.join(", "))]
    UnknownParameter {
        /// The model.
        model: String,
        /// The key.
        key: String,
        /// The nearest key there is.
        suggestion: Option<String>,
        /// All keys.
        known: Vec<String>,
    },
    /// A value that the parameter cannot have.
    #[error("parameter '{key}' of model '{model}' cannot be '{value}': it must be {requirement}")]
    Value {
        /// The model.
        model: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it must be.
        requirement: &'static str,
    },
    /// The parameters do not make a potential.
    #[error("model '{model}': {error}")]
    Mixture {
        /// The model.
        model: String,
        /// Why.
        error: MixtureError,
    },
}

fn suggest(suggestion: Option<&String>) -> String {
    suggestion.map_or_else(String::new, |nearest| {
        format!(" (did you mean '{nearest}'?)")
    })
}

/// The nearest of the words, if it is near enough to be what was meant.
fn nearest(word: &str, known: &[String]) -> Option<String> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len() / 3)
        .map(|(_, candidate)| candidate.clone())
}

/// All models, by name.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue;

impl Catalogue {
    /// All models with their default parameters.
    pub fn models() -> Vec<Model> {
        vec![
            Model {
                name: "ipl",
                summary: "50:50 inverse-power mixture r^-10, smoothed at the cut-off; A is the large species",
                source: "Lerner & Bouchbinder, J. Chem. Phys. 148, 214502 (2018)",
                labels: &["A", "B"],
                kind: Kind::InversePower(InversePowerMixture::default()),
            },
            Model {
                name: "mblj",
                summary: "80:20 modified binary Lennard-Jones mixture, force shifted; A is the majority",
                source: "Schroder & Dyre, J. Chem. Phys. 152, 141101 (2020)",
                labels: &["A", "B"],
                kind: Kind::LennardJones(LennardJonesMixture::modified()),
            },
            Model {
                name: "ka",
                summary: "80:20 Kob-Andersen Lennard-Jones mixture cut at 2.5 sigma; A is the majority",
                source: "Kob & Andersen, Phys. Rev. E 51, 4626 (1995)",
                labels: &["A", "B"],
                kind: Kind::LennardJones(LennardJonesMixture::kob_andersen()),
            },
        ]
    }

    /// The model of a name, with default parameters.
    ///
    /// # Errors
    /// An unknown name, with the nearest known one.
    pub fn find(name: &str) -> Result<Model, ModelError> {
        let models = Self::models();
        let known: Vec<String> = models.iter().map(|model| model.name.to_owned()).collect();
        models
            .into_iter()
            .find(|model| model.name == name)
            .ok_or_else(|| ModelError::UnknownModel {
                name: name.to_owned(),
                suggestion: nearest(&name.to_lowercase(), &known),
                known,
            })
    }
}

/// A parameter with the place where its value lives.
struct Slot<'a> {
    key: String,
    meaning: &'static str,
    place: Place<'a>,
}

enum Place<'a> {
    Positive(&'a mut f64),
    /// A cut-off and the multiple of a length that stands in for it.
    Cutoff(&'a mut Option<f64>, f64),
    Exponent(&'a mut u32),
    Shift(&'a mut Shift),
}

impl Place<'_> {
    fn show(&self) -> String {
        match self {
            Self::Positive(value) => value.to_string(),
            Self::Cutoff(value, default) => value.unwrap_or(*default).to_string(),
            Self::Exponent(value) => value.to_string(),
            Self::Shift(Shift::Potential) => "potential".to_owned(),
            Self::Shift(Shift::Force) => "force".to_owned(),
        }
    }

    /// Sets the value from text, or says what it must be.
    fn read(&mut self, text: &str) -> Result<(), &'static str> {
        let positive = || {
            text.parse::<f64>()
                .ok()
                .filter(|value| value.is_finite() && *value > 0.0)
                .ok_or("a positive number")
        };
        match self {
            Self::Positive(value) => **value = positive()?,
            Self::Cutoff(value, _) => **value = Some(positive()?),
            Self::Exponent(value) => {
                let requirement = "a whole number from 1 to 100";
                let exponent = text.parse().ok().filter(|e| (1..=100).contains(e));
                **value = exponent.ok_or(requirement)?;
            }
            Self::Shift(value) => {
                **value = match text {
                    "potential" => Shift::Potential,
                    "force" => Shift::Force,
                    _ => return Err("'potential' or 'force'"),
                }
            }
        }
        Ok(())
    }
}

fn pair_slots<'a, T>(
    name: &str,
    meaning: &'static str,
    values: &'a mut PairTable<T>,
    mut place: impl FnMut(&'a mut T, usize) -> Place<'a>,
) -> Vec<Slot<'a>> {
    [
        (&mut values.aa, "AA"),
        (&mut values.ab, "AB"),
        (&mut values.bb, "BB"),
    ]
    .into_iter()
    .enumerate()
    .map(|(pair, (value, label))| Slot {
        key: format!("{name}.{label}"),
        meaning,
        place: place(value, pair),
    })
    .collect()
}

fn cutoff_slots(
    given: &mut PairTable<Option<f64>>,
    lengths: PairTable<f64>,
    multiple: f64,
) -> Vec<Slot<'_>> {
    let lengths = [lengths.aa, lengths.ab, lengths.bb];
    pair_slots(
        "cutoff",
        "cut-off distance of the pair; by default the reduced cut-off times the length of the pair",
        given,
        |value, pair| Place::Cutoff(value, multiple * lengths[pair]),
    )
}

impl Model {
    fn slots(&mut self) -> Vec<Slot<'_>> {
        let slot = |key: &str, meaning, place| Slot {
            key: key.to_owned(),
            meaning,
            place,
        };
        match &mut self.kind {
            Kind::InversePower(mixture) => {
                let (lengths, multiple) = (mixture.lengths, mixture.reduced_cutoff);
                let mut slots = vec![
                    slot(
                        "energy",
                        "the energy eps",
                        Place::Positive(&mut mixture.energy),
                    ),
                    slot(
                        "exponent",
                        "the exponent of the inverse power",
                        Place::Exponent(&mut mixture.exponent),
                    ),
                    slot(
                        "reduced_cutoff",
                        "the cut-off x_c in units of the length of the pair",
                        Place::Positive(&mut mixture.reduced_cutoff),
                    ),
                ];
                slots.extend(pair_slots(
                    "length",
                    "the length lambda of the pair",
                    &mut mixture.lengths,
                    |v, _| Place::Positive(v),
                ));
                slots.extend(cutoff_slots(&mut mixture.cutoffs, lengths, multiple));
                slots
            }
            Kind::LennardJones(mixture) => {
                let (lengths, multiple) = (mixture.lengths, mixture.reduced_cutoff);
                let mut slots = vec![
                    slot(
                        "shift",
                        "what is shifted to zero at the cut-off: 'potential' or 'force'",
                        Place::Shift(&mut mixture.shift),
                    ),
                    slot(
                        "reduced_cutoff",
                        "the cut-off in units of the length of the pair, for pairs without a cut-off of their own",
                        Place::Positive(&mut mixture.reduced_cutoff),
                    ),
                ];
                slots.extend(pair_slots(
                    "energy",
                    "the energy eps of the pair",
                    &mut mixture.energies,
                    |v, _| Place::Positive(v),
                ));
                slots.extend(pair_slots(
                    "length",
                    "the length sigma of the pair",
                    &mut mixture.lengths,
                    |v, _| Place::Positive(v),
                ));
                slots.extend(cutoff_slots(&mut mixture.cutoffs, lengths, multiple));
                slots
            }
        }
    }

    /// The parameters with their present values.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut copy = self.clone();
        copy.slots()
            .into_iter()
            .map(|slot| Parameter {
                value: slot.place.show(),
                key: slot.key,
                meaning: slot.meaning,
            })
            .collect()
    }

    /// Sets a parameter from text.
    ///
    /// # Errors
    /// An unknown key, with the nearest known one; a value that it cannot have.
    ///
    /// ```
    /// use vitreous_potentials::Catalogue;
    /// let mut model = Catalogue::find("mblj")?;
    /// model.set("cutoff.BB", "1.32")?;
    /// let error = model.set("cutof.BB", "1.32").unwrap_err();
    /// assert!(error.to_string().contains("did you mean 'cutoff.BB'?"));
    /// # Ok::<(), vitreous_potentials::ModelError>(())
    /// ```
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ModelError> {
        let model = self.name.to_owned();
        let mut slots = self.slots();
        let known: Vec<String> = slots.iter().map(|slot| slot.key.clone()).collect();
        let Some(slot) = slots.iter_mut().find(|slot| slot.key == key) else {
            return Err(ModelError::UnknownParameter {
                model,
                key: key.to_owned(),
                suggestion: nearest(key, &known),
                known,
            });
        };
        slot.place
            .read(value)
            .map_err(|requirement| ModelError::Value {
                model,
                key: key.to_owned(),
                value: value.to_owned(),
                requirement,
            })
    }

    /// The potential in `D` dimensions.
    ///
    /// # Errors
    /// Parameters that do not make one.
    pub fn potential<const D: usize>(&self) -> Result<Box<dyn Potential<D>>, ModelError> {
        let built: Result<Box<dyn Potential<D>>, MixtureError> = match &self.kind {
            Kind::InversePower(mixture) => mixture.potential().map(|p| Box::new(p) as _),
            Kind::LennardJones(mixture) => match mixture.shift {
                Shift::Potential => mixture.potential_shifted().map(|p| Box::new(p) as _),
                Shift::Force => mixture.force_shifted().map(|p| Box::new(p) as _),
            },
        };
        built.map_err(|error| ModelError::Mixture {
            model: self.name.to_owned(),
            error,
        })
    }

    /// The mixture with which the model is usually studied in `D = dimension` dimensions, if there is one.
    ///
    /// Wave numbers are those of Table I of the paper for species A, of its authors' scripts for B.
    pub fn usual_mixture(&self, dimension: usize) -> Option<Mixture> {
        let (density, composition, peak_wave_numbers) = match (self.name, dimension) {
            ("ipl", 3) => (0.82, [0.5, 0.5], vec![6.35, 6.88]),
            ("ipl", 2) => (0.86, [0.5, 0.5], vec![5.91, 6.23]),
            // No value is published for the small species: both are taken at the peak of the large one.
            ("mblj" | "ka", 3) => (1.2, [0.8, 0.2], vec![7.25, 7.25]),
            _ => return None,
        };
        Some(Mixture {
            dimension,
            density,
            composition: composition.to_vec(),
            time_step: 0.005,
            coupling_time: 0.2,
            peak_wave_numbers,
        })
    }
}
