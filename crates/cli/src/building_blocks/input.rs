//! The configuration and the model that the commands share.

use super::Command;
use crate::study::{Study, set_parameter};
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use vitreous::md_core::files::extended_xyz::{self, Frame, Labels, ReadError};
use vitreous::md_core::{Cell, Configuration, Potential};
use vitreous::potentials::{Catalogue, Model};

/// Denser than anything that is meant: neighbours within range of a particle.
const MOST_NEIGHBOURS: f64 = 20_000.0;

/// Which configuration of which model.
#[derive(clap::Args)]
pub(crate) struct Input {
    /// The configuration (extended XYZ), with species labels `A` and `B`; any one label for models of one species.
    configuration: PathBuf,
    /// The model; `vitreous models` lists them. Or a study file (NAME.toml), whose model is taken with its parameters.
    #[arg(short, long, value_name = "NAME")]
    model: String,
    /// Sets a parameter of the model, as often as needed; `vitreous models NAME` names the keys.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<Setting>,
    /// The dimension of space [default: 2 if the file says pbc="T T F", else 3].
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=3))]
    dimension: Option<u8>,
    /// The frame of the file, from 0.
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    frame: usize,
    /// Print one JSON object in full precision.
    #[arg(long)]
    pub(super) json: bool,
}

/// A parameter of a model and its value.
#[derive(Clone)]
struct Setting {
    key: String,
    value: String,
}

fn setting(text: &str) -> std::result::Result<Setting, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() => Ok(Setting {
            key: key.trim().to_owned(),
            value: value.trim().to_owned(),
        }),
        _ => Err("write key=value, for example cutoff.BB=1.32".to_owned()),
    }
}

/// A word as a shell wants it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A configuration with the potential in which it lives.
pub(crate) struct Sample<const D: usize> {
    pub(super) configuration: Configuration<D>,
    pub(super) potential: Box<dyn Potential<D>>,
    pub(super) labels: Labels,
    pub(super) model: Model,
}

impl Input {
    pub(super) fn path(&self) -> String {
        self.configuration.display().to_string()
    }

    /// The frame of the file, from 0.
    pub(super) fn frame_index(&self) -> usize {
        self.frame
    }

    /// The command that makes a minimum of this configuration.
    pub(super) fn quench_command(&self) -> String {
        let mut words = vec![
            "vitreous quench".to_owned(),
            quoted(&self.path()),
            "--model".to_owned(),
            quoted(&self.model),
        ];
        for Setting { key, value } in &self.settings {
            words.push(format!("--set {}", quoted(&format!("{key}={value}"))));
        }
        if let Some(dimension) = self.dimension {
            words.push(format!("--dimension {dimension}"));
        }
        if self.frame > 0 {
            words.push(format!("--frame {}", self.frame));
        }
        words.push("-o quenched.xyz".to_owned());
        words.join(" ")
    }

    /// The model of the name, or that of the study file.
    fn model(&self) -> Result<Model> {
        let path = Path::new(&self.model);
        if path.extension().is_none_or(|extension| extension != "toml") {
            return Ok(Catalogue::find(&self.model)?);
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        Study::read(path)?
            .model(folder)
            .with_context(|| format!("in the study file {}", self.model))
    }

    /// Reads the configuration and hands it to the command.
    pub(super) fn read_for(&self, command: &impl Command) -> Result<()> {
        let mut model = self.model()?;
        for Setting { key, value } in &self.settings {
            set_parameter(&mut model, key, value, Path::new(""))?;
        }
        // What is wrong with the model is said before anything about the file.
        model.potential::<3>()?;
        let labels = match model.labels() {
            [only] => Labels::any(only)?,
            several => Labels::new(several.iter().copied())?,
        };
        let explain = || format!("cannot read {}", self.path());
        let mut reader = BufReader::new(File::open(&self.configuration).with_context(explain)?);
        // The dimension is on the second line. What is read ahead is put back, so that pipes can be read too.
        let mut ahead = Vec::new();
        for _ in 0..2 {
            reader.read_until(b'\n', &mut ahead).with_context(explain)?;
        }
        let found = extended_xyz::dimension(ahead.as_slice()).map_err(|e| self.at_line(&e))?;
        let wanted = self.dimension.map_or(found, usize::from);
        let text = ahead.as_slice().chain(reader);
        match (wanted, found) {
            (2, 2) => {
                let (configuration, labels) = self.frame(text, &labels)?;
                command.execute::<2>(self.sample(&model, labels, configuration)?)
            }
            (2, _) => {
                let (configuration, labels) = self.frame(text, &labels)?;
                let configuration = in_plane(&configuration).context(self.path())?;
                command.execute::<2>(self.sample(&model, labels, configuration)?)
            }
            _ => {
                let (configuration, labels) = self.frame(text, &labels)?;
                command.execute::<3>(self.sample(&model, labels, configuration)?)
            }
        }
    }

    fn at_line(&self, error: &ReadError) -> anyhow::Error {
        anyhow!("{}, {error}", self.path())
    }

    /// The frame that was asked for, with the labels as the file has them.
    fn frame<const D: usize>(
        &self,
        text: impl BufRead,
        labels: &Labels,
    ) -> Result<(Configuration<D>, Labels)> {
        let mut frames = extended_xyz::read_frames::<D, _>(text, labels);
        let mut count = 0;
        while let Some(frame) = frames.next() {
            let Frame { configuration, .. } = frame.map_err(|error| self.at_line(&error))?;
            if count == self.frame {
                return Ok((configuration, frames.labels()));
            }
            count += 1;
        }
        bail!(
            "{} has no frame {}: its number of frames, which are counted from 0, is {count}",
            self.path(),
            self.frame
        )
    }

    fn sample<const D: usize>(
        &self,
        model: &Model,
        labels: Labels,
        configuration: Configuration<D>,
    ) -> Result<Sample<D>> {
        let potential = model.potential::<D>()?;
        // Lengths in other units than those of the model would make neighbour lists that fill the memory.
        let neighbours = configuration.density() * (2.0 * potential.range()).powi(D as i32);
        ensure!(
            neighbours < MOST_NEIGHBOURS,
            "{}: at a density of {:.4e}, a particle of model '{}' has some {neighbours:.1e} neighbours within its range of {:?}: are lengths in units of the model?",
            self.path(),
            configuration.density(),
            self.model,
            potential.range()
        );
        Ok(Sample {
            configuration,
            potential,
            labels,
            model: model.clone(),
        })
    }
}

/// The plane z = 0 of a file that does not call itself two-dimensional.
fn in_plane(configuration: &Configuration<3>) -> Result<Configuration<2>> {
    let [a, b, c] = configuration.cell().vectors();
    ensure!(
        [a[2], b[2], c[0], c[1]] == [0.0; 4],
        "in two dimensions the first two lattice vectors lie in the plane z = 0 and the third is along z"
    );
    let positions = configuration.positions().iter().enumerate();
    let positions = positions.map(|(particle, &[x, y, z])| {
        ensure!(
            z == 0.0,
            "in two dimensions z is 0, but that of particle {particle} is {z}"
        );
        Ok([x, y])
    });
    let plane = Configuration::new(
        Cell::triclinic([[a[0], a[1]], [b[0], b[1]]])?,
        positions.collect::<Result<_>>()?,
        configuration.species().to_vec(),
    )?;
    Ok(match configuration.diameters() {
        Some(diameters) => plane.with_diameters(diameters.to_vec())?,
        None => plane,
    })
}
