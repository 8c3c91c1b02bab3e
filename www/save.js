// The model in use as a file: converted in the page, by the library, and handed to the browser's downloads.
import { MobileNet } from "./pkg/index.js";
import { download } from "./download.js";
import { bytes } from "./format.js";
import { writeProblem } from "./loading.js";

/** What each precision is to a person, and the bytes of a weight; those of the file as it is are in no count of weights. */
const PRECISIONS = [
  { precision: "kept", words: "Weights as in its file" },
  { precision: "f32", words: "32 bits a weight", size: 4 },
  { precision: "f16", words: "16 bits a weight", size: 2 },
  { precision: "int8", words: "8 bits a weight", size: 1 },
];

export class Save {
  #parts;
  #choice = null;
  #work = null;

  /** `parts`: the elements form, precision, button, status, problem and problemText. */
  constructor(parts) {
    this.#parts = parts;
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#work) this.#stop();
      else this.#save();
    });
  }

  /** The network in use is `choice` from now on. */
  offer({ info }, choice) {
    if (choice === this.#choice) return;
    this.#stop();
    this.#choice = choice;
    const { form, precision, status, problem } = this.#parts;
    precision.replaceChildren(
      ...PRECISIONS.map(({ precision, words, size }) =>
        Object.assign(document.createElement("option"), {
          value: precision,
          textContent: size ? `${words}, about ${bytes(info.params * size)}` : words,
        }),
      ),
    );
    status.textContent = "";
    problem.hidden = true;
    form.hidden = false;
  }

  #stop() {
    this.#work?.abort();
    this.#work = null;
    this.#parts.button.textContent = "Save as safetensors";
    this.#parts.status.textContent = "";
  }

  async #save() {
    const { precision, button, status, problem, problemText } = this.#parts;
    const { weights, integrity } = this.#choice;
    const work = new AbortController();
    this.#work = work;
    problem.hidden = true;
    button.textContent = "Cancel";
    status.textContent = "Converting on this device";
    try {
      const file = await MobileNet.convert(weights, { integrity, precision: precision.value, signal: work.signal });
      if (work !== this.#work) return;
      download(file);
      this.#stop();
      status.textContent = `Saved ${file.name}, ${bytes(file.bytes.length)}.`;
    } catch (error) {
      if (work !== this.#work) return;
      this.#stop();
      writeProblem(problemText, error);
      problem.hidden = false;
    }
  }
}
