//! Mixed precision beside double precision, for every model.

use crate::reference::largest_difference;
use rand::RngExt;
use vitreous::prelude::*;

/// A glass of a model, shaken: distances and forces as in a liquid.
fn shaken<const D: usize>(
    name: &str,
    seed: u64,
) -> Option<(Box<dyn Potential<D>>, Configuration<D>)> {
    let model = Catalogue::find(name).unwrap();
    let mixture = model.usual_mixtures(D).into_iter().next()?;
    let potential = model.potential::<D>().unwrap();
    let start = Configuration::random(300, mixture.density, &mixture.composition, Seed(seed));
    let tolerance = Tolerance::force_ratio(1e-2);
    let glass = Fire::default().minimize(&*potential, start.unwrap(), tolerance);
    let mut configuration = glass.unwrap().configuration;
    let reach = 0.05 * configuration.mean_spacing();
    let mut random = Seed(seed).stream("shaken", &[]);
    for component in configuration.positions_mut().as_flattened_mut() {
        *component += random.random_range(-reach..reach);
    }
    Some((potential, configuration))
}

fn compare<const D: usize>(name: &str, seed: u64) -> bool {
    let Some((potential, configuration)) = shaken::<D>(name, seed) else {
        return false;
    };
    let evaluate = |precision| {
        ForceField::new(&*potential)
            .with_precision(precision)
            .evaluate(&configuration)
            .unwrap()
    };
    let [double, mixed] = [Precision::Double, Precision::Mixed].map(evaluate);
    let size = double.balance().interaction;
    let error = largest_difference(&mixed.forces, &double.forces) / size;
    let energy = (mixed.energy() - double.energy()).abs() / double.energy().abs();
    let squares = mixed.totals.squared_term_forces / double.totals.squared_term_forces;
    assert!(
        error <= 1e-5,
        "{name} in {D}D: forces off by {error:e} of those of pairs"
    );
    assert!(energy <= 1e-6, "{name} in {D}D: energy off by {energy:e}");
    assert!(
        (squares - 1.0).abs() <= 1e-5,
        "{name} in {D}D: squared forces off"
    );
    assert!(error > 1e-9, "{name} in {D}D: this is double precision");
    true
}

#[test]
fn forces_in_mixed_precision_are_those_in_double_precision() {
    let mut compared = Vec::new();
    for name in ["ipl", "mblj", "ka", "ss", "sw"] {
        for seed in 1..4 {
            compared.push(compare::<2>(name, seed));
            compared.push(compare::<3>(name, seed));
        }
    }
    // All in three dimensions, and IPL in two.
    assert_eq!(compared.iter().filter(|known| **known).count(), 3 * 6);
}
