//! Random changes of a picture, before the network sees it: turned, moved, scaled, mirrored, brighter, of more contrast.

use std::f32::consts::TAU;

use super::options::bad;
use super::random::{Purpose, Random};
use crate::error::{Error, Kind, Result};
use crate::kernels::warp::{Colour, Pixels, Place, reduced, warp};
use crate::small::{print_decimal, sine_cosine};

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

    let mut pixels =
        Pixels { rgba: picture.rgba.as_chunks().0, width_px: picture.width_px, height_px: picture.height_px };
    // What is made much smaller would else leave most pixels out.
    let factor = (picture.width_px / width_px).min(picture.height_px / height_px);
    let smaller;
    if factor > 1 {
        smaller = reduced(&pixels, factor);
        let (width_px, height_px) = (pixels.width_px / factor, pixels.height_px / factor);
        pixels = Pixels { rgba: &smaller, width_px, height_px };
    }
    let [wide, high] = [pixels.width_px, pixels.height_px].map(length);
    #[expect(clippy::cast_possible_truncation, reason = "from −1 to 1")]
    let [sine, cosine] = sine_cosine(angle.into()).map(|part| part as f32);
    let place = Place {
        centre: [wide * (0.5 - moved[0]), high * (0.5 - moved[1])],
        right: [cosine, sine].map(|part| part * flips[0] * wide / length(width_px) / scale),
        down: [-sine, cosine].map(|part| part * flips[1] * high / length(height_px) / scale),
    };
    Ok(warp(&pixels, [width_px, height_px], &place, &colour(&pixels, brightness, contrast)))
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

/// Each channel's distance from its mean times `contrast`, plus `brightness`; opacity stays.
fn colour(pixels: &Pixels<'_>, brightness: f32, contrast: f32) -> Colour {
    let mut offsets = [brightness; 4];
    if (contrast - 1.0).abs() > 0.0 {
        let mut sums = [0_u64; 4];
        for pixel in pixels.rgba {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(*value));
        }
        #[expect(clippy::cast_precision_loss, reason = "a mean of bytes")]
        let mean = |sum: u64| sum as f32 / pixels.rgba.len() as f32;
        offsets.iter_mut().zip(sums).for_each(|(offset, sum)| *offset += mean(sum) * (1.0 - contrast));
    }
    offsets[3] = 0.0;
    Colour { factors: [contrast, contrast, contrast, 1.0], offsets }
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
