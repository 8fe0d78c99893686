//! One glass: a snapshot quenched to its inherent structure, its moduli and dipole stiffnesses.

use crate::study::{Glasses, MinimizerName, SolverName};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use vitreous::linresp::{ConjugateGradient, LinearResponse, LinearSolver, SparseCholesky};
use vitreous::md_core::{Configuration, InherentStructure, Potential, Seed, Tolerance};
use vitreous::minimize::{
    Fire, LimitedMemoryBfgs, Minimizer, NewtonConjugateGradient, NewtonFinish,
    NonlinearConjugateGradient,
};

/// What is measured in a glass.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Glass<const D: usize> {
    pub(crate) configuration: Configuration<D>,
    /// The potential energy (extensive).
    pub(crate) energy: f64,
    pub(crate) pressure: f64,
    pub(crate) force_ratio: f64,
    /// The shear modulus, averaged over shear planes: Born, prestress and non-affine part.
    pub(crate) shear: [f64; 3],
    pub(crate) bulk_modulus: f64,
    /// `(i, j, kappa_ij)` of the interactions sampled.
    pub(crate) dipole_stiffnesses: Vec<(u32, u32, f64)>,
}

impl<const D: usize> Glass<D> {
    /// The shear modulus.
    pub(crate) fn shear_modulus(&self) -> f64 {
        self.shear.iter().sum()
    }

    /// The mean dipole stiffness.
    pub(crate) fn dipole_stiffness(&self) -> f64 {
        let all = &self.dipole_stiffnesses;
        all.iter().map(|(_, _, kappa)| kappa).sum::<f64>() / all.len() as f64
    }
}

/// A glass, or why there is none: the numbers of one snapshot are not worth those of all others.
pub(crate) type Outcome<const D: usize> = std::result::Result<Glass<D>, String>;

impl MinimizerName {
    /// The minimiser of this name with its default parameters.
    pub(crate) fn minimizer<const D: usize>(self) -> Box<dyn Minimizer<D>> {
        self.minimizer_with(None)
    }

    /// The same, with a limit on force evaluations.
    pub(crate) fn minimizer_with<const D: usize>(
        self,
        limit: Option<u64>,
    ) -> Box<dyn Minimizer<D>> {
        let mut gradients = NonlinearConjugateGradient::default();
        let mut quasi_newton = LimitedMemoryBfgs::default();
        let mut fire = Fire::default();
        let mut newton = NewtonConjugateGradient::default();
        if let Some(limit) = limit {
            newton.evaluation_limit = limit;
            gradients.evaluation_limit = limit;
            quasi_newton.evaluation_limit = limit;
            fire.evaluation_limit = limit;
        }
        match self {
            Self::Newton => Box::new(NewtonFinish {
                newton,
                ..NewtonFinish::after(gradients)
            }),
            Self::ConjugateGradient => Box::new(gradients),
            Self::LimitedMemoryBfgs => Box::new(quasi_newton),
            Self::Fire => Box::new(fire),
        }
    }
}

impl SolverName {
    /// The solver of this name with its default parameters.
    pub(crate) fn solver<const D: usize>(self) -> Box<dyn LinearSolver<D>> {
        self.solver_with(NonZeroUsize::MIN)
    }

    /// The same on several threads.
    pub(crate) fn solver_with<const D: usize>(
        self,
        threads: NonZeroUsize,
    ) -> Box<dyn LinearSolver<D>> {
        match self {
            Self::Cholesky => Box::new(SparseCholesky {
                threads,
                ..SparseCholesky::default()
            }),
            Self::ConjugateGradient => Box::new(ConjugateGradient {
                threads,
                ..ConjugateGradient::default()
            }),
        }
    }
}

/// Quenches a snapshot and measures the glass.
pub(crate) fn measure<const D: usize>(
    potential: &dyn Potential<D>,
    snapshot: Configuration<D>,
    settings: &Glasses,
    seed: Seed,
) -> Outcome<D> {
    let tolerance = Tolerance::force_ratio(settings.force_ratio);
    let structure = settings
        .minimizer
        .minimizer::<D>()
        .quench(potential, snapshot, tolerance)
        .map_err(|error| error.to_string())?;
    respond(structure, settings, seed).map_err(|error| error.to_string())
}

fn respond<const D: usize>(
    structure: InherentStructure<D>,
    settings: &Glasses,
    seed: Seed,
) -> Result<Glass<D>> {
    let solver = settings.solver.solver::<D>();
    let response = LinearResponse::new(&structure, solver.as_ref())?;
    let shear = response.mean_shear_modulus()?;
    let bulk_modulus = response.bulk_modulus()?.total();
    let count = settings.interactions.min(response.interactions().len());
    let mut random = seed.stream("sampled interactions", &[]);
    let sample = response.random_interactions(count, &mut random)?;
    // One thread: the glasses of a study are what runs in parallel.
    let stiffnesses = response.dipole_stiffness(&sample, NonZeroUsize::MIN)?;
    let dipole_stiffnesses = sample
        .iter()
        .zip(stiffnesses)
        .map(|(&index, kappa)| {
            let interaction = &response.interactions()[index];
            (interaction.i as u32, interaction.j as u32, kappa)
        })
        .collect();
    Ok(Glass {
        energy: structure.energy(),
        pressure: structure.mechanics().pressure(),
        force_ratio: structure.balance().ratio(),
        shear: [shear.born, shear.prestress, shear.non_affine],
        bulk_modulus,
        dipole_stiffnesses,
        configuration: structure.into_configuration(),
    })
}
