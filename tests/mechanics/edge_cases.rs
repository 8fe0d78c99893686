//! Edges of the definition: cut-offs, coinciding particles, numbers that are none, lists in use.

use crate::reference::*;
use crate::symmetries::liquid;
use rand::RngExt;
use vitreous::md_core::ForceError;
use vitreous::prelude::*;

/// Two particles of species A in a large box, at a distance along x.
fn pair(distance: f64) -> Configuration<3> {
    Configuration::new(
        Cell::orthorhombic([10.0; 3]).unwrap(),
        vec![[0.0; 3], [distance, 0.0, 0.0]],
        vec![Species(0); 2],
    )
    .unwrap()
}

/// At the cut-off a pair does not interact; one representable number below, it does. 1.5 and its square are
/// exact.
#[test]
fn the_cutoff_itself_is_outside() {
    let mut ka = Catalogue::find("ka").unwrap();
    ka.set("cutoff.AA", "1.5").unwrap();
    for potential in [model::<3>("mblj"), ka.potential::<3>().unwrap()] {
        let outside = pair(1.5);
        assert_eq!(linearize(&*potential, &outside).unwrap().edges().len(), 0);
        let found = evaluate(&*potential, &outside);
        assert_eq!(
            (found.energy().to_bits(), found.balance().largest.to_bits()),
            (0, 0)
        );
        // One number below: the square is then below 2.25 too.
        let inside = pair(1.5_f64.next_down());
        assert_eq!(linearize(&*potential, &inside).unwrap().edges().len(), 1);
    }
    // Shifted potential: the force jumps to u'(1.5) there.
    let found = evaluate(&*ka.potential::<3>().unwrap(), &pair(1.5_f64.next_down()));
    let sixth = 1.5_f64.powi(-6);
    let expected = 4.0 * (12.0 * sixth * sixth - 6.0 * sixth) / 1.5;
    assert!((found.forces[1][0] - expected).abs() < 1e-14);
}

#[test]
fn coinciding_particles_are_a_clear_error() {
    for (_, name) in FORMULAS {
        let potential = model::<3>(name);
        let mut in_place = liquid(name, 100);
        in_place.positions_mut()[61] = in_place.positions()[17];
        // Through a periodic image: 0.75 and 4.75 in a cell of edge 4 are exact.
        let cell = Cell::orthorhombic([4.0; 3]).unwrap();
        let through_image = vec![[0.75; 3], [2.0; 3], [4.75, 0.75, -3.25]];
        let through_image = Configuration::new(cell, through_image, vec![Species(1); 3]).unwrap();
        for (configuration, pair) in [(in_place, (17, 61)), (through_image, (0, 2))] {
            let errors = [
                ForceField::new(&*potential)
                    .evaluate(&configuration)
                    .unwrap_err(),
                linearize(&*potential, &configuration).unwrap_err(),
            ];
            for error in errors {
                let ForceError::Overlap {
                    first,
                    second,
                    distance,
                } = error
                else {
                    panic!("{error}");
                };
                assert_eq!((first.min(second), first.max(second)), pair);
                assert_eq!(distance.to_bits(), 0);
            }
        }
    }
}

#[test]
fn coordinates_that_are_not_numbers_are_an_error_at_every_evaluation() {
    let potential = model::<3>("ipl");
    let good = liquid("ipl", 100);
    for value in [f64::NAN, f64::INFINITY] {
        let mut bad = good.clone();
        bad.positions_mut()[17][1] = value;
        assert!(linearize(&*potential, &bad).is_err(), "{value}");
        assert!(
            ForceField::new(&*potential).evaluate(&bad).is_err(),
            "{value}"
        );
        // With a neighbour list from before.
        let mut field = ForceField::new(&*potential);
        field.evaluate(&good).unwrap();
        assert!(field.evaluate(&bad).is_err(), "{value}, list in use");
    }
}

#[test]
fn unknown_species_are_an_error() {
    let potential = model::<3>("ipl");
    let cell = Cell::orthorhombic([5.0; 3]).unwrap();
    let strange =
        Configuration::new(cell, vec![[0.0; 3], [1.0; 3]], vec![Species(0), Species(2)]).unwrap();
    let error = ForceField::new(&*potential).evaluate(&strange).unwrap_err();
    assert_eq!(
        error,
        ForceError::UnknownSpecies {
            particle: 1,
            species: 2,
            count: 2
        }
    );
}

/// A list that is carried along a random walk, through rebuilds, gives what a new one gives.
#[test]
fn a_list_in_use_gives_what_a_new_one_gives() {
    for (_, name) in FORMULAS {
        let potential = model::<3>(name);
        let mut configuration = liquid(name, 150);
        let mut field = ForceField::new(&*potential);
        let mut random = Seed(2).stream("walk", &[]);
        for _ in 0..60 {
            for position in configuration.positions_mut() {
                for x in position {
                    *x += random.random_range(-0.02..0.02);
                }
            }
            let (carried, fresh) = (
                field.evaluate(&configuration).unwrap(),
                evaluate(&*potential, &configuration),
            );
            let largest = carried.balance().largest;
            assert!(
                (carried.energy() - fresh.energy()).abs() <= 1e-12 * fresh.energy().abs() + 1e-10
            );
            assert!(largest_difference(&carried.forces, &fresh.forces) <= 1e-12 * largest);
        }
        assert!(
            (2..60).contains(&field.list_builds()),
            "{}",
            field.list_builds()
        );
    }
}

/// A list knows the species that it was built for: other species, other ranges.
#[test]
fn a_list_in_use_sees_that_species_changed() {
    let potential = model::<3>("ipl");
    let first = liquid("ipl", 200);
    let swapped: Vec<Species> = first
        .species()
        .iter()
        .map(|species| Species(1 - species.0))
        .collect();
    let second = Configuration::new(*first.cell(), first.positions().to_vec(), swapped).unwrap();
    let mut field = ForceField::new(&*potential);
    field.evaluate(&first).unwrap();
    let carried = field.evaluate(&second).unwrap();
    assert_eq!(carried, evaluate(&*potential, &second));
}

/// A skin that is no skin leaves the pairs within range.
#[test]
fn skins_that_make_no_sense_count_as_none() {
    let potential = model::<3>("ipl");
    let liquid = liquid("ipl", 200);
    let expected = ForceField::with_skin(&*potential, 0.0)
        .evaluate(&liquid)
        .unwrap();
    for skin in [-0.5, f64::NAN, f64::INFINITY] {
        let found = ForceField::with_skin(&*potential, skin)
            .evaluate(&liquid)
            .unwrap();
        assert_eq!(found, expected, "{skin}");
    }
}
