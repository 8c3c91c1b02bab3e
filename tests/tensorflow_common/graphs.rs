//! Graphs of a network's tensors, as a `GraphDef` and as a graph model of TensorFlow.js.

use super::{Files, Kept, Values, shape, tfjs};
use crate::protobuf::{bytes, number};
use serde_json::{Value, json};

/// A node of a graph, with its inputs and the tensor of a constant.
pub struct Node {
    pub name: String,
    pub op: &'static str,
    pub inputs: Vec<String>,
    pub value: Option<Values>,
}

/// How a graph was treated after training.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Treated {
    /// Variables turned into constants, each behind a node that reads it.
    Frozen,
    /// The same of Keras 3, which spells batch norms out and ends scopes in `_1`.
    Spelled,
    /// Batch norms folded into weights and an offset.
    Folded,
    /// And the offset into the convolution.
    Fused,
}

/// The nodes of a network's layers, one after the other as if each followed the one before; `names` tells of a
/// convolution's scope those of its constants: weights, then gamma, beta, mean and variance or biases.
pub fn graph(tensors: &[Values], treated: Treated, epsilon: f32, keras: bool) -> Vec<Node> {
    let get = |name: &str| tensors.iter().find(|tensor| tensor.name == name);
    let node = |name: &str, op, inputs: &[&str]| Node {
        name: name.into(),
        op,
        inputs: inputs.iter().map(|&input| input.into()).collect(),
        value: None,
    };
    let mut nodes = vec![node("input", "Placeholder", &[])];
    let mut map = "input".to_owned();
    let root = if keras { "StatefulPartitionedCall/model/" } else { "module/" };
    for weights in tensors {
        let Some(end) = ["/weights", "/depthwise_weights", "/kernel", "/depthwise_kernel"].iter().find_map(|end| {
            let scope = weights.name.strip_suffix(end)?;
            Some((scope, *end))
        }) else {
            continue;
        };
        let scope = end.0;
        let norm = if !keras {
            format!("{scope}/BatchNorm")
        } else if scope == "Conv1" {
            "bn_Conv1".into()
        } else {
            ["_bn", "_BN"]
                .map(|end| format!("{scope}{end}"))
                .into_iter()
                .find(|name| get(&format!("{name}/beta")).is_some())
                .unwrap_or_default()
        };
        let statistics: Option<Vec<&Values>> = ["gamma", "beta", "moving_mean", "moving_variance"]
            .iter()
            .map(|end| get(&format!("{norm}/{end}")))
            .collect();
        let depthwise = scope.contains("depthwise") || scope.contains("conv_dw");
        let op = match (depthwise, weights.shape.len()) {
            (true, _) => "DepthwiseConv2dNative",
            (_, 2) => "MatMul",
            _ => "Conv2D",
        };
        // TF-slim's operations are in its scope twice, its variables once.
        let place = if keras {
            format!("{root}{scope}")
        } else {
            format!("{root}{}/{scope}", scope.split('/').next().expect("a step"))
        };
        let own = if depthwise { "depthwise" } else { op };
        let layer = format!("{place}/{own}");
        let constant = |name: String, value: Values| Node { name, op: "Const", inputs: vec![], value: Some(value) };
        let read = |name: &str| format!("{root}{name}{}", if keras { "/ReadVariableOp" } else { "" });
        if treated == Treated::Spelled {
            let place = format!("model_1/{scope}_1");
            let mut variable = |name: String, value: &Values| {
                nodes.push(constant(format!("{name}/resource"), value.clone()));
                nodes.push(node(&name, "Identity", &[&format!("{name}/resource")]));
                name
            };
            let own = if depthwise { "depthwise" } else { "convolution" };
            let layer = format!("{place}/{own}");
            let kept = variable(format!("{layer}/ReadVariableOp"), weights);
            let biases =
                get(&format!("{scope}/bias")).map(|value| variable(format!("{place}/BiasAdd/ReadVariableOp"), value));
            if let Some(statistics) = &statistics {
                for (cast, index) in [("Cast", 2), ("Cast_1", 3), ("Cast_2", 0), ("Cast_3", 1)] {
                    variable(format!("model_1/{norm}_1/{cast}/ReadVariableOp"), statistics[index]);
                }
                nodes.push(node(&format!("model_1/{norm}_1/batchnorm/Rsqrt"), "Rsqrt", &["add"]));
            }
            nodes.push(node(&layer, op, &[&map, &kept]));
            if let Some(biases) = biases {
                nodes.push(node(&format!("{place}/BiasAdd"), "BiasAdd", &[&layer, &biases]));
            }
            map = layer;
            continue;
        }
        if let (Some(statistics), true) = (&statistics, treated != Treated::Frozen) {
            let (scaled, offset) = fold(weights, statistics, epsilon, depthwise);
            let (weights, biases) = (format!("{layer}_weights"), format!("{layer}_bn_offset"));
            nodes.extend([constant(weights.clone(), scaled), constant(biases.clone(), offset)]);
            if treated == Treated::Fused && !depthwise {
                map = format!("{place}_relu/Relu6");
                nodes.push(node(&map, "_FusedConv2D", &[&format!("{layer}_before"), &weights, &biases]));
            } else {
                nodes.push(node(&layer, op, &[&map, &weights]));
                map = format!("{root}{norm}/FusedBatchNormV3");
                nodes.push(node(&map, "BiasAdd", &[&layer, &biases]));
            }
            continue;
        }
        let kept = if keras { format!("{layer}/ReadVariableOp") } else { read(&weights.name) };
        nodes.push(constant(kept.clone(), weights.clone()));
        nodes.push(node(&format!("{kept}/read"), "Identity", &[&kept]));
        nodes.push(node(&layer, op, &[&map, &format!("{kept}/read:0")]));
        map = layer.clone();
        if let Some(statistics) = statistics {
            // Keras reads its variables by nodes that have no variable's name.
            let names = if keras {
                let norm = format!("{root}{norm}");
                [
                    "ReadVariableOp",
                    "ReadVariableOp_1",
                    "FusedBatchNormV3/ReadVariableOp",
                    "FusedBatchNormV3/ReadVariableOp_1",
                ]
                .map(|end| format!("{norm}/{end}"))
            } else {
                ["gamma", "beta", "moving_mean", "moving_variance"].map(|end| format!("{root}{norm}/{end}"))
            };
            nodes.extend(names.iter().zip(statistics).map(|(name, value)| constant(name.clone(), value.clone())));
            map = format!("{place}/BatchNorm/FusedBatchNormV3");
            if keras {
                map = format!("{root}{norm}/FusedBatchNormV3");
            }
            let inputs = [&[&*layer][..], &names.each_ref().map(|name| &**name)].concat();
            nodes.push(node(&map, "FusedBatchNormV3", &inputs));
        } else if let Some(biases) = get(&format!("{scope}/bias")).or(get(&format!("{scope}/biases"))) {
            let name = format!("{layer}/biases_of_any_name");
            nodes.push(constant(name.clone(), biases.clone()));
            map = format!("{place}/BiasAdd");
            nodes.push(node(&map, "BiasAdd", &[&layer, &name]));
        }
    }
    nodes
}

/// Weights and offset in the place of weights and a batch norm.
fn fold(weights: &Values, statistics: &[&Values], epsilon: f32, depthwise: bool) -> (Values, Values) {
    let value = |index: usize, channel: usize| f64::from(statistics[index].data[channel]);
    let scale = |channel: usize| value(0, channel) / (value(3, channel) + f64::from(epsilon)).sqrt();
    let channels = statistics[0].data.len();
    assert_eq!(weights.shape[if depthwise { 2 } else { 3 }], channels);
    let scaled =
        weights.data.iter().enumerate().map(|(index, &weight)| (f64::from(weight) * scale(index % channels)) as f32);
    let offset = (0..channels).map(|channel| (value(1, channel) - value(2, channel) * scale(channel)) as f32);
    let (scaled, offset) = (scaled.collect(), offset.collect());
    (Values { data: scaled, ..weights.clone() }, Values { name: String::new(), shape: vec![channels], data: offset })
}

/// A `GraphDef` of these nodes; `raw` keeps constants as bytes rather than as numbers.
pub fn graph_def(nodes: &[Node], raw: bool) -> Vec<u8> {
    let attribute = |key: &str, value: Vec<u8>| bytes(5, &[bytes(1, key.as_bytes()), bytes(2, &value)].concat());
    let node = |node: &Node| {
        let mut fields = [bytes(1, node.name.as_bytes()), bytes(2, node.op.as_bytes())].concat();
        fields.extend(node.inputs.iter().flat_map(|input| bytes(3, input.as_bytes())));
        if node.op == "Placeholder" {
            // Minus one: any number of pictures.
            let dims: Vec<u8> = [u64::MAX, 96, 96, 3].iter().flat_map(|&dim| bytes(2, &number(1, dim))).collect();
            fields.extend(attribute("shape", bytes(7, &dims)));
        }
        if let Some(value) = &node.value {
            let data = bytes(if raw { 4 } else { 5 }, &value.bytes());
            let tensor = [number(1, 1), bytes(2, &shape(&value.shape)), data].concat();
            fields.extend(attribute("dtype", number(6, 1)));
            fields.extend(attribute("value", bytes(8, &tensor)));
        }
        bytes(1, &fields)
    };
    nodes.iter().flat_map(node).chain(bytes(4, &number(1, 27))).collect()
}

/// The same as a graph model of TensorFlow.js.
pub fn graph_model(nodes: &[Node], kept: Kept) -> Files {
    let constants: Vec<Values> =
        nodes.iter().filter_map(|node| Some(Values { name: node.name.clone(), ..node.value.clone()? })).collect();
    let list: Vec<Value> = nodes
        .iter()
        .map(|node| {
            let attributes = match (&node.value, node.op) {
                (Some(value), _) => {
                    let dims: Vec<Value> = value.shape.iter().map(|size| json!({ "size": size.to_string() })).collect();
                    json!({ "dtype": { "type": "DT_FLOAT" }, "value": { "tensor": { "dtype": "DT_FLOAT", "tensorShape": { "dim": dims } } } })
                }
                (_, "Placeholder") => {
                    let dims = ["-1", "96", "96", "3"].map(|size| json!({ "size": size }));
                    json!({ "shape": { "shape": { "dim": dims } } })
                }
                _ => json!({ "T": { "type": "DT_FLOAT" } }),
            };
            json!({ "name": node.name, "op": node.op, "input": node.inputs, "attr": attributes })
        })
        .collect();
    tfjs(&constants, &json!({ "node": list, "library": {}, "versions": { "producer": 27 } }), kept, 250_000)
}
