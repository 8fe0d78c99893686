//! Moments of displacements, shared by all that measures displacements of single particles.

use crate::correlator::{Averages, LagAverage, Series};
use crate::wave_vectors::{LANES, Lanes, pack, total};
use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

/// What is summed over origins for each species: squared and quartic displacement, self scattering, its square.
pub(super) const MOMENTS: usize = 4;

/// Averages over the particles of a species.
pub(super) struct DisplacementMoments {
    squared: f64,
    quartic: f64,
}

impl DisplacementMoments {
    /// Of the displacements between two frames, of `count` particles.
    pub(super) fn between<const D: usize>(
        from: &[[Lanes; D]],
        to: &[[Lanes; D]],
        count: usize,
    ) -> Self {
        let (squared, quartic) = Arch::new().dispatch(Sums { from, to });
        Self {
            squared: total(&squared) / count as f64,
            quartic: total(&quartic) / count as f64,
        }
    }

    /// Of displacements one after the other.
    pub(super) fn of<const D: usize>(displacements: &[[f64; D]]) -> Self {
        let to: Vec<[Lanes; D]> = displacements.chunks(LANES).map(pack).collect();
        let from = vec![[[0.0; LANES]; D]; to.len()];
        Self::between(&from, &to, displacements.len())
    }

    pub(super) fn add_to(&self, sums: &mut [f64], scattering: f64) {
        sums[0] += self.squared;
        sums[1] += self.quartic;
        sums[2] += scattering;
        sums[3] += scattering * scattering;
    }
}

/// The task of [`DisplacementMoments::between`].
struct Sums<'a, const D: usize> {
    from: &'a [[Lanes; D]],
    to: &'a [[Lanes; D]],
}

impl<const D: usize> WithSimd for Sums<'_, D> {
    type Output = (Lanes, Lanes);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (Lanes, Lanes) {
        let (mut squared, mut quartic) = ([0.0; LANES], [0.0; LANES]);
        for (from, to) in self.from.iter().zip(self.to) {
            let square = squared_distances(from, to);
            for lane in 0..LANES {
                squared[lane] += square[lane];
                quartic[lane] += square[lane] * square[lane];
            }
        }
        (squared, quartic)
    }
}

/// `|r - r'|^2` for each lane.
#[inline(always)]
pub(super) fn squared_distances<const D: usize>(from: &[Lanes; D], to: &[Lanes; D]) -> Lanes {
    let mut square = [0.0; LANES];
    for k in 0..D {
        for lane in 0..LANES {
            let difference = to[k][lane] - from[k][lane];
            square[lane] += difference * difference;
        }
    }
    square
}

/// What was measured of the displacements of single particles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfCorrelations {
    /// The lags, in steps of molecular dynamics, that at least one origin has reached.
    pub steps: Vec<u64>,
    /// The number of independent runs.
    pub runs: usize,
    /// The correlations of each species, with one entry for each lag.
    pub species: Vec<SpeciesCorrelations>,
}

impl SelfCorrelations {
    pub(super) fn new<const D: usize>(averages: &Averages, counts: &[usize]) -> Self {
        let species = counts.iter().enumerate().map(|(species, &count)| {
            let first = MOMENTS * species;
            SpeciesCorrelations {
                origins: averages.origins(),
                mean_squared_displacement: averages.means(first),
                non_gaussian_parameter: averages
                    .series(|lag| non_gaussian_parameter::<D>(lag, first, first + 1)),
                self_scattering: averages.means(first + 2),
                self_scattering_susceptibility: averages
                    .series(|lag| lag.variance(first + 2, first + 3, count as f64)),
            }
        });
        Self {
            steps: averages.steps.clone(),
            runs: averages.runs,
            species: species.collect(),
        }
    }

    /// The lags as times: steps multiplied by the time step.
    pub fn times(&self, time_step: f64) -> Vec<f64> {
        self.steps
            .iter()
            .map(|&step| step as f64 * time_step)
            .collect()
    }
}

/// The self correlations of one species; every list has one entry for each lag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpeciesCorrelations {
    /// The number of time origins that were averaged over, all runs together.
    pub origins: Vec<u64>,
    /// `<r^2>`, a squared length.
    pub mean_squared_displacement: Series,
    /// `alpha_2 = D <r^4> / ((D + 2) <r^2>^2) - 1`: zero for Gaussian displacements. It is undefined, and given
    /// as zero, when nothing has moved.
    pub non_gaussian_parameter: Series,
    /// `F_s(q, t)`, between -1 and 1.
    pub self_scattering: Series,
    /// `N_s (<Phi^2> - <Phi>^2)`, where `Phi` is the average of `cos(q . r)` over the `N_s` particles of the species and the wave
    /// vectors, at one origin: the four-point susceptibility of `F_s`. What is said of
    /// [`OverlapSeries::susceptibility`](super::OverlapSeries::susceptibility) holds for it too.
    #[serde(default)]
    pub self_scattering_susceptibility: Series,
}

fn non_gaussian_parameter<const D: usize>(
    lag: &LagAverage,
    first: usize,
    second: usize,
) -> (f64, Option<f64>) {
    let (squared, quartic) = (lag.total.mean(first), lag.total.mean(second));
    if squared == 0.0 {
        return (0.0, None);
    }
    let factor = D as f64 / (D as f64 + 2.0) / (squared * squared);
    let error = lag.standard_error(|sample| {
        let moved = sample.mean(first) - squared;
        factor * (sample.mean(second) - quartic - 2.0 * quartic / squared * moved)
    });
    (factor * quartic - 1.0, error)
}
