//! Exponentials over their sum.

use crate::{Io, Softmax};

/// `output[i] = exp(input[i] − max) / Σ exp(input − max)`; lanes past the last class are 0.
pub fn run(p: &Softmax, io: Io<'_>) {
    let input = || io.input.iter().flatten().take(p.classes as usize);
    let max = input().fold(f32::MIN, |max, &value| max.max(value));
    let sum: f32 = input().map(|value| (value - max).exp()).sum();
    for (at, output) in io.output.iter_mut().flatten().enumerate() {
        *output = if at < p.classes as usize { (io.input[at / 4][at % 4] - max).exp() / sum } else { 0.0 };
    }
}
