// This package: the same weights as safetensors, the same input as a picture.

import { MobileNet } from "mobilenet-web";
import { picture } from "./input.js";

export async function open(input, backend, threads) {
  const net = await MobileNet.load(`/models/${input.name}.safetensors`, { backend, threads, worker: false, labelsUrl: false });
  if (net.info.threads !== threads) {
    throw new Error(`asked for ${threads} threads, has ${net.info.threads}`);
  }
  const still = picture(input);
  const classify = async (source, options) => {
    const { labels } = await net.classify(source, options);
    // The CPU answers when the GPU is lost; such a call counts for nothing here.
    if (net.info.backend !== backend) {
      throw new Error(`asked for ${backend}, ran on ${net.info.backend}: ${net.info.why}`);
    }
    return labels;
  };
  const top = ([{ index, probability }]) => ({ index, score: probability });
  const call = async () => top(await classify(still, { resize: "none" }));
  const all = async () => {
    const labels = await classify(still, { resize: "none", topK: net.info.classes });
    const scores = new Float32Array(net.info.classes);
    for (const { index, probability } of labels) {
      scores[index] = probability;
    }
    return { index: labels[0].index, scores };
  };
  return Object.assign(call, { frame: async (canvas) => top(await classify(canvas)), all, details: net.info.gpu });
}
