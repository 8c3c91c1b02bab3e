//! Eight channels at a time.

use crate::Io;
use crate::integers::{IntegerScale, map, map_mut};
use crate::scalar::Product;

/// See the reference.
pub fn run(p: &IntegerScale, io: Io<'_>) {
    let product = Product::new(io.parameters).in_registers();
    let (input, side, eights) = (map(io.input), map(io.side), p.eights as usize);
    for (output, input) in map_mut(io.output).chunks_exact_mut(eights).zip(input.chunks_exact(eights)) {
        for ((output, &value), &gate) in output.iter_mut().zip(input).zip(side) {
            *output = product.of(value, gate);
        }
    }
}
