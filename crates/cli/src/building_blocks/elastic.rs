//! `vitreous elastic`.

use super::input::{Input, Sample};
use super::{Certification, Command, note_rattlers, print};
use crate::study::SolverName;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use vitreous::linresp::LinearResponse;
use vitreous::md_core::Plane;

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct Elastic {
    #[command(flatten)]
    input: Input,
    /// The plane of shear: the axis of displacement and the axis of its gradient.
    #[arg(long, value_name = "AXES", default_value_t = Plane::XY)]
    plane: Plane,
    /// The linear solver.
    #[arg(long, value_enum, default_value_t = SolverName::Cholesky)]
    solver: SolverName,
    #[command(flatten)]
    certification: Certification,
}

/// What is printed; the order of the fields is that of the keys.
#[derive(Serialize)]
struct Results {
    shear_modulus: ShearModulus,
    bulk_modulus: f64,
}

#[derive(Serialize)]
struct ShearModulus {
    plane: String,
    total: f64,
    born: f64,
    prestress: f64,
    non_affine: f64,
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let shear = &self.shear_modulus;
        writeln!(
            f,
            "shear modulus  {:<24?} in the plane {}, the sum of",
            shear.total, shear.plane
        )?;
        writeln!(
            f,
            "  Born         {:<24?} affine displacements, curvature of the terms",
            shear.born
        )?;
        writeln!(
            f,
            "  prestress    {:<24?} affine displacements, forces of the terms",
            shear.prestress
        )?;
        writeln!(
            f,
            "  non-affine   {:<24?} displacements that restore the balance of forces",
            shear.non_affine
        )?;
        writeln!(
            f,
            "bulk modulus   {:<24?} all parts together",
            self.bulk_modulus
        )
    }
}

impl Command for Elastic {
    fn input(&self) -> &Input {
        &self.input
    }

    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()> {
        ensure!(
            self.plane.exists_in(D),
            "the shear plane {} does not exist in {D} dimensions: use xy or yx",
            self.plane
        );
        let structure = self.certification.certify(
            &self.input,
            sample.potential.as_ref(),
            sample.configuration,
        )?;
        let response = LinearResponse::new(&structure, self.solver.solver::<D>().as_ref())
            .with_context(|| self.input.path())?;
        note_rattlers(&response.hessian().rattlers());
        let shear = response.shear_modulus(self.plane)?;
        let results = Results {
            shear_modulus: ShearModulus {
                plane: self.plane.to_string(),
                total: shear.total(),
                born: shear.born,
                prestress: shear.prestress,
                non_affine: shear.non_affine,
            },
            bulk_modulus: response.bulk_modulus()?.total(),
        };
        print(&results, self.input.json)
    }
}
