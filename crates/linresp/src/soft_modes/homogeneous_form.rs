//! Maxima of a homogeneous form on the sphere `z.M.z = 1`: what pseudoharmonic, cubic and quartic modes have
//! in common.
//!
//! With a form `F` of degree `p`, the cost `(z.M.z)^p / F(z)^2` does not depend on the length of `z`, and is
//! stationary where
//!
//! ```text
//! M z = (z.M.z / p F) dF/dz
//! ```
//!
//! On the sphere `z.M.z = 1` low cost is a large `F`. The natural metric is that of `M`: the gradient of
//! `ln F / p` in it is `d = M^-1 r` with `r = dF/dz / (p F) - M z`, so that `z + d` is the iteration
//! `M^-1 dF/dz` of Gartner and Lerner. Here the `d` of successive steps are combined as in nonlinear
//! conjugate gradients (Polak and Ribiere), and each step goes to the first maximum on the great circle
//! through `z` along their combination, where `F` is a polynomial whose coefficients are known: the cost
//! never rises. Since `d` solves for the residual itself, what a solver leaves over does not limit what
//! can be reached.

use crate::hessian::Hessian;
use crate::response::ResponseError;
use crate::solver::{InverseHessian, SolveError, dot, norm};
use crate::threads::Threads;
use std::num::NonZeroUsize;
use thiserror::Error;
use vitreous_md_core::{DirectionError, Vector};

/// When the search for a soft mode ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftModeSearch {
    /// The largest residual of a mode.
    pub tolerance: f64,
    /// A search that takes more iterations, with one linear solve each, is an error.
    pub iteration_limit: usize,
}

impl Default for SoftModeSearch {
    /// A tolerance of 1e-10 and at most 1000 iterations.
    fn default() -> Self {
        Self {
            tolerance: 1e-10,
            iteration_limit: 1000,
        }
    }
}

/// Why a soft mode was not found.
#[derive(Debug, Error)]
pub enum SoftModeError<const D: usize> {
    /// A start of the wrong length.
    #[error("the start has displacements of {found} particles, the structure {particles}")]
    Lengths {
        /// Number of displacements.
        found: usize,
        /// Number of particles.
        particles: usize,
    },
    /// A start that is not finite, costs no energy, or has no cost.
    #[error(
        "the start leads nowhere: its energy z.M.z is {energy:e} and the sum that is to grow from it {form:e}, but both must be positive and finite; start from a dipole response"
    )]
    Start {
        /// `z.M.z` of the start.
        energy: f64,
        /// The form: `S`, `|U''':zzz|` or `U'''':zzzz`.
        form: f64,
    },
    /// Iterations did not converge.
    #[error(transparent)]
    Unconverged(#[from] Box<Unconverged<D>>),
    /// The potential is not that of the structure.
    #[error(
        "the potential is not that of the structure: its second derivatives along the start differ from the Hessian's by {difference:e} of their size; give the potential with which the structure was certified"
    )]
    OtherPotential {
        /// `|M z - U'':z| / |M z|`.
        difference: f64,
    },
    /// The linear system.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// The dipole responses from which to start, or threads.
    #[error(transparent)]
    Response(#[from] ResponseError),
    /// The derivatives of the potential.
    #[error(transparent)]
    Derivatives(#[from] DirectionError),
}

/// A search that ended before it converged, with what it had reached.
#[derive(Clone, Debug, Error, PartialEq)]
#[error(
    "the search for a soft mode is not converged after {iterations} iterations: the residual is {residual:e}, above the tolerance of {tolerance:e}, at a stiffness of {stiffness:e}; raise the limit, or start from another pair"
)]
pub struct Unconverged<const D: usize> {
    /// The number of iterations done.
    pub iterations: usize,
    /// The residual reached.
    pub residual: f64,
    /// The largest allowed.
    pub tolerance: f64,
    /// `z.M.z` of the displacements reached.
    pub stiffness: f64,
    /// The displacements reached, of length one.
    pub displacements: Vec<Vector<D>>,
}

/// A homogeneous form of the displacements, with its derivatives.
pub(crate) trait Form: Sync {
    /// The degree `p`: 3 or 4.
    const DEGREE: usize;

    /// `F(z)`, and `dF/dz` for `gradient`.
    fn evaluate(&self, z: &[f64], gradient: &mut [f64]) -> Result<f64, DirectionError>;

    /// The coefficients `a_k` of
    ///
    /// ```text
    /// F(x z + y q) = sum_k binomial(p, k) a_k x^(p-k) y^k
    /// ```
    ///
    /// beyond `a_0 = F(z)` and `a_1 = q . dF/dz / p`, which are there already. Those beyond `a_p` are not used.
    fn restrict(
        &self,
        z: &[f64],
        q: &[f64],
        coefficients: &mut [f64; 5],
    ) -> Result<(), DirectionError>;

    /// The residual by which convergence is judged, from the relative one `|r| / |M z|` and `F(z)/|z|^p`.
    fn residual(&self, relative: f64, form: f64) -> f64;
}

/// A maximum of the form.
pub(crate) struct Maximum<const D: usize> {
    /// Of length one.
    pub(crate) displacements: Vec<Vector<D>>,
    /// `z.M.z`.
    pub(crate) stiffness: f64,
    /// `F(z)`.
    pub(crate) form: f64,
    /// The residual of the mode.
    pub(crate) residual: f64,
    /// The number of iterations.
    pub(crate) iterations: usize,
}

/// Climbs from each of the starts, in batches of fixed size that are shared by the threads.
pub(crate) fn climb_all<const D: usize, F: Form>(
    inverse: &InverseHessian<'_, D>,
    form: &F,
    starts: &[Vec<f64>],
    search: &SoftModeSearch,
    batch: usize,
    threads: NonZeroUsize,
) -> Result<Vec<Result<Maximum<D>, SoftModeError<D>>>, ResponseError> {
    let climb = |starts: &[Vec<f64>]| climb_batch(inverse, form, starts, search);
    let mut outcomes = Vec::with_capacity(starts.len());
    for batch in Threads::new(threads)?.map(starts.chunks(batch), climb) {
        outcomes.append(&mut batch?);
    }
    Ok(outcomes)
}

/// Climbs from several starts in step, so that they share their linear solves.
fn climb_batch<const D: usize, F: Form>(
    inverse: &InverseHessian<'_, D>,
    form: &F,
    starts: &[Vec<f64>],
    search: &SoftModeSearch,
) -> Result<Vec<Result<Maximum<D>, SoftModeError<D>>>, SolveError> {
    let hessian = inverse.hessian();
    let mut outcomes: Vec<_> = starts.iter().map(|_| None).collect();
    let mut climbs = Vec::with_capacity(starts.len());
    for (start, outcome) in starts.iter().zip(&mut outcomes) {
        match Climb::start(hessian, form, start) {
            Ok(climb) => climbs.push((outcome, climb)),
            Err(error) => *outcome = Some(Err(error)),
        }
    }
    for iterations in 0.. {
        climbs = climbs
            .into_iter()
            .filter_map(|(outcome, climb)| {
                *outcome = climb.outcome(hessian, form, search, iterations);
                outcome.is_none().then_some((outcome, climb))
            })
            .collect();
        if climbs.is_empty() {
            break;
        }
        let residuals: Vec<f64> = climbs
            .iter()
            .flat_map(|(_, climb)| &climb.residual)
            .copied()
            .collect();
        let directions = inverse.apply(&residuals)?;
        climbs = climbs
            .into_iter()
            .zip(directions.chunks_exact(hessian.dimension()))
            .filter_map(
                |((outcome, mut climb), d)| match climb.step(hessian, form, d) {
                    Ok(()) => Some((outcome, climb)),
                    Err(error) => {
                        *outcome = Some(Err(error.into()));
                        None
                    }
                },
            )
            .collect();
    }
    // The loop ends when every start has its outcome.
    Ok(outcomes.into_iter().flatten().collect())
}

/// One climb: where it is, and how it came there.
struct Climb {
    /// On the sphere `z.M.z = 1`.
    z: Vec<f64>,
    /// `M z`.
    product: Vec<f64>,
    /// `F(z)`.
    form: f64,
    /// `r = dF/dz / (p F) - M z`.
    residual: Vec<f64>,
    /// The step before.
    previous: Option<Previous>,
    /// Whether the last step went uphill.
    climbing: bool,
}

/// The last step, carried along to where it ended.
struct Previous {
    direction: Vec<f64>,
    /// Its product with `M`.
    product: Vec<f64>,
    residual: Vec<f64>,
    /// `r.M^-1.r`.
    squared: f64,
}

impl Climb {
    fn start<const D: usize, F: Form>(
        hessian: &Hessian<'_, D>,
        form: &F,
        start: &[f64],
    ) -> Result<Self, SoftModeError<D>> {
        let mut climb = Self {
            z: start.to_vec(),
            product: vec![0.0; start.len()],
            form: 0.0,
            residual: vec![0.0; start.len()],
            previous: None,
            climbing: true,
        };
        hessian.project(&mut climb.z);
        let length = norm(&climb.z);
        hessian.apply(&climb.z, &mut climb.product);
        let energy = dot(&climb.z, &climb.product);
        // Below this, the energy is what rounding makes of a translation.
        let rounding = 1e-13 * hessian.largest_diagonal() * dot(start, start);
        if !(energy > rounding && energy.is_finite() && length > 0.0) {
            return Err(SoftModeError::Start { energy, form: 0.0 });
        }
        let value = form.evaluate(&climb.z, &mut climb.residual)?;
        // The sign of an odd form is that of the displacements.
        let sign = if F::DEGREE % 2 == 1 && value < 0.0 {
            -1.0
        } else {
            1.0
        };
        if !(sign * value > 0.0 && value.is_finite()) {
            return Err(SoftModeError::Start {
                energy,
                form: sign * value,
            });
        }
        for z in &mut climb.z {
            *z *= sign;
        }
        climb.arrive(hessian, form)?;
        Ok(climb)
    }

    /// Returns to the sphere and evaluates there.
    fn arrive<const D: usize, F: Form>(
        &mut self,
        hessian: &Hessian<'_, D>,
        form: &F,
    ) -> Result<(), DirectionError> {
        hessian.apply(&self.z, &mut self.product);
        let shrink = dot(&self.z, &self.product).sqrt().recip();
        for (z, product) in self.z.iter_mut().zip(&mut self.product) {
            *z *= shrink;
            *product *= shrink;
        }
        self.form = form.evaluate(&self.z, &mut self.residual)?;
        let factor = (F::DEGREE as f64 * self.form).recip();
        for (r, product) in self.residual.iter_mut().zip(&self.product) {
            *r = *r * factor - product;
        }
        Ok(())
    }

    /// The residual by which convergence is judged.
    fn judge<F: Form>(&self, form: &F) -> f64 {
        let per_length = self.form / norm(&self.z).powi(F::DEGREE as i32);
        form.residual(norm(&self.residual) / norm(&self.product), per_length)
    }

    /// How the climb ended, if it did.
    fn outcome<const D: usize, F: Form>(
        &self,
        hessian: &Hessian<'_, D>,
        form: &F,
        search: &SoftModeSearch,
        iterations: usize,
    ) -> Option<Result<Maximum<D>, SoftModeError<D>>> {
        let mut residual = self.judge(form);
        let length = norm(&self.z);
        let displacements = || {
            let (z, _) = self.z.as_chunks::<D>();
            z.iter().map(|z| z.map(|z| z / length)).collect()
        };
        let mut energy = dot(&self.z, &self.product);
        if residual <= search.tolerance {
            // The verdict is that of the other route to M z.
            let mut product = vec![0.0; self.z.len()];
            hessian.apply_edges(&self.z, &mut product);
            energy = dot(&self.z, &product);
            let rest: Vec<f64> = self
                .residual
                .iter()
                .zip(&self.product)
                .zip(&product)
                // With k = z.M.z the residual is k dF/dz / (p F) - M z.
                .map(|((r, before), product)| energy * (r + before) - product)
                .collect();
            let per_length = self.form / length.powi(F::DEGREE as i32);
            residual = form.residual(norm(&rest) / norm(&product), per_length);
            if residual <= search.tolerance {
                return Some(Ok(Maximum {
                    displacements: displacements(),
                    stiffness: energy / (length * length),
                    form: per_length,
                    residual,
                    iterations,
                }));
            }
        }
        if iterations < search.iteration_limit && self.climbing && residual.is_finite() {
            return None;
        }
        Some(Err(SoftModeError::Unconverged(Box::new(Unconverged {
            iterations,
            residual,
            tolerance: search.tolerance,
            stiffness: energy / (length * length),
            displacements: displacements(),
        }))))
    }

    /// Goes to the first maximum along the great circle of `d = M^-1 r` and the step before.
    fn step<const D: usize, F: Form>(
        &mut self,
        hessian: &Hessian<'_, D>,
        form: &F,
        d: &[f64],
    ) -> Result<(), DirectionError> {
        let squared = dot(&self.residual, d);
        let mut q = d.to_vec();
        let mut product = self.residual.clone();
        if let Some(previous) = self.previous.take() {
            // Polak and Ribiere, restarted where it would turn back.
            let factor = (squared - dot(&previous.residual, d)) / previous.squared;
            let uphill = squared + factor * dot(&self.residual, &previous.direction);
            if factor > 0.0 && uphill > 0.0 {
                add(&mut q, factor, &previous.direction);
                add(&mut product, factor, &previous.product);
            }
        }
        let along = dot(&self.z, &product);
        add(&mut q, -along, &self.z);
        add(&mut product, -along, &self.product);
        let length = dot(&q, &product).sqrt();
        for (q, product) in q.iter_mut().zip(&mut product) {
            *q /= length;
            *product /= length;
        }
        let mut coefficients = [0.0; 5];
        coefficients[0] = self.form;
        // dF/dz / (p F) = r + M z, and q.M.z = 0.
        coefficients[1] = self.form * dot(&self.residual, &q);
        self.climbing = squared > 0.0 && coefficients[1] > 0.0;
        if !self.climbing {
            return Ok(());
        }
        form.restrict(&self.z, &q, &mut coefficients)?;
        let (sine, cosine) = first_maximum::<F>(&coefficients).sin_cos();
        let turn = |z: &mut [f64], q: &mut [f64]| {
            for (z, q) in z.iter_mut().zip(q) {
                (*z, *q) = (cosine * *z + sine * *q, length * (cosine * *q - sine * *z));
            }
        };
        turn(&mut self.z, &mut q);
        turn(&mut self.product, &mut product);
        let residual = self.residual.clone();
        self.arrive(hessian, form)?;
        self.previous = Some(Previous {
            direction: q,
            product,
            residual,
            squared,
        });
        Ok(())
    }
}

/// `y += a x`.
fn add(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// The smallest positive angle at which `F(z cos t + q sin t)` has a maximum, given that it rises at `t = 0`.
fn first_maximum<F: Form>(coefficients: &[f64; 5]) -> f64 {
    const GRID: u32 = 64;
    let degree = F::DEGREE;
    // The derivative of order m: of the form as a symmetric tensor with the point z cos t + q sin t in all
    // places but one (two), and its derivative there.
    let contract = |t: f64, changes: usize| -> f64 {
        let (s, c) = t.sin_cos();
        let mut tensor = *coefficients;
        for place in 0..degree {
            let (x, y) = if place < changes { (-s, c) } else { (c, s) };
            for k in 0..degree - place {
                tensor[k] = x * tensor[k] + y * tensor[k + 1];
            }
        }
        tensor[0]
    };
    let slope = |t: f64| contract(t, 1);
    let curvature = |t: f64| (degree as f64 - 1.0) * contract(t, 2) - contract(t, 0);
    let place = |k: u32| std::f64::consts::PI * f64::from(k) / f64::from(GRID);
    // The slope changes its sign within half a turn, at the end of which F is what it was, up to sign.
    let upper = (1..GRID).find(|&k| slope(place(k)) <= 0.0).unwrap_or(GRID);
    let (mut low, mut high) = (place(upper - 1), place(upper));
    // Newton's method, kept in the interval by bisection.
    let mut t = low;
    for _ in 0..100 {
        let value = slope(t);
        if value > 0.0 {
            low = t;
        } else {
            high = t;
        }
        let newton = t - value / curvature(t);
        let next = if newton > low && newton < high {
            newton
        } else {
            0.5 * (low + high)
        };
        if (next - t).abs() <= 1e-15 * next {
            break;
        }
        t = next;
    }
    t
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rand::RngExt;
    use vitreous_md_core::Seed;

    /// The coefficients of a form on a plane against its values there, and the first maximum against a fine grid.
    ///
    /// A wrong coefficient would only make steps too long or too short, and searches slow.
    pub(crate) fn check_restriction<F: Form>(form: &F, dimension: usize) {
        let mut random = Seed(5).stream("plane", &[]);
        let [z, mut q] = [(), ()].map(|()| {
            (0..dimension)
                .map(|_| random.random_range(-0.5..0.5))
                .collect::<Vec<f64>>()
        });
        let mut gradient = vec![0.0; dimension];
        let mut coefficients = [0.0; 5];
        coefficients[0] = form.evaluate(&z, &mut gradient).unwrap();
        if dot(&q, &gradient) < 0.0 {
            for q in &mut q {
                *q = -*q;
            }
        }
        coefficients[1] = dot(&q, &gradient) / F::DEGREE as f64;
        form.restrict(&z, &q, &mut coefficients).unwrap();
        let on_circle = |t: f64| {
            let turned: Vec<f64> = (z.iter().zip(&q))
                .map(|(z, q)| z * t.cos() + q * t.sin())
                .collect();
            form.evaluate(&turned, &mut vec![0.0; dimension]).unwrap()
        };
        let binomial = [[1.0, 3.0, 3.0, 1.0, 0.0], [1.0, 4.0, 6.0, 4.0, 1.0]][F::DEGREE - 3];
        let mut size = 0.0;
        for t in [0.3, 1.1, 2.0, 2.9] {
            let (s, c) = f64::sin_cos(t);
            let terms = (0..=F::DEGREE).map(|k| {
                let power = c.powi((F::DEGREE - k) as i32) * s.powi(k as i32);
                binomial[k] * coefficients[k] * power
            });
            let (value, expected) = (terms.sum::<f64>(), on_circle(t));
            size = f64::max(size, expected.abs());
            assert!(
                (value - expected).abs() < 1e-11 * size,
                "{value} {expected}"
            );
        }
        let best = first_maximum::<F>(&coefficients);
        let height = on_circle(best);
        // Uphill all the way there, and not beyond.
        let mut before = coefficients[0];
        for k in 1..=100 {
            let next = on_circle(best * f64::from(k) / 100.0);
            assert!(next >= before - 1e-13 * size, "{k}");
            before = next;
        }
        assert!(on_circle(best + 1e-3) < height);
    }
}
