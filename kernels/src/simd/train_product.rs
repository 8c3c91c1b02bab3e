//! The tiles of [`pointwise`](super::pointwise), but for maps of many pixels and channels: a few inputs of all pixels at a time,
//! so that a tile's weights stay in the L1 cache while the pixels stream past. Sums wait in the output meanwhile.

use crate::Io;
use crate::gradients::TrainProduct;
use crate::lane::{F32x4, Vec4, lanes};

/// Inputs at a time: eight outputs' weights of them are 8 KiB.
const DEPTH: usize = 256;
/// Pixels at a time: what they read then stays in the L2 cache.
const PIXELS: usize = 256;
const TILE_PIXELS: usize = 4;

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainProduct, io: Io<'_>) {
    let (n, out_lanes) = (p.in_channels as usize, p.out_lanes as usize);
    let stride = lanes(n) * 4;
    let input: &[f32] = bytemuck::cast_slice(io.input);
    for (input, output) in input.chunks(PIXELS * stride).zip(io.output.chunks_mut(PIXELS * out_lanes)) {
        for begin in (0..n).step_by(DEPTH) {
            let inputs = begin..n.min(begin + DEPTH);
            let mut part = Part { n, stride, out_lanes, inputs, input, output: &mut *output };
            for (pair, parameters) in io.parameters.chunks(2 * (1 + n)).enumerate() {
                if parameters.len() > 1 + n {
                    part.outputs::<2>(parameters, 2 * pair);
                } else {
                    part.outputs::<1>(parameters, 2 * pair);
                }
            }
        }
    }
}

/// Some inputs of some pixels.
struct Part<'a> {
    n: usize,
    stride: usize,
    out_lanes: usize,
    inputs: std::ops::Range<usize>,
    input: &'a [f32],
    output: &'a mut [Vec4],
}

impl Part<'_> {
    /// `G` groups of output channels, starting at `group`, of all pixels.
    #[inline(always)]
    fn outputs<const G: usize>(&mut self, parameters: &[Vec4], group: usize) {
        let group_length = 1 + self.n;
        let biases: [Vec4; G] = std::array::from_fn(|g| parameters[g * group_length]);
        let weights: [&[Vec4]; G] =
            std::array::from_fn(|g| &parameters[g * group_length + 1..][..self.n][self.inputs.clone()]);
        let pixels = self.output.len() / self.out_lanes;
        let whole = pixels - pixels % TILE_PIXELS;
        for pixel in (0..whole).step_by(TILE_PIXELS) {
            self.tile::<TILE_PIXELS, G>(biases, weights, pixel, group);
        }
        for pixel in whole..pixels {
            self.tile::<1, G>(biases, weights, pixel, group);
        }
    }

    #[inline(always)]
    fn tile<const P: usize, const G: usize>(
        &mut self,
        biases: [Vec4; G],
        weights: [&[Vec4]; G],
        pixel: usize,
        group: usize,
    ) {
        let Self { stride, out_lanes, inputs, input, output, .. } = self;
        let depth = inputs.len();
        let weights = weights.map(|weights| &weights[..depth]);
        let rows: [&[f32]; P] =
            std::array::from_fn(|i| &input[(pixel + i) * *stride..][..*stride][inputs.clone()][..depth]);
        let mut sums: [[F32x4; G]; P] = std::array::from_fn(|i| {
            let so_far = &output[(pixel + i) * *out_lanes + group..][..G];
            std::array::from_fn(|g| F32x4::load(if inputs.start == 0 { biases[g] } else { so_far[g] }))
        });
        for k in 0..depth {
            let w: [F32x4; G] = std::array::from_fn(|g| F32x4::load(weights[g][k]));
            for (sums, row) in sums.iter_mut().zip(rows) {
                let x = F32x4::splat(row[k]);
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = sum.mul_add(x, w);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (output, sum) in output[(pixel + i) * *out_lanes + group..][..G].iter_mut().zip(sums) {
                *output = sum.store();
            }
        }
    }
}
