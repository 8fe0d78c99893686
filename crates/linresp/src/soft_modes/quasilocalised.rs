//! Cubic and quartic quasilocalised modes: soft spots as the anharmonic energy sees them.
//!
//! Along displacements `z` the energy of a minimum grows as
//!
//! ```text
//! U(s z) - U = kappa s^2/2 + tau s^3/6 + chi s^4/24 + ...
//! kappa = z.M.z,    tau = U''':zzz,    chi = U'''':zzzz
//! ```
//!
//! and the cubic expansion has a barrier of `2 kappa^3/(3 tau^2)` at `s = -2 kappa/tau`. The displacements with
//! the lowest barriers nearby are the cubic modes, those that minimise `kappa^2/chi` the quartic ones:
//!
//! | | cost | where it is stationary |
//! |---|---|---|
//! | cubic | `kappa^3/tau^2` | `M z = (kappa/tau) U''':zz` |
//! | quartic | `kappa^2/chi` | `M z = (kappa/chi) U'''':zzz` |
//!
//! The derivatives must be continuous: a potential whose third (fourth) derivative jumps at its cut-off has cubic
//! (quartic) modes only as long as no pair sits there. The inverse power laws of the paper are smooth to third
//! order, so that for them quartic modes leave out the jump of `phi''''`.
//!
//! Source: Gartner & Lerner, `SciPost` Phys. 1, 016 (2016); Kapteijns, Richard & Lerner, Phys. Rev. E 101, 032130
//! (2020).

use crate::response::LinearResponse;
use crate::soft_modes::homogeneous_form::{
    Form, Maximum, SoftModeError, SoftModeSearch, climb_all,
};
use crate::soft_modes::pseudoharmonic::participation_ratio;
use crate::solver::{dot, norm};
use std::num::NonZeroUsize;
use vitreous_md_core::{
    Configuration, Direction, DirectionError, Potential, Vector, directional_derivatives,
};

/// The largest relative difference between the Hessian and the second derivatives of the potential.
const SAME_POTENTIAL: f64 = 1e-6;

/// Which cost a mode minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anharmonicity {
    /// `kappa^3/tau^2`: the height of a barrier, but for 2/3.
    Cubic,
    /// `kappa^2/chi`.
    Quartic,
}

/// A local minimum of one of the costs.
#[derive(Clone, Debug, PartialEq)]
pub struct QuasilocalisedMode<const D: usize> {
    /// The mode `z`, `N x D`: of length one, without translations, with `tau <= 0`, so that the barrier lies
    /// ahead.
    pub displacements: Vec<Vector<D>>,
    /// `kappa = z.M.z`.
    pub stiffness: f64,
    /// `tau = U''':zzz`.
    pub cubic: f64,
    /// `chi = U'''':zzzz`.
    pub quartic: f64,
    /// `e = (sum_i |z_i|^2)^2 / (N sum_i |z_i|^4)`.
    pub participation_ratio: f64,
    /// `|M z - (kappa/tau) U''':zz| / |M z|`, or with `(kappa/chi) U'''':zzz`; `M z` is from the edges of the
    /// linearisation.
    pub residual: f64,
    /// The number of iterations that it took.
    pub iterations: usize,
}

impl<const D: usize> QuasilocalisedMode<D> {
    /// The height `2 kappa^3/(3 tau^2)` of the barrier of the cubic expansion: an energy. Infinite without a
    /// cubic term.
    pub fn barrier(&self) -> f64 {
        2.0 * self.stiffness.powi(3) / (3.0 * self.cubic * self.cubic)
    }

    /// How far along the mode that barrier is: `-2 kappa/tau`.
    pub fn barrier_distance(&self) -> f64 {
        -2.0 * self.stiffness / self.cubic
    }
}

/// The energy expanded along displacements.
struct Expansion<'a, const D: usize> {
    potential: &'a dyn Potential<D>,
    configuration: &'a Configuration<D>,
}

impl<const D: usize> Expansion<'_, D> {
    /// `U''':zz` for order 2, `U'''':zzz` for order 3.
    fn contract(&self, order: usize, z: &[f64]) -> Result<Vec<f64>, DirectionError> {
        let direction = Direction::displacements(z.as_chunks::<D>().0);
        let along = directional_derivatives(self.potential, self.configuration, &direction)?;
        let mut gradients = along.gradient;
        Ok(std::mem::take(&mut gradients[order]).into_flattened())
    }

    fn describe(&self, maximum: Maximum<D>) -> Result<QuasilocalisedMode<D>, SoftModeError<D>> {
        let mut displacements = maximum.displacements;
        let direction = Direction::displacements(&displacements);
        let along = directional_derivatives(self.potential, self.configuration, &direction)?;
        let contracted = |order: usize| {
            dot(
                displacements.as_flattened(),
                along.gradient[order].as_flattened(),
            )
        };
        let (cubic, quartic) = (contracted(2), contracted(3));
        if cubic > 0.0 {
            for z in displacements.as_flattened_mut() {
                *z = -*z;
            }
        }
        Ok(QuasilocalisedMode {
            participation_ratio: participation_ratio(&displacements),
            displacements,
            stiffness: maximum.stiffness,
            cubic: -cubic.abs(),
            quartic,
            residual: maximum.residual,
            iterations: maximum.iterations,
        })
    }
}

/// `U''':zzz` for the degree 3, `U'''':zzzz` for 4.
struct Term<'a, const D: usize, const DEGREE: usize>(Expansion<'a, D>);

impl<const D: usize, const DEGREE: usize> Term<'_, D, DEGREE> {
    fn contract(&self, z: &[f64]) -> Result<Vec<f64>, DirectionError> {
        self.0.contract(DEGREE - 1, z)
    }
}

impl<const D: usize, const DEGREE: usize> Form for Term<'_, D, DEGREE> {
    const DEGREE: usize = DEGREE;

    fn evaluate(&self, z: &[f64], gradient: &mut [f64]) -> Result<f64, DirectionError> {
        let force = self.contract(z)?;
        for (gradient, force) in gradient.iter_mut().zip(&force) {
            *gradient = DEGREE as f64 * force;
        }
        Ok(dot(z, &force))
    }

    fn restrict(
        &self,
        z: &[f64],
        q: &[f64],
        coefficients: &mut [f64; 5],
    ) -> Result<(), DirectionError> {
        let force = self.contract(q)?;
        coefficients[DEGREE - 1] = dot(z, &force);
        coefficients[DEGREE] = dot(q, &force);
        if DEGREE == 4 {
            // F(z + q) and F(z - q) leave a_2: their even part is a_0 + 6 a_2 + a_4.
            let mut even = 0.0;
            for sign in [1.0, -1.0] {
                let sum: Vec<f64> = z.iter().zip(q).map(|(z, q)| z + sign * q).collect();
                even += 0.5 * dot(&sum, &self.contract(&sum)?);
            }
            coefficients[2] = (even - coefficients[0] - coefficients[4]) / 6.0;
        }
        Ok(())
    }

    fn residual(&self, relative: f64, _: f64) -> f64 {
        relative
    }
}

impl<const D: usize> LinearResponse<'_, D> {
    /// The cubic or quartic mode to which its cost descends from given displacements (`N x D`): those of a
    /// pseudoharmonic mode, or a dipole response.
    ///
    /// `potential` is that with which the structure was certified.
    ///
    /// # Errors
    /// A start of the wrong length, or for which the cost is not positive; a potential that is not that of the
    /// structure; a search that does not converge, with what it reached; those of the solver and of
    /// [`directional_derivatives`].
    pub fn quasilocalised_mode(
        &self,
        potential: &dyn Potential<D>,
        anharmonicity: Anharmonicity,
        start: &[Vector<D>],
        search: &SoftModeSearch,
    ) -> Result<QuasilocalisedMode<D>, SoftModeError<D>> {
        let threads = NonZeroUsize::MIN;
        self.quasilocalised_modes(potential, anharmonicity, &[start], search, threads)?
            .pop()
            .unwrap_or(Err(SoftModeError::Start {
                energy: 0.0,
                form: 0.0,
            }))
    }

    /// As [`LinearResponse::quasilocalised_mode`] for several starts, each with its outcome.
    ///
    /// The work is shared by `threads` threads; results do not depend on their number.
    ///
    /// # Errors
    /// A potential that is not that of the structure; those of the solver; threads that do not start.
    pub fn quasilocalised_modes(
        &self,
        potential: &dyn Potential<D>,
        anharmonicity: Anharmonicity,
        starts: &[&[Vector<D>]],
        search: &SoftModeSearch,
        threads: NonZeroUsize,
    ) -> Result<Vec<Result<QuasilocalisedMode<D>, SoftModeError<D>>>, SoftModeError<D>> {
        let Some(first) = starts.first() else {
            return Ok(Vec::new());
        };
        for start in starts {
            self.check_lengths(start)?;
        }
        let expansion = || Expansion {
            potential,
            configuration: self.structure().configuration(),
        };
        self.check_potential(&expansion(), first)?;
        let starts: Vec<Vec<f64>> = starts
            .iter()
            .map(|start| start.as_flattened().to_vec())
            .collect();
        let inverse = self.inverse();
        // Derivatives cost more than solves, so that nothing is gained by solving together.
        let outcomes = match anharmonicity {
            Anharmonicity::Cubic => climb_all(
                inverse,
                &Term::<D, 3>(expansion()),
                &starts,
                search,
                1,
                threads,
            )?,
            Anharmonicity::Quartic => climb_all(
                inverse,
                &Term::<D, 4>(expansion()),
                &starts,
                search,
                1,
                threads,
            )?,
        };
        let finish =
            |outcome: Result<_, _>| outcome.and_then(|maximum| expansion().describe(maximum));
        Ok(outcomes.into_iter().map(finish).collect())
    }

    /// The potential expanded along a start must have the Hessian of the structure.
    fn check_potential(
        &self,
        expansion: &Expansion<'_, D>,
        start: &[Vector<D>],
    ) -> Result<(), SoftModeError<D>> {
        let mut product = vec![0.0; self.hessian().dimension()];
        self.hessian()
            .apply_edges(start.as_flattened(), &mut product);
        let expected = expansion.contract(1, start.as_flattened())?;
        let difference: Vec<f64> = product.iter().zip(&expected).map(|(a, b)| a - b).collect();
        let difference = norm(&difference) / norm(&product);
        // A start that costs nothing is refused elsewhere.
        if difference > SAME_POTENTIAL && norm(&product) > 0.0 {
            return Err(SoftModeError::OtherPotential { difference });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soft_modes::homogeneous_form::tests::check_restriction;
    use vitreous_md_core::{Cell, Radial, Scalar, Seed, SpeciesTable};

    /// `phi = r^-10`, cut at 1.5.
    #[derive(Clone)]
    struct Soft;

    impl Radial for Soft {
        fn range(&self) -> f64 {
            1.5
        }
        fn energy<S: Scalar>(&self, s: S) -> S {
            s.powi(-5)
        }
    }

    #[test]
    fn derivatives_are_a_cubic_and_a_quartic_on_every_plane() {
        // A square lattice, disturbed.
        let random = Configuration::<2>::random(16, 1.0, &[1.0], Seed(1)).unwrap();
        let positions = (random.positions().iter().enumerate())
            .map(|(i, x)| [(i % 4) as f64 + 0.02 * x[0], (i / 4) as f64 + 0.02 * x[1]])
            .collect();
        let cell = Cell::orthorhombic([4.0; 2]).unwrap();
        let lattice = Configuration::new(cell, positions, random.species().to_vec()).unwrap();
        let potential = SpeciesTable::uniform(Soft).unwrap();
        let expansion = || Expansion {
            potential: &potential,
            configuration: &lattice,
        };
        check_restriction(&Term::<2, 3>(expansion()), 32);
        check_restriction(&Term::<2, 4>(expansion()), 32);
    }
}
