//! Derivatives as limits of differences, with what they leave open.

/// How often the step is halved.
const HALVINGS: usize = 24;

/// The derivative of one number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slope {
    pub(crate) value: f64,
    /// How far estimates with different steps are apart.
    pub(crate) uncertainty: f64,
    /// The step that was best.
    pub(crate) step: f64,
}

/// The derivatives at zero of several functions of one variable, by central differences of fourth order
///
/// ```text
/// f' = [f(-2h) - 8 f(-h) + 8 f(h) - f(2h)] / 12h + h^4/30 f^(5)
/// ```
///
/// with steps `h` that are halved until estimates with three of them agree to the goals, one for each
/// function: two could agree by accident. A jump nearby, as pairs have at their cut-off, spoils the
/// estimates until the step is too short to reach it, and then no more.
///
/// # Errors
/// Those of the functions.
pub(crate) fn slopes<E>(
    mut functions: impl FnMut(f64) -> Result<Vec<f64>, E>,
    first_step: f64,
    goals: &[f64],
) -> Result<Vec<Slope>, E> {
    let mut odd = |h: f64| -> Result<Vec<f64>, E> {
        let (above, below) = (functions(h)?, functions(-h)?);
        Ok(above.iter().zip(&below).map(|(a, b)| a - b).collect())
    };
    let unknown = Slope {
        value: f64::NAN,
        uncertainty: f64::INFINITY,
        step: 0.0,
    };
    let mut best = vec![unknown; goals.len()];
    let mut previous = vec![(f64::NAN, f64::NAN); goals.len()];
    let mut outer = odd(2.0 * first_step)?;
    let mut step = first_step;
    for _ in 0..HALVINGS {
        let inner = odd(step)?;
        for k in 0..goals.len() {
            let value = (8.0 * inner[k] - outer[k]) / (12.0 * step);
            let (before, change_before) = previous[k];
            let change = (value - before).abs();
            // The change before was 16 times as large if the differences converge.
            let uncertainty = change.max(change_before / 16.0);
            previous[k] = (value, change);
            // `change_before` must be known: NaN is ignored by `max`.
            if change_before.is_finite() && uncertainty < best[k].uncertainty {
                best[k] = Slope {
                    value,
                    uncertainty,
                    step,
                };
            }
        }
        if best
            .iter()
            .zip(goals)
            .all(|(slope, goal)| slope.uncertainty <= *goal)
        {
            break;
        }
        outer = inner;
        step *= 0.5;
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_converge_and_jumps_nearby_are_seen_through() {
        let functions = |x: f64| -> Result<Vec<f64>, ()> {
            let jump = if x > 1e-5 { 1.0 } else { 0.0 };
            Ok(vec![(1.0 + x).powi(-12), x.sin() + jump, x.abs()])
        };
        let [steep, jumping, kinked] = slopes(functions, 1e-3, &[1e-9; 3])
            .unwrap()
            .try_into()
            .unwrap();
        assert!((steep.value + 12.0).abs() < 1e-8 && steep.uncertainty < 1e-8);
        assert!((jumping.value - 1.0).abs() < 1e-8 && jumping.step < 1e-5);
        // Central differences of |x| are zero at every step.
        assert_eq!((kinked.value, kinked.uncertainty), (0.0, 0.0));
    }
}
