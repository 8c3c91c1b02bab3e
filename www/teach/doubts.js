// Pictures that deserve a look: perhaps in the wrong class, or nearly the same as others. Each is mended by one click.
import { writeProblem } from "../loading.js";
import { counted, element } from "./words.js";

/** The most suspicious come first; a longer list is nobody's friend. */
const MOST_SHOWN = 8;

export class Doubts {
  #parts;
  #collection;
  #thumbs;
  #listener;

  /**
   * `parts`: the elements section, title, text, mislabelled, duplicates (each with a `.doubts` list), problem and
   * problemText. `listener`: `onOpen(title, ids)`, and `onDone(text, back)` with what undoes it.
   */
  constructor(parts, { collection, thumbs, listener }) {
    this.#parts = parts;
    this.#collection = collection;
    this.#thumbs = thumbs;
    this.#listener = listener;
  }

  hide() {
    this.#parts.section.hidden = true;
  }

  /** Asks the trainer; nothing is shown where there is nothing to doubt. */
  async show() {
    const { section, text, problem, problemText } = this.#parts;
    problem.hidden = true;
    try {
      const { mislabelled, duplicates } = await this.#collection.trainer.findings();
      const alike = groups(duplicates);
      this.#writeMislabelled(mislabelled);
      this.#writeDuplicates(alike);
      text.textContent = sentence(mislabelled.length, alike.length);
    } catch (error) {
      if (error.code === "disposed") return;
      writeProblem(problemText, error);
      problem.hidden = false;
    }
    section.hidden = false;
  }

  #writeMislabelled(list) {
    const { mislabelled: box } = this.#parts;
    box.hidden = list.length === 0;
    box.querySelector("ul").replaceChildren(
      ...list.slice(0, MOST_SHOWN).map(({ id, label, looksLike }) =>
        this.#doubt([id], `In ${label}, looks like ${looksLike}`, [
          { text: `Move to ${looksLike}`, says: `Moved to ${looksLike}.`, does: async () => [await this.#collection.relabel(id, looksLike)] },
          { text: "Delete", says: "Picture deleted.", does: () => this.#removeAll([id]) },
          { text: "Leave it" },
        ]),
      ),
    );
  }

  #writeDuplicates(list) {
    const { duplicates: box } = this.#parts;
    box.hidden = list.length === 0;
    const surplus = list.flatMap((ids) => ids.slice(1));
    box.querySelector("button").onclick = () => this.#mend(box, { says: deleted(surplus), does: () => this.#removeAll(surplus) });
    box.querySelector("ul").replaceChildren(
      ...list.slice(0, MOST_SHOWN).map((ids) => {
        const names = new Set(ids.map((id) => this.#collection.find(id)?.label));
        const text = `${counted(ids.length, "picture")} of ${[...names].join(" and ")}`;
        return this.#doubt(ids, text, [
          { text: "Keep one", says: deleted(ids.slice(1)), does: () => this.#removeAll(ids.slice(1)) },
          { text: "See them", opens: () => this.#listener.onOpen(`Nearly the same: ${text}`, ids) },
          { text: "Leave them" },
        ]);
      }),
    );
  }

  /** Deletes those that are still there; gives what puts them back. */
  async #removeAll(ids) {
    const back = [];
    for (const id of ids) if (this.#collection.find(id)) back.push(await this.#collection.remove(id));
    return back;
  }

  /** One row: pictures, what is odd about them, and what can be done. */
  #doubt(ids, text, choices) {
    const item = element("li", { className: "doubt" });
    const pictures = element("span", { className: "doubt-pictures" }, ...ids.slice(0, 3).map((id) => this.#thumbs.canvas(id)));
    const buttons = choices.map((choice) => {
      const button = element("button", { className: "quiet", type: "button", textContent: choice.text, ariaLabel: `${choice.text}: ${text}` });
      button.addEventListener("click", () => (choice.opens ? choice.opens() : this.#mend(item, choice)));
      return button;
    });
    item.append(pictures, element("span", { className: "doubt-text", textContent: text }), element("span", { className: "doubt-choices" }, ...buttons));
    return item;
  }

  /** Does it, takes the row away, and gives the focus to what comes after. */
  async #mend(item, { does, says }) {
    const { problem, problemText, title, section } = this.#parts;
    const next = (item.nextElementSibling ?? item.previousElementSibling)?.querySelector("button") ?? title;
    try {
      if (does) this.#listener.onDone(says, await does());
      item.matches("li") ? item.remove() : (item.hidden = true);
      for (const box of section.querySelectorAll("#mislabelled, #duplicates")) box.hidden ||= !box.querySelector("li");
      next.focus();
    } catch (error) {
      writeProblem(problemText, error);
      problem.hidden = false;
    }
  }
}

/** Pairs joined to groups: of a held key's burst every picture is alike to every other. */
export function groups(pairs) {
  const of = new Map();
  for (const { ids } of pairs) {
    const [one, other] = ids.map((id) => of.get(id) ?? new Set([id]));
    const both = new Set([...one, ...other]);
    for (const id of both) of.set(id, both);
  }
  return [...new Set(of.values())].map((ids) => [...ids].sort((a, b) => a - b)).sort((a, b) => b.length - a.length);
}

function deleted(ids) {
  return `${counted(ids.length, "picture")} deleted.`;
}

function sentence(mislabelled, alike) {
  if (mislabelled + alike === 0) return "None: every picture looks like its class, and no two are nearly the same.";
  const most = Math.max(mislabelled, alike) > MOST_SHOWN ? ` The ${MOST_SHOWN} most suspicious of each kind are shown.` : "";
  return `Fewer doubtful pictures make a better head. After changes, train again.${most}`;
}
