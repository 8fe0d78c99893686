//! Sums of independent runs, split into blocks of origins.

use super::averages::{Averages, LagAverage, Sums};
use crate::schedule::LogSchedule;
use serde::{Deserialize, Serialize};

/// A run of more blocks joins them in pairs: memory does not grow with the length of a run.
const MOST_BLOCKS: usize = 64;

/// The sums of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    /// The length of a block in units of the longest lag, a power of two.
    block_length: u64,
    /// Those that have any origins, in order.
    blocks: Vec<Block>,
}

/// Sums over the origins from `number` to `number + 1` times the length of a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Block {
    number: u64,
    /// The number of origins of each lag.
    origins: Vec<u64>,
    /// `sums[lag * width + index]`.
    sums: Vec<f64>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            block_length: 1,
            blocks: Vec::new(),
        }
    }
}

impl Run {
    /// The sums at a lag of the block that an origin belongs to, with the origin already counted.
    pub(super) fn sums_of(
        &mut self,
        schedule: &LogSchedule,
        width: usize,
        origin: u64,
        lag: usize,
    ) -> &mut [f64] {
        let lags = schedule.lags().len();
        let longest = schedule.longest().max(1);
        let number = |length: u64| origin / longest / length;
        // An origin of the last but one block may still be waiting for its long lags.
        let find =
            |blocks: &[Block], number: u64| blocks.iter().rposition(|block| block.number == number);
        let mut place = find(&self.blocks, number(self.block_length));
        if place.is_none() && self.blocks.len() == MOST_BLOCKS {
            self.join_pairs();
            place = find(&self.blocks, number(self.block_length));
        }
        let place = place.unwrap_or_else(|| {
            self.blocks.push(Block {
                number: number(self.block_length),
                origins: vec![0; lags],
                sums: vec![0.0; lags * width],
            });
            self.blocks.len() - 1
        });
        let block = &mut self.blocks[place];
        block.origins[lag] += 1;
        &mut block.sums[lag * width..][..width]
    }

    /// Doubles the length of the blocks until there are fewer of them.
    fn join_pairs(&mut self) {
        let before = self.blocks.len();
        while self.blocks.len() == before {
            self.block_length *= 2;
            let mut joined: Vec<Block> = Vec::new();
            for mut block in self.blocks.drain(..) {
                block.number /= 2;
                match joined.last_mut() {
                    Some(last) if last.number == block.number => {
                        for (sum, part) in last.origins.iter_mut().zip(&block.origins) {
                            *sum += part;
                        }
                        for (sum, part) in last.sums.iter_mut().zip(&block.sums) {
                            *sum += part;
                        }
                    }
                    _ => joined.push(block),
                }
            }
            self.blocks = joined;
        }
    }

    /// Whether the stored numbers have the right shape.
    pub(super) fn fits(&self, lags: usize, width: usize) -> bool {
        self.block_length.is_power_of_two()
            && self.blocks.len() <= MOST_BLOCKS
            && self
                .blocks
                .iter()
                .all(|block| block.origins.len() == lags && block.sums.len() == lags * width)
    }

    fn parts(&self, width: usize, lag: usize) -> impl Iterator<Item = (u64, &[f64])> {
        self.blocks
            .iter()
            .map(move |block| (block.origins[lag], &block.sums[lag * width..][..width]))
    }
}

/// The averages over some runs, each origin with the same weight.
pub(super) fn averages(schedule: &LogSchedule, width: usize, runs: &[&Run]) -> Averages {
    let mut averages = Averages {
        steps: Vec::new(),
        runs: runs.len(),
        lags: Vec::new(),
    };
    for (lag, &step) in schedule.lags().iter().enumerate() {
        let per_run: Vec<Sums> = runs
            .iter()
            .map(|run| Sums::add_up(width, run.parts(width, lag)))
            .collect();
        let parts = per_run.iter().map(|run| (run.origins, &run.sums[..]));
        let total = Sums::add_up(width, parts);
        if total.origins == 0 || width == 0 {
            continue;
        }
        let mut samples = per_run;
        if let [run] = runs {
            samples = run
                .parts(width, lag)
                .map(|part| Sums::add_up(width, std::iter::once(part)))
                .collect();
        }
        samples.retain(|sample| sample.origins > 0);
        averages.steps.push(step);
        averages.lags.push(LagAverage { total, samples });
    }
    averages
}
