// The feature vector as a strip of cells, with the same facts in words and in a table.
import { grouped } from "./format.js";

const COLUMNS = 160;
const LARGEST = 10;

export class Strip {
  #canvas;
  #summary;
  #details;
  #rows;
  #context;
  #image = null;
  #vector = null;
  #ramp = null;

  constructor({ canvas, summary, details, rows }) {
    this.#canvas = canvas;
    this.#summary = summary;
    this.#details = details;
    this.#rows = rows;
    this.#context = canvas.getContext("2d");
    details.addEventListener("toggle", () => this.#writeTable());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#ramp = null;
      this.#draw();
    });
  }

  show(vector) {
    this.#vector = vector;
    this.#details.hidden = false;
    this.#draw();
    this.#writeSummary();
    this.#writeTable();
  }

  #draw() {
    const vector = this.#vector;
    if (!vector) return;
    const height = Math.ceil(vector.length / COLUMNS);
    if (!this.#image || this.#image.height !== height) {
      this.#canvas.width = COLUMNS;
      this.#canvas.height = height;
      this.#image = this.#context.createImageData(COLUMNS, height);
    }
    this.#ramp ??= ramp(getComputedStyle(this.#canvas));
    const { from, to } = this.#ramp;
    const largest = vector.reduce((a, b) => Math.max(a, b), 0) || 1;
    const { data } = this.#image;
    for (let i = 0; i < vector.length; i++) {
      // The square root opens up the small values, which are most of a rectified, pooled vector.
      const share = Math.sqrt(Math.max(0, vector[i]) / largest);
      for (let c = 0; c < 3; c++) data[i * 4 + c] = from[c] + (to[c] - from[c]) * share;
      data[i * 4 + 3] = 255;
    }
    this.#context.putImageData(this.#image, 0, 0);
  }

  #writeSummary() {
    const vector = this.#vector;
    let [sum, zeros, at] = [0, 0, 0];
    vector.forEach((value, i) => {
      sum += value;
      if (value === 0) zeros++;
      if (value > vector[at]) at = i;
    });
    const mean = (sum / vector.length).toFixed(2);
    this.#summary.textContent =
      `${grouped(vector.length)} numbers, one a cell. Mean ${mean}, largest ${vector[at].toFixed(2)} ` +
      `at position ${grouped(at)}, ${zeros} exactly zero.`;
  }

  #writeTable() {
    if (!this.#details.open || !this.#vector) return;
    const best = [...this.#vector.keys()].sort((a, b) => this.#vector[b] - this.#vector[a]).slice(0, LARGEST);
    this.#rows.replaceChildren(
      ...best.map((at) => {
        const row = document.createElement("tr");
        for (const text of [grouped(at), this.#vector[at].toFixed(3)]) {
          row.append(Object.assign(document.createElement("td"), { textContent: text }));
        }
        return row;
      }),
    );
  }
}

/** The two ends of the colour scale, from the page's own tokens, as numbers. */
function ramp(style) {
  const read = (name) => {
    const hex = style.getPropertyValue(name).trim();
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  };
  return { from: read("--strip-low"), to: read("--strip-high") };
}
