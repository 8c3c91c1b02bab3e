//! Eight channels at a time.

use crate::Io;
use crate::integers::{IntegerAdd, map, map_mut};
use crate::scalar::Sums;

/// See the reference.
pub fn run(_: &IntegerAdd, io: Io<'_>) {
    let sums = Sums::new(io.parameters).in_registers();
    for ((output, &a), &b) in map_mut(io.output).iter_mut().zip(map(io.input)).zip(map(io.side)) {
        *output = sums.of(a, b);
    }
}
