//! Mean and variance of each channel.

use super::mul_add;
use crate::Io;
use crate::gradients::{BLOCK, TrainMoments};
use crate::lane::Vec4;

/// `output[c] = [Σ input[p, c] / pixels, Σ (input[p, c] − mean)² / pixels]`, two `Vec4`s a group of channels.
#[expect(clippy::cast_precision_loss, reason = "a batch has far fewer than 2²⁴ pixels")]
pub fn run(p: &TrainMoments, io: Io<'_>) {
    let lanes = p.lanes.all as usize;
    for (at, c) in p.lanes.channels() {
        let blocks = || io.input.chunks(BLOCK * lanes);
        let mean = blocks().fold(0.0, |sum, block| sum + channel(block, lanes, c).fold(0.0, |sum, value| sum + value))
            / p.pixels as f32;
        let square = |sum, value: f32| mul_add(sum, value + -mean, value + -mean);
        let squares = blocks().fold(0.0, |sum, block| sum + channel(block, lanes, c).fold(0.0, square));
        io.output[at / 4 * 2][c % 4] = mean;
        io.output[at / 4 * 2 + 1][c % 4] = squares / p.pixels as f32;
    }
}

/// The values of channel `c`, pixel by pixel.
fn channel(pixels: &[Vec4], lanes: usize, c: usize) -> impl Iterator<Item = f32> {
    pixels.chunks_exact(lanes).map(move |pixel| pixel[c / 4][c % 4])
}
