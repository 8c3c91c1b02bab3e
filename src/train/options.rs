//! How a head is trained, and which of it makes sense.

use super::{Loss, Rule, Schedule, Task};
use crate::error::{Error, Kind, Result};
use crate::small::print_decimal;

/// What one class counts for.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ClassWeights {
    /// Every sample as much.
    #[default]
    Equal,
    /// Every class as much, however many samples it has: `samples / (classes · samples of the class)`, scikit-learn's rule.
    Balanced,
    /// One number a class. Of a single sigmoid also two: where the answer is no, and where it is yes.
    Given(Vec<f32>),
}

/// When training ends before its last epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStopping {
    /// After how many epochs without a better one.
    pub patience: usize,
    /// By how much a better one is better at least.
    pub min_delta: f32,
}

/// Options of training by gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct FitOptions {
    /// Where counting ends.
    pub epochs: usize,
    /// Where counting begins.
    pub initial_epoch: usize,
    /// Samples between two steps.
    pub batch_size: usize,
    /// What moves the weights.
    pub optimizer: Rule,
    /// Of the first epoch.
    pub learning_rate: f32,
    /// And of the others.
    pub schedule: Schedule,
    /// Times the sum of squared weights, biases left out, is added to the loss.
    pub l2: f32,
    /// See [`Loss`](super::Loss).
    pub label_smoothing: f32,
    /// The share of the head's inputs and hidden units that a batch leaves out.
    pub dropout: f32,
    /// What samples count for.
    pub class_weights: ClassWeights,
    /// None: all epochs.
    pub early_stopping: Option<EarlyStopping>,
    /// Of the order and of dropout.
    pub seed: u64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            epochs: 20,
            initial_epoch: 0,
            batch_size: 16,
            optimizer: Rule::Adam,
            learning_rate: 0.001,
            schedule: Schedule::Constant,
            l2: 0.0,
            label_smoothing: 0.0,
            dropout: 0.0,
            class_weights: ClassWeights::Equal,
            early_stopping: None,
            seed: 1,
        }
    }
}

impl FitOptions {
    /// Whether each is within its range.
    ///
    /// # Errors
    /// [`Kind::BadOption`], naming the first that is not.
    pub fn check(&self) -> Result<()> {
        let positive = |value: f32| value > 0.0 && value.is_finite();
        let not_negative = |value: f32| value >= 0.0 && value.is_finite();
        let share = |value: f32| (0.0..1.0).contains(&value);
        let momentum = if let Rule::Sgd { momentum } = self.optimizer { momentum } else { 0.0 };
        let (factor, steps) = match self.schedule {
            Schedule::Constant => (1.0, 1),
            // It may end at nothing.
            Schedule::Cosine { end } => (if end == 0.0 { 1.0 } else { end }, 1),
            Schedule::Exponential { factor } => (factor, 1),
            Schedule::Step { factor, epochs } => (factor, epochs),
        };
        let least = self.early_stopping.map_or(0.0, |stopping| stopping.min_delta);
        let numbers: [(&str, f32, bool, &str); 8] = [
            ("learningRate", self.learning_rate, positive(self.learning_rate), "a number above 0"),
            ("momentum", momentum, share(momentum), "a number from 0 to below 1"),
            ("l2", self.l2, not_negative(self.l2), "a number from 0"),
            ("labelSmoothing", self.label_smoothing, share(self.label_smoothing), "a number from 0 to below 1"),
            ("dropout", self.dropout, share(self.dropout), "a number from 0 to below 1"),
            ("schedule", factor, positive(factor), "a factor above 0"),
            ("earlyStopping.minDelta", least, not_negative(least), "a number from 0"),
            ("classWeights", 0.0, self.has_class_weights(), "numbers from 0, not all of them 0"),
        ];
        for (option, value, is_right, expected) in numbers {
            if !is_right {
                return Err(bad(option, expected, print_decimal(f64::from(value))));
            }
        }
        let counts = [
            ("epochs", self.epochs, 1),
            ("batchSize", self.batch_size, 1),
            ("schedule.epochs", steps, 1),
            ("earlyStopping.patience", self.early_stopping.map_or(1, |stopping| stopping.patience), 1),
        ];
        for (option, value, least) in counts {
            if value < least {
                return Err(bad(option, "a whole number from 1", value.to_string()));
            }
        }
        if self.initial_epoch >= self.epochs {
            let expected = format!("an epoch below `epochs`, {}", self.epochs);
            return Err(bad("initialEpoch", &expected, self.initial_epoch.to_string()));
        }
        Ok(())
    }

    /// The learning rate of an epoch, from 0.
    #[must_use]
    pub fn rate(&self, epoch: usize) -> f32 {
        self.learning_rate * self.schedule.factor(epoch, self.epochs)
    }

    /// What is made small of samples with these targets, `[samples, outputs]`.
    ///
    /// # Errors
    /// [`Kind::BadOption`] for class weights that do not fit.
    pub fn loss(&self, task: Task, outputs: usize, targets: &[f32]) -> Result<Loss> {
        let weights = class_weights(&self.class_weights, task, outputs, targets)?;
        Ok(Loss { task, label_smoothing: self.label_smoothing, weights })
    }

    fn has_class_weights(&self) -> bool {
        let ClassWeights::Given(weights) = &self.class_weights else { return true };
        weights.iter().all(|weight| *weight >= 0.0 && weight.is_finite()) && weights.iter().any(|weight| *weight > 0.0)
    }
}

/// What samples with these targets, `[samples, outputs]`, count for, as [`Loss::weights`] has it.
#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
pub(super) fn class_weights(
    given: &ClassWeights,
    task: Task,
    outputs: usize,
    targets: &[f32],
) -> Result<Option<Vec<[f32; 2]>>> {
    if task == Task::Regression && *given != ClassWeights::Equal {
        return Err(bad("classWeights", "none: a regression has no classes", "some"));
    }
    match given {
        ClassWeights::Equal => Ok(None),
        ClassWeights::Balanced => {
            let kinds = if task == Task::Softmax { outputs } else { 2 };
            let balanced = |output: usize| {
                let samples = targets.len() / outputs;
                let yes = targets.iter().skip(output).step_by(outputs).filter(|&&target| target > 0.5).count();
                [samples - yes, yes].map(|count| samples as f32 / (kinds * count.max(1)) as f32)
            };
            Ok(Some((0..outputs).map(balanced).collect()))
        }
        ClassWeights::Given(weights) => match weights[..] {
            [no, yes] if task == Task::Sigmoid && outputs == 1 => Ok(Some(vec![[no, yes]])),
            _ if weights.len() == outputs => Ok(Some(weights.iter().map(|&weight| [1.0, weight]).collect())),
            _ => Err(Error::new(Kind::BadOption, "classWeights")
                .expected(format!("{outputs} numbers, one a class"))
                .found(weights.len().to_string())
                .remedy("\"balanced\" counts the samples itself.")),
        },
    }
}

/// An option that is out of its range.
#[cold]
pub(super) fn bad(option: &str, expected: &str, found: impl Into<String>) -> Error {
    Error::new(Kind::BadOption, option).expected(expected).found(found).remedy("Leave the option out for its default.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_right() {
        assert_eq!(FitOptions::default().check(), Ok(()));
    }

    #[test]
    fn each_option_is_named_when_it_is_out_of_range() {
        type Change = fn(&mut FitOptions);
        let cases: [(&str, Change); 15] = [
            ("learningRate", |o| o.learning_rate = 0.0),
            ("learningRate", |o| o.learning_rate = f32::NAN),
            ("momentum", |o| o.optimizer = Rule::Sgd { momentum: 1.0 }),
            ("l2", |o| o.l2 = -0.1),
            ("labelSmoothing", |o| o.label_smoothing = 1.0),
            ("dropout", |o| o.dropout = 1.0),
            ("dropout", |o| o.dropout = f32::NAN),
            ("schedule", |o| o.schedule = Schedule::Exponential { factor: 0.0 }),
            ("schedule.epochs", |o| o.schedule = Schedule::Step { factor: 0.5, epochs: 0 }),
            ("earlyStopping.patience", |o| o.early_stopping = Some(EarlyStopping { patience: 0, min_delta: 0.0 })),
            ("earlyStopping.minDelta", |o| o.early_stopping = Some(EarlyStopping { patience: 1, min_delta: -1.0 })),
            ("classWeights", |o| o.class_weights = ClassWeights::Given(vec![1.0, -1.0])),
            ("epochs", |o| o.epochs = 0),
            ("batchSize", |o| o.batch_size = 0),
            ("initialEpoch", |o| o.initial_epoch = 20),
        ];
        for (option, change) in cases {
            let mut options = FitOptions::default();
            change(&mut options);
            let error = options.check().expect_err(option);
            assert_eq!(error.kind(), Kind::BadOption);
            assert!(error.to_string().starts_with(&format!("{option}: ")), "{error}");
        }
    }
}
