//! The gradient of a batch norm's input.

use super::mul_add;
use crate::Io;
use crate::gradients::TrainNormInput;

/// `output[p, c] = offset[c] + side[p, c] · direct[c] + input[p, c] · statistic[c]`, three `Vec4`s a group of channels.
///
/// `input` is the norm's, `side` the gradient of its output. Where statistics are the batch's own they depend on the input
/// too, which is what `offset` and `statistic` take into account; where they are frozen, both are 0.
pub fn run(p: &TrainNormInput, io: Io<'_>) {
    let lanes = p.lanes as usize;
    for at in 0..p.pixels as usize * lanes {
        let [offset, direct, statistic] = [0, 1, 2].map(|which| io.parameters[at % lanes * 3 + which]);
        for c in 0..4 {
            let sum = mul_add(offset[c], io.side[at][c], direct[c]);
            io.output[at][c] = mul_add(sum, io.input[at][c], statistic[c]);
        }
    }
}
