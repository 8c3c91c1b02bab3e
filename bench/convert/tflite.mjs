// Reads a TFLite file: its operators in order, with shapes, options and weights.

/** The operators that MobileNets are made of, by their number in TFLite's schema. */
const OPERATORS = {
  0: "ADD",
  1: "AVERAGE_POOL_2D",
  3: "CONV_2D",
  4: "DEPTHWISE_CONV_2D",
  9: "FULLY_CONNECTED",
  14: "LOGISTIC",
  18: "MUL",
  19: "RELU",
  21: "RELU6",
  22: "RESHAPE",
  25: "SOFTMAX",
  34: "PAD",
  40: "MEAN",
  42: "DIV",
  114: "QUANTIZE",
  117: "HARD_SWISH",
};
const ACTIVATIONS = ["linear", "relu", "relu_n1_to_1", "relu6"];
const F32 = 0;
const I32 = 2;

/** A table or a vector of a FlatBuffer. */
class Table {
  constructor(view, at) {
    this.view = view;
    this.at = at;
    this.vtable = at - view.getInt32(at, true);
  }

  /** Where a field is, or 0 when it has its default. */
  field(index) {
    const slot = 4 + 2 * index;
    const offset = slot < this.view.getUint16(this.vtable, true) ? this.view.getUint16(this.vtable + slot, true) : 0;
    return offset === 0 ? 0 : this.at + offset;
  }

  int8(index) {
    const at = this.field(index);
    return at === 0 ? 0 : this.view.getInt8(at);
  }

  int32(index) {
    const at = this.field(index);
    return at === 0 ? 0 : this.view.getInt32(at, true);
  }

  /** What a field refers to. */
  target(index) {
    const at = this.field(index);
    return at === 0 ? 0 : at + this.view.getUint32(at, true);
  }

  table(index) {
    const at = this.target(index);
    return at === 0 ? null : new Table(this.view, at);
  }

  /** Where the elements of a vector begin, and how many there are. */
  vector(index) {
    const at = this.target(index);
    return at === 0 ? { at: 0, length: 0 } : { at: at + 4, length: this.view.getUint32(at, true) };
  }

  ints(index) {
    const { at, length } = this.vector(index);
    return Array.from({ length }, (_, i) => this.view.getInt32(at + 4 * i, true));
  }

  tables(index) {
    const { at, length } = this.vector(index);
    return Array.from({ length }, (_, i) => new Table(this.view, at + 4 * i + this.view.getUint32(at + 4 * i, true)));
  }
}

/** The model's table at the root. */
export function root(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new Table(view, view.getUint32(0, true));
}

/**
 * @param {Uint8Array} bytes a TFLite file
 * @returns {{ tensors: object[], operators: object[], input: number, output: number }} tensors with `shape` and, where they
 *   are constant or integers, `data` and `quantization`; operators with `name`, `inputs`, `output` and their options
 */
export function readTflite(bytes) {
  const model = root(bytes);
  const codes = model.tables(1).map((code) => Math.max(code.int8(0), code.int32(3)));
  const buffers = model.tables(4);
  const graph = model.tables(2)[0];
  const tensors = graph.tables(0).map((tensor) => {
    const type = tensor.int8(1);
    return { type, shape: tensor.ints(0), data: constant(buffers[tensor.int32(2)], type), quantization: quantization(tensor.table(4)) };
  });
  const operators = graph.tables(3).map((operator) => {
    const code = codes[operator.int32(0)];
    const name = OPERATORS[code];
    if (name === undefined) {
      throw new Error(`operator ${code} of TFLite is none that a MobileNet has`);
    }
    return { name, inputs: operator.ints(1).filter((index) => index >= 0), output: operator.ints(2)[0], ...options(name, operator.table(4)) };
  });
  return { tensors, operators, input: graph.ints(1)[0], output: graph.ints(2)[0] };
}

/** What a tensor's integers stand for: one scale and zero point for all of it, or one for each index of an axis. */
function quantization(table) {
  const scales = table?.vector(2) ?? { length: 0 };
  if (scales.length === 0) {
    return undefined;
  }
  const zeros = table.vector(3);
  return {
    scales: Array.from({ length: scales.length }, (_, i) => table.view.getFloat32(scales.at + 4 * i, true)),
    zeroPoints: Array.from({ length: zeros.length }, (_, i) => Number(table.view.getBigInt64(zeros.at + 8 * i, true))),
    axis: table.int32(6),
  };
}

function constant(buffer, type) {
  const { at, length } = buffer.vector(0);
  if (length === 0) {
    return undefined;
  }
  const start = buffer.view.byteOffset + at;
  const copy = buffer.view.buffer.slice(start, start + length);
  return type === F32 ? new Float32Array(copy) : type === I32 ? new Int32Array(copy) : new Uint8Array(copy);
}

function options(name, table) {
  const activation = (index) => ACTIVATIONS[table?.int8(index) ?? 0];
  const padding = () => (table.int8(0) === 0 ? "SAME" : "VALID");
  switch (name) {
    case "CONV_2D":
      return { padding: padding(), strides: [table.int32(2), table.int32(1)], activation: activation(3) };
    case "DEPTHWISE_CONV_2D":
      return { padding: padding(), strides: [table.int32(2), table.int32(1)], activation: activation(4) };
    case "ADD":
    case "MUL":
    case "DIV":
    case "FULLY_CONNECTED":
      return { activation: activation(0) };
    case "MEAN":
      return { keepDims: (table?.int8(0) ?? 0) !== 0 };
    default:
      return {};
  }
}
