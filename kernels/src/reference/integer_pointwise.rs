//! A 1×1 convolution of integers.

use crate::Io;
use crate::integers::{Bounds, Channels, HEADER, IntegerPointwise, eights, map, map_mut};

/// `output[i, o] = clamp(rescale[o](bias[o] + Σ input[i, c] · weight[o, c]))`
///
/// Parameters as those of `integer_conv`, of a window of one pixel.
pub fn run(p: &IntegerPointwise, io: Io<'_>) {
    let (input, output) = (map(io.input), map_mut(io.output));
    let (bounds, channels) = (Bounds::new(io.parameters[0]), p.in_channels as usize);
    let (in_stride, out_stride) = (eights(channels), p.out_eights as usize);
    let groups = io.parameters[HEADER..].chunks_exact((p.parameters() - HEADER) / out_stride);
    for (eight, group) in groups.map(Channels::new).enumerate() {
        for pixel in 0..p.pixels as usize {
            let outputs = &mut output[pixel * out_stride + eight];
            for (o, output) in outputs.iter_mut().enumerate() {
                let mut sum = group.biases[o];
                for c in 0..channels {
                    let weight = group.weights[c / 2 * 2 + o / 4][o % 4 * 2 + c % 2];
                    sum = sum.wrapping_add(i32::from(input[pixel * in_stride + c / 8][c % 8]) * i32::from(weight));
                }
                *output = bounds.output(sum, group.rescale(o));
            }
        }
    }
}
