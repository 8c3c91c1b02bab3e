/** The page's half of learning: pictures go to the network's worker one by one, and what it says comes back. */

import { ahead } from "./ahead.js";
import { isSame } from "./backbone.js";
import { newNumber } from "./dataset.js";
import { failure, within } from "./errors.js";
import { AT_ONCE, fit, numbered, targetsOf, weightsOf } from "./fitting.js";
import { decoded } from "./folders.js";

/** Vectors that go to the store, or come from it, at a time: half a megabyte or so. */
const VECTORS_AT_ONCE = 100;
/** Longer names of files are cut. */
const MAX_NAME = 40;

const PARTS = ["train", "validation", "test"];

/** Between a trainer and the worker's `teaching.js`. */
export class Learner {
  #net;
  #dataset;
  #said;
  #about;
  #backbone = null;
  #fitting = false;
  /** What predicts: `{ classes, metrics, threshold, tuned }`. */
  #head = null;
  /** What each picture was there for in the last `fit`, by id. */
  #parts = new Map();

  /**
   * @param {{ info: object, client: object, look: Function }} net as of `Trainer.open`
   * @param {Dataset} dataset
   * @param {{ task: string, endpoint: string, seed: number }} options
   */
  constructor(net, dataset, { task, endpoint, seed }) {
    this.#net = net;
    this.#dataset = dataset;
    const { endpoints, inputWidth, inputHeight, preprocessing, version, multiplier } = net.info;
    // The worker keeps what belongs to this trainer under its number.
    this.#said = { trainer: newNumber(), task, endpoint, seed };
    const backbone = `${version} ${Number(multiplier.toPrecision(6))} ${inputWidth}×${inputHeight}`;
    this.#about = { endpoints, inputWidth, inputHeight, preprocessing, backbone };
  }

  get isTrained() {
    return this.#head !== null;
  }

  /** Asks the worker something that needs no frame, or has one already. */
  ask(op, asked = {}, { signal, frame, transfer = [] } = {}) {
    const message = { type: "train", frame, options: { ...this.#said, op, ...asked } };
    return this.#net.client.call(message, { where: "Trainer", transfer, signal });
  }

  /** Asks the worker about a frame, which is taken now. */
  async #look(source, op, asked, signal) {
    return this.#net.look(source, { ...this.#said, op, ...asked }, signal);
  }

  /** A frame as a compressed picture, its shorter side no longer than that. */
  async encode(source, side, signal) {
    return this.#look(source, "encode", { side }, signal);
  }

  /** What tells the network, asked once. */
  async #opened() {
    this.#backbone ??= this.ask("open", this.#about);
    try {
      return await this.#backbone;
    } catch (error) {
      this.#backbone = null;
      throw error;
    }
  }

  /** Everything that is fetched and asked once. */
  async prepare() {
    await this.#opened();
  }

  /** Asks about a picture of the dataset. */
  async see(op, id, asked, signal) {
    const { origin } = this.#dataset.sample(id);
    const frame = await decoded(await this.#dataset.picture(id), origin);
    try {
      return await this.ask(op, { id, ...asked }, { signal, frame, transfer: [frame] });
    } catch (error) {
      throw error.code === "not_finite" ? within(origin, error) : error;
    }
  }

  /** Sees to it that the worker has the vectors of these pictures: the network's own, or those of the one that was tuned. */
  async haveSeen(ids, { signal, onProgress, tuned = false } = {}) {
    const { fingerprint } = await this.#opened();
    let missing = await this.ask("missing", { ids, tuned }, { signal });
    missing = tuned ? missing : await this.#recall(missing, fingerprint, signal);
    let done = ids.length - missing.length;
    const tell = () => onProgress?.({ phase: "features", done, total: ids.length });
    tell();
    let fresh = [];
    const keep = async () => {
      const pairs = fresh;
      fresh = [];
      await this.#dataset.store?.keepVectors(pairs).catch(() => {}); // They can be had again.
    };
    try {
      const look = async (id) => [id, await this.see("see", id, { tuned }, signal)];
      for await (const pair of ahead(missing, look, AT_ONCE)) {
        if (!tuned && this.#dataset.isStored(pair[0])) {
          fresh.push(pair);
        }
        if (fresh.length === VECTORS_AT_ONCE) {
          await keep();
        }
        done += 1;
        tell();
      }
    } finally {
      await keep();
    }
  }

  /** Gives the worker the vectors that the store has of these pictures, and says which it has not. */
  async #recall(ids, fingerprint, signal) {
    const { store } = this.#dataset;
    const { endpoint } = this.#said;
    if (!store || ids.length === 0) {
      return ids;
    }
    try {
      const kept = await store.backbone();
      if (kept?.endpoint !== endpoint || !isSame(fingerprint, kept.fingerprint)) {
        await store.rebase({ endpoint, fingerprint });
        return ids;
      }
    } catch {
      return ids; // A store that is full, or gone: vectors can be had again.
    }
    const left = [];
    for (let at = 0; at < ids.length; at += VECTORS_AT_ONCE) {
      const some = ids.slice(at, at + VECTORS_AT_ONCE);
      const vectors = await store.vectors(some);
      left.push(...some.filter((_, index) => !vectors[index]));
      const known = vectors.filter(Boolean);
      const transfer = known.map(({ buffer }) => buffer);
      await this.ask("recall", { ids: some.filter((_, index) => vectors[index]), vectors: known }, { signal, transfer });
    }
    return left;
  }

  async fit(options) {
    if (this.#fitting) {
      const remedy = "Await it, or end it by its signal.";
      throw failure("busy", { where: "Trainer.fit", expected: "one fit() at a time", found: "another one", remedy });
    }
    this.#fitting = true;
    try {
      const classes = [...this.#dataset.classes];
      const samples = this.#dataset.samples.slice();
      const use = ({ parts, metrics, threshold, tuned = false }) => {
        this.#parts = new Map(samples.map(({ id }, row) => [id, PARTS[parts[row]]]));
        this.#head = { classes, metrics, threshold, tuned };
      };
      return await fit(this, { task: this.#said.task, classes, samples, options, use });
    } finally {
      this.#fitting = false;
    }
  }

  /** The head that predicts. */
  #trained(where) {
    if (!this.#head) {
      throw failure("not_trained", { where, expected: "a head", found: "none", remedy: "Call fit() or load() first." });
    }
    return this.#head;
  }

  async evaluate({ on = [...this.#parts.values()].includes("validation") ? "validation" : "all" } = {}) {
    const { classes, tuned } = this.#trained("Trainer.evaluate");
    if (on !== "all" && !PARTS.includes(on)) {
      throw failure("bad_option", { where: "option on", expected: [...PARTS, "all"].join(", "), found: String(on) });
    }
    const samples = this.#known(classes).filter(({ id }) => on === "all" || this.#parts.get(id) === on);
    if (samples.length === 0) {
      const remedy = "Hold some out by `split`, or evaluate on another part.";
      throw failure("too_few_samples", { where: "Trainer.evaluate", expected: `pictures for "${on}"`, found: "none", remedy });
    }
    const ids = samples.map(({ id }) => id);
    await this.haveSeen(ids, { tuned });
    const found = await this.ask("evaluate", { ids, targets: samples.map((sample) => targetsOf(sample, this.#said.task, classes)) });
    const { cells, perClass, ...numbers } = found;
    const answers = answersOf(this.#said.task, classes);
    return {
      on,
      ...numbers,
      classes: answers,
      cells: cells.map((row) => row.map((cell) => cell.map((index) => ids[index]))),
      perClass: perClass.map(({ samples: pictures, ...rates }, index) => ({ name: answers[index], ...rates, pictures })),
    };
  }

  /** Pictures of classes that the head knows. */
  #known(classes) {
    return this.#dataset.samples.filter(({ label }) => label === null || classes.includes(label));
  }

  async findings() {
    const { classes, tuned } = this.#trained("Trainer.findings");
    const samples = this.#known(classes);
    const ids = samples.map(({ id }) => id);
    await this.haveSeen(ids, { tuned });
    const targets = samples.map((sample) => targetsOf(sample, this.#said.task, classes));
    const answers = answersOf(this.#said.task, classes);
    const bursts = numbered(samples.map(({ burst }) => burst));
    let found = await this.ask("search", { ids, targets, bursts });
    while (!found.mislabelled) {
      found = await this.ask("searchOn");
    }
    return {
      mislabelled: found.mislabelled.map(({ row, label, looksLike, suspicion }) => ({
        id: ids[row],
        label: answers[label],
        looksLike: answers[looksLike],
        suspicion,
      })),
      duplicates: found.duplicates.map(({ rows, similarity }) => ({ ids: rows.map((row) => ids[row]), similarity })),
    };
  }

  async predict(source, { signal } = {}) {
    const { classes, threshold } = this.#trained("Trainer.predict");
    await this.#opened();
    const { values, ms } = await this.#look(source, "predict", {}, signal);
    const labels = values.map((probability, index) => ({ index, name: classes[index], probability }));
    if (this.#said.task !== "regression") {
      labels.sort((a, b) => b.probability - a.probability);
    }
    return { labels, unknown: threshold !== null && labels[0].probability < threshold, threshold, ms };
  }

  async heatMap(source, { label, of = "head", weights, signal } = {}) {
    const output = this.#outputOf(of, label);
    const again = { weights: await weightsOf(weights) };
    await this.#opened();
    const { output: index, ...map } = await this.#look(source, "heat", { output, of, ...again }, signal);
    return { ...map, index, label: of === "head" ? this.#head.classes[index] : null };
  }

  /** Which output a label is; null for the most probable. */
  #outputOf(of, label) {
    if (of !== "head" && of !== "network") {
      throw failure("bad_option", { where: "option of", expected: '"head" or "network"', found: String(of) });
    }
    const classes = of === "head" ? this.#trained("Trainer.heatMap").classes : Array(this.#net.info.classes);
    if (label === undefined) {
      return null;
    }
    const output = typeof label === "number" ? label : classes.indexOf(label);
    if (!(Number.isInteger(output) && output >= 0 && output < classes.length)) {
      const expected = of === "head" ? `one of ${classes.join(", ")}` : `the index of one of the network's ${classes.length} classes`;
      throw failure("bad_option", { where: "option label", expected, found: String(label) });
    }
    return output;
  }

  async preview(id, augment, count) {
    if (!Number.isInteger(count) || count < 1) {
      throw failure("bad_option", { where: "option count", expected: "a whole number from 1", found: String(count) });
    }
    await this.#opened();
    const draws = await this.see("preview", id, { augment, count });
    return draws.map(({ data, width, height }) => new ImageData(new Uint8ClampedArray(data.buffer), width, height));
  }

  async save({ format = "head", weights } = {}) {
    const { classes, metrics, threshold } = this.#trained("Trainer.save");
    const files = await this.ask("save", { format, classes, metrics, threshold, weights: await weightsOf(weights) });
    const stem = classes.join("-").replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, MAX_NAME) || "head";
    return files.map(({ name, bytes }) => ({ name: name.replace("*", stem), bytes }));
  }

  /** @returns {Promise<string[]>} the head's classes */
  async load(head) {
    const read = async ({ name, file }) => ({ name, bytes: new Uint8Array(await file.arrayBuffer()) });
    const files = await Promise.all(listOf(head).map(read));
    await this.#opened();
    const transfer = files.map(({ bytes }) => bytes.buffer);
    const { classes, threshold, metrics } = await this.ask("load", { files }, { transfer });
    this.#parts = new Map();
    this.#head = { classes, threshold, metrics, tuned: false };
    return classes;
  }

  /** The worker need not keep what belongs to these pictures. */
  forget(ids) {
    if (this.#backbone) {
      this.ask("forget", { ids }).catch(() => {});
    }
  }

  /** Lets go of what the worker keeps. */
  end() {
    if (!this.#net.client.ended) {
      this.ask("end").catch(() => {});
    }
    this.#head = null;
  }
}

/** What a picture can be taken for: its class, or that it is not the only one. */
function answersOf(task, classes) {
  return task === "sigmoid" && classes.length === 1 ? [`not ${classes[0]}`, classes[0]] : classes;
}

/** Files of a head: `{ name, file }`. */
function listOf(head) {
  if (head instanceof Blob) {
    return [{ name: head.name ?? "head", file: head }];
  }
  if (head instanceof ArrayBuffer || ArrayBuffer.isView(head)) {
    return [{ name: "head", file: new Blob([head]) }];
  }
  const files = Array.from(head ?? []);
  if (files.length === 0 || !files.every((file) => file instanceof Blob)) {
    const expected = "a file that save() wrote, its bytes, or a list of Files";
    throw failure("bad_option", { where: "Trainer.load", expected, found: String(head) });
  }
  return files.map((file) => ({ name: file.name, file }));
}
