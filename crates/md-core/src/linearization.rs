//! A potential expanded to second order at a configuration, in a form that knows nothing of the potential.
//!
//! Every term is a function of squared edge lengths `s_e = |r_e|^2`. What is kept is the list of edges with
//! `g_e = dU/ds_e` and `h_ee`, and the couplings `h_ef` between different edges of the same three-body term.
//! With `r_e = x_j - x_i`, summed over edges and couplings,
//!
//! ```text
//! force on j        - 2 g_e r_e                    (and the opposite on i)
//! dU/dF             2 g_e r_e r_e^T                (affine map x -> F x)
//! d2U/dr_e dr_f     4 h_ef r_e r_f^T + 2 g_e I delta_ef
//! ```
//!
//! In the words of the pair potential `phi(r)`: `2 g = phi'/r` and `4 h = (phi'' - phi'/r)/r^2`.

use crate::configuration::Configuration;
use crate::totals::Totals;
use crate::vector::{Matrix, Vector, dot, norm_squared, subtract};

/// One edge: a vector between two particles (or images) and the derivatives of the energy in its square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge<const D: usize> {
    /// The particle at which the edge starts.
    pub i: u32,
    /// The particle at which it ends.
    pub j: u32,
    /// Whether it is an interacting pair: within the range of a pair term. The other edges belong to
    /// three-body terms only.
    pub interaction: bool,
    /// `r_e = x_j - x_i`, to the image of `j`.
    pub vector: Vector<D>,
    /// `g_e = dU/ds_e`.
    pub gradient: f64,
    /// `h_ee = d2U/ds_e^2`.
    pub curvature: f64,
}

/// The place of an edge in [`Linearization::edges`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeIndex(u32);

/// `h_ef = d2U/ds_e ds_f` of two different edges of a three-body term; stands for `h_ef` and `h_fe`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coupling {
    /// Index of the first edge.
    pub first: u32,
    /// Index of the second edge.
    pub second: u32,
    /// `h_ef`.
    pub curvature: f64,
}

/// The second-order expansion of the energy of `N` particles: see the [module](self).
#[derive(Clone, Debug)]
pub struct Linearization<const D: usize> {
    particles: usize,
    volume: f64,
    energy: f64,
    squared_term_forces: f64,
    edges: Vec<Edge<D>>,
    couplings: Vec<Coupling>,
}

impl<const D: usize> Linearization<D> {
    /// An expansion without terms, to which potentials add theirs.
    pub fn empty(configuration: &Configuration<D>) -> Self {
        Self {
            particles: configuration.len(),
            volume: configuration.cell().volume(),
            energy: 0.0,
            squared_term_forces: 0.0,
            edges: Vec::new(),
            couplings: Vec::new(),
        }
    }

    /// Makes it that of another configuration, without terms; memory is kept.
    pub fn clear(&mut self, configuration: &Configuration<D>) {
        self.edges.clear();
        self.couplings.clear();
        *self = Self {
            edges: std::mem::take(&mut self.edges),
            couplings: std::mem::take(&mut self.couplings),
            ..Self::empty(configuration)
        };
    }

    /// Adds a pair term between particles `[i, j]` with `r = x_j - x_i` and `[U, dU/ds, d2U/ds^2]`.
    pub fn add_pair(&mut self, [i, j]: [usize; 2], r: Vector<D>, derivatives: [f64; 3]) {
        let [energy, gradient, curvature] = derivatives;
        self.energy += energy;
        self.squared_term_forces += 4.0 * gradient * gradient * norm_squared(&r);
        self.push(i, j, true, r, gradient, curvature);
    }

    /// Adds an edge `r` from particle `i` to `j` for three-body terms to act on, which may share it.
    pub fn add_edge(&mut self, [i, j]: [usize; 2], r: Vector<D>) -> EdgeIndex {
        let index = EdgeIndex(self.edges.len() as u32);
        self.push(i, j, false, r, 0.0, 0.0);
        index
    }

    /// Adds a three-body term of three edges of this linearisation: its energy, `g_e` and `h_ef`.
    /// Its forces are to be told to [`Linearization::add_squared_forces`].
    ///
    /// # Panics
    /// If an edge belongs to another linearisation with more edges.
    pub fn add_triplet(
        &mut self,
        edges: [EdgeIndex; 3],
        (energy, gradient, curvature): (f64, [f64; 3], [[f64; 3]; 3]),
    ) {
        self.energy += energy;
        for e in 0..3 {
            let edge = &mut self.edges[edges[e].0 as usize];
            edge.gradient += gradient[e];
            edge.curvature += curvature[e][e];
        }
        for (e, f) in [(0, 1), (0, 2), (1, 2)] {
            self.couplings.push(Coupling {
                first: edges[e].0,
                second: edges[f].0,
                curvature: curvature[e][f],
            });
        }
    }

    /// Adds to [`Totals::squared_term_forces`]: for a term of more than two particles half the sum of its
    /// squared forces on them.
    pub fn add_squared_forces(&mut self, squares: f64) {
        self.squared_term_forces += squares;
    }

    // Indices fit: a configuration has at most u32::MAX particles, and edges beyond that exceed memory.
    fn push(
        &mut self,
        i: usize,
        j: usize,
        interaction: bool,
        vector: Vector<D>,
        gradient: f64,
        curvature: f64,
    ) {
        self.edges.push(Edge {
            i: i as u32,
            j: j as u32,
            interaction,
            vector,
            gradient,
            curvature,
        });
    }

    /// The number of particles `N`.
    pub fn particles(&self) -> usize {
        self.particles
    }

    /// The volume `V`.
    pub fn volume(&self) -> f64 {
        self.volume
    }

    /// The potential energy `U`.
    pub fn energy(&self) -> f64 {
        self.energy
    }

    /// The edges of all terms.
    pub fn edges(&self) -> &[Edge<D>] {
        &self.edges
    }

    /// The couplings between different edges; none for pair potentials.
    pub fn couplings(&self) -> &[Coupling] {
        &self.couplings
    }

    /// The forces `-dU/dx`, `N x D`.
    pub fn forces(&self) -> Vec<Vector<D>> {
        let mut forces = vec![[0.0; D]; self.particles];
        for edge in &self.edges {
            for k in 0..D {
                let component = 2.0 * edge.gradient * edge.vector[k];
                forces[edge.i as usize][k] += component;
                forces[edge.j as usize][k] -= component;
            }
        }
        forces
    }

    /// `dU/dF` for the affine map `x -> F x`.
    pub fn strain_gradient(&self) -> Matrix<D> {
        let mut gradient = [[0.0; D]; D];
        for edge in &self.edges {
            for a in 0..D {
                for b in 0..D {
                    gradient[a][b] += 2.0 * edge.gradient * edge.vector[a] * edge.vector[b];
                }
            }
        }
        gradient
    }

    /// The product `y = M x` with the Hessian `M = d2U/dx dx`, both `N x D`, straight from the edges: with
    /// `x_e = x_j - x_i`,
    ///
    /// ```text
    /// x . M . x = sum_e 2 g_e |x_e|^2 + sum_ef 4 h_ef (r_e . x_e)(r_f . x_f)
    /// ```
    ///
    /// # Panics
    /// If a length is not `N`.
    pub fn apply_hessian(&self, x: &[Vector<D>], y: &mut [Vector<D>]) {
        assert!(
            x.len() == self.particles && y.len() == self.particles,
            "there must be a vector for each particle"
        );
        y.fill([0.0; D]);
        let relative = |edge: &Edge<D>| subtract(&x[edge.j as usize], &x[edge.i as usize]);
        // Half the changes of the squared lengths, and with them half the changes of g.
        let stretch = |edge: &Edge<D>, relative: &Vector<D>| dot(&edge.vector, relative);
        let mut pull = |edge: &Edge<D>, relative: &Vector<D>, change: f64| {
            for k in 0..D {
                let force = 2.0 * edge.gradient * relative[k] + 4.0 * change * edge.vector[k];
                y[edge.i as usize][k] -= force;
                y[edge.j as usize][k] += force;
            }
        };
        if self.couplings.is_empty() {
            for edge in &self.edges {
                let relative = relative(edge);
                pull(edge, &relative, edge.curvature * stretch(edge, &relative));
            }
        } else {
            let stretches: Vec<f64> = self
                .edges
                .iter()
                .map(|edge| stretch(edge, &relative(edge)))
                .collect();
            for (edge, change) in self.edges.iter().zip(self.gradient_changes(&stretches)) {
                pull(edge, &relative(edge), change);
            }
        }
    }

    /// The diagonal `D x D` blocks of the Hessian, one for each particle.
    pub fn hessian_diagonal(&self) -> Vec<Matrix<D>> {
        let mut blocks = vec![[[0.0; D]; D]; self.particles];
        for edge in &self.edges {
            if edge.i == edge.j {
                continue;
            }
            for i in [edge.i, edge.j] {
                let block = &mut blocks[i as usize];
                for a in 0..D {
                    for b in 0..D {
                        block[a][b] += 4.0 * edge.curvature * edge.vector[a] * edge.vector[b];
                    }
                    block[a][a] += 2.0 * edge.gradient;
                }
            }
        }
        for coupling in &self.couplings {
            let e = &self.edges[coupling.first as usize];
            let f = &self.edges[coupling.second as usize];
            // With u_e = u_j - u_i, a particle at an edge of each has the product of their signs.
            for (i, sign) in [(e.i, -1.0), (e.j, 1.0)] {
                for (j, other) in [(f.i, -1.0), (f.j, 1.0)] {
                    if i != j {
                        continue;
                    }
                    let factor = 4.0 * sign * other * coupling.curvature;
                    let block = &mut blocks[i as usize];
                    for a in 0..D {
                        for b in 0..D {
                            block[a][b] +=
                                factor * (e.vector[a] * f.vector[b] + f.vector[a] * e.vector[b]);
                        }
                    }
                }
            }
        }
        blocks
    }

    /// `sum_f h_ef a_f` for every edge `e`: how the `g_e` change with squared lengths that change by `a_f`.
    ///
    /// # Panics
    /// If there is not one number for every edge.
    pub fn gradient_changes(&self, a: &[f64]) -> Vec<f64> {
        assert_eq!(
            a.len(),
            self.edges.len(),
            "there must be a number for each edge"
        );
        let mut changes: Vec<f64> = self
            .edges
            .iter()
            .zip(a)
            .map(|(edge, a)| edge.curvature * a)
            .collect();
        for coupling in &self.couplings {
            let (first, second) = (coupling.first as usize, coupling.second as usize);
            changes[first] += coupling.curvature * a[second];
            changes[second] += coupling.curvature * a[first];
        }
        changes
    }

    /// The sums that come with the forces, as [`crate::Potential::add_forces`] gives them.
    pub fn totals(&self) -> Totals<D> {
        Totals {
            energy: self.energy,
            strain_gradient: self.strain_gradient(),
            squared_term_forces: self.squared_term_forces,
        }
    }
}
