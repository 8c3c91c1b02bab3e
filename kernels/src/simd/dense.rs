//! Eight groups of outputs at a time: enough independent sums to hide an addition's latency.

use super::Bend;
use crate::lane::{F32x4, Vec4};
use crate::{Dense, Io};

const GROUPS: usize = 8;

/// See the reference.
#[inline(never)]
pub fn run(p: &Dense, io: Io<'_>) {
    let n = p.in_channels as usize;
    let bend = Bend::new(p.curve);
    let input: &[f32] = &bytemuck::cast_slice(io.input)[..n];
    let tiles = io.parameters.chunks(GROUPS * (1 + n)).zip(io.output.chunks_mut(GROUPS));
    for (parameters, output) in tiles {
        if let Ok(output) = <&mut [Vec4; GROUPS]>::try_from(&mut *output) {
            groups(parameters, input, bend, output);
        } else {
            for (parameters, output) in parameters.chunks_exact(1 + n).zip(output) {
                groups(parameters, input, bend, std::array::from_mut(output));
            }
        }
    }
}

#[inline(always)]
fn groups<const G: usize>(parameters: &[Vec4], input: &[f32], bend: Bend, output: &mut [Vec4; G]) {
    let n = input.len();
    let weights: [&[Vec4]; G] = std::array::from_fn(|g| &parameters[g * (1 + n) + 1..][..n]);
    let mut sums: [F32x4; G] = std::array::from_fn(|g| F32x4::load(parameters[g * (1 + n)]));
    for (k, &value) in input.iter().enumerate() {
        let x = F32x4::splat(value);
        for (sum, weights) in sums.iter_mut().zip(weights) {
            *sum = sum.mul_add(x, F32x4::load(weights[k]));
        }
    }
    *output = bend.apply_to(sums).map(F32x4::store);
}
