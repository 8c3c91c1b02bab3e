//! Register tiles of four pixels × eight output channels, two input channels at a time. Pixels are taken in blocks whose
//! inputs stay in the L1 cache while the weights stream past once.

use super::TILE_PIXELS;
use crate::Io;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
use crate::header::Header;
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Bounds, Channels, Eight, HEADER, IntegerPointwise, eights, map_mut, pairs, words};
use crate::rounding::Outputs;

/// Inputs of one block of pixels: half of a small L1 cache.
const BLOCK_BYTES: usize = 16 << 10;

/// See the reference.
pub fn run(p: &IntegerPointwise, io: Io<'_>) {
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    if let Some(header) = Header::of_fours(io.parameters) {
        return crate::fours::pointwise::run(p, header, io);
    }
    let bounds = Bounds::new(io.parameters[0]);
    let pairs = pairs(p.in_channels as usize);
    let (in_stride, out_stride) = (eights(p.in_channels as usize) * 4, p.out_eights as usize);
    let (input, output) = (words(io.input), map_mut(io.output));
    let block = (BLOCK_BYTES / (in_stride * 4)).next_multiple_of(TILE_PIXELS).max(TILE_PIXELS);
    let group = (p.parameters() - HEADER) / out_stride;
    for (input, output) in input.chunks(block * in_stride).zip(output.chunks_mut(block * out_stride)) {
        for (eight, channels) in io.parameters[HEADER..].chunks_exact(group).map(Channels::new).enumerate() {
            let outputs = Outputs::new(&channels, bounds);
            let weights = &channels.weights[..pairs * 2];
            let mut tiles = input.chunks_exact(in_stride * TILE_PIXELS);
            let mut at = eight;
            for tile in &mut tiles {
                for sums in sums::<TILE_PIXELS>(tile, in_stride, weights, &outputs) {
                    output[at] = outputs.of(sums);
                    at += out_stride;
                }
            }
            for pixel in tiles.remainder().chunks_exact(in_stride) {
                let [sums] = sums::<1>(pixel, in_stride, weights, &outputs);
                output[at] = outputs.of(sums);
                at += out_stride;
            }
        }
    }
}

/// The sums of `P` pixels, `stride` pairs of channels apart.
#[inline(always)]
fn sums<const P: usize>(pixels: &[i32], stride: usize, weights: &[Eight], outputs: &Outputs<'_>) -> [[I32x4; 2]; P] {
    let (weights, _) = weights.as_chunks::<2>();
    let rows: [&[i32]; P] = std::array::from_fn(|i| &pixels[i * stride..][..weights.len()]);
    let mut sums = [outputs.biases; P];
    for (k, &weights) in weights.iter().enumerate() {
        let weights = weights.map(I16x8::load);
        for (sums, row) in sums.iter_mut().zip(rows) {
            let value = I16x8::splat_pair(row[k]);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = sum.plus(value.dot(weights));
            }
        }
    }
    sums
}
