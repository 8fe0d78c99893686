//! The Stillinger-Weber model: pairs that attract and angles that want to be tetrahedral.

use crate::error::MixtureError;
use crate::error::{ParameterError, check, finite, positive};
use vitreous_md_core::vector::dot;
use vitreous_md_core::{
    Leg, Radial, Scalar, Species, SpeciesTable, Sum, Taylor, ThreeBody, Triplet, Vector,
};

/// The model of Stillinger & Weber, Phys. Rev. B 31, 5262 (1985), for one species:
///
/// ```text
/// U = sum_(i<j) eps A [B (sigma/r)^4 - 1] exp[sigma/(r - a sigma)]
///   + sum_i sum_(j<k) eps lambda (cos theta_jik - cos theta_0)^2
///                     exp[gamma sigma/(r_ij - a sigma) + gamma sigma/(r_ik - a sigma)]
/// ```
///
/// for distances below `a sigma`, where it vanishes with all derivatives. The pair minimum is at
/// `2^(1/6) sigma` and has the depth `eps`, for the numbers of [`StillingerWeber::default`] as for those of
/// [`StillingerWeber::silicon`]; they differ in `lambda`.
///
/// ```
/// use vitreous_md_core::Potential;
/// use vitreous_potentials::StillingerWeber;
/// let silicon = StillingerWeber::silicon().potential()?;
/// assert_eq!(Potential::<3>::range(&silicon), 1.8);
/// # Ok::<(), vitreous_potentials::MixtureError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StillingerWeber {
    /// The energy `eps`.
    pub energy: f64,
    /// The length `sigma`.
    pub length: f64,
    /// The strength `A` of the pair part.
    pub pair_strength: f64,
    /// The share `B` of repulsion in the pair part.
    pub pair_repulsion: f64,
    /// The cut-off `a = r_c/sigma` of both parts.
    pub reduced_cutoff: f64,
    /// The strength `lambda` of the angle part.
    pub angle_strength: f64,
    /// The decay `gamma` of the angle part.
    pub angle_decay: f64,
    /// The cosine `cos theta_0` of the angle that costs no energy.
    pub cosine: f64,
}

impl Default for StillingerWeber {
    /// The numbers of the paper with `lambda = 18.75`, with which the liquid forms a glass most easily:
    /// Russo, Romano & Tanaka, Phys. Rev. X 8, 021040 (2018).
    fn default() -> Self {
        Self {
            energy: 1.0,
            length: 1.0,
            pair_strength: 7.049556277,
            pair_repulsion: 0.6022245584,
            reduced_cutoff: 1.8,
            angle_strength: 18.75,
            angle_decay: 1.2,
            cosine: -1.0 / 3.0,
        }
    }
}

impl StillingerWeber {
    /// The numbers of the paper for silicon, `lambda = 21`, in units of `eps = 2.1683 eV` and
    /// `sigma = 2.0951` angstrom.
    pub fn silicon() -> Self {
        Self {
            angle_strength: 21.0,
            ..Self::default()
        }
    }

    /// The pair part.
    ///
    /// # Errors
    /// A length or cut-off that is not positive and finite, other parameters that are not finite.
    pub fn pair(&self) -> Result<StillingerWeberPair, ParameterError> {
        let square = positive("the length", self.length)?.powi(2);
        let amplitude = self.energy * self.pair_strength;
        let repulsion = self.pair_repulsion * square * square;
        Ok(StillingerWeberPair {
            amplitude: finite("the energy times the strength A", amplitude)?,
            repulsion: finite("the repulsion B times the length^4", repulsion)?,
            length: self.length,
            range: self.range()?,
        })
    }

    /// The angle part.
    ///
    /// # Errors
    /// A length, cut-off or decay that is not positive and finite, a cosine that is not from -1 to 1, other
    /// parameters that are not finite.
    pub fn angle(&self) -> Result<StillingerWeberAngle, ParameterError> {
        let length = positive("the length", self.length)?;
        let strength = self.energy * self.angle_strength;
        let cosine = self.cosine;
        let is_cosine = (-1.0..=1.0).contains(&cosine);
        Ok(StillingerWeberAngle {
            strength: finite("the energy times the strength lambda", strength)?,
            cosine: check("the cosine", cosine, is_cosine, "from -1 to 1")?,
            decay: positive("the decay gamma", self.angle_decay)? * length,
            range: self.range()?,
        })
    }

    fn range(&self) -> Result<f64, ParameterError> {
        positive("the cut-off", self.reduced_cutoff * self.length)
    }

    /// The sum of both parts.
    ///
    /// # Errors
    /// Those of the parts.
    pub fn potential(
        &self,
    ) -> Result<Sum<SpeciesTable<StillingerWeberPair>, ThreeBody<StillingerWeberAngle>>, MixtureError>
    {
        Ok(Sum(
            SpeciesTable::uniform(self.pair()?)?,
            ThreeBody::new(self.angle()?)?,
        ))
    }
}

/// `exp(-700) = 1e-304`: a larger exponent makes the exponential zero. It would otherwise meet the powers of
/// `1/gap` in its derivatives, which overflow where it underflows.
const LARGEST_EXPONENT: f64 = 700.0;

/// Whether `exp(-decay/gap)` is zero, as it is where there is no gap.
#[inline(always)]
fn vanishes(decay: f64, gap: f64) -> bool {
    gap * LARGEST_EXPONENT <= decay
}

/// `exp[decay/(r - range)]`.
#[inline(always)]
fn tail<S: Scalar>(decay: f64, range: f64, distance: S) -> S {
    let gap = -distance + range;
    if vanishes(decay, gap.value()) {
        return S::zero();
    }
    (gap.recip() * -decay).exp()
}

/// `phi(r) = eps A [B (sigma/r)^4 - 1] exp[sigma/(r - a sigma)]`: see [`StillingerWeber`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StillingerWeberPair {
    /// `eps A`.
    amplitude: f64,
    /// `B sigma^4`.
    repulsion: f64,
    /// `sigma`.
    length: f64,
    /// `a sigma`.
    range: f64,
}

impl Radial for StillingerWeberPair {
    fn range(&self) -> f64 {
        self.range
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, squared_distance: S) -> S {
        let tail = tail(self.length, self.range, squared_distance.sqrt());
        (squared_distance.powi(-2) * self.repulsion - 1.0) * tail * self.amplitude
    }

    /// By the recurrences of the Taylor coefficients in `s` of each factor.
    #[inline(always)]
    fn derivatives<const N: usize>(&self, squared_distance: f64) -> [f64; N] {
        let distance = squared_distance.sqrt();
        let gap = self.range - distance;
        if vanishes(self.length, gap) {
            return [0.0; N];
        }
        let inverse = 1.0 / squared_distance;
        // Of r, B (sigma/r)^4 - 1, 1/(a sigma - r) and exp[-sigma/(a sigma - r)].
        let (mut root, mut power) = (distance, self.repulsion * inverse * inverse);
        let [mut roots, mut powers, mut inverse_gaps, mut tails] = [[0.0; N]; 4];
        powers[0] = power - 1.0;
        inverse_gaps[0] = 1.0 / gap;
        tails[0] = (inverse_gaps[0] * -self.length).exp();
        for k in 1..N {
            let order = k as f64;
            root *= inverse * (1.5 - order) / order;
            roots[k] = root;
            power *= inverse * -(order + 1.0) / order;
            powers[k] = power;
            let sum: f64 = (1..=k).map(|l| roots[l] * inverse_gaps[k - l]).sum();
            inverse_gaps[k] = sum * inverse_gaps[0];
            let sum: f64 = (1..=k)
                .map(|l| l as f64 * inverse_gaps[l] * tails[k - l])
                .sum();
            tails[k] = sum * -self.length / order;
        }
        let energy = std::array::from_fn(|k| {
            let product: f64 = (0..=k).map(|l| powers[l] * tails[k - l]).sum();
            self.amplitude * product
        });
        Taylor(energy).derivatives()
    }
}

/// `eps lambda (cos theta - cos theta_0)^2 exp[gamma sigma/(r_ij - a sigma) + gamma sigma/(r_ik - a sigma)]`,
/// `theta` being the angle between the legs: see [`StillingerWeber`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StillingerWeberAngle {
    /// `eps lambda`.
    strength: f64,
    /// `cos theta_0`.
    cosine: f64,
    /// `gamma sigma`.
    decay: f64,
    /// `a sigma`.
    range: f64,
}

/// The two factors of the energy of an angle, `U = eps lambda q^2 T`, and their first derivatives in the
/// squared edges `s_ij`, `s_ik`, `s_jk`.
///
/// ```text
/// q = cos theta - cos theta_0,  cos theta = m (s_ij + s_ik - s_jk),  m = 1/(2 r_ij r_ik)
/// T = exp[-gamma sigma (1/d_ij + 1/d_ik)],  d = a sigma - r
/// ```
struct Factors {
    /// `1/r_ij`, `1/r_ik`.
    inverse_legs: [f64; 2],
    /// `1/d_ij`, `1/d_ik`.
    inverse_gaps: [f64; 2],
    /// `m`.
    m: f64,
    /// `cos theta`.
    cosine: f64,
    /// `dq/ds_e`: `m - cos theta/(2 s_e)` for the legs, `-m` for the third edge.
    slopes: [f64; 3],
    /// `q`.
    q: f64,
    /// `eps lambda T`.
    tail: f64,
    /// `dlnT/ds_e`: `-gamma sigma/(2 r d^2)` for the legs, 0 for the third edge.
    decays: [f64; 3],
}

impl StillingerWeberAngle {
    /// `None` where the energy is zero.
    #[inline(always)]
    fn factors(&self, edges: [f64; 3]) -> Option<Factors> {
        let legs = [edges[0].sqrt(), edges[1].sqrt()];
        let gaps = legs.map(|leg| self.range - leg);
        if vanishes(self.decay, gaps[0]) || vanishes(self.decay, gaps[1]) {
            return None;
        }
        let inverse_legs = legs.map(|leg| 1.0 / leg);
        let inverse_gaps = gaps.map(|gap| 1.0 / gap);
        let m = 0.5 * inverse_legs[0] * inverse_legs[1];
        let cosine = m * (edges[0] + edges[1] - edges[2]);
        let slope = |leg: usize| m - 0.5 * cosine * inverse_legs[leg] * inverse_legs[leg];
        let decay = |leg: usize| {
            -0.5 * self.decay * inverse_legs[leg] * inverse_gaps[leg] * inverse_gaps[leg]
        };
        Some(Factors {
            inverse_legs,
            inverse_gaps,
            m,
            cosine,
            slopes: [slope(0), slope(1), -m],
            q: cosine - self.cosine,
            tail: self.strength * (-self.decay * (inverse_gaps[0] + inverse_gaps[1])).exp(),
            decays: [decay(0), decay(1), 0.0],
        })
    }
}

impl Factors {
    fn energy(&self) -> f64 {
        self.tail * self.q * self.q
    }

    /// `U_e = eps lambda T q (2 q_e + q L_e)`, `L = ln T`.
    #[inline(always)]
    fn gradient(&self) -> [f64; 3] {
        let factor = self.tail * self.q;
        std::array::from_fn(|e| factor * (2.0 * self.slopes[e] + self.q * self.decays[e]))
    }

    /// `U_ef = eps lambda T [2 q_e q_f + 2 q (q_ef + q_e L_f + q_f L_e) + q^2 (L_ef + L_e L_f)]`.
    #[inline(always)]
    fn hessian(&self) -> [[f64; 3]; 3] {
        let Self {
            inverse_legs,
            inverse_gaps,
            m,
            cosine,
            slopes,
            q,
            tail,
            decays,
        } = *self;
        // 1/s of the legs.
        let inverse = inverse_legs.map(|leg| leg * leg);
        // q_ef
        let own = |leg: usize| (0.75 * cosine * inverse[leg] - m) * inverse[leg];
        let third = |leg: usize| 0.5 * m * inverse[leg];
        let legs = 0.25 * cosine * inverse[0] * inverse[1] - third(0) - third(1);
        let curvatures = [
            [own(0), legs, third(0)],
            [legs, own(1), third(1)],
            [third(0), third(1), 0.0],
        ];
        // L_ee
        let decay = |leg: usize| {
            let half = 0.5 * inverse_legs[leg];
            decays[leg] * half * (2.0 * inverse_gaps[leg] - inverse_legs[leg])
        };
        let decay_curvatures = [decay(0), decay(1), 0.0];
        let mut hessian = [[0.0; 3]; 3];
        for e in 0..3 {
            for f in 0..3 {
                let cross = slopes[e] * decays[f] + slopes[f] * decays[e];
                let both = if e == f { decay_curvatures[e] } else { 0.0 } + decays[e] * decays[f];
                hessian[e][f] = tail
                    * (2.0 * slopes[e] * slopes[f]
                        + q * (2.0 * (curvatures[e][f] + cross) + q * both));
            }
        }
        hessian
    }
}

impl Triplet for StillingerWeberAngle {
    fn range(&self) -> f64 {
        self.range
    }

    fn species_count(&self) -> usize {
        1
    }

    #[inline(always)]
    fn energy<S: Scalar>(&self, _: Species, _: [Species; 2], squared_edges: [S; 3]) -> S {
        let [ij, ik, jk] = squared_edges;
        let (r_ij, r_ik) = (ij.sqrt(), ik.sqrt());
        let tails = tail(self.decay, self.range, r_ij) * tail(self.decay, self.range, r_ik);
        let q = (ij + ik - jk) / (r_ij * r_ik * 2.0) - self.cosine;
        q * q * tails * self.strength
    }

    #[inline(always)]
    fn gradient(&self, _: Species, _: [Species; 2], edges: [f64; 3]) -> (f64, [f64; 3]) {
        self.factors(edges).map_or((0.0, [0.0; 3]), |factors| {
            (factors.energy(), factors.gradient())
        })
    }

    #[inline(always)]
    fn hessian(
        &self,
        _: Species,
        _: [Species; 2],
        edges: [f64; 3],
    ) -> (f64, [f64; 3], [[f64; 3]; 3]) {
        self.factors(edges)
            .map_or((0.0, [0.0; 3], [[0.0; 3]; 3]), |factors| {
                (factors.energy(), factors.gradient(), factors.hessian())
            })
    }

    /// Sums over pairs of legs factorise, so that the cost grows with the number of legs and not with its
    /// square: with `f_l = exp[-gamma sigma/d_l]`, unit vectors `n_l`, `c = cos theta_0`, `S = sum f`,
    /// `V = sum f n`, `T = sum f n n^T`,
    ///
    /// ```text
    /// sum_{j<k} f_j f_k (n_j . n_k - c)^2 = [T:T - 2 c V.V + c^2 S^2 - (1 - c)^2 sum_l f_l^2]/2
    /// ```
    #[inline(always)]
    fn centre<const D: usize>(
        &self,
        _: Species,
        legs: &[Leg<D>],
        gradients: &mut [Vector<D>],
    ) -> f64 {
        let c = self.cosine;
        let (mut scalar, mut squares) = (0.0, 0.0);
        let mut vector = [0.0; D];
        let mut tensor = [[0.0; D]; D];
        for (leg, gradient) in legs.iter().zip(gradients.iter_mut()) {
            let distance = leg.squared_length.sqrt();
            let gap = self.range - distance;
            if vanishes(self.decay, gap) {
                continue; // the gradient stays zero, which says so below
            }
            let f = (-self.decay / gap).exp();
            scalar += f;
            squares += f * f;
            let inverse = 1.0 / distance;
            let n: Vector<D> = std::array::from_fn(|a| leg.vector[a] * inverse);
            for a in 0..D {
                // f n is kept for the second pass.
                gradient[a] = f * n[a];
                vector[a] += gradient[a];
                for b in 0..=a {
                    tensor[a][b] += gradient[a] * n[b];
                }
            }
        }
        for a in 0..D {
            for b in 0..a {
                tensor[b][a] = tensor[a][b];
            }
        }
        let own = (1.0 - c) * (1.0 - c);
        for (leg, gradient) in legs.iter().zip(gradients.iter_mut()) {
            let inverse = 1.0 / leg.squared_length.sqrt();
            let n: Vector<D> = std::array::from_fn(|a| leg.vector[a] * inverse);
            let f = dot(gradient, &n);
            if f == 0.0 {
                continue;
            }
            let tn: Vector<D> = std::array::from_fn(|a| dot(&tensor[a], &n));
            let (ntn, nv) = (dot(&n, &tn), dot(&n, &vector));
            let inverse_gap = 1.0 / (self.range - leg.squared_length * inverse);
            // df/dr, times what multiplies df; f/r, times what multiplies dn across n.
            let along = -self.decay
                * inverse_gap
                * inverse_gap
                * f
                * (ntn - 2.0 * c * nv + c * c * scalar - own * f);
            let across = 2.0 * f * inverse;
            for a in 0..D {
                let turn = tn[a] - c * vector[a] - (ntn - c * nv) * n[a];
                gradient[a] = self.strength * (along * n[a] + across * turn);
            }
        }
        let mut square = 0.0;
        for row in &tensor {
            square += dot(row, row);
        }
        0.5 * self.strength
            * (square - 2.0 * c * dot(&vector, &vector) + c * c * scalar * scalar - own * squares)
    }
}
