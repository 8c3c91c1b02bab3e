//! What was trained, for elsewhere: the head, and the whole network as a file.

use super::{LOGITS, Tuner, not_trained};
use crate::error::Result;
use crate::model::{Classifier, Pooling, Spec};
use crate::train::{Dense, Head, Task};
use crate::weights::{self, Tensor, write_safetensors};

impl Tuner {
    /// The head as it stands.
    ///
    /// # Errors
    /// [`Kind::NotTrained`].
    pub fn head(&self) -> Result<Head> {
        let Some(mut head) = self.head.clone() else { return Err(not_trained()) };
        if let Some(variable) = self.variables.all.last() {
            let mut tensors = self.variables.tensors(&self.graph, variable).into_iter().map(|(_, _, values)| values);
            if let (Some(weights), Some(biases)) = (tensors.next(), tensors.next()) {
                head.set_single(Dense { weights, biases });
            }
        }
        Ok(head)
    }

    /// The whole network with its head, as safetensors that [`crate::Net::open`] opens; `labels` are the outputs' names, or
    /// none.
    ///
    /// # Errors
    /// [`Kind::NotTrained`]; [`Kind::TrainingDiverged`] for weights that are no numbers; [`Kind::BadModel`] for another number
    /// of labels.
    pub fn write(&self, labels: &[String]) -> Result<Vec<u8>> {
        if self.head.is_none() {
            return Err(not_trained());
        }
        self.variables.check_finite(&self.graph)?;
        let spec = Spec { labels: labels.to_vec(), ..self.spec.clone() };
        spec.check()?;
        let checkpoint = weights::checkpoint(weights::read(&self.file)?, &self.overrides)?;
        let trained = self.variables.all.iter().filter(|variable| variable.trains);
        let trained: Vec<_> = trained.flat_map(|variable| self.variables.tensors(&self.graph, variable)).collect();
        let of_top = |name: &str| name.strip_prefix(LOGITS).is_some_and(|rest| rest.starts_with('/'));
        let is_new = |name: &str| trained.iter().any(|(new, _, _)| new == name);
        let mut tensors = checkpoint.canonical();
        tensors.retain(|tensor| !of_top(&tensor.name) && !is_new(&tensor.name));
        for (name, shape, values) in &trained {
            tensors.push(Tensor::of(name, shape, values));
        }
        Ok(write_safetensors(&tensors, &spec))
    }
}

/// The network with a head of so many outputs in the place of its own.
pub(super) fn with_head(spec: &Spec, task: Task, outputs: usize) -> Spec {
    let mut spec = spec.clone();
    spec.classes = outputs;
    spec.classifier = match task {
        Task::Softmax => Classifier::Softmax,
        Task::Sigmoid => Classifier::Sigmoid,
        Task::Regression => Classifier::Linear,
    };
    if spec.pooling == Pooling::None {
        spec.pooling = Pooling::Average;
    }
    spec.labels.clear();
    spec.label_set.clear();
    spec
}
