//! The vectorised pair forces for functions as users write them, in any dimension, with any number of species and
//! threads, beside sums over brute-force pairs.

use crate::reference::largest_difference;
use proptest::prelude::*;
use rand::RngExt;
use std::num::NonZeroUsize;
use vitreous::md_core::{Mechanics, brute_force_pairs, vector::norm_squared};
use vitreous::prelude::*;

/// A function with all that keeps compilers from vectorising: a branch, a root, an exponential.
#[derive(Clone)]
struct Users {
    range: f64,
    depth: f64,
}

impl Radial for Users {
    fn range(&self) -> f64 {
        self.range
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        assert!(
            squared_distance.value() < self.range * self.range,
            "asked beyond its range"
        );
        let gap = -squared_distance.sqrt() / self.range + 1.0;
        if gap.value() > 0.5 {
            (gap * 3.0).exp() * self.depth
        } else {
            gap.powi(3) / (squared_distance + 0.1) * self.depth
        }
    }
}

fn table(species: usize) -> SpeciesTable<Users> {
    SpeciesTable::new(species, |first, second| Users {
        range: 1.2 + 0.1 * (first + second) as f64,
        depth: 1.0 + 0.3 * (first * second) as f64,
    })
    .unwrap()
}

/// The same without the jump, where roundings could decide on which side a pair is.
#[derive(Clone)]
struct Smooth(Users);

impl Radial for Smooth {
    fn range(&self) -> f64 {
        self.0.range
    }
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        assert!(
            squared_distance.value() < self.0.range * self.0.range,
            "asked beyond its range"
        );
        let gap = -squared_distance.sqrt() / self.0.range + 1.0;
        (gap * 3.0).exp() * gap.powi(3) * self.0.depth
    }
}

fn liquid<const D: usize>(
    particles: usize,
    length: f64,
    tilt: f64,
    species: u8,
    seed: u64,
) -> Configuration<D> {
    let vectors = std::array::from_fn(|row| {
        std::array::from_fn(|column| match column.cmp(&row) {
            std::cmp::Ordering::Less => tilt,
            std::cmp::Ordering::Equal => length,
            std::cmp::Ordering::Greater => 0.0,
        })
    });
    let cell = Cell::triclinic(vectors).unwrap();
    let mut random = Seed(seed).stream("liquid", &[]);
    let positions = (0..particles)
        .map(|_| cell.cartesian(&std::array::from_fn(|_| random.random_range(-1.5..2.5))))
        .collect();
    let kinds = (0..particles).map(|i| Species(i as u8 % species)).collect();
    Configuration::new(cell, positions, kinds).unwrap()
}

/// In double precision, and a function without jumps in mixed precision.
fn compare<const D: usize>(
    configuration: &Configuration<D>,
    species: usize,
) -> Result<(), TestCaseError> {
    let users = table(species);
    let kind = |index| Species(index as u8);
    let smooth = SpeciesTable::new(species, |first, second| {
        Smooth(users.between(kind(first), kind(second)).unwrap().clone())
    });
    compare_in(configuration, &users, Precision::Double, 1e-12)?;
    compare_in(configuration, &smooth.unwrap(), Precision::Mixed, 1e-5)
}

/// Forces and strain gradient beside what is added up, energy too.
fn compare_in<const D: usize, F: Radial + Clone>(
    configuration: &Configuration<D>,
    potential: &SpeciesTable<F>,
    precision: Precision,
    tolerance: f64,
) -> Result<(), TestCaseError> {
    let range = Potential::<D>::range(potential);
    let mut forces = vec![[0.0; D]; configuration.len()];
    let mut strain = [[0.0; D]; D];
    let (mut energy, mut squares, mut largest, mut size) = (0.0, 0.0, 0.0_f64, 0.0);
    for (i, j, r) in brute_force_pairs(configuration, range) {
        let kinds = configuration.species();
        let function = potential.between(kinds[i], kinds[j]).unwrap();
        let square = norm_squared(&r);
        if square < function.range() * function.range() {
            let [value, slope] = function.derivatives(square);
            let doubled = 2.0 * slope;
            energy += value;
            squares += doubled * doubled * square;
            largest = largest.max(doubled.abs() * square.sqrt());
            size += doubled.abs() * square;
            for a in 0..D {
                forces[i][a] += doubled * r[a];
                forces[j][a] -= doubled * r[a];
                for b in 0..D {
                    strain[a][b] += doubled * r[a] * r[b];
                }
            }
        }
    }
    for skin in [0.0, 0.4] {
        let field = ForceField::with_skin(potential, skin);
        let found = field
            .with_precision(precision)
            .evaluate(configuration)
            .unwrap();
        let squares_error = (found.totals.squared_term_forces - squares).abs();
        prop_assert!((found.energy() - energy).abs() <= tolerance * energy.abs());
        prop_assert!(squares_error <= tolerance * squares);
        prop_assert!(largest_difference(&found.forces, &forces) <= tolerance * largest);
        prop_assert!(
            largest_difference(&found.totals.strain_gradient, &strain) <= tolerance * size
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Cells from a fraction of the range to several bins, up to more species than fill a group of four.
    #[test]
    fn users_functions_agree_with_every_pair(
        length in 0.9..6.0_f64,
        tilt in -0.8..0.8_f64,
        particles in 2..60_usize,
        species in 1..8_u8,
        seed in any::<u64>(),
    ) {
        compare(&liquid::<2>(particles, length, tilt, species, seed), species.into())?;
        compare(&liquid::<3>(particles, length, tilt, species, seed), species.into())?;
    }
}

#[test]
fn dimensions_that_do_not_fit_into_four_numbers_are_summed_pair_by_pair() {
    compare(&liquid::<1>(20, 9.0, 0.0, 2, 1), 2).unwrap();
    compare(&liquid::<4>(60, 2.5, 0.3, 2, 1), 2).unwrap();
    compare(&liquid::<5>(30, 2.0, 0.1, 3, 2), 3).unwrap();
}

/// The same bits after steps with several lists, in a system of several pieces.
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let potential = Catalogue::find("ka").unwrap().potential::<3>().unwrap();
    let start = Configuration::<3>::random(9000, 1.2, &[0.8, 0.2], Seed(3)).unwrap();
    let point = PhasePoint::maxwell_boltzmann(start, 1.0, Seed(3)).unwrap();
    let run = |threads: usize, precision| -> (PhasePoint<3>, Mechanics<3>) {
        let field = ForceField::new(&*potential).with_precision(precision);
        let field = field
            .with_threads(NonZeroUsize::new(threads).unwrap())
            .unwrap();
        let thermostat = NoseHoover::new(0.002, 1.0, 0.2).unwrap();
        let mut run = Trajectory::start(thermostat, field, point.clone()).unwrap();
        run.advance(40).unwrap();
        (run.point().clone(), run.mechanics().clone())
    };
    for precision in [Precision::Double, Precision::Mixed] {
        let one = run(1, precision);
        assert_eq!(run(2, precision), one);
        assert_eq!(run(3, precision), one);
    }
}
