//! Four channels at a time.

use crate::lane::F32x4;
use crate::{Io, Scale};

/// See the reference.
pub fn run(p: &Scale, io: Io<'_>) {
    let lanes = p.lanes as usize;
    for (output, input) in io.output.chunks_exact_mut(lanes).zip(io.input.chunks_exact(lanes)) {
        for ((output, input), factor) in output.iter_mut().zip(input).zip(io.side) {
            *output = (F32x4::load(*input) * F32x4::load(*factor)).store();
        }
    }
}
