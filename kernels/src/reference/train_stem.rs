//! The gradient of the first convolution's biases and weights, for one map.

use super::{mul_add, window};
use crate::Io;
use crate::gradients::TrainStem;
use crate::lane::Vec4;

/// `output[o, i, j, c] = Σ input[y·stride − pad_top + i, x·stride − pad_left + j, c] · side[y, x, o]`, and `Σ side[y, x, o]` in
/// the place of the bias.
///
/// `input` is the layer's, `side` the gradient of its output before the curve.
pub fn run(p: &TrainStem, io: Io<'_>) {
    let p = &p.layer;
    let (kernel, channels, out_lanes) = (p.kernel as usize, p.in_channels as usize, p.out_lanes as usize);
    let group = 1 + kernel * kernel * channels;
    io.output.fill(Vec4::default());
    for y in 0..p.out_height {
        for x in 0..p.out_width {
            for o in 0..out_lanes * 4 {
                let output = &mut io.output[o / 4 * group..][..group];
                let side = io.side[(y * p.out_width + x) as usize * out_lanes + o / 4][o % 4];
                output[0][o % 4] += side;
                for (i, in_y) in window(y, p.stride, 1, p.pad_top, p.kernel, p.in_height) {
                    for (j, in_x) in window(x, p.stride, 1, p.pad_left, p.kernel, p.in_width) {
                        let pixel = io.input[in_y * p.in_width as usize + in_x];
                        for (c, value) in pixel.iter().enumerate().take(channels) {
                            let sum = &mut output[1 + (i * kernel + j) * channels + c][o % 4];
                            *sum = mul_add(*sum, *value, side);
                        }
                    }
                }
            }
        }
    }
}
