//! A 1×1 convolution of integers.

use crate::Io;
use crate::header::Header;
use crate::integers::{Channels, HEADER, IntegerPointwise, eights, map, map_mut};

/// `output[i, o] = clamp(rescale[o](bias[o] + Σ input[i, c] · weight[o, c]))`
///
/// Parameters as those of `integer_conv`, of a window of one pixel.
pub fn run(p: &IntegerPointwise, io: Io<'_>) {
    let (input, output) = (map(io.input), map_mut(io.output));
    let (header, channels) = (Header::new(io.parameters), p.in_channels as usize);
    let (in_stride, out_stride) = (eights(channels), p.out_eights as usize);
    let groups = io.parameters[HEADER..].chunks_exact(header.dots.group(channels, 1)).take(out_stride);
    for (eight, group) in groups.map(Channels::new).enumerate() {
        for pixel in 0..p.pixels as usize {
            let outputs = &mut output[pixel * out_stride + eight];
            for (o, output) in outputs.iter_mut().enumerate() {
                let mut sum = group.biases[o];
                for c in 0..channels {
                    let value = header.operand(input[pixel * in_stride + c / 8][c % 8]);
                    sum = sum.wrapping_add(value * header.weight(&group, [channels, 0, c, o]));
                }
                *output = header.bounds.output(sum, group.rescale(o));
            }
        }
    }
}
