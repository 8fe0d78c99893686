//! Elastic moduli of every model: three routes to each shear modulus, and the crystal whose constants are known.

use vitreous::linresp::{FiniteStrainModulus, Shear, shear_modulus_by_finite_strain};
use vitreous::prelude::*;

fn quench<const D: usize>(
    potential: &dyn Potential<D>,
    start: Configuration<D>,
) -> InherentStructure<D> {
    let minimizer = NonlinearConjugateGradient::default();
    minimizer
        .quench(potential, start, Tolerance::force_ratio(1e-12))
        .unwrap()
}

/// All models; Kob-Andersen with shifted forces, for where the force itself jumps no quench need converge.
fn models() -> Vec<Model> {
    let mut models = Catalogue::models();
    for model in &mut models {
        if model.name == "ka" {
            model.set("shift", "force").unwrap();
        }
    }
    models
}

fn glass<const D: usize>(model: &Model, potential: &dyn Potential<D>) -> InherentStructure<D> {
    let particles = if D == 2 { 144 } else { 125 };
    // Soft spheres must overlap to be rigid; the others are at the density of their liquids.
    let density = model.usual_mixture(D).map_or(1.0, |usual| usual.density);
    let shares = vec![1.0 / model.labels().len() as f64; model.labels().len()];
    let mut start = Configuration::random(particles, density, &shares, Seed(2)).unwrap();
    if let Some(diameters) = model.diameters(particles).unwrap() {
        start = start.with_shuffled_diameters(diameters, Seed(3)).unwrap();
    }
    quench(potential, start)
}

/// Finite strain with the step whose two slopes agree best: the jumps of second derivatives at cut-offs (mBLJ,
/// KA, harmonic spheres) ask for small ones, the balance of forces for large ones.
fn finite_strain<const D: usize>(
    potential: &dyn Potential<D>,
    glass: &InherentStructure<D>,
    shear: &Shear<D>,
) -> FiniteStrainModulus {
    [1e-5, 3e-6, 1e-6]
        .map(|step| {
            let minimizer = NonlinearConjugateGradient::default();
            shear_modulus_by_finite_strain(glass, shear, step, |strained| {
                minimizer.quench(potential, strained, Tolerance::force_ratio(1e-12))
            })
            .unwrap()
        })
        .into_iter()
        .min_by(|a, b| a.discrepancy().total_cmp(&b.discrepancy()))
        .unwrap()
}

fn check<const D: usize>(shear: &Shear<D>) {
    for model in models() {
        let potential = model.potential::<D>().unwrap();
        let glass = glass(&model, &*potential);
        let response = LinearResponse::new(&glass, &SparseCholesky::default()).unwrap();
        let first = response.shear_modulus_along(shear).unwrap();
        let second = response
            .shear_modulus_in_green_lagrange_strain(shear)
            .unwrap();
        let third = finite_strain(&*potential, &glass, shear);
        let size = first.born.abs();
        let name = model.name;
        // Forces balanced to 1e-12 move the two apart by as much, times the softness of the glass.
        assert!(
            (first.total() - second.total()).abs() < 1e-9 * size,
            "{name}: {first:?} {second:?}"
        );
        // Forces balanced to 1e-12 over steps of 1e-6 .. 1e-5 leave five to six digits.
        assert!(third.discrepancy() < 1e-5 * size, "{name}: {third:?}");
        assert!(
            (third.modulus() - first.total()).abs() < 1e-5 * size,
            "{name}: {first:?} {third:?}"
        );
        // The stiffness tensor knows the modulus of every plane.
        let tensor = response.stiffness_tensor().unwrap();
        let contracted = tensor.shear_modulus(shear).total();
        assert!((contracted - first.total()).abs() < 1e-9 * size, "{name}");
    }
}

#[test]
fn three_routes_agree_in_two_dimensions() {
    check::<2>(&Shear::new([1.0, 2.0], [-2.0, 1.0]).unwrap());
}

#[test]
fn three_routes_agree_in_three_dimensions() {
    check::<3>(&Shear::new([1.0, 1.0, 0.0], [0.5, -0.5, 2.0]).unwrap());
}

/// Silicon of Stillinger and Weber: Cowley, Phys. Rev. Lett. 60, 2379 (1988), and, by hand, the bulk modulus
/// `K = 2 phi''(r) r^2/(9 V/N)`, with `V/N = 8 r^3/(3 sqrt 3)`: under dilation angles stay as they are.
#[test]
fn silicon_has_its_elastic_constants() {
    let model = StillingerWeber::silicon();
    let potential = model.potential().unwrap();
    let bond = 2.0_f64.powf(1.0 / 6.0);
    let edge = 4.0 / 3.0_f64.sqrt() * bond;
    let sites = [
        [0.0, 0.0, 0.0],
        [0.0, 0.5, 0.5],
        [0.5, 0.0, 0.5],
        [0.5, 0.5, 0.0],
    ];
    let mut positions = Vec::new();
    for cube in 0..8 {
        let corner = [cube % 2, cube / 2 % 2, cube / 4].map(f64::from);
        for site in sites {
            for shift in [0.0, 0.25] {
                positions.push(std::array::from_fn(|k| {
                    edge * (corner[k] + site[k] + shift)
                }));
            }
        }
    }
    let cell = Cell::orthorhombic([2.0 * edge; 3]).unwrap();
    let diamond = Configuration::new(cell, positions, vec![Species(0); 64]).unwrap();
    // The bond is the minimum to the ten digits of A and B.
    let silicon =
        InherentStructure::certify(&potential, diamond, Tolerance::force_ratio(1e-6)).unwrap();
    assert!((silicon.energy() / 64.0 + 2.0).abs() < 1e-9);
    let response = LinearResponse::new(&silicon, &SparseCholesky::default()).unwrap();
    let tensor = response.stiffness_tensor().unwrap();
    let c11 = tensor.component([0, 0, 0, 0]).total();
    let c12 = tensor.component([0, 0, 1, 1]).total();
    let c44 = tensor.component([1, 2, 1, 2]);
    assert!((c11 - 4.00849).abs() < 5e-6, "{c11}");
    assert!((c44.total() - 1.49432).abs() < 5e-6, "{c44:?}");
    assert!((c44.born + c44.prestress - 2.90546).abs() < 5e-6, "{c44:?}");
    let [_, slope, curvature] = model.pair().unwrap().derivatives::<3>(bond * bond);
    let second = 2.0 * slope + 4.0 * bond * bond * curvature;
    let bulk = 2.0 * second * bond * bond / (9.0 * 8.0 * bond.powi(3) / 27.0_f64.sqrt());
    assert!((tensor.bulk_modulus().total() - bulk).abs() < 1e-9 * bulk);
    // C12 = (3 K - C11)/2 = 2.023035.
    assert!((c12 - (3.0 * bulk - c11) / 2.0).abs() < 1e-9 * bulk);
    assert!((c12 - 2.023035).abs() < 5e-7, "{c12}");
}
