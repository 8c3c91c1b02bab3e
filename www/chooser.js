// The model chooser: weights from a file, an address or a drop, with the present model at work meanwhile.
import { Loading } from "./loading.js";

/** Endings of the files that the library reads. */
const ENDINGS = /\.(safetensors|pth|pt|h5|hdf5|keras|tflite|onnx|json|index|pb)$/i;

/** Whether a dropped file is taken for weights rather than for a picture. */
export function isWeights(file) {
  return ENDINGS.test(file.name);
}

export class Chooser {
  #parts;
  #model;
  #loading;

  /**
   * `parts`: the elements file, form, url, original, cancel and announcement, and those of a `Loading`.
   */
  constructor(parts, model) {
    this.#parts = parts;
    this.#model = model;
    this.#loading = new Loading(parts);
    const { file, form, url, original, cancel } = parts;
    file.addEventListener("change", () => {
      const chosen = [...file.files];
      // Emptied, so that choosing the same file again is a change again.
      file.value = "";
      if (chosen.length > 0) this.openFile(chosen.length > 1 ? chosen : chosen[0]);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#openUrl(url.value.trim());
    });
    original.addEventListener("click", () => model.openDefault());
    cancel.addEventListener("click", () => model.giveUp());
  }

  /** A file, or the list of a model's files. */
  openFile(weights) {
    const [first] = [weights].flat();
    const folder = first.webkitRelativePath?.split("/").at(0);
    return this.#model.open({ title: folder || first.name, weights });
  }

  /** A load began. */
  start({ title }) {
    this.#loading.start(`Opening ${title}`);
  }

  progress(progress) {
    this.#loading.progress(progress);
  }

  /** The model in use is `choice` from now on; the default needs no way back to itself. */
  done({ title, row }, { first }) {
    this.#loading.clear();
    const focused = document.activeElement === this.#parts.original;
    this.#parts.original.hidden = Boolean(row);
    if (focused && row) this.#parts.file.focus();
    if (!first) this.#parts.announcement.textContent = `The model is now ${title}.`;
  }

  /** A load failed: what is in use stays in use. */
  fail(error) {
    const stays = this.#model.net ? " The model in use stays." : "";
    this.#loading.fail({ code: error.code, message: `${error.message}${stays}` });
  }

  end() {
    this.#loading.clear();
  }

  #openUrl(address) {
    const { url } = this.#parts;
    const href = absolute(address);
    if (!href) {
      this.fail({ message: address ? `“${address}” is no address.` : "Enter the address of a weights file first." });
      url.focus();
      return;
    }
    this.#model.open({ title: new URL(href).pathname.split("/").at(-1) || href, weights: href });
  }
}

function absolute(address) {
  try {
    return address && new URL(address, document.baseURI).href;
  } catch {
    return "";
  }
}
