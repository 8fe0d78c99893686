//! Derivatives along straight paths, of every model: against the force pass, against the Hessian, and each
//! order against differences of the one below.

use rand::RngExt;
use vitreous::linresp::Hessian;
use vitreous::md_core::vector::{identity, inverse, norm_squared, subtract, transform};
use vitreous::md_core::{
    Direction, DirectionalDerivatives, Matrix, Vector, brute_force_pairs, directional_derivatives,
};
use vitreous::prelude::*;

/// A disordered configuration in a sheared cell, dense enough for every model to have many terms.
fn configuration<const D: usize>(species: usize, density: f64, seed: u64) -> Configuration<D> {
    let composition = vec![1.0 / species as f64; species];
    let particles = if D == 2 { 60 } else { 48 };
    let start = Configuration::random(particles, density, &composition, Seed(seed)).unwrap();
    let mut shear = identity::<D>();
    shear[0][1] = 0.2;
    let sheared = start.deformed(&shear).unwrap();
    let diameters = (0..particles).map(|i| 0.8 + 0.005 * i as f64).collect();
    sheared.with_diameters(diameters).unwrap()
}

fn polydisperse() -> Polydisperse<Smoothed<InversePower, 3>> {
    let soft = Smoothed::new(InversePower::new(1.0, 1.0, 12), 1.25).unwrap();
    Polydisperse::new(soft, 0.2, 1.5).unwrap()
}

/// Every model of the catalogue and of the library's parts, with the densities to test them at.
fn models<const D: usize>() -> Vec<(&'static str, usize, f64, Box<dyn Potential<D>>)> {
    let mut models: Vec<(&'static str, usize, f64, Box<dyn Potential<D>>)> = Catalogue::models()
        .into_iter()
        .map(|model| {
            let density = model.usual_mixture(D).map_or(0.9, |usual| usual.density);
            let potential = model.potential::<D>().unwrap();
            (model.name, model.labels().len(), density, potential)
        })
        .collect();
    models.push(("polydisperse", 1, 1.0, Box::new(polydisperse())));
    models
}

/// How far the nearest pair is from its cut-off, where some derivative jumps.
fn clearance<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: &Configuration<D>,
) -> f64 {
    let species = configuration.species();
    brute_force_pairs(configuration, potential.range() + 0.1)
        .iter()
        .map(|(i, j, r)| {
            (norm_squared(r).sqrt() - potential.pair_range(species[*i], species[*j])).abs()
        })
        .fold(f64::INFINITY, f64::min)
}

fn along<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: &Configuration<D>,
    displacements: &[Vector<D>],
    strain: Matrix<D>,
) -> DirectionalDerivatives<D> {
    let direction = Direction::displacements(displacements).with_strain(strain);
    directional_derivatives(potential, configuration, &direction).unwrap()
}

/// The state at the parameter `a` of a path, with the direction in which the path goes on from there.
///
/// Edges move as `w = u + E r(0)` with `r(a) = F r(0) + a u`, `F = I + a E`; in terms of `r(a)` that is the
/// strain `E F^-1` and the displacements `(I - a E F^-1) z`.
fn moved<const D: usize>(
    configuration: &Configuration<D>,
    displacements: &[Vector<D>],
    strain: &Matrix<D>,
    a: f64,
) -> (Configuration<D>, Vec<Vector<D>>, Matrix<D>) {
    let mut gradient = identity::<D>();
    for k in 0..D {
        for l in 0..D {
            gradient[k][l] += a * strain[k][l];
        }
    }
    let back = inverse(&gradient).1.unwrap();
    let onward: Matrix<D> = std::array::from_fn(|k| {
        std::array::from_fn(|l| (0..D).map(|m| strain[k][m] * back[m][l]).sum())
    });
    let mut state = configuration.deformed(&gradient).unwrap();
    for (x, z) in state.positions_mut().iter_mut().zip(displacements) {
        for k in 0..D {
            x[k] += a * z[k];
        }
    }
    let rest = displacements
        .iter()
        .map(|z| subtract(z, &transform(&onward, z).map(|c| a * c)))
        .collect();
    (state, rest, onward)
}

/// The largest of the numbers and the largest difference.
fn compare(found: &[f64], expected: &[f64]) -> (f64, f64) {
    assert_eq!(found.len(), expected.len());
    found
        .iter()
        .zip(expected)
        .fold((0.0, 0.0), |worst, (f, e)| {
            (f64::max(worst.0, e.abs()), f64::max(worst.1, (f - e).abs()))
        })
}

fn random_direction<const D: usize>(particles: usize) -> (Vec<Vector<D>>, Matrix<D>) {
    let mut random = Seed(5).stream("direction", &[D as u64]);
    let mut vector = || std::array::from_fn(|_| random.random_range(-0.3..0.3));
    (
        (0..particles).map(|_| vector()).collect(),
        std::array::from_fn(|_| vector()),
    )
}

/// All numbers of one order, one after another.
fn numbers<const D: usize>(derivatives: &DirectionalDerivatives<D>, order: usize) -> Vec<f64> {
    let mut numbers = vec![derivatives.energy[order]];
    numbers.extend(derivatives.gradient[order].as_flattened());
    numbers.extend(derivatives.strain_gradient[order].as_flattened());
    numbers
}

fn check<const D: usize>() {
    for (name, species, density, potential) in models::<D>() {
        let start = (0..100)
            .map(|seed| configuration::<D>(species, density, seed))
            .find(|start| clearance(&*potential, start) > 2.5e-4)
            .unwrap();
        let (displacements, strain) = random_direction::<D>(start.len());
        let found = along(&*potential, &start, &displacements, strain);

        // Order 0 is the force pass.
        let mechanics = ForceField::new(&*potential).evaluate(&start).unwrap();
        let forces: Vec<f64> = mechanics.forces.as_flattened().iter().map(|f| -f).collect();
        let (size, difference) = compare(found.gradient[0].as_flattened(), &forces);
        assert!(
            difference < 1e-12 * size,
            "{name}: forces differ by {difference} of {size}"
        );
        let stress = mechanics.totals.strain_gradient;
        let (size, difference) = compare(
            found.strain_gradient[0].as_flattened(),
            stress.as_flattened(),
        );
        assert!(
            difference < 1e-12 * size,
            "{name}: stress differs by {difference} of {size}"
        );
        let energy = mechanics.energy();
        assert!(
            (found.energy[0] - energy).abs() < 1e-12 * size.max(energy.abs()),
            "{name}"
        );

        // Order 1 along displacements is the Hessian's product, by both of its routes.
        let expansion = linearize(&*potential, &start).unwrap();
        let hessian = Hessian::new(&expansion);
        let flat = displacements.as_flattened();
        let response = along(&*potential, &start, &displacements, [[0.0; D]; D]);
        for apply in [Hessian::apply, Hessian::apply_edges] {
            let mut product = vec![0.0; flat.len()];
            apply(&hessian, flat, &mut product);
            let (size, difference) = compare(response.gradient[1].as_flattened(), &product);
            assert!(
                difference < 1e-12 * size,
                "{name}: M z differs by {difference} of {size}"
            );
        }

        // The energy's derivatives are the gradient's work on the displacements.
        for order in 0..3 {
            let gradient = response.gradient[order].as_flattened();
            let work: f64 = gradient.iter().zip(flat).map(|(g, z)| g * z).sum();
            let size: f64 = gradient.iter().zip(flat).map(|(g, z)| (g * z).abs()).sum();
            assert!(
                (response.energy[order + 1] - work).abs() < 1e-12 * size,
                "{name} {order}"
            );
        }

        // Each order from the one below, by a difference of fourth order. Derivatives of steep potentials
        // grow by a factor of about 30 with each order: the error of the difference is some
        // 30^5 h^4/30 = 1e-11 for h = 5e-5 beside roundings of 1e-15/h = 2e-11, all relative.
        // Edges change by at most 2 h |w| < 2.5e-4: none crosses its cut-off.
        let h = 5e-5;
        let states = [-2.0, -1.0, 1.0, 2.0].map(|step| {
            let (state, rest, onward) = moved(&start, &displacements, &strain, step * h);
            along(&*potential, &state, &rest, onward)
        });
        for order in 1..4 {
            let below = states.each_ref().map(|state| numbers(state, order - 1));
            let slopes: Vec<f64> = (0..below[0].len())
                .map(|k| {
                    (below[0][k] - 8.0 * below[1][k] + 8.0 * below[2][k] - below[3][k]) / (12.0 * h)
                })
                .collect();
            let (size, difference) = compare(&numbers(&found, order), &slopes);
            assert!(
                difference < 1e-8 * size,
                "{name}, D = {D}: order {order} differs by {difference} of {size}"
            );
        }
    }
}

#[test]
fn every_order_is_the_derivative_of_the_one_below_in_two_dimensions() {
    check::<2>();
}

#[test]
fn every_order_is_the_derivative_of_the_one_below_in_three_dimensions() {
    check::<3>();
}

#[test]
fn mixed_contractions_follow_from_sums_and_differences() {
    // U''' : y z is linear in each: with z = y1 + y2 the parts add up.
    let potential = polydisperse();
    let start = configuration::<3>(1, 1.0, 3);
    let (y, _) = random_direction::<3>(start.len());
    let mut z = y.clone();
    z.rotate_left(7);
    let contract = |a: &[Vector<3>], b: &[Vector<3>]| -> Vec<f64> {
        let combine = |sign: f64| -> Vec<Vector<3>> {
            let pairs = a.iter().zip(b);
            pairs
                .map(|(a, b)| std::array::from_fn(|k| a[k] + sign * b[k]))
                .collect()
        };
        let [sum, difference] = [1.0, -1.0].map(|sign| {
            let along = along(&potential, &start, &combine(sign), [[0.0; 3]; 3]);
            along.gradient[2].as_flattened().to_vec()
        });
        sum.iter()
            .zip(&difference)
            .map(|(s, d)| (s - d) / 4.0)
            .collect()
    };
    let both: Vec<Vector<3>> = y
        .iter()
        .zip(&z)
        .map(|(a, b)| std::array::from_fn(|k| a[k] + b[k]))
        .collect();
    let whole = contract(&y, &both);
    let parts: Vec<f64> = contract(&y, &y)
        .iter()
        .zip(contract(&y, &z))
        .map(|(a, b)| a + b)
        .collect();
    let (size, difference) = compare(&whole, &parts);
    assert!(difference < 1e-12 * size);
}

#[test]
fn directions_of_the_wrong_length_and_particles_without_diameters_are_refused() {
    let potential = polydisperse();
    let start = configuration::<2>(1, 1.0, 3);
    let short = [[0.0; 2]; 3];
    let error = directional_derivatives(&potential, &start, &Direction::displacements(&short));
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("displacements of 3 particles, the configuration 60"),
        "{message}"
    );

    let bare = Configuration::new(
        *start.cell(),
        start.positions().to_vec(),
        start.species().to_vec(),
    )
    .unwrap();
    let message = linearize(&potential, &bare).unwrap_err().to_string();
    assert!(
        message.contains("needs the diameter of each particle"),
        "{message}"
    );
    let mut diameters = vec![1.0; 60];
    diameters[17] = 1.6;
    let large = bare.with_diameters(diameters).unwrap();
    let message = ForceField::new(&potential)
        .evaluate(&large)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("particle 17 has the diameter 1.6"),
        "{message}"
    );
}
