//! The gradient of a depthwise convolution's input, for one map.

use super::mul_add;
use crate::Io;
use crate::gradients::TrainDepthwiseInput;

/// `output[y, x, c] = Σ input[v, u, c] · weight[c, i, j]` over those `v·stride − pad_top + i·dilation = y` and
/// `u·stride − pad_left + j·dilation = x`.
///
/// `input` is the gradient of the layer's output before the curve; biases are not read.
pub fn run(p: &TrainDepthwiseInput, io: Io<'_>) {
    let p = &p.layer;
    let (kernel, lanes) = (p.kernel as usize, p.lanes as usize);
    let group = 1 + kernel * kernel;
    // The output pixels that read pixel `at` of an axis, each through which offset of its window.
    let readers = |at: u32, pad: u32, length: u32| {
        (0..p.kernel).filter_map(move |offset| {
            let from = (at + pad).checked_sub(offset * p.dilation)?;
            (from % p.stride == 0 && from / p.stride < length).then_some((offset as usize, (from / p.stride) as usize))
        })
    };
    for y in 0..p.in_height {
        for x in 0..p.in_width {
            for c in 0..lanes * 4 {
                let parameters = &io.parameters[c / 4 * group..][..group];
                let mut sum = 0.0;
                for (i, out_y) in readers(y, p.pad_top, p.out_height) {
                    for (j, out_x) in readers(x, p.pad_left, p.out_width) {
                        let side = io.input[(out_y * p.out_width as usize + out_x) * lanes + c / 4][c % 4];
                        sum = mul_add(sum, side, parameters[1 + i * kernel + j][c % 4]);
                    }
                }
                io.output[(y * p.in_width + x) as usize * lanes + c / 4][c % 4] = sum;
            }
        }
    }
}
