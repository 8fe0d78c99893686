//! `vitreous analyze`: trajectories of other codes.

mod measurement;
mod report;
mod source;
mod timeline;

use super::{positive_number, print};
use anyhow::{Context, Result, ensure};
use measurement::{Dynamics, Settings, Statics, WaveNumber};
use report::Report;
use source::{Selection, Source, Survey};
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use timeline::Timeline;
use vitreous::md_core::Wrapping;
use vitreous::md_core::files::extended_xyz::Labels;

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct Analyze {
    /// The trajectory: extended XYZ, LAMMPS dump or GSD, text also compressed with gzip; `-` for standard input.
    trajectory: PathBuf,
    /// The folder for results.
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// The time from one step to the next [default: as the times in the file say; without, times are in steps].
    #[arg(long, value_name = "TIME", value_parser = positive_number, allow_negative_numbers = true)]
    time_step: Option<f64>,
    /// The labels of species in another order than that of numbers, of letters, or of GSD types; all that occur.
    #[arg(long, value_name = "LABEL,LABEL,...", value_delimiter = ',')]
    species: Vec<String>,
    /// The dimension of space [default: 2 if the file says so, or all particles of a LAMMPS dump have the same z].
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=3))]
    dimension: Option<u8>,
    /// Whether positions were wrapped into the cell; `auto` believes files that say so and follows the nearest image in others.
    #[arg(long, value_enum, default_value_t = Positions::Auto)]
    positions: Positions,
    /// The first frame to use, from 0.
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    first: usize,
    /// The last frame to use, from 0 [default: the last of the file].
    #[arg(long, value_name = "INDEX")]
    last: Option<usize>,
    /// Use every so many-th frame from the first.
    #[arg(long, value_name = "COUNT", default_value = "1")]
    every: NonZeroUsize,
    /// Only the structure, g(r) and S(q): any frames of the same particles in the same cell will do.
    #[arg(long)]
    structure_only: bool,
    /// The wave number of scattering functions, an inverse length; `auto` is the first peak of S(q) of the most numerous species.
    #[arg(
        long,
        value_name = "Q",
        default_value = "auto",
        allow_negative_numbers = true
    )]
    wave_number: WaveNumber,
    /// The distance that still counts as overlap [default: 0.3 (V/N)^(1/D)].
    #[arg(long, value_name = "LENGTH", value_parser = positive_number, allow_negative_numbers = true)]
    overlap_radius: Option<f64>,
    /// How far g(r) goes [default: half of the smallest distance between faces of the cell].
    #[arg(long, value_name = "LENGTH", value_parser = positive_number, allow_negative_numbers = true)]
    range: Option<f64>,
    /// How far S(q) goes [default: 14 (N/V)^(1/D)].
    #[arg(long, value_name = "Q", value_parser = positive_number, allow_negative_numbers = true)]
    longest_wave_number: Option<f64>,
    /// At most so many frames for the structure, evenly spread.
    #[arg(long, value_name = "COUNT", default_value = "100")]
    structure_frames: NonZeroUsize,
    /// At most so many lags to a factor of ten.
    #[arg(long, value_name = "COUNT", default_value = "12")]
    lags_per_decade: NonZeroUsize,
    /// The longest lag, in steps [default: half of the trajectory]. Origins as old as this are held in memory.
    #[arg(long, value_name = "STEPS")]
    longest_lag: Option<u64>,
    /// Only frames at multiples of this are time origins, counted from the first [default: every frame].
    #[arg(long, value_name = "STEPS", default_value = "1")]
    origin_interval: std::num::NonZeroU64,
    /// The number of threads [default: all cores]. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<NonZeroUsize>,
    /// Print one JSON object in full precision.
    #[arg(long)]
    json: bool,
}

/// Whether positions were wrapped into the cell.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Positions {
    Auto,
    Wrapped,
    Unwrapped,
}

impl FromStr for WaveNumber {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Peak);
        }
        positive_number(text)
            .map(Self::Given)
            .map_err(|_| "it must be a positive number or auto".to_owned())
    }
}

impl Analyze {
    pub(crate) fn execute(&self) -> Result<()> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads.map_or(0, NonZeroUsize::get))
            .build()?;
        pool.install(|| {
            let source = self.source()?;
            match self.dimension.map_or(source.dimension(), usize::from) {
                2 => self.analyze::<2>(&source),
                _ => self.analyze::<3>(&source),
            }
        })
    }

    fn source(&self) -> Result<Source> {
        let last = self.last.unwrap_or(usize::MAX);
        ensure!(
            self.first <= last,
            "--first {} comes after --last {last}",
            self.first
        );
        let wrapping = match self.positions {
            Positions::Auto => None,
            Positions::Wrapped => Some(Wrapping::Wrapped),
            Positions::Unwrapped => Some(Wrapping::Unwrapped),
        };
        let selection = Selection {
            first: self.first,
            last,
            every: self.every.get(),
        };
        let labels = match self.species.as_slice() {
            [] => None,
            labels => Some(Labels::new(labels.iter().cloned())?),
        };
        let motion = !self.structure_only;
        Source::open(&self.trajectory, selection, labels, wrapping, motion)
    }

    fn analyze<const D: usize>(&self, source: &Source) -> Result<()> {
        let survey = Survey::<D>::of(source)?;
        let spacing = survey.spacing();
        let shortest = survey.shortest_height();
        let settings = Settings {
            range: self.range.unwrap_or(0.5 * shortest),
            bin_width: 0.02 * spacing,
            longest_wave_number: self.longest_wave_number.unwrap_or(14.0 / spacing),
            wave_number_width: 0.05 / spacing,
            structure_frames: self.structure_frames.get(),
            wave_number: self.wave_number,
            overlap_radius: self.overlap_radius.unwrap_or(0.3 * spacing),
            lags_per_decade: self.lags_per_decade.get(),
            longest_lag: self.longest_lag,
            origin_interval: self.origin_interval.get(),
        };
        fs::create_dir_all(&self.output)
            .with_context(|| format!("cannot create {}", self.output.display()))?;
        let statics = Statics::measure(source, &survey, &settings)?;
        let dynamics = if self.structure_only || survey.frames() == 1 {
            None
        } else {
            let timeline = Timeline::new(&survey, self.time_step).with_context(|| source.name())?;
            Some(Dynamics::measure(
                source, &survey, timeline, &statics, &settings,
            )?)
        };
        let report = Report {
            source,
            survey: &survey,
            settings: &settings,
            statics: &statics,
            dynamics: dynamics.as_ref(),
        };
        let results = report.write(&self.output)?;
        print(&results, self.json)
    }
}
