// Pictures that come many at a time: files, folders, zips, what is dropped or pasted, and the site's own samples.
import { acceptDrops } from "../drops.js";
import { writeProblem } from "../loading.js";
import { crops } from "./crops.js";
import { counted, row } from "./words.js";

/** Of a thousand files that are no pictures, the first hundred make the point. */
const MOST_SKIPPED_SHOWN = 100;

export class Intake {
  #parts;
  #collection;
  #listener;
  /** One thing after the other: two folders dropped in a row are both taken in. */
  #queue = Promise.resolve();
  #work = null;

  /**
   * `parts`: the elements folder, zip, samples, drop, panel, text, count, progress, cancel, status, skipped, rows, problem
   * and problemText. `listener`: `nameAt(element)` gives the class of a card, `onHead(files)` gets a file that is a head.
   */
  constructor(parts, { collection, listener }) {
    this.#parts = parts;
    this.#collection = collection;
    this.#listener = listener;
    this.#listenTo(parts.folder, (files) => this.#takeClasses("Reading the folder", (options) => this.#trainer.addFolder(files, options)));
    this.#listenTo(parts.zip, ([file]) => this.#takeZip(file));
    parts.samples.addEventListener("click", () => this.#takeClasses("Cutting sample pictures", (options) => this.#addSamples(options)));
    parts.cancel.addEventListener("click", () => this.#work?.abort());
    acceptDrops(parts.drop, (event) => this.#dropped(event));
  }

  get #trainer() {
    return this.#collection.trainer;
  }

  /** Pictures for one class. */
  addFiles(files, name) {
    return this.#take(`Adding to ${name}`, (options) => this.#addEach(files, name, options));
  }

  #listenTo(input, take) {
    input.addEventListener("change", () => {
      const files = [...input.files];
      // Emptied, so that choosing the same again is a change again.
      input.value = "";
      if (files.length > 0) take(files);
    });
  }

  #takeZip(file) {
    return this.#takeClasses(`Reading ${file.name}`, (options) => this.#trainer.importZip(file, options));
  }

  #dropped({ dataTransfer, target }) {
    if (!this.#trainer) return this.#refuse("The model is not ready yet. Drop it again in a moment.");
    // Asked for at once: after the event the items are gone.
    const entries = [...(dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.());
    const files = [...(dataTransfer?.files ?? [])];
    const name = this.#listener.nameAt(target);
    if (entries.some((entry) => entry?.isDirectory)) {
      return this.#takeClasses("Reading what was dropped", this.#read(dataTransfer));
    }
    if (files.length === 0) return this.#refuse("That was not a file. Save the picture first, then drop the file here.");
    if (files.some((file) => /\.zip$/i.test(file.name))) return files.map((file) => this.#takeZip(file));
    if (files.some((file) => /\.(safetensors|json)$/i.test(file.name))) return this.#listener.onHead(files);
    if (name === undefined) return this.#refuse("Drop pictures onto the class that they belong to; folders and zips can be dropped anywhere.");
    return this.addFiles(files, name);
  }

  /** A drop's folders must be asked for during the event: so they are read at once, and told of when it is their turn. */
  #read(dataTransfer) {
    const stop = new AbortController();
    let show = () => {};
    const reading = this.#trainer.addFolder(dataTransfer, { signal: stop.signal, onProgress: (progress) => show(progress) });
    // Told of when it is its turn, and not before.
    reading.catch(() => {});
    return ({ signal, onProgress }) => {
      show = onProgress;
      signal.addEventListener("abort", () => stop.abort());
      return reading;
    };
  }

  async #addEach(files, name, { signal, onProgress }) {
    const skipped = [];
    let added = 0;
    for (const [done, file] of files.entries()) {
      if (signal.aborted) break;
      onProgress({ done, total: files.length, path: file.name });
      try {
        await this.#collection.add(file, name, { origin: file.name, signal });
        added++;
      } catch (error) {
        if (error.code === "aborted") break;
        skipped.push({ path: file.name, error });
      }
    }
    return { added, skipped };
  }

  async #addSamples({ signal, onProgress }) {
    let added = 0;
    for await (const { canvas, name, origin, done, count } of crops(signal)) {
      if (!this.#collection.classes.includes(name)) await this.#collection.addClass(name);
      await this.#collection.add(canvas, name, { origin, signal });
      added++;
      onProgress({ done, total: count, path: origin });
    }
    return { added, skipped: [] };
  }

  /** As `#take`, of pictures that bring their classes: those that were there to begin with give way. */
  #takeClasses(sentence, read) {
    return this.#take(sentence, async (options) => {
      const { added, skipped } = await read(options);
      if (added > 0) await this.#collection.removeUnused();
      return { added, skipped };
    });
  }

  /** Runs `read({ signal, onProgress })` when its turn comes, and tells what became of it. */
  #take(sentence, read) {
    this.#queue = this.#queue.then(() => this.#run(sentence, read));
    return this.#queue;
  }

  async #run(sentence, read) {
    const { panel, text, status, skipped, problem, progress } = this.#parts;
    if (!this.#trainer) return this.#refuse("The model is not ready yet. Try again in a moment.");
    this.#work = new AbortController();
    const { signal } = this.#work;
    const before = this.#collection.size;
    problem.hidden = true;
    skipped.hidden = true;
    status.textContent = "";
    text.textContent = sentence;
    progress.removeAttribute("value");
    panel.hidden = false;
    try {
      const { added, skipped: left } = await read({ signal, onProgress: (reached) => this.#progress(reached) });
      status.textContent = signal.aborted ? `Stopped: ${counted(added, "picture")} added.` : `${counted(added, "picture")} added.`;
      this.#writeSkipped(left, added);
    } catch (error) {
      const added = this.#collection.size - before;
      if (added > 0) status.textContent = `${counted(added, "picture")} added before that.`;
      if (signal.aborted) status.textContent = `Stopped: ${counted(added, "picture")} added.`;
      else this.#refuse(error);
    } finally {
      panel.hidden = true;
      this.#work = null;
      this.#collection.changed();
    }
  }

  #progress({ done, total }) {
    const { count, progress } = this.#parts;
    count.textContent = total ? `${done} of ${total}` : String(done);
    if (total) [progress.max, progress.value] = [total, done];
    this.#collection.changed();
  }

  #refuse(problem) {
    writeProblem(this.#parts.problemText, typeof problem === "string" ? { message: problem } : problem);
    this.#parts.problem.hidden = false;
  }

  #writeSkipped(list, added) {
    if (list.length === 0) return;
    const { skipped, rows } = this.#parts;
    skipped.hidden = false;
    skipped.querySelector("summary").textContent = `${counted(list.length, "file")} left out`;
    const more = list.length - MOST_SKIPPED_SHOWN;
    rows.replaceChildren(...list.slice(0, MOST_SKIPPED_SHOWN).map(({ path, error }) => row(path, error.message)));
    if (more > 0) rows.append(row(`and ${counted(more, "file")} more`, ""));
    if (added === 0) this.#refuse(`None of ${counted(list.length, "file")} could be read as a picture.`);
  }
}
