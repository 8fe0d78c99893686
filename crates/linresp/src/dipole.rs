//! Force dipoles on interacting pairs and their stiffness.

use crate::block_matrix::BlockMatrix;
use crate::interaction::Interaction;
use crate::response::{LinearResponse, ResponseError};
use crate::threads::Threads;
use rand::{Rng, RngExt};
use std::num::NonZeroUsize;
use vitreous_md_core::{Vector, vector};

/// The most right-hand sides solved at once: enough to read the factor seldom, few enough to stay in cache.
const BATCH: usize = 64;

/// The least number of batches, where there are so many right-hand sides: for threads to share.
const SHARES: usize = 16;

/// The response of a structure to the unit dipole on one pair.
#[derive(Clone, Debug, PartialEq)]
pub struct DipoleResponse<const D: usize> {
    /// The stiffness `kappa_ij`.
    pub stiffness: f64,
    /// `z = M^-1 d`, `N x D`.
    pub displacements: Vec<Vector<D>>,
}

impl<const D: usize> LinearResponse<'_, D> {
    /// The index of the interaction of two particles in [`LinearResponse::interactions`].
    ///
    /// # Errors
    /// Particles that do not interact, or do so through several images.
    pub fn find_interaction(&self, i: usize, j: usize) -> Result<usize, ResponseError> {
        let mut found = self
            .interactions()
            .iter()
            .enumerate()
            .filter(|(_, pair)| (pair.i, pair.j) == (i, j) || (pair.i, pair.j) == (j, i))
            .map(|(index, _)| index);
        let first = found.next().ok_or(ResponseError::NotInteracting { i, j })?;
        match found.count() {
            0 => Ok(first),
            more => Err(ResponseError::SeveralImages {
                i,
                j,
                images: 1 + more,
            }),
        }
    }

    /// A random sample of `count` different interactions, each equally likely, in random order.
    ///
    /// # Errors
    /// Fewer interactions than asked for.
    pub fn random_interactions<R: Rng + ?Sized>(
        &self,
        count: usize,
        random: &mut R,
    ) -> Result<Vec<usize>, ResponseError> {
        let available = self.interactions().len();
        if count > available {
            return Err(ResponseError::TooFewInteractions {
                asked: count,
                count: available,
            });
        }
        // The first steps of a Fisher-Yates shuffle.
        let mut indices: Vec<usize> = (0..available).collect();
        for k in 0..count {
            indices.swap(k, random.random_range(k..available));
        }
        indices.truncate(count);
        Ok(indices)
    }

    /// The stiffness `kappa_ij` of the response to force dipoles on interactions, named by their indices in
    /// [`LinearResponse::interactions`]:
    ///
    /// ```text
    /// d = (1/sqrt 2) dr_ij/dx,    z = M^-1 d,    kappa_ij = z.M.z / z.z = d.z / z.z
    /// ```
    ///
    /// An isolated pair of stiffness `k` has `kappa = 2 k`. The work is shared by `threads` threads; results
    /// do not depend on their number.
    ///
    /// Source: the paper (J. Chem. Phys. 155, 074502 (2021)), Eqs. (A2)-(A4).
    ///
    /// # Errors
    /// An index beyond the list; a pair without any stiffness; those of the solver; threads that do not start.
    pub fn dipole_stiffness(
        &self,
        interactions: &[usize],
        threads: NonZeroUsize,
    ) -> Result<Vec<f64>, ResponseError> {
        self.each_dipole(interactions, threads, Interaction::stiffness)
    }

    /// The stiffness of every interaction, in the order of [`LinearResponse::interactions`].
    ///
    /// ```text
    /// kappa_ij = (d . M^-1 . d) / (d . M^-2 . d)
    /// ```
    ///
    /// With [`SparseCholesky`](crate::SparseCholesky) both numbers of every pair come from a
    /// [`SelectedInverse`](crate::SelectedInverse), at the cost of some ten factorisations; other solvers solve for
    /// one dipole after another.
    ///
    /// # Errors
    /// As [`LinearResponse::dipole_stiffness`].
    pub fn dipole_stiffness_field(&self, threads: NonZeroUsize) -> Result<Vec<f64>, ResponseError> {
        let all: Vec<usize> = (0..self.interactions().len()).collect();
        let Some(selected) = self.inverse().selected_inverse(threads)? else {
            return self.dipole_stiffness(&all, threads);
        };
        let stiffness = |pair: &Interaction<D>| {
            let unit = pair.unit();
            let form = |matrix: &BlockMatrix<D>| -> f64 {
                let between = |i, j| {
                    matrix.block(i, j).map_or(0.0, |block| {
                        vector::dot(&unit, &vector::transform(block, &unit))
                    })
                };
                between(pair.i, pair.i) + between(pair.j, pair.j)
                    - between(pair.i, pair.j)
                    - between(pair.j, pair.i)
            };
            form(selected.inverse()) / form(selected.square())
        };
        Ok(self.interactions().iter().map(stiffness).collect())
    }

    /// As [`LinearResponse::dipole_stiffness`], with the responses `z`: `D N` numbers for each interaction.
    ///
    /// # Errors
    /// As [`LinearResponse::dipole_stiffness`].
    pub fn dipole_responses(
        &self,
        interactions: &[usize],
        threads: NonZeroUsize,
    ) -> Result<Vec<DipoleResponse<D>>, ResponseError> {
        self.each_dipole(interactions, threads, |pair, z| DipoleResponse {
            stiffness: pair.stiffness(z),
            displacements: z.as_chunks::<D>().0.to_vec(),
        })
    }

    /// Solves for dipoles in batches of fixed size, so that results depend on nothing but their list.
    fn each_dipole<T: Send>(
        &self,
        interactions: &[usize],
        threads: NonZeroUsize,
        result: impl Fn(&Interaction<D>, &[f64]) -> T + Sync,
    ) -> Result<Vec<T>, ResponseError> {
        let count = self.interactions().len();
        if let Some(&index) = interactions.iter().find(|&&index| index >= count) {
            return Err(ResponseError::NoSuchInteraction { index, count });
        }
        let clusters = self.hessian().cluster_data();
        for &index in interactions {
            let (i, j) = (self.interactions()[index].i, self.interactions()[index].j);
            if !clusters.together(i, j) {
                return Err(ResponseError::NoStiffness { i, j });
            }
        }
        let dimension = self.hessian().dimension();
        let solve = |batch: &[usize]| -> Result<Vec<T>, ResponseError> {
            let mut dipoles = vec![0.0; batch.len() * dimension];
            for (dipole, &index) in dipoles.chunks_exact_mut(dimension).zip(batch) {
                let pair = &self.interactions()[index];
                let unit = pair.unit();
                for k in 0..D {
                    dipole[D * pair.i + k] = -unit[k] * std::f64::consts::FRAC_1_SQRT_2;
                    dipole[D * pair.j + k] = unit[k] * std::f64::consts::FRAC_1_SQRT_2;
                }
            }
            let responses = self.inverse().apply(&dipoles)?;
            Ok(responses
                .chunks_exact(dimension)
                .zip(batch)
                .map(|(z, &index)| result(&self.interactions()[index], z))
                .collect())
        };
        let mut results = Vec::with_capacity(interactions.len());
        let size = interactions.len().div_ceil(SHARES).clamp(1, BATCH);
        for batch in Threads::new(threads)?.map(interactions.chunks(size), solve) {
            results.append(&mut batch?);
        }
        Ok(results)
    }
}
