//! Pseudoharmonic modes: the cost against its formula and dual numbers, symmetries, and minima against brute force.

mod common;

use common::*;
use proptest::prelude::*;
use rand::RngExt;
use std::num::NonZeroUsize;
use vitreous_linresp::*;
use vitreous_md_core::*;

const ONE: NonZeroUsize = NonZeroUsize::MIN;

fn displacements<const D: usize>(particles: usize, seed: u64) -> Vec<Vector<D>> {
    let mut random = Seed(seed).stream("displacements", &[]);
    (0..particles)
        .map(|_| std::array::from_fn(|_| random.random_range(-1.0..1.0)))
        .collect()
}

fn response<const D: usize>(structure: &InherentStructure<D>) -> LinearResponse<'_, D> {
    LinearResponse::new(structure, &SparseCholesky::default()).unwrap()
}

fn modes<const D: usize>(
    response: &LinearResponse<'_, D>,
    interactions: &[usize],
) -> PseudoharmonicModes<D> {
    let search = SoftModeSearch::default();
    let found = response
        .pseudoharmonic_modes(interactions, &search, ONE)
        .unwrap();
    assert!(found.unconverged.is_empty());
    found
}

fn all<const D: usize>(response: &LinearResponse<'_, D>) -> Vec<usize> {
    (0..response.interactions().len()).collect()
}

/// `C` from its definition: `z.M.z` as the sum over edges and couplings that the docs of `Hessian` give.
fn cost<const D: usize, S: Scalar>(response: &LinearResponse<'_, D>, z: &[[S; D]]) -> S {
    let relative = |i: usize, j: usize| -> [S; D] { std::array::from_fn(|k| z[j][k] - z[i][k]) };
    let sum = |values: [S; D]| values.into_iter().fold(S::zero(), |a, b| a + b);
    let squared = |u: [S; D]| sum(u.map(|u| u * u));
    let expansion = response.structure().linearization();
    let mut stretches = Vec::new();
    let mut energy = S::zero();
    for edge in expansion.edges() {
        let u = relative(edge.i as usize, edge.j as usize);
        let stretch = sum(std::array::from_fn(|k| u[k] * edge.vector[k]));
        energy = energy + squared(u) * (2.0 * edge.gradient);
        energy = energy + stretch * stretch * (4.0 * edge.curvature);
        stretches.push(stretch);
    }
    for coupling in expansion.couplings() {
        let product = stretches[coupling.first as usize] * stretches[coupling.second as usize];
        energy = energy + product * (8.0 * coupling.curvature);
    }
    let pairs = response.interactions().iter().fold(S::zero(), |sum, pair| {
        let square = squared(relative(pair.i, pair.j));
        sum + square * square
    });
    energy * energy / pairs
}

/// Value and gradient against the definition in dual numbers, along three random directions.
fn check_cost<const D: usize>(structure: &InherentStructure<D>, seed: u64) {
    // The cost needs no minimum, so no saddle is looked for.
    let solver = ConjugateGradient {
        probe: 1.0,
        ..ConjugateGradient::default()
    };
    let response = LinearResponse::new(structure, &solver).unwrap();
    let particles = response.hessian().particles();
    let z = displacements::<D>(particles, seed);
    let reached = response.pseudoharmonic_cost(&z).unwrap();
    let value = cost(&response, &z);
    // Sums of some thousand terms, whose sizes exceed the sum by less than a hundred: 1e-16 * 100 * sqrt(1000).
    assert!(
        (reached.value - value).abs() < 1e-12 * value.abs(),
        "{value}"
    );
    let size: f64 = reached
        .gradient
        .as_flattened()
        .iter()
        .map(|g| g.abs())
        .sum();
    for direction in 0..3 {
        let along = displacements::<D>(particles, seed + 1000 + direction);
        let moved: Vec<[Dual<f64, 1>; D]> = z
            .iter()
            .zip(&along)
            .map(|(z, a)| {
                std::array::from_fn(|k| Dual {
                    value: z[k],
                    gradient: [a[k]],
                })
            })
            .collect();
        let expected = cost(&response, &moved).gradient[0];
        let slope: f64 = reached
            .gradient
            .as_flattened()
            .iter()
            .zip(along.as_flattened())
            .map(|(g, a)| g * a)
            .sum();
        assert!(
            (slope - expected).abs() < 1e-12 * size,
            "{slope} {expected}"
        );
    }
    // The length, the sign and translations do not matter: dC/dz is orthogonal to z and to translations.
    for (factor, shift) in [(-1.0, 0.0), (3.7, 0.0), (1e-6, 1e-6), (1.0, 2.0)] {
        let changed: Vec<Vector<D>> = z.iter().map(|z| z.map(|z| factor * z + shift)).collect();
        let changed = response.pseudoharmonic_cost(&changed).unwrap();
        assert!((changed.value - value).abs() < 1e-11 * value.abs());
    }
    for k in 0..D {
        let sum: f64 = reached.gradient.iter().map(|g| g[k]).sum();
        assert!(sum.abs() < 1e-12 * size);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_cost_and_its_gradient_are_those_of_the_definition(seed in 0_u64..1000) {
        // Liquids: anything but minima.
        let liquid = Configuration::random(40, 0.86, &[0.5, 0.5], Seed(seed)).unwrap();
        check_cost::<2>(&certify_anything(&ipl(), liquid), seed);
        let liquid = Configuration::random(40, 0.82, &[0.5, 0.5], Seed(seed)).unwrap();
        check_cost::<3>(&certify_anything(&ipl(), liquid), seed);
        // Springs on a line, each particle joined to four.
        let spring = Spring { stiffness: 1.3, length: 1.1, range: 2.5 };
        let mut random = Seed(seed).stream("line", &[]);
        let places: Vec<f64> =
            (0..20).map(|i| f64::from(i) + random.random_range(-0.2..0.2)).collect();
        let potential = SpeciesTable::uniform(spring).unwrap();
        check_cost::<1>(&certify_anything(&potential, line(20.0, &places)), seed);
    }
}

#[test]
fn the_cost_counts_couplings_of_triplets() {
    for seed in [4, 5] {
        check_cost(&stillinger_weber_glass(60, seed), seed);
    }
}

/// What a mode promises, from the definition.
fn check_mode<const D: usize>(response: &LinearResponse<'_, D>, mode: &PseudoharmonicMode<D>) {
    let z = &mode.displacements;
    let particles = z.len() as f64;
    let squares: Vec<f64> = z.iter().map(vector::norm_squared).collect();
    let length = squares.iter().sum::<f64>();
    assert!((length - 1.0).abs() < 1e-14);
    let fourth: f64 = squares.iter().map(|s| s * s).sum();
    assert!((mode.participation_ratio * particles * fourth - 1.0).abs() < 1e-12);
    for k in 0..D {
        assert!(z.iter().map(|z| z[k]).sum::<f64>().abs() < 1e-12);
    }
    let mut product = vec![0.0; D * z.len()];
    response
        .hessian()
        .apply_edges(z.as_flattened(), &mut product);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let stiffness = dot(z.as_flattened(), &product);
    assert!((mode.stiffness / stiffness - 1.0).abs() < 1e-12);
    assert!((mode.cost / cost(response, z) - 1.0).abs() < 1e-11);
    let gradient = response.pseudoharmonic_cost(z).unwrap().gradient;
    let gradient = gradient.as_flattened();
    let residual = dot(gradient, gradient).sqrt() / (stiffness * dot(&product, &product).sqrt());
    assert!(residual < 1e-10 && mode.residual < 1e-10, "{residual:e}");
    // A minimum: the cost rises to second order in every direction, here in random ones and towards the
    // responses to dipoles, along which it rises least.
    let responses = response.dipole_responses(&[0, 1, 2, 3], ONE).unwrap();
    let towards = responses.into_iter().map(|response| response.displacements);
    for direction in towards.chain((0..4).map(|seed| displacements::<D>(z.len(), seed))) {
        let size = dot(direction.as_flattened(), direction.as_flattened()).sqrt();
        for step in [-1e-3, 1e-3] {
            let moved: Vec<Vector<D>> = z
                .iter()
                .zip(&direction)
                .map(|(z, d)| vector::add(z, &vector::scale(step / size, d)))
                .collect();
            assert!(cost(response, &moved) > mode.cost * (1.0 - 1e-13));
        }
    }
}

/// Descends by conjugate gradients in the metric of the plain scalar product, with small steps, and no solver.
fn descend<const D: usize>(response: &LinearResponse<'_, D>, start: &[Vector<D>]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let evaluate = |z: &[f64]| {
        let cost = response.pseudoharmonic_cost(z.as_chunks::<D>().0).unwrap();
        (cost.value, cost.gradient.into_flattened())
    };
    let along = |z: &[f64], step: f64, p: &[f64]| -> Vec<f64> {
        z.iter().zip(p).map(|(z, p)| z + step * p).collect()
    };
    let mut z = start.as_flattened().to_vec();
    let (mut value, mut gradient) = evaluate(&z);
    let mut p: Vec<f64> = gradient.iter().map(|g| -g).collect();
    for _ in 0..20_000 {
        let size = dot(&z, &z).sqrt();
        // Then the value is the minimum's to the square of this.
        if dot(&gradient, &gradient).sqrt() * size < 1e-6 * value {
            return value;
        }
        if dot(&p, &gradient) >= 0.0 {
            p = gradient.iter().map(|g| -g).collect();
        }
        // A secant step, of two per cent at most, and shorter until it lowers the cost.
        let longest = 0.02 * size / dot(&p, &p).sqrt();
        let probe = 1e-3 * longest;
        let (slope, next) = (
            dot(&gradient, &p),
            dot(&evaluate(&along(&z, probe, &p)).1, &p),
        );
        let mut step = if next > slope {
            longest.min(probe * slope / (slope - next))
        } else {
            longest
        };
        while evaluate(&along(&z, step, &p)).0 > value && step > 1e-12 * longest {
            step *= 0.3;
        }
        z = along(&z, step, &p);
        let (lower, new) = evaluate(&z);
        let factor = (dot(&new, &new) - dot(&new, &gradient)) / dot(&gradient, &gradient);
        p = p
            .iter()
            .zip(&new)
            .map(|(p, g)| factor.max(0.0) * p - g)
            .collect();
        (value, gradient) = (lower, new);
    }
    panic!("the test's descent did not converge");
}

#[test]
fn small_systems_have_no_lower_minimum_that_random_starts_would_find() {
    for seed in [1, 2] {
        let glass = ipl_glass_2d(14, seed);
        let response = response(&glass);
        let found = modes(&response, &all(&response));
        for found in &found.modes {
            check_mode(&response, &found.mode);
        }
        let lowest = |modes: &mut dyn Iterator<Item = f64>| modes.fold(f64::INFINITY, f64::min);
        let from_dipoles = lowest(&mut found.modes.iter().map(|found| found.mode.cost));
        let search = SoftModeSearch::default();
        let from_anywhere = lowest(&mut (0..400).map(|start| {
            let start = displacements::<2>(14, 100 + start);
            response.pseudoharmonic_mode(&start, &search).unwrap().cost
        }));
        assert!(
            (from_anywhere / from_dipoles - 1.0).abs() < 1e-9,
            "{from_anywhere} {from_dipoles}"
        );
        // Without this crate's minimiser.
        let by_descent = lowest(
            &mut (0..20).map(|start| descend(&response, &displacements::<2>(14, 100 + start))),
        );
        assert!(
            by_descent > from_dipoles * (1.0 - 1e-9),
            "{by_descent} {from_dipoles}"
        );
    }
}

/// From the softest quarter of dipoles, a slow descent without the metric of `M` ends in the same mode: long steps skip none. From
/// others it may be caught by a stiffer mode on the way, never by a softer one.
#[test]
fn slow_descents_end_in_the_same_modes() {
    let glass = ipl_glass_2d(100, 3);
    let response = response(&glass);
    let kappa = response.dipole_stiffness_field(ONE).unwrap();
    let mut softest = all(&response);
    softest.sort_by(|&a, &b| kappa[a].total_cmp(&kappa[b]));
    let starts: Vec<usize> = softest.iter().step_by(20).copied().collect();
    let responses = response.dipole_responses(&starts, ONE).unwrap();
    for (place, (start, slow)) in starts.iter().zip(&responses).enumerate() {
        let mode = &modes(&response, &[*start]).modes[0].mode;
        let ratio = descend(&response, &slow.displacements) / mode.cost;
        assert!(ratio > 1.0 - 1e-6, "{start}: {ratio}");
        assert!(
            ratio < 1.0 + 1e-6 || 4 * place > starts.len(),
            "{start}: {ratio}"
        );
    }
}

/// The cost never rises. The stiffness may, but not by more than localisation does: `kappa^2 = C s`,
/// `s = S/|z|^4`.
fn check_descents<const D: usize>(glass: &InherentStructure<D>, every: usize) {
    let response = response(glass);
    let starts: Vec<usize> = all(&response).into_iter().step_by(every).collect();
    let found = modes(&response, &starts);
    let mut reached: Vec<usize> = Vec::new();
    for found in &found.modes {
        check_mode(&response, &found.mode);
        reached.extend(&found.starts);
        let from = response.dipole_responses(&found.starts, ONE).unwrap();
        for start in from {
            let before = response.pseudoharmonic_cost(&start.displacements).unwrap();
            assert!(found.mode.cost <= before.value * (1.0 + 1e-12));
            let localisation = |stiffness: f64, cost: f64| stiffness * stiffness / cost;
            let gained = localisation(found.mode.stiffness, found.mode.cost)
                / localisation(start.stiffness, before.value);
            assert!(found.mode.stiffness <= start.stiffness * gained.sqrt() * (1.0 + 1e-12));
        }
    }
    // Every start is in one mode, the modes differ and are sorted.
    reached.sort_unstable();
    assert_eq!(reached, starts);
    for (k, a) in found.modes.iter().enumerate() {
        for b in &found.modes[k + 1..] {
            assert!(a.mode.stiffness <= b.mode.stiffness);
            let overlap: f64 = (a.mode.displacements.as_flattened().iter())
                .zip(b.mode.displacements.as_flattened())
                .map(|(a, b)| a * b)
                .sum();
            assert!(overlap.abs() < 0.999, "{overlap}");
        }
    }
}

#[test]
fn descents_never_raise_the_cost() {
    check_descents(&ipl_glass_2d(150, 5), 3);
    check_descents(&ipl_glass(150, 5), 9);
    check_descents(&stillinger_weber_glass(100, 5), 3);
}

#[test]
fn modes_have_the_same_bits_for_any_number_of_threads() {
    let glass = ipl_glass_2d(150, 6);
    let response = response(&glass);
    let starts: Vec<usize> = all(&response).into_iter().step_by(5).collect();
    let search = SoftModeSearch::default();
    let [one, two, three] = [1, 2, 3].map(|threads| {
        let threads = NonZeroUsize::new(threads).unwrap();
        response
            .pseudoharmonic_modes(&starts, &search, threads)
            .unwrap()
    });
    assert_eq!(one, two);
    assert_eq!(one, three);
    // A start given twice is counted twice.
    let twice = modes(&response, &[starts[0], starts[0]]);
    assert_eq!(twice.modes.len(), 1);
    assert_eq!(twice.modes[0].starts, [starts[0]; 2]);
}

/// A particle that interacts with nothing changes nothing but `N`.
#[test]
fn rattlers_take_no_part() {
    let glass = ipl_glass_2d(100, 7);
    let configuration = glass.configuration();
    let mut positions = configuration.positions().to_vec();
    let mut species = configuration.species().to_vec();
    positions.insert(40, [0.123, 0.456]);
    species.insert(40, Species(2));
    let larger = Configuration::new(*configuration.cell(), positions, species).unwrap();
    let inert = |a: usize, b: usize| {
        if a.max(b) == 2 {
            1e-3
        } else {
            [1.0, 1.18, 1.4][a + b]
        }
    };
    let potential = SpeciesTable::new(3, |a, b| Ipl(inert(a, b))).unwrap();
    let tolerance = Tolerance::force_ratio(1e-10);
    let larger = InherentStructure::certify(&potential, larger, tolerance).unwrap();
    let (without, with) = (response(&glass), response(&larger));
    assert_eq!(with.hessian().rattlers(), [40]);
    let starts: Vec<usize> = (0..40).collect();
    let (without, with) = (modes(&without, &starts), modes(&with, &starts));
    let lowest = (&without.modes[0].mode, &with.modes[0].mode);
    assert!((lowest.0.stiffness / lowest.1.stiffness - 1.0).abs() < 1e-8);
    let ratio = lowest.0.participation_ratio / lowest.1.participation_ratio;
    assert!((ratio - 1.01).abs() < 1e-8);
    assert_eq!(lowest.1.displacements[40], [0.0; 2]);
}

#[test]
fn what_leads_nowhere_is_refused_and_what_does_not_converge_is_carried() {
    let glass = ipl_glass_2d(100, 8);
    let response = response(&glass);
    let search = SoftModeSearch::default();
    let short = response.pseudoharmonic_mode(&[[1.0, 0.0]; 7], &search);
    assert!(matches!(
        short,
        Err(SoftModeError::Lengths {
            found: 7,
            particles: 100
        })
    ));
    for still in [[0.0; 2], [0.3, -0.1], [f64::NAN, 0.0]] {
        let error = response
            .pseudoharmonic_mode(&[still; 100], &search)
            .unwrap_err();
        assert!(matches!(error, SoftModeError::Start { .. }), "{error}");
        let error = response.pseudoharmonic_cost(&[still; 100]).unwrap_err();
        assert!(matches!(error, SoftModeError::Start { .. }), "{error}");
    }
    let hasty = SoftModeSearch {
        iteration_limit: 3,
        ..search
    };
    let found = response.pseudoharmonic_modes(&[5, 6], &hasty, ONE).unwrap();
    assert!(found.modes.is_empty());
    assert_eq!(found.unconverged.len(), 2);
    let (start, reached) = &found.unconverged[1];
    assert_eq!((*start, reached.iterations), (6, 3));
    assert!(reached.residual > reached.tolerance);
    // It can go on from there, to where it would have come at once.
    let later = response
        .pseudoharmonic_mode(&reached.displacements, &search)
        .unwrap();
    let at_once = &modes(&response, &[6]).modes[0].mode;
    assert!((later.cost / at_once.cost - 1.0).abs() < 1e-12);
    // Beyond rounding.
    let exact = SoftModeSearch {
        tolerance: 1e-18,
        iteration_limit: 200,
    };
    let error = response
        .pseudoharmonic_mode(&reached.displacements, &exact)
        .unwrap_err();
    let SoftModeError::Unconverged(reached) = error else {
        panic!("{error}")
    };
    assert!(reached.residual < 1e-11, "{reached}");
}
