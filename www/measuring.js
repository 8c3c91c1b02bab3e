// Times of whole networks on this device, and where they are kept.
import { specOf } from "./family.js";
import { MobileNet } from "./pkg/index.js";

const WARM_UP_RUNS = 2;
/** A network is run until it has used this much time, within these bounds: medians of few runs are noise. */
const ENOUGH_MS = 400;
const RUNS = { least: 5, most: 30 };

/**
 * Milliseconds a frame of the network that `model` names, as the median of several runs: random weights, a frame of
 * noise of exactly its size, so that neither a download nor a resize is in it.
 */
export async function measure(model, signal) {
  const net = await MobileNet.synthetic(specOf(model), { signal });
  try {
    const frame = noise(model.resolution);
    const times = [];
    let used = 0;
    for (let run = -WARM_UP_RUNS; run < RUNS.most && (run < RUNS.least || used < ENOUGH_MS); run++) {
      const { ms } = await net.classify(frame, { topK: 1, resize: "none", signal });
      if (run < 0) continue;
      times.push(ms);
      used += ms;
    }
    return median(times);
  } finally {
    net.dispose();
  }
}

function noise(side) {
  const frame = new ImageData(side, side);
  for (let at = 0; at < frame.data.length; at++) frame.data[at] = at % 4 === 3 ? 255 : Math.random() * 256;
  return frame;
}

function median(times) {
  const sorted = times.toSorted((a, b) => a - b);
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
