//! The one builder: V1, V2, V3 and custom tables differ in their rows only.

use super::{Endpoint, Graph, Node, NodeId, Op, Shape, Window};
use crate::error::{Error, Kind, Result};
use crate::model::{Activation, Block, Classifier, Dilating, Padding, Pooling, Spec};

pub(super) fn build(spec: &Spec) -> Result<Graph> {
    spec.check()?;
    let mut builder = Builder::new(spec);
    for (index, block) in spec.blocks.iter().enumerate() {
        builder.block(index, block)?;
    }
    builder.top();
    Ok(builder.graph)
}

/// Appends nodes; the last one is the input of the next.
struct Builder<'a> {
    spec: &'a Spec,
    graph: Graph,
    /// Input pixels a pixel of the last map stands for, along one side.
    reached: usize,
    /// What strides turned into once [`Spec::output_stride`] was reached.
    dilation: usize,
}

/// A convolution as a table's row asks for it.
#[derive(Clone, Copy)]
struct Convolution {
    kernel: usize,
    stride: usize,
    channels: usize,
    activation: Activation,
}

/// Side that [`Spec::pad_to_32`] pads to a multiple of: the stride of every published base.
const PAD_MULTIPLE_PX: usize = 32;

impl<'a> Builder<'a> {
    fn new(spec: &'a Spec) -> Self {
        let shape = Shape { height: spec.height_px, width: spec.width_px, channels: 3 };
        let input = Node::new("input".into(), Op::Input, Vec::new(), shape);
        let graph = Graph { version: spec.version, nodes: vec![input], endpoints: Vec::new() };
        let mut builder = Self { spec, graph, reached: 1, dilation: 1 };
        let padded = |side: usize| side.next_multiple_of(PAD_MULTIPLE_PX);
        if spec.pad_to_32 && (padded(shape.height), padded(shape.width)) != (shape.height, shape.width) {
            let shape = Shape { height: padded(shape.height), width: padded(shape.width), ..shape };
            builder.push("input/pad".into(), Op::Pad, vec![0], shape);
        }
        builder
    }

    fn last(&self) -> NodeId {
        self.graph.nodes.len() - 1
    }

    fn shape(&self) -> Shape {
        self.graph.nodes[self.last()].shape
    }

    fn push(&mut self, name: String, op: Op, inputs: Vec<NodeId>, shape: Shape) {
        self.graph.nodes.push(Node::new(name, op, inputs, shape));
    }

    /// Names the last node's output.
    fn endpoint(&mut self, name: impl Into<String>) {
        let node = self.last();
        self.graph.endpoints.push(Endpoint { name: name.into(), node });
    }

    fn block(&mut self, index: usize, block: &Block) -> Result<()> {
        let v1 = self.spec.version.is_v1();
        let name = if v1 { format!("Conv2d_{index}") } else { format!("layer_{}", index + 1) };
        let channels = self.spec.widths.out_channels(block, self.shape().channels, self.spec.multiplier);
        match *block {
            Block::Conv { kernel, stride, activation, .. } => {
                self.convolve(&name, Convolution { kernel, stride, channels, activation });
            }
            Block::Separable { stride, .. } => {
                // TF-slim's V1 has an endpoint for each half and none for the block.
                let [depthwise, pointwise] = ["depthwise", "pointwise"]
                    .map(|half| if v1 { format!("{name}_{half}") } else { format!("{name}/{half}") });
                self.depthwise(&depthwise, 3, stride, Activation::Relu6);
                self.endpoint(if v1 { depthwise } else { format!("{name}/depthwise_output") });
                let activation = Activation::Relu6;
                self.convolve(&pointwise, Convolution { kernel: 1, stride: 1, channels, activation });
                if v1 {
                    self.endpoint(pointwise);
                    return Ok(());
                }
            }
            Block::InvertedResidual { .. } => self.inverted_residual(&name, block, channels),
            Block::Pool => {
                let shape = Shape { height: 1, width: 1, channels };
                self.push(name.clone(), Op::GlobalPool(Pooling::Average), vec![self.last()], shape);
            }
            Block::Head { activation, .. } => {
                self.dense_input(&name)?;
                self.dense(&name, channels, activation);
            }
        }
        self.endpoint(name);
        Ok(())
    }

    fn inverted_residual(&mut self, name: &str, block: &Block, channels: usize) {
        let Block::InvertedResidual { kernel, expansion, stride, squeeze_excite, activation, .. } = *block else {
            return;
        };
        let input = self.last();
        let before = self.shape();
        if let Some(channels) = self.spec.widths.expanded(expansion, before.channels, self.spec.multiplier) {
            self.convolve(&format!("{name}/expand"), Convolution { kernel: 1, stride: 1, channels, activation });
            self.endpoint(format!("{name}/expansion_output"));
        }
        let left = self.depthwise(&format!("{name}/depthwise"), kernel, stride, activation);
        let stride = if self.spec.dilating == Dilating::Same { stride } else { left };
        self.endpoint(format!("{name}/depthwise_output"));
        if squeeze_excite {
            self.squeeze_excite(&format!("{name}/squeeze_excite"));
            self.endpoint(format!("{name}/squeeze_excite_output"));
        }
        let activation = Activation::Linear;
        self.convolve(&format!("{name}/project"), Convolution { kernel: 1, stride: 1, channels, activation });
        if stride == 1 && self.shape() == before {
            self.endpoint(format!("{name}/projection_output"));
            self.push(format!("{name}/add"), Op::Add, vec![input, self.last()], before);
        }
    }

    /// A gate for each channel, computed from the mean of all.
    fn squeeze_excite(&mut self, name: &str) {
        let map = self.last();
        let shape = self.shape();
        let vector = Shape { height: 1, width: 1, ..shape };
        self.push(format!("{name}/pool"), Op::GlobalPool(Pooling::Average), vec![map], vector);
        let squeezed = self.spec.widths.squeezed(shape.channels);
        self.dense(&format!("{name}/reduce"), squeezed, Activation::Relu);
        self.dense(&format!("{name}/expand"), shape.channels, self.spec.gate);
        self.push(format!("{name}/scale"), Op::Scale, vec![map, self.last()], shape);
    }

    /// The stride and dilation that a row's `stride` becomes: once the output stride is reached, strides become 1 and
    /// multiply the dilation of the rows after them, or of their own too.
    fn stride(&mut self, stride: usize) -> (usize, usize) {
        if self.reached >= self.spec.output_stride {
            let before = self.dilation;
            self.dilation *= stride;
            return (1, if self.spec.dilating == Dilating::Same { self.dilation } else { before });
        }
        self.reached *= stride;
        (stride, 1)
    }

    fn convolve(&mut self, name: &str, convolution: Convolution) {
        let Convolution { kernel, stride, channels, activation } = convolution;
        let input = self.last();
        let (stride, dilation) = if kernel == 1 { (stride, 1) } else { self.stride(stride) };
        // Keras's V1 pads its depthwise convolutions by its own rule, its stem by SAME.
        let padding = if self.spec.padding == Padding::After { Padding::Same } else { self.spec.padding };
        let (window, height, width) = Window::over(padding, self.shape(), kernel, stride, dilation);
        let shape = Shape { height, width, channels };
        self.push(name.into(), Op::Conv(window), vec![input], shape);
        self.normalise(name, activation, shape);
    }

    /// Returns the stride that is left of `stride`.
    fn depthwise(&mut self, name: &str, kernel: usize, stride: usize, activation: Activation) -> usize {
        let input = self.last();
        let before = self.shape();
        let (stride, dilation) = self.stride(stride);
        let (window, height, width) = Window::over(self.spec.padding, before, kernel, stride, dilation);
        let shape = Shape { height, width, channels: before.channels };
        self.push(name.into(), Op::Depthwise(window), vec![input], shape);
        self.normalise(name, activation, shape);
        stride
    }

    fn normalise(&mut self, name: &str, activation: Activation, shape: Shape) {
        self.push(format!("{name}/batch_norm"), Op::BatchNorm, vec![self.last()], shape);
        self.activate(name, activation);
    }

    fn activate(&mut self, name: &str, activation: Activation) {
        if activation != Activation::Linear {
            self.push(format!("{name}/activation"), Op::Activation(activation), vec![self.last()], self.shape());
        }
    }

    fn dense(&mut self, name: &str, channels: usize, activation: Activation) {
        self.push(name.into(), Op::Dense, vec![self.last()], Shape { height: 1, width: 1, channels });
        self.activate(name, activation);
    }

    fn dense_input(&self, name: &str) -> Result<()> {
        let shape = self.shape();
        if shape.pixels() == 1 {
            return Ok(());
        }
        Err(Error::new(Kind::BadModel, format!("table, row of {name}"))
            .expected("a pooled vector before it")
            .found(format!("a map of {shape}"))
            .remedy("Put a pool row before the head row."))
    }

    fn top(&mut self) {
        let shape = self.shape();
        if self.spec.pooling == Pooling::None {
            return;
        }
        // V3 has pooled already.
        if shape.pixels() > 1 || !self.spec.blocks.contains(&Block::Pool) {
            let vector = Shape { height: 1, width: 1, ..shape };
            self.push("global_pool".into(), Op::GlobalPool(self.spec.pooling), vec![self.last()], vector);
        }
        self.endpoint("global_pool");
        if self.spec.classes == 0 {
            return;
        }
        self.dense("logits", self.spec.classes, Activation::Linear);
        self.endpoint("logits");
        let shape = self.shape();
        match self.spec.classifier {
            Classifier::Softmax => self.push("predictions".into(), Op::Softmax, vec![self.last()], shape),
            Classifier::Sigmoid => self.push("predictions".into(), Op::Sigmoid, vec![self.last()], shape),
            Classifier::Linear => {}
        }
        self.endpoint("predictions");
    }
}
