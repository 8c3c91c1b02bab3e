//! One step of gradient descent on a head's layers.

use super::Method;
use super::dense::Dense;
use super::head::{Body, Head, relu};
use super::loss::Loss;
use super::metrics::hits;
use super::optimizer::Optimizer;
use super::random::Random;
use super::samples::Samples;
use crate::error::{Error, Kind, Result};
use crate::small::{all_finite, print_decimal};

/// Layers being trained, with what every batch needs again.
#[derive(Debug)]
pub struct Descent {
    pub(super) hidden: Option<Dense>,
    pub(super) out: Dense,
    pub(super) optimizer: Optimizer,
    loss: Loss,
    l2: f32,
    dropout: f32,
    batch: Batch,
}

/// What one batch computes; kept, so that the next one allocates nothing.
#[derive(Debug, Default)]
struct Batch {
    vectors: Vec<f32>,
    targets: Vec<f32>,
    units: Vec<f32>,
    logits: Vec<f32>,
    by_logits: Vec<f32>,
    by_units: Vec<f32>,
    sums: Option<(Option<Dense>, Dense)>,
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stepped {
    /// The mean loss of its samples before the step, with the penalty.
    pub loss: f64,
    /// Right answers, of a multi-label head in parts of one; nothing of a regression.
    pub hits: f64,
}

impl Descent {
    /// Training of a head from the weights that it has.
    ///
    /// # Errors
    /// [`Kind::BadOption`] where it is no head of layers over features as they come.
    pub fn new(head: &Head, optimizer: Optimizer, loss: Loss, l2: f32, dropout: f32) -> Result<Self> {
        let Body::Dense { unit: false, hidden, out } = &head.body else {
            return Err(Error::new(Kind::BadOption, "method")
                .expected("a head of layers to go on with")
                .found(format!("one of {}", head.method.name()))
                .remedy("Begin with a new head."));
        };
        let (hidden, out) = (hidden.clone(), out.clone());
        Ok(Self { hidden, out, optimizer, loss, l2, dropout, batch: Batch::default() })
    }

    /// The losses of a batch are made smaller. `random` says what dropout leaves out.
    ///
    /// # Errors
    /// [`Kind::TrainingDiverged`] where the loss or a weight is no number any more.
    pub fn step(&mut self, samples: &Samples, rows: &[usize], rate: f32, random: &mut Random) -> Result<Stepped> {
        let Self { hidden, out, batch, .. } = self;
        samples.gather(rows, &mut batch.vectors, &mut batch.targets);
        drop_out(&mut batch.vectors, self.dropout, random);
        let input = match hidden {
            Some(hidden) => {
                hidden.forward(&batch.vectors, &mut batch.units);
                relu(&mut batch.units);
                drop_out(&mut batch.units, self.dropout, random);
                &batch.units
            }
            None => &batch.vectors,
        };
        out.forward(input, &mut batch.logits);
        batch.by_logits.resize(batch.logits.len(), 0.0);
        let mean = self.loss.batch(out.outputs(), &batch.logits, &batch.targets, &mut batch.by_logits);
        let loss = mean + penalty(self.l2, hidden.as_ref(), out);
        if !loss.is_finite() {
            let most = batch.logits.iter().fold(0.0_f32, |most, logit| most.max(logit.abs()));
            let found = if all_finite(&batch.logits) {
                format!("{}: outputs reached {}", print_decimal(loss), print_decimal(f64::from(most)))
            } else {
                format!("{}: outputs are NaN or infinite", print_decimal(loss))
            };
            return Err(diverged("loss", "a finite loss", found, rate));
        }
        let hits = hits(self.loss.task, &batch.logits, &batch.targets, out.outputs());

        let (by_hidden, by_out) = batch.sums.get_or_insert_with(|| {
            let zeros = |layer: &Dense| Dense::zeros(layer.inputs(), layer.outputs());
            (hidden.as_ref().map(zeros), zeros(out))
        });
        by_out.clear();
        out.backward(input, &batch.by_logits, by_out);
        if let (Some(hidden), Some(by_hidden)) = (&hidden, by_hidden.as_mut()) {
            out.backward_input(&batch.by_logits, &mut batch.by_units);
            for (by_unit, unit) in batch.by_units.iter_mut().zip(&batch.units) {
                // A unit at 0 was cut off by its ReLU or left out; the others were made larger for those.
                *by_unit = if *unit > 0.0 { *by_unit / (1.0 - self.dropout) } else { 0.0 };
            }
            by_hidden.clear();
            hidden.backward(&batch.vectors, &batch.by_units, by_hidden);
        }

        self.optimizer.begin(rate);
        let layers = hidden.as_mut().into_iter().zip(by_hidden.as_mut()).chain([(out, by_out)]);
        for (index, (layer, sums)) in layers.enumerate() {
            crate::kernels::rows::add_scaled(&mut sums.weights, 2.0 * self.l2, &layer.weights);
            self.optimizer.step(2 * index, &mut layer.weights, &sums.weights);
            self.optimizer.step(2 * index + 1, &mut layer.biases, &sums.biases);
            if !all_finite(&layer.weights) || !all_finite(&layer.biases) {
                let found = "NaN or infinity after the step".into();
                return Err(diverged("weights", "finite weights", found, rate));
            }
        }
        Ok(Stepped { loss, hits })
    }

    /// The head as it is now.
    #[must_use]
    pub fn head(&self) -> Head {
        Head::dense(self.loss.task, Method::Gradient, self.hidden.clone(), self.out.clone())
    }

    /// The penalty that is part of every loss.
    #[must_use]
    pub fn penalty(&self) -> f64 {
        penalty(self.l2, self.hidden.as_ref(), &self.out)
    }
}

fn penalty(l2: f32, hidden: Option<&Dense>, out: &Dense) -> f64 {
    let square = |layer: &Dense| layer.weights.iter().map(|weight| f64::from(*weight).powi(2)).sum::<f64>();
    f64::from(l2) * (hidden.map_or(0.0, square) + square(out))
}

/// Leaves a share of the values out, and makes the others larger, so that sums stay what they are on average.
pub(super) fn drop_out(values: &mut [f32], share: f32, random: &mut Random) {
    if share > 0.0 {
        let factor = 1.0 / (1.0 - share);
        values.iter_mut().for_each(|value| *value *= if random.unit() < share { 0.0 } else { factor });
    }
}

#[cold]
fn diverged(place: &str, expected: &str, found: String, rate: f32) -> Error {
    Error::new(Kind::TrainingDiverged, place).expected(expected).found(found).remedy(format!(
        "Lower `learningRate`, {} here; scale the numbers that are learnt to about 1.",
        print_decimal(f64::from(rate))
    ))
}

#[cfg(test)]
#[path = "descent_tests.rs"]
mod tests;
