//! Scores that order well, made into probabilities; and from which probability on a head is believed.

use super::Task;
use super::head::Head;
use super::loss::{Loss, largest};
use super::samples::Samples;
use crate::error::Result;
use crate::small::sort;

/// Scores of samples that are always right could be multiplied by anything: this is enough.
const FACTORS: [f64; 2] = [1e-2, 1e3];
/// Golden section: each turn leaves 62 % of the range.
const TURNS: usize = 48;

/// A search for the factor that makes logits of scores `[samples, outputs]`: that of the smallest loss. Scores should be of
/// samples held out. Targets are moved by as much as if each class had one more sample, as Platt does (1999), so that
/// samples that are all told right do not make a head that is always sure.
#[derive(Debug)]
pub(super) struct Factor {
    loss: Loss,
    outputs: usize,
    /// Logarithms, between which it lies.
    range: [f64; 2],
    /// The loss of the lower one of two places inside it, once that is known.
    lower: Option<f64>,
    steps: usize,
    logits: Vec<f32>,
    scratch: Vec<f32>,
}

impl Factor {
    #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
    pub(super) fn new(task: Task, outputs: usize, samples: usize) -> Self {
        let kinds = if task == Task::Sigmoid { 2 } else { outputs };
        let label_smoothing = kinds as f32 / (samples + kinds) as f32;
        let loss = Loss { task, label_smoothing, weights: None };
        let scratch = vec![0.0; samples * outputs];
        Self { loss, outputs, range: FACTORS.map(f64::ln), lower: None, steps: 0, logits: scratch.clone(), scratch }
    }

    /// Looks at one place; whether there are more.
    #[expect(clippy::cast_possible_truncation, reason = "logits are f32")]
    pub(super) fn step(&mut self, scores: &[f32], targets: &[f32]) -> bool {
        let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
        let [low, high] = self.range;
        let places = [high - golden * (high - low), low + golden * (high - low)];
        let factor = places[usize::from(self.lower.is_some())].exp();
        self.logits.iter_mut().zip(scores).for_each(|(logit, score)| *logit = (f64::from(*score) * factor) as f32);
        let loss = self.loss.batch(self.outputs, &self.logits, targets, &mut self.scratch);
        match self.lower.take() {
            None => self.lower = Some(loss),
            Some(lower) if lower < loss => self.range[1] = places[1],
            Some(_) => self.range[0] = places[0],
        }
        self.steps += 1;
        self.steps < 2 * TURNS
    }

    #[expect(clippy::cast_possible_truncation, reason = "a factor of logits")]
    pub(super) fn found(&self) -> f32 {
        f64::midpoint(self.range[0], self.range[1]).exp() as f32
    }
}

/// The whole search.
pub(super) fn factor(task: Task, outputs: usize, scores: &[f32], targets: &[f32]) -> f32 {
    let mut factor = Factor::new(task, outputs, scores.len() / outputs);
    while factor.step(scores, targets) {}
    factor.found()
}

/// The share of right answers that [`threshold`] keeps.
const KEPT: f64 = 0.95;

/// The probability below which a picture is probably none of the classes: of the samples at `rows` that the head gets right,
/// 95 of 100 lie above. Rows should be held out. None where it gets none of them right, and of a regression.
///
/// # Errors
/// [`Kind::WrongBackbone`](crate::Kind::WrongBackbone) for vectors of another length.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
pub fn threshold(head: &Head, samples: &Samples, rows: &[usize]) -> Result<Option<f32>> {
    head.check(samples.features())?;
    if head.task == Task::Regression {
        return Ok(None);
    }
    let mut sure = Vec::new();
    for &row in rows {
        let probabilities = head.probabilities(samples.vector(row));
        let best = largest(&probabilities);
        if samples.targets(row)[best] > 0.5 {
            sure.push(probabilities[best]);
        }
    }
    sort(&mut sure, &|a, b| a < b);
    Ok(sure.get((sure.len() as f64 * (1.0 - KEPT)) as usize).copied())
}

#[cfg(test)]
mod tests {
    use super::super::Method;
    use super::super::dense::Dense;
    use super::*;

    #[test]
    fn the_factor_is_where_the_loss_is_smallest() {
        // 3 of 4 samples are of the class with the higher score: its probability should be about 3/4.
        let scores: Vec<f32> = (0..400).flat_map(|_| [0.02, 0.0]).collect();
        let targets: Vec<f32> = (0..400).flat_map(|row| if row % 4 == 0 { [0.0, 1.0] } else { [1.0, 0.0] }).collect();
        let factor = factor(Task::Softmax, 2, &scores, &targets);
        let probability = 1.0 / (1.0 + (-0.02 * factor).exp());
        assert!((probability - 0.75).abs() < 0.003, "{probability}");
    }

    #[test]
    fn right_answers_alone_do_not_make_a_head_sure() {
        for (task, outputs) in [(Task::Softmax, 2), (Task::Sigmoid, 1)] {
            let scores: Vec<f32> =
                (0..20).flat_map(|row| if row % 2 == 0 { [1.0, -1.0] } else { [-1.0, 1.0] }).collect();
            let targets: Vec<f32> = scores.iter().map(|score| f32::from(*score > 0.0)).collect();
            let factor = factor(task, outputs, &scores, &targets);
            assert!((1.0..5.0).contains(&factor), "{task:?}: {factor}");
        }
    }

    #[test]
    fn the_threshold_keeps_95_of_100_right_answers() {
        let head = Head::dense(Task::Sigmoid, Method::Gradient, None, Dense { weights: vec![1.0], biases: vec![0.0] });
        let mut samples = Samples::new(1, 1).expect("counts");
        for row in 0..100_u8 {
            samples.push(&[f32::from(row) / 10.0 + 0.1], &[1.0]).expect("a sample");
        }
        samples.push(&[-3.0], &[1.0]).expect("a sample");
        samples.push(&[9.0], &[0.0]).expect("one that is told wrong");
        let rows: Vec<usize> = (0..samples.len()).collect();
        let found = threshold(&head, &samples, &rows).expect("a threshold").expect("right answers");
        let kept = rows.iter().filter(|&&row| head.probabilities(samples.vector(row))[0] >= found).count();
        // 101 are of the class, five of them lie below; one is above without being of it.
        assert_eq!(kept, 97);
        assert_eq!(threshold(&head, &samples, &[]), Ok(None));
        assert_eq!(threshold(&head, &samples, &[101]), Ok(None));
    }
}
