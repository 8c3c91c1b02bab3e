//! A function of each value by itself, as a table.

use crate::Io;
use crate::integers::{IntegerLookup, eights, map, map_mut};
use crate::scalar::Lookup;

/// `output[i, c] = table[clamp(input[i, c] + zero, 0, 255)]`
///
/// Parameters: `[zero, –, –, –]` and 256 results of 16 bits.
pub fn run(p: &IntegerLookup, io: Io<'_>) {
    let table = Lookup::new(io.parameters);
    let (input, output) = (map(io.input), map_mut(io.output));
    let (channels, width) = (p.channels as usize, eights(p.channels as usize));
    for pixel in 0..p.pixels as usize {
        for c in 0..width * 8 {
            let at = pixel * width + c / 8;
            output[at][c % 8] = if c < channels { table.of(input[at][c % 8]) } else { 0 };
        }
    }
}
