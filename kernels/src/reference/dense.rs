//! A matrix times a vector, plus a bias.

use super::{bend, mul_add};
use crate::{Dense, Io};

/// `output[o] = curve(bias[o] + Σ input[i] · weight[o, i])`
pub fn run(p: &Dense, io: Io<'_>) {
    let group = 1 + p.in_channels as usize;
    for o in 0..p.out_lanes as usize * 4 {
        let parameters = &io.parameters[o / 4 * group..][..group];
        let mut sum = parameters[0][o % 4];
        for i in 0..p.in_channels as usize {
            sum = mul_add(sum, io.input[i / 4][i % 4], parameters[1 + i][o % 4]);
        }
        io.output[o / 4][o % 4] = bend(sum, p.curve);
    }
}
