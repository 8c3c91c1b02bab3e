// A TFLite graph as TensorFlow.js's graph model, with the operators that its own converter would have chosen.

import { transposed } from "./layout.mjs";

const text = (value) => ({ s: Buffer.from(value).toString("base64") });
const texts = (values) => ({ list: { s: values.map((value) => text(value).s) } });
const ints = (values) => ({ list: { i: values.map(String) } });
const FLOAT = { type: "DT_FLOAT" };
const INT = { type: "DT_INT32" };
const FUSED = { linear: [], relu: ["Relu"], relu6: ["Relu6"] };

/**
 * @param {ReturnType<import("./tflite.mjs").readTflite>} graph
 * @returns {{ json: string, weights: Buffer }} `model.json` and `weights.bin`
 */
export function toGraphModel(graph) {
  const nodes = [];
  const specs = [];
  const pieces = [];
  const names = new Map([[graph.input, "input"]]);

  const add = (name, op, input, attr = {}) => {
    nodes.push({ name, op, input, attr });
    return name;
  };
  const constant = (name, data, shape) => {
    const [dtype, type] = data instanceof Int32Array ? ["int32", INT] : ["float32", FLOAT];
    specs.push({ name, shape, dtype });
    pieces.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    const dim = shape.map((size) => ({ size: String(size) }));
    return add(name, "Const", [], { dtype: type, value: { tensor: { dtype: type.type, tensorShape: { dim } } } });
  };
  /** The node that a tensor comes out of; a constant's is made when it is first asked for. */
  const node = (index) => {
    const { data, shape } = graph.tensors[index];
    if (!names.has(index)) {
      names.set(index, constant(`constant_${index}`, data, shape));
    }
    return names.get(index);
  };
  const activated = (name, op, input, activation) => {
    if (activation === "linear") {
      return add(name, op, input, { T: FLOAT });
    }
    return add(`${name}_activation`, FUSED[activation][0], [add(name, op, input, { T: FLOAT })], { T: FLOAT });
  };

  const shape = { shape: { dim: graph.tensors[graph.input].shape.map((size) => ({ size: String(size) })) } };
  add("input", "Placeholder", [], { dtype: FLOAT, shape });
  graph.operators.forEach((operator, place) => {
    const name = `${operator.name.toLowerCase()}_${place}`;
    const [x, w, b] = operator.inputs;
    const { shape: wShape, data } = graph.tensors[w] ?? {};
    const fused = { T: FLOAT, fused_ops: texts(["BiasAdd", ...(FUSED[operator.activation] ?? [])]), num_args: { i: "1" }, epsilon: { f: 0 } };
    const conv = () => ({
      ...fused,
      strides: ints([1, ...operator.strides, 1]),
      dilations: ints([1, 1, 1, 1]),
      explicit_paddings: { list: {} },
      padding: text(operator.padding),
      data_format: text("NHWC"),
    });
    const make = {
      CONV_2D() {
        const [out, height, width, channels] = wShape;
        const weights = constant(`${name}/weights`, transposed(data, out), [height, width, channels, out]);
        return add(name, "_FusedConv2D", [node(x), weights, node(b)], conv());
      },
      DEPTHWISE_CONV_2D() {
        const weights = constant(`${name}/weights`, data, [...wShape.slice(1), 1]);
        return add(name, "FusedDepthwiseConv2dNative", [node(x), weights, node(b)], conv());
      },
      FULLY_CONNECTED() {
        const [out, channels] = wShape;
        const weights = constant(`${name}/weights`, transposed(data, out), [channels, out]);
        const matrix = { transpose_a: { b: false }, transpose_b: { b: false } };
        if (b === undefined) {
          return add(name, "MatMul", [node(x), weights], { T: FLOAT, ...matrix });
        }
        return add(name, "_FusedMatMul", [node(x), weights, node(b)], { ...fused, ...matrix });
      },
      HARD_SWISH() {
        const shifted = add(`${name}/add`, "AddV2", [node(x), constant(`${name}/three`, new Float32Array([3]), [])], { T: FLOAT });
        const clamped = add(`${name}/relu6`, "Relu6", [shifted], { T: FLOAT });
        const scaled = add(`${name}/scale`, "Mul", [clamped, constant(`${name}/sixth`, new Float32Array([1 / 6]), [])], { T: FLOAT });
        return add(name, "Mul", [node(x), scaled], { T: FLOAT });
      },
      ADD: () => activated(name, "AddV2", [node(x), node(w)], operator.activation),
      MUL: () => activated(name, "Mul", [node(x), node(w)], operator.activation),
      MEAN: () => add(name, "Mean", [node(x), node(w)], { T: FLOAT, Tidx: INT, keep_dims: { b: operator.keepDims } }),
      RESHAPE: () => add(name, "Reshape", [node(x), node(w)], { T: FLOAT, Tshape: INT }),
      SOFTMAX: () => add(name, "Softmax", [node(x)], { T: FLOAT }),
    };
    if (make[operator.name] === undefined) {
      throw new Error(`no TensorFlow.js operator is written down for ${operator.name}`);
    }
    names.set(operator.output, make[operator.name]());
  });
  add("scores", "Identity", [names.get(graph.output)], { T: FLOAT });

  const json = JSON.stringify({
    format: "graph-model",
    modelTopology: { node: nodes, versions: { producer: 1 } },
    weightsManifest: [{ paths: ["weights.bin"], weights: specs }],
  });
  return { json, weights: Buffer.concat(pieces) };
}
