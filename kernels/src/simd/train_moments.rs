//! Twice over the map: differences from a mean that is known lose nothing.

use super::sums;
use crate::Io;
use crate::gradients::TrainMoments;
use crate::lane::F32x4;

/// See the reference.
#[inline(never)]
#[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2²⁴ pixels")]
pub fn run(p: &TrainMoments, io: Io<'_>) {
    let (pixels, lanes) = (p.pixels as f32, p.lanes);
    sums(
        ([io.input], lanes),
        io.output,
        |_, _| (),
        |(), [sum], [value]| [sum + value],
        |output, lane, [sum]| output[2 * lane] = sum.store().map(|sum| sum / pixels),
    );
    sums(
        ([io.input], lanes),
        io.output,
        |output, lane| F32x4::load(output[2 * lane].map(|mean| -mean)),
        |mean, [sum], [value]| [sum.mul_add(value + mean, value + mean)],
        |output, lane, [sum]| output[2 * lane + 1] = sum.store().map(|sum| sum / pixels),
    );
}
