//! The gradient of a batch norm's offset and scale.

use super::mul_add;
use crate::Io;
use crate::gradients::{BLOCK, TrainNorm};
use crate::lane::Vec4;

/// `output[c] = [Σ side[p, c], Σ side[p, c] · (bias[c] + input[p, c] · weight[c])]`, two `Vec4`s a group of channels.
///
/// `input` is the norm's, `side` the gradient of its output; `bias` and `weight` are `−mean / deviation` and
/// `1 / deviation`, which normalise.
pub fn run(p: &TrainNorm, io: Io<'_>) {
    let lanes = p.lanes.all as usize;
    io.output.fill(Vec4::default());
    for (input, side) in io.input.chunks(BLOCK * lanes).zip(io.side.chunks(BLOCK * lanes)) {
        for (at, c) in p.lanes.channels() {
            let [bias, weight] = [0, 1].map(|which| io.parameters[at / 4 * 2 + which][c % 4]);
            let [mut offset, mut scale] = [0.0; 2];
            for (input, side) in input.chunks_exact(lanes).zip(side.chunks_exact(lanes)) {
                let [input, side] = [input, side].map(|pixel| pixel[c / 4][c % 4]);
                offset += side;
                scale = mul_add(scale, side, mul_add(bias, input, weight));
            }
            io.output[at / 4 * 2][c % 4] += offset;
            io.output[at / 4 * 2 + 1][c % 4] += scale;
        }
    }
}
