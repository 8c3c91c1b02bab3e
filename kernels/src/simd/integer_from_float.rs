//! One value at a time, of the picture alone.

use crate::Io;
use crate::integers::{IntegerFromFloat, eights, map_mut};
use crate::lane::lanes;
use crate::scalar::Quantised;

/// See the reference.
pub fn run(p: &IntegerFromFloat, io: Io<'_>) {
    let quantised = Quantised::new(io.parameters);
    let channels = p.channels as usize;
    let pixels = map_mut(io.output).chunks_exact_mut(eights(channels)).zip(io.input.chunks_exact(lanes(channels)));
    for (output, input) in pixels {
        let (output, input) = (output.as_flattened_mut(), input.as_flattened());
        for (output, &value) in output.iter_mut().zip(&input[..channels]) {
            *output = quantised.of(value);
        }
        output[channels..].fill(0);
    }
}
