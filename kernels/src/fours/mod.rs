//! Bodies over weights in fours of bytes (see [`crate::dots`]). Values become bytes in a small buffer first, where what lies
//! around a map is its zero point.

pub(crate) mod conv;
pub(crate) mod depthwise;
pub(crate) mod pointwise;

use crate::dots::{Bytes, Dots};
use crate::integer_lane::I32x4;
use crate::integers::Eight;
use crate::rounding::Outputs;
use crate::simd::TILE_PIXELS;

/// The sums of `P` pixels: a row of fours each, times the weights of eight outputs.
#[inline(always)]
fn sums<const P: usize>(
    mut sums: [[I32x4; 2]; P],
    rows: [&[u32]; P],
    weights: &[[Eight; 2]],
    dots: Dots,
) -> [[I32x4; 2]; P] {
    let rows = rows.map(|row| &row[..weights.len()]);
    for (k, weights) in weights.iter().enumerate() {
        let weights = weights.map(|weights| Bytes::load(bytemuck::cast(weights)));
        for (sums, row) in sums.iter_mut().zip(rows) {
            let value = Bytes::splat_four(row[k]);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = sum.plus_dots(weights, value, dots);
            }
        }
    }
    sums
}

/// Writes what the sums of a tile become, `stride` apart; whether any is in doubt. Written out, for a loop over so much would
/// keep the sums in memory.
#[inline(always)]
fn write_tile(sums: [[I32x4; 2]; TILE_PIXELS], outputs: &Outputs<'_>, output: &mut [Eight], stride: usize) -> bool {
    let [a, b, c, d] = sums;
    let output = &mut output[..(TILE_PIXELS - 1) * stride + 1];
    let mut write = |i: usize, sums| {
        let (integers, fractions) = outputs.near(sums);
        output[i * stride] = integers;
        fractions
    };
    let (a, b, c, d) = (write(0, a), write(1, b), write(2, c), write(3, d));
    outputs.are_doubtful(a.min(b).min(c.min(d)))
}

/// Computes pixels again, one by one, by `sums`.
#[cold]
#[inline(never)]
fn write_again(outputs: &Outputs<'_>, output: &mut [Eight], stride: usize, sums: &dyn Fn(usize) -> [I32x4; 2]) {
    for i in 0..TILE_PIXELS {
        output[i * stride] = outputs.of(sums(i));
    }
}
