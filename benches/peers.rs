//! Molecular dynamics beside LAMMPS: the same potentials, particle numbers, temperatures and time steps, NVT with list
//! builds, one thread each, in turn, and ours in mixed precision; then our own rates with more threads, more runs and
//! other numbers of particles.
//!
//! `cargo bench --bench peers`. LAMMPS is what `LAMMPS` names, or `lmp` on the path; where there is none the table says
//! so. Its input (start, tables, script) is written from our liquids to a temporary folder. "Related" is its fastest
//! kernel for a function of the same kind and range, `lj/cut/opt`.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use vitreous::potentials::PairTable;
use vitreous::prelude::*;

type Failure = Box<dyn std::error::Error>;

/// One line of the table.
struct Work {
    name: &'static str,
    particles: usize,
    density: f64,
    composition: &'static [f64],
    temperature: f64,
    time_step: f64,
    coupling_time: f64,
    steps: u64,
    /// The skins that suit LAMMPS best: of a short scan.
    lammps_skin: f64,
    potential: Box<dyn Potential<3>>,
    /// Its commands, and files that they read.
    lammps: (String, Vec<(&'static str, String)>),
    /// Commands for its fastest kernel of the same kind.
    related: Option<String>,
}

fn main() -> Result<(), Failure> {
    let lammps = std::env::var("LAMMPS").unwrap_or_else(|_| "lmp".to_owned());
    let known = Command::new(&lammps).arg("-h").output().is_ok();
    if !known {
        println!("LAMMPS is missing (no program '{lammps}'; set LAMMPS): our times alone");
    }
    println!(
        "million atom-steps per second, NVT with list builds, one thread, best of {ROUNDS} in turn"
    );
    let heads = [
        "ours", "LAMMPS", "ratio", "related", "ratio", "mixed", "ratio",
    ];
    println!(
        "{:<34} {}",
        "",
        heads.map(|head| format!("{head:>8}")).concat()
    );
    for work in all()? {
        let [ours, mixed, theirs, related] = measure(&work, known.then_some(lammps.as_str()))?;
        let number = |value: f64| {
            let known = value.is_finite() && value > 0.0;
            known
                .then_some(value)
                .map_or_else(|| format!("{:>8}", "-"), |value| format!("{value:>8.3}"))
        };
        let numbers = [
            ours,
            theirs,
            ours / theirs,
            related,
            ours / related,
            mixed,
            mixed / ours,
        ];
        let title = format!("{}, N = {}", work.name, work.particles);
        println!("{title:<34} {}", numbers.map(number).concat());
    }
    println!("\nKob-Andersen, ours alone, million atom-steps per second");
    for particles in [1000, 2000, 4000, 8000, 16_000, 64_000] {
        let work = Work {
            particles,
            steps: 4_000_000 / particles as u64,
            ..kob_andersen()?
        };
        let mut best = 0.0_f64;
        let mut run = work.start(1, Precision::Double)?;
        for _ in 0..ROUNDS {
            best = best.max(work.rate(&mut run)?);
        }
        println!("{:<34} {best:>8.3}", format!("N = {particles}, one thread"));
    }
    let work = kob_andersen()?;
    let [mut one, mut two] = [
        work.start(1, Precision::Double)?,
        work.start(2, Precision::Double)?,
    ];
    let (mut alone, mut shared, mut beside) = (0.0_f64, 0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        alone = alone.max(work.rate(&mut one)?);
        shared = shared.max(work.rate(&mut two)?);
        let rates = std::thread::scope(|scope| {
            let runs = [0, 1].map(|_| {
                scope.spawn(|| -> Result<f64, String> {
                    let work = kob_andersen().map_err(|error| error.to_string())?;
                    let mut run = work
                        .start(1, Precision::Double)
                        .map_err(|error| error.to_string())?;
                    work.rate(&mut run).map_err(|error| error.to_string())
                })
            });
            runs.map(|run| {
                run.join()
                    .unwrap_or_else(|_| Err("a run panicked".to_owned()))
            })
        });
        let [first, second] = rates;
        beside = beside.max(first?.min(second?));
    }
    println!(
        "N = 8000: one thread {alone:.3}; two threads {shared:.3}, {:.2} times",
        shared / alone
    );
    println!(
        "two runs side by side: {beside:.3} each at least, {:.2} of one alone",
        beside / alone
    );
    Ok(())
}

const ROUNDS: usize = 3;

type Run<'a> = Trajectory<'a, 3, NoseHoover>;

impl Work {
    /// A liquid that flows, on so many threads.
    fn start(&self, threads: usize, precision: Precision) -> Result<Run<'_>, Failure> {
        let start =
            Configuration::<3>::random(self.particles, self.density, self.composition, Seed(1))?;
        let point = PhasePoint::maxwell_boltzmann(start, self.temperature, Seed(1))?;
        let thermostat = NoseHoover::new(self.time_step, self.temperature, self.coupling_time)?;
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        let field = ForceField::new(&*self.potential)
            .with_precision(precision)
            .with_threads(threads)?;
        let mut run = Trajectory::start(thermostat, field, point)?;
        run.advance(500)?;
        Ok(run)
    }

    /// Million atom-steps per second.
    fn rate(&self, run: &mut Run<'_>) -> Result<f64, Failure> {
        let clock = Instant::now();
        run.advance(self.steps)?;
        Ok(self.atom_steps() / clock.elapsed().as_secs_f64())
    }

    fn atom_steps(&self) -> f64 {
        (self.particles as u64 * self.steps) as f64 * 1e-6
    }
}

/// Rates of ours in double and mixed precision, of LAMMPS and of its related kernel; zero where there is none.
fn measure(work: &Work, lammps: Option<&str>) -> Result<[f64; 4], Failure> {
    let mut run = work.start(1, Precision::Double)?;
    let folder = std::env::temp_dir().join(format!("vitreous-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    write_lammps(work, run.point(), &folder)?;
    let mut mixed = work.start(1, Precision::Mixed)?;
    let mut best = [0.0_f64; 4];
    for _ in 0..ROUNDS {
        best[0] = best[0].max(work.rate(&mut run)?);
        best[1] = best[1].max(work.rate(&mut mixed)?);
        if let Some(lammps) = lammps {
            let scripts = ["in.md", "in.related"];
            for (best, script) in best[2..].iter_mut().zip(scripts) {
                if folder.join(script).exists() {
                    *best = best.max(work.atom_steps() / lammps_seconds(lammps, &folder, script)?);
                }
            }
        }
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(best)
}

/// The time of the last run of the script.
fn lammps_seconds(lammps: &str, folder: &Path, script: &str) -> Result<f64, Failure> {
    let output = Command::new(lammps)
        .args(["-log", "none", "-in", script])
        .env("OMP_NUM_THREADS", "1")
        .current_dir(folder)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text
        .lines()
        .rev()
        .find(|line| line.starts_with("Loop time"));
    let seconds = line.and_then(|line| line.split_whitespace().nth(3));
    Ok(seconds
        .ok_or_else(|| format!("LAMMPS failed: {text}"))?
        .parse()?)
}

fn write_lammps(work: &Work, point: &PhasePoint<3>, folder: &Path) -> Result<(), Failure> {
    let configuration = &point.configuration;
    let length = configuration.cell().volume().cbrt();
    let species = configuration.species();
    let count = species
        .iter()
        .map(|kind| kind.index() + 1)
        .max()
        .unwrap_or(1);
    let mut data = format!("liquid\n\n{} atoms\n{count} atom types\n\n", work.particles);
    for axis in ["x", "y", "z"] {
        writeln!(data, "0 {length:.17} {axis}lo {axis}hi")?;
    }
    writeln!(data, "\nMasses\n")?;
    for kind in 1..=count {
        writeln!(data, "{kind} 1")?;
    }
    writeln!(data, "\nAtoms # atomic\n")?;
    for (i, [x, y, z]) in configuration.wrapped_positions().iter().enumerate() {
        writeln!(
            data,
            "{} {} {x:.17} {y:.17} {z:.17}",
            i + 1,
            species[i].index() + 1
        )?;
    }
    writeln!(data, "\nVelocities\n")?;
    for (i, [x, y, z]) in point.velocities.iter().enumerate() {
        writeln!(data, "{} {x:.17} {y:.17} {z:.17}", i + 1)?;
    }
    std::fs::write(folder.join("liquid.data"), data)?;
    let (commands, files) = &work.lammps;
    for (name, content) in files {
        std::fs::write(folder.join(name), content)?;
    }
    let (temperature, coupling) = (work.temperature, work.coupling_time);
    let script = |commands: &str| {
        format!(
            "units lj\natom_style atomic\nread_data liquid.data nocoeff\n{commands}\n\
         neighbor {} bin\nneigh_modify every 1 delay 0 check yes\ntimestep {}\n\
         fix 1 all nvt temp {temperature} {temperature} {coupling}\nthermo 1000000\nrun {}\nrun {}\n",
            work.lammps_skin,
            work.time_step,
            work.steps / 10,
            work.steps
        )
    };
    if let Some(related) = &work.related {
        std::fs::write(folder.join("in.related"), script(related))?;
    }
    Ok(std::fs::write(folder.join("in.md"), script(commands))?)
}

fn all() -> Result<Vec<Work>, Failure> {
    Ok(vec![
        kob_andersen()?,
        lennard_jones("mBLJ", [Some(1.5), Some(2.0), Some(1.5)], 1000)?,
        inverse_power()?,
        stillinger_weber()?,
    ])
}

fn kob_andersen() -> Result<Work, Failure> {
    lennard_jones("Kob-Andersen 2.5, shifted force", [None, None, None], 1000)
}

fn lennard_jones(
    name: &'static str,
    cutoffs: [Option<f64>; 3],
    steps: u64,
) -> Result<Work, Failure> {
    let [aa, ab, bb] = cutoffs;
    let mixture = LennardJonesMixture {
        cutoffs: PairTable::new(aa, ab, bb),
        ..LennardJonesMixture::kob_andersen()
    };
    let mut commands = "pair_style lj/smooth/linear 2.5\n".to_owned();
    for (first, second) in [(0, 0), (0, 1), (1, 1)] {
        let (energy, length) = (
            mixture.energies.between(first, second),
            mixture.lengths.between(first, second),
        );
        let cutoff = mixture
            .cutoffs
            .between(first, second)
            .unwrap_or(2.5 * length);
        writeln!(
            commands,
            "pair_coeff {} {} {energy} {length} {cutoff}",
            first + 1,
            second + 1
        )?;
    }
    Ok(Work {
        name,
        particles: 8000,
        density: 1.2,
        composition: &[0.8, 0.2],
        temperature: 0.6,
        time_step: 0.005,
        coupling_time: 0.2,
        steps,
        lammps_skin: 0.2,
        potential: Box::new(mixture.force_shifted()?),
        related: Some(commands.replace("lj/smooth/linear", "lj/cut/opt")),
        lammps: (commands, Vec::new()),
    })
}

fn inverse_power() -> Result<Work, Failure> {
    let potential = InversePowerMixture::default().potential()?;
    let mut commands = "pair_style table spline 4000\n".to_owned();
    let mut related = "pair_style lj/cut/opt 2.1\n".to_owned();
    let mut table = String::new();
    for (first, second) in [(0, 0), (0, 1), (1, 1)] {
        let function = potential
            .between(Species(first), Species(second))
            .ok_or("the mixture has two species")?;
        let points = 4000;
        let (from, to) = (0.6, function.range());
        writeln!(table, "P{first}{second}\nN {points} RSQ {from} {to:.17}\n")?;
        for point in 0..points {
            let part = f64::from(point) / f64::from(points - 1);
            let square = from * from + (to * to - from * from) * part;
            let [energy, slope] = function.derivatives(square.min(to * to));
            let distance = square.sqrt();
            writeln!(
                table,
                "{} {distance:.17} {energy:.17e} {:.17e}",
                point + 1,
                -2.0 * distance * slope
            )?;
        }
        writeln!(table)?;
        let pair = format!("{} {}", first + 1, second + 1);
        writeln!(
            commands,
            "pair_coeff {pair} pair.table P{first}{second} {to:.17}"
        )?;
        // The length of the range 1.48 lengths.
        writeln!(related, "pair_coeff {pair} 1 {:.17} {to:.17}", to / 1.48)?;
    }
    Ok(Work {
        name: "IPL (theirs from a table)",
        particles: 2000,
        density: 0.82,
        composition: &[0.5, 0.5],
        temperature: 0.6,
        time_step: 0.005,
        coupling_time: 0.2,
        steps: 4000,
        lammps_skin: 0.25,
        potential: Box::new(potential),
        lammps: (commands, vec![("pair.table", table)]),
        related: Some(related),
    })
}

fn stillinger_weber() -> Result<Work, Failure> {
    let model = StillingerWeber::default();
    let file = format!(
        "Si Si Si {} {} {} {} {} {} {} {} 4.0 0.0 0.0\n",
        model.energy,
        model.length,
        model.reduced_cutoff,
        model.angle_strength,
        model.angle_decay,
        model.cosine,
        model.pair_strength,
        model.pair_repulsion,
    );
    Ok(Work {
        name: "Stillinger-Weber, lambda 18.75",
        particles: 8000,
        density: 0.52,
        composition: &[1.0],
        temperature: 0.08,
        time_step: 0.01,
        coupling_time: 1.0,
        steps: 300,
        lammps_skin: 0.3,
        potential: Box::new(model.potential()?),
        lammps: (
            "pair_style sw\npair_coeff * * silicon.sw Si".to_owned(),
            vec![("silicon.sw", file)],
        ),
        related: None,
    })
}
