//! Register tiles of four pixels × eight output channels. Pixels are taken in blocks whose inputs stay in the L1
//! cache while the weights stream past once.

use super::Bend;
use crate::lane::{F32x4, Vec4, lanes};
use crate::{Io, Pointwise};

/// Inputs of one block of pixels: half of a small L1 cache.
const BLOCK_BYTES: usize = 16 << 10;
const TILE_PIXELS: usize = 4;

/// See the reference.
pub fn run(p: &Pointwise, io: Io<'_>) {
    let in_channels = p.in_channels as usize;
    let out_lanes = p.out_lanes as usize;
    let in_stride = lanes(in_channels) * 4;
    let input: &[f32] = bytemuck::cast_slice(io.input);
    let bend = Bend::new(p.curve);
    let block = (BLOCK_BYTES / (in_stride * 4)).next_multiple_of(TILE_PIXELS).max(TILE_PIXELS);
    let side = (p.residual != 0).then_some(io.side);

    let rows = input.chunks(block * in_stride).zip(io.output.chunks_mut(block * out_lanes)).enumerate();
    for (index, (input, output)) in rows {
        let first = index * block;
        let side = side.map(|side| &side[first * out_lanes..][..output.len()]);
        let pixels = output.len() / out_lanes;
        let tile = Tile { in_channels, in_stride, out_lanes, bend };
        for (pair, parameters) in io.parameters.chunks(2 * (1 + in_channels)).enumerate() {
            let tiled = if parameters.len() > 1 + in_channels { pixels - pixels % TILE_PIXELS } else { 0 };
            for pixel in (0..tiled).step_by(TILE_PIXELS) {
                tile.pixels::<TILE_PIXELS, 2>(parameters, 2 * pair, pixel, input, side, output);
            }
            // Few: an odd last group, which no width that is a multiple of 8 has, and what is left of the last block.
            for (half, parameters) in parameters.chunks(1 + in_channels).enumerate() {
                for pixel in tiled..pixels {
                    tile.pixels::<1, 1>(parameters, 2 * pair + half, pixel, input, side, output);
                }
            }
        }
    }
}

struct Tile {
    in_channels: usize,
    in_stride: usize,
    out_lanes: usize,
    bend: Bend,
}

impl Tile {
    /// `P` pixels of a block for `G` groups of output channels, starting at `group`.
    #[inline(always)]
    fn pixels<const P: usize, const G: usize>(
        &self,
        parameters: &[Vec4],
        group: usize,
        pixel: usize,
        input: &[f32],
        side: Option<&[Vec4]>,
        output: &mut [Vec4],
    ) {
        let n = self.in_channels;
        let rows: [&[f32]; P] = std::array::from_fn(|i| &input[(pixel + i) * self.in_stride..][..n]);
        let weights: [&[Vec4]; G] = std::array::from_fn(|g| &parameters[g * (1 + n) + 1..][..n]);
        let mut sums: [[F32x4; G]; P] = [std::array::from_fn(|g| F32x4::load(parameters[g * (1 + n)])); P];
        for k in 0..n {
            let w: [F32x4; G] = std::array::from_fn(|g| F32x4::load(weights[g][k]));
            for (sums, row) in sums.iter_mut().zip(rows) {
                let x = F32x4::splat(row[k]);
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = sum.mul_add(x, w);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (g, sum) in sums.into_iter().enumerate() {
                let at = (pixel + i) * self.out_lanes + group + g;
                let bent = self.bend.apply(sum);
                output[at] = side.map_or(bent, |side| bent + F32x4::load(side[at])).store();
            }
        }
    }
}
