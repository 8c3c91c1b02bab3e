//! A convolution of integers over all channels.

use super::inside;
use crate::Io;
use crate::header::Header;
use crate::integers::{Channels, HEADER, IntegerConv, eights, map, map_mut};

/// `output[y, x, o] = clamp(rescale[o](bias[o] +
/// Σ input[y·stride − pad_top + i, x·stride − pad_left + j, c] · weight[o, c, i, j]))`
///
/// Parameters: `[least, greatest, whether halves are rounded up, –]`, `[how weights are packed, zero point, –, –]`, then for
/// each eight output channels eight biases, multipliers and shifts, and for each position in the window and each pair of
/// input channels `[8 outputs][2 inputs]`, or `[8 outputs][4 inputs]` bytes for each four: of those the biases lack what
/// zero points add.
pub fn run(p: &IntegerConv, io: Io<'_>) {
    let (input, output) = (map(io.input), map_mut(io.output));
    let (header, channels) = (Header::new(io.parameters), p.in_channels as usize);
    let (kernel, in_size) = (p.kernel as usize, [p.in_height, p.in_width]);
    let (in_stride, out_stride) = (eights(channels), p.out_eights as usize);
    let groups = io.parameters[HEADER..].chunks_exact(header.dots.group(channels, kernel * kernel)).take(out_stride);
    for (eight, group) in groups.map(Channels::new).enumerate() {
        for (y, x) in (0..p.out_height).flat_map(|y| (0..p.out_width).map(move |x| (y, x))) {
            let mut sums = [0_i32; 8];
            sums.copy_from_slice(group.biases);
            for tap in 0..kernel * kernel {
                let [top, left] = [y * p.stride + (tap / kernel) as u32, x * p.stride + (tap % kernel) as u32];
                let pixel = inside([top, left], [p.pad_top, p.pad_left], in_size);
                for c in 0..channels {
                    let value = header.operand(pixel.map_or(0, |pixel| input[pixel * in_stride + c / 8][c % 8]));
                    for (o, sum) in sums.iter_mut().enumerate() {
                        *sum = sum.wrapping_add(value * header.weight(&group, [channels, tap, c, o]));
                    }
                }
            }
            let pixel = (y * p.out_width + x) as usize * out_stride;
            for (o, sum) in sums.into_iter().enumerate() {
                output[pixel + eight][o] = header.bounds.output(sum, group.rescale(o));
            }
        }
    }
}
