//! A 1×1 convolution: a matrix product over all pixels.

use super::{bend, mul_add};
use crate::lane::lanes;
use crate::{Io, Pointwise};

/// `output[p, o] = curve(bias[o] + Σ input[p, i] · weight[o, i]) (+ side[p, o])`
pub fn run(p: &Pointwise, io: Io<'_>) {
    let (in_channels, out_lanes) = (p.in_channels as usize, p.out_lanes as usize);
    let (in_lanes, group) = (lanes(in_channels), 1 + in_channels);
    for pixel in 0..p.pixels as usize {
        let input = &io.input[pixel * in_lanes..][..in_lanes];
        for o in 0..out_lanes * 4 {
            let parameters = &io.parameters[o / 4 * group..][..group];
            let mut sum = parameters[0][o % 4];
            for i in 0..in_channels {
                sum = mul_add(sum, input[i / 4][i % 4], parameters[1 + i][o % 4]);
            }
            let at = pixel * out_lanes + o / 4;
            let residual = if p.residual == 0 { 0.0 } else { io.side[at][o % 4] };
            io.output[at][o % 4] = bend(sum, p.curve) + residual;
        }
    }
}
