//! Two-species models: a function and its cut-off for each pair of species.
//!
//! Species `A` (index 0) is the majority of the Lennard-Jones models and the large one of the others;
//! species `B` has index 1.

use crate::decorators::{Ended, ForceShifted, PotentialShifted, Shift, Smoothed};
use crate::error::MixtureError;
use crate::functions::{InversePower, LennardJones};
use crate::soft_sphere::{Contact, SoftSphere};
use crate::sticky_sphere::StickySphere;
use vitreous_md_core::{Radial, SpeciesTable};

/// A value for each pair of two species.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairTable<T> {
    /// Between two particles of species A.
    pub aa: T,
    /// Between A and B.
    pub ab: T,
    /// Between two particles of species B.
    pub bb: T,
}

impl<T> PairTable<T> {
    /// The three values.
    pub fn new(aa: T, ab: T, bb: T) -> Self {
        Self { aa, ab, bb }
    }

    /// The value for two species by index, B being 1.
    pub fn between(&self, first: usize, second: usize) -> &T {
        match first + second {
            0 => &self.aa,
            1 => &self.ab,
            _ => &self.bb,
        }
    }

    /// A table of the results of a function of the values.
    ///
    /// # Errors
    /// The first that the function gives.
    fn try_map<U, E>(
        &self,
        mut function: impl FnMut(&T) -> Result<U, E>,
    ) -> Result<PairTable<U>, E> {
        Ok(PairTable {
            aa: function(&self.aa)?,
            ab: function(&self.ab)?,
            bb: function(&self.bb)?,
        })
    }

    fn zip<U>(self, other: PairTable<U>) -> PairTable<(T, U)> {
        PairTable::new(
            (self.aa, other.aa),
            (self.ab, other.ab),
            (self.bb, other.bb),
        )
    }
}

fn table<F: Radial + Clone>(functions: &PairTable<F>) -> Result<SpeciesTable<F>, MixtureError> {
    Ok(SpeciesTable::new(2, |first, second| {
        functions.between(first, second).clone()
    })?)
}

/// The cut-offs given, or else a multiple of each length.
fn cutoffs(
    given: PairTable<Option<f64>>,
    lengths: PairTable<f64>,
    multiple: f64,
) -> PairTable<f64> {
    let [aa, ab, bb] = [
        (given.aa, lengths.aa),
        (given.ab, lengths.ab),
        (given.bb, lengths.bb),
    ]
    .map(|(given, length)| given.unwrap_or(multiple * length));
    PairTable::new(aa, ab, bb)
}

/// The smoothed inverse-power mixture (IPL) of Lerner & Bouchbinder, J. Chem. Phys. 148, 214502 (2018):
///
/// ```text
/// phi(r) = eps [x^-10 + c_0 + c_2 x^2 + c_4 x^4 + c_6 x^6],  x = r/lambda_ij < x_c
/// ```
///
/// with coefficients that make `phi .. phi'''` vanish at the cut-off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InversePowerMixture {
    /// The energy `eps`.
    pub energy: f64,
    /// The exponent, 10 in the paper.
    pub exponent: u32,
    /// The lengths `lambda_ij`.
    pub lengths: PairTable<f64>,
    /// The cut-off `x_c = r_c/lambda_ij`.
    pub reduced_cutoff: f64,
    /// Cut-offs `r_c` that differ from `x_c lambda_ij`.
    pub cutoffs: PairTable<Option<f64>>,
}

impl Default for InversePowerMixture {
    /// The numbers of the paper: `eps = 1`, exponent 10, lengths 1.4, 1.18, 1 and `x_c = 1.48`.
    fn default() -> Self {
        Self {
            energy: 1.0,
            exponent: 10,
            lengths: PairTable::new(1.4, 1.18, 1.0),
            reduced_cutoff: 1.48,
            cutoffs: PairTable::new(None, None, None),
        }
    }
}

impl InversePowerMixture {
    /// The potential of the paper, in which three derivatives vanish at the cut-off.
    ///
    /// # Errors
    /// Cut-offs that are not positive and finite.
    pub fn potential(&self) -> Result<SpeciesTable<Smoothed<InversePower, 4>>, MixtureError> {
        self.smoothed()
    }

    /// The potential smoothed to the order `q = CONDITIONS - 1`: see [`Smoothed`].
    ///
    /// # Errors
    /// Cut-offs that are not positive and finite.
    pub fn smoothed<const CONDITIONS: usize>(
        &self,
    ) -> Result<SpeciesTable<Smoothed<InversePower, CONDITIONS>>, MixtureError> {
        let cutoffs = cutoffs(self.cutoffs, self.lengths, self.reduced_cutoff);
        table(&self.lengths.zip(cutoffs).try_map(|&(length, cutoff)| {
            Smoothed::new(
                InversePower::new(self.energy, length, self.exponent),
                cutoff,
            )
        })?)
    }

    /// The potential with an end chosen at run time.
    ///
    /// # Errors
    /// Those of [`Ended::new`].
    pub fn ended(&self, shift: Shift) -> Result<SpeciesTable<Ended<InversePower>>, MixtureError> {
        let cutoffs = cutoffs(self.cutoffs, self.lengths, self.reduced_cutoff);
        table(&self.lengths.zip(cutoffs).try_map(|&(length, cutoff)| {
            let function = InversePower::new(self.energy, length, self.exponent);
            Ended::new(function, cutoff, shift)
        })?)
    }
}

/// Binary Lennard-Jones mixtures with the parameters of Kob & Andersen, Phys. Rev. E 51, 4626 (1995).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LennardJonesMixture {
    /// The energies `eps_ij`.
    pub energies: PairTable<f64>,
    /// The lengths `sigma_ij`.
    pub lengths: PairTable<f64>,
    /// The cut-off `r_c/sigma_ij` where none is given.
    pub reduced_cutoff: f64,
    /// The cut-offs `r_c`.
    pub cutoffs: PairTable<Option<f64>>,
    /// How the function ends there.
    pub shift: Shift,
}

impl LennardJonesMixture {
    /// The mixture of Kob & Andersen: cut at `2.5 sigma_ij`, potential shifted.
    pub fn kob_andersen() -> Self {
        Self {
            energies: PairTable::new(1.0, 1.5, 0.5),
            lengths: PairTable::new(1.0, 0.8, 0.88),
            reduced_cutoff: 2.5,
            cutoffs: PairTable::new(None, None, None),
            shift: Shift::Potential,
        }
    }

    /// The modified mixture (mBLJ) of Schroder & Dyre, J. Chem. Phys. 152, 141101 (2020), which resists
    /// crystallisation: force shifted, cut at 1.5 (AA), 2.5 sigma = 2.0 (AB) and 1.5 (BB).
    pub fn modified() -> Self {
        Self {
            cutoffs: PairTable::new(Some(1.5), Some(2.0), Some(1.5)),
            shift: Shift::Force,
            ..Self::kob_andersen()
        }
    }

    fn functions(&self) -> PairTable<(LennardJones, f64)> {
        let cutoffs = cutoffs(self.cutoffs, self.lengths, self.reduced_cutoff);
        let combine = |((energy, length), cutoff)| (LennardJones::new(energy, length), cutoff);
        let all = self.energies.zip(self.lengths).zip(cutoffs);
        PairTable::new(combine(all.aa), combine(all.ab), combine(all.bb))
    }

    /// The potential with shifted energy, whatever [`LennardJonesMixture::shift`] says.
    ///
    /// # Errors
    /// Cut-offs that are not positive and finite.
    pub fn potential_shifted(
        &self,
    ) -> Result<SpeciesTable<PotentialShifted<LennardJones>>, MixtureError> {
        self.smoothed()
    }

    /// The potential smoothed to the order `q = CONDITIONS - 1` (see [`Smoothed`]), whatever
    /// [`LennardJonesMixture::shift`] says.
    ///
    /// # Errors
    /// Cut-offs that are not positive and finite.
    pub fn smoothed<const CONDITIONS: usize>(
        &self,
    ) -> Result<SpeciesTable<Smoothed<LennardJones, CONDITIONS>>, MixtureError> {
        table(
            &self
                .functions()
                .try_map(|&(function, cutoff)| Smoothed::new(function, cutoff))?,
        )
    }

    /// The potential with shifted force, whatever [`LennardJonesMixture::shift`] says.
    ///
    /// # Errors
    /// Cut-offs that are not positive and finite.
    pub fn force_shifted(&self) -> Result<SpeciesTable<ForceShifted<LennardJones>>, MixtureError> {
        table(
            &self
                .functions()
                .try_map(|&(function, cutoff)| ForceShifted::new(function, cutoff))?,
        )
    }

    /// The potential that ends as [`LennardJonesMixture::shift`] says, chosen at run time.
    ///
    /// # Errors
    /// Those of [`Ended::new`].
    pub fn ended(&self) -> Result<SpeciesTable<Ended<LennardJones>>, MixtureError> {
        table(
            &self
                .functions()
                .try_map(|&(function, cutoff)| Ended::new(function, cutoff, self.shift))?,
        )
    }
}

/// The sticky-sphere mixture (SS) of Gonzalez-Lopez, Shivam, Zheng, Ciamarra & Lerner, Phys. Rev. E 103, 022605
/// (2021): one [`StickySphere`] for each pair of species.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StickySphereMixture {
    /// The energy `eps`.
    pub energy: f64,
    /// The lengths `lambda_ij`.
    pub lengths: PairTable<f64>,
    /// The cut-off `x_c = r_c/lambda_ij`, beyond the minimum at `2^(1/6)`.
    pub reduced_cutoff: f64,
    /// Cut-offs `r_c` that differ from `x_c lambda_ij`.
    pub cutoffs: PairTable<Option<f64>>,
}

impl Default for StickySphereMixture {
    /// The numbers of the paper: `eps = 1`, lengths 1.4, 1.18, 1 and `x_c = 1.2 x 2^(1/6)`.
    fn default() -> Self {
        Self {
            energy: 1.0,
            lengths: PairTable::new(1.4, 1.18, 1.0),
            reduced_cutoff: 1.3469544579712476,
            cutoffs: PairTable::new(None, None, None),
        }
    }
}

impl StickySphereMixture {
    /// The potential.
    ///
    /// # Errors
    /// Parameters that [`StickySphere::new`] refuses.
    pub fn potential(&self) -> Result<SpeciesTable<StickySphere>, MixtureError> {
        let cutoffs = cutoffs(self.cutoffs, self.lengths, self.reduced_cutoff);
        table(
            &self
                .lengths
                .zip(cutoffs)
                .try_map(|&(length, cutoff)| StickySphere::new(self.energy, length, cutoff))?,
        )
    }
}

/// The binary mixture of soft spheres of O'Hern, Silbert, Liu & Nagel, Phys. Rev. E 68, 011306 (2003): one
/// [`SoftSphere`] for each pair of species.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftSphereMixture {
    /// Harmonic or Hertzian.
    pub contact: Contact,
    /// The energy `eps`.
    pub energy: f64,
    /// The distances `sigma_ij` of contact.
    pub lengths: PairTable<f64>,
}

impl SoftSphereMixture {
    /// The mixture with diameters in the ratio 1.4: `eps = 1`, lengths 1.4, 1.2, 1.
    pub fn new(contact: Contact) -> Self {
        Self {
            contact,
            energy: 1.0,
            lengths: PairTable::new(1.4, 1.2, 1.0),
        }
    }

    /// The potential.
    ///
    /// # Errors
    /// Lengths that are not positive and finite.
    pub fn potential(&self) -> Result<SpeciesTable<SoftSphere>, MixtureError> {
        Ok(SpeciesTable::new(2, |first, second| {
            SoftSphere::new(
                self.contact,
                self.energy,
                *self.lengths.between(first, second),
            )
        })?)
    }
}
