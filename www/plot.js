// A scatter plot as SVG: accuracy over something that spans decades. The table below it holds the same numbers.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { top: 12, right: 16, bottom: 40, left: 40 };
const MARK_PX = 5;
const REACH_PX = 24;

export class Plot {
  #figure;
  #svg;
  #readout;
  #axis;
  #models = [];
  #accuracies = [];
  #placed = [];
  #pointed = null;

  /**
   * `axis`: `{ key, title, text(value), tick(value), empty }`. `onPoint(model | null)` is called when a pointer comes near a mark.
   */
  constructor(figure, axis, { onPoint }) {
    this.#figure = figure;
    this.#axis = axis;
    this.#readout = Object.assign(document.createElement("p"), { className: "hint readout", id: `${figure.id}-summary` });
    this.#svg = node("svg", { role: "img", "aria-label": `${axis.title} against top-1 accuracy`, "aria-describedby": this.#readout.id });
    figure.append(this.#svg, this.#readout);
    new ResizeObserver(() => this.#draw()).observe(this.#svg);
    this.#svg.addEventListener("pointermove", (event) => onPoint(this.#nearest(event)));
    this.#svg.addEventListener("pointerdown", (event) => onPoint(this.#nearest(event)));
    this.#svg.addEventListener("pointerleave", () => onPoint(null));
  }

  /** Draws the models that have both numbers; the accuracies of all set the scale, so that plots compare. */
  show(models) {
    this.#accuracies = models.filter(({ top1 }) => top1 !== null).map(({ top1 }) => top1);
    this.#models = models.filter((model) => model.top1 !== null && model[this.#axis.key] !== undefined);
    this.#draw();
  }

  /** Rings one model's mark and says its numbers; `null` goes back to the summary. */
  point(model) {
    this.#pointed = model;
    for (const { mark, model: own } of this.#placed) mark.classList.toggle("pointed", own === model);
    this.#write();
  }

  #write() {
    const { key, text, empty } = this.#axis;
    const found = this.#models.find((model) => model === this.#pointed);
    const say = (model) => `${model.title}: ${model.top1.toFixed(1)} % at ${text(model[key])}`;
    if (found) this.#readout.textContent = say(found);
    else if (this.#models.length === 0) this.#readout.textContent = empty;
    else {
      const ordered = this.#models.toSorted((a, b) => a[key] - b[key]);
      const [least, most] = [ordered[0], ordered.at(-1)];
      this.#readout.textContent =
        this.#models.length === 1 ? say(least) : `${this.#models.length} models, from ${say(least)}, to ${say(most)}.`;
    }
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#svg;
    this.#write();
    if (width === 0) return;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const inner = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom };
    const { key } = this.#axis;
    const x = logarithmic(this.#models.map((model) => model[key]), inner.left, inner.right);
    const y = linear(this.#accuracies, inner.bottom, inner.top);
    this.#svg.replaceChildren(this.#grid(x, y, inner), this.#lines(x, y));
    this.#placed = this.#models.map((model) => this.#mark(model, x.at(model[key]), y.at(model.top1)));
    this.#svg.append(...this.#placed.map(({ mark }) => mark));
  }

  #grid(x, y, { left, right, top, bottom }) {
    const grid = node("g", { class: "grid" });
    for (const value of y.ticks) {
      const at = y.at(value);
      grid.append(node("line", { x1: left, x2: right, y1: at, y2: at }), label(String(value), left - 8, at + 4, "end"));
    }
    for (const value of x.ticks) {
      const at = x.at(value);
      grid.append(node("line", { x1: at, x2: at, y1: top, y2: bottom }), label(this.#axis.tick(value), at, bottom + 18, "middle"));
    }
    grid.append(label(this.#axis.title, right, bottom + 34, "end"), label("top-1 %", left + 6, top + 10, "start"));
    return grid;
  }

  /** One line a width: the same weights' shape at growing inputs. */
  #lines(x, y) {
    const lines = node("g", { class: "lines" });
    for (const network of new Set(this.#models.map(({ network }) => network))) {
      const own = this.#models.filter((model) => model.network === network).sort((a, b) => a.resolution - b.resolution);
      const points = own.map((model) => `${x.at(model[this.#axis.key])},${y.at(model.top1)}`).join(" ");
      if (own.length > 1) lines.append(node("polyline", { points, class: `series-${own[0].series.id}` }));
    }
    return lines;
  }

  #mark(model, x, y) {
    const mark = markOf(model.series, x, y);
    if (model.minimal) mark.classList.add("hollow");
    mark.classList.toggle("pointed", model === this.#pointed);
    return { model, mark, x, y };
  }

  #nearest(event) {
    const box = this.#svg.getBoundingClientRect();
    const distance = ({ x, y }) => Math.hypot(x - (event.clientX - box.left), y - (event.clientY - box.top));
    const near = this.#placed.filter((place) => distance(place) < REACH_PX).sort((a, b) => distance(a) - distance(b));
    return near[0]?.model ?? null;
  }
}

/** A series' mark around a point: all have about the same area. */
export function markOf({ id, shape }, x, y) {
  const r = MARK_PX;
  const path = (...points) => node("polygon", { points: points.map(([dx, dy]) => `${x + dx},${y + dy}`).join(" ") });
  const draw = {
    circle: () => node("circle", { cx: x, cy: y, r }),
    square: () => path([-r * 0.9, -r * 0.9], [r * 0.9, -r * 0.9], [r * 0.9, r * 0.9], [-r * 0.9, r * 0.9]),
    triangle: () => path([0, -r * 1.25], [r * 1.2, r * 0.9], [-r * 1.2, r * 0.9]),
    diamond: () => path([0, -r * 1.3], [r * 1.3, 0], [0, r * 1.3], [-r * 1.3, 0]),
  };
  const mark = draw[shape]();
  mark.setAttribute("class", `mark series-${id}`);
  return mark;
}

/** A legend's swatch. */
export function swatch(series) {
  const svg = node("svg", { width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true" });
  svg.append(markOf(series, 8, 8));
  return svg;
}

function node(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function label(text, x, y, anchor) {
  const made = node("text", { x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

/** Values at equal ratios get equal steps; ticks at 1, 2 and 5 of every decade that is in sight. */
function logarithmic(values, from, to) {
  const [low, high] = values.length > 0 ? [Math.min(...values) / 1.25, Math.max(...values) * 1.25] : [1, 100];
  const at = (value) => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  const ticks = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.log10(high); decade++) {
    for (const step of [1, 2, 5]) ticks.push(step * 10 ** decade);
  }
  return { at, ticks: ticks.filter((tick) => tick >= low && tick <= high) };
}

const TICK_STEP = 5;

function linear(values, from, to) {
  const [low, high] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [40, 75];
  const [bottom, top] = [Math.floor((low - 1) / TICK_STEP) * TICK_STEP, Math.ceil((high + 1) / TICK_STEP) * TICK_STEP];
  const at = (value) => from + ((to - from) * (value - bottom)) / (top - bottom);
  const ticks = [];
  for (let tick = bottom; tick <= top; tick += TICK_STEP) ticks.push(tick);
  return { at, ticks };
}
