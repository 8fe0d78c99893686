//! `vitreous energy` against sums over all pairs, and the crystal against its closed forms.

use super::configuration::Configuration;
use super::program::{assert_close, assert_keys, folder, json, number, rows, succeed};
use super::reference::{self, Pair, Reference};

fn check(name: &str, configuration: &Configuration, pair: Pair, model: &[&str]) {
    let folder = folder(&format!("energies-{name}"));
    configuration.write(&folder, "sample.xyz");
    let arguments = [&["energy", "sample.xyz", "--model"], model].concat();
    let result = json(&folder, &arguments);
    assert_keys(&result, &["energy", "forces", "stress", "pressure"]);

    let expected = Reference::new(configuration, pair);
    let dimension = configuration.dimension;
    assert_close(number(&result, "/energy"), expected.energy, 1e-12);
    let forces = rows(&result["forces"]);
    assert_eq!(forces.len(), configuration.positions.len());
    for (force, expected_force) in forces.iter().zip(expected.forces()) {
        assert_eq!(force.len(), dimension);
        for k in 0..dimension {
            let difference = (force[k] - expected_force[k]).abs();
            assert!(
                difference <= 1e-12 * expected.largest_pair_force,
                "{name}: {difference:e}"
            );
        }
    }
    let stress = rows(&result["stress"]);
    let scale = expected.stress(0, 0).abs();
    let mut trace = 0.0;
    for row in 0..dimension {
        assert_eq!(stress[row].len(), dimension);
        trace += stress[row][row];
        for column in 0..dimension {
            let difference = (stress[row][column] - expected.stress(row, column)).abs();
            assert!(difference <= 1e-12 * scale, "{name}: {difference:e}");
        }
    }
    assert_close(
        number(&result, "/pressure"),
        -trace / dimension as f64,
        1e-14,
    );
}

#[test]
fn every_model_agrees_with_the_sum_over_all_pairs() {
    use reference::{
        inverse_power, kob_andersen, kob_andersen_force_shifted, modified_lennard_jones,
        shorter_lennard_jones,
    };
    let liquid = |dimension, density, share| {
        Configuration::mixture(dimension, 100, density, share, 7).sheared(0.2)
    };
    check("ipl", &liquid(3, 0.82, 0.5), inverse_power, &["ipl"]);
    check("ipl-2d", &liquid(2, 0.86, 0.5), inverse_power, &["ipl"]);
    check(
        "mblj",
        &liquid(3, 1.2, 0.8),
        modified_lennard_jones,
        &["mblj"],
    );
    let shorter = ["mblj", "--set", "cutoff.BB=1.32"];
    check(
        "mblj-short",
        &liquid(3, 1.2, 0.5),
        shorter_lennard_jones,
        &shorter,
    );
    check("ka", &liquid(3, 1.2, 0.8), kob_andersen, &["ka"]);
    let force = ["ka", "--set", "shift=force"];
    check(
        "ka-force",
        &liquid(3, 1.2, 0.8),
        kob_andersen_force_shifted,
        &force,
    );
}

#[test]
fn a_box_smaller_than_twice_the_range_counts_every_image() {
    let few = Configuration::mixture(3, 12, 0.82, 0.5, 5);
    let reference = Reference::new(&few, reference::inverse_power);
    let folder = folder("energies-small");
    few.write(&folder, "few.xyz");
    let result = json(&folder, &["energy", "few.xyz", "--model", "ipl"]);
    // A box of edge 2.446: the reference has no pairs of a particle with its own image.
    let own: f64 = few
        .species
        .iter()
        .map(|&species| 3.0 * reference::inverse_power(species, species, few.cell[0][0])[0])
        .sum();
    assert_close(number(&result, "/energy"), reference.energy + own, 1e-12);
}

#[test]
fn the_crystal_has_its_closed_forms() {
    let folder = folder("energies-crystal");
    Configuration::face_centred_cubic(4).write(&folder, "fcc.xyz");
    let result = json(&folder, &["energy", "fcc.xyz", "--model", "ipl"]);
    assert_close(number(&result, "/energy") / 256.0, 0.876771601415, 1e-11);
    assert_close(number(&result, "/pressure"), 4.62531943845, 1e-11);
    let result = json(&folder, &["elastic", "fcc.xyz", "--model", "ipl"]);
    assert_close(
        number(&result, "/shear_modulus/total"),
        12.7090631661,
        1e-11,
    );
    assert_close(number(&result, "/bulk_modulus"), 24.6542832855, 1e-11);
    // All bonds are equivalent.
    let result = json(&folder, &["kappa", "fcc.xyz", "--model", "ipl", "--all"]);
    let all = result["kappa"].as_array().unwrap();
    assert_eq!(all.len(), 6 * 256);
    for entry in all {
        assert_close(number(entry, "/kappa"), number(&all[0], "/kappa"), 1e-10);
    }
}

#[test]
fn two_dimensions_are_asked_for_by_the_file_or_by_the_option() {
    let folder = folder("energies-plane");
    let plane = Configuration::mixture(2, 80, 0.86, 0.5, 3);
    plane.write(&folder, "plane.xyz");
    let named = succeed(
        &folder,
        &["energy", "plane.xyz", "--model", "ipl", "--json"],
    );
    for (name, more) in [("silent.xyz", ""), ("space.xyz", " pbc=\"T T T\"")] {
        std::fs::write(folder.join(name), plane.text_with(more)).unwrap();
        let arguments = [
            "energy",
            name,
            "--model",
            "ipl",
            "--dimension",
            "2",
            "--json",
        ];
        assert_eq!(succeed(&folder, &arguments), named);
    }
}

#[test]
fn a_frame_of_a_trajectory_can_be_chosen_also_from_a_pipe() {
    let folder = folder("energies-frames");
    let frames = [1, 2].map(|seed| Configuration::mixture(3, 80, 0.82, 0.5, seed));
    std::fs::write(
        folder.join("both.xyz"),
        frames[0].text() + &frames[1].text(),
    )
    .unwrap();
    frames[1].write(&folder, "second.xyz");
    let second = succeed(
        &folder,
        &["energy", "second.xyz", "--model", "ipl", "--json"],
    );
    let chosen = [
        "energy", "both.xyz", "--model", "ipl", "--json", "--frame", "1",
    ];
    assert_eq!(succeed(&folder, &chosen), second);
    let piped = [
        "energy",
        "/dev/stdin",
        "--model",
        "ipl",
        "--json",
        "--frame",
        "1",
    ];
    let mut command = super::program::command(&folder, &piped);
    command.stdin(std::fs::File::open(folder.join("both.xyz")).unwrap());
    assert_eq!(command.output().unwrap().stdout, second.as_bytes());
}
