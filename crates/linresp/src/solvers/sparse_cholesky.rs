//! Factorisation of the Hessian for many right-hand sides.

mod assembly_tree;
mod front;
mod multifrontal;
mod ordering;
mod product;
pub(crate) mod selected_inverse;
mod vertex_cover;

use crate::hessian::Hessian;
use crate::solver::{Accuracy, LinearSolver, Preparation, PreparedSolver, SolveError, dot, norm};
use crate::threads::Threads;
use assembly_tree::AssemblyTree;
use front::Memory;
use multifrontal::{Elimination, Factor, Failure};
use ordering::nested_dissection;
use selected_inverse::{Inversion, SelectedInverse};
use std::num::NonZeroUsize;

/// Sparse Cholesky factorisation `M = L L^T`: the cost of one factorisation, then cheap solutions for any
/// number of right-hand sides.
///
/// Particles are eliminated in the order of a nested dissection of space, by the multifrontal method: independent
/// parts of space and tiles of large fronts are shared among threads, and the factor does not depend on their
/// number. One particle of each cluster is pinned, or as many coordinates as it takes where a cluster can
/// rotate, and zero modes are subtracted afterwards, which is exact for right-hand sides free of them.
/// Solutions are refined through the edges of the linearisation where needed.
///
/// The order and the tree of fronts are found anew for each Hessian: that takes a hundredth of the time of the
/// factorisation.
///
/// A pivot that is not positive gives a direction along which the energy decreases, by back substitution.
///
/// ```
/// # use vitreous_linresp::{Hessian, SolveError, SparseCholesky};
/// # use vitreous_md_core::{Cell, Configuration, Linearization, Species};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // Two particles in a plane whose distance 1 is at a maximum of the energy, U = -(s - 1)^2.
/// let cell = Cell::orthorhombic([9.0; 2])?;
/// let pair = Configuration::new(cell, vec![[0.0, 0.0], [1.0, 0.0]], vec![Species(0); 2])?;
/// let mut expansion = Linearization::empty(&pair);
/// expansion.add_pair([0, 1], [1.0, 0.0], [0.0, 0.0, -2.0]);
/// let outcome = Hessian::new(&expansion).inverse(&SparseCholesky::default());
/// // d2U/dr2 = -8 at fixed centre: along z = (-1, 0, 1, 0)/sqrt 2 the curvature is -16.
/// let Err(SolveError::Saddle { curvature, .. }) = outcome else { panic!() };
/// assert!(-16.0 - 1e-9 < curvature && curvature < 0.0);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SparseCholesky {
    /// The largest relative residual `|b - M x| / |b|`: a solution beyond it is an error.
    pub tolerance: f64,
    /// Solutions are refined, at most twice, while their relative residual is above this.
    pub target: f64,
    /// The number of threads that share the factorisation. The factor does not depend on it.
    pub threads: NonZeroUsize,
}

impl Default for SparseCholesky {
    /// A tolerance of 1e-10 and a target of 1e-12.
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            target: 1e-12,
            threads: NonZeroUsize::MIN,
        }
    }
}

impl<const D: usize> LinearSolver<D> for SparseCholesky {
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Result<Box<dyn PreparedSolver<D>>, SolveError> {
        Ok(Box::new(Prepared {
            factor: Analysis::pinned(hessian).factorise(hessian, &Threads::new(self.threads)?)?,
            accuracy: Accuracy {
                tolerance: self.tolerance,
                target: self.target,
                refinements: 2,
            },
        }))
    }

    fn threads(&self) -> NonZeroUsize {
        self.threads
    }
}

struct Prepared<const D: usize> {
    factor: CholeskyFactor<D>,
    accuracy: Accuracy,
}

impl<const D: usize> PreparedSolver<D> for Prepared<D> {
    fn solve(
        &self,
        _: &Hessian<'_, D>,
        rhs: &[f64],
        solution: &mut [f64],
    ) -> Result<usize, SolveError> {
        solution.copy_from_slice(&self.factor.analysis.solve(&self.factor.factor, rhs));
        Ok(0)
    }

    fn accuracy(&self) -> Accuracy {
        self.accuracy
    }

    fn selected_inverse(
        &self,
        hessian: &Hessian<'_, D>,
        threads: NonZeroUsize,
    ) -> Result<Option<SelectedInverse<D>>, SolveError> {
        let threads = Threads::new(threads)?;
        self.factor.selected_inverse(hessian, &threads).map(Some)
    }

    fn preparation(&self) -> Preparation {
        Preparation {
            method: "sparse Cholesky".into(),
            stored_numbers: self.factor.analysis.tree.entries::<D>(),
        }
    }
}

/// The order in which the coordinates of a Hessian are eliminated.
pub(crate) struct Analysis {
    pub(crate) tree: AssemblyTree,
    /// Coordinates `(particle, axis)` that are held fixed although their particle is eliminated.
    fixed: Vec<(usize, usize)>,
}

impl Analysis {
    /// An order for the Hessian with so many coordinates pinned that it has no trivial zero modes.
    pub(crate) fn pinned<const D: usize>(hessian: &Hessian<'_, D>) -> Self {
        let weights: Vec<f64> = hessian
            .matrix()
            .diagonal_blocks()
            .map(|block| (0..D).map(|k| block[k][k]).sum())
            .collect();
        let mut count = vec![0; hessian.particles()];
        // The particle that is held best makes the best anchor.
        let pinned = hessian.cluster_data().pinned(|i| weights[i]);
        for &(particle, _) in &pinned {
            count[particle] += 1;
        }
        let members = (0..count.len()).filter(|&i| count[i] < D).collect();
        Self {
            tree: Self::tree(hessian, members),
            fixed: pinned.into_iter().filter(|(i, _)| count[*i] < D).collect(),
        }
    }

    /// An order for all coordinates.
    pub(crate) fn whole<const D: usize>(hessian: &Hessian<'_, D>) -> Self {
        Self {
            tree: Self::tree(hessian, (0..hessian.particles()).collect()),
            fixed: Vec::new(),
        }
    }

    fn tree<const D: usize>(hessian: &Hessian<'_, D>, members: Vec<usize>) -> AssemblyTree {
        let matrix = hessian.matrix();
        let map = hessian.cluster_data().map();
        AssemblyTree::new(matrix, nested_dissection(matrix, map, members))
    }

    fn elimination<'a, const D: usize>(
        &'a self,
        hessian: &'a Hessian<'_, D>,
        shift: f64,
        threads: &'a Threads,
    ) -> Elimination<'a, D> {
        let mut fixed = vec![[false; D]; hessian.particles()];
        for &(particle, axis) in &self.fixed {
            fixed[particle][axis] = true;
        }
        Elimination {
            tree: &self.tree,
            matrix: hessian.matrix(),
            shift,
            fixed,
            threads,
            memory: Memory::default(),
        }
    }

    /// The factor of a Hessian that is positive definite without the pinned coordinates.
    fn factorise<const D: usize>(
        self,
        hessian: &Hessian<'_, D>,
        threads: &Threads,
    ) -> Result<CholeskyFactor<D>, SolveError> {
        match self.elimination(hessian, 0.0, threads).factorise() {
            Ok(factor) => Ok(CholeskyFactor {
                analysis: self,
                factor,
            }),
            Err(failure) => Err(explain(hessian, failure)),
        }
    }

    /// The factor `L S L^T` of `M + shift` with signs `S`; `None` at a pivot that is zero to rounding.
    pub(crate) fn factorise_shifted<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        shift: f64,
        threads: &Threads,
    ) -> Result<Option<ShiftedFactor<'_, D>>, SolveError> {
        match self.elimination(hessian, shift, threads).factorise_signed() {
            Ok(factor) => Ok(Some(ShiftedFactor {
                analysis: self,
                factor,
            })),
            Err(Failure::Memory(entries)) => Err(SolveError::OutOfMemory { entries }),
            Err(Failure::NotPositive { .. }) => Ok(None),
        }
    }

    /// Which of the `D N` coordinates are not pinned.
    pub(crate) fn free<const D: usize>(&self) -> Vec<bool> {
        let place = self.tree.place.iter();
        let mut free: Vec<bool> = place.flat_map(|place| [place.is_some(); D]).collect();
        for &(particle, axis) in &self.fixed {
            free[D * particle + axis] = false;
        }
        free
    }

    /// Solutions for right-hand sides of `D N` numbers one after another; zero at pinned coordinates.
    fn solve<const D: usize>(&self, factor: &Factor<D>, rhs: &[f64]) -> Vec<f64> {
        let tree = &self.tree;
        let particles = tree.place.len();
        let mut rhs = rhs.to_vec();
        for vector in rhs.chunks_exact_mut(D * particles.max(1)) {
            for &(particle, axis) in &self.fixed {
                vector[D * particle + axis] = 0.0;
            }
        }
        let mut solution = vec![0.0; rhs.len()];
        let (rhs, _) = rhs.as_chunks::<D>();
        let (x, _) = solution.as_chunks_mut::<D>();
        let columns = rhs.len() / particles.max(1);
        // Row by row: the numbers of one coordinate of all right-hand sides lie together.
        let mut work = Vec::with_capacity(D * columns * tree.order.len());
        for &i in &tree.order {
            for k in 0..D {
                work.extend((0..columns).map(|column| rhs[column * particles + i][k]));
            }
        }
        factor.solve(tree, &mut work, columns);
        let mut rows = work.chunks_exact(columns.max(1));
        for &i in &tree.order {
            for k in 0..D {
                for (column, number) in rows.next().unwrap_or_default().iter().enumerate() {
                    x[column * particles + i][k] = *number;
                }
            }
        }
        solution
    }
}

/// The factor of a shifted Hessian, which need not be positive definite.
pub(crate) struct ShiftedFactor<'a, const D: usize> {
    analysis: &'a Analysis,
    factor: Factor<D>,
}

impl<const D: usize> ShiftedFactor<'_, D> {
    /// The number of negative eigenvalues of what was factorised, by Sylvester's law of inertia.
    pub(crate) fn negative_pivots(&self) -> usize {
        self.factor.negative_pivots()
    }

    /// Solutions for right-hand sides of `D N` numbers one after another; zero at pinned coordinates.
    pub(crate) fn solve(&self, rhs: &[f64]) -> Vec<f64> {
        self.analysis.solve(&self.factor, rhs)
    }
}

/// The factor of the Hessian without its pinned coordinates.
struct CholeskyFactor<const D: usize> {
    analysis: Analysis,
    factor: Factor<D>,
}

impl<const D: usize> CholeskyFactor<D> {
    fn selected_inverse(
        &self,
        hessian: &Hessian<'_, D>,
        threads: &Threads,
    ) -> Result<SelectedInverse<D>, SolveError> {
        let inversion = Inversion {
            tree: &self.analysis.tree,
            matrix: hessian.matrix(),
            factor: &self.factor,
            threads,
            memory: Memory::default(),
        };
        let mut entries = inversion.entries();
        for &(particle, axis) in &self.analysis.fixed {
            for entry in &mut entries {
                entry.clear(particle, axis);
            }
        }
        SelectedInverse::new(hessian, &entries, |rhs| {
            self.analysis.solve(&self.factor, rhs)
        })
    }
}

/// What is known of a Hessian that would not be factorised.
fn explain<const D: usize>(hessian: &Hessian<'_, D>, failure: Failure) -> SolveError {
    let (particle, mut direction) = match failure {
        Failure::Memory(entries) => return SolveError::OutOfMemory { entries },
        Failure::NotPositive {
            particle,
            direction,
        } => (particle, direction),
    };
    hessian.project(&mut direction);
    let length = norm(&direction);
    for z in &mut direction {
        *z /= length;
    }
    let mut product = vec![0.0; direction.len()];
    hessian.apply_edges(&direction, &mut product);
    let curvature = dot(&direction, &product);
    // Rounding in a sum of as many terms as there are in a row, times a margin.
    if curvature <= 1e3 * f64::EPSILON * hessian.largest_diagonal() {
        SolveError::Saddle {
            curvature,
            direction,
        }
    } else {
        SolveError::Singular { particle }
    }
}
