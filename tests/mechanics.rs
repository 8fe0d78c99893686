//! Energy, forces and stress against engines that are too simple to be wrong: every pair, every triplet,
//! every periodic image, with the formulas of the models written out; against finite differences; and the
//! symmetries of mechanics.

use proptest::prelude::*;
use rand::{Rng, RngExt};
use vitreous::md_core::{ForceError, Linearization, Matrix, Mechanics, Vector};
use vitreous::prelude::*;

// ---------------------------------------------------------------------------------------------------------
// The reference: formulas as they are printed, sums as they are defined.

/// The pair models, by the formulas of the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Formula {
    InversePower,
    ModifiedLennardJones,
    KobAndersen,
}

const FORMULAS: [(Formula, &str); 3] = [
    (Formula::InversePower, "ipl"),
    (Formula::ModifiedLennardJones, "mblj"),
    (Formula::KobAndersen, "ka"),
];

impl Formula {
    fn cutoff(self, pair: usize) -> f64 {
        match self {
            Self::InversePower => 1.48 * [1.4, 1.18, 1.0][pair],
            Self::ModifiedLennardJones => [1.5, 2.0, 1.5][pair],
            Self::KobAndersen => 2.5 * [1.0, 0.8, 0.88][pair],
        }
    }

    /// `[phi, phi']` of the pairs AA, AB, BB (0, 1, 2) below the cut-off.
    fn energy_and_slope(self, pair: usize, r: f64) -> [f64; 2] {
        let energy = [1.0, 1.5, 0.5][pair];
        let sigma = [1.0, 0.8, 0.88][pair];
        let lennard_jones = |r: f64| {
            let sixth = (sigma / r).powi(6);
            [
                4.0 * energy * (sixth * sixth - sixth),
                4.0 * energy * (6.0 * sixth - 12.0 * sixth * sixth) / r,
            ]
        };
        let end = self.cutoff(pair);
        match self {
            Self::InversePower => {
                let lambda = [1.4, 1.18, 1.0][pair];
                let x = r / lambda;
                let [c0, c2, c4, c6] = [
                    -1.1106337662511795,
                    1.2676152372297063,
                    -0.49604060728492109,
                    0.066051182641573221,
                ];
                [
                    x.powi(-10) + c0 + c2 * x.powi(2) + c4 * x.powi(4) + c6 * x.powi(6),
                    (-10.0 * x.powi(-11)
                        + 2.0 * c2 * x
                        + 4.0 * c4 * x.powi(3)
                        + 6.0 * c6 * x.powi(5))
                        / lambda,
                ]
            }
            Self::ModifiedLennardJones => {
                let ([u, slope], [u_end, slope_end]) = (lennard_jones(r), lennard_jones(end));
                [u - u_end - (r - end) * slope_end, slope - slope_end]
            }
            Self::KobAndersen => {
                let ([u, slope], [u_end, _]) = (lennard_jones(r), lennard_jones(end));
                [u - u_end, slope]
            }
        }
    }
}

/// What the reference adds up.
#[derive(Clone, Debug)]
struct Reference<const D: usize> {
    energy: f64,
    forces: Vec<Vector<D>>,
    stress: Matrix<D>,
    /// The sum of the magnitudes of what is added up to the energy and the stress.
    energy_size: f64,
    stress_size: f64,
    /// The largest force of one pair.
    largest_pair_force: f64,
}

/// A configuration before the library sees it: the rows of the cell, positions inside, species.
#[derive(Clone, Debug)]
struct Sample<const D: usize> {
    rows: Matrix<D>,
    positions: Vec<Vector<D>>,
    species: Vec<u8>,
}

/// Every integer vector with components from `-reach` to `reach`.
fn images<const D: usize>(reach: i32) -> impl Iterator<Item = [i32; D]> {
    let width = 2 * reach + 1;
    (0..width.pow(D as u32))
        .map(move |number| std::array::from_fn(|k| number / width.pow(k as u32) % width - reach))
}

fn translated<const D: usize>(x: &Vector<D>, rows: &Matrix<D>, image: &[i32; D]) -> Vector<D> {
    std::array::from_fn(|k| {
        x[k] + (0..D)
            .map(|l| f64::from(image[l]) * rows[l][k])
            .sum::<f64>()
    })
}

impl<const D: usize> Sample<D> {
    /// A jittered grid of `per_edge^D` particles in a cell, so that no two come very close.
    fn jittered(rows: Matrix<D>, per_edge: usize, random: &mut impl Rng) -> Self {
        let count = per_edge.pow(D as u32);
        let positions = (0..count)
            .map(|site| {
                let fractional: Vector<D> = std::array::from_fn(|k| {
                    let along = site / per_edge.pow(k as u32) % per_edge;
                    (along as f64 + random.random_range(0.35..0.65)) / per_edge as f64
                });
                std::array::from_fn(|k| (0..D).map(|l| fractional[l] * rows[l][k]).sum())
            })
            .collect();
        let species = (0..count).map(|_| random.random_range(0..2)).collect();
        Self {
            rows,
            positions,
            species,
        }
    }

    /// The same physical state for the library, each particle moved by a lattice translation.
    fn configuration(&self, mut image: impl FnMut() -> [i32; D]) -> Configuration<D> {
        let positions = self
            .positions
            .iter()
            .map(|x| translated(x, &self.rows, &image()))
            .collect();
        let species = self.species.iter().map(|&s| Species(s)).collect();
        Configuration::new(Cell::triclinic(self.rows).unwrap(), positions, species).unwrap()
    }

    fn wrapped(&self) -> Configuration<D> {
        self.configuration(|| [0; D])
    }

    /// Every ordered pair of particles and images but a particle with itself, as `(i, j, r_ij)`.
    fn ordered_pairs(&self, range: f64) -> Vec<(usize, usize, Vector<D>)> {
        // Fractional coordinates differ by less than 1, so image n is further than (|n| - 1) heights.
        let heights = Cell::triclinic(self.rows).unwrap().heights();
        let lowest = heights.into_iter().fold(f64::INFINITY, f64::min);
        let reach = (range / lowest).ceil() as i32 + 1;
        let mut pairs = Vec::new();
        for i in 0..self.positions.len() {
            for j in 0..self.positions.len() {
                for image in images::<D>(reach) {
                    let other = translated(&self.positions[j], &self.rows, &image);
                    let r: Vector<D> = std::array::from_fn(|k| other[k] - self.positions[i][k]);
                    let itself = i == j && image == [0; D];
                    if !itself && length(&r) < range {
                        pairs.push((i, j, r));
                    }
                }
            }
        }
        pairs
    }

    /// Half the sum over all ordered pairs.
    fn reference(&self, formula: Formula) -> Reference<D> {
        let volume = Cell::triclinic(self.rows).unwrap().volume();
        let mut sums = Reference {
            energy: 0.0,
            forces: vec![[0.0; D]; self.positions.len()],
            stress: [[0.0; D]; D],
            energy_size: 0.0,
            stress_size: 0.0,
            largest_pair_force: 0.0,
        };
        let range = (0..3).map(|pair| formula.cutoff(pair)).fold(0.0, f64::max);
        for (i, j, r) in self.ordered_pairs(range) {
            let pair = usize::from(self.species[i] + self.species[j]);
            let distance = length(&r);
            if distance >= formula.cutoff(pair) {
                continue;
            }
            let [energy, slope] = formula.energy_and_slope(pair, distance);
            sums.energy += 0.5 * energy;
            sums.energy_size += 0.5 * energy.abs();
            sums.stress_size += 0.5 * (slope * distance).abs() / volume;
            sums.largest_pair_force = sums.largest_pair_force.max(slope.abs());
            for k in 0..D {
                // The force on i points away from j where the slope is negative.
                sums.forces[i][k] += slope * r[k] / distance;
                for l in 0..D {
                    sums.stress[k][l] += 0.5 * slope * r[k] * r[l] / distance / volume;
                }
            }
        }
        sums
    }

    /// The smallest distance of a pair from the cut-off of its species, over the cut-off.
    fn clearance(&self, formula: Formula) -> f64 {
        self.ordered_pairs(2.6)
            .into_iter()
            .map(|(i, j, r)| {
                let pair = usize::from(self.species[i] + self.species[j]);
                (length(&r) / formula.cutoff(pair) - 1.0).abs()
            })
            .fold(f64::INFINITY, f64::min)
    }
}

fn length<const D: usize>(r: &Vector<D>) -> f64 {
    r.iter().map(|c| c * c).sum::<f64>().sqrt()
}

fn model<const D: usize>(name: &str) -> Box<dyn Potential<D>> {
    Catalogue::find(name).unwrap().potential().unwrap()
}

fn evaluate<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: &Configuration<D>,
) -> Mechanics<D> {
    ForceField::new(potential).evaluate(configuration).unwrap()
}

/// Whether two sets of vectors are closer than a bound, component by component.
fn largest_difference<const D: usize>(a: &[Vector<D>], b: &[Vector<D>]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.as_flattened()
        .iter()
        .zip(b.as_flattened())
        .map(|(x, y)| (x - y).abs())
        // `max` would drop a NaN.
        .fold(
            0.0,
            |worst, d| if d > worst || d.is_nan() { d } else { worst },
        )
}

/// The fast engine and the linearisation beside the reference, all to 1e-12 of what is added up.
///
/// Up to some thousand terms are summed (a random walk of roundings: 30 u = 3e-15), each with about thirty
/// roundings in functions with powers of up to 13 (1e-14), at positions that lattice translations round at
/// a few cells (1e-15 a0, times up to 15 in a force): some 1e-13 together.
fn compare<const D: usize>(
    sample: &Sample<D>,
    image: impl FnMut() -> [i32; D],
    skin: f64,
) -> Result<(), TestCaseError> {
    const TOLERANCE: f64 = 1e-12;
    let configuration = sample.configuration(image);
    for (formula, name) in FORMULAS {
        let expected = sample.reference(formula);
        let potential = model::<D>(name);
        let fast = ForceField::with_skin(&*potential, skin)
            .evaluate(&configuration)
            .unwrap();
        let expansion = linearize(&*potential, &configuration).unwrap();
        let expanded = Mechanics {
            forces: expansion.forces(),
            totals: expansion.totals(),
            volume: expansion.volume(),
        };
        for (engine, found) in [("forces", &fast), ("linearisation", &expanded)] {
            let energy_error = (found.energy() - expected.energy).abs();
            prop_assert!(
                energy_error <= TOLERANCE * expected.energy_size,
                "{name}, {engine}: energy {} instead of {}",
                found.energy(),
                expected.energy
            );
            let force_error = largest_difference(&found.forces, &expected.forces);
            prop_assert!(
                force_error <= TOLERANCE * expected.largest_pair_force,
                "{name}, {engine}: force off by {force_error:e}"
            );
            let stress_error = largest_difference(&found.stress(), &expected.stress);
            prop_assert!(
                stress_error <= TOLERANCE * expected.stress_size,
                "{name}, {engine}: stress off by {stress_error:e}"
            );
            let trace: f64 = (0..D).map(|k| expected.stress[k][k]).sum();
            let pressure_error = (found.pressure() + trace / D as f64).abs();
            prop_assert!(pressure_error <= TOLERANCE * expected.stress_size);
        }
        let squares = fast.totals.squared_term_forces;
        prop_assert!(
            (squares - expanded.totals.squared_term_forces).abs() <= TOLERANCE * squares,
            "{name}: squared forces {squares}"
        );
    }
    Ok(())
}

/// Lower-triangular cells: edges near `edge`, tilts up to nearly two edges, either sign.
fn sheared<const D: usize>(edge: f64, tilt: f64, random: &mut impl Rng) -> Matrix<D> {
    std::array::from_fn(|row| {
        std::array::from_fn(|column| match column.cmp(&row) {
            std::cmp::Ordering::Less => edge * tilt * random.random_range(-1.0..1.0),
            std::cmp::Ordering::Equal => edge * random.random_range(0.9..1.15),
            std::cmp::Ordering::Greater => 0.0,
        })
    })
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

// ---------------------------------------------------------------------------------------------------------
// Derivatives of the energy.

/// The step of the differences below.
const STEP: f64 = 1e-4;

/// The derivative of `energy` at zero, to sixth order in the step `h`:
/// `[45 (f_1 - f_-1) - 9 (f_2 - f_-2) + (f_3 - f_-3)]/60h + h^6/140 f^(7)`.
///
/// `f^(7)` of `r^-10` is below 1e10 at the distances of these tests, so that the truncation is below
/// 1e-16: what remains is the rounding of the energies, `2 u |U|/h`, for sums of up to some hundred terms
/// of order one: `2e-16 x 100/1e-4 = 2e-10`, beside pair forces of order ten.
fn slope(energy: impl Fn(f64) -> f64) -> f64 {
    let odd = |steps: f64| energy(steps * STEP) - energy(-steps * STEP);
    (45.0 * odd(1.0) - 9.0 * odd(2.0) + odd(3.0)) / (60.0 * STEP)
}

/// Forces `-dU/dx` and stress `(1/V) dU/dF` of the library against differences of an energy function.
fn check_derivatives<const D: usize>(
    configuration: &Configuration<D>,
    found: &Mechanics<D>,
    energy: &dyn Fn(&Configuration<D>) -> f64,
    [force_tolerance, stress_tolerance]: [f64; 2],
) {
    for i in 0..configuration.len() {
        for k in 0..D {
            let force = -slope(|displacement| {
                let mut moved = configuration.clone();
                moved.positions_mut()[i][k] += displacement;
                energy(&moved)
            });
            let error = (found.forces[i][k] - force).abs();
            assert!(
                error <= force_tolerance,
                "component {k} of the force on {i}: {} but {force} by differences ({error:e})",
                found.forces[i][k]
            );
        }
    }
    for a in 0..D {
        for b in 0..D {
            let stress = slope(|strain| {
                let mut gradient = [[0.0; D]; D];
                for k in 0..D {
                    gradient[k][k] = 1.0;
                }
                gradient[a][b] += strain;
                energy(&configuration.deformed(&gradient).unwrap())
            }) / found.volume;
            let error = (found.stress()[a][b] - stress).abs();
            assert!(
                error <= stress_tolerance,
                "stress {a}{b}: {} but {stress} by differences ({error:e})",
                found.stress()[a][b]
            );
        }
    }
}

/// Differences must not carry a pair across a cut-off, where `phi'` (KA), `phi''` (mBLJ) or `phi''''` (IPL)
/// jumps: a strain of three steps stretches each component by three steps of a vector, below 5 steps in all.
fn sample_off_cutoffs<const D: usize>(
    formula: Formula,
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

// ---------------------------------------------------------------------------------------------------------
// Symmetries.

fn liquid(name: &str, particles: usize) -> Configuration<3> {
    let mixture = Catalogue::find(name).unwrap().usual_mixture(3).unwrap();
    Configuration::random(particles, mixture.density, &mixture.composition, Seed(11)).unwrap()
}

/// The sum of all forces is zero (Newton's third law) and the total torque of the terms is (the stress is
/// symmetric), to the rounding of sums of N forces: `sqrt(N) u |F|`.
#[test]
fn forces_add_up_to_nothing() {
    for (_, name) in FORMULAS {
        let configuration = liquid(name, 300);
        let found = evaluate(&*model::<3>(name), &configuration);
        let largest = found.balance().largest;
        for k in 0..3 {
            let total: f64 = found.forces.iter().map(|force| force[k]).sum();
            assert!(total.abs() <= 1e-14 * 300.0 * largest, "{name}: {total:e}");
            for l in 0..3 {
                assert_eq!(
                    found.stress()[k][l].to_bits(),
                    found.stress()[l][k].to_bits()
                );
            }
        }
    }
}

/// Moving all particles together, exchanging their numbers, turning space: nothing changes but what should.
#[test]
fn mechanics_is_invariant() {
    for (_, name) in FORMULAS {
        let potential = model::<3>(name);
        let configuration = liquid(name, 200);
        let found = evaluate(&*potential, &configuration);
        let largest = found.forces.iter().map(length).fold(0.0, f64::max);
        // Positions of up to 20 are rounded to 2e-15, times a relative slope of the force of 15; the
        // largest force is a sum that may cancel to a third.
        let tolerance = 3e-13 * largest;
        let energy_tolerance = 1e-12 * (found.energy().abs() + 200.0);

        let mut moved = configuration.clone();
        for position in moved.positions_mut() {
            for (x, by) in position.iter_mut().zip([13.7, -8.1, 4.4]) {
                *x += by;
            }
        }
        let after = evaluate(&*potential, &moved);
        assert!((after.energy() - found.energy()).abs() <= energy_tolerance);
        assert!(largest_difference(&after.forces, &found.forces) <= tolerance);

        // Particle number 7 n mod 200: 7 and 200 have no common divisor.
        let order: Vec<usize> = (0..200).map(|n| 7 * n % 200).collect();
        let permuted = Configuration::new(
            *configuration.cell(),
            order
                .iter()
                .map(|&n| configuration.positions()[n])
                .collect(),
            order.iter().map(|&n| configuration.species()[n]).collect(),
        )
        .unwrap();
        let after = evaluate(&*potential, &permuted);
        let expected: Vec<_> = order.iter().map(|&n| found.forces[n]).collect();
        assert!((after.energy() - found.energy()).abs() <= energy_tolerance);
        assert!(largest_difference(&after.forces, &expected) <= tolerance);

        // A rotation about a skew axis: the cell becomes a full matrix.
        let turn = rotation();
        let turned = configuration.deformed(&turn).unwrap();
        let after = evaluate(&*potential, &turned);
        let expected: Vec<Vector<3>> = found
            .forces
            .iter()
            .map(|force| apply(&turn, force))
            .collect();
        assert!((after.energy() - found.energy()).abs() <= energy_tolerance);
        assert!(largest_difference(&after.forces, &expected) <= tolerance);
        assert!(
            (after.pressure() - found.pressure()).abs() <= 1e-12 * found.pressure().abs() + 1e-12
        );
    }
}

fn apply(matrix: &Matrix<3>, vector: &Vector<3>) -> Vector<3> {
    std::array::from_fn(|k| (0..3).map(|l| matrix[k][l] * vector[l]).sum())
}

/// The rotation that belongs to the quaternion `(1, 2, 3, 4)/sqrt(30)`.
fn rotation() -> Matrix<3> {
    let [w, x, y, z] = [1.0, 2.0, 3.0, 4.0].map(|c: f64| c / 30.0_f64.sqrt());
    [
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ]
}

// ---------------------------------------------------------------------------------------------------------
// Edges of the definition.

/// Two particles of species A in a large box, at a distance along x.
fn pair(distance: f64) -> Configuration<3> {
    Configuration::new(
        Cell::orthorhombic([10.0; 3]).unwrap(),
        vec![[0.0; 3], [distance, 0.0, 0.0]],
        vec![Species(0); 2],
    )
    .unwrap()
}

/// At the cut-off a pair does not interact; one representable number below, it does. 1.5 and its square are
/// exact.
#[test]
fn the_cutoff_itself_is_outside() {
    let mut ka = Catalogue::find("ka").unwrap();
    ka.set("cutoff.AA", "1.5").unwrap();
    for potential in [model::<3>("mblj"), ka.potential::<3>().unwrap()] {
        let outside = pair(1.5);
        assert_eq!(linearize(&*potential, &outside).unwrap().edges().len(), 0);
        let found = evaluate(&*potential, &outside);
        assert_eq!(
            (found.energy().to_bits(), found.balance().largest.to_bits()),
            (0, 0)
        );
        // One number below: the square is then below 2.25 too.
        let inside = pair(1.5_f64.next_down());
        assert_eq!(linearize(&*potential, &inside).unwrap().edges().len(), 1);
    }
    // Shifted potential: the force jumps to u'(1.5) there.
    let found = evaluate(&*ka.potential::<3>().unwrap(), &pair(1.5_f64.next_down()));
    let sixth = 1.5_f64.powi(-6);
    let expected = 4.0 * (12.0 * sixth * sixth - 6.0 * sixth) / 1.5;
    assert!((found.forces[1][0] - expected).abs() < 1e-14);
}

#[test]
fn coinciding_particles_are_a_clear_error() {
    for (_, name) in FORMULAS {
        let potential = model::<3>(name);
        let mut in_place = liquid(name, 100);
        in_place.positions_mut()[61] = in_place.positions()[17];
        // Through a periodic image: 0.75 and 4.75 in a cell of edge 4 are exact.
        let cell = Cell::orthorhombic([4.0; 3]).unwrap();
        let through_image = vec![[0.75; 3], [2.0; 3], [4.75, 0.75, -3.25]];
        let through_image = Configuration::new(cell, through_image, vec![Species(1); 3]).unwrap();
        for (configuration, pair) in [(in_place, (17, 61)), (through_image, (0, 2))] {
            let errors = [
                ForceField::new(&*potential)
                    .evaluate(&configuration)
                    .unwrap_err(),
                linearize(&*potential, &configuration).unwrap_err(),
            ];
            for error in errors {
                let ForceError::Overlap {
                    first,
                    second,
                    distance,
                } = error
                else {
                    panic!("{error}");
                };
                assert_eq!((first.min(second), first.max(second)), pair);
                assert_eq!(distance.to_bits(), 0);
            }
        }
    }
}

#[test]
fn coordinates_that_are_not_numbers_are_an_error_at_every_evaluation() {
    let potential = model::<3>("ipl");
    let good = liquid("ipl", 100);
    for value in [f64::NAN, f64::INFINITY] {
        let mut bad = good.clone();
        bad.positions_mut()[17][1] = value;
        assert!(linearize(&*potential, &bad).is_err(), "{value}");
        assert!(
            ForceField::new(&*potential).evaluate(&bad).is_err(),
            "{value}"
        );
        // With a neighbour list from before.
        let mut field = ForceField::new(&*potential);
        field.evaluate(&good).unwrap();
        assert!(field.evaluate(&bad).is_err(), "{value}, list in use");
    }
}

#[test]
fn unknown_species_are_an_error() {
    let potential = model::<3>("ipl");
    let cell = Cell::orthorhombic([5.0; 3]).unwrap();
    let strange =
        Configuration::new(cell, vec![[0.0; 3], [1.0; 3]], vec![Species(0), Species(2)]).unwrap();
    let error = ForceField::new(&*potential).evaluate(&strange).unwrap_err();
    assert_eq!(
        error,
        ForceError::UnknownSpecies {
            particle: 1,
            species: 2,
            count: 2
        }
    );
}

/// A list that is carried along a random walk, through rebuilds, gives what a new one gives.
#[test]
fn a_list_in_use_gives_what_a_new_one_gives() {
    for (_, name) in FORMULAS {
        let potential = model::<3>(name);
        let mut configuration = liquid(name, 150);
        let mut field = ForceField::new(&*potential);
        let mut random = Seed(2).stream("walk", &[]);
        for _ in 0..60 {
            for position in configuration.positions_mut() {
                for x in position {
                    *x += random.random_range(-0.02..0.02);
                }
            }
            let (carried, fresh) = (
                field.evaluate(&configuration).unwrap(),
                evaluate(&*potential, &configuration),
            );
            let largest = carried.balance().largest;
            assert!(
                (carried.energy() - fresh.energy()).abs() <= 1e-12 * fresh.energy().abs() + 1e-10
            );
            assert!(largest_difference(&carried.forces, &fresh.forces) <= 1e-12 * largest);
        }
        assert!(
            (2..60).contains(&field.list_builds()),
            "{}",
            field.list_builds()
        );
    }
}

// ---------------------------------------------------------------------------------------------------------
// Three-body terms: the Stillinger-Weber potential, written as a user would.

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
        ThreeBody(StillingerWeberAngle { strength }),
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
            &ThreeBody(StillingerWeberAngle { strength: 18.75 }),
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
