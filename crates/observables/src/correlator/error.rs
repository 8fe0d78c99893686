use crate::structure::StructureError;

/// What an accumulator of time correlations refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CorrelatorError {
    /// The interval between origins, or between samples, is zero.
    #[error("the interval between origins is zero steps: give at least one step")]
    ZeroInterval,
    /// A particle belongs to a species that is not described.
    #[error(
        "particle {particle} has species {species}, but only {given} species are described: number them from 0"
    )]
    UnknownSpecies {
        /// The index of the particle.
        particle: usize,
        /// Its species.
        species: u8,
        /// The number of species that are described, by wave vectors for instance.
        given: usize,
    },
    /// No particle belongs to a species.
    #[error("species {species} has no particles: number the species from 0 without gaps")]
    EmptySpecies {
        /// The species.
        species: usize,
    },
    /// A parameter is out of its range.
    #[error("{name} is {value}: it must be {range}")]
    Parameter {
        /// What it is called.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is accepted.
        range: &'static str,
    },
    /// The ranges within which particles are neighbours are not a symmetric table over the species.
    #[error(
        "the cut-offs of species {first} and {second} are missing, not positive, not finite or not the same in both \
         orders: give a symmetric table of {kinds} x {kinds} lengths"
    )]
    Cutoffs {
        /// One species.
        first: usize,
        /// The other.
        second: usize,
        /// The number of species.
        kinds: usize,
    },
    /// The lattice vectors are not finite, or do not span a volume.
    #[error("the lattice vectors span a volume of {volume}: it must be finite and not zero")]
    SingularCell {
        /// The determinant of the lattice vectors.
        volume: f64,
    },
    /// Neighbours could not be found.
    #[error("neighbours at step {step}: {error}")]
    Neighbours {
        /// The step of the frame.
        step: u64,
        /// Why.
        error: StructureError,
    },
    /// A list of neighbours names a particle that does not exist.
    #[error("particle {particle} has neighbour {neighbour}, but there are {particles} particles")]
    UnknownNeighbour {
        /// The particle with the list.
        particle: usize,
        /// The neighbour.
        neighbour: u32,
        /// The number of particles.
        particles: usize,
    },
    /// A frame came at a step that is not the one asked for.
    #[error("a frame of step {given} was pushed, but next_step() asks for step {expected}")]
    UnexpectedStep {
        /// The step that `next_step` returns.
        expected: u64,
        /// The step that was pushed.
        given: u64,
    },
    /// A frame does not come after the one before it.
    #[error(
        "a frame of step {given} follows one of step {last}: sort the frames, and leave out those that come twice"
    )]
    NotLater {
        /// The step of the frame before.
        last: u64,
        /// The step that was pushed.
        given: u64,
    },
    /// A frame lacks what is measured.
    #[error("the frame of step {step} has no {quantity}: add it with Frame::with_{quantity}")]
    Missing {
        /// The step of the frame.
        step: u64,
        /// What is missing.
        quantity: &'static str,
    },
    /// A frame has the wrong number of particles.
    #[error("the frame of step {step} has {given} particles instead of {expected}")]
    ParticleCount {
        /// The step of the frame.
        step: u64,
        /// The number of particles at construction.
        expected: usize,
        /// The number of particles in the frame.
        given: usize,
    },
    /// A coordinate is infinite or not a number.
    #[error(
        "at step {step} the {quantity} of particle {particle} is not finite: the run has blown up"
    )]
    NotFinite {
        /// The step of the frame.
        step: u64,
        /// The index of the particle.
        particle: usize,
        /// Which vector of the particle.
        quantity: &'static str,
    },
    /// A component of the stress is infinite or not a number.
    #[error("at step {step} the stress is not finite: the run has blown up")]
    StressNotFinite {
        /// The step of the frame.
        step: u64,
    },
    /// Two accumulators that measure different things cannot be merged.
    #[error("the accumulators differ in their {difference}: merge runs of one and the same set-up")]
    Incompatible {
        /// What differs.
        difference: &'static str,
    },
    /// A stored accumulator is inconsistent.
    #[error("the stored accumulator is damaged, {reason}: accumulate the run again")]
    Damaged {
        /// What is wrong with it.
        reason: &'static str,
    },
}
