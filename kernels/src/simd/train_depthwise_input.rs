//! Which output pixels read an input pixel is found once for all of its channels.

use crate::Io;
use crate::gradients::TrainDepthwiseInput;
use crate::lane::F32x4;

/// A window of 15 × 15 pixels, which is the largest that tables of networks may ask for.
const MOST_TAPS: usize = 15 * 15;

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainDepthwiseInput, io: Io<'_>) {
    let p = &p.layer;
    let (kernel, lanes) = (p.kernel as usize, p.lanes as usize);
    let (in_width, out_width) = (p.in_width as usize, p.out_width as usize);
    let reader = |at: usize, pad: u32, offset: usize, length: u32| {
        let from = (at + pad as usize).checked_sub(offset * p.dilation as usize)?;
        let position = from / p.stride as usize;
        (from % p.stride as usize == 0 && position < length as usize).then_some(position)
    };
    let mut readers = [(0, 0); MOST_TAPS];
    for (at, output) in io.output.chunks_exact_mut(lanes).enumerate() {
        let mut count = 0;
        for i in 0..kernel {
            let Some(y) = reader(at / in_width, p.pad_top, i, p.out_height) else { continue };
            for j in 0..kernel {
                let Some(x) = reader(at % in_width, p.pad_left, j, p.out_width) else { continue };
                readers[count] = (i * kernel + j, (y * out_width + x) * lanes);
                count += 1;
            }
        }
        let groups = io.parameters.chunks_exact(1 + kernel * kernel);
        for (lane, (output, parameters)) in output.iter_mut().zip(groups).enumerate() {
            let term = |sum: F32x4, &(tap, pixel): &(usize, usize)| {
                sum.mul_add(F32x4::load(io.input[pixel + lane]), F32x4::load(parameters[1 + tap]))
            };
            *output = readers[..count].iter().fold(F32x4::splat(0.0), term).store();
        }
    }
}
