//! What the windows of four neighbouring output pixels see is gathered once, as the forward kernel does.

use super::TILE_PIXELS;
use super::stem::{MOST_TAPS, Map};
use crate::Io;
use crate::gradients::TrainStem;
use crate::lane::{F32x4, Vec4};

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainStem, io: Io<'_>) {
    let map = Map::new(&p.layer, io.input, &[]);
    let (width, lanes) = (p.layer.out_width as usize, p.layer.out_lanes as usize);
    let mut seen = [[0.0; TILE_PIXELS]; MOST_TAPS];
    let seen = &mut seen[..map.taps()];
    io.output.fill(Vec4::default());
    for (y, side) in io.side.chunks_exact(width * lanes).enumerate() {
        for (tile, side) in side.chunks(TILE_PIXELS * lanes).enumerate() {
            map.gather(y, tile * TILE_PIXELS, seen);
            for (lane, output) in io.output.chunks_exact_mut(1 + seen.len()).enumerate() {
                let (bias, weights) = output.split_at_mut(1);
                // Pixels past the row's end have no gradient.
                let sides = || side.iter().skip(lane).step_by(lanes).map(|side| F32x4::load(*side));
                bias[0] = sides().fold(F32x4::load(bias[0]), |sum, side| sum + side).store();
                for (weight, seen) in weights.iter_mut().zip(&*seen) {
                    let pixels = seen.iter().zip(sides());
                    let sum = pixels.fold(F32x4::load(*weight), |sum, (x, side)| sum.mul_add(F32x4::splat(*x), side));
                    *weight = sum.store();
                }
            }
        }
    }
}
