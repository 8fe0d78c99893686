//! What all correlators share; that they find all pairs of frames is tested with each of them, and with `SelfCorrelator` above all.

use super::*;
use crate::dynamics::{OverlapCorrelator, SelfCorrelator, VelocityCorrelator};
use crate::test_trajectories::{Walk, close};
use crate::wave_vectors::WaveVectors;
use proptest::prelude::*;

/// Adds up the numbers of the steps, to see which pairs were used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Steps;

impl Correlation<1> for Steps {
    type Snapshot = f64;
    type Outcome = Averages;
    fn width(&self) -> usize {
        2
    }
    fn snapshot(&self, frame: &Frame<'_, 1>) -> Result<f64, CorrelatorError> {
        Ok(frame.step as f64)
    }
    fn accumulate(&self, origin: &f64, now: &f64, sums: &mut [f64]) {
        sums[0] += origin;
        sums[1] += now - origin;
    }
    fn difference(&self, _: &Self) -> Option<&'static str> {
        None
    }
    fn finish(&self, averages: &Averages) -> Averages {
        averages.clone()
    }
}

fn steps(longest: u64, interval: u64) -> Correlator<1, Steps> {
    Correlator::with(Steps, LogSchedule::new(1, longest, 4).unwrap(), interval).unwrap()
}

/// Any increasing steps that do not start at zero.
fn any_steps() -> impl Strategy<Value = Vec<u64>> {
    (0_u64..1000, prop::collection::vec(1_u64..6, 1..80)).prop_map(|(first, gaps)| {
        let later = gaps.iter().scan(first, |step, gap| {
            *step += gap;
            Some(*step)
        });
        std::iter::once(first).chain(later).collect()
    })
}

proptest! {
    #[test]
    fn uses_every_pair_of_frames_with_a_lag_of_the_schedule(
        frames in any_steps(), longest in 1_u64..100, interval in 1_u64..9, zero: bool,
    ) {
        let mut schedule = LogSchedule::new(1, longest, 4).unwrap();
        if zero {
            schedule = schedule.with_zero();
        }
        let mut correlator = Correlator::with(Steps, schedule.clone(), interval).unwrap().taking_all_frames();
        prop_assert_eq!(correlator.next_step(), u64::MAX);
        for &step in &frames {
            correlator.push(step, &[]).unwrap();
            // One origin per interval, and none as old as the longest lag.
            prop_assert!(correlator.kept_origins() as u64 <= longest.div_ceil(interval));
        }
        let averages = correlator.finish();
        let mut lags = averages.steps.iter().zip(&averages.lags);
        for &lag in schedule.lags() {
            let starts: Vec<u64> = frames
                .iter()
                .copied()
                .filter(|start| (start - frames[0]).is_multiple_of(interval) && frames.contains(&(start + lag)))
                .collect();
            if starts.is_empty() {
                continue;
            }
            let (&step, own) = lags.next().unwrap();
            prop_assert_eq!(step, lag);
            prop_assert_eq!(own.total.origins, starts.len() as u64);
            prop_assert_eq!(own.total.sums[0], starts.iter().sum::<u64>() as f64);
            prop_assert_eq!(own.total.sums[1], (lag * starts.len() as u64) as f64);
            // The samples are all of it, too.
            let origins: u64 = own.samples.iter().map(|sample| sample.origins).sum();
            prop_assert_eq!(origins, own.total.origins);
        }
        prop_assert!(lags.next().is_none());
    }

    /// Given all steps, both ways of feeding use the same pairs.
    #[test]
    fn asking_and_taking_measure_the_same(seed: u64, longest in 1_u64..30, interval in 1_u64..9) {
        let walk = Walk::<2>::new(seed, 6, 60);
        let shell = WaveVectors::shell(&walk.cell, 4.0, 1.5).unwrap();
        let schedule = LogSchedule::new(1, longest, 4).unwrap();
        let mut asking = SelfCorrelator::new(&walk.species, vec![shell; 2], schedule, interval).unwrap();
        let mut taking = asking.clone().taking_all_frames();
        for (step, frame) in walk.frames.iter().enumerate() {
            if asking.next_step() == step as u64 {
                asking.push(step as u64, frame).unwrap();
            }
            taking.push(step as u64, frame).unwrap();
        }
        prop_assert_eq!(asking.finish(), taking.finish());
    }

    #[test]
    fn a_set_asks_for_what_its_members_need(first in 1_u64..12, second in 1_u64..12, longest in 1_u64..30) {
        let species = [0, 0];
        let schedule = |longest| LogSchedule::new(1, longest, 4).unwrap();
        let mut overlap = OverlapCorrelator::<1>::new(&species, 0.3, schedule(longest), first).unwrap();
        let mut velocity = VelocityCorrelator::<1>::new(&species, schedule(5), second).unwrap();
        let (mut alone, mut other) = (overlap.clone(), velocity.clone());
        let all: &mut [&mut dyn Observable<1>] = &mut [&mut overlap, &mut velocity];
        let velocities = |step: u64| [[(step as f64).sin()], [(step as f64).cos()]];
        let positions = |step: u64| [[0.1 * (0.1 * step as f64).sin()], [0.7 * (0.2 * step as f64).cos()]];
        while all.next_step() < 100 {
            let step = all.next_step();
            all.observe(&Frame::new(step, &positions(step)).with_velocities(&velocities(step))).unwrap();
        }
        while alone.next_step() < 100 {
            let step = alone.next_step();
            alone.push(step, &positions(step)).unwrap();
        }
        while other.next_step() < 100 {
            let step = other.next_step();
            other.observe(&Frame::new(step, &[]).with_velocities(&velocities(step))).unwrap();
        }
        prop_assert_eq!(overlap, alone);
        prop_assert_eq!(velocity, other);
    }
}

#[test]
fn a_set_refuses_a_frame_that_skips_what_was_asked_for() {
    let mut one = steps(8, 4);
    let all: &mut [&mut dyn Observable<1>] = &mut [&mut one];
    all.observe(&Frame::new(0, &[])).unwrap();
    assert!(matches!(
        all.observe(&Frame::new(2, &[])),
        Err(CorrelatorError::UnexpectedStep {
            expected: 1,
            given: 2
        })
    ));
    let none: &mut [&mut dyn Observable<1>] = &mut [];
    assert_eq!(none.next_step(), u64::MAX);
}

#[test]
fn frames_must_come_in_order() {
    let mut correlator = steps(8, 1).taking_all_frames();
    correlator.push(5, &[]).unwrap();
    for given in [5, 3] {
        assert_eq!(
            correlator.push(given, &[]),
            Err(CorrelatorError::NotLater { last: 5, given })
        );
    }
}

#[test]
fn memory_does_not_grow_with_the_run() {
    let mut correlator = steps(10, 5);
    let size = |correlator: &Correlator<1, Steps>| serde_json::to_string(correlator).unwrap().len();
    let mut largest_early = 0;
    let mut frames = 0_u64;
    while correlator.next_step() < 200_000 {
        correlator.push(correlator.next_step(), &[]).unwrap();
        frames += 1;
        if correlator.next_step() < 1500 && frames.is_multiple_of(10) {
            largest_early = largest_early.max(size(&correlator));
        }
    }
    // 150 blocks of ten steps, then 20 000: at most 64 at any time. The numbers in them get longer, from 5 digits to 10.
    assert!(size(&correlator) < 2 * largest_early);
    // And nothing was lost: 40 000 origins of which the last has not reached its longest lags.
    let averages = correlator.finish();
    let expected = |lag: u64| {
        (0..200_000)
            .step_by(5)
            .filter(|start| start + lag < 200_000)
            .count() as u64
    };
    for (&lag, own) in averages.steps.iter().zip(&averages.lags) {
        assert_eq!(own.total.origins, expected(lag));
        let sum: u64 = (0..expected(lag)).map(|origin| 5 * origin).sum();
        assert_eq!(own.total.sums[0], sum as f64);
        assert!(
            (32..=64).contains(&own.samples.len()),
            "{}",
            own.samples.len()
        );
    }
    // Steps grow linearly: the error of their mean over n equal blocks is that of evenly spaced numbers.
    let (mean, error) = averages.lags[0].mean(0);
    let n = averages.lags[0].samples.len() as f64;
    let expected = 200_000.0 / 12.0_f64.sqrt() / n.sqrt();
    assert!((mean / 100_000.0 - 1.0).abs() < 1e-3);
    // The last block is not full, and n/(n - 1) differs from (n^2 - 1)/(n (n - 1)) by 1/n.
    assert!((error.unwrap() / expected - 1.0).abs() < 0.1);
}

#[test]
fn a_joined_run_continues_to_the_same_bits() {
    let mut whole = steps(3, 2);
    let mut copy = whole.clone();
    while whole.next_step() < 3000 {
        let step = whole.next_step();
        if step.is_multiple_of(97) {
            copy = serde_json::from_str(&serde_json::to_string(&copy).unwrap()).unwrap();
        }
        whole.push(step, &[]).unwrap();
        copy.push(step, &[]).unwrap();
    }
    assert_eq!(whole, copy);
}

#[test]
fn a_damaged_copy_is_refused() {
    let walk = Walk::<2>::new(1, 5, 20);
    let shell = WaveVectors::shell(&walk.cell, 4.0, 1.5).unwrap();
    let schedule = LogSchedule::new(1, 8, 4).unwrap();
    let mut correlator = SelfCorrelator::new(&walk.species, vec![shell; 2], schedule, 4).unwrap();
    while let Some(frame) = walk.frames.get(correlator.next_step() as usize) {
        correlator.push(correlator.next_step(), frame).unwrap();
    }
    let saved: serde_json::Value = serde_json::to_value(&correlator).unwrap();
    let restore = |value: serde_json::Value| {
        serde_json::from_value::<SelfCorrelator<2>>(value).map_err(|error| error.to_string())
    };
    assert_eq!(restore(saved.clone()).unwrap(), correlator);
    let mut shorter = saved.clone();
    shorter["runs"][0]["blocks"][0]["sums"]
        .as_array_mut()
        .unwrap()
        .pop();
    assert!(
        restore(shorter)
            .unwrap_err()
            .contains("its sums have the wrong number")
    );
    let mut fewer = saved.clone();
    fewer["origins"][0]["snapshot"]["positions"]
        .as_array_mut()
        .unwrap()
        .pop();
    assert!(restore(fewer).unwrap_err().contains("number of particles"));
    let mut swapped = saved.clone();
    swapped["origins"][0]["step"] = 1_000_000.into();
    assert!(restore(swapped).unwrap_err().contains("out of order"));
    let mut never = saved;
    never["origin_interval"] = 0.into();
    assert!(restore(never).is_err());
}

#[test]
fn a_variance_has_the_error_of_its_linearisation() {
    // Two samples of one run: x = 1, 3 and x = 2, 6, x^2 likewise.
    let sums = |first: f64, second: f64| Sums {
        origins: 2,
        sums: vec![first, second],
    };
    let lag = LagAverage {
        total: Sums {
            origins: 4,
            sums: vec![12.0, 50.0],
        },
        samples: vec![sums(4.0, 10.0), sums(8.0, 40.0)],
    };
    let (variance, error) = lag.variance(0, 1, 10.0);
    assert!(close(variance, 10.0 * (12.5 - 9.0)));
    // Deviations: 10 (5 - 12.5 - 6 (2 - 3)) = -15 and 10 (20 - 12.5 - 6 (4 - 3)) = 15, shares 1/2, n/(n - 1) = 2.
    assert!(close(error.unwrap(), (2.0 * 2.0 * 0.25 * 225.0_f64).sqrt()));
}
