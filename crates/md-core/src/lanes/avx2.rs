//! AVX2 and fused products.

use super::{FRONT, Lanes, Quad};
use pulp::x86::V3;
use pulp::{cast, f32x8, f64x4, m32x8, m64x4};

/// [`FRONT`] for the instruction that moves bytes of 32-bit numbers.
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

/// Less than, false for what is not a number.
const LESS: i32 = 0x11;

#[inline(always)]
fn to_front(simd: V3, indices: [u32; 4], set: usize) -> [u32; 4] {
    let moves = MOVES[set & 15];
    cast(simd.ssse3._mm_shuffle_epi8(cast(indices), cast(moves)))
}

impl Lanes<f64, 1> for V3 {
    type Numbers = f64x4;
    type Mask = m64x4;
    #[inline(always)]
    fn numbers(self, groups: [[f64; 4]; 1]) -> f64x4 {
        cast(groups)
    }
    #[inline(always)]
    fn groups(self, numbers: f64x4) -> [[f64; 4]; 1] {
        cast(numbers)
    }
    #[inline(always)]
    fn splat(self, number: f64) -> f64x4 {
        self.splat_f64x4(number)
    }
    #[inline(always)]
    fn repeat(self, numbers: f64x4, lane: usize) -> f64x4 {
        let numbers: [f64; 4] = cast(numbers);
        self.splat_f64x4(numbers[lane])
    }
    #[inline(always)]
    fn differences(self, [to]: [Quad; 1], [from]: [Quad; 1]) -> f64x4 {
        self.sub_f64x4(cast(to.0), cast(from.0))
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
    fn divide(self, a: f64x4, b: f64x4) -> f64x4 {
        self.div_f64x4(a, b)
    }
    #[inline(always)]
    fn square_root(self, a: f64x4) -> f64x4 {
        cast(self.avx._mm256_sqrt_pd(cast(a)))
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
        cast(self.avx._mm256_cmp_pd::<LESS>(cast(numbers), cast(limits)))
    }
    #[inline(always)]
    fn keep(self, mask: m64x4, numbers: f64x4) -> f64x4 {
        cast(self.avx._mm256_and_pd(cast(mask), cast(numbers)))
    }
    #[inline(always)]
    fn choose(self, mask: m64x4, numbers: f64x4, others: f64x4) -> f64x4 {
        let (mask, numbers, others) = (cast(mask), cast(numbers), cast(others));
        cast(self.avx._mm256_blendv_pd(others, numbers, mask))
    }
    #[inline(always)]
    fn squared_lengths(self, vectors: [f64x4; 4]) -> f64x4 {
        let [a, b, c, d] = vectors.map(cast);
        let avx = self.avx;
        // The components 0 and 2, and 1, of two vectors side by side.
        let (even, odd) = (avx._mm256_unpacklo_pd(a, b), avx._mm256_unpackhi_pd(a, b));
        let (even_too, odd_too) = (avx._mm256_unpacklo_pd(c, d), avx._mm256_unpackhi_pd(c, d));
        let x = cast(avx._mm256_permute2f128_pd::<0x20>(even, even_too));
        let y = cast(avx._mm256_permute2f128_pd::<0x20>(odd, odd_too));
        let z = cast(avx._mm256_permute2f128_pd::<0x31>(even, even_too));
        self.mul_add_f64x4(z, z, self.mul_add_f64x4(y, y, self.mul_f64x4(x, x)))
    }
    #[inline(always)]
    fn set_below(self, numbers: f64x4, limits: f64x4) -> usize {
        let below = <Self as Lanes<f64, 1>>::below(self, numbers, limits);
        self.avx._mm256_movemask_pd(cast(below)) as usize & 15
    }
    #[inline(always)]
    fn to_front(self, indices: [u32; 4], set: usize) -> [u32; 4] {
        to_front(self, indices, set)
    }
}

impl Lanes<f32, 2> for V3 {
    type Numbers = f32x8;
    type Mask = m32x8;
    #[inline(always)]
    fn numbers(self, groups: [[f32; 4]; 2]) -> f32x8 {
        cast(groups)
    }
    #[inline(always)]
    fn groups(self, numbers: f32x8) -> [[f32; 4]; 2] {
        cast(numbers)
    }
    #[inline(always)]
    fn splat(self, number: f32) -> f32x8 {
        self.splat_f32x8(number)
    }
    #[inline(always)]
    fn repeat(self, numbers: f32x8, lane: usize) -> f32x8 {
        let numbers = cast(numbers);
        cast(match lane {
            0 => self.avx._mm256_permute_ps::<0x00>(numbers),
            1 => self.avx._mm256_permute_ps::<0x55>(numbers),
            2 => self.avx._mm256_permute_ps::<0xaa>(numbers),
            _ => self.avx._mm256_permute_ps::<0xff>(numbers),
        })
    }
    #[inline(always)]
    fn differences(self, to: [Quad; 2], from: [Quad; 2]) -> f32x8 {
        let halves: [_; 2] = std::array::from_fn(|group| {
            let difference = self.sub_f64x4(cast(to[group].0), cast(from[group].0));
            self.avx._mm256_cvtpd_ps(cast(difference))
        });
        let lower = self.avx._mm256_castps128_ps256(halves[0]);
        cast(self.avx._mm256_insertf128_ps::<1>(lower, halves[1]))
    }
    #[inline(always)]
    fn add(self, a: f32x8, b: f32x8) -> f32x8 {
        self.add_f32x8(a, b)
    }
    #[inline(always)]
    fn subtract(self, a: f32x8, b: f32x8) -> f32x8 {
        self.sub_f32x8(a, b)
    }
    #[inline(always)]
    fn divide(self, a: f32x8, b: f32x8) -> f32x8 {
        self.div_f32x8(a, b)
    }
    #[inline(always)]
    fn square_root(self, a: f32x8) -> f32x8 {
        cast(self.avx._mm256_sqrt_ps(cast(a)))
    }
    #[inline(always)]
    fn multiply(self, a: f32x8, b: f32x8) -> f32x8 {
        self.mul_f32x8(a, b)
    }
    #[inline(always)]
    fn multiply_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        self.mul_add_f32x8(a, b, c)
    }
    #[inline(always)]
    fn less_product(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        cast(self.fma._mm256_fnmadd_ps(cast(a), cast(b), cast(c)))
    }
    #[inline(always)]
    fn below(self, numbers: f32x8, limits: f32x8) -> m32x8 {
        cast(self.avx._mm256_cmp_ps::<LESS>(cast(numbers), cast(limits)))
    }
    #[inline(always)]
    fn keep(self, mask: m32x8, numbers: f32x8) -> f32x8 {
        cast(self.avx._mm256_and_ps(cast(mask), cast(numbers)))
    }
    #[inline(always)]
    fn choose(self, mask: m32x8, numbers: f32x8, others: f32x8) -> f32x8 {
        let (mask, numbers, others) = (cast(mask), cast(numbers), cast(others));
        cast(self.avx._mm256_blendv_ps(others, numbers, mask))
    }
    #[inline(always)]
    fn squared_lengths(self, vectors: [f32x8; 4]) -> f32x8 {
        let [a, b, c, d] = vectors.map(cast);
        let avx = self.avx;
        // x and y, then z, of two vectors side by side.
        let (xy, z) = (avx._mm256_unpacklo_ps(a, b), avx._mm256_unpackhi_ps(a, b));
        let (xy_too, z_too) = (avx._mm256_unpacklo_ps(c, d), avx._mm256_unpackhi_ps(c, d));
        let x = cast(avx._mm256_shuffle_ps::<0x44>(xy, xy_too));
        let y = cast(avx._mm256_shuffle_ps::<0xee>(xy, xy_too));
        let z = cast(avx._mm256_shuffle_ps::<0x44>(z, z_too));
        self.mul_add_f32x8(z, z, self.mul_add_f32x8(y, y, self.mul_f32x8(x, x)))
    }
    #[inline(always)]
    fn set_below(self, numbers: f32x8, limits: f32x8) -> usize {
        let below = <Self as Lanes<f32, 2>>::below(self, numbers, limits);
        self.avx._mm256_movemask_ps(cast(below)) as usize & 255
    }
    #[inline(always)]
    fn to_front(self, indices: [u32; 4], set: usize) -> [u32; 4] {
        to_front(self, indices, set)
    }
}
