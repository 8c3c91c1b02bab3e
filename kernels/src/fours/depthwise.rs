//! Rows of eight channels, turned so that four rows of a channel are neighbours: one product is four rows of the window.

use super::{write_again, write_tile};
use crate::Io;
use crate::dots::{Bytes, Dots};
use crate::header::Header;
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{Channels, Eight, HEADER, IntegerDepthwise, map, map_mut};
use crate::rounding::Outputs;
use crate::simd::{Axis, TILE_PIXELS};

/// Output pixels of a row that are taken together.
const SEGMENT: usize = 56;
/// Of what a window of five rows reads at a stride of two, eight channels and eight rows.
const BUFFER: usize = (SEGMENT * 2 + 3) * 4;
/// Groups of eight channels that share a line of the cache: their part of the rows under a window stays in L1.
const LINE: usize = 4;

#[inline(never)]
pub(crate) fn run(p: &IntegerDepthwise, header: Header, io: Io<'_>) {
    let window = [p.kernel, p.stride, 1];
    let rows = Axis::new(p.in_height, p.out_height, p.pad_top, window);
    let columns = Axis::new(p.in_width, p.out_width, p.pad_left, window);
    let eights = p.eights as usize;
    let map = Map { rows, columns, eights, header, input: map(io.input) };
    let group = (p.parameters() - HEADER) / eights;
    let channels = |eight: usize| Channels::new(&io.parameters[HEADER + eight * group..][..group]);
    let row = columns.positions * eights;
    let output = map_mut(io.output);
    let mut bytes = [[0_u8; 16]; BUFFER];
    // Two rows of outputs have most rows of inputs in common where windows are one apart.
    let rows_each = if p.stride == 1 { 2 } else { 1 };
    for line in (0..eights).step_by(LINE) {
        let outputs: [Outputs<'_>; LINE] =
            std::array::from_fn(|i| Outputs::new(&channels((line + i).min(eights - 1)), header.bounds));
        for (step, output) in output.chunks_mut(row * rows_each).enumerate() {
            let (upper, lower) = output.split_at_mut(row);
            for (eight, outputs) in (line..eights).zip(&outputs) {
                for first in (0..columns.positions).step_by(SEGMENT) {
                    let pixels = SEGMENT.min(columns.positions - first);
                    let place = Place { y: step * rows_each, first, pixels, eight };
                    let output = [&mut *upper, &mut *lower];
                    match (p.kernel, p.stride) {
                        (3, 1) => map.segment::<3, 1, 4, 2>(&place, &mut bytes, outputs, output),
                        (3, 2) => map.segment::<3, 2, 3, 2>(&place, &mut bytes, outputs, output),
                        (5, 1) => map.segment::<5, 1, 6, 4>(&place, &mut bytes, outputs, output),
                        _ => map.segment::<5, 2, 5, 4>(&place, &mut bytes, outputs, output),
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
    /// Of windows of `K` rows, `S` apart; a column of the `R` rows that are read is `H` times four channels.
    #[inline(always)]
    fn segment<const K: usize, const S: usize, const R: usize, const H: usize>(
        &self,
        place: &Place,
        bytes: &mut [[u8; 16]],
        outputs: &Outputs<'_>,
        [upper, lower]: [&mut [Eight]; 2],
    ) {
        let bytes = &mut bytes.as_chunks_mut::<H>().0[..(place.pixels - 1) * S + K];
        self.turn::<S, R, H>(place, bytes);
        let weights: &[[u8; 16]] = bytemuck::cast_slice(&outputs.channels.weights[..K * H]);
        let weights = weights.as_chunks::<H>().0;
        let dots = self.header.dots;
        let first = place.first * self.eights + place.eight;
        self.row(
            place,
            &mut upper[first..],
            outputs,
            |x| sums::<TILE_PIXELS, K, S, H, false>(&bytes[x * S..], weights, outputs, dots),
            |x| single::<K, S, H, false>(&bytes[x * S..], weights, outputs, dots),
        );
        if S == 1 && !lower.is_empty() {
            self.row(
                place,
                &mut lower[first..],
                outputs,
                |x| sums::<TILE_PIXELS, K, S, H, true>(&bytes[x * S..], weights, outputs, dots),
                |x| single::<K, S, H, true>(&bytes[x * S..], weights, outputs, dots),
            );
        }
    }

    /// One row of outputs, in tiles and one by one.
    #[inline(always)]
    fn row(
        &self,
        place: &Place,
        output: &mut [Eight],
        outputs: &Outputs<'_>,
        tile: impl Fn(usize) -> [[I32x4; 2]; TILE_PIXELS],
        single: impl Fn(usize) -> [I32x4; 2],
    ) {
        let tiled = place.pixels / TILE_PIXELS * TILE_PIXELS;
        for x in (0..tiled).step_by(TILE_PIXELS) {
            let output = &mut output[x * self.eights..];
            if write_tile(tile(x), outputs, output, self.eights) {
                write_again(outputs, output, self.eights, &|i| single(x + i));
            }
        }
        for x in tiled..place.pixels {
            output[x * self.eights] = outputs.of(single(x));
        }
    }

    /// Columns of the input as bytes, the rows of each channel side by side.
    #[inline(always)]
    fn turn<const S: usize, const R: usize, const H: usize>(&self, place: &Place, bytes: &mut [[[u8; 16]; H]]) {
        let to_bytes = self.header.to_bytes();
        let length = self.columns.length * self.eights;
        // Where a row lies outside the map another one is read, and nothing of it kept.
        let rows: [(&[Eight], I16x8); R] = std::array::from_fn(|i| {
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
            let at = column * self.eights + place.eight;
            let value = |i: usize| match rows.get(i) {
                Some((row, mask)) => I16x8::load(row[at]).and(*mask),
                None => I16x8::load([0; 8]),
            };
            for (four, bytes) in bytes.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                let rows = |a: usize, b: usize| to_bytes.of(value(four * 4 + a), value(four * 4 + b));
                *bytes = rows(0, 2).fours(rows(1, 3)).map(Bytes::store);
            }
        }
    }
}

/// The sums of one pixel, as [`sums`].
#[inline(never)]
fn single<const K: usize, const S: usize, const H: usize, const LOWER: bool>(
    bytes: &[[[u8; 16]; H]],
    weights: &[[[u8; 16]; H]],
    outputs: &Outputs<'_>,
    dots: Dots,
) -> [I32x4; 2] {
    let [sums] = sums::<1, K, S, H, LOWER>(bytes, weights, outputs, dots);
    sums
}

/// The sums of `P` pixels, or of those a row below.
#[inline(always)]
fn sums<const P: usize, const K: usize, const S: usize, const H: usize, const LOWER: bool>(
    bytes: &[[[u8; 16]; H]],
    weights: &[[[u8; 16]; H]],
    outputs: &Outputs<'_>,
    dots: Dots,
) -> [[I32x4; 2]; P] {
    let reach = (P - 1) * S + K;
    let bytes = &bytes[..reach];
    let mut sums = [outputs.biases; P];
    for half in 0..2 {
        for four in 0..H / 2 {
            let weights: [Bytes; K] = std::array::from_fn(|j| {
                let weights = |four: usize| Bytes::load(weights[j][four * 2 + half]);
                match (LOWER, four) {
                    (false, _) => weights(four),
                    // A row further down in each four, and what that pushes out of the four before.
                    (true, 0) => weights(0).rows_lower(),
                    (true, _) => weights(four).rows_lower().xor(weights(four - 1).row_pushed_out()),
                }
            });
            for column in 0..reach {
                let bytes = &bytes[column];
                let values = Bytes::load(bytes[four * 2 + half]);
                for (pixel, sums) in sums.iter_mut().enumerate() {
                    if (pixel * S..pixel * S + K).contains(&column) {
                        sums[half] = sums[half].plus_dots(weights[column - pixel * S], values, dots);
                    }
                }
            }
        }
    }
    sums
}
