// TensorFlow.js: the same graph as a graph model, which is what its converter makes.

import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import { label } from "./input.js";

export async function open({ name, side, values }, backend) {
  await import(`@tensorflow/tfjs-backend-${backend}`);
  if (!(await tf.setBackend(backend))) {
    throw new Error(`TensorFlow.js has no backend ${backend} here`);
  }
  await tf.ready();
  const model = await loadGraphModel(`/models/${name}/model.json`);
  return async () => {
    const output = tf.tidy(() => model.predict(tf.tensor4d(values, [1, side, side, 3])));
    // WebGL's own fences cost more than they save where a call's answer is all that is waited for.
    const scores = backend === "webgl" ? output.dataSync() : await output.data();
    output.dispose();
    return label(scores);
  };
}
