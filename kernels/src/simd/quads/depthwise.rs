//! Rows of eight channels, turned so that four rows of a channel are neighbours: one product is four rows of the window.

use super::{TILE_PIXELS, write_again, write_tile};
use crate::Io;
use crate::dots::Bytes;
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Channels, Eight, HEADER, Header, IntegerDepthwise, map, map_mut};
use crate::rounding::Outputs;
use crate::simd::Axis;

/// Output pixels of a row that are taken together.
const SEGMENT: usize = 56;
/// Of what a window of five rows reads at a stride of two, eight channels and eight rows.
const BUFFER: usize = (SEGMENT * 2 + 3) * 4;
/// Inputs of the rows that are taken together: a quarter of a small L2 cache.
const STRIP_BYTES: usize = 64 << 10;

#[inline(never)]
pub(in super::super) fn run(p: &IntegerDepthwise, header: Header, io: Io<'_>) {
    let window = [p.kernel, p.stride, 1];
    let rows = Axis::new(p.in_height, p.out_height, p.pad_top, window);
    let columns = Axis::new(p.in_width, p.out_width, p.pad_left, window);
    let eights = p.eights as usize;
    let map = Map { rows, columns, eights, header, input: map(io.input) };
    let group = (p.parameters() - HEADER) / eights;
    let row = columns.positions * eights;
    // Rows are taken as many at a time as stay in the cache while their channels pass.
    let together = (STRIP_BYTES / (columns.length * eights * size_of::<Eight>() * rows.stride)).max(1);
    let mut bytes = [[0_u8; 16]; BUFFER];
    for (strip, output) in map_mut(io.output).chunks_mut(row * together).enumerate() {
        for (eight, channels) in io.parameters[HEADER..].chunks_exact(group).map(Channels::new).enumerate() {
            let outputs = Outputs::new(&channels, header.bounds);
            for (y, output) in (strip * together..).zip(output.chunks_exact_mut(row)) {
                for (segment, output) in output.chunks_mut(SEGMENT * eights).enumerate() {
                    let place = Place { y, first: segment * SEGMENT, pixels: output.len() / eights, eight };
                    match (p.kernel, p.stride) {
                        (3, 1) => map.segment::<3, 1, 2>(&place, &mut bytes, &outputs, &channels, output),
                        (3, 2) => map.segment::<3, 2, 2>(&place, &mut bytes, &outputs, &channels, output),
                        (5, 1) => map.segment::<5, 1, 4>(&place, &mut bytes, &outputs, &channels, output),
                        _ => map.segment::<5, 2, 4>(&place, &mut bytes, &outputs, &channels, output),
                    }
                }
            }
        }
    }
}

/// Which pixels of an output row, and which of its channels.
struct Place {
    y: usize,
    first: usize,
    pixels: usize,
    eight: usize,
}

struct Map<'a> {
    rows: Axis,
    columns: Axis,
    eights: usize,
    header: Header,
    input: &'a [Eight],
}

impl Map<'_> {
    /// Of windows of `K` rows, `S` apart; a column of them is `H` times four channels.
    #[inline(always)]
    fn segment<const K: usize, const S: usize, const H: usize>(
        &self,
        place: &Place,
        bytes: &mut [[u8; 16]],
        outputs: &Outputs<'_>,
        channels: &Channels<'_>,
        output: &mut [Eight],
    ) {
        let bytes = &mut bytes.as_chunks_mut::<H>().0[..(place.pixels - 1) * S + K];
        self.turn::<K, S, H>(place, bytes);
        let weights: &[[u8; 16]] = bytemuck::cast_slice(&channels.weights[..K * H]);
        let weights = weights.as_chunks::<H>().0;
        let mut x = 0;
        while x + TILE_PIXELS <= place.pixels {
            let sums = self.sums::<TILE_PIXELS, K, S, H>(&bytes[x * S..], weights, outputs);
            let output = &mut output[x * self.eights + place.eight..];
            if write_tile(sums, outputs, output, self.eights) {
                let single = |i: usize| self.single::<K, S, H>(&bytes[(x + i) * S..], weights, outputs);
                write_again(outputs, output, self.eights, &single);
            }
            x += TILE_PIXELS;
        }
        for x in x..place.pixels {
            output[x * self.eights + place.eight] =
                outputs.of(self.single::<K, S, H>(&bytes[x * S..], weights, outputs));
        }
    }

    /// Columns of the input as bytes, the rows of each channel side by side.
    #[inline(always)]
    fn turn<const K: usize, const S: usize, const H: usize>(&self, place: &Place, bytes: &mut [[[u8; 16]; H]]) {
        let to_bytes = self.header.to_bytes();
        let length = self.columns.length * self.eights;
        // Where a row lies outside the map another one is read, and nothing of it kept.
        let rows: [(&[Eight], I16x8); K] = std::array::from_fn(|i| {
            let row = self.rows.inside_at(place.y * S + i);
            let values = &self.input[row.unwrap_or(0) * length..][..length];
            (values, I16x8::load([if row.is_some() { -1 } else { 0 }; 8]))
        });
        let first = place.first * S;
        for (j, bytes) in bytes.iter_mut().enumerate() {
            let Some(column) = self.columns.inside_at(first + j) else {
                *bytes = [to_bytes.of(I16x8::load([0; 8]), I16x8::load([0; 8])).store(); H];
                continue;
            };
            let value = |i: usize| match rows.get(i) {
                Some((row, mask)) => I16x8::load(row[column * self.eights + place.eight]).and(*mask),
                None => I16x8::load([0; 8]),
            };
            for (four, bytes) in bytes.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                let rows = |a: usize, b: usize| to_bytes.of(value(four * 4 + a), value(four * 4 + b));
                *bytes = rows(0, 2).fours(rows(1, 3)).map(Bytes::store);
            }
        }
    }

    /// The sums of one pixel.
    #[inline(never)]
    fn single<const K: usize, const S: usize, const H: usize>(
        &self,
        bytes: &[[[u8; 16]; H]],
        weights: &[[[u8; 16]; H]],
        outputs: &Outputs<'_>,
    ) -> [I32x4; 2] {
        let [sums] = self.sums::<1, K, S, H>(bytes, weights, outputs);
        sums
    }

    /// The sums of `P` pixels.
    #[inline(always)]
    fn sums<const P: usize, const K: usize, const S: usize, const H: usize>(
        &self,
        bytes: &[[[u8; 16]; H]],
        weights: &[[[u8; 16]; H]],
        outputs: &Outputs<'_>,
    ) -> [[I32x4; 2]; P] {
        let bytes = &bytes[..(P - 1) * S + K];
        let mut sums = [outputs.biases; P];
        for half in 0..2 {
            for (j, weights) in weights[..K].iter().enumerate() {
                for four in 0..H / 2 {
                    let weights = Bytes::load(weights[four * 2 + half]);
                    for (pixel, sums) in sums.iter_mut().enumerate() {
                        let values = Bytes::load(bytes[pixel * S + j][four * 2 + half]);
                        sums[half] = sums[half].plus_dots(weights, values, self.header.dots);
                    }
                }
            }
        }
        sums
    }
}
