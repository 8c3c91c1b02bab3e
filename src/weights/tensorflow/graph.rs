//! From a graph's nodes to named tensors: each convolution's constants take the name of its scope, whatever freezing,
//! folding and fusing have called them.
//!
//! Names are all that is followed here. A graph whose scopes are no framework's own is not recognised.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::tensor::MAX_RANK;
use super::super::{DAMAGED, Tensor};
use crate::error::{Error, Kind, Result};
use crate::small::sort;

/// More nodes than any MobileNet's graph has, with training's left in.
pub(super) const MAX_NODES: usize = 1 << 14;

/// What constants that several nodes share, and that the file does not hold as they are, may take in all.
const MAX_COPIED_BYTES: usize = 1 << 20;

/// An operation.
#[derive(Default)]
pub(super) struct Node<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) op: Cow<'a, str>,
    pub(super) inputs: Vec<Cow<'a, str>>,
    /// Of a placeholder: rows and columns, where it states them.
    pub(super) sides: Option<(usize, usize)>,
}

/// Rows and columns of `[…, rows, columns, 3]`.
pub(super) fn sides(dims: &[usize]) -> Option<(usize, usize)> {
    match *dims {
        [_, height, width, 3] if (1..1 << 16).contains(&height) && (1..1 << 16).contains(&width) => {
            Some((height, width))
        }
        _ => None,
    }
}

/// What the graph states beside its tensors.
pub(super) fn metadata(nodes: &[Node<'_>]) -> BTreeMap<String, String> {
    let stated = nodes.iter().filter(|node| node.op == "Placeholder").find_map(|node| node.sides);
    let keys = |(height, width): (usize, usize)| {
        [("mobilenet.height", height), ("mobilenet.width", width)].map(|(key, side)| (key.to_owned(), side.to_string()))
    };
    stated.into_iter().flat_map(keys).collect()
}

/// Nodes and constants by name.
struct Graph<'g, 'a> {
    nodes: &'g [Node<'a>],
    /// Of the nodes, by name.
    order: Vec<usize>,
    constants: &'g [Tensor<'a>],
    /// Of the constants, by name.
    by_name: Vec<usize>,
}

/// An input's node: `^name` only waits for it, `name:1` is another of its outputs.
fn source(input: &str) -> Option<&str> {
    if input.starts_with('^') {
        return None;
    }
    match input.rsplit_once(':') {
        Some((name, "0")) => Some(name),
        Some((_, digits)) if digits.bytes().all(|digit| digit.is_ascii_digit()) => None,
        _ => Some(input),
    }
}

impl<'a> Graph<'_, 'a> {
    fn node(&self, name: &str) -> Option<&Node<'a>> {
        let found = self.order.binary_search_by(|&index| (*self.nodes[index].name).cmp(name)).ok()?;
        Some(&self.nodes[self.order[found]])
    }

    /// The constant that an input is, behind nodes that pass it on; by its place.
    fn constant(&self, input: Option<&Cow<'a, str>>) -> Option<usize> {
        let mut name = source(input?)?;
        for _ in 0..8 {
            if let Ok(found) = self.by_name.binary_search_by(|&index| (*self.constants[index].name).cmp(name)) {
                return Some(self.by_name[found]);
            }
            let node = self.node(name)?;
            if !matches!(&*node.op, "Identity" | "ReadVariableOp" | "StopGradient" | "Enter") {
                return None;
            }
            name = source(node.inputs.first()?)?;
        }
        None
    }

    /// The convolution or product that an input is, by its name.
    fn layer(&self, input: Option<&Cow<'a, str>>) -> Option<&str> {
        let node = self.node(source(input?)?)?;
        is_layer(&node.op).then_some(&*node.name)
    }
}

fn is_layer(op: &str) -> bool {
    matches!(
        op,
        "Conv2D" | "DepthwiseConv2dNative" | "MatMul" | "_FusedConv2D" | "FusedDepthwiseConv2dNative" | "_FusedMatMul"
    )
}

/// What a weight's name or its layer's own ends with, behind the name of the layer's scope.
const WEIGHTS_ENDS: [&str; 11] = [
    "/weights",
    "/depthwise_weights",
    "/kernel",
    "/depthwise_kernel",
    "/Conv2D_weights",
    "/MatMul_weights",
    "/Conv2D",
    "/depthwise",
    "/MatMul",
    "/separable_conv2d",
    // Keras 3.
    "/convolution",
];

const NORM_ENDS: [&str; 4] = ["/gamma", "/beta", "/moving_mean", "/moving_variance"];

/// What Keras 3 calls the statistics of a batch norm that it spells out: one after the other, as it casts them.
const CASTS: [(&str, &str); 4] =
    [("/Cast", "/moving_mean"), ("/Cast_1", "/moving_variance"), ("/Cast_2", "/gamma"), ("/Cast_3", "/beta")];

/// A constant's name without what reading a variable adds.
fn unread(name: &str) -> &str {
    let name = name.strip_suffix("/resource").unwrap_or(name);
    let name = name.strip_suffix("/ReadVariableOp").unwrap_or(name);
    name.strip_suffix("/read").unwrap_or(name)
}

/// The scope of a layer, from the name of its weights or its own.
fn scope<'n>(weights: &'n str, layer: &'n Node<'_>) -> Option<&'n str> {
    let plain = unread(weights);
    let ends = |name: &'n str| WEIGHTS_ENDS.iter().find_map(|end| name.strip_suffix(end));
    ends(plain).or_else(|| ends(&layer.name))
}

/// `A/A/b` is `A/b`: TF-slim enters its scope twice, once for variables and once more for operations.
fn single(scope: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    for step in scope.split('/') {
        if steps.last() != Some(&step) || !step.starts_with("Mobilenet") {
            steps.push(step);
        }
    }
    steps.join("/")
}

/// The graph's float constants, those of layers and batch norms under the names that their framework has for them.
pub(super) fn tensors<'a>(nodes: &[Node<'a>], constants: Vec<Tensor<'a>>) -> Result<Vec<Tensor<'a>>> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    sort(&mut order, &|&a, &b| (&nodes[a].name, a) < (&nodes[b].name, b));
    let mut by_name: Vec<usize> = (0..constants.len()).collect();
    sort(&mut by_name, &|&a, &b| (&constants[a].name, a) < (&constants[b].name, b));
    let twice = by_name.array_windows().find(|[a, b]| constants[*a].name == constants[*b].name);
    if let Some([first, second]) = twice.map(|pair| pair.map(|index| &constants[index])) {
        return Err(Error::new(Kind::BadHeader, second.place())
            .expected("each name once")
            .found(format!("the same name at byte {}", first.offset_bytes))
            .remedy(DAMAGED));
    }
    let graph = Graph { nodes, order, constants: &constants, by_name };
    let named = named(&graph);

    let mut left: Vec<Option<Tensor<'a>>> = constants.into_iter().map(Some).collect();
    let mut tensors = Vec::with_capacity(left.len());
    let mut copied = 0;
    let mut uses = vec![0_usize; left.len()];
    named.values().for_each(|&index| uses[index] += 1);
    for (name, index) in named {
        uses[index] -= 1;
        let tensor = if uses[index] == 0 {
            left[index].take()
        } else {
            let shared = left[index].as_ref();
            copied +=
                shared.map_or(0, |tensor| if matches!(tensor.bytes, Cow::Owned(_)) { tensor.bytes.len() } else { 0 });
            shared.filter(|_| copied <= MAX_COPIED_BYTES).cloned()
        };
        tensors.extend(tensor.map(|tensor| Tensor { name: Cow::Owned(name), ..tensor }));
    }
    // What no layer was found for keeps its name: somebody's naming may know it.
    let known = |tensor: &Tensor<'_>| (1..=MAX_RANK).contains(&tensor.shape.len()) && tensor.dtype.is_float();
    let rest = left.into_iter().flatten().filter(known);
    for tensor in rest {
        if !tensors.iter().any(|named| named.name == tensor.name) {
            tensors.push(tensor);
        }
    }
    Ok(tensors)
}

/// Names and the constants that they are for.
fn named(graph: &Graph<'_, '_>) -> BTreeMap<String, usize> {
    let mut named = BTreeMap::new();
    let mut scopes: BTreeMap<&str, String> = BTreeMap::new();
    let name_of = |index: usize| &*graph.constants[index].name;
    for node in graph.nodes.iter().filter(|node| is_layer(&node.op)) {
        let Some(weights) = graph.constant(node.inputs.get(1)) else { continue };
        let Some(scope) = scope(name_of(weights), node).map(single) else { continue };
        let slim = is_slim(&scope);
        named.insert(format!("{scope}{}", if slim { "/weights" } else { "/kernel" }), weights);
        let fused = node.op.starts_with("_Fused") || node.op.starts_with("Fused");
        if let Some(biases) = graph.constant(node.inputs.get(2)).filter(|_| fused) {
            named.insert(format!("{scope}{}", if slim { "/biases" } else { "/bias" }), biases);
        }
        scopes.insert(&node.name, scope);
    }
    for node in graph.nodes {
        match &*node.op {
            "BiasAdd" | "Add" | "AddV2" => {
                let both = [(0, 1), (1, 0)].into_iter().find_map(|(map, constant)| {
                    let layer = graph.layer(node.inputs.get(map))?;
                    Some((scopes.get(layer)?, graph.constant(node.inputs.get(constant))?))
                });
                if let Some((scope, biases)) = both {
                    named.insert(format!("{scope}{}", if is_slim(scope) { "/biases" } else { "/bias" }), biases);
                }
            }
            "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => {
                let found: Option<Vec<usize>> = (1..5).map(|input| graph.constant(node.inputs.get(input))).collect();
                let Some(found) = found else { continue };
                // One of the four may be a constant without a variable's name: a scale that is always 1.
                let variable =
                    |&index: &usize| NORM_ENDS.iter().find_map(|end| unread(name_of(index)).strip_suffix(end));
                let own = || node.name.rsplit_once('/').map_or(&*node.name, |(scope, _)| scope);
                let scope = single(found.iter().find_map(variable).unwrap_or_else(own));
                for (end, index) in NORM_ENDS.iter().zip(found) {
                    named.insert(format!("{scope}{end}"), index);
                }
            }
            // `(variance + ε)^-½`: a batch norm in single operations.
            "Rsqrt" => {
                let Some(scope) = node.name.strip_suffix("/batchnorm/Rsqrt") else { continue };
                for (cast, end) in CASTS {
                    let read = Cow::Owned(format!("{scope}{cast}/ReadVariableOp"));
                    if let Some(index) = graph.constant(Some(&read)) {
                        named.insert(format!("{scope}{end}"), index);
                    }
                }
            }
            _ => {}
        }
    }
    called_twice(named)
}

/// Keras 3 enters each scope once to build and once to call, so that all layers of a graph end in `_1`.
fn called_twice(named: BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let all = named.keys().all(|name| name.rsplit_once('/').is_some_and(|(scope, _)| scope.ends_with("_1")));
    if !all {
        return named;
    }
    let shorter = |(name, index): (String, usize)| match name.rsplit_once('/') {
        Some((scope, end)) => (format!("{}/{end}", scope.strip_suffix("_1").unwrap_or(scope)), index),
        None => (name, index),
    };
    named.into_iter().map(shorter).collect()
}

/// Whether a scope is one of TF-slim's, whose variables have other names than Keras's.
fn is_slim(scope: &str) -> bool {
    scope.split('/').any(|step| step.starts_with("Mobilenet"))
}
