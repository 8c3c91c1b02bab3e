// The networks that are timed, in every runtime's format. What a runtime cannot read as it is, is made from the TFLite file.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { toGraphModel } from "../convert/graph-model.mjs";
import { withMetadata } from "../convert/metadata.mjs";
import { toOnnx } from "../convert/onnx.mjs";
import { toSafetensors } from "../convert/safetensors.mjs";
import { readTflite } from "../convert/tflite.mjs";

/** Keras's names of each network's tensors; they are the same at every multiplier. */
const NAMES = { v1: "keras_v1_0.25", v2: "keras_v2_0.35", v3s: "keras_v3-small_0.5" };

/** Makes what is missing in `made`, from the files in `models`. */
export async function prepare(models, made, name) {
  const file = join(models, `${name}.tflite`);
  const graph = join(made, name, "model.json");
  if (existsSync(graph) && (await stat(graph)).mtimeMs > (await newest(file))) {
    return;
  }
  const bytes = await readFile(file);
  const read = readTflite(bytes);
  await mkdir(join(made, name), { recursive: true });
  await writeFile(join(made, `${name}.metadata.tflite`), withMetadata(bytes));
  if (!existsSync(join(models, `${name}.onnx`))) {
    await writeFile(join(made, `${name}.onnx`), toOnnx(read));
  }
  const listing = new URL(`../../tests/data/names/${NAMES[name.split("_")[0]]}.txt`, import.meta.url);
  const bare = join(made, name, "bare.safetensors");
  await writeFile(bare, toSafetensors(read, await readFile(listing, "utf8")));
  // With metadata, so that the core module reads it.
  await xtask("convert", bare, join(made, `${name}.safetensors`));
  await rm(bare);
  const { json, weights } = toGraphModel(read);
  await writeFile(join(made, name, "weights.bin"), weights);
  // Last, because it tells that all of them are there.
  await writeFile(graph, json);
}

/** Runs this repository's commands: the program that started this one, if it did. */
function xtask(...words) {
  const [program, ...first] = process.env.XTASK ? [process.env.XTASK] : ["cargo", "xtask"];
  return promisify(execFile)(program, [...first, ...words], { cwd: new URL("../..", import.meta.url) });
}

/** When the model, or what converts it, was last changed. */
async function newest(file) {
  const sources = ["graph-model", "layout", "metadata", "onnx", "safetensors", "tflite"].map((name) => new URL(`../convert/${name}.mjs`, import.meta.url));
  const times = await Promise.all([file, ...sources].map(async (source) => (await stat(source)).mtimeMs));
  return Math.max(...times);
}

/** What the network's own framework computed: 1001 probabilities for the input. */
export async function expected(models, name) {
  const bytes = await readFile(join(models, `${name}.y.f32`));
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

/** How far a runtime's answer is from that, as text; only the top label where it gives no more. */
export function agreement({ index, score, scores }, right) {
  const top = right.indexOf(Math.max(...right));
  const errors = scores ? scores.map((value, i) => Math.abs(value - right[i])) : [Math.abs(score - right[index])];
  const error = Math.max(...errors).toExponential(0);
  return index === top ? error : `${error}, top label ${index} instead of ${top}`;
}
