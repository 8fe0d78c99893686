//! Has the liquid begun to crystallise? Particles whose surroundings are those of a crystal.

use crate::structure::StructureError;
use crate::structure::bond_order::BondOrder;
use crate::structure::bonds::Bonds;
use serde::{Deserialize, Serialize};
use std::fmt;

/// When a particle counts as solid-like.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrystalCriterion {
    /// It has at least `connections` neighbours with [similarity](BondOrder::similarity)
    /// `d_l(i, j) > similarity`, `l = degree`.
    ///
    /// Source: ten Wolde, Ruiz-Montero and Frenkel, J. Chem. Phys. 104, 9932 (1996); threshold and number of
    /// connections after Auer and Frenkel, J. Chem. Phys. 120, 3015 (2004).
    Connections {
        /// The degree `l`, 6 for close-packed, body-centred and triangular lattices.
        degree: usize,
        /// The threshold of `d_l`, in (-1, 1).
        similarity: f64,
        /// The least number of such neighbours.
        connections: usize,
    },
    /// Among its four nearest neighbours at least three are staggered, `d_3(i, j) <= staggered`, and the others, if any, are
    /// eclipsed, `d_3(i, j)` between the two numbers of `eclipsed`: cubic (four) or hexagonal (three) diamond.
    ///
    /// In the perfect lattices `d_3` is -1 for a staggered bond and -1/9 for an eclipsed one. Source: Moore, de la Llave,
    /// Welke, Scherlis and Molinero, Phys. Chem. Chem. Phys. 12, 4124 (2010); numbers of Nguyen and Molinero, J. Phys. Chem. B
    /// 119, 9369 (2015).
    Tetrahedral {
        /// The highest `d_3` of a staggered bond.
        staggered: f64,
        /// The lowest and highest `d_3` of an eclipsed bond.
        eclipsed: [f64; 2],
    },
}

impl CrystalCriterion {
    /// For crystals of simple liquids in space, close-packed or body-centred: seven neighbours with `d_6 > 0.7`. Take
    /// neighbours up to the first minimum of `g(r)`.
    pub const CLOSE_PACKED: Self = Self::Connections {
        degree: 6,
        similarity: 0.7,
        connections: 7,
    };

    /// For the triangular lattice: five neighbours of six with `d_6 > 0.7`.
    pub const TRIANGULAR: Self = Self::Connections {
        degree: 6,
        similarity: 0.7,
        connections: 5,
    };

    /// For diamond, into which Stillinger-Weber liquids crystallise. Take neighbours up to the first minimum of `g(r)` or
    /// beyond; the four nearest are used.
    pub const DIAMOND: Self = Self::Tetrahedral {
        staggered: -0.8,
        eclipsed: [-0.35, 0.25],
    };

    /// Whether each particle is solid-like.
    ///
    /// # Errors
    ///
    /// If the criterion has values that mean nothing.
    pub fn solid_like<const D: usize>(
        &self,
        bonds: &Bonds<D>,
    ) -> Result<Vec<bool>, StructureError> {
        let within = |what, value: f64| {
            if (-1.0..=1.0).contains(&value) {
                Ok(())
            } else {
                let remedy = "similarities lie between -1 and 1";
                Err(StructureError::InvalidCriterion {
                    what,
                    value,
                    remedy,
                })
            }
        };
        match *self {
            Self::Connections {
                degree,
                similarity,
                connections,
            } => {
                within("similarity", similarity)?;
                if connections == 0 {
                    return Err(StructureError::InvalidCriterion {
                        what: "connections",
                        value: 0.0,
                        remedy: "with none, every particle would be solid-like",
                    });
                }
                let order = BondOrder::new(bonds, degree)?;
                Ok((0..bonds.particles())
                    .map(|particle| {
                        let alike = |neighbour| order.similarity(particle, neighbour) > similarity;
                        let own = bonds.of(particle).iter();
                        own.filter(|bond| alike(bond.neighbour)).count() >= connections
                    })
                    .collect())
            }
            Self::Tetrahedral {
                staggered,
                eclipsed,
            } => {
                within("staggered", staggered)?;
                within("eclipsed", eclipsed[0])?;
                within("eclipsed", eclipsed[1])?;
                let nearest = bonds.closest(4);
                let order = BondOrder::new(&nearest, 3)?;
                Ok((0..bonds.particles())
                    .map(|particle| {
                        let (mut first, mut second) = (0, 0);
                        for bond in nearest.of(particle) {
                            let d = order.similarity(particle, bond.neighbour);
                            if d <= staggered {
                                first += 1;
                            } else if eclipsed[0] <= d && d <= eclipsed[1] {
                                second += 1;
                            }
                        }
                        first >= 3 && first + second == 4
                    })
                    .collect())
            }
        }
    }
}

/// What may be said about crystallisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrystalVerdict {
    /// No more particles are solid-like than the limit allows.
    Amorphous,
    /// More are.
    Crystalline,
}

/// How many particles of a configuration are solid-like, and the conclusion.
///
/// Its [`Display`](fmt::Display) is a sentence that explains the verdict.
///
/// # Examples
///
/// ```
/// use vitreous_observables::{Bonds, CrystalCriterion, CrystalVerdict, Crystallinity};
///
/// // A face-centred cubic lattice of 4 x 27 particles.
/// let positions: Vec<[f64; 3]> = (0..108)
///     .map(|i| {
///         let corner = [i / 4 % 3, i / 12 % 3, i / 36].map(f64::from);
///         let basis = [[0.0; 3], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]][i as usize % 4];
///         std::array::from_fn(|k| corner[k] + basis[k])
///     })
///     .collect();
/// let cell = [[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]];
/// let bonds = Bonds::within(&cell, &positions, 0.85)?;
/// let crystallinity = Crystallinity::new(&bonds, CrystalCriterion::CLOSE_PACKED, 0.1)?;
/// assert_eq!(crystallinity.verdict, CrystalVerdict::Crystalline);
/// assert_eq!(crystallinity.largest_cluster, 108);
/// # Ok::<(), vitreous_observables::StructureError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crystallinity {
    /// The number of particles.
    pub particles: usize,
    /// The number of solid-like particles.
    pub solid_like: usize,
    /// Their share of all particles.
    pub share: f64,
    /// The number of particles in the largest cluster of solid-like particles that are neighbours.
    pub largest_cluster: usize,
    /// The share above which the configuration counts as crystalline.
    pub limit: f64,
    /// When a particle counts as solid-like.
    pub criterion: CrystalCriterion,
    /// The conclusion.
    pub verdict: CrystalVerdict,
}

impl Crystallinity {
    /// Judges a configuration by its bonds. It is crystalline if a larger share of its particles than `limit` is
    /// solid-like; 0.1 leaves room for the few per cent that look so in a supercooled liquid.
    ///
    /// # Errors
    ///
    /// If the limit is not in (0, 1), or the criterion has values that mean nothing.
    pub fn new<const D: usize>(
        bonds: &Bonds<D>,
        criterion: CrystalCriterion,
        limit: f64,
    ) -> Result<Self, StructureError> {
        if !(limit > 0.0 && limit < 1.0) {
            return Err(StructureError::InvalidCriterion {
                what: "limit",
                value: limit,
                remedy: "a share of particles lies strictly between 0 and 1, 0.1 is usual",
            });
        }
        let solid = criterion.solid_like(bonds)?;
        let solid_like = solid.iter().filter(|&&solid| solid).count();
        let share = solid_like as f64 / bonds.particles() as f64;
        Ok(Self {
            particles: bonds.particles(),
            solid_like,
            share,
            largest_cluster: largest_cluster(bonds, solid),
            limit,
            criterion,
            verdict: if share > limit {
                CrystalVerdict::Crystalline
            } else {
                CrystalVerdict::Amorphous
            },
        })
    }
}

impl fmt::Display for Crystallinity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            particles,
            solid_like,
            share,
            largest_cluster,
            limit,
            ..
        } = self;
        let (share, limit) = (100.0 * share, 100.0 * limit);
        match self.verdict {
            CrystalVerdict::Amorphous => write!(f, "amorphous")?,
            CrystalVerdict::Crystalline => write!(f, "crystalline")?,
        }
        write!(
            f,
            ": {solid_like} of {particles} particles ({share:.1} %, limit {limit:.1} %) are solid-like, \
             {largest_cluster} of them in one cluster; solid-like means "
        )?;
        match self.criterion {
            CrystalCriterion::Connections {
                degree,
                similarity,
                connections,
            } => write!(
                f,
                "at least {connections} neighbours with d_{degree} above {similarity}"
            ),
            CrystalCriterion::Tetrahedral {
                staggered,
                eclipsed: [low, high],
            } => write!(
                f,
                "at least three of four neighbours with d_3 up to {staggered} and the others with d_3 from {low} to {high}"
            ),
        }
    }
}

/// The size of the largest connected set of marked particles.
fn largest_cluster<const D: usize>(bonds: &Bonds<D>, mut marked: Vec<bool>) -> usize {
    let mut largest = 0;
    let mut waiting = Vec::new();
    for start in 0..marked.len() {
        let mut size = 0;
        waiting.push(start);
        while let Some(particle) = waiting.pop() {
            if std::mem::replace(&mut marked[particle], false) {
                size += 1;
                waiting.extend(bonds.of(particle).iter().map(|bond| bond.neighbour));
            }
        }
        largest = largest.max(size);
    }
    largest
}

#[cfg(test)]
mod tests;
