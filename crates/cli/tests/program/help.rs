//! What the program says of itself.

use super::program::{assert_keys, command, folder, json, succeed};
use std::io::Read;
use std::process::Stdio;

#[test]
fn every_command_teaches_by_example() {
    let folder = folder("help");
    let general = succeed(&folder, &["--help"]);
    for name in [
        "run",
        "status",
        "energy",
        "quench",
        "elastic",
        "hessian",
        "kappa",
        "modes",
        "soft-modes",
        "analyze",
        "models",
    ] {
        assert!(general.contains(&format!("\n  {name} ")), "{general}");
        let text = succeed(&folder, &[name, "--help"]);
        let example = format!(
            "Examples:\n  vitreous {}",
            if name == "run" { "run" } else { "" }
        );
        assert!(text.contains(&example), "{text}");
        assert!(text.contains(&format!("\n  vitreous {name}")), "{text}");
    }
    for (name, keys) in [
        (
            "status",
            "title folder running process host started updated threads search temperatures temperature runs run at_work \
             window equilibration_steps equilibration_steps_expected relaxation_time equilibrated production_steps \
             production_steps_expected settled glasses glasses_expected elapsed_seconds seconds_left at_least results page \
             problems unused",
        ),
        ("energy", "energy forces stress pressure"),
        (
            "quench",
            "energy force_ratio max_force evaluations converged",
        ),
        (
            "elastic",
            "shear_modulus plane total born prestress non_affine bulk_modulus voigt_shear_modulus \
             poisson_ratio youngs_modulus voigt_order stiffness stiffness_born stiffness_prestress \
             stiffness_non_affine routes deformation_gradient green_lagrange finite_strain \
             finite_strain_discrepancy strain_step",
        ),
        ("hessian", "rows nonzeros force_ratio path"),
        ("kappa", "kappa i, j particles"),
        (
            "modes",
            "unstable_modes modes eigenvalues frequencies participation_ratios residuals \
             density_of_states edges counts density reduced_density paths",
        ),
        (
            "soft-modes",
            "soft_modes stiffness participation_ratio cost i, j, kappa starts cubic tau chi barrier \
             searches unconverged modes_found",
        ),
        (
            "analyze",
            "trajectory format dimension frames particles density length_unit dynamics steps time_step time_unit \
             wave_number wave_vectors overlap_radius peak wave_number_error height height_error species label \
             relaxation_time diffusion_coefficient non_gaussian_maximum non_gaussian_time susceptibility_maximum \
             susceptibility_time notes paths",
        ),
    ] {
        let text = succeed(&folder, &[name, "--help"]);
        let (_, documented) = text.split_once("Keys of --json").unwrap();
        for key in keys.split(' ') {
            assert!(documented.contains(key), "{name}: {key}");
        }
    }
}

#[test]
fn models_are_listed_with_their_parameters() {
    let folder = folder("models");
    let list = succeed(&folder, &["models"]);
    for name in ["ipl", "mblj", "ka", "ss", "sw", "harmonic", "hertzian"] {
        assert!(
            list.lines()
                .any(|line| line.starts_with(&format!("{name} "))),
            "{list}"
        );
    }
    for name in ["ipl", "mblj", "ka", "ss"] {
        let text = succeed(&folder, &["models", name]);
        for word in [
            "cutoff.BB",
            "length.AB",
            "density",
            "time step",
            "in 3 dimensions",
        ] {
            assert!(text.contains(word), "{name}: no {word} in {text}");
        }
    }
    let all = json(&folder, &["models"]);
    assert_eq!(all.as_array().unwrap().len(), 9);
    let model = json(&folder, &["models", "mblj"]);
    assert_keys(
        &model,
        &[
            "name",
            "summary",
            "source",
            "species",
            "parameters",
            "usual_mixtures",
        ],
    );
    let parameters = model["parameters"].as_array().unwrap();
    let cutoff = parameters.iter().find(|p| p["key"] == "cutoff.BB").unwrap();
    assert_eq!(cutoff["value"], "1.5");
    assert_eq!(model["usual_mixtures"][0]["density"], 1.2);
    assert_eq!(model["usual_mixtures"][0]["chain_length"], 1);
    let ss = json(&folder, &["models", "ss"]);
    assert_eq!(ss["usual_mixtures"][2]["density"], 0.95);
    let sw = json(&folder, &["models", "sw"]);
    assert_eq!(sw["species"], serde_json::json!(["A"]));
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let folder = folder("pipe");
    let mut child = command(&folder, &["models", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{stderr}");
    assert_eq!(stderr, "");
}
