//! The gradient of a map that was pooled.

use crate::Io;
use crate::gradients::TrainPool;
use crate::lane::Vec4;

/// `output[y, x, c] = side[c] / (height · width)` of the pixels that counted, 0 of others. Where the largest was taken, all of
/// that size share `side[c]`.
///
/// `input` is the map, read for its largest pixels only; `side` the gradient of the vector.
#[expect(clippy::cast_precision_loss, reason = "a map has far fewer than 2²⁴ pixels")]
pub fn run(p: &TrainPool, io: Io<'_>) {
    let (lanes, in_width) = (p.lanes as usize, p.in_width as usize);
    io.output.fill(Vec4::default());
    for c in 0..lanes * 4 {
        let places = || {
            let pixels = (0..p.height as usize).flat_map(|y| (0..p.width as usize).map(move |x| y * in_width + x));
            pixels.map(|pixel| pixel * lanes + c / 4)
        };
        let side = io.side[c / 4][c % 4];
        if p.max == 0 {
            places().for_each(|at| io.output[at][c % 4] = side / (p.height * p.width) as f32);
            continue;
        }
        let largest = places().map(|at| io.input[at][c % 4]).fold(f32::MIN, f32::max);
        let is_largest = |at: &usize| io.input[*at][c % 4] == largest;
        let share = side / places().filter(is_largest).count() as f32;
        places().filter(is_largest).for_each(|at| io.output[at][c % 4] = share);
    }
}
