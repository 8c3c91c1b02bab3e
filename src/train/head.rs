//! What is put on a network's features: dense layers, or samples that vote.

use super::dense::Dense;
use super::loss::answer;
use super::options::bad;
use super::random::{Purpose, Random};
use super::{Method, Optimizer, Task};
use crate::error::{Error, Kind, Result};
use crate::kernels::rows;

/// Probabilities below this are taken for it where their logarithm is asked for.
const LEAST_PROBABILITY: f32 = 1e-7;

/// What computes a head's outputs.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Dense layers, with a ReLU between them.
    Dense {
        /// Whether features are divided by their length first.
        unit: bool,
        hidden: Option<Dense>,
        out: Dense,
    },
    /// The most similar of stored samples vote.
    Stored {
        /// Of length 1 each.
        vectors: Vec<f32>,
        /// One row a sample.
        targets: Vec<f32>,
        /// How many vote.
        count: usize,
        /// A vote counts `e` to the power of this times the similarity.
        sharpness: f32,
    },
}

/// A head: features → what it says of each output.
#[derive(Clone, Debug)]
pub struct Head {
    pub(super) task: Task,
    pub(super) method: Method,
    pub(super) features: usize,
    pub(super) outputs: usize,
    pub(super) body: Body,
    /// What the optimiser remembers, so that training can go on.
    pub(super) optimizer: Option<Optimizer>,
}

impl Head {
    /// A head of random weights, with a hidden layer of so many units where that is not 0.
    ///
    /// # Errors
    /// [`Kind::BadOption`] where there are no features or no outputs.
    pub fn create(task: Task, features: usize, outputs: usize, hidden: usize, seed: u64) -> Result<Self> {
        for (option, count) in [("features", features), ("outputs", outputs)] {
            if count == 0 {
                return Err(bad(option, "a whole number from 1", "0"));
            }
        }
        let layer = |inputs, outputs, place| {
            Dense::glorot(inputs, outputs, &mut Random::new(seed, Purpose::Weights, [place, 0]))
        };
        let before = (hidden > 0).then(|| layer(features, hidden, 0));
        let out = layer(if hidden > 0 { hidden } else { features }, outputs, 1);
        Ok(Self::dense(task, Method::Gradient, before, out))
    }

    /// A head of these layers.
    pub(super) fn dense(task: Task, method: Method, hidden: Option<Dense>, out: Dense) -> Self {
        let (features, outputs) = (hidden.as_ref().unwrap_or(&out).inputs(), out.outputs());
        Self { task, method, features, outputs, body: Body::Dense { unit: false, hidden, out }, optimizer: None }
    }

    /// A head of layers that another program trained, kernels being `[inputs, outputs]` as Keras and TensorFlow.js keep
    /// them: kernel and biases of the hidden layer, where there is one, then of the last.
    ///
    /// # Errors
    /// [`Kind::WrongShape`] where they do not fit; [`Kind::NotFinite`] for NaN and infinity.
    pub fn from_kernels(task: Task, features: usize, layers: &[(&[f32], &[f32])]) -> Result<Self> {
        let mut inputs = features;
        let mut dense = Vec::new();
        for (index, (kernel, biases)) in layers.iter().enumerate() {
            let place = || format!("layer {index} of the head");
            if kernel.is_empty() || Some(kernel.len()) != inputs.checked_mul(biases.len()) {
                return Err(Error::new(Kind::WrongShape, place())
                    .expected(format!("{inputs} weights for each of {} outputs", biases.len()))
                    .found(format!("{} weights", kernel.len())));
            }
            if !kernel.iter().chain(*biases).all(|value| value.is_finite()) {
                return Err(Error::new(Kind::NotFinite, place()).found("NaN or infinity"));
            }
            inputs = biases.len();
            dense.push(Dense::from_kernel(kernel, biases.to_vec()));
        }
        let mut dense = dense.into_iter();
        match (dense.next(), dense.next(), dense.next()) {
            (Some(out), None, None) => Ok(Self::dense(task, Method::Gradient, None, out)),
            (Some(hidden), Some(out), None) => Ok(Self::dense(task, Method::Gradient, Some(hidden), out)),
            _ => Err(bad("layers", "one or two", layers.len().to_string())),
        }
    }

    /// What its outputs mean.
    #[must_use]
    pub const fn task(&self) -> Task {
        self.task
    }

    /// How it came about.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Numbers that it reads.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.features
    }

    /// Numbers that it gives.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    /// Units of its hidden layer; 0 where there is none.
    #[must_use]
    pub fn hidden(&self) -> usize {
        match &self.body {
            Body::Dense { hidden: Some(hidden), .. } => hidden.outputs(),
            _ => 0,
        }
    }

    /// How many numbers were trained; stored samples are none.
    #[must_use]
    pub fn params(&self) -> usize {
        match &self.body {
            Body::Dense { hidden, out, .. } => hidden.as_ref().map_or(0, Dense::params) + out.params(),
            Body::Stored { .. } => 0,
        }
    }

    /// Its only layer, over features as they come: what can be put into a network.
    #[must_use]
    pub const fn single(&self) -> Option<&Dense> {
        match &self.body {
            Body::Dense { unit: false, hidden: None, out } => Some(out),
            _ => None,
        }
    }

    /// Another layer in the place of [`Head::single`], as long as it has the same shape.
    pub fn set_single(&mut self, layer: Dense) {
        if let Body::Dense { unit: false, hidden: None, out } = &mut self.body
            && (out.inputs(), out.outputs()) == (layer.inputs(), layer.outputs())
        {
            *out = layer;
            self.optimizer = None;
        }
    }

    /// Whether vectors of so many numbers can be asked about.
    ///
    /// # Errors
    /// [`Kind::WrongBackbone`].
    pub fn check(&self, features: usize) -> Result<()> {
        if features == self.features {
            return Ok(());
        }
        Err(Error::new(Kind::WrongBackbone, "features")
            .expected(format!("{} numbers, as this head was trained on", self.features))
            .found(features.to_string())
            .remedy("Load the network and endpoint that the head was trained on."))
    }

    /// Probabilities, or numbers, of one vector.
    ///
    /// # Errors
    /// As [`Head::check`].
    pub fn predict(&self, vector: &[f32]) -> Result<Vec<f32>> {
        self.check(vector.len())?;
        Ok(self.probabilities(vector))
    }

    pub(super) fn probabilities(&self, vector: &[f32]) -> Vec<f32> {
        match &self.body {
            Body::Dense { .. } => {
                let mut logits = self.logits(vector);
                answer(self.task, &mut logits);
                logits
            }
            Body::Stored { targets, .. } => {
                let votes = self.votes(vector);
                let sum: f32 = votes.iter().map(|vote| vote.1).sum();
                let mut means = vec![0.0; self.outputs];
                for (row, weight) in votes {
                    rows::add_scaled(&mut means, weight / sum, &targets[row * self.outputs..][..self.outputs]);
                }
                means
            }
        }
    }

    /// What probabilities are computed from; numbers of a regression.
    pub(super) fn logits(&self, vector: &[f32]) -> Vec<f32> {
        match &self.body {
            Body::Dense { unit, hidden, out } => {
                let scaled = if *unit { scaled_to_unit(vector) } else { Vec::new() };
                let mut logits = Vec::new();
                let input = if *unit { &scaled[..] } else { vector };
                match hidden {
                    Some(hidden) => out.forward(&activations(hidden, input), &mut logits),
                    None => out.forward(input, &mut logits),
                }
                logits
            }
            Body::Stored { .. } => {
                let mut values = self.probabilities(vector);
                let logarithm = |value: f32| value.max(LEAST_PROBABILITY).ln();
                match self.task {
                    Task::Softmax => values.iter_mut().for_each(|value| *value = logarithm(*value)),
                    Task::Sigmoid => {
                        values.iter_mut().for_each(|value| *value = logarithm(*value) - logarithm(1.0 - *value));
                    }
                    Task::Regression => {}
                }
                values
            }
        }
    }

    /// The most similar stored samples and what each one's vote counts.
    fn votes(&self, vector: &[f32]) -> Vec<(usize, f32)> {
        let Body::Stored { vectors, count, sharpness, .. } = &self.body else { return Vec::new() };
        let mut similarities = vec![0.0; vectors.len() / self.features];
        rows::products(vectors, &scaled_to_unit(vector), self.features, &mut similarities);
        let mut votes = nearest(similarities.iter().copied().enumerate(), *count);
        let most = votes.first().map_or(0.0, |vote| vote.1);
        votes.iter_mut().for_each(|vote| vote.1 = ((vote.1 - most) * sharpness).exp());
        votes
    }

    /// The derivative, by each feature, of what `output`'s probability is computed from: its logit; where samples vote, the
    /// logarithm of their share; the number itself of a regression.
    ///
    /// # Errors
    /// As [`Head::check`]; [`Kind::BadOption`] for an output that is not there.
    pub fn gradient(&self, vector: &[f32], output: usize) -> Result<Vec<f32>> {
        self.check(vector.len())?;
        if output >= self.outputs {
            return Err(bad("output", &format!("one below {}", self.outputs), output.to_string()));
        }
        let unit = scaled_to_unit(vector);
        Ok(match &self.body {
            Body::Dense { unit: is_unit, hidden, out } => {
                let mut gradient = out.row(output).to_vec();
                if let Some(hidden) = hidden {
                    let input = if *is_unit { &unit } else { vector };
                    for (by_unit, activation) in gradient.iter_mut().zip(activations(hidden, input)) {
                        *by_unit = if activation > 0.0 { *by_unit } else { 0.0 };
                    }
                    let by_output = std::mem::take(&mut gradient);
                    hidden.backward_input(&by_output, &mut gradient);
                }
                if *is_unit { through_unit(&gradient, vector, &unit) } else { gradient }
            }
            Body::Stored { vectors, targets, sharpness, .. } => {
                let votes = self.votes(vector);
                let target = |row: usize| targets[row * self.outputs + output];
                let sum: f32 = votes.iter().map(|vote| vote.1).sum();
                let share = votes.iter().map(|&(row, weight)| weight * target(row)).sum::<f32>() / sum;
                let is_number = self.task == Task::Regression;
                let scale = if is_number { 1.0 } else { 1.0 / share.max(LEAST_PROBABILITY) };
                let mut gradient = vec![0.0; self.features];
                for (row, weight) in votes {
                    let factor = sharpness * weight / sum * (target(row) - share) * scale;
                    rows::add_scaled(&mut gradient, factor, &vectors[row * self.features..][..self.features]);
                }
                through_unit(&gradient, vector, &unit)
            }
        })
    }
}

/// A hidden layer's outputs behind their ReLU.
fn activations(layer: &Dense, input: &[f32]) -> Vec<f32> {
    let mut units = Vec::new();
    layer.forward(input, &mut units);
    relu(&mut units);
    units
}

/// Below 0 there is nothing; NaN stays.
pub(super) fn relu(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = if *value < 0.0 { 0.0 } else { *value });
}

fn length(vector: &[f32]) -> f32 {
    let mut square = [0.0];
    rows::products(vector, vector, vector.len(), &mut square);
    square[0].sqrt()
}

/// The vector at length 1; one of zeros stays.
#[must_use]
pub(super) fn scaled_to_unit(vector: &[f32]) -> Vec<f32> {
    let length = length(vector);
    let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
    vector.iter().map(|value| value * factor).collect()
}

/// The derivative by a vector, from that by the vector at length 1.
fn through_unit(by_unit: &[f32], vector: &[f32], unit: &[f32]) -> Vec<f32> {
    let length = length(vector);
    let along: f32 = by_unit.iter().zip(unit).map(|(a, b)| a * b).sum();
    let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
    by_unit.iter().zip(unit).map(|(by_unit, unit)| (by_unit - along * unit) * factor).collect()
}

/// The `count` of largest similarity, the largest first; of equals the first.
pub(super) fn nearest(similarities: impl Iterator<Item = (usize, f32)>, count: usize) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
    for (row, similarity) in similarities {
        if best.len() == count && best.last().is_none_or(|last| last.1 >= similarity) {
            continue;
        }
        let place = best.iter().position(|other| other.1 < similarity).unwrap_or(best.len());
        best.insert(place, (row, similarity));
        best.truncate(count);
    }
    best
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
