//! Four channels at a time.

use super::sums;
use crate::Io;
use crate::gradients::TrainScale;

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainScale, io: Io<'_>) {
    sums(
        ([io.input, io.side], p.lanes.into()),
        io.output,
        |_, _| (),
        |(), [sum], [input, side]| [sum.mul_add(input, side)],
        |output, lane, [sum]| output[lane] = sum.store(),
    );
}
