use super::*;
use crate::test_trajectories::{Walk, close, generator, normal, walks};
use proptest::prelude::*;

fn agrees<const D: usize>(walk: &Walk<D>, interval: usize) -> Result<(), TestCaseError> {
    let (axial, logarithmic) = (
        Bins::new(-0.7, 0.5, 13).unwrap(),
        Bins::new(-1.3, 0.1, 9).unwrap(),
    );
    let schedule = LogSchedule::of_lags(vec![1, 4, 20]).unwrap();
    let mut correlator = DisplacementCorrelator::<D>::new(
        &walk.species,
        axial,
        logarithmic,
        schedule,
        interval as u64,
    )
    .unwrap();
    while let Some(frame) = walk.frames.get(correlator.next_step() as usize) {
        correlator.push(correlator.next_step(), frame).unwrap();
    }
    let result = correlator.finish();
    for kind in 0..2_u8 {
        let own = &result.species[usize::from(kind)];
        for (van_hove, magnitude) in own.van_hove.iter().zip(&own.logarithmic) {
            let pairs = walk.pairs(van_hove.step as usize, interval);
            let mut axial_values = Vec::new();
            let mut logarithms = Vec::new();
            for &(start, end) in &pairs {
                let moved = walk.displacements(start, end);
                for i in walk.members(kind) {
                    axial_values.extend(moved[i]);
                    logarithms.push(moved[i].iter().map(|x| x * x).sum::<f64>().sqrt().log10());
                }
            }
            for (histogram, bins, values, (low, high)) in [
                (van_hove, axial, axial_values, (-0.7, 0.5)),
                (magnitude, logarithmic, logarithms, (-1.3, 0.1)),
            ] {
                prop_assert_eq!(histogram.origins, pairs.len() as u64);
                prop_assert_eq!(histogram.counted, values.len() as u64);
                let below = values.iter().filter(|&&x| x < low).count() as u64;
                let above = values.iter().filter(|&&x| x >= high).count() as u64;
                prop_assert_eq!((histogram.below, histogram.above), (below, above));
                let width = (high - low) / bins.number() as f64;
                for (bin, density) in histogram.density.values.iter().enumerate() {
                    let (from, to) = (low + bin as f64 * width, low + (bin + 1) as f64 * width);
                    let inside = values.iter().filter(|&&x| from <= x && x < to).count() as f64;
                    prop_assert!(close(*density, inside / values.len() as f64 / width));
                }
                let sum: f64 = histogram.density.values.iter().sum();
                let inside = 1.0 - (below + above) as f64 / values.len() as f64;
                prop_assert!(close(sum * width, inside));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn agrees_with_counting_in_3d((walk, interval) in walks::<3>()) {
        agrees(&walk, interval)?;
    }

    #[test]
    fn agrees_with_counting_in_2d((walk, interval) in walks::<2>()) {
        agrees(&walk, interval)?;
    }

    #[test]
    fn every_number_has_one_place(value in -2.0_f64..2.0, low in -1.0_f64..0.0, width in 1e-3_f64..2.0, number in 1_usize..200) {
        let bins = Bins::new(low, low + width, number).unwrap();
        let place = bins.place(value);
        prop_assert!(place < bins.places());
        prop_assert_eq!(place == 0, value < low);
        prop_assert_eq!(place == number + 1, value >= low + width);
        if (1..=number).contains(&place) {
            // Half a bin from its centre, up to rounding.
            let distance = (value - bins.centres()[place - 1]).abs();
            prop_assert!(distance <= 0.5 * bins.width() * (1.0 + 1e-9) + 1e-15);
        }
    }
}

/// Brownian particles have the van Hove function `exp(-x^2/(2 v t))/sqrt(2 pi v t)`.
#[test]
fn brownian_motion_is_gaussian() {
    let particles = 400;
    let mut random = generator(3);
    let variance = 0.01_f64;
    let axial = Bins::new(-1.0, 1.0, 40).unwrap();
    let schedule = LogSchedule::of_lags(vec![5]).unwrap();
    let mut correlator =
        DisplacementCorrelator::<2>::new(&vec![0; particles], axial, axial, schedule, 5).unwrap();
    let mut positions = vec![[0.0; 2]; particles];
    for step in 0..=500 {
        if step == correlator.next_step() {
            correlator.push(step, &positions).unwrap();
        }
        for position in &mut positions {
            for x in position {
                *x += variance.sqrt() * normal(&mut random);
            }
        }
    }
    let histogram = &correlator.finish().species[0].van_hove[0];
    let spread = 5.0 * variance * (1.0 - 1.0 / particles as f64);
    for (centre, density) in axial.centres().iter().zip(&histogram.density.values) {
        let gaussian =
            |x: f64| (-x * x / (2.0 * spread)).exp() / (std::f64::consts::TAU * spread).sqrt();
        // The mean over the bin, by Simpson's rule: its error is 1e-4 of the density here.
        let half = 0.5 * axial.width();
        let expected =
            (gaussian(centre - half) + 4.0 * gaussian(*centre) + gaussian(centre + half)) / 6.0;
        // Independent displacements: five standard deviations of a count, and the kurtosis -0.1/5 of the steps.
        let samples = histogram.counted as f64 * axial.width();
        let slack = 5.0 * (expected.max(1.0 / samples) / samples).sqrt() + 0.02 * expected;
        assert!(
            (density - expected).abs() < slack,
            "{centre}: {density} {expected}"
        );
    }
}

#[test]
fn refuses_nonsense() {
    for (low, high, number) in [
        (0.0, 0.0, 3),
        (1.0, 0.0, 3),
        (f64::NAN, 1.0, 3),
        (0.0, f64::INFINITY, 3),
        (0.0, 1.0, 0),
    ] {
        assert!(matches!(
            Bins::new(low, high, number),
            Err(CorrelatorError::Parameter { .. })
        ));
    }
}
