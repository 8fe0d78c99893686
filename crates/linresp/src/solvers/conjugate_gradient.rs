//! Preconditioned conjugate gradients in the space without trivial zero modes.

use crate::hessian::Hessian;
use crate::solver::{
    Accuracy, LinearSolver, Preparation, PreparedSolver, SolveError, dot, norm, saddle,
};
use crate::solvers::preconditioner::{Kind, Preconditioner, SymmetricGaussSeidel};
use crate::solvers::sweeps::{
    Single, SingleBlock, Sweeps, hessian_sweeps, pivot, spatial_order, transform,
};
use crate::threads::Threads;
use rand::RngExt;
use std::num::NonZeroUsize;
use vitreous_md_core::{Matrix, Seed, vector};

/// The residual is recomputed in double precision whenever it seems to have fallen by this factor: far from
/// the rounding of single precision, and seldom enough to cost nothing.
const CYCLE: f64 = 0.01;

/// The method of conjugate gradients: needs nothing but products with the Hessian, so its memory is linear
/// in the number of particles.
///
/// Good for a few right-hand sides or very large systems; for many, see [`crate::SparseCholesky`].
///
/// Iterations run in single precision, which halves the traffic to memory, their cost. Each time the residual
/// has fallen by a factor of 100, the solution so far is added up and its residual recomputed in double
/// precision; the search goes on along its last direction, so that no iterations are lost. Where single
/// precision does not suffice, as with modes a million times softer than the stiffest, the rest is done in
/// double precision with [`crate::BlockJacobi`].
///
/// A direction of negative curvature, confirmed in double precision, ends the iteration with
/// [`SolveError::Saddle`]. To find it the right-hand side must have some weight on the unstable modes: a
/// solution whose residual is smaller than this weight cannot be reached without meeting one, since without
/// negative Ritz values the polynomials of the method exceed one at every negative eigenvalue. For this reason
/// preparing solves for one random vector, down to [`ConjugateGradient::probe`]: a structure that is prepared
/// has no unstable mode, unless its weight in the random vector happens to be below that.
///
/// Sources: Hestenes & Stiefel, J. Res. Natl. Bur. Stand. 49, 409 (1952); updates of the residual in higher
/// precision: Sleijpen & van der Vorst, Computing 56, 141 (1996), and Clark et al., Comput. Phys. Commun.
/// 181, 1517 (2010).
///
/// ```
/// use vitreous_linresp::{ConjugateGradient, Identity};
/// let loose = ConjugateGradient::with_tolerance(1e-6);
/// let plain = ConjugateGradient::default().with_preconditioner(Identity);
/// assert_eq!(plain.tolerance, 1e-10);
/// # assert_eq!(loose.tolerance, 1e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConjugateGradient<P = SymmetricGaussSeidel> {
    /// The largest relative residual `|b - M x| / |b|`.
    pub tolerance: f64,
    /// The largest number of iterations for one right-hand side.
    pub iteration_limit: usize,
    /// The relative residual to which preparing solves for a random vector, in search of a saddle; one or
    /// more for no search.
    pub probe: f64,
    /// Threads, which share the right-hand sides; results do not depend on their number.
    pub threads: NonZeroUsize,
    /// The preconditioner.
    pub preconditioner: P,
}

impl Default for ConjugateGradient {
    /// A tolerance of 1e-10, a limit of 100 000 iterations, a probe to 1e-6, one thread, and symmetric
    /// Gauss-Seidel sweeps as preconditioner.
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            iteration_limit: 100_000,
            probe: 1e-6,
            threads: NonZeroUsize::MIN,
            preconditioner: SymmetricGaussSeidel::default(),
        }
    }
}

impl ConjugateGradient {
    /// The default with another tolerance.
    pub fn with_tolerance(tolerance: f64) -> Self {
        Self {
            tolerance,
            ..Self::default()
        }
    }
}

impl<P> ConjugateGradient<P> {
    /// The same with another preconditioner.
    pub fn with_preconditioner<Q>(self, preconditioner: Q) -> ConjugateGradient<Q> {
        ConjugateGradient {
            tolerance: self.tolerance,
            iteration_limit: self.iteration_limit,
            probe: self.probe,
            threads: self.threads,
            preconditioner,
        }
    }
}

impl<const D: usize, P: Preconditioner<D>> LinearSolver<D> for ConjugateGradient<P> {
    fn prepare(&self, hessian: &Hessian<'_, D>) -> Result<Box<dyn PreparedSolver<D>>, SolveError> {
        let kind = self.preconditioner.prepare(hessian).0;
        let relaxation = match kind {
            Kind::GaussSeidel { relaxation } => relaxation,
            _ => 1.0,
        };
        let order = spatial_order(hessian);
        let (sweeps, diagonal, pivots) = hessian_sweeps(hessian, &order, relaxation);
        let correction = pivots
            .iter()
            .zip(&diagonal)
            .map(|(pivot, own)| {
                std::array::from_fn(|a| std::array::from_fn(|b| 2.0 * pivot[a][b] - own[a][b]))
            })
            .collect();
        let prepared = Prepared {
            tolerance: self.tolerance,
            iteration_limit: self.iteration_limit,
            threads: Threads::new(self.threads)?,
            scale: hessian.largest_diagonal(),
            order,
            sweeps,
            diagonal,
            pivots,
            correction,
            kind,
        };
        if self.probe < 1.0 {
            let probe = random_vector(hessian);
            prepared.solve_one(hessian, &probe, &mut vec![0.0; probe.len()], self.probe)?;
        }
        Ok(Box::new(prepared))
    }

    fn threads(&self) -> NonZeroUsize {
        self.threads
    }
}

/// A fixed random vector without trivial zero modes.
pub(crate) fn random_vector<const D: usize>(hessian: &Hessian<'_, D>) -> Vec<f64> {
    let mut random = Seed(0).stream("probe of a Hessian", &[]);
    let mut vector: Vec<f64> = (0..hessian.dimension())
        .map(|_| random.random_range(-1.0..1.0))
        .collect();
    hessian.project(&mut vector);
    vector
}

/// A product `z = C r` in double precision.
type DoubleProduct<'a> = Box<dyn Fn(&[f64], &mut [f64]) + 'a>;

struct Prepared<const D: usize> {
    tolerance: f64,
    iteration_limit: usize,
    threads: Threads,
    /// The largest diagonal entry.
    scale: f64,
    /// The particle at each place of the order of space, which single precision works in.
    order: Vec<usize>,
    sweeps: Sweeps<D>,
    /// The diagonal blocks `B`, the pivots `W` and `2 W - B`.
    diagonal: Vec<SingleBlock<D>>,
    pivots: Vec<SingleBlock<D>>,
    correction: Vec<SingleBlock<D>>,
    kind: Kind<D>,
}

impl<const D: usize> PreparedSolver<D> for Prepared<D> {
    fn solve(
        &self,
        hessian: &Hessian<'_, D>,
        rhs: &[f64],
        solution: &mut [f64],
    ) -> Result<usize, SolveError> {
        let dimension = hessian.dimension();
        let one = |(b, x): (&[f64], &mut [f64])| self.solve_one(hessian, b, x, self.tolerance);
        let solution = solution.chunks_exact_mut(dimension);
        let pieces = rhs.chunks_exact(dimension).zip(solution);
        self.threads.map(pieces, one).into_iter().sum()
    }

    fn accuracy(&self) -> Accuracy {
        Accuracy {
            tolerance: self.tolerance,
            target: self.tolerance,
            // The residual was recomputed from the matrix; that from the edges may differ by rounding.
            refinements: 3,
        }
    }

    fn preparation(&self) -> Preparation {
        Preparation {
            method: self.kind.name().into(),
            stored_numbers: self.sweeps.stored_numbers()
                + 3 * D * D * self.order.len()
                + self.kind.stored_numbers(),
        }
    }
}

/// Vectors of the iteration in single precision, in the order of space.
struct Work<const D: usize> {
    x: Vec<Single<D>>,
    r: Vec<Single<D>>,
    z: Vec<Single<D>>,
    p: Vec<Single<D>>,
    /// The search direction itself, where products work on a transformed one.
    t: Vec<Single<D>>,
    q: Vec<Single<D>>,
    /// `r.z` of the iteration before, none at the start.
    last: Option<f64>,
}

/// How a cycle in single precision ended.
enum Cycle {
    /// The residual seems to have fallen far enough, or the iterations were used up.
    Done,
    /// A direction whose curvature single precision cannot tell from zero.
    Flat,
}

impl<const D: usize> Prepared<D> {
    /// Solves for one right-hand side from `x = 0`; returns the number of iterations.
    fn solve_one(
        &self,
        hessian: &Hessian<'_, D>,
        b: &[f64],
        x: &mut [f64],
        tolerance: f64,
    ) -> Result<usize, SolveError> {
        let size = norm(b);
        if size == 0.0 {
            return Ok(0);
        }
        // A little below the tolerance, since the residual through the edges is to meet it.
        let goal = 0.5 * tolerance;
        let zeros = vec![[0.0; D]; self.order.len()];
        let mut work = Work {
            x: zeros.clone(),
            r: zeros.clone(),
            z: zeros.clone(),
            p: zeros.clone(),
            t: zeros.clone(),
            q: zeros,
            last: None,
        };
        let mut r = b.to_vec();
        let mut next = vec![0.0; x.len()];
        let mut product = vec![0.0; x.len()];
        let mut residual = 1.0;
        let mut iterations = 0;
        while residual > goal && iterations < self.iteration_limit {
            let reduction = (0.7 * goal / residual).max(CYCLE);
            let end = self.cycle(&mut work, &r, size, reduction, &mut iterations);
            if let Cycle::Flat = end {
                let mut direction = vec![0.0; x.len()];
                self.scatter(&work.t, 1.0, &mut direction);
                hessian.project(&mut direction);
                hessian.apply(&direction, &mut product);
                let curvature = dot(&direction, &product) / dot(&direction, &direction);
                if curvature <= f64::EPSILON * self.scale {
                    return Err(saddle(curvature, direction));
                }
            }
            next.copy_from_slice(x);
            self.scatter(&work.x, size, &mut next);
            hessian.project(&mut next);
            hessian.apply(&next, &mut product);
            for (q, b) in product.iter_mut().zip(b) {
                *q = b - *q;
            }
            hessian.project(&mut product);
            let reached = norm(&product) / size;
            let progress = reached < 0.5 * residual;
            if reached < residual {
                x.copy_from_slice(&next);
                r.copy_from_slice(&product);
                residual = reached;
            }
            if !progress || matches!(end, Cycle::Flat) {
                break;
            }
        }
        if residual > goal && iterations < self.iteration_limit {
            residual = self.in_double(hessian, &mut r, x, goal * size, &mut iterations)? / size;
        }
        if residual <= goal {
            Ok(iterations)
        } else {
            Err(SolveError::IterationLimit {
                iterations,
                residual,
                tolerance,
            })
        }
    }

    /// Adds a multiple of a vector in the order of space to a flat one.
    fn scatter(&self, from: &[Single<D>], factor: f64, to: &mut [f64]) {
        let (to, _) = to.as_chunks_mut::<D>();
        for (from, &i) in from.iter().zip(&self.order) {
            for k in 0..D {
                to[i][k] += factor * f64::from(from[k]);
            }
        }
    }

    /// Iterates in single precision from a residual until it has fallen by the factor `reduction`, and leaves
    /// in `work.x` the step, in units of `size`.
    fn cycle(
        &self,
        work: &mut Work<D>,
        residual: &[f64],
        size: f64,
        reduction: f64,
        iterations: &mut usize,
    ) -> Cycle {
        let (residual, _) = residual.as_chunks::<D>();
        let split = matches!(self.kind, Kind::GaussSeidel { .. });
        for (q, &i) in work.q.iter_mut().zip(&self.order) {
            // Single precision has a narrow range: the right-hand side has unit length.
            *q = residual[i].map(|c| (c / size) as f32);
        }
        if split {
            self.sweeps.forward(|i| work.q[i], &mut work.r);
        } else {
            work.r.copy_from_slice(&work.q);
        }
        work.x.fill([0.0; D]);
        self.kind
            .apply(&self.order, &self.pivots, &work.r, &mut work.z);
        let mut r_z = sum_of_products(&work.r, &work.z);
        let start = r_z;
        let mut ratio = work.last.map_or(0.0, |last| r_z / last);
        loop {
            *iterations += 1;
            add_scaled(&work.z, ratio as f32, &mut work.p);
            if split {
                self.sweeps.backward(&work.p, &mut work.t);
                let correct = |i: usize| {
                    let back = transform(&self.correction[i], &work.t[i]);
                    std::array::from_fn(|a| work.p[i][a] - back[a])
                };
                self.sweeps.forward(correct, &mut work.q);
                for (q, t) in work.q.iter_mut().zip(&work.t) {
                    for a in 0..D {
                        q[a] += t[a];
                    }
                }
            } else {
                work.t.copy_from_slice(&work.p);
                self.sweeps.product(&self.diagonal, &work.p, &mut work.q);
            }
            let p_q = sum_of_products(&work.p, &work.q);
            // Rounding of sums of terms of the size of the largest entries.
            let flat = 4.0 * f64::from(f32::EPSILON) * self.scale;
            if p_q.is_nan() || p_q <= flat * sum_of_products(&work.t, &work.t) {
                return Cycle::Flat;
            }
            let step = (r_z / p_q) as f32;
            for k in 0..self.order.len() {
                for a in 0..D {
                    work.x[k][a] += step * work.t[k][a];
                    work.r[k][a] -= step * work.q[k][a];
                }
            }
            self.kind
                .apply(&self.order, &self.pivots, &work.r, &mut work.z);
            let next = sum_of_products(&work.r, &work.z);
            work.last = Some(r_z);
            ratio = next / r_z;
            r_z = next;
            let go_on = r_z > reduction * reduction * start && *iterations < self.iteration_limit;
            if !go_on {
                return Cycle::Done;
            }
        }
    }

    /// The recursion in double precision, from a residual `r` which it updates, until its size is `goal`; adds
    /// the step to `x` and returns the size of the residual.
    fn in_double(
        &self,
        hessian: &Hessian<'_, D>,
        r: &mut [f64],
        x: &mut [f64],
        goal: f64,
        iterations: &mut usize,
    ) -> Result<f64, SolveError> {
        let precondition = self.double_preconditioner(hessian);
        // Below this, curvature cannot be told from zero in double precision.
        let flat = f64::EPSILON * self.scale;
        let mut z = vec![0.0; r.len()];
        let mut m_p = vec![0.0; r.len()];
        precondition(r, &mut z);
        hessian.project(&mut z);
        let mut p = z.clone();
        let mut r_z = dot(r, &z);
        let mut size = norm(r);
        while size > goal && *iterations < self.iteration_limit {
            *iterations += 1;
            hessian.apply(&p, &mut m_p);
            let p_m_p = dot(&p, &m_p);
            let curvature = p_m_p / dot(&p, &p);
            if curvature <= flat {
                return Err(saddle(curvature, p));
            }
            let step = r_z / p_m_p;
            for k in 0..r.len() {
                x[k] += step * p[k];
                r[k] -= step * m_p[k];
            }
            size = norm(r);
            precondition(r, &mut z);
            hessian.project(&mut z);
            let next = dot(r, &z);
            let ratio = next / r_z;
            r_z = next;
            for k in 0..r.len() {
                p[k] = z[k] + ratio * p[k];
            }
        }
        Ok(size)
    }

    /// The product of one's own, the identity, or block Jacobi.
    fn double_preconditioner<'a>(&'a self, hessian: &Hessian<'_, D>) -> DoubleProduct<'a> {
        match &self.kind {
            Kind::Product { product, .. } => Box::new(product),
            Kind::None => Box::new(|r, z| z.copy_from_slice(r)),
            _ => {
                let inverses: Vec<Matrix<D>> = hessian
                    .matrix()
                    .diagonal_blocks()
                    .map(|block| pivot(block, 1.0).1)
                    .collect();
                Box::new(move |r, z| {
                    let (r, _) = r.as_chunks::<D>();
                    let (z, _) = z.as_chunks_mut::<D>();
                    for ((z, r), inverse) in z.iter_mut().zip(r).zip(&inverses) {
                        *z = vector::transform(inverse, r);
                    }
                })
            }
        }
    }
}

/// `p = z + ratio p`.
fn add_scaled<const D: usize>(z: &[Single<D>], ratio: f32, p: &mut [Single<D>]) {
    for (p, z) in p.as_flattened_mut().iter_mut().zip(z.as_flattened()) {
        *p = z + ratio * *p;
    }
}

/// `sum_k a_k b_k`, in single precision within short pieces and in double across them.
fn sum_of_products<const D: usize>(a: &[Single<D>], b: &[Single<D>]) -> f64 {
    const PIECE: usize = 512;
    const LANES: usize = 8;
    let mut total = 0.0;
    for (a, b) in a
        .as_flattened()
        .chunks(PIECE)
        .zip(b.as_flattened().chunks(PIECE))
    {
        let (a, a_rest) = a.as_chunks::<LANES>();
        let (b, b_rest) = b.as_chunks::<LANES>();
        let mut sums = [0.0_f32; LANES];
        for (a, b) in a.iter().zip(b) {
            for k in 0..LANES {
                sums[k] += a[k] * b[k];
            }
        }
        for (k, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
            sums[k] += a * b;
        }
        total += sums.iter().map(|&sum| f64::from(sum)).sum::<f64>();
    }
    total
}
