//! One value at a time, of the maps that were asked for alone.

use crate::Io;
use crate::integers::{IntegerToFloat, eights, map};
use crate::lane::lanes;

/// See the reference.
pub fn run(p: &IntegerToFloat, io: Io<'_>) {
    let (channels, scales) = (p.channels as usize, io.parameters.as_flattened());
    let pixels = io.output.chunks_exact_mut(lanes(channels)).zip(map(io.input).chunks_exact(eights(channels)));
    for (output, input) in pixels {
        for ((output, &value), scale) in output.as_flattened_mut().iter_mut().zip(input.as_flattened()).zip(scales) {
            *output = f32::from(value) * scale;
        }
    }
}
