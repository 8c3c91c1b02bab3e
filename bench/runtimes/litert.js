// LiteRT.js: the TFLite file as it is.

import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { label } from "./input.js";

export async function open({ name, side, values }, accelerator) {
  await loadLiteRt("/bench/node_modules/@litertjs/core/wasm/");
  const model = await loadAndCompile(`/models/${name}.tflite`, { accelerator });
  const input = new Tensor(values, [1, side, side, 3]);
  return async () => {
    const [output] = await model.run(input);
    const scores = await output.data();
    output.delete();
    return label(scores);
  };
}
