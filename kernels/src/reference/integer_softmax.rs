//! Exponentials over their sum, as integers.

use crate::Io;
use crate::integers::{IntegerSoftmax, map, map_mut};
use crate::scalar::Exponentials;

/// `output[c] = clamp(⌊exponential(c) / (Σ exponential · scale) + ½⌋)`, where `exponential(c)` is the table's at 255 less
/// how far `input[c]` is below the largest.
///
/// Parameters: `[scale, least, greatest, –]` and 256 exponentials.
pub fn run(p: &IntegerSoftmax, io: Io<'_>) {
    let table = Exponentials::new(io.parameters);
    let (input, output) = (map(io.input), map_mut(io.output));
    let values = || (0..p.classes as usize).map(|c| input[c / 8][c % 8]);
    let largest = values().max().unwrap_or(0);
    let mut sum = 0.0;
    for value in values() {
        sum += table.of(value, largest);
    }
    for c in 0..output.len() * 8 {
        let value = if c < p.classes as usize { table.share(input[c / 8][c % 8], largest, sum) } else { 0 };
        output[c / 8][c % 8] = value;
    }
}
