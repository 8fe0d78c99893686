//! The columns of atoms.

use super::{AXES, Problem, shortened};

/// The styles of positions, the most telling first; each is a place in [`Row::coordinates`].
const STYLES: [[&str; 3]; 4] = [
    ["xu", "yu", "zu"],
    ["xsu", "ysu", "zsu"],
    ["x", "y", "z"],
    ["xs", "ys", "zs"],
];
const VELOCITIES: [&str; 3] = ["vx", "vy", "vz"];
const IMAGES: [&str; 3] = ["ix", "iy", "iz"];
/// The columns that can be labels of species, the most telling first.
const LABELS: [&str; 3] = ["typelabel", "type", "element"];
/// The label of all where there is none.
const NAMELESS: &str = "1";
/// The columns of `dump atom` before they were named in files.
const OLD: &str = "id type xs ys zs";

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Skipped,
    Identifier,
    Coordinate(usize, usize),
    Image(usize),
    Velocity(usize),
    /// With the factor that makes a diameter of it.
    Size(f64),
}

/// The columns of a frame.
#[derive(Debug)]
pub(super) struct Columns {
    names: String,
    roles: Vec<Role>,
    label: Option<usize>,
}

/// What is read of the positions and images in a number of dimensions.
pub(super) struct Form {
    /// The place in [`Row::coordinates`].
    pub(super) style: usize,
    /// Whether coordinates are in units of the lattice vectors.
    pub(super) scaled: bool,
    /// Whether images must be added.
    pub(super) images: bool,
    pub(super) velocities: bool,
}

impl Form {
    /// Whether the positions, images added, are unwrapped.
    pub(super) fn unwrapped(&self) -> bool {
        self.style < 2 || self.images
    }
}

/// The numbers of one atom.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) identifier: Option<i64>,
    pub(super) coordinates: [[f64; 3]; 4],
    pub(super) images: [i32; 3],
    pub(super) velocity: [f64; 3],
    pub(super) diameter: Option<f64>,
}

impl Columns {
    pub(super) fn parse(names: &str) -> Result<Self, Problem> {
        let names = if names.is_empty() { OLD } else { names };
        let words: Vec<&str> = names.split_whitespace().collect();
        let mut roles = Vec::with_capacity(words.len());
        for (column, &name) in words.iter().enumerate() {
            if words[..column].contains(&name) {
                let (names, problem) = (names.to_owned(), format!("have {name} twice"));
                return Err(Problem::Columns { names, problem });
            }
            roles.push(role(name));
        }
        if ["radius", "diameter"]
            .iter()
            .all(|name| words.contains(name))
        {
            let (names, problem) = (names.to_owned(), "have both radius and diameter".into());
            return Err(Problem::Columns { names, problem });
        }
        let place = |name| words.iter().position(|&word| word == name);
        Ok(Self {
            label: LABELS.into_iter().find_map(place),
            names: names.to_owned(),
            roles,
        })
    }

    /// Whether there is a column for each of the first `dimension` axes.
    fn has(&self, dimension: usize, role: impl Fn(usize) -> Role) -> bool {
        (0..dimension).all(|axis| self.roles.contains(&role(axis)))
    }

    /// How positions are read.
    pub(super) fn form<const D: usize>(&self) -> Result<Form, Problem> {
        let complete = |style: &usize| self.has(D, |axis| Role::Coordinate(*style, axis));
        let Some(style) = (0..STYLES.len()).find(complete) else {
            return Err(Problem::Columns {
                names: self.names.clone(),
                problem: format!("lack positions, for example {}", AXES[..D].join(" ")),
            });
        };
        Ok(Form {
            style,
            scaled: style % 2 == 1,
            images: style >= 2 && self.has(D, Role::Image),
            velocities: self.has(D, Role::Velocity),
        })
    }

    /// The style of positions that has a third component.
    pub(super) fn heights(&self) -> Option<usize> {
        (0..STYLES.len()).find(|&style| self.roles.contains(&Role::Coordinate(style, 2)))
    }

    /// The label in the line of an atom that was read.
    pub(super) fn label<'a>(&self, line: &'a str) -> &'a str {
        let word = self
            .label
            .and_then(|column| line.split_whitespace().nth(column));
        word.unwrap_or(NAMELESS)
    }

    /// Reads the line of an atom.
    pub(super) fn read(&self, line: &str, row: &mut Row) -> Result<(), Problem> {
        let mut words = line.split_whitespace();
        for (column, &role) in self.roles.iter().enumerate() {
            let Some(word) = words.next() else {
                return Err(self.count(line));
            };
            let fail = |form: &'static str| {
                let name = self
                    .names
                    .split_whitespace()
                    .nth(column)
                    .unwrap_or_default();
                Problem::Entry {
                    column: column + 1,
                    name: name.to_owned(),
                    text: shortened(word),
                    form,
                }
            };
            let number = || {
                let number = word.parse().ok().filter(|x: &f64| x.is_finite());
                number.ok_or_else(|| fail("a finite number"))
            };
            match role {
                Role::Skipped => {}
                Role::Identifier => {
                    let identifier = word.parse().map_err(|_| fail("a whole number"))?;
                    row.identifier = Some(identifier);
                }
                Role::Coordinate(style, axis) => row.coordinates[style][axis] = number()?,
                Role::Image(axis) => {
                    row.images[axis] = word.parse().map_err(|_| fail("a whole number"))?;
                }
                Role::Velocity(axis) => row.velocity[axis] = number()?,
                Role::Size(factor) => row.diameter = Some(factor * number()?),
            }
        }
        if words.next().is_some() {
            return Err(self.count(line));
        }
        Ok(())
    }

    fn count(&self, line: &str) -> Problem {
        Problem::ColumnCount {
            found: line.split_whitespace().count(),
            expected: self.roles.len(),
            names: self.names.clone(),
        }
    }
}

fn role(name: &str) -> Role {
    let axis = |names: [&str; 3]| names.iter().position(|&known| known == name);
    for (style, names) in STYLES.into_iter().enumerate() {
        if let Some(axis) = axis(names) {
            return Role::Coordinate(style, axis);
        }
    }
    if let Some(axis) = axis(IMAGES) {
        return Role::Image(axis);
    }
    if let Some(axis) = axis(VELOCITIES) {
        return Role::Velocity(axis);
    }
    match name {
        "id" => Role::Identifier,
        "radius" => Role::Size(2.0),
        "diameter" => Role::Size(1.0),
        _ => Role::Skipped,
    }
}
