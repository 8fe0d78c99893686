//! The stiffness tensor against closed forms, rotations and deformed, re-quenched glasses.

mod common;

use common::*;
use rand::RngExt;
use vitreous_linresp::*;
use vitreous_md_core::vector::{add, dot, identity, norm_squared, scale, transform};
use vitreous_md_core::*;

fn random_vector<const D: usize>(random: &mut impl rand::Rng) -> Vector<D> {
    std::array::from_fn(|_| random.random_range(-1.0..1.0))
}

fn random_symmetric<const D: usize>(random: &mut impl rand::Rng) -> Matrix<D> {
    let m: Matrix<D> = std::array::from_fn(|_| random_vector(random));
    std::array::from_fn(|a| std::array::from_fn(|b| 0.5 * (m[a][b] + m[b][a])))
}

/// Two orthogonal directions that are no axes.
fn random_shear<const D: usize>(random: &mut impl rand::Rng) -> Shear<D> {
    let m: Vector<D> = random_vector(random);
    let n: Vector<D> = random_vector(random);
    let along = dot(&m, &n) / norm_squared(&m);
    Shear::new(m, add(&n, &scale(-along, &m))).unwrap()
}

/// A glass that is stretched and sheared by some percent and quenched again: its stress is anisotropic.
fn stressed<const D: usize>(
    potential: &dyn Potential<D>,
    glass: &InherentStructure<D>,
) -> InherentStructure<D> {
    let mut f = identity::<D>();
    f[0][0] = 1.04;
    f[0][1] = 0.05;
    f[D - 1][D - 1] = 0.98;
    quench(potential, glass.configuration().deformed(&f).unwrap())
}

/// The glass after `x -> (I + step strain) x`, quenched again.
fn strained<const D: usize>(
    potential: &dyn Potential<D>,
    glass: &InherentStructure<D>,
    strain: &Matrix<D>,
    step: f64,
) -> InherentStructure<D> {
    let one = identity::<D>();
    let f = std::array::from_fn(|k| add(&one[k], &scale(step, &strain[k])));
    quench(potential, glass.configuration().deformed(&f).unwrap())
}

/// `sum_ab a_ab b_ab`.
fn double_dot<const D: usize>(a: &Matrix<D>, b: &Matrix<D>) -> f64 {
    (0..D).map(|k| dot(&a[k], &b[k])).sum()
}

fn product<const D: usize>(a: &Matrix<D>, b: &Matrix<D>) -> Matrix<D> {
    std::array::from_fn(|r| std::array::from_fn(|c| (0..D).map(|k| a[r][k] * b[k][c]).sum()))
}

fn check_tensor<const D: usize>(potential: &dyn Potential<D>, glass: &InherentStructure<D>) {
    let mut random = Seed(4).stream("strains", &[D as u64]);
    let response = LinearResponse::new(glass, &SparseCholesky::default()).unwrap();
    let tensor = response.stiffness_tensor().unwrap();
    let scale = tensor.bulk_modulus().total();
    let stress = glass.mechanics().stress();
    assert_eq!(tensor.stress(), &stress);
    for _ in 0..2 {
        let strain: Matrix<D> = random_symmetric(&mut random);
        // The stress. Third derivatives of the energy are some 100 times the second, so that steps of 1e-5
        // leave errors of 1e-8; forces balanced to 1e-11 leave about 1e-6.
        let step = 1e-5;
        let [forward, backward] =
            [step, -step].map(|h| strained(potential, glass, &strain, h).mechanics().stress());
        for a in 0..D {
            for b in 0..D {
                let mut unit = [[0.0; D]; D];
                unit[a][b] = 1.0;
                let expected = (forward[a][b] - backward[a][b]) / (2.0 * step);
                let found = tensor.contracted(&unit, &strain).total();
                assert!(
                    (found - expected).abs() < 1e-5 * scale,
                    "{found} {expected}"
                );
            }
        }
        // The energy. eps = h strain + h^2 strain^2/2, so that the second difference is
        // C_eps:strain:strain + stress:strain^2, C_eps being born and non-affine part; the error of a step of
        // 1e-4 is some 1e-4 of it, squared steps times fourth derivatives.
        let step = 1e-4;
        let [plus, minus] = [step, -step].map(|h| strained(potential, glass, &strain, h).energy());
        let volume = glass.configuration().cell().volume();
        let expected = (plus - 2.0 * glass.energy() + minus) / (step * step * volume);
        let parts = tensor.contracted(&strain, &strain);
        assert!(parts.born > 0.0 && parts.non_affine < 0.0);
        let found = parts.born + parts.non_affine + double_dot(&stress, &product(&strain, &strain));
        assert!(
            (found - expected).abs() < 1e-4 * scale,
            "{found} {expected}"
        );
    }
    check_derived(&response, &tensor);
}

/// Numbers that follow from the tensor, against the responses to single strains and textbook formulas.
fn check_derived<const D: usize>(response: &LinearResponse<'_, D>, tensor: &StiffnessTensor<D>) {
    let mut random = Seed(5).stream("shears", &[D as u64]);
    // Forces are balanced to 1e-11, systems solved to 1e-10.
    let agree = |found: Modulus, expected: Modulus| {
        for part in [
            |m: &Modulus| m.born,
            |m: &Modulus| m.prestress,
            |m: &Modulus| m.non_affine,
        ] {
            assert!(
                (part(&found) - part(&expected)).abs() < 1e-8 * expected.born,
                "{found:?} {expected:?}"
            );
        }
    };
    let mut shears: Vec<Shear<D>> = (0..3).map(|_| random_shear(&mut random)).collect();
    for plane in Plane::all::<D>() {
        let turned = Plane {
            displacement: plane.gradient,
            gradient: plane.displacement,
        };
        shears.extend([plane, turned].map(|plane| Shear::in_plane(plane).unwrap()));
    }
    for shear in shears {
        let expected = response.shear_modulus_along(&shear).unwrap();
        agree(tensor.shear_modulus(&shear), expected);
        let route = response.shear_modulus_in_green_lagrange_strain(&shear);
        agree(route.unwrap(), expected);
    }
    let bulk = tensor.bulk_modulus();
    agree(bulk, response.bulk_modulus().unwrap());

    // The mean over planes of axes is that of C_abab up to the stress that simple shear turns.
    let c = tensor.voigt(Modulus::total);
    let (shear, k) = (tensor.voigt_shear_modulus(), bulk.total());
    let g = shear.total();
    let planes = Plane::all::<D>();
    let mean: f64 = (D..c.len()).map(|i| c[i][i]).sum::<f64>() / planes.len() as f64;
    let turned: f64 = planes
        .iter()
        .map(|p| {
            tensor.stress()[p.gradient][p.gradient]
                - tensor.stress()[p.displacement][p.displacement]
        })
        .sum::<f64>()
        / (2 * planes.len()) as f64;
    let expected = response.mean_shear_modulus().unwrap().total();
    assert!((mean + turned - expected).abs() < 1e-8 * shear.born);

    let close = |found: f64, expected: f64| {
        assert!(
            (found - expected).abs() < 1e-12 * expected.abs(),
            "{found} {expected}"
        );
    };
    if D == 3 {
        // Hill, Proc. Phys. Soc. A 65, 349 (1952).
        let apart = c[0][0] + c[1][1] + c[2][2]
            - 0.5 * (c[0][1] + c[0][2] + c[1][2] + c[1][0] + c[2][0] + c[2][1]);
        close(g, (apart + 3.0 * (c[3][3] + c[4][4] + c[5][5])) / 15.0);
        close(
            tensor.poisson_ratio(),
            (3.0 * k - 2.0 * g) / (2.0 * (3.0 * k + g)),
        );
        close(tensor.youngs_modulus(), 9.0 * k * g / (3.0 * k + g));
    } else {
        let apart = c[0][0] + c[1][1] - c[0][1] - c[1][0];
        close(g, (apart + 4.0 * c[2][2]) / 8.0);
        close(tensor.poisson_ratio(), (k - g) / (k + g));
        close(tensor.youngs_modulus(), 4.0 * k * g / (k + g));
    }

    // Tension along one axis alone, by the compliance: the strain it gives has no other stress.
    let compliance = tensor.compliance().unwrap();
    for axis in 0..D {
        let strain: Vec<f64> = compliance.voigt().iter().map(|row| row[axis]).collect();
        for (i, row) in c.iter().enumerate() {
            let stress: f64 = row.iter().zip(&strain).map(|(c, e)| c * e).sum();
            assert!((stress - f64::from(u8::from(i == axis))).abs() < 1e-12);
        }
        close(compliance.youngs_modulus(axis) * strain[axis], 1.0);
        let lateral = (axis + 1) % D;
        close(
            compliance.poisson_ratio(axis, lateral),
            -strain[lateral] / strain[axis],
        );
    }

    // What symmetry the prestress leaves.
    let order = StiffnessTensor::<D>::voigt_order();
    let s = tensor.stress();
    for (i, &[a, b]) in order.iter().enumerate() {
        for (j, &[c, d]) in order.iter().enumerate() {
            let component = tensor.component([a, b, c, d]);
            assert_eq!(tensor.components()[i][j], component);
            assert_eq!(tensor.component([b, a, d, c]), component);
            let mut expected = tensor.component([c, d, a, b]);
            expected.prestress +=
                s[c][d] * f64::from(u8::from(a == b)) - s[a][b] * f64::from(u8::from(c == d));
            assert!((component.born - expected.born).abs() < 1e-12 * bulk.born);
            assert!((component.non_affine - expected.non_affine).abs() < 1e-9 * bulk.born);
            assert!((component.prestress - expected.prestress).abs() < 1e-12 * bulk.born);
        }
    }
}

#[test]
fn the_tensor_is_the_slope_of_the_stress_of_pairs() {
    let glass = stressed(&ipl(), &ipl_glass(150, 5));
    let stress = glass.mechanics().stress();
    // Anisotropic enough for a wrong index to show.
    assert!((stress[0][0] - stress[2][2]).abs() > 0.5 && stress[0][1].abs() > 0.1);
    check_tensor(&ipl(), &glass);
}

#[test]
fn the_tensor_is_the_slope_of_the_stress_of_triplets() {
    let potential = stillinger_weber();
    check_tensor(
        &potential,
        &stressed(&potential, &stillinger_weber_glass(100, 5)),
    );
}

#[test]
fn the_tensor_is_the_slope_of_the_stress_in_the_plane() {
    check_tensor(&ipl(), &stressed(&ipl(), &ipl_glass_2d(120, 3)));
}

#[test]
fn the_crystal_has_its_closed_form_constants() {
    // Six bonds of length r per particle along (1, 1, 0)/sqrt 2 and the like. With u = rho phi'' r^2 and
    // w = rho phi' r, sums over bonds of n_x^4 and n_x^2 n_y^2 are 1 and 1/2, of n_x^2 they are 2:
    // C11 = u - w and C12 = C44 = (u - w)/2 in Green-Lagrange strain, the stress is s = 2 w (minus the
    // pressure). Birch's terms add s to C11 and C44 and take it from C12:
    // C11 = u + w, C12 = u/2 - 5w/2, C44 = u/2 + 3w/2. Pressure and G = C44 are in physics.md.
    let edge = 4.0_f64.powf(1.0 / 3.0);
    let positions = face_centred_cubic(3, edge);
    let cell = Cell::orthorhombic([3.0 * edge; 3]).unwrap();
    let species = vec![Species(0); positions.len()];
    let crystal = Configuration::new(cell, positions, species).unwrap();
    let potential = SpeciesTable::uniform(Ipl(1.0)).unwrap();
    let crystal = certify_anything(&potential, crystal);
    let (pressure, g) = (4.62531943845, 12.7090631661);
    let w = -0.5 * pressure;
    let u = 2.0 * g - 3.0 * w;
    let (c11, c12, c44) = (u + w, 0.5 * u - 2.5 * w, g);

    let response = LinearResponse::new(&crystal, &SparseCholesky::default()).unwrap();
    let tensor = response.stiffness_tensor().unwrap();
    for (i, row) in tensor.voigt(Modulus::total).iter().enumerate() {
        for (j, component) in row.iter().enumerate() {
            let expected = match (i, j) {
                _ if i == j && i < 3 => c11,
                _ if i == j => c44,
                _ if i < 3 && j < 3 => c12,
                _ => 0.0,
            };
            // The constants of reference have twelve digits.
            assert!(
                (component - expected).abs() < 1e-9,
                "{i} {j} {component} {expected}"
            );
        }
    }
    let mut random = Seed(6).stream("shears", &[]);
    for _ in 0..5 {
        let shear = random_shear(&mut random);
        let (m, n) = (shear.displacement(), shear.gradient());
        let both: f64 = (0..3).map(|k| (m[k] * n[k]).powi(2)).sum();
        let expected = c44 + (c11 - c12 - 2.0 * c44) * both;
        let found = response.shear_modulus_along(&shear).unwrap().total();
        assert!((found - expected).abs() < 1e-9);
    }
    let compliance = tensor.compliance().unwrap();
    let youngs_modulus = (c11 - c12) * (c11 + 2.0 * c12) / (c11 + c12);
    assert!((compliance.youngs_modulus(1) - youngs_modulus).abs() < 1e-8);
    assert!((compliance.poisson_ratio(2, 0) - c12 / (c11 + c12)).abs() < 1e-9);
}

#[test]
fn the_tensor_of_a_rotated_glass_is_the_rotated_tensor() {
    let glass = stressed(&ipl(), &ipl_glass(150, 5));
    // Rotations about two axes.
    let (sine, cosine) = 0.7_f64.sin_cos();
    let about_z = [[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]];
    let (sine, cosine) = 1.9_f64.sin_cos();
    let about_x = [[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]];
    let rotation = product(&about_x, &about_z);
    let rotated = glass.configuration().deformed(&rotation).unwrap();
    let rotated =
        InherentStructure::certify(&ipl(), rotated, Tolerance::force_ratio(1e-10)).unwrap();
    let tensor = |structure: &InherentStructure<3>| {
        let response = LinearResponse::new(structure, &SparseCholesky::default()).unwrap();
        response.stiffness_tensor().unwrap()
    };
    let (before, after) = (tensor(&glass), tensor(&rotated));
    let axes: Matrix<3> = identity();
    let images: [Vector<3>; 3] = axes.map(|axis| transform(&rotation, &axis));
    let outer = |a: &Vector<3>, b: &Vector<3>| -> Matrix<3> { a.map(|a| scale(a, b)) };
    let size = before.bulk_modulus().born;
    for [a, b] in StiffnessTensor::<3>::voigt_order() {
        for [c, d] in StiffnessTensor::<3>::voigt_order() {
            let expected = before.component([a, b, c, d]);
            let found = after.contracted(
                &outer(&images[a], &images[b]),
                &outer(&images[c], &images[d]),
            );
            assert!((found.born - expected.born).abs() < 1e-10 * size);
            assert!((found.prestress - expected.prestress).abs() < 1e-10 * size);
            assert!((found.non_affine - expected.non_affine).abs() < 1e-8 * size);
        }
    }
    for (found, expected) in [
        (after.voigt_shear_modulus(), before.voigt_shear_modulus()),
        (after.bulk_modulus(), before.bulk_modulus()),
    ] {
        assert!((found.total() - expected.total()).abs() < 1e-8 * size);
    }
}

/// All three routes to the shear modulus, in planes of axes and others.
fn check_routes<const D: usize>(potential: &dyn Potential<D>, glass: &InherentStructure<D>) {
    let response = LinearResponse::new(glass, &SparseCholesky::default()).unwrap();
    let mut random = Seed(7).stream("shears", &[]);
    let mut strains = Vec::new();
    for shear in [
        Shear::in_plane(Plane::XY).unwrap(),
        random_shear(&mut random),
    ] {
        let expected = response.shear_modulus_along(&shear).unwrap();
        let second = response
            .shear_modulus_in_green_lagrange_strain(&shear)
            .unwrap();
        assert!((second.total() - expected.total()).abs() < 1e-9 * expected.born);
        // Errors as in the slopes of the stress above.
        let third = shear_modulus_by_finite_strain(glass, &shear, 1e-5, |configuration| {
            strains.push(configuration.cell().vectors()[1][0]);
            Ok::<_, CellError>(quench(potential, configuration))
        })
        .unwrap();
        assert!(
            (third.modulus() / expected.total() - 1.0).abs() < 1e-5,
            "{third:?}"
        );
        assert!(third.discrepancy() < 1e-5 * expected.total());
        for slopes in [third.coarse, third.fine] {
            for slope in [slopes.forward, slopes.backward] {
                assert!((slope / expected.total() - 1.0).abs() < 1e-2, "{third:?}");
            }
        }
        assert_eq!((third.coarse.step, third.fine.step), (1e-5, 5e-6));
    }
    assert_eq!(strains.len(), 10);
}

#[test]
fn the_three_routes_to_the_shear_modulus_agree() {
    check_routes(&ipl(), &stressed(&ipl(), &ipl_glass(150, 5)));
    check_routes(&stillinger_weber(), &stillinger_weber_glass(100, 5));
    check_routes(&ipl(), &ipl_glass_2d(120, 3));
}

#[test]
fn what_has_no_modulus_says_why() {
    let direction = |result: Result<Shear<3>, ResponseError>| match result {
        Err(ResponseError::Direction { role, .. }) => role,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        direction(Shear::new([0.0; 3], [0.0, 1.0, 0.0])),
        "displacement"
    );
    assert_eq!(
        direction(Shear::new([1.0, 0.0, 0.0], [0.0, f64::NAN, 0.0])),
        "gradient"
    );
    assert_eq!(
        direction(Shear::new([1.0, f64::INFINITY, 0.0], [0.0; 3])),
        "displacement"
    );
    assert!(matches!(
        Shear::new([1.0, 1.0], [1.0, -1.0 + 1e-9]),
        Err(ResponseError::NotOrthogonal { cosine, .. }) if (cosine - 5e-10).abs() < 1e-12
    ));
    assert!(Shear::new([1e-200, 1e-200], [1e300, -1e300]).is_ok());
    assert!(matches!(
        Shear::<2>::in_plane(Plane::YZ),
        Err(ResponseError::Plane { dimension: 2, .. })
    ));

    let glass = ipl_glass_2d(60, 1);
    let shear = Shear::in_plane(Plane::XY).unwrap();
    let refuse = |_| Err(SolveError::NotFinite { column: 0 });
    for step in [0.0, -1e-5, f64::NAN, 1.0] {
        let outcome = shear_modulus_by_finite_strain(&glass, &shear, step, refuse);
        assert!(matches!(outcome, Err(FiniteStrainError::Step { .. })));
    }
    let fails_at = |strain: f64| {
        let start = glass.configuration().cell().vectors()[1][0];
        let mut failing = |configuration: Configuration<2>| {
            let moved = configuration.cell().vectors()[1][0] - start;
            if moved == 0.0 || moved.signum() != strain.signum() {
                Ok(glass.clone())
            } else {
                Err(SolveError::NotFinite { column: 0 })
            }
        };
        shear_modulus_by_finite_strain(&glass, &shear, 1e-3, &mut failing)
    };
    for expected in [1e-3, -1e-3] {
        assert!(matches!(
            fails_at(expected),
            Err(FiniteStrainError::Quench { strain, source: SolveError::NotFinite { .. } }) if strain == expected
        ));
    }

    // A chain of springs along x in a plane: nothing resists shear.
    let spring = Spring {
        stiffness: 1.0,
        length: 1.0,
        range: 1.5,
    };
    let cell = Cell::orthorhombic([4.0, 4.0]).unwrap();
    let positions = (0..4).map(|i| [f64::from(i), 0.0]).collect();
    let chain = Configuration::new(cell, positions, vec![Species(0); 4]).unwrap();
    let chain = certify_anything(&SpeciesTable::uniform(spring).unwrap(), chain);
    // Without a probe, which would find that the chain bends at no cost.
    let solver = ConjugateGradient {
        probe: 1.0,
        ..ConjugateGradient::default()
    };
    if let Ok(tensor) = LinearResponse::new(&chain, &solver)
        .unwrap()
        .stiffness_tensor()
    {
        assert!((tensor.component([0; 4]).total() - 0.25).abs() < 1e-14);
        assert!(matches!(
            tensor.compliance(),
            Err(ResponseError::NoCompliance)
        ));
    } else {
        panic!("the forces that strain brings about are zero");
    }
}
