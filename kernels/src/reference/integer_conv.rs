//! A convolution of integers over all channels.

use super::window;
use crate::Io;
use crate::integers::{Bounds, Channels, HEADER, IntegerConv, eights, map, map_mut, pairs};

/// `output[y, x, o] = clamp(rescale[o](bias[o] +
/// Σ input[y·stride − pad_top + i, x·stride − pad_left + j, c] · weight[o, c, i, j]))`
///
/// Parameters: `[least, greatest, whether halves are rounded up, –]`, then for each eight output channels eight biases,
/// multipliers and shifts, and for each position in the window and each pair of input channels `[8 outputs][2 inputs]`.
pub fn run(p: &IntegerConv, io: Io<'_>) {
    let (input, output) = (map(io.input), map_mut(io.output));
    let (bounds, channels) = (Bounds::new(io.parameters[0]), p.in_channels as usize);
    let (in_stride, out_stride) = (eights(channels), p.out_eights as usize);
    let groups = io.parameters[HEADER..].chunks_exact((p.parameters() - HEADER) / out_stride);
    for (eight, group) in groups.map(Channels::new).enumerate() {
        for (y, x) in (0..p.out_height).flat_map(|y| (0..p.out_width).map(move |x| (y, x))) {
            let mut sums = [0_i32; 8];
            sums.copy_from_slice(group.biases);
            for (i, in_y) in window(y, p.stride, 1, p.pad_top, p.kernel, p.in_height) {
                for (j, in_x) in window(x, p.stride, 1, p.pad_left, p.kernel, p.in_width) {
                    let pixel = (in_y * p.in_width as usize + in_x) * in_stride;
                    let tap = (i * p.kernel as usize + j) * pairs(channels) * 2;
                    for c in 0..channels {
                        let value = i32::from(input[pixel + c / 8][c % 8]);
                        for (o, sum) in sums.iter_mut().enumerate() {
                            let weight = group.weights[tap + c / 2 * 2 + o / 4][o % 4 * 2 + c % 2];
                            *sum = sum.wrapping_add(value * i32::from(weight));
                        }
                    }
                }
            }
            let pixel = (y * p.out_width + x) as usize * out_stride;
            for (o, sum) in sums.into_iter().enumerate() {
                output[pixel + eight][o] = bounds.output(sum, group.rescale(o));
            }
        }
    }
}
