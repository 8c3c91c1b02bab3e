//! Chains of nodes → single kernel calls: batch norm is folded into the weights, an activation becomes a clamp, a
//! residual joins the projection that precedes it. Nodes that no asked endpoint needs get no call at all.

use crate::error::{Error, Kind, Result};
#[cfg(feature = "integers")]
use crate::graph::Element;
use crate::graph::{Graph, Node, NodeId, Op, Shape, Window};
use crate::kernels::{Add, Call, Conv, Curve, Dense, Depthwise, GlobalPool, Pad, Pointwise, Scale, Sigmoid, Softmax};
use crate::lane::lanes;
use crate::model::{Activation, Pooling};

/// Side of the window of TF-slim's average pool.
const SLIM_POOL_PX: usize = 7;

/// A call whose maps are still nodes.
pub(super) struct Fused {
    pub name: String,
    pub call: Call,
    pub input: NodeId,
    pub side: Option<NodeId>,
    /// The last node of the chain: the map that is written.
    pub output: NodeId,
    /// The first node of the chain: whose weights are read.
    pub parameters: NodeId,
}

/// The calls that compute `asked`, in order; `residuals` joins additions to the projections before them.
///
/// # Errors
/// [`Kind::BadModel`] for a node that no kernel computes.
pub(super) fn fuse(graph: &Graph, asked: &[NodeId], residuals: bool) -> Result<Vec<Fused>> {
    let needed = needed(graph, asked);
    let mut consumers = vec![Vec::new(); graph.nodes.len()];
    for (id, node) in graph.nodes.iter().enumerate().filter(|&(id, _)| needed[id]) {
        for &input in &node.inputs {
            consumers[input].push(id);
        }
    }
    // A map may vanish into its consumer where nobody else reads it.
    let next = |id: NodeId| match consumers[id][..] {
        [only] if !asked.contains(&id) => Some((only, graph.nodes[only].op)),
        _ => None,
    };

    let mut calls = Vec::new();
    let mut absorbed = vec![false; graph.nodes.len()];
    for id in (0..graph.nodes.len()).filter(|&id| needed[id]) {
        if absorbed[id] || graph.nodes[id].op == Op::Input {
            continue;
        }
        let mut output = id;
        let mut curve = Curve::LINEAR;
        let mut side = None;
        let weighted = matches!(graph.nodes[id].op, Op::Conv(_) | Op::Depthwise(_) | Op::Dense);
        let pointwise = matches!(graph.nodes[id].op, Op::Conv(Window { kernel: 1, stride: 1, .. }));
        while let Some((consumer, op)) = next(output).filter(|_| weighted && side.is_none()) {
            match op {
                Op::BatchNorm => {}
                Op::Activation(activation) if curve == Curve::LINEAR => curve = bend(activation),
                Op::Add if pointwise && residuals && is_float(&graph.nodes[id]) => {
                    side = graph.nodes[consumer].inputs.iter().copied().find(|&map| map != output)
                }
                _ => break,
            }
            absorbed[consumer] = true;
            output = consumer;
        }
        if matches!(graph.nodes[id].op, Op::Add | Op::Scale) {
            side = graph.nodes[id].inputs.get(1).copied();
        }
        calls.push(Fused {
            name: graph.nodes[id].name.clone(),
            call: call(graph, id, curve, side.is_some())?,
            input: graph.nodes[id].inputs[0],
            side,
            output,
            parameters: id,
        });
    }
    Ok(calls)
}

/// Which nodes the asked ones depend on.
fn needed(graph: &Graph, asked: &[NodeId]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    for &id in asked {
        needed[id] = true;
    }
    for id in (0..graph.nodes.len()).rev().filter(|&id| id == 0 || !graph.nodes[id].inputs.is_empty()) {
        if needed[id] {
            for &input in &graph.nodes[id].inputs {
                needed[input] = true;
            }
        }
    }
    needed
}

/// Whether a residual can be added by the convolution before it.
#[cfg_attr(not(feature = "integers"), expect(clippy::missing_const_for_fn, reason = "it has nothing to look at"))]
fn is_float(_node: &Node) -> bool {
    #[cfg(feature = "integers")]
    return _node.element == Element::Float;
    #[cfg(not(feature = "integers"))]
    true
}

pub(crate) const fn bend(activation: Activation) -> Curve {
    match activation {
        Activation::Linear => Curve::LINEAR,
        Activation::Relu => Curve::RELU,
        Activation::Relu6 => Curve::RELU6,
        Activation::HardSwish => Curve::HARD_SWISH,
        Activation::HardSigmoid => Curve::HARD_SIGMOID,
        Activation::SlimSigmoid => Curve::SLIM_SIGMOID,
    }
}

/// Rows and columns that a pool reads of a map.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "Spec::check keeps every size far below 2³²")]
pub(super) fn pooled(pooling: Pooling, map: Shape) -> [u32; 2] {
    let side = |length: usize| if pooling == Pooling::Slim7 { length.min(SLIM_POOL_PX) } else { length } as u32;
    [side(map.height), side(map.width)]
}

/// The kernel for the chain that starts at node `id`.
#[expect(clippy::cast_possible_truncation, reason = "Spec::check keeps every size far below 2³²")]
pub(crate) fn call(graph: &Graph, id: NodeId, curve: Curve, residual: bool) -> Result<Call> {
    let node = &graph.nodes[id];
    #[cfg(feature = "integers")]
    if let Some(call) = super::integers::call(graph, id) {
        return Ok(call);
    }
    let (from, to) = (graph.nodes[node.inputs[0]].shape, node.shape);
    let out_lanes = lanes(to.channels) as u32;
    Ok(match node.op {
        Op::Conv(window) if window.kernel == 1 && window.stride == 1 => Call::Pointwise(Pointwise {
            pixels: to.pixels() as u32,
            in_channels: from.channels as u32,
            out_lanes,
            residual: u32::from(residual),
            curve,
        }),
        Op::Conv(window) if from.channels <= 4 => Call::Conv(Conv {
            in_height: from.height as u32,
            in_width: from.width as u32,
            in_channels: from.channels as u32,
            out_height: to.height as u32,
            out_width: to.width as u32,
            out_lanes,
            kernel: window.kernel as u32,
            stride: window.stride as u32,
            pad_top: window.pad_top as u32,
            pad_left: window.pad_left as u32,
            curve,
        }),
        Op::Depthwise(window) => Call::Depthwise(Depthwise {
            in_height: from.height as u32,
            in_width: from.width as u32,
            out_height: to.height as u32,
            out_width: to.width as u32,
            lanes: out_lanes,
            kernel: window.kernel as u32,
            stride: window.stride as u32,
            dilation: window.dilation as u32,
            pad_top: window.pad_top as u32,
            pad_left: window.pad_left as u32,
            curve,
        }),
        Op::Add => Call::Add(Add { count: super::vec4s(node) as u32 }),
        Op::Scale => Call::Scale(Scale { pixels: to.pixels() as u32, lanes: out_lanes }),
        Op::Pad => Call::Pad(Pad {
            in_height: from.height as u32,
            in_width: from.width as u32,
            out_height: to.height as u32,
            out_width: to.width as u32,
            lanes: out_lanes,
        }),
        Op::GlobalPool(pooling) => {
            let [height, width] = pooled(pooling, from);
            Call::GlobalPool(GlobalPool {
                in_width: from.width as u32,
                height,
                width,
                lanes: out_lanes,
                max: u32::from(pooling == Pooling::Max),
            })
        }
        Op::Dense => Call::Dense(Dense { in_channels: from.channels as u32, out_lanes, curve }),
        Op::Sigmoid => Call::Sigmoid(Sigmoid { classes: to.channels as u32 }),
        Op::Softmax => Call::Softmax(Softmax { classes: to.channels as u32 }),
        _ => {
            return Err(Error::new(Kind::BadModel, &*node.name)
                .expected("a node of a MobileNet")
                .found("one that no kernel computes by itself")
                .remedy("Convolutions over many channels are 1×1; batch norm and activation follow a convolution."));
        }
    })
}
