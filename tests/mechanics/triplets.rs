//! Three-body terms: the Stillinger-Weber potential, written as a user would, and that of the library.

use crate::differences::{check_derivatives, slope};
use crate::reference::*;
use rand::RngExt;
use vitreous::md_core::{Linearization, Vector};
use vitreous::prelude::*;

const LARGEST_LEG: f64 = 1.8;

/// `A (B r^-4 - 1) exp[1/(r - a)]`.
#[derive(Clone, Copy)]
struct StillingerWeberPair;

impl Radial for StillingerWeberPair {
    fn range(&self) -> f64 {
        LARGEST_LEG
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let tail = (squared_distance.sqrt() - LARGEST_LEG).recip().exp();
        (squared_distance.powi(-2) * 0.6022245584 - 1.0) * tail * 7.049556277
    }
}

/// `lambda (cos theta_jik + 1/3)^2 exp[g/(r_ij - a) + g/(r_ik - a)]`.
#[derive(Clone, Copy)]
struct StillingerWeberAngle {
    strength: f64,
}

impl Triplet for StillingerWeberAngle {
    fn range(&self) -> f64 {
        LARGEST_LEG
    }
    fn species_count(&self) -> usize {
        1
    }
    fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], squared_edges: [S; 3]) -> S {
        let [ij, ik, jk] = squared_edges;
        let (r_ij, r_ik) = (ij.sqrt(), ik.sqrt());
        let cosine = (ij + ik - jk) / (r_ij * r_ik * 2.0);
        let tail = ((r_ij - LARGEST_LEG).recip() + (r_ik - LARGEST_LEG).recip()) * 1.2;
        (cosine + 1.0 / 3.0).powi(2) * tail.exp() * self.strength
    }
}

fn stillinger_weber(
    strength: f64,
) -> Sum<SpeciesTable<StillingerWeberPair>, ThreeBody<StillingerWeberAngle>> {
    Sum(
        SpeciesTable::uniform(StillingerWeberPair).unwrap(),
        ThreeBody::new(StillingerWeberAngle { strength }).unwrap(),
    )
}

/// The energy as it is printed: all pairs, and all pairs of neighbours of every particle, with angles from
/// the vectors themselves. Returns the pair and the angle part.
fn stillinger_weber_energy(sample: &Sample<3>, strength: f64) -> [f64; 2] {
    let mut energy = [0.0; 2];
    let pairs = sample.ordered_pairs(LARGEST_LEG);
    for (i, _, first) in &pairs {
        let r = length(first);
        energy[0] +=
            0.5 * 7.049556277 * (0.6022245584 / r.powi(4) - 1.0) * (1.0 / (r - LARGEST_LEG)).exp();
        for (centre, _, second) in &pairs {
            if i == centre && !std::ptr::eq(first, second) {
                let product: f64 = (0..3).map(|k| first[k] * second[k]).sum();
                let cosine = product / (r * length(second));
                let tail = 1.2 / (r - LARGEST_LEG) + 1.2 / (length(second) - LARGEST_LEG);
                // Ordered pairs of neighbours: each angle twice.
                energy[1] += 0.5 * strength * (cosine + 1.0 / 3.0).powi(2) * tail.exp();
            }
        }
    }
    energy
}

/// The diamond lattice of `cubes^3` conventional cells with nearest neighbours at `distance`.
fn diamond(cubes: i32, distance: f64) -> Sample<3> {
    let edge = 4.0 / 3.0_f64.sqrt() * distance;
    let basis = [
        [0.0, 0.0, 0.0],
        [0.0, 0.5, 0.5],
        [0.5, 0.0, 0.5],
        [0.5, 0.5, 0.0],
    ];
    let mut positions = Vec::new();
    for cube in 0..cubes.pow(3) {
        let corner = [cube % cubes, cube / cubes % cubes, cube / cubes / cubes].map(f64::from);
        for site in basis {
            for shift in [0.0, 0.25] {
                positions.push(std::array::from_fn(|k| {
                    edge * (corner[k] + site[k] + shift)
                }));
            }
        }
    }
    let mut rows = [[0.0; 3]; 3];
    for k in 0..3 {
        rows[k][k] = f64::from(cubes) * edge;
    }
    let species = vec![0; positions.len()];
    Sample {
        rows,
        positions,
        species,
    }
}

/// Four bonds of depth 1, shared by two, and no angle energy: `E/N = -2` at `r = 2^(1/6)`, and no force.
/// One cube is smaller than twice the range.
#[test]
fn perfect_diamond_has_energy_minus_two() {
    for cubes in [1, 2, 3] {
        let configuration = diamond(cubes, 2.0_f64.powf(1.0 / 6.0)).wrapped();
        let particles = configuration.len() as f64;
        let found = evaluate(&stillinger_weber(18.75), &configuration);
        // A and B are printed to ten digits; their terms in the depth are 3.6 and 2.6 times exp(-1.48)
        // smaller and cancel to 1: an error of about 5e-10 of each, and four bonds.
        assert!((found.energy() / particles + 2.0).abs() < 2e-9);
        // The same digits leave a slope of the pair energy, of up to ten times that, in each bond; by
        // symmetry it does not show in the forces, which are rounding.
        assert!(
            found.balance().largest < 1e-12,
            "{}",
            found.balance().largest
        );
        assert!(found.pressure().abs() < 2e-8, "{}", found.pressure());
        let angles = evaluate(
            &ThreeBody::new(StillingerWeberAngle { strength: 18.75 }).unwrap(),
            &configuration,
        );
        // The square of a rounding.
        assert!(angles.energy().abs() < 1e-25, "{}", angles.energy());
    }
}

/// Disordered configurations, from a box in which particles see their own images to a larger, sheared one.
fn disordered() -> Vec<Sample<3>> {
    let mut random = Seed(9).stream("disordered", &[]);
    let mut samples = Vec::new();
    for (per_edge, tilt) in [(1, 0.0), (2, 0.0), (2, 0.6), (3, 0.3)] {
        // Density 0.52, but a single particle must see itself.
        let spacing = if per_edge == 1 { 1.3 } else { 1.2436 };
        let rows = sheared(spacing * f64::from(per_edge), tilt, &mut random);
        let mut sample = Sample::jittered(rows, per_edge as usize, &mut random);
        sample.species.fill(0);
        samples.push(sample);
    }
    samples
}

#[test]
fn stillinger_weber_agrees_with_every_triplet_and_image() {
    for sample in disordered() {
        for strength in [18.75, 21.0] {
            let configuration = sample.configuration(|| [2, -1, 3]);
            let [pairs, angles] = stillinger_weber_energy(&sample, strength);
            let found = evaluate(&stillinger_weber(strength), &configuration);
            let size = pairs.abs() + angles;
            assert!(angles > 0.1, "the angles must count");
            // Two dozen roundings in each of some hundred terms, amplified near the range, where
            // exp[1/(r-a)] has a relative slope of 1/(r-a)^2: below 100 while the term is above 1e-5.
            assert!((found.energy() - pairs - angles).abs() < 1e-12 * size);
        }
    }
}

#[test]
fn stillinger_weber_forces_and_stress_are_derivatives() {
    let model = stillinger_weber(18.75);
    for sample in disordered() {
        let configuration = sample.wrapped();
        let found = evaluate(&model, &configuration);
        let pairs = sample.ordered_pairs(LARGEST_LEG).len() as f64;
        // As for pairs (see `slope`): roundings of up to a few hundred terms of order one; forces of the
        // terms are of order ten.
        let tolerance = 1e-9;
        assert!(pairs > 0.0 && found.balance().interaction > 1.0);
        let energy = |moved: &Configuration<3>| {
            let moved = Sample {
                rows: *moved.cell().vectors(),
                positions: moved.positions().to_vec(),
                species: sample.species.clone(),
            };
            stillinger_weber_energy(&moved, 18.75).iter().sum()
        };
        check_derivatives(&configuration, &found, &energy, [tolerance; 2]);
    }
}

/// The second way to the forces: through squared edges with their second derivatives.
#[test]
fn stillinger_weber_linearisation_has_the_forces_of_the_force_pass() {
    let model = stillinger_weber(18.75);
    for sample in disordered() {
        let configuration = sample.configuration(|| [0, 2, -3]);
        let found = evaluate(&model, &configuration);
        let expansion = linearize(&model, &configuration).unwrap();
        let size = found.balance().interaction;
        // The same numbers, added up in another order.
        assert!((expansion.energy() - found.energy()).abs() < 1e-13 * 100.0);
        assert!(largest_difference(&expansion.forces(), &found.forces) < 1e-12 * size);
        let gradient = expansion.strain_gradient();
        assert!(
            largest_difference(&gradient, &found.totals.strain_gradient) < 1e-12 * size * 100.0
        );
        let squares = found.totals.squared_term_forces;
        assert!((expansion.totals().squared_term_forces - squares).abs() < 1e-12 * squares);
        check_second_derivatives(&model, &configuration, &expansion);
    }
}

/// `sum_j d2U/dx_i dx_j u_j = -dF_i/du` along a random direction: the curvatures and couplings.
fn check_second_derivatives(
    model: &dyn Potential<3>,
    configuration: &Configuration<3>,
    expansion: &Linearization<3>,
) {
    let mut random = Seed(4).stream("direction", &[]);
    let direction: Vec<Vector<3>> = (0..configuration.len())
        .map(|_| std::array::from_fn(|_| random.random_range(-1.0..1.0)))
        .collect();
    // ds_e = 2 r_e . u_e, dg_e = sum_f h_ef ds_f, dF_j = -2 (dg_e r_e + g_e u_e).
    let edges = expansion.edges();
    let relative = |e: usize| -> Vector<3> {
        let (i, j) = (edges[e].i as usize, edges[e].j as usize);
        std::array::from_fn(|k| direction[j][k] - direction[i][k])
    };
    let stretch: Vec<f64> = (0..edges.len())
        .map(|e| {
            (0..3)
                .map(|k| 2.0 * edges[e].vector[k] * relative(e)[k])
                .sum()
        })
        .collect();
    let mut change: Vec<f64> = (0..edges.len())
        .map(|e| edges[e].curvature * stretch[e])
        .collect();
    for coupling in expansion.couplings() {
        let (e, f) = (coupling.first as usize, coupling.second as usize);
        change[e] += coupling.curvature * stretch[f];
        change[f] += coupling.curvature * stretch[e];
    }
    let mut product = vec![[0.0; 3]; configuration.len()];
    for (e, edge) in edges.iter().enumerate() {
        for k in 0..3 {
            let force = 2.0 * (change[e] * edge.vector[k] + edge.gradient * relative(e)[k]);
            product[edge.i as usize][k] += force;
            product[edge.j as usize][k] -= force;
        }
    }
    for i in 0..configuration.len() {
        for k in 0..3 {
            let difference = slope(|step| {
                let mut moved = configuration.clone();
                for (x, u) in moved.positions_mut().iter_mut().zip(&direction) {
                    for l in 0..3 {
                        x[l] += step * u[l];
                    }
                }
                evaluate(model, &moved).forces[i][k]
            });
            // As for energies, with forces of up to a hundred terms of order ten in their place.
            assert!(
                (product[i][k] - difference).abs() < 1e-8,
                "{} but {difference} by differences",
                product[i][k]
            );
        }
    }
}
