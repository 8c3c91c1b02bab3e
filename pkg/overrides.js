/** What a caller knows about a network better than its weights tell → text under the engine's names. */

import { failure } from "./errors.js";

const KEYS = {
  version: "version",
  multiplier: "multiplier",
  widths: "widths",
  minDepth: "min_depth",
  divisibleBy: "divisible_by",
  inputHeight: "height",
  inputWidth: "width",
  padTo32: "pad_to_32",
  outputStride: "output_stride",
  gate: "gate",
  classes: "classes",
  pooling: "pooling",
  classifier: "classifier",
  padding: "padding",
  batchNormEpsilon: "batch_norm_epsilon",
  preprocessing: "preprocessing",
  labelSet: "label_set",
  labels: "labels",
  wnids: "wnids",
  table: "table",
};

/**
 * @param {object} options of `load`, or a network as `describe` takes it
 * @returns {Record<string, string>}
 */
export function overridesOf(options) {
  const overrides = {};
  for (const [name, key] of Object.entries(KEYS)) {
    const value = options?.[name];
    if (value !== undefined && value !== null) {
      // Lines of a text file may be numbered, names of an array are taken as they are.
      overrides[name === "labels" && typeof value === "string" ? "labels_txt" : key] = TEXT[name]?.(value) ?? text(name, value);
    }
  }
  if (options?.includeTop === false) {
    overrides.classes = "0";
  }
  return overrides;
}

const TEXT = {
  labels: (list) => lines("labels", list),
  wnids: (list) => lines("wnids", list),
  table: (rows) => (typeof rows === "string" ? rows : JSON.stringify(rows)),
};

function lines(name, list) {
  if (typeof list === "string") {
    return list;
  }
  if (!Array.isArray(list) || list.some((item) => typeof item !== "string")) {
    throw bad(name, "an array of strings, or a text of lines", list);
  }
  return list.map((item) => item.replace(/[\r\n]+/g, " ")).join("\n");
}

function text(name, value) {
  switch (typeof value) {
    case "number":
      // Enough digits for any f32, and no trace of binary arithmetic such as 0.30000000000000004.
      return String(Number(value.toPrecision(9)));
    case "string":
    case "boolean":
      return String(value);
    default:
      throw bad(name, "a number, a string or a boolean", value);
  }
}

function bad(name, expected, value) {
  return failure("bad_option", { where: `option ${name}`, expected, found: Object.prototype.toString.call(value).slice(8, -1) });
}
