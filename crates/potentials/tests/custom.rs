//! Models whose pair energies are text: against the same functions compiled in, and what is refused.

use std::fmt::Write;
use vitreous_md_core::{Configuration, ForceField, Mechanics, Potential, Seed};
use vitreous_potentials::{Catalogue, Model};

const LENNARD_JONES: [(&str, &str); 3] = [
    ("AA", "4*((1/r)^12 - (1/r)^6)"),
    ("AB", "6*((0.8/r)^12 - (0.8/r)^6)"),
    ("BB", "4*e*((s/r)^12 - (s/r)^6)"),
];

fn evaluate(potential: &dyn Potential<3>) -> Mechanics<3> {
    let liquid = Configuration::random(200, 1.2, &[0.8, 0.2], Seed(6)).unwrap();
    ForceField::new(potential).evaluate(&liquid).unwrap()
}

fn compare(found: &Mechanics<3>, expected: &Mechanics<3>, tolerance: f64) {
    let size = expected.balance().interaction;
    assert!((found.energy() - expected.energy()).abs() < tolerance * 200.0 * size);
    for (a, b) in found.forces.iter().zip(&expected.forces) {
        for k in 0..3 {
            assert!((a[k] - b[k]).abs() < tolerance * 10.0 * size);
        }
    }
}

fn formulas(shift: &str) -> Model {
    let mut model = Catalogue::custom();
    // In the order of a sorted table, as a study file gives them.
    model.set("constant.e", "0.5").unwrap();
    model.set("constant.s", "0.88").unwrap();
    for (pair, cutoff) in [("AA", "2.5"), ("AB", "2"), ("BB", "2.2")] {
        model.set(&format!("cutoff.{pair}"), cutoff).unwrap();
    }
    for (pair, formula) in LENNARD_JONES {
        model.set(&format!("formula.{pair}"), formula).unwrap();
    }
    model.set("shift", shift).unwrap();
    model
}

#[test]
fn formulas_are_the_functions_that_they_say() {
    for shift in ["none", "potential", "force", "smooth:2", "smooth:6"] {
        let model = formulas(shift);
        let mut compiled = Catalogue::find("ka").unwrap();
        compiled.set("shift", shift).unwrap();
        let [found, expected] =
            [&model, &compiled].map(|model| evaluate(&*model.potential().unwrap()));
        // Some fifty roundings in each of a few thousand terms.
        compare(&found, &expected, 1e-13);

        // What is shown makes the same model again.
        let mut again = Catalogue::custom();
        for parameter in model.parameters() {
            again.set(&parameter.key, &parameter.value).unwrap();
        }
        assert_eq!(again, model);
        assert_eq!(model.labels(), ["A", "B"]);
    }
}

#[test]
fn tables_are_the_functions_that_they_sample() {
    let mut model = formulas("force");
    let mut table = String::new();
    for k in 0..=4000 {
        let r = 0.4 + 0.0005 * f64::from(k);
        writeln!(table, "{r} {:e}", 4.0 * (r.powi(-12) - r.powi(-6))).unwrap();
    }
    model.set("table.AA", &table).unwrap();
    // The range of a table is its end, 2.4, unless a cut-off is set.
    model.set("cutoff.AA", "2.4").unwrap();
    let mut compiled = Catalogue::find("ka").unwrap();
    compiled.set("shift", "force").unwrap();
    compiled.set("cutoff.AA", "2.4").unwrap();
    let [found, expected] = [&model, &compiled].map(|model| evaluate(&*model.potential().unwrap()));
    // The spline's error is h^3 phi''''/24 in the force: 5e-12 x 6e4 at r = 0.9, where pair forces are 100.
    compare(&found, &expected, 1e-8);
    // A formula takes the place of a table.
    model.set("formula.AA", LENNARD_JONES[0].1).unwrap();
    let found = evaluate(&*model.potential().unwrap());
    compare(&found, &expected, 1e-13);
}

#[test]
fn one_pair_makes_one_species() {
    let mut model = Catalogue::custom();
    model.set("table.AA", "1 4\n1.5 2\n2 1\n2.5 0\n").unwrap();
    assert_eq!(model.labels(), ["A"]);
    let potential = model.potential::<2>().unwrap();
    assert_eq!((potential.range(), potential.species_count()), (2.5, 1));
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let message = |settings: &[(&str, &str)]| {
        let mut model = Catalogue::custom();
        for (key, value) in settings {
            if let Err(error) = model.set(key, value) {
                return error.to_string();
            }
        }
        match model.potential::<3>() {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    };
    let table = "1 4\n1.5 2\n2 1\n2.5 0\n";
    for (settings, expected) in [
        (&[][..], "pair AA has no energy"),
        (
            &[("formula.BB", "r"), ("cutoff.BB", "2")],
            "pair AA has no energy",
        ),
        (
            &[
                ("formula.AA", "1/r"),
                ("cutoff.AA", "2"),
                ("table.BB", table),
            ],
            "pair AB has no energy: set formula.AB or table.AB",
        ),
        (
            &[("formula.AA", "1/r")],
            "pair AA has a formula but no cut-off: set cutoff.AA",
        ),
        (
            &[("formula.AA", "1/q"), ("cutoff.AA", "2")],
            "pair AA: the formula '1/q' uses 'q'",
        ),
        (
            &[("formula.AA", "1/("), ("cutoff.AA", "2")],
            "pair AA: the formula '1/('",
        ),
        (
            &[("formula.AA", "ln(r-3)"), ("cutoff.AA", "2")],
            "the cut-off is 2",
        ),
        (&[("table.AA", "1 2\n")], "pair AA: the table has 1 points"),
        (
            &[("table.AA", table), ("cutoff.AA", "3")],
            "the cut-off is 3: it must be positive and finite, at most the range 2.5",
        ),
        (
            &[("constant.r", "1"), ("formula.AA", "r"), ("cutoff.AA", "2")],
            "parameter 'r' = 1",
        ),
        (&[("constant.x", "one")], "'constant.x'"),
        (&[("formula.AC", "r")], "did you mean 'formula."),
        (&[("shift", "smooth:7")], "'smooth:Q'"),
    ] {
        let found = message(settings);
        assert!(found.contains(expected), "{settings:?}: {found}");
    }
}
