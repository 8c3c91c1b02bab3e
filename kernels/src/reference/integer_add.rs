//! The sum of two maps of integers.

use crate::Io;
use crate::integers::{IntegerAdd, map, map_mut};
use crate::scalar::Sums;

/// `output = clamp(out(first(input · 2²⁰) + second(side · 2²⁰)))`
///
/// Parameters: `[least, greatest, multiplier and shift of out]`, `[those of first, those of second]`.
pub fn run(p: &IntegerAdd, io: Io<'_>) {
    let sum = Sums::new(io.parameters);
    let (input, side, output) = (map(io.input), map(io.side), map_mut(io.output));
    for at in 0..p.count as usize {
        for lane in 0..8 {
            output[at][lane] = sum.of(input[at][lane], side[at][lane]);
        }
    }
}
