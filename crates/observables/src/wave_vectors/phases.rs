//! `e^(i q . r)` for many wave vectors as products of powers of a few phases, eight particles at a time.

use pulp::{Arch, Simd, WithSimd};
use std::collections::BTreeSet;

/// Particles that are treated side by side, for the sake of vector instructions.
pub(crate) const LANES: usize = 8;
pub(crate) type Lanes = [f64; LANES];

/// A complex number for each of some particles. Zero stands where there is no particle: since no wave vector is zero,
/// all products with it vanish.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Phases {
    pub(crate) cos: Lanes,
    pub(crate) sin: Lanes,
}

impl Phases {
    const ONE: Self = Self {
        cos: [1.0; LANES],
        sin: [0.0; LANES],
    };

    /// `a b`. Here and below, what is fused is written out: the bits do not depend on the instruction set.
    #[inline(always)]
    fn times(&self, other: &Self) -> Self {
        let mut product = Self::default();
        for lane in 0..LANES {
            let (a, b) = (self.cos[lane], self.sin[lane]);
            let (c, d) = (other.cos[lane], other.sin[lane]);
            product.cos[lane] = a.mul_add(c, -(b * d));
            product.sin[lane] = a.mul_add(d, b * c);
        }
        product
    }

    /// `a b*`.
    #[inline(always)]
    fn times_conjugate(&self, other: &Self) -> Self {
        let mut product = Self::default();
        for lane in 0..LANES {
            let (a, b) = (self.cos[lane], self.sin[lane]);
            let (c, d) = (other.cos[lane], other.sin[lane]);
            product.cos[lane] = a.mul_add(c, b * d);
            product.sin[lane] = b.mul_add(c, -(a * d));
        }
        product
    }

    #[inline(always)]
    fn conjugate(&self) -> Self {
        Self {
            cos: self.cos,
            sin: self.sin.map(|sin| -sin),
        }
    }
}

/// How an entry of the table of powers follows from the generators or from earlier entries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Entry {
    One,
    Generator(usize),
    Product(usize, usize),
    Conjugate(usize),
}

/// How the phases of the wave vectors follow from those of `D` generators, of which powers and products are taken.
///
/// The generators are the basis phases `e^(i b_k . r)` or, of at most `D` wave vectors, these themselves. A power `n` is
/// the product of the powers `n/2` and `n - n/2`, so that few wave vectors need few powers, and rounding errors do not
/// add up along a chain.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PhaseProducts<const D: usize> {
    /// The integers of the generators; zeros where none is needed.
    generators: [[i32; D]; D],
    entries: Vec<Entry>,
    /// The entries whose product is `e^(i q . r)`, for each wave vector.
    factors: Vec<[usize; D]>,
}

impl<const D: usize> PhaseProducts<D> {
    pub(crate) fn new(integers: &[[i32; D]]) -> Self {
        let mut entries = vec![Entry::One];
        let mut factors = vec![[0; D]; integers.len()];
        let mut generators = [[0; D]; D];
        if integers.len() <= D {
            for (index, (factors, n)) in factors.iter_mut().zip(integers).enumerate() {
                generators[index] = *n;
                factors[0] = entries.len();
                entries.push(Entry::Generator(index));
            }
            return Self {
                generators,
                entries,
                factors,
            };
        }
        for k in 0..D {
            generators[k][k] = 1;
            let mut needed: BTreeSet<u32> = integers.iter().map(|n| n[k].unsigned_abs()).collect();
            let mut rest = needed.clone();
            while let Some(power) = rest.pop_last().filter(|&power| power > 1) {
                for half in [power / 2, power - power / 2] {
                    needed.insert(half);
                    rest.insert(half);
                }
            }
            needed.remove(&0);
            let powers: Vec<u32> = needed.into_iter().collect();
            let first = entries.len();
            // Half a power is never zero here, and was entered before: the list is sorted.
            let place = |power: u32| first + powers.partition_point(|&other| other < power);
            for &power in &powers {
                entries.push(if power == 1 {
                    Entry::Generator(k)
                } else {
                    Entry::Product(place(power / 2), place(power - power / 2))
                });
            }
            let negative: BTreeSet<u32> = integers
                .iter()
                .filter(|n| n[k] < 0)
                .map(|n| n[k].unsigned_abs())
                .collect();
            let negative: Vec<u32> = negative.into_iter().collect();
            let first_negative = entries.len();
            for &power in &negative {
                entries.push(Entry::Conjugate(place(power)));
            }
            for (factors, n) in factors.iter_mut().zip(integers) {
                let power = n[k].unsigned_abs();
                factors[k] = match n[k].signum() {
                    0 => 0,
                    1 => place(power),
                    _ => first_negative + negative.partition_point(|&other| other < power),
                };
            }
        }
        Self {
            generators,
            entries,
            factors,
        }
    }

    /// The integers of the wave vectors whose phases the others are made of.
    pub(crate) fn generators(&self) -> &[[i32; D]; D] {
        &self.generators
    }

    #[inline(always)]
    fn fill(&self, table: &mut [Phases], generators: &[Phases; D]) {
        for (index, entry) in self.entries.iter().enumerate() {
            table[index] = match *entry {
                Entry::One => Phases::ONE,
                Entry::Generator(k) => generators[k],
                Entry::Product(a, b) => table[a].times(&table[b]),
                Entry::Conjugate(a) => table[a].conjugate(),
            };
        }
    }

    /// Adds up `Re e^(i q . r)` over the wave vectors, for each lane.
    #[inline(always)]
    fn add_cosines(&self, table: &[Phases], sum: &mut Lanes) {
        let mut own = [0.0; LANES];
        for factors in &self.factors {
            let (last, first) = (&table[factors[D - 1]], &table[factors[0]]);
            if D == 1 {
                for lane in 0..LANES {
                    own[lane] += last.cos[lane];
                }
                continue;
            }
            let mut product = *first;
            for &factor in &factors[1..D - 1] {
                product = product.times(&table[factor]);
            }
            for lane in 0..LANES {
                let real = product.sin[lane].mul_add(-last.sin[lane], own[lane]);
                own[lane] = product.cos[lane].mul_add(last.cos[lane], real);
            }
        }
        for lane in 0..LANES {
            sum[lane] += own[lane];
        }
    }

    /// `sum_q sum_i cos(q . (r_i - r'_i))` from the generators at the positions `r` and `r'`: no
    /// transcendental function of the displacement is needed.
    pub(crate) fn sum_between(&self, origin: &[[Phases; D]], now: &[[Phases; D]]) -> f64 {
        total(&Arch::new().dispatch(SumOfCosines {
            products: self,
            origin,
            now,
        }))
    }

    /// `sum_q sum_i cos(q . r_i)` from the generators.
    pub(crate) fn sum(&self, phases: &[[Phases; D]]) -> f64 {
        self.sum_between(&vec![[Phases::ONE; D]; phases.len()], phases)
    }

    /// `sum_i e^(i q . r_i)` of each wave vector, as `[real, imaginary]`.
    pub(crate) fn densities(&self, phases: &[[Phases; D]]) -> Vec<[f64; 2]> {
        let sums = Arch::new().dispatch(Densities {
            products: self,
            phases,
        });
        sums.iter()
            .map(|sum| [total(&sum.cos), total(&sum.sin)])
            .collect()
    }
}

/// The task of [`PhaseProducts::sum_between`], for each lane. (A closure of this size would not be inlined into the code for
/// the best instruction set.)
struct SumOfCosines<'a, const D: usize> {
    products: &'a PhaseProducts<D>,
    origin: &'a [[Phases; D]],
    now: &'a [[Phases; D]],
}

impl<const D: usize> WithSimd for SumOfCosines<'_, D> {
    type Output = Lanes;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Lanes {
        let mut table = vec![Phases::default(); self.products.entries.len()];
        let mut sum = [0.0; LANES];
        for (origin, now) in self.origin.iter().zip(self.now) {
            let mut relative = [Phases::default(); D];
            for k in 0..D {
                relative[k] = now[k].times_conjugate(&origin[k]);
            }
            self.products.fill(&mut table, &relative);
            self.products.add_cosines(&table, &mut sum);
        }
        sum
    }
}

/// The task of [`PhaseProducts::densities`].
struct Densities<'a, const D: usize> {
    products: &'a PhaseProducts<D>,
    phases: &'a [[Phases; D]],
}

impl<const D: usize> WithSimd for Densities<'_, D> {
    type Output = Vec<Phases>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<Phases> {
        let products = self.products;
        let mut table = vec![Phases::default(); products.entries.len()];
        let mut sums = vec![Phases::default(); products.factors.len()];
        for generators in self.phases {
            products.fill(&mut table, generators);
            for (sum, factors) in sums.iter_mut().zip(&products.factors) {
                let mut product = table[factors[0]];
                for &factor in &factors[1..] {
                    product = product.times(&table[factor]);
                }
                for lane in 0..LANES {
                    sum.cos[lane] += product.cos[lane];
                    sum.sin[lane] += product.sin[lane];
                }
            }
        }
        sums
    }
}

/// The sum over the lanes, always in the same order.
#[inline(always)]
pub(crate) fn total(lanes: &Lanes) -> f64 {
    lanes.iter().sum()
}
