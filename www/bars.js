// The top labels as an ordered list: read in order by a screen reader, drawn as bars for everyone else.
import { percent, shortName } from "./format.js";

export class Bars {
  #list;
  #nameOf;
  #rows = [];

  /** `nameOf(label)`: the name as it is shown. */
  constructor(list, nameOf = shortName) {
    this.#list = list;
    this.#nameOf = nameOf;
  }

  /** Shows `labels` (best first). Rows are made once and then only rewritten: nothing is built per camera frame. */
  show(labels) {
    while (this.#rows.length < labels.length) this.#rows.push(this.#addRow());
    this.#rows.forEach((row, at) => {
      const label = labels[at];
      row.item.hidden = !label;
      if (label) fill(row, label, this.#nameOf(label));
    });
  }

  #addRow() {
    const item = document.createElement("li");
    const name = child(item, "name");
    const value = child(item, "value number");
    const track = child(item, "track");
    track.setAttribute("aria-hidden", "true");
    const bar = child(track, "bar");
    this.#list.append(item);
    return { item, name, value, bar };
  }
}

function child(parent, className) {
  const span = document.createElement("span");
  span.className = className;
  parent.append(span);
  return span;
}

function fill(row, label, name) {
  if (row.name.textContent !== name) {
    row.name.textContent = name;
    row.name.title = label.name ?? name;
  }
  row.item.dataset.index = label.index;
  row.item.dataset.probability = label.probability;
  row.value.textContent = percent(label.probability);
  row.bar.style.setProperty("transform", `scaleX(${label.probability})`);
}
