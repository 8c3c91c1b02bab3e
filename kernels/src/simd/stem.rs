//! Register tiles of four neighbouring pixels × eight output channels inside the map, single pixels at its edges.

use super::{Axis, Bend};
use crate::lane::{F32x4, Vec4};
use crate::{Conv, Io};
use std::ops::Range;

const TILE_PIXELS: usize = 4;

/// See the reference.
pub fn run(p: &Conv, io: Io<'_>) {
    let map = Map::new(p, io.input, io.parameters);
    let (lanes, width) = (map.lanes, map.columns.positions);
    let columns = map.columns.inside();
    for (y, output) in io.output.chunks_exact_mut(width * lanes).enumerate() {
        let tiled = columns.start..columns.start + columns.len() / TILE_PIXELS * TILE_PIXELS;
        for x in (0..width).filter(|x| !tiled.contains(x)) {
            map.pixels::<1>(y, x, &mut output[x * lanes..][..lanes]);
        }
        for x in tiled.step_by(TILE_PIXELS) {
            map.pixels::<TILE_PIXELS>(y, x, &mut output[x * lanes..][..TILE_PIXELS * lanes]);
        }
    }
}

struct Map<'a> {
    rows: Axis,
    columns: Axis,
    /// Of the output.
    lanes: usize,
    /// Of the input.
    channels: usize,
    bend: Bend,
    input: &'a [Vec4],
    parameters: &'a [Vec4],
}

impl<'a> Map<'a> {
    fn new(p: &Conv, input: &'a [Vec4], parameters: &'a [Vec4]) -> Self {
        let window = [p.kernel, p.stride, 1];
        Self {
            rows: Axis::new(p.in_height, p.out_height, p.pad_top, window),
            columns: Axis::new(p.in_width, p.out_width, p.pad_left, window),
            lanes: p.out_lanes as usize,
            channels: p.in_channels as usize,
            bend: Bend::new(p.curve),
            input,
            parameters,
        }
    }

    /// All channels of `P` neighbouring pixels. Only a single one (`P = 1`) may reach past the left or right edge.
    /// Pairs of groups are for tiles; elsewhere, where little is computed, a second copy of the loop would be dead weight.
    #[inline(always)]
    fn pixels<const P: usize>(&self, y: usize, x: usize, output: &mut [Vec4]) {
        let group = 1 + self.columns.kernel * self.columns.kernel * self.channels;
        for (pair, parameters) in self.parameters.chunks(2 * group).enumerate() {
            if P > 1 && parameters.len() > group {
                self.groups::<P, 2>(y, x, 2 * pair, parameters, output);
                continue;
            }
            for (half, parameters) in parameters.chunks(group).enumerate() {
                for n in 0..P {
                    self.groups::<1, 1>(y, x + n, 2 * pair + half, parameters, &mut output[n * self.lanes..]);
                }
            }
        }
    }

    #[inline(always)]
    fn groups<const P: usize, const G: usize>(
        &self,
        y: usize,
        x: usize,
        group: usize,
        parameters: &[Vec4],
        output: &mut [Vec4],
    ) {
        let Axis { kernel, stride, length: width, .. } = self.columns;
        let channels = self.channels;
        let length = 1 + kernel * kernel * channels;
        let (top, rows) = self.rows.window(y);
        let (left, columns) = self.columns.window(x);
        let mut sums: [[F32x4; G]; P] = [std::array::from_fn(|g| F32x4::load(parameters[g * length])); P];
        for i in rows {
            let row = &self.input[top.wrapping_add(i) * width..][..width];
            for j in Range::clone(&columns) {
                let at = left.wrapping_add(j);
                let pixels: [Vec4; P] = std::array::from_fn(|n| row[at + n * stride]);
                for c in 0..channels {
                    let tap = 1 + (i * kernel + j) * channels + c;
                    let w: [F32x4; G] = std::array::from_fn(|g| F32x4::load(parameters[g * length + tap]));
                    for (sums, pixel) in sums.iter_mut().zip(pixels) {
                        for (sum, w) in sums.iter_mut().zip(w) {
                            *sum = sum.mul_add(F32x4::splat(pixel[c]), w);
                        }
                    }
                }
            }
        }
        for (n, sums) in sums.into_iter().enumerate() {
            for (g, sum) in sums.into_iter().enumerate() {
                output[n * self.lanes + group + g] = self.bend.apply(sum).store();
            }
        }
    }
}
