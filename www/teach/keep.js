// What stays: the head and the pictures as files, and a head that was saved before.
import { download } from "../download.js";
import { bytes } from "../format.js";
import { writeProblem } from "../loading.js";
import { counted, listed } from "./words.js";

/** Browsers ask before a page downloads several files at once, and lose some that come in one go. */
const BETWEEN_FILES_MS = 300;

/** What each format is good for. */
const NOTES = {
  head: "Class names and what was learnt, a few kilobytes. It opens here again, or by code, with the network of this page. Pictures are not in it.",
  network: "The network with these classes as its own: a file that the demo opens, and any page that uses this library. Needed after deeper training.",
  tfjs: "What was learnt, as layers of TensorFlow.js, on top of the network’s feature vector: three files.",
  onnx: "What was learnt, as an ONNX graph, on top of the network’s feature vector.",
};

export class Keep {
  #parts;
  #collection;
  #listener;

  /**
   * `parts`: the elements form, format, note, save, load, exporting, clear, status, problem and problemText. `listener`:
   * `onOpened()`, and `onClear()`, which asks before it deletes.
   */
  constructor(parts, { collection, listener }) {
    this.#parts = parts;
    this.#collection = collection;
    this.#listener = listener;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#do(parts.save, () => this.#save());
    });
    parts.format.addEventListener("change", () => this.#describe());
    this.#describe();
    parts.load.addEventListener("change", () => {
      const files = [...parts.load.files];
      // Emptied, so that choosing the same file again is a change again.
      parts.load.value = "";
      if (files.length > 0) this.open(files);
    });
    parts.exporting.addEventListener("click", () => this.#do(parts.exporting, () => this.#export()));
    parts.clear.addEventListener("click", () => listener.onClear());
    collection.addEventListener("change", () => this.write());
  }

  /** Whether layers of the network were trained too: a head by itself says nothing of those. */
  offer({ isDeep }) {
    const { format } = this.#parts;
    for (const option of format.options) option.disabled = isDeep && option.value !== "network";
    format.value = isDeep ? "network" : "head";
    this.#describe();
  }

  #describe() {
    const { format, note } = this.#parts;
    note.textContent = NOTES[format.value];
  }

  /** Which buttons can do something. */
  write() {
    const { save, exporting, clear } = this.#parts;
    const { trainer, size } = this.#collection;
    save.disabled = !trainer?.isTrained;
    exporting.disabled = clear.disabled = size === 0;
  }

  /** A head of one file, or of several. */
  open(files) {
    return this.#do(null, async () => {
      if (!this.#collection.trainer) throw new Error("The model is not ready yet. Try again in a moment.");
      await this.#collection.load(files.length > 1 ? files : files[0]);
      this.#listener.onOpened();
      return `Opened ${files[0].name}.`;
    });
  }

  async #save() {
    const format = this.#parts.format.value;
    const files = await this.#collection.trainer.save({ format });
    for (const [at, file] of files.entries()) {
      if (at > 0) await new Promise((resolve) => setTimeout(resolve, BETWEEN_FILES_MS));
      download(file);
    }
    const size = files.reduce((sum, file) => sum + file.bytes.length, 0);
    return `Saved ${listed(files.map(({ name }) => name))}, ${bytes(size)}.`;
  }

  async #export() {
    const { size } = this.#collection;
    const zip = await this.#collection.trainer.exportZip();
    const name = `pictures-${new Date().toISOString().slice(0, 10)}.zip`;
    download({ name, bytes: zip });
    return `Saved ${counted(size, "picture")} as ${name}, ${bytes(zip.size)}.`;
  }

  async #do(button, work) {
    const { status, problem, problemText } = this.#parts;
    problem.hidden = true;
    status.textContent = "";
    if (button) button.disabled = true;
    try {
      status.textContent = await work();
    } catch (error) {
      writeProblem(problemText, error);
      problem.hidden = false;
    }
    if (button) button.disabled = false;
    this.write();
  }
}
