// LiteRT.js: the TFLite file as it is.

import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { label, reader, tensor } from "./input.js";

export async function open(about, accelerator, threads) {
  const { name, side } = about;
  await loadLiteRt("/bench/node_modules/@litertjs/core/wasm/", threads > 1 ? { threads: true } : undefined);
  const cpuOptions = threads > 1 ? { cpuOptions: { numThreads: threads } } : {};
  const model = await loadAndCompile(`/models/${name}.tflite`, { accelerator, ...cpuOptions });
  const run = async (input) => {
    const [output] = await model.run(input);
    const scores = await output.data();
    output.delete();
    return label(scores);
  };
  const input = new Tensor(tensor(about), [1, side, side, 3]);
  const read = reader(about);
  const frame = async (canvas) => {
    const fresh = new Tensor(read(canvas), [1, side, side, 3]);
    const found = await run(fresh);
    fresh.delete();
    return found;
  };
  return Object.assign(() => run(input), { frame });
}
