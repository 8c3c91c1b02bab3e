//! Four channels at a time.

use crate::kernels::{GlobalPool, Io};
use crate::lane::{F32x4, Vec4};

/// See the reference.
#[expect(clippy::cast_precision_loss, reason = "a map has far fewer than 2²⁴ pixels")]
pub fn run(p: &GlobalPool, io: Io<'_>) {
    io.output.fill(Vec4::default());
    for pixel in io.input.chunks_exact(p.lanes as usize) {
        for (sum, value) in io.output.iter_mut().zip(pixel) {
            *sum = (F32x4::load(*sum) + F32x4::load(*value)).store();
        }
    }
    for output in io.output {
        *output = output.map(|sum| sum / p.pixels as f32);
    }
}
