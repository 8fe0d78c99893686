use vitreous_md_core::*;
use vitreous_potentials::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (name, n, rho, t): (&str, usize, f64, f64) = (
        &args[1],
        args[2].parse().unwrap(),
        args[3].parse().unwrap(),
        args[4].parse().unwrap(),
    );
    let skin: f64 = args[5].parse().unwrap();
    let steps: u64 = args[6].parse().unwrap();
    let comp = if name == "ipl" {
        [0.5, 0.5]
    } else {
        [0.8, 0.2]
    };
    let model = Catalogue::find(name).unwrap();
    let pot = model.potential::<3>().unwrap();
    let c = Configuration::<3>::random(n, rho, &comp, Seed(1)).unwrap();
    let p = PhasePoint::maxwell_boltzmann(c, 2.0, Seed(2)).unwrap();
    let hot = NoseHoover::new(0.002, 2.0, 0.2).unwrap();
    let mut tr = Trajectory::start(hot, ForceField::new(pot.as_ref()), p).unwrap();
    tr.advance(if steps == 0 { 0 } else { 3000 }).unwrap();
    let (p, _) = tr.into_parts();
    let cold = NoseHoover::new(0.005, t, 0.2).unwrap();
    let mut tr = Trajectory::start(cold, ForceField::with_skin(pot.as_ref(), skin), p).unwrap();
    tr.advance(2000).unwrap();
    let c0 = tr.conserved();
    let start = std::time::Instant::now();
    tr.advance(steps).unwrap();
    let e = start.elapsed().as_secs_f64();
    println!(
        "{name} {n}: {:.2} M atom-steps/s  T {:.3} U/N {:.4} dH/N {:.2e}",
        n as f64 * steps as f64 / e / 1e6,
        tr.point().temperature(),
        tr.mechanics().energy() / n as f64,
        (tr.conserved() - c0) / n as f64
    );
}
