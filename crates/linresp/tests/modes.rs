//! Vibrational modes against dense algebra, closed forms and each other.

mod common;

use common::*;
use faer::{Mat, Side};
use proptest::prelude::*;
use rand::RngExt;
use std::num::NonZeroUsize;
use vitreous_linresp::modes::{DENSE_LIMIT, participation_ratio};
use vitreous_linresp::*;
use vitreous_md_core::*;

/// All eigenvalues of the matrix as it is, translations among them.
fn dense<const D: usize>(hessian: &Hessian<'_, D>) -> Vec<f64> {
    let n = hessian.dimension();
    let matrix = Mat::from_fn(n, n, |i, j| hessian.matrix().entry(i, j));
    matrix.self_adjoint_eigenvalues(Side::Lower).unwrap()
}

/// The same without the given number of eigenvalues that are nearest to zero, which must be zero.
fn dense_modes<const D: usize>(hessian: &Hessian<'_, D>, zeros: usize) -> Vec<f64> {
    let mut values = dense(hessian);
    let scale = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    values.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    assert!(values[..zeros].iter().all(|v| v.abs() <= 1e-12 * scale));
    values.drain(..zeros);
    values.sort_by(f64::total_cmp);
    values
}

/// What every set of modes obeys, recomputed here: unit vectors, orthogonal to each other and to translations, with
/// small residuals.
fn check<const D: usize>(hessian: &Hessian<'_, D>, modes: &Modes<D>, tolerance: f64) {
    let vectors: Vec<&[f64]> = (0..modes.len())
        .map(|k| modes.vector(k).as_flattened())
        .collect();
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let mut image = vec![0.0; hessian.dimension()];
    for (k, e) in vectors.iter().enumerate() {
        for (l, f) in vectors[..=k].iter().enumerate() {
            let expected = f64::from(u8::from(k == l));
            assert!(
                (dot(e, f) - expected).abs() < 1e-10,
                "{k} {l} {}",
                dot(e, f)
            );
        }
        let mut projected = e.to_vec();
        hessian.project(&mut projected);
        assert!(largest_difference(&projected, e) < 1e-14);
        hessian.apply_edges(e, &mut image);
        let lambda = modes.eigenvalues()[k];
        let residual: Vec<f64> = image.iter().zip(*e).map(|(m, e)| m - lambda * e).collect();
        let residual = dot(&residual, &residual).sqrt();
        assert!(
            residual <= tolerance * lambda.abs(),
            "{k} {residual:e} {lambda}"
        );
        assert!((residual - modes.residuals()[k]).abs() <= 1e-3 * residual.max(1e-13));
        assert!(k == 0 || modes.eigenvalues()[k - 1] <= lambda);
    }
}

/// Modes of a glass by dense algebra and by Lanczos, against dense algebra on the whole matrix.
fn against_dense<const D: usize>(glass: &InherentStructure<D>, counts: &[usize]) {
    let hessian = Hessian::new(glass.linearization());
    let expected = dense_modes(&hessian, D);
    for &count in counts {
        let modes = LowestModes::new(count).counted().of(&hessian).unwrap();
        assert_eq!(modes.len(), count);
        check(&hessian, &modes, 1e-10);
        for (found, expected) in modes.eigenvalues().iter().zip(&expected) {
            // The reference has the rounding of the largest eigenvalue.
            assert!(
                (found - expected).abs() < 1e-10 * expected,
                "{found} {expected}"
            );
        }
    }
    let spectrum = hessian.spectrum(DENSE_LIMIT).unwrap();
    let largest = expected[expected.len() - 1];
    assert!(largest_difference(&spectrum, &expected) < 1e-12 * largest);
    assert_eq!(hessian.modes_below(0.0).unwrap(), 0);
}

#[test]
fn the_lowest_modes_are_those_of_dense_algebra() {
    against_dense(&ipl_glass(100, 5), &[1, 7, 297]);
    against_dense(&ipl_glass(500, 1), &[1, 30, 100]);
    against_dense(&stillinger_weber_glass(300, 2), &[5, 40]);
    against_dense(&ipl_glass_2d(400, 3), &[12, 60]);
}

#[test]
fn a_large_glass_has_small_residuals_and_none_is_missed() {
    let glass = ipl_glass(4000, 4);
    let hessian = Hessian::new(glass.linearization());
    let modes = LowestModes::new(30).counted().of(&hessian).unwrap();
    check(&hessian, &modes, 1e-10);
    // The same from another start, with an inverse that is there already.
    let inverse = hessian.clone().inverse(&SparseCholesky::default()).unwrap();
    let other = LowestModes {
        seed: Seed(5),
        ..LowestModes::new(30)
    };
    let other = other.of_inverse(&inverse).unwrap();
    for (a, b) in modes.eigenvalues().iter().zip(other.eigenvalues()) {
        assert!((a - b).abs() < 1e-11 * a);
    }
    // The same bits again.
    assert_eq!(LowestModes::new(30).of(&hessian).unwrap(), modes);
}

/// Modes of a crystal are plane waves. Its eigenvalues come with the multiplicities of stars of wave vectors.
#[test]
fn all_members_of_degenerate_modes_are_found() {
    let n = 6;
    let edge = (4.0_f64 / 0.82).cbrt();
    let side = edge * n as f64;
    let cell = Cell::orthorhombic([side; 3]).unwrap();
    let positions = face_centred_cubic(n, edge);
    let particles = positions.len();
    let crystal = Configuration::new(cell, positions, vec![Species(0); particles]).unwrap();
    let expansion = linearize(&ipl(), &crystal).unwrap();
    let hessian = Hessian::new(&expansion);
    // The dynamical matrix at every wave vector of the cell: sum over neighbours of M_0j exp(i q r_0j), real since
    // every site is a centre of symmetry.
    let mut expected = Vec::new();
    let m = 2 * n as i32;
    let mut seen = 0;
    for a in 0..m {
        for b in 0..m {
            for c in 0..m {
                // Reciprocal lattice of the primitive cell: integer triples modulo n (all even or all odd sums).
                let q = [a, b, c].map(|q| 2.0 * std::f64::consts::PI * f64::from(q) / side);
                let mut matrix = [[0.0; 3]; 3];
                for edge in expansion.edges() {
                    for (from, sign) in [(edge.i, 1.0), (edge.j, -1.0)] {
                        if from != 0 {
                            continue;
                        }
                        let phase: f64 = (0..3).map(|k| sign * q[k] * edge.vector[k]).sum();
                        for x in 0..3 {
                            for y in 0..3 {
                                let mut block =
                                    4.0 * edge.curvature * edge.vector[x] * edge.vector[y];
                                if x == y {
                                    block += 2.0 * edge.gradient;
                                }
                                matrix[x][y] += block * (1.0 - phase.cos());
                            }
                        }
                    }
                }
                let matrix = Mat::from_fn(3, 3, |x, y| matrix[x][y]);
                let values = matrix.self_adjoint_eigenvalues(Side::Lower).unwrap();
                seen += 1;
                expected.extend(values);
            }
        }
    }
    // Of (2n)^3 wave vectors each of the 4 n^3 different ones comes twice.
    assert_eq!(seen, 2 * particles);
    expected.sort_by(f64::total_cmp);
    let expected: Vec<f64> = expected.into_iter().step_by(2).skip(3).collect();
    assert_eq!(expected.len(), hessian.modes());
    for seed in 0..4 {
        for count in [10, 12, 40, 90] {
            let search = LowestModes {
                seed: Seed(seed),
                ..LowestModes::new(count).counted()
            };
            let modes = search.of(&hessian).unwrap();
            check(&hessian, &modes, 1e-10);
            for (found, expected) in modes.eigenvalues().iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-10 * expected,
                    "{seed} {count}"
                );
            }
        }
    }
}

/// Unit springs along a line, closed to a ring or not: `lambda = 4 sin^2(q/2)`.
fn chain(particles: usize, ring: bool) -> Linearization<1> {
    let positions: Vec<f64> = (0..particles).map(|i| i as f64).collect();
    let mut expansion = Linearization::empty(&line(particles as f64, &positions));
    for i in 0..particles - usize::from(!ring) {
        expansion.add_pair([i, (i + 1) % particles], [1.0], [0.5, 0.5, 0.0]);
    }
    expansion
}

#[test]
fn chains_and_rings_have_the_modes_of_the_textbook() {
    let pi = std::f64::consts::PI;
    for particles in [6, 50, 3000] {
        let n = particles as f64;
        for ring in [true, false] {
            let expansion = chain(particles, ring);
            let hessian = Hessian::new(&expansion);
            let wave = |k: usize| {
                let half = if ring {
                    pi * k.div_ceil(2) as f64 / n
                } else {
                    0.5 * pi * k as f64 / n
                };
                4.0 * half.sin().powi(2)
            };
            let count = 20.min(particles - 1);
            let modes = LowestModes::new(count).counted().of(&hessian).unwrap();
            for k in 0..count {
                let (found, expected) = (modes.eigenvalues()[k], wave(k + 1));
                // Eigenvalues of 1e-6 beside the largest, 4: to the rounding of that.
                assert!(
                    (found - expected).abs() < 1e-10 * expected + 1e-15,
                    "{particles} {ring} {k}: {found:e} {expected:e}"
                );
            }
            // Of sin^2: 1/2 squared over 3/8.
            let extended = modes.participation_ratio(0);
            if particles > 6 {
                assert!((extended - 2.0 / 3.0).abs() < 1e-3, "{extended}");
            }
        }
    }
    let particles = 400;
    let expansion = chain(particles, true);
    let hessian = Hessian::new(&expansion);
    // At 2, the diagonal, the first pivot vanishes; sin(pi k/400)^2 = 1/2 at k = 100, which is an eigenvalue.
    assert!(matches!(
        hessian.modes_below(2.0),
        Err(ModesError::AtEigenvalue { .. })
    ));
    let shorter = chain(399, true);
    assert_eq!(Hessian::new(&shorter).modes_below(2.0).unwrap(), 198);
    // Below lambda there are the waves with k < (N/pi) arcsin(sqrt(lambda)/2), two of each, but for the last.
    let edges: Vec<f64> = (0..=20).map(|k| 0.105 * f64::from(k)).collect();
    let states =
        DensityOfStates::by_counting(&hessian, edges.clone(), NonZeroUsize::new(3).unwrap())
            .unwrap();
    let below = |omega: f64| match 400.0 / pi * (0.5 * omega).min(1.0).asin() {
        200.0 => 399,
        waves if waves > 0.0 => 2 * (waves.ceil() as usize - 1),
        _ => 0,
    };
    for (pair, &count) in edges.windows(2).zip(states.counts()) {
        assert_eq!(count, below(pair[1]) - below(pair[0]));
    }
    let spectrum = hessian.spectrum(400).unwrap();
    assert_eq!(
        DensityOfStates::of_eigenvalues(&spectrum, edges).unwrap(),
        states
    );
    let total: f64 = states.density().iter().map(|d| 0.105 * d).sum();
    assert!((total - 1.0).abs() < 1e-12);
    // In one dimension Debye's law is a constant, D = (1/pi)/sqrt(1 - omega^2/4) -> 1/pi.
    let reduced = states.reduced_density(1);
    let debye = reduced[..5].iter().sum::<f64>() / 5.0;
    assert!((debye * pi - 1.0).abs() < 0.02, "{debye}");
}

#[test]
fn clusters_and_rattlers_have_no_modes_of_their_translations() {
    let spring = Spring {
        stiffness: 2.0,
        length: 1.0,
        range: 1.5,
    };
    let potential = SpeciesTable::uniform(spring).unwrap();
    // Two pairs and a particle alone: two modes of 2 k = 4.
    let expansion = linearize(&potential, &line(20.0, &[0.0, 1.0, 5.0, 10.0, 11.0])).unwrap();
    let hessian = Hessian::new(&expansion);
    assert_eq!(hessian.modes(), 2);
    let modes = LowestModes::new(2).counted().of(&hessian).unwrap();
    assert!(largest_difference(modes.eigenvalues(), &[4.0, 4.0]) < 1e-14);
    for (value, count) in [(-1.0, 0), (0.0, 0), (1.0, 0), (3.9, 0), (4.1, 2)] {
        assert_eq!(hessian.modes_below(value).unwrap(), count);
    }
    let outcome = LowestModes::new(3).of(&hessian);
    assert!(matches!(
        outcome,
        Err(ModesError::TooMany {
            asked: 3,
            available: 2
        })
    ));
    // Nothing but rattlers.
    let alone = linearize(&potential, &line(20.0, &[1.0, 5.0])).unwrap();
    let hessian = Hessian::new(&alone);
    assert!(LowestModes::new(0).of(&hessian).unwrap().is_empty());
    assert_eq!(hessian.spectrum(10).unwrap(), Vec::<f64>::new());
    for value in [-1.0, 0.0, 1.0] {
        assert_eq!(hessian.modes_below(value).unwrap(), 0);
    }

    // A free dimer in space rotates at no cost, twice, which is no mode either.
    let cell = Cell::<3>::cubic(2, 0.001).unwrap();
    let positions = vec![[0.0; 3], [0.6, 0.8, 0.0]];
    let pair = Configuration::new(cell, positions, vec![Species(0); 2]).unwrap();
    let expansion = linearize(&potential, &pair).unwrap();
    let hessian = Hessian::new(&expansion);
    let modes = LowestModes::new(1).of(&hessian).unwrap();
    assert!(largest_difference(modes.eigenvalues(), &[4.0]) < 1e-14);
    for (value, count) in [(-1e-6, 0), (0.0, 0), (1e-6, 0), (5.0, 1)] {
        assert_eq!(hessian.modes_below(value).unwrap(), count);
    }
}

/// A glass with rattlers and a free dimer far from it: beyond dense algebra.
#[test]
fn a_glass_with_rattlers_and_a_free_dimer() {
    let glass = ipl_glass(300, 9);
    let old = glass.configuration();
    // The glass in a cell of its own images cannot be set apart; so its edges are taken, and more particles.
    let extra = 5;
    let mut positions = old.positions().to_vec();
    positions.extend((0..extra).map(|k| [f64::from(k), 0.0, 0.0]));
    let particles = positions.len();
    let larger = Configuration::new(*old.cell(), positions, vec![Species(0); particles]).unwrap();
    let mut expansion = Linearization::empty(&larger);
    for edge in glass.linearization().edges() {
        expansion.add_pair(
            [edge.i as usize, edge.j as usize],
            edge.vector,
            [0.0, edge.gradient, edge.curvature],
        );
    }
    // Particles 301 and 303 with U = (s - 1)^2: 4 h = 8 on each, 16 along the line, and two rotations.
    expansion.add_pair([301, 303], [0.0, 0.6, 0.8], [0.0, 0.0, 2.0]);
    let hessian = Hessian::new(&expansion);
    assert_eq!(hessian.rattlers(), [300, 302, 304]);
    assert_eq!(hessian.clusters(), 5);
    let expected = dense_modes(&hessian, 15 + 2);
    let modes = LowestModes::new(32).counted().of(&hessian).unwrap();
    check_against(&hessian, &modes, &expected);
    for value in [-1e-6, 0.0, 1e-6] {
        assert_eq!(hessian.modes_below(value).unwrap(), 0);
    }
}

/// A particle that hangs on soft springs in a glass: three modes far below all others.
#[test]
fn modes_that_are_much_softer_than_others() {
    let glass = ipl_glass(300, 9);
    let old = glass.configuration();
    let mut positions = old.positions().to_vec();
    positions.push([0.0; 3]);
    let larger = Configuration::new(*old.cell(), positions, vec![Species(0); 301]).unwrap();
    for stiffness in [1e-2, 1e-4, 1e-6] {
        let mut expansion = Linearization::empty(&larger);
        for edge in glass.linearization().edges() {
            expansion.add_pair(
                [edge.i as usize, edge.j as usize],
                edge.vector,
                [0.0, edge.gradient, edge.curvature],
            );
        }
        for (k, weight) in [(0, 1.0), (1, 2.0), (2, 3.0)] {
            let mut along = [0.0; 3];
            along[k] = 1.0;
            expansion.add_pair([300, 100 * k], along, [0.0, 0.0, weight * stiffness]);
        }
        let hessian = Hessian::new(&expansion);
        let expected = dense_modes(&hessian, 3);
        let scale = expected[expected.len() - 1];
        let modes = LowestModes::new(20).counted().of(&hessian).unwrap();
        for (found, expected) in modes.eigenvalues().iter().zip(&expected) {
            let error = (found - expected).abs();
            // The reference is that exact.
            assert!(
                error < 1e-10 * expected + 1e-14 * scale,
                "{stiffness} {error:e}"
            );
        }
        // 4 h k for each axis, less what the glass gives way.
        for (k, weight) in [1.0, 2.0, 3.0].into_iter().enumerate() {
            let value = modes.eigenvalues()[k];
            assert!((value / (4.0 * weight * stiffness) - 1.0).abs() < 0.1);
            assert!(modes.participation_ratio(k) < 2.0 / 301.0);
        }
    }
}

fn check_against(hessian: &Hessian<'_, 3>, modes: &Modes<3>, expected: &[f64]) {
    for (found, expected) in modes.eigenvalues().iter().zip(expected) {
        assert!((found - expected).abs() < 1e-10 * expected);
    }
    for k in 0..modes.len() {
        for rattler in hessian.rattlers() {
            assert_eq!(modes.vector(k)[rattler], [0.0; 3]);
        }
    }
}

#[test]
fn saddles_show_their_unstable_modes_first() {
    for (particles, count) in [(60, 20), (300, 30), (1500, 20)] {
        let liquid = Configuration::<3>::random(particles, 0.82, &[0.5, 0.5], Seed(8)).unwrap();
        let liquid = relaxed(liquid, if particles == 300 { 0 } else { 40 });
        let expansion = linearize(&ipl(), &liquid).unwrap();
        let hessian = Hessian::new(&expansion);
        let expected = dense_modes(&hessian, 3);
        let unstable = expected.iter().filter(|v| **v < 0.0).count();
        assert!(unstable > 0);
        assert_eq!(hessian.modes_below(0.0).unwrap(), unstable);
        let modes = LowestModes::new(count).counted().of(&hessian).unwrap();
        let scale = expected[expected.len() - 1];
        for (found, expected) in modes.eigenvalues().iter().zip(&expected) {
            let error = (found - expected).abs();
            assert!(error < 1e-10 * expected.abs() + 1e-13 * scale, "{error:e}");
        }
        assert!(modes.frequencies()[0] < 0.0);
    }
}

/// Some steps down the gradient, each no longer than a twentieth of a particle.
fn relaxed(mut liquid: Configuration<3>, steps: usize) -> Configuration<3> {
    let potential = ipl();
    let mut field = ForceField::new(&potential);
    for _ in 0..steps {
        let forces = field.evaluate(&liquid).unwrap().forces.clone();
        for (x, f) in liquid.positions_mut().iter_mut().zip(&forces) {
            let size = vector::norm_squared(f).sqrt();
            *x = vector::add(x, &vector::scale(f64::min(1e-3, 0.05 / size), f));
        }
    }
    liquid
}

#[test]
fn a_single_unstable_direction_is_found() {
    // A ring of springs with one that pushes: one negative eigenvalue as soon as it outweighs the others.
    let particles = 900;
    let build = |push: f64| {
        let mut expansion = chain(particles, true);
        expansion.add_pair([0, 450], [450.0], [0.0, -push, 0.0]);
        expansion
    };
    for (push, unstable) in [(0.5 / 300.0, 0), (0.5 / 200.0, 1)] {
        let expansion = build(push);
        let hessian = Hessian::new(&expansion);
        assert_eq!(hessian.modes_below(0.0).unwrap(), unstable);
        let modes = LowestModes::new(5).counted().of(&hessian).unwrap();
        let negative = modes.eigenvalues().iter().filter(|v| **v < 0.0).count();
        assert_eq!(negative, unstable);
        let expected = dense_modes(&hessian, 1);
        assert!(largest_difference(modes.eigenvalues(), &expected[..5]) < 1e-13);
    }
}

#[test]
fn limits_are_reported() {
    let glass = ipl_glass(300, 1);
    let hessian = Hessian::new(glass.linearization());
    let hasty = LowestModes {
        limit: 4,
        ..LowestModes::new(20)
    };
    assert!(matches!(
        hasty.of(&hessian),
        Err(ModesError::NotConverged { converged, wanted: 20, residual, .. })
            if converged < 20 && residual > 1e-10
    ));
    assert!(matches!(
        hessian.spectrum(899),
        Err(ModesError::TooLarge {
            rows: 900,
            limit: 899,
            ..
        })
    ));
    let small = LowestModes {
        dense_limit: 100,
        ..LowestModes::new(800)
    };
    assert!(matches!(
        small.of(&hessian),
        Err(ModesError::TooLarge { .. })
    ));
    let lowest = LowestModes::new(1).of(&hessian).unwrap().eigenvalues()[0];
    assert!(matches!(
        hessian.modes_below(lowest),
        Err(ModesError::AtEigenvalue { distance, .. }) if distance < 1e-9
    ));
    assert!(hessian.modes_below(f64::NAN).is_err());
    for edges in [vec![], vec![1.0], vec![1.0, 1.0], vec![0.0, f64::NAN]] {
        assert!(matches!(
            DensityOfStates::of_eigenvalues(&[1.0], edges),
            Err(ModesError::Edges { .. })
        ));
    }
    let one_of_four = participation_ratio(&[[0.0, 0.0], [3.0, 4.0], [0.0; 2], [0.0; 2]]);
    assert_eq!(one_of_four, 0.25);
    let mut broken = Linearization::empty(glass.configuration());
    broken.add_pair([0, 1], [1.0, 0.0, 0.0], [0.0, f64::NAN, 1.0]);
    let broken = Hessian::new(&broken);
    assert!(LowestModes::new(1).of(&broken).is_err());
    assert!(broken.modes_below(1.0).is_err() && broken.spectrum(1000).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Random networks of springs, some of which push, in several clusters: counts by inertia are those of the dense
    /// eigenvalues, or they are refused with an eigenvalue that is indeed near.
    #[test]
    fn counts_are_those_of_dense_algebra(
        seed in any::<u64>(),
        particles in 2_usize..60,
        bonds in 0_usize..200,
        pushing in 0.0_f64..0.6,
    ) {
        let mut random = Seed(seed).stream("network", &[]);
        let cell = Cell::<2>::orthorhombic([10.0; 2]).unwrap();
        let positions = (0..particles)
            .map(|_| [random.random_range(0.0..10.0), random.random_range(0.0..10.0)])
            .collect();
        let configuration =
            Configuration::new(cell, positions, vec![Species(0); particles]).unwrap();
        let mut expansion = Linearization::empty(&configuration);
        for _ in 0..bonds {
            let (i, j) = (random.random_range(0..particles), random.random_range(0..particles));
            let r = [random.random_range(-1.0..1.0), random.random_range(-1.0..1.0)];
            let sign = if random.random_range(0.0..1.0) < pushing { -1.0 } else { 1.0 };
            let (g, h) = (random.random_range(0.0..1.0), random.random_range(0.0..1.0));
            expansion.add_pair([i, j], r, [0.0, sign * g, sign * h]);
        }
        let hessian = Hessian::new(&expansion);
        let zeros = hessian.zero_modes();
        let expected = dense_modes(&hessian, zeros);
        prop_assert_eq!(expected.len(), hessian.modes());
        let mut values: Vec<f64> = (0..8).map(|_| random.random_range(-6.0..12.0)).collect();
        values.push(0.0);
        for value in values {
            match hessian.modes_below(value) {
                Ok(count) => {
                    prop_assert_eq!(count, expected.iter().filter(|e| **e < value).count());
                }
                Err(ModesError::AtEigenvalue { distance, uncertainty, .. }) => {
                    prop_assert!(distance <= 100.0 * uncertainty && uncertainty < 1e-6);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
        let count = expected.len().min(10);
        let modes = LowestModes::new(count).of(&hessian).unwrap();
        prop_assert!(largest_difference(modes.eigenvalues(), &expected[..count]) < 1e-12);
    }
}
