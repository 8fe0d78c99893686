//! The Hessian of the energy, as an operator and as a matrix, with its trivial zero modes.

use crate::adjacency::Adjacency;
use crate::block_matrix::BlockMatrix;
use crate::clusters::Clusters;
use crate::solver::SolveError;
use crate::threads::Threads;
use std::num::NonZeroUsize;
use vitreous_md_core::linearization::{Edge, Linearization};
use vitreous_md_core::{Matrix, Vector};

/// The Hessian `M = d2U/dx dx` of a linearised energy.
///
/// With edges `r_e = x_j - x_i`, `s_e = |r_e|^2`, `g_e = dU/ds_e`, `h_ef = d2U/ds_e ds_f` and displacements
/// `u_e = u_j - u_i`,
///
/// ```text
/// u . M . u = sum_e 2 g_e |u_e|^2 + sum_ef 4 h_ef (r_e . u_e)(r_f . u_f)
/// ```
///
/// There are two independent routes to the product `M u`: [`Hessian::apply_edges`], straight from this
/// formula, and [`Hessian::apply`], with the assembled matrix. Solvers use the second, which is the faster;
/// what they deliver is checked with the first.
///
/// Every cluster of particles that interact, directly or through others, has `D` translations as zero
/// modes; a rattler is a cluster of one particle. A cluster that nothing holds, such as a dimer in a dilute
/// packing, has rotations as well, at least where its forces vanish. [`Hessian::project`] takes these trivial
/// zero modes out of a vector.
///
/// Vectors are flat: `D N` numbers, those of particle `i` from `D i` on.
#[derive(Clone, Debug)]
pub struct Hessian<'a, const D: usize> {
    linearization: &'a Linearization<D>,
    matrix: BlockMatrix<D>,
    clusters: Clusters<D>,
}

impl<'a, const D: usize> Hessian<'a, D> {
    /// The Hessian of a linearised energy, assembled.
    ///
    /// The edges of a particle to an image of itself have constant length and contribute nothing; a pair
    /// that interacts through several images has the sum of their blocks.
    pub fn new(linearization: &'a Linearization<D>) -> Self {
        Self::assembled(linearization, &Threads::ONE)
    }

    /// As [`Hessian::new`], with the work shared by threads; the bits do not depend on their number.
    ///
    /// # Errors
    /// Threads that do not start.
    pub fn with_threads(
        linearization: &'a Linearization<D>,
        threads: NonZeroUsize,
    ) -> Result<Self, SolveError> {
        Ok(Self::assembled(linearization, &Threads::new(threads)?))
    }

    fn assembled(linearization: &'a Linearization<D>, threads: &Threads) -> Self {
        let adjacency = Adjacency::new(linearization, threads);
        let (matrix, clusters) = threads.run(|| {
            threads.join(
                || assemble(linearization, &adjacency, threads),
                || Clusters::new(linearization, &adjacency),
            )
        });
        Self {
            linearization,
            matrix,
            clusters,
        }
    }

    /// The linearised energy.
    pub fn linearization(&self) -> &'a Linearization<D> {
        self.linearization
    }

    /// The assembled matrix.
    pub fn matrix(&self) -> &BlockMatrix<D> {
        &self.matrix
    }

    /// The number of particles `N`.
    pub fn particles(&self) -> usize {
        self.linearization.particles()
    }

    /// The number of rows `D N`.
    pub fn dimension(&self) -> usize {
        D * self.particles()
    }

    /// The particles without interactions: their coordinates are zero modes and are left out of solutions.
    pub fn rattlers(&self) -> Vec<usize> {
        self.clusters.rattlers()
    }

    /// The number of clusters of particles that interact, directly or through others; rattlers count as one
    /// each.
    pub fn clusters(&self) -> usize {
        self.clusters.count()
    }

    pub(crate) fn cluster_data(&self) -> &Clusters<D> {
        &self.clusters
    }

    /// The product `y = M x` with the assembled matrix.
    ///
    /// # Panics
    /// If a length is not `D N`.
    pub fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.matrix.apply(x, y);
    }

    /// The product `y = M x` straight from the edges of the linearisation.
    ///
    /// # Panics
    /// If a length is not `D N`.
    pub fn apply_edges(&self, x: &[f64], y: &mut [f64]) {
        assert!(
            x.len() == self.dimension() && y.len() == self.dimension(),
            "vectors must have D N components"
        );
        self.linearization
            .apply_hessian(x.as_chunks::<D>().0, y.as_chunks_mut::<D>().0);
    }

    /// The number of trivial zero modes: `D` translations of every cluster, and the rotations of the clusters
    /// that can rotate as a whole.
    pub fn zero_modes(&self) -> usize {
        self.clusters.zero_modes()
    }

    /// Takes the trivial zero modes out of a vector: the translations of every cluster, and the rotations of
    /// those that can rotate. What it has on rattlers becomes zero.
    ///
    /// # Panics
    /// If the length is not `D N`.
    pub fn project(&self, x: &mut [f64]) {
        assert_eq!(
            x.len(),
            self.dimension(),
            "vectors must have D N components"
        );
        self.clusters.project(x.as_chunks_mut::<D>().0);
    }

    /// The largest diagonal entry: the scale of curvatures.
    pub fn largest_diagonal(&self) -> f64 {
        self.matrix
            .diagonal_blocks()
            .flat_map(|block| (0..D).map(move |k| block[k][k]))
            .fold(0.0, f64::max)
    }
}

/// `4 h_ef r_e r_f^T`.
fn outer<const D: usize>(curvature: f64, first: &Vector<D>, second: &Vector<D>) -> Matrix<D> {
    std::array::from_fn(|a| std::array::from_fn(|b| 4.0 * curvature * first[a] * second[b]))
}

/// The pairs row by row, which needs no search; then what couples edges.
fn assemble<const D: usize>(
    linearization: &Linearization<D>,
    adjacency: &Adjacency,
    threads: &Threads,
) -> BlockMatrix<D> {
    let edges = linearization.edges();
    let mut matrix = BlockMatrix::from_terms(
        linearization.particles(),
        threads,
        |i| adjacency.of(i),
        |index| {
            let edge = &edges[index];
            let mut block = outer(-edge.curvature, &edge.vector, &edge.vector);
            for k in 0..D {
                block[k][k] -= 2.0 * edge.gradient;
            }
            block
        },
    );
    // Couplings need no places of their own: they join edges of one triplet, all three of which are there.
    let mut add = |e: &Edge<D>, f: &Edge<D>, block: &Matrix<D>| {
        let minus = block.map(|row| row.map(|entry| -entry));
        for (row, column, block) in [
            (e.j, f.j, block),
            (e.i, f.i, block),
            (e.j, f.i, &minus),
            (e.i, f.j, &minus),
        ] {
            matrix.add(row as usize, column as usize, block);
        }
    };
    for coupling in linearization.couplings() {
        let (e, f) = (
            &edges[coupling.first as usize],
            &edges[coupling.second as usize],
        );
        if e.i == e.j || f.i == f.j {
            continue;
        }
        add(e, f, &outer(coupling.curvature, &e.vector, &f.vector));
        add(f, e, &outer(coupling.curvature, &f.vector, &e.vector));
    }
    matrix
}
