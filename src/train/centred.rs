//! Samples less their mean, times the root of what they count for: least squares then have no bias to find.

use super::samples::Samples;
use super::{RidgeOptions, Task};
use std::ops::Range;

/// Some rows of [`Samples`], centred a few at a time: first all means, then what lies about them.
#[derive(Debug)]
pub(super) struct Centred {
    pub(super) vectors: Vec<f32>,
    pub(super) targets: Vec<f64>,
    pub(super) mean: Vec<f64>,
    pub(super) target_mean: Vec<f64>,
    /// What each sample counts for.
    pub(super) weights: Vec<f64>,
    /// All of them together.
    pub(super) weight: f64,
    task: Task,
}

impl Centred {
    pub(super) fn new(options: &RidgeOptions<'_>, samples: &Samples, weights: Vec<f64>) -> Self {
        Self {
            vectors: Vec::new(),
            targets: Vec::new(),
            mean: vec![0.0; samples.features()],
            target_mean: vec![0.0; samples.outputs()],
            weight: weights.iter().sum(),
            weights,
            task: options.task,
        }
    }

    /// Adds `rows`, at those places among all, to the means.
    pub(super) fn add_to_means(&mut self, samples: &Samples, rows: &[usize], places: Range<usize>) {
        for (&row, weight) in rows[places.clone()].iter().zip(&self.weights[places]) {
            let share = weight / self.weight;
            self.mean.iter_mut().zip(samples.vector(row)).for_each(|(sum, value)| *sum += share * f64::from(*value));
            for (sum, &value) in self.target_mean.iter_mut().zip(samples.targets(row)) {
                *sum += share * target(self.task, value);
            }
        }
    }

    /// Takes those rows in, once the means are known.
    pub(super) fn take(&mut self, samples: &Samples, rows: &[usize], places: Range<usize>) {
        for (&row, weight) in rows[places.clone()].iter().zip(&self.weights[places]) {
            let root = weight.sqrt();
            let less_mean = |(value, mean): (&f32, &f64)| single((f64::from(*value) - mean) * root);
            self.vectors.extend(samples.vector(row).iter().zip(&self.mean).map(less_mean));
            let less_mean = |(&value, mean): (&f32, &f64)| (target(self.task, value) - mean) * root;
            self.targets.extend(samples.targets(row).iter().zip(&self.target_mean).map(less_mean));
        }
    }

    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.vectors.chunks_exact(self.mean.len())
    }
}

/// What is learnt: classes as 1 and −1, which puts what lies between two at 0.
pub(super) fn target(task: Task, target: f32) -> f64 {
    f64::from(if task == Task::Regression { target } else { 2.0 * target - 1.0 })
}

#[expect(clippy::cast_possible_truncation, reason = "heads are f32")]
pub(super) const fn single(value: f64) -> f32 {
    value as f32
}
