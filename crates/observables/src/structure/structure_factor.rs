//! The partial structure factors `S_ab(q)`, accumulated while a trajectory runs.

use crate::lattice::Lattice;
use crate::structure::peak::{Peak, PeakError, first_peak};
use crate::structure::waves::Waves;
use crate::structure::{
    StructureError, cell_from_rows, check_frame, count_species, standard_error, vectorised,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::ops::Range;

/// Rows of wave vectors that a thread takes at a time. Powers of phases are computed anew for each group.
const GROUP: usize = 120;

/// Accumulates the partial structure factors
///
/// ```text
/// S_ab(q) = 1/N < Re rho_a(q) rho_b(-q) >,   rho_a(q) = sum_{i in a} e^(i q . r_i),
/// ```
///
/// over all wave vectors of the periodic cell with `0 < |q| <= longest`, in bins of `|q|`. With this normalisation
/// they add up to the total one, `S = sum_ab S_ab`, and `S_ab -> c_a delta_ab` at large `q`, with `c_a = N_a/N`. Others:
///
/// ```text
/// Ashcroft and Langreth:  S_ab / sqrt(c_a c_b)
/// Faber and Ziman:        1 + (S_ab - c_a delta_ab) / (c_a c_b)
/// Bhatia and Thornton:    S_NN = S,   S_CC = c_b^2 S_aa + c_a^2 S_bb - 2 c_a c_b S_ab,
///                         S_NC = c_b S_aa - c_a S_bb + (c_b - c_a) S_ab
/// ```
///
/// (the last in a mixture of two). The first two are methods of [`PartialStructureFactor`].
///
/// Only `D` phases of a particle are transcendental functions; `e^(i q . r)` is a product of their powers. Work is
/// shared among the threads of the `rayon` pool that the caller installs; the bits do not depend on it.
///
/// # Examples
///
/// ```
/// use vitreous_observables::StructureFactor;
///
/// // A square lattice: S = N at its reciprocal vectors, 0 elsewhere.
/// let cell = [[4.0, 0.0], [0.0, 4.0]];
/// let positions: Vec<[f64; 2]> =
///     (0..16).map(|i| [f64::from(i / 4), f64::from(i % 4)]).collect();
/// let mut accumulator = StructureFactor::new(&cell, &[0; 16], 7.0, 0.1)?;
/// accumulator.push(&positions)?;
/// let result = accumulator.finish();
/// let place = result.wave_numbers.iter().position(|q| (q - std::f64::consts::TAU).abs() < 1e-12);
/// assert!((result.total.values[place.unwrap()] - 16.0).abs() < 1e-12);
/// assert!(result.total.values[0].abs() < 1e-12);
/// # Ok::<(), vitreous_observables::StructureError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct StructureFactor<const D: usize> {
    lattice: Lattice<D>,
    species: Vec<u8>,
    /// The number of particles of each species.
    numbers: Vec<usize>,
    longest: f64,
    width: f64,
    waves: Waves<D>,
    /// The bin of each wave vector: one of those that are not empty.
    bins: Vec<u32>,
    /// The mean `|q|` of each bin, and how many wave vectors it has, `+q` and `-q` counted.
    wave_numbers: Vec<f64>,
    vectors: Vec<usize>,
    /// The run that is being accumulated comes last.
    runs: Vec<Sums>,
}

/// `values[pair * bins + bin]`: sums over frames, for pairs in the order 00, 01, ..., 11, ...
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Sums {
    frames: u64,
    values: Vec<f64>,
}

/// What is serialised; the rest follows from it.
#[derive(Serialize, Deserialize)]
struct Stored {
    cell: Vec<Vec<f64>>,
    species: Vec<u8>,
    longest: f64,
    width: f64,
    runs: Vec<Sums>,
}

impl<const D: usize> From<StructureFactor<D>> for Stored {
    fn from(accumulator: StructureFactor<D>) -> Self {
        let rows = accumulator.lattice.rows;
        Self {
            cell: rows.iter().map(|row| row.to_vec()).collect(),
            species: accumulator.species,
            longest: accumulator.longest,
            width: accumulator.width,
            runs: accumulator.runs,
        }
    }
}

impl<const D: usize> TryFrom<Stored> for StructureFactor<D> {
    type Error = StructureError;

    fn try_from(stored: Stored) -> Result<Self, StructureError> {
        let cell = cell_from_rows(&stored.cell)?;
        let mut accumulator = Self::new(&cell, &stored.species, stored.longest, stored.width)?;
        let length = accumulator.runs[0].values.len();
        if stored.runs.is_empty() || stored.runs.iter().any(|run| run.values.len() != length) {
            let difference = "numbers of bins and of stored sums";
            return Err(StructureError::Incompatible { difference });
        }
        accumulator.runs = stored.runs;
        Ok(accumulator)
    }
}

impl<const D: usize> StructureFactor<D> {
    /// An empty accumulator for particles of the given species (length `N`, indices that count from 0), in a cell with
    /// the lattice vectors as rows: wave numbers up to `longest`, in bins of `width` (both inverse lengths).
    ///
    /// The wave vectors of a cell of edge `L` lie on a lattice of spacing `2 pi/L`, but their magnitudes are much denser,
    /// except for the smallest: bins may be narrower than that. Empty bins are left out.
    ///
    /// # Errors
    ///
    /// If the cell has no volume, there is no wave vector up to `longest` or far too many, the width is not
    /// positive, or a species has no particles.
    pub fn new(
        cell: &[[f64; D]; D],
        species: &[u8],
        longest: f64,
        width: f64,
    ) -> Result<Self, StructureError> {
        let numbers = count_species(species)?;
        let lattice = Lattice::new(cell)?;
        // The integers up to the bounds that a search goes through, at least as many as there are wave vectors.
        let searched: f64 = lattice
            .rows
            .iter()
            .map(|row| 1.0 + 2.0 * (longest * crate::lattice::norm(row) / TAU).floor())
            .product();
        let refused = |vectors| StructureError::InvalidWaveNumbers {
            longest,
            width,
            vectors,
        };
        let sensible = longest > 0.0 && width > 0.0 && longest / width < 1e6;
        if !sensible || searched.is_nan() || searched > 1e8 {
            return Err(refused(searched));
        }
        let waves = Waves::new(&lattice, longest);
        if waves.magnitudes.is_empty() {
            return Err(refused(0.0));
        }
        let number = (longest / width) as usize + 1;
        let (mut sums, mut vectors) = (vec![0.0; number], vec![0; number]);
        let mut bins: Vec<u32> = Vec::with_capacity(waves.magnitudes.len());
        for &magnitude in &waves.magnitudes {
            let bin = ((magnitude / width) as usize).min(number - 1);
            sums[bin] += magnitude;
            vectors[bin] += 2;
            bins.push(bin as u32);
        }
        // Number the bins that are not empty.
        let mut filled = 0;
        let numbering: Vec<u32> = vectors
            .iter()
            .map(|&vectors| {
                let number = filled;
                filled += u32::from(vectors > 0);
                number
            })
            .collect();
        for bin in &mut bins {
            *bin = numbering[*bin as usize];
        }
        let wave_numbers = sums
            .iter()
            .zip(&vectors)
            .filter(|&(_, &vectors)| vectors > 0)
            .map(|(sum, &vectors)| 2.0 * sum / f64::from(vectors))
            .collect();
        let vectors = vectors
            .iter()
            .filter(|&&v| v > 0)
            .map(|&v| v as usize)
            .collect();
        let mut accumulator = Self {
            lattice,
            species: species.to_vec(),
            numbers,
            longest,
            width,
            waves,
            bins,
            wave_numbers,
            vectors,
            runs: Vec::new(),
        };
        accumulator.begin_run();
        Ok(accumulator)
    }

    /// Adds the density waves of a frame: positions `N x D`, folded or not, in the order of the species given at
    /// construction.
    ///
    /// # Errors
    ///
    /// If the number of particles is wrong or a coordinate is not finite. The accumulator is then unchanged.
    pub fn push(&mut self, positions: &[[f64; D]]) -> Result<(), StructureError> {
        check_frame(positions, self.species.len())?;
        let mut phases: Vec<Vec<[[f64; 2]; D]>> = self
            .numbers
            .iter()
            .map(|&number| Vec::with_capacity(number))
            .collect();
        for (position, &species) in positions.iter().zip(&self.species) {
            phases[usize::from(species)].push(self.lattice.folded(position).map(|fraction| {
                let (sin, cos) = libm::sincos(TAU * fraction);
                [cos, sin]
            }));
        }
        let phases: Vec<&[[[f64; 2]; D]]> = phases.iter().map(Vec::as_slice).collect();
        let rows = self.waves.rows();
        let parts: Vec<Vec<f64>> = (0..rows.div_ceil(GROUP))
            .into_par_iter()
            .map(|group| {
                let mut sums = vec![0.0; self.pairs() * self.vectors.len()];
                vectorised(AddProducts {
                    accumulator: self,
                    rows: group * GROUP..((group + 1) * GROUP).min(rows),
                    phases: &phases,
                    sums: &mut sums,
                });
                sums
            })
            .collect();
        let bins = self.vectors.len();
        let particles = self.species.len() as f64;
        if let Some(run) = self.runs.last_mut() {
            run.frames += 1;
            for (place, value) in run.values.iter_mut().enumerate() {
                let sum: f64 = parts.iter().map(|part| part[place]).sum();
                // Both +q and -q were counted as vectors, one was summed.
                *value += 2.0 * sum / (self.vectors[place % bins] as f64 * particles);
            }
        }
        Ok(())
    }

    /// The number of pairs of species.
    fn pairs(&self) -> usize {
        self.numbers.len() * (self.numbers.len() + 1) / 2
    }

    /// Frames that are pushed from now on belong to a new run, or to a new block of one that is long: standard errors
    /// come from the scatter of runs. Has no effect before the first frame of a run.
    pub fn begin_run(&mut self) {
        if self.runs.last().is_none_or(|run| run.frames > 0) {
            self.runs.push(Sums {
                frames: 0,
                values: vec![0.0; self.pairs() * self.vectors.len()],
            });
        }
    }

    /// Takes over the runs of another accumulator of the same set-up. They come before this one's, whose last run may
    /// go on. Merging only joins lists of runs: it is associative to the last bit.
    ///
    /// # Errors
    ///
    /// If the cells, the numbers of particles of each species, or the bins differ.
    pub fn merge(&mut self, other: Self) -> Result<(), StructureError> {
        let difference = if self.lattice != other.lattice {
            "cells"
        } else if self.numbers != other.numbers {
            "numbers of particles of each species"
        } else if self.longest != other.longest || self.width != other.width {
            "wave numbers or widths of bins"
        } else {
            let finished = other.runs.into_iter().filter(|run| run.frames > 0);
            self.runs.splice(..0, finished);
            return Ok(());
        };
        Err(StructureError::Incompatible { difference })
    }

    /// The structure factors over all frames, each with the same weight; zero without any frame.
    pub fn finish(&self) -> StructureFactors {
        self.factors(&self.runs.iter().collect::<Vec<_>>())
    }

    /// The structure factors of each run by itself, those without frames left out.
    pub fn finish_runs(&self) -> Vec<StructureFactors> {
        self.runs
            .iter()
            .filter(|run| run.frames > 0)
            .map(|run| self.factors(&[run]))
            .collect()
    }

    /// The first peak of `S_aa(q)` of a species: `q_max` of the paper for its largest species.
    ///
    /// See [`first_peak`] for the fit. With two runs or more, the standard errors are jackknife estimates from fits that
    /// leave one run out; with one, they are those of the fit.
    ///
    /// # Errors
    ///
    /// If there is no peak inside the range of wave numbers, or no such species.
    pub fn first_peak(&self, species: usize) -> Result<Peak, PeakError> {
        let Some(&number) = self.numbers.get(species) else {
            let known = self.numbers.len();
            return Err(PeakError::UnknownSpecies { species, known });
        };
        let scale = self.species.len() as f64 / number as f64;
        let weights: Vec<f64> = self.vectors.iter().map(|&vectors| vectors as f64).collect();
        let fit = |runs: &[&Sums]| {
            let factors = self.factors(runs);
            let partial = factors
                .partial
                .iter()
                .find(|partial| partial.species == [species; 2]);
            let values: Vec<f64> = partial
                .map_or(&[][..], |partial| &partial.values)
                .iter()
                .map(|value| value * scale)
                .collect();
            first_peak(&self.wave_numbers, &values, &weights)
        };
        let runs: Vec<&Sums> = self.runs.iter().filter(|run| run.frames > 0).collect();
        let mut peak = fit(&runs)?;
        if runs.len() > 1 {
            let mut without = Vec::with_capacity(runs.len());
            for left_out in 0..runs.len() {
                let mut others = runs.clone();
                others.remove(left_out);
                without.push(fit(&others)?);
            }
            let jackknife = |value: &dyn Fn(&Peak) -> f64| {
                let n = without.len() as f64;
                let mean = without.iter().map(value).sum::<f64>() / n;
                let spread: f64 = without
                    .iter()
                    .map(|peak| (value(peak) - mean) * (value(peak) - mean))
                    .sum();
                libm::sqrt((n - 1.0) / n * spread)
            };
            peak.wave_number_error = jackknife(&|peak| peak.wave_number);
            peak.height_error = jackknife(&|peak| peak.height);
        }
        Ok(peak)
    }

    fn factors(&self, runs: &[&Sums]) -> StructureFactors {
        let runs: Vec<&Sums> = runs.iter().copied().filter(|run| run.frames > 0).collect();
        let frames: u64 = runs.iter().map(|run| run.frames).sum();
        let (species, bins) = (self.numbers.len(), self.vectors.len());
        let concentration =
            |species: usize| self.numbers[species] as f64 / self.species.len() as f64;
        // A combination of pairs, and its error from the scatter of the same combination over runs.
        let series = |weights: &[f64]| {
            let mut factor = (Vec::with_capacity(bins), Vec::with_capacity(bins));
            for bin in 0..bins {
                let value = |run: &Sums| -> f64 {
                    let pairs = weights.iter().enumerate();
                    pairs
                        .map(|(pair, weight)| weight * run.values[pair * bins + bin])
                        .sum()
                };
                let mean = if frames == 0 {
                    0.0
                } else {
                    runs.iter().map(|run| value(run)).sum::<f64>() / frames as f64
                };
                factor.0.push(mean);
                factor.1.push(standard_error(runs.iter().map(|run| {
                    let share = run.frames as f64 / frames as f64;
                    (share, value(run) / run.frames as f64 - mean)
                })));
            }
            factor
        };
        let mut partial = Vec::new();
        let mut weights = Vec::new();
        for a in 0..species {
            for b in a..species {
                let mut only = vec![0.0; self.pairs()];
                only[partial.len()] = 1.0;
                let (values, standard_errors) = series(&only);
                partial.push(PartialStructureFactor {
                    species: [a, b],
                    concentrations: [concentration(a), concentration(b)],
                    values,
                    standard_errors,
                });
                weights.push(if a == b { 1.0 } else { 2.0 });
            }
        }
        let (values, standard_errors) = series(&weights);
        StructureFactors {
            frames,
            runs: runs.len(),
            wave_numbers: self.wave_numbers.clone(),
            vectors: self.vectors.clone(),
            partial,
            total: PartialStructureFactor {
                species: [0, 0],
                concentrations: [1.0, 1.0],
                values,
                standard_errors,
            },
        }
    }
}

/// Adds the products of density waves of some rows of wave vectors to sums.
struct AddProducts<'a, const D: usize> {
    accumulator: &'a StructureFactor<D>,
    rows: Range<usize>,
    phases: &'a [&'a [[[f64; 2]; D]]],
    sums: &'a mut [f64],
}

impl<const D: usize> pulp::NullaryFnOnce for AddProducts<'_, D> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self {
            accumulator,
            rows,
            phases,
            sums,
        } = self;
        let bins = accumulator.vectors.len();
        accumulator.waves.densities(
            rows,
            phases,
            #[inline(always)]
            |vector, densities| {
                let mut place = accumulator.bins[vector] as usize;
                for (a, first) in densities.iter().enumerate() {
                    for second in &densities[a..] {
                        sums[place] += first[0] * second[0] + first[1] * second[1];
                        place += bins;
                    }
                }
            },
        );
    }
}

/// What a [`StructureFactor`] has measured; every list has one entry for each bin of `|q|` that holds wave vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StructureFactors {
    /// The number of frames.
    pub frames: u64,
    /// The number of runs that have any frames.
    pub runs: usize,
    /// The mean `|q|` of each bin, an inverse length.
    pub wave_numbers: Vec<f64>,
    /// The number of wave vectors in each bin, `+q` and `-q` counted.
    pub vectors: Vec<usize>,
    /// `S_ab(q)` for `a <= b`, in the order 00, 01, ..., 11, ...
    pub partial: Vec<PartialStructureFactor>,
    /// `S(q) = sum_ab S_ab(q)`.
    pub total: PartialStructureFactor,
}

/// One structure factor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartialStructureFactor {
    /// The species `a` and `b`; means nothing for the total.
    pub species: [usize; 2],
    /// `c_a` and `c_b`; 1 and 1 for the total.
    pub concentrations: [f64; 2],
    /// `S_ab(q)`.
    pub values: Vec<f64>,
    /// The standard errors of the values over runs; `None` with one run.
    pub standard_errors: Vec<Option<f64>>,
}

impl PartialStructureFactor {
    /// The values as normalised by Ashcroft and Langreth (Phys. Rev. 156, 685 (1967)), `S_ab/sqrt(c_a c_b)`: they tend to
    /// `delta_ab` at large `q`.
    pub fn ashcroft_langreth(&self) -> Vec<f64> {
        let [first, second] = self.concentrations;
        let scale = 1.0 / libm::sqrt(first * second);
        self.values.iter().map(|value| scale * value).collect()
    }

    /// The values as normalised by Faber and Ziman (Phil. Mag. 11, 153 (1965)), `1 + (S_ab - c_a delta_ab)/(c_a c_b)`: they
    /// tend to 1 at large `q`, and are `1 + rho` times the Fourier transform of `g_ab - 1`.
    pub fn faber_ziman(&self) -> Vec<f64> {
        let [first, second] = self.concentrations;
        let same = if self.species[0] == self.species[1] {
            first
        } else {
            0.0
        };
        let convert = |value: &f64| 1.0 + (value - same) / (first * second);
        self.values.iter().map(convert).collect()
    }
}

#[cfg(test)]
mod tests;
