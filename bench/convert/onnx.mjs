// A TFLite graph as an ONNX file, for models that were not exported to ONNX: the operators of MobileNetV1 and V2.

import { channelsFirst } from "./layout.mjs";

const OPSET = 17;
const IR_VERSION = 8;
const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

// Protocol Buffers: a message is the concatenation of its fields.
const varint = (value) => {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
};
const integer = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const block = (field, bytes) => Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
const string = (field, value) => block(field, Buffer.from(value));
const message = (field, ...parts) => block(field, Buffer.concat(parts));

const tensor = (name, dims, type, data) =>
  message(5, ...dims.map((size) => integer(1, size)), integer(2, type), string(8, name), block(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)));

const value = (field, name, dims) => {
  const shape = message(2, ...dims.map((size) => message(1, integer(1, size))));
  return message(field, string(1, name), message(2, message(1, integer(1, FLOAT), shape)));
};

const attribute = (name, given) =>
  Array.isArray(given)
    ? message(5, string(1, name), ...given.map((item) => integer(8, item)), integer(20, ATTRIBUTE_INTS))
    : message(5, string(1, name), integer(3, given), integer(20, ATTRIBUTE_INT));

/**
 * @param {ReturnType<import("./tflite.mjs").readTflite>} graph
 * @returns {Buffer} a model with the input `input`, NCHW, and the output `scores`
 */
export function toOnnx(graph) {
  const parts = [];
  const names = new Map([[graph.input, "input"]]);
  const node = (op, inputs, output, attributes = {}) => {
    const given = Object.entries(attributes).map(([name, item]) => attribute(name, item));
    parts.push(message(1, ...inputs.map((name) => string(1, name)), string(2, output), string(3, output), string(4, op), ...given));
    return output;
  };
  const weights = (name, dims, data, type = FLOAT) => {
    parts.push(tensor(name, dims, type, data));
    return name;
  };
  weights("zero", [], new Float32Array([0]));
  weights("six", [], new Float32Array([6]));
  const activated = (name, activation) =>
    ({ linear: () => name, relu: () => node("Relu", [name], `${name}_relu`), relu6: () => node("Clip", [name, "zero", "six"], `${name}_relu6`) })[activation]();

  graph.operators.forEach((operator, place) => {
    const name = `${operator.name.toLowerCase()}_${place}`;
    const [x, w, b] = operator.inputs;
    const { shape, data } = graph.tensors[w] ?? {};
    const output = graph.tensors[operator.output].shape;
    const conv = (dims, packed, group) => {
      const kernel = dims.slice(2);
      const inputs = [names.get(x), weights(`${name}_w`, dims, packed), weights(`${name}_b`, [dims[0]], graph.tensors[b].data)];
      const pads = operator.padding === "SAME" ? same(graph.tensors[x].shape, output, kernel, operator.strides) : [0, 0, 0, 0];
      return activated(node("Conv", inputs, name, { kernel_shape: kernel, strides: operator.strides, pads, group }), operator.activation);
    };
    const make = {
      CONV_2D: () => conv([shape[0], shape[3], shape[1], shape[2]], channelsFirst(data, shape), 1),
      DEPTHWISE_CONV_2D: () => conv([shape[3], 1, shape[1], shape[2]], channelsFirst(data, shape), shape[3]),
      ADD: () => activated(node("Add", [names.get(x), names.get(w)], name), operator.activation),
      MEAN: () => node("GlobalAveragePool", [names.get(x)], name),
      RESHAPE: () => node("Reshape", [names.get(x), weights(`${name}_shape`, [output.length], BigInt64Array.from(output, BigInt), INT64)], name),
      SOFTMAX: () => node("Softmax", [names.get(x)], name, { axis: -1 }),
    };
    if (make[operator.name] === undefined) {
      throw new Error(`no ONNX operator is written down for ${operator.name}`);
    }
    names.set(operator.output, make[operator.name]());
  });
  node("Identity", [names.get(graph.output)], "scores");

  const [batch, height, width, channels] = graph.tensors[graph.input].shape;
  const ends = [value(11, "input", [batch, channels, height, width]), value(12, "scores", graph.tensors[graph.output].shape)];
  return Buffer.concat([
    integer(1, IR_VERSION),
    message(7, ...parts, string(2, "mobilenet"), ...ends),
    message(8, string(1, ""), integer(2, OPSET)),
  ]);
}

/** TensorFlow's rule: what is missing is added, the odd one below and to the right. */
function same(input, output, kernel, strides) {
  const missing = [0, 1].map((axis) => Math.max(0, (output[axis + 1] - 1) * strides[axis] + kernel[axis] - input[axis + 1]));
  const before = missing.map((all) => Math.floor(all / 2));
  return [...before, ...missing.map((all, axis) => all - before[axis])];
}
