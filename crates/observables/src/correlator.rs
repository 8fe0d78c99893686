//! Self correlations of a trajectory, accumulated while it runs.

use crate::schedule::LogSchedule;
use crate::serde_arrays;
use crate::wave_vectors::WaveVectors;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Accumulates, for each species and each lag `t` of a [`LogSchedule`], over many time origins,
///
/// - the mean squared displacement `<r^2>`,
/// - the mean quartic displacement `<r^4>`, for the non-Gaussian parameter
///   `alpha_2 = D <r^4> / ((D + 2) <r^2>^2) - 1`,
/// - the self part of the intermediate scattering function `F_s(q, t) = <1/n_q sum_q cos(q . r)>`,
///
/// where `r` is the displacement of a particle over the lag, with the displacement of the centre of mass of
/// all particles (equal masses) taken off, and `<...>` averages over the particles of the species and over
/// the origins.
///
/// The driver asks [`next_step`](Self::next_step) when the next frame is needed, integrates up to there
/// without interruption, and calls [`push`](Self::push). Steps count from the start of the production run;
/// a new origin is taken at every multiple of the origin interval, 0 included. Only origins that are younger
/// than the longest lag are kept. The accumulator can be serialised at any moment, for instance into a
/// check-point, and continues from the copy to the same bits (the format must keep every bit of an `f64`; `serde_json`
/// does so with its feature `float_roundtrip`).
///
/// Independent runs are accumulated separately and [merged](Self::merge).
///
/// Source: the paper, Sec. II B; lags and averages as in its Fig. 4 (a1)-(d1) and Fig. 9.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{LogSchedule, SelfCorrelator, WaveVectors};
///
/// let cell = [[6.0, 0.0], [0.0, 6.0]];
/// let wave_vectors = WaveVectors::shell(&cell, 6.0, 1.0)?;
/// let mut correlator = SelfCorrelator::new(&[0, 0], vec![wave_vectors], LogSchedule::new(1, 8, 3)?, 4)?;
/// while correlator.next_step() <= 40 {
///     let step = correlator.next_step();
///     // Two particles fly apart at speed 0.1 per step, on a centre of mass that moves at 5.
///     let (drift, flight) = (5.0 * step as f64, 0.1 * step as f64);
///     correlator.push(step, &[[drift + flight, 0.0], [drift - flight, 1.0]])?;
/// }
/// let result = correlator.finish();
/// assert_eq!(result.steps, [1, 2, 4, 8]);
/// assert!((result.species[0].mean_squared_displacement.values[3] - 0.64).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfCorrelator<const D: usize> {
    schedule: LogSchedule,
    origin_interval: u64,
    wave_vectors: Vec<WaveVectors<D>>,
    /// The particles in the order of their species.
    order: Vec<usize>,
    /// The number of particles of each species.
    counts: Vec<usize>,
    last_step: Option<u64>,
    origins: VecDeque<Origin<D>>,
    /// The run that is being accumulated comes first, then those that were merged into it.
    runs: Vec<Run>,
}

/// A frame that displacements are measured from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Origin<const D: usize> {
    step: u64,
    /// In the order of the species, relative to the centre of mass.
    #[serde(with = "serde_arrays")]
    positions: Vec<[f64; D]>,
}

/// The blocks of one run, those that have any origins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Run {
    blocks: Vec<Block>,
}

/// Sums over the origins from `number` to `number + 1` times the longest lag: `moments[species * lags + lag]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Block {
    number: u64,
    moments: Vec<Moments>,
}

/// Sums over origins of averages over particles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Moments {
    origins: u64,
    squared: f64,
    quartic: f64,
    scattering: f64,
}

impl Moments {
    fn sum<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        parts.fold(Self::default(), |mut sum, part| {
            sum.origins += part.origins;
            sum.squared += part.squared;
            sum.quartic += part.quartic;
            sum.scattering += part.scattering;
            sum
        })
    }
}

/// What a [`SelfCorrelator`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorrelatorError {
    /// The interval between origins is zero.
    #[error("the interval between origins is zero steps: give at least one step")]
    ZeroInterval,
    /// A particle belongs to a species without wave vectors.
    #[error(
        "particle {particle} has species {species}, but wave vectors are given for {given} species"
    )]
    UnknownSpecies {
        /// The index of the particle.
        particle: usize,
        /// Its species.
        species: u8,
        /// The number of species with wave vectors.
        given: usize,
    },
    /// Wave vectors are given for a species that no particle belongs to.
    #[error(
        "species {species} has wave vectors but no particles: number the species from 0 without gaps"
    )]
    EmptySpecies {
        /// The species.
        species: usize,
    },
    /// A frame came at a step that is not the one asked for.
    #[error("a frame of step {given} was pushed, but next_step() asks for step {expected}")]
    UnexpectedStep {
        /// The step that `next_step` returns.
        expected: u64,
        /// The step that was pushed.
        given: u64,
    },
    /// A frame has the wrong number of particles.
    #[error("the frame of step {step} has {given} particles instead of {expected}")]
    ParticleCount {
        /// The step of the frame.
        step: u64,
        /// The number of particles at construction.
        expected: usize,
        /// The number of particles in the frame.
        given: usize,
    },
    /// A coordinate is infinite or not a number.
    #[error(
        "at step {step} the position of particle {particle} is not finite: the run has blown up"
    )]
    NotFinite {
        /// The step of the frame.
        step: u64,
        /// The index of the particle.
        particle: usize,
    },
    /// Two accumulators that measure different things cannot be merged.
    #[error("the accumulators differ in their {difference}: merge runs of one and the same set-up")]
    Incompatible {
        /// What differs.
        difference: &'static str,
    },
}

impl<const D: usize> SelfCorrelator<D> {
    /// An empty accumulator for particles of the given species (length `N`).
    ///
    /// `wave_vectors[s]` are those of species `s`; `origin_interval` is in steps.
    ///
    /// # Errors
    ///
    /// If the interval is zero, or the species of the particles and of the wave vectors do not match.
    pub fn new(
        species: &[u8],
        wave_vectors: Vec<WaveVectors<D>>,
        schedule: LogSchedule,
        origin_interval: u64,
    ) -> Result<Self, CorrelatorError> {
        if origin_interval == 0 {
            return Err(CorrelatorError::ZeroInterval);
        }
        let mut counts = vec![0; wave_vectors.len()];
        for (particle, &species) in species.iter().enumerate() {
            let given = wave_vectors.len();
            *counts
                .get_mut(usize::from(species))
                .ok_or(CorrelatorError::UnknownSpecies {
                    particle,
                    species,
                    given,
                })? += 1;
        }
        if let Some(species) = counts.iter().position(|&count| count == 0) {
            return Err(CorrelatorError::EmptySpecies { species });
        }
        let mut order: Vec<usize> = (0..species.len()).collect();
        order.sort_by_key(|&particle| species[particle]);
        Ok(Self {
            schedule,
            origin_interval,
            wave_vectors,
            order,
            counts,
            last_step: None,
            origins: VecDeque::new(),
            runs: vec![Run::default()],
        })
    }

    /// The next step at which positions are needed: the next origin, or the next lag of an origin,
    /// whichever comes first. Zero before the first frame.
    pub fn next_step(&self) -> u64 {
        let Some(last) = self.last_step else {
            return 0;
        };
        let next_origin = (last / self.origin_interval + 1) * self.origin_interval;
        self.origins
            .iter()
            .filter_map(|origin| Some(origin.step + self.schedule.after(last - origin.step)?))
            .fold(next_origin, u64::min)
    }

    /// Accumulates the frame of a step: unwrapped positions, `N x D`, in the order of the species given at
    /// construction.
    ///
    /// # Errors
    ///
    /// If `step` is not [`next_step`](Self::next_step), the number of particles is wrong, or a coordinate is
    /// not finite. The accumulator is then unchanged.
    pub fn push(&mut self, step: u64, positions: &[[f64; D]]) -> Result<(), CorrelatorError> {
        let expected = self.next_step();
        if step != expected {
            return Err(CorrelatorError::UnexpectedStep {
                expected,
                given: step,
            });
        }
        let frame = self.centred(step, positions)?;
        let mut displacements = vec![[0.0; D]; frame.len()];
        for index in 0..self.origins.len() {
            let origin = &self.origins[index];
            let Some(lag) = self.schedule.position(step - origin.step) else {
                continue;
            };
            for ((displacement, end), start) in
                displacements.iter_mut().zip(&frame).zip(&origin.positions)
            {
                *displacement = std::array::from_fn(|k| end[k] - start[k]);
            }
            self.accumulate(origin.step, lag, &displacements);
        }
        if step.is_multiple_of(self.origin_interval) {
            self.origins.push_back(Origin {
                step,
                positions: frame,
            });
        }
        let longest = self.schedule.longest();
        self.origins.retain(|origin| step - origin.step < longest);
        self.last_step = Some(step);
        Ok(())
    }

    /// Takes over the results of independent runs of the same set-up.
    ///
    /// This accumulator may go on with its own run; the runs of `other` are kept as they are, and its
    /// unfinished origins are dropped. Merging only appends to a list of runs: it is associative to the
    /// last bit.
    ///
    /// # Errors
    ///
    /// If the schedules, the numbers of particles of each species or the wave vectors differ.
    pub fn merge(&mut self, other: Self) -> Result<(), CorrelatorError> {
        let difference = if self.schedule != other.schedule {
            "schedules"
        } else if self.counts != other.counts {
            "numbers of particles of each species"
        } else if self.wave_vectors != other.wave_vectors {
            "wave vectors"
        } else {
            self.runs.extend(other.runs);
            return Ok(());
        };
        Err(CorrelatorError::Incompatible { difference })
    }

    /// The correlations over all runs, each origin with the same weight.
    ///
    /// Lags that no origin has reached yet are left out. See [`Series`] for the standard errors.
    pub fn finish(&self) -> SelfCorrelations {
        self.correlations(&self.runs.iter().collect::<Vec<_>>())
    }

    /// The correlations of each run by itself, in the order of merging, for intervals over runs.
    pub fn finish_runs(&self) -> Vec<SelfCorrelations> {
        self.runs
            .iter()
            .map(|run| self.correlations(&[run]))
            .collect()
    }

    /// Positions in the order of the species, relative to the centre of mass.
    fn centred(&self, step: u64, positions: &[[f64; D]]) -> Result<Vec<[f64; D]>, CorrelatorError> {
        let expected = self.order.len();
        if positions.len() != expected {
            return Err(CorrelatorError::ParticleCount {
                step,
                expected,
                given: positions.len(),
            });
        }
        let mut centre = [0.0; D];
        for (particle, position) in positions.iter().enumerate() {
            for k in 0..D {
                if !position[k].is_finite() {
                    return Err(CorrelatorError::NotFinite { step, particle });
                }
                centre[k] += position[k] / expected as f64;
            }
        }
        Ok(self
            .order
            .iter()
            .map(|&particle| std::array::from_fn(|k| positions[particle][k] - centre[k]))
            .collect())
    }

    fn accumulate(&mut self, origin: u64, lag: usize, displacements: &[[f64; D]]) {
        let lags = self.schedule.lags().len();
        let number = origin / self.schedule.longest();
        let blocks = &mut self.runs[0].blocks;
        // An origin of the last but one block may still be waiting for its long lags.
        let place = blocks.iter().rposition(|block| block.number == number);
        let place = place.unwrap_or_else(|| {
            blocks.push(Block {
                number,
                moments: vec![Moments::default(); lags * self.counts.len()],
            });
            blocks.len() - 1
        });
        let mut rest = displacements;
        for (species, &count) in self.counts.iter().enumerate() {
            let (own, others) = rest.split_at(count);
            rest = others;
            let (mut squared, mut quartic) = (0.0, 0.0);
            for displacement in own {
                let square: f64 = displacement.iter().map(|x| x * x).sum();
                squared += square;
                quartic += square * square;
            }
            let moments = &mut blocks[place].moments[species * lags + lag];
            moments.origins += 1;
            moments.squared += squared / count as f64;
            moments.quartic += quartic / count as f64;
            moments.scattering += self.wave_vectors[species].mean_cosine(own);
        }
    }

    fn correlations(&self, runs: &[&Run]) -> SelfCorrelations {
        let lags = self.schedule.lags();
        let mut steps = Vec::new();
        let mut species = vec![SpeciesCorrelations::default(); self.counts.len()];
        for (lag, &step) in lags.iter().enumerate() {
            for (index, correlations) in species.iter_mut().enumerate() {
                let place = index * lags.len() + lag;
                let blocks = |run: &'_ &Run| -> Vec<Moments> {
                    run.blocks
                        .iter()
                        .map(|block| block.moments[place])
                        .collect()
                };
                let per_run: Vec<Moments> = runs
                    .iter()
                    .map(|run| Moments::sum(blocks(run).iter()))
                    .collect();
                let total = Moments::sum(per_run.iter());
                if total.origins == 0 {
                    continue;
                }
                let mut samples = if let [run] = runs {
                    blocks(run)
                } else {
                    per_run
                };
                samples.retain(|sample| sample.origins > 0);
                correlations.append::<D>(&total, &samples);
                if index == 0 {
                    steps.push(step);
                }
            }
        }
        SelfCorrelations {
            steps,
            runs: runs.len(),
            species,
        }
    }
}

/// What a [`SelfCorrelator`] has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfCorrelations {
    /// The lags, in steps of molecular dynamics, that at least one origin has reached.
    pub steps: Vec<u64>,
    /// The number of independent runs.
    pub runs: usize,
    /// The correlations of each species, with one entry for each lag.
    pub species: Vec<SpeciesCorrelations>,
}

impl SelfCorrelations {
    /// The lags as times: steps multiplied by the time step.
    pub fn times(&self, time_step: f64) -> Vec<f64> {
        self.steps
            .iter()
            .map(|&step| step as f64 * time_step)
            .collect()
    }
}

/// The self correlations of one species; every list has one entry for each lag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpeciesCorrelations {
    /// The number of time origins that were averaged over, all runs together.
    pub origins: Vec<u64>,
    /// `<r^2>`, a squared length.
    pub mean_squared_displacement: Series,
    /// `alpha_2 = D <r^4> / ((D + 2) <r^2>^2) - 1`: zero for Gaussian displacements. It is undefined, and given
    /// as zero, when nothing has moved.
    pub non_gaussian_parameter: Series,
    /// `F_s(q, t)`, between -1 and 1.
    pub self_scattering: Series,
}

/// A function of the lag, with standard errors.
///
/// The errors come from the scatter of samples `x_k`, each with a share `w_k` of the origins, about their mean
/// `x`: `sqrt(n/(n - 1) sum_k w_k^2 (x_k - x)^2)`, the usual `s/sqrt(n)` when the shares are equal. With several
/// runs the samples are the runs, which are independent. With one run they are blocks of origins as long
/// as the longest lag; neighbouring blocks are nearly independent if the longest lag is
/// several relaxation times, and otherwise the error is underestimated. With a single sample there is no
/// error, `None`. That of `alpha_2` is linearised in the two moments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The mean values.
    pub values: Vec<f64>,
    /// Their standard errors.
    pub standard_errors: Vec<Option<f64>>,
}

impl SpeciesCorrelations {
    /// Appends one lag: the sums over all origins, and the same split into samples.
    fn append<const D: usize>(&mut self, total: &Moments, samples: &[Moments]) {
        let mean = |sum: f64, moments: &Moments| sum / moments.origins as f64;
        let squared = mean(total.squared, total);
        let quartic = mean(total.quartic, total);
        let scattering = mean(total.scattering, total);
        let standard_error = |deviation: &dyn Fn(&Moments) -> f64| {
            let n = samples.len() as f64;
            let sum: f64 = samples
                .iter()
                .map(|sample| {
                    let share = sample.origins as f64 / total.origins as f64;
                    libm::pow(share * deviation(sample), 2.0)
                })
                .sum();
            (samples.len() > 1).then(|| libm::sqrt(n / (n - 1.0) * sum))
        };
        self.origins.push(total.origins);
        self.mean_squared_displacement.push(
            squared,
            standard_error(&|sample| mean(sample.squared, sample) - squared),
        );
        self.self_scattering.push(
            scattering,
            standard_error(&|sample| mean(sample.scattering, sample) - scattering),
        );
        let factor = D as f64 / (D as f64 + 2.0) / (squared * squared);
        if squared == 0.0 {
            self.non_gaussian_parameter.push(0.0, None);
        } else {
            self.non_gaussian_parameter.push(
                factor * quartic - 1.0,
                standard_error(&|sample| {
                    factor
                        * (mean(sample.quartic, sample)
                            - quartic
                            - 2.0 * quartic / squared * (mean(sample.squared, sample) - squared))
                }),
            );
        }
    }
}

impl Series {
    fn push(&mut self, value: f64, standard_error: Option<f64>) {
        self.values.push(value);
        self.standard_errors.push(standard_error);
    }
}

#[cfg(test)]
mod tests;
