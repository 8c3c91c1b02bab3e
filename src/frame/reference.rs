//! The definition: every output pixel is the weighted sum of its source pixels, in `f64`.

use super::Job;
use crate::lane::Vec4;

/// Fills `out`, `[rows, columns]`.
pub(super) fn resample(job: &Job<'_>, out: &mut [Vec4]) {
    let width = job.columns.len();
    for (index, pixel) in out.iter_mut().enumerate() {
        let (first_row, row_weights) = job.rows.get(index / width);
        let (first_column, column_weights) = job.columns.get(index % width);
        let mut sum = [0.0; 3];
        for (y, row_weight) in (first_row..).zip(row_weights) {
            for (x, column_weight) in (first_column..).zip(column_weights) {
                let weight = f64::from(*row_weight) * f64::from(*column_weight);
                let color = opaque(job, y, x);
                for channel in 0..3 {
                    sum[channel] += weight * color[channel];
                }
            }
        }
        *pixel = [0.0; 4];
        for channel in 0..3 {
            let (mean, std) = (f64::from(job.mean[channel]), f64::from(job.std[channel]));
            pixel[channel] = ((sum[channel] - mean) / std) as f32;
        }
    }
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
