//! From a file's graph of operators to named tensors, for formats in which tensors are anonymous.
//!
//! A format's reader spells its operators as [`Op`]s. [`trace`] follows them from input to output and leaves what a
//! MobileNet is made of: convolutions, pools, sums and gates, each with the activation that follows it, however that is
//! spelled. [`rows`] reads these as rows of a table, and [`conventions`] what the graph says of padding and
//! preprocessing. What comes out are tensors under canonical names, and what the file states about them.

mod arithmetic;
mod conventions;
mod curve;
mod emit;
mod factors;
mod forms;
mod integers;
mod rows;
mod trace;

use std::borrow::Cow;

use factors::Factors;

use super::names::Layout;
use super::{Dtype, Format, Inferred, Integers, Overrides, Steps, Tensor, Warning};
use crate::error::{Error, Kind, Result};
use crate::small::print_decimal;

/// More operators than any MobileNet's graph has (V3 Large with everything spelled out: about 600).
pub(super) const MAX_NODES: usize = 4096;

/// More values than their inputs and outputs are.
pub(super) const MAX_VALUES: usize = 4 * MAX_NODES;

/// Zeros around a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pads {
    /// As many as TensorFlow's SAME asks for.
    Same,
    /// Rows above, columns left, rows below, columns right.
    Explicit([usize; 4]),
}

/// An arithmetic operator of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
}

/// What an operator does, as far as MobileNets use it. Least and greatest number bound the result where there is one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Op {
    /// Of a map, weights and perhaps biases.
    Conv {
        depthwise: bool,
        stride: usize,
        dilation: usize,
        pads: Pads,
        bounds: Bounds,
    },
    /// Of a vector, a matrix in the graph's [`Layout`] and perhaps biases.
    Dense {
        bounds: Bounds,
    },
    /// Of a map, scale, offset, mean and variance.
    Norm {
        epsilon: f32,
    },
    Arithmetic {
        arithmetic: Arithmetic,
        bounds: Bounds,
    },
    Clamp(Bounds),
    HardSwish,
    /// `alpha · x + beta` between 0 and 1.
    HardSigmoid {
        alpha: f32,
        beta: f32,
    },
    Softmax,
    Sigmoid,
    /// Over windows of that many rows and columns, or over all of the map.
    Pool {
        max: bool,
        window: Option<[usize; 2]>,
    },
    Pad([usize; 4]),
    /// The first input, in another shape or type.
    Pass,
    /// Nothing that a MobileNet needs.
    Other,
}

/// Least and greatest number that comes out.
pub(super) type Bounds = (f32, f32);

pub(super) const UNBOUNDED: Bounds = (f32::NEG_INFINITY, f32::INFINITY);
pub(super) const RELU: Bounds = (0.0, f32::INFINITY);
pub(super) const RELU6: Bounds = (0.0, 6.0);

/// What operators read and write.
#[derive(Clone, Debug, Default)]
pub(super) struct Value<'a> {
    /// Where it is a constant.
    pub(super) constant: Option<Tensor<'a>>,
    /// 0 where the file does not say.
    pub(super) dims: Vec<usize>,
    /// What its integers can stand for, of a quantised map.
    pub(super) range: Option<Bounds>,
    /// What each of them stands for.
    pub(super) steps: Option<Steps>,
}

/// The numbers of a constant of integers; none of one that has more than `most`, or other numbers.
pub(super) fn integers(tensor: &Tensor<'_>, most: usize) -> Vec<i64> {
    if tensor.bytes.len() > most.saturating_mul(tensor.dtype.size_bytes()) {
        return Vec::new();
    }
    let bytes = &tensor.bytes;
    match tensor.dtype {
        Dtype::I64 => bytes.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect(),
        Dtype::I32 => bytes.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes).into()).collect(),
        Dtype::I8 => bytes.iter().map(|byte| byte.cast_signed().into()).collect(),
        Dtype::U8 => bytes.iter().map(|&byte| byte.into()).collect(),
        _ => Vec::new(),
    }
}

/// An operator.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) op: Op,
    /// The format's name for it.
    pub(super) name: Cow<'a, str>,
    /// Where the file has it.
    pub(super) offset_bytes: usize,
    /// Values; none where an optional one is left out.
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) output: usize,
}

impl Node<'_> {
    fn place(&self) -> String {
        format!("operator `{}` at byte {}", self.name, self.offset_bytes)
    }

    #[cold]
    #[inline(never)]
    fn refuse(&self, expected: &str, found: impl Into<String>) -> Error {
        Error::new(Kind::NotMobileNet, self.place())
            .expected(expected)
            .found(found)
            .remedy("Choose a MobileNet V1, V2 or V3 that ends in one classifier.")
    }
}

/// How a pixel from 0 to 255 becomes the graph's input: `pixel · scale + offset`, by channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pixels {
    pub(super) scale: [f32; 3],
    pub(super) offset: [f32; 3],
}

/// What a file says beside its tensors.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    /// What is certain.
    pub(super) stated: Overrides,
    /// What is not.
    pub(super) inferred: Vec<Inferred>,
    /// What is suspicious.
    pub(super) warnings: Vec<Warning>,
    /// How the network computes in integers, where all of it does.
    pub(super) integers: Option<Integers>,
}

impl Said {
    /// Leaves class names out that are not as many as classes.
    pub(super) fn check_labels(&mut self, tensors: &[Tensor<'_>]) {
        let biases = tensors.iter().find(|tensor| tensor.name == LOGITS_BIASES);
        let classes = biases.and_then(|biases| biases.shape.first().copied()).unwrap_or(0);
        if let Some(names) = self.stated.labels.as_ref().map(Vec::len).filter(|&names| names != classes) {
            self.stated.labels = None;
            let message = format!("the file names {names} classes and has {classes}: the names were left out");
            self.warnings.push(Warning { code: "labels_unread", message });
        }
    }
}

/// What a classifier's last tensor is called.
const LOGITS_BIASES: &str = "logits/biases";

/// A file's graph.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) format: Format,
    pub(super) layout: Layout,
    pub(super) values: Vec<Value<'a>>,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) input: usize,
    pub(super) outputs: Vec<usize>,
    /// Where the file says it.
    pub(super) pixels: Option<Pixels>,
    /// Whether names are those of TF-slim.
    pub(super) slim: bool,
}

impl<'a> Graph<'a> {
    /// The network's tensors under canonical names, and what the graph says beyond them.
    pub(super) fn network(self) -> Result<(Said, Vec<Tensor<'a>>)> {
        let (pixels, slim, format) = (self.pixels, self.slim, self.format);
        let dims = self.values.get(self.input).map(|value| value.dims.clone()).unwrap_or_default();
        let trace = trace::trace(self)?;
        let network = rows::parse(&trace, format)?;
        let mut said = conventions::state(&network, &trace, (&dims, pixels, slim))?;
        said.integers = integers::collect(&network, &trace);
        let (mut factors, left) = factors::factors(&trace);
        if said.integers.is_some() {
            // Their scales have to be the file's.
            factors.fill(Factors { input: 1.0, output: 1.0 });
        } else if left != 1.0 {
            said.warnings.push(rounded_factor(left));
        }
        Ok((said, emit::tensors(&network, trace, &factors)?))
    }
}

/// Nothing follows the last map that could take the factor up.
#[cold]
fn rounded_factor(left: f64) -> Warning {
    let percent = print_decimal((left - 1.0) * 100.0);
    let message = format!("the file's activations round 1/6: its features differ from those given here by {percent} %");
    Warning { code: "rounded_activation", message }
}
