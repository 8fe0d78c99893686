//! The particles of a frame while it is read.

use crate::cell::Cell;
use crate::configuration::{Configuration, ConfigurationError, Species};
use crate::vector::Vector;

/// Columns that grow particle by particle; those that a file does not have stay empty.
#[derive(Debug, Default)]
pub(crate) struct Particles<const D: usize> {
    pub(crate) identifiers: Vec<i64>,
    pub(crate) species: Vec<Species>,
    pub(crate) positions: Vec<Vector<D>>,
    pub(crate) velocities: Vec<Vector<D>>,
    pub(crate) diameters: Vec<f64>,
}

impl<const D: usize> Particles<D> {
    /// Puts the particles in the order of their identifiers, if they have any.
    ///
    /// # Errors
    /// An identifier that appears twice.
    pub(crate) fn sort(&mut self) -> Result<(), i64> {
        if self.identifiers.is_sorted_by(|a, b| a < b) {
            return Ok(());
        }
        let mut order: Vec<usize> = (0..self.identifiers.len()).collect();
        order.sort_by_key(|&particle| self.identifiers[particle]);
        self.identifiers = sorted(&self.identifiers, &order);
        self.species = sorted(&self.species, &order);
        self.positions = sorted(&self.positions, &order);
        self.velocities = sorted(&self.velocities, &order);
        self.diameters = sorted(&self.diameters, &order);
        let twice = self.identifiers.windows(2).find(|pair| pair[0] == pair[1]);
        twice.map_or(Ok(()), |pair| Err(pair[0]))
    }

    /// The configuration, and velocities and identifiers where the particles have them.
    #[expect(clippy::type_complexity, reason = "three columns")]
    pub(crate) fn finish(
        self,
        cell: Cell<D>,
    ) -> Result<(Configuration<D>, Option<Vec<Vector<D>>>, Option<Vec<i64>>), ConfigurationError>
    {
        let mut configuration = Configuration::new(cell, self.positions, self.species)?;
        if !self.diameters.is_empty() {
            configuration = configuration.with_diameters(self.diameters)?;
        }
        Ok((configuration, some(self.velocities), some(self.identifiers)))
    }
}

fn sorted<T: Copy>(column: &[T], order: &[usize]) -> Vec<T> {
    if column.is_empty() {
        return Vec::new();
    }
    order.iter().map(|&particle| column[particle]).collect()
}

fn some<T>(column: Vec<T>) -> Option<Vec<T>> {
    (!column.is_empty()).then_some(column)
}
