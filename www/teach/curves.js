// Accuracy and loss while a network trains, drawn by uPlot, with the same numbers in a sentence and in a table.
import { share, row } from "./words.js";

/** The two lines of each chart; colour and dashes both tell them apart. */
const LINES = [
  { name: "Training", token: "--curve-train", dash: [6, 4] },
  { name: "Held out", token: "--curve-held", dash: [] },
];
const HEIGHT = 220;

export class Curves {
  #parts;
  #charts;
  #epochs = [];
  #best = null;

  /** `parts`: the elements box, accuracy and loss (figures), details and rows. */
  constructor(parts) {
    this.#parts = parts;
    const accuracy = { keys: ["accuracy", "validationAccuracy"], text: share, range: [0, 1], marks: "bottom" };
    const loss = { keys: ["loss", "validationLoss"], text: number, range: null, marks: "top" };
    this.#charts = [new Chart(parts.accuracy, accuracy), new Chart(parts.loss, loss)];
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw({ anew: true }));
  }

  /** A new training: nothing is drawn yet. */
  begin() {
    this.#epochs = [];
    this.#best = null;
    this.#parts.rows.replaceChildren();
    this.#parts.box.hidden = true;
    this.#parts.details.hidden = true;
    for (const chart of this.#charts) chart.clear();
  }

  /** One epoch more. */
  add(epoch) {
    this.#epochs.push(epoch);
    this.#parts.box.hidden = false;
    this.#parts.details.hidden = false;
    this.#parts.rows.append(rowOf(epoch));
    this.#draw();
  }

  /** Training ended: epoch `best` is the one whose weights are kept. */
  end(best) {
    this.#best = best;
    if (best === null) return;
    const at = this.#epochs.findIndex(({ epoch }) => epoch === best);
    this.#parts.rows.children[at]?.classList.add("best");
    this.#draw();
  }

  #draw({ anew = false } = {}) {
    if (this.#epochs.length === 0) return;
    for (const chart of this.#charts) chart.show(this.#epochs, this.#best, anew);
  }
}

class Chart {
  #figure;
  #quantity;
  #box = document.createElement("div");
  #readout;
  #plot = null;
  #loading = null;
  #epochs = [];
  #best = null;

  /** `quantity`: keys of the two lines, `text(value)`, the axis' range where it is fixed, and where marks
   * are named: away from the lines. */
  constructor(figure, quantity) {
    this.#figure = figure;
    this.#quantity = quantity;
    this.#readout = Object.assign(document.createElement("p"), { className: "hint readout", id: `${figure.id}-readout` });
    this.#box.setAttribute("role", "img");
    this.#box.setAttribute("aria-label", `${figure.querySelector("figcaption").textContent} by epoch`);
    this.#box.setAttribute("aria-describedby", this.#readout.id);
    figure.append(legend(), this.#box, this.#readout);
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#box.clientWidth, height: HEIGHT })).observe(figure);
  }

  show(epochs, best, anew) {
    this.#epochs = epochs;
    this.#best = best;
    if (anew) this.clear();
    this.#write(epochs.length - 1);
    if (this.#plot) this.#plot.setData(this.#data());
    else this.#loading ??= this.#open();
  }

  clear() {
    this.#plot?.destroy();
    this.#plot = null;
  }

  async #open() {
    try {
      const { default: UPlot } = await import("../vendor/uplot/uPlot.esm.js");
      if (!this.#plot) this.#plot = new UPlot(this.#options(UPlot), this.#data(), this.#box);
    } finally {
      this.#loading = null;
    }
  }

  #data() {
    const { keys } = this.#quantity;
    return [this.#epochs.map(({ epoch }) => epoch + 1), ...keys.map((key) => this.#epochs.map((epoch) => epoch[key]))];
  }

  #options(UPlot) {
    const style = getComputedStyle(this.#figure);
    const token = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: token("--ink-soft"),
      font: "12px system-ui, sans-serif",
      grid: { stroke: token("--line"), width: 1 },
      ticks: { show: false },
    };
    const { text, range } = this.#quantity;
    const line = ({ token: name, dash, name: label }) => ({ label, stroke: token(name), dash, width: 2, points: { show: this.#isShort } });
    return {
      width: this.#box.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false, range: (_, low, high) => [Math.min(low, 1), Math.max(high, low + 1)] }, y: range ? { range } : { range: fromZero } },
      axes: [
        { ...axis, size: 30, space: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
        { ...axis, size: 50, space: 34, values: (_, ticks) => ticks.map(text) },
      ],
      series: [{}, ...LINES.map(line)],
      hooks: {
        draw: [(plot) => this.#mark(plot, token, UPlot.pxRatio)],
        setCursor: [({ cursor }) => this.#write(cursor.idx ?? this.#epochs.length - 1)],
      },
    };
  }

  /** One epoch is no line: it is drawn as a point. */
  #isShort = () => this.#epochs.length < 2;

  /** Upright lines where fine-tuning begins and at the epoch that is kept. */
  #mark({ ctx, bbox, valToPos }, token, ratio) {
    const tuned = this.#epochs.find(({ phase }) => phase === "fine-tuning");
    const marks = [tuned && { at: tuned.epoch + 0.5, text: "fine-tuning", below: 0 }];
    // A label of its own line: both may stand close together.
    if (this.#best !== null) marks.push({ at: this.#best + 1, text: "kept", below: 14 });
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = token("--ink-soft");
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    const { marks: edge } = this.#quantity;
    ctx.textBaseline = edge;
    const [from, sign] = edge === "top" ? [bbox.top, 1] : [bbox.top + bbox.height - 2 * ratio, -1];
    for (const { at, text, below } of marks.filter(Boolean)) {
      const x = valToPos(at, "x", true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const isRight = x > bbox.left + bbox.width * 0.75;
      ctx.textAlign = isRight ? "right" : "left";
      ctx.fillText(text, x + (isRight ? -4 : 4) * ratio, from + sign * below * ratio);
    }
    ctx.restore();
  }

  #write(at) {
    const epoch = this.#epochs[at];
    if (!epoch) return;
    const { keys, text } = this.#quantity;
    const [train, held] = keys.map((key) => epoch[key]);
    const second = held === null ? "" : `, held out ${text(held)}`;
    this.#readout.textContent = `Epoch ${epoch.epoch + 1}: training ${text(train)}${second}`;
  }
}

function legend() {
  const list = Object.assign(document.createElement("p"), { className: "legend" });
  for (const { name, token } of LINES) {
    const item = Object.assign(document.createElement("span"), { textContent: name });
    item.dataset.line = token.slice(2);
    list.append(item);
  }
  return list;
}

function fromZero(_, low, high) {
  return [0, high > 0 ? high * 1.05 : 1];
}

/** A loss in a few digits. */
function number(value) {
  if (value === null) return "–";
  return value !== 0 && value < 0.1 ? value.toPrecision(2) : value.toFixed(2);
}

function rowOf({ epoch, phase, accuracy, validationAccuracy, loss, validationLoss }) {
  const trains = { head: "the head", "fine-tuning": "the network too" }[phase];
  return row(String(epoch + 1), trains, share(accuracy), share(validationAccuracy), number(loss), number(validationLoss));
}
