//! Signed factorisation `M - sigma = L D L^T` of a shifted Hessian: solutions on either side of eigenvalues, and
//! their number below the shift.
//!
//! By Sylvester's law of inertia `D` has as many negative entries as `M - sigma` has negative eigenvalues. Without
//! pivoting the factors can grow, so what is counted is checked: see [`SignedFactor::count_is_safe`].

use super::{ModesError, row_sum_norm};
use crate::hessian::Hessian;
use crate::ordering::nested_dissection;
use crate::solver::{SolveError, norm};
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::sparse::linalg::cholesky::{simplicial, supernodal};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par};
use rand::RngExt;
use vitreous_md_core::Seed;

/// The number of eigenvalues of the Hessian below a value, translations of clusters left out.
///
/// This is the one place that counts; everything else asks it.
pub(super) fn modes_below<const D: usize>(
    hessian: &Hessian<'_, D>,
    eigenvalue: f64,
) -> Result<usize, ModesError> {
    if eigenvalue != 0.0 {
        return Elimination::for_shift(hessian, eigenvalue)?.modes_below(hessian, eigenvalue);
    }
    match Elimination::for_shift(hessian, 0.0)?.count(hessian, 0.0) {
        Err(refusal @ ModesError::AtEigenvalue { .. }) => {
            Elimination::for_shift(hessian, 1.0)?.count_around(hessian, 0.0, refusal)
        }
        outcome => outcome,
    }
}

/// Order and pattern of the factor, which serve every shift (but the shift zero has its own, since particles are
/// pinned there).
pub(super) struct Elimination {
    /// The particles in their order of elimination; those pinned are missing.
    order: Vec<usize>,
    symbolic: supernodal::SymbolicSupernodalCholesky<usize>,
    /// The lower triangle of the Hessian in this order, compressed by columns.
    lower: Triangle,
}

impl Elimination {
    /// At a shift of zero translations are zero modes of the shifted matrix: one particle of each cluster is pinned.
    /// As a quadratic form on displacements up to translations the Hessian is the same, and so are its signs.
    pub(super) fn for_shift<const D: usize>(
        hessian: &Hessian<'_, D>,
        shift: f64,
    ) -> Result<Self, ModesError> {
        let matrix = hessian.matrix();
        let mut free = vec![true; hessian.particles()];
        if shift == 0.0 {
            let weights: Vec<f64> = matrix
                .diagonal_blocks()
                .map(|block| (0..D).map(|k| block[k][k]).sum())
                .collect();
            for pinned in hessian.cluster_data().heaviest(|i| weights[i]) {
                free[pinned] = false;
            }
        }
        let members = (0..hessian.particles()).filter(|&i| free[i]).collect();
        let order = nested_dissection(matrix, hessian.cluster_data().map(), members);
        let upper = Triangle::new(hessian, &order, |row, column| row <= column);
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
        let lower = Triangle::new(hessian, &order, |row, column| row >= column);
        Ok(Self {
            order,
            symbolic,
            lower,
        })
    }

    /// Factorises `M - shift`; `None` at a pivot that is zero or not finite.
    pub(super) fn factor<const D: usize>(
        &self,
        shift: f64,
    ) -> Result<Option<SignedFactor<'_>>, SolveError> {
        let entries = self.symbolic.len_val();
        let mut values = Vec::new();
        values
            .try_reserve_exact(entries)
            .map_err(|_| SolveError::OutOfMemory { entries })?;
        values.resize(entries, 0.0);
        let mut memory = buffer(supernodal::factorize_supernodal_numeric_ldlt_scratch::<
            usize,
            f64,
        >(&self.symbolic, Par::Seq, faer::Spec::default()))?;
        let mut shifted = self.lower.values.clone();
        // Columns of a lower triangle begin with the diagonal.
        for &start in &self.lower.starts[..self.lower.rows()] {
            shifted[start] -= shift;
        }
        let outcome = supernodal::factorize_supernodal_numeric_ldlt(
            &mut values,
            SparseColMatRef::new(self.lower.symbolic(), &shifted),
            faer::linalg::cholesky::ldlt::factor::LdltRegularization::default(),
            &self.symbolic,
            Par::Seq,
            MemStack::new(&mut memory),
            faer::Spec::default(),
        );
        let factor = SignedFactor {
            elimination: self,
            shift,
            values,
        };
        let usable = outcome.is_ok() && factor.pivots().all(|d| d.is_finite() && d != 0.0);
        Ok(usable.then_some(factor))
    }

    /// As the function [`modes_below`], for shifts other than zero.
    pub(super) fn modes_below<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        eigenvalue: f64,
    ) -> Result<usize, ModesError> {
        match self.count(hessian, eigenvalue) {
            Err(refusal @ ModesError::AtEigenvalue { .. }) => {
                self.count_around(hessian, eigenvalue, refusal)
            }
            outcome => outcome,
        }
    }

    /// Without pivoting a pivot can vanish far from any eigenvalue: that of a particle whose neighbours are not yet
    /// eliminated does at an entry of the diagonal. If there are as many modes below both ends of a small interval
    /// around the value, there are as many below the value.
    fn count_around<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        eigenvalue: f64,
        refusal: ModesError,
    ) -> Result<usize, ModesError> {
        let scale = row_sum_norm(hessian);
        for width in [1e-7 * scale, 1e-5 * scale] {
            let [low, high] =
                [-width, width].map(|step| self.count(hessian, eigenvalue + step).ok());
            if let (Some(low), Some(high)) = (low, high)
                && low == high
            {
                return Ok(low);
            }
        }
        Err(refusal)
    }

    fn count<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        eigenvalue: f64,
    ) -> Result<usize, ModesError> {
        let rounding = f64::EPSILON * row_sum_norm(hessian);
        let Some(factor) = self.factor::<D>(eigenvalue)? else {
            return Err(ModesError::AtEigenvalue {
                value: eigenvalue,
                distance: 0.0,
                uncertainty: rounding,
            });
        };
        factor.count_is_safe(hessian, rounding)?;
        let translations = if eigenvalue > 0.0 {
            D * hessian.clusters()
        } else {
            0
        };
        factor
            .negative_pivots()
            .checked_sub(translations)
            .ok_or(ModesError::AtEigenvalue {
                value: eigenvalue,
                distance: eigenvalue.abs(),
                uncertainty: rounding,
            })
    }
}

/// The factors of `M - shift`.
pub(super) struct SignedFactor<'a> {
    elimination: &'a Elimination,
    shift: f64,
    values: Vec<f64>,
}

impl SignedFactor<'_> {
    fn pivots(&self) -> impl Iterator<Item = f64> {
        let symbolic = &self.elimination.symbolic;
        let starts = symbolic.supernode_begin().iter();
        let widths = symbolic
            .supernode_end()
            .iter()
            .zip(starts)
            .map(|(end, begin)| end - begin);
        let factor = supernodal::SupernodalLdltRef::new(symbolic, &self.values);
        widths.enumerate().flat_map(move |(node, width)| {
            let panel = factor.supernode(node).val();
            (0..width).map(move |k| panel[(k, k)])
        })
    }

    /// The number of negative eigenvalues of the matrix that was factorised.
    pub(super) fn negative_pivots(&self) -> usize {
        self.pivots().filter(|&pivot| pivot < 0.0).count()
    }

    /// Solves `(M - shift) x = b` for right-hand sides one after another; at pinned particles `x` is zero.
    pub(super) fn solve<const D: usize>(
        &self,
        particles: usize,
        rhs: &[f64],
    ) -> Result<Vec<f64>, SolveError> {
        let (order, symbolic) = (&self.elimination.order, &self.elimination.symbolic);
        let mut solution = vec![0.0; rhs.len()];
        let (rhs, _) = rhs.as_chunks::<D>();
        let (blocks, _) = solution.as_chunks_mut::<D>();
        let columns = rhs.len() / particles;
        let mut work: Vec<[f64; D]> = Vec::with_capacity(columns * order.len());
        for b in rhs.chunks_exact(particles) {
            work.extend(order.iter().map(|&i| b[i]));
        }
        let mut memory = buffer(symbolic.solve_in_place_scratch::<f64>(columns, Par::Seq))?;
        supernodal::SupernodalLdltRef::new(symbolic, &self.values).solve_in_place_with_conj(
            Conj::No,
            MatMut::from_column_major_slice_mut(work.as_flattened_mut(), D * order.len(), columns),
            Par::Seq,
            MemStack::new(&mut memory),
        );
        for (x, work) in blocks
            .chunks_exact_mut(particles)
            .zip(work.chunks_exact(order.len().max(1)))
        {
            for (&i, value) in order.iter().zip(work) {
                x[i] = *value;
            }
        }
        Ok(solution)
    }

    /// Makes sure that no eigenvalue is so near to the shift that rounding could move it across.
    ///
    /// The factors are those of a matrix `M - shift + E`. Inverse iteration gives vectors `x` with
    /// `|(M - shift) x| = d |x|`, where `d` approaches the distance of the nearest eigenvalue, and the residual of
    /// the last solution is `E x`. The count holds if `d` is much larger than `|E x| / |x|` and than rounding.
    fn count_is_safe<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        rounding: f64,
    ) -> Result<(), ModesError> {
        const VECTORS: usize = 4;
        const STEPS: usize = 4;
        const MARGIN: f64 = 100.0;
        let (dimension, particles) = (hessian.dimension(), hessian.particles());
        if self.elimination.order.is_empty() {
            return Ok(());
        }
        let mut random = Seed(0).stream("inverse iteration", &[]);
        let mut x: Vec<f64> = (0..VECTORS * dimension)
            .map(|_| random.random_range(-1.0..1.0))
            .collect();
        let mut free = vec![false; particles];
        for &i in &self.elimination.order {
            free[i] = true;
        }
        let restrict = |x: &mut [f64]| {
            for (x, _) in x.chunks_exact_mut(D).zip(&free).filter(|(_, free)| !**free) {
                x.fill(0.0);
            }
        };
        let (mut distance, mut error) = (f64::INFINITY, 0.0_f64);
        let mut product = vec![0.0; dimension];
        for step in 1..=STEPS {
            for x in x.chunks_exact_mut(dimension) {
                restrict(x);
                let size = norm(x);
                for x in x {
                    *x /= size;
                }
            }
            let next = self.solve::<D>(particles, &x)?;
            for (b, x) in x.chunks_exact(dimension).zip(next.chunks_exact(dimension)) {
                let size = norm(x);
                distance = distance.min(1.0 / size);
                if step == STEPS {
                    hessian.apply_edges(x, &mut product);
                    for ((p, x), b) in product.iter_mut().zip(x).zip(b) {
                        *p -= self.shift * x + b;
                    }
                    restrict(&mut product);
                    error = error.max(norm(&product) / size);
                }
            }
            x = next;
        }
        let uncertainty = error.max(rounding);
        // Not a number is not safe either.
        if distance > MARGIN * uncertainty {
            Ok(())
        } else {
            Err(ModesError::AtEigenvalue {
                value: self.shift,
                distance,
                uncertainty,
            })
        }
    }
}

fn buffer(requirement: StackReq) -> Result<MemBuffer, SolveError> {
    MemBuffer::try_new(requirement).map_err(|_| SolveError::OutOfMemory { entries: 0 })
}

/// One triangle of the Hessian in an order of elimination, compressed by columns.
struct Triangle {
    starts: Vec<usize>,
    indices: Vec<usize>,
    values: Vec<f64>,
}

impl Triangle {
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
                for &(block_row, block) in &column_of_blocks {
                    for a in 0..D {
                        let row = D * block_row + a;
                        if keep(row, D * k + b) {
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
