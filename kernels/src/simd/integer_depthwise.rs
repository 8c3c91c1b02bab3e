//! Strips of rows, and eight channels at a time: two pixels together where their windows lie wholly inside the map, one at a
//! time at its edges.

use super::Axis;
use crate::Io;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
use crate::header::Header;
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Bounds, Channels, Eight, HEADER, IntegerDepthwise, map, map_mut};
use crate::rounding::Outputs;
use std::ops::Range;

/// Their sums and a row of weights fit sixteen registers; those of four pixels do not.
const TILE_PIXELS: usize = 2;
/// Inputs of the rows that are taken together: a quarter of a small L2 cache.
const STRIP_BYTES: usize = 64 << 10;

/// See the reference.
pub fn run(p: &IntegerDepthwise, io: Io<'_>) {
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
    if let Some(header) = Header::of_fours(io.parameters) {
        return crate::fours::depthwise::run(p, header, io);
    }
    let bounds = Bounds::new(io.parameters[0]);
    let window = [p.kernel, p.stride, p.dilation];
    let rows = Axis::new(p.in_height, p.out_height, p.pad_top, window);
    let columns = Axis::new(p.in_width, p.out_width, p.pad_left, window);
    let eights = p.eights as usize;
    let map = Map { rows, columns, eights, input: map(io.input) };
    // Other windows are rare, and have no body of their own.
    let tiles = matches!((p.kernel, p.stride, p.dilation), (3 | 5, 1 | 2, 1));
    let (inside, down) = (columns.inside(), rows.inside());
    let group = (p.parameters() - HEADER) / eights;
    let row = columns.positions * eights;
    // Rows are taken as many at a time as stay in the cache while their channels pass.
    let together = (STRIP_BYTES / (columns.length * eights * size_of::<Eight>() * rows.stride)).max(1);
    for (strip, output) in map_mut(io.output).chunks_mut(row * together).enumerate() {
        for (eight, channels) in io.parameters[HEADER..].chunks_exact(group).map(Channels::new).enumerate() {
            let outputs = Outputs::new(&channels, bounds);
            for (y, output) in (strip * together..).zip(output.chunks_exact_mut(row)) {
                let tiles = if tiles && down.contains(&y) { inside.len() / TILE_PIXELS } else { 0 };
                let tiled = inside.start..inside.start + tiles * TILE_PIXELS;
                for x in (0..tiled.start).chain(tiled.end..columns.positions) {
                    output[x * eights + eight] = outputs.of(map.pixel(y, x, eight, channels.weights, &outputs));
                }
                let place = Place { y, columns: tiled, eight };
                match (p.kernel, p.stride) {
                    (3, 1) => map.tiles::<3, 1>(place, channels.weights, &outputs, output),
                    (3, 2) => map.tiles::<3, 2>(place, channels.weights, &outputs, output),
                    (5, 1) => map.tiles::<5, 1>(place, channels.weights, &outputs, output),
                    _ => map.tiles::<5, 2>(place, channels.weights, &outputs, output),
                }
            }
        }
    }
}

/// Which pixels of a row, and which of its channels.
struct Place {
    y: usize,
    columns: Range<usize>,
    eight: usize,
}

struct Map<'a> {
    rows: Axis,
    columns: Axis,
    eights: usize,
    input: &'a [Eight],
}

#[inline(always)]
fn add(sums: &mut [I32x4; 2], value: I16x8, weight: I16x8) {
    for (sum, product) in sums.iter_mut().zip(value.times(weight)) {
        *sum = sum.plus(product);
    }
}

impl Map<'_> {
    /// One pixel, whose window may reach past the edges.
    fn pixel(&self, y: usize, x: usize, eight: usize, weights: &[Eight], outputs: &Outputs<'_>) -> [I32x4; 2] {
        let Axis { kernel, dilation, .. } = self.columns;
        let (top, rows) = self.rows.window(y);
        let (left, columns) = self.columns.window(x);
        let mut sums = outputs.biases;
        for i in rows {
            let row = top.wrapping_add(i * dilation) * self.columns.length;
            for j in Range::clone(&columns) {
                let value = self.input[(row + left.wrapping_add(j * dilation)) * self.eights + eight];
                add(&mut sums, I16x8::load(value), I16x8::load(weights[i * kernel + j]));
            }
        }
        sums
    }

    /// Pixels whose windows lie inside the map, two at a time: each input is loaded once for all of them.
    #[inline(always)]
    fn tiles<const K: usize, const S: usize>(
        &self,
        Place { y, columns, eight }: Place,
        weights: &[Eight],
        outputs: &Outputs<'_>,
        output: &mut [Eight],
    ) {
        let reach = (TILE_PIXELS - 1) * S + K;
        for x in columns.step_by(TILE_PIXELS) {
            let (top, left) = (y * S - self.rows.pad, x * S - self.columns.pad);
            let mut sums = [outputs.biases; TILE_PIXELS];
            for i in 0..K {
                let row = &self.input[((top + i) * self.columns.length + left) * self.eights..][..reach * self.eights];
                let weights: [I16x8; K] = std::array::from_fn(|j| I16x8::load(weights[i * K + j]));
                for column in 0..reach {
                    let value = I16x8::load(row[column * self.eights + eight]);
                    for (pixel, sums) in sums.iter_mut().enumerate() {
                        if (pixel * S..pixel * S + K).contains(&column) {
                            add(sums, value, weights[column - pixel * S]);
                        }
                    }
                }
            }
            for (i, sums) in sums.into_iter().enumerate() {
                output[(x + i) * self.eights + eight] = outputs.of(sums);
            }
        }
    }
}
