//! The Hessian: its two routes, and finite differences of the forces.

mod common;

use common::*;
use proptest::prelude::*;
use std::num::NonZeroUsize;
use vitreous_linresp::Hessian;
use vitreous_md_core::*;

fn vector_of(dimension: usize, seed: u64) -> Vec<f64> {
    use rand::RngExt;
    let mut random = Seed(seed).stream("test vector", &[]);
    (0..dimension)
        .map(|_| random.random_range(-1.0..1.0))
        .collect()
}

/// `M x` from forces at `x0 + k h x`, by a difference formula of sixth order in `h`.
fn product_by_differences(
    potential: &dyn Potential<3>,
    configuration: &Configuration<3>,
    x: &[f64],
) -> Vec<f64> {
    let h = 1e-3;
    let mut product = vec![0.0; x.len()];
    for (k, weight) in [(1.0, 0.75), (2.0, -0.15), (3.0, 1.0 / 60.0)] {
        for sign in [1.0, -1.0] {
            let positions = configuration
                .positions()
                .iter()
                .zip(x.as_chunks::<3>().0)
                .map(|(p, x)| vector::add(p, &vector::scale(sign * k * h, x)))
                .collect();
            let moved = configuration.with_positions(positions).unwrap();
            let mechanics = ForceField::new(potential).evaluate(&moved).unwrap();
            for (sum, force) in product.iter_mut().zip(mechanics.forces.as_flattened()) {
                *sum -= sign * weight * force / h;
            }
        }
    }
    product
}

/// Both routes against each other, translations, symmetry, and (sometimes) differences of the forces.
fn check(potential: &dyn Potential<3>, configuration: &Configuration<3>, differences: bool) {
    let expansion = linearize(potential, configuration).unwrap();
    let hessian = Hessian::new(&expansion);
    let scale = hessian.largest_diagonal();
    let x = vector_of(hessian.dimension(), 1);
    let (mut assembled, mut edgewise) = (x.clone(), x.clone());
    hessian.apply(&x, &mut assembled);
    hessian.apply_edges(&x, &mut edgewise);
    // Sums of a few hundred terms of the size of the diagonal.
    let rounding = 1e-13 * scale;
    assert!(largest_difference(&assembled, &edgewise) < rounding);

    let translation = [0.3, -0.7, 0.2].repeat(configuration.len());
    let mut nothing = vec![0.0; x.len()];
    hessian.apply(&translation, &mut nothing);
    assert!(largest_difference(&nothing, &vec![0.0; x.len()]) < rounding);

    for (row, column, block) in hessian.matrix().iter() {
        let transposed = hessian.matrix().block(column, row).unwrap();
        for a in 0..3 {
            for b in 0..3 {
                assert!((block[a][b] - transposed[b][a]).abs() < rounding);
            }
        }
    }
    if differences {
        let expected = product_by_differences(potential, configuration, &x);
        // h^6 times the eighth derivative, and the rounding of forces over h.
        let difference = largest_difference(&assembled, &expected);
        assert!(
            difference < 1e-8 * scale,
            "{difference:e} at scale {scale:e}"
        );
    }
}

#[test]
fn routes_and_differences_agree_with_pairs_and_triplets() {
    let liquid = Configuration::<3>::random(60, 0.52, &[1.0], Seed(5)).unwrap();
    check(&stillinger_weber(), &liquid, true);
    let soft = SpeciesTable::uniform(Gaussian).unwrap();
    let liquid = Configuration::<3>::random(60, 0.52, &[1.0], Seed(6)).unwrap();
    check(&soft, &liquid, true);
}

/// Smooth at any distance it is cut at: exp(-16) at the cut.
#[derive(Clone)]
struct Gaussian;
impl Radial for Gaussian {
    fn range(&self) -> f64 {
        4.5
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        (s * -1.5).exp()
    }
}

#[test]
fn several_images_of_a_pair_and_of_oneself_are_right() {
    // The range of 4.5 reaches beyond cells of edge 2 and 3.1: self-images, and pairs through many images.
    let potential = SpeciesTable::uniform(Gaussian).unwrap();
    for (particles, density) in [(5, 0.6), (10, 0.33)] {
        let liquid = Configuration::<3>::random(particles, density, &[1.0], Seed(9)).unwrap();
        let expansion = linearize(&potential, &liquid).unwrap();
        assert!(expansion.edges().iter().any(|edge| edge.i == edge.j));
        check(&potential, &liquid, true);
    }
    // Triplets whose legs go to the same particle, in a cell of edge 2.15.
    let liquid = Configuration::<3>::random(5, 0.5, &[1.0], Seed(2)).unwrap();
    let expansion = linearize(&stillinger_weber(), &liquid).unwrap();
    let self_images = expansion.edges().iter().filter(|edge| edge.i == edge.j);
    assert!(self_images.count() > 0);
    check(&stillinger_weber(), &liquid, true);
}

/// More particles than one thread assembles at a time.
#[test]
fn the_number_of_threads_changes_no_bit() {
    let liquid = Configuration::<3>::random(700, 0.52, &[1.0], Seed(7)).unwrap();
    let expansion = linearize(&stillinger_weber(), &liquid).unwrap();
    let one = Hessian::new(&expansion);
    for threads in [1, 2, 5] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let several = Hessian::with_threads(&expansion, threads).unwrap();
        assert_eq!(one.matrix(), several.matrix());
    }
}

#[test]
fn ends_of_a_triplet_couple_beyond_the_pair_range() {
    // A bent chain: 1 and 2 are 1.9 from each other, out of range, and bound to 0 only.
    let cell = Cell::<3>::cubic(3, 0.001).unwrap();
    let (x, y) = (0.95, (1.2_f64 * 1.2 - 0.95 * 0.95).sqrt());
    let positions = vec![[0.0; 3], [x, y, 0.0], [-x, y, 0.1]];
    let chain = Configuration::new(cell, positions, vec![Species(0); 3]).unwrap();
    let expansion = linearize(&stillinger_weber(), &chain).unwrap();
    let pairs = expansion.edges().iter().filter(|edge| edge.interaction);
    assert_eq!(pairs.count(), 2);
    let hessian = Hessian::new(&expansion);
    let block = hessian.matrix().block(1, 2).expect("j-k block");
    assert!(block[0][0].abs() > 0.1);
    check(&stillinger_weber(), &chain, true);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn routes_agree_for_any_mixture(seed in 0..1000_u64, particles in 2..80_usize, density in 0.2..1.2) {
        let liquid = Configuration::<3>::random(particles, density, &[0.5, 0.5], Seed(seed)).unwrap();
        check(&ipl(), &liquid, false);
    }
}

#[test]
fn the_text_of_a_matrix_reads_back_to_its_bits() {
    let liquid = Configuration::<3>::random(40, 0.4, &[1.0], Seed(9)).unwrap();
    let expansion = linearize(&stillinger_weber(), &liquid).unwrap();
    let hessian = Hessian::new(&expansion);
    let mut text = Vec::new();
    let entries = hessian
        .matrix()
        .write_matrix_market(&mut text, "first\nsecond")
        .unwrap();
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("%%MatrixMarket matrix coordinate real symmetric")
    );
    assert_eq!(lines.next(), Some("% first"));
    assert_eq!(lines.next(), Some("% second"));
    assert_eq!(lines.next().unwrap(), format!("120 120 {entries}"));
    let mut read = 0;
    let mut last = (0, 0);
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let place: (usize, usize) = (words[0].parse().unwrap(), words[1].parse().unwrap());
        assert!(last < place && 1 <= place.1 && place.1 <= place.0 && place.0 <= 120);
        last = place;
        let entry: f64 = words[2].parse().unwrap();
        let expected = hessian.matrix().entry(place.0 - 1, place.1 - 1);
        assert!(entry != 0.0 && entry.to_bits() == expected.to_bits());
        read += 1;
    }
    let below = (0..120).flat_map(|row| (0..=row).map(move |column| (row, column)));
    let stored = below
        .filter(|&(row, column)| hessian.matrix().entry(row, column) != 0.0)
        .count();
    assert_eq!((read, stored), (entries, entries));
}
