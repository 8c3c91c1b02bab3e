//! The mean over all pixels.

use crate::kernels::{GlobalPool, Io};

/// `output[c] = Σ input[p, c] / pixels`
#[expect(clippy::cast_precision_loss, reason = "a map has far fewer than 2²⁴ pixels")]
pub fn run(p: &GlobalPool, io: Io<'_>) {
    let lanes = p.lanes as usize;
    for c in 0..lanes * 4 {
        let sum: f32 = (0..p.pixels as usize).map(|pixel| io.input[pixel * lanes + c / 4][c % 4]).sum();
        io.output[c / 4][c % 4] = sum / p.pixels as f32;
    }
}
