//! Newton's method with its linear systems solved roughly, by conjugate gradients.

use crate::descent::{Descent, add, inner, longest, positive};
use crate::line_search::ENERGY_ROUNDING;
use crate::{Converged, Minimizer, Progress, Reason, Unconverged};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use vitreous_md_core::vector::{dot, identity, inverse, transform};
use vitreous_md_core::{Configuration, Linearization, Matrix, Potential, Seed, Tolerance, Vector};

/// Truncated Newton: a few tens of steps, each from conjugate gradients on the linearised energy.
///
/// A step `d` lowers the model `-F.d + d.M.d/2`, with the Hessian `M`, by conjugate gradients that are
/// preconditioned with the diagonal blocks `B` of `M` (raised where they are not positive definite) and end
///
/// - when the residual is below `min(forcing, sqrt(force ratio)) |F|`, so that convergence is of order 3/2;
/// - at the edge of the region `d.B.d <= radius^2` where the model was found to be good;
/// - where a direction has negative curvature, which is followed downhill to the edge.
///
/// Steps that climb are refused and the region shrunk. Near a minimum, where energies differ by less than
/// their rounding, the forces at both ends of a step judge it, so that force ratios of 1e-13 are reached. At
/// the end, conjugate gradients with random data look for a direction of negative curvature; a saddle is left
/// along it.
///
/// T. Steihaug, SIAM J. Numer. Anal. 20, 626 (1983); forcing terms: R. S. Dembo, S. C. Eisenstat & T. Steihaug,
/// SIAM J. Numer. Anal. 19, 400 (1982).
///
/// A product with the Hessian costs a fraction of a force evaluation for pair potentials; for three-body
/// potentials it costs more than one, so that only the last steps are worth it: see [`NewtonFinish`](crate::NewtonFinish).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewtonConjugateGradient {
    /// The largest residual of the linear systems, in units of `|F|`. Default 0.3.
    pub forcing: f64,
    /// The longest displacement of a particle in one step, in units of the mean spacing `(V/N)^(1/D)`:
    /// short enough to stay in the basin of the start. Default 0.1.
    pub largest_displacement: f64,
    /// Whether to look for negative curvature where forces cancel, at some hundred products with the Hessian.
    /// Default true.
    pub leave_saddles: bool,
    /// The most force evaluations. Default 10 000.
    pub evaluation_limit: u64,
}

impl Default for NewtonConjugateGradient {
    fn default() -> Self {
        Self {
            forcing: 0.3,
            largest_displacement: 0.1,
            leave_saddles: true,
            evaluation_limit: 10_000,
        }
    }
}

/// The most products with the Hessian in one step.
const PRODUCTS: u32 = 2000;
/// The smallest forcing: below it, rounding in the sum of all forces, which no step takes away, could be left.
const SMALLEST_FORCING: f64 = 1e-4;
/// The most saddles to leave.
const SADDLES: u32 = 20;
/// So many steps at the rounding of the energy that do not halve the force are the end.
const STALL: u32 = 8;
/// A curvature `p.M.p / p.B.p` that may be rounding.
const FLAT: f64 = 1e-11;

impl<const D: usize> Minimizer<D> for NewtonConjugateGradient {
    fn minimize_observed(
        &self,
        potential: &dyn Potential<D>,
        configuration: Configuration<D>,
        tolerance: Tolerance,
        observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Converged<D>, Unconverged<D>> {
        let mut descent = Descent::new(
            potential,
            configuration,
            tolerance,
            self.evaluation_limit,
            observe,
        );
        let end = positive("largest_displacement", self.largest_displacement)
            .and_then(|()| positive("forcing", self.forcing))
            .and_then(|()| self.run(&mut descent));
        descent.finish(end)
    }
}

impl NewtonConjugateGradient {
    fn run<const D: usize>(&self, descent: &mut Descent<'_, D>) -> Result<(), Reason> {
        let cap = self.largest_displacement * descent.configuration.mean_spacing();
        let mut model = Model::new(&descent.configuration);
        let mut radius = f64::INFINITY;
        let (mut saddles, mut stalled) = (0, 0);
        descent.evaluate()?;
        let mut lowest = f64::INFINITY;
        loop {
            descent.report_evaluated()?;
            let converged = descent.converged();
            if converged && !self.leave_saddles {
                return Ok(());
            }
            model.update(descent)?;
            if converged {
                let Some(direction) = model.concave_direction(descent) else {
                    return Ok(());
                };
                saddles += 1;
                if saddles > SADDLES {
                    return Err(Reason::Rounding);
                }
                if leave(descent, &direction, cap)? {
                    radius = f64::INFINITY;
                    lowest = f64::INFINITY;
                    descent.count_step();
                    continue;
                }
                return Err(Reason::Rounding);
            }
            let squared_force = inner(&descent.mechanics.forces, &descent.mechanics.forces);
            let at_rounding = self.step(descent, &mut model, &mut radius, cap)?;
            descent.count_step();
            if at_rounding && squared_force > 0.25 * lowest {
                stalled += 1;
                if stalled > STALL {
                    return Err(Reason::Rounding);
                }
            } else {
                stalled = 0;
            }
            lowest = lowest.min(squared_force);
        }
    }

    /// Makes a step that goes downhill, and says whether the energy changed by no more than its rounding.
    fn step<const D: usize>(
        &self,
        descent: &mut Descent<'_, D>,
        model: &mut Model<D>,
        radius: &mut f64,
        cap: f64,
    ) -> Result<bool, Reason> {
        let forces = descent.mechanics.forces.clone();
        let energy = descent.mechanics.energy();
        let start = descent.configuration.positions().to_vec();
        let ratio = descent.mechanics.balance().ratio();
        let forcing = self.forcing.min(ratio.sqrt().max(SMALLEST_FORCING));
        loop {
            let region = Region {
                radius: *radius,
                cap,
                residual: forcing * inner(&forces, &forces).sqrt(),
            };
            let mut solution = model.solve(descent, &forces, &region);
            let share = (cap / longest(&solution.d)).min(1.0);
            for component in solution.d.as_flattened_mut() {
                *component *= share;
            }
            let d = &solution.d;
            let predicted = inner(&forces, d) - 0.5 * share * share * solution.curvature;
            let length = model.squared_norm(d).sqrt();
            descent.place(&start, 1.0, d);
            let lowered = match descent.evaluate() {
                Ok(()) => energy - descent.mechanics.energy(),
                Err(Reason::Force(_)) => f64::NEG_INFINITY,
                Err(reason) => return Err(reason),
            };
            let at_rounding = lowered.abs() <= ENERGY_ROUNDING * energy.abs();
            let lowered = if at_rounding {
                0.5 * (inner(&forces, d) + inner(&descent.mechanics.forces, d))
            } else {
                lowered
            };
            let agreement = lowered / predicted;
            if agreement < 0.25 {
                *radius = 0.25 * length;
            } else if agreement > 0.75 && solution.at_edge {
                *radius = radius.max(2.0 * length);
            }
            if agreement > 0.05 && predicted > 0.0 {
                return Ok(at_rounding);
            }
            let too_short = longest(d) <= f64::EPSILON * longest(&start);
            if too_short || agreement.is_nan() || predicted <= 0.0 {
                descent
                    .configuration
                    .positions_mut()
                    .copy_from_slice(&start);
                descent.evaluate()?;
                return Err(Reason::Rounding);
            }
        }
    }
}

/// Leaves a saddle along a direction of negative curvature, to where the energy is lower; `false` if it is
/// nowhere lower by more than rounding.
fn leave<const D: usize>(
    descent: &mut Descent<'_, D>,
    direction: &[Vector<D>],
    cap: f64,
) -> Result<bool, Reason> {
    let start = descent.configuration.positions().to_vec();
    let energy = descent.mechanics.energy();
    let downhill = inner(&descent.mechanics.forces, direction).signum();
    for share in [0.03, 0.3, 1.0, 0.003] {
        for sign in [downhill, -downhill] {
            let factor = sign * share * cap / longest(direction);
            descent.place(&start, factor, direction);
            match descent.evaluate() {
                Ok(()) => {}
                Err(Reason::Force(_)) => continue,
                Err(reason) => return Err(reason),
            }
            if descent.mechanics.energy() < energy - 1e-14 * energy.abs() {
                return Ok(true);
            }
        }
    }
    descent
        .configuration
        .positions_mut()
        .copy_from_slice(&start);
    descent.evaluate()?;
    Ok(false)
}

/// Where a solution of the linear system ends.
struct Region {
    /// The largest `sqrt(d.B.d)`.
    radius: f64,
    /// The longest displacement of a particle that will be made.
    cap: f64,
    /// The residual that is small enough.
    residual: f64,
}

struct Solution<const D: usize> {
    d: Vec<Vector<D>>,
    /// `d.M.d`
    curvature: f64,
    /// Whether it was cut short by the edge of the region.
    at_edge: bool,
    /// A direction of negative curvature, if one was met.
    concave: Option<Vec<Vector<D>>>,
}

/// The energy to second order.
struct Model<const D: usize> {
    linearization: Linearization<D>,
    /// Diagonal blocks `B`, made positive definite.
    blocks: Vec<Matrix<D>>,
    inverses: Vec<Matrix<D>>,
    /// Room for a product.
    product: Vec<Vector<D>>,
}

impl<const D: usize> Model<D> {
    fn new(configuration: &Configuration<D>) -> Self {
        Self {
            linearization: Linearization::empty(configuration),
            blocks: Vec::new(),
            inverses: Vec::new(),
            product: vec![[0.0; D]; configuration.len()],
        }
    }

    fn update(&mut self, descent: &mut Descent<'_, D>) -> Result<(), Reason> {
        descent.linearize(&mut self.linearization)?;
        self.blocks = self.linearization.hessian_diagonal();
        let traces = self.blocks.iter().map(|block| trace(block).abs());
        let scale = traces.sum::<f64>() / (D * self.blocks.len()) as f64;
        for block in &mut self.blocks {
            raise(block, scale);
        }
        let invert = |block| inverse(block).1.unwrap_or_else(identity);
        self.inverses = self.blocks.iter().map(invert).collect();
        Ok(())
    }

    fn apply(&mut self, descent: &mut Descent<'_, D>, x: &[Vector<D>]) {
        descent.count_product();
        self.linearization.apply_hessian(x, &mut self.product);
    }

    /// `x.M.x`
    fn curvature(&mut self, descent: &mut Descent<'_, D>, x: &[Vector<D>]) -> f64 {
        self.apply(descent, x);
        inner(x, &self.product)
    }

    /// `x.B.x`
    fn squared_norm(&self, x: &[Vector<D>]) -> f64 {
        let terms = x.iter().zip(&self.blocks);
        terms.map(|(x, block)| dot(x, &transform(block, x))).sum()
    }

    /// Solves `M d = f` for the step from zero, by conjugate gradients within a region.
    fn solve(
        &mut self,
        descent: &mut Descent<'_, D>,
        f: &[Vector<D>],
        region: &Region,
    ) -> Solution<D> {
        let precondition = |r: &[Vector<D>], inverses: &[Matrix<D>]| -> Vec<Vector<D>> {
            r.iter()
                .zip(inverses)
                .map(|(r, inverse)| transform(inverse, r))
                .collect()
        };
        let mut solution = Solution {
            d: vec![[0.0; D]; f.len()],
            curvature: 0.0,
            at_edge: false,
            concave: None,
        };
        let d = &mut solution.d;
        let mut residual = f.to_vec();
        let mut z = precondition(&residual, &self.inverses);
        let mut p = z.clone();
        let mut overlap = inner(&residual, &z);
        // d.B.d, d.B.p and p.B.p follow from recurrences (Steihaug).
        let (mut dd, mut dp, mut pp) = (0.0, 0.0, overlap);
        let squared_radius = region.radius * region.radius;
        for _ in 0..PRODUCTS {
            let curvature = self.curvature(descent, &p);
            // Down to the edge of the region, but no farther than particles may go.
            let edge = |d: &[Vector<D>]| {
                let root = (dp * dp + pp * (squared_radius - dd)).max(0.0).sqrt();
                let reach = (longest(d) + region.cap) / longest(&p);
                ((root - dp) / pp).min(reach)
            };
            if curvature <= FLAT * pp {
                if curvature < -FLAT * pp {
                    solution.concave = Some(p.clone());
                } else if dd > 0.0 {
                    break;
                }
                let step = edge(d);
                add(d, step, &p);
                add(&mut residual, -step, &self.product);
                solution.at_edge = true;
                break;
            }
            let step = overlap / curvature;
            let next = dd + 2.0 * step * dp + step * step * pp;
            if next >= squared_radius {
                let step = edge(d);
                add(d, step, &p);
                add(&mut residual, -step, &self.product);
                solution.at_edge = true;
                break;
            }
            add(d, step, &p);
            add(&mut residual, -step, &self.product);
            if inner(&residual, &residual).sqrt() <= region.residual
                || longest(d) > 2.0 * region.cap
            {
                break;
            }
            z = precondition(&residual, &self.inverses);
            let before = overlap;
            overlap = inner(&residual, &z);
            let beta = overlap / before;
            dd = next;
            dp = beta * (dp + step * pp);
            pp = overlap + beta * beta * pp;
            for (p, z) in p.iter_mut().zip(&z) {
                for k in 0..D {
                    p[k] = z[k] + beta * p[k];
                }
            }
        }
        solution.curvature = inner(&solution.d, f) - inner(&solution.d, &residual);
        solution
    }

    /// A direction of negative curvature, if conjugate gradients with random data meet one.
    fn concave_direction(&mut self, descent: &mut Descent<'_, D>) -> Option<Vec<Vector<D>>> {
        let mut random = Seed(0).stream("curvature", &[]);
        let mut x = vec![[0.0; D]; self.blocks.len()];
        for component in x.as_flattened_mut() {
            *component = random.random_range(-1.0..1.0);
        }
        // In the range of the Hessian: translations and rattlers have no part in it.
        self.apply(descent, &x);
        let f = self.product.clone();
        let region = Region {
            radius: f64::INFINITY,
            cap: f64::INFINITY,
            residual: 1e-3 * inner(&f, &f).sqrt(),
        };
        self.solve(descent, &f, &region).concave
    }
}

fn trace<const D: usize>(block: &Matrix<D>) -> f64 {
    (0..D).map(|k| block[k][k]).sum()
}

/// Raises the diagonal of a block until its lowest eigenvalue is a twentieth of the scale or more.
fn raise<const D: usize>(block: &mut Matrix<D>, scale: f64) {
    let floor = if scale > 0.0 { 0.05 * scale } else { 1.0 };
    let mut shift = 0.0;
    while !exceeds(block, floor - shift) && shift < 1e6 * floor {
        shift = if shift == 0.0 { floor } else { 2.0 * shift };
    }
    for k in 0..D {
        block[k][k] += shift;
    }
}

/// Whether all eigenvalues are above a bound: whether elimination finds positive pivots only.
fn exceeds<const D: usize>(block: &Matrix<D>, bound: f64) -> bool {
    let mut rest = *block;
    for k in 0..D {
        rest[k][k] -= bound;
    }
    for k in 0..D {
        if rest[k][k].is_nan() || rest[k][k] <= 0.0 {
            return false;
        }
        for a in k + 1..D {
            let factor = rest[a][k] / rest[k][k];
            for b in k + 1..D {
                rest[a][b] -= factor * rest[k][b];
            }
        }
    }
    true
}
