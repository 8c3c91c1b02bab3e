// tfjs-tflite: the TFLite file as it is, in TensorFlow Lite's interpreter. It is made for script elements.

import { label, reader, tensor } from "./input.js";

const SCRIPTS = ["tfjs-core/dist/tf-core.min.js", "tfjs-backend-cpu/dist/tf-backend-cpu.min.js", "tfjs-tflite/dist/tf-tflite.min.js"];
const FOLDER = "/bench/node_modules/@tensorflow/";

export async function open(about, backend, threads) {
  const { name, side } = about;
  for (const path of SCRIPTS) {
    await script(`${FOLDER}${path}`);
  }
  const { tf, tflite } = globalThis;
  await tf.setBackend("cpu");
  tflite.setWasmPath(`${FOLDER}tfjs-tflite/wasm/`);
  const model = await tflite.loadTFLiteModel(`/models/${name}.tflite`, { numThreads: threads });
  const run = async (values) => {
    const output = tf.tidy(() => model.predict(tf.tensor4d(values, [1, side, side, 3])));
    const scores = await output.data();
    output.dispose();
    return label(scores);
  };
  // TensorFlow.js has no tensors of bytes.
  const taken = (values) => (about.integers ? Int32Array.from(values) : values);
  const input = taken(tensor(about));
  const read = reader(about);
  return Object.assign(() => run(input), { frame: (canvas) => run(taken(read(canvas))) });
}

function script(src) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), { src, onload: resolve });
    element.onerror = () => reject(new Error(`${src} cannot be loaded`));
    document.head.append(element);
  });
}
