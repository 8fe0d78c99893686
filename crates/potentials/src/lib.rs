//! The glass-forming models of the paper (J. Chem. Phys. 155, 074502, 2021) and the parts they are built from.
//!
//! - [`functions`]: plain functions of distance, [`InversePower`] and [`LennardJones`].
//! - [`decorators`]: how a function ends at its cut-off, [`Truncated`], [`Smoothed`] and [`ForceShifted`].
//! - [`sticky_sphere`] and [`soft_sphere`]: functions with a cut-off of their own.
//! - [`stillinger_weber`]: a pair and a three-body part.
//! - [`formula`] and [`tabulated`]: functions given at run time.
//! - [`mixtures`]: functions for each pair of species with the numbers of the paper; [`custom`] ones as text.
//! - [`polydispersity`]: diameters that are distributed continuously.
//! - [`catalogue`]: the models by name, with parameters that can be set by key.
//!
//! Every function of distance is a [`Radial`](vitreous_md_core::Radial), the angles of Stillinger-Weber are a
//! [`Triplet`](vitreous_md_core::Triplet), and all recombine with those of users:
//!
//! ```
//! use vitreous_md_core::{Potential, SpeciesTable};
//! use vitreous_potentials::{InversePower, Smoothed};
//! // r^-12 whose value and first two derivatives vanish at r = 1.6
//! let soft = Smoothed::<_, 3>::new(InversePower::new(1.0, 1.0, 12), 1.6)?;
//! let model = SpeciesTable::uniform(soft)?;
//! assert_eq!(Potential::<3>::range(&model), 1.6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod catalogue;
pub mod custom;
pub mod decorators;
mod error;
pub mod formula;
pub mod functions;
pub mod mixtures;
pub mod polydispersity;
pub mod soft_sphere;
pub mod sticky_sphere;
pub mod stillinger_weber;
pub mod tabulated;

pub use catalogue::{Catalogue, Mixture, Model, ModelError, Parameter};
pub use custom::{CustomMixture, PairFunction, PairText};
pub use decorators::{Ended, ForceShifted, PotentialShifted, Shift, Smoothed, Truncated};
pub use error::{CutoffError, MixtureError, ParameterError};
pub use formula::{Formula, FormulaError};
pub use functions::{InversePower, LennardJones};
pub use mixtures::{
    InversePowerMixture, LennardJonesMixture, PairTable, SoftSphereMixture, StickySphereMixture,
};
pub use polydispersity::PolydisperseSpheres;
pub use soft_sphere::{Contact, SoftSphere};
pub use sticky_sphere::StickySphere;
pub use stillinger_weber::{StillingerWeber, StillingerWeberAngle, StillingerWeberPair};
pub use tabulated::{TableError, Tabulated};
