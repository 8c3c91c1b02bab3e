//! The gradient in front of a bend.

use super::{mul_add, slope};
use crate::Io;
use crate::gradients::TrainBend;

/// `output[p, c] = side[p, c] · curve′(bias[c] + input[p, c] · weight[c])`
///
/// `input` is that of [`train_affine`](super::train_affine), `side` the gradient of its output.
pub fn run(p: &TrainBend, io: Io<'_>) {
    let lanes = p.lanes as usize;
    for at in 0..p.pixels as usize * lanes {
        let [bias, weight] = [0, 1].map(|which| io.parameters[at % lanes * 2 + which]);
        for c in 0..4 {
            let value = mul_add(bias[c], io.input[at][c], weight[c]);
            io.output[at][c] = slope(value, io.side[at][c], p.curve);
        }
    }
}
