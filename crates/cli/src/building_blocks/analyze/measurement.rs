//! What is measured, in passes over the trajectory.

use super::source::{Source, Survey};
use super::timeline::Timeline;
use anyhow::{Context, Result, anyhow};
use vitreous::observables::dynamics::Bins;
use vitreous::observables::relaxation::{THRESHOLD, diffusion_coefficient, relaxation_time};
use vitreous::observables::{
    CollectiveCorrelations, CollectiveCorrelator, CorrelatorError, DiffusiveWindow,
    DisplacementCorrelator, DisplacementDistributions, Frame, LogSchedule, Observable,
    OverlapCorrelations, OverlapCorrelator, PairCorrelation, PairCorrelations, Peak, PeakError,
    RelaxationError, SelfCorrelations, SelfCorrelator, StructureFactor, StructureFactors,
    WaveVectors,
};

/// Standard errors of the structure and of derived numbers come from so many stretches of the trajectory.
const STRETCHES: usize = 5;
/// Wave vectors of scattering functions, at most: as studies have by default.
const WAVE_VECTORS: usize = 30;
/// Bins of distributions of displacements.
const BINS: usize = 120;

/// The wave number that was asked for.
#[derive(Clone, Copy)]
pub(super) enum WaveNumber {
    /// The first peak of the structure factor of the most numerous species.
    Peak,
    Given(f64),
}

/// How it is measured; lengths in the units of the file.
pub(super) struct Settings {
    pub(super) range: f64,
    pub(super) bin_width: f64,
    pub(super) longest_wave_number: f64,
    pub(super) wave_number_width: f64,
    pub(super) structure_frames: usize,
    pub(super) wave_number: WaveNumber,
    pub(super) overlap_radius: f64,
    pub(super) lags_per_decade: usize,
    pub(super) longest_lag: Option<u64>,
    pub(super) origin_interval: u64,
}

/// The structure.
pub(super) struct Statics {
    pub(super) pairs: PairCorrelations,
    pub(super) factors: StructureFactors,
    /// The most numerous species, the first of those that are equally so.
    pub(super) majority: usize,
    pub(super) peak: Result<Peak, PeakError>,
}

impl Statics {
    pub(super) fn measure<const D: usize>(
        source: &Source,
        survey: &Survey<D>,
        settings: &Settings,
    ) -> Result<Self> {
        let (cell, species) = (survey.cell.vectors(), &survey.species);
        let bins = (settings.range / settings.bin_width).ceil().max(1.0) as usize;
        let mut pairs = PairCorrelation::new(cell, species, settings.range, bins)?;
        let mut factors = StructureFactor::new(
            cell,
            species,
            settings.longest_wave_number,
            settings.wave_number_width,
        )?;
        let frames = survey.frames();
        let used = settings.structure_frames.min(frames);
        let stretches = if used >= 2 * STRETCHES { STRETCHES } else { 1 };
        let mut count = 0;
        source.for_each::<D>(|index, frame| {
            // The frames at the beginning of `used` equal parts.
            if count >= used || index != count * frames / used {
                return Ok(());
            }
            if count > 0 && (0..stretches).any(|part| part * used / stretches == count) {
                pairs.begin_run();
                factors.begin_run();
            }
            pairs.push(frame.configuration.positions())?;
            factors.push(frame.configuration.positions())?;
            count += 1;
            Ok(())
        })?;
        let counts = (0..survey.labels.len()).map(|species| survey.count(species));
        let majority = counts.enumerate().rev().max_by_key(|&(_, count)| count);
        let majority = majority.map_or(0, |(species, _)| species);
        Ok(Self {
            pairs: pairs.finish(),
            peak: factors.first_peak(majority),
            factors: factors.finish(),
            majority,
        })
    }
}

/// The motion.
pub(super) struct Dynamics {
    pub(super) timeline: Timeline,
    pub(super) wave_number: f64,
    pub(super) wave_vectors: usize,
    pub(super) motion: SelfCorrelations,
    pub(super) overlap: OverlapCorrelations,
    pub(super) collective: CollectiveCorrelations,
    pub(super) displacements: DisplacementDistributions,
    /// The relaxation time of each species.
    pub(super) relaxation: Vec<Result<Estimate, RelaxationError>>,
    /// The diffusion coefficient of each species.
    pub(super) diffusion: Vec<Result<Estimate, RelaxationError>>,
}

/// A number, and its standard error if the trajectory is long enough to know it.
#[derive(Clone, Copy)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) standard_error: Option<f64>,
}

impl Estimate {
    /// A number of the whole trajectory, beside what the stretches say, each by itself.
    fn new<E>(value: f64, stretches: impl Iterator<Item = Result<f64, E>>) -> Self {
        let values: Option<Vec<f64>> = stretches.map(Result::ok).collect();
        Self {
            value,
            standard_error: values.and_then(|values| standard_error(&values)),
        }
    }
}

/// The standard error of the mean of independent values.
fn standard_error(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (count * (count - 1.0))).sqrt())
}

/// The motion within equally long stretches of the trajectory, each by itself.
struct Stretches<const D: usize> {
    first: u64,
    /// Steps of a stretch, its end included.
    length: u64,
    /// One for each stretch; none if no lag is short enough for them.
    correlators: Vec<SelfCorrelator<D>>,
}

impl<const D: usize> Stretches<D> {
    fn new(
        timeline: &Timeline,
        schedule: &LogSchedule,
        correlator: impl Fn(LogSchedule) -> Result<SelfCorrelator<D>, CorrelatorError>,
    ) -> Result<Self> {
        let length = timeline.duration() / STRETCHES as u64 + 1;
        // Longer lags have few origins in a stretch.
        let lags = schedule.lags().iter().copied();
        let short: Vec<u64> = lags.filter(|&lag| lag <= length / 2).collect();
        let correlators = if short.is_empty() {
            Vec::new()
        } else {
            vec![correlator(LogSchedule::of_lags(short)?)?; STRETCHES]
        };
        Ok(Self {
            first: timeline.steps.first().copied().unwrap_or(0),
            length,
            correlators,
        })
    }

    /// The longest lag that stretches measure.
    fn longest_lag(&self) -> u64 {
        let schedule = self.correlators.first().map(SelfCorrelator::schedule);
        schedule.map_or(0, LogSchedule::longest)
    }
}

impl<const D: usize> Observable<D> for Stretches<D> {
    fn next_step(&self) -> u64 {
        u64::MAX
    }

    fn observe(&mut self, frame: &Frame<'_, D>) -> Result<(), CorrelatorError> {
        let number = ((frame.step - self.first) / self.length) as usize;
        if let Some(before) = number
            .checked_sub(1)
            .and_then(|n| self.correlators.get_mut(n))
        {
            before.forget_origins();
        }
        let now = self.correlators.get_mut(number);
        now.map_or(Ok(()), |correlator| correlator.observe(frame))
    }
}

impl Dynamics {
    pub(super) fn measure<const D: usize>(
        source: &Source,
        survey: &Survey<D>,
        timeline: Timeline,
        statics: &Statics,
        settings: &Settings,
    ) -> Result<Self> {
        let wave_number = match settings.wave_number {
            WaveNumber::Given(wave_number) => wave_number,
            WaveNumber::Peak => match &statics.peak {
                Ok(peak) => peak.wave_number,
                Err(error) => {
                    return Err(anyhow!(
                        "{}: no peak of S(q) of species {} to take the wave number from: {error}; give --wave-number, or --structure-only",
                        source.name(),
                        survey.labels[statics.majority]
                    ));
                }
            },
        };
        let schedule = schedule(&timeline, settings)?;
        let cell = survey.cell.vectors();
        let width = WaveVectors::default_width(cell, wave_number)?;
        let shell = WaveVectors::shell(cell, wave_number, width)
            .context("--wave-number")?
            .limited_to(WAVE_VECTORS);
        let (species, interval) = (&survey.species, settings.origin_interval);
        let shells = vec![shell.clone(); survey.labels.len()];
        let self_correlator = |schedule| {
            let correlator = SelfCorrelator::new(species, shells.clone(), schedule, interval)?;
            Ok(correlator.taking_all_frames())
        };
        let mut motion = self_correlator(schedule.clone())?;
        let mut stretches = Stretches::new(&timeline, &schedule, self_correlator)?;
        let radius = settings.overlap_radius;
        let mut overlap = OverlapCorrelator::new(species, radius, schedule.clone(), interval)?
            .taking_all_frames();
        let wave_vectors = shell.len();
        let mut collective =
            CollectiveCorrelator::new(species, shell, schedule, interval)?.taking_all_frames();
        let all: &mut [&mut dyn Observable<D>] =
            &mut [&mut motion, &mut overlap, &mut collective, &mut stretches];
        observe(source, &timeline, all)?;
        let motion = motion.finish();
        let short = stretches.longest_lag();
        let stretches: Vec<_> = stretches
            .correlators
            .iter()
            .map(SelfCorrelator::finish)
            .collect();

        let relaxation: Vec<_> = (0..motion.species.len())
            .map(|species| {
                let whole = relaxation(&motion, species, &timeline)?;
                let parts = stretches
                    .iter()
                    .map(|part| relaxation(part, species, &timeline));
                Ok(Estimate::new(whole, parts))
            })
            .collect();
        let diffusion = (0..motion.species.len())
            .map(|species| {
                let of = |part, longest, window| {
                    diffusion::<D>(part, species, &timeline, longest, window)
                };
                let window = DiffusiveWindow::default();
                match of(&motion, short, window) {
                    Ok(value) => {
                        // Whether the motion is diffusive, the whole has told; one stretch is noisier.
                        let window = DiffusiveWindow {
                            tolerance: f64::INFINITY,
                            ..window
                        };
                        let parts = stretches.iter().map(|part| of(part, short, window));
                        Ok(Estimate::new(value, parts))
                    }
                    // Not diffusive so soon.
                    Err(_) => of(&motion, u64::MAX, window).map(|value| Estimate {
                        value,
                        standard_error: None,
                    }),
                }
            })
            .collect();
        let relaxed = relaxation[statics.majority].as_ref().ok();
        let relaxed = relaxed.map(|estimate| estimate.value);
        let displacements = displacements(source, survey, &timeline, &motion, relaxed, settings)?;
        Ok(Self {
            wave_number,
            wave_vectors,
            overlap: overlap.finish(),
            collective: collective.finish(),
            motion,
            displacements,
            relaxation,
            diffusion,
            timeline,
        })
    }
}

/// The relaxation time of a species.
fn relaxation(
    motion: &SelfCorrelations,
    species: usize,
    timeline: &Timeline,
) -> Result<f64, RelaxationError> {
    let times = motion.times(timeline.time_step);
    let scattering = &motion.species[species].self_scattering.values;
    relaxation_time(&times, scattering, THRESHOLD)
}

/// The diffusion coefficient of a species, from lags up to the longest.
fn diffusion<const D: usize>(
    motion: &SelfCorrelations,
    species: usize,
    timeline: &Timeline,
    longest: u64,
    window: DiffusiveWindow,
) -> Result<f64, RelaxationError> {
    let lags = motion.steps.partition_point(|&lag| lag <= longest);
    let times = &motion.times(timeline.time_step)[..lags];
    let displacement = &motion.species[species].mean_squared_displacement.values[..lags];
    let diffusion = diffusion_coefficient(times, displacement, D, window)?;
    Ok(diffusion.coefficient)
}

fn schedule(timeline: &Timeline, settings: &Settings) -> Result<LogSchedule> {
    let schedule = LogSchedule::of_frames(&timeline.steps, settings.lags_per_decade)?;
    let half = timeline.duration() / 2;
    let longest = settings
        .longest_lag
        .unwrap_or(half.max(schedule.shortest()));
    let lags = schedule
        .lags()
        .iter()
        .copied()
        .filter(|&lag| lag <= longest);
    LogSchedule::of_lags(lags.collect()).with_context(|| {
        format!(
            "--longest-lag {longest}: the shortest distance between frames is {} steps",
            schedule.shortest()
        )
    })
}

/// Shows every frame to observables.
fn observe<const D: usize>(
    source: &Source,
    timeline: &Timeline,
    observables: &mut [&mut dyn Observable<D>],
) -> Result<()> {
    source.for_each::<D>(|index, frame| {
        let step = timeline.steps[index];
        observables.observe(&Frame::new(step, frame.configuration.positions()))?;
        Ok(())
    })
}

/// The distributions at the lags nearest to `tau_alpha/10` and `tau_alpha` of the most numerous species; where it has not
/// relaxed, in the middle of the lags and at the longest.
fn displacements<const D: usize>(
    source: &Source,
    survey: &Survey<D>,
    timeline: &Timeline,
    motion: &SelfCorrelations,
    relaxation: Option<f64>,
    settings: &Settings,
) -> Result<DisplacementDistributions> {
    let measured = &motion.steps;
    let nearest = |time: f64| {
        let wanted = (time / timeline.time_step).ln();
        let distance = |lag: &u64| ((*lag as f64).ln() - wanted).abs();
        let lags = measured.iter().copied();
        lags.min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    let lags = match relaxation {
        Some(time) => [nearest(0.1 * time), nearest(time)],
        None => [
            measured.get(measured.len() / 2).copied(),
            measured.last().copied(),
        ],
    };
    let lags: Vec<u64> = lags.into_iter().flatten().collect();
    let farthest = motion.species.iter().flat_map(|species| {
        let displacements = &species.mean_squared_displacement.values;
        let at = |lag: &u64| measured.iter().position(|step| step == lag);
        lags.iter().filter_map(at).map(|index| displacements[index])
    });
    let farthest = farthest.fold(0.0, f64::max);
    let spacing = survey.spacing();
    // Four standard deviations; anything where nothing moves.
    let reach = Some(4.0 * (farthest / D as f64).sqrt()).filter(|&reach| reach > 0.0);
    let reach = reach.unwrap_or(spacing);
    let axial = Bins::new(-reach, reach, BINS)?;
    let decade = spacing.log10();
    let logarithmic = Bins::new(decade - 3.0, decade + 2.0, BINS)?;
    let schedule = LogSchedule::of_lags(lags)?;
    let mut distributions = DisplacementCorrelator::<D>::new(
        &survey.species,
        axial,
        logarithmic,
        schedule,
        settings.origin_interval,
    )?
    .taking_all_frames();
    observe(source, timeline, &mut [&mut distributions])?;
    Ok(distributions.finish())
}
