//! Configurations made for the tests, as text.

use std::fmt::Write;
use std::path::Path;

/// Particles in a cell; in two dimensions z is 0.
#[derive(Clone)]
pub(crate) struct Configuration {
    pub(crate) dimension: usize,
    /// Lattice vectors, in rows.
    pub(crate) cell: [[f64; 3]; 3],
    pub(crate) positions: Vec<[f64; 3]>,
    /// The index of the species: A is 0, B is 1.
    pub(crate) species: Vec<usize>,
}

/// A source of random numbers between 0 and 1 (`SplitMix64`).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Configuration {
    /// A mixture on a jittered lattice at a density. Some particles are outside of the cell.
    pub(crate) fn mixture(
        dimension: usize,
        particles: usize,
        density: f64,
        share_of_a: f64,
        seed: u64,
    ) -> Self {
        let mut random = Random(seed);
        let edge = (particles as f64 / density).powf(1.0 / dimension as f64);
        let mut sites = 1_usize;
        while sites.pow(dimension as u32) < particles {
            sites += 1;
        }
        let spacing = edge / sites as f64;
        let total = sites.pow(dimension as u32);
        let mut configuration = Self {
            dimension,
            cell: [[0.0; 3]; 3],
            positions: Vec::new(),
            species: Vec::new(),
        };
        for k in 0..3 {
            configuration.cell[k][k] = if k < dimension { edge } else { 1.0 };
        }
        for particle in 0..particles {
            // Sites are filled evenly.
            let site = particle * total / particles;
            let mut position = [0.0; 3];
            for (k, component) in position.iter_mut().enumerate().take(dimension) {
                let along = (site / sites.pow(k as u32)) % sites;
                *component = (along as f64 + 0.1 * (2.0 * random.next() - 1.0)) * spacing;
            }
            configuration.positions.push(position);
            configuration
                .species
                .push(usize::from(random.next() >= share_of_a));
        }
        configuration
    }

    /// A perfect face-centred cubic crystal of species B with nearest neighbours at 2^(1/6): density 1.
    pub(crate) fn face_centred_cubic(cubes: usize) -> Self {
        let edge = 2.0_f64.powf(2.0 / 3.0);
        let mut crystal = Self {
            dimension: 3,
            cell: [[0.0; 3]; 3],
            positions: Vec::new(),
            species: vec![1; 4 * cubes.pow(3)],
        };
        for k in 0..3 {
            crystal.cell[k][k] = edge * cubes as f64;
        }
        for cube in 0..cubes.pow(3) {
            let corner = [cube % cubes, cube / cubes % cubes, cube / cubes / cubes];
            for site in [
                [0.0, 0.0, 0.0],
                [0.5, 0.5, 0.0],
                [0.5, 0.0, 0.5],
                [0.0, 0.5, 0.5],
            ] {
                let position = std::array::from_fn(|k| edge * (corner[k] as f64 + site[k]));
                crystal.positions.push(position);
            }
        }
        crystal
    }

    /// Simple shear: x grows by `strain * y`.
    pub(crate) fn sheared(mut self, strain: f64) -> Self {
        for vector in self.cell.iter_mut().chain(&mut self.positions) {
            vector[0] += strain * vector[1];
        }
        self
    }

    pub(crate) fn volume(&self) -> f64 {
        let [a, b, c] = self.cell;
        a[0] * (b[1] * c[2] - b[2] * c[1])
            + a[1] * (b[2] * c[0] - b[0] * c[2])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
    }

    /// As extended XYZ with more on the comment line, such as ` pbc="T T T"`.
    pub(crate) fn text_with(&self, more: &str) -> String {
        let lattice: Vec<String> = self.cell.iter().flatten().map(f64::to_string).collect();
        let mut text = format!(
            "{}\nLattice=\"{}\" Properties=species:S:1:pos:R:3{more}\n",
            self.positions.len(),
            lattice.join(" ")
        );
        for ([x, y, z], species) in self.positions.iter().zip(&self.species) {
            writeln!(text, "{} {x} {y} {z}", ["A", "B"][*species]).unwrap();
        }
        text
    }

    /// As extended XYZ.
    pub(crate) fn text(&self) -> String {
        let periodic = if self.dimension == 2 {
            "T T F"
        } else {
            "T T T"
        };
        self.text_with(&format!(" pbc=\"{periodic}\""))
    }

    pub(crate) fn write(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(name), self.text()).unwrap();
    }

    /// Reads the positions and species of a file that the program wrote, in the cell of this configuration.
    pub(crate) fn read_positions(&self, folder: &Path, name: &str) -> Self {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let rows = text.lines().skip(2).map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let species = usize::from(words[0] == "B");
            (species, [1, 2, 3].map(|k| words[k].parse().unwrap()))
        });
        let (species, positions) = rows.unzip();
        Self {
            positions,
            species,
            ..self.clone()
        }
    }
}
