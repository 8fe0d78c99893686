//! Pseudoharmonic modes: soft, localised displacements that do not mix with sound.
//!
//! ```text
//! C(z) = (z.M.z)^2 / S(z),    S(z) = sum_<ij> (z_ij.z_ij)^2,    z_ij = z_j - z_i
//! ```
//!
//! over interacting pairs. The numerator wants little energy, the denominator few pairs that move much; `C`
//! does not depend on the length of `z`. Its local minima `pi` are the pseudoharmonic modes, with the stiffness
//! `pi.M.pi` for `|pi| = 1`. They are found by descending from dipole responses, with `M^-1` as the metric: see
//! [`LinearResponse::pseudoharmonic_modes`].
//!
//! A descent never raises `C`. The stiffness is another matter: with `s(z) = S(z)/|z|^4`, which measures
//! localisation, `kappa^2 = C s`, so that a mode may be stiffer than the response from which it was found, if it is
//! more localised: soft responses that spread over several soft spots are softer than any of them. In 2D inverse
//! power glasses this is so for a few per cent of the descents.
//!
//! What is found is a subset. A very soft mode has a share in every dipole response and draws most descents to
//! itself; the fewer such modes there are, the more of the others are found. Basins depend on the metric, but
//! little: descents with the plain gradient end in the same soft modes, at several times the cost, and from stiff
//! dipoles now and then in a stiffer one.
//!
//! Source: Richard, Kapteijns, Giannini, Manning & Lerner, Phys. Rev. Lett. 126, 015501 (2021); Appendix B of the
//! paper (J. Chem. Phys. 155, 074502 (2021)).

use crate::interaction::Interaction;
use crate::response::LinearResponse;
use crate::soft_modes::homogeneous_form::{
    Form, Maximum, SoftModeError, SoftModeSearch, Unconverged, climb_all,
};
use crate::solver::dot;
use std::num::NonZeroUsize;
use vitreous_md_core::{DirectionError, Vector, vector};

/// Searches whose linear systems are solved together.
const BATCH: usize = 16;
/// Searches between which modes found twice are dropped, which bounds the memory.
const ROUND: usize = 64 * BATCH;
/// Modes whose overlap is closer to one, and whose costs are closer to each other, are the same. Converged ones
/// agree to about the square of the tolerance.
const SAME: f64 = 1e-6;

/// The cost of displacements and its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct PseudoharmonicCost<const D: usize> {
    /// `C(z) = k^2/S`, `k = z.M.z`: an energy per length squared, squared.
    pub value: f64,
    /// `dC/dz = 4 k M z/S - (k/S)^2 dS/dz`, `N x D`.
    pub gradient: Vec<Vector<D>>,
}

/// A local minimum of the cost.
#[derive(Clone, Debug, PartialEq)]
pub struct PseudoharmonicMode<const D: usize> {
    /// The mode `pi`, `N x D`: of length one, without translations; nothing on rattlers.
    pub displacements: Vec<Vector<D>>,
    /// `pi.M.pi`.
    pub stiffness: f64,
    /// `C(pi)`.
    pub cost: f64,
    /// `e = (sum_i |pi_i|^2)^2 / (N sum_i |pi_i|^4)`: one if all particles move alike, `1/N` if only one moves.
    pub participation_ratio: f64,
    /// `|dC/dz| / (k |M z|)` at `z = pi`, with `M z` from the edges of the linearisation.
    pub residual: f64,
    /// The number of iterations that it took.
    pub iterations: usize,
}

/// The different modes found from a list of interactions.
#[derive(Clone, Debug, PartialEq)]
pub struct PseudoharmonicModes<const D: usize> {
    /// Each mode once, from the softest to the stiffest.
    pub modes: Vec<FoundMode<D>>,
    /// The interactions, by index, from which the search did not converge, and what it reached.
    pub unconverged: Vec<(usize, Unconverged<D>)>,
}

/// A mode, and from where it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundMode<const D: usize> {
    /// The mode, as it was found first.
    pub mode: PseudoharmonicMode<D>,
    /// The interactions from whose dipole responses it was found, by index in
    /// [`LinearResponse::interactions`] and in the order in which they were given.
    pub starts: Vec<usize>,
}

/// `S(z)` over interacting pairs.
struct PairForm<'a, const D: usize>(&'a [Interaction<D>]);

impl<const D: usize> PairForm<'_, D> {
    fn relative(pair: &Interaction<D>, z: &[Vector<D>]) -> Vector<D> {
        vector::subtract(&z[pair.j], &z[pair.i])
    }
}

impl<const D: usize> Form for PairForm<'_, D> {
    const DEGREE: usize = 4;

    fn evaluate(&self, z: &[f64], gradient: &mut [f64]) -> Result<f64, DirectionError> {
        let (z, _) = z.as_chunks::<D>();
        let (gradient, _) = gradient.as_chunks_mut::<D>();
        gradient.fill([0.0; D]);
        let mut sum = 0.0;
        for pair in self.0 {
            let relative = Self::relative(pair, z);
            let squared = vector::norm_squared(&relative);
            sum += squared * squared;
            let pull = vector::scale(4.0 * squared, &relative);
            gradient[pair.j] = vector::add(&gradient[pair.j], &pull);
            gradient[pair.i] = vector::subtract(&gradient[pair.i], &pull);
        }
        Ok(sum)
    }

    fn restrict(
        &self,
        z: &[f64],
        q: &[f64],
        coefficients: &mut [f64; 5],
    ) -> Result<(), DirectionError> {
        let ((z, _), (q, _)) = (z.as_chunks::<D>(), q.as_chunks::<D>());
        let [mut second, mut third, mut fourth] = [0.0; 3];
        for pair in self.0 {
            let (z, q) = (Self::relative(pair, z), Self::relative(pair, q));
            let (zz, zq, qq) = (
                vector::norm_squared(&z),
                vector::dot(&z, &q),
                vector::norm_squared(&q),
            );
            // (x^2 zz + 2 x y zq + y^2 qq)^2
            second += zz * qq + 2.0 * zq * zq;
            third += zq * qq;
            fourth += qq * qq;
        }
        coefficients[2..].copy_from_slice(&[second / 3.0, third, fourth]);
        Ok(())
    }

    /// `|dC/dz| / (k |M z|) = 4 |M z - (k/4S) dS/dz| / (S |M z|)` for `|z| = 1`.
    fn residual(&self, relative: f64, form: f64) -> f64 {
        4.0 * relative / form
    }
}

impl<const D: usize> PseudoharmonicMode<D> {
    fn new(maximum: Maximum<D>) -> Self {
        Self {
            participation_ratio: participation_ratio(&maximum.displacements),
            displacements: maximum.displacements,
            stiffness: maximum.stiffness,
            cost: maximum.stiffness * maximum.stiffness / maximum.form,
            residual: maximum.residual,
            iterations: maximum.iterations,
        }
    }

    /// Whether two modes are the same up to sign.
    fn is(&self, other: &Self) -> bool {
        (self.cost - other.cost).abs() <= SAME * self.cost
            && dot(
                self.displacements.as_flattened(),
                other.displacements.as_flattened(),
            )
            .abs()
                >= 1.0 - SAME
    }
}

/// `(sum |z_i|^2)^2 / (N sum |z_i|^4)`.
pub(crate) fn participation_ratio<const D: usize>(z: &[Vector<D>]) -> f64 {
    let squares = || z.iter().map(vector::norm_squared);
    let fourth: f64 = squares().map(|square| square * square).sum();
    squares().sum::<f64>().powi(2) / (z.len() as f64 * fourth)
}

impl<const D: usize> LinearResponse<'_, D> {
    /// The cost `C(z)` of displacements (`N x D`) whose minima are the pseudoharmonic modes, and its gradient.
    ///
    /// # Errors
    /// Displacements of another number of particles; displacements that are not finite or leave all pairs as
    /// they are.
    pub fn pseudoharmonic_cost(
        &self,
        z: &[Vector<D>],
    ) -> Result<PseudoharmonicCost<D>, SoftModeError<D>> {
        self.check_lengths(z)?;
        let z = z.as_flattened();
        let mut product = vec![0.0; z.len()];
        self.hessian().apply_edges(z, &mut product);
        let mut gradient = vec![0.0; z.len()];
        let sum = PairForm(self.interactions()).evaluate(z, &mut gradient)?;
        let energy = dot(z, &product);
        if !(sum > 0.0 && sum.is_finite() && energy.is_finite()) {
            return Err(SoftModeError::Start { energy, form: sum });
        }
        let ratio = energy / sum;
        for (gradient, product) in gradient.iter_mut().zip(&product) {
            *gradient = 4.0 * ratio * product - ratio * ratio * *gradient;
        }
        Ok(PseudoharmonicCost {
            value: energy * ratio,
            gradient: gradient.as_chunks::<D>().0.to_vec(),
        })
    }

    /// The pseudoharmonic mode to which the cost descends from given displacements (`N x D`).
    ///
    /// What the start has on translations and rattlers is dropped, and its length does not matter.
    ///
    /// # Errors
    /// A start of the wrong length, or without energy; a search that does not converge, with what it reached; those
    /// of the solver.
    pub fn pseudoharmonic_mode(
        &self,
        start: &[Vector<D>],
        search: &SoftModeSearch,
    ) -> Result<PseudoharmonicMode<D>, SoftModeError<D>> {
        self.check_lengths(start)?;
        let starts = [start.as_flattened().to_vec()];
        let form = PairForm(self.interactions());
        climb_all(self.inverse(), &form, &starts, search, 1, NonZeroUsize::MIN)?
            .into_iter()
            .map(|outcome| outcome.map(PseudoharmonicMode::new))
            .collect::<Result<Vec<_>, _>>()?
            .pop()
            .ok_or(SoftModeError::Start {
                energy: 0.0,
                form: 0.0,
            })
    }

    /// The pseudoharmonic modes found from the responses to the dipoles on interactions, named by their indices in
    /// [`LinearResponse::interactions`]: each mode once, the softest first.
    ///
    /// The work is shared by `threads` threads; results do not depend on their number.
    ///
    /// ```
    /// # use std::num::NonZeroUsize;
    /// # use vitreous_linresp::{LinearResponse, SoftModeSearch, SparseCholesky};
    /// # use vitreous_md_core::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[derive(Clone)]
    /// # struct Spring;
    /// # impl Radial for Spring {
    /// #     fn range(&self) -> f64 { 1.5 }
    /// #     fn energy<S: Scalar>(&self, s: S) -> S { let x = s.sqrt() + (-1.0); x * x * 0.5 }
    /// # }
    /// // A ring of sixteen unit springs in one dimension.
    /// let positions = (0..16).map(|i| [f64::from(i)]).collect();
    /// let ring = Configuration::new(Cell::orthorhombic([16.0])?, positions, vec![Species(0); 16])?;
    /// let potential = SpeciesTable::uniform(Spring)?;
    /// let structure = InherentStructure::certify(&potential, ring, Tolerance::force_ratio(1e-10))?;
    /// let response = LinearResponse::new(&structure, &SparseCholesky::default())?;
    ///
    /// let all: Vec<usize> = (0..response.interactions().len()).collect();
    /// let found =
    ///     response.pseudoharmonic_modes(&all, &SoftModeSearch::default(), NonZeroUsize::MIN)?;
    /// // One spring is stretched, the others share what it gained: the response to its dipole already has
    /// // the least cost, (15^2 + 15)^2/(15^4 + 15) = 16^2 15/(15^3 + 1).
    /// assert_eq!(found.modes.len(), 16);
    /// assert!((found.modes[0].mode.cost - 3840.0 / 3376.0).abs() < 1e-12);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`LinearResponse::dipole_responses`]; a start without energy. A search that does not converge is
    /// listed, and is no error of the others.
    pub fn pseudoharmonic_modes(
        &self,
        interactions: &[usize],
        search: &SoftModeSearch,
        threads: NonZeroUsize,
    ) -> Result<PseudoharmonicModes<D>, SoftModeError<D>> {
        let form = PairForm(self.interactions());
        let mut found = PseudoharmonicModes {
            modes: Vec::new(),
            unconverged: Vec::new(),
        };
        for round in interactions.chunks(ROUND) {
            let starts: Vec<Vec<f64>> = self
                .dipole_responses(round, threads)?
                .into_iter()
                .map(|response| response.displacements.into_flattened())
                .collect();
            let outcomes = climb_all(self.inverse(), &form, &starts, search, BATCH, threads)?;
            for (&interaction, outcome) in round.iter().zip(outcomes) {
                match outcome {
                    Ok(maximum) => found.insert(PseudoharmonicMode::new(maximum), interaction),
                    Err(SoftModeError::Unconverged(reached)) => {
                        found.unconverged.push((interaction, *reached));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        found
            .modes
            .sort_by(|a, b| a.mode.stiffness.total_cmp(&b.mode.stiffness));
        Ok(found)
    }

    pub(crate) fn check_lengths(&self, z: &[Vector<D>]) -> Result<(), SoftModeError<D>> {
        let (found, particles) = (z.len(), self.hessian().particles());
        if found == particles {
            Ok(())
        } else {
            Err(SoftModeError::Lengths { found, particles })
        }
    }
}

impl<const D: usize> PseudoharmonicModes<D> {
    fn insert(&mut self, mode: PseudoharmonicMode<D>, start: usize) {
        match self.modes.iter_mut().find(|known| known.mode.is(&mode)) {
            Some(known) => known.starts.push(start),
            None => self.modes.push(FoundMode {
                mode,
                starts: vec![start],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soft_modes::homogeneous_form::tests::check_restriction;

    #[test]
    fn the_sum_over_pairs_is_a_quartic_on_every_plane() {
        // Four particles, each with each.
        let pairs: Vec<Interaction<3>> = (0..4)
            .flat_map(|j| (0..j).map(move |i| (i, j)))
            .map(|(i, j)| Interaction {
                i,
                j,
                vector: [1.0, 0.0, 0.0],
            })
            .collect();
        check_restriction(&PairForm(&pairs), 12);
    }
}
