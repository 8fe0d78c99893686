//! The Stillinger-Weber model: derivatives against num-dual and generic arithmetic, its end at the cut-off,
//! and sums over lattices and disordered configurations against the formula written out.

// Equality is meant where it is asserted: the same bits.
#![allow(clippy::float_cmp)]

use num_dual::{Dual3, Dual64, DualNum, HyperDual64, second_partial_derivative, third_derivative};
use proptest::prelude::*;
use vitreous_md_core::{
    Cell, Configuration, Dual, ForceField, Potential, Radial, Seed, Species, Taylor, ThreeBody,
    Triplet, Vector, linearize,
};
use vitreous_potentials::{MixtureError, StillingerWeber};

const A: Species = Species(0);

/// Numbers of num-dual.
trait Number: DualNum<Primitive = f64> + Copy {}
impl<N: DualNum<Primitive = f64> + Copy> Number for N {}

/// Parameters that are never special.
fn models() -> impl Strategy<Value = StillingerWeber> {
    (
        (0.1..5.0_f64, 0.5..2.0_f64, 1.0..9.0_f64, 0.2..1.5_f64),
        (1.3..2.2_f64, 1.0..25.0_f64, 0.4..2.0_f64, -0.95..0.95_f64),
    )
        .prop_map(
            |((energy, length, a, b), (cutoff, lambda, gamma, cosine))| StillingerWeber {
                energy,
                length,
                pair_strength: a,
                pair_repulsion: b,
                reduced_cutoff: cutoff,
                angle_strength: lambda,
                angle_decay: gamma,
                cosine,
            },
        )
}

/// `eps A [B (sigma/r)^4 - 1] exp[sigma/(r - a sigma)]`.
fn pair<N: Number>(model: &StillingerWeber, s: N) -> N {
    let r = s.sqrt();
    let tail = ((r - model.reduced_cutoff * model.length).recip() * model.length).exp();
    ((r / model.length).powi(-4) * model.pair_repulsion - 1.0)
        * tail
        * (model.energy * model.pair_strength)
}

/// The same with every Taylor coefficient in `h = s - s_0` of every factor replaced by its magnitude: the sum
/// of the magnitudes of everything that is added up. The root `r` becomes `2 r_0 - (s_0 - h)^(1/2)`.
fn pair_majorant<N: Number>(model: &StillingerWeber, s: f64, h: N) -> N {
    let (tail, below) = tail_majorant(model, model.length, s, h);
    (below.powi(-2) * (model.pair_repulsion * model.length.powi(4)) + 1.0)
        * tail
        * (model.energy * model.pair_strength)
}

/// The majorants of `exp[decay/(r - a sigma)]` and of `s`.
fn tail_majorant<N: Number>(model: &StillingerWeber, decay: f64, s: f64, h: N) -> (N, N) {
    let below = -h + s;
    let range = model.reduced_cutoff * model.length;
    let gap = below.sqrt() + (range - 2.0 * s.sqrt());
    let exponent = (gap.recip() - 2.0 / (range - s.sqrt())) * decay;
    (exponent.exp(), below)
}

/// Derivatives 0 to 4.
fn derivatives(function: impl Fn(Dual3<Dual64>) -> Dual3<Dual64>, at: f64) -> [f64; 5] {
    let (value, first, second, third) =
        third_derivative(function, Dual64::from_re(at).derivative());
    [value.re, first.re, second.re, third.re, third.eps]
}

/// `eps lambda (cos theta - cos theta_0)^2 exp[...]` from the squared edges.
fn angle<N: Number>(model: &StillingerWeber, [ij, ik, jk]: [N; 3]) -> N {
    let range = model.reduced_cutoff * model.length;
    let decay = model.angle_decay * model.length;
    let (r_ij, r_ik) = (ij.sqrt(), ik.sqrt());
    let cosine = (ij + ik - jk) / (r_ij * r_ik * 2.0);
    let tail = (((r_ij - range).recip() + (r_ik - range).recip()) * decay).exp();
    (cosine - model.cosine).powi(2) * tail * (model.energy * model.angle_strength)
}

/// Its majorant in the changes of the squared edges.
fn angle_majorant<N: Number>(model: &StillingerWeber, edges: [f64; 3], h: [N; 3]) -> N {
    let decay = model.angle_decay * model.length;
    let (tail_ij, ij) = tail_majorant(model, decay, edges[0], h[0]);
    let (tail_ik, ik) = tail_majorant(model, decay, edges[1], h[1]);
    let sum = h[0] + h[1] + h[2] + edges.iter().sum::<f64>();
    let cosine = sum / ((ij * ik).sqrt() * 2.0) + model.cosine.abs();
    cosine.powi(2) * tail_ij * tail_ik * (model.energy * model.angle_strength)
}

type Hessian = (f64, [f64; 3], [[f64; 3]; 3]);

/// Value, gradient and Hessian in three variables, by two increments of zero.
fn hessian(function: impl Fn([HyperDual64; 3]) -> HyperDual64, at: [f64; 3]) -> Hessian {
    let mut all = (0.0, [0.0; 3], [[0.0; 3]; 3]);
    for e in 0..3 {
        for f in 0..3 {
            (all.0, all.1[e], _, all.2[e][f]) = second_partial_derivative(
                |(x, y)| {
                    let mut point = at.map(HyperDual64::from_re);
                    point[e] += x;
                    point[f] += y;
                    function(point)
                },
                (0.0, 0.0),
            );
        }
    }
    all
}

/// By the generic energy, as the trait provides it.
fn generic_hessian(function: &impl Triplet, edges: [f64; 3]) -> Hessian {
    let energy = function.energy(A, [A, A], Dual::variables(Dual::variables(edges)));
    (
        energy.value.value,
        energy.value.gradient,
        energy.gradient.map(|component| component.gradient),
    )
}

fn close(value: f64, expected: f64, tolerance: f64, what: &str) -> Result<(), TestCaseError> {
    prop_assert!(
        (value - expected).abs() <= tolerance,
        "{what}: {value} instead of {expected}, further than {tolerance:e}"
    );
    Ok(())
}

/// Both routes round some fifty times, relative to the magnitudes of what they add up; the exponential also
/// carries the rounding of its argument, up to some hundreds.
const TOLERANCE: f64 = 1e-12;

/// Fractions of the range: anywhere, and near the cut-off, where the exponential is below 1e-50.
fn fractions() -> impl Strategy<Value = f64> {
    prop_oneof![0.35..0.99_f64, 0.99..0.996_f64]
}

proptest! {
    #[test]
    fn pair_derivatives(model in models(), fraction in fractions()) {
        let function = model.pair().unwrap();
        prop_assert_eq!(function.range(), model.reduced_cutoff * model.length);
        let s = (fraction * function.range()).powi(2);
        let ours = function.derivatives::<5>(s);
        let series = function.energy(Taylor::<5>::variable(s)).derivatives();
        let expected = derivatives(|s| pair(&model, s), s);
        let sizes = derivatives(|h| pair_majorant(&model, s, h), 0.0);
        for k in 0..5 {
            let tolerance = TOLERANCE * sizes[k];
            close(ours[k], expected[k], tolerance, &format!("derivative {k}"))?;
            close(series[k], expected[k], tolerance, &format!("derivative {k} of the series"))?;
        }
        close(function.energy(s), ours[0], TOLERANCE * sizes[0], "energy")?;
        // Asking for fewer derivatives gives the same ones.
        prop_assert_eq!(function.derivatives::<1>(s)[0], ours[0]);
        prop_assert_eq!(&function.derivatives::<2>(s)[..], &ours[..2]);
        prop_assert_eq!(&function.derivatives::<3>(s)[..], &ours[..3]);
    }

    /// Any angle, straight and folded ones too.
    #[test]
    fn angle_derivatives(
        model in models(),
        fractions in [fractions(), fractions()],
        cosine in prop_oneof![
            -1.0..1.0_f64,
            (0.0..1e-3_f64).prop_map(|x| x * x - 1.0),
            (0.0..1e-3_f64).prop_map(|x| 1.0 - x * x),
        ],
    ) {
        let function = model.angle().unwrap();
        prop_assert_eq!(function.range(), model.reduced_cutoff * model.length);
        let [ij, ik] = fractions.map(|fraction| fraction * function.range());
        let edges = [ij * ij, ik * ik, ij * ij + ik * ik - 2.0 * ij * ik * cosine];
        let expected = hessian(|edges| angle(&model, edges), edges);
        let sizes = hessian(|h| angle_majorant(&model, edges, h), [0.0; 3]);
        for (energy, gradient, hessian) in [
            function.hessian(A, [A, A], edges),
            generic_hessian(&function, edges),
        ] {
            close(energy, expected.0, TOLERANCE * sizes.0, "energy")?;
            for e in 0..3 {
                close(gradient[e], expected.1[e], TOLERANCE * sizes.1[e], &format!("g{e}"))?;
                for f in 0..3 {
                    let tolerance = TOLERANCE * sizes.2[e][f];
                    close(hessian[e][f], expected.2[e][f], tolerance, &format!("h{e}{f}"))?;
                }
            }
        }
        let (energy, gradient, _) = function.hessian(A, [A, A], edges);
        prop_assert_eq!(function.gradient(A, [A, A], edges), (energy, gradient));
        let value = function.energy(A, [A, A], edges);
        close(value, energy, TOLERANCE * sizes.0, "energy without derivatives")?;
        // Exchanging the ends exchanges the legs.
        let [a, b, c] = edges;
        let (exchanged, slopes, _) = function.hessian(A, [A, A], [b, a, c]);
        close(exchanged, energy, TOLERANCE * sizes.0, "energy with ends exchanged")?;
        close(slopes[0], gradient[1], TOLERANCE * sizes.1[1], "g1 with ends exchanged")?;
    }

    /// Up to the cut-off and at it: no overflow where the exponential underflows, but exact zeros.
    #[test]
    fn everything_vanishes_at_the_cutoff(model in models(), digits in 3.0..17.0_f64, other in 0.4..1.0_f64) {
        let pair = model.pair().unwrap();
        let angle = model.angle().unwrap();
        let range = pair.range();
        let gaps = [10.0_f64.powf(-digits) * range, 0.0];
        for gap in gaps {
            let s = (range - gap).powi(2).min((range * range).next_down());
            let energies = pair.derivatives::<5>(s);
            prop_assert!(energies.iter().all(|energy| energy.is_finite()), "{energies:?}");
            let series = pair.energy(Taylor::<5>::variable(s)).derivatives();
            prop_assert!(series.iter().all(|energy| energy.is_finite()), "{series:?}");
            let end = range - s.sqrt();
            prop_assert_eq!(energies == [0.0; 5], 700.0 * end <= model.length);
            prop_assert_eq!(series == [0.0; 5], 700.0 * end <= model.length);
            for edges in [[s, other * s, s], [other * s, s, 0.5 * s], [s, s, s]] {
                let edges = edges.map(|edge| edge.min((range * range).next_down()));
                let far = 700.0 * (range - edges[0].sqrt().max(edges[1].sqrt()));
                let zero = far <= model.angle_decay * model.length;
                for (energy, gradient, hessian) in [
                    angle.hessian(A, [A, A], edges),
                    generic_hessian(&angle, edges),
                ] {
                    let all = hessian.as_flattened().iter().chain(&gradient).chain([&energy]);
                    for value in all {
                        prop_assert!(value.is_finite(), "{energy} {gradient:?} {hessian:?}");
                        prop_assert!(*value == 0.0 || !zero);
                    }
                }
                let (energy, gradient) = angle.gradient(A, [A, A], edges);
                prop_assert!(energy.is_finite() && gradient.iter().all(|g| g.is_finite()));
            }
        }
    }
}

/// Zero beyond an exponent of 700 and not before: `exp(-701)` and `exp(-699)`, pair and both legs of an angle.
#[test]
fn the_exponential_ends_where_it_underflows() {
    let model = StillingerWeber::default();
    let (pair, angle) = (model.pair().unwrap(), model.angle().unwrap());
    for (exponent, zero) in [(699.0, false), (701.0, true)] {
        let s = (1.8_f64 - 1.0 / exponent).powi(2);
        assert_eq!(pair.derivatives::<3>(s) == [0.0; 3], zero);
        assert_eq!(pair.energy(s) == 0.0, zero);
        let s = (1.8_f64 - 1.2 / exponent).powi(2);
        for edges in [[s, 1.0, 2.0], [1.0, s, 2.0]] {
            assert_eq!(angle.energy(A, [A, A], edges) == 0.0, zero);
            assert_eq!(angle.gradient(A, [A, A], edges).0 == 0.0, zero);
            assert_eq!(angle.hessian(A, [A, A], edges).0 == 0.0, zero);
        }
    }
}

#[test]
fn the_numbers_are_those_of_the_papers() {
    let expected = StillingerWeber {
        energy: 1.0,
        length: 1.0,
        pair_strength: 7.049556277,
        pair_repulsion: 0.6022245584,
        reduced_cutoff: 1.8,
        angle_strength: 18.75,
        angle_decay: 1.2,
        cosine: -1.0 / 3.0,
    };
    assert_eq!(StillingerWeber::default(), expected);
    let silicon = StillingerWeber::silicon();
    assert_eq!(silicon.angle_strength, 21.0);
    assert_eq!(
        StillingerWeber {
            angle_strength: 18.75,
            ..silicon
        },
        expected
    );
    // The pair minimum at 2^(1/6) with depth 1, to the ten digits of A and B.
    let [depth, slope] = silicon.pair().unwrap().derivatives::<2>(2.0_f64.cbrt());
    assert!((depth + 1.0).abs() < 3e-10, "{depth}");
    // In units of the depth times the decay of the terms, some 10.
    assert!(slope.abs() < 3e-9, "{slope}");
}

#[test]
fn impossible_parameters_are_refused() {
    type Change = fn(&mut StillingerWeber, f64);
    let positive: [(Change, &str); 3] = [
        (|model, value| model.length = value, "length"),
        (|model, value| model.reduced_cutoff = value, "cut-off"),
        (|model, value| model.angle_decay = value, "gamma"),
    ];
    let finite: [(Change, &str); 4] = [
        (|model, value| model.energy = value, "energy"),
        (|model, value| model.pair_strength = value, "strength A"),
        (|model, value| model.pair_repulsion = value, "repulsion B"),
        (
            |model, value| model.angle_strength = value,
            "strength lambda",
        ),
    ];
    let cosine: (Change, &str) = (|model, value| model.cosine = value, "cosine");
    let refused = |(change, word): (Change, &str), value: f64| {
        let mut model = StillingerWeber::default();
        change(&mut model, value);
        let error = model.potential().unwrap_err();
        assert!(matches!(error, MixtureError::Parameter(_)));
        let text = error.to_string();
        assert!(
            text.contains(word) && text.contains(&value.to_string()),
            "{text}"
        );
    };
    for value in [f64::NAN, f64::INFINITY] {
        for change in positive.into_iter().chain(finite).chain([cosine]) {
            let mut model = StillingerWeber::default();
            change.0(&mut model, value);
            let text = model.potential().unwrap_err().to_string();
            assert!(text.contains(change.1), "{text}");
        }
    }
    for change in positive {
        let mut model = StillingerWeber::default();
        for value in [0.0, -1.0] {
            change.0(&mut model, value);
            assert!(model.potential().is_err());
            // Each part checks what it uses.
            assert!(model.angle().is_err());
        }
    }
    refused(cosine, 1.5);
    refused(cosine, -1.5);
    for value in [-1.0, 1.0] {
        let model = StillingerWeber {
            cosine: value,
            ..StillingerWeber::default()
        };
        assert!(model.potential().is_ok());
    }
}

fn energy(potential: &dyn Potential<3>, configuration: &Configuration<3>) -> f64 {
    ForceField::new(potential)
        .evaluate(configuration)
        .unwrap()
        .energy()
}

/// Four bonds of length `2^(1/6)` per particle, two particles per bond: `E/N = -2`, and no angle energy.
#[test]
fn the_diamond_lattice_has_two_bonds_per_particle() {
    let edge = 4.0 / 3.0_f64.sqrt() * 2.0_f64.powf(1.0 / 6.0);
    let sites = [
        [0.0, 0.0, 0.0],
        [0.0, 0.5, 0.5],
        [0.5, 0.0, 0.5],
        [0.5, 0.5, 0.0],
    ];
    let positions: Vec<Vector<3>> = [0.0, 0.25]
        .into_iter()
        .flat_map(|shift| sites.map(|site| site.map(|c| (c + shift) * edge)))
        .collect();
    let cell = Cell::orthorhombic([edge; 3]).unwrap();
    let diamond = Configuration::new(cell, positions, vec![A; 8]).unwrap();
    for model in [StillingerWeber::default(), StillingerWeber::silicon()] {
        let potential = model.potential().unwrap();
        let per_particle = energy(&potential, &diamond) / 8.0;
        // Ten digits of A and B.
        assert!((per_particle + 2.0).abs() < 6e-10, "{per_particle}");
        let angle = ThreeBody::new(model.angle().unwrap()).unwrap();
        // Angle by angle, the square of a rounding; in sums over legs, roundings of sums of order one.
        let angles = linearize(&angle, &diamond).unwrap().energy();
        assert!(angles.abs() < 1e-25, "{angles}");
        let angles = energy(&angle, &diamond);
        assert!(angles.abs() < 1e-13, "{angles}");
        // The force of every bond vanishes to the same digits.
        let mechanics = ForceField::new(&potential).evaluate(&diamond).unwrap();
        assert!(
            mechanics.pressure().abs() < 1e-8,
            "{}",
            mechanics.pressure()
        );
    }
}

/// Disordered configurations at the density of the liquid; in the smallest, particles see their own images.
fn disordered() -> Vec<Configuration<3>> {
    [1, 2, 8, 27]
        .into_iter()
        .map(|particles| {
            // A single particle must see itself within the range.
            let density = if particles == 1 { 0.45 } else { 0.52 };
            Configuration::random(particles, density, &[1.0], Seed(5 + particles as u64)).unwrap()
        })
        .collect()
}

/// The energy as it is printed: the sums over pairs and over pairs of neighbours of every particle, over all
/// images, with angles from the vectors. Returns the sum and the sum of the magnitudes.
fn printed_energy(model: &StillingerWeber, configuration: &Configuration<3>) -> [f64; 2] {
    let range = model.reduced_cutoff * model.length;
    let (cell, positions) = (configuration.cell(), configuration.positions());
    let norm = |r: &Vector<3>| r.iter().map(|c| c * c).sum::<f64>().sqrt();
    let reach = -3..=3;
    let mut sums = [0.0; 2];
    for center in positions {
        let mut neighbours = Vec::new();
        for other in positions {
            for (a, b, c) in reach.clone().flat_map(|a| {
                let reach = reach.clone();
                reach
                    .clone()
                    .flat_map(move |b| reach.clone().map(move |c| (a, b, c)))
            }) {
                let image = cell.translation(&[a, b, c]);
                let r: Vector<3> = std::array::from_fn(|k| other[k] + image[k] - center[k]);
                let distance = norm(&r);
                if distance > 0.0 && distance < range {
                    neighbours.push(r);
                }
            }
        }
        for (index, first) in neighbours.iter().enumerate() {
            let r = norm(first);
            let decay = |r: f64| model.length / (r - range);
            let strength = 0.5 * model.energy * model.pair_strength * decay(r).exp();
            let repulsion = model.pair_repulsion * (model.length / r).powi(4);
            sums[0] += strength * (repulsion - 1.0);
            sums[1] += strength * (repulsion + 1.0);
            for second in &neighbours[..index] {
                let product: f64 = (0..3).map(|k| first[k] * second[k]).sum();
                let cosine = product / (r * norm(second));
                let tail = (model.angle_decay * (decay(r) + decay(norm(second)))).exp();
                let strength = model.energy * model.angle_strength * tail;
                sums[0] += strength * (cosine - model.cosine).powi(2);
                sums[1] += strength * (cosine.abs() + model.cosine.abs()).powi(2);
            }
        }
    }
    sums
}

fn variants() -> [StillingerWeber; 2] {
    [
        StillingerWeber::silicon(),
        StillingerWeber {
            energy: 1.7,
            length: 0.95,
            pair_strength: 6.1,
            pair_repulsion: 0.7,
            reduced_cutoff: 1.9,
            angle_strength: 11.0,
            angle_decay: 0.8,
            cosine: 0.2,
        },
    ]
}

#[test]
fn energies_are_the_printed_sums() {
    for configuration in disordered() {
        for model in variants() {
            let [expected, size] = printed_energy(&model, &configuration);
            let ours = energy(&model.potential().unwrap(), &configuration);
            assert!(size > 0.1, "{size}");
            // Some thousand terms of some thirty roundings each, as a random walk: 1e3^(1/2) x 30 u = 1e-13.
            assert!(
                (ours - expected).abs() < 1e-12 * size,
                "{ours} {expected} {size}"
            );
        }
    }
}

/// Six-point differences: `f'(x) = [45 (f_1 - f_-1) - 9 (f_2 - f_-2) + f_3 - f_-3]/60h + h^6 f^(7)/140`.
fn difference(h: f64, mut at: impl FnMut(f64) -> f64) -> f64 {
    let mut odd = |k: f64| at(k * h) - at(-k * h);
    (45.0 * odd(1.0) - 9.0 * odd(2.0) + odd(3.0)) / (60.0 * h)
}

/// Forces against differences of the energy.
#[test]
fn forces_are_differences_of_the_energy() {
    // Near the cut-off the seventh derivative of the energy is some 1e10: h^6 1e10/140 = 7e-11. Energies of some
    // 30 carry some ten roundings, divided by h: 3e-11.
    let h = 0.001;
    for configuration in disordered() {
        for model in variants() {
            let potential = model.potential().unwrap();
            let forces = ForceField::new(&potential)
                .evaluate(&configuration)
                .unwrap()
                .forces;
            let largest = forces
                .as_flattened()
                .iter()
                .fold(1.0_f64, |m, f| m.max(f.abs()));
            let moved = |particle: usize, k: usize, by: f64| {
                let mut moved = configuration.clone();
                moved.positions_mut()[particle][k] += by;
                moved
            };
            for particle in 0..configuration.len().min(3) {
                for k in 0..3 {
                    let slope = difference(h, |x| energy(&potential, &moved(particle, k, x)));
                    let force = forces[particle][k];
                    assert!(
                        (slope + force).abs() < 1e-9 * largest,
                        "{slope} {force} {largest}"
                    );
                }
            }
        }
    }
}
