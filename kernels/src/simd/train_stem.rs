//! What the windows of four neighbouring output pixels see is gathered once, as the forward kernel does.

use super::TILE_PIXELS;
use super::stem::{Map, ROOM};
use crate::Io;
use crate::gradients::TrainStem;
use crate::lane::{F32x4, Vec4};

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainStem, io: Io<'_>) {
    let map = Map::new(&p.layer, io.input);
    let (width, lanes, taps) = (p.layer.out_width as usize, p.layer.out_lanes as usize, map.taps());
    let mut seen = [Vec4::default(); ROOM];
    let most = map.most_pixels().min(TILE_PIXELS);
    io.output.fill(Vec4::default());
    for (y, side) in io.side.chunks_exact(width * lanes).enumerate() {
        for (tile, side) in side.chunks(most * lanes).enumerate() {
            let pixels = side.len() / lanes;
            let seen: &[f32] = bytemuck::cast_slice(map.gather(y, tile * most, pixels, &mut seen));
            let stride = seen.len() / pixels;
            for (lane, output) in io.output.chunks_exact_mut(1 + taps).enumerate() {
                let (bias, weights) = output.split_at_mut(1);
                let sides = || side.iter().skip(lane).step_by(lanes).map(|side| F32x4::load(*side));
                bias[0] = sides().fold(F32x4::load(bias[0]), |sum, side| sum + side).store();
                for (tap, weight) in weights.iter_mut().enumerate() {
                    let pixels = seen.iter().skip(tap).step_by(stride).zip(sides());
                    let sum = pixels.fold(F32x4::load(*weight), |sum, (x, side)| sum.mul_add(F32x4::splat(*x), side));
                    *weight = sum.store();
                }
            }
        }
    }
}
