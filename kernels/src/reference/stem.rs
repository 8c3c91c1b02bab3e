//! A convolution over the channels of the picture; inputs are read row by row, column by column, channel by channel.

use super::{bend, mul_add, window};
use crate::{Conv, Io};

/// `output[y, x, o] = curve(bias[o] + Σ input[y·stride − pad_top + i, x·stride − pad_left + j, c] · weight[o, i, j, c])`
pub fn run(p: &Conv, io: Io<'_>) {
    let (kernel, channels) = (p.kernel as usize, p.in_channels as usize);
    let group = 1 + kernel * kernel * channels;
    for y in 0..p.out_height {
        for x in 0..p.out_width {
            for o in 0..p.out_lanes as usize * 4 {
                let parameters = &io.parameters[o / 4 * group..][..group];
                let mut sum = parameters[0][o % 4];
                for (i, in_y) in window(y, p.stride, 1, p.pad_top, p.kernel, p.in_height) {
                    for (j, in_x) in window(x, p.stride, 1, p.pad_left, p.kernel, p.in_width) {
                        let pixel = io.input[in_y * p.in_width as usize + in_x];
                        for (c, value) in pixel.iter().enumerate().take(channels) {
                            let weight = parameters[1 + (i * kernel + j) * channels + c][o % 4];
                            sum = mul_add(sum, *value, weight);
                        }
                    }
                }
                let pixel = (y * p.out_width + x) as usize;
                io.output[pixel * p.out_lanes as usize + o / 4][o % 4] = bend(sum, p.curve);
            }
        }
    }
}
