//! Four channels at a time; which pixels are the largest is asked of each by itself.

use crate::Io;
use crate::gradients::TrainPool;
use crate::lane::Vec4;

/// See the reference.
#[inline(never)]
#[expect(clippy::cast_precision_loss, reason = "a map has far fewer than 2²⁴ pixels")]
pub fn run(p: &TrainPool, io: Io<'_>) {
    let (lanes, row) = (p.lanes as usize, p.in_width as usize * p.lanes as usize);
    let (height, width) = (p.height as usize, p.width as usize * lanes);
    io.output.fill(Vec4::default());
    for (lane, side) in io.side.iter().enumerate() {
        let outputs = io.output.chunks_exact_mut(row).take(height);
        let outputs = outputs.flat_map(|row| row[..width].iter_mut().skip(lane).step_by(lanes));
        if p.max == 0 {
            let share = side.map(|side| side / (p.height * p.width) as f32);
            outputs.for_each(|output| *output = share);
            continue;
        }
        let inputs =
            || io.input.chunks_exact(row).take(height).flat_map(|row| row[..width].iter().skip(lane).step_by(lanes));
        let zip = |a: Vec4, b: Vec4, of: fn(f32, f32) -> f32| -> Vec4 { std::array::from_fn(|c| of(a[c], b[c])) };
        let largest = inputs().fold([f32::MIN; 4], |largest, input| zip(largest, *input, f32::max));
        let is_largest = |input: &Vec4| zip(*input, largest, |input, largest| f32::from(input == largest));
        let count = inputs().fold(Vec4::default(), |count, input| zip(count, is_largest(input), |a, b| a + b));
        let share = zip(*side, count, |side, count| side / count);
        for (output, input) in outputs.zip(inputs()) {
            *output = zip(share, is_largest(input), |share, is| if is > 0.0 { share } else { 0.0 });
        }
    }
}
