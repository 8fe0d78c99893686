//! The catalogue: every key of every model can be set, shows in the parameters, and changes the energy.

// Equality is meant where it is asserted: the same bits.
#![allow(clippy::float_cmp)]

use vitreous_md_core::{Configuration, ForceField, Seed};
use vitreous_potentials::{Catalogue, Model, ModelError};

/// The energy of a fixed mixture in which pairs of all species meet at many distances.
fn energy<const D: usize>(model: &Model) -> f64 {
    let potential = model.potential::<D>().unwrap();
    let configuration = Configuration::<D>::random(100, 1.0, &[0.5, 0.5], Seed(3)).unwrap();
    ForceField::new(&*potential)
        .evaluate(&configuration)
        .unwrap()
        .energy()
}

/// Another value that a parameter can have.
fn another(value: &str) -> String {
    match value {
        "potential" => "force".to_owned(),
        "force" => "potential".to_owned(),
        _ => match value.parse::<u32>() {
            // Whole numbers: exponents, and lengths and energies of one, which may be whole too.
            Ok(number) => (number + 1).to_string(),
            Err(_) => (0.9 * value.parse::<f64>().unwrap()).to_string(),
        },
    }
}

#[test]
fn every_key_can_be_set_and_changes_the_energy() {
    for model in Catalogue::models() {
        let standard = [energy::<2>(&model), energy::<3>(&model)];
        for parameter in model.parameters() {
            let value = another(&parameter.value);
            let mut changed = model.clone();
            changed.set(&parameter.key, &value).unwrap();
            let now = changed
                .parameters()
                .into_iter()
                .find(|p| p.key == parameter.key)
                .unwrap();
            assert_eq!(now.value, value, "{}", parameter.key);
            assert!(!parameter.meaning.is_empty());
            let energies = [energy::<2>(&changed), energy::<3>(&changed)];
            // The cut-offs of mBLJ are given for each pair: the one that stands in for them is idle.
            let idle = model.name == "mblj" && parameter.key == "reduced_cutoff";
            for (before, after) in standard.into_iter().zip(energies) {
                assert_eq!(
                    before == after,
                    idle,
                    "{} {} = {value}: {before} -> {after}",
                    model.name,
                    parameter.key
                );
            }
            // Set back from the text that is shown, the model is the same to the last bit.
            changed.set(&parameter.key, &parameter.value).unwrap();
            assert_eq!(energy::<3>(&changed), standard[1], "{}", parameter.key);
        }
    }
}

#[test]
fn keys_are_unique_and_their_text_reads_back() {
    for model in Catalogue::models() {
        let parameters = model.parameters();
        let mut copy = model.clone();
        for (index, parameter) in parameters.iter().enumerate() {
            assert!(
                parameters[..index].iter().all(|p| p.key != parameter.key),
                "{} twice",
                parameter.key
            );
            copy.set(&parameter.key, &parameter.value).unwrap();
        }
        assert_eq!(copy.parameters(), parameters);
        assert_eq!(energy::<3>(&copy), energy::<3>(&model));
    }
}

/// A cut-off that is not given follows the length of its pair; one that is given stays.
#[test]
fn cutoffs_follow_lengths_until_they_are_set() {
    let mut model = Catalogue::find("ka").unwrap();
    let cutoff = |model: &Model| -> f64 {
        let parameters = model.parameters();
        let found = parameters.iter().find(|p| p.key == "cutoff.AB").unwrap();
        found.value.parse().unwrap()
    };
    assert_eq!(cutoff(&model), 2.0);
    model.set("length.AB", "0.9").unwrap();
    assert_eq!(cutoff(&model), 2.25);
    model.set("cutoff.AB", "1.75").unwrap();
    model.set("length.AB", "0.8").unwrap();
    assert_eq!(cutoff(&model), 1.75);
    let potential = model.potential::<3>().unwrap();
    let range = |first, second| {
        potential.pair_range(
            vitreous_md_core::Species(first),
            vitreous_md_core::Species(second),
        )
    };
    assert_eq!([range(0, 0), range(0, 1), range(1, 0)], [2.5, 1.75, 1.75]);
}

#[test]
fn values_that_a_parameter_cannot_have_are_refused_and_change_nothing() {
    for model in Catalogue::models() {
        for parameter in model.parameters() {
            for value in ["", "0", "-1", "nan", "inf", "1e999", "one", "1.0.0"] {
                let mut changed = model.clone();
                let error = changed.set(&parameter.key, value).unwrap_err();
                assert!(matches!(error, ModelError::Value { .. }), "{error:?}");
                let text = error.to_string();
                assert!(text.contains(&parameter.key) && text.contains(model.name));
                assert_eq!(changed, model);
            }
        }
    }
    let mut ipl = Catalogue::find("ipl").unwrap();
    assert!(ipl.set("exponent", "101").is_err());
    assert!(ipl.set("exponent", "10.5").is_err());
    assert!(ipl.set("exponent", "9").is_ok());
}

#[test]
fn unknown_names_come_with_the_nearest_known_one() {
    let suggestion = |name: &str| match Catalogue::find(name).unwrap_err() {
        ModelError::UnknownModel {
            suggestion, known, ..
        } => {
            assert_eq!(known, ["ipl", "mblj", "ka"]);
            suggestion
        }
        error => panic!("{error}"),
    };
    assert_eq!(suggestion("IPL").as_deref(), Some("ipl"));
    assert_eq!(suggestion("mbjl").as_deref(), Some("mblj"));
    assert_eq!(suggestion("kA").as_deref(), Some("ka"));
    assert_eq!(suggestion("water"), None);

    let mut model = Catalogue::find("mblj").unwrap();
    let error = model.set("cut_off.BB", "1.32").unwrap_err();
    assert!(
        error.to_string().contains("did you mean 'cutoff.BB'?"),
        "{error}"
    );
    let error = model.set("temperature", "1").unwrap_err();
    assert!(!error.to_string().contains("did you mean"), "{error}");
    assert!(error.to_string().contains("cutoff.AA"), "{error}");
}
