//! ONNX files written on the spot, field by field.
#![allow(dead_code, reason = "each test binary uses another part")]

use crate::protobuf::{bytes, number, text, varint};

pub fn le(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// How a tensor keeps its elements.
#[derive(Clone, Copy)]
pub enum Kept {
    Raw,
    FloatData,
}

pub fn tensor_of(name: &str, dims: &[usize], kind: u64, data: Vec<u8>) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&dim| number(1, dim as u64)).collect();
    [dims, number(2, kind), data, text(8, name)].concat()
}

pub fn tensor(name: &str, dims: &[usize], values: &[f32], kept: Kept) -> Vec<u8> {
    let field = match kept {
        Kept::Raw => 9,
        Kept::FloatData => 4,
    };
    tensor_of(name, dims, 1, bytes(field, &le(values)))
}

pub fn ints(name: &str, values: &[i64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|&value| number(8, value as u64)).collect();
    bytes(5, &[text(1, name), values, number(20, 7)].concat())
}

pub fn int(name: &str, value: i64) -> Vec<u8> {
    bytes(5, &[text(1, name), number(3, value as u64), number(20, 2)].concat())
}

pub fn float(name: &str, value: f32) -> Vec<u8> {
    bytes(5, &[text(1, name), varint(2 << 3 | 5), value.to_le_bytes().to_vec(), number(20, 1)].concat())
}

/// A model while it is written.
#[derive(Default)]
pub struct Model {
    pub graph: Vec<u8>,
    nodes: usize,
    pub properties: Vec<u8>,
}

impl Model {
    /// Adds a node and names its output.
    pub fn node(&mut self, kind: &str, inputs: &[&str], attributes: &[Vec<u8>]) -> String {
        self.nodes += 1;
        let output = format!("{kind}_{}", self.nodes);
        let inputs: Vec<u8> = inputs.iter().flat_map(|input| text(1, input)).collect();
        let node = [inputs, text(2, &output), text(4, kind), attributes.concat()].concat();
        self.graph.extend(bytes(1, &node));
        output
    }

    /// What the node of that kind would be called that comes `after` so many more.
    pub fn name(&self, kind: &str, after: usize) -> String {
        format!("{kind}_{}", self.nodes + after)
    }

    /// Adds an initial value.
    pub fn weights(&mut self, name: &str, dims: &[usize], values: &[f32], kept: Kept) {
        self.graph.extend(bytes(5, &tensor(name, dims, values, kept)));
    }

    /// Adds a constant as a node.
    pub fn constant(&mut self, dims: &[usize], values: &[f32]) -> String {
        let value =
            bytes(5, &[text(1, "value"), bytes(5, &tensor("", dims, values, Kept::Raw)), number(20, 4)].concat());
        self.node("Constant", &[], &[value])
    }

    /// The file, of an input of these dimensions.
    pub fn file(&self, input: (&str, &[u64]), output: &str, opset: u64) -> Vec<u8> {
        let dims: Vec<u8> = input.1.iter().flat_map(|&dim| bytes(1, &number(1, dim))).collect();
        let kind = bytes(2, &bytes(1, &[number(1, 1), bytes(2, &dims)].concat()));
        let info = [text(1, input.0), kind].concat();
        let graph = [&*self.graph, &bytes(11, &info), &bytes(12, &text(1, output))].concat();
        [number(1, 8), bytes(7, &graph), bytes(8, &number(2, opset)), self.properties.clone()].concat()
    }

    /// A convolution with biases, of `[out, in, side, side]` weights that count up.
    pub fn convolution(&mut self, from: &str, shape: [usize; 4], stride: i64, group: usize) -> String {
        let name = format!("w{}", self.nodes);
        let count = shape.iter().product::<usize>();
        let values: Vec<f32> = (0..count).map(|index| (index % 17) as f32 / 16.0 - 0.5).collect();
        self.weights(&name, &shape, &values, Kept::Raw);
        let biases = format!("{name}b");
        self.weights(&biases, &shape[..1], &values[..shape[0]], Kept::FloatData);
        let pad = (shape[2] / 2) as i64;
        let attributes = [
            ints("strides", &[stride; 2]),
            ints("pads", &[pad; 4]),
            int("group", group as i64),
            ints("kernel_shape", &[shape[2] as i64; 2]),
        ];
        self.node("Conv", &[from, &name, &biases], &attributes)
    }
}

fn six(model: &mut Model, from: &str) -> String {
    model.node("Clip", &[from], &[float("min", 0.0), float("max", 6.0)])
}

/// A small network of its own table: a stem, a separable row, a gated residual, a classifier of five.
pub fn small() -> Model {
    small_of(8)
}

/// The same of so many channels, four times as many in the middle of the residual.
pub fn small_of(few: usize) -> Model {
    small_with(few, &|model, from| {
        let three = model.constant(&[], &[3.0]);
        let gate = model.node("Add", &[from, &three], &[]);
        let gate = six(model, &gate);
        let sixth = model.constant(&[1, 1, 1, 1], &[6.0]);
        model.node("Div", &[&gate, &sixth], &[])
    })
}

/// The same with another hard-sigmoid.
pub fn small_with(few: usize, hard_sigmoid: &dyn Fn(&mut Model, &str) -> String) -> Model {
    let many = 4 * few;
    let mut model = Model::default();
    let stem = model.convolution("x", [few, 3, 3, 3], 2, 1);
    let stem = six(&mut model, &stem);
    let depthwise = model.convolution(&stem, [few, 1, 3, 3], 1, few);
    let depthwise = six(&mut model, &depthwise);
    let pointwise = model.convolution(&depthwise, [few, few, 1, 1], 1, 1);
    let block = six(&mut model, &pointwise);
    let expand = model.convolution(&block, [many, few, 1, 1], 1, 1);
    let expand = model.node("Relu", &[&expand], &[]);
    let depthwise = model.convolution(&expand, [many, 1, 5, 5], 1, many);
    let depthwise = model.node("Relu", &[&depthwise], &[]);
    let pool = model.node("GlobalAveragePool", &[&depthwise], &[]);
    let reduce = model.convolution(&pool, [8, many, 1, 1], 1, 1);
    let reduce = model.node("Relu", &[&reduce], &[]);
    let gate = model.convolution(&reduce, [many, 8, 1, 1], 1, 1);
    let gate = hard_sigmoid(&mut model, &gate);
    let scaled = model.node("Mul", &[&gate, &depthwise], &[]);
    let project = model.convolution(&scaled, [few, many, 1, 1], 1, 1);
    let sum = model.node("Add", &[&project, &block], &[]);
    let pool = model.node("ReduceMean", &[&sum], &[ints("axes", &[2, 3]), int("keepdims", 0)]);
    model.weights("matrix", &[few, 5], &vec![0.25; 5 * few], Kept::Raw);
    model.weights("offsets", &[5], &[0.0, 1.0, 2.0, 3.0, 4.0], Kept::Raw);
    let logits = model.node("MatMul", &[&pool, "matrix"], &[]);
    let logits = model.node("Add", &[&logits, "offsets"], &[]);
    model.node("Softmax", &[&logits], &[]);
    let names = "{0: 'a', 1: 'b', 2: 'c', 3: 'd', 4: \"e's\"}";
    model.properties = bytes(14, &[text(1, "names"), text(2, names)].concat());
    model
}

/// The first as a file.
pub fn small_file() -> Vec<u8> {
    file(&small())
}

/// A small network as a file.
pub fn file(model: &Model) -> Vec<u8> {
    let output = model.name("Softmax", 0);
    model.file(("x", &[1, 3, 64, 64]), &output, 13)
}
