//! Where each layer's parameters lie, and how they get there: batch norm folded in, then groups of four output
//! channels, biases first (see [`crate::kernels`]).
//!
//! The layout follows from the graph alone, so that plans for different endpoints share one buffer.

use crate::error::{Error, Kind, Result};
use crate::graph::{Graph, NodeId, Op};
use crate::lane::{Vec4, lanes};
use crate::small::print_decimal;
use crate::weights::Checkpoint;
use std::ops::Range;

/// Where the parameters of every convolution and dense layer lie, in [`Vec4`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// By node; empty where it has no parameters.
    ranges: Vec<Range<usize>>,
    length: usize,
}

impl Packing {
    /// The layout for that graph.
    #[must_use]
    pub fn new(graph: &Graph) -> Self {
        let mut ranges = vec![0..0; graph.nodes.len()];
        let mut length = 0;
        for (id, range) in ranges.iter_mut().enumerate() {
            #[cfg(feature = "integers")]
            if super::integers::call(graph, id).is_some() {
                let size = super::integers::length(graph, id);
                *range = length..length + size;
                length += size;
                continue;
            }
            if let Some(inputs) = inputs(graph, id) {
                let size = lanes(graph.nodes[id].shape.channels) * (1 + inputs);
                *range = length..length + size;
                length += size;
            }
        }
        Self { ranges, length }
    }

    /// How many [`Vec4`]s all parameters take.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// The share of node `id`; empty where it has no parameters.
    #[must_use]
    pub fn range(&self, id: NodeId) -> Range<usize> {
        self.ranges[id].clone()
    }

    /// Reads, folds and packs every parameter.
    ///
    /// # Errors
    /// What [`Checkpoint::parameter`] finds missing or mis-shaped; [`Kind::NotFinite`] for a batch norm that divides by
    /// nothing.
    pub fn pack(&self, graph: &Graph, checkpoint: &Checkpoint<'_>) -> Result<Vec<Vec4>> {
        let mut packed = vec![Vec4::default(); self.length];
        for (id, range) in self.ranges.iter().enumerate().filter(|(_, range)| !range.is_empty()) {
            #[cfg(feature = "integers")]
            if super::integers::call(graph, id).is_some() {
                super::integers::pack(graph, checkpoint, id, &mut packed[range.clone()])?;
                continue;
            }
            pack_node(graph, checkpoint, id, &mut packed[range.clone()])?;
        }
        Ok(packed)
    }
}

/// How many values each output channel of node `id` reads through weights; none where it has no weights.
fn inputs(graph: &Graph, id: NodeId) -> Option<usize> {
    match graph.nodes[id].op {
        Op::Conv(_) | Op::Depthwise(_) | Op::Dense => Some(graph.parameters(id)[0].shape[1..].iter().product()),
        _ => None,
    }
}

fn pack_node(graph: &Graph, checkpoint: &Checkpoint<'_>, id: NodeId, packed: &mut [Vec4]) -> Result<()> {
    let mut read = graph.parameters(id).into_iter().map(|p| checkpoint.parameter(&p.name, &p.shape));
    let mut next = || read.next().unwrap_or_else(|| Ok(Vec::new()));
    let weights = next()?;
    let biases = next()?;
    let (scales, biases) = fold(graph, checkpoint, id, biases)?;

    let shape = &graph.parameters(id)[0].shape;
    let (out, inputs) = (shape[0], shape[1..].iter().product::<usize>());
    // The file has [out, channel, kernel · kernel]; kernels read pixel by pixel, each with all its channels.
    let (channels, taps) = (shape[1], shape[2..].iter().product::<usize>());
    for o in 0..out {
        let group = &mut packed[o / 4 * (1 + inputs)..][..1 + inputs];
        group[0][o % 4] = biases[o];
        for channel in 0..channels {
            for tap in 0..taps {
                let weight = weights[(o * channels + channel) * taps + tap];
                group[1 + tap * channels + channel][o % 4] = weight * scales[o];
            }
        }
    }
    Ok(())
}

/// The factor and the bias of each output channel of node `id`, with the batch norm that follows it folded in:
/// `γ · (x − mean) / √(variance + ε) + β`. Files whose batch norm was folded before they were written hold biases
/// instead.
#[expect(clippy::cast_possible_truncation, reason = "computed in f64, kept in f32")]
fn fold(graph: &Graph, checkpoint: &Checkpoint<'_>, id: NodeId, biases: Vec<f32>) -> Result<(Vec<f32>, Vec<f32>)> {
    let out = graph.nodes[id].shape.channels;
    let norm = (id + 1 < graph.nodes.len() && graph.nodes[id + 1].op == Op::BatchNorm).then_some(id + 1);
    let Some(norm) = norm else {
        return Ok((vec![1.0; out], biases));
    };
    let folded = format!("{}/biases", graph.nodes[id].name);
    if checkpoint.has(&folded) {
        return Ok((vec![1.0; out], checkpoint.parameter(&folded, &[out])?));
    }
    let parts = graph.parameters(norm);
    let read = |index: usize| checkpoint.parameter(&parts[index].name, &parts[index].shape);
    let (gamma, beta, mean, variance) = (read(0)?, read(1)?, read(2)?, read(3)?);
    let epsilon = f64::from(checkpoint.spec.batch_norm_epsilon);
    let mut scales = Vec::with_capacity(out);
    let mut shifts = Vec::with_capacity(out);
    for o in 0..out {
        let spread = f64::from(variance[o]) + epsilon;
        if spread <= 0.0 {
            return Err(Error::new(Kind::NotFinite, format!("{}[{o}]", parts[3].name))
                .expected("a variance of at least 0")
                .found(print_decimal(variance[o].into()))
                .remedy("The file is damaged, or this tensor is not a moving variance."));
        }
        let scale = f64::from(gamma[o]) / spread.sqrt();
        scales.push(scale as f32);
        shifts.push((f64::from(beta[o]) - f64::from(mean[o]) * scale) as f32);
    }
    Ok((scales, shifts))
}
