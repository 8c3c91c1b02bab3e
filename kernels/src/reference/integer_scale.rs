//! A map of integers times a vector, channel by channel.

use crate::Io;
use crate::integers::{IntegerScale, map, map_mut};
use crate::scalar::Product;

/// `output[i, c] = clamp(rescale(input[i, c] · side[c]))`
///
/// Parameters: `[least, greatest, multiplier, shift]`.
pub fn run(p: &IntegerScale, io: Io<'_>) {
    let product = Product::new(io.parameters);
    let (input, side, output) = (map(io.input), map(io.side), map_mut(io.output));
    let eights = p.eights as usize;
    for at in 0..p.pixels as usize * eights {
        for lane in 0..8 {
            output[at][lane] = product.of(input[at][lane], side[at % eights][lane]);
        }
    }
}
