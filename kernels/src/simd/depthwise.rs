//! Tiles of four neighbouring output pixels: each input is loaded once for all of them, and their sums stay in registers for
//! all rows of the windows.

use super::{Axis, Bend, TILE_PIXELS, tiles};
use crate::lane::{F32x4, Vec4};
use crate::{Depthwise, Io};
use std::ops::Range;

/// Groups of channels of a map that tiles cover; wider ones are computed pixel by pixel.
const MOST_LANES: usize = 512;

/// A pixel left or right of the map.
const OUTSIDE: &[Vec4; MOST_LANES] = &[[0.0; 4]; MOST_LANES];

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
        const { assert!(R == (TILE_PIXELS - 1) * S + K && K <= 5) };
        let lanes = self.lanes;
        let mut seen: [[&[Vec4]; R]; K] = [[&[]; R]; K];
        for (y, output) in output.chunks_exact_mut(self.columns.positions * lanes).enumerate() {
            let (top, present) = self.rows.window(y);
            for x in tiles(self.columns.positions) {
                let (left, _) = self.columns.window(x);
                for i in Range::clone(&present) {
                    self.look(top.wrapping_add(i), left, &mut seen[i]);
                }
                let tile = Tile { lanes, bend: self.bend, parameters: self.parameters };
                tile.run::<K, S, R>(&present, &seen, &mut output[x * lanes..][..TILE_PIXELS * lanes]);
            }
        }
    }

    /// The pixels of row `y` from `left` on, all channels of each.
    #[inline(never)]
    fn look(&self, y: usize, left: usize, seen: &mut [&'a [Vec4]]) {
        let (lanes, width) = (self.lanes, self.columns.length);
        for (j, seen) in seen.iter_mut().enumerate() {
            // Left of the row this is beyond its end.
            let column = left.wrapping_add(j);
            let inside = (column < width).then(|| &self.input[(y * width + column) * lanes..]);
            *seen = &inside.unwrap_or(OUTSIDE)[..lanes];
        }
    }
}

/// Four pixels of one row of the output.
struct Tile<'a> {
    lanes: usize,
    bend: Bend,
    parameters: &'a [Vec4],
}

impl Tile<'_> {
    /// All channels, of the rows of the windows that are `present`.
    #[inline(always)]
    fn run<const K: usize, const S: usize, const R: usize>(
        self,
        present: &Range<usize>,
        seen: &[[&[Vec4]; R]; K],
        output: &mut [Vec4],
    ) {
        let Self { lanes, bend, parameters } = self;
        let row = |i: usize| (i < K && present.contains(&i)).then(|| seen[i].map(|pixel| &pixel[..lanes]));
        let rows = (row(0), row(1), row(2), row(3), row(4));
        let (left, right) = output.split_at_mut(2 * lanes);
        let (first, second) = left.split_at_mut(lanes);
        let (third, fourth) = right.split_at_mut(lanes);
        let fourth = &mut fourth[..lanes];
        for (lane, parameters) in parameters.chunks_exact(1 + K * K).enumerate().take(lanes) {
            let mut sums = [F32x4::load(parameters[0]); TILE_PIXELS];
            // Written out: in a loop, where the pixels lie would be read from memory again for each group of channels. Asked
            // for one by one: in one piece, compilers compute pixel after pixel, which takes more registers than there are.
            if let Some(row) = &rows.0 {
                add::<K, S, R>(0, row, lane, parameters, &mut sums);
            }
            if let Some(row) = &rows.1 {
                add::<K, S, R>(1, row, lane, parameters, &mut sums);
            }
            if let Some(row) = &rows.2 {
                add::<K, S, R>(2, row, lane, parameters, &mut sums);
            }
            if let Some(row) = &rows.3 {
                add::<K, S, R>(3, row, lane, parameters, &mut sums);
            }
            if let Some(row) = &rows.4 {
                add::<K, S, R>(4, row, lane, parameters, &mut sums);
            }
            let bent = bend.apply_to(sums);
            first[lane] = bent[0].store();
            second[lane] = bent[1].store();
            third[lane] = bent[2].store();
            fourth[lane] = bent[3].store();
        }
    }
}

/// Adds row `i` of the windows of four pixels.
#[inline(always)]
fn add<const K: usize, const S: usize, const R: usize>(
    i: usize,
    row: &[&[Vec4]; R],
    lane: usize,
    parameters: &[Vec4],
    sums: &mut [F32x4; TILE_PIXELS],
) {
    let weights: [F32x4; K] = std::array::from_fn(|j| F32x4::load(parameters[1 + i * K + j]));
    for (column, pixel) in row.iter().enumerate() {
        let value = F32x4::load(pixel[lane]);
        for (at, sum) in sums.iter_mut().enumerate() {
            if (at * S..at * S + K).contains(&column) {
                *sum = sum.mul_add(value, weights[column - at * S]);
            }
        }
    }
}
