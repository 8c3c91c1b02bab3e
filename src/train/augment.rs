//! Random changes of a picture, before the network sees it: turned, moved, scaled, mirrored, brighter, of more contrast.

use std::f32::consts::TAU;

use super::options::bad;
use super::random::{Purpose, Random};
use crate::error::{Error, Kind, Result};
use crate::lane::F32x4;
use crate::small::print_decimal;

/// How far each change may go; all 0 or off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augmentation {
    /// Every other picture is mirrored left to right.
    pub flip_horizontal: bool,
    /// Every other picture is mirrored top to bottom.
    pub flip_vertical: bool,
    /// Of a turn, either way.
    pub rotation: f32,
    /// Of its side, either way.
    pub translation: f32,
    /// Scaled by 1 ± so much.
    pub zoom: f32,
    /// Of the whole range, either way.
    pub brightness: f32,
    /// Distances from each channel's mean times 1 ± so much.
    pub contrast: f32,
}

impl Augmentation {
    /// Whether each is within its range.
    ///
    /// # Errors
    /// [`Kind::BadOption`], naming the first that is not.
    pub fn check(&self) -> Result<()> {
        let limits = [
            ("rotation", self.rotation, 0.5),
            ("translation", self.translation, 1.0),
            ("zoom", self.zoom, 0.9),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
        ];
        for (option, value, most) in limits {
            if !(0.0..=most).contains(&value) {
                let expected = format!("a number from 0 to {}", print_decimal(f64::from(most)));
                return Err(bad(&format!("augment.{option}"), &expected, print_decimal(f64::from(value))));
            }
        }
        Ok(())
    }
}

/// A picture: four bytes a pixel, red first.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Row by row.
    pub rgba: &'a [u8],
    /// At least 1.
    pub width_px: usize,
    /// At least 1.
    pub height_px: usize,
}

/// Sides of what is written.
const MOST_PX: usize = 4096;

/// The whole of `picture` at another size, changed as the draw of this seed, sample and epoch says. What lies outside is the
/// picture mirrored at its edges.
///
/// # Errors
/// [`Kind::SourceEmpty`], [`Kind::SourceWrongLength`], [`Kind::BadOption`].
pub fn augment(
    picture: &Picture<'_>,
    [width_px, height_px]: [usize; 2],
    changes: &Augmentation,
    seed: u64,
    [sample, epoch]: [u64; 2],
) -> Result<Vec<u8>> {
    changes.check()?;
    check(picture)?;
    for (option, side) in [("outWidth", width_px), ("outHeight", height_px)] {
        if !(1..=MOST_PX).contains(&side) {
            return Err(bad(option, &format!("from 1 to {MOST_PX} px"), side.to_string()));
        }
    }
    // All numbers are drawn whatever is on, so that one more change leaves the others what they were.
    let mut random = Random::new(seed, Purpose::Augmentation, [sample, epoch]);
    let mut flip = |is_on: bool| if random.unit() < 0.5 && is_on { -1.0 } else { 1.0 };
    let flips = [flip(changes.flip_horizontal), flip(changes.flip_vertical)];
    let angle = random.within(changes.rotation) * TAU;
    let moved = [random.within(changes.translation), random.within(changes.translation)];
    let scale = 1.0 + random.within(changes.zoom);
    let brightness = random.within(changes.brightness) * 255.0;
    let contrast = 1.0 + random.within(changes.contrast);

    let reduced = reduce(picture, (picture.width_px / width_px).min(picture.height_px / height_px));
    let picture = reduced.as_ref().map_or(*picture, |(rgba, width_px, height_px)| Picture {
        rgba,
        width_px: *width_px,
        height_px: *height_px,
    });
    let [wide, high] = [picture.width_px, picture.height_px].map(length);
    let (sine, cosine) = angle.sin_cos();
    let place = Place {
        // Where the centre comes from, and what one pixel further right and down is, in pixels of the source.
        centre: [wide * (0.5 - moved[0]), high * (0.5 - moved[1])],
        right: [cosine, sine].map(|part| part * flips[0] * wide / length(width_px) / scale),
        down: [-sine, cosine].map(|part| part * flips[1] * high / length(height_px) / scale),
    };
    let colour = Colour::new(&picture, brightness, contrast);
    let mut out = Vec::with_capacity(width_px * height_px * 4);
    for y in 0..height_px {
        let y = length(y) + 0.5 - length(height_px) / 2.0;
        for x in 0..width_px {
            let x = length(x) + 0.5 - length(width_px) / 2.0;
            out.extend_from_slice(&colour.of(sampled(&picture, place.of(x, y))));
        }
    }
    Ok(out)
}

fn check(picture: &Picture<'_>) -> Result<()> {
    let Picture { rgba, width_px, height_px } = picture;
    if *width_px == 0 || *height_px == 0 {
        return Err(Error::new(Kind::SourceEmpty, "picture").found(format!("{width_px} × {height_px} px")));
    }
    if width_px.checked_mul(*height_px).and_then(|pixels| pixels.checked_mul(4)) != Some(rgba.len()) {
        return Err(Error::new(Kind::SourceWrongLength, "picture")
            .expected(format!("{width_px} × {height_px} px of four bytes"))
            .found(format!("{} bytes", rgba.len())));
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sides of pictures")]
const fn length(px: usize) -> f32 {
    px as f32
}

/// Where pixels come from: an affine map.
struct Place {
    centre: [f32; 2],
    right: [f32; 2],
    down: [f32; 2],
}

impl Place {
    /// From distances to the centre; pixels of the source have their centres at whole numbers.
    fn of(&self, x: f32, y: f32) -> [f32; 2] {
        std::array::from_fn(|axis| self.centre[axis] + x * self.right[axis] + y * self.down[axis] - 0.5)
    }
}

/// Each channel times a factor plus an offset; opacity stays.
struct Colour {
    factors: F32x4,
    offsets: F32x4,
}

impl Colour {
    fn new(picture: &Picture<'_>, brightness: f32, contrast: f32) -> Self {
        let mut offsets = [brightness; 4];
        if contrast < 1.0 || contrast > 1.0 {
            let pixels = picture.rgba.as_chunks::<4>().0;
            let mut sums = [0_u64; 4];
            for pixel in pixels {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(*value));
            }
            #[expect(clippy::cast_precision_loss, reason = "a mean of bytes")]
            let mean = |sum: u64| sum as f32 / pixels.len() as f32;
            offsets.iter_mut().zip(sums).for_each(|(offset, sum)| *offset += mean(sum) * (1.0 - contrast));
        }
        offsets[3] = 0.0;
        Self { factors: F32x4::load([contrast, contrast, contrast, 1.0]), offsets: F32x4::load(offsets) }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to bytes")]
    fn of(&self, pixel: F32x4) -> [u8; 4] {
        let value = self.offsets.mul_add(pixel, self.factors).clamp(F32x4::splat(0.0), F32x4::splat(255.0));
        (value + F32x4::splat(0.5)).store().map(|value| value as u8)
    }
}

/// The mean of four pixels around a place, each by how near it is.
fn sampled(picture: &Picture<'_>, [x, y]: [f32; 2]) -> F32x4 {
    let (left, top) = (x.floor(), y.floor());
    let (across, along) = (x - left, y - top);
    let columns = pair(left, picture.width_px);
    let rows = pair(top, picture.height_px).map(|row| row * picture.width_px);
    let pixels = picture.rgba.as_chunks::<4>().0;
    let row = |row: usize| {
        let [first, second] = columns.map(|column| F32x4::from_u8x4(pixels[row + column]));
        (first * F32x4::splat(1.0 - across)).mul_add(second, F32x4::splat(across))
    };
    (row(rows[0]) * F32x4::splat(1.0 - along)).mul_add(row(rows[1]), F32x4::splat(along))
}

/// A pixel and the next one along a side, mirrored at its ends.
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

/// Means of squares of `factor` pixels a side: what is made much smaller would else leave most pixels out.
#[expect(clippy::cast_possible_truncation, reason = "means of bytes")]
fn reduce(picture: &Picture<'_>, factor: usize) -> Option<(Vec<u8>, usize, usize)> {
    if factor < 2 {
        return None;
    }
    let (width, height) = (picture.width_px / factor, picture.height_px / factor);
    let pixels = picture.rgba.as_chunks::<4>().0;
    let area = (factor * factor) as u32;
    let mut rgba = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        for x in 0..width {
            let mut sums = [area / 2; 4];
            for row in y * factor..(y + 1) * factor {
                for pixel in &pixels[row * picture.width_px + x * factor..][..factor] {
                    sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
                }
            }
            rgba.extend(sums.map(|sum| (sum / area) as u8));
        }
    }
    Some((rgba, width, height))
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
