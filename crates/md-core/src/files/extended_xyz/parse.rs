//! Lines, the comment line, and the columns that it announces.

use super::{COLUMNS, LATTICE, PERIODIC, Problem, ReadError, periodicity};
use crate::cell::Cell;
use crate::files::lines::Lines;
use crate::vector::{Matrix, Vector};
use std::collections::BTreeMap;
use std::io::BufRead;

const AXES: [&str; 3] = ["x", "y", "z"];

impl<R: BufRead> Lines<R> {
    pub(super) fn error(&self, problem: Problem) -> ReadError {
        ReadError::Format {
            line: self.number,
            problem,
        }
    }

    pub(super) fn truncated(&self, expected: &str) -> ReadError {
        let expected = expected.to_owned();
        ReadError::Format {
            line: self.number + 1,
            problem: Problem::Truncated { expected },
        }
    }

    /// The number of particles with which the next frame begins, `None` if only blank lines are left.
    pub(super) fn particles(&mut self) -> Result<Option<usize>, ReadError> {
        while self.advance()? {
            let text = self.text.trim();
            if !text.is_empty() {
                return match text.parse::<u32>() {
                    Ok(particles) if particles > 0 => Ok(Some(particles as usize)),
                    _ => Err(self.error(Problem::ParticleCount {
                        text: text.to_owned(),
                    })),
                };
            }
        }
        Ok(None)
    }

    pub(super) fn comment(&mut self) -> Result<BTreeMap<String, String>, ReadError> {
        if !self.advance()? {
            return Err(self.truncated("a comment line"));
        }
        parse_comment(&self.text).map_err(|problem| self.error(problem))
    }
}

/// The `key=value` pairs of a comment line, by the rules of ASE: values in quotes or brackets may contain blanks,
/// a backslash takes the next character as it is, a word alone is a key with the value `T`.
fn parse_comment(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    let mut pairs = BTreeMap::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            return Ok(pairs);
        }
        let mut key = String::new();
        let mut value: Option<String> = None;
        let mut closing = None;
        while let Some(c) = characters.next_if(|c| closing.is_some() || !c.is_whitespace()) {
            match (c, closing) {
                ('=', None) if value.is_none() => value = Some(String::new()),
                ('"' | '\'', None) => closing = Some(c),
                ('{', None) => closing = Some('}'),
                ('[', None) => closing = Some(']'),
                (_, Some(end)) if c == end => closing = None,
                _ => {
                    let taken = if c == '\\' {
                        characters.next()
                    } else {
                        Some(c)
                    };
                    value.as_mut().unwrap_or(&mut key).extend(taken);
                }
            }
        }
        if let Some(closing) = closing {
            return Err(Problem::Unterminated { closing });
        }
        let value = value.unwrap_or_else(|| "T".to_owned());
        if pairs.insert(key.clone(), value).is_some() {
            return Err(Problem::DuplicateKey { key });
        }
    }
}

pub(super) fn is_periodicity(text: &str, dimension: usize) -> bool {
    let flags = text.split_whitespace().map(|word| match word {
        "T" | "True" | "true" | "TRUE" | "1" => Some(true),
        "F" | "False" | "false" | "FALSE" | "0" => Some(false),
        _ => None,
    });
    flags.eq((0..3).map(|k| Some(k < dimension)))
}

fn number(text: &str, what: impl FnOnce() -> String) -> Result<f64, Problem> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite());
    value.ok_or_else(|| Problem::Number {
        what: what(),
        text: text.to_owned(),
    })
}

/// The number, which must vanish unless it lies in the space of the system.
fn component(
    text: &str,
    inside: bool,
    dimension: usize,
    what: impl Fn() -> String,
) -> Result<f64, Problem> {
    let value = number(text, &what)?;
    if inside || value == 0.0 {
        Ok(value)
    } else {
        Err(Problem::OutOfPlane {
            what: what(),
            value,
            dimension,
        })
    }
}

/// What the comment line says about the lines that follow.
pub(super) struct Header<const D: usize> {
    pub(super) cell: Cell<D>,
    columns: String,
    width: usize,
    /// Where columns begin.
    species: usize,
    position: usize,
    velocity: Option<usize>,
    size: Option<Size>,
    identifier: Option<usize>,
}

/// Where a particle's size is and what makes a diameter of it.
#[derive(Clone, Copy)]
struct Size {
    column: usize,
    name: &'static str,
    factor: f64,
}

/// One line.
pub(super) struct Row<'a, const D: usize> {
    pub(super) label: &'a str,
    pub(super) position: Vector<D>,
    pub(super) velocity: Option<Vector<D>>,
    pub(super) diameter: Option<f64>,
    pub(super) identifier: Option<i64>,
}

impl<const D: usize> Header<D> {
    /// Takes what it knows out of the pairs of the comment line.
    ///
    /// `flattened`: in two dimensions, `pbc` may say three all the same.
    pub(super) fn take(
        pairs: &mut BTreeMap<String, String>,
        flattened: bool,
    ) -> Result<Self, Problem> {
        let lattice = pairs.remove(LATTICE).ok_or(Problem::MissingLattice)?;
        let expected = periodicity(D);
        // By the format, a cell without pbc is periodic in all three directions.
        let found = pairs.remove(PERIODIC).unwrap_or_else(|| periodicity(3));
        if !(is_periodicity(&found, D) || flattened && is_periodicity(&found, 3)) {
            return Err(Problem::Periodicity { found, expected });
        }
        let text = pairs.remove(COLUMNS);
        let columns = text.unwrap_or_else(|| "species:S:1:pos:R:3".to_owned());
        let fail = |problem| Problem::Columns {
            text: columns.clone(),
            problem,
        };

        let mut width = 0_usize;
        let (mut species, mut position, mut velocity) = (None, None, None);
        let (mut radius, mut diameter, mut identifier) = (None, None, None);
        let words: Vec<&str> = columns.split(':').collect();
        for words in words.chunks(3) {
            let &[name, kind, count] = words else {
                return Err(fail("is not a list of name:type:count"));
            };
            let count = count.parse().ok().filter(|&count: &usize| count > 0);
            let count =
                count.ok_or_else(|| fail("has a count that is not a positive whole number"))?;
            let (place, form) = match name {
                // Types without names are numbers.
                "species" => (&mut species, (if kind == "I" { "I" } else { "S" }, 1)),
                "pos" => (&mut position, ("R", 3)),
                "vel" | "velo" | "velocities" => (&mut velocity, ("R", 3)),
                "radius" => (&mut radius, ("R", 1)),
                "diameter" => (&mut diameter, ("R", 1)),
                "id" if (kind, count) == ("I", 1) => (&mut identifier, ("I", 1)),
                _ => (&mut None, (kind, count)),
            };
            if (kind, count) != form {
                return Err(fail(
                    "gives species, pos, vel, radius or diameter another form than S:1, R:3, R:3, R:1 or R:1",
                ));
            }
            if place.replace(width).is_some() {
                return Err(fail("has the same columns twice"));
            }
            width = width
                .checked_add(count)
                .ok_or_else(|| fail("has too many columns"))?;
        }
        let size = match (radius, diameter) {
            (Some(_), Some(_)) => return Err(fail("has both radius and diameter")),
            (Some(column), None) => Some(("radius", 2.0, column)),
            (None, Some(column)) => Some(("diameter", 1.0, column)),
            (None, None) => None,
        };
        Ok(Self {
            cell: parse_cell(&lattice)?,
            width,
            species: species.ok_or_else(|| fail("lacks species"))?,
            position: position.ok_or_else(|| fail("lacks pos"))?,
            velocity,
            identifier,
            size: size.map(|(name, factor, column)| Size {
                column,
                name,
                factor,
            }),
            columns,
        })
    }

    pub(super) fn row<'a>(&self, line: &'a str) -> Result<Row<'a, D>, Problem> {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.len() != self.width {
            return Err(Problem::ColumnCount {
                found: words.len(),
                expected: self.width,
                columns: self.columns.clone(),
            });
        }
        let vector = |name: &str, start: usize| {
            let mut vector = [0.0; D];
            for k in 0..3 {
                let what = || {
                    format!(
                        "column {}, the {} component of the {name},",
                        start + k + 1,
                        AXES[k]
                    )
                };
                let value = component(words[start + k], k < D, D, what)?;
                if k < D {
                    vector[k] = value;
                }
            }
            Ok::<_, Problem>(vector)
        };
        let diameter = |size: Size| {
            let what = || format!("column {}, the {},", size.column + 1, size.name);
            Ok::<_, Problem>(size.factor * number(words[size.column], what)?)
        };
        let identifier = |column: usize| {
            let parsed = words[column].parse();
            parsed.map_err(|_| Problem::Identifier {
                column: column + 1,
                text: words[column].to_owned(),
            })
        };
        Ok(Row {
            label: words[self.species],
            position: vector("position", self.position)?,
            velocity: self
                .velocity
                .map(|start| vector("velocity", start))
                .transpose()?,
            diameter: self.size.map(diameter).transpose()?,
            identifier: self.identifier.map(identifier).transpose()?,
        })
    }
}

fn parse_cell<const D: usize>(text: &str) -> Result<Cell<D>, Problem> {
    let words: Vec<&str> = text
        .split([' ', '\t', ','])
        .filter(|word| !word.is_empty())
        .collect();
    if words.len() != 9 {
        return Err(Problem::LatticeEntries { found: words.len() });
    }
    let mut vectors: Matrix<D> = [[0.0; D]; D];
    for (entry, word) in words.iter().enumerate() {
        let (row, column) = (entry / 3, entry % 3);
        // Directions without particles must be at right angles to those with.
        let inside = (row < D) == (column < D);
        let what = || {
            format!(
                "Lattice entry {} ({} of vector {})",
                entry + 1,
                AXES[column],
                row + 1
            )
        };
        let value = component(word, inside, D, what)?;
        if row < D && column < D {
            vectors[row][column] = value;
        }
    }
    Ok(Cell::triclinic(vectors)?)
}
