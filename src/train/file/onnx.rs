//! A head as ONNX: `features` of shape `[batch, features]` in, `predictions` of `[batch, outputs]` out.

use super::super::Task;
use super::super::dense::Dense;
use super::super::head::{Body, Head};
use super::protobuf::Message;
use super::{Said, VERSION, little_endian, unsupported};
use crate::error::Result;

/// What runtimes of 2021 and later read: `Gemm`, `Relu`, `Softmax` over the last axis, `LpNormalization`.
const OPSET: u64 = 13;
const IR_VERSION: u64 = 7;
/// Of a tensor's elements.
const FLOAT: u64 = 1;
/// Of an attribute's value.
const INT: u64 = 2;

/// The graph being written: what the last node gives, and everything so far.
struct Graph {
    last: String,
    message: Message,
}

impl Graph {
    fn node(mut self, operator: &str, more: &[&str], attributes: &[(&str, i64)], output: &str) -> Self {
        let mut node = Message::default().text(1, &self.last);
        for input in more {
            node = node.text(1, input);
        }
        node = node.text(2, output).text(3, output).text(4, operator);
        for (name, value) in attributes {
            let attribute = Message::default().text(1, name).number(3, value.cast_unsigned()).number(20, INT);
            node = node.message(5, attribute);
        }
        self.message = self.message.message(1, node);
        self.last = output.into();
        self
    }

    fn tensor(mut self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let mut tensor = Message::default();
        for side in shape {
            tensor = tensor.number(1, *side as u64);
        }
        let tensor = tensor.number(2, FLOAT).text(8, name).bytes(9, &little_endian(values));
        self.message = self.message.message(5, tensor);
        self
    }

    fn dense(self, name: &str, layer: &Dense, output: &str) -> Self {
        let [weights, biases] = ["weights", "biases"].map(|part| format!("{name}/{part}"));
        self.tensor(&weights, &[layer.outputs(), layer.inputs()], &layer.weights)
            .tensor(&biases, &[layer.outputs()], &layer.biases)
            .node("Gemm", &[&weights, &biases], &[("transB", 1)], output)
    }
}

/// The head as one file. Names and whatever else was said are its `metadata_props`.
///
/// # Errors
/// [`Kind::Unsupported`](crate::Kind::Unsupported) of samples that vote; [`Kind::BadOption`](crate::Kind::BadOption) where
/// there are not as many names as outputs.
pub fn to_onnx(head: &Head, said: &Said) -> Result<Vec<u8>> {
    said.check(head)?;
    let Body::Dense { unit, hidden, out } = &head.body else { return Err(unsupported(head, "ONNX")) };
    let mut graph = Graph { last: "features".into(), message: Message::default().text(2, "head") };
    if *unit {
        graph = graph.node("LpNormalization", &[], &[("axis", -1), ("p", 2)], "unit");
    }
    if let Some(hidden) = hidden {
        graph = graph.dense("hidden", hidden, "hidden").node("Relu", &[], &[], "units");
    }
    graph = graph.dense("out", out, "logits");
    graph = match head.task {
        Task::Softmax => graph.node("Softmax", &[], &[("axis", -1)], "predictions"),
        Task::Sigmoid => graph.node("Sigmoid", &[], &[], "predictions"),
        Task::Regression => graph.node("Identity", &[], &[], "predictions"),
    };
    let graph =
        graph.message.message(11, value("features", head.features)).message(12, value("predictions", head.outputs));
    let mut model = Message::default()
        .number(1, IR_VERSION)
        .text(2, "mobilenet-web")
        .text(3, VERSION)
        .message(7, graph)
        .message(8, Message::default().text(1, "").number(2, OPSET));
    let labels = said.classes.join("\n");
    for (key, text) in [
        ("labels", &labels),
        ("preprocessing", &said.preprocessing),
        ("endpoint", &said.endpoint),
        ("backbone", &said.backbone),
    ] {
        if !text.is_empty() {
            model = model.message(14, Message::default().text(1, key).text(2, text));
        }
    }
    Ok(model.finish())
}

/// A map of shape `[batch, length]`.
fn value(name: &str, length: usize) -> Message {
    let shape = Message::default()
        .message(1, Message::default().text(2, "batch"))
        .message(1, Message::default().number(1, length as u64));
    let tensor = Message::default().number(1, FLOAT).message(2, shape);
    Message::default().text(1, name).message(2, Message::default().message(1, tensor))
}
