//! Pictures turned, moved and scaled: every pixel of the output from four of the source. Here, because this crate is
//! compiled for speed.

use crate::lane::F32x4;

/// Four bytes a pixel, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    /// `width_px` × `height_px` of them.
    pub rgba: &'a [[u8; 4]],
    /// At least 1.
    pub width_px: usize,
    /// At least 1.
    pub height_px: usize,
}

/// Where pixels come from: an affine map, in pixels of the source.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What the output's centre shows.
    pub centre: [f32; 2],
    /// How far one pixel further right is.
    pub right: [f32; 2],
    /// How far one pixel further down is.
    pub down: [f32; 2],
}

/// What becomes of each channel: times a factor, plus an offset.
#[derive(Clone, Copy, Debug)]
pub struct Colour {
    /// One a channel.
    pub factors: [f32; 4],
    /// One a channel.
    pub offsets: [f32; 4],
}

/// A picture of `width_px` × `height_px`, each pixel the mean of four around its place, the nearer the more. What lies outside
/// is the source mirrored at its edges.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to bytes")]
pub fn warp(source: &Pixels<'_>, [width_px, height_px]: [usize; 2], place: &Place, colour: &Colour) -> Vec<u8> {
    let (factors, offsets) = (F32x4::load(colour.factors), F32x4::load(colour.offsets));
    let mut out = Vec::with_capacity(width_px * height_px * 4);
    for y in 0..height_px {
        let y = middle(y, height_px);
        for x in 0..width_px {
            let x = middle(x, width_px);
            // Pixels have their centres at whole numbers.
            let at = |axis: usize| place.centre[axis] + x * place.right[axis] + y * place.down[axis] - 0.5;
            let value = offsets.mul_add(sampled(source, at(0), at(1)), factors);
            let value = value.clamp(F32x4::splat(0.0), F32x4::splat(255.0)) + F32x4::splat(0.5);
            out.extend_from_slice(&value.store().map(|value| value as u8));
        }
    }
    out
}

/// How far a pixel is from the middle of a side.
#[expect(clippy::cast_precision_loss, reason = "sides of pictures")]
fn middle(pixel: usize, side: usize) -> f32 {
    pixel as f32 + 0.5 - side as f32 / 2.0
}

#[inline(always)]
fn sampled(source: &Pixels<'_>, x: f32, y: f32) -> F32x4 {
    let (left, top) = (x.floor(), y.floor());
    let (across, along) = (x - left, y - top);
    let columns = pair(left, source.width_px);
    let rows = pair(top, source.height_px).map(|row| row * source.width_px);
    let row = |row: usize| {
        let [first, second] = columns.map(|column| F32x4::from_u8x4(source.rgba[row + column]));
        (first * F32x4::splat(1.0 - across)).mul_add(second, F32x4::splat(across))
    };
    (row(rows[0]) * F32x4::splat(1.0 - along)).mul_add(row(rows[1]), F32x4::splat(along))
}

/// A pixel and the next one along a side, mirrored at its ends.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "pixels")]
fn pair(first: f32, side: usize) -> [usize; 2] {
    let (first, side) = (first as i32, side as i32);
    [first, first.saturating_add(1)].map(|at| {
        if (0..side).contains(&at) {
            return at as usize;
        }
        let turn = at.rem_euclid(2 * side);
        (if turn < side { turn } else { 2 * side - 1 - turn }) as usize
    })
}

/// Means of squares of `factor` pixels a side; what is left over at the right and below is left out.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "means of bytes")]
pub fn reduced(source: &Pixels<'_>, factor: usize) -> Vec<[u8; 4]> {
    let (width, height) = (source.width_px / factor, source.height_px / factor);
    let area = (factor * factor) as u32;
    let mut rgba = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let mut sums = [area / 2; 4];
            for row in y * factor..(y + 1) * factor {
                for pixel in &source.rgba[row * source.width_px + x * factor..][..factor] {
                    sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
                }
            }
            rgba.push(sums.map(|sum| (sum / area) as u8));
        }
    }
    rgba
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_outside_is_the_picture_mirrored() {
        assert_eq!([-1.0, -2.0, -8.0, 7.0, 8.0, 15.0, 16.0].map(|first| pair(first, 8)[0]), [0, 1, 7, 7, 7, 0, 0]);
        assert_eq!(pair(-1.0, 8), [0, 0]);
        assert_eq!(pair(1e30, 1), [0, 0]);
        assert!(pair(f32::NAN, 8).into_iter().all(|at| at < 8));
    }

    #[test]
    fn the_same_size_and_place_is_the_same_picture() {
        let rgba: Vec<[u8; 4]> = (0..6 * 4).map(|i| [i * 10, 255 - i, 7, 200]).collect();
        let source = Pixels { rgba: &rgba, width_px: 6, height_px: 4 };
        let place = Place { centre: [3.0, 2.0], right: [1.0, 0.0], down: [0.0, 1.0] };
        let colour = Colour { factors: [1.0; 4], offsets: [0.0; 4] };
        assert_eq!(warp(&source, [6, 4], &place, &colour), rgba.concat());
        assert_eq!(reduced(&source, 1), rgba);
    }
}
