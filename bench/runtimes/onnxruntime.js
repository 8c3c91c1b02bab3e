// onnxruntime-web: the ONNX file of the same network.

import * as ort from "onnxruntime-web/webgpu";
import { channelsFirst, label } from "./input.js";

export async function open(input, provider) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = "/bench/node_modules/onnxruntime-web/dist/";
  const session = await ort.InferenceSession.create(`/models/${input.name}.onnx`, { executionProviders: [provider] });
  const tensor = new ort.Tensor("float32", channelsFirst(input), [1, 3, input.side, input.side]);
  const [name] = session.inputNames;
  return async () => {
    const outputs = await session.run({ [name]: tensor });
    const output = outputs[session.outputNames[0]];
    const scores = await output.getData();
    output.dispose();
    return label(scores);
  };
}
