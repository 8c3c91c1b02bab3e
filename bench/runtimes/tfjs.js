// TensorFlow.js: the same graph as a graph model, which is what its converter makes.

import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import { label, reader } from "./input.js";
import { threaded } from "./tfjs-wasm.js";

export async function open(about, backend, threads) {
  const { name, side, values } = about;
  let check;
  if (backend === "wasm") {
    check = await threaded(tf, threads);
  } else {
    await import(`@tensorflow/tfjs-backend-${backend}`);
  }
  if (!(await tf.setBackend(backend))) {
    throw new Error(`TensorFlow.js has no backend ${backend} here`);
  }
  await tf.ready();
  check?.();
  const model = await loadGraphModel(`/models/${name}/model.json`);
  const run = async (input) => {
    const output = tf.tidy(() => model.predict(tf.tensor4d(input, [1, side, side, 3])));
    // WebGL's own fences cost more than they save where a call's answer is all that is waited for.
    const scores = backend === "webgl" ? output.dataSync() : await output.data();
    output.dispose();
    return label(scores);
  };
  const read = reader(about);
  return Object.assign(() => run(values), { frame: (canvas) => run(read(canvas)) });
}
