//! A head at once: least squares with a penalty on the weights, in closed form, and how well it would do on each sample
//! had it been trained on all others.

use super::calibrate::factor;
use super::cholesky::Cholesky;
use super::dense::{Dense, transposed};
use super::head::Head;
use super::loss::largest;
use super::options::{ClassWeights, bad, class_weights};
use super::samples::Samples;
use super::{Method, Task};
use crate::error::Result;
use crate::kernels::rows::gram;
use crate::small::print_decimal;

/// The solution before it becomes a head. Classes are learnt as 1 for the class and −1 for all others.
#[derive(Clone, Debug)]
pub struct Ridge {
    /// One row an output.
    pub layer: Dense,
    /// `[samples, outputs]`: what a solution for all other samples says of each.
    pub left_out: Vec<f32>,
    /// The share of samples told right by a solution for all others; none of a regression.
    pub accuracy: Option<f64>,
}

/// The weights `w` and biases `b` that minimise `Σ (w·x + b − y)² + penalty · Σ w²` over the samples at `rows`; the bias
/// costs nothing. A class weight multiplies its samples' squares.
///
/// # Errors
/// [`Kind::BadOption`](crate::Kind::BadOption) for a penalty that leaves the system without one solution; as
/// [`Samples::check_enough`].
pub fn solve(
    task: Task,
    samples: &Samples,
    rows: &[usize],
    penalty: f64,
    weights: &ClassWeights,
    names: &[String],
) -> Result<Ridge> {
    let refused = |found: &str| bad("l2", "a penalty above 0, large enough for one solution; 1 is usual", found);
    if !penalty.is_finite() || penalty <= 0.0 {
        return Err(refused(&print_decimal(penalty)));
    }
    samples.check_enough(task, rows, names)?;
    let weights = sample_weights(task, samples, rows, weights)?;
    let centred = Centred::new(task, samples, rows, &weights);
    let (features, outputs, count) = (samples.features(), samples.outputs(), rows.len());

    // The smaller of two systems that have the same solution: one unknown a sample, or one a feature.
    let by_sample = count <= features;
    let turned;
    let (matrix, size) = if by_sample {
        (&centred.vectors, count)
    } else {
        turned = transposed(&centred.vectors, features);
        (&turned, features)
    };
    let mut system = vec![0.0; size * size];
    gram(matrix, matrix.len() / size, &mut system);
    system.iter_mut().step_by(size + 1).for_each(|value| *value += penalty);
    let cholesky = Cholesky::new(system, size).ok_or_else(|| refused(&print_decimal(penalty)))?;

    let mut layer = Dense::zeros(features, outputs);
    for output in 0..outputs {
        let row = &mut layer.weights[output * features..][..features];
        let targets: Vec<f64> = centred.targets.iter().skip(output).step_by(outputs).copied().collect();
        let solution = centred.solve(&cholesky, targets, features, by_sample);
        row.iter_mut().zip(&solution).for_each(|(weight, value)| *weight = single(*value));
        let at_mean: f64 = solution.iter().zip(&centred.mean).map(|(weight, mean)| weight * mean).sum();
        layer.biases[output] = single(centred.target_mean[output] - at_mean);
    }

    let leverages = centred.leverages(&cholesky, penalty, features, by_sample);
    let mut left_out = Vec::new();
    layer.forward(samples_of(samples, rows).as_slice(), &mut left_out);
    let mut right = 0;
    for (index, said) in left_out.chunks_exact_mut(outputs).enumerate() {
        // A sample that nothing else speaks for has a leverage of 1.
        let rest = (1.0 - leverages[index] - weights[index] / centred.weight).max(f64::EPSILON);
        for (output, said) in said.iter_mut().enumerate() {
            let target = target(task, samples.targets(rows[index])[output]);
            *said = single(target - (target - f64::from(*said)) / rest);
        }
        let targets = samples.targets(rows[index]);
        let hit = if task == Task::Softmax {
            largest(said) == largest(targets)
        } else {
            said.iter().zip(targets).all(|(said, target)| (*said > 0.0) == (*target > 0.5))
        };
        right += usize::from(hit);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    let accuracy = (task != Task::Regression).then(|| right as f64 / count as f64);
    Ok(Ridge { layer, left_out, accuracy })
}

/// [`solve`] as a head. Its scores become logits by the factor that suits those of samples left out best.
///
/// # Errors
/// As [`solve`].
pub fn ridge(
    task: Task,
    samples: &Samples,
    rows: &[usize],
    penalty: f64,
    weights: &ClassWeights,
    names: &[String],
) -> Result<(Head, Option<f64>)> {
    let Ridge { mut layer, left_out, accuracy } = solve(task, samples, rows, penalty, weights, names)?;
    if task != Task::Regression {
        let targets = samples.targets_of(rows);
        let factor = factor(task, samples.outputs(), &left_out, &targets);
        layer.weights.iter_mut().chain(&mut layer.biases).for_each(|weight| *weight *= factor);
    }
    Ok((Head::dense(task, Method::Ridge, None, layer), accuracy))
}

#[expect(clippy::cast_possible_truncation, reason = "heads are f32")]
const fn single(value: f64) -> f32 {
    value as f32
}

/// What is learnt: classes as 1 and −1, which puts what lies between two at 0.
fn target(task: Task, target: f32) -> f64 {
    f64::from(if task == Task::Regression { target } else { 2.0 * target - 1.0 })
}

fn samples_of(samples: &Samples, rows: &[usize]) -> Vec<f32> {
    let (mut vectors, mut targets) = (Vec::new(), Vec::new());
    samples.gather(rows, &mut vectors, &mut targets);
    vectors
}

/// One a sample: the outputs share one system.
fn sample_weights(task: Task, samples: &Samples, rows: &[usize], given: &ClassWeights) -> Result<Vec<f64>> {
    if *given != ClassWeights::Equal && task == Task::Sigmoid && samples.outputs() > 1 {
        return Err(bad("classWeights", "none with \"ridge\" and several sigmoid outputs", "some"));
    }
    let weights = class_weights(given, task, samples.outputs(), &samples.targets_of(rows))?;
    let weight = |&row: &usize| {
        let targets = samples.targets(row);
        let output = if task == Task::Softmax { largest(targets) } else { 0 };
        weights.as_ref().map_or(1.0, |weights| f64::from(weights[output][usize::from(targets[output] > 0.5)]))
    };
    Ok(rows.iter().map(weight).collect())
}

/// Samples less their mean, times the root of what they count for: the bias is then out of the system.
struct Centred {
    vectors: Vec<f32>,
    targets: Vec<f64>,
    mean: Vec<f64>,
    target_mean: Vec<f64>,
    /// Of all samples together.
    weight: f64,
}

impl Centred {
    fn new(task: Task, samples: &Samples, rows: &[usize], weights: &[f64]) -> Self {
        let weight: f64 = weights.iter().sum();
        let (mut mean, mut target_mean) = (vec![0.0; samples.features()], vec![0.0; samples.outputs()]);
        for (&row, share) in rows.iter().zip(weights.iter().map(|one| one / weight)) {
            mean.iter_mut().zip(samples.vector(row)).for_each(|(sum, value)| *sum += share * f64::from(*value));
            for (sum, &value) in target_mean.iter_mut().zip(samples.targets(row)) {
                *sum += share * target(task, value);
            }
        }
        let (mut vectors, mut targets) = (samples_of(samples, rows), Vec::new());
        for ((&row, weight), vector) in rows.iter().zip(weights).zip(vectors.chunks_exact_mut(mean.len())) {
            let root = weight.sqrt();
            for (value, mean) in vector.iter_mut().zip(&mean) {
                *value = single((f64::from(*value) - mean) * root);
            }
            let less_mean = |(&value, mean): (&f32, &f64)| (target(task, value) - mean) * root;
            targets.extend(samples.targets(row).iter().zip(&target_mean).map(less_mean));
        }
        Self { vectors, targets, mean, target_mean, weight }
    }

    fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.vectors.chunks_exact(self.mean.len())
    }

    /// One output's weights.
    fn solve(&self, cholesky: &Cholesky, mut targets: Vec<f64>, features: usize, by_sample: bool) -> Vec<f64> {
        if by_sample {
            cholesky.solve(&mut targets);
        }
        let mut sums = vec![0.0; features];
        for (row, factor) in self.rows().zip(targets) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * f64::from(*value));
        }
        if !by_sample {
            cholesky.solve(&mut sums);
        }
        sums
    }

    /// How much of what is said of each sample is its own target: the hat matrix' diagonal, without the bias' part.
    fn leverages(&self, cholesky: &Cholesky, penalty: f64, features: usize, by_sample: bool) -> Vec<f64> {
        if by_sample {
            return cholesky.inverse_diagonal().into_iter().map(|value| 1.0 - penalty * value).collect();
        }
        let mut leverages = Vec::new();
        for rows in self.vectors.chunks(8 * features) {
            let mut eight = vec![[0.0; 8]; features];
            for (column, row) in rows.chunks_exact(features).enumerate() {
                eight.iter_mut().zip(row).for_each(|(values, feature)| values[column] = f64::from(*feature));
            }
            leverages.extend_from_slice(&cholesky.lengths_of_eight(&mut eight)[..rows.len() / features]);
        }
        leverages
    }
}

#[cfg(test)]
#[path = "ridge_tests.rs"]
mod tests;
