//! Correlations of a few signals over any number of decades, in constant memory.

use serde::{Deserialize, Serialize};

/// Samples that are averaged into one of the next level.
const AVERAGED: usize = 2;

/// Accumulates the autocorrelation `C(t) = <x(0) x(t)>` of evenly sampled signals, averaged over the signals, with lags that get
/// sparser as they get longer.
///
/// Level 0 sees the samples; each further level sees the means of two samples of the level below, so that its blocks
/// are `tau_l = 2^l` samples long. On every level the products of the newest block with itself and the blocks up to
/// `p - 1` before it are accumulated. Every block meets every other in reach: all samples are origins. Memory and time per
/// sample are of order `p` per level; there are `log2` of the number of samples levels.
///
/// **What block averages do to the correlation.** `C_l(k)` of blocks estimates `C` averaged over lags around `k tau_l` with a triangle of
/// half-width `tau_l` (sampled: weights `(tau_l - |j - k tau_l|)/tau_l^2`). [`points`](Self::points) uses levels above 0 only for
/// `k >= p/2`, where the triangle is narrower than `2/p` of the lag; the bias is `C''(t) tau_l^2/12` to leading order.
///
/// **What they do to the integral: nothing, if it stays on one level.** The triangles of a level add up to one at every
/// lag. The trapezoidal sum on level `l` from lag zero on, `tau_l (C_l(0)/2 + C_l(1) + ... + C_l(k)/2)`, therefore
/// weighs all samples of `C` up to `(k - 1) tau_l` by one (lag zero by one half), and ramps down to zero at
/// `(k + 1) tau_l`: it is the sum over samples `C(0)/2 + C(1) + ... + C(n)`, averaged over its upper limit `n` from
/// `(k - 1) tau_l` to `(k + 1) tau_l - 1`, and has no other bias. On the plateau of a Green-Kubo integral that is the
/// plateau. Sums that change from level to level on the way (fine ones at short, coarse ones at long lags) do not have
/// this property. For this reason all lags from zero on are kept on every level.
///
/// Source: Ramírez, Sukumaran, Vorselaars and Likhtman, J. Chem. Phys. 133, 154103 (2010), here with `m = 2`.
///
/// # Examples
///
/// ```
/// use vitreous_observables::MultipleTau;
///
/// let mut correlator = MultipleTau::new(1, 16)?;
/// for sample in 0..10_000 {
///     correlator.push(&[(0.01 * f64::from(sample)).cos()])?;
/// }
/// let points = correlator.points();
/// assert_eq!(points[5].lag, 5);
/// assert!((points[5].correlation - 0.5 * 0.05_f64.cos()).abs() < 0.01);
/// # Ok::<(), vitreous_observables::MultipleTauError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultipleTau {
    signals: usize,
    channels: usize,
    samples: u64,
    levels: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Level {
    /// The last blocks, a ring: `recent[channel * signals + signal]`.
    recent: Vec<f64>,
    /// The number of blocks so far; the newest is in the channel `(blocks - 1) % channels`.
    blocks: u64,
    /// The sums of products of blocks `k` apart, over signals and time.
    sums: Vec<f64>,
    /// The sum of the blocks that make the next one of the level above.
    pending: Vec<f64>,
}

/// What a [`MultipleTau`] refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MultipleTauError {
    /// The number of lags per level is odd or too small.
    #[error("{channels} lags per level: give an even number from 4 to 1024")]
    Channels {
        /// The number that was asked for.
        channels: usize,
    },
    /// There are no signals to correlate.
    #[error("there are no signals: give at least one")]
    NoSignals,
    /// A sample has the wrong number of signals.
    #[error("sample {sample} has {given} signals instead of {expected}")]
    SignalCount {
        /// The index of the sample.
        sample: u64,
        /// The number of signals at construction.
        expected: usize,
        /// The number of signals in the sample.
        given: usize,
    },
    /// A signal is infinite or not a number.
    #[error("signal {signal} of sample {sample} is not finite")]
    NotFinite {
        /// The index of the sample.
        sample: u64,
        /// The index of the signal.
        signal: usize,
    },
}

/// The correlation at one lag.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultipleTauPoint {
    /// The lag, in samples.
    pub lag: u64,
    /// The length of the blocks, in samples: half the base of the triangle that `correlation` is averaged with, half the
    /// range of upper limits that `integral` is averaged over.
    pub block: u64,
    /// The number of pairs of blocks, for each signal.
    pub pairs: u64,
    /// `C`, the square of the unit of the signals.
    pub correlation: f64,
    /// The integral of `C` from zero to the lag, in units of the time between samples.
    pub integral: f64,
}

impl MultipleTau {
    /// An empty accumulator for a number of signals that are alike, with `channels` lags (`p`) on each level; 16 is usual.
    ///
    /// # Errors
    ///
    /// If there are no signals, or `channels` is odd or not from 4 to 1024.
    pub fn new(signals: usize, channels: usize) -> Result<Self, MultipleTauError> {
        if signals == 0 {
            return Err(MultipleTauError::NoSignals);
        }
        if !(4..=1024).contains(&channels) || !channels.is_multiple_of(2) {
            return Err(MultipleTauError::Channels { channels });
        }
        Ok(Self {
            signals,
            channels,
            samples: 0,
            levels: Vec::new(),
        })
    }

    /// Takes in the next sample of all signals.
    ///
    /// # Errors
    ///
    /// If it has the wrong number of signals, or one of them is not finite. The accumulator is then unchanged.
    pub fn push(&mut self, signals: &[f64]) -> Result<(), MultipleTauError> {
        let sample = self.samples;
        if signals.len() != self.signals {
            return Err(MultipleTauError::SignalCount {
                sample,
                expected: self.signals,
                given: signals.len(),
            });
        }
        if let Some(signal) = signals.iter().position(|signal| !signal.is_finite()) {
            return Err(MultipleTauError::NotFinite { sample, signal });
        }
        self.samples += 1;
        let mut block = signals.to_vec();
        let mut level = 0;
        loop {
            if level == self.levels.len() {
                self.levels.push(Level::new(self.signals, self.channels));
            }
            if !self.levels[level].push(&mut block, self.channels) {
                return Ok(());
            }
            level += 1;
        }
    }

    /// The number of samples so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The correlation and its integral: level 0 from lag zero on, further levels from `p/2` blocks on, as far as they have data.
    pub fn points(&self) -> Vec<MultipleTauPoint> {
        pooled_points(&[self])
    }

    /// Whether two accumulators may be pooled.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        (self.signals, self.channels) == (other.signals, other.channels)
    }

    /// Whether the stored numbers have the right shape.
    pub(crate) fn is_sound(&self) -> bool {
        let (signals, channels) = (self.signals, self.channels);
        Self::new(signals, channels).is_ok()
            && self.levels.iter().all(|level| {
                level.recent.len() == signals * channels
                    && level.sums.len() == channels
                    && level.pending.len() == signals
            })
    }
}

/// The points of several runs together, which must be [alike](MultipleTau::is_like): each pair of blocks has the same weight.
pub(crate) fn pooled_points(runs: &[&MultipleTau]) -> Vec<MultipleTauPoint> {
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let (signals, channels) = (first.signals, first.channels);
    let levels = runs.iter().map(|run| run.levels.len()).max().unwrap_or(0);
    let mut points = Vec::new();
    for index in 0..levels {
        let own = || runs.iter().filter_map(|run| run.levels.get(index));
        let mut correlations = Vec::with_capacity(channels);
        let mut counts = Vec::with_capacity(channels);
        for k in 0..channels {
            let pairs: u64 = own().map(|level| level.pairs(k)).sum();
            if pairs == 0 {
                break;
            }
            let sum: f64 = own().map(|level| level.sums[k]).sum();
            counts.push(pairs);
            correlations.push(sum / (pairs * signals as u64) as f64);
        }
        let block = 1_u64 << index;
        let integrals = running_integral(&correlations, block as f64);
        let start = if index == 0 { 0 } else { channels / 2 };
        for k in start..correlations.len() {
            points.push(MultipleTauPoint {
                lag: k as u64 * block,
                block,
                pairs: counts[k],
                correlation: correlations[k],
                integral: integrals[k],
            });
        }
    }
    points
}

/// Trapezoidal sums from lag zero up to each lag of one level.
fn running_integral(correlations: &[f64], block: f64) -> Vec<f64> {
    let mut integral = 0.0;
    let mut last = None;
    let sums = correlations.iter().map(|&correlation| {
        if let Some(last) = last {
            integral += 0.5 * block * (last + correlation);
        }
        last = Some(correlation);
        integral
    });
    sums.collect()
}

impl Level {
    fn new(signals: usize, channels: usize) -> Self {
        Self {
            recent: vec![0.0; signals * channels],
            blocks: 0,
            sums: vec![0.0; channels],
            pending: vec![0.0; signals],
        }
    }

    /// Takes in a block. Returns whether one of the next level is complete, which then replaces it.
    fn push(&mut self, block: &mut [f64], channels: usize) -> bool {
        let signals = block.len();
        let newest = (self.blocks % channels as u64) as usize;
        self.recent[newest * signals..][..signals].copy_from_slice(block);
        self.blocks += 1;
        let reach = self.blocks.min(channels as u64) as usize;
        for (k, sum) in self.sums[..reach].iter_mut().enumerate() {
            let earlier = (newest + channels - k) % channels;
            let earlier = &self.recent[earlier * signals..][..signals];
            *sum += block.iter().zip(earlier).map(|(a, b)| a * b).sum::<f64>();
        }
        for (pending, value) in self.pending.iter_mut().zip(block.iter()) {
            *pending += value;
        }
        let complete = self.blocks.is_multiple_of(AVERAGED as u64);
        if complete {
            for (value, pending) in block.iter_mut().zip(&mut self.pending) {
                *value = std::mem::take(pending) / AVERAGED as f64;
            }
        }
        complete
    }

    /// The number of pairs of blocks `k` apart.
    fn pairs(&self, k: usize) -> u64 {
        self.blocks.saturating_sub(k as u64)
    }
}

#[cfg(test)]
mod tests;
