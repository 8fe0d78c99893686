//! Is a liquid in equilibrium? What the two halves of its runs say, and what follows from it.

use crate::liquid::{Bath, Production, Window, relaxation_time};
use anyhow::Result;
use vitreous::observables::{InvarianceTest, SelfCorrelations, Verdict, thermalisation};

/// How a state stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The halves of its runs are the same within the tolerances.
    Thermalised,
    /// They differ.
    Drifting,
    /// The runs are too few, or too short, to tell.
    Undecided,
    /// Some run did not relax within the limit on equilibration.
    TooSlow,
    /// Some run crystallised.
    Crystalline,
}

impl Standing {
    /// In one word, for tables.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Thermalised => "yes",
            Self::Drifting => "drifting",
            Self::Undecided => "undecided",
            Self::TooSlow => "no",
            Self::Crystalline => "crystalline",
        }
    }

    /// Whether the state may count as one of the equilibrium liquid: nothing speaks against it.
    pub(crate) fn may_be_equilibrium(self) -> bool {
        matches!(self, Self::Thermalised | Self::Undecided)
    }
}

/// What the halves of the runs of one temperature say.
pub(crate) struct Judgement {
    /// `tau_alpha` of each run in steps; `None` where `F_s` did not fall to the threshold.
    pub(crate) relaxation_times: Vec<Option<f64>>,
    /// Tests of `ln tau_alpha`, of the logarithm of the mean squared displacement at `tau_alpha`, and of the potential
    /// energy per particle over `T`; `None` if some half did not relax.
    pub(crate) tests: Option<[InvarianceTest; 3]>,
    pub(crate) verdict: Verdict,
}

/// Compares the halves of a window of the runs of one temperature.
pub(crate) fn judge<const D: usize>(
    bath: &Bath<'_, D>,
    runs: &[Production<D>],
    window: Window,
) -> Result<Judgement> {
    let analysis = bath.study.study.analysis;
    let scale = bath.temperature * bath.study.study.particles as f64;
    let mut relaxation_times = Vec::new();
    // By observable, half and run.
    let mut values: [[Vec<f64>; 2]; 3] = Default::default();
    let mut complete = true;
    for run in runs {
        let [first, second] = window.halves();
        let whole = run.correlations(first.start..second.end)?.finish();
        let tau = relaxation_time(&whole);
        relaxation_times.push(tau);
        for (half, parts) in [first, second].into_iter().enumerate() {
            let own = run.correlations(parts.clone())?.finish();
            let displacement = tau.and_then(|tau| displacement_at(&own, tau));
            match (relaxation_time(&own), displacement) {
                (Some(tau), Some(displacement)) => {
                    values[0][half].push(tau.ln());
                    values[1][half].push(displacement.ln());
                }
                _ => complete = false,
            }
            values[2][half].push(run.statics(parts).potential_energy() / scale);
        }
    }
    let tests = if complete {
        let test = |[first, second]: &[Vec<f64>; 2], tolerance| {
            thermalisation::compare_halves(first, second, tolerance, analysis.level)
        };
        Some([
            test(&values[0], analysis.drift_tolerance)?,
            test(&values[1], analysis.drift_tolerance)?,
            test(&values[2], analysis.energy_tolerance)?,
        ])
    } else {
        None
    };
    let verdict = match &tests {
        // One run has no measure of its noise.
        Some(tests) if runs.len() > 1 => {
            // Three tests find a drift that is not there three times as often as one: Bonferroni's correction. That all
            // three lie within their tolerances by chance is no more likely than that one does.
            let chance = (1.0 - analysis.level) / tests.len() as f64;
            let drifts = |test: &InvarianceTest| {
                test.verdict == Verdict::Drifting && test.p_value.is_none_or(|p| p < chance)
            };
            if tests.iter().any(drifts) {
                Verdict::Drifting
            } else if tests.iter().all(|test| test.verdict == Verdict::Invariant) {
                Verdict::Invariant
            } else {
                Verdict::Undecided
            }
        }
        _ => Verdict::Undecided,
    };
    Ok(Judgement {
        relaxation_times,
        tests,
        verdict,
    })
}

/// The parts to look at after this judgement; `None` if it is the last, because the state is thermalised, more of the
/// same would not tell, or runs may not become that long.
pub(crate) fn next<const D: usize>(
    bath: &Bath<'_, D>,
    runs: usize,
    window: Window,
    verdict: Verdict,
) -> Option<Window> {
    let production = bath.study.study.production;
    let parts = (2.0 * production.longest() / production.relaxation_times).floor() as usize;
    // One run never tells.
    window
        .after(verdict)
        .filter(|next| runs > 1 && next.end() <= parts)
}

/// The mean squared displacement of species A at a time in steps, interpolated linearly in logarithms.
fn displacement_at(correlations: &SelfCorrelations, steps: f64) -> Option<f64> {
    let values = &correlations
        .species
        .first()?
        .mean_squared_displacement
        .values;
    let after = correlations
        .steps
        .iter()
        .position(|&lag| lag as f64 >= steps)?;
    let before = after.checked_sub(1)?;
    let (x0, x1) = (
        (correlations.steps[before] as f64).ln(),
        (correlations.steps[after] as f64).ln(),
    );
    let (y0, y1) = (values[before].ln(), values[after].ln());
    Some((y0 + (y1 - y0) * (steps.ln() - x0) / (x1 - x0)).exp())
}
