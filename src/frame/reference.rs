//! The definition: every output pixel is the weighted sum of its source pixels, in `f64`,
//! along its row first and then along the column.

use super::Job;
use crate::lane::Vec4;
use crate::pixels::TIE;

/// Fills `out`, `[rows, columns]`.
pub(super) fn resample(job: &Job<'_>, out: &mut [Vec4]) {
    let width = job.columns.len();
    for (index, pixel) in out.iter_mut().enumerate() {
        let (first_row, row_weights) = job.rows.get(index / width);
        let (first_column, column_weights) = job.columns.get(index % width);
        let mut sum = [0.0; 3];
        for (y, row_weight) in (first_row..).zip(row_weights) {
            let mut across = [0.0; 3];
            for (x, column_weight) in (first_column..).zip(column_weights) {
                let color = opaque(job, y, x);
                for channel in 0..3 {
                    across[channel] += f64::from(*column_weight) * color[channel];
                }
            }
            for channel in 0..3 {
                sum[channel] += f64::from(*row_weight) * stored(job, across[channel]);
            }
        }
        *pixel = [0.0; 4];
        for channel in 0..3 {
            let (mean, std) = (f64::from(job.mean[channel]), f64::from(job.std[channel]));
            pixel[channel] = ((stored(job, sum[channel]) - mean) / std) as f32;
        }
    }
}

/// A pass's result as the original keeps it: in whole units, or as it is.
fn stored(job: &Job<'_>, value: f64) -> f64 {
    if job.rounded { (value + f64::from(TIE)).round() } else { value }
}

/// A source pixel's colour in front of the background, 0 … 255. Before resampling, so that no colour of a
/// transparent pixel leaks into its neighbours.
fn opaque(job: &Job<'_>, y: usize, x: usize) -> [f64; 3] {
    let at = (y * job.frame.width_px + x) * 4;
    let alpha = f64::from(job.frame.rgba[at + 3]);
    std::array::from_fn(|channel| {
        let (color, behind) = (f64::from(job.frame.rgba[at + channel]), f64::from(job.background[channel]));
        (color * alpha + behind * (255.0 - alpha)) / 255.0
    })
}
