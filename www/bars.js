// The top labels as an ordered list: read in order by a screen reader, drawn as bars for everyone else.
import { percent, shortName } from "./format.js";

export class Bars {
  #list;
  #nameOf;
  #onPress;
  #pressed = null;
  #rows = [];

  /** `nameOf(label)`: the name as it is shown. With `onPress(label)` a name is a button. */
  constructor(list, nameOf = shortName, onPress = null) {
    this.#list = list;
    this.#nameOf = nameOf;
    this.#onPress = onPress;
  }

  /** The label of that index looks pressed, wherever it stands; null for none. */
  press(index) {
    this.#pressed = index;
    this.#rows.forEach(({ item, name }) => name.setAttribute("aria-pressed", Number(item.dataset.index) === index));
  }

  /** Shows `labels` (best first). Rows are made once and then only rewritten: nothing is built per camera frame. */
  show(labels) {
    while (this.#rows.length < labels.length) this.#rows.push(this.#addRow());
    this.#rows.forEach((row, at) => {
      const label = labels[at];
      row.item.hidden = !label;
      if (label) fill(row, label, this.#nameOf(label));
    });
    if (this.#onPress) this.press(this.#pressed);
  }

  #addRow() {
    const item = document.createElement("li");
    const name = this.#onPress ? this.#button(item) : child(item, "name");
    const value = child(item, "value number");
    const track = child(item, "track");
    track.setAttribute("aria-hidden", "true");
    const bar = child(track, "bar");
    this.#list.append(item);
    return { item, name, value, bar };
  }

  /** A name to press. Frames of a camera may put another label there between a finger's coming and going. */
  #button(item) {
    const button = child(item, "name", "button");
    button.type = "button";
    let held = null;
    const here = () => ({ index: Number(item.dataset.index), name: button.title });
    button.addEventListener("pointerdown", () => (held = here()));
    button.addEventListener("click", () => {
      this.#onPress(held ?? here());
      held = null;
    });
    return button;
  }
}

function child(parent, className, kind = "span") {
  const element = document.createElement(kind);
  element.className = className;
  parent.append(element);
  return element;
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
