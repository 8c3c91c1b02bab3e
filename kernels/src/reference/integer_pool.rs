//! One number a channel, from all pixels of the upper left part of a map.

use crate::Io;
use crate::integers::{IntegerPool, eights, map, map_mut};
use crate::scalar::Mean;

/// `output[c] = clamp(mean(zeros + Σ input[y, x, c]) + offset)`, where the mean is either the sum over `height · width`,
/// halves away from zero, or a rescaled sum.
///
/// Parameters: `[least, greatest, zeros, offset]`, `[how, multiplier, shift, –]`, where 0 divides, 1 rescales with
/// halves up, and 2 with halves away from zero. Zeros make the sum one of the file's integers.
pub fn run(p: &IntegerPool, io: Io<'_>) {
    let mean = Mean::new(p, io.parameters);
    let (input, output) = (map(io.input), map_mut(io.output));
    let width = eights(p.channels as usize);
    for c in 0..width * 8 {
        let values = (0..p.height as usize)
            .flat_map(|y| (0..p.width as usize).map(move |x| y * p.in_width as usize + x))
            .map(|pixel| i32::from(input[pixel * width + c / 8][c % 8]));
        output[c / 8][c % 8] = if c < p.channels as usize { mean.of(values.sum()) } else { 0 };
    }
}
