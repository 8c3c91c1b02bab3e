//! Where each layer's parameters lie, and how they get there: batch norm folded in, then groups of four output
//! channels, biases first (see [`crate::kernels`]).
//!
//! The layout follows from the graph alone, so that plans for different endpoints share one buffer.

use crate::error::Result;
use crate::graph::{Graph, NodeId, Op, Parameter};
use crate::kernels::bytes::interleave;
#[cfg(feature = "integers")]
use crate::kernels::dots::Dots;
use crate::lane::{Vec4, lanes};
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
    /// Those of [`Checkpoint::parameter`] and [`Checkpoint::folded`].
    pub fn pack(&self, graph: &Graph, checkpoint: &Checkpoint<'_>) -> Result<Vec<Vec4>> {
        #[cfg(feature = "integers")]
        return self.pack_for(graph, checkpoint, Dots::of_this_machine());
        #[cfg(not(feature = "integers"))]
        self.pack_for(graph, checkpoint)
    }

    /// The same for machines whose products of bytes are what `dots` says.
    ///
    /// # Errors
    /// As [`Packing::pack`].
    pub fn pack_for(
        &self,
        graph: &Graph,
        checkpoint: &Checkpoint<'_>,
        #[cfg(feature = "integers")] dots: Dots,
    ) -> Result<Vec<Vec4>> {
        let mut packed = vec![Vec4::default(); self.length];
        for (id, range) in self.ranges.iter().enumerate().filter(|(_, range)| !range.is_empty()) {
            #[cfg(feature = "integers")]
            if super::integers::call(graph, id).is_some() {
                super::integers::pack(graph, checkpoint, id, dots, &mut packed[range.clone()])?;
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
    let Parameter { name, shape, .. } = &graph.parameters(id)[0];
    let (out, inputs) = (shape[0], shape[1..].iter().product::<usize>());
    // The file has [out, channel, kernel · kernel]; kernels read pixel by pixel, each with all its channels.
    let (channels, taps) = (shape[1], shape[2..].iter().product::<usize>());
    checkpoint.with_parameter(name, shape, |weights| {
        let (scales, biases) = checkpoint.folded(&graph.nodes[id].name, out)?;
        for (quarter, group) in packed.chunks_exact_mut(1 + inputs).enumerate() {
            let first = quarter * 4;
            let lanes = first..out.min(first + 4);
            for o in lanes.clone() {
                group[0][o % 4] = biases[o];
            }
            if lanes.len() == 4 && (channels == 1 || taps == 1) {
                let scales = [0, 1, 2, 3].map(|lane| scales[first + lane]);
                interleave(&weights[first * inputs..(first + 4) * inputs], scales, &mut group[1..]);
                continue;
            }
            for o in lanes {
                for channel in 0..channels {
                    for tap in 0..taps {
                        let weight = weights[(o * channels + channel) * taps + tap];
                        group[1 + tap * channels + channel][o % 4] = weight * scales[o];
                    }
                }
            }
        }
        Ok(())
    })
}
