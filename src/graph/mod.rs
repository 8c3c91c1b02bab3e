//! Model → typed graph, with a shape, parameters and multiply-accumulates for every node.
//!
//! The graph is what the framework trained: batch norms, activations and additions are nodes of their own. What is
//! folded or fused, and which kernel runs it, is for [`crate::plan`] to say.

mod aliases;
mod build;
#[cfg(feature = "integers")]
mod quantized;
mod shape;

pub use shape::{Shape, Window};

use crate::error::{Error, Kind, Result};
use crate::model::{Activation, Pooling, Spec, Version};
use crate::small::sort;

/// Index of a node in [`Graph::nodes`].
pub type NodeId = usize;

/// What a node computes from its inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// The preprocessed picture.
    Input,
    /// A convolution over all channels, without bias.
    Conv(Window),
    /// A convolution of each channel by itself, without bias.
    Depthwise(Window),
    /// Scale and shift by moving statistics.
    BatchNorm,
    /// A nonlinearity.
    Activation(Activation),
    /// Sum of two maps of one shape.
    Add,
    /// A map times a vector, channel by channel.
    Scale,
    /// Zeros added below and to the right.
    Pad,
    /// One number a channel from all pixels, or from the upper left ones.
    GlobalPool(Pooling),
    /// Matrix product plus bias.
    Dense,
    /// Each value by itself to 0 … 1.
    Sigmoid,
    /// Exponentials over their sum.
    Softmax,
    /// Numbers to the integers that stand for them.
    #[cfg(feature = "integers")]
    Quantize,
    /// Integers to the numbers that they stand for.
    #[cfg(feature = "integers")]
    Dequantize,
    /// A table's row for each integer: an activation.
    #[cfg(feature = "integers")]
    Lookup,
}

/// One operation and what comes out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Canonical name: parameters are called `{name}/weights`, `{name}/gamma` …
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Where its inputs come from, always earlier nodes.
    pub inputs: Vec<NodeId>,
    /// What comes out.
    pub shape: Shape,
    /// Of what.
    #[cfg(feature = "integers")]
    pub element: Element,
}

/// What a map is made of.
#[cfg(feature = "integers")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Element {
    /// Numbers.
    #[default]
    Float,
    /// Integers that stand for numbers.
    Integer,
}

impl Node {
    /// A node of numbers.
    #[inline(always)]
    fn new(name: String, op: Op, inputs: Vec<NodeId>, shape: Shape) -> Self {
        Self {
            name,
            op,
            inputs,
            shape,
            #[cfg(feature = "integers")]
            element: Element::Float,
        }
    }
}

/// A tensor that a node reads from the weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Canonical name.
    pub name: String,
    /// Shape as PyTorch has it: `[out, in, kernel, kernel]`, `[out, in]` or `[channels]`.
    pub shape: Vec<usize>,
    /// Whether training moves it (moving statistics are not trained).
    pub trainable: bool,
}

/// A feature map that users may ask for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// TF-slim's name: `layer_1` … `layer_19`, `layer_3/expansion_output`, `global_pool`, `logits`, `predictions`.
    pub name: String,
    /// The node whose output it is.
    pub node: NodeId,
}

/// A whole network.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Which network: the names of other frameworks depend on it.
    pub version: Version,
    /// In an order in which they can be computed.
    pub nodes: Vec<Node>,
    /// In the order in which they are computed.
    pub endpoints: Vec<Endpoint>,
}

impl Graph {
    /// The network that `spec` describes.
    ///
    /// # Errors
    /// [`Kind::BadModel`] when a parameter of `spec` is out of range.
    pub fn build(spec: &Spec) -> Result<Self> {
        build::build(spec)
    }

    /// The endpoint of that name, or of that alias (see [`aliases::canonical`]).
    ///
    /// # Errors
    /// [`Kind::UnknownEndpoint`] listing the names that come nearest.
    pub fn endpoint(&self, name: &str) -> Result<&Endpoint> {
        let find = |name: &str| self.endpoints.iter().find(|endpoint| endpoint.name == name);
        find(name).or_else(|| find(&aliases::canonical(self.version, name)?)).ok_or_else(|| {
            let mut names: Vec<&str> = self.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
            sort(&mut names, &|a, b| (likeness(b, name), a) < (likeness(a, name), b));
            names.truncate(3);
            Error::new(Kind::UnknownEndpoint, "endpoint")
                .expected(format!("one of this network's, such as {}", names.join(", ")))
                .found(format!("`{name}`"))
                .remedy("`info.endpoints` lists them all.")
        })
    }

    /// The tensors that node `id` reads from the weights.
    #[must_use]
    pub fn parameters(&self, id: NodeId) -> Vec<Parameter> {
        let node = &self.nodes[id];
        let parameter = |suffix: &str, shape: Vec<usize>, trainable| Parameter {
            name: format!("{}/{suffix}", node.name),
            shape,
            trainable,
        };
        let out = node.shape.channels;
        match node.op {
            Op::Conv(window) => {
                let shape = vec![out, self.input_channels(id), window.kernel, window.kernel];
                vec![parameter("weights", shape, true)]
            }
            Op::Depthwise(window) => vec![parameter("weights", vec![out, 1, window.kernel, window.kernel], true)],
            Op::BatchNorm => vec![
                parameter("gamma", vec![out], true),
                parameter("beta", vec![out], true),
                parameter("moving_mean", vec![out], false),
                parameter("moving_variance", vec![out], false),
            ],
            Op::Dense => vec![
                parameter("weights", vec![out, self.input_channels(id)], true),
                parameter("biases", vec![out], true),
            ],
            _ => Vec::new(),
        }
    }

    /// How many trained numbers the network has; moving statistics are not among them.
    #[must_use]
    pub fn params(&self) -> usize {
        (0..self.nodes.len())
            .flat_map(|id| self.parameters(id))
            .filter(|parameter| parameter.trainable)
            .map(|parameter| parameter.shape.iter().product::<usize>())
            .sum()
    }

    /// Multiply-accumulates of node `id`.
    #[must_use]
    pub fn node_macs(&self, id: NodeId) -> u64 {
        let Node { op, shape, .. } = &self.nodes[id];
        let each = match op {
            Op::Conv(window) => self.input_channels(id) * window.kernel * window.kernel,
            Op::Depthwise(window) => window.kernel * window.kernel,
            Op::Dense => self.input_channels(id),
            _ => 0,
        };
        // Past 32 bits for large inputs.
        shape.pixels() as u64 * (shape.channels * each) as u64
    }

    /// Multiply-accumulates of the whole network.
    #[must_use]
    pub fn macs(&self) -> u64 {
        (0..self.nodes.len()).map(|id| self.node_macs(id)).sum()
    }

    fn input_channels(&self, id: NodeId) -> usize {
        self.nodes[id].inputs.first().map_or(0, |&input| self.nodes[input].shape.channels)
    }
}

/// How many characters two names share at their beginnings and ends: most misspellings leave both as they are.
fn likeness(a: &str, b: &str) -> usize {
    let begin = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let end = a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count();
    begin + end
}
