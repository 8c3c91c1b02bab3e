//! A frozen graph: a `GraphDef` whose variables were turned into constants.

use std::borrow::Cow;

use super::super::proto::{Field, Message};
use super::super::tensor::{MAX_RANK, place, product};
use super::super::{Contents, DAMAGED, Dtype, MAX_TENSORS, Tensor};
use super::dtype::{dtype, shape};
use super::graph::{MAX_NODES, Node, metadata, sides, tensors};
use crate::error::{Error, Kind, Result};

const WHAT: &str = "TensorFlow graph";

/// One number may stand for all of a tensor: so many bytes may come of that in all.
const MAX_FILLED_BYTES: usize = 4 << 20;

/// Whether these bytes begin as a graph does: with a node's name and operation.
pub(in super::super) fn is_graph(file: &[u8]) -> bool {
    let mut graph = Message::new(file, 0, WHAT);
    let Ok(Some((1, Field::Bytes(mut node)))) = graph.next() else { return file.len() > 2 && begins(file) };
    let mut text =
        |wanted| matches!(node.next(), Ok(Some((number, field))) if number == wanted && field.text().is_some());
    text(1) && text(2)
}

/// A first node that is cut off.
fn begins(file: &[u8]) -> bool {
    let node = super::super::proto::varint(&file[1..]).map(|(_, length)| &file[1 + length..]);
    let name = node.filter(|_| file[0] == 0x0a).and_then(|node| node.strip_prefix(b"\x0a"));
    name.and_then(super::super::proto::varint).is_some_and(|(length, _)| (1..512).contains(&length))
}

pub(in super::super) fn read(file: &[u8]) -> Result<Contents<'_>> {
    let mut graph = Message::new(file, 0, WHAT);
    let (mut nodes, mut constants, mut filled) = (Vec::new(), Vec::new(), 0);
    let mut variables = 0;
    while let Some((number, field)) = graph.next()? {
        // Functions and versions follow the nodes.
        let Some(message) = field.message().filter(|_| number == 1) else { continue };
        if nodes.len() == MAX_NODES {
            return Err(message.bad(&format!("at most {MAX_NODES} nodes")));
        }
        let (node, value) = node(message)?;
        variables += usize::from(matches!(&*node.op, "VariableV2" | "VarHandleOp" | "Variable"));
        if let Some(value) = value.filter(|_| node.op == "Const") {
            if constants.len() == MAX_TENSORS {
                return Err(value.bad(&format!("at most {MAX_TENSORS} constants")));
            }
            constants.extend(constant(&node.name, value, &mut filled)?);
        }
        nodes.push(node);
    }
    if variables > 0 && !constants.iter().any(|constant| constant.shape.len() == 4) {
        return Err(Error::new(Kind::MissingTensor, format!("{WHAT} of {} nodes", nodes.len()))
            .expected("a frozen graph, whose variables are constants")
            .found(format!("{variables} variables without values"))
            .remedy("Open the checkpoint beside it (.index and .data), or freeze the graph."));
    }
    Ok((metadata(&nodes), tensors(&nodes, constants)?))
}

/// A `NodeDef`, and the tensor of a constant.
fn node(mut message: Message<'_>) -> Result<(Node<'_>, Option<Message<'_>>)> {
    let whole = message;
    let (mut node, mut value) = (Node::default(), None);
    while let Some((number, field)) = message.next()? {
        let text = || field.text().ok_or_else(|| whole.bad("a text in UTF-8"));
        match number {
            1 => node.name = Cow::Borrowed(text()?),
            2 => node.op = Cow::Borrowed(text()?),
            3 => node.inputs.push(Cow::Borrowed(text()?)),
            5 => {
                let Some((key, attribute)) = field.message().map_or(Ok(None), entry)? else { continue };
                match key {
                    "value" => value = attribute.last(8)?.or(value),
                    "shape" => {
                        let dims =
                            attribute.last(7)?.map_or_else(|| Ok(Vec::new()), |shape| shape.lengths(2, MAX_RANK))?;
                        let dims: Vec<usize> = dims.into_iter().map(Option::unwrap_or_default).collect();
                        node.sides = node.sides.or_else(|| sides(&dims));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Ok((node, value))
}

/// A map's key and value.
fn entry(mut message: Message<'_>) -> Result<Option<(&str, Message<'_>)>> {
    let (mut key, mut value) = (None, None);
    while let Some((number, field)) = message.next()? {
        match number {
            1 => key = field.text(),
            2 => value = field.message(),
            _ => {}
        }
    }
    Ok(key.zip(value))
}

/// A `TensorProto`; none of a type that no network has.
fn constant<'a>(name: &Cow<'a, str>, mut message: Message<'a>, filled: &mut usize) -> Result<Option<Tensor<'a>>> {
    let (_, at) = message.rest();
    let (mut number_of_type, mut stated, mut content) = (0, Some(Vec::new()), None);
    let mut values: Cow<'a, [u8]> = Cow::Borrowed(&[]);
    let mut begin = at;
    while let Some((number, field)) = message.next()? {
        match (number, field) {
            (1, field) => number_of_type = field.count().unwrap_or(0),
            (2, Field::Bytes(dims)) => stated = shape(dims)?,
            (4, Field::Bytes(bytes)) => content = Some(bytes.rest()),
            // Singles one after the other are what the tensor's bytes would be.
            (5, Field::Bytes(packed)) if values.is_empty() => {
                let (bytes, at) = packed.rest();
                (values, begin) = (Cow::Borrowed(bytes), at);
            }
            (5, Field::Bytes(packed)) => values.to_mut().extend_from_slice(packed.rest().0),
            (5, Field::Fixed32(bits)) => values.to_mut().extend_from_slice(&bits.to_le_bytes()),
            // Halves as numbers.
            (13, Field::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    let bits = packed.varint()?.to_le_bytes();
                    values.to_mut().extend_from_slice(&bits[..2]);
                }
            }
            (13, Field::Varint(bits)) => values.to_mut().extend_from_slice(&bits.to_le_bytes()[..2]),
            _ => {}
        }
    }
    let (Some(dtype), Some(shape)) = (dtype(number_of_type), stated) else { return Ok(None) };
    if let Some((bytes, at)) = content.filter(|content| !content.0.is_empty()) {
        return Tensor::decoded(name.clone(), dtype, shape, (Cow::Borrowed(bytes), at)).map(Some);
    }
    let wanted = product(dtype.size_bytes(), &shape);
    let size = dtype.size_bytes();
    if wanted != Some(values.len()) {
        if !matches!(dtype, Dtype::F32 | Dtype::F16) {
            // Whole numbers that are not kept as bytes are sizes and axes.
            return Ok(None);
        }
        // The last number stands for all that are left out.
        let last: Vec<u8> = values.len().checked_sub(size).map_or_else(|| vec![0; size], |at| values[at..].to_vec());
        let missing = wanted.and_then(|wanted| wanted.checked_sub(values.len()));
        let fits = missing.filter(|missing| {
            *filled = filled.saturating_add(*missing);
            *filled <= MAX_FILLED_BYTES && values.len().is_multiple_of(size)
        });
        let Some(missing) = fits else {
            return Err(Error::new(Kind::BadHeader, place(name, begin))
                .expected(format!("shape {shape:?} of {}", dtype.name()))
                .found(format!("{} bytes", values.len()))
                .remedy(DAMAGED));
        };
        let values = values.to_mut();
        values.reserve_exact(missing);
        (0..missing / size).for_each(|_| values.extend_from_slice(&last));
    }
    Tensor::decoded(name.clone(), dtype, shape, (values, begin)).map(Some)
}
