//! A map of integers as floats.

use crate::Io;
use crate::integers::{IntegerToFloat, eights, map};
use crate::lane::lanes;

/// `output[i, c] = input[i, c] · scale[c]`
///
/// Parameters: scales.
pub fn run(p: &IntegerToFloat, io: Io<'_>) {
    let (channels, input) = (p.channels as usize, map(io.input));
    for pixel in 0..p.pixels as usize {
        for c in 0..lanes(channels) * 4 {
            let value = input[pixel * eights(channels) + c / 8][c % 8];
            io.output[pixel * lanes(channels) + c / 4][c % 4] = f32::from(value) * io.parameters[c / 4][c % 4];
        }
    }
}
