//! A convolution of integers, each channel by itself.

use super::inside;
use crate::Io;
use crate::dots::Dots;
use crate::header::Header;
use crate::integers::{Channels, HEADER, IntegerDepthwise, map, map_mut};

/// `output[y, x, c] = clamp(rescale[c](bias[c] +
/// Σ input[y·stride − pad_top + i·dilation, x·stride − pad_left + j·dilation, c] · weight[c, i, j]))`
///
/// Parameters as those of `integer_conv`, but for the weights of eight channels: eight for each position in the window, or
/// bytes as [`IntegerDepthwise::place`] says.
pub fn run(p: &IntegerDepthwise, io: Io<'_>) {
    let (input, output) = (map(io.input), map_mut(io.output));
    let (header, eights) = (Header::new(io.parameters), p.eights as usize);
    let (kernel, in_size) = (p.kernel as usize, [p.in_height, p.in_width]);
    let groups = io.parameters[HEADER..].chunks_exact((p.parameters() - HEADER) / eights);
    for (eight, group) in groups.map(Channels::new).enumerate() {
        for (y, x) in (0..p.out_height).flat_map(|y| (0..p.out_width).map(move |x| (y, x))) {
            for c in 0..8 {
                let mut sum = group.biases[c];
                for (i, j) in (0..kernel).flat_map(|i| (0..kernel).map(move |j| (i, j))) {
                    let [top, left] = [y * p.stride + i as u32 * p.dilation, x * p.stride + j as u32 * p.dilation];
                    let pixel = inside([top, left], [p.pad_top, p.pad_left], in_size);
                    let value = header.operand(pixel.map_or(0, |pixel| input[pixel * eights + eight][c]));
                    let weight = match header.dots {
                        Dots::Pairs => i32::from(group.weights[i * kernel + j][c]),
                        _ => i32::from(group.bytes()[p.place(i, j, c)]),
                    };
                    sum = sum.wrapping_add(value * weight);
                }
                let pixel = (y * p.out_width + x) as usize;
                output[pixel * eights + eight][c] = header.bounds.output(sum, group.rescale(c));
            }
        }
    }
}
