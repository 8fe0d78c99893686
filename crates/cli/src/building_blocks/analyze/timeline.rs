//! When the frames are.

use super::source::Survey;
use anyhow::{Result, ensure};
use serde::Serialize;

/// The times of frames as whole multiples of a unit.
#[derive(Debug, PartialEq)]
pub(super) struct Timeline {
    pub(super) steps: Vec<u64>,
    /// The time from one step to the next.
    pub(super) time_step: f64,
    pub(super) unit: TimeUnit,
}

/// What times are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TimeUnit {
    /// That of `--time-step`.
    Given,
    /// That of the times in the file.
    File,
    /// Steps of the file.
    Steps,
    /// Frames, since the file has neither steps nor times.
    Frames,
}

impl Timeline {
    pub(super) fn new<const D: usize>(survey: &Survey<D>, time_step: Option<f64>) -> Result<Self> {
        let steps: Option<Vec<u64>> = survey.steps.iter().copied().collect();
        let times: Option<Vec<f64>> = survey.times.iter().copied().collect();
        let timeline = Self::of(steps, times, survey.frames(), time_step)?;
        for (index, pair) in timeline.steps.windows(2).enumerate() {
            ensure!(
                pair[0] < pair[1],
                "frame {} (from 0, of those selected) is at step {}, not later than step {} of the one before: remove frames that appear twice, or select with --first, --last, --every",
                index + 1,
                pair[1],
                pair[0]
            );
        }
        Ok(timeline)
    }

    /// From the first frame to the last, in steps.
    pub(super) fn duration(&self) -> u64 {
        match self.steps.as_slice() {
            [first, .., last] => last - first,
            _ => 0,
        }
    }

    fn of(
        steps: Option<Vec<u64>>,
        times: Option<Vec<f64>>,
        frames: usize,
        time_step: Option<f64>,
    ) -> Result<Self> {
        match (steps, times, time_step) {
            (Some(steps), _, Some(time_step)) => Ok(Self {
                steps,
                time_step,
                unit: TimeUnit::Given,
            }),
            (Some(steps), Some(times), None) if steps.first() < steps.last() => {
                let time_step = step_of(&steps, &times)?;
                Ok(Self {
                    steps,
                    time_step,
                    unit: TimeUnit::File,
                })
            }
            (Some(steps), _, None) => Ok(Self {
                steps,
                time_step: 1.0,
                unit: TimeUnit::Steps,
            }),
            (None, Some(times), given) => {
                let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
                let shortest = gaps.fold(f64::INFINITY, f64::min);
                let time_step = given.unwrap_or(shortest);
                ensure!(
                    time_step > 0.0 && time_step.is_finite(),
                    "the times of frames do not increase: two follow each other at a distance of {shortest}"
                );
                let steps = times
                    .iter()
                    .map(|time| whole((time - times[0]) / time_step));
                let unit = if given.is_some() {
                    TimeUnit::Given
                } else {
                    TimeUnit::File
                };
                Ok(Self {
                    steps: steps.collect::<Result<_>>()?,
                    time_step,
                    unit,
                })
            }
            (None, None, given) => Ok(Self {
                steps: (0..frames as u64).collect(),
                time_step: given.unwrap_or(1.0),
                unit: given.map_or(TimeUnit::Frames, |_| TimeUnit::Given),
            }),
        }
    }
}

/// The time step that joins steps and times.
fn step_of(steps: &[u64], times: &[f64]) -> Result<f64> {
    let last = steps.len() - 1;
    let elapsed = times[last] - times[0];
    let since = |step: u64| step as f64 - steps[0] as f64;
    let time_step = elapsed / since(steps[last]);
    ensure!(
        time_step > 0.0,
        "the time goes from {} to {} while steps go from {} to {}: give --time-step",
        times[0],
        times[last],
        steps[0],
        steps[last]
    );
    // Times have been rounded when they were written, often to six digits.
    let rounded = 2e-6 * times[0].abs().max(times[last].abs());
    for (&step, &time) in steps.iter().zip(times) {
        let expected = times[0] + time_step * since(step);
        ensure!(
            (time - expected).abs() <= rounded.max(1e-3 * time_step),
            "the frame of step {step} has the time {time}, but {expected} would follow from the first and the last frame: the time step changes; give --time-step if it should not"
        );
    }
    Ok(time_step)
}

/// A number of steps, which must be whole within a hundredth.
fn whole(steps: f64) -> Result<u64> {
    let rounded = steps.round();
    ensure!(
        (steps - rounded).abs() < 0.01 && (0.0..9e15).contains(&rounded),
        "a frame is {steps} steps after the first: the times of frames must be increasing and multiples of the time step; give --time-step"
    );
    Ok(rounded as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        steps: Option<&[u64]>,
        times: Option<&[f64]>,
        time_step: Option<f64>,
    ) -> Result<Timeline, String> {
        let timeline = Timeline::of(
            steps.map(<[u64]>::to_vec),
            times.map(<[f64]>::to_vec),
            3,
            time_step,
        );
        timeline.map_err(|error| error.to_string())
    }

    #[test]
    fn times_come_from_what_the_file_has() {
        let steps = [100, 101, 110];
        for (times, given, expected, unit) in [
            (None, None, 1.0, TimeUnit::Steps),
            (None, Some(0.5), 0.5, TimeUnit::Given),
            (Some([2.0, 2.25, 4.5]), None, 0.25, TimeUnit::File),
            (Some([2.0, 2.25, 4.5]), Some(0.5), 0.5, TimeUnit::Given),
        ] {
            let times = times.as_ref().map(<[f64; 3]>::as_slice);
            let timeline = of(Some(&steps), times, given).unwrap();
            assert_eq!(timeline.steps, steps);
            assert_eq!((timeline.time_step, timeline.unit), (expected, unit));
        }
        let times = of(None, Some(&[3.0, 3.5, 13.0]), None).unwrap();
        assert_eq!((times.steps, times.time_step), (vec![0, 1, 20], 0.5));
        let frames = of(None, None, Some(0.5)).unwrap();
        assert_eq!((frames.steps, frames.time_step), (vec![0, 1, 2], 0.5));
        assert_eq!(of(None, None, None).unwrap().unit, TimeUnit::Frames);
    }

    #[test]
    fn times_that_contradict_each_other_are_refused() {
        let error = of(Some(&[0, 10, 20]), Some(&[0.0, 0.2, 0.3]), None).unwrap_err();
        assert!(error.contains("step 10 has the time 0.2"), "{error}");
        let error = of(None, Some(&[0.0, 1.0, 2.5]), None).unwrap_err();
        assert!(error.contains("2.5 steps"), "{error}");
        let error = of(None, Some(&[0.0, 1.0, 1.0]), None).unwrap_err();
        assert!(error.contains("do not increase"), "{error}");
        // Six digits are enough.
        assert!(of(Some(&[0, 1, 3]), Some(&[1000.0, 1000.33, 1001.0]), None).is_err());
        assert!(of(Some(&[0, 1, 3]), Some(&[1000.0, 1000.333, 1001.0]), None).is_ok());
    }
}
