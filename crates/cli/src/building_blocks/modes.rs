//! `vitreous modes`.

use super::input::{Input, Sample};
use super::npy::npy;
use super::{Certification, Command, check_output, note_rattlers, print};
use crate::figure::{Axis, Color, Curve, Figure, Panel, Style};
use crate::storage;
use anyhow::{Context, Result, anyhow, ensure};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use vitreous::linresp::modes::{DENSE_LIMIT, frequency};
use vitreous::linresp::{DensityOfStates, Hessian, LowestModes, Modes, ModesError};
use vitreous::md_core::Configuration;
use vitreous::md_core::files::extended_xyz::{Frame, Labels, write_displacements};

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct FindModes {
    #[command(flatten)]
    input: Input,
    /// So many modes of lowest eigenvalue, translations left out.
    #[arg(long, value_name = "COUNT", default_value = "10")]
    lowest: NonZeroUsize,
    /// Prove that no mode was missed, by the number of modes below the last: one more factorisation.
    #[arg(long)]
    prove: bool,
    /// Write the vectors of these modes: displacements in extended XYZ, one frame for each mode, or an array of
    /// shape (modes, N, D) for Python if the name ends in .npy.
    #[arg(long, value_name = "FILE")]
    vectors: Option<PathBuf>,
    /// The density of states from all eigenvalues, into STEM.csv, STEM.svg, STEM.png and STEM-reduced.svg, .png
    /// [without a value: dos].
    #[arg(long, value_name = "STEM", num_args = 0..=1, require_equals = true, default_missing_value = "dos")]
    dos: Option<PathBuf>,
    /// About so many bins of the density of states.
    #[arg(long, value_name = "COUNT", default_value = "50", requires = "dos")]
    bins: NonZeroUsize,
    /// Count modes at the edges of bins by inertia: a factorisation for each, where all eigenvalues are too much.
    #[arg(long, requires = "dos")]
    by_counting: bool,
    /// The number of threads that count [default: all cores]. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<NonZeroUsize>,
    #[command(flatten)]
    certification: Certification,
}

/// What is printed; the order of the fields is that of the keys.
#[derive(Serialize)]
struct Results {
    unstable_modes: usize,
    modes: usize,
    eigenvalues: Vec<f64>,
    frequencies: Vec<f64>,
    participation_ratios: Vec<f64>,
    residuals: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    density_of_states: Option<Histogram>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
}

/// The histogram.
#[derive(Serialize)]
struct Histogram {
    edges: Vec<f64>,
    counts: Vec<usize>,
    density: Vec<f64>,
    /// `null` in bins of unstable modes.
    reduced_density: Vec<Option<f64>>,
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self.unstable_modes {
            0 => writeln!(f, "a minimum: none of its {} modes is unstable", self.modes)?,
            unstable => writeln!(
                f,
                "a saddle: {unstable} of its {} modes unstable (negative eigenvalues, imaginary frequencies)",
                self.modes
            )?,
        }
        writeln!(
            f,
            "\n{:>6}  {:>22}  {:>22}  {:>12}  {:>8}",
            "mode", "eigenvalue", "frequency", "particip.", "residual"
        )?;
        for (mode, eigenvalue) in self.eigenvalues.iter().enumerate() {
            writeln!(
                f,
                "{mode:>6}  {eigenvalue:>22}  {:>22}  {:>12.6}  {:>8.1e}",
                self.frequencies[mode], self.participation_ratios[mode], self.residuals[mode]
            )?;
        }
        if !self.paths.is_empty() {
            writeln!(f, "\nwritten to {}", self.paths.join(", "))?;
        }
        Ok(())
    }
}

impl FindModes {
    /// The places of results of this stem, and of its figures without their endings.
    fn places(stem: &Path) -> Result<(PathBuf, PathBuf, [String; 2])> {
        let name = stem
            .file_name()
            .ok_or_else(|| {
                anyhow!(
                    "--dos={}: a stem is the beginning of a file's name",
                    stem.display()
                )
            })?
            .to_string_lossy()
            .into_owned();
        let folder = stem.parent().unwrap_or(Path::new("")).to_owned();
        let table = stem.with_file_name(format!("{name}.csv"));
        check_output(&table)?;
        let reduced = format!("{name}-reduced");
        Ok((table, folder, [name, reduced]))
    }

    fn density<const D: usize>(&self, hessian: &Hessian<'_, D>) -> Result<DensityOfStates> {
        if self.by_counting {
            let lowest = LowestModes::new(1).of(hessian)?.eigenvalues()[0];
            let edges = self.edges(frequency(lowest), frequency(hessian.largest_eigenvalue()?));
            let threads = self
                .threads
                .or_else(|| std::thread::available_parallelism().ok())
                .unwrap_or(NonZeroUsize::MIN);
            return Ok(DensityOfStates::by_counting(hessian, edges, threads)?);
        }
        let eigenvalues = hessian.spectrum(DENSE_LIMIT).map_err(|error| {
            let too_large = matches!(error, ModesError::TooLarge { .. });
            let error = anyhow!(error);
            if too_large {
                anyhow!("{error:#}: add --by-counting")
            } else {
                error
            }
        })?;
        let end = |eigenvalue: Option<&f64>| frequency(eigenvalue.copied().unwrap_or(0.0));
        let edges = self.edges(end(eigenvalues.first()), end(eigenvalues.last()));
        Ok(DensityOfStates::of_eigenvalues(&eigenvalues, edges)?)
    }

    /// Bins of a width of two digits, one of which begins at zero, that hold both frequencies.
    fn edges(&self, lowest: f64, highest: f64) -> Vec<f64> {
        let wanted = (highest - lowest.min(0.0)).max(1e-3) / self.bins.get() as f64;
        let digits = 10.0_f64.powf(wanted.log10().floor() - 1.0);
        let width = digits * (wanted / digits).ceil();
        // Room for the rounding of the lowest and the highest.
        let first = (lowest.min(0.0) / width - 1e-6).floor().min(0.0) as i32;
        let first = if lowest >= -1e-3 * width { 0 } else { first };
        let last = (highest / width + 1e-6).ceil().max(1.0) as i32;
        (first..=last).map(|k| width * f64::from(k)).collect()
    }

    fn write_density<const D: usize>(
        states: &DensityOfStates,
        (table, folder, [name, reduced_name]): (PathBuf, PathBuf, [String; 2]),
    ) -> Result<(Histogram, Vec<PathBuf>)> {
        let density = states.density();
        let reduced = states.reduced_density(D as u8);
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["low", "high", "count", "density", "reduced_density"])?;
        for (bin, ends) in states.edges().windows(2).enumerate() {
            let reduced = Some(reduced[bin]).filter(|value| value.is_finite());
            writer.write_record([
                ends[0].to_string(),
                ends[1].to_string(),
                states.counts()[bin].to_string(),
                density[bin].to_string(),
                reduced.map_or_else(String::new, |value| value.to_string()),
            ])?;
        }
        storage::write(&table, &writer.into_inner()?)?;
        let mut paths = vec![table];
        let power = match D {
            2 => "ω".to_owned(),
            _ => format!("ω^{{{}}}", D - 1),
        };
        for (stem, title, label, values) in [
            (&name, "Density of states", "D(ω)".to_owned(), &density),
            (
                &reduced_name,
                "Reduced density of states",
                format!("D(ω)/{power}"),
                &reduced,
            ),
        ] {
            let steps = states
                .edges()
                .windows(2)
                .zip(values)
                .flat_map(|(ends, &value)| [(ends[0], value), (ends[1], value)]);
            let figure = Figure::new(title, Axis::linear(label)).panel(
                Panel::new(Axis::linear("ω")).curve(Curve::new(
                    "",
                    Style::Line,
                    Color::Sequence(0),
                    steps,
                )),
            );
            paths.extend(figure.write(&folder, stem)?);
        }
        let density = Histogram {
            edges: states.edges().to_vec(),
            counts: states.counts().to_vec(),
            density,
            reduced_density: reduced
                .iter()
                .map(|&value| Some(value).filter(|value| value.is_finite()))
                .collect(),
        };
        Ok((density, paths))
    }
}

fn write_vectors<const D: usize>(
    path: &Path,
    modes: &Modes<D>,
    configuration: &Configuration<D>,
    labels: &Labels,
) -> Result<()> {
    if path.extension().is_some_and(|extension| extension == "npy") {
        let shape = [modes.len(), configuration.len(), D];
        let components =
            (0..modes.len()).flat_map(|mode| modes.vector(mode).as_flattened().to_vec());
        return storage::write(path, &npy(&shape, components));
    }
    let mut text = Vec::new();
    let ratios = modes.participation_ratios();
    for (mode, frequency) in modes.frequencies().into_iter().enumerate() {
        let property = |name: &str, value: f64| (name.to_owned(), format!("{value:?}"));
        let frame = Frame {
            configuration: configuration.clone(),
            velocities: None,
            properties: BTreeMap::from([
                ("mode".to_owned(), mode.to_string()),
                property("eigenvalue", modes.eigenvalues()[mode]),
                property("frequency", frequency),
                property("participation_ratio", ratios[mode]),
            ]),
        };
        write_displacements(&mut text, &frame, modes.vector(mode), labels)?;
    }
    storage::write(path, &text)
}

impl Command for FindModes {
    fn input(&self) -> &Input {
        &self.input
    }

    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()> {
        let places = self.dos.as_deref().map(Self::places).transpose()?;
        if let Some(path) = &self.vectors {
            check_output(path)?;
        }
        let Sample {
            configuration,
            potential,
            labels,
            ..
        } = sample;
        let structure =
            self.certification
                .certify(&self.input, potential.as_ref(), configuration)?;
        let hessian = Hessian::new(structure.linearization());
        note_rattlers(&hessian.rattlers());
        let available = hessian.modes();
        ensure!(
            self.lowest.get() <= available,
            "{} has {available} modes without translations: --lowest {} asks for more",
            self.input.path(),
            self.lowest
        );
        let search = LowestModes {
            counted: self.prove,
            ..LowestModes::new(self.lowest.get())
        };
        let found = search.of(&hessian).with_context(|| self.input.path())?;
        let pairs = found.eigenvalues().iter().zip(found.residuals());
        // What is zero within its residual is not unstable.
        let mut unstable = pairs
            .filter(|(value, residual)| **value < -**residual)
            .count();
        if unstable == found.len() {
            unstable = hessian.modes_below(0.0)?;
        }
        let mut paths = Vec::new();
        if let Some(path) = &self.vectors {
            write_vectors(path, &found, structure.configuration(), &labels)?;
            paths.push(path.clone());
        }
        let mut density_of_states = None;
        if let Some(places) = places {
            let states = self.density(&hessian).with_context(|| self.input.path())?;
            let (density, written) = Self::write_density::<D>(&states, places)?;
            density_of_states = Some(density);
            paths.extend(written);
        }
        let results = Results {
            unstable_modes: unstable,
            modes: available,
            eigenvalues: found.eigenvalues().to_vec(),
            frequencies: found.frequencies(),
            participation_ratios: found.participation_ratios(),
            residuals: found.residuals().to_vec(),
            density_of_states,
            paths: paths
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
        };
        print(&results, self.input.json)
    }
}
