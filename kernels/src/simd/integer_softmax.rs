//! One class at a time, in the order of the reference: sums of floats depend on it, and there is one a frame.

use crate::Io;
use crate::integers::{IntegerSoftmax, map, map_mut};
use crate::scalar::Exponentials;

/// See the reference.
pub fn run(p: &IntegerSoftmax, io: Io<'_>) {
    let table = Exponentials::new(io.parameters);
    let values = &map(io.input).as_flattened()[..p.classes as usize];
    let largest = values.iter().copied().max().unwrap_or(0);
    let sum = values.iter().fold(0.0, |sum, &value| sum + table.of(value, largest));
    let (shares, rest) = map_mut(io.output).as_flattened_mut().split_at_mut(values.len());
    for (share, &value) in shares.iter_mut().zip(values) {
        *share = table.share(value, largest, sum);
    }
    rest.fill(0);
}
