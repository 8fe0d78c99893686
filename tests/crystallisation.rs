//! A liquid that crystallises, and one that does not, as told by the order of bonds.

use vitreous::observables::{Bonds, CrystalCriterion, CrystalVerdict, Crystallinity};
use vitreous::prelude::*;

/// Cools a liquid of random start at once and follows the share of solid-like particles among the nearest twelve neighbours, as studies do.
fn shares(
    potential: &dyn Potential<3>,
    start: Configuration<3>,
    temperature: f64,
    rounds: usize,
) -> Vec<Crystallinity> {
    let spacing = start.mean_spacing();
    let mut point = PhasePoint::maxwell_boltzmann(start, 2.0 * temperature, Seed(3)).unwrap();
    let mut found = Vec::new();
    for round in 0..=rounds {
        let target = if round == 0 { 3.0 } else { 1.0 } * temperature;
        let thermostat = NoseHoover::new(0.004, target, 0.2).unwrap();
        let mut run = Trajectory::start(thermostat, ForceField::new(potential), point).unwrap();
        run.advance(2000).unwrap();
        point = run.into_parts().0;
        let configuration = &point.configuration;
        let bonds = Bonds::within(
            configuration.cell().vectors(),
            configuration.positions(),
            2.2 * spacing,
        )
        .unwrap();
        let criterion = CrystalCriterion::CLOSE_PACKED;
        found.push(Crystallinity::new(&bonds.closest(12), criterion, 0.1).unwrap());
    }
    found
}

/// The Lennard-Jones liquid at `rho = 1`, `T = 0.7` is far below its freezing line (`rho = 0.88` there) and crystallises within some tens of
/// units of time; the Kob-Andersen mixture was made not to, at any temperature that is reached by runs like these.
#[test]
fn a_simple_liquid_crystallises_and_a_glass_former_does_not() {
    let mixture = LennardJonesMixture::kob_andersen();
    let potential = mixture.potential_shifted().unwrap();
    let simple = Configuration::random(500, 1.0, &[1.0], Seed(11)).unwrap();
    let simple = shares(&potential, simple, 0.7, 12);
    let [melt, .., crystal] = simple.as_slice() else {
        unreachable!("there are thirteen")
    };
    assert_eq!(melt.verdict, CrystalVerdict::Amorphous, "{melt}");
    assert_eq!(crystal.verdict, CrystalVerdict::Crystalline, "{crystal}");
    // One crystal, not order here and there.
    assert!(
        crystal.share > 0.3 && crystal.largest_cluster as f64 > 0.9 * crystal.solid_like as f64
    );

    let liquid = Configuration::random(500, 1.2, &[0.8, 0.2], Seed(12)).unwrap();
    for found in shares(&potential, liquid, 0.45, 12) {
        assert!(found.share < 0.02, "{found}");
    }
}
