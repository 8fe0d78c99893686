//! How a liquid moves: molecular dynamics of the Kob-Andersen mixture from a configuration in a file, at a temperature, for a number of steps.
//!
//! `cargo run --release --example dynamics -- liquid.xyz 0.45 65536` prints the mean squared displacement and the self part of the
//! intermediate scattering function of both species, averaged over time origins, at lags that double. The file is extended XYZ, with species named
//! A and B; without velocities they are drawn.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use vitreous::md_core::files::extended_xyz::{self, Labels};
use vitreous::prelude::*;

const TIME_STEP: f64 = 0.004;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, temperature, steps] = arguments.as_slice() else {
        return Err("give a file, a temperature and a number of steps".into());
    };
    let (temperature, steps): (f64, u64) = (temperature.parse()?, steps.parse()?);
    let labels = Labels::new(["A", "B"])?;
    let frame = extended_xyz::read_frame::<3, _>(BufReader::new(File::open(file)?), &labels)?;
    let point = match frame.velocities {
        Some(velocities) => PhasePoint {
            configuration: frame.configuration,
            velocities,
            step: 0,
        },
        None => PhasePoint::maxwell_boltzmann(frame.configuration, temperature, Seed(1))?,
    };

    // Wave vectors near the first peaks of S(q) of either species, Kob and Andersen, Phys. Rev. E 52, 4134 (1995).
    let cell = *point.configuration.cell().vectors();
    let shell = |wave_number| {
        let width = WaveVectors::default_width(&cell, wave_number)?;
        Ok::<_, Box<dyn Error>>(WaveVectors::shell(&cell, wave_number, width)?.limited_to(30))
    };
    let species: Vec<u8> = point.configuration.species().iter().map(|s| s.0).collect();
    // Lags of 1, 2, 4, ... steps; eight origins within the longest of them.
    let longest = (steps / 2).max(1);
    let lags = LogSchedule::of_lags((0..=longest.ilog2()).map(|k| 1 << k).collect())?;
    let origins = (longest / 8).max(1);
    let mut correlator =
        SelfCorrelator::new(&species, vec![shell(7.25)?, shell(5.5)?], lags, origins)?;

    let potential = LennardJonesMixture::kob_andersen().potential_shifted()?;
    let thermostat = NoseHoover::new(TIME_STEP, temperature, 0.2)?;
    let mut run = Trajectory::start(thermostat, ForceField::new(&potential), point)?;
    while correlator.next_step() <= steps {
        let step = correlator.next_step();
        run.advance(step - run.point().step)?;
        correlator.push(step, run.point().configuration.positions())?;
    }
    let energy = run.mechanics().energy() / species.len() as f64;
    println!("potential energy per particle at the end: {energy:.4}");

    let found = correlator.finish();
    println!(
        "{:>10}  species A: MSD, F_s at q = 7.25; species B: MSD, F_s at q = 5.5",
        "time"
    );
    for (lag, time) in found.times(TIME_STEP).into_iter().enumerate() {
        print!("{time:>10.3}");
        for of in &found.species {
            for series in [&of.mean_squared_displacement, &of.self_scattering] {
                let error =
                    series.standard_errors[lag].map_or(String::from("?"), |e| format!("{e:.0e}"));
                print!("  {:>11.6} +- {error:>5}", series.values[lag]);
            }
        }
        println!();
    }
    Ok(())
}
