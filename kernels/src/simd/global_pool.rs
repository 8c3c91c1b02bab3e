//! Four channels at a time.

use crate::lane::{F32x4, Vec4};
use crate::{GlobalPool, Io};

/// See the reference.
#[expect(clippy::cast_precision_loss, reason = "a map has far fewer than 2²⁴ pixels")]
pub fn run(p: &GlobalPool, io: Io<'_>) {
    let (lanes, row) = (p.lanes as usize, p.in_width as usize * p.lanes as usize);
    let rows = io.input.chunks_exact(row).take(p.height as usize);
    let pixels = rows.flat_map(|row| row.chunks_exact(lanes).take(p.width as usize));
    if p.max == 0 {
        io.output.fill(Vec4::default());
        for pixel in pixels {
            for (sum, value) in io.output.iter_mut().zip(pixel) {
                *sum = (F32x4::load(*sum) + F32x4::load(*value)).store();
            }
        }
        for output in io.output {
            *output = output.map(|sum| sum / (p.height * p.width) as f32);
        }
    } else {
        let infinite = F32x4::splat(f32::MAX);
        io.output.fill([f32::MIN; 4]);
        for pixel in pixels {
            for (largest, value) in io.output.iter_mut().zip(pixel) {
                *largest = F32x4::load(*value).clamp(F32x4::load(*largest), infinite).store();
            }
        }
    }
}
