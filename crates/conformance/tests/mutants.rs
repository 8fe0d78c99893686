//! Every law can fail (but the one on the two forms of the Hessian, which are the library's own): for each a potential that breaks it and that is reported under its name, and the
//! same potentials without the mistake, which pass.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use vitreous_conformance::{
    Law, RadialContract, TripletContract, Violation, check_potential, check_radial, check_triplet,
};
use vitreous_md_core::vector::norm_squared;
use vitreous_md_core::{
    Configuration, Direction, ForceError, Leg, Linearization, Neighbourhood, PathSums, Potential,
    Radial, Scalar, Seed, Series, Species, Taylor, Totals, Triplet, Vector,
};

fn law(outcome: &Result<(), Violation>) -> Option<Law> {
    let violation = outcome.as_ref().err()?;
    // Every violation can be read.
    assert!(
        violation.to_string().contains("broken law: "),
        "{violation}"
    );
    Some(violation.law())
}

// ---------------------------------------------------------------------------------------------------------
// Functions of distance.

#[derive(Clone, Copy, Debug, PartialEq)]
enum Slip {
    None,
    /// Derivative `.0` times `.1`.
    Factor(usize, f64),
    /// The derivative when only two are asked for.
    Prefix,
    /// The energy of a kind of number.
    Arithmetic,
    /// A factor whose derivative is lost.
    Lost,
    /// A step of this size at r = 1.3.
    Step(f64),
    /// A kink in derivative 2 at r = 1.3.
    Kink,
    NotFinite,
}

/// `phi = (r^-12 - its polynomial at the range)`, `phi .. phi''` zero at the range, 2.
#[derive(Clone, Copy, Debug)]
struct Function(Slip);

impl Function {
    fn right<S: Scalar>(s: S) -> S {
        let beyond = s - 4.0;
        let power = 4.0_f64.powi(-6);
        let polynomial = beyond * beyond * (21.0 * power / 16.0) - beyond * (1.5 * power) + power;
        s.powi(-6) - polynomial
    }
}

impl Radial for Function {
    fn range(&self) -> f64 {
        2.0
    }
    fn energy<S: Scalar>(&self, s: S) -> S {
        let right = Self::right(s);
        let beyond = s - 1.69;
        match self.0 {
            Slip::Arithmetic if size_of::<S>() == size_of::<[f64; 5]>() => right * (1.0 + 1e-9),
            Slip::Lost => right * (1.0 + 0.1 * s.value()),
            Slip::Step(step) if beyond.value() > 0.0 => right + step,
            Slip::Kink if beyond.value() > 0.0 => right + beyond * beyond * 1e-3,
            Slip::NotFinite => right + (s - 1.0).sqrt(),
            _ => right,
        }
    }
    fn derivatives<const N: usize>(&self, s: f64) -> [f64; N] {
        let mut derivatives = self.energy(Taylor::variable(s)).derivatives();
        match self.0 {
            Slip::Factor(order, factor) if order < N => derivatives[order] *= factor,
            Slip::Prefix if N == 2 => derivatives[1] *= 2.0,
            Slip::Arithmetic => {
                derivatives = Self::right(Taylor::variable(s)).derivatives();
            }
            _ => {}
        }
        derivatives
    }
}

#[test]
fn mistakes_in_functions_of_distance_are_found() {
    let plain = RadialContract::default().continuity(2);
    let check = |slip, contract: &RadialContract| law(&check_radial(&Function(slip), contract));
    assert_eq!(check(Slip::None, &plain), None);
    for order in 0..5 {
        for factor in [2.0, -1.0, 0.0, 1.0 + 1e-6, 1.0 - 1e-10] {
            let found = check(Slip::Factor(order, factor), &plain);
            assert_eq!(found, Some(Law::Derivative), "{order} {factor}");
        }
    }
    for (slip, expected) in [
        (Slip::Prefix, Law::Prefix),
        (Slip::Arithmetic, Law::Arithmetic),
        (Slip::Lost, Law::Differences),
        (Slip::NotFinite, Law::Finite),
    ] {
        assert_eq!(check(slip, &plain), Some(expected), "{slip:?}");
    }
    // The function is one of three vanishing derivatives, and no more.
    for order in 0..3 {
        assert_eq!(check(Slip::None, &plain.clone().continuity(order)), None);
    }
    assert_eq!(
        check(Slip::None, &plain.clone().continuity(3)),
        Some(Law::Range)
    );
    // phi'' jumps at the joint: phi and phi' do not.
    let joint = |order| RadialContract::default().joint(1.3, order);
    assert_eq!(check(Slip::Kink, &joint(1)), None);
    assert_eq!(check(Slip::Kink, &joint(2)), Some(Law::Joint));
    assert_eq!(check(Slip::None, &joint(4)), None);
    // A step is found whether it is declared as a joint or not, unless constants have few digits.
    assert_eq!(check(Slip::Step(1e-8), &joint(0)), Some(Law::Joint));
    assert_eq!(check(Slip::Step(1e-8), &joint(0).precision(1e-6)), None);
    for contract in [
        RadialContract::default().smallest(2.5),
        joint(1).joint(3.0, 1),
    ] {
        assert_eq!(check(Slip::None, &contract), Some(Law::Contract));
    }
}

#[test]
fn noise_is_found() {
    /// `r^-12` with a ripple that is finer than any step.
    struct Noisy;
    impl Radial for Noisy {
        fn range(&self) -> f64 {
            2.0
        }
        fn energy<S: Scalar>(&self, s: S) -> S {
            s.powi(-6) * (1.0 + 1e-3 * (s.value() * 1.234e12).sin())
        }
        fn derivatives<const N: usize>(&self, s: f64) -> [f64; N] {
            self.energy(Taylor::variable(s)).derivatives()
        }
    }
    let outcome = check_radial(&Noisy, &RadialContract::default());
    assert_eq!(law(&outcome), Some(Law::Smoothness), "{outcome:?}");
}

// ---------------------------------------------------------------------------------------------------------
// Triplets.

#[derive(Clone, Copy, Debug, PartialEq)]
enum TripletSlip {
    None,
    Exchange,
    ExchangeSpecies,
    Gradient,
    Hessian,
    Asymmetric,
    Lost,
    Arithmetic,
    CentreEnergy,
    CentreGradient,
    NotFinite,
}

/// `(cos theta + 1/3)^2 (s_ij - 3)^3 (s_ik - 3)^3`.
#[derive(Clone, Copy, Debug)]
struct Angle(TripletSlip);

impl Triplet for Angle {
    fn range(&self) -> f64 {
        3.0_f64.sqrt()
    }
    fn species_count(&self) -> usize {
        2
    }
    fn energy<S: Scalar>(&self, centre: Species, ends: [Species; 2], [ij, ik, jk]: [S; 3]) -> S {
        let cosine = (ij + ik - jk) * 0.5 / (ij * ik).sqrt();
        let tails = (ij - 3.0).powi(3) * (ik - 3.0).powi(3);
        let strength = 1.0 + f64::from(centre.0) + 0.3 * f64::from(ends[0].0 + ends[1].0);
        let right = (cosine + 1.0 / 3.0).powi(2) * tails * strength;
        match self.0 {
            TripletSlip::Exchange => right * (ij / 5.0 + 1.0),
            TripletSlip::ExchangeSpecies => right * (1.0 + f64::from(ends[0].0)),
            TripletSlip::Lost => right * jk.value(),
            TripletSlip::Arithmetic if size_of::<S>() == size_of::<f64>() => right * 1.001,
            TripletSlip::NotFinite => right + (cosine - 0.5).sqrt(),
            _ => right,
        }
    }
    fn gradient(&self, centre: Species, ends: [Species; 2], edges: [f64; 3]) -> (f64, [f64; 3]) {
        let (energy, mut gradient, _) = Self(self.0).hessian(centre, ends, edges);
        if self.0 == TripletSlip::Gradient {
            gradient[2] *= 1.0 + 1e-6;
        }
        (energy, gradient)
    }
    fn hessian(
        &self,
        centre: Species,
        ends: [Species; 2],
        edges: [f64; 3],
    ) -> (f64, [f64; 3], [[f64; 3]; 3]) {
        use vitreous_md_core::Dual;
        let energy = self.energy(centre, ends, Dual::variables(Dual::variables(edges)));
        let mut hessian = energy.gradient.map(|component| component.gradient);
        match self.0 {
            TripletSlip::Hessian => {
                hessian[0][1] *= 2.0;
                hessian[1][0] *= 2.0;
            }
            TripletSlip::Asymmetric => hessian[0][2] *= 2.0,
            _ => {}
        }
        (energy.value.value, energy.value.gradient, hessian)
    }
    fn centre<const D: usize>(
        &self,
        centre: Species,
        legs: &[Leg<D>],
        gradients: &mut [Vector<D>],
    ) -> f64 {
        let energy = ByDefault(*self).centre(centre, legs, gradients);
        match self.0 {
            TripletSlip::CentreEnergy => 2.0 * energy,
            TripletSlip::CentreGradient if D == 3 => {
                for gradient in gradients {
                    gradient[2] *= -1.0;
                }
                energy
            }
            _ => energy,
        }
    }
}

/// The same without overrides of the centre.
struct ByDefault(Angle);

impl Triplet for ByDefault {
    fn range(&self) -> f64 {
        self.0.range()
    }
    fn species_count(&self) -> usize {
        2
    }
    fn energy<S: Scalar>(&self, centre: Species, ends: [Species; 2], edges: [S; 3]) -> S {
        self.0.energy(centre, ends, edges)
    }
}

/// The Hessian jumps where a leg ends.
struct Blunt;
impl Triplet for Blunt {
    fn range(&self) -> f64 {
        2.0
    }
    fn species_count(&self) -> usize {
        1
    }
    fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], [ij, ik, jk]: [S; 3]) -> S {
        (ij - 4.0).powi(2) * (ik - 4.0).powi(2) * jk
    }
}

#[test]
fn mistakes_in_triplets_are_found() {
    let contract = TripletContract::default().continuity(2);
    let check = |slip| law(&check_triplet(&Angle(slip), &contract));
    for (slip, expected) in [
        (TripletSlip::None, None),
        (TripletSlip::Exchange, Some(Law::Exchange)),
        (TripletSlip::ExchangeSpecies, Some(Law::Exchange)),
        (TripletSlip::Gradient, Some(Law::Derivative)),
        (TripletSlip::Hessian, Some(Law::Derivative)),
        (TripletSlip::Asymmetric, Some(Law::Symmetry)),
        (TripletSlip::Lost, Some(Law::Differences)),
        (TripletSlip::Arithmetic, Some(Law::Arithmetic)),
        (TripletSlip::CentreEnergy, Some(Law::Centre)),
        (TripletSlip::CentreGradient, Some(Law::Centre)),
        (TripletSlip::NotFinite, Some(Law::Finite)),
    ] {
        assert_eq!(check(slip), expected, "{slip:?}");
    }
    let end = |order| {
        law(&check_triplet(
            &Blunt,
            &TripletContract::default().continuity(order),
        ))
    };
    assert_eq!([end(0), end(1), end(2)], [None, None, Some(Law::Range)]);
    let short = TripletContract::default().smallest(4.0);
    assert_eq!(law(&check_triplet(&Blunt, &short)), Some(Law::Contract));
}

// ---------------------------------------------------------------------------------------------------------
// Whole potentials.

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// A count of evaluations enters.
    Memory,
    /// Pairs in the list are not compared with the range.
    ListRange,
    /// Forces are assigned, not added.
    Assignment,
    /// The reaction is forgotten.
    Reaction,
    /// The energy depends on directions.
    Direction,
    /// An external field, which the forces do not feel.
    Field,
    /// Which image stands for the particle enters.
    Wrapping,
    /// The numbers of the particles enter.
    Numbers,
    /// Forces and reactions along x are exaggerated.
    Axis,
    /// Only one image of each pair counts.
    MinimumImage,
    ForceSign,
    ForceFactor,
    /// One component of the stress is missing.
    Stress,
    TermEnergy,
    TermForce,
    Curvature,
    SlightCurvature,
    PathEnergy,
    PathPrefactor,
    /// The edge moves with its end only.
    PathEnd,
    /// The slope changes with the stretch to one side of a plane only: no symmetric matrix.
    PathSymmetry,
    PathFirst,
    PathSecond,
    PathThird,
    NotFinite,
}

/// `phi = (1 - s/4)^4` to its range, 2, with faults.
struct Faulty {
    fault: Fault,
    evaluations: AtomicU64,
    /// What `check` saw.
    positions: Mutex<Vec<f64>>,
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            evaluations: AtomicU64::new(0),
            positions: Mutex::new(Vec::new()),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Energy and derivatives in `s`.
    fn derivatives(s: f64) -> [f64; 5] {
        let rest = 1.0 - 0.25 * s;
        [
            rest.powi(4),
            -rest.powi(3),
            0.75 * rest * rest,
            -0.375 * rest,
            0.09375,
        ]
    }

    /// The pairs that interact, with a weight.
    fn pairs<const D: usize>(
        &self,
        around: &Neighbourhood<'_, D>,
    ) -> Vec<([usize; 2], Vector<D>, f64)> {
        let mut pairs: Vec<([usize; 2], Vector<D>, f64)> = Vec::new();
        for i in 0..around.len() {
            for (j, r) in around.of(i) {
                let s = norm_squared(&r);
                let pair = [i.min(j), i.max(j)];
                if s >= 4.0 && !self.is(Fault::ListRange) {
                    continue;
                }
                let weight = if self.is(Fault::Numbers) {
                    1.0 + 1e-3 * (i * j) as f64
                } else {
                    1.0
                };
                if self.is(Fault::MinimumImage) {
                    let same = |other: &&mut ([usize; 2], Vector<D>, f64)| {
                        [other.0[0].min(other.0[1]), other.0[0].max(other.0[1])] == pair
                    };
                    if let Some(other) = pairs.iter_mut().find(same) {
                        if s < norm_squared(&other.1) {
                            *other = ([i, j], r, weight);
                        }
                        continue;
                    }
                }
                pairs.push(([i, j], r, weight));
            }
        }
        pairs
    }
}

impl<const D: usize> Potential<D> for Faulty {
    fn range(&self) -> f64 {
        2.0
    }
    fn species_count(&self) -> usize {
        1
    }
    fn check(&self, configuration: &Configuration<D>) -> Result<(), ForceError> {
        let inside = configuration.wrapped_positions();
        let inside = inside.as_flattened();
        *self.positions.lock().unwrap() = if self.is(Fault::Wrapping) {
            // How far outside of the cell the particles are.
            let all = configuration.positions().as_flattened();
            all.iter()
                .zip(inside)
                .map(|(x, y)| (x - y).round())
                .collect()
        } else {
            inside.to_vec()
        };
        Ok(())
    }
    fn add_forces(
        &self,
        around: &Neighbourhood<'_, D>,
        forces: &mut [Vector<D>],
        totals: &mut Totals<D>,
    ) {
        if self.is(Fault::Assignment) {
            forces.fill([0.0; D]);
        }
        let seen = self.positions.lock().unwrap();
        match self.fault {
            Fault::Memory => {
                totals.energy += 1e-9 * self.evaluations.fetch_add(1, Ordering::Relaxed) as f64;
            }
            Fault::Field | Fault::Wrapping => {
                totals.energy += 1e-3 * seen.iter().sum::<f64>().sin();
            }
            Fault::NotFinite => totals.energy += f64::NAN,
            _ => {}
        }
        for ([i, j], r, weight) in self.pairs(around) {
            let s = norm_squared(&r);
            let [energy, slope, ..] = Self::derivatives(s).map(|d| weight * d);
            totals.energy += energy;
            if self.is(Fault::Direction) {
                totals.energy += 1e-3 * energy * r[0] * r[0];
            }
            totals.squared_term_forces += 4.0 * slope * slope * s;
            let factor = match self.fault {
                Fault::ForceSign => -1.0,
                Fault::ForceFactor => 1.0 + 1e-6,
                _ => 1.0,
            };
            for k in 0..D {
                let exaggerated = if self.is(Fault::Axis) && k == 0 {
                    1.001
                } else {
                    1.0
                };
                let pull = 2.0 * slope * r[k] * factor * exaggerated;
                forces[j][k] -= pull;
                if !self.is(Fault::Reaction) {
                    forces[i][k] += pull;
                }
                for l in k..D {
                    if !(self.is(Fault::Stress) && (k, l) == (0, 1)) {
                        totals.strain_gradient[k][l] += 2.0 * slope * r[k] * r[l];
                    }
                }
            }
        }
    }
    fn add_terms(&self, around: &Neighbourhood<'_, D>, linearization: &mut Linearization<D>) {
        for (pair, r, weight) in self.pairs(around) {
            let [mut energy, mut slope, mut curvature, ..] =
                Self::derivatives(norm_squared(&r)).map(|d| weight * d);
            match self.fault {
                Fault::TermEnergy => energy *= 2.0,
                Fault::TermForce => slope *= 1.0 + 1e-8,
                Fault::Curvature => curvature *= 2.0,
                Fault::SlightCurvature => curvature *= 1.0 + 1e-6,
                _ => {}
            }
            linearization.add_pair(pair, r, [energy, slope, curvature]);
        }
    }
    fn add_along(
        &self,
        around: &Neighbourhood<'_, D>,
        direction: &Direction<'_, D>,
        sums: &mut PathSums<D>,
    ) {
        for ([i, j], r, weight) in self.pairs(around) {
            let mut change = direction.of_edge(i, j, &r);
            if self.is(Fault::PathEnd) {
                // As if the end moved by more than it does.
                for k in 0..D {
                    change[k] += 1e-3;
                }
            }
            let series = |w: &Vector<D>| {
                let product: f64 = r.iter().zip(w).map(|(a, b)| a * b).sum();
                let s = Series {
                    0: [norm_squared(&r), 2.0 * product, norm_squared(w), 0.0],
                };
                (s * -0.25 + 1.0, product)
            };
            let (rest, product) = series(&change);
            let mut energy = rest.powi(4) * weight;
            let mut slope = rest.powi(3) * -weight;
            match self.fault {
                Fault::PathEnergy => energy.0[0] *= 2.0,
                Fault::PathPrefactor => slope = slope * 2.0,
                Fault::PathSymmetry => slope.0[1] += 1e-3 * (product + product.abs()),
                Fault::PathFirst => slope.0[1] *= 1.0 + 1e-6,
                Fault::PathSecond => slope.0[2] *= 2.0,
                Fault::PathThird => slope.0[3] *= 1.0 + 1e-3,
                _ => {}
            }
            sums.add_energy(energy);
            sums.add_edge([i, j], &r, &change, slope);
        }
    }
}

/// A sheared cell in which pairs interact through several images.
fn state<const D: usize>() -> Configuration<D> {
    let start = Configuration::<D>::random(12, 0.8, &[1.0], Seed(4)).unwrap();
    let mut shear = [[0.0; D]; D];
    for k in 0..D {
        shear[k][k] = 1.0;
    }
    shear[0][1] = 0.3;
    start.deformed(&shear).unwrap()
}

fn mistakes<const D: usize>() {
    for (fault, expected) in [
        (Fault::None, None),
        (Fault::Memory, Some(Law::Repeatability)),
        (Fault::ListRange, Some(Law::Neighbours)),
        (Fault::Assignment, Some(Law::Accumulation)),
        (Fault::Reaction, Some(Law::Newton)),
        (Fault::Direction, Some(Law::Torque)),
        (Fault::Field, Some(Law::Translation)),
        (Fault::Wrapping, Some(Law::Images)),
        (Fault::Numbers, Some(Law::Permutation)),
        (Fault::Axis, Some(Law::Rotation)),
        (Fault::MinimumImage, Some(Law::Replication)),
        (Fault::ForceSign, Some(Law::Force)),
        (Fault::ForceFactor, Some(Law::Force)),
        (Fault::Stress, Some(Law::Stress)),
        (Fault::TermEnergy, Some(Law::Expansion)),
        (Fault::TermForce, Some(Law::Expansion)),
        (Fault::Curvature, Some(Law::Hessian)),
        (Fault::SlightCurvature, Some(Law::Hessian)),
        (Fault::PathEnergy, Some(Law::Path)),
        (Fault::PathPrefactor, Some(Law::Path)),
        (Fault::PathEnd, Some(Law::ZeroModes)),
        (Fault::PathSymmetry, Some(Law::Symmetry)),
        (Fault::PathFirst, Some(Law::PathHessian)),
        (Fault::PathSecond, Some(Law::PathOrders)),
        (Fault::PathThird, Some(Law::PathOrders)),
        (Fault::NotFinite, Some(Law::Finite)),
    ] {
        let outcome = check_potential::<D>(&Faulty::new(fault), &state());
        assert_eq!(law(&outcome), expected, "{fault:?}, D = {D}: {outcome:?}");
    }
}

#[test]
fn mistakes_in_potentials_are_found_in_two_dimensions() {
    mistakes::<2>();
}

#[test]
fn mistakes_in_potentials_are_found_in_three_dimensions() {
    mistakes::<3>();
}
