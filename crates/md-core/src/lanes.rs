//! Four numbers at a time: the few operations of the pair loops that compilers do not vectorise by themselves.
//!
//! [`dispatch`] compiles a task for the instruction sets it knows and runs the best that the machine has. Products
//! and sums are fused where that is written and nowhere else, and sums are the same four partial sums everywhere: the
//! bits do not depend on the instruction set. (A processor that cannot fuse computes the same bits slowly.)

#[cfg(target_arch = "x86_64")]
use pulp::{NullaryFnOnce, cast, f64x4, m64x4, x86::V3};

/// A vector of up to three components, and one number more: one aligned load.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(32))]
pub(crate) struct Quad(pub(crate) [f64; 4]);

/// Work that is compiled for several instruction sets.
pub(crate) trait Task {
    type Output;
    /// Must be inlined, with everything it calls.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Runs a task with the best instructions of this machine.
pub(crate) fn dispatch<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = V3::try_new() {
        return simd.vectorize(OnV3 { simd, task });
    }
    task.run(Portable)
}

#[cfg(target_arch = "x86_64")]
struct OnV3<T> {
    simd: V3,
    task: T,
}

#[cfg(target_arch = "x86_64")]
impl<T: Task> NullaryFnOnce for OnV3<T> {
    type Output = T::Output;
    #[inline(always)]
    fn call(self) -> T::Output {
        self.task.run(self.simd)
    }
}

/// Operations on four numbers.
pub(crate) trait Lanes: Copy {
    type Four: Copy;
    type Mask: Copy;
    fn four(self, numbers: [f64; 4]) -> Self::Four;
    fn array(self, four: Self::Four) -> [f64; 4];
    fn splat(self, number: f64) -> Self::Four;
    fn add(self, a: Self::Four, b: Self::Four) -> Self::Four;
    fn subtract(self, a: Self::Four, b: Self::Four) -> Self::Four;
    fn multiply(self, a: Self::Four, b: Self::Four) -> Self::Four;
    /// `a b + c`, rounded once.
    fn multiply_add(self, a: Self::Four, b: Self::Four, c: Self::Four) -> Self::Four;
    /// `c - a b`, rounded once.
    fn less_product(self, a: Self::Four, b: Self::Four, c: Self::Four) -> Self::Four;
    fn below(self, numbers: Self::Four, limits: Self::Four) -> Self::Mask;
    /// The numbers where the mask is set, zero elsewhere.
    fn keep(self, mask: Self::Mask, numbers: Self::Four) -> Self::Four;
    /// The numbers where the mask is set, others elsewhere.
    fn choose(self, mask: Self::Mask, numbers: Self::Four, others: Self::Four) -> Self::Four;
    /// The squared lengths of four vectors of three components: `x x`, with `y y` and `z z` added one after the other,
    /// each rounded once.
    fn squared_lengths(self, vectors: [Self::Four; 4]) -> Self::Four;
    /// The set of lanes, given by bits, in which numbers are below their limits.
    fn set_below(self, numbers: Self::Four, limits: Self::Four) -> usize;
    /// Brings the indices of a set of lanes to the front; what follows them may be anything.
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

/// Plain Rust, for any machine.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Lanes for Portable {
    type Four = [f64; 4];
    type Mask = [bool; 4];
    #[inline(always)]
    fn four(self, numbers: [f64; 4]) -> [f64; 4] {
        numbers
    }
    #[inline(always)]
    fn array(self, four: [f64; 4]) -> [f64; 4] {
        four
    }
    #[inline(always)]
    fn splat(self, number: f64) -> [f64; 4] {
        [number; 4]
    }
    #[inline(always)]
    fn add(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }
    #[inline(always)]
    fn subtract(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|lane| a[lane] - b[lane])
    }
    #[inline(always)]
    fn multiply(self, a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|lane| a[lane] * b[lane])
    }
    #[inline(always)]
    fn multiply_add(self, a: [f64; 4], b: [f64; 4], c: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }
    #[inline(always)]
    fn less_product(self, a: [f64; 4], b: [f64; 4], c: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|lane| (-a[lane]).mul_add(b[lane], c[lane]))
    }
    #[inline(always)]
    fn below(self, numbers: [f64; 4], limits: [f64; 4]) -> [bool; 4] {
        std::array::from_fn(|lane| numbers[lane] < limits[lane])
    }
    #[inline(always)]
    fn keep(self, mask: [bool; 4], numbers: [f64; 4]) -> [f64; 4] {
        self.choose(mask, numbers, [0.0; 4])
    }
    #[inline(always)]
    fn choose(self, mask: [bool; 4], numbers: [f64; 4], others: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|lane| {
            if mask[lane] {
                numbers[lane]
            } else {
                others[lane]
            }
        })
    }
    #[inline(always)]
    fn squared_lengths(self, vectors: [[f64; 4]; 4]) -> [f64; 4] {
        vectors.map(|[x, y, z, _]| z.mul_add(z, y.mul_add(y, x * x)))
    }
    #[inline(always)]
    fn set_below(self, numbers: [f64; 4], limits: [f64; 4]) -> usize {
        let below = |lane: usize| usize::from(numbers[lane] < limits[lane]) << lane;
        below(0) | below(1) | below(2) | below(3)
    }
    #[inline(always)]
    fn to_front(self, indices: [u32; 4], set: usize) -> [u32; 4] {
        FRONT[set & 15].map(|lane| indices[lane as usize])
    }
}

/// [`FRONT`] for the instruction that moves bytes of 32-bit numbers.
#[cfg(target_arch = "x86_64")]
static MOVES: [[u8; 16]; 16] = {
    let mut table = [[0; 16]; 16];
    let mut set = 0;
    while set < 16 {
        let mut byte = 0;
        while byte < 16 {
            table[set][byte] = (4 * FRONT[set][byte / 4] as usize + byte % 4) as u8;
            byte += 1;
        }
        set += 1;
    }
    table
};

/// AVX2.
#[cfg(target_arch = "x86_64")]
impl Lanes for V3 {
    type Four = f64x4;
    type Mask = m64x4;
    #[inline(always)]
    fn four(self, numbers: [f64; 4]) -> f64x4 {
        cast(numbers)
    }
    #[inline(always)]
    fn array(self, four: f64x4) -> [f64; 4] {
        cast(four)
    }
    #[inline(always)]
    fn splat(self, number: f64) -> f64x4 {
        self.splat_f64x4(number)
    }
    #[inline(always)]
    fn add(self, a: f64x4, b: f64x4) -> f64x4 {
        self.add_f64x4(a, b)
    }
    #[inline(always)]
    fn subtract(self, a: f64x4, b: f64x4) -> f64x4 {
        self.sub_f64x4(a, b)
    }
    #[inline(always)]
    fn multiply(self, a: f64x4, b: f64x4) -> f64x4 {
        self.mul_f64x4(a, b)
    }
    #[inline(always)]
    fn multiply_add(self, a: f64x4, b: f64x4, c: f64x4) -> f64x4 {
        self.mul_add_f64x4(a, b, c)
    }
    #[inline(always)]
    fn less_product(self, a: f64x4, b: f64x4, c: f64x4) -> f64x4 {
        cast(self.fma._mm256_fnmadd_pd(cast(a), cast(b), cast(c)))
    }
    #[inline(always)]
    fn below(self, numbers: f64x4, limits: f64x4) -> m64x4 {
        // 0x11: less than, false for what is not a number.
        cast(self.avx._mm256_cmp_pd::<0x11>(cast(numbers), cast(limits)))
    }
    #[inline(always)]
    fn keep(self, mask: m64x4, numbers: f64x4) -> f64x4 {
        cast(self.avx._mm256_and_pd(cast(mask), cast(numbers)))
    }
    #[inline(always)]
    fn choose(self, mask: m64x4, numbers: f64x4, others: f64x4) -> f64x4 {
        cast(
            self.avx
                ._mm256_blendv_pd(cast(others), cast(numbers), cast(mask)),
        )
    }
    #[inline(always)]
    fn squared_lengths(self, vectors: [f64x4; 4]) -> f64x4 {
        let [a, b, c, d] = vectors.map(cast);
        // The components 0 and 2, and 1, of two vectors side by side.
        let (even, odd) = (
            self.avx._mm256_unpacklo_pd(a, b),
            self.avx._mm256_unpackhi_pd(a, b),
        );
        let (even_too, odd_too) = (
            self.avx._mm256_unpacklo_pd(c, d),
            self.avx._mm256_unpackhi_pd(c, d),
        );
        let x = cast(self.avx._mm256_permute2f128_pd::<0x20>(even, even_too));
        let y = cast(self.avx._mm256_permute2f128_pd::<0x20>(odd, odd_too));
        let z = cast(self.avx._mm256_permute2f128_pd::<0x31>(even, even_too));
        self.mul_add_f64x4(z, z, self.mul_add_f64x4(y, y, self.mul_f64x4(x, x)))
    }
    #[inline(always)]
    fn set_below(self, numbers: f64x4, limits: f64x4) -> usize {
        let below = self.below(numbers, limits);
        self.avx._mm256_movemask_pd(cast(below)) as usize & 15
    }
    #[inline(always)]
    fn to_front(self, indices: [u32; 4], set: usize) -> [u32; 4] {
        let moves = MOVES[set & 15];
        cast(self.ssse3._mm_shuffle_epi8(cast(indices), cast(moves)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every operation on some numbers.
    #[derive(Clone, Copy)]
    struct Everything {
        numbers: [[f64; 4]; 4],
        indices: [u32; 4],
    }

    impl Task for Everything {
        type Output = (Vec<[f64; 4]>, usize, Vec<u32>);
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) -> Self::Output {
            let [a, b, c, d] = self.numbers.map(|numbers| lanes.four(numbers));
            let mask = lanes.below(a, b);
            let results = [
                lanes.splat(self.numbers[0][0]),
                lanes.add(a, b),
                lanes.subtract(a, b),
                lanes.multiply(a, b),
                lanes.multiply_add(a, b, c),
                lanes.less_product(a, b, c),
                lanes.keep(mask, c),
                lanes.choose(mask, c, d),
                lanes.squared_lengths([a, b, c, d]),
            ];
            let set = lanes.set_below(a, b);
            let front = lanes.to_front(self.indices, set);
            (
                results.map(|result| lanes.array(result)).to_vec(),
                set,
                front[..set.count_ones() as usize].to_vec(),
            )
        }
    }

    proptest! {
        /// The instructions of this machine give the bits of plain Rust.
        #[test]
        fn bits_do_not_depend_on_the_instruction_set(
            numbers in proptest::array::uniform4(proptest::array::uniform4(-1e3..1e3_f64)),
            indices in any::<[u32; 4]>(),
            equal in 0..4_usize,
            unknown in any::<bool>(),
        ) {
            let mut task = Everything { numbers, indices };
            task.numbers[1][equal] = task.numbers[0][equal];
            let (found, wanted) = (dispatch(task), task.run(Portable));
            prop_assert_eq!(found, wanted);
            if unknown {
                // What is not a number is not below anything.
                task.numbers[0][equal] = f64::NAN;
                prop_assert_eq!(dispatch(task).1 >> equal & 1, 0);
                prop_assert_eq!(task.run(Portable).1 >> equal & 1, 0);
            }
        }
    }
}
