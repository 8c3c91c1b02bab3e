//! How the end of a network is opened for training, how a step trains it, and how that went.

use super::Cut;
use crate::train::{FitOptions, Loss, Rule, Task};
use crate::weights::Overrides;

/// What batch norms normalise by while training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchNorm {
    /// Their moving statistics, which stay.
    #[default]
    Frozen,
    /// Each batch's own, which move the others.
    Training,
}

/// How a network is opened for training.
#[derive(Clone, Debug, PartialEq)]
pub struct TuneOptions {
    /// What is known better than the file tells.
    pub overrides: Overrides,
    /// Where training begins.
    pub from: Cut,
    /// What the outputs mean.
    pub task: Task,
    /// How many there are.
    pub outputs: usize,
    /// See [`BatchNorm`].
    pub batch_norm: BatchNorm,
    /// How much of a moving statistic a batch leaves; what trained the network has it in its layers. None: what is usual in the
    /// framework whose names the file bears.
    pub momentum: Option<f32>,
    /// The largest batch, which memory is planned for.
    pub batch_size: usize,
}

/// How one step trains.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOptions {
    /// What is made small.
    pub loss: Loss,
    /// How weights move.
    pub optimizer: Rule,
    /// How far.
    pub learning_rate: f32,
    /// Times the sum of the head's squared weights is added to the loss.
    pub l2: f32,
    /// The share of the head's inputs that this batch leaves out.
    pub dropout: f32,
    /// Which those are follows from it,
    pub seed: u64,
    /// and from the epoch and the batch, from 0.
    pub place: [usize; 2],
}

impl StepOptions {
    /// Those of one batch, as a head's training has them.
    #[must_use]
    pub fn new(fit: &FitOptions, loss: Loss, [epoch, batch]: [usize; 2]) -> Self {
        let FitOptions { optimizer, l2, dropout, seed, .. } = *fit;
        Self { loss, optimizer, learning_rate: fit.rate(epoch), l2, dropout, seed, place: [epoch, batch] }
    }
}

/// How a batch did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The mean over its samples.
    pub loss: f64,
    /// How many samples' answers were right; none of a regression.
    pub right: Option<usize>,
    /// Samples.
    pub samples: usize,
}
