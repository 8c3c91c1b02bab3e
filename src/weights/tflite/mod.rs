//! TensorFlow Lite's files: a FlatBuffer of tensors, operators and the constants' bytes.
//!
//! Numbers of fields, operators and types are those of `schema.fbs`, version 3.

mod flatbuffer;
mod labels;
mod ops;

use super::names::Layout;
use super::tensor::{MAX_RANK, place};
use super::walk::{Graph, MAX_NODES, MAX_VALUES, Node, Pixels, Said, Value};
use super::{Dtype, Format, Quantization, Tensor, damaged};
use crate::error::{Error, Kind, Result};
use flatbuffer::{Buffer, Table, Vector};

/// More buffers than tensors, and the metadata's.
const MAX_BUFFERS: usize = MAX_VALUES;

/// Fields of a model.
mod model {
    pub const OPERATOR_CODES: usize = 1;
    pub const SUBGRAPHS: usize = 2;
    pub const BUFFERS: usize = 4;
    pub const METADATA: usize = 6;
}

const fn dtype(number: u8) -> Option<Dtype> {
    Some(match number {
        0 => Dtype::F32,
        1 => Dtype::F16,
        2 => Dtype::I32,
        3 => Dtype::U8,
        4 => Dtype::I64,
        6 => Dtype::Bool,
        7 => Dtype::I16,
        9 => Dtype::I8,
        10 => Dtype::F64,
        18 => Dtype::BF16,
        _ => return None,
    })
}

pub(super) fn read(file: &[u8]) -> Result<(Said, Vec<Tensor<'_>>)> {
    let model = Buffer { bytes: file, offset_bytes: 0 }.root()?;
    let graphs = model.vector(model::SUBGRAPHS, 4)?;
    if graphs.len() != 1 {
        return Err(Error::new(Kind::NotMobileNet, format!("subgraphs at byte {}", graphs.offset_bytes()))
            .expected("one graph")
            .found(graphs.len().to_string())
            .remedy("Choose a MobileNet that is only run, not trained."));
    }
    let graph = graphs.table(0)?;
    let reader = Reader { file, buffers: model.vector(model::BUFFERS, 4)? };
    let (tensors, operators) = (graph.vector(0, 4)?, graph.vector(3, 4)?);
    limit("tensors", tensors, MAX_VALUES)?;
    limit("operators", operators, MAX_NODES)?;
    limit("buffers", reader.buffers, MAX_BUFFERS)?;

    let mut values = Vec::with_capacity(tensors.len());
    let mut slim = false;
    for index in 0..tensors.len() {
        let tensor = tensors.table(index)?;
        slim |= tensor.text(3)?.is_some_and(|name| name.starts_with("MobilenetV"));
        values.push(reader.value(tensor)?);
    }
    let (inputs, outputs) = (graph.vector(1, 4)?, graph.vector(2, 4)?);
    let [input] = *indices(inputs, values.len())? else {
        return Err(Error::new(Kind::NotMobileNet, format!("graph inputs at byte {}", inputs.offset_bytes()))
            .expected("one, the picture")
            .found(inputs.len().to_string())
            .remedy("Choose a MobileNet V1, V2 or V3."));
    };
    let outputs = indices(outputs, values.len())?;
    let codes = model.vector(model::OPERATOR_CODES, 4)?;
    let mut nodes: Vec<Node<'_>> = Vec::with_capacity(operators.len());
    for index in 0..operators.len() {
        let node = ops::node(operators.table(index)?, codes, &mut values)?;
        nodes.extend(node);
    }
    let (format, layout) = (Format::TfLite, Layout::TfLite);
    let described = labels::read(&reader, model)?;
    // What integers stand for is certain; how others came about is for the metadata to say.
    let pixels = pixels(tensors.table(input)?)?.or(described.pixels);
    let graph = Graph { format, layout, values, nodes, input, outputs, pixels, slim };
    let (mut said, tensors) = graph.network()?;
    said.stated.labels = described.labels;
    said.warnings.extend(described.warnings);
    said.check_labels(&tensors);
    Ok((said, tensors))
}

fn limit(what: &str, vector: Vector<'_>, most: usize) -> Result<()> {
    if vector.len() <= most {
        return Ok(());
    }
    Err(Error::new(Kind::NotMobileNet, format!("{what} at byte {}", vector.offset_bytes()))
        .expected(format!("at most {most}"))
        .found(vector.len().to_string())
        .remedy("Choose a MobileNet V1, V2 or V3."))
}

/// A vector of tensors' numbers.
fn indices(vector: Vector<'_>, count: usize) -> Result<Vec<usize>> {
    let mut indices = Vec::with_capacity(vector.len().min(MAX_NODES));
    for index in 0..vector.len().min(MAX_NODES) {
        let number = vector.i32(index)?;
        let number = usize::try_from(number).ok().filter(|&number| number < count).ok_or_else(|| {
            let place = format!("numbers of tensors at byte {}", vector.offset_bytes());
            damaged(place, &format!("0 to {}", count.saturating_sub(1)), number.to_string())
        })?;
        indices.push(number);
    }
    Ok(indices)
}

/// What raw pixels are to a quantised input: they are its integers.
fn pixels(input: Table<'_>) -> Result<Option<Pixels>> {
    let first = match dtype(input.u8(1)?) {
        Some(Dtype::U8) => 0.0,
        // By convention, a pixel less 128.
        Some(Dtype::I8) => -128.0,
        _ => return Ok(None),
    };
    let Some(quantization) = quantization(input)? else { return Ok(None) };
    let (Some(&scale), Some(&zero)) = (quantization.scales.first(), quantization.zero_points.first()) else {
        return Ok(None);
    };
    #[expect(clippy::cast_precision_loss, reason = "eight bits")]
    let offset = (first - zero as f32) * scale;
    Ok(Some(Pixels { scale: [scale; 3], offset: [offset; 3] }))
}

/// What a tensor's integers stand for.
fn quantization(tensor: Table<'_>) -> Result<Option<Quantization>> {
    let Some(table) = tensor.table(4)? else { return Ok(None) };
    let (scales, zeros) = (table.vector(2, 4)?, table.vector(3, 8)?);
    if scales.len() == 0 {
        return Ok(None);
    }
    let bad = |expected: &str, found: String| {
        damaged(format!("quantization at byte {}", table.offset_bytes()), expected, found)
    };
    let (mut all_scales, mut zero_points) = (Vec::with_capacity(scales.len()), Vec::with_capacity(scales.len()));
    for index in 0..scales.len() {
        let scale = scales.f32(index)?;
        if !scale.is_finite() {
            return Err(bad("finite scales", "NaN or infinity".into()));
        }
        // One zero point may stand for all.
        let zero = if zeros.len() == 0 { 0 } else { zeros.i64(index.min(zeros.len() - 1))? };
        zero_points.push(i32::try_from(zero).map_err(|_| bad("zero points of 32 bits", zero.to_string()))?);
        all_scales.push(scale);
    }
    let axis = table.i32(6, 0)?;
    let axis = usize::try_from(axis).ok().filter(|&axis| axis < MAX_RANK);
    let axis = axis.ok_or_else(|| bad("an axis of the tensor", "another".into()))?;
    Ok(Some(Quantization { axis, scales: all_scales, zero_points, columns: Vec::new() }))
}

/// The file and its constants.
struct Reader<'a> {
    file: &'a [u8],
    buffers: Vector<'a>,
}

impl<'a> Reader<'a> {
    /// A buffer's bytes and where they begin; none where they are not in the file.
    fn buffer(&self, number: u32) -> Result<Option<(&'a [u8], usize)>> {
        if number == 0 || self.buffers.len() == 0 {
            return Ok(None);
        }
        if number as usize >= self.buffers.len() {
            let place = format!("buffers at byte {}", self.buffers.offset_bytes());
            return Err(damaged(
                place,
                &format!("a buffer of number {number}"),
                format!("{} of them", self.buffers.len()),
            ));
        }
        let data = self.buffers.table(number as usize)?.vector(0, 1)?;
        Ok((data.len() > 0).then(|| (data.bytes(), data.offset_bytes())))
    }

    fn value(&self, tensor: Table<'a>) -> Result<Value<'a>> {
        let name = tensor.text(3)?.unwrap_or_default();
        let shape = tensor.vector(0, 4)?;
        let bad = |expected: &str, found: String| damaged(place(name, tensor.offset_bytes()), expected, found);
        if shape.len() > MAX_RANK {
            return Err(bad(&format!("at most {MAX_RANK} axes"), shape.len().to_string()));
        }
        let mut dims = Vec::with_capacity(shape.len());
        for axis in 0..shape.len() {
            let dim = shape.i32(axis)?;
            dims.push(usize::try_from(dim).map_err(|_| bad("lengths that are not negative", dim.to_string()))?);
        }
        let quantization = quantization(tensor)?;
        let kind = dtype(tensor.u8(1)?);
        let Some((bytes, offset_bytes)) = self.buffer(tensor.u32(2)?)? else {
            let quantized = kind.zip(quantization);
            let range = quantized.as_ref().and_then(|(kind, quantization)| quantization.range(*kind));
            let steps = quantized.and_then(|(kind, quantization)| quantization.steps(kind));
            return Ok(Value { constant: None, dims, range, steps });
        };
        let Some(kind) = kind else {
            // Text and the like: of no use to a network, and an error only where an operator needs it.
            return Ok(Value { dims, ..Value::default() });
        };
        if let Some(quantization) = &quantization
            && quantization.scales.len() > 1
            && dims.get(quantization.axis) != Some(&quantization.scales.len())
        {
            return Err(bad(
                &format!("a scale for each index of axis {} of {dims:?}", quantization.axis),
                format!("{} scales", quantization.scales.len()),
            ));
        }
        let mut constant = Tensor::decoded(name.into(), kind, dims.clone(), (bytes.into(), offset_bytes))?;
        let integers = matches!(kind, Dtype::I8 | Dtype::U8 | Dtype::I16 | Dtype::I32);
        constant.quantization = quantization.filter(|_| integers).map(Box::new);
        Ok(Value { constant: Some(constant), dims, ..Value::default() })
    }
}
