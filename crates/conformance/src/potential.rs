//! The laws of whole potentials.

use crate::configurations::{doubled, permuted, rotated, rotation};
use crate::differences::slopes;
use crate::rounding::TINY;
use crate::violation::{Law, Place, Quantity, Violation};
use rand::RngExt;
use vitreous_linresp::Hessian;
use vitreous_md_core::vector::{
    add, dot, identity, inverse, norm_squared, scale, subtract, transform,
};
use vitreous_md_core::{
    Configuration, Direction, DirectionError, DirectionalDerivatives, ForceError, ForceField,
    Linearization, Matrix, Mechanics, Potential, Seed, Sum, Vector, directional_derivatives,
    linearize,
};

/// Numbers that are computed in two ways, relative to the terms that are added up. Up to a thousand terms
/// are summed, each with some fifty roundings in functions with powers of up to 30, at positions that
/// lattice translations round at a few cells: some 1e-12 together, at worst.
const ROUNDING: f64 = 1e-11;

/// What differences are asked for, relative to the largest numbers of their kind.
const GOAL: f64 = 1e-9;

/// What is allowed on top of what differences leave open, on the same scale: the quotient of energies that
/// are sums of a thousand terms, rounded to 1e-15 of them, and the step, 1e-4 of the spacing.
const DIFFERENCE: f64 = 1e-8;

/// What differences may leave open. They do so where a pair is at its cut-off within the shortest step.
const SETTLED: f64 = 1e-6;

/// The first step of differences: of paths along which particles move by some tenths of their spacing.
const STEP: f64 = 1.0 / 2048.0;

/// Checks all passes of a potential at a configuration against each other, against differences, and against
/// the symmetries of mechanics: see the [crate](crate) for the laws and their order.
///
/// ```
/// use vitreous_conformance::check_potential;
/// use vitreous_md_core::{Configuration, Radial, Scalar, Seed, SpeciesTable};
/// /// phi(r) = (4 - r^2)^3.
/// #[derive(Clone)]
/// struct Soft;
/// impl Radial for Soft {
///     fn range(&self) -> f64 { 2.0 }
///     fn energy<S: Scalar>(&self, squared_distance: S) -> S { (-squared_distance + 4.0).powi(3) }
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let potential = SpeciesTable::uniform(Soft)?;
/// check_potential::<3>(&potential, &Configuration::random(20, 0.8, &[1.0], Seed(1))?)?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// The first violation.
pub fn check_potential<const D: usize>(
    potential: &dyn Potential<D>,
    configuration: &Configuration<D>,
) -> Result<(), Violation> {
    let bench = Bench::new(potential, configuration)?;
    bench.repeatability()?;
    bench.newton()?;
    bench.neighbours()?;
    bench.accumulation()?;
    bench.symmetries()?;
    bench.force()?;
    bench.stress()?;
    bench.expansion()?;
    bench.path()?;
    bench.hessian()?;
    bench.first_order()?;
    bench.orders()
}

impl From<ForceError> for Violation {
    fn from(error: ForceError) -> Self {
        DirectionError::from(error).into()
    }
}

impl From<DirectionError> for Violation {
    fn from(error: DirectionError) -> Self {
        match error {
            // The configuration is not one of this potential.
            DirectionError::Force(
                ForceError::UnknownSpecies { .. }
                | ForceError::NoDiameters
                | ForceError::Diameter { .. },
            ) => Self::Contract {
                reason: error.to_string(),
            },
            _ => Self::Evaluation { error },
        }
    }
}

/// Energy, forces and strain gradient, in whichever way they were computed.
struct State<const D: usize> {
    energy: f64,
    forces: Vec<Vector<D>>,
    strain_gradient: Matrix<D>,
}

impl<const D: usize> From<Mechanics<D>> for State<D> {
    fn from(mechanics: Mechanics<D>) -> Self {
        Self {
            energy: mechanics.energy(),
            strain_gradient: mechanics.totals.strain_gradient,
            forces: mechanics.forces,
        }
    }
}

/// The sizes of what is added up.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    energy: f64,
    force: f64,
    strain: f64,
}

/// A potential at a configuration, with what is needed again and again.
struct Bench<'a, const D: usize> {
    potential: &'a dyn Potential<D>,
    configuration: &'a Configuration<D>,
    state: State<D>,
    squared_term_forces: f64,
    linearization: Linearization<D>,
    sizes: Sizes,
    /// A random direction: displacements of some tenths of the spacing, and a strain as large.
    displacements: Vec<Vector<D>>,
    strain: Matrix<D>,
}

impl<'a, const D: usize> Bench<'a, D> {
    fn new(
        potential: &'a dyn Potential<D>,
        configuration: &'a Configuration<D>,
    ) -> Result<Self, Violation> {
        let mechanics = ForceField::new(potential).evaluate(configuration)?;
        let linearization = linearize(potential, configuration)?;
        let squared_term_forces = mechanics.totals.squared_term_forces;
        let state = State::from(mechanics);
        if linearization.edges().is_empty() && state.energy == 0.0 {
            return Err(Violation::NoInteraction);
        }
        let sizes = Sizes::new(&state, &linearization);
        let mut random = Seed(0).stream("direction", &[D as u64]);
        let mut vector = |size: f64| std::array::from_fn(|_| size * random.random_range(-0.3..0.3));
        let spacing = configuration.mean_spacing();
        let displacements = (0..configuration.len()).map(|_| vector(spacing)).collect();
        let strain = std::array::from_fn(|_| vector(1.0));
        Ok(Self {
            potential,
            configuration,
            state,
            squared_term_forces,
            linearization,
            sizes,
            displacements,
            strain,
        })
    }

    fn evaluate(&self, configuration: &Configuration<D>) -> Result<State<D>, Violation> {
        let mechanics = ForceField::new(self.potential).evaluate(configuration)?;
        Ok(mechanics.into())
    }

    /// The configuration with particles moved by multiples of displacements.
    fn displaced(&self, displacements: &[Vector<D>], step: f64) -> Configuration<D> {
        let mut moved = self.configuration.clone();
        for (x, z) in moved.positions_mut().iter_mut().zip(displacements) {
            *x = add(x, &scale(step, z));
        }
        moved
    }

    fn energy_in_strain(&self, strain: &Matrix<D>, step: f64) -> Result<Vec<f64>, Violation> {
        let strained = self.configuration.deformed(&deformation(strain, step));
        // Deformations by a step are far from singular.
        let strained = strained.map_err(|error| ForceError::Configuration(error.into()))?;
        Ok(vec![self.evaluate(&strained)?.energy])
    }

    fn along(
        &self,
        displacements: &[Vector<D>],
        strain: Matrix<D>,
    ) -> Result<DirectionalDerivatives<D>, Violation> {
        let direction = Direction::displacements(displacements).with_strain(strain);
        Ok(directional_derivatives(
            self.potential,
            self.configuration,
            &direction,
        )?)
    }

    /// Whether a state is another to rounding.
    fn compare(&self, law: Law, found: &State<D>, expected: &State<D>) -> Result<(), Violation> {
        let near = |quantity, pair, size| {
            Violation::unless_near(law, Place::State(quantity), pair, ROUNDING * size)
        };
        let pair = [found.energy, expected.energy];
        near(Quantity::Energy, pair, self.sizes.energy)?;
        for (particle, (f, e)) in found.forces.iter().zip(&expected.forces).enumerate() {
            for component in 0..D {
                let quantity = Quantity::Force {
                    particle,
                    component,
                };
                near(quantity, [f[component], e[component]], self.sizes.force)?;
            }
        }
        let strains = [&found.strain_gradient, &expected.strain_gradient];
        for row in 0..D {
            for column in 0..D {
                let quantity = Quantity::StrainGradient { row, column };
                let pair = strains.map(|strain| strain[row][column]);
                near(quantity, pair, self.sizes.strain)?;
            }
        }
        Ok(())
    }

    fn repeatability(&self) -> Result<(), Violation> {
        let again = self.evaluate(self.configuration)?;
        let exactly = |quantity, [found, expected]: [f64; 2]| {
            // The same bits: no tolerance, and no difference between them.
            let place = Place::State(quantity);
            Violation::unless_near(Law::Repeatability, place, [found, expected], 0.0)
        };
        exactly(Quantity::Energy, [again.energy, self.state.energy])?;
        for (particle, (f, e)) in again.forces.iter().zip(&self.state.forces).enumerate() {
            for component in 0..D {
                let quantity = Quantity::Force {
                    particle,
                    component,
                };
                exactly(quantity, [f[component], e[component]])?;
            }
        }
        Ok(())
    }

    /// With lists that hold nothing beyond the range, and with lists that hold much.
    fn neighbours(&self) -> Result<(), Violation> {
        for skin in [0.0, 0.7] {
            let mut field = ForceField::with_skin(self.potential, skin * self.potential.range());
            let found = field.evaluate(self.configuration)?.into();
            self.compare(Law::Neighbours, &found, &self.state)?;
        }
        Ok(())
    }

    /// The potential added twice.
    fn accumulation(&self) -> Result<(), Violation> {
        let twice = Sum(self.potential, self.potential);
        let mut doubled = State::from(ForceField::new(&twice).evaluate(self.configuration)?);
        doubled.halve();
        self.compare(Law::Accumulation, &doubled, &self.state)
    }

    fn newton(&self) -> Result<(), Violation> {
        for component in 0..D {
            let total: f64 = self.state.forces.iter().map(|force| force[component]).sum();
            let limit = ROUNDING * self.sizes.force * self.state.forces.len() as f64;
            let place = Place::State(Quantity::TotalForce { component });
            Violation::unless_near(Law::Newton, place, [total, 0.0], limit)?;
        }
        Ok(())
    }

    fn symmetries(&self) -> Result<(), Violation> {
        let configuration = self.configuration;
        let particles = configuration.len();
        let not_made = || Violation::Contract {
            reason: "the configuration has no doubled, rotated or permuted one".to_owned(),
        };

        let image = |i: usize| -> Vector<D> {
            let multiples = std::array::from_fn(|k| ((i * (k + 2) + k) % 5) as i32 - 2);
            configuration.cell().translation(&multiples)
        };
        let images: Vec<Vector<D>> = (0..particles).map(image).collect();
        let found = self.evaluate(&self.displaced(&images, 1.0))?;
        self.compare(Law::Images, &found, &self.state)?;

        let spacing = configuration.mean_spacing();
        let shift: Vector<D> = std::array::from_fn(|k| spacing * (3.7 - 1.9 * k as f64));
        let found = self.evaluate(&self.displaced(&vec![shift; particles], 1.0))?;
        self.compare(Law::Translation, &found, &self.state)?;

        let mut order: Vec<usize> = (0..particles).rev().collect();
        order.rotate_left(particles / 3);
        let other = permuted(configuration, &order).ok_or_else(not_made)?;
        let found = self.evaluate(&other)?;
        let expected = State {
            forces: order.iter().map(|&n| self.state.forces[n]).collect(),
            ..self.state
        };
        self.compare(Law::Permutation, &found, &expected)?;

        for first in 0..D {
            for second in 0..first {
                let mut spin = [[0.0; D]; D];
                (spin[first][second], spin[second][first]) = (1.0, -1.0);
                let place = Place::State(Quantity::StrainGradient {
                    row: first,
                    column: second,
                });
                let functions = |step| self.energy_in_strain(&spin, step);
                settled_slopes(Law::Torque, functions, &[(place, 0.0, self.sizes.strain)])?;
            }
        }

        let turn = rotation::<D>();
        let turned = configuration.deformed(&turn).map_err(|_| not_made())?;
        let found = self.evaluate(&turned)?;
        let expected = State {
            energy: self.state.energy,
            forces: rotated(&turn, &self.state.forces),
            // It has a law of its own, which cells of any orientation are tested by.
            strain_gradient: found.strain_gradient,
        };
        self.compare(Law::Rotation, &found, &expected)?;

        for along in 0..D {
            let twice = doubled(configuration, along).ok_or_else(not_made)?;
            let found = self.evaluate(&twice)?;
            for half in found.forces.chunks_exact(particles) {
                let one = State {
                    energy: 0.5 * found.energy,
                    forces: half.to_vec(),
                    strain_gradient: found.strain_gradient.map(|row| row.map(|c| 0.5 * c)),
                };
                self.compare(Law::Replication, &one, &self.state)?;
            }
        }
        Ok(())
    }

    /// Forces against differences of the energy: along a random direction, which every error shows in, and
    /// where it does, particle by particle.
    fn force(&self) -> Result<(), Violation> {
        let work = |z: &[Vector<D>]| -> [f64; 2] {
            let products = || self.state.forces.iter().zip(z).map(|(f, z)| -dot(f, z));
            let size = self.sizes.force * configuration_norm(z);
            [products().sum(), size.max(products().map(f64::abs).sum())]
        };
        let check = |z: &[Vector<D>], quantity| {
            let [work, size] = work(z);
            let functions = |step| Ok(vec![self.evaluate(&self.displaced(z, step))?.energy]);
            settled_slopes(
                Law::Force,
                functions,
                &[(Place::State(quantity), work, size)],
            )
        };
        check(&self.displacements, Quantity::Energy).or_else(|violation| {
            let spacing = self.configuration.mean_spacing();
            for particle in 0..self.configuration.len() {
                for component in 0..D {
                    let mut z = vec![[0.0; D]; self.configuration.len()];
                    z[particle][component] = spacing;
                    let quantity = Quantity::Force {
                        particle,
                        component,
                    };
                    check(&z, quantity)?;
                }
            }
            Err(violation)
        })
    }

    fn stress(&self) -> Result<(), Violation> {
        for row in 0..D {
            for column in 0..D {
                let mut strain = [[0.0; D]; D];
                strain[row][column] = 1.0;
                let place = Place::State(Quantity::StrainGradient { row, column });
                let found = self.state.strain_gradient[row][column];
                let functions = |step| self.energy_in_strain(&strain, step);
                settled_slopes(Law::Stress, functions, &[(place, found, self.sizes.strain)])?;
            }
        }
        Ok(())
    }

    fn expansion(&self) -> Result<(), Violation> {
        let found = State {
            energy: self.linearization.energy(),
            forces: self.linearization.forces(),
            strain_gradient: self.linearization.strain_gradient(),
        };
        self.compare(Law::Expansion, &found, &self.state)?;
        let found = self.linearization.totals().squared_term_forces;
        let place = Place::State(Quantity::SquaredTermForces);
        let limit = ROUNDING * found.abs().max(self.squared_term_forces);
        let pair = [found, self.squared_term_forces];
        Violation::unless_near(Law::Expansion, place, pair, limit)
    }

    fn path(&self) -> Result<(), Violation> {
        let along = self.along(&self.displacements, self.strain)?;
        let found = State {
            energy: along.energy[0],
            forces: along.gradient[0].iter().map(|g| scale(-1.0, g)).collect(),
            strain_gradient: along.strain_gradient[0],
        };
        self.compare(Law::Path, &found, &self.state)
    }

    /// The product of the Hessian with a random direction: as operator, as matrix, and as differences of
    /// the forces.
    fn hessian(&self) -> Result<(), Violation> {
        let hessian = Hessian::new(&self.linearization);
        let z = self.displacements.as_flattened();
        let [mut by_edges, mut by_matrix] = [vec![0.0; z.len()], vec![0.0; z.len()]];
        hessian.apply_edges(z, &mut by_edges);
        hessian.apply(z, &mut by_matrix);
        let size = self.linear_terms([[0.0; D]; D]).2.force;
        let place = |entry: usize| Place::Path {
            order: 1,
            quantity: force_component::<D>(entry),
        };
        for (entry, pair) in by_matrix.iter().zip(&by_edges).enumerate() {
            let pair = [*pair.0, *pair.1];
            Violation::unless_near(Law::Operator, place(entry), pair, ROUNDING * size)?;
        }
        let functions = |step| -> Result<Vec<f64>, Violation> {
            let state = self.evaluate(&self.displaced(&self.displacements, step))?;
            Ok(state.forces.as_flattened().iter().map(|f| -f).collect())
        };
        let expected: Vec<_> = by_edges
            .iter()
            .enumerate()
            .map(|(entry, product)| (place(entry), *product, size))
            .collect();
        settled_slopes(Law::Hessian, functions, &expected)
    }

    /// The path to first order: translations do nothing, second derivatives are symmetric, and with the
    /// general direction it is what the linearisation says. With `w_e = z_j - z_i + E r_e`:
    ///
    /// ```text
    /// d2U/da2 = sum_ef 4 h_ef (r_e . w_e)(r_f . w_f) + sum_e 2 g_e |w_e|^2
    /// d(dU/dx_j)/da = sum_e 2 g_e w_e + 4 sum_f h_ef (r_f . w_f) r_e,  and the opposite at i
    /// ```
    fn first_order(&self) -> Result<(), Violation> {
        let no_strain = [[0.0; D]; D];
        let particles = self.configuration.len();
        let size = self.linear_terms([[0.0; D]; D]).2.force;
        let spacing = self.configuration.mean_spacing();
        let place = |quantity| Place::Path { order: 1, quantity };

        let shift = std::array::from_fn(|k| spacing * (0.3 + 0.2 * k as f64));
        let along = self.along(&vec![shift; particles], no_strain)?;
        for (entry, &change) in along.gradient[1].as_flattened().iter().enumerate() {
            let place = place(force_component::<D>(entry));
            Violation::unless_near(Law::ZeroModes, place, [change, 0.0], ROUNDING * size)?;
        }

        let mut other = self.displacements.clone();
        other.rotate_left(particles / 2);
        other.reverse();
        let work = |gradient: &[Vector<D>], z: &[Vector<D>]| -> f64 {
            gradient.iter().zip(z).map(|(g, z)| dot(g, z)).sum()
        };
        let y_of_z = self.along(&self.displacements, no_strain)?;
        let z_of_y = self.along(&other, no_strain)?;
        let pair = [
            work(&y_of_z.gradient[1], &other),
            work(&z_of_y.gradient[1], &self.displacements),
        ];
        let limit = ROUNDING * size * configuration_norm(&other);
        Violation::unless_near(Law::Symmetry, place(Quantity::Energy), pair, limit)?;

        let along = self.along(&self.displacements, self.strain)?;
        let (gradient, curvature, size) = self.linear_terms(self.strain);
        let pair = [along.energy[2], curvature];
        let second = Place::Path {
            order: 2,
            quantity: Quantity::Energy,
        };
        let found = along.gradient[1].as_flattened();
        for (entry, (f, e)) in found.iter().zip(gradient.as_flattened()).enumerate() {
            let (place, limit) = (place(force_component::<D>(entry)), ROUNDING * size.force);
            Violation::unless_near(Law::PathHessian, place, [*f, *e], limit)?;
        }
        Violation::unless_near(Law::PathHessian, second, pair, ROUNDING * size.energy)
    }

    /// The first-order change of the gradient and the second derivative of the energy along the random
    /// displacements and a strain, from the linearisation, and the sizes of what is added up to them.
    fn linear_terms(&self, strain: Matrix<D>) -> (Vec<Vector<D>>, f64, Sizes) {
        let direction = Direction::displacements(&self.displacements).with_strain(strain);
        let edges = self.linearization.edges();
        let moves: Vec<Vector<D>> = edges
            .iter()
            .map(|edge| direction.of_edge(edge.i as usize, edge.j as usize, &edge.vector))
            .collect();
        let stretches: Vec<f64> = edges
            .iter()
            .zip(&moves)
            .map(|(edge, w)| dot(&edge.vector, w))
            .collect();
        let mut changes: Vec<[f64; 2]> = edges
            .iter()
            .zip(&stretches)
            .map(|(edge, stretch)| [edge.curvature * stretch, (edge.curvature * stretch).abs()])
            .collect();
        for coupling in self.linearization.couplings() {
            let (first, second) = (coupling.first as usize, coupling.second as usize);
            for (e, f) in [(first, second), (second, first)] {
                let change = coupling.curvature * stretches[f];
                changes[e][0] += change;
                changes[e][1] += change.abs();
            }
        }
        let mut gradient = vec![[0.0; D]; self.configuration.len()];
        let mut magnitudes = vec![0.0; self.configuration.len()];
        let (mut curvature, mut size) = (0.0, 0.0);
        for (e, edge) in edges.iter().enumerate() {
            let [change, change_size] = changes[e];
            let (r, w) = (&edge.vector, &moves[e]);
            let (i, j) = (edge.i as usize, edge.j as usize);
            for k in 0..D {
                let force = 2.0 * edge.gradient * w[k] + 4.0 * change * r[k];
                gradient[j][k] += force;
                gradient[i][k] -= force;
            }
            let [length, speed] = [r, w].map(|v| norm_squared(v).sqrt());
            let magnitude = 2.0 * edge.gradient.abs() * speed + 4.0 * change_size * length;
            magnitudes[i] += magnitude;
            magnitudes[j] += magnitude;
            curvature += 4.0 * change * stretches[e] + 2.0 * edge.gradient * norm_squared(w);
            size += magnitude * speed;
        }
        let sizes = Sizes {
            energy: size,
            force: magnitudes.into_iter().fold(self.sizes.force, f64::max),
            strain: size,
        };
        (gradient, curvature, sizes)
    }

    /// Every order along the general path against differences of the order below.
    fn orders(&self) -> Result<(), Violation> {
        let found = self.along(&self.displacements, self.strain)?;
        let particles = self.configuration.len();
        let spacing = self.configuration.mean_spacing();
        let functions = |step: f64| -> Result<Vec<f64>, Violation> {
            let along = self.moved_along(step)?;
            Ok((0..3).flat_map(|order| numbers(&along, order)).collect())
        };
        let mut expected = Vec::new();
        for order in 1..4 {
            // Energies all: gradients are compared as work over the spacing.
            let of_strain = largest(found.strain_gradient[order].as_flattened());
            let of_gradient = spacing * largest(found.gradient[order].as_flattened());
            let energy = of_strain.max(of_gradient).max(found.energy[order].abs());
            // Where forces cancel by symmetry, their parts do not.
            let force = of_gradient.max(energy / particles as f64) / spacing;
            for (index, number) in numbers(&found, order).into_iter().enumerate() {
                let quantity = quantity::<D>(index, particles);
                let is_force = matches!(quantity, Quantity::Force { .. });
                let size = if is_force { force } else { energy };
                expected.push((Place::Path { order, quantity }, number, size));
            }
        }
        settled_slopes(Law::PathOrders, functions, &expected)
    }

    /// The derivatives at the parameter `a` of the general path, in the direction in which it goes on there.
    ///
    /// Edges move as `w = u + E r(0)` with `r(a) = F r(0) + a u`, `F = I + a E`; in terms of `r(a)` that is
    /// the strain `E F^-1` and the displacements `(I - a E F^-1) z`.
    fn moved_along(&self, a: f64) -> Result<DirectionalDerivatives<D>, Violation> {
        let gradient = deformation(&self.strain, a);
        let back = inverse(&gradient).1.unwrap_or(identity());
        let onward: Matrix<D> = std::array::from_fn(|k| {
            std::array::from_fn(|l| (0..D).map(|m| self.strain[k][m] * back[m][l]).sum())
        });
        let state = self.configuration.deformed(&gradient);
        let mut state = state.map_err(|error| ForceError::Configuration(error.into()))?;
        for (x, z) in state.positions_mut().iter_mut().zip(&self.displacements) {
            *x = add(x, &scale(a, z));
        }
        let rest: Vec<Vector<D>> = self
            .displacements
            .iter()
            .map(|z| subtract(z, &scale(a, &transform(&onward, z))))
            .collect();
        let direction = Direction::displacements(&rest).with_strain(onward);
        Ok(directional_derivatives(self.potential, &state, &direction)?)
    }
}

impl<const D: usize> State<D> {
    fn halve(&mut self) {
        self.energy *= 0.5;
        self.forces
            .as_flattened_mut()
            .iter_mut()
            .chain(self.strain_gradient.as_flattened_mut())
            .for_each(|x| *x *= 0.5);
    }
}

impl Sizes {
    fn new<const D: usize>(state: &State<D>, linearization: &Linearization<D>) -> Self {
        let mut forces = vec![0.0; linearization.particles()];
        let mut strain = 0.0;
        for edge in linearization.edges() {
            let length = norm_squared(&edge.vector).sqrt();
            let force = 2.0 * edge.gradient.abs() * length;
            forces[edge.i as usize] += force;
            forces[edge.j as usize] += force;
            strain += force * length;
        }
        // What the force pass has counts too: the linearisation may be what is wrong.
        let largest_force = largest(state.forces.as_flattened());
        let strain = largest(state.strain_gradient.as_flattened()).max(strain);
        Self {
            energy: strain.max(state.energy.abs()),
            force: forces.into_iter().fold(largest_force, f64::max),
            strain,
        }
    }
}

/// `I + step E`.
fn deformation<const D: usize>(strain: &Matrix<D>, step: f64) -> Matrix<D> {
    let mut deformation = identity::<D>();
    for row in 0..D {
        deformation[row] = add(&deformation[row], &scale(step, &strain[row]));
    }
    deformation
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |largest, x| x.abs().max(largest))
}

/// `sum_i |z_i|`.
fn configuration_norm<const D: usize>(displacements: &[Vector<D>]) -> f64 {
    displacements.iter().map(|z| norm_squared(z).sqrt()).sum()
}

fn force_component<const D: usize>(entry: usize) -> Quantity {
    Quantity::Force {
        particle: entry / D,
        component: entry % D,
    }
}

/// All numbers of one order along a path, one after another.
fn numbers<const D: usize>(along: &DirectionalDerivatives<D>, order: usize) -> Vec<f64> {
    let mut numbers = vec![along.energy[order]];
    numbers.extend(along.gradient[order].as_flattened());
    numbers.extend(along.strain_gradient[order].as_flattened());
    numbers
}

/// What a place in [`numbers`] is.
fn quantity<const D: usize>(index: usize, particles: usize) -> Quantity {
    match index {
        0 => Quantity::Energy,
        _ if index <= D * particles => force_component::<D>(index - 1),
        _ => {
            let entry = index - 1 - D * particles;
            Quantity::StrainGradient {
                row: entry / D,
                column: entry % D,
            }
        }
    }
}

/// Numbers against the derivatives of functions: each with its place, its value and the size of what is
/// added up to it.
fn settled_slopes(
    law: Law,
    functions: impl FnMut(f64) -> Result<Vec<f64>, Violation>,
    expected: &[(Place, f64, f64)],
) -> Result<(), Violation> {
    let goals: Vec<f64> = expected
        .iter()
        .map(|(_, _, size)| GOAL * size + TINY)
        .collect();
    let slopes = slopes(functions, STEP, &goals)?;
    for (&(place, found, size), slope) in expected.iter().zip(slopes) {
        // A pair close to its cut-off can make the step so short that rounding counts.
        let rounding = 8.0 * f64::EPSILON * size / slope.step;
        let uncertainty = 4.0 * slope.uncertainty + rounding;
        let settled = SETTLED * size + TINY;
        Violation::unless_settled(place, uncertainty, settled)?;
        let limit = DIFFERENCE * size + uncertainty + TINY;
        Violation::unless_near(law, place, [found, slope.value], limit)?;
    }
    Ok(())
}
