//! The gradient of a gate, for one map.

use super::mul_add;
use crate::Io;
use crate::gradients::{BLOCK, TrainScale};
use crate::lane::Vec4;

/// `output[c] = Σ input[p, c] · side[p, c]`
///
/// `input` is the map that the gate scaled, `side` the gradient of what came out. That of the map is the gradient scaled.
pub fn run(p: &TrainScale, io: Io<'_>) {
    let lanes = p.lanes as usize;
    io.output.fill(Vec4::default());
    for (input, side) in io.input.chunks(BLOCK * lanes).zip(io.side.chunks(BLOCK * lanes)) {
        for c in 0..lanes * 4 {
            let pixels = input.chunks_exact(lanes).zip(side.chunks_exact(lanes));
            let term = |sum, (input, side): (&[Vec4], &[Vec4])| mul_add(sum, input[c / 4][c % 4], side[c / 4][c % 4]);
            io.output[c / 4][c % 4] += pixels.fold(0.0, term);
        }
    }
}
