//! The stiffness tensor and what follows from it.

use crate::elasticity::moduli::Modulus;
use crate::elasticity::shear::Shear;
use crate::response::{LinearResponse, ResponseError};
use faer::Mat;
use faer::linalg::solvers::DenseSolveCore;
use vitreous_md_core::vector::{dot, identity, transform};
use vitreous_md_core::{Matrix, Vector};

/// The athermal elastic stiffness `C_abcd = d stress_ab / d strain_cd`, energies per volume.
///
/// This is the Cauchy stress (tension positive) that a small symmetric strain `F = I + strain` adds to the
/// stress that the structure is under, particles relaxed. It is the sum of
///
/// ```text
/// born        (1/V) sum_ef h_ef (2 r_ea r_eb)(2 r_fc r_fd)
/// non_affine  - (1/V) Xi_ab . M^-1 . Xi_cd,    Xi_ab = d2U/deps_ab dX
/// prestress   1/2 (s_ac d_bd + s_ad d_bc + s_bc d_ad + s_bd d_ac) - s_ab d_cd
/// ```
///
/// with the stress `s` and Kronecker's `d`. The first two make the second derivative of the relaxed energy in
/// the Green-Lagrange strain `eps`, in which squared edges are exactly linear; it has all symmetries of an
/// elastic tensor. The third makes of it the stress-strain coefficients of Birch, Barron and Klein, and Wallace,
/// which are symmetric in `ab` and in `cd`, but in the exchange of the two only under isotropic stress:
/// `C_abcd - C_cdab = s_cd d_ab - s_ab d_cd`. All of it is kept.
///
/// In Voigt form, rows are components of stress and columns those of strain, in the order of
/// [`StiffnessTensor::voigt_order`]; entries are plain components of the tensor, so that
/// `stress_I = sum_J C_IJ strain_J` with `strain_J = 2 strain_cd` for shears.
///
/// Source: T. H. K. Barron and M. L. Klein, Proc. Phys. Soc. 85, 523 (1965); D. C. Wallace, *Thermodynamics of
/// Crystals* (1972).
///
/// ```
/// # use vitreous_linresp::*;
/// # use vitreous_md_core::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[derive(Clone)]
/// # struct Soft;
/// # impl Radial for Soft {
/// #     fn range(&self) -> f64 { 2.0 }
/// #     fn energy<S: Scalar>(&self, squared_distance: S) -> S {
/// #         (-squared_distance + 4.0).powi(4) * 0.01
/// #     }
/// # }
/// # let height = 0.75_f64.sqrt();
/// # let site = |i: u32| [f64::from(i % 6) + 0.5 * f64::from(i / 6 % 2), height * f64::from(i / 6)];
/// # let positions = (0..36).map(|i| site(i).map(|x| 1.3 * x)).collect();
/// # let lattice = Configuration::new(Cell::orthorhombic([7.8, 7.8 * height])?, positions, vec![Species(0); 36])?;
/// # let potential = SpeciesTable::uniform(Soft)?;
/// // A triangular lattice, which is isotropic.
/// let structure = InherentStructure::certify(&potential, lattice, Tolerance::force_ratio(1e-12))?;
/// let response = LinearResponse::new(&structure, &SparseCholesky::default())?;
/// let stiffness = response.stiffness_tensor()?;
/// let c11 = stiffness.component([0, 0, 0, 0]).total();
/// let c12 = stiffness.component([0, 0, 1, 1]).total();
/// let bulk_modulus = stiffness.bulk_modulus().total();
/// assert!((bulk_modulus - (c11 + c12) / 2.0).abs() < 1e-12 * bulk_modulus);
/// let compliance = stiffness.compliance()?;
/// assert!((compliance.poisson_ratio(0, 1) - c12 / c11).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StiffnessTensor<const D: usize> {
    stress: Matrix<D>,
    /// In Voigt form.
    components: Vec<Vec<Modulus>>,
}

impl<const D: usize> LinearResponse<'_, D> {
    /// The stiffness tensor: the responses to all `D(D+1)/2` strains, solved for at once.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn stiffness_tensor(&self) -> Result<StiffnessTensor<D>, ResponseError> {
        let order = StiffnessTensor::<D>::voigt_order();
        // The derivative in one component of eps alone is that component of the tensor.
        let directions: Vec<Matrix<D>> = order
            .iter()
            .map(|&[a, b]| {
                let mut direction = [[0.0; D]; D];
                direction[a][b] = 1.0;
                direction
            })
            .collect();
        let stress = self.structure().mechanics().stress();
        let mut components = self.green_lagrange_moduli(&directions)?;
        for (row, &[a, b]) in components.iter_mut().zip(&order) {
            for (modulus, &[c, d]) in row.iter_mut().zip(&order) {
                modulus.prestress = birch(&stress, [a, b, c, d]);
            }
        }
        Ok(StiffnessTensor { stress, components })
    }
}

fn birch<const D: usize>(s: &Matrix<D>, [a, b, c, d]: [usize; 4]) -> f64 {
    let one = |i: usize, j: usize| f64::from(u8::from(i == j));
    0.5 * (s[a][c] * one(b, d) + s[a][d] * one(b, c) + s[b][c] * one(a, d) + s[b][d] * one(a, c))
        - s[a][b] * one(c, d)
}

impl<const D: usize> StiffnessTensor<D> {
    /// The pairs of axes of the rows and columns in Voigt form: xx, yy, zz, yz, xz, xy in three dimensions and
    /// xx, yy, xy in two.
    pub fn voigt_order() -> Vec<[usize; 2]> {
        let axes = (0..D).map(|a| [a, a]);
        let planes = (0..D).flat_map(|a| (a + 1..D).map(move |b| [a, b]));
        axes.chain(planes.collect::<Vec<_>>().into_iter().rev())
            .collect()
    }

    /// The place in [`StiffnessTensor::voigt_order`] of a pair of axes.
    fn place(a: usize, b: usize) -> usize {
        assert!(a < D && b < D, "axes must be below {D}");
        let (a, b) = (a.min(b), a.max(b));
        if a == b {
            return a;
        }
        // The planes come in the opposite order of the rows of an upper triangle.
        let planes_before = a * (2 * D - a - 1) / 2 + (b - a - 1);
        D * (D + 1) / 2 - 1 - planes_before
    }

    /// One component `C_abcd` in its parts.
    ///
    /// # Panics
    /// If an axis is not below `D`.
    pub fn component(&self, [a, b, c, d]: [usize; 4]) -> Modulus {
        self.components[Self::place(a, b)][Self::place(c, d)]
    }

    /// The Voigt form, `D(D+1)/2` rows of as many components, each in its parts.
    pub fn components(&self) -> &[Vec<Modulus>] {
        &self.components
    }

    /// The Voigt form of one part, or of the total: `tensor.voigt(Modulus::total)`, `tensor.voigt(|c| c.born)`.
    pub fn voigt(&self, part: impl Fn(&Modulus) -> f64) -> Vec<Vec<f64>> {
        let row = |row: &Vec<Modulus>| row.iter().map(&part).collect();
        self.components.iter().map(row).collect()
    }

    /// The potential part of the stress that the structure is under, tension positive.
    pub fn stress(&self) -> &Matrix<D> {
        &self.stress
    }

    /// `sum_abcd A_ab C_abcd B_cd`.
    pub fn contracted(&self, a: &Matrix<D>, b: &Matrix<D>) -> Modulus {
        let order = Self::voigt_order();
        let weight = |m: &Matrix<D>, [k, l]: [usize; 2]| {
            if k == l { m[k][k] } else { m[k][l] + m[l][k] }
        };
        let mut sum = Modulus::default();
        for (row, &stress) in self.components.iter().zip(&order) {
            for (&component, &strain) in row.iter().zip(&order) {
                sum += weight(a, stress) * weight(b, strain) * component;
            }
        }
        sum
    }

    /// The shear modulus in any plane, `G = C_mnmn + (s_nn - s_mm)/2`: that of
    /// [`LinearResponse::shear_modulus_along`], whose strain `gamma m (x) n` turns the stress as well.
    pub fn shear_modulus(&self, shear: &Shear<D>) -> Modulus {
        let direction = shear.direction();
        let tension = |v: &Vector<D>| dot(v, &transform(&self.stress, v));
        let mut modulus = self.contracted(&direction, &direction);
        modulus.prestress += 0.5 * (tension(shear.gradient()) - tension(shear.displacement()));
        modulus
    }

    /// The bulk modulus `K = -V dP/dV = C_aabb / D^2` (summed over `a` and `b`), which is Voigt's average too.
    pub fn bulk_modulus(&self) -> Modulus {
        let one = identity();
        1.0 / (D * D) as f64 * self.contracted(&one, &one)
    }

    /// The mean of the shear modulus over all planes, Voigt's average:
    ///
    /// ```text
    /// G = (C_abab - C_aabb/D) / [(D - 1)(D + 2)]    (summed over a and b)
    /// ```
    ///
    /// zero for `D = 1`.
    pub fn voigt_shear_modulus(&self) -> Modulus {
        let mut sum = -(D as f64) * self.bulk_modulus();
        for a in 0..D {
            for b in 0..D {
                sum += self.component([a, b, a, b]);
            }
        }
        let share = if D == 1 {
            0.0
        } else {
            1.0 / ((D - 1) * (D + 2)) as f64
        };
        share * sum
    }

    /// Poisson's ratio of the isotropic solid with the bulk modulus `K` and Voigt's shear modulus `G`,
    ///
    /// ```text
    /// nu = (D K - 2 G) / [D (D - 1) K + 2 G]
    /// ```
    ///
    /// `(3K - 2G)/(2(3K + G))` in three dimensions, `(K - G)/(K + G)` in two; without meaning for `D = 1`.
    pub fn poisson_ratio(&self) -> f64 {
        let (d, k, g) = self.isotropic();
        (d * k - 2.0 * g) / (d * (d - 1.0) * k + 2.0 * g)
    }

    /// Young's modulus of the same isotropic solid,
    ///
    /// ```text
    /// E = 2 G (1 + nu) = 2 D^2 K G / [D (D - 1) K + 2 G]
    /// ```
    ///
    /// `9KG/(3K + G)` in three dimensions, `4KG/(K + G)` in two; without meaning for `D = 1`.
    pub fn youngs_modulus(&self) -> f64 {
        let (d, k, g) = self.isotropic();
        2.0 * d * d * k * g / (d * (d - 1.0) * k + 2.0 * g)
    }

    fn isotropic(&self) -> (f64, f64, f64) {
        let (k, g) = (self.bulk_modulus(), self.voigt_shear_modulus());
        (D as f64, k.total(), g.total())
    }

    /// The compliance, the inverse of the stiffness in Voigt form.
    ///
    /// # Errors
    /// [`ResponseError::NoCompliance`] if there is no inverse to rounding: its product with the stiffness is
    /// recomputed.
    pub fn compliance(&self) -> Result<Compliance<D>, ResponseError> {
        let size = self.components.len();
        let stiffness = Mat::from_fn(size, size, |i, j| self.components[i][j].total());
        let inverse = stiffness.partial_piv_lu().inverse();
        let product = &stiffness * &inverse;
        let deviation = (0..size)
            .flat_map(|i| (0..size).map(move |j| (i, j)))
            .map(|(i, j)| (product[(i, j)] - f64::from(u8::from(i == j))).abs())
            .fold(0.0, |worst: f64, d| if d <= worst { worst } else { d });
        if deviation < Compliance::<D>::TOLERANCE {
            let row = |i| (0..size).map(|j| inverse[(i, j)]).collect();
            Ok(Compliance {
                rows: (0..size).map(row).collect(),
            })
        } else {
            Err(ResponseError::NoCompliance)
        }
    }
}

/// The elastic compliance `strain_I = sum_J S_IJ stress_J` in Voigt form, the inverse of
/// [`StiffnessTensor`]: the strain that a change of the stress brings about, with `2 strain_ab` for shears.
#[derive(Clone, Debug, PartialEq)]
pub struct Compliance<const D: usize> {
    rows: Vec<Vec<f64>>,
}

impl<const D: usize> Compliance<D> {
    /// The largest error of an entry of `C S`.
    const TOLERANCE: f64 = 1e-8;

    /// The `D(D+1)/2` rows in the order of [`StiffnessTensor::voigt_order`].
    pub fn voigt(&self) -> &[Vec<f64>] {
        &self.rows
    }

    /// Young's modulus along one axis, `1/S_aa`: tension over strain, when no other stress changes.
    ///
    /// # Panics
    /// If the axis is not below `D`.
    pub fn youngs_modulus(&self, axis: usize) -> f64 {
        assert!(axis < D, "axes must be below {D}");
        1.0 / self.rows[axis][axis]
    }

    /// Poisson's ratio `-S_ba/S_aa`: contraction along the axis `lateral` over extension along `axis`, when only
    /// the tension along the latter changes.
    ///
    /// # Panics
    /// If an axis is not below `D`.
    pub fn poisson_ratio(&self, axis: usize, lateral: usize) -> f64 {
        assert!(axis < D && lateral < D, "axes must be below {D}");
        -self.rows[lateral][axis] / self.rows[axis][axis]
    }
}
