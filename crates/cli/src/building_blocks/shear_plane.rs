//! The value of `--plane`.

use anyhow::{Result, anyhow, ensure};
use std::fmt::{Display, Formatter};
use std::str::FromStr;
use vitreous::linresp::Shear;
use vitreous::md_core::Plane;

/// A plane of shear, in whatever dimension.
#[derive(Clone)]
pub(crate) enum ShearPlane {
    /// Two axes.
    Axes(Plane),
    /// The directions of the displacement and of its gradient.
    Vectors([Vec<f64>; 2]),
}

impl ShearPlane {
    /// The shear in `D` dimensions.
    pub(crate) fn shear<const D: usize>(&self) -> Result<Shear<D>> {
        match self {
            Self::Axes(plane) => {
                ensure!(
                    plane.exists_in(D),
                    "the shear plane {plane} does not exist in {D} dimensions: use xy or yx"
                );
                Ok(Shear::in_plane(*plane)?)
            }
            Self::Vectors([displacement, gradient]) => {
                let vector = |components: &[f64]| {
                    <[f64; D]>::try_from(components).map_err(|_| {
                        anyhow!(
                            "the shear plane {self} has vectors of {} components, but the configuration {D} dimensions",
                            components.len()
                        )
                    })
                };
                Ok(Shear::new(vector(displacement)?, vector(gradient)?)?)
            }
        }
    }
}

impl Display for ShearPlane {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Axes(plane) => plane.fmt(f),
            Self::Vectors(vectors) => {
                let [displacement, gradient] = vectors.each_ref().map(|vector| {
                    let components: Vec<String> = vector.iter().map(f64::to_string).collect();
                    components.join(",")
                });
                write!(f, "{displacement}:{gradient}")
            }
        }
    }
}

impl FromStr for ShearPlane {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((displacement, gradient)) = text.split_once(':') else {
            return text.parse().map(Self::Axes).map_err(|error| {
                format!("{error}, or two orthogonal vectors, for example 1,1,0:0,0,1")
            });
        };
        let vector = |text: &str| -> Option<Vec<f64>> {
            text.split(',').map(|c| c.trim().parse().ok()).collect()
        };
        match (vector(displacement), vector(gradient)) {
            (Some(displacement), Some(gradient)) => Ok(Self::Vectors([displacement, gradient])),
            _ => Err(format!(
                "'{text}' is not a shear plane: give the direction of the displacement and that of its gradient, for example 1,1,0:0,0,1"
            )),
        }
    }
}
