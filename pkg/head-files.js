/** Heads as files: those of this package, and of TensorFlow.js. */

import { TOLERANCE, distance } from "./backbone.js";
import { failure } from "./errors.js";
import { readTfjsHead } from "./tfjs-head.js";

/**
 * The files of a head, `*` in place of the name's stem.
 *
 * @param {object} head of the module
 * @param {string} format
 * @param {object} said what the file tells beside the numbers
 */
export function writeHead(head, format, said) {
  switch (format) {
    case "head":
      return [{ name: "*.head.safetensors", bytes: head.write(said) }];
    case "tfjs":
      return head.tfjs(said);
    case "onnx":
      return [{ name: "*.head.onnx", bytes: head.onnx(said) }];
    default:
      throw failure("bad_option", { where: "option format", expected: "head, network, tfjs or onnx", found: String(format) });
  }
}

/**
 * A head out of its files, for the network that `about` tells and for `task`.
 *
 * @param {object} module as of `loadTraining`
 * @param {{ name: string, bytes: Uint8Array }[]} files
 * @param {{ fingerprint: Float32Array, backbone: string, endpoint: string, task: string }} about
 */
export function readHead(module, files, about) {
  if (files.length > 1 || /\.json$/i.test(files[0].name)) {
    const { task, layers, features, classes } = readTfjsHead(files);
    checkFits("model.json", { task, features, apart: 0, of: `one of ${features} features` }, about);
    const outputs = layers.at(-1).bias.length;
    const head = module.Head.fromKernels({ task, features }, layers);
    return { head, classes: namesOf(classes, outputs), threshold: null, metrics: {} };
  }
  const [{ name, bytes }] = files;
  const head = module.Head.read(bytes);
  const { features, outputs, task, said } = head.info();
  const { fingerprint, classes, threshold, metrics, backbone, endpoint } = said;
  try {
    const apart = fingerprint.length > 0 ? distance(about.fingerprint, fingerprint) : 0;
    checkFits(name, { task, features, apart, of: `${backbone} at ${endpoint}` }, about);
  } catch (error) {
    head.free();
    throw error;
  }
  return { head, classes: namesOf(classes, outputs), threshold, metrics };
}

function checkFits(where, { task, features, apart, of }, about) {
  const { fingerprint, backbone, endpoint } = about;
  if (features !== fingerprint.length || !(apart <= TOLERANCE)) {
    const away = Number.isFinite(apart) && apart > 0 ? `, whose vector of the fixed picture lies ${(100 * apart).toFixed(0)} % away` : "";
    throw failure("wrong_backbone", {
      where,
      expected: `the network that it was trained on, ${of}`,
      found: `${backbone} at ${endpoint} with ${fingerprint.length} features${away}`,
      remedy: "Load that network, or train a head on this one.",
    });
  }
  if (task !== about.task) {
    const remedy = `Make the trainer with { task: "${task}" }.`;
    throw failure("bad_option", { where, expected: `a head of task "${about.task}"`, found: `"${task}"`, remedy });
  }
}

/** Names of outputs, where a file has none their numbers. */
function namesOf(classes, outputs) {
  return classes?.length === outputs ? classes : Array.from({ length: outputs }, (_, index) => `class ${index}`);
}
