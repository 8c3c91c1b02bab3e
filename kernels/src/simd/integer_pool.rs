//! Eight channels at a time.

use crate::Io;
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{IntegerPool, eights, map, map_mut};
use crate::scalar::Mean;

/// See the reference.
pub fn run(p: &IntegerPool, io: Io<'_>) {
    let mean = Mean::new(p, io.parameters);
    let (channels, input) = (p.channels as usize, map(io.input));
    let width = eights(channels);
    for (eight, output) in map_mut(io.output).iter_mut().enumerate() {
        let mut sums = [I32x4::splat(0); 2];
        for row in input.chunks_exact(p.in_width as usize * width).take(p.height as usize) {
            for pixel in row.chunks_exact(width).take(p.width as usize) {
                for (sum, value) in sums.iter_mut().zip(I16x8::load(pixel[eight]).widened()) {
                    *sum = sum.plus(value);
                }
            }
        }
        let sums: [i32; 8] = bytemuck::cast(sums.map(I32x4::store));
        let value = |lane: usize| if eight * 8 + lane < channels { mean.of(sums[lane]) } else { 0 };
        *output = std::array::from_fn(value);
    }
}
