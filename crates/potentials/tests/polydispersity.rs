//! Diameters that are distributed continuously, and the potential between them.

// Equality is meant where it is asserted: the same bits.
#![allow(clippy::float_cmp)]

use proptest::prelude::*;
use rand::RngExt;
use vitreous_md_core::{
    Configuration, ForceField, Radial, Seed, brute_force_pairs, vector::norm_squared,
};
use vitreous_potentials::{
    InversePower, PolydisperseSpheres, Shift, Smoothed, polydispersity::diameters,
};

proptest! {
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
fn impossible_potentials_are_refused() {
    let refused = |change: fn(&mut PolydisperseSpheres), word: &str| {
        let mut model = PolydisperseSpheres::default();
        change(&mut model);
        let text = model.potential().unwrap_err().to_string();
        assert!(text.contains(word), "{text}");
    };
    // 1 - 0.62 x 1.63 < 0: two particles far apart in size would have no diameter.
    refused(|model| model.non_additivity = 0.62, "non-additivity 0.62");
    refused(|model| model.non_additivity = f64::NAN, "non-additivity");
    refused(
        |model| model.largest_diameter = -1.0,
        "largest diameter is -1",
    );
    refused(|model| model.reduced_cutoff = 0.0, "cut-off is 0");
    refused(|model| model.shift = Shift::Smooth(7), "order of smoothing");
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

/// The model against its formula, summed over every pair and image.
#[test]
fn forces_are_those_of_the_formula() {
    let model = PolydisperseSpheres::default();
    let potential = model.potential().unwrap();
    let mut random = Seed(4).stream("diameters", &[]);
    for particles in [3, 60] {
        let mut diameters = model.diameters(particles).unwrap();
        for k in 1..particles {
            diameters.swap(k, random.random_range(0..=k));
        }
        let liquid = Configuration::<3>::random(particles, 1.0, &[1.0], Seed(8))
            .unwrap()
            .with_diameters(diameters.clone())
            .unwrap();
        let found = ForceField::new(&potential).evaluate(&liquid).unwrap();
        let mut forces = vec![[0.0; 3]; particles];
        let (mut energy, mut largest) = (0.0, 0.0_f64);
        let mut pairs = 0;
        for (i, j, r) in brute_force_pairs(&liquid, 1.25 * 1.63) {
            let (a, b) = (diameters[i], diameters[j]);
            let sigma = 0.5 * (a + b) * (1.0 - 0.2 * (a - b).abs());
            let distance = norm_squared(&r).sqrt();
            let x = distance / sigma;
            if x < 1.25 {
                let (c0, c2, c4) = (
                    -28.0 * 1.25_f64.powi(-12),
                    48.0 * 1.25_f64.powi(-14),
                    -21.0 * 1.25_f64.powi(-16),
                );
                energy += x.powi(-12) + c0 + c2 * x * x + c4 * x.powi(4);
                let slope = -12.0 * x.powi(-13) + 2.0 * c2 * x + 4.0 * c4 * x.powi(3);
                largest = largest.max((slope / sigma).abs());
                for k in 0..3 {
                    let pull = slope / sigma * r[k] / distance;
                    forces[i][k] += pull;
                    forces[j][k] -= pull;
                }
                pairs += 1;
            }
        }
        assert!(pairs > particles);
        // Some thirty roundings in each of a few hundred terms.
        assert!((found.energy() - energy).abs() < 1e-12 * energy.abs());
        for (found, expected) in found.forces.iter().zip(&forces) {
            for k in 0..3 {
                assert!((found[k] - expected[k]).abs() < 1e-12 * largest);
            }
        }
    }
}
