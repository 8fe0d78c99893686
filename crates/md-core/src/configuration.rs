//! Where the particles are and of which species.

use crate::cell::{Cell, CellError};
use crate::random::Seed;
use crate::vector::{Matrix, Vector, all_finite, flat, transform};
use rand::RngExt;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The index of a species; what it means is up to the potential. The models of this family use 0 for `A`
/// and 1 for `B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Species(pub u8);

impl Species {
    /// The index as a `usize`.
    #[inline(always)]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// `N` particles in a periodic cell: positions (`N x D`, not necessarily inside the cell), species, and
/// diameters where each particle has its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration<const D: usize> {
    cell: Cell<D>,
    #[serde(with = "flat")]
    positions: Vec<Vector<D>>,
    species: Vec<Species>,
    diameters: Option<Vec<f64>>,
}

/// Why particles do not make a configuration.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ConfigurationError {
    /// Nothing to simulate.
    #[error("a configuration needs at least one particle")]
    Empty,
    /// More particles than neighbour lists can index.
    #[error("{particles} particles are more than the {limit} that neighbour lists can index")]
    TooMany {
        /// Number asked for.
        particles: usize,
        /// Largest number.
        limit: usize,
    },
    /// Lists of different length.
    #[error("{positions} positions but {species} species: there must be one of each per particle")]
    Lengths {
        /// Number of positions.
        positions: usize,
        /// Number of species.
        species: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate {component} of particle {particle} is {value}: it must be a finite number")]
    NotFinite {
        /// Index of the particle, from 0.
        particle: usize,
        /// Index of the Cartesian component.
        component: usize,
        /// Its value.
        value: f64,
    },
    /// Diameters of more or fewer particles than there are.
    #[error("{diameters} diameters but {particles} particles: there must be one for each")]
    DiameterCount {
        /// Number of diameters.
        diameters: usize,
        /// Number of particles.
        particles: usize,
    },
    /// A diameter that is not a positive number.
    #[error("the diameter of particle {particle} is {diameter}: it must be positive and finite")]
    Diameter {
        /// Index of the particle, from 0.
        particle: usize,
        /// Its diameter.
        diameter: f64,
    },
    /// Shares of species that do not describe a mixture.
    #[error(
        "the composition {composition:?} is not a mixture: shares must be positive and add up to 1"
    )]
    Composition {
        /// The shares.
        composition: Vec<f64>,
    },
    /// The cell.
    #[error(transparent)]
    Cell(#[from] CellError),
}

impl<const D: usize> Configuration<D> {
    /// A configuration from its parts.
    ///
    /// # Errors
    /// No particles, lists of different length, coordinates that are not finite.
    pub fn new(
        cell: Cell<D>,
        positions: Vec<Vector<D>>,
        species: Vec<Species>,
    ) -> Result<Self, ConfigurationError> {
        let limit = u32::MAX as usize;
        if positions.is_empty() {
            return Err(ConfigurationError::Empty);
        }
        if positions.len() > limit {
            return Err(ConfigurationError::TooMany {
                particles: positions.len(),
                limit,
            });
        }
        if positions.len() != species.len() {
            return Err(ConfigurationError::Lengths {
                positions: positions.len(),
                species: species.len(),
            });
        }
        let configuration = Self {
            cell,
            positions,
            species,
            diameters: None,
        };
        configuration.check_finite()?;
        Ok(configuration)
    }

    /// A random mixture at number density `density`: particles on randomly chosen sites of a simple cubic
    /// (square) lattice, displaced at random by up to a tenth of its spacing, species shuffled.
    ///
    /// `composition` holds the share of each species; numbers are rounded so that they add up to
    /// `particles`. The lattice keeps particles from overlapping so much that dynamics could not start;
    /// melt it well above the melting point before use.
    ///
    /// # Errors
    /// No particles, a density that is not positive, shares that do not add up to 1.
    pub fn random(
        particles: usize,
        density: f64,
        composition: &[f64],
        seed: Seed,
    ) -> Result<Self, ConfigurationError> {
        let total: f64 = composition.iter().sum();
        if composition.is_empty()
            || composition.len() > 256
            || !composition.iter().all(|&share| share >= 0.0)
            || (total - 1.0).abs() > 1e-9
        {
            return Err(ConfigurationError::Composition {
                composition: composition.to_vec(),
            });
        }
        if particles == 0 {
            return Err(ConfigurationError::Empty);
        }
        let cell = Cell::cubic(particles, density)?;
        let mut random = seed.stream("random configuration", &[particles as u64]);

        let mut per_edge = 1_usize;
        while per_edge.pow(D as u32) < particles {
            per_edge += 1;
        }
        let mut sites: Vec<usize> = (0..per_edge.pow(D as u32)).collect();
        sites.shuffle(&mut random);
        sites.truncate(particles);
        sites.sort_unstable();
        let positions = sites
            .iter()
            .map(|&site| {
                let fractional: Vector<D> = std::array::from_fn(|k| {
                    let along = (site / per_edge.pow(k as u32)) % per_edge;
                    let jitter = random.random_range(-0.1..0.1);
                    (along as f64 + 0.5 + jitter) / per_edge as f64
                });
                cell.cartesian(&fractional)
            })
            .collect();

        let mut species = Vec::with_capacity(particles);
        let mut share_so_far = 0.0;
        for (index, share) in composition.iter().enumerate() {
            share_so_far += share;
            // Cumulative rounding: the counts add up to `particles` whatever the shares.
            let end = (share_so_far * particles as f64).round() as usize;
            species.resize(end.min(particles).max(species.len()), Species(index as u8));
        }
        species.shuffle(&mut random);
        Self::new(cell, positions, species)
    }

    /// The same with diameters given out to the particles in random order.
    ///
    /// # Errors
    /// As [`Configuration::with_diameters`].
    pub fn with_shuffled_diameters(
        self,
        mut diameters: Vec<f64>,
        seed: Seed,
    ) -> Result<Self, ConfigurationError> {
        diameters.shuffle(&mut seed.stream("diameters", &[]));
        self.with_diameters(diameters)
    }

    /// The number of particles `N`.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are no particles; never true for a configuration that was constructed.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The periodic cell.
    pub fn cell(&self) -> &Cell<D> {
        &self.cell
    }

    /// The positions, `N x D`. They are not wrapped into the cell, so differences in time are displacements.
    pub fn positions(&self) -> &[Vector<D>] {
        &self.positions
    }

    /// The positions, to be changed.
    pub fn positions_mut(&mut self) -> &mut [Vector<D>] {
        &mut self.positions
    }

    /// The species of each particle.
    pub fn species(&self) -> &[Species] {
        &self.species
    }

    /// The diameter of each particle, where particles have diameters of their own.
    pub fn diameters(&self) -> Option<&[f64]> {
        self.diameters.as_deref()
    }

    /// The number density `N / V`.
    pub fn density(&self) -> f64 {
        self.len() as f64 / self.cell.volume()
    }

    /// The typical distance between particles, `a0 = (V/N)^(1/D)`: the unit of length of reduced results.
    pub fn mean_spacing(&self) -> f64 {
        self.density().powf(-1.0 / D as f64)
    }

    /// The positions moved by lattice translations into the cell.
    pub fn wrapped_positions(&self) -> Vec<Vector<D>> {
        self.positions
            .iter()
            .map(|position| {
                let fractional = self.cell.fractional(position);
                self.cell.cartesian(&fractional.map(|f| f - f.floor()))
            })
            .collect()
    }

    /// The configuration after the affine map `x -> F x` of cell and positions.
    ///
    /// # Errors
    /// A deformation that leaves no volume.
    pub fn deformed(&self, deformation_gradient: &Matrix<D>) -> Result<Self, CellError> {
        Ok(Self {
            cell: self.cell.deformed(deformation_gradient)?,
            positions: self
                .positions
                .iter()
                .map(|x| transform(deformation_gradient, x))
                .collect(),
            species: self.species.clone(),
            diameters: self.diameters.clone(),
        })
    }

    /// The same cell, species and diameters with other positions.
    ///
    /// # Errors
    /// As [`Configuration::new`].
    pub fn with_positions(&self, positions: Vec<Vector<D>>) -> Result<Self, ConfigurationError> {
        let moved = Self::new(self.cell, positions, self.species.clone())?;
        Ok(Self {
            diameters: self.diameters.clone(),
            ..moved
        })
    }

    /// The same with a diameter for each particle, as polydisperse potentials need it.
    ///
    /// # Errors
    /// Another number of diameters than of particles; one that is not positive and finite.
    pub fn with_diameters(self, diameters: Vec<f64>) -> Result<Self, ConfigurationError> {
        if diameters.len() != self.len() {
            return Err(ConfigurationError::DiameterCount {
                diameters: diameters.len(),
                particles: self.len(),
            });
        }
        let valid = |diameter: f64| diameter.is_finite() && diameter > 0.0;
        match diameters.iter().position(|&diameter| !valid(diameter)) {
            Some(particle) => Err(ConfigurationError::Diameter {
                particle,
                diameter: diameters[particle],
            }),
            None => Ok(Self {
                diameters: Some(diameters),
                ..self
            }),
        }
    }

    /// Checks that every coordinate is finite.
    ///
    /// # Errors
    /// The first coordinate that is not.
    pub fn check_finite(&self) -> Result<(), ConfigurationError> {
        if all_finite(self.positions.as_flattened()) {
            return Ok(());
        }
        for (particle, position) in self.positions.iter().enumerate() {
            for (component, &value) in position.iter().enumerate() {
                if !value.is_finite() {
                    return Err(ConfigurationError::NotFinite {
                        particle,
                        component,
                        value,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_mixture_has_the_density_and_composition_asked_for() {
        let mixture = Configuration::<3>::random(1003, 1.2, &[0.8, 0.2], Seed(3)).unwrap();
        assert_eq!(mixture.len(), 1003);
        assert!((mixture.density() - 1.2).abs() < 1e-12);
        let first = mixture.species().iter().filter(|s| s.0 == 0).count();
        assert_eq!(first, 802);
        assert_eq!(
            mixture,
            Configuration::random(1003, 1.2, &[0.8, 0.2], Seed(3)).unwrap()
        );
        assert_ne!(
            mixture,
            Configuration::random(1003, 1.2, &[0.8, 0.2], Seed(4)).unwrap()
        );
    }

    #[test]
    fn bad_input_is_refused_with_its_numbers() {
        let cell = Cell::<2>::cubic(2, 1.0).unwrap();
        let species = vec![Species(0); 2];
        let error = Configuration::new(cell, vec![[0.0, 0.0], [1.0, f64::NAN]], species.clone())
            .unwrap_err();
        assert!(matches!(
            error,
            ConfigurationError::NotFinite {
                particle: 1,
                component: 1,
                ..
            }
        ));
        assert!(matches!(
            Configuration::new(cell, vec![[0.0, 0.0]], species),
            Err(ConfigurationError::Lengths {
                positions: 1,
                species: 2
            })
        ));
        assert!(Configuration::<3>::random(10, 1.0, &[0.5, 0.4], Seed(0)).is_err());
        assert!(Configuration::<3>::random(10, -1.0, &[1.0], Seed(0)).is_err());
        assert!(Configuration::<3>::random(0, 1.0, &[1.0], Seed(0)).is_err());
    }
}
