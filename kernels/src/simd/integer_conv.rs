//! One pixel at a time, eight output channels, two input channels.

use super::Axis;
use crate::Io;
use crate::integer_lane::{I16x8, Outputs};
use crate::integers::{Bounds, Channels, HEADER, IntegerConv, eights, map_mut, pairs, words};
use std::ops::Range;

/// See the reference.
pub fn run(p: &IntegerConv, io: Io<'_>) {
    let window = [p.kernel, p.stride, 1];
    let rows = Axis::new(p.in_height, p.out_height, p.pad_top, window);
    let columns = Axis::new(p.in_width, p.out_width, p.pad_left, window);
    let (bounds, pairs) = (Bounds::new(io.parameters[0]), pairs(p.in_channels as usize));
    let (in_stride, out_stride) = (eights(p.in_channels as usize) * 4, p.out_eights as usize);
    let (input, output) = (words(io.input), map_mut(io.output));
    let group = (p.parameters() - HEADER) / out_stride;
    for (y, output) in output.chunks_exact_mut(columns.positions * out_stride).enumerate() {
        let (top, inside) = rows.window(y);
        for (eight, channels) in io.parameters[HEADER..].chunks_exact(group).map(Channels::new).enumerate() {
            let outputs = Outputs::new(&channels, bounds);
            for x in 0..columns.positions {
                let (left, across) = columns.window(x);
                let mut sums = outputs.biases;
                for i in Range::clone(&inside) {
                    let row = top.wrapping_add(i) * columns.length;
                    for j in Range::clone(&across) {
                        let pixel = &input[(row + left.wrapping_add(j)) * in_stride..][..pairs];
                        let (weights, _) = channels.weights[(i * columns.kernel + j) * pairs * 2..].as_chunks::<2>();
                        for (&pair, &weights) in pixel.iter().zip(weights) {
                            let value = I16x8::splat_pair(pair);
                            for (sum, weights) in sums.iter_mut().zip(weights) {
                                *sum = sum.plus(value.dot(I16x8::load(weights)));
                            }
                        }
                    }
                }
                output[x * out_stride + eight] = outputs.of(sums);
            }
        }
    }
}
