/** Classes of one's own on a loaded network: the page's half. See `trainer.d.ts` for the whole description of each member. */

import { Dataset, newNumber, readArchive } from "./dataset.js";
import { MobileNetError, aborted, failure } from "./errors.js";
import { fetchPicture, decoded, folderOf, takeIn, treeOf } from "./folders.js";
import { Learner } from "./learner.js";
import { stream } from "./stream.js";

/** Keeps `new Trainer()` to `net.trainer()`. */
const KEY = Symbol("MobileNet.trainer");
const TASKS = ["softmax", "sigmoid", "regression"];

/** Frames of a burst a second, unless asked for otherwise: neighbours that are closer teach nothing. */
const BURST_FPS = 8;

/**
 * Of a frame that is kept, the shorter side, at most, over that of the network's input. Presets look at 8/7 of the input at
 * most; the rest is for augmentation, which looks closer.
 */
const KEPT_SIDE = 1.5;

export class Trainer {
  #task;
  #dataset;
  #learner;
  #side;

  /** @private use `net.trainer` */
  constructor(key, { task, dataset, learner, side }) {
    if (key !== KEY) {
      throw new TypeError("Trainer: use `await net.trainer(…)`");
    }
    [this.#task, this.#dataset, this.#learner, this.#side] = [task, dataset, learner, side];
  }

  /**
   * @param {object} options of `net.trainer`
   * @param {{ info: object, client: object, look: Function }} net `look(frame source, asked, signal)` is answered by the
   *   network's worker
   */
  static async open(options, net) {
    const { classes = [], task = "softmax", endpoint = "global_pool", store, seed = 1 } = options;
    if (!TASKS.includes(task)) {
      throw bad("task", TASKS.join(", "), task);
    }
    if (!Array.isArray(classes)) {
      throw bad("classes", "an array of names", classes);
    }
    classes.forEach((name, index) => checkName(name, classes.slice(0, index)));
    if (store !== undefined && (typeof store !== "string" || store === "")) {
      throw bad("store", "a name", store);
    }
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw bad("seed", "a whole number, 0 or more", seed);
    }
    const dataset = await Dataset.open({ classes, store });
    const learner = new Learner(net, dataset, { task, endpoint, seed });
    const side = Math.ceil(KEPT_SIDE * Math.max(net.info.inputHeight, net.info.inputWidth));
    return new Trainer(KEY, { task, dataset, learner, side });
  }

  get classes() {
    return this.#dataset.classes;
  }

  get task() {
    return this.#task;
  }

  get samples() {
    return this.#dataset.samples;
  }

  get storeError() {
    return this.#dataset.storeError;
  }

  get isTrained() {
    return this.#learner.isTrained;
  }

  async addClass(name) {
    checkName(name, this.classes);
    await this.#dataset.setClasses([...this.classes, name]);
  }

  async renameClass(from, to) {
    this.#known(from);
    checkName(to, this.classes);
    const ids = this.#idsOf(from);
    await this.#dataset.setClasses(this.classes.map((name) => (name === from ? to : name)));
    await this.#dataset.relabel(ids, { label: to });
  }

  async removeClass(name) {
    this.#known(name);
    const ids = this.#idsOf(name);
    await this.#dataset.setClasses(this.classes.filter((each) => each !== name));
    await this.#remove(ids);
  }

  async add(source, label, options = {}) {
    return this.#stored([await this.#take(source, label, options)])[0];
  }

  async #take(source, label, { values, burst, origin, signal }) {
    const said = this.#said(label, values);
    if (signal?.aborted) {
      throw aborted("Trainer.add", signal);
    }
    if (source instanceof Blob) {
      const path = origin ?? source.name ?? "picture file";
      (await decoded(source, path)).close();
      return this.#dataset.add(source, { ...said, burst, origin: path });
    }
    const picture = await this.#learner.encode(source, this.#side, signal);
    return this.#dataset.add(picture, { ...said, burst, origin: origin ?? "camera" });
  }

  /** The samples, unless one of them should be in the store and is not. */
  #stored(samples) {
    if (this.#dataset.storeError && samples.some(({ stored }) => !stored)) {
      throw this.#dataset.storeError;
    }
    return samples;
  }

  burst() {
    return newNumber();
  }

  async capture(video, label, { signal, fps = BURST_FPS, onSample } = {}) {
    if (!(signal instanceof AbortSignal)) {
      throw bad("signal", "an AbortSignal, which ends the burst", signal);
    }
    this.#said(label);
    const burst = this.burst();
    const samples = [];
    const take = async (frame, stop) => {
      const sample = await this.#take(frame, label, { burst, signal: stop });
      samples.push(sample);
      onSample?.(sample);
    };
    const frames = stream(video, take, { maxFps: fps, signal });
    while (!(await frames.next()).done) {
      // `take` has done it.
    }
    return this.#stored(samples).length;
  }

  async addFolder(files, { labelOf = folderOf, ...options } = {}) {
    // Before anything is awaited: what was dropped is gone after its event.
    const reading = treeOf(files);
    const entries = (await reading).map((entry) => ({ ...entry, label: labelOf(entry.path), origin: entry.path }));
    return this.#takeIn(entries, options);
  }

  async addUrls(urls, label, options = {}) {
    this.#said(label);
    const open = (path) => () => fetchPicture(path, options.signal);
    const entries = Array.from(urls, (url) => new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href);
    return this.#takeIn(entries.map((path) => ({ path, open: open(path), label, origin: path })), options);
  }

  async importZip(zip, options = {}) {
    const { classes, entries } = await readArchive(zip);
    await this.#welcome(classes);
    return this.#takeIn(entries, options);
  }

  /** Classes that are new, behind those that are there. */
  async #welcome(names) {
    const fresh = [...new Set(names)].filter((name) => !this.classes.includes(name));
    if (fresh.length > 0) {
      await this.#dataset.setClasses([...this.classes, ...fresh]);
    }
  }

  async #takeIn(entries, { signal, onProgress }) {
    let unstored = 0;
    const keep = async ({ path, label, values, burst, origin, added_ms }, picture) => {
      if (label === null && values === undefined && this.#task !== "sigmoid") {
        const remedy = "Use add() for single pictures.";
        throw failure("bad_option", { where: path, expected: "a folder that names its class", found: "none", remedy });
      }
      // Nothing is awaited before it is in the list: pictures keep their order.
      const welcomed = this.#welcome(label === null ? [] : [label]);
      const said = { ...this.#said(label, values), burst, origin, added_ms };
      const [{ stored }] = await Promise.all([this.#dataset.add(picture, said), welcomed]);
      unstored += this.#dataset.store && !stored ? 1 : 0;
    };
    return { ...(await takeIn(entries, keep, { signal, onProgress })), unstored };
  }

  async remove(id) {
    this.#dataset.sample(id);
    await this.#remove([id]);
  }

  async #remove(ids) {
    this.#learner.forget(ids);
    await this.#dataset.remove(ids);
  }

  async relabel(id, label, { values } = {}) {
    this.#dataset.sample(id);
    await this.#dataset.relabel([id], this.#said(label, values));
  }

  async picture(id) {
    return this.#dataset.picture(id);
  }

  async exportZip({ signal } = {}) {
    return this.#dataset.exportZip(this.#task, signal);
  }

  async persist() {
    await this.#dataset.persist();
  }

  async preview(id, augment, { count = 9 } = {}) {
    return this.#learner.preview(id, augment, count);
  }

  async prepare() {
    await this.#learner.prepare();
  }

  async fit(options = {}) {
    return this.#learner.fit(options);
  }

  async evaluate(options = {}) {
    return this.#learner.evaluate(options);
  }

  async findings() {
    return this.#learner.findings();
  }

  async predict(source, options = {}) {
    return this.#learner.predict(source, options);
  }

  async heatMap(source, options = {}) {
    return this.#learner.heatMap(source, options);
  }

  async save(options = {}) {
    return this.#learner.save(options);
  }

  async load(head) {
    const classes = await this.#learner.load(head);
    const labels = this.samples.map(({ label }) => label).filter((label) => label !== null);
    await this.#dataset.setClasses([...new Set([...classes, ...labels])]);
  }

  dispose() {
    this.#learner.end();
    this.#dataset.close();
  }

  async [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    this.dispose();
  }

  #idsOf(label) {
    return this.samples.filter((sample) => sample.label === label).map(({ id }) => id);
  }

  #known(name) {
    if (!this.classes.includes(name)) {
      throw failure("bad_option", {
        where: "option label",
        expected: `one of the classes (${this.classes.join(", ") || "there are none"})`,
        found: JSON.stringify(name) ?? "undefined",
        remedy: "Add it first: addClass(name).",
      });
    }
    return name;
  }

  /** What a picture is taken for: its class; of a regression numbers, of `"sigmoid"` 0 or 1 for each class. */
  #said(label, values) {
    if (this.#task === "regression" || (this.#task === "sigmoid" && values !== undefined)) {
      const isFit = (value) => (this.#task === "regression" ? Number.isFinite(value) : value === 0 || value === 1);
      if (!Array.isArray(values) || values.length !== this.classes.length || !values.every(isFit)) {
        const each = this.#task === "regression" ? "a number" : "0 or 1";
        throw bad("values", `${each} for each of ${this.classes.length} names`, values);
      }
      return { label: null, values };
    }
    if (values !== undefined) {
      throw bad("values", `nothing with task "${this.#task}"`, values);
    }
    if (label === null && this.#task === "sigmoid") {
      return { label, values: this.classes.map(() => 0) };
    }
    return { label: this.#known(label) };
  }
}

function checkName(name, others) {
  if (typeof name !== "string" || name.trim() === "") {
    throw bad("class name", "a text that is not empty", name);
  }
  if (others.includes(name)) {
    throw bad("class name", "a name that no other class has", name);
  }
}

function bad(option, expected, found) {
  return failure("bad_option", { where: `option ${option}`, expected, found: JSON.stringify(found) ?? String(found) });
}
