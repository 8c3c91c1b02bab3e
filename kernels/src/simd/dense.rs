//! A pointwise convolution of one pixel.

use super::pointwise;
use crate::{Dense, Io, Pointwise};

/// See the reference.
pub fn run(p: &Dense, io: Io<'_>) {
    let Dense { in_channels, out_lanes, curve } = *p;
    pointwise::run(&Pointwise { pixels: 1, in_channels, out_lanes, residual: 0, curve }, io);
}
