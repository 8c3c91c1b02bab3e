//! Sums and products four at a time; the exponentials themselves are scalar, a thousand of them a frame.

use crate::lane::F32x4;
use crate::{Io, Softmax};

/// See the reference.
pub fn run(p: &Softmax, io: Io<'_>) {
    let classes = p.classes as usize;
    let max = io.input.iter().flatten().take(classes).fold(f32::MIN, |max, &value| max.max(value));
    let mut sum = F32x4::splat(0.0);
    for (group, (output, input)) in io.output.iter_mut().zip(io.input).enumerate() {
        for lane in 0..4 {
            output[lane] = if group * 4 + lane < classes { (input[lane] - max).exp() } else { 0.0 };
        }
        sum = sum + F32x4::load(*output);
    }
    let scale = F32x4::splat(1.0 / sum.store().iter().sum::<f32>());
    for output in io.output {
        *output = (F32x4::load(*output) * scale).store();
    }
}
