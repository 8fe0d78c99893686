//! The models by name, with parameters that can be set by key.

mod parameters;

use crate::custom::CustomMixture;
use crate::decorators::Shift;
use crate::error::MixtureError;
use crate::mixtures::{
    InversePowerMixture, LennardJonesMixture, SoftSphereMixture, StickySphereMixture,
};
use crate::polydispersity::PolydisperseSpheres;
use crate::soft_sphere::Contact;
use crate::stillinger_weber::StillingerWeber;
use parameters::Slot;
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
    /// The length of the chain of thermostats.
    pub chain_length: usize,
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
    labels: &'static [&'static str],
    kind: Kind,
    /// Keys of the kind that this model does not have, because they would do nothing.
    without: &'static [&'static str],
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    InversePower(InversePowerMixture, Shift),
    LennardJones(LennardJonesMixture),
    StickySphere(StickySphereMixture),
    SoftSphere(SoftSphereMixture),
    StillingerWeber(StillingerWeber),
    Polydisperse(PolydisperseSpheres),
    Custom(CustomMixture),
}

fn boxed<const D: usize, P: Potential<D> + 'static>(
    potential: Result<P, MixtureError>,
) -> Result<Box<dyn Potential<D>>, MixtureError> {
    potential.map(|p| Box::new(p) as _)
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
    /// All models that are complete with their default parameters.
    pub fn models() -> Vec<Model> {
        vec![
            Model {
                name: "ipl",
                summary: "50:50 inverse-power mixture r^-10, smoothed at the cut-off; A is the large species",
                source: "Lerner & Bouchbinder, J. Chem. Phys. 148, 214502 (2018)",
                labels: &["A", "B"],
                kind: Kind::InversePower(InversePowerMixture::default(), Shift::Smooth(3)),
                without: &[],
            },
            Model {
                name: "mblj",
                summary: "80:20 modified binary Lennard-Jones mixture, force shifted; A is the majority",
                source: "Schroder & Dyre, J. Chem. Phys. 152, 141101 (2020)",
                labels: &["A", "B"],
                kind: Kind::LennardJones(LennardJonesMixture::modified()),
                // Every pair has a cut-off of its own.
                without: &["reduced_cutoff"],
            },
            Model {
                name: "ka",
                summary: "80:20 Kob-Andersen Lennard-Jones mixture cut at 2.5 sigma; A is the majority",
                source: "Kob & Andersen, Phys. Rev. E 51, 4626 (1995)",
                labels: &["A", "B"],
                kind: Kind::LennardJones(LennardJonesMixture::kob_andersen()),
                without: &[],
            },
            Model {
                name: "ss",
                summary: "50:50 mixture of sticky spheres, Lennard-Jones cores with a short attraction; A is the large species",
                source: "Karmakar et al., Phys. Rev. E 83, 046106 (2011); Gonzalez-Lopez et al., Phys. Rev. E 103, 022605 (2021)",
                labels: &["A", "B"],
                kind: Kind::StickySphere(StickySphereMixture::default()),
                without: &[],
            },
            Model {
                name: "sw",
                summary: "Stillinger-Weber liquid with tetrahedral angles, lambda = 18.75 (silicon has 21)",
                source: "Stillinger & Weber, Phys. Rev. B 31, 5262 (1985); Russo, Romano & Tanaka, Phys. Rev. X 8, 021040 (2018)",
                labels: &["A"],
                kind: Kind::StillingerWeber(StillingerWeber::default()),
                without: &[],
            },
            Model {
                name: "harmonic",
                summary: "50:50 mixture of soft spheres that repel as springs while they overlap; A is the large species",
                source: "O'Hern et al., Phys. Rev. E 68, 011306 (2003)",
                labels: &["A", "B"],
                kind: Kind::SoftSphere(SoftSphereMixture::new(Contact::Harmonic)),
                without: &[],
            },
            Model {
                name: "hertzian",
                summary: "50:50 mixture of soft spheres that repel as elastic ones while they overlap; A is the large species",
                source: "O'Hern et al., Phys. Rev. E 68, 011306 (2003)",
                labels: &["A", "B"],
                kind: Kind::SoftSphere(SoftSphereMixture::new(Contact::Hertzian)),
                without: &[],
            },
            Model {
                name: "polydisperse",
                summary: "soft spheres r^-12 with a diameter for each particle, non-additive, as for swap Monte Carlo",
                source: "Ninarello, Berthier & Coslovich, Phys. Rev. X 7, 021039 (2017)",
                labels: &["A"],
                kind: Kind::Polydisperse(PolydisperseSpheres::default()),
                without: &[],
            },
        ]
    }

    /// The model without energies of its own: set `formula.AA` or `table.AA`, and for two species also those
    /// of AB and BB.
    pub fn custom() -> Model {
        Model {
            name: "custom",
            summary: "your own pair energies, as formulas of r or as tables, for one or two species",
            source: "yourself",
            labels: &["A", "B"],
            kind: Kind::Custom(CustomMixture::default()),
            without: &[],
        }
    }

    /// The model of a name, with default parameters; `custom` is [`Catalogue::custom`].
    ///
    /// # Errors
    /// An unknown name, with the nearest known one.
    pub fn find(name: &str) -> Result<Model, ModelError> {
        let mut models = Self::models();
        models.push(Self::custom());
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

impl Model {
    /// The labels of its species in files.
    pub fn labels(&self) -> &'static [&'static str] {
        match &self.kind {
            Kind::Custom(mixture) => &self.labels[..mixture.species_count()],
            _ => self.labels,
        }
    }

    /// The diameters of the particles of a new liquid, in ascending order; `None` for models whose particles
    /// have none of their own.
    ///
    /// # Errors
    /// A smallest diameter above the largest.
    pub fn diameters(&self, particles: usize) -> Result<Option<Vec<f64>>, ModelError> {
        let Kind::Polydisperse(model) = &self.kind else {
            return Ok(None);
        };
        let diameters = model.diameters(particles);
        diameters
            .map(Some)
            .map_err(|error| self.fault(error.into()))
    }

    fn fault(&self, error: MixtureError) -> ModelError {
        ModelError::Mixture {
            model: self.name.to_owned(),
            error,
        }
    }

    fn slots(&mut self) -> Vec<Slot<'_>> {
        let mut slots = match &mut self.kind {
            Kind::InversePower(mixture, shift) => mixture.slots(shift),
            Kind::LennardJones(mixture) => mixture.slots(),
            Kind::StickySphere(mixture) => mixture.slots(),
            Kind::SoftSphere(mixture) => mixture.slots(),
            Kind::StillingerWeber(model) => model.slots(),
            Kind::Polydisperse(model) => model.slots(),
            Kind::Custom(mixture) => mixture.slots(),
        };
        slots.retain(|slot| !self.without.contains(&slot.key.as_str()));
        slots
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
        let mut changed = self.clone();
        if let Kind::Custom(mixture) = &mut changed.kind {
            mixture.prepare(key);
        }
        let mut slots = changed.slots();
        let model = self.name.to_owned();
        let Some(slot) = slots.iter_mut().find(|slot| slot.key == key) else {
            let known: Vec<String> = slots.into_iter().map(|slot| slot.key).collect();
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
            })?;
        *self = changed;
        Ok(())
    }

    /// The potential in `D` dimensions.
    ///
    /// # Errors
    /// Parameters that do not make one.
    pub fn potential<const D: usize>(&self) -> Result<Box<dyn Potential<D>>, ModelError> {
        let built = match &self.kind {
            Kind::InversePower(mixture, Shift::Smooth(3)) => boxed(mixture.potential()),
            Kind::InversePower(mixture, shift) => boxed(mixture.ended(*shift)),
            Kind::LennardJones(mixture) => match mixture.shift {
                Shift::Potential => boxed(mixture.potential_shifted()),
                Shift::Force => boxed(mixture.force_shifted()),
                Shift::None | Shift::Smooth(_) => boxed(mixture.ended()),
            },
            Kind::StickySphere(mixture) => boxed(mixture.potential()),
            Kind::SoftSphere(mixture) => boxed(mixture.potential()),
            Kind::StillingerWeber(model) => boxed(model.potential()),
            Kind::Polydisperse(model) => boxed(model.potential()),
            Kind::Custom(mixture) => boxed(mixture.potential()),
        };
        built.map_err(|error| self.fault(error))
    }

    /// The mixtures with which the model is usually studied in `D = dimension` dimensions, the most usual first;
    /// none if there is no such custom.
    ///
    /// Wave numbers are those of Table I of the paper for species A, of its authors' scripts for B.
    #[allow(clippy::approx_constant)] // 6.28 is the position of a peak
    pub fn usual_mixtures(&self, dimension: usize) -> Vec<Mixture> {
        let usual = |density, composition: &[f64], peak_wave_numbers: &[f64]| Mixture {
            dimension,
            density,
            composition: composition.to_vec(),
            time_step: 0.005,
            coupling_time: 0.2,
            chain_length: 1,
            peak_wave_numbers: peak_wave_numbers.to_vec(),
        };
        let half = [0.5, 0.5];
        match (self.name, dimension) {
            ("ipl", 3) => vec![usual(0.82, &half, &[6.35, 6.88])],
            ("ipl", 2) => vec![usual(0.86, &half, &[5.91, 6.23])],
            // No value is published for the small species: both are taken at the peak of the large one.
            ("mblj" | "ka", 3) => vec![usual(1.2, &[0.8, 0.2], &[7.25, 7.25])],
            ("ss", 3) => vec![
                usual(0.6, &half, &[5.47, 6.44]),
                Mixture {
                    time_step: 0.003,
                    ..usual(0.7, &half, &[5.87, 6.86])
                },
                Mixture {
                    time_step: 0.002,
                    ..usual(0.95, &half, &[6.40, 7.35])
                },
            ],
            ("sw", 3) => vec![Mixture {
                time_step: 0.065,
                coupling_time: 6.5,
                chain_length: 3,
                ..usual(0.52, &[1.0], &[6.28])
            }],
            _ => Vec::new(),
        }
    }

    /// The first of [`Model::usual_mixtures`].
    pub fn usual_mixture(&self, dimension: usize) -> Option<Mixture> {
        self.usual_mixtures(dimension).into_iter().next()
    }

    /// The one of [`Model::usual_mixtures`] whose density is nearest.
    pub fn usual_mixture_near(&self, dimension: usize, density: f64) -> Option<Mixture> {
        let distance = |mixture: &Mixture| (mixture.density - density).abs();
        self.usual_mixtures(dimension)
            .into_iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }
}
