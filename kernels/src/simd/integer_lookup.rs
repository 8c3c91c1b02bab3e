//! One value at a time: no lane can look another up.

use crate::Io;
use crate::integers::{IntegerLookup, eights, map, map_mut};
use crate::scalar::Lookup;

/// See the reference.
pub fn run(p: &IntegerLookup, io: Io<'_>) {
    let table = Lookup::new(io.parameters);
    let (channels, width) = (p.channels as usize, eights(p.channels as usize));
    let pixels = map_mut(io.output).chunks_exact_mut(width).zip(map(io.input).chunks_exact(width));
    for (output, input) in pixels {
        let (output, input) = (output.as_flattened_mut(), input.as_flattened());
        for (output, &value) in output.iter_mut().zip(&input[..channels]) {
            *output = table.of(value);
        }
        output[channels..].fill(0);
    }
}
