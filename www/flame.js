// Where a frame's time goes on the GPU: one bar of all dispatches, one after the other, with a table beside it.
import { bytes, percent } from "./format.js";

const RUNS = 5;

export class Flame {
  #parts;
  #net = null;
  #rows = [];

  /** `parts`: the section, its button, the bar, the line of text below it, and the table's details and body. */
  constructor(parts) {
    this.#parts = parts;
    parts.button.addEventListener("click", () => this.#measure());
    parts.bar.addEventListener("keydown", (event) => this.#move(event));
    parts.bar.addEventListener("focusin", ({ target }) => this.#tell(target));
    parts.bar.addEventListener("pointerover", ({ target }) => this.#tell(target));
  }

  /** Offers to measure that network, where a GPU that can be timed runs it. */
  offer(net) {
    const { backend, gpu } = net.info;
    this.#net = net;
    this.#parts.section.hidden = !(backend === "webgpu" && gpu?.timestamps);
    this.#write([]);
    this.#parts.text.textContent = "";
  }

  async #measure() {
    const { button, text } = this.#parts;
    const net = this.#net;
    button.disabled = true;
    try {
      const frame = new ImageData(net.info.inputWidth, net.info.inputHeight);
      const runs = [];
      for (let run = 0; run < RUNS; run++) runs.push(await net.profile(frame, { resize: "none" }));
      if (net === this.#net) this.#write(medians(runs));
    } catch ({ message }) {
      if (net === this.#net) text.textContent = message;
    }
    button.disabled = false;
  }

  #write(rows) {
    const { bar, text, details, body } = this.#parts;
    const total = rows.reduce((sum, { us }) => sum + us, 0);
    this.#rows = rows.map((row) => ({ ...row, share: total > 0 ? row.us / total : 0 }));
    const kernels = [...new Set(rows.map(({ kernel }) => kernel))];
    bar.hidden = details.hidden = rows.length === 0;
    bar.replaceChildren(...this.#rows.map((row, at) => segment(row, at, kernels)));
    body.replaceChildren(...this.#rows.map(line));
    text.textContent = `${rows.length} dispatches, ${time(total)} together. Each is timed by itself; in a frame they overlap.`;
  }

  /** One stop of the tab key for the whole bar; arrows go from dispatch to dispatch. */
  #move(event) {
    const items = [...this.#parts.bar.children];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (!items[to]) return;
    event.preventDefault();
    items[at].tabIndex = -1;
    items[to].tabIndex = 0;
    items[to].focus();
  }

  #tell(target) {
    const row = this.#rows[target.dataset.at];
    if (row) this.#parts.text.textContent = sentence(row);
  }
}

/** Each dispatch's median time over the runs. */
function medians(runs) {
  return runs[0].map((row, at) => {
    const sorted = runs.map((run) => run[at]).sort((a, b) => a.us - b.us);
    return sorted[runs.length >> 1];
  });
}

function segment(row, at, kernels) {
  const made = Object.assign(document.createElement("button"), { type: "button", tabIndex: at === 0 ? 0 : -1 });
  made.setAttribute("aria-label", sentence(row));
  made.dataset.at = at;
  made.style.setProperty("flex-grow", row.share);
  made.style.setProperty("--hue", Math.round((kernels.indexOf(row.kernel) * 360) / kernels.length));
  return made;
}

function line(row) {
  const made = document.createElement("tr");
  made.append(Object.assign(document.createElement("th"), { scope: "row", textContent: name(row) }));
  for (const text of [row.kernel, time(row.us), row.gflops.toFixed(1), bytes(row.bytes)]) made.insertCell().textContent = text;
  return made;
}

function name({ layers, kernel }) {
  return layers.length > 0 ? layers.join(", ") : { top_k: "labels" }[kernel] ?? "frame";
}

function sentence(row) {
  return `${name(row)}: ${row.kernel}, ${time(row.us)}, ${percent(row.share)}`;
}

function time(us) {
  return us >= 1000 ? `${(us / 1000).toFixed(2)} ms` : `${us.toFixed(0)} µs`;
}
