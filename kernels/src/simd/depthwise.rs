//! Four output pixels of a row at a time where the window lies wholly inside the map, one at a time at its edges.

use super::{Axis, Bend};
use crate::lane::{F32x4, Vec4};
use crate::{Depthwise, Io};
use std::ops::Range;

const TILE_PIXELS: usize = 4;

/// See the reference.
pub fn run(p: &Depthwise, io: Io<'_>) {
    let map = Map::new(p, io.input, io.parameters);
    let (lanes, width) = (map.lanes, map.columns.positions);
    let (columns, rows) = (map.columns.inside(), map.rows.inside());
    let tile = match (p.kernel, p.stride, p.dilation) {
        (3, 1, 1) => Map::tile::<3, 1>,
        (3, 2, 1) => Map::tile::<3, 2>,
        (5, 1, 1) => Map::tile::<5, 1>,
        (5, 2, 1) => Map::tile::<5, 2>,
        _ => Map::single_pixels,
    };
    for (y, output) in io.output.chunks_exact_mut(width * lanes).enumerate() {
        let tiled = if rows.contains(&y) { columns.len() / TILE_PIXELS * TILE_PIXELS } else { 0 };
        let tiled = columns.start..columns.start + tiled;
        for (x, output) in output.chunks_exact_mut(lanes).enumerate().filter(|(x, _)| !tiled.contains(x)) {
            map.pixel(y, x, output);
        }
        let tiles = output[tiled.start * lanes..tiled.end * lanes].chunks_exact_mut(TILE_PIXELS * lanes);
        for (i, output) in tiles.enumerate() {
            tile(&map, y, tiled.start + i * TILE_PIXELS, output);
        }
    }
}

struct Map<'a> {
    rows: Axis,
    columns: Axis,
    lanes: usize,
    bend: Bend,
    input: &'a [Vec4],
    parameters: &'a [Vec4],
}

impl<'a> Map<'a> {
    fn new(p: &Depthwise, input: &'a [Vec4], parameters: &'a [Vec4]) -> Self {
        let window = [p.kernel, p.stride, p.dilation];
        Self {
            rows: Axis::new(p.in_height, p.out_height, p.pad_top, window),
            columns: Axis::new(p.in_width, p.out_width, p.pad_left, window),
            lanes: p.lanes as usize,
            bend: Bend::new(p.curve),
            input,
            parameters,
        }
    }

    /// All channels of one pixel, whose window may reach past the edges.
    fn pixel(&self, y: usize, x: usize, output: &mut [Vec4]) {
        let Axis { kernel, dilation, .. } = self.columns;
        let (top, rows) = self.rows.window(y);
        let (left, columns) = self.columns.window(x);
        for (lane, (output, parameters)) in
            output.iter_mut().zip(self.parameters.chunks_exact(1 + kernel * kernel)).enumerate()
        {
            let mut sum = F32x4::load(parameters[0]);
            for i in Range::clone(&rows) {
                let row = top.wrapping_add(i * dilation) * self.columns.length;
                for j in Range::clone(&columns) {
                    let value = self.input[(row + left.wrapping_add(j * dilation)) * self.lanes + lane];
                    sum = sum.mul_add(F32x4::load(value), F32x4::load(parameters[1 + i * kernel + j]));
                }
            }
            *output = self.bend.apply(sum).store();
        }
    }

    /// A tile of a window that has no body of its own: rare kernels, and dilation.
    fn single_pixels(&self, y: usize, x: usize, output: &mut [Vec4]) {
        for (i, output) in output.chunks_exact_mut(self.lanes).enumerate() {
            self.pixel(y, x + i, output);
        }
    }

    /// All channels of four pixels whose windows lie inside the map: each input is loaded once for all of them.
    fn tile<const K: usize, const S: usize>(&self, y: usize, x: usize, output: &mut [Vec4]) {
        let lanes = self.lanes;
        let reach = (TILE_PIXELS - 1) * S + K;
        let (top, left) = (y * S - self.rows.pad, x * S - self.columns.pad);
        let rows: [&[Vec4]; K] =
            std::array::from_fn(|i| &self.input[((top + i) * self.columns.length + left) * lanes..][..reach * lanes]);
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
                output[pixel * lanes + lane] = self.bend.apply(sum).store();
            }
        }
    }
}
