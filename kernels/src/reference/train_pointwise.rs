//! The gradient of a 1×1 convolution's biases and weights.

use super::mul_add;
use crate::Io;
use crate::gradients::{BLOCK, TrainPointwise};
use crate::lane::{Vec4, lanes};

/// `output[o, i] = Σ input[p, i] · side[p, o]`, and `Σ side[p, o]` in the place of the bias.
///
/// `input` is the layer's, `side` the gradient of its output before the curve.
pub fn run(p: &TrainPointwise, io: Io<'_>) {
    let (in_channels, out_lanes) = (p.in_channels as usize, p.out_lanes.all as usize);
    let group = 1 + in_channels;
    io.output.fill(Vec4::default());
    let blocks = io.input.chunks(BLOCK * lanes(in_channels)).zip(io.side.chunks(BLOCK * out_lanes));
    for (input, side) in blocks {
        let pixels = || input.chunks_exact(lanes(in_channels)).zip(side.chunks_exact(out_lanes));
        for (at, o) in p.out_lanes.channels() {
            let output = &mut io.output[at / 4 * group..][..group];
            output[0][o % 4] += pixels().fold(0.0, |sum, (_, side)| sum + side[o / 4][o % 4]);
            for i in 0..in_channels {
                let term =
                    |sum, (input, side): (&[Vec4], &[Vec4])| mul_add(sum, input[i / 4][i % 4], side[o / 4][o % 4]);
                output[1 + i][o % 4] += pixels().fold(0.0, term);
            }
        }
    }
}
