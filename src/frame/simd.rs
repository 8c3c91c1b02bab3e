//! Four channels at a time, in one sweep over the source rows.
//!
//! Each source row that some output needs is unpacked, resampled to the output's width, and added to the few output
//! rows that it belongs to; an output row is normalised when its last source row has been added. So the source is
//! read once, in order, and two rows of `f32` are all the memory that this takes.

use super::{Job, TIE};
use crate::lane::{F32x4, Vec4};

/// Rows in flight, kept between frames.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The used stretch of one source row, in front of the background.
    source: Vec<Vec4>,
    /// The same row at the output's width.
    across: Vec<Vec4>,
}

impl Buffers {
    /// Room for rows of those lengths.
    pub(super) fn fit(&mut self, source_px: usize, target_px: usize) {
        self.source.resize(source_px, [0.0; 4]);
        self.across.resize(target_px, [0.0; 4]);
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> Vec<(usize, usize)> {
        [&self.source, &self.across].map(|row| (row.as_ptr() as usize, row.capacity())).to_vec()
    }
}

/// Fills `out`, `[rows, columns]`.
pub(super) fn resample(job: &Job<'_>, buffers: &mut Buffers, out: &mut [Vec4]) {
    let Buffers { source, across } = buffers;
    let width = job.columns.len();
    let columns = job.columns.used();
    let scale = [1.0 / job.std[0], 1.0 / job.std[1], 1.0 / job.std[2], 0.0];
    let normalise =
        Normalise { offset: F32x4::load([-job.mean[0], -job.mean[1], -job.mean[2], 0.0]), scale: F32x4::load(scale) };
    let mut open = 0; // The first output row that still waits for a source row.
    for y in job.rows.used() {
        let (first, _) = job.rows.get(open);
        if first > y {
            continue;
        }
        let begin = y * job.frame.width_px;
        unpack(&job.frame.rgba[(begin + columns.start) * 4..(begin + columns.end) * 4], job.background, source);
        horizontal(job, columns.start, source, across);
        if job.rounded {
            round(across);
        }
        let mut done = open;
        for output in open..job.rows.len() {
            let (first, weights) = job.rows.get(output);
            if first > y {
                break;
            }
            let row = &mut out[output * width..][..width];
            let weight = F32x4::splat(weights[y - first]);
            if first == y {
                overwrite(row, across, weight);
            } else {
                accumulate(row, across, weight);
            }
            if first + weights.len() == y + 1 {
                if job.rounded {
                    round(row);
                }
                normalise.row(row);
                done = output + 1;
            }
        }
        open = done;
    }
}

/// RGBA bytes → `f32` in front of the background. The fourth lane is left as it falls; [`Normalise`] drops it.
fn unpack(rgba: &[u8], background: [u8; 3], row: &mut [Vec4]) {
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

/// One source row, whose first pixel is column `start`, at the output's width.
fn horizontal(job: &Job<'_>, start: usize, source: &[Vec4], across: &mut [Vec4]) {
    for (to, (first, weights)) in across.iter_mut().zip(job.columns.iter()) {
        let pixels = &source[first - start..][..weights.len()];
        let mut sum = F32x4::splat(0.0);
        for (pixel, weight) in pixels.iter().zip(weights) {
            sum = sum.mul_add(F32x4::load(*pixel), F32x4::splat(*weight));
        }
        *to = sum.store();
    }
}

fn overwrite(row: &mut [Vec4], across: &[Vec4], weight: F32x4) {
    for (to, from) in row.iter_mut().zip(across) {
        *to = (F32x4::load(*from) * weight).store();
    }
}

fn accumulate(row: &mut [Vec4], across: &[Vec4], weight: F32x4) {
    for (to, from) in row.iter_mut().zip(across) {
        *to = F32x4::load(*to).mul_add(F32x4::load(*from), weight).store();
    }
}

/// To whole units, as [`TIE`] says.
fn round(row: &mut [Vec4]) {
    // Between 2²³ and 2²⁴ an `f32` has no fraction, so that the sum is rounded; the values here are 0 … 255.
    let (tie, whole, back) = (F32x4::splat(TIE), F32x4::splat(8_388_608.0), F32x4::splat(-8_388_608.0));
    for pixel in row {
        *pixel = (F32x4::load(*pixel) + tie + whole + back).store();
    }
}

/// `(v − mean) / std`, and zero in the fourth lane.
struct Normalise {
    offset: F32x4,
    scale: F32x4,
}

impl Normalise {
    fn row(&self, row: &mut [Vec4]) {
        for pixel in row {
            *pixel = ((F32x4::load(*pixel) + self.offset) * self.scale).store();
        }
    }
}
