// One turn: a fresh page opens one network in one build of the module, times its steps, and the best that this machine does.

import { peaks } from "/www/peak.js";
import { asked, tell, timed } from "./timed.js";

/** What the package runs where nothing is relaxed. */
const PLAIN = "simd128";

async function turn() {
  const net = await open();
  const { build = PLAIN, inputWidth: width, inputHeight: height, plan, macs } = net.info;
  if (build !== asked.build) {
    throw new Error(`the package has no build ${asked.build}: it took ${build}`);
  }
  const frame = noise(width, height);
  const frames = await timed(() => net.classify(frame, { resize: "none" }));
  // Before and after, or a machine that slows down would come nearer to its peak.
  const before = await peaks([asked.mix]);
  const rows = await net.profile(frame, { resize: "none" });
  const after = await peaks([asked.mix]);
  return { peak: best(before[asked.mix], after[asked.mix]), frames, rows, plan, macs };
}

async function open() {
  const { validate } = WebAssembly;
  if (asked.build === PLAIN) {
    // As a browser that knows no other build.
    WebAssembly.validate = () => false;
  }
  const { MobileNet } = await import("mobilenet-web");
  const options = { backend: "simd", worker: false, threads: 1, labelsUrl: false };
  const net = await (asked.model ? MobileNet.load(`/models/${asked.model}.safetensors`, options) : MobileNet.synthetic(JSON.parse(asked.network), options));
  WebAssembly.validate = validate;
  return net;
}

function best(a, b) {
  if (!a || !b) {
    throw new Error(`this browser has no ${asked.mix}`);
  }
  return { registers: Math.max(a.registers, b.registers), tile: Math.max(a.tile, b.tile) };
}

/** A frame without regions of one colour. */
function noise(width, height) {
  const frame = new ImageData(width, height);
  let state = 1;
  for (let at = 0; at < frame.data.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    frame.data[at] = at % 4 === 3 ? 255 : state >>> 24;
  }
  return frame;
}

await tell(turn);
