//! What a step does beside the network's own gradients: dropout before the head, the penalty on its weights, the update.

use super::{StepOptions, Tuner, write_rows};
use crate::lane::{Vec4, lanes};
use crate::train::descent::drop_out;
use crate::train::{Optimizer, Purpose, Random};
use std::ops::Range;

impl Tuner {
    /// What a batch multiplies the head's inputs by, padded as they are: drawn as [`crate::train::Descent`] draws it.
    pub(super) fn dropout(&self, batch: usize, options: &StepOptions) -> Vec<Vec4> {
        let StepOptions { dropout, seed, place, .. } = *options;
        let Some(step) = self.tape.steps.last().filter(|_| dropout > 0.0) else { return Vec::new() };
        let features = self.graph.nodes[step.inputs[0]].shape.channels;
        let mut factors = vec![1.0; batch * features];
        let mut random = Random::new(seed, Purpose::Dropout, place.map(|count| count as u64));
        drop_out(&mut factors, dropout, &mut random);
        let mut padded = vec![Vec4::default(); batch * lanes(features)];
        write_rows(bytemuck::cast_slice_mut(&mut padded), &factors, features);
        padded
    }

    /// `l2` times the sum of the head's squared weights.
    pub(super) fn penalty(&self, l2: f32) -> f64 {
        let Some((head, group)) = self.head_parameters().filter(|_| l2 > 0.0) else { return 0.0 };
        let weights = self.variables.weights[head].chunks_exact(group).flat_map(|group| &group[1..]);
        f64::from(l2) * weights.flatten().map(|weight| f64::from(*weight).powi(2)).sum::<f64>()
    }

    /// Where the head's parameters lie, and how many vectors a group of outputs has: biases, then weights.
    fn head_parameters(&self) -> Option<(Range<usize>, usize)> {
        let head = self.variables.all.last()?;
        Some((head.range.clone(), 1 + self.graph.parameters(head.node)[0].shape[1]))
    }

    pub(super) fn update(&mut self, options: &StepOptions) {
        let head = self.head_parameters().filter(|_| options.l2 > 0.0);
        let gradients = &mut self.runner.gradients;
        if let Some((head, group)) = head {
            let weights = self.variables.weights[head.clone()].chunks_exact(group);
            let groups = gradients[head].chunks_exact_mut(group).zip(weights);
            for (gradient, weight) in
                groups.flat_map(|(to, from)| to[1..].iter_mut().flatten().zip(from[1..].iter().flatten()))
            {
                *gradient += 2.0 * options.l2 * weight;
            }
        }
        if self.optimizer.as_ref().is_none_or(|optimizer| optimizer.rule() != options.optimizer) {
            self.optimizer = Some(Optimizer::new(options.optimizer));
        }
        let Some(optimizer) = &mut self.optimizer else { return };
        optimizer.begin(options.learning_rate);
        for (slot, variable) in self.variables.all.iter().filter(|variable| variable.trains).enumerate() {
            let weights = bytemuck::cast_slice_mut(&mut self.variables.weights[variable.range.clone()]);
            optimizer.step(slot, weights, bytemuck::cast_slice(&gradients[variable.range.clone()]));
        }
        self.runner.turn(&self.tape, &self.variables, true);
    }
}
