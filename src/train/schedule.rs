//! How the learning rate changes from epoch to epoch.

use crate::small::sine_cosine;

/// What an epoch's learning rate is, as a factor of the one that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// Always that one.
    #[default]
    Constant,
    /// Half a cosine, from 1 in the first epoch to `end` after the last.
    Cosine {
        /// What is left at the end.
        end: f32,
    },
    /// Times `factor` after each epoch.
    Exponential {
        /// At each epoch's end.
        factor: f32,
    },
    /// Times `factor` after every so many epochs.
    Step {
        /// At each step.
        factor: f32,
        /// Between steps.
        epochs: usize,
    },
}

impl Schedule {
    /// The factor of `epoch`, from 0, out of `epochs`.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "epochs are few"
    )]
    pub fn factor(self, epoch: usize, epochs: usize) -> f32 {
        let power = |factor: f32, times: usize| f64::from(factor).powi(times.min(1 << 30) as i32) as f32;
        match self {
            Self::Constant => 1.0,
            Self::Cosine { end } => {
                let way = (epoch as f64 / epochs.max(1) as f64).min(1.0);
                let [_, cosine] = sine_cosine(std::f64::consts::PI * way);
                end + (1.0 - end) * (0.5 + 0.5 * cosine) as f32
            }
            Self::Exponential { factor } => power(factor, epoch),
            Self::Step { factor, epochs } => power(factor, epoch / epochs.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_those_of_the_definitions() {
        let factors = |schedule: Schedule| (0..5).map(|epoch| schedule.factor(epoch, 4)).collect::<Vec<_>>();
        assert_eq!(factors(Schedule::Constant), [1.0; 5]);
        let half = std::f32::consts::FRAC_1_SQRT_2 / 2.0;
        let expected = [1.0, 0.5 + half, 0.5, 0.5 - half, 0.0];
        for (found, expected) in factors(Schedule::Cosine { end: 0.0 }).into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
        assert!((Schedule::Cosine { end: 0.25 }.factor(4, 4) - 0.25).abs() < 1e-6);
        assert_eq!(factors(Schedule::Exponential { factor: 0.5 }), [1.0, 0.5, 0.25, 0.125, 0.0625]);
        assert_eq!(factors(Schedule::Step { factor: 0.25, epochs: 2 }), [1.0, 1.0, 0.25, 0.25, 0.0625]);
    }

    #[test]
    fn no_epochs_are_no_division_by_zero() {
        assert!(Schedule::Cosine { end: 0.0 }.factor(0, 0).is_finite());
        assert!(Schedule::Step { factor: 0.5, epochs: 0 }.factor(3, 4).is_finite());
    }
}
