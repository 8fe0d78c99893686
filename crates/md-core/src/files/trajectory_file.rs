//! Trajectories of other codes, in whatever format they are.
//!
//! | format | known by | module |
//! |---|---|---|
//! | extended XYZ | a number on the first line | [`extended_xyz`] |
//! | LAMMPS dump | `ITEM:` | [`lammps_dump`] |
//! | GSD of HOOMD-blue | its first eight bytes | [`gsd`] |
//!
//! The content decides, not the name. Text may be compressed with gzip, and may come through a pipe. One frame is held
//! in memory at a time.
//!
//! ```
//! use vitreous_md_core::files::trajectory_file::TrajectoryFile;
//! use vitreous_md_core::files::unwrapping::Unwrapper;
//!
//! let text = "1\nLattice=\"9 0 0 0 9 0 0 0 9\" step=0\nA 8.5 1 1\n1\nLattice=\"9 0 0 0 9 0 0 0 9\" step=100\nA 0.5 1 1\n";
//! let file = TrajectoryFile::read("example", std::io::Cursor::new(text))?;
//! assert_eq!((file.dimension(), file.labels().names()), (3, ["A".to_owned()].as_slice()));
//! let mut unwrapper = Unwrapper::new();
//! let mut last = None;
//! for frame in file.frames::<3>() {
//!     let mut frame = frame?;
//!     unwrapper.unwrap(&mut frame)?;
//!     last = Some(frame);
//! }
//! let last = last.unwrap();
//! assert_eq!((last.step, last.configuration.positions()[0][0]), (Some(100), 9.5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::files::extended_xyz::{self, Labels, ReadError};
use crate::files::frame::{TrajectoryFrame, Wrapping};
use crate::files::gsd::{self, Gsd, GsdError};
use crate::files::lammps_dump::{self, DumpError};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;
use thiserror::Error;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Extended XYZ.
    ExtendedXyz,
    /// The text dump of LAMMPS.
    LammpsDump,
    /// The binary format of HOOMD-blue.
    Gsd,
}

impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::ExtendedXyz => "extended XYZ",
            Self::LammpsDump => "LAMMPS dump",
            Self::Gsd => "GSD",
        })
    }
}

/// Why a trajectory could not be read.
#[derive(Debug, Error)]
#[error("{file}: {problem}")]
pub struct TrajectoryError {
    /// The name of the file.
    pub file: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a trajectory.
#[derive(Debug, Error)]
pub enum Problem {
    /// The content is of no known format.
    #[error(
        "the file begins with '{begins}', as none of the known formats does: extended XYZ (a number of particles), LAMMPS dump (ITEM:), GSD"
    )]
    Format {
        /// The first characters.
        begins: String,
    },
    /// Nothing.
    #[error("the file is empty")]
    Empty,
    /// A format that is not read from front to back.
    #[error(
        "GSD files are read in any order, so they cannot come through a pipe: give the name of a file that is not compressed"
    )]
    Pipe,
    /// More species than there can be.
    #[error(
        "the first frame has {species} different labels of species: at most 256 can be told apart"
    )]
    Species {
        /// Their number.
        species: usize,
    },
    /// In a file of extended XYZ.
    #[error(transparent)]
    ExtendedXyz(#[from] ReadError),
    /// In a dump of LAMMPS.
    #[error(transparent)]
    LammpsDump(#[from] DumpError),
    /// In a GSD file.
    #[error(transparent)]
    Gsd(#[from] GsdError),
    /// Opening or reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Text from anywhere.
type Text = Box<dyn BufRead + Send>;

enum Source {
    ExtendedXyz(Text),
    LammpsDump(Text),
    Gsd(Gsd<BufReader<File>>),
}

/// A trajectory whose first frame has been looked at.
pub struct TrajectoryFile {
    name: String,
    source: Source,
    dimension: usize,
    labels: Labels,
}

impl TrajectoryFile {
    /// Opens a file.
    ///
    /// # Errors
    /// A file that cannot be opened, is of no known format, or has an error in its first frame.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TrajectoryError> {
        let name = path.as_ref().display().to_string();
        named(&name, Self::open_file(&name, path.as_ref()))
    }

    fn open_file(name: &str, path: &Path) -> Result<Self, Problem> {
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
        // A pipe has no position.
        if reader.fill_buf()?.starts_with(&gsd::MAGIC) && reader.stream_position().is_ok() {
            let mut gsd = Gsd::open(reader)?;
            let dimension = gsd.dimension()?;
            let labels = gsd.types()?;
            return Self::new(name, Source::Gsd(gsd), dimension, labels);
        }
        Self::read_text(name, reader)
    }

    /// Reads text, such as standard input; `name` is what errors call it.
    ///
    /// # Errors
    /// Text of no known format or with an error in its first frame.
    pub fn read(
        name: &str,
        reader: impl BufRead + Send + 'static,
    ) -> Result<Self, TrajectoryError> {
        named(name, Self::read_text(name, reader))
    }

    fn read_text(name: &str, reader: impl BufRead + Send + 'static) -> Result<Self, Problem> {
        const GZIP: [u8; 2] = [0x1f, 0x8b];
        let (mut start, mut text) = peek(Box::new(reader))?;
        if start.starts_with(&GZIP) {
            let decoder = MultiGzDecoder::new(text);
            (start, text) = peek(Box::new(BufReader::with_capacity(1 << 16, decoder)))?;
        }
        if start.starts_with(&gsd::MAGIC) {
            return Err(Problem::Pipe);
        }
        let start = start.trim_ascii_start();
        // What is read ahead for the survey is put back.
        let mut ahead = Ahead {
            text,
            seen: Vec::new(),
        };
        let first = BufReader::with_capacity(1 << 12, &mut ahead);
        if start.first().is_some_and(u8::is_ascii_digit) {
            let (dimension, labels) = extended_xyz::survey(first)?;
            let source = Source::ExtendedXyz(ahead.put_back());
            Self::new(name, source, dimension, labels)
        } else if start.starts_with(lammps_dump::ITEM.as_bytes()) {
            let (dimension, labels) = lammps_dump::survey(first)?;
            let source = Source::LammpsDump(ahead.put_back());
            Self::new(name, source, dimension, labels)
        } else if start.is_empty() {
            Err(Problem::Empty)
        } else {
            let begins = String::from_utf8_lossy(&start[..start.len().min(20)]);
            let shown = |c: char| if c.is_control() { '.' } else { c };
            let begins = begins.chars().map(shown).collect();
            Err(Problem::Format { begins })
        }
    }

    fn new(
        name: &str,
        source: Source,
        dimension: usize,
        mut labels: Vec<String>,
    ) -> Result<Self, Problem> {
        let species = labels.len();
        if species > 256 {
            return Err(Problem::Species { species });
        }
        if !matches!(source, Source::Gsd(_)) {
            let number = |label: &String| label.parse::<u64>().ok();
            if labels.iter().all(|label| number(label).is_some()) {
                labels.sort_by_key(number);
            } else {
                labels.sort();
            }
        }
        Ok(Self {
            name: name.to_owned(),
            source,
            dimension,
            labels: Labels::known(labels),
        })
    }

    /// Which format it is.
    pub fn format(&self) -> Format {
        match self.source {
            Source::ExtendedXyz(_) => Format::ExtendedXyz,
            Source::LammpsDump(_) => Format::LammpsDump,
            Source::Gsd(_) => Format::Gsd,
        }
    }

    /// The number of dimensions, 2 or 3, as the first frame has it: from `pbc` or `configuration/dimensions`; a dump of
    /// LAMMPS has 2 if all its particles have the same z. [`TrajectoryFile::frames`] can read it in the other, too.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The labels of species, as found in the first frame: in the order of the file for GSD, else sorted as numbers if all
    /// of them are, or as words.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The same with other labels for species 0, 1, ..., for another order. Particles of other labels are errors.
    pub fn with_labels(self, labels: Labels) -> Self {
        Self { labels, ..self }
    }

    /// The frames, one after the other, each read when it is asked for. The iterator ends at an error.
    pub fn frames<const D: usize>(self) -> TrajectoryFrames<D> {
        let frames = match self.source {
            Source::ExtendedXyz(text) => {
                let frames = extended_xyz::read_frames(text, &self.labels);
                Kind::ExtendedXyz(frames.for_trajectories())
            }
            Source::LammpsDump(text) => {
                Kind::LammpsDump(lammps_dump::read_frames(text, &self.labels))
            }
            Source::Gsd(file) => Kind::Gsd(file.frames(&self.labels)),
        };
        TrajectoryFrames {
            name: self.name,
            frames,
        }
    }
}

fn named<T>(file: &str, result: Result<T, Problem>) -> Result<T, TrajectoryError> {
    result.map_err(|problem| TrajectoryError {
        file: file.to_owned(),
        problem,
    })
}

/// The first bytes of a text, and all of it.
fn peek(mut text: Text) -> io::Result<(Vec<u8>, Text)> {
    let mut start = Vec::new();
    text.by_ref().take(64).read_to_end(&mut start)?;
    let all = Box::new(Cursor::new(start.clone()).chain(text));
    Ok((start, all))
}

/// A text that remembers what was read of it.
struct Ahead {
    text: Text,
    seen: Vec<u8>,
}

impl Ahead {
    fn put_back(self) -> Text {
        Box::new(Cursor::new(self.seen).chain(self.text))
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(buffer)?;
        self.seen.extend(&buffer[..read]);
        Ok(read)
    }
}

enum Kind<const D: usize> {
    ExtendedXyz(extended_xyz::Frames<Text, D>),
    LammpsDump(lammps_dump::Frames<Text, D>),
    Gsd(gsd::Frames<BufReader<File>, D>),
}

/// The iterator of [`TrajectoryFile::frames`].
pub struct TrajectoryFrames<const D: usize> {
    name: String,
    frames: Kind<D>,
}

impl<const D: usize> Iterator for TrajectoryFrames<D> {
    type Item = Result<TrajectoryFrame<D>, TrajectoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = match &mut self.frames {
            Kind::ExtendedXyz(frames) => {
                let frame = frames.next()?;
                let identifiers = frames.take_identifiers();
                frame.map_err(Problem::from).map(|frame| TrajectoryFrame {
                    step: frame.step(),
                    time: frame.time(),
                    configuration: frame.configuration,
                    velocities: frame.velocities,
                    identifiers,
                    wrapping: Wrapping::Unknown,
                })
            }
            Kind::LammpsDump(frames) => frames.next()?.map_err(Problem::from),
            Kind::Gsd(frames) => frames.next()?.map_err(Problem::from),
        };
        Some(named(&self.name, frame))
    }
}
