//! A convolution of each channel by itself.

use super::{bend, mul_add, window};
use crate::{Depthwise, Io};

/// `output[y, x, c] = curve(bias[c] +
/// Σ input[y·stride − pad_top + i·dilation, x·stride − pad_left + j·dilation, c] · weight[c, i, j])`
pub fn run(p: &Depthwise, io: Io<'_>) {
    let (kernel, lanes) = (p.kernel as usize, p.lanes as usize);
    let group = 1 + kernel * kernel;
    for y in 0..p.out_height {
        for x in 0..p.out_width {
            for c in 0..lanes * 4 {
                let parameters = &io.parameters[c / 4 * group..][..group];
                let mut sum = parameters[0][c % 4];
                for (i, in_y) in window(y, p.stride, p.dilation, p.pad_top, p.kernel, p.in_height) {
                    for (j, in_x) in window(x, p.stride, p.dilation, p.pad_left, p.kernel, p.in_width) {
                        let pixel = in_y * p.in_width as usize + in_x;
                        let value = io.input[pixel * lanes + c / 4][c % 4];
                        sum = mul_add(sum, value, parameters[1 + i * kernel + j][c % 4]);
                    }
                }
                let pixel = (y * p.out_width + x) as usize;
                io.output[pixel * lanes + c / 4][c % 4] = bend(sum, p.curve);
            }
        }
    }
}
