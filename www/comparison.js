// The table of models: sorts by its head's buttons, hides what the filter leaves out, opens a row's layers.
import { width } from "./family.js";
import { bytes, grouped, milliseconds } from "./format.js";

const millions = (count) => (count / 1e6).toFixed(count < 1e7 ? 2 : 0);

/** `best: "high"` sorts the largest first; rows without a number always come last. */
const COLUMNS = [
  { key: "place", title: "Model" },
  { key: "multiplier", title: "Width", text: ({ multiplier }) => width(multiplier), wide: true },
  { key: "resolution", title: "Input", unit: "px", text: ({ resolution }) => String(resolution), wide: true },
  { key: "params", title: "Params", unit: "M", text: ({ params }) => millions(params) },
  { key: "macs", title: "Mult–adds", unit: "M", text: ({ macs }) => millions(macs) },
  { key: "downloadBytes", title: "Download", text: ({ downloadBytes }) => bytes(downloadBytes) },
  { key: "top1", title: "Top-1", unit: "%", text: topOne, best: "high" },
  { key: "ms", title: "Time here", text: ({ ms }) => (ms === undefined ? "" : milliseconds(ms)) },
];

export class Comparison {
  #head;
  #rows;
  #all;
  #listener;
  #sort = { key: "place", descending: false };
  #series = new Set();

  /** `listener` hears `onChoice()`, `onOpen(model, cell)` when layers are asked for, and `onPoint(model | null)`. */
  constructor({ table, head, models, listener }) {
    this.#listener = listener;
    this.#head = COLUMNS.map((column) => this.#heading(column));
    head.append(this.#chooseAll(), ...this.#head);
    this.#rows = models.map((model) => this.#row(model));
    table.append(...this.#rows.map(({ body }) => body));
    this.#arrange();
  }

  /** The models that the filter shows, in the table's order. */
  get shown() {
    return this.#rows.filter(({ body }) => !body.hidden).map(({ model }) => model);
  }

  /** Those of them that are ticked. */
  get chosen() {
    return this.#rows.filter(({ body, tick }) => !body.hidden && tick.checked).map(({ model }) => model);
  }

  /** Shows the series with these ids only. */
  show(series) {
    this.#series = new Set(series);
    for (const { body, model } of this.#rows) body.hidden = !this.#series.has(model.series.id);
    this.#chosenChanged();
  }

  /** Writes a model's time again. */
  refresh(model) {
    const { cells } = this.#rows.find((row) => row.model === model);
    write(cells.get("ms"), COLUMNS.at(-1), model);
    if (this.#sort.key === "ms") this.#arrange();
  }

  /** Marks the row that is being measured; `null` marks none. */
  mark(model) {
    for (const row of this.#rows) row.body.classList.toggle("current", row.model === model);
  }

  /** Marks the row of the point that a plot shows. */
  point(model) {
    for (const row of this.#rows) row.body.classList.toggle("pointed", row.model === model);
  }

  #heading({ key, title, unit, wide, best }) {
    const button = element("button", { type: "button", className: "sort", textContent: title });
    if (unit) button.append(" ", element("span", { className: "unit", textContent: unit }));
    button.addEventListener("click", () => {
      const again = this.#sort.key === key;
      this.#sort = { key, descending: again ? !this.#sort.descending : best === "high" };
      this.#arrange();
    });
    const cell = element("th", { scope: "col", className: wide ? "wide" : "" });
    cell.dataset.key = key;
    cell.append(button);
    return cell;
  }

  #chooseAll() {
    this.all = checkbox("Choose all shown");
    this.all.input.addEventListener("change", () => {
      for (const { body, tick } of this.#rows) if (!body.hidden) tick.checked = this.all.input.checked;
      this.#chosenChanged();
    });
    const cell = element("td", { className: "tick" });
    cell.append(this.all.label);
    return cell;
  }

  #row(model) {
    const { input: tick, label } = checkbox(`Choose ${model.title}`);
    tick.addEventListener("change", () => this.#chosenChanged());
    const first = element("td", { className: "tick" });
    first.append(label);
    const row = element("tr");
    row.append(first);
    const cells = new Map();
    for (const column of COLUMNS.slice(1)) {
      const cell = element("td", { className: column.wide ? "wide" : "" });
      cell.dataset.key = column.key;
      write(cell, column, model);
      cells.set(column.key, cell);
    }
    const layers = element("tr", { className: "layers", hidden: true, id: `layers-${model.name}` });
    const inside = element("td", { colSpan: COLUMNS.length + 1 });
    layers.append(inside);
    row.append(this.#name(model, layers, inside), ...cells.values());
    const body = element("tbody");
    body.dataset.model = model.name;
    body.append(row, layers);
    body.addEventListener("pointerenter", () => this.#listener.onPoint(model));
    body.addEventListener("pointerleave", () => this.#listener.onPoint(null));
    body.addEventListener("focusin", () => this.#listener.onPoint(model));
    body.addEventListener("focusout", () => this.#listener.onPoint(null));
    return { model, body, tick, cells };
  }

  #name(model, layers, inside) {
    const button = element("button", { type: "button", className: "disclosure" });
    button.append(element("span", { textContent: model.network }), " ");
    button.append(element("span", { className: "unit", textContent: `${model.resolution} px` }));
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-controls", layers.id);
    button.addEventListener("click", () => {
      layers.hidden = !layers.hidden;
      button.setAttribute("aria-expanded", String(!layers.hidden));
      if (!layers.hidden) this.#listener.onOpen(model, inside);
    });
    const cell = element("th", { scope: "row" });
    cell.append(button);
    return cell;
  }

  #arrange() {
    const { key, descending } = this.#sort;
    for (const cell of this.#head) {
      if (cell.dataset.key === key) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    const rank = ({ model }) => model[key] ?? null;
    const sorted = this.#rows.toSorted((a, b) => {
      const [left, right] = [rank(a), rank(b)];
      if (left === null || right === null) return Number(left === null) - Number(right === null) || a.model.place - b.model.place;
      return (descending ? right - left : left - right) || a.model.place - b.model.place;
    });
    // Moving a row takes the focus from what is in it.
    const focused = document.activeElement;
    sorted.forEach(({ body }) => body.parentElement?.append(body));
    this.#rows = sorted;
    if (focused !== document.activeElement) focused.focus({ preventScroll: true });
  }

  #chosenChanged() {
    const [chosen, shown] = [this.chosen.length, this.shown.length];
    this.all.input.checked = chosen > 0 && chosen === shown;
    this.all.input.indeterminate = chosen > 0 && chosen < shown;
    this.#listener.onChoice();
  }
}

function topOne({ top1, sourceNumber }) {
  return top1 === null ? "" : [top1.toFixed(1), element("sup", { textContent: String(sourceNumber) })];
}

function write(cell, { text }, model) {
  const content = [text(model)].flat();
  cell.replaceChildren(...content);
  // An empty cell says nothing to a screen reader: the dash is read as a missing number.
  if (content[0] === "") cell.replaceChildren(element("span", { className: "missing", textContent: "–" }));
  else cell.title = cell.dataset.key === "params" || cell.dataset.key === "macs" ? grouped(model[cell.dataset.key]) : "";
}

function checkbox(name) {
  const input = element("input", { type: "checkbox" });
  input.setAttribute("aria-label", name);
  const label = element("label", { className: "tickbox" });
  label.append(input);
  return { input, label };
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}
