// TensorFlow.js: the end of V2 as its operators and variables, differentiated by `variableGrads`, moved by its Adam.

import * as tf from "@tensorflow/tfjs";
import { threaded } from "./tfjs-wasm.js";

const BLOCKS = ["layer_17", "layer_18"];

export async function open(network, backend, threads) {
  const check = backend === "wasm" ? await threaded(tf, threads) : undefined;
  if (!(await tf.setBackend(backend))) {
    throw new Error(`TensorFlow.js has no backend ${backend} here`);
  }
  await tf.ready();
  check?.();
  const end = parts(network, backend === "wasm" ? WASM : USUAL);
  const maps = tf.tensor4d(network.maps, [network.batch, ...network.shape]);
  const targets = tf.tensor2d(network.targets, [network.batch, network.classes]);
  const optimizer = tf.train.adam(network.learningRate, 0.9, 0.999, 1e-7);
  const step = async () => {
    const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(targets, end(maps)).asScalar(), true);
    const value = backend === "webgl" ? loss.dataSync() : await loss.data();
    loss.dispose();
    return value[0];
  };
  return { step, details: `${tf.getBackend()}` };
}

/** Maps → logits. */
function parts({ tensors, epsilon, head, features, classes }, { pointwise, depthwise }) {
  const tensor = (name, axes) => {
    const { shape, data } = tensors.get(name);
    return tf.tidy(() => (axes ? tf.tensor(data, shape).transpose(axes) : tf.tensor(data, shape)));
  };
  const convolve = (name, of, axes) => {
    const kernel = tf.variable(tensor(`${name}/weights`, axes));
    const named = (part) => tensor(`${name}/batch_norm/${part}`);
    const [gamma, beta] = ["gamma", "beta"].map((part) => tf.variable(named(part)));
    const [mean, variance] = ["moving_mean", "moving_variance"].map(named);
    return (x) => tf.batchNorm(of(x, kernel), mean, variance, beta, gamma, epsilon);
  };
  // `[h, w, in, out]`, depthwise `[h, w, channels, 1]`.
  const wide = (name) => convolve(name, pointwise, [2, 3, 1, 0]);
  const blocks = BLOCKS.map((name) => {
    const [expand, project] = [wide(`${name}/expand`), wide(`${name}/project`)];
    const deep = convolve(`${name}/depthwise`, depthwise, [2, 3, 0, 1]);
    return (x) => {
      const y = project(tf.relu6(deep(tf.relu6(expand(x)))));
      return y.shape[3] === x.shape[3] ? tf.add(x, y) : y;
    };
  });
  const last = wide("layer_19");
  const kernel = tf.variable(tf.tensor2d(head.kernel, [features, classes]));
  const bias = tf.variable(tf.tensor1d(head.bias));
  return (maps) => {
    const map = tf.relu6(last(blocks.reduce((x, block) => block(x), maps)));
    return tf.add(tf.matMul(tf.mean(map, [1, 2]), kernel), bias);
  };
}

const USUAL = {
  pointwise: (x, kernel) => tf.conv2d(x, kernel, 1, "same"),
  depthwise: (x, kernel) => tf.depthwiseConv2d(x, kernel, 1, "same"),
};

/** With kernels that its wasm backend has: of convolutions it has no gradient by weights, of depthwise ones none at all. */
const WASM = {
  pointwise(x, kernel) {
    const [batch, height, width, channels] = x.shape;
    const out = kernel.shape[3];
    const product = tf.matMul(tf.reshape(x, [batch * height * width, channels]), tf.reshape(kernel, [channels, out]));
    return tf.reshape(product, [batch, height, width, out]);
  },
  depthwise: tf.customGrad((x, kernel, save) => {
    save([x, kernel]);
    const gradFunc = (dy, [x, kernel]) => {
      const [batch, height, width, channels] = x.shape;
      const byInput = () => tf.depthwiseConv2d(dy, tf.reverse(kernel, [0, 1]), 1, "same");
      const byKernel = () => {
        const padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]);
        const taps = Array.from({ length: 9 }, (_, tap) => {
          const seen = tf.slice(padded, [0, Math.floor(tap / 3), tap % 3, 0], [batch, height, width, channels]);
          return tf.sum(tf.mul(seen, dy), [0, 1, 2]);
        });
        return tf.reshape(tf.stack(taps), [3, 3, channels, 1]);
      };
      return [byInput(), byKernel()];
    };
    return { value: tf.depthwiseConv2d(x, kernel, 1, "same"), gradFunc };
  }),
};
