//! The frames of a trajectory, as often as they are needed.

use anyhow::{Context, Result, anyhow, bail, ensure};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vitreous::md_core::files::extended_xyz::Labels;
use vitreous::md_core::files::trajectory_file::Format;
use vitreous::md_core::files::unwrapping::UnwrapError;
use vitreous::md_core::{Cell, TrajectoryFile, TrajectoryFrame, Unwrapper, Wrapping};

/// Which frames, by their index in the file.
#[derive(Clone, Copy)]
pub(super) struct Selection {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) every: usize,
}

/// A trajectory that is read several times: each pass holds one frame.
pub(super) struct Source {
    path: PathBuf,
    /// What came through standard input, which cannot be read again.
    content: Option<Arc<[u8]>>,
    selection: Selection,
    format: Format,
    dimension: usize,
    labels: Labels,
    wrapping: Option<Wrapping>,
    /// Whether particles are followed from frame to frame.
    motion: bool,
}

impl Source {
    /// Looks at the first frame.
    pub(super) fn open(
        path: &Path,
        selection: Selection,
        labels: Option<Labels>,
        wrapping: Option<Wrapping>,
        motion: bool,
    ) -> Result<Self> {
        let content = if path == Path::new("-") {
            let mut content = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut content);
            read.context("cannot read standard input")?;
            Some(content.into())
        } else {
            None
        };
        let file = open(path, content.as_ref())?;
        Ok(Self {
            format: file.format(),
            dimension: file.dimension(),
            labels: labels.unwrap_or_else(|| file.labels().clone()),
            path: path.to_owned(),
            content,
            selection,
            wrapping,
            motion,
        })
    }

    /// What messages call it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Visits the selected frames, continued from the first one on; `index` counts them from 0.
    pub(super) fn for_each<const D: usize>(
        &self,
        mut visit: impl FnMut(usize, &TrajectoryFrame<D>) -> Result<()>,
    ) -> Result<()> {
        let file = open(&self.path, self.content.as_ref())?;
        let mut unwrapper = Unwrapper::new();
        let Selection { first, last, every } = self.selection;
        let mut selected = 0;
        for (index, frame) in file
            .with_labels(self.labels.clone())
            .frames::<D>()
            .enumerate()
        {
            if index > last {
                break;
            }
            let mut frame = frame?;
            if index < first {
                continue;
            }
            ensure!(
                !self.motion
                    || index == first
                    || frame.identifiers.is_some()
                    || self.format != Format::LammpsDump,
                "{}: the dump has no column id, and LAMMPS writes atoms in any order: no particle can be followed; `--structure-only` needs no motion",
                self.name()
            );
            // Without motion it does not matter where particles went between frames.
            frame.wrapping = if self.motion {
                self.wrapping.unwrap_or(frame.wrapping)
            } else {
                Wrapping::Unwrapped
            };
            // Frames that are not selected are steps on the way.
            unwrapper.unwrap(&mut frame).map_err(|error| {
                let advice = match error {
                    UnwrapError::TooFar { .. } => {
                        "; `--positions unwrapped` takes them as they are, `--structure-only` needs no motion"
                    }
                    _ => "",
                };
                anyhow!("{}: {error}{advice}", self.name())
            })?;
            if (index - first).is_multiple_of(every) {
                visit(selected, &frame)?;
                selected += 1;
            }
        }
        Ok(())
    }
}

fn open(path: &Path, content: Option<&Arc<[u8]>>) -> Result<TrajectoryFile> {
    Ok(match content {
        Some(content) => TrajectoryFile::read("standard input", Cursor::new(content.clone()))?,
        None => TrajectoryFile::open(path)?,
    })
}

/// What all selected frames have in common, and when they are.
pub(super) struct Survey<const D: usize> {
    pub(super) cell: Cell<D>,
    pub(super) species: Vec<u8>,
    pub(super) labels: Vec<String>,
    pub(super) steps: Vec<Option<u64>>,
    pub(super) times: Vec<Option<f64>>,
}

impl<const D: usize> Survey<D> {
    pub(super) fn of(source: &Source) -> Result<Self> {
        let mut found: Option<Self> = None;
        source.for_each::<D>(|index, frame| {
            let species: Vec<u8> = frame.configuration.species().iter().map(|s| s.0).collect();
            let survey = found.get_or_insert_with(|| Self {
                cell: *frame.configuration.cell(),
                species: species.clone(),
                labels: source.labels.names().to_vec(),
                steps: Vec::new(),
                times: Vec::new(),
            });
            if let Some(particle) = (0..species.len()).find(|&i| species[i] != survey.species[i]) {
                let label = |species: u8| &survey.labels[usize::from(species)];
                bail!(
                    "{}: particle {particle}, counted from 0 in the order of ids or of the file, is of species {} in the first frame and {} in frame {index} of those selected: are particles in the same order?",
                    source.name(),
                    label(survey.species[particle]),
                    label(species[particle])
                );
            }
            survey.steps.push(frame.step);
            survey.times.push(frame.time);
            Ok(())
        })?;
        let Some(survey) = found else {
            bail!(
                "{} has no frame {}: frames are counted from 0",
                source.name(),
                source.selection.first
            );
        };
        for (index, label) in survey.labels.iter().enumerate() {
            ensure!(
                survey.count(index) > 0,
                "{}: no particle of the frames selected has the label '{label}'",
                source.name()
            );
        }
        Ok(survey)
    }

    /// The number of frames.
    pub(super) fn frames(&self) -> usize {
        self.steps.len()
    }

    /// The number of particles of a species.
    pub(super) fn count(&self, species: usize) -> usize {
        let same = |&&other: &&u8| usize::from(other) == species;
        self.species.iter().filter(same).count()
    }

    pub(super) fn density(&self) -> f64 {
        self.species.len() as f64 / self.cell.volume()
    }

    /// `a0 = (V/N)^(1/D)`.
    pub(super) fn spacing(&self) -> f64 {
        self.density().powf(-1.0 / D as f64)
    }

    pub(super) fn shortest_height(&self) -> f64 {
        self.cell
            .heights()
            .into_iter()
            .fold(f64::INFINITY, f64::min)
    }
}
