// A TFLite graph's weights as safetensors under Keras's names, with batch norms that change nothing but add the biases.

import { transposed } from "./layout.mjs";

/** Keras's epsilon for MobileNets. */
const EPSILON = 1e-3;
/** TFLite's converter adds hard sigmoid's `x + 3` to the bias of the gate before it; Keras's bias is without. */
const HARD_SIGMOID_SHIFT = 3;

/**
 * @param {ReturnType<import("./tflite.mjs").readTflite>} graph
 * @param {string} listing Keras's names in the order of the graph, as tests/data/names has them
 * @returns {Buffer}
 */
export function toSafetensors(graph, listing) {
  const [separator, ...lines] = listing.trim().split("\n");
  const layers = lines.map((line) => line.split(" "));
  const header = {};
  const pieces = [];
  let end = 0;
  const put = (layer, part, shape, data) => {
    header[`${layer}${separator}${part}`] = { dtype: "F32", shape, data_offsets: [end, end + data.byteLength] };
    pieces.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    end += data.byteLength;
  };
  let next = 0;
  for (const { name, inputs, activation } of graph.operators.filter((operator) => operator.inputs.length > 1)) {
    const [, w, b] = inputs;
    if (!["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"].includes(name)) {
      continue;
    }
    const [[layer, ...parts], norm] = [layers[next], layers[next + 1]];
    const { shape, data } = graph.tensors[w];
    const [out, ...rest] = shape;
    const channels = name === "DEPTHWISE_CONV_2D" ? shape.at(-1) : out;
    const bias = graph.tensors[b]?.data ?? new Float32Array(channels);
    const kernel = name === "DEPTHWISE_CONV_2D" ? [[...rest, 1], data] : [[...rest, out], transposed(data, out)];
    put(layer, "kernel", ...kernel);
    if (parts.includes("bias")) {
      put(layer, "bias", [channels], activation === "relu6" ? bias.map((value) => value - HARD_SIGMOID_SHIFT) : bias);
      next += 1;
    } else {
      put(norm[0], "gamma", [channels], new Float32Array(channels).fill(1));
      put(norm[0], "beta", [channels], bias);
      put(norm[0], "moving_mean", [channels], new Float32Array(channels));
      put(norm[0], "moving_variance", [channels], new Float32Array(channels).fill(1 - EPSILON));
      next += 2;
    }
  }
  if (next !== layers.length) {
    throw new Error(`the graph has weights for ${next} of the ${layers.length} lines of names`);
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Math.ceil(json.length / 8) * 8));
  return Buffer.concat([length, json, Buffer.alloc(-json.length & 7, " "), ...pieces]);
}
