//! The numbers that are printed for the models, and how the models end at their cut-offs.

// Equality is meant where it is asserted: the same bits.
#![allow(clippy::float_cmp)]

use vitreous_md_core::{Cell, Configuration, Radial, Species, Taylor};
use vitreous_potentials::{
    Catalogue, ForceShifted, InversePower, InversePowerMixture, LennardJones, LennardJonesMixture,
    PotentialShifted, Smoothed, Truncated,
};

const A: Species = Species(0);
const B: Species = Species(1);

/// `[phi, phi', phi'', phi''', phi'''']` in `r`, from the derivatives `F_k` in `s = r^2`:
///
/// ```text
/// phi' = 2r F_1,  phi'' = 2 F_1 + 4r^2 F_2,  phi''' = 12r F_2 + 8r^3 F_3,
/// phi'''' = 12 F_2 + 48r^2 F_3 + 16r^4 F_4
/// ```
fn in_distance(function: &impl Radial, r: f64) -> [f64; 5] {
    let [value, first, second, third, fourth] = function.derivatives::<5>(r * r);
    let s = r * r;
    [
        value,
        2.0 * r * first,
        2.0 * first + 4.0 * s * second,
        12.0 * r * second + 8.0 * r * s * third,
        12.0 * second + 48.0 * s * third + 16.0 * s * s * fourth,
    ]
}

fn close(value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{value} instead of {expected}, further than {tolerance:e}"
    );
}

/// The printed coefficients `c_0 .. c_6`, read off the function that is evaluated: `phi - x^-10` is a
/// polynomial of third degree in `s = x^2`, whose four derivatives at any one `s` are its coefficients.
#[test]
fn the_inverse_power_model_has_the_printed_coefficients() {
    let table = InversePowerMixture::default().potential().unwrap();
    let small = table.between(B, B).unwrap();
    let s = 2.0_f64;
    let bare = InversePower::new(1.0, 1.0, 10).derivatives::<4>(s);
    let whole = small.derivatives::<4>(s);
    let [p0, p1, p2, p3] = [0, 1, 2, 3].map(|k| whole[k] - bare[k]);
    let coefficients = [
        p0 - s * p1 + s * s / 2.0 * p2 - s * s * s / 6.0 * p3,
        p1 - s * p2 + s * s / 2.0 * p3,
        (p2 - s * p3) / 2.0,
        p3 / 6.0,
    ];
    let printed = [
        -1.1106337662511795,
        1.2676152372297063,
        -0.49604060728492109,
        0.066051182641573221,
    ];
    for (coefficient, printed) in coefficients.into_iter().zip(printed) {
        // The terms are at most 1.3 and about twenty are rounded: 20 x 1.3 x 1.1e-16 = 3e-15.
        close(coefficient, printed, 1e-14);
    }
}

#[test]
fn the_inverse_power_model_has_the_printed_values_at_one() {
    let table = InversePowerMixture::default().potential().unwrap();
    // The pair of small particles has lambda = 1; for the others r = lambda is the same x = 1.
    for (first, second, length) in [(B, B, 1.0), (A, B, 1.18), (A, A, 1.4)] {
        let values = in_distance(table.between(first, second).unwrap(), length);
        // The terms of phi, phi', phi'' are at most 1.3, 10, 110; about twenty are rounded.
        close(values[0], 0.726992046335178968, 3e-15);
        close(length * values[1], -9.05262485883083, 3e-14);
        close(length * length * values[2], 108.564278666288, 5e-13);
    }
}

/// `r` and `phi` at the minimum, by Newton's method on `phi'`.
fn minimum(function: &impl Radial, start: f64) -> [f64; 2] {
    let mut r = start;
    for _ in 0..50 {
        let [_, slope, curvature, ..] = in_distance(function, r);
        r -= slope / curvature;
    }
    [r, function.energy(r * r)]
}

#[test]
fn the_modified_lennard_jones_model_has_the_printed_minima() {
    let table = LennardJonesMixture::modified().force_shifted().unwrap();
    // As printed: half a unit of the last digit.
    for (first, second, distance, depth, digit) in [
        (A, A, 1.148139, -0.2560942007, 0.5e-10),
        (A, B, 0.898519, -1.39495982, 0.5e-8),
        (B, B, 0.996688, -0.2696268671, 0.5e-10),
    ] {
        let [r, energy] = minimum(table.between(first, second).unwrap(), distance);
        close(r, distance, 0.5e-6);
        close(energy, depth, digit);
    }
}

/// Kob & Andersen 1995: `eps = 1, 1.5, 0.5`, `sigma = 1, 0.8, 0.88`, cut at `2.5 sigma`, where
/// `4 (2.5^-12 - 2.5^-6) = -0.016316891136` (exactly); the minimum is at `2^(1/6) sigma`.
#[test]
fn the_kob_andersen_model_has_the_parameters_of_1995() {
    let table = LennardJonesMixture::kob_andersen()
        .potential_shifted()
        .unwrap();
    for (first, second, energy, length) in [(A, A, 1.0, 1.0), (A, B, 1.5, 0.8), (B, B, 0.5, 0.88)] {
        let function = table.between(first, second).unwrap();
        // One rounding of the product.
        close(function.range(), 2.5 * length, 4.5e-16);
        let [r, depth] = minimum(function, 1.1 * length);
        // The force is the difference of two terms of 24 eps, and its slope 57 eps: a few roundings.
        close(r, length * 2.0_f64.powf(1.0 / 6.0), 2e-15);
        close(depth, energy * (-1.0 + 0.016316891136), 4e-15);
        close(
            function.energy(length * length),
            energy * 0.016316891136,
            4e-15,
        );
    }
}

/// `a0 = (V/N)^(1/D)` and the settings of the paper's Table I.
#[test]
fn the_usual_mixtures_are_those_of_the_paper() {
    for (name, dimension, spacing, peaks) in [
        ("ipl", 3, 1.068387, [6.35, 6.88]),
        ("ipl", 2, 1.078328, [5.91, 6.23]),
        ("mblj", 3, 0.941036, [7.25, 7.25]),
        ("ka", 3, 0.941036, [7.25, 7.25]),
    ] {
        let mixture = Catalogue::find(name)
            .unwrap()
            .usual_mixture(dimension)
            .unwrap();
        close(
            mixture.density.powf(-1.0 / dimension as f64),
            spacing,
            0.5e-6,
        );
        assert_eq!(mixture.peak_wave_numbers, peaks);
        assert_eq!((mixture.time_step, mixture.coupling_time), (0.005, 0.2));
        assert_eq!((mixture.chain_length, mixture.dimension), (1, dimension));
        let shares = if name == "ipl" {
            [0.5, 0.5]
        } else {
            [0.8, 0.2]
        };
        assert_eq!(mixture.composition, shares);
    }
    let ss = Catalogue::find("ss").unwrap();
    for (density, time_step, peaks) in [
        (0.6, 0.005, [5.47, 6.44]),
        (0.7, 0.003, [5.87, 6.86]),
        (0.95, 0.002, [6.40, 7.35]),
    ] {
        // The nearest, not only the equal.
        for density_nearby in [density - 0.04, density, density + 0.04] {
            let mixture = ss.usual_mixture_near(3, density_nearby).unwrap();
            assert_eq!((mixture.density, mixture.time_step), (density, time_step));
            assert_eq!((mixture.coupling_time, mixture.chain_length), (0.2, 1));
            assert_eq!(mixture.peak_wave_numbers, peaks);
            assert_eq!(mixture.composition, [0.5, 0.5]);
        }
    }
    assert_eq!(ss.usual_mixture(3).unwrap().density, 0.6);
    assert_eq!(ss.usual_mixtures(3).len(), 3);
    assert!(ss.usual_mixtures(2).is_empty());
    let sw = Catalogue::find("sw").unwrap().usual_mixture(3).unwrap();
    assert_eq!(
        (sw.density, sw.time_step, sw.coupling_time),
        (0.52, 0.065, 6.5)
    );
    assert_eq!((sw.chain_length, sw.composition), (3, vec![1.0]));
    #[allow(clippy::approx_constant)] // the position of a peak
    let peak = 6.28;
    assert_eq!(sw.peak_wave_numbers, [peak]);
    for name in ["harmonic", "hertzian"] {
        assert!(Catalogue::find(name).unwrap().usual_mixture(3).is_none());
    }
    let cell = Cell::<3>::cubic(100, 0.82).unwrap();
    let configuration = Configuration::new(cell, vec![[0.0; 3]; 100], vec![A; 100]).unwrap();
    close(configuration.mean_spacing(), 1.068387, 0.5e-6);
    assert!(Catalogue::find("mblj").unwrap().usual_mixture(2).is_none());
}

/// The models at their cut-offs: which derivatives vanish, and how far the first that does not jumps.
#[test]
fn the_models_end_at_their_cutoffs_as_declared() {
    let pairs = [(A, A), (A, B), (B, B)];
    let ipl = InversePowerMixture::default().potential().unwrap();
    for ((first, second), length) in pairs.into_iter().zip([1.4, 1.18, 1.0]) {
        let function = ipl.between(first, second).unwrap();
        let cutoff = function.range();
        close(cutoff, 1.48 * length, 4.5e-16);
        let values = in_distance(function, cutoff);
        let bare = in_distance(&InversePower::new(1.0, length, 10), cutoff);
        for k in 0..4 {
            // Each is a difference of equals: a few roundings of the bare value. The square of the
            // cut-off enters with one rounding, amplified by the logarithmic derivative, below 14.
            close(values[k], 0.0, 30.0 * f64::EPSILON * bare[k].abs());
        }
        // phi'''' = 16 r^4 d4/ds4 s^-5 = 16 x 5 x 6 x 7 x 8 x^-14, all other terms vanish.
        let jump = 26880.0 * 1.48_f64.powi(-14) / length.powi(4);
        close(values[4], jump, 1e-13 * jump);
    }
    let mblj = LennardJonesMixture::modified().force_shifted().unwrap();
    let ka = LennardJonesMixture::kob_andersen()
        .potential_shifted()
        .unwrap();
    let parameters = [(1.0, 1.0), (1.5, 0.8), (0.5, 0.88)];
    for (((first, second), (energy, length)), cutoff) in
        pairs.into_iter().zip(parameters).zip([1.5, 2.0, 1.5])
    {
        // u' and u'' of u = 4 eps [(s/r)^12 - (s/r)^6], written out.
        let slope = |r: f64| {
            let sixth = (length / r).powi(6);
            4.0 * energy * (6.0 * sixth - 12.0 * sixth * sixth) / r
        };
        let curvature = |r: f64| {
            let sixth = (length / r).powi(6);
            4.0 * energy * (156.0 * sixth * sixth - 42.0 * sixth) / (r * r)
        };
        // Terms of at most 4 eps x 156, about ten roundings.
        let tolerance = 10.0 * 4.0 * energy * 156.0 * f64::EPSILON;
        let function = mblj.between(first, second).unwrap();
        assert_eq!(function.range(), cutoff);
        let values = in_distance(function, cutoff);
        close(values[0], 0.0, tolerance);
        close(values[1], 0.0, tolerance);
        close(values[2], curvature(cutoff), tolerance);
        assert!(values[2].abs() > 0.01, "phi'' jumps");

        let function = ka.between(first, second).unwrap();
        let values = in_distance(function, function.range());
        close(values[0], 0.0, tolerance);
        close(values[1], slope(function.range()), tolerance);
        assert!(values[1].abs() > 0.01, "phi' jumps");
    }
}

/// The order of contact seen from energies alone: near the cut-off `phi = C (r_c - r)^n (1 + O(r_c - r))`.
#[test]
fn decorators_meet_zero_with_their_order() {
    fn order(function: &impl Radial) -> f64 {
        let cutoff = function.range();
        let energy = |below: f64| function.energy((cutoff - below) * (cutoff - below));
        (energy(0.02) / energy(0.01)).abs().log2()
    }
    let power = InversePower::new(1.3, 0.9, 7);
    let lennard_jones = LennardJones::new(0.7, 1.1);
    // The correction to the order is log2((1 + 0.02 c)/(1 + 0.01 c)), about 0.015 c with c the ratio of two
    // successive Taylor coefficients, below 10 for these functions at r_c = 1.7.
    let check = |order: f64, expected: f64| close(order, expected, 0.15);
    check(order(&Truncated::new(power, 1.7).unwrap()), 0.0);
    check(order(&PotentialShifted::new(power, 1.7).unwrap()), 1.0);
    check(order(&ForceShifted::new(power, 1.7).unwrap()), 2.0);
    check(order(&ForceShifted::new(lennard_jones, 1.7).unwrap()), 2.0);
    check(order(&Smoothed::<_, 2>::new(power, 1.7).unwrap()), 2.0);
    check(order(&Smoothed::<_, 3>::new(power, 1.7).unwrap()), 3.0);
    check(order(&Smoothed::<_, 4>::new(power, 1.7).unwrap()), 4.0);
    check(order(&Smoothed::<_, 5>::new(power, 1.7).unwrap()), 5.0);
}

/// Cut-offs that are none are refused, whatever the decorator.
#[test]
fn impossible_cutoffs_are_refused() {
    let power = InversePower::new(1.0, 1.0, 12);
    for cutoff in [0.0, -1.5, f64::NAN, f64::INFINITY] {
        assert!(Truncated::new(power, cutoff).is_err(), "{cutoff}");
        assert!(ForceShifted::new(power, cutoff).is_err(), "{cutoff}");
        let error = Smoothed::<_, 3>::new(power, cutoff).unwrap_err();
        assert!(error.to_string().contains(&cutoff.to_string()), "{error}");
    }
    // A function that overflows at its cut-off.
    assert!(ForceShifted::new(power, 1e-30).is_err());
}

/// A function without a decorator knows its Taylor series too: the sum of two terms, evaluated by hand.
#[test]
fn lennard_jones_is_the_difference_of_two_powers() {
    let (energy, length, r) = (0.7, 1.3, 1.57);
    let function = LennardJones::new(energy, length);
    let sixth = (length / r).powi(6);
    let expected = 4.0 * energy * (sixth * sixth - sixth);
    close(function.energy(r * r), expected, 1e-15);
    let series = function.energy(Taylor::<3>::variable(r * r)).derivatives();
    let slope = 4.0 * energy * (3.0 * sixth - 6.0 * sixth * sixth) / (r * r);
    close(series[1], slope, 1e-15);
}
