//! The vibrational density of states as a histogram.

use super::signed_factor::Elimination;
use super::{ModesError, frequency};
use crate::hessian::Hessian;
use crate::threads::Threads;
use std::num::NonZeroUsize;

/// The density of vibrational states `D(omega)`: a histogram over frequencies, normalised to the number of modes.
///
/// ```text
/// D = modes in [a, b) / (all modes (b - a)),    sum over bins of D (b - a) = 1 if the bins hold all modes
/// ```
///
/// Frequencies are those of [`frequency`]: unstable modes have negative ones. Translations are left out.
///
/// ```
/// # use vitreous_linresp::DensityOfStates;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let states = DensityOfStates::of_eigenvalues(&[1.0, 1.0, 3.0, 3.0, 4.0], vec![0.0, 0.5, 1.5, 2.5])?;
/// assert_eq!(states.counts(), [0, 2, 3]);
/// assert_eq!(states.density(), [0.0, 0.4, 0.6]);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DensityOfStates {
    edges: Vec<f64>,
    counts: Vec<usize>,
    modes: usize,
}

impl DensityOfStates {
    /// The histogram of all eigenvalues, see [`Hessian::spectrum`], over bins with these frequencies as edges.
    ///
    /// # Errors
    /// Edges that do not ascend.
    pub fn of_eigenvalues(eigenvalues: &[f64], edges: Vec<f64>) -> Result<Self, ModesError> {
        check(&edges)?;
        let mut counts = vec![0; edges.len() - 1];
        for &eigenvalue in eigenvalues {
            let frequency = frequency(eigenvalue);
            let above = edges.partition_point(|&edge| edge <= frequency);
            if (1..edges.len()).contains(&above) {
                counts[above - 1] += 1;
            }
        }
        Ok(Self {
            edges,
            counts,
            modes: eigenvalues.len(),
        })
    }

    /// The histogram over bins with these frequencies as edges, by the exact number of modes below each edge: see
    /// [`Hessian::modes_below`]. The cost is a factorisation for each edge, shared by `threads` threads, so this
    /// serves structures whose spectrum would be too much.
    ///
    /// # Errors
    /// Edges that do not ascend; those of [`Hessian::modes_below`]; threads that do not start.
    pub fn by_counting<const D: usize>(
        hessian: &Hessian<'_, D>,
        edges: Vec<f64>,
        threads: NonZeroUsize,
    ) -> Result<Self, ModesError> {
        check(&edges)?;
        if !super::row_sum_norm(hessian).is_finite() {
            return Err(ModesError::NotFinite);
        }
        let elimination = Elimination::for_shift(hessian, 1.0)?;
        let below = |&edge: &f64| {
            if edge == 0.0 {
                hessian.modes_below(0.0)
            } else {
                elimination.modes_below(hessian, edge * edge.abs())
            }
        };
        let counts = Threads::new(threads)?.map(&edges, below);
        let below: Vec<usize> = counts.into_iter().collect::<Result<_, _>>()?;
        // Exact counts do not fall.
        let counts = below
            .windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]))
            .collect();
        Ok(Self {
            edges,
            counts,
            modes: hessian.modes(),
        })
    }

    /// The edges of the bins, one more than there are bins.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// The number of modes in each bin.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// The number of all modes, in bins or not.
    pub fn modes(&self) -> usize {
        self.modes
    }

    /// `D(omega)` in each bin, per unit of frequency.
    pub fn density(&self) -> Vec<f64> {
        self.bins(|low, high| high - low)
    }

    /// `D(omega)/omega^(d-1)` in each bin, in `d` dimensions: the number of modes over the integral of `omega^(d-1)`,
    /// so that Debye's law gives a constant whatever the bins. Not a number in bins that reach below zero.
    pub fn reduced_density(&self, dimensions: u8) -> Vec<f64> {
        let power = i32::from(dimensions);
        self.bins(|low, high| {
            if low < 0.0 {
                f64::NAN
            } else {
                (high.powi(power) - low.powi(power)) / f64::from(power)
            }
        })
    }

    fn bins(&self, weight: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        self.edges
            .windows(2)
            .zip(&self.counts)
            .map(|(edges, &count)| count as f64 / (self.modes as f64 * weight(edges[0], edges[1])))
            .collect()
    }
}

fn check(edges: &[f64]) -> Result<(), ModesError> {
    let ascend = edges.windows(2).all(|pair| pair[0] < pair[1]);
    if edges.len() >= 2 && ascend && edges.iter().all(|edge| edge.is_finite()) {
        Ok(())
    } else {
        Err(ModesError::Edges {
            edges: edges.to_vec(),
        })
    }
}
