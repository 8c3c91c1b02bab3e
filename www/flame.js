// Where a frame's time goes: one bar of all its steps, one after the other, with a table beside it.
import { bytes, percent } from "./format.js";

export class Flame {
  #parts;
  #rows = [];

  /** `parts`: the bar, the line of text below it, and the table's details and body. */
  constructor(parts) {
    this.#parts = parts;
    parts.bar.addEventListener("keydown", (event) => this.#move(event));
    parts.bar.addEventListener("focusin", ({ target }) => this.#tell(target));
    parts.bar.addEventListener("pointerover", ({ target }) => this.#tell(target));
  }

  /** Shows rows of `net.profile`, and a sentence about their total; nothing without rows. */
  show(rows, sentence = () => "") {
    const { bar, text, details, body } = this.#parts;
    const total = rows.reduce((sum, { us }) => sum + us, 0);
    this.#rows = rows.map((row) => ({ ...row, share: total > 0 ? row.us / total : 0 }));
    const kernels = [...new Set(rows.map(({ kernel }) => kernel))];
    bar.hidden = details.hidden = rows.length === 0;
    bar.replaceChildren(...this.#rows.map((row, at) => segment(row, at, kernels)));
    body.replaceChildren(...this.#rows.map(line));
    text.textContent = sentence(time(total));
  }

  /** One stop of the tab key for the whole bar; arrows go from step to step. */
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
  made.append(Object.assign(document.createElement("th"), { scope: "row", textContent: layersOf(row) }));
  for (const text of [row.kernel, time(row.us), speed(row), bytes(row.bytes)]) made.insertCell().textContent = text;
  return made;
}

/** What a row computes, in words. */
export function layersOf({ layers, kernel }) {
  return layers.length > 0 ? layers.join(", ") : { top_k: "labels" }[kernel] ?? "frame";
}

/** GFLOP/s, of what multiplies. */
export function speed({ macs, gflops }) {
  return macs > 0 ? gflops.toFixed(1) : "–";
}

function sentence(row) {
  return `${layersOf(row)}: ${row.kernel}, ${time(row.us)}, ${percent(row.share)}`;
}

function time(us) {
  return us >= 1000 ? `${(us / 1000).toFixed(2)} ms` : `${us.toFixed(us < 10 ? 1 : 0)} µs`;
}
