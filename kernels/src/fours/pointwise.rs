//! Register tiles of four pixels × eight output channels, four input channels at a time. Pixels are taken in blocks whose
//! bytes stay in the L1 cache while the weights stream past once.

use super::{sums, write_again, write_tile};
use crate::Io;
use crate::dots::Bytes;
use crate::header::Header;
use crate::integer_lane::I16x8;
use crate::integers::{Channels, Eight, HEADER, IntegerPointwise, eights, fours, map, map_mut};
use crate::rounding::Outputs;
use crate::simd::{TILE_PIXELS, tiles};

/// Bytes of one block of pixels, in sixteens: half of a small L1 cache. One tile of the most channels fits.
const BLOCK: usize = 1024;

#[inline(never)]
pub(crate) fn run(p: &IntegerPointwise, header: Header, io: Io<'_>) {
    let (in_width, out_width) = (eights(p.in_channels as usize), p.out_eights as usize);
    let (width, fours) = (in_width.div_ceil(2), fours(p.in_channels as usize));
    let (input, output) = (map(io.input), map_mut(io.output));
    let mut bytes = [[0_u8; 16]; BLOCK];
    let block = (BLOCK / width / TILE_PIXELS).max(1) * TILE_PIXELS;
    let to_bytes = header.to_bytes();
    let group = header.dots.group(p.in_channels as usize, 1);
    for (input, output) in input.chunks(block * in_width).zip(output.chunks_mut(block * out_width)) {
        let pixels = input.len() / in_width;
        for (bytes, pixel) in bytes.chunks_exact_mut(width).zip(input.chunks_exact(in_width)) {
            let (pairs, rest) = pixel.as_chunks::<2>();
            for (bytes, &[low, high]) in bytes.iter_mut().zip(pairs) {
                *bytes = to_bytes.of(I16x8::load(low), I16x8::load(high)).store();
            }
            if let ([last], Some(bytes)) = (rest, bytes.last_mut()) {
                *bytes = to_bytes.of(I16x8::load(*last), I16x8::load([0; 8])).store();
            }
        }
        let bytes: &[u32] = bytemuck::cast_slice(&bytes[..pixels * width]);
        let width = width * size_of::<Bytes>() / size_of::<u32>();
        for (eight, channels) in
            io.parameters[HEADER..].chunks_exact(group).take(out_width).map(Channels::new).enumerate()
        {
            let outputs = Outputs::new(&channels, header.bounds);
            let weights = &channels.weights.as_chunks::<2>().0[..fours];
            let row = |pixel: usize| &bytes[pixel * width..][..fours];
            let single = |pixel: usize| {
                let [sums] = sums([outputs.biases], [row(pixel)], weights, header.dots);
                sums
            };
            if pixels < TILE_PIXELS {
                for pixel in 0..pixels {
                    output[pixel * out_width + eight] = outputs.of(single(pixel));
                }
                continue;
            }
            for pixel in tiles(pixels) {
                let rows = std::array::from_fn(|i| row(pixel + i));
                let sums = sums([outputs.biases; TILE_PIXELS], rows, weights, header.dots);
                let output: &mut [Eight] = &mut output[pixel * out_width + eight..];
                if write_tile(sums, &outputs, output, out_width) {
                    write_again(&outputs, output, out_width, &|i| single(pixel + i));
                }
            }
        }
    }
}
