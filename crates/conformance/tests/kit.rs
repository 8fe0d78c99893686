//! The kit as a user sees it: tests made by the macro, and what a failure says.

use vitreous_conformance::proptest::prelude::*;
use vitreous_conformance::{
    Law, RadialContract, Sample, Violation, check_potential, check_radial, conformance, prove,
    prove_potential,
};
use vitreous_md_core::{
    Cell, Configuration, Radial, Scalar, Species, SpeciesTable, Sum, ThreeBody, Triplet,
};

/// The pair part of Stillinger and Weber's potential, `A (B r^-4 - 1) exp[1/(r - a)]`, which is smooth at
/// its end to any order.
#[derive(Clone, Debug)]
struct Pair {
    depth: f64,
    core: f64,
    range: f64,
}

impl Radial for Pair {
    fn range(&self) -> f64 {
        self.range
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        let tail = (s.sqrt() - self.range).recip().exp();
        (s.powi(-2) * self.core - 1.0) * tail * self.depth
    }
}

/// The three-body part, `strength (cos theta - c)^2 exp[g/(r_ij - a) + g/(r_ik - a)]`.
#[derive(Clone, Debug)]
struct Angle {
    strength: f64,
    cosine: f64,
    decay: f64,
    range: f64,
}

impl Triplet for Angle {
    fn range(&self) -> f64 {
        self.range
    }
    fn species_count(&self) -> usize {
        1
    }
    fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], [ij, ik, jk]: [S; 3]) -> S {
        let cosine = (ij + ik - jk) * 0.5 / (ij * ik).sqrt();
        let tail = |s: S| (s.sqrt() - self.range).recip() * self.decay;
        (cosine - self.cosine).powi(2) * (tail(ij) + tail(ik)).exp() * self.strength
    }
}

fn pairs() -> impl Strategy<Value = Pair> {
    (1.0..9.0, 0.3..0.8, 1.6..2.0).prop_map(|(depth, core, range)| Pair { depth, core, range })
}

fn angles() -> impl Strategy<Value = Angle> {
    (5.0..25.0, -0.6..0.6, 0.8..1.4, 1.6..2.0).prop_map(|(strength, cosine, decay, range)| Angle {
        strength,
        cosine,
        decay,
        range,
    })
}

fn tetrahedral() -> impl Strategy<Value = Sum<SpeciesTable<Pair>, ThreeBody<Angle>>> {
    (pairs(), angles()).prop_map(|(pair, angle)| {
        Sum(
            SpeciesTable::uniform(pair).unwrap(),
            ThreeBody::new(angle).unwrap(),
        )
    })
}

/// `(1 - r/range)^(5/2)`: the third derivative diverges at the range.
#[derive(Clone, Debug)]
struct Hertzian {
    range: f64,
}

impl Radial for Hertzian {
    fn range(&self) -> f64 {
        self.range
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        let overlap = -s.sqrt() / self.range + 1.0;
        overlap.powi(2) * overlap.sqrt()
    }
}

/// A parabola inside `inner`, which goes on as a straight line.
#[derive(Clone, Debug)]
struct Pieces {
    inner: f64,
}

impl Radial for Pieces {
    fn range(&self) -> f64 {
        2.0
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        let r = s.sqrt();
        let line = -r + 2.0;
        if r.value() < self.inner {
            line + (r - self.inner).powi(2)
        } else {
            line
        }
    }
}

fn hertzians() -> impl Strategy<Value = Hertzian> {
    (0.5..3.0).prop_map(|range| Hertzian { range })
}

fn pieces() -> impl Strategy<Value = Pieces> {
    (1.0..1.8).prop_map(|inner| Pieces { inner })
}

conformance!(pair, pairs(), continuity = 4);
conformance!(Hertzian, hertzians(), continuity = 2);
conformance!(
    piecewise,
    pieces(),
    contract = |pieces: &Pieces| {
        RadialContract::default()
            .continuity(0)
            .joint(pieces.inner, 1)
    }
);
conformance!(angle: triplet, angles(), continuity = 2);
conformance!(three_body: potential, tetrahedral(), density = 0.55);
conformance!(
    hertzian_spheres: potential<3>,
    hertzians().prop_filter_map("large", |h| (h.range > 1.0).then(|| SpeciesTable::uniform(h).unwrap())),
    density = 1.1,
    particles = 8
);

/// The violation and the shrunk instance are what the author gets to read.
#[test]
#[should_panic(expected = "broken law: derivatives up to the declared order vanish at the range")]
fn a_failure_names_the_law() {
    let contract = RadialContract::default().continuity(3);
    prove("hertzian", &hertzians(), |instance| {
        check_radial(instance, &contract)
    });
}

#[test]
#[should_panic(expected = "Hertzian {")]
fn a_failure_shows_the_instance() {
    let contract = RadialContract::default().continuity(3);
    prove("hertzian", &hertzians(), |instance| {
        check_radial(instance, &contract)
    });
}

/// Empty space proves nothing.
#[test]
#[should_panic(expected = "particles of the configuration interact")]
fn too_low_a_density_fails() {
    let sample = Sample::default().density(0.001);
    prove_potential::<3, _>("gas", pairs(), &sample, |pair, state| {
        check_potential(&SpeciesTable::uniform(pair.clone()).unwrap(), state)
    });
}

#[test]
fn what_cannot_be_tested_is_said() {
    let pair = Pair {
        depth: 7.0,
        core: 0.6,
        range: 1.8,
    };
    let table = SpeciesTable::uniform(pair).unwrap();
    let cell = Cell::<2>::cubic(2, 0.01).unwrap();
    let at = |x: f64, species: u8| {
        let positions = vec![[0.0, 0.0], [x, 0.0]];
        Configuration::new(cell, positions, vec![Species(species); 2]).unwrap()
    };
    assert_eq!(check_potential(&table, &at(1.1, 0)), Ok(()));
    let laws = [at(5.0, 0), at(1.1, 3), at(0.0, 0)]
        .map(|state| check_potential(&table, &state).unwrap_err().law());
    assert_eq!(laws, [Law::Interaction, Law::Contract, Law::Finite]);
    let message = check_potential(&table, &at(1.1, 3))
        .unwrap_err()
        .to_string();
    assert!(message.contains("particle 0 is of species 3"), "{message}");
    let endless = RadialContract::default().smallest(f64::NAN);
    let violation = check_radial(&Hertzian { range: 1.0 }, &endless).unwrap_err();
    assert!(matches!(violation, Violation::Contract { .. }));
}
