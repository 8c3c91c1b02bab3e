//! Follows a graph from input to output: elementwise operators become [`Form`]s of what they are applied to, and only
//! convolutions, pools, sums and gates are left as points.

use super::curve::Curve;
use super::forms::{Form, Sixth, is_relu6};
use super::integers::Followed;
use super::{Graph, Node, Op, Pads};
use crate::error::{Error, Kind, Result};
use crate::weights::names::Part;
use crate::weights::{DAMAGED, Tensor, infer};

/// Where numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Input,
    /// Of [`Trace::convolutions`].
    Convolution(usize),
    /// Of a point; whether the largest instead of the mean.
    Pool(usize, bool),
    /// Of two points.
    Sum(usize, usize),
    /// A point's map, another's factors.
    Gated(usize, usize),
}

/// A place in the network that other places read.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) source: Source,
    /// What those that read it apply to it first; all the same.
    pub(super) form: Option<Form>,
    /// What its integers can stand for.
    pub(super) range: Option<(f32, f32)>,
    /// Rows and columns, where they are known.
    pub(super) size: Option<[usize; 2]>,
    /// How it is in integers.
    pub(super) integers: Followed,
}

/// A convolution or dense layer.
#[derive(Clone, Debug)]
pub(super) struct Convolution<'a> {
    pub(super) weights: Tensor<'a>,
    pub(super) biases: Option<Tensor<'a>>,
    /// Scale, offset, mean and variance, and what is added to the last.
    pub(super) norm: Option<([Tensor<'a>; 4], f32)>,
    pub(super) depthwise: bool,
    /// Output and input channels, window height and width.
    pub(super) shape: [usize; 4],
    pub(super) stride: usize,
    pub(super) dilation: usize,
    pub(super) pads: Pads,
    /// The points that it reads and that it is.
    pub(super) from: usize,
    pub(super) point: usize,
    /// Rows and columns of what it reads.
    pub(super) size: Option<[usize; 2]>,
    /// The operator, for errors.
    pub(super) place: String,
}

/// A graph's convolutions and what connects them.
#[derive(Debug)]
pub(super) struct Trace<'a> {
    pub(super) points: Vec<Point>,
    pub(super) convolutions: Vec<Convolution<'a>>,
    /// The point at the output.
    pub(super) last: usize,
    /// What becomes of points' integers before others read them.
    pub(super) curves: Vec<Curve>,
}

/// A map while it is followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map {
    pub(super) point: usize,
    pub(super) form: Form,
    /// Zeros around it that the next convolution skips over.
    pub(super) pads: [usize; 4],
    /// Of [`Trace::curves`], where it is known what its integers are.
    pub(super) curve: Option<usize>,
}

pub(super) struct Tracer<'a> {
    pub(super) graph: Graph<'a>,
    pub(super) maps: Vec<Option<Map>>,
    pub(super) trace: Trace<'a>,
}

pub(super) fn trace(mut graph: Graph<'_>) -> Result<Trace<'_>> {
    let nodes = std::mem::take(&mut graph.nodes);
    let needed = needed(&graph, &nodes)?;
    let dims = graph.values.get(graph.input).map(|value| &*value.dims).unwrap_or_default();
    let size = match *dims {
        [_, height, width, 3] if height > 0 && width > 0 => Some([height, width]),
        [_, 3, height, width] if height > 0 && width > 0 => Some([height, width]),
        _ => None,
    };
    let input = Point { source: Source::Input, form: None, range: None, size, integers: Followed::default() };
    let mut maps = vec![None; graph.values.len()];
    if let Some(map) = maps.get_mut(graph.input) {
        *map = Some(Map { point: 0, form: Form::Plain, pads: [0; 4], curve: None });
    }
    let trace = Trace { points: vec![input], convolutions: Vec::new(), last: 0, curves: Vec::new() };
    let mut tracer = Tracer { graph, maps, trace };
    tracer.follow_input();
    for (node, _) in nodes.iter().zip(needed).filter(|(_, needed)| *needed) {
        let points = tracer.trace.points.len();
        let map = tracer.step(node)?;
        let map = tracer.settled(node, map);
        let map = Map { curve: tracer.follow(node, points, map), ..map };
        if let Some(place) = tracer.maps.get_mut(node.output) {
            *place = Some(map);
        }
    }
    let outputs = tracer.graph.outputs.iter().filter_map(|&output| tracer.maps.get(output).copied().flatten());
    let Some(last) = outputs.max_by_key(|map| map.point) else {
        return Err(Error::new(Kind::BadHeader, "the graph's outputs")
            .expected("one that operators compute from the input")
            .found("none")
            .remedy(DAMAGED));
    };
    let end = Node { op: Op::Pass, name: "output".into(), offset_bytes: 0, inputs: Vec::new(), output: 0 };
    tracer.read(&end, last)?;
    tracer.trace.last = last.point;
    Ok(tracer.trace)
}

/// Which operators the outputs depend on. What reshapes read beside their map does not matter.
fn needed(graph: &Graph<'_>, nodes: &[Node<'_>]) -> Result<Vec<bool>> {
    let mut makers = vec![None; graph.values.len()];
    for (index, node) in nodes.iter().enumerate() {
        match makers.get_mut(node.output) {
            Some(maker @ None) => *maker = Some(index),
            _ => {
                return Err(Error::new(Kind::BadHeader, node.place())
                    .expected("an output of its own")
                    .found(format!("value {}", node.output))
                    .remedy(DAMAGED));
            }
        }
    }
    let mut needed = vec![false; nodes.len()];
    let mut open = graph.outputs.clone();
    while let Some(value) = open.pop() {
        let Some(index) = makers.get(value).copied().flatten() else { continue };
        if std::mem::replace(&mut needed[index], true) {
            continue;
        }
        let node = &nodes[index];
        let count = if node.op == Op::Pass { 1 } else { node.inputs.len() };
        open.extend(node.inputs.iter().take(count).flatten());
    }
    Ok(needed)
}

impl<'a> Tracer<'a> {
    pub(super) fn constant(&self, node: &Node<'_>, input: usize) -> Option<&Tensor<'a>> {
        let value = node.inputs.get(input).copied().flatten()?;
        self.graph.values.get(value)?.constant.as_ref()
    }

    fn weights(&self, node: &Node<'_>, input: usize) -> Result<Tensor<'a>> {
        let Some(tensor) = self.constant(node, input) else {
            return Err(node.refuse("weights that the file holds", format!("none as input {input}")));
        };
        Ok(tensor.clone())
    }

    pub(super) fn map(&self, node: &Node<'_>, input: usize) -> Result<Map> {
        let value = node.inputs.get(input).copied().flatten();
        value.and_then(|value| self.maps.get(value).copied().flatten()).ok_or_else(|| {
            Error::new(Kind::BadHeader, node.place())
                .expected(format!("input {input} to be computed before it, from the graph's input"))
                .remedy(DAMAGED)
        })
    }

    /// Notes that something reads `map`, and checks that all who read its point see the same.
    pub(super) fn read(&mut self, node: &Node<'_>, map: Map) -> Result<usize> {
        if map.pads != [0; 4] {
            return Err(node.refuse("a convolution after zeros are added", "another operator"));
        }
        self.read_padded(node, map)
    }

    fn read_padded(&mut self, node: &Node<'_>, map: Map) -> Result<usize> {
        let point = &mut self.trace.points[map.point];
        match point.form {
            Some(form) if form != map.form => {
                return Err(node.refuse(&format!("its input as others read it, {form:?}"), format!("{:?}", map.form)));
            }
            _ => point.form = Some(map.form),
        }
        point.integers.read.push(map.curve);
        Ok(map.point)
    }

    pub(super) fn point(&mut self, node: &Node<'_>, source: Source, size: Option<[usize; 2]>) -> Map {
        let range = self.graph.values.get(node.output).and_then(|value| value.range);
        self.trace.points.push(Point { source, form: None, range, size, integers: Followed::default() });
        Map { point: self.trace.points.len() - 1, form: Form::Plain, pads: [0; 4], curve: None }
    }

    /// Quantised graphs leave bounds to the range of the output, or to that of its conversion to integers.
    fn settled(&mut self, node: &Node<'_>, map: Map) -> Map {
        let range = self.graph.values.get(node.output).and_then(|value| value.range);
        let point = &mut self.trace.points[map.point];
        if node.op == Op::Pass && map.form == Form::Plain && point.range.is_none() {
            point.range = range;
        }
        let bounded = match map.form {
            Form::Shifted(_) if range.is_some_and(is_relu6) => map.form.clamped(super::RELU6),
            _ => None,
        };
        Map { form: bounded.unwrap_or(map.form), ..map }
    }

    fn bounded(node: &Node<'_>, map: Map, bounds: (f32, f32)) -> Result<Map> {
        let form = map
            .form
            .clamped(bounds)
            .ok_or_else(|| node.refuse("ReLU, ReLU6 or hard-swish", format!("bounds {bounds:?} of {:?}", map.form)))?;
        Ok(Map { form, ..map })
    }

    fn step(&mut self, node: &Node<'a>) -> Result<Map> {
        if let Op::Arithmetic { arithmetic, bounds } = node.op {
            let map = self.arithmetic(node, arithmetic)?;
            return Self::bounded(node, map, bounds);
        }
        let map = self.map(node, 0)?;
        let unexpected = || node.refuse("an activation that MobileNets have", format!("one of {:?}", map.form));
        let with = |form: Option<Form>| form.map(|form| Map { form, ..map }).ok_or_else(unexpected);
        let plain = map.form == Form::Plain;
        match node.op {
            Op::Conv { bounds, .. } | Op::Dense { bounds } => {
                let map = self.convolution(node, map)?;
                Self::bounded(node, map, bounds)
            }
            Op::Norm { epsilon } => self.norm(node, map, epsilon),
            Op::Clamp(bounds) => Self::bounded(node, map, bounds),
            Op::HardSwish => with(Sixth::outside(1.0 / 6.0).filter(|_| plain).map(Form::HardSwish)),
            Op::HardSigmoid { alpha, beta } => {
                let gate = Sixth::inside(alpha).filter(|_| plain && (beta - 0.5).abs() < 1e-6);
                with(gate.map(Form::Gate))
            }
            Op::Softmax => with(plain.then_some(Form::Softmax)),
            Op::Sigmoid => with(plain.then_some(Form::Sigmoid)),
            Op::Pool { max, window } => self.pool(node, map, max, window),
            Op::Pad(pads) => {
                let mut sums = map.pads;
                sums.iter_mut().zip(pads).for_each(|(sum, pad)| *sum = sum.saturating_add(pad));
                Ok(Map { pads: sums, ..map })
            }
            Op::Pass => Ok(map),
            Op::Arithmetic { .. } | Op::Other => {
                Err(node.refuse("an operator that MobileNets have", format!("`{}`", node.name)))
            }
        }
    }

    fn convolution(&mut self, node: &Node<'a>, map: Map) -> Result<Map> {
        let (depthwise, stride, dilation, pads) = match node.op {
            Op::Conv { depthwise, stride, dilation, pads, .. } => (depthwise, stride, dilation, pads),
            _ => (false, 1, 1, Pads::Explicit([0; 4])),
        };
        let weights = self.weights(node, 1)?;
        let biases = match node.inputs.get(2) {
            Some(Some(_)) => Some(self.weights(node, 2)?),
            _ => None,
        };
        let part = if depthwise { Part::Depthwise } else { Part::Project };
        let shape = infer::dims(&weights.shape, self.graph.layout, part);
        let shape = shape.filter(|shape| shape[2] == shape[3] && !shape.contains(&0));
        let Some(shape) = shape.filter(|shape| !depthwise || shape[1] == 1) else {
            return Err(
                node.refuse("weights of a square window", format!("{} of {:?}", weights.place(), weights.shape))
            );
        };
        let pads = match pads {
            Pads::Same if map.pads == [0; 4] => Pads::Same,
            Pads::Same => return Err(node.refuse("zeros around its input once", "both explicit ones and SAME")),
            Pads::Explicit(mut pads) => {
                pads.iter_mut().zip(map.pads).for_each(|(pad, more)| *pad = pad.saturating_add(more));
                Pads::Explicit(pads)
            }
        };
        if stride == 0 || dilation == 0 {
            return Err(node.refuse("a stride and a dilation of at least 1", "0"));
        }
        let size = self.trace.points[map.point].size;
        let span = (shape[2] - 1).saturating_mul(dilation).saturating_add(1);
        let out = size.and_then(|size| {
            let side = |axis: usize| match pads {
                Pads::Same => Some(size[axis].div_ceil(stride)),
                Pads::Explicit(pads) => {
                    let padded = size[axis].saturating_add(pads[axis]).saturating_add(pads[axis + 2]);
                    Some(padded.checked_sub(span)? / stride + 1)
                }
            };
            Some([side(0)?, side(1)?])
        });
        let from = self.read_padded(node, map)?;
        let index = self.trace.convolutions.len();
        let map = self.point(node, Source::Convolution(index), out);
        self.trace.convolutions.push(Convolution {
            weights,
            biases,
            norm: None,
            depthwise,
            shape,
            stride,
            dilation,
            pads,
            from,
            point: map.point,
            size,
            place: node.place(),
        });
        Ok(map)
    }

    /// The convolution that a map comes out of as it is.
    pub(super) fn maker(&mut self, map: Map) -> Option<&mut Convolution<'a>> {
        match self.trace.points[map.point] {
            Point { source: Source::Convolution(index), form: None, .. } if map.form == Form::Plain => {
                self.trace.convolutions.get_mut(index)
            }
            _ => None,
        }
    }

    fn norm(&mut self, node: &Node<'a>, map: Map, epsilon: f32) -> Result<Map> {
        let mut parts = Vec::with_capacity(4);
        for input in 1..5 {
            parts.push(self.weights(node, input)?);
        }
        match (self.maker(map).filter(|maker| maker.norm.is_none()), <[_; 4]>::try_from(parts)) {
            (Some(maker), Ok(parts)) => {
                maker.norm = Some((parts, epsilon));
                Ok(map)
            }
            _ => Err(node.refuse("a batch norm right after a convolution", "one elsewhere")),
        }
    }

    fn pool(&mut self, node: &Node<'_>, map: Map, max: bool, window: Option<[usize; 2]>) -> Result<Map> {
        let point = &self.trace.points[map.point];
        // TF-slim pools what a dense layer computed from a pool once more.
        if matches!(point.source, Source::Pool(..)) || window == Some([1, 1]) {
            return Ok(map);
        }
        if let (Some(window), Some(size)) = (window, point.size)
            && window != size
        {
            return Err(node.refuse(&format!("a pool over the whole map of {size:?}"), format!("{window:?}")));
        }
        let from = self.read(node, map)?;
        Ok(self.point(node, Source::Pool(from, max), Some([1, 1])))
    }
}
