//! Plain Rust, for any machine.

use super::{Batch, FRONT, Lanes, Quad};

#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// `f` of the numbers in each lane.
#[inline(always)]
fn lane_by_lane<T, const GROUPS: usize>(f: impl Fn(usize, usize) -> T) -> [[T; 4]; GROUPS] {
    std::array::from_fn(|group| std::array::from_fn(|lane| f(group, lane)))
}

impl<R: Batch<GROUPS>, const GROUPS: usize> Lanes<R, GROUPS> for Portable {
    type Numbers = [[R; 4]; GROUPS];
    type Mask = [[bool; 4]; GROUPS];
    #[inline(always)]
    fn numbers(self, groups: [[R; 4]; GROUPS]) -> Self::Numbers {
        groups
    }
    #[inline(always)]
    fn groups(self, numbers: Self::Numbers) -> [[R; 4]; GROUPS] {
        numbers
    }
    #[inline(always)]
    fn splat(self, number: R) -> Self::Numbers {
        [[number; 4]; GROUPS]
    }
    #[inline(always)]
    fn repeat(self, numbers: Self::Numbers, lane: usize) -> Self::Numbers {
        numbers.map(|group| [group[lane]; 4])
    }
    #[inline(always)]
    fn differences(self, to: [Quad; GROUPS], from: [Quad; GROUPS]) -> Self::Numbers {
        lane_by_lane(|group, lane| R::of(to[group].0[lane] - from[group].0[lane]))
    }
    #[inline(always)]
    fn add(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        lane_by_lane(|group, lane| a[group][lane] + b[group][lane])
    }
    #[inline(always)]
    fn subtract(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        lane_by_lane(|group, lane| a[group][lane] - b[group][lane])
    }
    #[inline(always)]
    fn divide(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        lane_by_lane(|group, lane| a[group][lane] / b[group][lane])
    }
    #[inline(always)]
    fn square_root(self, a: Self::Numbers) -> Self::Numbers {
        lane_by_lane(|group, lane| a[group][lane].sqrt())
    }
    #[inline(always)]
    fn multiply(self, a: Self::Numbers, b: Self::Numbers) -> Self::Numbers {
        lane_by_lane(|group, lane| a[group][lane] * b[group][lane])
    }
    #[inline(always)]
    fn multiply_add(self, a: Self::Numbers, b: Self::Numbers, c: Self::Numbers) -> Self::Numbers {
        lane_by_lane(|group, lane| a[group][lane].mul_add(b[group][lane], c[group][lane]))
    }
    #[inline(always)]
    fn less_product(self, a: Self::Numbers, b: Self::Numbers, c: Self::Numbers) -> Self::Numbers {
        lane_by_lane(|group, lane| (-a[group][lane]).mul_add(b[group][lane], c[group][lane]))
    }
    #[inline(always)]
    fn below(self, numbers: Self::Numbers, limits: Self::Numbers) -> Self::Mask {
        lane_by_lane(|group, lane| numbers[group][lane] < limits[group][lane])
    }
    #[inline(always)]
    fn keep(self, mask: Self::Mask, numbers: Self::Numbers) -> Self::Numbers {
        self.choose(mask, numbers, [[R::zero(); 4]; GROUPS])
    }
    #[inline(always)]
    fn choose(
        self,
        mask: Self::Mask,
        numbers: Self::Numbers,
        others: Self::Numbers,
    ) -> Self::Numbers {
        lane_by_lane(|group, lane| {
            if mask[group][lane] {
                numbers[group][lane]
            } else {
                others[group][lane]
            }
        })
    }
    #[inline(always)]
    fn squared_lengths(self, vectors: [Self::Numbers; 4]) -> Self::Numbers {
        lane_by_lane(|group, lane| {
            let [x, y, z, _] = vectors[lane][group];
            z.mul_add(z, y.mul_add(y, x * x))
        })
    }
    #[inline(always)]
    fn set_below(self, numbers: Self::Numbers, limits: Self::Numbers) -> usize {
        let below: Self::Mask = <Self as Lanes<R, GROUPS>>::below(self, numbers, limits);
        let lanes = below.as_flattened().iter().enumerate();
        lanes.fold(0, |set, (lane, &below)| set | usize::from(below) << lane)
    }
    #[inline(always)]
    fn to_front(self, indices: [u32; 4], set: usize) -> [u32; 4] {
        FRONT[set & 15].map(|lane| indices[lane as usize])
    }
}
