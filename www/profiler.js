// Times the steps of the network in use when asked to, and shows them as a flame strip.
import { Flame } from "./flame.js";

/** A GPU answers once; the CPU takes the shortest of several times by itself. */
const RUNS = { webgpu: 5 };

export class Profiler {
  #parts;
  #flame;
  #net = null;

  /** `parts`: the section, its button, and the flame's parts. */
  constructor({ section, button, ...flame }) {
    this.#parts = { section, button, text: flame.text };
    this.#flame = new Flame(flame);
    button.addEventListener("click", () => this.#measure());
  }

  /** Offers to measure that network, unless a GPU without timestamps runs it. */
  offer(net) {
    this.#net = net;
    this.#parts.section.hidden = net.info.gpu?.timestamps === false;
    this.#flame.show([]);
  }

  async #measure() {
    const { button, text } = this.#parts;
    const net = this.#net;
    button.disabled = true;
    text.textContent = "Measuring…";
    try {
      const rows = await profile(net);
      if (net === this.#net) this.#flame.show(rows, (total) => summary(net.info, rows, total));
    } catch ({ message }) {
      if (net === this.#net) text.textContent = message;
    }
    button.disabled = false;
  }
}

/** Each step's median time over some frames. */
export async function profile(net, signal) {
  const { inputWidth, inputHeight, backend } = net.info;
  const runs = [];
  for (let run = 0; run < (RUNS[backend] ?? 1); run++) {
    runs.push(await net.profile(new ImageData(inputWidth, inputHeight), { resize: "none", signal }));
  }
  return runs[0].map((row, at) => runs.map((rows) => rows[at]).sort((a, b) => a.us - b.us)[runs.length >> 1]);
}

export function summary({ backend }, rows, total) {
  return backend === "webgpu"
    ? `${rows.length} dispatches, ${total} together. Each is timed by itself; in a frame they overlap.`
    : `${rows.length} steps on the CPU, ${total} together. Each is timed by itself, over and over.`;
}
