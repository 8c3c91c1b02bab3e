//! A 1×1 convolution of many pixels, without curve.

use crate::gradients::TrainProduct;
use crate::{Curve, Io, Pointwise};

/// `output[p, o] = bias[o] + Σ input[p, i] · weight[o, i]`
pub fn run(p: &TrainProduct, io: Io<'_>) {
    let TrainProduct { pixels, in_channels, out_lanes } = *p;
    super::pointwise::run(&Pointwise { pixels, in_channels, out_lanes, residual: 0, curve: Curve::LINEAR }, io);
}
