//! Register tiles of four inputs × eight outputs. What lies in a tile's eight columns of the gradient is gathered once a block
//! of pixels: maps of 1024 channels would otherwise put all of a column's pixels into one set of the L1 cache.

use crate::Io;
use crate::gradients::{BLOCK, TrainPointwise};
use crate::lane::{F32x4, Vec4, lanes};

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainPointwise, io: Io<'_>) {
    let (in_channels, out_lanes) = (p.in_channels as usize, p.out_lanes.all as usize);
    let (in_lanes, first) = (lanes(in_channels), p.out_lanes.first as usize);
    io.output.fill(Vec4::default());
    for (input, side) in io.input.chunks(BLOCK * in_lanes).zip(io.side.chunks(BLOCK * out_lanes)) {
        let block = Block { in_channels, in_lanes, input, out_lanes, side };
        for (pair, output) in io.output.chunks_mut(2 * (1 + in_channels)).enumerate() {
            if output.len() > 1 + in_channels {
                block.outputs::<2>(first + 2 * pair, output);
            } else {
                block.outputs::<1>(first + 2 * pair, output);
            }
        }
    }
}

struct Block<'a> {
    in_channels: usize,
    in_lanes: usize,
    input: &'a [Vec4],
    out_lanes: usize,
    side: &'a [Vec4],
}

impl Block<'_> {
    /// Adds to the gradient of `G` groups of output channels, starting at `group`.
    #[inline(always)]
    fn outputs<const G: usize>(&self, group: usize, output: &mut [Vec4]) {
        let n = self.in_channels;
        let mut columns = [[Vec4::default(); G]; BLOCK];
        let pixels = self.side.chunks_exact(self.out_lanes);
        let columns = &mut columns[..pixels.len()];
        let mut sums = [F32x4::splat(0.0); G];
        for (column, pixel) in columns.iter_mut().zip(pixels) {
            *column = std::array::from_fn(|g| pixel[group + g]);
            sums = std::array::from_fn(|g| sums[g] + F32x4::load(column[g]));
        }
        for (g, sum) in sums.into_iter().enumerate() {
            add(&mut output[g * (1 + n)], sum);
        }
        for lane in 0..self.in_lanes {
            let sums = self.tile(lane, columns);
            // Lanes past the last channel have no weights.
            for (i, sums) in sums.into_iter().enumerate().take(n - lane * 4) {
                for (g, sum) in sums.into_iter().enumerate() {
                    add(&mut output[g * (1 + n) + 1 + lane * 4 + i], sum);
                }
            }
        }
    }

    /// The sums of four inputs.
    #[inline(always)]
    fn tile<const G: usize>(&self, lane: usize, columns: &[[Vec4; G]]) -> [[F32x4; G]; 4] {
        let mut sums = [[F32x4::splat(0.0); G]; 4];
        for (pixel, column) in self.input.chunks_exact(self.in_lanes).zip(columns) {
            let x = pixel[lane];
            let side = column.map(F32x4::load);
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = F32x4::splat(x);
                for (sum, side) in sums.iter_mut().zip(side) {
                    *sum = sum.mul_add(x, side);
                }
            }
        }
        sums
    }
}

#[inline(always)]
fn add(to: &mut Vec4, sum: F32x4) {
    *to = (F32x4::load(*to) + sum).store();
}
