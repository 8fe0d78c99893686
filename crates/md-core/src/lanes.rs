//! Several numbers at a time: the arithmetic of the pair loops, with whole registers.
//!
//! Loops over pairs take one group of four neighbours at a time in double precision, and two groups in single
//! precision: either fills a register of 256 bits. A [`Task`] is compiled for the instruction sets that
//! [`Batch::dispatch`] knows and run with the best that the machine has. Products and sums are fused where that is
//! written and nowhere else, and sums are the same partial sums everywhere: the bits do not depend on the instruction
//! set. (A processor that cannot fuse computes the same bits slowly.)

#[cfg(target_arch = "x86_64")]
mod avx2;
mod pack;
mod portable;

pub use pack::Pack;
pub(crate) use pack::Packed;
pub(crate) use portable::Portable;

use crate::neighbours::Plain;
use crate::scalar::Real;
#[cfg(target_arch = "x86_64")]
use pulp::{NullaryFnOnce, x86::V3};

/// A vector of up to three components, and one number more: one aligned load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Quad(pub(crate) [f64; 4]);

/// As [`Quad`], in single precision.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(16))]
pub(crate) struct SingleQuad(pub(crate) [f32; 4]);

/// Work that is compiled for several instruction sets, on `GROUPS` groups of four numbers at a time.
pub(crate) trait Task<R: Batch<GROUPS>, const GROUPS: usize> {
    type Output;
    /// Must be inlined, with everything it calls.
    fn run<L: Lanes<R, GROUPS>>(self, lanes: L) -> Self::Output;
}

/// Numbers of which `GROUPS` groups of four fit into a register.
pub(crate) trait Batch<const GROUPS: usize>: Real {
    /// Four of them.
    type Quad: Plain + Default + PartialEq + std::fmt::Debug + Send + Sync + 'static;
    fn of_quad(quad: Self::Quad) -> [Self; 4];
    /// A number so little below a range that functions of what is below it, and of roots and quotients with the range,
    /// are not asked beyond the range.
    fn inside(range: f64) -> Self;
    /// Runs a task with the best instructions of this machine.
    fn dispatch<T: Task<Self, GROUPS>>(task: T) -> T::Output;
}

/// Runs a task in double precision.
pub(crate) fn dispatch<T: Task<f64, 1>>(task: T) -> T::Output {
    f64::dispatch(task)
}

macro_rules! batch {
    ($number:ty, $groups:literal, $quad:ident, $inside:expr) => {
        impl Batch<$groups> for $number {
            type Quad = $quad;
            #[inline(always)]
            fn of_quad(quad: $quad) -> [Self; 4] {
                quad.0
            }
            #[inline(always)]
            fn inside(range: f64) -> Self {
                $inside(range)
            }
            fn dispatch<T: Task<Self, $groups>>(task: T) -> T::Output {
                #[cfg(target_arch = "x86_64")]
                if let Some(simd) = V3::try_new() {
                    struct OnV3<T> {
                        simd: V3,
                        task: T,
                    }
                    impl<T: Task<$number, $groups>> NullaryFnOnce for OnV3<T> {
                        type Output = T::Output;
                        #[inline(always)]
                        fn call(self) -> T::Output {
                            self.task.run(self.simd)
                        }
                    }
                    return simd.vectorize(OnV3 { simd, task });
                }
                task.run(Portable)
            }
        }
    };
}

batch!(f64, 1, Quad, |range| range);
// Some eight roundings.
batch!(f32, 2, SingleQuad, |range| f32::of(range * (1.0 - 1e-6)));

/// Operations on `GROUPS` groups of four numbers.
pub(crate) trait Lanes<R: Batch<GROUPS>, const GROUPS: usize>: Copy {
    type Numbers: Copy;
    type Mask: Copy;
    fn numbers(self, groups: [[R; 4]; GROUPS]) -> Self::Numbers;
    fn groups(self, numbers: Self::Numbers) -> [[R; 4]; GROUPS];
    fn splat(self, number: R) -> Self::Numbers;
    /// One number of each group in all lanes of the group.
    fn repeat(self, numbers: Self::Numbers, lane: usize) -> Self::Numbers;
    /// `to - from` for each group, taken in double precision and then rounded.
    fn differences(self, to: [Quad; GROUPS], from: [Quad; GROUPS]) -> Self::Numbers;
    fn add(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    fn subtract(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    fn multiply(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    fn divide(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers;
    fn square_root(self, a: Self::Numbers) -> Self::Numbers;
    /// `a b + c`, rounded once.
    fn multiply_add(self, a: Self::Numbers, b: Self::Numbers, c: Self::Numbers) -> Self::Numbers;
    /// `c - a b`, rounded once.
    fn less_product(self, a: Self::Numbers, b: Self::Numbers, c: Self::Numbers) -> Self::Numbers;
    fn below(self, numbers: Self::Numbers, limits: Self::Numbers) -> Self::Mask;
    /// The numbers where the mask is set, zero elsewhere.
    fn keep(self, mask: Self::Mask, numbers: Self::Numbers) -> Self::Numbers;
    /// The numbers where the mask is set, others elsewhere.
    fn choose(
        self,
        mask: Self::Mask,
        numbers: Self::Numbers,
        others: Self::Numbers,
    ) -> Self::Numbers;
    /// The squared lengths of four vectors of three components for each group: `x x`, with `y y` and `z z` added one
    /// after the other, each rounded once.
    fn squared_lengths(self, vectors: [Self::Numbers; 4]) -> Self::Numbers;
    /// The set of lanes, given by bits, in which numbers are below their limits.
    fn set_below(self, numbers: Self::Numbers, limits: Self::Numbers) -> usize;
    /// Brings the indices of a set of four lanes to the front; what follows them may be anything.
    fn to_front(self, indices: [u32; 4], set: usize) -> [u32; 4];
}

/// For each set of lanes, given by bits: the lanes in the set, and then lane 0 again.
pub(crate) const FRONT: [[u32; 4]; 16] = {
    let mut table = [[0; 4]; 16];
    let mut set = 0;
    while set < 16 {
        let (mut lane, mut place) = (0, 0);
        while lane < 4 {
            if set >> lane & 1 == 1 {
                table[set][place] = lane;
                place += 1;
            }
            lane += 1;
        }
        set += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every operation on some numbers.
    #[derive(Clone, Copy)]
    struct Everything {
        /// Of which every precision takes as many as it holds.
        numbers: [[[f64; 4]; 2]; 4],
        indices: [u32; 4],
    }

    impl<R: Batch<GROUPS>, const GROUPS: usize> Task<R, GROUPS> for Everything {
        type Output = (Vec<[[R; 4]; GROUPS]>, usize, Vec<u32>);
        #[inline(always)]
        fn run<L: Lanes<R, GROUPS>>(self, lanes: L) -> Self::Output {
            let quads = self
                .numbers
                .map(|numbers| std::array::from_fn(|group| numbers[group]));
            let [a, b, c, d] = quads.map(|groups: [[f64; 4]; GROUPS]| {
                lanes.numbers(groups.map(|group| group.map(R::of)))
            });
            let mask = lanes.below(a, b);
            let results = [
                lanes.splat(R::of(self.numbers[0][0][0])),
                lanes.differences(quads[0].map(Quad), quads[1].map(Quad)),
                lanes.repeat(a, 0),
                lanes.repeat(a, 1),
                lanes.repeat(a, 2),
                lanes.repeat(a, 3),
                lanes.add(a, b),
                lanes.subtract(a, b),
                lanes.multiply(a, b),
                lanes.divide(a, b),
                lanes.square_root(lanes.multiply(a, a)),
                lanes.multiply_add(a, b, c),
                lanes.less_product(a, b, c),
                lanes.keep(mask, c),
                lanes.choose(mask, c, d),
                lanes.squared_lengths([a, b, c, d]),
            ];
            let set = lanes.set_below(a, b);
            let front = lanes.to_front(self.indices, set & 15);
            (
                results.map(|result| lanes.groups(result)).to_vec(),
                set,
                front[..(set & 15).count_ones() as usize].to_vec(),
            )
        }
    }

    fn compare<R: Batch<GROUPS>, const GROUPS: usize>(
        mut task: Everything,
        equal: usize,
        unknown: bool,
    ) -> Result<(), TestCaseError>
    where
        Portable: Lanes<R, GROUPS>,
    {
        for group in 0..2 {
            task.numbers[1][group][equal] = task.numbers[0][group][equal];
        }
        let (found, wanted) = (R::dispatch(task), Task::<R, GROUPS>::run(task, Portable));
        prop_assert_eq!(found, wanted);
        if unknown {
            // What is not a number is not below anything.
            task.numbers[0][0][equal] = f64::NAN;
            prop_assert_eq!(R::dispatch(task).1 >> equal & 1, 0);
            prop_assert_eq!(Task::<R, GROUPS>::run(task, Portable).1 >> equal & 1, 0);
        }
        Ok(())
    }

    proptest! {
        /// The instructions of this machine give the bits of plain Rust.
        #[test]
        fn bits_do_not_depend_on_the_instruction_set(
            numbers in proptest::array::uniform4(proptest::array::uniform2(proptest::array::uniform4(-1e3..1e3_f64))),
            indices in any::<[u32; 4]>(),
            equal in 0..4_usize,
            unknown in any::<bool>(),
        ) {
            let task = Everything { numbers, indices };
            compare::<f64, 1>(task, equal, unknown)?;
            compare::<f32, 2>(task, equal, unknown)?;
        }

        #[test]
        fn what_is_inside_a_range_stays_there(range in 1e-15..1e15_f64) {
            let inside = <f32 as Batch<2>>::inside(range * range);
            prop_assert!(f64::from(inside) < range * range);
            prop_assert!(inside.sqrt() / (range as f32) < 1.0);
            prop_assert!(f64::from(inside) > range * range * (1.0 - 2e-6));
        }
    }
}
