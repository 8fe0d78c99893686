//! Four numbers at a time: the few operations of the pair loops that compilers do not vectorise by themselves.
//!
//! [`dispatch`] compiles a task for the instruction sets it knows and runs the best that the machine has. No
//! operation fuses a product and a sum, and sums are the same four partial sums everywhere: the bits do not
//! depend on the instruction set.

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
    fn below(self, numbers: Self::Four, limits: Self::Four) -> Self::Mask;
    /// The numbers where the mask is set, zero elsewhere.
    fn keep(self, mask: Self::Mask, numbers: Self::Four) -> Self::Four;
    /// The numbers where the mask is set, others elsewhere.
    fn choose(self, mask: Self::Mask, numbers: Self::Four, others: Self::Four) -> Self::Four;
    /// The squared lengths of four vectors of three components, `(x x + y y) + z z`.
    fn squared_lengths(self, vectors: [Self::Four; 4]) -> Self::Four;
    /// Brings to the front the numbers that are below their limits, with their indices; what follows them may be
    /// anything. Returns how many they are.
    fn select_below(
        self,
        numbers: Self::Four,
        limits: Self::Four,
        indices: [u32; 4],
    ) -> ([f64; 4], [u32; 4], usize);
}

/// For each set of lanes, given by bits: the lanes in the set, and then lane 0 again.
const FRONT: [[u8; 4]; 16] = {
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
        vectors.map(|[x, y, z, _]| (x * x + y * y) + z * z)
    }
    #[inline(always)]
    fn select_below(
        self,
        numbers: [f64; 4],
        limits: [f64; 4],
        indices: [u32; 4],
    ) -> ([f64; 4], [u32; 4], usize) {
        let mut set = 0;
        for lane in 0..4 {
            set |= usize::from(numbers[lane] < limits[lane]) << lane;
        }
        let front = FRONT[set & 15];
        (
            front.map(|lane| numbers[usize::from(lane)]),
            front.map(|lane| indices[usize::from(lane)]),
            set.count_ones() as usize,
        )
    }
}

/// [`FRONT`] for the instructions that move 32-bit halves of the lanes, and bytes of 32-bit numbers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Moves {
    halves: [u32; 8],
    bytes: [u8; 16],
}

#[cfg(target_arch = "x86_64")]
static MOVES: [Moves; 16] = {
    let none = Moves {
        halves: [0; 8],
        bytes: [0; 16],
    };
    let mut table = [none; 16];
    let mut set = 0;
    while set < 16 {
        let mut byte = 0;
        while byte < 16 {
            let lane = FRONT[set][byte / 4];
            table[set].bytes[byte] = 4 * lane + (byte % 4) as u8;
            table[set].halves[byte / 2] = 2 * FRONT[set][byte / 4] as u32 + (byte / 2 % 2) as u32;
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
        let square = |component| self.mul_f64x4(component, component);
        self.add_f64x4(self.add_f64x4(square(x), square(y)), square(z))
    }
    #[inline(always)]
    fn select_below(
        self,
        numbers: f64x4,
        limits: f64x4,
        indices: [u32; 4],
    ) -> ([f64; 4], [u32; 4], usize) {
        let below = self.below(numbers, limits);
        let set = self.avx._mm256_movemask_pd(cast(below)) as usize & 15;
        let moves = &MOVES[set];
        let numbers = self
            .avx2
            ._mm256_permutevar8x32_epi32(cast(numbers), cast(moves.halves));
        let indices = self
            .ssse3
            ._mm_shuffle_epi8(cast(indices), cast(moves.bytes));
        (cast(numbers), cast(indices), set.count_ones() as usize)
    }
}
