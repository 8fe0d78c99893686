//! The catalogue: every key of every model can be set, shows in the parameters, and changes the energy.

// Equality is meant where it is asserted: the same bits.
#![allow(clippy::float_cmp)]

use vitreous_md_core::{Configuration, ForceField, Potential, Seed, Species};
use vitreous_potentials::{
    Catalogue, Contact, InversePowerMixture, LennardJonesMixture, Model, ModelError, SoftSphere,
    SoftSphereMixture, StickySphereMixture, StillingerWeber,
};

/// The energy of a fixed mixture in which pairs of all species meet at many distances.
fn energy<const D: usize>(model: &Model) -> f64 {
    let potential = model.potential::<D>().unwrap();
    let shares = vec![1.0 / model.labels().len() as f64; model.labels().len()];
    let mut configuration = Configuration::<D>::random(100, 1.0, &shares, Seed(3)).unwrap();
    if let Some(diameters) = model.diameters(100).unwrap() {
        configuration = configuration.with_diameters(diameters).unwrap();
    }
    ForceField::new(&*potential)
        .evaluate(&configuration)
        .unwrap()
        .energy()
}

/// The same of a two-species potential.
fn total<const D: usize>(potential: &dyn Potential<D>) -> f64 {
    let configuration = Configuration::<D>::random(100, 1.0, &[0.5, 0.5], Seed(3)).unwrap();
    ForceField::new(potential)
        .evaluate(&configuration)
        .unwrap()
        .energy()
}

/// Another value that a parameter can have.
fn another(value: &str) -> String {
    match value {
        "potential" => "force".to_owned(),
        "force" | "smooth:3" => "smooth:2".to_owned(),
        "smooth:2" => "none".to_owned(),
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
            for (before, after) in standard.into_iter().zip(energies) {
                assert!(
                    before != after,
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
            let also = match parameter.key.as_str() {
                "cosine" => ["1.01", "-1.01"],
                "non_additivity" => ["-", "0.2.0"],
                _ => ["0", "-1"],
            };
            for value in ["", "nan", "inf", "1e999", "one", "1.0.0"]
                .into_iter()
                .chain(also)
            {
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
    assert!(ipl.set("exponent", "100").is_ok());
    assert!(ipl.set("shift", "smooth:2.0").is_err());
    let mut ka = Catalogue::find("ka").unwrap();
    for value in [
        "smooth",
        "smooth:",
        "smooth:7",
        "smooth:-1",
        "smooth:2.5",
        "smooth 2",
    ] {
        let text = ka.set("shift", value).unwrap_err().to_string();
        assert!(text.contains("'smooth:Q'"), "{text}");
    }
    let mut sw = Catalogue::find("sw").unwrap();
    for value in ["-1", "0", "1"] {
        assert!(sw.set("cosine", value).is_ok());
    }
}

/// The cut-offs of mBLJ are given for each pair: none follows the length.
#[test]
fn no_key_is_without_effect() {
    let mut mblj = Catalogue::find("mblj").unwrap();
    let error = mblj.set("reduced_cutoff", "3").unwrap_err();
    assert!(
        matches!(error, ModelError::UnknownParameter { .. }),
        "{error}"
    );
    let mut ka = Catalogue::find("ka").unwrap();
    assert!(ka.set("reduced_cutoff", "3").is_ok());
}

/// Every order of smoothing is the one of its name, for both dimensions.
#[test]
fn smoothing_has_the_order_of_its_name() {
    fn check<const N: usize>() {
        let order = (N - 1).to_string();
        let mixture = InversePowerMixture::default().smoothed::<N>().unwrap();
        let lennard_jones = LennardJonesMixture::kob_andersen().smoothed::<N>().unwrap();
        let expected = total::<3>(&mixture);
        let mut ipl = Catalogue::find("ipl").unwrap();
        ipl.set("shift", &format!("smooth:{order}")).unwrap();
        assert_eq!(energy::<3>(&ipl), expected);
        assert_eq!(energy::<2>(&ipl), total::<2>(&mixture));
        let mut ka = Catalogue::find("ka").unwrap();
        ka.set("shift", &format!("smooth:{order}")).unwrap();
        assert_eq!(energy::<3>(&ka), total::<3>(&lennard_jones));
        if N == 1 {
            ka.set("shift", "potential").unwrap();
            assert_eq!(energy::<3>(&ka), total::<3>(&lennard_jones));
        }
    }
    check::<1>();
    check::<2>();
    check::<3>();
    check::<4>();
    check::<5>();
    check::<6>();
    check::<7>();
    let standard = InversePowerMixture::default().potential().unwrap();
    assert_eq!(
        energy::<3>(&Catalogue::find("ipl").unwrap()),
        total::<3>(&standard)
    );
    let mut ka = Catalogue::find("ka").unwrap();
    ka.set("shift", "force").unwrap();
    let forces = LennardJonesMixture::kob_andersen().force_shifted().unwrap();
    assert_eq!(energy::<3>(&ka), total::<3>(&forces));
    // A shifted potential is one smoothed to order 0.
    assert_eq!(
        LennardJonesMixture::kob_andersen()
            .smoothed::<1>()
            .unwrap()
            .between(Species(0), Species(1)),
        LennardJonesMixture::kob_andersen()
            .potential_shifted()
            .unwrap()
            .between(Species(0), Species(1)),
    );
}

/// The names stand for the models, and the contacts of soft spheres for their distances.
#[test]
fn models_are_those_of_their_names() {
    let of = |name: &str| energy::<3>(&Catalogue::find(name).unwrap());
    assert_eq!(
        of("ss"),
        total::<3>(&StickySphereMixture::default().potential().unwrap())
    );
    for (name, contact) in [
        ("harmonic", Contact::Harmonic),
        ("hertzian", Contact::Hertzian),
    ] {
        let mixture = SoftSphereMixture::new(contact).potential().unwrap();
        assert_eq!(of(name), total::<3>(&mixture));
        for (first, second, length) in [(0, 0, 1.4), (0, 1, 1.2), (1, 1, 1.0)] {
            let function = *mixture.between(Species(first), Species(second)).unwrap();
            assert_eq!(function, SoftSphere::new(contact, 1.0, length));
        }
        let mut lengths = SoftSphereMixture::new(contact);
        lengths.lengths.bb = -1.0;
        assert!(lengths.potential().is_err());
    }
    let model = StillingerWeber::default().potential().unwrap();
    let configuration = Configuration::<3>::random(100, 1.0, &[1.0], Seed(3)).unwrap();
    let expected = ForceField::new(&model)
        .evaluate(&configuration)
        .unwrap()
        .energy();
    assert_eq!(of("sw"), expected);
    let mut sw = Catalogue::find("sw").unwrap();
    sw.set("lambda", "21").unwrap();
    let silicon = StillingerWeber::silicon().potential().unwrap();
    let expected = ForceField::new(&silicon)
        .evaluate(&configuration)
        .unwrap()
        .energy();
    assert_eq!(energy::<3>(&sw), expected);
}

/// Parameters that are numbers but make no potential say which model they were for.
#[test]
fn parameters_that_make_no_potential_are_refused() {
    let mut ss = Catalogue::find("ss").unwrap();
    ss.set("reduced_cutoff", "1.1").unwrap();
    let text = ss.potential::<3>().err().unwrap().to_string();
    assert!(
        text.contains("model 'ss'") && text.contains("2^(1/6)"),
        "{text}"
    );
}

#[test]
fn unknown_names_come_with_the_nearest_known_one() {
    let suggestion = |name: &str| match Catalogue::find(name).unwrap_err() {
        ModelError::UnknownModel {
            suggestion, known, ..
        } => {
            assert_eq!(
                known,
                [
                    "ipl",
                    "mblj",
                    "ka",
                    "ss",
                    "sw",
                    "harmonic",
                    "hertzian",
                    "polydisperse",
                    "custom"
                ]
            );
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
