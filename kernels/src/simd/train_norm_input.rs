//! Four channels at a time.

use crate::Io;
use crate::gradients::TrainNormInput;
use crate::lane::F32x4;

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainNormInput, io: Io<'_>) {
    let lanes = p.lanes as usize;
    let (parameters, _) = io.parameters.as_chunks::<3>();
    let maps = io.input.chunks_exact(lanes).zip(io.side.chunks_exact(lanes));
    for (output, (input, side)) in io.output.chunks_exact_mut(lanes).zip(maps) {
        for (((output, input), side), parameters) in output.iter_mut().zip(input).zip(side).zip(parameters) {
            let [offset, direct, statistic] = parameters.map(F32x4::load);
            let sum = offset.mul_add(F32x4::load(*side), direct);
            *output = sum.mul_add(F32x4::load(*input), statistic).store();
        }
    }
}
