//! Four channels at a time.

use super::Bend;
use crate::Io;
use crate::gradients::TrainBend;
use crate::lane::F32x4;

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainBend, io: Io<'_>) {
    let (lanes, bend) = (p.lanes as usize, Bend::new(p.curve));
    let (parameters, _) = io.parameters.as_chunks::<2>();
    let maps = io.input.chunks_exact(lanes).zip(io.side.chunks_exact(lanes));
    for (output, (input, side)) in io.output.chunks_exact_mut(lanes).zip(maps) {
        for (((output, input), side), [bias, weight]) in output.iter_mut().zip(input).zip(side).zip(parameters) {
            let value = F32x4::load(*bias).mul_add(F32x4::load(*input), F32x4::load(*weight));
            *output = bend.slope(value, F32x4::load(*side)).store();
        }
    }
}
