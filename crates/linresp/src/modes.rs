//! Vibrational modes: eigenvectors of the Hessian, densities of states, and numbers of modes by inertia.
//!
//! ```text
//! M e = lambda e,    omega = sqrt(lambda)    (unit masses)
//! ```
//!
//! Translations of clusters, rattlers among them, and rotations of clusters that nothing holds and whose forces
//! balance are no modes and are left out exactly. Other motions that cost nothing are modes with `lambda = 0` to
//! rounding.
//! Nothing here needs a minimum: at a saddle the unstable modes, with `lambda < 0`, come first.
//!
//! | you want | use |
//! |---|---|
//! | the lowest modes of a structure of any size | [`LowestModes`] |
//! | all eigenvalues | [`Hessian::spectrum`] |
//! | the exact number of modes below a value; whether a structure is a minimum | [`Hessian::modes_below`] |
//! | the density of states | [`DensityOfStates`] |

mod dense;
mod density_of_states;
mod krylov;
mod signed_factor;

pub use density_of_states::DensityOfStates;

use crate::hessian::Hessian;
use crate::solver::{InverseHessian, SolveError, dot, norm};
use crate::solvers::sparse_cholesky::SparseCholesky;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use signed_factor::Elimination;
use thiserror::Error;
use vitreous_md_core::{Seed, Vector, vector};

/// The default of the largest number of rows `D N` that is treated as a dense matrix: 1.2 GB for each of the two to
/// four that are needed.
pub const DENSE_LIMIT: usize = 12_000;

/// Below this many modes dense algebra is as fast as anything.
const SMALL: usize = 400;

/// Residuals below this many roundings of the Hessian count as zero.
const ROUNDINGS: f64 = 16.0;

/// The largest number of steps that refine what the search found.
const REFINEMENTS: usize = 2;

/// Why modes were not found or counted.
#[derive(Debug, Error)]
pub enum ModesError {
    /// A factorisation or a linear system.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// More modes than there are.
    #[error("{asked} modes were asked for, but there are {available}: ask for fewer")]
    TooMany {
        /// The number asked for.
        asked: usize,
        /// `D (N - clusters)`.
        available: usize,
    },
    /// Iterations did not converge.
    #[error(
        "{converged} of {wanted} modes converged within {products} products with blocks of vectors; the largest residual |M e - lambda e| relative to lambda is {residual:e}, the tolerance {tolerance:e}: raise the limit, or ask for fewer modes"
    )]
    NotConverged {
        /// The modes that did.
        converged: usize,
        /// The modes asked for.
        wanted: usize,
        /// The work done.
        products: usize,
        /// The largest of the relative residuals.
        residual: f64,
        /// The largest allowed.
        tolerance: f64,
    },
    /// The exact count does not agree with what was found.
    #[error(
        "{found} modes were found below an eigenvalue of {value:e}, but there are {counted}: use another seed"
    )]
    Missed {
        /// Where was counted.
        value: f64,
        /// The modes found below.
        found: usize,
        /// The modes that are there, by inertia.
        counted: usize,
    },
    /// A matrix too large to be treated as dense.
    #[error(
        "dense algebra on {rows} rows is beyond the limit of {limit} ({gigabytes:.1} GB for each of a few matrices): raise the limit, ask for fewer modes, or count modes by inertia"
    )]
    TooLarge {
        /// `D N`.
        rows: usize,
        /// The largest allowed.
        limit: usize,
        /// The memory of one matrix, in units of 10^9 bytes.
        gigabytes: f64,
    },
    /// A count at a value that is an eigenvalue to rounding.
    #[error(
        "modes cannot be counted below {value:e}: an eigenvalue, or a pivot that vanishes, is at a distance of about {distance:.1e}, too near for a count that is uncertain by {uncertainty:.1e}; choose another value, for example one that is larger by {step:.1e}", step = 1e4 * uncertainty
    )]
    AtEigenvalue {
        /// Where was to be counted.
        value: f64,
        /// About how far the nearest eigenvalue is.
        distance: f64,
        /// How far rounding may move eigenvalues of the factors.
        uncertainty: f64,
    },
    /// Dense eigenvalues that did not converge.
    #[error("the eigenvalues of a dense matrix of {size} rows did not converge")]
    DenseFailed {
        /// The number of rows.
        size: usize,
    },
    /// Eigenvalues that do not add up.
    #[error(
        "the eigenvalues are wrong: the sum of their power {power} differs from that of the matrix by {difference:e}, relatively"
    )]
    WrongSum {
        /// 1 for the trace, 2 for the sum of squares.
        power: usize,
        /// The relative difference.
        difference: f64,
    },
    /// Numbers that are not finite.
    #[error("the Hessian, or a product with it, has entries that are not finite")]
    NotFinite,
    /// Bins of a histogram.
    #[error("the edges of bins must be finite and ascend, at least two of them: {edges:?}")]
    Edges {
        /// The edges given.
        edges: Vec<f64>,
    },
}

/// The search for the modes of lowest eigenvalue, in structures of any size.
///
/// Small structures, and requests for a large part of all modes, are treated as dense matrices. Others by block
/// Lanczos with the inverse Hessian: one factorisation, and then some ten solutions for each mode, in blocks.
/// At a saddle the inverse is that of `M + s`, with a shift `s` that the signs of the pivots prove to be large
/// enough.
///
/// Degenerate modes, of which crystals have many, are all found: after convergence the search is repeated from a new
/// random start in the space orthogonal to what was found, until nothing lower turns up. [`LowestModes::counted`]
/// proves it by inertia.
///
/// Every mode is checked: its residual `|M e - lambda e|`, recomputed through the edges of the linearisation, is
/// at most the tolerance times `|lambda|`, or rounding: `16 eps |M|` with the largest row sum `|M|`. The error
/// of an eigenvalue is never larger than its residual, and mostly its square over the distance of the next.
///
/// ```
/// # use vitreous_linresp::{Hessian, LowestModes};
/// # use vitreous_md_core::{Cell, Configuration, Linearization, Species};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // A ring of six unit springs in one dimension: lambda = 4 sin^2(pi k/6), twice for k = 1 and 2.
/// let cell = Cell::orthorhombic([6.0])?;
/// let positions = (0..6).map(|i| [f64::from(i)]).collect();
/// let ring = Configuration::new(cell, positions, vec![Species(0); 6])?;
/// let mut expansion = Linearization::empty(&ring);
/// for i in 0..6 {
///     expansion.add_pair([i, (i + 1) % 6], [1.0], [0.5, 0.5, 0.0]);
/// }
/// let modes = LowestModes::new(5).of(&Hessian::new(&expansion))?;
/// for (found, expected) in modes.eigenvalues().iter().zip([1.0, 1.0, 3.0, 3.0, 4.0]) {
///     assert!((found - expected).abs() < 1e-12);
/// }
/// assert!((modes.participation_ratio(4) - 1.0).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LowestModes {
    /// The number of modes.
    pub count: usize,
    /// The largest residual `|M e - lambda e| / |lambda|`.
    pub tolerance: f64,
    /// The largest number of products with blocks of eight vectors.
    pub limit: usize,
    /// The seed of the random start.
    pub seed: Seed,
    /// Whether to prove by inertia that none was missed, at the cost of one more factorisation.
    pub counted: bool,
    /// The largest number of rows `D N` of a dense matrix.
    pub dense_limit: usize,
}

impl LowestModes {
    /// So many modes, to a tolerance of 1e-10.
    pub fn new(count: usize) -> Self {
        Self {
            count,
            tolerance: 1e-10,
            limit: 2000,
            seed: Seed(0),
            counted: false,
            dense_limit: DENSE_LIMIT,
        }
    }

    /// The same, with the proof by inertia that none was missed.
    pub fn counted(self) -> Self {
        Self {
            counted: true,
            ..self
        }
    }

    /// The lowest modes of a Hessian, which need not be that of a minimum.
    ///
    /// # Errors
    /// More modes than there are; a search that did not converge; a dense matrix beyond the limit; modes missed, if
    /// [`LowestModes::counted`].
    pub fn of<const D: usize>(&self, hessian: &Hessian<'_, D>) -> Result<Modes<D>, ModesError> {
        if self.is_dense(hessian)? {
            return self.by_dense_algebra(hessian);
        }
        // The residuals that matter are those of the modes; these only keep a wrong factor from going unnoticed.
        let mut solver = SparseCholesky::default();
        (solver.tolerance, solver.target) = (1e-6, 1e-8);
        let outcome = match hessian.clone().inverse(&solver) {
            Ok(inverse) => self.by_inverse(hessian, &inverse),
            Err(error) => Err(error.into()),
        };
        match outcome {
            Err(ModesError::Solve(
                SolveError::Saddle { .. }
                | SolveError::Singular { .. }
                | SolveError::Inaccurate { .. },
            )) => self.by_shift(hessian),
            outcome => outcome,
        }
    }

    /// The lowest modes of a minimum, with an inverse that is there already.
    ///
    /// # Errors
    /// As [`LowestModes::of`], and those of the solver.
    pub fn of_inverse<const D: usize>(
        &self,
        inverse: &InverseHessian<'_, D>,
    ) -> Result<Modes<D>, ModesError> {
        let hessian = inverse.hessian();
        if self.is_dense(hessian)? {
            self.by_dense_algebra(hessian)
        } else {
            self.by_inverse(hessian, inverse)
        }
    }

    fn is_dense<const D: usize>(&self, hessian: &Hessian<'_, D>) -> Result<bool, ModesError> {
        let available = modes(hessian);
        if self.count > available {
            return Err(ModesError::TooMany {
                asked: self.count,
                available,
            });
        }
        let (_, basis) = krylov::sizes(self.count);
        Ok(available <= SMALL || 2 * basis > available)
    }

    fn by_dense_algebra<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
    ) -> Result<Modes<D>, ModesError> {
        let (_, found) = dense_modes(hessian, self.dense_limit, self.count)?;
        self.finish(hessian, found, 0)
    }

    fn by_inverse<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        inverse: &InverseHessian<'_, D>,
    ) -> Result<Modes<D>, ModesError> {
        self.by_krylov(hessian, 0.0, &|x| inverse.apply(x))
    }

    /// With the inverse of `M + s`, which is positive definite.
    fn by_shift<const D: usize>(&self, hessian: &Hessian<'_, D>) -> Result<Modes<D>, ModesError> {
        let scale = row_sum_norm(hessian);
        if !scale.is_finite() {
            return Err(ModesError::NotFinite);
        }
        // Lanczos without an inverse soon knows about how low the lowest eigenvalue is, if it is low.
        let negative = |x: &[f64]| {
            let mut y = products(hessian, x);
            for y in &mut y {
                *y = -*y;
            }
            Ok(y)
        };
        let lowest = -krylov::largest(&krylov::Problem {
            dimension: hessian.dimension(),
            apply: &negative,
            project: &|x| hessian.project(x),
            wanted: 1,
            allowed: &|theta| 0.01 * theta.abs(),
            limit: 20,
            seed: self.seed,
        })?
        .values[0];
        let mut shift = f64::max(-1.2 * lowest, 1e-5 * scale);
        let elimination = Elimination::for_shift(hessian, -shift)?;
        let factor = loop {
            match elimination.factor(hessian, -shift)? {
                Some(factor) if factor.negative_pivots() == 0 => break factor,
                _ if shift > scale => return Err(ModesError::NotFinite),
                _ => shift *= 3.0,
            }
        };
        self.by_krylov(hessian, shift, &|x| Ok(factor.solve(x)))
    }

    /// Block Lanczos with `B = (M + shift)^-1`: the largest `theta = 1/(lambda + shift)`.
    fn by_krylov<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        shift: f64,
        apply: &krylov::Operator<'_>,
    ) -> Result<Modes<D>, ModesError> {
        let dimension = hessian.dimension();
        if self.count == 0 {
            return self.finish(hessian, Vec::new(), 0);
        }
        let floor = rounding(hessian);
        // The vectors are those of one step of the power method, y = B x/theta with B x = theta x + r. So
        // (M + shift) y = x/theta, and M y - lambda y = -r/theta^2. Half of it is left to rounding.
        let allowed = |theta: f64| {
            let eigenvalue = 1.0 / theta - shift;
            let residual = 0.5 * theta * theta * f64::max(self.tolerance * eigenvalue.abs(), floor);
            residual.min(1e-3 * theta)
        };
        let problem = krylov::Problem {
            dimension,
            apply,
            project: &|x| hessian.project(x),
            wanted: self.count,
            allowed: &allowed,
            limit: self.limit,
            seed: self.seed,
        };
        let mut found = self.converged(krylov::largest(&problem)?, shift)?;
        let mut products = found.products;
        for round in 1.. {
            let known = found.vectors.clone();
            let project = |x: &mut [f64]| {
                hessian.project(x);
                for known in known.chunks_exact(dimension) {
                    let along = dot(known, x) / dot(known, known);
                    for (x, known) in x.iter_mut().zip(known) {
                        *x -= along * known;
                    }
                }
            };
            let rest = krylov::Problem {
                project: &project,
                wanted: 1,
                allowed: &|theta| 1e-2 * theta,
                seed: self.seed.derive("search for missed modes", &[round]),
                ..problem
            };
            let last = found.values[self.count - 1];
            let next = self.converged(krylov::largest(&rest)?, shift)?;
            products += next.products;
            // What is as low as the last one, to its accuracy, is as good.
            if next.values[0] <= last + allowed(last) {
                break;
            }
            let missed = krylov::largest(&krylov::Problem {
                wanted: krylov::BLOCK.min(self.count),
                allowed: &allowed,
                ..rest
            })?;
            let missed = self.converged(missed, shift)?;
            products += missed.products;
            if products > self.limit {
                return Err(self.not_converged(&missed, shift, products));
            }
            found.merge(missed, self.count);
        }
        // One mode far below all others makes rounding as large as it is low. Steps of the power method, each of which
        // takes what belongs to the low modes out of the others, mend that.
        let mut vectors = found.vectors;
        for _ in 0..REFINEMENTS {
            match self.finish(hessian, vectors.clone(), products) {
                Err(ModesError::NotConverged { .. }) => {}
                outcome => return outcome,
            }
            vectors = rayleigh_ritz(hessian, vectors)?;
            for block in vectors.chunks_mut(krylov::BLOCK * dimension) {
                block.copy_from_slice(&apply(block)?);
                products += 1;
            }
            for vector in vectors.chunks_exact_mut(dimension) {
                let length = norm(vector);
                for x in vector {
                    *x /= length;
                }
            }
        }
        self.finish(hessian, vectors, products)
    }

    fn converged(&self, found: krylov::Found, shift: f64) -> Result<krylov::Found, ModesError> {
        if found.converged == found.values.len() {
            Ok(found)
        } else {
            Err(self.not_converged(&found, shift, found.products))
        }
    }

    fn not_converged(&self, found: &krylov::Found, shift: f64, products: usize) -> ModesError {
        let relative = |(theta, residual): (&f64, &f64)| {
            residual / (theta * theta * (1.0 / theta - shift).abs())
        };
        ModesError::NotConverged {
            converged: found.converged,
            wanted: self.count,
            products,
            residual: found
                .values
                .iter()
                .zip(&found.residuals)
                .map(relative)
                .fold(0.0, f64::max),
            tolerance: self.tolerance,
        }
    }

    /// The best approximations in the space of some vectors, with residuals recomputed through the edges.
    fn finish<const D: usize>(
        &self,
        hessian: &Hessian<'_, D>,
        vectors: Vec<f64>,
        products: usize,
    ) -> Result<Modes<D>, ModesError> {
        let dimension = hessian.dimension();
        let vectors = rayleigh_ritz(hessian, vectors)?;
        let images = self::products(hessian, &vectors);
        let check = |e: &[f64], image: &[f64]| {
            let eigenvalue = dot(e, image) / dot(e, e);
            let squares: f64 = e
                .iter()
                .zip(image)
                .map(|(e, image)| (image - eigenvalue * e).powi(2))
                .sum();
            (eigenvalue, squares.sqrt() / norm(e))
        };
        let mut pairs: Vec<_> = vectors
            .chunks_exact(dimension)
            .zip(images.chunks_exact(dimension))
            .map(|(e, image)| (check(e, image), e))
            .collect();
        // Recomputed, degenerate eigenvalues may have changed their order.
        pairs.sort_by(|(a, _), (b, _)| a.0.total_cmp(&b.0));
        let mut found = Modes {
            dimension,
            eigenvalues: pairs.iter().map(|(pair, _)| pair.0).collect(),
            residuals: pairs.iter().map(|(pair, _)| pair.1).collect(),
            vectors: pairs.iter().flat_map(|(_, e)| *e).copied().collect(),
        };
        for e in found.vectors.chunks_exact_mut(dimension) {
            make_sign_definite(e);
        }
        let floor = rounding(hessian);
        let good = |(eigenvalue, residual): (&f64, &f64)| {
            *residual <= f64::max(self.tolerance * eigenvalue.abs(), floor)
        };
        let pairs = || found.eigenvalues.iter().zip(&found.residuals);
        let converged = pairs().filter(|&pair| good(pair)).count();
        if converged < self.count {
            let relative = pairs().map(|(eigenvalue, residual)| residual / eigenvalue.abs());
            return Err(ModesError::NotConverged {
                converged,
                wanted: self.count,
                products,
                residual: relative.fold(0.0, f64::max),
                tolerance: self.tolerance,
            });
        }
        if self.counted {
            found.check_count(hessian)?;
        }
        Ok(found)
    }
}

impl krylov::Found {
    /// The best of two sets.
    fn merge(&mut self, other: Self, count: usize) {
        let dimension = self.vectors.len() / self.values.len();
        self.values.extend(other.values);
        self.residuals.extend(other.residuals);
        self.vectors.extend(other.vectors);
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        order.sort_by(|&a, &b| self.values[b].total_cmp(&self.values[a]));
        order.truncate(count);
        let pick = |from: &[f64]| order.iter().map(|&k| from[k]).collect();
        self.vectors = order
            .iter()
            .flat_map(|k| &self.vectors[k * dimension..(k + 1) * dimension])
            .copied()
            .collect();
        (self.values, self.residuals) = (pick(&self.values), pick(&self.residuals));
        self.converged = count;
    }
}

/// Modes in the order of their eigenvalues, with unit vectors orthogonal to each other.
///
/// The sign of a vector is chosen so that its largest component is positive. Within degenerate modes the vectors are
/// some orthogonal basis.
#[derive(Clone, Debug, PartialEq)]
pub struct Modes<const D: usize> {
    dimension: usize,
    eigenvalues: Vec<f64>,
    residuals: Vec<f64>,
    vectors: Vec<f64>,
}

impl<const D: usize> Modes<D> {
    /// The number of modes.
    pub fn len(&self) -> usize {
        self.eigenvalues.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.eigenvalues.is_empty()
    }

    /// The eigenvalues `lambda`, lowest first, in energy per length squared.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// The frequencies of unit masses: see [`frequency`].
    pub fn frequencies(&self) -> Vec<f64> {
        self.eigenvalues.iter().copied().map(frequency).collect()
    }

    /// The residuals `|M e - lambda e|`, recomputed through the edges of the linearisation.
    pub fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// The displacements of the particles, a unit vector of `D N` components.
    ///
    /// # Panics
    /// If there is no such mode.
    pub fn vector(&self, mode: usize) -> &[Vector<D>] {
        let flat = &self.vectors[mode * self.dimension..(mode + 1) * self.dimension];
        flat.as_chunks().0
    }

    /// The participation ratio of a mode: see [`participation_ratio`].
    ///
    /// # Panics
    /// If there is no such mode.
    pub fn participation_ratio(&self, mode: usize) -> f64 {
        participation_ratio(self.vector(mode))
    }

    /// The participation ratios of all modes.
    pub fn participation_ratios(&self) -> Vec<f64> {
        (0..self.len())
            .map(|mode| self.participation_ratio(mode))
            .collect()
    }

    /// Counts by inertia in the highest gap between eigenvalues that is wide enough to count in.
    fn check_count(&self, hessian: &Hessian<'_, D>) -> Result<(), ModesError> {
        let wide = 1e5 * rounding(hessian);
        let gap = |k: usize| {
            let high = self.eigenvalues[k];
            let low = match k {
                0 => high - high.abs() - 2.0 * wide,
                _ => self.eigenvalues[k - 1],
            };
            (high - low > wide.max(1e-7 * high.abs())).then(|| (k, f64::midpoint(low, high)))
        };
        let Some((found, value)) = (0..self.len()).rev().find_map(gap) else {
            return Ok(());
        };
        let counted = hessian.modes_below(value)?;
        if counted == found {
            Ok(())
        } else {
            Err(ModesError::Missed {
                value,
                found,
                counted,
            })
        }
    }
}

/// The frequency `omega = sqrt(lambda)` of a mode of unit masses; `-sqrt(-lambda)` for unstable ones, whose
/// frequency is imaginary.
pub fn frequency(eigenvalue: f64) -> f64 {
    eigenvalue.signum() * eigenvalue.abs().sqrt()
}

/// The part of the particles that takes part in a motion,
///
/// ```text
/// e = (sum_i |z_i|^2)^2 / (N sum_i |z_i|^4)
/// ```
///
/// from `1/N` for the motion of one particle to 1 where all move as far.
///
/// ```
/// # use vitreous_linresp::modes::participation_ratio;
/// assert_eq!(participation_ratio(&[[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]), 0.5);
/// ```
pub fn participation_ratio<const D: usize>(displacements: &[Vector<D>]) -> f64 {
    let squares = || displacements.iter().map(vector::norm_squared);
    let second: f64 = squares().sum();
    let fourth: f64 = squares().map(|square| square * square).sum();
    second * second / (displacements.len() as f64 * fourth)
}

impl<const D: usize> Hessian<'_, D> {
    /// The number of modes: `D N` less the translations of clusters and the rotations of those that nothing holds.
    pub fn modes(&self) -> usize {
        modes(self)
    }

    /// The exact number of modes with an eigenvalue below a value, by Sylvester's law of inertia: as many as the
    /// factorisation `M - value = L D L^T` has negative entries of `D`. The cost is one factorisation, at any value.
    ///
    /// Below zero, that is the number of unstable modes: zero at a minimum.
    ///
    /// ```
    /// # use vitreous_linresp::Hessian;
    /// # use vitreous_md_core::{Cell, Configuration, Linearization, Species};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cell = Cell::orthorhombic([6.0])?;
    /// # let positions = (0..6).map(|i| [f64::from(i)]).collect();
    /// # let ring = Configuration::new(cell, positions, vec![Species(0); 6])?;
    /// # let mut expansion = Linearization::empty(&ring);
    /// # for i in 0..6 {
    /// #     expansion.add_pair([i, (i + 1) % 6], [1.0], [0.5, 0.5, 0.0]);
    /// # }
    /// // A ring of six unit springs: 1, 1, 3, 3, 4.
    /// let hessian = Hessian::new(&expansion);
    /// assert_eq!(hessian.modes_below(0.0)?, 0);
    /// assert_eq!(hessian.modes_below(2.0)?, 2);
    /// assert_eq!(hessian.modes_below(5.0)?, hessian.modes());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ModesError::AtEigenvalue`] where an eigenvalue is too near to the value for a count that is certain (zero
    /// too is an eigenvalue, except for the count below zero itself); a factor that does not fit in memory.
    pub fn modes_below(&self, eigenvalue: f64) -> Result<usize, ModesError> {
        if !eigenvalue.is_finite() || !row_sum_norm(self).is_finite() {
            return Err(ModesError::NotFinite);
        }
        signed_factor::modes_below(self, eigenvalue)
    }

    /// The largest eigenvalue, to a thousandth, and not below it but by less than that.
    ///
    /// # Errors
    /// A Hessian with entries that are not finite.
    pub fn largest_eigenvalue(&self) -> Result<f64, ModesError> {
        if modes(self) <= SMALL {
            return Ok(self.spectrum(usize::MAX)?.last().copied().unwrap_or(0.0));
        }
        let found = krylov::largest(&krylov::Problem {
            dimension: self.dimension(),
            apply: &|x| Ok(products(self, x)),
            project: &|x| self.project(x),
            wanted: 1,
            allowed: &|theta| 1e-3 * theta.abs(),
            limit: 100,
            seed: Seed(0),
        })?;
        Ok(found.values[0] + found.residuals[0])
    }

    /// All eigenvalues, lowest first, translations left out, by dense algebra: `O((D N)^3)` work.
    ///
    /// Their sum and the sum of their squares are checked against those of the matrix. The absolute error is a
    /// rounding of the largest eigenvalue.
    ///
    /// # Errors
    /// [`ModesError::TooLarge`] if `D N` is above the limit, see [`DENSE_LIMIT`]: then count modes instead, see
    /// [`DensityOfStates::by_counting`].
    pub fn spectrum(&self, limit: usize) -> Result<Vec<f64>, ModesError> {
        Ok(dense_modes(self, limit, 0)?.0)
    }
}

fn modes<const D: usize>(hessian: &Hessian<'_, D>) -> usize {
    hessian.dimension() - hessian.cluster_data().zero_modes()
}

/// All eigenvalues, and the vectors of the lowest.
fn dense_modes<const D: usize>(
    hessian: &Hessian<'_, D>,
    limit: usize,
    vectors: usize,
) -> Result<(Vec<f64>, Vec<f64>), ModesError> {
    let rows = hessian.dimension();
    if rows > limit {
        return Err(ModesError::TooLarge {
            rows,
            limit,
            gigabytes: 8e-9 * (rows as f64).powi(2),
        });
    }
    if !row_sum_norm(hessian).is_finite() {
        return Err(ModesError::NotFinite);
    }
    let reduced = dense::Reduced::new(hessian)?;
    let (values, basis) = dense::eigen(reduced.matrix.as_ref(), vectors > 0)?;
    for (power, expected) in (1..).zip(dense::invariants(hessian)) {
        let sizes: f64 = values.iter().map(|value| value.abs().powi(power)).sum();
        let sum: f64 = values.iter().map(|value| value.powi(power)).sum();
        let difference = (sum - expected).abs() / sizes.max(f64::MIN_POSITIVE);
        // Rounding grows as the root of the number of rows at most; this is far above and far below mistakes.
        if difference > 1e-10 {
            return Err(ModesError::WrongSum {
                power: power as usize,
                difference,
            });
        }
    }
    let displacements = (0..vectors).flat_map(|mode| {
        let column = basis.as_ref().map(|basis| basis.col(mode));
        reduced.displacements(column.iter().flat_map(|column| column.iter().copied()))
    });
    let displacements = displacements.collect();
    Ok((values, displacements))
}

/// The largest sum of the sizes of a row's entries: at least as large as any eigenvalue.
fn row_sum_norm<const D: usize>(hessian: &Hessian<'_, D>) -> f64 {
    let mut largest = 0.0;
    for row in 0..hessian.particles() {
        let mut sums = [0.0; D];
        for (_, block) in hessian.matrix().row(row) {
            for k in 0..D {
                sums[k] += block[k].iter().map(|entry| entry.abs()).sum::<f64>();
            }
        }
        for sum in sums {
            // Not a number stays.
            if sum > largest || sum.is_nan() {
                largest = sum;
            }
        }
        if largest.is_nan() {
            break;
        }
    }
    largest
}

/// The residual of an exact mode in the arithmetic of the machine.
fn rounding<const D: usize>(hessian: &Hessian<'_, D>) -> f64 {
    ROUNDINGS * f64::EPSILON * row_sum_norm(hessian)
}

/// The products of the Hessian, through its edges, with vectors one after another.
fn products<const D: usize>(hessian: &Hessian<'_, D>, vectors: &[f64]) -> Vec<f64> {
    let dimension = hessian.dimension();
    let mut products = vec![0.0; vectors.len()];
    for (y, x) in products
        .chunks_exact_mut(dimension)
        .zip(vectors.chunks_exact(dimension))
    {
        hessian.apply_edges(x, y);
    }
    products
}

/// The eigenvectors of the Hessian in the space of some vectors `V`, lowest first: with `V^T V = U g U^T` an
/// orthonormal basis is `V U g^-1/2`.
fn rayleigh_ritz<const D: usize>(
    hessian: &Hessian<'_, D>,
    mut vectors: Vec<f64>,
) -> Result<Vec<f64>, ModesError> {
    let dimension = hessian.dimension();
    let count = vectors.len() / dimension;
    if count == 0 {
        return Ok(vectors);
    }
    for x in vectors.chunks_exact_mut(dimension) {
        hessian.project(x);
    }
    let v = MatRef::from_column_major_slice(&vectors, dimension, count);
    let gram = product(v.transpose(), v);
    let (lengths, basis) = dense::eigen(gram.as_ref(), true)?;
    let basis = basis.unwrap_or(gram);
    // Of vectors that are all but orthonormal the matrix of products is all but one.
    let basis = Mat::from_fn(count, count, |i, j| basis[(i, j)] / lengths[j].sqrt());
    let images = products(hessian, &vectors);
    let images = MatRef::from_column_major_slice(&images, dimension, count);
    let inner = product(v.transpose(), images);
    let inner = product(
        basis.transpose(),
        product(inner.as_ref(), basis.as_ref()).as_ref(),
    );
    let (_, rotation) = dense::eigen(inner.as_ref(), true)?;
    let rotation = product(basis.as_ref(), rotation.unwrap_or(inner).as_ref());
    let mut rotated = vec![0.0; vectors.len()];
    matmul(
        MatMut::from_column_major_slice_mut(&mut rotated, dimension, count),
        Accum::Replace,
        v,
        rotation.as_ref(),
        1.0,
        Par::Seq,
    );
    Ok(rotated)
}

/// The product of two matrices, on one thread: the bits must not depend on their number.
fn product(left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(left.nrows(), right.ncols());
    matmul(product.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
    product
}

/// Turns a vector so that its largest component is positive.
fn make_sign_definite(x: &mut [f64]) {
    let largest = x.iter().fold(0.0_f64, |largest, &x| {
        // Components equal but for rounding must not decide by chance.
        if x.abs() > (1.0 + 1e-6) * largest.abs() {
            x
        } else {
            largest
        }
    });
    if largest < 0.0 {
        for x in x {
            *x = -*x;
        }
    }
}
