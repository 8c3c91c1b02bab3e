//! One number a channel, from all pixels of the upper left part of a map.

use crate::{GlobalPool, Io};

/// `output[c] = Σ input[y, x, c] / (height · width)`, or the largest of them.
#[expect(clippy::cast_precision_loss, reason = "a map has far fewer than 2²⁴ pixels")]
pub fn run(p: &GlobalPool, io: Io<'_>) {
    let (lanes, in_width) = (p.lanes as usize, p.in_width as usize);
    for c in 0..lanes * 4 {
        let values = (0..p.height as usize)
            .flat_map(|y| (0..p.width as usize).map(move |x| y * in_width + x))
            .map(|pixel| io.input[pixel * lanes + c / 4][c % 4]);
        io.output[c / 4][c % 4] = if p.max == 0 {
            values.sum::<f32>() / (p.height * p.width) as f32
        } else {
            values.fold(f32::MIN, f32::max)
        };
    }
}
