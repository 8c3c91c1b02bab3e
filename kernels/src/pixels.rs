//! What is done to every pixel of a frame, several times: here, because this crate is compiled for speed.

use crate::lane::{F32x4, Vec4};
use crate::simd::{TILE_PIXELS, tiles};

/// Makes red, green, blue and alpha of bytes whose red and blue are the other way round where `is_bgra`. Whether all are
/// opaque.
pub fn opaque_rgba(bytes: &mut [u8], is_bgra: bool) -> bool {
    let mut all = u32::MAX;
    for bytes in bytes.as_chunks_mut::<4>().0 {
        let pixel = u32::from_le_bytes(*bytes);
        all &= pixel;
        let [red, others, blue] = [(pixel >> 16) & 0xff, pixel & 0xff00_ff00, (pixel & 0xff) << 16];
        *bytes = if is_bgra { red | others | blue } else { pixel }.to_le_bytes();
    }
    all >> 24 == 0xff
}

/// Added before rounding to whole units, so that both bodies break ties alike.
///
/// Ratios such as 640 : 256 put many sums exactly halfway between two units. Pillow's own fixed-point weights fall to
/// either side there, so there is no rule to copy; this is far more than the bodies' sums differ by (1e-4).
pub const TIE: f32 = 1.0 / 1024.0;

/// How sums are kept: in whole units, or as they are, for which all of it is zeros. No loop has to ask then.
#[derive(Clone, Copy)]
struct Units {
    tie: F32x4,
    /// Between 2²³ and 2²⁴ an `f32` has no fraction, so that the sum is rounded; the values here are 0 … 255.
    whole: [F32x4; 2],
}

impl Units {
    fn new(rounded: bool) -> Self {
        let [tie, up, down] = if rounded { [TIE, 8_388_608.0, -8_388_608.0] } else { [0.0; 3] }.map(F32x4::splat);
        Self { tie, whole: [up, down] }
    }

    #[inline(always)]
    fn of(self, sum: F32x4) -> F32x4 {
        sum + self.tie + self.whole[0] + self.whole[1]
    }
}

/// The source pixels that one output pixel is a weighted sum of.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The first of them.
    pub first: usize,
    /// Its weights begin here …
    pub begin: usize,
    /// … and end here.
    pub end: usize,
}

/// A source row, whose first pixel is column `start`, at the width of `runs`; in whole units where that is asked.
pub fn across(source: &[Vec4], start: usize, runs: &[Run], weights: &[f32], rounded: bool, to: &mut [Vec4]) {
    let units = Units::new(rounded);
    for (to, &Run { first, begin, end }) in to.iter_mut().zip(runs) {
        let mut sum = F32x4::splat(0.0);
        for (pixel, weight) in source[first - start..].iter().zip(&weights[begin..end]) {
            sum = sum.mul_add(F32x4::load(*pixel), F32x4::splat(*weight));
        }
        *to = units.of(sum).store();
    }
}

/// The same of RGBA bytes, which takes half as long where most of them are passed over: where all runs are of two pixels.
/// Whether those are opaque; if not, what it wrote is worth nothing.
pub fn between(rgba: &[u8], start: usize, runs: &[Run], weights: &[f32], rounded: bool, to: &mut [Vec4]) -> bool {
    let units = Units::new(rounded);
    let pixels = rgba.as_chunks::<4>().0;
    let mut every = u32::MAX;
    for ((to, run), weights) in to.iter_mut().zip(runs).zip(weights.as_chunks::<2>().0) {
        let Some(&[left, right]) = pixels[run.first - start..].first_chunk() else { return false };
        every &= u32::from_le_bytes(left) & u32::from_le_bytes(right);
        let sum = F32x4::from_u8x4(left) * F32x4::splat(weights[0]);
        *to = units.of(sum.mul_add(F32x4::from_u8x4(right), F32x4::splat(weights[1]))).store();
    }
    every >> 24 == 255
}

/// How rows become the input tensor.
#[derive(Clone, Copy)]
pub struct Finish {
    units: Units,
    offset: F32x4,
    scale: F32x4,
}

impl Finish {
    /// `(v − mean) / std`, and zero in the fourth lane, of sums that are `rounded` to whole units or not.
    #[must_use]
    pub fn new(rounded: bool, mean: [f32; 3], std: [f32; 3]) -> Self {
        let offset = F32x4::load([-mean[0], -mean[1], -mean[2], 0.0]);
        let scale = F32x4::load([1.0 / std[0], 1.0 / std[1], 1.0 / std[2], 0.0]);
        Self { units: Units::new(rounded), offset, scale }
    }

    /// A row of the output: the weighted sum of neighbouring rows, the first of them row `first`.
    /// `ring` holds the last few rows, each where its number leaves it.
    pub fn run(self, ring: &[Vec4], first: usize, weights: &[f32], output: &mut [Vec4]) {
        let width = output.len();
        let begin = first % (ring.len() / width) * width;
        for x in tiles(width) {
            let mut sums = [F32x4::splat(0.0); TILE_PIXELS];
            let mut row = begin;
            for weight in weights {
                let weight = F32x4::splat(*weight);
                for (sum, pixel) in sums.iter_mut().zip(tile(&ring[row + x..])) {
                    *sum = sum.mul_add(F32x4::load(pixel), weight);
                }
                row += width;
                if row == ring.len() {
                    row = 0;
                }
            }
            for (output, sum) in output[x..].iter_mut().zip(sums) {
                *output = ((self.units.of(sum) + self.offset) * self.scale).store();
            }
        }
    }
}

/// The first pixels of what is left of a ring, and zeros after its end: no network is so narrow that it needs them.
#[inline(always)]
fn tile(row: &[Vec4]) -> [Vec4; TILE_PIXELS] {
    row.first_chunk().copied().unwrap_or_else(
        #[cold]
        || std::array::from_fn(|i| row.get(i).copied().unwrap_or_default()),
    )
}

/// RGBA bytes → `f32` in front of the background. The fourth lane is left as it falls; [`Finish`] drops it.
pub fn unpack(rgba: &[u8], background: [u8; 3], row: &mut [Vec4]) {
    let pixels = rgba.as_chunks::<4>().0;
    let every = pixels.iter().fold(u32::MAX, |every, pixel| every & u32::from_le_bytes(*pixel));
    if every >> 24 == 255 {
        for (to, pixel) in row.iter_mut().zip(pixels) {
            *to = F32x4::from_u8x4(*pixel).store();
        }
        return;
    }
    let [r, g, b] = background;
    let behind = F32x4::from_u8x4([r, g, b, 0]);
    let unit = F32x4::splat(1.0 / 255.0);
    for (to, pixel) in row.iter_mut().zip(pixels) {
        let alpha = f32::from(pixel[3]);
        let front = F32x4::from_u8x4(*pixel) * F32x4::splat(alpha);
        *to = (front.mul_add(behind, F32x4::splat(255.0 - alpha)) * unit).store();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_browsers_are_put_in_order_and_looked_at() {
        let [mut bgra, mut rgba] = [[3, 2, 1, 255, 6, 5, 4, 255], [1, 2, 3, 255, 4, 5, 6, 255]];
        assert!(opaque_rgba(&mut bgra, true) && opaque_rgba(&mut rgba, false));
        assert_eq!([bgra, rgba], [[1, 2, 3, 255, 4, 5, 6, 255]; 2]);
        assert!(!opaque_rgba(&mut [0, 0, 0, 255, 0, 0, 0, 254], true));
    }
}
