//! The structure of the liquid at one temperature, from the snapshots that are quenched.

use crate::liquid::{Bath, LiquidRuns};
use anyhow::{Context, Result};
use vitreous::observables::{
    Bonds, CrystalCriterion, Crystallinity, PairCorrelation, PairCorrelations, Peak,
    StructureFactor, StructureFactors,
};

/// The range of `g(r)`, in units of `a0`, and its bins.
const RANGE: f64 = 5.0;
const BINS: usize = 250;
/// The longest wave number of `S(q)`, in units of that at which `F_s` of species A is measured, and the bins up to there.
const LONGEST: f64 = 2.0;
const WAVE_NUMBERS: f64 = 160.0;
/// Neighbours that may belong to a crystal are the nearest twelve (in two dimensions six) within this distance, in `a0`.
const NEIGHBOURHOOD: f64 = 2.2;
/// The share of solid-like particles above which a liquid counts as crystallised.
pub(crate) const CRYSTALLINE: f64 = 0.1;

/// What was measured.
pub(crate) struct Structure {
    pub(crate) pairs: PairCorrelations,
    pub(crate) factors: StructureFactors,
    /// The first peak of `S_AA`, or why there is none.
    pub(crate) peak: std::result::Result<Peak, String>,
    /// Of the snapshot with the most solid-like particles.
    pub(crate) crystallinity: Crystallinity,
}

/// When particles of a model count as solid-like.
fn criterion(model: &str, dimension: usize) -> CrystalCriterion {
    match (model, dimension) {
        (_, 2) => CrystalCriterion::TRIANGULAR,
        ("sw", _) => CrystalCriterion::DIAMOND,
        _ => CrystalCriterion::CLOSE_PACKED,
    }
}

/// Measures the snapshots of the runs of one temperature, those that count.
pub(crate) fn measure<const D: usize>(
    bath: &Bath<'_, D>,
    liquid: &LiquidRuns<D>,
) -> Result<Structure> {
    let study = bath.study;
    let spacing = study.density.powf(-1.0 / D as f64);
    let longest = LONGEST * study.wave_numbers[0];
    let criterion = criterion(study.model.name, D);
    let mut accumulators: Option<(PairCorrelation<D>, StructureFactor<D>)> = None;
    let mut crystallinity: Option<Crystallinity> = None;
    for run in &liquid.runs {
        for (index, snapshot) in run
            .snapshots(liquid.window, study.study.glasses.per_run)
            .enumerate()
        {
            let cell = snapshot.cell().vectors();
            let (pairs, factors) = match &mut accumulators {
                Some(accumulators) => accumulators,
                none => {
                    let species: Vec<u8> = snapshot.species().iter().map(|s| s.0).collect();
                    let pairs = PairCorrelation::new(cell, &species, RANGE * spacing, BINS)?;
                    let width = longest / WAVE_NUMBERS;
                    let factors = StructureFactor::new(cell, &species, longest, width)?;
                    none.insert((pairs, factors))
                }
            };
            if index == 0 {
                pairs.begin_run();
                factors.begin_run();
            }
            pairs.push(snapshot.positions())?;
            factors.push(snapshot.positions())?;
            let bonds = Bonds::within(cell, snapshot.positions(), NEIGHBOURHOOD * spacing)?;
            let nearest = bonds.closest(if D == 2 { 6 } else { 12 });
            let found = Crystallinity::new(&nearest, criterion, CRYSTALLINE)?;
            if crystallinity.is_none_or(|most| found.share > most.share) {
                crystallinity = Some(found);
            }
        }
    }
    let (pairs, factors) = accumulators.context("there are no snapshots")?;
    Ok(Structure {
        peak: factors.first_peak(0).map_err(|error| error.to_string()),
        pairs: pairs.finish(),
        factors: factors.finish(),
        crystallinity: crystallinity.context("there are no snapshots")?,
    })
}
