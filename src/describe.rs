//! What a network is, layer by layer and endpoint by endpoint; no weights are needed for it.

use crate::graph::{Graph, NodeId, Op, Shape};
use crate::lane::Vec4;
use crate::model::{Activation, Pooling};
use crate::plan::Packing;

/// One node of the graph, as a table of a network lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// What it computes: `conv`, `depthwise`, `batch_norm`, `relu6`, `add` …
    pub kind: &'static str,
    /// `[h, w, c]` of a map, `[c]` of a vector.
    pub shape: Vec<usize>,
    /// Trained numbers.
    pub params: usize,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// One endpoint that a network can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointInfo {
    /// Its name.
    pub name: String,
    /// `[h, w, c]` of a map, `[c]` of a vector.
    pub shape: Vec<usize>,
    /// Input pixels a pixel of the map stands for, along one side; none for a vector, which stands for the whole input.
    pub reduction: Option<usize>,
}

/// Every node but the input, in the order in which they are computed.
#[must_use]
pub fn layers(graph: &Graph) -> Vec<Layer> {
    let reductions = reductions(graph);
    let layer = |id: NodeId| {
        let parameters = graph.parameters(id);
        let trained = parameters.iter().filter(|parameter| parameter.trainable);
        Layer {
            name: graph.nodes[id].name.clone(),
            kind: kind(graph.nodes[id].op),
            shape: dimensions(graph.nodes[id].shape, reductions[id]),
            params: trained.map(|parameter| parameter.shape.iter().product::<usize>()).sum(),
            macs: graph.node_macs(id),
        }
    };
    (1..graph.nodes.len()).map(layer).collect()
}

/// Every endpoint, in the order in which they are computed.
#[must_use]
pub fn endpoints(graph: &Graph) -> Vec<EndpointInfo> {
    let reductions = reductions(graph);
    let info = |endpoint: &crate::graph::Endpoint| {
        let reduction = reductions[endpoint.node];
        let shape = dimensions(graph.nodes[endpoint.node].shape, reduction);
        EndpointInfo { name: endpoint.name.clone(), shape, reduction }
    };
    graph.endpoints.iter().map(info).collect()
}

/// The product of the strides before each node; none where a pool has left no sides. It tells a map of one pixel from a
/// vector.
fn reductions(graph: &Graph) -> Vec<Option<usize>> {
    let mut reductions: Vec<Option<usize>> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let before = node.inputs.first().map_or(Some(1), |&input| reductions[input]);
        reductions.push(match node.op {
            Op::Conv(window) | Op::Depthwise(window) => before.map(|reduction| reduction * window.stride),
            Op::GlobalPool(_) | Op::Dense => None,
            _ => before,
        });
    }
    reductions
}

/// Bytes of packed weights.
#[must_use]
pub fn weights_bytes(graph: &Graph) -> usize {
    Packing::new(graph).length() * size_of::<Vec4>()
}

/// `[h, w, c]` of a map, `[c]` of a vector.
fn dimensions(shape: Shape, reduction: Option<usize>) -> Vec<usize> {
    match reduction {
        Some(_) => vec![shape.height, shape.width, shape.channels],
        None => vec![shape.channels],
    }
}

const fn kind(op: Op) -> &'static str {
    match op {
        Op::Input => "input",
        Op::Conv(_) => "conv",
        Op::Depthwise(_) => "depthwise",
        Op::BatchNorm => "batch_norm",
        Op::Activation(Activation::Linear) => "linear",
        Op::Activation(Activation::Relu) => "relu",
        Op::Activation(Activation::Relu6) => "relu6",
        Op::Activation(Activation::HardSwish) => "hard_swish",
        Op::Activation(Activation::HardSigmoid | Activation::SlimSigmoid) => "hard_sigmoid",
        Op::Add => "add",
        Op::Scale => "scale",
        Op::Pad => "pad",
        Op::GlobalPool(Pooling::Max) => "max_pool",
        Op::GlobalPool(_) => "average_pool",
        Op::Dense => "dense",
        Op::Sigmoid => "sigmoid",
        Op::Softmax => "softmax",
        #[cfg(feature = "integers")]
        Op::Quantize => "quantize",
        #[cfg(feature = "integers")]
        Op::Dequantize => "dequantize",
        #[cfg(feature = "integers")]
        Op::Lookup => "lookup",
    }
}
