// This package: the same weights as safetensors, the same input as a picture.

import { MobileNet } from "mobilenet-web";
import { picture } from "./input.js";

export async function open(input, backend) {
  const net = await MobileNet.load(`/models/${input.name}.safetensors`, { backend, worker: false, labelsUrl: false });
  const frame = picture(input);
  const call = async () => {
    const [{ index, probability }] = (await net.classify(frame, { resize: "none" })).labels;
    // The CPU answers when the GPU is lost; such a call counts for nothing here.
    if (net.info.backend !== backend) {
      throw new Error(`asked for ${backend}, ran on ${net.info.backend}: ${net.info.why}`);
    }
    return { index, score: probability };
  };
  return Object.assign(call, { details: net.info.gpu });
}
