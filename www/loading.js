// A download's progress bar, and what to read when it fails.
import { bytes } from "./format.js";

export class Loading {
  #parts;

  /** `parts`: the elements panel, text, bytes, progress, problem, problemText and, for `offer`, button. */
  constructor(parts) {
    this.#parts = parts;
  }

  /** That of a page's network, whose elements are called the same everywhere; `at(id)` finds them. */
  static ofPage(at) {
    const [panel, text, bytes, progress] = ["loading", "loading-text", "loading-bytes", "progress"].map(at);
    const [button, problem, problemText] = ["download", "model-error", "model-error-text"].map(at);
    return new Loading({ panel, text, bytes, progress, button, problem, problemText });
  }

  start(sentence = "Getting the model ready") {
    const { panel, text, progress, bytes: count, button, problem } = this.#parts;
    problem.hidden = true;
    if (button) button.hidden = true;
    panel.hidden = false;
    progress.hidden = false;
    progress.removeAttribute("value");
    text.textContent = sentence;
    count.textContent = "";
  }

  progress({ phase, loadedBytes, totalBytes }) {
    const { text, progress, bytes: count } = this.#parts;
    text.textContent = phase === "download" ? "Downloading the model" : "Preparing the model";
    // A server need not say how long a file is: then the bar moves without an end in sight.
    if (totalBytes) progress.value = Math.min(1, loadedBytes / totalBytes);
    count.textContent = totalBytes ? `${bytes(loadedBytes)} of ${bytes(totalBytes)}` : bytes(loadedBytes);
  }

  /** Nothing loads any more, and nothing is wrong. */
  clear() {
    this.#parts.panel.hidden = true;
    this.#parts.problem.hidden = true;
  }

  /** Says what a person on a metered connection would be asked to download. */
  offer() {
    const { panel, text, progress, button } = this.#parts;
    panel.hidden = false;
    progress.hidden = true;
    button.hidden = false;
    text.textContent = "Your browser asks pages to save data, so the model is not downloaded yet.";
  }

  fail(error) {
    const { panel, problem, problemText } = this.#parts;
    panel.hidden = true;
    problem.hidden = false;
    writeProblem(problemText, error);
  }
}

/** A problem as its sentence and its code: the sentence to act on, the code to search for. */
export function writeProblem(element, error) {
  element.textContent = error.message;
  // The browser's own errors carry an old number there, which helps nobody.
  if (typeof error.code !== "string") return;
  element.append(" ", Object.assign(document.createElement("code"), { textContent: error.code }));
}
