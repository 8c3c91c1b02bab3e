// TensorFlow.js: the same graph as a graph model, which is what its converter makes.

import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import { label, reader } from "./input.js";

export async function open(about, backend, threads) {
  const { name, side, values } = about;
  const made = await import(`@tensorflow/tfjs-backend-${backend}`);
  if (backend === "wasm") {
    made.setWasmPaths("/bench/node_modules/@tensorflow/tfjs-backend-wasm/dist/");
    if (threads === 1) {
      // Its build without threads, which is the quicker one for one.
      tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
    } else {
      // It never makes more than half as many as there are cores.
      Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 * threads });
      made.setThreadsCount(threads);
    }
  }
  if (!(await tf.setBackend(backend))) {
    throw new Error(`TensorFlow.js has no backend ${backend} here`);
  }
  await tf.ready();
  if (backend === "wasm" && threads > 1 && made.getThreadsCount() !== threads) {
    throw new Error(`asked for ${threads} threads, TensorFlow.js made ${made.getThreadsCount()}`);
  }
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
