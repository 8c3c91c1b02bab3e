//! One axis' resampling as weighted source pixels: computed once a source size, the same for both bodies.

use super::crop::Axis;
use crate::model::Sampling;
use crate::pixels::Run;
use std::ops::Range;

/// For every output pixel of one axis, the run of source pixels that it is a weighted sum of.
///
/// Both ends of the runs never decrease from one output to the next; the SIMD body's single sweep relies on that.
#[derive(Debug, Default)]
pub(super) struct Taps {
    runs: Vec<Run>,
    weights: Vec<f32>,
}

impl Taps {
    /// How many output pixels.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// First source pixel and weights of an output pixel.
    #[inline]
    pub(super) fn get(&self, output: usize) -> (usize, &[f32]) {
        let run = self.runs[output];
        (run.first, &self.weights[run.begin..run.end])
    }

    /// Every output pixel's [`Taps::get`], in order.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.runs.iter().map(|run| (run.first, &self.weights[run.begin..run.end]))
    }

    /// How many source pixels an output reads at most.
    pub(super) fn most(&self) -> usize {
        self.iter().map(|(_, weights)| weights.len()).max().unwrap_or(0)
    }

    /// Whether each output reads two.
    pub(super) fn are_pairs(&self) -> bool {
        self.most() == 2 && self.weights.len() == 2 * self.len()
    }

    /// All runs, and the weights that they lie in.
    pub(super) fn parts(&self) -> (&[Run], &[f32]) {
        (&self.runs, &self.weights)
    }

    /// From the first to the last source pixel that any output reads.
    pub(super) fn used(&self) -> Range<usize> {
        match (self.runs.first(), self.runs.last()) {
            (Some(first), Some(last)) => first.first..last.first + (last.end - last.begin),
            _ => 0..0,
        }
    }

    /// Every output is the source pixel of the same index.
    pub(super) fn identity(&mut self, length: usize) {
        self.clear();
        for index in 0..length {
            self.push(index, [1.0]);
        }
    }

    /// `axis` under that rule.
    pub(super) fn resample(&mut self, axis: &Axis, sampling: Sampling) {
        self.clear();
        let scale = axis.length_px / axis.grid;
        for output in 0..axis.target {
            let position = output as f64 + axis.skipped;
            match sampling {
                Sampling::Antialiased => self.triangle(axis, axis.start_px + (position + 0.5) * scale, scale),
                Sampling::HalfPixel => self.two(axis, axis.start_px + (position + 0.5) * scale - 0.5),
                Sampling::Legacy => self.two(axis, axis.start_px + position * scale),
                Sampling::AlignCorners => {
                    let steps = if axis.grid > 1.0 { axis.grid - 1.0 } else { f64::INFINITY };
                    self.two(axis, axis.start_px + position * (axis.length_px - 1.0).max(0.0) / steps);
                }
            }
        }
    }

    /// Pillow's BILINEAR: a triangle around `center`, one source pixel wide to each side, or one target pixel where
    /// that is more, so that a reduction passes no pixel over. What lies outside the picture does not count.
    fn triangle(&mut self, axis: &Axis, center: f64, scale: f64) {
        let reach = scale.max(1.0);
        let Range { start, end } = axis.readable;
        let first = ((center - reach + 0.5).max(0.0) as usize).clamp(start, end - 1);
        let past = ((center + reach + 0.5) as usize).clamp(first + 1, end);
        let weight = move |index: usize| (1.0 - ((index as f64 + 0.5 - center) / reach).abs()).max(0.0);
        let total: f64 = (first..past).map(weight).sum();
        self.push(first, (first..past).map(|index| (weight(index) / total) as f32));
    }

    /// The two neighbours of `position`; outside the picture, its border pixel.
    fn two(&mut self, axis: &Axis, position: f64) {
        let last = axis.readable.end - 1;
        // Not `clamp`: its panic would bring the printing of floats into the module (see `small`).
        let position = position.max(axis.readable.start as f64).min(last as f64);
        // The last pixel is the right one of the last two, so that all outputs have two.
        let first = (position as usize).min(last.saturating_sub(1).max(axis.readable.start));
        let share = (position - first as f64) as f32;
        if first < last {
            self.push(first, [1.0 - share, share]);
        } else {
            self.push(last, [1.0]);
        }
    }

    fn push(&mut self, first: usize, weights: impl IntoIterator<Item = f32>) {
        let begin = self.weights.len();
        self.weights.extend(weights);
        self.runs.push(Run { first, begin, end: self.weights.len() });
    }

    fn clear(&mut self) {
        self.runs.clear();
        self.weights.clear();
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> Vec<(usize, usize)> {
        vec![
            (self.runs.as_ptr() as usize, self.runs.capacity()),
            (self.weights.as_ptr() as usize, self.weights.capacity()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::crop::axes;
    use super::*;
    use crate::model::Crop;

    const SAMPLINGS: [Sampling; 4] =
        [Sampling::Antialiased, Sampling::HalfPixel, Sampling::Legacy, Sampling::AlignCorners];
    const CROPS: [Crop; 4] =
        [Crop::Squash, Crop::ShortSide { fraction: 0.875 }, Crop::Central { fraction: 0.875 }, Crop::Cover];

    #[test]
    fn two_on_average_are_no_pairs() {
        for (lengths, are_pairs) in [([2, 2], true), ([1, 3], false), ([3, 1], false), ([1, 1], false)] {
            let mut taps = Taps::default();
            for length in lengths {
                taps.push(0, vec![0.5; length]);
            }
            assert_eq!(taps.are_pairs(), are_pairs, "{lengths:?}");
        }
    }

    #[test]
    fn all_rules_of_two_neighbours_are_pairs() {
        let mut taps = Taps::default();
        for sampling in [Sampling::HalfPixel, Sampling::Legacy, Sampling::AlignCorners] {
            for (crop, source) in CROPS.into_iter().flat_map(|crop| [2, 3, 37, 224].map(|source| (crop, source))) {
                for axis in axes(crop, [source; 2], [7, 96]) {
                    taps.resample(&axis, sampling);
                    assert_eq!(taps.are_pairs(), axis.readable.len() > 1, "{sampling:?} {axis:?}");
                }
            }
        }
    }

    #[test]
    fn runs_are_inside_in_order_and_sum_to_one() {
        let mut taps = Taps::default();
        for sampling in SAMPLINGS {
            for crop in CROPS {
                for source in [[1, 1], [1, 900], [900, 1], [2, 3], [53, 37], [224, 224], [4000, 3000]] {
                    for target in [[1, 1], [7, 5], [96, 160]] {
                        for (axis, source_px) in axes(crop, source, target).iter().zip(source) {
                            taps.resample(axis, sampling);
                            let what = format!("{sampling:?} {axis:?}");
                            assert_eq!(taps.len(), axis.target, "{what}");
                            let mut ends = (0, 0);
                            for (first, weights) in taps.iter() {
                                let past = first + weights.len();
                                assert!(first < past && past <= source_px, "{what}: {first} .. {past}");
                                assert!(first >= ends.0 && past >= ends.1, "{what}: {first} .. {past} after {ends:?}");
                                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{what}: {weights:?}");
                                ends = (first, past);
                            }
                        }
                    }
                }
            }
        }
    }
}
