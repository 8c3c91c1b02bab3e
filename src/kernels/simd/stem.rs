//! Register tiles of four neighbouring pixels × eight output channels inside the map, single pixels at its edges.

use super::{Clamp, inside, window};
use crate::kernels::{Conv, Io};
use crate::lane::{F32x4, Vec4};
use std::ops::Range;

const TILE_PIXELS: usize = 4;

/// See the reference.
pub fn run(p: &Conv, io: Io<'_>) {
    let kernel = p.kernel as usize;
    let map = Map { p, input: io.input, parameters: io.parameters, clamp: Clamp::new(p.low, p.high) };
    let (lanes, width) = (p.out_lanes as usize, p.out_width as usize);
    let columns = inside(width, p.stride as usize, p.pad_left as usize, kernel, p.in_width as usize);
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
    p: &'a Conv,
    input: &'a [Vec4],
    parameters: &'a [Vec4],
    clamp: Clamp,
}

impl Map<'_> {
    /// All channels of `P` neighbouring pixels. Only a single one (`P = 1`) may reach past the left or right edge.
    #[inline(always)]
    fn pixels<const P: usize>(&self, y: usize, x: usize, output: &mut [Vec4]) {
        let group = 1 + (self.p.kernel * self.p.kernel * self.p.in_channels) as usize;
        for (pair, parameters) in self.parameters.chunks(2 * group).enumerate() {
            if parameters.len() > group {
                self.groups::<P, 2>(y, x, 2 * pair, parameters, output);
            } else {
                self.groups::<P, 1>(y, x, 2 * pair, parameters, output);
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
        let p = self.p;
        let (kernel, channels, stride) = (p.kernel as usize, p.in_channels as usize, p.stride as usize);
        let length = 1 + kernel * kernel * channels;
        let (top, rows) = window(y, stride, p.pad_top as usize, kernel, p.in_height as usize);
        let (left, columns) = window(x, stride, p.pad_left as usize, kernel, p.in_width as usize);
        let mut sums: [[F32x4; G]; P] = [std::array::from_fn(|g| F32x4::load(parameters[g * length])); P];
        for i in rows {
            let row = &self.input[top.wrapping_add(i) * p.in_width as usize..][..p.in_width as usize];
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
        let lanes = p.out_lanes as usize;
        for (n, sums) in sums.into_iter().enumerate() {
            for (g, sum) in sums.into_iter().enumerate() {
                output[n * lanes + group + g] = self.clamp.apply(sum).store();
            }
        }
    }
}
