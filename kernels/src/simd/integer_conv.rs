//! One pixel at a time, eight output channels, two input channels.

use super::Axis;
use crate::Io;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
use crate::header::Header;
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Bounds, Channels, Eight, HEADER, IntegerConv, eights, map_mut, pairs, words};
use crate::rounding::Outputs;
use std::ops::Range;

/// Pairs of channels from one pixel of the picture to the next.
const PICTURE_STRIDE: usize = 4;

/// Products of two input channels and eight output channels.
#[inline(always)]
fn add(sums: &mut [I32x4; 2], pair: i32, weights: [Eight; 2]) {
    let value = I16x8::splat_pair(pair);
    for (sum, weights) in sums.iter_mut().zip(weights) {
        *sum = sum.plus(value.dot(I16x8::load(weights)));
    }
}

/// See the reference.
pub fn run(p: &IntegerConv, io: Io<'_>) {
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    if let Some(header) = Header::of_fours(io.parameters) {
        return crate::fours::conv::run(p, header, io);
    }
    let bounds = Bounds::new(io.parameters[0]);
    let window = [p.kernel, p.stride, 1];
    let rows = Axis::new(p.in_height, p.out_height, p.pad_top, window);
    let columns = Axis::new(p.in_width, p.out_width, p.pad_left, window);
    let pairs = pairs(p.in_channels as usize);
    let (in_stride, out_stride) = (eights(p.in_channels as usize) * 4, p.out_eights as usize);
    let (input, output) = (words(io.input), map_mut(io.output));
    let group = (p.parameters() - HEADER) / out_stride;
    for (y, output) in output.chunks_exact_mut(columns.positions * out_stride).enumerate() {
        let (top, inside) = rows.window(y);
        for (eight, channels) in io.parameters[HEADER..].chunks_exact(group).map(Channels::new).enumerate() {
            let outputs = Outputs::new(&channels, bounds);
            for x in 0..columns.positions {
                let (left, across) = columns.window(x);
                let begin =
                    |i: usize| (top.wrapping_add(i) * columns.length + left.wrapping_add(across.start)) * in_stride;
                let mut sums = outputs.biases;
                if (p.kernel, pairs, inside.len(), across.len()) == (3, 2, 3, 3) {
                    // The stem of every published network, away from the edges.
                    for i in 0..3 {
                        let row = &input[begin(i)..][..3 * PICTURE_STRIDE];
                        let (weights, _) = channels.weights[i * 12..][..12].as_chunks::<2>();
                        for (k, &weights) in weights.iter().enumerate() {
                            add(&mut sums, row[k / 2 * PICTURE_STRIDE + k % 2], weights);
                        }
                    }
                } else {
                    for i in Range::clone(&inside) {
                        let row = &input[begin(i)..][..across.len() * in_stride];
                        let weights = &channels.weights[(i * columns.kernel + across.start) * pairs * 2..];
                        for (pixel, weights) in row.chunks_exact(in_stride).zip(weights.chunks_exact(pairs * 2)) {
                            for (&pair, &weights) in pixel.iter().zip(weights.as_chunks::<2>().0) {
                                add(&mut sums, pair, weights);
                            }
                        }
                    }
                }
                output[x * out_stride + eight] = outputs.of(sums);
            }
        }
    }
}
