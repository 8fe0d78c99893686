//! scratch
use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Instant;
use vitreous::linresp::{Anharmonicity, SoftModeSearch};
use vitreous::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let n: usize = std::env::args().nth(1).unwrap().parse()?;
    let d: usize = std::env::args().nth(2).unwrap().parse()?;
    let count: usize = std::env::args().nth(3).unwrap().parse()?;
    let steps: u64 = std::env::args().nth(4).unwrap().parse()?;
    if d == 2 { go::<2>(n, 0.86, 0.48, count, steps) } else { go::<3>(n, 0.82, 0.6, count, steps) }
}
fn go<const D: usize>(n: usize, rho: f64, temperature: f64, count: usize, steps: u64) -> Result<(), Box<dyn Error>> {
    let seed = Seed(2021);
    let model = InversePowerMixture::default().potential()?;
    let liquid = Configuration::<D>::random(n, rho, &[0.5, 0.5], seed)?;
    let t = Instant::now();
    let mut point = PhasePoint::maxwell_boltzmann(liquid, 2.0 * temperature, seed)?;
    for target in [2.0 * temperature, temperature] {
        let thermostat = NoseHoover::new(0.005, target, 0.2)?;
        let mut run = Trajectory::start(thermostat, ForceField::new(&model), point)?;
        run.advance(steps)?;
        point = run.into_parts().0;
    }
    println!("md {:?}", t.elapsed());
    let t = Instant::now();
    let glass = NonlinearConjugateGradient::default().quench(&model, point.configuration, Tolerance::force_ratio(1e-10))?;
    println!("quench {:?}", t.elapsed());
    let t = Instant::now();
    let response = LinearResponse::new(&glass, &SparseCholesky::default())?;
    println!("factor {:?}", t.elapsed());
    let t = Instant::now();
    let one = NonZeroUsize::MIN;
    let kappa = response.dipole_stiffness_field(one)?;
    println!("field {} pairs {:?}", kappa.len(), t.elapsed());
    let mut order: Vec<usize> = (0..kappa.len()).collect();
    order.sort_by(|&a, &b| kappa[a].total_cmp(&kappa[b]));
    order.truncate(count);
    let t = Instant::now();
    let found = response.pseudoharmonic_modes(&order, &SoftModeSearch::default(), one)?;
    let each = t.elapsed() / order.len() as u32;
    println!("{} modes, {} unconverged, {:?} total, {each:?} each", found.modes.len(), found.unconverged.len(), t.elapsed());
    let its: Vec<usize> = found.modes.iter().map(|f| f.mode.iterations).collect();
    println!("iterations mean {} max {:?}", its.iter().sum::<usize>() as f64 / its.len() as f64, its.iter().max());
    let mut above = 0;
    for f in &found.modes { for &s in &f.starts { if f.mode.stiffness > kappa[s] { above += 1; } } }
    println!("above start: {above} of {}", order.len());
    for f in found.modes.iter().take(16) {
        let m = &f.mode;
        let worst = f.starts.iter().map(|&s| kappa[s]).fold(f64::INFINITY, f64::min);
        println!("{:8.4} e N {:8.2} its {:4} res {:.1e} starts {:4} kappa0 {:8.3} min {:8.3}", m.stiffness, m.participation_ratio * n as f64, m.iterations, m.residual, f.starts.len(), kappa[f.starts[0]], worst);
    }
    for kind in [Anharmonicity::Cubic, Anharmonicity::Quartic] {
        for f in found.modes.iter().take(6) {
            let t = Instant::now();
            match response.quasilocalised_mode(&model, kind, &f.mode.displacements, &SoftModeSearch::default()) {
                Ok(m) => println!("{kind:?} {:8.4} eN {:8.2} tau {:9.3} chi {:10.2} its {} res {:.1e} barrier {:.4} {:?}", m.stiffness, m.participation_ratio * n as f64, m.cubic, m.quartic, m.iterations, m.residual, m.barrier(), t.elapsed()),
                Err(e) => println!("{e}"),
            }
        }
    }
    Ok(())
}
