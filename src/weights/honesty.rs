//! Signs that a training run never wrote its moving statistics: inference is then junk, and nothing else would say so.

use super::checkpoint::Entry;
use super::{Checkpoint, Warning};
use crate::small::print_decimal;

/// Below the least of a trained network's variances, above what a few updates leave of the initial 1: two official
/// checkpoints reach below 1e-13.
const DECAYED: f32 = 0.1;

/// One kind of suspicion.
struct Sign {
    code: &'static str,
    says: &'static str,
    /// Batch norms that show it.
    count: usize,
    /// The first of them.
    first: String,
}

impl Sign {
    const fn new(code: &'static str, says: &'static str) -> Self {
        Self { code, says, count: 0, first: String::new() }
    }

    #[inline(never)]
    fn note(&mut self, shows: bool, place: impl FnOnce() -> String) {
        if shows {
            if self.count == 0 {
                self.first = place();
            }
            self.count += 1;
        }
    }
}

/// Looks at every batch norm's mean and variance.
pub(super) fn check(checkpoint: &Checkpoint<'_>) -> Vec<Warning> {
    let mut signs = [
        Sign::new("batch_norm_mean_zero", "moving means are all 0, as before training"),
        Sign::new("batch_norm_variance_one", "moving variances are all 1, as before training"),
        Sign::new("batch_norm_variance_zero", "moving variances are all 0"),
        Sign::new("batch_norm_variance_negative", "moving variances are negative in places"),
        Sign::new("batch_norm_variance_tiny", "moving variances are all at most epsilon"),
        Sign::new("batch_norm_not_finite", "moving statistics hold NaN or infinity"),
    ];
    let epsilon = checkpoint.spec.batch_norm_epsilon;
    let (mut norms, mut least) = (0, f32::INFINITY);
    let place = |entry: &Entry| checkpoint.file.tensors[entry.index].place();
    for entry in &checkpoint.entries {
        let mean = entry.canonical.ends_with("/moving_mean");
        let variance = entry.canonical.ends_with("/moving_variance");
        if !mean && !variance {
            continue;
        }
        norms += usize::from(variance);
        // Reading them as weights will refuse what cannot be read.
        let Ok(values) = checkpoint.file.tensors[entry.index].to_f32() else {
            signs[5].note(true, || place(entry));
            continue;
        };
        let all = |test: &dyn Fn(f32) -> bool| values.iter().all(|&value| test(value));
        if mean {
            signs[0].note(all(&|value| value == 0.0), || place(entry));
            continue;
        }
        let zero = all(&|value| value == 0.0);
        let negative = values.iter().position(|&value| value < 0.0);
        signs[1].note(all(&|value| value == 1.0), || place(entry));
        signs[2].note(zero, || place(entry));
        signs[3].note(negative.is_some(), || {
            let value = negative.map_or(0.0, |index| values[index]);
            format!("{}, {}", place(entry), print_decimal(value.into()))
        });
        signs[4].note(!zero && negative.is_none() && all(&|value| value <= epsilon), || place(entry));
        least = values.iter().fold(least, |least, &value| least.min(value));
    }
    let mut warnings: Vec<Warning> = signs
        .into_iter()
        .filter(|sign| sign.count > 0)
        .map(|sign| {
            let message = format!("{} of {norms} batch norms: {}; first {}", sign.count, sign.says, sign.first);
            Warning { code: sign.code, message }
        })
        .collect();
    if norms > 0 && warnings.is_empty() && least > DECAYED {
        let message = format!(
            "no moving variance is below {}: training may have stopped updating them early, near their initial 1",
            print_decimal(least.into())
        );
        warnings.push(Warning { code: "batch_norm_decayed", message });
    }
    warnings
}
