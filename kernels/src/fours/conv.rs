//! Register tiles of four pixels × eight output channels of a convolution over a picture, whose pixels are four bytes each.

use super::{sums, write_again, write_tile};
use crate::Io;
use crate::header::Header;
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Channels, HEADER, IntegerConv, map, map_mut};
use crate::rounding::Outputs;
use crate::simd::{Axis, TILE_PIXELS, tiles};

/// Output pixels of a row that are taken together.
const SEGMENT: usize = 60;
/// Pixels of one row of the picture that a segment reads at most.
const COLUMNS: usize = SEGMENT * IntegerConv::MOST_STRIDE_OF_FOURS + IntegerConv::MOST_KERNEL_OF_FOURS;

#[inline(never)]
pub(crate) fn run(p: &IntegerConv, header: Header, io: Io<'_>) {
    let window = [p.kernel, p.stride, 1];
    let rows = Axis::new(p.in_height, p.out_height, p.pad_top, window);
    let columns = Axis::new(p.in_width, p.out_width, p.pad_left, window);
    let (kernel, out_width) = (columns.kernel, p.out_eights as usize);
    let (input, output) = (map(io.input), map_mut(io.output));
    let to_bytes = header.to_bytes();
    let group = header.dots.group(p.in_channels as usize, kernel * kernel);
    let mut bytes = [[0_u32; COLUMNS]; IntegerConv::MOST_KERNEL_OF_FOURS];
    for (y, output) in output.chunks_exact_mut(columns.positions * out_width).enumerate() {
        for (segment, output) in output.chunks_mut(SEGMENT * out_width).enumerate() {
            let (pixels, first) = (output.len() / out_width, segment * SEGMENT * columns.stride);
            // What lies beyond the last pixel of a short row is computed with it, and not kept.
            let computed = pixels.max(TILE_PIXELS);
            for (i, bytes) in bytes[..kernel].iter_mut().enumerate() {
                let row =
                    rows.inside_at(y * rows.stride + i).map(|row| &input[row * columns.length..][..columns.length]);
                for (j, bytes) in bytes[..(computed - 1) * columns.stride + kernel].iter_mut().enumerate() {
                    let value = row.and_then(|row| Some(row[columns.inside_at(first + j)?])).unwrap_or_default();
                    *bytes =
                        bytemuck::cast::<_, [u32; 4]>(to_bytes.of(I16x8::load(value), I16x8::load([0; 8])).store())[0];
                }
            }
            for (eight, channels) in
                io.parameters[HEADER..].chunks_exact(group).take(out_width).map(Channels::new).enumerate()
            {
                let outputs = Outputs::new(&channels, header.bounds);
                let weights = channels.weights.as_chunks::<2>().0;
                let add = |mut total: [[I32x4; 2]; TILE_PIXELS], pixel: usize| {
                    for (row, weights) in bytes.iter().zip(weights.chunks_exact(kernel)) {
                        let place = |i: usize| &row[(pixel + i) * columns.stride..][..kernel];
                        total = sums(total, std::array::from_fn(place), weights, header.dots);
                    }
                    total
                };
                for pixel in tiles(computed) {
                    let sums = add([outputs.biases; TILE_PIXELS], pixel);
                    if pixels < TILE_PIXELS {
                        for (x, &sums) in sums[..pixels].iter().enumerate() {
                            output[x * out_width + eight] = outputs.of(sums);
                        }
                        continue;
                    }
                    let output = &mut output[pixel * out_width + eight..];
                    if write_tile(sums, &outputs, output, out_width) {
                        write_again(&outputs, output, out_width, &|i| add([outputs.biases; TILE_PIXELS], pixel)[i]);
                    }
                }
            }
        }
    }
}
