//! Graph → list of kernel calls, as data: what is fused, what is pruned, where every map and every weight lies.

mod arena;
mod fuse;
mod group;
#[cfg(feature = "integers")]
mod integers;
mod packing;
#[cfg(feature = "threads")]
pub mod parts;

pub use group::{Group, Grouping, Pattern};
pub use packing::Packing;

pub(crate) use arena::borrow;
#[cfg(feature = "training")]
pub(crate) use arena::{Map, place};
#[cfg(feature = "training")]
pub(crate) use fuse::{bend, call};

use crate::error::Result;
#[cfg(feature = "integers")]
use crate::graph::Element;
use crate::graph::{Graph, Node, Shape};
use crate::kernels::Call;
#[cfg(feature = "integers")]
use crate::kernels::integers::eights;
use crate::lane::{Vec4, lanes};
use std::fmt;
use std::ops::Range;

/// Where a map lies in the arena, in [`crate::lane::Vec4`]s.
pub type Slot = Range<usize>;

/// One kernel call.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The endpoint or node whose value it computes.
    pub name: String,
    /// The kernel and its parameter block.
    pub call: Call,
    /// The map that it reads.
    pub input: Slot,
    /// The map that it adds, or an empty range.
    pub side: Slot,
    /// The map that it writes; overlaps neither of the others.
    pub output: Slot,
    /// Its share of the packed parameters.
    pub parameters: Range<usize>,
    /// What it writes.
    pub shape: Shape,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// A map that the caller asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The endpoint's name.
    pub name: String,
    /// Where it lies after the last step.
    pub slot: Slot,
    /// Its shape, without lane padding.
    pub shape: Shape,
}

/// Everything that a backend needs in order to run a frame, and nothing that it doesn't.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Where the preprocessed picture goes.
    pub input: Slot,
    /// Its shape.
    pub input_shape: Shape,
    /// In order.
    pub steps: Vec<Step>,
    /// The steps again, as a GPU dispatches them. A map that a group reads outlives the whole group.
    pub groups: Vec<Group>,
    /// In the order in which they were asked for.
    pub outputs: Vec<Output>,
    /// Length of the arena in [`crate::lane::Vec4`]s.
    pub arena: usize,
}

/// `Vec4`s that steps which run as one read and write, each map once: parameters, what comes from before, what remains.
#[must_use]
pub fn moved(steps: &[Step]) -> usize {
    let mut vec4s = steps.last().map_or(0, |step| step.output.len());
    for (at, step) in steps.iter().enumerate() {
        vec4s += step.parameters.len();
        // Within a group, the next step reads what the one before wrote without it ever reaching memory.
        let inside = at > 0 && steps[at - 1].output == step.input;
        vec4s += if inside { 0 } else { step.input.len() } + step.side.len();
    }
    vec4s
}

impl Plan {
    /// The calls that compute `endpoints` and nothing else, one by one.
    ///
    /// # Errors
    /// As [`Plan::grouped`].
    pub fn new(graph: &Graph, packing: &Packing, endpoints: &[&str]) -> Result<Self> {
        Self::grouped(graph, packing, endpoints, Grouping::None)
    }

    /// The calls that compute `endpoints` and nothing else, grouped as asked.
    ///
    /// # Errors
    /// [`crate::error::Kind::UnknownEndpoint`]; [`crate::error::Kind::BadModel`] for a node that no kernel computes.
    pub fn grouped(graph: &Graph, packing: &Packing, endpoints: &[&str], grouping: Grouping) -> Result<Self> {
        let asked = endpoints.iter().map(|name| graph.endpoint(name).cloned()).collect::<Result<Vec<_>>>()?;
        let nodes: Vec<_> = asked.iter().map(|endpoint| endpoint.node).collect();
        let fused = fuse::fuse(graph, &nodes, grouping != Grouping::Software)?;
        let groups = group::group(&fused, &nodes, grouping);
        let arena = arena::lay_out(graph, &fused, &groups, &asked);
        let steps = fused
            .iter()
            .map(|step| Step {
                name: step.name.clone(),
                call: step.call,
                input: arena.slot(step.input),
                side: step.side.map_or(0..0, |side| arena.slot(side)),
                output: arena.slot(step.output),
                parameters: packing.range(step.parameters),
                shape: graph.nodes[step.output].shape,
                macs: graph.node_macs(step.parameters),
            })
            .collect();
        let outputs = asked
            .into_iter()
            .map(|endpoint| Output {
                slot: arena.slot(endpoint.node),
                shape: graph.nodes[endpoint.node].shape,
                name: endpoint.name,
            })
            .collect();
        Ok(Self {
            input: arena.slot(0),
            input_shape: graph.nodes[0].shape,
            steps,
            groups,
            outputs,
            arena: arena.length(),
        })
    }
}

/// How many [`crate::lane::Vec4`]s a node's map takes.
pub(crate) const fn vec4s(node: &Node) -> usize {
    #[cfg(feature = "integers")]
    if matches!(node.element, Element::Integer) {
        return node.shape.pixels() * eights(node.shape.channels);
    }
    node.shape.pixels() * lanes(node.shape.channels)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let macs: u64 = self.steps.iter().map(|step| step.macs).sum();
        let kib = (self.arena * size_of::<Vec4>()).div_ceil(1024);
        writeln!(f, "{} steps, {macs} multiply-accumulates, arena {kib} KiB", self.steps.len())?;
        writeln!(f, "{:<28} {:<12} @ {}", "input", self.input_shape, self.input.start)?;
        for step in &self.steps {
            let Step { name, call, input, side, output, shape, .. } = step;
            let size = shape.to_string();
            write!(f, "{name:<28} {size:<12} {call:<44} {} → {}", input.start, output.start)?;
            if !side.is_empty() {
                write!(f, " + {}", side.start)?;
            }
            writeln!(f)?;
        }
        for output in &self.outputs {
            writeln!(f, "output {:<21} {:<12} @ {}", output.name, output.shape, output.slot.start)?;
        }
        Ok(())
    }
}
