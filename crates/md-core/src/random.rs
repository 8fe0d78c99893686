//! Random streams that depend on a seed, a purpose and indices, and on nothing else.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// The seed of a whole study.
///
/// Independent streams are derived from it by purpose and index, so that the random numbers of one piece
/// of work do not depend on which others ran, in what order or on which thread.
///
/// ```
/// use rand::RngExt;
/// use vitreous_md_core::Seed;
/// let draw = |index| Seed(7).stream("velocities", &[index]).random::<u64>();
/// assert_eq!(draw(3), draw(3));
/// assert_ne!(draw(3), draw(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// The generator (xoshiro256++) for one purpose and one set of indices.
    pub fn stream(self, purpose: &str, indices: &[u64]) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.derive(purpose, indices).0)
    }

    /// A seed for one purpose and one set of indices.
    ///
    /// FNV-1a over the bytes, finished with the mixing of `SplitMix64` (Steele, Lea & Flood 2014).
    pub fn derive(self, purpose: &str, indices: &[u64]) -> Self {
        let numbers = std::iter::once(self.0).chain(indices.iter().copied());
        let bytes = purpose
            .bytes()
            .chain(std::iter::once(0xff))
            .chain(numbers.flat_map(u64::to_le_bytes));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(mixed ^ (mixed >> 31))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let draw =
            |seed, purpose, indices: &[u64]| Seed(seed).stream(purpose, indices).random::<u64>();
        let draws = [
            draw(1, "a", &[]),
            draw(2, "a", &[]),
            draw(1, "b", &[]),
            draw(1, "a", &[0]),
            draw(1, "a", &[0, 0]),
            draw(1, "a", &[1]),
        ];
        for (first, a) in draws.iter().enumerate() {
            for b in &draws[first + 1..] {
                assert_ne!(a, b);
            }
        }
    }

    /// The derivation is part of what a seed means: a change would silently change every published run.
    #[test]
    fn the_derivation_is_frozen() {
        assert_eq!(
            Seed(7).derive("velocities", &[1, 2]).0,
            0x16d7_25c9_ff5b_af03
        );
    }
}
