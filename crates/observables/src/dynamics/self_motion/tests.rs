use super::*;
use crate::correlator::Series;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const CELL: [[f64; 3]; 3] = [[6.0, 0.0, 0.0], [1.0, 7.0, 0.0], [0.5, -1.0, 6.5]];

fn uniform(random: &mut Xoshiro256PlusPlus) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// A random walk on a drifting centre of mass: `trajectory[step][particle]`.
fn random_walk(seed: u64, steps: usize, particles: usize) -> Vec<Vec<[f64; 3]>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut positions: Vec<[f64; 3]> = (0..particles)
        .map(|_| std::array::from_fn(|_| 6.0 * uniform(&mut random)))
        .collect();
    (0..=steps)
        .map(|_| {
            let frame = positions.clone();
            for position in &mut positions {
                for k in 0..3 {
                    position[k] += 0.4 * uniform(&mut random) + 0.3;
                }
            }
            frame
        })
        .collect()
}

fn correlator(species: &[u8], longest: u64, interval: u64) -> SelfCorrelator<3> {
    let shells = [(5.0, 0.5), (6.3, 0.3)];
    let kinds = usize::from(*species.iter().max().unwrap()) + 1;
    let wave_vectors = shells[..kinds]
        .iter()
        .map(|&(q, width)| WaveVectors::shell(&CELL, q, width).unwrap().limited_to(15))
        .collect();
    let schedule = LogSchedule::new(1, longest, 6).unwrap();
    SelfCorrelator::new(species, wave_vectors, schedule, interval).unwrap()
}

fn drive(correlator: &mut SelfCorrelator<3>, trajectory: &[Vec<[f64; 3]>]) {
    loop {
        let step = correlator.next_step();
        let Some(frame) = usize::try_from(step)
            .ok()
            .and_then(|step| trajectory.get(step))
        else {
            return;
        };
        correlator.push(step, frame).unwrap();
    }
}

/// Every origin, every lag, every wave vector, straight from the definitions.
fn naive(
    correlator: &SelfCorrelator<3>,
    species: &[u8],
    trajectory: &[Vec<[f64; 3]>],
    interval: usize,
    kind: u8,
) -> Vec<(u64, u64, [f64; 3])> {
    let members: Vec<usize> = (0..species.len()).filter(|&i| species[i] == kind).collect();
    let wave_vectors = correlator.correlation().wave_vectors[usize::from(kind)].vectors();
    let mut result = Vec::new();
    for &lag in correlator.schedule().lags() {
        let span = usize::try_from(lag).unwrap();
        let (mut origins, mut squared, mut quartic, mut scattering) = (0_u64, 0.0, 0.0, 0.0);
        let mut start = 0;
        while start + span < trajectory.len() {
            let (from, to) = (&trajectory[start], &trajectory[start + span]);
            let shift: [f64; 3] = std::array::from_fn(|k| {
                (0..species.len())
                    .map(|i| to[i][k] - from[i][k])
                    .sum::<f64>()
                    / species.len() as f64
            });
            for &i in &members {
                let r: [f64; 3] = std::array::from_fn(|k| to[i][k] - from[i][k] - shift[k]);
                let square: f64 = r.iter().map(|x| x * x).sum();
                squared += square / members.len() as f64;
                quartic += square * square / members.len() as f64;
                for q in &wave_vectors {
                    let phase: f64 = q.iter().zip(&r).map(|(q, r)| q * r).sum();
                    scattering += phase.cos() / (members.len() * wave_vectors.len()) as f64;
                }
            }
            origins += 1;
            start += interval;
        }
        if origins > 0 {
            let n = origins as f64;
            let (m2, m4) = (squared / n, quartic / n);
            result.push((
                lag,
                origins,
                [m2, 3.0 * m4 / (5.0 * m2 * m2) - 1.0, scattering / n],
            ));
        }
    }
    result
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn streaming_agrees_with_all_origins(
        seed: u64, steps in 5_usize..90, longest in 1_u64..60, interval in 1_usize..25,
        species in prop::collection::vec(0_u8..2, 3..20),
    ) {
        let mut species = species;
        species[0] = 1;
        species[1] = 0;
        let trajectory = random_walk(seed, steps, species.len());
        let mut correlator = correlator(&species, longest, interval as u64);
        drive(&mut correlator, &trajectory);
        let result = correlator.finish();
        for kind in 0..2_u8 {
            let expected = naive(&correlator, &species, &trajectory, interval, kind);
            let own = &result.species[usize::from(kind)];
            prop_assert_eq!(result.steps.len(), expected.len());
            for (index, (lag, origins, [msd, alpha, scattering])) in expected.into_iter().enumerate() {
                prop_assert_eq!(result.steps[index], lag);
                prop_assert_eq!(own.origins[index], origins);
                // Positions reach 0.3 * 90 = 27 with errors of 27 * 1e-16; squares are of order 1e-2 and more.
                prop_assert!((own.mean_squared_displacement.values[index] - msd).abs() < 1e-12 * (1.0 + msd));
                prop_assert!((own.non_gaussian_parameter.values[index] - alpha).abs() < 1e-11);
                prop_assert!((own.self_scattering.values[index] - scattering).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_checkpoint_continues_to_the_same_bits(seed: u64, cut in 0_u64..80, interval in 1_u64..20) {
        let species = [0, 1, 0, 0, 1, 0, 0];
        let trajectory = random_walk(seed, 80, species.len());
        let mut whole = correlator(&species, 25, interval);
        drive(&mut whole, &trajectory);
        let mut first = correlator(&species, 25, interval);
        while first.next_step() <= cut {
            let step = first.next_step();
            first.push(step, &trajectory[usize::try_from(step).unwrap()]).unwrap();
        }
        let saved = serde_json::to_string(&first).unwrap();
        let mut second: SelfCorrelator<3> = serde_json::from_str(&saved).unwrap();
        prop_assert_eq!(&second, &first);
        drive(&mut second, &trajectory);
        // Equality of f64 is equality of bits here: there are no zeros of either sign to confuse.
        prop_assert_eq!(&second, &whole);
        prop_assert_eq!(second.finish(), whole.finish());
    }
}

#[test]
fn a_checkpoint_of_another_dimension_is_refused() {
    let saved = serde_json::to_string(&correlator(&[0, 0], 5, 5)).unwrap();
    assert!(serde_json::from_str::<SelfCorrelator<2>>(&saved).is_err());
}

#[test]
fn asks_for_exactly_the_frames_it_needs() {
    let mut correlator = correlator(&[0, 0], 9, 7);
    let lags = correlator.schedule().lags().to_vec();
    let mut needed: Vec<u64> = (0..10)
        .map(|k| 7 * k)
        .flat_map(|origin| std::iter::once(origin).chain(lags.iter().map(move |lag| origin + lag)))
        .filter(|&step| step <= 60)
        .collect();
    needed.sort_unstable();
    needed.dedup();
    let mut asked = Vec::new();
    while correlator.next_step() <= 60 {
        asked.push(correlator.next_step());
        correlator
            .push(*asked.last().unwrap(), &[[0.0; 3]; 2])
            .unwrap();
        // At most ceil(9 / 7) = 2 origins are younger than the longest lag.
        assert!(correlator.kept_origins() <= 2);
    }
    assert_eq!(asked, needed);
}

#[test]
fn merging_is_associative_and_keeps_the_runs() {
    let species = [0, 0, 1, 0, 1];
    let [a, b, c] = [1, 2, 3].map(|seed| {
        let mut run = correlator(&species, 30, 10);
        drive(&mut run, &random_walk(seed, 100, species.len()));
        run
    });
    let mut left = a.clone();
    left.merge(b.clone()).unwrap();
    left.merge(c.clone()).unwrap();
    let mut tail = b.clone();
    tail.merge(c.clone()).unwrap();
    let mut right = a.clone();
    right.merge(tail).unwrap();
    assert_eq!(left, right);
    let pooled = left.finish();
    assert_eq!(pooled.runs, 3);
    assert_eq!(left.finish_runs(), [a.finish(), b.finish(), c.finish()]);

    // Runs of equal length: the mean over runs, and s / sqrt 3.
    let values: Vec<f64> = [&a, &b, &c]
        .iter()
        .map(|run| run.finish().species[1].self_scattering.values[2])
        .collect();
    let mean = values.iter().sum::<f64>() / 3.0;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2.0;
    let series = &pooled.species[1].self_scattering;
    assert!((series.values[2] - mean).abs() < 1e-14);
    let error = series.standard_errors[2].unwrap();
    assert!((error - (variance / 3.0).sqrt()).abs() < 1e-14);
}

#[test]
fn merging_refuses_another_set_up() {
    let species = [0, 0, 1, 0, 1];
    let mut run = correlator(&species, 30, 10);
    let before = run.clone();
    for other in [
        correlator(&species, 31, 10),
        correlator(&[0, 0, 1, 1, 1], 30, 10),
    ] {
        assert!(matches!(
            run.merge(other),
            Err(CorrelatorError::Incompatible { .. })
        ));
    }
    assert_eq!(run, before);
}

#[test]
fn refuses_bad_frames_and_stays_unchanged() {
    let mut run = correlator(&[0, 0], 10, 5);
    let frame = [[0.0; 3]; 2];
    run.push(0, &frame).unwrap();
    let before = run.clone();
    assert_eq!(
        run.push(2, &frame),
        Err(CorrelatorError::UnexpectedStep {
            expected: 1,
            given: 2
        })
    );
    assert!(matches!(
        run.push(1, &frame[..1]),
        Err(CorrelatorError::ParticleCount { given: 1, .. })
    ));
    let broken = [[0.0; 3], [0.0, f64::NAN, 0.0]];
    assert_eq!(
        run.push(1, &broken),
        Err(CorrelatorError::NotFinite {
            step: 1,
            particle: 1,
            quantity: "position"
        })
    );
    assert_eq!(run, before);
}

#[test]
fn refuses_species_that_do_not_match() {
    let shell = WaveVectors::shell(&CELL, 5.0, 0.5).unwrap();
    let schedule = LogSchedule::new(1, 10, 5).unwrap();
    let make = |species: &[u8], kinds: usize, interval| {
        SelfCorrelator::new(
            species,
            vec![shell.clone(); kinds],
            schedule.clone(),
            interval,
        )
    };
    assert!(matches!(
        make(&[0, 1], 1, 5),
        Err(CorrelatorError::UnknownSpecies { particle: 1, .. })
    ));
    assert!(matches!(
        make(&[0, 0], 2, 5),
        Err(CorrelatorError::EmptySpecies { species: 1 })
    ));
    assert!(matches!(
        make(&[0], 1, 0),
        Err(CorrelatorError::ZeroInterval)
    ));
    // No particles and no species: nothing to measure, and no panic.
    let mut empty = make(&[], 0, 5).unwrap();
    empty.push(0, &[]).unwrap();
    empty.push(1, &[]).unwrap();
    assert!(empty.finish().steps.is_empty());
}

#[test]
fn particles_at_rest_are_fully_correlated() {
    let mut run = correlator(&[0, 0, 0], 10, 5);
    // The centre of mass moves; relative to it, nothing does.
    while run.next_step() < 40 {
        let drift = run.next_step() as f64;
        run.push(run.next_step(), &[[drift, 2.0 * drift, 0.0]; 3])
            .unwrap();
    }
    let result = &run.finish().species[0];
    assert!(
        result
            .mean_squared_displacement
            .values
            .iter()
            .all(|x| x.abs() < 1e-24)
    );
    assert!(
        result
            .self_scattering
            .values
            .iter()
            .all(|f| (f - 1.0).abs() < 1e-12)
    );
    assert!(
        result
            .non_gaussian_parameter
            .values
            .iter()
            .all(|a| a.is_finite())
    );
}

/// Steps of a random walk with Gaussian increments of variance `v` per component: `<r^2> = 3 v t`,
/// `alpha_2 = 0`, `F_s = exp(-q^2 v t / 2)`.
#[test]
fn gaussian_walk_has_gaussian_correlations() {
    let particles = 400;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let mut normal = move || (0..12).map(|_| uniform(&mut random)).sum::<f64>();
    let variance = 0.01_f64;
    let mut positions = vec![[0.0; 3]; particles];
    let mut run = correlator(&vec![0; particles], 20, 10);
    for step in 0..400_u64 {
        if step == run.next_step() {
            run.push(step, &positions).unwrap();
        }
        for position in &mut positions {
            for k in 0..3 {
                position[k] += variance.sqrt() * normal();
            }
        }
    }
    let result = run.finish();
    let own = &result.species[0];
    for (index, &step) in result.steps.iter().enumerate() {
        let time = step as f64;
        let check = |series: &Series, expected: f64| {
            let error = series.standard_errors[index].unwrap();
            // Twenty blocks: four standard errors, plus 1/N for the centre of mass that is taken off, are
            // exceeded once in a thousand; the seed is fixed.
            let slack = 4.0 * error + expected.abs() / particles as f64;
            let value = series.values[index];
            assert!(
                (value - expected).abs() < slack,
                "{step}: {value} {expected} {error}"
            );
        };
        check(&own.mean_squared_displacement, 3.0 * variance * time);
        // A sum of twelve uniform numbers has kurtosis 3 - 0.1, which the steps average out.
        check(&own.non_gaussian_parameter, -0.1 / 5.0 / time);
        let expected = run.correlation().wave_vectors[0]
            .vectors()
            .iter()
            .map(|q| (-0.5 * variance * time * q.iter().map(|x| x * x).sum::<f64>()).exp())
            .sum::<f64>()
            / run.correlation().wave_vectors[0].len() as f64;
        check(&own.self_scattering, expected);
    }
}
