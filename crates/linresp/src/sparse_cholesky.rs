//! Factorisation of the Hessian for many right-hand sides.

use crate::conjugate_gradient::ConjugateGradient;
use crate::front::Memory;
use crate::hessian::Hessian;
use crate::assembly_tree::AssemblyTree;
use crate::multifrontal::{Elimination, Factor, explain};
use crate::ordering::nested_dissection;
use crate::solver::{Accuracy, LinearSolver, PreparedSolver, SolveError};
use crate::selected_inverse::{Inversion, SelectedInverse};
use crate::threads::Threads;
use std::num::NonZeroUsize;

/// Sparse Cholesky factorisation `M = L L^T`: the cost of one factorisation, then cheap solutions for any
/// number of right-hand sides.
///
/// Particles are eliminated in the order of a nested dissection of space. One particle of each cluster is
/// pinned, and translations are subtracted afterwards, which is exact for right-hand sides free of
/// translations. Solutions are refined through the edges of the linearisation where needed. Everything runs
/// on one thread, so that results do not depend on their number: parallelise over right-hand sides.
///
/// A pivot that is not positive tells of a saddle (or of a singular Hessian); conjugate gradients from a
/// fixed random vector then look for the direction.
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
/// let Err(SolveError::Saddle { curvature }) = outcome else { panic!() };
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
            factor: CholeskyFactor::new(hessian, self.threads)?,
            accuracy: Accuracy {
                tolerance: self.tolerance,
                target: self.target,
                refinements: 2,
            },
        }))
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
    ) -> Result<(), SolveError> {
        self.factor.solve(rhs, solution);
        Ok(())
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
        Ok(Some(self.factor.selected_inverse(hessian, &threads)))
    }
}

/// The factor of the Hessian without the rows and columns of pinned particles.
struct CholeskyFactor<const D: usize> {
    tree: AssemblyTree,
    factor: Factor<D>,
}

impl<const D: usize> CholeskyFactor<D> {
    fn new(hessian: &Hessian<'_, D>, threads: NonZeroUsize) -> Result<Self, SolveError> {
        let threads = Threads::new(threads)?;
        let matrix = hessian.matrix();
        let weights: Vec<f64> = matrix
            .diagonal_blocks()
            .map(|block| (0..D).map(|k| block[k][k]).sum())
            .collect();
        let mut free = vec![true; hessian.particles()];
        // The particle that is held best makes the best anchor.
        for pinned in hessian.cluster_data().heaviest(|i| weights[i]) {
            free[pinned] = false;
        }
        let members = (0..hessian.particles()).filter(|&i| free[i]).collect();
        let t0 = std::time::Instant::now();
        let parts = nested_dissection(matrix, hessian.cluster_data().map(), members);
        let t1 = std::time::Instant::now();
        let tree = AssemblyTree::new(matrix, parts);
        let t2 = std::time::Instant::now();
        let factor = Elimination {
            tree: &tree,
            matrix,
            shift: 0.0,
            threads: &threads,
            memory: Memory::default(),
        }
        .factorise()
        .map_err(explain)?;
        if std::env::var("VT").is_ok() {
            let t3 = std::time::Instant::now();
            let n = tree.order.len();
            let mut cols: Vec<Vec<u32>> = vec![Vec::new(); n];
            let mut extra: Vec<Vec<usize>> = vec![Vec::new(); n];
            let (mut nnz, mut fl) = (0.0, 0.0);
            for k in 0..n {
                let mut c: Vec<u32> = matrix.row(tree.order[k]).filter_map(|(j, _)| tree.place[j]).filter(|&p| p as usize > k).collect();
                for &e in &extra[k] { c.extend(cols[e].iter().filter(|&&p| p as usize > k)); cols[e].clear(); }
                c.sort_unstable(); c.dedup();
                if let Some(&p) = c.first() { extra[p as usize].push(k); }
                let m = (D * c.len()) as f64;
                nnz += 9.0 * (c.len() as f64 + 1.0);
                fl += 3.0 * m * m;
                cols[k] = c;
            }
            eprintln!("exact: {:.1}M {:.1} GF", nnz / 1e6, fl / 1e9);
            let biggest = tree.nodes.iter().map(|n| D * n.front()).max().unwrap();
            eprintln!(
                "dissect {:?} tree {:?} factor {:?} = {:.1} GF/s; nodes {} entries {:.1}M ops {:.2} GF front {biggest}",
                t1 - t0, t2 - t1, t3 - t2,
                tree.operations::<D>() / (t3 - t2).as_secs_f64() / 1e9,
                tree.nodes.len(),
                tree.entries::<D>() as f64 / 1e6,
                tree.operations::<D>() / 1e9
            );
        }
        Ok(Self { tree, factor })
    }

    fn selected_inverse(&self, hessian: &Hessian<'_, D>, threads: &Threads) -> SelectedInverse<D> {
        let inversion = Inversion {
            tree: &self.tree,
            matrix: hessian.matrix(),
            factor: &self.factor,
            threads,
            memory: Memory::default(),
        };
        let solve = |rhs: &[f64]| {
            let mut solution = vec![0.0; rhs.len()];
            self.solve(rhs, &mut solution);
            solution
        };
        SelectedInverse::assemble(hessian, &inversion.entries(), solve)
    }

    fn solve(&self, rhs: &[f64], solution: &mut [f64]) {
        let particles = self.tree.place.len();
        let (rhs, _) = rhs.as_chunks::<D>();
        let (solution, _) = solution.as_chunks_mut::<D>();
        let columns = rhs.len() / particles.max(1);
        // Row by row: the numbers of one coordinate of all right-hand sides lie together.
        let mut work = Vec::with_capacity(D * columns * self.tree.order.len());
        for &i in &self.tree.order {
            for k in 0..D {
                work.extend((0..columns).map(|column| rhs[column * particles + i][k]));
            }
        }
        self.factor.solve(&self.tree, &mut work, columns);
        let mut rows = work.chunks_exact(columns.max(1));
        for &i in &self.tree.order {
            for k in 0..D {
                for (column, x) in rows.next().unwrap_or_default().iter().enumerate() {
                    solution[column * particles + i][k] = *x;
                }
            }
        }
    }
}
