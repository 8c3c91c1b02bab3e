//! Four channels at a time.

use super::sums;
use crate::Io;
use crate::gradients::TrainNorm;
use crate::lane::F32x4;

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainNorm, io: Io<'_>) {
    let parameters = io.parameters;
    sums(
        ([io.input, io.side], p.lanes),
        io.output,
        |_, lane| [0, 1].map(|which| F32x4::load(parameters[2 * lane + which])),
        |[bias, weight], [offset, scale], [input, side]| {
            [offset + side, scale.mul_add(side, bias.mul_add(input, weight))]
        },
        |output, lane, sums: [F32x4; 2]| output[2 * lane..][..2].copy_from_slice(&sums.map(F32x4::store)),
    );
}
