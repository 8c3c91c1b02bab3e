// Pictures in a window of their own: to look at, to move to another class, to delete and to put back.
import { counted, element } from "./words.js";

const AT_ONCE = 60;

export class Gallery {
  #parts;
  #collection;
  #thumbs;
  #ids = [];
  #shown = 0;
  onProblem;

  /** `parts`: the elements dialog, title, close, empty, grid and more. */
  constructor(parts, { collection, thumbs, onProblem }) {
    this.#parts = parts;
    this.#collection = collection;
    this.#thumbs = thumbs;
    this.onProblem = onProblem;
    parts.close.addEventListener("click", () => parts.dialog.close());
    parts.more.addEventListener("click", () => this.#more());
    parts.dialog.addEventListener("close", () => parts.grid.replaceChildren());
    // A click on the backdrop has the dialog itself as its target.
    parts.dialog.addEventListener("click", ({ target }) => target === parts.dialog && parts.dialog.close());
  }

  /** Shows pictures `ids`; `first` comes into view and gets the focus. */
  open(title, ids, first = null) {
    const { dialog, title: heading, empty, grid } = this.#parts;
    // Those of a report may have been deleted since.
    this.#ids = ids.filter((id) => this.#collection.find(id));
    this.#shown = 0;
    heading.textContent = title;
    empty.hidden = this.#ids.length > 0;
    grid.replaceChildren();
    do this.#more();
    while (first !== null && this.#shown < this.#ids.length && this.#shown <= this.#ids.indexOf(first));
    dialog.showModal();
    const card = first === null ? null : grid.querySelector(`[data-id="${first}"]`);
    card?.scrollIntoView({ block: "center" });
    (card?.querySelector("select") ?? heading).focus();
  }

  #more() {
    const { grid, more } = this.#parts;
    const next = this.#ids.slice(this.#shown, this.#shown + AT_ONCE);
    grid.append(...next.map((id) => this.#card(id)));
    this.#shown += next.length;
    const rest = this.#ids.length - this.#shown;
    more.hidden = rest === 0;
    more.textContent = `Show more of ${counted(rest, "picture")}`;
  }

  #card(id) {
    const { label, origin } = this.#collection.find(id);
    const number = this.#ids.indexOf(id) + 1;
    const item = element("li", { className: "gallery-card" });
    item.dataset.id = id;
    const classes = element("select", { className: "field", ariaLabel: `Class of picture ${number}` });
    classes.append(...this.#collection.classes.map((name) => element("option", { value: name, textContent: name })));
    classes.value = label;
    classes.addEventListener("change", () => this.#do(item, () => this.#collection.relabel(id, classes.value)));
    const remove = element("button", { className: "quiet", type: "button", textContent: "Delete", ariaLabel: `Delete picture ${number}` });
    let restore = null;
    remove.addEventListener("click", () =>
      this.#do(item, async () => {
        if (restore) {
          const sample = await restore();
          restore = null;
          // Its number is another one now.
          item.replaceWith(this.#replaced(id, sample.id));
        } else {
          restore = await this.#collection.remove(id);
          item.dataset.state = "deleted";
          classes.disabled = true;
          remove.textContent = "Put back";
          remove.ariaLabel = `Put picture ${number} back`;
        }
      }),
    );
    item.append(this.#thumbs.canvas(id, `Picture ${number}, ${origin}`), classes, remove);
    return item;
  }

  #replaced(before, after) {
    this.#ids = this.#ids.map((id) => (id === before ? after : id));
    const card = this.#card(after);
    requestAnimationFrame(() => card.querySelector("button").focus());
    return card;
  }

  async #do(item, work) {
    const controls = [...item.querySelectorAll("select, button")];
    try {
      await work();
    } catch (error) {
      this.#parts.dialog.close();
      this.onProblem(error);
    }
    controls.at(-1).isConnected && controls.at(-1).focus();
  }
}
