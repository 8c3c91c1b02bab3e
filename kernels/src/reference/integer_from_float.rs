//! A map of floats as integers.

use crate::Io;
use crate::integers::{IntegerFromFloat, eights, map_mut};
use crate::lane::lanes;
use crate::scalar::Quantised;

/// `output[i, c] = clamp(round(input[i, c] / scale))`, halves away from zero.
///
/// Parameters: `[scale, least, greatest, –]`.
pub fn run(p: &IntegerFromFloat, io: Io<'_>) {
    let quantised = Quantised::new(io.parameters);
    let (channels, output) = (p.channels as usize, map_mut(io.output));
    for pixel in 0..p.pixels as usize {
        for c in 0..eights(channels) * 8 {
            let value = if c < channels { quantised.of(io.input[pixel * lanes(channels) + c / 4][c % 4]) } else { 0 };
            output[pixel * eights(channels) + c / 8][c % 8] = value;
        }
    }
}
