//! Neighbours within a cut-off, in cells of any shape and size.

use crate::lattice::{dot, norm};
use crate::structure::grid::Run;
use crate::structure::{StructureError, check_frame, count_species, plan};
use std::cmp::Ordering;

/// The neighbours of every particle, as vectors that lead to them.
///
/// In a cell that is smaller than twice the cut-off, the same two particles may be neighbours through several
/// periodic images, and a particle may be a neighbour of its own image: each is a bond of its own.
///
/// The usual cut-off is the first minimum of `g(r)` (of the pair of species).
///
/// # Examples
///
/// ```
/// use vitreous_observables::Bonds;
///
/// // One particle in a square cell: a square lattice. Its neighbours are images of itself.
/// let cell = [[1.0, 0.0], [0.0, 1.0]];
/// let bonds = Bonds::within(&cell, &[[0.3, 0.3]], 1.2)?;
/// assert_eq!(bonds.of(0).len(), 4);
/// assert!(bonds.of(0).iter().all(|bond| bond.neighbour == 0));
/// # Ok::<(), vitreous_observables::StructureError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bonds<const D: usize> {
    /// Where the bonds of each particle start.
    starts: Vec<usize>,
    bonds: Vec<Bond<D>>,
}

/// From a particle to one of its neighbours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bond<const D: usize> {
    /// The index of the neighbour.
    pub neighbour: usize,
    /// The vector that leads to it, a length.
    pub vector: [f64; D],
}

impl<const D: usize> Bonds<D> {
    /// All pairs nearer than `cutoff` (a length), among positions `N x D`, folded or not, in a cell with the
    /// lattice vectors as rows.
    ///
    /// # Errors
    ///
    /// If the cell has no volume, the cut-off is not positive or absurdly long, or a position is not finite.
    pub fn within(
        cell: &[[f64; D]; D],
        positions: &[[f64; D]],
        cutoff: f64,
    ) -> Result<Self, StructureError> {
        Self::by_species(cell, positions, &vec![0; positions.len()], &[vec![cutoff]])
    }

    /// All pairs nearer than the cut-off of their species, `cutoffs[a][b]` (lengths, symmetric).
    ///
    /// # Errors
    ///
    /// As [`within`](Self::within), and if the table of cut-offs is not symmetric and positive for all species present.
    pub fn by_species(
        cell: &[[f64; D]; D],
        positions: &[[f64; D]],
        species: &[u8],
        cutoffs: &[Vec<f64>],
    ) -> Result<Self, StructureError> {
        if species.len() != positions.len() {
            return Err(StructureError::ParticleCount {
                what: "species",
                expected: positions.len(),
                given: species.len(),
            });
        }
        check_frame(positions, species.len())?;
        let kinds = count_species(species)?.len();
        let mut longest = 0.0_f64;
        for first in 0..kinds {
            for second in 0..kinds {
                let cutoff = |a: usize, b: usize| cutoffs.get(a).and_then(|row| row.get(b));
                match (cutoff(first, second), cutoff(second, first)) {
                    (Some(&one), Some(&other)) if one == other && one > 0.0 => {
                        longest = longest.max(one);
                    }
                    _ => return Err(StructureError::Cutoffs { first, second }),
                }
            }
        }
        let plan = plan(cell, longest, positions.len())?;
        let grid = plan.sort(positions);
        let mut found: Vec<(u32, u32, [f64; D])> = Vec::new();
        plan.visit(&grid, 0..grid.bins(), |run: Run<D>| {
            let particle = grid.particles[run.place];
            let row = &cutoffs[usize::from(species[particle as usize])];
            for other in run.others {
                let vector: [f64; D] = std::array::from_fn(|k| {
                    grid.coordinates[k][other]
                        - (grid.coordinates[k][run.place] - run.translation[k])
                });
                let neighbour = grid.particles[other];
                let cutoff = row[usize::from(species[neighbour as usize])];
                if dot(&vector, &vector) < cutoff * cutoff {
                    found.push((particle, neighbour, vector));
                    found.push((neighbour, particle, vector.map(|x| -x)));
                }
            }
        });
        Ok(Self::collect(positions.len(), &found))
    }

    /// Only the `count` nearest of the bonds of each particle; of equally long ones those that come first. The
    /// neighbours of a particle may then have others that are nearer to them.
    pub fn closest(&self, count: usize) -> Self {
        let mut found = Vec::new();
        for particle in 0..self.particles() {
            let mut own = self.of(particle).to_vec();
            own.sort_by(|a, b| norm(&a.vector).total_cmp(&norm(&b.vector)));
            own.truncate(count);
            for bond in own {
                found.push((particle as u32, bond.neighbour as u32, bond.vector));
            }
        }
        Self::collect(self.particles(), &found)
    }

    /// Sorts bonds by particle, neighbour and vector: their order must not depend on how they were found.
    fn collect(particles: usize, found: &[(u32, u32, [f64; D])]) -> Self {
        let mut starts = vec![0; particles + 1];
        for (particle, ..) in found {
            starts[*particle as usize + 1] += 1;
        }
        for particle in 0..particles {
            starts[particle + 1] += starts[particle];
        }
        let mut next = starts.clone();
        let nothing = Bond {
            neighbour: 0,
            vector: [0.0; D],
        };
        let mut bonds = vec![nothing; found.len()];
        for &(particle, neighbour, vector) in found {
            let neighbour = neighbour as usize;
            bonds[next[particle as usize]] = Bond { neighbour, vector };
            next[particle as usize] += 1;
        }
        for particle in 0..particles {
            bonds[starts[particle]..starts[particle + 1]].sort_unstable_by(|a, b| {
                let vectors = a.vector.iter().zip(&b.vector);
                a.neighbour.cmp(&b.neighbour).then_with(|| {
                    let components = vectors.map(|(x, y)| x.total_cmp(y));
                    components.fold(Ordering::Equal, Ordering::then)
                })
            });
        }
        Self { starts, bonds }
    }

    /// The number of particles.
    pub fn particles(&self) -> usize {
        self.starts.len() - 1
    }

    /// The bonds of a particle, in the order of its neighbours; none if there is no such particle.
    pub fn of(&self, particle: usize) -> &[Bond<D>] {
        match (self.starts.get(particle), self.starts.get(particle + 1)) {
            (Some(&start), Some(&end)) => &self.bonds[start..end],
            _ => &[],
        }
    }
}
