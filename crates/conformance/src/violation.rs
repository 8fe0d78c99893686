//! The laws, and what is said when one is broken.

use std::fmt::{self, Display, Formatter};
use thiserror::Error;
use vitreous_md_core::{DirectionError, Species};

/// What a potential must keep. Its [`Display`] is the law in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// Everything that is computed is a finite number.
    Finite,
    /// The contract fits the potential.
    Contract,
    /// The derivatives that are handed out are those of the generic energy.
    Derivative,
    /// Asking for fewer derivatives gives the same ones.
    Prefix,
    /// Taylor and dual numbers see the same function.
    Arithmetic,
    /// Each derivative is the limit of differences of the one before, the first of the energy in `f64`.
    Differences,
    /// Differences converge.
    Smoothness,
    /// The derivatives up to the declared order vanish at the range.
    Range,
    /// The derivatives up to the declared order have no jump at an inner joint.
    Joint,
    /// The ends of a triplet may be exchanged.
    Exchange,
    /// Second derivatives do not depend on the order of the two.
    Symmetry,
    /// The sum over one centre is the sum of its triplets.
    Centre,
    /// Particles of the configuration interact at all.
    Interaction,
    /// The same configuration gives the same bits.
    Repeatability,
    /// Passes add to what they are given.
    Accumulation,
    /// Neighbours beyond the range make no difference.
    Neighbours,
    /// Newton's third law.
    Newton,
    /// No torque acts in an infinitesimal rotation.
    Torque,
    /// Nothing depends on where the origin is.
    Translation,
    /// Nothing depends on the image that stands for a particle.
    Images,
    /// Nothing depends on the numbering of the particles.
    Permutation,
    /// Nothing depends on the orientation of the axes.
    Rotation,
    /// A doubled cell holds twice the energy.
    Replication,
    /// Forces are minus the gradient of the energy.
    Force,
    /// The strain gradient is the derivative of the energy in a deformation.
    Stress,
    /// The linearisation has the energy, forces and stress of the force pass.
    Expansion,
    /// The path starts with the energy, forces and stress of the force pass.
    Path,
    /// The Hessian is minus the gradient of the forces.
    Hessian,
    /// The Hessian as an operator and as a matrix.
    Operator,
    /// Translations do not change the gradient along a path.
    ZeroModes,
    /// To first order the path is the linearisation.
    PathHessian,
    /// Each order along a path is the derivative of the one below.
    PathOrders,
}

impl Law {
    /// The law, and what usually is the matter where it is broken.
    #[allow(clippy::too_many_lines)] // a table
    fn texts(self) -> [&'static str; 2] {
        match self {
            Self::Finite => [
                "all values are finite",
                "a division by zero or the root of a negative number inside the range",
            ],
            Self::Contract => ["the contract fits the potential", "a mistake in the test"],
            Self::Derivative => [
                "derivatives are those of the generic energy",
                "a wrong factor or sign in the override; derivatives are in the square s = r^2, not in r",
            ],
            Self::Prefix => [
                "asking for fewer derivatives gives the same ones",
                "an override that treats some number of derivatives by itself",
            ],
            Self::Arithmetic => [
                "Taylor and dual numbers see the same function",
                "an energy that compares scalars with their derivatives instead of their value()",
            ],
            Self::Differences => [
                "each derivative is the limit of differences of the one before",
                "an energy that loses derivatives: a constant was made of the value() of a variable",
            ],
            Self::Smoothness => [
                "differences converge",
                "a joint of the function that is not declared, or noise",
            ],
            Self::Range => [
                "derivatives up to the declared order vanish at the range",
                "a continuity that was declared too high, or wrong constants of the smoothing",
            ],
            Self::Joint => [
                "derivatives up to the declared order are continuous at an inner joint",
                "a continuity that was declared too high, or wrong constants of one piece",
            ],
            Self::Exchange => [
                "the ends of a triplet may be exchanged",
                "one leg or the species of one end is treated differently",
            ],
            Self::Symmetry => [
                "second derivatives are symmetric",
                "an entry of the override stands in the wrong place",
            ],
            Self::Centre => [
                "the sum over one centre is the sum of its triplets",
                "the override counts triplets twice, or two equal legs as a triplet",
            ],
            Self::Interaction => [
                "particles of the configuration interact",
                "a density so low that nothing is tested: raise it",
            ],
            Self::Repeatability => [
                "the same configuration gives the same bits",
                "a state that changes between evaluations, or sums in random order",
            ],
            Self::Accumulation => [
                "passes add to what they are given",
                "an assignment where += is meant",
            ],
            Self::Neighbours => [
                "neighbours beyond the range make no difference",
                "range() or pair_range() is too short, or the distance is not compared with the range: lists have a skin",
            ],
            Self::Newton => [
                "forces add up to zero",
                "the reaction on one of the particles is missing or wrong",
            ],
            Self::Torque => [
                "an infinitesimal rotation does not change the energy",
                "an energy that depends on directions and not on distances only",
            ],
            Self::Translation => [
                "nothing depends on the origin",
                "an energy or force that depends on positions and not on their differences",
            ],
            Self::Images => [
                "nothing depends on the image that stands for a particle",
                "differences of positions were taken instead of the vectors of the neighbour list",
            ],
            Self::Permutation => [
                "nothing depends on the numbering of the particles",
                "parameters looked up by particle instead of species, or in one order of two species only",
            ],
            Self::Rotation => [
                "nothing depends on the orientation of the axes",
                "a component of the force or stress that stands in the wrong place",
            ],
            Self::Replication => [
                "a doubled cell holds twice the energy",
                "only one image of each pair is counted (a minimum image), or an energy per cell instead of per particle",
            ],
            Self::Force => [
                "forces are minus the gradient of the energy",
                "a wrong sign or factor: with g = dU/ds the force on j is -2 g r_ij",
            ],
            Self::Stress => [
                "the strain gradient is the derivative of the energy in a deformation",
                "a missing or doubled term r_a f_b, or the sign of the virial, which is the opposite",
            ],
            Self::Expansion => [
                "add_terms has the energy, forces and stress of add_forces",
                "one of the two passes misses a term or a factor",
            ],
            Self::Path => [
                "add_along starts with the energy, forces and stress of add_forces",
                "add_along misses a term or a factor",
            ],
            Self::Hessian => [
                "the Hessian is minus the gradient of the forces",
                "a wrong curvature in add_terms: h = d2U/ds2, or one coupling for both h_ef and h_fe",
            ],
            Self::Operator => [
                "the Hessian as an operator is the Hessian as a matrix",
                "a fault of this library: please report it",
            ],
            Self::ZeroModes => [
                "translations do not change the gradient",
                "an edge in add_along that does not move with both of its particles",
            ],
            Self::PathHessian => [
                "to first order add_along is add_terms",
                "the slope in add_along misses its first-order coefficient, or a factor in it",
            ],
            Self::PathOrders => [
                "each order along a path is the derivative of the one below",
                "a wrong coefficient of the series: the k-th is the k-th derivative over k!",
            ],
        }
    }

    /// What usually is the matter where this law is broken.
    pub fn usual_cause(self) -> &'static str {
        self.texts()[1]
    }
}

impl Display for Law {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.texts()[0])
    }
}

/// One of the numbers that describe a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The energy.
    Energy,
    /// A component of the force on a particle, or of the gradient.
    Force {
        /// Index of the particle.
        particle: usize,
        /// Index of the Cartesian component.
        component: usize,
    },
    /// A component of the sum of all forces.
    TotalForce {
        /// Index of the Cartesian component.
        component: usize,
    },
    /// A component of the strain gradient `dU/dF`.
    StrainGradient {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// [`Totals::squared_term_forces`](vitreous_md_core::Totals::squared_term_forces).
    SquaredTermForces,
}

impl Display for Quantity {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Energy => write!(formatter, "energy"),
            Self::Force {
                particle,
                component,
            } => write!(formatter, "component {component} at particle {particle}"),
            Self::TotalForce { component } => {
                write!(formatter, "component {component} of the sum of all forces")
            }
            Self::StrainGradient { row, column } => {
                write!(formatter, "strain gradient, row {row}, column {column}")
            }
            Self::SquaredTermForces => write!(formatter, "squared forces of the terms"),
        }
    }
}

/// The energy of a triplet or one of its derivatives in the squared edges `[ij, ik, jk]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The energy.
    Energy,
    /// `g_e`.
    Gradient(usize),
    /// `h_ef`.
    Hessian(usize, usize),
}

impl Display for Entry {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        const EDGES: [&str; 3] = ["ij", "ik", "jk"];
        match *self {
            Self::Energy => write!(formatter, "energy"),
            Self::Gradient(e) => write!(formatter, "dU/ds_{}", EDGES[e]),
            Self::Hessian(e, f) => write!(formatter, "d2U/ds_{} ds_{}", EDGES[e], EDGES[f]),
        }
    }
}

/// Where a law is broken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// A pair.
    Distance {
        /// The distance `r`.
        distance: f64,
        /// The order of the derivative in `s = r^2`; zero is the energy.
        order: usize,
    },
    /// A pair of which fewer derivatives were asked for.
    Prefix {
        /// The distance `r`.
        distance: f64,
        /// The order of the derivative.
        order: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// A triplet.
    Edges {
        /// The squared edges `ij`, `ik`, `jk`.
        squared_edges: [f64; 3],
        /// Centre and ends.
        species: [Species; 3],
        /// Which number.
        entry: Entry,
    },
    /// The triplets of one centre.
    Legs {
        /// The number of legs.
        legs: usize,
        /// The dimension.
        dimension: usize,
        /// Leg and component of the gradient; `None` for the energy.
        gradient: Option<(usize, usize)>,
    },
    /// A configuration.
    State(Quantity),
    /// A configuration and a direction.
    Path {
        /// The order of the derivative along it.
        order: usize,
        /// Of what.
        quantity: Quantity,
    },
}

impl Display for Place {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distance { distance, order } => {
                let name = ["phi", "dphi/ds", "d2phi/ds2", "d3phi/ds3", "d4phi/ds4"]
                    .get(*order)
                    .unwrap_or(&"a derivative");
                write!(formatter, "{name} at the distance {distance}, s = r^2")
            }
            Self::Prefix {
                distance,
                order,
                asked,
            } => write!(
                formatter,
                "derivative {order} in s = r^2 at the distance {distance}, with {asked} asked for"
            ),
            Self::Edges {
                squared_edges: [ij, ik, jk],
                species: [centre, first, second],
                entry,
            } => write!(
                formatter,
                "{entry} at the squared edges ij = {ij}, ik = {ik}, jk = {jk}, species {} between {} and {}",
                centre.0, first.0, second.0
            ),
            Self::Legs {
                legs,
                dimension,
                gradient,
            } => {
                match gradient {
                    None => write!(formatter, "energy")?,
                    Some((leg, component)) => {
                        write!(formatter, "component {component} at leg {leg}")?;
                    }
                }
                write!(
                    formatter,
                    ", a centre with {legs} legs in {dimension} dimensions"
                )
            }
            Self::State(quantity) => quantity.fmt(formatter),
            Self::Path { order, quantity } => {
                write!(formatter, "{quantity}, order {order} along a path")
            }
        }
    }
}

/// How a potential breaks a law.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Violation {
    /// Two numbers that should be one.
    #[error(
        "broken law: {law}\n  where: {place}\n  found {found:e} instead of {expected:e}: off by {difference:.3e}, allowed {limit:.3e}\n  usually: {cause}",
        difference = (found - expected).abs(), cause = law.usual_cause()
    )]
    Disagreement {
        /// The law.
        law: Law,
        /// Where.
        place: Place,
        /// The number under test.
        found: f64,
        /// What it should be.
        expected: f64,
        /// How far they may be apart.
        limit: f64,
    },
    /// Differences that do not converge.
    #[error(
        "broken law: {}\n  where: {place}\n  uncertain by {uncertainty:.3e} at the best step, allowed {limit:.3e}\n  usually: {}",
        Law::Smoothness, Law::Smoothness.usual_cause()
    )]
    Unsettled {
        /// The derivative.
        place: Place,
        /// What the best step leaves open.
        uncertainty: f64,
        /// What it may leave open.
        limit: f64,
    },
    /// The potential does not accept a configuration, or gives what is not finite.
    #[error("broken law: {}\n  {error}\n  usually: {}", Law::Finite, Law::Finite.usual_cause())]
    Evaluation {
        /// Why.
        error: DirectionError,
    },
    /// No terms at all: nothing was tested.
    #[error("broken law: {}\n  usually: {}", Law::Interaction, Law::Interaction.usual_cause())]
    NoInteraction,
    /// A contract that cannot be tested.
    #[error("broken law: {}\n  {reason}", Law::Contract)]
    Contract {
        /// What is wrong with it.
        reason: String,
    },
}

impl Violation {
    /// The law that is broken.
    pub fn law(&self) -> Law {
        match self {
            Self::Disagreement { law, .. } => *law,
            Self::Unsettled { .. } => Law::Smoothness,
            Self::Evaluation { .. } => Law::Finite,
            Self::NoInteraction => Law::Interaction,
            Self::Contract { .. } => Law::Contract,
        }
    }

    /// Whether differences leave too much open.
    pub(crate) fn unless_settled(place: Place, uncertainty: f64, limit: f64) -> Result<(), Self> {
        if uncertainty <= limit {
            return Ok(());
        }
        Err(Self::Unsettled {
            place,
            uncertainty,
            limit,
        })
    }

    /// Compares two numbers; what is not finite is never near.
    pub(crate) fn unless_near(
        law: Law,
        place: Place,
        [found, expected]: [f64; 2],
        limit: f64,
    ) -> Result<(), Self> {
        if (found - expected).abs() <= limit {
            return Ok(());
        }
        let law = if found.is_finite() { law } else { Law::Finite };
        Err(Self::Disagreement {
            law,
            place,
            found,
            expected,
            limit,
        })
    }
}
