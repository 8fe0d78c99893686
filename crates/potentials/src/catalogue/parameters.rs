//! The parameters of models: their keys, what they mean, and how they are read and shown.

use crate::custom::{CustomMixture, PairText};
use crate::decorators::{LARGEST_ORDER, Shift};
use crate::mixtures::{
    InversePowerMixture, LennardJonesMixture, PairTable, SoftSphereMixture, StickySphereMixture,
};
use crate::polydispersity::PolydisperseSpheres;
use crate::stillinger_weber::StillingerWeber;
use std::ops::RangeInclusive;

/// A parameter with the place where its value lives.
pub(super) struct Slot<'a> {
    pub(super) key: String,
    pub(super) meaning: &'static str,
    pub(super) place: Place<'a>,
}

pub(super) enum Place<'a> {
    Positive(&'a mut f64),
    Cosine(&'a mut f64),
    /// A cut-off and what stands in for it: the multiple of a length, or nothing.
    Cutoff(&'a mut Option<f64>, Option<f64>),
    Finite(&'a mut f64),
    Exponent(&'a mut u32),
    Shift(&'a mut Shift),
    /// A formula, or nothing.
    Formula(&'a mut Option<PairText>),
    /// The points of a table, or nothing.
    Table(&'a mut Option<PairText>),
}

impl Place<'_> {
    pub(super) fn show(&self) -> String {
        match self {
            Self::Positive(value) | Self::Cosine(value) | Self::Finite(value) => value.to_string(),
            Self::Cutoff(value, default) => value
                .or(*default)
                .map_or_else(String::new, |v| v.to_string()),
            Self::Exponent(value) => value.to_string(),
            Self::Formula(Some(PairText::Formula(text)))
            | Self::Table(Some(PairText::Table(text))) => text.clone(),
            Self::Formula(_) | Self::Table(_) => String::new(),
            Self::Shift(Shift::None) => "none".to_owned(),
            Self::Shift(Shift::Potential) => "potential".to_owned(),
            Self::Shift(Shift::Force) => "force".to_owned(),
            Self::Shift(Shift::Smooth(order)) => format!("smooth:{order}"),
        }
    }

    /// Sets the value from text, or says what it must be.
    pub(super) fn read(&mut self, text: &str) -> Result<(), &'static str> {
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
            Self::Finite(value) => **value = number().ok_or("a number")?,
            Self::Formula(value) => **value = Some(PairText::Formula(text.to_owned())),
            Self::Table(value) => **value = Some(PairText::Table(text.to_owned())),
            Self::Shift(value) => {
                let order = || whole(text.strip_prefix("smooth:")?, 0..=LARGEST_ORDER);
                **value = match text {
                    "none" => Shift::None,
                    "potential" => Shift::Potential,
                    "force" => Shift::Force,
                    _ => Shift::Smooth(order().ok_or(
                        "'none', 'potential', 'force' or 'smooth:Q' with a whole number Q from 0 to 6",
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
        |value, pair| Place::Cutoff(value, Some(multiple * lengths[pair])),
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

fn shift_slot(value: &mut Shift) -> Slot<'_> {
    slot(
        "shift",
        "what is zero at the cut-off: 'none', 'potential', 'force', or 'smooth:Q', all derivatives up to order Q",
        Place::Shift(value),
    )
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

/// The lengths of pairs, and the cut-offs that are a multiple of them unless they are given.
fn length_and_cutoff_slots<'a>(
    meaning: &'static str,
    lengths: &'a mut PairTable<f64>,
    cutoffs: &'a mut PairTable<Option<f64>>,
    multiple: f64,
) -> Vec<Slot<'a>> {
    let cutoffs = cutoff_slots(cutoffs, *lengths, multiple);
    let mut slots = length_slots(meaning, lengths);
    slots.extend(cutoffs);
    slots
}

impl InversePowerMixture {
    pub(super) fn slots<'a>(&'a mut self, shift: &'a mut Shift) -> Vec<Slot<'a>> {
        let multiple = self.reduced_cutoff;
        let mut slots = vec![
            energy_slot(&mut self.energy),
            slot(
                "exponent",
                "the exponent of the inverse power",
                Place::Exponent(&mut self.exponent),
            ),
            shift_slot(shift),
            reduced_cutoff_slot(&mut self.reduced_cutoff),
        ];
        slots.extend(length_and_cutoff_slots(
            "the length lambda of the pair",
            &mut self.lengths,
            &mut self.cutoffs,
            multiple,
        ));
        slots
    }
}

impl LennardJonesMixture {
    pub(super) fn slots(&mut self) -> Vec<Slot<'_>> {
        let multiple = self.reduced_cutoff;
        let mut slots = vec![
            shift_slot(&mut self.shift),
            reduced_cutoff_slot(&mut self.reduced_cutoff),
        ];
        slots.extend(pair_slots(
            "energy",
            "the energy eps of the pair",
            &mut self.energies,
            |value, _| Place::Positive(value),
        ));
        slots.extend(length_and_cutoff_slots(
            "the length sigma of the pair",
            &mut self.lengths,
            &mut self.cutoffs,
            multiple,
        ));
        slots
    }
}

impl StickySphereMixture {
    pub(super) fn slots(&mut self) -> Vec<Slot<'_>> {
        let multiple = self.reduced_cutoff;
        let mut slots = vec![
            energy_slot(&mut self.energy),
            reduced_cutoff_slot(&mut self.reduced_cutoff),
        ];
        slots.extend(length_and_cutoff_slots(
            "the length lambda of the pair",
            &mut self.lengths,
            &mut self.cutoffs,
            multiple,
        ));
        slots
    }
}

impl SoftSphereMixture {
    pub(super) fn slots(&mut self) -> Vec<Slot<'_>> {
        let mut slots = vec![energy_slot(&mut self.energy)];
        slots.extend(length_slots(
            "the distance sigma of contact of the pair",
            &mut self.lengths,
        ));
        slots
    }
}

impl StillingerWeber {
    pub(super) fn slots(&mut self) -> Vec<Slot<'_>> {
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

impl PolydisperseSpheres {
    pub(super) fn slots(&mut self) -> Vec<Slot<'_>> {
        vec![
            energy_slot(&mut self.energy),
            slot(
                "exponent",
                "the exponent of the inverse power",
                Place::Exponent(&mut self.exponent),
            ),
            slot(
                "reduced_cutoff",
                "the cut-off in units of the diameter of the pair",
                Place::Positive(&mut self.reduced_cutoff),
            ),
            shift_slot(&mut self.shift),
            slot(
                "non_additivity",
                "by how much the diameter of a pair falls below the mean, per difference of diameters",
                Place::Finite(&mut self.non_additivity),
            ),
            slot(
                "smallest_diameter",
                "the smallest diameter of a new liquid",
                Place::Positive(&mut self.smallest_diameter),
            ),
            slot(
                "largest_diameter",
                "the largest diameter, of any particle",
                Place::Positive(&mut self.largest_diameter),
            ),
        ]
    }
}

impl CustomMixture {
    pub(super) fn slots(&mut self) -> Vec<Slot<'_>> {
        // A pair has a formula or a table: two keys for one place, which only one of them can hold at a time.
        let mut slots = Vec::new();
        for (value, pair) in [
            (&mut self.energies.aa, "AA"),
            (&mut self.energies.ab, "AB"),
            (&mut self.energies.bb, "BB"),
        ] {
            let (key, meaning, place) = match value {
                Some(PairText::Table(_)) => ("table", TABLE, Place::Table(value)),
                _ => ("formula", FORMULA, Place::Formula(value)),
            };
            slots.push(slot(&format!("{key}.{pair}"), meaning, place));
        }
        slots.extend(pair_slots(
            "cutoff",
            "the cut-off distance of the pair; by default the last distance of its table",
            &mut self.cutoffs,
            |value, _| Place::Cutoff(value, None),
        ));
        slots.push(shift_slot(&mut self.shift));
        slots.extend(self.constants.iter_mut().map(|(name, value)| {
            slot(
                &format!("constant.{name}"),
                "the value of a name in the formulas",
                Place::Finite(value),
            )
        }));
        slots
    }

    /// Makes the place that a key asks for: that of a table instead of a formula, or of a new constant.
    pub(super) fn prepare(&mut self, key: &str) {
        if let Some(name) = key.strip_prefix("constant.") {
            self.constants.entry(name.to_owned()).or_insert(f64::NAN);
            return;
        }
        for (value, pair) in [
            (&mut self.energies.aa, "AA"),
            (&mut self.energies.ab, "AB"),
            (&mut self.energies.bb, "BB"),
        ] {
            match key.strip_suffix(pair) {
                Some("table.") => *value = Some(PairText::Table(String::new())),
                Some("formula.") => *value = None,
                _ => {}
            }
        }
    }
}

const FORMULA: &str = "the energy of the pair as a formula of r (its other names are set by constant.NAME), or table.XY instead: its points";
const TABLE: &str = "the points of the pair's energy, a line `r phi` for each";
