//! Four channels at a time; a window's row of sums stays in registers while it moves over the map.

use super::Axis;
use crate::Io;
use crate::gradients::TrainDepthwise;
use crate::lane::{F32x4, Vec4};

/// See the reference.
#[inline(never)]
pub fn run(p: &TrainDepthwise, io: Io<'_>) {
    let p = &p.layer;
    let window = [p.kernel, p.stride, p.dilation];
    let map = Map {
        rows: Axis::new(p.in_height, p.out_height, p.pad_top, window),
        columns: Axis::new(p.in_width, p.out_width, p.pad_left, window),
        lanes: p.lanes as usize,
        input: io.input,
        side: io.side,
    };
    let kernel = map.columns.kernel;
    for (lane, output) in io.output.chunks_exact_mut(1 + kernel * kernel).enumerate() {
        let sides = map.side.iter().skip(lane).step_by(map.lanes);
        output[0] = sides.fold(F32x4::splat(0.0), |sum, side| sum + F32x4::load(*side)).store();
        for (i, output) in output[1..].chunks_exact_mut(kernel).enumerate() {
            // As many sums at once as the usual windows have; others one by one.
            match <&mut [Vec4; 3]>::try_from(&mut *output) {
                Ok(output) => *output = map.sums(lane, i, 0),
                Err(_) => match <&mut [Vec4; 5]>::try_from(&mut *output) {
                    Ok(output) => *output = map.sums(lane, i, 0),
                    Err(_) => {
                        for (j, output) in output.iter_mut().enumerate() {
                            [*output] = map.sums(lane, i, j);
                        }
                    }
                },
            }
        }
    }
}

struct Map<'a> {
    rows: Axis,
    columns: Axis,
    lanes: usize,
    input: &'a [Vec4],
    side: &'a [Vec4],
}

impl Map<'_> {
    /// Of row `i` of the window, the sums at `j` and right of it.
    #[inline(always)]
    fn sums<const N: usize>(&self, lane: usize, i: usize, j: usize) -> [Vec4; N] {
        let Self { rows, columns, lanes, .. } = self;
        let row_length = columns.length * lanes;
        let mut sums = [F32x4::splat(0.0); N];
        for (y, side) in self.side.chunks_exact(columns.positions * lanes).enumerate() {
            let (top, present) = rows.window(y);
            if !present.contains(&i) {
                continue;
            }
            let row = &self.input[top.wrapping_add(i * rows.dilation) * row_length..][..row_length];
            for x in 0..columns.positions {
                let side = F32x4::load(side[x * lanes + lane]);
                let left = (x * columns.stride + j * columns.dilation).wrapping_sub(columns.pad);
                for (n, sum) in sums.iter_mut().enumerate() {
                    // Left of the row this is beyond its end.
                    let at = left.wrapping_add(n * columns.dilation).wrapping_mul(*lanes).wrapping_add(lane);
                    let value = row.get(at).copied().unwrap_or_default();
                    *sum = sum.mul_add(F32x4::load(value), side);
                }
            }
        }
        sums.map(F32x4::store)
    }
}
