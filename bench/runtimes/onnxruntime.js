// onnxruntime-web: the ONNX file of the same network.

import { channelsFirst, label, reader, tensor } from "./input.js";

export async function open(about, provider, threads) {
  const ort = await import(`onnxruntime-web/${provider}`);
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = "/bench/node_modules/onnxruntime-web/dist/";
  const session = await ort.InferenceSession.create(`/models/${about.name}.onnx`, { executionProviders: [provider] });
  const [name] = session.inputNames;
  const holds = (values) => new ort.Tensor(about.integers ? "uint8" : "float32", values, [1, 3, about.side, about.side]);
  const run = async (input) => {
    const outputs = await session.run({ [name]: input });
    const output = outputs[session.outputNames[0]];
    const scores = await output.getData();
    output.dispose();
    return label(scores);
  };
  const input = holds(channelsFirst(about, tensor(about)));
  const read = reader(about, true);
  return Object.assign(() => run(input), { frame: (canvas) => run(holds(read(canvas))) });
}
