// What the head takes for what: a matrix whose cells open their pictures, and precision and recall of each class.
import { writeProblem } from "../loading.js";
import { counted, element, row, share } from "./words.js";

const PARTS = { validation: "held out from training", train: "trained on", test: "kept for a test", all: "here" };

export class Confusion {
  #parts;
  #collection;
  #onCell;
  #newest = null;

  /**
   * `parts`: the elements section, on (a select), text, matrix, perClass, problem and problemText. `onCell(title, ids)`
   * is called when a cell is opened.
   */
  constructor(parts, { collection, onCell }) {
    this.#parts = parts;
    this.#collection = collection;
    this.#onCell = onCell;
    parts.on.addEventListener("change", () => this.show(parts.on.value));
  }

  hide() {
    this.#newest = null;
    this.#parts.section.hidden = true;
  }

  /** Looks at the pictures of `on` with the present head; gives the evaluation, or null where there is none. */
  async show(on) {
    const { section, on: choice, problem, problemText } = this.#parts;
    const asked = (this.#newest = {});
    section.hidden = false;
    choice.value = on;
    section.setAttribute("aria-busy", "true");
    problem.hidden = true;
    try {
      const evaluation = await this.#collection.trainer.evaluate({ on });
      if (asked !== this.#newest) return null;
      this.#write(evaluation);
      return evaluation;
    } catch (error) {
      if (asked !== this.#newest) return null;
      writeProblem(problemText, error);
      problem.hidden = false;
      return null;
    } finally {
      section.removeAttribute("aria-busy");
    }
  }

  #write({ on, accuracy, classes, confusion, cells, perClass }) {
    const { text, matrix, perClass: table } = this.#parts;
    const total = confusion.flat().reduce((sum, count) => sum + count, 0);
    const right = confusion.reduce((sum, line, at) => sum + line[at], 0);
    text.textContent =
      `Of ${counted(total, "picture")} ${PARTS[on]}, ${right} came out right (${share(accuracy)}). ` +
      "Each row is what pictures are, each column what they were taken for; a number opens its pictures.";
    const head = element("tr", {}, element("td"), ...classes.map((name) => heading("col", name)));
    const caption = element("caption", { className: "visually-hidden", textContent: "Rows: what pictures are. Columns: what they were taken for." });
    const lines = classes.map((name, at) => {
      const most = confusion[at].reduce((sum, count) => sum + count, 0);
      const line = classes.map((as, to) => this.#cell(name, as, cells[at][to], most));
      return element("tr", {}, heading("row", name), ...line);
    });
    matrix.replaceChildren(caption, element("thead", {}, head), element("tbody", {}, ...lines));
    table.tBodies[0].replaceChildren(
      ...perClass.map(({ name, pictures, precision, recall }) => row(name, String(pictures), share(precision), share(recall))),
    );
  }

  #cell(name, as, ids, most) {
    const cell = element("td");
    cell.dataset.kind = name === as ? "right" : "wrong";
    if (ids.length === 0) {
      cell.append(element("span", { className: "none", textContent: "0" }));
      return cell;
    }
    // Set as a number: how strong the colour is, the stylesheet decides.
    cell.style.setProperty("--share", String(ids.length / most));
    const title = name === as ? `${name}, recognised` : `${name}, taken for ${as}`;
    const button = element("button", { type: "button", textContent: String(ids.length), ariaLabel: `${title}: ${counted(ids.length, "picture")}` });
    button.addEventListener("click", () => this.#onCell(title, ids));
    cell.append(button);
    return cell;
  }
}

function heading(scope, name) {
  return element("th", { scope, title: name }, element("span", { textContent: name }));
}
