//! Where are the soft spots of a glass?
//!
//! A two-dimensional inverse-power liquid is cooled to the temperature of Figs. 1 and 2 of J. Chem. Phys. 155,
//! 074502 (2021) and quenched. Every interaction is probed with a force dipole, and every response is the start of
//! a search for a pseudoharmonic mode: a soft motion that few particles share. Many searches end in the same
//! mode. The cubic mode found from each has the lowest energy barrier nearby.
//!
//! Run it with `cargo run --release --example pseudoharmonic`; it takes half a minute. The modes are written to
//! `soft_modes.xyz`, one frame each, with the displacements in the place of velocities: `OVITO` shows them as arrows
//! when the display of vectors is switched on.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use vitreous::linresp::{Anharmonicity, SoftModeSearch};
use vitreous::md_core::files::extended_xyz::{Frame, Labels, write_displacements};
use vitreous::prelude::*;

const TEMPERATURE: f64 = 0.48;
/// At twice the temperature, then at the temperature. The paper's liquids were equilibrated for longer.
const STEPS: [u64; 2] = [5_000, 40_000];
const MODES: usize = 12;
const FILE: &str = "soft_modes.xyz";

fn main() -> Result<(), Box<dyn Error>> {
    let seed = Seed(2021);
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let model = InversePowerMixture::default().potential()?;
    let liquid = Configuration::<2>::random(1000, 0.86, &[0.5, 0.5], seed)?;
    let mut point = PhasePoint::maxwell_boltzmann(liquid, 2.0 * TEMPERATURE, seed)?;
    for (temperature, steps) in [2.0 * TEMPERATURE, TEMPERATURE].into_iter().zip(STEPS) {
        let thermostat = NoseHoover::new(0.005, temperature, 0.2)?;
        let mut run = Trajectory::start(thermostat, ForceField::new(&model), point)?;
        run.advance(steps)?;
        point = run.into_parts().0;
    }
    let minimizer = NonlinearConjugateGradient::default();
    let glass = minimizer.quench(&model, point.configuration, Tolerance::force_ratio(1e-10))?;

    // The dipole stiffness of every interaction, and a descent from every response.
    let response = LinearResponse::new(&glass, &SparseCholesky::default())?;
    let kappa = response.dipole_stiffness_field(threads)?;
    let all: Vec<usize> = (0..kappa.len()).collect();
    let search = SoftModeSearch::default();
    let found = response.pseudoharmonic_modes(&all, &search, threads)?;
    println!(
        "{} interactions led to {} modes; {} searches did not converge\n",
        all.len(),
        found.modes.len(),
        found.unconverged.len()
    );

    let softest = &found.modes[..MODES.min(found.modes.len())];
    let starts: Vec<&[[f64; 2]]> = softest
        .iter()
        .map(|found| found.mode.displacements.as_slice())
        .collect();
    let cubic =
        response.quasilocalised_modes(&model, Anharmonicity::Cubic, &starts, &search, threads)?;

    println!(
        "{:>9} {:>7} {:>7} {:>19}    {:>9} {:>10} {:>8}",
        "stiffness", "N e", "starts", "their kappa", "cubic", "barrier", "overlap"
    );
    let particles = glass.configuration().len() as f64;
    let labels = Labels::new(["A", "B"])?;
    let mut file = BufWriter::new(File::create(FILE)?);
    for (found, cubic) in softest.iter().zip(cubic) {
        let (mode, cubic) = (&found.mode, cubic?);
        let kappas = || found.starts.iter().map(|&start| kappa[start]);
        let overlap: f64 = mode
            .displacements
            .as_flattened()
            .iter()
            .zip(cubic.displacements.as_flattened())
            .map(|(a, b)| a * b)
            .sum();
        println!(
            "{:>9.4} {:>7.1} {:>7} {:>8.4} .. {:>7.3}    {:>9.4} {:>10.5} {:>8.4}",
            mode.stiffness,
            mode.participation_ratio * particles,
            found.starts.len(),
            kappas().fold(f64::INFINITY, f64::min),
            kappas().fold(0.0, f64::max),
            cubic.stiffness,
            cubic.barrier(),
            overlap.abs(),
        );
        let frame = Frame {
            configuration: glass.configuration().clone(),
            velocities: None,
            properties: [("stiffness".to_owned(), format!("{:?}", mode.stiffness))].into(),
        };
        write_displacements(&mut file, &frame, &mode.displacements, &labels)?;
    }
    file.flush()?;
    println!("\nThe modes are in {FILE}.");
    Ok(())
}
