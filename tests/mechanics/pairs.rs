//! The pair models against the reference and against differences.

use crate::differences::{STEP, check_derivatives};
use crate::reference::*;
use proptest::prelude::*;
use rand::RngExt;
use vitreous::md_core::{Matrix, Mechanics};
use vitreous::prelude::*;

/// The fast engine and the linearisation beside the reference, all to 1e-12 of what is added up, and the fast engine in
/// mixed precision to 1e-5.
///
/// Up to some thousand terms are summed (a random walk of roundings: 30 u = 3e-15), each with about thirty
/// roundings in functions with powers of up to 13 (1e-14), at positions that lattice translations round at
/// a few cells (1e-15 a0, times up to 15 in a force): some 1e-13 together.
fn compare<const D: usize>(
    sample: &Sample<D>,
    image: impl FnMut() -> [i32; D],
    skin: f64,
) -> Result<(), TestCaseError> {
    let configuration = sample.configuration(image);
    for (formula, name) in FORMULAS {
        let expected = sample.reference(formula);
        let potential = model::<D>(name);
        let field = || ForceField::with_skin(&*potential, skin);
        let fast = field().evaluate(&configuration).unwrap();
        let mixed = field()
            .with_precision(Precision::Mixed)
            .evaluate(&configuration)
            .unwrap();
        let expansion = linearize(&*potential, &configuration).unwrap();
        let expanded = Mechanics {
            forces: expansion.forces(),
            totals: expansion.totals(),
            volume: expansion.volume(),
        };
        for (engine, found, tolerance) in [
            ("forces", &fast, 1e-12),
            ("linearisation", &expanded, 1e-12),
            ("mixed precision", &mixed, 1e-5),
        ] {
            let energy_error = (found.energy() - expected.energy).abs();
            prop_assert!(
                energy_error <= tolerance * expected.energy_size,
                "{name}, {engine}: energy {} instead of {}",
                found.energy(),
                expected.energy
            );
            let force_error = largest_difference(&found.forces, &expected.forces);
            prop_assert!(
                force_error <= tolerance * expected.largest_pair_force,
                "{name}, {engine}: force off by {force_error:e}"
            );
            let stress_error = largest_difference(&found.stress(), &expected.stress);
            prop_assert!(
                stress_error <= tolerance * expected.stress_size,
                "{name}, {engine}: stress off by {stress_error:e}"
            );
            let trace: f64 = (0..D).map(|k| expected.stress[k][k]).sum();
            let pressure_error = (found.pressure() + trace / D as f64).abs();
            prop_assert!(pressure_error <= tolerance * expected.stress_size);
        }
        let squares = fast.totals.squared_term_forces;
        prop_assert!(
            (squares - expanded.totals.squared_term_forces).abs() <= 1e-12 * squares,
            "{name}: squared forces {squares}"
        );
    }
    Ok(())
}

fn compare_in_random_cells<const D: usize>(
    seed: u64,
    per_edge: usize,
    spacing: f64,
    tilt: f64,
    wrapped: bool,
) -> Result<(), TestCaseError> {
    let mut random = Seed(seed).stream("mechanics", &[D as u64]);
    let rows = sheared(spacing * per_edge as f64, tilt, &mut random);
    let sample = Sample::jittered(rows, per_edge, &mut random);
    let skin = random.random_range(0.0..0.6);
    let image = || {
        if wrapped {
            [0; D]
        } else {
            std::array::from_fn(|_| random.random_range(-3..4))
        }
    };
    compare(&sample, image, skin)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// From one particle, which sees only its own images, to boxes of a few ranges; orthorhombic
    /// (`tilt = 0`), sheared and strongly sheared.
    #[test]
    fn fast_engine_agrees_with_every_pair_and_image_in_two_dimensions(
        seed: u64, per_edge in 1..7_usize, spacing in 0.95..1.3_f64, tilt in prop::sample::select(vec![0.0, 0.5, 1.9]), wrapped: bool,
    ) {
        compare_in_random_cells::<2>(seed, per_edge, spacing, tilt, wrapped)?;
    }

    #[test]
    fn fast_engine_agrees_with_every_pair_and_image_in_three_dimensions(
        seed: u64, per_edge in 1..5_usize, spacing in 0.95..1.3_f64, tilt in prop::sample::select(vec![0.0, 0.5, 1.9]), wrapped: bool,
    ) {
        compare_in_random_cells::<3>(seed, per_edge, spacing, tilt, wrapped)?;
    }
}

/// A box so large that cell lists have many bins and most pairs are far apart, where the small ones of the
/// property tests all have bins that neighbour themselves.
#[test]
fn fast_engine_agrees_in_a_box_of_many_bins() {
    let mut random = Seed(1).stream("large box", &[]);
    for tilt in [0.0, 1.5] {
        let rows = sheared::<2>(26.0, tilt, &mut random);
        let sample = Sample::jittered(rows, 24, &mut random);
        compare(
            &sample,
            || std::array::from_fn(|_| random.random_range(-2..3)),
            0.3,
        )
        .unwrap();
    }
    let rows = sheared::<3>(9.0, 0.4, &mut random);
    let sample = Sample::jittered(rows, 8, &mut random);
    compare(&sample, || [0; 3], 0.0).unwrap();
}

/// Differences must not carry a pair across a cut-off, where `phi'` (KA), `phi''` (mBLJ) or `phi''''` (IPL)
/// jumps: a strain of three steps stretches each component by three steps of a vector, below 5 steps in all.
fn sample_off_cutoffs<const D: usize>(
    formula: PairModel,
    rows: Matrix<D>,
    per_edge: usize,
) -> Sample<D> {
    (0..200)
        .map(|attempt| {
            let mut random = Seed(5).stream("off cut-offs", &[attempt]);
            Sample::jittered(rows, per_edge, &mut random)
        })
        .find(|sample| sample.clearance(formula) > 5.0 * STEP)
        .expect("one of two hundred samples has no pair near a cut-off")
}

#[test]
fn forces_and_stress_are_derivatives_of_the_energy() {
    fn check<const D: usize>(rows: Matrix<D>, per_edge: usize) {
        for (formula, name) in FORMULAS {
            let sample = sample_off_cutoffs(formula, rows, per_edge);
            let expected = sample.reference(formula);
            let potential = model::<D>(name);
            let configuration = sample.wrapped();
            let found = evaluate(&*potential, &configuration);
            // See `slope`: relative to the largest pair force and to what is added up to the stress.
            let tolerances = [
                1e-9 * expected.largest_pair_force,
                1e-9 * expected.stress_size,
            ];
            let energy = |c: &Configuration<D>| evaluate(&*potential, c).energy();
            check_derivatives(&configuration, &found, &energy, tolerances);
        }
    }
    // Boxes below twice the range in places, orthorhombic and sheared.
    check::<2>([[4.3, 0.0], [0.0, 4.6]], 4);
    check::<2>([[4.3, 0.0], [3.9, 4.6]], 4);
    check::<3>([[2.25, 0.0, 0.0], [0.0, 2.4, 0.0], [0.0, 0.0, 2.3]], 2);
    check::<3>([[2.3, 0.0, 0.0], [1.1, 2.4, 0.0], [-0.8, 0.7, 2.2]], 2);
}
