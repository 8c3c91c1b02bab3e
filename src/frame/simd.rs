//! Four channels at a time, in one sweep over the source rows.
//!
//! Each source row that some output needs is resampled to the output's width, once, and kept in a ring that is as deep as
//! outputs are high in source rows; an output row is then summed and normalised in one go. So the source is read once, in
//! order, and a few rows of `f32` are all the memory that this takes.

use super::Job;
use super::taps::Taps;
use crate::lane::Vec4;
use crate::pixels::{Finish, across, between, unpack};

/// Rows in flight, kept between frames.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The used stretch of one source row, in front of the background.
    source: Vec<Vec4>,
    /// The last source rows at the output's width.
    ring: Vec<Vec4>,
}

impl Buffers {
    /// Room for rows of that resampling.
    pub(super) fn fit(&mut self, rows: &Taps, columns: &Taps) {
        self.source.resize(columns.used().len(), [0.0; 4]);
        self.ring.resize(rows.most() * columns.len(), [0.0; 4]);
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> Vec<(usize, usize)> {
        [&self.source, &self.ring].map(|row| (row.as_ptr() as usize, row.capacity())).to_vec()
    }
}

/// Fills `out`, `[rows, columns]`.
pub(super) fn resample(job: &Job<'_>, buffers: &mut Buffers, out: &mut [Vec4]) {
    let Buffers { source, ring } = buffers;
    let width = job.columns.len();
    let used = job.columns.used();
    let (runs, weights) = job.columns.parts();
    let are_pairs = job.columns.are_pairs();
    let finish = Finish::new(job.rounded, job.mean, job.std);
    let mut ready = 0; // Source rows before this one are in the ring, or are never read.
    for (out, (first, row_weights)) in out.chunks_exact_mut(width).zip(job.rows.iter()) {
        let past = first + row_weights.len();
        for y in ready.max(first)..past {
            let begin = y * job.frame.width_px;
            let bytes = &job.frame.rgba[(begin + used.start) * 4..(begin + used.end) * 4];
            let place = y * width % ring.len();
            let to = &mut ring[place..place + width];
            if job.as_is {
                unpack(bytes, job.background, to);
            } else if !(are_pairs && between(bytes, used.start, runs, weights, job.rounded, to)) {
                unpack(bytes, job.background, source);
                across(source, used.start, runs, weights, job.rounded, to);
            }
        }
        ready = past;
        finish.run(ring, first, row_weights, out);
    }
}
