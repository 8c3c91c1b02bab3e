//! Four channels at a time.

use super::Bend;
use crate::Io;
use crate::gradients::TrainAffine;
use crate::lane::F32x4;

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainAffine, io: Io<'_>) {
    let (lanes, bend) = (p.lanes as usize, Bend::new(p.curve));
    let (parameters, _) = io.parameters.as_chunks::<2>();
    for (output, input) in io.output.chunks_exact_mut(lanes).zip(io.input.chunks_exact(lanes)) {
        for ((output, input), [bias, weight]) in output.iter_mut().zip(input).zip(parameters) {
            let value = F32x4::load(*bias).mul_add(F32x4::load(*input), F32x4::load(*weight));
            *output = bend.apply(value).store();
        }
    }
}
