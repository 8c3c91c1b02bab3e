//! What training makes small: cross-entropy, binary cross-entropy from logits, squared error. Definitions are Keras'.

use super::Task;

/// The loss of one sample after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// What outputs mean.
    pub task: Task,
    /// Targets `y` become `y · (1 − s) + s / n`, for each output of `Sigmoid` by itself `y · (1 − s) + s / 2`.
    pub label_smoothing: f32,
    /// What a sample counts for, by output: where that is not its target, and where it is. Of `Softmax` only the second
    /// is asked for. None: all count as one.
    pub weights: Option<Vec<[f32; 2]>>,
}

impl Loss {
    /// That of `task`, every sample counting as one.
    #[must_use]
    pub const fn new(task: Task) -> Self {
        Self { task, label_smoothing: 0.0, weights: None }
    }

    /// As validation has it: samples all count the same.
    #[must_use]
    pub const fn unweighted(&self) -> Self {
        Self { task: self.task, label_smoothing: self.label_smoothing, weights: None }
    }

    /// The loss of one sample; `gradient` gets its derivative by each logit.
    pub fn sample(&self, logits: &[f32], targets: &[f32], gradient: &mut [f32]) -> f64 {
        match self.task {
            Task::Softmax => self.softmax(logits, targets, gradient),
            Task::Sigmoid => self.mean(logits, targets, gradient, binary_cross_entropy),
            Task::Regression => self.mean(logits, targets, gradient, squared_error),
        }
    }

    /// The mean over a batch, `logits` and `targets` being `[samples, outputs]`; `gradient` gets that mean's derivative.
    pub fn batch(&self, outputs: usize, logits: &[f32], targets: &[f32], gradient: &mut [f32]) -> f64 {
        let count = logits.len() / outputs;
        let rows = logits.chunks_exact(outputs).zip(targets.chunks_exact(outputs));
        let sum: f64 = rows
            .zip(gradient.chunks_exact_mut(outputs))
            .map(|((logits, targets), gradient)| self.sample(logits, targets, gradient))
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "batches have far fewer than 2²⁴ samples")]
        let share = 1.0 / count.max(1) as f32;
        gradient.iter_mut().for_each(|value| *value *= share);
        sum * f64::from(share)
    }

    fn smooth(&self, target: f32, outputs: usize) -> f64 {
        let smoothing = f64::from(self.label_smoothing);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand at most")]
        let share = smoothing / outputs as f64;
        f64::from(target) * (1.0 - smoothing) + share
    }

    #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
    fn softmax(&self, logits: &[f32], targets: &[f32], gradient: &mut [f32]) -> f64 {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponent = |logit: f32| f64::from(logit - most).exp();
        let sum: f64 = logits.iter().map(|&logit| exponent(logit)).sum();
        let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[largest(targets)][1]));
        let (mut loss, mut total) = (0.0, 0.0);
        for (&logit, &target) in logits.iter().zip(targets) {
            let target = self.smooth(target, targets.len());
            loss -= target * (f64::from(logit - most) - sum.ln());
            total += target;
        }
        for ((&logit, &target), gradient) in logits.iter().zip(targets).zip(gradient) {
            *gradient = (weight * (exponent(logit) / sum * total - self.smooth(target, targets.len()))) as f32;
        }
        loss * weight
    }

    /// The mean over outputs of `of(logit, target)`, which gives a loss and its derivative.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "gradients are f32, outputs few")]
    fn mean(&self, logits: &[f32], targets: &[f32], gradient: &mut [f32], of: fn(f64, f64) -> (f64, f64)) -> f64 {
        let share = 1.0 / logits.len() as f64;
        let mut sum = 0.0;
        for (output, (&logit, &target)) in logits.iter().zip(targets).enumerate() {
            let smoothed = if self.task == Task::Sigmoid { self.smooth(target, 2) } else { f64::from(target) };
            let (loss, derivative) = of(f64::from(logit), smoothed);
            let weight = self.weights.as_ref().map_or(1.0, |weights| weights[output][usize::from(target > 0.5)]);
            let weight = f64::from(weight) * share;
            sum += loss * weight;
            gradient[output] = (derivative * weight) as f32;
        }
        sum
    }
}

fn binary_cross_entropy(logit: f64, target: f64) -> (f64, f64) {
    (logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p(), sigmoid(logit) - target)
}

fn squared_error(output: f64, target: f64) -> (f64, f64) {
    let error = output - target;
    (error * error, 2.0 * error)
}

/// `1 / (1 + e^−x)` without overflow on either side.
#[must_use]
pub fn sigmoid(logit: f64) -> f64 {
    let small = (-logit.abs()).exp();
    if logit < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) }
}

/// The index of the largest value, the first of those that are the same.
#[must_use]
pub fn largest(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// What logits say, in their place: probabilities of `Softmax` and `Sigmoid`; numbers stay.
#[expect(clippy::cast_possible_truncation, reason = "probabilities are f32")]
pub fn answer(task: Task, logits: &mut [f32]) {
    match task {
        Task::Softmax => {
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = logits.iter().map(|&logit| f64::from(logit - most).exp()).sum();
            logits.iter_mut().for_each(|logit| *logit = (f64::from(*logit - most).exp() / sum) as f32);
        }
        Task::Sigmoid => logits.iter_mut().for_each(|logit| *logit = sigmoid(f64::from(*logit)) as f32),
        Task::Regression => {}
    }
}

#[cfg(test)]
#[path = "loss_tests.rs"]
mod tests;
