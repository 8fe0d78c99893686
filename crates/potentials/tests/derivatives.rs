//! Derivatives of every function and decorator at random parameters and distances: against num-dual on
//! formulas that are written out here, against Taylor arithmetic, and against finite differences.

// Equality is meant where it is asserted: the same bits.
#![allow(clippy::float_cmp)]

use num_dual::{Dual3, Dual64, DualNum, third_derivative};
use proptest::prelude::*;
use vitreous_md_core::{Radial, Scalar, SpeciesTable, Taylor};
use vitreous_potentials::{
    Ended, ForceShifted, InversePower, InversePowerMixture, LennardJones, LennardJonesMixture,
    PairTable, PotentialShifted, Shift, Smoothed, SoftSphere, StickySphere, Truncated,
};

/// Numbers that carry four derivatives.
type Number = Dual3<Dual64>;

/// The terms of a function of `s = r^2`, to be added up. Kept apart, because where they cancel, rounding
/// is relative to the terms and not to the sum.
type Terms = Vec<Number>;

/// `energy (length/r)^exponent`.
fn power(s: Number, energy: f64, length: f64, exponent: u32) -> Number {
    (s.sqrt() / length).powi(-i32::try_from(exponent).unwrap()) * energy
}

/// `prod_(k=0)^q (beta + 2k) = (beta + 2q)!!/(beta - 2)!!`.
fn rising(beta: f64, q: u32) -> f64 {
    (0..=q).map(|k| beta + 2.0 * f64::from(k)).product()
}

fn double_factorial(n: u32) -> f64 {
    (1..=n).rev().step_by(2).map(f64::from).product()
}

/// `c_2l = (-1)^(l+1) / ((2q-2l)!! (2l)!!) (beta+2q)!!/((beta-2)!! (beta+2l)) x_c^-(beta+2l)`, the closed
/// formula for the smoothing of an inverse power.
fn smoothing_coefficients(beta: u32, q: u32, reduced_cutoff: f64) -> Vec<f64> {
    let exponent = f64::from(beta);
    (0..=q)
        .map(|l| {
            let order = exponent + 2.0 * f64::from(l);
            let sign = if l % 2 == 0 { -1.0 } else { 1.0 };
            sign * rising(exponent, q) * reduced_cutoff.powf(-order)
                / (double_factorial(2 * q - 2 * l) * double_factorial(2 * l) * order)
        })
        .collect()
}

/// `energy [x^-beta + sum_l c_2l x^2l]` in the form of the literature, with `x = r/length`.
fn smoothed_terms(s: Number, [energy, length, cutoff]: [f64; 3], exponent: u32, q: u32) -> Terms {
    let mut terms = vec![power(s, energy, length, exponent)];
    for (l, c) in smoothing_coefficients(exponent, q, cutoff / length)
        .into_iter()
        .enumerate()
    {
        let square = s / (length * length);
        terms.push(square.powi(i32::try_from(l).unwrap()) * (energy * c));
    }
    terms
}

/// The four terms of `u(r) - u(r_c) - (r - r_c) u'(r_c)` for an inverse power `u`.
fn force_shifted_terms(s: Number, [energy, length, cutoff]: [f64; 3], exponent: u32) -> Terms {
    let beta = f64::from(exponent);
    let value = energy * (length / cutoff).powf(beta);
    let slope = -beta * value / cutoff;
    vec![
        power(s, energy, length, exponent),
        Number::from(-value),
        s.sqrt() * -slope,
        Number::from(cutoff * slope),
    ]
}

fn lennard_jones(s: Number, energy: f64, length: f64) -> Terms {
    vec![
        power(s, 4.0 * energy, length, 12),
        power(s, -4.0 * energy, length, 6),
    ]
}

/// Derivatives 0 to 4 of a sum of terms, each with the sum of the magnitudes of its terms.
fn expected(terms: impl Fn(Number) -> Terms, s: f64) -> [(f64, f64); 5] {
    let count = terms(Number::from(s)).len();
    let mut sums = [(0.0, 0.0); 5];
    for index in 0..count {
        let (value, first, second, third) =
            third_derivative(|x| terms(x)[index], Dual64::from_re(s).derivative());
        let all = [value.re, first.re, second.re, third.re, third.eps];
        for (sum, part) in sums.iter_mut().zip(all) {
            sum.0 += part;
            sum.1 += part.abs();
        }
    }
    sums
}

/// All derivatives against num-dual and against Taylor arithmetic, to 1e-12 of the largest term.
///
/// Both sides round some fifty times, in quantities that enter with powers of up to 30: some 1e-13. The
/// expansion around the cut-off has terms that are larger than those of the form of the literature by no
/// more than the binomials of its degree, 10.
fn check(
    function: &impl Radial,
    terms: impl Fn(Number) -> Terms,
    s: f64,
) -> Result<(), TestCaseError> {
    compare(function, expected(terms, s), s)
}

fn compare(function: &impl Radial, expected: [(f64, f64); 5], s: f64) -> Result<(), TestCaseError> {
    let analytic = function.derivatives::<5>(s);
    let taylor = function.energy(Taylor::<5>::variable(s)).derivatives();
    let value = function.energy(s);
    for k in 0..5 {
        let (wanted, size) = expected[k];
        let tolerance = 1e-12 * size;
        prop_assert!(
            (analytic[k] - wanted).abs() <= tolerance,
            "derivative {k} at s = {s}: {} by us, {wanted} by num-dual, terms of {size}",
            analytic[k]
        );
        prop_assert!(
            (taylor[k] - analytic[k]).abs() <= tolerance,
            "derivative {k} at s = {s}: {} analytic, {} by Taylor arithmetic",
            analytic[k],
            taylor[k]
        );
    }
    prop_assert!((value - analytic[0]).abs() <= 1e-12 * expected[0].1);
    // Asking for fewer derivatives gives the same ones.
    prop_assert_eq!(function.derivatives::<1>(s)[0], analytic[0]);
    prop_assert_eq!(&function.derivatives::<2>(s)[..], &analytic[..2]);
    prop_assert_eq!(&function.derivatives::<3>(s)[..], &analytic[..3]);
    prop_assert_eq!(&function.derivatives::<4>(s)[..], &analytic[..4]);
    Ok(())
}

/// First and second derivatives against central differences of the order below.
///
/// ```text
/// |f'(s) - [f(s+h) - f(s-h)]/2h|  <=  h^2/6 max |f'''|  +  8 u max |f| / h,   u = 1.1e-16
/// ```
///
/// for values that carry up to eight roundings of their terms. The terms are inverse powers and polynomials
/// around a cut-off beyond `s`, whose derivatives all fall in magnitude with `s`: `s - h` bounds them.
fn check_differences(
    function: &impl Radial,
    bare: &impl Radial,
    s: f64,
) -> Result<(), TestCaseError> {
    let h = 1e-4 * s;
    let [below, here, above] = [s - h, s, s + h].map(|s| function.derivatives::<5>(s));
    let plain = bare.derivatives::<5>(s - h);
    let size = |k: usize| plain[k].abs() + (plain[k] - below[k]).abs();
    for k in 1..3 {
        let difference = (above[k - 1] - below[k - 1]) / (2.0 * h);
        let bound = h * h / 6.0 * size(k + 2) + 8.0 * 1.1e-16 * 10.0 * size(k - 1) / h;
        prop_assert!(
            (difference - here[k]).abs() <= bound,
            "derivative {k} at s = {s}: {} but {difference} by differences, further than {bound:e}",
            here[k]
        );
    }
    Ok(())
}

/// Parameters that are never special: `[energy, length, cut-off]` and a distance below the cut-off.
fn parameters() -> impl Strategy<Value = ([f64; 3], f64)> {
    (0.1..5.0_f64, 0.5..2.0_f64, 1.1..2.6_f64, 0.4..0.999_f64).prop_map(
        |(energy, length, reduced_cutoff, fraction)| {
            let cutoff = reduced_cutoff * length;
            ([energy, length, cutoff], (fraction * cutoff).powi(2))
        },
    )
}

fn smoothed<const CONDITIONS: usize>(
    parameters: [f64; 3],
    exponent: u32,
    s: f64,
) -> Result<(), TestCaseError> {
    let [energy, length, cutoff] = parameters;
    let bare = InversePower::new(energy, length, exponent);
    let function = Smoothed::<_, CONDITIONS>::new(bare, cutoff).unwrap();
    let q = u32::try_from(CONDITIONS - 1).unwrap();
    check(&function, |s| smoothed_terms(s, parameters, exponent, q), s)?;
    check_differences(&function, &bare, s)
}

proptest! {
    /// Even and odd exponents.
    #[test]
    fn inverse_powers((parameters, s) in parameters(), exponent in 1..31_u32) {
        let [energy, length, cutoff] = parameters;
        let bare = InversePower::new(energy, length, exponent);
        check(&bare, |s| vec![power(s, energy, length, exponent)], s)?;
        check_differences(&bare, &bare, s)?;
        let truncated = Truncated::new(bare, cutoff).unwrap();
        check(&truncated, |s| vec![power(s, energy, length, exponent)], s)?;
        let shifted = ForceShifted::new(bare, cutoff).unwrap();
        check(&shifted, |s| force_shifted_terms(s, parameters, exponent), s)?;
        check_differences(&shifted, &bare, s)?;
    }

    /// The closed formula for the smoothing in powers of `x` is the Taylor polynomial around the cut-off, for
    /// even and odd exponents and `q` from 0 to 6.
    #[test]
    fn smoothing_is_that_of_the_closed_formula((parameters, s) in parameters(), exponent in 1..31_u32) {
        smoothed::<1>(parameters, exponent, s)?;
        smoothed::<2>(parameters, exponent, s)?;
        smoothed::<3>(parameters, exponent, s)?;
        smoothed::<4>(parameters, exponent, s)?;
        smoothed::<5>(parameters, exponent, s)?;
        smoothed::<6>(parameters, exponent, s)?;
        smoothed::<7>(parameters, exponent, s)?;
    }

    /// Overlaps from complete to a thousandth.
    #[test]
    fn soft_spheres(energy in 0.1..5.0_f64, length in 0.5..2.0_f64, fraction in 0.01..0.999_f64) {
        let s = (fraction * length).powi(2);
        let overlap = |s: Number| -(s.sqrt() / length) + 1.0;
        let start = overlap(s.into()).re.re;
        for (function, exponent) in [
            (SoftSphere::harmonic(energy, length), 2.0),
            (SoftSphere::hertzian(energy, length), 2.5),
        ] {
            let formula = |s: Number| vec![overlap(s).powf(exponent) * (energy / exponent)];
            // The magnitudes of what is added up: the terms of (1 - z)^-alpha are positive and larger than
            // those of the power, with z the relative change of the overlap, all terms of its root positive.
            let size = |beyond: Number| {
                let below = -beyond + 2.0 * s;
                let change = (-below.sqrt() + s.sqrt()) / (length * start);
                vec![(-change + 1.0).powf(-exponent) * (start.powf(exponent) * energy / exponent)]
            };
            let (values, sizes) = (expected(formula, s), expected(size, s));
            compare(&function, std::array::from_fn(|k| (values[k].0, sizes[k].0)), s)?;
            prop_assert_eq!(function.range(), length);
        }
    }

    /// Cores and attractions of sticky spheres, with the coefficients that the function reports; these, and
    /// the digits that the terms lose, are the subject of `sticky_sphere.rs`.
    #[test]
    fn sticky_spheres((parameters, s) in parameters()) {
        let [energy, length, cutoff] = parameters;
        let cutoff = cutoff.max(1.13 * length);
        let function = StickySphere::new(energy, length, cutoff).unwrap();
        let minimum = 2.0_f64.cbrt() * length * length;
        if s < minimum {
            check(&function, |s| lennard_jones(s, energy, length), s)?;
        } else {
            let [a, b, c0, c2, c4, c6] = function.coefficients();
            let terms = |s: Number| -> Terms {
                let square = s / (length * length);
                [(a, -6), (-b, -3), (c0, 0), (c2, 1), (c4, 2), (c6, 3)]
                    .map(|(coefficient, power)| square.powi(power) * (energy * coefficient))
                    .to_vec()
            };
            check(&function, terms, s)?;
        }
    }

    /// The models themselves with every parameter at random, for every pair of species.
    #[test]
    fn mixtures(
        energies in prop::array::uniform3(0.1..3.0_f64),
        lengths in prop::array::uniform3(0.6..1.6_f64),
        reduced in prop::array::uniform3(1.2..2.6_f64),
        exponent in 4..15_u32,
        fraction in 0.45..0.999_f64,
    ) {
        let table = |values: [f64; 3]| PairTable::new(values[0], values[1], values[2]);
        let cutoffs: [f64; 3] = std::array::from_fn(|pair| reduced[pair] * lengths[pair]);
        let given = table(cutoffs);
        let lennard_jones_mixture = LennardJonesMixture {
            energies: table(energies),
            lengths: table(lengths),
            cutoffs: PairTable::new(Some(given.aa), Some(given.ab), Some(given.bb)),
            ..LennardJonesMixture::kob_andersen()
        };
        let inverse_power_mixture = InversePowerMixture {
            energy: energies[0],
            exponent,
            lengths: table(lengths),
            cutoffs: lennard_jones_mixture.cutoffs,
            ..InversePowerMixture::default()
        };
        let ipl = inverse_power_mixture.potential().unwrap();
        let shifted = lennard_jones_mixture.potential_shifted().unwrap();
        let force_shifted = lennard_jones_mixture.force_shifted().unwrap();
        for (pair, (first, second)) in [(0, 0), (0, 1), (1, 1)].into_iter().enumerate() {
            let [first, second] = [first, second].map(vitreous_md_core::Species);
            let (energy, length, cutoff) = (energies[pair], lengths[pair], cutoffs[pair]);
            let s = (fraction * cutoff).powi(2);
            let all = [energies[0], length, cutoff];
            check(ipl.between(first, second).unwrap(), |s| smoothed_terms(s, all, exponent, 3), s)?;
            let at_cutoff = |s: Number| -> Terms {
                lennard_jones(Number::from(cutoff * cutoff), -energy, length)
                    .into_iter().chain(lennard_jones(s, energy, length)).collect()
            };
            check(shifted.between(first, second).unwrap(), at_cutoff, s)?;
            let both = |s: Number| -> Terms {
                let mut terms = force_shifted_terms(s, [4.0 * energy, length, cutoff], 12);
                terms.extend(force_shifted_terms(s, [-4.0 * energy, length, cutoff], 6));
                terms
            };
            check(force_shifted.between(first, second).unwrap(), both, s)?;
        }
    }

    /// A function of a user's own, and decorators put on decorators.
    #[test]
    fn decorators_recombine((parameters, s) in parameters(), screening in 0.3..2.0_f64) {
        let [energy, length, cutoff] = parameters;
        let yukawa = Yukawa { energy, screening };
        let written_out = |s: Number| (s.sqrt() * -screening).exp() / s.sqrt() * energy;
        check(&yukawa, |s| vec![written_out(s)], s)?;
        // Smoothing by one condition is a shift.
        let shifted = PotentialShifted::new(yukawa, cutoff).unwrap();
        let constant = written_out(Number::from(cutoff * cutoff));
        check(&shifted, |s| vec![written_out(s), -constant], s)?;
        // Shifting the force of what was shifted already changes nothing that was not zero.
        let once = ForceShifted::new(LennardJones::new(energy, length), cutoff).unwrap();
        let twice = Smoothed::<_, 2>::new(once, cutoff).unwrap();
        let (first, second) = (once.derivatives::<3>(s), twice.derivatives::<3>(s));
        let bare = LennardJones::new(energy, length).derivatives::<3>(s);
        for k in 0..3 {
            let size = bare[k].abs() + (first[k] - bare[k]).abs() + energy;
            prop_assert!((first[k] - second[k]).abs() <= 1e-12 * size);
        }
        // A smaller cut-off inside a larger one: three derivatives vanish at the smaller.
        let inner = Smoothed::<_, 3>::new(ForceShifted::new(yukawa, 2.0 * cutoff).unwrap(), cutoff).unwrap();
        prop_assert_eq!(inner.range(), cutoff);
        let end = inner.derivatives::<3>(cutoff * cutoff);
        let bare = yukawa.derivatives::<3>(cutoff * cutoff);
        for k in 0..3 {
            // A difference of equals, in which the linear term of the force shift is as large as the function.
            prop_assert!(end[k].abs() <= 1e-14 * (bare[k].abs() + energy));
        }
        prop_assert!(SpeciesTable::uniform(inner).is_ok());
    }
}

/// `phi(r) = energy exp(-screening r)/r`: what a user would write.
#[derive(Clone, Copy, Debug)]
struct Yukawa {
    energy: f64,
    screening: f64,
}

impl Radial for Yukawa {
    fn range(&self) -> f64 {
        f64::INFINITY
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let r = squared_distance.sqrt();
        (r * -self.screening).exp() / r * self.energy
    }
}

/// Soft spheres at contact: the harmonic second derivative jumps by `energy/length^2`, the Hertzian is
/// continuous; and no derivative is less than a number where rounding leaves no overlap.
#[test]
fn soft_spheres_at_contact() {
    let (energy, length) = (1.7, 1.3);
    // Second derivatives in r are 2 F_1 + 4 s F_2.
    let curvature = |function: &SoftSphere, s: f64| {
        let [_, first, second] = function.derivatives::<3>(s);
        2.0 * first + 4.0 * s * second
    };
    let overlap = 1e-10;
    let s = ((1.0 - overlap) * length).powi(2);
    let unit = energy / (length * length);
    let harmonic = curvature(&SoftSphere::harmonic(energy, length), s);
    assert!((harmonic - unit).abs() < 1e-9, "{harmonic}");
    // (3/2) overlap^(1/2), and the overlap carries a rounding of one.
    let hertzian = curvature(&SoftSphere::hertzian(energy, length), s);
    assert!((hertzian / unit - 1.5e-5).abs() < 1e-9, "{hertzian}");
    for function in [
        SoftSphere::harmonic(energy, length),
        SoftSphere::hertzian(energy, length),
    ] {
        let end = length * length;
        for s in [end.next_down().next_down(), end.next_down(), end] {
            assert!(function.derivatives::<3>(s).iter().all(|d| d.is_finite()));
            let series = function.energy(Taylor::<3>::variable(s)).derivatives();
            assert!(series.iter().all(|d| d.is_finite()), "{series:?}");
        }
        assert_eq!(function.derivatives::<5>(end), [0.0; 5]);
        assert_eq!(function.energy(Taylor::<5>::variable(end)).0, [0.0; 5]);
        assert_eq!(function.energy(1.0001 * end), 0.0);
        assert_eq!(function.derivatives::<2>(1.0001 * end), [0.0; 2]);
    }
}

/// A function without an end is no entry of a table.
#[test]
fn a_table_wants_a_finite_range() {
    assert!(SpeciesTable::uniform(InversePower::new(1.0, 1.0, 12)).is_err());
}

/// Plain functions have no end; decorated ones end at their cut-off.
#[test]
fn ranges_are_those_of_the_decorators() {
    let power = InversePower::new(1.0, 1.0, 12);
    let lennard_jones = LennardJones::new(1.0, 1.0);
    assert_eq!([power.range(), lennard_jones.range()], [f64::INFINITY; 2]);
    assert_eq!(Truncated::new(power, 2.5).unwrap().range(), 2.5);
    assert_eq!(ForceShifted::new(power, 2.5).unwrap().range(), 2.5);
    assert_eq!(Smoothed::<_, 3>::new(power, 2.5).unwrap().range(), 2.5);
    for shift in [
        Shift::None,
        Shift::Potential,
        Shift::Force,
        Shift::Smooth(4),
    ] {
        assert_eq!(Ended::new(power, 2.5, shift).unwrap().range(), 2.5);
    }
}
