//! Factorisation of the Hessian for many right-hand sides.

use crate::conjugate_gradient::ConjugateGradient;
use crate::hessian::Hessian;
use crate::ordering::nested_dissection;
use crate::solver::{Accuracy, LinearSolver, Preparation, PreparedSolver, SolveError};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltError;
use faer::sparse::linalg::cholesky::{simplicial, supernodal};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par};
use rand::RngExt;
use vitreous_md_core::Seed;

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
}

impl Default for SparseCholesky {
    /// A tolerance of 1e-10 and a target of 1e-12.
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            target: 1e-12,
        }
    }
}

impl<const D: usize> LinearSolver<D> for SparseCholesky {
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Result<Box<dyn PreparedSolver<D>>, SolveError> {
        Ok(Box::new(Prepared {
            factor: CholeskyFactor::new(hessian)?,
            accuracy: Accuracy {
                tolerance: self.tolerance,
                target: self.target,
                refinements: 2,
            },
        }))
    }
}

struct Prepared {
    factor: CholeskyFactor,
    accuracy: Accuracy,
}

impl<const D: usize> PreparedSolver<D> for Prepared {
    fn solve(
        &self,
        _: &Hessian<'_, D>,
        rhs: &[f64],
        solution: &mut [f64],
    ) -> Result<usize, SolveError> {
        self.factor.solve::<D>(rhs, solution)?;
        Ok(0)
    }

    fn accuracy(&self) -> Accuracy {
        self.accuracy
    }

    fn preparation(&self) -> Preparation {
        Preparation {
            method: "sparse Cholesky".into(),
            stored_numbers: self.factor.values.len(),
        }
    }
}

/// The factor of the Hessian without the rows and columns of pinned particles.
struct CholeskyFactor {
    particles: usize,
    /// The particles in their order of elimination; those pinned are missing.
    order: Vec<usize>,
    symbolic: supernodal::SymbolicSupernodalCholesky<usize>,
    values: Vec<f64>,
}

impl CholeskyFactor {
    fn new<const D: usize>(hessian: &Hessian<'_, D>) -> Result<Self, SolveError> {
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
        let order = nested_dissection(matrix, hessian.cluster_data().map(), members);

        let upper = Triangle::upper(hessian, &order);
        let rows = upper.rows();
        let mut tree = vec![0_isize; rows];
        let mut counts = vec![0_usize; rows];
        let mut memory = buffer(
            simplicial::prefactorize_symbolic_cholesky_scratch::<usize>(rows, upper.indices.len())
                .or(supernodal::factorize_supernodal_symbolic_cholesky_scratch::<usize>(rows)),
        )?;
        let stack = MemStack::new(&mut memory);
        let tree = simplicial::prefactorize_symbolic_cholesky(
            &mut tree,
            &mut counts,
            upper.symbolic(),
            stack,
        );
        let symbolic = supernodal::factorize_supernodal_symbolic_cholesky(
            upper.symbolic(),
            tree,
            &counts,
            stack,
            faer::sparse::linalg::SymbolicSupernodalParams::default(),
        )
        .map_err(|_| SolveError::OutOfMemory { entries: 0 })?;
        drop(upper);

        let lower = Triangle::lower(hessian, &order);
        let entries = symbolic.len_val();
        let mut values = Vec::new();
        values
            .try_reserve_exact(entries)
            .map_err(|_| SolveError::OutOfMemory { entries })?;
        values.resize(entries, 0.0);
        let mut memory = buffer(supernodal::factorize_supernodal_numeric_llt_scratch::<
            usize,
            f64,
        >(&symbolic, Par::Seq, faer::Spec::default()))?;
        let outcome = supernodal::factorize_supernodal_numeric_llt(
            &mut values,
            SparseColMatRef::new(lower.symbolic(), &lower.values),
            faer::linalg::cholesky::llt::factor::LltRegularization::default(),
            &symbolic,
            Par::Seq,
            MemStack::new(&mut memory),
            faer::Spec::default(),
        );
        if let Err(LltError::NonPositivePivot { index }) = outcome {
            // The index may be one past the pivot, and is of a row of the matrix, not of a particle.
            let particle = order[(index / D).min(order.len() - 1)];
            return Err(unstable_direction(hessian, particle));
        }
        Ok(Self {
            particles: hessian.particles(),
            order,
            symbolic,
            values,
        })
    }

    fn solve<const D: usize>(&self, rhs: &[f64], solution: &mut [f64]) -> Result<(), SolveError> {
        let (rhs, _) = rhs.as_chunks::<D>();
        let (solution, _) = solution.as_chunks_mut::<D>();
        let columns = rhs.len() / self.particles;
        let mut work: Vec<[f64; D]> = Vec::with_capacity(columns * self.order.len());
        for b in rhs.chunks_exact(self.particles) {
            work.extend(self.order.iter().map(|&i| b[i]));
        }
        let mut memory = buffer(
            self.symbolic
                .solve_in_place_scratch::<f64>(columns, Par::Seq),
        )?;
        supernodal::SupernodalLltRef::new(&self.symbolic, &self.values).solve_in_place_with_conj(
            Conj::No,
            MatMut::from_column_major_slice_mut(
                work.as_flattened_mut(),
                D * self.order.len(),
                columns,
            ),
            Par::Seq,
            MemStack::new(&mut memory),
        );
        for (x, work) in solution
            .chunks_exact_mut(self.particles)
            .zip(work.chunks_exact(self.order.len().max(1)))
        {
            for (&i, value) in self.order.iter().zip(work) {
                x[i] = *value;
            }
        }
        Ok(())
    }
}

fn buffer(requirement: faer::dyn_stack::StackReq) -> Result<MemBuffer, SolveError> {
    MemBuffer::try_new(requirement).map_err(|_| SolveError::OutOfMemory { entries: 0 })
}

/// What is known of a Hessian that would not be factorised.
fn unstable_direction<const D: usize>(hessian: &Hessian<'_, D>, particle: usize) -> SolveError {
    let mut random = Seed(0).stream("unstable direction", &[]);
    let mut start: Vec<f64> = (0..hessian.dimension())
        .map(|_| random.random_range(-1.0..1.0))
        .collect();
    hessian.project(&mut start);
    let search = ConjugateGradient {
        // Curvature shows up long before.
        iteration_limit: 10_000,
        ..ConjugateGradient::default()
    };
    let outcome = search
        .prepare(hessian)
        .and_then(|search| search.solve(hessian, &start, &mut vec![0.0; start.len()]));
    match outcome {
        Err(saddle @ SolveError::Saddle { .. }) => saddle,
        _ => SolveError::Singular { particle },
    }
}

/// One triangle of the Hessian in an order of elimination, compressed by columns.
struct Triangle {
    starts: Vec<usize>,
    indices: Vec<usize>,
    values: Vec<f64>,
}

impl Triangle {
    fn upper<const D: usize>(hessian: &Hessian<'_, D>, order: &[usize]) -> Self {
        Self::new(hessian, order, |row, column| row <= column)
    }

    fn lower<const D: usize>(hessian: &Hessian<'_, D>, order: &[usize]) -> Self {
        Self::new(hessian, order, |row, column| row >= column)
    }

    fn new<const D: usize>(
        hessian: &Hessian<'_, D>,
        order: &[usize],
        keep: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let mut place = vec![None; hessian.particles()];
        for (k, &i) in order.iter().enumerate() {
            place[i] = Some(k);
        }
        let mut triangle = Self {
            starts: vec![0],
            indices: Vec::new(),
            values: Vec::new(),
        };
        let mut column_of_blocks = Vec::new();
        for (k, &i) in order.iter().enumerate() {
            column_of_blocks.clear();
            // The matrix is symmetric: its rows are its columns.
            column_of_blocks.extend(
                hessian
                    .matrix()
                    .row(i)
                    .filter_map(|(j, block)| place[j].map(|row| (row, block))),
            );
            column_of_blocks.sort_unstable_by_key(|&(row, _)| row);
            for b in 0..D {
                let column = D * k + b;
                for &(block_row, block) in &column_of_blocks {
                    for a in 0..D {
                        let row = D * block_row + a;
                        if keep(row, column) {
                            triangle.indices.push(row);
                            triangle.values.push(block[b][a]);
                        }
                    }
                }
                triangle.starts.push(triangle.indices.len());
            }
        }
        triangle
    }

    fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    fn symbolic(&self) -> SymbolicSparseColMatRef<'_, usize> {
        SymbolicSparseColMatRef::new_checked(
            self.rows(),
            self.rows(),
            &self.starts,
            None,
            &self.indices,
        )
    }
}
