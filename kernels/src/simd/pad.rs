//! Whole rows at a time.

use crate::lane::Vec4;
use crate::{Io, Pad};

/// See the reference.
pub fn run(p: &Pad, io: Io<'_>) {
    let (from, to) = ((p.in_width * p.lanes) as usize, (p.out_width * p.lanes) as usize);
    let (rows, below) = io.output.split_at_mut(p.in_height as usize * to);
    for (output, input) in rows.chunks_exact_mut(to).zip(io.input.chunks_exact(from)) {
        output[..from].copy_from_slice(input);
        output[from..].fill(Vec4::default());
    }
    below.fill(Vec4::default());
}
