// Times of whole networks on this device, and where they are kept.
import { specOf } from "./family.js";
import { MobileNet } from "./pkg/index.js";

/** How often a network is run: until it has used this much time, within bounds, for medians of few runs are noise. */
const SOME = { warmUp: 2, enough_ms: 400, least: 5, most: 30 };

/**
 * Milliseconds a frame of the network that `model` names, as the median of several runs: random weights, a frame of
 * noise of exactly its size, so that neither a download nor a resize is in it.
 */
export async function measure(model, signal) {
  const net = await MobileNet.synthetic(specOf(model), { signal });
  try {
    return median(await frames(net, SOME, signal));
  } finally {
    net.dispose();
  }
}

/** Milliseconds of frames of noise of exactly the network's size, shortest first. */
export async function frames(net, { warmUp, enough_ms, least, most }, signal) {
  const frame = noise(net.info.inputWidth, net.info.inputHeight);
  const times = [];
  let used = 0;
  for (let run = -warmUp; run < most && (run < least || used < enough_ms); run++) {
    const { ms } = await net.classify(frame, { topK: 1, resize: "none", signal });
    if (run < 0) continue;
    times.push(ms);
    used += ms;
  }
  return times.sort((a, b) => a - b);
}

function noise(width, height) {
  const frame = new ImageData(width, height);
  for (let at = 0; at < frame.data.length; at++) frame.data[at] = at % 4 === 3 ? 255 : Math.random() * 256;
  return frame;
}

function median(sorted) {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const KEY = "mobilenet-web-times-v1";

/** What was measured before, in this browser. Storage may be full or forbidden: then times last as long as the page. */
export class Times {
  #times = new Map();

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      for (const [name, { ms, at }] of Object.entries(kept)) if (ms > 0) this.#times.set(name, { ms, at });
    } catch {
      // Nothing readable is nothing measured.
    }
  }

  /** Milliseconds of a model, if it was measured. */
  of(name) {
    return this.#times.get(name)?.ms;
  }

  /** When the last of them was measured, in ms since 1970. */
  get last() {
    return Math.max(...[...this.#times.values()].map(({ at }) => at));
  }

  set(name, ms) {
    this.#times.set(name, { ms, at: Date.now() });
    this.#keep();
  }

  clear() {
    this.#times.clear();
    this.#keep();
  }

  #keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(this.#times)));
    } catch {
      // See above.
    }
  }
}
