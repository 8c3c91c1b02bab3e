//! ONNX files: a protocol buffer of nodes in order and of the constants that they read.
//!
//! Numbers of fields and types are those of `onnx.proto`; operators those of opsets 7 to 21.

mod ops;
mod props;
mod tensor;

use std::collections::BTreeMap;

use super::names::Layout;
use super::proto::{Field, Message};
use super::tensor::MAX_RANK;
use super::walk::{Graph, MAX_NODES, MAX_VALUES, Said, Value};
use super::{DAMAGED, Format, Tensor};
use crate::error::{Error, Kind, Result};

const WHAT: &str = "ONNX model";

/// Values by name.
struct Names<'a> {
    indices: BTreeMap<&'a str, usize>,
    values: Vec<Value<'a>>,
}

impl<'a> Names<'a> {
    fn index(&mut self, name: &'a str) -> Result<usize> {
        if let Some(&index) = self.indices.get(name) {
            return Ok(index);
        }
        self.indices.insert(name, self.values.len());
        self.add(Value::default())
    }

    fn add(&mut self, value: Value<'a>) -> Result<usize> {
        if self.values.len() == MAX_VALUES {
            return Err(too_many("values", MAX_VALUES));
        }
        self.values.push(value);
        Ok(self.values.len() - 1)
    }
}

#[cold]
#[inline(never)]
fn too_many(what: &str, most: usize) -> Error {
    Error::new(Kind::NotMobileNet, format!("{what} of the graph, byte 0"))
        .expected(format!("at most {most}"))
        .found("more")
        .remedy("Choose a MobileNet V1, V2 or V3.")
}

pub(super) fn read(file: &[u8]) -> Result<(Said, Vec<Tensor<'_>>)> {
    let mut model = Message::new(file, 0, WHAT);
    let (mut graph, mut properties) = (None, Vec::new());
    while let Some((number, field)) = model.next()? {
        match (number, field) {
            (7, Field::Bytes(message)) => graph = Some(message),
            (14, Field::Bytes(message)) if properties.len() < MAX_NODES => properties.push(message),
            _ => {}
        }
    }
    let Some(mut graph) = graph else {
        return Err(Error::new(Kind::Truncated, format!("{WHAT}, byte {}", file.len()))
            .expected("a graph")
            .found("the end of the file")
            .remedy(DAMAGED));
    };
    let mut names = Names { indices: BTreeMap::new(), values: Vec::new() };
    let (mut nodes, mut inputs, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    let (_, at) = graph.rest();
    while let Some((number, field)) = graph.next()? {
        let Some(message) = field.message() else { continue };
        match number {
            1 if nodes.len() == MAX_NODES => return Err(too_many("operators", MAX_NODES)),
            1 => nodes.push(message),
            5 => {
                let (name, tensor) = tensor::read(message)?;
                let index = names.index(name)?;
                let dims = tensor.as_ref().map(|tensor| tensor.shape.clone()).unwrap_or_default();
                names.values[index] = Value { constant: tensor, dims, ..Value::default() };
            }
            11 | 12 => {
                let (name, dims) = value_info(message)?;
                let index = names.index(name)?;
                if names.values[index].dims.is_empty() {
                    names.values[index].dims = dims;
                }
                let list = if number == 11 { &mut inputs } else { &mut outputs };
                list.push(index);
            }
            _ => {}
        }
    }
    // Before version 4, initial values were inputs as well.
    inputs.retain(|&input| names.values[input].constant.is_none());
    let [input] = *inputs else {
        return Err(Error::new(Kind::NotMobileNet, format!("inputs of the graph at byte {at}"))
            .expected("one, the picture")
            .found(inputs.len().to_string())
            .remedy("Choose a MobileNet V1, V2 or V3."));
    };
    let mut walked = Vec::with_capacity(nodes.len());
    for message in nodes {
        walked.extend(ops::node(message, &mut names)?);
    }
    let graph = Graph {
        format: Format::Onnx,
        layout: Layout::Torch,
        values: names.values,
        nodes: walked,
        input,
        outputs,
        pixels: None,
        slim: false,
    };
    let (mut said, tensors) = graph.network()?;
    props::read(&properties, &mut said)?;
    said.check_labels(&tensors);
    Ok((said, tensors))
}

/// A name and dimensions, 0 where they are open.
fn value_info(mut message: Message<'_>) -> Result<(&str, Vec<usize>)> {
    let (mut name, mut kind) = ("", None);
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (1, Field::Bytes(text)) => name = text.text()?,
            (2, field) => kind = field.message(),
            _ => {}
        }
    }
    // A type of a tensor, its shape, its dimensions.
    let tensor = kind.map_or(Ok(None), |kind| kind.last(1))?;
    let shape = tensor.map_or(Ok(None), |tensor| tensor.last(2))?;
    let dims = shape.map_or_else(|| Ok(Vec::new()), |shape| shape.lengths(1, MAX_RANK))?;
    Ok((name, dims.into_iter().map(Option::unwrap_or_default).collect()))
}
