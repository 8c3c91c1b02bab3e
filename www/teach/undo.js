// One step back: a bar that says what was done, and undoes it.

export class Undo {
  #parts;
  #onProblem;
  #back = null;

  /** `parts`: the elements bar, text, undo and close. */
  constructor(parts, { onProblem }) {
    this.#parts = parts;
    this.#onProblem = onProblem;
    parts.undo.addEventListener("click", () => this.#undo());
    parts.close.addEventListener("click", () => this.clear());
  }

  /** Says `text`; `back` is a list of functions that undo it. Only the last thing done can be undone. */
  offer(text, back) {
    this.#back = back;
    this.#parts.text.textContent = text;
    this.#parts.bar.hidden = false;
  }

  clear() {
    this.#back = null;
    this.#parts.bar.hidden = true;
  }

  async #undo() {
    const back = this.#back;
    this.clear();
    try {
      for (const step of back) await step();
    } catch (error) {
      this.#onProblem(error);
    }
  }
}
