//! Four lanes at a time.

use crate::lane::F32x4;
use crate::{Add, Io};

/// See the reference.
pub fn run(_: &Add, io: Io<'_>) {
    for ((output, a), b) in io.output.iter_mut().zip(io.input).zip(io.side) {
        *output = (F32x4::load(*a) + F32x4::load(*b)).store();
    }
}
