//! Diameters that are distributed continuously, and the distances of contact between them.

// Equality is meant where it is asserted: the same bits.
#![allow(clippy::float_cmp)]

use proptest::prelude::*;
use vitreous_md_core::Radial;
use vitreous_potentials::{InversePower, NonAdditive, Smoothed, polydispersity::diameters};

proptest! {
    #[test]
    fn unlike_diameters_are_closer_than_additive(
        [a, b] in prop::array::uniform2(0.5..2.0_f64),
        nonadditivity in 0.0..0.4_f64,
    ) {
        let rule = NonAdditive { nonadditivity };
        prop_assert_eq!(rule.diameter(a, b), rule.diameter(b, a));
        prop_assert_eq!(rule.diameter(a, a), a);
        let expected = 0.5 * (a + b) - nonadditivity * (a * a - b * b).abs() / 2.0;
        // Some five roundings of numbers below 3.
        prop_assert!((rule.diameter(a, b) - expected).abs() < 2e-15);
    }

    /// Every diameter is at its quantile: the share of smaller ones is, by the integral of `sigma^-3`,
    /// `(smallest^-2 - sigma^-2)/(smallest^-2 - largest^-2)`.
    #[test]
    fn diameters_are_quantiles(
        particles in 1..200_usize,
        smallest in 0.2..1.0_f64,
        ratio in 1.1..4.0_f64,
    ) {
        let largest = ratio * smallest;
        let sigma = diameters(particles, smallest, largest).unwrap();
        prop_assert_eq!(sigma.len(), particles);
        for (i, sigma) in sigma.into_iter().enumerate() {
            prop_assert!(smallest < sigma && sigma < largest);
            let below = smallest.powi(-2) - sigma.powi(-2);
            let share = below / (smallest.powi(-2) - largest.powi(-2));
            // Some ten roundings, over the width 1 - 1.1^-2 = 0.17.
            prop_assert!((share - (i as f64 + 0.5) / particles as f64).abs() < 1e-14);
        }
    }
}

/// `<sigma> = 2 s l/(s + l)` and `<sigma^2> = 2 s^2 l^2/(l^2 - s^2) ln(l/s)` for `sigma^-3` between `s` and `l`.
#[test]
fn moments_are_those_of_the_power_law() {
    let (s, l) = (0.73_f64, 1.63_f64);
    let sigma = diameters(10_000, s, l).unwrap();
    let mean = |power: i32| sigma.iter().map(|d| d.powi(power)).sum::<f64>() / 10_000.0;
    // The midpoint rule: the error is a second derivative, below 10, over 24 N^2.
    assert!((mean(1) - 2.0 * s * l / (s + l)).abs() < 1e-8);
    let second = 2.0 * (s * l).powi(2) / (l * l - s * s) * (l / s).ln();
    assert!((mean(2) - second).abs() < 1e-8);
    // The polydispersity of the paper, 23 %.
    let polydispersity = (mean(2) / mean(1).powi(2) - 1.0).sqrt();
    assert!((polydispersity - 0.23).abs() < 0.005, "{polydispersity}");
}

#[test]
fn impossible_limits_are_refused() {
    assert_eq!(diameters(2, 1.5, 1.5).unwrap(), [1.5, 1.5]);
    assert!(diameters(0, 1.0, 2.0).unwrap().is_empty());
    let refused = |smallest, largest, word: &str| {
        let text = diameters(5, smallest, largest).unwrap_err().to_string();
        assert!(text.contains(word), "{text}");
    };
    for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(value, 2.0, "smallest diameter");
        refused(1.0, value, "largest diameter");
    }
    refused(
        2.0,
        1.9,
        "the largest diameter is 1.9: it must be at least as large as the smallest",
    );
}

/// `v = (sigma/r)^12 + c_0 + c_2 (r/sigma)^2 + c_4 (r/sigma)^4` with the coefficients as they are printed,
/// `c_0 = -28 v_0/x_c^12`, `c_2 = 48 v_0/x_c^14`, `c_4 = -21 v_0/x_c^16`.
#[test]
fn the_soft_spheres_of_swap_studies_are_a_smoothed_inverse_power() {
    let function = Smoothed::<_, 3>::new(InversePower::new(1.0, 1.0, 12), 1.25).unwrap();
    for x in [0.8, 1.0, 1.1, 1.24_f64] {
        let terms = [
            x.powi(-12),
            -28.0 * 1.25_f64.powi(-12),
            48.0 * 1.25_f64.powi(-14) * x.powi(2),
            -21.0 * 1.25_f64.powi(-16) * x.powi(4),
        ];
        let size: f64 = terms.iter().map(|term| term.abs()).sum();
        let expected: f64 = terms.iter().sum();
        // Some twenty roundings.
        assert!((function.energy(x * x) - expected).abs() < 20.0 * f64::EPSILON * size);
    }
}
