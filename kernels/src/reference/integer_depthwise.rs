//! A convolution of integers, each channel by itself.

use super::window;
use crate::Io;
use crate::integers::{Bounds, Channels, HEADER, IntegerDepthwise, map, map_mut};

/// `output[y, x, c] = clamp(rescale[c](bias[c] +
/// Σ input[y·stride − pad_top + i·dilation, x·stride − pad_left + j·dilation, c] · weight[c, i, j]))`
///
/// Parameters: `[least, greatest, whether halves are rounded up, –]`, then for each eight channels eight biases,
/// multipliers and shifts, and eight weights for each position in the window.
pub fn run(p: &IntegerDepthwise, io: Io<'_>) {
    let (input, output) = (map(io.input), map_mut(io.output));
    let (bounds, eights) = (Bounds::new(io.parameters[0]), p.eights as usize);
    let groups = io.parameters[HEADER..].chunks_exact((p.parameters() - HEADER) / eights);
    for (eight, group) in groups.map(Channels::new).enumerate() {
        for (y, x) in (0..p.out_height).flat_map(|y| (0..p.out_width).map(move |x| (y, x))) {
            for c in 0..8 {
                let mut sum = group.biases[c];
                for (i, in_y) in window(y, p.stride, p.dilation, p.pad_top, p.kernel, p.in_height) {
                    for (j, in_x) in window(x, p.stride, p.dilation, p.pad_left, p.kernel, p.in_width) {
                        let value = input[(in_y * p.in_width as usize + in_x) * eights + eight][c];
                        let weight = group.weights[i * p.kernel as usize + j][c];
                        sum = sum.wrapping_add(i32::from(value) * i32::from(weight));
                    }
                }
                let pixel = (y * p.out_width + x) as usize;
                output[pixel * eights + eight][c] = bounds.output(sum, group.rescale(c));
            }
        }
    }
}
