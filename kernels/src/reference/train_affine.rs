//! Each channel times a number, plus a number, bent: a batch norm whose statistics are known, and what follows it.

use super::{bend, mul_add};
use crate::Io;
use crate::gradients::TrainAffine;

/// `output[p, c] = curve(bias[c] + input[p, c] · weight[c])`
pub fn run(p: &TrainAffine, io: Io<'_>) {
    let lanes = p.lanes as usize;
    for at in 0..p.pixels as usize * lanes {
        let [bias, weight] = [0, 1].map(|which| io.parameters[at % lanes * 2 + which]);
        for c in 0..4 {
            io.output[at][c] = bend(mul_add(bias[c], io.input[at][c], weight[c]), p.curve);
        }
    }
}
