// The networks that are timed, in every runtime's format. What a runtime cannot read as it is, is made from the TFLite file.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { toGraphModel } from "../convert/graph-model.mjs";
import { withMetadata } from "../convert/metadata.mjs";
import { toOnnx } from "../convert/onnx.mjs";
import { readTflite } from "../convert/tflite.mjs";

/** How files of integers end. */
const INTEGERS = ".int8";
/** What TensorFlow Lite counts probabilities in. */
const UNIT = 1 / 256;

/** Makes what is missing in `made`, from the files in `models`. */
export async function prepare(models, made, name) {
  const file = join(models, `${name}.tflite`);
  // Made last, because it tells that all of them are there.
  const last = join(made, name, "made");
  if (existsSync(last) && (await stat(last)).mtimeMs > (await newest(file))) {
    return;
  }
  await mkdir(join(made, name), { recursive: true });
  // Pages of this package are told to convert beforehand what is not safetensors.
  await xtask("convert", file, join(made, `${name}.safetensors`));
  await (name.endsWith(INTEGERS) ? prepareIntegers : prepareFloats)(models, made, name, await readFile(file));
  await writeFile(last, "");
}

async function prepareFloats(models, made, name, bytes) {
  const read = readTflite(bytes);
  await writeFile(join(made, `${name}.metadata.tflite`), withMetadata(bytes));
  if (!existsSync(join(models, `${name}.onnx`))) {
    await writeFile(join(made, `${name}.onnx`), toOnnx(read));
  }
  const { json, weights } = toGraphModel(read);
  await writeFile(join(made, name, "weights.bin"), weights);
  await writeFile(join(made, name, "model.json"), json);
}

async function prepareIntegers(models, made, name, bytes) {
  const read = readTflite(bytes);
  const stands = (index) => {
    const { scales: [scale], zeroPoints: [zeroPoint] } = read.tensors[index].quantization;
    return { scale, zeroPoint };
  };
  const [, side] = read.tensors[read.input].shape;
  await writeFile(join(made, `${name}.json`), JSON.stringify({ hw: side, integers: { input: stands(read.input), output: stands(read.output) } }));
}

/** Runs this repository's commands: the program that started this one, if it did. */
function xtask(...words) {
  const [program, ...first] = process.env.XTASK ? [process.env.XTASK] : ["cargo", "xtask"];
  return promisify(execFile)(program, [...first, ...words], { cwd: new URL("../..", import.meta.url) });
}

/** When the model, or what converts it, was last changed. */
async function newest(file) {
  const sources = ["graph-model", "layout", "metadata", "onnx", "tflite"].map((name) => new URL(`../convert/${name}.mjs`, import.meta.url));
  const times = await Promise.all([file, new URL(import.meta.url), ...sources].map(async (source) => (await stat(source)).mtimeMs));
  return Math.max(...times);
}

/**
 * The right answer, 1001 probabilities for the input: what Keras computed; of integers what TensorFlow Lite's own kernels do.
 *
 * @returns {Promise<{ values: Float32Array, unit?: number }>} with the unit of integers
 */
export async function expected(models, name) {
  if (name.endsWith(INTEGERS)) {
    const text = await readFile(new URL(`../../tests/data/integers/${name}.csv`, import.meta.url), "utf8");
    const [, units] = text.match(/^output,(.*)$/m);
    return { values: Float32Array.from(units.split(" "), (value) => value * UNIT), unit: UNIT };
  }
  const bytes = await readFile(join(models, `${name}.y.f32`));
  return { values: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) };
}
