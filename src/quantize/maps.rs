//! Which nodes of a network compute in integers, and what the integers of each stand for.

use super::range::{Histogram, Range};
use crate::graph::{Graph, NodeId, Op};
use crate::model::{Activation, Pooling};
use crate::weights::{Checkpoint, Steps};

/// A map that is to be of integers: what a convolution and the batch norm and activation behind it leave, or another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Map {
    /// The node that its integers are named by.
    pub(super) first: NodeId,
    /// The node whose map it is.
    pub(super) last: NodeId,
    /// Maps that it is computed from, by their places in the list.
    pub(super) inputs: Vec<usize>,
    /// What bends it.
    pub(super) activation: Activation,
}

/// What the integers of a map stand for before and behind a curve that no bounds are; else the same twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Both {
    pub(super) before: Steps,
    pub(super) after: Steps,
}

/// Every map of a graph that can be of integers, in order.
pub(super) fn of(graph: &Graph) -> Vec<Map> {
    let mut maps: Vec<Map> = Vec::new();
    // Whose map each node's is.
    let mut places: Vec<Option<usize>> = Vec::with_capacity(graph.nodes.len());
    for (id, node) in graph.nodes.iter().enumerate() {
        let inputs: Option<Vec<usize>> = node.inputs.iter().map(|&input| places[input]).collect();
        let place = inputs.and_then(|inputs| match node.op {
            // Zeros around the picture are numbers, and integers behind it.
            Op::Pad => Some(inputs[0]),
            Op::BatchNorm => {
                maps[inputs[0]].last = id;
                Some(inputs[0])
            }
            Op::Activation(activation) => {
                (maps[inputs[0]].last, maps[inputs[0]].activation) = (id, activation);
                Some(inputs[0])
            }
            Op::Input
            | Op::Conv(_)
            | Op::Depthwise(_)
            | Op::Dense
            | Op::Add
            | Op::Scale
            | Op::GlobalPool(Pooling::Average | Pooling::Slim7) => {
                maps.push(Map { first: id, last: id, inputs, activation: Activation::Linear });
                Some(maps.len() - 1)
            }
            // Probabilities are numbers: eight bits are too few for them.
            _ => None,
        });
        places.push(place);
    }
    maps
}

/// The graph in the integers that a file states.
pub(super) fn quantized(graph: &Graph, checkpoint: &Checkpoint<'_>) -> Graph {
    let known = |name: &str| checkpoint.integers.as_ref().is_some_and(|integers| integers.get(name).is_some());
    graph.quantized(&known)
}

/// What hard-swish and the gates' curve leave of anything below.
const CLOSED: f32 = -3.0;

impl Map {
    /// What it is never beyond. ReLU6's 6 is never passed: no integer stands for more than the largest number.
    pub(super) const fn bounds(&self) -> (f32, f32) {
        let low = match self.activation {
            Activation::Relu6 | Activation::Relu => 0.0,
            _ => f32::NEG_INFINITY,
        };
        (low, f32::INFINITY)
    }

    /// The curve that a table is needed for.
    pub(super) fn curve(&self) -> Option<fn(f32) -> f32> {
        match self.activation {
            Activation::HardSwish => Some(|x| x * gate(x)),
            Activation::HardSigmoid | Activation::SlimSigmoid => Some(gate),
            _ => None,
        }
    }

    /// Its integers, where its numbers are distributed so.
    pub(super) fn steps(&self, histogram: &Histogram) -> Both {
        match self.activation {
            Activation::HardSwish => {
                let after = histogram.steps();
                let high = after.centred().1 as f32 * after.scale;
                // Where hard-swish is that high: itself from 3 on.
                let high = if high >= 3.0 { high } else { (24.0_f32.mul_add(high, 9.0).sqrt() - 3.0) / 2.0 };
                Both { before: Range { low: CLOSED, high }.steps(), after }
            }
            Activation::HardSigmoid | Activation::SlimSigmoid => Both {
                before: Range { low: CLOSED, high: -CLOSED }.steps(),
                after: Range { low: 0.0, high: 1.0 }.steps(),
            },
            _ => {
                let steps = histogram.steps();
                Both { before: steps, after: steps }
            }
        }
    }
}

/// TF-slim's differs by less than a hundredth of a step.
fn gate(x: f32) -> f32 {
    (x - CLOSED).clamp(0.0, 6.0) / 6.0
}
