//! Four output pixels of a row at a time where the window lies wholly inside the map, one at a time at its edges.

use super::{Clamp, inside, window};
use crate::kernels::{Depthwise, Io};
use crate::lane::{F32x4, Vec4};
use std::ops::Range;

const TILE_PIXELS: usize = 4;

/// See the reference.
pub fn run(p: &Depthwise, io: Io<'_>) {
    let kernel = p.kernel as usize;
    let map = Map { p, input: io.input, parameters: io.parameters, clamp: Clamp::new(p.low, p.high) };
    let lanes = p.lanes as usize;
    let width = p.out_width as usize;
    let columns = inside(width, p.stride as usize, p.pad_left as usize, kernel, p.in_width as usize);
    let rows = inside(p.out_height as usize, p.stride as usize, p.pad_top as usize, kernel, p.in_height as usize);
    for (y, output) in io.output.chunks_exact_mut(width * lanes).enumerate() {
        let tiled = if rows.contains(&y) { columns.len() / TILE_PIXELS * TILE_PIXELS } else { 0 };
        for (x, output) in output.chunks_exact_mut(lanes).enumerate() {
            if !(columns.start..columns.start + tiled).contains(&x) {
                map.edge(y, x, output);
            }
        }
        if tiled == 0 {
            continue;
        }
        let start = columns.start;
        for (i, output) in output[start * lanes..][..tiled * lanes].chunks_exact_mut(TILE_PIXELS * lanes).enumerate() {
            let x = start + i * TILE_PIXELS;
            match (kernel, p.stride) {
                (3, 1) => map.tile::<3, 1>(y, x, output),
                (3, 2) => map.tile::<3, 2>(y, x, output),
                _ => output.chunks_exact_mut(lanes).enumerate().for_each(|(i, output)| map.edge(y, x + i, output)),
            }
        }
    }
}

struct Map<'a> {
    p: &'a Depthwise,
    input: &'a [Vec4],
    parameters: &'a [Vec4],
    clamp: Clamp,
}

impl Map<'_> {
    /// All channels of one pixel, whose window may reach past the edges.
    fn edge(&self, y: usize, x: usize, output: &mut [Vec4]) {
        let p = self.p;
        let (kernel, lanes) = (p.kernel as usize, p.lanes as usize);
        let (top, rows) = window(y, p.stride as usize, p.pad_top as usize, kernel, p.in_height as usize);
        let (left, columns) = window(x, p.stride as usize, p.pad_left as usize, kernel, p.in_width as usize);
        for (lane, (output, parameters)) in
            output.iter_mut().zip(self.parameters.chunks_exact(1 + kernel * kernel)).enumerate()
        {
            let mut sum = F32x4::load(parameters[0]);
            for i in Range::clone(&rows) {
                let row = top.wrapping_add(i) * p.in_width as usize;
                for j in Range::clone(&columns) {
                    let value = self.input[(row + left.wrapping_add(j)) * lanes + lane];
                    sum = sum.mul_add(F32x4::load(value), F32x4::load(parameters[1 + i * kernel + j]));
                }
            }
            *output = self.clamp.apply(sum).store();
        }
    }

    /// All channels of four pixels whose windows lie inside the map: each input is loaded once for all of them.
    #[inline(always)]
    fn tile<const K: usize, const S: usize>(&self, y: usize, x: usize, output: &mut [Vec4]) {
        let p = self.p;
        let lanes = p.lanes as usize;
        let reach = (TILE_PIXELS - 1) * S + K;
        let (top, left) = (y * S - p.pad_top as usize, x * S - p.pad_left as usize);
        let rows: [&[Vec4]; K] =
            std::array::from_fn(|i| &self.input[((top + i) * p.in_width as usize + left) * lanes..][..reach * lanes]);
        for (lane, parameters) in self.parameters.chunks_exact(1 + K * K).enumerate() {
            let mut sums = [F32x4::load(parameters[0]); TILE_PIXELS];
            for (i, row) in rows.iter().enumerate() {
                let weights: [F32x4; K] = std::array::from_fn(|j| F32x4::load(parameters[1 + i * K + j]));
                for column in 0..reach {
                    let value = F32x4::load(row[column * lanes + lane]);
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        if (pixel * S..pixel * S + K).contains(&column) {
                            *sum = sum.mul_add(value, weights[column - pixel * S]);
                        }
                    }
                }
            }
            for (pixel, sum) in sums.into_iter().enumerate() {
                output[pixel * lanes + lane] = self.clamp.apply(sum).store();
            }
        }
    }
}
