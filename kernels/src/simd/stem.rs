//! What the windows of neighbouring output pixels see is gathered once, pixel after pixel: then it is a map of as many
//! channels as a window has taps, and the rest a pointwise convolution.

use super::{Axis, pointwise};
use crate::lane::{Vec4, lanes};
use crate::{Conv, Io, Pointwise};

/// Room for gathered taps: four pixels of the largest window that tables of networks may ask for, 15 × 15 × 4, or most of a
/// row of usual ones. It stays in the L1 cache.
pub(super) const ROOM: usize = 1024;

/// See the reference.
#[inline(never)]
pub fn run(p: &Conv, io: Io<'_>) {
    let map = Map::new(p, io.input);
    let (taps, out_lanes) = (map.taps(), p.out_lanes as usize);
    let mut seen = [[0.0; 4]; ROOM];
    let most = map.most_pixels();
    for (y, output) in io.output.chunks_exact_mut(p.out_width as usize * out_lanes).enumerate() {
        for (tile, output) in output.chunks_mut(most * out_lanes).enumerate() {
            let pixels = output.len() / out_lanes;
            let input = map.gather(y, tile * most, pixels, &mut seen);
            #[expect(clippy::cast_possible_truncation, reason = "a row's pixels and a window's taps")]
            let p = Pointwise {
                pixels: pixels as u32,
                in_channels: taps as u32,
                out_lanes: p.out_lanes,
                residual: 0,
                curve: p.curve,
            };
            pointwise::run(&p, Io { input, side: &[], parameters: io.parameters, output });
        }
    }
}

pub(super) struct Map<'a> {
    rows: Axis,
    columns: Axis,
    /// Of the input.
    channels: usize,
    input: &'a [Vec4],
}

impl<'a> Map<'a> {
    pub(super) fn new(p: &Conv, input: &'a [Vec4]) -> Self {
        let window = [p.kernel, p.stride, 1];
        Self {
            rows: Axis::new(p.in_height, p.out_height, p.pad_top, window),
            columns: Axis::new(p.in_width, p.out_width, p.pad_left, window),
            channels: p.in_channels as usize,
            input,
        }
    }

    pub(super) fn taps(&self) -> usize {
        self.columns.kernel * self.columns.kernel * self.channels
    }

    /// How many pixels' taps there is room for.
    pub(super) fn most_pixels(&self) -> usize {
        (ROOM - 1) / lanes(self.taps())
    }

    /// What the windows of `pixels` from `x` on see, in the order of the weights, as a map; zeros outside the picture.
    pub(super) fn gather<'b>(&self, y: usize, x: usize, pixels: usize, seen: &'b mut [Vec4; ROOM]) -> &'b [Vec4] {
        let Axis { kernel, length: width, .. } = self.columns;
        let (top, present) = self.rows.window(y);
        let stride = lanes(self.taps());
        let values: &mut [f32] = bytemuck::cast_slice_mut(seen);
        for pixel in 0..pixels {
            let (left, _) = self.columns.window(x + pixel);
            let mut at = pixel * stride * 4;
            for i in 0..kernel {
                let row = if present.contains(&i) { &self.input[top.wrapping_add(i) * width..][..width] } else { &[] };
                let mut put = |value: Vec4| {
                    // A whole vector, of which the next one overwrites what is no channel.
                    values[at..][..4].copy_from_slice(&value);
                    at += self.channels;
                };
                match row.get(left..left.wrapping_add(kernel)) {
                    Some(inside) => inside.iter().for_each(|&value| put(value)),
                    None => (0..kernel).for_each(|j| put(row.get(left.wrapping_add(j)).copied().unwrap_or_default())),
                }
            }
        }
        &seen[..pixels * stride]
    }
}
