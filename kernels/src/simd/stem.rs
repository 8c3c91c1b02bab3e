//! What the windows of four neighbouring output pixels see is gathered once, tap by tap, and then multiplied by the weights
//! of eight output channels at a time. Where a row's width is no multiple of four, its last tile begins earlier.

use super::{Axis, Bend, TILE_PIXELS};
use crate::lane::{F32x4, Vec4};
use crate::{Conv, Io};

/// A window of 15 × 15 pixels of four channels, which is the largest that tables of networks may ask for.
pub(super) const MOST_TAPS: usize = 15 * 15 * 4;

/// See the reference.
#[inline(never)]
pub fn run(p: &Conv, io: Io<'_>) {
    let map = Map::new(p, io.input, io.parameters);
    let width = map.columns.positions;
    let tile = width.min(TILE_PIXELS);
    let mut seen = [[0.0; TILE_PIXELS]; MOST_TAPS];
    let seen = &mut seen[..map.taps()];
    for (y, output) in io.output.chunks_exact_mut(width * map.lanes).enumerate() {
        for x in (0..width).step_by(TILE_PIXELS).map(|x| x.min(width - tile)) {
            map.gather(y, x, seen);
            map.multiply(seen, &mut output[x * map.lanes..][..tile * map.lanes]);
        }
    }
}

pub(super) struct Map<'a> {
    rows: Axis,
    columns: Axis,
    /// Of the output.
    lanes: usize,
    /// Of the input.
    channels: usize,
    bend: Bend,
    input: &'a [Vec4],
    parameters: &'a [Vec4],
}

impl<'a> Map<'a> {
    pub(super) fn new(p: &Conv, input: &'a [Vec4], parameters: &'a [Vec4]) -> Self {
        let window = [p.kernel, p.stride, 1];
        Self {
            rows: Axis::new(p.in_height, p.out_height, p.pad_top, window),
            columns: Axis::new(p.in_width, p.out_width, p.pad_left, window),
            lanes: p.out_lanes as usize,
            channels: p.in_channels as usize,
            bend: Bend::new(p.curve),
            input,
            parameters,
        }
    }

    pub(super) fn taps(&self) -> usize {
        self.columns.kernel * self.columns.kernel * self.channels
    }

    /// What the windows of the pixels at `x` and right of it see, in the order of the weights; zeros outside the map.
    pub(super) fn gather(&self, y: usize, x: usize, seen: &mut [[f32; TILE_PIXELS]]) {
        let Axis { kernel, stride, length: width, .. } = self.columns;
        let (top, present) = self.rows.window(y);
        let (left, _) = self.columns.window(x);
        for (i, seen) in seen.chunks_exact_mut(kernel * self.channels).enumerate() {
            if !present.contains(&i) {
                seen.fill([0.0; TILE_PIXELS]);
                continue;
            }
            let row = &self.input[top.wrapping_add(i) * width..][..width];
            for (j, seen) in seen.chunks_exact_mut(self.channels).enumerate() {
                let pixels: [Vec4; TILE_PIXELS] =
                    std::array::from_fn(|n| row.get(left.wrapping_add(n * stride + j)).copied().unwrap_or_default());
                for (c, seen) in seen.iter_mut().enumerate() {
                    *seen = pixels.map(|pixel| pixel[c % 4]);
                }
            }
        }
    }

    fn multiply(&self, seen: &[[f32; TILE_PIXELS]], output: &mut [Vec4]) {
        let group = 1 + seen.len();
        for (pair, parameters) in self.parameters.chunks(2 * group).enumerate() {
            if parameters.len() > group {
                self.groups::<2>(seen, 2 * pair, parameters, output);
            } else {
                self.groups::<1>(seen, 2 * pair, parameters, output);
            }
        }
    }

    #[inline(always)]
    fn groups<const G: usize>(
        &self,
        seen: &[[f32; TILE_PIXELS]],
        group: usize,
        parameters: &[Vec4],
        output: &mut [Vec4],
    ) {
        let n = seen.len();
        let weights: [&[Vec4]; G] = std::array::from_fn(|g| &parameters[g * (1 + n) + 1..][..n]);
        let mut sums: [[F32x4; G]; TILE_PIXELS] =
            [std::array::from_fn(|g| F32x4::load(parameters[g * (1 + n)])); TILE_PIXELS];
        for (k, seen) in seen.iter().enumerate() {
            let w: [F32x4; G] = std::array::from_fn(|g| F32x4::load(weights[g][k]));
            for (sums, &x) in sums.iter_mut().zip(seen) {
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = sum.mul_add(F32x4::splat(x), w);
                }
            }
        }
        for (output, sums) in output.chunks_exact_mut(self.lanes).zip(sums) {
            for (output, bent) in output[group..].iter_mut().zip(self.bend.apply_to(sums)) {
                *output = bent.store();
            }
        }
    }
}
