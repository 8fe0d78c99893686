//! `vitreous elastic`.

use super::input::{Input, Sample};
use super::shear_plane::ShearPlane;
use super::{Certification, Command, note_rattlers, positive_number, print};
use crate::study::SolverName;
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::{Display, Formatter};
use vitreous::linresp::{
    LinearResponse, Modulus, Shear, StiffnessTensor, shear_modulus_by_finite_strain,
};
use vitreous::md_core::{Plane, Potential, Tolerance};
use vitreous::minimize::{Minimizer, NewtonFinish};

/// The force ratio of quenches between steps of strain: what is left of the forces is divided by the step.
const STRAINED_FORCE_RATIO: f64 = 1e-12;

/// The arguments.
#[derive(clap::Args)]
pub(crate) struct Elastic {
    #[command(flatten)]
    input: Input,
    /// The plane of shear: the axis of displacement and the axis of its gradient, or two orthogonal vectors for
    /// these directions, as in 1,1,0:0,0,1.
    #[arg(long, value_name = "PLANE", default_value_t = ShearPlane::Axes(Plane::XY), allow_hyphen_values = true)]
    plane: ShearPlane,
    /// Compute the shear modulus by three routes: derivatives in the deformation gradient, in the Green-Lagrange
    /// strain, and steps of strain with a quench after each.
    #[arg(long)]
    routes: bool,
    /// The step of strain for the third route.
    #[arg(long, value_name = "STRAIN", default_value = "1e-5", requires = "routes", value_parser = positive_number, allow_negative_numbers = true)]
    strain_step: f64,
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
    voigt_shear_modulus: f64,
    poisson_ratio: f64,
    youngs_modulus: f64,
    voigt_order: Vec<String>,
    stiffness: Vec<Vec<f64>>,
    stiffness_born: Vec<Vec<f64>>,
    stiffness_prestress: Vec<Vec<f64>>,
    stiffness_non_affine: Vec<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<Routes>,
}

#[derive(Serialize)]
struct ShearModulus {
    plane: String,
    total: f64,
    born: f64,
    prestress: f64,
    non_affine: f64,
}

/// The shear modulus by three routes; differences are from the first.
#[derive(Serialize)]
struct Routes {
    deformation_gradient: f64,
    green_lagrange: f64,
    green_lagrange_difference: f64,
    finite_strain: f64,
    finite_strain_difference: f64,
    finite_strain_discrepancy: f64,
    strain_step: f64,
}

impl Display for Results {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let shear = &self.shear_modulus;
        let plane = format!("in the plane {}, the sum of", shear.plane);
        for (name, value, meaning) in [
            ("shear modulus", shear.total, plane.as_str()),
            (
                "  Born",
                shear.born,
                "affine displacements, curvature of the terms",
            ),
            (
                "  prestress",
                shear.prestress,
                "affine displacements, forces of the terms",
            ),
            (
                "  non-affine",
                shear.non_affine,
                "displacements that restore the balance of forces",
            ),
            (
                "bulk modulus",
                self.bulk_modulus,
                "all parts together, as below",
            ),
            (
                "Voigt shear",
                self.voigt_shear_modulus,
                "mean shear modulus over all planes",
            ),
            (
                "Poisson ratio",
                self.poisson_ratio,
                "of the isotropic solid with these two moduli",
            ),
            ("Young modulus", self.youngs_modulus, "of the same"),
        ] {
            writeln!(f, "{name:<14} {value:<24?} {meaning}")?;
        }
        writeln!(
            f,
            "\nstiffness d(stress)/d(strain), rows stress, columns strain (parts: --json)"
        )?;
        write!(f, "  ")?;
        for name in &self.voigt_order {
            write!(f, "{name:>14}")?;
        }
        for (name, row) in self.voigt_order.iter().zip(&self.stiffness) {
            write!(f, "\n{name}")?;
            for entry in row {
                write!(f, "{entry:>14.6}")?;
            }
        }
        writeln!(f)?;
        match &self.routes {
            Some(routes) => write!(f, "\n{routes}"),
            None => Ok(()),
        }
    }
}

impl Display for Routes {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "shear modulus by three routes                     difference from the first"
        )?;
        writeln!(
            f,
            "  deformation gradient   {:?}",
            self.deformation_gradient
        )?;
        writeln!(
            f,
            "  Green-Lagrange strain  {:<24?} {:.1e}",
            self.green_lagrange, self.green_lagrange_difference
        )?;
        writeln!(
            f,
            "  finite strain          {:<24?} {:.1e}",
            self.finite_strain, self.finite_strain_difference
        )?;
        writeln!(
            f,
            "    with steps of {:e} and half of it, which differ by {:.1e}",
            self.strain_step, self.finite_strain_discrepancy
        )
    }
}

impl Elastic {
    fn routes<const D: usize>(
        &self,
        response: &LinearResponse<'_, D>,
        potential: &dyn Potential<D>,
        shear: &Shear<D>,
        first: f64,
    ) -> Result<Routes> {
        let second = response
            .shear_modulus_in_green_lagrange_strain(shear)?
            .total();
        let third = shear_modulus_by_finite_strain(
            response.structure(),
            shear,
            self.strain_step,
            |configuration| {
                NewtonFinish::default().quench(
                    potential,
                    configuration,
                    Tolerance::force_ratio(STRAINED_FORCE_RATIO),
                )
            },
        )?;
        Ok(Routes {
            deformation_gradient: first,
            green_lagrange: second,
            green_lagrange_difference: second - first,
            finite_strain: third.modulus(),
            finite_strain_difference: third.modulus() - first,
            finite_strain_discrepancy: third.discrepancy(),
            strain_step: self.strain_step,
        })
    }
}

impl Command for Elastic {
    fn input(&self) -> &Input {
        &self.input
    }

    fn execute<const D: usize>(&self, sample: Sample<D>) -> Result<()> {
        let direction = self.plane.shear::<D>()?;
        let potential = sample.potential.as_ref();
        let structure = self
            .certification
            .certify(&self.input, potential, sample.configuration)?;
        let response = LinearResponse::new(&structure, self.solver.solver::<D>().as_ref())
            .with_context(|| self.input.path())?;
        note_rattlers(&response.hessian().rattlers());
        let shear = response.shear_modulus_along(&direction)?;
        let tensor = response.stiffness_tensor()?;
        let name = |axis: usize| ["x", "y", "z"][axis];
        let results = Results {
            shear_modulus: ShearModulus {
                plane: self.plane.to_string(),
                total: shear.total(),
                born: shear.born,
                prestress: shear.prestress,
                non_affine: shear.non_affine,
            },
            bulk_modulus: response.bulk_modulus()?.total(),
            voigt_shear_modulus: tensor.voigt_shear_modulus().total(),
            poisson_ratio: tensor.poisson_ratio(),
            youngs_modulus: tensor.youngs_modulus(),
            voigt_order: StiffnessTensor::<D>::voigt_order()
                .into_iter()
                .map(|pair| pair.map(name).concat())
                .collect(),
            stiffness: tensor.voigt(Modulus::total),
            stiffness_born: tensor.voigt(|part| part.born),
            stiffness_prestress: tensor.voigt(|part| part.prestress),
            stiffness_non_affine: tensor.voigt(|part| part.non_affine),
            routes: if self.routes {
                Some(self.routes(&response, potential, &direction, shear.total())?)
            } else {
                None
            },
        };
        print(&results, self.input.json)
    }
}
