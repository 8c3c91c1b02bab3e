/** A head of TensorFlow.js layers: one or two dense ones. */

import { failure } from "./errors.js";

const TASKS = { softmax: "softmax", sigmoid: "sigmoid", linear: "regression" };
/** Layers that do nothing when a head predicts. */
const IDLE = ["InputLayer", "Dropout", "Flatten", "Activation"];
/** Networks that are layers of another. */
const NESTED = ["Sequential", "Model", "Functional"];

/**
 * @param {{ name: string, bytes: Uint8Array }[]} files `model.json`, its weights, and `metadata.json` if there is one
 * @returns {{ task: string, layers: { kernel: Float32Array, bias: Float32Array }[], features: number, classes: string[] | null }}
 */
export function readTfjsHead(files) {
  const named = (name) => files.find((file) => file.name.split("/").at(-1) === name);
  const main = files.find(({ name }) => /\.json$/i.test(name) && !/metadata\.json$/i.test(name));
  if (!main) {
    throw refused("head", "a file that save() wrote, or model.json with its weights", files.map(({ name }) => name).join(", "));
  }
  const { modelTopology: topology, weightsManifest = [] } = parsed(main);
  const config = (topology?.model_config ?? topology)?.config;
  const all = Array.isArray(config) ? config : config?.layers;
  const metadata = named("metadata.json");
  const said = metadata ? parsed(metadata) : {};
  refuseNetwork(main.name, all ?? [], weightsManifest, said);
  const listed = all?.filter(({ class_name: kind }) => !IDLE.includes(kind)) ?? [];
  if (listed.length < 1 || listed.length > 2 || listed.some(({ class_name: kind }) => kind !== "Dense")) {
    const found = listed.map(({ class_name: kind }) => kind).join(", ") || "no layers";
    throw refused(main.name, "one or two Dense layers", found);
  }
  const activation = all.at(-1).class_name === "Activation" ? all.at(-1).config.activation : listed.at(-1).config.activation;
  const task = TASKS[activation ?? "linear"];
  if (!task || (listed.length === 2 && listed[0].config.activation !== "relu")) {
    throw refused(main.name, "softmax, sigmoid or linear behind relu", listed.map(({ config }) => config.activation).join(", "));
  }
  const tensors = new Map(weightsManifest.flatMap((group) => groupOf(group, named)));
  const layers = listed.map(({ config: { name, units, use_bias: hasBias = true } }) => {
    const kernel = tensors.get(`${name}/kernel`);
    const bias = hasBias ? tensors.get(`${name}/bias`) : { data: new Float32Array(units) };
    if (!kernel || !bias || kernel.data.length % units !== 0 || bias.data.length !== units) {
      throw refused(main.name, `weights of layer "${name}"`, [...tensors.keys()].join(", ") || "none");
    }
    return { kernel: kernel.data, bias: bias.data };
  });
  const { labels } = said;
  const features = layers[0].kernel.length / layers[0].bias.length;
  return { task, layers, features, classes: Array.isArray(labels) ? labels.map(String) : null };
}

/** A network with its head, nested as Teachable Machine has it, or with weights that are no dense layer's, is no head. */
function refuseNetwork(where, layers, manifest, { tmVersion }) {
  const own = layers.filter(({ class_name: kind }) => kind === "Dense").map(({ config }) => `${config.name}/`);
  const isForeign = ({ name }) => own.length > 0 && !own.some((start) => name.startsWith(start));
  const isNested = layers.some(({ class_name: kind }) => NESTED.includes(kind));
  if (!isNested && !manifest.some(({ weights }) => weights.some(isForeign))) {
    return;
  }
  throw failure("unsupported_format", {
    where,
    expected: "a head by itself",
    found: tmVersion ? "a whole network of Teachable Machine" : "a whole network",
    remedy: "Open it with MobileNet.load(files), which labels pictures as its classes; trainer() on that network learns others.",
  });
}

/** The tensors of one group of weights, `[name, { data }]` each: its files make one row of bytes. */
function groupOf({ paths, weights }, named) {
  const parts = paths.map((path) => {
    const file = named(path.split("/").at(-1));
    if (!file) {
      const remedy = "Choose all files of the folder.";
      throw failure("missing_part", { where: "model.json", expected: `\`${path}\` beside it`, found: "nothing of that name", remedy });
    }
    return file.bytes;
  });
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  let at = 0;
  return weights.map(({ name, shape, dtype, quantization }) => {
    const count = shape.reduce((product, side) => product * side, 1);
    if (dtype !== "float32" || quantization || at + 4 * count > bytes.length) {
      const found = quantization ? `weights of type ${quantization.dtype}` : `${bytes.length} bytes of type ${dtype}`;
      throw refused(name, `${count} numbers of type float32`, found);
    }
    const data = new Float32Array(bytes.slice(at, at + 4 * count).buffer);
    at += 4 * count;
    return [name, { data }];
  });
}

function parsed({ name, bytes }) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw failure("bad_header", { where: name, expected: "a JSON text", found: cause.message, cause });
  }
}

function refused(where, expected, found) {
  return failure("unsupported_format", { where, expected, found, remedy: "Whole models are for MobileNet.load." });
}
