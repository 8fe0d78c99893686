//! Trajectories as LAMMPS writes them: text of `dump atom` and `dump custom`.
//!
//! ```text
//! ITEM: TIMESTEP
//! 1000
//! ITEM: NUMBER OF ATOMS
//! 2
//! ITEM: BOX BOUNDS pp pp pp
//! 0 8
//! 0 8
//! 0 8
//! ITEM: ATOMS id type x y z ix iy iz
//! 2 1 0.1 0.2 0.3 0 0 -1
//! 1 2 4.0 4.5 7.75 1 0 0
//! ```
//!
//! | in the file | what is made of it |
//! |---|---|
//! | `BOX BOUNDS`, also `xy xz yz` and `abc origin` | the cell; every direction must be periodic (`pp`) |
//! | `id` | particles come in this order; without it, in that of the file |
//! | `typelabel`, else `type`, else `element` | the label of the species; without any of them all particles have the label `1` |
//! | `xu yu zu`, `xsu ysu zsu` (scaled), `x y z`, `xs ys zs` | positions, from the first of these that is complete |
//! | `ix iy iz` | positions that are not `u` are unwrapped by these images |
//! | `vx vy vz`, `radius`, `diameter` | velocities and diameters |
//! | `ITEM: TIME` | the time |
//!
//! Other columns and `ITEM: UNITS` are skipped. A dump knows no dimension: in two, `z` is not read and may be missing.
//! Binary dumps and those of other styles are not read.
//!
//! Source: the LAMMPS manual, commands `dump` and `dump_modify`.
//!
//! ```
//! use vitreous_md_core::files::extended_xyz::Labels;
//! use vitreous_md_core::files::lammps_dump::read_frames;
//!
//! let text = "ITEM: TIMESTEP\n1000\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 8\n0 8\n0 8\n\
//!             ITEM: ATOMS id type x y z ix iy iz\n2 1 0.1 0.2 0.3 0 0 -1\n1 2 4.0 4.5 7.75 1 0 0\n";
//! let frames: Result<Vec<_>, _> = read_frames::<3, _>(text.as_bytes(), &Labels::new(["1", "2"])?).collect();
//! let frame = &frames?[0];
//! assert_eq!(frame.step, Some(1000));
//! assert_eq!(frame.configuration.positions()[0], [12.0, 4.5, 7.75]); // that of id 1
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod columns;
mod error;

pub use error::{DumpError, Problem};

use crate::cell::Cell;
use crate::files::extended_xyz::Labels;
use crate::files::frame::{TrajectoryFrame, Wrapping};
use crate::files::lines::Lines;
use crate::files::particles::Particles;
use crate::vector::{Matrix, Vector};
use columns::{Columns, Row};
use std::io::BufRead;

/// How the items begin.
pub(crate) const ITEM: &str = "ITEM:";

/// The frames of a dump, one after the other, each read when it is asked for. The iterator ends at an error.
///
/// Labels are those of the species 0, 1, ...; types are labels such as `1` and `2`.
pub fn read_frames<const D: usize, R: BufRead>(reader: R, labels: &Labels) -> Frames<R, D> {
    const { assert!(D == 2 || D == 3, "LAMMPS has two or three dimensions") };
    Frames {
        lines: Lines::new(reader),
        labels: labels.clone(),
        ended: false,
    }
}

/// The iterator of [`read_frames`].
#[derive(Debug)]
pub struct Frames<R, const D: usize> {
    lines: Lines<R>,
    labels: Labels,
    ended: bool,
}

impl<R: BufRead, const D: usize> Iterator for Frames<R, D> {
    type Item = Result<TrajectoryFrame<D>, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let frame = self.read().transpose();
        self.ended = !matches!(frame, Some(Ok(_)));
        frame
    }
}

impl<R: BufRead, const D: usize> Frames<R, D> {
    fn read(&mut self) -> Result<Option<TrajectoryFrame<D>>, DumpError> {
        let lines = &mut self.lines;
        let Some(header) = Header::read(lines)? else {
            return Ok(None);
        };
        let line = header.bounds_line;
        let fail = |problem| DumpError::Format { line, problem };
        let vectors = header.vectors::<D>().map_err(fail)?;
        let cell = Cell::triclinic(vectors).map_err(|error| fail(error.into()))?;
        let columns = &header.columns;
        let form = columns
            .form::<D>()
            .map_err(|problem| error(lines.number, problem))?;
        let mut particles = Particles::<D>::default();
        let mut first = String::new();
        let mut row = Row::default();
        for atom in 0..header.atoms {
            read_row(lines, &header, atom, &mut row)?;
            let fail = |problem| error(lines.number, problem);
            let label = columns.label(&lines.text);
            if atom == 0 {
                label.clone_into(&mut first);
            }
            let species = self.labels.species(label, &first);
            particles.species.push(species.map_err(|known| {
                let label = label.to_owned();
                fail(Problem::UnknownLabel { label, known })
            })?);
            let coordinates: Vector<D> = std::array::from_fn(|k| row.coordinates[form.style][k]);
            let mut position = coordinates;
            if form.scaled {
                position = cell.cartesian(&coordinates);
                for k in 0..D {
                    position[k] += header.origin[k];
                }
            }
            if form.images {
                let images: [i32; D] = std::array::from_fn(|k| row.images[k]);
                let shift = cell.translation(&images);
                for k in 0..D {
                    position[k] += shift[k];
                }
            }
            particles.positions.push(position);
            if form.velocities {
                let velocity = std::array::from_fn(|k| row.velocity[k]);
                particles.velocities.push(velocity);
            }
            particles.diameters.extend(row.diameter);
            particles.identifiers.extend(row.identifier);
        }
        let fail = |problem| error(lines.number, problem);
        let sorted = particles.sort();
        sorted.map_err(|identifier| fail(Problem::DuplicateIdentifier { identifier }))?;
        let finished = particles.finish(cell);
        let (configuration, velocities, identifiers) =
            finished.map_err(|problem| fail(problem.into()))?;
        Ok(Some(TrajectoryFrame {
            configuration,
            velocities,
            identifiers,
            step: Some(header.step),
            time: header.time,
            wrapping: if form.unwrapped() {
                Wrapping::Unwrapped
            } else {
                Wrapping::Wrapped
            },
        }))
    }
}

fn error(line: usize, problem: Problem) -> DumpError {
    DumpError::Format { line, problem }
}

fn truncated<R>(lines: &Lines<R>, expected: &str) -> DumpError {
    let expected = expected.to_owned();
    error(lines.number + 1, Problem::Truncated { expected })
}

fn read_row<R: BufRead>(
    lines: &mut Lines<R>,
    header: &Header,
    atom: usize,
    row: &mut Row,
) -> Result<(), DumpError> {
    let expected = || format!("atom {} of {}", atom + 1, header.atoms);
    if !lines.advance()? {
        return Err(truncated(lines, &expected()));
    }
    if lines.text.starts_with(ITEM) {
        let (text, expected) = (shortened(lines.text.trim()), expected());
        return Err(error(lines.number, Problem::Item { text, expected }));
    }
    let columns = &header.columns;
    let read = columns.read(&lines.text, row);
    read.map_err(|problem| error(lines.number, problem))
}

/// What comes before the atoms.
#[derive(Debug)]
struct Header {
    step: u64,
    time: Option<f64>,
    atoms: usize,
    /// Lattice vectors, in rows.
    lattice: Matrix<3>,
    origin: Vector<3>,
    /// The line that announces them.
    bounds_line: usize,
    /// Which directions are periodic; all, if an old file does not say.
    periodic: Vec<String>,
    columns: Columns,
}

/// The items before the atoms, while they are found.
#[derive(Default)]
struct Items {
    step: Option<u64>,
    time: Option<f64>,
    atoms: Option<usize>,
    bounds: Option<(Matrix<3>, Vector<3>, usize, Vec<String>)>,
}

impl Header {
    /// Reads the items up to that of the atoms; `None` if only blank lines are left.
    fn read<R: BufRead>(lines: &mut Lines<R>) -> Result<Option<Self>, DumpError> {
        let mut items = Items::default();
        let mut begun = false;
        loop {
            if !lines.advance()? {
                return if begun {
                    Err(truncated(lines, "ITEM: ATOMS"))
                } else {
                    Ok(None)
                };
            }
            let text = lines.text.trim();
            if text.is_empty() && !begun {
                continue;
            }
            let unexpected = |expected: &str| Problem::Item {
                text: shortened(text),
                expected: expected.to_owned(),
            };
            let Some(item) = text.strip_prefix(ITEM) else {
                return Err(error(
                    lines.number,
                    unexpected("a line such as ITEM: TIMESTEP"),
                ));
            };
            begun = true;
            let item = item.trim();
            if let Some(names) = item.strip_prefix("ATOMS") {
                let columns = Columns::parse(names.trim());
                let columns = columns.map_err(|problem| error(lines.number, problem))?;
                let lacks =
                    |item: &str| error(lines.number, Problem::Missing { item: item.into() });
                let (lattice, origin, bounds_line, periodic) =
                    items.bounds.ok_or_else(|| lacks("BOX BOUNDS"))?;
                return Ok(Some(Self {
                    step: items.step.ok_or_else(|| lacks("TIMESTEP"))?,
                    time: items.time,
                    atoms: items.atoms.ok_or_else(|| lacks("NUMBER OF ATOMS"))?,
                    lattice,
                    origin,
                    bounds_line,
                    periodic,
                    columns,
                }));
            }
            if let Some(words) = item.strip_prefix("BOX BOUNDS") {
                let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
                items.bounds = Some(read_bounds(lines, &words)?);
                continue;
            }
            let item = item.to_owned();
            if !["TIMESTEP", "NUMBER OF ATOMS", "TIME", "UNITS"].contains(&item.as_str()) {
                let expected = "TIMESTEP, NUMBER OF ATOMS, BOX BOUNDS, ATOMS, TIME or UNITS";
                return Err(error(lines.number, unexpected(expected)));
            }
            if !lines.advance()? {
                return Err(truncated(lines, &format!("the value of ITEM: {item}")));
            }
            let text = lines.text.trim();
            let fail = || {
                let (item, text) = (item.clone(), shortened(text));
                error(lines.number, Problem::Value { item, text })
            };
            match item.as_str() {
                "TIMESTEP" => items.step = Some(text.parse().map_err(|_| fail())?),
                "NUMBER OF ATOMS" => {
                    let atoms = text.parse::<u32>().ok().filter(|&atoms| atoms > 0);
                    items.atoms = Some(atoms.ok_or_else(fail)? as usize);
                }
                "TIME" => {
                    let time = text.parse().ok().filter(|time: &f64| time.is_finite());
                    items.time = Some(time.ok_or_else(fail)?);
                }
                _ => {}
            }
        }
    }

    /// The lattice vectors in `D` dimensions, whose directions must be periodic and at right angles to the others.
    fn vectors<const D: usize>(&self) -> Result<Matrix<D>, Problem> {
        if let Some(direction) = self.periodic.iter().take(D).position(|flags| flags != "pp") {
            return Err(Problem::Boundary {
                axis: AXES[direction],
                found: self.periodic[direction].clone(),
            });
        }
        let mut vectors = [[0.0; D]; D];
        for row in 0..3 {
            for column in 0..3 {
                let value = self.lattice[row][column];
                if row < D && column < D {
                    vectors[row][column] = value;
                } else if (row < D) != (column < D) && value != 0.0 {
                    return Err(Problem::OutOfPlane {
                        vector: row + 1,
                        axis: AXES[column],
                        value,
                    });
                }
            }
        }
        Ok(vectors)
    }
}

const AXES: [&str; 3] = ["x", "y", "z"];

/// Enough of a text to know it again.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain("...".chars()).collect()
}

/// The three lines of `BOX BOUNDS` with what the item says besides.
fn read_bounds<R: BufRead>(
    lines: &mut Lines<R>,
    words: &[String],
) -> Result<(Matrix<3>, Vector<3>, usize, Vec<String>), DumpError> {
    let line = lines.number;
    let has = |prefix: &[&str]| words.len() >= prefix.len() && words[..prefix.len()] == *prefix;
    let (tilted, general) = (has(&["xy", "xz", "yz"]), has(&["abc", "origin"]));
    let named = if tilted {
        3
    } else if general {
        2
    } else {
        0
    };
    let periodic = words[named..].to_vec();
    if !matches!(periodic.len(), 0 | 3) {
        let text = words.join(" ");
        return Err(error(line, Problem::Bounds { text }));
    }
    let width = if general {
        4
    } else if tilted {
        3
    } else {
        2
    };
    let mut rows = [[0.0; 4]; 3];
    for row in &mut rows {
        if !lines.advance()? {
            return Err(truncated(lines, "three lines of BOX BOUNDS"));
        }
        let words: Vec<&str> = lines.text.split_whitespace().collect();
        let fail = || {
            let text = shortened(lines.text.trim());
            error(lines.number, Problem::BoundsRow { text, width })
        };
        if words.len() != width {
            return Err(fail());
        }
        for (value, word) in row.iter_mut().zip(words) {
            *value = word
                .parse()
                .ok()
                .filter(|x: &f64| x.is_finite())
                .ok_or_else(fail)?;
        }
    }
    if general {
        let lattice = rows.map(|[x, y, z, _]| [x, y, z]);
        return Ok((lattice, rows.map(|row| row[3]), line, periodic));
    }
    // Of a sheared box the file has the bounds of what encloses it.
    let [xy, xz, yz] = rows.map(|row| row[2]);
    let smallest = [0.0, xy, xz, xy + xz]
        .into_iter()
        .fold(f64::INFINITY, f64::min);
    let largest = [0.0, xy, xz, xy + xz]
        .into_iter()
        .fold(f64::NEG_INFINITY, f64::max);
    let low = [rows[0][0] - smallest, rows[1][0] - yz.min(0.0), rows[2][0]];
    let high = [rows[0][1] - largest, rows[1][1] - yz.max(0.0), rows[2][1]];
    let length = |k: usize| high[k] - low[k];
    if let Some(axis) = (0..2).find(|&k| length(k) <= 0.0) {
        let (axis, low, high) = (AXES[axis], low[axis], high[axis]);
        return Err(error(line, Problem::Empty { axis, low, high }));
    }
    let lattice = [
        [length(0), 0.0, 0.0],
        [xy, length(1), 0.0],
        [xz, yz, length(2)],
    ];
    Ok((lattice, low, line, periodic))
}

/// What the first frame tells of a dump: the dimension and the labels, in the order of numbers or of letters.
///
/// The dimension is 2 if all particles have the same z, or none is given.
pub(crate) fn survey(reader: impl BufRead) -> Result<(usize, Vec<String>), DumpError> {
    let mut lines = Lines::new(reader);
    let Some(header) = Header::read(&mut lines)? else {
        return Err(truncated(&lines, "the first frame"));
    };
    let mut labels = Vec::<String>::new();
    let mut heights: Option<[f64; 2]> = None;
    let height = header.columns.heights();
    let mut row = Row::default();
    for atom in 0..header.atoms {
        read_row(&mut lines, &header, atom, &mut row)?;
        let label = header.columns.label(&lines.text);
        if !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
        if let Some(style) = height {
            let z = row.coordinates[style][2];
            let [low, high] = heights.unwrap_or([z, z]);
            heights = Some([low.min(z), high.max(z)]);
        }
    }
    // A particle alone may be anywhere.
    let flat = heights.is_none_or(|[low, high]| low == high && header.atoms > 1);
    Ok((if flat { 2 } else { 3 }, labels))
}

#[cfg(test)]
mod tests;
