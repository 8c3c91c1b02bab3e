//! A head at once: least squares with a penalty on the weights, in closed form, and how well it would do on each sample
//! had it been trained on all others. Thousands of samples take seconds, so that it is done in steps.

use super::calibrate::Factor;
use super::centred::{Centred, single, target};
use super::cholesky::Cholesky;
use super::dense::Dense;
use super::head::Head;
use super::loss::largest;
use super::options::{ClassWeights, bad, class_weights};
use super::samples::Samples;
use super::{Method, Task};
use crate::error::{Error, Result};
use crate::kernels::rows::{GRAM_ROWS, gram};
use crate::small::print_decimal;
use std::ops::Range;

/// Multiplications of one step: some 10 ms of a browser's.
const STEP: usize = 1 << 23;
/// How much longer one takes outside the crate of kernels, or where memory is read across.
const PLAIN: usize = 8;
/// Samples that [`Cholesky::lengths_of_eight`] takes.
const EIGHT: usize = 8;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct RidgeOptions<'a> {
    /// What outputs mean.
    pub task: Task,
    /// Times the sum of squared weights, biases left out, is added to the squares.
    pub penalty: f64,
    /// What samples count for: it multiplies their squares.
    pub weights: ClassWeights,
    /// Of the classes, for errors.
    pub names: &'a [String],
}

impl Default for RidgeOptions<'_> {
    fn default() -> Self {
        Self { task: Task::Softmax, penalty: 1.0, weights: ClassWeights::Equal, names: &[] }
    }
}

/// The solution. Classes are learnt as 1 for the class and −1 for all others.
#[derive(Clone, Debug)]
pub struct Ridge {
    /// One row an output.
    pub layer: Dense,
    /// `[samples, outputs]`: what a solution for all other samples says of each.
    pub left_out: Vec<f32>,
    /// The share of samples told right by a solution for all others; none of a regression.
    pub accuracy: Option<f64>,
    /// What makes logits of its scores: the factor that suits those of samples left out best.
    pub factor: f32,
    task: Task,
}

impl Ridge {
    /// The solution as a head.
    #[must_use]
    pub fn head(mut self) -> Head {
        self.layer.weights.iter_mut().chain(&mut self.layer.biases).for_each(|weight| *weight *= self.factor);
        Head::dense(self.task, Method::Ridge, None, self.layer)
    }
}

/// What is to be done next; each stage goes over samples, or unknowns, or outputs, some of them a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Means,
    Centre,
    Turn,
    Products,
    Factor,
    Outputs,
    LeftOut,
    Calibrate,
    Over,
}

/// Ridge regression under way: the weights `w` and biases `b` that minimise `Σ (w·x + b − y)² + penalty · Σ w²`; the bias
/// costs nothing.
#[derive(Debug)]
pub struct Solver {
    task: Task,
    penalty: f64,
    rows: Vec<usize>,
    centred: Centred,
    /// One row a feature, where the system has one unknown a feature.
    turned: Vec<f32>,
    /// Of the two systems that have the same solution the smaller one: one unknown a sample, or one a feature.
    by_sample: bool,
    system: Cholesky,
    stage: Stage,
    /// Of this stage.
    done: usize,
    layer: Dense,
    left_out: Vec<f32>,
    targets: Vec<f32>,
    right: usize,
    factor: Factor,
}

impl Solver {
    /// Begins to solve for the samples at `rows`.
    ///
    /// # Errors
    /// [`Kind::BadOption`](crate::Kind::BadOption) for a penalty that is none; as [`Samples::check_enough`].
    pub fn begin(samples: &Samples, rows: &[usize], options: &RidgeOptions<'_>) -> Result<Self> {
        let &RidgeOptions { task, penalty, ref weights, names } = options;
        if !penalty.is_finite() || penalty <= 0.0 {
            return Err(refused(penalty));
        }
        samples.check_enough(task, rows, names)?;
        let weights = sample_weights(task, samples, rows, weights)?;
        let (features, outputs) = (samples.features(), samples.outputs());
        Ok(Self {
            task,
            penalty,
            rows: rows.to_vec(),
            centred: Centred::new(options, samples, weights),
            turned: Vec::new(),
            by_sample: rows.len() <= features,
            system: Cholesky::of(rows.len().min(features)),
            stage: Stage::Means,
            done: 0,
            layer: Dense::zeros(features, outputs),
            left_out: Vec::new(),
            targets: samples.targets_of(rows),
            right: 0,
            factor: Factor::new(task, outputs, rows.len()),
        })
    }

    /// Does some of it; whether there is more to do. `samples` are those that it began with.
    ///
    /// # Errors
    /// [`Kind::BadOption`](crate::Kind::BadOption) for a penalty that leaves the system without one solution.
    pub fn step(&mut self, samples: &Samples) -> Result<bool> {
        let (features, outputs, count) = (samples.features(), samples.outputs(), self.rows.len());
        let unknowns = count.min(features);
        match self.stage {
            Stage::Means => {
                let some = self.some(count, 1, PLAIN * features);
                self.centred.add_to_means(samples, &self.rows, some);
                self.turn(count, Stage::Centre);
            }
            Stage::Centre => {
                let some = self.some(count, 1, PLAIN * features);
                self.centred.take(samples, &self.rows, some);
                self.turn(count, if self.by_sample { Stage::Products } else { Stage::Turn });
            }
            Stage::Turn => {
                for feature in self.some(features, 1, PLAIN * count) {
                    self.turned.extend(self.centred.rows().map(|row| row[feature]));
                }
                self.turn(features, Stage::Products);
            }
            Stage::Products => {
                let length = count.max(features);
                let some = self.some(unknowns, GRAM_ROWS, unknowns * length);
                let matrix = if self.by_sample { &self.centred.vectors } else { &self.turned };
                gram(matrix, length, some, self.system.matrix());
                if self.turn(unknowns, Stage::Factor) {
                    self.system.matrix().iter_mut().step_by(unknowns + 1).for_each(|value| *value += self.penalty);
                }
            }
            Stage::Factor => {
                let some = self.some(unknowns, 1, unknowns * unknowns / 2);
                self.system.factor(some).ok_or_else(|| refused(self.penalty))?;
                self.turn(unknowns, Stage::Outputs);
            }
            Stage::Outputs => {
                let cost = count * features + unknowns * unknowns;
                self.some(outputs, 1, PLAIN * cost).for_each(|output| self.solve(output));
                self.turn(outputs, Stage::LeftOut);
            }
            Stage::LeftOut => {
                let some = self.some(count, EIGHT, unknowns * unknowns / 2);
                self.leave_out(samples, some);
                let is_told = self.task == Task::Regression;
                self.turn(count, if is_told { Stage::Over } else { Stage::Calibrate });
            }
            Stage::Calibrate => {
                if !self.factor.step(&self.left_out, &self.targets) {
                    self.stage = Stage::Over;
                }
            }
            Stage::Over => {}
        }
        Ok(self.stage != Stage::Over)
    }

    /// Places from where this stage stands, of `total`, that take about a step where each costs so much; so many, or a
    /// multiple of that, as the kernels take them.
    fn some(&mut self, total: usize, at_once: usize, cost: usize) -> Range<usize> {
        let first = self.done;
        let count = (STEP / cost.max(1)).next_multiple_of(at_once).max(at_once);
        self.done = (first + count).min(total);
        first..self.done
    }

    /// Goes on to the next stage, once this one's `total` are done.
    fn turn(&mut self, total: usize, next: Stage) -> bool {
        let is_over = self.done == total;
        if is_over {
            (self.stage, self.done) = (next, 0);
        }
        is_over
    }

    /// One output's weights and bias.
    fn solve(&mut self, output: usize) {
        let Self { centred, system, by_sample, layer, .. } = self;
        let (features, outputs) = (layer.inputs(), layer.outputs());
        let mut targets: Vec<f64> = centred.targets.iter().skip(output).step_by(outputs).copied().collect();
        if *by_sample {
            system.solve(&mut targets);
        }
        let mut solution = vec![0.0; features];
        for (row, factor) in centred.rows().zip(targets) {
            solution.iter_mut().zip(row).for_each(|(sum, value)| *sum += factor * f64::from(*value));
        }
        if !*by_sample {
            system.solve(&mut solution);
        }
        let row = &mut layer.weights[output * features..][..features];
        row.iter_mut().zip(&solution).for_each(|(weight, value)| *weight = single(*value));
        let at_mean: f64 = solution.iter().zip(&centred.mean).map(|(weight, mean)| weight * mean).sum();
        layer.biases[output] = single(centred.target_mean[output] - at_mean);
    }

    /// What solutions for all other samples say of some.
    fn leave_out(&mut self, samples: &Samples, some: Range<usize>) {
        let outputs = self.layer.outputs();
        let leverages = self.leverages(some.clone());
        let vectors: Vec<f32> = self.rows[some.clone()].iter().flat_map(|&row| samples.vector(row)).copied().collect();
        let mut said_of_all = Vec::new();
        self.layer.forward(&vectors, &mut said_of_all);
        for ((index, said), leverage) in some.zip(said_of_all.chunks_exact_mut(outputs)).zip(leverages) {
            let targets = &self.targets[index * outputs..][..outputs];
            // A sample that nothing else speaks for has a leverage of 1.
            let rest = (1.0 - leverage - self.centred.weights[index] / self.centred.weight).max(f64::EPSILON);
            for (said, wanted) in said.iter_mut().zip(targets) {
                let wanted = target(self.task, *wanted);
                *said = single(wanted - (wanted - f64::from(*said)) / rest);
            }
            let hit = if self.task == Task::Softmax {
                largest(said) == largest(targets)
            } else {
                said.iter().zip(targets).all(|(said, target)| (*said > 0.0) == (*target > 0.5))
            };
            self.right += usize::from(hit);
        }
        self.left_out.append(&mut said_of_all);
    }

    /// How much of what is said of each sample is its own target: the hat matrix' diagonal, without the bias' part.
    fn leverages(&self, some: Range<usize>) -> Vec<f64> {
        if self.by_sample {
            return self.system.inverse_diagonal(some).into_iter().map(|value| 1.0 - self.penalty * value).collect();
        }
        let features = self.layer.inputs();
        let mut leverages = Vec::new();
        for rows in self.centred.vectors[some.start * features..some.end * features].chunks(EIGHT * features) {
            let mut eight = vec![[0.0; EIGHT]; features];
            for (column, row) in rows.chunks_exact(features).enumerate() {
                eight.iter_mut().zip(row).for_each(|(values, feature)| values[column] = f64::from(*feature));
            }
            leverages.extend_from_slice(&self.system.lengths_of_eight(&mut eight)[..rows.len() / features]);
        }
        leverages
    }

    /// What it came to, once there is nothing more to do.
    #[must_use]
    pub fn finish(self) -> Ridge {
        let Self { task, layer, left_out, right, factor, .. } = self;
        let is_told = task == Task::Regression;
        #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
        let accuracy = (!is_told).then(|| right as f64 / self.rows.len() as f64);
        Ridge { layer, left_out, accuracy, factor: if is_told { 1.0 } else { factor.found() }, task }
    }
}

/// All of it at once.
///
/// # Errors
/// As [`Solver::begin`] and [`Solver::step`].
pub fn solve(samples: &Samples, rows: &[usize], options: &RidgeOptions<'_>) -> Result<Ridge> {
    let mut solver = Solver::begin(samples, rows, options)?;
    while solver.step(samples)? {}
    Ok(solver.finish())
}

fn refused(penalty: f64) -> Error {
    bad("l2", "a penalty above 0, large enough for one solution; 1 is usual", print_decimal(penalty))
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

#[cfg(test)]
#[path = "ridge_tests.rs"]
mod tests;
