//! Equations of motion: what they conserve and to which order, what they sample, that they can be reversed
//! and resumed, and what other codes find for the Kob-Andersen liquid.

use std::sync::OnceLock;
use vitreous::md_core::dynamics::NoseHooverState;
use vitreous::prelude::*;

/// An inverse-power liquid at `T = 0.8`, where it relaxes within a few units of time.
const TEMPERATURE: f64 = 0.8;

fn inverse_power() -> impl Potential<3> {
    InversePowerMixture::default().potential().unwrap()
}

/// Melts a random start at twice the temperature and keeps it at the temperature.
fn equilibrated(
    potential: &dyn Potential<3>,
    start: Configuration<3>,
    temperature: f64,
    steps: u64,
) -> PhasePoint<3> {
    let mut point = PhasePoint::maxwell_boltzmann(start, 2.0 * temperature, Seed(1)).unwrap();
    for target in [2.0 * temperature, temperature] {
        let thermostat = NoseHoover::new(0.005, target, 0.2).unwrap();
        let mut run = Trajectory::start(thermostat, ForceField::new(potential), point).unwrap();
        run.advance(steps).unwrap();
        point = run.into_parts().0;
    }
    point.step = 0;
    point
}

/// 216 particles, equilibrated once for all tests.
fn liquid() -> &'static PhasePoint<3> {
    static LIQUID: OnceLock<PhasePoint<3>> = OnceLock::new();
    LIQUID.get_or_init(|| {
        let start = Configuration::random(216, 0.82, &[0.5, 0.5], Seed(7)).unwrap();
        equilibrated(&inverse_power(), start, TEMPERATURE, 2000)
    })
}

/// The mean of correlated values and its standard error, from the scatter of `blocks` block means.
fn blocked(values: &[f64], blocks: usize) -> (f64, f64) {
    let means: Vec<f64> = values
        .chunks_exact(values.len() / blocks)
        .map(|block| block.iter().sum::<f64>() / block.len() as f64)
        .collect();
    let count = means.len() as f64;
    let mean = means.iter().sum::<f64>() / count;
    let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

// ---------------------------------------------------------------------------------------------------------
// Conservation.

/// How far the conserved quantity moves within 0.2 units of time from each of the starts: the rms, at the
/// same 50 times whatever the time step.
fn root_mean_square_change<I: Integrator<3>>(
    integrator: impl Fn() -> I,
    time_step: f64,
    starts: &[(PhasePoint<3>, I::State)],
) -> f64 {
    let potential = inverse_power();
    let every = (0.004 / time_step).round() as u64;
    let mut squares = 0.0;
    for (point, state) in starts {
        let field = ForceField::new(&potential);
        let mut run =
            Trajectory::resume(integrator(), field, point.clone(), state.clone()).unwrap();
        let start = run.conserved();
        for _ in 0..50 {
            run.advance(every).unwrap();
            squares += (run.conserved() - start).powi(2);
        }
    }
    (squares / (50 * starts.len()) as f64).sqrt()
}

/// The conserved quantity of a second-order integrator is `C + dt^2 X(x, v) + O(dt^4)`: its fluctuation
/// falls by four when the time step is halved, and its mean does not move.
///
/// From the same starts and over times so short that trajectories with different steps stay together, `X`
/// is the same: the ratio is `4 [1 + O((omega dt)^2)]` without statistical error. The fastest motions are
/// collisions, `omega < 60`, with a prefactor of order 1/4: 1.5 % at `dt = 0.004`, 6 % beyond doubt. An
/// integrator of first or third order would give 2 or 8.
fn check_second_order<I: Integrator<3>>(name: &str, integrator: impl Fn(f64) -> I) {
    let potential = inverse_power();
    let field = ForceField::new(&potential);
    let mut run = Trajectory::start(integrator(0.005), field, liquid().clone()).unwrap();
    let mut values = Vec::new();
    let mut starts = Vec::new();
    for sample in 0..3000 {
        run.advance(2).unwrap();
        values.push(run.conserved());
        if sample % 150 == 0 {
            starts.push((run.point().clone(), run.state().clone()));
        }
    }
    let changes =
        [0.004, 0.002, 0.001].map(|dt| root_mean_square_change(|| integrator(dt), dt, &starts));
    for (coarse, fine) in [(changes[0], changes[1]), (changes[1], changes[2])] {
        let ratio = coarse / fine;
        assert!((ratio - 4.0).abs() < 0.24, "{name}: ratio {ratio}");
    }
    // No drift: both halves of a run of 30 units of time have the same mean, to four standard errors from
    // blocks of 1.5, beyond the memory of the liquid and the thermostat.
    let (first, second) = values.split_at(values.len() / 2);
    let ((early, early_error), (late, late_error)) = (blocked(first, 10), blocked(second, 10));
    let (drift, error) = (late - early, early_error.hypot(late_error));
    assert!(
        drift.abs() < 4.0 * error,
        "{name}: drift {drift:e} +- {error:e}"
    );
    // The error is small beside the fluctuation of the kinetic energy alone, sqrt(g/2) T: a drift would show.
    let kinetic_fluctuation = TEMPERATURE * (1.5_f64 * 215.0).sqrt();
    assert!(error < 1e-3 * kinetic_fluctuation, "{name}: {error:e}");
}

#[test]
fn velocity_verlet_conserves_energy_to_second_order() {
    check_second_order("NVE", |time_step| VelocityVerlet::new(time_step).unwrap());
}

#[test]
fn nose_hoover_conserves_its_quantity_to_second_order() {
    for chain_length in [1, 3] {
        // A fast thermostat, whose share counts.
        check_second_order(&format!("NVT, chain of {chain_length}"), |time_step| {
            NoseHoover::new(time_step, TEMPERATURE, 0.1)
                .unwrap()
                .with_chain_length(chain_length)
                .unwrap()
        });
    }
}

// ---------------------------------------------------------------------------------------------------------
// Sampling.

/// `K` of the canonical ensemble is a sum of `g` squares of normal variables:
///
/// ```text
/// <K> = g T/2,    <(K - <K>)^2> = g T^2/2
/// ```
///
/// Both within four standard errors from 60 blocks of ten units of time, which is fifty periods of the
/// thermostat. The time step biases them by `(omega dt)^2/4 < 0.5 %`, which is added.
#[test]
fn nose_hoover_samples_the_kinetic_energy_of_the_canonical_ensemble() {
    let potential = inverse_power();
    let start = Configuration::random(64, 0.82, &[0.5, 0.5], Seed(3)).unwrap();
    let point = equilibrated(&potential, start, TEMPERATURE, 2000);
    for chain_length in [1, 3] {
        let thermostat = NoseHoover::new(0.005, TEMPERATURE, 0.1)
            .unwrap()
            .with_chain_length(chain_length)
            .unwrap();
        let field = ForceField::new(&potential);
        let mut run = Trajectory::start(thermostat, field, point.clone()).unwrap();
        run.advance(2000).unwrap();
        let kinetic: Vec<f64> = (0..24_000)
            .map(|_| {
                run.advance(5).unwrap();
                run.point().kinetic_energy()
            })
            .collect();
        let freedom = 3.0 * 63.0;
        let expected = 0.5 * freedom * TEMPERATURE;
        let expected_variance = 0.5 * freedom * TEMPERATURE * TEMPERATURE;
        let squares: Vec<f64> = kinetic.iter().map(|k| (k - expected).powi(2)).collect();
        let (mean, error) = blocked(&kinetic, 60);
        let (variance, variance_error) = blocked(&squares, 60);
        let name = format!("chain of {chain_length}");
        assert!(
            (mean - expected).abs() < 4.0 * error + 0.005 * expected,
            "{name}: <K> = {mean} +- {error} instead of {expected}"
        );
        assert!(
            (variance - expected_variance).abs() < 4.0 * variance_error + 0.005 * expected_variance,
            "{name}: var K = {variance} +- {variance_error} instead of {expected_variance}"
        );
        // The test can tell: constant energy would take more than a third off the variance.
        assert!(error < 0.01 * expected && variance_error < 0.07 * expected_variance);
        // The momentum stays at rest: 120 000 roundings of 1e-16 at random, of 64 particles.
        for k in 0..3 {
            let momentum: f64 = run.point().velocities.iter().map(|v| v[k]).sum();
            assert!(momentum.abs() < 1e-10, "{momentum:e}");
        }
    }
}

#[test]
fn initial_velocities_have_the_temperature_exactly_and_no_momentum() {
    let start = Configuration::<2>::random(99, 0.86, &[0.5, 0.5], Seed(3)).unwrap();
    let point = PhasePoint::maxwell_boltzmann(start.clone(), 0.37, Seed(5)).unwrap();
    // A sum of 200 squares.
    assert!((point.temperature() - 0.37).abs() < 1e-14);
    assert!((point.kinetic_energy() - 0.37 * 98.0).abs() < 1e-12);
    for k in 0..2 {
        let momentum: f64 = point.velocities.iter().map(|v| v[k]).sum();
        assert!(momentum.abs() < 1e-13);
    }
    let again = PhasePoint::maxwell_boltzmann(start.clone(), 0.37, Seed(5)).unwrap();
    assert_eq!(again, point);
    assert!(PhasePoint::maxwell_boltzmann(start.clone(), -0.1, Seed(5)).is_err());
    assert!(PhasePoint::maxwell_boltzmann(start, f64::NAN, Seed(5)).is_err());
}

/// `MSD = D (t/t0)^2 a0^2` at short times, with the known deviations from it:
///
/// ```text
/// <r^2> = (1 - 1/N) D T t^2 [1 - Omega^2 t^2/12 + O((Omega t)^4)],    Omega^2 = <tr d2U/dx dx>/(D N)
/// ```
///
/// (the first factor from the fixed centre of mass). Each origin adds a noise `<v.f> t^3`, of relative size
/// `t Omega/sqrt(3 N/4) < 3 %` at `t = 0.02` for `Omega < 25`, 0.3 % for the mean of 100 origins: within
/// four of that, 1.2 %, with the mean temperature of the origins. That of a canonical run of ten
/// units of time has a standard error of `sqrt(2/3N)/sqrt(30) = 1.5 %` itself at thirty independent times.
#[test]
fn motion_is_ballistic_at_short_times() {
    let potential = inverse_power();
    let point = liquid().clone();
    let species: Vec<u8> = point.configuration.species().iter().map(|s| s.0).collect();
    let large = species.iter().map(|&s| f64::from(1 - s)).sum::<f64>();
    let counts = [large, species.len() as f64 - large];
    let cell = *point.configuration.cell().vectors();
    let width = WaveVectors::default_width(&cell, 6.35).unwrap();
    let shell = WaveVectors::shell(&cell, 6.35, width)
        .unwrap()
        .limited_to(1);
    let schedule = LogSchedule::new(1, 20, 10).unwrap();
    let mut correlator =
        SelfCorrelator::new(&species, vec![shell.clone(), shell], schedule, 100).unwrap();

    let particles = point.configuration.len() as f64;
    let spacing = point.configuration.mean_spacing();
    let time_step = 0.001;
    let thermostat = NoseHoover::new(time_step, TEMPERATURE, 0.1).unwrap();
    let mut run = Trajectory::start(thermostat, ForceField::new(&potential), point).unwrap();
    let (mut temperatures, mut frequencies) = (Vec::new(), Vec::new());
    // The last lag of the last of 100 origins comes at step 9920.
    while correlator.next_step() < 10_000 {
        let step = correlator.next_step();
        run.advance(step - run.point().step).unwrap();
        correlator
            .push(step, run.point().configuration.positions())
            .unwrap();
        if step.is_multiple_of(100) {
            temperatures.push(run.point().temperature());
            let expansion = linearize(&potential, &run.point().configuration).unwrap();
            // The trace of the block 4 h r r^T + 2 g I, on both ends of each edge.
            let trace: f64 = expansion
                .edges()
                .iter()
                .map(|edge| {
                    let square: f64 = edge.vector.iter().map(|c| c * c).sum();
                    2.0 * (4.0 * edge.curvature * square + 6.0 * edge.gradient)
                })
                .sum();
            frequencies.push(trace / (3.0 * particles));
        }
    }
    let (temperature, _) = blocked(&temperatures, 1);
    let (squared_frequency, _) = blocked(&frequencies, 1);
    assert!((temperature / TEMPERATURE - 1.0).abs() < 4.0 * 0.015);
    let result = correlator.finish();
    assert_eq!(result.steps.first(), Some(&1));
    for (lag, time) in result.times(time_step).into_iter().enumerate() {
        let displacement = |s: usize| result.species[s].mean_squared_displacement.values[lag];
        let both = (counts[0] * displacement(0) + counts[1] * displacement(1)) / particles;
        let unit_of_time = spacing / temperature.sqrt();
        let ballistic = 3.0 * (time / unit_of_time).powi(2) * spacing * spacing;
        let expected =
            ballistic * (1.0 - 1.0 / particles) * (1.0 - squared_frequency * time * time / 12.0);
        let deviation = both / expected - 1.0;
        assert!(
            deviation.abs() < 0.012 * time / 0.02 + 1e-4,
            "t = {time}: MSD {both} is {deviation} off"
        );
    }
}

// ---------------------------------------------------------------------------------------------------------
// Reversal and resumption.

/// A hundred steps forward, all rates turned round, a hundred steps: back at the start.
///
/// Both integrators are symmetric in time, so only rounding keeps the run from the start: 1e-15 per
/// step, growing by the instability of a liquid, at most `exp(10 t)`: `100 x 1e-15 x e^(10 x 0.5)`, about
/// 1e-11, and as much again on the way back.
#[test]
fn motion_can_be_reversed() {
    fn check<I: Integrator<3> + Copy>(integrator: I, reverse: impl Fn(&mut I::State)) {
        let potential = inverse_power();
        let start = liquid().clone();
        let field = || ForceField::new(&potential);
        let mut run = Trajectory::start(integrator, field(), start.clone()).unwrap();
        run.advance(100).unwrap();
        let (mut point, mut state) = run.into_parts();
        let travelled = distance(&point, &start);
        point.velocities.iter_mut().flatten().for_each(|v| *v = -*v);
        reverse(&mut state);
        let mut run = Trajectory::resume(integrator, field(), point, state).unwrap();
        run.advance(100).unwrap();
        let returned = distance(run.point(), &start);
        assert!(travelled > 0.1, "{travelled}");
        assert!(returned < 1e-10, "{returned:e}");
        for (there, back) in start.velocities.iter().zip(&run.point().velocities) {
            for k in 0..3 {
                assert!((there[k] + back[k]).abs() < 1e-9);
            }
        }
    }
    fn distance(a: &PhasePoint<3>, b: &PhasePoint<3>) -> f64 {
        let (a, b) = (a.configuration.positions(), b.configuration.positions());
        let pairs = a.as_flattened().iter().zip(b.as_flattened());
        pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
    }
    let backwards = |state: &mut NoseHooverState| {
        for rate in &mut state.rates {
            *rate = -*rate;
        }
    };
    check(VelocityVerlet::new(0.005).unwrap(), |()| ());
    for chain_length in [1, 3] {
        let thermostat = NoseHoover::new(0.005, 1.2 * TEMPERATURE, 0.2).unwrap();
        check(
            thermostat.with_chain_length(chain_length).unwrap(),
            backwards,
        );
    }
}

/// A run that is written to text, read back and resumed has the bits of one that was refreshed there.
#[test]
fn resumed_runs_have_the_same_bits() {
    fn check<const D: usize, I: Integrator<D> + Copy>(
        potential: &dyn Potential<D>,
        start: &PhasePoint<D>,
        integrator: I,
    ) {
        let mut run =
            Trajectory::start(integrator, ForceField::new(potential), start.clone()).unwrap();
        // Neighbour lists that were built elsewhere than at the check-point.
        run.advance(137).unwrap();
        let saved = serde_json::to_string(&(run.point(), run.state())).unwrap();
        run.refresh().unwrap();
        run.advance(200).unwrap();

        let (point, state): (PhasePoint<D>, I::State) = serde_json::from_str(&saved).unwrap();
        let mut resumed =
            Trajectory::resume(integrator, ForceField::new(potential), point, state).unwrap();
        resumed.advance(200).unwrap();
        assert_eq!(resumed.point().step, 337);
        // Equal to the last bit: `==` of f64 differs from that for zeros and NaN only.
        assert_eq!(resumed.point(), run.point());
        assert_eq!(resumed.state(), run.state());
        assert_eq!(resumed.mechanics(), run.mechanics());
        assert_eq!(resumed.conserved().to_bits(), run.conserved().to_bits());
        assert_ne!(resumed.point().configuration, start.configuration);
    }
    let potential = inverse_power();
    let verlet = VelocityVerlet::new(0.005).unwrap();
    let thermostat = NoseHoover::new(0.005, TEMPERATURE, 0.2).unwrap();
    let chain = thermostat.with_chain_length(3).unwrap();
    check(&potential, liquid(), verlet);
    check(&potential, liquid(), thermostat);
    check(&potential, liquid(), chain);

    let flat = InversePowerMixture::default().potential().unwrap();
    let start = Configuration::<2>::random(100, 0.86, &[0.5, 0.5], Seed(2)).unwrap();
    let start = PhasePoint::maxwell_boltzmann(start, 0.6, Seed(2)).unwrap();
    check(&flat, &start, chain);
}

#[test]
fn what_cannot_run_is_refused() {
    for bad in [0.0, -0.005, f64::NAN, f64::INFINITY] {
        assert!(VelocityVerlet::new(bad).is_err());
        assert!(NoseHoover::new(bad, 1.0, 0.2).is_err());
        assert!(NoseHoover::new(0.005, bad, 0.2).is_err());
        assert!(NoseHoover::new(0.005, 1.0, bad).is_err());
    }
    let thermostat = NoseHoover::new(0.005, 1.0, 0.2).unwrap();
    assert!(thermostat.with_chain_length(0).is_err());
    // A time step that overflows: the error names the step.
    let potential = inverse_power();
    let field = ForceField::new(&potential);
    let far = VelocityVerlet::new(1e200).unwrap();
    let mut run = Trajectory::start(far, field, liquid().clone()).unwrap();
    let error = run.advance(1000).unwrap_err().to_string();
    assert!(
        error.contains("at step 1") && error.contains("smaller time step"),
        "{error}"
    );
}

/// A time step ten times too long throws the particles across the cell; that is not a liquid.
#[test]
fn an_exploded_run_is_an_error() {
    let potential = inverse_power();
    let field = ForceField::new(&potential);
    let long = VelocityVerlet::new(0.05).unwrap();
    let mut run = Trajectory::start(long, field, liquid().clone()).unwrap();
    assert!(
        run.advance(1000).is_err(),
        "T = {:e}",
        run.point().temperature()
    );
}

// ---------------------------------------------------------------------------------------------------------
// Numbers of others.

/// The ordinary Kob-Andersen liquid at `rho = 1.2`, `T = 0.8`: potential energy per particle and the
/// potential part of the pressure, potential shifted at `2.5 sigma_ij`.
///
/// LAMMPS (29 Sep 2021, `lj/cut 2.5` with `pair_modify shift yes`, `fix nvt` of period 0.2, chain of 3,
/// `dt = 0.005`, N = 1000), two runs of 160 000 steps, errors by blocking over 40 blocks each:
/// `U/N = -6.3413 +- 0.0010`, `P_virial = 6.672 +- 0.006`, with the same time step as ours, which shifts
/// both: with `dt = 0.0025` LAMMPS finds `-6.3466 +- 0.0018` and `6.642 +- 0.012`.
///
/// RUMD, as quoted in the examples of gamdpy (N = 2000): `U/N = -6.346`, `W/N = P_virial/rho = 5.534`,
/// agreement required there to 0.01 and 0.03.
#[test]
fn kob_andersen_liquid_has_the_energy_and_pressure_that_others_find() {
    const SAMPLES: usize = 1200;
    const BLOCKS: usize = 12;
    let potential = LennardJonesMixture::kob_andersen()
        .potential_shifted()
        .unwrap();
    let start = Configuration::random(1000, 1.2, &[0.8, 0.2], Seed(21)).unwrap();
    let point = equilibrated(&potential, start, 0.8, 1500);
    let thermostat = NoseHoover::new(0.005, 0.8, 0.2).unwrap();
    let thermostat = thermostat.with_chain_length(3).unwrap();
    let mut run = Trajectory::start(thermostat, ForceField::new(&potential), point).unwrap();
    let (mut energies, mut pressures) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        run.advance(10).unwrap();
        energies.push(run.mechanics().energy() / 1000.0);
        pressures.push(run.mechanics().pressure());
    }
    let (energy, energy_error) = blocked(&energies, BLOCKS);
    let (pressure, pressure_error) = blocked(&pressures, BLOCKS);
    // Precise enough to tell a cut-off of 2.4 sigma from 2.5.
    assert!(energy_error < 0.01 && pressure_error < 0.06);
    assert!(
        (energy + 6.3413).abs() < 4.0 * energy_error.hypot(0.0010),
        "U/N = {energy} +- {energy_error}"
    );
    assert!(
        (pressure - 6.672).abs() < 4.0 * pressure_error.hypot(0.006),
        "P = {pressure} +- {pressure_error}"
    );
    assert!((energy + 6.346).abs() < 0.01 + 4.0 * energy_error);
    assert!((pressure / 1.2 - 5.534).abs() < 0.03 + 4.0 * pressure_error / 1.2);
}

/// The Kob-Andersen liquid at `rho = 1.2`, `T = 2`: how it moves, beside RUMD's two runs of 2790 units of time (N = 4000), which the examples
/// of gamdpy carry (`NVT_N4000_T2.0_rho1.2_KABLJ_rumd3`).
///
/// From their mean squared displacements at eight lags of 21.8 and more, one origin each: `D_A = 0.0470 +- 0.0003`, `D_B = 0.0702 +- 0.0006`. Their
/// `F_s` of species A at `q = 7.28`: 0.3770 and 0.1797 at `t = 0.340691` and `0.681383`, from two origins, that is within some 0.004;
/// `U/N = -4.654`, `P = 19.32` with negligible errors. The same N, as the diffusion of smaller systems is slower (5 % at N = 1000).
#[test]
fn kob_andersen_liquid_moves_as_others_find() {
    /// Four of RUMD's steps, so that lags can be the same.
    const TIME_STEP: f64 = 4.0 * 0.000665413;
    const TEMPERATURE: f64 = 2.0;
    const STEPS: u64 = 8192;
    let potential = LennardJonesMixture::kob_andersen()
        .potential_shifted()
        .unwrap();
    let start = Configuration::random(4000, 1.2, &[0.8, 0.2], Seed(22)).unwrap();
    let point = equilibrated(&potential, start, TEMPERATURE, 400);
    let species: Vec<u8> = point.configuration.species().iter().map(|s| s.0).collect();
    let cell = *point.configuration.cell().vectors();
    let shells = [7.28, 5.552].map(|q| {
        let width = WaveVectors::default_width(&cell, q).unwrap();
        WaveVectors::shell(&cell, q, width).unwrap().limited_to(20)
    });
    let schedule = LogSchedule::of_lags(vec![128, 256, 512, 2048]).unwrap();
    let mut correlator = SelfCorrelator::new(&species, shells.to_vec(), schedule, 128).unwrap();
    let thermostat = NoseHoover::new(TIME_STEP, TEMPERATURE, 0.2).unwrap();
    let mut run = Trajectory::start(thermostat, ForceField::new(&potential), point).unwrap();
    let (mut energies, mut pressures) = (Vec::new(), Vec::new());
    while correlator.next_step() <= STEPS {
        let step = correlator.next_step();
        run.advance(step - run.point().step).unwrap();
        correlator
            .push(step, run.point().configuration.positions())
            .unwrap();
        energies.push(run.mechanics().energy() / 4000.0);
        pressures.push(run.mechanics().pressure() + 1.2 * run.point().temperature());
    }
    let (energy, error) = blocked(&energies, 8);
    assert!(
        error < 0.02 && (energy + 4.654).abs() < 4.0 * error,
        "U/N = {energy} +- {error}"
    );
    let (pressure, error) = blocked(&pressures, 8);
    assert!(
        error < 0.1 && (pressure - 19.32).abs() < 4.0 * error,
        "P = {pressure} +- {error}"
    );

    let result = correlator.finish();
    // The constant that motion in cages leaves is gone from the difference of two lags.
    let elapsed = (result.steps[3] - result.steps[2]) as f64 * TIME_STEP;
    for (of, expected, expected_error) in [(0, 0.0470, 0.0003), (1, 0.0702, 0.0006)] {
        let displacement = &result.species[of].mean_squared_displacement;
        let (values, errors) = (&displacement.values, &displacement.standard_errors);
        let diffusion = (values[3] - values[2]) / (6.0 * elapsed);
        let error = errors[3].unwrap() / (6.0 * elapsed);
        assert!(error < 0.03 * diffusion);
        assert!(
            (diffusion - expected).abs() < 4.0 * error.hypot(expected_error),
            "D of species {of}: {diffusion} +- {error}"
        );
    }
    let scattering = &result.species[0].self_scattering;
    for (lag, expected) in [(0, 0.3770), (1, 0.1797)] {
        let (value, error) = (
            scattering.values[lag],
            scattering.standard_errors[lag].unwrap(),
        );
        assert!(
            error < 0.004 && (value - expected).abs() < 4.0 * error.hypot(0.004),
            "F_s at step {}: {value} +- {error}",
            result.steps[lag]
        );
    }
}
