//! Epochs of batches, validation after each, and the best epoch's weights: one `fit`, a batch at a time.

use super::dense::Dense;
use super::descent::Descent;
use super::head::Head;
use super::loss::Loss;
use super::metrics::Tally;
use super::optimizer::Optimizer;
use super::options::{FitOptions, bad};
use super::random::{Purpose, Random};
use super::samples::Samples;
use super::split::Part;
use super::{Method, Task};
use crate::error::Result;
use serde::Serialize;

/// How many samples are validated at once: a millisecond or a few.
const VALIDATED_AT_ONCE: usize = 256;

/// What one [`Run::step`] did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Event {
    /// One batch was learnt from.
    Batch {
        /// From 0.
        epoch: usize,
        /// From 0.
        batch: usize,
        /// In every epoch.
        batches: usize,
        /// Before the step.
        loss: f64,
    },
    /// Some of the validation was done.
    Validating {
        /// Samples so far.
        done: usize,
        /// All of them.
        total: usize,
    },
    /// An epoch is over.
    Epoch(Epoch),
}

/// Means over one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Epoch {
    /// From 0.
    pub epoch: usize,
    /// Of batches while they were learnt from, with penalty and class weights.
    pub loss: f64,
    /// None of a regression.
    pub accuracy: Option<f64>,
    /// With the penalty; none where nothing is held out.
    pub validation_loss: Option<f64>,
    /// None where nothing is held out, and of a regression.
    pub validation_accuracy: Option<f64>,
    /// Of its batches.
    pub learning_rate: f32,
}

/// Why a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// All epochs were run.
    Done,
    /// Nothing had become better for a while.
    Early,
    /// It is not over.
    Aborted,
}

enum Stage {
    /// Validation of what training goes on from.
    Before,
    Batches,
    Validation,
    Over(Stopped),
}

/// The best so far, by validation, or by the loss of training where nothing is held out.
struct Best {
    watched: f64,
    epoch: Option<usize>,
    hidden: Option<Dense>,
    out: Dense,
    optimizer: Optimizer,
}

/// One training of a head by gradient.
pub struct Run {
    options: FitOptions,
    task: Task,
    descent: Descent,
    plain: Loss,
    train: Vec<usize>,
    validation: Vec<usize>,
    tests: usize,
    stage: Stage,
    epoch: usize,
    /// Of samples that were learnt from, or validated, in this epoch.
    done: usize,
    learnt: Tally,
    validated: Tally,
    best: Option<Best>,
    epochs_since_best: usize,
}

impl Run {
    /// Begins to train what `head` is now; it stays as it is. `names` are the classes', for errors.
    ///
    /// # Errors
    /// [`Kind::TooFewSamples`](crate::Kind::TooFewSamples), [`Kind::BadOption`](crate::Kind::BadOption), [`Kind::WrongBackbone`](crate::Kind::WrongBackbone) for vectors of another length.
    pub fn begin(
        head: &Head,
        samples: &Samples,
        parts: &[Part],
        options: FitOptions,
        names: &[String],
    ) -> Result<Self> {
        options.check()?;
        head.check(samples.features())?;
        if samples.outputs() != head.outputs {
            let expected = format!("{} targets a sample, one an output", head.outputs);
            return Err(bad("outputs", &expected, samples.outputs().to_string()));
        }
        let [mut train, validation, test] = rows_by_part(samples, parts)?;
        samples.check_enough(head.task, &train, names)?;
        let loss = options.loss(head.task, head.outputs, &samples.targets_of(&train))?;
        let goes_on = options.initial_epoch > 0;
        let optimizer = head.optimizer.clone().filter(|one| goes_on && one.rule() == options.optimizer);
        let optimizer = optimizer.unwrap_or_else(|| Optimizer::new(options.optimizer));
        let plain = loss.unweighted();
        let descent = Descent::new(head, optimizer, loss, options.l2, options.dropout)?;
        order(&mut train, &options, options.initial_epoch);
        Ok(Self {
            task: head.task,
            descent,
            plain,
            stage: if goes_on && !validation.is_empty() { Stage::Before } else { Stage::Batches },
            train,
            validation,
            tests: test.len(),
            epoch: options.initial_epoch,
            options,
            done: 0,
            learnt: Tally::default(),
            validated: Tally::default(),
            best: None,
            epochs_since_best: 0,
        })
    }

    /// Learns from one batch, or validates some samples; none when the run is over.
    ///
    /// # Errors
    /// [`Kind::TrainingDiverged`](crate::Kind::TrainingDiverged), saying the epoch, the batch and the cause; the run is over then, and
    /// [`Run::finish`] has the best epoch before.
    pub fn step(&mut self, samples: &Samples) -> Result<Option<Event>> {
        match self.stage {
            Stage::Over(_) => Ok(None),
            Stage::Batches => self.batch(samples).map(Some),
            Stage::Before | Stage::Validation => Ok(Some(self.validate(samples))),
        }
    }

    fn batch(&mut self, samples: &Samples) -> Result<Event> {
        let size = self.options.batch_size;
        let (batch, batches) = (self.done / size, self.train.len().div_ceil(size));
        let rows = &self.train[self.done..(self.done + size).min(self.train.len())];
        let mut random = Random::new(self.options.seed, Purpose::Dropout, [self.epoch as u64, batch as u64]);
        let stepped = self.descent.step(samples, rows, self.options.rate(self.epoch), &mut random).map_err(|error| {
            // What diverged is no epoch: the best one before stays.
            error.within(&format!("epoch {}, batch {batch} of {batches}", self.epoch))
        });
        let stepped = stepped.inspect_err(|_| self.stage = Stage::Over(Stopped::Aborted))?;
        #[expect(clippy::cast_precision_loss, reason = "batches are small")]
        let count = rows.len() as f64;
        self.learnt.loss += stepped.loss * count;
        self.learnt.hits += stepped.hits;
        self.learnt.count += rows.len();
        self.done += rows.len();
        let epoch = self.epoch;
        if self.done == self.train.len() {
            self.done = 0;
            self.stage = Stage::Validation;
        }
        Ok(Event::Batch { epoch, batch, batches, loss: stepped.loss })
    }

    fn validate(&mut self, samples: &Samples) -> Event {
        let total = self.validation.len();
        let head = self.descent.head();
        let mut scratch = vec![0.0; head.outputs];
        for &row in &self.validation[self.done..(self.done + VALIDATED_AT_ONCE).min(total)] {
            self.validated.add(&self.plain, &head.logits(samples.vector(row)), samples.targets(row), &mut scratch);
            self.done += 1;
        }
        if self.done < total {
            return Event::Validating { done: self.done, total };
        }
        self.done = 0;
        let validated = std::mem::take(&mut self.validated);
        let validation_loss = (total > 0).then(|| validated.mean_loss() + self.descent.penalty());
        if matches!(self.stage, Stage::Before) {
            self.stage = Stage::Batches;
            self.compare(validation_loss.unwrap_or(f64::INFINITY), None);
            return Event::Validating { done: total, total };
        }
        let learnt = std::mem::take(&mut self.learnt);
        let event = Epoch {
            epoch: self.epoch,
            loss: learnt.mean_loss(),
            accuracy: learnt.accuracy(self.task),
            validation_loss,
            validation_accuracy: validated.accuracy(self.task).filter(|_| total > 0),
            learning_rate: self.options.rate(self.epoch),
        };
        self.compare(validation_loss.unwrap_or(event.loss), Some(self.epoch));
        self.epoch += 1;
        let patience = self.options.early_stopping.map_or(usize::MAX, |stopping| stopping.patience);
        self.stage = if self.epoch >= self.options.epochs {
            Stage::Over(Stopped::Done)
        } else if self.epochs_since_best >= patience {
            Stage::Over(Stopped::Early)
        } else {
            Stage::Batches
        };
        order(&mut self.train, &self.options, self.epoch);
        Event::Epoch(event)
    }

    /// Keeps the weights if this is the best so far.
    fn compare(&mut self, watched: f64, epoch: Option<usize>) {
        let least = self.options.early_stopping.map_or(0.0, |stopping| f64::from(stopping.min_delta));
        if self.best.as_ref().is_some_and(|best| watched >= best.watched - least) {
            self.epochs_since_best += 1;
            return;
        }
        self.epochs_since_best = 0;
        let Descent { hidden, out, optimizer, .. } = &self.descent;
        let (hidden, out, optimizer) = (hidden.clone(), out.clone(), optimizer.clone());
        self.best = Some(Best { watched, epoch, hidden, out, optimizer });
    }

    /// Whose weights [`Run::finish`] gives; none where those it began with, or those of an epoch that is not over.
    #[must_use]
    pub fn best_epoch(&self) -> Option<usize> {
        self.best.as_ref().and_then(|best| best.epoch)
    }

    /// Why it is over.
    #[must_use]
    pub const fn stopped(&self) -> Stopped {
        if let Stage::Over(stopped) = self.stage { stopped } else { Stopped::Aborted }
    }

    /// Samples of each part: training, validation, test.
    #[must_use]
    pub const fn counts(&self) -> [usize; 3] {
        [self.train.len(), self.validation.len(), self.tests]
    }

    /// How many numbers are trained.
    #[must_use]
    pub fn params(&self) -> usize {
        self.descent.head().params()
    }

    /// The head of the best epoch so far; before the first is over, as far as it came.
    #[must_use]
    pub fn finish(&self) -> Head {
        let Some(Best { hidden, out, optimizer, .. }) = &self.best else { return self.descent.head() };
        let head = Head::dense(self.task, Method::Gradient, hidden.clone(), out.clone());
        Head { optimizer: Some(optimizer.clone()), ..head }
    }
}

/// Rows of training, validation and test.
///
/// # Errors
/// [`Kind::BadOption`](crate::Kind::BadOption) unless there is one part a sample.
pub fn rows_by_part(samples: &Samples, parts: &[Part]) -> Result<[Vec<usize>; 3]> {
    if parts.len() != samples.len() {
        return Err(bad("parts", &format!("{} of them, one a sample", samples.len()), parts.len().to_string()));
    }
    Ok([Part::Train, Part::Validation, Part::Test]
        .map(|part| (0..parts.len()).filter(|&row| parts[row] == part).collect()))
}

/// The order of an epoch, which follows from its number alone: training that was interrupted goes on the same way.
fn order(rows: &mut [usize], options: &FitOptions, epoch: usize) {
    crate::small::sort(rows, &|a, b| a < b);
    Random::new(options.seed, Purpose::Order, [epoch as u64, 0]).shuffle(rows);
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
