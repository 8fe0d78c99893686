//! Soft spots of glasses of the catalogue: pseudoharmonic modes of a supercooled liquid's inherent structure, and
//! cubic and quartic modes against what they are defined by.

use rand::RngExt;
use std::num::NonZeroUsize;
use vitreous::linresp::{Anharmonicity, QuasilocalisedMode, SoftModeError, SoftModeSearch};
use vitreous::md_core::Vector;
use vitreous::prelude::*;

const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn dot<const D: usize>(a: &[Vector<D>], b: &[Vector<D>]) -> f64 {
    let products = a.as_flattened().iter().zip(b.as_flattened());
    products.map(|(a, b)| a * b).sum()
}

/// A random liquid, run for so many steps at twice the temperature and at the temperature, and quenched.
fn glass<const D: usize>(
    potential: &dyn Potential<D>,
    liquid: Configuration<D>,
    (time_step, temperature, steps): (f64, f64, u64),
) -> InherentStructure<D> {
    let mut point = PhasePoint::maxwell_boltzmann(liquid, temperature, Seed(3)).unwrap();
    for target in [2.0 * temperature, temperature] {
        let thermostat = NoseHoover::new(time_step, target, 40.0 * time_step).unwrap();
        let mut run = Trajectory::start(thermostat, ForceField::new(potential), point).unwrap();
        run.advance(steps).unwrap();
        point = run.into_parts().0;
    }
    NonlinearConjugateGradient::default()
        .quench(
            potential,
            point.configuration,
            Tolerance::force_ratio(1e-11),
        )
        .unwrap()
}

/// The twelve softest modes of the two-dimensional glass of the paper's Appendix B are localised, are found
/// again from other pairs, and are softer than nearly all responses from which they were found.
#[test]
fn the_softest_pseudoharmonic_modes_are_localised_and_found_again() {
    fn prepare(glass: &InherentStructure<2>) -> LinearResponse<'_, 2> {
        LinearResponse::new(glass, &SparseCholesky::default()).unwrap()
    }
    let potential = InversePowerMixture::default().potential().unwrap();
    let threads = std::thread::available_parallelism().unwrap_or(ONE);
    let descend = |response: &LinearResponse<'_, 2>| {
        let starts: Vec<usize> = (0..response.interactions().len()).step_by(2).collect();
        let found = response
            .pseudoharmonic_modes(&starts, &SoftModeSearch::default(), threads)
            .unwrap();
        assert!(found.unconverged.is_empty());
        (starts, found)
    };
    // In some glasses a few very soft spots capture all descents: the first that has twelve modes is looked at.
    let glass = (4..12)
        .map(|seed| {
            let liquid = Configuration::random(1000, 0.86, &[0.5, 0.5], Seed(seed)).unwrap();
            glass::<2>(&potential, liquid, (0.005, 0.48, 6000))
        })
        .find(|glass| descend(&prepare(glass)).1.modes.len() >= 12)
        .expect("one glass in eight has twelve modes");
    let response = prepare(&glass);
    let kappa = response.dipole_stiffness_field(threads).unwrap();
    let (starts, found) = descend(&response);
    let (mut descents, mut softened) = (0, 0);
    for (rank, found) in found.modes[..12].iter().enumerate() {
        let mode = &found.mode;
        // A plane wave has 2/3.
        assert!(
            mode.participation_ratio * 1000.0 < 200.0,
            "{rank}: {}",
            mode.participation_ratio
        );
        assert!(found.starts.len() >= 2, "{rank} was found once");
        descents += found.starts.len();
        softened += found
            .starts
            .iter()
            .filter(|&&start| mode.stiffness <= kappa[start])
            .count();
        // The stiffness is a curvature of the energy: half the work of a small step, both ways, with U - U_0
        // of the order of 1e-6 and U rounded to 1e-13.
        let energy = |step: f64| {
            let positions = (glass.configuration().positions().iter())
                .zip(&mode.displacements)
                .map(|(x, z)| std::array::from_fn(|k| x[k] + step * z[k]))
                .collect();
            let moved = glass.configuration().with_positions(positions).unwrap();
            ForceField::new(&potential)
                .evaluate(&moved)
                .unwrap()
                .energy()
        };
        let curvature = (energy(1e-3) + energy(-1e-3) - 2.0 * glass.energy()) / 1e-6;
        assert!(
            (curvature / mode.stiffness - 1.0).abs() < 1e-3,
            "{curvature} {}",
            mode.stiffness
        );
    }
    // The cost never rises along a descent; the stiffness, which is one factor of it, may, but seldom does.
    assert!(20 * softened >= 19 * descents, "{softened} of {descents}");
    // From the softest pair to the softest mode.
    let softest = starts
        .iter()
        .copied()
        .min_by(|&a, &b| kappa[a].total_cmp(&kappa[b]))
        .unwrap();
    assert!(found.modes[0].starts.contains(&softest));
    assert!(found.modes[0].mode.stiffness <= kappa[softest]);
}

/// `[kappa, tau, chi]` along a direction, and the contractions `U''':zz` and `U'''':zzz`.
fn expand<const D: usize>(
    potential: &dyn Potential<D>,
    glass: &InherentStructure<D>,
    z: &[Vector<D>],
) -> ([f64; 3], [Vec<Vector<D>>; 4]) {
    let direction = Direction::displacements(z);
    let along = directional_derivatives(potential, glass.configuration(), &direction).unwrap();
    let [_, first, second, third] = &along.gradient;
    (
        [first, second, third].map(|force| dot(z, force)),
        along.gradient,
    )
}

fn cost(anharmonicity: Anharmonicity, [kappa, tau, chi]: [f64; 3]) -> f64 {
    match anharmonicity {
        Anharmonicity::Cubic => kappa.powi(3) / (tau * tau),
        Anharmonicity::Quartic => kappa * kappa / chi,
    }
}

/// What a mode promises, without the crate that found it.
fn check_mode<const D: usize>(
    potential: &dyn Potential<D>,
    glass: &InherentStructure<D>,
    anharmonicity: Anharmonicity,
    mode: &QuasilocalisedMode<D>,
    start: &[Vector<D>],
) {
    let z = &mode.displacements;
    assert!((dot(z, z) - 1.0).abs() < 1e-13);
    let (numbers, [_, product, second, third]) = expand(potential, glass, z);
    let [kappa, tau, chi] = numbers;
    assert!((mode.stiffness / kappa - 1.0).abs() < 1e-10);
    // Sums with cancellation, so beside the size of their terms.
    let size = |force: &[Vector<D>]| (dot(force, force)).sqrt();
    assert!(
        (mode.cubic - tau).abs() < 1e-10 * size(&second),
        "{} {tau}",
        mode.cubic
    );
    assert!(
        (mode.quartic - chi).abs() < 1e-10 * size(&third),
        "{} {chi}",
        mode.quartic
    );
    assert!(tau <= 0.0 && mode.barrier() > 0.0 && mode.barrier_distance() > 0.0);
    // Stationary: M z = (kappa/tau) U''':zz or (kappa/chi) U'''':zzz.
    let (factor, force) = match anharmonicity {
        Anharmonicity::Cubic => (kappa / tau, &second),
        Anharmonicity::Quartic => (kappa / chi, &third),
    };
    let rest: Vec<Vector<D>> = (product.iter().zip(force))
        .map(|(m, f)| std::array::from_fn(|k| m[k] - factor * f[k]))
        .collect();
    let residual = size(&rest) / size(&product);
    assert!(residual < 1e-9, "{residual:e}");
    // Below its start, and lower than its surroundings.
    let lowest = cost(anharmonicity, numbers);
    assert!(lowest <= cost(anharmonicity, expand(potential, glass, start).0));
    let mut random = Seed(9).stream("surroundings", &[]);
    for _ in 0..4 {
        let moved: Vec<Vector<D>> = z
            .iter()
            .map(|z| z.map(|z| z + 1e-4 * random.random_range(-1.0..1.0)))
            .collect();
        let there = cost(anharmonicity, expand(potential, glass, &moved).0);
        assert!(there > lowest * (1.0 - 1e-12));
    }
    // The force on the way: f(s) = kappa s + tau s^2/2 + chi s^3/6. Its even part gives tau, its odd part kappa
    // and chi, with an error of second order in s that one step of Richardson's extrapolation removes.
    let pull = |s: f64| {
        let positions = (glass.configuration().positions().iter())
            .zip(z)
            .map(|(x, z)| std::array::from_fn(|k| x[k] + s * z[k]))
            .collect();
        let moved = glass.configuration().with_positions(positions).unwrap();
        -dot(
            z,
            &ForceField::new(potential).evaluate(&moved).unwrap().forces,
        )
    };
    let even = |s: f64| (pull(s) + pull(-s)) / (s * s);
    let odd = |s: f64| 3.0 * (pull(s) - pull(-s) - 2.0 * kappa * s) / s.powi(3);
    let extrapolated = |f: &dyn Fn(f64) -> f64| (4.0 * f(2e-3) - f(4e-3)) / 3.0;
    let (even, odd) = (extrapolated(&even), extrapolated(&odd));
    assert!((even - tau).abs() < 1e-4 * size(&second), "{even} {tau}");
    assert!((odd - chi).abs() < 1e-2 * size(&third), "{odd} {chi}");
}

fn check_quasilocalised<const D: usize>(
    potential: &dyn Potential<D>,
    glass: &InherentStructure<D>,
) {
    let response = LinearResponse::new(glass, &SparseCholesky::default()).unwrap();
    let pairs: Vec<usize> = (0..response.interactions().len()).step_by(5).collect();
    let search = SoftModeSearch::default();
    let found = response.pseudoharmonic_modes(&pairs, &search, ONE).unwrap();
    let softest = &found.modes[0].mode.displacements;
    let dipole = &response.dipole_responses(&[3], ONE).unwrap()[0].displacements;
    let starts = [softest.as_slice(), dipole.as_slice()];
    for anharmonicity in [Anharmonicity::Cubic, Anharmonicity::Quartic] {
        let find = |threads: usize| -> Vec<QuasilocalisedMode<D>> {
            let threads = NonZeroUsize::new(threads).unwrap();
            response
                .quasilocalised_modes(potential, anharmonicity, &starts, &search, threads)
                .unwrap()
                .into_iter()
                .map(Result::unwrap)
                .collect()
        };
        let modes = find(1);
        assert_eq!(modes, find(2));
        for (mode, start) in modes.iter().zip(starts) {
            check_mode(potential, glass, anharmonicity, mode, start);
        }
        // The one descent for itself, from a start of another length and sign.
        let scaled: Vec<Vector<D>> = softest.iter().map(|z| z.map(|z| -7.0 * z)).collect();
        let again = response
            .quasilocalised_mode(potential, anharmonicity, &scaled, &search)
            .unwrap();
        assert!((dot(&again.displacements, &modes[0].displacements).abs() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn cubic_and_quartic_modes_of_inverse_power_laws() {
    let potential = InversePowerMixture::default().potential().unwrap();
    let liquid = Configuration::random(200, 0.86, &[0.5, 0.5], Seed(1)).unwrap();
    check_quasilocalised::<2>(&potential, &glass(&potential, liquid, (0.005, 0.48, 2000)));
    let liquid = Configuration::random(250, 0.82, &[0.5, 0.5], Seed(1)).unwrap();
    check_quasilocalised::<3>(&potential, &glass(&potential, liquid, (0.005, 0.6, 1000)));
}

#[test]
fn cubic_and_quartic_modes_of_triplets() {
    let potential = StillingerWeber::default().potential().unwrap();
    let liquid = Configuration::random(80, 0.52, &[1.0], Seed(1)).unwrap();
    check_quasilocalised::<3>(&potential, &glass(&potential, liquid, (0.02, 0.06, 500)));
}

#[test]
fn another_potential_and_starts_without_cost_are_refused() {
    let potential = InversePowerMixture::default().potential().unwrap();
    let liquid = Configuration::random(120, 0.86, &[0.5, 0.5], Seed(2)).unwrap();
    let glass = glass::<2>(&potential, liquid, (0.005, 0.48, 500));
    let response = LinearResponse::new(&glass, &SparseCholesky::default()).unwrap();
    let search = SoftModeSearch::default();
    let start = &response.dipole_responses(&[0], ONE).unwrap()[0].displacements;
    let other = InversePowerMixture {
        energy: 1.1,
        ..InversePowerMixture::default()
    }
    .potential()
    .unwrap();
    let find = |potential: &dyn Potential<2>, start: &[Vector<2>]| {
        response.quasilocalised_mode(potential, Anharmonicity::Cubic, start, &search)
    };
    let error = find(&other, start).unwrap_err();
    let SoftModeError::OtherPotential { difference } = error else {
        panic!("{error}")
    };
    assert!((difference - 0.1).abs() < 1e-9, "{difference}");
    let error = find(&potential, &[[0.5, 0.5]; 120]).unwrap_err();
    assert!(matches!(error, SoftModeError::Start { .. }), "{error}");
    let error = find(&potential, &[[0.5, 0.5]; 7]).unwrap_err();
    assert!(
        matches!(error, SoftModeError::Lengths { found: 7, .. }),
        "{error}"
    );
}
