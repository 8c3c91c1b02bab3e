//! One value at a time, of the maps that were asked for alone.

use crate::Io;
use crate::integers::{IntegerToFloat, eights, map};
use crate::lane::lanes;

/// See the reference.
pub fn run(p: &IntegerToFloat, io: Io<'_>) {
    let (channels, scale) = (p.channels as usize, io.parameters[0][0]);
    let pixels = io.output.chunks_exact_mut(lanes(channels)).zip(map(io.input).chunks_exact(eights(channels)));
    for (output, input) in pixels {
        for (output, &value) in output.as_flattened_mut().iter_mut().zip(input.as_flattened()) {
            *output = f32::from(value) * scale;
        }
    }
}
