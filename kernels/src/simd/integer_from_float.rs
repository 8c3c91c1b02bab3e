//! Four values at a time.

use crate::Io;
use crate::integer_lane::{I16x8, I32x4};
use crate::integers::{IntegerFromFloat, eights, map_mut};
use crate::lane::{F32x4, lanes};
use crate::scalar::Quantised;

/// See the reference. What lies past the last channel is 0 in floats, and so it is in integers.
pub fn run(p: &IntegerFromFloat, io: Io<'_>) {
    let quantised = Quantised::new(io.parameters);
    let channels = p.channels as usize;
    let pixels = map_mut(io.output).chunks_exact_mut(eights(channels)).zip(io.input.chunks_exact(lanes(channels)));
    for (output, input) in pixels {
        for (output, input) in output.iter_mut().zip(input.chunks(2)) {
            let four = |at: usize| input.get(at).map_or(I32x4::splat(0), |&four| quantised.of_four(F32x4::load(four)));
            *output = quantised.clamped(I16x8::narrowed([four(0), four(1)])).store();
        }
    }
}
