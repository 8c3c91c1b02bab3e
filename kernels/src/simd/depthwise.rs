//! Tiles of four neighbouring output pixels: each input is loaded once for all of them.

use super::{Axis, Bend, TILE_PIXELS, tiles};
use crate::lane::{F32x4, Vec4};
use crate::{Depthwise, Io};
use std::ops::Range;

/// See the reference.
pub fn run(p: &Depthwise, io: Io<'_>) {
    let map = Map::new(p, io.input, io.parameters);
    match (p.kernel, p.stride, p.dilation) {
        _ if map.columns.positions < TILE_PIXELS => map.pixels(io.output),
        (3, 1, 1) => map.tiles::<3, 1, 6>(io.output),
        (3, 2, 1) => map.tiles::<3, 2, 9>(io.output),
        (5, 1, 1) => map.tiles::<5, 1, 8>(io.output),
        (5, 2, 1) => map.tiles::<5, 2, 11>(io.output),
        _ => map.pixels(io.output),
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

    /// One pixel at a time: rare kernels, dilation, and maps narrower than a tile.
    fn pixels(&self, output: &mut [Vec4]) {
        let width = self.columns.positions;
        for (at, output) in output.chunks_exact_mut(self.lanes).enumerate() {
            self.pixel(at / width, at % width, output);
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

    /// The whole map, for windows of `K` pixels at steps of `S`; the windows of a tile span `R` columns.
    #[inline(never)]
    fn tiles<const K: usize, const S: usize, const R: usize>(&self, output: &mut [Vec4]) {
        const { assert!(R == (TILE_PIXELS - 1) * S + K) };
        let (lanes, row, bend) = (self.lanes, self.columns.length * self.lanes, self.bend);
        for (y, output) in output.chunks_exact_mut(self.columns.positions * lanes).enumerate() {
            let (top, present) = self.rows.window(y);
            let rows: [Option<&[Vec4]>; K] =
                std::array::from_fn(|i| present.contains(&i).then(|| &self.input[top.wrapping_add(i) * row..][..row]));
            for x in tiles(self.columns.positions) {
                let output = &mut output[x * lanes..][..TILE_PIXELS * lanes];
                let (left, _) = self.columns.window(x);
                Tile { lanes, bend, parameters: self.parameters, left }.run::<K, S, R>(&rows, output);
            }
        }
    }
}

/// Four pixels of one row of the output.
struct Tile<'a> {
    lanes: usize,
    bend: Bend,
    parameters: &'a [Vec4],
    /// The first column that it sees; may lie before the row, hence wrapping arithmetic.
    left: usize,
}

impl Tile<'_> {
    /// All channels. Rows outside the map are none.
    #[inline(always)]
    fn run<const K: usize, const S: usize, const R: usize>(self, rows: &[Option<&[Vec4]>; K], output: &mut [Vec4]) {
        let Self { lanes, bend, parameters, left } = self;
        for (lane, parameters) in parameters.chunks_exact(1 + K * K).enumerate().take(lanes) {
            let mut sums = [F32x4::load(parameters[0]); TILE_PIXELS];
            for (i, row) in rows.iter().enumerate() {
                let Some(row) = row else { continue };
                let weights: [F32x4; K] = std::array::from_fn(|j| F32x4::load(parameters[1 + i * K + j]));
                for column in 0..R {
                    // Left of the row this is beyond its end. A body without the question for tiles inside is no faster.
                    let at = left.wrapping_add(column).wrapping_mul(lanes).wrapping_add(lane);
                    let value = row.get(at).copied().unwrap_or_default();
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        if (pixel * S..pixel * S + K).contains(&column) {
                            *sum = sum.mul_add(F32x4::load(value), weights[column - pixel * S]);
                        }
                    }
                }
            }
            let bent = bend.apply_to(sums);
            for pixel in 0..TILE_PIXELS {
                output[pixel * lanes + lane] = bent[pixel].store();
            }
        }
    }
}
