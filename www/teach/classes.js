// The classes as cards: a name, the newest pictures, a button to hold, and what else there is to do with each.
import { grouped } from "../format.js";
import { counted, element } from "./words.js";

/** So many pictures stand on a card; the rest are in the gallery. */
const ON_SHELF = 24;

export class Classes {
  #list;
  #template;
  #collection;
  #thumbs;
  #listener;
  #cards = [];

  /**
   * `listener`: `onFiles(files, name)`, `onOpen(name, id | null)`, `onRemove(name)`, `onProblem(error)` and
   * `onDelete(id)`.
   */
  constructor({ list, template }, { collection, thumbs, listener }) {
    this.#list = list;
    this.#template = template;
    this.#collection = collection;
    this.#thumbs = thumbs;
    this.#listener = listener;
    collection.addEventListener("change", () => this.show());
  }

  /** The class of the card around an element, or undefined. */
  nameAt(target) {
    return this.#cards.find(({ item }) => item.contains(target))?.name;
  }

  show() {
    const { classes } = this.#collection;
    while (this.#cards.length < classes.length) this.#cards.push(this.#card());
    for (const { item } of this.#cards.splice(classes.length)) item.remove();
    classes.forEach((name, place) => this.#write(this.#cards[place], name, place));
  }

  /** Marks the card that is being captured for; null for none. */
  mark(name, count = 0) {
    for (const card of this.#cards) {
      const on = card.name === name;
      card.item.dataset.state = on ? "on" : "";
      card.hold.textContent = on ? `Capturing ${count}` : "Hold to capture";
    }
  }

  #card() {
    const item = this.#template.content.cloneNode(true).firstElementChild;
    const part = (selector) => item.querySelector(selector);
    const card = {
      item,
      name: "",
      tiles: new Map(),
      key: part(".key"),
      input: part(".class-name"),
      remove: part(".remove"),
      shelf: part(".shelf"),
      hold: part(".hold"),
      all: part(".all"),
      file: part("input[type=file]"),
    };
    card.hold.textContent = "Hold to capture";
    card.input.addEventListener("change", () => this.#rename(card));
    card.input.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") card.input.value = card.name;
      if (key === "Enter" || key === "Escape") card.input.blur();
    });
    card.remove.addEventListener("click", () => this.#listener.onRemove(card.name));
    card.all.addEventListener("click", () => this.#listener.onOpen(card.name, null));
    card.file.addEventListener("change", () => {
      const files = [...card.file.files];
      // Emptied, so that choosing the same file again is a change again.
      card.file.value = "";
      this.#listener.onFiles(files, card.name);
    });
    card.shelf.addEventListener("click", ({ target }) => {
      const tile = target.closest("button");
      if (tile) this.#listener.onOpen(card.name, Number(tile.dataset.id));
    });
    card.shelf.addEventListener("keydown", (event) => this.#onShelfKey(card, event));
    this.#list.append(item);
    return card;
  }

  #write(card, name, place) {
    const samples = this.#collection.of(name);
    card.name = name;
    card.item.dataset.name = name;
    card.key.textContent = place < 10 ? (place + 1) % 10 : "";
    card.key.hidden = place >= 10;
    if (document.activeElement !== card.input) card.input.value = name;
    card.input.setAttribute("aria-label", `Name of class ${place + 1}`);
    card.remove.setAttribute("aria-label", `Remove class ${name}`);
    card.hold.setAttribute("aria-label", `Hold to capture ${name}`);
    card.file.setAttribute("aria-label", `Files for ${name}`);
    const [count, unit] = counted(samples.length, "picture").split(" ");
    card.all.replaceChildren(count, element("span", { className: "unit", textContent: `\u00a0${unit}` }));
    card.all.setAttribute("aria-label", `${counted(samples.length, "picture")} of ${name}: see all`);
    card.all.disabled = samples.length === 0;
    card.shelf.setAttribute("aria-label", `Newest pictures of ${name}`);
    this.#writeShelf(card, samples);
  }

  /** Tiles stay where they are while their picture does: nothing is decoded twice, and the focus is kept. */
  #writeShelf(card, samples) {
    const shown = samples.slice(-ON_SHELF).reverse();
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, tile] of card.tiles) {
      if (ids.has(id)) continue;
      tile.remove();
      card.tiles.delete(id);
    }
    shown.forEach(({ id }, at) => {
      if (!card.tiles.has(id)) card.tiles.set(id, this.#tile(id));
      const tile = card.tiles.get(id);
      if (card.shelf.children[at] !== tile) card.shelf.insertBefore(tile, card.shelf.children[at] ?? null);
      tile.firstElementChild.setAttribute("aria-label", `Picture ${grouped(samples.length - at)} of ${card.name}`);
    });
    // One stop of the Tab key a shelf; arrows go on from there.
    const buttons = [...card.shelf.querySelectorAll("button")];
    const held = buttons.find((button) => button === document.activeElement) ?? buttons[0];
    for (const button of buttons) button.tabIndex = button === held ? 0 : -1;
  }

  #tile(id) {
    const tile = document.createElement("li");
    const button = element("button", { type: "button", className: "tile" });
    button.dataset.id = id;
    button.append(this.#thumbs.canvas(id));
    tile.append(button);
    return tile;
  }

  #onShelfKey(card, event) {
    const buttons = [...card.shelf.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      focusOn(buttons, next);
    } else if (event.key === "Delete" && at >= 0) {
      focusOn(buttons, at + 1 < buttons.length ? at + 1 : at - 1);
      this.#listener.onDelete(Number(buttons[at].dataset.id));
    }
  }

  async #rename(card) {
    const [from, to] = [card.name, card.input.value.trim()];
    if (to === from) return;
    try {
      if (to === "") throw new Error("A class needs a name.");
      if (this.#collection.classes.includes(to)) throw new Error(`There is a class “${to}” already.`);
      await this.#collection.renameClass(from, to);
    } catch (error) {
      card.input.value = from;
      this.#listener.onProblem(error);
    }
  }
}

function focusOn(buttons, at) {
  const button = buttons[at];
  if (!button) return;
  for (const other of buttons) other.tabIndex = other === button ? 0 : -1;
  button.focus();
}
