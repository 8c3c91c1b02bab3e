//! The gradient of a depthwise convolution's biases and weights, for one map.

use super::{mul_add, window};
use crate::Io;
use crate::gradients::TrainDepthwise;
use crate::lane::Vec4;

/// `output[c, i, j] = Σ input[y·stride − pad_top + i·dilation, x·stride − pad_left + j·dilation, c] · side[y, x, c]`, and
/// `Σ side[y, x, c]` in the place of the bias.
///
/// `input` is the layer's, `side` the gradient of its output before the curve.
pub fn run(p: &TrainDepthwise, io: Io<'_>) {
    let p = &p.layer;
    let (kernel, lanes) = (p.kernel as usize, p.lanes as usize);
    let group = 1 + kernel * kernel;
    io.output.fill(Vec4::default());
    for y in 0..p.out_height {
        for x in 0..p.out_width {
            for c in 0..lanes * 4 {
                let output = &mut io.output[c / 4 * group..][..group];
                let side = io.side[(y * p.out_width + x) as usize * lanes + c / 4][c % 4];
                output[0][c % 4] += side;
                for (i, in_y) in window(y, p.stride, p.dilation, p.pad_top, p.kernel, p.in_height) {
                    for (j, in_x) in window(x, p.stride, p.dilation, p.pad_left, p.kernel, p.in_width) {
                        let value = io.input[(in_y * p.in_width as usize + in_x) * lanes + c / 4][c % 4];
                        let sum = &mut output[1 + i * kernel + j][c % 4];
                        *sum = mul_add(*sum, value, side);
                    }
                }
            }
        }
    }
}
