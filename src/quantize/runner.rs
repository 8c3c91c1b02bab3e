//! A network that runs on input tensors, and all of whose maps are kept.

use crate::backend::{Cpu, Executor};
use crate::error::Result;
use crate::frame::Preprocessor;
use crate::graph::{Endpoint, Graph, NodeId};
use crate::lane::Body;
use crate::plan::{Packing, Plan};
use crate::weights::Checkpoint;

use super::maps::Map;

pub(super) struct Runner {
    executor: Cpu,
    plan: Plan,
    /// Of each output.
    nodes: Vec<NodeId>,
}

impl Runner {
    /// Of a graph of floats: every map that is to be of integers, and what it is computed from.
    pub(super) fn new(graph: &Graph, checkpoint: &Checkpoint<'_>, maps: &[Map]) -> Result<Self> {
        let mut nodes: Vec<NodeId> =
            maps.iter().flat_map(|map| graph.nodes[map.first].inputs.iter().copied().chain([map.last])).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes.retain(|&node| node != 0);
        let endpoints = nodes.iter().map(|&node| Endpoint { name: graph.nodes[node].name.clone(), node }).collect();
        Self::of_endpoints(&Graph { endpoints, ..graph.clone() }, checkpoint)
    }

    /// Of any graph: its endpoints.
    pub(super) fn of_endpoints(graph: &Graph, checkpoint: &Checkpoint<'_>) -> Result<Self> {
        let packing = Packing::new(graph);
        let parameters = packing.pack(graph, checkpoint)?;
        let spec = &checkpoint.spec;
        let preprocessor = Preprocessor::new(&spec.preprocessing, spec.height_px, spec.width_px);
        let names: Vec<&str> = graph.endpoints.iter().map(|endpoint| &*endpoint.name).collect();
        Ok(Self {
            executor: Cpu::new(Body::Simd, preprocessor, parameters),
            plan: Plan::new(graph, &packing, &names)?,
            nodes: graph.endpoints.iter().map(|endpoint| endpoint.node).collect(),
        })
    }

    pub(super) fn run(&mut self, input: &[f32]) -> Result<()> {
        self.executor.run_tensor(&self.plan, input)
    }

    /// What output `index` is: `[height, width, channels]`.
    pub(super) fn output(&self, index: usize) -> Vec<f32> {
        let mut values = Vec::new();
        self.executor.read(&self.plan.outputs[index], &mut values);
        values
    }

    /// The map of that node, which is an output.
    pub(super) fn map(&self, node: NodeId) -> Vec<f32> {
        self.nodes.iter().position(|&other| other == node).map_or_else(Vec::new, |index| self.output(index))
    }
}
