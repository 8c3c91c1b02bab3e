//! ONNX's operators as the walk's.

use super::Names;
use super::tensor::{self, numbers};
use crate::error::Result;
use crate::weights::proto::{Field, Message};
use crate::weights::walk::{Arithmetic, Node, Op, Pads, RELU, UNBOUNDED, Value, integers};
use crate::weights::{Dtype, Quantization, Tensor};

/// Operators take a handful of inputs, and attributes of a handful of numbers.
const MAX_INPUTS: usize = 64;

/// One a channel.
const MAX_SCALES: usize = 1 << 16;

/// A node's attributes, as far as networks need them.
#[derive(Default)]
struct Attributes<'a> {
    integers: Vec<(&'a str, Vec<i64>)>,
    floats: Vec<(&'a str, f32)>,
    texts: Vec<(&'a str, &'a str)>,
    tensor: Option<Tensor<'a>>,
}

impl<'a> Attributes<'a> {
    fn add(&mut self, mut message: Message<'a>) -> Result<()> {
        let whole = message;
        let (mut name, mut list, mut float, mut text) = ("", Vec::new(), None, None);
        while let Some((number, field)) = message.next()? {
            match (number, field) {
                (1, Field::Bytes(bytes)) => name = bytes.text()?,
                (2, Field::Fixed32(bits)) => float = Some(f32::from_bits(bits)),
                (4, field) => text = field.text(),
                (5, Field::Bytes(bytes)) => self.tensor = tensor::read(bytes)?.1,
                (3 | 8, field) => numbers(&mut list, MAX_INPUTS, field, &message)?,
                _ => {}
            }
        }
        if self.integers.len() + self.floats.len() + self.texts.len() > MAX_INPUTS {
            return Err(whole.bad(&format!("at most {MAX_INPUTS} attributes")).found("more"));
        }
        if !list.is_empty() {
            self.integers.push((name, list));
        }
        self.floats.extend(float.map(|float| (name, float)));
        self.texts.extend(text.map(|text| (name, text)));
        Ok(())
    }

    fn list(&self, name: &str) -> Option<&[i64]> {
        self.integers.iter().find(|row| row.0 == name).map(|row| &*row.1)
    }

    fn integer(&self, name: &str, otherwise: i64) -> i64 {
        self.list(name).and_then(|list| list.first().copied()).unwrap_or(otherwise)
    }

    fn float(&self, name: &str, otherwise: f32) -> f32 {
        self.floats.iter().find(|row| row.0 == name).map_or(otherwise, |row| row.1)
    }

    fn text(&self, name: &str) -> &'a str {
        self.texts.iter().find(|row| row.0 == name).map_or("", |row| row.1)
    }
}

/// The node, or nothing where all that it does is done already: constants, and what only turns them into others.
pub(super) fn node<'a>(mut message: Message<'a>, names: &mut Names<'a>) -> Result<Option<Node<'a>>> {
    let whole = message;
    let (mut kind, mut inputs, mut output) = ("", Vec::new(), None);
    let mut attributes = Attributes::default();
    while let Some((number, field)) = message.next()? {
        let Some(bytes) = field.message() else { continue };
        match number {
            1 if inputs.len() == MAX_INPUTS => {
                return Err(bytes.bad(&format!("at most {MAX_INPUTS} inputs")).found("more"));
            }
            1 => {
                let name = bytes.text()?;
                inputs.push(if name.is_empty() { None } else { Some(names.index(name)?) });
            }
            // Others than the first are of training, or masks.
            2 if output.is_none() => output = Some(names.index(bytes.text()?)?),
            4 => kind = bytes.text()?,
            5 => attributes.add(bytes)?,
            _ => {}
        }
    }
    let Some(output) = output else { return Err(whole.bad("an output of the node").found("none")) };
    let Builder { op, inputs } = match build(kind, &mut attributes, inputs, names)? {
        Built::Op(builder) => builder,
        Built::Constant(tensor) => {
            let dims = tensor.shape.clone();
            names.values[output] = Value { constant: Some(tensor), dims, ..Value::default() };
            return Ok(None);
        }
    };
    if kind == "QuantizeLinear"
        && let Some((quantization, dtype)) = quantization(names, &inputs, &attributes)
    {
        names.values[output].range = quantization.range(dtype);
    }
    Ok(Some(Node { op, name: kind.into(), offset_bytes: whole.rest().1, inputs, output }))
}

struct Builder {
    op: Op,
    inputs: Vec<Option<usize>>,
}

enum Built<'a> {
    Op(Builder),
    Constant(Tensor<'a>),
}

fn constant<'n, 'a>(names: &'n Names<'a>, inputs: &[Option<usize>], input: usize) -> Option<&'n Tensor<'a>> {
    names.values.get(inputs.get(input).copied().flatten()?)?.constant.as_ref()
}

/// The single number of a constant.
fn scalar(names: &Names<'_>, inputs: &[Option<usize>], input: usize) -> Option<f32> {
    let tensor = constant(names, inputs, input)?;
    let count: usize = tensor.shape.iter().product();
    if count == 1 { tensor.to_f32().ok()?.first().copied() } else { None }
}

/// The scales and zero points that are inputs 1 and 2, and the integers' type.
fn quantization(
    names: &Names<'_>,
    inputs: &[Option<usize>],
    attributes: &Attributes<'_>,
) -> Option<(Quantization, Dtype)> {
    let scales = constant(names, inputs, 1).filter(|scales| scales.shape.iter().product::<usize>() <= MAX_SCALES)?;
    let scales = scales.to_f32().ok()?;
    let zeros = constant(names, inputs, 2);
    let dtype = zeros.map_or(Dtype::U8, |zeros| zeros.dtype);
    let zeros = zeros.map(|zeros| integers(zeros, MAX_SCALES)).unwrap_or_default();
    let zero = |index: usize| zeros.get(index).and_then(|&zero| i32::try_from(zero).ok()).unwrap_or(0);
    let zero_points = (0..scales.len()).map(zero).collect();
    // A negative axis counts from the end; weights have theirs at 0 or 1.
    let axis = usize::try_from(attributes.integer("axis", 1)).ok()?;
    Some((Quantization { axis, scales, zero_points, columns: Vec::new() }, dtype))
}

fn transposed<'a>(tensor: &Tensor<'a>) -> Tensor<'a> {
    let mut tensor = tensor.clone();
    tensor.shape.reverse();
    tensor.strides.reverse();
    if let Some(quantization) = &mut tensor.quantization {
        quantization.axis = tensor.shape.len().saturating_sub(1).saturating_sub(quantization.axis);
    }
    tensor
}

fn build<'a>(
    kind: &'a str,
    attributes: &mut Attributes<'a>,
    mut inputs: Vec<Option<usize>>,
    names: &mut Names<'a>,
) -> Result<Built<'a>> {
    let first = constant(names, &inputs, 0);
    match (kind, first) {
        ("Constant", _) => {
            if let Some(tensor) = attributes.tensor.take() {
                return Ok(Built::Constant(tensor));
            }
        }
        ("Identity", Some(tensor)) => return Ok(Built::Constant(tensor.clone())),
        // Weights of 16 bits in a graph that computes in 32.
        ("Cast", Some(tensor)) if tensor.dtype == Dtype::F16 => return Ok(Built::Constant(tensor.clone())),
        ("DequantizeLinear", Some(tensor)) => {
            let mut tensor = tensor.clone();
            let found = quantization(names, &inputs, attributes);
            let fits = found
                .map(|found| found.0)
                .filter(|found| found.scales.len() == 1 || tensor.shape.get(found.axis) == Some(&found.scales.len()));
            if fits.is_some() {
                tensor.quantization = fits.map(Box::new);
                return Ok(Built::Constant(tensor));
            }
        }
        _ => {}
    }
    let arithmetic = |arithmetic| Op::Arithmetic { arithmetic, bounds: UNBOUNDED };
    let op = match kind {
        "Conv" => convolution(attributes, constant(names, &inputs, 1)),
        "Gemm" | "MatMul" => {
            let plain = attributes.float("alpha", 1.0).to_bits() == 1_f32.to_bits()
                && (inputs.len() < 3 || attributes.float("beta", 1.0).to_bits() == 1_f32.to_bits())
                && attributes.integer("transA", 0) == 0;
            let matrix = constant(names, &inputs, 1).filter(|matrix| matrix.shape.len() == 2 && plain);
            let turned = matrix.filter(|_| attributes.integer("transB", 0) == 0).map(transposed);
            let found = matrix.is_some();
            if let Some(turned) = turned {
                let dims = turned.shape.clone();
                inputs[1] = Some(names.add(Value { constant: Some(turned), dims, ..Value::default() })?);
            }
            if found { Op::Dense { bounds: UNBOUNDED } } else { Op::Other }
        }
        "BatchNormalization" => Op::Norm { epsilon: attributes.float("epsilon", 1e-5) },
        "Relu" => Op::Clamp(RELU),
        "Clip" => {
            let bound = |input: usize, name: &str, otherwise: f32| match inputs.get(input).copied().flatten() {
                Some(_) => scalar(names, &inputs, input),
                None => Some(attributes.float(name, otherwise)),
            };
            match (bound(1, "min", f32::NEG_INFINITY), bound(2, "max", f32::INFINITY)) {
                // Exporters of old opsets write the largest number for no bound.
                (Some(least), Some(f32::MAX)) => Op::Clamp((least, f32::INFINITY)),
                (Some(least), Some(greatest)) => Op::Clamp((least, greatest)),
                _ => Op::Other,
            }
        }
        "Min" | "Max" if inputs.len() == 2 => {
            // The constant may come first.
            if constant(names, &inputs, 0).is_some() {
                inputs.swap(0, 1);
            }
            match scalar(names, &inputs, 1) {
                Some(bound) if kind == "Min" => Op::Clamp((f32::NEG_INFINITY, bound)),
                Some(bound) => Op::Clamp((bound, f32::INFINITY)),
                None => Op::Other,
            }
        }
        "HardSwish" => Op::HardSwish,
        "HardSigmoid" => Op::HardSigmoid { alpha: attributes.float("alpha", 0.2), beta: attributes.float("beta", 0.5) },
        "Softmax" => Op::Softmax,
        "Sigmoid" => Op::Sigmoid,
        "Add" => arithmetic(Arithmetic::Add),
        "Sub" => arithmetic(Arithmetic::Sub),
        "Mul" => arithmetic(Arithmetic::Mul),
        "Div" => arithmetic(Arithmetic::Div),
        "GlobalAveragePool" | "GlobalMaxPool" => Op::Pool { max: kind == "GlobalMaxPool", window: None },
        "AveragePool" | "MaxPool" => match attributes.list("kernel_shape") {
            Some(&[height, width]) => {
                let side = |side: i64| usize::try_from(side).unwrap_or(0);
                Op::Pool { max: kind == "MaxPool", window: Some([side(height), side(width)]) }
            }
            _ => Op::Other,
        },
        "ReduceMean" | "ReduceMax" => {
            let axes = attributes.list("axes").map(<[i64]>::to_vec);
            let axes =
                axes.or_else(|| constant(names, &inputs, 1).map(|list| integers(list, MAX_INPUTS))).unwrap_or_default();
            match *axes {
                [2, 3] | [-2, -1] | [3, 2] | [-1, -2] | [1, 2] => Op::Pool { max: kind == "ReduceMax", window: None },
                _ => Op::Other,
            }
        }
        "Pad" => {
            let pads = attributes.list("pads").map(<[i64]>::to_vec);
            let pads =
                pads.or_else(|| constant(names, &inputs, 1).map(|list| integers(list, MAX_INPUTS))).unwrap_or_default();
            let zeros = matches!(attributes.text("mode"), "" | "constant")
                && attributes.float("value", 0.0) == 0.0
                && inputs.get(2).copied().flatten().is_none_or(|_| scalar(names, &inputs, 2) == Some(0.0));
            let side = |side: i64| usize::try_from(side).unwrap_or(usize::MAX);
            match *pads {
                [0, 0, top, left, 0, 0, bottom, right] if zeros => Op::Pad([top, left, bottom, right].map(side)),
                // Where channels come last.
                [0, top, left, 0, 0, bottom, right, 0] if zeros => Op::Pad([top, left, bottom, right].map(side)),
                _ => Op::Other,
            }
        }
        "Identity" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" | "Dropout" | "Cast"
        | "QuantizeLinear" | "DequantizeLinear" => Op::Pass,
        _ => Op::Other,
    };
    Ok(Built::Op(Builder { op, inputs }))
}

fn convolution(attributes: &Attributes<'_>, weights: Option<&Tensor<'_>>) -> Op {
    let pair = |name: &str| match attributes.list(name) {
        None => Some(1),
        Some(&[height, width]) if height == width => usize::try_from(height).ok(),
        Some(_) => None,
    };
    let pads = match attributes.text("auto_pad") {
        "SAME_UPPER" => Some(Pads::Same),
        "VALID" => Some(Pads::Explicit([0; 4])),
        "" | "NOTSET" => match attributes.list("pads") {
            None => Some(Pads::Explicit([0; 4])),
            Some(&[top, left, bottom, right]) => {
                let sides = [top, left, bottom, right].map(|side| usize::try_from(side).unwrap_or(usize::MAX));
                Some(Pads::Explicit(sides))
            }
            Some(_) => None,
        },
        _ => None,
    };
    let group = usize::try_from(attributes.integer("group", 1)).unwrap_or(0);
    let depthwise = weights.is_some_and(|weights| group > 1 && weights.shape.first() == Some(&group));
    match (pair("strides"), pair("dilations"), pads) {
        (Some(stride), Some(dilation), Some(pads)) if group == 1 || depthwise => {
            Op::Conv { depthwise, stride, dilation, pads, bounds: UNBOUNDED }
        }
        _ => Op::Other,
    }
}
