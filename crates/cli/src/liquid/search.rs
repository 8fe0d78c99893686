//! Which temperatures have given relaxation times? One run goes down in temperature until it knows.

use super::{Bath, Equilibrated, Equilibration, soft_start};
use crate::study::Resolved;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use vitreous::md_core::{Configuration, Potential, Seed, linearize};

/// How much `ln(tau_alpha/t0)` is meant to grow from one probe to the next.
const STRIDE: f64 = 1.2;
/// The coldest that a probe may be, relative to the one before.
const COOLEST: f64 = 0.75;
/// How far beyond the last probe a target may lie, in `ln(tau_alpha/t0)`.
const EXTRAPOLATED: f64 = 0.5;
/// A probe is one run, where the study has several: it lasts up to three times longer than an equilibration needs, so that
/// few particles are followed as long as is needed to know their relaxation time as well as these many would.
const MANY: f64 = 3000.0;
/// Probes before the search gives up.
const PROBES: usize = 60;

/// A temperature at which the relaxation time was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Probe {
    pub(crate) temperature: f64,
    /// `tau_alpha/t0` of one short run.
    pub(crate) relaxation_time: f64,
}

/// A search under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Search<const D: usize> {
    /// From the warmest.
    pub(crate) probes: Vec<Probe>,
    /// The temperature that is being probed, with the run there.
    current: Option<(f64, Equilibration<D>)>,
}

/// A temperature at which the liquid flows freely, from the curvature of the energy: the mean squared displacement of
/// a particle in a harmonic cage, `D T/k` with the mean spring constant `k` (the trace of the Hessian over its
/// rows, at a random packing whose overlaps were taken away), is a fortieth of the squared mean spacing. Lindemann's
/// criterion puts melting at about a hundredth.
pub(crate) fn curvature_temperature<const D: usize>(
    study: &Resolved,
    potential: &dyn Potential<D>,
) -> Result<f64> {
    let seed = Seed(study.study.seed).derive("search", &[]);
    let start = soft_start(study, potential, seed)?;
    let blocks = linearize(potential, &start)?.hessian_diagonal();
    let trace: f64 = blocks
        .iter()
        .map(|block| (0..D).map(|k| block[k][k]).sum::<f64>())
        .sum();
    let spring = trace / (D * blocks.len()) as f64;
    let spacing = study.density.powf(-1.0 / D as f64);
    let temperature = spring * spacing * spacing / (40.0 * D as f64);
    ensure!(
        temperature.is_finite() && temperature > 0.0,
        "the energy of a random packing has no positive curvature (mean spring constant {spring}): give temperatures in \
         place of target_relaxation_times"
    );
    // Two digits: the estimate has no more.
    Ok(rounded(temperature, 2))
}

/// A number with so many significant digits, as its decimal form says it.
fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

impl<const D: usize> Search<D> {
    /// Melts the liquid at the temperature of a bath.
    pub(crate) fn start(bath: &Bath<'_, D>) -> Result<Self> {
        let seed = Seed(bath.study.study.seed).derive("search", &[]);
        let run = Self::probe(bath, bath.melt(seed)?, seed)?;
        Ok(Self {
            probes: Vec::new(),
            current: Some((bath.temperature, run)),
        })
    }

    /// Begins to measure the relaxation time at the temperature of a bath.
    fn probe(bath: &Bath<'_, D>, start: Configuration<D>, seed: Seed) -> Result<Equilibration<D>> {
        let longer = (MANY / bath.study.study.particles as f64).clamp(1.0, 3.0);
        let enough = longer * bath.study.study.equilibration.relaxation_times;
        bath.begin(start, bath.temperature, enough, seed)
    }

    /// The temperature that is being probed; `None` when the search has ended.
    pub(crate) fn temperature(&self) -> Option<f64> {
        self.current.as_ref().map(|(temperature, _)| *temperature)
    }

    /// The longest `tau_alpha/t0` so far.
    pub(crate) fn coldest(&self) -> Option<f64> {
        self.probes.last().map(|probe| probe.relaxation_time)
    }

    /// Advances by at most one segment. `bath` is one at the temperature of the current probe, `bath_at` makes others.
    pub(crate) fn advance<'a>(
        &mut self,
        bath: &Bath<'a, D>,
        bath_at: impl Fn(f64) -> Result<Bath<'a, D>>,
        targets: &[f64],
    ) -> Result<()> {
        let Some((temperature, run)) = &mut self.current else {
            return Ok(());
        };
        let temperature = *temperature;
        bath.equilibrate(run)?;
        let tau = match run.outcome {
            None => return Ok(()),
            Some(Equilibrated::RelaxationTime(tau)) => tau / bath.time_unit(),
            Some(Equilibrated::TooSlow) => {
                self.current = None;
                return Ok(());
            }
        };
        self.probes.push(Probe {
            temperature,
            relaxation_time: tau,
        });
        // A probe of the search for a start that is warm enough comes before those it was too cold for.
        self.probes
            .sort_by(|a, b| b.temperature.total_cmp(&a.temperature));
        ensure!(
            self.probes.len() < PROBES,
            "no temperature was found for target_relaxation_times = {targets:?} with {PROBES} probes, the last at T = {temperature} \
             with tau_alpha/t0 = {tau:.3}: give temperatures instead"
        );
        let configuration = run.motion.point.configuration.clone();
        self.current = match self.next(targets) {
            None => None,
            Some(next) => {
                let seed = Seed(bath.study.study.seed).derive("search", &[next.to_bits()]);
                Some((next, Self::probe(&bath_at(next)?, configuration, seed)?))
            }
        };
        Ok(())
    }

    /// The temperature of the next probe; `None` when all targets are enclosed or close to the last probe.
    fn next(&self, targets: &[f64]) -> Option<f64> {
        let first = self.probes.first()?;
        let last = self.probes.last()?;
        let smallest = targets.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = targets.iter().copied().fold(0.0, f64::max);
        if first.relaxation_time > smallest {
            return Some(rounded(1.5 * first.temperature, 4));
        }
        let reached = last.relaxation_time.ln();
        let left = largest.ln() - reached;
        if left <= 0.0 || (left < EXTRAPOLATED && self.probes.len() >= 3) {
            return None;
        }
        let coolest = COOLEST * last.temperature;
        let next = match self.probes.as_slice() {
            [.., before, last] => {
                let x = |probe: &Probe| 1.0 / probe.temperature;
                let y = |probe: &Probe| probe.relaxation_time.ln();
                let slope = |a: &Probe, b: &Probe| (y(b) - y(a)) / (x(b) - x(a));
                let mut slope_there = slope(before, last);
                // Relaxation times of fragile liquids grow faster and faster in 1/T: the slope at the last of three.
                if let [.., first, _, _] = self.probes.as_slice() {
                    let bend = (slope_there - slope(first, before)) / (x(last) - x(first));
                    slope_there += (bend * (x(last) - x(before))).max(0.0);
                }
                let stride = STRIDE.min(left);
                let next = 1.0 / (x(last) + stride / slope_there);
                if slope_there > 0.0 {
                    next.max(coolest)
                } else {
                    coolest
                }
            }
            _ => coolest,
        };
        Some(rounded(next, 4))
    }

    /// The temperatures of the targets, interpolated in `1/T` between the probes that enclose them, from `ln tau_alpha`.
    ///
    /// # Errors
    /// A target that was not reached.
    pub(crate) fn temperatures(&self, targets: &[f64]) -> Result<Vec<f64>> {
        let coldest = self.probes.last().context(
            "the search for temperatures found no relaxation time at all: raise equilibration.longest or give temperatures",
        )?;
        let mut temperatures = Vec::new();
        for &target in targets {
            let temperature = rounded(1.0 / self.inverse_temperature(target.ln()), 4);
            ensure!(
                (target / coldest.relaxation_time).ln() < EXTRAPOLATED,
                "no temperature was found for tau_alpha/t0 = {target}: the coldest that relaxed within equilibration.longest is T = {}, with \
                 tau_alpha/t0 = {:.3}; raise the limit or lower the target",
                coldest.temperature,
                coldest.relaxation_time
            );
            ensure!(
                temperatures.last() != Some(&temperature),
                "two of target_relaxation_times = {targets:?} have the same temperature {temperature} to four digits: space them more widely"
            );
            temperatures.push(temperature);
        }
        Ok(temperatures)
    }

    /// `1/T` at a value of `ln(tau_alpha/t0)`: the parabola through the three nearest probes, or the line through two
    /// where noise makes the parabola turn.
    fn inverse_temperature(&self, y: f64) -> f64 {
        let points: Vec<(f64, f64)> = self
            .probes
            .iter()
            .map(|probe| (probe.relaxation_time.ln(), 1.0 / probe.temperature))
            .collect();
        if points.len() < 2 {
            return points.first().map_or(f64::NAN, |point| point.1);
        }
        // The first interval whose colder end is beyond, or the last.
        let cold = points.iter().skip(1).position(|point| point.0 >= y);
        let cold = cold.map_or(points.len() - 1, |index| index + 1);
        let (warm, cold_point) = (points[cold - 1], points[cold]);
        let slope = (cold_point.1 - warm.1) / (cold_point.0 - warm.0);
        let line = warm.1 + slope * (y - warm.0);
        let Some(&third) = (if cold >= 2 {
            points.get(cold - 2)
        } else {
            points.get(cold + 1)
        }) else {
            return line;
        };
        // Newton's form with the third point.
        let beyond = (third.1 - warm.1) / (third.0 - warm.0);
        let curvature = (beyond - slope) / (third.0 - cold_point.0);
        let parabola = line + curvature * (y - warm.0) * (y - cold_point.0);
        // It must rise from one end to the other, and as far as it is followed.
        let rises = |y: f64| slope + curvature * (2.0 * y - warm.0 - cold_point.0) > 0.0;
        if rises(warm.0) && rises(cold_point.0) && rises(y) {
            parabola
        } else {
            line
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(probes: impl IntoIterator<Item = (f64, f64)>) -> Search<3> {
        Search {
            probes: probes
                .into_iter()
                .map(|(temperature, relaxation_time)| Probe {
                    temperature,
                    relaxation_time,
                })
                .collect(),
            current: None,
        }
    }

    /// Vogel, Fulcher and Tammann's law, as a liquid that answers at once.
    fn liquid(temperature: f64) -> f64 {
        0.2 * (1.6 / (temperature - 0.35)).exp()
    }

    #[test]
    fn a_known_law_is_followed_to_its_targets() {
        let targets = [3.0, 10.0, 100.0, 3000.0];
        let mut all = search([(2.0, liquid(2.0))]);
        while let Some(next) = all.next(&targets) {
            all.probes.push(Probe {
                temperature: next,
                relaxation_time: liquid(next),
            });
            all.probes
                .sort_by(|a, b| b.temperature.total_cmp(&a.temperature));
            assert!(all.probes.len() < 30);
        }
        for (target, temperature) in targets.iter().zip(all.temperatures(&targets).unwrap()) {
            let error = (liquid(temperature) / target).ln().abs();
            assert!(error < 0.1, "{target}: T = {temperature}, off by {error}");
        }
        // No probe is much colder than needed.
        assert!(all.probes.last().unwrap().relaxation_time < 2.0 * 3000.0);
    }

    #[test]
    fn a_start_too_cold_goes_up_first() {
        let all = search([(0.9, liquid(0.9))]);
        assert!(liquid(0.9) > 3.0);
        assert!(all.next(&[3.0, 10.0]).unwrap() > 0.9);
    }

    #[test]
    fn a_target_out_of_reach_is_an_error_that_says_how_far() {
        let all = search([1.5, 1.0, 0.8].map(|t| (t, liquid(t))));
        let error = all.temperatures(&[10.0, 1e5]).unwrap_err().to_string();
        assert!(
            error.contains("100000") && error.contains("T = 0.8"),
            "{error}"
        );
    }

    #[test]
    fn noise_does_not_make_temperatures_rise_with_the_target() {
        let all = search([(1.0, 3.0), (0.8, 9.0), (0.75, 8.0), (0.7, 40.0)]);
        let found = all.temperatures(&[4.0, 8.5, 20.0, 38.0]).unwrap();
        for pair in found.windows(2) {
            assert!(pair[0] > pair[1], "{found:?}");
        }
        for temperature in found {
            assert!((0.7..=1.0).contains(&temperature));
        }
    }
}
