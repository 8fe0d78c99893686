//! The models by name, with parameters that can be set by key.

use crate::mixtures::{
    InversePowerMixture, LennardJonesMixture, MixtureError, PairTable, Shift, SoftSphereMixture,
    StickySphereMixture,
};
use crate::soft_sphere::Contact;
use crate::stillinger_weber::StillingerWeber;
use std::ops::RangeInclusive;
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
    /// The labels of its species in files.
    pub labels: &'static [&'static str],
    kind: Kind,
    /// Keys of the kind that this model does not have, because they would do nothing.
    without: &'static [&'static str],
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    InversePower {
        mixture: InversePowerMixture,
        smoothing: u32,
    },
    LennardJones(LennardJonesMixture),
    StickySphere(StickySphereMixture),
    SoftSphere(SoftSphereMixture),
    StillingerWeber(StillingerWeber),
}

/// The largest order `q` of smoothing that can be chosen by name: every order is a type of its own.
const LARGEST_SMOOTHING: u32 = 6;

/// The potential of a mixture smoothed to an order that is known at run time, and was checked when it was set.
macro_rules! smoothed {
    ($mixture:expr, $order:expr) => {
        match $order {
            0 => boxed($mixture.smoothed::<1>()),
            1 => boxed($mixture.smoothed::<2>()),
            2 => boxed($mixture.smoothed::<3>()),
            3 => boxed($mixture.smoothed::<4>()),
            4 => boxed($mixture.smoothed::<5>()),
            5 => boxed($mixture.smoothed::<6>()),
            LARGEST_SMOOTHING.. => boxed($mixture.smoothed::<7>()),
        }
    };
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
    /// All models with their default parameters.
    pub fn models() -> Vec<Model> {
        vec![
            Model {
                name: "ipl",
                summary: "50:50 inverse-power mixture r^-10, smoothed at the cut-off; A is the large species",
                source: "Lerner & Bouchbinder, J. Chem. Phys. 148, 214502 (2018)",
                labels: &["A", "B"],
                kind: Kind::InversePower {
                    mixture: InversePowerMixture::default(),
                    smoothing: 3,
                },
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
                source: "Gonzalez-Lopez et al., Phys. Rev. E 103, 022605 (2021)",
                labels: &["A", "B"],
                kind: Kind::StickySphere(StickySphereMixture::default()),
                without: &[],
            },
            Model {
                name: "sw",
                summary: "Stillinger-Weber liquid with tetrahedral angles, lambda = 18.75 (silicon has 21)",
                source: "Stillinger & Weber, Phys. Rev. B 31, 5262 (1985); Molinero et al., Phys. Rev. Lett. 97, 075701 (2006)",
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
    Cosine(&'a mut f64),
    /// A cut-off and the multiple of a length that stands in for it.
    Cutoff(&'a mut Option<f64>, f64),
    Exponent(&'a mut u32),
    Smoothing(&'a mut u32),
    Shift(&'a mut Shift),
}

impl Place<'_> {
    fn show(&self) -> String {
        match self {
            Self::Positive(value) | Self::Cosine(value) => value.to_string(),
            Self::Cutoff(value, default) => value.unwrap_or(*default).to_string(),
            Self::Exponent(value) | Self::Smoothing(value) => value.to_string(),
            Self::Shift(Shift::Potential) => "potential".to_owned(),
            Self::Shift(Shift::Force) => "force".to_owned(),
            Self::Shift(Shift::Smooth(order)) => format!("smooth:{order}"),
        }
    }

    /// Sets the value from text, or says what it must be.
    fn read(&mut self, text: &str) -> Result<(), &'static str> {
        let number = || text.parse::<f64>().ok().filter(|value| value.is_finite());
        let positive = || {
            number()
                .filter(|&value| value > 0.0)
                .ok_or("a positive number")
        };
        match self {
            Self::Positive(value) => **value = positive()?,
            Self::Cosine(value) => {
                **value = number()
                    .filter(|cosine| cosine.abs() <= 1.0)
                    .ok_or("a number from -1 to 1")?;
            }
            Self::Cutoff(value, _) => **value = Some(positive()?),
            Self::Exponent(value) => {
                **value = whole(text, 1..=100).ok_or("a whole number from 1 to 100")?;
            }
            Self::Smoothing(value) => {
                **value = whole(text, 0..=LARGEST_SMOOTHING).ok_or("a whole number from 0 to 6")?;
            }
            Self::Shift(value) => {
                let order = || whole(text.strip_prefix("smooth:")?, 1..=LARGEST_SMOOTHING);
                **value = match text {
                    "potential" => Shift::Potential,
                    "force" => Shift::Force,
                    _ => Shift::Smooth(order().ok_or(
                        "'potential', 'force' or 'smooth:Q' with a whole number Q from 1 to 6",
                    )?),
                }
            }
        }
        Ok(())
    }
}

fn whole(text: &str, range: RangeInclusive<u32>) -> Option<u32> {
    text.parse().ok().filter(|number| range.contains(number))
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

fn slot<'a>(key: &str, meaning: &'static str, place: Place<'a>) -> Slot<'a> {
    Slot {
        key: key.to_owned(),
        meaning,
        place,
    }
}

fn energy_slot(value: &mut f64) -> Slot<'_> {
    slot("energy", "the energy eps", Place::Positive(value))
}

fn reduced_cutoff_slot(value: &mut f64) -> Slot<'_> {
    slot(
        "reduced_cutoff",
        "the cut-off in units of the length of the pair, for pairs without a cut-off of their own",
        Place::Positive(value),
    )
}

fn length_slots<'a>(meaning: &'static str, values: &'a mut PairTable<f64>) -> Vec<Slot<'a>> {
    pair_slots("length", meaning, values, |value, _| Place::Positive(value))
}

impl InversePowerMixture {
    fn slots<'a>(&'a mut self, smoothing: &'a mut u32) -> Vec<Slot<'a>> {
        let (lengths, multiple) = (self.lengths, self.reduced_cutoff);
        let mut slots = vec![
            energy_slot(&mut self.energy),
            slot(
                "exponent",
                "the exponent of the inverse power",
                Place::Exponent(&mut self.exponent),
            ),
            slot(
                "smoothing",
                "the order q up to which derivatives vanish at the cut-off, from 0 to 6",
                Place::Smoothing(smoothing),
            ),
            reduced_cutoff_slot(&mut self.reduced_cutoff),
        ];
        slots.extend(length_slots(
            "the length lambda of the pair",
            &mut self.lengths,
        ));
        slots.extend(cutoff_slots(&mut self.cutoffs, lengths, multiple));
        slots
    }
}

impl LennardJonesMixture {
    fn slots(&mut self) -> Vec<Slot<'_>> {
        let (lengths, multiple) = (self.lengths, self.reduced_cutoff);
        let mut slots = vec![
            slot(
                "shift",
                "what is zero at the cut-off: 'potential', 'force', or 'smooth:Q', all derivatives up to order Q",
                Place::Shift(&mut self.shift),
            ),
            reduced_cutoff_slot(&mut self.reduced_cutoff),
        ];
        slots.extend(pair_slots(
            "energy",
            "the energy eps of the pair",
            &mut self.energies,
            |value, _| Place::Positive(value),
        ));
        slots.extend(length_slots(
            "the length sigma of the pair",
            &mut self.lengths,
        ));
        slots.extend(cutoff_slots(&mut self.cutoffs, lengths, multiple));
        slots
    }
}

impl StickySphereMixture {
    fn slots(&mut self) -> Vec<Slot<'_>> {
        let (lengths, multiple) = (self.lengths, self.reduced_cutoff);
        let mut slots = vec![
            energy_slot(&mut self.energy),
            reduced_cutoff_slot(&mut self.reduced_cutoff),
        ];
        slots.extend(length_slots(
            "the length lambda of the pair",
            &mut self.lengths,
        ));
        slots.extend(cutoff_slots(&mut self.cutoffs, lengths, multiple));
        slots
    }
}

impl SoftSphereMixture {
    fn slots(&mut self) -> Vec<Slot<'_>> {
        let mut slots = vec![energy_slot(&mut self.energy)];
        slots.extend(length_slots(
            "the distance sigma of contact of the pair",
            &mut self.lengths,
        ));
        slots
    }
}

impl StillingerWeber {
    fn slots(&mut self) -> Vec<Slot<'_>> {
        fn positive<'a>(key: &str, meaning: &'static str, value: &'a mut f64) -> Slot<'a> {
            slot(key, meaning, Place::Positive(value))
        }
        vec![
            energy_slot(&mut self.energy),
            positive("length", "the length sigma", &mut self.length),
            positive(
                "A",
                "the strength of the pair part",
                &mut self.pair_strength,
            ),
            positive(
                "B",
                "the share of repulsion in the pair part",
                &mut self.pair_repulsion,
            ),
            positive(
                "reduced_cutoff",
                "the cut-off a in units of the length",
                &mut self.reduced_cutoff,
            ),
            positive(
                "lambda",
                "the strength of the angle part",
                &mut self.angle_strength,
            ),
            positive(
                "gamma",
                "the decay of the angle part",
                &mut self.angle_decay,
            ),
            slot(
                "cosine",
                "the cosine of the angle without energy",
                Place::Cosine(&mut self.cosine),
            ),
        ]
    }
}

impl Model {
    fn slots(&mut self) -> Vec<Slot<'_>> {
        let mut slots = match &mut self.kind {
            Kind::InversePower { mixture, smoothing } => mixture.slots(smoothing),
            Kind::LennardJones(mixture) => mixture.slots(),
            Kind::StickySphere(mixture) => mixture.slots(),
            Kind::SoftSphere(mixture) => mixture.slots(),
            Kind::StillingerWeber(model) => model.slots(),
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
        let built = match &self.kind {
            Kind::InversePower { mixture, smoothing } => smoothed!(mixture, *smoothing),
            Kind::LennardJones(mixture) => match mixture.shift {
                Shift::Potential => boxed(mixture.potential_shifted()),
                Shift::Force => boxed(mixture.force_shifted()),
                Shift::Smooth(order) => smoothed!(mixture, order),
            },
            Kind::StickySphere(mixture) => boxed(mixture.potential()),
            Kind::SoftSphere(mixture) => boxed(mixture.potential()),
            Kind::StillingerWeber(model) => boxed(model.potential()),
        };
        built.map_err(|error| ModelError::Mixture {
            model: self.name.to_owned(),
            error,
        })
    }

    /// The mixtures with which the model is usually studied in `D = dimension` dimensions, the most usual first;
    /// none if there is no custom.
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
