//! Four channels at a time, in one sweep over the source rows.
//!
//! Each source row that some output needs is unpacked, resampled to the output's width, and added to the few output
//! rows that it belongs to; an output row is normalised when its last source row has been added. So the source is
//! read once, in order, and two rows of `f32` are all the memory that this takes.

use super::Job;
use crate::lane::Vec4;
use crate::pixels::{Finish, accumulate, across, overwrite, unpack};

/// Rows in flight, kept between frames.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The used stretch of one source row, in front of the background.
    source: Vec<Vec4>,
    /// The same row at the output's width.
    across: Vec<Vec4>,
}

impl Buffers {
    /// Room for rows of those lengths.
    pub(super) fn fit(&mut self, source_px: usize, target_px: usize) {
        self.source.resize(source_px, [0.0; 4]);
        self.across.resize(target_px, [0.0; 4]);
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> Vec<(usize, usize)> {
        [&self.source, &self.across].map(|row| (row.as_ptr() as usize, row.capacity())).to_vec()
    }
}

/// Fills `out`, `[rows, columns]`.
pub(super) fn resample(job: &Job<'_>, buffers: &mut Buffers, out: &mut [Vec4]) {
    let width = job.columns.len();
    let columns = job.columns.used();
    let finish = Finish::new(job.rounded, job.mean, job.std);
    let bytes = |y: usize| {
        let begin = y * job.frame.width_px;
        &job.frame.rgba[(begin + columns.start) * 4..(begin + columns.end) * 4]
    };
    if job.as_is {
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            unpack(bytes(y), job.background, row);
            finish.run(row);
        }
        return;
    }
    let (runs, weights) = job.columns.parts();
    let mut open = 0; // The first output row that still waits for a source row.
    for y in job.rows.used() {
        let (first, _) = job.rows.get(open);
        if first > y {
            continue;
        }
        unpack(bytes(y), job.background, &mut buffers.source);
        across(&buffers.source, columns.start, runs, weights, job.rounded, &mut buffers.across);
        let mut done = open;
        for output in open..job.rows.len() {
            let (first, weights) = job.rows.get(output);
            if first > y {
                break;
            }
            let row = &mut out[output * width..][..width];
            let weight = weights[y - first];
            if first == y {
                overwrite(row, &buffers.across, weight);
            } else {
                accumulate(row, &buffers.across, weight);
            }
            if first + weights.len() == y + 1 {
                finish.run(row);
                done = output + 1;
            }
        }
        open = done;
    }
}
