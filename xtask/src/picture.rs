//! Picture files → RGBA, upright, as a browser would draw them.

use std::path::Path;

use anyhow::{Context, Result};
use image::{DynamicImage, ImageDecoder as _, ImageReader};

/// A decoded picture.
pub struct Picture {
    /// Four bytes a pixel, rows from above.
    pub rgba: Vec<u8>,
    /// Columns.
    pub width_px: usize,
    /// Rows.
    pub height_px: usize,
}

/// Reads a PNG, JPEG, BMP, GIF or WebP file and turns it as its EXIF orientation says.
pub fn read(file: &Path) -> Result<Picture> {
    decode(file).with_context(|| format!("{}: expected a PNG, JPEG, BMP, GIF or WebP picture", file.display()))
}

fn decode(file: &Path) -> Result<Picture> {
    let mut decoder = ImageReader::open(file)?.with_guessed_format()?.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let rgba = picture.into_rgba8();
    let (width, height) = rgba.dimensions();
    Ok(Picture { width_px: width.try_into()?, height_px: height.try_into()?, rgba: rgba.into_raw() })
}
