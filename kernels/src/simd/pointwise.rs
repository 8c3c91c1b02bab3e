//! Register tiles of four pixels × eight output channels. Pixels are taken in blocks whose inputs stay in a near cache, L1 or,
//! of many channels, L2, while the weights stream past once.

use super::{Bend, TILE_PIXELS, tiles};
use crate::lane::{F32x4, Vec4, lanes};
use crate::{Io, Pointwise};

/// Inputs of one block of pixels: half of a small L1 cache …
const BLOCK_BYTES: usize = 16 << 10;
/// … but no fewer pixels than pay for weights that come from L2 or, as those of the last layers do, from beyond: all of 7 × 7.
const LEAST_BLOCK: usize = 56;
/// Groups of output channels of a single pixel: enough independent sums to hide an addition's latency, and as many streams of
/// weights at once.
const GROUPS: usize = 8;

/// See the reference.
#[inline(never)]
pub fn run(p: &Pointwise, io: Io<'_>) {
    let in_channels = p.in_channels as usize;
    let out_lanes = p.out_lanes as usize;
    let in_stride = lanes(in_channels) * 4;
    let input: &[f32] = bytemuck::cast_slice(io.input);
    let bend = Bend::new(p.curve);
    let blocks = (p.pixels as usize / (BLOCK_BYTES / (in_stride * 4)).max(LEAST_BLOCK)).max(1);
    let block = (p.pixels as usize).div_ceil(blocks).next_multiple_of(TILE_PIXELS);

    let rows = input.chunks(block * in_stride).zip(io.output.chunks_mut(block * out_lanes)).enumerate();
    for (index, (input, output)) in rows {
        let first = index * block;
        let side = io.side.get(first * out_lanes..).unwrap_or_default();
        let pixels = output.len() / out_lanes;
        let tile = Tile { in_channels, in_stride, out_lanes, bend, residual: p.residual != 0 };
        if pixels >= TILE_PIXELS {
            for (pair, parameters) in io.parameters.chunks_exact(2 * (1 + in_channels)).enumerate() {
                for pixel in tiles(pixels) {
                    tile.pixels::<TILE_PIXELS, 2>(parameters, 2 * pair, pixel, input, side, output);
                }
            }
        }
        // Vectors, the smallest maps, and an odd last group, which no width that is a multiple of 8 has.
        let first = if pixels >= TILE_PIXELS { out_lanes & !1 } else { 0 };
        for pixel in 0..pixels {
            let mut group = first;
            while group < out_lanes {
                let parameters = &io.parameters[group * (1 + in_channels)..];
                if group + GROUPS <= out_lanes {
                    tile.pixels::<1, GROUPS>(parameters, group, pixel, input, side, output);
                    group += GROUPS;
                } else {
                    tile.pixels::<1, 1>(parameters, group, pixel, input, side, output);
                    group += 1;
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
    residual: bool,
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
        side: &[Vec4],
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
            let at = (pixel + i) * self.out_lanes + group;
            let mut bent = self.bend.apply_to(sums);
            if self.residual {
                let side = &side[at..][..G];
                bent = std::array::from_fn(|g| bent[g] + F32x4::load(side[g]));
            }
            for (output, bent) in output[at..][..G].iter_mut().zip(bent) {
                *output = bent.store();
            }
        }
    }
}
