//! The question of the whole project in one small program: does the stiffness of a glass on the scale of a
//! few particles tell how slowly its liquid flows?
//!
//! ```text
//! ln(tau_alpha/t0) = (l a0)^2 kappa/T + ln t        J. Chem. Phys. 155, 074502 (2021), Eq. (3)
//! ```
//!
//! A liquid of 216 inverse-power particles is cooled in steps. At each temperature it is equilibrated and
//! watched until it has forgotten where its particles were (`tau_alpha`); a few snapshots on the way are
//! quenched to the glass underneath, which is probed with force dipoles (`kappa`) and sheared (`G`).
//! Run it with `cargo run --release --example mesoelastic`; it takes half a minute. Error bars, figures and
//! larger systems are the business of `vitreous run`.

use std::error::Error;
use std::num::NonZeroUsize;
use vitreous::prelude::*;

const TIME_STEP: f64 = 0.005;
/// Temperatures, and the steps during which each is observed: some ten relaxation times.
const STUDY: [(f64, u64); 4] = [
    (0.80, 30_000),
    (0.75, 40_000),
    (0.70, 60_000),
    (0.66, 90_000),
];
/// Glasses quenched at each temperature.
const GLASSES: u64 = 10;
/// Interactions probed in each glass.
const DIPOLES: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let seed = Seed(2021);
    let model = InversePowerMixture::default().potential()?;
    let mut liquid = Configuration::<3>::random(216, 0.82, &[0.5, 0.5], seed)?;
    let spacing = liquid.mean_spacing();

    println!("    T   tau_alpha/t0    kappa      G     kappa/T   ln(tau_alpha/t0)");
    let mut points = Vec::new();
    for (index, (temperature, steps)) in STUDY.into_iter().enumerate() {
        let seed = seed.derive("temperature", &[index as u64]);
        let equilibration = steps / 5;

        // Heat the last configuration, or cool it, to this temperature.
        let thermostat = NoseHoover::new(TIME_STEP, temperature, 0.2)?;
        let start = PhasePoint::maxwell_boltzmann(liquid, temperature, seed)?;
        let mut run = Trajectory::start(thermostat, ForceField::new(&model), start)?;
        run.advance(equilibration)?;

        // Watch it, and quench a snapshot now and then.
        let mut correlator = correlator(&run.point().configuration, steps)?;
        let mut glasses = Vec::new();
        while correlator.next_step() <= steps {
            let step = correlator.next_step();
            run.advance(equilibration + step - run.point().step)?;
            let snapshot = &run.point().configuration;
            correlator.push(step, snapshot.positions())?;
            if step % (steps / GLASSES) == 0 {
                let seed = seed.derive("glass", &[step]);
                glasses.push(glass(&model, snapshot.clone(), seed)?);
            }
        }
        liquid = run.into_parts().0.configuration;

        // When have the large particles forgotten their places?
        let result = correlator.finish();
        let scattering = &result.species[0].self_scattering.values;
        let times = result.times(TIME_STEP);
        let relaxation_time =
            relaxation::relaxation_time(&times, scattering, relaxation::THRESHOLD)?;

        let mean = |values: &dyn Fn(&Glass) -> f64| {
            glasses.iter().map(values).sum::<f64>() / glasses.len() as f64
        };
        let (kappa, shear) = (
            mean(&|glass| glass.kappa),
            mean(&|glass| glass.shear_modulus),
        );
        let reduced_time = relaxation_time * temperature.sqrt() / spacing;
        println!(
            "{temperature:>6.2} {reduced_time:>11.2} {kappa:>11.2} {shear:>8.2} {:>9.2} {:>12.2}",
            kappa / temperature,
            reduced_time.ln(),
        );
        points.push(StatePoint {
            temperature,
            relaxation_times: vec![relaxation_time],
            stiffnesses: glasses.iter().map(|glass| glass.kappa).collect(),
        });
    }

    // The line through the temperatures at which the liquid is slow enough to be activated.
    let fit = Mesoelastic::new(spacing, Stiffness::Dipole).fit(&points)?;
    println!(
        "\nln(tau_alpha/t0) = ({:.2} a0)^2 kappa/T + ln {:.2e} at {} temperatures, r^2 = {:.3}",
        fit.length,
        fit.time,
        fit.points.len(),
        fit.r_squared,
    );
    println!("The paper, with 2000 particles and lower temperatures: l = 0.4 a0 and t = 0.1 t0.");
    Ok(())
}

/// Accumulates `F_s(q, t)` at the first peak of the structure factor of each species.
fn correlator(liquid: &Configuration<3>, steps: u64) -> Result<SelfCorrelator<3>, Box<dyn Error>> {
    let cell = liquid.cell().vectors();
    let mut shells = Vec::new();
    for wave_number in [6.35, 6.88] {
        let width = WaveVectors::default_width(cell, wave_number)?;
        shells.push(WaveVectors::shell(cell, wave_number, width)?.limited_to(30));
    }
    let species: Vec<u8> = liquid.species().iter().map(|species| species.0).collect();
    let schedule = LogSchedule::new(2, steps / 2, 12)?;
    Ok(SelfCorrelator::new(&species, shells, schedule, 250)?)
}

/// What is measured in a glass.
struct Glass {
    kappa: f64,
    shear_modulus: f64,
}

/// Quenches a snapshot to its inherent structure and measures how that responds to forces and to shear.
fn glass(
    model: &dyn Potential<3>,
    snapshot: Configuration<3>,
    seed: Seed,
) -> Result<Glass, Box<dyn Error>> {
    let minimizer = NonlinearConjugateGradient::default();
    let structure = minimizer.quench(model, snapshot, Tolerance::force_ratio(1e-10))?;
    let response = LinearResponse::new(&structure, &SparseCholesky::default())?;
    let sample = response.random_interactions(DIPOLES, &mut seed.stream("dipoles", &[]))?;
    let stiffnesses = response.dipole_stiffness(&sample, NonZeroUsize::MIN)?;
    Ok(Glass {
        kappa: stiffnesses.iter().sum::<f64>() / stiffnesses.len() as f64,
        shear_modulus: response.mean_shear_modulus()?.total(),
    })
}
