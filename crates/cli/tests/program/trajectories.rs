//! Trajectories made for the tests, and what is in them by brute force.

use super::configuration::{Configuration, Random};
use super::program::assert_close;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use vitreous::observables::WaveVectors;

/// Steps of log-spaced blocks.
pub(crate) const STEPS: [u64; 13] = [
    100, 101, 102, 104, 108, 116, 117, 118, 120, 124, 132, 133, 140,
];

/// A walk of many particles with small steps and a common drift: `[frame][particle]`.
pub(crate) fn walk(start: &Configuration, seed: u64) -> Vec<Configuration> {
    let mut random = Random(seed);
    let mut now = start.clone();
    let mut frames = vec![now.clone()];
    for pair in STEPS.windows(2) {
        let size = 0.15 * ((pair[1] - pair[0]) as f64).sqrt();
        for position in &mut now.positions {
            for component in position.iter_mut().take(start.dimension) {
                *component += size * (2.0 * random.next() - 1.0) + 0.1 * size;
            }
        }
        frames.push(now.clone());
    }
    frames
}

/// A walk of particles that know nothing of each other, with steps uniform in `(-reach, reach)` along each axis, as extended XYZ.
pub(crate) fn free_walk(start: &Configuration, reach: f64, frames: usize, seed: u64) -> String {
    let mut random = Random(seed);
    let mut now = start.clone();
    let mut text = String::new();
    for step in 0..frames {
        text += &now.text_with(&format!(" pbc=\"T T T\" step={step} Time={step}"));
        for component in now.positions.iter_mut().flatten() {
            *component += reach * (2.0 * random.next() - 1.0);
        }
    }
    text
}

/// Unwrapped, as extended XYZ.
pub(crate) fn as_xyz(frames: &[Configuration]) -> String {
    let pbc = if frames[0].dimension == 2 {
        "T T F"
    } else {
        "T T T"
    };
    let frame = |(frame, step): (&Configuration, u64)| {
        frame.text_with(&format!(
            " pbc=\"{pbc}\" step={step} Time={}",
            0.5 * step as f64
        ))
    };
    frames.iter().zip(STEPS).map(frame).collect()
}

/// Wrapped, as a dump of LAMMPS whose atoms come in another order in each frame. The cell leans in its plane at most.
pub(crate) fn as_dump(frames: &[Configuration]) -> String {
    let mut text = String::new();
    for (frame, step) in frames.iter().zip(STEPS) {
        let [[lx, ..], [xy, ly, _], [.., lz]] = frame.cell;
        let count = frame.positions.len();
        writeln!(
            text,
            "ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{count}"
        )
        .unwrap();
        writeln!(text, "ITEM: BOX BOUNDS xy xz yz pp pp pp").unwrap();
        let bounds = [xy.min(0.0), lx + xy.max(0.0)];
        writeln!(text, "{} {} {xy}\n0 {ly} 0\n0 {lz} 0", bounds[0], bounds[1]).unwrap();
        writeln!(text, "ITEM: ATOMS type id x y z").unwrap();
        for place in 0..count {
            // 7 has no common factor with the numbers of particles used here.
            let particle = (7 * place + step as usize) % count;
            let [mut x, mut y, mut z] = frame.positions[particle];
            let rows = (y / ly).floor();
            (x, y) = (x - rows * xy, y - rows * ly);
            x -= ((x - y * xy / ly) / lx).floor() * lx;
            z -= (z / lz).floor() * lz;
            let kind = frame.species[particle] + 1;
            writeln!(text, "{kind} {} {x} {y} {z}", particle + 1).unwrap();
        }
    }
    text
}

/// The columns of a table, by name.
pub(crate) fn table(path: &Path) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let column = |(index, name): (usize, &&str)| {
        let cells = rows.iter().map(|row| row[index].to_owned());
        ((*name).to_owned(), cells.collect())
    };
    names.iter().enumerate().map(column).collect()
}

pub(crate) fn numbers(cells: &[String]) -> Vec<f64> {
    cells
        .iter()
        .map(|cell| cell.parse().unwrap_or(f64::NAN))
        .collect()
}

/// The displacements of a species between two frames, with that of the centre of mass taken off.
fn displacements(from: &Configuration, to: &Configuration, species: usize) -> Vec<[f64; 3]> {
    let count = from.positions.len() as f64;
    let difference = |i: usize, k: usize| to.positions[i][k] - from.positions[i][k];
    let all = 0..from.positions.len();
    let drift: [f64; 3] =
        std::array::from_fn(|k| all.clone().map(|i| difference(i, k)).sum::<f64>() / count);
    all.filter(|&i| from.species[i] == species)
        .map(|i| std::array::from_fn(|k| difference(i, k) - drift[k]))
        .collect()
}

/// All pairs of frames at each lag, one by one.
pub(crate) fn check_against_brute_force<const D: usize>(
    frames: &[Configuration],
    output: &Path,
    wave_number: f64,
    radius: f64,
) {
    let found = table(&output.join("correlations.csv"));
    let column = |name: &str| numbers(&found[name]);
    let cell: [[f64; D]; D] =
        std::array::from_fn(|k| std::array::from_fn(|l| frames[0].cell[k][l]));
    let width = WaveVectors::default_width(&cell, wave_number).unwrap();
    let shell = WaveVectors::shell(&cell, wave_number, width).unwrap();
    let vectors = shell.limited_to(30).vectors();
    assert!(found["species"].len() > 20);
    for row in 0..found["species"].len() {
        let species = usize::from(found["species"][row] == "2" || found["species"][row] == "B");
        let lag: u64 = found["steps"][row].parse().unwrap();
        let mut means = [0.0; 4];
        let mut origins = 0.0;
        for (from, start) in frames.iter().zip(STEPS) {
            for (to, end) in frames.iter().zip(STEPS) {
                if start + lag != end {
                    continue;
                }
                origins += 1.0;
                let moved = displacements(from, to, species);
                let count = moved.len() as f64;
                for r in &moved {
                    let square: f64 = r.iter().map(|x| x * x).sum();
                    let phase = |q: &[f64; D]| (0..D).map(|k| q[k] * r[k]).sum::<f64>().cos();
                    let wave = vectors.iter().map(phase).sum::<f64>() / vectors.len() as f64;
                    let near = f64::from(u8::from(square < radius * radius));
                    for (mean, value) in means.iter_mut().zip([square, square * square, wave, near])
                    {
                        *mean += value / count;
                    }
                }
            }
        }
        let [square, quartic, wave, near] = means.map(|sum| sum / origins);
        assert_eq!(column("origins")[row], origins);
        assert_close(column("time")[row], 0.5 * lag as f64, 1e-14);
        // Positions of up to 20 are known to 1e-15 of that, wrapped and back; displacements of 0.05 to 1e-13, their squares too.
        assert_close(column("msd")[row], square, 1e-11);
        let alpha = D as f64 * quartic / ((D as f64 + 2.0) * square * square) - 1.0;
        assert!((column("alpha_2")[row] - alpha).abs() < 1e-10);
        assert!((column("F_s")[row] - wave).abs() < 1e-11);
        assert!((column("overlap")[row] - near).abs() < 1e-12);
    }
}
